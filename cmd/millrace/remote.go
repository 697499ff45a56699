package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"millrace/cmd/internal/cli"
)

// remote are the flags of a command that asks a running server.
type remote struct {
	*cli.Flags
	client cli.Client
	json   bool
}

func newRemote(synopsis, about string) *remote {
	r := &remote{Flags: cli.NewFlags(synopsis, about)}
	r.StringVar(&r.client.Server, "server", cli.DefaultServer, "`URL` of the server's REST door")
	r.BoolVar(&r.json, "json", false, "print the server's JSON")
	return r
}

// machine is a state machine as the server shows it.
type machine struct {
	Name, ARN, Type, Status, RoleARN, Revision string
	Created, Updated                           time.Time
	Definition                                 json.RawMessage
}

// execution is an execution as the server shows it.
type execution struct {
	Machine, Name, ARN, Status string
	Started, Stopped           time.Time
	Input, Output              json.RawMessage
	Error, Cause               string
}

// executionPath is the REST path of MACHINE/NAME or of an execution's ARN.
func executionPath(ref string) (string, error) {
	if i := strings.Index(ref, ":execution:"); i >= 0 && strings.HasPrefix(ref, "arn:") {
		ref = strings.Replace(ref[i+len(":execution:"):], ":", "/", 1)
	}
	i := strings.LastIndexByte(ref, '/') // a map run's machine has a slash in its name
	if i < 1 || i == len(ref)-1 {
		return "", cli.Misused("%q names no execution: want MACHINE/NAME or the execution's ARN", ref)
	}
	return "/v1/executions/" + url.PathEscape(ref[:i]) + "/" + url.PathEscape(ref[i+1:]), nil
}

// machineName is the name in a state machine's ARN, or ref itself.
func machineName(ref string) string {
	if i := strings.Index(ref, ":stateMachine:"); i >= 0 && strings.HasPrefix(ref, "arn:") {
		return ref[i+len(":stateMachine:"):]
	}
	return ref
}

// document reads --input: JSON, or @FILE, or @- for standard input. "" is none.
func document(p *process, input string) (json.RawMessage, error) {
	if input == "" {
		return nil, nil
	}
	text := []byte(input)
	if name, ok := strings.CutPrefix(input, "@"); ok {
		var err error
		if text, err = readFile(name, p.in); err != nil {
			return nil, err
		}
	}
	if !json.Valid(text) {
		return nil, cli.Misused("--input is no JSON: want JSON such as '{\"total\": 7}', or @FILE")
	}
	return text, nil
}

func start(ctx context.Context, p *process, args []string) error {
	r := newRemote("start MACHINE [--input JSON|@FILE] [--name NAME] [--wait]", `
Starts an execution of a state machine.

    millrace start order --input '{"total": 7}'
    millrace start order --input @order.json --name order-17 --wait`)
	input := r.String("input", "", "the execution's input: `JSON`, or @FILE, or @- for standard input; left out: {}")
	name := r.String("name", "", "`NAME` of the execution; left out: a UUID")
	wait := r.Bool("wait", false, "follow the execution to its end; exit with 0 only if it succeeds")
	rest, err := r.Want(1, 1, args, p.getenv, p.out)
	if err != nil {
		return err
	}
	doc, err := document(p, *input)
	if err != nil {
		return err
	}
	body := map[string]any{}
	if len(doc) > 0 {
		body["input"] = doc
	}
	if *name != "" {
		body["name"] = *name
	}
	answer, err := r.client.Call(ctx, http.MethodPost, "/v1/machines/"+url.PathEscape(machineName(rest[0]))+"/executions", nil, body)
	if err != nil {
		return err
	}
	var x execution
	if err := json.Unmarshal(answer, &x); err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	if !*wait {
		if r.json {
			_, err = p.out.Write(answer)
			return err
		}
		fmt.Fprintln(p.out, x.Machine+"/"+x.Name)
		return nil
	}
	path, err := executionPath(x.ARN)
	if err != nil {
		return err
	}
	show := func(string, []byte) bool { return true }
	if !r.json {
		show = cli.Progress(p.err)
	}
	if err := r.client.Stream(ctx, path+"/history", show); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return r.result(ctx, p, path)
}

// result prints how an execution ended; one that did not succeed is the error.
func (r *remote) result(ctx context.Context, p *process, path string) error {
	answer, err := r.client.Call(ctx, http.MethodGet, path, nil, nil)
	if err != nil {
		return err
	}
	var x execution
	if err := json.Unmarshal(answer, &x); err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	if r.json {
		p.out.Write(answer)
	} else if x.Status == "SUCCEEDED" {
		fmt.Fprintln(p.out, outcome(p, x.Output))
	}
	return ended(x.Status, x.Error, x.Cause, r.json)
}

// outcome is an output as it is printed: indented for people.
func outcome(p *process, output json.RawMessage) string {
	if p.terminal {
		return cli.Indented(output)
	}
	return strings.TrimSpace(string(output))
}

// ended is nil for a succeeded execution, else an error that tells how it ended.
func ended(status, name, cause string, told bool) error {
	if status == "SUCCEEDED" {
		return nil
	}
	if told {
		return &cli.Error{Code: cli.Failed}
	}
	text := "the execution ended " + status
	if name != "" {
		text += ": " + name
	}
	if cause != "" {
		text += ": " + cause
	}
	return cli.Failf("%s", text)
}

func list(ctx context.Context, p *process, args []string) error {
	r := newRemote("list [MACHINE] [--status STATUS] [--where CONDITION] [--limit N] [--machines]", `
Lists executions, newest first, or with --machines the state machines.

    millrace list order --status FAILED
    millrace list --where '$.total > 100 && $.customer == "ana"'`)
	status := r.String("status", "", "only executions in `STATUS`: RUNNING, SUCCEEDED, FAILED, TIMED_OUT, ABORTED")
	where := r.String("where", "", "only executions whose input, output or description the `CONDITION` is true of")
	limit := r.Int("limit", 100, "at most `N` items")
	machines := r.Bool("machines", false, "list state machines")
	rest, err := r.Want(0, 1, args, p.getenv, p.out)
	if err != nil {
		return err
	}
	if *limit < 1 {
		return cli.Misused("list: --limit %d: want 1 or more", *limit)
	}
	query := url.Values{}
	for k, v := range map[string]string{"status": *status, "where": *where} {
		if v != "" {
			query.Set(k, v)
		}
	}
	if len(rest) == 1 {
		query.Set("machine", machineName(rest[0]))
	}
	if *machines {
		if len(query) > 0 {
			return cli.Misused("list: --machines goes with --limit only")
		}
		items, err := pages[machine](ctx, r, "/v1/machines", query, *limit)
		if err != nil {
			return err
		}
		return show(p, r.json, items, []string{"NAME", "TYPE", "STATUS", "CREATED"}, func(m machine) []string {
			return []string{m.Name, m.Type, m.Status, cli.When(m.Created)}
		})
	}
	items, err := pages[execution](ctx, r, "/v1/executions", query, *limit)
	if err != nil {
		return err
	}
	return show(p, r.json, items, []string{"EXECUTION", "STATUS", "STARTED", "STOPPED"}, func(x execution) []string {
		return []string{x.Machine + "/" + x.Name, x.Status, cli.When(x.Started), cli.When(x.Stopped)}
	})
}

// item is a list's item: what is printed as JSON, and what is read of it.
type item[T any] struct {
	raw   json.RawMessage
	value T
}

// pages reads up to limit items of a list.
func pages[T any](ctx context.Context, r *remote, path string, query url.Values, limit int) (items []item[T], err error) {
	for {
		query.Set("limit", strconv.Itoa(min(limit-len(items), 1000)))
		answer, err := r.client.Call(ctx, http.MethodGet, path, query, nil)
		if err != nil {
			return nil, err
		}
		var page struct {
			Items []json.RawMessage
			Next  string
		}
		if err := json.Unmarshal(answer, &page); err != nil {
			return nil, fmt.Errorf("read the answer: %w", err)
		}
		for _, raw := range page.Items {
			i := item[T]{raw: raw}
			if err := json.Unmarshal(raw, &i.value); err != nil {
				return nil, fmt.Errorf("read the answer: %w", err)
			}
			items = append(items, i)
		}
		if page.Next == "" || len(items) >= limit {
			return items, nil
		}
		query.Set("cursor", page.Next)
	}
}

// show prints items: one JSON document a line, or a table.
func show[T any](p *process, asJSON bool, items []item[T], headings []string, row func(T) []string) error {
	if asJSON {
		for _, i := range items {
			if err := cli.JSON(p.out, i.raw); err != nil {
				return err
			}
		}
		return nil
	}
	rows := make([][]string, len(items))
	for i := range items {
		rows[i] = row(items[i].value)
	}
	return cli.Table(p.out, headings, rows)
}

func describe(ctx context.Context, p *process, args []string) error {
	r := newRemote("describe EXECUTION|MACHINE", `
Shows an execution, named MACHINE/NAME or by its ARN, or a state machine.

    millrace describe order/order-17
    millrace describe order`)
	rest, err := r.Want(1, 1, args, p.getenv, p.out)
	if err != nil {
		return err
	}
	ref := rest[0]
	if !strings.Contains(ref, "/") && !strings.Contains(ref, ":execution:") {
		answer, err := r.client.Call(ctx, http.MethodGet, "/v1/machines/"+url.PathEscape(machineName(ref)), nil, nil)
		if err != nil {
			return err
		}
		var m machine
		if r.json {
			_, err = p.out.Write(answer)
			return err
		}
		if err := json.Unmarshal(answer, &m); err != nil {
			return fmt.Errorf("read the answer: %w", err)
		}
		cli.Fields(p.out, "name", m.Name, "arn", m.ARN, "type", m.Type, "status", m.Status, "role", m.RoleARN,
			"created", cli.When(m.Created), "updated", cli.When(m.Updated), "revision", m.Revision)
		fmt.Fprintln(p.out, cli.Indented(m.Definition))
		return nil
	}
	path, err := executionPath(ref)
	if err != nil {
		return err
	}
	answer, err := r.client.Call(ctx, http.MethodGet, path, nil, nil)
	if err != nil {
		return err
	}
	return r.printExecution(p, answer)
}

func (r *remote) printExecution(p *process, answer json.RawMessage) error {
	if r.json {
		_, err := p.out.Write(answer)
		return err
	}
	var x execution
	if err := json.Unmarshal(answer, &x); err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	return cli.Fields(p.out, "execution", x.Machine+"/"+x.Name, "arn", x.ARN, "status", x.Status, "started", cli.When(x.Started),
		"stopped", cli.When(x.Stopped), "error", x.Error, "cause", x.Cause, "input", string(x.Input), "output", string(x.Output))
}

func history(ctx context.Context, p *process, args []string) error {
	r := newRemote("history EXECUTION [--follow] [--reverse] [--limit N]", `
Shows the events of an execution, named MACHINE/NAME or by its ARN.

    millrace history order/order-17 --follow`)
	follow := r.Bool("follow", false, "go on with each event as it happens, until the execution ends")
	reverse := r.Bool("reverse", false, "newest first")
	limit := r.Int("limit", 25000, "at most `N` events")
	rest, err := r.Want(1, 1, args, p.getenv, p.out)
	if err != nil {
		return err
	}
	path, err := executionPath(rest[0])
	if err != nil {
		return err
	}
	if *limit < 1 || *follow && *reverse {
		return cli.Misused("history: want --limit 1 or more, and only one of --follow and --reverse")
	}
	if *follow {
		return r.client.Stream(ctx, path+"/history", func(event string, data []byte) bool {
			if event != "history" {
				return event != "end"
			}
			if r.json {
				fmt.Fprintf(p.out, "%s\n", data)
			} else {
				fmt.Fprintln(p.out, cli.EventLine(data))
			}
			return true
		})
	}
	query := url.Values{}
	if *reverse {
		query.Set("order", "desc")
	}
	items, err := pages[json.RawMessage](ctx, r, path+"/history", query, *limit)
	if err != nil {
		return err
	}
	for _, i := range items {
		if r.json {
			fmt.Fprintf(p.out, "%s\n", i.raw)
		} else {
			fmt.Fprintln(p.out, cli.EventLine(i.raw))
		}
	}
	return nil
}

func stop(ctx context.Context, p *process, args []string) error {
	r := newRemote("stop EXECUTION [--error NAME] [--cause TEXT]", `
Stops an execution, named MACHINE/NAME or by its ARN.`)
	name := r.String("error", "", "`NAME` of the error that it ends with")
	cause := r.String("cause", "", "`TEXT` that says why")
	rest, err := r.Want(1, 1, args, p.getenv, p.out)
	if err != nil {
		return err
	}
	path, err := executionPath(rest[0])
	if err != nil {
		return err
	}
	body := map[string]string{}
	for k, v := range map[string]string{"error": *name, "cause": *cause} {
		if v != "" {
			body[k] = v
		}
	}
	answer, err := r.client.Call(ctx, http.MethodPost, path+"/stop", nil, body)
	if err != nil {
		return err
	}
	return r.printExecution(p, answer)
}
