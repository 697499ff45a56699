package interp

import "time"

// Crash ends an execution that the shell cannot bring on, such as one that
// Advance panics on, with States.Runtime, which nothing catches. x is as it was
// decoded.
func Crash(x *Execution, cause string, now time.Time) *Step {
	s := new(Step)
	if x.head.status != Running {
		s.Ended = true
		return s
	}
	r := newRun(nil, x, s, now)
	name := errRuntime
	r.event(Event{Type: "ExecutionFailed", Error: &name, Cause: &cause}, r.chain())
	if x.head.status == Running {
		x.head.err, x.head.cause = &name, &cause
		r.over(Failed)
	}
	r.finish()
	return s
}

// Limit bounds how long the execution may run, as TimeoutSeconds of its machine
// does; of the two the earlier counts. It is for an execution that has not begun.
func (x *Execution) Limit(t time.Time) { x.head.deadline = t.UnixMilli() }
