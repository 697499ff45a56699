package sqlite

import (
	"fmt"
	"strings"

	lib "modernc.org/sqlite/lib"

	"millrace/engine"
	"millrace/engine/interp"
)

// rootFrame is the frame that is stored in the execution's own row, which each
// step rewrites anyway.
const rootFrame = 1

// txn implements [engine.Txn] on the write connection.
type txn struct {
	dbView
	w      *writer
	wrote  bool
	before bool // wrote, at the savepoint
}

// Query reads; a statement with RETURNING writes.
func (t *txn) Query(sql string, args ...any) (engine.Rows, error) {
	r, err := t.conn.query(sql, args)
	if err == nil && !r.(*rows).st.readOnly() {
		t.wrote = true
	}
	return r, err
}

// Exec writes and returns the number of rows changed.
func (t *txn) Exec(sql string, args ...any) (int64, error) {
	st, err := t.conn.prepare(sql)
	if err != nil {
		return 0, err
	}
	if err := st.bindAll(args); err != nil {
		return 0, fmt.Errorf("%s: %w", sqlName(sql), err)
	}
	if err := t.exec(st); err != nil {
		return 0, fmt.Errorf("%s: %w", sqlName(sql), err)
	}
	if st.p != 0 && st.readOnly() {
		return 0, nil
	}
	return t.conn.changes(), nil
}

// exec runs a bound statement and marks that the unit has written.
func (t *txn) exec(st *stmt) error {
	if err := st.run(); err != nil {
		return err
	}
	t.wrote = true
	return nil
}

// Wrote reports whether the unit has written anything yet.
func (t *txn) Wrote() bool { return t.wrote }

// Savepoint begins a part that can be undone.
func (t *txn) Savepoint() error {
	t.before = t.wrote
	return t.conn.exec("SAVEPOINT part")
}

// Rollback undoes what was written since Savepoint.
func (t *txn) Rollback() error {
	t.conn.closeRows()
	if err := t.conn.exec("ROLLBACK TO part"); err != nil {
		return err
	}
	t.wrote = t.before
	return t.conn.exec("RELEASE part")
}

// Release keeps what was written since Savepoint.
func (t *txn) Release() error { return t.conn.exec("RELEASE part") }

// IDs reserves n ids.
func (t *txn) IDs(n int64) (int64, error) {
	end, err := t.conn.number("INSERT INTO counters (name, value) VALUES ('id', ?1) ON CONFLICT (name) DO UPDATE SET value = value + ?1 RETURNING value", n)
	if err != nil {
		return 0, err
	}
	t.wrote = true
	return end - n + 1, nil
}

// check compares an execution's version, before anything is written.
func (t *txn) check(c *engine.Change) error {
	version, err := t.conn.number("SELECT version FROM executions WHERE id = ?", c.Execution)
	if err == nil && version != c.Version {
		err = engine.ErrConflict
	}
	return err
}

// Write writes a change.
func (t *txn) Write(c *engine.Change) error {
	frames := c.Rows.Frames
	var root *interp.FrameChange
	for i := range frames {
		if frames[i].ID == rootFrame {
			root = &frames[i]
		}
	}
	var err error
	switch {
	case c.Version == 0:
		err = t.create(c, root)
	case c.Delete:
		err = t.remove(c)
	default:
		err = t.update(c, root)
	}
	if err != nil {
		return err
	}
	for i := range frames {
		if f := &frames[i]; f.ID != rootFrame {
			if err := t.frame(c.Execution, f); err != nil {
				return err
			}
		}
	}
	if err := t.append(c); err != nil {
		return err
	}
	return t.messages(c)
}

// held reports that the change is an execution's first and its history is kept in
// the execution's own row: that of many never goes on, or only to its end.
func held(c *engine.Change) bool {
	return c.Version == 0 && len(c.Rows.Blocks) == 1 && c.Rows.Blocks[0].First == 1
}

// The inserts of an execution's row, without a name and with one.
const (
	createUnnamed = `INSERT INTO executions (id, machine, status, version, wake, definition, meta, head, root, last, block)
		VALUES (?, ?, ?, 1, ?, ?, ?, ?, ?, ?, ?)`
	createNamed = `INSERT INTO executions (id, machine, status, version, wake, definition, meta, head, root, last, block, name)
		VALUES (?, ?, ?, 1, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (machine, name) WHERE name IS NOT NULL DO NOTHING`
)

func (t *txn) create(c *engine.Change, root *interp.FrameChange) error {
	sql := createUnnamed
	if c.Name != "" {
		sql = createNamed
	}
	st, err := t.conn.prepare(sql)
	if err != nil {
		return err
	}
	st.begin()
	st.bindInt(c.Execution)
	st.bindInt(c.Machine)
	st.bindInt(statusCode(c.Status, c.Token))
	st.bindNonZero(c.Wake)
	st.bindInt(c.Definition)
	st.bindBlob(c.Meta)
	st.bindBlob(c.Rows.Head)
	if root == nil || root.Data == nil {
		st.bindNull()
	} else {
		st.bindBlob(root.Data)
	}
	if held(c) {
		st.bindInt(c.Rows.Blocks[0].Last)
		st.bindBlob(c.Rows.Blocks[0].Data)
	} else {
		st.bindNull()
		st.bindNull()
	}
	if c.Name != "" {
		st.bindText(c.Name)
	}
	if err := st.run(); err != nil {
		return fmt.Errorf("create execution %d: %w", c.Execution, err)
	}
	if c.Name != "" && t.conn.changes() == 0 {
		return engine.ErrExecutionExists
	}
	t.wrote = true
	return nil
}

// updates are the forms of the update of an execution's row: an index is
// rewritten whenever its column is set, so only what changed is.
var updates = func() (forms [16]string) {
	for i := range forms {
		var b strings.Builder
		b.WriteString("UPDATE executions SET version = version + 1, head = ?")
		if i&1 != 0 {
			b.WriteString(", status = ?")
		}
		if i&2 != 0 {
			b.WriteString(", wake = ?")
		}
		if i&4 != 0 {
			b.WriteString(", root = ?")
		}
		if i&8 != 0 {
			b.WriteString(", last = NULL, block = NULL")
		}
		b.WriteString(" WHERE id = ? AND version = ?")
		forms[i] = b.String()
	}
	return forms
}()

// ends reports that the execution ends with the change: its row stays as it is.
func ends(c *engine.Change) bool {
	return c.StatusChanged && c.Status != interp.Running && c.Status != interp.PendingRedrive
}

func (t *txn) update(c *engine.Change, root *interp.FrameChange) error {
	form := 0
	if c.StatusChanged || c.TokenChanged {
		form |= 1
	}
	if c.WakeChanged {
		form |= 2
	}
	if root != nil {
		form |= 4
	}
	if c.Version == 1 && !ends(c) {
		// The row is written again and again from here on: what it holds moves out.
		err := t.conn.exec(`INSERT INTO history (execution, first, last, block)
			SELECT id, 1, last, block FROM executions WHERE id = ? AND version = 1 AND block IS NOT NULL`, c.Execution)
		if err != nil {
			return fmt.Errorf("move the history of execution %d: %w", c.Execution, err)
		}
		t.wrote = t.wrote || t.conn.changes() > 0
		form |= 8
	}
	st, err := t.conn.prepare(updates[form])
	if err != nil {
		return err
	}
	st.begin()
	st.bindBlob(c.Rows.Head)
	if c.StatusChanged || c.TokenChanged {
		st.bindInt(statusCode(c.Status, c.Token))
	}
	if c.WakeChanged {
		st.bindNonZero(c.Wake)
	}
	if root != nil {
		if root.Data == nil {
			st.bindNull()
		} else {
			st.bindBlob(root.Data)
		}
	}
	st.bindInt(c.Execution)
	st.bindInt(c.Version)
	if err := st.run(); err != nil {
		return fmt.Errorf("update execution %d: %w", c.Execution, err)
	}
	if t.conn.changes() == 0 {
		return engine.ErrConflict
	}
	t.wrote = true
	return nil
}

// remove deletes the row of an execution that leaves nothing behind.
func (t *txn) remove(c *engine.Change) error {
	if err := t.conn.exec("DELETE FROM executions WHERE id = ? AND version = ?", c.Execution, c.Version); err != nil {
		return err
	}
	if t.conn.changes() == 0 {
		return engine.ErrConflict
	}
	t.wrote = true
	return nil
}

func (t *txn) frame(execution int64, f *interp.FrameChange) error {
	if f.Data == nil {
		return t.ints("DELETE FROM frames WHERE execution = ? AND frame = ?", execution, f.ID)
	}
	st, err := t.conn.prepare("INSERT INTO frames (execution, frame, data) VALUES (?, ?, ?) ON CONFLICT (execution, frame) DO UPDATE SET data = excluded.data")
	if err != nil {
		return err
	}
	st.begin()
	st.bindInt(execution)
	st.bindInt(f.ID)
	st.bindBlob(f.Data)
	return t.exec(st)
}

// append writes what is never changed again: documents, results, history.
func (t *txn) append(c *engine.Change) error {
	for i := range c.Rows.Docs {
		st, err := t.conn.prepare("INSERT INTO docs (execution, n, text) VALUES (?, ?, ?)")
		if err != nil {
			return err
		}
		st.begin()
		st.bindInt(c.Execution)
		st.bindInt(c.Rows.Docs[i].N)
		st.bindBlob(c.Rows.Docs[i].Text)
		if err := t.exec(st); err != nil {
			return err
		}
	}
	for _, frame := range c.Joined {
		if err := t.ints("DELETE FROM results WHERE execution = ? AND frame = ?", c.Execution, frame); err != nil {
			return err
		}
	}
	for i := range c.Rows.Results {
		st, err := t.conn.prepare("INSERT INTO results (execution, frame, n, data) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING")
		if err != nil {
			return err
		}
		r := &c.Rows.Results[i]
		st.begin()
		st.bindInt(c.Execution)
		st.bindInt(r.Frame)
		st.bindInt(int64(r.Index))
		st.bindBlob(r.Data)
		if err := t.exec(st); err != nil {
			return err
		}
	}
	if held(c) {
		return nil
	}
	for i := range c.Rows.Blocks {
		st, err := t.conn.prepare("INSERT INTO history (execution, first, last, block) VALUES (?, ?, ?, ?)")
		if err != nil {
			return err
		}
		b := &c.Rows.Blocks[i]
		st.begin()
		st.bindInt(c.Execution)
		st.bindInt(b.First)
		st.bindInt(b.Last)
		st.bindBlob(b.Data)
		if err := t.exec(st); err != nil {
			return err
		}
	}
	return nil
}

// messages writes what concerns the inbox and the outbox.
func (t *txn) messages(c *engine.Change) error {
	for _, k := range c.Consumed {
		if err := t.ints("DELETE FROM inbox WHERE execution = ? AND kind = ? AND event = ?", c.Execution, int64(k.Kind), k.Event); err != nil {
			return err
		}
	}
	for _, event := range c.Closed {
		if err := t.ints("DELETE FROM outbox WHERE execution = ? AND event = ?", c.Execution, event); err != nil {
			return err
		}
	}
	for i := range c.Commands {
		if err := t.PutCommand(c.Commands[i]); err != nil {
			return err
		}
	}
	return nil
}

// ints runs a statement whose arguments are integers.
func (t *txn) ints(sql string, args ...int64) error {
	st, err := t.conn.prepare(sql)
	if err != nil {
		return err
	}
	st.begin()
	for _, a := range args {
		st.bindInt(a)
	}
	if err := t.exec(st); err != nil {
		return fmt.Errorf("%s: %w", sqlName(sql), err)
	}
	return nil
}

// Send puts a message into an inbox.
func (t *txn) Send(execution int64, in *interp.Input) (bool, error) {
	data := interp.AppendInput(nil, in)
	sql := "INSERT INTO inbox (execution, kind, event, at, data) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
	if in.Kind == interp.Heartbeat {
		sql = "INSERT INTO inbox (execution, kind, event, at, data) VALUES (?, ?, ?, ?, ?) ON CONFLICT (execution, kind, event) DO UPDATE SET at = excluded.at, data = excluded.data"
	}
	n, err := t.Exec(sql, execution, int64(in.Kind), in.Event, in.At.UnixMilli(), data)
	return n != 0, err
}

// ClearInbox removes every message of an execution.
func (t *txn) ClearInbox(execution int64) error {
	return t.ints("DELETE FROM inbox WHERE execution = ?", execution)
}

// PutCommand adds or replaces a command.
func (t *txn) PutCommand(c engine.CommandRow) error {
	st, err := t.conn.prepare("INSERT OR REPLACE INTO outbox (execution, event, kind, activity, due, attempt, epoch, data) VALUES (?, ?, ?, ?, ?, ?, ?, ?)")
	if err != nil {
		return err
	}
	st.begin()
	st.bindInt(c.Key.Execution)
	st.bindInt(c.Key.Event)
	st.bindInt(int64(c.Kind))
	st.bindNonZero(c.Activity)
	st.bindInt(c.Due)
	st.bindInt(int64(c.Attempt))
	st.bindInt(c.Epoch)
	st.bindBlob(c.Data)
	if err := t.exec(st); err != nil {
		return fmt.Errorf("put command %d of execution %d: %w", c.Key.Event, c.Key.Execution, err)
	}
	return nil
}

// DeleteCommand removes a command.
func (t *txn) DeleteCommand(k engine.CommandKey) (bool, error) {
	n, err := t.Exec("DELETE FROM outbox WHERE execution = ? AND event = ?", k.Execution, k.Event)
	return n != 0, err
}

// PutRecord adds or replaces a record.
func (t *txn) PutRecord(r engine.Record) error {
	if r.Data == nil {
		r.Data = []byte{}
	}
	_, err := t.Exec(`INSERT INTO records (id, kind, name, data) VALUES (?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET kind = excluded.kind, name = excluded.name, data = excluded.data`, r.ID, int64(r.Kind), r.Name, r.Data)
	if code(err) == lib.SQLITE_CONSTRAINT_UNIQUE {
		err = engine.ErrRecordExists
	}
	return err
}

// DeleteRecord removes a record.
func (t *txn) DeleteRecord(id int64) error { return t.ints("DELETE FROM records WHERE id = ?", id) }

// DeleteExecution removes what is stored of an execution, its row last.
func (t *txn) DeleteExecution(id int64, n int) (bool, error) {
	left, err := t.deleteChildren(id, int64(n))
	if err != nil || left <= 0 {
		return false, err
	}
	for _, sql := range []string{
		"DELETE FROM history WHERE id IN (SELECT id FROM history WHERE execution = ? LIMIT ?)",
		"DELETE FROM docs WHERE id IN (SELECT id FROM docs WHERE execution = ? LIMIT ?)",
		"DELETE FROM results WHERE (execution, frame, n) IN (SELECT execution, frame, n FROM results WHERE execution = ? LIMIT ?)",
		"DELETE FROM frames WHERE (execution, frame) IN (SELECT execution, frame FROM frames WHERE execution = ? LIMIT ?)",
		"DELETE FROM inbox WHERE (execution, kind, event) IN (SELECT execution, kind, event FROM inbox WHERE execution = ? LIMIT ?)",
		"DELETE FROM outbox WHERE (execution, event) IN (SELECT execution, event FROM outbox WHERE execution = ? LIMIT ?)",
		"DELETE FROM map_plans WHERE run IN (SELECT id FROM map_runs WHERE execution = ? AND running = 0 LIMIT ?)",
		"DELETE FROM map_runs WHERE id IN (SELECT id FROM map_runs WHERE execution = ? AND running = 0 LIMIT ?)",
	} {
		gone, err := t.Exec(sql, id, left)
		if err != nil {
			return false, err
		}
		if left -= gone; left <= 0 {
			return false, nil
		}
	}
	return true, t.ints("DELETE FROM executions WHERE id = ?", id)
}
