package interp

import (
	"millrace/asl"
	"millrace/asl/document"
)

// maxDelay is the longest that a Wait state may wait, in seconds: the longest
// life of an execution.
const maxDelay = 99999999

// waitState does a Wait state up to where it waits.
func (r *run) waitState(f *Frame, st *asl.Wait) {
	input, err := r.eval(st.InputPath, f.input)
	if err != nil {
		r.failed(f, err)
		return
	}
	until, worked, err := r.until(st, input)
	switch {
	case err != nil && worked:
		// Recorded: unlike a failed expression this chains from the state's entry.
		r.evaluationFailed(f, err, f.last, false)
	case err != nil:
		r.failed(f, err)
	case until <= r.now:
		r.waited(f, st)
	default:
		f.phase, f.wait = phaseWait, until
		r.x.reschedule(f)
	}
}

// until computes when the wait is over, in ms. worked says of an error that the
// field was evaluated, but to nothing that is a time.
func (r *run) until(st *asl.Wait, input *document.Doc) (ms int64, worked bool, err error) {
	field, what, path, stamp := st.Seconds, "Seconds", false, false
	switch {
	case st.SecondsPath != nil:
		field, what, path = st.SecondsPath, "SecondsPath", true
	case st.Timestamp != nil:
		field, what, stamp = st.Timestamp, "Timestamp", true
	case st.TimestampPath != nil:
		field, what, path, stamp = st.TimestampPath, "TimestampPath", true, true
	}
	d, err := field.Eval(r.on(input))
	if err != nil {
		return 0, false, err
	}
	if stamp {
		ms, err = timestamp(st, field, what, path, d)
		return ms, true, err
	}
	n, err := delay(st, field, what, path, d)
	return r.now + n*1000, true, err
}

func timestamp(st *asl.Wait, field asl.Field, what string, path bool, d *document.Doc) (int64, error) {
	s, ok := d.Value().(string)
	if ok {
		if t, ok := asl.ParseTimestamp(s); ok {
			return t.UnixMilli(), nil
		}
	}
	switch {
	case path:
		return 0, waitError(st, what, "The TimestampPath parameter does not reference a valid ISO-8601 extended offset date-time format string: "+field.Source()+" == "+plain(d))
	case !ok && st.Language == asl.JSONata:
		return 0, unexpected(field, what, "string", d)
	}
	return 0, waitError(st, what, "The Timestamp field cannot be parsed as an ISO-8601 extended offset date-time format string: "+plain(d))
}

func delay(st *asl.Wait, field asl.Field, what string, path bool, d *document.Doc) (int64, error) {
	n, whole := integer(d.Value())
	_, number := d.Value().(document.Number)
	switch {
	case !whole && path:
		return 0, waitError(st, what, "The SecondsPath parameter cannot be parsed as a long value: "+field.Source()+" == "+plain(d))
	case !whole && !number && st.Language == asl.JSONata:
		return 0, unexpected(field, what, "number", d)
	case !whole:
		return 0, waitError(st, what, "The Seconds field cannot be parsed as a long value: "+plain(d))
	case n < 0 && path:
		return 0, waitError(st, what, "The SecondsPath parameter references a negative value: "+field.Source()+" == "+plain(d))
	case n < 0:
		return 0, waitError(st, what, "The Seconds field has a negative value: "+plain(d))
	case n > maxDelay:
		return 0, waitError(st, what, "Wait state delay is too long.")
	}
	return n, nil
}

func waitError(st *asl.Wait, location, cause string) *asl.Error {
	if st.Language == asl.JSONata {
		return &asl.Error{Name: errQuery, Cause: cause, Location: location}
	}
	return &asl.Error{Name: errRuntime, Cause: cause}
}

// waited leaves a Wait state whose time has come.
func (r *run) waited(f *Frame, st *asl.Wait) {
	r.focus(f)
	if st.Language == asl.JSONata {
		r.leave(f, &st.Base, nil, st.Next)
		return
	}
	input, err := r.eval(st.InputPath, f.input)
	if err != nil {
		r.failed(f, err)
		return
	}
	r.on(input)
	assigned, err := r.assignments(st.Assign)
	if err == nil {
		input, err = r.eval(st.OutputPath, input)
	}
	if err != nil {
		r.failed(f, err)
		return
	}
	r.exit(f, input, assigned, st.Next)
}

// integer returns a value that is a whole number of 64 bits, however written.
func integer(v any) (int64, bool) {
	n, ok := v.(document.Number)
	if !ok {
		return 0, false
	}
	if i, ok := n.Int64(); ok {
		return i, true
	}
	f := n.Float64()
	if f != f || f < -1<<53 || f > 1<<53 || f != float64(int64(f)) {
		return 0, false
	}
	return int64(f), true
}
