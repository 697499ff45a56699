package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"millrace/engine/interp"
)

// maxQueued is how many calls wait in memory for their turn; more wait in the outbox.
const maxQueued = 4096

// maxCallErrors is how often a call is made that ends with a Go error, which
// says nothing about the task, before the task fails.
const maxCallErrors = 5

// lostError is the workflow error of a call that cannot be repeated and was under
// way when its process ended.
const lostError = "States.TaskFailed"

// dispatcher makes the remote calls. A call's row stays in the outbox until its
// answer is committed; a claim says that this process sees to it.
type dispatcher struct {
	e       *Engine
	mu      sync.Mutex
	limit   int
	active  int
	claims  map[CommandKey]*claim
	queue   []*claim
	spilled bool // the outbox has calls that nobody has claimed
	filling bool
	over    map[CommandKey]bool // claims given up since the outbox was last read, while filling
	closed  bool
}

// claim is a call that this process sees to.
type claim struct {
	row    CommandRow
	live   *liveCall
	cancel context.CancelFunc // while it is being made
	moot   bool               // nobody waits for it any more
	errors int
}

// liveCall is a call ready to be made.
type liveCall struct {
	act  RemoteAction
	call Call
	up   *FollowUp // nil: of a task
}

func (d *dispatcher) init(e *Engine, limit int) {
	d.e, d.limit, d.claims, d.spilled = e, limit, map[CommandKey]*claim{}, true
}

// add takes up a call whose row is committed. With a nil call it is made from the row.
func (d *dispatcher) add(row CommandRow, call *liveCall) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.addLocked(row, call)
}

func (d *dispatcher) addLocked(row CommandRow, call *liveCall) {
	if d.closed || d.claims[row.Key] != nil {
		return
	}
	if len(d.queue) >= maxQueued || call == nil {
		d.spilled = true
		d.fillLocked()
		return
	}
	c := &claim{row: row, live: call}
	d.claims[row.Key] = c
	d.ready(c)
}

// ready makes the call of a claim when its time and its turn have come. The caller holds the lock.
func (d *dispatcher) ready(c *claim) {
	if due := time.UnixMilli(c.row.Due); c.live.up != nil && due.After(d.e.now()) {
		d.later(c, due)
		return
	}
	if d.active < d.limit {
		d.start(c)
		return
	}
	d.queue = append(d.queue, c)
}

// later puts a claim off. The caller holds the lock.
func (d *dispatcher) later(c *claim, at time.Time) {
	d.e.waiters.at(at, "", func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		if d.closed || c.moot {
			return
		}
		if d.active < d.limit {
			d.start(c)
		} else {
			d.queue = append(d.queue, c)
		}
	})
}

// start makes the call on a goroutine of its own. The caller holds the lock.
func (d *dispatcher) start(c *claim) {
	ctx, cancel := context.WithCancel(d.e.ctx)
	c.cancel = cancel
	d.active++
	d.e.spawn(func() {
		d.make(ctx, c)
		cancel()
		d.mu.Lock()
		defer d.mu.Unlock()
		d.active--
		c.cancel = nil
		for len(d.queue) > 0 && d.active < d.limit && !d.closed {
			next := d.queue[0]
			d.queue = d.queue[1:]
			if !next.moot {
				d.start(next)
			}
		}
		d.fillLocked()
	})
}

// make makes one call and sees to its outcome.
func (d *dispatcher) make(ctx context.Context, c *claim) {
	e := d.e
	lost := c.row.Epoch != 0 && c.row.Epoch != e.owner.Epoch
	if c.live.act.Lost() == Fail && c.live.up == nil && c.row.Kind != 0 { // an EXPRESS execution's call has no row: it ends with the process
		if lost {
			d.answer(c, failure(lostError, "The call of "+c.live.call.Resource+" was under way when the process ended; whether it took effect is not known."))
			return
		}
		// From here on the call counts as made, whatever happens. A row that has gone
		// meanwhile says that nobody waits for it any more.
		c.row.Epoch = e.owner.Epoch
		waited := false
		err := e.unit(func(t *tx) error {
			row, err := t.t.Command(c.row.Key)
			if waited = row != nil; err != nil || !waited {
				return err
			}
			return t.t.PutCommand(c.row)
		})
		if err != nil {
			d.again(c, err)
			return
		}
		if !waited {
			d.finish(c)
			return
		}
	}
	call := c.live.call
	if !call.Deadline.IsZero() {
		var cancel context.CancelFunc
		// The engine's clock may differ from the machine's: the time left counts.
		ctx, cancel = context.WithTimeout(ctx, max(call.Deadline.Sub(e.now()), 0))
		defer cancel()
	}
	if call.Pattern == interp.Sync {
		call.Submitted = func(o interp.Outcome) {
			e.post(call.Execution, mail{in: interp.Input{Kind: interp.Answer, Event: call.Event, At: e.now(), Outcome: o}})
		}
	}
	e.hook(AtCall)
	var o interp.Outcome
	var err error
	if p := protect(call.Resource, func() { o, err = c.live.act.Call(ctx, call) }); p != nil {
		err = p
	}
	d.mu.Lock()
	moot := c.moot
	d.mu.Unlock()
	switch {
	case e.ctx.Err() != nil:
		// The next process makes the call again.
	case moot:
		d.finish(c)
	case c.live.up != nil:
		d.followed(c, o, err)
	case err != nil && !call.Deadline.IsZero() && !e.now().Before(call.Deadline):
		// The execution's own deadline decides, and gives up the claim.
	case err != nil:
		d.again(c, err)
	default:
		d.answer(c, o)
	}
}

// answer gives a task's execution the outcome.
func (d *dispatcher) answer(c *claim, o interp.Outcome) {
	call := &c.live.call
	d.e.hook(AtCalled)
	d.e.post(call.Execution, mail{claim: c, in: interp.Input{
		Kind: interp.Answer, Event: call.Event, At: d.e.now(), Outcome: o, Token: call.Pattern == interp.Sync,
	}})
}

// again repeats a call that ended with a Go error, a few times.
func (d *dispatcher) again(c *claim, err error) {
	d.e.log.Warn("a call failed", "resource", c.live.call.Resource, "execution", c.live.call.Execution, "error", err)
	if c.errors++; c.errors >= maxCallErrors {
		d.answer(c, failure(lostError, firstLine(err)))
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.later(c, d.e.now().Add(time.Second<<(c.errors-1)))
}

// followed sees to the outcome of a follow-up: it is done, tried again later, or given up.
func (d *dispatcher) followed(c *claim, o interp.Outcome, err error) {
	up := c.live.up
	if err == nil && o.Failed {
		err = fmt.Errorf("%s: %s", text(o.Error), text(o.Cause))
	}
	c.row.Attempt++
	again := err != nil && c.row.Attempt < up.Attempts
	if err != nil {
		d.e.log.Warn("a follow-up failed", "resource", up.Resource, "attempt", c.row.Attempt, "of", up.Attempts, "error", err)
	}
	c.row.Due = d.e.now().Add(up.Backoff << min(c.row.Attempt-1, 16)).UnixMilli()
	row := c.row
	d.e.committer.submit(&unit{
		Unit: Unit{Do: func(t Txn) error {
			if again {
				return t.PutCommand(row)
			}
			_, err := t.DeleteCommand(row.Key)
			return err
		}},
		done: func(err error) {
			d.finish(c)
			if err != nil || again {
				d.add(row, &liveCall{act: c.live.act, call: c.live.call, up: up})
			}
		},
	})
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// finish gives up a claim whose row is gone.
func (d *dispatcher) finish(c *claim) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.claims[c.row.Key] == c {
		d.release(c.row.Key)
	}
}

// release takes a claim out. The caller holds the lock.
func (d *dispatcher) release(key CommandKey) {
	delete(d.claims, key)
	if d.filling {
		d.over[key] = true
	}
}

// cancelCall cancels a task's call that nobody waits for any more.
func (d *dispatcher) cancelCall(key CommandKey) {
	d.mu.Lock()
	defer d.mu.Unlock()
	c := d.claims[key]
	if c == nil {
		return
	}
	c.moot = true
	if c.cancel != nil {
		c.cancel()
		return
	}
	d.release(key)
}

// close takes no more calls. Those under way end with the engine's context.
func (d *dispatcher) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
}

// fill takes up the calls of the outbox that nobody has claimed.
func (d *dispatcher) fill() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fillLocked()
}

// refill looks through the outbox for calls that nobody has claimed.
func (d *dispatcher) refill() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.spilled = true
	d.fillLocked()
}

func (d *dispatcher) fillLocked() {
	if !d.spilled || d.filling || d.closed || len(d.queue) > maxQueued/2 {
		return
	}
	d.spilled, d.filling, d.over = false, true, map[CommandKey]bool{}
	d.e.spawn(func() {
		err := d.read()
		d.mu.Lock()
		defer d.mu.Unlock()
		d.filling = false
		if err != nil {
			if d.e.ctx.Err() == nil {
				d.e.log.Warn("read the outbox", "error", err)
			}
			d.spilled = true
			d.e.waiters.at(d.e.now().Add(retryAfter), "", d.fill)
			return
		}
		d.fillLocked()
	})
}

// read goes through the outbox and claims what is not claimed, until the queue is full.
func (d *dispatcher) read() error {
	var after CommandKey
	for {
		var rows []CommandRow
		var calls []*liveCall
		d.mu.Lock()
		clear(d.over)
		d.mu.Unlock()
		err := d.e.store.Read(d.e.ctx, func(v View) (err error) {
			if rows, err = v.Commands(0, after, 500); err != nil {
				return err
			}
			calls = make([]*liveCall, len(rows))
			for i := range rows {
				d.mu.Lock()
				claimed := d.claims[rows[i].Key] != nil || d.over[rows[i].Key]
				d.mu.Unlock()
				if claimed {
					continue
				}
				if calls[i], err = d.e.liveCall(v, &rows[i]); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		for i, row := range rows {
			after = row.Key
			d.mu.Lock()
			// A call that was answered since is still in the view that was read.
			if calls[i] != nil && !d.over[row.Key] {
				d.addLocked(row, calls[i])
			}
			d.mu.Unlock()
		}
		d.mu.Lock()
		full := d.spilled
		d.mu.Unlock()
		if len(rows) < 500 || full {
			return nil
		}
	}
}

// liveCall makes a call of its row; nil when it cannot be made.
func (e *Engine) liveCall(v View, row *CommandRow) (*liveCall, error) {
	if row.Kind == FollowUpCommand {
		up := new(FollowUp)
		if err := json.Unmarshal(row.Data, up); err != nil {
			return nil, fmt.Errorf("follow-up %d: %w", row.Key.Event, err)
		}
		act := e.remoteAction(up.Resource)
		return &liveCall{act: act, up: up, call: Call{Event: row.Key.Event, Attempt: row.Attempt, Key: up.Key, Resource: up.Resource, Input: up.Input}}, nil
	}
	x, err := v.Load(row.Key.Execution)
	if err != nil || x == nil {
		return nil, err
	}
	m, err := e.machineByID(v, x.Machine)
	if err != nil {
		return nil, err
	}
	b, err := decodeBirth(x.Meta)
	if err != nil {
		return nil, err
	}
	c, err := interp.DecodeCommand(row.Data, docs(v, x.ID))
	if err != nil {
		return nil, fmt.Errorf("command %d of execution %d: %w", row.Key.Event, x.ID, err)
	}
	call := e.call(&caller{id: x.ID, arn: e.executionARN(m, x.ID, e.nameOf(x)), machine: b.startedBy(m), role: b.role, token: func(event int64) string { return e.Token(x.ID, event) }}, &c)
	return &liveCall{act: e.remoteAction(c.Resource), call: call}, nil
}

// remoteAction finds a remote action, or one that says what is wrong.
func (e *Engine) remoteAction(resource string) RemoteAction {
	task, err := e.resolve(resource)
	if err != nil {
		return brokenAction{resource, err.Error()}
	}
	if act, ok := task.(RemoteAction); ok {
		return act
	}
	return brokenAction{resource, "The resource " + resource + " cannot be called from here."}
}

// brokenAction stands for a resource that was known when its call was stored and
// is not any more.
type brokenAction struct{ resource, cause string }

func (a brokenAction) Resource() string { return a.resource }
func (a brokenAction) Lost() LostPolicy { return Repeat }
func (a brokenAction) Call(context.Context, Call) (interp.Outcome, error) {
	return failure("States.Runtime", a.cause), nil
}
