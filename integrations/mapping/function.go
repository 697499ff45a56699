package mapping

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"millrace/engine"
	"millrace/tasks"
)

// queueToFunction takes a batch and has the function called with it, beside the
// calls that are under way.
func (w *worker) queueToFunction() (more bool, err error) {
	w.mu.Lock()
	busy := w.calls >= w.m.settings.Concurrency
	w.mu.Unlock()
	if busy {
		return false, nil // the end of a call is a signal
	}
	var records []json.RawMessage
	var handles []string
	err = w.s.host.Do(w.ctx, []string{w.sourceKey()}, func(tx engine.Tx) error {
		records, handles, more = nil, nil, false
		m, err := w.current(tx)
		if err != nil || m == nil {
			return err
		}
		more = true // the next look finds the queue empty, and when to look again
		if records, handles, err = w.s.c.Queues.ReceiveRecords(tx, m.source, m.settings.BatchSize, maxBytes); err != nil {
			return err
		}
		// What the filters leave out is deleted at once.
		for i := 0; i < len(records); {
			if w.fits(records[i]) {
				i++
				continue
			}
			if err := w.s.c.Queues.Delete(tx, m.source, handles[i]); err != nil {
				return err
			}
			records = append(records[:i:i], records[i+1:]...)
			handles = append(handles[:i:i], handles[i+1:]...)
		}
		return nil
	})
	if err != nil || len(records) == 0 {
		return more, err
	}
	w.mu.Lock()
	w.calls++
	w.mu.Unlock()
	w.s.spawn(func() {
		w.callWithMessages(records, handles)
		w.mu.Lock()
		w.calls--
		w.mu.Unlock()
		w.kick()
	})
	return true, nil
}

// callWithMessages calls the function and deletes the messages that it is done
// with. The others come again after the visibility timeout.
func (w *worker) callWithMessages(records []json.RawMessage, handles []string) {
	ids := make([]string, len(records))
	for i, r := range records {
		var m struct {
			ID string `json:"messageId"`
		}
		if json.Unmarshal(r, &m) == nil {
			ids[i] = m.ID
		}
	}
	failed, err := w.call(records, ids, handles[0])
	if err != nil {
		w.mu.Lock()
		w.last = "PROBLEM: " + text(err)
		w.mu.Unlock()
		if w.ctx.Err() == nil {
			w.s.c.Log.Warn("mapping: batch failed", "mapping", w.m.id, "error", err)
		}
		return
	}
	err = w.s.host.Do(w.ctx, []string{w.sourceKey()}, func(tx engine.Tx) error {
		for i, h := range handles {
			if !failed[ids[i]] {
				if err := w.s.c.Queues.Delete(tx, w.m.source, h); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		if w.ctx.Err() == nil {
			w.s.c.Log.Warn("mapping: delete messages", "mapping", w.m.id, "error", err)
		}
		return
	}
	w.succeeded()
}

// functionError is what a failed function leads to, in LastProcessingResult's
// words; its own error goes to the log.
type functionError struct{}

func (functionError) Error() string { return "Function call failed" }

// call calls the function and returns the ids that it reports as failed.
func (w *worker) call(records []json.RawMessage, ids []string, key string) (failed map[string]bool, err error) {
	payload, err := w.payload(records, w.s.host.Now())
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(w.ctx, callTimeout)
	defer cancel()
	answer, bad, err := w.s.c.Functions.InvokeFunction(ctx, w.m.target, payload, w.m.id+"/"+tasks.RequestID(key))
	switch {
	case err != nil:
		return nil, fmt.Errorf("call %s: %w", w.m.target, err)
	case bad:
		w.s.c.Log.Warn("mapping: function failed", "mapping", w.m.id, "function", w.m.target, "answer", cut(answer))
		return nil, functionError{}
	case !w.m.settings.Partial:
		return nil, nil
	}
	return w.reported(answer, ids)
}

// callTimeout ends calls whose function has no timeout of its own.
const callTimeout = 16 * time.Minute

func cut(b []byte) string {
	const most = 500
	if len(b) > most {
		return string(b[:most]) + "..."
	}
	return string(b)
}

// reported reads batchItemFailures. An answer that names no item of the batch
// fails the whole batch; one that says nothing of failures succeeds, unless the
// mapping says that its function reports them.
func (w *worker) reported(answer []byte, ids []string) (map[string]bool, error) {
	var report struct {
		Failures []struct {
			ID *string `json:"itemIdentifier"`
		} `json:"batchItemFailures"`
	}
	if t := strings.TrimSpace(string(answer)); t == "" || t == "null" || t[0] != '{' {
		return nil, nil
	}
	if err := json.Unmarshal(answer, &report); err != nil {
		return nil, fmt.Errorf("the function's batchItemFailures are not as they should be: %w", err)
	}
	failed := map[string]bool{}
	for _, f := range report.Failures {
		known := false
		for _, id := range ids {
			known = known || f.ID != nil && *f.ID == id
		}
		if !known {
			return nil, errors.New("the function reports the failure of an item that it was not given")
		}
		failed[*f.ID] = true
	}
	return failed, nil
}

// batchSize is how many records the next batch of a stream has.
func (w *worker) batchSize() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := min(w.m.settings.BatchSize, maxStreamBatch)
	if w.halved > 0 {
		n = min(n, w.halved)
	}
	return n
}

// streamReady reports whether the stream has a batch.
func (w *worker) streamReady() (bool, error) {
	n := 0
	err := w.s.host.Read(w.ctx, func(r engine.Reader) error {
		m, err := w.current(r)
		if err != nil || m == nil {
			n = 0
			return err
		}
		_, sequences, err := w.s.c.Streams.StreamRecords(r, m.source, m.position, w.batchSize())
		n = len(sequences)
		return err
	})
	if err != nil || n == 0 {
		return false, err
	}
	return w.full(n, w.batchSize()), nil
}

// streamToFunction calls the function with the stream's next records, in order:
// the next batch waits until this one is done or given up.
func (w *worker) streamToFunction() (more bool, err error) {
	if ready, err := w.streamReady(); err != nil || !ready {
		return false, err
	}
	var m *mapping
	var records []json.RawMessage
	var sequences []int64
	err = w.s.host.Read(w.ctx, func(r engine.Reader) (err error) {
		if m, err = w.current(r); err != nil || m == nil {
			return err
		}
		records, sequences, err = w.s.c.Streams.StreamRecords(r, m.source, m.position, w.batchSize())
		return err
	})
	if err != nil || m == nil || len(records) == 0 {
		return false, err
	}
	to := sequences[len(sequences)-1]
	var kept []json.RawMessage
	var ids []string
	var at []int64
	for i, r := range records {
		if w.fits(r) && !w.tooOld(r) {
			var rec struct {
				Change struct {
					Sequence string `json:"SequenceNumber"`
				} `json:"dynamodb"`
			}
			if err := json.Unmarshal(r, &rec); err != nil {
				return false, fmt.Errorf("a record is not JSON: %w", err)
			}
			kept, ids, at = append(kept, r), append(ids, rec.Change.Sequence), append(at, sequences[i])
		}
	}
	if len(kept) > 0 {
		failed, err := w.call(kept, ids, fmt.Sprintf("%s/%d", ids[0], m.attempts))
		if w.ctx.Err() != nil {
			return false, w.ctx.Err()
		}
		if err != nil {
			return w.streamFailed(err)
		}
		for i, id := range ids { // what comes before the first failure is done
			if failed[id] {
				return w.partly(m, at[i]-1)
			}
		}
	}
	if err := w.moveTo(m.position, to, 0); err != nil {
		return false, err
	}
	w.succeeded()
	return true, nil
}

// partly keeps what was done of a batch and has the rest tried again.
func (w *worker) partly(m *mapping, to int64) (more bool, err error) {
	if to > m.position {
		if err := w.moveTo(m.position, to, 0); err != nil {
			return false, err
		}
		return false, errors.New("some records failed")
	}
	return w.streamFailed(errors.New("the first record failed"))
}

func (w *worker) moveTo(from, to, attempts int64) error {
	return w.s.host.Do(w.ctx, []string{w.m.key()}, func(tx engine.Tx) error {
		_, err := move(tx, w.m.id, from, to, attempts)
		return err
	})
}

// streamFailed counts a failure of the next batch. The batch is given up when its
// attempts are used up; else it is tried again after a pause, halved if the
// mapping says so.
func (w *worker) streamFailed(cause error) (more bool, err error) {
	gaveUp := false
	err = w.s.host.Do(w.ctx, []string{w.m.key()}, func(tx engine.Tx) error {
		gaveUp = false
		m, err := w.current(tx)
		if err != nil || m == nil {
			return err
		}
		to, attempts := m.position, m.attempts+1
		if r := int64(m.settings.Retries); r >= 0 && attempts > r {
			_, sequences, err := w.s.c.Streams.StreamRecords(tx, m.source, m.position, w.batchSize())
			if err != nil {
				return err
			}
			if len(sequences) > 0 {
				to, attempts, gaveUp = sequences[len(sequences)-1], 0, true
			}
		}
		_, err = move(tx, m.id, m.position, to, attempts)
		return err
	})
	if err != nil {
		return false, err
	}
	if gaveUp {
		w.s.c.Log.Error("mapping: batch given up", "mapping", w.m.id, "error", cause)
		w.succeeded()
		w.mu.Lock()
		w.last = "PROBLEM: " + text(cause)
		w.mu.Unlock()
		return true, nil
	}
	if w.m.settings.Bisect {
		n := w.batchSize()
		w.mu.Lock()
		w.halved = max((n+1)/2, 1)
		w.mu.Unlock()
	}
	return false, cause
}

// tooOld reports whether a stream's record is older than the mapping takes.
func (w *worker) tooOld(record json.RawMessage) bool {
	if w.m.settings.MaxAge < 0 {
		return false
	}
	var rec struct {
		Change struct {
			Created int64 `json:"ApproximateCreationDateTime"`
		} `json:"dynamodb"`
	}
	if json.Unmarshal(record, &rec) != nil {
		return false
	}
	return w.s.host.Now().Sub(time.Unix(rec.Change.Created, 0)) > time.Duration(w.m.settings.MaxAge)*time.Second
}
