package objectstore

import (
	"context"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"millrace/engine"
)

// serveObject answers requests for a key.
func (s *Service) serveObject(q *request) error {
	for _, p := range []string{"acl", "retention", "legal-hold", "torrent", "versionId", "restore", "select", "attributes", "rename"} {
		if q.query.Has(p) && q.query.Get(p) != "null" {
			return notImplemented(p)
		}
	}
	switch {
	case q.query.Has("uploads"), q.query.Has("uploadId"):
		return s.serveUpload(q)
	case q.query.Has("tagging"):
		return s.serveTagging(q)
	}
	switch q.r.Method {
	case http.MethodGet, http.MethodHead:
		return s.getObject(q)
	case http.MethodPut:
		if q.r.Header.Get("x-amz-copy-source") != "" {
			return s.copyObject(q)
		}
		return s.putObject(q)
	case http.MethodDelete:
		err := s.unit(q, func(tx engine.Tx) error { return s.remove(tx, q.bucket, q.key, q.caller) })
		if err != nil {
			return err
		}
		return q.empty(http.StatusNoContent)
	}
	return q.notAllowed()
}

// headersOf reads the system metadata of a request.
func headersOf(h http.Header) Headers {
	return Headers{
		ContentType: h.Get("Content-Type"), ContentEncoding: withoutCoding(h.Get("Content-Encoding"), "aws-chunked"),
		ContentLanguage: h.Get("Content-Language"), ContentDisposition: h.Get("Content-Disposition"), CacheControl: h.Get("Cache-Control"),
		Expires: h.Get("Expires"), StorageClass: storedClass(h.Get("x-amz-storage-class")),
		WebsiteRedirectLocation: h.Get("x-amz-website-redirect-location"), Tagging: h.Get("x-amz-tagging"),
	}
}

func storedClass(class string) string {
	if class == "STANDARD" {
		return ""
	}
	return class
}

const metaPrefix = "X-Amz-Meta-"

// maxMetadata is the most bytes of user metadata, names and values.
const maxMetadata = 2 << 10

func metadataOf(h http.Header) (map[string]string, error) {
	m := map[string]string{}
	size := 0
	for name, values := range h {
		if rest, ok := strings.CutPrefix(name, metaPrefix); ok && rest != "" {
			v := strings.Join(values, ",")
			m[strings.ToLower(rest)] = v
			size += len(rest) + len(v)
		}
	}
	if size > maxMetadata {
		return nil, fault(http.StatusBadRequest, "MetadataTooLarge", "Your metadata headers exceed the maximum allowed metadata size",
			"Size", itoa(int64(size)), "MaxSizeAllowed", itoa(maxMetadata))
	}
	return m, nil
}

// refuse answers requests that ask for what the store has not.
func refuse(h http.Header) error {
	for _, name := range []string{"x-amz-server-side-encryption-customer-algorithm", "x-amz-object-lock-mode", "x-amz-object-lock-legal-hold", "x-amz-write-offset-bytes"} {
		if h.Get(name) != "" {
			return notImplemented(name)
		}
	}
	if v := h.Get("x-amz-server-side-encryption"); v != "" && v != encryption {
		return notImplemented("x-amz-server-side-encryption: " + v)
	}
	switch v := h.Get("x-amz-acl"); v {
	case "", "private", "bucket-owner-full-control":
		return nil
	default:
		return fault(http.StatusBadRequest, "AccessControlListNotSupported", "The bucket does not allow ACLs")
	}
}

func (q *request) write(operation string) (write, error) {
	if err := refuse(q.r.Header); err != nil {
		return write{}, err
	}
	m, err := metadataOf(q.r.Header)
	return write{
		operation: operation, bucket: q.bucket, key: q.key, headers: headersOf(q.r.Header), metadata: m, caller: q.caller,
		if_: Conditions{Match: q.r.Header.Get("If-Match"), NoneMatch: q.r.Header.Get("If-None-Match")},
	}, err
}

func (s *Service) putObject(q *request) error {
	w, err := q.write("PutObject")
	if err != nil {
		return err
	}
	if err := checkKey(q.key); err != nil {
		return err
	}
	// A put that cannot succeed should not be taken in first.
	err = s.host.Read(q.r.Context(), func(r engine.Reader) error {
		_, err := bucketOf(r, q.bucket)
		return err
	})
	if err != nil {
		return err
	}
	c, err := s.receive(q.r)
	if err != nil {
		return err
	}
	o, err := s.commit(q.r.Context(), w, c)
	if err != nil {
		return err
	}
	h := q.w.Header()
	h.Set("ETag", quote(o.ETag))
	h.Set("x-amz-server-side-encryption", encryption)
	h.Set(checksumHeader(o.Algorithm), o.Checksum)
	h.Set("x-amz-checksum-type", checksumType(o.Checksum))
	h.Set("Content-Length", "0")
	return q.empty(http.StatusOK)
}

func (s *Service) getObject(q *request) error {
	h := q.r.Header
	opt := ReadOptions{Range: h.Get("Range"), If: Conditions{
		Match: h.Get("If-Match"), NoneMatch: h.Get("If-None-Match"),
		ModifiedSince: httpTime(h.Get("If-Modified-Since")), UnmodifiedSince: httpTime(h.Get("If-Unmodified-Since")),
	}}
	if n := q.query.Get("partNumber"); n != "" && n != "1" {
		return fault(http.StatusRequestedRangeNotSatisfiable, "InvalidPartNumber", "The requested partnumber is not satisfiable")
	}
	o, err := s.Read(q.r.Context(), q.bucket, q.key, opt)
	if isFault(err, "NotModified") {
		return s.notModified(q.r.Context(), q, err)
	}
	if err != nil {
		return err
	}
	defer o.Body.Close()
	status := http.StatusOK
	setHeaders(q.w.Header(), o)
	if o.Partial {
		q.w.Header().Set("Content-Range", contentRange(o))
		status = http.StatusPartialContent
	}
	for param, name := range overrides {
		if v := q.query.Get(param); v != "" {
			q.w.Header().Set(name, v)
		}
	}
	if strings.EqualFold(h.Get("x-amz-checksum-mode"), "ENABLED") && o.Length == o.Size {
		q.w.Header().Set(checksumHeader(o.Algorithm), o.Checksum)
		q.w.Header().Set("x-amz-checksum-type", checksumType(o.Checksum))
	}
	q.w.WriteHeader(status)
	if q.r.Method == http.MethodGet {
		// The status is out: what fails from here on ends the connection early.
		if _, err := io.Copy(q.w, o.Body); err != nil && q.r.Context().Err() == nil {
			panic(http.ErrAbortHandler)
		}
	}
	return nil
}

// notModified adds what an answer 304 must carry.
func (s *Service) notModified(ctx context.Context, q *request, err error) error {
	info, statErr := s.Stat(ctx, q.bucket, q.key)
	if statErr != nil {
		return errors.Join(err, statErr)
	}
	return fault(http.StatusNotModified, "NotModified", "Not Modified", "ETag", quote(info.ETag), "Last-Modified", info.Modified.Format(http.TimeFormat))
}

// overrides are the query parameters that replace headers of an answer.
var overrides = map[string]string{
	"response-content-type": "Content-Type", "response-content-language": "Content-Language", "response-expires": "Expires",
	"response-cache-control": "Cache-Control", "response-content-disposition": "Content-Disposition", "response-content-encoding": "Content-Encoding",
}

func setHeaders(h http.Header, o *Object) {
	for name, v := range map[string]string{
		"Cache-Control": o.Headers.CacheControl, "Content-Disposition": o.Headers.ContentDisposition, "Content-Encoding": o.Headers.ContentEncoding,
		"Content-Language": o.Headers.ContentLanguage, "Expires": o.Headers.Expires, "x-amz-storage-class": o.Headers.StorageClass,
		"x-amz-website-redirect-location": o.Headers.WebsiteRedirectLocation,
	} {
		if v != "" {
			h.Set(name, v)
		}
	}
	h.Set("Accept-Ranges", "bytes")
	h.Set("Content-Type", contentType(o.Headers))
	h.Set("Content-Length", itoa(o.Length))
	h.Set("ETag", quote(o.ETag))
	h.Set("Last-Modified", o.Modified.Format(http.TimeFormat))
	h.Set("x-amz-server-side-encryption", encryption)
	for name, v := range o.Metadata {
		h[strings.ToLower(metaPrefix)+name] = []string{v} // clients take the name as it is spelled
	}
	if tags, err := url.ParseQuery(o.Headers.Tagging); err == nil && len(tags) > 0 {
		h.Set("x-amz-tagging-count", strconv.Itoa(len(tags)))
	}
}

func (s *Service) copyObject(q *request) error {
	p, err := q.copyInput()
	if err != nil {
		return err
	}
	keys := Keys(q.bucket, q.key)
	if bucket, key, err := parseSource(p.CopySource); err == nil {
		keys = append(keys, Keys(bucket, key)...)
	}
	var o *object
	err = s.host.Do(q.r.Context(), keys, func(tx engine.Tx) (err error) {
		o, err = s.copyFrom(tx, p, q.caller)
		return err
	})
	if err != nil {
		return err
	}
	q.w.Header().Set("x-amz-server-side-encryption", encryption)
	return q.answer(http.StatusOK, copyXML{ETag: quote(o.ETag), LastModified: stamp(o.Modified)})
}

type copyXML struct {
	XMLName      xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ CopyObjectResult"`
	ETag         string
	LastModified string
}

func (q *request) copyInput() (copyInput, error) {
	if err := refuse(q.r.Header); err != nil {
		return copyInput{}, err
	}
	h := q.r.Header
	m, err := metadataOf(h)
	return copyInput{
		reference: reference{q.bucket, q.key}, Headers: headersOf(h), Metadata: m, CopySource: h.Get("x-amz-copy-source"),
		MetadataDirective: h.Get("x-amz-metadata-directive"), IfMatch: h.Get("If-Match"), IfNoneMatch: h.Get("If-None-Match"),
		SourceMatch: h.Get("x-amz-copy-source-if-match"), SourceNoneMatch: h.Get("x-amz-copy-source-if-none-match"),
		SourceIfModifiedSince:   httpTime(h.Get("x-amz-copy-source-if-modified-since")),
		SourceIfUnmodifiedSince: httpTime(h.Get("x-amz-copy-source-if-unmodified-since")),
	}, err
}

type tagXML struct {
	Key, Value string
}

type taggingXML struct {
	XMLName xml.Name `xml:"Tagging"`
	TagSet  struct {
		Tag []tagXML
	}
}

// maxTags is the most tags of an object.
const maxTags = 10

// serveTagging gets, puts and deletes an object's tags.
func (s *Service) serveTagging(q *request) error {
	switch q.r.Method {
	case http.MethodGet:
		info, err := s.Stat(q.r.Context(), q.bucket, q.key)
		if err != nil {
			return err
		}
		out := taggingXML{}
		for _, pair := range strings.Split(info.Headers.Tagging, "&") {
			name, value, _ := strings.Cut(pair, "=")
			name, _ = url.QueryUnescape(name)
			value, _ = url.QueryUnescape(value)
			if name != "" {
				out.TagSet.Tag = append(out.TagSet.Tag, tagXML{name, value})
			}
		}
		return q.answer(http.StatusOK, out)
	case http.MethodPut:
		var in taggingXML
		if err := q.decode(&in); err != nil {
			return err
		}
		if len(in.TagSet.Tag) > maxTags {
			return fault(http.StatusBadRequest, "BadRequest", "Object tags cannot be greater than 10")
		}
		pairs := make([]string, len(in.TagSet.Tag))
		for i, t := range in.TagSet.Tag {
			if t.Key == "" || len(t.Key) > 128 || len(t.Value) > 256 {
				return fault(http.StatusBadRequest, "InvalidTag", "The TagKey you have provided is invalid")
			}
			pairs[i] = url.QueryEscape(t.Key) + "=" + url.QueryEscape(t.Value)
		}
		if err := s.setTagging(q, "PutObjectTagging", strings.Join(pairs, "&")); err != nil {
			return err
		}
		return q.empty(http.StatusOK)
	case http.MethodDelete:
		if err := s.setTagging(q, "DeleteObjectTagging", ""); err != nil {
			return err
		}
		return q.empty(http.StatusNoContent)
	}
	return q.notAllowed()
}

func (s *Service) setTagging(q *request, operation, tagging string) error {
	return s.unit(q, func(tx engine.Tx) error {
		o, err := readObject(tx, q.bucket, q.key, true)
		if err != nil {
			return err
		}
		o.Headers.Tagging = tagging
		if err := storeObject(tx, o); err != nil {
			return err
		}
		return s.changed(tx, Change{Operation: operation, Bucket: q.bucket, Key: q.key, Size: o.Size, ETag: o.ETag, Caller: q.caller})
	})
}

// partNumber reads the number of a part.
func (q *request) partNumber() (int, error) {
	n, err := strconv.Atoi(q.query.Get("partNumber"))
	if err != nil || n < 1 || n > maxPart {
		return 0, invalidArgument("Part number must be an integer between 1 and 10000, inclusive", "partNumber", q.query.Get("partNumber"))
	}
	return n, nil
}
