package tasks

import (
	"context"
	"encoding/json"
	"time"

	"millrace/engine"
	"millrace/engine/interp"
)

// API is the Step Functions API as its front door answers it.
type API interface {
	// Operations lists the operations' names.
	Operations() []string
	// Answer answers a call. Errors for the caller are *Error.
	Answer(ctx context.Context, operation string, input []byte) ([]byte, error)
}

// StatesConfig says what the resources of Step Functions itself lead to.
type StatesConfig struct {
	// Fault turns an error of Tx.Start into one for the caller. It returns nil
	// for a failure of the server.
	Fault func(err error) *Error
	// API answers arn:aws:states:::aws-sdk:sfn but for StartExecution, which
	// commits with the task that calls it. nil: nothing else is answered.
	API API
}

// AddStates registers states:startExecution, with .sync, .sync:2 and
// .waitForTaskToken, and the aws-sdk integration of Step Functions.
func (g *Registry) AddStates(c StatesConfig) {
	st := &states{c}
	start := Operation{Name: "StartExecution", Texts: []string{"input"}, Keys: func(json.RawMessage) []string { return nil },
		Write: func(tx engine.Tx, _ Caller, in json.RawMessage) (any, error) { return st.start(tx, in, nil) }}
	s := &Service{
		Name: "states", SDKService: "sfn", SDKName: "Sfn", Title: "StepFunctions", JavaName: "AWSStepFunctions", Camel: true,
		Operations: []Operation{start}, Optimised: []string{"StartExecution"},
	}
	if c.API != nil {
		for _, name := range c.API.Operations() {
			if name == start.Name {
				continue
			}
			s.Operations = append(s.Operations, Operation{Name: name, Texts: statesTexts[name], Wait: func(ctx context.Context, _ Caller, in json.RawMessage) (any, error) {
				out, err := c.API.Answer(ctx, name, in)
				return json.RawMessage(out), err
			}})
		}
	}
	g.Add(s)
	g.Special("states", "startExecution", func(r Resource) (engine.Task, error) {
		if r.Suffix != Sync && r.Suffix != Sync2 {
			return nil, nil
		}
		return &syncStart{action{&operationRef{s, s.Find("StartExecution")}, g.host, r}, st}, nil
	})
}

// statesTexts are members that are JSON text.
var statesTexts = map[string][]string{
	"StartSyncExecution":             {"input"},
	"SendTaskSuccess":                {"output"},
	"CreateStateMachine":             {"definition"},
	"UpdateStateMachine":             {"definition"},
	"ValidateStateMachineDefinition": {"definition"},
	"TestState":                      {"definition", "input"},
}

type states struct{ c StatesConfig }

type started struct {
	ARN  string    `json:"executionArn"`
	Date time.Time `json:"startDate"`
}

// start starts an execution; parent waits for its end.
func (s *states) start(tx engine.Tx, in json.RawMessage, parent *engine.Parent) (any, error) {
	var req struct {
		Machine     string  `json:"stateMachineArn"`
		Name        string  `json:"name"`
		Input       *string `json:"input"`
		TraceHeader string  `json:"traceHeader"`
	}
	if err := Decode(in, &req); err != nil {
		return nil, err
	}
	if req.Machine == "" {
		return nil, Errorf("ValidationException", "1 validation error detected: Value null at 'stateMachineArn' failed to satisfy constraint: Member must not be null")
	}
	x := engine.StartInput{MachineARN: req.Machine, Name: req.Name, TraceHeader: req.TraceHeader, Parent: parent}
	if req.Input != nil {
		x.Input = []byte(*req.Input)
	}
	out, err := tx.Start(x)
	if err == nil && out.Existing && parent != nil {
		// Nobody would tell this parent of the execution's end.
		err = &engine.Fault{Kind: engine.ErrExecutionExists, Detail: out.ARN}
	}
	if err == nil {
		return started{out.ARN, out.Started}, nil
	}
	if e := s.c.Fault(err); e != nil && e.Status < 500 {
		return nil, e
	}
	return nil, err
}

// syncStart is states:startExecution.sync and .sync:2. Its own outcome is the
// start's answer; the end of the execution answers the task.
type syncStart struct {
	action
	states *states
}

func (a *syncStart) Savepoint() bool { return false }

func (a *syncStart) Keys(engine.Call) []string { return nil }

func (a *syncStart) Run(tx engine.Tx, c engine.Call) (interp.Outcome, error) {
	in, err := a.input(c)
	if err != nil {
		return a.failed(c, err)
	}
	out, err := a.states.start(tx, in, &engine.Parent{Execution: c.Execution, Event: c.Event, Parse: a.resource.Suffix == Sync2})
	return a.outcome(c, tx.Now(), out, err)
}
