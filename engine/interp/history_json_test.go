package interp_test

import (
	"testing"
	"time"

	"millrace/engine/interp"
)

func TestEventJSON(t *testing.T) {
	n := func(i int64) *int64 { return &i }
	at := time.UnixMilli(1700000000123)
	for _, c := range []struct {
		event interp.Event
		want  string
	}{
		{interp.Event{Type: "ExecutionStarted", Input: doc(`{"a":"b"}`), RoleARN: "r"},
			`"executionStartedEventDetails":{"input":"{\"a\":\"b\"}","inputDetails":{"truncated":false},"roleArn":"r"}`},
		{interp.Event{Type: "ExecutionSucceeded", Output: doc(`1`)}, `"executionSucceededEventDetails":{"output":"1","outputDetails":{"truncated":false}}`},
		{interp.Event{Type: "ExecutionFailed"}, `"executionFailedEventDetails":{}`},
		{interp.Event{Type: "ExecutionAborted"}, `"executionAbortedEventDetails":{}`},
		{interp.Event{Type: "ExecutionTimedOut", Error: ptr("States.Timeout")}, `"executionTimedOutEventDetails":{"error":"States.Timeout"}`},
		{interp.Event{Type: "ExecutionRedriven", Redrives: n(1)}, `"executionRedrivenEventDetails":{"redriveCount":1}`},
		{interp.Event{Type: "PassStateEntered", Name: "A", Input: doc(`1`)}, `"stateEnteredEventDetails":{"name":"A","input":"1","inputDetails":{"truncated":false}}`},
		{interp.Event{Type: "PassStateExited", Name: "A", Output: doc(`1`), Assigned: []interp.AssignedItem{{Name: "v", Value: doc(`"x"`)}}},
			`"stateExitedEventDetails":{"name":"A","output":"1","outputDetails":{"truncated":false},"assignedVariables":{"v":"\"x\""},"assignedVariablesDetails":{"truncated":false}}`},
		{interp.Event{Type: "TaskScheduled", ResourceType: "sqs", Resource: "sendMessage", Region: "eu-west-1", Input: doc(`{}`), Timeout: n(3), Heartbeat: n(2), Role: "r"},
			`"taskScheduledEventDetails":{"resourceType":"sqs","resource":"sendMessage","region":"eu-west-1","parameters":"{}","timeoutInSeconds":3,"heartbeatInSeconds":2,"taskCredentials":{"roleArn":"r"}}`},
		{interp.Event{Type: "TaskStarted", ResourceType: "sqs", Resource: "sendMessage"}, `"taskStartedEventDetails":{"resourceType":"sqs","resource":"sendMessage"}`},
		{interp.Event{Type: "TaskSubmitted", ResourceType: "sqs", Resource: "sendMessage", Output: doc(`{}`)},
			`"taskSubmittedEventDetails":{"resourceType":"sqs","resource":"sendMessage","output":"{}","outputDetails":{"truncated":false}}`},
		{interp.Event{Type: "TaskSubmitFailed", ResourceType: "ecs", Resource: "runTask.sync", Error: ptr("E"), Cause: ptr("C")},
			`"taskSubmitFailedEventDetails":{"resourceType":"ecs","resource":"runTask.sync","error":"E","cause":"C"}`},
		{interp.Event{Type: "TaskTimedOut", ResourceType: "sqs", Resource: "sendMessage", Error: ptr("States.Timeout")},
			`"taskTimedOutEventDetails":{"resourceType":"sqs","resource":"sendMessage","error":"States.Timeout"}`},
		{interp.Event{Type: "LambdaFunctionScheduled", Resource: "f", Input: doc(`{}`), Timeout: n(3)},
			`"lambdaFunctionScheduledEventDetails":{"resource":"f","input":"{}","inputDetails":{"truncated":false},"timeoutInSeconds":3}`},
		{interp.Event{Type: "LambdaFunctionStarted"}, ``},
		{interp.Event{Type: "LambdaFunctionSucceeded", Output: doc(`1`)}, `"lambdaFunctionSucceededEventDetails":{"output":"1","outputDetails":{"truncated":false}}`},
		{interp.Event{Type: "LambdaFunctionTimedOut", Error: ptr("States.Timeout")}, `"lambdaFunctionTimedOutEventDetails":{"error":"States.Timeout"}`},
		{interp.Event{Type: "ActivityScheduled", Resource: "a", Input: doc(`1`), Heartbeat: n(5)}, `"activityScheduledEventDetails":{"resource":"a","input":"1","inputDetails":{"truncated":false},"heartbeatInSeconds":5}`},
		{interp.Event{Type: "ActivityStarted", Worker: "w"}, `"activityStartedEventDetails":{"workerName":"w"}`},
		{interp.Event{Type: "ActivityStarted"}, `"activityStartedEventDetails":{}`},
		{interp.Event{Type: "ActivityFailed", Error: ptr("E")}, `"activityFailedEventDetails":{"error":"E"}`},
		{interp.Event{Type: "MapStateStarted", Length: n(0)}, `"mapStateStartedEventDetails":{"length":0}`},
		{interp.Event{Type: "MapIterationStarted", Name: "M", Index: n(0)}, `"mapIterationStartedEventDetails":{"name":"M","index":0}`},
		{interp.Event{Type: "MapIterationAborted", Name: "M", Index: n(2)}, `"mapIterationAbortedEventDetails":{"name":"M","index":2}`},
		{interp.Event{Type: "MapRunStarted", MapRunARN: "m"}, `"mapRunStartedEventDetails":{"mapRunArn":"m"}`},
		{interp.Event{Type: "MapRunFailed", Error: ptr("E"), Cause: ptr("C")}, `"mapRunFailedEventDetails":{"error":"E","cause":"C"}`},
		{interp.Event{Type: "MapRunSucceeded"}, ``},
		{interp.Event{Type: "MapStateFailed"}, ``},
		{interp.Event{Type: "ParallelStateStarted"}, ``},
		{interp.Event{Type: "WaitStateAborted"}, ``},
		{interp.Event{Type: "EvaluationFailed", Name: "S", Error: ptr("E"), Cause: ptr("C"), Location: "Output"},
			`"evaluationFailedEventDetails":{"error":"E","cause":"C","location":"Output","state":"S"}`},
	} {
		e := c.event
		e.ID, e.Previous, e.Time = 7, 6, at
		want := `{"timestamp":1700000000.123,"type":"` + e.Type + `","id":7,"previousEventId":6`
		if c.want != "" {
			want += "," + c.want
		}
		if got := string(e.AppendJSON(nil, true)); got != want+"}" {
			t.Errorf("%s:\n got %s\nwant %s", e.Type, got, want+"}")
		}
	}
}

func TestEventJSONWithoutData(t *testing.T) {
	e := interp.Event{ID: 2, Type: "TaskFailed", Time: time.Unix(5, 0), ResourceType: "sqs", Resource: "sendMessage", Error: ptr("E"), Cause: ptr("secret")}
	want := `{"timestamp":5,"type":"TaskFailed","id":2,"previousEventId":0,"taskFailedEventDetails":{"resourceType":"sqs","resource":"sendMessage","error":"E"}}`
	if got := string(e.AppendJSON(nil, false)); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	e = interp.Event{ID: 2, Type: "PassStateEntered", Time: time.UnixMilli(5020), Name: "A", Input: doc(`"secret"`)}
	want = `{"timestamp":5.020,"type":"PassStateEntered","id":2,"previousEventId":0,"stateEnteredEventDetails":{"name":"A","inputDetails":{"truncated":false}}}`
	if got := string(e.AppendJSON(nil, false)); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestDecodeRefusesDamage(t *testing.T) {
	m := parse(t, oneTask)
	x := interp.New(1, [16]byte{}, doc("{}"), epoch)
	s := interp.Advance(m, x, interp.Input{Kind: interp.Start}, epoch)
	c := x.Changes(s)
	frames := map[int64][]byte{c.Frames[0].ID: c.Frames[0].Data}
	if _, err := interp.Decode(c.Head, frames, nil); err != nil {
		t.Fatal(err)
	}
	newer := append([]byte{99}, c.Head[1:]...)
	if _, err := interp.Decode(newer, frames, nil); err == nil {
		t.Error("a newer format was read")
	}
	for n := range c.Head {
		if _, err := interp.Decode(c.Head[:n], frames, nil); err == nil {
			t.Errorf("a head cut after %d bytes was read", n)
		}
	}
	for n := range c.Frames[0].Data {
		if _, err := interp.Decode(c.Head, map[int64][]byte{1: c.Frames[0].Data[:n]}, nil); err == nil {
			t.Errorf("a frame cut after %d bytes was read", n)
		}
	}
	for n := 0; n < len(c.Blocks[0].Data); n++ {
		events, err := interp.DecodeEvents(c.Blocks[0].Data[:n], nil)
		if err == nil && len(events) >= len(s.Events) {
			t.Errorf("a block cut after %d bytes gave %d events", n, len(events))
		}
	}
}
