package engine_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"millrace/asl/document"
	"millrace/engine"
	"millrace/engine/interp"
)

// twoAnswers is an execution that waits for two tokens, each followed by a
// local task, so that a step takes one answer only.
const twoAnswers = `{"StartAt": "Both", "States": {
	"Both": {"Type": "Parallel", "End": true, "Branches": [
		{"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": "arn:aws:states:::svc:ask.waitForTaskToken", "Next": "AA"}, "AA": {"Type": "Task", "Resource": "arn:aws:states:::svc:count", "End": true}}},
		{"StartAt": "B", "States": {"B": {"Type": "Task", "Resource": "arn:aws:states:::svc:ask.waitForTaskToken", "Next": "BB"}, "BB": {"Type": "Task", "Resource": "arn:aws:states:::svc:count", "End": true}}}]}}}`

// asks is a local task whose token is nobody's yet.
func asks() *local {
	return &local{resource: svc + "ask.waitForTaskToken", run: func(tx engine.Tx, c engine.Call) (interp.Outcome, error) { return ok(`{}`), nil }}
}

// answerBoth puts the answers of every task that waits into the inbox, in one unit.
func (b *bench) answerBoth(arn string) error {
	var list []engine.PendingTask
	b.until(arn, func(engine.ExecutionInfo) bool {
		var err error
		if list, _, err = b.PendingTasks(context.Background(), engine.PendingFilter{}, engine.Page{}); err != nil {
			b.t.Fatal(err)
		}
		return len(list) == 2
	})
	i, err := b.DescribeExecution(context.Background(), arn)
	if err != nil {
		b.t.Fatal(err)
	}
	return b.Do(context.Background(), nil, func(tx engine.Tx) error {
		for _, p := range list {
			in := interp.Input{Kind: interp.Answer, Event: p.Event, Token: true, Outcome: interp.Outcome{Output: document.FromBytes([]byte(`"yes"`))}}
			if _, err := tx.Deliver(engine.Message{Execution: i.ID, Input: in}); err != nil {
				return err
			}
		}
		return nil
	})
}

// TestMessagesAreKeptUntilTold has two messages in an inbox, of which a step
// takes one, and ends the process after each commit in turn: the other message
// is still there.
func TestMessagesAreKeptUntilTold(t *testing.T) {
	for allowed := int64(1); allowed <= 8; allowed++ {
		var f *flaky
		var from atomic.Int64
		b := &bench{dir: t.TempDir()}
		b.wrap = func(s engine.Store) engine.Store {
			f = &flaky{Store: s, fail: func(n int64) (before, after error) {
				if at := from.Load(); at != 0 && n > at+allowed {
					return fmt.Errorf("%w: dead", engine.ErrBusy), nil
				}
				return nil, nil
			}}
			return f
		}
		openBench(t, b, counter(svc+"count"), asks())
		arn := b.start(b.machine("m", twoAnswers), "", `{}`)
		from.Store(f.n.Load() + 1) // the start's second commit may come yet
		for b.answerBoth(arn) != nil {
			from.Add(1)
		}
		for limit := time.Now().Add(patience); f.n.Load() <= from.Load()+allowed; {
			ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
			i, err := b.WaitExecution(ctx, arn)
			cancel()
			if err == nil && i.Status != interp.Running {
				break
			}
			if time.Now().After(limit) {
				t.Fatal("it does not go on")
			}
		}
		b.wrap = nil
		b.restart()
		want(t, fmt.Sprintf("%d commits after the answers: status", allowed), b.endAnyway(arn).Status, interp.Succeeded)
		b.outboxEmpty()
		b.Close()
	}
}

// TestMessagesOfFailedUnits has the units that take a message fail once: the
// message is gone when it was taken after all.
func TestMessagesOfFailedUnits(t *testing.T) {
	for at := int64(1); at <= 6; at++ {
		var f *flaky
		var from atomic.Int64
		b := &bench{dir: t.TempDir()}
		b.wrap = func(s engine.Store) engine.Store {
			f = &flaky{Store: s, fail: func(n int64) (before, after error) {
				if from.Load() != 0 && n == from.Load()+at {
					return &engine.UnitError{Err: errors.New("as told")}, nil
				}
				return nil, nil
			}}
			return f
		}
		openBench(t, b, counter(svc+"count"), asks())
		arn := b.start(b.machine("m", twoAnswers), "", `{}`)
		for range 2 {
			if err := b.Do(context.Background(), nil, func(engine.Tx) error { return nil }); err != nil {
				t.Fatal(err)
			}
		}
		from.Store(f.n.Load())
		if err := b.answerBoth(arn); err != nil {
			if err := b.answerBoth(arn); err != nil {
				t.Fatal(err)
			}
		}
		want(t, fmt.Sprintf("group %d fails: status", at), b.endAnyway(arn).Status, interp.Succeeded)
		b.outboxEmpty()
		b.Close()
	}
}

// TestTasksThatAreOverAtOnce has a branch fail in the step in which its sibling's
// task is scheduled: that task leaves nothing behind and has no effect.
func TestTasksThatAreOverAtOnce(t *testing.T) {
	for _, resource := range []string{"call", "call.waitForTaskToken", "count"} {
		t.Run(resource, func(t *testing.T) {
			var calls atomic.Int64
			call := func(ctx context.Context, c engine.Call) (interp.Outcome, error) {
				calls.Add(1)
				<-ctx.Done()
				return interp.Outcome{}, ctx.Err()
			}
			b := newFileBench(t, counter(svc+"count"), asks(), &remote{resource: svc + "call", call: call}, &remote{resource: svc + "call.waitForTaskToken", call: call})
			def := fmt.Sprintf(`{"StartAt": "Both", "States": {
				"Both": {"Type": "Parallel", "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Ask"}], "End": true, "Branches": [
					{"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": "%s%s", "End": true}}},
					{"StartAt": "B", "States": {"B": {"Type": "Fail", "Error": "E"}}}]},
				"Ask": {"Type": "Task", "Resource": "%scount", "End": true}}}`, svc, resource, svc)
			want(t, "status", b.end(b.start(b.machine("m", def), "", `{}`)).Status, interp.Succeeded)
			keys, _ := b.effects()
			want(t, "effects", keys, 1)
			want(t, "calls", calls.Load(), 0)
			b.outboxEmpty()
		})
	}
}

// TestAnswerOvertakesSubmission has a token's answer lie beside that of the call
// that only hands the token out, so that one step is told both.
func TestAnswerOvertakesSubmission(t *testing.T) {
	gate, tokens := make(chan struct{}), make(chan string, 1)
	b := newFileBench(t, &remote{resource: svc + "hand.waitForTaskToken", call: func(ctx context.Context, c engine.Call) (interp.Outcome, error) {
		tokens <- c.Token
		<-gate
		return ok(`{}`), nil
	}})
	arn := b.start(b.machine("m", `{"StartAt": "H", "States": {
		"H": {"Type": "Task", "Resource": "arn:aws:states:::svc:hand.waitForTaskToken", "HeartbeatSeconds": 60, "Next": "W"},
		"W": {"Type": "Wait", "Seconds": 5, "End": true}}}`), "", `{}`)
	token := <-tokens
	// A commit that does not end keeps the execution, whose heartbeat is to be
	// stored, from being told the one before the other has come.
	held, free, done := make(chan struct{}), make(chan struct{}), make(chan error)
	go func() {
		done <- b.Do(context.Background(), nil, func(engine.Tx) error { close(held); <-free; return nil })
	}()
	<-held
	go func() { done <- b.SendTaskHeartbeat(context.Background(), token) }()
	for range 1000 {
		runtime.Gosched()
	}
	close(gate)
	for range 1000 {
		runtime.Gosched()
	}
	go func() { done <- b.SendTaskSuccess(context.Background(), token, []byte(`1`)) }()
	for range 1000 {
		runtime.Gosched()
	}
	close(free)
	for range 3 {
		if err := <-done; err != nil && !errors.Is(err, engine.ErrTaskTimedOut) {
			t.Error(err)
		}
	}
	list, _, err := b.PendingTasks(context.Background(), engine.PendingFilter{}, engine.Page{})
	if err != nil || len(list) != 0 {
		t.Errorf("%d tasks wait for their token, %v", len(list), err)
	}
	b.tick(5 * time.Second)
	want(t, "status", b.end(arn).Status, interp.Succeeded)
	b.outboxEmpty()
}

// TestCallsThatMayNotBeRepeatedInExpress makes such calls from an execution that
// has no rows.
func TestCallsThatMayNotBeRepeatedInExpress(t *testing.T) {
	b := newFileBench(t, &remote{resource: svc + "once", lost: engine.Fail, call: func(context.Context, engine.Call) (interp.Outcome, error) { return ok(`{}`), nil }})
	m := b.machineOf(engine.Express, "m", taskState("once", ""))
	i, _, err := b.StartSyncExecution(context.Background(), engine.StartInput{MachineARN: m})
	if err != nil {
		t.Fatal(err)
	}
	want(t, "status", i.Status, interp.Succeeded)
	b.outboxEmpty()
}

// TestTaskWaitsAfterUnknownCommit has the commit that tells a task that its call
// is over take effect without saying so: the task is among those that wait.
func TestTaskWaitsAfterUnknownCommit(t *testing.T) {
	for at := int64(1); at <= 4; at++ {
		var f *flaky
		var from atomic.Int64
		called := make(chan struct{})
		b := &bench{dir: t.TempDir()}
		b.wrap = func(s engine.Store) engine.Store {
			f = &flaky{Store: s, fail: func(n int64) (before, after error) {
				if from.Load() != 0 && n == from.Load()+at {
					return nil, fmt.Errorf("%w: as told", engine.ErrUnknown)
				}
				return nil, nil
			}}
			return f
		}
		openBench(t, b, &remote{resource: svc + "hand.waitForTaskToken", call: func(context.Context, engine.Call) (interp.Outcome, error) {
			<-called
			return ok(`{}`), nil
		}})
		arn := b.start(b.machine("m", taskState("hand.waitForTaskToken", "")), "", `{}`)
		from.Store(f.n.Load())
		close(called)
		var list []engine.PendingTask
		for limit := time.Now().Add(patience); len(list) == 0 && time.Now().Before(limit); {
			var err error
			if list, _, err = b.PendingTasks(context.Background(), engine.PendingFilter{}, engine.Page{}); err != nil {
				t.Fatal(err)
			}
			b.tick(time.Second)
		}
		for range 20 {
			b.Do(context.Background(), nil, func(engine.Tx) error { return nil })
			b.tick(time.Second)
		}
		list, _, err := b.PendingTasks(context.Background(), engine.PendingFilter{}, engine.Page{})
		if err != nil || len(list) != 1 {
			t.Fatalf("group %d: %d tasks wait, %v", at, len(list), err)
		}
		for b.SendTaskSuccess(context.Background(), list[0].Token, []byte(`1`)) != nil {
			b.tick(time.Second)
		}
		want(t, "status", b.endAnyway(arn).Status, interp.Succeeded)
		b.outboxEmpty()
		b.Close()
	}
}
