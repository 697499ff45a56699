package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestFlags(t *testing.T) {
	for _, c := range []struct {
		name string
		args []string
		env  map[string]string
		want string // listen, count, the rest
	}{
		{"nothing", nil, nil, "here 0 []"},
		{"flags before", []string{"--aws-listen", "a", "x"}, nil, "a 0 [x]"},
		{"flags after", []string{"x", "--aws-listen=a", "y", "-count", "3"}, nil, "a 3 [x y]"},
		{"after --", []string{"x", "--", "--count", "3"}, nil, "here 0 [x --count 3]"},
		{"environment", []string{"x"}, map[string]string{"MILLRACE_AWS_LISTEN": "e", "MILLRACE_COUNT": "7"}, "e 7 [x]"},
		{"flags beat the environment", []string{"--aws-listen", "a"}, map[string]string{"MILLRACE_AWS_LISTEN": "e"}, "a 0 []"},
		{"an empty variable is none", nil, map[string]string{"MILLRACE_AWS_LISTEN": ""}, "here 0 []"},
	} {
		f := NewFlags("test", "")
		listen := f.String("aws-listen", "here", "")
		count := f.Int("count", 0, "")
		rest, err := f.Parse(c.args, func(k string) string { return c.env[k] }, io.Discard)
		if got := fmt.Sprintf("%s %d %v", *listen, *count, rest); err != nil || got != c.want {
			t.Errorf("%s: got %s, %v, want %s", c.name, got, err, c.want)
		}
	}
}

func TestFlagsRefuse(t *testing.T) {
	for _, c := range []struct {
		args []string
		env  string
		want string
	}{
		{[]string{"--colour"}, "", "--colour"},
		{[]string{"--count", "x"}, "", "count"},
		{[]string{"--count"}, "", "count"},
		{nil, "x", "MILLRACE_COUNT"},
		{[]string{"a", "b"}, "", "usage: millrace test"},
	} {
		f := NewFlags("test [A]", "")
		f.Int("count", 0, "")
		_, err := f.Want(0, 1, c.args, func(string) string { return c.env }, io.Discard)
		var e *Error
		if !errors.As(err, &e) || e.Code != Usage || !strings.Contains(e.Text, c.want) {
			t.Errorf("%v: got %v, want usage with %s", c.args, err, c.want)
		}
	}
	f := NewFlags("test FILE", "Tests.")
	f.Int("count", 3, "how `MANY`")
	var out bytes.Buffer
	if _, err := f.Parse([]string{"--help"}, func(string) string { return "" }, &out); !errors.Is(err, ErrHelp) {
		t.Errorf("help: got %v", err)
	}
	for _, want := range []string{"usage: millrace test FILE", "Tests.", "--count MANY", "(default 3)"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("help lacks %q: %s", want, &out)
		}
	}
}

func TestEventLine(t *testing.T) {
	for in, want := range map[string]string{
		`{"id":2,"type":"TaskStateEntered","timestamp":1.5,"stateEnteredEventDetails":{"name":"Charge","input":"{}"}}`:                                          "    2  TaskStateEntered          Charge",
		`{"id":3,"type":"TaskFailed","timestamp":1.5,"taskFailedEventDetails":{"resourceType":"sqs","resource":"sendMessage","error":"E","cause":"no\nqueue"}}`: "    3  TaskFailed                sqs:sendMessage  E: no queue",
		`{"id":4,"type":"MapIterationStarted","timestamp":1.5,"mapIterationStartedEventDetails":{"name":"M","index":0}}`:                                        "    4  MapIterationStarted       M  [0]",
		`{"id":5,"type":"MapStateStarted","timestamp":1.5,"mapStateStartedEventDetails":{"length":7}}`:                                                          "    5  MapStateStarted           7 items",
		`{"id":6,"type":"ExecutionSucceeded","timestamp":1.5}`:                                                                                                  "    6  ExecutionSucceeded",
		"no\x1b[31mJSON": "no [31mJSON",
	} {
		got := EventLine([]byte(in))
		if strings.HasPrefix(got, "    ") {
			got = got[:5] + got[19:] // without the time, which is in the zone of who reads
		}
		if got != want {
			t.Errorf("%s:\n got %q\nwant %q", in, got, want)
		}
	}
	long := EventLine([]byte(`{"id":1,"type":"TaskFailed","timestamp":1,"taskFailedEventDetails":{"error":"E","cause":"` + strings.Repeat("ü", 500) + `"}}`))
	if n := len([]rune(long)); n != 203 {
		t.Errorf("a long cause makes %d characters, want 203", n)
	}
}

func TestProgressTellsStates(t *testing.T) {
	var out bytes.Buffer
	p := Progress(&out)
	for _, kind := range []string{"ExecutionStarted", "TaskStateEntered", "TaskScheduled", "TaskStarted", "TaskFailed", "TaskStateExited", "ExecutionFailed"} {
		if !p("history", []byte(`{"id":1,"type":"`+kind+`","timestamp":1}`)) {
			t.Errorf("%s ends the stream", kind)
		}
	}
	if got := strings.Count(out.String(), "\n"); got != 5 {
		t.Errorf("%d lines, want 5:\n%s", got, &out)
	}
	if p("end", nil) {
		t.Error("the end does not end the stream")
	}
}

func TestSARIF(t *testing.T) {
	log := NewSARIF("1")
	log.Add("a/b.json", Diagnosis{"error", "CODE", "wrong", "/States/A", 3, 0}, "What is wrong")
	log.Add("c d.json", Diagnosis{Severity: "warning", Code: "C", Message: "odd"}, "")
	log.Add("/e#.json", Diagnosis{"warning", "CODE", "odd", "", 1, 7}, "What is wrong")
	log.Add("-", Diagnosis{Severity: "error", Code: "C", Message: "odd"}, "")
	b, err := json.Marshal(log)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`"version":"2.1.0"`, `"name":"millrace"`, `"ruleId":"CODE","ruleIndex":0,"level":"error","message":{"text":"wrong"}`,
		`"rules":[{"id":"CODE","shortDescription":{"text":"What is wrong"}},{"id":"C","shortDescription":{"text":"C"}}]`,
		`"uri":"a/b.json"},"region":{"startLine":3,"startColumn":1}`, `"fullyQualifiedName":"/States/A"`, `"uri":"c%20d.json"}}}]`,
		`"ruleId":"CODE","ruleIndex":0,"level":"warning"`, `"uri":"file:///e%23.json"},"region":{"startLine":1,"startColumn":7}`,
		`"ruleId":"C","ruleIndex":1,"level":"error"`, `"uri":"stdin"`,
	} {
		if !strings.Contains(string(b), want) {
			t.Errorf("%s is not in %s", want, b)
		}
	}
}

func TestClient(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("/good", func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s %s %s", r.Method, r.URL.RawQuery, r.Header.Get("Content-Type"), b)
	})
	mux.HandleFunc("/bad", func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(400)
		io.WriteString(w, `{"title":"Not right","detail":"want a name","pointer":"/name"}`)
	})
	mux.HandleFunc("/odd", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(502) })
	mux.HandleFunc("/stream", func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, ": alive\n\nid: 1\nevent: history\ndata: {\"a\":1}\n\nevent: history\ndata: 2\n\nevent: end\ndata: {}\n\nevent: more\ndata: x\n\n")
	})
	s := httptest.NewServer(mux)
	defer s.Close()
	ctx := context.Background()
	c := Client{Server: s.URL + "/", HTTP: s.Client()}
	got, err := c.Call(ctx, "POST", "/good", map[string][]string{"q": {"a b"}}, map[string]int{"n": 1})
	if want := `POST q=a+b application/json {"n":1}`; err != nil || string(got) != want {
		t.Errorf("got %s, %v, want %s", got, err, want)
	}
	for path, want := range map[string]string{"/bad": "/name: want a name", "/odd": "the server answered 502 Bad Gateway, which is no answer of Millrace"} {
		if _, err := c.Call(ctx, "GET", path, nil, nil); err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %s", path, err, want)
		}
	}
	var events []string
	err = c.Stream(ctx, "/stream", func(event string, data []byte) bool {
		events = append(events, event+" "+string(data))
		return event != "end"
	})
	if got, want := strings.Join(events, ", "), `history {"a":1}, history 2, end {}`; err != nil || got != want {
		t.Errorf("got %s, %v, want %s", got, err, want)
	}
	gone := httptest.NewServer(mux)
	gone.Close()
	c = Client{Server: gone.URL}
	if _, err := c.Call(ctx, "GET", "/", nil, nil); err == nil || !strings.Contains(err.Error(), "millrace serve") {
		t.Errorf("no server: got %v", err)
	}
	c = Client{Server: "nowhere"}
	var e *Error
	if _, err := c.Call(ctx, "GET", "/", nil, nil); !errors.As(err, &e) || e.Code != Usage {
		t.Errorf("no address: got %v", err)
	}
}
