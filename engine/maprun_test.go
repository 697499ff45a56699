package engine_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"millrace/engine"
	"millrace/engine/interp"
)

// mapState is a machine of one distributed Map whose children run processor, a
// block of states; more are further fields of the Map.
func mapState(kind, processor, more string) string {
	return `{"StartAt": "M", "States": {"M": {"Type": "Map", "End": true, "Label": "L",` + more + `
		"ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "` + kind + `"}, ` + processor + `}}}}`
}

const passItem = `"StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}`

// numbersTo is the JSON list of the numbers below n.
func numbersTo(n int) string {
	var s []string
	for i := range n {
		s = append(s, fmt.Sprint(i))
	}
	return "[" + strings.Join(s, ",") + "]"
}

// run returns the only map run of an execution.
func (b *bench) mapRun(arn string) engine.MapRunInfo {
	b.t.Helper()
	list, _, err := b.ListMapRuns(context.Background(), arn, engine.Page{})
	if err != nil {
		b.t.Fatal(err)
	}
	if len(list) != 1 {
		b.t.Fatalf("%d map runs, want 1", len(list))
	}
	return list[0]
}

func (b *bench) children(run string, status interp.Status) []engine.ExecutionInfo {
	b.t.Helper()
	list, _, err := b.ListExecutions(context.Background(), engine.ListFilter{MapRunARN: run, Status: status}, engine.Page{Max: 1000})
	if err != nil {
		b.t.Fatal(err)
	}
	return list
}

func TestMapRunGivesOutputsInOrder(t *testing.T) {
	for _, kind := range []string{"STANDARD", "EXPRESS"} {
		t.Run(kind, func(t *testing.T) {
			b := newBench(t)
			m := b.machine("m", mapState(kind, passItem, ""))
			x := b.start(m, "x", numbersTo(700))
			i := b.end(x)
			want(t, "output", string(i.Output), numbersTo(700))
			want(t, "history", b.types(x), "ExecutionStarted MapStateEntered MapStateStarted MapRunStarted MapRunSucceeded MapStateSucceeded MapStateExited ExecutionSucceeded")
			r := b.mapRun(x)
			want(t, "status", r.Status, interp.Succeeded)
			want(t, "items", r.Items, engine.MapRunCounts{Succeeded: 700, Total: 700})
			want(t, "executions", r.Executions, engine.MapRunCounts{Succeeded: 700, Total: 700})
			want(t, "ARN", strings.HasPrefix(r.ARN, "arn:aws:states:us-east-1:000000000000:mapRun:m/L:"), true)
			want(t, "machine", r.MachineARN, "arn:aws:states:us-east-1:000000000000:stateMachine:m/L")
			want(t, "execution", r.ExecutionARN, x)

			list := b.children(r.ARN, interp.Succeeded)
			want(t, "children", len(list), 700)
			c, err := b.DescribeExecution(context.Background(), list[0].ARN)
			if err != nil {
				t.Fatal(err)
			}
			want(t, "child's run", c.MapRunARN, r.ARN)
			want(t, "child's output", string(c.Output), "699")
			prefix := "arn:aws:states:us-east-1:000000000000:execution:m/L:"
			if kind == "EXPRESS" {
				prefix = "arn:aws:states:us-east-1:000000000000:express:m/L:"
				_, _, err := b.History(context.Background(), c.ARN, engine.Page{})
				wantErr(t, "history of an express child", err, engine.ErrExpress)
			} else {
				want(t, "child's history", b.types(c.ARN), "ExecutionStarted PassStateEntered PassStateExited ExecutionSucceeded")
			}
			want(t, "child's ARN "+c.ARN, strings.HasPrefix(c.ARN, prefix), true)
			all, _, err := b.ListExecutions(context.Background(), engine.ListFilter{MachineARN: m}, engine.Page{})
			if err != nil {
				t.Fatal(err)
			}
			want(t, "executions of the machine", len(all), 1)
		})
	}
}

func TestMapRunInput(t *testing.T) {
	cases := []struct{ name, more, input, output string }{
		{"no items", ``, `[]`, `[]`},
		{"a selector sees where the item is from", `"ItemsPath": "$.list", "ItemSelector": {"s.$": "$$.Map.Item.Source"},`, `{"list": [1]}`, `[{"s":"STATE_DATA"}]`},
		{"a selector sees the item and the input", `"ItemsPath": "$.list", "ItemSelector": {"i.$": "$$.Map.Item.Index", "v.$": "$$.Map.Item.Value", "all.$": "$.tag"},`,
			`{"list": ["a", "b"], "tag": 1}`, `[{"i":0,"v":"a","all":1},{"i":1,"v":"b","all":1}]`},
		{"batches by number", `"ItemBatcher": {"MaxItemsPerBatch": 2},`, `[1,2,3]`, `[{"Items":[1,2]},{"Items":[3]}]`},
		{"batches with an input of their own", `"ItemBatcher": {"MaxItemsPerBatch": 2, "BatchInput": {"k": "v"}},`, `[1]`, `[{"BatchInput":{"k":"v"},"Items":[1]}]`},
		{"batches by bytes", `"ItemBatcher": {"MaxInputBytesPerBatch": 30},`, `["0123456","0123456","0123456"]`, `[{"Items":["0123456"]},{"Items":["0123456"]},{"Items":["0123456"]}]`},
		{"a batch holds what fits", `"ItemBatcher": {"MaxInputBytesPerBatch": 31},`, `["0123456","0123456","0123456"]`, `[{"Items":["0123456","0123456"]},{"Items":["0123456"]}]`},
		{"lists made flat", `"ResultWriter": {"WriterConfig": {"Transformation": "FLATTEN", "OutputType": "JSON"}},`, `[[1,2],3,[4]]`, `[1,2,3,4]`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t)
			x := b.start(b.machine("m", mapState("STANDARD", passItem, c.more)), "x", c.input)
			i := b.end(x)
			if i.Status != interp.Succeeded {
				t.Fatalf("%s: %s", i.Status, text(i.Cause))
			}
			want(t, "output", string(i.Output), c.output)
		})
	}
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// failOdd fails for the input 1, 3, ...
const failOdd = `"StartAt": "C", "States": {
	"C": {"Type": "Choice", "Choices": [{"Variable": "$", "NumericEquals": 1, "Next": "F"}, {"Variable": "$", "NumericEquals": 3, "Next": "F"}], "Default": "P"},
	"F": {"Type": "Fail", "Error": "Odd", "Cause": "it is"}, "P": {"Type": "Pass", "End": true}}`

func TestMapRunToleratesFailures(t *testing.T) {
	cases := []struct {
		name, more string
		status     interp.Status
	}{
		{"none", ``, interp.Failed},
		{"a count that is enough", `"ToleratedFailureCount": 2,`, interp.Succeeded},
		{"a count that is not", `"ToleratedFailureCount": 1,`, interp.Failed},
		{"a percentage that is enough", `"ToleratedFailurePercentage": 50,`, interp.Succeeded},
		{"a percentage that is not", `"ToleratedFailurePercentage": 49,`, interp.Failed},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t)
			x := b.start(b.machine("m", mapState("STANDARD", failOdd, c.more)), "x", numbersTo(4))
			i := b.end(x)
			want(t, "status", i.Status, c.status)
			if c.status == interp.Failed {
				want(t, "error", text(i.Error), "States.ExceedToleratedFailureThreshold")
				want(t, "cause", text(i.Cause), "The specified tolerated failure threshold was exceeded")
				want(t, "run", b.mapRun(x).Status, interp.Failed)
				return
			}
			var out []json.RawMessage
			if err := json.Unmarshal(i.Output, &out); err != nil {
				t.Fatal(err)
			}
			want(t, "results", len(out), 4)
			want(t, "the first", string(out[0]), "0")
			want(t, "one that failed is told whole", strings.Contains(string(out[1]), `"Cause":"it is","Error":"Odd","ExecutionArn":`), true)
			r := b.mapRun(x)
			want(t, "items", r.Items, engine.MapRunCounts{Succeeded: 2, Failed: 2, Total: 4})
		})
	}
}

const waitItem = `"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 1000, "End": true}}`

func TestMapRunStopsWithItsExecution(t *testing.T) {
	for _, kind := range []string{"STANDARD", "EXPRESS"} {
		t.Run(kind, func(t *testing.T) {
			b := newBench(t)
			process := waitItem
			if kind == "EXPRESS" {
				process = strings.Replace(waitItem, "1000", "200", 1)
			}
			x := b.start(b.machine("m", mapState(kind, process, `"MaxConcurrency": 3,`)), "x", numbersTo(10))
			r := b.mapRun(x)
			b.untilRun(r.ARN, func(i engine.MapRunInfo) bool { return i.Executions.Running == 3 })
			if _, err := b.StopExecution(context.Background(), x, nil, nil); err != nil {
				t.Fatal(err)
			}
			b.untilRun(r.ARN, func(i engine.MapRunInfo) bool { return i.Status == interp.Aborted })
			r = b.mapRun(x)
			want(t, "executions", r.Executions, engine.MapRunCounts{Aborted: 3, Total: 3})
			want(t, "items", r.Items, engine.MapRunCounts{Aborted: 3, Pending: 7, Total: 10})
			want(t, "children that stopped", len(b.children(r.ARN, interp.Aborted)), 3)
		})
	}
}

// untilRun waits until a map run is as asked for.
func (b *bench) untilRun(arn string, cond func(engine.MapRunInfo) bool) {
	b.t.Helper()
	limit := time.After(20 * time.Second)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		i, err := b.DescribeMapRun(context.Background(), arn)
		if err != nil {
			b.t.Fatal(err)
		}
		if cond(i) {
			return
		}
		select {
		case <-tick.C:
		case <-limit:
			b.t.Fatalf("after 20 s: %+v", i)
		}
	}
}

func TestMapRunAgainAfterRetry(t *testing.T) {
	b := newBench(t)
	m := b.machine("m", mapState("STANDARD", failOdd, `"Retry": [{"ErrorEquals": ["States.ExceedToleratedFailureThreshold"], "IntervalSeconds": 0, "MaxAttempts": 2}],`))
	x := b.start(m, "x", numbersTo(2))
	b.end(x)
	list, _, err := b.ListMapRuns(context.Background(), x, engine.Page{Max: 2})
	if err != nil {
		t.Fatal(err)
	}
	want(t, "page of runs", len(list), 2)
}

func TestMapRunChanges(t *testing.T) {
	b := newBench(t)
	x := b.start(b.machine("m", mapState("STANDARD", waitItem, `"MaxConcurrency": 1,`)), "x", numbersTo(5))
	r := b.mapRun(x)
	b.untilRun(r.ARN, func(i engine.MapRunInfo) bool { return i.Executions.Running == 1 })
	most, count := int64(4), int64(2)
	if err := b.UpdateMapRun(context.Background(), engine.UpdateMapRun{ARN: r.ARN, MaxConcurrency: &most, ToleratedFailureCount: &count}); err != nil {
		t.Fatal(err)
	}
	b.untilRun(r.ARN, func(i engine.MapRunInfo) bool { return i.Executions.Running == 4 })
	r = b.mapRun(x)
	want(t, "tolerated", r.ToleratedFailureCount, 2)
	want(t, "pending", r.Items.Pending, 1)
	bad := int64(-1)
	wantErr(t, "a negative number", b.UpdateMapRun(context.Background(), engine.UpdateMapRun{ARN: r.ARN, MaxConcurrency: &bad}), engine.ErrInvalidInput)
	wantErr(t, "no such run", b.UpdateMapRun(context.Background(), engine.UpdateMapRun{ARN: r.ARN + "x"}), engine.ErrMapRunNotFound)
}

func TestMapRunGoesOnAfterRestart(t *testing.T) {
	for _, kind := range []string{"STANDARD", "EXPRESS"} {
		t.Run(kind, func(t *testing.T) {
			var calls atomic.Int64
			gate := make(chan struct{})
			b := newFileBench(t, &remote{resource: svc + "call", call: func(ctx context.Context, c engine.Call) (interp.Outcome, error) {
				if calls.Add(1) > 20 {
					select {
					case <-gate:
					case <-ctx.Done():
						return interp.Outcome{}, ctx.Err()
					}
				}
				return ok(string(c.Input)), nil
			}})
			task := `"StartAt": "T", "States": {"T": {"Type": "Task", "Resource": "` + svc + `call", "End": true}}`
			x := b.start(b.machine("m", mapState(kind, task, `"MaxConcurrency": 8,`)), "x", numbersTo(100))
			r := b.mapRun(x)
			b.untilRun(r.ARN, func(i engine.MapRunInfo) bool { return i.Executions.Succeeded == 20 })
			b.restart()
			close(gate)
			i := b.end(x)
			want(t, "output", string(i.Output), numbersTo(100))
			r = b.mapRun(x)
			want(t, "executions", r.Executions, engine.MapRunCounts{Succeeded: 100, Total: 100})
			want(t, "children", len(b.children(r.ARN, "")), 100)
		})
	}
}

func TestMapRunWithinMapRun(t *testing.T) {
	b := newFileBench(t)
	inner := `"StartAt": "I", "States": {"I": {"Type": "Map", "Label": "N", "End": true, "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"}, ` + passItem + `}}}`
	x := b.start(b.machine("m", mapState("STANDARD", inner, `"MaxConcurrency": 2,`)), "x", `[[1,2],[],[3]]`)
	i := b.end(x)
	want(t, "output", string(i.Output), `[[1,2],[],[3]]`)
	outer := b.mapRun(x)
	list := b.children(outer.ARN, "")
	want(t, "children", len(list), 3)
	r := b.mapRun(list[2].ARN)
	want(t, "machine of the inner run", r.MachineARN, "arn:aws:states:us-east-1:000000000000:stateMachine:m/L/N")
	want(t, "execution of the inner run", r.ExecutionARN, list[2].ARN)
	want(t, "its children", len(b.children(r.ARN, "")), 2)
}

func TestMapRunOfADeletedMachine(t *testing.T) {
	b := newFileBench(t)
	m := b.machine("m", mapState("STANDARD", waitItem, ""))
	x := b.start(m, "x", numbersTo(3))
	r := b.mapRun(x)
	b.untilRun(r.ARN, func(i engine.MapRunInfo) bool { return i.Executions.Running == 3 })
	if err := b.DeleteStateMachine(context.Background(), m); err != nil {
		t.Fatal(err)
	}
	// With its last execution the machine goes, maybe before the answer is made.
	if _, err := b.StopExecution(context.Background(), x, nil, nil); err != nil && !errors.Is(err, engine.ErrExecutionNotFound) {
		t.Fatal(err)
	}
	b.restart()
	limit := time.After(20 * time.Second)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for b.count("SELECT count(*) FROM map_runs WHERE running = 1") > 0 {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatal("the run goes on")
		}
	}
}
