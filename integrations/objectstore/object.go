package objectstore

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strconv"
	"strings"
	"time"

	"millrace/engine"
	"millrace/tasks"
)

// Headers are the system metadata that an object keeps and gives back.
type Headers struct {
	ContentType             string `json:"ContentType,omitempty"`
	ContentEncoding         string `json:"ContentEncoding,omitempty"`
	ContentLanguage         string `json:"ContentLanguage,omitempty"`
	ContentDisposition      string `json:"ContentDisposition,omitempty"`
	CacheControl            string `json:"CacheControl,omitempty"`
	Expires                 string `json:"Expires,omitempty"`
	StorageClass            string `json:"StorageClass,omitempty"` // "": STANDARD
	WebsiteRedirectLocation string `json:"WebsiteRedirectLocation,omitempty"`
	Tagging                 string `json:"Tagging,omitempty"` // as a query string
}

// defaultContentType is what S3 answers for an object stored without one.
const defaultContentType = "binary/octet-stream"

// Info describes a stored object.
type Info struct {
	Bucket, Key string
	Size        int64
	ETag        string    // without quotes
	Modified    time.Time // whole seconds
	Headers     Headers
	Metadata    map[string]string // names in lower case
	Algorithm   string            // of Checksum: CRC32, CRC32C, CRC64NVME, SHA1, SHA256
	Checksum    string            // base64
}

// object is a row: its description and where its bytes are.
type object struct {
	Info
	file string // "": in the row
	body []byte // when it was asked for
}

// Conditions are the preconditions of reads, writes and copies. Empty ones hold.
type Conditions struct {
	Match           string // If-Match: ETags or *
	NoneMatch       string // If-None-Match: ETags or *
	ModifiedSince   time.Time
	UnmodifiedSince time.Time
}

// write holds what a put needs beyond the bytes.
type write struct {
	operation   string
	bucket, key string
	headers     Headers
	metadata    map[string]string
	if_         Conditions
	parameters  map[string]string
	etag        string // "": of the content
	algorithm   string // with checksum: kept instead of the content's
	checksum    string
	caller      tasks.Caller
}

// put stores the content under the key, in place of what was there.
func (s *Service) put(tx engine.Tx, w write, c *content) (*object, error) {
	if err := checkKey(w.key); err != nil {
		return nil, err
	}
	if _, err := bucketOf(tx, w.bucket); err != nil {
		return nil, err
	}
	old, err := objectOf(tx, w.bucket, w.key, false)
	if err != nil && !isFault(err, "NoSuchKey") {
		return nil, err
	}
	if err := w.if_.allowWrite(old); err != nil {
		return nil, err
	}
	o := &object{
		Info: Info{
			Bucket: w.bucket, Key: w.key, Size: c.size, ETag: c.etag(), Modified: tx.Now().UTC().Truncate(time.Second),
			Headers: w.headers, Metadata: w.metadata, Algorithm: c.sums.algorithm, Checksum: c.sums.value(),
		},
		file: c.file, body: c.body,
	}
	if w.etag != "" {
		o.ETag = w.etag
	}
	if w.checksum != "" {
		o.Algorithm, o.Checksum = w.algorithm, w.checksum
	}
	return o, s.replace(tx, w, old, o)
}

// replace writes the row of o where old (nil: nothing) was.
func (s *Service) replace(tx engine.Tx, w write, old, o *object) error {
	if err := storeObject(tx, o); err != nil {
		return err
	}
	if old != nil && old.file != o.file {
		if err := s.release(tx, old.file); err != nil {
			return err
		}
	}
	return s.changed(tx, Change{
		Operation: w.operation, Bucket: w.bucket, Key: w.key, Size: o.Size, ETag: o.ETag,
		Parameters: w.parameters, Caller: w.caller,
	})
}

// release removes a file after the commit, unless a row still names it.
func (s *Service) release(tx engine.Tx, file string) error {
	if file == "" {
		return nil
	}
	named, err := fileNamed(tx, file)
	if err != nil || named {
		return err
	}
	tx.AfterCommit(func() { s.files.remove(file) })
	return nil
}

// remove deletes an object; one that is not there is no error.
func (s *Service) remove(tx engine.Tx, bucket, key string, c tasks.Caller) error {
	if err := checkKey(key); err != nil {
		return err
	}
	if _, err := bucketOf(tx, bucket); err != nil {
		return err
	}
	old, err := objectOf(tx, bucket, key, false)
	switch {
	case err == nil:
		if err := deleteObject(tx, bucket, key); err != nil {
			return err
		}
		if err := s.release(tx, old.file); err != nil {
			return err
		}
	case !isFault(err, "NoSuchKey"):
		return err
	}
	return s.changed(tx, Change{Operation: "DeleteObject", Bucket: bucket, Key: key, Caller: c})
}

// duplicate is a copy inside the store.
type duplicate struct {
	write
	fromBucket, fromKey string
	from                Conditions
	replace             bool // take headers and metadata of the write, not of the source
}

// copy stores a source's bytes under another key; a large object's file is shared.
func (s *Service) copy(tx engine.Tx, d duplicate) (*object, error) {
	if err := checkKey(d.key); err != nil {
		return nil, err
	}
	if _, err := bucketOf(tx, d.bucket); err != nil {
		return nil, err
	}
	if _, err := bucketOf(tx, d.fromBucket); err != nil {
		return nil, err
	}
	src, err := objectOf(tx, d.fromBucket, d.fromKey, true)
	if err != nil {
		return nil, err
	}
	if err := d.from.allowCopy(&src.Info); err != nil {
		return nil, err
	}
	if d.bucket == d.fromBucket && d.key == d.fromKey && !d.replace {
		return nil, fault(400, "InvalidRequest", "This copy request is illegal because it is trying to copy an object to itself "+
			"without changing the object's metadata, storage class, website redirect location or encryption attributes.")
	}
	old, err := objectOf(tx, d.bucket, d.key, false)
	if err != nil && !isFault(err, "NoSuchKey") {
		return nil, err
	}
	if err := d.if_.allowWrite(old); err != nil {
		return nil, err
	}
	o := &object{Info: src.Info, file: src.file, body: src.body}
	o.Bucket, o.Key, o.Modified = d.bucket, d.key, tx.Now().UTC().Truncate(time.Second)
	if d.replace {
		o.Headers, o.Metadata = d.headers, d.metadata
	}
	if d.parameters == nil {
		d.parameters = map[string]string{"x-amz-copy-source": d.fromBucket + "/" + d.fromKey}
	}
	return o, s.replace(tx, d.write, old, o)
}

// allowWrite checks the preconditions of a write against what is there (nil: nothing).
func (c Conditions) allowWrite(old *object) error {
	switch {
	case c.Match != "" && old == nil:
		return fault(404, "NoSuchKey", "The specified key does not exist.")
	case c.Match != "" && !matches(c.Match, old.ETag):
		return preconditionFailed("If-Match")
	case c.NoneMatch != "" && old != nil && matches(c.NoneMatch, old.ETag):
		return preconditionFailed("If-None-Match")
	}
	return nil
}

// errNotModified is the answer 304 of a conditional read.
var errNotModified = fault(304, "NotModified", "Not Modified")

// allowRead checks the preconditions of a read, by RFC 9110, section 13.2.2.
func (c Conditions) allowRead(o *Info) error {
	switch {
	case c.Match != "":
		if !matches(c.Match, o.ETag) {
			return preconditionFailed("If-Match")
		}
	case !c.UnmodifiedSince.IsZero() && o.Modified.After(c.UnmodifiedSince):
		return preconditionFailed("If-Unmodified-Since")
	}
	switch {
	case c.NoneMatch != "":
		if matches(c.NoneMatch, o.ETag) {
			return errNotModified
		}
	case !c.ModifiedSince.IsZero() && !o.Modified.After(c.ModifiedSince):
		return errNotModified
	}
	return nil
}

// allowCopy is allowRead where every refusal is PreconditionFailed.
func (c Conditions) allowCopy(o *Info) error {
	if err := c.allowRead(o); err == errNotModified {
		return preconditionFailed("x-amz-copy-source-If-None-Match")
	} else if err != nil {
		return err
	}
	return nil
}

// matches reports whether a list of ETags, quoted or not, or * names etag.
func matches(list, etag string) bool {
	for _, e := range strings.Split(list, ",") {
		e = strings.TrimPrefix(strings.TrimSpace(e), "W/")
		if e = strings.Trim(e, `"`); e == "*" || e == etag {
			return true
		}
	}
	return false
}

// Object is an open object. Body gives the bytes that were asked for; close it.
type Object struct {
	Info
	Offset, Length int64 // of Body within the object
	Partial        bool  // a range was asked for and is what Body has
	Body           io.ReadCloser
}

// ReadOptions narrow a read. The zero value reads all of the object.
type ReadOptions struct {
	Range string // as the header has it: bytes=0-99, bytes=100-, bytes=-5; "": all
	If    Conditions
}

// Read opens an object for reading without holding it in memory. The bytes are
// those of one version, whatever is written meanwhile. Errors for the caller are
// *tasks.Error: NoSuchBucket, NoSuchKey, PreconditionFailed, NotModified, InvalidRange.
func (s *Service) Read(ctx context.Context, bucket, key string, opt ReadOptions) (*Object, error) {
	for try := 0; ; try++ {
		var o *object
		err := s.host.Read(ctx, func(r engine.Reader) (err error) {
			o, err = readObject(r, bucket, key, true)
			return err
		})
		if err != nil {
			return nil, err
		}
		obj, err := s.open(o, opt)
		// The object was replaced, and its file removed, between the row and the file: there is a new row.
		if errors.Is(err, fs.ErrNotExist) && try < 10 {
			continue
		}
		return obj, err
	}
}

// Stat describes an object. Its errors are those of Read.
func (s *Service) Stat(ctx context.Context, bucket, key string) (Info, error) {
	var o *object
	err := s.host.Read(ctx, func(r engine.Reader) (err error) {
		o, err = readObject(r, bucket, key, false)
		return err
	})
	if err != nil {
		return Info{}, err
	}
	return o.Info, nil
}

// readObject is objectOf where a bucket that is not there is told from a key that is not.
func readObject(r engine.Reader, bucket, key string, body bool) (*object, error) {
	o, err := objectOf(r, bucket, key, body)
	if isFault(err, "NoSuchKey") {
		if _, err := bucketOf(r, bucket); err != nil {
			return nil, err
		}
	}
	return o, err
}

func (s *Service) open(o *object, opt ReadOptions) (*Object, error) {
	if err := opt.If.allowRead(&o.Info); err != nil {
		return nil, err
	}
	from, n, partial, err := span(opt.Range, o.Size)
	if err != nil {
		return nil, err
	}
	obj := &Object{Info: o.Info, Offset: from, Length: n, Partial: partial}
	if o.file == "" {
		obj.Body = io.NopCloser(bytes.NewReader(o.body[from : from+n]))
		return obj, nil
	}
	f, err := s.files.open(o.file)
	if err != nil {
		return nil, fmt.Errorf("open a large object: %w", err)
	}
	if _, err := f.Seek(from, io.SeekStart); err != nil {
		f.Close()
		return nil, fmt.Errorf("read a large object: %w", err)
	}
	obj.Body = section{io.LimitReader(f, n), f}
	return obj, nil
}

// section reads a part of a file and closes the file.
type section struct {
	io.Reader
	io.Closer
}

// span reads a Range header: one range of bytes. Like S3 it takes whatever it
// does not understand, several ranges included, for no range: partial is false.
func span(header string, size int64) (from, n int64, partial bool, err error) {
	spec, ok := strings.CutPrefix(header, "bytes=")
	first, last, dash := strings.Cut(strings.TrimSpace(spec), "-")
	if !ok || !dash || strings.Contains(spec, ",") {
		return 0, size, false, nil
	}
	var to int64
	if first == "" {
		n, err = strconv.ParseInt(last, 10, 64)
		if err != nil || n < 0 {
			return 0, size, false, nil
		}
		from, to = max(size-n, 0), size-1
	} else {
		from, err = strconv.ParseInt(first, 10, 64)
		if err != nil || from < 0 {
			return 0, size, false, nil
		}
		to = size - 1
		if last != "" {
			if to, err = strconv.ParseInt(last, 10, 64); err != nil || to < from {
				return 0, size, false, nil
			}
			to = min(to, size-1)
		}
	}
	if from >= size {
		return 0, 0, false, fault(416, "InvalidRange", "The requested range is not satisfiable",
			"RangeRequested", cut(header), "ActualObjectSize", strconv.FormatInt(size, 10))
	}
	return from, to - from + 1, true, nil
}

// encodeJSON is for what is always encodable.
func encodeJSON(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("objectstore: %v", err))
	}
	return string(b)
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }
