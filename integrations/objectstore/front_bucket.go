package objectstore

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"millrace/engine"
)

type ownerXML struct {
	ID          string
	DisplayName string `xml:",omitempty"`
}

type bucketXML struct {
	Name         string
	CreationDate string
	BucketRegion string
}

type bucketsXML struct {
	XMLName xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ ListAllMyBucketsResult"`
	Owner   ownerXML `xml:"Owner"`
	Buckets struct {
		Bucket []bucketXML
	}
	ContinuationToken string `xml:",omitempty"`
	Prefix            string `xml:",omitempty"`
}

// serveBuckets is ListBuckets.
func (s *Service) serveBuckets(q *request) error {
	after, n := "", maxBuckets
	if t := q.query.Get("continuation-token"); t != "" {
		name, ok := decodeToken(t)
		if !ok {
			return invalidArgument("The continuation token provided is incorrect", "continuation-token", t)
		}
		after = name
	}
	if m := q.query.Get("max-buckets"); m != "" {
		v, err := strconv.Atoi(m)
		if err != nil || v < 1 || v > maxBuckets {
			return invalidArgument("Argument max-buckets must be an integer between 1 and 10000", "max-buckets", m)
		}
		n = v
	}
	out := bucketsXML{Owner: ownerXML{ID: s.host.Account()}, Prefix: q.query.Get("prefix")}
	var list []*Bucket
	err := s.host.Read(q.r.Context(), func(r engine.Reader) (err error) {
		list, err = buckets(r, after, maxBuckets+1)
		return err
	})
	if err != nil {
		return err
	}
	for _, b := range list {
		if !strings.HasPrefix(b.Name, out.Prefix) {
			continue
		}
		if len(out.Buckets.Bucket) == n {
			out.ContinuationToken = encodeToken(out.Buckets.Bucket[n-1].Name)
			break
		}
		out.Buckets.Bucket = append(out.Buckets.Bucket, bucketXML{b.Name, stamp(b.Created), b.Region})
	}
	return q.answer(http.StatusOK, out)
}

// absent are sub-resources of buckets that are not kept, with what S3 answers for
// a bucket that has none. Setting one is refused.
var absent = map[string]struct {
	status     int
	code, text string
}{
	"versioning":     {200, "", `<VersioningConfiguration xmlns="` + namespace + `"/>`},
	"notification":   {200, "", `<NotificationConfiguration xmlns="` + namespace + `"/>`},
	"logging":        {200, "", `<BucketLoggingStatus xmlns="` + namespace + `"/>`},
	"accelerate":     {200, "", `<AccelerateConfiguration xmlns="` + namespace + `"/>`},
	"requestPayment": {200, "", `<RequestPaymentConfiguration xmlns="` + namespace + `"><Payer>BucketOwner</Payer></RequestPaymentConfiguration>`},
	"lifecycle":      {404, "NoSuchLifecycleConfiguration", "The lifecycle configuration does not exist"},
	"replication":    {404, "ReplicationConfigurationNotFoundError", "The replication configuration was not found"},
	"object-lock":    {404, "ObjectLockConfigurationNotFoundError", "Object Lock configuration does not exist for this bucket"},
	"encryption": {200, "", `<ServerSideEncryptionConfiguration xmlns="` + namespace + `"><Rule><ApplyServerSideEncryptionByDefault>` +
		`<SSEAlgorithm>AES256</SSEAlgorithm></ApplyServerSideEncryptionByDefault><BucketKeyEnabled>false</BucketKeyEnabled></Rule></ServerSideEncryptionConfiguration>`},
}

// serveBucket answers requests for a bucket.
func (s *Service) serveBucket(q *request) error {
	for _, st := range settings {
		if q.query.Has(st.parameter) {
			return s.serveSetting(q, st)
		}
	}
	for p, a := range absent {
		if !q.query.Has(p) {
			continue
		}
		if q.r.Method != http.MethodGet {
			return notImplemented(p)
		}
		if err := s.bucketExists(q.r.Context(), q.bucket); err != nil {
			return err
		}
		if a.code != "" {
			return fault(a.status, a.code, a.text, "BucketName", q.bucket)
		}
		return q.raw(a.text)
	}
	for _, p := range []string{"acl", "versions", "analytics", "inventory", "metrics", "intelligent-tiering", "policyStatus", "session"} {
		if q.query.Has(p) {
			return notImplemented(p)
		}
	}
	switch q.r.Method {
	case http.MethodPut:
		return s.makeBucket(q)
	case http.MethodHead:
		return s.headBucket(q)
	case http.MethodDelete:
		if err := s.unit(q, func(tx engine.Tx) error { return s.deleteBucket(tx, q.bucket, q.caller) }); err != nil {
			return err
		}
		return q.empty(http.StatusNoContent)
	case http.MethodPost:
		if q.query.Has("delete") {
			return s.deleteObjects(q)
		}
	case http.MethodGet:
		switch {
		case q.query.Has("location"):
			return s.bucketLocation(q)
		case q.query.Has("uploads"):
			return s.listUploads(q)
		}
		return s.listObjects(q)
	}
	return q.notAllowed()
}

func (q *request) raw(text string) error {
	q.w.Header().Set("Content-Type", "application/xml")
	_, _ = q.w.Write([]byte(xml.Header + text)) // a client that is gone needs no answer
	return nil
}

func (s *Service) bucketExists(ctx context.Context, bucket string) error {
	return s.host.Read(ctx, func(r engine.Reader) error {
		_, err := bucketOf(r, bucket)
		return err
	})
}

func (s *Service) serveSetting(q *request, st setting) error {
	switch q.r.Method {
	case http.MethodGet:
		body, err := s.Setting(q.r.Context(), q.bucket, st.parameter)
		if err != nil {
			return err
		}
		contentType := "application/xml"
		if st.json {
			contentType = "application/json"
		}
		q.w.Header().Set("Content-Type", contentType)
		_, _ = q.w.Write([]byte(body)) // a client that is gone needs no answer
		return nil
	case http.MethodPut:
		body, err := q.body()
		if err != nil {
			return err
		}
		if st.json && !json.Valid(body) {
			return fault(http.StatusBadRequest, "MalformedPolicy", "Policies must be valid JSON and the first byte must be '{'")
		}
		if !st.json && xml.Unmarshal(body, new(struct{})) != nil {
			return fault(http.StatusBadRequest, "MalformedXML", "The XML you provided was not well-formed or did not validate against our published schema")
		}
		err = s.unit(q, func(tx engine.Tx) error { return s.putSetting(tx, q.bucket, st, string(body), q.caller) })
		if err != nil {
			return err
		}
		return q.empty(st.empty)
	case http.MethodDelete:
		err := s.unit(q, func(tx engine.Tx) error { return s.deleteSetting(tx, q.bucket, st, q.caller) })
		if err != nil {
			return err
		}
		return q.empty(http.StatusNoContent)
	}
	return q.notAllowed()
}

func (s *Service) makeBucket(q *request) error {
	if q.r.Header.Get("x-amz-bucket-object-lock-enabled") == "true" {
		return notImplemented("x-amz-bucket-object-lock-enabled")
	}
	if err := refuse(q.r.Header); err != nil {
		return err
	}
	var in struct {
		LocationConstraint string
	}
	b, err := q.body()
	if err != nil {
		return err
	}
	if len(b) > 0 && xml.Unmarshal(b, &in) != nil {
		return fault(http.StatusBadRequest, "MalformedXML", "The XML you provided was not well-formed or did not validate against our published schema")
	}
	err = s.unit(q, func(tx engine.Tx) error { return s.createBucket(tx, q.bucket, in.LocationConstraint, q.caller) })
	if err != nil {
		return err
	}
	q.w.Header().Set("Location", "/"+q.bucket)
	return q.empty(http.StatusOK)
}

func (s *Service) headBucket(q *request) error {
	var b *Bucket
	err := s.host.Read(q.r.Context(), func(r engine.Reader) (err error) {
		b, err = bucketOf(r, q.bucket)
		return err
	})
	if err != nil {
		return err
	}
	q.w.Header().Set("x-amz-bucket-region", b.Region)
	q.w.Header().Set("x-amz-access-point-alias", "false")
	q.w.Header().Set("Content-Type", "application/xml")
	return q.empty(http.StatusOK)
}

func (s *Service) bucketLocation(q *request) error {
	var b *Bucket
	err := s.host.Read(q.r.Context(), func(r engine.Reader) (err error) {
		b, err = bucketOf(r, q.bucket)
		return err
	})
	if err != nil {
		return err
	}
	return q.answer(http.StatusOK, struct {
		XMLName xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ LocationConstraint"`
		Region  string   `xml:",chardata"`
	}{Region: location(b.Region)})
}

func (s *Service) deleteObjects(q *request) error {
	var in deleteInput
	if err := q.decode(&in.Delete); err != nil {
		return err
	}
	in.Bucket = q.bucket
	keys := make([]string, 0, len(in.Delete.Objects))
	for _, o := range in.Delete.Objects {
		keys = append(keys, Keys(q.bucket, o.Key)...)
	}
	var out *deleteOutput
	err := s.host.Do(q.r.Context(), keys, func(tx engine.Tx) (err error) {
		out, err = s.deleteAll(tx, in, q.caller)
		return err
	})
	if err != nil {
		return err
	}
	return q.answer(http.StatusOK, struct {
		XMLName xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ DeleteResult"`
		*deleteOutput
	}{deleteOutput: out})
}

type contentsXML struct {
	Key               string
	LastModified      string
	ETag              string
	ChecksumAlgorithm []string
	ChecksumType      string
	Size              int64
	StorageClass      string
	Owner             *ownerXML `xml:",omitempty"`
}

type prefixXML struct {
	Prefix string
}

type listXML struct {
	XMLName               xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ ListBucketResult"`
	Name                  string
	Prefix                string
	Marker                *string `xml:",omitempty"`
	NextMarker            string  `xml:",omitempty"`
	StartAfter            string  `xml:",omitempty"`
	ContinuationToken     string  `xml:",omitempty"`
	NextContinuationToken string  `xml:",omitempty"`
	KeyCount              *int    `xml:",omitempty"`
	MaxKeys               int
	Delimiter             string `xml:",omitempty"`
	EncodingType          string `xml:",omitempty"`
	IsTruncated           bool
	Contents              []contentsXML
	CommonPrefixes        []prefixXML
}

// listObjects is ListObjectsV2 with list-type=2, and ListObjects without.
func (s *Service) listObjects(q *request) error {
	p := listInput{Bucket: q.bucket, Prefix: q.query.Get("prefix"), Delimiter: q.query.Get("delimiter")}
	if m := q.query.Get("max-keys"); m != "" {
		n, err := strconv.Atoi(m)
		if err != nil {
			return invalidArgument("Provided max-keys not an integer or within integer range", "max-keys", m)
		}
		p.MaxKeys = &n
	}
	enc := func(s string) string { return s }
	switch t := q.query.Get("encoding-type"); t {
	case "":
	case "url":
		enc = encodeKey
	default:
		return invalidArgument("Invalid Encoding Method specified in Request", "encoding-type", t)
	}
	out := listXML{Name: q.bucket, Prefix: enc(p.Prefix), MaxKeys: p.maxKeys(), Delimiter: enc(p.Delimiter), EncodingType: q.query.Get("encoding-type")}
	var contents []listed
	var prefixes []commonPrefix
	owner := q.query.Get("fetch-owner") == "true"
	err := s.host.Read(q.r.Context(), func(r engine.Reader) error {
		if q.query.Get("list-type") == "2" {
			p.StartAfter, p.ContinuationToken = q.query.Get("start-after"), q.query.Get("continuation-token")
			if q.query.Has("continuation-token") && p.ContinuationToken == "" {
				return invalidArgument("The continuation token provided is incorrect", "continuation-token", "")
			}
			l, err := listV2(r, p)
			if err != nil {
				return err
			}
			out.KeyCount, out.IsTruncated, out.NextContinuationToken = &l.KeyCount, l.IsTruncated, l.NextContinuationToken
			out.StartAfter, out.ContinuationToken = enc(p.StartAfter), p.ContinuationToken
			contents, prefixes = l.Contents, l.CommonPrefixes
			return nil
		}
		p.Marker, owner = q.query.Get("marker"), true
		l, err := listV1(r, p)
		if err != nil {
			return err
		}
		marker := enc(l.Marker)
		out.Marker, out.NextMarker, out.IsTruncated = &marker, enc(l.NextMarker), l.IsTruncated
		contents, prefixes = l.Contents, l.CommonPrefixes
		return nil
	})
	if err != nil {
		return err
	}
	for _, c := range contents {
		x := contentsXML{Key: enc(c.Key), LastModified: stamp(c.LastModified), ETag: c.ETag, ChecksumAlgorithm: c.ChecksumAlgorithm,
			ChecksumType: c.ChecksumType, Size: c.Size, StorageClass: c.StorageClass}
		if owner {
			x.Owner = &ownerXML{ID: s.host.Account()}
		}
		out.Contents = append(out.Contents, x)
	}
	for _, c := range prefixes {
		out.CommonPrefixes = append(out.CommonPrefixes, prefixXML{enc(c.Prefix)})
	}
	return q.answer(http.StatusOK, out)
}

// encodeKey is the url encoding of lists: as in a query string, slashes left alone.
func encodeKey(key string) string {
	return strings.ReplaceAll(url.QueryEscape(key), "%2F", "/")
}
