package interp

import "millrace/asl"

// choice does a Choice state: the first rule that matches says where to go.
func (r *run) choice(f *Frame, st *asl.Choice) {
	input, err := r.eval(st.InputPath, f.input)
	if err != nil {
		r.failed(f, err)
		return
	}
	next, assign, output := st.Default, st.Assign, st.Output
	for i := range st.Rules {
		rule := &st.Rules[i]
		match, err := rule.Test.Match(r.on(input))
		if err != nil {
			r.failed(f, err)
			return
		}
		if match {
			next, assign, output = rule.Next, rule.Assign, rule.Output
			break
		}
	}
	if next == "" {
		// AWS answers with States.Runtime, not with the specification's States.NoChoiceMatched.
		r.runtime(f, "Failed to transition out of the state. The state does not point to a next state.")
		return
	}
	if st.Language == asl.JSONata {
		r.leaveWith(f, assign, output, nil, next)
		return
	}
	r.on(input)
	assigned, err := r.assignments(assign)
	if err == nil {
		input, err = r.eval(st.OutputPath, input)
	}
	if err != nil {
		r.failed(f, err)
		return
	}
	r.exit(f, input, assigned, next)
}
