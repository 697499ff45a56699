package engine_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"millrace/engine"
	"millrace/engine/interp"
	"millrace/engine/sqlite"
)

// The crash test runs this test binary again as a process that works on a
// folder, kills it at random instants, and starts it again each time.
//
//	MILLRACE_CRASH_KILLS=2000 MILLRACE_CRASH_SEED=7 go test -run TestCrash ./engine
const (
	crashChild = "MILLRACE_CRASH_CHILD" // the folder
	crashKills = "MILLRACE_CRASH_KILLS" // how often; default 50
	crashSeed  = "MILLRACE_CRASH_SEED"  // of the instants; default 1
	crashPoint = "MILLRACE_CRASH_POINT" // of the child: the point at which it kills itself, and the how manieth time
)

const (
	crashExecutions = 200
	crashEffects    = 4 // local effects of an execution
)

// crashDefinition has local tasks, a wait, a token, a remote call, a nested
// execution and parallel branches.
const crashDefinition = `{"StartAt": "First", "States": {
	"First": {"Type": "Task", "Resource": "arn:aws:states:::svc:count", "ResultPath": "$.first", "Next": "Wait"},
	"Wait": {"Type": "Wait", "Seconds": 1, "Next": "Both"},
	"Both": {"Type": "Parallel", "ResultPath": "$.both", "Next": "Call", "Branches": [
		{"StartAt": "Ask", "States": {"Ask": {"Type": "Task", "Resource": "arn:aws:states:::svc:ask.waitForTaskToken", "End": true}}},
		{"StartAt": "Again", "States": {"Again": {"Type": "Task", "Resource": "arn:aws:states:::svc:count", "Next": "Pass"}, "Pass": {"Type": "Pass", "End": true}}}]},
	"Call": {"Type": "Task", "Resource": "arn:aws:states:::svc:call", "ResultPath": null, "Next": "Nested"},
	"Nested": {"Type": "Task", "Resource": "arn:aws:states:::svc:run.sync", "ResultPath": null, "Next": "Last"},
	"Last": {"Type": "Task", "Resource": "arn:aws:states:::svc:count", "End": true}}}`

func crashTasks(e *engine.Engine) (engine.Resolver, error) {
	err := e.Do(context.Background(), nil, func(tx engine.Tx) error {
		_, err := tx.Exec("CREATE TABLE IF NOT EXISTS test_effects (key TEXT PRIMARY KEY, n INTEGER NOT NULL)")
		return err
	})
	list := &tasks{m: map[string]engine.Task{}}
	list.set(counter(svc+"count"),
		&local{resource: svc + "ask.waitForTaskToken", run: func(tx engine.Tx, c engine.Call) (interp.Outcome, error) {
			return ok(`{}`), nil
		}},
		&remote{resource: svc + "call", call: func(ctx context.Context, c engine.Call) (interp.Outcome, error) { return ok(`{}`), nil }},
		&local{resource: svc + "run.sync", run: func(tx engine.Tx, c engine.Call) (interp.Outcome, error) {
			_, err := tx.Start(engine.StartInput{MachineARN: "arn:aws:states:us-east-1:000000000000:stateMachine:nested", Parent: &engine.Parent{Execution: c.Execution, Event: c.Event}})
			return ok(`{}`), err
		}})
	return list, err
}

func openCrash(dir string) (*engine.Engine, error) {
	store, err := sqlite.Open(context.Background(), dir, sqlite.Options{NoSync: true}) // a kill does not lose what the system has
	if err != nil {
		return nil, err
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	return engine.Open(context.Background(), engine.Config{Store: store, Tasks: crashTasks, Log: log, Hook: crashHook()})
}

// crashHook kills the process at the point that it was told.
func crashHook() func(string) {
	point, text, _ := strings.Cut(os.Getenv(crashPoint), " ")
	left, err := strconv.Atoi(text)
	if err != nil {
		return nil
	}
	var seen atomic.Int64
	return func(at string) {
		if at != point {
			return
		}
		if seen.Add(1) == int64(left) {
			self, err := os.FindProcess(os.Getpid())
			if err == nil {
				self.Kill()
			}
			select {} // until it is dead
		}
	}
}

// crashChildMain is the process that is killed. It says on its standard output
// what was acknowledged, and ends when everything has.
func crashChildMain(dir string) {
	if err := crashWork(dir); err != nil {
		fmt.Fprintln(os.Stderr, "crash child:", err)
		os.Exit(1)
	}
}

func crashWork(dir string) error {
	e, err := openCrash(dir)
	if err != nil {
		return err
	}
	defer e.Close()
	ctx := context.Background()
	if _, err := e.CreateStateMachine(ctx, engine.CreateStateMachine{Name: "nested", Definition: taskState("count", "")}); err != nil {
		return err
	}
	m, err := e.CreateStateMachine(ctx, engine.CreateStateMachine{Name: "crash", Definition: crashDefinition})
	if err != nil {
		return err
	}
	var said sync.Mutex
	say := func(words ...any) {
		said.Lock()
		defer said.Unlock()
		fmt.Println(words...)
	}
	say("ready")
	var wg sync.WaitGroup
	var failed error
	next := make(chan int)
	for range 8 {
		wg.Go(func() {
			for i := range next {
				name := fmt.Sprintf("x%d", i)
				_, err := e.StartExecution(ctx, engine.StartInput{MachineARN: m.ARN, Name: name, Input: []byte(fmt.Sprintf(`{"i": %d}`, i))})
				if err != nil && !errors.Is(err, engine.ErrExecutionExists) {
					said.Lock()
					failed = errors.Join(failed, err)
					said.Unlock()
					continue
				}
				say("started", name)
			}
		})
	}
	for i := range crashExecutions {
		next <- i
	}
	close(next)
	wg.Wait()
	if failed != nil {
		return failed
	}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		list, _, err := e.PendingTasks(ctx, engine.PendingFilter{}, engine.Page{Max: 1000})
		if err != nil {
			return err
		}
		for _, p := range list {
			switch err := e.SendTaskSuccess(ctx, p.Token, []byte(`"yes"`)); {
			case err == nil:
				say("answered", p.ExecutionARN)
			case !errors.Is(err, engine.ErrTaskTimedOut):
				return err
			}
		}
		running, _, err := e.ListExecutions(ctx, engine.ListFilter{MachineARN: m.ARN, Status: interp.Running}, engine.Page{Max: 1})
		if err != nil {
			return err
		}
		if len(running) == 0 {
			return nil
		}
		<-tick.C
	}
}

// crashRun runs the child and kills it after a while; 0: lets it end, or kill
// itself at a point. It returns what the child said.
func crashRun(t *testing.T, dir string, after time.Duration, point string) (said []string, ended bool) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), crashChild+"="+dir, crashPoint+"="+point)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var errors strings.Builder
	cmd.Stderr = &errors
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if after > 0 {
		kill := time.AfterFunc(after, func() { cmd.Process.Kill() })
		defer kill.Stop()
	} else {
		stuck := time.AfterFunc(patience, func() { cmd.Process.Kill() })
		defer stuck.Stop()
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		said = append(said, lines.Text())
	}
	err = cmd.Wait()
	if err != nil && (after == 0 && point == "" || cmd.ProcessState.Exited()) {
		t.Fatalf("the process failed: %v\n%s", err, errors.String())
	}
	return said, err == nil
}

func number(t *testing.T, name string, other int) int {
	s := os.Getenv(name)
	if s == "" {
		return other
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

func TestCrash(t *testing.T) {
	kills, seed := number(t, crashKills, 50), number(t, crashSeed, 1)
	if testing.Short() {
		kills = min(kills, 5)
	}
	dir := t.TempDir()
	random := rand.New(rand.NewPCG(uint64(seed), 0))
	acknowledged, ready := map[string]bool{}, 0
	note := func(said []string) {
		for _, line := range said {
			if line == "ready" {
				ready++
				continue
			}
			acknowledged[line] = true
		}
	}
	done := 0
	for ; done < kills; done++ {
		said, ended := crashRun(t, dir, time.Duration(20+random.IntN(280))*time.Millisecond, "")
		note(said)
		if ended {
			crashCheck(t, dir, acknowledged)
			if dir, acknowledged = t.TempDir(), map[string]bool{}; t.Failed() {
				return
			}
		}
	}
	said, _ := crashRun(t, dir, 0, "")
	note(said)
	t.Logf("%d kills, seed %d: %d times the process had come up; acknowledged in the last folder: %d", done, seed, ready, len(acknowledged))
	crashCheck(t, dir, acknowledged)
}

// TestCrashAtPoints has the process die right before and right after commits and
// calls, and when it comes up again.
func TestCrashAtPoints(t *testing.T) {
	dir := t.TempDir()
	acknowledged := map[string]bool{}
	note := func(said []string) {
		for _, line := range said {
			if line != "ready" {
				acknowledged[line] = true
			}
		}
	}
	died := 0
	points := []string{engine.AtCommit, engine.AtCommitted, engine.AtCall, engine.AtCalled, engine.AtRecover}
	for i := range 25 {
		point, nth := points[i%len(points)], 3+i*i%37
		if point == engine.AtRecover {
			nth = 1
		}
		said, ended := crashRun(t, dir, 0, fmt.Sprint(point, " ", nth))
		note(said)
		if !ended {
			died++
		}
	}
	if died < 12 {
		t.Errorf("the process died only %d times", died)
	}
	said, _ := crashRun(t, dir, 0, "")
	note(said)
	crashCheck(t, dir, acknowledged)
}

// crashCheck checks what the promises say of a folder whose work has ended.
func crashCheck(t *testing.T, dir string, acknowledged map[string]bool) {
	t.Helper()
	e, err := openCrash(dir)
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{Engine: e, t: t}
	defer e.Close()
	count := 0
	for _, machine := range []string{"crash", "nested"} {
		p := engine.Page{Max: 1000}
		list, _, err := e.ListExecutions(context.Background(), engine.ListFilter{MachineARN: "arn:aws:states:us-east-1:000000000000:stateMachine:" + machine}, p)
		if err != nil {
			t.Fatal(err)
		}
		want(t, "executions of "+machine, len(list), crashExecutions)
		for _, i := range list {
			delete(acknowledged, "started "+i.Name)
			want(t, i.Name+": status", i.Status, interp.Succeeded)
			answers, ends := 0, 0
			for n, ev := range b.history(i.ARN) {
				if ev.ID != int64(n+1) || ev.Previous >= ev.ID {
					t.Errorf("%s: event %d after %d events, previous %d", i.Name, ev.ID, n, ev.Previous)
				}
				switch {
				case ev.Type == "TaskSucceeded":
					answers++
				case strings.HasPrefix(ev.Type, "Execution") && ev.Type != "ExecutionStarted":
					ends++
				}
			}
			want(t, i.Name+": ends", ends, 1)
			if machine == "crash" {
				want(t, i.Name+": tasks succeeded", answers, 6)
				delete(acknowledged, "answered "+i.ARN)
			}
			count++
		}
	}
	keys, most := b.effects()
	want(t, "local effects", keys, crashExecutions*crashEffects)
	want(t, "repeats of a local effect", most, 1)
	for line := range acknowledged {
		t.Errorf("acknowledged and lost: %s", line)
	}
	b.outboxEmpty()
}
