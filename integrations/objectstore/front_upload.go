package objectstore

import (
	"encoding/xml"
	"io"
	"net/http"
	"strconv"
	"strings"

	"millrace/engine"
)

// serveUpload answers the requests of multipart uploads.
func (s *Service) serveUpload(q *request) error {
	id := q.query.Get("uploadId")
	switch {
	case q.r.Method == http.MethodPost && q.query.Has("uploads"):
		return s.createUpload(q)
	case id == "":
		return q.notAllowed()
	}
	switch q.r.Method {
	case http.MethodPut:
		return s.uploadPart(q, id)
	case http.MethodPost:
		return s.completeUpload(q, id)
	case http.MethodGet:
		return s.listParts(q, id)
	case http.MethodDelete:
		if err := s.unit(q, func(tx engine.Tx) error { return s.abort(tx, q.bucket, q.key, id, q.caller) }); err != nil {
			return err
		}
		return q.empty(http.StatusNoContent)
	}
	return q.notAllowed()
}

func (s *Service) createUpload(q *request) error {
	w, err := q.write("CreateMultipartUpload")
	if err != nil {
		return err
	}
	id := newUploadID()
	if err := s.unit(q, func(tx engine.Tx) error { return s.begin(tx, id, w) }); err != nil {
		return err
	}
	q.w.Header().Set("x-amz-server-side-encryption", encryption)
	return q.answer(http.StatusOK, struct {
		XMLName               xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ InitiateMultipartUploadResult"`
		Bucket, Key, UploadId string
	}{Bucket: q.bucket, Key: q.key, UploadId: id})
}

func (s *Service) uploadPart(q *request, id string) error {
	number, err := q.partNumber()
	if err != nil {
		return err
	}
	err = s.host.Read(q.r.Context(), func(r engine.Reader) error {
		_, err := uploadOf(r, q.bucket, q.key, id)
		return err
	})
	if err != nil {
		return err
	}
	source := q.r.Header.Get("x-amz-copy-source")
	var c *content
	if source != "" {
		c, err = s.copyPart(q, source)
	} else {
		c, err = s.receive(q.r)
	}
	if err != nil {
		return err
	}
	var p *part
	err = s.unit(q, func(tx engine.Tx) (err error) {
		p, err = s.addPart(tx, q.bucket, q.key, id, number, c)
		return err
	})
	if err != nil {
		s.abandon(q.r.Context(), c)
		return err
	}
	q.w.Header().Set("x-amz-server-side-encryption", encryption)
	if source != "" {
		return q.answer(http.StatusOK, struct {
			XMLName            xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ CopyPartResult"`
			ETag, LastModified string
		}{ETag: quote(p.etag), LastModified: stamp(p.modified)})
	}
	q.w.Header().Set("ETag", quote(p.etag))
	q.w.Header().Set(checksumHeader(c.sums.algorithm), c.sums.value())
	q.w.Header().Set("Content-Length", "0")
	return q.empty(http.StatusOK)
}

// copyPart takes a part from another object, all of it or a range.
func (s *Service) copyPart(q *request, source string) (*content, error) {
	bucket, key, err := parseSource(source)
	if err != nil {
		return nil, err
	}
	h := q.r.Header
	o, err := s.Read(q.r.Context(), bucket, key, ReadOptions{Range: h.Get("x-amz-copy-source-range")})
	if err != nil {
		return nil, err
	}
	defer o.Body.Close()
	from := Conditions{h.Get("x-amz-copy-source-if-match"), h.Get("x-amz-copy-source-if-none-match"),
		httpTime(h.Get("x-amz-copy-source-if-modified-since")), httpTime(h.Get("x-amz-copy-source-if-unmodified-since"))}
	if err := from.allowCopy(&o.Info); err != nil {
		return nil, err
	}
	return s.files.write(io.LimitReader(o.Body, maxBytes), "")
}

func (s *Service) completeUpload(q *request, id string) error {
	var in struct {
		Parts []chosen `xml:"Part"`
	}
	if err := q.decode(&in); err != nil {
		return err
	}
	w := write{operation: "CompleteMultipartUpload", bucket: q.bucket, key: q.key, caller: q.caller,
		if_: Conditions{Match: q.r.Header.Get("If-Match"), NoneMatch: q.r.Header.Get("If-None-Match")}}
	o, err := s.complete(q.r.Context(), w, id, in.Parts)
	if err != nil {
		return err
	}
	q.w.Header().Set("x-amz-server-side-encryption", encryption)
	return q.answer(http.StatusOK, struct {
		XMLName                     xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ CompleteMultipartUploadResult"`
		Location, Bucket, Key, ETag string
		Checksum                    string `xml:"ChecksumCRC64NVME"`
		ChecksumType                string
	}{Location: "http://" + q.r.Host + "/" + q.bucket + "/" + strings.TrimPrefix(encodeKey(q.key), "/"), Bucket: q.bucket, Key: q.key,
		ETag: quote(o.ETag), Checksum: o.Checksum, ChecksumType: checksumType(o.Checksum)})
}

type partXML struct {
	PartNumber   int
	LastModified string
	ETag         string
	Size         int64
}

func (s *Service) listParts(q *request, id string) error {
	from, most := 0, MaxListed
	if m := q.query.Get("part-number-marker"); m != "" {
		n, err := strconv.Atoi(m)
		if err != nil || n < 0 {
			return invalidArgument("Provided part-number-marker not an integer or within integer range", "part-number-marker", m)
		}
		from = n
	}
	if m := q.query.Get("max-parts"); m != "" {
		n, err := strconv.Atoi(m)
		if err != nil || n < 0 {
			return invalidArgument("Provided max-parts not an integer or within integer range", "max-parts", m)
		}
		most = min(n, MaxListed)
	}
	var parts []part
	err := s.host.Read(q.r.Context(), func(r engine.Reader) (err error) {
		if _, err = uploadOf(r, q.bucket, q.key, id); err != nil {
			return err
		}
		parts, err = partsOf(r, id)
		return err
	})
	if err != nil {
		return err
	}
	out := struct {
		XMLName                                xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ ListPartsResult"`
		Bucket, Key, UploadId                  string
		StorageClass                           string
		PartNumberMarker, NextPartNumberMarker int
		MaxParts                               int
		IsTruncated                            bool
		Part                                   []partXML
	}{Bucket: q.bucket, Key: q.key, UploadId: id, StorageClass: "STANDARD", PartNumberMarker: from, MaxParts: most}
	for _, p := range parts {
		if p.number <= from {
			continue
		}
		if len(out.Part) == most {
			out.IsTruncated = true
			break
		}
		out.Part = append(out.Part, partXML{p.number, stamp(p.modified), quote(p.etag), p.size})
		out.NextPartNumberMarker = p.number
	}
	return q.answer(http.StatusOK, out)
}

type uploadXML struct {
	Key, UploadId string
	StorageClass  string
	Initiated     string
}

func (s *Service) listUploads(q *request) error {
	var list []*upload
	err := s.host.Read(q.r.Context(), func(r engine.Reader) (err error) {
		if _, err = bucketOf(r, q.bucket); err != nil {
			return err
		}
		list, err = uploadsOf(r, q.bucket, MaxListed+1)
		return err
	})
	if err != nil {
		return err
	}
	out := struct {
		XMLName        xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ ListMultipartUploadsResult"`
		Bucket, Prefix string
		KeyMarker      string
		UploadIdMarker string
		MaxUploads     int
		IsTruncated    bool
		Upload         []uploadXML
	}{Bucket: q.bucket, Prefix: q.query.Get("prefix"), MaxUploads: MaxListed, IsTruncated: len(list) > MaxListed}
	for i, u := range list {
		if i < MaxListed && strings.HasPrefix(u.key, out.Prefix) {
			out.Upload = append(out.Upload, uploadXML{u.key, u.id, "STANDARD", stamp(u.created)})
		}
	}
	return q.answer(http.StatusOK, out)
}
