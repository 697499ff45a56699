package queue

import (
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strconv"
	"unicode/utf8"

	"github.com/google/uuid"

	"millrace/engine"
	"millrace/integrations/wire"
	"millrace/tasks"
)

// Message is a message to be sent.
type Message struct {
	Body             string               `json:"MessageBody"`
	DelaySeconds     *int64               `json:"DelaySeconds"`
	Attributes       map[string]Attribute `json:"MessageAttributes"`
	SystemAttributes map[string]Attribute `json:"MessageSystemAttributes"`
	DeduplicationID  string               `json:"MessageDeduplicationId"`
	GroupID          string               `json:"MessageGroupId"`
}

// Sent is the answer to a message sent.
type Sent struct {
	MD5OfBody             string `json:"MD5OfMessageBody"`
	MD5OfAttributes       string `json:"MD5OfMessageAttributes,omitempty"`
	MD5OfSystemAttributes string `json:"MD5OfMessageSystemAttributes,omitempty"`
	MessageID             string `json:"MessageId"`
	SequenceNumber        string `json:"SequenceNumber,omitempty"`
}

// dedupSpan is how long a FIFO queue knows what it was sent, in ms.
const dedupSpan = 5 * 60 * 1000

// Send puts a message into the queue of a name, URL or ARN. Its checks come
// before its writes.
func (s *Service) Send(tx engine.Tx, urlOrARN string, m Message) (Sent, error) {
	q, err := find(tx, urlOrARN)
	if err != nil {
		return Sent{}, err
	}
	if err := q.check(&m); err != nil {
		return Sent{}, err
	}
	return s.send(tx, q, &m)
}

// check refuses what a queue does not take.
func (q *record) check(m *Message) error {
	if m.Body == "" {
		return missing("MessageBody")
	}
	if !validText(m.Body) {
		return tasks.Errorf("InvalidMessageContents", "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF")
	}
	if err := checkAttributes(m.Attributes); err != nil {
		return err
	}
	if err := checkSystemAttributes(m.SystemAttributes); err != nil {
		return err
	}
	if int64(m.size()) > q.settings.MaxSize {
		return tasks.Errorf("InvalidParameterValueException", "One or more parameters are invalid. Reason: Message must be shorter than %d bytes.", q.settings.MaxSize)
	}
	if d := m.DelaySeconds; d != nil {
		if *d < 0 || *d > 900 {
			return invalid("DelaySeconds", *d, "DelaySeconds must be >= 0 and <= 900.")
		}
		if q.settings.FIFO && *d != q.settings.Delay {
			return invalid("DelaySeconds", *d, "The request include parameter that is not valid for this queue type.")
		}
	}
	return q.checkGroup(m)
}

func (q *record) checkGroup(m *Message) error {
	if m.GroupID != "" && !validID(m.GroupID) {
		return invalid("MessageGroupId", m.GroupID, "MessageGroupId can only include alphanumeric and punctuation characters. 1 to 128 in length.")
	}
	if m.DeduplicationID != "" && !validID(m.DeduplicationID) {
		return invalid("MessageDeduplicationId", m.DeduplicationID, "MessageDeduplicationId can only include alphanumeric and punctuation characters. 1 to 128 in length.")
	}
	if !q.settings.FIFO {
		if m.DeduplicationID != "" {
			return invalid("MessageDeduplicationId", m.DeduplicationID, "The request include parameter that is not valid for this queue type.")
		}
		return nil
	}
	if m.GroupID == "" {
		return missing("MessageGroupId")
	}
	if m.DeduplicationID == "" && !q.settings.ContentDedup {
		return tasks.Errorf("InvalidParameterValueException", "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly")
	}
	return nil
}

// size is what counts against the limits: the body and the attributes' names, types and values.
func (m *Message) size() int {
	n := len(m.Body)
	for name, a := range m.Attributes {
		n += len(name) + len(a.DataType) + len(a.Binary)
		if a.String != nil {
			n += len(*a.String)
		}
	}
	return n
}

// send stores a checked message.
func (s *Service) send(tx engine.Tx, q *record, m *Message) (Sent, error) {
	now := tx.Now().UnixMilli()
	out := Sent{MD5OfBody: md5Text(m.Body), MD5OfAttributes: md5OfAttributes(m.Attributes), MD5OfSystemAttributes: md5OfAttributes(m.SystemAttributes)}
	dedup, dedupKey := m.DeduplicationID, ""
	if q.settings.FIFO {
		if dedup == "" {
			sum := sha256.Sum256([]byte(m.Body))
			dedup = hex.EncodeToString(sum[:])
		}
		dedupKey = dedup
		if q.settings.PerGroup {
			dedupKey = m.GroupID + "\n" + dedup
		}
		messageID, sequence, err := duplicate(tx, q.id, dedupKey, now)
		if err != nil {
			return Sent{}, err
		}
		if messageID != "" {
			out.MessageID, out.SequenceNumber = messageID, sequenceText(sequence)
			return out, nil
		}
	}
	id, err := tx.ID()
	if err != nil {
		return Sent{}, err
	}
	out.MessageID = uuid.NewString()
	delay := q.settings.Delay
	if m.DelaySeconds != nil {
		delay = *m.DelaySeconds
	}
	row := &message{
		id: id, visible: now + delay*1000, sent: now, messageID: out.MessageID, body: m.Body,
		attributes: attributesText(m.Attributes), system: attributesText(m.SystemAttributes), group: m.GroupID, dedup: dedup,
	}
	if q.settings.FIFO {
		out.SequenceNumber = sequenceText(id)
		if err := insertDedup(tx, q.id, dedupKey, out.MessageID, id, now+dedupSpan); err != nil {
			return Sent{}, err
		}
	}
	if err := insertMessage(tx, q.id, row); err != nil {
		return Sent{}, err
	}
	tx.Notify(Key(q.name))
	tx.AfterCommit(s.sweeper.arm)
	return out, nil
}

// sequenceText is a sequence number as SQS writes it: twenty digits.
func sequenceText(id int64) string {
	const base = "18850000000000000000"
	n := strconv.FormatInt(id, 10)
	return base[:len(base)-len(n)] + n
}

func (s *Service) sendMessage(tx engine.Tx, c tasks.Caller, in json.RawMessage) (any, error) {
	var req struct {
		QueueURL string `json:"QueueUrl"`
		Message
	}
	if err := wire.Decode(in, &req); err != nil {
		return nil, err
	}
	return s.Send(tx, req.QueueURL, req.Message)
}

func (s *Service) sendMessageBatch(tx engine.Tx, c tasks.Caller, in json.RawMessage) (any, error) {
	type entry struct {
		ID string `json:"Id"`
		Message
	}
	type done struct {
		ID string `json:"Id"`
		Sent
	}
	var req struct {
		QueueURL string  `json:"QueueUrl"`
		Entries  []entry `json:"Entries"`
	}
	if err := wire.Decode(in, &req); err != nil {
		return nil, err
	}
	q, err := find(tx, req.QueueURL)
	if err != nil {
		return nil, err
	}
	ids, size := make([]string, len(req.Entries)), 0
	for i := range req.Entries {
		ids[i] = req.Entries[i].ID
		size += req.Entries[i].size()
	}
	if err := checkBatch("SendMessageBatchRequestEntry", ids); err != nil {
		return nil, err
	}
	if size > maxMessage {
		return nil, tasks.Errorf("BatchRequestTooLong", "Batch requests cannot be longer than %d bytes. You have sent %d bytes.", maxMessage, size)
	}
	var out batchResult[done]
	for i := range req.Entries {
		e := &req.Entries[i]
		err := q.check(&e.Message)
		if err == nil {
			var sent Sent
			if sent, err = s.send(tx, q, &e.Message); err == nil {
				out.Successful = append(out.Successful, done{e.ID, sent})
			}
		}
		if err := out.fail(e.ID, err); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func md5Text(s string) string {
	sum := md5.Sum([]byte(s))
	return hex.EncodeToString(sum[:])
}

// validText reports whether s has only characters that XML 1.0 allows.
func validText(s string) bool {
	if !utf8.ValidString(s) {
		return false
	}
	for _, r := range s {
		if r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0xFFFE || r == 0xFFFF {
			return false
		}
	}
	return true
}

// validID reports whether s may be a group's or a deduplication id.
func validID(s string) bool {
	if len(s) > 128 {
		return false
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}
