package queue

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/google/uuid"

	"millrace/engine"
	"millrace/integrations/wire"
	"millrace/tasks"
)

// moveTask is the return of dead letters to the queues that they came from, or
// to one destination. It takes the messages that were there when it started.
type moveTask struct {
	id          int64
	source      string // name
	destination string // name; "": where each message came from
	rate        int64
	status      string
	reason      string
	started     int64
	last        int64 // no message of a greater id is taken
	total       int64
	moved       int64
}

// The statuses of move tasks.
const (
	moveRunning   = "RUNNING"
	moveCompleted = "COMPLETED"
	moveFailed    = "FAILED"
	moveCancelled = "CANCELLED"
)

func (s *Service) startMessageMoveTask(tx engine.Tx, _ tasks.Caller, in json.RawMessage) (any, error) {
	var req struct {
		Source      string `json:"SourceArn"`
		Destination string `json:"DestinationArn"`
		Rate        *int64 `json:"MaxNumberOfMessagesPerSecond"`
	}
	if err := wire.Decode(in, &req); err != nil {
		return nil, err
	}
	m := &moveTask{status: moveRunning, started: tx.Now().UnixMilli()}
	if req.Rate != nil {
		if m.rate = *req.Rate; m.rate < 1 || m.rate > 500 {
			return nil, invalid("MaxNumberOfMessagesPerSecond", m.rate, "Must be >= 1 and <= 500, if provided.")
		}
	}
	source, err := s.moveEnd(tx, "SourceArn", req.Source)
	if err != nil {
		return nil, err
	}
	m.source = source.name
	if req.Destination != "" {
		destination, err := s.moveEnd(tx, "DestinationArn", req.Destination)
		if err != nil {
			return nil, err
		}
		switch m.destination = destination.name; {
		case destination.name == source.name:
			return nil, invalid("DestinationArn", cut(req.Destination), "Destination queue must not be the source queue.")
		case destination.settings.FIFO != source.settings.FIFO:
			return nil, invalid("DestinationArn", cut(req.Destination), "Destination queue must be of the same type as the source queue.")
		}
	}
	all, err := queues(tx, `1 = 1`)
	if err != nil {
		return nil, err
	}
	dead := false
	for _, q := range all {
		dead = dead || q.settings.DeadLetter == s.ARN(source.name)
	}
	if !dead {
		return nil, tasks.Errorf("InvalidParameterValueException", "Source queue must be configured as a Dead Letter Queue.")
	}
	running, err := moves(tx, `source = ? AND status = ?`, m.source, moveRunning)
	if err != nil {
		return nil, err
	}
	if len(running) > 0 {
		return nil, tasks.Errorf("InvalidParameterValueException", "There is already a task running. Only one active task is allowed for a source queue arn at a given time.")
	}
	if m.last, err = one(tx, `SELECT COALESCE(MAX(id), 0) FROM queue_message WHERE queue_id = ?`, source.id); err != nil {
		return nil, err
	}
	if m.total, err = one(tx, `SELECT COUNT(*) FROM queue_message WHERE queue_id = ?`, source.id); err != nil {
		return nil, err
	}
	if m.id, err = tx.ID(); err != nil {
		return nil, err
	}
	tx.AfterCommit(s.sweeper.wake)
	return struct {
		Handle string `json:"TaskHandle"`
	}{s.moveHandle(m)}, insertMove(tx, m)
}

// moveEnd finds the queue that a move begins or ends at.
func (s *Service) moveEnd(r engine.Reader, member, arn string) (*record, error) {
	if arn == "" {
		return nil, missing(member)
	}
	q, err := load(r, NameOf(arn))
	if err == nil && (q == nil || arn != s.ARN(q.name)) {
		err = &tasks.Error{Code: "ResourceNotFoundException", Status: 404, Message: "The resource that you specified for the " + member + " parameter doesn't exist."}
	}
	return q, err
}

// moveHandle names a task for its owner.
func (s *Service) moveHandle(m *moveTask) string {
	return base64.StdEncoding.EncodeToString([]byte(`{"taskId":"` + strconv.FormatInt(m.id, 10) + `","sourceArn":"` + s.ARN(m.source) + `"}`))
}

func (s *Service) cancelMessageMoveTask(tx engine.Tx, _ tasks.Caller, in json.RawMessage) (any, error) {
	var req struct {
		Handle string `json:"TaskHandle"`
	}
	if err := wire.Decode(in, &req); err != nil {
		return nil, err
	}
	var handle struct {
		ID string `json:"taskId"`
	}
	text, err := base64.StdEncoding.DecodeString(req.Handle)
	var id int64
	if err == nil && json.Unmarshal(text, &handle) == nil {
		id, err = strconv.ParseInt(handle.ID, 10, 64)
	}
	if err != nil || id == 0 {
		return nil, tasks.Errorf("InvalidParameterValueException", "Value for parameter TaskHandle is invalid.")
	}
	list, err := moves(tx, `id = ?`, id)
	if err != nil {
		return nil, err
	}
	if len(list) == 0 || list[0].status != moveRunning {
		return nil, &tasks.Error{Code: "ResourceNotFoundException", Status: 404, Message: "Task does not exist."}
	}
	list[0].status = moveCancelled
	return struct {
		Moved int64 `json:"ApproximateNumberOfMessagesMoved"`
	}{list[0].moved}, updateMove(tx, list[0])
}

func (s *Service) listMessageMoveTasks(_ context.Context, r engine.Reader, _ tasks.Caller, in json.RawMessage) (any, error) {
	var req struct {
		Source string `json:"SourceArn"`
		Max    *int   `json:"MaxResults"`
	}
	if err := wire.Decode(in, &req); err != nil {
		return nil, err
	}
	most := 1
	if req.Max != nil {
		if most = *req.Max; most < 1 || most > 10 {
			return nil, invalid("MaxResults", most, "Must be >= 1 and <= 10, if provided.")
		}
	}
	source, err := s.moveEnd(r, "SourceArn", req.Source)
	if err != nil {
		return nil, err
	}
	all, err := moves(r, `source = ?`, source.name)
	if err != nil {
		return nil, err
	}
	type result struct {
		Handle      string `json:"TaskHandle,omitempty"`
		Status      string `json:"Status"`
		Source      string `json:"SourceArn"`
		Destination string `json:"DestinationArn,omitempty"`
		Rate        int64  `json:"MaxNumberOfMessagesPerSecond,omitempty"`
		Moved       int64  `json:"ApproximateNumberOfMessagesMoved"`
		Total       int64  `json:"ApproximateNumberOfMessagesToMove"`
		Reason      string `json:"FailureReason,omitempty"`
		Started     int64  `json:"StartedTimestamp"`
	}
	out := struct {
		Results []result `json:"Results"`
	}{Results: []result{}}
	for i := len(all) - 1; i >= 0 && len(out.Results) < most; i-- {
		m := all[i]
		e := result{Status: m.status, Source: req.Source, Rate: m.rate, Moved: m.moved, Total: m.total, Reason: m.reason, Started: m.started}
		if m.destination != "" {
			e.Destination = s.ARN(m.destination)
		}
		if m.status == moveRunning {
			e.Handle = s.moveHandle(m)
		}
		out.Results = append(out.Results, e)
	}
	return out, nil
}

// moveSome moves a few messages of each running task. It returns how many
// changed, and when a task that is held to a rate goes on; zero: none is.
func moveSome(tx engine.Tx) (changed int64, next time.Time, err error) {
	running, err := moves(tx, `status = ?`, moveRunning)
	if err != nil {
		return 0, next, err
	}
	for _, m := range running {
		most := int64(sweepRows)
		if m.rate > 0 {
			seconds := (tx.Now().UnixMilli()-m.started)/1000 + 1
			if most = min(most, seconds*m.rate-m.moved); most <= 0 {
				next = earlier(next, time.UnixMilli(m.started+seconds*1000))
				continue
			}
		}
		n, err := m.move(tx, most)
		if err != nil {
			return 0, next, err
		}
		if m.moved += n; n < most && m.status == moveRunning {
			m.status = moveCompleted
		}
		if err := updateMove(tx, m); err != nil {
			return 0, next, err
		}
		changed++
	}
	return changed, next, nil
}

func earlier(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}

// move moves up to most visible messages, each as a new one; it fails the task when a message's
// queue is not known.
func (m *moveTask) move(tx engine.Tx, most int64) (moved int64, err error) {
	source, err := load(tx, m.source)
	if err != nil || source == nil {
		return 0, err
	}
	rows, err := tx.Query(`SELECT id, dead_source FROM queue_message WHERE queue_id = ? AND id <= ? AND visible <= ? ORDER BY id LIMIT ?`,
		source.id, m.last, tx.Now().UnixMilli(), most)
	if err != nil {
		return 0, fmt.Errorf("read dead letters: %w", err)
	}
	type letter struct {
		id   int64
		from string
	}
	var letters []letter
	for rows.Next() {
		var l letter
		if err := rows.Scan(&l.id, &l.from); err != nil {
			rows.Close()
			return 0, fmt.Errorf("read dead letters: %w", err)
		}
		letters = append(letters, l)
	}
	rows.Close()
	if err := rows.Err(); err != nil {
		return 0, fmt.Errorf("read dead letters: %w", err)
	}
	for _, l := range letters {
		name := m.destination
		if name == "" {
			name = NameOf(l.from)
		}
		to, err := load(tx, name)
		if err != nil {
			return moved, err
		}
		if to == nil || to.id == source.id {
			m.status, m.reason = moveFailed, "CouldNotDetermineMessageSource"
			if m.destination != "" || l.from != "" {
				m.reason = "AWS.SimpleQueueService.NonExistentQueue"
			}
			return moved, nil
		}
		// It is a new message there: its retention begins, and no old receipt handle opens it.
		id, err := tx.ID()
		if err != nil {
			return moved, err
		}
		now := tx.Now().UnixMilli()
		_, err = tx.Exec(`UPDATE queue_message SET id = ?, message_id = ?, queue_id = ?, visible = ?, sent = ?, receives = 0, first_received = 0, dead_source = ''
			WHERE id = ?`, id, uuid.NewString(), to.id, now, now, l.id)
		if err != nil {
			return moved, fmt.Errorf("move dead letter: %w", err)
		}
		tx.Notify(Key(to.name))
		moved++
	}
	return moved, nil
}

const moveColumns = `id, source, destination, rate, status, reason, started, last_id, total, moved`

func moves(r engine.Reader, where string, args ...any) ([]*moveTask, error) {
	rows, err := r.Query(`SELECT `+moveColumns+` FROM queue_move WHERE `+where+` ORDER BY id`, args...)
	if err != nil {
		return nil, fmt.Errorf("read move tasks: %w", err)
	}
	defer rows.Close()
	var all []*moveTask
	for rows.Next() {
		m := &moveTask{}
		if err := rows.Scan(&m.id, &m.source, &m.destination, &m.rate, &m.status, &m.reason, &m.started, &m.last, &m.total, &m.moved); err != nil {
			return nil, fmt.Errorf("read move tasks: %w", err)
		}
		all = append(all, m)
	}
	return all, rows.Err()
}

func insertMove(tx engine.Tx, m *moveTask) error {
	_, err := tx.Exec(`INSERT INTO queue_move (`+moveColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		m.id, m.source, m.destination, m.rate, m.status, m.reason, m.started, m.last, m.total, m.moved)
	return wrap("start to move messages of", m.source, err)
}

func updateMove(tx engine.Tx, m *moveTask) error {
	_, err := tx.Exec(`UPDATE queue_move SET status = ?, reason = ?, moved = ? WHERE id = ?`, m.status, m.reason, m.moved, m.id)
	return wrap("move messages of", m.source, err)
}
