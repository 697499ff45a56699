package table

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

// sweeper deletes the items of deleted tables, stream records of more than a
// day, and items past their time to live. It works in small units, and wakes
// only while there is something to wait for.
type sweeper struct {
	host   tasks.Host
	log    *slog.Logger
	signal chan struct{} // a table was deleted
	due    chan struct{} // what is old is to be looked at
	armed  atomic.Bool
	stop   func() // ends the watch
}

const (
	sweepKey   = "table-sweep"
	sweepRows  = 200
	sweepEvery = time.Hour
	// streamSpan is how long stream records are kept. What is older goes at the
	// first sweep, which is an hour after a start: a mapping that was stopped has
	// that hour to catch up.
	streamSpan = 24 * time.Hour
)

func newSweeper(h tasks.Host, log *slog.Logger) *sweeper {
	w := &sweeper{host: h, log: log, signal: make(chan struct{}, 1), due: make(chan struct{}, 1)}
	w.stop = h.Watch(sweepKey, func() { signal(w.due) })
	return w
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// wake has the items of deleted tables swept now.
func (w *sweeper) wake() { signal(w.signal) }

// arm has what is old looked at in an hour.
func (w *sweeper) arm() {
	if w.armed.CompareAndSwap(false, true) {
		w.host.WakeAt(sweepKey, w.host.Now().Add(sweepEvery))
	}
}

func (w *sweeper) run(ctx context.Context) {
	defer w.stop()
	w.arm()
	for {
		err := w.repeat(ctx, sweepTrash)
		if err != nil && ctx.Err() == nil && !errors.Is(err, engine.ErrClosed) {
			w.log.Error("sweep tables", "error", err)
			w.arm()
		}
		select {
		case <-w.signal:
		case <-w.due:
			w.armed.Store(false)
			more, err := w.old(ctx)
			if err != nil && ctx.Err() == nil && !errors.Is(err, engine.ErrClosed) {
				w.log.Error("sweep tables", "error", err)
			}
			if more || err != nil {
				w.arm()
			}
		case <-ctx.Done():
			return
		}
	}
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

func sweepTrash(tx engine.Tx) (int64, error) {
	var table int64
	if err := scanOne(tx, []any{&table}, `SELECT COALESCE(MIN(table_id), 0) FROM table_trash`); err != nil || table == 0 {
		return 0, err
	}
	n, err := tx.Exec(`DELETE FROM table_item WHERE table_id = ? AND (hash_key, range_key) IN
		(SELECT hash_key, range_key FROM table_item WHERE table_id = ? LIMIT ?)`, table, table, sweepRows)
	if err != nil || n > 0 {
		return n, wrap("sweep items", err)
	}
	n, err = tx.Exec(`DELETE FROM table_trash WHERE table_id = ?`, table)
	return n, wrap("sweep tables", err)
}

// old deletes what is too old and reports whether there may be more one day.
func (w *sweeper) old(ctx context.Context) (more bool, err error) {
	err = w.repeat(ctx, func(tx engine.Tx) (int64, error) { return sweepStreams(tx, tx.Now().Add(-streamSpan).UnixMilli()) })
	if err != nil {
		return false, err
	}
	var all []*record
	err = w.host.Read(ctx, func(r engine.Reader) error {
		some, err := streams(r, `1 = 1`)
		if err != nil {
			return err
		}
		more = len(some) > 0
		all, err = tables(r, `1 = 1`)
		return err
	})
	if err != nil {
		return false, err
	}
	for _, t := range all {
		if t.def.TimeToLive != nil {
			more = true
			if err := w.expire(ctx, t.name); err != nil {
				return more, err
			}
		}
	}
	return more, nil
}

// sweepStreams deletes a few records that are too old, then streams that ended
// and have none left.
func sweepStreams(tx engine.Tx, before int64) (int64, error) {
	all, err := streams(tx, `1 = 1`)
	if err != nil {
		return 0, err
	}
	for _, st := range all {
		var last int64 // records are in the order of their times
		err := scanOne(tx, []any{&last}, `SELECT COALESCE(MAX(sequence), 0) FROM
			(SELECT sequence, created FROM table_change WHERE stream_id = ? ORDER BY sequence LIMIT ?) AS oldest WHERE created <= ?`, st.id, sweepRows, before)
		if err != nil {
			return 0, err
		}
		if last > 0 {
			n, err := tx.Exec(`DELETE FROM table_change WHERE stream_id = ? AND sequence <= ?`, st.id, last)
			return n, wrap("sweep streams", err)
		}
		if st.ended != 0 && st.ended <= before {
			n, err := tx.Exec(`DELETE FROM table_stream WHERE id = ?`, st.id)
			return n, wrap("sweep streams", err)
		}
	}
	return 0, nil
}

// expire deletes the items of a table that are past their time to live, a page
// of the table at a time.
func (w *sweeper) expire(ctx context.Context, name string) error {
	where, args := "", []any(nil)
	for {
		n := 0
		var hash, rang []byte
		var expired []*change
		err := w.host.Read(ctx, func(r engine.Reader) error {
			n, expired = 0, nil
			t, err := load(r, name)
			if err != nil || t == nil || t.def.TimeToLive == nil {
				return err
			}
			now := w.host.Now().Unix()
			return eachItem(r, t.id, where+` ORDER BY hash_key, range_key LIMIT `+itoa(sweepRows), args, func(_ []byte, it Item) (bool, error) {
				n++
				var err error
				if hash, rang, err = t.schema.ofItem(it); err != nil {
					return false, fmt.Errorf("key of a stored item: %w", err)
				}
				if isExpired(it, t.def.TimeToLive.Attribute, now) {
					expired = append(expired, &change{hash: hash, rang: rang})
				}
				return true, nil
			})
		})
		if err != nil {
			return err
		}
		if len(expired) > 0 {
			if err := w.host.Do(ctx, []string{Key(name)}, func(tx engine.Tx) error { return w.drop(tx, name, expired) }); err != nil {
				return err
			}
		}
		if n < sweepRows {
			return nil
		}
		where, args = ` AND (hash_key, range_key) > (?, ?)`, []any{hash, rang}
	}
}

// drop deletes items that are still expired.
func (w *sweeper) drop(tx engine.Tx, name string, list []*change) error {
	t, err := load(tx, name)
	if err != nil || t == nil || t.def.TimeToLive == nil {
		return err
	}
	for _, c := range list {
		old, err := readItem(tx, t.id, c.hash, c.rang)
		if err != nil {
			return err
		}
		if old == nil || !isExpired(old, t.def.TimeToLive.Attribute, tx.Now().Unix()) {
			continue
		}
		if err := deleteRow(tx, t.id, c.hash, c.rang); err != nil {
			return err
		}
		if t.def.StreamID == 0 {
			continue
		}
		if err := w.record(tx, &change{table: t, key: t.schema.of(old), old: old}, expiry); err != nil {
			return err
		}
	}
	return nil
}

func isExpired(it Item, attribute string, now int64) bool {
	v, ok := it[attribute]
	if !ok || v.Type != Number {
		return false
	}
	n, err := parseNumber(v.Text)
	if err != nil {
		return false
	}
	limit, _ := parseNumber(itoa64(now))
	return n.sign() > 0 && n.cmp(limit) <= 0
}
