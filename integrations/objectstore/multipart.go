package objectstore

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"time"

	"millrace/engine"
	"millrace/tasks"
)

// The bounds of multipart uploads.
const (
	maxPart  = 10000
	minPart  = 5 << 20 // bytes of every part but the last
	maxBytes = 5 << 30 // of one put or part
)

// upload is a multipart upload under way.
type upload struct {
	id, bucket, key string
	created         time.Time
	headers         Headers
	metadata        map[string]string
}

// part is one part of an upload.
type part struct {
	number   int
	size     int64
	etag     string
	modified time.Time
	file     string
	body     []byte
}

func newUploadID() string {
	var b [24]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// begin records an upload under the id.
func (s *Service) begin(tx engine.Tx, id string, w write) error {
	if err := checkKey(w.key); err != nil {
		return err
	}
	if _, err := bucketOf(tx, w.bucket); err != nil {
		return err
	}
	_, err := exec(tx, insertUpload, id, w.bucket, []byte(w.key), tx.Now().UnixMilli(), encodeJSON(w.headers), encodeMap(w.metadata))
	if err != nil {
		return err
	}
	return s.changed(tx, Change{Operation: "CreateMultipartUpload", Bucket: w.bucket, Key: w.key, Caller: w.caller})
}

// addPart stores a part, in place of an earlier one of its number.
func (s *Service) addPart(tx engine.Tx, bucket, key, id string, number int, c *content) (*part, error) {
	if _, err := uploadOf(tx, bucket, key, id); err != nil {
		return nil, err
	}
	old, err := partOf(tx, id, number)
	if err != nil {
		return nil, err
	}
	p := &part{number: number, size: c.size, etag: c.etag(), modified: tx.Now().UTC().Truncate(time.Second), file: c.file, body: c.body}
	if p.file == "" && p.body == nil {
		p.body = []byte{}
	}
	if _, err := exec(tx, upsertPart, id, number, p.size, p.etag, p.modified.UnixMilli(), p.file, p.body); err != nil {
		return nil, err
	}
	if old != nil {
		return p, s.release(tx, old.file)
	}
	return p, nil
}

// dropUpload deletes an upload and its parts.
func (s *Service) dropUpload(tx engine.Tx, id string) error {
	parts, err := partsOf(tx, id)
	if err != nil {
		return err
	}
	for _, q := range []string{dropParts, dropUpload} {
		if _, err := exec(tx, q, id); err != nil {
			return err
		}
	}
	for _, p := range parts {
		if err := s.release(tx, p.file); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) abort(tx engine.Tx, bucket, key, id string, c tasks.Caller) error {
	if _, err := uploadOf(tx, bucket, key, id); err != nil {
		return err
	}
	if err := s.dropUpload(tx, id); err != nil {
		return err
	}
	return s.changed(tx, Change{Operation: "AbortMultipartUpload", Bucket: bucket, Key: key, Parameters: map[string]string{"uploadId": id}, Caller: c})
}

// chosen is a part as CompleteMultipartUpload names it.
type chosen struct {
	Number int    `xml:"PartNumber"`
	ETag   string `xml:"ETag"`
}

// complete joins the chosen parts into the object.
func (s *Service) complete(ctx context.Context, w write, id string, list []chosen) (*object, error) {
	var u *upload
	var parts []part
	err := s.host.Read(ctx, func(r engine.Reader) (err error) {
		if u, err = uploadOf(r, w.bucket, w.key, id); err != nil {
			return err
		}
		parts, err = choose(r, id, list)
		return err
	})
	if err != nil {
		return nil, err
	}
	whole := &joined{}
	tags := md5.New()
	for _, p := range parts {
		sum, err := hex.DecodeString(p.etag)
		if err != nil {
			return nil, fmt.Errorf("ETag of a stored part: %w", err)
		}
		tags.Write(sum)
		whole.parts = append(whole.parts, func() (io.ReadCloser, error) { return s.openPart(ctx, id, p) })
	}
	c, err := s.files.write(whole, "")
	if closeErr := whole.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return nil, err
	}
	w.headers, w.metadata = u.headers, u.metadata
	w.etag = fmt.Sprintf("%x-%d", tags.Sum(nil), len(parts))
	w.parameters = map[string]string{"uploadId": id}
	var o *object
	err = s.host.Do(ctx, Keys(w.bucket, w.key), func(tx engine.Tx) error {
		if _, err := uploadOf(tx, w.bucket, w.key, id); err != nil {
			return err
		}
		if _, err := choose(tx, id, list); err != nil {
			return err
		}
		if o, err = s.put(tx, w, c); err != nil {
			return err
		}
		return s.dropUpload(tx, id)
	})
	if err != nil {
		s.abandon(ctx, c)
		return nil, err
	}
	return o, nil
}

// choose finds the parts of a list, and says what is wrong with it.
func choose(r engine.Reader, id string, list []chosen) ([]part, error) {
	stored, err := partsOf(r, id)
	if err != nil {
		return nil, err
	}
	byNumber := make(map[int]part, len(stored))
	for _, p := range stored {
		byNumber[p.number] = p
	}
	if len(list) == 0 {
		return nil, fault(400, "MalformedXML", "The XML you provided was not well-formed or did not validate against our published schema")
	}
	parts := make([]part, 0, len(list))
	for i, c := range list {
		p, ok := byNumber[c.Number]
		if !ok || strings.Trim(c.ETag, `"`) != p.etag {
			return nil, fault(400, "InvalidPart", "One or more of the specified parts could not be found.  The part may not have been uploaded, "+
				"or the specified entity tag may not match the part's entity tag.", "UploadId", id, "PartNumber", itoa(int64(c.Number)), "ETag", cut(c.ETag))
		}
		if i > 0 && c.Number <= list[i-1].Number {
			return nil, fault(400, "InvalidPartOrder", "The list of parts was not in ascending order. Parts must be ordered by part number.", "UploadId", id)
		}
		if i < len(list)-1 && p.size < minPart {
			return nil, fault(400, "EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size",
				"ProposedSize", itoa(p.size), "MinSizeAllowed", itoa(minPart), "PartNumber", itoa(int64(c.Number)), "ETag", p.etag)
		}
		parts = append(parts, p)
	}
	return parts, nil
}

func (s *Service) openPart(ctx context.Context, id string, p part) (io.ReadCloser, error) {
	if p.file != "" {
		f, err := s.files.open(p.file)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, noSuchUpload(id) // it ended, or the part was replaced, meanwhile
		}
		return f, err
	}
	var body []byte
	err := s.host.Read(ctx, func(r engine.Reader) error {
		q, err := partOf(r, id, p.number)
		if err != nil {
			return err
		}
		if q == nil || q.etag != p.etag {
			return noSuchUpload(id)
		}
		body = q.body
		return nil
	})
	if err != nil {
		return nil, err
	}
	return io.NopCloser(bytes.NewReader(body)), nil
}

// uploadOf returns an upload of the object, or NoSuchUpload.
func uploadOf(r engine.Reader, bucket, key, id string) (*upload, error) {
	list, err := scanUploads(r, selectUpload, id)
	if err != nil {
		return nil, err
	}
	if len(list) == 0 || list[0].bucket != bucket || list[0].key != key {
		return nil, noSuchUpload(cut(id))
	}
	return list[0], nil
}

func uploadsOf(r engine.Reader, bucket string, n int) ([]*upload, error) {
	return scanUploads(r, listUploads, bucket, n)
}

func scanUploads(r engine.Reader, query string, args ...any) ([]*upload, error) {
	var list []*upload
	err := each(r, func(scan func(...any) error) error {
		u := &upload{}
		var key []byte
		var created int64
		var headers, metadata string
		if err := scan(&u.id, &u.bucket, &key, &created, &headers, &metadata); err != nil {
			return fmt.Errorf("object store: %w", err)
		}
		u.key, u.created = string(key), time.UnixMilli(created).UTC()
		if err := json.Unmarshal([]byte(headers), &u.headers); err != nil {
			return fmt.Errorf("object store: headers of an upload: %w", err)
		}
		if err := json.Unmarshal([]byte(metadata), &u.metadata); err != nil {
			return fmt.Errorf("object store: metadata of an upload: %w", err)
		}
		list = append(list, u)
		return nil
	}, query, args...)
	return list, err
}

func partsOf(r engine.Reader, id string) ([]part, error) { return scanParts(r, selectParts, id) }

// partOf returns a part with its bytes, or nil.
func partOf(r engine.Reader, id string, number int) (*part, error) {
	list, err := scanParts(r, selectPartBody, id, number)
	if err != nil || len(list) == 0 {
		return nil, err
	}
	return &list[0], nil
}

func scanParts(r engine.Reader, query string, args ...any) ([]part, error) {
	var list []part
	err := each(r, func(scan func(...any) error) error {
		var p part
		var modified int64
		if err := scan(&p.number, &p.size, &p.etag, &modified, &p.file, &p.body); err != nil {
			return fmt.Errorf("object store: %w", err)
		}
		p.modified = time.UnixMilli(modified).UTC()
		list = append(list, p)
		return nil
	}, query, args...)
	return list, err
}
