package sqlite

import (
	"fmt"
	"math"
	"slices"
	"sort"
	"time"

	"millrace/engine"
	"millrace/engine/interp"
)

// dbView implements [engine.View] on a connection.
type dbView struct{ conn *conn }

// Query runs a statement that reads.
func (v *dbView) Query(sql string, args ...any) (engine.Rows, error) {
	r, err := v.conn.query(sql, args)
	if err != nil {
		return nil, err
	}
	if r := r.(*rows); !r.st.readOnly() {
		r.Close()
		return nil, fmt.Errorf("%s: a reader cannot write", sqlName(sql))
	}
	return r, nil
}

// The statuses as they are stored. Running executions with token tasks have one of
// their own, and so a part of the index.
var statuses = [...]interp.Status{
	1: interp.Running, 2: interp.Succeeded, 3: interp.Failed, 4: interp.TimedOut, 5: interp.Aborted, 6: interp.PendingRedrive,
	runningWithToken: interp.Running,
}

const runningWithToken = 7

// statusCode returns what is stored for a status; 0: there is no such status.
func statusCode(s interp.Status, token bool) int64 {
	if token && s == interp.Running {
		return runningWithToken
	}
	return int64(max(0, slices.Index(statuses[:], s)))
}

// statusCodes returns what may be stored for a status; "": for any.
func statusCodes(s interp.Status) (codes []int64) {
	for i, t := range statuses {
		if t != "" && (s == "" || s == t) {
			codes = append(codes, int64(i))
		}
	}
	return codes
}

func statusOf(code int64) interp.Status {
	if code < 1 || code >= int64(len(statuses)) {
		return ""
	}
	return statuses[code]
}

const executionColumns = "SELECT id, machine, definition, name, status, version, coalesce(wake, 0), meta, head FROM executions "

func scanExecution(st *stmt) *engine.ExecutionRow {
	return &engine.ExecutionRow{
		ID: st.int(0), Machine: st.int(1), Definition: st.int(2), Name: st.text(3), Named: !st.null(3),
		Status: statusOf(st.int(4)), Token: st.int(4) == runningWithToken, Version: st.int(5), Wake: st.int(6), Meta: st.blob(7), Head: st.blob(8),
	}
}

// each runs a statement and calls f with every row.
func (v *dbView) each(sql string, f func(*stmt), args ...int64) error {
	st, err := v.conn.prepare(sql)
	if err != nil {
		return err
	}
	st.begin()
	for _, a := range args {
		st.bindInt(a)
	}
	defer st.reset()
	for {
		row, err := st.step()
		if err != nil {
			return fmt.Errorf("%s: %w", sqlName(sql), err)
		}
		if !row {
			return nil
		}
		f(st)
	}
}

// Load returns an execution, or nil.
func (v *dbView) Load(id int64) (row *engine.ExecutionRow, err error) {
	err = v.each(executionColumns+"WHERE id = ?", func(st *stmt) { row = scanExecution(st) }, id)
	return row, err
}

// Named returns the id of the execution of a name; 0: none.
func (v *dbView) Named(machine int64, name string) (int64, error) {
	return v.conn.number("SELECT id FROM executions WHERE machine = ? AND name = ?", machine, name)
}

// List returns executions, newest first.
func (v *dbView) List(machine int64, status interp.Status, before int64, n int) ([]*engine.ExecutionRow, error) {
	if before <= 0 {
		before = 1<<63 - 1
	}
	var out []*engine.ExecutionRow
	add := func(st *stmt) { out = append(out, scanExecution(st)) }
	codes := statusCodes(status)
	switch {
	case len(codes) == 0:
		return nil, nil
	case machine == 0 && status == "":
		err := v.each(executionColumns+"WHERE machine > 0 AND id < ? ORDER BY id DESC LIMIT ?", add, before, int64(n))
		return out, err
	case machine == 0:
		err := v.each(executionColumns+"NOT INDEXED WHERE machine > 0 AND status IN (?, ?) AND id < ? ORDER BY id DESC LIMIT ?", add, codes[0], codes[len(codes)-1], before, int64(n)) // one or two
		return out, err
	case len(codes) == 1:
		err := v.each(executionColumns+"WHERE machine = ? AND status = ? AND id < ? ORDER BY id DESC LIMIT ?", add, machine, codes[0], before, int64(n))
		return out, err
	}
	// The index has the statuses apart, each in order: merge them.
	var ids []int64
	for _, code := range codes {
		err := v.each("SELECT id FROM executions WHERE machine = ? AND status = ? AND id < ? ORDER BY id DESC LIMIT ?",
			func(st *stmt) { ids = append(ids, st.int(0)) }, machine, code, before, int64(n))
		if err != nil {
			return nil, err
		}
	}
	sort.Slice(ids, func(i, j int) bool { return ids[i] > ids[j] })
	for _, id := range ids[:min(n, len(ids))] {
		if err := v.each(executionColumns+"WHERE id = ?", add, id); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Oldest returns executions, by id.
func (v *dbView) Oldest(after int64, n int) (out []*engine.ExecutionRow, err error) {
	err = v.each(executionColumns+"WHERE id > ? ORDER BY id LIMIT ?", func(st *stmt) { out = append(out, scanExecution(st)) }, after, int64(n))
	return out, err
}

// Running reports whether a machine has an execution that has not ended.
func (v *dbView) Running(machine int64) (bool, error) {
	n, err := v.conn.number("SELECT EXISTS (SELECT 1 FROM executions WHERE machine = ? AND status IN (1, 6, 7))", machine)
	return n != 0, err
}

// Frames returns an execution's live frames.
func (v *dbView) Frames(id int64) (map[int64][]byte, error) {
	frames := map[int64][]byte{}
	err := v.each("SELECT root FROM executions WHERE id = ? AND root IS NOT NULL", func(st *stmt) {
		frames[rootFrame] = st.blob(0)
	}, id)
	if err != nil {
		return nil, err
	}
	err = v.each("SELECT frame, data FROM frames WHERE execution = ?", func(st *stmt) {
		frames[st.int(0)] = st.blob(1)
	}, id)
	return frames, err
}

// Results returns the ended children of a frame, by index.
func (v *dbView) Results(id, frame int64) (out []interp.ResultRow, err error) {
	err = v.each("SELECT n, data FROM results WHERE execution = ? AND frame = ? ORDER BY n", func(st *stmt) {
		out = append(out, interp.ResultRow{Frame: frame, Index: int(st.int(0)), Data: st.blob(1)})
	}, id, frame)
	return out, err
}

// Doc returns a numbered document.
func (v *dbView) Doc(id, n int64) ([]byte, error) {
	var text []byte
	err := v.each("SELECT text FROM docs WHERE execution = ? AND n = ?", func(st *stmt) { text = st.blob(0) }, id, n)
	if err == nil && text == nil {
		err = fmt.Errorf("execution %d has no document %d", id, n)
	}
	return text, err
}

// Blocks returns blocks of history. The first one may be in the execution's own row.
func (v *dbView) Blocks(id, from int64, reverse bool, n int) (out []interp.Block, err error) {
	add := func(st *stmt) {
		out = append(out, interp.Block{First: st.int(0), Last: st.int(1), Data: st.blob(2)})
	}
	const first = "SELECT 1, last, block FROM executions WHERE id = ? AND block IS NOT NULL"
	if reverse {
		err = v.each("SELECT first, last, block FROM history WHERE execution = ? AND first <= ? ORDER BY first DESC LIMIT ?", add, id, from, int64(n))
		if err == nil && len(out) < n && from >= 1 {
			err = v.each(first, add, id)
		}
		return out, err
	}
	if err = v.each(first+" AND last >= ?", add, id, from); err != nil || len(out) == n {
		return out, err
	}
	// The block that holds the event may begin before it.
	err = v.each(`SELECT first, last, block FROM history WHERE execution = ?1 AND
		first >= coalesce((SELECT max(first) FROM history WHERE execution = ?1 AND first <= ?2), 0) AND last >= ?2 ORDER BY first LIMIT ?3`, add, id, from, int64(n-len(out)))
	return out, err
}

// Inbox returns an execution's messages.
func (v *dbView) Inbox(id int64) (out []engine.InboxRow, err error) {
	err = v.each("SELECT kind, event, data FROM inbox WHERE execution = ? ORDER BY at, kind, event", func(st *stmt) {
		out = append(out, engine.InboxRow{Key: engine.InboxKey{Kind: interp.InputKind(st.int(0)), Event: st.int(1)}, Data: st.blob(2)})
	}, id)
	return out, err
}

// Due returns executions to wake in (after, until].
func (v *dbView) Due(after engine.Wake, until time.Time, n int) (out []engine.Wake, err error) {
	err = v.each(`SELECT wake, id FROM executions INDEXED BY executions_due
		WHERE wake IS NOT NULL AND (wake, id) > (?, ?) AND wake <= ? ORDER BY wake, id LIMIT ?`, func(st *stmt) {
		out = append(out, engine.Wake{At: st.int(0), Execution: st.int(1)})
	}, after.At, after.Execution, until.UnixMilli(), int64(n))
	return out, err
}

// Unread returns executions with messages.
func (v *dbView) Unread(after int64, n int) (out []int64, err error) {
	err = v.each("SELECT DISTINCT execution FROM inbox WHERE execution > ? ORDER BY execution LIMIT ?", func(st *stmt) {
		out = append(out, st.int(0))
	}, after, int64(n))
	return out, err
}

const commandColumns = "SELECT execution, event, kind, coalesce(activity, 0), due, attempt, epoch, data FROM outbox "

func scanCommand(st *stmt) engine.CommandRow {
	return engine.CommandRow{
		Key: engine.CommandKey{Execution: st.int(0), Event: st.int(1)}, Kind: engine.CommandKind(st.int(2)), Activity: st.int(3),
		Due: st.int(4), Attempt: int(st.int(5)), Epoch: st.int(6), Data: st.blob(7),
	}
}

// Commands returns calls and follow-ups, or an activity's tasks.
func (v *dbView) Commands(activity int64, after engine.CommandKey, n int) (out []engine.CommandRow, err error) {
	add := func(st *stmt) { out = append(out, scanCommand(st)) }
	if activity != 0 {
		err = v.each(commandColumns+"WHERE activity = ? ORDER BY due, execution, event LIMIT ?", add, activity, int64(n))
		return out, err
	}
	err = v.each(commandColumns+"WHERE kind IN (1, 3) AND (execution, event) > (?, ?) ORDER BY execution, event LIMIT ?", add, after.Execution, after.Event, int64(n))
	return out, err
}

// Command returns one command, or nil.
func (v *dbView) Command(key engine.CommandKey) (out *engine.CommandRow, err error) {
	err = v.each(commandColumns+"WHERE execution = ? AND event = ?", func(st *stmt) {
		row := scanCommand(st)
		out = &row
	}, key.Execution, key.Event)
	return out, err
}

// Waiting returns executions with token tasks. The index has the machines apart,
// each in order: they are merged.
func (v *dbView) Waiting(machine, from int64, n int) (out []int64, err error) {
	machines := []int64{machine}
	if machine == 0 {
		machines = machines[:0]
		// Each step of the recursion is one look into the index.
		err = v.each(`WITH RECURSIVE has (machine) AS (
				SELECT min(machine) FROM executions WHERE status = 7
				UNION ALL SELECT (SELECT min(machine) FROM executions WHERE status = 7 AND machine > has.machine) FROM has WHERE machine IS NOT NULL)
			SELECT machine FROM has WHERE machine IS NOT NULL`, func(st *stmt) { machines = append(machines, st.int(0)) })
	}
	below := int64(math.MaxInt64) // none of the first n is this one or after it
	for i := 0; i < len(machines) && err == nil; i++ {
		known := len(out)
		err = v.each("SELECT id FROM executions WHERE status = 7 AND machine = ? AND id >= ? AND id < ? ORDER BY id LIMIT ?",
			func(st *stmt) { out = append(out, st.int(0)) }, machines[i], from, below, int64(n))
		if len(out) == known {
			continue
		}
		if slices.Sort(out); len(out) >= n {
			out = out[:n]
			below = out[n-1]
		}
	}
	return out, err
}

func scanRecord(st *stmt) engine.Record {
	return engine.Record{ID: st.int(0), Kind: engine.RecordKind(st.int(1)), Name: st.text(2), Data: st.blob(3)}
}

// Record returns the record of a kind and name, or nil.
func (v *dbView) Record(kind engine.RecordKind, name string) (*engine.Record, error) {
	st, err := v.conn.prepare("SELECT id, kind, name, data FROM records WHERE kind = ? AND name = ?")
	if err != nil {
		return nil, err
	}
	st.begin()
	st.bindInt(int64(kind))
	st.bindText(name)
	defer st.reset()
	row, err := st.step()
	if err != nil || !row {
		return nil, err
	}
	r := scanRecord(st)
	return &r, nil
}

// RecordByID returns the record of an id, or nil.
func (v *dbView) RecordByID(id int64) (out *engine.Record, err error) {
	err = v.each("SELECT id, kind, name, data FROM records WHERE id = ?", func(st *stmt) {
		r := scanRecord(st)
		out = &r
	}, id)
	return out, err
}

// Records returns records of a kind, by id.
func (v *dbView) Records(kind engine.RecordKind, after int64, n int) (out []engine.Record, err error) {
	err = v.each("SELECT id, kind, name, data FROM records WHERE kind = ? AND id > ? ORDER BY id LIMIT ?", func(st *stmt) {
		out = append(out, scanRecord(st))
	}, int64(kind), after, int64(n))
	return out, err
}
