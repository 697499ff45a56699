// Package objectstore is an object store with the API of Amazon S3: buckets and
// objects in the engine's own database, large objects as files beside it. A put
// that a task state makes commits with the event that reports it.
//
// Not kept: versions, ACLs and encryption with keys of one's own. Requests for
// what is missing are refused with NotImplemented; nothing is accepted and ignored
// that changes what a client may rely on.
package objectstore

import (
	"context"
	"embed"
	"io"
	"io/fs"
	"log/slog"
	"sync"

	"millrace/engine"
	"millrace/tasks"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrations returns the numbered files that make the store's tables.
func Migrations() fs.FS {
	sub, err := fs.Sub(migrations, "migrations")
	if err != nil {
		panic(err) // the folder is embedded
	}
	return sub
}

// DefaultInline is the size in bytes up to which an object is kept in the database.
// It is also what a task state's result may hold, so a task's put never needs a file.
const DefaultInline = 256 << 10

// Config says how a [Service] works. The zero value keeps every object in the database.
type Config struct {
	Dir      string       // folder of large objects, made if need be; "": no files
	Inline   int64        // bytes; up to this size objects are in the database, 0: DefaultInline
	Observer Observer     // told of every change in its unit; nil: nobody
	Log      *slog.Logger // of the store's own failures; nil: slog.Default
}

// Service is the object store. It is safe for concurrent use.
type Service struct {
	host     tasks.Host
	files    *files
	observer Observer
	log      *slog.Logger
	service  *tasks.Service

	cancel context.CancelFunc
	done   sync.WaitGroup
}

// Open opens the store. Its tables must be there. Close ends it.
func Open(h tasks.Host, cfg Config) (*Service, error) {
	if cfg.Inline == 0 {
		cfg.Inline = DefaultInline
	}
	f, err := openFiles(cfg.Dir, cfg.Inline)
	if err != nil {
		return nil, err
	}
	s := &Service{host: h, files: f, observer: cfg.Observer, log: cfg.Log}
	s.service = s.table()
	ctx, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
	s.done.Go(func() { f.run(ctx, h) })
	return s, nil
}

// Close stops removing files and waits for it. What is left is removed by the next process.
func (s *Service) Close() error {
	s.cancel()
	s.done.Wait()
	return nil
}

// Service returns the store's operations, as task states and fronts use them.
func (s *Service) Service() *tasks.Service { return s.service }

// Put is a write from inside the process.
type Put struct {
	Bucket, Key string
	Headers     Headers
	Metadata    map[string]string
	If          Conditions
	Caller      tasks.Caller
}

// Write stores all of r under a key, in place of what was there, and returns once
// it is durable. r may be of any length.
func (s *Service) Write(ctx context.Context, p Put, r io.Reader) (Info, error) {
	c, err := s.files.write(r, "")
	if err != nil {
		return Info{}, err
	}
	o, err := s.commit(ctx, p.write(), c)
	if err != nil {
		return Info{}, err
	}
	return o.Info, nil
}

// WriteTx stores body under a key in the caller's unit, whose keys must hold
// [Keys] of the object.
func (s *Service) WriteTx(tx engine.Tx, p Put, body []byte) (Info, error) {
	o, err := s.put(tx, p.write(), s.files.memory(body, ""))
	if err != nil {
		return Info{}, err
	}
	return o.Info, nil
}

func (p Put) write() write {
	return write{operation: "PutObject", bucket: p.Bucket, key: p.Key, headers: p.Headers, metadata: p.Metadata, if_: p.If, caller: p.Caller}
}

// Keys names what a unit that writes an object touches.
func Keys(bucket, key string) []string { return []string{"s3/" + bucket + "/" + key} }

// commit puts content in a unit of its own, and discards its file if that fails.
func (s *Service) commit(ctx context.Context, w write, c *content) (o *object, err error) {
	err = s.host.Do(ctx, Keys(w.bucket, w.key), func(tx engine.Tx) (err error) {
		o, err = s.put(tx, w, c)
		return err
	})
	if err != nil {
		s.abandon(ctx, c)
		return nil, err
	}
	return o, nil
}

// abandon discards content whose unit failed. The outcome of a commit can be
// unknown: a file that a row names after all is left alone.
func (s *Service) abandon(ctx context.Context, c *content) {
	if c.file == "" {
		return
	}
	named := true
	err := s.host.Read(context.WithoutCancel(ctx), func(r engine.Reader) (err error) {
		named, err = fileNamed(r, c.file)
		return err
	})
	if err == nil && !named {
		c.discard()
	}
}
