package engine

import "errors"

// What a door may answer. One table in package api maps them to exception names.
// They are wrapped with what was asked for.
var (
	ErrMachineNotFound   = errors.New("state machine does not exist")
	ErrMachineExists     = errors.New("state machine already exists")
	ErrMachineDeleting   = errors.New("state machine is being deleted")
	ErrExecutionNotFound = errors.New("execution does not exist")
	ErrExecutionExists   = errors.New("execution already exists")
	ErrInvalidInput      = errors.New("invalid execution input")
	ErrInvalidOutput     = errors.New("invalid output")
	ErrInvalidName       = errors.New("invalid name")
	ErrInvalidARN        = errors.New("invalid ARN")
	ErrInvalidDefinition = errors.New("invalid definition")
	ErrInvalidToken      = errors.New("invalid token")
	ErrTaskNotFound      = errors.New("task does not exist")
	ErrActivityNotFound  = errors.New("activity does not exist")
	ErrTaskTimedOut      = errors.New("task timed out")
	ErrResourceNotFound  = errors.New("resource does not exist")
	ErrAliasNotFound     = errors.New("alias or version does not exist")
	ErrAliasExists       = errors.New("alias already exists")
	ErrVersionInUse      = errors.New("version is in use")
	ErrRevision          = errors.New("the state machine has another revision")
	ErrInvalidRouting    = errors.New("invalid routing configuration")
	ErrTooMany           = errors.New("too many of a state machine")
	ErrTooManyTags       = errors.New("too many tags")
	ErrTypeNotSupported  = errors.New("state machine type not supported")
	ErrExpress           = errors.New("not for an express execution")
	ErrConflict          = errors.New("the execution changed meanwhile")
	ErrInvalidPage       = errors.New("invalid page")
	ErrBusy              = errors.New("the store is busy or full: try again")
	ErrClosed            = errors.New("the engine is closed")
)
