package rest

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"millrace/engine"
	"millrace/engine/interp"
)

// execution is an execution as REST shows it.
type execution struct {
	Machine string          `json:"machine"`
	Name    string          `json:"name"`
	ARN     string          `json:"arn"`
	Status  string          `json:"status"`
	Started time.Time       `json:"started"`
	Stopped *time.Time      `json:"stopped,omitempty"`
	Input   json.RawMessage `json:"input,omitempty"`  // left out in lists unless asked for
	Output  json.RawMessage `json:"output,omitempty"` // of a succeeded execution
	Error   *string         `json:"error,omitempty"`
	Cause   *string         `json:"cause,omitempty"`
}

func executionOf(x engine.ExecutionInfo) execution {
	out := execution{
		Machine: lastPart(x.MachineARN), Name: x.Name, ARN: x.ARN, Status: string(x.Status), Started: x.Started.UTC(),
		Input: raw(x.Input), Output: raw(x.Output), Error: x.Error, Cause: x.Cause,
	}
	if !x.Stopped.IsZero() {
		t := x.Stopped.UTC()
		out.Stopped = &t
	}
	return out
}

// raw is a document as it stands in an answer; nil: none.
func raw(text []byte) json.RawMessage {
	if len(text) == 0 {
		return nil
	}
	return text
}

func lastPart(arn string) string { return arn[strings.LastIndexByte(arn, ':')+1:] }

// param returns a part of the path, unescaped.
func param(r *http.Request, name string) string {
	v := chi.URLParam(r, name)
	if r.URL.RawPath == "" {
		return v
	}
	if plain, err := url.PathUnescape(v); err == nil {
		return plain
	}
	return v
}

func (s *server) executionARN(r *http.Request) string {
	return s.arn("execution", param(r, "machine")+":"+param(r, "execution"))
}

func (s *server) startExecution(w http.ResponseWriter, r *http.Request) error {
	var b struct {
		Name  string          `json:"name"`
		Input json.RawMessage `json:"input"`
	}
	if err := decode(w, r, &b); err != nil {
		return err
	}
	started, err := s.Engine.StartExecution(r.Context(), engine.StartInput{
		MachineARN: s.arn("stateMachine", param(r, "machine")), Name: b.Name, Input: b.Input,
	})
	if err != nil {
		return err
	}
	status := http.StatusCreated
	if started.Existing {
		status = http.StatusOK
	}
	machine := param(r, "machine")
	w.Header().Set("Location", "/v1/executions/"+url.PathEscape(machine)+"/"+url.PathEscape(started.Name))
	write(w, status, execution{
		Machine: machine, Name: started.Name, ARN: started.ARN, Status: string(interp.Running), Started: started.Started.UTC(),
	})
	return nil
}

func (s *server) showExecution(w http.ResponseWriter, r *http.Request) error {
	x, err := s.Engine.DescribeExecution(r.Context(), s.executionARN(r))
	if err != nil {
		return err
	}
	write(w, http.StatusOK, executionOf(x))
	return nil
}

func (s *server) stopExecution(w http.ResponseWriter, r *http.Request) error {
	var b struct {
		Error *string `json:"error"`
		Cause *string `json:"cause"`
	}
	if err := decode(w, r, &b); err != nil {
		return err
	}
	if b.Error != nil && len(*b.Error) > 256 {
		return bad("/error", "it is longer than 256 bytes")
	}
	if b.Cause != nil && len(*b.Cause) > 32768 {
		return bad("/cause", "it is longer than 32768 bytes")
	}
	arn := s.executionARN(r)
	if _, err := s.Engine.StopExecution(r.Context(), arn, b.Error, b.Cause); err != nil {
		return err
	}
	x, err := s.Engine.DescribeExecution(r.Context(), arn)
	if err != nil {
		return err
	}
	write(w, http.StatusOK, executionOf(x))
	return nil
}

// maxScan is how many executions one request with a condition looks at; the
// answer's cursor goes on from there.
const maxScan = 5000

func (s *server) listExecutions(w http.ResponseWriter, r *http.Request) error {
	if err := known(r, "machine", "status", "where", "limit", "cursor"); err != nil {
		return err
	}
	p, err := page(r)
	if err != nil {
		return err
	}
	q := r.URL.Query()
	var f engine.ListFilter
	if m := q.Get("machine"); m != "" {
		f.MachineARN = s.arn("stateMachine", m)
	}
	switch f.Status = interp.Status(q.Get("status")); f.Status {
	case "", interp.Running, interp.Succeeded, interp.Failed, interp.TimedOut, interp.Aborted, interp.PendingRedrive:
	default:
		return bad("status", strconv.Quote(short(string(f.Status)))+" is no status, want RUNNING, SUCCEEDED, FAILED, TIMED_OUT, ABORTED or PENDING_REDRIVE")
	}
	where, err := parseWhere(q.Get("where"))
	if err != nil {
		return bad("where", err.Error())
	}
	out := listed[execution]{Items: []execution{}}
	if where == nil {
		executions, next, err := s.Engine.ListExecutions(r.Context(), f, p)
		if err != nil {
			return err
		}
		for _, x := range executions {
			item := executionOf(x)
			item.Input, item.Output = nil, nil
			out.Items = append(out.Items, item)
		}
		out.Next = next
		write(w, http.StatusOK, out)
		return nil
	}
	var cursor string
	for seen := 0; seen < maxScan; {
		executions, next, err := s.Engine.ListExecutions(r.Context(), f, p)
		if err != nil {
			return err
		}
		taken, err := s.match(r, where, executions, p.Max-len(out.Items), &out.Items)
		if err != nil {
			return err
		}
		seen += taken
		if taken < len(executions) { // the page is full: its cursor stands within what was read
			if _, next, err = s.Engine.ListExecutions(r.Context(), f, engine.Page{Max: taken, Token: p.Token}); err != nil {
				return err
			}
		}
		p.Token, cursor = next, next
		if next == "" || taken < len(executions) {
			break
		}
	}
	out.Next = cursor
	write(w, http.StatusOK, out)
	return nil
}

// match adds those executions to items, at most room, of whose input, output
// or description the condition is true, and returns how many it looked at.
func (s *server) match(r *http.Request, c *where, executions []engine.ExecutionInfo, room int, items *[]execution) (int, error) {
	for i, x := range executions {
		if room == 0 {
			return i, nil
		}
		x, err := s.Engine.DescribeExecution(r.Context(), x.ARN)
		if errors.Is(err, engine.ErrExecutionNotFound) {
			continue
		}
		if err != nil {
			return i, err
		}
		item := executionOf(x)
		whole, err := json.Marshal(item)
		if err != nil {
			return i, err
		}
		if c.matches(r.Context(), x.Input, x.Output, whole) {
			*items = append(*items, item)
			room--
		}
	}
	return len(executions), nil
}
