package httptask

import (
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"millrace/asl/document"
	"millrace/tasks"
)

// maxBody is the most bytes of a response's body.
const maxBody = 256 << 10

// answer is an API's response, read to its end or to its limit.
type answer struct {
	status  int
	reason  string      // the status line's text; "": none
	headers [][2]string // in order, spelled as they came
	header  http.Header
	body    []byte // at most maxBody + 1 bytes
}

// output is the task's result, or a *tasks.Failure. The cause of a status that is
// not 2xx is the reason phrase alone, and there is none without one: AWS lets
// nothing through of such a response's body.
func (a *answer) output() (*document.Doc, error) {
	if a.status < 200 || a.status > 299 {
		return nil, &tasks.Failure{Name: "States.Http.StatusCode." + strconv.Itoa(a.status), Cause: a.reason}
	}
	o := document.NewObject(4)
	o.Set("Headers", a.headerObject())
	if len(a.body) > 0 {
		body, err := a.bodyValue()
		if err != nil {
			return nil, err
		}
		o.Set("ResponseBody", body)
	}
	o.Set("StatusCode", document.Int(int64(a.status)))
	if a.reason != "" {
		o.Set("StatusText", a.reason)
	}
	return document.FromValue(o), nil
}

// headerObject has the values of each header as an array.
func (a *answer) headerObject() *document.Object {
	headers := a.headers
	if len(headers) == 0 {
		for name, values := range a.header {
			for _, v := range values {
				headers = append(headers, [2]string{name, v})
			}
		}
		slices.SortStableFunc(headers, func(a, b [2]string) int { return strings.Compare(a[0], b[0]) })
	}
	o := document.NewObject(len(headers))
	spelled := map[string]string{} // by canonical name: as it came first
	for _, h := range headers {
		canonical := http.CanonicalHeaderKey(h[0])
		name, ok := spelled[canonical]
		if !ok {
			name = h[0]
			spelled[canonical] = name
		}
		values, _ := o.Get(name)
		list, _ := values.([]any)
		o.Set(name, append(list, any(strings.ToValidUTF8(h[1], "\uFFFD"))))
	}
	return o
}

// bodyValue is the body: JSON parsed where the response says it is JSON, else text.
func (a *answer) bodyValue() (any, error) {
	media, parameters, err := mime.ParseMediaType(a.header.Get("Content-Type"))
	if err != nil {
		media, _, _ = strings.Cut(a.header.Get("Content-Type"), ";")
		media = strings.ToLower(strings.TrimSpace(media))
	}
	kind, sub, _ := strings.Cut(media, "/")
	if media == "application/octet-stream" || kind == "image" || kind == "video" || kind == "audio" {
		return nil, runtimeFailure("Unsupported response content-type '" + media + "'. Please see documentation for list of unsupported content-types.")
	}
	if len(a.body) > maxBody {
		return nil, &tasks.Failure{Name: "States.DataLimitExceeded",
			Cause: "The state/task 'http' returned a result with a size exceeding the maximum number of bytes service limit."}
	}
	body := string(a.body)
	switch strings.ToLower(parameters["charset"]) {
	case "iso-8859-1", "latin1":
		runes := make([]rune, len(a.body))
		for i, b := range a.body {
			runes[i] = rune(b)
		}
		body = string(runes)
	}
	if !utf8.ValidString(body) {
		return nil, runtimeFailure("The response body cannot be read as a string: it is not valid UTF-8.")
	}
	if sub == "json" || strings.HasSuffix(sub, "+json") {
		if v, err := document.Parse([]byte(body)); err == nil {
			return v, nil
		}
	}
	return body, nil
}
