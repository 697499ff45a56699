package function

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/google/uuid"

	"millrace/asl/document"
	"millrace/engine"
	"millrace/integrations/function/runtime"
	"millrace/tasks"
)

// Invocation is a call of a function.
type Invocation struct {
	Function      string // name or ARN, perhaps with a qualifier
	Qualifier     string // "": $LATEST
	Payload       []byte // JSON text; empty: {}
	ClientContext string // JSON text; "": none
	Trace         string // X-Ray's header; "": none
	// Key makes the request id, so that a call repeated with its key has the same
	// one. "": a new id.
	Key string
}

// Result is what came of a call that reached a function.
type Result struct {
	Payload   []byte // JSON text
	Failed    bool   // Payload is a function error
	Version   string // that was run
	RequestID string
	Log       []byte // the last 4 KiB of what it printed
}

// Invoke calls a function and waits for its answer. A function error is a Result;
// an error is a *tasks.Error, such as ResourceNotFoundException, or the service's own failure.
func (s *Service) Invoke(ctx context.Context, in Invocation) (Result, error) {
	ref, err := parseName(in.Function)
	if err != nil {
		return Result{}, err
	}
	if in.Qualifier != "" {
		ref.qualifier = in.Qualifier
	}
	if err := in.check(maxPayload, "RequestResponse"); err != nil {
		return Result{}, err
	}
	f, err := s.find(ctx, ref)
	if err != nil {
		return Result{}, err
	}
	e := in.event(s.arn(ref.name))
	if ref.qualifier != "" {
		e.arn += ":" + ref.qualifier
	}
	if f == nil {
		return s.remote(ctx, ref, in, e)
	}
	var a answer
	var log []byte
	if h := s.o.Handlers[f.Handler]; h != nil && kind(f.Runtime) == "provided" {
		a, err = s.call(ctx, f, h, e)
	} else {
		a, log, err = s.run(ctx, f, e)
	}
	if err != nil {
		return Result{}, err
	}
	return Result{Payload: a.payload, Failed: a.failed, Version: latest, RequestID: e.id, Log: log}, nil
}

// check refuses payloads that are too large or no JSON.
func (in *Invocation) check(limit int, kind string) error {
	if len(in.Payload) > limit {
		return &tasks.Error{Code: "RequestTooLargeException", Status: http.StatusRequestEntityTooLarge, Fields: map[string]any{"Type": "User"},
			Message: strconv.Itoa(len(in.Payload)) + " byte payload is too large for the " + kind + " invocation type (limit " + strconv.Itoa(limit) + " bytes)"}
	}
	if len(in.Payload) == 0 {
		in.Payload = []byte("{}")
		return nil
	}
	if _, err := document.Parse(in.Payload); err != nil {
		return &tasks.Error{Code: "InvalidRequestContentException", Fields: map[string]any{"Type": "User"},
			Message: "Could not parse request body into json: Could not parse payload into json: " + err.Error()}
	}
	return nil
}

func (in *Invocation) event(arn string) *event {
	id := uuid.NewString()
	if in.Key != "" {
		id = uuid.NewSHA1(uuid.NameSpaceOID, []byte(in.Key)).String()
	}
	return &event{id: id, arn: arn, trace: in.Trace, client: in.ClientContext, payload: in.Payload, answer: make(chan answer, 1)}
}

// inProcess is the runtime of functions that are handlers of this process and were never created.
const inProcess = "provided.go"

// find returns the function, or nil for one that only the remote endpoint can have.
func (s *Service) find(ctx context.Context, ref reference) (*function, error) {
	var f *function
	err := s.host.Read(ctx, func(r engine.Reader) (err error) {
		f, err = functionOf(r, ref.name)
		return err
	})
	if err != nil {
		return nil, err
	}
	if f == nil && s.o.Handlers[ref.name] != nil {
		f = s.unmade(ref.name)
	}
	switch {
	case f != nil && (ref.qualifier == "" || ref.qualifier == latest):
		return f, nil
	case f == nil && s.o.Remote != "":
		return nil, nil
	}
	qualifier := ref.qualifier
	if qualifier == "" {
		qualifier = latest
	}
	return nil, s.notFound(ref.name, qualifier)
}

// FunctionTimeout returns how long a function may run and whether there is such a
// function; 0: the remote endpoint may have it.
func (s *Service) FunctionTimeout(r engine.Reader, name string) (timeout time.Duration, found bool, err error) {
	ref, err := parseName(name)
	if err != nil {
		return 0, false, err
	}
	f, err := functionOf(r, ref.name)
	if err != nil {
		return 0, false, err
	}
	if f == nil && s.o.Handlers[ref.name] != nil {
		f = s.unmade(ref.name)
	}
	switch {
	case f != nil && (ref.qualifier == "" || ref.qualifier == latest):
		return f.timeout(), true, nil
	case f == nil && s.o.Remote != "":
		return 0, true, nil
	}
	return 0, false, nil
}

// unmade is a function that is a handler of this process.
func (s *Service) unmade(name string) *function {
	f := &function{Configuration: Configuration{FunctionName: name, FunctionArn: s.arn(name), Runtime: inProcess, Handler: name,
		Timeout: 900, MemorySize: 128, PackageType: "Zip"}}
	f.stamp(time.UnixMilli(0), "")
	return f
}

// call calls a handler in this process.
func (s *Service) call(ctx context.Context, f *function, h runtime.Handler, e *event) (answer, error) {
	hctx, cancel := runtime.NewContext(ctx, runtime.Invocation{RequestID: e.id, FunctionARN: e.arn, TraceID: e.trace, Deadline: time.Now().Add(f.timeout())})
	defer cancel()
	out, err := runtime.Call(hctx, h, e.payload)
	switch {
	case ctx.Err() != nil:
		return answer{}, ctx.Err()
	case err != nil && errors.Is(hctx.Err(), context.DeadlineExceeded):
		return fault(e, "Sandbox.Timedout", "Task timed out after "+fmt.Sprintf("%.2f seconds", f.timeout().Seconds())), nil
	case err != nil:
		return answer{runtime.ErrorOf(err).JSON(), true}, nil
	case len(out) > maxAnswer:
		return tooLarge(), nil
	case len(out) == 0:
		out = []byte("null")
	}
	return answer{payload: out}, nil
}

// run gives the event to a process.
func (s *Service) run(ctx context.Context, f *function, e *event) (answer, []byte, error) {
	e.timeout = f.timeout()
	for {
		i, err := s.pool.take(ctx, f)
		if cannot := (*startError)(nil); errors.As(err, &cannot) {
			return fault(e, cannot.kind, cannot.message), nil, nil
		}
		if err != nil {
			return answer{}, nil, err
		}
		a, fit, err := i.handle(ctx, e)
		log := i.tail.text()
		closed := s.pool.release(f.FunctionName, i, fit)
		switch {
		case closed && err == nil && !fit:
			return answer{}, nil, errClosed // it did not end by itself
		case errors.Is(err, errUntouched):
			continue // no event was lost: another process takes it
		}
		if err == nil && !json.Valid(a.payload) {
			if len(a.payload) == 0 {
				a.payload = []byte("null")
			} else {
				a.payload = document.AppendString(nil, string(a.payload)) // Lambda hands on what is JSON only
			}
		}
		return a, log, err
	}
}
