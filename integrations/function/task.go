package function

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"millrace/asl/document"
	"millrace/engine"
	"millrace/engine/interp"
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

// Register makes the service's resources known: lambda:invoke, aws-sdk:lambda and function ARNs.
func (s *Service) Register(g *tasks.Registry) {
	// The optimised integration answers in a form of its own, so it is a service
	// of its own; the second Add takes the aws-sdk ARNs back.
	optimised := *s.service
	optimised.Operations = []tasks.Operation{{Name: "Invoke", Wait: s.invokeOptimised, Lost: engine.Repeat}}
	optimised.Optimised = []string{"Invoke"}
	g.Add(&optimised)
	g.Add(s.service)
	g.Functions(func(r tasks.Resource) (engine.Task, error) { return &task{s, r}, nil })
}

// task is a function's ARN as a resource: the task's input is the event, and the
// answer is its output. Asynchronous calls are follow-ups to it.
type task struct {
	service  *Service
	resource tasks.Resource
}

func (t *task) Resource() string { return t.resource.Text }

func (t *task) Lost() engine.LostPolicy { return engine.Repeat }

func (t *task) Call(ctx context.Context, c engine.Call) (interp.Outcome, error) {
	res, err := t.service.Invoke(ctx, Invocation{Function: t.resource.Text, Payload: c.Input, Key: c.Key})
	if e := (*tasks.Error)(nil); errors.As(err, &e) {
		return t.service.service.Failure(e, false, tasks.RequestID(c.Key)).Outcome(), nil
	}
	if err != nil {
		return interp.Outcome{}, err
	}
	if res.Failed {
		return failure(res.Payload, string(res.Payload)).Outcome(), nil
	}
	return interp.Outcome{Output: document.FromBytes(res.Payload)}, nil
}

// failure is a function error as a workflow error: its type is the name and all of it the cause.
func failure(payload []byte, cause string) *tasks.Failure {
	v, _ := document.Parse(payload) // Invoke gives JSON
	if o, ok := v.(*document.Object); ok {
		if kind, ok := o.Get("errorType"); ok {
			if name, ok := kind.(string); ok && name != "" {
				return &tasks.Failure{Name: name, Cause: cause}
			}
		}
	}
	return &tasks.Failure{Name: "Lambda.Unknown", Cause: "The cause could not be determined because Lambda did not return an error type. Returned payload: " + cause}
}

// invokeOptimised is Invoke as arn:aws:states:::lambda:invoke has it: the payload
// is JSON, not its text, and a function error is the task's.
func (s *Service) invokeOptimised(ctx context.Context, c tasks.Caller, raw json.RawMessage) (any, error) {
	out, err := s.invoke(ctx, c, raw)
	if err != nil {
		return nil, err
	}
	sdk := out.(invoked)
	if sdk.FunctionError != "" {
		v, err := document.Parse([]byte(sdk.Payload))
		if err != nil {
			return nil, err
		}
		return nil, failure([]byte(sdk.Payload), string(document.Append(nil, v)))
	}
	o := document.NewObject(4)
	if sdk.ExecutedVersion != "" {
		o.Set("ExecutedVersion", sdk.ExecutedVersion)
	}
	if sdk.LogResult != "" {
		o.Set("LogResult", sdk.LogResult)
	}
	if sdk.Payload != "" {
		v, err := document.Parse([]byte(sdk.Payload))
		if err != nil {
			return nil, err
		}
		o.Set("Payload", v)
	}
	o.Set("StatusCode", document.Int(int64(sdk.StatusCode)))
	return o, nil
}

// invoke is Invoke as the SDK's callers have it.
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
