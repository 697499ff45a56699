package approval

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"millrace/engine"
	"millrace/tasks"
)

// Approval is a question, or another task that waits for its token, as the
// operations tell of it.
type Approval struct {
	ID string `json:"id"`
	Question
	Input        json.RawMessage `json:"input,omitempty"` // of a task that is no question
	Status       string          `json:"status"`
	Resource     string          `json:"resource"`
	State        string          `json:"state"`
	ExecutionARN string          `json:"executionArn"`
	MachineARN   string          `json:"stateMachineArn"`
	Created      time.Time       `json:"created"`
	Deadline     time.Time       `json:"deadline,omitempty"`
	Decided      time.Time       `json:"decided,omitempty"`
	By           string          `json:"by,omitempty"`
	Comment      string          `json:"comment,omitempty"`
	Choice       string          `json:"choice,omitempty"`
	Output       json.RawMessage `json:"output,omitempty"`
	Error        string          `json:"error,omitempty"`
	Cause        string          `json:"cause,omitempty"`
	Token        string          `json:"token"` // masked, unless it was asked for
}

// masked stands for a token that was not asked for.
const masked = "***"

// approval is the row as it is told; token shows the token.
func (r *row) approval(token bool) Approval {
	d := r.decision
	a := Approval{
		ID: r.id, Question: r.question, Status: r.status, Resource: r.resource, State: r.state, ExecutionARN: r.execution, MachineARN: r.machine,
		Created: r.created, Deadline: r.deadline, Decided: r.decided, By: d.By, Comment: d.Comment, Choice: d.Choice, Output: d.Output, Error: d.Error, Cause: d.Cause,
		Token: masked,
	}
	switch {
	case r.status == answering && d.Approve:
		a.Status = Approved
	case r.status == answering:
		a.Status = Rejected
	}
	if token {
		a.Token = r.token
	}
	return a
}

// rowOfTask is a waiting task that is no question, as a row that is not stored.
// Its question is its state's name.
func rowOfTask(id string, t engine.PendingTask) *row {
	return &row{
		id: id, execution: t.ExecutionARN, event: t.Event, machine: t.MachineARN, state: t.State, resource: t.Resource, token: t.Token,
		question: Question{Title: t.State}, created: t.Since, deadline: t.Deadline, status: Pending,
	}
}

type listInput struct {
	Status    string `json:"status"`   // "": PENDING
	Assignee  string `json:"assignee"` // "": anybody
	Limit     int    `json:"limit"`    // 0: 100
	NextToken string `json:"nextToken"`
}

type listOutput struct {
	Approvals []Approval `json:"approvals"`
	NextToken string     `json:"nextToken,omitempty"`
}

// list is ListApprovals. Pending ones come oldest first, others newest first. A
// page may hold fewer than asked for, even none, and yet have a next one.
func (s *Service) list(ctx context.Context, _ tasks.Caller, in json.RawMessage) (any, error) {
	var p listInput
	if err := tasks.Decode(in, &p); err != nil {
		return nil, err
	}
	if p.Limit == 0 {
		p.Limit = 100
	}
	if p.Limit < 1 || p.Limit > 1000 {
		return nil, invalid("limit: %d is not a number from 1 to 1000", p.Limit)
	}
	switch p.Status {
	case "", Pending:
		return s.listPending(ctx, p)
	case Approved, Rejected, Expired:
		return s.listDecided(ctx, p)
	}
	return nil, invalid("status: %s is none of PENDING, APPROVED, REJECTED and EXPIRED", short(p.Status))
}

// listPending asks the engine, which alone knows what still waits. A task that
// waits although it was decided gets the decision.
func (s *Service) listPending(ctx context.Context, p listInput) (any, error) {
	pending, next, err := s.tasks.PendingTasks(ctx, engine.PendingFilter{}, engine.Page{Max: p.Limit, Token: p.NextToken})
	if err != nil {
		return nil, refusedPage(err)
	}
	out := listOutput{Approvals: []Approval{}, NextToken: next}
	var decided []string
	err = s.host.Read(ctx, func(r engine.Reader) error {
		out.Approvals, decided = out.Approvals[:0], nil
		for _, t := range pending {
			a, err := approvalOf(r, t)
			if err != nil {
				return err
			}
			switch {
			case a.Status != Pending:
				decided = append(decided, a.ID)
			case p.Assignee == "" || p.Assignee == a.Assignee:
				out.Approvals = append(out.Approvals, a)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, id := range decided {
		if err := s.resume(ctx, id); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// approvalOf is a waiting task as it is told.
func approvalOf(r engine.Reader, t engine.PendingTask) (Approval, error) {
	id := idOf(t.ExecutionARN, t.Event)
	row, err := rowOf(r, id)
	if err != nil {
		return Approval{}, err
	}
	if row != nil {
		return row.approval(false), nil
	}
	a := rowOfTask(foreignID(t), t).approval(false)
	a.Input = t.Input
	return a, nil
}

func (s *Service) listDecided(ctx context.Context, p listInput) (any, error) {
	before, id := int64(1)<<62, ""
	if p.NextToken != "" {
		b, err := base64.RawURLEncoding.DecodeString(p.NextToken)
		if err == nil {
			_, err = fmt.Sscanf(string(b), "%d %s", &before, &id)
		}
		if err != nil {
			return nil, invalid("nextToken: it is not one that a list gave out")
		}
	}
	out := listOutput{Approvals: []Approval{}}
	err := s.host.Read(ctx, func(r engine.Reader) error {
		rows, err := query(r, listRows, p.Status, before, before, id, p.Limit+1)
		if err != nil {
			return err
		}
		out.Approvals, out.NextToken = out.Approvals[:0], ""
		for i, x := range rows {
			if i == p.Limit {
				last := rows[i-1]
				out.NextToken = base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%d %s", millis(last.decided), last.id))
				break
			}
			if p.Assignee == "" || p.Assignee == x.question.Assignee {
				out.Approvals = append(out.Approvals, x.approval(false))
			}
		}
		return nil
	})
	return out, err
}

// get is GetApproval, by id or token. withToken shows the token.
func (s *Service) get(ctx context.Context, _ tasks.Caller, in json.RawMessage) (any, error) {
	var p struct {
		ID        string `json:"id"`
		Token     string `json:"token"`
		WithToken bool   `json:"withToken"`
	}
	if err := tasks.Decode(in, &p); err != nil {
		return nil, err
	}
	r, err := s.find(ctx, p.ID, p.Token)
	if err != nil {
		return nil, err
	}
	a := r.approval(p.WithToken)
	if r.status != Pending {
		return a, nil
	}
	t, err := s.waiting(ctx, engine.PendingFilter{ExecutionARN: r.execution}, func(t engine.PendingTask) bool { return t.Event == r.event })
	if err != nil {
		return nil, err
	}
	switch {
	case t == nil:
		a.Status = Expired // the row learns of it with the next answer
	case isForeign(r.id):
		a.Input = t.Input
	}
	return a, nil
}

// find returns a stored question, or one made of a waiting task.
func (s *Service) find(ctx context.Context, id, token string) (*row, error) {
	switch {
	case (id == "") == (token == ""):
		return nil, invalid("either id or token must be given")
	case token != "":
		return s.findToken(ctx, token)
	}
	var r *row
	err := s.host.Read(ctx, func(rd engine.Reader) (err error) {
		r, err = rowOf(rd, id)
		return err
	})
	if err != nil || r != nil {
		return r, err
	}
	execution, event, ok := parseForeign(id)
	if !ok {
		return nil, notFound(id)
	}
	t, err := s.waiting(ctx, engine.PendingFilter{ExecutionARN: execution}, func(t engine.PendingTask) bool { return t.Event == event })
	if err != nil {
		return nil, err
	}
	if t == nil {
		return nil, notFound(id)
	}
	return rowOfTask(id, *t), nil
}

// findToken finds the question of a token, or else the task that waits for it.
func (s *Service) findToken(ctx context.Context, token string) (*row, error) {
	number, event, err := s.tasks.OpenToken(token)
	if err != nil {
		return nil, invalid("token: it is not one that this server gave out")
	}
	var rows []*row
	err = s.host.Read(ctx, func(r engine.Reader) (err error) {
		rows, err = query(r, selectTask, number, event)
		return err
	})
	if err != nil || len(rows) > 0 {
		return first(rows), err
	}
	t, err := s.waiting(ctx, engine.PendingFilter{Token: token}, func(engine.PendingTask) bool { return true })
	if err != nil {
		return nil, err
	}
	if t == nil {
		return nil, notFound("of this token")
	}
	return rowOfTask(foreignID(*t), *t), nil
}

func first(rows []*row) *row {
	if len(rows) == 0 {
		return nil
	}
	return rows[0]
}

// waiting returns the first waiting task that the filter lets through and that is right, or nil.
func (s *Service) waiting(ctx context.Context, f engine.PendingFilter, right func(engine.PendingTask) bool) (*engine.PendingTask, error) {
	page := engine.Page{Max: 1000}
	for {
		list, next, err := s.tasks.PendingTasks(ctx, f, page)
		if gone(err) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		for i := range list {
			if right(list[i]) {
				return &list[i], nil
			}
		}
		if next == "" {
			return nil, nil
		}
		page.Token = next
	}
}

// foreign begins the ids of tasks that are no questions. The rest says which task it is.
const foreign = "task-"

func foreignID(t engine.PendingTask) string {
	return foreign + base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%d %s", t.Event, t.ExecutionARN))
}

func isForeign(id string) bool { return strings.HasPrefix(id, foreign) }

func parseForeign(id string) (execution string, event int64, ok bool) {
	b, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(id, foreign))
	if err != nil || !isForeign(id) {
		return "", 0, false
	}
	_, err = fmt.Sscanf(string(b), "%d %s", &event, &execution)
	return execution, event, err == nil
}
