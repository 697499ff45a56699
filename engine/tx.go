package engine

import (
	"encoding/json"
	"fmt"
	"time"
)

// tx is a unit's view of its group. It implements Tx.
type tx struct {
	e       *Engine
	t       Txn
	keys    []string // notified
	effects []func() // after the commit
}

// Query reads.
func (t *tx) Query(sql string, args ...any) (Rows, error) { return t.t.Query(sql, args...) }

// Exec writes.
func (t *tx) Exec(sql string, args ...any) (int64, error) { return t.t.Exec(sql, args...) }

// Now returns the group's time.
func (t *tx) Now() time.Time { return t.e.groupNow }

// ID returns a new id.
func (t *tx) ID() (int64, error) {
	if id, ok := t.e.spareID(); ok {
		return id, nil
	}
	// Waiting for the next block would be waiting for this very group.
	return t.t.IDs(1)
}

// Notify signals key's waiters after the commit.
func (t *tx) Notify(key string) {
	for _, k := range t.keys {
		if k == key {
			return
		}
	}
	t.keys = append(t.keys, key)
}

// AfterCommit runs f after the commit, on the committer's goroutine.
func (t *tx) AfterCommit(f func()) { t.effects = append(t.effects, f) }

// Deliver puts a message into an execution's inbox.
func (t *tx) Deliver(m Message) (first bool, err error) {
	if m.Input.At.IsZero() {
		m.Input.At = t.Now()
	}
	first, err = t.t.Send(m.Execution, &m.Input)
	if err == nil && first {
		t.AfterCommit(func() { t.e.hint(m.Execution) })
	}
	return first, err
}

// Enqueue adds a remote call that answers nobody.
func (t *tx) Enqueue(f FollowUp) error {
	if f.Attempts <= 0 {
		f.Attempts = 3
	}
	if f.Backoff <= 0 {
		f.Backoff = time.Second
	}
	id, err := t.ID()
	if err != nil {
		return err
	}
	if f.Key == "" {
		f.Key = fmt.Sprintf("%s-%d", t.e.database, id)
	}
	data, err := json.Marshal(f)
	if err != nil {
		return fmt.Errorf("follow-up to %s: %w", f.Resource, err)
	}
	row := CommandRow{Key: CommandKey{Event: id}, Kind: FollowUpCommand, Due: t.Now().UnixMilli(), Data: data}
	if err := t.t.PutCommand(row); err != nil {
		return err
	}
	t.AfterCommit(func() { t.e.dispatch.add(row, nil) })
	return nil
}

// signal signals the waiters that the unit notified.
func (t *tx) signal() {
	for _, k := range t.keys {
		t.e.waiters.signal(k)
	}
}

// committed does what was to follow the commit.
func (t *tx) committed() {
	t.signal()
	for _, f := range t.effects {
		f()
	}
}
