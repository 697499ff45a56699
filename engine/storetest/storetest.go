// Package storetest is the contract of [engine.Store] in code. Every store runs
// it; a new promise is a new case here first.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"millrace/engine"
	"millrace/engine/interp"
)

// Open opens the store of a folder. A store that keeps nothing ignores the folder.
type Open func(dir string) (engine.Store, error)

// Run runs the contract on the stores that open opens, each case on one of its
// own. kept says that what is committed survives Close.
func Run(t *testing.T, open Open, kept bool) {
	cases := []struct {
		name string
		run  func(*harness)
	}{
		{"an execution is loaded as it was stored", execution},
		{"a frame is replaced and deleted", frames},
		{"a name is taken once", names},
		{"an older version is a conflict and writes nothing", versions},
		{"a unit that fails before it writes is skipped", skipped},
		{"a unit that fails after it wrote undoes the group", undone},
		{"a panic is the unit's failure", panics},
		{"a savepoint undoes a part", savepoints},
		{"a unit sees the effects of those before it", order},
		{"a group closes when its time is up", limits},
		{"a check comes before anything is written", checks},
		{"messages are kept once for each kind and event", inbox},
		{"commands are listed and removed", commands},
		{"tasks of an activity are listed, oldest first", activities},
		{"deadlines are found in order", due},
		{"executions with tasks that wait for a token are found", tokens},
		{"results are kept until the join", results},
		{"documents are found by number", documents},
		{"history is cut by blocks in both directions", history},
		{"executions are listed newest first", lists},
		{"records have unique names", records},
		{"ids are never given out twice", ids},
		{"an execution is deleted in parts", deletion},
		{"an ended express execution leaves nothing", removal},
		{"a read sees what was acknowledged, and cannot write", reads},
		{"the epoch rises", epochs},
		{"migrations are applied once, in order", migrations},
		{"a map run is loaded as it was stored", mapRuns},
		{"the end of a child is told once", mapEnds},
		{"children of a map run are listed in order", children},
		{"a deleted execution takes its map runs along", mapDeletion},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			h := &harness{T: t, open: open, dir: t.TempDir(), kept: kept}
			h.start()
			defer func() { h.ok(h.s.Close()) }()
			c.run(h)
		})
	}
}

// harness is a store under test.
type harness struct {
	*testing.T
	open Open
	dir  string
	kept bool
	s    engine.Store
}

var ctx = context.Background()

func (h *harness) start() {
	h.Helper()
	s, err := h.open(h.dir)
	h.ok(err)
	h.s = s
}

// reopen closes and opens the store if it keeps anything.
func (h *harness) reopen() {
	h.Helper()
	if h.kept {
		h.ok(h.s.Close())
		h.start()
	}
}

func (h *harness) ok(err error) {
	h.Helper()
	if err != nil {
		h.Fatal(err)
	}
}

func (h *harness) want(what string, got, want any) {
	h.Helper()
	if g, w := fmt.Sprint(got), fmt.Sprint(want); g != w {
		h.Errorf("%s: got %s, want %s", what, g, w)
	}
}

func (h *harness) is(what string, got, want error) {
	h.Helper()
	if !errors.Is(got, want) {
		h.Errorf("%s: got error %v, want %v", what, got, want)
	}
}

// group commits units.
func (h *harness) group(units ...*engine.Unit) error {
	h.Helper()
	n, err := h.s.Group(ctx, units, time.Minute)
	if err == nil && n != len(units) {
		h.Fatalf("the group took on %d of %d units", n, len(units))
	}
	return err
}

// do commits one function.
func (h *harness) do(f func(engine.Txn) error) {
	h.Helper()
	u := &engine.Unit{Do: f}
	h.ok(h.group(u))
	h.ok(u.Err)
}

// write commits one change.
func (h *harness) write(c *engine.Change) {
	h.Helper()
	u := &engine.Unit{Change: c}
	h.ok(h.group(u))
	h.ok(u.Err)
}

func (h *harness) read(f func(engine.View) error) {
	h.Helper()
	h.ok(h.s.Read(ctx, f))
}

func (h *harness) load(id int64) (row *engine.ExecutionRow) {
	h.Helper()
	h.read(func(v engine.View) (err error) {
		row, err = v.Load(id)
		return err
	})
	return row
}

func (h *harness) frames(id int64) (f map[int64][]byte) {
	h.Helper()
	h.read(func(v engine.View) (err error) {
		f, err = v.Frames(id)
		return err
	})
	return f
}

// created is a change that creates an execution.
func created(id int64, name string) *engine.Change {
	return &engine.Change{
		Execution: id, Machine: 7, Definition: 9, Name: name, Meta: []byte("meta"), Status: interp.Running,
		Rows: interp.Change{Head: []byte("head"), Frames: []interp.FrameChange{{ID: 1, Data: []byte("root")}}},
	}
}

// changed is a change of an execution at a version.
func changed(id, version int64) *engine.Change {
	return &engine.Change{Execution: id, Version: version, Status: interp.Running, Rows: interp.Change{Head: []byte("head2")}}
}
