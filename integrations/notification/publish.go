package notification

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/google/uuid"

	"millrace/asl/document"
	"millrace/engine"
	"millrace/tasks"
)

// Attribute is a message attribute.
type Attribute struct {
	DataType    string `json:"DataType"`
	StringValue string `json:"StringValue"`
	BinaryValue string `json:"BinaryValue"` // base64
}

// Limits of a message.
const (
	maxMessage = 256 << 10 // bytes, attributes included
	maxSubject = 100       // characters
	maxBatch   = 10        // entries
)

// entry is a message as Publish and PublishBatch take it.
type entry struct {
	ID              string               `json:"Id"`
	Message         *string              `json:"Message"`
	Subject         *string              `json:"Subject"`
	Structure       string               `json:"MessageStructure"`
	Attributes      map[string]Attribute `json:"MessageAttributes"`
	GroupID         string               `json:"MessageGroupId"`
	DeduplicationID string               `json:"MessageDeduplicationId"`
}

// published is the answer.
type published struct {
	ID             string `json:"Id,omitempty"` // in batches
	MessageID      string `json:"MessageId"`
	SequenceNumber string `json:"SequenceNumber,omitempty"`
}

func (s *Service) publish(tx engine.Tx, _ tasks.Caller, in []byte) (any, error) {
	var p struct {
		topicInput
		TargetARN   string `json:"TargetArn"`
		PhoneNumber string `json:"PhoneNumber"`
		entry
	}
	if err := tasks.Decode(in, &p); err != nil {
		return nil, err
	}
	arn, member := p.TopicARN, "TopicArn"
	if arn == "" {
		arn, member = p.TargetARN, "TargetArn"
	}
	if arn == "" || p.PhoneNumber != "" {
		return nil, invalid("TopicArn or TargetArn Reason: no value for required parameter")
	}
	t, err := s.topic(tx, arn, member)
	if err != nil {
		return nil, err
	}
	p.ID = ""
	return s.send(tx, t, &p.entry)
}

// PublishTx publishes a message in the caller's unit. Errors for the caller are
// *tasks.Error, returned before anything is written.
func (s *Service) PublishTx(tx engine.Tx, topicARN, text string) error {
	t, err := s.topic(tx, topicARN, "TopicArn")
	if err != nil {
		return err
	}
	_, err = s.send(tx, t, &entry{Message: &text})
	return err
}

var batchID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,80}$`)

type batchFault struct {
	ID          string `json:"Id"`
	Code        string `json:"Code"`
	Message     string `json:"Message"`
	SenderFault bool   `json:"SenderFault"`
}

func (s *Service) publishBatch(tx engine.Tx, _ tasks.Caller, in []byte) (any, error) {
	var p struct {
		topicInput
		Entries []entry `json:"PublishBatchRequestEntries"`
	}
	if err := tasks.Decode(in, &p); err != nil {
		return nil, err
	}
	t, err := s.topic(tx, p.TopicARN, "TopicArn")
	if err != nil {
		return nil, err
	}
	if err := checkBatch(p.Entries); err != nil {
		return nil, err
	}
	out := struct {
		Successful []published  `json:"Successful"`
		Failed     []batchFault `json:"Failed"`
	}{[]published{}, []batchFault{}}
	for i := range p.Entries {
		e := &p.Entries[i]
		done, err := s.send(tx, t, e)
		if fault := (*tasks.Error)(nil); errors.As(err, &fault) {
			code, ok := codes[fault.Code]
			if !ok {
				code = fault.Code
			}
			out.Failed = append(out.Failed, batchFault{e.ID, code, fault.Message, true})
			continue
		}
		if err != nil {
			return nil, err
		}
		out.Successful = append(out.Successful, done)
	}
	return out, nil
}

func checkBatch(entries []entry) error {
	switch {
	case len(entries) == 0:
		return tasks.Errorf("EmptyBatchRequestException", "The batch request doesn't contain any entries.")
	case len(entries) > maxBatch:
		return tasks.Errorf("TooManyEntriesInBatchRequestException", "The batch request contains more entries than permissible.")
	}
	seen := map[string]bool{}
	size := 0
	for i := range entries {
		e := &entries[i]
		if !batchID.MatchString(e.ID) {
			return tasks.Errorf("InvalidBatchEntryIdException", "The Id of a batch entry in a batch request doesn't abide by the specification.")
		}
		if seen[e.ID] {
			return tasks.Errorf("BatchEntryIdsNotDistinctException", "Two or more batch entries in the request have the same Id.")
		}
		seen[e.ID] = true
		size += e.size()
	}
	if size > maxMessage {
		return tasks.Errorf("BatchRequestTooLongException", "The length of all the batch messages put together is more than the limit.")
	}
	return nil
}

func (e *entry) size() int {
	n := 0
	if e.Message != nil {
		n = len(*e.Message)
	}
	for name, a := range e.Attributes {
		n += len(name) + len(a.DataType) + len(a.StringValue) + base64.StdEncoding.DecodedLen(len(a.BinaryValue))
	}
	return n
}

var (
	dataType   = regexp.MustCompile(`^(String|Number|Binary|String\.Array)(\.[A-Za-z0-9_.-]+)?$`)
	fifoString = regexp.MustCompile("^[A-Za-z0-9!\"#$%&'()*+,./:;<=>?@\\[\\\\\\]^_`{|}~-]{1,128}$")
)

// check says what of a message is wrong for a topic.
func (e *entry) check(t *topic) error {
	switch {
	case e.Message == nil || *e.Message == "":
		return invalid("Empty message")
	case e.size() > maxMessage:
		return invalid("Message too long")
	case e.Subject != nil && !validSubject(*e.Subject):
		return invalid("Subject")
	case e.Structure != "" && e.Structure != "json":
		return invalid("MessageStructure")
	case t.settings.FIFO && e.GroupID == "":
		return invalid("The MessageGroupId parameter is required for FIFO topics")
	case t.settings.FIFO && e.DeduplicationID == "" && !t.settings.ContentBased:
		return invalid("The topic should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly")
	case !t.settings.FIFO && e.DeduplicationID != "":
		return invalid("The request includes MessageDeduplicationId parameter that is not valid for this topic type")
	case e.GroupID != "" && !fifoString.MatchString(e.GroupID):
		return invalid("MessageGroupId Reason: 1 to 128 letters, digits and punctuation belong there")
	case e.DeduplicationID != "" && !fifoString.MatchString(e.DeduplicationID):
		return invalid("MessageDeduplicationId Reason: 1 to 128 letters, digits and punctuation belong there")
	}
	for name, a := range e.Attributes {
		if err := checkAttribute(name, a); err != nil {
			return err
		}
	}
	return nil
}

func validSubject(s string) bool {
	if s == "" || len(s) > maxSubject {
		return false
	}
	for _, c := range s {
		if c < ' ' || c > '~' {
			return false
		}
	}
	return true
}

func checkAttribute(name string, a Attribute) error {
	fault := func(format string, args ...any) error {
		return tasks.Errorf("InvalidParameterValueException", "The message attribute '"+short(name)+"' "+format, args...)
	}
	if !dataType.MatchString(a.DataType) {
		return fault("has an invalid message attribute type, the set of supported type prefixes is Binary, Number, and String.")
	}
	switch {
	case strings.HasPrefix(a.DataType, "Binary"):
		if b, err := base64.StdEncoding.DecodeString(a.BinaryValue); err != nil || len(b) == 0 {
			return fault("must contain a non-empty message attribute value for message attribute type '%s'.", a.DataType)
		}
		return nil
	case a.StringValue == "":
		return fault("must contain a non-empty message attribute value for message attribute type '%s'.", a.DataType)
	case strings.HasPrefix(a.DataType, "Number"):
		if v, err := document.Parse([]byte(a.StringValue)); err != nil {
			return fault("with type 'Number' must contain a number.")
		} else if _, ok := v.(document.Number); !ok {
			return fault("with type 'Number' must contain a number.")
		}
	}
	return nil
}

// message is a message on its way to the subscriptions of a topic.
type message struct {
	entry
	id       string
	topicARN string
	sequence string
	at       time.Time
	byProto  map[string]string // with MessageStructure json
}

// text is what a protocol gets.
func (m *message) text(protocol string) string {
	if t, ok := m.byProto[protocol]; ok {
		return t
	}
	if t, ok := m.byProto["default"]; ok {
		return t
	}
	return *m.Message
}

// structure reads the texts of a message whose structure is json.
func (m *message) structure() error {
	if m.Structure != "json" {
		return nil
	}
	v, err := document.Parse([]byte(*m.Message))
	o, ok := v.(*document.Object)
	if err != nil || !ok {
		return invalid("Message Structure - JSON message body failed to parse")
	}
	m.byProto = map[string]string{}
	for i := range o.Len() {
		name, v := o.At(i)
		if t, ok := v.(string); ok { // others are not for anybody
			m.byProto[name] = t
		}
	}
	if _, ok := m.byProto["default"]; !ok {
		return invalid("Message Structure - No default entry in JSON message body")
	}
	return nil
}

// filterAttributes are the attributes as filter policies see them.
func (m *message) filterAttributes() *document.Object {
	o := document.NewObject(len(m.Attributes))
	for name, a := range m.Attributes {
		switch {
		case strings.HasPrefix(a.DataType, "Number"):
			o.Set(name, document.Number(a.StringValue))
		case strings.HasPrefix(a.DataType, "String.Array"):
			if v, err := document.Parse([]byte(a.StringValue)); err == nil {
				o.Set(name, v)
			}
		case strings.HasPrefix(a.DataType, "String"):
			o.Set(name, a.StringValue)
		}
	}
	return o
}

// firstSequence is where the sequence numbers of FIFO topics begin: they have 20 digits.
const firstSequence = "1%019d"

// dedupSpan is how long a FIFO topic knows what it was told.
const dedupSpan = 5 * time.Minute

// send hands a message to the topic's subscriptions. A message that a FIFO topic
// knows already is accepted and goes nowhere.
func (s *Service) send(tx engine.Tx, t *topic, e *entry) (published, error) {
	if err := e.check(t); err != nil {
		return published{}, err
	}
	m := &message{entry: *e, id: uuid.NewString(), topicARN: s.topicARN(t.name), at: tx.Now()}
	if err := m.structure(); err != nil {
		return published{}, err
	}
	out := published{ID: e.ID, MessageID: m.id}
	if t.settings.FIFO {
		known, err := s.sequence(tx, t, m)
		if err != nil {
			return published{}, err
		}
		out.MessageID, out.SequenceNumber = m.id, m.sequence
		if known {
			return out, nil
		}
	}
	all, err := subscriptions(tx, recipients, t.name)
	if err != nil {
		return published{}, err
	}
	for _, sub := range all {
		if !sub.settings.accepts(m) {
			continue
		}
		err := s.deliver(tx, sub, m)
		if fault := (*tasks.Error)(nil); errors.As(err, &fault) {
			// The publisher is not to blame for a subscriber that is gone.
			tx.AfterCommit(func() {
				s.o.Log.Warn("a message was not delivered", "subscription", sub.arn, "message", m.id, "error", fault)
			})
		} else if err != nil {
			return published{}, err
		}
	}
	return out, nil
}

// sequence numbers the message of a FIFO topic, or finds the number of one that is known.
func (s *Service) sequence(tx engine.Tx, t *topic, m *message) (known bool, err error) {
	if m.DeduplicationID == "" {
		sum := sha256.Sum256([]byte(*m.Message))
		m.DeduplicationID = hex.EncodeToString(sum[:])
	}
	now := millis(tx.Now())
	var sequence int64
	err = each(tx, func(scan func(...any) error) error {
		known = true
		return scan(&m.id, &sequence)
	}, selectDedup, t.name, m.DeduplicationID, now)
	if err != nil {
		return false, err
	}
	if known {
		m.sequence = fmt.Sprintf(firstSequence, sequence)
		return true, nil
	}
	t.sequence++
	m.sequence = fmt.Sprintf(firstSequence, t.sequence)
	if err := exec(tx, stepTopic, t.sequence, t.name); err != nil {
		return false, err
	}
	if err := exec(tx, expireDedup, t.name, now); err != nil {
		return false, err
	}
	return false, exec(tx, upsertDedup, t.name, m.DeduplicationID, m.id, t.sequence, now+dedupSpan.Milliseconds())
}
