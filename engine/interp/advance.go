package interp

import (
	"time"

	"millrace/asl"
	"millrace/asl/document"
)

// run is one call of Advance or Settle.
type run struct {
	m     *asl.Machine
	x     *Execution
	s     *Step
	now   int64 // ms
	stamp int64
	moves int // states entered, and other steps of a frame
	bytes int // of events, about
	joins []*join
	joinF []*Frame

	env    asl.Env
	f      *Frame        // whose expressions are evaluated
	item   *item         // of the Map state whose ItemSelector is evaluated
	token  int64         // the event that the context object's task token is for; 0: none
	ctxDoc *document.Doc // the context object, once made
}

// item is what the context object tells of a Map state's item.
type item struct {
	index  int
	value  any
	key    string
	keyed  bool
	source string // what an ItemReader read it from; "": the state's input
}

// newRun begins a step of x, which ends with finish or release.
func newRun(m *asl.Machine, x *Execution, s *Step, now time.Time) *run {
	ms := now.UnixMilli()
	if ms < x.head.time {
		ms = x.head.time // event times never decrease
	}
	if ms < x.head.started {
		ms = x.head.started
	}
	x.nums.stamp++
	r := &x.run
	*r = run{m: m, x: x, s: s, now: ms, stamp: x.nums.stamp}
	return r
}

// Advance tells x one thing and runs it until it needs the world again. Late,
// repeated and unknown inputs change nothing; the step's verdict tells them
// apart. An execution that has ended never changes.
//
// Deadlines up to in.At fire first, the earliest first and among equals the
// outermost, and each is followed to where it leads before the next; then comes
// the input.
func Advance(m *asl.Machine, x *Execution, in Input, now time.Time) *Step {
	s := new(Step)
	x.settle, x.marked = x.settle[:0], false
	if x.head.status != Running && (in.Kind != Redrive || !x.Redrivable()) {
		s.Ended = true
		if in.Kind != Resume {
			s.Verdict = Late
		}
		return s
	}
	x.machine = m
	r := newRun(m, x, s, now)
	switch {
	case in.Kind == Start:
		if x.head.event != 0 {
			s.Verdict = Late
			break
		}
		r.start()
	case x.head.event == 0:
		s.Verdict = Unknown
	case in.Kind == Redrive && x.head.status == Running:
		s.Verdict = Late
	case in.Kind == Redrive:
		r.redrive()
	default:
		at := r.now
		if !in.At.IsZero() {
			at = min(at, in.At.UnixMilli())
		}
		r.expire(at)
		r.input(in, at)
	}
	r.drain()
	r.finish()
	return s
}

// start begins the execution.
func (r *run) start() {
	x := r.x
	b := x.root(r.m)
	f := x.newFrame(nil, 0)
	f.input = x.head.input
	r.touch(f)
	r.event(Event{Type: "ExecutionStarted", Input: x.head.input, RoleARN: x.RoleARN}, 0)
	if b == nil {
		r.runtime(f, "The state machine has no states to run.")
		return
	}
	r.limit()
	f.block = b
	r.to(f, b.StartAt)
}

// limit starts the clock of the machine's TimeoutSeconds.
func (r *run) limit() {
	h := &r.x.head
	if r.m.TimeoutSeconds <= 0 || h.block != "" {
		return
	}
	if d := r.now + r.m.TimeoutSeconds*1000; h.deadline == 0 || d < h.deadline {
		h.deadline = d
	}
}

// to sends the frame to a state of its block.
func (r *run) to(f *Frame, name string) {
	st := f.block.States[name]
	if st == nil { // a machine that Parse accepted has every target
		r.runtime(f, "The state '"+name+"' does not exist.")
		return
	}
	f.st, f.state, f.phase = st, st.Common().Pointer, phaseEnter
	f.retries = nil
	r.touch(f)
	r.push(f)
}

// expire fires the deadlines up to at.
func (r *run) expire(at int64) {
	x := r.x
	for x.head.status == Running && !r.full() {
		var f *Frame
		if len(x.due) > 0 && x.due[0].due <= at {
			f = x.due[0]
		}
		if d := x.head.deadline; d != 0 && d <= at && (f == nil || d <= f.due) {
			r.timeOut()
			return
		}
		if f == nil {
			return
		}
		r.fire(f)
		r.drain()
	}
}

// fire lets the frame's deadline take effect.
func (r *run) fire(f *Frame) {
	switch f.phase {
	case phaseWait:
		f.phase = phaseWaited
	case phaseRetry:
		f.phase = phaseWork
	case phaseTask:
		t := f.task
		beat := t.beatBy != 0 && (t.timeout == 0 || t.beatBy < t.timeout)
		r.taskTimedOut(f, beat)
	}
	f.wait = 0
	r.x.reschedule(f)
	r.touch(f)
	r.push(f)
}

// stop ends the execution because someone asked for it.
func (r *run) stop(o Outcome) {
	r.event(Event{Type: "ExecutionAborted", Error: o.Error, Cause: o.Cause}, r.chain())
	if r.x.head.status == Running {
		r.x.head.err, r.x.head.cause = o.Error, o.Cause
		r.over(Aborted)
	}
}

// timeOut ends the execution because the machine's TimeoutSeconds are over.
func (r *run) timeOut() {
	name := errTimeout
	r.event(Event{Type: "ExecutionTimedOut", Error: &name}, r.chain())
	if r.x.head.status == Running {
		r.x.head.err = &name
		r.over(TimedOut)
	}
}

// chain returns what an event about the whole execution chains from: the last
// event of its own thread, which is its first frame.
func (r *run) chain() int64 {
	if f := r.x.frames[1]; f != nil {
		return f.last
	}
	return 0
}

// input applies what the execution is told.
func (r *run) input(in Input, at int64) {
	x := r.x
	if x.head.status != Running {
		if in.Kind != Resume {
			r.s.Verdict = Late
		}
		return
	}
	switch in.Kind {
	case Resume:
	case Answer, Heartbeat, Picked:
		f := x.events[in.Event]
		if f == nil {
			r.missed(in.Event)
			return
		}
		if f.due != 0 && f.due <= at { // the bound of the step was reached before it could fire
			r.fire(f)
			r.s.Verdict = Late
			return
		}
		switch in.Kind {
		case Answer:
			r.answer(in)
		case Heartbeat:
			r.heartbeat(f, at)
		default:
			r.picked(f, in.Worker)
		}
	case Stop:
		r.stop(in.Outcome)
	case Joined:
		r.loaded(in)
	default:
		r.s.Verdict = Unknown
	}
}

// missed tells a task that is over from one that never was.
func (r *run) missed(event int64) {
	r.s.Verdict = Unknown
	if event > 0 && event <= r.x.head.event {
		r.s.Verdict = Late
	}
}

// push lets the frame be the next to go on.
func (r *run) push(f *Frame) {
	if f.queued || f.gone {
		return
	}
	f.queued = true
	r.x.ready = append(r.x.ready, f)
}

// full says whether the step has reached a bound.
func (r *run) full() bool { return r.moves >= MaxTransitions || r.bytes >= MaxEventBytes }

// room is about how many events the step will have.
func (r *run) room() int {
	switch {
	case r.m == nil: // Crash
		return 1
	case r.x.head.event <= 1: // two for each state, as far as the execution comes at once
		return min(2*len(r.m.States)+2, 32)
	default:
		return 6
	}
}

// event appends an event and returns its id. When the history is full the
// execution fails in its place.
func (r *run) event(e Event, previous int64) int64 {
	x := r.x
	if x.head.status != Running {
		return x.head.event
	}
	x.head.event++
	x.head.time = r.now
	ending := false
	if x.head.event >= MaxEvents {
		switch e.Type {
		case "ExecutionSucceeded", "ExecutionFailed", "ExecutionTimedOut", "ExecutionAborted":
		default:
			ending = true
			name, cause := errRuntime, "The execution reached the maximum number of history events (25000)."
			e = Event{Type: "ExecutionFailed", Error: &name, Cause: &cause}
		}
	}
	e.ID, e.Previous, e.Time = x.head.event, previous, clock(r.now)
	if r.s.Events == nil && cap(x.Room) > 0 {
		r.s.Events, x.Room = x.Room[:0], nil
	} else if r.s.Events == nil {
		r.s.Events = make([]Event, 0, r.room())
	}
	r.s.Events = append(r.s.Events, e)
	r.bytes += e.size()
	if ending {
		x.head.err, x.head.cause = e.Error, e.Cause
		r.over(Failed)
	}
	return e.ID
}

// touch notes that the step changed the frame.
func (r *run) touch(f *Frame) {
	if f.stamp != r.stamp {
		f.stamp = r.stamp
		r.s.changed = append(r.s.changed, f)
	}
}

// finish fills in what the step as a whole tells.
func (r *run) finish() {
	x, s := r.x, r.s
	for i, j := range r.joins {
		j.listed = false
		if f := r.joinF[i]; !f.gone && f.join == j {
			for _, k := range j.fresh {
				s.Results = append(s.Results, Result{Frame: f.id, Index: k, Output: j.results[k]})
			}
			j.stored = j.stored || len(j.fresh) > 0
		}
		j.fresh = j.fresh[:0]
	}
	for len(x.loads) > 0 && (x.loads[0].gone || x.loads[0].phase != phaseLoad) {
		x.loads = x.loads[1:]
	}
	if len(x.loads) > 0 {
		s.Join = x.loads[0].id
	}
	s.Ended = x.head.status != Running
	s.Wake = x.Wake()
	s.More = !s.Ended && (len(x.ready) > 0 || !s.Wake.IsZero() && s.Wake.UnixMilli() <= r.now && r.full())
	r.release()
}

// release lets go of what the step held, such as documents.
func (r *run) release() { *r = run{} }
