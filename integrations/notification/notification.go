// Package notification is a topic service with the API of Amazon SNS: publishers
// send a message to a topic, and every subscription of the topic gets it.
//
// Queues get it in the publisher's own transaction. Functions and HTTP endpoints
// get it after the commit, at least once. Messages are not signed: there is no
// certificate that a subscriber could check them against.
package notification

import (
	"embed"
	"io/fs"
	"log/slog"
	"net/http"

	"millrace/engine"
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

// QueueMessage is a message on its way into a queue.
type QueueMessage struct {
	QueueARN        string
	Body            string
	Attributes      map[string]Attribute // of the queue's message, with raw delivery
	GroupID         string               // of FIFO topics
	DeduplicationID string
}

// Queues puts messages into queues. A *tasks.Error, such as that of a queue which
// is not there, is returned before anything is written; it loses the message for
// this queue only.
type Queues interface {
	SendTx(tx engine.Tx, m QueueMessage) error
}

// Functions has a function called once the unit has committed. Errors are as with [Queues].
type Functions interface {
	InvokeTx(tx engine.Tx, functionARN string, event []byte) error
}

// Options configure a Service. The zero value works, and then delivers to HTTP
// endpoints on the loopback interface only.
type Options struct {
	Queues    Queues    // nil: the protocol sqs is refused
	Functions Functions // nil: the protocol lambda is refused
	// Endpoint begins the links in messages: http://127.0.0.1:4566. "": https://sns.REGION.amazonaws.com.
	Endpoint string
	// Anywhere allows HTTP endpoints that are not on the loopback interface.
	Anywhere bool
	// Client delivers to HTTP endpoints. nil: one that gives up after 15 seconds
	// and keeps to what Anywhere allows.
	Client *http.Client
	Log    *slog.Logger // nil: slog.Default
}

// Service is the topic service. It is safe for concurrent use.
type Service struct {
	host    tasks.Host
	o       Options
	service *tasks.Service
}

// New makes the service.
func New(h tasks.Host, o Options) *Service {
	if o.Endpoint == "" {
		o.Endpoint = "https://sns." + h.Region() + ".amazonaws.com"
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Client == nil {
		o.Client = newClient(o.Anywhere)
	}
	s := &Service{host: h, o: o}
	s.service = s.table()
	return s
}

// Close lets go of connections to HTTP endpoints.
func (s *Service) Close() error {
	s.o.Client.CloseIdleConnections()
	return nil
}

// Service is the operation table.
func (s *Service) Service() *tasks.Service { return s.service }

// Register makes the service's resources known, deliveries included.
func (s *Service) Register(g *tasks.Registry) {
	g.Add(s.service)
	g.Register(&delivery{s})
}

// table is the service's operations.
func (s *Service) table() *tasks.Service {
	write := func(name string, f func(engine.Tx, tasks.Caller, []byte) (any, error)) tasks.Operation {
		return tasks.Operation{Name: name, Keys: keys, Write: func(tx engine.Tx, c tasks.Caller, in jsonText) (any, error) { return f(tx, c, in) }}
	}
	publish := write("Publish", s.publish)
	publish.Texts = []string{"Message"}
	batch := write("PublishBatch", s.publishBatch)
	batch.Texts = []string{"PublishBatchRequestEntries.Message"}
	return &tasks.Service{
		Name: "sns", SDKName: "Sns", Title: "SNS", JavaName: "AmazonSNS", ErrorCodes: codes,
		Operations: []tasks.Operation{
			publish, batch,
			write("CreateTopic", s.createTopic), write("DeleteTopic", s.deleteTopic), write("SetTopicAttributes", s.setTopicAttributes),
			{Name: "GetTopicAttributes", Read: s.getTopicAttributes}, {Name: "ListTopics", Read: s.listTopics},
			write("Subscribe", s.subscribe), write("ConfirmSubscription", s.confirmSubscription), write("Unsubscribe", s.unsubscribe),
			write("SetSubscriptionAttributes", s.setSubscriptionAttributes),
			{Name: "GetSubscriptionAttributes", Read: s.getSubscriptionAttributes},
			{Name: "ListSubscriptions", Read: s.listSubscriptions}, {Name: "ListSubscriptionsByTopic", Read: s.listSubscriptions},
			{Name: "ListTagsForResource", Read: s.listTags}, write("TagResource", s.tag), write("UntagResource", s.untag),
		},
		Optimised: []string{"Publish"},
	}
}
