package main

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// asProgram has the test binary be the program: what follows are the program's
// arguments. So a test can run millrace serve as a process, and kill it.
const asProgram = "MILLRACE_TEST_AS_PROGRAM"

// served is a running millrace serve.
type served struct {
	aws, rest string
	cmd       *exec.Cmd
	ended     chan struct{} // closed when the process has ended
	log       *lines
}

// serveProcess starts millrace serve on a folder. ok is false when the process
// was killed before it said where it listens; kill may be nil.
func serveProcess(t *testing.T, data string, kill <-chan time.Time, args ...string) (s *served, ok bool) {
	t.Helper()
	cmd := exec.Command(os.Args[0], append([]string{"serve", "--data", data, "--listen", "127.0.0.1:0", "--aws-listen", "127.0.0.1:0", "--json"}, args...)...)
	cmd.Env = append(os.Environ(), asProgram+"=1")
	s = &served{cmd: cmd, ended: make(chan struct{}), log: &lines{}}
	cmd.Stderr = s.log
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	cmd.Stdout = w
	err = cmd.Start()
	w.Close()
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = cmd.Wait() // how it ended stands in ProcessState
		close(s.ended)
	}()
	t.Cleanup(s.kill)
	at := make(chan error, 1)
	go func() {
		var d struct{ AWS, REST string }
		err := json.NewDecoder(r).Decode(&d)
		s.aws, s.rest = d.AWS, d.REST
		at <- err
	}()
	select {
	case err := <-at:
		if err != nil {
			<-s.ended
			t.Fatalf("serve said nothing: %v: %s", err, s.log)
		}
		return s, true
	case <-kill:
		s.kill()
		<-at
		return s, false
	}
}

// kill ends the process at once and waits for it.
func (s *served) kill() {
	_ = s.cmd.Process.Kill() // it may have ended
	<-s.ended
}

// end asks the process to end in order, and checks that it does and has had no trouble.
func (s *served) end(t *testing.T) {
	t.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
	<-s.ended
	if code := s.cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("serve ended with %d: %s", code, s.log)
	}
	for _, bad := range []string{`"level":"ERROR"`, `"msg":"http: `} { // the latter is net/http's
		if at := strings.Index(s.log.String(), bad); at >= 0 {
			t.Errorf("the log has errors: %.2000s", s.log.String()[at:])
		}
	}
}

// lines keeps what a process writes, up to a MiB.
type lines struct {
	mu   sync.Mutex
	text []byte
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = append(l.text, p[:min(len(p), 1<<20-len(l.text))]...)
	return len(p), nil
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(l.text)
}

// client calls a running server over its two doors.
type client struct {
	aws, rest string
	http      *http.Client
}

func newClient(s *served) *client {
	// Connections are given up before the server does: a POST on one that it is just
	// closing has no answer, and may not be repeated.
	return &client{s.aws, s.rest, &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64, IdleConnTimeout: time.Minute}}}
}

// refusal is an answer of the server's that is an error.
type refusal struct {
	status int
	text   string
}

func (r *refusal) Error() string { return fmt.Sprintf("%d %.500s", r.status, r.text) }

// refused reports whether err is an answer with that error's name.
func refused(err error, name string) bool {
	var r *refusal
	return errors.As(err, &r) && strings.Contains(r.text, name)
}

const (
	sfn    = "AWSStepFunctions."
	sqs    = "AmazonSQS."
	dynamo = "DynamoDB_20120810."
)

// call runs an operation of the JSON protocol. in is text of JSON or what is
// encoded as it, out nil or where the answer goes.
func (c *client) call(ctx context.Context, target string, in, out any) error {
	return c.post(ctx, c.aws+"/", map[string]string{"X-Amz-Target": target, "Content-Type": "application/x-amz-json-1.0"}, in, out)
}

// service runs an operation of any service through REST.
func (c *client) service(ctx context.Context, service, operation string, in, out any) error {
	return c.post(ctx, c.rest+"/v1/services/"+service+"/"+operation, map[string]string{"Content-Type": "application/json"}, in, out)
}

func (c *client) post(ctx context.Context, url string, headers map[string]string, in, out any) error {
	body, ok := in.(string)
	if !ok {
		b, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = string(b)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		return err
	}
	for k, v := range headers {
		r.Header.Set(k, v)
	}
	answer, err := c.do(r)
	if err != nil || out == nil {
		return err
	}
	return json.Unmarshal(answer, out)
}

// get reads from REST.
func (c *client) get(ctx context.Context, path string, out any) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, c.rest+path, nil)
	if err != nil {
		return err
	}
	answer, err := c.do(r)
	switch to := out.(type) {
	case nil:
		return err
	case *string:
		*to = string(answer)
		return err
	}
	if err != nil {
		return err
	}
	return json.Unmarshal(answer, out)
}

func (c *client) do(r *http.Request) ([]byte, error) {
	w, err := c.http.Do(r)
	if err != nil {
		return nil, err
	}
	defer w.Body.Close()
	answer, err := io.ReadAll(w.Body)
	if err == nil && w.StatusCode >= 300 {
		err = &refusal{w.StatusCode, string(answer)}
	}
	return answer, err
}

// object is a JSON object.
type object = map[string]any

const (
	soakAccount  = "us-east-1:000000000000:"
	soakMachines = "arn:aws:states:" + soakAccount + "stateMachine:"
)

// createMachine creates a state machine; one that is there with the same definition is as good.
func (c *client) createMachine(ctx context.Context, name, typ, definition string) error {
	return c.call(ctx, sfn+"CreateStateMachine", object{"name": name, "type": typ, "definition": definition, "roleArn": "arn:aws:iam::000000000000:role/r"}, nil)
}

// start starts an execution and returns its ARN.
func (c *client) start(ctx context.Context, machine, name string, input any) (string, error) {
	text, err := json.Marshal(input)
	if err != nil {
		return "", err
	}
	in := object{"stateMachineArn": soakMachines + machine, "input": string(text)}
	if name != "" {
		in["name"] = name
	}
	var out struct{ ExecutionArn string }
	err = c.call(ctx, sfn+"StartExecution", in, &out)
	return out.ExecutionArn, err
}

// emptyCode is code that has no bootstrap, for a function whose handler is built in.
func emptyCode() ([]byte, error) {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	if _, err := z.Create("README"); err != nil {
		return nil, err
	}
	err := z.Close()
	return b.Bytes(), err
}
