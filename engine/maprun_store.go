package engine

import "millrace/engine/interp"

// MapRunRow is a stored map run: the child executions of one distributed Map.
// The children are executions whose Machine is the run's id with a minus sign.
type MapRunRow struct {
	ID         int64
	Execution  int64  // that the Map state is in
	Event      int64  // its MapRunStarted
	Machine    int64  // of that execution
	Definition int64  // of that execution: record id
	Name       string // MACHINE/LABEL:UUID, the end of its ARN; unique
	Running    bool
	Stop       bool  // its execution has given it up
	Version    int64 // as it was read; 0: the run is new
	Head       []byte
	Plan       []byte // with PutMapRun only
}

// MapRunEnd tells a map run that a child of it has ended.
type MapRunEnd struct {
	Child  int64
	Status interp.Status
	Items  int64
}

// MapRunView is the part of a [View] that concerns map runs.
type MapRunView interface {
	// MapRun returns a map run, or nil.
	MapRun(id int64) (*MapRunRow, error)
	// MapPlan returns a map run's plan, which never changes.
	MapPlan(id int64) ([]byte, error)
	// MapRunNamed returns the id of the map run of a name; 0: none.
	MapRunNamed(name string) (int64, error)
	// MapRuns returns up to n map runs of an execution with ids below before (0:
	// from the newest), newest first.
	MapRuns(execution, before int64, n int) ([]*MapRunRow, error)
	// RunningMapRuns returns up to n map runs that have not ended, with ids above after.
	RunningMapRuns(after int64, n int) ([]int64, error)
	// Children returns up to n executions of a map run in any of the statuses
	// ("": all) with ids above after, by id.
	Children(run int64, after int64, n int, statuses ...interp.Status) ([]*ExecutionRow, error)
}

// MapRunTxn is the part of a [Txn] that concerns map runs.
type MapRunTxn interface {
	// PutMapRun adds a map run.
	PutMapRun(*MapRunRow) error
	// UpdateMapRun replaces the head and Running of the run of this id and version.
	// ErrConflict writes nothing.
	UpdateMapRun(*MapRunRow) error
	// StopMapRun sets Stop of a run that has not ended.
	StopMapRun(id int64) error
	// PutMapRunEnd leaves word that a child has ended. A second word of the same
	// child changes nothing.
	PutMapRunEnd(run int64, end MapRunEnd) error
	// TakeMapRunEnds removes and returns up to n of those words.
	TakeMapRunEnds(run int64, n int) ([]MapRunEnd, error)
}
