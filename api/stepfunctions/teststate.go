package stepfunctions

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"time"

	"millrace/asl/document"
	"millrace/engine"
	"millrace/engine/interp"
	"millrace/engine/teststate"
	"millrace/tasks"
)

// Tasks calls the tasks that TestState tests without a mock.
type Tasks interface {
	// Call makes one call outside any execution. It returns once the call's
	// effects are durable, or when ctx ends. A workflow error is an outcome.
	Call(ctx context.Context, c engine.Call) (interp.Outcome, error)
}

// setting is what an engine tells of itself, where it does: the region and the
// account of its ARNs, and its clock.
type setting interface {
	Region() string
	Account() string
	Now() time.Time
}

type testStateInput struct {
	Definition      string          `json:"definition"`
	StateName       string          `json:"stateName"`
	RoleARN         string          `json:"roleArn"`
	Input           *string         `json:"input"`
	Variables       *string         `json:"variables"`
	Context         *string         `json:"context"`
	InspectionLevel teststate.Level `json:"inspectionLevel"`
	RevealSecrets   bool            `json:"revealSecrets"`
	Mock            *struct {
		Result      *string `json:"result"`
		ErrorOutput *struct {
			Error *string `json:"error"`
			Cause *string `json:"cause"`
		} `json:"errorOutput"`
		FieldValidationMode teststate.Validation `json:"fieldValidationMode"`
	} `json:"mock"`
	StateConfiguration struct {
		RetrierRetryCount        int64   `json:"retrierRetryCount"`
		ErrorCausedByState       string  `json:"errorCausedByState"`
		MapIterationFailureCount int64   `json:"mapIterationFailureCount"`
		MapItemReaderData        *string `json:"mapItemReaderData"`
	} `json:"stateConfiguration"`
}

// testStateMembers are the members of TestState's input.
func testStateMembers() []member {
	return []member{
		words("definition", 1, maxDefinition).secret().required(), words("roleArn", 1, maxARN), data("input", maxData),
		choice("inspectionLevel", "INFO", "DEBUG", "TRACE"), truth("revealSecrets"), data("variables", maxData),
		words("stateName", 1, maxName).secret(), data("context", maxData),
		group("mock",
			data("result", maxData), group("errorOutput", failure()...), choice("fieldValidationMode", "STRICT", "PRESENT", "NONE")),
		group("stateConfiguration",
			count("retrierRetryCount", 0, 0), words("errorCausedByState", 1, maxName).secret(),
			count("mapIterationFailureCount", 0, 0), data("mapItemReaderData", maxData)),
	}
}

// request is what the input asks for.
func (in *testStateInput) request() teststate.Request {
	text := func(s *string) []byte {
		if s == nil {
			return nil
		}
		return []byte(*s)
	}
	c := &in.StateConfiguration
	r := teststate.Request{
		Definition: []byte(in.Definition), StateName: in.StateName, RoleARN: in.RoleARN,
		Input: text(in.Input), Variables: text(in.Variables), Context: text(in.Context),
		Retries: c.RetrierRetryCount, ErrorState: c.ErrorCausedByState,
		MapFailures: c.MapIterationFailureCount, MapReaderData: c.MapItemReaderData,
		Region: engine.DefaultRegion, Account: engine.DefaultAccount,
	}
	if m := in.Mock; m != nil {
		r.Mock = &teststate.Mock{Result: m.Result, Validation: m.FieldValidationMode}
		if e := m.ErrorOutput; e != nil {
			r.Mock.Error = &teststate.MockError{Error: e.Error, Cause: e.Cause}
		}
	}
	return r
}

func (s *Service) testState(ctx context.Context, in *testStateInput) (any, error) {
	if in.RoleARN != "" {
		if err := checkRole(in.RoleARN); err != nil {
			return nil, err
		}
	}
	r, now := in.request(), time.Now
	r.Resources = s.resources()
	if e, ok := s.engine.(setting); ok {
		r.Region, r.Account, now = e.Region(), e.Account(), e.Now
	}
	var seed [16]byte
	rand.Read(seed[:]) // never fails
	t, err := teststate.New(r, seed, now())
	if refusal := (*teststate.Refusal)(nil); errors.As(err, &refusal) {
		return nil, fault(refusal.Name, "%s", refusal.Message)
	}
	if err != nil {
		return nil, err
	}
	exchange := &tasks.Exchange{Reveal: in.RevealSecrets}
	if c := t.Call(); c != nil {
		ctx := tasks.WithExchange(ctx, exchange)
		o, err := s.callTested(ctx, t, c, in.RoleARN, now())
		if err != nil {
			return nil, err
		}
		t.Answer(o, now())
	}
	result := t.Result()
	answer := result.JSON(in.InspectionLevel)
	if data, _ := answer.Get("inspectionData"); in.InspectionLevel == teststate.Trace && exchange.Request != nil {
		inspected := data.(*document.Object) // it is there at this level
		inspected.Set("request", exchange.Request)
		if exchange.Response != nil {
			inspected.Set("response", exchange.Response)
		}
	}
	return json.RawMessage(document.Append(nil, answer)), nil
}

// callTested calls the task of a state under test, within the time that a test
// and the task may take.
func (s *Service) callTested(ctx context.Context, t *teststate.Test, c *interp.Command, role string, now time.Time) (interp.Outcome, error) {
	if s.tasks == nil {
		return failed("States.Runtime", "The resource "+c.Resource+" cannot be called here. Test the state with a mock."), nil
	}
	limit := teststate.Limit
	if !c.Deadline.IsZero() {
		limit = min(limit, c.Deadline.Sub(now))
	}
	calling, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	var key [16]byte
	rand.Read(key[:])
	call := engine.Call{
		Event: c.Event, ExecutionARN: t.Execution(), RoleARN: role, State: c.State, Attempt: c.Attempt,
		Key: "test-" + hex.EncodeToString(key[:]), Resource: c.Resource, Pattern: c.Pattern, Deadline: now.Add(limit),
	}
	if c.Input != nil {
		call.Input = c.Input.Bytes()
	}
	if c.Credential != nil {
		call.Credentials = c.Credential.Bytes()
	}
	o, err := s.tasks.Call(calling, call)
	switch {
	case ctx.Err() != nil:
		return o, ctx.Err()
	case err != nil && calling.Err() != nil:
		return interp.Outcome{Failed: true, Error: ptr("States.Timeout")}, nil
	}
	return o, err
}

func failed(name, cause string) interp.Outcome {
	return interp.Outcome{Failed: true, Error: &name, Cause: &cause}
}

func ptr[T any](v T) *T { return &v }
