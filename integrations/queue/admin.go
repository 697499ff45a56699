package queue

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"millrace/engine"
	"millrace/integrations/wire"
	"millrace/tasks"
)

// CreateInput is the input of Create.
type CreateInput struct {
	Name       string            `json:"QueueName"`
	Attributes map[string]string `json:"Attributes"`
	Tags       map[string]string `json:"tags"`
}

// Create makes a queue and returns its name. An equal queue is left as it is;
// one with another value for a given attribute is QueueNameExists.
func (s *Service) Create(tx engine.Tx, in CreateInput) error {
	if !validName(in.Name) {
		return tasks.Errorf("InvalidParameterValueException", "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length")
	}
	for name := range in.Attributes {
		if slices.Contains(readOnly, name) {
			return tasks.Errorf("InvalidAttributeName", "Unknown Attribute %s.", name)
		}
	}
	settings, err := parseSettings(in.Name, in.Attributes)
	if err != nil {
		return err
	}
	old, err := load(tx, in.Name)
	if err != nil {
		return err
	}
	if old != nil {
		have := old.settings.all()
		for name, v := range in.Attributes {
			if name == "RedrivePolicy" {
				v = compact(v)
			}
			if have[name] != v {
				return tasks.Errorf("QueueNameExists", "A queue already exists with the same name and a different value for attribute %s", name)
			}
		}
		return nil
	}
	if err := checkDeadLetter(tx, s, in.Name, settings); err != nil {
		return err
	}
	id, err := tx.ID()
	if err != nil {
		return err
	}
	q := &record{name: in.Name, id: id, settings: settings, tags: in.Tags, secret: make([]byte, 16), created: tx.Now().UnixMilli(), modified: tx.Now().UnixMilli()}
	if _, err := rand.Read(q.secret); err != nil {
		return fmt.Errorf("create queue %s: %w", in.Name, err)
	}
	return insertQueue(tx, q)
}

// checkDeadLetter refuses a dead-letter queue that is not there, of the other type, or the queue itself.
func checkDeadLetter(r engine.Reader, s *Service, name string, settings Settings) error {
	if settings.DeadLetter == "" {
		return nil
	}
	bad := func(reason string) error {
		return tasks.Errorf("InvalidParameterValueException", "Value %.300s for parameter RedrivePolicy is invalid. Reason: %s", settings.Given["RedrivePolicy"], reason)
	}
	if !strings.HasPrefix(settings.DeadLetter, "arn:") || settings.DeadLetter != s.ARN(NameOf(settings.DeadLetter)) {
		return bad("Invalid value for deadLetterTargetArn.")
	}
	if NameOf(settings.DeadLetter) == name {
		return bad("Dead-letter queue must not be the source queue itself.")
	}
	q, err := load(r, NameOf(settings.DeadLetter))
	if err != nil {
		return err
	}
	if q == nil {
		return bad("Dead letter target does not exist.")
	}
	if q.settings.FIFO != settings.FIFO {
		return bad("Dead-letter queue must be same type of queue as the source.")
	}
	return nil
}

func (s *Service) createQueue(tx engine.Tx, _ tasks.Caller, in json.RawMessage) (any, error) {
	var req CreateInput
	if err := wire.Decode(in, &req); err != nil {
		return nil, err
	}
	if req.Name == "" {
		return nil, missing("QueueName")
	}
	if err := s.Create(tx, req); err != nil {
		return nil, err
	}
	return queueURL{s.URL(req.Name)}, nil
}

type queueURL struct {
	URL string `json:"QueueUrl"`
}

// inQueue is the part of an input that every operation on a queue has.
type inQueue struct {
	QueueURL string `json:"QueueUrl"`
}

func (s *Service) deleteQueue(tx engine.Tx, _ tasks.Caller, in json.RawMessage) (any, error) {
	var req inQueue
	if err := wire.Decode(in, &req); err != nil {
		return nil, err
	}
	q, err := find(tx, req.QueueURL)
	if err != nil {
		return nil, err
	}
	if err := s.drop(tx, q.id); err != nil {
		return nil, err
	}
	tx.Notify(Key(q.name))
	return nil, removeQueue(tx, q)
}

// drop leaves the messages of a queue's id to the sweeper.
func (s *Service) drop(tx engine.Tx, id int64) error {
	tx.AfterCommit(s.sweeper.wake)
	return insertTrash(tx, id)
}

const purgeEvery = 60 * time.Second

func (s *Service) purgeQueue(tx engine.Tx, _ tasks.Caller, in json.RawMessage) (any, error) {
	var req inQueue
	if err := wire.Decode(in, &req); err != nil {
		return nil, err
	}
	q, err := find(tx, req.QueueURL)
	if err != nil {
		return nil, err
	}
	now := tx.Now().UnixMilli()
	if q.purged != 0 && now < q.purged+purgeEvery.Milliseconds() {
		return nil, &tasks.Error{Code: "PurgeQueueInProgress", Status: 403, Message: "Only one PurgeQueue operation on " + q.name + " is allowed every 60 seconds."}
	}
	old := q.id
	if q.id, err = tx.ID(); err != nil {
		return nil, err
	}
	q.purged = now
	if err := s.drop(tx, old); err != nil {
		return nil, err
	}
	return nil, updateQueue(tx, q)
}

func (s *Service) getQueueURL(_ context.Context, r engine.Reader, _ tasks.Caller, in json.RawMessage) (any, error) {
	var req CreateInput
	if err := wire.Decode(in, &req); err != nil {
		return nil, err
	}
	if req.Name == "" {
		return nil, missing("QueueName")
	}
	if _, err := find(r, req.Name); err != nil {
		return nil, err
	}
	return queueURL{s.URL(req.Name)}, nil
}

// lister is the input of the operations that list queues.
type lister struct {
	QueueURL   string `json:"QueueUrl"`
	Prefix     string `json:"QueueNamePrefix"`
	NextToken  string `json:"NextToken"`
	MaxResults *int   `json:"MaxResults"`
}

// page cuts names to a page. A token is the last name of the page before.
func (l lister) page(names []string) (page []string, next string, err error) {
	most := 1000
	if l.MaxResults != nil {
		if most = *l.MaxResults; most < 1 || most > 1000 {
			return nil, "", invalid("MaxResults", most, "MaxResults must be an integer between 1 and 1000.")
		}
	}
	if l.NextToken != "" {
		last, err := base64.RawURLEncoding.DecodeString(l.NextToken)
		if err != nil {
			return nil, "", tasks.Errorf("InvalidParameterValueException", "Invalid or expired next token.")
		}
		i, _ := slices.BinarySearch(names, string(last)+"\x00")
		names = names[i:]
	}
	if len(names) > most {
		names = names[:most]
		if l.MaxResults != nil { // without it, SQS gives the first thousand and no token
			next = base64.RawURLEncoding.EncodeToString([]byte(names[most-1]))
		}
	}
	return names, next, nil
}

func (s *Service) listQueues(_ context.Context, r engine.Reader, _ tasks.Caller, in json.RawMessage) (any, error) {
	var req lister
	if err := wire.Decode(in, &req); err != nil {
		return nil, err
	}
	all, err := queues(r, `1 = 1 ORDER BY name`)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, q := range all {
		if strings.HasPrefix(q.name, req.Prefix) {
			names = append(names, q.name)
		}
	}
	names, next, err := req.page(names)
	return struct {
		URLs []string `json:"QueueUrls,omitempty"`
		Next string   `json:"NextToken,omitempty"`
	}{s.urls(names), next}, err
}

func (s *Service) listDeadLetterSourceQueues(_ context.Context, r engine.Reader, _ tasks.Caller, in json.RawMessage) (any, error) {
	var req lister
	if err := wire.Decode(in, &req); err != nil {
		return nil, err
	}
	dead, err := find(r, req.QueueURL)
	if err != nil {
		return nil, err
	}
	all, err := queues(r, `1 = 1 ORDER BY name`)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, q := range all {
		if q.settings.DeadLetter == s.ARN(dead.name) {
			names = append(names, q.name)
		}
	}
	names, next, err := req.page(names)
	return struct {
		URLs []string `json:"queueUrls"`
		Next string   `json:"NextToken,omitempty"`
	}{s.urls(names), next}, err
}

func (s *Service) urls(names []string) []string {
	urls := make([]string, len(names))
	for i, n := range names {
		urls[i] = s.URL(n)
	}
	return urls
}

func (s *Service) getQueueAttributes(_ context.Context, r engine.Reader, _ tasks.Caller, in json.RawMessage) (any, error) {
	var req struct {
		QueueURL string   `json:"QueueUrl"`
		Names    []string `json:"AttributeNames"`
	}
	if err := wire.Decode(in, &req); err != nil {
		return nil, err
	}
	for _, n := range req.Names {
		if !knownAttribute(n) {
			return nil, tasks.Errorf("InvalidAttributeName", "Unknown Attribute %.80s.", n)
		}
	}
	q, err := find(r, req.QueueURL)
	if err != nil {
		return nil, err
	}
	all, err := s.attributes(r, q)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(req.Names, "All") {
		for n := range all {
			if !slices.Contains(req.Names, n) {
				delete(all, n)
			}
		}
	}
	return struct {
		Attributes map[string]string `json:"Attributes,omitempty"`
	}{all}, nil
}

func (s *Service) attributes(r engine.Reader, q *record) (map[string]string, error) {
	all := q.settings.all()
	now := s.host.Now().UnixMilli()
	visible, inFlight, delayed, err := counts(r, q.id, now, now-q.settings.Retention*1000)
	if err != nil {
		return nil, err
	}
	all["QueueArn"] = s.ARN(q.name)
	all["CreatedTimestamp"] = strconv.FormatInt(q.created/1000, 10)
	all["LastModifiedTimestamp"] = strconv.FormatInt(q.modified/1000, 10)
	all["ApproximateNumberOfMessages"] = strconv.FormatInt(visible, 10)
	all["ApproximateNumberOfMessagesNotVisible"] = strconv.FormatInt(inFlight, 10)
	all["ApproximateNumberOfMessagesDelayed"] = strconv.FormatInt(delayed, 10)
	return all, nil
}

func (s *Service) setQueueAttributes(tx engine.Tx, _ tasks.Caller, in json.RawMessage) (any, error) {
	var req struct {
		QueueURL   string            `json:"QueueUrl"`
		Attributes map[string]string `json:"Attributes"`
	}
	if err := wire.Decode(in, &req); err != nil {
		return nil, err
	}
	q, err := find(tx, req.QueueURL)
	if err != nil {
		return nil, err
	}
	given := map[string]string{}
	for k, v := range q.settings.Given {
		given[k] = v
	}
	for k, v := range req.Attributes {
		if slices.Contains(readOnly, k) || k == "FifoQueue" && !q.settings.FIFO {
			return nil, tasks.Errorf("InvalidAttributeName", "Unknown Attribute %s.", k)
		}
		given[k] = v
	}
	if q.settings, err = parseSettings(q.name, given); err != nil {
		return nil, err
	}
	if _, changed := req.Attributes["RedrivePolicy"]; changed {
		if err := checkDeadLetter(tx, s, q.name, q.settings); err != nil {
			return nil, err
		}
	}
	q.modified = tx.Now().UnixMilli()
	return nil, updateQueue(tx, q)
}
