package objectstore

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"millrace/engine"
	"millrace/engine/leaktest"
	"millrace/integrations/wire/hosttest"
	"millrace/tasks"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// open opens a store with a folder for large objects and a bucket b.
func open(t *testing.T, cfg Config) (*Service, *hosttest.Host) {
	t.Helper()
	h := hosttest.New(t, Migrations())
	s, err := Open(h, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	call(t, s, "CreateBucket", `{"Bucket":"bkt"}`)
	return s, h
}

// invoke runs an operation and returns its output as aws-sdk resources have it.
func invoke(s *Service, operation, in string) (string, error) {
	out, err := tasks.Invoke(context.Background(), s.host, s.service, operation, tasks.Caller{}, json.RawMessage(in))
	if err != nil {
		return "", err
	}
	text, err := tasks.Encode(out, tasks.Form{Times: tasks.ISO8601, Pascal: true})
	return string(text), err
}

func call(t *testing.T, s *Service, operation, in string) string {
	t.Helper()
	out, err := invoke(s, operation, in)
	if err != nil {
		t.Fatalf("%s %s: %v", operation, in, err)
	}
	return out
}

func codeOf(err error) string {
	if e := (*tasks.Error)(nil); errors.As(err, &e) {
		return e.Code
	}
	if err != nil {
		return "not a *tasks.Error: " + err.Error()
	}
	return ""
}

func put(t *testing.T, s *Service, key string, body []byte) Info {
	t.Helper()
	info, err := s.Write(context.Background(), Put{Bucket: "bkt", Key: key}, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return info
}

func get(t *testing.T, s *Service, key string) []byte {
	t.Helper()
	o, err := s.Read(context.Background(), "bkt", key, ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer o.Body.Close()
	body, err := io.ReadAll(o.Body)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func TestBucketNames(t *testing.T) {
	for name, want := range map[string]bool{
		"abc": true, "a-b.c": true, "0ab": true, strings.Repeat("a", 63): true,
		"ab": false, strings.Repeat("a", 64): false, "Abc": false, "a_b": false, "-ab": false, "ab-": false, ".ab": false,
		"a..b": false, "192.168.5.4": false, "xn--abc": false, "abc-s3alias": false, "sthree-a": false, "a/b": false, "": false,
	} {
		if got := checkBucketName(name) == nil; got != want {
			t.Errorf("%q: valid is %v, want %v", name, got, want)
		}
	}
}

// What task states get, as it was recorded on AWS.
func TestTaskResults(t *testing.T) {
	s, h := open(t, Config{})
	modified := h.Now().UTC().Truncate(time.Second).Format(time.RFC3339)
	for _, c := range []struct{ operation, in, want string }{
		{"PutObject", `{"Bucket":"bkt","Key":"k","Body":["List","Data"]}`,
			`{"ChecksumCRC32":"1F2MPA==","ChecksumType":"FULL_OBJECT","ETag":"\"6b23860357f6e63a0272b7f1143a663a\"","ServerSideEncryption":"AES256"}`},
		{"GetObject", `{"Bucket":"bkt","Key":"k"}`, `{"AcceptRanges":"bytes","ContentLength":15,"ContentType":"binary/octet-stream",` +
			`"ETag":"\"6b23860357f6e63a0272b7f1143a663a\"","LastModified":"` + modified + `","Metadata":{},"ServerSideEncryption":"AES256","Body":"[\"List\",\"Data\"]"}`},
		{"PutObject", `{"Bucket":"bkt","Key":"k","Body":"text data"}`,
			`{"ChecksumCRC32":"KUmHvQ==","ChecksumType":"FULL_OBJECT","ETag":"\"2b5df3712557f503a9977a8ea893b2c9\"","ServerSideEncryption":"AES256"}`},
		{"HeadObject", `{"Bucket":"bkt","Key":"k","Range":"bytes=1-4"}`, `{"AcceptRanges":"bytes","ContentLength":4,"ContentRange":"bytes 1-4/11",` +
			`"ContentType":"binary/octet-stream","ETag":"\"2b5df3712557f503a9977a8ea893b2c9\"","LastModified":"` + modified + `","Metadata":{},"ServerSideEncryption":"AES256"}`},
		{"CopyObject", `{"Bucket":"bkt","Key":"d/c","CopySource":"/bkt/k"}`,
			`{"CopyObjectResult":{"ETag":"\"2b5df3712557f503a9977a8ea893b2c9\"","LastModified":"` + modified + `"},"ServerSideEncryption":"AES256"}`},
		{"ListObjectsV2", `{"Bucket":"bkt","Delimiter":"/","MaxKeys":1}`, `{"CommonPrefixes":[{"Prefix":"d/"}],"Delimiter":"/","IsTruncated":true,"KeyCount":1,` +
			`"MaxKeys":1,"Name":"bkt","NextContinuationToken":"MWQw","Prefix":""}`},
		{"ListObjects", `{"Bucket":"bkt","Prefix":"k"}`, `{"Contents":[{"ChecksumAlgorithm":["CRC32"],"ChecksumType":"FULL_OBJECT","ETag":"\"2b5df3712557f503a9977a8ea893b2c9\"",` +
			`"Key":"k","LastModified":"` + modified + `","Size":11,"StorageClass":"STANDARD"}],"IsTruncated":false,"Marker":"","MaxKeys":1000,"Name":"bkt","Prefix":"k"}`},
		{"DeleteObject", `{"Bucket":"bkt","Key":"k"}`, `{}`},
		{"DeleteObjects", `{"Bucket":"bkt","Delete":{"Objects":[{"Key":"d/c"},{"Key":""},{"Key":"none"}]}}`,
			`{"Deleted":[{"Key":"d/c"},{"Key":"none"}],"Errors":[{"Code":"InvalidRequest","Key":"","Message":"Key is required"}]}`},
		{"DeleteBucket", `{"Bucket":"bkt"}`, `{}`},
		{"CreateBucket", `{"Bucket":"bkt"}`, `{"Location":"/bkt"}`},
	} {
		if got := call(t, s, c.operation, c.in); got != c.want {
			t.Errorf("%s %s\n got %s\nwant %s", c.operation, c.in, got, c.want)
		}
	}
}

func TestErrors(t *testing.T) {
	s, _ := open(t, Config{})
	put(t, s, "k", []byte("12345"))
	for _, c := range []struct{ operation, in, want string }{
		{"GetObject", `{"Bucket":"none","Key":"k"}`, "NoSuchBucket"},
		{"ListObjects", `{"Bucket":"someNonexistentBucketName"}`, "NoSuchBucket"},
		{"GetObject", `{"Bucket":"bkt","Key":"none"}`, "NoSuchKey"},
		{"HeadObject", `{"Bucket":"bkt","Key":"none"}`, "NoSuchKey"},
		{"GetObject", `{"Bucket":"bkt","Key":"k","Range":"bytes=5-"}`, "InvalidRange"},
		{"GetObject", `{"Bucket":"bkt","Key":"k","IfMatch":"\"x\""}`, "PreconditionFailed"},
		{"PutObject", `{"Bucket":"bkt","Key":"k","Body":1,"IfNoneMatch":"*"}`, "PreconditionFailed"},
		{"PutObject", `{"Bucket":"bkt","Key":"new","Body":1,"IfMatch":"\"x\""}`, "NoSuchKey"},
		{"PutObject", `{"Bucket":"none","Key":"k","Body":1}`, "NoSuchBucket"},
		{"PutObject", `{"Bucket":"bkt","Key":"` + strings.Repeat("k", 1025) + `"}`, "KeyTooLongError"},
		{"PutObject", `{"Bucket":"bkt","Body":1}`, "InvalidRequest"},
		{"PutObject", `{"Bucket":"bkt","Key":"k","ChecksumAlgorithm":"MD4"}`, "InvalidArgument"},
		{"CopyObject", `{"Bucket":"bkt","Key":"c","CopySource":"bkt"}`, "InvalidArgument"},
		{"CopyObject", `{"Bucket":"bkt","Key":"c","CopySource":"bkt/none"}`, "NoSuchKey"},
		{"CopyObject", `{"Bucket":"bkt","Key":"k","CopySource":"bkt/k"}`, "InvalidRequest"},
		{"CopyObject", `{"Bucket":"bkt","Key":"c","CopySource":"bkt/k","CopySourceIfNoneMatch":"*"}`, "PreconditionFailed"},
		{"DeleteBucket", `{"Bucket":"bkt"}`, "BucketNotEmpty"},
		{"DeleteObjects", `{"Bucket":"bkt","Delete":{"Objects":[]}}`, "MalformedXML"},
		{"CreateBucket", `{"Bucket":"No"}`, "InvalidBucketName"},
		{"ListObjectsV2", `{"Bucket":"bkt","ContinuationToken":"?"}`, "InvalidArgument"},
		{"ListObjectsV2", `{"Bucket":"bkt","MaxKeys":-1}`, "InvalidArgument"},
		{"GetObject", `{"Bucket":1}`, "SerializationException"},
	} {
		if _, err := invoke(s, c.operation, c.in); codeOf(err) != c.want {
			t.Errorf("%s %.80s: got %q, want %s", c.operation, c.in, codeOf(err), c.want)
		}
	}
	if got := string(get(t, s, "k")); got != "12345" {
		t.Errorf("after refused writes the object is %q", got)
	}
}

func TestErrorsOfResources(t *testing.T) {
	s, h := open(t, Config{})
	g := tasks.NewRegistry(h)
	g.Add(s.Service())
	for _, c := range []struct{ resource, in, name, cause string }{
		{"listObjects", `{"Bucket":"someNonexistentBucketName"}`, "S3.NoSuchBucketException", "The specified bucket does not exist (Service: S3, Status Code: 404, Request ID: "},
		{"getObject", `{"Bucket":"bkt","Key":"none"}`, "S3.NoSuchKeyException", "The specified key does not exist. (Service: S3, Status Code: 404, Request ID: "},
		{"getObject", `{"Bucket":"bkt","Key":""}`, "S3.NoSuchKeyException", "The specified key does not exist."},
		{"listObjects", `{"Bucket":"bkt","MaxKeys":-1}`, "S3.S3Exception", "Argument maxKeys must be an integer between 0 and 2147483647 (Service: S3, Status Code: 400, "},
	} {
		task, err := g.Resolve("arn:aws:states:::aws-sdk:s3:" + c.resource)
		if err != nil {
			t.Fatal(err)
		}
		var name, cause string
		err = h.Read(t.Context(), func(r engine.Reader) error {
			out, err := task.(engine.ReadAction).Read(t.Context(), r, engine.Call{Key: "k", Input: json.RawMessage(c.in)})
			if err == nil && out.Failed {
				name, cause = *out.Error, *out.Cause
			}
			return err
		})
		if err != nil || name != c.name || !strings.HasPrefix(cause, c.cause) || !strings.Contains(cause, ", Extended Request ID: ") {
			t.Errorf("%s %s: got %s, %s, %v", c.resource, c.in, name, cause, err)
		}
	}
}

func TestSpan(t *testing.T) {
	for _, c := range []struct {
		header  string
		size    int64
		from, n int64
		partial bool
		code    string
	}{
		{"", 10, 0, 10, false, ""}, {"bytes=0-3", 10, 0, 4, true, ""}, {"bytes=4-", 10, 4, 6, true, ""}, {"bytes=-3", 10, 7, 3, true, ""}, {"bytes=-30", 10, 0, 10, true, ""},
		{"bytes=8-99", 10, 8, 2, true, ""}, {"bytes=10-", 10, 0, 0, false, "InvalidRange"}, {"bytes=-0", 10, 0, 0, false, "InvalidRange"}, {"bytes=0-", 0, 0, 0, false, "InvalidRange"},
		{"bytes=3-2", 10, 0, 10, false, ""}, {"bytes=0-1,3-4", 10, 0, 10, false, ""}, {"items=0-1", 10, 0, 10, false, ""}, {"bytes=x-1", 10, 0, 10, false, ""}, {"bytes=5", 10, 0, 10, false, ""},
	} {
		from, n, partial, err := span(c.header, c.size)
		if from != c.from || n != c.n || partial != c.partial || codeOf(err) != c.code {
			t.Errorf("%q of %d: got %d, %d, %v, %v", c.header, c.size, from, n, partial, err)
		}
	}
}

func TestConditionsOfReads(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	o := &Info{ETag: "abc", Modified: at}
	for name, c := range map[string]struct {
		cond Conditions
		want string
	}{
		"none":                            {Conditions{}, ""},
		"match":                           {Conditions{Match: `"x", "abc"`}, ""},
		"no match":                        {Conditions{Match: `"x"`}, "PreconditionFailed"},
		"none match":                      {Conditions{NoneMatch: `W/"abc"`}, "NotModified"},
		"not modified since":              {Conditions{ModifiedSince: at}, "NotModified"},
		"modified since":                  {Conditions{ModifiedSince: at.Add(-time.Second)}, ""},
		"unmodified since":                {Conditions{UnmodifiedSince: at}, ""},
		"modified after all":              {Conditions{UnmodifiedSince: at.Add(-time.Second)}, "PreconditionFailed"},
		"match beats unmodified since":    {Conditions{Match: "abc", UnmodifiedSince: at.Add(-time.Hour)}, ""},
		"none match beats modified since": {Conditions{NoneMatch: "x", ModifiedSince: at}, ""},
	} {
		if got := codeOf(c.cond.allowRead(o)); got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}

func TestList(t *testing.T) {
	s, _ := open(t, Config{})
	for _, k := range []string{"a", "a/1", "a/2", "a/b/3", "a0", "b/x", "c", "ü/1", "ü/2"} {
		put(t, s, k, nil)
	}
	for _, c := range []struct {
		name string
		opt  ListOptions
		want string
	}{
		{"all, in order of bytes", ListOptions{}, "a a/1 a/2 a/b/3 a0 b/x c ü/1 ü/2"},
		{"prefix", ListOptions{Prefix: "a/"}, "a/1 a/2 a/b/3"},
		{"delimiter", ListOptions{Delimiter: "/"}, "a a0 c | a/ b/ ü/"},
		{"prefix and delimiter", ListOptions{Prefix: "a/", Delimiter: "/"}, "a/1 a/2 | a/b/"},
		{"prefix that is a delimiter's", ListOptions{Prefix: "ü", Delimiter: "/"}, "| ü/"},
		{"after", ListOptions{After: "a/2"}, "a/b/3 a0 b/x c ü/1 ü/2"},
		{"after a common prefix", ListOptions{After: "b/", Delimiter: "/"}, "c | ü/"},
		{"after, before the prefix", ListOptions{After: "a", Prefix: "b"}, "b/x"},
		{"none", ListOptions{Max: -1}, ""},
		{"nothing fits", ListOptions{Prefix: "zz"}, ""},
	} {
		for _, page := range []int{0, 1, 2, 3} {
			opt := c.opt
			if opt.Max == 0 {
				opt.Max = page
			}
			var keys, prefixes []string
			for {
				l, err := s.List(context.Background(), "bkt", opt)
				if err != nil {
					t.Fatalf("%s: %v", c.name, err)
				}
				if page > 0 && len(l.Objects)+len(l.Prefixes) > page {
					t.Fatalf("%s: a page of %d has %d items", c.name, page, len(l.Objects)+len(l.Prefixes))
				}
				for _, o := range l.Objects {
					keys = append(keys, o.Key)
				}
				prefixes = append(prefixes, l.Prefixes...)
				if l.Next == "" {
					break
				}
				opt.Token = l.Next
			}
			got := strings.Join(keys, " ")
			if len(prefixes) > 0 {
				got = strings.TrimSpace(got + " | " + strings.Join(prefixes, " "))
			}
			if got != c.want {
				t.Errorf("%s, pages of %d: got %q, want %q", c.name, page, got, c.want)
			}
		}
	}
}

func TestListRollsUpAcrossBatches(t *testing.T) {
	s, h := open(t, Config{})
	var want []string
	err := h.Do(t.Context(), nil, func(tx engine.Tx) error {
		want = nil
		for i := range 3 * leastBatch {
			for j := range i % 4 * 20 { // none, and more than a batch together
				if _, err := s.WriteTx(tx, Put{Bucket: "bkt", Key: fmt.Sprintf("%04d/%02d", i, j)}, nil); err != nil {
					return err
				}
			}
			if i%4 > 0 {
				want = append(want, fmt.Sprintf("%04d/", i))
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range []int{1, 7, 1000} {
		var got []string
		opt := ListOptions{Delimiter: "/", Max: page}
		for {
			l, err := s.List(t.Context(), "bkt", opt)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, l.Prefixes...)
			if opt.Token = l.Next; l.Next == "" {
				break
			}
		}
		if strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("pages of %d: got %v, want %v", page, got, want)
		}
	}
}

// filesIn lists the files of large objects.
func filesIn(t *testing.T, dir string) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			all = append(all, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestLargeObjectsAreFilesAndGoWithTheirLastRow(t *testing.T) {
	dir := t.TempDir()
	s, _ := open(t, Config{Dir: dir, Inline: 10})
	large := bytes.Repeat([]byte("0123456789"), 100000)
	put(t, s, "small", large[:10])
	if n := len(filesIn(t, dir)); n != 0 {
		t.Fatalf("%d files for an object that fits the row", n)
	}
	put(t, s, "large", large)
	call(t, s, "CopyObject", `{"Bucket":"bkt","Key":"copy","CopySource":"bkt/large"}`)
	if n := len(filesIn(t, dir)); n != 1 {
		t.Fatalf("%d files for an object and its copy, want 1", n)
	}
	call(t, s, "DeleteObject", `{"Bucket":"bkt","Key":"large"}`)
	s.files.empty()
	if got := get(t, s, "copy"); !bytes.Equal(got, large) {
		t.Fatalf("the copy has %d bytes, want %d", len(got), len(large))
	}
	o, err := s.Read(context.Background(), "bkt", "copy", ReadOptions{Range: "bytes=5-8"})
	if err != nil {
		t.Fatal(err)
	}
	put(t, s, "copy", large[:5])
	s.files.empty()
	if got, err := io.ReadAll(o.Body); string(got) != "5678" || err != nil {
		t.Errorf("an open object changed under its reader: %q, %v", got, err)
	}
	o.Body.Close()
	if err := s.Close(); err != nil { // waits for the removal
		t.Fatal(err)
	}
	if left := filesIn(t, dir); len(left) != 0 {
		t.Errorf("left over: %v", left)
	}
}

func TestSweepRemovesOldOrphansOnly(t *testing.T) {
	dir := t.TempDir()
	s, h := open(t, Config{Dir: dir, Inline: 1})
	put(t, s, "kept", []byte("kept"))
	kept := filesIn(t, dir)[0]
	for range 2 {
		if _, err := s.files.write(strings.NewReader("orphan"), ""); err != nil {
			t.Fatal(err)
		}
	}
	var young string
	old := time.Now().Add(-2 * orphanAge)
	for _, f := range filesIn(t, dir) {
		if f != kept && young == "" {
			young = f
			continue
		}
		if err := os.Chtimes(f, old, old); err != nil {
			t.Fatal(err)
		}
	}
	half := filepath.Join(dir, "incoming", strings.Repeat("0", 32))
	if err := os.WriteFile(half, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(half, old, old); err != nil {
		t.Fatal(err)
	}
	s.files.sweep(context.Background(), h)
	got := map[string]bool{}
	for _, f := range filesIn(t, dir) {
		got[f] = true
	}
	if len(got) != 2 || !got[kept] || !got[young] {
		t.Errorf("left: %v; want %s and %s", got, kept, young)
	}
}

// recorder remembers changes and can refuse them.
type recorder struct {
	changes []Change
	err     error
}

func (r *recorder) Changed(_ engine.Tx, c Change) error {
	r.changes = append(r.changes, c)
	return r.err
}

func TestObserverIsPartOfTheUnit(t *testing.T) {
	r, dir := &recorder{}, t.TempDir()
	s, _ := open(t, Config{Observer: r, Dir: dir, Inline: 1})
	put(t, s, "k", []byte("v"))
	call(t, s, "CopyObject", `{"Bucket":"bkt","Key":"c","CopySource":"bkt/k"}`)
	call(t, s, "DeleteObject", `{"Bucket":"bkt","Key":"k"}`)
	var got []string
	for _, c := range r.changes {
		got = append(got, c.Operation+" "+c.Bucket+" "+c.Key)
	}
	if got, want := strings.Join(got, ", "), "CreateBucket bkt , PutObject bkt k, CopyObject bkt c, DeleteObject bkt k"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	r.err = errors.New("no")
	if _, err := s.Write(context.Background(), Put{Bucket: "bkt", Key: "large"}, strings.NewReader("large")); !errors.Is(err, r.err) {
		t.Errorf("got %v, want the observer's error", err)
	}
	if _, err := s.Stat(context.Background(), "bkt", "large"); codeOf(err) != "NoSuchKey" {
		t.Errorf("the put is there although its unit failed: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if left := filesIn(t, dir); len(left) != 0 {
		t.Errorf("the failed put left %v", left)
	}
}
