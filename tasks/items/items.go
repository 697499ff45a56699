// Package items reads the items of distributed Maps from objects and writes the
// results of their child executions into objects: what ItemReader and
// ResultWriter of a Map state name. It implements [engine.MapData] over any
// object store.
//
// Objects are streamed: of a million rows only a buffer is in memory. The cursor
// of a stream names the place after its last item, the version of the object by
// its ETag included, so that reading goes on after a restart where it stood.
package items

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"millrace/asl"
	"millrace/asl/document"
	"millrace/engine"
	"millrace/tasks"
)

// Objects is what reading and writing needs of an object store. Errors that are
// the Map's fault, such as a key that is not there, are *tasks.Error.
type Objects interface {
	// Open opens an object, or a part of it.
	Open(ctx context.Context, p Part) (*Object, error)
	// List returns objects of a bucket whose keys have the prefix and come after
	// the key given, in order of their keys; none: there are no more.
	List(ctx context.Context, bucket, prefix, after string) ([]Info, error)
	// Write stores all of body under a key and returns its size.
	Write(ctx context.Context, bucket, key, contentType string, body io.Reader) (int64, error)
}

// Part names bytes of an object.
type Part struct {
	Bucket, Key string
	Version     string // VersionId; "": the newest
	ETag        string // that the object must have; "": any
	Offset      int64
	Length      int64 // 0: to the end
}

// Object is an open object. Close its body.
type Object struct {
	Body io.ReadCloser
	Size int64 // of the whole object
	ETag string
}

// Info describes a listed object.
type Info struct {
	Key          string
	ETag         string // without quotes
	Size         int64
	Modified     time.Time
	StorageClass string
}

// Data reads and writes what distributed Maps name. It is safe for concurrent use.
type Data struct{ objects Objects }

// New makes a Data over an object store.
func New(objects Objects) *Data { return &Data{objects} }

// readerFailed is the workflow error of an ItemReader.
func readerFailed(format string, args ...any) *asl.Error {
	return &asl.Error{Name: "States.ItemReaderFailed", Cause: fmt.Sprintf(format, args...)}
}

// failed makes a workflow error of an object store's.
func failed(err error) error {
	var e *tasks.Error
	if errors.As(err, &e) {
		return readerFailed("%s (Service: S3, Status Code: %d, Error Code: %s)", e.Message, e.Status, e.Code)
	}
	return err
}

// cursor is the place of a stream, as it is stored.
type cursor struct {
	After string    `json:"after,omitempty"` // the last key of a list that is done with
	Index int       `json:"index,omitempty"` // the file of a manifest
	ETag  string    `json:"etag,omitempty"`  // of the manifest
	File  *position `json:"file,omitempty"`  // within the file being read; nil: its start
}

// position is a place within one file.
type position struct {
	ETag   string   `json:"etag"`
	Offset int64    `json:"offset,omitempty"` // bytes before the next item; 0: counted by items
	Count  int64    `json:"count,omitempty"`  // items before the next one
	Header []string `json:"header,omitempty"`
	Keyed  bool     `json:"keyed,omitempty"`
}

// file is a stream of the items of one file.
type file interface {
	next(ctx context.Context) (engine.Item, error)
	position() position
	close() error
}

// source says which file to open, and how to read it.
type source struct {
	bucket, key, version string
	format               string // CSV, JSON, JSONL, PARQUET
	reader               *asl.ItemReader
	header               []string // of a CSV file, from a manifest; nil: as the reader says
}

// name is the file as the context object tells of it.
func (s *source) name() string { return "S3://" + s.bucket + "/" + s.key }

// Items opens what an ItemReader names, after the cursor given.
//
// Source: "ItemReader (Map)" of the AWS Step Functions developer guide.
func (d *Data) Items(ctx context.Context, q engine.ItemQuery) (engine.ItemStream, error) {
	var at cursor
	if q.Cursor != nil {
		if err := json.Unmarshal(q.Cursor, &at); err != nil {
			return nil, fmt.Errorf("cursor of an item reader: %w", err)
		}
	}
	r := q.Reader
	s := source{bucket: argument(q.Arguments, "Bucket"), key: argument(q.Arguments, "Key"), version: argument(q.Arguments, "VersionId"), reader: r, format: r.InputType}
	flatten := r.Transformation == "LOAD_AND_FLATTEN"
	switch {
	case strings.HasSuffix(r.Resource, ":s3:listObjectsV2"):
		list := &listed{objects: d.objects, bucket: s.bucket, prefix: argument(q.Arguments, "Prefix"), after: at.After}
		if !flatten {
			return list, nil
		}
		return &flat{d: d, source: s, files: list, at: at}, nil
	case !strings.HasSuffix(r.Resource, ":s3:getObject"):
		return nil, readerFailed("The resource %s is not supported by an ItemReader.", r.Resource)
	case r.ManifestType == "ATHENA_DATA", r.InputType == "MANIFEST":
		files, err := d.manifest(ctx, &s, at)
		if err != nil {
			return nil, err
		}
		return &flat{d: d, source: s, files: files, at: at}, nil
	}
	f, err := d.open(ctx, s, at.File)
	if err != nil {
		return nil, err
	}
	return single{f, s.name()}, nil
}

// argument returns a text member of evaluated arguments.
func argument(d *document.Doc, name string) string {
	if d == nil {
		return ""
	}
	o, _ := d.Value().(*document.Object)
	if o == nil {
		return ""
	}
	v, _ := o.Get(name)
	s, _ := v.(string)
	return s
}

// single is a stream of one file.
type single struct {
	f    file
	name string // as items tell it
}

// Next returns the next item.
func (s single) Next(ctx context.Context) (engine.Item, error) {
	item, err := s.f.next(ctx)
	item.Source = s.name
	return item, err
}

// Cursor names the place after it.
func (s single) Cursor() json.RawMessage {
	p := s.f.position()
	return cursor{File: &p}.encode()
}

// Close closes the object.
func (s single) Close() error { return s.f.close() }

func (c cursor) encode() json.RawMessage {
	b, err := json.Marshal(c)
	if err != nil {
		panic("items: a cursor has no JSON form: " + err.Error())
	}
	return b
}

// Write stores a file of results.
func (d *Data) Write(ctx context.Context, bucket, key, contentType string, body io.Reader) (int64, error) {
	n, err := d.objects.Write(ctx, bucket, key, contentType, body)
	var e *tasks.Error
	if errors.As(err, &e) {
		return 0, &asl.Error{Name: "States.ResultWriterFailed", Cause: fmt.Sprintf("%s (Service: S3, Status Code: %d, Error Code: %s)", e.Message, e.Status, e.Code)}
	}
	return n, err
}
