package bench

import (
	"context"
	"fmt"
	"strings"

	"millrace/engine"
)

// workload is what executions of one state machine are measured at.
type workload struct {
	name        string
	about       string // for people
	definition  string
	kind        engine.MachineType // "": STANDARD
	input       []byte             // of each execution
	transitions int                // states that an execution enters
	clients     int                // unless an option says otherwise
	doors       bool               // it goes through Options.Serve
	rows        bool               // the yardstick writes the engine's rows, see [yardstick]
	yardstick   string             // what it is, for people
	ceiling     string             // likewise
	unit        string             // of the two; "": transitions/s
	timed       string             // what is timed
	measure     func(context.Context, *workload, Options) (*Result, error)
}

// The sizes of the workloads.
const (
	length = 10   // states of a chain
	items  = 1000 // of a fan-out
)

func workloads() []workload {
	order := []byte(`{"order":"A-1001","total":125}`)
	const (
		pass   = `{"Type": "Pass"`
		framed = "the bare store, one row a commit of the same bytes, in groups of the same sizes"
		lump   = "the bare store, one row a group of the same bytes"
		whole  = "start to end"
	)
	return []workload{
		{
			name: "chain", about: "ten Pass states, one after the other", clients: 64, measure: measureStored,
			definition: chain(length, pass), input: order, transitions: length,
			yardstick: framed, ceiling: lump, timed: whole,
		},
		{
			name: "task", about: "ten tasks of an embedded integration, each of which writes a row", clients: 64, measure: measureStored,
			definition: chain(length, `{"Type": "Task", "Resource": "`+effect+`"`), input: order, transitions: length,
			rows: true, yardstick: "the bare store, the same rows of the same bytes, in groups of the same sizes", ceiling: lump, timed: whole,
		},
		{
			name: "fanout", about: "an inline Map of 1,000 items, a Pass state each", clients: 1, measure: measureStored,
			definition: `{"StartAt": "M", "States": {"M": {"Type": "Map", "End": true, "ItemProcessor": ` + chain(1, pass) + `}}}`,
			input:      []byte("[" + strings.Repeat("1,", items-1) + "1]"), transitions: 1 + items,
			yardstick: framed, ceiling: lump, timed: whole,
		},
		{
			name: "waiting", about: "executions that wait for a task token", clients: 64, measure: measureWaiting,
			definition:  chain(1, `{"Type": "Task", "Resource": "`+park+`", "Parameters": {"token.$": "$$.Task.Token"}`),
			transitions: 1, yardstick: framed, ceiling: lump, timed: "a start",
		},
		{
			name: "timers", about: "executions that wait for a time", clients: 64, measure: measureTimers,
			definition:  chain(1, `{"Type": "Wait", "TimestampPath": "$.due"`),
			transitions: 1, yardstick: framed, ceiling: lump, timed: "a start",
		},
		{
			name: "express", about: "ten Pass states in memory, StartSyncExecution", clients: 64, measure: measureExpress,
			definition: chain(length, pass), kind: engine.Express, input: order, transitions: length,
			yardstick: "the interpreter alone, on all cores", timed: whole,
		},
		{
			name: "http", about: "StartExecution of a Pass state over the AWS endpoint", clients: 64, measure: measureHTTP,
			definition: chain(1, pass), input: order, transitions: 1, doors: true,
			yardstick: "the same doors, DescribeStateMachine, which commits nothing", ceiling: "a bare server of net/http, the same bytes", unit: "requests/s",
			timed: "a request",
		},
	}
}

// chain returns a definition of n states that follow each other and begin as state does.
func chain(n int, state string) string {
	var b strings.Builder
	b.WriteString(`{"StartAt": "S1", "States": {`)
	for i := 1; i <= n; i++ {
		next := fmt.Sprintf(`"Next": "S%d"}, `, i+1)
		if i == n {
			next = `"End": true}`
		}
		fmt.Fprintf(&b, `"S%d": %s, %s`, i, state, next)
	}
	b.WriteString("}}")
	return b.String()
}
