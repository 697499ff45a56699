package queue

import (
	"errors"
	"strings"

	"millrace/tasks"
)

// batchResult is the answer of the batch operations.
type batchResult[T any] struct {
	Successful []T           `json:"Successful,omitempty"`
	Failed     []batchFailed `json:"Failed,omitempty"`
}

type batchFailed struct {
	ID          string `json:"Id"`
	SenderFault bool   `json:"SenderFault"`
	Code        string `json:"Code"`
	Message     string `json:"Message"`
}

// fail notes the failure of an entry. What is not the caller's fault is returned.
func (b *batchResult[T]) fail(id string, err error) error {
	var e *tasks.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &e):
		b.Failed = append(b.Failed, batchFailed{id, true, queryCode(e.Code), e.Message})
		return nil
	}
	return err
}

const maxBatch = 10

// checkBatch checks the ids of a batch's entries. kind is the entries' name in the Query protocol.
func checkBatch(kind string, ids []string) error {
	if len(ids) == 0 {
		return tasks.Errorf("EmptyBatchRequest", "There should be at least one %s in the request.", kind)
	}
	if len(ids) > maxBatch {
		return tasks.Errorf("TooManyEntriesInBatchRequest", "Maximum number of entries per request are %d. You have sent %d.", maxBatch, len(ids))
	}
	seen := map[string]bool{}
	for _, id := range ids {
		if id == "" || len(id) > 80 || strings.IndexFunc(id, func(r rune) bool {
			return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_')
		}) >= 0 {
			return tasks.Errorf("InvalidBatchEntryId", "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.")
		}
		if seen[id] {
			return tasks.Errorf("BatchEntryIdsNotDistinct", "Id %s repeated.", id)
		}
		seen[id] = true
	}
	return nil
}
