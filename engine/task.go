package engine

import (
	"context"
	"encoding/json"
	"time"

	"millrace/engine/interp"
)

// Reader reads the database. Placeholders are ?. Rows must be closed.
type Reader interface {
	Query(sql string, args ...any) (Rows, error)
}

// Rows is the outcome of a query, used as database/sql uses it.
type Rows interface {
	Next() bool
	Scan(dest ...any) error
	Err() error
	Close() error
}

// Tx is a unit's view of the transaction that it shares with its group. It sees
// every effect of the units before it. It must not be kept after the unit returns.
type Tx interface {
	Reader
	// Exec writes, and returns the number of rows changed.
	Exec(sql string, args ...any) (changed int64, err error)
	// Now is the group's time: one value for all its units, in whole milliseconds.
	Now() time.Time
	// ID returns a new id, never given out before.
	ID() (int64, error)
	// Start starts an execution. Errors are ErrMachineNotFound, ErrExecutionExists, ...
	Start(StartInput) (Started, error)
	// Deliver tells an execution something; first is false when an answer to the
	// same event was there before.
	Deliver(Message) (first bool, err error)
	// Enqueue adds a remote call that answers nobody: an HTTP subscriber, a mail.
	// It is repeated with the same key until it succeeds or its attempts are used up.
	Enqueue(FollowUp) error
	// Notify signals the waiters of a key after the commit.
	Notify(key string)
	// AfterCommit runs f after the commit, in memory only. f must not block.
	AfterCommit(f func())
}

// Task answers a task state's resource. What it can do beyond its name is found
// by type assertion: exactly one of [LocalAction], [ReadAction] and [RemoteAction].
type Task interface{ Resource() string }

// LocalAction writes inside the transaction that commits its outcome, so its
// effect happens exactly once. It reads and checks first and writes last; it
// touches nothing but tx, because it may run again.
type LocalAction interface {
	Task
	Keys(Call) []string
	// Savepoint says that Run may return a failed outcome after its first write.
	Savepoint() bool
	// Run returns the outcome. A failed outcome is a workflow error; a Go error
	// says that the unit could not do its work.
	Run(tx Tx, c Call) (interp.Outcome, error)
}

// ReadAction reads on the read pool before an ordinary commit.
type ReadAction interface {
	Task
	Read(ctx context.Context, r Reader, c Call) (interp.Outcome, error)
}

// RemoteAction waits for something outside the transaction. It is called at
// least once; Call.Key is the same each time.
type RemoteAction interface {
	Task
	Call(ctx context.Context, c Call) (interp.Outcome, error)
	Lost() LostPolicy
}

// LostPolicy says what a call means that was under way when the process ended.
type LostPolicy byte

// The policies: call again with the same key; attach to the job that runs under
// the key; or fail the task with an error that Catch can match.
const (
	Repeat LostPolicy = iota
	Attach
	Fail
)

// Call is one call of a task's resource.
type Call struct {
	Execution    int64
	Event        int64 // the scheduling event
	ExecutionARN string
	MachineARN   string
	RoleARN      string
	State        string
	Attempt      int
	Key          string // idempotency key: stable over repeats of this call, different for each attempt
	Token        string // the task token; set for .waitForTaskToken
	Resource     string
	Pattern      interp.Pattern
	Input        json.RawMessage
	Deadline     time.Time // zero: none
	Credentials  json.RawMessage
	// Submitted, set for .sync of a RemoteAction, tells the execution what the
	// submission of the work answered; the call itself returns when the work has
	// ended. It may be left out, and does not block.
	Submitted func(interp.Outcome)
}

// Resolver finds the task of a resource as a state machine names it, pattern
// suffix (.sync, .waitForTaskToken) included. It returns an error that says what
// is wrong with the resource when there is none.
type Resolver interface {
	Resolve(resource string) (Task, error)
}

// Message tells an execution something through its inbox.
type Message struct {
	Execution int64
	Input     interp.Input
}

// FollowUp is a remote call that answers nobody.
type FollowUp struct {
	Resource string // resolved to a RemoteAction
	Key      string
	Input    json.RawMessage
	Attempts int           // at most; 0: 3
	Backoff  time.Duration // before the first repeat, doubled each time; 0: 1 s
}
