package engine_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"millrace/engine"
	"millrace/engine/interp"
	"millrace/engine/sqlite"
)

// The mixed crash test kills a process that does everything that an engine does:
// timers, retries, catchers, local and remote tasks, tokens and activities that
// are answered from outside, nested executions and maps, map runs, EXPRESS
// executions, and executions that are stopped.
//
//	MILLRACE_CRASH_KILLS=1000 MILLRACE_CRASH_SEED=7 go test -run TestCrashMix ./engine
const (
	mixChild = "MILLRACE_CRASH_MIX_CHILD" // the folder
	mixKnown = "MILLRACE_CRASH_MIX_KNOWN" // file of the lines that earlier processes said: what is acknowledged is not asked for again
	mixSync  = "MILLRACE_CRASH_MIX_SYNC"  // "full": each commit is synced
)

const (
	mixExecutions = 40
	mixParked     = 10 // of them that are stopped
	mixExpress    = 12 // that are started, and as many that a client waits for
	mixEffects    = 12 // local effects of an execution of mix and of its children
)

const mixMachines = "arn:aws:states:us-east-1:000000000000:stateMachine:"

// mixDefinition fails Flaky and Shaky as often as its input says. What it does
// once is counted; Refuse writes and then fails, so that nothing may be left of it.
const mixDefinition = `{"StartAt": "Until", "States": {
	"Until": {"Type": "Wait", "TimestampPath": "$.at", "Next": "Flaky"},
	"Flaky": {"Type": "Task", "Resource": "arn:aws:states:::svc:flaky", "Parameters": {"n.$": "$$.State.RetryCount", "fails.$": "$.fails"}, "ResultPath": null, "Next": "Shaky",
		"Retry": [{"ErrorEquals": ["Flaky"], "IntervalSeconds": 1, "BackoffRate": 2, "MaxAttempts": 3}]},
	"Shaky": {"Type": "Task", "Resource": "arn:aws:states:::svc:shaky", "Parameters": {"n.$": "$$.State.RetryCount", "fails.$": "$.fails"}, "ResultPath": null, "Next": "Refuse",
		"Retry": [{"ErrorEquals": ["Flaky"], "IntervalSeconds": 1, "BackoffRate": 1, "MaxAttempts": 3}]},
	"Refuse": {"Type": "Task", "Resource": "arn:aws:states:::svc:refuse", "Catch": [{"ErrorEquals": ["Refused"], "ResultPath": "$.refused", "Next": "Lost"}], "End": true},
	"Lost": {"Type": "Task", "Resource": "arn:aws:states:::svc:lost", "ResultPath": null, "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": null, "Next": "Both"}], "Next": "Both"},
	"Both": {"Type": "Parallel", "ResultPath": null, "Next": "Second", "Branches": [
		{"StartAt": "Ask", "States": {
			"Ask": {"Type": "Task", "Resource": "arn:aws:states:::svc:ask.waitForTaskToken", "HeartbeatSeconds": 600, "Parameters": {"i.$": "$.i"}, "Catch": [{"ErrorEquals": ["Odd"], "Next": "Answered"}], "Next": "Answered"},
			"Answered": {"Type": "Pass", "End": true}}},
		{"StartAt": "Act", "States": {
			"Act": {"Type": "Task", "Resource": "arn:aws:states:us-east-1:000000000000:activity:act", "HeartbeatSeconds": 1, "TimeoutSeconds": 600, "Parameters": {"i.$": "$.i", "arn.$": "$$.Execution.Id"}, "Next": "Acted",
				"Retry": [{"ErrorEquals": ["States.HeartbeatTimeout"], "IntervalSeconds": 1, "BackoffRate": 1, "MaxAttempts": 1000}], "Catch": [{"ErrorEquals": ["Odd"], "Next": "Acted"}]},
			"Acted": {"Type": "Pass", "End": true}}},
		{"StartAt": "Outer", "States": {"Outer": {"Type": "Map", "ItemsPath": "$.lists", "MaxConcurrency": 1, "End": true, "ItemProcessor": {"StartAt": "Inner", "States": {
			"Inner": {"Type": "Map", "MaxConcurrency": 2, "End": true, "ItemProcessor": {"StartAt": "Each", "States": {"Each": {"Type": "Task", "Resource": "arn:aws:states:::svc:count", "End": true}}}}}}}}},
		{"StartAt": "Child", "States": {"Child": {"Type": "Task", "Resource": "arn:aws:states:::svc:run.sync", "Next": "Forget"}, "Forget": {"Type": "Task", "Resource": "arn:aws:states:::svc:run", "End": true}}},
		{"StartAt": "Batches", "States": {"Batches": {"Type": "Map", "ItemsPath": "$.items", "Label": "Batches", "ItemBatcher": {"MaxItemsPerBatch": 2}, "End": true, "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
			"StartAt": "Batch", "States": {"Batch": {"Type": "Task", "Resource": "arn:aws:states:::svc:count", "End": true}}}}}},
		{"StartAt": "Quick", "States": {"Quick": {"Type": "Map", "ItemsPath": "$.items", "Label": "Quick", "MaxConcurrency": 2, "End": true, "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"},
			"StartAt": "Mark", "States": {"Mark": {"Type": "Task", "Resource": "arn:aws:states:::svc:mark", "End": true}}}}}}]},
	"Second": {"Type": "Wait", "Seconds": 1, "Next": "Last"},
	"Last": {"Type": "Task", "Resource": "arn:aws:states:::svc:count", "End": true}}}`

// parkedDefinition waits in the iterations of a Map until it is stopped.
const parkedDefinition = `{"StartAt": "Mark", "States": {
	"Mark": {"Type": "Task", "Resource": "arn:aws:states:::svc:mark", "ResultPath": null, "Next": "Map"},
	"Map": {"Type": "Map", "ItemsPath": "$.items", "End": true, "ItemProcessor": {"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 100000, "End": true}}}}}}`

// mixTasks are the tasks of the mixed crash test.
func mixTasks(e *engine.Engine) (engine.Resolver, error) {
	err := e.Do(context.Background(), nil, func(tx engine.Tx) error {
		for _, table := range []string{"test_effects", "test_marks", "test_refused"} {
			if _, err := tx.Exec("CREATE TABLE IF NOT EXISTS " + table + " (key TEXT PRIMARY KEY, n INTEGER NOT NULL)"); err != nil {
				return err
			}
		}
		return nil
	})
	add := func(tx engine.Tx, table, key string) error {
		_, err := tx.Exec("INSERT INTO "+table+" (key, n) VALUES (?, 1) ON CONFLICT (key) DO UPDATE SET n = n + 1", key)
		return err
	}
	// outcome fails as long as the attempt is one that the input wants to fail.
	outcome := func(c engine.Call) (o interp.Outcome, err error) {
		var in struct{ N, Fails int }
		if err := json.Unmarshal(c.Input, &in); err != nil {
			return o, err
		}
		if in.N < in.Fails {
			return failed("Flaky", fmt.Sprint("attempt ", in.N)), nil
		}
		return ok(`{}`), nil
	}
	run := func(machine string, waits bool) func(engine.Tx, engine.Call) (interp.Outcome, error) {
		return func(tx engine.Tx, c engine.Call) (interp.Outcome, error) {
			in := engine.StartInput{MachineARN: mixMachines + machine}
			if waits {
				in.Parent = &engine.Parent{Execution: c.Execution, Event: c.Event}
			}
			_, err := tx.Start(in)
			return ok(`{}`), err
		}
	}
	list := &tasks{m: map[string]engine.Task{}}
	list.set(counter(svc+"count"),
		&local{resource: svc + "flaky", run: func(tx engine.Tx, c engine.Call) (interp.Outcome, error) {
			o, err := outcome(c)
			if err == nil && !o.Failed {
				err = add(tx, "test_effects", c.Key)
			}
			return o, err
		}},
		&local{resource: svc + "refuse", savepoint: true, run: func(tx engine.Tx, c engine.Call) (interp.Outcome, error) {
			return failed("Refused", "after its write"), add(tx, "test_refused", c.Key)
		}},
		&local{resource: svc + "mark", run: func(tx engine.Tx, c engine.Call) (interp.Outcome, error) {
			return ok(`{}`), add(tx, "test_marks", string(c.Input))
		}},
		&local{resource: svc + "ask.waitForTaskToken", run: func(tx engine.Tx, c engine.Call) (interp.Outcome, error) {
			return ok(`{}`), add(tx, "test_effects", c.Key)
		}},
		&local{resource: svc + "run.sync", run: run("child", true)},
		&local{resource: svc + "run", run: run("forgotten", false)},
		&remote{resource: svc + "shaky", call: func(ctx context.Context, c engine.Call) (interp.Outcome, error) { return outcome(c) }},
		&remote{resource: svc + "lost", lost: engine.Fail, call: func(ctx context.Context, c engine.Call) (interp.Outcome, error) {
			select {
			case <-time.After(20 * time.Millisecond): // so that kills fall into it
				return ok(`{}`), nil
			case <-ctx.Done():
				return interp.Outcome{}, ctx.Err()
			}
		}})
	return list, err
}

func openMix(dir string) (*engine.Engine, error) {
	store, err := sqlite.Open(context.Background(), dir, sqlite.Options{NoSync: os.Getenv(mixSync) != "full"}) // a kill does not lose what the system has
	if err != nil {
		return nil, err
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	return engine.Open(context.Background(), engine.Config{Store: store, Tasks: mixTasks, Log: log})
}

// TestCrashMixChild is the process that is killed, not a test.
func TestCrashMixChild(t *testing.T) {
	dir := os.Getenv(mixChild)
	if dir == "" {
		t.Skip("it is the process that TestCrashMix kills")
	}
	known, err := os.ReadFile(os.Getenv(mixKnown))
	if err != nil {
		t.Fatal(err)
	}
	w := &mixWork{known: map[string]bool{}}
	for line := range strings.Lines(string(known)) {
		w.known[strings.TrimSpace(line)] = true
	}
	w.say("opening")
	if w.e, err = openMix(dir); err != nil {
		t.Fatal(err)
	}
	err = w.work()
	if err := errors.Join(err, w.e.Close()); err != nil {
		t.Fatal(err)
	}
	w.say("ended")
}

// mixWork is the work of one process.
type mixWork struct {
	e     *engine.Engine
	known map[string]bool // what was said by earlier processes
	said  sync.Mutex
}

// say writes a line, at once: it is what a client would have learned.
func (w *mixWork) say(words ...any) {
	w.said.Lock()
	defer w.said.Unlock()
	fmt.Println(append([]any{"said:"}, words...)...)
}

func (w *mixWork) work() error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	for _, m := range []struct {
		name, definition string
		kind             engine.MachineType
	}{
		{"child", taskState("count", ""), engine.Standard}, {"forgotten", taskState("count", ""), engine.Standard},
		{"mix", mixDefinition, engine.Standard}, {"parked", parkedDefinition, engine.Standard}, {"quick", taskState("mark", ""), engine.Express},
	} {
		if _, err := w.e.CreateStateMachine(ctx, engine.CreateStateMachine{Name: m.name, Type: m.kind, Definition: m.definition}); err != nil {
			return err
		}
	}
	act, err := w.e.CreateActivity(ctx, "act")
	if err != nil {
		return err
	}
	w.say("ready")
	var wg sync.WaitGroup
	failures := make(chan error, 64)
	client := func(f func() error) {
		wg.Go(func() {
			if err := f(); err != nil {
				failures <- err
				cancel()
			}
		})
	}
	var starts sync.WaitGroup
	starting := func(f func() error) {
		starts.Add(1)
		client(func() error { defer starts.Done(); return f() })
	}
	for n := range 4 {
		starting(func() error { return w.start(ctx, n, 4) })
	}
	starting(func() error { return w.express(ctx) })
	starting(func() error { return w.park(ctx) })
	for range 2 {
		client(func() error { return w.act(ctx, act.ARN) })
	}
	client(func() error { return w.answer(ctx) })
	client(func() error {
		defer cancel()
		starts.Wait()
		return w.ended(ctx)
	})
	wg.Wait()
	close(failures)
	var all []error
	for err := range failures {
		all = append(all, err)
	}
	return errors.Join(all...)
}

// started starts an execution unless that has been acknowledged, and says so.
func (w *mixWork) started(ctx context.Context, machine, name, input string) error {
	line := "started " + machine + " " + name
	if w.known[line] {
		return nil
	}
	_, err := w.e.StartExecution(ctx, engine.StartInput{MachineARN: mixMachines + machine, Name: name, Input: []byte(input)})
	if err != nil && !errors.Is(err, engine.ErrExecutionExists) {
		return fmt.Errorf("%s: %w", line, err)
	}
	w.say(line)
	return nil
}

// start is one of several clients that start executions.
func (w *mixWork) start(ctx context.Context, n, of int) error {
	for i := n; i < mixExecutions; i += of {
		at := time.Now().Add(300 * time.Millisecond).UTC().Format(time.RFC3339Nano)
		in := fmt.Sprintf(`{"i": %d, "fails": %d, "at": %q, "lists": [[%d, 1], [2, 3]], "items": ["%d a", "%d b", "%d c", "%d d", "%d e"]}`, i, i%3, at, i, i, i, i, i, i)
		if err := w.started(ctx, "mix", fmt.Sprint("x", i), in); err != nil {
			return err
		}
	}
	return nil
}

// express starts EXPRESS executions, and runs others to their ends.
func (w *mixWork) express(ctx context.Context) error {
	for i := range mixExpress {
		if err := w.started(ctx, "quick", fmt.Sprint("q", i), fmt.Sprintf(`"async %d"`, i)); err != nil {
			return err
		}
		line := fmt.Sprint("ran ", i)
		if w.known[line] {
			continue
		}
		x, _, err := w.e.StartSyncExecution(ctx, engine.StartInput{MachineARN: mixMachines + "quick", Input: []byte(fmt.Sprintf(`"sync %d"`, i))})
		if err != nil {
			return fmt.Errorf("%s: %w", line, err)
		}
		if x.Status != interp.Succeeded {
			return fmt.Errorf("%s: it ended %s", line, x.Status)
		}
		w.say(line)
	}
	return nil
}

// park starts executions and stops them.
func (w *mixWork) park(ctx context.Context) error {
	for i := range mixParked {
		name := fmt.Sprint("p", i)
		if err := w.started(ctx, "parked", name, fmt.Sprintf(`{"items": [1, 2, %d]}`, i)); err != nil {
			return err
		}
		line := "stopped " + name
		if w.known[line] {
			continue
		}
		enough := "Enough"
		if _, err := w.e.StopExecution(ctx, strings.Replace(mixMachines, "stateMachine", "execution", 1)+"parked:"+name, &enough, nil); err != nil {
			return fmt.Errorf("%s: %w", line, err)
		}
		w.say(line)
	}
	return nil
}

// manner is how the tokens of an execution are answered.
func manner(i int) string {
	if i%5 == 0 {
		return "failure"
	}
	return "success"
}

// settle answers a token, some after a heartbeat.
func (w *mixWork) settle(ctx context.Context, token string, i int) error {
	if i%4 == 0 {
		if err := w.e.SendTaskHeartbeat(ctx, token); err != nil {
			return err
		}
	}
	if manner(i) == "failure" {
		name, cause := "Odd", "one of five"
		return w.e.SendTaskFailure(ctx, token, &name, &cause)
	}
	return w.e.SendTaskSuccess(ctx, token, []byte(fmt.Sprint(i)))
}

// answer answers the tokens that are waited for.
func (w *mixWork) answer(ctx context.Context) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		list, _, err := w.e.PendingTasks(ctx, engine.PendingFilter{}, engine.Page{Max: 1000})
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("pending tasks: %w", err)
		}
		for _, p := range list {
			var in struct{ I int }
			if err := json.Unmarshal(p.Input, &in); err != nil {
				return err
			}
			line := "answered " + p.ExecutionARN + " " + manner(in.I)
			if w.known[line] {
				continue // the answer is on its way; had it been lost, the execution would never end
			}
			err := w.settle(ctx, p.Token, in.I)
			if errors.Is(err, engine.ErrTaskTimedOut) {
				continue // it was answered between the list and now
			}
			if err != nil {
				return fmt.Errorf("answer %d: %w", in.I, err)
			}
			w.say(line)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// act is a worker of the activity.
func (w *mixWork) act(ctx context.Context, activity string) error {
	for ctx.Err() == nil {
		token, input, err := w.e.GetActivityTask(ctx, activity, "worker")
		if err != nil {
			return fmt.Errorf("get activity task: %w", err)
		}
		if token == "" {
			continue
		}
		var in struct {
			I   int
			ARN string
		}
		if err := json.Unmarshal(input, &in); err != nil {
			return err
		}
		line := "acted " + in.ARN + " " + manner(in.I)
		if w.known[line] {
			return fmt.Errorf("lost: %s", line)
		}
		err = w.settle(ctx, token, in.I)
		if errors.Is(err, engine.ErrTaskTimedOut) {
			continue // its heartbeat was late
		}
		if err != nil {
			return fmt.Errorf("act %d: %w", in.I, err)
		}
		w.say(line)
	}
	return nil
}

// ended waits until nothing runs.
func (w *mixWork) ended(ctx context.Context) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		running := 0
		for _, machine := range []string{"mix", "child", "forgotten", "parked"} {
			list, _, err := w.e.ListExecutions(ctx, engine.ListFilter{MachineARN: mixMachines + machine, Status: interp.Running}, engine.Page{Max: 1})
			if ctx.Err() != nil {
				return nil // another failed
			}
			if err != nil {
				return fmt.Errorf("list %s: %w", machine, err)
			}
			running += len(list)
		}
		if running == 0 {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}
