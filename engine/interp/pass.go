package interp

import (
	"millrace/asl"
	"millrace/asl/document"
)

// pass does a Pass state: InputPath, Parameters, Result, ResultPath, OutputPath.
func (r *run) pass(f *Frame, st *asl.Pass) {
	if st.Language == asl.JSONata {
		r.leave(f, &st.Base, nil, st.Next)
		return
	}
	result, err := r.eval(st.InputPath, f.input)
	if err == nil {
		result, err = r.eval(st.Parameters, result)
	}
	if err != nil {
		r.failed(f, err)
		return
	}
	if st.Result != nil {
		result = st.Result
	}
	r.combine(f, &st.Base, st.ResultPath, result, st.Next)
}

// combine puts a JSONPath state's result into its input and leaves the state.
// In Assign "$" is the result.
func (r *run) combine(f *Frame, b *asl.Base, path *asl.ResultPath, result *document.Doc, next string) {
	var assigned []AssignedItem
	if len(b.Assign) > 0 {
		r.on(result)
		var err error
		if assigned, err = r.assignments(b.Assign); err != nil {
			r.failed(f, err)
			return
		}
	}
	output, err := path.Apply(f.input, result)
	if err == nil {
		output, err = r.eval(b.OutputPath, output)
	}
	if err != nil {
		r.failed(f, err)
		return
	}
	r.exit(f, output, assigned, next)
}

// leave computes Assign and Output of a JSONata state and leaves it. result is
// $states.result; nil: there is none, and without Output the input goes on.
func (r *run) leave(f *Frame, b *asl.Base, result *document.Doc, next string) {
	r.leaveWith(f, b.Assign, b.Output, result, next)
}

func (r *run) leaveWith(f *Frame, assign []asl.Assignment, output asl.Field, result *document.Doc, next string) {
	r.on(f.input)
	r.env.Result = result
	assigned, err := r.assignments(assign)
	if err != nil {
		r.failed(f, err)
		return
	}
	out := result
	if out == nil {
		out = f.input
	}
	if output != nil {
		if out, err = output.Eval(&r.env); err != nil {
			r.failed(f, err)
			return
		}
	}
	r.exit(f, out, assigned, next)
}
