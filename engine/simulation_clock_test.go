package engine_test

import (
	"context"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"millrace/engine"
	"millrace/engine/interp"
	"millrace/engine/sqlite"
)

// TestClockJumps sets the wall clock back and forward while executions wait.
func TestClockJumps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &wall{base: time.Now()}
		store, err := sqlite.Open(context.Background(), sqlite.Memory, sqlite.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer store.Close()
		list := &tasks{m: map[string]engine.Task{}}
		list.set(asks())
		open := func() *bench {
			e, err := engine.Open(context.Background(), engine.Config{
				Store: &session{disk: &disk{Store: store, r: rand.New(rand.NewPCG(1, 1)), count: map[string]int{}}}, Clock: engine.SteadyClock(w.read), Log: quiet(t),
				Tasks: func(*engine.Engine) (engine.Resolver, error) { return list, nil },
			})
			if err != nil {
				t.Fatal(err)
			}
			return &bench{Engine: e, t: t}
		}
		b := open()
		defer func() { b.Close() }()
		last := b.Now()
		pass := func(d time.Duration) {
			t.Helper()
			<-time.After(d)
			now := b.Now()
			if now.Before(last) {
				t.Errorf("the engine's clock went from %v back to %v", last, now)
			}
			last = now
			if err := b.Tick(context.Background(), now); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		status := func(what, arn string, status interp.Status) {
			t.Helper()
			i, err := b.DescribeExecution(context.Background(), arn)
			if err != nil {
				t.Fatal(err)
			}
			want(t, what, i.Status, status)
		}
		seconds := b.machine("seconds", `{"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 10, "End": true}}}`)
		day := b.machine("day", `{"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 80000, "Next": "W2"}, "W2": {"Type": "Wait", "Seconds": 10, "End": true}}}`)
		beat := b.machine("beat", taskState("ask.waitForTaskToken", `"HeartbeatSeconds": 60,`))

		first, long, beating := b.start(seconds, "", `{}`), b.start(day, "", `{}`), b.start(beat, "", `{}`)
		pass(4 * time.Second)
		w.jump(-time.Hour)
		pass(5 * time.Second)
		status("9 s of 10, an hour back", first, interp.Running)
		pass(time.Second)
		status("10 s of 10, an hour back", first, interp.Succeeded)
		tasks, _, err := b.PendingTasks(context.Background(), engine.PendingFilter{}, engine.Page{})
		if err != nil || len(tasks) != 1 {
			t.Fatalf("%d tasks wait, %v", len(tasks), err)
		}
		for range 3 {
			pass(45 * time.Second)
			if err := b.SendTaskHeartbeat(context.Background(), tasks[0].Token); err != nil {
				t.Fatalf("a heartbeat in time: %v", err)
			}
		}
		status("with heartbeats", beating, interp.Running)

		w.jump(time.Hour) // the wall is right again: nothing happens
		pass(time.Second)
		status("long before a day", long, interp.Running)
		w.jump(24 * time.Hour)
		pass(time.Second)
		status("a heartbeat of a day ago", beating, interp.Failed)
		wantErr(t, "an answer of a day ago", b.SendTaskSuccess(context.Background(), tasks[0].Token, []byte(`1`)), engine.ErrTaskTimedOut)
		status("the first wait of two is over", long, interp.Running)
		second := b.start(seconds, "", `{}`)
		w.jump(-24 * time.Hour)
		pass(9 * time.Second)
		status("9 s of 10, a day back", second, interp.Running)
		pass(time.Second)
		status("10 s of 10, a day back", second, interp.Succeeded)
		status("10 s after the day", long, interp.Succeeded)

		// A process that begins with the wall set back: times within an execution do not decrease.
		third := b.start(day, "", `{}`)
		pass(time.Second)
		w.jump(-time.Hour)
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
		b = open()
		last = b.Now()
		for range 50 { // the wall is 25 hours behind what the clock of the first process was
			pass(time.Hour)
		}
		status("after the wait, by the new process's clock", third, interp.Succeeded)
		for _, arn := range []string{first, second, third, long, beating} {
			events := b.history(arn)
			for i := range events[1:] {
				if events[i+1].Time.Before(events[i].Time) {
					t.Errorf("%s: event %d is earlier than the one before", arn, events[i+1].ID)
				}
			}
		}
	})
}
