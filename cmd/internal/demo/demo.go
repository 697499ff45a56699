// Package demo shows Millrace at work: it deploys the product-visits lab and the
// bucket-change alert, feeds them, tells what happens step by step, and checks
// what came of it through the executions' histories and the services.
package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"time"

	"millrace/engine"
	"millrace/engine/interp"
	"millrace/integrations/template"
	bucketchangealert "millrace/workflows/bucket-change-alert"
	productvisits "millrace/workflows/product-visits"
)

// Engine is what the demo sees of the engine.
type Engine interface {
	DescribeExecution(ctx context.Context, arn string) (engine.ExecutionInfo, error)
	ListExecutions(ctx context.Context, f engine.ListFilter, p engine.Page) ([]engine.ExecutionInfo, string, error)
	History(ctx context.Context, arn string, p engine.Page) ([]interp.Event, string, error)
}

// Demo is one run of the demo. Target and Engine belong to the same server.
type Demo struct {
	Target template.Target
	Engine Engine
	Out    io.Writer     // what a person reads; each line as it happens
	Limit  time.Duration // for everything that is waited for; 0: one minute

}

// Report is what the demo did, for --json.
type Report struct {
	Visits []Visited `json:"visits"`
	Alert  Alert     `json:"alert"`
}

// Visited tells what became of one visit.
type Visited struct {
	Visit     string   `json:"visit"`
	MessageID string   `json:"messageId"`
	Visiting  string   `json:"visitExecutionArn"`
	Loading   string   `json:"datalakeExecutionArn"`
	Object    string   `json:"object"` // s3://bucket/key
	Row       string   `json:"row"`
	Steps     []string `json:"steps"`
}

// Alert tells what became of the change of the website's bucket.
type Alert struct {
	Execution    string `json:"executionArn"`
	Notification string `json:"notification"`
	Approval     string `json:"approvalId"`
	Answered     bool   `json:"answered"` // false: it waits for a person
}

// Run deploys and feeds both workflows and checks them. With answer it also
// answers the alert's question, as a person would; without, the question waits.
func (d *Demo) Run(ctx context.Context, answer bool) (Report, error) {
	if d.Limit == 0 {
		d.Limit = time.Minute
	}
	ctx, cancel := context.WithTimeout(ctx, d.Limit)
	defer cancel()
	var r Report
	outputs, err := d.deploy(ctx, "product-visits", productvisits.Files)
	if err != nil {
		return r, err
	}
	sent, err := d.send(ctx, outputs["QueueUrl"])
	if err != nil {
		return r, err
	}
	if r.Visits, err = d.follow(ctx, sent, outputs); err != nil {
		return r, fmt.Errorf("product-visits: %w", err)
	}
	if outputs, err = d.deploy(ctx, "bucket-change-alert", bucketchangealert.Files); err != nil {
		return r, err
	}
	if r.Alert, err = d.alert(ctx, outputs, answer); err != nil {
		return r, fmt.Errorf("bucket-change-alert: %w", err)
	}
	return r, nil
}

func (d *Demo) say(format string, args ...any) { fmt.Fprintf(d.Out, format+"\n", args...) }

// deploy deploys a workflow's template.
func (d *Demo) deploy(ctx context.Context, stack string, files fs.FS) (map[string]string, error) {
	d.say("\nDeploy workflows/%s/template.yaml", stack)
	text, err := fs.ReadFile(files, "template.yaml")
	if err != nil {
		return nil, err
	}
	t, err := template.Parse(text)
	if err != nil {
		return nil, err
	}
	out, err := t.Deploy(ctx, d.Target, template.Options{Stack: stack, Files: files}, func(r template.Deployed) {
		d.say("  %-9s %-32s %s", r.Action, r.Type, r.ID)
	})
	if err != nil {
		return nil, fmt.Errorf("deploy %s: %w", stack, err)
	}
	return out.Outputs, nil
}

type message struct {
	visit string // visits/1.json
	id    string
	body  string
}

// send puts the five sample visits on the queue, as they stand in their files.
func (d *Demo) send(ctx context.Context, queueURL string) ([]message, error) {
	d.say("\nSend five visits to ProductVisitsDataQueue")
	var sent []message
	for n := 1; n <= 5; n++ {
		name := fmt.Sprintf("visits/%d.json", n)
		body, err := fs.ReadFile(productvisits.Files, name)
		if err != nil {
			return nil, err
		}
		var answer struct{ MessageId string }
		if err := d.call(ctx, "sqs", "SendMessage", map[string]any{"QueueUrl": queueURL, "MessageBody": string(body)}, &answer); err != nil {
			return nil, err
		}
		d.say("  %s  message %s", name, answer.MessageId)
		sent = append(sent, message{name, answer.MessageId, string(body)})
	}
	return sent, nil
}

// follow waits for the executions that the visits start and checks each one's
// history, its item's row and its object.
func (d *Demo) follow(ctx context.Context, sent []message, outputs map[string]string) ([]Visited, error) {
	d.say("\nEach visit is one execution of ProductVisit; each new item one of ProductVisitDatalakeLoading")
	var all []Visited
	for _, m := range sent {
		v := Visited{Visit: m.visit, MessageID: m.id}
		visiting, err := d.execution(ctx, outputs["VisitMachineArn"], m.id)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", m.visit, err)
		}
		v.Visiting = visiting.ARN
		d.say("\n  %s", m.visit)
		steps, err := d.steps(ctx, visiting.ARN, "lambda:invoke", "dynamodb:putItem")
		if err != nil {
			return nil, fmt.Errorf("%s: %w", m.visit, err)
		}
		v.Steps = steps
		var item productvisits.Item
		if err := json.Unmarshal(visiting.Output, &item); err != nil {
			return nil, fmt.Errorf("%s: output %s: %w", m.visit, visiting.Output, err)
		}
		want, err := productvisits.NewRow(item)
		if err != nil {
			return nil, err
		}
		if err := sameVisit(m.body, item.Visit); err != nil {
			return nil, fmt.Errorf("%s: %w", m.visit, err)
		}
		loading, err := d.execution(ctx, outputs["DatalakeMachineArn"], item.Key)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", m.visit, err)
		}
		v.Loading = loading.ARN
		if steps, err = d.steps(ctx, loading.ARN, "lambda:invoke", "aws-sdk:s3:headObject"); err != nil {
			return nil, fmt.Errorf("%s: %w", m.visit, err)
		}
		v.Steps = append(v.Steps, steps...)
		var object struct{ Body string }
		if err := d.call(ctx, "s3", "GetObject", map[string]any{"Bucket": outputs["Bucket"], "Key": want.Key}, &object); err != nil {
			return nil, fmt.Errorf("%s: read s3://%s/%s: %w", m.visit, outputs["Bucket"], want.Key, err)
		}
		if object.Body != want.Row {
			return nil, fmt.Errorf("%s: the object holds %q, want %q", m.visit, object.Body, want.Row)
		}
		v.Object, v.Row = "s3://"+outputs["Bucket"]+"/"+want.Key, object.Body
		d.say("    %s\n    %s", v.Object, v.Row)
		all = append(all, v)
	}
	d.say("\nAll five objects are in the bucket, with the rows that the messages ask for.")
	return all, nil
}

// sameVisit checks that the item has the message's values.
func sameVisit(body string, got productvisits.Visit) error {
	var want productvisits.Visit
	if err := json.Unmarshal([]byte(body), &want); err != nil {
		return err
	}
	if got != want {
		return fmt.Errorf("the item is %+v, the message said %+v", got, want)
	}
	return nil
}

// find waits for an execution of a machine whose input holds a text. Those in
// known are older and not meant.
func (d *Demo) find(ctx context.Context, machine, text string, known map[string]bool) (arn string, err error) {
	err = d.poll(ctx, "an execution for "+text, func() (bool, error) {
		list, _, err := d.Engine.ListExecutions(ctx, engine.ListFilter{MachineARN: machine}, engine.Page{Max: 100})
		if err != nil {
			return false, err
		}
		for _, x := range list {
			if known[x.ARN] {
				continue
			}
			info, err := d.Engine.DescribeExecution(ctx, x.ARN)
			if err != nil {
				return false, err
			}
			if strings.Contains(string(info.Input), text) {
				arn = x.ARN
				return true, nil
			}
		}
		return false, nil
	})
	return arn, err
}

// execution waits for the execution of a machine whose input holds a text, and for its success.
func (d *Demo) execution(ctx context.Context, machine, text string) (engine.ExecutionInfo, error) {
	arn, err := d.find(ctx, machine, text, nil)
	if err != nil {
		return engine.ExecutionInfo{}, err
	}
	return d.succeeded(ctx, arn)
}

// executions are the executions that a machine has by now.
func (d *Demo) executions(ctx context.Context, machine string) (map[string]bool, error) {
	known := map[string]bool{}
	var token string
	for {
		list, next, err := d.Engine.ListExecutions(ctx, engine.ListFilter{MachineARN: machine}, engine.Page{Max: 1000, Token: token})
		if err != nil {
			return nil, err
		}
		for _, x := range list {
			known[x.ARN] = true
		}
		if token = next; token == "" {
			return known, nil
		}
	}
}

// succeeded waits for an execution's end, and for its success.
func (d *Demo) succeeded(ctx context.Context, arn string) (info engine.ExecutionInfo, err error) {
	err = d.poll(ctx, "the end of "+arn, func() (bool, error) {
		info, err = d.Engine.DescribeExecution(ctx, arn)
		return info.Status != interp.Running, err
	})
	if err == nil && info.Status != interp.Succeeded {
		err = fmt.Errorf("execution %s ended as %s: %s: %s", arn, info.Status, deref(info.Error), deref(info.Cause))
	}
	return info, err
}

// poll asks until the answer is yes or the demo's time is up.
func (d *Demo) poll(ctx context.Context, what string, done func() (bool, error)) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		yes, err := done()
		if yes || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.DeadlineExceeded) {
				return fmt.Errorf("waited %s for %s", d.Limit, what)
			}
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// steps tells an execution's history and checks that the resources were called and answered, in order.
func (d *Demo) steps(ctx context.Context, arn string, resources ...string) ([]string, error) {
	var lines []string
	token, scheduled, answered := "", []string{}, 0
	for {
		events, next, err := d.Engine.History(ctx, arn, engine.Page{Max: 1000, Token: token})
		if err != nil {
			return nil, err
		}
		for _, e := range events {
			switch e.Type {
			case "TaskScheduled":
				scheduled = append(scheduled, e.ResourceType+":"+e.Resource)
			case "TaskSucceeded":
				answered++
			}
			if line := stepLine(e); line != "" {
				lines = append(lines, line)
				d.say("    %s", line)
			}
		}
		if token = next; token == "" {
			break
		}
	}
	if got, want := strings.Join(scheduled, " "), strings.Join(resources, " "); got != want || answered != len(resources) {
		return nil, fmt.Errorf("%s: the history shows the tasks %q with %d answers, want %q", arn, got, answered, want)
	}
	return lines, nil
}

// stepLine tells an event that a person wants to hear of.
func stepLine(e interp.Event) string {
	at := e.Time.Local().Format("15:04:05.000")
	switch e.Type {
	case "TaskScheduled":
		return fmt.Sprintf("%s  task    %s:%s", at, e.ResourceType, e.Resource)
	case "TaskStateExited", "ChoiceStateExited":
		return fmt.Sprintf("%s  done    %s", at, e.Name)
	case "ExecutionStarted", "ExecutionSucceeded", "ExecutionFailed":
		return fmt.Sprintf("%s  %s", at, strings.TrimPrefix(e.Type, "Execution"))
	}
	return ""
}

func (d *Demo) call(ctx context.Context, service, operation string, in map[string]any, out any) error {
	raw, err := json.Marshal(in)
	if err != nil {
		return err
	}
	answer, err := d.Target.Call(ctx, service, operation, raw)
	if err != nil {
		return fmt.Errorf("%s %s: %w", service, operation, err)
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return fmt.Errorf("%s %s: answer %.200s: %w", service, operation, answer, err)
	}
	return nil
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
