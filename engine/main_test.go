package engine_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"millrace/asl/document"
	"millrace/engine"
	"millrace/engine/interp"
	"millrace/engine/leaktest"
	"millrace/engine/sqlite"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashChild); dir != "" {
		crashChildMain(dir)
		return
	}
	leaktest.Main(m)
}

// patience is how long a test waits for what is to happen at once: on a busy
// machine that takes its time, and only what never happens is a failure.
const patience = 3 * time.Minute

// clock is a clock that moves when it is told.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func newClock() *clock { return &clock{t: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) forward(d time.Duration) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
	return c.t
}

// bench is an engine with a clock of its own and tasks that tests define.
type bench struct {
	*engine.Engine
	t     *testing.T
	clock *clock
	tasks *tasks
	dir   string
	hook  func(string)
	wrap  func(engine.Store) engine.Store
	limit int64         // Config.Resident
	keep  time.Duration // Config.Retention
	data  engine.MapData
}

// tasks resolves what tests define.
type tasks struct {
	mu sync.Mutex
	m  map[string]engine.Task
}

func (r *tasks) Resolve(resource string) (engine.Task, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if t := r.m[resource]; t != nil {
		return t, nil
	}
	return nil, fmt.Errorf("unknown resource %s", resource)
}

func (r *tasks) set(list ...engine.Task) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, t := range list {
		r.m[t.Resource()] = t
	}
}

// local is a local action.
type local struct {
	resource  string
	savepoint bool
	run       func(tx engine.Tx, c engine.Call) (interp.Outcome, error)
}

func (l *local) Resource() string          { return l.resource }
func (l *local) Keys(engine.Call) []string { return []string{l.resource} }
func (l *local) Savepoint() bool           { return l.savepoint }
func (l *local) Run(tx engine.Tx, c engine.Call) (interp.Outcome, error) {
	return l.run(tx, c)
}

// reading is a read action.
type reading struct {
	resource string
	read     func(r engine.Reader, c engine.Call) (interp.Outcome, error)
}

func (l *reading) Resource() string { return l.resource }
func (l *reading) Read(_ context.Context, r engine.Reader, c engine.Call) (interp.Outcome, error) {
	return l.read(r, c)
}

// remote is a remote action.
type remote struct {
	resource string
	lost     engine.LostPolicy
	call     func(ctx context.Context, c engine.Call) (interp.Outcome, error)
}

func (l *remote) Resource() string        { return l.resource }
func (l *remote) Lost() engine.LostPolicy { return l.lost }
func (l *remote) Call(ctx context.Context, c engine.Call) (interp.Outcome, error) {
	return l.call(ctx, c)
}

func ok(text string) interp.Outcome {
	return interp.Outcome{Output: document.FromBytes([]byte(text))}
}

func failed(name, cause string) interp.Outcome {
	return interp.Outcome{Failed: true, Error: &name, Cause: &cause}
}

// newBench opens an engine in memory.
func newBench(t *testing.T, list ...engine.Task) *bench {
	t.Helper()
	return openBench(t, &bench{dir: sqlite.Memory}, list...)
}

// newFileBench opens an engine in a folder.
func newFileBench(t *testing.T, list ...engine.Task) *bench {
	t.Helper()
	return openBench(t, &bench{dir: t.TempDir()}, list...)
}

func openBench(t *testing.T, b *bench, list ...engine.Task) *bench {
	t.Helper()
	b.t, b.clock, b.tasks = t, newClock(), &tasks{m: map[string]engine.Task{}}
	b.tasks.set(list...)
	b.open()
	t.Cleanup(func() { b.Close() })
	return b
}

func (b *bench) open() {
	b.t.Helper()
	store, err := sqlite.Open(context.Background(), b.dir, sqlite.Options{NoSync: true})
	if err != nil {
		b.t.Fatal(err)
	}
	var under engine.Store = store
	if b.wrap != nil {
		under = b.wrap(store)
	}
	b.Engine, err = engine.Open(context.Background(), engine.Config{
		Store: under, Clock: b.clock, Workers: 2, Hook: b.hook, Log: quiet(b.t), Resident: b.limit, Retention: b.keep, MapData: b.data,
		Tasks: func(*engine.Engine) (engine.Resolver, error) { return b.tasks, nil },
	})
	if err != nil {
		b.t.Fatal(err)
	}
}

// restart closes the engine and opens it again on the same folder.
func (b *bench) restart() {
	b.t.Helper()
	if err := b.Close(); err != nil {
		b.t.Fatal(err)
	}
	b.open()
}

// machine creates a STANDARD state machine and returns its ARN.
func (b *bench) machine(name, definition string) string {
	b.t.Helper()
	return b.machineOf(engine.Standard, name, definition)
}

func (b *bench) machineOf(typ engine.MachineType, name, definition string) string {
	b.t.Helper()
	sm, err := b.CreateStateMachine(context.Background(), engine.CreateStateMachine{
		Name: name, Type: typ, Definition: definition, RoleARN: "arn:aws:iam::000000000000:role/r",
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return sm.ARN
}

func (b *bench) start(machine, name, input string) string {
	b.t.Helper()
	s, err := b.StartExecution(context.Background(), engine.StartInput{MachineARN: machine, Name: name, Input: []byte(input)})
	if err != nil {
		b.t.Fatal(err)
	}
	return s.ARN
}

// until waits for a condition that commits bring about.
func (b *bench) until(arn string, cond func(engine.ExecutionInfo) bool) engine.ExecutionInfo {
	b.t.Helper()
	wake := make(chan struct{}, 1)
	stop := b.WatchExecution(arn, func() {
		select {
		case wake <- struct{}{}:
		default:
		}
	})
	defer stop()
	limit := time.After(patience)
	for {
		i, err := b.DescribeExecution(context.Background(), arn)
		if err != nil {
			b.t.Fatal(err)
		}
		if cond(i) {
			return i
		}
		select {
		case <-wake:
		case <-limit:
			b.t.Fatalf("%s: still %s\n%s", arn, i.Status, b.types(arn))
		}
	}
}

// end waits for the execution's end.
func (b *bench) end(arn string) engine.ExecutionInfo {
	b.t.Helper()
	return b.until(arn, func(i engine.ExecutionInfo) bool { return i.Status != interp.Running })
}

// tick moves the clock and fires what is due.
func (b *bench) tick(d time.Duration) {
	b.t.Helper()
	if err := b.Tick(context.Background(), b.clock.forward(d)); err != nil {
		b.t.Fatal(err)
	}
}

// history returns the whole history.
func (b *bench) history(arn string) []interp.Event {
	b.t.Helper()
	var all []interp.Event
	p := engine.Page{Max: 1000}
	for {
		list, next, err := b.History(context.Background(), arn, p)
		if err != nil {
			b.t.Fatal(err)
		}
		all = append(all, list...)
		if next == "" {
			return all
		}
		p.Token = next
	}
}

// types returns the event types of a history, one line.
func (b *bench) types(arn string) string {
	b.t.Helper()
	var s []string
	for _, e := range b.history(arn) {
		s = append(s, e.Type)
	}
	return strings.Join(s, " ")
}

func want(t *testing.T, what string, got, want any) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func wantErr(t *testing.T, what string, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("%s: got error %v, want %v", what, got, want)
	}
}
