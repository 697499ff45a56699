// Package mapping connects sources to targets: queues and table streams to
// functions and executions. It has the two forms that AWS has, Lambda's event
// source mappings and EventBridge Pipes.
//
// A source that starts executions is exactly once: one unit takes the records,
// starts the execution, and removes the messages or moves the stream's position.
// A function is called at least once.
package mapping

import (
	"context"
	"embed"
	"encoding/json"
	"io/fs"
	"log/slog"
	"sync"
	"time"

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

// Queues are the queues that mappings read. Package queue's Service is one.
type Queues interface {
	// Exists reports whether there is a queue.
	Exists(r engine.Reader, arn string) (bool, error)
	// VisibilityTimeout is how long a queue hides what was received.
	VisibilityTimeout(r engine.Reader, arn string) (time.Duration, error)
	// Visible counts the messages that may be received now, up to most, and says
	// when the next one becomes visible; zero: no other will.
	Visible(r engine.Reader, arn string, most int) (n int, next time.Time, err error)
	// ReceiveRecords hides up to most messages for the visibility timeout, and
	// returns them as records with their receipt handles. The records have up to
	// bytes bytes together, with one more for each; the first may have more.
	ReceiveRecords(tx engine.Tx, arn string, most, bytes int) (records []json.RawMessage, handles []string, err error)
	// Delete removes a received message.
	Delete(tx engine.Tx, arn, handle string) error
	// SignalKey is notified when a message may have become visible.
	SignalKey(arn string) string
}

// Streams are the streams that mappings read. Package table's Service is one.
type Streams interface {
	// StreamState returns the id of the stream's shard, of at most 41 characters
	// that names of executions may have, and the sequence of its last record. A stream that is not there is a *tasks.Error.
	StreamState(r engine.Reader, arn string) (shard string, last int64, err error)
	// StreamRecords reads up to most records after a sequence.
	StreamRecords(r engine.Reader, arn string, after int64, most int) (records []json.RawMessage, sequences []int64, err error)
	// SignalKey is notified when there are new records.
	SignalKey(arn string) string
}

// Functions are the functions that mappings call.
type Functions interface {
	// FunctionTimeout returns how long a function may run and whether there is
	// such a function; 0: it is elsewhere, and nobody here knows.
	FunctionTimeout(r engine.Reader, arn string) (timeout time.Duration, found bool, err error)
	// InvokeFunction calls a function and waits. failed says that answer is the
	// function's error; err that it could not be called. key is the same when a
	// call is repeated.
	InvokeFunction(ctx context.Context, arn string, payload []byte, key string) (answer []byte, failed bool, err error)
}

// Config is what a Service is made of.
type Config struct {
	Queues    Queues
	Streams   Streams
	Functions Functions
	Log       *slog.Logger // nil: slog.Default
}

// Service runs mappings. It is safe for concurrent use.
type Service struct {
	host   tasks.Host
	c      Config
	lambda []tasks.Operation
	pipes  *tasks.Service

	ctx  context.Context
	stop context.CancelFunc
	done sync.WaitGroup

	mu      sync.Mutex
	workers map[string]*worker // of enabled mappings, by id
	started bool
	closed  bool
}

// New makes the service. Nothing runs before Start.
func New(h tasks.Host, c Config) *Service {
	if c.Log == nil {
		c.Log = slog.Default()
	}
	s := &Service{host: h, c: c, workers: map[string]*worker{}}
	s.ctx, s.stop = context.WithCancel(context.Background())
	s.lambda = s.mappingOperations()
	s.pipes = s.pipeService()
	return s
}

// Start begins to work on the mappings that are stored.
func (s *Service) Start(ctx context.Context) error {
	var all []*mapping
	err := s.host.Read(ctx, func(r engine.Reader) (err error) {
		all, err = mappings(r, `enabled = 1`)
		return err
	})
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.started = true
	s.mu.Unlock()
	for _, m := range all {
		s.apply(m)
	}
	return nil
}

// Close ends all work and waits for it. Calls of functions under way are given
// up; their records come again.
func (s *Service) Close() error {
	s.mu.Lock()
	s.closed = true
	workers := s.workers
	s.workers = map[string]*worker{}
	s.mu.Unlock()
	for _, w := range workers {
		w.end()
	}
	s.stop()
	s.done.Wait()
	return nil
}

// Operations are those of event source mappings. They are part of Lambda's API
// and are attached to its table.
func (s *Service) Operations() []tasks.Operation { return s.lambda }

// Service is the operation table of Pipes.
func (s *Service) Service() *tasks.Service { return s.pipes }

// apply has a mapping worked on, or not any more, as it is now.
func (s *Service) apply(m *mapping) {
	s.mu.Lock()
	old := s.workers[m.id]
	delete(s.workers, m.id)
	var w *worker
	if m.enabled && s.started && !s.closed {
		w = newWorker(s, m)
		s.workers[m.id] = w
	}
	s.mu.Unlock()
	if old != nil {
		old.end()
	}
	if w != nil {
		w.begin()
	}
}

// drop ends the work on a mapping.
func (s *Service) drop(id string) { s.apply(&mapping{id: id}) }

// result says how a mapping's last batch went.
func (s *Service) result(id string) string {
	s.mu.Lock()
	w := s.workers[id]
	s.mu.Unlock()
	if w == nil {
		return "No records processed"
	}
	return w.result()
}
