package tasks

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"millrace/engine"
)

// doHost is a host whose units see a fakeTx, or fail with err.
type doHost struct {
	fakeHost
	err error
}

func (h doHost) Do(_ context.Context, _ []string, f func(engine.Tx) error) error {
	if h.err != nil {
		return h.err
	}
	return f(&fakeTx{})
}

func (h doHost) Read(_ context.Context, f func(engine.Reader) error) error { return f(&fakeTx{}) }

func TestCall(t *testing.T) {
	for _, c := range []struct {
		resource, input string
		host            error
		output          string // how it begins
		name, fault     string
	}{
		{"arn:aws:states:::sqs:sendMessage", `{"MessageBody":{"a":1}}`, nil, `{"At":5,"Body":"{\"a\":1}"`, "", ""},
		{"arn:aws:states:::aws-sdk:sqs:listQueues", `{}`, nil, `{"At":"1970-01-01T`, "", ""},
		{"arn:aws:states:::aws-sdk:sqs:receiveMessage", `{}`, nil, "", "Mine", ""},
		{"arn:aws:states:::sqs:nothing", `{}`, nil, "", "States.Runtime", ""},
		{"arn:aws:states:us-east-1:000000000000:activity:a", `{}`, nil, "", "States.Runtime", ""},
		{"arn:aws:states:::sqs:sendMessage", `{}`, errors.New("disk"), "", "", "call arn:aws:states:::sqs:sendMessage: disk"},
	} {
		g := NewRegistry(doHost{err: c.host})
		g.Add(queueLike())
		o, err := g.Call(t.Context(), engine.Call{Resource: c.resource, Input: json.RawMessage(c.input), Key: "k"})
		fault := ""
		if err != nil {
			fault = err.Error()
		}
		name := ""
		if o.Error != nil {
			name = *o.Error
		}
		output := ""
		if o.Output != nil {
			output = o.Output.String()
		}
		if fault != c.fault || name != c.name || o.Failed != (c.name != "") || !strings.HasPrefix(output, c.output) {
			t.Errorf("%s: got %q %q %q, want %q %q %q", c.resource, output, name, fault, c.output, c.name, c.fault)
		}
	}
}
