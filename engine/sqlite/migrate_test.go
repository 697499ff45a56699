package sqlite

import (
	"context"
	"fmt"
	"io/fs"
	"path/filepath"
	"testing"
	"testing/fstest"
	"time"

	"millrace/engine"
	"millrace/engine/interp"
)

// old makes a database as it was after the first migrations, and writes to it.
func old(t *testing.T, dir string, migrated int, sql string) {
	t.Helper()
	names, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil || len(names) <= migrated {
		t.Fatal(names, err)
	}
	files := fstest.MapFS{}
	for _, name := range names[:migrated] {
		text, err := migrations.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		files[filepath.Base(name)] = &fstest.MapFile{Data: text}
	}
	s := &Store{dir: dir, path: filepath.Join(dir, File), options: Options{NoSync: true, Cache: 1}, quit: make(chan struct{})}
	if err := s.Migrate(context.Background(), []engine.Migrations{{Name: "engine", Files: files}}); err != nil {
		t.Fatal(err)
	}
	if err := s.w.script(sql); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// An execution that was stored when the history was all in one table goes on, or
// ends, with the same history.
func TestExecutionsOfBeforeBlocksWereHeld(t *testing.T) {
	dir := t.TempDir()
	old(t, dir, 2, `
		INSERT INTO executions (id, machine, status, version, definition, meta, head, root) VALUES
			(1, 7, 1, 1, 9, x'00', x'00', x'00'), (2, 7, 1, 1, 9, x'00', x'00', x'00'), (3, 7, 1, 2, 9, x'00', x'00', x'00');
		INSERT INTO history (execution, first, last, block) VALUES (1, 1, 4, x'61'), (2, 1, 4, x'61'), (3, 1, 2, x'61'), (3, 3, 4, x'62');`)
	s, err := Open(context.Background(), dir, Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	run := func(u *engine.Unit) {
		t.Helper()
		if _, err := s.Group(context.Background(), []*engine.Unit{u}, time.Second); err != nil || u.Err != nil {
			t.Fatal(err, u.Err)
		}
	}
	for _, x := range []struct {
		id, version     int64
		ends            bool
		forth, backward string
	}{
		{1, 1, false, "1-4 5-6 ", "5-6 1-4 "},
		{2, 1, true, "1-4 5-6 ", "5-6 1-4 "},
		{3, 2, true, "1-2 3-4 5-6 ", "5-6 3-4 1-2 "},
	} {
		c := &engine.Change{Execution: x.id, Version: x.version, Status: interp.Running}
		c.Rows.Head, c.Rows.Blocks = []byte{1}, []interp.Block{{First: 5, Last: 6, Data: []byte("c")}}
		if x.ends {
			c.Status, c.StatusChanged = interp.Succeeded, true
		}
		run(&engine.Unit{Change: c})
		for reverse, want := range map[bool]string{false: x.forth, true: x.backward} {
			from, got := int64(1), ""
			if reverse {
				from = 6
			}
			err := s.Read(context.Background(), func(v engine.View) error {
				blocks, err := v.Blocks(x.id, from, reverse, 9)
				for _, b := range blocks {
					got += fmt.Sprintf("%d-%d ", b.First, b.Last)
				}
				return err
			})
			if err != nil || got != want {
				t.Errorf("execution %d, reverse %t: got %q, %v, want %q", x.id, reverse, got, err, want)
			}
		}
		done := false
		for !done {
			run(&engine.Unit{Do: func(tx engine.Txn) (err error) {
				done, err = tx.DeleteExecution(x.id, 2)
				return err
			}})
		}
	}
	left, err := s.w.number("SELECT (SELECT count(*) FROM executions) + (SELECT count(*) FROM history)")
	if err != nil || left != 0 {
		t.Errorf("after the deletion: %d rows, %v", left, err)
	}
}

// An execution whose task waited for its token by a row of its own is found by its status.
func TestExecutionsOfBeforeTokenTasksHadAStatus(t *testing.T) {
	for name, before := range map[string]string{"with the index of tokens": "", "without it": "DROP INDEX outbox_tokens;"} {
		t.Run(name, func(t *testing.T) { tokenTasksGetAStatus(t, before) })
	}
}

func tokenTasksGetAStatus(t *testing.T, before string) {
	dir := t.TempDir()
	old(t, dir, 3, before+`
		INSERT INTO executions (id, machine, status, version, definition, meta, head) VALUES
			(1, 7, 1, 1, 9, x'00', x'00'), (2, 8, 1, 1, 9, x'00', x'00'), (3, 7, 1, 1, 9, x'00', x'00'), (4, 7, 2, 1, 9, x'00', x'00'), (5, 7, 1, 1, 9, x'00', x'00');
		INSERT INTO outbox (execution, event, kind, due, attempt, epoch, data) VALUES
			(1, 3, 4, 0, 0, 0, x'00'), (2, 3, 4, 0, 0, 0, x'00'), (2, 8, 4, 0, 0, 0, x'00'), (3, 3, 1, 0, 0, 0, x'00'), (5, 3, 4, 0, 0, 0, x'00');`)
	s, err := Open(context.Background(), dir, Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	err = s.Read(context.Background(), func(v engine.View) error {
		waiting, err := v.Waiting(0, 0, 9)
		if got := fmt.Sprint(waiting); err != nil || got != "[1 2 5]" {
			t.Errorf("waiting: %s, %v, want [1 2 5]", got, err)
		}
		running, err := v.List(7, interp.Running, 0, 9)
		if err != nil {
			return err
		}
		got := ""
		for _, x := range running {
			got += fmt.Sprintf("%d %t ", x.ID, x.Token)
		}
		if want := "5 true 3 false 1 true "; got != want {
			t.Errorf("running: %q, want %q", got, want)
		}
		calls, err := v.Commands(0, engine.CommandKey{}, 9)
		if err != nil || len(calls) != 1 {
			t.Errorf("%d calls, %v, want that of execution 3", len(calls), err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	if left, err := s.w.number("SELECT count(*) FROM outbox"); left != 1 || err != nil {
		t.Errorf("%d rows in the outbox, %v, want 1", left, err)
	}
}
