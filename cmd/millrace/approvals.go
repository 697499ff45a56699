package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os/user"
	"strings"
	"time"

	"millrace/cmd/internal/cli"
)

// approvalItem is an approval as the server shows it.
type approvalItem struct {
	ID, Title, Description, Assignee, Status, State, ExecutionARN, By, Comment, Choice, Error, Cause string

	Choices                []string
	Details, Input, Output json.RawMessage
	Created                time.Time
	Deadline, Decided      time.Time
}

func approvals(ctx context.Context, p *process, args []string) error {
	verbs := map[string]func(context.Context, *process, []string) error{
		"list": listApprovals, "show": showApproval, "approve": decide("approve"), "reject": decide("reject"),
	}
	if len(args) > 0 && verbs[args[0]] != nil {
		return verbs[args[0]](ctx, p, args[1:])
	}
	f := cli.NewFlags("approvals list|show|approve|reject", `
Lists what waits for a person's decision, shows it, and answers it.

    millrace approvals list
    millrace approvals approve 7-12 --comment "looks right"`)
	if _, err := f.Parse(args, p.getenv, p.out); err != nil {
		return err
	}
	return cli.Misused("usage: millrace approvals list|show|approve|reject")
}

func listApprovals(ctx context.Context, p *process, args []string) error {
	r := newRemote("approvals list [--status STATUS] [--assignee NAME] [--where CONDITION] [--limit N]", `
Lists approvals, the oldest that waits first.

    millrace approvals list --where '$.total > 100'`)
	status := r.String("status", "PENDING", "only approvals in `STATUS`: PENDING, APPROVED, REJECTED or EXPIRED")
	assignee := r.String("assignee", "", "only what `NAME` is to answer")
	where := r.String("where", "", "only approvals of which, or of whose details or input, the `CONDITION` is true")
	limit := r.Int("limit", 100, "at most `N` items")
	if _, err := r.Want(0, 0, args, p.getenv, p.out); err != nil {
		return err
	}
	if *limit < 1 {
		return cli.Misused("approvals list: --limit %d: want 1 or more", *limit)
	}
	query := url.Values{}
	for k, v := range map[string]string{"status": *status, "assignee": *assignee, "where": *where} {
		if v != "" {
			query.Set(k, v)
		}
	}
	items, err := pages[approvalItem](ctx, r, "/v1/approvals", query, *limit)
	if err != nil {
		return err
	}
	return show(p, r.json, items, []string{"ID", "TITLE", "ASSIGNEE", "STATUS", "CREATED", "DEADLINE"}, func(a approvalItem) []string {
		return []string{a.ID, a.Title, a.Assignee, a.Status, cli.When(a.Created), cli.When(a.Deadline)}
	})
}

func showApproval(ctx context.Context, p *process, args []string) error {
	r := newRemote("approvals show ID", "Shows an approval.")
	rest, err := r.Want(1, 1, args, p.getenv, p.out)
	if err != nil {
		return err
	}
	answer, err := r.client.Call(ctx, http.MethodGet, "/v1/approvals/"+url.PathEscape(rest[0]), nil, nil)
	if err != nil {
		return err
	}
	return r.printApproval(p, answer)
}

func decide(verb string) func(context.Context, *process, []string) error {
	return func(ctx context.Context, p *process, args []string) error {
		synopsis, about := "approvals approve ID [--comment TEXT] [--choice CHOICE] [--output JSON|@FILE]", `
Approves: the task succeeds, and its execution goes on.`
		if verb == "reject" {
			synopsis, about = "approvals reject ID [--comment TEXT] [--error NAME] [--cause TEXT]", `
Rejects: the task fails, which its state can catch.`
		}
		r := newRemote(synopsis, about)
		body := map[string]any{}
		texts := map[string]*string{
			"by":      r.String("by", "", "`NAME` of who decides; left out: the user who runs the command"),
			"comment": r.String("comment", "", "`TEXT` that says why"),
		}
		output := new(string)
		if verb == "approve" {
			texts["choice"] = r.String("choice", "", "`CHOICE` that is made, of those that are offered")
			output = r.String("output", "", "the task's output in place of the default: `JSON`, or @FILE")
		} else {
			texts["error"] = r.String("error", "", "`NAME` of the task's error")
			texts["cause"] = r.String("cause", "", "`TEXT` of the task's cause")
		}
		rest, err := r.Want(1, 1, args, p.getenv, p.out)
		if err != nil {
			return err
		}
		for k, v := range texts {
			if *v != "" {
				body[k] = *v
			}
		}
		if u, err := user.Current(); err == nil && body["by"] == nil {
			body["by"] = u.Username
		}
		doc, err := document(p, *output)
		if err != nil {
			return err
		}
		if doc != nil {
			body["output"] = doc
		}
		answer, err := r.client.Call(ctx, http.MethodPost, "/v1/approvals/"+url.PathEscape(rest[0])+"/"+verb, nil, body)
		if err != nil {
			return err
		}
		return r.printApproval(p, answer)
	}
}

func (r *remote) printApproval(p *process, answer json.RawMessage) error {
	if r.json {
		_, err := p.out.Write(answer)
		return err
	}
	var a approvalItem
	if err := json.Unmarshal(answer, &a); err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	return cli.Fields(p.out, "id", a.ID, "title", a.Title, "description", a.Description, "assignee", a.Assignee,
		"choices", strings.Join(a.Choices, ", "), "status", a.Status, "state", a.State, "execution", a.ExecutionARN,
		"created", cli.When(a.Created), "deadline", cli.When(a.Deadline), "decided", cli.When(a.Decided), "by", a.By,
		"choice", a.Choice, "comment", a.Comment, "error", a.Error, "cause", a.Cause,
		"details", string(a.Details), "input", string(a.Input), "output", string(a.Output))
}
