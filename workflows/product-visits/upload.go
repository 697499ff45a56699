package productvisits

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

// upload puts a CSV object into a bucket with the environment's credentials, as
// every function has them: PutObject of the S3 API, signed with Signature
// Version 4. AWS_ENDPOINT_URL_S3 and AWS_ENDPOINT_URL lead to another endpoint
// than AWS's.
func upload(ctx context.Context, bucket, key string, body []byte) error {
	region := env("AWS_REGION", "AWS_DEFAULT_REGION")
	if region == "" {
		return errors.New("AWS_REGION is not set")
	}
	endpoint := env("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
	if endpoint == "" {
		endpoint = "https://s3." + region + ".amazonaws.com"
	}
	target, err := url.Parse(endpoint)
	if err != nil {
		return fmt.Errorf("endpoint %q: %w", endpoint, err)
	}
	target.Path, target.RawPath = "/"+bucket+"/"+key, "/"+escape(bucket)+"/"+escape(key)
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, target.String(), bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "text/csv")
	req.Header.Set("Content-Encoding", "utf8")
	sign(req, target.RawPath, body, region, time.Now().UTC())
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("put s3://%s/%s: %w", bucket, key, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 2000))
		return fmt.Errorf("put s3://%s/%s: %s: %s", bucket, key, resp.Status, text)
	}
	return nil
}

// sign adds Signature Version 4 for S3 to a request without a query. Without
// credentials the request stays as it is.
//
// Source: "Signature Version 4 signing process" of the AWS general reference.
func sign(req *http.Request, path string, body []byte, region string, now time.Time) {
	id, secret := os.Getenv("AWS_ACCESS_KEY_ID"), os.Getenv("AWS_SECRET_ACCESS_KEY")
	if id == "" || secret == "" {
		return
	}
	date, day := now.Format("20060102T150405Z"), now.Format("20060102")
	hash := hexHash(body)
	req.Header.Set("X-Amz-Date", date)
	req.Header.Set("X-Amz-Content-Sha256", hash)
	names := []string{"content-encoding", "content-type", "host", "x-amz-content-sha256", "x-amz-date"}
	if token := os.Getenv("AWS_SESSION_TOKEN"); token != "" {
		req.Header.Set("X-Amz-Security-Token", token)
		names = append(names, "x-amz-security-token")
	}
	var headers strings.Builder
	for _, n := range names {
		v := req.Header.Get(n)
		if n == "host" {
			v = req.URL.Host
		}
		headers.WriteString(n + ":" + v + "\n")
	}
	signed := strings.Join(names, ";")
	canonical := strings.Join([]string{req.Method, path, "", headers.String(), signed, hash}, "\n")
	scope := day + "/" + region + "/s3/aws4_request"
	key := []byte("AWS4" + secret)
	for _, part := range []string{day, region, "s3", "aws4_request"} {
		key = mac(key, part)
	}
	signature := hex.EncodeToString(mac(key, "AWS4-HMAC-SHA256\n"+date+"\n"+scope+"\n"+hexHash([]byte(canonical))))
	req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+id+"/"+scope+", SignedHeaders="+signed+", Signature="+signature)
}

func hexHash(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

// escape writes a key as S3 signs it: everything but unreserved characters and
// slashes in percent form.
func escape(key string) string {
	var b strings.Builder
	for _, c := range []byte(key) {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-._~/", c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// env returns the first of the variables that is set.
func env(names ...string) string {
	for _, n := range names {
		if v := os.Getenv(n); v != "" {
			return v
		}
	}
	return ""
}
