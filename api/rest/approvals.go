package rest

import (
	"encoding/json"
	"fmt"
	"net/http"

	"millrace/tasks"
)

// approvalPage is the answer of ListApprovals.
type approvalPage struct {
	Approvals []json.RawMessage `json:"approvals"`
	NextToken string            `json:"nextToken"`
}

// ask runs an operation of the approval service and returns its answer's JSON.
func (s *server) ask(r *http.Request, operation string, input any) (json.RawMessage, error) {
	in, err := json.Marshal(input)
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", operation, err)
	}
	out, err := s.Approvals(r.Context(), operation, in)
	if err != nil {
		return nil, err
	}
	return tasks.Encode(out, tasks.Form{Times: tasks.ISO8601})
}

func (s *server) listApprovals(w http.ResponseWriter, r *http.Request) error {
	if err := known(r, "status", "assignee", "where", "limit", "cursor"); err != nil {
		return err
	}
	p, err := page(r)
	if err != nil {
		return err
	}
	q := r.URL.Query()
	where, err := parseWhere(q.Get("where"))
	if err != nil {
		return bad("where", err.Error())
	}
	answer, err := s.ask(r, "ListApprovals", map[string]any{
		"status": q.Get("status"), "assignee": q.Get("assignee"), "limit": p.Max, "nextToken": p.Token,
	})
	if err != nil {
		return err
	}
	var found approvalPage
	if err := json.Unmarshal(answer, &found); err != nil {
		return fmt.Errorf("read the approvals: %w", err)
	}
	// A page with a condition may hold fewer items than asked for, even none, and yet have a next one.
	out := listed[json.RawMessage]{Items: []json.RawMessage{}, Next: found.NextToken}
	for _, a := range found.Approvals {
		var documents struct{ Details, Input json.RawMessage }
		if where != nil && json.Unmarshal(a, &documents) != nil {
			continue
		}
		if where.matches(r.Context(), a, documents.Details, documents.Input) {
			out.Items = append(out.Items, a)
		}
	}
	write(w, http.StatusOK, out)
	return nil
}

func (s *server) showApproval(w http.ResponseWriter, r *http.Request) error {
	answer, err := s.ask(r, "GetApproval", map[string]string{"id": param(r, "approval")})
	if err != nil {
		return err
	}
	write(w, http.StatusOK, answer)
	return nil
}

// decision is the body of an approval or a rejection.
type decision struct {
	By      string          `json:"by,omitempty"`
	Comment string          `json:"comment,omitempty"`
	Choice  string          `json:"choice,omitempty"`
	Output  json.RawMessage `json:"output,omitempty"` // of an approval
	Error   string          `json:"error,omitempty"`  // of a rejection
	Cause   string          `json:"cause,omitempty"`
}

// decide answers an approval with an operation, Approve or Reject.
func (s *server) decide(operation string) answer {
	return func(w http.ResponseWriter, r *http.Request) error {
		var d decision
		if err := decode(w, r, &d); err != nil {
			return err
		}
		answer, err := s.ask(r, operation, struct {
			ID string `json:"id"`
			decision
		}{param(r, "approval"), d})
		if err != nil {
			return err
		}
		write(w, http.StatusOK, answer)
		return nil
	}
}
