package objectstore

import (
	"bytes"
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"millrace/integrations/wire/hosttest"
)

// send sends a request as it stands: target is not cleaned. Headers come in pairs.
func send(t *testing.T, s *Service, method, target, body string, header ...string) *http.Response {
	t.Helper()
	r := httptest.NewRequest(method, "http://127.0.0.1:4566"+target, strings.NewReader(body))
	for i := 0; i < len(header); i += 2 {
		if header[i] == "Host" {
			r.Host = header[i+1]
		} else {
			r.Header.Set(header[i], header[i+1])
		}
	}
	w := httptest.NewRecorder()
	s.Front().Handler.ServeHTTP(w, r)
	return w.Result()
}

func text(t *testing.T, r *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestKeysAreVerbatim(t *testing.T) {
	s, _ := open(t, Config{})
	for target, key := range map[string]string{
		"/bkt/data/2023/01/31/22/8:/x.csv": "data/2023/01/31/22/8:/x.csv", "/bkt//a//b": "/a//b", "/bkt/a/../b": "a/../b", "/bkt/a%2Fb%20c+d": "a/b c+d",
		"/bkt/%2e": ".", "/bkt/dir/": "dir/", "/bkt/%C3%BC?x-id=PutObject": "ü", "/bkt/a%252F": "a%2F",
	} {
		if r := send(t, s, "PUT", target, key); r.StatusCode != 200 {
			t.Errorf("PUT %s: %s", target, text(t, r))
		} else if got := string(get(t, s, key)); got != key {
			t.Errorf("%s is not the key %q", target, key)
		}
	}
}

func TestHosts(t *testing.T) {
	for host, want := range map[string]string{
		"127.0.0.1:4566": "", "localhost": "", "s3.localhost:4566": "", "s3.us-east-1.amazonaws.com": "", "bkt.s3.localhost:4566": "bkt",
		"bkt.s3.amazonaws.com": "bkt", "a.b.s3.eu-west-1.amazonaws.com": "a.b", "bkt.s3-us-west-2.amazonaws.com": "bkt",
		"bkt.s3-website-us-east-1.amazonaws.com": "", "[::1]:4566": "",
	} {
		if got := hostBucket(host); got != want {
			t.Errorf("%s: got %q, want %q", host, got, want)
		}
	}
	s, _ := open(t, Config{})
	if r := send(t, s, "PUT", "/k//x", "v", "Host", "bkt.s3.localhost:4566"); r.StatusCode != 200 || string(get(t, s, "k//x")) != "v" {
		t.Errorf("virtual host style: %d", r.StatusCode)
	}
}

func TestPutAndGetKeepHeaders(t *testing.T) {
	s, _ := open(t, Config{})

	r := send(t, s, "PUT", "/bkt/k", "a,b", "Content-Type", "text/csv", "Content-Encoding", "utf8", "Cache-Control", "no-store", "x-amz-meta-Visit", "1")
	if got, want := r.Header.Get("ETag"), `"`+hex.EncodeToString(md5sum("a,b"))+`"`; r.StatusCode != 200 || got != want {
		t.Fatalf("%d, ETag %s, want %s", r.StatusCode, got, want)
	}
	r = send(t, s, "GET", "/bkt/k", "")
	for name, want := range map[string]string{"Content-Type": "text/csv", "Content-Encoding": "utf8", "Cache-Control": "no-store",
		"Content-Length": "3", "Accept-Ranges": "bytes", "x-amz-server-side-encryption": "AES256"} {
		if got := r.Header.Get(name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	name := strings.ToLower(metaPrefix) + "visit"
	if got := r.Header[name]; len(got) != 1 || got[0] != "1" { // clients take the name as it is spelled
		t.Errorf("metadata: got %v in %v", got, r.Header)
	}
	r = send(t, s, "GET", "/bkt/k", "", "Range", "bytes=2-1")
	if text(t, r); r.StatusCode != 200 || r.Header.Get("Content-Range") != "" {
		t.Errorf("what is no range: %d %q", r.StatusCode, r.Header.Get("Content-Range"))
	}
	r = send(t, s, "GET", "/bkt/k", "", "Range", "bytes=1-1")
	if got := text(t, r); got != "," || r.StatusCode != 206 || r.Header.Get("Content-Range") != "bytes 1-1/3" {
		t.Errorf("range: %d %q %q", r.StatusCode, got, r.Header.Get("Content-Range"))
	}
	r = send(t, s, "GET", "/bkt/k", "", "If-None-Match", r.Header.Get("ETag"))
	if r.StatusCode != 304 || r.Header.Get("ETag") == "" || r.Header.Get("Last-Modified") == "" {
		t.Errorf("not modified: %d %v", r.StatusCode, r.Header)
	}
	if r = send(t, s, "GET", "/bkt/k?response-content-type=text/plain", ""); r.Header.Get("Content-Type") != "text/plain" {
		t.Errorf("override: %v", r.Header)
	}
	if r = send(t, s, "HEAD", "/bkt/none", ""); r.StatusCode != 404 || text(t, r) != "" {
		t.Errorf("HEAD of nothing: %d", r.StatusCode)
	}
}

func md5sum(s string) []byte {
	sum := md5.Sum([]byte(s))
	return sum[:]
}

func TestDigestsAreChecked(t *testing.T) {
	s, _ := open(t, Config{Dir: t.TempDir(), Inline: 1})
	good := base64.StdEncoding.EncodeToString(md5sum("abc"))
	for name, c := range map[string]struct {
		header []string
		want   string
	}{
		"right MD5":       {[]string{"Content-MD5", good}, ""},
		"wrong MD5":       {[]string{"Content-MD5", "AAAAAAAAAAAAAAAAAAAAAA=="}, "BadDigest"},
		"no MD5":          {[]string{"Content-MD5", "abc"}, "InvalidDigest"},
		"right CRC32":     {[]string{"x-amz-checksum-crc32", "NSRBwg=="}, ""},
		"wrong CRC32":     {[]string{"x-amz-checksum-crc32", "AAAAAA=="}, "BadDigest"},
		"right CRC64NVME": {[]string{"x-amz-checksum-crc64nvme", "BeXKuz/B+us="}, ""},
		"wrong SHA-256":   {[]string{"x-amz-content-sha256", strings.Repeat("0", 64)}, "XAmzContentSHA256Mismatch"},
		"customer's key":  {[]string{"x-amz-server-side-encryption-customer-algorithm", "AES256"}, "NotImplemented"},
		"ACL":             {[]string{"x-amz-acl", "public-read"}, "AccessControlListNotSupported"},
		"much metadata":   {[]string{"x-amz-meta-m", strings.Repeat("m", 2048)}, "MetadataTooLarge"},
	} {
		r := send(t, s, "PUT", "/bkt/"+strings.ReplaceAll(name, " ", "-"), "abc", c.header...)
		if got := errorCode(text(t, r)); got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
	// The check value of CRC-64/NVME.
	c := newChecksums("")
	io.WriteString(c, "123456789")
	if got, want := hex.EncodeToString(c.Sum(nil)), "ae8b14860a799888"; got != want {
		t.Errorf("CRC64NVME: got %s, want %s", got, want)
	}
}

var codeElement = regexp.MustCompile(`<Code>(\w+)</Code>`)

func errorCode(body string) string {
	if m := codeElement.FindStringSubmatch(body); m != nil {
		return m[1]
	}
	return ""
}

func TestChunkedBodies(t *testing.T) {
	s, _ := open(t, Config{})
	crc := "x-amz-checksum-crc32:NSRBwg==\r\n"
	for name, c := range map[string]struct{ body, length, want string }{
		"trailer":            {"3\r\nabc\r\n0\r\n" + crc + "\r\n", "3", ""},
		"two chunks":         {"1\r\na\r\n2\r\nbc\r\n0\r\n" + crc + "\r\n", "3", ""},
		"signed chunks":      {"3;chunk-signature=00\r\nabc\r\n0;chunk-signature=00\r\n\r\n", "3", ""},
		"no last line":       {"3\r\nabc\r\n0\r\n" + crc, "3", ""},
		"wrong trailer":      {"3\r\nabc\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n", "3", "BadDigest"},
		"wrong length":       {"3\r\nabc\r\n0\r\n\r\n", "4", "IncompleteBody"},
		"cut in a chunk":     {"5\r\nabc", "5", "IncompleteBody"},
		"cut between chunks": {"3\r\nabc\r\n", "3", "IncompleteBody"},
		"chunk too long":     {"2\r\nabc\r\n0\r\n\r\n", "3", "IncompleteBody"},
		"no hexadecimal":     {"zz\r\nabc\r\n0\r\n\r\n", "3", "IncompleteBody"},
		"negative":           {"-1\r\nabc\r\n0\r\n\r\n", "3", "IncompleteBody"},
		"endless line":       {strings.Repeat("1", 40000), "3", "IncompleteBody"},
	} {
		r := send(t, s, "PUT", "/bkt/k", c.body, "x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "Content-Encoding", "aws-chunked",
			"x-amz-decoded-content-length", c.length, "x-amz-trailer", "x-amz-checksum-crc32")
		got := errorCode(text(t, r))
		if got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
		if c.want == "" && string(get(t, s, "k")) != "abc" {
			t.Errorf("%s: stored %q", name, get(t, s, "k"))
		}
	}
	if r := send(t, s, "GET", "/bkt/k", ""); r.Header.Get("Content-Encoding") != "" {
		t.Errorf("aws-chunked was kept: %q", r.Header.Get("Content-Encoding"))
	}
}

func TestListsOnTheWire(t *testing.T) {
	s, _ := open(t, Config{})
	for _, k := range []string{"a b", "d/é", "d/+"} {
		put(t, s, k, []byte("x"))
	}
	got := text(t, send(t, s, "GET", "/bkt?list-type=2&encoding-type=url&delimiter=%2F&max-keys=1", ""))
	for _, want := range []string{"<Key>a+b</Key>", "<IsTruncated>true</IsTruncated>", "<KeyCount>1</KeyCount>", "<NextContinuationToken>", "<Delimiter>/</Delimiter>"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s in %s", want, got)
		}
	}
	got = text(t, send(t, s, "GET", "/bkt/?prefix=d/&encoding-type=url", ""))
	for _, want := range []string{"<Key>d/%2B</Key>", "<Key>d/%C3%A9</Key>", "<Marker></Marker>", "<Owner><ID>"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s in %s", want, got)
		}
	}
	for target, want := range map[string]string{
		"/bkt?list-type=2&max-keys=x": "InvalidArgument", "/bkt?list-type=2&continuation-token=": "InvalidArgument", "/none": "NoSuchBucket",
		"/bkt?policy": "NoSuchBucketPolicy", "/bkt?lifecycle": "NoSuchLifecycleConfiguration", "/bkt?acl": "NotImplemented", "/bkt?a=%zz": "InvalidURI",
		"/bkt/k?versionId=1": "NotImplemented", "/bkt/none": "NoSuchKey", "/bkt/%ff": "NoSuchKey",
	} {
		if got := errorCode(text(t, send(t, s, "GET", target, ""))); got != want {
			t.Errorf("GET %s: got %q, want %q", target, got, want)
		}
	}
}

func TestSettingsAreKeptVerbatim(t *testing.T) {
	r := &recorder{}
	s, _ := open(t, Config{Observer: r})
	policy := `{ "Version":"2012-10-17" }`
	if r := send(t, s, "PUT", "/bkt?policy", policy); r.StatusCode != 204 {
		t.Fatal(text(t, r))
	}
	if got := text(t, send(t, s, "GET", "/bkt?policy", "")); got != policy {
		t.Errorf("got %s", got)
	}
	if last := r.changes[len(r.changes)-1]; last.Operation != "PutBucketPolicy" || last.Parameters["policy"] != policy {
		t.Errorf("the observer saw %+v", last)
	}
	for target, want := range map[string]string{"/bkt?policy": "MalformedPolicy", "/bkt?website": "MalformedXML", "/none?cors": "NoSuchBucket", "/bkt?versioning": "NotImplemented"} {
		body := "<"
		if strings.HasPrefix(target, "/none") {
			body = "<CORSConfiguration/>"
		}
		if got := errorCode(text(t, send(t, s, "PUT", target, body))); got != want {
			t.Errorf("PUT %s: got %q, want %q", target, got, want)
		}
	}
	send(t, s, "DELETE", "/bkt?policy", "")
	if _, err := s.Setting(t.Context(), "bkt", "policy"); codeOf(err) != "NoSuchBucketPolicy" {
		t.Errorf("a deleted policy: %v", err)
	}
}

func TestMultipartUpload(t *testing.T) {
	for name, cfg := range map[string]Config{"in files": {Dir: t.TempDir()}, "in rows": {}} {
		t.Run(name, func(t *testing.T) {
			s, _ := open(t, cfg)
			started := text(t, send(t, s, "POST", "/bkt/m?uploads", "", "Content-Type", "text/x", "x-amz-meta-a", "1"))
			id := regexp.MustCompile(`<UploadId>(\w+)<`).FindStringSubmatch(started)[1]
			first := strings.Repeat("x", minPart)
			tags := map[int]string{}
			for n, body := range map[int]string{1: first, 2: "end", 3: "unused"} {
				r := send(t, s, "PUT", fmt.Sprintf("/bkt/m?partNumber=%d&uploadId=%s", n, id), body)
				tags[n] = r.Header.Get("ETag")
			}
			send(t, s, "PUT", "/bkt/m?partNumber=2&uploadId="+id, "END")
			tags[2] = `"` + hex.EncodeToString(md5sum("END")) + `"`
			part := func(n int, tag string) string {
				return fmt.Sprintf("<Part><PartNumber>%d</PartNumber><ETag>%s</ETag></Part>", n, tag)
			}
			finish := func(parts string) *http.Response {
				return send(t, s, "POST", "/bkt/m?uploadId="+id, "<CompleteMultipartUpload>"+parts+"</CompleteMultipartUpload>")
			}
			for parts, want := range map[string]string{
				"": "MalformedXML", part(1, tags[1]) + part(2, `"00"`): "InvalidPart", part(2, tags[2]) + part(1, tags[1]): "EntityTooSmall",
				part(1, tags[1]) + part(1, tags[1]): "InvalidPartOrder", part(9, tags[1]): "InvalidPart",
			} {
				if got := errorCode(text(t, finish(parts))); got != want {
					t.Errorf("%s: got %q, want %q", parts, got, want)
				}
			}
			r := finish(part(1, tags[1]) + part(2, tags[2]))
			if r.StatusCode != 200 {
				t.Fatal(text(t, r))
			}
			if got := get(t, s, "m"); !bytes.Equal(got, []byte(first+"END")) {
				t.Errorf("%d bytes", len(got))
			}
			info, err := s.Stat(t.Context(), "bkt", "m")
			want := hex.EncodeToString(md5sum(string(md5sum(first))+string(md5sum("END")))) + "-2"
			if err != nil || info.ETag != want || info.Headers.ContentType != "text/x" || info.Metadata["a"] != "1" {
				t.Errorf("got %+v, %v; want the ETag %s", info, err, want)
			}
			if got := errorCode(text(t, finish(part(1, tags[1])))); got != "NoSuchUpload" {
				t.Errorf("completed twice: %q", got)
			}
			if cfg.Dir != "" {
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
				if n := len(filesIn(t, cfg.Dir)); n != 1 {
					t.Errorf("%d files, want the object's alone", n)
				}
			}
		})
	}
}

func TestBoto(t *testing.T) {
	s, _ := open(t, Config{Dir: t.TempDir(), Inline: 100})
	hosttest.Boto(t, s.Front().Handler, `
import io
c = client("s3")
c.create_bucket(Bucket="site")
key = "data/2023/01/31/22/8:/a b+c//é.csv"
put = c.put_object(Bucket="site", Key=key, Body=b"x,y", ContentEncoding="utf8", ContentType="text/csv", Metadata={"Visit": "1"})
got = c.get_object(Bucket="site", Key=key)
assert got["Body"].read() == b"x,y" and got["ContentEncoding"] == "utf8" and got["Metadata"] == {"visit": "1"} and got["ETag"] == put["ETag"], got
large = os.urandom(17 << 20)
c.upload_fileobj(io.BytesIO(large), "site", "large")
back = io.BytesIO()
c.download_fileobj("site", "large", back)
assert back.getvalue() == large
assert c.head_object(Bucket="site", Key="large")["ETag"].endswith('-3"')
c.copy_object(Bucket="site", Key="copy", CopySource={"Bucket": "site", "Key": key})
keys = [o["Key"] for p in c.get_paginator("list_objects_v2").paginate(Bucket="site", PaginationConfig={"PageSize": 1}) for o in p["Contents"]]
assert keys == ["copy", key, "large"], keys
assert [p["Prefix"] for p in c.list_objects(Bucket="site", Delimiter="/")["CommonPrefixes"]] == ["data/"]
refused("NoSuchKey", c.get_object, Bucket="site", Key="none")
refused("404", c.head_object, Bucket="site", Key="none")
refused("NoSuchBucket", c.list_objects_v2, Bucket="none")
refused("BucketNotEmpty", c.delete_bucket, Bucket="site")
refused("PreconditionFailed", c.put_object, Bucket="site", Key="copy", Body=b"", IfNoneMatch="*")
assert refused("304", c.get_object, Bucket="site", Key=key, IfNoneMatch=put["ETag"])["ResponseMetadata"]["HTTPStatusCode"] == 304
assert len(c.delete_objects(Bucket="site", Delete={"Objects": [{"Key": k} for k in keys]})["Deleted"]) == 3
c.delete_bucket(Bucket="site")
assert [b["Name"] for b in c.list_buckets()["Buckets"]] == ["bkt"]
`)
}
