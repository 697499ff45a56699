package stepfunctions

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	"millrace/engine"
	"millrace/engine/interp"
)

type executionARN struct {
	ARN      string `json:"executionArn"`
	Included string `json:"includedData"`
}

type startExecutionInput struct {
	Machine     string  `json:"stateMachineArn"`
	Name        string  `json:"name"`
	Input       *string `json:"input"`
	TraceHeader string  `json:"traceHeader"`
	Included    string  `json:"includedData"`
}

// start checks an input and makes the engine's of it.
func (in *startExecutionInput) start() (x engine.StartInput, err error) {
	if err := checkMachine(in.Machine); err != nil {
		return x, err
	}
	if err := checkName(in.Name); err != nil {
		return x, err
	}
	x = engine.StartInput{MachineARN: in.Machine, Name: in.Name, TraceHeader: in.TraceHeader}
	if in.Input != nil {
		if why := jsonFault(*in.Input); why != "" {
			return x, fault("InvalidExecutionInput", "Invalid State Machine Execution Input: '%s'", why)
		}
		x.Input = []byte(*in.Input)
	}
	return x, nil
}

// execution is the ARN of the execution that is asked for.
func (in *startExecutionInput) execution() string {
	parts := strings.Split(in.Machine, ":") // arn:aws:states:region:account:stateMachine:name, and a version or alias
	return strings.Join(parts[:5], ":") + ":execution:" + parts[6] + ":" + in.Name
}

func (s *Service) startExecution(ctx context.Context, in *startExecutionInput) (any, error) {
	x, err := in.start()
	if err != nil {
		return nil, err
	}
	started, err := s.engine.StartExecution(ctx, x)
	if errors.Is(err, engine.ErrExecutionExists) {
		return nil, translated(err, in.execution())
	}
	if err != nil {
		return nil, translated(err, in.Machine)
	}
	return struct {
		ARN     string `json:"executionArn"`
		Started stamp  `json:"startDate"`
	}{started.ARN, stamp(started.Started)}, nil
}

// included is inputDetails and outputDetails of a described execution.
type included struct {
	Included bool `json:"included"`
}

// payloads are the documents of an execution, left out with METADATA_ONLY.
type payloads struct {
	Input         *string   `json:"input,omitempty"`
	InputDetails  *included `json:"inputDetails,omitempty"`
	Output        *string   `json:"output,omitempty"`
	OutputDetails *included `json:"outputDetails,omitempty"`
	Error         *string   `json:"error,omitempty"`
	Cause         *string   `json:"cause,omitempty"`
}

func payloadsOf(x engine.ExecutionInfo, what string) payloads {
	if what == "METADATA_ONLY" {
		p := payloads{InputDetails: &included{}}
		if x.Output != nil {
			p.OutputDetails = &included{}
		}
		return p
	}
	input := string(x.Input)
	p := payloads{Input: &input, InputDetails: &included{true}, Error: x.Error, Cause: x.Cause}
	if x.Output != nil {
		output := string(x.Output)
		p.Output, p.OutputDetails = &output, &included{true}
	}
	return p
}

func (s *Service) startSyncExecution(ctx context.Context, in *startExecutionInput) (any, error) {
	x, err := in.start()
	if err != nil {
		return nil, err
	}
	done, bill, err := s.engine.StartSyncExecution(ctx, x)
	if err != nil {
		return nil, translated(err, in.Machine)
	}
	type billing struct {
		Memory   int   `json:"billedMemoryUsedInMB"`
		Duration int64 `json:"billedDurationInMilliseconds"`
	}
	return struct {
		ARN     string  `json:"executionArn"`
		Machine string  `json:"stateMachineArn"`
		Name    string  `json:"name"`
		Status  string  `json:"status"`
		Started stamp   `json:"startDate"`
		Stopped stamp   `json:"stopDate"`
		Billing billing `json:"billingDetails"`
		Trace   string  `json:"traceHeader,omitempty"`
		payloads
	}{done.ARN, done.MachineARN, done.Name, string(done.Status), stamp(done.Started), stamp(done.Stopped),
		billing{bill.MemoryMB, bill.Duration.Milliseconds()}, done.TraceHeader, payloadsOf(done, in.Included)}, nil
}

type stopExecutionInput struct {
	ARN   string  `json:"executionArn"`
	Error *string `json:"error"`
	Cause *string `json:"cause"`
}

func (s *Service) stopExecution(ctx context.Context, in *stopExecutionInput) (any, error) {
	if err := checkExecution(in.ARN); err != nil {
		return nil, err
	}
	stopped, err := s.engine.StopExecution(ctx, in.ARN, in.Error, in.Cause)
	if err != nil {
		return nil, translated(err, in.ARN)
	}
	return struct {
		Stopped stamp `json:"stopDate"`
	}{stamp(stopped)}, nil
}

func (s *Service) describeExecution(ctx context.Context, in *executionARN) (any, error) {
	if err := checkExecution(in.ARN); err != nil {
		return nil, err
	}
	x, err := s.engine.DescribeExecution(ctx, in.ARN)
	if err != nil {
		return nil, translated(err, in.ARN)
	}
	status, reason := redrive(x)
	return struct {
		executionItem
		payloads
		Trace         string `json:"traceHeader,omitempty"`
		RedriveStatus string `json:"redriveStatus"`
		RedriveReason string `json:"redriveStatusReason,omitempty"`
	}{itemOf(x), payloadsOf(x, in.Included), x.TraceHeader, status, reason}, nil
}

// redrive tells whether an execution could be redriven, and why not.
func redrive(x engine.ExecutionInfo) (status, reason string) {
	switch x.Status {
	case interp.Failed, interp.TimedOut, interp.Aborted:
		if x.MapRunARN != "" {
			return "REDRIVABLE_BY_MAP_RUN", ""
		}
		return "REDRIVABLE", ""
	}
	return "NOT_REDRIVABLE", "Execution is " + string(x.Status) + " and cannot be redriven"
}

// executionItem is what lists and descriptions of executions share.
type executionItem struct {
	ARN      string `json:"executionArn"`
	Machine  string `json:"stateMachineArn"`
	Name     string `json:"name"`
	Status   string `json:"status"`
	Started  stamp  `json:"startDate"`
	Stopped  *stamp `json:"stopDate,omitempty"`
	Redrives int    `json:"redriveCount"`
	Version  string `json:"stateMachineVersionArn,omitempty"`
	Alias    string `json:"stateMachineAliasArn,omitempty"`
	MapRun   string `json:"mapRunArn,omitempty"`
}

func itemOf(x engine.ExecutionInfo) executionItem {
	return executionItem{x.ARN, x.MachineARN, x.Name, string(x.Status), stamp(x.Started), when(x.Stopped), x.RedriveCount, x.VersionARN, x.AliasARN, x.MapRunARN}
}

type listExecutionsInput struct {
	Machine string `json:"stateMachineArn"`
	MapRun  string `json:"mapRunArn"`
	Status  string `json:"statusFilter"`
	Redrive string `json:"redriveFilter"`
	pages
}

func (s *Service) listExecutions(ctx context.Context, in *listExecutionsInput) (any, error) {
	switch {
	case in.Machine == "" && in.MapRun == "":
		return nil, fault("ValidationException", "Either a stateMachineArn or a mapRunArn must be specified")
	case in.Machine != "" && in.MapRun != "":
		return nil, fault("ValidationException", "Only one of stateMachineArn and mapRunArn may be specified")
	case in.MapRun != "":
		if err := checkMapRun(in.MapRun); err != nil {
			return nil, err
		}
	default:
		if err := checkMachine(in.Machine); err != nil {
			return nil, err
		}
	}
	filter := engine.ListFilter{MachineARN: in.Machine, MapRunARN: in.MapRun, Status: interp.Status(in.Status)}
	executions, next, err := s.engine.ListExecutions(ctx, filter, engine.Page{Max: in.MaxResults, Token: in.NextToken})
	if err != nil {
		return nil, translated(err, in.Machine+in.MapRun)
	}
	items := make([]executionItem, len(executions))
	for i, x := range executions {
		items[i] = itemOf(x)
	}
	return struct {
		Executions []executionItem `json:"executions"`
		Next       string          `json:"nextToken,omitempty"`
	}{items, next}, nil
}

type getExecutionHistoryInput struct {
	ARN     string `json:"executionArn"`
	Reverse bool   `json:"reverseOrder"`
	Data    *bool  `json:"includeExecutionData"`
	pages
}

func (s *Service) getExecutionHistory(ctx context.Context, in *getExecutionHistoryInput) (any, error) {
	if err := checkExecution(in.ARN); err != nil {
		return nil, err
	}
	events, next, err := s.engine.History(ctx, in.ARN, engine.Page{Max: in.MaxResults, Token: in.NextToken, Reverse: in.Reverse})
	if err != nil {
		return nil, translated(err, in.ARN)
	}
	b := []byte(`{"events":[`)
	for i := range events {
		if i > 0 {
			b = append(b, ',')
		}
		b = events[i].AppendJSON(b, in.Data == nil || *in.Data)
	}
	b = append(b, ']')
	if next != "" {
		b = append(b, `,"nextToken":`...)
		b = append(b, mustJSON(next)...)
	}
	return json.RawMessage(append(b, '}')), nil
}
