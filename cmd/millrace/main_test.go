package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	_ "net/http/pprof" // for processes that a soak looks into
	"os"
	"path/filepath"
	"strings"
	"testing"

	"millrace/cmd/internal/cli"
	"millrace/engine/leaktest"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "handler" {
		// A function's process: this program, started again by the function service.
		os.Exit(run(context.Background(), &process{os.Stdin, os.Stdout, os.Stderr, os.Getenv, false}, os.Args[1:]))
	}
	if os.Getenv(asProgram) != "" {
		if at := os.Getenv(soakPprof); at != "" {
			go http.ListenAndServe(at, nil) // the profiles, until the process ends
		}
		main()
	}
	leaktest.Main(m)
}

// do runs a command line; in is its standard input.
func do(t *testing.T, in string, args ...string) (code int, out, err string) {
	t.Helper()
	var o, e bytes.Buffer
	p := &process{in: strings.NewReader(in), out: &o, err: &e, getenv: func(string) string { return "" }}
	code = run(context.Background(), p, args)
	return code, o.String(), e.String()
}

// file writes a file into a folder of the test.
func file(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

const (
	good = `{"StartAt":"A","States":{"A":{"Type":"Pass","End":true}}}`
	fail = `{"StartAt":"A","States":{"A":{"Type":"Fail","Error":"Card.Declined","Cause":"no money"}}}`
	bad  = "{\n  \"StartAt\": \"A\",\n  \"States\": {\"A\": {\"Type\": \"Pass\", \"Next\": \"B\"}}\n}"
)

func TestUsage(t *testing.T) {
	for _, c := range []struct {
		args []string
		code int
		want string // on either output
	}{
		{nil, cli.Usage, "usage: millrace COMMAND"},
		{[]string{"--help"}, cli.OK, "usage: millrace COMMAND"},
		{[]string{"sing"}, cli.Usage, `no command "sing"`},
		{[]string{"version"}, cli.OK, "millrace "},
		{[]string{"--version", "--json"}, cli.OK, `{"version":`},
		{[]string{"validate"}, cli.Usage, "usage: millrace validate"},
		{[]string{"validate", "--help"}, cli.OK, "--format FORMAT"},
		{[]string{"validate", "x", "--format", "xml"}, cli.Usage, "text, json or sarif"},
		{[]string{"validate", "x", "--type", "SLOW"}, cli.Usage, "STANDARD or EXPRESS"},
		{[]string{"validate", "/no/such/file"}, cli.Failed, "no such file"},
		{[]string{"run"}, cli.Usage, "usage: millrace run"},
		{[]string{"run", "/no/such/file"}, cli.Failed, "no such file"},
		{[]string{"run", "x", "--account", "7"}, cli.Usage, "12 digits"},
		{[]string{"serve", "x"}, cli.Usage, "usage: millrace serve"},
		{[]string{"serve", "--retention", "-1h"}, cli.Usage, "0 for ever"},
		{[]string{"serve", "--retention", "90 days"}, cli.Usage, "retention"},
		{[]string{"serve", "--listen", "0.0.0.0:0"}, cli.Failed, "loopback"},
		{[]string{"serve", "--listen", "127.0.0.1:0", "--aws-listen", ":0"}, cli.Failed, "loopback"},
		{[]string{"start"}, cli.Usage, "usage: millrace start"},
		{[]string{"start", "m", "--input", "{"}, cli.Usage, "no JSON"},
		{[]string{"start", "m", "--server", "nowhere"}, cli.Usage, "no address"},
		{[]string{"list", "a", "b"}, cli.Usage, "usage: millrace list"},
		{[]string{"list", "--machines", "--status", "RUNNING"}, cli.Usage, "--limit only"},
		{[]string{"list", "--limit", "0"}, cli.Usage, "1 or more"},
		{[]string{"stop", "m"}, cli.Usage, "MACHINE/NAME"},
		{[]string{"history", "m/x", "--follow", "--reverse"}, cli.Usage, "only one"},
		{[]string{"bench", "sleep"}, cli.Usage, "want a workload of"},
		{[]string{"approvals"}, cli.Usage, "list|show|approve|reject"},
		{[]string{"approvals", "approve"}, cli.Usage, "usage: millrace approvals approve"},
	} {
		code, out, err := do(t, "", c.args...)
		if code != c.code || !strings.Contains(out+err, c.want) {
			t.Errorf("%v: got %d %s%s, want %d with %s", c.args, code, out, err, c.code, c.want)
		}
	}
}

func TestValidate(t *testing.T) {
	right, wrong := file(t, "right.json", good), file(t, "wrong.json", bad)
	placeholder := file(t, "placeholder.json", `{"StartAt":"A","States":{"A":{"Type":"Task","Resource":"${Function}","End":true}}}`)
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{right}, cli.OK, ""},
		{[]string{wrong}, cli.Failed, wrong + ":3:"},
		{[]string{right, wrong}, cli.Failed, "[MISSING_TRANSITION_TARGET]"},
		{[]string{wrong, "--json"}, cli.Failed, `"code":"MISSING_TRANSITION_TARGET"`},
		{[]string{right, "--format", "json"}, cli.OK, `"diagnostics":[]`},
		{[]string{wrong, "--format", "sarif"}, cli.Failed, `"startLine":3`},
		{[]string{placeholder}, cli.OK, ""},
		{[]string{placeholder, "--strict"}, cli.Failed, "error"},
		{[]string{"-"}, cli.Failed, "-:1:1: error"},
	} {
		code, out, err := do(t, "{}", append([]string{"validate"}, c.args...)...)
		if code != c.code || !strings.Contains(out, c.want) || c.want == "" && out != "" && !strings.Contains(out, "warning") {
			t.Errorf("%v: got %d %s%s, want %d with %s", c.args, code, out, err, c.code, c.want)
		}
	}
}

func TestRun(t *testing.T) {
	right, wrong, failing := file(t, "right.asl.json", good), file(t, "wrong.json", bad), file(t, "failing.json", fail)
	data := filepath.Join(t.TempDir(), "state")
	for _, c := range []struct {
		name string
		in   string
		args []string
		code int
		out  string
		err  string // part of it
	}{
		{"succeeds", "", []string{right, "--input", `{"a":1}`}, cli.OK, "{\"a\":1}\n", "PassStateEntered"},
		{"no input", "", []string{right}, cli.OK, "{}\n", ""},
		{"input from standard input", "[1]", []string{right, "--input", "@-"}, cli.OK, "[1]\n", ""},
		{"input from a file", "", []string{right, "--input", "@" + file(t, "in.json", "7")}, cli.OK, "7\n", ""},
		{"definition from standard input", good, []string{"-"}, cli.OK, "{}\n", ""},
		{"fails", "", []string{failing}, cli.Failed, "", "the execution ended FAILED: Card.Declined: no money"},
		{"a definition that is not right", "", []string{wrong}, cli.Failed, "", wrong + ":3:"},
		{"EXPRESS", "", []string{right, "--type", "EXPRESS", "--input", "2"}, cli.OK, "2\n", ""},
		{"state that is kept", "", []string{right, "--data", data}, cli.OK, "{}\n", ""},
		{"another definition there", strings.Replace(good, `"End"`, `"Result":5,"End"`, 1), []string{"-", "--data", data}, cli.OK, "5\n", ""},
	} {
		code, out, err := do(t, c.in, append([]string{"run"}, c.args...)...)
		if code != c.code || out != c.out || !strings.Contains(err, c.err) {
			t.Errorf("%s: got %d %q %s, want %d %q with %s", c.name, code, out, err, c.code, c.out, c.err)
		}
	}
	code, out, err := do(t, "", "run", failing, "--json")
	if code != cli.Failed || !strings.Contains(out, `"status":"FAILED","error":"Card.Declined","cause":"no money"}`) || err != "" {
		t.Errorf("--json: got %d %s%s", code, out, err)
	}
	if _, err := os.Stat(filepath.Join(data, "millrace.db")); err != nil {
		t.Errorf("--data keeps nothing: %v", err)
	}
}

// running runs millrace serve until the test ends and returns where it listens.
func running(t *testing.T, data string) (aws, rest string) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	r, w := io.Pipe()
	done := make(chan string, 1)
	go func() {
		var errs bytes.Buffer
		p := &process{in: strings.NewReader(""), out: w, err: &errs, getenv: func(string) string { return "" }}
		if code := run(ctx, p, []string{"serve", "--data", data, "--listen", "127.0.0.1:0", "--aws-listen", "127.0.0.1:0", "--json"}); code != cli.OK {
			done <- errs.String() + "exit"
		} else {
			done <- errs.String()
		}
		w.Close()
	}()
	var at struct{ AWS, REST string }
	if err := json.NewDecoder(r).Decode(&at); err != nil {
		t.Fatalf("serve said nothing: %v: %s", err, <-done)
	}
	go io.Copy(io.Discard, r)
	t.Cleanup(func() {
		stop()
		if got := <-done; strings.Contains(got, "exit") || strings.Contains(got, `"level":"ERROR"`) {
			t.Errorf("serve ended with %s", got)
		}
	})
	return at.AWS, at.REST
}

func TestCommandsAgainstAServer(t *testing.T) {
	aws, rest := running(t, t.TempDir())
	call(t, aws, "CreateStateMachine", `{"name":"good","roleArn":"arn:aws:iam::000000000000:role/r","definition":`+quote(good)+`}`)
	call(t, aws, "CreateStateMachine", `{"name":"fail","roleArn":"arn:aws:iam::000000000000:role/r","definition":`+quote(fail)+`}`)
	call(t, aws, "CreateStateMachine", `{"name":"ask","roleArn":"arn:aws:iam::000000000000:role/r","definition":`+quote(
		`{"StartAt":"A","States":{"A":{"Type":"Task","Resource":"arn:aws:states:::approval:request.waitForTaskToken","Parameters":{"Title":"Pay?","Details":{"total":7}},"End":true}}}`)+`}`)
	ask := func(args ...string) (int, string, string) { return do(t, "", append(args, "--server", rest)...) }
	for _, c := range []struct {
		args []string
		code int
		want string // on either output
	}{
		{[]string{"list", "--machines"}, cli.OK, "good"},
		{[]string{"start", "good", "--name", "one", "--input", `{"total":7}`}, cli.OK, "good/one\n"},
		{[]string{"start", "good", "--name", "two", "--wait"}, cli.OK, "{}\n"},
		{[]string{"start", "arn:aws:states:us-east-1:000000000000:stateMachine:good", "--name", "three", "--json"}, cli.OK, `"name":"three"`},
		{[]string{"start", "fail", "--name", "x", "--wait"}, cli.Failed, "FAILED: Card.Declined: no money"},
		{[]string{"start", "nope"}, cli.Failed, "State Machine Does Not Exist: 'nope'"},
		{[]string{"list"}, cli.OK, "good/two"},
		{[]string{"list", "good", "--where", "$.total == 7"}, cli.OK, "good/one"},
		{[]string{"list", "fail", "--json"}, cli.OK, `"status":"FAILED"`},
		{[]string{"list", "--where", "$."}, cli.Failed, "where"},
		{[]string{"describe", "good"}, cli.OK, `"StartAt": "A"`},
		{[]string{"describe", "good/one"}, cli.OK, `{"total":7}`},
		{[]string{"describe", "arn:aws:states:us-east-1:000000000000:execution:good:one"}, cli.OK, "SUCCEEDED"},
		{[]string{"describe", "good/nope"}, cli.Failed, "Execution Does Not Exist"},
		{[]string{"history", "good/one"}, cli.OK, "PassStateExited"},
		{[]string{"history", "good/one", "--reverse", "--limit", "1"}, cli.OK, "ExecutionSucceeded"},
		{[]string{"history", "good/one", "--follow", "--json"}, cli.OK, `"type":"ExecutionSucceeded"`},
		{[]string{"start", "ask", "--name", "q"}, cli.OK, "ask/q"},
		{[]string{"approvals", "list"}, cli.OK, "Pay?"},
		{[]string{"approvals", "list", "--where", "$.total > 100"}, cli.OK, "ID"},
		{[]string{"approvals", "show", "nope"}, cli.Failed, "nope"},
	} {
		code, out, err := ask(c.args...)
		if code != c.code || !strings.Contains(out+err, c.want) {
			t.Errorf("%v: got %d %s%s, want %d with %s", c.args, code, out, err, c.code, c.want)
		}
	}
	_, out, _ := ask("approvals", "list", "--json")
	var a struct{ ID string }
	if err := json.Unmarshal([]byte(out), &a); err != nil || a.ID == "" {
		t.Fatalf("approvals list --json: %s", out)
	}
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"approvals", "show", a.ID}, cli.OK, `{"total":7}`},
		{[]string{"approvals", "approve", a.ID, "--by", "ana", "--comment", "fine"}, cli.OK, "APPROVED"},
		{[]string{"approvals", "reject", a.ID}, cli.Failed, "ana"},
		{[]string{"history", "ask/q", "--follow"}, cli.OK, "ExecutionSucceeded"},
		{[]string{"start", "ask", "--name", "stopped"}, cli.OK, "ask/stopped"},
		{[]string{"stop", "ask/stopped", "--error", "Enough"}, cli.OK, "ABORTED"},
	} {
		code, out, err := ask(c.args...)
		if code != c.code || !strings.Contains(out+err, c.want) {
			t.Errorf("%v: got %d %s%s, want %d with %s", c.args, code, out, err, c.code, c.want)
		}
	}
}

func TestStateOutlivesTheServer(t *testing.T) {
	data := t.TempDir()
	t.Run("first", func(t *testing.T) {
		aws, _ := running(t, data)
		call(t, aws, "CreateStateMachine", `{"name":"good","roleArn":"arn:aws:iam::000000000000:role/r","definition":`+quote(good)+`}`)
		call(t, aws, "StartExecution", `{"stateMachineArn":"arn:aws:states:us-east-1:000000000000:stateMachine:good","name":"one"}`)
		if code, _, err := do(t, "", "run", file(t, "x.json", good), "--data", data); code != cli.Failed {
			t.Errorf("a second process in the folder: got %d %s", code, err)
		}
	})
	_, rest := running(t, data)
	if code, out, err := do(t, "", "history", "good/one", "--follow", "--server", rest); code != cli.OK || !strings.Contains(out, "ExecutionSucceeded") {
		t.Errorf("got %d %s%s", code, out, err)
	}
}

func quote(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}

// call runs an operation of Step Functions that must succeed.
func call(t *testing.T, aws, operation, body string) []byte {
	t.Helper()
	status, answer := post(t, aws, map[string]string{"X-Amz-Target": "AWSStepFunctions." + operation, "Content-Type": "application/x-amz-json-1.0"}, "POST", "/", body)
	if status != 200 {
		t.Fatalf("%s: got %d %s", operation, status, answer)
	}
	return answer
}

func post(t *testing.T, base string, headers map[string]string, method, path, body string) (int, []byte) {
	t.Helper()
	r, err := http.NewRequest(method, base+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range headers {
		r.Header.Set(k, v)
	}
	w, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	defer w.Body.Close()
	b, err := io.ReadAll(w.Body)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	return w.StatusCode, b
}

// Every service that has a door is called by task states too.
func TestServicesAreTasks(t *testing.T) {
	for _, resource := range []string{
		"sqs:listQueues", "dynamodb:listTables", "dynamodbstreams:listStreams", "s3:listBuckets", "lambda:listFunctions", "lambda:listEventSourceMappings",
		"sns:listTopics", "eventbridge:listRules", "pipes:listPipes", "cloudtrail:listTrails", "sfn:listStateMachines",
	} {
		definition := `{"StartAt":"A","States":{"A":{"Type":"Task","Resource":"arn:aws:states:::aws-sdk:` + resource + `","Parameters":{},"End":true}}}`
		if code, out, err := do(t, "", "run", file(t, "m.json", definition)); code != 0 || !strings.HasPrefix(out, "{") {
			t.Errorf("%s: got %d %q %s", resource, code, out, err)
		}
	}
}
