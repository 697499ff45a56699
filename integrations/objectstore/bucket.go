package objectstore

import (
	"context"
	"net/http"
	"time"

	"millrace/engine"
	"millrace/tasks"
)

// Bucket is a bucket.
type Bucket struct {
	Name    string
	Region  string
	Created time.Time
}

// createBucket makes a bucket. region "" is the store's own. Making one's own
// bucket again is no error in us-east-1, and BucketAlreadyOwnedByYou elsewhere.
func (s *Service) createBucket(tx engine.Tx, name, region string, c tasks.Caller) error {
	if err := checkBucketName(name); err != nil {
		return err
	}
	if region == "" {
		region = s.host.Region()
	}
	_, err := bucketOf(tx, name)
	switch {
	case err == nil:
		if s.host.Region() == "us-east-1" {
			return nil
		}
		return fault(http.StatusConflict, "BucketAlreadyOwnedByYou",
			"Your previous request to create the named bucket succeeded and you already own it.", "BucketName", name)
	case !isFault(err, "NoSuchBucket"):
		return err
	}
	if _, err := exec(tx, insertBucket, name, region, tx.Now().UnixMilli()); err != nil {
		return err
	}
	return s.changed(tx, Change{Operation: "CreateBucket", Bucket: name, Caller: c})
}

func (s *Service) deleteBucket(tx engine.Tx, name string, c tasks.Caller) error {
	if _, err := bucketOf(tx, name); err != nil {
		return err
	}
	some, err := exists(tx, anyObject, name)
	if err != nil {
		return err
	}
	if some {
		return fault(http.StatusConflict, "BucketNotEmpty", "The bucket you tried to delete is not empty", "BucketName", name)
	}
	uploads, err := uploadsOf(tx, name, 1)
	if err != nil {
		return err
	}
	for len(uploads) > 0 {
		if err := s.dropUpload(tx, uploads[0].id); err != nil {
			return err
		}
		if uploads, err = uploadsOf(tx, name, 1); err != nil {
			return err
		}
	}
	for _, q := range []string{dropSettings, dropBucket} {
		if _, err := exec(tx, q, name); err != nil {
			return err
		}
	}
	return s.changed(tx, Change{Operation: "DeleteBucket", Bucket: name, Caller: c})
}

// buckets lists up to n buckets after a name, in order of names.
func buckets(r engine.Reader, after string, n int) ([]*Bucket, error) {
	var list []*Bucket
	err := each(r, func(scan func(...any) error) error {
		b, err := scanBucket(scan)
		list = append(list, b)
		return err
	}, listBuckets, after, n)
	return list, err
}

// Buckets lists all buckets in order of names.
func (s *Service) Buckets(ctx context.Context) ([]*Bucket, error) {
	var list []*Bucket
	err := s.host.Read(ctx, func(r engine.Reader) (err error) {
		list, err = buckets(r, "", maxBuckets)
		return err
	})
	return list, err
}

// maxBuckets is the most buckets that an account has.
const maxBuckets = 10000

// setting is a sub-resource of a bucket that is kept as the client wrote it and
// given back verbatim: its query parameter, the words of its operations, and the
// error when it is not set.
type setting struct {
	parameter string // of the query: policy, website
	operation string // PutBucketPolicy without Put: BucketPolicy
	code      string
	message   string
	json      bool
	empty     int // status of a Put
}

var settings = []setting{
	{"policy", "BucketPolicy", "NoSuchBucketPolicy", "The bucket policy does not exist", true, http.StatusNoContent},
	{"website", "BucketWebsite", "NoSuchWebsiteConfiguration", "The specified bucket does not have a website configuration", false, http.StatusOK},
	{"cors", "BucketCors", "NoSuchCORSConfiguration", "The CORS configuration does not exist", false, http.StatusOK},
	{"tagging", "BucketTagging", "NoSuchTagSet", "The TagSet does not exist", false, http.StatusNoContent},
	{"publicAccessBlock", "PublicAccessBlock", "NoSuchPublicAccessBlockConfiguration", "The public access block configuration was not found", false, http.StatusOK},
	{"ownershipControls", "BucketOwnershipControls", "OwnershipControlsNotFoundError", "The bucket ownership controls were not found", false, http.StatusOK},
}

func settingOf(r engine.Reader, bucket string, st setting) (string, error) {
	if _, err := bucketOf(r, bucket); err != nil {
		return "", err
	}
	var body string
	found := false
	err := each(r, func(scan func(...any) error) error {
		found = true
		return scan(&body)
	}, selectSetting, bucket, st.parameter)
	if err != nil {
		return "", err
	}
	if !found {
		return "", fault(http.StatusNotFound, st.code, st.message, "BucketName", bucket)
	}
	return body, nil
}

func (s *Service) putSetting(tx engine.Tx, bucket string, st setting, body string, c tasks.Caller) error {
	if _, err := bucketOf(tx, bucket); err != nil {
		return err
	}
	if _, err := exec(tx, upsertSetting, bucket, st.parameter, body); err != nil {
		return err
	}
	return s.changed(tx, Change{Operation: "Put" + st.operation, Bucket: bucket, Parameters: map[string]string{st.parameter: body}, Caller: c})
}

func (s *Service) deleteSetting(tx engine.Tx, bucket string, st setting, c tasks.Caller) error {
	if _, err := bucketOf(tx, bucket); err != nil {
		return err
	}
	if _, err := exec(tx, dropSetting, bucket, st.parameter); err != nil {
		return err
	}
	return s.changed(tx, Change{Operation: "Delete" + st.operation, Bucket: bucket, Caller: c})
}

// Setting returns a bucket's policy, website, cors, tagging, publicAccessBlock or
// ownershipControls as it was put, or the error that S3 has for a missing one.
func (s *Service) Setting(ctx context.Context, bucket, kind string) (string, error) {
	for _, st := range settings {
		if st.parameter != kind {
			continue
		}
		var body string
		err := s.host.Read(ctx, func(r engine.Reader) (err error) {
			body, err = settingOf(r, bucket, st)
			return err
		})
		return body, err
	}
	return "", notImplemented(kind)
}

func notImplemented(what string) *tasks.Error {
	return fault(http.StatusNotImplemented, "NotImplemented",
		"A header or parameter you provided implies functionality that is not implemented", "Header", cut(what))
}
