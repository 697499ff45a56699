package function

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"time"

	"millrace/asl/document"
	"millrace/tasks"
)

// How often a call that nobody waits for is tried, and how long after the first
// failure it is tried again. Lambda waits one minute, then two.
const (
	asyncAttempts = 3
	asyncBackoff  = time.Minute
)

// invokeInput is Invoke as task states write it.
type invokeInput struct {
	named
	InvocationType string          `json:"InvocationType"`
	LogType        string          `json:"LogType"`
	ClientContext  string          `json:"ClientContext"` // base64
	Payload        json.RawMessage `json:"Payload"`
}

// invocation makes a call of the input. A payload that is a string is the
// event's JSON text; any other value is the event itself; null is none.
func (p *invokeInput) invocation(c tasks.Caller) (Invocation, error) {
	in := Invocation{Function: p.FunctionName, Qualifier: p.Qualifier, Key: c.Key}
	if p.ClientContext != "" {
		text, err := base64.StdEncoding.DecodeString(p.ClientContext)
		if err != nil || !document.Valid(text) {
			return in, tasks.Errorf("InvalidRequestContentException", "Client context must be a valid Base64-encoded JSON object.")
		}
		in.ClientContext = string(text)
	}
	switch v, err := document.Parse(p.Payload); {
	case len(p.Payload) == 0:
	case err != nil:
		return in, err
	default:
		if s, ok := v.(string); ok {
			in.Payload = []byte(s)
		} else if v != nil {
			in.Payload = p.Payload
		}
	}
	return in, nil
}

// invoked is Invoke's output. Payload is JSON text.
type invoked struct {
	ExecutedVersion string `json:"ExecutedVersion,omitempty"`
	FunctionError   string `json:"FunctionError,omitempty"`
	LogResult       string `json:"LogResult,omitempty"`
	Payload         string `json:"Payload,omitempty"`
	StatusCode      int    `json:"StatusCode"`
}

// invoke is Invoke for the SDK's callers inside the process.
func (s *Service) invoke(ctx context.Context, c tasks.Caller, raw json.RawMessage) (any, error) {
	var p invokeInput
	if err := tasks.Decode(raw, &p); err != nil {
		return nil, err
	}
	in, err := p.invocation(c)
	if err != nil {
		return nil, err
	}
	switch p.InvocationType {
	case "", "RequestResponse":
	case "Event":
		return invoked{StatusCode: http.StatusAccepted}, s.InvokeLater(ctx, in)
	case "DryRun":
		return invoked{StatusCode: http.StatusNoContent}, s.dryRun(ctx, in)
	default:
		return nil, invalid("Invalid invocation type %s: RequestResponse, Event and DryRun are valid.", short(p.InvocationType))
	}
	res, err := s.Invoke(ctx, in)
	if err != nil {
		return nil, err
	}
	out := invoked{ExecutedVersion: res.Version, Payload: string(res.Payload), StatusCode: http.StatusOK}
	if res.Failed {
		out.FunctionError = "Unhandled"
	}
	if p.LogType == "Tail" {
		out.LogResult = base64.StdEncoding.EncodeToString(res.Log)
	}
	return out, nil
}
