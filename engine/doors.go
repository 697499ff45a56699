package engine

import (
	"encoding/json"
	"time"

	"millrace/engine/interp"
)

// MachineType is STANDARD or EXPRESS.
type MachineType string

// The machine types.
const (
	Standard MachineType = "STANDARD"
	Express  MachineType = "EXPRESS"
)

// StateMachine is a stored state machine.
type StateMachine struct {
	ID         int64
	ARN        string
	Name       string
	Type       MachineType
	Definition string
	RoleARN    string
	Status     string // ACTIVE, DELETING
	Created    time.Time
	Updated    time.Time
	Revision   string          // a UUID, new at each update; "" (INITIAL) at first
	Settings   json.RawMessage // loggingConfiguration, tracingConfiguration, encryptionConfiguration as given

	VersionARN  string // of the version that creating or updating it published; "": none
	Description string // of a described version
}

// StartInput asks for an execution.
type StartInput struct {
	MachineARN  string // of a machine, a version or an alias
	Name        string // "": a UUID is made
	Input       []byte // JSON text; nil: {}
	TraceHeader string
	Parent      *Parent
}

// Parent is the task that waits for the execution to end.
type Parent struct {
	Execution, Event int64
	Parse            bool // .sync:2: the answer holds input and output as JSON, not as text
}

// Started is the answer to a start.
type Started struct {
	ID       int64
	ARN      string
	Name     string
	Started  time.Time
	Status   interp.Status // after the first step
	Existing bool          // an equal execution was running under the name already
}

// ExecutionInfo is what DescribeExecution tells.
type ExecutionInfo struct {
	ID           int64
	ARN          string
	MachineARN   string
	VersionARN   string // of the version that runs, where it was started by one or by an alias
	AliasARN     string // of the alias that it was started by
	Name         string
	Status       interp.Status
	Started      time.Time
	Stopped      time.Time // zero: running
	Input        []byte
	Output       []byte // nil: none
	Error, Cause *string
	TraceHeader  string
	RedriveCount int
	MapRunARN    string // of the map run that it is a child of; "": none
}

// Page asks for a part of a list.
type Page struct {
	Max     int    // 0: 100
	Token   string // "": from the start
	Reverse bool   // histories only: newest first
}

// ListFilter narrows ListExecutions. Empty fields do not.
type ListFilter struct {
	MachineARN string // of a machine; of a version or an alias: what was started by it
	MapRunARN  string // its children; not together with MachineARN
	Status     interp.Status
}
