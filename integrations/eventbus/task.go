package eventbus

import (
	"encoding/json"
	"strings"

	"millrace/engine"
	"millrace/tasks"
)

// Register makes the service's resources known: events:putEvents and aws-sdk:eventbridge.
func (s *Service) Register(g *tasks.Registry) {
	// The optimised integration does more than the operation, so it is a service of
	// its own; the second Add takes the aws-sdk ARNs back.
	optimised := *s.service
	optimised.Operations = []tasks.Operation{{Name: "PutEvents", Write: s.putOptimised, Keys: entryKeys, Texts: []string{"Entries.Detail"}}}
	optimised.Optimised = []string{"PutEvents"}
	g.Add(&optimised)
	g.Add(s.service)
}

// failedEntry is the error of a task whose entries were not all put.
const failedEntry = "EventBridge.FailedEntry"

// putOptimised is events:putEvents. Events have the execution and its state
// machine among their resources, and an entry that fails fails the task. Unlike
// EventBridge, a task that fails has put none of its entries.
func (s *Service) putOptimised(tx engine.Tx, c tasks.Caller, in json.RawMessage) (any, error) {
	events, out, err := readEntries(in)
	if err != nil {
		return nil, err
	}
	if out.Failed > 0 {
		for i := range out.Entries {
			if out.Entries[i].Code == "" {
				out.Entries[i] = entryAnswer{Code: "InternalFailure", Message: "The entry was not put because others failed."}
			}
		}
		out.Failed = len(out.Entries)
		// Members are in alphabetical order, as in the optimised integration's results.
		cause, err := tasks.Encode(struct {
			Entries []entryAnswer `json:"Entries"`
			Failed  int           `json:"FailedEntryCount"`
		}{out.Entries, out.Failed}, tasks.Form{})
		if err != nil {
			return nil, err
		}
		return nil, &tasks.Failure{Name: failedEntry, Cause: string(cause)}
	}
	if c.ExecutionARN != "" {
		for i := range events {
			events[i].Resources = append(events[i].Resources, c.ExecutionARN, machineARN(c.ExecutionARN))
		}
	}
	return out, s.put(tx, events, out)
}

// machineARN is the ARN of an execution's state machine.
func machineARN(execution string) string {
	arn := strings.Replace(execution, ":execution:", ":stateMachine:", 1)
	arn = strings.Replace(arn, ":express:", ":stateMachine:", 1)
	parts := strings.SplitN(arn, ":", 8)
	return strings.Join(parts[:min(7, len(parts))], ":")
}
