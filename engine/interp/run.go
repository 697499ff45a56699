package interp

import (
	"millrace/asl"
	"millrace/asl/document"
)

// drain runs the frames that can go on, as long as the step has room.
func (r *run) drain() {
	x := r.x
	for len(x.ready) > 0 && x.head.status == Running && !r.full() {
		n := len(x.ready) - 1
		f := x.ready[n]
		x.ready[n] = nil
		x.ready = x.ready[:n]
		f.queued = false
		if f.gone || !f.runnable() {
			continue
		}
		if !r.resolve(f) {
			r.runtime(f, "The state at "+f.state+" does not exist in the definition.")
			continue
		}
		r.step(f)
	}
}

// step moves a frame on by one state or part of a state.
func (r *run) step(f *Frame) {
	r.moves++
	r.touch(f)
	switch f.phase {
	case phaseEnter:
		r.enter(f)
	case phaseWork:
		r.work(f)
	case phaseWaited:
		r.waited(f, f.st.(*asl.Wait))
	case phaseSettled:
		r.settled(f)
	case phaseJoin:
		r.next(f)
	case phaseJoined:
		r.joined(f)
	}
}

// resolve finds the frame's state in the machine.
func (r *run) resolve(f *Frame) bool {
	if f.st != nil && f.block != nil {
		return true
	}
	if f.block == nil {
		switch p := f.parent; {
		case p == nil:
			f.block = r.x.root(r.m)
		case r.resolve(p):
			f.block = childBlock(p.st, f.index)
		}
	}
	if f.st == nil && f.state != "" {
		f.st = r.m.State(f.state)
	}
	return f.block != nil && (f.st != nil || f.state == "")
}

// childBlock returns the block that a child of a Parallel or Map state runs.
func childBlock(st asl.State, index int) *asl.Block {
	switch st := st.(type) {
	case *asl.Parallel:
		if index < len(st.Branches) {
			return st.Branches[index]
		}
	case *asl.Map:
		return st.Processor
	}
	return nil
}

// enter records the state's entry and does its work.
func (r *run) enter(f *Frame) {
	b := f.st.Common()
	r.s.Entered++
	f.prior = f.last
	f.entered = r.event(Event{Type: entered(f.st), Name: b.Name, Input: f.input}, f.last)
	f.last = f.entered
	f.at = r.now
	f.phase = phaseWork
	r.work(f)
}

// work does what the entered state is for.
func (r *run) work(f *Frame) {
	if r.x.head.status != Running {
		return
	}
	r.focus(f)
	switch st := f.st.(type) {
	case *asl.Pass:
		r.pass(f, st)
	case *asl.Task:
		r.taskState(f, st)
	case *asl.Choice:
		r.choice(f, st)
	case *asl.Wait:
		r.waitState(f, st)
	case *asl.Succeed:
		r.succeed(f, st)
	case *asl.Fail:
		r.failState(f, st)
	case *asl.Parallel:
		r.parallel(f, st)
	case *asl.Map:
		r.mapState(f, st)
	}
}

// exit leaves the state with its output and the variables it assigned, for the
// state next, or for the end of the thread when next is "".
func (r *run) exit(f *Frame, output *document.Doc, assigned []AssignedItem, next string) {
	b := f.st.Common()
	if len(output.Bytes()) > MaxDocument {
		r.raise(f, tooLarge(b.Name))
		return
	}
	previous := f.last
	if f.exitFrom != 0 {
		previous, f.exitFrom = f.exitFrom, 0
	}
	f.last = r.event(Event{Type: exited(f.st), Name: b.Name, Output: output, Assigned: assigned}, previous)
	if r.x.head.status != Running {
		return
	}
	f.assign(assigned)
	r.x.unschedule(f)
	f.join, f.retries = nil, nil
	f.input = output
	if next != "" {
		r.to(f, next)
		return
	}
	r.end(f, output)
}

// end ends a thread that ran to its end.
func (r *run) end(f *Frame, output *document.Doc) {
	if f.parent != nil {
		r.childEnded(f, output)
		return
	}
	x := r.x
	r.event(Event{Type: "ExecutionSucceeded", Output: output}, f.last)
	if x.head.status == Running {
		x.head.output = output
		r.over(Succeeded)
	}
}
