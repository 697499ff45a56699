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
	"os/exec"
	"path/filepath"
	"regexp"
	goruntime "runtime"
	"strings"
	"testing"
	"time"

	"millrace/engine"
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
	before := goruntime.NumGoroutine()
	code := m.Run()
	for i := 0; goruntime.NumGoroutine() > before && i < 1e6; i++ {
		goruntime.Gosched()
	}
	if n := goruntime.NumGoroutine(); code == 0 && n > before {
		buf := make([]byte, 1<<20)
		os.Stderr.Write(buf[:goruntime.Stack(buf, true)])
		code = 1
	}
	os.Exit(code)
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

func TestPrograms(t *testing.T) {
	for i, c := range []struct {
		behaviour, payload, want string
		failed                   bool
	}{
		{"echo", `{"a":[1.0,"<é>"]}`, `{"a":[1.0,"<é>"]}`, false},
		{"echo", ``, `{}`, false},
		{"fail", `{}`, `{"errorMessage":"no <luck>","errorType":"CustomError"}`, true},
		{"panic", `{}`, ``, true},
		{"exit", `{}`, `{"errorType":"Runtime.ExitError","errorMessage":"RequestId: ID Error: Runtime exited with error: exit status 7"}`, true},
		{"large", `{}`, `{"errorMessage":"Response payload size exceeded maximum allowed payload size (6291556 bytes).","errorType":"Function.ResponseSizeTooLarge"}`, true},
		{"none", `{}`, `no program is known by its handler's name`, true},
	} {
		t.Run(fmt.Sprint(c.behaviour, i), func(t *testing.T) {
			s, _ := open(t, Options{})
			create(t, s, c.behaviour, nil)
			r := run(t, s, c.payload)
			got := strings.ReplaceAll(string(r.Payload), r.RequestID, "ID")
			if c.behaviour == "panic" {
				if !strings.Contains(got, `"stackTrace":[`) || !r.Failed {
					t.Errorf("got %s", got)
				}
				return
			}
			if r.Failed != c.failed || got != c.want && !(c.behaviour == "none" && strings.Contains(got, c.want)) {
				t.Errorf("got %s, failed %v; want %s", got, r.Failed, c.want)
			}
			// The service is as good as before.
			if again := run(t, s, c.payload); again.Failed != c.failed {
				t.Errorf("the second time: %s", again.Payload)
			}
		})
	}
}

func TestTimeoutKillsTheProcess(t *testing.T) {
	s, _ := open(t, Options{})
	create(t, s, "hang", nil)
	f, err := s.find(t.Context(), reference{name: "f"})
	if err != nil {
		t.Fatal(err)
	}
	i, err := s.start(t.Context(), f)
	if err != nil {
		t.Fatal(err)
	}
	in := Invocation{}
	e := in.event(f.FunctionArn)
	e.timeout = time.Millisecond // hang never answers
	a, fit, err := i.handle(t.Context(), e)
	if want := `{"errorType":"Sandbox.Timedout","errorMessage":"RequestId: ` + e.id + ` Error: Task timed out after 0.00 seconds"}`; string(a.payload) != want || !a.failed || fit || err != nil {
		t.Errorf("got %s, %v, %v, %v; want %s", a.payload, a.failed, fit, err, want)
	}
	i.close()
	if !i.gone() {
		t.Error("the process is still there")
	}
}

func TestEnvironment(t *testing.T) {
	t.Setenv("MILLRACE_TEST_SECRET", "of the engine's own environment")
	s, _ := open(t, Options{Endpoint: "http://127.0.0.1:4566"})
	create(t, s, "env", m{"MemorySize": 256, "Environment": m{"Variables": m{"OWN": "1"}}})
	want := `{"arn":"arn:aws:lambda:us-east-1:000000000000:function:f","deadline":true,"endpoint":"http://127.0.0.1:4566","handler":"env","id":true,"memory":"256","name":"f","own":"1","region":"us-east-1","secret":""}`
	if got := string(run(t, s, `{}`).Payload); got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
}

func TestProcessesAreReusedUntilTheFunctionChanges(t *testing.T) {
	s, _ := open(t, Options{})
	create(t, s, "pid", nil)
	first := string(run(t, s, `{}`).Payload)
	if again := string(run(t, s, `{}`).Payload); again != first {
		t.Errorf("process %s, then %s: not reused", first, again)
	}
	if _, err := invoke(s, "UpdateFunctionConfiguration", m{"FunctionName": "f", "Timeout": 5}); err != nil {
		t.Fatal(err)
	}
	changed := string(run(t, s, `{}`).Payload)
	if changed == first {
		t.Error("the old process ran after the function changed")
	}
	s.pool.expire(time.Now().Add(time.Hour))
	if later := string(run(t, s, `{}`).Payload); later == changed {
		t.Error("an expired process was used again")
	}
}

func TestACancelledCallEndsItsProcess(t *testing.T) {
	s, _ := open(t, Options{Concurrency: 1})
	create(t, s, "hang", nil)
	ctx, cancel := context.WithCancel(context.Background())
	started := make(chan error, 1)
	go func() {
		_, err := s.Invoke(ctx, Invocation{Function: "f"})
		started <- err
	}()
	cancel()
	if err := <-started; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	// The one slot is free again.
	if _, err := invoke(s, "UpdateFunctionConfiguration", m{"FunctionName": "f", "Handler": "echo"}); err != nil {
		t.Fatal(err)
	}
	if got := string(run(t, s, `1`).Payload); got != "1" {
		t.Errorf("got %s", got)
	}
}

func TestCloseIsNoFunctionError(t *testing.T) {
	s, _ := open(t, Options{})
	create(t, s, "hang", nil)
	taken := make(chan struct{})
	start := s.pool.start
	s.pool.start = func(ctx context.Context, f *function) (*instance, error) {
		defer close(taken)
		return start(ctx, f)
	}
	done := make(chan error, 1)
	go func() {
		r, err := s.Invoke(context.Background(), Invocation{Function: "f"})
		if err == nil {
			err = fmt.Errorf("an answer: %s", r.Payload)
		}
		done <- err
	}()
	<-taken
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; !errors.Is(err, errClosed) {
		t.Errorf("got %v, want %v", err, errClosed)
	}
}

func TestConcurrency(t *testing.T) {
	s, _ := open(t, Options{Concurrency: 3})
	create(t, s, "pid", nil)
	pids := make(chan string, 20)
	for range cap(pids) {
		go func() {
			r, err := s.Invoke(context.Background(), Invocation{Function: "f"})
			if err != nil {
				pids <- err.Error()
				return
			}
			pids <- string(r.Payload)
		}()
	}
	seen := map[string]bool{}
	for range cap(pids) {
		seen[<-pids] = true
	}
	if len(seen) > 3 {
		t.Errorf("%d processes for a concurrency of 3: %v", len(seen), seen)
	}
}

func TestPrintedLinesAreLogged(t *testing.T) {
	var log bytes.Buffer
	s, _ := open(t, Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
	create(t, s, "print", nil)
	r := run(t, s, `{}`)
	if err := s.Close(); err != nil { // the process's last words are in
		t.Fatal(err)
	}
	if !strings.Contains(log.String(), `function=f line="hello from the function"`) {
		t.Errorf("logged: %s", log.String())
	}
	if r.Failed {
		t.Errorf("got %s", r.Payload)
	}
}

const pythonCode = `
import os
class Custom(Exception):
    pass
def handler(event, context):
    if event == "raise":
        raise Custom("Some exception was raised.")
    if event == "exit":
        os._exit(2)
    return {"event": event, "name": context.function_name, "arn": context.invoked_function_arn, "time": context.get_remaining_time_in_millis() > 0}
`

const nodeCode = `
exports.handler = async (event, context) => {
  if (event === 'raise') throw new TypeError('Some exception was raised.');
  return { event, name: context.functionName, arn: context.invokedFunctionArn, time: context.getRemainingTimeInMillis() > 0 };
};
exports.old = (event, context, callback) => { setTimeout(() => callback(null, [event]), 1); };
exports.silent = (event) => event;
`

func TestScripts(t *testing.T) {
	for i, c := range []struct{ program, runtime, file, code, handler, payload, want string }{
		{"python3", "python3.12", "app.py", pythonCode, "app.handler", `[1,"é"]`, `{"event":[1,"é"],"name":"f","arn":"ARN","time":true}`},
		{"python3", "python3.12", "app.py", pythonCode, "app.handler", `"raise"`, `{"errorMessage":"Some exception was raised.","errorType":"Custom","requestId":"ID","stackTrace":["*"]}`},
		{"python3", "python3.12", "app.py", pythonCode, "app.handler", `"exit"`, `{"errorType":"Runtime.ExitError","errorMessage":"RequestId: ID Error: Runtime exited with error: exit status 2"}`},
		{"python3", "python3.12", "app.py", pythonCode, "app.none", `1`, `{"errorMessage":"module 'app' has no attribute 'none'","errorType":"Runtime.HandlerNotFound","stackTrace":["*"]}`},
		{"python3", "python3.12", "app.py", pythonCode, "none.handler", `1`, `{"errorMessage":"No module named 'none'","errorType":"Runtime.ImportModuleError","stackTrace":["*"]}`},
		{"node", "nodejs20.x", "index.js", nodeCode, "index.handler", `[1,"é"]`, `{"event":[1,"é"],"name":"f","arn":"ARN","time":true}`},
		{"node", "nodejs20.x", "index.js", nodeCode, "index.handler", `"raise"`, `{"errorType":"TypeError","errorMessage":"Some exception was raised.","trace":["*"]}`},
		{"node", "nodejs20.x", "index.js", nodeCode, "index.old", `1`, `[1]`},
		{"node", "nodejs20.x", "index.js", nodeCode, "index.silent", `1`, `null`},
		{"node", "nodejs20.x", "index.mjs", "export const handler = async (event) => ({ event });", "index.handler", `1`, `{"event":1}`},
		{"node", "nodejs20.x", "index.js", nodeCode, "index.none", `1`, `{"errorType":"Runtime.HandlerNotFound","errorMessage":"index.none is undefined or not exported","trace":["*"]}`},
		{"node", "nodejs20.x", "index.js", nodeCode, "none.handler", `1`, `{"errorType":"Runtime.ImportModuleError","errorMessage":"Cannot find module 'none'","trace":["*"]}`},
		{"node", "nodejs20.x", "index.js", "require('absent');", "index.handler", `1`, `{"errorType":"Runtime.ImportModuleError","errorMessage":"*","trace":["*"]}`},
	} {
		t.Run(fmt.Sprint(c.runtime, i), func(t *testing.T) {
			if _, err := exec.LookPath(c.program); err != nil {
				t.Skip(err)
			}
			s, _ := open(t, Options{})
			create(t, s, c.handler, m{"Runtime": c.runtime, "Code": m{"ZipFile": zipOf(t, c.file, c.code)}})
			r := run(t, s, c.payload)
			var got, want any
			if err := json.Unmarshal(r.Payload, &got); err != nil {
				t.Fatalf("%s: %v", r.Payload, err)
			}
			json.Unmarshal([]byte(strings.NewReplacer("ID", r.RequestID, "ARN", s.arn("f")).Replace(c.want)), &want)
			hide(got, want)
			a, _ := json.Marshal(got)
			b, _ := json.Marshal(want)
			if string(a) != string(b) {
				t.Errorf("got %s\nwant %s", r.Payload, c.want)
			}
		})
	}
}

// hide makes got like want where want has "*".
func hide(got, want any) {
	g, _ := got.(map[string]any)
	w, _ := want.(map[string]any)
	for k, v := range w {
		if list, ok := v.([]any); v == "*" || ok && len(list) == 1 && list[0] == "*" {
			if _, there := g[k]; there {
				g[k] = v
			}
		}
	}
}

func TestAMissingInterpreterIsNamed(t *testing.T) {
	s, _ := open(t, Options{})
	t.Setenv("PATH", t.TempDir())
	create(t, s, "index.handler", m{"Runtime": "nodejs20.x", "Code": m{"ZipFile": zipOf(t, "index.js", nodeCode)}})
	if r := run(t, s, `{}`); !r.Failed || !strings.Contains(string(r.Payload), "the runtime nodejs20.x needs Node.js, and there is no node in PATH") {
		t.Errorf("got %s", r.Payload)
	}
}

func TestBootstrapOfAFolder(t *testing.T) {
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skip(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(dir+"/bootstrap", []byte("#!/bin/sh\nexit 4\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	s, _ := open(t, Options{})
	create(t, s, "x", m{"Code": m{"Folder": dir}})
	if r := run(t, s, `{}`); !strings.Contains(string(r.Payload), "exit status 4") {
		t.Errorf("got %s", r.Payload)
	}
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

// zipOfLink makes a zip file of a link l to a target, and of an empty file.
func zipOfLink(t *testing.T, target, file string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	h := &zip.FileHeader{Name: "l"}
	h.SetMode(os.ModeSymlink | 0o777)
	w, err := z.CreateHeader(h)
	if err == nil {
		_, err = io.WriteString(w, target)
	}
	if err == nil {
		_, err = z.Create(file)
	}
	if err = errors.Join(err, z.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// A zip file whose bytes do not match their checksum is found out when the code
// is unpacked: a fault of the function, not of the server.
func TestBrokenCodeIsTheFunctionsFault(t *testing.T) {
	s, _ := open(t, Options{})
	code := zipOf(t, "bootstrap", "text that is not packed smaller")
	name := bytes.Index(code, []byte("bootstrap"))
	code[name+len("bootstrap")+4] ^= 0x55
	create(t, s, "none", m{"FunctionName": "broken", "Code": m{"ZipFile": code}})
	r, err := s.Invoke(t.Context(), Invocation{Function: "broken"})
	if err != nil || !r.Failed || !strings.Contains(string(r.Payload), "Runtime.InvalidEntrypoint") {
		t.Errorf("got %s, failed %v, %v", r.Payload, r.Failed, err)
	}
}

func TestOpenForgetsUnpackedCode(t *testing.T) {
	dir := t.TempDir()
	left := filepath.Join(dir, "code", "unpack-1")
	if err := os.MkdirAll(left, 0o700); err != nil {
		t.Fatal(err)
	}
	open(t, Options{Dir: dir})
	if _, err := os.Stat(left); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("what another process left is there: %v", err)
	}
}

func TestCodeGoesWithItsLastFunction(t *testing.T) {
	s, h := open(t, Options{})
	code := zipOf(t, "a", "1")
	for _, name := range []string{"f", "g"} {
		create(t, s, "echo", m{"FunctionName": name, "Code": m{"ZipFile": code}})
	}
	count := func() int {
		n := 0
		err := h.Read(t.Context(), countRows(&n, "SELECT COUNT(*) FROM function_code"))
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	if n := count(); n != 1 {
		t.Errorf("%d rows of the same code", n)
	}
	if _, err := invoke(s, "UpdateFunctionCode", m{"FunctionName": "f", "ZipFile": zipOf(t, "a", "2")}); err != nil {
		t.Fatal(err)
	}
	if n := count(); n != 2 {
		t.Errorf("%d rows of two codes", n)
	}
	for _, name := range []string{"f", "g"} {
		if _, err := invoke(s, "DeleteFunction", m{"FunctionName": name}); err != nil {
			t.Fatal(err)
		}
	}
	if n := count(); n != 0 {
		t.Errorf("%d rows left", n)
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
