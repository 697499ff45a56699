package httptask

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"millrace/asl/document"
	"millrace/tasks"
)

// trace tells TestState of an exchange, if that is wanted. Unless secrets are to
// be revealed, the request is shown as the state alone makes it, without what the
// connection adds. a is nil where there was no answer.
//
// Source: TestState of the AWS Step Functions API reference.
func (s *Service) trace(ctx context.Context, r *request, m *http.Request, body []byte, a *answer) {
	x := tasks.ExchangeOf(ctx)
	if x == nil {
		return
	}
	if !x.Reveal {
		body, _ = r.payload(nil) // without parameters there is nothing to merge
		m = s.message(r, &connection{}, body, "")
	}
	x.Request = document.NewObject(5)
	x.Request.Set("protocol", m.URL.Scheme)
	x.Request.Set("method", m.Method)
	x.Request.Set("url", m.URL.String())
	var headers []string
	for name, values := range m.Header {
		for _, v := range values {
			headers = append(headers, name+": "+v)
		}
	}
	slices.Sort(headers)
	x.Request.Set("headers", "["+strings.Join(headers, ", ")+"]")
	if body != nil {
		x.Request.Set("body", strings.ToValidUTF8(string(body), "\uFFFD"))
	}
	if a == nil {
		return
	}
	x.Response = document.NewObject(5)
	x.Response.Set("protocol", m.URL.Scheme)
	x.Response.Set("statusCode", strconv.Itoa(a.status))
	x.Response.Set("statusMessage", a.reason)
	headers = headers[:0]
	for _, h := range a.headers {
		headers = append(headers, h[0]+": "+h[1])
	}
	x.Response.Set("headers", strings.ToValidUTF8("["+strings.Join(headers, ", ")+"]", "\uFFFD"))
	if len(a.body) > 0 {
		x.Response.Set("body", strings.ToValidUTF8(string(a.body), "\uFFFD"))
	}
}
