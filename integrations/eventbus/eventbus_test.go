package eventbus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"millrace/asl/document"
	"millrace/engine"
	"millrace/engine/leaktest"
	"millrace/integrations/wire/hosttest"
	"millrace/tasks"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// fixture is a service whose queues, topics and functions keep what they are
// sent in committed units. Those whose name ends in "gone" are not there.
type fixture struct {
	t    *testing.T
	h    *hosttest.Host
	s    *Service
	sent []string // "sqs ARN body", ...
	fail error    // of queues: the server's own failure
}

func open(t *testing.T) *fixture {
	f := &fixture{t: t, h: hosttest.New(t, Migrations())}
	f.h.Start = func(in engine.StartInput) (engine.Started, error) {
		if strings.HasSuffix(in.MachineARN, "gone") {
			return engine.Started{}, &engine.Fault{Kind: engine.ErrMachineNotFound, Detail: in.MachineARN}
		}
		return engine.Started{Name: in.Name}, nil
	}
	f.s = New(f.h, Options{Queues: f, Topics: f, Functions: f, Log: slog.New(slog.DiscardHandler)})
	return f
}

func (f *fixture) keep(tx engine.Tx, kind, arn, text string) error {
	if strings.HasSuffix(arn, "gone") {
		return tasks.Errorf("NotThere", "There is no %s.", arn)
	}
	tx.AfterCommit(func() { f.sent = append(f.sent, kind+" "+arn[strings.LastIndexByte(arn, ':')+1:]+" "+text) })
	return nil
}

func (f *fixture) SendTx(tx engine.Tx, m QueueMessage) error {
	if f.fail != nil {
		return f.fail
	}
	body := m.Body
	if m.GroupID != "" {
		body += " in group " + m.GroupID
	}
	if code := m.Attributes["ERROR_CODE"]; code != "" {
		body = code + " " + m.Attributes["RULE_ARN"] + " " + m.Attributes["TARGET_ARN"]
	}
	return f.keep(tx, "sqs", m.QueueARN, body)
}

func (f *fixture) PublishTx(tx engine.Tx, topicARN, text string) error {
	return f.keep(tx, "sns", topicARN, text)
}

func (f *fixture) InvokeTx(tx engine.Tx, functionARN string, event []byte) error {
	return f.keep(tx, "lambda", functionARN, string(event))
}

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

// rule makes a rule with a target, which is JSON without its Id.
func (f *fixture) rule(name, pattern, target string) {
	f.t.Helper()
	f.must("PutRule", `{"Name":%q,"EventPattern":%q}`, name, pattern)
	f.must("PutTargets", `{"Rule":%q,"Targets":[{"Id":"t",%s}]}`, name, target)
}

// put puts one event and returns its id.
func (f *fixture) put(source, detail string) string {
	f.t.Helper()
	m := f.must("PutEvents", `{"Entries":[{"Source":%q,"DetailType":"Test","Detail":%q,"Time":1700000000,"Resources":["arn:r"]}]}`, source, detail)
	e := m["Entries"].([]any)[0].(map[string]any)
	if m["FailedEntryCount"] != 0.0 || e["EventId"] == nil {
		f.t.Fatalf("put: %v", m)
	}
	return e["EventId"].(string)
}

func (f *fixture) want(sent ...string) {
	f.t.Helper()
	if got, want := strings.Join(f.sent, "\n"), strings.Join(sent, "\n"); got != want {
		f.t.Errorf("sent\n%s\nwant\n%s", got, want)
	}
	f.sent = nil
}

const (
	queueARN    = `"Arn":"arn:aws:sqs:us-east-1:000000000000:q"`
	anySource   = `{"source":[{"exists":true}]}`
	machineARN1 = "arn:aws:states:us-east-1:000000000000:stateMachine:m"
	stateTarget = `"Arn":"` + machineARN1 + `","RoleArn":"arn:aws:iam::000000000000:role/r"`
)

func TestTargets(t *testing.T) {
	f := open(t)
	f.rule("to-queue", `{"source":["shop"],"detail":{"total":[{"numeric":[">",100]}]}}`, queueARN)
	f.rule("to-fifo", `{"source":["shop"]}`, `"Arn":"arn:aws:sqs:us-east-1:000000000000:q.fifo","SqsParameters":{"MessageGroupId":"g"}`)
	f.rule("to-function", `{"source":["shop"]}`, `"Arn":"arn:aws:lambda:us-east-1:000000000000:function:f"`)
	f.rule("to-machine", `{"detail-type":["Test"]}`, stateTarget)
	f.rule("to-topic", `{"resources":["arn:r"]}`, `"Arn":"arn:aws:sns:us-east-1:000000000000:topic","InputPath":"$.detail"`)
	f.rule("off", anySource, queueARN)
	f.must("DisableRule", `{"Name":"off"}`)
	id := f.put("shop", `{"total": 100.50, "b": 1}`)
	event := `{"version":"0","id":"` + id + `","detail-type":"Test","source":"shop","account":"000000000000","time":"2023-11-14T22:13:20Z","region":"us-east-1","resources":["arn:r"],"detail":{"total":100.50,"b":1}}`
	f.want("sqs q.fifo "+event+" in group g", "lambda f "+event, "sqs q "+event, `sns topic {"total":100.50,"b":1}`)
	started := f.h.Started()
	if len(started) != 1 || started[0].MachineARN != machineARN1 || string(started[0].Input) != event || !strings.HasPrefix(started[0].Name, id+"_") || len(started[0].Name) != 73 {
		t.Errorf("started %+v", started)
	}
	f.put("shop", `{"total":100}`)
	f.put("other", `{}`)
	if n := len(f.sent); n != 2+1+1 { // function, FIFO queue and topic; topic
		t.Errorf("sent %d: %v", n, f.sent)
	}
	if c := f.s.Counts(); c != (Counts{Events: 3, Matches: 5 + 4 + 2, Invocations: 11}) {
		t.Errorf("counts %+v", c)
	}
}

func TestInput(t *testing.T) {
	transformer := func(paths, template string) string {
		return fmt.Sprintf(`"InputTransformer":{"InputPathsMap":%s,"InputTemplate":%q}`, paths, template)
	}
	paths := `{"name":"$.detail.name","total":"$.detail.total","list":"$.detail.list","object":"$.detail.object","none":"$.detail.none","null":"$.detail.null"}`
	for _, c := range []struct{ input, want string }{
		{`"Input":"{\"a\": [1, 2.50]}"`, `{"a":[1,2.50]}`},
		{`"Input":"\"text\""`, `"text"`},
		{`"InputPath":"$.detail.list[0]"`, `"x"`},
		{`"InputPath":"$.detail.none"`, `null`},
		{`"InputPath":"$.source"`, `"shop"`},
		{transformer(paths, `{"a": <name>, "b": <total>, "c": <list>, "d": <object>, "e": <null>}`), `{"a": "a \"b\"", "b": 1.50, "c": ["x","y"], "d": {"k":"v"}, "e": null}`},
		{transformer(paths, `{"a": "<name> of <total>", "b": "<list>", "c": "<object>", "d": "<null>"}`), `{"a": "a \"b\" of 1.50", "b": "[x,y]", "c": "{k:v}", "d": "null"}`},
		{transformer(paths, `{"a": <none>, "b": "-<none>-", "c": <unknown>}`), `{"a": "", "b": "--", "c": ""}`},
		{transformer(paths, `"<name> \"<total>\""`), `"a \"b\" \"1.50\""`},
		{transformer(paths, `<object>`), `{"k":"v"}`},
		{transformer(paths, `Order of <name>: <total>`), `"Order of a \"b\": 1.50"`},
		{transformer(paths, `<name> has <total>`), `"a \"b\" has 1.50"`},
		{transformer(`{}`, `{"r": <aws.events.rule-name>, "a": "<aws.events.rule-arn>", "t": <aws.events.event.ingestion-time>}`),
			`{"r": "r", "a": "arn:aws:events:us-east-1:000000000000:rule/r", "t": "2026-01-02T03:04:05Z"}`},
		{transformer(`{}`, `{"e": <aws.events.event>}`), `{"e": {"version":"0","id":"ID","detail-type":"Test","source":"shop","account":"000000000000","time":"2023-11-14T22:13:20Z","region":"us-east-1","resources":["arn:r"]}}`},
		{transformer(`{}`, `<aws.events.event.json>`), `{"version":"0","id":"ID","detail-type":"Test","source":"shop","account":"000000000000","time":"2023-11-14T22:13:20Z","region":"us-east-1","resources":["arn:r"],` +
			`"detail":{"name":"a \"b\"","total":1.50,"list":["x","y"],"object":{"k":"v"},"null":null}}`},
	} {
		f := open(t)
		f.rule("r", anySource, queueARN+","+c.input)
		id := f.put("shop", `{"name":"a \"b\"","total":1.50,"list":["x","y"],"object":{"k":"v"},"null":null}`)
		f.want("sqs q " + strings.ReplaceAll(c.want, "ID", id))
	}
}

// A target that cannot take an event fails nobody.
func TestFailingTargets(t *testing.T) {
	f := open(t)
	f.rule("a-machine", anySource, `"Arn":"`+machineARN1+`gone","RoleArn":"r","DeadLetterConfig":{"Arn":"arn:aws:sqs:us-east-1:000000000000:dead"}`)
	f.rule("b-queue", anySource, `"Arn":"arn:aws:sqs:us-east-1:000000000000:gone"`)
	f.rule("c-function", anySource, `"Arn":"arn:aws:lambda:us-east-1:000000000000:function:gone","DeadLetterConfig":{"Arn":"arn:aws:sqs:us-east-1:000000000000:gone"}`)
	f.rule("d-bus", anySource, `"Arn":"arn:aws:events:us-east-1:000000000000:event-bus/gone"`)
	f.rule("e-queue", anySource, queueARN+`,"Input":"1"`)
	f.put("shop", `{}`)
	f.want("sqs dead RESOURCE_NOT_FOUND arn:aws:events:us-east-1:000000000000:rule/a-machine "+machineARN1+"gone", "sqs q 1")
	if c := f.s.Counts(); c != (Counts{Events: 1, Matches: 5, Invocations: 1, Failed: 4, DeadLetters: 1}) {
		t.Errorf("counts %+v", c)
	}
	f.fail = errors.New("disk full")
	if _, err := f.call("PutEvents", `{"Entries":[{"Source":"shop","DetailType":"Test","Detail":"{}"}]}`); !errors.Is(err, f.fail) {
		t.Errorf("the server's own failure: %v", err)
	}
	if c := f.s.Counts(); c.Events != 1 {
		t.Errorf("counts %+v", c)
	}
}

func TestPutEventsFaults(t *testing.T) {
	f := open(t)
	f.rule("r", anySource, queueARN+`,"InputPath":"$.source"`)
	m := f.must("PutEvents", `{"Entries":[
		{"DetailType":"d","Detail":"{}"}, {"Source":"s","Detail":"{}"}, {"Source":"s","DetailType":"d"}, {"Source":"s","DetailType":"d","Detail":"{\"a\""},
		{"Source":"s","DetailType":"d","Detail":"[1]"}, {"Source":"aws.s3","DetailType":"d","Detail":"{}"}, {"Source":"s","DetailType":"d","Detail":"{}"},
		{"Source":"s","DetailType":"d","Detail":"{}","EventBusName":"none"}]}`)
	var got []string
	for _, e := range m["Entries"].([]any) {
		e := e.(map[string]any)
		if e["EventId"] != nil {
			got = append(got, "put")
		} else {
			got = append(got, fmt.Sprint(e["ErrorCode"], ": ", e["ErrorMessage"]))
		}
	}
	want := []string{
		"InvalidArgument: Parameter Source is not valid. Reason: Source is a required argument.",
		"InvalidArgument: Parameter DetailType is not valid. Reason: DetailType is a required argument.",
		"InvalidArgument: Parameter Detail is not valid. Reason: Detail is a required argument.",
		"MalformedDetail: Detail is malformed.", "MalformedDetail: Detail is malformed.", "NotAuthorizedForSource: Not authorized for the source.", "put", "put",
	}
	if m["FailedEntryCount"] != 6.0 || strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("%v failed:\n%s", m["FailedEntryCount"], strings.Join(got, "\n"))
	}
	f.want(`sqs q "s"`)
}

func TestRefused(t *testing.T) {
	f := open(t)
	f.rule("r", anySource, queueARN)
	pattern := `"EventPattern":"{\"source\":[\"a\"]}"`
	targets := func(list string) string { return `{"Rule":"r","Targets":[` + list + `]}` }
	target := func(more string) string { return targets(`{"Id":"x",` + more + `}`) }
	entries := strings.TrimSuffix(strings.Repeat(`{"Source":"s"},`, 11), ",")
	for _, c := range []struct{ op, in, code, text string }{
		{"PutRule", `{"Name":"s","ScheduleExpression":"rate(1 day)"}`, "ValidationException", "ScheduleExpression is not valid"},
		{"PutRule", `{"Name":"s"}`, "ValidationException", "EventPattern or ScheduleExpression must be specified"},
		{"PutRule", `{` + pattern + `}`, "ValidationException", "Value null at 'name'"},
		{"PutRule", `{"Name":"a b",` + pattern + `}`, "ValidationException", "Value 'a b' at 'name'"},
		{"PutRule", `{"Name":"s",` + pattern + `,"State":"ON"}`, "ValidationException", "at 'state'"},
		{"PutRule", `{"Name":"s","EventPattern":"{\"a\":1}"}`, "InvalidEventPatternException", "Event pattern is not valid. Reason: must be an object or an array at a"},
		{"PutRule", `{"Name":"s","EventPattern":"{"}`, "InvalidEventPatternException", "not JSON"},
		{"PutRule", `{"Name":"s",` + pattern + `,"EventBusName":"none"}`, "ResourceNotFoundException", "Event bus none does not exist."},
		{"DescribeRule", `{"Name":"none"}`, "ResourceNotFoundException", "Rule none does not exist on EventBus default."},
		{"EnableRule", `{"Name":"none"}`, "ResourceNotFoundException", "none"},
		{"DeleteRule", `{"Name":"r"}`, "ValidationException", "Rule can't be deleted since it has targets."},
		{"PutTargets", targets(""), "ValidationException", "at 'targets'"},
		{"PutTargets", `{"Rule":"none","Targets":[{"Id":"x",` + queueARN + `}]}`, "ResourceNotFoundException", "none"},
		{"PutTargets", target(`"Arn":"q"`), "ValidationException", "Provided Arn is not in correct format"},
		{"PutTargets", target(`"Arn":"arn:aws:ecs:us-east-1:000000000000:cluster/c"`), "ValidationException", "targets are state machines, event buses, queues, topics, functions"},
		{"PutTargets", target(`"Arn":"` + machineARN1 + `"`), "ValidationException", "RoleArn is required for target " + machineARN1},
		{"PutTargets", target(`"Arn":"arn:aws:sqs:us-east-1:000000000000:q.fifo"`), "ValidationException", "SqsParameters must be specified for target: x."},
		{"PutTargets", target(queueARN + `,"Input":"{}","InputPath":"$.a"`), "ValidationException", "Only one of Input, InputPath, or InputTransformer must be provided for target x."},
		{"PutTargets", target(queueARN + `,"Input":"{"`), "ValidationException", "JSON syntax error in input for target x"},
		{"PutTargets", target(queueARN + `,"InputPath":"a"`), "ValidationException", "Invalid InputPath for target x"},
		{"PutTargets", target(queueARN + `,"InputPath":"$$.a"`), "ValidationException", "Invalid InputPath for target x"},
		{"PutTargets", target(queueARN + `,"InputTransformer":{"InputPathsMap":{"a":"b"},"InputTemplate":"x"}`), "ValidationException", "Invalid InputTransformer for target x"},
		{"PutTargets", target(queueARN + `,"InputTransformer":{"InputTemplate":""}`), "ValidationException", "Invalid InputTransformer for target x"},
		{"PutTargets", target(queueARN + `,"DeadLetterConfig":{"Arn":"arn:aws:sns:us-east-1:000000000000:x"}`), "ValidationException", "DeadLetterConfig"},
		{"PutTargets", target(queueARN + `,"RetryPolicy":{"MaximumRetryAttempts":186}`), "ValidationException", "RetryPolicy"},
		{"PutTargets", targets(`{"Id":"1",` + queueARN + `},{"Id":"2",` + queueARN + `},{"Id":"3",` + queueARN + `},{"Id":"4",` + queueARN + `},{"Id":"5",` + queueARN + `}`), "LimitExceededException", "maximum number"},
		{"ListRules", `{"Limit":0}`, "ValidationException", "at 'limit'"},
		{"ListRules", `{"NextToken":"!"}`, "ValidationException", "NextToken"},
		{"ListRules", `{"EventBusName":"none"}`, "ResourceNotFoundException", "none"},
		{"CreateEventBus", `{"Name":"default"}`, "ResourceAlreadyExistsException", "Event bus default already exists."},
		{"CreateEventBus", `{"Name":"a/b"}`, "ValidationException", "at 'name'"},
		{"DeleteEventBus", `{"Name":"default"}`, "ValidationException", "Cannot delete event bus default."},
		{"DescribeEventBus", `{"Name":"none"}`, "ResourceNotFoundException", "none"},
		{"TagResource", `{"ResourceARN":"arn:aws:events:us-east-1:000000000000:rule/none","Tags":[]}`, "ResourceNotFoundException", "none"},
		{"TagResource", `{"ResourceARN":"x","Tags":[]}`, "ValidationException", "ResourceARN"},
		{"PutEvents", `{"Entries":[]}`, "ValidationException", "at 'entries'"},
		{"PutEvents", `{"Entries":[` + entries + `]}`, "ValidationException", "less than or equal to 10"},
		{"PutEvents", `{"Entries":[{"Source":"s","DetailType":"d","Detail":"` + strings.Repeat("a", 256<<10) + `"}]}`, "ValidationException", "Total size of the entries"},
		{"PutEvents", `{"Entries":[{"Source":"s","DetailType":"d","Detail":{}}]}`, "SerializationException", "Entries[0].Detail"},
		{"TestEventPattern", `{"EventPattern":"{\"a\":[1]}","Event":"[]"}`, "ValidationException", "Event"},
		{"TestEventPattern", `{"EventPattern":"{\"a\":[1]}","Event":"{}"}`, "ValidationException", "the member id is missing"},
		{"TestEventPattern", `{"EventPattern":"{}","Event":"{}"}`, "InvalidEventPatternException", ""},
	} {
		_, err := f.call(c.op, c.in)
		if e := (*tasks.Error)(nil); !errors.As(err, &e) || e.Code != c.code || !strings.Contains(e.Message, c.text) {
			t.Errorf("%s %.300s: got %v, want %s: %s", c.op, c.in, err, c.code, c.text)
		}
	}
}

// What is known of a bus's rules is never older than the unit that asks.
func TestRulesChange(t *testing.T) {
	f := open(t)
	f.rule("r", anySource, queueARN+`,"Input":"1"`)
	f.put("a", `{}`)
	f.want("sqs q 1")
	// A unit that fails after it has used its own rules leaves nothing behind.
	failed := errors.New("no")
	err := f.h.Do(context.Background(), nil, func(tx engine.Tx) error {
		if _, err := f.s.putTargets(tx, json.RawMessage(`{"Rule":"r","Targets":[{"Id":"t",`+queueARN+`,"Input":"2"}]}`)); err != nil {
			return err
		}
		if _, err := f.s.PutTx(tx, Event{Source: "a", DetailType: "d", Detail: &document.Object{}}); err != nil {
			return err
		}
		return failed
	})
	if err != failed {
		t.Fatal(err)
	}
	f.put("a", `{}`)
	f.want("sqs q 1")
	f.must("PutTargets", `{"Rule":"r","Targets":[{"Id":"t",%s,"Input":"3"},{"Id":"u",%s,"Input":"4"}]}`, queueARN, queueARN)
	f.put("a", `{}`)
	f.want("sqs q 3", "sqs q 4")
	m := f.must("RemoveTargets", `{"Rule":"r","Ids":["t","none"]}`)
	if m["FailedEntryCount"] != 1.0 {
		t.Errorf("removed: %v", m)
	}
	f.put("a", `{}`)
	f.want("sqs q 4")
	f.must("PutRule", `{"Name":"r","EventPattern":"{\"source\":[\"b\"]}"}`)
	f.put("a", `{}`)
	f.want()
	f.put("b", `{}`)
	f.want("sqs q 4")
	f.must("DisableRule", `{"Name":"r"}`)
	f.put("b", `{}`)
	f.want()
	f.must("EnableRule", `{"Name":"r"}`)
	f.must("RemoveTargets", `{"Rule":"r","Ids":["u"]}`)
	f.must("DeleteRule", `{"Name":"r"}`)
	f.must("DeleteRule", `{"Name":"r"}`)
	f.put("b", `{}`)
	f.want()
}

// An event goes from one bus to another, and no further.
func TestBuses(t *testing.T) {
	f := open(t)
	f.must("CreateEventBus", `{"Name":"one","Description":"d"}`)
	f.must("CreateEventBus", `{"Name":"two"}`)
	to := func(bus string) string {
		return `"Arn":"arn:aws:events:us-east-1:000000000000:event-bus/` + bus + `"`
	}
	f.rule("to-one", anySource, to("one"))
	for bus, target := range map[string]string{"one": to("two"), "two": to("default")} {
		f.must("PutRule", `{"Name":"on","EventBusName":%q,"EventPattern":%q}`, bus, anySource)
		f.must("PutTargets", `{"Rule":"on","EventBusName":"arn:aws:events:us-east-1:000000000000:event-bus/%s","Targets":[{"Id":"a",%s},{"Id":"q",%s,"Input":"\"%s\""}]}`, bus, target, queueARN, bus)
	}
	f.put("a", `{}`)
	f.want(`sqs q "one"`)
	f.must("PutEvents", `{"Entries":[{"Source":"a","DetailType":"d","Detail":"{}","EventBusName":"two"}]}`)
	f.want(`sqs q "two"`)
	if _, err := f.call("DeleteEventBus", `{"Name":"two"}`); err == nil {
		t.Error("a bus with rules is deleted")
	}
	f.must("RemoveTargets", `{"Rule":"on","EventBusName":"two","Ids":["a","q"]}`)
	f.must("DeleteRule", `{"Name":"on","EventBusName":"two"}`)
	f.must("DeleteEventBus", `{"Name":"two"}`)
	f.must("DeleteEventBus", `{"Name":"two"}`)
	if m := f.must("ListEventBuses", `{}`); len(m["EventBuses"].([]any)) != 2 {
		t.Errorf("buses: %v", m)
	}
}

// A trail's record is the detail of an event.
func TestRecord(t *testing.T) {
	f := open(t)
	f.rule("changes", `{"source":["aws.s3"],"detail-type":["AWS API Call via CloudTrail"],"detail":{"eventName":["PutObject"],"requestParameters":{"bucketName":["site"]}}}`, queueARN)
	f.rule("all", `{"source":["aws.s3"]}`, `"Arn":"arn:aws:sqs:us-east-1:000000000000:all","InputPath":"$.detail.eventName"`)
	f.must("PutRule", `{"Name":"all","EventPattern":"{\"source\":[\"aws.s3\"]}","State":"ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"}`)
	record := func(name string, readOnly, management bool) {
		v, err := document.Parse(fmt.Appendf(nil, `{"eventTime":"2026-01-01T00:00:00Z","eventSource":"s3.amazonaws.com","eventName":%q,"requestParameters":{"bucketName":"site"},"readOnly":%t,"managementEvent":%t}`,
			name, readOnly, management))
		if err != nil {
			t.Fatal(err)
		}
		if err := f.h.Do(context.Background(), nil, func(tx engine.Tx) error { return f.s.Record(tx, v.(*document.Object)) }); err != nil {
			t.Fatal(err)
		}
	}
	record("PutObject", false, false)
	if len(f.sent) != 2 || f.sent[0] != `sqs all "PutObject"` || !strings.Contains(f.sent[1], `"detail-type":"AWS API Call via CloudTrail","source":"aws.s3","account":"000000000000","time":"2026-01-01T00:00:00Z"`) {
		t.Errorf("sent %v", f.sent)
	}
	f.sent = nil
	f.must("PutRule", `{"Name":"changes","EventPattern":"{\"source\":[\"aws.s3\"]}"}`)
	record("GetBucketPolicy", true, true)
	f.want(`sqs all "GetBucketPolicy"`)
}

func TestLists(t *testing.T) {
	f := open(t)
	for i := range 7 {
		f.rule(fmt.Sprintf("r%d", i), anySource, queueARN)
	}
	f.rule("other", anySource, `"Arn":"arn:aws:sqs:us-east-1:000000000000:q2"`)
	for _, c := range []struct{ op, in, member string }{
		{"ListRules", `"NamePrefix":"r"`, "Rules"},
		{"ListRuleNamesByTarget", `"TargetArn":"arn:aws:sqs:us-east-1:000000000000:q"`, "RuleNames"},
	} {
		var sizes []int
		for token := ""; ; {
			m := f.must(c.op, `{%s,"Limit":3,"NextToken":%q}`, c.in, token)
			sizes = append(sizes, len(m[c.member].([]any)))
			if token, _ = m["NextToken"].(string); token == "" {
				break
			}
		}
		if fmt.Sprint(sizes) != "[3 3 1]" {
			t.Errorf("%s: pages of %v", c.op, sizes)
		}
	}
}

func TestBoto(t *testing.T) {
	f := open(t)
	hosttest.Boto(t, f.s.Front().Handler, `
ev = client("events")
pattern = json.dumps({"source": ["shop"], "detail": {"state": ["paid"]}})
arn = ev.put_rule(Name="paid", EventPattern=pattern, Description="d", Tags=[{"Key": "a", "Value": "1"}])["RuleArn"]
assert arn == "arn:aws:events:us-east-1:000000000000:rule/paid"
d = ev.describe_rule(Name="paid")
assert d["State"] == "ENABLED" and d["EventPattern"] == pattern and d["EventBusName"] == "default" and d["Arn"] == arn and d["CreatedBy"] == "000000000000", d
assert ev.list_tags_for_resource(ResourceARN=arn)["Tags"] == [{"Key": "a", "Value": "1"}]
ev.tag_resource(ResourceARN=arn, Tags=[{"Key": "b", "Value": "2"}])
ev.untag_resource(ResourceARN=arn, TagKeys=["a"])
assert ev.list_tags_for_resource(ResourceARN=arn)["Tags"] == [{"Key": "b", "Value": "2"}]
target = {"Id": "q", "Arn": "arn:aws:sqs:us-east-1:000000000000:q", "InputTransformer": {"InputPathsMap": {"s": "$.detail.state"}, "InputTemplate": "{\"state\": <s>}"}}
r = ev.put_targets(Rule="paid", Targets=[target])
assert r["FailedEntryCount"] == 0 and r["FailedEntries"] == [], r
assert ev.list_targets_by_rule(Rule="paid")["Targets"] == [target]
assert ev.list_rule_names_by_target(TargetArn=target["Arn"])["RuleNames"] == ["paid"]
r = ev.put_events(Entries=[{"Source": "shop", "DetailType": "Order", "Detail": json.dumps({"state": "paid"})}, {"Source": "shop", "DetailType": "Order", "Detail": "{"}])
assert r["FailedEntryCount"] == 1 and r["Entries"][0]["EventId"] and r["Entries"][1]["ErrorCode"] == "MalformedDetail", r
e = {"id": "1", "account": "0", "source": "shop", "time": "2026-01-01T00:00:00Z", "region": "us-east-1", "resources": [], "detail-type": "Order", "detail": {"state": "paid"}}
assert ev.test_event_pattern(EventPattern=pattern, Event=json.dumps(e))["Result"] is True
e["detail"]["state"] = "open"
assert ev.test_event_pattern(EventPattern=pattern, Event=json.dumps(e))["Result"] is False
refused("InvalidEventPatternException", ev.put_rule, Name="x", EventPattern="[]")
refused("ValidationException", ev.put_rule, Name="x", ScheduleExpression="rate(5 minutes)")
refused("ValidationException", ev.delete_rule, Name="paid")
ev.disable_rule(Name="paid")
assert [r["State"] for r in ev.list_rules()["Rules"]] == ["DISABLED"]
ev.enable_rule(Name="paid")
b = ev.create_event_bus(Name="orders", Description="d")
assert b["EventBusArn"].endswith(":event-bus/orders"), b
assert ev.describe_event_bus(Name=b["EventBusArn"])["CreationTime"].year == 2026
assert [x["Name"] for x in ev.list_event_buses()["EventBuses"]] == ["default", "orders"]
ev.delete_event_bus(Name="orders")
ev.remove_targets(Rule="paid", Ids=["q"])
ev.delete_rule(Name="paid")
refused("ResourceNotFoundException", ev.describe_rule, Name="paid")
`)
	f.want(`sqs q {"state": "paid"}`)
}
