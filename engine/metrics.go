package engine

import (
	"sync/atomic"
	"time"

	"millrace/engine/interp"
)

// Metrics is what the engine counts and how things stand. Counts are since Open
// and of this process; each figure is right by itself, and they are read one
// after the other.
type Metrics struct {
	Started     uint64                   // executions of every kind: STANDARD, EXPRESS, children of map runs
	Ended       map[interp.Status]uint64 // executions by how they ended, each status that an execution can end in
	Redriven    uint64                   // executions that went on after RedriveExecution
	Transitions uint64                   // states entered

	Resident      int   // executions in memory
	ResidentBytes int64 // about, of those that wait for something
	Runnable      int   // executions that wait for a worker

	CommitQueue int       // units that wait for the committer
	CommitUnits Histogram // units of a group
	CommitTime  Histogram // seconds that the store took for a group
	// TimerLag is how long ago the earliest deadline came that has not fired. Zero: none is late.
	TimerLag time.Duration

	CallsActive  int // remote calls under way
	CallsWaiting int // remote calls in memory that wait for their turn
	CallsClaimed int // remote calls that this process sees to, with those to be repeated later

	// DatabaseBytes and LogBytes are what the store takes on disk; -1: it does not say.
	DatabaseBytes, LogBytes int64
}

// Histogram counts values by size.
type Histogram struct {
	Bounds []float64 // rising; a value belongs to the first bound that it does not exceed
	Counts []uint64  // of each bound, and of values beyond the last
	Sum    float64   // of all values
}

// sizer is a [Store] that knows what it takes on disk, in bytes.
type sizer interface {
	Sizes() (database, log int64)
}

// Metrics returns the engine's figures. It does not block for long.
func (e *Engine) Metrics() Metrics {
	m := Metrics{
		Started: e.meters.started.Load(), Redriven: e.meters.redriven.Load(), Transitions: e.meters.transitions.Load(),
		Ended:       map[interp.Status]uint64{},
		CommitUnits: e.meters.units.read(1), CommitTime: e.meters.took.read(float64(time.Second)),
		CommitQueue: e.committer.waiting(), TimerLag: e.timers.lag(e.now()),
		DatabaseBytes: -1, LogBytes: -1,
	}
	for i, s := range endings {
		m.Ended[s] = e.meters.ended[i].Load()
	}
	m.Resident, m.Runnable, m.ResidentBytes = e.sched.figures()
	m.CallsActive, m.CallsWaiting, m.CallsClaimed = e.dispatch.figures()
	if s, ok := e.store.(sizer); ok {
		m.DatabaseBytes, m.LogBytes = s.Sizes()
	}
	return m
}

// endings are the statuses that an execution can end in.
var endings = [...]interp.Status{interp.Succeeded, interp.Failed, interp.TimedOut, interp.Aborted}

// The bounds of the histograms: units, and nanoseconds.
var (
	unitBounds = [...]int64{1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, groupUnits}
	tookBounds = [...]int64{100e3, 250e3, 500e3, 1e6, 2500e3, 5e6, 10e6, 25e6, 50e6, 100e6, 250e6, 500e6, 1e9}
)

// meters counts what happens. It is added to after commits, never under a lock.
type meters struct {
	started, redriven, transitions atomic.Uint64
	ended                          [len(endings)]atomic.Uint64
	units, took                    histogram
}

func (m *meters) init() {
	m.units.init(unitBounds[:])
	m.took.init(tookBounds[:])
}

// settled counts what a step of an execution came to.
func (m *meters) settled(b *batch) {
	for i, v := range b.verdicts {
		switch kind := b.mails[i].in.Kind; {
		case v != interp.Accepted:
		case kind == interp.Start:
			m.started.Add(1)
		case kind == interp.Redrive:
			m.redriven.Add(1)
		}
	}
	entered := 0
	for _, s := range b.steps {
		entered += s.Entered
	}
	if entered > 0 {
		m.transitions.Add(uint64(entered))
	}
	if b.ended {
		m.end(b.r.x.Status())
	}
}

// end counts the end of an execution.
func (m *meters) end(status interp.Status) {
	for i, s := range endings {
		if s == status {
			m.ended[i].Add(1)
		}
	}
}

// group counts a group that the store was given.
func (m *meters) group(units int, took time.Duration) {
	m.units.add(int64(units))
	m.took.add(int64(took))
}

// histogram is a Histogram that is being added to.
type histogram struct {
	bounds []int64
	counts []atomic.Uint64
	sum    atomic.Int64
}

func (h *histogram) init(bounds []int64) {
	h.bounds, h.counts = bounds, make([]atomic.Uint64, len(bounds)+1)
}

func (h *histogram) add(v int64) {
	i := 0
	for i < len(h.bounds) && v > h.bounds[i] {
		i++
	}
	h.counts[i].Add(1)
	h.sum.Add(v)
}

// read returns the figures; one has unit of what was added.
func (h *histogram) read(unit float64) Histogram {
	r := Histogram{Bounds: make([]float64, len(h.bounds)), Counts: make([]uint64, len(h.counts)), Sum: float64(h.sum.Load()) / unit}
	for i, b := range h.bounds {
		r.Bounds[i] = float64(b) / unit
	}
	for i := range h.counts {
		r.Counts[i] = h.counts[i].Load()
	}
	return r
}

// waiting returns the length of the queue.
func (c *committer) waiting() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.queue) + len(c.idle)
}

// figures returns how many executions are in memory and how many of them are
// queued, and the bytes of those at rest.
func (s *scheduler) figures() (residents, queued int, bytes int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.residents), s.waiting, s.bytes
}

// figures returns how many calls are under way, queued, and seen to in all.
func (d *dispatcher) figures() (active, queued, claimed int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.active, len(d.queue), len(d.claims)
}

// lag returns how late the earliest deadline is that has not fired.
func (t *timers) lag(now time.Time) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	at := t.next
	if at == 0 { // more is due than was read: up to here it has fired
		at = t.fired.At
	}
	if at <= RunnableWake {
		return 0 // nothing was read yet
	}
	return max(now.Sub(time.UnixMilli(at)), 0)
}
