package mapping

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"millrace/asl/document"
	"millrace/engine"
	"millrace/integrations/wire/pattern"
	"millrace/tasks"
)

// worker works on one enabled mapping. It has a goroutine only while there is
// something to do: signals and times start it.
type worker struct {
	s        *Service
	m        *mapping // as it was when the worker was made
	template *template
	filters  []*pattern.Pattern
	ctx      context.Context
	cancel   context.CancelFunc
	stops    []func()

	mu       sync.Mutex
	running  bool
	again    bool // signalled while running
	ended    bool
	calls    int // of functions under way
	last     string
	since    time.Time   // when the batch that is being filled had its first record
	paused   time.Time   // no attempt before this
	halved   int         // records of the next batch, after a failure; 0: BatchSize
	problems int         // in a row
	armed    []time.Time // to be woken at that have not come, latest first
}

func newWorker(s *Service, m *mapping) *worker {
	w := &worker{s: s, m: m}
	w.ctx, w.cancel = context.WithCancel(s.ctx)
	w.template, _ = parseTemplate(m.settings.Template) // checked when the mapping was made
	for _, f := range m.settings.Filters {
		if p, err := pattern.Compile([]byte(f)); err == nil {
			w.filters = append(w.filters, p)
		}
	}
	return w
}

// begin watches the source.
func (w *worker) begin() {
	for _, k := range []struct {
		key  string
		wake func()
	}{{w.m.key(), w.woken}, {w.sourceKey(), w.kick}} {
		stop := w.s.host.Watch(k.key, k.wake)
		w.mu.Lock()
		w.stops = append(w.stops, stop)
		ended := w.ended
		w.mu.Unlock()
		if ended {
			stop()
		}
	}
	w.kick()
}

func (w *worker) sourceKey() string {
	if kindOf(w.m.source) == queueSource {
		return w.s.c.Queues.SignalKey(w.m.source)
	}
	return w.s.c.Streams.SignalKey(w.m.source)
}

// end stops watching; what is under way is given up.
func (w *worker) end() {
	w.mu.Lock()
	w.ended = true
	stops := w.stops
	w.stops = nil
	w.mu.Unlock()
	for _, stop := range stops {
		stop()
	}
	w.cancel()
}

// kick has the worker look at its source. It does not block.
func (w *worker) kick() {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.ended:
	case w.running:
		w.again = true
	default:
		w.running = true
		w.s.spawn(w.run)
	}
}

// wakeAt has the worker kicked at a time, or before: then it looks again and asks
// again. What is armed already is not armed a second time, so that the host keeps
// few times however often the worker looks.
func (w *worker) wakeAt(t time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if n := len(w.armed); n > 0 && !t.Before(w.armed[n-1]) {
		return
	}
	w.armed = append(w.armed, t)
	w.s.host.WakeAt(w.m.key(), t)
}

// woken is called once for each armed time that has come, which is the earliest.
func (w *worker) woken() {
	w.mu.Lock()
	if n := len(w.armed); n > 0 {
		w.armed = w.armed[:n-1]
	}
	w.mu.Unlock()
	w.kick()
}

// spawn runs f on a goroutine that Close waits for.
func (s *Service) spawn(f func()) {
	s.done.Go(f)
}

// run works until there is nothing to do.
func (w *worker) run() {
	for {
		more, err := w.step()
		switch {
		case w.ctx.Err() != nil || errors.Is(err, engine.ErrClosed):
			more = false
		case err != nil:
			w.failed(err)
			more = false
		}
		w.mu.Lock()
		if !more && !w.again || w.ended {
			w.running = false
			w.mu.Unlock()
			return
		}
		w.again = false
		w.mu.Unlock()
	}
}

// step does one piece of work and reports whether there may be more.
func (w *worker) step() (more bool, err error) {
	if until := w.pause(); w.s.host.Now().Before(until) {
		w.wakeAt(until)
		return false, nil
	}
	machine := isMachine(w.m.target)
	switch kindOf(w.m.source) {
	case queueSource:
		if ready, err := w.queueReady(); err != nil || !ready {
			return false, err
		}
		if machine {
			return w.queueToExecution()
		}
		return w.queueToFunction()
	case streamSource:
		if machine {
			return w.streamToExecution()
		}
		return w.streamToFunction()
	}
	return false, nil
}

// pause returns until when the worker waits after a failure.
func (w *worker) pause() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.paused
}

// maxPause is the longest time between attempts after failures.
const maxPause = time.Minute

// failed notes a problem and pauses: a second, doubled with each problem in a row.
func (w *worker) failed(err error) {
	w.mu.Lock()
	w.problems++
	d := min(time.Second<<min(w.problems-1, 10), maxPause)
	w.paused = w.s.host.Now().Add(d)
	at := w.paused
	w.last = "PROBLEM: " + err.Error()
	w.mu.Unlock()
	w.s.c.Log.Warn("mapping: batch failed", "mapping", w.m.id, "error", err, "next", at)
	w.wakeAt(at)
}

// succeeded notes that a batch is done.
func (w *worker) succeeded() {
	w.mu.Lock()
	w.problems, w.last, w.halved = 0, "OK", 0
	w.paused = time.Time{}
	w.mu.Unlock()
}

func (w *worker) result() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.last == "" {
		return "No records processed"
	}
	return w.last
}

// full reports whether a batch of n records that may grow to want is to be
// handed on now, or waits for more until the batching window is over.
func (w *worker) full(n, want int) bool {
	at := w.windowEnd(n >= want)
	if w.s.host.Now().Before(at) {
		w.wakeAt(at)
		return false
	}
	w.windowEnd(true)
	return true
}

// windowEnd returns when the batching window is over that began with the batch's
// first record; zero: there is none, or the batch is full, which ends it.
func (w *worker) windowEnd(full bool) time.Time {
	window := time.Duration(w.m.settings.Window) * time.Second
	w.mu.Lock()
	defer w.mu.Unlock()
	if full || window == 0 {
		w.since = time.Time{}
		return time.Time{}
	}
	if w.since.IsZero() {
		w.since = w.s.host.Now()
	}
	return w.since.Add(window)
}

// fits reports whether a record passes the filters. A message's body is looked
// into if it is JSON.
func (w *worker) fits(record json.RawMessage) bool {
	if len(w.filters) == 0 {
		return true
	}
	v, err := document.Parse(record)
	if err != nil {
		return false
	}
	if o, ok := v.(*document.Object); ok {
		if body, ok := o.Get("body"); ok {
			o.Set("body", opened(body))
		}
	}
	for _, f := range w.filters {
		if f.Match(v) {
			return true
		}
	}
	return false
}

// payload is what the target gets: for pipes the list of records, each through
// the template; for event source mappings {"Records": [...]}.
func (w *worker) payload(records []json.RawMessage, now time.Time) (json.RawMessage, error) {
	ingested := now.UTC().Format("2006-01-02T15:04:05.000Z")
	out := []byte{'['}
	for i, r := range records {
		if i > 0 {
			out = append(out, ',')
		}
		text, err := w.template.fill(w.m, w.s.pipeARN(w.m.name()), r, ingested)
		if err != nil {
			return nil, err
		}
		out = append(out, text...)
	}
	out = append(out, ']')
	if w.m.isPipe() {
		return out, nil
	}
	return append(append([]byte(`{"Records":`), out...), '}'), nil
}

// current reads the mapping again, within a unit; nil: it is gone, disabled or another.
func (w *worker) current(r engine.Reader) (*mapping, error) {
	m, err := load(r, w.m.id)
	if err != nil || m == nil || !m.enabled || m.modified != w.m.modified || m.created != w.m.created {
		return nil, err
	}
	return m, nil
}

// transient reports whether an error says nothing about the records.
func transient(err error) bool {
	return errors.Is(err, engine.ErrBusy) || errors.Is(err, engine.ErrClosed) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// text is an error as a mapping's result has it.
func text(err error) string {
	if e := (*tasks.Error)(nil); errors.As(err, &e) {
		return e.Message
	}
	return err.Error()
}
