package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"millrace/engine/interp"
)

// Store keeps what survives the process. engine/storetest holds its contract as
// tests. All methods are safe for concurrent use, but Group is called by one
// goroutine at a time.
type Store interface {
	// Own makes the node an owner of shards and returns what it owns from now on.
	// The epoch is higher than every one given out before; Group refuses to
	// commit for an owner whose epoch is no longer the latest of a shard.
	Own(ctx context.Context, node string) (Ownership, error)
	// Migrate brings the schema of each set to its newest version, each migration
	// in a transaction of its own, sets in the order given. A set that the
	// database knows in a newer version is refused.
	Migrate(ctx context.Context, sets []Migrations) error
	// Group runs units in order in one transaction. It closes the group early
	// when its time is up: n is the number of units, from the first, that it took
	// on, at least one. The outcome of those is
	//
	//	nil           committed; a unit with an Err had written nothing and was skipped
	//	*UnitError    rolled back: that unit failed after it had written
	//	ErrUnknown    COMMIT failed: the group may be there or not. The store has
	//	              let go of its connection and opens another
	//	ErrBusy       rolled back for want of space, locks or a connection
	//	any other     rolled back
	//
	// The errors may be wrapped.
	Group(ctx context.Context, units []*Unit, limit time.Duration) (n int, err error)
	// Read gives f one consistent view that includes every commit acknowledged
	// before the call. f should be short; the view ends with it.
	Read(ctx context.Context, f func(View) error) error
	// Close waits for reads and groups under way and releases the store.
	Close() error
}

// Ownership is what a node owns.
type Ownership struct {
	Epoch  int64
	Shards []int     // nil: all
	Until  time.Time // by the database's clock; zero: as long as the process holds the store
}

// Migrations is the schema of one part of the program, such as an integration:
// files 0001_name.sql, 0002_name.sql, ... in the root of Files, without gaps.
type Migrations struct {
	Name  string // stored: never rename
	Files fs.FS
}

// ErrUnknown is Group's answer when COMMIT itself failed.
var ErrUnknown = errors.New("the outcome of the commit is unknown")

// UnitError says which unit of a group failed after it had written.
type UnitError struct {
	Index int
	Err   error
}

func (e *UnitError) Error() string { return fmt.Sprintf("unit %d: %v", e.Index, e.Err) }

// Unwrap returns the unit's own error.
func (e *UnitError) Unwrap() error { return e.Err }

// Unit is the only way to write: a step of an execution, a function, or both.
type Unit struct {
	// Keys names what the unit touches, such as queue/Q or table/T/pk. A store
	// with many writers locks them in sorted order.
	Keys []string
	// Change is written last; its version is checked before anything else, and
	// when it differs Err is ErrConflict, or ErrExecutionExists for a new
	// execution whose name is taken.
	Change *Change
	// Do runs between the check and the writing of Change, which it may still
	// fill. It may run more than once. nil: nothing.
	Do func(Txn) error
	// Err is valid once Group has returned.
	Err error
}

// View is a consistent view of the database.
type View interface {
	Reader
	MapRunView
	// Load returns an execution, or nil when there is none.
	Load(id int64) (*ExecutionRow, error)
	// Frames returns an execution's frames by their number.
	Frames(id int64) (map[int64][]byte, error)
	// Named returns the id of the execution that a machine has under a name; 0: none.
	// Executions that were stored without a name are not found.
	Named(machine int64, name string) (int64, error)
	// List returns executions with ids below before (0: from the newest), newest
	// first, of a machine (0: any, but no children of map runs) in a status ("":
	// any).
	List(machine int64, status interp.Status, before int64, n int) ([]*ExecutionRow, error)
	// Oldest returns up to n executions with ids above after, by id.
	Oldest(after int64, n int) ([]*ExecutionRow, error)
	// Results returns the ended children of a frame, by index.
	Results(id, frame int64) ([]interp.ResultRow, error)
	// Doc returns a numbered document of an execution.
	Doc(id, n int64) ([]byte, error)
	// Blocks returns up to n blocks of history with events from the id on, in
	// order; or, reversed, with events up to the id, newest first.
	Blocks(id, from int64, reverse bool, n int) ([]interp.Block, error)
	// Inbox returns an execution's unread messages in the order of their arrival.
	Inbox(id int64) ([]InboxRow, error)
	// Due returns executions to wake in (after, until], in order, up to n.
	Due(after Wake, until time.Time, n int) ([]Wake, error)
	// Unread returns up to n executions with messages, with ids above after.
	Unread(after int64, n int) ([]int64, error)
	// Commands returns up to n commands after the key given, in the order of their
	// keys. With activity 0 they are calls and follow-ups, else the tasks that wait
	// for a worker of that activity, oldest first.
	Commands(activity int64, after CommandKey, n int) ([]CommandRow, error)
	// Command returns one command, or nil.
	Command(key CommandKey) (*CommandRow, error)
	// Waiting returns up to n executions with token tasks, of a machine (0: any, and
	// children of map runs), with ids from the one given on, by id.
	Waiting(machine, from int64, n int) ([]int64, error)
	// Record returns the record of a kind and name, or nil.
	Record(kind RecordKind, name string) (*Record, error)
	// RecordByID returns the record of an id, or nil.
	RecordByID(id int64) (*Record, error)
	// Records returns up to n records of a kind with ids above after, by id.
	Records(kind RecordKind, after int64, n int) ([]Record, error)
	// Running reports whether a machine has an execution that has not ended.
	Running(machine int64) (bool, error)
}

// Txn is a group's transaction as a unit sees it.
type Txn interface {
	View
	MapRunTxn
	// Exec writes and returns the number of rows changed.
	Exec(sql string, args ...any) (int64, error)
	// Wrote reports whether the unit has written anything yet.
	Wrote() bool
	// Write writes a change. ErrConflict and ErrExecutionExists write nothing.
	Write(*Change) error
	// Send puts a message into an inbox; first is false when one of the same kind
	// and event lay there. A heartbeat takes the older one's place.
	Send(execution int64, in *interp.Input) (first bool, err error)
	// ClearInbox removes every message of an execution.
	ClearInbox(execution int64) error
	// PutCommand adds or replaces a command.
	PutCommand(CommandRow) error
	// DeleteCommand removes a command; there was reports that it was there.
	DeleteCommand(CommandKey) (there bool, err error)
	// PutRecord adds a record, or replaces the one of its id. A name taken by
	// another record of the kind is ErrRecordExists, and writes nothing.
	PutRecord(Record) error
	// DeleteRecord removes a record.
	DeleteRecord(id int64) error
	// DeleteExecution removes what is stored of an execution, up to about n rows
	// a call; done reports that nothing is left.
	DeleteExecution(id int64, n int) (done bool, err error)
	// IDs reserves n ids, never given out before, and returns the first.
	IDs(n int64) (first int64, err error)
	// Savepoint begins a part that Rollback undoes and Release keeps.
	Savepoint() error
	Rollback() error
	Release() error
}

// ErrRecordExists is PutRecord's answer to a name that is taken.
var ErrRecordExists = errors.New("record exists")

// ExecutionRow is what is stored of an execution beside its frames.
type ExecutionRow struct {
	ID         int64
	Machine    int64
	Definition int64 // record id
	Name       string
	Named      bool // false: Name is not stored but made from the id
	Status     interp.Status
	Version    int64
	Wake       int64 // ms; 0: none
	Token      bool  // it has token tasks
	Meta       []byte
	Head       []byte
}

// RunnableWake is the wake of an execution that can go on at once.
const RunnableWake = 1

// Change is what became of an execution's rows.
type Change struct {
	Execution int64
	Version   int64 // as it was read; 0: the execution is new

	// For a new execution only.
	Machine    int64
	Definition int64
	Name       string // "": none is stored
	Meta       []byte

	Status        interp.Status // also if it did not change
	StatusChanged bool
	Wake          int64 // ms; 0: none
	WakeChanged   bool
	Token         bool // it runs and has token tasks: some that wait for their token, or whose call is under way
	TokenChanged  bool
	Rows          interp.Change
	Joined        []int64 // frames whose results go
	Consumed      []InboxKey
	Commands      []CommandRow
	Closed        []int64 // scheduling events whose commands go
	Delete        bool    // remove the execution's row and frames: an Express execution that has ended
}

// Bytes returns roughly how many bytes the change writes.
func (c *Change) Bytes() int {
	n := 200 + len(c.Meta) + len(c.Rows.Head)
	for i := range c.Rows.Frames {
		n += 32 + len(c.Rows.Frames[i].Data)
	}
	for i := range c.Rows.Results {
		n += 32 + len(c.Rows.Results[i].Data)
	}
	for i := range c.Rows.Docs {
		n += 32 + len(c.Rows.Docs[i].Text)
	}
	for i := range c.Rows.Blocks {
		n += 32 + len(c.Rows.Blocks[i].Data)
	}
	for i := range c.Commands {
		n += 64 + len(c.Commands[i].Data)
	}
	return n
}

// Wake is an execution's next deadline.
type Wake struct {
	At        int64 // ms
	Execution int64
}

// Before reports whether w comes before v.
func (w Wake) Before(v Wake) bool {
	return w.At < v.At || w.At == v.At && w.Execution < v.Execution
}

// InboxKey names a message within an execution's inbox.
type InboxKey struct {
	Kind  interp.InputKind
	Event int64
}

// InboxRow is a message in an inbox.
type InboxRow struct {
	Key  InboxKey
	Data []byte // by interp.AppendInput
}

// CommandKey names a command in the outbox: a task's call, or with Execution 0
// a follow-up whose Event is an id.
type CommandKey struct {
	Execution, Event int64
}

// CommandRow is a row of the outbox.
type CommandRow struct {
	Key      CommandKey
	Kind     CommandKind
	Activity int64 // record id, for a task of an activity that no worker took
	Due      int64 // ms; follow-ups only: not before
	Attempt  int   // of a follow-up
	Epoch    int64 // of the owner that began the call; 0: none did
	Data     []byte
}

// CommandKind tells the rows of the outbox apart.
type CommandKind byte

// The kinds. They are stored: never renumber.
const (
	CallCommand     CommandKind = 1 + iota // a remote call under way or to be made
	ActivityCommand                        // a task that waits for a worker
	FollowUpCommand                        // a call that answers nobody
	_                                      // once a task that waits for its token
	ChildCommand                           // no call: the execution that a task started and waits for
	MapRunCommand                          // no call: the map run that a Map state waits for
)

// RecordKind tells the kinds of small records apart.
type RecordKind byte

// The kinds. They are stored: never renumber.
const (
	MachineRecord    RecordKind = 1 + iota // named by the machine's name
	DefinitionRecord                       // named by the hash of its text and type
	ActivityRecord                         // named by the activity's name
	KeyRecord                              // a secret, named by its purpose and number
	SettingRecord                          // a setting of the engine
	QualifierRecord                        // the versions and aliases of a machine, named by its id
	TagRecord                              // the tags of a resource, named by its ARN
	GarbageRecord                          // a state machine whose executions are to be deleted, named by its id
)

// Record is a small thing that has an id and a name unique in its kind.
type Record struct {
	ID   int64
	Kind RecordKind
	Name string
	Data []byte
}
