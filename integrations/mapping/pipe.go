package mapping

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"millrace/engine"
	"millrace/integrations/wire"
	"millrace/tasks"
)

// pipeService is EventBridge Pipes as operations.
func (s *Service) pipeService() *tasks.Service {
	keys := func(json.RawMessage) []string { return []string{"mapping"} }
	write := func(name string, f func(engine.Tx, tasks.Caller, json.RawMessage) (any, error)) tasks.Operation {
		return tasks.Operation{Name: name, Write: f, Keys: keys}
	}
	return &tasks.Service{
		Name: "pipes", SDKName: "Pipes", Title: "Pipes", JavaName: "AmazonPipes",
		Operations: []tasks.Operation{
			write("CreatePipe", s.createPipe),
			write("UpdatePipe", s.updatePipe),
			write("DeletePipe", s.deletePipe),
			write("StartPipe", func(tx engine.Tx, _ tasks.Caller, in json.RawMessage) (any, error) { return s.switchPipe(tx, in, true) }),
			write("StopPipe", func(tx engine.Tx, _ tasks.Caller, in json.RawMessage) (any, error) {
				return s.switchPipe(tx, in, false)
			}),
			{Name: "DescribePipe", Read: s.describePipe},
			{Name: "ListPipes", Read: s.listPipes},
		},
	}
}

// Front serves Pipes.
func (s *Service) Front() wire.Front {
	const path = "/v1/pipes"
	routes := []wire.Route{
		{Method: http.MethodPost, Path: path + "/{Name}", Operation: "CreatePipe"},
		{Method: http.MethodPut, Path: path + "/{Name}", Operation: "UpdatePipe"},
		{Method: http.MethodDelete, Path: path + "/{Name}", Operation: "DeletePipe"},
		{Method: http.MethodGet, Path: path + "/{Name}", Operation: "DescribePipe"},
		{Method: http.MethodPost, Path: path + "/{Name}/start", Operation: "StartPipe"},
		{Method: http.MethodPost, Path: path + "/{Name}/stop", Operation: "StopPipe"},
		{Method: http.MethodGet, Path: path, Operation: "ListPipes", Query: map[string]string{
			"NamePrefix": "NamePrefix", "SourcePrefix": "SourcePrefix", "TargetPrefix": "TargetPrefix", "DesiredState": "DesiredState",
			"CurrentState": "CurrentState", "NextToken": "NextToken", "Limit": "Limit#",
		}},
	}
	return wire.Front{
		Service: "pipes", Scopes: []string{"pipes"}, PathPrefixes: []string{path},
		Handler: wire.REST(s.host, s.pipes, routes, wire.RESTOptions{Log: s.c.Log}),
	}
}

func (s *Service) pipeARN(name string) string {
	return "arn:aws:pipes:" + s.host.Region() + ":" + s.host.Account() + ":pipe/" + name
}

// pipeInput is the input of CreatePipe and UpdatePipe.
type pipeInput struct {
	Name        string          `json:"Name"`
	Description *string         `json:"Description"`
	Desired     string          `json:"DesiredState"`
	Source      string          `json:"Source"`
	Target      string          `json:"Target"`
	Role        string          `json:"RoleArn"`
	Enrichment  string          `json:"Enrichment"`
	SourceGiven json.RawMessage `json:"SourceParameters"`
	TargetGiven json.RawMessage `json:"TargetParameters"`
}

type sourceParameters struct {
	Filter *filterCriteria  `json:"FilterCriteria"`
	Queue  *batchParameters `json:"SqsQueueParameters"`
	Stream *batchParameters `json:"DynamoDBStreamParameters"`
}

type batchParameters struct {
	Batch    *int   `json:"BatchSize"`
	Window   *int   `json:"MaximumBatchingWindowInSeconds"`
	MaxAge   *int   `json:"MaximumRecordAgeInSeconds"`
	Retries  *int   `json:"MaximumRetryAttempts"`
	Parallel *int   `json:"ParallelizationFactor"`
	Starting string `json:"StartingPosition"`
	Partial  string `json:"OnPartialBatchItemFailure"`
}

type targetParameters struct {
	Template string `json:"InputTemplate"`
	Machine  *struct {
		Invocation string `json:"InvocationType"`
	} `json:"StepFunctionStateMachineParameters"`
	Function *struct {
		Invocation string `json:"InvocationType"`
	} `json:"LambdaFunctionParameters"`
}

func badPipe(member, reason string) error {
	return tasks.Errorf("ValidationException", "%s %s.", member, reason)
}

// into changes a pipe as an input says.
func (in *pipeInput) into(m *mapping, kind sourceKind) error {
	st := &m.settings
	if len(in.SourceGiven) > 0 {
		var p sourceParameters
		if err := tasks.Decode(in.SourceGiven, &p); err != nil {
			return err
		}
		b := p.Queue
		if kind == streamSource {
			b = p.Stream
		}
		if b != nil {
			change := mappingInput{Batch: b.Batch, Window: b.Window, Retries: b.Retries, MaxAge: b.MaxAge, Parallel: b.Parallel}
			change.into(st)
			st.Bisect = b.Partial == "AUTOMATIC_BISECT"
			if b.Starting != "" {
				st.Starting = b.Starting
			}
		}
		st.Filters = p.Filter.patterns()
		st.SourceGiven = in.SourceGiven
	}
	if len(in.TargetGiven) > 0 {
		var p targetParameters
		if err := tasks.Decode(in.TargetGiven, &p); err != nil {
			return err
		}
		st.Template = p.Template
		for _, i := range []*struct {
			Invocation string `json:"InvocationType"`
		}{p.Machine, p.Function} {
			if i == nil {
				continue
			}
			if st.Invocation = i.Invocation; st.Invocation != "" && st.Invocation != "FIRE_AND_FORGET" && st.Invocation != "REQUEST_RESPONSE" {
				return badPipe("InvocationType", "must be REQUEST_RESPONSE or FIRE_AND_FORGET")
			}
		}
		st.TargetGiven = in.TargetGiven
	}
	if in.Description != nil {
		st.Description = *in.Description
	}
	if in.Role != "" {
		st.Role = in.Role
	}
	switch in.Desired {
	case "":
	case "RUNNING", "STOPPED":
		m.enabled = in.Desired == "RUNNING"
	default:
		return badPipe("DesiredState", "must be RUNNING or STOPPED")
	}
	if in.Target != "" {
		m.target = in.Target
	}
	switch {
	case in.Enrichment != "":
		return badPipe("Enrichment", "is not supported here")
	case !isMachine(m.target) && !isFunction(m.target):
		return badPipe("Target", "must be the ARN of a state machine or a function here, "+m.target+" is neither")
	case isMachine(m.target) && st.Invocation == "REQUEST_RESPONSE":
		return badPipe("InvocationType", "must be FIRE_AND_FORGET for state machines here: records are done when their execution has started")
	}
	return st.check(kind, badPipe)
}

func validPipeName(name string) bool {
	return name != "" && len(name) <= 64 && strings.IndexFunc(name, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._-", r))
	}) < 0
}

func (s *Service) createPipe(tx engine.Tx, _ tasks.Caller, in json.RawMessage) (any, error) {
	var req pipeInput
	if err := tasks.Decode(in, &req); err != nil {
		return nil, err
	}
	if !validPipeName(req.Name) {
		return nil, badPipe("Name", "must have 1 to 64 characters out of letters, digits, and . _ -")
	}
	kind := kindOf(req.Source)
	if kind == unknownSource {
		return nil, badPipe("Source", "must be the ARN of a queue or of a table's stream here")
	}
	m := &mapping{id: "pipe/" + req.Name, source: req.Source, settings: defaults(kind, true), enabled: true}
	if err := req.into(m, kind); err != nil {
		return nil, err
	}
	old, err := load(tx, m.id)
	if err != nil {
		return nil, err
	}
	if old != nil {
		return nil, &tasks.Error{Code: "ConflictException", Status: 409, Message: "Pipe " + req.Name + " already exists.",
			Fields: map[string]any{"resourceId": req.Name, "resourceType": "pipe"}}
	}
	if err := s.place(tx, m, kind, badPipe); err != nil {
		return nil, err
	}
	if err := store(tx, m); err != nil {
		return nil, err
	}
	tx.AfterCommit(func() { s.apply(m) })
	return s.pipeState(m, "CREATING"), nil
}

func (s *Service) updatePipe(tx engine.Tx, _ tasks.Caller, in json.RawMessage) (any, error) {
	var req pipeInput
	if err := tasks.Decode(in, &req); err != nil {
		return nil, err
	}
	m, err := findPipe(tx, req.Name)
	if err != nil {
		return nil, err
	}
	if req.Source != "" && req.Source != m.source {
		return nil, badPipe("Source", "of a pipe cannot be changed")
	}
	starting := m.settings.Starting
	if err := req.into(m, kindOf(m.source)); err != nil {
		return nil, err
	}
	m.settings.Starting = starting
	if err := s.change(tx, m); err != nil {
		return nil, err
	}
	return s.pipeState(m, "UPDATING"), nil
}

func (s *Service) switchPipe(tx engine.Tx, in json.RawMessage, on bool) (any, error) {
	m, err := namedPipe(tx, in)
	if err != nil {
		return nil, err
	}
	m.enabled = on
	if err := s.change(tx, m); err != nil {
		return nil, err
	}
	return s.pipeState(m, map[bool]string{true: "STARTING", false: "STOPPING"}[on]), nil
}

func (s *Service) deletePipe(tx engine.Tx, _ tasks.Caller, in json.RawMessage) (any, error) {
	m, err := namedPipe(tx, in)
	if err != nil {
		return nil, err
	}
	if err := remove(tx, m.id); err != nil {
		return nil, err
	}
	tx.AfterCommit(func() { s.drop(m.id) })
	out := s.pipeState(m, "DELETING")
	out.Desired = "DELETED"
	return out, nil
}

func namedPipe(r engine.Reader, in json.RawMessage) (*mapping, error) {
	var req struct {
		Name string `json:"Name"`
	}
	if err := tasks.Decode(in, &req); err != nil {
		return nil, err
	}
	return findPipe(r, req.Name)
}

func findPipe(r engine.Reader, name string) (*mapping, error) {
	m, err := load(r, "pipe/"+name)
	if err == nil && m == nil {
		err = &tasks.Error{Code: "NotFoundException", Status: 404, Message: "Pipe " + name + " does not exist."}
	}
	return m, err
}

// pipeState is what the operations on a pipe answer.
type pipeState struct {
	ARN      string    `json:"Arn"`
	Name     string    `json:"Name"`
	Desired  string    `json:"DesiredState"`
	Current  string    `json:"CurrentState"`
	Created  time.Time `json:"CreationTime"`
	Modified time.Time `json:"LastModifiedTime"`
}

func (s *Service) pipeState(m *mapping, current string) pipeState {
	state := map[bool]string{true: "RUNNING", false: "STOPPED"}[m.enabled]
	if current == "" {
		current = state
	}
	return pipeState{s.pipeARN(m.name()), m.name(), state, current, time.UnixMilli(m.created).UTC(), time.UnixMilli(m.modified).UTC()}
}

func (s *Service) describePipe(_ context.Context, r engine.Reader, _ tasks.Caller, in json.RawMessage) (any, error) {
	m, err := namedPipe(r, in)
	if err != nil {
		return nil, err
	}
	out := struct {
		pipeState
		Description string          `json:"Description,omitempty"`
		Reason      string          `json:"StateReason,omitempty"`
		Source      string          `json:"Source"`
		SourceGiven json.RawMessage `json:"SourceParameters,omitempty"`
		Target      string          `json:"Target"`
		TargetGiven json.RawMessage `json:"TargetParameters,omitempty"`
		Role        string          `json:"RoleArn,omitempty"`
	}{pipeState: s.pipeState(m, ""), Description: m.settings.Description, Source: m.source, SourceGiven: m.settings.SourceGiven,
		Target: m.target, TargetGiven: m.settings.TargetGiven, Role: m.settings.Role}
	if reason := s.result(m.id); strings.HasPrefix(reason, "PROBLEM") {
		out.Reason = reason
	}
	return out, nil
}

func (s *Service) listPipes(_ context.Context, r engine.Reader, _ tasks.Caller, in json.RawMessage) (any, error) {
	var req struct {
		Prefix  string `json:"NamePrefix"`
		Source  string `json:"SourcePrefix"`
		Target  string `json:"TargetPrefix"`
		Desired string `json:"DesiredState"`
		Current string `json:"CurrentState"`
		Token   string `json:"NextToken"`
		Limit   *int   `json:"Limit"`
	}
	if err := tasks.Decode(in, &req); err != nil {
		return nil, err
	}
	most := 100
	if req.Limit != nil {
		if most = *req.Limit; most < 1 || most > 100 {
			return nil, badPipe("Limit", "must be from 1 to 100")
		}
	}
	all, err := mappings(r, `id LIKE 'pipe/%' AND id > ?`, "pipe/"+req.Token)
	if err != nil {
		return nil, err
	}
	type item struct {
		pipeState
		Source string `json:"Source"`
		Target string `json:"Target"`
	}
	out := struct {
		Pipes []item `json:"Pipes"`
		Next  string `json:"NextToken,omitempty"`
	}{Pipes: []item{}}
	for _, m := range all {
		st := s.pipeState(m, "")
		if !strings.HasPrefix(m.name(), req.Prefix) || !strings.HasPrefix(m.source, req.Source) || !strings.HasPrefix(m.target, req.Target) ||
			req.Desired != "" && req.Desired != st.Desired || req.Current != "" && req.Current != st.Current {
			continue
		}
		if len(out.Pipes) == most {
			out.Next = out.Pipes[most-1].Name
			break
		}
		out.Pipes = append(out.Pipes, item{st, m.source, m.target})
	}
	return out, nil
}
