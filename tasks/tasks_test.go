package tasks

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"millrace/asl/document"
	"millrace/engine"
)

// fakeTx answers what the tests need of a unit.
type fakeTx struct {
	engine.Tx
	started []engine.StartInput
	err     error
	out     engine.Started
}

func (t *fakeTx) Now() time.Time { return time.UnixMilli(1700000000123).UTC() }

func (t *fakeTx) Start(in engine.StartInput) (engine.Started, error) {
	t.started = append(t.started, in)
	return t.out, t.err
}

type fakeHost struct{ Host }

func (fakeHost) Now() time.Time { return time.UnixMilli(1700000000123).UTC() }

func queueLike() *Service {
	return &Service{
		Name: "sqs", SDKName: "Sqs", Title: "SQS", JavaName: "AmazonSQS", Optimised: []string{"SendMessage"},
		Exceptions: []string{"QueueDoesNotExist"}, ErrorCodes: map[string]string{"QueueDoesNotExist": "AWS.SimpleQueueService.NonExistentQueue"},
		Operations: []Operation{
			{Name: "SendMessage", Texts: []string{"MessageBody", "Entries.Body"}, Write: func(_ engine.Tx, c Caller, in json.RawMessage) (any, error) {
				var req struct{ MessageBody, Fail string }
				if err := Decode(in, &req); err != nil {
					return nil, err
				}
				if req.Fail != "" {
					return nil, Errorf(req.Fail, "It failed.")
				}
				return struct {
					MessageID, Body string
					At              time.Time
				}{"id-" + c.Key, req.MessageBody, time.UnixMilli(5)}, nil
			}},
			{Name: "ListQueues", Read: func(context.Context, engine.Reader, Caller, json.RawMessage) (any, error) {
				return struct{ At time.Time }{time.UnixMilli(5)}, nil
			}},
			{Name: "ReceiveMessage", Lost: engine.Fail, Wait: func(context.Context, Caller, json.RawMessage) (any, error) {
				return nil, &Failure{"Mine", "because"}
			}},
		},
	}
}

func resolve(t *testing.T, g *Registry, resource string) engine.Task {
	t.Helper()
	task, err := g.Resolve(resource)
	if err != nil {
		t.Fatal(err)
	}
	if task.Resource() != resource {
		t.Errorf("resource %s, want %s", task.Resource(), resource)
	}
	return task
}

func TestParseResource(t *testing.T) {
	for _, c := range []struct {
		text string
		want Resource
	}{
		{"arn:aws:states:::sqs:sendMessage", Resource{Partition: "aws", Service: "sqs", Action: "sendMessage"}},
		{"arn:aws-cn:states:::sqs:sendMessage.waitForTaskToken", Resource{Partition: "aws-cn", Service: "sqs", Action: "sendMessage", Suffix: TaskToken}},
		{"arn:aws:states:::states:startExecution.sync", Resource{Partition: "aws", Service: "states", Action: "startExecution", Suffix: Sync}},
		{"arn:aws:states:::states:startExecution.sync:2", Resource{Partition: "aws", Service: "states", Action: "startExecution", Suffix: Sync2}},
		{"arn:aws:states:::aws-sdk:s3:listObjectsV2", Resource{Partition: "aws", Service: "s3", Action: "listObjectsV2", SDK: true}},
		{"arn:aws:lambda:eu-west-1:111122223333:function:f:live", Resource{Partition: "aws", Region: "eu-west-1", Account: "111122223333", Service: "lambda", Function: "f", Qualifier: "live"}},
		{"arn:aws:states:eu-west-1:111122223333:activity:a", Resource{Partition: "aws", Region: "eu-west-1", Account: "111122223333", Activity: "a"}},
	} {
		got, err := ParseResource(c.text)
		c.want.Text = c.text
		if err != nil || got != c.want {
			t.Errorf("%s: %+v, %v, want %+v", c.text, got, err, c.want)
		}
	}
	for _, text := range []string{
		"", "x", "arn:aws:states:::", "arn:aws:states:::sqs", "arn:aws:states:::sqs:", "arn:aws:states:::sqs:sendMessage.async",
		"arn:aws:states:::sqs:sendMessage.sync:3", "arn:aws:states:::sqs:SendMessage", "arn:aws:states:::aws-sdk:sqs", "arn:aws:states:::sqs:a:b",
		"arn:aws:ec2:eu-west-1:1:instance:i", "arn:aws:states:::activity",
	} {
		if r, err := ParseResource(text); err == nil {
			t.Errorf("%s is taken for %+v", text, r)
		}
	}
}

func TestResolveRefuses(t *testing.T) {
	g := NewRegistry(fakeHost{})
	g.Add(queueLike())
	for _, text := range []string{
		"arn:aws:states:::sqs:listQueues",       // not optimised
		"arn:aws:states:::sqs:sendMessage.sync", // nothing to wait for
		"arn:aws:states:::aws-sdk:sqs:nope",     // no such operation
		"arn:aws:states:::aws-sdk:ecs:runTask",  // no such service
		"arn:aws:lambda:r:1:function:f",         // no functions
	} {
		if _, err := g.Resolve(text); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestOptimisedOutcome(t *testing.T) {
	g := NewRegistry(fakeHost{})
	g.Add(queueLike())
	a := resolve(t, g, "arn:aws:states:::sqs:sendMessage.waitForTaskToken").(engine.LocalAction)
	out, err := a.Run(&fakeTx{}, engine.Call{Key: "k", Input: json.RawMessage(`{"MessageBody":{"b":1,"a":"<"}}`)})
	if err != nil || out.Failed {
		t.Fatal(out, err)
	}
	id := RequestID("k")
	want := `{"At":5,"Body":"{\"b\":1,\"a\":\"<\"}","MessageID":"id-k","SdkHttpMetadata":{"AllHttpHeaders":{` +
		`"x-amzn-RequestId":["` + id + `"],"Content-Length":["58"],"Date":["Tue, 14 Nov 2023 22:13:20 GMT"],"Content-Type":["application/x-amz-json-1.0"]},` +
		`"HttpHeaders":{"Content-Length":"58","Content-Type":"application/x-amz-json-1.0","Date":"Tue, 14 Nov 2023 22:13:20 GMT","x-amzn-RequestId":"` + id + `"},` +
		`"HttpStatusCode":200},"SdkResponseMetadata":{"RequestId":"` + id + `"}}`
	if got := out.Output.String(); strings.ReplaceAll(got, "61", "58") != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestFailures(t *testing.T) {
	g := NewRegistry(fakeHost{})
	g.Add(queueLike())
	id := RequestID("k")
	for _, c := range []struct{ resource, code, name, cause string }{
		{"arn:aws:states:::sqs:sendMessage", "QueueDoesNotExist", "SQS.QueueDoesNotExistException",
			"It failed. (Service: AmazonSQS; Status Code: 400; Error Code: AWS.SimpleQueueService.NonExistentQueue; Request ID: " + id + "; Proxy: null)"},
		{"arn:aws:states:::sqs:sendMessage", "ValidationException", "SQS.AmazonSQSException",
			"It failed. (Service: AmazonSQS; Status Code: 400; Error Code: ValidationException; Request ID: " + id + "; Proxy: null)"},
		{"arn:aws:states:::aws-sdk:sqs:sendMessage", "QueueDoesNotExist", "Sqs.QueueDoesNotExistException",
			"It failed. (Service: Sqs, Status Code: 400, Request ID: " + id + ")"},
		{"arn:aws:states:::aws-sdk:sqs:sendMessage", "ValidationException", "Sqs.SqsException",
			"It failed. (Service: Sqs, Status Code: 400, Request ID: " + id + ")"},
	} {
		a := resolve(t, g, c.resource).(engine.LocalAction)
		out, err := a.Run(&fakeTx{}, engine.Call{Key: "k", Input: json.RawMessage(`{"Fail":"` + c.code + `"}`)})
		if err != nil || !out.Failed || *out.Error != c.name || *out.Cause != c.cause {
			t.Errorf("%s %s: %v, %s: %s\nwant %s: %s", c.resource, c.code, err, *out.Error, *out.Cause, c.name, c.cause)
		}
	}
	a := resolve(t, g, "arn:aws:states:::aws-sdk:sqs:receiveMessage").(engine.RemoteAction)
	out, err := a.Call(context.Background(), engine.Call{Input: json.RawMessage(`{}`)})
	if err != nil || !out.Failed || *out.Error != "Mine" || *out.Cause != "because" || a.Lost() != engine.Fail {
		t.Errorf("own failure: %+v, %v", out, err)
	}
	out, err = a.Call(context.Background(), engine.Call{Input: json.RawMessage(`[]`)})
	if err != nil || !out.Failed || *out.Error != "States.Runtime" {
		t.Errorf("parameters that are no object: %+v, %v", out, err)
	}
}

func TestSDKTimesAreText(t *testing.T) {
	g := NewRegistry(fakeHost{})
	g.Add(queueLike())
	a := resolve(t, g, "arn:aws:states:::aws-sdk:sqs:listQueues").(engine.ReadAction)
	out, err := a.Read(context.Background(), nil, engine.Call{Input: json.RawMessage(`{}`)})
	if want := `{"At":"1970-01-01T00:00:00.005Z"}`; err != nil || out.Output.String() != want {
		t.Errorf("got %s, %v, want %s", out.Output, err, want)
	}
}

func TestDecodeTypes(t *testing.T) {
	type inner struct {
		N *int64 `json:"n"`
	}
	var v struct {
		S    string            `json:"s"`
		L    []inner           `json:"l"`
		M    map[string]string `json:"m"`
		B    []byte            `json:"b"`
		Raw  json.RawMessage   `json:"raw"`
		At   time.Time         `json:"at"`
		Flag *bool             `json:"flag"`
		Any  any               `json:"any"`
	}
	in := `{"s":"x","S":"not this","l":[{"n":1},{"n":null}],"m":{"k":"v"},"b":"AAE=","raw":{"z":1.50},"at":1700000000.5,"flag":false,"any":1e3,"unknown":[]}`
	if err := Decode(json.RawMessage(in), &v); err != nil {
		t.Fatal(err)
	}
	if v.S != "x" || *v.L[0].N != 1 || v.L[1].N != nil || v.M["k"] != "v" || len(v.B) != 2 || string(v.Raw) != `{"z":1.50}` ||
		v.At.UnixMilli() != 1700000000500 || *v.Flag || v.Any != document.Number("1e3") {
		t.Errorf("decoded %+v", v)
	}
	for in, want := range map[string]string{
		`{"s":1}`:           "NUMBER_VALUE cannot be converted to String: s",
		`{"s":{}}`:          "Start of structure or map found where not expected: s must be a String.",
		`{"l":[{"n":"1"}]}`: "STRING_VALUE cannot be converted to Integer: l[0].n",
		`{"l":[{"n":1.5}]}`: "NUMBER_VALUE cannot be converted to Integer: l[0].n",
		`{"m":{"k":true}}`:  "TRUE_VALUE cannot be converted to String: m.k",
		`{"l":{}}`:          "Start of structure or map found where not expected: l must be a List.",
		`{"b":"?"}`:         "b is not base64.",
		`[]`:                "The request body must be a JSON object.",
	} {
		err := Decode(json.RawMessage(in), &v)
		if e := (*Error)(nil); !errors.As(err, &e) || e.Code != "SerializationException" || e.Message != want {
			t.Errorf("%s: %v, want %s", in, err, want)
		}
	}
}

func TestEncodeForms(t *testing.T) {
	type inner struct {
		Name string `json:"name"`
	}
	v := struct {
		inner
		At    time.Time        `json:"at"`
		Never time.Time        `json:"never,omitempty"`
		List  []string         `json:"list,omitempty"`
		Map   map[string]inner `json:"map"`
		Bytes []byte           `json:"bytes"`
		None  *inner           `json:"none"`
	}{inner: inner{"<é>"}, At: time.UnixMilli(1700000000120), Map: map[string]inner{"b": {"2"}, "a": {"1"}}, Bytes: []byte{0, 1}}
	for _, c := range []struct {
		form Form
		want string
	}{
		{Form{}, `{"name":"<é>","at":1700000000.12,"map":{"a":{"name":"1"},"b":{"name":"2"}},"bytes":"AAE=","none":null}`},
		{Form{Times: ISO8601, Pascal: true}, `{"Name":"<é>","At":"2023-11-14T22:13:20.12Z","Map":{"a":{"Name":"1"},"b":{"Name":"2"}},"Bytes":"AAE=","None":null}`},
	} {
		if got, err := Encode(v, c.form); err != nil || string(got) != c.want {
			t.Errorf("got %s, %v, want %s", got, err, c.want)
		}
	}
}
