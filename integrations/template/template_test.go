package template

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"millrace/asl/document"
	"millrace/tasks"
)

// recorder is a Target that notes the calls and answers with names and ARNs.
type recorder struct {
	calls  []string
	exists map[string]bool // operation and name of what is there already
}

func (*recorder) Region() string  { return "us-east-1" }
func (*recorder) Account() string { return "000000000000" }

func (r *recorder) Call(_ context.Context, service, operation string, in json.RawMessage) (json.RawMessage, error) {
	r.calls = append(r.calls, service+" "+operation+" "+string(in))
	v, err := document.Parse(in)
	if err != nil {
		return nil, err
	}
	o := v.(*document.Object)
	switch operation {
	case "CreateQueue", "GetQueueUrl":
		if operation == "CreateQueue" && r.exists[text(o, "QueueName")] {
			return nil, tasks.Errorf("QueueAlreadyExists", "it is there")
		}
		return fmt.Appendf(nil, `{"QueueUrl":"http://localhost:4566/000000000000/%s"}`, text(o, "QueueName")), nil
	case "DescribeTable":
		return fmt.Appendf(nil, `{"Table":{"LatestStreamArn":"arn:aws:dynamodb:us-east-1:000000000000:table/%s/stream/1"}}`, text(o, "TableName")), nil
	case "CreateEventSourceMapping":
		if r.exists["mapping"] {
			return nil, tasks.Errorf("ResourceConflictException", "it is there")
		}
		return []byte(`{"UUID":"new"}`), nil
	case "ListEventSourceMappings":
		return []byte(`{"EventSourceMappings":[{"UUID":"old"}]}`), nil
	case "Subscribe":
		return []byte(`{"SubscriptionArn":"arn:s"}`), nil
	case "CreateTopic":
		return fmt.Appendf(nil, `{"TopicArn":"arn:aws:sns:us-east-1:000000000000:%s"}`, text(o, "Name")), nil
	}
	return []byte(`{}`), nil
}

func deploy(t *testing.T, template string, o Options) (*recorder, Outcome, error) {
	t.Helper()
	r := &recorder{}
	tpl, err := Parse([]byte(template))
	if err != nil {
		return r, Outcome{}, err
	}
	out, err := tpl.Deploy(t.Context(), r, o, nil)
	return r, out, err
}

func TestDeployInDependencyOrder(t *testing.T) {
	r, out, err := deploy(t, `
AWSTemplateFormatVersion: 2010-09-09
Transform: AWS::Serverless-2016-10-31
Parameters:
  Suffix: {Type: String, Default: x1}
Resources:
  Machine:
    Type: AWS::Serverless::StateMachine
    Properties:
      Name: !Sub visits-${Suffix}
      DefinitionUri: machines/visits.asl.json
      DefinitionSubstitutions: {TableName: !Ref Table, QueueArn: !GetAtt Queue.Arn}
      Policies: [{DynamoDBWritePolicy: {TableName: !Ref Table}}]
  Table:
    Type: AWS::DynamoDB::Table
    Properties:
      TableName: ProductVisits
      AttributeDefinitions: [{AttributeName: k, AttributeType: S}]
      KeySchema: [{AttributeName: k, KeyType: HASH}]
      StreamSpecification: {StreamViewType: NEW_IMAGE}
  Queue:
    Type: AWS::SQS::Queue
    Properties: {QueueName: q, VisibilityTimeout: 30}
Outputs:
  Url: {Value: !Ref Queue}
  Stream: {Value: !GetAtt Table.StreamArn}
`, Options{Stack: "lab", Files: fstest.MapFS{"machines/visits.asl.json": {Data: []byte(`{"t":"${TableName}","q":"${QueueArn}","keep":"${Other}"}`)}}})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		`dynamodb CreateTable {"AttributeDefinitions":[{"AttributeName":"k","AttributeType":"S"}],"KeySchema":[{"AttributeName":"k","KeyType":"HASH"}],"TableName":"ProductVisits","BillingMode":"PAY_PER_REQUEST","StreamSpecification":{"StreamViewType":"NEW_IMAGE","StreamEnabled":true}}`,
		`dynamodb DescribeTable {"TableName":"ProductVisits"}`,
		`sqs CreateQueue {"QueueName":"q","Attributes":{"VisibilityTimeout":"30"}}`,
		`states CreateStateMachine {"name":"visits-x1","definition":"{\"t\":\"ProductVisits\",\"q\":\"arn:aws:sqs:us-east-1:000000000000:q\",\"keep\":\"${Other}\"}","roleArn":"arn:aws:iam::000000000000:role/visits-x1","type":"STANDARD"}`,
	}
	if got := strings.Join(r.calls, "\n"); got != strings.Join(want, "\n") {
		t.Errorf("calls:\n%s\nwant:\n%s", got, strings.Join(want, "\n"))
	}
	if got, want := out.Outputs["Url"], "http://localhost:4566/000000000000/q"; got != want {
		t.Errorf("Url: got %s, want %s", got, want)
	}
	if got, want := out.Outputs["Stream"], "arn:aws:dynamodb:us-east-1:000000000000:table/ProductVisits/stream/1"; got != want {
		t.Errorf("Stream: got %s, want %s", got, want)
	}
}

func TestDeployAgainUpdates(t *testing.T) {
	tpl, err := Parse([]byte("Resources:\n  Q:\n    Type: AWS::SQS::Queue\n    Properties: {QueueName: q, DelaySeconds: 5}\n"))
	if err != nil {
		t.Fatal(err)
	}
	r := &recorder{exists: map[string]bool{"q": true}}
	out, err := tpl.Deploy(t.Context(), r, Options{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := out.Resources[0].Action; got != "updated" {
		t.Errorf("action: got %s, want updated", got)
	}
	if last := r.calls[len(r.calls)-1]; !strings.HasPrefix(last, "sqs SetQueueAttributes") {
		t.Errorf("last call: %s, want SetQueueAttributes", last)
	}
}

func TestMappingsAndSubscriptionsTakeTheirProperties(t *testing.T) {
	tpl, err := Parse([]byte(`
Resources:
  M:
    Type: AWS::Lambda::EventSourceMapping
    Properties:
      EventSourceArn: arn:q
      FunctionName: f
      BatchSize: 5
      StartingPosition: LATEST
      FilterCriteria: {Filters: [{Pattern: '{"a":[1]}'}]}
  T:
    Type: AWS::SNS::Topic
    Properties: {TopicName: t, DisplayName: Shown}
  S:
    Type: AWS::SNS::Subscription
    Properties: {TopicArn: !Ref T, Protocol: sqs, Endpoint: arn:q, RawMessageDelivery: true, FilterPolicyScope: MessageBody, FilterPolicy: {a: [{exists: true}]}}
`))
	if err != nil {
		t.Fatal(err)
	}
	rest := []string{
		`sns CreateTopic {"Name":"t"}`,
		`sns SetTopicAttributes {"TopicArn":"arn:aws:sns:us-east-1:000000000000:t","AttributeName":"DisplayName","AttributeValue":"Shown"}`,
		`sns Subscribe {"TopicArn":"arn:aws:sns:us-east-1:000000000000:t","Protocol":"sqs","Endpoint":"arn:q","ReturnSubscriptionArn":true}`,
		`sns SetSubscriptionAttributes {"SubscriptionArn":"arn:s","AttributeName":"FilterPolicyScope","AttributeValue":"MessageBody"}`,
		`sns SetSubscriptionAttributes {"SubscriptionArn":"arn:s","AttributeName":"FilterPolicy","AttributeValue":"{\"a\":[{\"exists\":true}]}"}`,
		`sns SetSubscriptionAttributes {"SubscriptionArn":"arn:s","AttributeName":"RawMessageDelivery","AttributeValue":"true"}`,
	}
	const create = `lambda CreateEventSourceMapping {"EventSourceArn":"arn:q","FunctionName":"f","BatchSize":5,"StartingPosition":"LATEST","FilterCriteria":{"Filters":[{"Pattern":"{\"a\":[1]}"}]}}`
	for _, c := range []struct {
		there      bool
		id, action string
		calls      []string
	}{
		{false, "new", "created", []string{create}},
		{true, "old", "updated", []string{create, `lambda ListEventSourceMappings {"EventSourceArn":"arn:q","FunctionName":"f"}`,
			`lambda UpdateEventSourceMapping {"FunctionName":"f","BatchSize":5,"FilterCriteria":{"Filters":[{"Pattern":"{\"a\":[1]}"}]},"UUID":"old"}`}},
	} {
		r := &recorder{exists: map[string]bool{"mapping": c.there}}
		out, err := tpl.Deploy(t.Context(), r, Options{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if m := out.Resources[0]; m.Physical != c.id || m.Action != c.action {
			t.Errorf("the mapping is %+v, want %s %s", m, c.id, c.action)
		}
		if got, want := strings.Join(r.calls, "\n"), strings.Join(append(c.calls, rest...), "\n"); got != want {
			t.Errorf("calls:\n%s\nwant:\n%s", got, want)
		}
	}
}

func TestFunctions(t *testing.T) {
	const head = "Parameters:\n  Env: {Type: String, Default: dev}\n  List: {Type: CommaDelimitedList, Default: 'a, b'}\n" +
		"Mappings:\n  Sizes: {dev: {n: 1}, prod: {n: 2}}\nConditions:\n  IsDev: !Equals [!Ref Env, dev]\n  Not: !Not [!Condition IsDev]\n" +
		"Resources:\n  Q: {Type: AWS::SQS::Queue, Properties: {QueueName: q}}\nOutputs:\n  O: {Value: "
	for _, c := range []struct{ value, want string }{
		{`!Ref Env`, "dev"},
		{`!Join ['-', [a, !Ref Env]]`, "a-dev"},
		{`!Sub '${Env}-${Q.Arn}-${!Kept}'`, "dev-arn:aws:sqs:us-east-1:000000000000:q-${Kept}"},
		{`!Sub ['${X}/${Env}', {X: !Ref Env}]`, "dev/dev"},
		{`!FindInMap [Sizes, !Ref Env, n]`, "1"},
		{`!If [IsDev, yes-dev, no]`, "yes-dev"},
		{`!If [Not, yes, no]`, "no"},
		{`!Select [1, !Ref List]`, "b"},
		{`!Select [1, !Split [',', 'x,y']]`, "y"},
		{`{'Fn::GetAtt': [Q, QueueName]}`, "q"},
		{`!Ref AWS::AccountId`, "000000000000"},
		{`!Base64 hi`, "aGk="},
	} {
		_, out, err := deploy(t, head+c.value+"}\n", Options{})
		if err != nil {
			t.Errorf("%s: %v", c.value, err)
		} else if got := out.Outputs["O"]; got != c.want {
			t.Errorf("%s: got %q, want %q", c.value, got, c.want)
		}
	}
}

func TestFaultsSayWhere(t *testing.T) {
	for _, c := range []struct{ template, where, what string }{
		{"Resources:\n  A: {Type: AWS::EC2::Instance}\n", "/Resources/A/Type", "not supported"},
		{"Resources:\n  A:\n    Type: AWS::SQS::Queue\n    Properties:\n      Fifo: true\n", "/Resources/A/Properties/Fifo", "not supported"},
		{"Resources:\n  A: {Type: AWS::SQS::Queue, Properties: {QueueName: !Ref B}}\n  B: {Type: AWS::SQS::Queue, Properties: {QueueName: !Ref A}}\n", "/Resources/", "back to it"},
		{"Resources:\n  A: {Type: AWS::SQS::Queue, Properties: {QueueName: !Ref Nobody}}\n", "/Resources/A/Properties/QueueName", "no parameter"},
		{"Resources:\n  A: {Type: AWS::SQS::Queue, Properties: {QueueName: !ImportValue X}}\n", "/Resources/A/Properties/QueueName", "Fn::ImportValue"},
		{"Nonsense: {}\nResources: {}\n", "/Nonsense", "unknown section"},
		{"Parameters:\n  P: {Type: String}\nResources:\n  A: {Type: AWS::SQS::Queue}\n", "/Parameters/P", "no default"},
		{"Resources:\n  M: {Type: AWS::Serverless::StateMachine, Properties: {DefinitionUri: ../x.json}}\n", "/Resources/M/Properties/DefinitionUri", "inside the template's folder"},
		{"", "", "empty"},
		{"a: [\n", "", "yaml"},
	} {
		_, _, err := deploy(t, c.template, Options{})
		var fault Fault
		if faults := (Faults{}); errors.As(err, &faults) {
			fault = faults[0]
		} else if !errors.As(err, &fault) {
			t.Errorf("%q: got %v, want a fault", c.template, err)
			continue
		}
		if !strings.HasPrefix(fault.Pointer, c.where) || !strings.Contains(fault.Message, c.what) {
			t.Errorf("%q: got %v, want %q at %s", c.template, fault, c.what, c.where)
		}
		if c.where != "" && fault.Line == 0 {
			t.Errorf("%q: no line", c.template)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("Resources:\n  A: &a {Type: AWS::SQS::Queue, Properties: {QueueName: !Sub '${AWS::Region}'}}\n  B: *a\n")
	f.Fuzz(func(t *testing.T, s string) {
		tpl, err := Parse([]byte(s))
		if err != nil {
			return
		}
		_, _ = tpl.Deploy(t.Context(), &recorder{}, Options{}, nil)
	})
}

func TestTrail(t *testing.T) {
	const template = `
Resources:
  Site: {Type: "AWS::S3::Bucket", Properties: {BucketName: site}}
  Trail:
    Type: AWS::CloudTrail::Trail
    Properties:
      TrailName: changes
      S3BucketName: logs
      IsLogging: %s
      EventSelectors:
        - {ReadWriteType: WriteOnly, DataResources: [{Type: "AWS::S3::Object", Values: [!Sub "${Site.Arn}/"]}]}
`
	for logging, operation := range map[string]string{"true": "StartLogging", "false": "StopLogging"} {
		r, _, err := deploy(t, fmt.Sprintf(template, logging), Options{})
		if err != nil {
			t.Fatal(err)
		}
		want := []string{
			`cloudtrail CreateTrail {"S3BucketName":"logs","Name":"changes"}`,
			`cloudtrail PutEventSelectors {"EventSelectors":[{"ReadWriteType":"WriteOnly","DataResources":[{"Type":"AWS::S3::Object","Values":["arn:aws:s3:::site/"]}]}],"TrailName":"changes"}`,
			`cloudtrail ` + operation + ` {"Name":"changes"}`,
		}
		if got := strings.Join(r.calls[1:], "\n"); got != strings.Join(want, "\n") {
			t.Errorf("calls\n%s\nwant\n%s", got, strings.Join(want, "\n"))
		}
	}
}
