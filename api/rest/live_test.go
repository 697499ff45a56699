package rest

import (
	"bufio"
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"millrace/engine"
	"millrace/engine/interp"
	"millrace/engine/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// growing is an engine with one execution whose history grows.
type growing struct {
	*fake
	mu      sync.Mutex
	watched chan struct{} // closed once somebody watches
}

func (g *growing) History(ctx context.Context, arn string, p engine.Page) ([]interp.Event, string, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.fake.History(ctx, arn, p)
}

func (g *growing) WatchExecution(arn string, f func()) func() {
	g.mu.Lock()
	defer g.mu.Unlock()
	defer close(g.watched)
	return g.fake.WatchExecution(arn, f)
}

// add appends events and tells those who watch.
func (g *growing) add(types ...string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, t := range types {
		g.events = append(g.events, interp.Event{ID: int64(len(g.events) + 1), Type: t, Time: time.UnixMilli(1)})
	}
	if g.watch != nil {
		g.watch()
	}
}

func TestLiveHistory(t *testing.T) {
	g := &growing{fake: newFake(1), watched: make(chan struct{})}
	g.add("ExecutionStarted", "PassStateEntered")
	s := httptest.NewServer(New(Config{Engine: g}))
	defer s.Close()
	r, err := http.NewRequest("GET", s.URL+"/v1/executions/order/x0/history", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept", "text/event-stream")
	r.Header.Set("Last-Event-ID", "1")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if got := answer.Header.Get("Content-Type"); got != "text/event-stream" {
		t.Fatalf("content type %s", got)
	}
	lines := bufio.NewScanner(answer.Body)
	// next returns the id and name of the next event.
	next := func() string {
		var got []string
		for lines.Scan() && lines.Text() != "" {
			if line := lines.Text(); !strings.HasPrefix(line, "data:") {
				got = append(got, line)
			}
		}
		return strings.Join(got, ",")
	}
	if got, want := next(), "id: 2,event: history"; got != want {
		t.Fatalf("got %s, want %s: the client has seen event 1", got, want)
	}
	<-g.watched
	g.add("PassStateExited")
	if got, want := next(), "id: 3,event: history"; got != want {
		t.Fatalf("got %s, want %s", got, want)
	}
	g.add("ExecutionSucceeded")
	if got, want := next(), "id: 4,event: history"; got != want {
		t.Fatalf("got %s, want %s", got, want)
	}
	if got, want := next(), "event: end"; got != want {
		t.Fatalf("got %s, want %s", got, want)
	}
	if lines.Scan() {
		t.Errorf("after the end: %s", lines.Text())
	}
}

func TestLiveHistoryOfALongExecution(t *testing.T) {
	f := newFake(1)
	for i := range 2500 {
		f.events = append(f.events, interp.Event{ID: int64(i + 1), Type: "PassStateEntered"})
	}
	f.events = append(f.events, interp.Event{ID: 2501, Type: "ExecutionSucceeded"})
	r := httptest.NewRequest("GET", "http://localhost/v1/executions/order/x0/history", nil)
	r.Header.Set("Accept", "text/event-stream")
	w := httptest.NewRecorder()
	handler(f).ServeHTTP(w, r)
	if got := strings.Count(w.Body.String(), "event: history\n"); got != 2501 {
		t.Errorf("got %d events, want 2501", got)
	}
}

func TestLiveHistoryRefusals(t *testing.T) {
	f := newFake(1)
	r := httptest.NewRequest("GET", "http://localhost/v1/executions/order/x0/history?after=x", nil)
	r.Header.Set("Accept", "text/event-stream")
	w := httptest.NewRecorder()
	handler(f).ServeHTTP(w, r)
	if w.Code != 400 {
		t.Errorf("an id that is none: got %d", w.Code)
	}
	f.err = engine.ErrExecutionNotFound
	r = httptest.NewRequest("GET", "http://localhost/v1/executions/order/x0/history", nil)
	r.Header.Set("Accept", "text/event-stream")
	w = httptest.NewRecorder()
	handler(f).ServeHTTP(w, r)
	if w.Code != 404 {
		t.Errorf("no execution: got %d", w.Code)
	}
}
