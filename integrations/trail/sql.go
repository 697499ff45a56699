package trail

import (
	"fmt"
	"time"

	"millrace/engine"
)

const (
	trailColumns = `name, bucket, prefix, settings, selectors, logging, started, stopped, delivered, attempted, delivery_error`

	selectTrails  = `SELECT ` + trailColumns + ` FROM trail_trail ORDER BY name`
	selectTrail   = `SELECT ` + trailColumns + ` FROM trail_trail WHERE name = ?`
	selectLogging = `SELECT ` + trailColumns + ` FROM trail_trail WHERE logging = 1 ORDER BY name`
	insertTrail   = `INSERT INTO trail_trail (` + trailColumns + `) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	updateTrail   = `UPDATE trail_trail SET bucket = ?, prefix = ?, settings = ?, selectors = ?, logging = ?, started = ?, stopped = ?,
		delivered = ?, attempted = ?, delivery_error = ? WHERE name = ?`
	removeTrail = `DELETE FROM trail_trail WHERE name = ?`

	insertRecord = `INSERT INTO trail_record (at, id, category, event_id, event_name, event_source, username, resource_type, resource, read_only, body)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	// The oldest few: a delete that stays small however many are due.
	expireRecords = `DELETE FROM trail_record WHERE (at, id) IN (SELECT at, id FROM trail_record WHERE at < ? ORDER BY at, id LIMIT 4)`

	insertPending = `INSERT INTO trail_pending (trail, at, id) VALUES (?, ?, ?)`
	pendingTrails = `SELECT DISTINCT trail FROM trail_pending ORDER BY trail`
	selectPending = `SELECT p.at, p.id, r.body FROM trail_pending p LEFT JOIN trail_record r ON r.at = p.at AND r.id = p.id
		WHERE p.trail = ? ORDER BY p.at, p.id LIMIT ?`
	removePending = `DELETE FROM trail_pending WHERE trail = ? AND (at < ? OR at = ? AND id <= ?)`
	dropPending   = `DELETE FROM trail_pending WHERE trail = ?`
	expirePending = `DELETE FROM trail_pending WHERE trail = ? AND at < ?`
)

// each runs f for every row of a query.
func each(r engine.Reader, f func(scan func(...any) error) error, sql string, args ...any) error {
	rows, err := r.Query(sql, args...)
	if err != nil {
		return fmt.Errorf("read trails: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := f(rows.Scan); err != nil {
			return fmt.Errorf("read trails: %w", err)
		}
	}
	return rows.Err()
}

func exec(tx engine.Tx, sql string, args ...any) error {
	if _, err := tx.Exec(sql, args...); err != nil {
		return fmt.Errorf("write trails: %w", err)
	}
	return nil
}

// trails reads trails.
func trails(r engine.Reader, sql string, args ...any) ([]*trail, error) {
	var all []*trail
	err := each(r, func(scan func(...any) error) error {
		t := &trail{}
		var settings, selectors string
		var logging int64
		if err := scan(&t.name, &t.bucket, &t.prefix, &settings, &selectors, &logging, &t.started, &t.stopped, &t.delivered, &t.attempted, &t.deliveryError); err != nil {
			return err
		}
		t.logging = logging == 1
		all = append(all, t)
		return t.decode(settings, selectors)
	}, sql, args...)
	return all, err
}

func (t *trail) insert(tx engine.Tx) error {
	settings, selectors, err := t.encode()
	if err != nil {
		return err
	}
	return exec(tx, insertTrail, t.name, t.bucket, t.prefix, settings, selectors, bit(t.logging), t.started, t.stopped, t.delivered, t.attempted, t.deliveryError)
}

func (t *trail) update(tx engine.Tx) error {
	settings, selectors, err := t.encode()
	if err != nil {
		return err
	}
	return exec(tx, updateTrail, t.bucket, t.prefix, settings, selectors, bit(t.logging), t.started, t.stopped, t.delivered, t.attempted, t.deliveryError, t.name)
}

func bit(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

func timeOf(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
