package approval

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"millrace/asl/document"
	"millrace/engine"
	"millrace/tasks"
)

// The statuses of a question.
const (
	Pending   = "PENDING"
	answering = "ANSWERING" // decided, and on its way to the execution
	Approved  = "APPROVED"
	Rejected  = "REJECTED"
	Expired   = "EXPIRED" // the task ended before it was answered
)

// Decision is an answer.
type Decision struct {
	Approve bool            `json:"approve"`
	By      string          `json:"by,omitempty"`
	Comment string          `json:"comment,omitempty"`
	Choice  string          `json:"choice,omitempty"`
	Output  json.RawMessage `json:"output,omitempty"` // what the execution got
	Error   string          `json:"error,omitempty"`
	Cause   string          `json:"cause,omitempty"`
}

// The defaults of a rejection.
const rejected = "Approval.Rejected"

// maxText is the longest name and comment of a decision, in characters.
const maxText = 2000

type decideInput struct {
	ID      string           `json:"id"`
	Token   string           `json:"token"` // instead of the id
	By      string           `json:"by"`
	Comment string           `json:"comment"`
	Choice  string           `json:"choice"`
	Output  *json.RawMessage `json:"output"` // Approve: in place of the default output
	Error   string           `json:"error"`  // Reject: "": Approval.Rejected
	Cause   string           `json:"cause"`  // Reject: "": the comment
}

// approve is Approve: the task succeeds with the output given, or with
// {"Approved": true, "By": ..., "Comment": ..., "Choice": ...}.
func (s *Service) approve(ctx context.Context, _ tasks.Caller, in json.RawMessage) (any, error) {
	var p decideInput
	if err := tasks.Decode(in, &p); err != nil {
		return nil, err
	}
	d := Decision{Approve: true, By: p.By, Comment: p.Comment, Choice: p.Choice}
	if p.Output != nil {
		d.Output = *p.Output
	} else {
		d.Output = d.output()
	}
	return s.decide(ctx, p, d)
}

// output is the output of an approval that has none of its own.
func (d Decision) output() json.RawMessage {
	o := document.NewObject(4)
	o.Set("Approved", true)
	for _, m := range [][2]string{{"By", d.By}, {"Comment", d.Comment}, {"Choice", d.Choice}} {
		if m[1] != "" {
			o.Set(m[0], m[1])
		}
	}
	return document.Append(nil, o)
}

// reject is Reject: the task fails with the error and cause given.
func (s *Service) reject(ctx context.Context, _ tasks.Caller, in json.RawMessage) (any, error) {
	var p decideInput
	if err := tasks.Decode(in, &p); err != nil {
		return nil, err
	}
	d := Decision{By: p.By, Comment: p.Comment, Error: p.Error, Cause: p.Cause}
	if d.Error == "" {
		d.Error = rejected
	}
	if d.Cause == "" {
		d.Cause = p.Comment
	}
	if d.Cause == "" && d.By != "" {
		d.Cause = "Rejected by " + d.By
	}
	return s.decide(ctx, p, d)
}

func (d Decision) check() error {
	switch {
	case len([]rune(d.By)) > maxText || len([]rune(d.Comment)) > maxText:
		return invalid("by, comment: at most %d characters are allowed", maxText)
	case len(d.Error) > 256:
		return invalid("error: at most 256 characters are allowed")
	case len(d.Cause) > 32768:
		return invalid("cause: at most 32768 characters are allowed")
	case len(d.Output) > engine.MaxPayload:
		return invalid("output: at most %d bytes are allowed", engine.MaxPayload)
	}
	return nil
}

// same reports whether two decisions say the same to the execution.
func (d Decision) same(e Decision) bool {
	if d.Approve != e.Approve {
		return false
	}
	return !d.Approve || d.Choice == e.Choice
}

// decide makes a decision known and carries it to the execution. The decision is
// stored first, so that after a crash in between it is known and sent again.
func (s *Service) decide(ctx context.Context, p decideInput, d Decision) (any, error) {
	if err := d.check(); err != nil {
		return nil, err
	}
	r, err := s.find(ctx, p.ID, p.Token)
	if err != nil {
		return nil, err
	}
	over, err := s.enter(ctx, r.id)
	if err != nil {
		return nil, err
	}
	defer over()
	first, other := false, false
	err = s.host.Do(ctx, unitKeys(r.id), func(tx engine.Tx) error {
		first, other = false, false
		stored, err := rowOf(tx, r.id)
		if err != nil {
			return err
		}
		if stored == nil {
			if err := r.insert(tx); err != nil {
				return err
			}
			stored = r
		}
		switch stored.status {
		case Pending:
		case Expired:
			return expired()
		default:
			r, other = stored, !d.same(stored.decision)
			return nil
		}
		if err := checkChoice(stored.question, d); err != nil {
			return err
		}
		r, first = stored, true
		r.status, r.decision, r.decided = answering, d, tx.Now()
		return r.decide(tx)
	})
	if err != nil {
		return nil, err
	}
	switch {
	case r.status == answering && other:
		// The decision that stands was stored, and may not have reached the execution.
		if _, err := s.send(ctx, r, false); err != nil {
			return nil, err
		}
		return nil, decidedAlready(r)
	case other:
		return nil, decidedAlready(r)
	case r.status != answering:
		return r.approval(false), nil // the same was decided before
	}
	return s.send(ctx, r, first)
}

// resume sends a decision that was stored and whose outcome was not, since the
// process ended in between.
func (s *Service) resume(ctx context.Context, id string) error {
	over, err := s.enter(ctx, id)
	if err != nil {
		return err
	}
	defer over()
	var r *row
	err = s.host.Read(ctx, func(rd engine.Reader) (err error) {
		r, err = rowOf(rd, id)
		return err
	})
	if err != nil || r == nil || r.status != answering {
		return err
	}
	_, err = s.send(ctx, r, false)
	return err
}

func checkChoice(q Question, d Decision) error {
	switch {
	case !d.Approve || len(q.Choices) == 0 && d.Choice == "":
		return nil
	case len(q.Choices) == 0:
		return invalid("choice: the question has no choices")
	case !slices.Contains(q.Choices, d.Choice):
		return invalid("choice: one of %s belongs here", encode(q.Choices))
	}
	return nil
}

// send gives the stored decision to the execution and stores what came of it.
// first says that it was not sent before: then an answer that comes too late is
// not this one's own echo.
func (s *Service) send(ctx context.Context, r *row, first bool) (any, error) {
	var err error
	if d := r.decision; d.Approve {
		err = s.tasks.SendTaskSuccess(ctx, r.token, d.Output)
	} else {
		err = s.tasks.SendTaskFailure(ctx, r.token, &d.Error, &d.Cause)
	}
	late := errors.Is(err, engine.ErrTaskTimedOut) || errors.Is(err, engine.ErrTaskNotFound)
	switch {
	case errors.Is(err, engine.ErrInvalidOutput) || errors.Is(err, engine.ErrInvalidToken):
		// It was not taken, and never will be: the question is open again.
		r.status, r.decision, r.decided = Pending, Decision{}, time.Time{}
		if e := s.settle(ctx, r); e != nil {
			return nil, e
		}
		return nil, invalid("the execution refused the answer: %v", err)
	case err != nil && !late:
		return nil, err // the decision stands and is sent again with the next call
	case late && first:
		r.status = Expired
		if err := s.settle(ctx, r); err != nil {
			return nil, err
		}
		return nil, expired()
	case r.decision.Approve:
		r.status = Approved
	default:
		r.status = Rejected
	}
	if err := s.settle(ctx, r); err != nil {
		return nil, err
	}
	return r.approval(false), nil
}

// settle stores the outcome of an answer.
func (s *Service) settle(ctx context.Context, r *row) error {
	return s.host.Do(context.WithoutCancel(ctx), unitKeys(r.id), r.decide)
}

// enter lets one answer at a time through for an id.
func (s *Service) enter(ctx context.Context, id string) (over func(), err error) {
	for {
		s.mu.Lock()
		busy := s.answering[id]
		if busy == nil {
			done := make(chan struct{})
			s.answering[id] = done
			s.mu.Unlock()
			return func() {
				s.mu.Lock()
				delete(s.answering, id)
				s.mu.Unlock()
				close(done)
			}, nil
		}
		s.mu.Unlock()
		select {
		case <-busy:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}
