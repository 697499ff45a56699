package api

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"millrace/integrations/wire"
)

// named answers with its name and the body that reached it.
func named(name string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		io.WriteString(w, name+" "+string(b))
	})
}

func testEndpoint(t *testing.T) *Endpoint {
	t.Helper()
	e, err := NewEndpoint([]wire.Front{
		{Service: "states", Scopes: []string{"states"}, Targets: []string{"AWSStepFunctions"}, Handler: named("states")},
		{Service: "sqs", Scopes: []string{"sqs"}, Targets: []string{"AmazonSQS"}, QueryVersions: []string{"2012-11-05"}, Handler: named("sqs")},
		{Service: "sns", Scopes: []string{"sns"}, QueryVersions: []string{"2010-03-31"}, Handler: named("sns")},
		{Service: "cloudtrail", Scopes: []string{"cloudtrail"}, Targets: []string{"com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101"}, Handler: named("cloudtrail")},
		{Service: "lambda", Scopes: []string{"lambda"}, PathPrefixes: []string{"/2015-03-31/"}, Handler: named("lambda")},
		{Service: "tags", PathPrefixes: []string{"/2015-03-31/tags/"}, Handler: named("tags")},
		{Service: "s3", Scopes: []string{"s3"}, Handler: named("s3")},
		{Service: "broken", Scopes: []string{"broken"}, Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("broken") })},
	}, slog.New(slog.NewTextHandler(io.Discard, nil)))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func signed(scope string) string {
	return "AWS4-HMAC-SHA256 Credential=AKID/20261124/us-east-1/" + scope + "/aws4_request, SignedHeaders=host, Signature=00"
}

func TestRequestsFindTheirService(t *testing.T) {
	e := testEndpoint(t)
	const form = "application/x-www-form-urlencoded; charset=utf-8"
	for _, c := range []struct {
		name, method, url string
		headers           [][2]string
		body, want        string
	}{
		{"by target", "POST", "/", [][2]string{{"X-Amz-Target", "AWSStepFunctions.ListStateMachines"}}, "{}", "states {}"},
		{"by a target with dots", "POST", "/", [][2]string{{"X-Amz-Target", "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.ListTrails"}}, "", "cloudtrail "},
		{"target before scope", "POST", "/", [][2]string{{"X-Amz-Target", "AmazonSQS.SendMessage"}, {"Authorization", signed("s3")}}, "", "sqs "},
		{"by a form's version", "POST", "/", [][2]string{{"Content-Type", form}}, "Action=Publish&Version=2010-03-31", "sns Action=Publish&Version=2010-03-31"},
		{"version before scope", "POST", "/123/q", [][2]string{{"Content-Type", form}, {"Authorization", signed("sns")}}, "Action=SendMessage&Version=2012-11-05", "sqs Action=SendMessage&Version=2012-11-05"},
		{"by a query's version", "GET", "/?Action=ConfirmSubscription&Version=2010-03-31", nil, "", "sns "},
		{"a form of no version by scope", "POST", "/b", [][2]string{{"Content-Type", form}, {"Authorization", signed("s3")}}, "a=b", "s3 a=b"},
		{"by scope", "PUT", "/b/k", [][2]string{{"Authorization", signed("s3")}}, "x", "s3 x"},
		{"by a presigned scope", "GET", "/b/k?X-Amz-Credential=AKID%2F20261124%2Fus-east-1%2Fs3%2Faws4_request", nil, "", "s3 "},
		{"a key with slashes", "POST", "/x", [][2]string{{"Authorization", strings.Replace(signed("lambda"), "AKID", "a/b/c", 1)}}, "", "lambda "},
		{"scope before path", "GET", "/2015-03-31/functions", [][2]string{{"Authorization", signed("s3")}}, "", "s3 "},
		{"the older signature", "GET", "/2015-03-31/functions", [][2]string{{"Authorization", "AWS AKID:signature"}}, "", "s3 "},
		{"by path", "POST", "/2015-03-31/functions/f/invocations", nil, "{}", "lambda {}"},
		{"by the longer path", "GET", "/2015-03-31/tags/x", nil, "", "tags "},
		{"anonymous reads", "GET", "/bucket/index.html", nil, "", "s3 "},
		{"any host", "GET", "http://sync-states.example.com/bucket/", nil, "", "s3 "},
	} {
		r := httptest.NewRequest(c.method, c.url, strings.NewReader(c.body))
		for _, h := range c.headers {
			r.Header.Set(h[0], h[1])
		}
		w := httptest.NewRecorder()
		e.ServeHTTP(w, r)
		if got := w.Body.String(); w.Code != 200 || got != c.want {
			t.Errorf("%s: got %d %q, want %q", c.name, w.Code, got, c.want)
		}
	}
}

func TestRequestsForNoService(t *testing.T) {
	e := testEndpoint(t)
	for _, c := range []struct {
		name    string
		headers [][2]string
		body    string
		status  int
		code    string
	}{
		{"an unknown target", [][2]string{{"X-Amz-Target", "Coffee.Make"}}, "", 400, "UnknownOperationException"},
		{"a target without a dot", [][2]string{{"X-Amz-Target", "Coffee"}}, "", 400, "UnknownOperationException"},
		{"an unknown scope", [][2]string{{"Authorization", signed("coffee")}}, "", 400, "UnknownService"},
		{"a giant form", [][2]string{{"Content-Type", "application/x-www-form-urlencoded"}}, strings.Repeat("a", maxForm+1), 413, "RequestEntityTooLarge"},
		{"a service that breaks", [][2]string{{"Authorization", signed("broken")}}, "", 500, "InternalFailure"},
	} {
		r := httptest.NewRequest("POST", "/", strings.NewReader(c.body))
		for _, h := range c.headers {
			r.Header.Set(h[0], h[1])
		}
		w := httptest.NewRecorder()
		e.ServeHTTP(w, r)
		var answer struct {
			Type string `json:"__type"`
		}
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || w.Code != c.status || answer.Type != c.code {
			t.Errorf("%s: got %d %q, want %d %s", c.name, w.Code, w.Body, c.status, c.code)
		}
	}
}

func TestForeignPagesChangeNothing(t *testing.T) {
	e := testEndpoint(t)
	const invoke, act = "/2015-03-31/functions", "/?Action=DeleteQueue&Version=2012-11-05"
	for _, c := range []struct {
		name, method, url string
		headers           [][2]string
		status            int
	}{
		{"a form of another site", "POST", invoke, [][2]string{{"Origin", "https://evil.example"}, {"Content-Type", "text/plain"}}, 403},
		{"a sandboxed page", "POST", invoke, [][2]string{{"Origin", "null"}}, 403},
		{"a name that was made to lead here", "POST", "http://evil.example:4566" + invoke, [][2]string{{"Origin", "http://evil.example:4566"}}, 403},
		{"a name like a loopback one", "PUT", "/bucket/key", [][2]string{{"Origin", "http://localhost.evil.example"}}, 403},
		{"a picture that acts", "GET", act, [][2]string{{"Sec-Fetch-Site", "cross-site"}}, 403},
		{"a picture", "GET", "/bucket/picture.png", [][2]string{{"Sec-Fetch-Site", "cross-site"}}, 200},
		{"a page of this machine", "POST", invoke, [][2]string{{"Origin", "http://localhost:3000"}, {"Sec-Fetch-Site", "same-site"}}, 200},
		{"a page of a loopback address", "POST", invoke, [][2]string{{"Origin", "http://[::1]:3000"}}, 200},
		{"a link that was typed in", "GET", act, [][2]string{{"Sec-Fetch-Site", "none"}}, 200},
		{"no browser", "POST", "http://sqs.us-east-1.amazonaws.com/", nil, 200},
	} {
		r := httptest.NewRequest(c.method, c.url, strings.NewReader("{}"))
		for _, h := range c.headers {
			r.Header.Set(h[0], h[1])
		}
		w := httptest.NewRecorder()
		e.ServeHTTP(w, r)
		if w.Code != c.status {
			t.Errorf("%s: got %d %q, want %d", c.name, w.Code, w.Body, c.status)
		}
	}
}

func TestTwoFrontsWithOneClaim(t *testing.T) {
	for name, f := range map[string]wire.Front{
		"target":  {Targets: []string{"T"}},
		"version": {QueryVersions: []string{"V"}},
		"path":    {PathPrefixes: []string{"/p/"}},
	} {
		f.Handler = named(name)
		if _, err := NewEndpoint([]wire.Front{f, f}, nil); err == nil {
			t.Errorf("%s: two fronts with one %s were accepted", name, name)
		}
	}
}
