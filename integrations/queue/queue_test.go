package queue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"millrace/engine"
	"millrace/engine/leaktest"
	"millrace/integrations/wire/hosttest"
	"millrace/tasks"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

type fixture struct {
	t *testing.T
	h *hosttest.Host
	s *Service
}

func open(t *testing.T) *fixture {
	h := hosttest.New(t, Migrations())
	s := New(h, Options{Endpoint: "http://127.0.0.1:4566"})
	t.Cleanup(func() {
		s.Close()
		if n := h.Watching(); n != 0 {
			t.Errorf("%d watchers are left", n)
		}
	})
	return &fixture{t, h, s}
}

// call runs an operation and returns its output as JSON.
func (f *fixture) call(op, in string) (map[string]any, error) {
	f.t.Helper()
	out, err := tasks.Invoke(context.Background(), f.h, f.s.Service(), op, tasks.Caller{}, json.RawMessage(in))
	if err != nil {
		return nil, err
	}
	text, err := tasks.Encode(out, tasks.Form{})
	if err != nil {
		f.t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(text, &m); err != nil {
		f.t.Fatal(err)
	}
	return m, nil
}

func (f *fixture) must(op, format string, args ...any) map[string]any {
	f.t.Helper()
	m, err := f.call(op, fmt.Sprintf(format, args...))
	if err != nil {
		f.t.Fatalf("%s: %v", op, err)
	}
	return m
}

func (f *fixture) bodies(queue string, n int) (bodies, handles []string) {
	f.t.Helper()
	m := f.must("ReceiveMessage", `{"QueueUrl":%q,"MaxNumberOfMessages":%d,"AttributeNames":["All"]}`, queue, n)
	list, _ := m["Messages"].([]any)
	for _, e := range list {
		bodies = append(bodies, e.(map[string]any)["Body"].(string))
		handles = append(handles, e.(map[string]any)["ReceiptHandle"].(string))
	}
	return bodies, handles
}

func (f *fixture) want(queue string, n int, want ...string) (handles []string) {
	f.t.Helper()
	got, handles := f.bodies(queue, n)
	if fmt.Sprint(got) != fmt.Sprint(want) {
		f.t.Fatalf("received %v, want %v", got, want)
	}
	return handles
}

func code(err error) string {
	if e := (*tasks.Error)(nil); errors.As(err, &e) {
		return e.Code
	}
	return fmt.Sprint(err)
}

func TestSendReceiveDelete(t *testing.T) {
	f := open(t)
	url := f.must("CreateQueue", `{"QueueName":"q"}`)["QueueUrl"].(string)
	if want := "http://127.0.0.1:4566/000000000000/q"; url != want {
		t.Fatalf("url %s, want %s", url, want)
	}
	sent := f.must("SendMessage", `{"QueueUrl":%q,"MessageBody":"hello","MessageAttributes":{"k":{"DataType":"String","StringValue":"v"}}}`, url)
	if got, want := sent["MD5OfMessageBody"], "5d41402abc4b2a76b9719d911017c592"; got != want {
		t.Errorf("MD5OfMessageBody %v, want %v", got, want)
	}
	m := f.must("ReceiveMessage", `{"QueueUrl":"https://sqs.eu-west-1.amazonaws.com/1/q","MessageAttributeNames":["k"]}`)["Messages"].([]any)[0].(map[string]any)
	if m["MessageId"] != sent["MessageId"] || m["MD5OfMessageAttributes"] != sent["MD5OfMessageAttributes"] || m["Attributes"] != nil {
		t.Errorf("received %v, sent %v", m, sent)
	}
	f.want(url, 1) // in flight
	f.must("DeleteMessage", `{"QueueUrl":%q,"ReceiptHandle":%q}`, url, m["ReceiptHandle"])
	f.h.Advance(time.Hour)
	f.want(url, 1)
}

func TestVisibilityTimeout(t *testing.T) {
	f := open(t)
	f.must("CreateQueue", `{"QueueName":"q","Attributes":{"VisibilityTimeout":"5"}}`)
	f.must("SendMessage", `{"QueueUrl":"q","MessageBody":"a"}`)
	first := f.want("q", 1, "a")[0]
	f.h.Advance(4 * time.Second)
	f.want("q", 1)
	f.must("ChangeMessageVisibility", `{"QueueUrl":"q","ReceiptHandle":%q,"VisibilityTimeout":10}`, first)
	f.h.Advance(9 * time.Second)
	f.want("q", 1)
	f.h.Advance(time.Second)
	second := f.want("q", 1, "a")[0]
	// The handle of an older receipt deletes nothing.
	f.must("DeleteMessage", `{"QueueUrl":"q","ReceiptHandle":%q}`, first)
	f.must("ChangeMessageVisibility", `{"QueueUrl":"q","ReceiptHandle":%q,"VisibilityTimeout":0}`, second)
	if _, err := f.call("ChangeMessageVisibility", fmt.Sprintf(`{"QueueUrl":"q","ReceiptHandle":%q,"VisibilityTimeout":1}`, second)); code(err) != "MessageNotInflight" {
		t.Errorf("visibility of a message not in flight: %v", err)
	}
	f.want("q", 1, "a")
}

func TestDelayAndCounts(t *testing.T) {
	f := open(t)
	f.must("CreateQueue", `{"QueueName":"q","Attributes":{"DelaySeconds":"10"}}`)
	f.must("SendMessage", `{"QueueUrl":"q","MessageBody":"late"}`)
	f.must("SendMessage", `{"QueueUrl":"q","MessageBody":"now","DelaySeconds":0}`)
	f.must("SendMessage", `{"QueueUrl":"q","MessageBody":"waits","DelaySeconds":0}`)
	f.want("q", 1, "now")
	a := f.must("GetQueueAttributes", `{"QueueUrl":"q","AttributeNames":["All"]}`)["Attributes"].(map[string]any)
	for name, want := range map[string]string{
		"ApproximateNumberOfMessages": "1", "ApproximateNumberOfMessagesNotVisible": "1", "ApproximateNumberOfMessagesDelayed": "1",
		"QueueArn": "arn:aws:sqs:us-east-1:000000000000:q", "VisibilityTimeout": "30", "DelaySeconds": "10", "MaximumMessageSize": "1048576",
	} {
		if a[name] != want {
			t.Errorf("%s is %v, want %s", name, a[name], want)
		}
	}
	f.h.Advance(10 * time.Second)
	f.want("q", 10, "waits", "late")
}

func TestDeadLetterQueue(t *testing.T) {
	f := open(t)
	f.must("CreateQueue", `{"QueueName":"dead"}`)
	f.must("CreateQueue", `{"QueueName":"q","Attributes":{"VisibilityTimeout":"1","RedrivePolicy":"{\"deadLetterTargetArn\":\"arn:aws:sqs:us-east-1:000000000000:dead\",\"maxReceiveCount\":\"2\"}"}}`)
	f.must("SendMessage", `{"QueueUrl":"q","MessageBody":"bad"}`)
	f.want("q", 1, "bad")
	f.must("SendMessage", `{"QueueUrl":"q","MessageBody":"good"}`)
	f.h.Advance(time.Second)
	f.want("q", 2, "good", "bad")
	f.h.Advance(time.Second)
	f.want("q", 2, "good")
	m := f.must("ReceiveMessage", `{"QueueUrl":"dead","MessageSystemAttributeNames":["All"]}`)["Messages"].([]any)[0].(map[string]any)
	if m["Body"] != "bad" || m["Attributes"].(map[string]any)["DeadLetterQueueSourceArn"] != "arn:aws:sqs:us-east-1:000000000000:q" {
		t.Errorf("dead letter %v", m)
	}
	urls := f.must("ListDeadLetterSourceQueues", `{"QueueUrl":"dead"}`)["queueUrls"].([]any)
	if len(urls) != 1 || !strings.HasSuffix(urls[0].(string), "/q") {
		t.Errorf("sources %v", urls)
	}
}

// A queue full of messages that are due for the dead-letter queue does not make
// one unit move them all.
func TestDeadLettersMoveInShortUnits(t *testing.T) {
	f := open(t)
	f.must("CreateQueue", `{"QueueName":"dead"}`)
	f.must("CreateQueue", `{"QueueName":"q","Attributes":{"VisibilityTimeout":"0","RedrivePolicy":"{\"deadLetterTargetArn\":\"arn:aws:sqs:us-east-1:000000000000:dead\",\"maxReceiveCount\":1}"}}`)
	const n = 5 * mostMoved
	for i := range n {
		f.must("SendMessage", `{"QueueUrl":"q","MessageBody":"%d"}`, i)
	}
	receive := func(most int) (got []Received) {
		err := f.h.Do(context.Background(), nil, func(tx engine.Tx) (err error) {
			got, err = f.s.Receive(tx, "q", ReceiveInput{Max: most})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	if got := receive(n); len(got) != n {
		t.Fatalf("received %d, want %d", len(got), n)
	}
	count := func(queue string) string {
		m := f.must("GetQueueAttributes", `{"QueueUrl":%q,"AttributeNames":["All"]}`, queue)
		return m["Attributes"].(map[string]any)["ApproximateNumberOfMessages"].(string)
	}
	for _, want := range []string{"20", "40"} {
		if got := receive(1); len(got) != 0 {
			t.Errorf("received %v, want none", got)
		}
		if got := count("dead"); got != want {
			t.Errorf("%s messages are dead, want %s", got, want)
		}
	}
	f.want("q", 1) // a poll goes on until the queue is empty
	if got := count("dead"); got != "100" {
		t.Errorf("%s messages are dead, want 100", got)
	}
}

func TestLongPoll(t *testing.T) {
	f := open(t)
	f.must("CreateQueue", `{"QueueName":"q","Attributes":{"ReceiveMessageWaitTimeSeconds":"20"}}`)
	got := make(chan []string)
	receive := func() {
		bodies, _ := f.bodies("q", 1)
		got <- bodies
	}
	before := f.h.Watching()
	go receive()
	f.waitWatching(before + 2)
	f.must("SendMessage", `{"QueueUrl":"q","MessageBody":"a","DelaySeconds":5}`)
	f.waitWake(f.h.Now().Add(5 * time.Second))
	f.h.Advance(5 * time.Second)
	if b := <-got; len(b) != 1 {
		t.Errorf("received %v, want the message once its delay is over", b)
	}
	go receive()
	f.waitWatching(before + 2)
	f.h.Advance(20 * time.Second)
	if b := <-got; len(b) != 0 {
		t.Errorf("received %v, want nothing at the end of the wait", b)
	}
}

func (f *fixture) waitWatching(n int) {
	for f.h.Watching() != n {
		f.h.Yield()
	}
}

func (f *fixture) waitWake(t time.Time) {
	for {
		if at, ok := f.h.NextWake(); ok && !at.After(t) {
			return
		}
		f.h.Yield()
	}
}

func TestFIFO(t *testing.T) {
	f := open(t)
	f.must("CreateQueue", `{"QueueName":"q.fifo","Attributes":{"FifoQueue":"true","ContentBasedDeduplication":"true"}}`)
	send := func(body, group string) map[string]any {
		return f.must("SendMessage", `{"QueueUrl":"q.fifo","MessageBody":%q,"MessageGroupId":%q}`, body, group)
	}
	first := send("a1", "a")
	if again := send("a1", "a"); again["MessageId"] != first["MessageId"] || again["SequenceNumber"] != first["SequenceNumber"] {
		t.Errorf("duplicate %v, want %v", again, first)
	}
	send("a2", "a")
	send("b1", "b")
	h := f.want("q.fifo", 1, "a1")
	f.want("q.fifo", 10, "b1") // group a is locked
	f.must("DeleteMessage", `{"QueueUrl":"q.fifo","ReceiptHandle":%q}`, h[0])
	f.want("q.fifo", 10, "a2")
	f.h.Advance(5 * time.Minute)
	if again := send("a1", "a"); again["MessageId"] == first["MessageId"] {
		t.Error("a duplicate after five minutes was dropped")
	}
	if _, err := f.call("SendMessage", `{"QueueUrl":"q.fifo","MessageBody":"x"}`); code(err) != "MissingRequiredParameterException" {
		t.Errorf("no group: %v", err)
	}
}

func TestBatch(t *testing.T) {
	f := open(t)
	f.must("CreateQueue", `{"QueueName":"q"}`)
	out := f.must("SendMessageBatch", `{"QueueUrl":"q","Entries":[{"Id":"1","MessageBody":"a"},{"Id":"2","MessageBody":"\u0001"},{"Id":"3","MessageBody":"c","DelaySeconds":901}]}`)
	ok, failed := out["Successful"].([]any), out["Failed"].([]any)
	if len(ok) != 1 || len(failed) != 2 || failed[0].(map[string]any)["Code"] != "InvalidMessageContents" || failed[1].(map[string]any)["Code"] != "InvalidParameterValue" {
		t.Fatalf("batch %v", out)
	}
	h := f.want("q", 10, "a")
	out = f.must("DeleteMessageBatch", `{"QueueUrl":"q","Entries":[{"Id":"1","ReceiptHandle":%q},{"Id":"2","ReceiptHandle":"rubbish"}]}`, h[0])
	if len(out["Successful"].([]any)) != 1 || out["Failed"].([]any)[0].(map[string]any)["Code"] != "ReceiptHandleIsInvalid" {
		t.Errorf("batch %v", out)
	}
}

func TestPurgeAndDelete(t *testing.T) {
	f := open(t)
	f.must("CreateQueue", `{"QueueName":"q"}`)
	for range 3 {
		f.must("SendMessage", `{"QueueUrl":"q","MessageBody":"a"}`)
	}
	f.want("q", 1, "a")
	f.must("PurgeQueue", `{"QueueUrl":"q"}`)
	f.h.Advance(time.Minute - time.Second)
	f.want("q", 10)
	if _, err := f.call("PurgeQueue", `{"QueueUrl":"q"}`); code(err) != "PurgeQueueInProgress" {
		t.Errorf("second purge: %v", err)
	}
	f.must("SendMessage", `{"QueueUrl":"q","MessageBody":"b"}`)
	f.must("DeleteQueue", `{"QueueUrl":"q"}`)
	if _, err := f.call("ReceiveMessage", `{"QueueUrl":"q"}`); code(err) != "QueueDoesNotExist" {
		t.Errorf("receive from a deleted queue: %v", err)
	}
	f.must("CreateQueue", `{"QueueName":"q"}`)
	f.want("q", 10)
	for f.rows() != 0 { // the sweeper's work
		f.h.Yield()
	}
}

func (f *fixture) rows() (n int64) {
	err := f.h.Read(context.Background(), func(r engine.Reader) (err error) {
		n, err = one(r, `SELECT COUNT(*) FROM queue_message`)
		return err
	})
	if err != nil {
		f.t.Fatal(err)
	}
	return n
}

func TestRetention(t *testing.T) {
	f := open(t)
	f.must("CreateQueue", `{"QueueName":"q","Attributes":{"MessageRetentionPeriod":"60"}}`)
	f.must("SendMessage", `{"QueueUrl":"q","MessageBody":"a"}`)
	f.h.Advance(time.Minute)
	f.want("q", 1)
	f.h.Advance(sweepEvery)
	for f.rows() != 0 {
		f.h.Yield()
	}
}

func TestRefusals(t *testing.T) {
	f := open(t)
	f.must("CreateQueue", `{"QueueName":"q","Attributes":{"VisibilityTimeout":"5"}}`)
	f.must("CreateQueue", `{"QueueName":"q","Attributes":{"VisibilityTimeout":"5"}}`)
	f.must("CreateQueue", `{"QueueName":"q"}`)
	long := strings.Repeat("a", 1<<20+1)
	for _, c := range []struct{ op, in, want string }{
		{"CreateQueue", `{"QueueName":"q","Attributes":{"VisibilityTimeout":"6"}}`, "QueueNameExists"},
		{"CreateQueue", `{"QueueName":"a b"}`, "InvalidParameterValueException"},
		{"CreateQueue", `{"QueueName":"x.fifo"}`, "InvalidParameterValueException"},
		{"CreateQueue", `{"QueueName":"x","Attributes":{"Nope":"1"}}`, "InvalidAttributeName"},
		{"CreateQueue", `{"QueueName":"x","Attributes":{"DelaySeconds":"901"}}`, "InvalidAttributeValue"},
		{"SetQueueAttributes", `{"QueueUrl":"q","Attributes":{"RedrivePolicy":"{\"deadLetterTargetArn\":\"arn:aws:sqs:us-east-1:000000000000:q\",\"maxReceiveCount\":1}"}}`, "InvalidParameterValueException"},
		{"CreateQueue", `{"QueueName":"x","Attributes":{"RedrivePolicy":"{\"deadLetterTargetArn\":\"arn:aws:sqs:us-east-1:000000000000:none\",\"maxReceiveCount\":1}"}}`, "InvalidParameterValueException"},
		{"CreateQueue", `{}`, "MissingRequiredParameterException"},
		{"SendMessage", `{"QueueUrl":"none","MessageBody":"a"}`, "QueueDoesNotExist"},
		{"SendMessage", `{"QueueUrl":"q"}`, "MissingRequiredParameterException"},
		{"SendMessage", `{"QueueUrl":"q","MessageBody":1}`, "SerializationException"},
		{"SendMessage", `{"QueueUrl":"q","MessageBody":"` + long + `"}`, "InvalidParameterValueException"},
		{"SendMessage", `{"QueueUrl":"q","MessageBody":"a","MessageAttributes":{"aws.x":{"DataType":"String","StringValue":"v"}}}`, "InvalidParameterValueException"},
		{"SendMessage", `{"QueueUrl":"q","MessageBody":"a","MessageAttributes":{"x":{"DataType":"Number","StringValue":"v"}}}`, "InvalidParameterValueException"},
		{"SendMessageBatch", `{"QueueUrl":"q","Entries":[]}`, "EmptyBatchRequest"},
		{"SendMessageBatch", `{"QueueUrl":"q","Entries":[{"Id":"1","MessageBody":"a"},{"Id":"1","MessageBody":"a"}]}`, "BatchEntryIdsNotDistinct"},
		{"SendMessageBatch", `{"QueueUrl":"q","Entries":[{"Id":"!","MessageBody":"a"}]}`, "InvalidBatchEntryId"},
		{"ReceiveMessage", `{"QueueUrl":"q","MaxNumberOfMessages":11}`, "InvalidParameterValueException"},
		{"ReceiveMessage", `{"QueueUrl":"q","WaitTimeSeconds":21}`, "InvalidParameterValueException"},
		{"DeleteMessage", `{"QueueUrl":"q","ReceiptHandle":"x"}`, "ReceiptHandleIsInvalid"},
		{"GetQueueAttributes", `{"QueueUrl":"q","AttributeNames":["Nope"]}`, "InvalidAttributeName"},
		{"ListQueues", `{"MaxResults":0}`, "InvalidParameterValueException"},
		{"Nope", `{}`, "UnknownOperationException"},
	} {
		if _, err := f.call(c.op, c.in); code(err) != c.want {
			t.Errorf("%s %.100s: %v, want %s", c.op, c.in, err, c.want)
		}
	}
}

func TestListQueuesInPages(t *testing.T) {
	f := open(t)
	for _, n := range []string{"a1", "a2", "a3", "b"} {
		f.must("CreateQueue", `{"QueueName":%q}`, n)
	}
	page := f.must("ListQueues", `{"QueueNamePrefix":"a","MaxResults":2}`)
	if n := len(page["QueueUrls"].([]any)); n != 2 {
		t.Fatalf("first page has %d", n)
	}
	page = f.must("ListQueues", `{"QueueNamePrefix":"a","MaxResults":2,"NextToken":%q}`, page["NextToken"])
	if n := len(page["QueueUrls"].([]any)); n != 1 || page["NextToken"] != nil {
		t.Errorf("second page %v", page)
	}
}

func TestPermissionAndTags(t *testing.T) {
	f := open(t)
	f.must("CreateQueue", `{"QueueName":"q","tags":{"a":"1"}}`)
	f.must("AddPermission", `{"QueueUrl":"q","Label":"l","AWSAccountIds":["111122223333"],"Actions":["SendMessage"]}`)
	a := f.must("GetQueueAttributes", `{"QueueUrl":"q","AttributeNames":["Policy"]}`)["Attributes"].(map[string]any)
	if p := a["Policy"].(string); !strings.Contains(p, `"SQS:SendMessage"`) || len(a) != 1 {
		t.Errorf("attributes %v", a)
	}
	f.must("RemovePermission", `{"QueueUrl":"q","Label":"l"}`)
	if out := f.must("GetQueueAttributes", `{"QueueUrl":"q","AttributeNames":["Policy"]}`); len(out) != 0 {
		t.Errorf("attributes %v", out)
	}
	f.must("TagQueue", `{"QueueUrl":"q","Tags":{"b":"2"}}`)
	f.must("UntagQueue", `{"QueueUrl":"q","TagKeys":["a"]}`)
	if tags := f.must("ListQueueTags", `{"QueueUrl":"q"}`)["Tags"].(map[string]any); len(tags) != 1 || tags["b"] != "2" {
		t.Errorf("tags %v", tags)
	}
}

func TestMoveTasks(t *testing.T) {
	f := open(t)
	f.must("CreateQueue", `{"QueueName":"dead"}`)
	const dead = "arn:aws:sqs:us-east-1:000000000000:dead"
	if _, err := f.call("StartMessageMoveTask", `{"SourceArn":"`+dead+`"}`); code(err) != "InvalidParameterValueException" {
		t.Errorf("a queue of no dead letters: %v", err)
	}
	f.must("CreateQueue", `{"QueueName":"q","Attributes":{"VisibilityTimeout":"0","RedrivePolicy":"{\"deadLetterTargetArn\":\"`+dead+`\",\"maxReceiveCount\":1}"}}`)
	status := func() string {
		m := f.must("ListMessageMoveTasks", `{"SourceArn":"`+dead+`"}`)["Results"].([]any)[0].(map[string]any)
		return fmt.Sprint(m["Status"], " ", m["ApproximateNumberOfMessagesMoved"], " of ", m["ApproximateNumberOfMessagesToMove"])
	}
	for i := range 3 {
		f.must("SendMessage", `{"QueueUrl":"q","MessageBody":"%d"}`, i)
	}
	f.want("q", 10, "0", "1", "2")
	f.want("q", 10)
	f.must("StartMessageMoveTask", `{"SourceArn":"`+dead+`","MaxNumberOfMessagesPerSecond":2}`)
	for status() != "RUNNING 2 of 3" {
		f.h.Yield()
	}
	f.waitWake(f.h.Now().Add(time.Second))
	f.h.Advance(time.Second)
	for status() != "COMPLETED 3 of 3" {
		f.h.Yield()
	}
	f.want("q", 10, "0", "1", "2")
	f.want("dead", 10)
	f.want("q", 10)
	handle := f.must("StartMessageMoveTask", `{"SourceArn":"`+dead+`","MaxNumberOfMessagesPerSecond":1}`)["TaskHandle"]
	for status() != "RUNNING 1 of 3" {
		f.h.Yield()
	}
	f.must("CancelMessageMoveTask", `{"TaskHandle":%q}`, handle)
	if got := status(); got != "CANCELLED 1 of 3" {
		t.Errorf("status %s", got)
	}
	if _, err := f.call("CancelMessageMoveTask", fmt.Sprintf(`{"TaskHandle":%q}`, handle)); code(err) != "ResourceNotFoundException" {
		t.Errorf("a cancelled task: %v", err)
	}
	f.must("SendMessage", `{"QueueUrl":"dead","MessageBody":"from nowhere"}`)
	f.must("StartMessageMoveTask", `{"SourceArn":"`+dead+`"}`)
	for status() != "FAILED 2 of 3" {
		f.h.Yield()
	}
}

// What comes back from a dead-letter queue is a new message: it is kept for as
// long as any, and the receipt handles of its former life are void.
func TestMovedMessagesAreNew(t *testing.T) {
	f := open(t)
	const dead = "arn:aws:sqs:us-east-1:000000000000:dead"
	f.must("CreateQueue", `{"QueueName":"dead","Attributes":{"MessageRetentionPeriod":"1209600"}}`)
	f.must("CreateQueue", `{"QueueName":"q","Attributes":{"VisibilityTimeout":"0","MessageRetentionPeriod":"86400","RedrivePolicy":"{\"deadLetterTargetArn\":\"`+dead+`\",\"maxReceiveCount\":1}"}}`)
	f.must("CreateQueue", `{"QueueName":"dead.fifo","Attributes":{"FifoQueue":"true"}}`)
	f.must("SendMessage", `{"QueueUrl":"q","MessageBody":"m"}`)
	old := f.want("q", 1, "m")
	f.want("q", 1) // now it is dead
	for _, to := range []string{dead, "arn:aws:sqs:us-east-1:000000000000:dead.fifo"} {
		if _, err := f.call("StartMessageMoveTask", fmt.Sprintf(`{"SourceArn":%q,"DestinationArn":%q}`, dead, to)); code(err) != "InvalidParameterValueException" {
			t.Errorf("to %s: %v", to, err)
		}
	}
	f.h.Advance(48 * time.Hour)
	f.must("StartMessageMoveTask", `{"SourceArn":%q}`, dead)
	for f.must("ListMessageMoveTasks", `{"SourceArn":%q}`, dead)["Results"].([]any)[0].(map[string]any)["Status"] != "COMPLETED" {
		f.h.Yield()
	}
	f.must("SetQueueAttributes", `{"QueueUrl":"q","Attributes":{"VisibilityTimeout":"30"}}`)
	handles := f.want("q", 1, "m")
	f.must("DeleteMessage", `{"QueueUrl":"q","ReceiptHandle":%q}`, old[0])
	f.must("ChangeMessageVisibility", `{"QueueUrl":"q","ReceiptHandle":%q,"VisibilityTimeout":60}`, handles[0]) // it is still there
}
