// Package wire has what the AWS fronts of the integrations share: AWS JSON,
// Query/XML, REST-JSON and REST-XML over the operation tables of package tasks.
package wire

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"

	"github.com/google/uuid"

	"millrace/engine"
	"millrace/tasks"
)

// Front is one service at the AWS endpoint. The endpoint finds the front of a
// request by target prefix, form version, credential scope or path, in this order.
type Front struct {
	Service       string   // for people: sqs
	Scopes        []string // service names in credential scopes
	Targets       []string // what stands before the dot in X-Amz-Target: AmazonSQS
	QueryVersions []string // Version of a Query form: 2012-11-05
	PathPrefixes  []string // /2015-03-31/
	Handler       http.Handler
}

// Decode reads an operation's input into the struct that v points to; it is
// [tasks.Decode].
func Decode(in json.RawMessage, v any) error { return tasks.Decode(in, v) }

// DefaultMaxBody is the most bytes of a request body unless a front says otherwise.
const DefaultMaxBody = 2 << 20

// NewRequestID returns a request id: a random UUID.
func NewRequestID() string { return uuid.NewString() }

// CallerOf says who sent a request. requestID is the one that the answer carries.
func CallerOf(r *http.Request, requestID string) tasks.Caller {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	return tasks.Caller{Source: host, UserAgent: r.UserAgent(), RequestID: requestID}
}

// ReadBody reads a request body of at most limit bytes (0: [DefaultMaxBody]).
// A longer one is the *tasks.Error RequestEntityTooLarge, status 413.
func ReadBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	if limit == 0 {
		limit = DefaultMaxBody
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	if tooLong := new(http.MaxBytesError); errors.As(err, &tooLong) {
		return nil, &tasks.Error{Code: "RequestEntityTooLarge", Status: http.StatusRequestEntityTooLarge,
			Message: "The request body is longer than " + sizeText(limit) + "."}
	}
	if err != nil {
		return nil, tasks.Errorf("RequestAborted", "The request body ended early.")
	}
	return body, nil
}

// ErrorOf turns any error into one for the caller. What is not a *tasks.Error
// is the server's own failure: it goes to log (nil: slog.Default) and the
// caller learns only that it happened. A request that was given up, as the end of
// a client's patience does to long polls, is no failure.
func ErrorOf(err error, log *slog.Logger, what string) *tasks.Error {
	if e := (*tasks.Error)(nil); errors.As(err, &e) {
		return e
	}
	if errors.Is(err, engine.ErrBusy) || errors.Is(err, engine.ErrClosed) || errors.Is(err, engine.ErrConflict) {
		return &tasks.Error{Code: "ServiceUnavailable", Status: http.StatusServiceUnavailable, Message: "The service is busy: try again."}
	}
	if log == nil {
		log = slog.Default()
	}
	if errors.Is(err, context.Canceled) {
		log.Debug("the client went away", "operation", what)
		return &tasks.Error{Code: "RequestAborted", Status: http.StatusServiceUnavailable, Message: "The request was given up."}
	}
	log.Error("operation failed", "operation", what, "error", err)
	return &tasks.Error{Code: "InternalFailure", Status: http.StatusInternalServerError,
		Message: "The server could not do this: its log says why."}
}

// StatusOf returns an error's HTTP status.
func StatusOf(e *tasks.Error) int {
	if e.Status == 0 {
		return http.StatusBadRequest
	}
	return e.Status
}

func sizeText(n int64) string {
	unit := "bytes"
	switch {
	case n%(1<<20) == 0:
		n, unit = n>>20, "MiB"
	case n%(1<<10) == 0:
		n, unit = n>>10, "KiB"
	}
	return itoa(n) + " " + unit
}
