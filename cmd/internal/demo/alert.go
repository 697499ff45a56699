package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
)

// page is what the demo puts into the website's bucket.
const page = "<!doctype html><title>Product visits</title><p>Which product did you look at?</p>\n"

// approval is what the demo needs of a question.
type approval struct {
	ID           string `json:"id"`
	Title        string `json:"title"`
	Description  string `json:"description"`
	ExecutionARN string `json:"executionArn"`
}

// alert changes the website's bucket and follows the alert that it raises.
func (d *Demo) alert(ctx context.Context, outputs map[string]string, answer bool) (Alert, error) {
	var a Alert
	known, err := d.executions(ctx, outputs["AlertMachineArn"])
	if err != nil {
		return a, err
	}
	d.say("\nChange the website's bucket")
	var put struct{ ETag string }
	if err := d.call(ctx, "s3", "PutObject", map[string]any{"Bucket": outputs["Bucket"], "Key": "index.html", "Body": page, "ContentType": "text/html"}, &put); err != nil {
		return a, err
	}
	d.say("  put s3://%s/index.html", outputs["Bucket"])

	if a.Execution, err = d.find(ctx, outputs["AlertMachineArn"], "index.html", known); err != nil {
		return a, err
	}
	d.say("  the trail's record matched the rule and started %s", a.Execution)

	q, err := d.question(ctx, a.Execution)
	if err != nil {
		return a, err
	}
	a.Approval = q.ID
	if a.Notification, err = d.notified(ctx, outputs["InboxUrl"]); err != nil {
		return a, err
	}
	d.say("  the topic told its subscriber: %s", a.Notification)
	d.say("  a person is asked: %s (%s)", q.Title, q.Description)
	if !answer {
		d.say("\nIt waits for your answer, through any restart:\n\n    millrace approvals list\n    millrace approvals approve %s", q.ID)
		return a, nil
	}
	if err := d.call(ctx, "approval", "Approve", map[string]any{"id": q.ID, "by": "demo", "comment": "the demo's own change"}, nil); err != nil {
		return a, err
	}
	if _, err := d.succeeded(ctx, a.Execution); err != nil {
		return a, err
	}
	a.Answered = true
	d.say("  it was approved, and the execution succeeded")
	return a, nil
}

// question waits for the question of an execution.
func (d *Demo) question(ctx context.Context, execution string) (found approval, err error) {
	err = d.poll(ctx, "the question of "+execution, func() (bool, error) {
		var list struct {
			Approvals []approval `json:"approvals"`
		}
		if err := d.call(ctx, "approval", "ListApprovals", map[string]any{"limit": 1000}, &list); err != nil {
			return false, err
		}
		for _, q := range list.Approvals {
			if q.ExecutionARN == execution {
				found = q
				return true, nil
			}
		}
		return false, nil
	})
	return found, err
}

// notified takes the notification of the change from the subscriber's queue.
func (d *Demo) notified(ctx context.Context, queueURL string) (text string, err error) {
	err = d.poll(ctx, "the notification", func() (bool, error) {
		var got struct {
			Messages []struct{ Body, ReceiptHandle string }
		}
		if err := d.call(ctx, "sqs", "ReceiveMessage", map[string]any{"QueueUrl": queueURL, "MaxNumberOfMessages": 1}, &got); err != nil {
			return false, err
		}
		for _, m := range got.Messages {
			if err := d.call(ctx, "sqs", "DeleteMessage", map[string]any{"QueueUrl": queueURL, "ReceiptHandle": m.ReceiptHandle}, nil); err != nil {
				return false, err
			}
			var envelope struct{ Subject, Message string }
			if err := json.Unmarshal([]byte(m.Body), &envelope); err != nil {
				return false, fmt.Errorf("notification %.200s: %w", m.Body, err)
			}
			if strings.Contains(envelope.Message, "index.html") {
				text = envelope.Subject + ": " + envelope.Message
				return true, nil
			}
		}
		return false, nil
	})
	return text, err
}
