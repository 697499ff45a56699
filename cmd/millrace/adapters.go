package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"millrace/api"
	"millrace/engine"
	"millrace/integrations/eventbus"
	"millrace/integrations/function"
	"millrace/integrations/notification"
	"millrace/integrations/objectstore"
	"millrace/integrations/queue"
	"millrace/integrations/trail"
	"millrace/tasks"
)

// fault words an error of the engine for a task state that called Step Functions.
func fault(err error) *tasks.Error {
	f := api.FaultOf(err, "")
	if f == nil {
		return nil
	}
	return &tasks.Error{Code: f.Name, Message: f.Message, Status: f.Status}
}

// Names lists the services with their operations.
func (s *system) Names() map[string][]string {
	all := map[string][]string{"states": s.api.Operations()}
	for name, service := range s.services {
		for i := range service.Operations {
			all[name] = append(all[name], service.Operations[i].Name)
		}
	}
	return all
}

// Call runs an operation of a service for a client.
func (s *system) Call(ctx context.Context, service, operation string, in json.RawMessage) (json.RawMessage, error) {
	if service == "states" {
		return s.api.Answer(ctx, operation, in)
	}
	found := s.services[service]
	if found == nil {
		return nil, &tasks.Error{Code: "UnknownService", Message: fmt.Sprintf("There is no service %.80q here.", service), Status: 404}
	}
	out, err := tasks.Invoke(ctx, s.engine, found, operation, tasks.Caller{}, in)
	if err != nil {
		return nil, err
	}
	return tasks.Encode(out, tasks.Form{})
}

// maxCode is the most bytes of a function's code that lies in a bucket.
const maxCode = 64 << 20

// readObject reads functions' code.
func readObject(objects *objectstore.Service) func(ctx context.Context, bucket, key string) ([]byte, error) {
	return func(ctx context.Context, bucket, key string) ([]byte, error) {
		o, err := objects.Read(ctx, bucket, key, objectstore.ReadOptions{})
		if err != nil {
			return nil, err
		}
		defer o.Body.Close()
		code, err := io.ReadAll(io.LimitReader(o.Body, maxCode+1))
		if err != nil {
			return nil, fmt.Errorf("read %s/%s: %w", bucket, key, err)
		}
		if len(code) > maxCode {
			return nil, tasks.Errorf("InvalidParameterValueException", "The code in %s/%s has more than %d bytes.", bucket, key, maxCode)
		}
		return code, nil
	}
}

// topicQueues delivers topics' messages into queues.
type topicQueues struct{ queues *queue.Service }

// SendTx sends within the unit that publishes.
func (t topicQueues) SendTx(tx engine.Tx, m notification.QueueMessage) error {
	out := queue.Message{Body: m.Body, GroupID: m.GroupID, DeduplicationID: m.DeduplicationID}
	for name, a := range m.Attributes {
		if out.Attributes == nil {
			out.Attributes = map[string]queue.Attribute{}
		}
		to := queue.Attribute{DataType: a.DataType}
		if a.BinaryValue != "" {
			b, err := base64.StdEncoding.DecodeString(a.BinaryValue)
			if err != nil {
				return tasks.Errorf("InvalidParameterValue", "The attribute %s is not base64.", name)
			}
			to.Binary = b
		} else {
			to.String = &a.StringValue
		}
		out.Attributes[name] = to
	}
	_, err := t.queues.Send(tx, m.QueueARN, out)
	return err
}

// topicFunctions has functions called with topics' messages.
type topicFunctions struct{ functions *function.Service }

// InvokeTx accepts the call within the unit that publishes.
func (t topicFunctions) InvokeTx(tx engine.Tx, functionARN string, event []byte) error {
	return t.functions.InvokeTx(tx, function.Invocation{Function: functionARN, Payload: event})
}

// busQueues delivers rules' events into queues.
type busQueues struct{ queues *queue.Service }

// SendTx sends within the unit that puts the event.
func (b busQueues) SendTx(tx engine.Tx, m eventbus.QueueMessage) error {
	out := queue.Message{Body: m.Body, GroupID: m.GroupID}
	for name, value := range m.Attributes {
		if out.Attributes == nil {
			out.Attributes = map[string]queue.Attribute{}
		}
		out.Attributes[name] = queue.Attribute{DataType: "String", String: &value}
	}
	_, err := b.queues.Send(tx, m.QueueARN, out)
	return err
}

// objectChanges has the trails record what changes in the object store. The
// trails are set before the engine runs anything.
type objectChanges struct{ trails *trail.Service }

// Changed records within the unit of the change.
func (o *objectChanges) Changed(tx engine.Tx, c objectstore.Change) error {
	return o.trails.Changed(tx, trail.Change(c))
}

// trailLogs keeps trails' log files in buckets.
type trailLogs struct{ objects *objectstore.Service }

// Keys names what writing the file touches.
func (t trailLogs) Keys(f trail.LogFile) []string { return objectstore.Keys(f.Bucket, f.Key) }

// WriteTx writes the file within the unit.
func (t trailLogs) WriteTx(tx engine.Tx, f trail.LogFile) error {
	_, err := t.objects.WriteTx(tx, objectstore.Put{
		Bucket: f.Bucket, Key: f.Key, Caller: f.Caller,
		Headers: objectstore.Headers{ContentType: "application/json", ContentEncoding: "gzip"},
	}, f.Body)
	return err
}

// mappingFunctions are the functions that mappings call.
type mappingFunctions struct{ functions *function.Service }

// FunctionTimeout returns how long a function may run and whether there is one.
func (m mappingFunctions) FunctionTimeout(r engine.Reader, arn string) (timeout time.Duration, found bool, err error) {
	return m.functions.FunctionTimeout(r, arn)
}

// InvokeFunction calls a function and waits for its answer.
func (m mappingFunctions) InvokeFunction(ctx context.Context, arn string, payload []byte, key string) (answer []byte, failed bool, err error) {
	r, err := m.functions.Invoke(ctx, function.Invocation{Function: arn, Payload: payload, Key: key})
	return r.Payload, r.Failed, err
}
