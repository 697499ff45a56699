package notification

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"millrace/asl/document"
	"millrace/engine"
	"millrace/integrations/wire/pattern"
	"millrace/tasks"
)

// subscriptionSettings are the attributes of a subscription that can be set.
type subscriptionSettings struct {
	Raw          bool   `json:",omitempty"` // RawMessageDelivery
	FilterPolicy string `json:",omitempty"` // JSON
	FilterBody   bool   `json:",omitempty"` // FilterPolicyScope MessageBody
}

// set changes one attribute.
func (t *subscriptionSettings) set(name, value, protocol string) error {
	switch name {
	case "RawMessageDelivery":
		if protocol == "lambda" {
			return invalid("Attributes Reason: Delivery protocol [lambda] does not support raw message delivery.")
		}
		return setBool(&t.Raw, name, value)
	case "FilterPolicyScope":
		if value != "MessageAttributes" && value != "MessageBody" {
			return invalid("FilterPolicyScope: Invalid value [%s]. Please use either MessageBody or MessageAttributes", short(value))
		}
		t.FilterBody = value == "MessageBody"
	case "FilterPolicy":
		t.FilterPolicy = value
		if value == "{}" {
			t.FilterPolicy = ""
		}
	default:
		return invalid("AttributeName Reason: %s is not supported here: RawMessageDelivery, FilterPolicy and FilterPolicyScope are", short(name))
	}
	return nil
}

// check says what of the filter policy is wrong.
func (t *subscriptionSettings) check() error {
	if t.FilterPolicy == "" {
		return nil
	}
	p, err := pattern.Compile([]byte(t.FilterPolicy))
	if err != nil {
		return invalid("FilterPolicy: %v", err)
	}
	if !t.FilterBody && !p.Flat() {
		return invalid("Filter policy scope MessageAttributes does not support nested filter policy")
	}
	return nil
}

// accepts reports whether the filter policy lets the message through.
func (t *subscriptionSettings) accepts(m *message) bool {
	if t.FilterPolicy == "" {
		return true
	}
	p, err := pattern.Compile([]byte(t.FilterPolicy))
	if err != nil {
		return false // it was checked when it was set
	}
	if !t.FilterBody {
		return p.Match(m.filterAttributes())
	}
	v, err := document.Parse([]byte(m.text("sqs")))
	if _, object := v.(*document.Object); err != nil || !object {
		return false
	}
	return p.Match(v)
}

// checkEndpoint says what of an endpoint is wrong for its protocol.
func (s *Service) checkEndpoint(protocol, endpoint string, fifo bool) error {
	arn := strings.Split(endpoint, ":")
	switch protocol {
	case "sqs":
		if s.o.Queues == nil || len(arn) != 6 || arn[0] != "arn" || arn[2] != "sqs" || arn[5] == "" {
			return invalid("SQS endpoint ARN")
		}
		if strings.HasSuffix(endpoint, fifoSuffix) && !fifo {
			return invalid("Invalid parameter: Endpoint Reason: FIFO SQS Queues can not be subscribed to standard SNS topics")
		}
	case "lambda":
		if s.o.Functions == nil || len(arn) < 7 || arn[0] != "arn" || arn[2] != "lambda" || arn[5] != "function" {
			return invalid("Lambda endpoint ARN")
		}
	case "http", "https":
		u, err := url.Parse(endpoint)
		if err != nil || u.Scheme != protocol || u.Host == "" {
			return invalid("Endpoint must match the specified protocol")
		}
		if !s.o.Anywhere && !loopback(u.Hostname()) {
			return invalid("Unreachable Endpoint Reason: %s is not on the loopback interface, and the server is configured to deliver there only", short(u.Host))
		}
	default:
		return invalid("Amazon SNS does not support this protocol string: %s", short(protocol))
	}
	if fifo && protocol != "sqs" {
		return invalid("Invalid parameter: Invalid protocol type: %s for FIFO topics", protocol)
	}
	return nil
}

const (
	pendingARN  = "pending confirmation"
	pendingList = "PendingConfirmation"
)

func (s *Service) subscribe(tx engine.Tx, _ tasks.Caller, in []byte) (any, error) {
	var p struct {
		topicInput
		Protocol   string            `json:"Protocol"`
		Endpoint   string            `json:"Endpoint"`
		Attributes map[string]string `json:"Attributes"`
		ReturnARN  bool              `json:"ReturnSubscriptionArn"`
	}
	if err := tasks.Decode(in, &p); err != nil {
		return nil, err
	}
	t, err := s.topic(tx, p.TopicARN, "TopicArn")
	if err != nil {
		return nil, err
	}
	if err := s.checkEndpoint(p.Protocol, p.Endpoint, t.settings.FIFO); err != nil {
		return nil, err
	}
	sub := &subscription{topic: t.name, protocol: p.Protocol, endpoint: p.Endpoint}
	for _, name := range slices.Sorted(maps.Keys(p.Attributes)) {
		if err := sub.settings.set(name, p.Attributes[name], p.Protocol); err != nil {
			return nil, err
		}
	}
	if err := sub.settings.check(); err != nil {
		return nil, err
	}
	old, err := subscriptions(tx, findSubscription, t.name, p.Protocol, p.Endpoint)
	if err != nil {
		return nil, err
	}
	if len(old) > 0 {
		if len(p.Attributes) > 0 && old[0].settings != sub.settings {
			return nil, invalid("Attributes Reason: Subscription already exists with different attributes")
		}
		sub = old[0]
	} else {
		sub.arn = s.topicARN(t.name) + ":" + uuid.NewString()
		if p.Protocol == "http" || p.Protocol == "https" {
			sub.token = newToken()
		}
		err := exec(tx, insertSubscription, sub.arn, t.name, sub.protocol, sub.endpoint, encode(sub.settings), sub.token, millis(tx.Now()))
		if err != nil {
			return nil, err
		}
	}
	out := subscribed{sub.arn}
	if sub.token == "" {
		return out, nil
	}
	if !p.ReturnARN {
		out.ARN = pendingARN
	}
	return out, s.askConfirmation(tx, sub)
}

type subscribed struct {
	ARN string `json:"SubscriptionArn"`
}

func newToken() string {
	var b [64]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// askConfirmation sends an HTTP endpoint the token that it must give back.
func (s *Service) askConfirmation(tx engine.Tx, sub *subscription) error {
	arn := s.topicARN(sub.topic)
	link := fmt.Sprintf("%s/?Action=ConfirmSubscription&Version=%s&TopicArn=%s&Token=%s", s.o.Endpoint, apiVersion, url.QueryEscape(arn), sub.token)
	id := uuid.NewString()
	body := envelope{
		{"Type", "SubscriptionConfirmation"}, {"MessageId", id}, {"Token", sub.token}, {"TopicArn", arn},
		{"Message", "You have chosen to subscribe to the topic " + arn + ".\nTo confirm the subscription, visit the SubscribeURL included in this message."},
		{"SubscribeURL", link}, {"Timestamp", stamp(tx.Now())},
	}
	return s.enqueue(tx, sub, parcel{URL: sub.endpoint, Kind: "SubscriptionConfirmation", MessageID: id, TopicARN: arn, Body: body.String()})
}

func (s *Service) confirmSubscription(tx engine.Tx, _ tasks.Caller, in []byte) (any, error) {
	var p struct {
		topicInput
		Token string `json:"Token"`
	}
	if err := tasks.Decode(in, &p); err != nil {
		return nil, err
	}
	t, err := s.topic(tx, p.TopicARN, "TopicArn")
	if err != nil {
		return nil, err
	}
	after := ""
	for {
		page, err := subscriptions(tx, topicSubscriptions, t.name, after, pageSize)
		if err != nil {
			return nil, err
		}
		for _, sub := range page {
			// A confirmed one keeps no token: confirming again finds it gone.
			if sub.token != "" && subtle.ConstantTimeCompare([]byte(sub.token), []byte(p.Token)) == 1 {
				sub.token = ""
				return subscribed{sub.arn}, sub.store(tx)
			}
			after = sub.arn
		}
		if len(page) < pageSize {
			return nil, invalid("Token")
		}
	}
}

type subscriptionInput struct {
	ARN string `json:"SubscriptionArn"`
}

// subscription finds the subscription of an ARN.
func (s *Service) subscription(r engine.Reader, arn string) (*subscription, error) {
	if parts := strings.Split(arn, ":"); len(parts) != 7 || parts[0] != "arn" || parts[2] != "sns" {
		return nil, invalid("SubscriptionArn Reason: An ARN must have at least 6 elements, not %d", len(parts))
	}
	return subscriptionOf(r, arn)
}

func (s *Service) unsubscribe(tx engine.Tx, _ tasks.Caller, in []byte) (any, error) {
	var p subscriptionInput
	if err := tasks.Decode(in, &p); err != nil {
		return nil, err
	}
	sub, err := s.subscription(tx, p.ARN)
	if e, ok := err.(*tasks.Error); ok && e.Code == "NotFoundException" {
		return nil, nil // one that is not there is as good as deleted
	}
	if err != nil {
		return nil, err
	}
	return nil, exec(tx, dropSubscription, sub.arn)
}

func (s *Service) setSubscriptionAttributes(tx engine.Tx, _ tasks.Caller, in []byte) (any, error) {
	var p struct {
		subscriptionInput
		Name  string `json:"AttributeName"`
		Value string `json:"AttributeValue"`
	}
	if err := tasks.Decode(in, &p); err != nil {
		return nil, err
	}
	sub, err := s.subscription(tx, p.ARN)
	if err != nil {
		return nil, err
	}
	if err := sub.settings.set(p.Name, p.Value, sub.protocol); err != nil {
		return nil, err
	}
	if err := sub.settings.check(); err != nil {
		return nil, err
	}
	return nil, sub.store(tx)
}

func (s *Service) getSubscriptionAttributes(_ context.Context, r engine.Reader, _ tasks.Caller, in jsonText) (any, error) {
	var p subscriptionInput
	if err := tasks.Decode(in, &p); err != nil {
		return nil, err
	}
	sub, err := s.subscription(r, p.ARN)
	if err != nil {
		return nil, err
	}
	a := map[string]string{
		"SubscriptionArn": sub.arn, "TopicArn": s.topicARN(sub.topic), "Owner": s.host.Account(), "Protocol": sub.protocol, "Endpoint": sub.endpoint,
		"PendingConfirmation": strconv.FormatBool(sub.token != ""), "ConfirmationWasAuthenticated": strconv.FormatBool(sub.token == ""),
		"RawMessageDelivery": strconv.FormatBool(sub.settings.Raw), "SubscriptionPrincipal": "arn:aws:iam::" + s.host.Account() + ":root",
	}
	if sub.settings.FilterPolicy != "" {
		a["FilterPolicy"], a["FilterPolicyScope"] = sub.settings.FilterPolicy, "MessageAttributes"
		if sub.settings.FilterBody {
			a["FilterPolicyScope"] = "MessageBody"
		}
	}
	return attributes{a}, nil
}

type listedSubscription struct {
	ARN      string `json:"SubscriptionArn"`
	Owner    string `json:"Owner"`
	Protocol string `json:"Protocol"`
	Endpoint string `json:"Endpoint"`
	TopicARN string `json:"TopicArn"`
}

// listSubscriptions lists all subscriptions, or those of a topic.
func (s *Service) listSubscriptions(_ context.Context, r engine.Reader, _ tasks.Caller, in jsonText) (any, error) {
	var p listInput
	if err := tasks.Decode(in, &p); err != nil {
		return nil, err
	}
	after, err := p.after()
	if err != nil {
		return nil, err
	}
	query, args := allSubscriptions, []any{after, pageSize + 1}
	if p.TopicARN != "" {
		t, err := s.topic(r, p.TopicARN, "TopicArn")
		if err != nil {
			return nil, err
		}
		query, args = topicSubscriptions, []any{t.name, after, pageSize + 1}
	}
	all, err := subscriptions(r, query, args...)
	if err != nil {
		return nil, err
	}
	out := struct {
		Subscriptions []listedSubscription `json:"Subscriptions"`
		NextToken     string               `json:"NextToken,omitempty"`
	}{Subscriptions: []listedSubscription{}}
	for i, sub := range all {
		if i == pageSize {
			out.NextToken = nextToken(all[i-1].arn)
			break
		}
		l := listedSubscription{sub.arn, s.host.Account(), sub.protocol, sub.endpoint, s.topicARN(sub.topic)}
		if sub.token != "" {
			l.ARN = pendingList
		}
		out.Subscriptions = append(out.Subscriptions, l)
	}
	return out, nil
}
