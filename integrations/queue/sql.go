package queue

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"

	"millrace/engine"
)

const queueColumns = `name, id, settings, tags, secret, created, modified, purged`

func scanQueue(rows engine.Rows) (*record, error) {
	var q record
	var settings, tags, secret string
	if err := rows.Scan(&q.name, &q.id, &settings, &tags, &secret, &q.created, &q.modified, &q.purged); err != nil {
		return nil, err
	}
	given := map[string]string{}
	if err := json.Unmarshal([]byte(settings), &given); err != nil {
		return nil, fmt.Errorf("settings of queue %s: %w", q.name, err)
	}
	if err := json.Unmarshal([]byte(tags), &q.tags); err != nil {
		return nil, fmt.Errorf("tags of queue %s: %w", q.name, err)
	}
	var err error
	if q.secret, err = hex.DecodeString(secret); err != nil {
		return nil, fmt.Errorf("secret of queue %s: %w", q.name, err)
	}
	q.settings, err = parseSettings(q.name, given)
	return &q, err
}

func queues(r engine.Reader, where string, args ...any) ([]*record, error) {
	rows, err := r.Query(`SELECT `+queueColumns+` FROM queue_queue WHERE `+where, args...)
	if err != nil {
		return nil, fmt.Errorf("read queues: %w", err)
	}
	defer rows.Close()
	var all []*record
	for rows.Next() {
		q, err := scanQueue(rows)
		if err != nil {
			return nil, fmt.Errorf("read queues: %w", err)
		}
		all = append(all, q)
	}
	return all, rows.Err()
}

// load reads a queue by name; nil: there is none.
func load(r engine.Reader, name string) (*record, error) {
	all, err := queues(r, `name = ?`, name)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	return all[0], nil
}

func insertQueue(tx engine.Tx, q *record) error {
	_, err := tx.Exec(`INSERT INTO queue_queue (`+queueColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
		q.name, q.id, text(q.settings.Given), text(q.tags), hex.EncodeToString(q.secret), q.created, q.modified, q.purged)
	return wrap("create queue", q.name, err)
}

func updateQueue(tx engine.Tx, q *record) error {
	_, err := tx.Exec(`UPDATE queue_queue SET id = ?, settings = ?, tags = ?, modified = ?, purged = ? WHERE name = ?`,
		q.id, text(q.settings.Given), text(q.tags), q.modified, q.purged, q.name)
	return wrap("change queue", q.name, err)
}

func removeQueue(tx engine.Tx, q *record) error {
	_, err := tx.Exec(`DELETE FROM queue_queue WHERE name = ?`, q.name)
	return wrap("delete queue", q.name, err)
}

func insertTrash(tx engine.Tx, queue int64) error {
	_, err := tx.Exec(`INSERT INTO queue_trash (queue_id) VALUES (?)`, queue)
	return wrap("drop messages of", "", err)
}

// message is a message as it is stored.
type message struct {
	id            int64
	visible       int64
	receives      int64
	sent          int64
	firstReceived int64
	messageID     string
	body          string
	attributes    string // JSON; "": none
	system        string // JSON; "": none
	group         string
	dedup         string
	deadSource    string
}

const messageColumns = `id, visible, receives, sent, first_received, message_id, body, attributes, system_attributes, group_id, dedup_id, dead_source`

func insertMessage(tx engine.Tx, queue int64, m *message) error {
	_, err := tx.Exec(`INSERT INTO queue_message (queue_id, `+messageColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		queue, m.id, m.visible, m.receives, m.sent, m.firstReceived, m.messageID, m.body, m.attributes, m.system, m.group, m.dedup, m.deadSource)
	return wrap("send message", m.messageID, err)
}

// visibleMessages reads up to n messages that may be received at now, oldest
// first, and stops once they have that many bytes; 0: any. In a FIFO queue, a
// group with a message in flight gives none.
func visibleMessages(r engine.Reader, queue int64, fifo bool, now, sentAfter int64, n, bytes int) ([]*message, error) {
	sql := `SELECT ` + messageColumns + ` FROM queue_message m WHERE queue_id = ? AND visible <= ? AND sent > ?`
	args := []any{queue, now, sentAfter}
	if fifo {
		sql += ` AND NOT EXISTS (SELECT 1 FROM queue_message f
			WHERE f.queue_id = m.queue_id AND f.group_id = m.group_id AND f.group_id <> '' AND f.visible > ? AND f.receives > 0) ORDER BY id LIMIT ?`
		args = append(args, now)
	} else {
		sql += ` ORDER BY visible, id LIMIT ?`
	}
	rows, err := r.Query(sql, append(args, n)...)
	if err != nil {
		return nil, fmt.Errorf("read messages: %w", err)
	}
	defer rows.Close()
	var all []*message
	size := 0
	for (bytes == 0 || size < bytes) && rows.Next() {
		m := &message{}
		if err := rows.Scan(&m.id, &m.visible, &m.receives, &m.sent, &m.firstReceived, &m.messageID, &m.body, &m.attributes, &m.system, &m.group, &m.dedup, &m.deadSource); err != nil {
			return nil, fmt.Errorf("read messages: %w", err)
		}
		size += len(m.body) + len(m.attributes)
		all = append(all, m)
	}
	return all, rows.Err()
}

// countVisible counts the messages of a standard queue that may be received at
// now, up to most.
func countVisible(r engine.Reader, queue, now, sentAfter int64, most int) (int64, error) {
	return one(r, `SELECT COUNT(*) FROM (SELECT 1 FROM queue_message WHERE queue_id = ? AND visible <= ? AND sent > ? LIMIT ?) AS some`, queue, now, sentAfter, most)
}

// nextVisible returns when the next message of a queue becomes visible; 0: there is none.
func nextVisible(r engine.Reader, queue, now int64) (int64, error) {
	return one(r, `SELECT COALESCE(MIN(visible), 0) FROM queue_message WHERE queue_id = ? AND visible > ?`, queue, now)
}

// counts returns how many messages are visible, in flight and delayed.
func counts(r engine.Reader, queue, now, sentAfter int64) (visible, inFlight, delayed int64, err error) {
	rows, err := r.Query(`SELECT COUNT(*), COALESCE(SUM(CASE WHEN visible > ? AND receives > 0 THEN 1 ELSE 0 END), 0),
		COALESCE(SUM(CASE WHEN visible > ? AND receives = 0 THEN 1 ELSE 0 END), 0) FROM queue_message WHERE queue_id = ? AND sent > ?`, now, now, queue, sentAfter)
	if err != nil {
		return 0, 0, 0, fmt.Errorf("count messages: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := rows.Scan(&visible, &inFlight, &delayed); err != nil {
			return 0, 0, 0, fmt.Errorf("count messages: %w", err)
		}
	}
	return visible - inFlight - delayed, inFlight, delayed, rows.Err()
}

func receiveMessages(tx engine.Tx, ids []int64, visible, now int64) error {
	_, err := tx.Exec(`UPDATE queue_message SET visible = ?, receives = receives + 1,
		first_received = CASE WHEN first_received = 0 THEN ? ELSE first_received END WHERE id IN (`+marks(len(ids))+`)`, list(ids, visible, now)...)
	return wrap("receive messages", "", err)
}

func moveMessages(tx engine.Tx, ids []int64, queue, visible int64, source string) error {
	_, err := tx.Exec(`UPDATE queue_message SET queue_id = ?, visible = ?, dead_source = ? WHERE id IN (`+marks(len(ids))+`)`, list(ids, queue, visible, source)...)
	return wrap("move messages to the dead-letter queue of", source, err)
}

// deleteMessages removes what was received for the receives-th time and not again.
func deleteMessages(tx engine.Tx, queue, id, receives int64) error {
	_, err := tx.Exec(`DELETE FROM queue_message WHERE id = ? AND queue_id = ? AND receives = ?`, id, queue, receives)
	return wrap("delete message", "", err)
}

// messageState returns when a received message becomes visible; false: it is gone or was received again.
func messageState(r engine.Reader, queue, id, receives int64) (visible int64, firstVisible int64, found bool, err error) {
	rows, err := r.Query(`SELECT visible, first_received FROM queue_message WHERE id = ? AND queue_id = ? AND receives = ?`, id, queue, receives)
	if err != nil {
		return 0, 0, false, fmt.Errorf("read message: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := rows.Scan(&visible, &firstVisible); err != nil {
			return 0, 0, false, fmt.Errorf("read message: %w", err)
		}
		found = true
	}
	return visible, firstVisible, found, rows.Err()
}

func setVisible(tx engine.Tx, id, visible int64) error {
	_, err := tx.Exec(`UPDATE queue_message SET visible = ? WHERE id = ?`, visible, id)
	return wrap("change visibility", "", err)
}

// duplicate looks up what a FIFO queue was sent under a deduplication key.
func duplicate(r engine.Reader, queue int64, key string, now int64) (messageID string, sequence int64, err error) {
	rows, err := r.Query(`SELECT message_id, sequence FROM queue_dedup WHERE queue_id = ? AND dedup_key = ? AND expires > ?`, queue, key, now)
	if err != nil {
		return "", 0, fmt.Errorf("read duplicates: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := rows.Scan(&messageID, &sequence); err != nil {
			return "", 0, fmt.Errorf("read duplicates: %w", err)
		}
	}
	return messageID, sequence, rows.Err()
}

func insertDedup(tx engine.Tx, queue int64, key, messageID string, sequence, expires int64) error {
	_, err := tx.Exec(`INSERT INTO queue_dedup (queue_id, dedup_key, message_id, sequence, expires) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (queue_id, dedup_key) DO UPDATE SET message_id = excluded.message_id, sequence = excluded.sequence, expires = excluded.expires`,
		queue, key, messageID, sequence, expires)
	return wrap("send message", messageID, err)
}

func one(r engine.Reader, sql string, args ...any) (n int64, err error) {
	rows, err := r.Query(sql, args...)
	if err != nil {
		return 0, fmt.Errorf("read queue: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := rows.Scan(&n); err != nil {
			return 0, fmt.Errorf("read queue: %w", err)
		}
	}
	return n, rows.Err()
}

func marks(n int) string { return strings.TrimSuffix(strings.Repeat("?, ", n), ", ") }

func list(ids []int64, before ...any) []any {
	for _, id := range ids {
		before = append(before, id)
	}
	return before
}

func text(m map[string]string) string {
	if m == nil {
		m = map[string]string{}
	}
	b, err := json.Marshal(m)
	if err != nil {
		return "{}" // a map of strings has always a text
	}
	return string(b)
}

func wrap(what, name string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s %s: %w", what, name, err)
}
