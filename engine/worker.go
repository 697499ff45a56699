package engine

import (
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"time"

	"millrace/engine/interp"
)

// batchInputs is the most inputs that one step of a worker takes from a mailbox.
const batchInputs = 64

// retryAfter is how long an execution rests whose unit failed for want of disk or
// such, or could not be loaded.
const retryAfter = 250 * time.Millisecond

// work is a worker: it takes executions that can go on until the engine closes.
func (e *Engine) work() {
	for {
		r, mails, resume, inbox := e.sched.take()
		if r == nil {
			return
		}
		if err := protect("step", func() { e.step(r, mails, resume, inbox) }); err != nil {
			e.log.Error("a worker failed", "execution", r.id, "error", err)
			e.delay(r, mails, resume, inbox, err)
		}
	}
}

// step advances r by what it is told and hands the outcome to the committer.
func (e *Engine) step(r *resident, mails []mail, resume, inbox bool) {
	if r.x == nil {
		found, err := e.load(r)
		if err != nil {
			e.delay(r, mails, resume, inbox, err)
			return
		}
		if r.x == nil {
			e.gone(r, mails, found, inbox)
			return
		}
		if r.machine.Type == Express {
			e.adoptExpress(r)
		}
	}
	b := &batch{e: e, r: r}
	if inbox {
		if err := b.readInbox(&mails); err != nil {
			e.delay(r, mails, resume, inbox, err)
			return
		}
	}
	if r.join != 0 {
		m, err := e.joined(r)
		if err != nil {
			e.delay(r, mails, resume, inbox, err)
			return
		}
		mails = append([]mail{m}, mails...)
		r.join = 0
	}
	if r.x.LastEvent() == 0 {
		mails = append([]mail{{in: interp.Input{Kind: interp.Start}}}, mails...)
	}
	if resume || len(mails) == 0 {
		mails = append(mails, mail{in: interp.Input{Kind: interp.Resume}})
	}
	now := e.now()
	if err := b.advance(mails, now); err != nil {
		b.failed(err)
		return
	}
	b.submit()
}

// gone answers what was sent to an execution that is not there or has ended.
func (e *Engine) gone(r *resident, mails []mail, found, inbox bool) {
	v := interp.Unknown
	if found {
		v = interp.Late
	}
	r.x = nil
	more, unread := e.sched.remove(r)
	inbox = inbox || unread
	for _, m := range append(mails, more...) {
		inbox = inbox || m.row != nil
		if m.claim != nil {
			e.dispatch.finish(m.claim)
		}
		if m.done != nil {
			m.done(v, nil)
		}
	}
	if inbox {
		e.clearInbox(r.id)
	}
}

// clearInbox removes what lies in the inbox of an execution that has ended.
func (e *Engine) clearInbox(id int64) {
	e.committer.submitIdle(&unit{
		Unit: Unit{Do: func(t Txn) error { return t.ClearInbox(id) }},
		done: func(err error) {
			if err != nil {
				e.waiters.at(e.now().Add(retryAfter), "", func() { e.hint(id) })
			}
		},
	})
}

// delay gives r another try later. Those who wait are told now.
func (e *Engine) delay(r *resident, mails []mail, resume, inbox bool, err error) {
	r.x = nil
	if e.ctx.Err() == nil {
		e.log.Warn("an execution has to wait", "execution", r.id, "error", err)
	}
	keep := mails[:0]
	for _, m := range mails {
		if m.done != nil {
			m.done(0, retriable(err))
			continue
		}
		keep = append(keep, m)
	}
	e.sched.mu.Lock()
	r.mail = append(append([]mail(nil), keep...), r.mail...)
	r.resume = r.resume || resume
	r.inbox = r.inbox || inbox
	e.sched.mu.Unlock()
	e.waiters.at(e.now().Add(retryAfter), "", func() {
		e.sched.mu.Lock()
		defer e.sched.mu.Unlock()
		e.sched.push(r)
	})
}

// readInbox appends the unread messages to what r is to be told. Their rows stay
// until they were told, so that they are found again if the process ends before.
func (b *batch) readInbox(mails *[]mail) error {
	var rows []InboxRow
	err := b.e.store.Read(b.e.ctx, func(v View) (err error) {
		rows, err = v.Inbox(b.r.id)
		return err
	})
	if err != nil {
		return fmt.Errorf("read inbox: %w", err)
	}
	for _, row := range rows {
		in, err := interp.DecodeInput(row.Data)
		if err != nil {
			b.e.log.Error("a message cannot be read and is dropped", "execution", b.r.id, "error", err)
			b.unread = append(b.unread, row.Key)
			continue
		}
		known := slices.IndexFunc(*mails, func(m mail) bool { return m.row != nil && *m.row == row.Key })
		if known >= 0 {
			(*mails)[known].in = in // a heartbeat takes the older one's place
			continue
		}
		*mails = append(*mails, mail{in: in, row: &row.Key})
	}
	return nil
}

// joined loads the results that a frame of r waits for.
func (e *Engine) joined(r *resident) (mail, error) {
	in := interp.Input{Kind: interp.Joined, Frame: r.join}
	err := e.store.Read(e.ctx, func(v View) error {
		rows, err := v.Results(r.id, r.join)
		if err != nil {
			return err
		}
		for _, row := range rows {
			res, err := interp.DecodeResult(row.Frame, row.Index, row.Data, docs(v, r.id))
			if err != nil {
				return err
			}
			in.Results = append(in.Results, res)
		}
		return nil
	})
	if err != nil {
		return mail{}, fmt.Errorf("load results of execution %d, frame %d: %w", r.id, r.join, err)
	}
	return mail{in: in}, nil
}

// protect runs f and makes a panic an error.
func protect(what string, f func()) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &panicked{what, p, debug.Stack()}
		}
	}()
	f()
	return nil
}

// panicked is a panic as an error.
type panicked struct {
	what  string
	value any
	stack []byte
}

func (p *panicked) Error() string { return fmt.Sprintf("%s: panic: %v\n%s", p.what, p.value, p.stack) }

// outage reports whether an error is the store's or the moment's, and not the unit's.
func outage(err error) bool {
	return errors.Is(err, ErrBusy) || errors.Is(err, ErrUnknown) || errors.Is(err, ErrClosed)
}

// readAction makes a call that only reads, on the read pool.
func (e *Engine) readAction(act ReadAction, call Call) (o interp.Outcome, err error) {
	err = e.store.Read(e.ctx, func(v View) error {
		var inner error
		if p := protect(call.Resource, func() { o, inner = act.Read(e.ctx, v, call) }); p != nil {
			return p
		}
		return inner
	})
	if err != nil {
		err = fmt.Errorf("%s: %w", call.Resource, err)
	}
	return o, err
}
