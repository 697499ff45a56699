package engine

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"millrace/asl/document"
	"millrace/engine/interp"
)

// MaxPayload is the most bytes of an input or output.
const MaxPayload = 256 << 10

// checkStart checks what StartExecution is given and returns the input as a document.
func checkStart(in *StartInput) (*document.Doc, error) {
	if in.Name != "" {
		if err := checkName(in.Name); err != nil {
			return nil, err
		}
	}
	if in.Input == nil {
		in.Input = []byte("{}")
	}
	if len(in.Input) > MaxPayload {
		return nil, fail(ErrInvalidInput, "the input has %d bytes, %d is the most allowed", len(in.Input), MaxPayload)
	}
	d, err := document.Of(in.Input)
	if err != nil {
		return nil, fail(ErrInvalidInput, "Invalid State Machine Execution Input: '%v'", err)
	}
	return d, nil
}

// randomSeed returns the seed of an execution's random draws.
func randomSeed() (seed [16]byte) {
	rand.Read(seed[:])
	return seed
}

// newborn makes an execution that has not begun.
func (e *Engine) newborn(m *machine, id int64, in *StartInput, input *document.Doc, now time.Time) *resident {
	r := &resident{id: id, machine: m, definition: m.definition, name: in.Name, named: in.Name != ""}
	if !r.named {
		r.name = e.naming.name(id)
	}
	r.birth = birth{role: m.RoleARN, trace: in.TraceHeader, version: m.version, alias: m.alias, parent: in.Parent}
	r.seed = randomSeed()
	r.x = interp.New(id, r.seed, input, now)
	e.dress(r)
	return r
}

// StartExecution starts an execution and returns once it and its first step are
// stored. For a name that is taken: of a running STANDARD execution with the same
// input it returns that one, else ErrExecutionExists. Errors are also
// ErrMachineNotFound, ErrMachineDeleting, ErrInvalidARN, ErrInvalidName and
// ErrInvalidInput.
func (e *Engine) StartExecution(ctx context.Context, in StartInput) (Started, error) {
	m, err := e.target(ctx, nil, in.MachineARN)
	if err != nil {
		return Started{}, err
	}
	input, err := checkStart(&in)
	if err != nil {
		return Started{}, err
	}
	if m.Status == MachineDeleting {
		return Started{}, fail(ErrMachineDeleting, "%s", m.ARN)
	}
	if e.closed.Load() {
		return Started{}, ErrClosed
	}
	if m.Type == Express {
		return e.startExpress(in)
	}
	id, err := e.id(ctx)
	if err != nil {
		return Started{}, err
	}
	now := e.now()
	r := e.newborn(m, id, &in, input, now)
	started := Started{ID: id, ARN: r.x.ARN, Name: r.name, Started: now}
	if r.named {
		if other, err := e.taken(ctx, m, in.Name); err != nil || other != 0 {
			return e.existing(ctx, m, other, &in, err)
		}
	}
	if r.m, err = e.compile(ctx, nil, m.definition); err != nil {
		return Started{}, err
	}
	done := make(chan error, 1)
	b := &batch{e: e, r: r}
	first := mail{in: interp.Input{Kind: interp.Start, At: now}, done: func(_ interp.Verdict, err error) { done <- err }}
	if err := b.advance([]mail{first}, now); err != nil {
		return Started{}, err
	}
	if !b.ended || len(b.local) > 0 {
		e.sched.adopt(r) // what is sent to it waits for the commit
	}
	b.submit()
	select {
	case err = <-done:
	case <-e.ctx.Done():
		// One that waits for another try gets none; one that is being committed may be there.
		return Started{}, ErrClosed
	}
	if errors.Is(err, ErrExecutionExists) {
		return e.existing(ctx, m, 0, &in, nil)
	} else if err != nil {
		return Started{}, retriable(err)
	}
	started.Status = interp.Running
	if b.ended {
		started.Status = b.change.Status
	}
	return started, nil
}

// taken looks for a name among those that were made of ids; a stored name is
// found by the store when it is taken.
func (e *Engine) taken(ctx context.Context, m *machine, name string) (id int64, err error) {
	id, ok := e.naming.id(name)
	if !ok {
		return 0, nil
	}
	err = e.store.Read(ctx, func(v View) error {
		row, err := v.Load(id)
		if err == nil && (row == nil || row.Machine != m.ID || row.Named) {
			id = 0
		}
		return err
	})
	return id, err
}

// existing answers a start by the execution that has the name. id 0: by its stored name.
func (e *Engine) existing(ctx context.Context, m *machine, id int64, in *StartInput, err error) (s Started, _ error) {
	if err != nil {
		return s, err
	}
	err = e.store.Read(ctx, func(v View) (err error) {
		if id == 0 {
			if id, err = v.Named(m.ID, in.Name); err != nil {
				return err
			}
		}
		s, err = e.sameStart(v, m, id, in)
		return err
	})
	return s, err
}

// sameStart returns the execution id if a start asks for the same while it runs.
func (e *Engine) sameStart(v View, m *machine, id int64, in *StartInput) (Started, error) {
	row, err := v.Load(id)
	if err != nil {
		return Started{}, err
	}
	arn := e.executionARN(m, id, in.Name)
	if row == nil {
		return Started{}, fmt.Errorf("execution %s: %w", arn, ErrConflict)
	}
	x, err := interp.Decode(row.Head, nil, docs(v, id))
	if err != nil {
		return Started{}, fmt.Errorf("execution %s: %w", arn, err)
	}
	if x.Status() != interp.Running || string(x.Input().Bytes()) != string(in.Input) {
		return Started{}, fail(ErrExecutionExists, "%s", arn)
	}
	return Started{ID: id, ARN: arn, Name: in.Name, Started: x.Started(), Status: interp.Running, Existing: true}, nil
}

// Start starts an execution within the unit. It begins after the commit.
func (t *tx) Start(in StartInput) (Started, error) {
	e := t.e
	m, err := e.target(e.ctx, t.t, in.MachineARN)
	if err != nil {
		return Started{}, err
	}
	input, err := checkStart(&in)
	if err != nil {
		return Started{}, err
	}
	if m.Status == MachineDeleting {
		return Started{}, fail(ErrMachineDeleting, "%s", m.ARN)
	}
	if in.Name != "" && m.Type == Standard {
		id, err := t.t.Named(m.ID, in.Name)
		if err == nil && id != 0 {
			return e.sameStart(t.t, m, id, &in)
		}
		if made, ok := e.naming.id(in.Name); err == nil && ok {
			var row *ExecutionRow
			if row, err = t.t.Load(made); err == nil && row != nil && row.Machine == m.ID && !row.Named {
				return e.sameStart(t.t, m, made, &in)
			}
		}
		if err != nil {
			return Started{}, err
		}
	}
	id, err := t.ID()
	if err != nil {
		return Started{}, err
	}
	r := e.newborn(m, id, &in, input, t.Now())
	if m.Type == Express {
		r.named = false
	}
	c := &Change{
		Execution: id, Machine: m.ID, Definition: m.definition, Meta: r.birth.append(nil),
		Status: interp.Running, Wake: RunnableWake, Rows: r.x.Changes(),
	}
	if r.named {
		c.Name = r.name
	}
	if err := t.t.Write(c); err != nil {
		return Started{}, err
	}
	if p := in.Parent; p != nil {
		child := CommandRow{Key: CommandKey{p.Execution, p.Event}, Kind: ChildCommand, Data: appendID(nil, id)}
		if err := t.t.PutCommand(child); err != nil {
			return Started{}, err
		}
	}
	t.AfterCommit(func() { e.resume(id) })
	return Started{ID: id, ARN: r.x.ARN, Name: r.name, Started: t.Now(), Status: interp.Running}, nil
}
