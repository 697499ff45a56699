package engine_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"millrace/engine"
	"millrace/engine/interp"
)

// mixFolder is a folder that processes work on, one after the other.
type mixFolder struct {
	dir   string
	known string // file of what was said
	sync  string
	said  map[string]bool
	ready bool // the last process said that it had come up
}

func newMixFolder(t *testing.T, n int) *mixFolder {
	t.Helper()
	f := &mixFolder{dir: t.TempDir(), said: map[string]bool{}}
	if n%3 == 1 {
		f.sync = "full" // a commit takes longer, and kills fall into syncs
	}
	f.known = filepath.Join(t.TempDir(), "said")
	if err := os.WriteFile(f.known, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	return f
}

// run runs the process and kills it after a while, 0: lets it end, or as soon as
// it has acknowledged so much, 0: however much.
func (f *mixFolder) run(t *testing.T, after time.Duration, enough int) (ended bool) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestCrashMixChild$")
	cmd.Env = append(os.Environ(), mixChild+"="+f.dir, mixKnown+"="+f.known, mixSync+"="+f.sync)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var errors strings.Builder
	cmd.Stderr = &errors
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	limit := after
	if limit == 0 {
		limit = patience
	}
	kill := time.AfterFunc(limit, func() { cmd.Process.Kill() })
	defer kill.Stop()
	var lines []string
	f.ready = false
	words := bufio.NewScanner(out)
	for words.Scan() {
		line, said := strings.CutPrefix(words.Text(), "said: ")
		switch {
		case !said:
			fmt.Fprintln(&errors, words.Text())
		case line == "ready":
			f.ready = true
		case line == "ended":
			ended = true
		case line != "opening":
			if lines = append(lines, line); len(lines) == enough {
				cmd.Process.Kill()
			}
			f.said[line] = true
		}
	}
	err = cmd.Wait()
	if err != nil && after == 0 && !cmd.ProcessState.Exited() {
		t.Fatalf("the work does not come to its end: something that was acknowledged may be lost\n%s", errors.String())
	}
	if err != nil && cmd.ProcessState.Exited() {
		t.Fatalf("the process failed: %v\n%s", err, errors.String())
	}
	if strings.Contains(errors.String(), "level=ERROR") {
		t.Errorf("the process had trouble: %s", errors.String())
	}
	file, err := os.OpenFile(f.known, os.O_APPEND|os.O_WRONLY, 0)
	if err == nil {
		_, err = file.WriteString(strings.Join(append(lines, ""), "\n"))
		file.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return ended && err == nil
}

// TestCrashMix kills processes at random instants, many of them while they start.
func TestCrashMix(t *testing.T) {
	kills, seed := number(t, crashKills, 24), number(t, crashSeed, 1)
	if testing.Short() {
		kills = min(kills, 5)
	}
	random := rand.New(rand.NewPCG(uint64(seed), 2))
	began := time.Now()
	var total struct{ killed, early, up, folders, acknowledged, executions, events int }
	end := func(f *mixFolder) {
		total.folders++
		total.acknowledged += len(f.said)
		executions, events := f.check(t)
		total.executions += executions
		total.events += events
	}
	f := newMixFolder(t, 0)
	for total.killed < kills {
		after, enough := time.Duration(20+random.IntN(500))*time.Millisecond, 0
		switch random.IntN(4) {
		case 0: // it is hardly up
			after = time.Duration(2+random.IntN(30)) * time.Millisecond
		case 1: // right after an acknowledgement
			after, enough = time.Second, 1+random.IntN(40)
		}
		ended := f.run(t, after, enough)
		if f.ready {
			total.up++
		}
		if !ended {
			if total.killed++; !f.ready {
				total.early++
			}
			continue
		}
		if end(f); t.Failed() {
			return
		}
		f = newMixFolder(t, total.folders)
	}
	f.run(t, 0, 0)
	end(f)
	t.Logf("seed %d: %d kills in %s, %d of them before the process had come up; %d folders, %d executions with %d events, %d acknowledgements",
		seed, total.killed, time.Since(began).Round(time.Second), total.early, total.folders, total.executions, total.events, total.acknowledged)
}

// check checks what the promises say of a folder whose work has ended.
func (f *mixFolder) check(t *testing.T) (executions, events int) {
	t.Helper()
	e, err := openMix(f.dir)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	c := &mixCheck{bench: &bench{Engine: e, t: t}, said: f.said}
	c.settled()
	for machine, n := range map[string]int{"mix": mixExecutions, "parked": mixParked, "child": mixExecutions, "forgotten": mixExecutions} {
		list := c.list(engine.ListFilter{MachineARN: mixMachines + machine})
		want(t, "executions of "+machine, len(list), n)
		for _, i := range list {
			c.execution(machine, i)
		}
	}
	for i := range mixExpress {
		for line, key := range map[string]string{fmt.Sprint("ran ", i): fmt.Sprintf(`"sync %d"`, i), fmt.Sprint("started quick q", i): fmt.Sprintf(`"async %d"`, i)} {
			if c.count("SELECT count(*) FROM test_marks WHERE key = '"+key+"'") == 1 {
				delete(f.said, line)
			}
		}
	}
	for line := range f.said {
		t.Errorf("acknowledged and lost: %s", line)
	}
	keys, most := c.effects()
	want(t, "local effects", keys, mixExecutions*mixEffects)
	want(t, "repeats of a local effect", most, 1)
	want(t, "effects of what failed", c.count("SELECT count(*) FROM test_refused"), 0)
	// What an EXPRESS execution does happens at least once, what a STANDARD one does exactly once.
	want(t, "marks of parked executions that were made twice", c.count(`SELECT count(*) FROM test_marks WHERE key LIKE '{"items"%' AND n > 1`), 0)
	want(t, "marks of items", c.count(`SELECT count(*) FROM test_marks WHERE key LIKE '"% a"' OR key LIKE '"% e"'`), 2*mixExecutions)
	want(t, "words of children left over", c.count("SELECT count(*) FROM map_ends"), 0)
	want(t, "frames of what succeeded", c.count("SELECT count(*) FROM frames WHERE execution NOT IN (SELECT id FROM executions WHERE status = 5)"), 0) // those of ABORTED ones are kept for a redrive
	return c.executions, c.events
}

// mixCheck is a check under way.
type mixCheck struct {
	*bench
	said               map[string]bool // what was acknowledged and not found yet
	executions, events int
}

func (c *mixCheck) list(f engine.ListFilter) (all []engine.ExecutionInfo) {
	c.t.Helper()
	for p := (engine.Page{Max: 1000}); ; {
		list, next, err := c.ListExecutions(context.Background(), f, p)
		if err != nil {
			c.t.Fatal(err)
		}
		if all = append(all, list...); next == "" {
			return all
		}
		p.Token = next
	}
}

// settled waits until nothing is left to do: what is on its way between
// executions, calls, and accepted EXPRESS executions, which nobody waited for.
func (c *mixCheck) settled() {
	c.t.Helper()
	for limit := time.Now().Add(patience); ; {
		n := c.count("SELECT (SELECT count(*) FROM outbox) + (SELECT count(*) FROM inbox) + (SELECT count(*) FROM results) + (SELECT count(*) FROM executions WHERE status IN (1, 7))")
		if n == 0 {
			return
		}
		if time.Now().After(limit) {
			c.t.Fatalf("%d rows left behind: outbox %d, inbox %d, results %d", n, c.count("SELECT count(*) FROM outbox"), c.count("SELECT count(*) FROM inbox"), c.count("SELECT count(*) FROM results"))
		}
		if err := c.Do(context.Background(), nil, func(engine.Tx) error { return nil }); err != nil {
			c.t.Fatal(err)
		}
	}
}

// sound checks what holds of every history, and returns it and the state that
// each event belongs to.
func (c *mixCheck) sound(i engine.ExecutionInfo) (all []interp.Event, state map[int64]string) {
	c.t.Helper()
	c.executions++
	all, state = c.history(i.ARN), map[int64]string{}
	ends, last := 0, time.Time{}
	for n, ev := range all {
		if ev.ID != int64(n+1) || ev.Previous >= ev.ID {
			c.t.Errorf("%s: event %d after %d events, previous %d", i.Name, ev.ID, n, ev.Previous)
		}
		if ev.Time.Before(last) {
			c.t.Errorf("%s: event %d is of %s, the one before of %s", i.Name, ev.ID, ev.Time, last)
		}
		last = ev.Time
		state[ev.ID] = state[ev.Previous]
		switch {
		case strings.HasSuffix(ev.Type, "StateEntered"):
			state[ev.ID] = ev.Name
		case ev.Type == "ExecutionStarted":
			want(c.t, i.Name+": ExecutionStarted", ev.ID, 1)
		case strings.HasPrefix(ev.Type, "Execution"):
			ends++
			want(c.t, i.Name+": the end", ev.ID, len(all))
		}
	}
	want(c.t, i.Name+": ends", ends, 1)
	c.events += len(all)
	return all, state
}

// execution checks one execution and what was acknowledged of it.
func (c *mixCheck) execution(machine string, i engine.ExecutionInfo) {
	c.t.Helper()
	all, state := c.sound(i)
	delete(c.said, "started "+machine+" "+i.Name)
	if machine == "parked" {
		want(c.t, i.Name+": status", i.Status, interp.Aborted)
		delete(c.said, "stopped "+i.Name)
		return
	}
	want(c.t, i.Name+": status", i.Status, interp.Succeeded)
	if machine != "mix" {
		return
	}
	number := 0
	if _, err := fmt.Sscanf(i.Name, "x%d", &number); err != nil {
		c.t.Fatal(err)
	}
	got := map[string]int{} // events of a state by type
	failed := time.Time{}
	for _, ev := range all {
		at := state[ev.ID] + " " + ev.Type
		if strings.HasPrefix(ev.Type, "MapIteration") {
			at = ev.Name + " " + ev.Type
		}
		got[at]++
		if ev.Error != nil && *ev.Error == "Odd" {
			got[at+" Odd"]++
		}
		switch at {
		case "Flaky TaskFailed":
			failed = ev.Time
		case "Flaky TaskScheduled":
			// The interval doubles with each retry.
			if n := got[at] - 2; n >= 0 && ev.Time.Sub(failed) < time.Second<<n {
				c.t.Errorf("%s: retry %d came %s after the failure, want at least %s", i.Name, n+1, ev.Time.Sub(failed), time.Second<<n)
			}
		}
	}
	fails := number % 3
	answer := map[string]string{"failure": "Failed", "success": "Succeeded"}[manner(number)]
	expect := map[string]int{
		"Flaky TaskScheduled": fails + 1, "Flaky TaskFailed": fails, "Flaky TaskSucceeded": 1,
		"Shaky TaskScheduled": fails + 1, "Shaky TaskStarted": fails + 1, "Shaky TaskFailed": fails, "Shaky TaskSucceeded": 1,
		"Refuse TaskFailed": 1, "Refuse TaskSucceeded": 0, "Lost TaskScheduled": 1,
		"Ask TaskScheduled": 1, "Ask TaskSubmitted": 1, "Ask Task" + answer: 1, "Ask TaskTimedOut": 0,
		"Act Activity" + answer: 1, "Each TaskSucceeded": 4, "Outer MapIterationSucceeded": 2, "Inner MapIterationSucceeded": 4,
		"Child TaskSucceeded": 1, "Forget TaskSucceeded": 1, "Batches MapRunSucceeded": 1, "Quick MapRunSucceeded": 1,
		"Second WaitStateExited": 1, "Last TaskSucceeded": 1, "Until WaitStateExited": 1,
	}
	for what, n := range expect {
		want(c.t, i.Name+": "+what, got[what], n)
	}
	want(c.t, i.Name+": ends of the call that may be lost", got["Lost TaskSucceeded"]+got["Lost TaskFailed"], 1)
	want(c.t, i.Name+": timeouts of the activity", got["Act ActivityTimedOut"], got["Act ActivityScheduled"]-1)
	if answer == "Failed" {
		want(c.t, i.Name+": failures as they were sent", got["Ask TaskFailed Odd"]+got["Act ActivityFailed Odd"], 2)
	}
	delete(c.said, "answered "+i.ARN+" "+manner(number))
	delete(c.said, "acted "+i.ARN+" "+manner(number))
	c.mapRuns(i)
}

// mapRuns checks the map runs of an execution.
func (c *mixCheck) mapRuns(i engine.ExecutionInfo) {
	c.t.Helper()
	runs, _, err := c.ListMapRuns(context.Background(), i.ARN, engine.Page{})
	if err != nil {
		c.t.Fatal(err)
	}
	want(c.t, i.Name+": map runs", len(runs), 2)
	for _, r := range runs {
		r, err := c.DescribeMapRun(context.Background(), r.ARN)
		if err != nil {
			c.t.Fatal(err)
		}
		children := 5
		if strings.Contains(r.ARN, "Batches") {
			children = 3
			list := c.list(engine.ListFilter{MapRunARN: r.ARN})
			want(c.t, r.ARN+": children", len(list), children)
			for _, child := range list {
				want(c.t, r.ARN+": status of a child", child.Status, interp.Succeeded)
				c.sound(child)
			}
		}
		want(c.t, r.ARN+": status", r.Status, interp.Succeeded)
		want(c.t, r.ARN+": items", r.Items, engine.MapRunCounts{Succeeded: 5, Total: 5})
		want(c.t, r.ARN+": executions", r.Executions, engine.MapRunCounts{Succeeded: int64(children), Total: int64(children)})
	}
}
