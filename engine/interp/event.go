package interp

import (
	"time"

	"millrace/asl"
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

	Name         string         // the state's, in state, map iteration and EvaluationFailed events
	Input        *document.Doc  // stateEntered input, executionStarted input, scheduled input and parameters
	Output       *document.Doc  // stateExited, succeeded, submitted output
	Assigned     []AssignedItem // assignedVariables of an exited event
	Error        *string
	Cause        *string
	Resource     string // of task, function and activity events
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
	Redrives     *int64 // executionRedriven redriveCount
}

// AssignedItem is a variable and its new value.
type AssignedItem struct {
	Name  string
	Value *document.Doc
}

// eventTypes lists every type of event. An event is stored as its type's place
// here: never reorder, only append.
//
// Source: HistoryEventType of the AWS Step Functions API reference.
var eventTypes = [...]string{
	"",
	"ActivityFailed",
	"ActivityScheduled",
	"ActivityScheduleFailed",
	"ActivityStarted",
	"ActivitySucceeded",
	"ActivityTimedOut",
	"ChoiceStateEntered",
	"ChoiceStateExited",
	"ExecutionAborted",
	"ExecutionFailed",
	"ExecutionStarted",
	"ExecutionSucceeded",
	"ExecutionTimedOut",
	"FailStateEntered",
	"LambdaFunctionFailed",
	"LambdaFunctionScheduled",
	"LambdaFunctionScheduleFailed",
	"LambdaFunctionStarted",
	"LambdaFunctionStartFailed",
	"LambdaFunctionSucceeded",
	"LambdaFunctionTimedOut",
	"MapIterationAborted",
	"MapIterationFailed",
	"MapIterationStarted",
	"MapIterationSucceeded",
	"MapStateAborted",
	"MapStateEntered",
	"MapStateExited",
	"MapStateFailed",
	"MapStateStarted",
	"MapStateSucceeded",
	"ParallelStateAborted",
	"ParallelStateEntered",
	"ParallelStateExited",
	"ParallelStateFailed",
	"ParallelStateStarted",
	"ParallelStateSucceeded",
	"PassStateEntered",
	"PassStateExited",
	"SucceedStateEntered",
	"SucceedStateExited",
	"TaskFailed",
	"TaskScheduled",
	"TaskStarted",
	"TaskStartFailed",
	"TaskStateAborted",
	"TaskStateEntered",
	"TaskStateExited",
	"TaskSubmitFailed",
	"TaskSubmitted",
	"TaskSucceeded",
	"TaskTimedOut",
	"WaitStateAborted",
	"WaitStateEntered",
	"WaitStateExited",
	"MapRunAborted",
	"MapRunFailed",
	"MapRunStarted",
	"MapRunSucceeded",
	"ExecutionRedriven",
	"MapRunRedriven",
	"EvaluationFailed",
}

// entered, exited and aborted return the type of a state event, without making
// a string.
func entered(st asl.State) string {
	switch st.(type) {
	case *asl.Pass:
		return "PassStateEntered"
	case *asl.Task:
		return "TaskStateEntered"
	case *asl.Choice:
		return "ChoiceStateEntered"
	case *asl.Wait:
		return "WaitStateEntered"
	case *asl.Succeed:
		return "SucceedStateEntered"
	case *asl.Fail:
		return "FailStateEntered"
	case *asl.Parallel:
		return "ParallelStateEntered"
	}
	return "MapStateEntered"
}

func exited(st asl.State) string {
	switch st.(type) {
	case *asl.Pass:
		return "PassStateExited"
	case *asl.Task:
		return "TaskStateExited"
	case *asl.Choice:
		return "ChoiceStateExited"
	case *asl.Wait:
		return "WaitStateExited"
	case *asl.Succeed:
		return "SucceedStateExited"
	case *asl.Parallel:
		return "ParallelStateExited"
	}
	return "MapStateExited"
}

// aborted returns "" for the types of states that nothing can cut.
func aborted(st asl.State) string {
	switch st.(type) {
	case *asl.Task:
		return "TaskStateAborted"
	case *asl.Wait:
		return "WaitStateAborted"
	case *asl.Parallel:
		return "ParallelStateAborted"
	case *asl.Map:
		return "MapStateAborted"
	}
	return ""
}

// eventCode returns the place of a type in eventTypes, 0 for one that is not there.
func eventCode(kind string) int {
	for i := 1; i < len(eventTypes); i++ {
		if eventTypes[i] == kind {
			return i
		}
	}
	return 0
}

// size is about how many bytes the event takes.
func (e *Event) size() int {
	n := 64 + len(e.Name) + len(e.Resource)
	if e.Input != nil {
		n += len(e.Input.Bytes())
	}
	if e.Output != nil {
		n += len(e.Output.Bytes())
	}
	for _, a := range e.Assigned {
		n += len(a.Name) + len(a.Value.Bytes())
	}
	if e.Cause != nil {
		n += len(*e.Cause)
	}
	return n
}
