package approval

import (
	"errors"
	"net/http"

	"millrace/engine"
	"millrace/tasks"
)

func invalid(format string, args ...any) *tasks.Error {
	return tasks.Errorf("ValidationException", format, args...)
}

func notFound(id string) *tasks.Error {
	e := tasks.Errorf("ApprovalNotFoundException", "There is no approval %s. The list of approvals has the ids.", short(id))
	e.Status = http.StatusNotFound
	return e
}

func expired() *tasks.Error {
	e := tasks.Errorf("ApprovalExpiredException", "The answer came too late: the task no longer waits. It timed out, or its execution was stopped or has ended.")
	e.Status = http.StatusConflict
	return e
}

func decidedAlready(r *row) *tasks.Error {
	what, by := "approved", ""
	if !r.decision.Approve {
		what = "rejected"
	}
	if r.decision.By != "" {
		by = " by " + short(r.decision.By)
	}
	e := tasks.Errorf("ApprovalDecidedException", "It was %s%s at %s, and a decision stands.", what, by, r.decided.UTC().Format("2006-01-02T15:04:05Z"))
	e.Status = http.StatusConflict
	return e
}

func short(s string) string {
	if len(s) > 80 {
		return s[:80] + "..."
	}
	return s
}

// gone reports whether an execution is not there, so that nothing of it waits.
func gone(err error) bool {
	return errors.Is(err, engine.ErrExecutionNotFound) || errors.Is(err, engine.ErrInvalidARN)
}

// refusedPage words the engine's error about the token of a page.
func refusedPage(err error) error {
	if errors.Is(err, engine.ErrInvalidToken) {
		return invalid("nextToken: it is not one that a list gave out")
	}
	return err
}
