package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"millrace/engine"
	"millrace/tasks"
)

// Fault is an error for the caller: the exception's name as AWS spells it, the
// text, and the HTTP status. Whatever is not a Fault and not in the table of
// [FaultOf] is the server's own failure.
type Fault struct {
	Name    string
	Message string
	Status  int
}

func (f *Fault) Error() string { return f.Name + ": " + f.Message }

// Faultf makes a Fault of status 400.
func Faultf(name, format string, args ...any) *Fault {
	return &Fault{Name: name, Message: fmt.Sprintf(format, args...), Status: http.StatusBadRequest}
}

// faults is the one table of what the engine's errors are called outside. A
// title with %s takes what was asked for; in place of "" stands what the error
// itself tells.
var faults = []struct {
	err    error
	name   string
	status int
	title  string
}{
	{engine.ErrMachineNotFound, "StateMachineDoesNotExist", 400, "State Machine Does Not Exist: '%s'"},
	{engine.ErrMachineExists, "StateMachineAlreadyExists", 400, "State Machine Already Exists: '%s'"},
	{engine.ErrMachineDeleting, "StateMachineDeleting", 400, "State Machine is being deleted: '%s'"},
	{engine.ErrExecutionNotFound, "ExecutionDoesNotExist", 400, "Execution Does Not Exist: '%s'"},
	{engine.ErrExecutionExists, "ExecutionAlreadyExists", 400, "Execution Already Exists: '%s'"},
	{engine.ErrActivityNotFound, "ActivityDoesNotExist", 400, "Activity Does Not Exist: '%s'"},
	{engine.ErrInvalidInput, "InvalidExecutionInput", 400, "Invalid State Machine Execution Input: '%s'"},
	{engine.ErrInvalidOutput, "InvalidOutput", 400, "Invalid Output: '%s'"},
	{engine.ErrInvalidName, "InvalidName", 400, "Invalid Name: '%s'"},
	{engine.ErrInvalidARN, "InvalidArn", 400, "Invalid Arn: '%s'"},
	{engine.ErrInvalidDefinition, "InvalidDefinition", 400, "Invalid State Machine Definition: '%s'"},
	{engine.ErrInvalidToken, "InvalidToken", 400, "Invalid Token: 'Invalid token'"},
	{engine.ErrTaskNotFound, "TaskDoesNotExist", 400, "Task Does Not Exist: 'Provided task does not exist'"},
	{engine.ErrTaskTimedOut, "TaskTimedOut", 400, "Task Timed Out: 'Provided task does not exist anymore'"},
	{engine.ErrResourceNotFound, "ResourceNotFound", 400, "Resource not found: '%s'"},
	{engine.ErrMapRunNotFound, "ResourceNotFound", 400, "Resource not found: '%s'"},
	{engine.ErrAliasNotFound, "ResourceNotFound", 400, "Request references a resource that does not exist."},
	{engine.ErrAliasExists, "ConflictException", 409, ""},
	{engine.ErrVersionInUse, "ConflictException", 409, ""},
	{engine.ErrRevision, "ConflictException", 409, ""},
	{engine.ErrInvalidRouting, "ValidationException", 400, ""},
	{engine.ErrTooMany, "ServiceQuotaExceededException", 400, ""},
	{engine.ErrTooManyTags, "TooManyTags", 400, "Too many tags: '%s'"},
	{engine.ErrInvalidPage, "ValidationException", 400, "1 validation error detected: '%s'"},
	{engine.ErrTypeNotSupported, "StateMachineTypeNotSupported", 400, "This operation is not supported by this type of state machine"},
	{engine.ErrExpress, "InvalidArn", 400, "Invalid Arn: 'Resource type not valid in this context: express'"},
	{engine.ErrConflict, "ConflictException", 409, "The execution changed meanwhile. Try again."},
	{engine.ErrBusy, "ServiceUnavailable", 503, "The service is busy. Try again."},
	{engine.ErrClosed, "ServiceUnavailable", 503, "The service is shutting down. Try again."},
	{context.Canceled, "ServiceUnavailable", 503, "The request was given up before it was answered."},
	{context.DeadlineExceeded, "ServiceUnavailable", 503, "The request took too long. Try again."},
}

// FaultOf translates an error of the engine or a service; subject is what was asked for,
// such as an ARN; "" is what the error says it is about. It returns nil for an
// error that is the server's own failure.
func FaultOf(err error, subject string) *Fault {
	var f *Fault
	if errors.As(err, &f) {
		return f
	}
	if e := (*tasks.Error)(nil); errors.As(err, &e) {
		return &Fault{Name: e.Code, Message: e.Message, Status: max(e.Status, http.StatusBadRequest)}
	}
	detail := subject
	if about := new(engine.Fault); errors.As(err, &about) {
		detail = about.Detail
	}
	if subject == "" {
		subject = detail
	}
	for _, e := range faults {
		if !errors.Is(err, e.err) {
			continue
		}
		text := e.title
		if text == "" {
			text = detail
		}
		if n := len(text); n > 4 && text[n-4:] == "'%s'" {
			text = fmt.Sprintf(text, subject)
		}
		return &Fault{Name: e.name, Message: text, Status: e.status}
	}
	return nil
}
