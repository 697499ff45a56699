package productvisits

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// lake is a bucket of the handler's own environment: what was put, by path.
func lake(t *testing.T) map[string]string {
	objects := map[string]string{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || r.Method != http.MethodPut || r.Header.Get("Content-Type") != "text/csv" || r.Header.Get("Content-Encoding") != "utf8" {
			http.Error(w, "not what a load looks like", http.StatusBadRequest)
			return
		}
		if !strings.Contains(r.Header.Get("Authorization"), "/us-east-1/s3/aws4_request") {
			http.Error(w, "not signed", http.StatusForbidden)
			return
		}
		objects[r.URL.Path] = string(body)
	}))
	t.Cleanup(server.Close)
	for k, v := range map[string]string{"AWS_ENDPOINT_URL_S3": "", "AWS_ENDPOINT_URL": server.URL, "AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_SESSION_TOKEN": "", "BUCKET": "lake"} {
		t.Setenv(k, v)
	}
	return objects
}

func TestSampleVisitsBecomeRows(t *testing.T) {
	objects := lake(t)
	for n, prefix := range map[int]string{
		1: "data/2026/03/21/16/c0a8f3d2-61b7-4c1e-8f2b-7f3a9d5e1b01/5b1f9f0e-2f0c-4f7e-9a55-0d8c1f6f2a11/",
		4: "data/2026/03/22/07/f3db0e65-94ea-4f41-9c5e-ac6dca8b4e04/ab3d2c56-9e77-4d2d-9f5e-5e9b3d1b4c14/",
		5: "data/2026/03/22/8:/a4ec1f76-a5fb-4052-8d6f-bd7edb9c5f05/bc4e3d67-af88-4e3e-8a6f-6fac4e2c5d15/",
	} {
		body, err := Files.ReadFile(fmt.Sprintf("visits/%d.json", n))
		if err != nil {
			t.Fatal(err)
		}
		event, _ := json.Marshal(map[string]any{"Records": []any{map[string]any{"body": string(body)}}})
		answer, err := DataHandler(t.Context(), event)
		if err != nil {
			t.Fatalf("visit %d: %v", n, err)
		}
		var item map[string]string
		if err := json.Unmarshal(answer, &item); err != nil || len(item) != 8 {
			t.Fatalf("visit %d: got %s, want eight strings", n, answer)
		}
		image := map[string]any{}
		for k, v := range item {
			image[k] = map[string]string{"S": v}
		}
		event, _ = json.Marshal(map[string]any{"Records": []any{map[string]any{"eventName": "INSERT", "dynamodb": map[string]any{"NewImage": image}}}})
		answer, err = DatalakeLoadingHandler(t.Context(), event)
		if err != nil {
			t.Fatalf("visit %d: %v", n, err)
		}
		var loaded Loaded
		if err := json.Unmarshal(answer, &loaded); err != nil {
			t.Fatal(err)
		}
		key := item["ProductVisitKey"]
		if got, want := loaded, (Loaded{"lake", prefix + key + ".csv"}); got != want {
			t.Errorf("visit %d: loaded %v, want %v", n, got, want)
		}
		row := objects["/lake/"+loaded.Key]
		if got := strings.Split(row, ","); len(got) != 8 || got[0] != key || got[7] != item["TimeOfVisit"] || got[4] != item["PricePerUnit"] {
			t.Errorf("visit %d: row %s", n, row)
		}
	}
}

func TestHandlersRefuse(t *testing.T) {
	for _, c := range []struct {
		handler     func() ([]byte, error)
		name, wants string
	}{
		{func() ([]byte, error) {
			return DataHandler(t.Context(), []byte(`{"Records":[{"body":"{\"ProductId\":\"x\"}"}]}`))
		}, "fields missing", "lacks ProductName, Category"},
		{func() ([]byte, error) { return DataHandler(t.Context(), []byte(`{"Records":[{"body":"no json"}]}`)) }, "body is no JSON", "no visit"},
		{func() ([]byte, error) { return DataHandler(t.Context(), []byte(`{"Records":[]}`)) }, "no record", "0 records"},
		{func() ([]byte, error) { return DataHandler(t.Context(), []byte(`nonsense`)) }, "event is no JSON", "no list of records"},
		{func() ([]byte, error) {
			return DatalakeLoadingHandler(t.Context(), []byte(`{"Records":[{"dynamodb":{"NewImage":{"PricePerUnit":{"N":"10"}}}}]}`))
		}, "a number stored", "lacks the strings ProductVisitKey"},
	} {
		_, err := c.handler()
		var invalid *InvalidVisit
		if !errors.As(err, &invalid) || !strings.Contains(invalid.Reason, c.wants) {
			t.Errorf("%s: got %v, want InvalidVisit with %q", c.name, err, c.wants)
		}
	}
}

// The example of "Authenticating Requests: Using the Authorization Header" in the
// S3 API reference has other headers; what is checked here is that the same
// request is signed the same way and a different one is not.
func TestSignatureDependsOnWhatIsSigned(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
	t.Setenv("AWS_SESSION_TOKEN", "")
	at := time.Date(2026, 3, 21, 16, 23, 42, 0, time.UTC)
	of := func(body, region string) string {
		req := httptest.NewRequest(http.MethodPut, "http://lake.example/lake/k", nil)
		sign(req, "/lake/k", []byte(body), region, at)
		return req.Header.Get("Authorization")
	}
	first := of("a,b", "us-east-1")
	if first != of("a,b", "us-east-1") {
		t.Error("the same request is signed differently")
	}
	if !strings.HasPrefix(first, "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20260321/us-east-1/s3/aws4_request, SignedHeaders=content-encoding;content-type;host;x-amz-content-sha256;x-amz-date, Signature=") {
		t.Errorf("got %s", first)
	}
	if first == of("a,c", "us-east-1") || first == of("a,b", "eu-west-1") {
		t.Error("another body or region has the same signature")
	}
}
