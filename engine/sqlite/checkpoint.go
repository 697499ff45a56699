package sqlite

import (
	"sync"
	"sync/atomic"

	lib "modernc.org/sqlite/lib"
)

// The log is moved into the database by a side connection without holding up
// commits, whenever checkpointBytes or so were written. When the log has
// restartFrames and nearly all of it has been moved, the next group starts it
// over, so that it does not grow without end. After longLog bytes it is started
// over even when much is left, which takes that group longer.
const (
	checkpointBytes = 4 << 20
	restartFrames   = 4000
	littleLeft      = 1000
	longLog         = 64 << 20
)

// checkpointer owns the side connection.
type checkpointer struct {
	s       *Store
	wake    chan struct{}
	quit    chan struct{}
	ended   chan struct{}
	working sync.Mutex // on the log: one of the two at a time
	restart atomic.Bool
	written int64 // since the last checkpoint; the committer's
	logged  int64 // since the log was started over, about; the committer's
}

func startCheckpointer(s *Store) *checkpointer {
	k := &checkpointer{s: s, wake: make(chan struct{}, 1), quit: make(chan struct{}), ended: make(chan struct{})}
	go k.run()
	return k
}

// stop ends the side connection and waits for it. k may be nil.
func (k *checkpointer) stop() {
	if k == nil {
		return
	}
	close(k.quit)
	<-k.ended
}

// wrote counts what a commit wrote. The committer calls it. k may be nil.
func (k *checkpointer) wrote(c *conn) {
	if k == nil {
		return
	}
	bytes := c.written()
	k.written += bytes
	k.logged += bytes
	if k.written < checkpointBytes {
		return
	}
	select {
	case k.wake <- struct{}{}:
		k.written = 0
	default:
	}
}

func (k *checkpointer) run() {
	defer close(k.ended)
	var c *conn
	defer func() {
		if c != nil {
			c.close()
		}
	}()
	for {
		select {
		case <-k.quit:
			return
		case <-k.wake:
		}
		if k.restart.Load() {
			continue // the committer wants the log for itself
		}
		if c == nil {
			fresh, err := openConn(k.s.path, k.s.options.vfs)
			if err == nil {
				// A connection that has not read yet does not know of the log.
				c, err = fresh, fresh.script("PRAGMA wal_autocheckpoint=0; SELECT 1 FROM sqlite_master")
			}
			if err != nil {
				k.s.log.Warn("open checkpoint connection", "error", err)
				continue
			}
		}
		k.working.Lock()
		frames, left, err := c.checkpoint(lib.SQLITE_CHECKPOINT_PASSIVE)
		k.working.Unlock()
		if primary(err) == lib.SQLITE_BUSY {
			continue // another process looks at the log, such as a backup
		}
		if err != nil {
			k.s.log.Warn("checkpoint", "error", err)
			continue
		}
		if frames >= restartFrames && left <= littleLeft {
			k.restart.Store(true)
		}
	}
}

// restartLog starts the log over if that is due and no reader needs it. The
// committer calls it between groups. k may be nil.
func (k *checkpointer) restartLog(c *conn) {
	if k == nil {
		return
	}
	switch {
	case k.logged >= longLog:
		k.working.Lock()
	case !k.restart.Load() || !k.working.TryLock():
		return
	}
	defer k.working.Unlock()
	k.restart.Store(false)
	lib.Xsqlite3_busy_timeout(c.tls, c.db, 20)
	defer lib.Xsqlite3_busy_timeout(c.tls, c.db, 5000)
	_, _, err := c.checkpoint(lib.SQLITE_CHECKPOINT_RESTART)
	switch {
	case err == nil:
		k.logged = 0
	case primary(err) == lib.SQLITE_BUSY: // a reader still needs the log
		k.logged = max(k.logged-longLog/4, 0)
	default:
		k.s.log.Warn("restart the log", "error", err)
	}
}
