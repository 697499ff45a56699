package teststate

import (
	"errors"

	"millrace/asl"
	"millrace/asl/document"
	"millrace/engine/interp"
)

// mapState returns a Map state that hands its items over as a distributed one
// does, for the mock to answer, whatever its mode.
func (t *Test) mapState(st *asl.Map) asl.State {
	see := &t.seen
	c := *st
	c.Distributed = true
	if c.MaxConcurrency == nil && c.MaxConcurrencyPath == nil {
		c.MaxConcurrency = constant{document.Int(0)}
	}
	watch := func(field *asl.Field, to **document.Doc) {
		if *field != nil {
			*field = note(*field, to)
		}
	}
	watch(&c.MaxConcurrency, &see.MaxConcurrency)
	watch(&c.MaxConcurrencyPath, &see.MaxConcurrency)
	watch(&c.ToleratedFailureCount, &see.ToleratedFailureCount)
	watch(&c.ToleratedFailureCountPath, &see.ToleratedFailureCount)
	watch(&c.ToleratedFailurePercentage, &see.ToleratedFailurePercentage)
	watch(&c.ToleratedFailurePercentagePath, &see.ToleratedFailurePercentage)
	if c.Language == asl.JSONata {
		return &c
	}
	c.InputPath = note(c.InputPath, &see.AfterInputPath)
	if c.ItemReader == nil {
		c.ItemsPath = &itemsPath{noted{field: c.ItemsPath, output: []**document.Doc{&see.AfterItemsPath}}}
	}
	c.ResultSelector = note(c.ResultSelector, &see.AfterResultSelector)
	c.OutputPath = before(c.OutputPath, &see.AfterResultPath)
	return &c
}

// itemsPath is an ItemsPath, noted only when it leads to an array: else the
// state fails.
type itemsPath struct{ noted }

func (p *itemsPath) Eval(env *asl.Env) (*document.Doc, error) {
	d, err := p.noted.Eval(env)
	if err == nil {
		if _, ok := d.Value().([]any); !ok {
			for _, to := range p.output {
				*to = nil
			}
		}
	}
	return d, err
}

// mapOutcome is the outcome of a Map state's iterations: that of the mock,
// unless the items are wrong already or more iterations failed than the state
// tolerates.
func (t *Test) mapOutcome() interp.Outcome {
	run := t.call.MapRun
	st := t.state.(*asl.Map)
	items := run.Items
	if st.ItemReader != nil && t.r.MapReaderData != nil {
		read, cause := readItems(st.ItemReader, *t.r.MapReaderData)
		if cause != "" {
			return failure("States.ItemReaderFailed", cause)
		}
		if st.ItemReader.ItemsPointer != "" {
			t.seen.AfterItemsPointer = read
		}
		items = head(read, run.MaxItems)
	}
	list, keys := elements(items)
	selected, err := t.selected(st, run, list, keys)
	if err != nil {
		return evaluationFailure(err)
	}
	if st.ItemBatcher != nil && selected != nil {
		t.seen.AfterItemBatcher = batches(run, selected)
	}
	if o := t.mocked(); o.Failed || !t.exceeded(len(list)) {
		return o
	}
	return failure("States.ExceedToleratedFailureThreshold", "The specified tolerated failure threshold was exceeded")
}

// elements takes items apart: keys are those of an object, nil for an array.
func elements(items *document.Doc) (list []any, keys []string) {
	if items == nil {
		return nil, nil
	}
	switch v := items.Value().(type) {
	case []any:
		return v, nil
	case *document.Object:
		for i := range v.Len() {
			k, e := v.At(i)
			list, keys = append(list, e), append(keys, k)
		}
	}
	return list, keys
}

// head is the first max of items, all of them if max is nil.
func head(items, max *document.Doc) *document.Doc {
	list, ok := items.Value().([]any)
	if max == nil || !ok {
		return items
	}
	n, ok := number(max)
	if !ok || n <= 0 || n >= float64(len(list)) {
		return items
	}
	return document.FromValue(list[:int(n)])
}

// maxSelected is how many bytes all iterations together may have to read when
// their inputs are computed for inspection.
const maxSelected = 256 << 20

// selected computes the input of each iteration and notes them when there is an
// ItemSelector. It gives up with nil where there is more to read than maxSelected,
// or more to tell than a document may have.
func (t *Test) selected(st *asl.Map, run *interp.MapRun, list []any, keys []string) ([]any, error) {
	if list == nil || st.ItemSelector == nil {
		return list, nil
	}
	if run.Input != nil && len(run.Input.Bytes())*len(list) > maxSelected {
		return nil, nil
	}
	source := sourceOf(st.ItemReader, run.Reader)
	out := make([]any, len(list))
	size := 0
	for i, v := range list {
		var key *string
		if keys != nil {
			key = &keys[i]
		}
		d, err := interp.ChildInput(t.m, t.x, run, t.call.Event, i, key, source, document.FromValue(v))
		if err != nil {
			return nil, err
		}
		if size += len(d.Bytes()) + 1; size > interp.MaxDocument {
			return nil, nil
		}
		out[i] = d.Value()
	}
	t.seen.AfterItemSelector = document.FromValue(out)
	return out, nil
}

// sourceOf is what the context object tells of where items were read from; "": in
// the state's input.
func sourceOf(r *asl.ItemReader, arguments *document.Doc) string {
	if r == nil || arguments == nil {
		return ""
	}
	o, ok := arguments.Value().(*document.Object)
	if !ok {
		return ""
	}
	text := func(name string) string {
		v, _ := o.Get(name)
		s, _ := v.(string)
		return s
	}
	source := "S3://" + text("Bucket")
	if key := text("Key"); key != "" {
		source += "/" + key
	}
	return source
}

// batches groups the inputs of iterations as the ItemBatcher says: each batch has
// at least one item, whatever its size.
func batches(run *interp.MapRun, items []any) *document.Doc {
	most, bytes := len(items), interp.MaxDocument
	if n, ok := number(run.MaxItemsPerBatch); ok && n >= 1 && n < float64(most) {
		most = int(n)
	}
	if n, ok := number(run.MaxBytesPerBatch); ok && n >= 1 && n < float64(bytes) {
		bytes = int(n)
	}
	empty := batch(run, nil)
	fixed := len(document.Append(nil, empty))
	var all []any
	for i := 0; i < len(items); {
		size, n := fixed, 0
		for n < most && i+n < len(items) {
			size += len(document.Append(nil, items[i+n])) + 1
			if n > 0 && size > bytes {
				break
			}
			n++
		}
		all = append(all, batch(run, items[i:i+n]))
		i += n
	}
	if all == nil {
		all = []any{}
	}
	return document.FromValue(all)
}

func batch(run *interp.MapRun, items []any) *document.Object {
	o := document.NewObject(2)
	if run.BatchInput != nil {
		o.Set("BatchInput", run.BatchInput.Value())
	}
	if items == nil {
		items = []any{}
	}
	o.Set("Items", items)
	return o
}

// exceeded says whether more of total iterations failed than the Map state
// tolerates. As recorded, one that says nothing of it tolerates all.
func (t *Test) exceeded(total int) bool {
	failed := float64(t.r.MapFailures)
	if failed <= 0 {
		return false
	}
	if n, ok := number(t.seen.ToleratedFailureCount); ok && failed > n {
		return true
	}
	p, ok := number(t.seen.ToleratedFailurePercentage)
	return ok && (total == 0 || 100*failed/float64(total) > p)
}

// number returns a document that is a number; nil is none.
func number(d *document.Doc) (float64, bool) {
	if d == nil {
		return 0, false
	}
	n, ok := d.Value().(document.Number)
	return n.Float64(), ok
}

func failure(name, cause string) interp.Outcome {
	return interp.Outcome{Failed: true, Error: &name, Cause: &cause}
}

// evaluationFailure is the outcome of an expression that failed.
func evaluationFailure(err error) interp.Outcome {
	var e *asl.Error
	if !errors.As(err, &e) {
		return failure("States.Runtime", err.Error())
	}
	return failure(e.Name, e.Cause)
}
