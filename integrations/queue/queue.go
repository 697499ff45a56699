// Package queue is a message queue service with the operations, limits and
// errors of SQS: standard and FIFO queues, visibility timeouts, delays, long
// polls, dead-letter queues. It keeps its messages in the engine's database, so
// a task state's message and the event that reports it commit together.
package queue

import (
	"context"
	"embed"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"

	"millrace/engine"
	"millrace/integrations/wire"
	"millrace/tasks"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrations are the service's tables.
func Migrations() fs.FS {
	sub, err := fs.Sub(migrations, "migrations")
	if err != nil {
		panic(err) // the folder is embedded
	}
	return sub
}

// Options configure a Service. The zero value works.
type Options struct {
	// Endpoint begins queue URLs: http://127.0.0.1:4566. "": https://sqs.REGION.amazonaws.com.
	Endpoint string
	Log      *slog.Logger // nil: slog.Default
}

// Service is the queue service. It is safe for concurrent use.
type Service struct {
	host    tasks.Host
	o       Options
	service *tasks.Service
	sweeper *sweeper
	stop    context.CancelFunc
	done    sync.WaitGroup
	polls   atomic.Int64 // long polls so far
}

// New makes the service. It owns one goroutine, which Close ends.
func New(h tasks.Host, o Options) *Service {
	if o.Endpoint == "" {
		o.Endpoint = "https://sqs." + h.Region() + ".amazonaws.com"
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	s := &Service{host: h, o: o}
	s.service = s.table()
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	s.sweeper = newSweeper(h, o.Log)
	s.done.Go(func() { s.sweeper.run(ctx) })
	return s
}

// Close ends the service's goroutine and waits for it.
func (s *Service) Close() error {
	s.stop()
	s.done.Wait()
	return nil
}

// Service is the operation table.
func (s *Service) Service() *tasks.Service { return s.service }

// Key is the notification key of a queue: it is signalled when a message may
// have become visible.
func Key(name string) string { return "queue/" + name }

// ARN returns a queue's ARN.
func (s *Service) ARN(name string) string {
	return "arn:aws:sqs:" + s.host.Region() + ":" + s.host.Account() + ":" + name
}

// URL returns a queue's URL.
func (s *Service) URL(name string) string {
	return strings.TrimSuffix(s.o.Endpoint, "/") + "/" + s.host.Account() + "/" + name
}

// NameOf returns the name in a queue's URL or ARN, or the name itself.
func NameOf(urlOrARN string) string {
	urlOrARN = strings.TrimRight(urlOrARN, "/")
	return urlOrARN[strings.LastIndexAny(urlOrARN, "/:")+1:]
}

// table is SQS as operations.
func (s *Service) table() *tasks.Service {
	write := func(name string, f func(engine.Tx, tasks.Caller, json.RawMessage) (any, error), texts ...string) tasks.Operation {
		return tasks.Operation{Name: name, Write: f, Keys: keysOf, Texts: texts}
	}
	return &tasks.Service{
		Name: "sqs", SDKName: "Sqs", Title: "SQS", JavaName: "AmazonSQS",
		Optimised:  []string{"SendMessage"},
		Exceptions: exceptions,
		ErrorCodes: queryCodes,
		Operations: []tasks.Operation{
			write("CreateQueue", s.createQueue),
			write("DeleteQueue", s.deleteQueue),
			{Name: "GetQueueUrl", Read: s.getQueueURL},
			{Name: "ListQueues", Read: s.listQueues},
			{Name: "ListDeadLetterSourceQueues", Read: s.listDeadLetterSourceQueues},
			{Name: "GetQueueAttributes", Read: s.getQueueAttributes},
			write("SetQueueAttributes", s.setQueueAttributes),
			write("PurgeQueue", s.purgeQueue),
			write("TagQueue", s.tagQueue),
			write("UntagQueue", s.untagQueue),
			{Name: "ListQueueTags", Read: s.listQueueTags},
			write("AddPermission", s.addPermission),
			write("RemovePermission", s.removePermission),
			write("SendMessage", s.sendMessage, "MessageBody"),
			write("SendMessageBatch", s.sendMessageBatch, "Entries.MessageBody"),
			{Name: "ReceiveMessage", Wait: s.receiveMessage},
			write("DeleteMessage", s.deleteMessage),
			write("DeleteMessageBatch", s.deleteMessageBatch),
			write("ChangeMessageVisibility", s.changeMessageVisibility),
			write("ChangeMessageVisibilityBatch", s.changeMessageVisibilityBatch),
			{Name: "StartMessageMoveTask", Write: s.startMessageMoveTask},
			{Name: "CancelMessageMoveTask", Write: s.cancelMessageMoveTask},
			{Name: "ListMessageMoveTasks", Read: s.listMessageMoveTasks},
		},
	}
}

// keysOf names the queue that an input is about.
func keysOf(in json.RawMessage) []string {
	var q struct {
		QueueURL string `json:"QueueUrl"`
		Name     string `json:"QueueName"`
	}
	if wire.Decode(in, &q) != nil {
		return nil
	}
	if q.Name != "" {
		return []string{Key(q.Name)}
	}
	return []string{Key(NameOf(q.QueueURL))}
}

// record is a queue as it is stored.
type record struct {
	name     string
	id       int64
	settings Settings
	tags     map[string]string
	secret   []byte
	created  int64
	modified int64
	purged   int64
}

var errNoQueue = &tasks.Error{Code: "QueueDoesNotExist", Message: "The specified queue does not exist.", Status: 400}

// find reads a queue by its URL, ARN or name. A missing one is QueueDoesNotExist.
func find(r engine.Reader, urlOrARN string) (*record, error) {
	if urlOrARN == "" {
		return nil, missing("QueueUrl")
	}
	q, err := load(r, NameOf(urlOrARN))
	if err == nil && q == nil {
		return nil, errNoQueue
	}
	return q, err
}

// Exists reports whether there is a queue of an ARN, URL or name.
func (s *Service) Exists(r engine.Reader, urlOrARN string) (bool, error) {
	_, err := find(r, urlOrARN)
	if errors.Is(err, errNoQueue) {
		return false, nil
	}
	return err == nil, err
}

func missing(parameter string) error {
	return tasks.Errorf("MissingRequiredParameterException", "The request must contain the parameter %s.", parameter)
}

func invalid(parameter string, value any, reason string) error {
	return tasks.Errorf("InvalidParameterValueException", "Value %v for parameter %s is invalid. Reason: %s", value, parameter, reason)
}
