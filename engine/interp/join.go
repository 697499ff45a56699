package interp

import (
	"slices"

	"millrace/asl"
	"millrace/asl/document"
)

// next enters children while there are free slots, one at a time: each runs
// until it waits or ends before the next is entered.
func (r *run) next(f *Frame) {
	j := f.join
	if j.done == j.total {
		r.gather(f)
		return
	}
	if !f.runnable() {
		return
	}
	if st, ok := f.st.(*asl.Parallel); ok && j.args == nil { // read back from the store
		r.focus(f)
		args, err := r.parallelInput(f, st)
		if err != nil {
			r.failed(f, err)
			return
		}
		j.args = args
	}
	chain := j.start
	if j.cursor >= j.limit {
		chain = j.free[0]
		j.free = j.free[1:]
	}
	child := r.x.newFrame(f, j.cursor)
	j.cursor++
	child.last, child.input = chain, j.args
	child.block = childBlock(f.st, child.index)
	r.touch(child)
	if f.runnable() {
		r.push(f)
	}
	if st, ok := f.st.(*asl.Map); ok && !r.enterIteration(f, st, child) {
		return
	}
	r.to(child, child.block.StartAt)
}

// childEnded keeps the output of a child that ran to its end.
func (r *run) childEnded(child *Frame, output *document.Doc) {
	f := child.parent
	j := f.join
	last := child.last
	if st, ok := f.st.(*asl.Map); ok {
		index := int64(child.index)
		// The slot's next iteration chains from the event before this one.
		last = r.event(Event{Type: "MapIterationSucceeded", Name: st.Name, Index: &index}, child.last)
	}
	if r.x.head.status != Running {
		return
	}
	if j.cursor < j.total && j.limit < j.total {
		j.free = append(j.free, child.last)
	}
	f.last = last
	j.done++
	if j.results == nil {
		j.results = make([]*document.Doc, j.total)
	}
	j.results[child.index] = output
	j.have++
	r.x.held += len(output.Bytes())
	j.fresh = append(j.fresh, child.index)
	if !j.listed {
		j.listed = true
		r.joins, r.joinF = append(r.joins, j), append(r.joinF, f)
	}
	r.x.drop(child)
	r.touch(child)
	r.touch(f)
	if f.runnable() {
		r.push(f)
	}
}

// gather goes on once every child has ended: at once when all results are in
// memory, else after the shell has loaded them.
func (r *run) gather(f *Frame) {
	j := f.join
	if j.have < j.total {
		f.phase = phaseLoad
		r.x.loads = append(r.x.loads, f)
		return
	}
	f.phase = phaseJoined
	r.push(f)
}

// loaded takes the results that the store has kept.
func (r *run) loaded(in Input) {
	f := r.x.frames[in.Frame]
	if f == nil || f.phase != phaseLoad {
		r.s.Verdict = Late
		return
	}
	j := f.join
	j.results = make([]*document.Doc, j.total)
	for _, res := range in.Results {
		if res.Index >= 0 && res.Index < j.total && res.Output != nil {
			j.results[res.Index] = res.Output
			r.x.held += len(res.Output.Bytes())
		}
	}
	j.have = j.total
	f.phase = phaseJoined
	r.x.loads = slices.DeleteFunc(r.x.loads, func(l *Frame) bool { return l == f })
	r.touch(f)
	r.push(f)
}

// joined goes on with the children's results, in the order of the children.
func (r *run) joined(f *Frame) {
	j := f.join
	size := 2
	for _, d := range j.results {
		if d != nil {
			size += len(d.Bytes()) + 1
		}
	}
	b := make([]byte, 0, size+8)
	b = append(b, '[')
	for i, d := range j.results {
		if i > 0 {
			b = append(b, ',')
		}
		if d == nil {
			d = null
		}
		b = append(b, d.Bytes()...)
	}
	b = append(b, ']')
	r.unjoin(f)
	r.conclude(f, document.FromBytes(b))
}

// conclude records the success of a Parallel or Map state and leaves it with
// its result. *Succeeded does not move the chain, unless what follows fails.
func (r *run) conclude(f *Frame, result *document.Doc) {
	f.phase = phaseWork
	var succeeded int64
	switch st := f.st.(type) {
	case *asl.Parallel:
		succeeded = r.event(Event{Type: "ParallelStateSucceeded"}, f.last)
		r.concluding(f, succeeded, func() { r.selectResult(f, &st.Base, st.ResultSelector, st.ResultPath, result) })
	case *asl.Map:
		succeeded = r.event(Event{Type: "MapStateSucceeded"}, f.last)
		r.concluding(f, succeeded, func() { r.selectResult(f, &st.Base, st.ResultSelector, st.ResultPath, result) })
	}
}

// concluding runs leave with a chain that the state's exit takes from before
// the event succeeded, and its failure from that event.
func (r *run) concluding(f *Frame, succeeded int64, leave func()) {
	if r.x.head.status != Running {
		return
	}
	f.exitFrom, f.last = f.last, succeeded
	leave()
	f.exitFrom = 0
}

// unjoin ends a join: its children must be gone or going.
func (r *run) unjoin(f *Frame) {
	j := f.join
	for _, d := range j.results {
		if d != nil {
			r.x.held -= len(d.Bytes())
		}
	}
	if j.stored {
		r.s.JoinedBy = append(r.s.JoinedBy, f.id)
	}
	j.results, j.have, j.fresh = nil, 0, nil
	f.join = nil
}

// childFailed lets the failure of a child end its siblings and reach the
// Parallel or Map state.
//
// Measured: the cut iterations and the states that they were in come first, all
// chained to the failing child's last event, then MapIterationFailed, which
// does not move the chain.
func (r *run) childFailed(child *Frame, fl *failure) {
	f := child.parent
	_, isMap := f.st.(*asl.Map)
	last := child.last
	for _, k := range f.join.children() {
		if k != child {
			r.recordCut(k, last, isMap)
			continue
		}
		if _, ok := k.st.(*asl.Task); ok {
			r.event(Event{Type: "TaskStateAborted"}, last)
		}
	}
	if isMap {
		index := int64(child.index)
		r.event(Event{Type: "MapIterationFailed", Name: f.st.Common().Name, Index: &index}, last)
	}
	if r.x.head.status != Running {
		return
	}
	r.touch(f)
	f.last = last
	if !fl.fatal { // else the frames stay as they are, for a redrive
		r.cut(f)
		f.phase = phaseWork
	}
	r.raise(f, &failure{name: fl.name, cause: fl.cause, beat: fl.beat, fatal: fl.fatal})
}

// recordCut records that a frame and all below it end because something beside
// it failed.
func (r *run) recordCut(f *Frame, last int64, iteration bool) {
	if iteration {
		index := int64(f.index)
		r.event(Event{Type: "MapIterationAborted", Name: f.parent.st.Common().Name, Index: &index}, last)
	}
	if f.phase != phaseEnter && r.resolve(f) {
		if kind := aborted(f.st); kind != "" {
			r.event(Event{Type: kind}, last)
		}
	}
	if f.join != nil {
		_, isMap := f.st.(*asl.Map)
		for _, k := range f.join.children() {
			r.recordCut(k, last, isMap)
		}
	}
}

// cut ends every frame below f, and f's join.
func (r *run) cut(f *Frame) {
	for _, k := range f.join.children() {
		if k.join != nil {
			r.cut(k)
		}
		if k.task != nil && k.phase == phaseTask {
			r.s.Moot = append(r.s.Moot, k.task.event)
		}
		r.x.drop(k)
		r.touch(k)
	}
	r.unjoin(f)
}
