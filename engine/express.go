package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"millrace/engine/interp"
)

// expressLimit is how long an EXPRESS execution may take.
const expressLimit = 5 * time.Minute

// expressRun is what an EXPRESS execution has in place of rows: it lives in
// memory, and its local actions are units without a change of its own.
type expressRun struct {
	stored bool                   // it has a row, which goes when it ends
	done   func(*resident, error) // nil: nobody waits
	alarm  *deadline              // the least of its deadlines
}

// Billing is what AWS would charge a synchronous EXPRESS execution for.
type Billing struct {
	Duration time.Duration // in steps of 100 ms
	MemoryMB int           // in steps of 64
}

// StartSyncExecution runs an execution of an EXPRESS state machine to its end and
// returns it. Nothing of it is stored but what its tasks do.
func (e *Engine) StartSyncExecution(ctx context.Context, in StartInput) (ExecutionInfo, Billing, error) {
	m, err := e.target(ctx, nil, in.MachineARN)
	if err != nil {
		return ExecutionInfo{}, Billing{}, err
	}
	if m.Type != Express {
		return ExecutionInfo{}, Billing{}, fail(ErrTypeNotSupported, "%s", m.ARN)
	}
	input, err := checkStart(&in)
	if err != nil {
		return ExecutionInfo{}, Billing{}, err
	}
	if m.Status == MachineDeleting {
		return ExecutionInfo{}, Billing{}, fail(ErrMachineDeleting, "%s", m.ARN)
	}
	id, err := e.id(ctx)
	if err != nil {
		return ExecutionInfo{}, Billing{}, err
	}
	r := e.newborn(m, id, &in, input, e.now())
	if r.m, err = e.compile(ctx, nil, m.definition); err != nil {
		return ExecutionInfo{}, Billing{}, err
	}
	type ending struct {
		info ExecutionInfo
		err  error
	}
	done := make(chan ending, 1)
	r.express = &expressRun{done: func(r *resident, err error) { done <- ending{e.expressInfo(r), err} }}
	r.x.Limit(r.x.Started().Add(expressLimit))
	e.sched.adopt(r)
	e.sched.give(r, nil, true)
	select {
	case end := <-done:
		d := end.info.Stopped.Sub(end.info.Started)
		return end.info, Billing{Duration: (d + 99*time.Millisecond).Truncate(100 * time.Millisecond), MemoryMB: 64}, end.err
	case <-ctx.Done():
		e.post(id, mail{in: interp.Input{Kind: interp.Stop, At: e.now()}})
		return ExecutionInfo{}, Billing{}, ctx.Err()
	case <-e.ctx.Done():
		return ExecutionInfo{}, Billing{}, ErrClosed
	}
}

func (e *Engine) expressInfo(r *resident) ExecutionInfo {
	x := r.x
	i := ExecutionInfo{
		ID: r.id, ARN: x.ARN, MachineARN: r.machine.ARN, Name: x.Name, Status: x.Status(), Started: x.Started(), Stopped: x.Stopped(),
		Input: x.Input().Bytes(), TraceHeader: r.birth.trace,
	}
	i.Error, i.Cause = x.Failure()
	if o := x.Output(); o != nil {
		i.Output = o.Bytes()
	}
	return i
}

// startExpress accepts an execution: one row until it ends.
func (e *Engine) startExpress(in StartInput) (s Started, err error) {
	err = e.unit(func(t *tx) (err error) {
		s, err = t.Start(in)
		return err
	})
	return s, err
}

// adoptExpress makes a stored execution that was accepted, or that the last
// process did not end, run from its beginning.
func (e *Engine) adoptExpress(r *resident) {
	r.express = &expressRun{stored: true}
	r.x.Limit(e.now().Add(expressLimit))
}

// submitExpress is submit for an execution that lives in memory.
func (b *batch) submitExpress() {
	if len(b.local) == 0 {
		b.settledExpress()
		return
	}
	b.before = len(b.steps)
	b.r.x.Mark() // what reads settled in this batch stays when the unit runs again
	u := &b.unit
	for i := range b.local {
		u.Keys = append(u.Keys, b.local[i].act.Keys(b.local[i].call)...)
	}
	u.Do = func(t Txn) error {
		tx := &tx{e: b.e, t: t}
		u.tx = tx
		if b.ran {
			b.r.x.Unsettle()
			b.steps = b.steps[:b.before]
		}
		b.ran = true
		for i := range b.local {
			if err := b.run(tx, &b.local[i]); err != nil {
				return err
			}
		}
		return nil
	}
	u.done = func(err error) {
		if err != nil {
			b.failedExpress(err)
			return
		}
		b.settledExpress()
	}
	b.e.sched.committing(b.r)
	b.e.committer.submit(u)
}

// failedExpress lets the execution's local actions fail: they are not repeated.
func (b *batch) failedExpress(err error) {
	r, e := b.r, b.e
	if perr := protect("settle", func() {
		if b.ran {
			r.x.Unsettle()
		}
		now := e.now()
		for i := range b.local {
			c := b.local[i].c
			s := interp.Settle(r.x, c.Event, failure("States.Runtime", "The call of "+c.Resource+" failed: "+firstLine(err)), now)
			b.steps = append(b.steps, s)
			b.more, b.ended = s.More, s.Ended
		}
	}); perr != nil || len(b.local) == 0 {
		e.endExpress(r, err)
		return
	}
	b.settledExpress()
}

// settledExpress does what follows a step.
func (b *batch) settledExpress() {
	r, e := b.r, b.e
	e.meters.settled(b)
	for _, s := range b.steps {
		b.moot = append(b.moot, s.Moot...)
	}
	for _, event := range b.moot {
		e.dispatch.cancelCall(CommandKey{r.id, event})
	}
	for i := range b.verdicts {
		m := &b.mails[i]
		if m.claim != nil {
			e.dispatch.finish(m.claim)
		}
		if m.done != nil {
			m.done(b.verdicts[i], nil)
		}
	}
	if b.ended {
		e.endExpress(r, nil)
		return
	}
	for i := range b.remote {
		p := &b.remote[i]
		if p.act != nil && !slices.Contains(b.moot, p.c.Event) {
			e.dispatch.add(CommandRow{Key: CommandKey{r.id, p.c.Event}}, &liveCall{act: p.act, call: e.call(r.caller(), p.c)})
		}
	}
	if w := r.x.Wake(); !w.IsZero() && (r.express.alarm == nil || !r.express.alarm.t.Equal(w)) {
		id := r.id
		e.waiters.cancel(r.express.alarm)
		r.express.alarm = e.waiters.at(w, "", func() { e.resume(id) })
	}
	e.sched.give(r, b.mails[b.told:], b.more)
}

// endExpress ends an execution that lives in memory.
func (e *Engine) endExpress(r *resident, err error) {
	if err != nil {
		e.meters.end(interp.Failed)
	}
	e.waiters.cancel(r.express.alarm)
	if !r.express.stored {
		e.expressGone(r)
	}
	if r.express.done != nil {
		r.express.done(r, err)
	}
	if !r.express.stored {
		return
	}
	e.sched.committing(r) // until its end is stored it must not be taken for one that has not begun
	if r.birth.run != 0 {
		e.endExpressChild(r, err)
		return
	}
	u := &unit{}
	u.Change = &Change{Execution: r.id, Version: r.version, Delete: true}
	u.Do = func(t Txn) error {
		u.tx = &tx{e: e, t: t}
		if p := r.birth.parent; p != nil {
			if err := t.ClearInbox(r.id); err != nil {
				return err
			}
			if _, err := u.tx.Deliver(Message{Execution: p.Execution, Input: e.parentAnswer(r)}); err != nil {
				return err
			}
		}
		return nil
	}
	e.storeExpressEnd(r, u)
}

// storeExpressEnd commits how a stored execution that lives in memory has ended,
// however often that takes.
func (e *Engine) storeExpressEnd(r *resident, u *unit) {
	e.hook(AtExpress)
	u.done = func(err error) {
		switch {
		case err == nil, errors.Is(err, ErrConflict): // it was stored by a commit of unknown outcome
		case outage(err):
			e.waiters.at(e.now().Add(retryAfter), "", func() { e.committer.submit(u) })
			return
		default:
			e.log.Error("the end of an express execution cannot be stored: the next process runs it again", "execution", r.id, "error", err)
		}
		e.expressGone(r)
		if r.birth.run == 0 {
			e.removeDeleting(r.machine)
		}
	}
	e.committer.submit(u)
}

// expressGone lets go of an execution that lives in memory and answers what was
// sent to it meanwhile.
func (e *Engine) expressGone(r *resident) {
	mails, unread := e.sched.remove(r)
	for _, m := range mails {
		if m.claim != nil {
			e.dispatch.finish(m.claim)
		}
		if m.done != nil {
			m.done(interp.Late, nil)
		}
	}
	if unread {
		e.clearInbox(r.id)
	}
}

// ended does what follows the end of a stored execution.
func (e *Engine) ended(r *resident) { e.removeDeleting(r.machine) }

// removeDeleting removes a machine that is being deleted, should that have been
// its last execution.
func (e *Engine) removeDeleting(m *machine) {
	if m.Status != MachineDeleting && !e.machines.isDeleting(m.ID) { // an older process may have been told
		return
	}
	u := &unit{}
	u.Do = func(t Txn) error {
		u.tx = &tx{e: e, t: t}
		return e.removeMachine(u.tx, m.ID)
	}
	u.done = func(err error) {
		if err != nil {
			e.log.Warn("remove a state machine", "machine", m.Name, "error", err)
		}
	}
	e.committer.submit(u)
}

// removeDeleted sees to the machines whose deletion the last process had begun:
// those of which nothing runs go.
func (e *Engine) removeDeleted(ctx context.Context) error {
	return e.store.Read(ctx, func(v View) error {
		after := int64(0)
		for {
			records, err := v.Records(MachineRecord, after, maxPage)
			if err != nil || len(records) == 0 {
				return err
			}
			for i := range records {
				after = records[i].ID
				if m, err := e.machineOf(&records[i]); err != nil {
					return err
				} else if m.Status == MachineDeleting {
					e.removeDeleting(m)
				}
			}
		}
	})
}

// crash ends an execution that its own units keep from going on.
func (e *Engine) crash(r *resident, mails []mail, cause error) {
	text := "The execution cannot go on: " + firstLine(cause)
	if r.express != nil {
		e.endExpress(r, fmt.Errorf("%s", text))
		return
	}
	r.x = nil
	if _, err := e.load(r); err != nil || r.x == nil {
		e.delay(r, mails, true, true, cause)
		return
	}
	now := e.now()
	s := interp.Crash(r.x, text, now)
	b := &batch{e: e, r: r, mails: mails, ended: true}
	b.steps = append(b.steps, s)
	for range mails {
		b.verdicts = append(b.verdicts, interp.Late)
	}
	b.told = len(mails)
	b.submit()
}
