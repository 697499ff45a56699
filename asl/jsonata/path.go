package jsonata

// A path is evaluated step by step. What flows from step to step is a sequence;
// one that holds a single item is passed as that item, without an array around it.

// flow is the sequence between two steps: with one set exactly the item v,
// otherwise the items of the array v, or nothing if v is Undefined.
type flow struct {
	v   any
	one bool
}

func (w flow) items() list {
	if w.one {
		return list{items: []any{w.v}, n: 1}
	}
	l, _ := asList(w.v)
	return l
}

func (w flow) empty() bool {
	if w.one {
		return false
	}
	l, ok := asList(w.v)
	return !ok || l.n == 0
}

// value is the sequence as a value.
func (w flow) value() any {
	if !w.one {
		return w.v
	}
	if s, ok := w.v.(*seq); ok && s.flags&isSequence != 0 {
		// The item is a sequence itself, which must not be unwrapped in the place of the outer one.
		return &seq{items: []any{w.v}, flags: isSequence}
	}
	return w.v
}

// gather collects the results of a step and flattens them into one sequence.
type gather struct {
	n     int
	first any
	out   *seq
}

func (g *gather) add(ev *evaluator, v any) error {
	if v == Undefined {
		return nil
	}
	g.n++
	switch g.n {
	case 1:
		g.first = v
		return nil
	case 2:
		g.out = &seq{flags: isSequence, items: make([]any, 0, 4)}
		g.out.flatten(g.first)
	}
	had := len(g.out.items)
	g.out.flatten(v)
	return ev.alloc(itemSize * (len(g.out.items) - had))
}

// flatten appends v, or its items if it is an array that may be flattened.
func (s *seq) flatten(v any) {
	switch v := v.(type) {
	case []any:
		s.items = append(s.items, v...)
	case *seq:
		if v.flags&isCons != 0 {
			s.items = append(s.items, v)
			return
		}
		s.extend(v.list())
	case *tuples:
		s.extend(v.list())
	default:
		s.items = append(s.items, v)
	}
}

// extend appends the items of l.
func (s *seq) extend(l list) {
	if l.items != nil || l.n == 0 {
		s.items = append(s.items, l.items...)
		return
	}
	for i := range l.n {
		s.items = append(s.items, l.at(i))
	}
}

// done returns what was gathered. The only array that the last step gave stays as it is.
func (g *gather) done(last bool) flow {
	switch {
	case g.n == 0:
		return flow{v: Undefined}
	case g.n > 1:
		return flow{v: g.out}
	}
	if s, ok := g.first.(*seq); ok && s.flags&isCons != 0 && (!last || s.flags&isSequence != 0) {
		return flow{v: g.first, one: true}
	}
	l, ok := asList(g.first)
	if !ok {
		return flow{v: g.first, one: true}
	}
	if last && !isSeq(g.first) {
		return flow{v: g.first}
	}
	if l.items != nil {
		return flow{v: &seq{flags: isSequence, items: l.items[:l.n:l.n]}}
	}
	return flow{v: &seq{flags: isSequence, lo: l.lo, n: l.n}}
}

// member looks a name up in v, and in the items of v if it is an array.
func (ev *evaluator) member(v any, name string) (any, error) {
	if o := members(v); o != nil {
		if m, ok := o.Get(name); ok {
			return m, nil
		}
		return Undefined, nil
	}
	l, ok := asList(v)
	if !ok {
		return Undefined, nil
	}
	out := &seq{flags: isSequence}
	if err := ev.membersOf(out, l, name, 0); err != nil {
		return nil, err
	}
	return out, nil
}

func (ev *evaluator) membersOf(out *seq, l list, name string, depth int) error {
	if depth > maxNesting {
		return tooDeep()
	}
	if err := ev.charge(l.n); err != nil {
		return err
	}
	for _, item := range l.items {
		if o := members(item); o != nil {
			m, ok := o.Get(name)
			if !ok {
				continue
			}
			size := 1
			if inner, ok := asList(m); ok {
				out.extend(inner)
				size = inner.n
			} else {
				out.items = append(out.items, m)
			}
			if err := ev.alloc(itemSize * size); err != nil {
				return err
			}
		} else if inner, ok := asList(item); ok {
			if err := ev.membersOf(out, inner, name, depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

// field is a name.
type field struct{ name string }

func (n *field) eval(ev *evaluator, in any, _ *frame) (any, error) {
	return ev.member(in, n.name)
}

// fieldPath is the path people write most: names only, after a variable or not.
type fieldPath struct {
	head  evaluable // nil if the path starts with a name
	names []string
}

func (n *fieldPath) eval(ev *evaluator, in any, f *frame) (any, error) {
	ev.steps -= len(n.names)
	if ev.depth >= ev.maxDepth || ev.steps < 0 {
		return nil, tooDeep()
	}
	v := in
	if n.head != nil {
		var err error
		if v, err = ev.eval(n.head, in, f); err != nil {
			return nil, err
		}
	}
	for i, name := range n.names {
		o := members(v)
		if o == nil {
			if l, ok := asList(v); ok {
				return n.list(ev, l, i)
			}
			return Undefined, nil
		}
		m, ok := o.Get(name)
		if !ok {
			return Undefined, nil
		}
		v = m
	}
	if s, ok := v.(*seq); ok && s.flags&(isSequence|keepArray) == isSequence|keepArray {
		return &seq{items: s.items, flags: isSequence, lo: s.lo, n: s.n}, nil
	}
	return v, nil
}

// list goes on from the i-th name with the items of l.
func (n *fieldPath) list(ev *evaluator, l list, i int) (any, error) {
	for ; i < len(n.names); i++ {
		w, err := ev.namesOf(l, n.names[i], i == len(n.names)-1)
		if err != nil || i == len(n.names)-1 {
			return w.value(), err
		}
		if w.empty() {
			return w.v, nil
		}
		l = w.items()
	}
	return Undefined, nil
}

// namesOf is the step of a name over the items of l.
func (ev *evaluator) namesOf(l list, name string, last bool) (flow, error) {
	if err := ev.charge(l.n); err != nil {
		return flow{}, err
	}
	var g gather
	for i := range l.n {
		item := l.at(i)
		if o := members(item); o != nil {
			if m, ok := o.Get(name); ok {
				if err := g.add(ev, m); err != nil {
					return flow{}, err
				}
			}
			continue
		}
		m, err := ev.member(item, name)
		if err != nil {
			return flow{}, err
		}
		if s, ok := m.(*seq); ok && s.flags&isSequence != 0 {
			m = s.unwrapped()
		}
		if err := g.add(ev, m); err != nil {
			return flow{}, err
		}
	}
	return g.done(last), nil
}

// pathNode is a path of any steps.
type pathNode struct {
	steps    []step
	absolute bool // it starts with a variable
	tuple    bool // its value is a stream of tuples, for the path around it
	single   bool // [] on a step: the result stays an array
	keep     bool // [] after the whole path
	group    *groupNode
}

// step is a step of a path: an expression, or an order-by clause.
type step struct {
	code     evaluable
	name     string // of a step that is just a name
	sort     *sortNode
	stages   []pathStage
	cons     bool // an array constructor as the first step
	tuple    bool
	focus    string
	index    string
	ancestor *slot
}

// pathStage is a filter or, with filter nil, the binding of an index.
type pathStage struct {
	filter *filter
	index  string
}

func (n *pathNode) eval(ev *evaluator, in any, f *frame) (any, error) {
	w := flow{v: in, one: true}
	if isArray(in) && !n.absolute {
		w.one = false
	}
	var rows *tuples
	var err error
	bound := false // from some step on the path carries tuples
	for i := range n.steps {
		st := &n.steps[i]
		last := i == len(n.steps)-1
		bound = bound || st.tuple
		if st.cons {
			// The reference evaluates it without a thought for what @ and # bind.
			made, err := st.construct(ev, w, last || n.steps[i+1].sort != nil, f)
			if err != nil {
				return nil, err
			}
			if st.focus == "" {
				w = made
			}
			if !bound && w.empty() {
				break
			}
			continue
		}
		if bound {
			if rows, err = st.tuples(ev, w, rows, f); err != nil {
				return nil, err
			}
			continue
		}
		if w, err = st.apply(ev, w, last, f); err != nil {
			return nil, err
		}
		if w.empty() {
			break
		}
	}
	if rows != nil {
		if n.tuple && n.group == nil {
			return rows, nil
		}
		if n.group != nil {
			return n.group.applyTuples(ev, rows, f)
		}
		w = flow{v: &seq{flags: isSequence, items: rows.list().items}}
	}
	v := w.value()
	if n.single {
		v = w.kept()
	}
	if n.group != nil {
		if v, err = n.group.apply(ev, v, f); err != nil {
			return nil, err
		}
		return v, nil
	}
	if n.keep {
		if s, ok := v.(*seq); (ok && s.flags&isSequence != 0) || w.one {
			v = w.kept()
		}
	}
	return v, nil
}

// kept is the sequence as an array that keeps a single item.
func (w flow) kept() any {
	if w.one {
		return &seq{items: []any{w.v}, flags: isSequence | keepArray}
	}
	s, ok := w.v.(*seq)
	switch {
	case !ok || s.flags&(isCons|isSequence) == 0:
		return w.v
	case s.flags&isSequence == 0:
		return &seq{items: []any{s}, flags: isSequence | keepArray}
	}
	s.flags |= keepArray
	return s
}

// apply evaluates the step for every item of w.
func (st *step) apply(ev *evaluator, w flow, last bool, f *frame) (flow, error) {
	if st.sort != nil {
		return st.applySort(ev, w, f)
	}
	if st.name != "" && len(st.stages) == 0 && !w.one {
		if ev.depth >= ev.maxDepth {
			return flow{}, tooDeep()
		}
		l, _ := asList(w.v)
		return ev.namesOf(l, st.name, last)
	}
	var g gather
	if w.one {
		v, err := st.one(ev, w.v, f)
		if err == nil {
			err = g.add(ev, v)
		}
		return g.done(last), err
	}
	l, _ := asList(w.v)
	for i := range l.n {
		v, err := st.one(ev, l.at(i), f)
		if err == nil {
			err = g.add(ev, v)
		}
		if err != nil {
			return flow{}, err
		}
	}
	return g.done(last), nil
}

// construct evaluates a first step that constructs an array. A block is such a
// step too, if an expression in it is, and may give something else. The reference
// takes that for an array all the same, so that a text flows on by its characters
// and anything else not at all, but where the path ends or sorts it.
func (st *step) construct(ev *evaluator, w flow, whole bool, f *frame) (flow, error) {
	in := w.v
	if w.one {
		in = &seq{items: []any{w.v}, flags: isSequence}
	}
	v, err := ev.eval(st.code, in, f)
	if err != nil {
		return flow{}, err
	}
	switch text, ok := v.(string); {
	case v == Undefined || isArray(v):
		return flow{v: v}, nil
	case whole:
		return flow{v: v, one: true}, nil
	case ok && text != "":
		out := &seq{flags: isSequence}
		for _, c := range text {
			out.items = append(out.items, string(c))
		}
		return flow{v: out}, ev.alloc(itemSize * len(out.items))
	}
	return flow{v: Undefined}, nil
}

// one evaluates the step and its filters for an item.
func (st *step) one(ev *evaluator, item any, f *frame) (any, error) {
	v, err := ev.eval(st.code, item, f)
	if err != nil {
		return nil, err
	}
	for i := range st.stages {
		if st.stages[i].filter == nil {
			continue
		}
		if v, err = st.stages[i].filter.apply(ev, v, f); err != nil {
			return nil, err
		}
	}
	return v, nil
}

func (st *step) applySort(ev *evaluator, w flow, f *frame) (flow, error) {
	l := w.items()
	if l.n > 1 {
		sorted, err := st.sort.items(ev, l, f)
		if err != nil {
			return flow{}, err
		}
		w = flow{v: &seq{items: sorted}}
	}
	for i := range st.stages {
		if st.stages[i].filter == nil {
			continue
		}
		in := w.v
		if w.one {
			in = &seq{items: []any{w.v}, flags: isSequence}
		}
		v, err := st.stages[i].filter.apply(ev, in, f)
		if err != nil {
			return flow{}, err
		}
		w = flow{v: v}
	}
	return w, nil
}
