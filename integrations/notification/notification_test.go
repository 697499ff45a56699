package notification

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"millrace/engine"
	"millrace/engine/leaktest"
	"millrace/integrations/wire/hosttest"
	"millrace/tasks"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// outlets remembers what queues and functions got.
type outlets struct {
	queued []QueueMessage
	called []string
	gone   string // a queue that is not there
}

func (o *outlets) SendTx(_ engine.Tx, m QueueMessage) error {
	if m.QueueARN == o.gone {
		return tasks.Errorf("QueueDoesNotExist", "gone")
	}
	o.queued = append(o.queued, m)
	return nil
}

func (o *outlets) InvokeTx(_ engine.Tx, arn string, event []byte) error {
	o.called = append(o.called, arn+" "+string(event))
	return nil
}

func open(t *testing.T) (*Service, *hosttest.Host, *outlets) {
	t.Helper()
	h, out := hosttest.New(t, Migrations()), &outlets{}
	s := New(h, Options{Queues: out, Functions: out, Endpoint: "http://127.0.0.1:4566"})
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s, h, out
}

type m = map[string]any

func invoke(s *Service, operation string, in m) (map[string]any, error) {
	text, err := json.Marshal(in)
	if err != nil {
		return nil, err
	}
	out, err := tasks.Invoke(context.Background(), s.host, s.service, operation, tasks.Caller{}, text)
	if err != nil {
		return nil, err
	}
	b, err := tasks.Encode(out, tasks.Form{})
	if err != nil {
		return nil, err
	}
	var v map[string]any
	return v, json.Unmarshal(b, &v)
}

func call(t *testing.T, s *Service, operation string, in m) map[string]any {
	t.Helper()
	out, err := invoke(s, operation, in)
	if err != nil {
		t.Fatalf("%s %v: %v", operation, in, err)
	}
	return out
}

const (
	topicT    = "arn:aws:sns:us-east-1:000000000000:t"
	topicFIFO = "arn:aws:sns:us-east-1:000000000000:t.fifo"
	queueQ    = "arn:aws:sqs:us-east-1:000000000000:q"
)

func subscribe(t *testing.T, s *Service, topic, protocol, endpoint string, attributes m) string {
	t.Helper()
	return call(t, s, "Subscribe", m{"TopicArn": topic, "Protocol": protocol, "Endpoint": endpoint, "Attributes": attributes, "ReturnSubscriptionArn": true})["SubscriptionArn"].(string)
}

func TestDelivery(t *testing.T) {
	s, _, out := open(t)
	call(t, s, "CreateTopic", m{"Name": "t"})
	sub := subscribe(t, s, topicT, "sqs", queueQ, nil)
	raw := queueQ + "raw"
	subscribe(t, s, topicT, "sqs", raw, m{"RawMessageDelivery": "true"})
	fn := "arn:aws:lambda:us-east-1:000000000000:function:f"
	fnSub := subscribe(t, s, topicT, "lambda", fn, nil)
	id := call(t, s, "Publish", m{"TopicArn": topicT, "Message": "say \"hi\"\n<é>", "Subject": "S", "MessageAttributes": m{"n": m{"DataType": "Number", "StringValue": "1.50"}}})["MessageId"].(string)
	if len(out.queued) != 2 || len(out.called) != 1 {
		t.Fatalf("queues got %+v, functions %v", out.queued, out.called)
	}
	unsubscribe := "http://127.0.0.1:4566/?Action=Unsubscribe&Version=2010-03-31&SubscriptionArn="
	want := `{
  "Type" : "Notification",
  "MessageId" : "` + id + `",
  "TopicArn" : "` + topicT + `",
  "Subject" : "S",
  "Message" : "say \"hi\"\n<é>",
  "Timestamp" : "2026-01-02T03:04:05.678Z",
  "UnsubscribeURL" : "` + unsubscribe + strings.ReplaceAll(sub, ":", "%3A") + `",
  "MessageAttributes" : {
    "n" : {"Type":"Number","Value":"1.50"}
  }
}`
	for _, q := range out.queued {
		switch q.QueueARN {
		case queueQ:
			if q.Body != want || q.Attributes != nil {
				t.Errorf("got %s\nwant %s", q.Body, want)
			}
		case raw:
			if q.Body != "say \"hi\"\n<é>" || q.Attributes["n"].StringValue != "1.50" {
				t.Errorf("raw: %+v", q)
			}
		}
	}
	event := fn + ` {"Records":[{"EventSource":"aws:sns","EventVersion":"1.0","EventSubscriptionArn":"` + fnSub + `","Sns":{"Type":"Notification","MessageId":"` + id +
		`","TopicArn":"` + topicT + `","Subject":"S","Message":"say \"hi\"\n<é>","Timestamp":"2026-01-02T03:04:05.678Z","UnsubscribeUrl":"` +
		unsubscribe + strings.ReplaceAll(fnSub, ":", "%3A") + `","MessageAttributes":{"n":{"Type":"Number","Value":"1.50"}}}}]}`
	if out.called[0] != event {
		t.Errorf("got %s\nwant %s", out.called[0], event)
	}
	call(t, s, "Unsubscribe", m{"SubscriptionArn": sub})
	call(t, s, "Unsubscribe", m{"SubscriptionArn": sub})
	call(t, s, "Publish", m{"TargetArn": topicT, "Message": "again"})
	if len(out.queued) != 3 {
		t.Errorf("after one subscription went, queues got %d more", len(out.queued)-2)
	}
	call(t, s, "DeleteTopic", m{"TopicArn": topicT})
	if _, err := invoke(s, "Publish", m{"TopicArn": topicT, "Message": "x"}); codeOf(err) != "NotFoundException" {
		t.Errorf("a deleted topic: %v", err)
	}
	if list := call(t, s, "ListSubscriptions", m{})["Subscriptions"].([]any); len(list) != 0 {
		t.Errorf("subscriptions outlive their topic: %v", list)
	}
}

func codeOf(err error) string {
	if e := (*tasks.Error)(nil); errors.As(err, &e) {
		return e.Code
	}
	if err != nil {
		return "not a *tasks.Error: " + err.Error()
	}
	return ""
}

func TestASubscriberThatIsGoneDoesNotFailThePublisher(t *testing.T) {
	s, _, out := open(t)
	call(t, s, "CreateTopic", m{"Name": "t"})
	out.gone = queueQ
	subscribe(t, s, topicT, "sqs", out.gone, nil)
	subscribe(t, s, topicT, "sqs", queueQ+"2", nil)
	call(t, s, "Publish", m{"TopicArn": topicT, "Message": "x"})
	if len(out.queued) != 1 {
		t.Errorf("the other queue got %d messages", len(out.queued))
	}
}

func TestFilterPolicies(t *testing.T) {
	for name, c := range map[string]struct {
		policy, scope string
		attributes    m
		message       string
		want          bool
	}{
		"equal":                {`{"event":["order"]}`, "", m{"event": m{"DataType": "String", "StringValue": "order"}}, "x", true},
		"not equal":            {`{"event":["order"]}`, "", m{"event": m{"DataType": "String", "StringValue": "visit"}}, "x", false},
		"absent":               {`{"event":["order"]}`, "", nil, "x", false},
		"must be absent":       {`{"event":[{"exists":false}]}`, "", nil, "x", true},
		"number":               {`{"price":[{"numeric":[">",10]}]}`, "", m{"price": m{"DataType": "Number", "StringValue": "10.5"}}, "x", true},
		"number, not a text":   {`{"price":["10.5"]}`, "", m{"price": m{"DataType": "Number", "StringValue": "10.5"}}, "x", false},
		"array":                {`{"tags":["b"]}`, "", m{"tags": m{"DataType": "String.Array", "StringValue": `["a","b"]`}}, "x", true},
		"body":                 {`{"order":{"total":[{"numeric":[">=",100]}]}}`, "MessageBody", nil, `{"order":{"total":100}}`, true},
		"body that differs":    {`{"order":{"total":[1]}}`, "MessageBody", nil, `{"order":{"total":2}}`, false},
		"body that is no JSON": {`{"order":[{"exists":false}]}`, "MessageBody", nil, `text`, false},
		"empty policy":         {`{}`, "", nil, "x", true},
	} {
		t.Run(name, func(t *testing.T) {
			s, _, out := open(t)
			call(t, s, "CreateTopic", m{"Name": "t"})
			a := m{"FilterPolicy": c.policy}
			if c.scope != "" {
				a["FilterPolicyScope"] = c.scope
			}
			subscribe(t, s, topicT, "sqs", queueQ, a)
			call(t, s, "Publish", m{"TopicArn": topicT, "Message": c.message, "MessageAttributes": c.attributes})
			if got := len(out.queued) == 1; got != c.want {
				t.Errorf("delivered: %v", got)
			}
		})
	}
}

func TestMessageStructure(t *testing.T) {
	s, _, out := open(t)
	call(t, s, "CreateTopic", m{"Name": "t"})
	subscribe(t, s, topicT, "sqs", queueQ, m{"RawMessageDelivery": "true"})
	for message, want := range map[string]string{`{"default":"d","sqs":"q"}`: "q", `{"default":"d","email":"e"}`: "d"} {
		out.queued = nil
		call(t, s, "Publish", m{"TopicArn": topicT, "Message": message, "MessageStructure": "json"})
		if len(out.queued) != 1 || out.queued[0].Body != want {
			t.Errorf("%s: got %+v, want %s", message, out.queued, want)
		}
	}
}

func TestFIFO(t *testing.T) {
	s, h, out := open(t)
	call(t, s, "CreateTopic", m{"Name": "t.fifo", "Attributes": m{"FifoTopic": "true", "ContentBasedDeduplication": "true"}})
	subscribe(t, s, topicFIFO, "sqs", queueQ+".fifo", m{"RawMessageDelivery": "true"})
	subscribe(t, s, topicFIFO, "sqs", queueQ, m{"RawMessageDelivery": "true"})
	first := call(t, s, "Publish", m{"TopicArn": topicFIFO, "Message": "a", "MessageGroupId": "g"})
	again := call(t, s, "Publish", m{"TopicArn": topicFIFO, "Message": "a", "MessageGroupId": "g"})
	if first["SequenceNumber"] != "10000000000000000001" || again["SequenceNumber"] != first["SequenceNumber"] || again["MessageId"] != first["MessageId"] {
		t.Errorf("got %v, then %v", first, again)
	}
	if len(out.queued) != 2 {
		t.Fatalf("queues got %+v", out.queued)
	}
	for _, q := range out.queued {
		if q.GroupID != "g" || (q.DeduplicationID != "") != strings.HasSuffix(q.QueueARN, ".fifo") {
			t.Errorf("got %+v", q)
		}
	}
	h.Advance(dedupSpan)
	if later := call(t, s, "Publish", m{"TopicArn": topicFIFO, "Message": "a", "MessageGroupId": "g"}); later["SequenceNumber"] != "10000000000000000002" {
		t.Errorf("after five minutes: %v", later)
	}
}

func TestBatch(t *testing.T) {
	s, _, out := open(t)
	call(t, s, "CreateTopic", m{"Name": "t"})
	subscribe(t, s, topicT, "sqs", queueQ, nil)
	got := call(t, s, "PublishBatch", m{"TopicArn": topicT, "PublishBatchRequestEntries": []m{{"Id": "a", "Message": "1"}, {"Id": "b", "Message": ""}, {"Id": "c", "Message": "3"}}})
	ok, failed := got["Successful"].([]any), got["Failed"].([]any)
	if len(ok) != 2 || len(failed) != 1 || len(out.queued) != 2 {
		t.Fatalf("got %v, delivered %d", got, len(out.queued))
	}
	if f := failed[0].(map[string]any); f["Id"] != "b" || f["Code"] != "InvalidParameter" || f["SenderFault"] != true {
		t.Errorf("got %v", f)
	}
}

// The handshake and the delivery of HTTP endpoints, follow-ups played by the test.
func TestHTTP(t *testing.T) {
	s, h, _ := open(t)
	g := tasks.NewRegistry(h)
	s.Register(g)
	var got []*http.Request
	var bodies []string
	status := 200
	endpoint := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		got, bodies = append(got, r), append(bodies, string(b))
		w.WriteHeader(status)
	}))
	defer endpoint.Close()
	play := func() (err error) {
		t.Helper()
		all := h.Enqueued()
		f := all[len(all)-1]
		task, err := g.Resolve(f.Resource)
		if err != nil {
			t.Fatal(err)
		}
		_, err = task.(engine.RemoteAction).Call(t.Context(), engine.Call{Key: f.Key, Input: f.Input})
		return err
	}
	call(t, s, "CreateTopic", m{"Name": "t"})
	arn := call(t, s, "Subscribe", m{"TopicArn": topicT, "Protocol": "http", "Endpoint": endpoint.URL})["SubscriptionArn"]
	if arn != "pending confirmation" {
		t.Errorf("got %v", arn)
	}
	call(t, s, "Publish", m{"TopicArn": topicT, "Message": "too early"})
	if n := len(h.Enqueued()); n != 1 {
		t.Fatalf("%d follow-ups before the confirmation", n)
	}
	if err := play(); err != nil {
		t.Fatal(err)
	}
	var ask struct{ Type, Token, SubscribeURL, TopicArn string }
	if err := json.Unmarshal([]byte(bodies[0]), &ask); err != nil || ask.Type != "SubscriptionConfirmation" || ask.TopicArn != topicT || got[0].Header.Get("X-Amz-Sns-Message-Type") != ask.Type {
		t.Fatalf("got %s, %v", bodies[0], err)
	}
	if _, err := invoke(s, "ConfirmSubscription", m{"TopicArn": topicT, "Token": "0" + ask.Token[1:] + "x"}); codeOf(err) != "InvalidParameterException" {
		t.Errorf("a wrong token: %v", err)
	}
	// The link of the message confirms, as a click on it does.
	w := httptest.NewRecorder()
	s.Front().Handler.ServeHTTP(w, httptest.NewRequest("GET", ask.SubscribeURL, nil))
	if w.Code != 200 || !strings.Contains(w.Body.String(), "<SubscriptionArn>"+topicT+":") {
		t.Fatalf("confirm: %d %s", w.Code, w.Body)
	}
	call(t, s, "Publish", m{"TopicArn": topicT, "Message": "hello"})
	if err := play(); err != nil || !strings.Contains(bodies[1], `"Message" : "hello"`) || got[1].Header.Get("X-Amz-Sns-Topic-Arn") != topicT {
		t.Errorf("got %v, %v", bodies, err)
	}
	f := h.Enqueued()[1]
	if f.Attempts != 4 || f.Backoff != 5*time.Second || f.Key == h.Enqueued()[0].Key {
		t.Errorf("follow-up %+v", f)
	}
	status = 500
	if err := play(); err == nil || !strings.Contains(err.Error(), "500") {
		t.Errorf("an endpoint that fails: %v", err)
	}
}

func TestDeliveriesStayOnTheMachine(t *testing.T) {
	c := newClient(false)
	defer c.CloseIdleConnections()
	req, err := http.NewRequestWithContext(t.Context(), "POST", "http://192.0.2.1:9/", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Do(req); !errors.Is(err, errAnywhere) {
		t.Errorf("got %v, want %v", err, errAnywhere)
	}
	for host, want := range map[string]bool{"localhost": true, "127.0.0.1": true, "::1": true, "a.localhost": true, "example.com": false, "10.0.0.1": false, "localhost.example.com": false} {
		if loopback(host) != want {
			t.Errorf("%s: got %v", host, !want)
		}
	}
}

func TestRefusals(t *testing.T) {
	s, _, _ := open(t)
	call(t, s, "CreateTopic", m{"Name": "t", "Attributes": m{"DisplayName": "d"}})
	call(t, s, "CreateTopic", m{"Name": "t.fifo", "Attributes": m{"FifoTopic": "true"}})
	subscribe(t, s, topicT, "sqs", queueQ, nil)
	pub := func(more m) m {
		in := m{"TopicArn": topicT, "Message": "x"}
		for k, v := range more {
			in[k] = v
		}
		return in
	}
	for name, c := range map[string]struct {
		operation string
		in        m
		want      string
	}{
		"bad name":             {"CreateTopic", m{"Name": "a b"}, "InvalidParameterException"},
		"fifo name":            {"CreateTopic", m{"Name": "a.fifo"}, "InvalidParameterException"},
		"no fifo name":         {"CreateTopic", m{"Name": "a", "Attributes": m{"FifoTopic": "true"}}, "InvalidParameterException"},
		"other attributes":     {"CreateTopic", m{"Name": "t", "Attributes": m{"DisplayName": "e"}}, "InvalidParameterException"},
		"unknown attribute":    {"CreateTopic", m{"Name": "u", "Attributes": m{"KmsMasterKeyId": "k"}}, "InvalidParameterException"},
		"no topic":             {"Publish", pub(m{"TopicArn": topicT + "x"}), "NotFoundException"},
		"no ARN":               {"Publish", pub(m{"TopicArn": "t"}), "InvalidParameterException"},
		"nowhere":              {"Publish", m{"Message": "x"}, "InvalidParameterException"},
		"no message":           {"Publish", pub(m{"Message": ""}), "InvalidParameterException"},
		"long message":         {"Publish", pub(m{"Message": strings.Repeat("x", maxMessage+1)}), "InvalidParameterException"},
		"subject":              {"Publish", pub(m{"Subject": "a\nb"}), "InvalidParameterException"},
		"structure":            {"Publish", pub(m{"MessageStructure": "json"}), "InvalidParameterException"},
		"no default":           {"Publish", pub(m{"Message": `{"sqs":"x"}`, "MessageStructure": "json"}), "InvalidParameterException"},
		"attribute type":       {"Publish", pub(m{"MessageAttributes": m{"a": m{"DataType": "Text", "StringValue": "x"}}}), "InvalidParameterValueException"},
		"attribute value":      {"Publish", pub(m{"MessageAttributes": m{"a": m{"DataType": "Number", "StringValue": "x"}}}), "InvalidParameterValueException"},
		"deduplication":        {"Publish", pub(m{"MessageDeduplicationId": "x"}), "InvalidParameterException"},
		"fifo without group":   {"Publish", pub(m{"TopicArn": topicFIFO}), "InvalidParameterException"},
		"fifo without id":      {"Publish", pub(m{"TopicArn": topicFIFO, "MessageGroupId": "g"}), "InvalidParameterException"},
		"empty batch":          {"PublishBatch", m{"TopicArn": topicT, "PublishBatchRequestEntries": []m{}}, "EmptyBatchRequestException"},
		"same ids":             {"PublishBatch", m{"TopicArn": topicT, "PublishBatchRequestEntries": []m{{"Id": "a", "Message": "x"}, {"Id": "a", "Message": "x"}}}, "BatchEntryIdsNotDistinctException"},
		"protocol":             {"Subscribe", m{"TopicArn": topicT, "Protocol": "email", "Endpoint": "a@b.c"}, "InvalidParameterException"},
		"no queue":             {"Subscribe", m{"TopicArn": topicT, "Protocol": "sqs", "Endpoint": "q"}, "InvalidParameterException"},
		"fifo queue":           {"Subscribe", m{"TopicArn": topicT, "Protocol": "sqs", "Endpoint": queueQ + ".fifo"}, "InvalidParameterException"},
		"scheme":               {"Subscribe", m{"TopicArn": topicT, "Protocol": "https", "Endpoint": "http://127.0.0.1/"}, "InvalidParameterException"},
		"not on this machine":  {"Subscribe", m{"TopicArn": topicT, "Protocol": "http", "Endpoint": "http://example.com/"}, "InvalidParameterException"},
		"fifo to http":         {"Subscribe", m{"TopicArn": topicFIFO, "Protocol": "http", "Endpoint": "http://127.0.0.1/"}, "InvalidParameterException"},
		"filter":               {"Subscribe", m{"TopicArn": topicT, "Protocol": "sqs", "Endpoint": queueQ + "2", "Attributes": m{"FilterPolicy": `{"a":1}`}}, "InvalidParameterException"},
		"nested filter":        {"Subscribe", m{"TopicArn": topicT, "Protocol": "sqs", "Endpoint": queueQ + "2", "Attributes": m{"FilterPolicy": `{"a":{"b":[1]}}`}}, "InvalidParameterException"},
		"subscribed otherwise": {"Subscribe", m{"TopicArn": topicT, "Protocol": "sqs", "Endpoint": queueQ, "Attributes": m{"RawMessageDelivery": "true"}}, "InvalidParameterException"},
		"no subscription":      {"GetSubscriptionAttributes", m{"SubscriptionArn": topicT + ":x"}, "NotFoundException"},
		"no tags of nothing":   {"ListTagsForResource", m{"ResourceArn": topicT + "x"}, "ResourceNotFoundException"},
	} {
		if _, err := invoke(s, c.operation, c.in); codeOf(err) != c.want {
			t.Errorf("%s: got %v, want %s", name, err, c.want)
		}
	}
}

// What task states get, as it was recorded on AWS.
func TestResource(t *testing.T) {
	s, h, out := open(t)
	g := tasks.NewRegistry(h)
	s.Register(g)
	call(t, s, "CreateTopic", m{"Name": "t"})
	call(t, s, "CreateTopic", m{"Name": "t.fifo", "Attributes": m{"FifoTopic": "true"}})
	subscribe(t, s, topicT, "sqs", queueQ, m{"RawMessageDelivery": "true"})
	run := func(resource, in string) (string, string) {
		t.Helper()
		task, err := g.Resolve(resource)
		if err != nil {
			t.Fatal(err)
		}
		var text, cause string
		err = h.Do(t.Context(), nil, func(tx engine.Tx) error {
			o, err := task.(engine.LocalAction).Run(tx, engine.Call{Key: "k", Input: json.RawMessage(in)})
			if err == nil && o.Failed {
				text, cause = *o.Error, *o.Cause
			} else if err == nil {
				text = o.Output.String()
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return text, cause
	}
	text, _ := run("arn:aws:states:::sns:publish", `{"TopicArn":"`+topicT+`","Message":{"Message":"HelloWorld!"}}`)
	if !strings.HasPrefix(text, `{"MessageId":"`) || !strings.Contains(text, `"SdkHttpMetadata":`) || out.queued[0].Body != `{"Message":"HelloWorld!"}` {
		t.Errorf("got %s, delivered %+v", text, out.queued)
	}
	name, cause := run("arn:aws:states:::sns:publish", `{"TopicArn":"`+topicFIFO+`","Message":{"Message":"HelloWorld!"}}`)
	want := "Invalid parameter: The MessageGroupId parameter is required for FIFO topics (Service: AmazonSNS; Status Code: 400; Error Code: InvalidParameter; Request ID: " + tasks.RequestID("k") + "; Proxy: null)"
	if name != "SNS.InvalidParameterException" || cause != want {
		t.Errorf("got %s: %s", name, cause)
	}
	text, _ = run("arn:aws:states:::sns:publish.waitForTaskToken", `{"TopicArn":"`+topicFIFO+`","Message":"x","MessageGroupId":"a-group","MessageDeduplicationId":"dedup-1"}`)
	if !strings.Contains(text, `"SequenceNumber":"1`) {
		t.Errorf("got %s", text)
	}
	name, cause = run("arn:aws:states:::aws-sdk:sns:publish", `{"TopicArn":"`+topicT+`x","Message":"x"}`)
	if name != "Sns.NotFoundException" || !strings.HasPrefix(cause, "Topic does not exist (Service: Sns, Status Code: 404, Request ID: ") {
		t.Errorf("got %s: %s", name, cause)
	}
}

func TestBoto(t *testing.T) {
	s, _, out := open(t)
	hosttest.Boto(t, s.Front().Handler, `
c = client("sns")
arn = c.create_topic(Name="t", Attributes={"DisplayName": "d"}, Tags=[{"Key": "k", "Value": "v"}])["TopicArn"]
assert c.create_topic(Name="t")["TopicArn"] == arn
assert c.list_topics()["Topics"] == [{"TopicArn": arn}]
assert c.get_topic_attributes(TopicArn=arn)["Attributes"]["DisplayName"] == "d"
c.set_topic_attributes(TopicArn=arn, AttributeName="DisplayName", AttributeValue="e & f")
assert c.get_topic_attributes(TopicArn=arn)["Attributes"]["DisplayName"] == "e & f"
sub = c.subscribe(TopicArn=arn, Protocol="sqs", Endpoint="arn:aws:sqs:us-east-1:000000000000:q", Attributes={"RawMessageDelivery": "true", "FilterPolicy": '{"a":["b"]}'})["SubscriptionArn"]
assert c.get_subscription_attributes(SubscriptionArn=sub)["Attributes"]["FilterPolicy"] == '{"a":["b"]}'
assert c.list_subscriptions_by_topic(TopicArn=arn)["Subscriptions"][0]["SubscriptionArn"] == sub
pub = c.publish(TopicArn=arn, Message="é & <x>", MessageAttributes={"a": {"DataType": "String", "StringValue": "b"}, "bin": {"DataType": "Binary", "BinaryValue": b"\x00\x01"}})
assert len(pub["MessageId"]) == 36 and "SequenceNumber" not in pub, pub
out = c.publish_batch(TopicArn=arn, PublishBatchRequestEntries=[{"Id": "1", "Message": "x", "MessageAttributes": {"a": {"DataType": "String", "StringValue": "b"}}}, {"Id": "2", "Message": ""}])
assert out["Successful"][0]["Id"] == "1" and out["Failed"][0]["SenderFault"] is True, out
assert c.list_tags_for_resource(ResourceArn=arn)["Tags"] == [{"Key": "k", "Value": "v"}]
c.untag_resource(ResourceArn=arn, TagKeys=["k"])
assert c.list_tags_for_resource(ResourceArn=arn)["Tags"] == []
refused("NotFound", c.publish, TopicArn=arn + "x", Message="x")
refused("InvalidParameter", c.subscribe, TopicArn=arn, Protocol="fax", Endpoint="x")
c.unsubscribe(SubscriptionArn=sub)
assert c.list_subscriptions()["Subscriptions"] == []
c.delete_topic(TopicArn=arn)
refused("NotFound", c.get_topic_attributes, TopicArn=arn)
`)
	if len(out.queued) != 2 || out.queued[0].Body != "é & <x>" || out.queued[0].Attributes["bin"].BinaryValue != "AAE=" {
		t.Errorf("delivered %+v", out.queued)
	}
}
