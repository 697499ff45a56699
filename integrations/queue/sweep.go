package queue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"millrace/engine"
	"millrace/tasks"
)

// sweeper deletes what nobody can receive any more: the messages of deleted and
// purged queues, messages past their retention, old deduplication ids. It also
// moves dead letters back. It works in small units, and only while there is
// something to do.
type sweeper struct {
	host   tasks.Host
	log    *slog.Logger
	signal chan struct{}
	armed  atomic.Bool // the next look at retention has its time
	stop   func()      // ends the watch
}

// sweepKey wakes the sweeper.
const sweepKey = "queue-sweep"

// sweepRows is how many rows one unit deletes.
const sweepRows = 200

// sweepEvery is how often retention is looked at.
const sweepEvery = time.Hour

func newSweeper(h tasks.Host, log *slog.Logger) *sweeper {
	w := &sweeper{host: h, log: log, signal: make(chan struct{}, 1)}
	w.stop = h.Watch(sweepKey, w.wake)
	return w
}

func (w *sweeper) wake() {
	select {
	case w.signal <- struct{}{}:
	default:
	}
}

// arm sees to it that retention is looked at while there are messages.
func (w *sweeper) arm() {
	if w.armed.CompareAndSwap(false, true) {
		w.host.WakeAt(sweepKey, w.host.Now().Add(sweepEvery))
	}
}

func (w *sweeper) run(ctx context.Context) {
	defer w.stop()
	for {
		w.armed.Store(false)
		more, err := w.sweep(ctx)
		if ctx.Err() != nil {
			return
		}
		if err != nil && !errors.Is(err, engine.ErrClosed) {
			w.log.Error("sweep queues", "error", err)
		}
		if more || err != nil {
			w.arm()
		}
		select {
		case <-w.signal:
		case <-ctx.Done():
			return
		}
	}
}

// sweep deletes all that is to go and reports whether there are messages left
// that will be some day.
func (w *sweeper) sweep(ctx context.Context) (more bool, err error) {
	var next time.Time
	move := func(tx engine.Tx) (n int64, err error) {
		n, next, err = moveSome(tx)
		return n, err
	}
	for _, f := range []func(engine.Tx) (int64, error){move, sweepTrash, sweepDedup} {
		if err := w.repeat(ctx, f); err != nil {
			return false, err
		}
	}
	if !next.IsZero() {
		w.host.WakeAt(sweepKey, next)
	}
	return w.expire(ctx)
}

// repeat runs f in units of its own until it has changed nothing.
func (w *sweeper) repeat(ctx context.Context, f func(engine.Tx) (int64, error)) error {
	for {
		var changed int64
		err := w.host.Do(ctx, nil, func(tx engine.Tx) (err error) {
			changed, err = f(tx)
			return err
		})
		if err != nil || changed == 0 {
			return err
		}
	}
}

// sweepTrash deletes a few messages of queue ids that are gone.
func sweepTrash(tx engine.Tx) (int64, error) {
	queue, err := one(tx, `SELECT COALESCE(MIN(queue_id), 0) FROM queue_trash`)
	if err != nil || queue == 0 {
		return 0, err
	}
	n, err := tx.Exec(`DELETE FROM queue_message WHERE id IN (SELECT id FROM queue_message WHERE queue_id = ? LIMIT ?)`, queue, sweepRows)
	if err != nil || n > 0 {
		return n, wrap("sweep messages", "", err)
	}
	n, err = tx.Exec(`DELETE FROM queue_dedup WHERE queue_id = ? AND dedup_key IN (SELECT dedup_key FROM queue_dedup WHERE queue_id = ? LIMIT ?)`, queue, queue, sweepRows)
	if err != nil || n > 0 {
		return n, wrap("sweep deduplication ids", "", err)
	}
	n, err = tx.Exec(`DELETE FROM queue_trash WHERE queue_id = ?`, queue)
	return n, wrap("sweep queues", "", err)
}

func sweepDedup(tx engine.Tx) (int64, error) {
	n, err := tx.Exec(`DELETE FROM queue_dedup WHERE expires IN (SELECT expires FROM queue_dedup WHERE expires <= ? ORDER BY expires LIMIT ?)`,
		tx.Now().UnixMilli(), sweepRows)
	return n, wrap("sweep deduplication ids", "", err)
}

// expire deletes the messages that are past their retention.
func (w *sweeper) expire(ctx context.Context) (more bool, err error) {
	var all []*record
	err = w.host.Read(ctx, func(r engine.Reader) (err error) {
		all, err = queues(r, `EXISTS (SELECT 1 FROM queue_message m WHERE m.queue_id = queue_queue.id)`)
		return err
	})
	if err != nil {
		return false, err
	}
	for _, q := range all {
		before := w.host.Now().UnixMilli() - q.settings.Retention*1000
		for {
			var ids []int64
			err := w.host.Read(ctx, func(r engine.Reader) (err error) {
				ids, err = expired(r, q.id, before)
				return err
			})
			if err != nil {
				return false, err
			}
			if len(ids) == 0 {
				break
			}
			err = w.host.Do(ctx, nil, func(tx engine.Tx) error {
				_, err := tx.Exec(`DELETE FROM queue_message WHERE id IN (`+marks(len(ids))+`)`, list(ids)...)
				return wrap("sweep messages", "", err)
			})
			if err != nil {
				return false, err
			}
		}
	}
	return len(all) > 0, nil
}

func expired(r engine.Reader, queue, before int64) ([]int64, error) {
	rows, err := r.Query(`SELECT id FROM queue_message WHERE queue_id = ? AND sent <= ? LIMIT ?`, queue, before, sweepRows)
	if err != nil {
		return nil, fmt.Errorf("read expired messages: %w", err)
	}
	defer rows.Close()
	var ids []int64
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			return nil, fmt.Errorf("read expired messages: %w", err)
		}
		ids = append(ids, id)
	}
	return ids, rows.Err()
}
