package jsonata

// arrayNode is [a, b, c].
type arrayNode struct {
	items []arrayItem
	cons  bool // a step of a path that is not to be flattened
}

type arrayItem struct {
	code   evaluable
	nested bool // it is an array constructor itself, whose value is one item
}

func (n *arrayNode) eval(ev *evaluator, in any, f *frame) (any, error) {
	out := &seq{items: make([]any, 0, len(n.items))}
	if n.cons {
		out.flags = isCons
	}
	for _, item := range n.items {
		v, err := ev.eval(item.code, in, f)
		if err != nil {
			return nil, err
		}
		if v == Undefined {
			continue
		}
		l, ok := asList(v)
		if !ok || item.nested {
			out.items = append(out.items, v)
			continue
		}
		if len(n.items) == 1 && l.items == nil && l.n > 0 {
			// A range on its own stays a range.
			out.items, out.lo, out.n = nil, l.lo, l.n
			return out, nil
		}
		if err := ev.alloc(itemSize * l.n); err != nil {
			return nil, err
		}
		out.extend(l)
	}
	return out, ev.alloc(itemSize * (len(n.items) + 2))
}

// groupNode is {key: value, ...}: an object constructor, or a group-by after a path.
type groupNode struct {
	pairs []pair
	pos   int
}

type pair struct{ key, value evaluable }

// objectNode is an object constructor, which groups its one input.
type objectNode struct{ groupNode }

func (n *objectNode) eval(ev *evaluator, in any, f *frame) (any, error) {
	return n.apply(ev, in, f)
}

// group is a key and the items that have it.
type group struct {
	key  string
	pair int
	data any
	many bool // data is a seq that is ours to append to
	rows []tuple
}

// key evaluates a key; ok is false if there is none.
func (n *groupNode) key(ev *evaluator, p *pair, item any, f *frame) (key string, ok bool, err error) {
	if c, is := p.key.(*constant); is {
		if s, is := c.value.(string); is && !reserved(s) {
			return s, true, ev.charge(1)
		}
	}
	v, err := ev.eval(p.key, item, f)
	if err != nil || v == Undefined {
		return "", false, err
	}
	key, ok = v.(string)
	if !ok {
		return "", false, faultValue("T1003", v).at(n.pos, "")
	}
	if reserved(key) {
		return "", false, faultValue("D1013", key).at(n.pos, "")
	}
	return key, true, nil
}

// reserved are the keys that the reference marks its functions with, and refuses.
func reserved(key string) bool { return key == "_jsonata_lambda" || key == "_jsonata_function" }

// apply groups the items of v by key and evaluates each key's value for its items.
func (n *groupNode) apply(ev *evaluator, v any, f *frame) (any, error) {
	if t, ok := v.(*tuples); ok {
		return n.applyTuples(ev, t, f)
	}
	var g grouper
	l, isList := asList(v)
	switch {
	case !isList:
		if err := n.add(ev, &g, v, f); err != nil {
			return nil, err
		}
	case l.n == 0:
		if err := n.add(ev, &g, Undefined, f); err != nil {
			return nil, err
		}
	default:
		for i := range l.n {
			if err := n.add(ev, &g, l.at(i), f); err != nil {
				return nil, err
			}
		}
	}
	out := newObject(len(g.groups))
	for i := range g.groups {
		gr := &g.groups[i]
		v, err := ev.eval(n.pairs[gr.pair].value, gr.data, f)
		if err != nil {
			return nil, err
		}
		if err := set(ev, out, gr.key, v); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// set adds a member unless there is nothing to add.
func set(ev *evaluator, o *object, key string, v any) error {
	if v == Undefined {
		return nil
	}
	o.Set(key, v)
	return ev.alloc(len(key) + 3*itemSize)
}

// grouper collects groups in the order of their keys' first appearance.
type grouper struct {
	groups []group
	index  map[string]int // once there are many
}

func (g *grouper) find(key string) *group {
	if g.index != nil {
		if i, ok := g.index[key]; ok {
			return &g.groups[i]
		}
		return nil
	}
	for i := range g.groups {
		if g.groups[i].key == key {
			return &g.groups[i]
		}
	}
	return nil
}

func (g *grouper) put(gr group) {
	g.groups = append(g.groups, gr)
	switch n := len(g.groups); {
	case g.index != nil:
		g.index[gr.key] = n - 1
	case n > 16:
		g.index = make(map[string]int, 2*n)
		for i := range g.groups {
			g.index[g.groups[i].key] = i
		}
	}
}

// add puts an item into the groups of its keys.
func (n *groupNode) add(ev *evaluator, g *grouper, item any, f *frame) error {
	if g.groups == nil {
		g.groups = make([]group, 0, len(n.pairs))
	}
	for i := range n.pairs {
		key, ok, err := n.key(ev, &n.pairs[i], item, f)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		gr := g.find(key)
		if gr == nil {
			g.put(group{key: key, pair: i, data: item})
			continue
		}
		if gr.pair != i {
			return faultValue("D1009", key).at(n.pos, "")
		}
		if item == Undefined {
			continue
		}
		if gr.data == Undefined {
			gr.data = item
			continue
		}
		if !gr.many {
			s := &seq{}
			s.spread(gr.data)
			gr.data, gr.many = s, true
		}
		s := gr.data.(*seq)
		had := len(s.items)
		s.spread(item)
		if err := ev.alloc(itemSize * (len(s.items) - had)); err != nil {
			return err
		}
	}
	return nil
}

// spread appends v, or the items of v if it is any array.
func (s *seq) spread(v any) {
	if l, ok := asList(v); ok {
		s.extend(l)
		return
	}
	s.items = append(s.items, v)
}

// applyTuples groups rows; a value sees the items and variables of its group's rows as arrays.
func (n *groupNode) applyTuples(ev *evaluator, t *tuples, f *frame) (any, error) {
	var g grouper
	for r := range t.rows {
		row := &t.rows[r]
		rf := row.frame(f)
		for i := range n.pairs {
			key, ok, err := n.key(ev, &n.pairs[i], row.at, rf)
			if err != nil {
				return nil, err
			}
			if !ok {
				continue
			}
			gr := g.find(key)
			if gr == nil {
				g.put(group{key: key, pair: i, rows: []tuple{*row}})
				continue
			}
			if gr.pair != i {
				return nil, faultValue("D1009", key).at(n.pos, "")
			}
			gr.rows = append(gr.rows, *row)
		}
	}
	out := newObject(len(g.groups))
	for i := range g.groups {
		gr := &g.groups[i]
		row, err := reduced(ev, gr.rows)
		if err != nil {
			return nil, err
		}
		v, err := ev.eval(n.pairs[gr.pair].value, row.at, row.frame(f))
		if err != nil {
			return nil, err
		}
		if err := set(ev, out, gr.key, v); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// reduced makes one row of several, whose item and variables are the arrays of theirs.
func reduced(ev *evaluator, rows []tuple) (tuple, error) {
	if len(rows) == 1 {
		return rows[0], nil
	}
	at := &seq{}
	vars := []binding{}
	arrays := []*seq{}
	size := func() int {
		n := len(at.items)
		for _, a := range arrays {
			n += len(a.items)
		}
		return n
	}
	for _, r := range rows {
		had := size()
		at.spread(r.at)
	next:
		for _, b := range r.vars {
			for i := range vars {
				if vars[i].name == b.name {
					arrays[i].spread(b.value)
					continue next
				}
			}
			s := &seq{}
			s.spread(b.value)
			vars, arrays = append(vars, binding{b.name, s}), append(arrays, s)
		}
		if err := ev.room(size() - had); err != nil {
			return tuple{}, err
		}
	}
	return tuple{at: at, vars: vars}, nil
}

// wildcard is *.
type wildcard struct{}

func (wildcard) eval(ev *evaluator, in any, _ *frame) (any, error) {
	if s, ok := in.(*seq); ok && s.flags&isOuter != 0 && len(s.items) > 0 {
		in = s.items[0]
	}
	out := &seq{flags: isSequence}
	each := func(v any) error {
		if l, ok := asList(v); ok {
			// What arrays were joined to is no sequence any more.
			out.flags = 0
			return ev.flat(out, l, 0)
		}
		out.items = append(out.items, v)
		return nil
	}
	if l, ok := asList(in); ok {
		for i := range l.n {
			if err := each(l.at(i)); err != nil {
				return nil, err
			}
		}
	} else if o := members(in); o != nil {
		for i := range o.Len() {
			_, v := o.At(i)
			if err := each(v); err != nil {
				return nil, err
			}
		}
	}
	if err := ev.charge(len(out.items)); err != nil {
		return nil, err
	}
	return out, ev.alloc(itemSize * len(out.items))
}

// flat appends the items of l, and of the arrays among them.
func (ev *evaluator) flat(out *seq, l list, depth int) error {
	if depth > maxNesting {
		return tooDeep()
	}
	if err := ev.room(l.n); err != nil {
		return err
	}
	for i := range l.n {
		v := l.at(i)
		if inner, ok := asList(v); ok {
			if err := ev.flat(out, inner, depth+1); err != nil {
				return err
			}
			continue
		}
		out.items = append(out.items, v)
	}
	return nil
}

// descendant is **.
type descendant struct{}

func (descendant) eval(ev *evaluator, in any, _ *frame) (any, error) {
	if in == Undefined {
		return Undefined, nil
	}
	out := &seq{flags: isSequence}
	if err := ev.descend(out, in, 0); err != nil {
		return nil, err
	}
	if len(out.items) == 1 {
		return out.items[0], nil // [] behind it does not make an array of it
	}
	return out, nil
}

func (ev *evaluator) descend(out *seq, v any, depth int) error {
	if depth > maxNesting {
		return tooDeep()
	}
	if err := ev.charge(1); err != nil {
		return err
	}
	if l, ok := asList(v); ok {
		for i := range l.n {
			if err := ev.descend(out, l.at(i), depth+1); err != nil {
				return err
			}
		}
		return nil
	}
	out.items = append(out.items, v)
	if err := ev.alloc(itemSize); err != nil {
		return err
	}
	if o := members(v); o != nil {
		for i := range o.Len() {
			_, m := o.At(i)
			if err := ev.descend(out, m, depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}
