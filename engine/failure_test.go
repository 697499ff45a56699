package engine_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"millrace/engine"
	"millrace/engine/interp"
)

// flaky is a store whose groups fail as they are told.
type flaky struct {
	engine.Store
	fail func(n int64) (before, after error) // of the n-th group, from 1
	n    atomic.Int64
}

func (s *flaky) Group(ctx context.Context, units []*engine.Unit, limit time.Duration) (int, error) {
	before, after := s.fail(s.n.Add(1))
	if before != nil {
		return len(units), before
	}
	n, err := s.Store.Group(ctx, units, limit)
	if err == nil && after != nil {
		err = after
	}
	return n, err
}

// story has something of everything that does not wait long.
const story = `{"StartAt": "First", "States": {
	"First": {"Type": "Task", "Resource": "arn:aws:states:::svc:count", "ResultPath": "$.first", "Next": "Both"},
	"Both": {"Type": "Parallel", "ResultPath": "$.both", "Next": "Call", "Branches": [
		{"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": "arn:aws:states:::svc:count", "End": true}}},
		{"StartAt": "B", "States": {"B": {"Type": "Pass", "Next": "C"}, "C": {"Type": "Task", "Resource": "arn:aws:states:::svc:count", "End": true}}}]},
	"Call": {"Type": "Task", "Resource": "arn:aws:states:::svc:call", "ResultPath": null, "Next": "Each"},
	"Each": {"Type": "Map", "ItemsPath": "$.items", "MaxConcurrency": 2, "ResultPath": "$.each", "Next": "Nested",
		"ItemProcessor": {"StartAt": "I", "States": {"I": {"Type": "Task", "Resource": "arn:aws:states:::svc:count", "End": true}}}},
	"Nested": {"Type": "Task", "Resource": "arn:aws:states:::svc:run.sync", "ResultPath": null, "Next": "Last"},
	"Last": {"Type": "Task", "Resource": "arn:aws:states:::svc:count", "End": true}}}`

// storyEffects is how many local effects it has, one of them in the nested execution.
const storyEffects = 8

func storyTasks() []engine.Task {
	return []engine.Task{
		counter(svc + "count"),
		&remote{resource: svc + "call", call: func(ctx context.Context, c engine.Call) (interp.Outcome, error) { return ok(`{}`), nil }},
		&local{resource: svc + "run.sync", run: func(tx engine.Tx, c engine.Call) (interp.Outcome, error) {
			_, err := tx.Start(engine.StartInput{MachineARN: "arn:aws:states:us-east-1:000000000000:stateMachine:nested", Parent: &engine.Parent{Execution: c.Execution, Event: c.Event}})
			return ok(`{}`), err
		}},
	}
}

// storyChecks checks a story that has come to its end.
func (b *bench) storyChecks(what, arn string, i engine.ExecutionInfo) {
	b.t.Helper()
	want(b.t, what+": status", i.Status, interp.Succeeded)
	for n, e := range b.history(arn) {
		want(b.t, what+": event id", e.ID, n+1)
	}
	keys, most := b.effects()
	want(b.t, what+": effects", keys, storyEffects)
	want(b.t, what+": repeats of an effect", most, 1)
	b.outboxEmpty()
}

// TestCommitOfUnknownOutcome lets one commit after the other fail in a way that
// leaves open whether it took effect: once it did not, once it did.
func TestCommitOfUnknownOutcome(t *testing.T) {
	for _, took := range []bool{false, true} {
		for at := int64(1); ; at++ {
			var base, n atomic.Int64
			b := &bench{dir: t.TempDir()}
			var f *flaky
			b.wrap = func(s engine.Store) engine.Store {
				f = &flaky{Store: s, fail: func(i int64) (before, after error) {
					if base.Load() == 0 || i != base.Load()+at {
						return nil, nil
					}
					n.Add(1)
					err := fmt.Errorf("%w: as told", engine.ErrUnknown)
					if took {
						return nil, err
					}
					return err, nil
				}}
				return f
			}
			openBench(t, b, storyTasks()...)
			b.machine("nested", taskState("count", ""))
			m := b.machine("m", story)
			base.Store(f.n.Load())
			arn := startAnyway(t, b, m)
			i := b.endAnyway(arn)
			b.storyChecks(fmt.Sprintf("group %d fails, took effect %t", at, took), arn, i)
			b.Close()
			if n.Load() == 0 || t.Failed() {
				t.Logf("took effect %t: %d groups", took, at)
				break
			}
		}
	}
}

// startAnyway starts an execution as a client does that tries again.
func startAnyway(t *testing.T, b *bench, m string) string {
	t.Helper()
	for range 5 {
		s, err := b.StartExecution(context.Background(), engine.StartInput{MachineARN: m, Name: "one", Input: []byte(`{"items": [1, 2, 3]}`)})
		if err == nil {
			return s.ARN
		}
		var fault *engine.Fault
		if errors.As(err, &fault) && fault.Kind == engine.ErrExecutionExists {
			return fault.Detail // an earlier attempt took effect, and has come to its end since
		}
		if !errors.Is(err, engine.ErrBusy) {
			t.Fatal(err)
		}
	}
	t.Fatal("busy for ever")
	return ""
}

// endAnyway waits for the end while the clock goes on, so that what rests after a
// failure is tried again.
func (b *bench) endAnyway(arn string) engine.ExecutionInfo {
	b.t.Helper()
	limit := time.Now().Add(patience)
	for {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Millisecond)
		i, err := b.WaitExecution(ctx, arn)
		cancel()
		if err == nil {
			return i
		}
		if !errors.Is(err, context.DeadlineExceeded) {
			b.t.Fatal(err)
		}
		if time.Now().After(limit) {
			b.t.Fatalf("still %s: %s", i.Status, b.types(arn))
		}
		b.tick(time.Second)
	}
}

// TestRestartAfterEveryCommit ends the process after one commit after the other:
// from there on nothing is stored any more until it is opened again.
func TestRestartAfterEveryCommit(t *testing.T) {
	for at := int64(1); ; at++ {
		var base atomic.Int64
		var dead atomic.Bool
		b := &bench{dir: t.TempDir()}
		var f *flaky
		b.wrap = func(s engine.Store) engine.Store {
			f = &flaky{Store: s, fail: func(i int64) (before, after error) {
				if base.Load() == 0 || i <= base.Load()+at {
					return nil, nil
				}
				dead.Store(true)
				return fmt.Errorf("%w: as told", engine.ErrBusy), nil
			}}
			return f
		}
		openBench(t, b, storyTasks()...)
		b.machine("nested", taskState("count", ""))
		m := b.machine("m", story)
		base.Store(f.n.Load())
		s, err := b.StartExecution(context.Background(), engine.StartInput{MachineARN: m, Name: "one", Input: []byte(`{"items": [1, 2, 3]}`)})
		if err != nil && !dead.Load() {
			t.Fatal(err)
		}
		for limit := time.Now().Add(patience); !dead.Load(); {
			ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
			i, err := b.WaitExecution(ctx, s.ARN)
			cancel()
			if err == nil && i.Status != interp.Running {
				break
			}
			if time.Now().After(limit) {
				t.Fatalf("neither dead nor at the end: %s", b.types(s.ARN))
			}
		}
		wasDead := dead.Load()
		b.wrap = nil
		b.restart()
		if err != nil {
			s.ARN = startAnyway(t, b, m)
		}
		b.storyChecks(fmt.Sprintf("restart after commit %d", at), s.ARN, b.endAnyway(s.ARN))
		b.Close()
		if !wasDead || t.Failed() {
			t.Logf("%d commits", at)
			return
		}
	}
}

// TestDiskFull has the store refuse everything for a while.
func TestDiskFull(t *testing.T) {
	var full atomic.Bool
	b := &bench{dir: t.TempDir(), wrap: func(s engine.Store) engine.Store {
		return &flaky{Store: s, fail: func(int64) (before, after error) {
			if full.Load() {
				return fmt.Errorf("%w: no space", engine.ErrBusy), nil
			}
			return nil, nil
		}}
	}}
	openBench(t, b, storyTasks()...)
	b.machine("nested", taskState("count", ""))
	m, w := b.machine("m", story), b.machine("wait", wait)
	arn := b.start(w, "", `{}`)
	full.Store(true)
	_, err := b.StartExecution(context.Background(), engine.StartInput{MachineARN: m})
	wantErr(t, "a start on a full disk", err, engine.ErrBusy)
	b.tick(10 * time.Second)
	full.Store(false)
	want(t, "status of the execution that was waiting", b.endAnyway(arn).Status, interp.Succeeded)
	arn = startAnyway(t, b, m)
	b.storyChecks("after the disk was full", arn, b.endAnyway(arn))
}

// TestNeighboursOfAFailure has a unit fail in the midst of others.
func TestNeighboursOfAFailure(t *testing.T) {
	b := newFileBench(t, counter(svc+"count"), &local{resource: svc + "broken", run: func(tx engine.Tx, c engine.Call) (interp.Outcome, error) {
		if _, err := tx.Exec("UPDATE test_effects SET n = n + 1"); err != nil {
			return interp.Outcome{}, err
		}
		return interp.Outcome{}, errors.New("after a write")
	}})
	good, bad := b.machine("good", taskState("count", "")), b.machine("bad", taskState("broken", ""))
	b.end(b.start(good, "", `{}`))
	const each = 40
	arns := make([]string, 2*each)
	var wg sync.WaitGroup
	for i := range arns {
		wg.Go(func() {
			m := good
			if i%2 == 1 {
				m = bad
			}
			s, err := b.StartExecution(context.Background(), engine.StartInput{MachineARN: m})
			if err != nil {
				t.Error(err)
				return
			}
			arns[i] = s.ARN
		})
	}
	wg.Wait()
	for i, arn := range arns {
		status := interp.Succeeded
		if i%2 == 1 {
			status = interp.Failed
		}
		if arn != "" {
			want(t, "status", b.end(arn).Status, status)
		}
	}
	keys, most := b.effects()
	want(t, "effects", keys, each+1)
	want(t, "repeats of an effect", most, 1)
	b.outboxEmpty()
}

// TestSmallMemory has executions go on that are in memory only while they run.
func TestSmallMemory(t *testing.T) {
	b := openBench(t, &bench{dir: t.TempDir(), limit: 1}, counter(svc+"count"))
	m := b.machine("m", `{"StartAt": "P", "States": {"P": {"Type": "Parallel", "End": true, "Branches": [
		{"StartAt": "A", "States": {"A": {"Type": "Pass", "End": true}}},
		{"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 5, "Next": "T"}, "T": {"Type": "Task", "Resource": "arn:aws:states:::svc:count", "End": true}}}]}}}`)
	var arns []string
	for i := range 50 {
		arns = append(arns, b.start(m, "", fmt.Sprintf(`{"i": %d}`, i)))
	}
	b.tick(5 * time.Second)
	for i, arn := range arns {
		end := b.end(arn)
		want(t, "status", end.Status, interp.Succeeded)
		want(t, "output", string(end.Output), fmt.Sprintf(`[{"i": %d},{"done":true}]`, i))
	}
	b.outboxEmpty()
}
