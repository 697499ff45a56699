package sqlite

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unsafe"

	"modernc.org/libc"
	lib "modernc.org/sqlite/lib"
)

// conn is a connection: a thin layer over the transpiled library, without what
// database/sql adds. It is used by one goroutine at a time.
type conn struct {
	tls        *libc.TLS
	db         uintptr
	cache      map[string]*stmt
	open       map[*rows]struct{} // not closed yet
	tick       int64              // of the cache
	cacheBytes int64              // that the page cache may take
}

// pageSize is the size in bytes of the database's pages.
const pageSize = 4096

// maxStatements is how many prepared statements a connection keeps.
const maxStatements = 400

// Error is an error of the database.
type Error struct {
	Code    int // extended result code
	Message string
}

func (e *Error) Error() string { return fmt.Sprintf("sqlite: %s (%d)", e.Message, e.Code) }

// code returns the result code of err, or 0.
func code(err error) int {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return 0
}

// primary returns the primary result code of err, or 0.
func primary(err error) int { return code(err) & 0xff }

// openConn opens a connection through a file system of SQLite's; "": the default one.
func openConn(path, vfs string) (*conn, error) {
	c := &conn{tls: libc.NewTLS(), cache: map[string]*stmt{}, open: map[*rows]struct{}{}}
	name, err := libc.CString(path)
	if err != nil {
		c.tls.Close()
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	defer libc.Xfree(c.tls, name)
	pp := c.tls.Alloc(8)
	defer c.tls.Free(8)
	through := uintptr(0)
	if vfs != "" {
		if through, err = libc.CString(vfs); err != nil {
			c.tls.Close()
			return nil, fmt.Errorf("open %s: %w", path, err)
		}
		defer libc.Xfree(c.tls, through)
	}
	flags := int32(lib.SQLITE_OPEN_READWRITE | lib.SQLITE_OPEN_CREATE | lib.SQLITE_OPEN_NOMUTEX)
	rc := lib.Xsqlite3_open_v2(c.tls, name, pp, flags, through)
	c.db = *(*uintptr)(pointer(pp))
	if rc != lib.SQLITE_OK {
		err := c.fail(rc)
		c.close()
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	lib.Xsqlite3_extended_result_codes(c.tls, c.db, 1)
	lib.Xsqlite3_busy_timeout(c.tls, c.db, 5000)
	return c, nil
}

// close finalizes every statement and closes the connection.
func (c *conn) close() error {
	for _, st := range c.cache {
		st.finalize()
	}
	c.cache = nil
	var err error
	if c.db != 0 {
		if rc := lib.Xsqlite3_close_v2(c.tls, c.db); rc != lib.SQLITE_OK {
			err = c.fail(rc)
		}
		c.db = 0
	}
	c.tls.Close()
	return err
}

func (c *conn) fail(rc int32) error {
	e := &Error{Code: int(rc)}
	if c.db != 0 {
		e.Message = libc.GoString(lib.Xsqlite3_errmsg(c.tls, c.db))
	} else {
		e.Message = libc.GoString(lib.Xsqlite3_errstr(c.tls, rc))
	}
	return e
}

// exec runs one statement that yields no rows that matter.
func (c *conn) exec(sql string, args ...any) error {
	st, err := c.prepare(sql)
	if err != nil {
		return err
	}
	if err := st.bindAll(args); err != nil {
		return err
	}
	return st.run()
}

// script runs statements separated by semicolons.
func (c *conn) script(sql string) error {
	for {
		sql = strings.TrimSpace(sql)
		if sql == "" {
			return nil
		}
		st, tail, err := c.compile(sql)
		if err != nil {
			return err
		}
		if st != nil {
			err = st.run()
			st.finalize()
			if err != nil {
				return fmt.Errorf("%s: %w", strings.TrimSpace(sql[:len(sql)-len(tail)]), err)
			}
		}
		sql = tail
	}
}

// number returns the first column of the first row, 0 when there is none.
func (c *conn) number(sql string, args ...any) (int64, error) {
	st, err := c.prepare(sql)
	if err != nil {
		return 0, err
	}
	if err := st.bindAll(args); err != nil {
		return 0, err
	}
	defer st.reset()
	row, err := st.step()
	if err != nil || !row {
		return 0, err
	}
	return st.int(0), nil
}

// changes returns the number of rows that the last statement changed.
func (c *conn) changes() int64 { return int64(lib.Xsqlite3_changes64(c.tls, c.db)) }

// interruptible runs f and, when ctx ends first, interrupts the statement that f
// is running: the error is then that of ctx.
func (c *conn) interruptible(ctx context.Context, f func() error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	interrupted := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(interrupted)
		tls := libc.NewTLS() // c's own is in use
		defer tls.Close()
		lib.Xsqlite3_interrupt(tls, c.db)
	})
	err := f()
	if !stop() {
		<-interrupted
		if err != nil {
			return ctx.Err()
		}
	}
	return err
}

// idle reports whether no transaction is open.
func (c *conn) idle() bool { return lib.Xsqlite3_get_autocommit(c.tls, c.db) != 0 }

// prepare returns the statement, from the cache when it is there and free.
func (c *conn) prepare(sql string) (*stmt, error) {
	c.tick++
	if st := c.cache[sql]; st != nil && !st.busy {
		st.used = c.tick
		return st, nil
	}
	st, tail, err := c.compile(sql)
	if err != nil {
		return nil, err
	}
	if st == nil || strings.TrimSpace(tail) != "" {
		if st != nil {
			st.finalize()
		}
		return nil, fmt.Errorf("not exactly one statement: %.200q", sql)
	}
	if c.cache[sql] != nil {
		st.single = true // the cached one is being read: this one goes when it is done
		return st, nil
	}
	if len(c.cache) >= maxStatements {
		c.evict()
	}
	st.used = c.tick
	c.cache[sql] = st
	return st, nil
}

// evict drops the eighth of the statements that was not used for longest.
func (c *conn) evict() {
	for range maxStatements / 8 {
		var oldest string
		limit := c.tick + 1
		for sql, st := range c.cache {
			if !st.busy && !st.kept && st.used < limit {
				oldest, limit = sql, st.used
			}
		}
		if limit > c.tick {
			return
		}
		c.cache[oldest].finalize()
		delete(c.cache, oldest)
	}
}

func (c *conn) compile(sql string) (st *stmt, tail string, err error) {
	text, err := libc.CString(sql)
	if err != nil {
		return nil, "", err
	}
	defer libc.Xfree(c.tls, text)
	out := c.tls.Alloc(16)
	defer c.tls.Free(16)
	rc := lib.Xsqlite3_prepare_v3(c.tls, c.db, text, int32(len(sql)), lib.SQLITE_PREPARE_PERSISTENT, out, out+8)
	if rc != lib.SQLITE_OK {
		return nil, "", fmt.Errorf("%.300s: %w", sql, c.fail(rc))
	}
	p := *(*uintptr)(pointer(out))
	end := *(*uintptr)(pointer(out + 8))
	tail = sql[min(int(end-text), len(sql)):]
	if p == 0 {
		return nil, tail, nil
	}
	st = &stmt{c: c, p: p, params: int(lib.Xsqlite3_bind_parameter_count(c.tls, p))}
	return st, tail, nil
}

// checkpoint moves what it can from the log into the database. left is the
// number of frames that remain to be moved.
func (c *conn) checkpoint(mode int32) (frames, left int, err error) {
	out := c.tls.Alloc(16)
	defer c.tls.Free(16)
	rc := lib.Xsqlite3_wal_checkpoint_v2(c.tls, c.db, 0, mode, out, out+8)
	if rc != lib.SQLITE_OK {
		return 0, 0, c.fail(rc)
	}
	log, done := int(*(*int32)(pointer(out))), int(*(*int32)(pointer(out + 8)))
	return log, log - done, nil
}

// cachePages bounds the page cache in MiB.
func (c *conn) cachePages(mib int) error {
	c.cacheBytes = int64(mib) << 20
	return c.script(fmt.Sprintf("PRAGMA cache_size=-%d", mib<<10))
}

// trim empties the page cache before it is full. The connections of a process
// share their pages' list in the library as it is built, and one whose cache is
// full beside others is left without even the pages that it needs each time.
func (c *conn) trim() {
	if c.status(lib.SQLITE_DBSTATUS_CACHE_USED, 0) > c.cacheBytes-c.cacheBytes/8 {
		lib.Xsqlite3_db_release_memory(c.tls, c.db)
	}
}

// status returns a counter of the connection.
func (c *conn) status(counter, reset int32) int64 {
	out := c.tls.Alloc(8)
	defer c.tls.Free(8)
	lib.Xsqlite3_db_status(c.tls, c.db, counter, out, out+4, reset)
	return int64(*(*int32)(pointer(out)))
}

// written returns the bytes of pages written since the last call.
func (c *conn) written() int64 { return c.status(lib.SQLITE_DBSTATUS_CACHE_WRITE, 1) * pageSize }

// pointer makes a pointer of an address outside Go's heap.
func pointer(p uintptr) unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(&p)) }

// view makes a slice of memory outside Go's heap.
func view(p uintptr, n int) []byte { return unsafe.Slice((*byte)(pointer(p)), n) }
