package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// The mixed load runs against millrace serve as a process of its own.
//
//	MILLRACE_SOAK=1h go test -run TestMixedLoad -timeout 2h -v ./cmd/millrace
const (
	soakFor   = "MILLRACE_SOAK"       // how long; default 5s
	soakRate  = "MILLRACE_SOAK_RATE"  // multiple of the usual rates; default 1, and 3 in the short form
	soakPprof = "MILLRACE_SOAK_PPROF" // address, on loopback, of the profiles of the process that serves; default none
)

// TestMixedLoad keeps a mixed load on a server and checks that it takes no more
// as time goes by, and that after the load nothing is left of it.
func TestMixedLoad(t *testing.T) {
	long, rate, every := 5*time.Second, 3.0, time.Second
	short := true
	if s := os.Getenv(soakFor); s != "" {
		d, err := time.ParseDuration(s)
		if err != nil {
			t.Fatalf("%s: %v", soakFor, err)
		}
		long, rate, every, short = d, 1, min(10*time.Second, d/60), false
	}
	if s := os.Getenv(soakRate); s != "" {
		r, err := strconv.ParseFloat(s, 64)
		if err != nil || r <= 0 {
			t.Fatalf("%s %q: want a number over 0", soakRate, s)
		}
		rate = r
	}
	retention := max(long/30, time.Second)
	data := t.TempDir()
	s, _ := serveProcess(t, data, nil, "--retention", retention.String())
	l := &load{client: newClient(s), rate: rate, counts: map[string]int{}}
	defer l.http.CloseIdleConnections()
	ctx := t.Context()
	if err := l.setup(ctx); err != nil {
		t.Fatal(err)
	}
	// What is made once is made before the first look: each kind is done a few times.
	soakRound(t, l, s, data, time.Second, time.Second)
	before := soakSettled(t, s, data, 0)
	samples := soakRound(t, l, s, data, long, every)
	after := soakSettled(t, s, data, before.goroutines+soakSlack)
	t.Logf("before the load %s", before)
	t.Logf("after the load  %s", after)
	if after.goroutines > before.goroutines+soakSlack || after.files > before.files+soakSlack {
		t.Errorf("goroutines, files: %d, %d before the load, %d, %d after it", before.goroutines, before.files, after.goroutines, after.files)
		t.Log(soakStacks(s))
	}
	for _, f := range soakFigures {
		t.Logf("%s: medians of the second and the last sixth of the time: %d, %d", f.name, median(samples, 2, f.of), median(samples, 6, f.of))
	}
	if !short {
		for _, g := range grown(samples) {
			t.Error(g)
		}
	}
	var text string
	if err := newClient(s).get(ctx, "/metrics", &text); err != nil {
		t.Fatal(err)
	}
	kept := 0
	for _, m := range soakDefinitions {
		if m.typ == "EXPRESS" {
			continue
		}
		list, err := l.executions(ctx, m.name, "")
		if err != nil {
			t.Fatal(err)
		}
		kept += len(list)
	}
	t.Logf("done: %v", l.counts)
	t.Logf("executions: %d started, %d kept at the end; %d transitions", exposed(text, "millrace_executions_started_total"), kept, exposed(text, "millrace_transitions_total"))
	for _, status := range []string{"FAILED", "TIMED_OUT"} {
		if n := exposed(text, `millrace_executions_ended_total{status="`+status+`"}`); n != 0 {
			t.Errorf("%d executions ended %s", n, status)
		}
	}
	if cpu, ok := soakCPU(s.cmd.Process.Pid); ok {
		t.Logf("processor time: %s", cpu)
	}
	for _, f := range l.faults {
		t.Error(f)
	}
	for _, what := range []string{"order", "token", "activity", "retry", "map", "sync", "park", "look", "follow", "churn", "objects", "activity tasks", "received from sink", "received from topical"} {
		if l.counts[what] == 0 {
			t.Errorf("of %s nothing was done", what)
		}
	}
	if n := exposed(text, "millrace_executions_started_total"); !short && kept > int(n)/4 {
		t.Errorf("%d of %d executions were kept: want them deleted after %s", kept, n, retention)
	}
	s.end(t)
}

// soakSlack is how many goroutines and open files more than before are no leak:
// processes of functions that are kept for the next call have some of each.
const soakSlack = 12

// soakRound has the load done for a while, waits until all that it began has
// ended, and returns the samples taken meanwhile.
func soakRound(t *testing.T, l *load, s *served, data string, long, every time.Duration) []sample {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), long)
	defer cancel()
	drained, done := context.WithCancel(t.Context())
	defer done()
	var samples []sample
	sampled := make(chan struct{})
	go func() {
		defer close(sampled)
		tick := time.NewTicker(every)
		defer tick.Stop()
		began := time.Now()
		for n := 1; ; n++ {
			select {
			case <-tick.C:
				one, err := sampleOf(ctx, s, data)
				if ctx.Err() != nil {
					return
				}
				if err != nil {
					l.fault("sample: %v", err)
					continue
				}
				one.at = time.Since(began)
				samples = append(samples, one)
				if every < 10*time.Second || n%6 == 0 {
					t.Log(one) // go test -v shows it at once
				}
			case <-ctx.Done():
				return
			}
		}
	}()
	workers := l.run(ctx, drained)
	<-sampled
	l.parked = nil // what of them runs is stopped below
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(2 * time.Minute)
	for {
		var running []string
		for _, m := range soakDefinitions {
			if m.typ == "EXPRESS" {
				continue
			}
			list, err := l.executions(drained, m.name, "RUNNING")
			if err != nil {
				t.Fatal(err)
			}
			running = append(running, list...)
		}
		if len(running) == 0 {
			break
		}
		for _, arn := range running {
			if !strings.Contains(arn, ":park:") {
				continue
			}
			if err := l.call(drained, sfn+"StopExecution", object{"executionArn": arn}, nil); err != nil {
				t.Error(err)
			}
		}
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("still running after the load: %q", running)
		}
	}
	done()
	workers.Wait()
	l.http.CloseIdleConnections()
	return samples
}

// executions lists the executions of a machine; status "" is any.
func (c *client) executions(ctx context.Context, machine, status string) (arns []string, err error) {
	in := object{"stateMachineArn": soakMachines + machine, "maxResults": 1000}
	if status != "" {
		in["statusFilter"] = status
	}
	for {
		var out struct {
			Executions []struct{ ExecutionArn string }
			NextToken  string
		}
		if err := c.call(ctx, sfn+"ListExecutions", in, &out); err != nil {
			return arns, err
		}
		for _, x := range out.Executions {
			arns = append(arns, x.ExecutionArn)
		}
		if out.NextToken == "" {
			return arns, nil
		}
		in["nextToken"] = out.NextToken
	}
}

// soakSettled waits until the server's goroutines are at most that many, or when
// 0 no longer change, and returns a sample; after half a minute one as it is.
func soakSettled(t *testing.T, s *served, data string, most int64) sample {
	t.Helper()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(30 * time.Second)
	var last sample
	for same := 0; ; {
		c := newClient(s)
		one, err := sampleOf(t.Context(), s, data)
		c.http.CloseIdleConnections()
		if err != nil {
			t.Fatal(err)
		}
		if same++; one.goroutines != last.goroutines {
			same = 0
		}
		last = one
		if same >= 10 && (most == 0 || last.goroutines <= most) {
			return last
		}
		select {
		case <-tick.C:
		case <-limit:
			return last
		}
	}
}

// sampleOf looks at a server.
func sampleOf(ctx context.Context, s *served, data string) (sample, error) {
	c := newClient(s)
	defer c.http.CloseIdleConnections()
	var text string
	if err := c.get(ctx, "/metrics", &text); err != nil {
		return sample{}, err
	}
	one := sample{heap: exposed(text, "go_gc_heap_live_bytes"), goroutines: exposed(text, "go_goroutines")}
	for file, to := range map[string]*int64{"millrace.db": &one.database, "millrace.db-wal": &one.log} {
		if fi, err := os.Stat(filepath.Join(data, file)); err == nil {
			*to = fi.Size()
		}
	}
	// Where the system tells of processes in files, as Linux does.
	proc := fmt.Sprintf("/proc/%d/", s.cmd.Process.Pid)
	if status, err := os.ReadFile(proc + "status"); err == nil {
		for line := range strings.Lines(string(status)) {
			if n, _ := fmt.Sscanf(line, "VmRSS: %d kB", &one.resident); n == 1 {
				one.resident <<= 10
			}
		}
	}
	if files, err := os.ReadDir(proc + "fd"); err == nil {
		one.files = int64(len(files))
	}
	return one, nil
}

// exposed returns a metric without labels.
func exposed(text, name string) int64 {
	for line := range strings.Lines(text) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			f, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			if err != nil {
				return -1
			}
			return int64(f)
		}
	}
	return -1
}

// soakCPU returns the processor time of a process and of its children that have ended.
func soakCPU(pid int) (time.Duration, bool) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, false
	}
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	if len(fields) < 13 {
		return 0, false
	}
	ticks := 0
	for _, f := range fields[11:13] { // of the user and the system, hundredths of a second
		n, err := strconv.Atoi(f)
		if err != nil {
			return 0, false
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond, true
}

// soakStacks returns what the goroutines of the server do, if its profiles are open.
func soakStacks(s *served) string {
	at := os.Getenv(soakPprof)
	if at == "" {
		return soakPprof + " has no address: no stacks to show"
	}
	c := newClient(s)
	defer c.http.CloseIdleConnections()
	c.rest = "http://" + at
	var text string
	if err := c.get(context.Background(), "/debug/pprof/goroutine?debug=1", &text); err != nil {
		return err.Error()
	}
	return text
}
