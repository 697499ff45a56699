package function

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"

	"millrace/engine"
	"millrace/engine/leaktest"
	"millrace/integrations/function/runtime"
	"millrace/integrations/wire/hosttest"
	"millrace/tasks"
)

// TestMain is the program of the tests' functions too, when it is started with a
// behaviour's name.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && behaviours[os.Args[1]] != nil {
		if err := runtime.Serve(context.Background(), behaviours[os.Args[1]]); err != nil {
			os.Exit(3)
		}
		return
	}
	leaktest.Main(m)
}

type CustomError struct{ reason string }

func (e *CustomError) Error() string { return e.reason }

// behaviours are the functions of the tests, by handler name.
var behaviours = map[string]runtime.Handler{
	"echo":  func(_ context.Context, event []byte) ([]byte, error) { return event, nil },
	"fail":  func(context.Context, []byte) ([]byte, error) { return nil, &CustomError{"no <luck>"} },
	"panic": func(_ context.Context, event []byte) ([]byte, error) { return event[:cap(event)+1], nil },
	"exit":  func(context.Context, []byte) ([]byte, error) { os.Exit(7); return nil, nil },
	"hang": func(ctx context.Context, _ []byte) ([]byte, error) {
		select {} // even the deadline does not move it
	},
	"wait":  func(ctx context.Context, _ []byte) ([]byte, error) { <-ctx.Done(); return nil, ctx.Err() },
	"large": func(context.Context, []byte) ([]byte, error) { return bytes.Repeat([]byte("1"), maxAnswer+1), nil },
	"pid":   func(context.Context, []byte) ([]byte, error) { return json.Marshal(os.Getpid()) },
	"print": func(context.Context, []byte) ([]byte, error) {
		fmt.Println("hello from the function")
		return []byte("1"), nil
	},
	"env": func(ctx context.Context, _ []byte) ([]byte, error) {
		i, _ := runtime.FromContext(ctx)
		return json.Marshal(map[string]any{
			"name": os.Getenv("AWS_LAMBDA_FUNCTION_NAME"), "endpoint": os.Getenv("AWS_ENDPOINT_URL"), "region": os.Getenv("AWS_REGION"), "memory": os.Getenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE"),
			"own": os.Getenv("OWN"), "handler": os.Getenv("_HANDLER"), "arn": i.FunctionARN, "id": i.RequestID != "", "deadline": !i.Deadline.IsZero(), "secret": os.Getenv("MILLRACE_TEST_SECRET"),
		})
	},
}

func open(t *testing.T, o Options) (*Service, *hosttest.Host) {
	t.Helper()
	h := hosttest.New(t, Migrations())
	if o.Programs == nil {
		o.Programs = map[string]Program{}
		for name := range behaviours {
			o.Programs[name] = Program{Args: []string{name}}
		}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	s, err := Open(h, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s, h
}

func invoke(s *Service, operation string, in any) (string, error) {
	text, err := json.Marshal(in)
	if err != nil {
		return "", err
	}
	out, err := tasks.Invoke(context.Background(), s.host, s.service, operation, tasks.Caller{}, text)
	if err != nil {
		return "", err
	}
	b, err := tasks.Encode(out, tasks.Form{})
	return string(b), err
}

func errCode(err error) string {
	if e := (*tasks.Error)(nil); errors.As(err, &e) {
		return e.Code
	}
	if err != nil {
		return "not a *tasks.Error: " + err.Error()
	}
	return ""
}

type m = map[string]any

// zipOf makes a zip file of names and texts in turn.
func zipOf(t *testing.T, files ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := 0; i+1 < len(files); i += 2 {
		w, err := z.Create(files[i])
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(w, files[i+1])
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// create makes the function f of a behaviour of this program.
func create(t *testing.T, s *Service, behaviour string, more m) {
	t.Helper()
	in := m{"FunctionName": "f", "Runtime": "provided.al2023", "Handler": behaviour, "Timeout": 60, "Code": m{"ZipFile": zipOf(t)}}
	for k, v := range more {
		in[k] = v
	}
	if _, err := invoke(s, "CreateFunction", in); err != nil {
		t.Fatal(err)
	}
}

func run(t *testing.T, s *Service, payload string) Result {
	t.Helper()
	r, err := s.Invoke(context.Background(), Invocation{Function: "f", Payload: []byte(payload)})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestHandlersInTheProcess(t *testing.T) {
	s, _ := open(t, Options{Handlers: behaviours})
	call := func(name string) Result {
		t.Helper()
		r, err := s.Invoke(context.Background(), Invocation{Function: name, Payload: []byte(`1`)})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	if got := string(call("pid").Payload); got != fmt.Sprint(os.Getpid()) {
		t.Errorf("it ran in process %s", got)
	}
	if r := call("fail"); string(r.Payload) != `{"errorMessage":"no <luck>","errorType":"CustomError"}` || !r.Failed {
		t.Errorf("got %s", r.Payload)
	}
	if r := call("panic"); !r.Failed || !strings.Contains(string(r.Payload), "slice bounds out of range") {
		t.Errorf("got %s", r.Payload)
	}
	create(t, s, "pid", nil)
	if got := string(run(t, s, `{}`).Payload); got != fmt.Sprint(os.Getpid()) {
		t.Errorf("a created function ran in process %s", got)
	}
	in := Invocation{}
	late := &function{} // its time is up at once
	if a, err := s.call(t.Context(), late, behaviours["wait"], in.event("")); err != nil || !a.failed || !strings.Contains(string(a.payload), "Sandbox.Timedout") {
		t.Errorf("got %s, %v", a.payload, err)
	}
}

func TestRequestIDsFollowTheKey(t *testing.T) {
	s, _ := open(t, Options{Handlers: behaviours})
	id := func(key string) string {
		r, err := s.Invoke(context.Background(), Invocation{Function: "echo", Key: key})
		if err != nil {
			t.Fatal(err)
		}
		return r.RequestID
	}
	if a, b, c := id("1/2"), id("1/2"), id("1/3"); a != b || a == c {
		t.Errorf("ids %s, %s, %s: a repeated call keeps its id", a, b, c)
	}
}

func TestRefusals(t *testing.T) {
	s, _ := open(t, Options{})
	create(t, s, "echo", nil)
	ok := m{"FunctionName": "g", "Runtime": "provided.al2023", "Handler": "echo", "Code": m{"ZipFile": zipOf(t)}}
	with := func(more m) m {
		in := m{}
		for k, v := range ok {
			in[k] = v
		}
		for k, v := range more {
			in[k] = v
		}
		return in
	}
	for name, c := range map[string]struct {
		operation string
		in        any
		want      string
	}{
		"made twice":        {"CreateFunction", with(m{"FunctionName": "f"}), "ResourceConflictException"},
		"bad name":          {"CreateFunction", with(m{"FunctionName": "a b"}), "ValidationException"},
		"runtime":           {"CreateFunction", with(m{"Runtime": "java21"}), "InvalidParameterValueException"},
		"image":             {"CreateFunction", with(m{"PackageType": "Image"}), "InvalidParameterValueException"},
		"timeout":           {"CreateFunction", with(m{"Timeout": 901}), "ValidationException"},
		"memory":            {"CreateFunction", with(m{"MemorySize": 1}), "ValidationException"},
		"role":              {"CreateFunction", with(m{"Role": "me"}), "ValidationException"},
		"no code":           {"CreateFunction", with(m{"Code": m{}}), "InvalidParameterValueException"},
		"no zip":            {"CreateFunction", with(m{"Code": m{"ZipFile": []byte("zip")}}), "InvalidParameterValueException"},
		"zip that climbs":   {"CreateFunction", with(m{"Code": m{"ZipFile": zipOf(t, "../x", "")}}), "InvalidParameterValueException"},
		"zip with a clash":  {"CreateFunction", with(m{"Code": m{"ZipFile": zipOf(t, "h.py/x", "", "h.py", "")}}), "InvalidParameterValueException"},
		"file as a folder":  {"CreateFunction", with(m{"Code": m{"ZipFile": zipOf(t, "h", "", "h/x", "")}}), "InvalidParameterValueException"},
		"file in a link":    {"CreateFunction", with(m{"Code": m{"ZipFile": zipOfLink(t, "/tmp", "l/x")}}), "InvalidParameterValueException"},
		"handler's zero":    {"CreateFunction", with(m{"Handler": "a\x00b"}), "InvalidParameterValueException"},
		"variable's zero":   {"CreateFunction", with(m{"Environment": m{"Variables": m{"OWN": "a\x00b"}}}), "InvalidParameterValueException"},
		"no such folder":    {"CreateFunction", with(m{"Code": m{"Folder": "/no/such/folder"}}), "InvalidParameterValueException"},
		"reserved variable": {"CreateFunction", with(m{"Environment": m{"Variables": m{"AWS_REGION": "x"}}}), "InvalidParameterValueException"},
		"publish":           {"CreateFunction", with(m{"Publish": true}), "InvalidParameterValueException"},
		"none to get":       {"GetFunction", m{"FunctionName": "none"}, "ResourceNotFoundException"},
		"none to delete":    {"DeleteFunction", m{"FunctionName": "none"}, "ResourceNotFoundException"},
		"no such version":   {"GetFunctionConfiguration", m{"FunctionName": "f:3"}, "ResourceNotFoundException"},
		"old revision":      {"UpdateFunctionConfiguration", m{"FunctionName": "f", "RevisionId": "x"}, "PreconditionFailedException"},
		"bad update":        {"UpdateFunctionConfiguration", m{"FunctionName": "f", "Timeout": 0}, "ValidationException"},
		"none to invoke":    {"Invoke", m{"FunctionName": "none"}, "ResourceNotFoundException"},
		"alias to invoke":   {"Invoke", m{"FunctionName": "f", "Qualifier": "live"}, "ResourceNotFoundException"},
		"event, none":       {"Invoke", m{"FunctionName": "none", "InvocationType": "Event"}, "ResourceNotFoundException"},
		"no JSON":           {"Invoke", m{"FunctionName": "f", "Payload": "hello"}, "InvalidRequestContentException"},
		"kind":              {"Invoke", m{"FunctionName": "f", "InvocationType": "Later"}, "InvalidParameterValueException"},
		"large":             {"Invoke", m{"FunctionName": "f", "Payload": strings.Repeat("1", maxPayload+1)}, "RequestTooLargeException"},
	} {
		if _, err := invoke(s, c.operation, c.in); errCode(err) != c.want {
			t.Errorf("%s: got %q (%v), want %s", name, errCode(err), err, c.want)
		}
	}
}

func TestNames(t *testing.T) {
	for in, want := range map[string]reference{
		"f":                         {name: "f"},
		"f:live":                    {name: "f", qualifier: "live"},
		"function:f":                {name: "f"},
		"000000000000:function:f:1": {name: "f", qualifier: "1"},
		"arn:aws:lambda:us-east-1:000000000000:function:f":         {name: "f", arn: "arn:aws:lambda:us-east-1:000000000000:function:f"},
		"arn:aws:lambda:us-east-1:000000000000:function:f:$LATEST": {name: "f", qualifier: "$LATEST", arn: "arn:aws:lambda:us-east-1:000000000000:function:f:$LATEST"},
	} {
		if got, err := parseName(in); err != nil || got != want {
			t.Errorf("%s: got %+v, %v", in, got, err)
		}
	}
	for _, in := range []string{"", "a b", "arn:aws:sqs:us-east-1:000000000000:f", "arn:aws:lambda:f", strings.Repeat("f", 65)} {
		if got, err := parseName(in); err == nil {
			t.Errorf("%q: got %+v, want an error", in, got)
		}
	}
}

func TestListIsPaged(t *testing.T) {
	s, _ := open(t, Options{})
	for _, name := range []string{"c", "a", "b"} {
		create(t, s, "echo", m{"FunctionName": name})
	}
	out, err := invoke(s, "ListFunctions", m{"MaxItems": 2})
	if err != nil || !strings.Contains(out, `"NextMarker":"b"`) || strings.Contains(out, `"FunctionName":"c"`) {
		t.Errorf("got %s, %v", out, err)
	}
	out, err = invoke(s, "ListFunctions", m{"Marker": "b"})
	if err != nil || !strings.Contains(out, `"FunctionName":"c"`) || strings.Contains(out, "NextMarker") {
		t.Errorf("got %s, %v", out, err)
	}
}

// The endpoint of a remote Lambda, in its answers' forms.
func TestRemoteFunctions(t *testing.T) {
	var paths []string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		paths = append(paths, r.URL.RequestURI())
		body, _ := io.ReadAll(r.Body)
		switch {
		case strings.Contains(r.URL.Path, "/functions/fail/"):
			w.Header().Set("X-Amz-Function-Error", "Unhandled")
			io.WriteString(w, `{"errorType":"Oops"}`)
		case strings.Contains(r.URL.Path, "/functions/busy/"):
			w.Header().Set("X-Amzn-ErrorType", "TooManyRequestsException:http://internal")
			w.WriteHeader(429)
			io.WriteString(w, `{"Reason":"ReservedFunctionConcurrentInvocationLimitExceeded","message":"Rate Exceeded."}`)
		case strings.Contains(r.URL.Path, "/functions/none/"):
			w.WriteHeader(404)
		case strings.Contains(r.URL.Path, "/functions/plain/"):
			io.WriteString(w, "aaa")
		default:
			w.Header().Set("X-Amz-Executed-Version", "7")
			w.Write(body)
		}
	}))
	defer srv.Close()
	s, _ := open(t, Options{Remote: srv.URL + "/", Handlers: map[string]runtime.Handler{"here": behaviours["fail"]}})
	for _, c := range []struct {
		function, want string
		failed         bool
	}{
		{"echo", `{"x":1}`, false}, {"fail", `{"errorType":"Oops"}`, true}, {"plain", `"aaa"`, false},
		{"here", `{"errorMessage":"no <luck>","errorType":"CustomError"}`, true},
	} {
		r, err := s.Invoke(t.Context(), Invocation{Function: c.function, Payload: []byte(`{"x":1}`)})
		if err != nil || string(r.Payload) != c.want || r.Failed != c.failed {
			t.Errorf("%s: got %s, %v, %v", c.function, r.Payload, r.Failed, err)
		}
	}
	if r, err := s.Invoke(t.Context(), Invocation{Function: "echo:live"}); err != nil || r.Version != "7" || paths[len(paths)-1] != "/2015-03-31/functions/echo/invocations?Qualifier=live" {
		t.Errorf("got %+v, %v at %s", r, err, paths[len(paths)-1])
	}
	_, err := s.Invoke(t.Context(), Invocation{Function: "none"})
	if e := (*tasks.Error)(nil); !errors.As(err, &e) || e.Status != 404 || e.Message != "Function not found: arn:aws:lambda:us-east-1:000000000000:function:none:$LATEST" {
		t.Errorf("got %v", err)
	}
	if _, err := s.Invoke(t.Context(), Invocation{Function: "busy"}); errCode(err) != "TooManyRequestsException" {
		t.Errorf("got %v", err)
	}
	srv.Close()
	if _, err := s.Invoke(t.Context(), Invocation{Function: "echo"}); errCode(err) != "SdkClientException" {
		t.Errorf("a dead endpoint: %v", err)
	}
}

func TestWire(t *testing.T) {
	s, h := open(t, Options{Handlers: behaviours})
	send := func(method, target, body string, header ...string) (*http.Response, string) {
		r := httptest.NewRequest(method, target, strings.NewReader(body))
		for i := 0; i < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		w := httptest.NewRecorder()
		s.Front().Handler.ServeHTTP(w, r)
		return w.Result(), w.Body.String()
	}
	code := base64.StdEncoding.EncodeToString(zipOf(t, "a", "1"))
	r, body := send("POST", "/2015-03-31/functions", `{"FunctionName":"f","Runtime":"nodejs20.x","Handler":"index.handler","Role":"arn:aws:iam::000000000000:role/x","Code":{"ZipFile":"`+code+`"}}`)
	if r.StatusCode != 201 || !strings.Contains(body, `"State":"Active"`) || !strings.Contains(body, `"FunctionArn":"arn:aws:lambda:us-east-1:000000000000:function:f"`) {
		t.Errorf("create: %d %s", r.StatusCode, body)
	}
	r, body = send("POST", "/2015-03-31/functions/echo/invocations", `[1]`, "X-Amz-Log-Type", "Tail")
	if r.StatusCode != 200 || body != `[1]` || r.Header.Get("X-Amz-Executed-Version") != "$LATEST" || r.Header.Get("X-Amz-Function-Error") != "" {
		t.Errorf("invoke: %d %s %v", r.StatusCode, body, r.Header)
	}
	if r, _ = send("POST", "/2015-03-31/functions/fail/invocations", ``); r.StatusCode != 200 || r.Header.Get("X-Amz-Function-Error") != "Unhandled" {
		t.Errorf("function error: %d %v", r.StatusCode, r.Header)
	}
	if r, _ = send("POST", "/2015-03-31/functions/echo/invocations", `{}`, "X-Amz-Invocation-Type", "DryRun"); r.StatusCode != 204 {
		t.Errorf("dry run: %d", r.StatusCode)
	}
	if r, _ = send("POST", "/2015-03-31/functions/echo/invocations", `{"later":1}`, "X-Amz-Invocation-Type", "Event"); r.StatusCode != 202 {
		t.Errorf("event: %d", r.StatusCode)
	}
	if later := h.Enqueued(); len(later) != 1 || later[0].Resource != s.arn("echo") || string(later[0].Input) != `{"later":1}` || later[0].Attempts != 3 {
		t.Errorf("enqueued: %+v", later)
	}
	for target, want := range map[string]string{
		"/2015-03-31/functions/none": "ResourceNotFoundException", "/2015-03-31/event-source-mappings": "UnknownOperationException", "/2015-03-31/x": "UnknownOperationException",
	} {
		r, body := send("GET", target, "")
		if got := r.Header.Get("X-Amzn-Errortype"); got != want {
			t.Errorf("GET %s: got %d %s %s, want %s", target, r.StatusCode, got, body, want)
		}
	}
	if r, body = send("DELETE", "/2015-03-31/functions/f", ""); r.StatusCode != 204 || body != "" {
		t.Errorf("delete: %d %s", r.StatusCode, body)
	}
}

func TestBoto(t *testing.T) {
	s, _ := open(t, Options{})
	hosttest.Boto(t, s.Front().Handler, `
import io, zipfile
def pack(**files):
    b = io.BytesIO()
    with zipfile.ZipFile(b, "w") as z:
        for name, text in files.items():
            z.writestr(name + ".py", text)
    return b.getvalue()
c = client("lambda")
made = c.create_function(FunctionName="f", Runtime="python3.12", Role="arn:aws:iam::000000000000:role/x", Handler="app.handler", Timeout=60,
    Code={"ZipFile": pack(app="def handler(e, c): return [e, 1]")})
assert made["State"] == "Active" and made["ResponseMetadata"]["HTTPStatusCode"] == 201, made
c.get_waiter("function_active_v2").wait(FunctionName="f")
out = c.invoke(FunctionName=made["FunctionArn"], Payload=b"{}", LogType="Tail")
assert json.load(out["Payload"]) == [{}, 1] and out["ExecutedVersion"] == "$LATEST" and "FunctionError" not in out, out
c.update_function_code(FunctionName="f", ZipFile=pack(app="def handler(e, c): raise ValueError('no')"))
out = c.invoke(FunctionName="f")
assert out["FunctionError"] == "Unhandled" and json.load(out["Payload"])["errorType"] == "ValueError", out
assert c.invoke(FunctionName="f", InvocationType="Event")["StatusCode"] == 202
assert c.update_function_configuration(FunctionName="f", MemorySize=256)["MemorySize"] == 256
assert [f["FunctionName"] for f in c.list_functions()["Functions"]] == ["f"]
c.delete_function(FunctionName="f")
refused("ResourceNotFoundException", c.invoke, FunctionName="f")
refused("ResourceNotFoundException", c.get_function, FunctionName="f")
`)
}

// What task states get, as it was recorded on AWS.
func TestResources(t *testing.T) {
	s, h := open(t, Options{Handlers: map[string]runtime.Handler{
		"echo": behaviours["echo"], "fail": behaviours["fail"],
		"typeless": func(context.Context, []byte) ([]byte, error) { return nil, &runtime.Error{Message: "m"} },
		"python":   func(context.Context, []byte) ([]byte, error) { return []byte(`{"a": 1}`), nil },
	}})
	g := tasks.NewRegistry(h)
	s.Register(g)
	const arn = "arn:aws:lambda:us-east-1:000000000000:function:"
	for _, c := range []struct{ resource, in, want string }{
		{arn + "echo", `0.0`, `0.0`},
		{arn + "echo", `{"a":"b"}`, `{"a":"b"}`},
		{arn + "python", `1`, `{"a": 1}`},
		{arn + "fail", `{}`, `CustomError: {"errorMessage":"no <luck>","errorType":"CustomError"}`},
		{arn + "typeless", `{}`, `Lambda.Unknown: The cause could not be determined because Lambda did not return an error type. Returned payload: {"errorMessage":"m","errorType":""}`},
		{arn + "none", `{}`, `Lambda.ResourceNotFoundException: Function not found: ` + arn + `none:$LATEST (Service: AWSLambda; Status Code: 404; Error Code: ResourceNotFoundException; Request ID: ID; Proxy: null)`},
		{"arn:aws:states:::lambda:invoke", `{"FunctionName":"echo","Payload":null}`, `{"ExecutedVersion":"$LATEST","Payload":{},METADATA,"StatusCode":200}`},
		{"arn:aws:states:::lambda:invoke", `{"FunctionName":"echo","Payload":"0"}`, `{"ExecutedVersion":"$LATEST","Payload":0,METADATA,"StatusCode":200}`},
		{"arn:aws:states:::lambda:invoke.waitForTaskToken", `{"FunctionName":"` + arn + `echo","Payload":{"x":1.0}}`, `{"ExecutedVersion":"$LATEST","Payload":{"x":1.0},METADATA,"StatusCode":200}`},
		{"arn:aws:states:::lambda:invoke", `{"FunctionName":"fail"}`, `CustomError: {"errorMessage":"no <luck>","errorType":"CustomError"}`},
		{"arn:aws:states:::lambda:invoke", `{"FunctionName":"none"}`, `Lambda.ResourceNotFoundException: Function not found: ` + arn + `none:$LATEST (Service: AWSLambda; Status Code: 404; Error Code: ResourceNotFoundException; Request ID: ID; Proxy: null)`},
		{"arn:aws:states:::lambda:invoke", `{"FunctionName":"echo","InvocationType":"Event"}`, `{METADATA,"StatusCode":202}`},
		{"arn:aws:states:::aws-sdk:lambda:invoke", `{"FunctionName":"python"}`, `{"ExecutedVersion":"$LATEST","Payload":"{\"a\": 1}","StatusCode":200}`},
		{"arn:aws:states:::aws-sdk:lambda:invoke", `{"FunctionName":"fail"}`, `{"ExecutedVersion":"$LATEST","FunctionError":"Unhandled","Payload":"{\"errorMessage\":\"no <luck>\",\"errorType\":\"CustomError\"}","StatusCode":200}`},
		{"arn:aws:states:::aws-sdk:lambda:invoke", `{"FunctionName":"none"}`, `Lambda.ResourceNotFoundException: Function not found: ` + arn + `none:$LATEST (Service: Lambda, Status Code: 404, Request ID: ID)`},
	} {
		got, err := g.Resolve(c.resource)
		if err != nil {
			t.Fatal(err)
		}
		out, err := got.(engine.RemoteAction).Call(t.Context(), engine.Call{Key: "k", Input: json.RawMessage(c.in)})
		if err != nil {
			t.Errorf("%s %s: %v", c.resource, c.in, err)
			continue
		}
		text := ""
		if out.Failed {
			text = *out.Error + ": " + *out.Cause
		} else {
			text = metadata.ReplaceAllString(out.Output.String(), "METADATA")
		}
		if text = strings.ReplaceAll(text, tasks.RequestID("k"), "ID"); text != c.want {
			t.Errorf("%s %s\n got %s\nwant %s", c.resource, c.in, text, c.want)
		}
	}
	if later := h.Enqueued(); len(later) != 1 || later[0].Key != "k" {
		t.Errorf("enqueued: %+v", later)
	}
}

var metadata = regexp.MustCompile(`"SdkHttpMetadata":.*"SdkResponseMetadata":\{[^}]*\}`)

// countRows reads one number.
func countRows(n *int, query string) func(engine.Reader) error {
	return func(r engine.Reader) error {
		return each(r, func(scan func(...any) error) error { return scan(n) }, query)
	}
}
