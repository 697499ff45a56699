package wire

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"millrace/engine"
	"millrace/tasks"
)

// echo is a service whose one operation answers, or fails, as its input says.
func echo() *tasks.Service {
	type input struct {
		Name  string            `json:"Name"`
		Count int               `json:"Count"`
		Flag  bool              `json:"Flag"`
		List  []string          `json:"List"`
		Map   map[string]string `json:"Map"`
		Fail  string            `json:"Fail"`
		Inner *struct {
			Text string `json:"Text"`
		} `json:"Inner"`
	}
	return &tasks.Service{Name: "echo", Operations: []tasks.Operation{{
		Name: "Echo",
		Wait: func(_ context.Context, c tasks.Caller, in json.RawMessage) (any, error) {
			var i input
			if err := Decode(in, &i); err != nil {
				return nil, err
			}
			switch i.Fail {
			case "":
			case "busy":
				return nil, fmt.Errorf("commit: %w", engine.ErrBusy)
			case "server":
				return nil, errors.New("a secret of the server")
			default:
				return nil, &tasks.Error{Code: i.Fail, Message: "It failed.", Status: 409, Fields: map[string]any{"Item": 7}}
			}
			return struct {
				input
				At     time.Time `json:"At"`
				Source string    `json:"Source"`
			}{i, time.UnixMilli(1500), c.Source}, nil
		},
	}}}
}

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

func do(h http.Handler, method, path, body string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestJSON(t *testing.T) {
	h := JSON(nil, echo(), JSONOptions{Version: "1.1", Namespace: "com.example", Query: map[string]string{"Old": "AWS.Old"}, CRC32: true, MaxBody: 1 << 10, Log: quiet()})
	w := do(h, "POST", "/", `{"Name":"<a>","Count":2}`, "X-Amz-Target", "Echo_2020.Echo")
	want := `{"Name":"<a>","Count":2,"Flag":false,"List":[],"Map":{},"Fail":"","Inner":null,"At":1.5,"Source":"192.0.2.1"}`
	if got := w.Body.String(); w.Code != 200 || got != want {
		t.Errorf("got %d %s\nwant %s", w.Code, got, want)
	}
	header := w.Result().Header
	if got := header.Get("Content-Type"); got != "application/x-amz-json-1.1" {
		t.Errorf("content type %s", got)
	}
	if got, want := header.Get("X-Amz-Crc32"), strconv.Itoa(int(crc32.ChecksumIEEE(w.Body.Bytes()))); got != want {
		t.Errorf("checksum %s, want %s", got, want)
	}
	if header.Get("X-Amzn-Requestid") == "" {
		t.Error("no request id")
	}
	for _, c := range []struct {
		method, target, body string
		status               int
		want, query          string
	}{
		{"POST", "E.Echo", `{"Fail":"Old"}`, 409, `{"Item":7,"__type":"com.example#Old","message":"It failed."}`, "AWS.Old;Sender"},
		{"POST", "E.Echo", `{"Fail":"New"}`, 409, `{"Item":7,"__type":"com.example#New","message":"It failed."}`, "New;Sender"},
		{"POST", "E.Echo", `{"Fail":"busy"}`, 503, `{"__type":"com.example#ServiceUnavailable","message":"The service is busy: try again."}`, "ServiceUnavailable;Receiver"},
		{"POST", "E.Echo", `{"Fail":"server"}`, 500, `{"__type":"com.example#InternalFailure","message":"The server could not do this: its log says why."}`, "InternalFailure;Receiver"},
		{"POST", "E.Nope", `{}`, 400, `{"__type":"com.example#UnknownOperationException","message":"The service echo has no operation \"Nope\"."}`, ""},
		{"POST", "", `{}`, 400, `{"__type":"com.example#MissingAction","message":"The request has no X-Amz-Target header, which names the operation."}`, ""},
		{"GET", "E.Echo", ``, 405, `{"__type":"com.example#MethodNotAllowed","message":"The service echo takes POST requests only."}`, ""},
		{"POST", "E.Echo", `{`, 400, `{"__type":"com.example#SerializationException","message":"The request body is not JSON: `, ""},
		{"POST", "E.Echo", `[]`, 400, `{"__type":"com.example#SerializationException","message":"The request body must be a JSON object."}`, ""},
		{"POST", "E.Echo", `{"Count":"2"}`, 400, `{"__type":"com.example#SerializationException","message":"STRING_VALUE cannot be converted to Integer: Count"}`, ""},
		{"POST", "E.Echo", strings.Repeat(" ", 1025), 413, `{"__type":"com.example#RequestEntityTooLarge","message":"The request body is longer than 1 KiB."}`, ""},
	} {
		w := do(h, c.method, "/", c.body, "X-Amz-Target", c.target)
		if got := w.Body.String(); w.Code != c.status || !strings.HasPrefix(got, c.want) {
			t.Errorf("%s %.40s: got %d %s\nwant %d %s", c.target, c.body, w.Code, got, c.status, c.want)
		}
		if got := w.Header().Get("X-Amzn-Query-Error"); c.query != "" && got != c.query {
			t.Errorf("%s %s: query error %s, want %s", c.target, c.body, got, c.query)
		}
	}
	if w := do(h, "POST", "/", "", "X-Amz-Target", "E.Echo"); w.Code != 200 {
		t.Errorf("an empty body: %d", w.Code)
	}
}

func TestREST(t *testing.T) {
	h := REST(nil, echo(), []Route{
		{Method: "POST", Path: "/v1/things/{Name}", Operation: "Echo", Status: 201, Query: map[string]string{"count": "Count#", "flag": "Flag?", "list": "List[]"}, Header: map[string]string{"X-Fail": "Fail"}},
		{Method: "DELETE", Path: "/v1/things/{Name}", Operation: "Echo", Status: 204},
		{Method: "GET", Path: "/v1/rest/{Name+}", Operation: "Echo"},
	}, RESTOptions{Log: quiet()})
	for _, c := range []struct {
		method, path, body, fail string
		status                   int
		want                     string
	}{
		{"POST", "/v1/things/a%2Fb/?count=2&flag=true&list=x&list=y", `{"Map":{"k":"v"}}`, "", 201, `{"Name":"a/b","Count":2,"Flag":true,"List":["x","y"],"Map":{"k":"v"}`},
		{"GET", "/v1/rest/a/b%20c", ``, "", 200, `{"Name":"a/b c"`},
		{"DELETE", "/v1/things/a", ``, "", 204, ``},
		{"POST", "/v1/things/a?count=x", ``, "", 400, `{"message":"count: \"x\" is not a number"}`},
		{"POST", "/v1/things/a", `[]`, "", 400, `{"message":"The request body must be a JSON object."}`},
		{"POST", "/v1/things/a", ``, "Conflict", 409, `{"Item":7,"message":"It failed."}`},
		{"PATCH", "/v1/things/a", ``, "", 405, `{"message":"The method PATCH is not allowed here."}`},
		{"GET", "/v1/none", ``, "", 404, `{"message":"The service echo has no such path."}`},
		{"POST", "/v1/things/", ``, "", 404, `{`},
	} {
		w := do(h, c.method, c.path, c.body, "X-Fail", c.fail)
		if got := w.Body.String(); w.Code != c.status || !strings.HasPrefix(got, c.want) {
			t.Errorf("%s %s: got %d %s\nwant %d %s", c.method, c.path, w.Code, got, c.status, c.want)
		}
		if c.fail != "" && w.Header().Get("X-Amzn-Errortype") != c.fail {
			t.Errorf("%s %s: error type %s", c.method, c.path, w.Header().Get("X-Amzn-Errortype"))
		}
	}
}

func TestQuery(t *testing.T) {
	h := Query(nil, echo(), QueryOptions{
		Namespace: "http://example/", Codes: map[string]string{"New": "Old.New"}, Log: quiet(),
		Shapes: map[string]Shape{"Count": {Kind: Number}, "Flag": {Kind: Boolean}, "List": {Kind: List}, "Map": {Kind: Map}},
	})
	w := do(h, "POST", "/", "Action=Echo&Name=a%26b&Count=2&Flag=true&List.member.2=y&List.member.1=x&List.member.10=z&Map.entry.1.key=k&Map.entry.1.value=v&Inner.Text=%0D", "Content-Type", "application/x-www-form-urlencoded")
	want := `<EchoResponse xmlns="http://example/"><EchoResult><Name>a&amp;b</Name><Count>2</Count><Flag>true</Flag>` +
		`<List><member>x</member><member>y</member><member>z</member></List><Map><entry><key>k</key><value>v</value></entry></Map>` +
		`<Fail></Fail><Inner><Text>&#13;</Text></Inner><At>1970-01-01T00:00:01.5Z</At><Source>192.0.2.1</Source></EchoResult><ResponseMetadata><RequestId>`
	if got := w.Body.String(); w.Code != 200 || !strings.Contains(got, want) {
		t.Errorf("got %d %s\nwant %s", w.Code, got, want)
	}
	if w := do(h, "GET", "/?Action=Echo&Fail=New", ""); w.Code != 409 || !strings.Contains(w.Body.String(), "<Code>Old.New</Code><Message>It failed.</Message>") {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
	if w := do(h, "GET", "/?Action=Echo&"+strings.Repeat("a.", 20)+"a=1", ""); w.Code != 400 {
		t.Errorf("a deep parameter: %d %s", w.Code, w.Body)
	}
}

func TestXML(t *testing.T) {
	w := httptest.NewRecorder()
	WriteXMLError(w, "id", "/b/<k>", &tasks.Error{Code: "NoSuchKey", Message: "no \x01 key", Status: 404}, "Key", `"k"`)
	want := `<Error><Code>NoSuchKey</Code><Message>no ` + "\uFFFD" + ` key</Message><Key>&quot;k&quot;</Key><Resource>/b/&lt;k&gt;</Resource><RequestId>id</RequestId></Error>`
	if got := w.Body.String(); w.Code != 404 || !strings.HasSuffix(got, want) {
		t.Errorf("got %d %s\nwant %s", w.Code, got, want)
	}
}

// A client that hangs up while it waits is no trouble of the server's.
func TestARequestThatWasGivenUpIsNotLogged(t *testing.T) {
	for _, c := range []struct {
		err    error
		status int
		logs   bool
	}{
		{fmt.Errorf("wait for a message: %w", context.Canceled), 503, false},
		{errors.New("a secret of the server"), 500, true},
	} {
		var log strings.Builder
		e := ErrorOf(c.err, slog.New(slog.NewTextHandler(&log, nil)), "echo Echo")
		if e.Status != c.status || log.Len() > 0 != c.logs {
			t.Errorf("%v: got %d and the log %q, want %d and a log: %t", c.err, e.Status, log.String(), c.status, c.logs)
		}
	}
}
