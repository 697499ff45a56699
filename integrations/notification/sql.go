package notification

import (
	"encoding/json"
	"fmt"
	"time"

	"millrace/engine"
)

const (
	insertTopic = `INSERT INTO notification_topic (name, settings, tags, sequence, created) VALUES (?, ?, ?, 0, ?)`
	selectTopic = `SELECT name, settings, tags, sequence FROM notification_topic WHERE name = ?`
	listTopics  = `SELECT name, settings, tags, sequence FROM notification_topic WHERE name > ? ORDER BY name LIMIT ?`
	updateTopic = `UPDATE notification_topic SET settings = ?, tags = ? WHERE name = ?`
	stepTopic   = `UPDATE notification_topic SET sequence = ? WHERE name = ?`
	dropTopic   = `DELETE FROM notification_topic WHERE name = ?`

	subscriptionColumns = `arn, topic, protocol, endpoint, settings, token`
	insertSubscription  = `INSERT INTO notification_subscription (` + subscriptionColumns + `, created) VALUES (?, ?, ?, ?, ?, ?, ?)`
	selectSubscription  = `SELECT ` + subscriptionColumns + ` FROM notification_subscription WHERE arn = ?`
	findSubscription    = `SELECT ` + subscriptionColumns + ` FROM notification_subscription WHERE topic = ? AND protocol = ? AND endpoint = ?`
	topicSubscriptions  = `SELECT ` + subscriptionColumns + ` FROM notification_subscription WHERE topic = ? AND arn > ? ORDER BY arn LIMIT ?`
	allSubscriptions    = `SELECT ` + subscriptionColumns + ` FROM notification_subscription WHERE arn > ? ORDER BY arn LIMIT ?`
	recipients          = `SELECT ` + subscriptionColumns + ` FROM notification_subscription WHERE topic = ? AND token = '' ORDER BY created, arn`
	countSubscriptions  = `SELECT COUNT(*), COALESCE(SUM(CASE WHEN token = '' THEN 1 ELSE 0 END), 0) FROM notification_subscription WHERE topic = ?`
	updateSubscription  = `UPDATE notification_subscription SET settings = ?, token = ? WHERE arn = ?`
	dropSubscription    = `DELETE FROM notification_subscription WHERE arn = ?`
	dropSubscriptions   = `DELETE FROM notification_subscription WHERE topic = ?`

	selectDedup = `SELECT message_id, sequence FROM notification_dedup WHERE topic = ? AND dedup_key = ? AND expires > ?`
	upsertDedup = `INSERT INTO notification_dedup (topic, dedup_key, message_id, sequence, expires) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (topic, dedup_key) DO UPDATE SET message_id = excluded.message_id, sequence = excluded.sequence, expires = excluded.expires`
	expireDedup = `DELETE FROM notification_dedup WHERE topic = ? AND expires <= ?`
	dropDedup   = `DELETE FROM notification_dedup WHERE topic = ?`
)

// topic is a stored topic.
type topic struct {
	name     string
	settings topicSettings
	tags     map[string]string
	sequence int64
}

// subscription is a stored subscription.
type subscription struct {
	arn, topic, protocol, endpoint string
	settings                       subscriptionSettings
	token                          string // "": confirmed
}

func each(r engine.Reader, row func(scan func(...any) error) error, query string, args ...any) error {
	rows, err := r.Query(query, args...)
	if err != nil {
		return fmt.Errorf("topics: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := row(rows.Scan); err != nil {
			return fmt.Errorf("topics: %w", err)
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("topics: %w", err)
	}
	return nil
}

func exec(tx engine.Tx, query string, args ...any) error {
	if _, err := tx.Exec(query, args...); err != nil {
		return fmt.Errorf("topics: %w", err)
	}
	return nil
}

func topics(r engine.Reader, query string, args ...any) ([]*topic, error) {
	var all []*topic
	err := each(r, func(scan func(...any) error) error {
		t := &topic{}
		var settings, tags string
		if err := scan(&t.name, &settings, &tags, &t.sequence); err != nil {
			return err
		}
		if err := json.Unmarshal([]byte(settings), &t.settings); err != nil {
			return err
		}
		all = append(all, t)
		return json.Unmarshal([]byte(tags), &t.tags)
	}, query, args...)
	return all, err
}

// topicOf returns a topic or NotFoundException.
func topicOf(r engine.Reader, name string) (*topic, error) {
	all, err := topics(r, selectTopic, name)
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, noTopic()
	}
	return all[0], nil
}

func subscriptions(r engine.Reader, query string, args ...any) ([]*subscription, error) {
	var all []*subscription
	err := each(r, func(scan func(...any) error) error {
		s := &subscription{}
		var settings string
		if err := scan(&s.arn, &s.topic, &s.protocol, &s.endpoint, &settings, &s.token); err != nil {
			return err
		}
		all = append(all, s)
		return json.Unmarshal([]byte(settings), &s.settings)
	}, query, args...)
	return all, err
}

// subscriptionOf returns a subscription or NotFoundException.
func subscriptionOf(r engine.Reader, arn string) (*subscription, error) {
	all, err := subscriptions(r, selectSubscription, arn)
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, noSubscription()
	}
	return all[0], nil
}

func (s *subscription) store(tx engine.Tx) error {
	return exec(tx, updateSubscription, encode(s.settings), s.token, s.arn)
}

// encode is for what is always encodable.
func encode(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("notification: %v", err))
	}
	return string(b)
}

func millis(t time.Time) int64 { return t.UnixMilli() }
