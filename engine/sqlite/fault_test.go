package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	lib "modernc.org/sqlite/lib"

	"millrace/asl/document"
	"millrace/engine"
	"millrace/engine/interp"
)

// faultEvery is an environment variable: power cuts and errors are tried at every
// n-th operation of the work, 1 for each. Default 23.
const faultEvery = "MILLRACE_FAULT_EVERY"

func every(t *testing.T) int {
	n := 23
	if s := os.Getenv(faultEvery); s != "" {
		var err error
		if n, err = strconv.Atoi(s); err != nil || n < 1 {
			t.Fatalf("%s: %q", faultEvery, s)
		}
	}
	if testing.Short() {
		n = max(n, 80)
	}
	return n
}

// work is an engine on a disk that fails.
type work struct {
	*engine.Engine
	t     *testing.T
	disk  *faultDisk
	store *Store
	ctx   context.Context // ends when the power goes
}

const (
	faultMachines   = "arn:aws:states:us-east-1:000000000000:stateMachine:"
	faultExecutions = 3
	faultEffects    = 6 // of each, one of them in its nested execution
)

// faultDefinition has local tasks, a wait, a remote call, a nested execution and
// branches.
const faultDefinition = `{"StartAt": "First", "States": {
	"First": {"Type": "Task", "Resource": "arn:aws:states:::svc:count", "ResultPath": null, "Next": "Wait"},
	"Wait": {"Type": "Wait", "Seconds": 1, "Next": "Both"},
	"Both": {"Type": "Parallel", "ResultPath": null, "Next": "Nested", "Branches": [
		{"StartAt": "Call", "States": {"Call": {"Type": "Task", "Resource": "arn:aws:states:::svc:call", "End": true}}},
		{"StartAt": "Each", "States": {"Each": {"Type": "Map", "ItemsPath": "$.items", "MaxConcurrency": 2, "End": true, "ItemProcessor": {
			"StartAt": "I", "States": {"I": {"Type": "Task", "Resource": "arn:aws:states:::svc:count", "End": true}}}}}}]},
	"Nested": {"Type": "Task", "Resource": "arn:aws:states:::svc:run.sync", "ResultPath": null, "End": true}}}`

const countDefinition = `{"StartAt": "T", "States": {"T": {"Type": "Task", "Resource": "arn:aws:states:::svc:count", "Next": "U"}, "U": {"Type": "Task", "Resource": "arn:aws:states:::svc:count", "End": true}}}`

// resources resolves what faultDefinition calls.
type resources struct{}

type localTask struct {
	name string
	run  func(engine.Tx, engine.Call) error
}

func (l localTask) Resource() string          { return l.name }
func (l localTask) Keys(engine.Call) []string { return nil }
func (l localTask) Savepoint() bool           { return false }
func (l localTask) Run(tx engine.Tx, c engine.Call) (interp.Outcome, error) {
	return interp.Outcome{Output: document.FromBytes([]byte(`{}`))}, l.run(tx, c)
}

type remoteTask struct{ name string }

func (r remoteTask) Resource() string        { return r.name }
func (r remoteTask) Lost() engine.LostPolicy { return engine.Repeat }
func (r remoteTask) Call(context.Context, engine.Call) (interp.Outcome, error) {
	return interp.Outcome{Output: document.FromBytes([]byte(`{}`))}, nil
}

func (resources) Resolve(name string) (engine.Task, error) {
	switch name {
	case "arn:aws:states:::svc:count":
		return localTask{name, func(tx engine.Tx, c engine.Call) error {
			_, err := tx.Exec("INSERT INTO test_effects (key, n) VALUES (?, 1) ON CONFLICT (key) DO UPDATE SET n = n + 1", c.Key)
			return err
		}}, nil
	case "arn:aws:states:::svc:run.sync":
		return localTask{name, func(tx engine.Tx, c engine.Call) error {
			_, err := tx.Start(engine.StartInput{MachineARN: faultMachines + "nested", Parent: &engine.Parent{Execution: c.Execution, Event: c.Event}})
			return err
		}}, nil
	case "arn:aws:states:::svc:call":
		return remoteTask{name}, nil
	}
	return nil, fmt.Errorf("unknown resource %s", name)
}

// begin opens an engine on the disk.
func begin(t *testing.T, d *faultDisk) (*work, error) {
	ctx, cancel := context.WithCancel(context.Background())
	d.set(func() { d.gone = cancel })
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	if testing.Verbose() {
		log = slog.New(slog.NewTextHandler(t.Output(), nil))
	}
	store, err := Open(context.Background(), d.dir, Options{Log: log, Cache: 1, vfs: faultVFS})
	if err != nil {
		return nil, err
	}
	e, err := engine.Open(context.Background(), engine.Config{Store: store, Workers: 2, Log: log, Tasks: func(e *engine.Engine) (engine.Resolver, error) {
		return resources{}, e.Do(context.Background(), nil, func(tx engine.Tx) error {
			_, err := tx.Exec("CREATE TABLE IF NOT EXISTS test_effects (key TEXT PRIMARY KEY, n INTEGER NOT NULL)")
			return err
		})
	}})
	if err != nil {
		return nil, err
	}
	return &work{e, t, d, store, ctx}, nil
}

// must is begin without an error.
func must(t *testing.T, d *faultDisk) *work {
	t.Helper()
	w, err := begin(t, d)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// deploy creates the state machines. It may be called again.
func (w *work) deploy() error {
	_, err := w.CreateStateMachine(context.Background(), engine.CreateStateMachine{Name: "nested", Definition: countDefinition})
	if err == nil {
		_, err = w.CreateStateMachine(context.Background(), engine.CreateStateMachine{Name: "m", Definition: faultDefinition})
	}
	return err
}

func execution(i int) string {
	return fmt.Sprintf("arn:aws:states:us-east-1:000000000000:execution:m:x%d", i)
}

// start starts an execution, or finds it started.
func (w *work) start(i int) error {
	_, err := w.StartExecution(context.Background(), engine.StartInput{MachineARN: faultMachines + "m", Name: fmt.Sprint("x", i), Input: []byte(`{"items": [1, 2, 3]}`)})
	if errors.Is(err, engine.ErrExecutionExists) {
		return nil
	}
	return err
}

// end waits for the executions' ends, with the log moved and started over meanwhile.
func (w *work) end() error {
	for i := range faultExecutions {
		w.checkpoint()
		if _, err := w.WaitExecution(w.ctx, execution(i)); err != nil {
			return err
		}
	}
	return nil
}

// checkpoint has the log moved into the database, and the next group start it over.
func (w *work) checkpoint() {
	select {
	case w.store.check.wake <- struct{}{}:
	default:
	}
	synctest.Wait()
	w.store.check.restart.Store(true)
}

// all does the whole of the work and reports what was acknowledged.
func (w *work) all(acknowledged map[int]bool) error {
	if err := w.deploy(); err != nil {
		return err
	}
	for i := range faultExecutions {
		if err := w.start(i); err != nil {
			return err
		}
		acknowledged[i] = true
	}
	return w.end()
}

// rows returns the first column of a query.
func (w *work) rows(sql string) (list []string) {
	w.t.Helper()
	err := w.Read(context.Background(), func(r engine.Reader) error {
		rows, err := r.Query(sql)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var s string
			if err := rows.Scan(&s); err != nil {
				return err
			}
			list = append(list, s)
		}
		return rows.Err()
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return list
}

// check checks the promises of work that has come to its end.
func (w *work) check(what string) {
	w.t.Helper()
	ctx := context.Background()
	if got := w.rows("PRAGMA integrity_check"); len(got) != 1 || got[0] != "ok" {
		w.t.Errorf("%s: integrity check: %v", what, got)
	}
	for i := range faultExecutions {
		x, err := w.DescribeExecution(ctx, execution(i))
		if err != nil || x.Status != interp.Succeeded {
			w.t.Errorf("%s: execution %d: %s, %v", what, i, x.Status, err)
			continue
		}
		events, _, err := w.History(ctx, execution(i), engine.Page{Max: 1000})
		if err != nil {
			w.t.Errorf("%s: %v", what, err)
		}
		for n, e := range events {
			if e.ID != int64(n+1) || e.Previous >= e.ID || n > 0 && e.Time.Before(events[n-1].Time) {
				w.t.Errorf("%s: execution %d: event %d after %d events", what, i, e.ID, n)
			}
		}
	}
	if got, want := fmt.Sprint(w.rows("SELECT count(*) || ' ' || max(n) FROM test_effects")), fmt.Sprintf("[%d 1]", faultExecutions*faultEffects); got != want {
		w.t.Errorf("%s: effects and most repeats of one: got %s, want %s", what, got, want)
	}
	if got := w.rows("SELECT 'inbox ' || execution FROM inbox UNION ALL SELECT 'outbox ' || execution || '/' || event FROM outbox UNION ALL SELECT 'frame ' || execution FROM frames"); len(got) > 0 {
		w.t.Errorf("%s: left behind: %v", what, got)
	}
}

// measure does the work on a disk without faults and returns how many operations
// it takes.
func measure(t *testing.T) (n int) {
	synctest.Test(t, func(t *testing.T) {
		d := newFaultDisk(t)
		w := must(t, d)
		if err := w.all(map[int]bool{}); err != nil {
			t.Fatal(err)
		}
		w.check("without faults")
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		n = d.operations()
	})
	return n
}

// TestPowerCuts lets the power go at one operation after the other, and once more
// afterwards, with what was not synced lost, there, or torn; what was acknowledged is there afterwards, and
// the work goes on and ends as if nothing had been.
func TestPowerCuts(t *testing.T) {
	n, cuts := measure(t), 0
	for at := 1; at <= n; at += every(t) {
		synctest.Test(t, func(t *testing.T) {
			d := newFaultDisk(t)
			acknowledged := map[int]bool{}
			for _, cut := range []int{at, 1 + at*7%150} { // the second while it comes up again, or soon after
				d.cut = cut
				if w, err := begin(t, d); err == nil {
					w.all(acknowledged)
					w.Close()
				}
				d = d.survivors(t, uint64(at))
			}
			w := must(t, d)
			defer w.Close()
			for i := range acknowledged {
				if _, err := w.DescribeExecution(context.Background(), execution(i)); err != nil {
					t.Errorf("power cut at operation %d: execution %d was acknowledged: %v", at, i, err)
				}
			}
			if err := w.all(map[int]bool{}); err != nil {
				t.Fatalf("power cut at operation %d: %v", at, err)
			}
			w.check(fmt.Sprintf("power cut at operation %d", at))
		})
		cuts++
	}
	t.Logf("%d power cuts in %d operations", cuts, n)
}

// TestErrorsOfTheDisk has one operation after the other fail, once: clients are
// told to try again at most, and the work goes on without a restart.
func TestErrorsOfTheDisk(t *testing.T) {
	n := measure(t)
	for _, kind := range []struct {
		name string
		code int32
		long int // operations that fail
	}{
		{"an I/O error", lib.SQLITE_IOERR, 1},
		{"no space", lib.SQLITE_FULL, 1},
		{"I/O errors for a while", lib.SQLITE_IOERR, 9},
	} {
		t.Run(kind.name, func(t *testing.T) {
			for at := 1; at <= n; at += every(t) {
				synctest.Test(t, func(t *testing.T) {
					d := newFaultDisk(t)
					w := must(t, d)
					defer w.Close()
					from := d.operations()
					d.set(func() {
						d.fault = func(i int, op faultOp, file string) int32 {
							if i < from+at || i >= from+at+kind.long {
								return 0
							}
							if kind.code == lib.SQLITE_IOERR {
								return map[faultOp]int32{faultRead: lib.SQLITE_IOERR_READ, faultWrite: lib.SQLITE_IOERR_WRITE, faultTruncate: lib.SQLITE_IOERR_TRUNCATE, faultSync: lib.SQLITE_IOERR_FSYNC}[op]
							}
							if op == faultWrite {
								return kind.code
							}
							return 0
						}
					})
					for try := 0; ; try++ {
						err := w.all(map[int]bool{})
						if err == nil {
							break
						}
						if !errors.Is(err, engine.ErrBusy) || try > 30 {
							t.Fatalf("%s at operation %d: %v", kind.name, at, err)
						}
						<-time.After(time.Second)
					}
					d.set(func() { d.fault = nil }) // it may come as late as that
					w.check(fmt.Sprintf("%s at operation %d", kind.name, at))
				})
			}
		})
	}
}

// TestFullDisk fills the disk: new work is refused with an error that says to try
// again, and when there is room everything goes on without a restart.
func TestFullDisk(t *testing.T) {
	for _, room := range []int64{1, 10000, 40000, 90000} {
		synctest.Test(t, func(t *testing.T) {
			d := newFaultDisk(t)
			w := must(t, d)
			defer w.Close()
			if err := w.deploy(); err != nil {
				t.Fatal(err)
			}
			if err := w.start(0); err != nil {
				t.Fatal(err)
			}
			d.set(func() {
				for _, f := range d.files {
					d.quota += f.size
				}
				d.quota += room
			})
			refused := 0
			for i := 0; refused == 0; i++ {
				_, err := w.StartExecution(context.Background(), engine.StartInput{MachineARN: faultMachines + "nested"})
				if errors.Is(err, engine.ErrBusy) {
					refused++
				} else if err != nil || i > 1000 {
					t.Fatalf("a start on a full disk: %v", err)
				}
			}
			<-time.After(time.Minute) // the first execution's wait is over meanwhile
			if x, err := w.DescribeExecution(context.Background(), execution(0)); err != nil || x.Status == interp.Failed {
				t.Errorf("on a full disk: %s, %v", x.Status, err)
			}
			d.set(func() { d.quota = 0 })
			if err := w.all(map[int]bool{}); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			for _, left := range w.rows("SELECT count(*) FROM executions WHERE status IN (1, 7)") {
				if left != "0" {
					t.Errorf("%s executions run still", left)
				}
			}
			if got := w.rows("SELECT max(n) FROM test_effects"); got[0] != "1" {
				t.Errorf("an effect was done %s times", got[0])
			}
		})
	}
}

// TestSlowDisk has a commit take as long as the test likes: what reads goes on
// meanwhile, and nothing is acknowledged before.
func TestSlowDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newFaultDisk(t)
		w := must(t, d)
		defer w.Close()
		if err := w.deploy(); err != nil {
			t.Fatal(err)
		}
		gate := make(chan struct{})
		d.set(func() {
			d.slow = func(op faultOp, file string) {
				if op == faultSync {
					<-gate
				}
			}
		})
		done := make(chan error, 1)
		go func() { done <- w.start(0) }()
		synctest.Wait()
		select {
		case err := <-done:
			t.Errorf("acknowledged before it was synced: %v", err)
		default:
		}
		if _, err := w.DescribeExecution(context.Background(), execution(0)); !errors.Is(err, engine.ErrExecutionNotFound) {
			t.Errorf("seen before it was stored: %v", err)
		}
		close(gate)
		if err := <-done; err != nil {
			t.Error(err)
		}
		if err := w.all(map[int]bool{}); err != nil {
			t.Fatal(err)
		}
		w.check("after slow syncs")
	})
}

// fullFolder is an environment variable: a folder on a small file system, such
// as one made with
//
//	mount -t tmpfs -o size=8m tmpfs FOLDER
const fullFolder = "MILLRACE_FULL_FOLDER"

// TestFullFileSystem fills a file system.
func TestFullFileSystem(t *testing.T) {
	folder := os.Getenv(fullFolder)
	if folder == "" {
		t.Skipf("%s names no folder on a small file system to fill", fullFolder)
	}
	ballast := filepath.Join(folder, "ballast")
	store, err := Open(context.Background(), filepath.Join(folder, "data"), Options{Cache: 1})
	if err != nil {
		t.Fatal(err)
	}
	e, err := engine.Open(context.Background(), engine.Config{Store: store, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	w := &work{Engine: e, t: t, store: store, ctx: context.Background()}
	defer e.Close()
	m, err := w.CreateStateMachine(w.ctx, engine.CreateStateMachine{Name: "m", Definition: `{"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 1, "End": true}}}`})
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(ballast)
	if err != nil {
		t.Fatal(err)
	}
	defer os.Remove(ballast)
	defer f.Close()
	for block := make([]byte, 64<<10); err == nil; {
		_, err = f.Write(block)
	}
	if fi, err := f.Stat(); err != nil || f.Truncate(fi.Size()-1<<20) != nil { // room for some
		t.Fatal(err)
	}
	input := []byte(`{"text": "` + strings.Repeat("x", 20000) + `"}`)
	var arns []string
	for err = nil; err == nil; {
		var s engine.Started
		if s, err = w.StartExecution(w.ctx, engine.StartInput{MachineARN: m.ARN, Input: input}); err == nil {
			arns = append(arns, s.ARN)
		}
		if len(arns) > 10000 {
			t.Fatal("the file system does not fill")
		}
	}
	if !errors.Is(err, engine.ErrBusy) {
		t.Errorf("a start on a full file system: %v", err)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	f.Close()
	for err = engine.ErrBusy; errors.Is(err, engine.ErrBusy); {
		_, err = w.StartExecution(w.ctx, engine.StartInput{MachineARN: m.ARN, Input: input})
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, arn := range arns {
		if x, err := w.WaitExecution(w.ctx, arn); err != nil || x.Status != interp.Succeeded {
			t.Errorf("%s was acknowledged: %s, %v", arn, x.Status, err)
		}
	}
	if got := w.rows("PRAGMA integrity_check"); len(got) != 1 || got[0] != "ok" {
		t.Errorf("integrity check: %v", got)
	}
	t.Logf("%d starts were acknowledged before it was full", len(arns))
}
