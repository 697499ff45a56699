package engine

import (
	"errors"
	"slices"
	"strconv"
	"time"

	"millrace/engine/interp"
)

// batch is a step of an execution on its way to the store: what it was told,
// what the interpreter made of it, and what is to follow the commit.
type batch struct {
	e      *Engine
	r      *resident
	unit   unit
	change Change

	mails    []mail
	verdicts []interp.Verdict // of mails, as far as they were told
	told     int
	unread   []InboxKey // messages that cannot be read
	steps    []*interp.Step
	before   int           // steps that came before the unit ran
	draft    *interp.Draft // of them
	local    []localCall
	remote   []remoteCall
	answered []int64      // events whose rows go because they were answered
	calls    []dispatched // what the dispatcher is to do after the commit
	polled   []int64      // activities with a new task
	moot     []int64      // events whose calls are to be cancelled
	children []int64      // executions that nobody waits for any more
	runs     []mapRunCall // map runs to begin
	mapRows  []*MapRunRow // their rows
	dropped  []int64      // map runs that nobody waits for any more
	join     int64
	more     bool
	ended    bool
	ran      bool
	err      error // of the first run
}

// errAgain is the error of a unit whose local actions were undone because of
// another unit's failure.
var errAgain = errors.New("undone with its group")

// localCall is a call of an embedded integration that runs in the unit.
type localCall struct {
	c    *interp.Command
	act  LocalAction
	call Call
}

// remoteCall is a call that the dispatcher makes after the commit.
type remoteCall struct {
	c        *interp.Command
	act      RemoteAction
	activity int64 // the record of the activity; 0: act is to be called
}

// dispatched is a command with its row.
type dispatched struct {
	row  CommandRow
	call *liveCall
}

// advance tells the execution what it is to be told, as far as it goes without
// a commit in between.
func (b *batch) advance(mails []mail, now time.Time) error {
	b.mails = mails
	x := b.r.x
	for len(b.mails) > b.told && b.told < batchInputs && len(b.local) == 0 && !b.more && b.join == 0 && !b.ended {
		m := &b.mails[b.told]
		in := m.in
		var s *interp.Step
		if x.Room == nil {
			if s, ok := b.e.steps.Get().(*interp.Step); ok {
				x.Room = s.Events
			}
		}
		if err := protect("advance", func() { s = interp.Advance(b.r.m, x, in, now) }); err != nil {
			return err
		}
		b.told++
		b.verdicts = append(b.verdicts, s.Verdict)
		b.account(m, s.Verdict)
		if err := b.take(s, now); err != nil {
			return err
		}
	}
	x.Room = nil // while the execution waits it is of no use
	return nil
}

// account notes which commands of the outbox an input answers.
func (b *batch) account(m *mail, v interp.Verdict) {
	switch c := m.claim; {
	case m.in.Kind == interp.Picked:
		b.answered = append(b.answered, m.in.Event)
	case m.in.Kind != interp.Answer:
	case c != nil:
		b.answered = append(b.answered, m.in.Event)
	case m.in.Token && v == interp.Accepted:
		b.answered = append(b.answered, m.in.Event)
		b.moot = append(b.moot, m.in.Event) // the call, should it be under way still
	}
}

// take sorts out what a step asks for. Reads are made at once, and what they
// lead to is part of the batch.
func (b *batch) take(s *interp.Step, now time.Time) error {
	for {
		b.steps = append(b.steps, s)
		b.more, b.ended = s.More, s.Ended
		if s.Join != 0 {
			b.join = s.Join
		}
		settled := false
		for i := range s.Commands {
			if slices.Contains(s.Moot, s.Commands[i].Event) {
				continue // a sibling failed in the same step: nobody waits for it
			}
			done, err := b.command(&s.Commands[i], now)
			if err != nil {
				return err
			}
			settled = settled || done
		}
		if !settled || len(b.local) > 0 || b.ended || b.join != 0 || len(b.steps) > batchInputs {
			return nil
		}
		if err := protect("advance", func() {
			s = interp.Advance(b.r.m, b.r.x, interp.Input{Kind: interp.Resume}, now)
		}); err != nil {
			return err
		}
	}
}

// command finds what is to make a call, and makes it if it only reads. settled
// reports that the call's outcome is part of the batch.
func (b *batch) command(c *interp.Command, now time.Time) (settled bool, err error) {
	if c.Pattern == interp.Distributed {
		return false, b.mapRun(c)
	}
	if c.Pattern == interp.Activity {
		id, err := b.e.activityID(c.Resource)
		if err != nil {
			return true, b.settle(c, failure("States.Runtime", "The activity "+c.Resource+" does not exist."), now)
		}
		b.remote = append(b.remote, remoteCall{c: c, activity: id})
		return false, nil
	}
	task, err := b.e.resolve(c.Resource)
	if err != nil {
		return true, b.settle(c, failure("States.Runtime", err.Error()), now)
	}
	switch act := task.(type) {
	case LocalAction:
		if b.r.poison != nil {
			return true, b.settle(c, failure("States.Runtime", "The call of "+c.Resource+" failed twice: "+firstLine(b.r.poison)), now)
		}
		b.local = append(b.local, localCall{c: c, act: act, call: b.e.call(b.r.caller(), c)})
	case ReadAction:
		o, err := b.e.readAction(act, b.e.call(b.r.caller(), c))
		if err != nil {
			return false, err
		}
		return true, b.settle(c, o, now)
	case RemoteAction:
		b.remote = append(b.remote, remoteCall{c: c, act: act})
	default:
		return true, b.settle(c, failure("States.Runtime", "The resource "+c.Resource+" cannot be called."), now)
	}
	return false, nil
}

// settle records an outcome at once.
func (b *batch) settle(c *interp.Command, o interp.Outcome, now time.Time) error {
	return protect("settle", func() {
		s := interp.Settle(b.r.x, c.Event, o, now)
		b.steps = append(b.steps, s)
		b.more, b.ended = s.More, s.Ended
	})
}

func failure(name, cause string) interp.Outcome {
	return interp.Outcome{Failed: true, Error: &name, Cause: &cause}
}

var errNoTasks = errors.New("no resource can be called: the engine was opened without tasks")

func (e *Engine) resolve(resource string) (Task, error) {
	if e.tasks == nil {
		return nil, errNoTasks
	}
	return e.tasks.Resolve(resource)
}

// caller is an execution as its calls name it.
type caller struct {
	id                 int64
	arn, machine, role string
	token              func(event int64) string
}

func (r *resident) caller() *caller {
	return &caller{id: r.id, arn: r.x.ARN, machine: r.x.MachineARN, role: r.birth.role, token: r.x.Token}
}

// call describes a call of a task's resource.
func (e *Engine) call(r *caller, c *interp.Command) Call {
	call := Call{
		Execution: r.id, Event: c.Event, ExecutionARN: r.arn, MachineARN: r.machine, RoleARN: r.role,
		State: c.State, Attempt: c.Attempt, Key: e.idempotencyKey(r.id, c.Event), Resource: c.Resource, Pattern: c.Pattern, Deadline: c.Deadline,
	}
	if c.Input != nil {
		call.Input = c.Input.Bytes()
	}
	if c.Credential != nil {
		call.Credentials = c.Credential.Bytes()
	}
	if c.Pattern == interp.WaitForTaskToken || c.Pattern == interp.Activity {
		call.Token = r.token(c.Event)
	}
	return call
}

// idempotencyKey names a call, the same each time it is repeated and different
// from every other call's.
func (e *Engine) idempotencyKey(execution, event int64) string {
	b := make([]byte, 0, 40)
	b = append(b, e.database...)
	b = append(b, '-')
	b = strconv.AppendInt(b, execution, 10)
	b = append(b, '-')
	return string(strconv.AppendInt(b, event, 10))
}
