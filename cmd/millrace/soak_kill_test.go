package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"millrace/engine"
	"millrace/engine/interp"
)

// The kill test kills millrace serve at random instants while clients use it.
//
//	MILLRACE_CRASH_KILLS=300 MILLRACE_CRASH_SEED=7 go test -run TestServeSurvivesKills -timeout 1h -v ./cmd/millrace
const (
	serveKills = "MILLRACE_CRASH_KILLS" // how often; default 12
	serveSeed  = "MILLRACE_CRASH_SEED"  // of the instants; default 1
)

// The machines of the kill test: each execution does everything that an embedded
// service can have done by a task, and says its name with it.
var killDefinitions = []struct{ name, text string }{
	{"child", `{"StartAt": "Count", "States": {"Count": {"Type": "Task", "Resource": "arn:aws:states:::dynamodb:updateItem", "End": true,
		"Parameters": {"TableName": "effects", "Key": {"k": {"S.$": "States.Format('child of {}', $.of)"}}, "UpdateExpression": "ADD n :one", "ExpressionAttributeValues": {":one": {"N": "1"}}}}}}`},
	{"work", `{"StartAt": "Count", "States": {
		"Count": {"Type": "Task", "Resource": "arn:aws:states:::dynamodb:updateItem", "ResultPath": null, "Next": "Wait",
			"Parameters": {"TableName": "effects", "Key": {"k": {"S.$": "$$.Execution.Name"}}, "UpdateExpression": "ADD n :one", "ExpressionAttributeValues": {":one": {"N": "1"}}}},
		"Wait": {"Type": "Wait", "Seconds": 1, "Next": "Both"},
		"Both": {"Type": "Parallel", "ResultPath": null, "Next": "Publish", "Branches": [
			{"StartAt": "Send", "States": {"Send": {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage", "Parameters": {"QueueUrl": "<queues>/sink", "MessageBody.$": "$$.Execution.Name"}, "End": true}}},
			{"StartAt": "Object", "States": {"Object": {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:s3:putObject", "Parameters": {"Bucket": "kill-bucket", "Key.$": "$$.Execution.Name", "Body.$": "$$.Execution.Name"}, "End": true}}},
			{"StartAt": "Function", "States": {"Function": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Parameters": {"FunctionName": "soak", "Payload": {"Records": [{"body": "<visit>"}]}}, "End": true}}},
			{"StartAt": "Child", "States": {"Child": {"Type": "Task", "Resource": "arn:aws:states:::states:startExecution.sync:2", "Parameters": {"StateMachineArn": "<machines>child", "Input": {"of.$": "$$.Execution.Name"}}, "End": true}}}]},
		"Publish": {"Type": "Task", "Resource": "arn:aws:states:::sns:publish", "Parameters": {"TopicArn": "arn:aws:sns:<account>soak", "Message.$": "$$.Execution.Name"}, "ResultPath": null, "End": true}}}`},
	{"ask", `{"StartAt": "Ask", "States": {
		"Ask": {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken", "Parameters": {"QueueUrl": "<queues>/asked", "MessageBody": {"Token.$": "$$.Task.Token", "ARN.$": "$$.Execution.Id"}}, "End": true}}}`},
	{"piped", `{"StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}}`},
}

// killed is what clients of a server that is killed were told.
type killed struct {
	mu     sync.Mutex
	said   map[string]bool // what was acknowledged: "started work-1", "sent 2", ...
	next   int
	faults []string
}

func (k *killed) say(format string, args ...any) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.said[fmt.Sprintf(format, args...)] = true
}

func (k *killed) number() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.next++
	return k.next
}

// fault notes an answer that no client should get.
func (k *killed) fault(format string, args ...any) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.faults) < 20 {
		k.faults = append(k.faults, fmt.Sprintf(format, args...))
	}
}

func setting(t *testing.T, name string, other int) int {
	t.Helper()
	s := os.Getenv(name)
	if s == "" {
		return other
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// TestServeSurvivesKills kills the program while clients send, and checks at the
// end that what they were told is so, and that nothing happened twice.
func TestServeSurvivesKills(t *testing.T) {
	kills, seed := setting(t, serveKills, 12), setting(t, serveSeed, 1)
	random := rand.New(rand.NewPCG(uint64(seed), 3))
	data := t.TempDir()
	k := &killed{said: map[string]bool{}}
	began := time.Now()
	s, _ := serveProcess(t, data, nil)
	if err := k.setup(t.Context(), newClient(s)); err != nil {
		t.Fatal(err)
	}
	s.kill()
	early := 0
	for range kills {
		var soon <-chan time.Time
		if random.IntN(4) == 0 { // while it starts
			soon = time.After(time.Duration(5+random.IntN(100)) * time.Millisecond)
		}
		s, ok := serveProcess(t, data, soon)
		if !ok {
			early++
			continue
		}
		kill := time.After(time.Duration(20+random.IntN(600)) * time.Millisecond)
		ctx, cancel := context.WithCancel(t.Context())
		var clients sync.WaitGroup
		k.run(ctx, newClient(s), &clients)
		<-kill
		s.kill()
		cancel()
		clients.Wait()
		if log := s.log.String(); strings.Contains(log, `"level":"ERROR"`) {
			t.Errorf("the log has errors: %.2000s", log)
		}
	}
	// The last process is left alone: it ends what was begun.
	s, _ = serveProcess(t, data, nil)
	c := newClient(s)
	defer c.http.CloseIdleConnections()
	ctx, cancel := context.WithCancel(t.Context())
	var workers sync.WaitGroup
	workers.Go(func() { k.stream(ctx, func() error { return k.answer(ctx, c) }) })
	k.idle(t, c)
	cancel()
	workers.Wait()
	acknowledged := len(k.said)
	got := k.effects(t, c)
	s.end(t)
	k.check(t, data, got)
	t.Logf("seed %d: %d kills in %s, %d of them before the server listened; %d acknowledgements, %d effects", seed, kills, time.Since(began).Round(time.Second), early, acknowledged, len(got))
	for _, f := range k.faults {
		t.Error(f)
	}
}

// setup makes what the clients use.
func (k *killed) setup(ctx context.Context, c *client) error {
	defer c.http.CloseIdleConnections()
	l := &load{client: c}
	if err := l.services(ctx); err != nil {
		return err
	}
	put, err := l.replacer()
	if err != nil {
		return err
	}
	for _, m := range killDefinitions {
		if err := c.createMachine(ctx, m.name, "STANDARD", put.Replace(m.text)); err != nil {
			return fmt.Errorf("machine %s: %w", m.name, err)
		}
	}
	key := object{"BillingMode": "PAY_PER_REQUEST", "AttributeDefinitions": []object{{"AttributeName": "k", "AttributeType": "S"}}, "KeySchema": []object{{"AttributeName": "k", "KeyType": "HASH"}}}
	for _, name := range []string{"effects", "put"} {
		key["TableName"] = name
		if err := c.call(ctx, dynamo+"CreateTable", key, nil); err != nil {
			return err
		}
	}
	for _, name := range []string{"sent", "piped"} {
		if err := c.call(ctx, sqs+"CreateQueue", object{"QueueName": name}, nil); err != nil {
			return err
		}
	}
	if err := c.service(ctx, "s3", "CreateBucket", object{"Bucket": "kill-bucket"}, nil); err != nil {
		return err
	}
	return c.service(ctx, "pipes", "CreatePipe", object{
		"Name": "piped", "RoleArn": "arn:aws:iam::000000000000:role/r", "Source": "arn:aws:sqs:" + soakAccount + "piped", "Target": soakMachines + "piped",
		"SourceParameters": object{"SqsQueueParameters": object{"BatchSize": 1}},
		"TargetParameters": object{"StepFunctionStateMachineParameters": object{"InvocationType": "FIRE_AND_FORGET"}},
	}, nil)
}

// run has clients at work until ctx ends.
func (k *killed) run(ctx context.Context, c *client, clients *sync.WaitGroup) {
	for _, machine := range []string{"work", "work", "ask"} {
		clients.Go(func() {
			k.stream(ctx, func() error {
				name := fmt.Sprint(machine, "-", k.number())
				_, err := c.start(ctx, machine, name, object{})
				if err == nil {
					k.say("started %s %s", machine, name)
				}
				return err
			})
		})
	}
	for _, queue := range []string{"sent", "piped"} {
		clients.Go(func() {
			k.stream(ctx, func() error {
				body := fmt.Sprint("m-", k.number())
				var out struct{ MessageId string }
				err := c.call(ctx, sqs+"SendMessage", object{"QueueUrl": c.queue(queue), "MessageBody": body}, &out)
				if err == nil && queue == "piped" {
					body = out.MessageId // the execution is named after it
				}
				if err == nil {
					k.say("%s %s", queue, body)
				}
				return err
			})
		})
	}
	clients.Go(func() {
		k.stream(ctx, func() error {
			key := fmt.Sprint("i-", k.number())
			err := c.call(ctx, dynamo+"PutItem", object{"TableName": "put", "Item": object{"k": object{"S": key}}, "ConditionExpression": "attribute_not_exists(k)"}, nil)
			if err == nil {
				k.say("put %s", key)
			}
			return err
		})
	})
	clients.Go(func() { k.stream(ctx, func() error { return k.answer(ctx, c) }) })
}

// stream does something again and again until ctx ends. A connection that breaks
// is what a kill looks like; an answer that refuses is a fault.
func (k *killed) stream(ctx context.Context, do func() error) {
	tick := time.NewTicker(15 * time.Millisecond)
	defer tick.Stop()
	for {
		var r *refusal
		if err := do(); errors.As(err, &r) {
			k.fault("%v", err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// answer answers the tokens that the queue brings. A message whose deletion a
// kill prevented comes again, when its task has been answered.
func (k *killed) answer(ctx context.Context, c *client) error {
	r, err := c.receive(ctx, "asked", 1)
	if err != nil {
		return err
	}
	for _, m := range r.Messages {
		var asked struct{ Token, ARN string }
		if err := json.Unmarshal([]byte(m.Body), &asked); err != nil {
			return err
		}
		err := c.call(ctx, sfn+"SendTaskSuccess", object{"taskToken": asked.Token, "output": `"yes"`}, nil)
		if err == nil {
			k.say("answered %s", asked.ARN[strings.LastIndexByte(asked.ARN, ':')+1:])
		} else if !refused(err, "TaskTimedOut") {
			return err
		}
		if err := c.deleted(ctx, "asked", m.ReceiptHandle); err != nil {
			return err
		}
	}
	return nil
}

// idle waits until no execution runs and the pipe's queue is empty. A message that
// a killed worker had received comes again when its visibility timeout is over.
func (k *killed) idle(t *testing.T, c *client) {
	t.Helper()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(3 * time.Minute)
	for {
		running := 0
		for _, m := range killDefinitions {
			list, err := c.executions(t.Context(), m.name, "RUNNING")
			if err != nil {
				t.Fatal(err)
			}
			running += len(list)
		}
		var q struct{ Attributes map[string]string }
		if err := c.call(t.Context(), sqs+"GetQueueAttributes", object{"QueueUrl": c.queue("piped"), "AttributeNames": []string{"All"}}, &q); err != nil {
			t.Fatal(err)
		}
		if running == 0 && q.Attributes["ApproximateNumberOfMessages"] == "0" && q.Attributes["ApproximateNumberOfMessagesNotVisible"] == "0" {
			return
		}
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("after the last start %d executions are still running, and of the pipe's queue %v is left", running, q.Attributes)
		}
	}
}

// effects reads what happened, with how often.
func (k *killed) effects(t *testing.T, c *client) map[string]int {
	t.Helper()
	got := map[string]int{}
	for _, queue := range []string{"sent", "sink", "topical"} {
		for empty := 0; empty < 2; {
			r, err := c.receive(t.Context(), queue, 0)
			if err != nil {
				t.Fatal(err)
			}
			if empty++; len(r.Messages) > 0 {
				empty = 0
			}
			for _, m := range r.Messages {
				body := m.Body
				var note struct{ Message string } // as a topic wraps it
				if json.Unmarshal([]byte(body), &note) == nil && note.Message != "" {
					body = note.Message
				}
				got[queue+" "+body]++
				if err := c.deleted(t.Context(), queue, m.ReceiptHandle); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	for _, table := range []string{"put", "effects"} {
		in := object{"TableName": table}
		for {
			var out struct {
				Items            []struct{ K, N struct{ S, N string } }
				LastEvaluatedKey object
			}
			if err := c.call(t.Context(), dynamo+"Scan", in, &out); err != nil {
				t.Fatal(err)
			}
			for _, i := range out.Items {
				n := 1
				if i.N.N != "" {
					n, _ = strconv.Atoi(i.N.N) // a number that is none is a wrong count, 0
				}
				got[table+" "+i.K.S] = n
			}
			if out.LastEvaluatedKey == nil {
				break
			}
			in["ExclusiveStartKey"] = out.LastEvaluatedKey
		}
	}
	for in := (object{"Bucket": "kill-bucket"}); ; {
		var out struct {
			Contents              []struct{ Key string }
			NextContinuationToken string
		}
		if err := c.service(t.Context(), "s3", "ListObjectsV2", in, &out); err != nil {
			t.Fatal(err)
		}
		for _, o := range out.Contents {
			got["object "+o.Key]++
		}
		if out.NextContinuationToken == "" {
			break
		}
		in["ContinuationToken"] = out.NextContinuationToken
	}
	return got
}

// check checks the folder of a server that has ended, and what clients were told
// against what happened.
func (k *killed) check(t *testing.T, data string, got map[string]int) {
	t.Helper()
	s, end := assembled(t, data)
	defer end()
	for what, n := range got {
		if n != 1 {
			t.Errorf("%s: %d times", what, n)
		}
		delete(k.said, what)
	}
	for _, m := range killDefinitions {
		for p := (engine.Page{Max: 1000}); ; {
			list, next, err := s.engine.ListExecutions(t.Context(), engine.ListFilter{MachineARN: soakMachines + m.name}, p)
			if err != nil {
				t.Fatal(err)
			}
			for _, i := range list {
				k.execution(t, s, m.name, i, got)
			}
			if next == "" {
				break
			}
			p.Token = next
		}
	}
	for line := range k.said {
		t.Errorf("acknowledged and lost: %s", line)
	}
	err := s.engine.Read(t.Context(), func(r engine.Reader) error {
		for _, table := range []string{"outbox", "inbox", "frames", "results"} {
			rows, err := r.Query("SELECT count(*) FROM " + table)
			if err != nil {
				return err
			}
			var n int
			rows.Next()
			err = errors.Join(rows.Scan(&n), rows.Close())
			if err != nil {
				return err
			}
			if n > 0 {
				t.Errorf("%d rows are left in %s", n, table)
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// execution checks an execution: its history, and that what it has done was done.
func (k *killed) execution(t *testing.T, s *system, machine string, i engine.ExecutionInfo, got map[string]int) {
	t.Helper()
	delete(k.said, "started "+machine+" "+i.Name)
	delete(k.said, "piped "+i.Name)
	if i.Status != interp.Succeeded {
		t.Errorf("%s of %s: got %s, want SUCCEEDED", i.Name, machine, i.Status)
	}
	all, _, err := s.engine.History(t.Context(), i.ARN, engine.Page{Max: 1000})
	if err != nil {
		t.Fatal(err)
	}
	answers := 0
	for n, e := range all {
		if e.ID != int64(n+1) || e.Previous >= e.ID {
			t.Errorf("%s: event %d after %d events, previous %d", i.Name, e.ID, n, e.Previous)
		}
		if ends := strings.HasPrefix(e.Type, "Execution") && e.Type != "ExecutionStarted"; ends != (n == len(all)-1) {
			t.Errorf("%s: event %d of %d is %s", i.Name, n+1, len(all), e.Type)
		}
		if e.Type == "TaskSucceeded" {
			answers++
		}
	}
	switch machine {
	case "ask":
		if answers != 1 {
			t.Errorf("%s: answered %d times", i.Name, answers)
		}
		delete(k.said, "answered "+i.Name)
	case "work":
		for _, what := range []string{"effects ", "effects child of ", "sink ", "topical ", "object "} {
			if got[what+i.Name] != 1 {
				t.Errorf("%s%s: %d times, want once", what, i.Name, got[what+i.Name])
			}
		}
	}
}
