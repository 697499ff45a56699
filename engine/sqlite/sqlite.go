// Package sqlite is the store of one node: a folder with one database file, or
// :memory: for tests. It writes on one connection and reads on several, in WAL
// mode with synchronous=FULL, and locks the folder against a second process.
package sqlite

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	driver "modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"

	"millrace/engine"
)

// Memory is the folder that stands for a database in memory.
const Memory = ":memory:"

// File is the name of the database in its folder.
const File = "millrace.db"

// Options of [Open]. The zero value works.
type Options struct {
	Readers int          // read connections; 0: 4
	Cache   int          // page cache of the write connection in MiB; 0: 64
	Log     *slog.Logger // nil: slog.Default()
	// NoSync leaves out the sync of each commit: what was acknowledged may be lost
	// when the machine loses power. For throw-away folders.
	NoSync bool

	vfs string // tests: the name of the file system to work on; "": SQLite's own
}

// Store is an [engine.Store] on SQLite.
type Store struct {
	dir     string // "": in memory
	path    string
	options Options
	log     *slog.Logger
	lock    *folderLock

	write sync.Mutex // the write connection
	w     *writer    // nil: to be opened
	epoch int64

	readers chan *conn // nil entries are opened on use; in memory: nil
	closed  atomic.Bool
	quit    chan struct{} // closed with the store
	done    sync.Once
	check   *checkpointer
}

//go:embed migrations
var migrations embed.FS

// Open opens or creates the database in a folder, which it locks, or one in
// memory. A folder that another process has open is refused, and so is a
// database that a newer version wrote.
func Open(ctx context.Context, dir string, o Options) (*Store, error) {
	if o.Readers <= 0 {
		o.Readers = 4
	}
	if o.Cache <= 0 {
		o.Cache = 64
	}
	s := &Store{options: o, log: o.Log, path: Memory, quit: make(chan struct{})}
	if s.log == nil {
		s.log = slog.Default()
	}
	if dir != Memory {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return nil, fmt.Errorf("open store: %w", err)
		}
		lock, err := lockFolder(filepath.Join(dir, "millrace.lock"))
		if err != nil {
			return nil, fmt.Errorf("open store in %s: %w", dir, err)
		}
		s.dir, s.path, s.lock = dir, filepath.Join(dir, File), lock
		s.readers = make(chan *conn, o.Readers)
		for range o.Readers {
			s.readers <- nil
		}
		// SQLite's own builds sync with fdatasync where there is one, which makes a commit
		// twice as fast; the transpiled one asks to be told. Elsewhere it says so and stays with fsync.
		driver.Fdatasync(true)
	}
	sub, err := fs.Sub(migrations, "migrations")
	if err == nil {
		err = s.Migrate(ctx, []engine.Migrations{{Name: "engine", Files: sub}})
	}
	if err != nil {
		s.Close()
		return nil, fmt.Errorf("open store in %s: %w", dir, err)
	}
	if s.dir != "" {
		s.check = startCheckpointer(s)
	}
	return s, nil
}

// Close waits for what is under way, moves the log into the database and
// unlocks the folder.
func (s *Store) Close() error {
	var err error
	s.done.Do(func() { err = s.close() })
	return err
}

func (s *Store) close() error {
	s.closed.Store(true)
	close(s.quit)
	s.check.stop()
	var errs []error
	if s.readers != nil {
		for range s.options.Readers {
			if c := <-s.readers; c != nil {
				errs = append(errs, c.close())
			}
		}
	}
	s.write.Lock()
	defer s.write.Unlock()
	if s.w != nil {
		if s.dir != "" {
			if _, _, err := s.w.checkpoint(lib.SQLITE_CHECKPOINT_TRUNCATE); err != nil && primary(err) != lib.SQLITE_BUSY {
				errs = append(errs, fmt.Errorf("checkpoint: %w", err))
			}
		}
		errs = append(errs, s.w.close())
		s.w = nil
	}
	if s.lock != nil {
		errs = append(errs, s.lock.release())
	}
	return errors.Join(errs...)
}

// writer returns the write connection, opening it if need be. The caller holds s.write.
func (s *Store) writer() (*writer, error) {
	if s.closed.Load() {
		return nil, engine.ErrClosed
	}
	if s.w != nil {
		return s.w, nil
	}
	c, err := openConn(s.path, s.options.vfs)
	if err != nil {
		return nil, err
	}
	sync := "FULL"
	if s.options.NoSync || s.dir == "" {
		sync = "OFF"
	}
	for _, p := range []string{
		fmt.Sprintf("PRAGMA page_size=%d", pageSize),
		"PRAGMA auto_vacuum=INCREMENTAL",
		"PRAGMA journal_mode=WAL",
		"PRAGMA synchronous=" + sync,
		"PRAGMA wal_autocheckpoint=0",
		fmt.Sprintf("PRAGMA journal_size_limit=%d", longLog), // what a long reader made of the log goes when it is started over
		"PRAGMA temp_store=MEMORY",
	} {
		if err := c.script(p); err != nil {
			c.close()
			return nil, fmt.Errorf("open %s: %w", s.path, err)
		}
	}
	if err := c.cachePages(s.options.Cache); err != nil {
		c.close()
		return nil, fmt.Errorf("open %s: %w", s.path, err)
	}
	s.w = newWriter(s, c)
	return s.w, nil
}

// Read runs f on a read connection, in one read transaction. In memory there is
// but one connection: f waits for the group under way, and a write from within
// f would wait for f. An error of the disk is ErrBusy.
func (s *Store) Read(ctx context.Context, f func(engine.View) error) error {
	if s.dir == "" {
		s.write.Lock()
		defer s.write.Unlock()
		w, err := s.writer()
		if err != nil {
			return err
		}
		defer w.closeRows()
		return outage(f(&dbView{conn: w.conn}))
	}
	var c *conn
	select {
	case c = <-s.readers:
	case <-ctx.Done():
		return ctx.Err()
	case <-s.quit:
		return engine.ErrClosed
	}
	defer func() { s.readers <- c }()
	if c == nil {
		fresh, err := s.openReader()
		if err != nil {
			return fmt.Errorf("%w: %w", engine.ErrBusy, err)
		}
		c = fresh
	}
	if err := c.exec("BEGIN"); err != nil {
		return fmt.Errorf("begin read: %w", outage(err))
	}
	defer func() {
		c.closeRows()
		if err := c.exec("COMMIT"); err != nil || !c.idle() {
			c.close()
			c = nil
			return
		}
		c.trim()
	}()
	return outage(f(&dbView{conn: c}))
}

// readerCache is the page cache of a read connection in MiB.
const readerCache = 8

func (s *Store) openReader() (*conn, error) {
	c, err := openConn(s.path, s.options.vfs)
	if err != nil {
		return nil, err
	}
	for _, p := range []string{"PRAGMA query_only=1", "PRAGMA wal_autocheckpoint=0", "PRAGMA temp_store=MEMORY"} {
		if err := c.script(p); err != nil {
			c.close()
			return nil, err
		}
	}
	if err := c.cachePages(readerCache); err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

// Own raises the epoch. One node owns every shard for as long as it holds the folder.
func (s *Store) Own(ctx context.Context, node string) (engine.Ownership, error) {
	s.write.Lock()
	defer s.write.Unlock()
	w, err := s.writer()
	if err != nil {
		return engine.Ownership{}, err
	}
	epoch, err := w.number("INSERT INTO counters (name, value) VALUES ('epoch', 1) ON CONFLICT (name) DO UPDATE SET value = value + 1 RETURNING value")
	if err != nil {
		return engine.Ownership{}, fmt.Errorf("raise epoch: %w", err)
	}
	s.epoch = epoch
	return engine.Ownership{Epoch: epoch}, nil
}

// Backup writes a consistent copy of the database to a file that must not exist
// yet, and syncs it. It may take long: commits go on, and the log grows until it
// ends. When ctx ends first so does the copying, and the file is of no use. A
// database in memory has no backup.
func (s *Store) Backup(ctx context.Context, file string) error {
	if s.dir == "" {
		return errors.New("back up: the database is in memory")
	}
	c, err := openConn(s.path, s.options.vfs)
	if err != nil {
		return err
	}
	defer c.close()
	err = c.interruptible(ctx, func() error { return c.exec("VACUUM INTO ?", file) })
	if err != nil {
		return fmt.Errorf("back up to %s: %w", file, err)
	}
	f, err := os.OpenFile(file, os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("back up: %w", err)
	}
	return errors.Join(f.Sync(), f.Close())
}

// Size returns the bytes that the database and its log take on disk.
func (s *Store) Size() int64 {
	database, log := s.Sizes()
	return database + log
}

// Sizes returns the bytes that the database takes on disk and those of its log;
// in memory there are none.
func (s *Store) Sizes() (database, log int64) {
	if s.dir == "" {
		return 0, 0
	}
	size := func(file string) int64 {
		if fi, err := os.Stat(file); err == nil {
			return fi.Size()
		}
		return 0
	}
	return size(s.path), size(s.path + "-wal")
}
