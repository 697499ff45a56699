package queue

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"millrace/engine"
	"millrace/integrations/wire"
	"millrace/tasks"
)

// ReceiveInput says what to receive.
type ReceiveInput struct {
	Max        int    // 0: 1
	Visibility *int64 // seconds; nil: the queue's

	bytes int                          // of bodies and attributes to read at most; 0: any
	takes func(Received) (bool, error) // whether a message is taken; nil: yes. After a no, none is
}

// Received is a message with its receipt handle, all its attributes and all its
// system attributes.
type Received struct {
	MessageID       string               `json:"MessageId"`
	ReceiptHandle   string               `json:"ReceiptHandle"`
	MD5OfBody       string               `json:"MD5OfBody"`
	Body            string               `json:"Body"`
	System          map[string]string    `json:"Attributes,omitempty"`
	MD5OfAttributes string               `json:"MD5OfMessageAttributes,omitempty"`
	Attributes      map[string]Attribute `json:"MessageAttributes,omitempty"`
}

// mostMoved is how many times one receipt looks for messages in place of those
// that went to the dead-letter queue, so that a unit stays short.
const mostMoved = 20

// Receive takes up to in.Max visible messages, oldest first, and hides them for
// the visibility timeout. A message that was received as often as the redrive
// policy allows goes to the dead-letter queue instead. Where many go, Receive may
// return none although there are some: the next call goes on.
func (s *Service) Receive(tx engine.Tx, urlOrARN string, in ReceiveInput) ([]Received, error) {
	q, err := find(tx, urlOrARN)
	if err != nil {
		return nil, err
	}
	var dead *record
	if q.settings.DeadLetter != "" {
		if dead, err = load(tx, NameOf(q.settings.DeadLetter)); err != nil {
			return nil, err
		}
	}
	now := tx.Now().UnixMilli()
	most := max(in.Max, 1)
	var taken []*message
	full := false
	for round := 0; !full && len(taken) < most && round < mostMoved; round++ {
		found, err := visibleMessages(tx, q.id, q.settings.FIFO, now, now-q.settings.Retention*1000, most-len(taken), in.bytes)
		if err != nil {
			return nil, err
		}
		var spent, ids []int64
		for _, m := range found {
			if dead != nil && m.receives >= q.settings.MaxReceives {
				spent = append(spent, m.id)
				continue
			}
			if in.takes != nil {
				r, err := s.received(q, m, now)
				if err != nil {
					return nil, err
				}
				if ok, err := in.takes(r); err != nil {
					return nil, err
				} else if !ok {
					full = true
					break
				}
			}
			taken = append(taken, m)
			ids = append(ids, m.id)
		}
		visibility := q.settings.Visibility
		if in.Visibility != nil {
			visibility = *in.Visibility
		}
		if len(ids) > 0 {
			if err := receiveMessages(tx, ids, now+visibility*1000, now); err != nil {
				return nil, err
			}
		}
		if len(spent) == 0 {
			break
		}
		if err := moveMessages(tx, spent, dead.id, now, s.ARN(q.name)); err != nil {
			return nil, err
		}
		tx.Notify(Key(dead.name))
	}
	out := make([]Received, len(taken))
	for i, m := range taken {
		if out[i], err = s.received(q, m, now); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// received is what the receiver of m sees; m is as it was before.
func (s *Service) received(q *record, m *message, now int64) (Received, error) {
	attributes, err := parseAttributes(m.attributes)
	if err != nil {
		return Received{}, err
	}
	system, err := parseAttributes(m.system)
	if err != nil {
		return Received{}, err
	}
	first := m.firstReceived
	if first == 0 {
		first = now
	}
	out := Received{
		MessageID: m.messageID, ReceiptHandle: q.handle(m.id, m.receives+1), MD5OfBody: md5Text(m.body), Body: m.body,
		MD5OfAttributes: md5OfAttributes(attributes), Attributes: attributes,
		System: map[string]string{
			"SenderId":                         s.host.Account(),
			"SentTimestamp":                    strconv.FormatInt(m.sent, 10),
			"ApproximateReceiveCount":          strconv.FormatInt(m.receives+1, 10),
			"ApproximateFirstReceiveTimestamp": strconv.FormatInt(first, 10),
		},
	}
	for name, a := range system {
		out.System[name] = a.text()
	}
	if m.group != "" {
		out.System["MessageGroupId"] = m.group
	}
	if q.settings.FIFO {
		out.System["MessageDeduplicationId"] = m.dedup
		out.System["SequenceNumber"] = sequenceText(m.id)
	}
	if m.deadSource != "" {
		out.System["DeadLetterQueueSourceArn"] = m.deadSource
	}
	return out, nil
}

type receiveRequest struct {
	QueueURL       string   `json:"QueueUrl"`
	AttributeNames []string `json:"AttributeNames"`
	SystemNames    []string `json:"MessageSystemAttributeNames"`
	MessageNames   []string `json:"MessageAttributeNames"`
	Max            *int     `json:"MaxNumberOfMessages"`
	Visibility     *int64   `json:"VisibilityTimeout"`
	Wait           *int64   `json:"WaitTimeSeconds"`
}

func (r *receiveRequest) check() error {
	if r.Max != nil && (*r.Max < 1 || *r.Max > 10) {
		return invalid("MaxNumberOfMessages", *r.Max, "Must be between 1 and 10, if provided.")
	}
	if v := r.Visibility; v != nil && (*v < 0 || *v > 43200) {
		return invalid("VisibilityTimeout", *v, "Must be >= 0 and <= 43200, if provided.")
	}
	if v := r.Wait; v != nil && (*v < 0 || *v > 20) {
		return invalid("WaitTimeSeconds", *v, "Must be >= 0 and <= 20, if provided.")
	}
	return nil
}

// receiveMessage polls: at once, and then whenever the queue is signalled, until
// there are messages or the wait is over. A client that is gone gets nothing.
func (s *Service) receiveMessage(ctx context.Context, _ tasks.Caller, in json.RawMessage) (any, error) {
	var req receiveRequest
	if err := wire.Decode(in, &req); err != nil {
		return nil, err
	}
	if err := req.check(); err != nil {
		return nil, err
	}
	name := NameOf(req.QueueURL)
	signal := make(chan struct{}, 1)
	wake := func() {
		select {
		case signal <- struct{}{}:
		default:
		}
	}
	defer s.host.Watch(Key(name), wake)()
	var deadline time.Time
	for {
		got, state, err := s.poll(ctx, &req)
		if err != nil {
			return nil, err
		}
		switch {
		case len(got) > 0:
			return receiveAnswer{got}, nil
		case state.taken:
			continue
		case state.wait == 0:
			return receiveAnswer{}, nil
		}
		if deadline.IsZero() {
			// The end of the wait has a key of its own, so that it wakes nobody else.
			end := Key(name) + "/poll/" + strconv.FormatInt(s.polls.Add(1), 10)
			defer s.host.Watch(end, wake)()
			deadline = s.host.Now().Add(time.Duration(state.wait) * time.Second)
			s.host.WakeAt(end, deadline)
		}
		if !s.host.Now().Before(deadline) {
			return receiveAnswer{}, nil
		}
		if state.next > 0 && state.next < deadline.UnixMilli() {
			s.host.WakeAt(Key(name), time.UnixMilli(state.next))
		}
		select {
		case <-signal:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

type receiveAnswer struct {
	Messages []Received `json:"Messages,omitempty"`
}

// pollState says how an empty queue stands.
type pollState struct {
	wait  int64 // seconds that the poll may take in all
	next  int64 // when a message becomes visible, ms; 0: none will
	taken bool  // there was one, but another receiver was first or it was dead
}

// poll tries once. An empty queue costs a read and no unit.
func (s *Service) poll(ctx context.Context, req *receiveRequest) ([]Received, pollState, error) {
	var state pollState
	err := s.host.Read(ctx, func(r engine.Reader) error {
		q, err := find(r, req.QueueURL)
		if err != nil {
			return err
		}
		state.wait = q.settings.Wait
		if req.Wait != nil {
			state.wait = *req.Wait
		}
		now := s.host.Now().UnixMilli()
		some, err := visibleMessages(r, q.id, q.settings.FIFO, now, now-q.settings.Retention*1000, 1, 0)
		if state.taken = len(some) > 0; err != nil || state.taken {
			return err
		}
		state.next, err = nextVisible(r, q.id, now)
		return err
	})
	if err != nil || !state.taken {
		return nil, state, err
	}
	var got []Received
	in := ReceiveInput{Visibility: req.Visibility}
	if req.Max != nil {
		in.Max = *req.Max
	}
	err = s.host.Do(ctx, []string{Key(NameOf(req.QueueURL))}, func(tx engine.Tx) (err error) {
		got, err = s.Receive(tx, req.QueueURL, in)
		return err
	})
	if err != nil {
		return nil, state, err
	}
	system := append(slices.Clone(req.SystemNames), req.AttributeNames...)
	for i := range got {
		got[i].narrow(system, req.MessageNames)
	}
	return got, state, nil
}

// narrow leaves only the attributes that were asked for. Names of message
// attributes may be All, .*, or a beginning followed by .*
func (m *Received) narrow(system, names []string) {
	if !slices.Contains(system, "All") {
		for n := range m.System {
			if !slices.Contains(system, n) {
				delete(m.System, n)
			}
		}
	}
	before := len(m.Attributes)
	for n := range m.Attributes {
		if !slices.ContainsFunc(names, func(want string) bool {
			prefix, open := strings.CutSuffix(want, ".*")
			return want == "All" || want == n || open && strings.HasPrefix(n, prefix)
		}) {
			delete(m.Attributes, n)
		}
	}
	if len(m.Attributes) != before {
		m.MD5OfAttributes = md5OfAttributes(m.Attributes)
	}
}
