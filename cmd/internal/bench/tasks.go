package bench

import (
	"fmt"

	"millrace/asl/document"
	"millrace/engine"
	"millrace/engine/interp"
)

// The resources of the workloads' tasks.
const (
	effect = "arn:aws:states:::bench:effect"                // writes one row
	park   = "arn:aws:states:::bench:park.waitForTaskToken" // writes nothing and waits for its token
)

// resolver has the tasks of the workloads.
type resolver struct {
	effects effectTask
	parked  parkTask
}

func newResolver() *resolver { return &resolver{parked: parkTask{first: make(chan string, 1)}} }

// Resolve finds a task.
func (r *resolver) Resolve(resource string) (engine.Task, error) {
	switch resource {
	case effect:
		return &r.effects, nil
	case park:
		return &r.parked, nil
	}
	return nil, fmt.Errorf("unknown resource %s", resource)
}

// effectTask is a task of an embedded integration: it writes one row.
type effectTask struct {
	written map[int64]int // rows of the group under way, by execution; the committer's
}

func (*effectTask) Resource() string          { return effect }
func (*effectTask) Keys(engine.Call) []string { return []string{"bench"} }
func (*effectTask) Savepoint() bool           { return false }

// Run writes the row.
func (t *effectTask) Run(tx engine.Tx, c engine.Call) (interp.Outcome, error) {
	_, err := tx.Exec("INSERT INTO bench_effects (execution, event) VALUES (?, ?)", c.Execution, c.Event)
	if t.written != nil {
		t.written[c.Execution]++
	}
	return interp.Outcome{Output: effectOutput}, err
}

var effectOutput = document.FromBytes([]byte(`{"ok":true}`))

// parkTask waits for its token.
type parkTask struct {
	first chan string // the token of the first task
}

func (*parkTask) Resource() string          { return park }
func (*parkTask) Keys(engine.Call) []string { return nil }
func (*parkTask) Savepoint() bool           { return false }

// Run notes the token if it is the first.
func (t *parkTask) Run(_ engine.Tx, c engine.Call) (interp.Outcome, error) {
	select {
	case t.first <- c.Token:
	default:
	}
	return interp.Outcome{}, nil
}
