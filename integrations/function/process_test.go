package function

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

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
