package approval

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/json"
	"fmt"
	"strings"

	"millrace/asl/document"
	"millrace/engine"
	"millrace/engine/interp"
	"millrace/tasks"
)

// Question is what a task state asks. As the task's parameters its members begin
// with a capital: Title, Description, Assignee, Choices, Details; others, such as
// TaskToken, are ignored.
type Question struct {
	Title       string          `json:"title"`                 // required, at most 200 characters
	Description string          `json:"description,omitempty"` // at most 10,000 characters
	Assignee    string          `json:"assignee,omitempty"`    // who is to answer; not enforced
	Choices     []string        `json:"choices,omitempty"`     // one of them must be chosen; none: yes or no
	Details     json.RawMessage `json:"details,omitempty"`     // any JSON that helps to decide
}

// Limits of a question.
const (
	maxTitle       = 200
	maxDescription = 10000
	maxChoices     = 20
)

// parseQuestion reads a task's parameters.
func parseQuestion(in json.RawMessage) (Question, error) {
	var p struct {
		Title       string          `json:"Title"`
		Description string          `json:"Description"`
		Assignee    string          `json:"Assignee"`
		Choices     []string        `json:"Choices"`
		Details     json.RawMessage `json:"Details"`
	}
	if err := tasks.Decode(in, &p); err != nil {
		return Question{}, err
	}
	q := Question(p)
	switch {
	case strings.TrimSpace(q.Title) == "":
		return q, invalid("Title: a short question belongs here")
	case len([]rune(q.Title)) > maxTitle:
		return q, invalid("Title: at most %d characters are allowed; put the rest into Description", maxTitle)
	case len([]rune(q.Description)) > maxDescription:
		return q, invalid("Description: at most %d characters are allowed; put documents into Details", maxDescription)
	case len(q.Choices) > maxChoices:
		return q, invalid("Choices: at most %d are allowed", maxChoices)
	}
	seen := map[string]bool{}
	for _, c := range q.Choices {
		if c == "" || len([]rune(c)) > maxTitle || seen[c] {
			return q, invalid("Choices: different texts of 1 to %d characters belong here", maxTitle)
		}
		seen[c] = true
	}
	return q, nil
}

// request is the resource arn:aws:states:::approval:request.waitForTaskToken. It
// records the question in the unit that records the task as submitted.
type request struct{ resource tasks.Resource }

func (r *request) Resource() string { return r.resource.Text }

func (r *request) Savepoint() bool { return false }

func (r *request) Keys(c engine.Call) []string { return unitKeys(idOf(c.ExecutionARN, c.Event)) }

func unitKeys(id string) []string { return []string{"approval/" + id} }

// Run puts the question. Its output is {"ApprovalId": id}.
func (r *request) Run(tx engine.Tx, c engine.Call) (interp.Outcome, error) {
	q, err := parseQuestion(c.Input)
	if e, ok := err.(*tasks.Error); ok {
		return (&tasks.Failure{Name: "Approval." + e.Code, Cause: e.Message}).Outcome(), nil
	}
	if err != nil {
		return interp.Outcome{}, err
	}
	row := &row{
		id: idOf(c.ExecutionARN, c.Event), execution: c.ExecutionARN, event: c.Event, number: c.Execution, machine: c.MachineARN, state: c.State, resource: c.Resource,
		token: c.Token, question: q, created: tx.Now(), deadline: c.Deadline, status: Pending,
	}
	if err := row.insert(tx); err != nil {
		return interp.Outcome{}, err
	}
	tx.Notify(Changed)
	out := document.NewObject(1)
	out.Set("ApprovalId", row.id)
	return interp.Outcome{Output: document.FromValue(out)}, nil
}

// idOf is the id of the question or waiting task that an event of an execution scheduled.
func idOf(execution string, event int64) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s#%d", execution, event))
	return strings.ToLower(base32.StdEncoding.EncodeToString(sum[:10]))
}
