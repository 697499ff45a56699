package rest

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"millrace/tasks"
)

// Services runs the operations of the embedded services, each under its name in
// ARNs: sqs, dynamodb, s3, lambda, states.
type Services interface {
	// Names lists the services, each with its operations.
	Names() map[string][]string
	// Call runs an operation; input and output are JSON in the service's own shape.
	// What the service refuses is a [*tasks.Error].
	Call(ctx context.Context, service, operation string, input json.RawMessage) (json.RawMessage, error)
}

// listServices tells what can be called, and the region and account of ARNs.
func (s *server) listServices(w http.ResponseWriter, r *http.Request) error {
	if err := known(r); err != nil {
		return err
	}
	write(w, http.StatusOK, struct {
		Region   string              `json:"region"`
		Account  string              `json:"account"`
		Services map[string][]string `json:"services"`
	}{s.Region, s.Account, s.Services.Names()})
	return nil
}

// callService runs one operation.
func (s *server) callService(w http.ResponseWriter, r *http.Request) error {
	if err := known(r); err != nil {
		return err
	}
	var in json.RawMessage
	if err := decodeUpTo(w, r, &in, maxServiceBody); err != nil {
		return err
	}
	if len(in) == 0 {
		in = json.RawMessage("{}")
	}
	service, operation := param(r, "service"), param(r, "operation")
	out, err := s.Services.Call(r.Context(), service, operation, in)
	if refused := new(tasks.Error); errors.As(err, &refused) {
		status := refused.Status
		if s := statuses[refused.Code]; s != 0 {
			status = s
		}
		if status < 400 {
			status = http.StatusBadRequest
		}
		return &problem{Type: refused.Code, Title: http.StatusText(status), Status: status, Detail: refused.Message}
	}
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(out) // a client that is gone needs no answer
	return nil
}

// maxServiceBody is the most bytes of an operation's input: a function's zip file in base64 and the rest.
const maxServiceBody = 80 << 20
