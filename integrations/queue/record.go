package queue

import (
	"encoding/json"
	"time"

	"millrace/engine"
	"millrace/tasks"
)

// messageRecord is a message as Lambda and Pipes hand it on.
type messageRecord struct {
	MessageID       string                     `json:"messageId"`
	ReceiptHandle   string                     `json:"receiptHandle"`
	Body            string                     `json:"body"`
	System          map[string]string          `json:"attributes"`
	Attributes      map[string]recordAttribute `json:"messageAttributes"`
	MD5OfAttributes string                     `json:"md5OfMessageAttributes,omitempty"`
	MD5OfBody       string                     `json:"md5OfBody"`
	Source          string                     `json:"eventSource"`
	ARN             string                     `json:"eventSourceARN"`
	Region          string                     `json:"awsRegion"`
}

type recordAttribute struct {
	String   *string  `json:"stringValue,omitempty"`
	Binary   []byte   `json:"binaryValue,omitempty"`
	Strings  []string `json:"stringListValues"`
	Binaries []string `json:"binaryListValues"`
	DataType string   `json:"dataType"`
}

// ReceiveRecords is Receive for event sources: it returns each message as the
// record that functions and pipes get, and its receipt handle. The records have
// up to that many bytes together, but the first is taken whatever its size.
func (s *Service) ReceiveRecords(tx engine.Tx, arn string, most, bytes int) (records []json.RawMessage, handles []string, err error) {
	size := 0
	_, err = s.Receive(tx, arn, ReceiveInput{Max: most, bytes: bytes, takes: func(m Received) (bool, error) {
		text, err := s.record(arn, m)
		if size += len(text) + 1; err != nil || size > bytes && len(records) > 0 {
			return false, err
		}
		records = append(records, text)
		handles = append(handles, m.ReceiptHandle)
		return true, nil
	}})
	if err != nil {
		return nil, nil, err
	}
	return records, handles, nil
}

// record is a message as a record, in JSON.
func (s *Service) record(arn string, m Received) (json.RawMessage, error) {
	r := messageRecord{
		MessageID: m.MessageID, ReceiptHandle: m.ReceiptHandle, Body: m.Body, System: m.System, MD5OfBody: m.MD5OfBody,
		MD5OfAttributes: m.MD5OfAttributes, Attributes: map[string]recordAttribute{}, Source: "aws:sqs", ARN: arn, Region: s.host.Region(),
	}
	for name, a := range m.Attributes {
		r.Attributes[name] = recordAttribute{String: a.String, Binary: a.Binary, Strings: []string{}, Binaries: []string{}, DataType: a.DataType}
	}
	return tasks.Encode(r, tasks.Form{})
}

// Visible counts the messages that may be received now, up to most, and says
// when the next one becomes visible; zero: no other will.
func (s *Service) Visible(r engine.Reader, arn string, most int) (n int, next time.Time, err error) {
	q, err := find(r, arn)
	if err != nil {
		return 0, time.Time{}, err
	}
	now := s.host.Now().UnixMilli()
	if q.settings.FIFO { // of locked groups nothing can be received
		list, err := visibleMessages(r, q.id, true, now, now-q.settings.Retention*1000, most, 0)
		if err != nil {
			return 0, time.Time{}, err
		}
		n = len(list)
	} else {
		count, err := countVisible(r, q.id, now, now-q.settings.Retention*1000, most)
		if err != nil {
			return 0, time.Time{}, err
		}
		n = int(count)
	}
	ms, err := nextVisible(r, q.id, now)
	if err == nil && ms > 0 {
		next = time.UnixMilli(ms)
	}
	return n, next, err
}

// VisibilityTimeout is how long a queue hides what was received.
func (s *Service) VisibilityTimeout(r engine.Reader, arn string) (time.Duration, error) {
	q, err := find(r, arn)
	if err != nil {
		return 0, err
	}
	return time.Duration(q.settings.Visibility) * time.Second, nil
}

// SignalKey is Key by ARN.
func (s *Service) SignalKey(arn string) string { return Key(NameOf(arn)) }
