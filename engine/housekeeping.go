package engine

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"

	"millrace/engine/interp"
)

// DefaultRetention is how long what is stored of an execution is kept after its end.
const DefaultRetention = 90 * 24 * time.Hour

// sweepEvery is how often executions are looked for that have been kept long
// enough. A shorter retention has them looked for that much more often, so that
// they are kept for hardly longer, yet never more than once a second.
const sweepEvery = time.Hour

// deleteRows is how many rows a unit of housekeeping deletes, so that it takes no
// longer than a few milliseconds.
const deleteRows = 256

// housekeeper deletes executions that have been kept long enough, and those of
// state machines that were deleted. It does so in small units, at most one a
// group, while little else is to be committed.
type housekeeper struct {
	e         *Engine
	retention time.Duration // negative: for ever
	mu        sync.Mutex
	busy      bool
	again     bool
}

// wake looks for something to delete, now.
func (h *housekeeper) wake() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.again = h.busy; h.busy {
		return
	}
	h.busy = h.e.spawn(func() {
		for {
			err := h.sweep(h.e.ctx)
			if err == nil {
				err = h.trim(h.e.ctx)
			}
			if err != nil && h.e.ctx.Err() == nil {
				h.e.log.Warn("delete old executions", "error", err)
			}
			h.mu.Lock()
			if !h.again || h.e.ctx.Err() != nil {
				h.busy = false
				h.mu.Unlock()
				return
			}
			h.again = false
			h.mu.Unlock()
		}
	})
}

// every wakes the housekeeper now and then, as the engine's clock goes.
func (h *housekeeper) every() {
	h.wake()
	often := sweepEvery
	if h.retention >= 0 {
		often = min(often, max(h.retention/4, time.Second))
	}
	h.e.waiters.at(h.e.now().Add(often), "", h.every)
}

// trimmer is a [Txn] of a store whose files do not shrink by themselves.
type trimmer interface {
	// Trim gives back a little of the space that deletions left, whoever deleted.
	Trim() (more bool, err error)
}

// trim gives back space that will hardly be needed again.
func (h *housekeeper) trim(ctx context.Context) error {
	for more := true; more; {
		err := h.idly(ctx, func(t Txn) (err error) {
			more = false
			if tr, ok := t.(trimmer); ok {
				more, err = tr.Trim()
			}
			return err
		})
		if err != nil {
			return fmt.Errorf("give back space: %w", err)
		}
	}
	return nil
}

// sweep deletes what is to be deleted.
func (h *housekeeper) sweep(ctx context.Context) error {
	if err := h.machines(ctx); err != nil {
		return err
	}
	if h.retention < 0 {
		return nil
	}
	before := h.e.now().Add(-h.retention)
	for after := int64(0); ; {
		var old []int64
		done := false
		err := h.e.store.Read(ctx, func(v View) error {
			rows, err := v.Oldest(after, 100)
			if err != nil {
				return err
			}
			done = len(rows) == 0
			for _, row := range rows {
				after = row.ID
				x, err := interp.Decode(row.Head, nil, absent)
				if err != nil {
					return fmt.Errorf("execution %d: %w", row.ID, err)
				}
				// Ids are given out as executions start: the rest is younger.
				if done = !x.Started().Before(before); done {
					break
				}
				if stopped := x.Stopped(); !stopped.IsZero() && stopped.Before(before) {
					old = append(old, row.ID)
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		for _, id := range old {
			if err := h.delete(ctx, id); err != nil {
				return err
			}
		}
		if done {
			return nil
		}
	}
}

// machines deletes the executions of state machines that are gone.
func (h *housekeeper) machines(ctx context.Context) error {
	for {
		var gone []Record
		var rows []*ExecutionRow
		err := h.e.store.Read(ctx, func(v View) (err error) {
			if gone, err = v.Records(GarbageRecord, 0, 1); err != nil || len(gone) == 0 {
				return err
			}
			id, err := strconv.ParseInt(gone[0].Name, 10, 64)
			if err == nil {
				rows, err = v.List(id, "", 0, 100)
			}
			return err
		})
		if err != nil || len(gone) == 0 {
			return err
		}
		for _, row := range rows {
			if err := h.delete(ctx, row.ID); err != nil {
				return err
			}
		}
		if len(rows) == 0 {
			id := gone[0].ID
			if err := h.idly(ctx, func(t Txn) error { return t.DeleteRecord(id) }); err != nil {
				return err
			}
		}
	}
}

// delete deletes an execution, a part at a time.
func (h *housekeeper) delete(ctx context.Context, id int64) error {
	for done := false; !done; {
		err := h.idly(ctx, func(t Txn) (err error) {
			done, err = t.DeleteExecution(id, deleteRows)
			return err
		})
		if err != nil {
			return fmt.Errorf("delete execution %d: %w", id, err)
		}
	}
	return nil
}

// idly runs a unit of housekeeping and waits for it.
func (h *housekeeper) idly(ctx context.Context, f func(Txn) error) error {
	done := make(chan error, 1)
	h.e.committer.submitIdle(&unit{Unit: Unit{Do: f}, done: func(err error) { done <- err }})
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}
