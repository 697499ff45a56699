package main

import (
	"context"
	"encoding/json"
	"fmt"
)

type received struct {
	Messages []struct{ Body, ReceiptHandle string }
}

// receive polls a queue of the server for so many seconds.
func (c *client) receive(ctx context.Context, queue string, wait int) (r received, err error) {
	err = c.call(ctx, sqs+"ReceiveMessage", object{"QueueUrl": c.queue(queue), "MaxNumberOfMessages": 10, "WaitTimeSeconds": wait}, &r)
	return r, err
}

func (c *client) queue(name string) string { return c.aws + "/000000000000/" + name }

// deleted takes a message off a queue.
func (c *client) deleted(ctx context.Context, queue, handle string) error {
	return c.call(ctx, sqs+"DeleteMessage", object{"QueueUrl": c.queue(queue), "ReceiptHandle": handle}, nil)
}

// drain receives and deletes what tasks sent.
func (l *load) drain(ctx context.Context, queue string) error {
	r, err := l.receive(ctx, queue, 2)
	if err != nil {
		return fmt.Errorf("receive: %w", err)
	}
	for _, m := range r.Messages {
		if err := l.deleted(ctx, queue, m.ReceiptHandle); err != nil {
			return fmt.Errorf("delete: %w", err)
		}
		l.did("received from " + queue)
	}
	return nil
}

// answer answers the tokens that the queue brings: some with a heartbeat first,
// some with a failure.
func (l *load) answer(ctx context.Context) error {
	r, err := l.receive(ctx, "asked", 2)
	if err != nil {
		return fmt.Errorf("receive tokens: %w", err)
	}
	for _, m := range r.Messages {
		var asked struct {
			Token string
			I     int64
		}
		if err := json.Unmarshal([]byte(m.Body), &asked); err != nil {
			return err
		}
		if err := l.settle(ctx, asked.Token, asked.I); err != nil {
			return err
		}
		if err := l.deleted(ctx, "asked", m.ReceiptHandle); err != nil {
			return fmt.Errorf("delete: %w", err)
		}
	}
	return nil
}

// settle answers a token.
func (c *client) settle(ctx context.Context, token string, i int64) error {
	if i%4 == 0 {
		if err := c.call(ctx, sfn+"SendTaskHeartbeat", object{"taskToken": token}, nil); err != nil {
			return fmt.Errorf("heartbeat: %w", err)
		}
	}
	if i%3 == 0 {
		if err := c.call(ctx, sfn+"SendTaskFailure", object{"taskToken": token, "error": "Odd", "cause": "it is one of three"}, nil); err != nil {
			return fmt.Errorf("failure: %w", err)
		}
		return nil
	}
	if err := c.call(ctx, sfn+"SendTaskSuccess", object{"taskToken": token, "output": fmt.Sprintf(`{"i":%d}`, i)}, nil); err != nil {
		return fmt.Errorf("success: %w", err)
	}
	return nil
}

// act is a worker of the activity.
func (l *load) act(ctx context.Context) error {
	var task struct{ TaskToken, Input string }
	if err := l.call(ctx, sfn+"GetActivityTask", object{"activityArn": "arn:aws:states:" + soakAccount + "activity:soak", "workerName": "w"}, &task); err != nil {
		return fmt.Errorf("get a task: %w", err)
	}
	if task.TaskToken == "" {
		return nil
	}
	var in struct{ I int64 }
	if err := json.Unmarshal([]byte(task.Input), &in); err != nil {
		return err
	}
	l.did("activity tasks")
	return l.settle(ctx, task.TaskToken, in.I)
}
