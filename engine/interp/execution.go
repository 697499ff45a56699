package interp

import (
	"time"

	"millrace/asl"
	"millrace/asl/document"
)

// Execution is one execution as it stands in memory: its head, which is small
// and rewritten at each step, and its live frames. It is used by one goroutine
// at a time. The exported fields are the shell's to set after [New] and after
// [Decode]; they are not part of the encoded form.
type Execution struct {
	ID          int64
	ARN         string
	Name        string
	MachineARN  string
	MachineName string
	RoleARN     string

	// Token seals a task token for the task scheduled by an event of this
	// execution. The shell sets it; it must be a pure function. nil: the context
	// object has no token.
	Token func(event int64) string

	head   head
	frames map[int64]*Frame
}

type head struct {
	seed    [16]byte
	status  Status
	input   *document.Doc
	started time.Time
	stopped time.Time
	output  *document.Doc
	err     *string
	cause   *string
	event   int64
}

// Frame is one thread of control: the machine's own, a Parallel branch's, or a
// Map iteration's. It stands at one state.
type Frame struct{ ID int64 }

// New makes an execution that has not begun; its first input is Start. The
// input is the text as it was given. started is cut to whole milliseconds.
func New(id int64, seed [16]byte, input *document.Doc, started time.Time) *Execution {
	return &Execution{ID: id, head: head{seed: seed, status: Running, input: input, started: started.Truncate(time.Millisecond)}}
}

// Advance tells x one thing and runs it until it needs the world again. Late,
// repeated and unknown inputs change nothing; the step's verdict tells them
// apart. An execution that has ended never changes.
func Advance(m *asl.Machine, x *Execution, in Input, now time.Time) Step { return Step{} }

// Settle appends the event of a local action's outcome and marks the frame
// settled, evaluating no expression; a later Advance with Resume goes on. The
// step's More is set where there is something to go on with.
func Settle(x *Execution, event int64, o Outcome, now time.Time) Step { return Step{} }

// Unsettle takes back every Settle since the last Advance, so that a unit whose
// transaction was rolled back may run again.
func (x *Execution) Unsettle() {}

// Status returns the execution's status.
func (x *Execution) Status() Status { return x.head.status }

// Input returns the execution's input as it was given.
func (x *Execution) Input() *document.Doc { return x.head.input }

// Output returns the output; nil unless the execution succeeded.
func (x *Execution) Output() *document.Doc { return x.head.output }

// Failure returns the error and cause that the execution ended with; nil where there is none.
func (x *Execution) Failure() (err, cause *string) { return x.head.err, x.head.cause }

// Started returns when the execution began, in whole milliseconds.
func (x *Execution) Started() time.Time { return x.head.started }

// Stopped returns when the execution ended; zero while it runs.
func (x *Execution) Stopped() time.Time { return x.head.stopped }

// LastEvent returns the id of the last event of the history; 0 before the first.
func (x *Execution) LastEvent() int64 { return x.head.event }

// Frames returns the number of live frames.
func (x *Execution) Frames() int { return len(x.frames) }

// Size returns roughly how many bytes of memory x holds.
func (x *Execution) Size() int { return 0 }
