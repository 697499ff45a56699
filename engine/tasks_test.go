package engine_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"millrace/engine"
	"millrace/engine/interp"
)

// counter is a local action that counts its calls in a record of its own table.
func counter(resource string) *local {
	return &local{resource: resource, run: func(tx engine.Tx, c engine.Call) (interp.Outcome, error) {
		if _, err := tx.Exec("CREATE TABLE IF NOT EXISTS test_effects (key TEXT PRIMARY KEY, n INTEGER NOT NULL)"); err != nil {
			return interp.Outcome{}, err
		}
		_, err := tx.Exec("INSERT INTO test_effects (key, n) VALUES (?, 1) ON CONFLICT (key) DO UPDATE SET n = n + 1", c.Key)
		return ok(`{"done":true}`), err
	}}
}

// effects returns how many keys were counted, and the most that one was.
func (b *bench) effects() (keys, most int64) {
	b.t.Helper()
	err := b.Read(context.Background(), func(r engine.Reader) error {
		rows, err := r.Query("SELECT count(*), coalesce(max(n), 0) FROM test_effects")
		if err != nil {
			return err
		}
		defer rows.Close()
		if rows.Next() {
			return rows.Scan(&keys, &most)
		}
		return rows.Err()
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return keys, most
}

const svc = "arn:aws:states:::svc:"

func taskState(resource, rest string) string {
	return fmt.Sprintf(`{"StartAt": "T", "States": {"T": {"Type": "Task", "Resource": "%s%s", %s "End": true}}}`, svc, resource, rest)
}

func TestLocalActions(t *testing.T) {
	b := newBench(t, counter(svc+"count"))
	def := `{"StartAt": "A", "States": {
		"A": {"Type": "Task", "Resource": "arn:aws:states:::svc:count", "Next": "B"},
		"B": {"Type": "Pass", "Next": "C"},
		"C": {"Type": "Parallel", "End": true, "Branches": [
			{"StartAt": "C1", "States": {"C1": {"Type": "Task", "Resource": "arn:aws:states:::svc:count", "End": true}}},
			{"StartAt": "C2", "States": {"C2": {"Type": "Task", "Resource": "arn:aws:states:::svc:count", "End": true}}}]}}}`
	arn := b.start(b.machine("m", def), "", `{}`)
	i := b.end(arn)
	want(t, "status", i.Status, interp.Succeeded)
	want(t, "output", string(i.Output), `[{"done":true},{"done":true}]`)
	keys, most := b.effects()
	want(t, "effects", keys, 3)
	want(t, "repeated effects", most, 1)
	last := int64(0)
	for _, e := range b.history(arn) {
		want(t, "event id", e.ID, last+1)
		last = e.ID
	}
}

func TestLocalActionFails(t *testing.T) {
	b := newBench(t,
		&local{resource: svc + "refuse", run: func(tx engine.Tx, c engine.Call) (interp.Outcome, error) {
			return failed("Card.Declined", "no money"), nil
		}},
		&local{resource: svc + "undo", savepoint: true, run: func(tx engine.Tx, c engine.Call) (interp.Outcome, error) {
			_, err := tx.Exec("CREATE TABLE test_undone (x INTEGER)")
			return failed("Late.Refusal", "after a write"), err
		}},
		&local{resource: svc + "sloppy", run: func(tx engine.Tx, c engine.Call) (interp.Outcome, error) {
			_, err := tx.Exec("CREATE TABLE test_sloppy (x INTEGER)")
			return failed("Late.Refusal", "after a write"), err
		}},
		&local{resource: svc + "broken", run: func(tx engine.Tx, c engine.Call) (interp.Outcome, error) {
			return interp.Outcome{}, errors.New("cannot work")
		}},
		&local{resource: svc + "panics", run: func(tx engine.Tx, c engine.Call) (interp.Outcome, error) {
			panic("oh")
		}},
		counter(svc+"count"),
	)
	for _, c := range []struct{ resource, err string }{
		{"refuse", "Card.Declined"}, {"undo", "Late.Refusal"}, {"sloppy", "States.Runtime"}, {"broken", "States.Runtime"}, {"panics", "States.Runtime"}, {"nothing", "States.Runtime"},
	} {
		arn := b.start(b.machine(c.resource, taskState(c.resource, "")), "", `{}`)
		i := b.end(arn)
		want(t, c.resource+": status", i.Status, interp.Failed)
		if i.Error == nil {
			t.Errorf("%s: no error", c.resource)
			continue
		}
		want(t, c.resource+": error", *i.Error, c.err)
	}
	err := b.Read(context.Background(), func(r engine.Reader) error {
		rows, err := r.Query("SELECT name FROM sqlite_master WHERE name IN ('test_undone', 'test_sloppy')")
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var name string
			if err := rows.Scan(&name); err != nil {
				return err
			}
			t.Errorf("%s was not undone", name)
		}
		return rows.Err()
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestReadAction(t *testing.T) {
	b := newBench(t, &reading{resource: svc + "get", read: func(r engine.Reader, c engine.Call) (interp.Outcome, error) {
		rows, err := r.Query("SELECT count(*) FROM executions")
		if err != nil {
			return interp.Outcome{}, err
		}
		defer rows.Close()
		var n int64
		if rows.Next() {
			err = rows.Scan(&n)
		}
		return ok(fmt.Sprint(n)), err
	}})
	m := b.machine("m", taskState("get", ""))
	b.end(b.start(m, "", `{}`))
	arn := b.start(m, "", `{}`)
	want(t, "output", string(b.end(arn).Output), "1")
	want(t, "history", b.types(arn), "ExecutionStarted TaskStateEntered TaskScheduled TaskStarted TaskSucceeded TaskStateExited ExecutionSucceeded")
}

func TestRemoteAction(t *testing.T) {
	b := newBench(t, &remote{resource: svc + "call", call: func(ctx context.Context, c engine.Call) (interp.Outcome, error) {
		return ok(`{"key":"` + c.Key + `"}`), nil
	}})
	arn := b.start(b.machine("m", taskState("call", "")), "", `{}`)
	i := b.end(arn)
	want(t, "status", i.Status, interp.Succeeded)
	want(t, "history", b.types(arn), "ExecutionStarted TaskStateEntered TaskScheduled TaskStarted TaskSucceeded TaskStateExited ExecutionSucceeded")
	b.outboxEmpty()
}

// count returns what a query counts.
func (b *bench) count(query string) (n int64) {
	b.t.Helper()
	err := b.Read(context.Background(), func(r engine.Reader) error {
		rows, err := r.Query(query)
		if err != nil {
			return err
		}
		defer rows.Close()
		rows.Next()
		return rows.Scan(&n)
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return n
}

// outboxEmpty checks that nothing is left behind but executions and histories.
// What reaches an execution that has ended is removed a little later.
func (b *bench) outboxEmpty() {
	b.t.Helper()
	for limit := time.Now().Add(patience); ; {
		n := b.count("SELECT (SELECT count(*) FROM outbox) + (SELECT count(*) FROM inbox) + (SELECT count(*) FROM frames) + (SELECT count(*) FROM results)")
		if n == 0 {
			return
		}
		if time.Now().After(limit) {
			b.t.Fatalf("%d rows left behind", n)
		}
		if err := b.Do(context.Background(), nil, func(engine.Tx) error { return nil }); err != nil {
			b.t.Fatal(err)
		}
	}
}

func TestRemoteActionTimesOut(t *testing.T) {
	b := newBench(t, &remote{resource: svc + "slow", call: func(ctx context.Context, c engine.Call) (interp.Outcome, error) {
		<-ctx.Done()
		return interp.Outcome{}, ctx.Err()
	}})
	arn := b.start(b.machine("m", taskState("slow", `"TimeoutSeconds": 30,`)), "", `{}`)
	b.tick(30 * time.Second)
	i := b.end(arn)
	want(t, "status", i.Status, interp.Failed)
	want(t, "error", *i.Error, "States.Timeout")
	b.outboxEmpty()
}

func TestStopCancelsCall(t *testing.T) {
	called, cancelled := make(chan bool, 1), make(chan bool, 1)
	b := newBench(t, &remote{resource: svc + "slow", call: func(ctx context.Context, c engine.Call) (interp.Outcome, error) {
		called <- true
		<-ctx.Done()
		cancelled <- true
		return interp.Outcome{}, ctx.Err()
	}})
	arn := b.start(b.machine("m", taskState("slow", "")), "", `{}`)
	<-called
	name, cause := "Why", "because"
	if _, err := b.StopExecution(context.Background(), arn, &name, &cause); err != nil {
		t.Fatal(err)
	}
	<-cancelled
	i := b.end(arn)
	want(t, "status", i.Status, interp.Aborted)
	want(t, "error", *i.Error, "Why")
	b.outboxEmpty()
}

func TestLostCalls(t *testing.T) {
	for _, c := range []struct {
		name   string
		policy engine.LostPolicy
		status interp.Status
		calls  int64
	}{{"repeat", engine.Repeat, interp.Succeeded, 2}, {"fail", engine.Fail, interp.Failed, 1}} {
		t.Run(c.name, func(t *testing.T) {
			var calls atomic.Int64
			keys := make(chan string, 4)
			act := &remote{resource: svc + "call", lost: c.policy}
			act.call = func(ctx context.Context, call engine.Call) (interp.Outcome, error) {
				keys <- call.Key
				if calls.Add(1) == 1 {
					<-ctx.Done() // the process ends
					return interp.Outcome{}, ctx.Err()
				}
				return ok(`{}`), nil
			}
			b := newFileBench(t, act)
			arn := b.start(b.machine("m", taskState("call", "")), "", `{}`)
			first := <-keys
			b.restart()
			i := b.end(arn)
			want(t, "status", i.Status, c.status)
			want(t, "calls", calls.Load(), c.calls)
			if c.policy == engine.Repeat {
				want(t, "key of the repeated call", <-keys, first)
			}
			b.outboxEmpty()
		})
	}
}

func TestActivity(t *testing.T) {
	b := newFileBench(t)
	ctx := context.Background()
	a, err := b.CreateActivity(ctx, "work")
	if err != nil {
		t.Fatal(err)
	}
	m := b.machine("m", fmt.Sprintf(`{"StartAt": "T", "States": {"T": {"Type": "Task", "Resource": %q, "End": true}}}`, a.ARN))
	type task struct {
		token string
		input []byte
		err   error
	}
	got := make(chan task, 1)
	go func() {
		token, input, err := b.GetActivityTask(ctx, a.ARN, "w1")
		got <- task{token, input, err}
	}()
	arn := b.start(m, "", `{"n": 1}`)
	k := <-got
	if k.err != nil {
		t.Fatal(k.err)
	}
	want(t, "input", string(k.input), `{"n": 1}`)
	if err := b.SendTaskSuccess(ctx, k.token, []byte(`"done"`)); err != nil {
		t.Fatal(err)
	}
	want(t, "output", string(b.end(arn).Output), `"done"`)
	want(t, "history", b.types(arn), "ExecutionStarted TaskStateEntered ActivityScheduled ActivityStarted ActivitySucceeded TaskStateExited ExecutionSucceeded")

	// A task that waits for a worker is still there after a restart.
	arn = b.start(m, "", `{"n": 2}`)
	b.restart()
	token, input, err := b.GetActivityTask(ctx, a.ARN, "")
	if err != nil {
		t.Fatal(err)
	}
	want(t, "input after the restart", string(input), `{"n": 2}`)
	name := "Bad"
	if err := b.SendTaskFailure(ctx, token, &name, nil); err != nil {
		t.Fatal(err)
	}
	want(t, "status", b.end(arn).Status, interp.Failed)
	ended, cancel := context.WithCancel(ctx)
	cancel()
	token, _, err = b.GetActivityTask(ended, a.ARN, "")
	want(t, "token when there is no task", token, "")
	want(t, "error when there is no task", err, nil)
	b.outboxEmpty()
}

func TestNested(t *testing.T) {
	b := newBench(t)
	var child string
	b.tasks.set(&local{resource: svc + "run.sync", run: func(tx engine.Tx, c engine.Call) (interp.Outcome, error) {
		s, err := tx.Start(engine.StartInput{MachineARN: child, Input: []byte(`{"from":"parent"}`), Parent: &engine.Parent{Execution: c.Execution, Event: c.Event}})
		return ok(`{"ExecutionArn":"` + s.ARN + `"}`), err
	}})
	child = b.machine("child", wait)
	parent := b.machine("parent", taskState("run.sync", ""))
	arn := b.start(parent, "", `{}`)
	var kid string
	b.until(arn, func(engine.ExecutionInfo) bool {
		list, _, err := b.ListExecutions(context.Background(), engine.ListFilter{MachineARN: child}, engine.Page{})
		if err != nil {
			t.Fatal(err)
		}
		if len(list) > 0 {
			kid = list[0].ARN
		}
		return kid != ""
	})
	b.until(kid, func(engine.ExecutionInfo) bool { return len(b.history(kid)) == 2 })
	b.tick(10 * time.Second)
	b.end(kid)
	i := b.end(arn)
	want(t, "status", i.Status, interp.Succeeded)
	want(t, "history", b.types(arn), "ExecutionStarted TaskStateEntered TaskScheduled TaskStarted TaskSubmitted TaskSucceeded TaskStateExited ExecutionSucceeded")

	// Stopping the parent stops the child.
	arn = b.start(parent, "", `{}`)
	list, _, err := b.ListExecutions(context.Background(), engine.ListFilter{MachineARN: child, Status: interp.Running}, engine.Page{})
	if err != nil || len(list) != 1 {
		t.Fatalf("children: %v, %v", list, err)
	}
	if _, err := b.StopExecution(context.Background(), arn, nil, nil); err != nil {
		t.Fatal(err)
	}
	want(t, "status of the stopped parent's child", b.end(list[0].ARN).Status, interp.Aborted)
	b.outboxEmpty()
}

func TestExpress(t *testing.T) {
	b := newFileBench(t, counter(svc+"count"), &remote{resource: svc + "call", call: func(ctx context.Context, c engine.Call) (interp.Outcome, error) {
		return ok(`{"called":true}`), nil
	}})
	m := b.machineOf(engine.Express, "x", `{"StartAt": "A", "States": {
		"A": {"Type": "Task", "Resource": "arn:aws:states:::svc:count", "Next": "B"},
		"B": {"Type": "Task", "Resource": "arn:aws:states:::svc:call", "End": true}}}`)
	i, billing, err := b.StartSyncExecution(context.Background(), engine.StartInput{MachineARN: m, Name: "n", Input: []byte(`{}`)})
	if err != nil {
		t.Fatal(err)
	}
	want(t, "status", i.Status, interp.Succeeded)
	want(t, "output", string(i.Output), `{"called":true}`)
	want(t, "memory billed", billing.MemoryMB, 64)
	if _, err := b.StartExecution(context.Background(), engine.StartInput{MachineARN: m}); err != nil {
		t.Fatal(err)
	}
	for limit := time.Now().Add(patience); b.count("SELECT count(*) FROM executions") != 0; {
		if time.Now().After(limit) {
			t.Fatal("the row of the asynchronous execution is still there")
		}
		if err := b.Do(context.Background(), nil, func(engine.Tx) error { return nil }); err != nil {
			t.Fatal(err)
		}
	}
	keys, most := b.effects()
	want(t, "effects", keys, 2)
	want(t, "repeated effects", most, 1)
	b.outboxEmpty()
}

// While an EXPRESS execution runs it has a row, which is nobody's business.
func TestExpressExecutionsAreNotListed(t *testing.T) {
	called, answer := make(chan struct{}), make(chan struct{})
	b := newFileBench(t, &remote{resource: svc + "call", call: func(ctx context.Context, c engine.Call) (interp.Outcome, error) {
		close(called)
		select {
		case <-answer:
		case <-ctx.Done():
		}
		return ok(`{}`), nil
	}})
	defer close(answer)
	x := b.start(b.machine("standard", `{"StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}}`), "", `{}`)
	b.start(b.machineOf(engine.Express, "express", taskState("call", "")), "", `{}`)
	<-called
	list, _, err := b.ListExecutions(context.Background(), engine.ListFilter{}, engine.Page{})
	if err != nil {
		t.Fatal(err)
	}
	if len(list) != 1 || list[0].ARN != x {
		t.Errorf("got %v, want only %s", list, x)
	}
}
