package engine

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"math"

	"millrace/asl"
	"millrace/engine/interp"
)

// The most words of ended children, and of children told to stop, that one unit takes.
const (
	takenEnds    = 4096
	stoppedAtOne = 500
)

const exceededCause = "The specified tolerated failure threshold was exceeded"

// smallInput is the size in bytes up to which a child that starts is kept in
// memory at once; one with more is loaded when its turn has come.
const smallInput = 4 << 10

// mapTurn brings a run on by one unit: it takes word of children that have
// ended and starts others in their place, together with moving the cursor.
func (e *Engine) mapTurn(ctx context.Context, l *liveRun) (more, ended bool, err error) {
	if l.row == nil {
		switch there, err := e.loadMapRun(ctx, l); {
		case errors.Is(err, ErrMachineNotFound):
			return false, true, e.orphanedMapRun(l.id)
		case err != nil || !there:
			return false, err == nil, err
		}
	}
	if l.broken != nil {
		l.failed = l.broken
	}
	if l.head.Phase == mapStarting && !l.head.All {
		if room := l.head.room(); room > 0 && l.failed == nil {
			if err := e.prepare(ctx, l, room); err != nil {
				return false, false, err
			}
		}
	}
	e.hook(AtMapTurn)
	u := mapUnit{e: e, l: l}
	switch err := e.unit(u.do); {
	case errors.Is(err, ErrConflict):
		l.row = nil // what is prepared stays good: nobody else moves the cursor
		return true, false, nil
	case err != nil:
		return false, false, err
	}
	if u.wrote {
		l.head = u.head
		l.row.Version++
	}
	l.prepared = l.prepared[len(u.children):]
	if len(l.prepared) == 0 {
		l.prepared = nil
	}
	for _, r := range u.children {
		e.beginChild(r, l)
	}
	if l.head.All || l.head.Phase != mapStarting {
		l.idle()
	}
	if l.head.over() {
		switch err := e.endMapRun(ctx, l); {
		case errors.Is(err, ErrConflict): // it was given up or changed meanwhile
			l.row = nil
			return true, false, nil
		case err != nil:
			return false, false, err
		}
		return false, true, nil
	}
	if u.more {
		return true, false, nil
	}
	return l.head.Phase == mapStarting && !l.head.All && l.head.room() > 0, false, nil
}

// orphanedMapRun ends a run whose state machine was deleted when its execution had ended.
func (e *Engine) orphanedMapRun(id int64) error {
	return e.unit(func(t *tx) error {
		row, err := t.t.MapRun(id)
		if err != nil || row == nil || !row.Running {
			return err
		}
		h, err := decodeMapHead(row)
		if err != nil {
			return err
		}
		h.Status, h.Stopped = interp.Aborted, t.Now().UnixMilli()
		return t.t.UpdateMapRun(&MapRunRow{ID: id, Version: row.Version, Head: h.encode()})
	})
}

// idle lets go of what only a run that starts children needs.
func (l *liveRun) idle() {
	if l.head.All {
		l.plan.Items, l.plan.Input = nil, nil
	}
	if l.source != nil {
		l.source.Close()
	}
	l.source, l.parent, l.prepared, l.batch = nil, nil, nil, mapBatch{}
}

// loadMapRun reads a run. there is false when there is none, or it has ended.
func (e *Engine) loadMapRun(ctx context.Context, l *liveRun) (there bool, err error) {
	err = e.store.Read(ctx, func(v View) error {
		row, err := v.MapRun(l.id)
		if err != nil || row == nil || !row.Running {
			return err
		}
		if l.head, err = decodeMapHead(row); err != nil {
			return err
		}
		if l.owner, err = e.mapOwner(v, row.ID); err != nil {
			return err
		}
		if l.m, err = e.compile(ctx, v, row.Definition); err != nil {
			return err
		}
		plan, err := v.MapPlan(row.ID)
		if err != nil {
			return err
		}
		c, err := interp.DecodeCommand(plan, docs(v, row.Execution))
		if err != nil {
			return fmt.Errorf("map run %d: %w", row.ID, err)
		}
		st, ok := l.m.State(c.MapRun.State).(*asl.Map)
		if !ok {
			return fmt.Errorf("map run %d: the state at %s is no Map", row.ID, c.MapRun.State)
		}
		l.plan, l.state, l.row = c.MapRun, st, row
		return nil
	})
	return l.row != nil, err
}

// mapUnit is a turn of a run as a unit.
type mapUnit struct {
	e        *Engine
	l        *liveRun
	head     *mapHead
	children []*resident // started
	wrote    bool
	more     bool
}

func (u *mapUnit) do(t *tx) error {
	l := u.l
	u.children, u.wrote, u.more = nil, false, false
	row, err := t.t.MapRun(l.id)
	if err != nil {
		return err
	}
	if row == nil || row.Version != l.row.Version {
		return ErrConflict
	}
	h := *l.head
	u.head = &h
	before := string(h.encode())
	ends, err := t.t.TakeMapRunEnds(l.id, takenEnds)
	if err != nil {
		return err
	}
	for _, end := range ends {
		h.Executions.end(end.Status, 1)
		h.Items.end(end.Status, end.Items)
	}
	u.more = len(ends) == takenEnds
	switch {
	case row.Stop && h.Phase != mapAborting:
		h.Phase = mapAborting
	case h.exceeded():
		h.fail(&asl.Error{Name: "States.ExceedToleratedFailureThreshold", Cause: exceededCause})
	}
	if h.Phase == mapStarting {
		err = u.start(t)
	} else {
		err = u.stop(t)
	}
	if err != nil {
		return err
	}
	text := h.encode()
	if string(text) == before && len(ends) == 0 {
		return nil
	}
	u.wrote = true
	return t.t.UpdateMapRun(&MapRunRow{ID: l.id, Version: row.Version, Head: text, Running: true})
}

// start starts what is prepared, as far as there is room.
func (u *mapUnit) start(t *tx) error {
	l, h := u.l, u.head
	n := min(int64(len(l.prepared)), max(h.room(), 0))
	if n > 0 {
		id, err := t.t.IDs(n) // in order over all units: the children's order is that of their ids
		if err != nil {
			return err
		}
		for i := range n {
			c := &l.prepared[i]
			r, err := u.child(t, id+i, c)
			if err != nil {
				return err
			}
			u.children = append(u.children, r)
			h.Executions.start(1)
			h.Items.start(c.items)
			h.Read, h.Cursor = c.read, c.cursor
		}
	}
	if n == int64(len(l.prepared)) {
		switch {
		case l.failed != nil:
			h.fail(l.failed)
		case l.exhausted:
			h.All = true
			// A percentage of what was read is known only now.
			if h.exceeded() {
				h.fail(&asl.Error{Name: "States.ExceedToleratedFailureThreshold", Cause: exceededCause})
			}
		}
		u.more = u.more || h.Phase != mapStarting
	}
	return nil
}

// child stores a child that begins after the commit.
func (u *mapUnit) child(t *tx, id int64, c *mapChild) (*resident, error) {
	l := u.l
	r := &resident{id: id, machine: l.owner, definition: l.row.Definition, name: u.e.naming.name(id), m: l.m}
	r.birth = birth{role: l.owner.RoleARN, run: l.id, items: c.items}
	rand.Read(r.seed[:])
	r.x = interp.NewChild(id, r.seed, l.plan.State, c.input, t.Now())
	u.e.dress(r)
	change := &Change{
		Execution: id, Machine: l.owner.ID, Definition: r.definition, Meta: r.birth.append(nil),
		Status: interp.Running, Wake: RunnableWake, Rows: r.x.Changes(),
	}
	return r, t.t.Write(change)
}

// beginChild lets a stored child begin.
func (e *Engine) beginChild(r *resident, l *liveRun) {
	if len(r.x.Input().Bytes()) > smallInput {
		e.resume(r.id)
		return
	}
	r.version, r.wake = 1, RunnableWake
	if r.machine.Type == Express {
		e.adoptExpress(r)
	}
	e.sched.admit(r)
}

// admit queues an execution that was stored a moment ago, unless it was made
// resident meanwhile.
func (s *scheduler) admit(r *resident) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if old := s.residents[r.id]; old != nil {
		old.resume = true
		if old.phase == atRest {
			s.unrest(old)
			s.push(old)
		}
		return
	}
	s.residents[r.id] = r
	r.resume = true
	s.push(r)
}

// stop tells children that still run to stop.
func (u *mapUnit) stop(t *tx) error {
	h := u.head
	if h.Stopping == math.MaxInt64 {
		return nil
	}
	rows, err := t.t.Children(u.l.id, h.Stopping, stoppedAtOne, interp.Running)
	if err != nil {
		return err
	}
	for _, row := range rows {
		stop := interp.Input{Kind: interp.Stop, Outcome: interp.Outcome{Failed: true}}
		if _, err := t.Deliver(Message{Execution: row.ID, Input: stop}); err != nil {
			return err
		}
		h.Stopping = row.ID
	}
	if len(rows) < stoppedAtOne {
		h.Stopping = math.MaxInt64
	} else {
		u.more = true
	}
	return nil
}

// childEnded leaves word with the run of a child that ends in the unit.
func (t *tx) childEnded(r *resident, s interp.Status) error {
	run := r.birth.run
	err := t.t.PutMapRunEnd(run, MapRunEnd{Child: r.id, Status: s, Items: r.birth.items})
	if err == nil {
		t.AfterCommit(func() { t.e.maps.wake(run) })
	}
	return err
}

// endExpressChild stores how a child that lived in memory has ended.
func (e *Engine) endExpressChild(r *resident, cause error) {
	if r.x.Status() == interp.Running {
		text := "The execution cannot go on."
		if cause != nil {
			text += " " + firstLine(cause)
		}
		interp.Crash(r.x, text, e.now())
	}
	u := &unit{}
	rows := r.x.Changes()
	rows.Frames, rows.Blocks, rows.Results = nil, nil, nil
	u.Change = &Change{
		Execution: r.id, Version: r.version, Status: r.x.Status(), StatusChanged: true, WakeChanged: true, Rows: rows,
	}
	u.Do = func(t Txn) error {
		u.tx = &tx{e: e, t: t}
		if err := t.ClearInbox(r.id); err != nil {
			return err
		}
		return u.tx.childEnded(r, r.x.Status())
	}
	e.storeExpressEnd(r, u)
}
