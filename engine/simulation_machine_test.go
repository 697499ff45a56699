package engine_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// machines makes random definitions of the parts that the simulated world has.
type machines struct {
	r       *rand.Rand
	express bool // no task that waits for more than its call, no distributed Map
	child   bool // of a distributed Map
	states  int  // made so far
}

const simActivity = "arn:aws:states:us-east-1:000000000000:activity:act"

// gatherDefinition has answers of nested executions meet in its inbox, each
// followed by a step of its own.
var gatherDefinition = func() string {
	branch := `{"StartAt": "R%[1]d", "States": {"R%[1]d": {"Type": "Task", "Resource": "` + svc + `brief.sync", "Next": "C%[1]d"}, "C%[1]d": {"Type": "Task", "Resource": "` + svc + `count", "End": true}}}`
	var branches []string
	for i := range 4 {
		branches = append(branches, fmt.Sprintf(branch, i))
	}
	return `{"StartAt": "P", "States": {"P": {"Type": "Parallel", "Branches": [` + strings.Join(branches, ", ") + `], "End": true}}}`
}()

// definition makes a state machine.
func (m *machines) definition() string {
	m.states = 0
	limit := ""
	if !m.express && m.r.IntN(8) == 0 {
		limit = fmt.Sprintf(`"TimeoutSeconds": %d, `, 5+m.r.IntN(300))
	}
	return "{" + limit + m.block(2) + "}"
}

// block makes the states of a machine, a branch or an iteration, in sequence.
func (m *machines) block(depth int) string {
	n := 1 + m.r.IntN(3)
	names := make([]string, n)
	for i := range names {
		m.states++
		names[i] = fmt.Sprintf("S%d", m.states)
	}
	var list []string
	for i, name := range names {
		next := `"End": true`
		if i+1 < n {
			next = fmt.Sprintf(`"Next": "%s"`, names[i+1])
		}
		list = append(list, fmt.Sprintf(`"%s": %s`, name, m.state(depth, next, names[n-1], i == n-1)))
	}
	return fmt.Sprintf(`"StartAt": "%s", "States": {%s}`, names[0], strings.Join(list, ", "))
}

// state makes one state. last is the block's last state, where catchers lead.
func (m *machines) state(depth int, next, last string, isLast bool) string {
	around := `"ResultPath": null, ` + m.retry()
	if !isLast && m.r.IntN(2) == 0 {
		around += fmt.Sprintf(`"Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": null, "Next": "%s"}], `, last)
	}
	switch k := m.r.IntN(20); {
	case k < 1:
		return fmt.Sprintf(`{"Type": "Pass", %s}`, next)
	case k < 3:
		return fmt.Sprintf(`{"Type": "Wait", "Seconds": %d, %s}`, 1+m.r.IntN(20), next)
	case k < 4 && isLast && m.r.IntN(2) == 0:
		return `{"Type": "Fail", "Error": "Meant"}`
	case k < 7 && depth > 0:
		var branches []string
		for range 1 + m.r.IntN(3) {
			branches = append(branches, "{"+m.block(depth-1)+"}")
		}
		return fmt.Sprintf(`{"Type": "Parallel", %s"Branches": [%s], %s}`, around, strings.Join(branches, ", "), next)
	case k < 9 && depth > 0:
		return fmt.Sprintf(`{"Type": "Map", %s"ItemsPath": "$.items", "MaxConcurrency": %d, "ItemSelector": {"items": [1, 2]}, "ItemProcessor": {%s}, %s}`,
			around, m.r.IntN(3), m.block(depth-1), next)
	case k < 11 && depth == 2 && !m.express && !m.child:
		kind := "STANDARD"
		inner := machines{r: m.r, child: true, states: m.states}
		if m.r.IntN(2) == 0 {
			kind, inner.express = "EXPRESS", true
		}
		processor := inner.block(0)
		m.states = inner.states
		items := `"ItemsPath": "$.items", `
		if m.r.IntN(2) == 0 {
			items = fmt.Sprintf(readNumbers, "") + " "
		}
		if m.r.IntN(3) == 0 {
			items += `"ResultWriter": {"Resource": "arn:aws:states:::s3:putObject", "Parameters": {"Bucket": "out", "Prefix": "res"}}, `
		}
		return fmt.Sprintf(`{"Type": "Map", %s"Label": "L%d", %s"MaxConcurrency": %d, "ToleratedFailurePercentage": %d, "ItemSelector": {"items": [1, 2]}, "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "%s"}, %s}, %s}`,
			around, m.states, items, m.r.IntN(3), m.r.IntN(2)*100, kind, processor, next)
	}
	resource := m.resource()
	return fmt.Sprintf(`{"Type": "Task", "Resource": "%s", %s%s%s}`, resource, m.limits(resource == simActivity), around, next)
}

// resource picks what a task calls.
func (m *machines) resource() string {
	if m.express {
		return svc + pick(m.r, "count", "count", "refuse", "undo", "stumble", "read", "call", "call", "once")
	}
	if m.r.IntN(9) == 0 {
		return simActivity
	}
	return svc + pick(m.r, "count", "count", "refuse", "undo", "stumble", "broken", "read", "call", "call", "once", "job.sync",
		"ask.waitForTaskToken", "ask.waitForTaskToken", "hand.waitForTaskToken", "run.sync", "run.sync:2", "run", "follow")
}

// limits makes the time limits of a task. An activity's has one always: a worker
// that was given a task may never be heard of again.
func (m *machines) limits(always bool) (s string) {
	if always || m.r.IntN(3) == 0 {
		s = fmt.Sprintf(`"TimeoutSeconds": %d, `, 10+m.r.IntN(30))
	}
	if m.r.IntN(4) == 0 {
		s += fmt.Sprintf(`"HeartbeatSeconds": %d, `, 2+m.r.IntN(8))
	}
	return s
}

func (m *machines) retry() string {
	if m.r.IntN(3) != 0 {
		return ""
	}
	return fmt.Sprintf(`"Retry": [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": %d, "BackoffRate": 1, "MaxAttempts": %d}], `, 1+m.r.IntN(3), 1+m.r.IntN(2))
}

func pick[T any](r *rand.Rand, of ...T) T { return of[r.IntN(len(of))] }
