package objectstore

import (
	"encoding/base64"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"millrace/engine"
	"millrace/integrations/wire"
	"millrace/tasks"
)

// Front returns the store as S3 clients see it, path style and virtual host style.
// The request's path must reach it as the client wrote it: keys may have // and %2F in them.
func (s *Service) Front() wire.Front {
	return wire.Front{Service: "s3", Scopes: []string{"s3"}, Handler: http.HandlerFunc(s.serve)}
}

const namespace = "http://s3.amazonaws.com/doc/2006-03-01/"

// request is one S3 request: what it is about, and where its answer goes.
type request struct {
	w           http.ResponseWriter
	r           *http.Request
	id          string
	bucket, key string
	query       url.Values
	caller      tasks.Caller
}

func (s *Service) serve(w http.ResponseWriter, r *http.Request) {
	q := &request{w: w, r: r, id: wire.NewRequestID()}
	w.Header().Set("x-amz-request-id", q.id)
	w.Header().Set("x-amz-id-2", hostID(q.id))
	w.Header().Set("Server", "AmazonS3")
	if err := s.handle(q); err != nil {
		q.fail(err, s)
	}
}

// hostID is the extended request id.
func hostID(id string) string { return base64.StdEncoding.EncodeToString([]byte(id)) }

func (q *request) fail(err error, s *Service) {
	e := wire.ErrorOf(err, s.log, "s3 "+q.r.Method+" "+cut(q.r.URL.Path))
	h := q.w.Header()
	for _, name := range []string{"Content-Length", "Content-Range", "ETag", "Last-Modified"} {
		h.Del(name)
	}
	if q.r.ContentLength > 1<<20 {
		h.Set("Connection", "close") // reading the rest of the body is not worth it
	}
	if e.Status == http.StatusNotModified {
		for k, v := range e.Fields {
			h.Set(k, v.(string))
		}
		q.w.WriteHeader(e.Status)
		return
	}
	if q.r.Method == http.MethodHead {
		q.w.WriteHeader(wire.StatusOf(e))
		return
	}
	var members []string
	for _, name := range faultMembers {
		if v, ok := e.Fields[name].(string); ok {
			members = append(members, name, v)
		}
	}
	members = append(members, "HostId", hostID(q.id))
	wire.WriteXMLError(q.w, q.id, q.r.URL.Path, e, members...)
}

// faultMembers are the fields of errors in the order in which they are answered.
var faultMembers = []string{"BucketName", "Key", "UploadId", "PartNumber", "ETag", "ProposedSize", "Size", "MaxSizeAllowed", "MinSizeAllowed",
	"ArgumentName", "ArgumentValue", "Condition", "RangeRequested", "ActualObjectSize", "Content-MD5", "ExpectedDigest", "CalculatedDigest",
	"ClientComputedContentSHA256", "S3ComputedContentSHA256", "Header"}

func (s *Service) handle(q *request) error {
	var err error
	if q.bucket, q.key, err = locate(q.r); err != nil {
		return err
	}
	if q.query, err = url.ParseQuery(q.r.URL.RawQuery); err != nil {
		return fault(http.StatusBadRequest, "InvalidURI", "Couldn't parse the specified URI.")
	}
	q.caller = wire.CallerOf(q.r, q.id)
	switch {
	case q.bucket == "":
		if q.r.Method != http.MethodGet {
			return q.notAllowed()
		}
		return s.serveBuckets(q)
	case q.key == "":
		return s.serveBucket(q)
	}
	return s.serveObject(q)
}

func (q *request) notAllowed() error {
	return fault(http.StatusMethodNotAllowed, "MethodNotAllowed", "The specified method is not allowed against this resource.")
}

// locate finds bucket and key. The bucket is the first label of a virtual host
// (BUCKET.s3.example, BUCKET.s3.us-east-1.amazonaws.com, BUCKET.s3-us-west-2...),
// else the first part of the path; all the rest of the path, unescaped once, is the key.
func locate(r *http.Request) (bucket, key string, err error) {
	path := strings.TrimPrefix(r.URL.EscapedPath(), "/")
	bucket = hostBucket(r.Host)
	if bucket == "" {
		bucket, path, _ = strings.Cut(path, "/")
		if bucket, err = url.PathUnescape(bucket); err != nil {
			return "", "", fault(http.StatusBadRequest, "InvalidURI", "Couldn't parse the specified URI.")
		}
	}
	if key, err = url.PathUnescape(path); err != nil {
		return "", "", fault(http.StatusBadRequest, "InvalidURI", "Couldn't parse the specified URI.")
	}
	return bucket, key, nil
}

func hostBucket(host string) string {
	if i := strings.LastIndexByte(host, ':'); i >= 0 && !strings.HasSuffix(host, "]") {
		host = host[:i]
	}
	host = strings.ToLower(host)
	for _, mark := range []string{".s3.", ".s3-"} {
		if i := strings.LastIndex(host, mark); i > 0 && !strings.HasPrefix(host[i+1:], "s3-website") {
			return host[:i]
		}
	}
	return ""
}

// unit runs f as a unit on the object or bucket of the request.
func (s *Service) unit(q *request, f func(tx engine.Tx) error) error {
	return s.host.Do(q.r.Context(), Keys(q.bucket, q.key), f)
}

// answer writes XML.
func (q *request) answer(status int, v any) error {
	body, err := xml.Marshal(v)
	if err != nil {
		return err
	}
	q.w.Header().Set("Content-Type", "application/xml")
	q.w.Header().Set("Content-Length", itoa(int64(len(xml.Header)+len(body))))
	q.w.WriteHeader(status)
	_, _ = io.WriteString(q.w, xml.Header) // a client that is gone needs no answer
	_, _ = q.w.Write(body)
	return nil
}

func (q *request) empty(status int) error {
	q.w.WriteHeader(status)
	return nil
}

// maxXML is the most bytes of an XML body: a thousand keys, each escaped, or ten thousand parts.
const maxXML = 8 << 20

// body reads a small body after its digests have been checked.
func (q *request) body() ([]byte, error) {
	u, err := openBody(q.r)
	if err != nil && !isFault(err, "MissingContentLength") {
		return nil, err
	}
	if err != nil {
		return nil, nil
	}
	u.r = http.MaxBytesReader(q.w, io.NopCloser(u.r), maxXML)
	all, err := io.ReadAll(u.r)
	if tooLong := new(http.MaxBytesError); errors.As(err, &tooLong) {
		return nil, fault(http.StatusBadRequest, "MaxMessageLengthExceeded", "Your request was too big.", "MaxSizeAllowed", itoa(maxXML))
	}
	if err != nil {
		return nil, fault(http.StatusBadRequest, "IncompleteBody", "The request body terminated unexpectedly")
	}
	f := files{}
	c := f.memory(all, u.algorithm)
	return all, u.check(c, nil)
}

// decode reads an XML body.
func (q *request) decode(v any) error {
	b, err := q.body()
	if err != nil {
		return err
	}
	if err := xml.Unmarshal(b, v); err != nil {
		return fault(http.StatusBadRequest, "MalformedXML", "The XML you provided was not well-formed or did not validate against our published schema")
	}
	return nil
}

// stamp is a time as S3's XML has it.
func stamp(t time.Time) string {
	return t.UTC().Truncate(time.Second).Format("2006-01-02T15:04:05.000Z")
}

// httpTime reads a header's time; what is no time counts for none.
func httpTime(s string) time.Time {
	t, err := http.ParseTime(s)
	if err != nil {
		return time.Time{}
	}
	return t
}
