// Package bench measures the engine on the machine at hand: the workloads of the
// README's numbers, each beside what the bare store does with the same bytes in
// groups of the same sizes, so that a slow disk does not look like a slow engine.
// The two take turns, so that what else the machine does disturbs both.
package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"sort"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"millrace/asl/document"
	"millrace/engine"
	"millrace/engine/interp"
	"millrace/engine/sqlite"
)

// Options of [Run]. The zero value works.
type Options struct {
	Duration time.Duration // of the measurement; 0: 10 s
	Clients  int           // that start executions one after the other; 0: 64
	Data     string        // folder for the database, which must be empty; "": a temporary one, removed after
	NoSync   bool          // leave out the sync of each commit
	JSON     bool          // print one JSON object
	Log      *slog.Logger  // nil: nothing is logged
}

// Result is what a run measured. A transition is a state entered.
type Result struct {
	Workload       string            `json:"workload"`
	TransitionsPS  float64           `json:"transitions_per_s"`
	ExecutionsPS   float64           `json:"executions_per_s"`
	YardstickPS    float64           `json:"yardstick_per_s"` // transitions per second of the bare store
	Share          float64           `json:"share_of_yardstick"`
	P50            float64           `json:"p50_ms"` // start to end of an execution
	P99            float64           `json:"p99_ms"`
	Executions     int64             `json:"executions"`
	Groups         int               `json:"groups"`
	UnitsPerGroup  float64           `json:"units_per_group"`
	BytesEach      float64           `json:"disk_bytes_per_execution"`
	PayloadEach    float64           `json:"payload_bytes_per_execution"`
	AllocatedBytes float64           `json:"allocated_bytes_per_execution"`
	Settings       map[string]string `json:"settings"`
}

// workload is one of the workloads.
type workload struct {
	definition  string
	transitions int64 // of an execution
}

// Workloads returns the names that Run knows.
func Workloads() []string { return []string{"chain", "task"} }

const length = 10

func workloads(name string) (workload, error) {
	var state string
	switch name {
	case "chain":
		state = `{"Type": "Pass"`
	case "task":
		state = `{"Type": "Task", "Resource": "` + effect + `"`
	default:
		return workload{}, fmt.Errorf("workload %q: known are %s", name, strings.Join(Workloads(), ", "))
	}
	var b strings.Builder
	b.WriteString(`{"StartAt": "S1", "States": {`)
	for i := 1; i <= length; i++ {
		next := fmt.Sprintf(`"Next": "S%d"}, `, i+1)
		if i == length {
			next = `"End": true}`
		}
		fmt.Fprintf(&b, `"S%d": %s, %s`, i, state, next)
	}
	b.WriteString("}}")
	return workload{b.String(), length}, nil
}

// effect is a task of an embedded integration: it writes one row.
const effect = "arn:aws:states:::bench:effect"

type effectTask struct{}

func (effectTask) Resource() string          { return effect }
func (effectTask) Keys(engine.Call) []string { return []string{"bench"} }
func (effectTask) Savepoint() bool           { return false }
func (effectTask) Run(tx engine.Tx, c engine.Call) (interp.Outcome, error) {
	_, err := tx.Exec("INSERT INTO bench_effects (execution, event) VALUES (?, ?)", c.Execution, c.Event)
	return interp.Outcome{Output: effectOutput}, err
}

var effectOutput = document.FromBytes([]byte(`{"ok":true}`))

type resolver struct{}

func (resolver) Resolve(resource string) (engine.Task, error) {
	if resource == effect {
		return effectTask{}, nil
	}
	return nil, fmt.Errorf("unknown resource %s", resource)
}

// Run measures a workload and prints the result to out.
func Run(ctx context.Context, name string, o Options, out io.Writer) error {
	w, err := workloads(name)
	if err != nil {
		return err
	}
	if o.Duration <= 0 {
		o.Duration = 10 * time.Second
	}
	if o.Clients <= 0 {
		o.Clients = 64
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	dir := o.Data
	if dir == "" {
		if dir, err = os.MkdirTemp("", "millrace-bench-"); err != nil {
			return err
		}
		defer os.RemoveAll(dir)
	}
	y, err := newYardstick(ctx, o, filepath.Join(dir, "yardstick"))
	if err != nil {
		return fmt.Errorf("yardstick: %w", err)
	}
	defer y.s.Close()
	r, err := measure(ctx, w, o, filepath.Join(dir, "engine"), y)
	if err != nil {
		return err
	}
	r.Workload = name
	if o.JSON {
		return json.NewEncoder(out).Encode(r)
	}
	r.print(out)
	return nil
}

// group is what a commit group wrote.
type group struct{ units, bytes int }

// recorder is a store that notes its groups.
type recorder struct {
	engine.Store
	on     atomic.Bool
	groups []group
}

func (s *recorder) Group(ctx context.Context, units []*engine.Unit, limit time.Duration) (int, error) {
	n, err := s.Store.Group(ctx, units, limit)
	if err == nil && s.on.Load() {
		g := group{units: n}
		for _, u := range units[:n] {
			g.bytes += payload(u.Change)
		}
		s.groups = append(s.groups, g)
	}
	return n, err
}

// payload returns the bytes of a change without any of the store's own.
func payload(c *engine.Change) int {
	if c == nil {
		return 0
	}
	n := len(c.Meta) + len(c.Name) + len(c.Rows.Head)
	for i := range c.Rows.Frames {
		n += len(c.Rows.Frames[i].Data)
	}
	for i := range c.Rows.Docs {
		n += len(c.Rows.Docs[i].Text)
	}
	for i := range c.Rows.Blocks {
		n += len(c.Rows.Blocks[i].Data)
	}
	return n
}

// turn is how long the engine is measured before the yardstick repeats its groups.
const turn = time.Second

func measure(ctx context.Context, w workload, o Options, dir string, y *yardstick) (r Result, err error) {
	db, err := sqlite.Open(ctx, dir, sqlite.Options{NoSync: o.NoSync, Log: o.Log})
	if err != nil {
		return r, err
	}
	store := &recorder{Store: db}
	e, err := engine.Open(ctx, engine.Config{Store: store, Log: o.Log, Tasks: func(e *engine.Engine) (engine.Resolver, error) {
		return resolver{}, e.Do(ctx, nil, func(tx engine.Tx) error {
			_, err := tx.Exec("CREATE TABLE IF NOT EXISTS bench_effects (id INTEGER PRIMARY KEY, execution INTEGER NOT NULL, event INTEGER NOT NULL)")
			return err
		})
	}})
	if err != nil {
		return r, errors.Join(err, db.Close())
	}
	defer func() { err = errors.Join(err, e.Close()) }()
	m, err := e.CreateStateMachine(ctx, engine.CreateStateMachine{Name: "bench", Definition: w.definition})
	if err != nil {
		return r, err
	}
	// A turn to warm up: caches, the size of the heap, the length of the groups.
	if _, _, err = load(ctx, e, m.ARN, o.Clients, min(turn, o.Duration)); err != nil {
		return r, err
	}
	size := db.Size()
	var took, yard time.Duration
	var times []time.Duration
	var groups, units, bytes int
	var allocated uint64
	for took < o.Duration {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		store.groups = store.groups[:0]
		store.on.Store(true)
		t, more, err := load(ctx, e, m.ARN, o.Clients, min(turn, o.Duration-took))
		store.on.Store(false)
		if err != nil {
			return r, err
		}
		runtime.ReadMemStats(&after)
		allocated += after.TotalAlloc - before.TotalAlloc
		took, times = took+t, append(times, more...)
		for _, g := range store.groups {
			groups, units, bytes = groups+1, units+g.units, bytes+g.bytes
		}
		t, err = y.repeat(ctx, store.groups)
		if err != nil {
			return r, fmt.Errorf("yardstick: %w", err)
		}
		yard += t
	}
	n := float64(len(times))
	sort.Slice(times, func(i, j int) bool { return times[i] < times[j] })
	r = Result{
		TransitionsPS: n * float64(w.transitions) / took.Seconds(), ExecutionsPS: n / took.Seconds(), YardstickPS: n * float64(w.transitions) / yard.Seconds(),
		P50: ms(times[len(times)/2]), P99: ms(times[len(times)*99/100]), Executions: int64(len(times)), Groups: groups,
		UnitsPerGroup: float64(units) / float64(groups), PayloadEach: float64(bytes) / n,
		BytesEach: float64(db.Size()-size) / n, AllocatedBytes: float64(allocated) / n,
		Settings: map[string]string{
			"store": "sqlite", "synchronous": "FULL", "clients": fmt.Sprint(o.Clients), "duration": o.Duration.String(),
			"GOMAXPROCS": fmt.Sprint(runtime.GOMAXPROCS(0)), "go": runtime.Version(), "os": runtime.GOOS + "/" + runtime.GOARCH,
			"states": fmt.Sprint(w.transitions),
		},
	}
	r.Share = r.TransitionsPS / r.YardstickPS
	if o.NoSync {
		r.Settings["synchronous"] = "OFF"
	}
	return r, nil
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// load lets clients start executions, each the next when the last has ended.
func load(ctx context.Context, e *engine.Engine, machine string, clients int, d time.Duration) (took time.Duration, times []time.Duration, err error) {
	var wg sync.WaitGroup
	var mu sync.Mutex
	begun := time.Now()
	end := begun.Add(d)
	for range clients {
		wg.Go(func() {
			var own []time.Duration
			var failed error
			for now := time.Now(); now.Before(end) && failed == nil; {
				failed = one(ctx, e, machine)
				done := time.Now()
				own = append(own, done.Sub(now))
				now = done
			}
			mu.Lock()
			defer mu.Unlock()
			times = append(times, own...)
			err = errors.Join(err, failed)
		})
	}
	wg.Wait()
	return time.Since(begun), times, err
}

// one runs an execution to its end.
func one(ctx context.Context, e *engine.Engine, machine string) error {
	s, err := e.StartExecution(ctx, engine.StartInput{MachineARN: machine, Input: []byte(`{"order":"A-1001","total":125}`)})
	if err != nil {
		return err
	}
	if s.Status == interp.Succeeded {
		return nil
	}
	i, err := e.WaitExecution(ctx, s.ARN)
	if err == nil && i.Status != interp.Succeeded {
		err = fmt.Errorf("execution %s: %s", s.ARN, i.Status)
	}
	return err
}

// yardstick is a table that is only appended to, on the same kind of store.
type yardstick struct {
	s    *sqlite.Store
	text []byte
}

func newYardstick(ctx context.Context, o Options, dir string) (*yardstick, error) {
	s, err := sqlite.Open(ctx, dir, sqlite.Options{NoSync: o.NoSync, Log: o.Log})
	if err != nil {
		return nil, err
	}
	y := &yardstick{s: s}
	err = y.do(ctx, func(t engine.Txn) error {
		_, err := t.Exec("CREATE TABLE yardstick (id INTEGER PRIMARY KEY, block BLOB NOT NULL)")
		return err
	})
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return y, nil
}

func (y *yardstick) do(ctx context.Context, f func(engine.Txn) error) error {
	u := &engine.Unit{Do: f}
	_, err := y.s.Group(ctx, []*engine.Unit{u}, time.Second)
	return errors.Join(err, u.Err)
}

// repeat writes one row of the same bytes for each group, and returns how long
// that took.
func (y *yardstick) repeat(ctx context.Context, groups []group) (time.Duration, error) {
	for _, g := range groups {
		for len(y.text) < g.bytes {
			y.text = append(y.text, byte(len(y.text)*31))
		}
	}
	begun := time.Now()
	for _, g := range groups {
		if g.bytes == 0 {
			continue
		}
		err := y.do(ctx, func(t engine.Txn) error {
			_, err := t.Exec("INSERT INTO yardstick (block) VALUES (?)", y.text[:g.bytes])
			return err
		})
		if err != nil {
			return 0, err
		}
	}
	return time.Since(begun), ctx.Err()
}

// print writes the result for people.
func (r *Result) print(out io.Writer) {
	fmt.Fprintf(out, "%s: executions of %s states, %s clients, %s, synchronous=%s, GOMAXPROCS=%s, %s %s\n",
		r.Workload, r.Settings["states"], r.Settings["clients"], r.Settings["duration"], r.Settings["synchronous"], r.Settings["GOMAXPROCS"], r.Settings["go"], r.Settings["os"])
	fmt.Fprintf(out, "  %12.0f transitions/s   %.0f executions/s\n", r.TransitionsPS, r.ExecutionsPS)
	fmt.Fprintf(out, "  %12.0f transitions/s   the bare store, one row a group of the same bytes: this is %.2f of it\n", r.YardstickPS, r.Share)
	fmt.Fprintf(out, "  %12.2f ms p50          %.2f ms p99, start to end\n", r.P50, r.P99)
	fmt.Fprintf(out, "  %12.0f bytes on disk   an execution; %.0f of them payload\n", r.BytesEach, r.PayloadEach)
	fmt.Fprintf(out, "  %12.1f units a group   %d groups, %.0f bytes allocated an execution\n", r.UnitsPerGroup, r.Groups, r.AllocatedBytes)
}
