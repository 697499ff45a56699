package mapping

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"millrace/engine"
	"millrace/tasks"
)

// mappingOperations are Lambda's operations on event source mappings.
func (s *Service) mappingOperations() []tasks.Operation {
	keys := func(json.RawMessage) []string { return []string{"mapping"} }
	return []tasks.Operation{
		{Name: "CreateEventSourceMapping", Write: s.createMapping, Keys: keys},
		{Name: "UpdateEventSourceMapping", Write: s.updateMapping, Keys: keys},
		{Name: "DeleteEventSourceMapping", Write: s.deleteMapping, Keys: keys},
		{Name: "GetEventSourceMapping", Read: s.getMapping},
		{Name: "ListEventSourceMappings", Read: s.listMappings},
	}
}

// mappingInput is the input of Create and Update.
type mappingInput struct {
	UUID     string          `json:"UUID"`
	Source   string          `json:"EventSourceArn"`
	Function string          `json:"FunctionName"`
	Enabled  *bool           `json:"Enabled"`
	Batch    *int            `json:"BatchSize"`
	Window   *int            `json:"MaximumBatchingWindowInSeconds"`
	Retries  *int            `json:"MaximumRetryAttempts"`
	MaxAge   *int            `json:"MaximumRecordAgeInSeconds"`
	Bisect   *bool           `json:"BisectBatchOnFunctionError"`
	Parallel *int            `json:"ParallelizationFactor"`
	Starting string          `json:"StartingPosition"`
	Types    *[]string       `json:"FunctionResponseTypes"`
	Filter   *filterCriteria `json:"FilterCriteria"`
	Scaling  *scaling        `json:"ScalingConfig"`
}

type scaling struct {
	Concurrency int `json:"MaximumConcurrency,omitempty"`
}

// into changes settings as an input says.
func (in *mappingInput) into(s *settings) {
	set := func(to *int, from *int) {
		if from != nil {
			*to = *from
		}
	}
	set(&s.BatchSize, in.Batch)
	set(&s.Window, in.Window)
	set(&s.Retries, in.Retries)
	set(&s.MaxAge, in.MaxAge)
	set(&s.Parallel, in.Parallel)
	if in.Bisect != nil {
		s.Bisect = *in.Bisect
	}
	if in.Types != nil {
		s.ResponseTypes = *in.Types
		s.Partial = slices.Contains(*in.Types, "ReportBatchItemFailures")
	}
	if in.Filter != nil {
		s.Filters = in.Filter.patterns()
	}
	if in.Scaling != nil && in.Scaling.Concurrency > 0 {
		s.Concurrency = in.Scaling.Concurrency
	}
}

func badParameter(member, reason string) error {
	return &tasks.Error{Code: "InvalidParameterValueException", Message: member + " " + reason + ".", Status: 400, Fields: map[string]any{"Type": "User"}}
}

// functionARN makes an ARN of a function's name, partial ARN or ARN.
func (s *Service) functionARN(name string) string {
	base := "arn:aws:lambda:" + s.host.Region() + ":" + s.host.Account() + ":function:"
	switch {
	case strings.HasPrefix(name, "arn:"):
		return name
	case strings.Contains(name, ":function:"): // 123456789012:function:name
		return base + name[strings.Index(name, ":function:")+len(":function:"):]
	}
	return base + name
}

func (s *Service) createMapping(tx engine.Tx, _ tasks.Caller, in json.RawMessage) (any, error) {
	var req mappingInput
	if err := tasks.Decode(in, &req); err != nil {
		return nil, err
	}
	if req.Function == "" {
		return nil, badParameter("FunctionName", "must not be empty")
	}
	kind := kindOf(req.Source)
	if kind == unknownSource {
		return nil, badParameter("EventSourceArn", "must be the ARN of a queue or of a table's stream: unrecognized event source")
	}
	m := &mapping{source: req.Source, target: s.functionARN(req.Function), settings: defaults(kind, false), enabled: req.Enabled == nil || *req.Enabled}
	m.settings.Starting = req.Starting
	req.into(&m.settings)
	if err := m.settings.check(kind, badParameter); err != nil {
		return nil, err
	}
	same, err := mappings(tx, `source = ? AND target = ? AND id LIKE 'esm/%'`, m.source, m.target)
	if err != nil {
		return nil, err
	}
	if len(same) > 0 {
		return nil, &tasks.Error{Code: "ResourceConflictException", Status: 409, Fields: map[string]any{"Type": "User"},
			Message: `The event source arn (" ` + m.source + ` ") and function (" ` + m.target + ` ") provided mapping already exists. Please update or delete the existing mapping with UUID ` + same[0].name()}
	}
	m.id = "esm/" + uuid.NewString()
	if err := s.place(tx, m, kind, badParameter); err != nil {
		return nil, err
	}
	if err := s.checkFunction(tx, m); err != nil {
		return nil, err
	}
	if err := store(tx, m); err != nil {
		return nil, err
	}
	tx.AfterCommit(func() { s.apply(m) })
	out := s.describe(m)
	out.State = "Creating"
	return out, nil
}

// checkFunction refuses a function that is not there, or that may still run when
// the queue shows its messages again.
func (s *Service) checkFunction(r engine.Reader, m *mapping) error {
	refuse := func(format string, args ...any) error {
		return &tasks.Error{Code: "InvalidParameterValueException", Message: fmt.Sprintf(format, args...), Status: 400, Fields: map[string]any{"Type": "User"}}
	}
	timeout, found, err := s.c.Functions.FunctionTimeout(r, m.target)
	switch {
	case err != nil:
		return err
	case !found:
		return refuse("Function does not exist")
	case kindOf(m.source) != queueSource:
		return nil
	}
	hidden, err := s.c.Queues.VisibilityTimeout(r, m.source)
	if err != nil {
		return err
	}
	if hidden < timeout {
		return refuse("Queue visibility timeout: %d seconds is less than Function timeout: %d seconds", hidden/time.Second, timeout/time.Second)
	}
	return nil
}

// place finds the source and where a new mapping begins to read it.
func (s *Service) place(tx engine.Tx, m *mapping, kind sourceKind, bad func(member, reason string) error) error {
	m.created = tx.Now().UnixMilli()
	m.modified = m.created
	member := "EventSourceArn"
	if m.isPipe() {
		member = "Source"
	}
	if kind == queueSource {
		there, err := s.c.Queues.Exists(tx, m.source)
		if err == nil && !there {
			err = bad(member, "names a queue that does not exist: "+m.source)
		}
		return err
	}
	_, last, err := s.c.Streams.StreamState(tx, m.source)
	if isNotFound(err) {
		return bad(member, "names a stream that does not exist: "+m.source)
	}
	if m.settings.Starting == "LATEST" {
		m.position = last
	}
	return err
}

func (s *Service) updateMapping(tx engine.Tx, _ tasks.Caller, in json.RawMessage) (any, error) {
	var req mappingInput
	if err := tasks.Decode(in, &req); err != nil {
		return nil, err
	}
	m, err := findMapping(tx, req.UUID)
	if err != nil {
		return nil, err
	}
	if req.Function != "" {
		m.target = s.functionARN(req.Function)
	}
	if req.Enabled != nil {
		m.enabled = *req.Enabled
	}
	req.into(&m.settings)
	if err := m.settings.check(kindOf(m.source), badParameter); err != nil {
		return nil, err
	}
	if req.Function != "" { // else it can be disabled although its function is gone
		if err := s.checkFunction(tx, m); err != nil {
			return nil, err
		}
	}
	if err := s.change(tx, m); err != nil {
		return nil, err
	}
	out := s.describe(m)
	out.State = "Updating"
	return out, nil
}

// change stores a changed mapping and has it worked on as it is now.
func (s *Service) change(tx engine.Tx, m *mapping) error {
	m.modified = max(tx.Now().UnixMilli(), m.modified+1) // tells workers that they are outdated
	if err := store(tx, m); err != nil {
		return err
	}
	tx.AfterCommit(func() { s.apply(m) })
	return nil
}

func (s *Service) deleteMapping(tx engine.Tx, _ tasks.Caller, in json.RawMessage) (any, error) {
	m, err := namedMapping(tx, in)
	if err != nil {
		return nil, err
	}
	if err := remove(tx, m.id); err != nil {
		return nil, err
	}
	tx.AfterCommit(func() { s.drop(m.id) })
	out := s.describe(m)
	out.State = "Deleting"
	return out, nil
}

func (s *Service) getMapping(_ context.Context, r engine.Reader, _ tasks.Caller, in json.RawMessage) (any, error) {
	m, err := namedMapping(r, in)
	if err != nil {
		return nil, err
	}
	return s.describe(m), nil
}

func namedMapping(r engine.Reader, in json.RawMessage) (*mapping, error) {
	var req struct {
		UUID string `json:"UUID"`
	}
	if err := tasks.Decode(in, &req); err != nil {
		return nil, err
	}
	return findMapping(r, req.UUID)
}

func findMapping(r engine.Reader, id string) (*mapping, error) {
	m, err := load(r, "esm/"+id)
	if err == nil && m == nil {
		err = &tasks.Error{Code: "ResourceNotFoundException", Status: 404, Message: "The resource you requested does not exist.", Fields: map[string]any{"Type": "User"}}
	}
	return m, err
}

func (s *Service) listMappings(_ context.Context, r engine.Reader, _ tasks.Caller, in json.RawMessage) (any, error) {
	var req struct {
		Source   string `json:"EventSourceArn"`
		Function string `json:"FunctionName"`
		Marker   string `json:"Marker"`
		Max      *int   `json:"MaxItems"`
	}
	if err := tasks.Decode(in, &req); err != nil {
		return nil, err
	}
	function := ""
	if req.Function != "" {
		function = s.functionARN(req.Function)
	}
	most := 100
	if req.Max != nil {
		most = min(max(*req.Max, 1), 100)
	}
	all, err := mappings(r, `id LIKE 'esm/%' AND id > ? AND (? = '' OR source = ?) AND (? = '' OR target = ?)`,
		"esm/"+req.Marker, req.Source, req.Source, function, function)
	if err != nil {
		return nil, err
	}
	out := struct {
		Mappings []configuration `json:"EventSourceMappings"`
		Next     string          `json:"NextMarker,omitempty"`
	}{Mappings: []configuration{}}
	for i, m := range all {
		if i == most {
			out.Next = all[i-1].name()
			break
		}
		out.Mappings = append(out.Mappings, s.describe(m))
	}
	return out, nil
}

// configuration is an EventSourceMappingConfiguration.
type configuration struct {
	UUID       string          `json:"UUID"`
	ARN        string          `json:"EventSourceMappingArn"`
	Source     string          `json:"EventSourceArn"`
	Function   string          `json:"FunctionArn"`
	Modified   time.Time       `json:"LastModified"`
	State      string          `json:"State"`
	Reason     string          `json:"StateTransitionReason"`
	Batch      int             `json:"BatchSize"`
	Window     int             `json:"MaximumBatchingWindowInSeconds"`
	Filter     *filterCriteria `json:"FilterCriteria,omitempty"`
	Types      []string        `json:"FunctionResponseTypes"`
	Scaling    *scaling        `json:"ScalingConfig,omitempty"`
	Starting   string          `json:"StartingPosition,omitempty"`
	LastResult string          `json:"LastProcessingResult,omitempty"`
	Parallel   *int            `json:"ParallelizationFactor,omitempty"`
	MaxAge     *int            `json:"MaximumRecordAgeInSeconds,omitempty"`
	Bisect     *bool           `json:"BisectBatchOnFunctionError,omitempty"`
	Retries    *int            `json:"MaximumRetryAttempts,omitempty"`
}

func (s *Service) describe(m *mapping) configuration {
	out := configuration{
		UUID: m.name(), ARN: "arn:aws:lambda:" + s.host.Region() + ":" + s.host.Account() + ":event-source-mapping:" + m.name(),
		Source: m.source, Function: m.target, Modified: time.UnixMilli(m.modified).UTC(), State: "Disabled", Reason: "USER_INITIATED",
		Batch: m.settings.BatchSize, Window: m.settings.Window, Filter: criteria(m.settings.Filters), Types: m.settings.ResponseTypes,
	}
	if m.enabled {
		out.State = "Enabled"
	}
	if out.Types == nil {
		out.Types = []string{}
	}
	if kindOf(m.source) == queueSource {
		if m.settings.Concurrency != defaults(queueSource, false).Concurrency {
			out.Scaling = &scaling{m.settings.Concurrency}
		}
		return out
	}
	out.Starting, out.LastResult = m.settings.Starting, s.result(m.id)
	out.Parallel, out.MaxAge, out.Bisect, out.Retries = &m.settings.Parallel, &m.settings.MaxAge, &m.settings.Bisect, &m.settings.Retries
	return out
}
