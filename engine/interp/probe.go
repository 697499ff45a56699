package interp

import "millrace/asl/document"

// Probe looks into an execution, and prepares it, for a test of a single state.
// It is set before the execution's first input and is not part of its encoded
// form. With it, the causes of errors do not tell where they arose.
type Probe struct {
	// Variables are there from the start, in a scope around the execution's own.
	Variables []AssignedItem
	// Context is the context object in place of the execution's; nil: its own.
	Context *document.Doc
	// Retries is how often the retrier that takes an error has been used before.
	Retries int64
	// Raised is told of each error of a state before it is dealt with; the last
	// counts. nil: nobody is told.
	Raised func(Raised)
}

// Raised is an error of a state, with what of the state's Retry and Catch it meets.
type Raised struct {
	Error, Cause *string
	Retrier      int // the first retrier that names the error, used up or not; -1: none
	Catcher      int // the first catcher that names the error; -1: none
}

// probed prepares the retry counts of the frame's state before it does its work.
func (r *run) probed(f *Frame) {
	p := r.x.Probe
	if p == nil || p.Retries == 0 || f.parent != nil || f.retries != nil || f.phase != phaseWork {
		return
	}
	if retry, _ := handlers(f.st); len(retry) > 0 {
		f.retries = make([]int64, len(retry))
		f.retries[0] = p.Retries
	}
}

// probe tells of an error, and counts the retries before it to the retrier that
// takes it.
func (r *run) probe(f *Frame, fl *failure) {
	p := r.x.Probe
	if p == nil {
		return
	}
	e := Raised{Error: fl.name, Cause: fl.cause, Retrier: -1, Catcher: -1}
	if !fl.final && f.st != nil && text(fl.name) != errRuntime {
		retry, catch := handlers(f.st)
		e.Retrier = first(len(retry), func(i int) bool { return matches(retry[i].ErrorEquals, fl) })
		e.Catcher = first(len(catch), func(i int) bool { return matches(catch[i].ErrorEquals, fl) })
		if n := f.attempts(); e.Retrier > 0 && n > 0 && n == p.Retries {
			clear(f.retries)
			f.retries[e.Retrier] = n
		}
	}
	if p.Raised != nil {
		p.Raised(e)
	}
}

// first returns the first of n places that is as is says, or -1.
func first(n int, is func(int) bool) int {
	for i := range n {
		if is(i) {
			return i
		}
	}
	return -1
}

// variable finds a variable of the scope around the execution.
func (p *Probe) variable(name string) (*document.Doc, bool) {
	if p != nil {
		for _, v := range p.Variables {
			if v.Name == name {
				return v.Value, true
			}
		}
	}
	return nil, false
}

// probeContext is the context object that the probe brings, with the item that
// is at hand; nil: it brings none.
func (r *run) probeContext() *document.Doc {
	p := r.x.Probe
	if p == nil || p.Context == nil {
		return nil
	}
	it := r.itemOf(r.f)
	o, ok := p.Context.Value().(*document.Object)
	if it == nil || !ok {
		return p.Context
	}
	o = o.Clone()
	o.Set("Map", it.context())
	return document.FromValue(o)
}

// context is Map of the context object.
func (it *item) context() *document.Object {
	m := document.NewObject(4)
	m.Set("Index", document.Int(int64(it.index)))
	if it.keyed {
		m.Set("Key", it.key)
	}
	m.Set("Value", it.value)
	source := it.source
	if source == "" {
		source = "STATE_DATA"
	}
	m.Set("Source", source)
	w := document.NewObject(1)
	w.Set("Item", m)
	return w
}
