package stepfunctions

import (
	"context"
	"encoding/json"
	"time"

	"millrace/engine"
	"millrace/engine/interp"
)

// Engine is what the protocol needs of the engine. Errors are the engine's
// sentinels, wrapped.
type Engine interface {
	CreateStateMachine(context.Context, engine.CreateStateMachine) (engine.StateMachine, error)
	UpdateStateMachine(ctx context.Context, arn string, definition, roleARN *string, settings json.RawMessage) (engine.StateMachine, error)
	DeleteStateMachine(ctx context.Context, arn string) error
	DescribeStateMachine(ctx context.Context, arn string) (engine.StateMachine, error)
	StateMachineForExecution(ctx context.Context, arn string) (engine.StateMachine, error)
	ListStateMachines(context.Context, engine.Page) (machines []engine.StateMachine, next string, err error)

	StartExecution(context.Context, engine.StartInput) (engine.Started, error)
	StartSyncExecution(context.Context, engine.StartInput) (engine.ExecutionInfo, engine.Billing, error)
	StopExecution(ctx context.Context, arn string, name, cause *string) (time.Time, error)
	DescribeExecution(ctx context.Context, arn string) (engine.ExecutionInfo, error)
	ListExecutions(context.Context, engine.ListFilter, engine.Page) (executions []engine.ExecutionInfo, next string, err error)
	History(ctx context.Context, arn string, p engine.Page) (events []interp.Event, next string, err error)

	SendTaskSuccess(ctx context.Context, token string, output []byte) error
	SendTaskFailure(ctx context.Context, token string, name, cause *string) error
	SendTaskHeartbeat(ctx context.Context, token string) error

	CreateActivity(ctx context.Context, name string) (engine.Activity, error)
	DescribeActivity(ctx context.Context, arn string) (engine.Activity, error)
	DeleteActivity(ctx context.Context, arn string) error
	ListActivities(context.Context, engine.Page) (activities []engine.Activity, next string, err error)
	// GetActivityTask waits until ctx ends; token is "" when no task came.
	GetActivityTask(ctx context.Context, arn, worker string) (token string, input []byte, err error)
}
