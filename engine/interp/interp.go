// Package interp is the interpreter of the Amazon States Language: a pure step
// function. [Advance] takes an execution and one input and returns what became
// of it: history events, changed frames, commands. It reads no clock, does no
// I/O, and draws randomness only from the execution's seed, so the same
// arguments give the same bytes.
//
// The shell's cycle is: [Advance]; run the step's local actions and [Settle]
// their outcomes; [Execution.Changes] of those steps; commit; carry out the
// commands that remain; while the step has More, Advance with Resume; when it
// names a Join, load that frame's results and Advance with Joined. What a shell
// has to know beside that:
//
//   - A call's answer is an Answer without Token. For .sync and
//     .waitForTaskToken it only submits the work (TaskSubmitted); the end of the
//     work is a second Answer, with Token, also for activities and map runs.
//   - A step's JoinedBy are deleted before its Results are stored.
//   - The frames and results of an execution that did not succeed stay stored:
//     they are what a Redrive goes on from.
//   - Step.Wake and More are both to be remembered across a restart: an
//     execution with More has no deadline to be woken by.
//   - An execution that is never encoded (Express) skips Changes, which costs
//     nothing until it is called.
package interp

import (
	"time"

	"millrace/asl/document"
)

// Status is the status of an execution, spelled as DescribeExecution spells it.
type Status string

// The statuses.
const (
	Running        Status = "RUNNING"
	Succeeded      Status = "SUCCEEDED"
	Failed         Status = "FAILED"
	TimedOut       Status = "TIMED_OUT"
	Aborted        Status = "ABORTED"
	PendingRedrive Status = "PENDING_REDRIVE"
)

// InputKind says what an Input tells the execution.
type InputKind byte

// The kinds of input. Their numbers are stored in inboxes: never renumber.
const (
	Start     InputKind = 1 + iota // begin; the first input of an execution
	Resume                         // nothing new: go on after More or after a commit that settled local actions, or fire what is due
	Answer                         // a task's outcome: Event and Outcome
	Heartbeat                      // a task's sign of life: Event
	Stop                           // StopExecution: Outcome.Error and Cause, both may be nil
	Joined                         // the results of a frame's ended children: Frame and Results
	Picked                         // an activity worker took the task: Event, Worker
	Redrive                        // RedriveExecution: an execution that did not succeed goes on from what failed
)

// Input is one thing that an execution is told.
type Input struct {
	Kind    InputKind
	Event   int64     // the id of the event that scheduled the task
	At      time.Time // when it reached the door; deadlines up to then fire first. Zero: now
	Outcome Outcome
	// Token says that an Answer is the end of the work itself: SendTaskSuccess or
	// SendTaskFailure with the task's token or from an activity's worker, or the end
	// of the job of a .sync task. Without it the answer is that of the call, which
	// for .sync and .waitForTaskToken only submits the work.
	Token   bool
	Worker  string // Picked: the worker's name, may be ""
	Frame   int64
	Results []Result
}

// Outcome is how a task or a call ended: with an output, or with an error.
type Outcome struct {
	Output *document.Doc // nil counts as null
	Failed bool
	Error  *string // with Failed; nil: none was given
	Cause  *string
}

// Verdict says what became of an input, so that the door can answer.
type Verdict byte

// The verdicts.
const (
	Accepted Verdict = iota
	Late             // the task is over, or the execution is: TaskTimedOut
	Unknown          // no such task in this execution: TaskDoesNotExist
)

// Pattern is how a task state waits for its resource.
type Pattern byte

// The patterns. Their numbers are stored: never renumber.
const (
	RequestResponse Pattern = iota
	Sync                    // .sync, .sync:2
	WaitForTaskToken
	Activity
	Distributed // a map run: Command.MapRun
)

// Command asks the shell to call a task's resource.
type Command struct {
	Event      int64  // the id of the scheduling event: with the execution's id the call's idempotency key
	Resource   string // as the definition has it, pattern suffix included
	Pattern    Pattern
	Input      *document.Doc
	Attempt    int       // retries of the state before this call
	Deadline   time.Time // of the task, TimeoutSeconds or HeartbeatSeconds, whichever comes first; zero: none
	State      string    // the state's name, for people
	Credential *document.Doc
	MapRun     *MapRun // with Distributed
}

// Result is an ended child of a Parallel or Map frame, kept until the join.
type Result struct {
	Frame  int64 // the frame that joins
	Index  int   // branch or iteration
	Output *document.Doc
}

// InlineDoc is the size in bytes up to which a document is stored where it is used.
const InlineDoc = 512

// The bounds of one step. A step that reaches one returns with More set.
const (
	MaxTransitions = 500
	MaxEventBytes  = 1 << 20
)

// MaxEvents is the most events that a history holds: the event of this id ends the execution.
const MaxEvents = 25000

// MaxDocument is the most bytes that a state's input, output or result may have.
const MaxDocument = 256 << 10

// Step is what an input led to. Everything in it is to be stored together; then
// the commands are carried out.
type Step struct {
	Events   []Event
	Commands []Command
	Moot     []int64 // scheduling events whose tasks are over without an answer: cancel their calls
	Results  []Result
	JoinedBy []int64   // frames whose stored results were consumed or given up: delete them
	Wake     time.Time // the least deadline of all frames; zero: none
	Entered  int       // states entered
	Verdict  Verdict
	More     bool  // a bound was reached, or a settled frame waits to go on: commit, then Advance with Resume
	Join     int64 // a frame whose children have all ended and whose results are not in memory: load them, then Advance with Joined; 0: none
	Ended    bool

	changed []*Frame
}
