package engine_test

import (
	"context"
	"io"
	"log/slog"
	"testing"
	"time"

	"millrace/engine"
	"millrace/engine/interp"
)

func quiet(t *testing.T) *slog.Logger {
	if testing.Verbose() {
		return slog.New(slog.NewTextHandler(t.Output(), nil))
	}
	return slog.New(slog.NewTextHandler(io.Discard, nil))
}

const chain = `{"StartAt": "A", "States": {
	"A": {"Type": "Pass", "Result": {"n": 1}, "ResultPath": "$.a", "Next": "B"},
	"B": {"Type": "Choice", "Choices": [{"Variable": "$.a.n", "NumericEquals": 1, "Next": "C"}], "Default": "F"},
	"C": {"Type": "Succeed"},
	"F": {"Type": "Fail"}}}`

func TestChain(t *testing.T) {
	b := newBench(t)
	arn := b.start(b.machine("chain", chain), "", `{"x": 1}`)
	i := b.end(arn)
	want(t, "status", i.Status, interp.Succeeded)
	want(t, "output", string(i.Output), `{"x":1,"a":{"n":1}}`)
	want(t, "input", string(i.Input), `{"x": 1}`)
	want(t, "history", b.types(arn), "ExecutionStarted PassStateEntered PassStateExited ChoiceStateEntered ChoiceStateExited SucceedStateEntered SucceedStateExited ExecutionSucceeded")
}

const wait = `{"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 10, "Next": "E"}, "E": {"Type": "Pass", "End": true}}}`

func TestWait(t *testing.T) {
	b := newBench(t)
	arn := b.start(b.machine("wait", wait), "w", `{}`)
	b.tick(9 * time.Second)
	i, err := b.DescribeExecution(context.Background(), arn)
	if err != nil {
		t.Fatal(err)
	}
	want(t, "status before", i.Status, interp.Running)
	b.tick(time.Second)
	i = b.end(arn)
	want(t, "status after", i.Status, interp.Succeeded)
	want(t, "time taken", i.Stopped.Sub(i.Started), 10*time.Second)
}

func TestWaitGoesOnAfterRestart(t *testing.T) {
	b := newFileBench(t)
	arn := b.start(b.machine("wait", wait), "", `{}`)
	b.restart()
	b.tick(10 * time.Second)
	want(t, "status", b.end(arn).Status, interp.Succeeded)
}

func TestStartByName(t *testing.T) {
	b := newBench(t)
	m := b.machine("wait", wait)
	first := b.start(m, "one", `{"a": 1}`)
	again, err := b.StartExecution(context.Background(), engine.StartInput{MachineARN: m, Name: "one", Input: []byte(`{"a": 1}`)})
	if err != nil {
		t.Fatal(err)
	}
	want(t, "the same start", again.ARN, first)
	want(t, "existing", again.Existing, true)
	_, err = b.StartExecution(context.Background(), engine.StartInput{MachineARN: m, Name: "one", Input: []byte(`{"a": 2}`)})
	wantErr(t, "another input", err, engine.ErrExecutionExists)
	b.tick(10 * time.Second)
	b.end(first)
	_, err = b.StartExecution(context.Background(), engine.StartInput{MachineARN: m, Name: "one", Input: []byte(`{"a": 1}`)})
	wantErr(t, "an ended execution", err, engine.ErrExecutionExists)
}
