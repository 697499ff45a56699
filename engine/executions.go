package engine

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"millrace/asl/document"
	"millrace/engine/interp"
)

// The most characters of an error's name and of a cause.
const (
	MaxError = 256
	MaxCause = 32768
)

// executionID finds an execution by its ARN.
func (e *Engine) executionID(v View, arn string) (int64, *machine, error) {
	a, err := parseARN(arn)
	switch {
	case err != nil:
		return 0, nil, err
	case strings.Contains(a.parts[0], "/") && (a.kind == executionKind || a.kind == expressKind):
		return e.childID(v, arn, a)
	case a.kind == expressKind:
		return 0, nil, fail(ErrExpress, "%s", arn)
	case a.kind != executionKind:
		return 0, nil, fail(ErrInvalidARN, "Resource type not valid in this context: %s", a.kind)
	case !e.ours(arn) || len(a.parts) != 2:
		return 0, nil, fail(ErrExecutionNotFound, "%s", arn)
	}
	m := e.machines.named(a.parts[0])
	if m == nil {
		r, err := v.Record(MachineRecord, a.parts[0])
		if err != nil {
			return 0, nil, err
		}
		if r == nil {
			return 0, nil, fail(ErrExecutionNotFound, "%s", arn)
		}
		if m, err = e.machineOf(r); err != nil {
			return 0, nil, err
		}
		e.machines.put(m)
	}
	if id, ok := e.naming.id(a.parts[1]); ok {
		return id, m, nil
	}
	id, err := v.Named(m.ID, a.parts[1])
	if err == nil && id == 0 {
		err = fail(ErrExecutionNotFound, "%s", arn)
	}
	return id, m, err
}

// findExecution returns an execution's row by its ARN.
func (e *Engine) findExecution(v View, arn string) (*ExecutionRow, *machine, error) {
	id, m, err := e.executionID(v, arn)
	if err != nil {
		return nil, nil, err
	}
	row, err := v.Load(id)
	if err == nil && (row == nil || row.Machine != m.ID) {
		err = fail(ErrExecutionNotFound, "%s", arn)
	}
	return row, m, err
}

// absent stands for documents that are not looked at.
func absent(int64) (*document.Doc, error) { return document.FromBytes([]byte("null")), nil }

// info makes what DescribeExecution tells of a row. Without payloads input and
// output are left out.
func (e *Engine) info(v View, row *ExecutionRow, m *machine, payloads bool) (ExecutionInfo, error) {
	doc := docs(v, row.ID)
	if !payloads {
		doc = absent
	}
	x, err := interp.Decode(row.Head, nil, doc)
	if err != nil {
		return ExecutionInfo{}, fmt.Errorf("execution %d: %w", row.ID, err)
	}
	b, err := decodeBirth(row.Meta)
	if err != nil {
		return ExecutionInfo{}, fmt.Errorf("execution %d: %w", row.ID, err)
	}
	name := e.nameOf(row)
	i := ExecutionInfo{
		ID: row.ID, ARN: e.executionARN(m, row.ID, name), MachineARN: m.ARN, Name: name, Status: x.Status(),
		Started: x.Started(), Stopped: x.Stopped(), TraceHeader: b.trace,
	}
	if b.version != "" {
		i.VersionARN = m.ARN + ":" + b.version
	}
	if b.alias != "" {
		i.AliasARN = m.ARN + ":" + b.alias
	}
	if b.run != 0 {
		i.MapRunARN = e.mapRunARNOf(v, b.run)
	}
	i.Error, i.Cause = x.Failure()
	if payloads {
		i.Input = x.Input().Bytes()
		if o := x.Output(); o != nil {
			i.Output = o.Bytes()
		}
	}
	return i, nil
}

// DescribeExecution returns an execution.
func (e *Engine) DescribeExecution(ctx context.Context, arn string) (i ExecutionInfo, err error) {
	err = e.store.Read(ctx, func(v View) error {
		row, m, err := e.findExecution(v, arn)
		if err != nil {
			return err
		}
		i, err = e.info(v, row, m, true)
		return err
	})
	return i, err
}

// StateMachineForExecution returns the state machine of an execution, with the
// definition that the execution started with.
func (e *Engine) StateMachineForExecution(ctx context.Context, arn string) (sm StateMachine, err error) {
	err = e.store.Read(ctx, func(v View) error {
		row, m, err := e.findExecution(v, arn)
		if err != nil {
			return err
		}
		text, err := e.definition(ctx, v, row.Definition)
		if err != nil {
			return err
		}
		b, err := decodeBirth(row.Meta)
		if err != nil {
			return err
		}
		sm = m.StateMachine
		sm.Definition, sm.RoleARN = string(text), b.role
		if row.Definition != m.definition {
			sm.Revision = ""
		}
		if b.version != "" {
			q, _, err := qualifiersOf(v, m.ID)
			if err != nil {
				return err
			}
			number, err := strconv.ParseInt(b.version, 10, 64)
			if d := q.version(number); err == nil && d != nil {
				sm.Revision, sm.Settings = d.Revision, d.Settings
			}
		}
		return nil
	})
	return sm, err
}

// ListExecutions returns executions, newest first, without their inputs and
// outputs, and the token of the next page. EXPRESS ones, which cannot be described
// either, are listed only as the children of a map run.
func (e *Engine) ListExecutions(ctx context.Context, f ListFilter, p Page) (list []ExecutionInfo, next string, err error) {
	n, err := p.max()
	if err != nil {
		return nil, "", err
	}
	var of *machine
	if f.MachineARN != "" {
		if of, err = e.target(ctx, nil, f.MachineARN); err != nil {
			return nil, "", err
		}
		if of.Type == Express {
			return nil, "", fail(ErrTypeNotSupported, "%s", of.ARN)
		}
	}
	purpose := "executions/" + f.MachineARN + f.MapRunARN + "/" + string(f.Status)
	var before, machine int64
	if p.Token != "" {
		if err := e.unseal(purpose, p.Token, &before); err != nil {
			return nil, "", err
		}
	}
	if of != nil {
		machine = of.ID
	}
	if f.MapRunARN != "" {
		if machine, err = e.childrenOf(ctx, f.MapRunARN); err != nil {
			return nil, "", err
		}
	}
	qualified := of != nil && f.MachineARN != of.ARN
	err = e.store.Read(ctx, func(v View) error {
		for looked := 0; len(list) <= n; {
			rows, err := v.List(machine, f.Status, before, n+1)
			if err != nil {
				return err
			}
			for _, row := range rows {
				before = row.ID
				i, err := e.listed(v, row, machine != 0)
				if err != nil {
					return err
				}
				if i != nil && (!qualified || i.AliasARN == f.MachineARN || i.VersionARN == f.MachineARN) {
					list = append(list, *i)
				}
			}
			if looked += len(rows); len(rows) <= n {
				break
			}
			if looked > maxLooked && len(list) <= n {
				next = e.seal(purpose, before)
			}
			if next != "" {
				break
			}
		}
		if len(list) > n {
			list = list[:n]
			next = e.seal(purpose, list[n-1].ID)
		}
		return nil
	})
	return list, next, err
}

// maxLooked is how many executions are looked at for those of a version or alias.
const maxLooked = 10000

// listed makes what a list tells of a row; nil: its machine was deleted, and its
// executions with it, or it is an EXPRESS execution and those are not wanted.
func (e *Engine) listed(v View, row *ExecutionRow, express bool) (*ExecutionInfo, error) {
	m, err := e.machineByID(v, row.Machine)
	if errors.Is(err, ErrMachineNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if m.Type == Express && !express {
		return nil, nil
	}
	i, err := e.info(v, row, m, false)
	return &i, err
}

// StopExecution ends a running execution and returns when it stopped. For one
// that has ended it changes nothing and returns when it ended.
func (e *Engine) StopExecution(ctx context.Context, arn string, errName, cause *string) (time.Time, error) {
	if err := checkError(errName, cause); err != nil {
		return time.Time{}, err
	}
	var id int64
	err := e.store.Read(ctx, func(v View) error {
		row, _, err := e.findExecution(v, arn)
		if err == nil {
			id = row.ID
		}
		return err
	})
	if err != nil {
		return time.Time{}, err
	}
	in := interp.Input{Kind: interp.Stop, At: e.now(), Outcome: interp.Outcome{Failed: true, Error: errName, Cause: cause}}
	if _, err := e.ask(ctx, id, in); err != nil {
		return time.Time{}, err
	}
	i, err := e.DescribeExecution(ctx, arn)
	return i.Stopped, err
}

func checkError(name, cause *string) error {
	if name != nil && utf8.RuneCountInString(*name) > MaxError {
		return fail(ErrInvalidInput, "error: %d characters, %d are the most allowed", utf8.RuneCountInString(*name), MaxError)
	}
	if cause != nil && utf8.RuneCountInString(*cause) > MaxCause {
		return fail(ErrInvalidInput, "cause: %d characters, %d are the most allowed", utf8.RuneCountInString(*cause), MaxCause)
	}
	return nil
}

// ask gives an execution an input and waits until what became of it is stored.
func (e *Engine) ask(ctx context.Context, id int64, in interp.Input) (interp.Verdict, error) {
	type answer struct {
		v   interp.Verdict
		err error
	}
	done := make(chan answer, 1)
	e.post(id, mail{in: in, done: func(v interp.Verdict, err error) { done <- answer{v, err} }})
	select {
	case a := <-done:
		return a.v, retriable(a.err)
	case <-ctx.Done():
		return 0, ctx.Err()
	case <-e.ctx.Done():
		return 0, ErrClosed
	}
}

// History returns events of an execution's history, and the token of the next page.
func (e *Engine) History(ctx context.Context, arn string, p Page) (events []interp.Event, next string, err error) {
	n, err := p.max()
	if err != nil {
		return nil, "", err
	}
	purpose := "history/" + arn
	from := int64(1)
	if p.Reverse {
		purpose, from = "reversed/"+arn, math.MaxInt64
	}
	if p.Token != "" {
		if err := e.unseal(purpose, p.Token, &from); err != nil {
			return nil, "", err
		}
	}
	err = e.store.Read(ctx, func(v View) error {
		row, m, err := e.findExecution(v, arn)
		if err != nil {
			return err
		}
		if m.Type == Express {
			return fail(ErrExpress, "%s", arn) // a child of a map run: described, but without a history
		}
		events, err = e.events(v, row.ID, from, p.Reverse, n+1)
		return err
	})
	if err != nil {
		return nil, "", err
	}
	n = historyPage(events, n)
	if len(events) > n {
		next = e.seal(purpose, events[n].ID)
		events = events[:n]
	}
	return events, next, nil
}

// maxHistoryBytes is about how many bytes of documents a page of history holds.
const maxHistoryBytes = 4 << 20

// historyPage returns how many of the events make a page of at most n.
func historyPage(events []interp.Event, n int) int {
	bytes := 0
	for i := range events[:min(n, len(events))] {
		for _, d := range []*document.Doc{events[i].Input, events[i].Output} {
			if d != nil {
				bytes += len(d.Bytes())
			}
		}
		if bytes > maxHistoryBytes && i > 0 {
			return i
		}
	}
	return min(n, len(events))
}

// events reads up to n events from the id on, or back.
func (e *Engine) events(v View, id, from int64, reverse bool, n int) (out []interp.Event, err error) {
	doc := docs(v, id)
	for len(out) < n {
		blocks, err := v.Blocks(id, from, reverse, 8)
		if err != nil || len(blocks) == 0 {
			return out, err
		}
		for _, block := range blocks {
			list, err := interp.DecodeEvents(block.Data, doc)
			if err != nil {
				return nil, fmt.Errorf("history of execution %d, events %d to %d: %w", id, block.First, block.Last, err)
			}
			for i := range list {
				ev := &list[i]
				if reverse {
					ev = &list[len(list)-1-i]
				}
				if !reverse && ev.ID >= from || reverse && ev.ID <= from {
					out = append(out, *ev)
				}
			}
			if from = block.Last + 1; reverse {
				from = block.First - 1
			}
			if len(out) >= n {
				return out[:n], nil
			}
		}
	}
	return out, nil
}

// WatchExecution calls f after each commit that changed an execution, until stop
// is called. f must not block. An ARN that names no execution is never heard of.
func (e *Engine) WatchExecution(arn string, f func()) (stop func()) {
	e.live.Add(1)
	stopped := false
	end := e.waiters.watch("execution/"+arn, f)
	return func() {
		if !stopped {
			stopped = true
			e.live.Add(-1)
			end()
		}
	}
}

// WaitExecution waits until an execution has ended and returns it.
func (e *Engine) WaitExecution(ctx context.Context, arn string) (ExecutionInfo, error) {
	ended := make(chan struct{}, 1)
	e.live.Add(1)
	stop := e.waiters.watch("ended/"+arn, func() {
		select {
		case ended <- struct{}{}:
		default:
		}
	})
	defer func() {
		stop()
		e.live.Add(-1)
	}()
	for {
		i, err := e.DescribeExecution(ctx, arn)
		if err != nil || i.Status != interp.Running {
			return i, err
		}
		select {
		case <-ended:
		case <-ctx.Done():
			return i, ctx.Err()
		case <-e.ctx.Done():
			return i, ErrClosed
		}
	}
}

// changed signals those who watch an execution.
func (e *Engine) changed(r *resident, ended bool) {
	if e.live.Load() == 0 {
		return
	}
	e.waiters.signal("execution/" + r.x.ARN)
	if ended {
		e.waiters.signal("ended/" + r.x.ARN)
	}
}
