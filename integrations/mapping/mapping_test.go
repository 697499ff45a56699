package mapping_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"millrace/engine"
	"millrace/engine/leaktest"
	"millrace/integrations/mapping"
	"millrace/integrations/queue"
	"millrace/integrations/table"
	"millrace/integrations/wire/hosttest"
	"millrace/tasks"
)

const (
	queueARN  = "arn:aws:sqs:us-east-1:000000000000:q"
	machine   = "arn:aws:states:us-east-1:000000000000:stateMachine:m"
	function  = "arn:aws:lambda:us-east-1:000000000000:function:f"
	streamARN = "arn:aws:dynamodb:us-east-1:000000000000:table/tab/stream/2026-01-02T03:04:05.678"
)

// functions is a fake that answers calls as the test says.
type functions struct {
	mu      sync.Mutex
	calls   []string
	keys    []string
	answers []string // of the next calls; "!..." is a function error; then null
	block   chan struct{}
}

func (f *functions) InvokeFunction(ctx context.Context, arn string, payload []byte, key string) ([]byte, bool, error) {
	if f.block != nil {
		select {
		case <-f.block:
		case <-ctx.Done():
			return nil, false, ctx.Err()
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, string(payload))
	f.keys = append(f.keys, key)
	if len(f.answers) == 0 {
		return []byte("null"), false, nil
	}
	a := f.answers[0]
	f.answers = f.answers[1:]
	rest, failed := strings.CutPrefix(a, "!")
	return []byte(rest), failed, nil
}

// FunctionTimeout knows f and g, which have 3 s, and slow, which has 31.
func (f *functions) FunctionTimeout(_ engine.Reader, arn string) (time.Duration, bool, error) {
	switch strings.TrimPrefix(arn, strings.TrimSuffix(function, "f")) {
	case "f", "g":
		return 3 * time.Second, true, nil
	case "slow":
		return 31 * time.Second, true, nil
	}
	return 0, false, nil
}

func (f *functions) list() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.calls)
}

// wakes is a host that counts what mappings ask to be woken for.
type wakes struct {
	*hosttest.Host
	n atomic.Int64
}

func (w *wakes) WakeAt(key string, t time.Time) {
	w.n.Add(1)
	w.Host.WakeAt(key, t)
}

func TestMain(m *testing.M) { leaktest.Main(m) }

type fixture struct {
	t       *testing.T
	h       *hosttest.Host
	queues  *queue.Service
	tables  *table.Service
	calls   *functions
	m       *mapping.Service
	wakes   *wakes
	started int
}

func open(t *testing.T) *fixture {
	h := hosttest.New(t, queue.Migrations(), table.Migrations(), mapping.Migrations())
	f := &fixture{t: t, h: h, queues: queue.New(h, queue.Options{}), tables: table.New(h, nil), calls: &functions{}}
	f.run()
	t.Cleanup(func() {
		f.m.Close()
		f.queues.Close()
		f.tables.Close()
		if n := h.Watching(); n != 0 {
			t.Errorf("%d watchers are left", n)
		}
	})
	return f
}

// run starts the service, as at the start of a process.
func (f *fixture) run() {
	f.t.Helper()
	f.wakes = &wakes{Host: f.h}
	f.m = mapping.New(f.wakes, mapping.Config{Queues: f.queues, Streams: f.tables, Functions: f.calls})
	if err := f.m.Start(context.Background()); err != nil {
		f.t.Fatal(err)
	}
}

func (f *fixture) call(op, in string) (map[string]any, error) {
	f.t.Helper()
	lambda := &tasks.Service{Name: "lambda", Operations: f.m.Operations()}
	for _, s := range []*tasks.Service{f.queues.Service(), f.tables.Service(), f.m.Service(), lambda} {
		if s.Find(op) == nil {
			continue
		}
		out, err := tasks.Invoke(context.Background(), f.h, s, op, tasks.Caller{}, json.RawMessage(in))
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
	f.t.Fatalf("no operation %s", op)
	return nil, nil
}

func (f *fixture) must(op, format string, args ...any) map[string]any {
	f.t.Helper()
	m, err := f.call(op, fmt.Sprintf(format, args...))
	if err != nil {
		f.t.Fatalf("%s: %v", op, err)
	}
	return m
}

func (f *fixture) makeQueue(attributes string) {
	f.must("CreateQueue", `{"QueueName":"q","Attributes":{%s}}`, attributes)
}

func (f *fixture) send(bodies ...string) {
	for _, b := range bodies {
		f.must("SendMessage", `{"QueueUrl":"q","MessageBody":%q}`, b)
	}
}

func (f *fixture) makeTable() {
	f.must("CreateTable", `{"TableName":"tab","KeySchema":[{"AttributeName":"pk","KeyType":"HASH"}],"AttributeDefinitions":[{"AttributeName":"pk","AttributeType":"S"}],
		"BillingMode":"PAY_PER_REQUEST","StreamSpecification":{"StreamEnabled":true,"StreamViewType":"NEW_IMAGE"}}`)
}

func (f *fixture) put(keys ...string) {
	for _, k := range keys {
		f.must("PutItem", `{"TableName":"tab","Item":{"pk":{"S":%q}}}`, k)
	}
}

// eventually waits for what goroutines of the service do.
func (f *fixture) eventually(done func() bool) {
	for !done() {
		f.h.Yield()
	}
}

// inputs waits for n executions in all and returns the inputs of the new ones.
func (f *fixture) inputs(n int) (inputs []string) {
	f.eventually(func() bool { return len(f.h.Started()) >= n })
	for _, in := range f.h.Started()[f.started:] {
		inputs = append(inputs, string(in.Input))
	}
	f.started = n
	return inputs
}

// waitWake waits until the service has asked to be woken within d.
func (f *fixture) waitWake(d time.Duration) {
	f.eventually(func() bool {
		at, ok := f.h.NextWake()
		return ok && !at.After(f.h.Now().Add(d))
	})
}

// empty waits until the queue has no messages at all.
func (f *fixture) empty(name string) {
	f.eventually(func() bool {
		a := f.must("GetQueueAttributes", `{"QueueUrl":%q,"AttributeNames":["All"]}`, name)["Attributes"].(map[string]any)
		return a["ApproximateNumberOfMessages"] == "0" && a["ApproximateNumberOfMessagesNotVisible"] == "0"
	})
}

func (f *fixture) visible(name, want string) {
	f.eventually(func() bool {
		a := f.must("GetQueueAttributes", `{"QueueUrl":%q,"AttributeNames":["All"]}`, name)["Attributes"].(map[string]any)
		return a["ApproximateNumberOfMessages"] == want
	})
}

func (f *fixture) pipe(name, source, target, more string) {
	f.t.Helper()
	f.must("CreatePipe", `{"Name":%q,"Source":%q,"Target":%q%s}`, name, source, target, more)
}

func TestQueueToExecution(t *testing.T) {
	f := open(t)
	f.makeQueue("")
	f.send("before")
	f.pipe("p", queueARN, machine, `,"SourceParameters":{"SqsQueueParameters":{"BatchSize":1}}`)
	var records []map[string]any
	if err := json.Unmarshal([]byte(f.inputs(1)[0]), &records); err != nil || len(records) != 1 {
		t.Fatal(records, err)
	}
	r := records[0]
	attributes := r["attributes"].(map[string]any)
	if r["body"] != "before" || r["eventSource"] != "aws:sqs" || r["eventSourceARN"] != queueARN || r["awsRegion"] != "us-east-1" ||
		attributes["ApproximateReceiveCount"] != "1" || r["md5OfBody"] == nil || r["receiptHandle"] == nil || fmt.Sprint(r["messageAttributes"]) != "map[]" {
		t.Errorf("record %v", r)
	}
	if name := f.h.Started()[0].Name; name != r["messageId"] {
		t.Errorf("execution %s, want %s", name, r["messageId"])
	}
	f.send("1", "2", "3")
	if n := len(f.inputs(4)); n != 3 {
		t.Errorf("%d executions, want 3", n)
	}
	f.empty("q")
	f.must("StopPipe", `{"Name":"p"}`)
	f.send("while stopped")
	f.must("StartPipe", `{"Name":"p"}`)
	f.inputs(5)
	f.must("DeletePipe", `{"Name":"p"}`)
	f.send("after")
	f.visible("q", "1")
}

func TestATimeIsArmedOnce(t *testing.T) {
	f := open(t)
	f.makeQueue("")
	later := func(seconds int) {
		f.must("SendMessage", `{"QueueUrl":"q","MessageBody":"later","DelaySeconds":%d}`, seconds)
	}
	armed := func(n int64) {
		t.Helper()
		f.eventually(func() bool { return f.wakes.n.Load() >= n })
		if got := f.wakes.n.Load(); got != n {
			t.Errorf("%d times are armed, want %d", got, n)
		}
	}
	later(900)
	f.pipe("p", queueARN, machine, `,"SourceParameters":{"SqsQueueParameters":{"BatchSize":1}}`)
	armed(1)
	for i := range 20 {
		f.send("now")
		f.inputs(i + 1)
	}
	later(100)
	armed(2) // an earlier one
	f.h.Advance(100 * time.Second)
	f.inputs(21)
	f.h.Advance(799 * time.Second)
	f.send("now")
	f.inputs(22)
	f.h.Advance(time.Second)
	f.inputs(23)
	later(10) // after all have come
	armed(3)
	f.h.Advance(10 * time.Second)
	f.inputs(24)
}

func TestBatchWithTemplateAndWindow(t *testing.T) {
	f := open(t)
	f.makeQueue("")
	f.pipe("p", queueARN, machine, `,"SourceParameters":{"SqsQueueParameters":{"BatchSize":3,"MaximumBatchingWindowInSeconds":10}},
		"TargetParameters":{"InputTemplate":"{\"id\": <$.body.id>, \"text\": \"got <$.body.name>\", \"by\": \"<aws.pipes.pipe-name>\"}"}`)
	f.send(`{"id":1,"name":"a\"b"}`, `{"id":{"x":2}}`)
	f.waitWake(10 * time.Second)
	if n := len(f.h.Started()); n != 0 {
		t.Fatalf("%d executions before the window is over", n)
	}
	f.h.Advance(10 * time.Second)
	if got, want := f.inputs(1)[0], `[{"id": 1, "text": "got a\"b", "by": "p"},{"id": {"x":2}, "text": "got ", "by": "p"}]`; got != want {
		t.Errorf("input %s\nwant %s", got, want)
	}
	f.send(`{"id":1}`, `{"id":2}`, `{"id":3}`) // a full batch does not wait
	if got := f.inputs(2)[0]; strings.Count(got, "text") != 3 {
		t.Errorf("input %s, want three records", got)
	}
}

func TestFilters(t *testing.T) {
	f := open(t)
	f.makeQueue("")
	f.pipe("p", queueARN, machine, `,"SourceParameters":{"FilterCriteria":{"Filters":[{"Pattern":"{\"body\":{\"kind\":[\"good\"]}}"}]},"SqsQueueParameters":{"BatchSize":1}}`)
	f.send(`{"kind":"bad"}`, `{"kind":"good"}`, `no json`)
	if got := f.inputs(1)[0]; !strings.Contains(got, `good`) {
		t.Errorf("input %s", got)
	}
	f.empty("q") // what does not fit is deleted
}

func TestFailedStartsGoToTheDeadLetterQueue(t *testing.T) {
	f := open(t)
	f.must("CreateQueue", `{"QueueName":"dead"}`)
	f.makeQueue(`"VisibilityTimeout":"5","RedrivePolicy":"{\"deadLetterTargetArn\":\"arn:aws:sqs:us-east-1:000000000000:dead\",\"maxReceiveCount\":2}"`)
	f.h.Start = func(in engine.StartInput) (engine.Started, error) {
		if strings.Contains(string(in.Input), "bad") {
			return engine.Started{}, fmt.Errorf("no: %w", engine.ErrInvalidInput)
		}
		return engine.Started{}, nil
	}
	f.send("good 1", "bad", "good 2")
	f.pipe("p", queueARN, machine, `,"SourceParameters":{"SqsQueueParameters":{"BatchSize":1}}`)
	if got := f.inputs(2); !strings.Contains(got[0], "good 1") || !strings.Contains(got[1], "good 2") {
		t.Errorf("inputs %v", got)
	}
	f.eventually(func() bool {
		if at, ok := f.h.NextWake(); ok && !at.After(f.h.Now().Add(5*time.Second)) {
			f.h.Advance(at.Sub(f.h.Now()))
		}
		a := f.must("GetQueueAttributes", `{"QueueUrl":"dead","AttributeNames":["All"]}`)["Attributes"].(map[string]any)
		return a["ApproximateNumberOfMessages"] == "1"
	})
	f.empty("q")
}

func TestStreamToExecution(t *testing.T) {
	f := open(t)
	f.makeTable()
	f.put("a")
	f.pipe("p", streamARN, machine, `,"SourceParameters":{"DynamoDBStreamParameters":{"BatchSize":1,"StartingPosition":"TRIM_HORIZON"}},"TargetParameters":{"InputTemplate":"<$.dynamodb.NewImage.pk.S>"}`)
	f.pipe("latest", streamARN, machine+"2", `,"SourceParameters":{"DynamoDBStreamParameters":{"BatchSize":1,"StartingPosition":"LATEST"}}`)
	if got := f.inputs(1)[0]; got != `["a"]` {
		t.Errorf("input %s", got)
	}
	if name := f.h.Started()[0].Name; !strings.HasPrefix(name, "shardId-") || !strings.HasSuffix(name, "-000000000000000000001") || len(name) > 80 {
		t.Errorf("execution %s", name)
	}
	f.put("b")
	got := f.inputs(3)
	slices.Sort(got)
	if got[0] != `["b"]` || !strings.Contains(got[1], `"eventName":"INSERT"`) || !strings.Contains(got[1], `"eventSourceARN":"`+streamARN+`"`) {
		t.Errorf("inputs %v", got)
	}
	// A new process goes on where the old one was.
	f.m.Close()
	f.put("c")
	f.run()
	if n := len(f.inputs(5)); n != 2 {
		t.Errorf("%d executions after a restart, want 2", n)
	}
}

// namesOnce has the host refuse a name that a machine's execution had before.
func (f *fixture) namesOnce() {
	names := map[string]bool{}
	f.h.Start = func(in engine.StartInput) (engine.Started, error) {
		if names[in.MachineARN+in.Name] {
			return engine.Started{}, engine.ErrExecutionExists
		}
		names[in.MachineARN+in.Name] = true
		return engine.Started{}, nil
	}
}

func TestPipesOfOneStreamShareNoExecutions(t *testing.T) {
	f := open(t)
	f.namesOnce()
	f.makeTable()
	f.put("a", "b", "c", "d", "e")
	const from = `,"SourceParameters":{"DynamoDBStreamParameters":{"BatchSize":1,"StartingPosition":"TRIM_HORIZON"}}`
	long := strings.Repeat("p", 64)
	for i, name := range []string{"p", long} {
		f.pipe(name, streamARN, machine, from)
		f.settled(5 * (i + 1))
	}
	f.must("DeletePipe", `{"Name":%q}`, long)
	f.h.Advance(time.Second)
	f.pipe(long, streamARN, machine, from) // another one, although it has the name
	f.settled(15)
	valid := regexp.MustCompile(`^[0-9A-Za-z_-]{1,80}$`)
	for _, in := range f.h.Started() {
		if !valid.MatchString(in.Name) {
			t.Errorf("execution %s", in.Name)
		}
	}
}

// settled waits until the pipes have read all that is in the table's stream, and
// wants n executions then.
func (f *fixture) settled(n int) {
	f.t.Helper()
	f.eventually(func() bool {
		behind := int64(0)
		err := f.h.Read(context.Background(), func(r engine.Reader) error {
			_, last, err := f.tables.StreamState(r, streamARN)
			if err != nil {
				return err
			}
			rows, err := r.Query(`SELECT COUNT(*) FROM mapping_mapping WHERE position < ?`, last)
			if err != nil {
				return err
			}
			defer rows.Close()
			for rows.Next() {
				err = rows.Scan(&behind)
			}
			return err
		})
		if err != nil {
			f.t.Fatal(err)
		}
		return behind == 0
	})
	if err := f.h.Do(context.Background(), nil, func(engine.Tx) error { return nil }); err != nil { // the unit before is over
		f.t.Fatal(err)
	}
	if got := len(f.h.Started()); got != n {
		f.t.Errorf("%d executions, want %d", got, n)
	}
}

func TestMappingsAPI(t *testing.T) {
	f := open(t)
	f.makeQueue("")
	id := f.must("CreateEventSourceMapping", `{"EventSourceArn":%q,"FunctionName":"f","Enabled":false}`, queueARN)["UUID"].(string)
	for _, c := range []struct{ op, in, want string }{
		{"CreateEventSourceMapping", `{"EventSourceArn":"` + queueARN + `","FunctionName":"` + function + `"}`, "ResourceConflictException"},
		{"CreateEventSourceMapping", `{"EventSourceArn":"` + queueARN + `x","FunctionName":"f"}`, "InvalidParameterValueException"},
		{"CreateEventSourceMapping", `{"EventSourceArn":"arn:aws:kinesis:us-east-1:1:stream/s","FunctionName":"f"}`, "InvalidParameterValueException"},
		{"CreateEventSourceMapping", `{"EventSourceArn":"` + queueARN + `","FunctionName":"g","BatchSize":11}`, "InvalidParameterValueException"},
		{"CreateEventSourceMapping", `{"EventSourceArn":"` + queueARN + `","FunctionName":"g","FilterCriteria":{"Filters":[{"Pattern":"x"}]}}`, "InvalidParameterValueException"},
		{"CreateEventSourceMapping", `{"EventSourceArn":"` + streamARN + `","FunctionName":"g","StartingPosition":"LATEST"}`, "InvalidParameterValueException"},
		{"GetEventSourceMapping", `{"UUID":"none"}`, "ResourceNotFoundException"},
		{"CreatePipe", `{"Name":"p","Source":"` + queueARN + `","Target":"arn:aws:sqs:us-east-1:1:q"}`, "ValidationException"},
		{"CreatePipe", `{"Name":"p","Source":"` + queueARN + `","Target":"` + machine + `","TargetParameters":{"InputTemplate":"<nope>"}}`, "ValidationException"},
		{"CreatePipe", `{"Name":"a b","Source":"` + queueARN + `","Target":"` + machine + `"}`, "ValidationException"},
		{"DescribePipe", `{"Name":"none"}`, "NotFoundException"},
	} {
		_, err := f.call(c.op, c.in)
		if e := (*tasks.Error)(nil); !errors.As(err, &e) || e.Code != c.want {
			t.Errorf("%s %s: %v, want %s", c.op, c.in, err, c.want)
		}
	}
	if n := len(f.must("ListEventSourceMappings", `{"FunctionName":"f"}`)["EventSourceMappings"].([]any)); n != 1 {
		t.Errorf("%d mappings of f, want 1", n)
	}
	f.send("a")
	f.must("UpdateEventSourceMapping", `{"UUID":%q,"Enabled":true,"BatchSize":1}`, id)
	f.empty("q")
	f.must("DeleteEventSourceMapping", `{"UUID":%q}`, id)
	if n := len(f.must("ListEventSourceMappings", `{}`)["EventSourceMappings"].([]any)); n != 0 {
		t.Errorf("%d mappings are left", n)
	}
}

func TestMappingsNeedAFunctionThatFitsTheQueue(t *testing.T) {
	f := open(t)
	f.makeQueue("")
	id := f.must("CreateEventSourceMapping", `{"EventSourceArn":%q,"FunctionName":"f","Enabled":false}`, queueARN)["UUID"].(string)
	const slow = "Queue visibility timeout: 30 seconds is less than Function timeout: 31 seconds"
	for _, c := range []struct{ op, in, want string }{
		{"CreateEventSourceMapping", `{"EventSourceArn":"` + queueARN + `","FunctionName":"none"}`, "Function does not exist"},
		{"CreateEventSourceMapping", `{"EventSourceArn":"` + queueARN + `","FunctionName":"slow"}`, slow},
		{"UpdateEventSourceMapping", `{"UUID":"` + id + `","FunctionName":"none"}`, "Function does not exist"},
		{"UpdateEventSourceMapping", `{"UUID":"` + id + `","FunctionName":"slow"}`, slow},
	} {
		_, err := f.call(c.op, c.in)
		if e := (*tasks.Error)(nil); !errors.As(err, &e) || e.Code != "InvalidParameterValueException" || e.Message != c.want {
			t.Errorf("%s %s: %v, want %s", c.op, c.in, err, c.want)
		}
	}
}

func TestPipesWithBoto(t *testing.T) {
	f := open(t)
	f.makeQueue("")
	hosttest.Boto(t, f.m.Front().Handler, `
pipes = client("pipes")
source, target = "`+queueARN+`", "`+machine+`"
r = pipes.create_pipe(Name="p", Source=source, Target=target, RoleArn="arn:aws:iam::000000000000:role/r", DesiredState="STOPPED",
    SourceParameters={"SqsQueueParameters": {"BatchSize": 5}}, TargetParameters={"StepFunctionStateMachineParameters": {"InvocationType": "FIRE_AND_FORGET"}})
assert r["CurrentState"] == "CREATING" and r["Arn"].endswith(":pipe/p"), r
d = pipes.describe_pipe(Name="p")
assert d["CurrentState"] == "STOPPED" and d["SourceParameters"]["SqsQueueParameters"]["BatchSize"] == 5, d
assert [p["Name"] for p in pipes.list_pipes(NamePrefix="p", Limit=10)["Pipes"]] == ["p"]
refused("ConflictException", pipes.create_pipe, Name="p", Source=source, Target=target, RoleArn="arn:aws:iam::000000000000:role/r")
assert pipes.start_pipe(Name="p")["DesiredState"] == "RUNNING"
assert pipes.stop_pipe(Name="p")["DesiredState"] == "STOPPED"
pipes.delete_pipe(Name="p")
refused("NotFoundException", pipes.describe_pipe, Name="p")
`)
}
