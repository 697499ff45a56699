package stepfunctions

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"millrace/engine"
)

const (
	testMachine   = "arn:aws:states:us-east-1:000000000000:stateMachine:order"
	testExecution = "arn:aws:states:us-east-1:000000000000:execution:order:one"
	testRole      = "arn:aws:iam::000000000000:role/x"
)

// fake is an engine in which nothing is: every door answers with err.
type fake struct {
	Engine
	err     error
	machine engine.StateMachine
	created engine.CreateStateMachine
}

func (f *fake) CreateStateMachine(_ context.Context, c engine.CreateStateMachine) (engine.StateMachine, error) {
	f.created = c
	return engine.StateMachine{ARN: testMachine, Name: c.Name, Created: time.UnixMilli(1500)}, f.err
}
func (f *fake) UpdateStateMachine(context.Context, engine.UpdateStateMachine) (engine.StateMachine, error) {
	return f.machine, f.err
}
func (f *fake) DeleteStateMachine(context.Context, string) error { return f.err }
func (f *fake) DescribeStateMachine(context.Context, string) (engine.StateMachine, error) {
	return f.machine, f.err
}
func (f *fake) StartExecution(context.Context, engine.StartInput) (engine.Started, error) {
	return engine.Started{ARN: testExecution, Started: time.UnixMilli(1724231670123)}, f.err
}
func (f *fake) StartSyncExecution(context.Context, engine.StartInput) (engine.ExecutionInfo, engine.Billing, error) {
	return engine.ExecutionInfo{}, engine.Billing{}, f.err
}
func (f *fake) DescribeExecution(context.Context, string) (engine.ExecutionInfo, error) {
	return engine.ExecutionInfo{}, f.err
}
func (f *fake) ListExecutions(context.Context, engine.ListFilter, engine.Page) ([]engine.ExecutionInfo, string, error) {
	return nil, "", f.err
}
func (f *fake) SendTaskSuccess(context.Context, string, []byte) error { return f.err }
func (f *fake) CreateActivity(_ context.Context, name string) (engine.Activity, error) {
	return engine.Activity{ARN: "arn:aws:states:us-east-1:000000000000:activity:" + name}, f.err
}
func (f *fake) DescribeActivity(context.Context, string) (engine.Activity, error) {
	return engine.Activity{}, f.err
}

// post sends body to an operation and returns the answer.
func post(t *testing.T, e Engine, operation, body string) (status int, answer map[string]any) {
	t.Helper()
	s := New(Config{Engine: e, Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
	r.Header.Set("X-Amz-Target", Target+operation)
	r.Header.Set("Content-Type", "application/x-amz-json-1.0")
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
		t.Fatalf("%s: the answer %q is no JSON object: %v", operation, w.Body, err)
	}
	return w.Code, answer
}

// encoded is the JSON of members.
func encoded(pairs ...any) string {
	m := map[string]any{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i].(string)] = pairs[i+1]
	}
	b, _ := json.Marshal(m)
	return string(b)
}

func TestRefusals(t *testing.T) {
	long := strings.Repeat("x", 1025)
	for _, c := range []struct {
		name, operation, body string
		code, message         string // message "": any
	}{
		{"unknown operation", "MakeCoffee", "{}", "UnknownOperationException", ""},
		{"no operation", "", "{}", "UnknownOperationException", ""},
		{"malformed JSON", "StartExecution", `{"stateMachineArn":`, "SerializationException", ""},
		{"no object", "StartExecution", `[1]`, "SerializationException", ""},
		{"a number for a text", "StartExecution", `{"stateMachineArn":7}`, "SerializationException", "NUMBER_VALUE can not be converted to a String at 'stateMachineArn'"},
		{"a text for a number", "ListStateMachines", `{"maxResults":"7"}`, "SerializationException", ""},
		{"a fraction for an integer", "ListStateMachines", `{"maxResults":7.5}`, "SerializationException", ""},
		{"a text for a truth", "GetExecutionHistory", encoded("executionArn", testExecution, "reverseOrder", "yes"), "SerializationException", ""},
		{"a text for a structure", "CreateStateMachine", encoded("name", "a", "definition", "{}", "roleArn", testRole, "loggingConfiguration", "x"), "SerializationException", ""},
		{"a null in a list", "UntagResource", `{"resourceArn":"` + testMachine + `","tagKeys":[null]}`, "SerializationException", ""},
		{"a number in a list", "UntagResource", `{"resourceArn":"` + testMachine + `","tagKeys":["a",1]}`, "SerializationException", ""},
		{"a tag without a key", "TagResource", `{"resourceArn":"` + testMachine + `","tags":[{"key":""}]}`, "ValidationException",
			"1 validation error detected: Value '' at 'tags.1.member.key' failed to satisfy constraint: Member must have length greater than or equal to 1"},
		{"an alias of digits", "CreateStateMachineAlias", `{"name":"123","routingConfiguration":[{"stateMachineVersionArn":"` + testMachine + `:1","weight":100}]}`, "ValidationException",
			`1 validation error detected: Value '123' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: ^(?=.*[a-zA-Z_\-\.])[a-zA-Z0-9_\-\.]+$`},
		{"a weight of 101", "CreateStateMachineAlias", `{"name":"a","routingConfiguration":[{"stateMachineVersionArn":"` + testMachine + `:1","weight":101}]}`, "ValidationException",
			"1 validation error detected: Value '101' at 'routingConfiguration.1.member.weight' failed to satisfy constraint: Member must have value less than or equal to 100"},
		{"three routes", "CreateStateMachineAlias", `{"name":"a","routingConfiguration":[{"stateMachineVersionArn":"x","weight":1},{"stateMachineVersionArn":"y","weight":2},{"weight":3,"stateMachineVersionArn":"z"}]}`, "ValidationException",
			"1 validation error detected: Value '[RoutingConfigurationListItem(stateMachineVersionArn=x, weight=1), RoutingConfigurationListItem(stateMachineVersionArn=y, weight=2), RoutingConfigurationListItem(stateMachineVersionArn=z, weight=3)]' at 'routingConfiguration' failed to satisfy constraint: Member must have length less than or equal to 2"},
		{"a description without a version", "CreateStateMachine", encoded("name", "a", "definition", "{}", "roleArn", testRole, "versionDescription", "x"), "ValidationException", ""},
		{"nothing to update of an alias", "UpdateStateMachineAlias", encoded("stateMachineAliasArn", testMachine+":a"), "ValidationException", ""},
		{"missing member", "StartExecution", `{}`, "ValidationException",
			"1 validation error detected: Value null at 'stateMachineArn' failed to satisfy constraint: Member must not be null"},
		{"two missing members", "SendTaskSuccess", `{}`, "ValidationException",
			"2 validation errors detected: Value null at 'taskToken' failed to satisfy constraint: Member must not be null; Value null at 'output' failed to satisfy constraint: Member must not be null"},
		{"too large a page", "ListStateMachines", `{"maxResults":1001}`, "ValidationException",
			"1 validation error detected: Value '1001' at 'maxResults' failed to satisfy constraint: Member must have value less than or equal to 1000"},
		{"a negative page", "ListStateMachines", `{"maxResults":-1}`, "ValidationException",
			"1 validation error detected: Value '-1' at 'maxResults' failed to satisfy constraint: Member must have value greater than or equal to 0"},
		{"too long a page token", "ListStateMachines", encoded("nextToken", long), "ValidationException",
			"1 validation error detected: Value '" + long + "' at 'nextToken' failed to satisfy constraint: Member must have length less than or equal to 1024"},
		{"an unknown type", "CreateStateMachine", encoded("name", "a", "definition", "{}", "roleArn", testRole, "type", "SLOW"), "ValidationException",
			"1 validation error detected: Value 'SLOW' at 'type' failed to satisfy constraint: Member must satisfy enum value set: [STANDARD, EXPRESS]"},
		{"a name of 81 characters", "CreateActivity", encoded("name", strings.Repeat("n", 81)), "ValidationException",
			"1 validation error detected: Value '" + strings.Repeat("n", 81) + "' at 'name' failed to satisfy constraint: Member must have length less than or equal to 80"},
		{"a bad name", "CreateActivity", encoded("name", "a b"), "InvalidName", "Invalid Name: 'a b'"},
		{"a control character in a name", "CreateActivity", encoded("name", "a\u0085"), "InvalidName", ""},
		{"a hidden value", "CreateStateMachine", encoded("name", "a", "definition", "", "roleArn", testRole), "ValidationException",
			"1 validation error detected: Value at 'definition' failed to satisfy constraint: Member must have length greater than or equal to 1"},
		{"no ARN", "DescribeStateMachine", encoded("stateMachineArn", "not_a_valid_arn"), "InvalidArn", "Invalid Arn: 'Invalid ARN prefix: not_a_valid_arn'"},
		{"an ARN cut short", "DescribeStateMachine", encoded("stateMachineArn", "arn:aws:states"), "InvalidArn", ""},
		{"an ARN of another service", "DescribeStateMachine", encoded("stateMachineArn", "arn:aws:sqs:us-east-1:000000000000:q:x"), "InvalidArn", ""},
		{"an ARN of another kind", "DescribeStateMachine", encoded("stateMachineArn", testExecution), "InvalidArn", "Invalid Arn: 'Resource type not valid in this context: execution'"},
		{"a role that is no ARN", "CreateStateMachine", encoded("name", "a", "definition", "{}", "roleArn", "me"), "InvalidArn", ""},
		{"an input that is no JSON", "StartExecution", encoded("stateMachineArn", testMachine, "input", "not JSON"), "InvalidExecutionInput", ""},
		{"an input of 300 KiB", "StartExecution", encoded("stateMachineArn", testMachine, "input", `"`+strings.Repeat("x", 300<<10)+`"`), "ValidationException",
			"1 validation error detected: Value at 'input' failed to satisfy constraint: Member must have length less than or equal to 262144"},
		{"an input of too many bytes", "StartExecution", encoded("stateMachineArn", testMachine, "input", `"`+strings.Repeat("ü", 140<<10)+`"`), "ValidationException", ""},
		{"an output that is no JSON", "SendTaskSuccess", encoded("taskToken", "t", "output", "{"), "InvalidOutput", ""},
		{"no machine and no Map Run", "ListExecutions", `{}`, "ValidationException", ""},
		{"a log level without a destination", "CreateStateMachine", `{"name":"a","definition":"{}","roleArn":"` + testRole + `","loggingConfiguration":{"level":"ALL"}}`, "InvalidLoggingConfiguration", ""},
		{"a key of one's own", "CreateActivity", `{"name":"a","encryptionConfiguration":{"type":"CUSTOMER_MANAGED_KMS_KEY"}}`, "InvalidEncryptionConfiguration", ""},
		{"nothing to update", "UpdateStateMachine", encoded("stateMachineArn", testMachine), "MissingRequiredParameter",
			"Either the definition, the role ARN, the LoggingConfiguration, or the TracingConfiguration must be specified"},
	} {
		status, answer := post(t, &fake{}, c.operation, c.body)
		if status < 400 || status > 499 || answer["__type"] != c.code {
			t.Errorf("%s: got %d %.300v, want %s", c.name, status, answer, c.code)
		} else if c.message != "" && answer["message"] != c.message {
			t.Errorf("%s: got %.300q, want %q", c.name, answer["message"], c.message)
		}
	}
}

func TestEngineErrorsAreNamed(t *testing.T) {
	machine, execution := encoded("stateMachineArn", testMachine), encoded("executionArn", testExecution)
	for _, c := range []struct {
		err             error
		operation, body string
		status          int
		code, message   string
	}{
		{engine.ErrMachineNotFound, "DescribeStateMachine", machine, 400, "StateMachineDoesNotExist", "State Machine Does Not Exist: '" + testMachine + "'"},
		{engine.ErrMachineNotFound, "StartExecution", machine, 400, "StateMachineDoesNotExist", "State Machine Does Not Exist: '" + testMachine + "'"},
		{engine.ErrMachineNotFound, "ListExecutions", machine, 400, "StateMachineDoesNotExist", "State Machine Does Not Exist: '" + testMachine + "'"},
		{engine.ErrExecutionExists, "StartExecution", encoded("stateMachineArn", testMachine, "name", "one"), 400, "ExecutionAlreadyExists", "Execution Already Exists: '" + testExecution + "'"},
		{engine.ErrExecutionNotFound, "DescribeExecution", execution, 400, "ExecutionDoesNotExist", "Execution Does Not Exist: '" + testExecution + "'"},
		{engine.ErrActivityNotFound, "DescribeActivity", encoded("activityArn", "arn:aws:states:us-east-1:000000000000:activity:a"), 400, "ActivityDoesNotExist", "Activity Does Not Exist: 'arn:aws:states:us-east-1:000000000000:activity:a'"},
		{engine.ErrInvalidToken, "SendTaskSuccess", encoded("taskToken", "t", "output", "1"), 400, "InvalidToken", "Invalid Token: 'Invalid token'"},
		{engine.ErrTaskTimedOut, "SendTaskSuccess", encoded("taskToken", "t", "output", "1"), 400, "TaskTimedOut", "Task Timed Out: 'Provided task does not exist anymore'"},
		{engine.ErrTypeNotSupported, "StartSyncExecution", machine, 400, "StateMachineTypeNotSupported", "This operation is not supported by this type of state machine"},
		{engine.ErrInvalidToken, "ListExecutions", encoded("stateMachineArn", testMachine, "nextToken", "x"), 400, "InvalidToken", "Invalid Token: 'Invalid token'"},
		{engine.ErrBusy, "StartExecution", machine, 503, "ServiceUnavailable", ""},
		{errors.New("disk /dev/secret failed"), "StartExecution", machine, 500, "InternalFailure", "An internal error has occurred."},
	} {
		status, answer := post(t, &fake{err: c.err}, c.operation, c.body)
		if status != c.status || answer["__type"] != c.code || c.message != "" && answer["message"] != c.message {
			t.Errorf("%s with %v: got %d %v, want %d %s %q", c.operation, c.err, status, answer, c.status, c.code, c.message)
		}
	}
}

func TestWhatIsNotThereIsDeletedWithoutError(t *testing.T) {
	if status, answer := post(t, &fake{err: engine.ErrMachineNotFound}, "DeleteStateMachine", encoded("stateMachineArn", testMachine)); status != 200 || len(answer) != 0 {
		t.Errorf("got %d %v, want 200 and {}", status, answer)
	}
}

func TestTimesAreSecondsWithMilliseconds(t *testing.T) {
	_, answer := post(t, &fake{}, "StartExecution", encoded("stateMachineArn", testMachine))
	if got, want := answer["startDate"], 1724231670.123; got != want {
		t.Errorf("startDate is %v, want %v", got, want)
	}
}

func TestDefaultSettingsAreNotStored(t *testing.T) {
	for name, configuration := range map[string]string{
		"none":        ``,
		"empty":       `,"loggingConfiguration":{}`,
		"spelled out": `,"loggingConfiguration":{"level":"OFF","includeExecutionData":false},"tracingConfiguration":{"enabled":false},"encryptionConfiguration":{"type":"AWS_OWNED_KEY"}`,
	} {
		f := &fake{}
		post(t, f, "CreateStateMachine", `{"name":"a","definition":"{}","roleArn":"`+testRole+`"`+configuration+`}`)
		if string(f.created.Settings) != "{}" {
			t.Errorf("%s: stored %s, want {}: a machine with the defaults is the same machine", name, f.created.Settings)
		}
	}
}

func TestDescribedSettings(t *testing.T) {
	f := &fake{machine: engine.StateMachine{ARN: testMachine, Settings: json.RawMessage(`{"loggingConfiguration":{"level":"OFF","includeExecutionData":true,"destinations":[]}}`)}}
	_, answer := post(t, f, "DescribeStateMachine", encoded("stateMachineArn", testMachine))
	b, _ := json.Marshal([]any{answer["loggingConfiguration"], answer["tracingConfiguration"], answer["encryptionConfiguration"]})
	if got, want := string(b), `[{"destinations":[],"includeExecutionData":true,"level":"OFF"},{"enabled":false},{"type":"AWS_OWNED_KEY"}]`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestOtherRequests(t *testing.T) {
	s := New(Config{Engine: &fake{}, Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	for _, c := range []struct {
		name   string
		change func(*http.Request)
		body   io.Reader
		status int
	}{
		{"the wrong verb", func(r *http.Request) { r.Method = http.MethodGet }, strings.NewReader("{}"), 400},
		{"the wrong content type", func(r *http.Request) { r.Header.Set("Content-Type", "text/xml") }, strings.NewReader("{}"), 415},
		{"JSON 1.1", func(r *http.Request) { r.Header.Set("Content-Type", "application/x-amz-json-1.1; charset=utf-8") }, strings.NewReader("{}"), 200},
		{"no content type", func(r *http.Request) { r.Header.Del("Content-Type") }, strings.NewReader("{}"), 200},
		{"no body", func(*http.Request) {}, strings.NewReader(""), 200},
		{"a giant body", func(*http.Request) {}, io.LimitReader(endless{}, MaxBody+1), 413},
		{"a body that ends early", func(*http.Request) {}, &broken{}, 400},
		{"bytes that are no text", func(*http.Request) {}, strings.NewReader("{\"nextToken\":\"\xff\xfe\"}"), 200},
	} {
		r := httptest.NewRequest(http.MethodPost, "/", c.body)
		r.Header.Set("X-Amz-Target", Target+"ListStateMachines")
		r.Header.Set("Content-Type", "application/x-amz-json-1.0")
		c.change(r)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code != c.status {
			t.Errorf("%s: got %d %s, want %d", c.name, w.Code, w.Body, c.status)
		}
	}
}

func (f *fake) ListStateMachines(context.Context, engine.Page) ([]engine.StateMachine, string, error) {
	return nil, "", f.err
}

// endless reads spaces for ever.
type endless struct{}

func (endless) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = ' '
	}
	return len(b), nil
}

type broken struct{}

func (*broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
