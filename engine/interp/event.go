package interp

import (
	"time"

	"millrace/asl/document"
)

// Event is one event of an execution's history. Only the fields that its type
// has are set.
//
// Source: HistoryEvent of the AWS Step Functions API reference.
type Event struct {
	ID       int64
	Previous int64
	Type     string // TaskStateEntered, ...
	Time     time.Time

	Name         string         // state; branch and map events carry the state's name too
	Input        *document.Doc  // stateEntered input, executionStarted input, scheduled input and parameters
	Output       *document.Doc  // stateExited, succeeded, submitted output
	Assigned     []AssignedItem // assignedVariables of an exited event
	Error        *string
	Cause        *string
	Resource     string // scheduled events
	ResourceType string // lambda, sqs, dynamodb, aws-sdk:s3, ...
	Region       string
	Timeout      *int64 // timeoutInSeconds
	Heartbeat    *int64 // heartbeatInSeconds
	Length       *int64 // mapStateStarted
	Index        *int64 // map iteration
	Worker       string
	MapRunARN    string
	RoleARN      string // executionStarted
	Location     string // evaluationFailed
	Role         string // taskCredentials
}

// AssignedItem is a variable and its new value.
type AssignedItem struct {
	Name  string
	Value *document.Doc
}

// AppendJSON adds the event in the shape of GetExecutionHistory's HistoryEvent:
// the timestamp in seconds with a fraction of milliseconds, payloads as strings.
// Without includeData inputs, outputs, parameters, causes and variables are left out.
func (e *Event) AppendJSON(dst []byte, includeData bool) []byte { return dst }
