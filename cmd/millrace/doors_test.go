package main

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// TestBadInputAtEachDoor sends what no service takes to every service behind
// both doors: the answer is an error of the caller's, never one of the server's.
func TestBadInputAtEachDoor(t *testing.T) {
	aws, rest := running(t, t.TempDir())
	json := func(target, version string) map[string]string {
		return map[string]string{"X-Amz-Target": target, "Content-Type": "application/x-amz-json-" + version}
	}
	scope := func(name string) map[string]string {
		return map[string]string{"Authorization": "AWS4-HMAC-SHA256 Credential=AKID/20261124/us-east-1/" + name + "/aws4_request, SignedHeaders=host, Signature=00"}
	}
	form := func(name string) map[string]string {
		h := scope(name)
		h["Content-Type"] = "application/x-www-form-urlencoded"
		return h
	}
	plain := map[string]string{"Content-Type": "application/json"}
	deep := strings.Repeat("[", 100000)
	long := strings.Repeat("x", 300<<10)

	type request struct {
		what, base, method, path string
		headers                  map[string]string
		body                     string
	}
	var all []request
	// Every JSON protocol, one operation that is there, with bodies that are not right.
	for target, version := range map[string]string{
		"AWSStepFunctions.StartExecution": "1.0", "AWSStepFunctions.CreateStateMachine": "1.0", "AWSStepFunctions.SendTaskSuccess": "1.0",
		"AWSStepFunctions.GetActivityTask": "1.0", "AWSStepFunctions.TestState": "1.0", "AmazonSQS.SendMessage": "1.0", "DynamoDB_20120810.PutItem": "1.0",
		"DynamoDB_20120810.Query": "1.0", "DynamoDBStreams_20120810.GetRecords": "1.0", "AWSEvents.PutRule": "1.1",
		"com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.CreateTrail": "1.1",
	} {
		for what, body := range map[string]string{
			"no body": "", "no JSON": "{", "no object": "[1]", "a text": `"x"`, "deep": deep, "bytes": "\xff\xfe\x00", "long": `{"x":"` + long + `"}`,
			"numbers for names": `{"stateMachineArn":1,"name":1,"QueueUrl":1,"TableName":1,"Name":1,"Item":1,"MessageBody":1,"taskToken":1,"activityArn":1,"ShardIterator":1,"definition":1}`,
			"unknown things":    `{"stateMachineArn":"arn:aws:states:us-east-1:000000000000:stateMachine:nope","taskToken":"x","output":"1","activityArn":"arn:aws:states:us-east-1:000000000000:activity:nope","QueueUrl":"http://x/1/nope","MessageBody":"x","TableName":"nope","Item":{},"KeyConditionExpression":"((","ShardIterator":"x","Name":"?","name":"?","definition":"{","roleArn":"x"}`,
		} {
			all = append(all, request{target + ": " + what, aws, "POST", "/", json(target, version), body})
		}
		service := target[:strings.LastIndexByte(target, '.')]
		all = append(all,
			request{service + ": an unknown operation", aws, "POST", "/", json(service+".Sing", version), "{}"},
			request{service + ": the wrong verb", aws, "GET", "/", json(target, version), ""},
			request{service + ": a giant body", aws, "POST", "/", json(target, version), `{"x":"` + strings.Repeat("x", 18<<20) + `"}`},
		)
	}
	for _, service := range []string{"sqs", "sns"} {
		version := map[string]string{"sqs": "2012-11-05", "sns": "2010-03-31"}[service]
		for what, body := range map[string]string{
			"an unknown operation": "Action=Sing&Version=" + version,
			"no members":           "Action=CreateQueue&Version=" + version,
			"broken escapes":       "Action=Publish&Version=" + version + "&Message=%zz",
			"a wild list":          "Action=Publish&Version=" + version + "&MessageAttributes.entry.999999999.Name=x&TopicArn=x",
			"an unknown version":   "Action=Publish&Version=1999",
		} {
			all = append(all, request{service + " form: " + what, aws, "POST", "/", form(service), body})
		}
	}
	for what, r := range map[string]struct{ method, path, body string }{
		"an unknown function": {"POST", "/2015-03-31/functions/nope/invocations", "{}"},
		"no JSON":             {"POST", "/2015-03-31/functions", "{"},
		"no members":          {"POST", "/2015-03-31/functions", "{}"},
		"a bad name":          {"GET", "/2015-03-31/functions/%00%ff", ""},
		"the wrong verb":      {"PATCH", "/2015-03-31/functions", "{}"},
		"no route":            {"GET", "/2015-03-31/songs", ""},
	} {
		all = append(all, request{"lambda: " + what, aws, r.method, r.path, scope("lambda"), r.body})
	}
	for what, r := range map[string]struct{ method, path, body string }{
		"no bucket":        {"GET", "/nope/key", ""},
		"a bad bucket":     {"PUT", "/_?", ""},
		"a wild path":      {"GET", "/a/../../etc/passwd", ""},
		"a wild part":      {"PUT", "/nope/key?partNumber=-1&uploadId=x", "x"},
		"a wild query":     {"GET", "/nope?list-type=2&max-keys=x", ""},
		"a deletion":       {"POST", "/nope?delete", "<Delete><Object>"},
		"the wrong verb":   {"PATCH", "/nope/key", ""},
		"bytes in the key": {"GET", "/nope/%ff%00", ""},
	} {
		all = append(all, request{"s3: " + what, aws, r.method, r.path, scope("s3"), r.body})
	}
	for what, r := range map[string]struct{ method, path, body string }{
		"no JSON":           {"POST", "/v1/machines", "{"},
		"deep":              {"POST", "/v1/machines", deep},
		"bytes":             {"POST", "/v1/machines", "\xff"},
		"a giant body":      {"POST", "/v1/machines", `{"name":"` + strings.Repeat("x", 4<<20) + `"}`},
		"a bad definition":  {"PUT", "/v1/machines/x", `{"definition":{"StartAt":7}}`},
		"a bad name":        {"PUT", "/v1/machines/" + strings.Repeat("x", 81), `{"definition":` + good + `}`},
		"long input":        {"POST", "/v1/machines/nope/executions", `{"input":"` + long + `"}`},
		"no execution":      {"GET", "/v1/executions/a/b", ""},
		"a wild cursor":     {"GET", "/v1/executions?cursor=x", ""},
		"a wild condition":  {"GET", "/v1/executions?where=%28%28%28", ""},
		"no approval":       {"POST", "/v1/approvals/x/approve", "{}"},
		"a wild approval":   {"GET", "/v1/approvals?status=x", ""},
		"no service":        {"POST", "/v1/services/x/y", "{}"},
		"no operation":      {"POST", "/v1/services/sqs/Sing", "{}"},
		"the wrong members": {"POST", "/v1/services/sqs/SendMessage", `{"QueueUrl":7}`},
		"no stream":         {"GET", "/v1/executions/a/b/history?after=-1", ""},
	} {
		all = append(all, request{"REST: " + what, rest, r.method, r.path, plain, r.body})
	}
	for _, q := range all {
		if status, answer, err := try(q.base, q.headers, q.method, q.path, q.body); err != nil {
			t.Errorf("%s: %v", q.what, err)
		} else if status < 400 || status > 499 {
			t.Errorf("%s: got %d %.300s, want an error of the caller's", q.what, status, answer)
		}
	}
}

// try is post for a request that may be cut off: a server need not read a giant body to its end.
func try(base string, headers map[string]string, method, path, body string) (int, []byte, error) {
	r, err := http.NewRequest(method, base+path, strings.NewReader(body))
	if err != nil {
		return 0, nil, fmt.Errorf("make the request: %w", err)
	}
	for k, v := range headers {
		r.Header.Set(k, v)
	}
	w, err := http.DefaultClient.Do(r)
	if err != nil {
		if len(body) > 1<<20 && strings.Contains(err.Error(), "broken pipe") || strings.Contains(err.Error(), "connection reset") {
			return http.StatusRequestEntityTooLarge, nil, nil
		}
		return 0, nil, err
	}
	defer w.Body.Close()
	answer, err := io.ReadAll(w.Body)
	return w.StatusCode, answer, err
}
