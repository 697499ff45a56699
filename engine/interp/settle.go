package interp

import "time"

// Settle appends the event of a local action's outcome and marks the frame
// settled, evaluating no expression; a later Advance with Resume goes on. The
// step's More is set where there is something to go on with. An outcome for a
// task that is over is Late or Unknown and changes nothing. Advance must have
// been called since [Decode].
func Settle(x *Execution, event int64, o Outcome, now time.Time) *Step {
	s := &Step{Events: make([]Event, 0, 1)}
	if x.head.status != Running {
		s.Ended, s.Verdict = true, Late
		return s
	}
	if x.machine == nil {
		panic("interp: Settle before Advance")
	}
	r := newRun(x.machine, x, s, now)
	if f := x.events[event]; f != nil && x.marked {
		x.settle = append(x.settle, undo{frame: f, copy: *f, task: *f.task, head: x.head, doc: x.head.doc})
	}
	r.answer(Input{Kind: Answer, Event: event, Outcome: o})
	r.finish()
	return s
}

// undo is a frame and the head as they were before a Settle.
type undo struct {
	frame *Frame
	copy  Frame
	task  task
	head  head
	doc   int64
}

// Unsettle takes back every Settle since [Execution.Mark], so that a unit whose
// transaction was rolled back may run again. Numbers that documents got since
// then are given out again. It returns false when that cannot be done, because
// there was no Mark or the execution ended meanwhile: then it must be loaded anew.
func (x *Execution) Unsettle() bool {
	if !x.marked || len(x.settle) > 0 && x.head.status != Running {
		return false
	}
	for i := len(x.settle) - 1; i >= 0; i-- {
		u := &x.settle[i]
		f := u.frame
		pos, due, queued, stored := f.pos, f.due, f.queued, f.stored
		*f = u.copy
		t := u.task
		f.task = &t
		f.pos, f.due, f.queued, f.stored = pos, due, queued, stored
		x.unexpect(f)
		x.expect(f)
		x.reschedule(f)
		x.head = u.head
	}
	if len(x.settle) > 0 {
		x.nums.forget(x.settle[0].doc)
		live := x.ready[:0]
		for _, f := range x.ready {
			if f.runnable() {
				live = append(live, f)
			} else {
				f.queued = false
			}
		}
		x.ready = live
	}
	x.settle = x.settle[:0]
	return true
}

// Mark is where Unsettle goes back to, until the next Advance.
func (x *Execution) Mark() { x.settle, x.marked = x.settle[:0], true }
