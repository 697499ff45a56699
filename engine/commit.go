package engine

import (
	"errors"
	"fmt"
	"slices"

	"millrace/engine/interp"
)

// submit hands the batch to the committer, or ends it here if nothing changed.
func (b *batch) submit() {
	r := b.r
	if r.express != nil {
		b.submitExpress()
		return
	}
	if err := b.orphans(); err != nil {
		b.failed(err)
		return
	}
	// What comes before the local actions is encoded here, not while others wait.
	b.before = len(b.steps)
	err := protect("encode", func() {
		b.draft = r.x.Draft(b.steps...)
		if len(b.local) == 0 {
			b.fill()
		}
	})
	if err != nil {
		b.failed(err)
		return
	}
	if len(b.local) == 0 && r.version != 0 && b.empty() {
		b.settled()
		return
	}
	u := &b.unit
	u.bytes = b.change.Bytes()
	u.done = b.committed
	u.Change = &b.change
	if len(b.local) > 0 || r.version == 0 || b.ended && (r.birth.parent != nil || r.birth.run != 0) || len(b.children)+len(b.runs)+len(b.dropped) > 0 {
		u.Do = b.do
	}
	for i := range b.local {
		u.Keys = append(u.Keys, b.local[i].act.Keys(b.local[i].call)...)
	}
	if r.version != 0 {
		b.e.sched.committing(r)
	}
	b.e.committer.submit(u)
}

// orphans finds the executions that tasks which are over had started: they are stopped.
func (b *batch) orphans() error {
	var moot []int64
	for _, s := range b.steps {
		moot = append(moot, s.Moot...)
	}
	if len(moot) == 0 {
		return nil
	}
	return b.e.store.Read(b.e.ctx, func(v View) error {
		b.children, b.dropped = b.children[:0], b.dropped[:0]
		for _, event := range moot {
			row, err := v.Command(CommandKey{b.r.id, event})
			if err != nil {
				return err
			}
			if row == nil || row.Kind != ChildCommand && row.Kind != MapRunCommand {
				continue
			}
			child, err := decodeID(row.Data)
			if err != nil {
				return err
			}
			if row.Kind == MapRunCommand {
				b.dropped = append(b.dropped, child)
				continue
			}
			b.children = append(b.children, child)
		}
		return nil
	})
}

// empty reports that there is nothing to store.
func (b *batch) empty() bool {
	c := &b.change
	return len(c.Rows.Blocks) == 0 && len(c.Rows.Frames) == 0 && len(c.Rows.Results) == 0 && len(c.Rows.Docs) == 0 &&
		len(c.Joined) == 0 && len(c.Consumed) == 0 && len(c.Commands) == 0 && len(c.Closed) == 0 && !c.WakeChanged && !c.TokenChanged && !c.StatusChanged
}

// do is the part of the unit that runs in the transaction: local actions, in
// order, then everything that follows from them.
func (b *batch) do(t Txn) error {
	r := b.r
	tx := &tx{e: b.e, t: t}
	b.unit.tx = tx
	if r.version == 0 && b.e.machines.isDeleting(r.machine.ID) {
		return fail(ErrMachineDeleting, "%s", r.machine.ARN)
	}
	if len(b.local) > 0 {
		if b.ran {
			// What the interpreter encoded was undone with the group: from the start, with
			// the execution as it is stored.
			if b.err == nil {
				b.err = errAgain
			}
			return b.err
		}
		b.ran = true
		for i := range b.local {
			if b.err = b.run(tx, &b.local[i]); b.err != nil {
				return b.err
			}
		}
		b.fill()
	}
	for _, child := range b.children {
		stop := interp.Input{Kind: interp.Stop, Outcome: interp.Outcome{Failed: true}}
		if _, err := tx.Deliver(Message{Execution: child, Input: stop}); err != nil {
			return err
		}
	}
	if err := b.mapRuns(tx); err != nil {
		return err
	}
	if p := r.birth.parent; p != nil && b.ended {
		if _, err := tx.Deliver(Message{Execution: p.Execution, Input: b.e.parentAnswer(r)}); err != nil {
			return err
		}
	}
	return nil
}

// run runs a local action and records its outcome.
func (b *batch) run(t *tx, l *localCall) error {
	part := l.act.Savepoint()
	if part {
		if err := t.t.Savepoint(); err != nil {
			return err
		}
	}
	keys, effects, wrote := len(t.keys), len(t.effects), t.t.Wrote()
	o, err := l.act.Run(t, l.call)
	if err != nil {
		return fmt.Errorf("%s: %w", l.c.Resource, err)
	}
	switch {
	case part && o.Failed:
		t.keys, t.effects = t.keys[:keys], t.effects[:effects]
		err = t.t.Rollback()
	case part:
		err = t.t.Release()
	case o.Failed && !wrote && t.t.Wrote():
		err = fmt.Errorf("%s: failed after it had written, without a savepoint", l.c.Resource)
	}
	if err != nil {
		return err
	}
	s := interp.Settle(b.r.x, l.c.Event, o, b.e.groupNow)
	b.steps = append(b.steps, s)
	b.more, b.ended = s.More, s.Ended
	return nil
}

// fill encodes what there is to store.
func (b *batch) fill() {
	r, c := b.r, &b.change
	x := r.x
	c.Execution, c.Version = r.id, r.version
	if r.version == 0 {
		c.Machine, c.Definition = r.machine.ID, r.definition
		c.Meta = r.birth.append(nil)
		if r.named {
			c.Name = r.name
		}
	}
	c.Consumed = append(c.Consumed[:0], b.unread...)
	for i := range b.mails {
		if row := b.mails[i].row; row != nil && (i < b.told || b.ended) {
			c.Consumed = append(c.Consumed, *row)
		}
	}
	c.Closed = append(c.Closed[:0], b.answered...)
	c.Joined = c.Joined[:0]
	for _, s := range b.steps {
		c.Closed = append(c.Closed, s.Moot...)
		c.Joined = append(c.Joined, s.JoinedBy...)
	}
	c.Rows = b.draft.Finish(b.steps[b.before:]...)
	c.Status, c.StatusChanged = x.Status(), b.ended && r.version != 0
	c.Wake = 0
	switch {
	case b.ended:
	case b.more || b.join != 0 || b.told < len(b.mails):
		c.Wake = RunnableWake
	default:
		if w := x.Wake(); !w.IsZero() {
			c.Wake = max(w.UnixMilli(), RunnableWake)
		}
	}
	c.WakeChanged = c.Wake != r.wake
	c.Token = x.WaitsForToken()
	c.TokenChanged = c.Token != r.tokens
	b.outbox()
}

// outbox fills in the rows of the calls to be made.
func (b *batch) outbox() {
	r, c := b.r, &b.change
	b.calls, b.polled, b.mapRows = b.calls[:0], b.polled[:0], nil
	c.Commands = c.Commands[:0]
	if b.ended {
		return
	}
	// A task may be over by another input of the same step.
	over := func(event int64) bool { return slices.Contains(c.Closed, event) }
	b.mapRunRows()
	if len(b.remote) == 0 {
		return
	}
	now := b.e.now().UnixMilli()
	for i := range b.remote {
		p := &b.remote[i]
		if over(p.c.Event) {
			continue
		}
		row := CommandRow{Key: CommandKey{r.id, p.c.Event}, Kind: CallCommand, Due: now, Data: r.x.AppendCommand(nil, p.c)}
		if p.activity != 0 {
			row.Kind, row.Activity = ActivityCommand, p.activity
			b.polled = append(b.polled, p.activity)
		} else {
			b.calls = append(b.calls, dispatched{row, &liveCall{act: p.act, call: b.e.call(r.caller(), p.c)}})
		}
		c.Commands = append(c.Commands, row)
	}
}

// committed is called on the committer's goroutine with the unit's outcome.
func (b *batch) committed(err error) {
	if err != nil {
		b.failed(err)
		return
	}
	r, e := b.r, b.e
	r.version++
	r.wake, r.tokens = b.change.Wake, b.change.Token
	r.failures = 0
	for i := range b.calls {
		e.dispatch.add(b.calls[i].row, b.calls[i].call)
	}
	for _, id := range b.polled {
		e.pollers.signal(id)
	}
	b.settled()
}

// settled does what follows a commit, or a step that changed nothing.
func (b *batch) settled() {
	r, e := b.r, b.e
	e.meters.settled(b)
	if w := b.change.Wake; w > RunnableWake && e.timers.note(Wake{w, r.id}) {
		b.more = true
	}
	for _, event := range b.moot {
		e.dispatch.cancelCall(CommandKey{r.id, event})
	}
	for _, s := range b.steps {
		for _, event := range s.Moot {
			e.dispatch.cancelCall(CommandKey{r.id, event})
		}
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
	b.recycle()
	e.changed(r, b.ended)
	rest := b.mails[b.told:]
	if b.ended {
		e.ended(r)
		more, unread := e.sched.remove(r)
		if unread {
			e.clearInbox(r.id)
		}
		for _, m := range append(rest, more...) {
			if m.claim != nil {
				e.dispatch.finish(m.claim)
			}
			if m.done != nil {
				m.done(interp.Late, nil)
			}
		}
		return
	}
	r.join = b.join
	e.sched.give(r, rest, b.more || b.join != 0)
}

// recycle gives away the room of the events, which are stored.
func (b *batch) recycle() {
	for _, s := range b.steps {
		if n := cap(s.Events); n >= 4 && n <= 64 {
			clear(s.Events)
			*s = interp.Step{Events: s.Events[:0]}
			b.e.steps.Put(s)
		}
	}
	b.steps = nil
}

// failed deals with a unit that was not committed. Nothing that the execution
// in memory holds is to be trusted: it is loaded anew.
func (b *batch) failed(err error) {
	r, e := b.r, b.e
	if r.express != nil {
		e.endExpress(r, err)
		return
	}
	if r.version == 0 {
		b.abandon(err)
		return
	}
	switch {
	case errors.Is(err, ErrClosed), errors.Is(err, errAgain):
	case outage(err):
		e.delay(r, b.mails, true, true, err)
		return
	case errors.Is(err, ErrConflict) && r.failures < 8:
		r.failures++
	default:
		e.log.Error("a unit of an execution failed", "execution", r.id, "error", err)
		if r.failures++; r.failures >= 2 {
			if len(b.local) > 0 && r.poison == nil {
				r.poison = err
				r.failures = 0
			} else {
				e.crash(r, b.mails, err)
				return
			}
		}
	}
	r.x = nil
	e.sched.give(r, b.mails, true)
}

// abandon gives up an execution that could not be created, unless it was its
// first local action that failed: that is the execution's own failure.
func (b *batch) abandon(err error) {
	r, e := b.r, b.e
	known := errors.Is(err, ErrExecutionExists) || errors.Is(err, ErrMachineDeleting)
	if len(b.local) > 0 && r.poison == nil && !known && !outage(err) {
		if !errors.Is(err, errAgain) {
			e.log.Error("the first unit of an execution failed", "execution", r.id, "error", err)
			if r.failures++; r.failures >= 2 {
				r.poison = err
			}
		}
		r.x = interp.New(r.id, r.seed, r.x.Input(), r.x.Started())
		e.dress(r)
		e.sched.adopt(r)
		e.sched.give(r, b.mails, true)
		return
	}
	more, _ := e.sched.remove(r)
	for _, m := range append(b.mails, more...) {
		if m.done != nil {
			m.done(interp.Unknown, err)
		}
	}
	if errors.Is(err, ErrUnknown) {
		e.resume(r.id) // should it be there after all
	}
}

// firstLine returns an error's text without the stack of a panic, cut short.
func firstLine(err error) string {
	s := err.Error()
	for i := 0; i < len(s); i++ {
		if s[i] == '\n' || i == 500 {
			return s[:i]
		}
	}
	return s
}
