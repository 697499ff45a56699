package httptask

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"

	"millrace/asl/document"
	"millrace/engine"
	"millrace/engine/interp"
	"millrace/engine/leaktest"
	"millrace/integrations/wire/hosttest"
	"millrace/tasks"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// seen is a request as an API saw it.
type seen struct {
	Method, Path, Query, Body string
	Header                    http.Header
}

// api is an API over TLS that remembers its requests.
type api struct {
	*httptest.Server
	mu    sync.Mutex
	seen  []seen
	token int // how many tokens were given out
	paths map[string]http.HandlerFunc
}

func newAPI(t *testing.T) *api {
	a := &api{paths: map[string]http.HandlerFunc{}}
	a.Server = httptest.NewUnstartedServer(http.HandlerFunc(a.serve))
	a.Config.ErrorLog = log.New(io.Discard, "", 0)
	a.StartTLS()
	t.Cleanup(a.Close)
	return a
}

func (a *api) serve(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	a.mu.Lock()
	a.seen = append(a.seen, seen{r.Method, r.URL.Path, r.URL.RawQuery, string(body), r.Header})
	handler := a.paths[r.URL.Path]
	a.mu.Unlock()
	if handler != nil {
		handler(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	io.WriteString(w, `{"b":1,"a":2.50}`)
}

// requests are those for a path.
func (a *api) requests(path string) []seen {
	a.mu.Lock()
	defer a.mu.Unlock()
	var all []seen
	for _, s := range a.seen {
		if s.Path == path {
			all = append(all, s)
		}
	}
	return all
}

// tokens makes path an authorization endpoint that gives token-1, token-2, ...
func (a *api) tokens(path, lifetime string) {
	a.paths[path] = func(w http.ResponseWriter, _ *http.Request) {
		a.mu.Lock()
		a.token++
		n := a.token
		a.mu.Unlock()
		fmt.Fprintf(w, `{"access_token":"token-%d","token_type":"Bearer"%s}`, n, lifetime)
	}
}

// fixture is a service with an API.
type fixture struct {
	t   *testing.T
	h   *hosttest.Host
	s   *Service
	g   *tasks.Registry
	api *api
	ran int // follow-ups
}

func setup(t *testing.T) *fixture {
	f := &fixture{t: t, h: hosttest.New(t, Migrations()), api: newAPI(t)}
	f.serve(Options{Allow: Loopback})
	return f
}

// serve makes the service anew, as a restart does.
func (f *fixture) serve(o Options) {
	o.Roots = x509.NewCertPool()
	o.Roots.AddCert(f.api.Certificate())
	f.s = New(f.h, o)
	f.t.Cleanup(func() { f.s.Close() })
	f.g = tasks.NewRegistry(f.h)
	f.s.Register(f.g)
}

type m = map[string]any

// invoke runs an operation of connections.
func (f *fixture) invoke(operation string, in m) (m, error) {
	f.t.Helper()
	text, err := json.Marshal(in)
	if err != nil {
		f.t.Fatal(err)
	}
	service := &tasks.Service{Name: "events", Operations: f.s.Operations()}
	out, err := tasks.Invoke(context.Background(), f.h, service, operation, tasks.Caller{}, text)
	if err != nil {
		return nil, err
	}
	text, err = tasks.Encode(out, tasks.Form{})
	if err != nil {
		f.t.Fatal(err)
	}
	answer := m{}
	if err := json.Unmarshal(text, &answer); err != nil {
		f.t.Fatal(err)
	}
	return answer, nil
}

func (f *fixture) must(operation string, in m) m {
	f.t.Helper()
	out, err := f.invoke(operation, in)
	if err != nil {
		f.t.Fatalf("%s: %v", operation, err)
	}
	return out
}

// connect makes a connection and returns its ARN.
func (f *fixture) connect(name, kind string, auth m) string {
	f.t.Helper()
	return f.must("CreateConnection", m{"Name": name, "AuthorizationType": kind, "AuthParameters": auth})["ConnectionArn"].(string)
}

func apiKey() m {
	return m{"ApiKeyAuthParameters": m{"ApiKeyName": "x-key", "ApiKeyValue": "key-secret"}}
}

func (f *fixture) oauth(path string) m {
	return m{"OAuthParameters": m{
		"ClientParameters": m{"ClientID": "client", "ClientSecret": "client-secret"}, "AuthorizationEndpoint": f.api.URL + path, "HttpMethod": "POST",
		"OAuthHttpParameters": m{
			"BodyParameters":   []m{{"Key": "grant_type", "Value": "client_credentials"}, {"Key": "scope", "Value": "a b"}},
			"HeaderParameters": []m{{"Key": "x-tenant", "Value": "t1", "IsValueSecret": true}},
		},
	}}
}

// followUps runs the follow-ups that were enqueued since it was called before.
func (f *fixture) followUps() []interp.Outcome {
	f.t.Helper()
	var all []interp.Outcome
	for _, up := range f.h.Enqueued()[f.ran:] {
		f.ran++
		task, err := f.g.Resolve(up.Resource)
		if err != nil {
			f.t.Fatal(err)
		}
		o, err := task.(engine.RemoteAction).Call(context.Background(), engine.Call{Resource: up.Resource, Key: up.Key, Input: up.Input})
		if err != nil {
			f.t.Fatal(err)
		}
		all = append(all, o)
	}
	return all
}

const resource = "arn:aws:states:::http:invoke"

// call makes a task's call; API in the parameters stands for the API's URL.
func (f *fixture) call(parameters string) (interp.Outcome, error) {
	parameters = strings.ReplaceAll(parameters, "API", f.api.URL)
	return f.g.Call(context.Background(), engine.Call{Resource: resource, Key: "k", Input: json.RawMessage(parameters)})
}

// outcome is the output or the error and cause of a call, on a line.
func (f *fixture) outcome(parameters string) string {
	f.t.Helper()
	o, err := f.call(parameters)
	if err != nil {
		f.t.Fatal(err)
	}
	if !o.Failed {
		return o.Output.String()
	}
	if o.Cause == nil {
		return *o.Error
	}
	return *o.Error + ": " + *o.Cause
}

// get are the parameters of a GET of a path with a connection.
func get(path, connection string) string {
	return `{"ApiEndpoint":"API` + path + `","Method":"GET","InvocationConfig":{"ConnectionArn":"` + connection + `"}}`
}

func status(n int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(n)
		io.WriteString(w, `{"detail":"of the error"}`)
	}
}

func TestRequestsAsRecorded(t *testing.T) {
	f := setup(t)
	plain := f.connect("plain", apiKeyType, apiKey())
	full := f.connect("full", basicType, m{
		"BasicAuthParameters": m{"Username": "user", "Password": "pass"},
		"InvocationHttpParameters": m{
			"HeaderParameters":      []m{{"Key": "x-shared", "Value": "connection"}, {"Key": "x-secret", "Value": "hidden", "IsValueSecret": true}},
			"QueryStringParameters": []m{{"Key": "shared", "Value": "connection query"}, {"Key": "only", "Value": "query"}},
			"BodyParameters":        []m{{"Key": "shared", "Value": "connection"}, {"Key": "only", "Value": "body"}},
		},
	})
	const form = `"Headers":{"content-type":"application/x-www-form-urlencoded"},"RequestBody":{"shared":"task","items":["red green","blue+gold"],"nested":{"enabled":true,"count":2}},`
	encoding := func(arrays string) string {
		return form + `"Transform":{"RequestBodyEncoding":"URL_ENCODED","RequestEncodingOptions":{"ArrayFormat":"` + arrays + `"}}`
	}
	const queryOfFull = "shared=connection%20query&only=query"
	cases := map[string]struct {
		connection, method, parameters string
		query, body                    string
		header                         map[string]string // values joined by |; "": absent
	}{
		"merged": {full, "POST",
			`"Headers":{"X-Shared":"other case","x-shared":"task","x-task":"t","content-type":"application/json"},"QueryParameters":{"shared":"task","own":"a+b & c"},
			 "RequestBody":{"shared":{"nested":1},"own":[1,"two"]}`,
			"own=a%2Bb%20%26%20c&" + queryOfFull, `{"shared":"connection","own":[1,"two"],"only":"body"}`,
			map[string]string{"X-Shared": "connection|other case", "X-Task": "t", "X-Secret": "hidden", "Authorization": "Basic dXNlcjpwYXNz", "Content-Type": "application/json"}},
		"headers of every call": {plain, "GET", `"RequestBody":{}`, "", "{}",
			map[string]string{"User-Agent": "Amazon|StepFunctions|HttpInvoke|us-east-1", "Range": "bytes=0-262144", "Content-Type": "application/json; charset=UTF-8",
				"X-Key": "key-secret", "Content-Length": "2", "Accept-Encoding": "", "Authorization": "", "Connection": ""}},
		"no body":              {plain, "DELETE", `"RequestBody":null`, "", "", map[string]string{"Content-Type": "", "Content-Length": ""}},
		"the connection's own": {full, "PUT", `"Headers":{}`, queryOfFull, `{"shared":"connection","only":"body"}`, nil},
		"a string as it is":    {plain, "PATCH", `"Headers":{"Content-Type":"text/plain"},"RequestBody":"raw \"text\""`, "", `raw "text"`, map[string]string{"Content-Type": "text/plain"}},
		"numbers keep text":    {plain, "POST", `"RequestBody":{"b":1.50,"a":[10000000000000000001]}`, "", `{"b":1.50,"a":[10000000000000000001]}`, nil},
		"INDICES":              {full, "POST", encoding("INDICES"), queryOfFull, "shared=connection&items%5B0%5D=red%20green&items%5B1%5D=blue%2Bgold&nested%5Benabled%5D=true&nested%5Bcount%5D=2&only=body", nil},
		"REPEAT":               {full, "POST", encoding("REPEAT"), queryOfFull, "shared=connection&items=red%20green&items=blue%2Bgold&nested%5Benabled%5D=true&nested%5Bcount%5D=2&only=body", nil},
		"COMMAS":               {full, "POST", encoding("COMMAS"), queryOfFull, "shared=connection&items=red%20green%2Cblue%2Bgold&nested%5Benabled%5D=true&nested%5Bcount%5D=2&only=body", nil},
		"BRACKETS":             {full, "POST", encoding("BRACKETS"), queryOfFull, "shared=connection&items%5B%5D=red%20green&items%5B%5D=blue%2Bgold&nested%5Benabled%5D=true&nested%5Bcount%5D=2&only=body", nil},
		"NONE":                 {plain, "POST", encoding("NONE"), "", "shared=task&items=%5B%22red%20green%22%2C%22blue%2Bgold%22%5D&nested%5Benabled%5D=true&nested%5Bcount%5D=2", nil},
		"indices are usual": {plain, "POST", `"RequestBody":{"a":[{"b":null},"~-._*"]},"Transform":{"RequestBodyEncoding":"URL_ENCODED"}`, "", "a%5B0%5D%5Bb%5D=&a%5B1%5D=~-._%2A",
			map[string]string{"Content-Type": formType}},
		"one content type":        {full, "POST", `"Headers":{"Content-Type":["application/json"]},"RequestBody":{}`, queryOfFull, `{"shared":"connection","only":"body"}`, map[string]string{"Content-Type": "application/json"}},
		"lists of headers":        {plain, "GET", `"Headers":{"x-list":["a",2,true]}`, "", "", map[string]string{"X-List": "a|2|true"}},
		"lists of parameters":     {plain, "GET", `"QueryParameters":{"l":[1,2],"o":{"k":"v"},"n":null}`, "l=1&l=2&o%5Bk%5D=v&n=", "", nil},
		"a list of objects":       {plain, "GET", `"QueryParameters":[{"a":1},"b=c d"]`, "a=1&b=c%20d", "", nil},
		"parameters as a text":    {plain, "GET", `"QueryParameters":"?a=1%202&b"`, "a=1%202&b=", "", nil},
		"a key is not the task's": {plain, "GET", `"Headers":{"X-Key":"mine"}`, "", "", map[string]string{"X-Key": "key-secret"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			f.t = t
			path := "/r/" + strconv.Itoa(len(f.api.seen))
			got := f.outcome(`{"ApiEndpoint":"API` + path + `","Method":"` + c.method + `","Authentication":{"ConnectionArn":"` + c.connection + `"},` + c.parameters + `}`)
			all := f.api.requests(path)
			if len(all) != 1 {
				t.Fatalf("%d requests: %s", len(all), got)
			}
			r := all[0]
			if r.Method != c.method || r.Query != c.query || r.Body != c.body {
				t.Errorf("got  %s ?%s %s\nwant %s ?%s %s", r.Method, r.Query, r.Body, c.method, c.query, c.body)
			}
			for name, want := range c.header {
				if got := strings.Join(r.Header[name], "|"); got != want {
					t.Errorf("%s: got %q, want %q", name, got, want)
				}
			}
		})
	}
	if got := f.outcome(`{"ApiEndpoint":"API/q?x=%2F&y","Method":"GET","QueryParameters":{"z":1},"InvocationConfig":{"ConnectionArn":"` + plain + `"}}`); f.api.requests("/q")[0].Query != "x=%2F&y&z=1" {
		t.Errorf("the endpoint's own query: %+v, %s", f.api.requests("/q"), got)
	}
}

func TestAnswersAsRecorded(t *testing.T) {
	f := setup(t)
	arn := f.connect("c", apiKeyType, apiKey())
	answer := func(contentType, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Date"] = nil
			w.Header().Set("Content-Type", contentType)
			io.WriteString(w, body)
		}
	}
	large := strings.Repeat("x", maxBody)
	cases := map[string]struct {
		handler http.HandlerFunc
		want    string
	}{
		"JSON": {answer("application/json", `{"b":1,"a":2.50}`), `{"Headers":{"Content-Type":["application/json"],"Content-Length":["16"]},"ResponseBody":{"b":1,"a":2.50},"StatusCode":200,"StatusText":"OK"}`},
		"a kind of JSON": {answer("application/problem+json; charset=utf-8", `[1]`),
			`{"Headers":{"Content-Type":["application/problem+json; charset=utf-8"],"Content-Length":["3"]},"ResponseBody":[1],"StatusCode":200,"StatusText":"OK"}`},
		"text":             {answer("text/plain", "plain"), `{"Headers":{"Content-Type":["text/plain"],"Content-Length":["5"]},"ResponseBody":"plain","StatusCode":200,"StatusText":"OK"}`},
		"JSON as text":     {answer("text/plain", "{}"), `{"Headers":{"Content-Type":["text/plain"],"Content-Length":["2"]},"ResponseBody":"{}","StatusCode":200,"StatusText":"OK"}`},
		"not JSON":         {answer("application/json", "<html>"), `{"Headers":{"Content-Type":["application/json"],"Content-Length":["6"]},"ResponseBody":"<html>","StatusCode":200,"StatusText":"OK"}`},
		"another charset":  {answer("text/plain; charset=ISO-8859-1", "caf\xe9"), `{"Headers":{"Content-Type":["text/plain; charset=ISO-8859-1"],"Content-Length":["4"]},"ResponseBody":"café","StatusCode":200,"StatusText":"OK"}`},
		"no charset known": {answer("text/plain", "caf\xe9"), "States.Runtime: The response body cannot be read as a string: it is not valid UTF-8."},
		"binary":           {answer("application/octet-stream", "x"), "States.Runtime: Unsupported response content-type 'application/octet-stream'. Please see documentation for list of unsupported content-types."},
		"an image":         {answer("Image/PNG; q=1", "x"), "States.Runtime: Unsupported response content-type 'image/png'. Please see documentation for list of unsupported content-types."},
		"largest":          {answer("text/plain", large), `{"Headers":{"Content-Type":["text/plain"],"Transfer-Encoding":["chunked"]},"ResponseBody":"` + large + `","StatusCode":200,"StatusText":"OK"}`},
		"too large":        {answer("text/plain", large+"x"), "States.DataLimitExceeded: The state/task 'http' returned a result with a size exceeding the maximum number of bytes service limit."},
		"nothing": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Date"] = nil
			w.WriteHeader(204)
		}, `{"Headers":{},"StatusCode":204,"StatusText":"No Content"}`},
		"headers as they came": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Date"] = nil
			w.Header()["x-RateLimit-Left"] = []string{"1", "2"}
			w.Header()["ETag"] = []string{`"e"`}
			w.WriteHeader(http.StatusEarlyHints)
			w.WriteHeader(201)
		}, `{"Headers":{"ETag":["\"e\""],"x-RateLimit-Left":["1","2"],"Content-Length":["0"]},"StatusCode":201,"StatusText":"Created"}`},
		"an error":           {status(404), "States.Http.StatusCode.404: Not Found"},
		"another error":      {status(503), "States.Http.StatusCode.503: Service Unavailable"},
		"one without a text": {raw("HTTP/1.1 418 \r\nContent-Length: 0\r\n\r\n"), "States.Http.StatusCode.418"},
		"a text of its own":  {raw("HTTP/1.1 403 Go away\r\nContent-Length: 0\r\n\r\n"), "States.Http.StatusCode.403: Go away"},
		"no answer":          {raw(""), "States.Http.Socket: The HTTP call got no answer: EOF"},
		"half an answer":     {raw("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab"), "States.Http.Socket: The HTTP call got no answer: unexpected EOF"},
		"no HTTP":            {raw("+OK ready\r\n"), "States.Http.Socket: The HTTP call got no answer: malformed HTTP status code \"ready\""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			f.t = t
			f.api.mu.Lock()
			f.api.paths["/x"] = c.handler
			f.api.mu.Unlock()
			got := f.outcome(get("/x", arn))
			if got != c.want {
				t.Errorf("got  %.300s\nwant %.300s", got, c.want)
			}
		})
	}
}

// raw answers with text and closes the connection.
func raw(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(err)
		}
		io.WriteString(conn, text)
		conn.Close()
	}
}

func TestHeadIsAskedWithoutBody(t *testing.T) {
	f := setup(t)
	arn := f.connect("c", apiKeyType, apiKey())
	got := f.outcome(strings.Replace(get("/x", arn), "GET", "HEAD", 1))
	if !strings.Contains(got, `"Content-Type":["application/json"]`) || strings.Contains(got, "ResponseBody") {
		t.Errorf("got %s", got)
	}
}

func TestParametersThatStartNothing(t *testing.T) {
	f := setup(t)
	arn := f.connect("c", apiKeyType, apiKey())
	body := f.connect("body", apiKeyType, m{
		"ApiKeyAuthParameters":     m{"ApiKeyName": "k", "ApiKeyValue": "v"},
		"InvocationHttpParameters": m{"BodyParameters": []m{{"Key": "a", "Value": "b"}}},
	})
	with := func(more string) string {
		return `{"ApiEndpoint":"API/x","Method":"POST","InvocationConfig":{"ConnectionArn":"` + arn + `"},` + more + `}`
	}
	cases := map[string]struct{ parameters, want string }{
		"nothing": {`{}`, "The Parameters '{}' could not be used to start the Task: [The field 'InvocationConfig.ConnectionArn' is required but was missing, " +
			"The field 'Method' is required but was missing, The field 'ApiEndpoint' is required but was missing]"},
		"no object":           {`[1]`, "must be a JSON object"},
		"a wrong type":        {with(`"Transform":{"RequestBodyEncoding":1}`), "NUMBER_VALUE cannot be converted to String: Transform.RequestBodyEncoding"},
		"no URL":              {strings.Replace(get("", arn), "API", "example.com/x", 1), "The value for the 'ApiEndpoint' field is not valid: it is not a URL such as https://example.com/path"},
		"another scheme":      {strings.Replace(get("", arn), "API", "ftp://example.com", 1), "it begins with https://"},
		"credentials":         {strings.Replace(get("", arn), "API", "https://u:p@example.com", 1), "credentials belong into the connection"},
		"no host":             {strings.Replace(get("", arn), "API", "https:///x", 1), "it is not a URL such as https://"},
		"a method":            {strings.Replace(get("/x", arn), "GET", "get", 1), "The value for the 'Method' field is not valid: it is one of GET, POST"},
		"headers not allowed": {with(`"Headers":{"Authorization":"x","X-Amz-Date":"x","x-ok":"1","x-forwarded-for":"x","TE":"x"}`), "[The 'Headers' field contains unsupported values: [authorization, x-amz-date, x-forwarded-for, te]]"},
		"a header's value":    {with(`"Headers":{"x-a":"b\r\nc: d"}`), "the header x-a has a value that a header cannot have"},
		"a header's name":     {with(`"Headers":{"x a":"b"}`), "the header x a has a value that a header cannot have"},
		"a header's kind":     {with(`"Headers":{"x-a":{"b":1}}`), "the header x-a has a value that a header cannot have"},
		"headers as text":     {with(`"Headers":"a: b"`), "The value for the 'Headers' field is not valid: it is an object"},
		"query parameters":    {with(`"QueryParameters":5`), "The value for the 'QueryParameters' field is not valid"},
		"an encoding":         {with(`"Transform":{"RequestBodyEncoding":"XML"}`), "The value for the 'RequestBodyEncoding' field is not valid: it is NONE or URL_ENCODED"},
		"an array format":     {with(`"Transform":{"RequestEncodingOptions":{"ArrayFormat":"X"}}`), "The value for the 'ArrayFormat' field is not valid"},
		"a body not to merge": {strings.Replace(with(`"RequestBody":"text"`), arn, body, 1), "Cannot merge connection body authorization parameters with request body."},
		"a list not to merge": {strings.Replace(with(`"RequestBody":[1]`), arn, body, 1), "Cannot merge connection body authorization parameters with request body."},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			f.t = t
			if got := f.outcome(c.parameters); !strings.HasPrefix(got, "States.Runtime: ") || !strings.Contains(got, c.want) {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
	if len(f.api.seen) > 0 {
		t.Errorf("the API was called: %+v", f.api.seen)
	}
}

func TestOnlyRequestResponse(t *testing.T) {
	f := setup(t)
	for _, suffix := range []string{".sync", ".sync:2", ".waitForTaskToken"} {
		if _, err := f.g.Resolve(resource + suffix); err == nil || !strings.Contains(err.Error(), "is not recognized") {
			t.Errorf("%s: %v", suffix, err)
		}
	}
	task, err := f.g.Resolve(resource)
	if err != nil || task.Resource() != resource || task.(engine.RemoteAction).Lost() != engine.Repeat {
		t.Errorf("%v, %v", task, err)
	}
}

func TestTheExchangeIsToldOnRequest(t *testing.T) {
	f := setup(t)
	arn := f.connect("c", apiKeyType, m{
		"ApiKeyAuthParameters": m{"ApiKeyName": "x-key", "ApiKeyValue": "key-secret"},
		"InvocationHttpParameters": m{
			"QueryStringParameters": []m{{"Key": "q", "Value": "query-secret"}},
			"BodyParameters":        []m{{"Key": "b", "Value": "body-secret"}},
		},
	})
	f.api.paths["/x"] = func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Date"] = nil
		w.Header().Set("Content-Type", "text/plain")
		io.WriteString(w, "out")
	}
	parameters := strings.ReplaceAll(`{"ApiEndpoint":"API/x","Method":"POST","Headers":{"x-own":"1"},"QueryParameters":{"own":2},"RequestBody":{"own":3},"InvocationConfig":{"ConnectionArn":"`+arn+`"}}`, "API", f.api.URL)
	const always = `Content-Type: application/json; charset=UTF-8, Range: bytes=0-262144, User-Agent: Amazon|StepFunctions|HttpInvoke|us-east-1, `
	for reveal, want := range map[bool]string{
		false: `{"protocol":"https","method":"POST","url":"` + f.api.URL + `/x?own=2","headers":"[` + always + `X-Own: 1]","body":"{\"own\":3}"}`,
		true: `{"protocol":"https","method":"POST","url":"` + f.api.URL + `/x?own=2&q=query-secret","headers":"[` + always + `X-Key: key-secret, X-Own: 1]",` +
			`"body":"{\"own\":3,\"b\":\"body-secret\"}"}`,
	} {
		x := &tasks.Exchange{Reveal: reveal}
		if _, err := f.g.Call(tasks.WithExchange(context.Background(), x), engine.Call{Resource: resource, Input: json.RawMessage(parameters)}); err != nil {
			t.Fatal(err)
		}
		if got := string(document.Append(nil, x.Request)); got != want {
			t.Errorf("request, reveal %t:\ngot  %s\nwant %s", reveal, got, want)
		}
		const response = `{"protocol":"https","statusCode":"200","statusMessage":"OK","headers":"[Content-Type: text/plain, Content-Length: 3]","body":"out"}`
		if got := string(document.Append(nil, x.Response)); got != response {
			t.Errorf("response:\ngot  %s\nwant %s", got, response)
		}
	}
	f.api.Close()
	x := &tasks.Exchange{}
	if _, err := f.g.Call(tasks.WithExchange(context.Background(), x), engine.Call{Resource: resource, Input: json.RawMessage(parameters)}); err != nil || x.Request == nil || x.Response != nil {
		t.Errorf("no answer: %+v, %v", x, err)
	}
}
