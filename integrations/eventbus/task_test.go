package eventbus

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"millrace/engine"
	"millrace/engine/interp"
	"millrace/tasks"
)

// run runs a task as a state machine names it.
func (f *fixture) run(resource, in string) interp.Outcome {
	f.t.Helper()
	g := tasks.NewRegistry(f.h)
	f.s.Register(g)
	task, err := g.Resolve(resource)
	if err != nil {
		f.t.Fatal(err)
	}
	var out interp.Outcome
	err = f.h.Do(context.Background(), nil, func(tx engine.Tx) (err error) {
		out, err = task.(engine.LocalAction).Run(tx, engine.Call{Key: "k", Input: json.RawMessage(in), ExecutionARN: "arn:aws:states:us-east-1:000000000000:execution:m:x"})
		return err
	})
	if err != nil {
		f.t.Fatal(err)
	}
	return out
}

func TestPutEventsTask(t *testing.T) {
	entries := `{"Entries":[{"Source":"shop","DetailType":"d","Detail":{"a":1},"Resources":["arn:r"]}]}`
	f := open(t)
	f.rule("r", anySource, queueARN+`,"InputPath":"$.resources"`)
	out := f.run("arn:aws:states:::events:putEvents", entries)
	if text := out.Output.String(); out.Failed || !strings.HasPrefix(text, `{"Entries":[{"EventId":"`) || !strings.Contains(text, `"FailedEntryCount":0,"SdkHttpMetadata":{`) {
		t.Errorf("outcome %+v: %s", out, text)
	}
	f.want(`sqs q ["arn:r","arn:aws:states:us-east-1:000000000000:execution:m:x","arn:aws:states:us-east-1:000000000000:stateMachine:m"]`)
	f.run("arn:aws:states:::events:putEvents.waitForTaskToken", entries)
	if len(f.sent) != 1 {
		t.Errorf("sent %v", f.sent)
	}
	f.sent = nil
	out = f.run("arn:aws:states:::aws-sdk:eventbridge:putEvents", entries)
	if text := out.Output.String(); out.Failed || !strings.HasPrefix(text, `{"FailedEntryCount":0,"Entries":[{"EventId":"`) {
		t.Errorf("outcome %+v: %s", out, text)
	}
	f.want(`sqs q ["arn:r"]`)
}

func TestFailedEntry(t *testing.T) {
	f := open(t)
	f.rule("r", anySource, queueARN)
	malformed := `{"Entries":[{"Source":"shop","DetailType":"d","Detail":"jupiter"}]}`
	out := f.run("arn:aws:states:::events:putEvents", malformed)
	if !out.Failed || *out.Error != "EventBridge.FailedEntry" || *out.Cause != `{"Entries":[{"ErrorCode":"MalformedDetail","ErrorMessage":"Detail is malformed."}],"FailedEntryCount":1}` {
		t.Errorf("outcome %v %s %s", out.Failed, *out.Error, *out.Cause)
	}
	// All or none: the entry that is right is not put either.
	out = f.run("arn:aws:states:::events:putEvents", `{"Entries":[{"Source":"shop","DetailType":"d","Detail":"jupiter"},{"Source":"shop","DetailType":"d","Detail":{}}]}`)
	if !out.Failed || !strings.Contains(*out.Cause, `"ErrorCode":"InternalFailure"`) || !strings.HasSuffix(*out.Cause, `"FailedEntryCount":2}`) {
		t.Errorf("outcome %v %s", out.Failed, *out.Cause)
	}
	f.want()
	// The aws-sdk integration leaves it to the state machine.
	if out := f.run("arn:aws:states:::aws-sdk:eventbridge:putEvents", malformed); out.Failed {
		t.Errorf("outcome %s %s", *out.Error, *out.Cause)
	}
}
