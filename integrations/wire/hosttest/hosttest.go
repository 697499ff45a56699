// Package hosttest is a [tasks.Host] for the tests of integrations: SQLite in
// the test's folder, a clock that the test moves, and a record of the
// executions started, the messages delivered and the follow-ups enqueued.
package hosttest

import (
	"context"
	"database/sql"
	"io/fs"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	_ "modernc.org/sqlite" // the driver

	"millrace/engine"
)

// Host is a host for tests. Its exported fields may be set before it is used.
type Host struct {
	// Start answers Tx.Start; nil: every start succeeds with an ARN made of the name.
	Start func(engine.StartInput) (engine.Started, error)

	write, read *sql.DB

	mu        sync.Mutex
	now       time.Time // zero: the wall clock
	ids       int64
	watchers  map[string]map[int]func()
	watching  int
	wakes     []wake
	timers    []*time.Timer
	started   []engine.StartInput
	delivered []engine.Message
	enqueued  []engine.FollowUp

	unit sync.Mutex // one unit at a time
}

type wake struct {
	key string
	at  time.Time
}

// Epoch is what the clock of a new Host shows.
var Epoch = time.Date(2026, 1, 2, 3, 4, 5, 678e6, time.UTC)

// New opens a database in the test's folder and applies migrations, each file
// system's *.sql in order of name. It is closed when the test ends.
func New(t testing.TB, migrations ...fs.FS) *Host {
	t.Helper()
	path := filepath.Join(t.TempDir(), "host.db")
	h := &Host{now: Epoch, watchers: map[string]map[int]func(){}}
	open := func(options string) *sql.DB {
		db, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=synchronous(OFF)"+options)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { db.Close() })
		return db
	}
	h.write = open("&_txlock=immediate")
	h.write.SetMaxOpenConns(1)
	for _, m := range migrations {
		files, err := fs.Glob(m, "*.sql")
		if err != nil || len(files) == 0 {
			t.Fatalf("migrations: %d files, %v", len(files), err)
		}
		for _, name := range files {
			text, err := fs.ReadFile(m, name)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := h.write.Exec(string(text)); err != nil {
				t.Fatalf("migration %s: %v", name, err)
			}
		}
	}
	h.read = open("&_pragma=query_only(1)")
	t.Cleanup(func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		for _, timer := range h.timers {
			timer.Stop()
		}
	})
	return h
}

// UseWallClock makes the host show the real time and fire wakes by it, for
// servers that are tried by hand.
func (h *Host) UseWallClock() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = time.Time{}
}

// Now is the host's time, in whole milliseconds.
func (h *Host) Now() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.clock()
}

func (h *Host) clock() time.Time {
	if h.now.IsZero() {
		return time.Now().Truncate(time.Millisecond)
	}
	return h.now
}

// Advance moves the clock and calls the watchers whose time has come.
func (h *Host) Advance(d time.Duration) {
	h.mu.Lock()
	h.now = h.now.Add(d)
	var due []string
	h.wakes = slices.DeleteFunc(h.wakes, func(w wake) bool {
		if w.at.After(h.now) {
			return false
		}
		due = append(due, w.key)
		return true
	})
	h.mu.Unlock()
	h.signal(due)
}

// NextWake returns the earliest time given to WakeAt that has not come; false: none.
func (h *Host) NextWake() (time.Time, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.wakes) == 0 {
		return time.Time{}, false
	}
	least := slices.MinFunc(h.wakes, func(a, b wake) int { return a.at.Compare(b.at) })
	return least.at, true
}

// Watching counts the watchers of all keys.
func (h *Host) Watching() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := 0
	for _, w := range h.watchers {
		n += len(w)
	}
	return n
}

// Started lists the executions started so far in committed units.
func (h *Host) Started() []engine.StartInput {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.started)
}

// Delivered lists the messages delivered so far in committed units.
func (h *Host) Delivered() []engine.Message {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.delivered)
}

// Enqueued lists the follow-ups enqueued so far in committed units.
func (h *Host) Enqueued() []engine.FollowUp {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.enqueued)
}

// Do runs f as a unit, alone in its group.
func (h *Host) Do(ctx context.Context, keys []string, f func(engine.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	h.unit.Lock()
	t, err := h.run(f)
	h.unit.Unlock()
	if err != nil {
		return err
	}
	for _, f := range t.after {
		f()
	}
	h.signal(t.notified)
	return nil
}

func (h *Host) run(f func(engine.Tx) error) (*tx, error) {
	sqlTx, err := h.write.Begin()
	if err != nil {
		return nil, err
	}
	t := &tx{host: h, tx: sqlTx, now: h.Now()}
	if err := f(t); err != nil {
		_ = sqlTx.Rollback()
		return nil, err
	}
	if err := sqlTx.Commit(); err != nil {
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.started = append(h.started, t.started...)
	h.delivered = append(h.delivered, t.delivered...)
	h.enqueued = append(h.enqueued, t.enqueued...)
	return t, nil
}

// Read runs f in a read transaction.
func (h *Host) Read(ctx context.Context, f func(engine.Reader) error) error {
	sqlTx, err := h.read.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return err
	}
	defer sqlTx.Rollback()
	return f(reader{sqlTx})
}

// Watch calls f when key is notified or woken.
func (h *Host) Watch(key string, f func()) (stop func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.watching++
	n := h.watching
	if h.watchers[key] == nil {
		h.watchers[key] = map[int]func(){}
	}
	h.watchers[key][n] = f
	return func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.watchers[key], n)
	}
}

// WakeAt signals key's watchers once the clock shows t, which may be at once.
func (h *Host) WakeAt(key string, t time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.now.IsZero() || !t.After(h.now) {
		wait := time.Duration(0)
		if h.now.IsZero() {
			wait = time.Until(t)
		}
		h.timers = append(h.timers, time.AfterFunc(wait, func() { h.signal([]string{key}) }))
		return
	}
	h.wakes = append(h.wakes, wake{key, t})
}

func (h *Host) signal(keys []string) {
	for _, k := range keys {
		h.mu.Lock()
		var all []func()
		for _, f := range h.watchers[k] {
			all = append(all, f)
		}
		h.mu.Unlock()
		for _, f := range all {
			f()
		}
	}
}

// Region is us-east-1.
func (h *Host) Region() string { return "us-east-1" }

// Account is 000000000000.
func (h *Host) Account() string { return "000000000000" }

type reader struct{ tx *sql.Tx }

func (r reader) Query(q string, args ...any) (engine.Rows, error) { return r.tx.Query(q, args...) }

type tx struct {
	host      *Host
	tx        *sql.Tx
	now       time.Time
	notified  []string
	after     []func()
	started   []engine.StartInput
	delivered []engine.Message
	enqueued  []engine.FollowUp
}

func (t *tx) Query(q string, args ...any) (engine.Rows, error) { return t.tx.Query(q, args...) }

func (t *tx) Exec(q string, args ...any) (int64, error) {
	r, err := t.tx.Exec(q, args...)
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

func (t *tx) Now() time.Time { return t.now }

func (t *tx) ID() (int64, error) {
	t.host.mu.Lock()
	defer t.host.mu.Unlock()
	t.host.ids++
	return t.host.ids, nil
}

func (t *tx) Start(in engine.StartInput) (engine.Started, error) {
	out := engine.Started{ARN: in.MachineARN + ":" + in.Name, Name: in.Name, Started: t.now}
	if t.host.Start != nil {
		var err error
		if out, err = t.host.Start(in); err != nil {
			return engine.Started{}, err
		}
	}
	t.started = append(t.started, in)
	return out, nil
}

func (t *tx) Deliver(m engine.Message) (bool, error) {
	t.delivered = append(t.delivered, m)
	return true, nil
}

func (t *tx) Enqueue(f engine.FollowUp) error {
	t.enqueued = append(t.enqueued, f)
	return nil
}

func (t *tx) Notify(key string) { t.notified = append(t.notified, key) }

func (t *tx) AfterCommit(f func()) { t.after = append(t.after, f) }

// Yield lets other goroutines run; tests that wait for one call it in a loop.
func (h *Host) Yield() { runtime.Gosched() }
