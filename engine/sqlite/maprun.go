package sqlite

import (
	"fmt"
	"slices"

	"millrace/engine"
	"millrace/engine/interp"
)

const mapRunColumns = "SELECT id, execution, event, machine, definition, name, running, stop, version, head FROM map_runs "

func scanMapRun(st *stmt) *engine.MapRunRow {
	return &engine.MapRunRow{
		ID: st.int(0), Execution: st.int(1), Event: st.int(2), Machine: st.int(3), Definition: st.int(4), Name: st.text(5),
		Running: st.int(6) != 0, Stop: st.int(7) != 0, Version: st.int(8), Head: st.blob(9),
	}
}

// MapRun returns a map run, or nil.
func (v *dbView) MapRun(id int64) (row *engine.MapRunRow, err error) {
	err = v.each(mapRunColumns+"WHERE id = ?", func(st *stmt) { row = scanMapRun(st) }, id)
	return row, err
}

// MapPlan returns a map run's plan.
func (v *dbView) MapPlan(id int64) (plan []byte, err error) {
	err = v.each("SELECT data FROM map_plans WHERE run = ?", func(st *stmt) { plan = st.blob(0) }, id)
	return plan, err
}

// MapRunNamed returns the id of the map run of a name; 0: none.
func (v *dbView) MapRunNamed(name string) (int64, error) {
	st, err := v.conn.prepare("SELECT id FROM map_runs WHERE name = ?")
	if err != nil {
		return 0, err
	}
	st.begin()
	st.bindText(name)
	defer st.reset()
	row, err := st.step()
	if err != nil || !row {
		return 0, err
	}
	return st.int(0), nil
}

// MapRuns returns map runs of an execution, newest first.
func (v *dbView) MapRuns(execution, before int64, n int) (out []*engine.MapRunRow, err error) {
	if before <= 0 {
		before = 1<<63 - 1
	}
	err = v.each(mapRunColumns+"WHERE execution = ? AND id < ? ORDER BY id DESC LIMIT ?", func(st *stmt) {
		out = append(out, scanMapRun(st))
	}, execution, before, int64(n))
	return out, err
}

// RunningMapRuns returns map runs that have not ended.
func (v *dbView) RunningMapRuns(after int64, n int) (out []int64, err error) {
	err = v.each("SELECT id FROM map_runs WHERE running = 1 AND id > ? ORDER BY id LIMIT ?", func(st *stmt) {
		out = append(out, st.int(0))
	}, after, int64(n))
	return out, err
}

// Children returns executions of a map run, by id. The index has the statuses
// apart, each in order: they are merged.
func (v *dbView) Children(run int64, after int64, n int, of ...interp.Status) (out []*engine.ExecutionRow, err error) {
	if len(of) == 0 {
		of = []interp.Status{""}
	}
	var codes []int64
	for _, s := range of {
		codes = append(codes, statusCodes(s)...)
	}
	for _, code := range codes {
		err := v.each(executionColumns+"WHERE machine = ? AND status = ? AND id > ? ORDER BY id LIMIT ?", func(st *stmt) {
			out = append(out, scanExecution(st))
		}, -run, code, after, int64(n))
		if err != nil {
			return nil, err
		}
	}
	slices.SortFunc(out, func(a, b *engine.ExecutionRow) int { return int(a.ID - b.ID) })
	return out[:min(n, len(out))], nil
}

// PutMapRun adds a map run.
func (t *txn) PutMapRun(r *engine.MapRunRow) error {
	_, err := t.Exec(`INSERT INTO map_runs (id, execution, event, machine, definition, name, running, stop, version, head)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, 1, ?)`, r.ID, r.Execution, r.Event, r.Machine, r.Definition, r.Name, r.Running, r.Stop, r.Head)
	if err != nil {
		return fmt.Errorf("add map run %d: %w", r.ID, err)
	}
	_, err = t.Exec("INSERT INTO map_plans (run, data) VALUES (?, ?)", r.ID, r.Plan)
	return err
}

// UpdateMapRun replaces the head and Running of a run.
func (t *txn) UpdateMapRun(r *engine.MapRunRow) error {
	wrote := t.wrote
	n, err := t.Exec("UPDATE map_runs SET version = version + 1, head = ? WHERE id = ? AND version = ?", r.Head, r.ID, r.Version)
	if err != nil {
		return fmt.Errorf("update map run %d: %w", r.ID, err)
	}
	if n == 0 {
		t.wrote = wrote
		return engine.ErrConflict
	}
	if !r.Running {
		return t.ints("UPDATE map_runs SET running = 0 WHERE id = ?", r.ID)
	}
	return nil
}

// StopMapRun sets Stop of a run that has not ended.
func (t *txn) StopMapRun(id int64) error {
	return t.ints("UPDATE map_runs SET stop = 1, version = version + 1 WHERE id = ? AND running = 1", id)
}

// PutMapRunEnd leaves word that a child has ended.
func (t *txn) PutMapRunEnd(run int64, end engine.MapRunEnd) error {
	return t.ints("INSERT INTO map_ends (run, child, status, items) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING", run, end.Child, statusCode(end.Status, false), end.Items)
}

// TakeMapRunEnds removes and returns words of children that have ended.
func (t *txn) TakeMapRunEnds(run int64, n int) (out []engine.MapRunEnd, err error) {
	err = t.each("SELECT child, status, items FROM map_ends WHERE run = ? ORDER BY child LIMIT ?", func(st *stmt) {
		out = append(out, engine.MapRunEnd{Child: st.int(0), Status: statusOf(st.int(1)), Items: st.int(2)})
	}, run, int64(n))
	if err != nil || len(out) == 0 {
		return nil, err
	}
	return out, t.ints("DELETE FROM map_ends WHERE run = ? AND child <= ?", run, out[len(out)-1].Child)
}

// deleteChildren removes the children of an execution's map runs, as far as about
// left rows go, and returns how many rows may still be removed.
func (t *txn) deleteChildren(execution, left int64) (int64, error) {
	const rows = 4 // of a small execution
	for left > 0 {
		child, err := t.conn.number(`SELECT x.id FROM map_runs r CROSS JOIN executions x ON x.status IN (1, 2, 3, 4, 5, 6, 7) AND x.machine = -r.id
			WHERE r.execution = ? AND r.running = 0 LIMIT 1`, execution)
		if err != nil || child == 0 {
			return left, err
		}
		if done, err := t.DeleteExecution(child, int(left)); err != nil || !done {
			return 0, err
		}
		left -= rows
	}
	return left, nil
}
