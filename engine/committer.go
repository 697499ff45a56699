package engine

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"
)

// The bounds of a group. There is no timer: a group is what queued while the one
// before it was committed.
const (
	groupUnits = 2048
	groupBytes = 8 << 20
	groupTime  = 10 * time.Millisecond
)

// fewUnits is how many units a group should have: those of fewer cost the sync and
// hardly anything else, so there it pays to give way to others once. From there on
// each unit costs what it costs, and to wait only lets the disk be idle.
const fewUnits = 12

// idleBelow is the length of the queue up to which housekeeping may run.
const idleBelow = 64

// unit is a Unit with what follows it.
type unit struct {
	Unit
	bytes int
	tx    *tx             // of the last run; nil: the unit does not use one
	done  func(err error) // called on the committer's goroutine; must not block
}

// committer is the one goroutine that writes.
type committer struct {
	e     *Engine
	mu    sync.Mutex
	work  sync.Cond
	queue []*unit
	idle  []*unit // housekeeping
	stop  bool
	ended chan struct{}
}

func newCommitter(e *Engine) *committer {
	c := &committer{e: e, ended: make(chan struct{})}
	c.work.L = &c.mu
	return c
}

// submit queues a unit. After close it is answered with ErrClosed.
func (c *committer) submit(u *unit) {
	c.mu.Lock()
	if c.stop {
		c.mu.Unlock()
		u.done(ErrClosed)
		return
	}
	c.queue = append(c.queue, u)
	if len(c.queue) == 1 {
		c.work.Signal()
	}
	c.mu.Unlock()
}

// submitIdle queues housekeeping: at most one a group, and none while the queue is deep.
func (c *committer) submitIdle(u *unit) {
	c.mu.Lock()
	if c.stop {
		c.mu.Unlock()
		u.done(ErrClosed)
		return
	}
	c.idle = append(c.idle, u)
	c.work.Signal()
	c.mu.Unlock()
}

// close refuses further units, waits until those queued are done and ends the goroutine.
func (c *committer) close() {
	c.mu.Lock()
	c.stop = true
	c.work.Signal()
	c.mu.Unlock()
	<-c.ended
}

func (c *committer) run() {
	defer close(c.ended)
	var group []*unit
	var units []*Unit
	last := 0 // the length of the group before
	for {
		if n := c.queued(); n < last && n < fewUnits {
			// Those who were just answered come back with what they do next.
			runtime.Gosched()
		}
		group = c.next(group[:0])
		if last = len(group); last == 0 {
			return
		}
		for len(group) > 0 {
			units = units[:0]
			for _, u := range group {
				units = append(units, &u.Unit)
			}
			n := c.commit(group, units)
			group = group[n:]
			c.mu.Lock()
			if len(group) > 0 && len(c.queue) > 0 {
				// What the group had no time for goes with what came meanwhile.
				c.queue = append(append(make([]*unit, 0, len(group)+len(c.queue)), group...), c.queue...)
				group = group[:0]
			}
			c.mu.Unlock()
		}
		group = group[:0]
	}
}

// queued returns the length of the queue.
func (c *committer) queued() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.queue)
}

// next waits for units and takes a group of them; none at the end.
func (c *committer) next(group []*unit) []*unit {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.queue) == 0 && len(c.idle) == 0 && !c.stop {
		c.work.Wait()
	}
	bytes, n := 0, 0
	for n < len(c.queue) && n < groupUnits && (n == 0 || bytes+c.queue[n].bytes <= groupBytes) {
		bytes += c.queue[n].bytes
		n++
	}
	group = append(group, c.queue[:n]...)
	if n == len(c.queue) {
		clear(c.queue)
		c.queue = c.queue[:0]
	} else {
		c.queue = c.queue[n:]
	}
	if len(c.idle) > 0 && n <= idleBelow {
		group = append(group, c.idle[0])
		c.idle = c.idle[1:]
	}
	return group
}

// commit commits the first units of a group and answers them. It returns their number.
func (c *committer) commit(group []*unit, units []*Unit) int {
	c.e.groupNow = c.e.now()
	for _, u := range units {
		u.Err = nil
	}
	n, err := c.group(units)
	var failed *UnitError
	if err == nil || !errors.As(err, &failed) {
		c.e.hook(AtCommitted)
		c.answer(group[:n], err)
		return n
	}
	if n == 1 {
		units[0].Err = failed.Err
		c.answer(group[:1], nil)
		return 1
	}
	// One unit's failure must not be another's: each runs by itself.
	for i := range n {
		c.e.groupNow = c.e.now()
		units[i].Err = nil
		_, err := c.group(units[i : i+1])
		if errors.As(err, &failed) {
			units[i].Err, err = failed.Err, nil
		}
		c.e.hook(AtCommitted)
		c.answer(group[i:i+1], err)
	}
	return n
}

func (c *committer) group(units []*Unit) (n int, err error) {
	c.e.hook(AtCommit)
	began := time.Now()
	n, err = c.e.store.Group(context.Background(), units, groupTime)
	if n <= 0 || n > len(units) {
		n = len(units)
		if err == nil {
			err = fmt.Errorf("store: group took on %d of %d units", n, len(units))
		}
	}
	c.e.meters.group(n, time.Since(began))
	return n, err
}

// answer tells units what became of them: first every waiter that a unit
// notified, then the unit itself.
func (c *committer) answer(group []*unit, err error) {
	if errors.Is(err, ErrUnknown) {
		defer c.e.relearn()
	}
	for _, u := range group {
		outcome := err
		if outcome == nil {
			outcome = u.Err
		}
		if u.tx != nil {
			switch {
			case outcome == nil:
				u.tx.committed()
			case errors.Is(outcome, ErrUnknown):
				u.tx.signal() // those who wait look for themselves
			}
			u.tx = nil
		}
		u.done(outcome)
	}
}
