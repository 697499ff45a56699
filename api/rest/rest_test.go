package rest

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"

	"millrace/engine"
	"millrace/engine/interp"
	"millrace/tasks"
)

// fake is an engine with executions that tests define.
type fake struct {
	Engine
	err        error
	executions []engine.ExecutionInfo // newest first
	events     []interp.Event
	watch      func()
}

func (f *fake) CreateStateMachine(_ context.Context, c engine.CreateStateMachine) (engine.StateMachine, error) {
	return engine.StateMachine{Name: c.Name, Type: c.Type, Definition: c.Definition, RoleARN: c.RoleARN}, f.err
}
func (f *fake) UpdateStateMachine(_ context.Context, u engine.UpdateStateMachine) (engine.StateMachine, error) {
	return engine.StateMachine{ARN: u.ARN, Name: "order", Definition: *u.Definition}, f.err
}
func (f *fake) DeleteStateMachine(context.Context, string) error { return f.err }
func (f *fake) DescribeStateMachine(_ context.Context, arn string) (engine.StateMachine, error) {
	return engine.StateMachine{ARN: arn, Name: lastPart(arn), Type: engine.Standard, Definition: "{}"}, f.err
}
func (f *fake) ListStateMachines(context.Context, engine.Page) ([]engine.StateMachine, string, error) {
	return []engine.StateMachine{{Name: "order"}}, "next", f.err
}
func (f *fake) StartExecution(_ context.Context, in engine.StartInput) (engine.Started, error) {
	return engine.Started{ARN: in.MachineARN, Name: "one", Existing: in.Name == "there"}, f.err
}
func (f *fake) StopExecution(context.Context, string, *string, *string) (time.Time, error) {
	return time.Time{}, f.err
}
func (f *fake) DescribeExecution(_ context.Context, arn string) (engine.ExecutionInfo, error) {
	for _, x := range f.executions {
		if x.ARN == arn {
			return x, f.err
		}
	}
	return engine.ExecutionInfo{}, engine.ErrExecutionNotFound
}

// ListExecutions pages by index.
func (f *fake) ListExecutions(_ context.Context, _ engine.ListFilter, p engine.Page) (list []engine.ExecutionInfo, next string, err error) {
	from, _ := strconv.Atoi(p.Token)
	to := min(from+p.Max, len(f.executions))
	if to < len(f.executions) {
		next = strconv.Itoa(to)
	}
	return f.executions[from:to], next, f.err
}
func (f *fake) History(_ context.Context, _ string, p engine.Page) ([]interp.Event, string, error) {
	from, _ := strconv.Atoi(p.Token)
	to := min(from+p.Max, len(f.events))
	next := ""
	if to < len(f.events) {
		next = strconv.Itoa(to)
	}
	return f.events[from:to], next, f.err
}
func (f *fake) WatchExecution(_ string, g func()) func() {
	f.watch = g
	return func() {}
}

// services is a Services with one operation that fails and one that answers.
type services struct{}

func (services) Names() map[string][]string { return map[string][]string{"sqs": {"SendMessage"}} }
func (services) Call(_ context.Context, service, operation string, in json.RawMessage) (json.RawMessage, error) {
	switch operation {
	case "SendMessage":
		return in, nil
	case "Break":
		return nil, errors.New("disk failed")
	}
	return nil, &tasks.Error{Code: "UnknownOperationException", Message: service + " has no " + operation}
}

func (f *fake) Metrics() engine.Metrics {
	return engine.Metrics{
		Started: 3, Transitions: 7, Ended: map[interp.Status]uint64{interp.Succeeded: 2, interp.TimedOut: 0}, TimerLag: 1500 * time.Millisecond,
		CommitUnits:   engine.Histogram{Bounds: []float64{1, 2}, Counts: []uint64{4, 0, 1}, Sum: 9},
		CommitTime:    engine.Histogram{Bounds: []float64{0.001, 0.25}, Counts: []uint64{1, 3, 0}, Sum: 0.1234},
		DatabaseBytes: 4096, LogBytes: 100,
	}
}

func newFake(n int) *fake {
	f := &fake{}
	for i := range n {
		name := "x" + strconv.Itoa(i)
		f.executions = append(f.executions, engine.ExecutionInfo{
			ARN: "arn:aws:states:us-east-1:000000000000:execution:order:" + name, MachineARN: "arn:aws:states:us-east-1:000000000000:stateMachine:order",
			Name: name, Status: interp.Succeeded, Input: []byte(`{"total":` + strconv.Itoa(i) + `}`), Output: []byte(`{"ok":` + strconv.FormatBool(i%2 == 0) + `}`),
		})
	}
	return f
}

func handler(f *fake) http.Handler {
	return New(Config{
		Engine: f, Services: services{}, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
		Approvals: func(_ context.Context, operation string, in json.RawMessage) (any, error) {
			if operation == "ListApprovals" {
				return json.RawMessage(`{"approvals":[{"id":"a","details":{"total":7}},{"id":"b","input":{"total":200}}],"nextToken":"n"}`), nil
			}
			var p struct{ ID string }
			if json.Unmarshal(in, &p); p.ID != "a" {
				return nil, &tasks.Error{Code: "ApprovalNotFoundException", Message: "There is no approval " + p.ID, Status: 404}
			}
			return in, f.err
		},
	})
}

// ask sends a request; body "" is none.
func ask(h http.Handler, method, url, body string) *httptest.ResponseRecorder {
	var in io.Reader
	if body != "" {
		in = strings.NewReader(body)
	}
	r := httptest.NewRequest(method, "http://127.0.0.1:8080"+url, in)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

const definition = `{"StartAt":"A","States":{"A":{"Type":"Pass","End":true}}}`

func TestAnswers(t *testing.T) {
	h := handler(newFake(2))
	for _, c := range []struct {
		method, url, body string
		status            int
		want              string // in the body
	}{
		{"GET", "/healthz", "", 200, `"ok"`},
		{"GET", "/readyz", "", 200, `"ready"`},
		{"GET", "/metrics", "", 200, "millrace_transitions_total 7\n"},
		{"GET", "/v1/openapi.json", "", 200, `"3.1.0"`},
		{"GET", "/v1/machines", "", 200, `"next":"next"`},
		{"POST", "/v1/machines", `{"name":"order","definition":` + definition + `}`, 201, `"definition":{"StartAt":"A"`},
		{"POST", "/v1/machines", `{"name":"order","definition":` + strconv.Quote(definition) + `}`, 201, `"definition":{"StartAt":"A"`},
		{"GET", "/v1/machines/order", "", 200, `"name":"order"`},
		{"PUT", "/v1/machines/order", `{"definition":` + definition + `}`, 200, `"name":"order"`},
		{"DELETE", "/v1/machines/order", "", 204, ``},
		{"POST", "/v1/machines/order/executions", "", 201, `"name":"one"`},
		{"POST", "/v1/machines/order/executions", `{"name":"there","input":{"a":1}}`, 200, `"name":"one"`},
		{"GET", "/v1/executions", "", 200, `"name":"x1"`},
		{"GET", "/v1/executions/order/x1", "", 200, `"input":{"total":1}`},
		{"POST", "/v1/executions/order/x1/stop", `{"error":"E"}`, 200, `"name":"x1"`},
		{"POST", "/v1/executions/order/x1/stop", ``, 200, `"name":"x1"`},
		{"GET", "/v1/executions/order/x1/history", "", 200, `{"items":[]}`},
		{"GET", "/v1/approvals", "", 200, `{"items":[{"id":"a"`},
		{"GET", "/v1/approvals/a", "", 200, `"id":"a"`},
		{"POST", "/v1/approvals/a/approve", `{"by":"ana"}`, 200, `"by":"ana"`},
		{"POST", "/v1/approvals/a/reject", ``, 200, `"id":"a"`},
		{"GET", "/v1/services", "", 200, `"SendMessage"`},
		{"POST", "/v1/services/sqs/SendMessage", `{"a":1}`, 200, `{"a":1}`},
	} {
		w := ask(h, c.method, c.url, c.body)
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.want) {
			t.Errorf("%s %s: got %d %s, want %d with %s", c.method, c.url, w.Code, w.Body, c.status, c.want)
		}
	}
}

func TestBadRequests(t *testing.T) {
	h := handler(newFake(1))
	for _, c := range []struct {
		name, method, url, body string
		status                  int
		want                    string // in the body
	}{
		{"unknown route", "GET", "/v2/machines", "", 404, "/v1/openapi.json"},
		{"wrong verb", "DELETE", "/v1/executions", "", 405, "DELETE"},
		{"malformed JSON", "POST", "/v1/machines", `{"name":`, 400, "no JSON"},
		{"wrong shape", "POST", "/v1/machines", `[]`, 400, "want an object"},
		{"wrong type", "POST", "/v1/machines", `{"name":7}`, 400, "/name"},
		{"unknown member", "POST", "/v1/machines", `{"nmae":"x"}`, 400, "nmae"},
		{"no name", "POST", "/v1/machines", `{"definition":{}}`, 400, "/name"},
		{"no definition", "POST", "/v1/machines", `{"name":"x"}`, 400, "/definition"},
		{"another name", "PUT", "/v1/machines/order", `{"name":"x","definition":{}}`, 400, "/name"},
		{"another type", "PUT", "/v1/machines/order", `{"type":"EXPRESS","definition":{}}`, 400, "/type"},
		{"unknown type", "POST", "/v1/machines", `{"name":"x","type":"SLOW","definition":{}}`, 400, "STANDARD or EXPRESS"},
		{"giant body", "POST", "/v1/machines", `{"name":"` + strings.Repeat("x", maxBody) + `"}`, 413, "bytes"},
		{"unknown parameter", "GET", "/v1/executions?machin=x", "", 400, "machin"},
		{"limit of 0", "GET", "/v1/executions?limit=0", "", 400, "1 to 1000"},
		{"limit that is no number", "GET", "/v1/machines?limit=x", "", 400, "limit"},
		{"unknown status", "GET", "/v1/executions?status=DONE", "", 400, "RUNNING"},
		{"broken condition", "GET", "/v1/executions?where=%24.a+%26%26", "", 400, "where"},
		{"long condition", "GET", "/v1/executions?where=" + strings.Repeat("1", maxWhere+1), "", 400, "1024"},
		{"unknown order", "GET", "/v1/executions/order/x0/history?order=up", "", 400, "asc or desc"},
		{"unknown execution", "GET", "/v1/executions/order/nope", "", 404, "Execution Does Not Exist: 'order/nope'"},
		{"long error", "POST", "/v1/executions/order/x0/stop", `{"error":"` + strings.Repeat("e", 257) + `"}`, 400, "/error"},
		{"unknown approval", "GET", "/v1/approvals/zzz", "", 404, "zzz"},
		{"unknown operation", "POST", "/v1/services/sqs/Sing", "", 400, "sqs has no Sing"},
		{"broken path", "GET", "/v1/executions/order/%ff", "", 404, "Does Not Exist"},
	} {
		w := ask(h, c.method, c.url, c.body)
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.want) || w.Header().Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: got %d %s %s, want %d with %s", c.name, w.Code, w.Header().Get("Content-Type"), w.Body, c.status, c.want)
		}
	}
}

func TestServerFailuresAreNotTold(t *testing.T) {
	f := newFake(1)
	f.err = errors.New("disk /dev/secret failed")
	for _, url := range []string{"/v1/machines", "/v1/executions", "/v1/executions/order/x0", "/v1/executions/order/x0/history"} {
		if w := ask(handler(f), "GET", url, ""); w.Code != 500 || strings.Contains(w.Body.String(), "secret") {
			t.Errorf("%s: got %d %s", url, w.Code, w.Body)
		}
	}
	if w := ask(handler(f), "POST", "/v1/services/sqs/Break", "{}"); w.Code != 500 || strings.Contains(w.Body.String(), "disk") {
		t.Errorf("a service: got %d %s", w.Code, w.Body)
	}
}

func TestEngineErrorsHaveTheirStatus(t *testing.T) {
	for err, status := range map[error]int{
		engine.ErrMachineNotFound: 404, engine.ErrMachineExists: 409, engine.ErrMachineDeleting: 409, engine.ErrInvalidName: 400,
		engine.ErrBusy: 503, engine.ErrClosed: 503, &engine.DefinitionError{}: 422,
	} {
		f := newFake(0)
		f.err = err
		if w := ask(handler(f), "POST", "/v1/machines", `{"name":"x","definition":{}}`); w.Code != status {
			t.Errorf("%v: got %d %s, want %d", err, w.Code, w.Body, status)
		}
	}
}

func TestForeignPagesAreRefused(t *testing.T) {
	h := handler(newFake(1))
	for name, c := range map[string]struct {
		change func(*http.Request)
		status int
	}{
		"a foreign host":       {func(r *http.Request) { r.Host = "evil.example:8080" }, 421},
		"localhost":            {func(r *http.Request) { r.Host = "localhost:8080" }, 200},
		"IPv6":                 {func(r *http.Request) { r.Host = "[::1]:8080" }, 200},
		"a page of another":    {func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }, 403},
		"a form":               {func(r *http.Request) { r.Header.Set("Content-Type", "application/x-www-form-urlencoded") }, 415},
		"a page of this place": {func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "same-origin") }, 200},
	} {
		r := httptest.NewRequest("POST", "http://127.0.0.1:8080/v1/executions/order/x0/stop", strings.NewReader("{}"))
		r.Header.Set("Content-Type", "application/json")
		c.change(r)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != c.status {
			t.Errorf("%s: got %d %s, want %d", name, w.Code, w.Body, c.status)
		}
	}
}

func TestDescriptionHasTheRoutes(t *testing.T) {
	var d struct {
		Paths map[string]map[string]struct {
			OperationID string
			Parameters  []struct{ Name, In string }
			Responses   map[string]any
		}
	}
	if err := json.Unmarshal(description, &d); err != nil {
		t.Fatal(err)
	}
	described := map[string]bool{}
	ids := map[string]bool{}
	for path, methods := range d.Paths {
		for method, o := range methods {
			described[strings.ToUpper(method)+" "+path] = true
			if ids[o.OperationID] || o.OperationID == "" {
				t.Errorf("%s %s: the operation id %q is empty or taken", method, path, o.OperationID)
			}
			ids[o.OperationID] = true
			for _, part := range strings.Split(path, "/") {
				if name, ok := strings.CutPrefix(part, "{"); ok {
					found := false
					for _, p := range o.Parameters {
						found = found || p.In == "path" && p.Name+"}" == name
					}
					if !found {
						t.Errorf("%s %s: {%s is not described", method, path, name)
					}
				}
			}
			if o.Responses["default"] == nil {
				t.Errorf("%s %s: errors are not described", method, path)
			}
		}
	}
	s := &server{Config{Approvals: func(context.Context, string, json.RawMessage) (any, error) { return nil, nil }, Services: services{},
		Backup: func(context.Context, string) (Backup, error) { return Backup{}, nil }}}
	err := chi.Walk(s.routes(), func(method, route string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		if !described[method+" "+route] {
			t.Errorf("%s %s is not described", method, route)
		}
		delete(described, method+" "+route)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for r := range described {
		t.Errorf("%s is described and not there", r)
	}
}
