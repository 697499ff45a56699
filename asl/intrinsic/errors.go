package intrinsic

import (
	"errors"
	"fmt"

	"millrace/asl/jsonpath"
)

// SyntaxError says where a text stopped being a call, and what would be right.
type SyntaxError struct {
	Source string // the text
	Offset int    // bytes before the fault
	Reason string
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("intrinsic function %s: at byte %d: %s", cut(e.Source), e.Offset, e.Reason)
}

// cut quotes a user's text and cuts it short. The quotes are not doubled: such
// a text has single quotes in it.
func cut(s string) string {
	const most = 80
	if len(s) <= most {
		return s
	}
	i := most
	for i > 0 && s[i]&0xc0 == 0x80 { // not inside a character
		i--
	}
	return s[:i] + "..."
}

// Failure says that a function cannot work with its arguments. Its text is what
// AWS puts into the cause; the error's name is States.IntrinsicFailure in the
// specification, and States.Runtime where AWS was seen to fail.
type Failure struct {
	Call   string // the call that failed, as written
	Detail string // AWS's words, such as "Invalid arguments in States.MathAdd"
	Reason string // what is wrong and what would be right, for people
}

func (e *Failure) Error() string {
	return "There was an error while evaluating the intrinsic function: " + e.Call + ". " + e.Detail
}

// ArgumentError says that a path in a call found nothing. The error's name is
// States.Runtime.
type ArgumentError struct {
	Call *Call // the outermost call
	Path *jsonpath.Path
	Err  error // what Env.Lookup returned
}

func (e *ArgumentError) Error() string { return e.prefix() + e.Err.Error() }

// Unwrap returns the error of [Env.Lookup].
func (e *ArgumentError) Unwrap() error { return e.Err }

func (e *ArgumentError) prefix() string {
	return "The function '" + e.Call.String() + "' had the following error: "
}

// Cause words the error as AWS does, given the text of the document that the
// path was looked up in.
func (e *ArgumentError) Cause(input []byte) string {
	var missing *jsonpath.NotFoundError
	if !errors.As(e.Err, &missing) || missing.Miss == jsonpath.NotArray || missing.Miss == jsonpath.NotLeaf {
		return e.Error() // here AWS shows the words of its library
	}
	return e.prefix() + "The JsonPath argument for the field '" + e.Path.String() +
		"' could not be found in the input '" + string(input) + "'"
}
