package engine_test

import (
	"context"
	"testing"
	"time"

	"millrace/engine"
	"millrace/engine/interp"
)

const (
	threePasses = `{"StartAt":"A","States":{"A":{"Type":"Pass","Next":"B"},"B":{"Type":"Pass","Next":"C"},"C":{"Type":"Pass","End":true}}}`
	failing     = `{"StartAt":"F","States":{"F":{"Type":"Fail","Error":"E"}}}`
	waiting     = `{"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":60,"End":true}}}`
)

// figures returns the metrics once what was committed before is counted.
func (b *bench) figures() engine.Metrics {
	b.t.Helper()
	if err := b.Do(context.Background(), nil, func(engine.Tx) error { return nil }); err != nil {
		b.t.Fatal(err)
	}
	return b.Metrics()
}

func TestMetricsCountExecutions(t *testing.T) {
	b := newFileBench(t)
	m := b.figures()
	want(t, "started before", m.Started, 0)
	want(t, "ended before", m.Ended, map[interp.Status]uint64{interp.Succeeded: 0, interp.Failed: 0, interp.TimedOut: 0, interp.Aborted: 0})

	passes, fails, waits := b.machine("passes", threePasses), b.machine("fails", failing), b.machine("waits", waiting)
	b.start(passes, "", `{}`)
	b.start(passes, "", `{}`)
	b.start(fails, "", `{}`)
	left := b.start(waits, "one", `{}`)
	b.start(waits, "one", `{}`) // the same one
	stopped := b.start(waits, "two", `{}`)
	if _, err := b.StopExecution(context.Background(), stopped, nil, nil); err != nil {
		t.Fatal(err)
	}
	express := b.machineOf(engine.Express, "express", threePasses)
	if _, _, err := b.StartSyncExecution(context.Background(), engine.StartInput{MachineARN: express}); err != nil {
		t.Fatal(err)
	}
	m = b.figures()
	want(t, "started", m.Started, 6)
	want(t, "ended", m.Ended, map[interp.Status]uint64{interp.Succeeded: 3, interp.Failed: 1, interp.TimedOut: 0, interp.Aborted: 1})
	want(t, "transitions", m.Transitions, 2*3+1+2+3)
	want(t, "resident", m.Resident, 1)
	if m.DatabaseBytes <= 0 || m.LogBytes <= 0 || m.ResidentBytes <= 0 {
		t.Errorf("got a database of %d bytes, a log of %d and executions of %d, want some of each", m.DatabaseBytes, m.LogBytes, m.ResidentBytes)
	}
	groups, sum := uint64(0), uint64(0)
	for _, n := range m.CommitUnits.Counts {
		groups += n
	}
	for _, n := range m.CommitTime.Counts {
		sum += n
	}
	if groups == 0 || groups != sum || m.CommitUnits.Sum < float64(groups) || m.CommitTime.Sum <= 0 {
		t.Errorf("got %d groups of %v units, %d of %v seconds", groups, m.CommitUnits.Sum, sum, m.CommitTime.Sum)
	}
	want(t, "bounds", len(m.CommitTime.Bounds)+1, len(m.CommitTime.Counts))

	// What goes on in the next process was not started by it.
	b.restart()
	b.tick(time.Minute)
	b.end(left)
	m = b.figures()
	want(t, "started after a restart", m.Started, 0)
	want(t, "ended after a restart", m.Ended[interp.Succeeded], 1)
}

func TestMetricsTellOfLateTimers(t *testing.T) {
	b := newBench(t)
	want(t, "lag with nothing to do", b.Metrics().TimerLag, time.Duration(0))
	x := b.start(b.machine("waits", waiting), "", `{}`)
	b.clock.forward(59 * time.Second)
	want(t, "lag before it is due", b.Metrics().TimerLag, time.Duration(0))
	b.clock.forward(31 * time.Second)
	want(t, "lag", b.Metrics().TimerLag, 30*time.Second)
	b.tick(0)
	want(t, "lag after the tick", b.Metrics().TimerLag, time.Duration(0))
	b.end(x)
}

func TestMetricsTellOfCalls(t *testing.T) {
	called, answer := make(chan struct{}), make(chan struct{})
	b := newBench(t, &remote{resource: svc + "call", call: func(context.Context, engine.Call) (interp.Outcome, error) {
		close(called)
		<-answer
		return ok(`1`), nil
	}})
	x := b.start(b.machine("calls", taskState("call", "")), "", `{}`)
	<-called
	m := b.Metrics()
	want(t, "active", m.CallsActive, 1)
	want(t, "claimed", m.CallsClaimed, 1)
	want(t, "waiting", m.CallsWaiting, 0)
	close(answer)
	b.end(x)
	want(t, "claimed after", b.figures().CallsClaimed, 0)
}

// TestEndedOnce has a message come to an execution that has ended, and that its
// parent was told of: it does not end a second time.
func TestEndedOnce(t *testing.T) {
	b := newFileBench(t, storyTasks()...)
	b.machine("nested", taskState("count", ""))
	b.end(b.start(b.machine("m", taskState("run.sync", "")), "", `{}`))
	before := b.figures().Ended[interp.Succeeded]
	want(t, "ended", before, 2)
	list, _, err := b.ListExecutions(context.Background(), engine.ListFilter{}, engine.Page{})
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range list {
		err := b.Do(context.Background(), nil, func(tx engine.Tx) error {
			_, err := tx.Deliver(engine.Message{Execution: i.ID, Input: interp.Input{Kind: interp.Stop, Outcome: interp.Outcome{Failed: true}}})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	b.outboxEmpty()
	want(t, "ended after that", b.figures().Ended[interp.Succeeded], before)
}
