// Package runtime is a client of the Lambda Runtime API: a program that calls
// [Serve] is a function of the function service, or of AWS Lambda.
//
// Source: "Using the Lambda runtime API for custom runtimes" of the AWS Lambda
// developer guide.
package runtime

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"reflect"
	"runtime/debug"
	"strconv"
	"strings"
	"time"
)

// Handler answers one event. Both are JSON text. Its error becomes the function
// error: see [ErrorOf]. ctx ends at the invocation's deadline.
type Handler func(ctx context.Context, event []byte) ([]byte, error)

// Variable is the environment variable with the Runtime API's host and port.
const Variable = "AWS_LAMBDA_RUNTIME_API"

// Invocation is what a handler may know about the event at hand.
type Invocation struct {
	RequestID   string
	FunctionARN string
	TraceID     string // X-Ray's; "": none
	Deadline    time.Time
}

type invocationKey struct{}

// FromContext returns the invocation of a handler's context.
func FromContext(ctx context.Context) (Invocation, bool) {
	i, ok := ctx.Value(invocationKey{}).(Invocation)
	return i, ok
}

// NewContext is the context of an invocation, with its deadline.
func NewContext(ctx context.Context, i Invocation) (context.Context, context.CancelFunc) {
	ctx = context.WithValue(ctx, invocationKey{}, i)
	if i.Deadline.IsZero() {
		return ctx, func() {}
	}
	return context.WithDeadline(ctx, i.Deadline)
}

// Serve takes events and answers them, one at a time, until ctx ends or the
// Runtime API is gone; its error says which.
func Serve(ctx context.Context, h Handler) error {
	host := os.Getenv(Variable)
	if host == "" {
		return fmt.Errorf("the environment variable %s is not set: a function is started by the function service", Variable)
	}
	c := &client{base: "http://" + host + "/2018-06-01/runtime/", http: &http.Client{Transport: &http.Transport{}}}
	defer c.http.CloseIdleConnections()
	for {
		if err := c.one(ctx, h); err != nil {
			return err
		}
	}
}

type client struct {
	base string
	http *http.Client
}

// one takes one event and answers it.
func (c *client) one(ctx context.Context, h Handler) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+"invocation/next", nil)
	if err != nil {
		return fmt.Errorf("take the next event: %w", err)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return fmt.Errorf("take the next event: %w", err)
	}
	event, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil {
		return fmt.Errorf("take the next event: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("take the next event: the Runtime API answered %s", resp.Status)
	}
	inv := Invocation{
		RequestID: resp.Header.Get("Lambda-Runtime-Aws-Request-Id"), FunctionARN: resp.Header.Get("Lambda-Runtime-Invoked-Function-Arn"),
		TraceID: resp.Header.Get("Lambda-Runtime-Trace-Id"),
	}
	if ms, err := strconv.ParseInt(resp.Header.Get("Lambda-Runtime-Deadline-Ms"), 10, 64); err == nil {
		inv.Deadline = time.UnixMilli(ms)
	}
	ictx, cancel := NewContext(ctx, inv)
	answer, err := Call(ictx, h, event)
	cancel()
	path, header := inv.RequestID+"/response", ""
	if err != nil {
		e := ErrorOf(err)
		path, header, answer = inv.RequestID+"/error", e.Type, e.JSON()
	}
	return c.post(ctx, "invocation/"+path, header, answer)
}

func (c *client) post(ctx context.Context, path, errorType string, body []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base+path, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("answer the event: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	if errorType != "" {
		req.Header.Set("Lambda-Runtime-Function-Error-Type", errorType)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return fmt.Errorf("answer the event: %w", err)
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	// 413: the answer was too large, which the service has noted as the function's error.
	if resp.StatusCode >= 400 && resp.StatusCode != http.StatusRequestEntityTooLarge {
		return fmt.Errorf("answer the event: the Runtime API answered %s", resp.Status)
	}
	return err
}

// Call calls a handler and turns its panic into an error.
func Call(ctx context.Context, h Handler, event []byte) (answer []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			answer, err = nil, &panicked{p, debug.Stack()}
		}
	}()
	return h(ctx, event)
}

type panicked struct {
	value any
	stack []byte
}

func (p *panicked) Error() string { return fmt.Sprint(p.value) }

// Error is a function error as Lambda's payload has it.
type Error struct {
	Message string   `json:"errorMessage"`
	Type    string   `json:"errorType"`
	Stack   []string `json:"stackTrace,omitempty"`
}

func (e *Error) Error() string { return e.Message }

// JSON is the payload.
func (e *Error) JSON() []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(e); err != nil {
		panic(err) // strings are encodable
	}
	return bytes.TrimRight(b.Bytes(), "\n")
}

// ErrorOf makes a function error of a handler's error. Its type, which Retry and
// Catch match, is the name of the error's Go type; an [*Error] stays as it is.
func ErrorOf(err error) *Error {
	if e := (*Error)(nil); errors.As(err, &e) {
		return e
	}
	if p := (*panicked)(nil); errors.As(err, &p) {
		name := typeName(p.value)
		if name == "string" || name == "" {
			name = "panic"
		}
		return &Error{Message: p.Error(), Type: name, Stack: strings.Split(strings.TrimSpace(string(p.stack)), "\n")}
	}
	return &Error{Message: err.Error(), Type: typeName(err)}
}

func typeName(v any) string {
	t := reflect.TypeOf(v)
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == nil {
		return ""
	}
	return t.Name()
}
