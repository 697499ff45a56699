package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"strings"

	"millrace/cmd/internal/cli"
	"millrace/engine"
	"millrace/engine/interp"
	"millrace/engine/sqlite"
)

func runFile(ctx context.Context, p *process, args []string) (err error) {
	s := settings{}
	f := cli.NewFlags("run FILE [--input JSON|@FILE] [--data DIR]", `
Runs one execution of the state machine in FILE, JSON or YAML, to its end and
prints its output. The state is thrown away unless --data names a folder for it. The exit
code is 0 only if the execution succeeds.

    millrace run order.asl.json --input '{"total": 7}'`)
	input := f.String("input", "", "the execution's input: `JSON`, or @FILE, or @- for standard input; left out: {}")
	kind := f.String("type", "STANDARD", "`TYPE` of the machine: STANDARD or EXPRESS")
	f.StringVar(&s.data, "data", sqlite.Memory, "`DIR` of a state to keep")
	f.Lookup("data").DefValue = ""
	asJSON := f.Bool("json", false, "print the execution as JSON, and no progress")
	common(f, &s)
	rest, err := f.Want(1, 1, args, p.getenv, p.out)
	if err != nil {
		return err
	}
	if err := checkCommon(&s); err != nil {
		return err
	}
	if *kind != string(engine.Standard) && *kind != string(engine.Express) {
		return cli.Misused("run: --type %s: want STANDARD or EXPRESS", *kind)
	}
	def, err := readDefinition(rest[0], p.in)
	if err != nil {
		return err
	}
	if def.faults != nil {
		return def.refused(def.faults)
	}
	doc, err := document(p, *input)
	if err != nil {
		return err
	}
	s.log = slog.New(slog.NewTextHandler(p.err, &slog.HandlerOptions{Level: slog.LevelWarn}))
	sys, err := assemble(ctx, s)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, sys.close()) }()

	m, err := put(ctx, sys.engine, machineFor(rest[0]), *kind, string(def.json), s.account)
	if refused := new(engine.DefinitionError); errors.As(err, &refused) {
		def.locate(refused.Diagnostics)
		return def.refused(refused.Diagnostics)
	}
	if err != nil {
		return err
	}
	in := engine.StartInput{MachineARN: m.ARN, Input: doc}
	var progress io.Writer = io.Discard
	if !*asJSON {
		progress = p.err
	}
	x, err := finish(ctx, sys.engine, in, m.Type, progress)
	if err != nil {
		return err
	}
	var name, cause string
	if x.Error != nil {
		name = *x.Error
	}
	if x.Cause != nil {
		cause = *x.Cause
	}
	switch {
	case *asJSON:
		err = cli.JSON(p.out, struct {
			ARN    string          `json:"arn"`
			Status interp.Status   `json:"status"`
			Output json.RawMessage `json:"output,omitempty"`
			Error  string          `json:"error,omitempty"`
			Cause  string          `json:"cause,omitempty"`
		}{x.ARN, x.Status, x.Output, name, cause})
	case x.Output != nil:
		_, err = fmt.Fprintln(p.out, outcome(p, x.Output))
	}
	return errors.Join(err, ended(string(x.Status), name, cause, *asJSON))
}

// machineFor makes a state machine's name of a file's.
func machineFor(file string) string {
	name, _, _ := strings.Cut(filepath.Base(file), ".")
	name = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' {
			return r
		}
		return '-'
	}, name)
	if name = strings.Trim(name, "-"); name == "" {
		return "run"
	}
	return name[:min(len(name), engine.MaxName)]
}

// put creates the machine, or gives the one that is there the definition.
func put(ctx context.Context, e *engine.Engine, name, kind, definition, account string) (engine.StateMachine, error) {
	m, err := e.CreateStateMachine(ctx, engine.CreateStateMachine{
		Name: name, Type: engine.MachineType(kind), Definition: definition,
		RoleARN: "arn:aws:iam::" + account + ":role/millrace", Settings: json.RawMessage("{}"),
	})
	if !errors.Is(err, engine.ErrMachineExists) {
		return m, err
	}
	arn := "arn:aws:states:" + e.Region() + ":" + e.Account() + ":stateMachine:" + name
	if m, err = e.DescribeStateMachine(ctx, arn); err != nil {
		return m, err
	}
	if string(m.Type) != kind {
		return m, cli.Failf("the state machine %s is %s there, want --type %[2]s", name, m.Type)
	}
	return e.UpdateStateMachine(ctx, engine.UpdateStateMachine{ARN: arn, Definition: &definition})
}

// finish runs an execution to its end, printing each event that progress is
// interested in as it happens.
func finish(ctx context.Context, e *engine.Engine, in engine.StartInput, kind engine.MachineType, progress io.Writer) (engine.ExecutionInfo, error) {
	if kind == engine.Express {
		x, _, err := e.StartSyncExecution(ctx, in)
		return x, err
	}
	started, err := e.StartExecution(ctx, in)
	if err != nil {
		return engine.ExecutionInfo{}, err
	}
	signal := make(chan struct{}, 1)
	stop := e.WatchExecution(started.ARN, func() {
		select {
		case signal <- struct{}{}:
		default:
		}
	})
	defer stop()
	show := cli.Progress(progress)
	var last int64
	page := engine.Page{Max: 1000}
	for {
		events, next, err := e.History(ctx, started.ARN, page)
		if err != nil {
			return engine.ExecutionInfo{}, err
		}
		for i := range events {
			if ev := &events[i]; ev.ID > last {
				last = ev.ID
				show("history", ev.AppendJSON(nil, true))
			}
		}
		if next != "" {
			page.Token = next
			continue
		}
		x, err := e.DescribeExecution(ctx, started.ARN)
		if err != nil || x.Status != interp.Running && len(events) > 0 && endsHistory(events[len(events)-1].Type) {
			return x, err
		}
		select {
		case <-signal:
		case <-ctx.Done():
			return x, ctx.Err()
		}
	}
}

// endsHistory tells whether an event of this type is the last of its history.
func endsHistory(kind string) bool {
	switch kind {
	case "ExecutionSucceeded", "ExecutionFailed", "ExecutionTimedOut", "ExecutionAborted":
		return true
	}
	return false
}
