package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"millrace/asl/document"
	"millrace/engine/interp"
)

// SendTaskSuccess ends the task of a token with an output, JSON text. Errors are
// ErrInvalidToken, ErrInvalidOutput, ErrTaskNotFound and ErrTaskTimedOut.
func (e *Engine) SendTaskSuccess(ctx context.Context, token string, output []byte) error {
	if len(output) > MaxPayload {
		return fail(ErrInvalidOutput, "the output has %d bytes, %d is the most allowed", len(output), MaxPayload)
	}
	d, err := document.Of(output)
	if err != nil {
		return fail(ErrInvalidOutput, "Invalid Output: '%v'", err)
	}
	return e.told(ctx, token, interp.Input{Kind: interp.Answer, Token: true, Outcome: interp.Outcome{Output: d}})
}

// SendTaskFailure ends the task of a token with a workflow error. nil: none is given.
func (e *Engine) SendTaskFailure(ctx context.Context, token string, errName, cause *string) error {
	if err := checkError(errName, cause); err != nil {
		return err
	}
	return e.told(ctx, token, interp.Input{Kind: interp.Answer, Token: true, Outcome: interp.Outcome{Failed: true, Error: errName, Cause: cause}})
}

// SendTaskHeartbeat puts off the heartbeat's deadline of the task of a token.
func (e *Engine) SendTaskHeartbeat(ctx context.Context, token string) error {
	return e.told(ctx, token, interp.Input{Kind: interp.Heartbeat})
}

// told gives the execution of a token an input.
func (e *Engine) told(ctx context.Context, token string, in interp.Input) error {
	execution, event, err := e.OpenToken(token)
	if err != nil {
		return err
	}
	in.Event, in.At = event, e.now()
	v, err := e.ask(ctx, execution, in)
	switch {
	case err != nil:
		return err
	case v == interp.Late:
		return fail(ErrTaskTimedOut, "Task Timed Out: 'Provided task does not exist anymore'")
	case v == interp.Unknown:
		return fail(ErrTaskNotFound, "Task does not exist")
	}
	return nil
}

// PendingTask is a .waitForTaskToken task that waits for its token.
type PendingTask struct {
	Token        string
	ExecutionARN string
	MachineARN   string
	State        string
	Resource     string
	Since        time.Time
	Deadline     time.Time // as it was when the task was scheduled; zero: none
	Input        []byte    // JSON text
	Event        int64     // the scheduling event
}

// PendingFilter narrows PendingTasks to what all its fields say. Empty fields do not.
type PendingFilter struct {
	MachineARN   string
	ExecutionARN string
	Token        string // the task of this token only
}

// PendingTasks returns the tasks that wait for their token, in the order of their
// executions' starts, and the token of the next page. A page may hold fewer
// entries than asked for, even none, and yet have a next one. Errors are
// ErrInvalidToken, of the filter and of the page, ErrMachineNotFound and
// ErrExecutionNotFound.
func (e *Engine) PendingTasks(ctx context.Context, f PendingFilter, p Page) (list []PendingTask, next string, err error) {
	n, err := p.max()
	if err != nil {
		return nil, "", err
	}
	machine := int64(0)
	if f.MachineARN != "" {
		m, err := e.machine(ctx, nil, f.MachineARN)
		if err != nil {
			return nil, "", err
		}
		machine = m.ID
	}
	only, event := int64(0), int64(0)
	if f.Token != "" {
		if only, event, err = e.OpenToken(f.Token); err != nil {
			return nil, "", err
		}
	}
	purpose := "pending/" + f.MachineARN + "/" + f.ExecutionARN + "/" + f.Token
	var at CommandKey // the page begins after it
	if p.Token != "" {
		if err := e.unseal(purpose, p.Token, &at.Execution, &at.Event); err != nil {
			return nil, "", err
		}
	}
	err = e.store.Read(ctx, func(v View) error {
		if f.ExecutionARN != "" {
			row, _, err := e.findExecution(v, f.ExecutionARN)
			if err != nil {
				return err
			}
			if only != 0 && only != row.ID {
				return nil
			}
			only = row.ID
		}
		ids := []int64{only}
		if only == 0 {
			if ids, err = v.Waiting(machine, at.Execution, n); err != nil {
				return err
			}
			if len(ids) == n {
				next = e.seal(purpose, ids[n-1]+1, 0)
			}
		}
		for _, id := range ids {
			after := int64(0)
			if id == at.Execution {
				after = at.Event
			}
			wanted := func(t int64) bool { return t > after && (event == 0 || t == event) }
			tasks, more, err := e.tokenTasks(v, id, machine, wanted, n-len(list))
			if errors.Is(err, errUnreadable) && only == 0 {
				// It is not to hide the others.
				e.log.Error("list the waiting tasks of an execution", "execution", id, "error", err)
				continue
			}
			if err != nil {
				return fmt.Errorf("waiting tasks of execution %d: %w", id, err)
			}
			if list = append(list, tasks...); more {
				if len(tasks) > 0 {
					after = tasks[len(tasks)-1].Event
				}
				next = e.seal(purpose, id, after)
				return nil
			}
		}
		return nil
	})
	return list, next, err
}

// tokenTasks returns up to n tasks of an execution that wait for their token and
// whose events are wanted; more reports that there are others. machine is the one
// that the execution must be of; 0: any.
func (e *Engine) tokenTasks(v View, id, machine int64, wanted func(event int64) bool, n int) (list []PendingTask, more bool, err error) {
	row, err := v.Load(id)
	if err != nil || row == nil || row.Status != interp.Running || machine != 0 && row.Machine != machine {
		return nil, false, err
	}
	m, err := e.machineByID(v, row.Machine)
	if err != nil {
		return nil, false, err
	}
	frames, err := v.Frames(id)
	if err != nil {
		return nil, false, err
	}
	x, err := interp.Decode(row.Head, frames, absent)
	if err != nil {
		return nil, false, fmt.Errorf("%w: %w", errUnreadable, err)
	}
	compiled, err := e.compile(e.ctx, v, row.Definition)
	if err != nil {
		return nil, false, err
	}
	// Of a block's documents only those that a task was given are read.
	unread := map[*document.Doc]int64{}
	later := func(n int64) (*document.Doc, error) {
		d := document.FromBytes(nil)
		unread[d] = n
		return d, nil
	}
	var events []interp.Event // of a block
	arn := e.executionARN(m, id, e.nameOf(row))
	for _, t := range x.TokenTasks(compiled) {
		if !wanted(t.Event) {
			continue
		}
		if len(list) == n {
			return list, true, nil
		}
		if len(events) == 0 || events[len(events)-1].ID < t.Event {
			blocks, err := v.Blocks(id, t.Event, false, 1)
			if err != nil {
				return nil, false, err
			}
			if len(blocks) == 0 {
				return nil, false, fmt.Errorf("%w: the history ends before event %d", errUnreadable, t.Event)
			}
			if events, err = interp.DecodeEvents(blocks[0].Data, later); err != nil {
				return nil, false, fmt.Errorf("%w: %w", errUnreadable, err)
			}
			if last := len(events) - 1; last < 0 || events[0].ID > t.Event || events[last].ID < t.Event {
				return nil, false, fmt.Errorf("%w: the history has no event %d", errUnreadable, t.Event)
			}
		}
		scheduled := &events[t.Event-events[0].ID]
		p := PendingTask{
			Token: e.Token(id, t.Event), ExecutionARN: arn, MachineARN: m.ARN, State: t.State, Resource: t.Resource,
			Since: scheduled.Time, Deadline: t.Deadline, Event: t.Event,
		}
		if n, numbered := unread[scheduled.Input]; numbered {
			p.Input, err = v.Doc(id, n)
		} else if scheduled.Input != nil {
			p.Input = scheduled.Input.Bytes()
		}
		if err != nil {
			return nil, false, err
		}
		list = append(list, p)
	}
	return list, false, nil
}
