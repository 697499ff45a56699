package storetest

import (
	"errors"
	"fmt"
	"testing/fstest"
	"time"

	"millrace/asl/document"
	"millrace/engine"
	"millrace/engine/interp"
)

var errMine = errors.New("the unit's own error")

// put is a unit that stores a record.
func put(id int64, name string) *engine.Unit {
	return &engine.Unit{Do: func(t engine.Txn) error {
		return t.PutRecord(engine.Record{ID: id, Kind: engine.SettingRecord, Name: name, Data: []byte(name)})
	}}
}

// has reports which of the records are there.
func (h *harness) has(ids ...int64) (out []bool) {
	h.Helper()
	h.read(func(v engine.View) error {
		for _, id := range ids {
			r, err := v.RecordByID(id)
			if err != nil {
				return err
			}
			out = append(out, r != nil)
		}
		return nil
	})
	return out
}

func skipped(h *harness) {
	a, b, c := put(1, "a"), &engine.Unit{Do: func(engine.Txn) error { return errMine }}, put(3, "c")
	h.ok(h.group(a, b, c))
	h.is("the unit that failed", b.Err, errMine)
	h.is("the others", errors.Join(a.Err, c.Err), nil)
	h.want("records", h.has(1, 3), []bool{true, true})
}

func undone(h *harness) {
	b := put(2, "b")
	inner := b.Do
	b.Do = func(t engine.Txn) error {
		if err := inner(t); err != nil {
			return err
		}
		if !t.Wrote() {
			h.Error("Wrote after a write: false")
		}
		return errMine
	}
	err := h.group(put(1, "a"), b, put(3, "c"))
	var failed *engine.UnitError
	if !errors.As(err, &failed) || failed.Index != 1 || !errors.Is(err, errMine) {
		h.Fatalf("got %v, want the second unit's error", err)
	}
	h.want("records", h.has(1, 2, 3), []bool{false, false, false})
	// The store goes on.
	h.ok(h.group(put(1, "a")))
	h.want("records of the next group", h.has(1), []bool{true})
}

func panics(h *harness) {
	u := &engine.Unit{Do: func(t engine.Txn) error { panic("oh") }}
	err := h.group(put(1, "a"), u)
	var failed *engine.UnitError
	if !errors.As(err, &failed) || failed.Index != 1 {
		h.Fatalf("got %v, want the second unit's error", err)
	}
	h.want("records", h.has(1), []bool{false})
	h.ok(h.group(put(1, "a")))
}

func savepoints(h *harness) {
	h.do(func(t engine.Txn) error {
		if t.Wrote() {
			h.Error("Wrote before a write: true")
		}
		h.ok(t.Savepoint())
		h.ok(put(1, "a").Do(t))
		h.ok(t.Rollback())
		if t.Wrote() {
			h.Error("Wrote after what was written was undone: true")
		}
		h.ok(t.Savepoint())
		h.ok(put(2, "b").Do(t))
		h.ok(t.Release())
		return put(3, "c").Do(t)
	})
	h.want("records", h.has(1, 2, 3), []bool{false, true, true})
}

func order(h *harness) {
	seen := false
	h.ok(h.group(put(1, "a"), &engine.Unit{Do: func(t engine.Txn) error {
		r, err := t.Record(engine.SettingRecord, "a")
		seen = r != nil
		return err
	}}))
	h.want("the second unit saw the first one's record", seen, true)
}

func limits(h *harness) {
	units := []*engine.Unit{put(1, "a"), put(2, "b"), put(3, "c")}
	n, err := h.s.Group(ctx, units, 0)
	h.ok(err)
	if n < 1 || n > 3 {
		h.Fatalf("took on %d units", n)
	}
	h.want("records", h.has(1, 2, 3), []bool{true, n > 1, n > 2})
}

func inbox(h *harness) {
	at := time.UnixMilli(1000).UTC()
	answer := func(event int64, at time.Time, text string) *interp.Input {
		return &interp.Input{Kind: interp.Answer, Event: event, At: at, Outcome: interp.Outcome{Output: document.FromBytes([]byte(text))}}
	}
	var firsts []bool
	h.do(func(t engine.Txn) error {
		for _, in := range []*interp.Input{
			answer(5, at.Add(time.Second), `1`), answer(4, at, `2`), answer(5, at, `3`),
			{Kind: interp.Heartbeat, Event: 9, At: at.Add(2 * time.Second)}, {Kind: interp.Heartbeat, Event: 9, At: at.Add(3 * time.Second)},
		} {
			first, err := t.Send(1, in)
			if err != nil {
				return err
			}
			firsts = append(firsts, first)
		}
		_, err := t.Send(2, answer(1, at, `4`))
		return err
	})
	h.want("first", firsts[:3], []bool{true, true, false})
	h.reopen()
	read := func(id int64) (out []string) {
		h.read(func(v engine.View) error {
			rows, err := v.Inbox(id)
			if err != nil {
				return err
			}
			for _, row := range rows {
				in, err := interp.DecodeInput(row.Data)
				if err != nil {
					return err
				}
				out = append(out, fmt.Sprint(row.Key.Kind, row.Key.Event, in.At.UnixMilli()))
			}
			return nil
		})
		return out
	}
	if h.kept {
		h.want("inbox", read(1), []string{fmt.Sprint(interp.Answer, 4, 1000), fmt.Sprint(interp.Answer, 5, 2000), fmt.Sprint(interp.Heartbeat, 9, 4000)})
	}
	unread := func(after int64) (out []int64) {
		h.read(func(v engine.View) (err error) {
			out, err = v.Unread(after, 9)
			return err
		})
		return out
	}
	h.want("unread", unread(0), []int64{1, 2})
	h.want("unread after 1", unread(1), []int64{2})
	c := created(1, "")
	c.Consumed = []engine.InboxKey{{Kind: interp.Answer, Event: 5}, {Kind: interp.Heartbeat, Event: 9}}
	h.write(c)
	h.want("messages left", len(read(1)), 1)
	h.do(func(t engine.Txn) error { return t.ClearInbox(1) })
	h.want("unread in the end", unread(0), []int64{2})
}

// commandKeys makes keys of pairs of an execution and an event.
func commandKeys(pairs ...int64) (out []engine.CommandKey) {
	for i := 0; i < len(pairs); i += 2 {
		out = append(out, engine.CommandKey{Execution: pairs[i], Event: pairs[i+1]})
	}
	return out
}

func commands(h *harness) {
	row := func(execution, event int64, kind engine.CommandKind) engine.CommandRow {
		return engine.CommandRow{Key: engine.CommandKey{Execution: execution, Event: event}, Kind: kind, Due: 5, Attempt: 2, Epoch: 3, Data: []byte("data")}
	}
	c := created(1, "")
	c.Commands = []engine.CommandRow{row(1, 3, engine.CallCommand), row(1, 8, engine.ChildCommand), row(1, 2, engine.CallCommand)}
	h.write(c)
	h.do(func(t engine.Txn) error {
		return errors.Join(t.PutCommand(row(0, 44, engine.FollowUpCommand)), t.PutCommand(row(2, 1, engine.MapRunCommand)), t.PutCommand(row(2, 2, engine.ChildCommand)))
	})
	keys := func(rows []engine.CommandRow) (out []engine.CommandKey) {
		for _, r := range rows {
			out = append(out, r.Key)
		}
		return out
	}
	h.read(func(v engine.View) error {
		rows, err := v.Commands(0, engine.CommandKey{}, 9)
		h.ok(err)
		h.want("calls and follow-ups", keys(rows), commandKeys(0, 44, 1, 2, 1, 3))
		rows, err = v.Commands(0, engine.CommandKey{Execution: 1, Event: 2}, 9)
		h.ok(err)
		h.want("after the first call", keys(rows), commandKeys(1, 3))
		got, err := v.Command(engine.CommandKey{Execution: 2, Event: 2})
		h.ok(err)
		h.want("a command", *got, row(2, 2, engine.ChildCommand))
		got, err = v.Command(engine.CommandKey{Execution: 2, Event: 3})
		h.want("a command that is not there", got == nil, true)
		return err
	})
	u := changed(1, 1)
	u.Closed = []int64{3}
	u.Commands = []engine.CommandRow{row(1, 2, engine.ChildCommand)}
	h.write(u)
	var there, again bool
	h.do(func(t engine.Txn) (err error) {
		if there, err = t.DeleteCommand(engine.CommandKey{Event: 44}); err == nil {
			again, err = t.DeleteCommand(engine.CommandKey{Event: 44})
		}
		return err
	})
	h.want("removed, removed again", []bool{there, again}, []bool{true, false})
	h.read(func(v engine.View) error {
		rows, err := v.Commands(0, engine.CommandKey{}, 9)
		h.want("calls in the end", len(rows), 0)
		return err
	})
}

func activities(h *harness) {
	h.do(func(t engine.Txn) error {
		for i, due := range []int64{30, 10, 20} {
			row := engine.CommandRow{Key: engine.CommandKey{Execution: int64(i + 1), Event: 1}, Kind: engine.ActivityCommand, Activity: 5, Due: due, Data: []byte{}}
			if err := t.PutCommand(row); err != nil {
				return err
			}
		}
		return t.PutCommand(engine.CommandRow{Key: engine.CommandKey{Execution: 9, Event: 1}, Kind: engine.ActivityCommand, Activity: 6, Data: []byte{}})
	})
	h.read(func(v engine.View) error {
		rows, err := v.Commands(5, engine.CommandKey{}, 2)
		h.ok(err)
		var got []int64
		for _, r := range rows {
			got = append(got, r.Key.Execution)
		}
		h.want("the oldest two", got, []int64{2, 3})
		rows, err = v.Commands(0, engine.CommandKey{}, 9)
		h.want("calls", len(rows), 0)
		return err
	})
}

func records(h *harness) {
	h.ok(h.group(put(1, "a"), put(2, "b")))
	again := put(3, "a")
	h.ok(h.group(again))
	h.is("a name that is taken", again.Err, engine.ErrRecordExists)
	h.do(func(t engine.Txn) error {
		return errors.Join(
			t.PutRecord(engine.Record{ID: 1, Kind: engine.SettingRecord, Name: "a", Data: []byte("new")}),
			t.PutRecord(engine.Record{ID: 4, Kind: engine.KeyRecord, Name: "a"}),
			t.DeleteRecord(2))
	})
	h.reopen()
	if !h.kept {
		h.read(func(v engine.View) error { return nil })
	}
	h.read(func(v engine.View) error {
		r, err := v.Record(engine.SettingRecord, "a")
		h.ok(err)
		h.want("the record that was replaced", string(r.Data), "new")
		r, err = v.Record(engine.SettingRecord, "b")
		h.ok(err)
		h.want("the record that was removed", r == nil, true)
		list, err := v.Records(engine.SettingRecord, 0, 9)
		h.want("records of the kind", len(list), 1)
		return err
	})
}

func ids(h *harness) {
	seen := map[int64]bool{}
	take := func(n int64, fail bool) {
		u := &engine.Unit{Do: func(t engine.Txn) error {
			first, err := t.IDs(n)
			if err != nil {
				return err
			}
			if fail {
				return errMine
			}
			for id := first; id < first+n; id++ {
				if seen[id] || id <= 0 {
					h.Errorf("id %d is not new", id)
				}
				seen[id] = true
			}
			return nil
		}}
		if err := h.group(u); !fail {
			h.ok(err)
		}
	}
	take(10, false)
	take(1, false)
	take(5, true)
	take(3, false)
	h.reopen()
	if h.kept {
		take(4, false)
	}
}

func reads(h *harness) {
	h.ok(h.group(put(1, "a")))
	h.want("records", h.has(1), []bool{true})
	h.read(func(v engine.View) error {
		rows, err := v.Query("DELETE FROM records RETURNING id")
		if err == nil {
			for rows.Next() {
			}
			err = errors.Join(rows.Err(), rows.Close())
		}
		if err == nil {
			h.Error("a reader wrote")
		}
		return nil
	})
	h.want("records after the attempt", h.has(1), []bool{true})
	h.is("an error of the function", h.s.Read(ctx, func(engine.View) error { return errMine }), errMine)
	// Rows that were left open are no one else's trouble.
	h.read(func(v engine.View) error {
		rows, err := v.Query("SELECT id FROM records")
		if err == nil {
			rows.Next()
		}
		return err
	})
	h.ok(h.group(put(2, "b")))
}

func epochs(h *harness) {
	one, err := h.s.Own(ctx, "node")
	h.ok(err)
	h.reopen()
	two, err := h.s.Own(ctx, "node")
	h.ok(err)
	if two.Epoch <= one.Epoch {
		h.Errorf("epoch %d came after %d", two.Epoch, one.Epoch)
	}
	h.ok(h.group(put(1, "a")))
}

func migrations(h *harness) {
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	one := fstest.MapFS{"0001_first.sql": file("CREATE TABLE first (x INTEGER); INSERT INTO first (x) VALUES (1);")}
	two := fstest.MapFS{"0001_first.sql": one["0001_first.sql"], "0002_second.sql": file("UPDATE first SET x = x + 10;")}
	broken := fstest.MapFS{"0001_first.sql": file("CREATE TABLE broken (x INTEGER); INSERT INTO nowhere VALUES (1);")}
	h.ok(h.s.Migrate(ctx, []engine.Migrations{{Name: "test", Files: one}}))
	h.reopen()
	if !h.kept {
		h.ok(h.s.Migrate(ctx, []engine.Migrations{{Name: "test", Files: one}}))
	}
	h.ok(h.s.Migrate(ctx, []engine.Migrations{{Name: "test", Files: two}}))
	h.ok(h.s.Migrate(ctx, []engine.Migrations{{Name: "test", Files: two}}))
	if err := h.s.Migrate(ctx, []engine.Migrations{{Name: "test", Files: one}}); err == nil {
		h.Error("a newer schema was not refused")
	}
	if err := h.s.Migrate(ctx, []engine.Migrations{{Name: "broken", Files: broken}}); err == nil {
		h.Error("a broken migration: no error")
	}
	if err := h.s.Migrate(ctx, []engine.Migrations{{Name: "gap", Files: fstest.MapFS{"0002_second.sql": two["0002_second.sql"]}}}); err == nil {
		h.Error("a migration is missing: no error")
	}
	h.read(func(v engine.View) error {
		rows, err := v.Query("SELECT x FROM first")
		h.ok(err)
		defer rows.Close()
		var x int64
		if !rows.Next() {
			h.Fatal("no row")
		}
		h.ok(rows.Scan(&x))
		h.want("x", x, 11)
		return nil
	})
	if err := h.s.Read(ctx, func(v engine.View) error {
		_, err := v.Query("SELECT x FROM broken")
		return err
	}); err == nil {
		h.Error("a broken migration left a table behind")
	}
}
