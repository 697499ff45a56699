package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"millrace/engine"
)

// options are those of a run of a workload that is over at once.
func options(name string) Options {
	return Options{Duration: 50 * time.Millisecond, Clients: 4, Executions: 50, NoSync: name != "http", JSON: true, Serve: serveFake}
}

// serveFake answers what http asks for without an engine.
func serveFake(ctx context.Context, _ string, f func(context.Context, string) error) error {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.Header.Get("X-Amz-Target"), "AWSStepFunctions.") {
			http.Error(w, "no target", http.StatusBadRequest)
			return
		}
		io.WriteString(w, `{"stateMachineArn":"arn:aws:states:us-east-1:000000000000:stateMachine:bench"}`)
	}))
	defer s.Close()
	return f(ctx, s.URL)
}

func measured(t *testing.T, name string, o Options) map[string]any {
	t.Helper()
	var out bytes.Buffer
	if err := Run(context.Background(), name, o, &out); err != nil {
		t.Fatal(err)
	}
	var fields map[string]any
	if err := json.Unmarshal(out.Bytes(), &fields); err != nil {
		t.Fatalf("%s: %v", out.Bytes(), err)
	}
	return fields
}

func TestWorkloads(t *testing.T) {
	stored := []string{"ceiling_per_s", "yardstick_p50_ms", "groups", "units_per_group", "disk_bytes_per_execution", "payload_bytes_per_execution"}
	more := map[string][]string{
		"chain": stored, "task": stored, "fanout": stored,
		"waiting": append([]string{"starts_per_s", "yardstick_starts_per_s", "ready_ms", "oldest_ms"}, stored...),
		"timers":  append([]string{"starts_per_s", "yardstick_starts_per_s", "ready_ms", "due_ms"}, stored...),
		"express": nil,
		"http":    {"ceiling_per_s"},
	}
	for _, name := range Workloads() {
		t.Run(name, func(t *testing.T) {
			fields := measured(t, name, options(name))
			if got := fields["workload"]; got != name {
				t.Errorf("workload is %v", got)
			}
			for _, field := range append([]string{"transitions_per_s", "executions_per_s", "yardstick_per_s", "share_of_yardstick",
				"p50_ms", "p99_ms", "executions", "allocated_bytes_per_execution"}, more[name]...) {
				if n, ok := fields[field].(float64); !ok || n <= 0 {
					t.Errorf("%s is %v", field, fields[field])
				}
			}
			number := func(field string) float64 { n, _ := fields[field].(float64); return n }
			if number("p99_ms") < number("p50_ms") {
				t.Errorf("p99 is less than p50: %v", fields)
			}
			if commits := number("groups") * number("units_per_group"); commits != 0 && commits < 0.999*number("executions") {
				t.Errorf("%g commits of %g executions", commits, number("executions"))
			}
			synchronous := "OFF"
			if name == "http" {
				synchronous = "FULL"
			}
			s, _ := fields["settings"].(map[string]any)
			if s["clients"] != 4.0 || s["synchronous"] != synchronous || s["store"] != "sqlite" || s["go"] == "" {
				t.Errorf("settings: %v", s)
			}
		})
	}
}

func TestWaitingParksAsManyAsAskedFor(t *testing.T) {
	for _, name := range []string{"waiting", "timers"} {
		fields := measured(t, name, options(name))
		if n := fields["executions"].(float64); n < 50 || n > 54 {
			t.Errorf("%s: %v executions, want 50", name, n)
		}
	}
}

func TestPrint(t *testing.T) {
	for _, name := range Workloads() {
		o := options(name)
		o.JSON = false
		var out bytes.Buffer
		if err := Run(context.Background(), name, o, &out); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{name + ": ", "4 clients", "transitions/s", " of it", "ms p50", "bytes on disk", "bytes of heap"} {
			if !strings.Contains(out.String(), want) {
				t.Errorf("%s lacks %q:\n%s", name, want, &out)
			}
		}
	}
}

func TestRunRefuses(t *testing.T) {
	if err := Run(context.Background(), "nothing", Options{}, new(bytes.Buffer)); err == nil || !strings.Contains(err.Error(), "chain") {
		t.Errorf("an unknown workload: %v", err)
	}
	o := options("http")
	o.Serve = nil
	if err := Run(context.Background(), "http", o, new(bytes.Buffer)); err == nil {
		t.Error("http without a server: no error")
	}
	broken := errors.New("broken")
	o.Serve = func(context.Context, string, func(context.Context, string) error) error { return broken }
	if err := Run(context.Background(), "http", o, new(bytes.Buffer)); !errors.Is(err, broken) {
		t.Errorf("http with a server that fails: %v", err)
	}
	o = options("http")
	o.NoSync = true
	if err := Run(context.Background(), "http", o, new(bytes.Buffer)); err == nil {
		t.Error("http without sync: no error")
	}
	o = options("chain")
	o.Data = t.TempDir()
	if err := os.WriteFile(filepath.Join(o.Data, "mine"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Run(context.Background(), "chain", o, new(bytes.Buffer)); err == nil || !strings.Contains(err.Error(), "not empty") {
		t.Errorf("a folder that is not empty: %v", err)
	}
}

// The yardstick writes as many rows and bytes as the engine has committed.
func TestYardstickRepeats(t *testing.T) {
	commits := []rows{
		{execution: 1, first: true, meta: 3, head: 10, root: 5, from: 1, to: 3, block: 20, effects: 1},
		{execution: 2, first: true, meta: 3, head: 11, root: -1, from: 1, to: 4, block: 21},
		{execution: 1, head: 12, root: 6, from: 4, to: 5, block: 22, effects: 1, transaction: 1},
		{execution: 1, status: true, head: 13, root: 0, from: 6, to: 7, block: 23, transaction: 2},
	}
	for _, c := range []struct {
		rows bool
		want map[string]int64
	}{
		{false, map[string]int64{
			"SELECT count(*) FROM bench_log":                         4 + 3, // with the ceiling's
			"SELECT sum(length(block)) FROM bench_log":               2 * (3 + 10 + 5 + 20 + 3 + 11 + 21 + 12 + 6 + 22 + 13 + 23),
			"SELECT count(*) FROM bench_history":                     0,
			"SELECT coalesce(max(version), 0) FROM bench_executions": 0,
		}},
		{true, map[string]int64{
			"SELECT count(*) FROM bench_log":                         3,
			"SELECT count(*) FROM bench_effects":                     2,
			"SELECT count(*) FROM bench_history":                     4,
			"SELECT sum(length(block)) FROM bench_history":           20 + 21 + 22 + 23,
			"SELECT version FROM bench_executions WHERE id = 1":      3,
			"SELECT length(head) FROM bench_executions WHERE id = 1": 13,
			"SELECT status FROM bench_executions WHERE id = 1":       2,
			"SELECT count(*) FROM bench_executions WHERE status = 1": 1,
		}},
	} {
		y, err := newYardstick(context.Background(), &workload{rows: c.rows}, Options{Data: t.TempDir(), NoSync: true})
		if err != nil {
			t.Fatal(err)
		}
		r, err := y.repeat(context.Background(), commits)
		if err != nil || r.commits <= 0 || r.ceiling <= 0 || len(r.each) != 3 {
			t.Errorf("rows %v: got %+v, %v, want three transactions", c.rows, r, err)
		}
		for sql, want := range c.want {
			err := y.transaction(context.Background(), func(x engine.Txn) error {
				got, err := number(x, sql)
				if err == nil && got != want {
					t.Errorf("rows %v: %s: got %d, want %d", c.rows, sql, got, want)
				}
				return err
			})
			if err != nil {
				t.Errorf("%s: %v", sql, err)
			}
		}
		if err := y.close(); err != nil {
			t.Error(err)
		}
	}
}
