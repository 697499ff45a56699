package function

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"time"

	"millrace/asl/document"
	"millrace/integrations/function/runtime"
)

// instance is a process of a function and the Runtime API that it talks to, on a
// port of its own. It handles one event at a time.
type instance struct {
	revision string
	log      *slog.Logger

	listener net.Listener
	server   *http.Server
	cmd      *exec.Cmd
	tail     *tail
	done     sync.WaitGroup

	work   chan *event   // handed to the process when it asks
	failed chan []byte   // its initialisation error
	exited chan struct{} // closed when the process is gone; exit is set
	exit   error

	mu      sync.Mutex
	current *event

	idle time.Time // since when; the pool's
}

// event is an event on its way through a process.
type event struct {
	id      string
	arn     string
	trace   string
	client  string // client context, JSON
	payload []byte
	timeout time.Duration // from when it is handed over
	answer  chan answer   // takes one without blocking
}

// answer is what a process made of an event.
type answer struct {
	payload []byte
	failed  bool
}

// maxAnswer is the most bytes of an answer: Lambda allows a little more than the event's 6 MiB.
const maxAnswer = maxPayload + 100

// initTime is how long a process may take to ask for its first event.
const initTime = 10 * time.Second

func newInstance(f *function, log *slog.Logger) (*instance, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("open the Runtime API of function %s: %w", f.FunctionName, err)
	}
	i := &instance{
		revision: f.RevisionID, log: log.With("function", f.FunctionName), listener: l,
		work: make(chan *event), failed: make(chan []byte, 1), exited: make(chan struct{}),
	}
	i.tail = &tail{log: i.log}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", i.next)
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/response", i.response)
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/error", i.failure)
	mux.HandleFunc("POST /2018-06-01/runtime/init/error", i.initError)
	i.server = &http.Server{Handler: mux, ErrorLog: slog.NewLogLogger(i.log.Handler(), slog.LevelDebug)}
	i.done.Go(func() {
		if err := i.server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			i.log.Error("the Runtime API ended", "error", err)
		}
	})
	return i, nil
}

func (i *instance) address() string { return i.listener.Addr().String() }

// launch starts the process.
func (i *instance) launch(cmd *exec.Cmd) error {
	cmd.Stdout, cmd.Stderr = i.tail, i.tail
	cmd.WaitDelay = 2 * time.Second // for pipes that a grandchild keeps open
	separate(cmd)
	if err := cmd.Start(); err != nil {
		return err
	}
	i.cmd = cmd
	i.done.Go(func() {
		i.exit = cmd.Wait()
		i.tail.flush()
		close(i.exited)
	})
	return nil
}

// close kills the process and waits until it is gone.
func (i *instance) close() {
	if i.cmd != nil {
		kill(i.cmd)
	}
	// Requests of the process that are under way end with their connections.
	_ = i.server.Close()
	i.done.Wait()
}

func (i *instance) gone() bool {
	select {
	case <-i.exited:
		return true
	default:
		return false
	}
}

// errUntouched says that the process ended before it took the event.
var errUntouched = errors.New("the process ended while it was idle")

// handle gives the event to the process and returns its answer. After an error,
// or an answer that says that the process is no longer fit, the instance is to be closed.
func (i *instance) handle(ctx context.Context, e *event) (a answer, fit bool, err error) {
	i.tail.begin()
	initial := time.NewTimer(initTime)
	defer initial.Stop()
	select {
	case i.work <- e:
	case body := <-i.failed:
		return answer{body, true}, false, nil
	case <-i.exited:
		return i.ended(e)
	case <-initial.C:
		return fault(e, "Sandbox.Timedout", fmt.Sprintf("Init phase timed out after %.2f seconds", initTime.Seconds())), false, nil
	case <-ctx.Done():
		return answer{}, false, ctx.Err()
	}
	limit := time.NewTimer(e.timeout)
	defer limit.Stop()
	select {
	case a = <-e.answer:
		return a, true, nil
	case <-i.exited:
		select { // the answer may have come just before
		case a = <-e.answer:
			return a, false, nil
		default:
		}
		return fault(e, "Runtime.ExitError", "Runtime exited with error: "+exitText(i.exit)), false, nil
	case <-limit.C:
		return fault(e, "Sandbox.Timedout", fmt.Sprintf("Task timed out after %.2f seconds", e.timeout.Seconds())), false, nil
	case <-ctx.Done():
		return answer{}, false, ctx.Err()
	}
}

// ended answers an event that an ended process never took.
func (i *instance) ended(e *event) (answer, bool, error) {
	select {
	case body := <-i.failed:
		return answer{body, true}, false, nil
	default:
	}
	if !i.idle.IsZero() {
		return answer{}, false, errUntouched
	}
	return fault(e, "Runtime.ExitError", "Runtime exited with error: "+exitText(i.exit)), false, nil
}

func exitText(err error) string {
	if err == nil {
		return "exit status 0"
	}
	return err.Error()
}

// fault is a function error that the service itself makes.
func fault(e *event, kind, message string) answer {
	body := document.AppendString([]byte(`{"errorType":`), kind)
	body = document.AppendString(append(body, `,"errorMessage":`...), "RequestId: "+e.id+" Error: "+message)
	body = append(body, '}')
	return answer{body, true}
}

func (i *instance) next(w http.ResponseWriter, r *http.Request) {
	var e *event
	select {
	case e = <-i.work:
	case <-r.Context().Done():
		return
	}
	i.mu.Lock()
	i.current = e
	i.mu.Unlock()
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(e.payload)))
	h.Set("Lambda-Runtime-Aws-Request-Id", e.id)
	h.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(time.Now().Add(e.timeout).UnixMilli(), 10))
	h.Set("Lambda-Runtime-Invoked-Function-Arn", e.arn)
	if e.trace != "" {
		h.Set("Lambda-Runtime-Trace-Id", e.trace)
	}
	if e.client != "" {
		h.Set("Lambda-Runtime-Client-Context", e.client)
	}
	_, _ = w.Write(e.payload) // a process that is gone is noticed by its exit
}

// take returns the event that a request answers, once.
func (i *instance) take(w http.ResponseWriter, r *http.Request) *event {
	i.mu.Lock()
	defer i.mu.Unlock()
	e := i.current
	if e == nil || e.id != r.PathValue("id") {
		refuse(w, http.StatusBadRequest, "InvalidRequestID", "Invalid request ID")
		return nil
	}
	i.current = nil
	return e
}

func refuse(w http.ResponseWriter, status int, kind, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, `{"errorMessage":%q,"errorType":%q}`, message, kind) // as above
}

func accept(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusAccepted)
	_, _ = io.WriteString(w, `{"status":"OK"}`) // as above
}

func (i *instance) response(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxAnswer+1))
	if err != nil {
		refuse(w, http.StatusBadRequest, "InvalidRequest", "the body ended early")
		return
	}
	e := i.take(w, r)
	switch {
	case e == nil:
	case len(body) > maxAnswer:
		e.answer <- tooLarge()
		refuse(w, http.StatusRequestEntityTooLarge, "RequestEntityTooLarge", "Exceeded maximum allowed payload size ("+strconv.Itoa(maxAnswer)+" bytes).")
	default:
		e.answer <- answer{payload: body}
		accept(w)
	}
}

func tooLarge() answer {
	return answer{(&runtime.Error{Type: "Function.ResponseSizeTooLarge",
		Message: "Response payload size exceeded maximum allowed payload size (" + strconv.Itoa(maxAnswer) + " bytes)."}).JSON(), true}
}

// errorBody reads a function error as the process words it. What is no JSON is
// worded by the header's error type.
func errorBody(r *http.Request) []byte {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxAnswer))
	if err == nil && json.Valid(body) {
		return body
	}
	kind := r.Header.Get("Lambda-Runtime-Function-Error-Type")
	if kind == "" {
		kind = "Runtime.Unknown"
	}
	return (&runtime.Error{Type: kind, Message: strings.ToValidUTF8(string(body), "")}).JSON()
}

func (i *instance) failure(w http.ResponseWriter, r *http.Request) {
	body := errorBody(r)
	if e := i.take(w, r); e != nil {
		e.answer <- answer{body, true}
		accept(w)
	}
}

func (i *instance) initError(w http.ResponseWriter, r *http.Request) {
	select {
	case i.failed <- errorBody(r):
	default: // one was enough
	}
	accept(w)
}

// tail passes what a process prints to the log, line by line, and remembers the
// last of it for the event at hand.
type tail struct {
	log *slog.Logger

	mu   sync.Mutex
	line []byte
	last []byte
}

// maxTail is how much of the log an invocation can give back.
const maxTail = 4 << 10

// maxLine is the longest line that is logged in one piece.
const maxLine = 16 << 10

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last = append(t.last, p...)
	if n := len(t.last); n > maxTail {
		t.last = append(t.last[:0], t.last[n-maxTail:]...)
	}
	t.line = append(t.line, p...)
	for {
		end := bytes.IndexByte(t.line, '\n')
		if end < 0 && len(t.line) < maxLine {
			return len(p), nil
		}
		if end < 0 {
			end = maxLine - 1
		}
		t.log.Info("printed", "line", string(bytes.TrimRight(t.line[:end+1], "\r\n")))
		t.line = append(t.line[:0], t.line[end+1:]...)
	}
}

func (t *tail) flush() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.line) > 0 {
		t.log.Info("printed", "line", string(t.line))
		t.line = t.line[:0]
	}
}

func (t *tail) begin() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last = t.last[:0]
}

func (t *tail) text() []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	return bytes.Clone(t.last)
}
