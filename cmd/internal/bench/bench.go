// Package bench measures the engine on the machine at hand: the workloads of the
// README's numbers, each beside a yardstick of the same run, so that a slow disk
// does not look like a slow engine. The two take turns, so that what else the
// machine does disturbs both.
//
// The yardstick of a workload that stores something is what the bare store does
// with the same bytes in the same group sizes; see [yardstick]. That of express,
// which stores nothing, is the interpreter in a loop on all cores; that of http is
// the same doors answering what commits nothing.
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
	"strings"
	"time"

	"millrace/engine"
	"millrace/engine/sqlite"
)

// Options of [Run]. The zero value works for every workload but http, which needs
// Serve.
type Options struct {
	Duration   time.Duration // of the measurement; 0: 10 s. waiting and timers last as long as they take
	Clients    int           // that start executions one after the other; 0: the workload's own number
	Executions int           // that wait, of waiting and timers; 0: 100,000
	Data       string        // folder for the databases, which must be empty; "": a temporary one, removed after
	NoSync     bool          // leave out the sync of each commit; an error with http, whose doors have no such setting
	JSON       bool          // print one JSON object
	Log        *slog.Logger  // nil: nothing is logged
	// Serve serves the AWS endpoint over a database in the folder dir while f runs,
	// as the program itself would serve it, and returns when f has returned and all
	// is closed. f is given the endpoint's URL.
	Serve func(ctx context.Context, dir string, f func(ctx context.Context, url string) error) error
}

// Workloads returns the names that Run knows.
func Workloads() []string {
	var names []string
	for _, w := range workloads() {
		names = append(names, w.name)
	}
	return names
}

// About describes the workloads, one a line that begins with indent.
func About(indent string) string {
	var b strings.Builder
	for _, w := range workloads() {
		fmt.Fprintf(&b, "%s%-8s %s\n", indent, w.name, w.about)
	}
	return b.String()
}

// Run measures a workload and prints the result to out.
func Run(ctx context.Context, name string, o Options, out io.Writer) error {
	w, err := find(name)
	if err != nil {
		return err
	}
	if o.NoSync && w.doors {
		return fmt.Errorf("%s: each commit is synced, as it is when serving", name)
	}
	if o.Duration <= 0 {
		o.Duration = 10 * time.Second
	}
	if o.Clients <= 0 {
		o.Clients = w.clients
	}
	if o.Executions <= 0 {
		o.Executions = 100_000
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Data == "" {
		if o.Data, err = os.MkdirTemp("", "millrace-bench-"); err != nil {
			return err
		}
		defer os.RemoveAll(o.Data)
	} else if found, err := os.ReadDir(o.Data); err == nil && len(found) > 0 {
		return fmt.Errorf("the folder %s is not empty: want one for databases that are measured and no more", o.Data)
	}
	r, err := w.measure(ctx, &w, o)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if o.JSON {
		return json.NewEncoder(out).Encode(r)
	}
	r.print(&w, out)
	return nil
}

func find(name string) (workload, error) {
	for _, w := range workloads() {
		if w.name == name {
			return w, nil
		}
	}
	return workload{}, fmt.Errorf("workload %q: known are %s", name, strings.Join(Workloads(), ", "))
}

// rig is an engine that is measured, with what the workloads need.
type rig struct {
	*engine.Engine
	db      *sqlite.Store
	rec     *recorder
	tasks   *resolver
	machine string // ARN
}

// newRig opens an engine on a database in a folder of o.Data and, unless it is
// there, creates the workload's machine. tasks: nil makes new ones.
func newRig(ctx context.Context, w *workload, o Options, tasks *resolver) (*rig, error) {
	db, err := sqlite.Open(ctx, filepath.Join(o.Data, "engine"), sqlite.Options{NoSync: o.NoSync, Log: o.Log})
	if err != nil {
		return nil, err
	}
	if tasks == nil {
		tasks = newResolver()
	}
	g := &rig{db: db, rec: &recorder{Store: db, tasks: tasks}, tasks: tasks}
	g.Engine, err = engine.Open(ctx, engine.Config{Store: g.rec, Log: o.Log, Tasks: func(e *engine.Engine) (engine.Resolver, error) {
		return tasks, e.Do(ctx, nil, func(tx engine.Tx) error {
			_, err := tx.Exec("CREATE TABLE IF NOT EXISTS bench_effects (id INTEGER PRIMARY KEY, execution INTEGER NOT NULL, event INTEGER NOT NULL)")
			return err
		})
	}})
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	m, err := g.CreateStateMachine(ctx, engine.CreateStateMachine{Name: "bench", Definition: w.definition, Type: w.kind})
	if err != nil {
		return nil, errors.Join(err, g.Close())
	}
	g.machine = m.ARN
	return g, nil
}
