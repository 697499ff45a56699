package notification

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"time"

	"millrace/asl/document"
	"millrace/engine"
	"millrace/engine/interp"
)

// deliver hands a message to one subscription.
func (s *Service) deliver(tx engine.Tx, sub *subscription, m *message) error {
	switch sub.protocol {
	case "sqs":
		q := QueueMessage{QueueARN: sub.endpoint, Body: m.text("sqs"), GroupID: m.GroupID}
		if strings.HasSuffix(sub.endpoint, fifoSuffix) {
			q.DeduplicationID = m.DeduplicationID
		}
		if sub.settings.Raw {
			q.Attributes = m.Attributes
		} else {
			q.Body = s.notification(sub, m).String()
		}
		return s.o.Queues.SendTx(tx, q)
	case "lambda":
		return s.o.Functions.InvokeTx(tx, sub.endpoint, s.functionEvent(sub, m))
	}
	p := parcel{URL: sub.endpoint, Kind: "Notification", MessageID: m.id, TopicARN: m.topicARN, SubscriptionARN: sub.arn, Raw: sub.settings.Raw, Body: m.text(sub.protocol)}
	if !sub.settings.Raw {
		p.Body = s.notification(sub, m).String()
	}
	return s.enqueue(tx, sub, p)
}

// envelope is a message's JSON as SNS lays it out: member by member, a line each.
type envelope [][2]any

func (e envelope) String() string {
	b := []byte("{")
	for i, m := range e {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, "\n  "...)
		b = document.AppendString(b, m[0].(string))
		b = append(b, " : "...)
		if s, ok := m[1].(string); ok {
			b = document.AppendString(b, s)
		} else {
			b = append(b, m[1].(json.RawMessage)...)
		}
	}
	return string(append(b, "\n}"...))
}

func (s *Service) notification(sub *subscription, m *message) envelope {
	e := envelope{{"Type", "Notification"}, {"MessageId", m.id}}
	if m.sequence != "" {
		e = append(e, [2]any{"SequenceNumber", m.sequence})
	}
	e = append(e, [2]any{"TopicArn", m.topicARN})
	if m.Subject != nil {
		e = append(e, [2]any{"Subject", *m.Subject})
	}
	e = append(e, [2]any{"Message", m.text(sub.protocol)}, [2]any{"Timestamp", stamp(m.at)}, [2]any{"UnsubscribeURL", s.unsubscribeURL(sub)})
	if len(m.Attributes) == 0 {
		return e
	}
	b := []byte("{")
	for i, name := range slices.Sorted(maps.Keys(m.Attributes)) {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(document.AppendString(append(b, "\n    "...), name), " : "...)
		b = append(b, m.attribute(name)...)
	}
	return append(e, [2]any{"MessageAttributes", json.RawMessage(append(b, "\n  }"...))})
}

// attribute is an attribute as envelopes have it.
func (m *message) attribute(name string) []byte {
	a := m.Attributes[name]
	value := a.StringValue
	if strings.HasPrefix(a.DataType, "Binary") {
		value = a.BinaryValue
	}
	b := document.AppendString([]byte(`{"Type":`), a.DataType)
	b = document.AppendString(append(b, `,"Value":`...), value)
	return append(b, '}')
}

func (s *Service) unsubscribeURL(sub *subscription) string {
	return fmt.Sprintf("%s/?Action=Unsubscribe&Version=%s&SubscriptionArn=%s", s.o.Endpoint, apiVersion, url.QueryEscape(sub.arn))
}

// functionEvent is the event that a function gets.
func (s *Service) functionEvent(sub *subscription, m *message) []byte {
	attributes := document.NewObject(len(m.Attributes))
	for _, name := range slices.Sorted(maps.Keys(m.Attributes)) {
		v, err := document.Parse(m.attribute(name))
		if err == nil { // it is made by us
			attributes.Set(name, v)
		}
	}
	var subject any
	if m.Subject != nil {
		subject = *m.Subject
	}
	sns := object("Type", "Notification", "MessageId", m.id, "TopicArn", m.topicARN, "Subject", subject, "Message", m.text("lambda"),
		"Timestamp", stamp(m.at), "UnsubscribeUrl", s.unsubscribeURL(sub), "MessageAttributes", attributes)
	record := object("EventSource", "aws:sns", "EventVersion", "1.0", "EventSubscriptionArn", sub.arn, "Sns", sns)
	return document.Append(nil, object("Records", []any{record}))
}

func object(pairs ...any) *document.Object {
	o := document.NewObject(len(pairs) / 2)
	for i := 0; i < len(pairs); i += 2 {
		o.Set(pairs[i].(string), pairs[i+1])
	}
	return o
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// parcel is a message on its way to an HTTP endpoint.
type parcel struct {
	URL             string `json:"url"`
	Kind            string `json:"kind"`
	MessageID       string `json:"messageId"`
	TopicARN        string `json:"topicArn"`
	SubscriptionARN string `json:"subscriptionArn,omitempty"`
	Raw             bool   `json:"raw,omitempty"`
	Body            string `json:"body"`
}

// deliveryResource names deliveries to HTTP endpoints as follow-ups.
const deliveryResource = "notification:deliver"

// How an HTTP endpoint is tried: at first, and 5, 10 and 20 seconds after failures.
const (
	attempts = 4
	backoff  = 5 * time.Second
)

func (s *Service) enqueue(tx engine.Tx, sub *subscription, p parcel) error {
	body, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("message for %s: %w", sub.arn, err)
	}
	return tx.Enqueue(engine.FollowUp{Resource: deliveryResource, Key: p.MessageID + "/" + sub.arn, Input: body, Attempts: attempts, Backoff: backoff})
}

// delivery is the remote action that posts a message to an HTTP endpoint.
type delivery struct{ s *Service }

func (d *delivery) Resource() string { return deliveryResource }

func (d *delivery) Lost() engine.LostPolicy { return engine.Repeat }

// Call posts the message. Anything but a status of 200 to 299 is a failure.
func (d *delivery) Call(ctx context.Context, c engine.Call) (interp.Outcome, error) {
	var p parcel
	if err := json.Unmarshal(c.Input, &p); err != nil {
		return interp.Outcome{}, fmt.Errorf("a message to be delivered: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.URL, strings.NewReader(p.Body))
	if err != nil {
		return interp.Outcome{}, fmt.Errorf("deliver message %s: %w", p.MessageID, err)
	}
	req.Header.Set("Content-Type", "text/plain; charset=UTF-8")
	req.Header.Set("User-Agent", "Amazon Simple Notification Service Agent")
	req.Header.Set("X-Amz-Sns-Message-Type", p.Kind)
	req.Header.Set("X-Amz-Sns-Message-Id", p.MessageID)
	req.Header.Set("X-Amz-Sns-Topic-Arn", p.TopicARN)
	if p.SubscriptionARN != "" {
		req.Header.Set("X-Amz-Sns-Subscription-Arn", p.SubscriptionARN)
	}
	if p.Raw {
		req.Header.Set("X-Amz-Sns-Rawdelivery", "true")
	}
	resp, err := d.s.o.Client.Do(req)
	if err != nil {
		return interp.Outcome{}, fmt.Errorf("deliver message %s: %w", p.MessageID, err)
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10)) // so that the connection serves again
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return interp.Outcome{}, fmt.Errorf("deliver message %s: the endpoint answered %s", p.MessageID, resp.Status)
	}
	return interp.Outcome{Output: document.FromValue(nil)}, nil
}

// loopback reports whether a host's name is one of this machine.
func loopback(host string) bool {
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.IsLoopback()
}

var errAnywhere = errors.New("the address is not on the loopback interface, and the server is configured to deliver there only")

// newClient makes the client of deliveries. It follows no redirects, and unless
// anywhere is set it refuses addresses that a name has come to stand for.
func newClient(anywhere bool) *http.Client {
	dialer := &net.Dialer{Timeout: 5 * time.Second}
	if !anywhere {
		dialer.Control = func(_, address string, _ syscall.RawConn) error {
			if a, err := netip.ParseAddrPort(address); err != nil || !a.Addr().IsLoopback() {
				return errAnywhere
			}
			return nil
		}
	}
	return &http.Client{
		Timeout:       15 * time.Second,
		Transport:     &http.Transport{DialContext: dialer.DialContext, MaxIdleConnsPerHost: 4, IdleConnTimeout: 30 * time.Second},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
