package interp

import (
	"millrace/asl"
	"millrace/asl/document"
)

// succeed does a Succeed state, which ends its thread.
func (r *run) succeed(f *Frame, st *asl.Succeed) {
	if st.Language == asl.JSONata {
		r.leaveWith(f, nil, st.Output, nil, "")
		return
	}
	output, err := r.eval(st.InputPath, f.input)
	if err == nil {
		output, err = r.eval(st.OutputPath, output)
	}
	if err != nil {
		r.failed(f, err)
		return
	}
	r.exit(f, output, nil, "")
}

// failState does a Fail state, which fails its thread.
func (r *run) failState(f *Frame, st *asl.Fail) {
	name, err := r.failText(f, st.Error, st.ErrorPath, "Error")
	if err != nil {
		r.failed(f, err)
		return
	}
	cause, err := r.failText(f, st.Cause, st.CausePath, "Cause")
	if err != nil {
		r.failed(f, err)
		return
	}
	// The state's own name for its error counts as it stands: even States.Runtime.
	r.raise(f, &failure{name: name, cause: cause})
}

// failText computes the Error or Cause of a Fail state; nil when it has none.
func (r *run) failText(f *Frame, field, path asl.Field, what string) (*string, error) {
	if field == nil && path == nil {
		return nil, nil
	}
	from := field
	if from == nil {
		from = path
	}
	d, err := from.Eval(r.on(f.input))
	if err != nil {
		return nil, err
	}
	s, ok := d.Value().(string)
	if !ok {
		if path != nil {
			return nil, &asl.Error{Name: errRuntime, Cause: "The " + what + "Path parameter does not reference a string: " + path.Source() + " == " + plain(d)}
		}
		return nil, unexpected(field, what, "string", d)
	}
	return &s, nil
}

// plain writes a value for a message: a string without its quotes.
func plain(d *document.Doc) string {
	if s, ok := d.Value().(string); ok {
		return s
	}
	return d.String()
}
