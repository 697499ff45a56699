package interp

import (
	"errors"
	"strconv"

	"millrace/asl"
	"millrace/asl/document"
)

// Names of workflow errors that the interpreter itself raises or treats in its own way.
const (
	errAll       = "States.ALL"
	errRuntime   = "States.Runtime"
	errTimeout   = "States.Timeout"
	errHeartbeat = "States.HeartbeatTimeout"
	errFailed    = "States.TaskFailed"
	errQuery     = "States.QueryEvaluationError"
	errDataLimit = "States.DataLimitExceeded"
)

// dataLimit is AWS's text for a result of more than [MaxDocument] bytes. what
// is the state's name, or for a task's result what the task called.
func dataLimit(what string) string {
	return "The state/task '" + what + "' returned a result with a size exceeding the maximum number of bytes service limit."
}

func tooLarge(what string) *failure {
	name, cause := errDataLimit, dataLimit(what)
	return &failure{name: &name, cause: &cause}
}

// while is how AWS introduces the cause of an error inside the service.
func (r *run) while(f *Frame, cause string) string {
	if r.x.Probe != nil {
		return cause
	}
	return "An error occurred while executing the state '" + f.st.Common().Name +
		"' (entered at the event id #" + strconv.FormatInt(f.entered, 10) + "). " + cause
}

// runtime fails the execution with States.Runtime, which nothing catches.
func (r *run) runtime(f *Frame, cause string) {
	if f.st != nil && f.entered != 0 {
		cause = r.while(f, cause)
	}
	r.failExecution(f, errRuntime, cause)
}

func (r *run) failExecution(f *Frame, name, cause string) {
	r.raise(f, &failure{name: &name, cause: &cause})
}

// failed deals with an error of evaluation: err is an *asl.Error.
//
// Recorded: an expression that fails before the state has recorded anything but
// its entry chains from what was before the entry.
func (r *run) failed(f *Frame, err error) {
	previous := f.last
	if f.last == f.entered {
		previous = f.prior
	}
	r.evaluationFailed(f, err, previous, false)
}

// evaluationFailed is failed with the id that an EvaluationFailed event chains
// from; final keeps Retry and Catch out of it.
func (r *run) evaluationFailed(f *Frame, err error, previous int64, final bool) {
	var e *asl.Error
	if !errors.As(err, &e) {
		e = &asl.Error{Name: errRuntime, Cause: err.Error()}
	}
	if e.Name == errDataLimit {
		fl := tooLarge(f.st.Common().Name)
		fl.final = final
		r.raise(f, fl)
		return
	}
	name, cause := e.Name, r.while(f, e.Cause)
	if name == errQuery {
		f.last = r.event(Event{Type: "EvaluationFailed", Name: f.st.Common().Name, Error: &name, Cause: &cause, Location: e.Location}, previous)
	}
	r.raise(f, &failure{name: &name, cause: &cause, final: final})
}

// errorOutput is the document that a catcher sees.
func errorOutput(fl *failure) *document.Doc {
	o := document.NewObject(2)
	o.Set("Error", text(fl.name))
	o.Set("Cause", text(fl.cause))
	return document.FromValue(o)
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// unexpected is JSONata's error for a field whose value has the wrong type.
func unexpected(field asl.Field, location, want string, got *document.Doc) *asl.Error {
	return &asl.Error{
		Name: errQuery,
		Cause: "The JSONata expression '" + expression(field) + "' specified for the field '" + location +
			"' returned an unexpected result type. Expected '" + want + "', but was '" + kind(got.Value()) + "' for value: " + got.String(),
		Location: location,
	}
}

// expression returns the JSONata inside {% %}.
func expression(field asl.Field) string {
	s := field.Source()
	if len(s) >= 4 && s[:2] == "{%" && s[len(s)-2:] == "%}" {
		s = s[2 : len(s)-2]
	}
	for len(s) > 0 && s[0] == ' ' {
		s = s[1:]
	}
	for len(s) > 0 && s[len(s)-1] == ' ' {
		s = s[:len(s)-1]
	}
	return s
}

// kind names a value's type as AWS's messages do.
func kind(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case bool:
		return "boolean"
	case string:
		return "string"
	case document.Number:
		return "number"
	case []any:
		return "array"
	}
	return "object"
}
