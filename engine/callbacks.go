package engine

import (
	"context"
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

// PendingFilter narrows PendingTasks. Empty fields do not.
type PendingFilter struct {
	MachineARN   string
	ExecutionARN string
}

// PendingTasks returns the tasks that wait for their token, in the order of their
// executions' starts, and the token of the next page. A page may hold fewer
// entries than asked for, even none, and yet have a next one.
func (e *Engine) PendingTasks(ctx context.Context, f PendingFilter, p Page) (list []PendingTask, next string, err error) {
	n, err := p.max()
	if err != nil {
		return nil, "", err
	}
	var of *machine
	if f.MachineARN != "" {
		if of, err = e.machine(ctx, nil, f.MachineARN); err != nil {
			return nil, "", err
		}
	}
	purpose := "pending/" + f.MachineARN + "/" + f.ExecutionARN
	var after CommandKey
	if p.Token != "" {
		if err := e.unseal(purpose, p.Token, &after.Execution, &after.Event); err != nil {
			return nil, "", err
		}
	}
	err = e.store.Read(ctx, func(v View) error {
		only := int64(0)
		if f.ExecutionARN != "" {
			row, _, err := e.findExecution(v, f.ExecutionARN)
			if err != nil {
				return err
			}
			if only = row.ID; p.Token == "" {
				after.Execution = only
			}
		}
		rows, err := v.Waiting(after, n+1)
		if err != nil {
			return err
		}
		if len(rows) > n {
			rows = rows[:n]
			next = e.seal(purpose, rows[n-1].Key.Execution, rows[n-1].Key.Event)
		}
		for i := range rows {
			if only != 0 && rows[i].Key.Execution != only {
				next = ""
				break
			}
			t, machine, err := e.pendingTask(v, &rows[i])
			if err != nil {
				return err
			}
			if t != nil && (of == nil || machine == of.ID) {
				list = append(list, *t)
			}
		}
		return nil
	})
	return list, next, err
}

func (e *Engine) pendingTask(v View, row *CommandRow) (*PendingTask, int64, error) {
	x, err := v.Load(row.Key.Execution)
	if err != nil || x == nil {
		return nil, 0, err
	}
	m, err := e.machineByID(v, x.Machine)
	if err != nil {
		return nil, 0, err
	}
	c, err := interp.DecodeCommand(row.Data, docs(v, x.ID))
	if err != nil {
		return nil, 0, err
	}
	t := &PendingTask{
		Token: e.Token(x.ID, row.Key.Event), ExecutionARN: e.executionARN(m, x.ID, e.nameOf(x)), MachineARN: m.ARN, State: c.State, Resource: c.Resource,
		Since: time.UnixMilli(row.Due).UTC(), Deadline: c.Deadline, Event: row.Key.Event,
	}
	if c.Input != nil {
		t.Input = c.Input.Bytes()
	}
	return t, m.ID, nil
}
