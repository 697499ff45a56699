package tasks

import (
	"context"
	"encoding/json"

	"millrace/engine"
)

// Invoke runs an operation of a service for a caller that is no task state, and
// returns its output once its effects are durable. in is JSON in the service's
// own shape; nil is {}. An unknown operation is the *Error UnknownOperationException.
func Invoke(ctx context.Context, h Host, s *Service, operation string, c Caller, in json.RawMessage) (any, error) {
	op := s.Find(operation)
	if op == nil {
		return nil, Errorf("UnknownOperationException", "The service %s has no operation %q.", s.Name, short(operation))
	}
	if len(in) == 0 {
		in = json.RawMessage("{}")
	}
	var out any
	var err error
	switch {
	case op.Write != nil:
		err = h.Do(ctx, op.keys(s, in), func(tx engine.Tx) (err error) {
			out, err = op.Write(tx, c, in)
			return err
		})
	case op.Read != nil:
		err = h.Read(ctx, func(r engine.Reader) (err error) {
			out, err = op.Read(ctx, r, c, in)
			return err
		})
	default:
		out, err = op.Wait(ctx, c, in)
	}
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (o *Operation) keys(s *Service, in json.RawMessage) []string {
	if o.Keys == nil {
		return []string{s.Name}
	}
	return o.Keys(in)
}

// short cuts text of a caller for an error message.
func short(s string) string {
	const most = 80
	if len(s) <= most {
		return s
	}
	return s[:most] + "..."
}
