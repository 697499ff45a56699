package table

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strings"

	"millrace/engine"
	"millrace/tasks"
)

const maxTransact = 100

// reason is why one item of a transaction stood in the way; Code None: it did not.
type reason struct {
	Code    string `json:"Code"`
	Message string `json:"Message,omitempty"`
	Item    any    `json:"Item,omitempty"`
}

// transactWriteItems checks everything first and then writes everything. One that
// a client repeats with its token, not knowing what came of it, is written once.
func (s *Service) transactWriteItems(tx engine.Tx, _ tasks.Caller, in json.RawMessage) (any, error) {
	var req struct {
		Items []struct {
			Put    *writeInput `json:"Put"`
			Update *writeInput `json:"Update"`
			Delete *writeInput `json:"Delete"`
			Check  *writeInput `json:"ConditionCheck"`
		} `json:"TransactItems"`
		Capacity string `json:"ReturnConsumedCapacity"`
		Token    string `json:"ClientRequestToken"`
	}
	if err := tasks.Decode(in, &req); err != nil {
		return nil, err
	}
	if err := checkTransaction(len(req.Items)); err != nil {
		return nil, err
	}
	type answer struct {
		Capacity []capacity `json:"ConsumedCapacity,omitempty"`
	}
	digest, done, err := repeated(tx, req.Token, in)
	if err != nil || done {
		return answer{}, err
	}
	var changes []*change
	reasons := make([]reason, len(req.Items))
	cancelled := false
	seen := map[string]bool{}
	used := map[string]int{}
	for i, e := range req.Items {
		var w *writeInput
		var kind writeKind
		n := 0
		for k, part := range []*writeInput{put: e.Put, updating: e.Update, deleting: e.Delete, checking: e.Check} {
			if part != nil {
				w, kind = part, writeKind(k)
				n++
			}
		}
		if n != 1 {
			return nil, validation("TransactItems can only contain one of Check, Put, Update or Delete")
		}
		if kind == checking && w.Condition == nil {
			return nil, validation("1 validation error detected: Value null at 'transactItems.%d.member.conditionCheck.conditionExpression' failed to satisfy constraint: Member must not be null", i+1)
		}
		reasons[i].Code = "None"
		c, err := w.prepare(tx, kind)
		if err != nil {
			if !reasons[i].of(err) {
				return nil, err
			}
			cancelled = true
			continue
		}
		if seen[c.id()] {
			return nil, validation("Transaction request cannot include multiple operations on one item")
		}
		seen[c.id()] = true
		used[c.table.name] += 2 * max((max(c.old.size(), c.new.size())+writeBlock-1)/writeBlock, 1)
		changes = append(changes, c)
	}
	if cancelled {
		return nil, canceled(reasons)
	}
	for _, c := range changes {
		if err := s.write(tx, c); err != nil {
			return nil, err
		}
	}
	if req.Token != "" {
		if err := insertToken(tx, req.Token, digest, tx.Now().UnixMilli()); err != nil {
			return nil, err
		}
	}
	return answer{capacities(req.Capacity, used, 1)}, nil
}

const maxToken = 36 // characters of a client request token

// repeated tells whether a transaction with the token was written in the last ten
// minutes. One that asked for something else is an error; digest tells them apart.
func repeated(tx engine.Tx, token string, in json.RawMessage) (digest string, done bool, err error) {
	if token == "" {
		return "", false, nil
	}
	if len(token) > maxToken {
		return "", false, validation("1 validation error detected: Value '%.80s' at 'clientRequestToken' failed to satisfy constraint: Member must have length less than or equal to %d", token, maxToken)
	}
	var req struct {
		Items json.RawMessage `json:"TransactItems"`
	}
	if err := tasks.Decode(in, &req); err != nil {
		return "", false, err
	}
	sum := sha256.Sum256(req.Items)
	digest = hex.EncodeToString(sum[:])
	before, err := tokenOf(tx, token, tx.Now().UnixMilli())
	if err == nil && before != "" && before != digest {
		err = tasks.Errorf("IdempotentParameterMismatchException", "The ClientRequestToken was used in the last ten minutes by a transaction of other items.")
	}
	return digest, before != "", err
}

func checkTransaction(n int) error {
	if n == 0 || n > maxTransact {
		return validation("1 validation error detected: Value '[]' at 'transactItems' failed to satisfy constraint: Member must have length less than or equal to %d and greater than or equal to 1", maxTransact)
	}
	return nil
}

// of notes an error that cancels a transaction; false: the request itself is at fault.
func (r *reason) of(err error) bool {
	var e *tasks.Error
	if !errors.As(err, &e) {
		return false
	}
	switch e {
	case errUpdatePath, errOperand, errAbsent:
		r.Code, r.Message = "ValidationError", e.Message
		return true
	}
	if e.Code != "ConditionalCheckFailedException" {
		return false
	}
	r.Code, r.Message, r.Item = "ConditionalCheckFailed", e.Message, e.Fields["Item"]
	return true
}

func canceled(reasons []reason) error {
	codes := make([]string, len(reasons))
	for i, r := range reasons {
		codes[i] = r.Code
	}
	return &tasks.Error{
		Code: "TransactionCanceledException", Status: 400,
		Message: "Transaction cancelled, please refer cancellation reasons for specific reasons [" + strings.Join(codes, ", ") + "]",
		Fields:  map[string]any{"CancellationReasons": reasons},
	}
}

func (s *Service) transactGetItems(_ context.Context, r engine.Reader, _ tasks.Caller, in json.RawMessage) (any, error) {
	var req struct {
		Items []struct {
			Get *readInput `json:"Get"`
		} `json:"TransactItems"`
		Capacity string `json:"ReturnConsumedCapacity"`
	}
	if err := tasks.Decode(in, &req); err != nil {
		return nil, err
	}
	if err := checkTransaction(len(req.Items)); err != nil {
		return nil, err
	}
	type response struct {
		Item *Item `json:"Item,omitempty"`
	}
	responses := make([]response, len(req.Items))
	used := map[string]int{}
	for i, e := range req.Items {
		if e.Get == nil {
			return nil, validation("1 validation error detected: Value null at 'transactItems.%d.member.get' failed to satisfy constraint: Member must not be null", i+1)
		}
		it, t, err := e.Get.get(r)
		if err != nil {
			return nil, err
		}
		paths, err := e.Get.paths()
		if err != nil {
			return nil, err
		}
		used[t.name] += 2 * max((it.size()+readBlock-1)/readBlock, 1)
		if it != nil {
			it = project(it, paths)
			responses[i].Item = &it
		}
	}
	return struct {
		Responses []response `json:"Responses"`
		Capacity  []capacity `json:"ConsumedCapacity,omitempty"`
	}{responses, capacities(req.Capacity, used, 1)}, nil
}
