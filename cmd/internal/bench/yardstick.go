package bench

import (
	"context"
	"errors"
	"iter"
	"path/filepath"
	"time"

	"millrace/engine"
	"millrace/engine/sqlite"
)

// yardstick is what the bare store does with what an engine has committed: as
// many transactions, of as many commits each, with as many bytes in each commit.
// It is a store of the same kind, with the same pragmas, log and checkpoints, in
// a folder beside the engine's; it interprets nothing, looks nothing up, answers
// nobody, and writes on one goroutine with prepared statements.
//
// A commit is one framed row of a table that is only appended to. That is the
// least that keeps commits apart, and less than the engine writes, which keeps
// its executions in order beside.
//
// Where each commit does a task's work, as in the workload task, the yardstick
// writes the same rows that the engine does: the effect, and after one read the
// execution's row and that of its history, which has the index by which a history
// is read. It leaves out the indexes by which executions are listed and woken.
//
// The ceiling is one row a transaction, with the bytes of all its commits: what
// the log could do if nothing had to be told apart.
type yardstick struct {
	s    *sqlite.Store
	rows bool
	text []byte // what is written
}

func newYardstick(ctx context.Context, w *workload, o Options) (*yardstick, error) {
	s, err := sqlite.Open(ctx, filepath.Join(o.Data, "yardstick"), sqlite.Options{NoSync: o.NoSync, Log: o.Log})
	if err != nil {
		return nil, err
	}
	y := &yardstick{s: s, rows: w.rows}
	err = y.transaction(ctx, func(t engine.Txn) error {
		for _, sql := range []string{
			"CREATE TABLE bench_log (id INTEGER PRIMARY KEY, block BLOB NOT NULL)",
			"CREATE TABLE bench_executions (id INTEGER PRIMARY KEY, status INTEGER NOT NULL, version INTEGER NOT NULL, meta BLOB NOT NULL, head BLOB NOT NULL, root BLOB)",
			"CREATE TABLE bench_history (id INTEGER PRIMARY KEY, execution INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, block BLOB NOT NULL)",
			"CREATE INDEX bench_history_order ON bench_history (execution, first)",
			"CREATE TABLE bench_effects (id INTEGER PRIMARY KEY, execution INTEGER NOT NULL, event INTEGER NOT NULL)",
		} {
			if _, err := t.Exec(sql); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return y, nil
}

// close closes the store. It may be called more than once.
func (y *yardstick) close() error {
	y.text = nil
	return y.s.Close()
}

// transaction runs f in one transaction.
func (y *yardstick) transaction(ctx context.Context, f func(engine.Txn) error) error {
	u := engine.Unit{Do: f}
	_, err := y.s.Group(ctx, []*engine.Unit{&u}, time.Hour)
	return errors.Join(err, u.Err)
}

// repetition is how long the yardstick took.
type repetition struct {
	commits time.Duration   // row by row
	ceiling time.Duration   // one row a transaction
	each    []time.Duration // each transaction, row by row
}

// repeat repeats the transactions of commits.
func (y *yardstick) repeat(ctx context.Context, commits []rows) (r repetition, err error) {
	write := y.frame
	if y.rows {
		write = y.write
	}
	y.grow(commits)
	begun := time.Now()
	for group := range groups(commits) {
		if err := y.transaction(ctx, func(t engine.Txn) error { return write(t, group) }); err != nil {
			return r, err
		}
		took := time.Since(begun)
		r.each = append(r.each, took-r.commits)
		r.commits = took
	}
	begun = time.Now()
	for group := range groups(commits) {
		if err := y.transaction(ctx, func(t engine.Txn) error { return y.lump(t, group) }); err != nil {
			return r, err
		}
	}
	r.ceiling = time.Since(begun)
	return r, ctx.Err()
}

// groups yields the commits of each transaction.
func groups(commits []rows) iter.Seq[[]rows] {
	return func(yield func([]rows) bool) {
		for len(commits) > 0 {
			n := 1
			for n < len(commits) && commits[n].transaction == commits[0].transaction {
				n++
			}
			group := commits[:n]
			commits = commits[n:]
			if !yield(group) {
				return
			}
		}
	}
}

// grow makes the text as long as any transaction's bytes.
func (y *yardstick) grow(commits []rows) {
	for group := range groups(commits) {
		n := 0
		for i := range group {
			n += group[i].bytes()
		}
		for len(y.text) < n {
			y.text = append(y.text, byte(len(y.text)*31))
		}
	}
}

// frame writes one row for each commit.
func (y *yardstick) frame(t engine.Txn, group []rows) error {
	for i := range group {
		if _, err := t.Exec("INSERT INTO bench_log (block) VALUES (?)", y.text[:group[i].bytes()]); err != nil {
			return err
		}
	}
	return nil
}

// lump writes one row for all commits.
func (y *yardstick) lump(t engine.Txn, group []rows) error {
	n := 0
	for i := range group {
		n += group[i].bytes()
	}
	_, err := t.Exec("INSERT INTO bench_log (block) VALUES (?)", y.text[:n])
	return err
}

// write writes the engine's rows.
func (y *yardstick) write(t engine.Txn, group []rows) error {
	for i := range group {
		r := &group[i]
		if err := y.execution(t, r); err != nil {
			return err
		}
		for range r.effects {
			if _, err := t.Exec("INSERT INTO bench_effects (execution, event) VALUES (?, ?)", r.execution, r.from); err != nil {
				return err
			}
		}
		if r.block+r.other == 0 {
			continue
		}
		if _, err := t.Exec("INSERT INTO bench_history (execution, first, last, block) VALUES (?, ?, ?, ?)",
			r.execution, r.from, r.to, y.text[:r.block+r.other]); err != nil {
			return err
		}
	}
	return nil
}

// execution reads and writes the row of an execution.
func (y *yardstick) execution(t engine.Txn, r *rows) (err error) {
	head, root := y.text[:r.head], y.text[:max(r.root, 0)]
	if r.first {
		_, err = t.Exec("INSERT INTO bench_executions (id, status, version, meta, head, root) VALUES (?, 1, 1, ?, ?, ?)", r.execution, y.text[:r.meta], head, root)
		return err
	}
	version, err := number(t, "SELECT version FROM bench_executions WHERE id = ?", r.execution)
	if err != nil {
		return err
	}
	switch {
	case r.status:
		_, err = t.Exec("UPDATE bench_executions SET version = ?, status = 2, head = ?, root = ? WHERE id = ?", version+1, head, root, r.execution)
	case r.root >= 0:
		_, err = t.Exec("UPDATE bench_executions SET version = ?, head = ?, root = ? WHERE id = ?", version+1, head, root, r.execution)
	default:
		_, err = t.Exec("UPDATE bench_executions SET version = ?, head = ? WHERE id = ?", version+1, head, r.execution)
	}
	return err
}

// number returns the integer that a query yields; 0 when it yields none.
func number(t engine.Txn, sql string, args ...any) (n int64, err error) {
	q, err := t.Query(sql, args...)
	if err != nil {
		return 0, err
	}
	if q.Next() {
		err = q.Scan(&n)
	}
	return n, errors.Join(err, q.Close())
}
