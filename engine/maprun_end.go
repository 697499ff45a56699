package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"millrace/asl"
	"millrace/asl/document"
	"millrace/engine/interp"
)

// endMapRun gathers or writes the results of a run whose children have all ended,
// answers its Map state and ends it.
func (e *Engine) endMapRun(ctx context.Context, l *liveRun) error {
	h := *l.head
	var out *document.Doc
	var failed *asl.Error
	if h.Phase == mapFailing {
		failed = &asl.Error{Name: text(h.Error), Cause: text(h.Cause)}
	}
	if l.broken != nil {
		failed = l.broken
	} else if d, err := e.results(ctx, l, &h); err == nil {
		out = d
	} else if bad := new(asl.Error); !errors.As(err, &bad) {
		return err
	} else if failed == nil {
		failed = bad
	}
	now := e.now()
	h.Stopped = now.UnixMilli()
	answer := interp.Input{Kind: interp.Answer, Event: l.row.Event, At: now, Token: true}
	switch {
	case h.Phase == mapAborting:
		h.Status = interp.Aborted
	case failed != nil:
		h.Status = interp.Failed
		answer.Outcome = failure(failed.Name, failed.Cause)
		if failed.Cause == "" {
			answer.Outcome.Cause = nil
		}
		h.Error, h.Cause = answer.Outcome.Error, answer.Outcome.Cause
	default:
		h.Status = interp.Succeeded
		answer.Outcome.Output = out
	}
	e.hook(AtMapEnd)
	return e.unit(func(t *tx) error {
		if err := t.t.UpdateMapRun(&MapRunRow{ID: l.id, Version: l.row.Version, Head: h.encode()}); err != nil {
			return err
		}
		t.Notify("maprun/" + l.row.Name)
		if h.Status == interp.Aborted {
			return nil
		}
		_, err := t.Deliver(Message{Execution: l.row.Execution, Input: answer})
		return err
	})
}

// results returns the Map's result: the children's outputs, or where they were
// written. Its *asl.Error is how the run fails instead.
func (e *Engine) results(ctx context.Context, l *liveRun, h *mapHead) (*document.Doc, error) {
	w := l.state.ResultWriter
	if w != nil && w.Resource != "" {
		return e.writeResults(ctx, l, h)
	}
	if h.Phase != mapStarting {
		return nil, nil
	}
	shape := resultShape{transformation: "COMPACT"}
	if w != nil && w.Transformation != "" {
		shape.transformation = w.Transformation
	}
	r := e.newResultReader(ctx, l, shape)
	r.list = true
	b, err := io.ReadAll(io.LimitReader(r, MaxPayload+1))
	if err != nil {
		return nil, err
	}
	if len(b) > MaxPayload {
		return nil, tooLarge(l.state.Name)
	}
	return document.FromBytes(b), nil
}

// resultFile is a file of results as the manifest tells of it.
type resultFile struct {
	Key  string `json:"Key"`
	Size int64  `json:"Size"`
}

// maxResultFile is the most bytes of a file of results; more go into the next one.
const maxResultFile = 5 << 30

// writeResults writes the children's results into a bucket.
//
// Source: "ResultWriter (Map)" of the AWS Step Functions developer guide.
func (e *Engine) writeResults(ctx context.Context, l *liveRun, h *mapHead) (*document.Doc, error) {
	const name = "States.ResultWriterFailed"
	w := l.state.ResultWriter
	if e.maps.data == nil {
		return nil, &asl.Error{Name: name, Cause: "There is nothing to write results to."}
	}
	bucket, prefix := argument(l.plan.Writer, "Bucket"), argument(l.plan.Writer, "Prefix")
	if bucket == "" {
		return nil, &asl.Error{Name: name, Cause: "The ResultWriter names no Bucket."}
	}
	id := l.row.Name[strings.LastIndexByte(l.row.Name, ':')+1:]
	folder := id + "/"
	if prefix != "" {
		folder = strings.TrimSuffix(prefix, "/") + "/" + folder
	}
	shape := resultShape{transformation: orElse(w.Transformation, "NONE"), lines: w.OutputType == "JSONL"}
	suffix, kind := ".json", "application/json"
	if shape.lines {
		suffix, kind = ".jsonl", "application/jsonlines"
	}
	files := map[string][]resultFile{"SUCCEEDED": {}, "FAILED": {}, "PENDING": {}}
	write := func(group string, statuses ...interp.Status) error {
		r := e.newResultReader(ctx, l, shape, statuses...)
		r.list = !shape.lines
		r.limit = maxResultFile
		for n := 0; ; n++ {
			some, err := r.begin()
			if err != nil {
				return err
			}
			if !some {
				return nil
			}
			key := fmt.Sprintf("%s%s_%d%s", folder, group, n, suffix)
			size, err := e.maps.data.Write(ctx, bucket, key, kind, r)
			if err != nil {
				return err
			}
			files[group] = append(files[group], resultFile{key, size})
		}
	}
	if err := write("SUCCEEDED", interp.Succeeded); err != nil {
		return nil, err
	}
	if err := write("FAILED", interp.Failed, interp.TimedOut, interp.Aborted); err != nil {
		return nil, err
	}
	if h.Phase != mapStarting {
		pending := &pendingReader{e: e, ctx: ctx, l: l, lines: shape.lines}
		some, err := pending.begin()
		if err != nil {
			return nil, err
		}
		if some {
			key := folder + "PENDING_0" + suffix
			size, err := e.maps.data.Write(ctx, bucket, key, kind, pending)
			if err != nil {
				return nil, err
			}
			files["PENDING"] = append(files["PENDING"], resultFile{key, size})
		}
	}
	manifest, err := json.Marshal(struct {
		Bucket string                  `json:"DestinationBucket"`
		Run    string                  `json:"MapRunArn"`
		Files  map[string][]resultFile `json:"ResultFiles"`
	}{bucket, e.mapRunARN(l.row.Name), files})
	if err != nil {
		return nil, err
	}
	key := folder + "manifest.json"
	if _, err := e.maps.data.Write(ctx, bucket, key, "application/json", bytes.NewReader(manifest)); err != nil {
		return nil, err
	}
	h.Executions.ResultsWritten = h.Executions.Total
	h.Items.ResultsWritten = h.Items.Total
	where := document.NewObject(2)
	where.Set("Bucket", bucket)
	where.Set("Key", key)
	out := document.NewObject(2)
	out.Set("MapRunArn", e.mapRunARN(l.row.Name))
	out.Set("ResultWriterDetails", where)
	return document.FromValue(out), nil
}

// argument returns a text member of evaluated arguments.
func argument(d *document.Doc, name string) string {
	if d == nil {
		return ""
	}
	o, _ := d.Value().(*document.Object)
	if o == nil {
		return ""
	}
	v, _ := o.Get(name)
	s, _ := v.(string)
	return s
}

// resultShape says what the result of a child looks like.
type resultShape struct {
	transformation string // NONE, COMPACT, FLATTEN
	lines          bool   // a line each, instead of a list
}

// resultReader makes a list of the results of a run's children as it is read, in
// the order of the children. Only a page of them is in memory.
type resultReader struct {
	e        *Engine
	ctx      context.Context
	l        *liveRun
	shape    resultShape
	statuses []interp.Status
	list     bool  // with brackets and commas
	limit    int64 // bytes after which the list ends; 0: none

	after   int64 // the last child read
	page    []childResult
	last    bool // there is no further page
	buf     []byte
	written int64
	state   int // 0: before the list, 1: in it, 2: after it
	first   bool
}

// childResult is a child that has ended.
type childResult struct {
	row *ExecutionRow
	x   *interp.Execution
}

func (e *Engine) newResultReader(ctx context.Context, l *liveRun, shape resultShape, statuses ...interp.Status) *resultReader {
	return &resultReader{e: e, ctx: ctx, l: l, shape: shape, statuses: statuses}
}

// begin starts another list, of what the one before had no room for. some
// reports that there is anything.
func (r *resultReader) begin() (some bool, err error) {
	r.state, r.written, r.buf = 0, 0, nil
	if err := r.fill(); err != nil {
		return false, err
	}
	return len(r.page) > 0, nil
}

// resultPage is how many children are read at a time.
const resultPage = 200

// fill reads a page of children when there is none.
func (r *resultReader) fill() error {
	if len(r.page) > 0 || r.last {
		return nil
	}
	err := r.e.store.Read(r.ctx, func(v View) error {
		r.page = r.page[:0]
		rows, err := v.Children(r.l.id, r.after, resultPage, r.statuses...)
		if err != nil {
			return err
		}
		for _, row := range rows {
			x, err := interp.Decode(row.Head, nil, docs(v, row.ID))
			if err != nil {
				return fmt.Errorf("execution %d: %w", row.ID, err)
			}
			r.page = append(r.page, childResult{row, x})
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("read results: %w", err)
	}
	if len(r.page) < resultPage {
		r.last = true
	}
	if n := len(r.page); n > 0 {
		r.after = r.page[n-1].row.ID
	}
	return nil
}

// Read gives the text of the list.
func (r *resultReader) Read(p []byte) (int, error) {
	for len(r.buf) == 0 {
		if r.state == 2 {
			return 0, io.EOF
		}
		if err := r.more(); err != nil {
			return 0, err
		}
	}
	n := copy(p, r.buf)
	r.buf = r.buf[n:]
	r.written += int64(n)
	return n, nil
}

// more makes the next part of the text.
func (r *resultReader) more() error {
	r.buf = r.buf[:0]
	if r.state == 0 {
		r.state, r.first = 1, true
		if r.list {
			r.buf = append(r.buf, '[')
		}
		return nil
	}
	if err := r.fill(); err != nil {
		return err
	}
	if len(r.page) == 0 || r.limit > 0 && r.written >= r.limit && !r.first {
		r.state = 2
		if r.list {
			r.buf = append(r.buf, ']')
		}
		return nil
	}
	c := r.page[0]
	r.page = r.page[1:]
	r.child(c)
	return nil
}

// add appends one entry of the list.
func (r *resultReader) add(text []byte) {
	switch {
	case !r.list:
		r.buf = append(append(r.buf, text...), '\n')
	case r.first:
		r.buf = append(r.buf, text...)
	default:
		r.buf = append(append(r.buf, ','), text...)
	}
	r.first = false
}

// child appends what a child has come to. One that did not succeed is told
// whole, whatever the transformation.
func (r *resultReader) child(c childResult) {
	out := c.x.Output()
	if c.x.Status() != interp.Succeeded || out == nil || r.shape.transformation == "NONE" {
		r.add(r.e.childReport(c, r.l.owner).Bytes())
		return
	}
	if r.shape.transformation == "FLATTEN" {
		if list, ok := out.Value().([]any); ok {
			for _, v := range list {
				r.add(document.Append(nil, v))
			}
			return
		}
	}
	r.add(out.Bytes())
}

// childReport describes a child as result files do: members in alphabetical
// order, documents as text.
func (e *Engine) childReport(c childResult, owner *machine) *document.Doc {
	x := c.x
	o := document.NewObject(16)
	details := document.NewObject(1)
	details.Set("Included", true)
	name, cause := x.Failure()
	if cause != nil {
		o.Set("Cause", *cause)
	}
	if name != nil {
		o.Set("Error", *name)
	}
	o.Set("ExecutionArn", e.executionARN(owner, c.row.ID, e.naming.name(c.row.ID)))
	o.Set("Input", x.Input().String())
	o.Set("InputDetails", details)
	o.Set("Name", e.naming.name(c.row.ID))
	if out := x.Output(); out != nil {
		o.Set("Output", out.String())
		o.Set("OutputDetails", details)
	}
	o.Set("RedriveCount", document.Int(x.Redrives()))
	if x.Status() == interp.Succeeded {
		o.Set("RedriveStatus", "NOT_REDRIVABLE")
		o.Set("RedriveStatusReason", "Execution is SUCCEEDED and cannot be redriven")
	} else {
		o.Set("RedriveStatus", "REDRIVABLE_BY_MAP_RUN")
	}
	const form = "2006-01-02T15:04:05.000Z"
	o.Set("StartDate", x.Started().Format(form))
	o.Set("StateMachineArn", owner.ARN)
	o.Set("Status", string(x.Status()))
	if s := x.Stopped(); !s.IsZero() {
		o.Set("StopDate", s.Format(form))
	}
	return document.FromValue(o)
}

// pendingReader makes a list of the children that a run has not started because
// it fails or was given up.
type pendingReader struct {
	e     *Engine
	ctx   context.Context
	l     *liveRun
	lines bool
	next  *mapChild
	buf   []byte
}

// begin looks for the first of them. A source that cannot be read has none.
func (r *pendingReader) begin() (some bool, err error) {
	if err := r.look(); err != nil || r.next == nil {
		return false, err
	}
	if !r.lines {
		r.buf = append(r.buf, '[')
	}
	return true, nil
}

func (r *pendingReader) look() error {
	c, err := r.e.nextChild(r.ctx, r.l)
	var failed *asl.Error
	switch {
	case err == io.EOF, errors.As(err, &failed):
		r.next = nil
		return nil
	case err != nil:
		return fmt.Errorf("read pending items: %w", err)
	}
	r.next = &c
	return nil
}

// Read gives the text of the list.
func (r *pendingReader) Read(p []byte) (int, error) {
	for len(r.buf) == 0 {
		if r.next == nil {
			return 0, io.EOF
		}
		o := document.NewObject(3)
		o.Set("Input", r.next.input.String())
		details := document.NewObject(1)
		details.Set("Included", true)
		o.Set("InputDetails", details)
		o.Set("Status", "PENDING")
		r.buf = document.Append(r.buf[:0], o)
		if err := r.look(); err != nil {
			return 0, err
		}
		switch {
		case r.lines:
			r.buf = append(r.buf, '\n')
		case r.next != nil:
			r.buf = append(r.buf, ',')
		default:
			r.buf = append(r.buf, ']')
		}
	}
	n := copy(p, r.buf)
	r.buf = r.buf[n:]
	return n, nil
}

func milliseconds(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
