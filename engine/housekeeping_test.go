package engine_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"millrace/engine"
	"millrace/engine/interp"
)

// rows returns the number of rows of tables that hold executions. One of one
// commit has one row, which holds its history.
func (b *bench) rows() int64 {
	b.t.Helper()
	return b.count("SELECT (SELECT count(*) FROM executions) + (SELECT count(*) FROM history) + (SELECT count(*) FROM docs)")
}

// dropTo waits until so many rows are left.
func (b *bench) dropTo(n int64) {
	b.t.Helper()
	for limit := time.Now().Add(patience); b.rows() != n; {
		if time.Now().After(limit) {
			b.t.Fatalf("%d rows are left, not %d", b.rows(), n)
		}
		if err := b.Do(context.Background(), nil, func(engine.Tx) error { return nil }); err != nil {
			b.t.Fatal(err)
		}
	}
}

func TestRetention(t *testing.T) {
	b := newFileBench(t)
	long := b.machine("long", `{"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 20000000, "End": true}}}`)
	short := b.machine("short", chain)
	parked := b.start(long, "", `{}`)
	old := b.start(short, "", `"`+fmt.Sprintf("%0600d", 1)+`"`)
	b.end(old)
	b.tick(engine.DefaultRetention - 2*time.Hour)
	young := b.start(short, "", `{}`)
	b.end(young)
	want(t, "rows before", b.rows(), 1+2+1)
	b.tick(time.Hour)
	b.tick(time.Hour + time.Second)
	b.tick(time.Hour)
	b.dropTo(1 + 1)
	_, err := b.DescribeExecution(context.Background(), old)
	wantErr(t, "the old execution", err, engine.ErrExecutionNotFound)
	i, err := b.DescribeExecution(context.Background(), parked)
	want(t, "the one that runs", []any{i.Status, err}, []any{interp.Running, nil})
	want(t, "the young one", b.end(young).Status, interp.Succeeded)
}

// A short retention is looked after as often as it asks for, not every hour.
func TestShortRetention(t *testing.T) {
	b := openBench(t, &bench{dir: t.TempDir(), keep: time.Minute})
	short := b.machine("short", chain)
	old := b.start(short, "", `{}`)
	b.end(old)
	b.tick(50 * time.Second)
	young := b.start(short, "", `{}`)
	b.end(young)
	want(t, "rows before", b.rows(), 1+1)
	b.tick(15 * time.Second)
	b.tick(15 * time.Second)
	b.dropTo(1)
	_, err := b.DescribeExecution(context.Background(), old)
	wantErr(t, "the old execution", err, engine.ErrExecutionNotFound)
	want(t, "the young one", b.end(young).Status, interp.Succeeded)
}

func TestDeletedMachinesExecutionsGo(t *testing.T) {
	b := newFileBench(t)
	m, other := b.machine("m", chain), b.machine("other", chain)
	kept := b.start(other, "", `{}`)
	for range 150 {
		b.end(b.start(m, "", `{}`))
	}
	if err := b.DeleteStateMachine(context.Background(), m); err != nil {
		t.Fatal(err)
	}
	b.machine("m", chain)
	b.dropTo(1)
	want(t, "the other machine's execution", b.end(kept).Status, interp.Succeeded)
	_, _, err := b.ListExecutions(context.Background(), engine.ListFilter{MachineARN: m}, engine.Page{})
	want(t, "error", err, nil)
	if _, _, err := b.History(context.Background(), "arn:aws:states:us-east-1:000000000000:execution:m:x", engine.Page{}); !errors.Is(err, engine.ErrExecutionNotFound) {
		t.Errorf("history of a deleted execution: got %v", err)
	}
}

// Whatever was deleted, its space is given back when the housekeeper comes by.
func TestSpaceIsGivenBack(t *testing.T) {
	b := newFileBench(t)
	free := func() int64 { return b.count("SELECT freelist_count FROM pragma_freelist_count") }
	for _, sql := range []string{"CREATE TABLE big (x BLOB)", "INSERT INTO big VALUES (zeroblob(40000000))", "DELETE FROM big"} {
		err := b.Do(context.Background(), nil, func(tx engine.Tx) error {
			_, err := tx.Exec(sql)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	before := free()
	if before < 9000 {
		t.Fatalf("%d pages are free, want those of 40 MB", before)
	}
	b.tick(time.Hour)
	for limit := time.Now().Add(patience); free() > 4096; {
		if time.Now().After(limit) {
			t.Fatalf("%d pages are still free of %d", free(), before)
		}
		if err := b.Do(context.Background(), nil, func(engine.Tx) error { return nil }); err != nil {
			t.Fatal(err)
		}
	}
}

// between is a store that does something before a read of one who asks for it.
type between struct{ engine.Store }

// before is the key of a context's func() that Read calls first.
type before struct{}

func (s between) Read(ctx context.Context, f func(engine.View) error) error {
	if do, ok := ctx.Value(before{}).(func()); ok {
		do()
	}
	return s.Store.Read(ctx, f)
}

// Who found a state machine before it was deleted starts nothing of it once it is gone.
func TestGoneMachineStartsNothing(t *testing.T) {
	b := openBench(t, &bench{dir: t.TempDir(), wrap: func(s engine.Store) engine.Store { return between{s} }})
	m := b.machine("m", wait)
	b.restart() // the machine and its definition are to be read
	reads := 0
	ctx := context.WithValue(context.Background(), before{}, func() {
		if reads++; reads == 2 {
			if err := b.DeleteStateMachine(context.Background(), m); err != nil {
				t.Error(err)
			}
		}
	})
	_, err := b.StartExecution(ctx, engine.StartInput{MachineARN: m})
	wantErr(t, "the start", err, engine.ErrMachineDeleting)
	if reads < 2 {
		t.Errorf("%d reads: the machine was not deleted meanwhile", reads)
	}
	b.dropTo(0)
}

// A machine that was deleted goes with its last execution, whichever process ends that.
// TestDeletionGoesOnAfterRestart ends the process after one commit after the other
// of a deletion: it has not begun, or the machine goes in the end.
func TestDeletionGoesOnAfterRestart(t *testing.T) {
	for allowed := int64(0); allowed < 4; allowed++ {
		b := &bench{dir: t.TempDir()}
		var dead atomic.Bool
		var left atomic.Int64
		b.wrap = func(s engine.Store) engine.Store {
			return &flaky{Store: s, fail: func(int64) (before, after error) {
				if dead.Load() && left.Add(-1) < 0 {
					return fmt.Errorf("%w: as told", engine.ErrBusy), nil
				}
				return nil, nil
			}}
		}
		openBench(t, b)
		m := b.machine("m", chain)
		left.Store(allowed)
		dead.Store(true)
		if err := b.DeleteStateMachine(context.Background(), m); err != nil {
			wantErr(t, "the deletion", err, engine.ErrBusy)
		}
		b.wrap = nil
		b.restart()
		for limit := time.Now().Add(patience); ; {
			sm, err := b.DescribeStateMachine(context.Background(), m)
			if errors.Is(err, engine.ErrMachineNotFound) || err == nil && sm.Status != engine.MachineDeleting {
				break
			}
			if time.Now().After(limit) {
				t.Fatalf("%d commits: the machine is still there: %v", allowed, err)
			}
		}
		b.Close()
	}
}

func TestDeletedMachineGoesAfterRestart(t *testing.T) {
	for _, typ := range []engine.MachineType{engine.Standard, engine.Express} {
		b := newFileBench(t)
		m := b.machineOf(typ, "m", wait)
		b.start(m, "", `{}`)
		if err := b.DeleteStateMachine(context.Background(), m); err != nil {
			t.Fatal(err)
		}
		b.restart()
		sm, err := b.DescribeStateMachine(context.Background(), m)
		want(t, "while it runs", []any{sm.Status, err}, []any{engine.MachineDeleting, nil})
		for limit := time.Now().Add(patience); err == nil; _, err = b.DescribeStateMachine(context.Background(), m) {
			if time.Now().After(limit) {
				t.Fatalf("%s: the machine is still there", typ)
			}
			b.tick(10 * time.Second)
		}
		wantErr(t, "after that", err, engine.ErrMachineNotFound)
		b.dropTo(0)
	}
}
