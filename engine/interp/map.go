package interp

import (
	"strconv"
	"strings"

	"millrace/asl"
	"millrace/asl/document"
)

// maxInline is the most iterations that an inline Map runs at a time, and its default.
const maxInline = 40

// mapState starts a Map state.
func (r *run) mapState(f *Frame, st *asl.Map) {
	input, err := r.eval(st.InputPath, f.input)
	if err != nil {
		r.failed(f, err)
		return
	}
	var items *document.Doc
	length := int64(0)
	j := &join{args: input}
	if st.ItemReader == nil {
		if items, err = r.items(st, input); err != nil {
			r.failed(f, err)
			return
		}
		j.items = items
		j.open()
		length = int64(j.total)
	}
	limit, err := r.concurrency(st, input)
	if err != nil {
		r.failed(f, err)
		return
	}
	f.last = r.event(Event{Type: "MapStateStarted", Length: &length}, f.last)
	if r.x.head.status != Running {
		return
	}
	tolerated, err := r.tolerated(st, input)
	if err != nil {
		r.failed(f, err)
		return
	}
	if st.Distributed {
		r.mapRun(f, st, j, limit, tolerated)
		return
	}
	if limit <= 0 || limit > maxInline {
		limit = maxInline
	}
	j.limit = int(limit)
	j.start = f.last
	f.join, f.phase = j, phaseJoin
	r.push(f)
}

// items computes what the Map goes over: an array, or in JSONata an object too.
func (r *run) items(st *asl.Map, input *document.Doc) (*document.Doc, error) {
	from := st.ItemsPath
	if st.Language == asl.JSONata {
		from = st.Items
	}
	d := input
	if from != nil {
		var err error
		if d, err = from.Eval(r.on(input)); err != nil {
			return nil, err
		}
	}
	switch d.Value().(type) {
	case []any:
		return d, nil
	case *document.Object:
		if st.Language == asl.JSONata && from != nil {
			return d, nil
		}
	}
	switch {
	case st.Language == asl.JSONata && from != nil:
		return nil, unexpected(from, "Items", "array", d)
	case st.Language == asl.JSONata:
		return nil, &asl.Error{Name: errQuery, Cause: "Map state input must be an array but was: " + d.String()}
	}
	path := "$"
	if from != nil {
		path = from.Source()
		if strings.HasPrefix(path, "$$") {
			path = path[1:] // recorded: the context object's "$$" is shown as "$"
		}
	}
	return nil, &asl.Error{Name: errRuntime, Cause: `Reference path "` + path + `" must point to array.`}
}

// open takes the items apart.
func (j *join) open() {
	switch v := j.items.Value().(type) {
	case []any:
		j.values = v
	case *document.Object:
		j.values = make([]any, v.Len())
		j.keys = make([]string, v.Len())
		for i := range j.values {
			j.keys[i], j.values[i] = v.At(i)
		}
	}
	j.total = len(j.values)
}

// item returns the item that the context object tells of in an iteration.
func (j *join) item(index int) *item {
	if j.values == nil && j.items != nil {
		j.open()
	}
	if index >= len(j.values) {
		return nil
	}
	it := &item{index: index, value: j.values[index]}
	if j.keys != nil {
		it.key, it.keyed = j.keys[index], true
	}
	return it
}

// enterIteration gives an iteration its input. It returns false when that fails.
func (r *run) enterIteration(f *Frame, st *asl.Map, child *Frame) bool {
	j := f.join
	index := int64(child.index)
	it := j.item(child.index)
	child.last = r.event(Event{Type: "MapIterationStarted", Name: st.Name, Index: &index}, child.last)
	if it == nil {
		r.runtime(f, "The Map state has no item "+strconv.Itoa(child.index)+".")
	}
	if r.x.head.status != Running {
		return false
	}
	r.focus(f)
	if st.ItemSelector == nil {
		child.input = itemInput(it)
		return true
	}
	if j.args == nil { // read back from the store
		args, err := r.eval(st.InputPath, f.input)
		if err != nil {
			r.selectorFailed(f, child, err)
			return false
		}
		j.args = args
	}
	r.item = it
	input, err := st.ItemSelector.Eval(r.on(j.args))
	r.item, r.ctxDoc = nil, nil
	if err != nil {
		r.selectorFailed(f, child, err)
		return false
	}
	child.input = input
	return true
}

// itemInput is an iteration's input without an ItemSelector.
func itemInput(it *item) *document.Doc {
	if it.keyed {
		o := document.NewObject(2)
		o.Set("Key", it.key)
		o.Set("Value", it.value)
		return document.FromValue(o)
	}
	return document.FromValue(it.value)
}

// selectorFailed lets a failing ItemSelector end its iteration, and with it the Map.
func (r *run) selectorFailed(f, child *Frame, err error) {
	last := child.last
	for _, k := range f.join.children() {
		if k != child {
			r.recordCut(k, last, true)
		}
	}
	if r.x.head.status != Running {
		return
	}
	r.cut(f)
	f.last, f.phase = last, phaseWork
	r.focus(f)
	r.failed(f, err)
}

// concurrency computes how many iterations may run at a time; 0: the default.
func (r *run) concurrency(st *asl.Map, input *document.Doc) (int64, error) {
	from, what := st.MaxConcurrency, "MaxConcurrency"
	if from == nil {
		if from, what = st.MaxConcurrencyPath, "MaxConcurrencyPath"; from == nil {
			return 0, nil
		}
	}
	d, err := from.Eval(r.on(input))
	if err != nil {
		return 0, err
	}
	v := d.Value()
	if s, ok := v.(string); ok { // recorded: a number in a string will do
		v = document.Number(s)
		if _, err := strconv.ParseInt(s, 10, 64); err != nil {
			v = s
		}
	}
	n, ok := integer(v)
	switch {
	case !ok && st.Language == asl.JSONata:
		return 0, unexpected(from, what, "number", d)
	case !ok:
		return 0, &asl.Error{Name: errRuntime, Cause: "The " + what + " field refers to value " + d.String() + " which is not a valid integer: " + from.Source()}
	case n < 0:
		name := errRuntime
		if st.Language == asl.JSONata {
			name = errQuery
		}
		return 0, &asl.Error{Name: name, Location: what, Cause: "MaxConcurrency must be a positive integer or zero."}
	}
	return n, nil
}
