package engine_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"millrace/asl/document"
	"millrace/engine"
	"millrace/engine/interp"
	"millrace/engine/sqlite"
)

func TestWatch(t *testing.T) {
	b := newBench(t)
	var mu sync.Mutex
	var got []string
	note := func(s string) func() {
		return func() {
			mu.Lock()
			defer mu.Unlock()
			got = append(got, s)
		}
	}
	stops := []func(){b.Watch("k", note("first")), b.Watch("k", note("second")), b.Watch("k", note("third")), b.Watch("other", note("other"))}
	notify := func(want_ ...string) {
		t.Helper()
		mu.Lock()
		got = nil
		mu.Unlock()
		err := b.Do(context.Background(), nil, func(tx engine.Tx) error {
			tx.Notify("k")
			tx.Notify("k")
			mu.Lock()
			defer mu.Unlock()
			if len(got) > 0 {
				t.Error("signalled before the commit")
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		mu.Lock()
		defer mu.Unlock()
		want(t, "signals", got, want_)
	}
	notify("first", "second", "third")
	stops[1]()
	stops[1]()
	notify("first", "third")
	stops[0]()
	notify("third")
	fourth := b.Watch("k", note("fourth"))
	notify("third", "fourth")
	stops[2]()
	fourth()
	notify()
	if err := b.Do(context.Background(), nil, func(tx engine.Tx) error { tx.Notify("other"); return errors.New("no") }); err == nil {
		t.Error("no error")
	}
	want(t, "signals of a unit that failed", got, []string{})
	b.WakeAt("other", b.clock.Now().Add(2*time.Second))
	b.WakeAt("other", b.clock.Now().Add(time.Second))
	b.tick(time.Second)
	want(t, "signals at the first time", got, []string{"other"})
	b.tick(time.Second)
	b.tick(time.Second)
	want(t, "signals at both times", got, []string{"other", "other"})
}

func TestDoAndRead(t *testing.T) {
	b := newFileBench(t)
	ctx := context.Background()
	mine := errors.New("mine")
	err := b.Do(ctx, []string{"x"}, func(tx engine.Tx) error {
		if _, err := tx.Exec("CREATE TABLE test_x (x INTEGER)"); err != nil {
			return err
		}
		return mine
	})
	wantErr(t, "an error after a write", err, mine)
	err = b.Do(ctx, nil, func(tx engine.Tx) error {
		_, err := tx.Exec("CREATE TABLE test_x (x INTEGER)") // the first one was undone
		if err == nil && !tx.Now().Equal(b.clock.Now()) {
			t.Errorf("the unit's time is %v", tx.Now())
		}
		return err
	})
	want(t, "error", err, nil)
	err = b.Do(ctx, nil, func(tx engine.Tx) error { panic("oh") })
	if err == nil {
		t.Error("a panic: no error")
	}
	gone, cancel := context.WithCancel(ctx)
	cancel()
	wantErr(t, "a context that has ended", b.Do(gone, nil, func(tx engine.Tx) error { return nil }), context.Canceled)
	b.Close()
	wantErr(t, "a closed engine", b.Do(ctx, nil, func(tx engine.Tx) error { return nil }), engine.ErrClosed)
	_, err = b.StartExecution(ctx, engine.StartInput{MachineARN: "arn:aws:states:us-east-1:000000000000:stateMachine:m"})
	wantErr(t, "a start on a closed engine", err, engine.ErrClosed)
}

func TestFollowUps(t *testing.T) {
	calls := make(chan engine.Call, 10)
	var fail atomic.Int64
	act := &remote{resource: svc + "mail", call: func(ctx context.Context, c engine.Call) (interp.Outcome, error) {
		calls <- c
		if fail.Add(-1) >= 0 {
			return failed("Unreachable", "no answer"), nil
		}
		return ok(`{}`), nil
	}}
	b := newFileBench(t, act)
	enqueue := func(key string) {
		err := b.Do(context.Background(), nil, func(tx engine.Tx) error {
			return tx.Enqueue(engine.FollowUp{Resource: svc + "mail", Key: key, Input: json.RawMessage(`{"to":"ana"}`), Attempts: 3, Backoff: time.Second})
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	fail.Store(1)
	enqueue("a")
	first := <-calls
	want(t, "input", string(first.Input), `{"to":"ana"}`)
	want(t, "key", first.Key, "a")
	b.settle(func(n int64) bool { return n == 1 }) // it waits for its time
	b.restart()
	second := b.callAfter(time.Second, calls)
	want(t, "key of the second attempt", second.Key, "a")
	want(t, "number of the second attempt", second.Attempt, 1)
	b.settle(func(n int64) bool { return n == 0 })

	fail.Store(10)
	enqueue("b")
	<-calls
	for range 2 {
		b.settle(func(n int64) bool { return n == 1 })
		b.callAfter(4*time.Second, calls)
	}
	b.settle(func(n int64) bool { return n == 0 })
	want(t, "calls beyond the attempts", len(calls), 0)
}

// callAfter moves the clock until that brings about a call. The outcome of the
// last one may be noted only after the first tick.
func (b *bench) callAfter(d time.Duration, calls <-chan engine.Call) engine.Call {
	b.t.Helper()
	for limit := time.Now().Add(patience); ; {
		b.tick(d)
		select {
		case c := <-calls:
			return c
		case <-time.After(time.Millisecond):
		}
		if time.Now().After(limit) {
			b.t.Fatal("no call")
		}
	}
}

// settle waits until the number of follow-ups whose outcome is stored fits.
func (b *bench) settle(fits func(n int64) bool) {
	b.t.Helper()
	var n, tried int64
	for limit := time.Now().Add(patience); ; {
		err := b.Read(context.Background(), func(r engine.Reader) error {
			rows, err := r.Query("SELECT count(*), coalesce(sum(attempt > 0), 0) FROM outbox")
			if err != nil {
				return err
			}
			defer rows.Close()
			rows.Next()
			return rows.Scan(&n, &tried)
		})
		if err != nil {
			b.t.Fatal(err)
		}
		if fits(n) && n == tried {
			return
		}
		if time.Now().After(limit) {
			b.t.Fatalf("%d follow-ups", n)
		}
		if err := b.Do(context.Background(), nil, func(engine.Tx) error { return nil }); err != nil {
			b.t.Fatal(err)
		}
	}
}

// TestDeliver answers a task from within a unit, twice.
func TestDeliver(t *testing.T) {
	var event atomic.Int64
	b := newFileBench(t, &local{resource: svc + "ask.waitForTaskToken", run: func(tx engine.Tx, c engine.Call) (interp.Outcome, error) {
		event.Store(c.Event)
		return ok(`{}`), nil
	}})
	s, err := b.StartExecution(context.Background(), engine.StartInput{MachineARN: b.machine("m", taskState("ask.waitForTaskToken", ""))})
	if err != nil {
		t.Fatal(err)
	}
	answer := func(text string) (first bool) {
		err := b.Do(context.Background(), nil, func(tx engine.Tx) (err error) {
			for range 2 {
				first, err = tx.Deliver(engine.Message{Execution: s.ID, Input: interp.Input{
					Kind: interp.Answer, Event: event.Load(), Token: true, Outcome: interp.Outcome{Output: document.FromBytes([]byte(text))},
				}})
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return first
	}
	want(t, "first, of the second message", answer(`"one"`), false)
	want(t, "output", string(b.end(s.ARN).Output), `"one"`)
	answer(`"two"`)
	b.outboxEmpty()
	want(t, "output", string(b.end(s.ARN).Output), `"one"`)
	if err := b.Do(context.Background(), nil, func(tx engine.Tx) error {
		_, err := tx.Deliver(engine.Message{Execution: 999999, Input: interp.Input{Kind: interp.Stop}})
		return err
	}); err != nil {
		t.Errorf("a message to nobody: %v", err)
	}
	b.outboxEmpty()
}

// TestManyDue has more executions due at once than are read at a time, with
// different deadlines.
func TestManyDue(t *testing.T) {
	b := openBench(t, &bench{dir: t.TempDir(), limit: 1 << 20})
	m := b.machine("m", `{"StartAt": "W", "States": {"W": {"Type": "Wait", "SecondsPath": "$", "End": true}}}`)
	const n = 2500
	var wg sync.WaitGroup
	for k := range 10 {
		wg.Go(func() {
			for i := range n / 10 {
				s, err := b.StartExecution(context.Background(), engine.StartInput{MachineARN: m, Input: []byte(fmt.Sprint(5 + (i*10+k)%3))})
				if err != nil || s.Status != interp.Running {
					t.Errorf("%v %v", s, err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.restart()
	count := func(status interp.Status) (n int) {
		for p := (engine.Page{Max: 1000}); ; {
			list, next, err := b.ListExecutions(context.Background(), engine.ListFilter{MachineARN: m, Status: status}, p)
			if err != nil {
				t.Fatal(err)
			}
			n += len(list)
			if p.Token = next; next == "" {
				return n
			}
		}
	}
	b.tick(4 * time.Second)
	want(t, "running before the first deadline", count(interp.Running), n)
	for range 3 {
		b.tick(time.Second)
	}
	for limit := time.Now().Add(patience); count(interp.Succeeded) < n; {
		if time.Now().After(limit) {
			t.Fatalf("%d still run", count(interp.Running))
		}
		if err := b.Do(context.Background(), nil, func(engine.Tx) error { return nil }); err != nil {
			t.Fatal(err)
		}
	}
}

// TestMoreCallsThanRoom has more calls at a time than are queued in memory.
func TestMoreCallsThanRoom(t *testing.T) {
	hold := make(chan struct{})
	var calls atomic.Int64
	b := newFileBench(t, &remote{resource: svc + "call", call: func(ctx context.Context, c engine.Call) (interp.Outcome, error) {
		calls.Add(1)
		select {
		case <-hold:
		case <-ctx.Done():
		}
		return ok(`{}`), nil
	}})
	m := b.machine("m", `{"StartAt": "M", "States": {"M": {"Type": "Map", "MaxConcurrency": 40, "End": true, "ItemProcessor": {"StartAt": "T", "States": {
		"T": {"Type": "Task", "Resource": "arn:aws:states:::svc:call", "End": true}}}}}}`)
	const executions, items = 130, 40
	list := "[0" + string(make0(items-1)) + "]"
	var arns []string
	for range executions {
		arns = append(arns, b.start(m, "", list))
	}
	close(hold)
	for _, arn := range arns {
		want(t, "status", b.end(arn).Status, interp.Succeeded)
	}
	want(t, "calls", calls.Load(), executions*items)
	b.outboxEmpty()
}

func make0(n int) (b []byte) {
	for range n {
		b = append(b, ",0"...)
	}
	return b
}

// TestUnitsOfOneExecution gives one execution many inputs at once.
func TestUnitsOfOneExecution(t *testing.T) {
	b := newFileBench(t)
	ctx := context.Background()
	a, err := b.CreateActivity(ctx, "a")
	if err != nil {
		t.Fatal(err)
	}
	m := b.machine("m", fmt.Sprintf(`{"StartAt": "M", "States": {"M": {"Type": "Map", "MaxConcurrency": 40, "End": true, "ItemProcessor": {"StartAt": "T", "States": {
		"T": {"Type": "Task", "Resource": %q, "End": true}}}}}}`, a.ARN))
	arn := b.start(m, "", "[0"+string(make0(39))+"]")
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for range 5 {
				token, _, err := b.GetActivityTask(ctx, a.ARN, fmt.Sprint("w", w))
				if err == nil {
					err = b.SendTaskSuccess(ctx, token, []byte(`1`))
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	want(t, "status", b.end(arn).Status, interp.Succeeded)
	for i, e := range b.history(arn) {
		want(t, "event id", e.ID, i+1)
	}
	b.outboxEmpty()
}

// TestSystemClock has timers fire by themselves.
func TestSystemClock(t *testing.T) {
	store, err := sqlite.Open(context.Background(), sqlite.Memory, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	e, err := engine.Open(context.Background(), engine.Config{Store: store, Log: quiet(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	last := e.Now()
	for range 1000 {
		now := e.Now()
		if now.Before(last) {
			t.Fatalf("%v came after %v", now, last)
		}
		last = now
	}
	if d := time.Until(last); d > time.Second {
		t.Errorf("the engine's time is %v ahead", d)
	}
	fired := make(chan struct{}, 1)
	defer e.Watch("k", func() {
		select {
		case fired <- struct{}{}:
		default:
		}
	})()
	e.WakeAt("k", e.Now().Add(20*time.Millisecond))
	select {
	case <-fired:
	case <-time.After(patience):
		t.Error("no signal at a deadline")
	}
	m, err := e.CreateStateMachine(context.Background(), engine.CreateStateMachine{Name: "m", Definition: `{"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 1, "End": true}}}`})
	if err != nil {
		t.Fatal(err)
	}
	s, err := e.StartExecution(context.Background(), engine.StartInput{MachineARN: m.ARN})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	i, err := e.WaitExecution(ctx, s.ARN)
	if err != nil {
		t.Fatal(err)
	}
	if took := i.Stopped.Sub(i.Started); took < time.Second {
		t.Errorf("a wait of a second took %v", took)
	}
}
