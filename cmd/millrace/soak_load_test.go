package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// load is a mixed load on a server: a stream of each kind of work, and the
// workers who answer what the work asks.
type load struct {
	*client
	rate   float64 // of each kind, as a multiple of what its table says
	count  atomic.Int64
	mu     sync.Mutex
	counts map[string]int // what was done, by kind
	faults []string       // what went wrong, the first few
	parked []string       // executions to be stopped
	recent []string       // executions that were started
}

// The machines of the load. The texts in angle brackets are put in by setup.
var soakDefinitions = []struct{ name, typ, text string }{
	{"child", "STANDARD", `{"StartAt": "P", "States": {"P": {"Type": "Pass", "Next": "W"}, "W": {"Type": "Wait", "Seconds": 1, "End": true}}}`},
	{"order", "STANDARD", `{"StartAt": "Shape", "States": {
		"Shape": {"Type": "Pass", "Parameters": {"i.$": "$.i", "key.$": "States.Format('k{}', $.i)", "body.$": "$.body", "list": [[1, 2], [3], []]}, "Next": "Choose"},
		"Choose": {"Type": "Choice", "Choices": [{"Variable": "$.i", "NumericGreaterThanEquals": 0, "Next": "Wait"}], "Default": "No"},
		"No": {"Type": "Fail", "Error": "Negative"},
		"Wait": {"Type": "Wait", "Seconds": 1, "Next": "Both"},
		"Both": {"Type": "Parallel", "ResultPath": null, "Next": "Function", "Branches": [
			{"StartAt": "Send", "States": {"Send": {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage", "Parameters": {"QueueUrl": "<queues>/sink", "MessageBody.$": "$"}, "End": true}}},
			{"StartAt": "Put", "States": {"Put": {"Type": "Task", "Resource": "arn:aws:states:::dynamodb:putItem", "Parameters": {"TableName": "soak", "Item": {"k": {"S.$": "$.key"}, "body": {"S.$": "$.body"}}}, "Next": "Get"},
				"Get": {"Type": "Task", "Resource": "arn:aws:states:::dynamodb:getItem", "Parameters": {"TableName": "soak", "Key": {"k": {"S.$": "$$.Execution.Name"}}}, "End": true}}},
			{"StartAt": "Object", "States": {"Object": {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:s3:putObject", "Parameters": {"Bucket": "soak-bucket", "Key.$": "$.key", "Body.$": "$"}, "End": true}}}]},
		"Function": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Parameters": {"FunctionName": "soak", "Payload": {"Records": [{"body": "<visit>"}]}}, "ResultPath": null, "Next": "Map"},
		"Map": {"Type": "Map", "ItemsPath": "$.list", "Parameters": {"v.$": "$$.Map.Item.Value"}, "ResultPath": "$.mapped", "InputPath": "$", "MaxConcurrency": 2, "Next": "Nested", "ItemProcessor": {"StartAt": "Inner", "States": {
			"Inner": {"Type": "Map", "ItemsPath": "$.v", "ItemProcessor": {"StartAt": "X", "States": {"X": {"Type": "Pass", "End": true}}}, "End": true}}}},
		"Nested": {"Type": "Task", "Resource": "arn:aws:states:::states:startExecution.sync:2", "Parameters": {"StateMachineArn": "<machines>child", "Input": {"AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID.$": "$$.Execution.Id"}}, "ResultPath": null, "Next": "Forget"},
		"Forget": {"Type": "Task", "Resource": "arn:aws:states:::states:startExecution", "Parameters": {"StateMachineArn": "<machines>child", "Input": {}}, "ResultPath": null, "Next": "Publish"},
		"Publish": {"Type": "Task", "Resource": "arn:aws:states:::sns:publish", "Parameters": {"TopicArn": "arn:aws:sns:<account>soak", "Message.$": "$.key"}, "ResultPath": null, "End": true}}}`},
	{"token", "STANDARD", `{"QueryLanguage": "JSONata", "StartAt": "Ask", "States": {
		"Ask": {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken", "HeartbeatSeconds": 60, "Arguments": {"QueueUrl": "<queues>/asked", "MessageBody": {"token": "{% $states.context.Task.Token %}", "i": "{% $states.input.i %}"}},
			"Assign": {"answer": "{% $states.result %}"}, "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Caught", "Output": "{% $states.errorOutput.Error %}"}], "Next": "Say"},
		"Say": {"Type": "Pass", "Output": "{% $answer %}", "End": true}, "Caught": {"Type": "Pass", "End": true}}}`},
	{"activity", "STANDARD", `{"StartAt": "Do", "States": {
		"Do": {"Type": "Task", "Resource": "arn:aws:states:<account>activity:soak", "TimeoutSeconds": 120, "Catch": [{"ErrorEquals": ["Odd"], "ResultPath": "$.error", "Next": "Caught"}], "End": true},
		"Caught": {"Type": "Pass", "End": true}}}`},
	{"retry", "STANDARD", `{"StartAt": "Try", "States": {
		"Try": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Parameters": {"FunctionName": "soak", "Payload": {"Records": []}}, "Retry": [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1, "MaxAttempts": 2, "BackoffRate": 1.5}],
			"Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Caught"}], "End": true},
		"Caught": {"Type": "Pass", "End": true}}}`},
	{"express", "EXPRESS", `{"StartAt": "P", "States": {
		"P": {"Type": "Pass", "Parameters": {"i.$": "$.i", "key.$": "States.Format('k{}', $.i)"}, "Next": "Get"},
		"Get": {"Type": "Task", "Resource": "arn:aws:states:::dynamodb:updateItem", "Parameters": {"TableName": "soak", "Key": {"k": {"S.$": "$.key"}}, "UpdateExpression": "ADD n :one", "ExpressionAttributeValues": {":one": {"N": "1"}}}, "ResultPath": null, "End": true}}}`},
	{"map", "STANDARD", `{"StartAt": "M", "States": {
		"M": {"Type": "Map", "ItemsPath": "$.items", "MaxConcurrency": 5, "ItemBatcher": {"MaxItemsPerBatch": 8}, "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}, "StartAt": "Send", "States": {
			"Send": {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage", "Parameters": {"QueueUrl": "<queues>/sink", "MessageBody.$": "$"}, "End": true}}}, "End": true}}}`},
	{"park", "STANDARD", `{"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 100000, "End": true}}}`},
	{"until", "STANDARD", `{"StartAt": "W", "States": {"W": {"Type": "Wait", "TimestampPath": "$.at", "End": true}}}`},
}

// setup makes what the load works with.
func (l *load) setup(ctx context.Context) error {
	if err := l.services(ctx); err != nil {
		return err
	}
	put, err := l.replacer()
	if err != nil {
		return err
	}
	for _, m := range soakDefinitions {
		if err := l.createMachine(ctx, m.name, m.typ, put.Replace(m.text)); err != nil {
			return fmt.Errorf("machine %s: %w", m.name, err)
		}
	}
	return nil
}

// replacer puts what the server knows into definitions.
func (l *load) replacer() (*strings.Replacer, error) {
	visit, err := json.Marshal(`{"ProductId":"p","ProductName":"Boots","Category":"Footwear","PricePerUnit":"84.50","CustomerId":"c","CustomerName":"Ana","TimeOfVisit":"2026-03-21T16:23:42.389Z"}`)
	return strings.NewReplacer("<queues>", l.aws+"/000000000000", "<machines>", soakMachines, "<account>", soakAccount, `"<visit>"`, string(visit)), err
}

// services makes queues, a table, a bucket, a topic, a function and an activity.
func (l *load) services(ctx context.Context) error {
	code, err := emptyCode()
	if err != nil {
		return err
	}
	for _, q := range []string{"sink", "asked", "topical"} {
		if err := l.call(ctx, sqs+"CreateQueue", object{"QueueName": q, "Attributes": object{"VisibilityTimeout": "5"}}, nil); err != nil {
			return fmt.Errorf("queue: %w", err)
		}
	}
	for _, c := range []struct {
		service, operation string
		in                 object
	}{
		{"lambda", "CreateFunction", object{"FunctionName": "soak", "Runtime": "provided.al2023", "Handler": "productVisitsDataHandler", "Role": "arn:aws:iam::000000000000:role/r", "Code": object{"ZipFile": code}}},
		{"dynamodb", "CreateTable", object{"TableName": "soak", "BillingMode": "PAY_PER_REQUEST", "AttributeDefinitions": []object{{"AttributeName": "k", "AttributeType": "S"}}, "KeySchema": []object{{"AttributeName": "k", "KeyType": "HASH"}}}},
		{"s3", "CreateBucket", object{"Bucket": "soak-bucket"}},
		{"sns", "CreateTopic", object{"Name": "soak"}},
		{"sns", "Subscribe", object{"TopicArn": "arn:aws:sns:" + soakAccount + "soak", "Protocol": "sqs", "Endpoint": "arn:aws:sqs:" + soakAccount + "topical"}},
		{"states", "CreateActivity", object{"name": "soak"}},
	} {
		if err := l.service(ctx, c.service, c.operation, c.in, nil); err != nil {
			return fmt.Errorf("%s: %w", c.operation, err)
		}
	}
	return nil
}

// kinds are the streams of work, each with how often a second.
func (l *load) kinds() map[string]kind {
	begin := func(machine string, in func(i int64) any) func(context.Context, int64) error {
		return func(ctx context.Context, i int64) error {
			arn, err := l.start(ctx, machine, "", in(i))
			if err == nil {
				l.remember(&l.recent, arn)
			}
			return err
		}
	}
	number := func(i int64) any { return object{"i": i % 500} }
	return map[string]kind{
		"order":    {1, begin("order", func(i int64) any { return object{"i": i % 500, "body": strings.Repeat("x", int(i*37%3000))} })},
		"token":    {1, begin("token", number)},
		"activity": {1, begin("activity", number)},
		"retry":    {0.3, begin("retry", number)},
		"map": {0.1, begin("map", func(i int64) any {
			items := make([]int64, 40)
			for n := range items {
				items[n] = i*100 + int64(n)
			}
			return object{"items": items}
		})},
		"until": {0.5, begin("until", func(int64) any { return object{"at": time.Now().Add(2 * time.Second).UTC().Format(time.RFC3339)} })},
		"async": {1, begin("express", number)},
		"sync": {3, func(ctx context.Context, i int64) error {
			var out struct{ Status string }
			err := l.call(ctx, sfn+"StartSyncExecution", object{"stateMachineArn": soakMachines + "express", "input": fmt.Sprintf(`{"i": %d}`, i%500)}, &out)
			if err == nil && out.Status != "SUCCEEDED" {
				err = fmt.Errorf("an Express execution ended %s", out.Status)
			}
			return err
		}},
		"park":    {0.5, l.park},
		"look":    {3, l.look},
		"follow":  {0.3, l.follow},
		"churn":   {0.2, l.churn},
		"objects": {0.5, l.object},
	}
}

// kind is a stream of work.
type kind struct {
	rate float64 // how often a second
	do   func(ctx context.Context, i int64) error
}

// run has every kind of work done until ctx ends. The workers go on until drained ends.
func (l *load) run(ctx, drained context.Context) (workers *sync.WaitGroup) {
	workers = &sync.WaitGroup{}
	for range 2 {
		workers.Go(func() { l.worker(drained, l.answer) })
		workers.Go(func() { l.worker(drained, l.act) })
	}
	workers.Go(func() { l.worker(drained, func(ctx context.Context) error { return l.drain(ctx, "sink") }) })
	workers.Go(func() { l.worker(drained, func(ctx context.Context) error { return l.drain(ctx, "topical") }) })
	var streams sync.WaitGroup
	for name, k := range l.kinds() {
		streams.Go(func() {
			tick := time.NewTicker(time.Duration(float64(time.Second) / (k.rate * l.rate)))
			defer tick.Stop()
			for {
				if err := k.do(ctx, l.count.Add(1)); ctx.Err() != nil {
					return
				} else if err != nil {
					l.fault("%s: %v", name, err)
				}
				l.did(name)
				select {
				case <-tick.C:
				case <-ctx.Done():
					return
				}
			}
		})
	}
	streams.Wait()
	return workers
}

func (l *load) worker(ctx context.Context, do func(context.Context) error) {
	for ctx.Err() == nil {
		if err := do(ctx); err != nil && ctx.Err() == nil {
			l.fault("a worker: %v", err)
			select { // not as fast as it fails
			case <-time.After(time.Second):
			case <-ctx.Done():
			}
		}
	}
}

func (l *load) did(what string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.counts[what]++
}

func (l *load) fault(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.counts["faults"]++
	if len(l.faults) < 20 {
		l.faults = append(l.faults, fmt.Sprintf(format, args...))
	}
}

// remember keeps the last hundred of a list.
func (l *load) remember(list *[]string, arn string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if *list = append(*list, arn); len(*list) > 100 {
		*list = append([]string(nil), (*list)[50:]...)
	}
}

// some returns one of the executions that were started.
func (l *load) some(i int64) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.recent) == 0 {
		return ""
	}
	return l.recent[int(i)%len(l.recent)]
}

// park starts an execution that waits for long and stops an earlier one.
func (l *load) park(ctx context.Context, i int64) error {
	arn, err := l.start(ctx, "park", "", object{})
	if err != nil {
		return err
	}
	l.mu.Lock()
	l.parked = append(l.parked, arn)
	old := ""
	if len(l.parked) > 5 {
		old, l.parked = l.parked[0], append([]string(nil), l.parked[1:]...)
	}
	l.mu.Unlock()
	if old == "" {
		return nil
	}
	return l.call(ctx, sfn+"StopExecution", object{"executionArn": old, "error": "Enough", "cause": "the soak stops it"}, nil)
}

// look reads. An execution may have been kept long enough by now.
func (l *load) look(ctx context.Context, i int64) error {
	if err := l.see(ctx, i); !refused(err, "ExecutionDoesNotExist") {
		return err
	}
	return nil
}

func (l *load) see(ctx context.Context, i int64) error {
	arn := l.some(i)
	if arn == "" {
		return nil
	}
	if strings.Contains(arn, ":express:") {
		return nil // they are not there to be described
	}
	switch i % 6 {
	case 0:
		return l.call(ctx, sfn+"DescribeExecution", object{"executionArn": arn}, nil)
	case 1:
		return l.call(ctx, sfn+"GetExecutionHistory", object{"executionArn": arn, "maxResults": 7, "reverseOrder": true}, nil)
	case 2:
		return l.call(ctx, sfn+"ListExecutions", object{"stateMachineArn": soakMachines + "order", "maxResults": 20}, nil)
	case 3:
		return l.get(ctx, "/v1/executions?limit=20&status=RUNNING", nil)
	case 4:
		return l.get(ctx, "/v1/executions?limit=20&where=%24.i%20%3E%20250", nil)
	}
	return l.call(ctx, dynamo+"Scan", object{"TableName": "soak", "Limit": 50}, nil)
}

// follow reads the live history of an execution; every other time it goes away in the midst.
func (l *load) follow(ctx context.Context, i int64) error {
	arn, err := l.start(ctx, "child", "", object{})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if i%2 == 0 {
		ctx, cancel = context.WithTimeout(ctx, 300*time.Millisecond)
		defer cancel()
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, l.rest+"/v1/executions/child/"+arn[strings.LastIndexByte(arn, ':')+1:]+"/history", nil)
	if err != nil {
		return err
	}
	r.Header.Set("Accept", "text/event-stream")
	w, err := l.http.Do(r)
	if ctx.Err() != nil {
		return nil
	}
	if err != nil {
		return err
	}
	defer w.Body.Close()
	begun := time.Now()
	text, err := io.ReadAll(w.Body)
	if ctx.Err() != nil {
		return nil
	}
	if err != nil {
		err = fmt.Errorf("%s: a stream broke off %s after it had begun, at %s, with %.2000q: %w", w.Status, time.Since(begun), time.Now().UTC().Format(time.RFC3339Nano), text, err)
	}
	if err == nil && !strings.Contains(string(text), "ExecutionSucceeded") {
		err = fmt.Errorf("%s: the stream ended with %.200s", w.Status, text)
	}
	return err
}

// churn makes things and takes them away again.
func (l *load) churn(ctx context.Context, i int64) error {
	name := fmt.Sprintf("churn-%d", i)
	queue := l.aws + "/000000000000/" + name
	for _, c := range []struct {
		service, operation string
		in                 object
	}{
		{"states", "CreateStateMachine", object{"name": name, "definition": fmt.Sprintf(`{"StartAt": "P", "States": {"P": {"Type": "Pass", "Result": %d, "End": true}}}`, i), "roleArn": "arn:aws:iam::000000000000:role/r"}},
		{"states", "StartExecution", object{"stateMachineArn": soakMachines + name}},
		{"states", "DeleteStateMachine", object{"stateMachineArn": soakMachines + name}},
		{"states", "CreateActivity", object{"name": name}},
		{"states", "DeleteActivity", object{"activityArn": "arn:aws:states:" + soakAccount + "activity:" + name}},
		{"sqs", "CreateQueue", object{"QueueName": name}},
		{"sqs", "SendMessage", object{"QueueUrl": queue, "MessageBody": "x"}},
		{"sqs", "DeleteQueue", object{"QueueUrl": queue}},
		{"s3", "CreateBucket", object{"Bucket": name}},
		{"s3", "DeleteBucket", object{"Bucket": name}},
	} {
		if err := l.service(ctx, c.service, c.operation, c.in, nil); err != nil {
			return fmt.Errorf("%s: %w", c.operation, err)
		}
	}
	return nil
}

// object writes a large object, reads and deletes it.
func (l *load) object(ctx context.Context, i int64) error {
	in := object{"Bucket": "soak-bucket", "Key": fmt.Sprintf("large-%d", i), "Body": strings.Repeat("0123456789", 20000)}
	for _, operation := range []string{"PutObject", "GetObject", "DeleteObject"} {
		if err := l.service(ctx, "s3", operation, in, nil); err != nil {
			return fmt.Errorf("%s: %w", operation, err)
		}
		delete(in, "Body")
	}
	return nil
}
