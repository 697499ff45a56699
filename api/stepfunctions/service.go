// Package stepfunctions speaks the AWS Step Functions JSON protocol: it checks
// a request against the service's model, calls the engine, and words answers
// and errors as AWS words them.
package stepfunctions

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"millrace/api"
	"millrace/asl/document"
	"millrace/integrations/wire"
	"millrace/tasks"
)

// Target is the prefix of X-Amz-Target by which requests for this service are known.
const Target = "AWSStepFunctions."

// MaxBody is the most bytes of a request's body: a definition of 1 MiB whose
// every other character is escaped, and the rest of the input.
const MaxBody = 3 << 20

// Config is what a Service needs. Engine is required.
type Config struct {
	Engine Engine
	// LogGroup tells whether a CloudWatch Logs log group exists, by ARN. nil: every group does.
	LogGroup func(ctx context.Context, arn string) (bool, error)
	// Tasks is for TestState. nil: it tests task states with mocks only.
	Tasks Tasks
	Log   *slog.Logger // nil: slog.Default()
}

// Service is the protocol's HTTP handler. It is safe for concurrent use.
type Service struct {
	engine     Engine
	logGroup   func(ctx context.Context, arn string) (bool, error)
	tasks      Tasks
	log        *slog.Logger
	operations map[string]operation
}

// operation is one operation: what its input must be, and what answers it. The
// answer is encoded as JSON; nil is {}.
type operation struct {
	members []member
	answer  func(ctx context.Context, input []byte) (any, error)
}

// New makes a Service.
func New(c Config) *Service {
	s := &Service{engine: c.Engine, logGroup: c.LogGroup, tasks: c.Tasks, log: c.Log}
	if s.log == nil {
		s.log = slog.Default()
	}
	members := inputs()
	s.operations = map[string]operation{}
	for name, answer := range s.answers() {
		s.operations[name] = operation{members[name], answer}
	}
	return s
}

// Operations returns the names of the operations that are answered, unordered.
func (s *Service) Operations() []string {
	names := make([]string, 0, len(s.operations))
	for name := range s.operations {
		names = append(names, name)
	}
	return names
}

// answers is the table of the operations.
func (s *Service) answers() map[string]func(context.Context, []byte) (any, error) {
	return map[string]func(context.Context, []byte) (any, error){
		"CreateStateMachine":               decoded(s.createStateMachine),
		"UpdateStateMachine":               decoded(s.updateStateMachine),
		"DeleteStateMachine":               decoded(s.deleteStateMachine),
		"DescribeStateMachine":             decoded(s.describeStateMachine),
		"DescribeStateMachineForExecution": decoded(s.describeStateMachineForExecution),
		"ListStateMachines":                decoded(s.listStateMachines),
		"ValidateStateMachineDefinition":   decoded(s.validateStateMachineDefinition),
		"TestState":                        decoded(s.testState),
		"PublishStateMachineVersion":       decoded(s.publishStateMachineVersion),
		"DeleteStateMachineVersion":        decoded(s.deleteStateMachineVersion),
		"ListStateMachineVersions":         decoded(s.listStateMachineVersions),
		"CreateStateMachineAlias":          decoded(s.createStateMachineAlias),
		"UpdateStateMachineAlias":          decoded(s.updateStateMachineAlias),
		"DeleteStateMachineAlias":          decoded(s.deleteStateMachineAlias),
		"DescribeStateMachineAlias":        decoded(s.describeStateMachineAlias),
		"ListStateMachineAliases":          decoded(s.listStateMachineAliases),
		"TagResource":                      decoded(s.tagResource),
		"UntagResource":                    decoded(s.untagResource),
		"ListTagsForResource":              decoded(s.listTagsForResource),
		"StartExecution":                   decoded(s.startExecution),
		"StartSyncExecution":               decoded(s.startSyncExecution),
		"StopExecution":                    decoded(s.stopExecution),
		"DescribeExecution":                decoded(s.describeExecution),
		"ListExecutions":                   decoded(s.listExecutions),
		"GetExecutionHistory":              decoded(s.getExecutionHistory),
		"DescribeMapRun":                   decoded(s.describeMapRun),
		"ListMapRuns":                      decoded(s.listMapRuns),
		"UpdateMapRun":                     decoded(s.updateMapRun),
		"SendTaskSuccess":                  decoded(s.sendTaskSuccess),
		"SendTaskFailure":                  decoded(s.sendTaskFailure),
		"SendTaskHeartbeat":                decoded(s.sendTaskHeartbeat),
		"CreateActivity":                   decoded(s.createActivity),
		"DescribeActivity":                 decoded(s.describeActivity),
		"DeleteActivity":                   decoded(s.deleteActivity),
		"ListActivities":                   decoded(s.listActivities),
		"GetActivityTask":                  decoded(s.getActivityTask),
	}
}

// decoded makes an answer of a function over a typed input.
func decoded[T any](f func(context.Context, *T) (any, error)) func(context.Context, []byte) (any, error) {
	return func(ctx context.Context, input []byte) (any, error) {
		in := new(T)
		if err := json.Unmarshal(input, in); err != nil {
			return nil, fault("SerializationException", "%s", err)
		}
		return f(ctx, in)
	}
}

// ServeHTTP answers a request whose X-Amz-Target begins with [Target].
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Amzn-Requestid", wire.NewRequestID())
	out, err := s.serve(w, r)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	respond(w, http.StatusOK, out)
}

func (s *Service) serve(w http.ResponseWriter, r *http.Request) (any, error) {
	name := strings.TrimPrefix(r.Header.Get("X-Amz-Target"), Target)
	if r.Method != http.MethodPost {
		return nil, unknown(r.Method + " " + name)
	}
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind != "" && !strings.HasSuffix(kind, "json") && !strings.HasPrefix(kind, "application/x-amz-json-1.") {
		return nil, &api.Fault{Name: "SerializationException", Status: http.StatusUnsupportedMediaType,
			Message: "Content-Type is " + cut(kind, 80) + ", want application/x-amz-json-1.0"}
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxBody))
	if err != nil {
		var long *http.MaxBytesError
		if errors.As(err, &long) {
			return nil, &api.Fault{Name: "RequestEntityTooLargeException", Status: http.StatusRequestEntityTooLarge,
				Message: "The request has more than " + strconv.Itoa(MaxBody) + " bytes."}
		}
		return nil, fault("SerializationException", "the body could not be read: %s", err)
	}
	return s.call(r.Context(), name, body)
}

// call answers an operation whose input is JSON text.
func (s *Service) call(ctx context.Context, name string, body []byte) (any, error) {
	op, ok := s.operations[name]
	if !ok {
		return nil, unknown(name)
	}
	if len(bytes.TrimSpace(body)) == 0 {
		body = []byte("{}")
	}
	v, err := document.Parse(body)
	if err != nil {
		return nil, fault("SerializationException", "the body is no JSON: %s", err)
	}
	input, ok := v.(*document.Object)
	if !ok {
		return nil, fault("SerializationException", "the body is no JSON object")
	}
	if err := check(op.members, input); err != nil {
		return nil, err
	}
	return op.answer(ctx, body)
}

// Answer answers a call from inside the process, such as a task state's. Errors
// for the caller are *tasks.Error.
func (s *Service) Answer(ctx context.Context, operation string, input []byte) ([]byte, error) {
	out, err := s.call(ctx, operation, input)
	if f := api.FaultOf(err, ""); f != nil {
		return nil, &tasks.Error{Code: f.Name, Message: f.Message, Status: f.Status}
	}
	if err != nil {
		return nil, err
	}
	return encode(out), nil
}

func unknown(what string) error {
	return fault("UnknownOperationException", "%s is no operation of Step Functions here: POST with X-Amz-Target %sOperation", cut(what, 80), Target)
}

// refuse answers with an error. What is not the caller's fault is logged, and
// the caller learns no more than that.
func (s *Service) refuse(w http.ResponseWriter, r *http.Request, err error) {
	f := api.FaultOf(err, "")
	if f == nil {
		s.log.Error("answer a request", "target", r.Header.Get("X-Amz-Target"), "error", err)
		f = &api.Fault{Name: "InternalFailure", Message: "An internal error has occurred.", Status: http.StatusInternalServerError}
	}
	w.Header().Set("X-Amzn-Errortype", f.Name)
	respond(w, f.Status, struct {
		Type    string `json:"__type"`
		Message string `json:"message"`
	}{f.Name, f.Message})
}

func respond(w http.ResponseWriter, status int, out any) {
	b := encode(out)
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	w.Header().Set("Content-Length", strconv.Itoa(len(b)))
	w.WriteHeader(status)
	w.Write(b)
}

// encode makes the JSON of an answer.
func encode(out any) []byte {
	if out == nil {
		return []byte("{}")
	}
	if raw, ok := out.(json.RawMessage); ok {
		return raw
	}
	b := bytes.NewBuffer(make([]byte, 0, 512))
	e := json.NewEncoder(b)
	e.SetEscapeHTML(false)
	if err := e.Encode(out); err != nil {
		panic("stepfunctions: an answer has no JSON form: " + err.Error())
	}
	return b.Bytes()[:b.Len()-1]
}

// stamp is a time as the protocol has it: seconds since 1970 with three decimals.
type stamp time.Time

// MarshalJSON makes a number.
func (t stamp) MarshalJSON() ([]byte, error) {
	ms := time.Time(t).UnixMilli()
	return strconv.AppendFloat(nil, float64(ms)/1000, 'f', 3, 64), nil
}

// when is the stamp of t, or nil for the zero time.
func when(t time.Time) *stamp {
	if t.IsZero() {
		return nil
	}
	s := stamp(t)
	return &s
}

// pages are the members of an input that ask for a part of a list.
type pages struct {
	MaxResults int    `json:"maxResults"`
	NextToken  string `json:"nextToken"`
}
