package interp

import (
	"cmp"
	"slices"
)

// over ends the execution: nothing in it goes on. The frames of one that did
// not succeed are kept for a redrive.
func (r *run) over(st Status) {
	x := r.x
	x.head.status = st
	x.head.stopped = r.now
	x.head.deadline = 0
	for event, f := range x.events {
		if f.phase == phaseTask {
			r.s.Moot = append(r.s.Moot, event)
		}
	}
	slices.Sort(r.s.Moot)
	clear(x.events)
	x.tokens = 0
	x.due, x.ready, x.loads = nil, nil, nil
	for _, f := range x.sorted() {
		r.touch(f)
		f.pos, f.due, f.queued = 0, 0, false
		if st != Succeeded && !x.Express {
			f.rest()
			continue
		}
		if f.join != nil {
			r.unjoin(f)
		}
		f.gone = true
		delete(x.frames, f.id)
	}
}

// sorted returns the live frames by id, parents before their children.
func (x *Execution) sorted() []*Frame {
	list := make([]*Frame, 0, len(x.frames))
	for _, f := range x.frames {
		list = append(list, f)
	}
	slices.SortFunc(list, func(a, b *Frame) int { return cmp.Compare(a.id, b.id) })
	return list
}

// rest puts the frame where a redrive takes it up: before its state's work, as
// if it had never been tried.
func (f *Frame) rest() {
	f.task, f.wait, f.retries, f.exitFrom = nil, 0, nil, 0
	switch {
	case f.join != nil:
		f.phase = phaseJoin
	case f.phase != phaseEnter:
		f.phase = phaseWork
	}
}

// Redrivable says whether the execution can go on from what failed: it ended
// without success, and its history has room. How long ago that may be is the
// shell's to judge.
func (x *Execution) Redrivable() bool {
	switch x.head.status {
	case Failed, TimedOut, Aborted:
		return !x.Express && len(x.frames) > 0 && x.head.event < MaxEvents-1
	}
	return false
}

// Redrives returns how often the execution was redriven.
func (x *Execution) Redrives() int64 { return x.head.redrives }

// redrive lets every thread that did not end do its state's work again. States
// that had ended, and the results of ended branches and iterations, stay.
func (r *run) redrive() {
	x := r.x
	h := &x.head
	h.status, h.stopped, h.err, h.cause = Running, 0, nil, nil
	h.redrives++
	h.redriven = r.now
	x.context = nil
	r.limit()
	count := h.redrives
	id := r.event(Event{Type: "ExecutionRedriven", Redrives: &count}, h.event)
	if h.status != Running {
		return
	}
	list := x.sorted()
	slices.Reverse(list) // the first to go on is pushed last
	for _, f := range list {
		r.touch(f)
		if f.join == nil {
			f.last = id
		}
		if f.runnable() {
			r.push(f)
		}
	}
}
