package interp

import (
	"cmp"
	"slices"
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
	Express     bool // an EXPRESS execution: its context object knows no redrives

	// Token seals a task token for the task scheduled by an event of this
	// execution. The shell sets it; it must be a pure function. nil: the context
	// object has no token.
	Token func(event int64) string
	// HasActivity says whether an activity exists; a task for one that does not
	// fails with States.Runtime. nil: every activity exists.
	HasActivity func(arn string) bool

	// Room is where the events of the next step that has any are put, as far as
	// they fit; the step takes it. The shell may set it. nil: room is made.
	Room []Event

	// Probe is for tests of single states. nil: none.
	Probe *Probe

	machine *asl.Machine // of the last Advance
	head    head
	frames  map[int64]*Frame

	ready  []*Frame         // the frames that can go on, the next one last
	events map[int64]*Frame // frames that wait for a task, by scheduling event
	tokens int              // how many of them wait for a token
	due    deadlines
	loads  []*Frame // frames in phaseLoad, in the order in which their results are asked for
	marked bool     // what is settled may be taken back
	settle []undo   // what Unsettle takes back
	run    run      // the step at hand
	nums   numbers
	held   int // bytes of results held in memory

	context *document.Object // Execution of the context object, once made
}

// head is what an execution keeps beside its frames. Times are in milliseconds since 1970.
type head struct {
	seed      [16]byte
	status    Status
	block     string // pointer of the Map state whose processor this runs; "": the machine's own states
	input     *document.Doc
	started   int64
	stopped   int64
	output    *document.Doc
	err       *string
	cause     *string
	deadline  int64 // TimeoutSeconds of the machine; 0: none
	event     int64 // the last event's id
	time      int64 // the last event's time
	frame     int64 // the last frame's id
	doc       int64 // the last document's number
	drawEvent int64 // the event before which draw counts
	draw      int64 // draws since that event
	redrives  int64
	redriven  int64
}

// New makes an execution that has not begun; its first input is Start. The
// input is the text as it was given. started is cut to whole milliseconds.
func New(id int64, seed [16]byte, input *document.Doc, started time.Time) *Execution {
	x := &Execution{ID: id, head: head{seed: seed, status: Running, input: input, started: started.UnixMilli()}}
	x.init(1)
	return x
}

// NewChild is New for a child execution of a distributed Map: it runs the item
// processor of the Map state at pointer state.
func NewChild(id int64, seed [16]byte, state string, input *document.Doc, started time.Time) *Execution {
	x := New(id, seed, input, started)
	x.head.block = state
	return x
}

func (x *Execution) init(frames int) {
	x.frames = make(map[int64]*Frame, frames)
	x.events = make(map[int64]*Frame, frames)
}

// Status returns the execution's status.
func (x *Execution) Status() Status { return x.head.status }

// Input returns the execution's input as it was given.
func (x *Execution) Input() *document.Doc { return x.head.input }

// Output returns the output; nil unless the execution succeeded.
func (x *Execution) Output() *document.Doc { return x.head.output }

// Failure returns the error and cause that the execution ended with; nil where there is none.
func (x *Execution) Failure() (err, cause *string) { return x.head.err, x.head.cause }

// Started returns when the execution began, in whole milliseconds.
func (x *Execution) Started() time.Time { return clock(x.head.started) }

// Stopped returns when the execution ended; zero while it runs.
func (x *Execution) Stopped() time.Time {
	if x.head.stopped == 0 {
		return time.Time{}
	}
	return clock(x.head.stopped)
}

// LastEvent returns the id of the last event of the history; 0 before the first.
func (x *Execution) LastEvent() int64 { return x.head.event }

// WaitsForToken reports whether a task waits for its token, or will once its
// call is over.
func (x *Execution) WaitsForToken() bool { return x.tokens > 0 }

// TokenTask is a .waitForTaskToken task whose call is over.
type TokenTask struct {
	Event    int64     // the scheduling event
	State    string    // name
	Resource string    // of the state
	Deadline time.Time // zero: none
}

// TokenTasks returns the tasks that wait for their token, by their events.
func (x *Execution) TokenTasks(m *asl.Machine) []TokenTask {
	var list []TokenTask
	for event, f := range x.events {
		st, ok := m.State(f.state).(*asl.Task)
		if !ok || f.task.pattern != WaitForTaskToken || !f.task.submitted {
			continue
		}
		t := TokenTask{Event: event, State: st.Name, Resource: st.Resource}
		if f.task.timeout != 0 {
			t.Deadline = clock(f.task.timeout)
		}
		list = append(list, t)
	}
	slices.SortFunc(list, func(a, b TokenTask) int { return cmp.Compare(a.Event, b.Event) })
	return list
}

// Frames returns the number of live frames.
func (x *Execution) Frames() int { return len(x.frames) }

// Wake returns the least deadline of all frames; zero: none.
func (x *Execution) Wake() time.Time {
	least := x.head.deadline
	if len(x.due) > 0 && (least == 0 || x.due[0].due < least) {
		least = x.due[0].due
	}
	if least == 0 || x.head.status != Running {
		return time.Time{}
	}
	return clock(least)
}

// frameSize is about what a frame takes in memory with its place in the indexes.
const frameSize = 600

// Size returns roughly how many bytes of memory x holds.
func (x *Execution) Size() int {
	return 1024 + len(x.frames)*frameSize + x.nums.bytes + x.held
}

// clock makes a time of milliseconds since 1970.
func clock(ms int64) time.Time { return time.UnixMilli(ms).UTC() }

// root returns the block that the execution's first frame runs.
func (x *Execution) root(m *asl.Machine) *asl.Block {
	if x.head.block == "" {
		return &m.Block
	}
	if s, ok := m.State(x.head.block).(*asl.Map); ok {
		return s.Processor
	}
	return nil
}
