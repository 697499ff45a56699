package teststate

import (
	"errors"
	"strings"
	"testing"
	"time"

	"millrace/asl/document"
	"millrace/engine/interp"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

func ptr[T any](v T) *T { return &v }

func result(text string) *Mock { return &Mock{Result: &text} }

func fails(name, cause string) *Mock { return &Mock{Error: &MockError{&name, &cause}} }

// request makes a request of a definition and an input.
func request(definition, input string, m *Mock) Request {
	r := Request{Definition: []byte(definition), Mock: m, RoleARN: "arn:aws:iam::000000000000:role/x", Region: "us-east-1", Account: "000000000000"}
	if input != "" {
		r.Input = []byte(input)
	}
	return r
}

// run runs a test and returns its answer.
func run(t *testing.T, r Request) *document.Object {
	t.Helper()
	x, err := New(r, [16]byte{1}, noon)
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	if x.Call() != nil {
		t.Fatalf("the test waits for %s", x.Call().Resource)
	}
	end := x.Result()
	return end.JSON(Trace)
}

func encoded(o any) string { return string(document.Append(nil, o)) }

const invoke = `"Type":"Task","Resource":"arn:aws:states:::lambda:invoke"`

func TestStates(t *testing.T) {
	const processor = `"ItemProcessor":{"ProcessorConfig":{"Mode":"DISTRIBUTED","ExecutionType":"STANDARD"},"StartAt":"In","States":{"In":{"Type":"Pass","End":true}}}`
	for _, c := range []struct {
		name string
		r    Request
		want string
	}{
		{"Pass that leads to itself", func() Request {
			r := request(`{"StartAt":"A","States":{"A":{"Type":"Pass","Next":"B"},"B":{"Type":"Choice","Choices":[{"Variable":"$.n","NumericEquals":1,"Next":"B"}],"Default":"C"},"C":{"Type":"Succeed"}}}`, `{"n":1}`, nil)
			r.StateName = "B"
			return r
		}(), `{"output":"{\"n\":1}","inspectionData":{"input":"{\"n\":1}","afterInputPath":"{\"n\":1}"},"nextState":"B","status":"SUCCEEDED"}`},
		{"no input is an empty object", request(`{"Type":"Pass","QueryLanguage":"JSONata","End":true}`, "", nil),
			`{"output":"{}","inspectionData":{"input":"{}"},"status":"SUCCEEDED"}`},
		{"a Wait state's time goes by at once", request(`{"Type":"Wait","Seconds":99999999,"Next":"N"}`, `1`, nil),
			`{"output":"1","inspectionData":{"input":"1","afterInputPath":"1"},"nextState":"N","status":"SUCCEEDED"}`},
		{"Succeed", request(`{"Type":"Succeed","OutputPath":"$.a"}`, `{"a":1}`, nil),
			`{"output":"1","inspectionData":{"input":"{\"a\":1}","afterInputPath":"{\"a\":1}"},"status":"SUCCEEDED"}`},
		{"Fail by paths", request(`{"Type":"Fail","ErrorPath":"$.e","CausePath":"States.Format('{}!', $.c)"}`, `{"e":"E","c":"C"}`, nil),
			`{"error":"E","cause":"C!","inspectionData":{"input":"{\"e\":\"E\",\"c\":\"C\"}","afterInputPath":"{\"e\":\"E\",\"c\":\"C\"}"},"status":"FAILED"}`},
		{"a Choice state without a match", request(`{"Type":"Choice","Choices":[{"Variable":"$.n","IsNull":true,"Next":"N"}]}`, `{"n":1}`, nil),
			`{"error":"States.Runtime","cause":"Failed to transition out of the state. The state does not point to a next state.","inspectionData":{"input":"{\"n\":1}","afterInputPath":"{\"n\":1}"},"status":"FAILED"}`},
		{"a path that leads nowhere", request(`{"Type":"Pass","InputPath":"$.a","End":true}`, `{}`, nil),
			`{"error":"States.Runtime","cause":"Invalid path '$.a' : No results for path: $['a']","inspectionData":{"input":"{}"},"status":"FAILED"}`},
		{"variables are read, assigned and told", func() Request {
			r := request(`{"Type":"Pass","QueryLanguage":"JSONata","Output":"{% $a + $b %}","Assign":{"b":"{% $a %}","c":3},"End":true}`, `{}`, nil)
			r.Variables = []byte(`{"a":1,"b":2}`)
			return r
		}(), `{"output":"3","inspectionData":{"input":"{}","variables":"{\"a\":1,\"b\":1,\"c\":3}"},"status":"SUCCEEDED"}`},
		{"a task with JSONPath", request(`{`+invoke+`,"Parameters":{"FunctionName":"f","Payload.$":"$.p"},"ResultSelector":{"r.$":"$.Payload"},"ResultPath":"$.q","OutputPath":"$.q","Next":"N"}`,
			`{"p":1}`, result(`{"Payload":2,"StatusCode":200}`)),
			`{"output":"{\"r\":2}","inspectionData":{"input":"{\"p\":1}","afterInputPath":"{\"p\":1}","afterParameters":"{\"FunctionName\":\"f\",\"Payload\":1}","result":"{\"Payload\":2,\"StatusCode\":200}","afterResultSelector":"{\"r\":2}","afterResultPath":"{\"p\":1,\"q\":{\"r\":2}}"},"nextState":"N","status":"SUCCEEDED"}`},
		{"a task with JSONata", request(`{`+invoke+`,"QueryLanguage":"JSONata","Arguments":{"FunctionName":"f","Payload":"{% $states.input.p %}"},"Output":"{% $states.result.Payload %}","End":true}`,
			`{"p":1}`, result(`{"Payload":[2]}`)),
			`{"output":"[2]","inspectionData":{"input":"{\"p\":1}","afterArguments":"{\"FunctionName\":\"f\",\"Payload\":1}","result":"{\"Payload\":[2]}"},"status":"SUCCEEDED"}`},
		{"a caught error and the path that it goes to", request(`{`+invoke+`,"Parameters":{"FunctionName":"f"},"Catch":[{"ErrorEquals":["E"],"ResultPath":"$.why","Next":"H"}],"End":true}`,
			`{}`, fails("E", "c")),
			`{"output":"{\"why\":{\"Error\":\"E\",\"Cause\":\"c\"}}","error":"E","cause":"c","inspectionData":{"input":"{}","afterInputPath":"{}","afterParameters":"{\"FunctionName\":\"f\"}","errorDetails":{"catchIndex":0}},"nextState":"H","status":"CAUGHT_ERROR"}`},
		{"an error before the call is caught too", request(`{`+invoke+`,"QueryLanguage":"JSONata","Arguments":{"FunctionName":"{% $nothing %}"},"Catch":[{"ErrorEquals":["States.ALL"],"Output":"{% $states.errorOutput.Error %}","Next":"H"}],"End":true}`,
			`{}`, result(`{}`)),
			`{"output":"\"States.QueryEvaluationError\"","error":"States.QueryEvaluationError","cause":"The JSONata expression '$nothing' specified for the field 'Arguments/FunctionName' returned nothing (undefined).","inspectionData":{"input":"{}","errorDetails":{"catchIndex":0}},"nextState":"H","status":"CAUGHT_ERROR"}`},
		{"States.Runtime is never caught", request(`{`+invoke+`,"Parameters":{"FunctionName":"f"},"Retry":[{"ErrorEquals":["States.ALL"]}],"Catch":[{"ErrorEquals":["States.ALL"],"Next":"H"}],"End":true}`,
			`{}`, fails("States.Runtime", "c")),
			`{"error":"States.Runtime","cause":"c","inspectionData":{"input":"{}","afterInputPath":"{}","afterParameters":"{\"FunctionName\":\"f\"}"},"status":"FAILED"}`},
		{"the longest backoff", func() Request {
			r := request(`{`+invoke+`,"QueryLanguage":"JSONata","Retry":[{"ErrorEquals":["A"]},{"ErrorEquals":["States.TaskFailed"],"IntervalSeconds":3,"BackoffRate":10,"MaxDelaySeconds":40,"MaxAttempts":9}],"End":true}`, `{}`, fails("E", "c"))
			r.Retries = 2
			return r
		}(), `{"error":"E","cause":"c","inspectionData":{"input":"{}","afterArguments":"{}","errorDetails":{"retryIndex":1,"retryBackoffIntervalSeconds":40}},"status":"RETRIABLE"}`},
		{"retries used up, then caught", func() Request {
			r := request(`{`+invoke+`,"QueryLanguage":"JSONata","Retry":[{"ErrorEquals":["E"],"MaxAttempts":1}],"Catch":[{"ErrorEquals":["E"],"Output":"{% $states.context.State.RetryCount %}","Next":"H"}],"End":true}`, `{}`, fails("E", "c"))
			r.Retries = 1
			return r
		}(), `{"output":"1","error":"E","cause":"c","inspectionData":{"input":"{}","afterArguments":"{}","errorDetails":{"catchIndex":0,"retryIndex":0}},"nextState":"H","status":"CAUGHT_ERROR"}`},
		{"a task that waits for a token", request(`{"Type":"Task","Resource":"arn:aws:states:::sqs:sendMessage.waitForTaskToken","QueryLanguage":"JSONata","Arguments":{"MessageBody":"{% $states.context.Task.Token %}"},"End":true}`, `{}`, result(`"done"`)),
			`{"output":"\"done\"","inspectionData":{"input":"{}","afterArguments":"{\"MessageBody\":\"01000000000000000000000000000000\"}","result":"\"done\""},"status":"SUCCEEDED"}`},
		{"a task that waits for a job", request(`{"Type":"Task","Resource":"arn:aws:states:::states:startExecution.sync:2","QueryLanguage":"JSONata","End":true}`, `{}`, result(`{"Output":{"n":1}}`)),
			`{"output":"{\"Output\":{\"n\":1}}","inspectionData":{"input":"{}","afterArguments":"{}","result":"{\"Output\":{\"n\":1}}"},"status":"SUCCEEDED"}`},
		{"an activity", request(`{"Type":"Task","Resource":"arn:aws:states:us-east-1:000000000000:activity:a","QueryLanguage":"JSONata","End":true}`, `{}`, result(`7`)),
			`{"output":"7","inspectionData":{"input":"{}","afterArguments":"{}","result":"7"},"status":"SUCCEEDED"}`},
		{"an HTTP task", request(`{"Type":"Task","Resource":"arn:aws:states:::http:invoke","QueryLanguage":"JSONata","Arguments":{"ApiEndpoint":"https://example.com","Method":"GET","Authentication":{"ConnectionArn":"arn:aws:events:us-east-1:000000000000:connection/c/1"}},"Output":"{% $states.result.ResponseBody %}","End":true}`, `{}`, result(`{"StatusCode":200,"ResponseBody":"ok"}`)),
			`{"output":"\"ok\"","inspectionData":{"input":"{}","afterArguments":"{\"ApiEndpoint\":\"https://example.com\",\"Method\":\"GET\",\"Authentication\":{\"ConnectionArn\":\"arn:aws:events:us-east-1:000000000000:connection/c/1\"}}","result":"{\"StatusCode\":200,\"ResponseBody\":\"ok\"}"},"status":"SUCCEEDED"}`},
		{"the error of a branch", func() Request {
			r := request(`{"Type":"Parallel","QueryLanguage":"JSONata","Branches":[{"StartAt":"B","States":{"B":{"Type":"Pass","End":true}}}],"Retry":[{"ErrorEquals":["E"],"IntervalSeconds":7}],"End":true}`, `{}`, fails("E", "c"))
			r.ErrorState = "B"
			return r
		}(), `{"error":"E","cause":"c","inspectionData":{"input":"{}","errorDetails":{"retryIndex":0,"retryBackoffIntervalSeconds":7}},"status":"RETRIABLE"}`},
		{"the results of no branches", request(`{"Type":"Parallel","QueryLanguage":"JSONata","Branches":[{"StartAt":"B","States":{"B":{"Type":"Pass","End":true}}}],"End":true}`, `{}`, result(`[]`)),
			`{"output":"[]","inspectionData":{"input":"{}"},"status":"SUCCEEDED"}`},
		{"the inputs of iterations", request(`{"Type":"Map",`+processor+`,"ItemsPath":"$.a","MaxConcurrencyPath":"$.m","ItemSelector":{"i.$":"$$.Map.Item.Index","v.$":"$$.Map.Item.Value","m.$":"$.m"},"ItemBatcher":{"MaxItemsPerBatch":2,"BatchInput":{"b":1}},"End":true}`,
			`{"a":["x","y","z"],"m":5}`, result(`[]`)),
			`{"output":"[]","inspectionData":{"input":"{\"a\":[\"x\",\"y\",\"z\"],\"m\":5}","afterInputPath":"{\"a\":[\"x\",\"y\",\"z\"],\"m\":5}","afterResultSelector":"[]","afterResultPath":"[]","afterItemsPath":"[\"x\",\"y\",\"z\"]",` +
				`"afterItemSelector":"[{\"i\":0,\"v\":\"x\",\"m\":5},{\"i\":1,\"v\":\"y\",\"m\":5},{\"i\":2,\"v\":\"z\",\"m\":5}]",` +
				`"afterItemBatcher":"[{\"BatchInput\":{\"b\":1},\"Items\":[{\"i\":0,\"v\":\"x\",\"m\":5},{\"i\":1,\"v\":\"y\",\"m\":5}]},{\"BatchInput\":{\"b\":1},\"Items\":[{\"i\":2,\"v\":\"z\",\"m\":5}]}]","maxConcurrency":5},"status":"SUCCEEDED"}`},
		{"an inline Map, its selector with a given context object", func() Request {
			r := request(`{"Type":"Map","QueryLanguage":"JSONata","Items":"{% $states.input %}","ItemSelector":"{% $states.context.State.Name & $states.context.Map.Item.Value %}","ItemProcessor":{"StartAt":"In","States":{"In":{"Type":"Pass","End":true}}},"End":true}`, `[1,2]`, result(`[3]`))
			r.Context = []byte(`{"State":{"Name":"S"}}`)
			return r
		}(), `{"output":"[3]","inspectionData":{"input":"[1,2]","afterItemSelector":"[\"S1\",\"S2\"]","maxConcurrency":0},"status":"SUCCEEDED"}`},
		{"an ItemSelector that fails", request(`{"Type":"Map","QueryLanguage":"JSONata","Items":[1],"ItemSelector":"{% $nothing %}",`+processor+`,"Catch":[{"ErrorEquals":["States.QueryEvaluationError"],"Output":1,"Next":"H"}],"End":true}`, `{}`, result(`[3]`)),
			`{"output":"1","error":"States.QueryEvaluationError","cause":"The JSONata expression '$nothing' specified for the field 'ItemSelector' returned nothing (undefined).","inspectionData":{"input":"{}","maxConcurrency":0,"errorDetails":{"catchIndex":0}},"nextState":"H","status":"CAUGHT_ERROR"}`},
		{"failures in percent", func() Request {
			r := request(`{"Type":"Map","QueryLanguage":"JSONata","Items":[1,2,3,4],"ToleratedFailurePercentage":25,`+processor+`,"End":true}`, `{}`, result(`[]`))
			r.MapFailures = 2
			return r
		}(), `{"error":"States.ExceedToleratedFailureThreshold","cause":"The specified tolerated failure threshold was exceeded","inspectionData":{"input":"{}","maxConcurrency":0,"toleratedFailurePercentage":25},"status":"FAILED"}`},
		{"as many failures as are tolerated", func() Request {
			r := request(`{"Type":"Map","QueryLanguage":"JSONata","Items":[1,2,3,4],"ToleratedFailurePercentage":50,"ToleratedFailureCount":2,`+processor+`,"End":true}`, `{}`, result(`[]`))
			r.MapFailures = 2
			return r
		}(), `{"output":"[]","inspectionData":{"input":"{}","maxConcurrency":0,"toleratedFailureCount":2,"toleratedFailurePercentage":50},"status":"SUCCEEDED"}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := encoded(run(t, c.r)); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestItemReaders(t *testing.T) {
	for _, c := range []struct{ config, data, items, want string }{
		{`"InputType":"JSON"`, `[1,{"a":2}]`, "", `[1,{"a":2}]`},
		{`"InputType":"JSON","MaxItems":1`, `[1,2]`, "", `[1]`},
		{`"InputType":"JSON","ItemsPointer":"/a~1b/0"`, `{"a/b":[[5,6]]}`, `[5,6]`, `[5,6]`},
		{`"InputType":"JSONL"`, "1\n\n{\"a\":2}\n", "", `[1,{"a":2}]`},
		{`"InputType":"CSV","CSVHeaderLocation":"FIRST_ROW"`, "a,b\n1,\"x,y\"\n2\n", "", `[{"a":"1","b":"x,y"},{"a":"2","b":""}]`},
		{`"InputType":"CSV","CSVHeaderLocation":"GIVEN","CSVHeaders":["k"],"CSVDelimiter":"PIPE"`, "1|2\n", "", `[{"k":"1"}]`},
	} {
		r := request(`{"Type":"Map","QueryLanguage":"JSONata","ItemReader":{"Resource":"arn:aws:states:::s3:getObject","Arguments":{"Bucket":"b","Key":"k"},"ReaderConfig":{`+c.config+`}},
			"ItemSelector":"{% $states.context.Map.Item.Value %}","ItemProcessor":{"ProcessorConfig":{"Mode":"DISTRIBUTED","ExecutionType":"STANDARD"},"StartAt":"In","States":{"In":{"Type":"Pass","End":true}}},"End":true}`, `{}`, result(`[]`))
		r.MapReaderData = &c.data
		x, err := New(r, [16]byte{}, noon)
		if err != nil {
			t.Fatalf("%s: %v", c.config, err)
		}
		seen := x.Result().Inspection
		if got := seen.AfterItemSelector; got == nil || got.String() != c.want {
			t.Errorf("%s: items %v, want %s", c.config, got, c.want)
		}
		if got := seen.AfterItemsPointer; (got == nil) != (c.items == "") || got != nil && got.String() != c.items {
			t.Errorf("%s: after ItemsPointer %v, want %q", c.config, got, c.items)
		}
	}
	r := request(`{"Type":"Map","QueryLanguage":"JSONata","ItemReader":{"Resource":"arn:aws:states:::s3:getObject","Arguments":{"Bucket":"b","Key":"k"},"ReaderConfig":{"InputType":"JSON"}},
		"ItemProcessor":{"ProcessorConfig":{"Mode":"DISTRIBUTED","ExecutionType":"STANDARD"},"StartAt":"In","States":{"In":{"Type":"Pass","End":true}}},"End":true}`, `{}`, result(`[]`))
	r.MapReaderData = ptr(`"text"`)
	if got, _ := run(t, r).Get("error"); got != "States.ItemReaderFailed" {
		t.Errorf("items that are none: %v", got)
	}
}

func TestInspectionIsBounded(t *testing.T) {
	many := "[1" + strings.Repeat(",1", 10_000) + "]"
	for name, c := range map[string]struct {
		selector string
		told     bool
	}{
		"little":          {`{"i":1}`, true},
		"much to tell":    {`"{% $pad('', 30) %}"`, false},
		"much to compute": {`"{% $count($states.input.a) %}"`, false},
	} {
		input := `{"a":` + many + `}`
		if name == "much to compute" {
			input = `{"a":` + many + `,"b":"` + strings.Repeat("b", 100_000) + `"}`
		}
		r := request(`{"Type":"Map","QueryLanguage":"JSONata","Items":"{% $states.input.a %}","ItemSelector":`+c.selector+`,"ItemProcessor":{"StartAt":"In","States":{"In":{"Type":"Pass","End":true}}},"End":true}`, input, result(`[]`))
		o := run(t, r)
		seen, _ := o.Get("inspectionData")
		_, told := seen.(*document.Object).Get("afterItemSelector")
		if status, _ := o.Get("status"); status != "SUCCEEDED" || told != c.told {
			t.Errorf("%s: %v, told %v, want %v", name, status, told, c.told)
		}
	}
}

func TestRealTask(t *testing.T) {
	x, err := New(request(`{`+invoke+`,"Parameters":{"FunctionName":"f"},"TimeoutSeconds":9,"End":true}`, `{}`, nil), [16]byte{}, noon)
	if err != nil {
		t.Fatal(err)
	}
	c := x.Call()
	if c == nil || c.Input.String() != `{"FunctionName":"f"}` || !c.Deadline.Equal(noon.Add(9*time.Second)) {
		t.Fatalf("call %+v", c)
	}
	x.Answer(interp.Outcome{Output: document.FromBytes([]byte(`7`))}, noon.Add(time.Second))
	end := x.Result()
	if x.Call() != nil || end.Status != Succeeded || end.Output.String() != "7" || end.Inspection.Result.String() != "7" {
		t.Errorf("got %s", encoded(end.JSON(Debug)))
	}
	if got := encoded(end.JSON(Info)); got != `{"output":"7","status":"SUCCEEDED"}` {
		t.Errorf("at INFO: %s", got)
	}
}

func TestRefusals(t *testing.T) {
	const pass, task = `{"Type":"Pass","End":true}`, `{` + invoke + `,"End":true}`
	const parallel = `{"Type":"Parallel","Branches":[{"StartAt":"B","States":{"B":{"Type":"Pass","End":true}}}],"End":true}`
	with := func(r Request, change func(*Request)) Request {
		change(&r)
		return r
	}
	for _, c := range []struct {
		name       string
		r          Request
		kind, want string
	}{
		{"input that is no JSON", request(pass, `{`, nil), "InvalidExecutionInput", "Invalid State Machine Execution Input: '"},
		{"a bad definition", request(`{"Type":"Pass"}`, ``, nil), "InvalidDefinition", "Invalid State Machine Definition: '"},
		{"a machine in place of a state", request(`{"StartAt":"A","States":{"A":`+pass+`}}`, ``, nil), "InvalidDefinition", "Invalid State Machine Definition: '"},
		{"a mock for nothing", request(pass, ``, result(`1`)), "ValidationException", "State type 'Pass' is not supported when a mock is specified"},
		{"Parallel without a mock", request(parallel, ``, nil), "InvalidDefinition", "TestState API does not support Map or Parallel states. Supported state types include: [Task, Wait, Pass, Succeed, Fail, Choice]"},
		{"a token without a mock", request(`{"Type":"Task","Resource":"arn:aws:states:::sqs:sendMessage.waitForTaskToken","End":true}`, ``, nil), "InvalidDefinition", ""},
		{"a job without a mock", request(`{"Type":"Task","Resource":"arn:aws:states:::ecs:runTask.sync","End":true}`, ``, nil), "InvalidDefinition", ""},
		{"an activity without a mock", request(`{"Type":"Task","Resource":"arn:aws:states:us-east-1:000000000000:activity:a","End":true}`, ``, nil), "InvalidDefinition", ""},
		{"a result that is no array", request(parallel, ``, result(`{}`)), "ValidationException", "Mocked result must be an array."},
		{"a result that is no JSON", request(task, ``, result(`x`)), "ValidationException", "Mocked result must be valid JSON"},
		{"an empty mock", request(task, ``, &Mock{}), "ValidationException", ""},
		{"an error without its name", request(task, ``, &Mock{Error: &MockError{}}), "ValidationException", ""},
		{"a state that no branch has", with(request(parallel, ``, fails("E", "c")), func(r *Request) { r.ErrorState = "X" }), "ValidationException", "State not found in definition"},
		{"variables that are no object", with(request(pass, ``, nil), func(r *Request) { r.Variables = []byte(`[]`) }), "ValidationException", ""},
		{"a context object without a mock", with(request(task, ``, nil), func(r *Request) { r.Context = []byte(`{}`) }), "ValidationException", ""},
		{"a context object that is no object", with(request(task, ``, result(`{}`)), func(r *Request) { r.Context = []byte(`[]`) }), "ValidationException", "Invalid Context object provided: "},
		{"a member of the wrong type", with(request(task, ``, result(`{}`)), func(r *Request) { r.Context = []byte(`{"State":{"RetryCount":"1"}}`) }), "ValidationException", "Invalid Context object provided: State.RetryCount must be a number"},
	} {
		_, err := New(c.r, [16]byte{}, noon)
		var got *Refusal
		if !errors.As(err, &got) || got.Name != c.kind || !strings.HasPrefix(got.Message, c.want) {
			t.Errorf("%s: got %v, want %s %q", c.name, err, c.kind, c.want)
		}
	}
}

func TestMockedResultsAreHeldAgainstTheAPI(t *testing.T) {
	for _, c := range []struct {
		resource   string
		validation Validation
		result     string
		want       string // "": it conforms
	}{
		{"lambda:invoke", "", `{"Payload":{"any":["thing"]},"StatusCode":200}`, ""},
		{"aws-sdk:lambda:invoke", "", `{"Payload":{}}`, "Field 'Payload' must be a string"},
		{"states:startExecution", "", `{"ExecutionArn":"a"}`, "Required field 'StartDate' is missing"},
		{"states:startExecution", Present, `{"ExecutionArn":"a"}`, ""},
		{"states:startExecution", Present, `{"ExecutionArn":""}`, "Field 'ExecutionArn' is smaller than the minimum length"},
		{"states:startExecution", None, `{"ExecutionArn":1}`, ""},
		{"states:startExecution.sync", Strict, `{"StartDate":1}`, ""},
		{"aws-sdk:sfn:startExecution", Strict, `{"ExecutionArn":1,"StartDate":""}`, "Field 'ExecutionArn' must be a string"},
		{"aws-sdk:kms:encrypt", "", `{"KeyId":"` + strings.Repeat("k", 2049) + `"}`, "Field 'KeyId' exceeds the maximum length"},
		{"aws-sdk:lambda:getFunction", "", `{"Configuration":{"MemorySize":127}}`, "Field 'MemorySize' is smaller than the minimum value"},
		{"dynamodb:getItem", "", `{"Item":{"a":{"L":[{"S":"x"},{"M":{"b":{"BOOL":1}}}]}}}`, "Field 'BOOL' must be a boolean"},
		{"dynamodb:getItem", "", `{"Item":{"a":"x"}}`, "Field 'a' must be an object"},
		{"events:putEvents", "", `[]`, "the result must be an object"},
		{"unknown:call", "", `{"a":1}`, ""},
		{"sqs:nothing", "", `{"a":1}`, ""},
	} {
		v, err := document.Parse([]byte(c.result))
		if err != nil {
			t.Fatal(err)
		}
		err = validate("arn:aws:states:::"+c.resource, c.validation, v)
		got := ""
		if err != nil {
			got = err.Error()
		}
		want := c.want
		if want != "" {
			want = "ValidationException: Mock result schema validation error: " + want
		}
		if got != want {
			t.Errorf("%s %s: got %q, want %q", c.resource, c.result, got, want)
		}
	}
}

func TestTheTableOfOutputsIsWhole(t *testing.T) {
	service := ""
	for _, line := range strings.Split(outputs, "\n") {
		if words := strings.Fields(line); len(words) == 2 && words[0] == "service" {
			service = words[1]
			m := modelOf(service)
			if m == nil || len(m.calls) == 0 {
				t.Errorf("%s has no calls", service)
				continue
			}
			check := func(at string, s *shape) {
				for ; s.of != nil; s = s.of {
				}
				if s.name != "" && m.types[s.name] == nil {
					t.Errorf("%s %s: no type %q", service, at, s.name)
				}
			}
			for _, entries := range []map[string][]string{m.types, m.calls} {
				for name, members := range entries {
					list := fields(members)
					if len(list) != len(members) {
						t.Errorf("%s %s: members that cannot be read", service, name)
					}
					for i := range list {
						check(name+"."+list[i].name, &list[i].shape)
					}
				}
			}
		}
	}
	if service == "" {
		t.Error("the table is empty")
	}
}
