package objectstore

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// upstream is the body of a put as the client meant it: unchunked, and checked
// against the lengths, digests and checksums that the request promises once it
// has been read to its end.
type upstream struct {
	r         io.Reader
	trailer   http.Header // filled at the end of a chunked body
	algorithm string      // of the checksum promised; "": none
	promised  string      // base64; "": it comes in the trailer
	md5       []byte      // Content-MD5
	sha256    []byte      // x-amz-content-sha256
	length    int64       // promised; -1: unknown
}

// openBody reads a request's promises.
func openBody(r *http.Request) (*upstream, error) {
	u := &upstream{length: r.ContentLength, trailer: http.Header{}}
	hash := r.Header.Get("x-amz-content-sha256")
	if strings.HasPrefix(hash, "STREAMING-") || hasCoding(r.Header.Get("Content-Encoding"), "aws-chunked") {
		u.length = -1
		if s := r.Header.Get("x-amz-decoded-content-length"); s != "" {
			n, err := strconv.ParseInt(s, 10, 64)
			if err != nil || n < 0 {
				return nil, invalidArgument("x-amz-decoded-content-length must be a length in bytes", "x-amz-decoded-content-length", s)
			}
			u.length = n
		}
		u.r = &chunkReader{r: bufio.NewReaderSize(r.Body, 32<<10), trailer: u.trailer}
	} else {
		u.r = r.Body
		if b, err := hex.DecodeString(hash); err == nil && len(b) == sha256.Size {
			u.sha256 = b
		}
		if u.length < 0 && r.Header.Get("Transfer-Encoding") == "" && len(r.TransferEncoding) == 0 {
			return nil, fault(http.StatusLengthRequired, "MissingContentLength", "You must provide the Content-Length HTTP header.")
		}
	}
	if u.length > maxBytes {
		return nil, fault(http.StatusBadRequest, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed size",
			"ProposedSize", itoa(u.length), "MaxSizeAllowed", itoa(maxBytes))
	}
	if s := r.Header.Get("Content-MD5"); s != "" {
		b, err := base64.StdEncoding.DecodeString(s)
		if err != nil || len(b) != 16 {
			return nil, fault(http.StatusBadRequest, "InvalidDigest", "The Content-MD5 you specified was invalid.", "Content-MD5", cut(s))
		}
		u.md5 = b
	}
	u.algorithm, u.promised = claimed(r.Header)
	if u.algorithm == "" {
		a := r.Header.Get("x-amz-trailer")
		a = strings.ToUpper(strings.TrimPrefix(strings.ToLower(strings.TrimSpace(a)), "x-amz-checksum-"))
		if knownAlgorithm(a) {
			u.algorithm = a
		}
	}
	if u.algorithm == "" {
		a := strings.ToUpper(r.Header.Get("x-amz-sdk-checksum-algorithm"))
		if knownAlgorithm(a) {
			u.algorithm = a
		}
	}
	return u, nil
}

// receive takes a request's body in and checks it. Content that fails a check is discarded.
func (s *Service) receive(r *http.Request) (*content, error) {
	u, err := openBody(r)
	if err != nil {
		return nil, err
	}
	body := &counting{r: io.LimitReader(u.r, maxBytes+1)}
	var sha hash.Hash
	if u.sha256 != nil {
		sha = sha256.New()
		body.r = io.TeeReader(body.r, sha)
	}
	c, err := s.files.write(body, u.algorithm)
	if err != nil {
		var e *chunkError
		if errors.As(err, &e) || body.err != nil {
			return nil, fault(http.StatusBadRequest, "IncompleteBody", "The request body terminated unexpectedly")
		}
		return nil, err
	}
	if err := u.check(c, sha); err != nil {
		c.discard()
		return nil, err
	}
	return c, nil
}

func (u *upstream) check(c *content, sha hash.Hash) error {
	if c.size > maxBytes {
		return fault(http.StatusBadRequest, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed size", "MaxSizeAllowed", itoa(maxBytes))
	}
	if u.length >= 0 && c.size != u.length {
		return fault(http.StatusBadRequest, "IncompleteBody", "You did not provide the number of bytes specified by the Content-Length HTTP header")
	}
	if u.md5 != nil && !bytes.Equal(u.md5, c.md5[:]) {
		return fault(http.StatusBadRequest, "BadDigest", "The Content-MD5 you specified did not match what we received.",
			"ExpectedDigest", base64.StdEncoding.EncodeToString(u.md5), "CalculatedDigest", base64.StdEncoding.EncodeToString(c.md5[:]))
	}
	if sha != nil && !bytes.Equal(sha.Sum(nil), u.sha256) {
		return fault(http.StatusBadRequest, "XAmzContentSHA256Mismatch", "The provided 'x-amz-content-sha256' header does not match what was computed.",
			"ClientComputedContentSHA256", hex.EncodeToString(u.sha256), "S3ComputedContentSHA256", hex.EncodeToString(sha.Sum(nil)))
	}
	promised := u.promised
	if promised == "" && u.algorithm != "" {
		promised = u.trailer.Get(checksumHeader(u.algorithm))
	}
	if promised != "" && promised != c.sums.value() {
		return fault(http.StatusBadRequest, "BadDigest", "The "+u.algorithm+" you specified did not match the calculated checksum.")
	}
	return nil
}

// counting remembers why the client's side of a read failed, to tell it from the disk's.
type counting struct {
	r   io.Reader
	err error
}

func (c *counting) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	if err != nil && err != io.EOF {
		c.err = err
	}
	return n, err
}

func hasCoding(header, coding string) bool {
	for _, c := range strings.Split(header, ",") {
		if strings.EqualFold(strings.TrimSpace(c), coding) {
			return true
		}
	}
	return false
}

// withoutCoding is a Content-Encoding as it is kept: aws-chunked was for the way.
func withoutCoding(header, coding string) string {
	if !hasCoding(header, coding) {
		return header
	}
	var rest []string
	for _, c := range strings.Split(header, ",") {
		if c = strings.TrimSpace(c); c != "" && !strings.EqualFold(c, coding) {
			rest = append(rest, c)
		}
	}
	return strings.Join(rest, ",")
}

// chunkError says what is wrong with an aws-chunked body.
type chunkError struct{ reason string }

func (e *chunkError) Error() string { return "aws-chunked body: " + e.reason }

// chunkReader reads the aws-chunked coding: chunks with their length in
// hexadecimal and perhaps a signature, then trailers. Signatures are not checked.
//
// Source: "Signature calculations for the authorization header: transferring
// payload in multiple chunks" of the Amazon S3 API reference.
type chunkReader struct {
	r       *bufio.Reader
	left    int64 // of the chunk
	started bool
	done    bool
	trailer http.Header
}

func (c *chunkReader) Read(p []byte) (int, error) {
	for c.left == 0 {
		if c.done {
			return 0, io.EOF
		}
		if err := c.next(); err != nil {
			return 0, err
		}
	}
	if int64(len(p)) > c.left {
		p = p[:c.left]
	}
	n, err := c.r.Read(p)
	c.left -= int64(n)
	if err == io.EOF {
		err = &chunkError{"ends inside a chunk"}
	}
	return n, err
}

// next reads the head of a chunk, and after the last one the trailers.
func (c *chunkReader) next() error {
	if c.started {
		if line, err := c.line(); err != nil {
			return err
		} else if line != "" {
			return &chunkError{"a chunk is longer than its head says"}
		}
	}
	c.started = true
	line, err := c.line()
	if err != nil {
		return err
	}
	size, _, _ := strings.Cut(line, ";")
	n, err := strconv.ParseUint(strings.TrimSpace(size), 16, 62)
	if err != nil {
		return &chunkError{"a chunk's length is not hexadecimal"}
	}
	if n > 0 {
		c.left = int64(n)
		return nil
	}
	c.done = true
	for range 32 {
		line, err := c.line()
		if err != nil {
			return err
		}
		if line == "" {
			return nil
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok {
			return &chunkError{"a trailer has no colon"}
		}
		c.trailer.Set(strings.TrimSpace(name), strings.TrimSpace(value))
	}
	return &chunkError{"too many trailers"}
}

// line reads up to CRLF. The end of the body ends a line too: clients leave the last CRLF out.
func (c *chunkReader) line() (string, error) {
	b, err := c.r.ReadSlice('\n')
	switch {
	case err == bufio.ErrBufferFull || len(b) > 8<<10:
		return "", &chunkError{"a line is too long"}
	case err == io.EOF && c.done:
		return strings.TrimRight(string(b), "\r\n"), nil
	case err != nil:
		return "", &chunkError{"ends before its last chunk"}
	}
	return strings.TrimRight(string(b), "\r\n"), nil
}
