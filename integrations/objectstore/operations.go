package objectstore

import (
	"context"
	"encoding/json"
	"io"
	"net/url"
	"strings"
	"time"

	"millrace/engine"
	"millrace/tasks"
)

// encryption is what S3 answers for objects encrypted with its own keys, which is
// all of them. Here the disk is the operator's to encrypt.
const encryption = "AES256"

// table is the store as task states see it. The fronts call the same functions,
// with bytes in place of JSON.
func (s *Service) table() *tasks.Service {
	return &tasks.Service{
		Name: "s3", SDKName: "S3", Title: "S3", JavaName: "AmazonS3", ExtendedID: true,
		Exceptions: []string{"NoSuchBucket", "NoSuchKey", "NoSuchUpload", "BucketAlreadyExists", "BucketAlreadyOwnedByYou", "InvalidRequest"},
		Operations: []tasks.Operation{
			{Name: "PutObject", Write: s.opPutObject, Keys: objectKeys},
			{Name: "GetObject", Read: s.opGetObject},
			{Name: "HeadObject", Read: s.opHeadObject},
			{Name: "DeleteObject", Write: s.opDeleteObject, Keys: objectKeys},
			{Name: "DeleteObjects", Write: s.opDeleteObjects, Keys: deleteKeys},
			{Name: "CopyObject", Write: s.opCopyObject, Keys: copyKeys},
			{Name: "ListObjectsV2", Read: s.opListObjectsV2},
			{Name: "ListObjects", Read: s.opListObjects},
			{Name: "CreateBucket", Write: s.opCreateBucket, Keys: objectKeys},
			{Name: "DeleteBucket", Write: s.opDeleteBucket, Keys: objectKeys},
			{Name: "HeadBucket", Read: s.opHeadBucket},
			{Name: "GetBucketLocation", Read: s.opGetBucketLocation},
			{Name: "ListBuckets", Read: s.opListBuckets},
		},
		Optimised: []string{"GetObject", "PutObject", "ListObjectsV2"},
	}
}

// reference is what most operations' inputs begin with.
type reference struct {
	Bucket string `json:"Bucket"`
	Key    string `json:"Key"`
}

// objectKeys are the keys of a unit on one object or bucket.
func objectKeys(in json.RawMessage) []string {
	var r reference
	if tasks.Decode(in, &r) != nil {
		return nil // the operation fails the same way, before it writes
	}
	return Keys(r.Bucket, r.Key)
}

type putInput struct {
	reference
	Headers
	Body        json.RawMessage   `json:"Body"`
	Metadata    map[string]string `json:"Metadata"`
	IfMatch     string            `json:"IfMatch"`
	IfNoneMatch string            `json:"IfNoneMatch"`
	Algorithm   string            `json:"ChecksumAlgorithm"`
}

// written is what PutObject answers. Of the checksums one is set.
type written struct {
	CRC32        string `json:"ChecksumCRC32,omitempty"`
	CRC32C       string `json:"ChecksumCRC32C,omitempty"`
	CRC64NVME    string `json:"ChecksumCRC64NVME,omitempty"`
	SHA1         string `json:"ChecksumSHA1,omitempty"`
	SHA256       string `json:"ChecksumSHA256,omitempty"`
	ChecksumType string `json:"ChecksumType,omitempty"`
	ETag         string `json:"ETag"`
	Encryption   string `json:"ServerSideEncryption"`
}

func (w *written) setChecksum(algorithm, value string) {
	switch algorithm {
	case "CRC32":
		w.CRC32 = value
	case "CRC32C":
		w.CRC32C = value
	case "CRC64NVME":
		w.CRC64NVME = value
	case "SHA1":
		w.SHA1 = value
	case "SHA256":
		w.SHA256 = value
	}
	w.ChecksumType = checksumType(value)
}

// checksumType tells a checksum over the checksums of parts, which ends in their
// number, from one over all bytes.
func checksumType(value string) string {
	if strings.Contains(value, "-") {
		return "COMPOSITE"
	}
	return "FULL_OBJECT"
}

// opPutObject stores the JSON text of Body, which is what Step Functions does with
// every value: a string is stored with its quotes.
func (s *Service) opPutObject(tx engine.Tx, c tasks.Caller, in json.RawMessage) (any, error) {
	var p putInput
	if err := tasks.Decode(in, &p); err != nil {
		return nil, err
	}
	if p.Algorithm == "" {
		p.Algorithm = "CRC32" // the SDK's default
	}
	if !knownAlgorithm(p.Algorithm) {
		return nil, invalidArgument("Checksum algorithm provided is unsupported. Please try again with any of the valid types: "+
			"["+strings.Join(algorithms, ", ")+"]", "ChecksumAlgorithm", p.Algorithm)
	}
	o, err := s.put(tx, write{
		operation: "PutObject", bucket: p.Bucket, key: p.Key, headers: p.Headers, metadata: lowerKeys(p.Metadata),
		if_: Conditions{Match: p.IfMatch, NoneMatch: p.IfNoneMatch}, caller: c,
	}, s.files.memory(p.Body, p.Algorithm))
	if err != nil {
		return nil, err
	}
	out := written{ETag: quote(o.ETag), Encryption: encryption}
	out.setChecksum(o.Algorithm, o.Checksum)
	return out, nil
}

// described is what HeadObject answers, and GetObject beyond the body.
type described struct {
	AcceptRanges       string            `json:"AcceptRanges"`
	CacheControl       string            `json:"CacheControl,omitempty"`
	ContentDisposition string            `json:"ContentDisposition,omitempty"`
	ContentEncoding    string            `json:"ContentEncoding,omitempty"`
	ContentLanguage    string            `json:"ContentLanguage,omitempty"`
	ContentLength      int64             `json:"ContentLength"`
	ContentRange       string            `json:"ContentRange,omitempty"`
	ContentType        string            `json:"ContentType"`
	ETag               string            `json:"ETag"`
	LastModified       time.Time         `json:"LastModified"`
	Metadata           map[string]string `json:"Metadata"`
	Encryption         string            `json:"ServerSideEncryption"`
	StorageClass       string            `json:"StorageClass,omitempty"`
	Redirect           string            `json:"WebsiteRedirectLocation,omitempty"`
}

type gotten struct {
	described
	Body string `json:"Body"`
}

func describe(o *Object) described {
	h := o.Headers
	d := described{
		AcceptRanges: "bytes", CacheControl: h.CacheControl, ContentDisposition: h.ContentDisposition, ContentEncoding: h.ContentEncoding,
		ContentLanguage: h.ContentLanguage, ContentLength: o.Length, ContentType: contentType(h), ETag: quote(o.ETag),
		LastModified: o.Modified, Metadata: o.Metadata, Encryption: encryption, StorageClass: h.StorageClass, Redirect: h.WebsiteRedirectLocation,
	}
	if o.Length != o.Size {
		d.ContentRange = contentRange(o)
	}
	return d
}

type getInput struct {
	reference
	Range             string    `json:"Range"`
	IfMatch           string    `json:"IfMatch"`
	IfNoneMatch       string    `json:"IfNoneMatch"`
	IfModifiedSince   time.Time `json:"IfModifiedSince"`
	IfUnmodifiedSince time.Time `json:"IfUnmodifiedSince"`
}

func (g getInput) options() ReadOptions {
	return ReadOptions{Range: g.Range, If: Conditions{g.IfMatch, g.IfNoneMatch, g.IfModifiedSince, g.IfUnmodifiedSince}}
}

// maxResult is how much of an object a task state's GetObject reads: more than any
// result may hold, so that what is cut here is refused for its size.
const maxResult = 1 << 20

func (s *Service) opGetObject(_ context.Context, r engine.Reader, _ tasks.Caller, in json.RawMessage) (any, error) {
	o, err := s.lookUp(r, in, true)
	if err != nil {
		return nil, err
	}
	defer o.Body.Close()
	body, err := io.ReadAll(io.LimitReader(o.Body, maxResult))
	if err != nil {
		return nil, err
	}
	return gotten{describe(o), string(body)}, nil
}

func (s *Service) opHeadObject(_ context.Context, r engine.Reader, _ tasks.Caller, in json.RawMessage) (any, error) {
	o, err := s.lookUp(r, in, false)
	if err != nil {
		return nil, err
	}
	return describe(o), nil
}

// lookUp opens the object that an input names; without body, its Body is nil.
func (s *Service) lookUp(r engine.Reader, in json.RawMessage, body bool) (*Object, error) {
	var g getInput
	if err := tasks.Decode(in, &g); err != nil {
		return nil, err
	}
	o, err := readObject(r, g.Bucket, g.Key, body)
	if err != nil {
		return nil, err
	}
	if !body {
		return head(o, g.options())
	}
	return s.open(o, g.options())
}

// head is open without the bytes.
func head(o *object, opt ReadOptions) (*Object, error) {
	if err := opt.If.allowRead(&o.Info); err != nil {
		return nil, err
	}
	from, n, partial, err := span(opt.Range, o.Size)
	if err != nil {
		return nil, err
	}
	return &Object{Info: o.Info, Offset: from, Length: n, Partial: partial}, nil
}

func (s *Service) opDeleteObject(tx engine.Tx, c tasks.Caller, in json.RawMessage) (any, error) {
	var d reference
	if err := tasks.Decode(in, &d); err != nil {
		return nil, err
	}
	return nil, s.remove(tx, d.Bucket, d.Key, c)
}

type deleteInput struct {
	Bucket string `json:"Bucket"`
	Delete struct {
		Objects []struct {
			Key string `json:"Key" xml:"Key"`
		} `json:"Objects" xml:"Object"`
		Quiet bool `json:"Quiet" xml:"Quiet"`
	} `json:"Delete"`
}

// maxDeletes is the most keys of one DeleteObjects.
const maxDeletes = 1000

func deleteKeys(in json.RawMessage) []string {
	var d deleteInput
	if tasks.Decode(in, &d) != nil {
		return nil
	}
	keys := make([]string, 0, len(d.Delete.Objects))
	for _, o := range d.Delete.Objects {
		keys = append(keys, Keys(d.Bucket, o.Key)...)
	}
	return keys
}

type deleted struct {
	Key string `json:"Key" xml:"Key"`
}

type deleteFault struct {
	Code    string `json:"Code" xml:"Code"`
	Key     string `json:"Key" xml:"Key"`
	Message string `json:"Message" xml:"Message"`
}

type deleteOutput struct {
	Deleted []deleted     `json:"Deleted,omitempty" xml:"Deleted"`
	Errors  []deleteFault `json:"Errors,omitempty" xml:"Error"`
}

func (s *Service) opDeleteObjects(tx engine.Tx, c tasks.Caller, in json.RawMessage) (any, error) {
	var d deleteInput
	if err := tasks.Decode(in, &d); err != nil {
		return nil, err
	}
	return s.deleteAll(tx, d, c)
}

func (s *Service) deleteAll(tx engine.Tx, d deleteInput, c tasks.Caller) (*deleteOutput, error) {
	if n := len(d.Delete.Objects); n == 0 || n > maxDeletes {
		return nil, fault(400, "MalformedXML", "The XML you provided was not well-formed or did not validate against our published schema")
	}
	if _, err := bucketOf(tx, d.Bucket); err != nil {
		return nil, err
	}
	out := &deleteOutput{}
	for _, o := range d.Delete.Objects {
		// A key that cannot be is refused before anything is written for it.
		if e, ok := checkKey(o.Key).(*tasks.Error); ok {
			out.Errors = append(out.Errors, deleteFault{e.Code, o.Key, e.Message})
			continue
		}
		if err := s.remove(tx, d.Bucket, o.Key, c); err != nil {
			return nil, err
		}
		if !d.Delete.Quiet {
			out.Deleted = append(out.Deleted, deleted{o.Key})
		}
	}
	return out, nil
}

type copyInput struct {
	reference
	Headers
	CopySource              string            `json:"CopySource"`
	Metadata                map[string]string `json:"Metadata"`
	MetadataDirective       string            `json:"MetadataDirective"`
	IfMatch                 string            `json:"IfMatch"`
	IfNoneMatch             string            `json:"IfNoneMatch"`
	SourceMatch             string            `json:"CopySourceIfMatch"`
	SourceNoneMatch         string            `json:"CopySourceIfNoneMatch"`
	SourceIfModifiedSince   time.Time         `json:"CopySourceIfModifiedSince"`
	SourceIfUnmodifiedSince time.Time         `json:"CopySourceIfUnmodifiedSince"`
}

type copyResult struct {
	ETag         string    `json:"ETag" xml:"ETag"`
	LastModified time.Time `json:"LastModified" xml:"LastModified"`
}

type copyOutput struct {
	Result     copyResult `json:"CopyObjectResult"`
	Encryption string     `json:"ServerSideEncryption"`
}

func copyKeys(in json.RawMessage) []string {
	var p copyInput
	if tasks.Decode(in, &p) != nil {
		return nil
	}
	keys := Keys(p.Bucket, p.Key)
	if bucket, key, err := parseSource(p.CopySource); err == nil {
		keys = append(keys, Keys(bucket, key)...)
	}
	return keys
}

func (s *Service) opCopyObject(tx engine.Tx, c tasks.Caller, in json.RawMessage) (any, error) {
	var p copyInput
	if err := tasks.Decode(in, &p); err != nil {
		return nil, err
	}
	o, err := s.copyFrom(tx, p, c)
	if err != nil {
		return nil, err
	}
	return copyOutput{copyResult{quote(o.ETag), o.Modified}, encryption}, nil
}

func (s *Service) copyFrom(tx engine.Tx, p copyInput, c tasks.Caller) (*object, error) {
	bucket, key, err := parseSource(p.CopySource)
	if err != nil {
		return nil, err
	}
	switch p.MetadataDirective {
	case "", "COPY", "REPLACE":
	default:
		return nil, invalidArgument("Unknown metadata directive.", "x-amz-metadata-directive", p.MetadataDirective)
	}
	return s.copy(tx, duplicate{
		write: write{
			operation: "CopyObject", bucket: p.Bucket, key: p.Key, headers: p.Headers, metadata: lowerKeys(p.Metadata),
			if_: Conditions{Match: p.IfMatch, NoneMatch: p.IfNoneMatch}, caller: c,
		},
		fromBucket: bucket, fromKey: key, replace: p.MetadataDirective == "REPLACE",
		from: Conditions{p.SourceMatch, p.SourceNoneMatch, p.SourceIfModifiedSince, p.SourceIfUnmodifiedSince},
	})
}

// parseSource reads a copy source: bucket/key, URL-encoded, with or without a slash before.
func parseSource(source string) (bucket, key string, err error) {
	source, query, _ := strings.Cut(source, "?")
	if query != "" {
		return "", "", notImplemented("x-amz-copy-source: " + query)
	}
	plain, err := url.PathUnescape(source)
	if err == nil {
		bucket, key, _ = strings.Cut(strings.TrimPrefix(plain, "/"), "/")
	}
	if bucket == "" || key == "" {
		return "", "", invalidArgument("Copy Source must mention the source bucket and key: sourcebucket/sourcekey", "x-amz-copy-source", source)
	}
	return bucket, key, nil
}

func (s *Service) opCreateBucket(tx engine.Tx, c tasks.Caller, in json.RawMessage) (any, error) {
	var p struct {
		Bucket        string `json:"Bucket"`
		Configuration struct {
			LocationConstraint string `json:"LocationConstraint"`
		} `json:"CreateBucketConfiguration"`
	}
	if err := tasks.Decode(in, &p); err != nil {
		return nil, err
	}
	if err := s.createBucket(tx, p.Bucket, p.Configuration.LocationConstraint, c); err != nil {
		return nil, err
	}
	return struct {
		Location string `json:"Location"`
	}{"/" + p.Bucket}, nil
}

func (s *Service) opDeleteBucket(tx engine.Tx, c tasks.Caller, in json.RawMessage) (any, error) {
	var p reference
	if err := tasks.Decode(in, &p); err != nil {
		return nil, err
	}
	return nil, s.deleteBucket(tx, p.Bucket, c)
}

func (s *Service) opHeadBucket(_ context.Context, r engine.Reader, _ tasks.Caller, in json.RawMessage) (any, error) {
	var p reference
	if err := tasks.Decode(in, &p); err != nil {
		return nil, err
	}
	b, err := bucketOf(r, p.Bucket)
	if err != nil {
		return nil, err
	}
	return struct {
		Alias  bool   `json:"AccessPointAlias"`
		Region string `json:"BucketRegion"`
	}{false, b.Region}, nil
}

func (s *Service) opGetBucketLocation(_ context.Context, r engine.Reader, _ tasks.Caller, in json.RawMessage) (any, error) {
	var p reference
	if err := tasks.Decode(in, &p); err != nil {
		return nil, err
	}
	b, err := bucketOf(r, p.Bucket)
	if err != nil {
		return nil, err
	}
	return struct {
		Constraint string `json:"LocationConstraint,omitempty"`
	}{location(b.Region)}, nil
}

// location is a region as GetBucketLocation tells it.
func location(region string) string {
	if region == "us-east-1" {
		return ""
	}
	return region
}

func (s *Service) opListBuckets(_ context.Context, r engine.Reader, _ tasks.Caller, _ json.RawMessage) (any, error) {
	type bucket struct {
		CreationDate time.Time `json:"CreationDate"`
		Name         string    `json:"Name"`
	}
	list, err := buckets(r, "", maxBuckets)
	if err != nil {
		return nil, err
	}
	out := struct {
		Buckets []bucket `json:"Buckets"`
		Owner   struct {
			ID string `json:"ID"`
		} `json:"Owner"`
	}{Buckets: []bucket{}}
	for _, b := range list {
		out.Buckets = append(out.Buckets, bucket{b.Created.Truncate(time.Second), b.Name})
	}
	out.Owner.ID = s.host.Account()
	return out, nil
}

func quote(etag string) string { return `"` + etag + `"` }

func contentType(h Headers) string {
	if h.ContentType == "" {
		return defaultContentType
	}
	return h.ContentType
}

func contentRange(o *Object) string {
	return "bytes " + itoa(o.Offset) + "-" + itoa(o.Offset+o.Length-1) + "/" + itoa(o.Size)
}

func lowerKeys(m map[string]string) map[string]string {
	low := make(map[string]string, len(m))
	for k, v := range m {
		low[strings.ToLower(k)] = v
	}
	return low
}
