package sqlite

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"

	lib "modernc.org/sqlite/lib"

	"millrace/engine"
)

// writer is the write connection with what a group needs.
type writer struct {
	*conn
	s   *Store
	txn txn
}

func newWriter(s *Store, c *conn) *writer {
	w := &writer{conn: c, s: s}
	w.txn = txn{dbView: dbView{conn: c}, w: w}
	return w
}

// Group runs units in one transaction.
func (s *Store) Group(ctx context.Context, units []*engine.Unit, limit time.Duration) (int, error) {
	s.write.Lock()
	defer s.write.Unlock()
	w, err := s.writer()
	if err != nil {
		return 1, fmt.Errorf("%w: %w", engine.ErrBusy, err)
	}
	s.check.restartLog(w.conn)
	if err := w.exec("BEGIN IMMEDIATE"); err != nil {
		return 1, fmt.Errorf("%w: begin: %w", engine.ErrBusy, err)
	}
	n, err := w.run(units, limit)
	if err != nil {
		w.rollback()
		return n, err
	}
	if err := w.exec("COMMIT"); err != nil {
		w.drop()
		return n, fmt.Errorf("%w: %w", engine.ErrUnknown, err)
	}
	s.check.wrote(w.conn)
	w.trim()
	return n, nil
}

// The file is cut by cutPages at a time, once so many more are free that they will
// hardly be needed again.
const (
	cutPages   = 128
	spacePages = 4096
)

// Trim gives pages that deletions left back to the file system, a few at a time.
// more is false when those that are still free may well be needed again.
func (t *txn) Trim() (more bool, err error) {
	free, err := t.conn.number("PRAGMA freelist_count")
	if err != nil || free <= spacePages {
		return false, err
	}
	t.wrote = true
	if err := t.conn.script(fmt.Sprintf("PRAGMA incremental_vacuum(%d)", cutPages)); err != nil {
		return false, err
	}
	return free-cutPages > spacePages, nil
}

func (w *writer) run(units []*engine.Unit, limit time.Duration) (int, error) {
	if w.s.epoch != 0 {
		epoch, err := w.number("SELECT value FROM counters WHERE name = 'epoch'")
		if err != nil {
			return 1, outage(err)
		}
		if epoch != w.s.epoch {
			return 1, fmt.Errorf("another process owns the database: its epoch is %d, ours %d", epoch, w.s.epoch)
		}
	}
	begun := time.Now()
	for i, u := range units {
		w.txn.wrote = false
		u.Err = w.unit(u)
		w.closeRows()
		if u.Err != nil {
			if err := outage(u.Err); err != u.Err {
				return i + 1, err
			}
			if w.txn.wrote || w.idle() {
				return i + 1, &engine.UnitError{Index: i, Err: u.Err}
			}
		}
		if time.Since(begun) >= limit {
			return i + 1, nil
		}
	}
	return len(units), nil
}

// unit runs one unit. A panic is its failure.
func (w *writer) unit(u *engine.Unit) (err error) {
	defer func() {
		if p := recover(); p != nil {
			w.txn.wrote = true
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	if c := u.Change; c != nil && u.Do != nil && c.Version != 0 {
		if err := w.txn.check(c); err != nil {
			return err
		}
	}
	if u.Do != nil {
		if err := u.Do(&w.txn); err != nil {
			return err
		}
	}
	if u.Change != nil {
		return w.txn.Write(u.Change)
	}
	return nil
}

// outage wraps an error that is the disk's or the process's fault and not the
// unit's with ErrBusy, and returns any other as it is.
func outage(err error) error {
	switch primary(err) {
	case lib.SQLITE_FULL, lib.SQLITE_IOERR, lib.SQLITE_NOMEM, lib.SQLITE_BUSY, lib.SQLITE_LOCKED,
		lib.SQLITE_CANTOPEN, lib.SQLITE_READONLY, lib.SQLITE_CORRUPT, lib.SQLITE_NOTADB, lib.SQLITE_PROTOCOL:
		return fmt.Errorf("%w: %w", engine.ErrBusy, err)
	}
	return err
}

func (w *writer) rollback() {
	w.closeRows()
	if w.idle() {
		return // the library has rolled back already
	}
	if err := w.exec("ROLLBACK"); err != nil {
		w.drop()
	}
}

// drop closes the connection, and with it whatever it had begun. In memory there
// is nothing to reopen: the transaction is rolled back instead.
func (w *writer) drop() {
	if w.s.dir == "" {
		if !w.idle() {
			w.exec("ROLLBACK")
		}
		return
	}
	if err := w.close(); err != nil {
		w.s.log.Warn("close write connection", "error", err)
	}
	w.s.w = nil
}
