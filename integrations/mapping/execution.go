package mapping

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"

	"millrace/engine"
)

// batchesAUnit is how many executions one unit starts at most.
const batchesAUnit = 32

// queueReady reports whether the queue has a batch, and otherwise sees to it
// that the worker is woken when it may have one.
func (w *worker) queueReady() (bool, error) {
	var n int
	err := w.s.host.Read(w.ctx, func(r engine.Reader) error {
		some, next, err := w.s.c.Queues.Visible(r, w.m.source, w.m.settings.BatchSize)
		if err != nil {
			return err
		}
		if n = some; n == 0 && !next.IsZero() {
			w.wakeAt(next)
		}
		return nil
	})
	if err != nil || n == 0 {
		return false, err
	}
	return w.full(n, w.m.settings.BatchSize), nil
}

// queueToExecution starts executions with the visible messages: each start is in
// one unit with the receipt and the deletion of its messages. A unit that fails
// is tried with its first batch alone, so that the fault is that batch's.
func (w *worker) queueToExecution() (more bool, err error) {
	more, err = w.startFromQueue(batchesAUnit)
	if err != nil && !transient(err) {
		more, err = w.startFromQueue(1)
	}
	switch {
	case err == nil:
		w.succeeded()
		return more, nil
	case transient(err):
		return false, err
	}
	return true, w.hideMessages(err)
}

func (w *worker) startFromQueue(batches int) (more bool, err error) {
	err = w.s.host.Do(w.ctx, []string{w.sourceKey()}, func(tx engine.Tx) error {
		more = false
		m, err := w.current(tx)
		if err != nil || m == nil {
			return err
		}
		more = true // the next look finds the queue empty, and when to look again
		for range batches {
			n, err := w.startMessages(tx, m)
			if err != nil || n == 0 || m.settings.Window > 0 {
				return err
			}
		}
		return nil
	})
	return more, err
}

// startMessages takes a batch, starts its execution and deletes its messages.
func (w *worker) startMessages(tx engine.Tx, m *mapping) (n int, err error) {
	records, handles, err := w.s.c.Queues.ReceiveRecords(tx, m.source, m.settings.BatchSize, maxBytes)
	if err != nil || len(records) == 0 {
		return 0, err
	}
	var kept []json.RawMessage
	for _, r := range records {
		if w.fits(r) {
			kept = append(kept, r)
		}
	}
	if len(kept) > 0 {
		var first struct {
			ID string `json:"messageId"`
		}
		if err := json.Unmarshal(kept[0], &first); err != nil {
			return 0, fmt.Errorf("a message is not JSON: %w", err)
		}
		if err := w.start(tx, m, first.ID, kept); err != nil {
			return 0, err
		}
	}
	for _, h := range handles {
		if err := w.s.c.Queues.Delete(tx, m.source, h); err != nil {
			return 0, err
		}
	}
	return len(records), nil
}

// start starts an execution that is named after its records: after the first
// message's id, which no other execution has because the message is deleted with
// the start, or as executionName says. One that was started under the name before
// is taken for it.
func (w *worker) start(tx engine.Tx, m *mapping, name string, records []json.RawMessage) error {
	input, err := w.payload(records, tx.Now())
	if err != nil {
		return err
	}
	_, err = tx.Start(engine.StartInput{MachineARN: m.target, Name: name, Input: input})
	if errors.Is(err, engine.ErrExecutionExists) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("start an execution of %s: %w", m.target, err)
	}
	return nil
}

// hideMessages receives a batch that could not be handed on, and no more: it
// comes again after the visibility timeout, or goes to the dead-letter queue.
func (w *worker) hideMessages(cause error) error {
	w.mu.Lock()
	w.last = "PROBLEM: " + text(cause)
	w.mu.Unlock()
	w.s.c.Log.Warn("mapping: batch failed", "mapping", w.m.id, "error", cause)
	n := 0
	err := w.s.host.Do(w.ctx, []string{w.sourceKey()}, func(tx engine.Tx) error {
		records, _, err := w.s.c.Queues.ReceiveRecords(tx, w.m.source, w.m.settings.BatchSize, maxBytes)
		n = len(records)
		return err
	})
	if err != nil {
		return err
	}
	if n == 0 {
		return cause // nothing was hidden: pause instead
	}
	return nil
}

// streamToExecution starts executions with the stream's next records: each start
// is in one unit with the move of the position.
func (w *worker) streamToExecution() (more bool, err error) {
	if ready, err := w.streamReady(); err != nil || !ready {
		return false, err
	}
	more, err = w.startFromStream(batchesAUnit)
	if err != nil && !transient(err) {
		more, err = w.startFromStream(1)
	}
	switch {
	case err == nil:
		w.succeeded()
		return more, nil
	case transient(err) || isNotFound(err):
		return false, err
	}
	return w.streamFailed(err)
}

func (w *worker) startFromStream(batches int) (more bool, err error) {
	err = w.s.host.Do(w.ctx, []string{w.m.key()}, func(tx engine.Tx) error {
		more = false
		m, err := w.current(tx)
		if err != nil || m == nil {
			return err
		}
		shard, _, err := w.s.c.Streams.StreamState(tx, m.source)
		if err != nil {
			return err
		}
		at := m.position
		for range batches {
			records, sequences, err := w.s.c.Streams.StreamRecords(tx, m.source, at, w.batchSize())
			if err != nil {
				return err
			}
			if len(records) == 0 {
				break
			}
			more = true
			if err := w.startRecords(tx, m, shard, sequences, records); err != nil {
				return err
			}
			if at = sequences[len(sequences)-1]; m.settings.Window > 0 {
				break
			}
		}
		if at == m.position {
			return nil
		}
		_, err = move(tx, m.id, m.position, at, 0)
		return err
	})
	return more, err
}

func (w *worker) startRecords(tx engine.Tx, m *mapping, shard string, sequences []int64, records []json.RawMessage) error {
	first := int64(0)
	var kept []json.RawMessage
	for i, r := range records {
		if w.fits(r) && !w.tooOld(r) {
			if first == 0 {
				first = sequences[i]
			}
			kept = append(kept, r)
		}
	}
	if len(kept) == 0 {
		return nil
	}
	return w.start(tx, m, executionName(m, shard, first), kept)
}

// executionName names the execution of a stream's batch: SHARD-MAPPING-SEQUENCE.
// It is the same whenever a mapping reads the record, and another for every other
// mapping, also for one that was made again under the name. It has 76 characters
// with the shards of a table's stream, which have 37.
func executionName(m *mapping, shard string, sequence int64) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %d", m.id, m.created))
	return fmt.Sprintf("%s-%x-%021d", shard, sum[:8], sequence)
}
