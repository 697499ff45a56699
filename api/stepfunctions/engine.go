package stepfunctions

import (
	"context"
	"time"

	"millrace/engine"
	"millrace/engine/interp"
)

// Engine is what the protocol needs of the engine. Errors are the engine's
// sentinels, wrapped.
type Engine interface {
	CreateStateMachine(context.Context, engine.CreateStateMachine) (engine.StateMachine, error)
	UpdateStateMachine(context.Context, engine.UpdateStateMachine) (engine.StateMachine, error)
	DeleteStateMachine(ctx context.Context, arn string) error
	DescribeStateMachine(ctx context.Context, arn string) (engine.StateMachine, error)
	StateMachineForExecution(ctx context.Context, arn string) (engine.StateMachine, error)
	ListStateMachines(context.Context, engine.Page) (machines []engine.StateMachine, next string, err error)

	PublishVersion(ctx context.Context, arn string, revision *string, description string) (engine.Version, error)
	DeleteVersion(ctx context.Context, arn string) error
	ListVersions(ctx context.Context, arn string, p engine.Page) (versions []engine.Version, next string, err error)
	CreateAlias(ctx context.Context, name, description string, routes []engine.Route) (engine.Alias, error)
	UpdateAlias(ctx context.Context, arn string, description *string, routes []engine.Route) (engine.Alias, error)
	DeleteAlias(ctx context.Context, arn string) error
	DescribeAlias(ctx context.Context, arn string) (engine.Alias, error)
	ListAliases(ctx context.Context, arn string, p engine.Page) (aliases []engine.Alias, next string, err error)

	Tags(ctx context.Context, arn string) ([]engine.Tag, error)
	Tag(ctx context.Context, arn string, tags []engine.Tag) error
	Untag(ctx context.Context, arn string, keys []string) error

	StartExecution(context.Context, engine.StartInput) (engine.Started, error)
	StartSyncExecution(context.Context, engine.StartInput) (engine.ExecutionInfo, engine.Billing, error)
	StopExecution(ctx context.Context, arn string, name, cause *string) (time.Time, error)
	DescribeExecution(ctx context.Context, arn string) (engine.ExecutionInfo, error)
	ListExecutions(context.Context, engine.ListFilter, engine.Page) (executions []engine.ExecutionInfo, next string, err error)
	History(ctx context.Context, arn string, p engine.Page) (events []interp.Event, next string, err error)

	DescribeMapRun(ctx context.Context, arn string) (engine.MapRunInfo, error)
	ListMapRuns(ctx context.Context, executionARN string, p engine.Page) (runs []engine.MapRunInfo, next string, err error)
	UpdateMapRun(context.Context, engine.UpdateMapRun) error

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
