package jsonata

// evaluable is a compiled node. eval computes its value for the input in, with
// the variables of f; evaluator.eval is the way to call it.
type evaluable interface {
	eval(ev *evaluator, in any, f *frame) (any, error)
}

// evaluator is the state of one evaluation.
type evaluator struct {
	b        *Bindings
	root     any
	builtins map[string]*function
	noEval   bool
	base     frame // the outermost frame

	depth, maxDepth int
	calls           int // nested applications of functions
	steps           int // that are left
	memory          int // bytes that are left
}

// eval computes n for the input in. It counts depth and steps, and unwraps a
// sequence that holds one item or none.
func (ev *evaluator) eval(n evaluable, in any, f *frame) (any, error) {
	ev.depth++
	ev.steps--
	if ev.depth > ev.maxDepth || ev.steps < 0 {
		return nil, tooDeep()
	}
	v, err := n.eval(ev, in, f)
	if err != nil {
		return nil, err
	}
	if s, ok := v.(*seq); ok && s.flags&isSequence != 0 {
		v = s.unwrapped()
	}
	ev.depth--
	return v, nil
}

// charge takes n steps.
func (ev *evaluator) charge(n int) error {
	if ev.steps -= n; ev.steps < 0 {
		return tooDeep()
	}
	return nil
}

// alloc takes n bytes.
func (ev *evaluator) alloc(n int) error {
	if n < 0 || n > ev.memory {
		return fault("D2015")
	}
	ev.memory -= n
	return nil
}

// itemSize is what a member of an array is counted as, in bytes.
const itemSize = 16

// binding is a variable and its value.
type binding struct {
	name  string
	value any
}

// frame holds the variables of a block, a function call or a tuple.
type frame struct {
	parent *frame
	vars   []binding
	shared bool // vars belong to someone else too
}

// bind sets a variable in f.
func (f *frame) bind(name string, v any) {
	if f.shared {
		f.vars = append(make([]binding, 0, len(f.vars)+1), f.vars...)
		f.shared = false
	}
	for i := range f.vars {
		if f.vars[i].name == name {
			f.vars[i].value = v
			return
		}
	}
	f.vars = append(f.vars, binding{name, v})
}

// find looks a variable up in f and the frames around it.
func (f *frame) find(name string) (any, bool) {
	for ; f != nil; f = f.parent {
		for i := range f.vars {
			if f.vars[i].name == name {
				return f.vars[i].value, true
			}
		}
	}
	return nil, false
}

// lookup finds a variable: in the frames, the bindings, or among the built-in functions.
func (ev *evaluator) lookup(f *frame, name string) any {
	if v, ok := f.find(name); ok {
		return v
	}
	return ev.global(name, ev.builtins[name])
}

// global finds a variable that no frame has.
func (ev *evaluator) global(name string, builtin *function) any {
	if name == "$" {
		return ev.root
	}
	if v, ok := ev.b.Vars[name]; ok {
		return given(v)
	}
	if ev.b.Lookup != nil {
		if v, ok := ev.b.Lookup(name); ok {
			return given(v)
		}
	}
	if fn, ok := ev.b.Funcs[name]; ok {
		return given(fn)
	}
	if builtin == nil || ev.noEval && builtin.special == specialEval {
		return Undefined
	}
	return builtin
}

// given takes a value from outside: a document value or a *Func.
func given(v any) any {
	if fn, ok := v.(*Func); ok {
		if fn == nil {
			return Undefined
		}
		return &fn.f
	}
	return v
}

// constant is a literal.
type constant struct{ value any }

func (c *constant) eval(*evaluator, any, *frame) (any, error) { return c.value, nil }

// contextNode is $.
type contextNode struct{}

func (contextNode) eval(_ *evaluator, in any, _ *frame) (any, error) {
	if s, ok := in.(*seq); ok && s.flags&isOuter != 0 {
		return s.items[0], nil
	}
	return in, nil
}

// variable is $name.
type variable struct {
	name    string
	builtin *function // the built-in function of that name
}

func (n *variable) eval(ev *evaluator, _ any, f *frame) (any, error) {
	for hops := 0; f != nil; f = f.parent {
		// Frames nest deeply only if an expression sets out to nest them; then the search is charged for.
		if hops++; hops > 64 {
			if err := ev.charge(1); err != nil {
				return nil, err
			}
		}
		for i := range f.vars {
			if f.vars[i].name == n.name {
				return f.vars[i].value, nil
			}
		}
	}
	return ev.global(n.name, n.builtin), nil
}

// parentNode is %; a step of the path has put the parent into a variable.
type parentNode struct{ slot *slot }

func (n *parentNode) eval(ev *evaluator, _ any, f *frame) (any, error) {
	if v, ok := f.find(n.slot.label); ok {
		return v, nil
	}
	return Undefined, nil
}

// bindNode is $name := value.
type bindNode struct {
	name  string
	value evaluable
}

func (n *bindNode) eval(ev *evaluator, in any, f *frame) (any, error) {
	v, err := ev.eval(n.value, in, f)
	if err != nil {
		return nil, err
	}
	if err := ev.alloc(itemSize); err != nil {
		return nil, err
	}
	f.bind(n.name, v)
	return v, nil
}

// block is (a; b; c).
type block struct {
	list  []evaluable
	scope bool // it may bind variables, so it needs a frame
}

func (n *block) eval(ev *evaluator, in any, f *frame) (any, error) {
	if n.scope {
		f = &frame{parent: f}
	}
	var v any = Undefined
	var err error
	for _, e := range n.list {
		if v, err = ev.eval(e, in, f); err != nil {
			return nil, err
		}
	}
	return v, nil
}

// condition is c ? a : b.
type condition struct{ cond, then, els evaluable }

func (n *condition) eval(ev *evaluator, in any, f *frame) (any, error) {
	v, err := ev.eval(n.cond, in, f)
	if err != nil {
		return nil, err
	}
	yes, err := ev.truth(v)
	if err != nil {
		return nil, err
	}
	if yes {
		return ev.eval(n.then, in, f)
	}
	if n.els == nil {
		return Undefined, nil
	}
	return ev.eval(n.els, in, f)
}

// fallback is a ?: b, and a ?? b with defined set.
type fallback struct {
	value, els evaluable
	defined    bool
}

func (n *fallback) eval(ev *evaluator, in any, f *frame) (any, error) {
	v, err := ev.eval(n.value, in, f)
	if err != nil {
		return nil, err
	}
	good := v != Undefined
	if !n.defined {
		if good, err = ev.truth(v); err != nil {
			return nil, err
		}
	}
	if good {
		return v, nil
	}
	return ev.eval(n.els, in, f)
}

// decorated is a node with filters, a group-by or [] behind it.
type decorated struct {
	inner   evaluable
	filters []filter
	group   *groupNode
	keep    bool
}

func (n *decorated) eval(ev *evaluator, in any, f *frame) (any, error) {
	v, err := n.inner.eval(ev, in, f)
	if err != nil {
		return nil, err
	}
	for i := range n.filters {
		if v, err = n.filters[i].apply(ev, v, f); err != nil {
			return nil, err
		}
	}
	if n.group != nil {
		if v, err = n.group.apply(ev, v, f); err != nil {
			return nil, err
		}
	}
	if s, ok := v.(*seq); ok && n.keep && s.flags&isSequence != 0 {
		s.flags |= keepArray
	}
	return v, nil
}
