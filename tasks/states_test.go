package tasks

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"millrace/asl/document"
	"millrace/engine"
)

type fakeAPI struct{}

func (fakeAPI) Operations() []string { return []string{"StartExecution", "DescribeExecution"} }

func (fakeAPI) Answer(_ context.Context, op string, in []byte) ([]byte, error) {
	if string(in) != `{"executionArn":"x"}` {
		return nil, Errorf("InvalidArn", "%s %s", op, in)
	}
	return []byte(`{"executionArn":"x","startDate":1700000000.5,"inputDetails":{"included":true}}`), nil
}

func statesRegistry() *Registry {
	g := NewRegistry(fakeHost{})
	g.AddStates(StatesConfig{API: fakeAPI{}, Fault: func(err error) *Error {
		if f := new(engine.Fault); errors.As(err, &f) {
			return Errorf("ExecutionAlreadyExists", "Execution Already Exists: '%s'", f.Detail)
		}
		return nil
	}})
	return g
}

func TestStartExecution(t *testing.T) {
	g := statesRegistry()
	tx := &fakeTx{out: engine.Started{ARN: "arn:x", Started: time.UnixMilli(1700000000500)}}
	call := engine.Call{Execution: 7, Event: 9, Input: json.RawMessage(`{"StateMachineArn":"m","Input":{"StateMachineArn":[1]},"Name":"n"}`)}
	for _, c := range []struct {
		suffix string
		parent *engine.Parent
	}{{"", nil}, {".waitForTaskToken", nil}, {".sync", &engine.Parent{Execution: 7, Event: 9}}, {".sync:2", &engine.Parent{Execution: 7, Event: 9, Parse: true}}} {
		tx.started = nil
		a := resolve(t, g, "arn:aws:states:::states:startExecution"+c.suffix).(engine.LocalAction)
		out, err := a.Run(tx, call)
		if err != nil || out.Failed {
			t.Fatal(out, err)
		}
		in := tx.started[0]
		if in.MachineARN != "m" || in.Name != "n" || string(in.Input) != `{"StateMachineArn":[1]}` && c.suffix == "" {
			t.Errorf("%s started %+v %s", c.suffix, in, in.Input)
		}
		if (in.Parent == nil) != (c.parent == nil) || c.parent != nil && *in.Parent != *c.parent {
			t.Errorf("%s: parent %+v, want %+v", c.suffix, in.Parent, c.parent)
		}
		o := out.Output.Value().(*document.Object)
		if date, _ := o.Get("StartDate"); date != document.Number("1700000000500") {
			t.Errorf("StartDate %v", date)
		}
	}
	a := resolve(t, g, "arn:aws:states:::aws-sdk:sfn:startExecution").(engine.LocalAction)
	out, err := a.Run(tx, call)
	if want := `{"ExecutionArn":"arn:x","StartDate":"2023-11-14T22:13:20.5Z"}`; err != nil || out.Output.String() != want {
		t.Errorf("got %s, %v, want %s", out.Output, err, want)
	}
	tx.out.Existing = true
	a = resolve(t, g, "arn:aws:states:::states:startExecution.sync").(engine.LocalAction)
	if out, err = a.Run(tx, call); err != nil || !out.Failed || *out.Error != "StepFunctions.ExecutionAlreadyExistsException" {
		t.Errorf("sync of a running execution: %+v, %v", out, err)
	}
}

func TestStepFunctionsAPI(t *testing.T) {
	a := resolve(t, statesRegistry(), "arn:aws:states:::aws-sdk:sfn:describeExecution").(engine.RemoteAction)
	out, err := a.Call(context.Background(), engine.Call{Input: json.RawMessage(`{"ExecutionArn":"x"}`)})
	if want := `{"ExecutionArn":"x","StartDate":"2023-11-14T22:13:20.5Z","InputDetails":{"Included":true}}`; err != nil || out.Output.String() != want {
		t.Errorf("got %s, %v, want %s", out.Output, err, want)
	}
}
