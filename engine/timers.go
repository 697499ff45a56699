package engine

import (
	"context"
	"math"
	"sync"
	"time"
)

// dueBatch is how many due executions a tick reads at a time.
const dueBatch = 1000

// dueQueue is how long the queue of executions may be when more that are due are
// read: however many there are, they take no more memory than that.
const dueQueue = 20000

// timers finds the executions whose deadline has come. Deadlines are kept in the
// store, in order; in memory there is only up to where they have fired.
type timers struct {
	e  *Engine
	mu sync.Mutex
	// fired is up to where deadlines were read; what comes before it fires at once.
	fired Wake
	// next is the earliest deadline after that, as far as known, in ms; 0: unknown.
	next    int64
	reading bool
	rewound bool   // while reading
	noted   []Wake // while reading
	sooner  chan struct{}
	quit    chan struct{}
	once    sync.Once
	tick    sync.Mutex
}

const never = math.MaxInt64

func (t *timers) init(e *Engine) {
	t.e = e
	t.sooner, t.quit = make(chan struct{}, 1), make(chan struct{})
	e.waiters.sooner = t.hurry
}

func (t *timers) close() { t.once.Do(func() { close(t.quit) }) }

func (t *timers) hurry() {
	select {
	case t.sooner <- struct{}{}:
	default:
	}
}

// note takes up a deadline that was stored. past reports that deadlines of that
// time have fired already, so that the caller must see to this one.
func (t *timers) note(w Wake) (past bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.reading {
		t.noted = append(t.noted, w)
	}
	if !t.fired.Before(w) {
		return true
	}
	if t.next != 0 && w.At < t.next {
		t.next = w.At
		t.hurry()
	}
	return false
}

// rewind makes the next tick find every deadline that has come once more.
func (t *timers) rewind() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.fired, t.next, t.rewound = Wake{}, 0, true
}

// Tick fires every deadline up to now: of executions, and those given to WakeAt.
// With the machine's clock the engine calls it by itself.
func (e *Engine) Tick(ctx context.Context, now time.Time) error {
	t := &e.timers
	t.tick.Lock()
	defer t.tick.Unlock()
	e.waiters.fire(now)
	for {
		t.mu.Lock()
		if t.next > now.UnixMilli() {
			t.mu.Unlock()
			return nil
		}
		after := t.fired
		t.reading, t.rewound, t.noted = true, false, t.noted[:0]
		t.mu.Unlock()

		var due, following []Wake
		err := e.store.Read(ctx, func(v View) (err error) {
			due, err = v.Due(after, now, dueBatch)
			if err == nil && len(due) < dueBatch {
				following, err = v.Due(Wake{now.UnixMilli(), math.MaxInt64}, time.UnixMilli(never), 1)
			}
			return err
		})

		t.mu.Lock()
		t.reading = false
		if err != nil {
			t.mu.Unlock()
			return err
		}
		upTo := Wake{now.UnixMilli(), math.MaxInt64}
		next := int64(never)
		if len(due) == dueBatch {
			upTo, next = due[len(due)-1], 0
		} else if len(following) > 0 {
			next = following[0].At
		}
		for _, w := range t.noted {
			if !upTo.Before(w) {
				due = append(due, w) // it may have come too late for the read
			} else if w.At < next {
				next = w.At
			}
		}
		if !t.rewound {
			t.fired, t.next = upTo, next
		}
		t.mu.Unlock()
		for _, w := range due {
			e.resume(w.Execution)
		}
		if next == 0 && e.sched.queued() > dueQueue {
			return nil // the next tick goes on
		}
	}
}

// run is the clockwork: it ticks when something is due.
func (t *timers) run() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-t.quit:
			return
		case <-t.sooner:
		case <-timer.C:
			if err := t.e.Tick(t.e.ctx, t.e.now()); err != nil && t.e.ctx.Err() == nil {
				t.e.log.Warn("read due executions", "error", err)
			}
		}
		timer.Reset(t.pause())
	}
}

// pause returns how long nothing is due.
func (t *timers) pause() time.Duration {
	t.mu.Lock()
	next := t.next
	t.mu.Unlock()
	at := time.UnixMilli(next)
	if w := t.e.waiters.next(); !w.IsZero() && w.Before(at) {
		at = w
	}
	return min(max(at.Sub(t.e.clock.Now()), time.Millisecond), time.Minute)
}
