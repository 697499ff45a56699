// Package teststate runs one state of a definition by itself, as the operation
// TestState does: with given input, variables and context object, with a mock in
// place of the task, and with a look at each intermediate value of its data flow.
//
// The state is run by [interp.Advance], as in an execution, in a machine that
// consists of it. The package reads no clock and does no I/O: a task that is not
// mocked is the caller's to call.
package teststate

import (
	"encoding/hex"
	"strings"
	"time"

	"millrace/asl"
	"millrace/asl/document"
	"millrace/engine/interp"
)

// Limit is how long a test may take: then the state fails with States.Timeout.
const Limit = 5 * time.Minute

// StateName is the name of a state whose definition is given by itself.
const StateName = "StateName"

// Request is what is to be tested and how. JSON texts are as they were given;
// nil: not given.
type Request struct {
	Definition []byte
	StateName  string // the state in the machine that Definition holds; "": Definition is the state
	Input      []byte // nil: {}
	Variables  []byte // an object
	Context    []byte // the context object; only with Mock
	RoleARN    string
	Mock       *Mock // nil: a task is called

	Retries       int64   // how often the retrier that takes the mocked error has been used before
	ErrorState    string  // the state inside a Map or Parallel state that the mocked error comes from; "": none is named
	MapFailures   int64   // how many iterations of a Map state failed
	MapReaderData *string // what the ItemReader of a Map state has read; nil: not given

	Region, Account string // of the ARNs in the context object

	Resources func(arn string) bool // as in [asl.Options]
}

// Mock is what takes the place of a task's call, or of the iterations or
// branches of a Map or Parallel state. Exactly one of Result and Error is set.
type Mock struct {
	Result     *string // JSON text
	Error      *MockError
	Validation Validation
}

// MockError is the error that a mocked task fails with.
type MockError struct {
	Error *string
	Cause *string // nil: none
}

// Validation is how a mocked result is held against the API's model.
type Validation string

// The validations; "" is Strict.
const (
	Strict  Validation = "STRICT"  // required members must be there, and those there must conform
	Present Validation = "PRESENT" // the members that are there must conform
	None    Validation = "NONE"
)

// Status is how a test ended.
type Status string

// The statuses.
const (
	Succeeded   Status = "SUCCEEDED"
	Failed      Status = "FAILED"
	Retriable   Status = "RETRIABLE"
	CaughtError Status = "CAUGHT_ERROR"
)

// Result is how a test ended. What does not apply is nil or "".
type Result struct {
	Status     Status
	Output     *document.Doc
	Error      *string
	Cause      *string
	NextState  string
	Inspection Inspection
}

// Inspection holds the values in between. What a state does not have, or did
// not come to, is nil.
//
// Source: InspectionData of the AWS Step Functions API reference; which state
// tells which, as recorded.
type Inspection struct {
	Input               *document.Doc
	AfterArguments      *document.Doc
	AfterInputPath      *document.Doc
	AfterParameters     *document.Doc
	Result              *document.Doc
	AfterResultSelector *document.Doc
	AfterResultPath     *document.Doc
	Variables           *document.Doc // all of them, after the state; nil: there are none

	AfterItemsPath    *document.Doc
	AfterItemsPointer *document.Doc
	AfterItemSelector *document.Doc // an array
	AfterItemBatcher  *document.Doc // an array

	MaxConcurrency             *document.Doc // a number, as the next two
	ToleratedFailureCount      *document.Doc
	ToleratedFailurePercentage *document.Doc

	Error *ErrorDetails
}

// ErrorDetails says what handled an error. An index is nil where none of its
// kind names the error.
type ErrorDetails struct {
	Catcher, Retrier *int
	Backoff          *time.Duration // until the retry; nil: there is none
}

// Test is a test under way. It is used by one goroutine at a time.
type Test struct {
	r      Request
	now    time.Time
	state  asl.State // as the definition has it
	m      *asl.Machine
	x      *interp.Execution
	mock   *document.Doc
	seen   Inspection
	raised *interp.Raised
	events []interp.Event
	call   *interp.Command
}

// New begins a test at now: the state is run until its end or until its task is
// to be called. A request that cannot be tested is a [*Refusal]. seed feeds
// random numbers and names.
func New(r Request, seed [16]byte, now time.Time) (*Test, error) {
	t := &Test{r: r, now: now}
	input := r.Input
	if input == nil {
		input = []byte("{}")
	}
	in, err := document.Of(input)
	if err != nil {
		return nil, refuse("InvalidExecutionInput", "Invalid State Machine Execution Input: '%v'", err)
	}
	if t.state, err = find(&r); err != nil {
		return nil, err
	}
	if t.mock, err = t.accept(); err != nil {
		return nil, err
	}
	p := &interp.Probe{Retries: r.Retries, Raised: func(e interp.Raised) { t.raised = &e }}
	if p.Context, err = contextOf(&r); err != nil {
		return nil, err
	}
	if p.Variables, err = variablesOf(r.Variables); err != nil {
		return nil, err
	}
	t.seen.Input = in
	t.m = t.machine()
	t.x = t.execution(in, seed)
	t.x.Probe = p
	t.advance(interp.Input{Kind: interp.Start})
	if t.call != nil && t.r.Mock != nil {
		t.answerMock()
	}
	return t, nil
}

// find reads the definition and finds the state to be tested.
func find(r *Request) (asl.State, error) {
	var m *asl.Machine
	var found []asl.Diagnostic
	name, opt := r.StateName, asl.Options{Resources: r.Resources}
	if name == "" {
		m, found = asl.ParseState(StateName, r.Definition, opt)
	} else {
		m, found = asl.Parse(r.Definition, opt)
	}
	if m == nil {
		return nil, refuse("InvalidDefinition", "%s", asl.Refusal(found))
	}
	if name == "" {
		return m.States[StateName], nil
	}
	if st := inside(&m.Block, name); st != nil {
		return st, nil
	}
	return nil, refuse("ValidationException", "State not found in definition")
}

// inside finds a state of a block, or of the blocks inside it.
func inside(b *asl.Block, name string) asl.State {
	if st := b.States[name]; st != nil {
		return st
	}
	for _, n := range b.Names {
		for _, inner := range blocks(b.States[n]) {
			if st := inside(inner, name); st != nil {
				return st
			}
		}
	}
	return nil
}

// blocks returns the branches of a Parallel state or the processor of a Map state.
func blocks(st asl.State) []*asl.Block {
	switch st := st.(type) {
	case *asl.Parallel:
		return st.Branches
	case *asl.Map:
		if st.Processor != nil {
			return []*asl.Block{st.Processor}
		}
	}
	return nil
}

// execution makes the execution that the state runs in: as recorded, one of an
// EXPRESS state machine.
func (t *Test) execution(input *document.Doc, seed [16]byte) *interp.Execution {
	x := interp.New(1, seed, input, t.now)
	id := hex.EncodeToString(seed[:])
	id = strings.Join([]string{id[:8], id[8:12], id[12:16], id[16:20], id[20:]}, "-")
	states := "arn:aws:states:" + t.r.Region + ":" + t.r.Account + ":"
	x.Name, x.MachineName, x.RoleARN, x.Express = id, id, t.r.RoleARN, true
	x.MachineARN = states + "stateMachine:" + id
	x.ARN = states + "express:" + id + ":" + id
	x.Token = func(int64) string { return hex.EncodeToString(seed[:]) }
	return x
}

// Call returns the call of the task that the test waits for; nil: the test is over.
func (t *Test) Call() *interp.Command { return t.call }

// Execution returns the ARN of the execution that the state runs in.
func (t *Test) Execution() string { return t.x.ARN }

// Answer ends the call with its outcome, and with it the test.
func (t *Test) Answer(o interp.Outcome, now time.Time) {
	c := t.call
	if c == nil {
		return
	}
	t.call, t.raised = nil, nil
	if now.After(t.now) {
		t.now = now
	}
	if _, task := t.state.(*asl.Task); task && !o.Failed {
		t.seen.Result = o.Output
		if o.Output == nil {
			t.seen.Result = document.FromValue(nil)
		}
	}
	t.advance(interp.Input{Kind: interp.Answer, Event: c.Event, Outcome: o, Token: c.Pattern != interp.RequestResponse})
	t.call = nil // a retry without delay: the test ends before it
}

// answerMock gives the mock's answer.
func (t *Test) answerMock() {
	if _, ok := t.state.(*asl.Map); ok {
		t.Answer(t.mapOutcome(), t.now)
		return
	}
	t.Answer(t.mocked(), t.now)
}

// mocked is the outcome that the mock stands for.
func (t *Test) mocked() interp.Outcome {
	if e := t.r.Mock.Error; e != nil {
		return interp.Outcome{Failed: true, Error: e.Error, Cause: e.Cause}
	}
	return interp.Outcome{Output: t.mock}
}

// advance runs the state until it ends or waits for its task. A Wait state's
// time is let go by at once.
func (t *Test) advance(in interp.Input) {
	for {
		s := interp.Advance(t.m, t.x, in, t.now)
		t.events = append(t.events, s.Events...)
		if len(s.Commands) > 0 {
			t.call = &s.Commands[0]
		}
		switch {
		case s.Ended || t.call != nil:
			return
		case s.More:
		case t.raised != nil || s.Wake.IsZero():
			return
		default:
			t.now = s.Wake
		}
		in = interp.Input{Kind: interp.Resume}
	}
}
