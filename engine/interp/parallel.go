package interp

import (
	"millrace/asl"
	"millrace/asl/document"
)

// parallel starts the branches of a Parallel state.
func (r *run) parallel(f *Frame, st *asl.Parallel) {
	args, err := r.parallelInput(f, st)
	if err != nil {
		r.failed(f, err)
		return
	}
	f.last = r.event(Event{Type: "ParallelStateStarted"}, f.last)
	if r.x.head.status != Running {
		return
	}
	f.join = &join{total: len(st.Branches), limit: len(st.Branches), start: f.last, args: args}
	f.phase = phaseJoin
	r.push(f)
}

// parallelInput computes what every branch gets as its input.
func (r *run) parallelInput(f *Frame, st *asl.Parallel) (*document.Doc, error) {
	input, err := r.eval(st.InputPath, f.input)
	if err != nil {
		return nil, err
	}
	return r.eval(st.Parameters, input)
}
