package httptask

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"strings"

	"millrace/asl/document"
	"millrace/engine"
	"millrace/engine/interp"
	"millrace/tasks"
)

// task is arn:aws:states:::http:invoke.
type task struct {
	s        *Service
	resource string
}

func (t *task) Resource() string { return t.resource }

// Lost is Repeat for every method: AWS promises no more than at least once either.
func (t *task) Lost() engine.LostPolicy { return engine.Repeat }

// Call makes the call. What the API answers and what the parameters lack is the
// task's outcome.
func (t *task) Call(ctx context.Context, c engine.Call) (interp.Outcome, error) {
	out, err := t.s.call(ctx, c)
	if f := (*tasks.Failure)(nil); errors.As(err, &f) {
		o := interp.Outcome{Failed: true, Error: &f.Name}
		if f.Cause != "" {
			o.Cause = &f.Cause
		}
		return o, nil
	}
	if err != nil {
		return interp.Outcome{}, err
	}
	return interp.Outcome{Output: out}, nil
}

func (s *Service) call(ctx context.Context, c engine.Call) (*document.Doc, error) {
	r, err := s.parse(c.Input)
	if err != nil {
		return nil, err
	}
	conn, err := s.find(ctx, r.connection)
	if err != nil {
		return nil, err
	}
	limited, cancel := context.WithTimeout(ctx, s.o.Timeout)
	defer cancel()
	a, err := s.exchange(limited, r, conn)
	if err != nil {
		return nil, s.failure(ctx, err)
	}
	return a.output()
}

// exchange calls the API with the connection's credentials. Where they were
// refused, an OAuth token is fetched anew and the call made once more; others
// end the connection's authorization, as on AWS.
func (s *Service) exchange(ctx context.Context, r *request, c *connection) (*answer, error) {
	body, err := r.payload(c.parameters.Invocation.Body)
	if err != nil {
		return nil, err
	}
	token := ""
	if c.parameters.OAuth != nil {
		if token, err = s.token(ctx, c, ""); err != nil {
			return nil, err
		}
	}
	a, err := s.attempt(ctx, r, c, body, token)
	if err != nil || a.status != http.StatusUnauthorized && a.status != http.StatusProxyAuthRequired {
		return a, err
	}
	if token == "" {
		return a, s.refused(ctx, c, "The API answered "+strconv.Itoa(a.status)+" to the credentials of the connection.")
	}
	renewed, err := s.token(ctx, c, token)
	if f := (*tasks.Failure)(nil); errors.As(err, &f) {
		return a, nil // it is in the connection's state why there is no other token
	}
	if err != nil {
		return nil, err
	}
	return s.attempt(ctx, r, c, body, renewed)
}

// attempt makes one exchange with the API.
func (s *Service) attempt(ctx context.Context, r *request, c *connection, body []byte, token string) (*answer, error) {
	m := s.message(r, c, body, token)
	a, err := s.send(ctx, m, body)
	s.trace(ctx, r, m, body, a)
	return a, err
}

// failure makes a workflow error of a call that got no answer. A call that was
// given up is none.
func (s *Service) failure(ctx context.Context, err error) error {
	var f *tasks.Failure
	var no *refusal
	var transport *transportError
	switch {
	case errors.As(err, &f):
		return f
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &no):
		return &tasks.Failure{Name: "States.TaskFailed", Cause: no.Error()}
	case errors.Is(err, context.DeadlineExceeded):
		return &tasks.Failure{Name: "States.Http.Socket", Cause: fmt.Sprintf("The HTTP task timed out after %v.", s.o.Timeout)}
	case errors.As(err, &transport):
		return &tasks.Failure{Name: "States.Http.Socket", Cause: "The HTTP call got no answer: " + transport.Error()}
	}
	return err
}

// transportError is an error of the way to an API. Its text has no URL, which
// may have secrets in its query.
type transportError struct{ err error }

func (e *transportError) Error() string {
	return strings.TrimPrefix(strings.TrimPrefix(e.err.Error(), "net/http: "), "HTTP/1.x transport connection broken: ")
}

func (e *transportError) Unwrap() error { return e.err }

// transport makes a transportError of what a client returned.
func transport(err error) error {
	if u := (*url.Error)(nil); errors.As(err, &u) {
		err = u.Err
	}
	return &transportError{err}
}

// payload is the request's body with the connection's body parameters; nil: none.
func (r *request) payload(more []parameter) ([]byte, error) {
	body := r.body
	if len(more) > 0 {
		o, ok := body.(*document.Object)
		if body == nil {
			o = document.NewObject(len(more))
		} else if !ok {
			return nil, runtimeFailure("Cannot merge connection body authorization parameters with request body.")
		} else {
			o = o.Clone()
		}
		for _, p := range more {
			o.Set(p.Key, p.Value)
		}
		body = o
	}
	switch v := body.(type) {
	case nil:
		return nil, nil
	case string:
		return []byte(v), nil
	}
	if r.form {
		return []byte(encode(appendForm(nil, "", body, r.arrays))), nil
	}
	return document.Append(nil, body), nil
}

// message is the request on the wire, but for its body.
func (s *Service) message(r *request, c *connection, body []byte, token string) *http.Request {
	u := *r.endpoint
	more := c.parameters.Invocation
	if query := encode(merge(r.query, more.Query)); query != "" {
		if u.RawQuery != "" {
			query = u.RawQuery + "&" + query
		}
		u.RawQuery = query
	}
	h := http.Header{}
	for _, p := range headers(r.headers, more.Headers) {
		h.Add(p.key, p.value)
	}
	h.Del("Content-Length")
	switch p := c.parameters; {
	case p.Basic != nil:
		(&http.Request{Header: h}).SetBasicAuth(p.Basic.Username, p.Basic.Password)
	case p.APIKey != nil:
		h.Set(p.APIKey.Name, p.APIKey.Value)
	case p.OAuth != nil:
		h.Set("Authorization", "Bearer "+token)
	}
	if h.Get("Content-Type") == "" && body != nil {
		if _, text := r.body.(string); r.form && !text {
			h.Set("Content-Type", formType)
		} else {
			h.Set("Content-Type", "application/json; charset=UTF-8")
		}
	}
	h.Set("User-Agent", "Amazon|StepFunctions|HttpInvoke|"+s.host.Region())
	h.Set("Range", "bytes=0-"+strconv.Itoa(maxBody))
	return &http.Request{Method: r.method, URL: &u, Host: u.Host, Header: h, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}
}

const formType = "application/x-www-form-urlencoded"

// merge adds a connection's query parameters to the task's, in place of those of
// the same name.
func merge(own []pair, more []parameter) []pair {
	var all []pair
	for _, p := range own {
		if !named(more, p.key, false) {
			all = append(all, p)
		}
	}
	for _, p := range more {
		all = append(all, pair{p.Key, p.Value})
	}
	return all
}

// headers puts a connection's headers before the task's. Recorded: they replace
// those spelled alike, and others of the same name are sent beside them; but
// there is one content type.
func headers(own []pair, more []parameter) []pair {
	var all []pair
	for _, p := range more {
		all = append(all, pair{p.Key, p.Value})
	}
	for _, p := range own {
		if !named(more, p.key, strings.EqualFold(p.key, "Content-Type")) {
			all = append(all, p)
		}
	}
	return all
}

func named(list []parameter, key string, fold bool) bool {
	for _, p := range list {
		if p.Key == key || fold && strings.EqualFold(p.Key, key) {
			return true
		}
	}
	return false
}

// send makes one HTTP exchange. An error on the way is a *transportError.
func (s *Service) send(ctx context.Context, m *http.Request, body []byte) (*answer, error) {
	var conn *recorder
	m = m.WithContext(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) {
		if r, ok := i.Conn.(*recorder); ok {
			conn = r
			r.start()
		}
	}}))
	if body != nil {
		m.ContentLength = int64(len(body))
		m.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
		m.Body, _ = m.GetBody()
	}
	resp, err := s.client.Do(m)
	if err != nil {
		return nil, transport(err)
	}
	defer resp.Body.Close()
	a := &answer{status: resp.StatusCode, header: resp.Header, reason: strings.TrimSpace(strings.TrimPrefix(resp.Status, strconv.Itoa(resp.StatusCode)))}
	if conn != nil {
		a.headers = conn.stop()
	}
	if a.body, err = io.ReadAll(io.LimitReader(resp.Body, maxBody+1)); err != nil {
		return nil, transport(err)
	}
	return a, nil
}
