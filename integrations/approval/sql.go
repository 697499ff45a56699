package approval

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"millrace/engine"
)

const (
	columns    = `id, execution, event, number, machine, state, resource, token, request, created, deadline, status, decision, decided`
	insertRow  = `INSERT INTO approval_approval (` + columns + `) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`
	selectRow  = `SELECT ` + columns + ` FROM approval_approval WHERE id = ?`
	selectTask = `SELECT ` + columns + ` FROM approval_approval WHERE number = ? AND event = ?`
	decideRow  = `UPDATE approval_approval SET status = ?, decision = ?, decided = ? WHERE id = ?`
	listRows   = `SELECT ` + columns + ` FROM approval_approval WHERE status = ? AND (decided < ? OR (decided = ? AND id > ?)) ORDER BY decided DESC, id LIMIT ?`
)

// row is a stored question with its answer.
type row struct {
	id, execution     string
	event, number     int64 // number 0: not known
	machine, state    string
	resource, token   string
	question          Question
	created, deadline time.Time // deadline zero: none
	status            string
	decision          Decision
	decided           time.Time // zero: not yet
}

func (r *row) insert(tx engine.Tx) error {
	_, err := tx.Exec(insertRow, r.id, r.execution, r.event, r.number, r.machine, r.state, r.resource, r.token, encode(r.question),
		millis(r.created), millis(r.deadline), r.status, encode(r.decision), millis(r.decided))
	if err != nil {
		return fmt.Errorf("approvals: %w", err)
	}
	return nil
}

func (r *row) decide(tx engine.Tx) error {
	if _, err := tx.Exec(decideRow, r.status, encode(r.decision), millis(r.decided), r.id); err != nil {
		return fmt.Errorf("approvals: %w", err)
	}
	tx.Notify(Changed)
	return nil
}

func query(r engine.Reader, sql string, args ...any) ([]*row, error) {
	rows, err := r.Query(sql, args...)
	if err != nil {
		return nil, fmt.Errorf("approvals: %w", err)
	}
	defer rows.Close()
	var all []*row
	for rows.Next() {
		x := &row{}
		var question, decision string
		var created, deadline, decided int64
		err := rows.Scan(&x.id, &x.execution, &x.event, &x.number, &x.machine, &x.state, &x.resource, &x.token, &question, &created, &deadline, &x.status, &decision, &decided)
		if err == nil {
			err = json.Unmarshal([]byte(question), &x.question)
		}
		if err == nil {
			err = json.Unmarshal([]byte(decision), &x.decision)
		}
		if err != nil {
			return nil, fmt.Errorf("approvals: %w", err)
		}
		x.created, x.deadline, x.decided = date(created), date(deadline), date(decided)
		all = append(all, x)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("approvals: %w", err)
	}
	return all, nil
}

// rowOf returns a stored question, or nil.
func rowOf(r engine.Reader, id string) (*row, error) {
	all, err := query(r, selectRow, id)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	return all[0], nil
}

func encode(v any) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(fmt.Sprintf("approval: %v", err)) // what is stored is encodable
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func date(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
