package rest

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"millrace/asl/document"
	"millrace/engine"
	"millrace/engine/interp"
)

// history answers with a page of an execution's history or, to a client that
// accepts text/event-stream, with the history from its beginning to the
// execution's end, each event as it happens.
func (s *server) history(w http.ResponseWriter, r *http.Request) error {
	if err := known(r, "limit", "cursor", "order", "after"); err != nil {
		return err
	}
	if strings.Contains(r.Header.Get("Accept"), "text/event-stream") {
		return s.live(w, r)
	}
	p, err := page(r)
	if err != nil {
		return err
	}
	switch order := r.URL.Query().Get("order"); order {
	case "", "asc":
	case "desc":
		p.Reverse = true
	default:
		return bad("order", strconv.Quote(short(order))+" is no order, want asc or desc")
	}
	events, next, err := s.Engine.History(r.Context(), s.executionARN(r), p)
	if err != nil {
		return err
	}
	b := []byte(`{"items":[`)
	for i := range events {
		if i > 0 {
			b = append(b, ',')
		}
		b = events[i].AppendJSON(b, true)
	}
	b = append(b, ']')
	if next != "" {
		b = append(b, `,"next":`...)
		b = document.AppendString(b, next)
	}
	b = append(b, '}', '\n')
	w.Header().Set("Content-Type", "application/json")
	w.Write(b)
	return nil
}

// alive is how often a live history says that it is still there.
const alive = 15 * time.Second

// live sends events until the execution has ended or the client has gone. A
// client that comes back names the last event that it saw in Last-Event-ID.
func (s *server) live(w http.ResponseWriter, r *http.Request) error {
	after := r.Header.Get("Last-Event-ID")
	if after == "" {
		after = r.URL.Query().Get("after")
	}
	var last int64
	if after != "" {
		n, err := strconv.ParseInt(after, 10, 64)
		if err != nil || n < 0 {
			return bad("after", strconv.Quote(short(after))+" is no event id")
		}
		last = n
	}
	arn := s.executionARN(r)
	// Watched before the first read, so that nothing falls between.
	signal := make(chan struct{}, 1)
	stop := s.Engine.WatchExecution(arn, func() {
		select {
		case signal <- struct{}{}:
		default:
		}
	})
	defer stop()
	beat := time.NewTicker(alive)
	defer beat.Stop()

	out := http.NewResponseController(w)
	p := engine.Page{Max: 1000}
	started := false
	for {
		events, next, err := s.Engine.History(r.Context(), arn, p)
		if err != nil && started {
			return nil // the stream ends; the client comes back and is told
		}
		if err != nil {
			return err
		}
		if !started {
			started = true
			w.Header().Set("Content-Type", "text/event-stream")
			w.Header().Set("Cache-Control", "no-store")
			w.WriteHeader(http.StatusOK)
		}
		var b []byte
		ended := false
		for i := range events {
			e := &events[i]
			ended = final(e)
			if e.ID <= last {
				continue
			}
			last = e.ID
			b = append(b, "id: "...)
			b = strconv.AppendInt(b, e.ID, 10)
			b = append(b, "\nevent: history\ndata: "...)
			b = e.AppendJSON(b, true)
			b = append(b, "\n\n"...)
		}
		if next != "" {
			p.Token = next
		} else if ended {
			b = append(b, "event: end\ndata: {}\n\n"...)
		}
		if len(b) > 0 {
			if _, err := w.Write(b); err != nil {
				return nil
			}
		}
		if out.Flush() != nil || next == "" && ended {
			return nil
		}
		if next != "" {
			continue
		}
		select {
		case <-signal:
		case <-beat.C:
			if _, err := w.Write([]byte(": alive\n\n")); err != nil {
				return nil
			}
		case <-r.Context().Done():
			return nil
		}
	}
}

// final tells whether an event is the last of its history.
func final(e *interp.Event) bool {
	switch e.Type {
	case "ExecutionSucceeded", "ExecutionFailed", "ExecutionTimedOut", "ExecutionAborted":
		return true
	}
	return false
}
