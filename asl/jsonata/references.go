package jsonata

import "slices"

// ReferenceKind says what a reference is to.
type ReferenceKind uint8

const (
	// Variable is $name, bound nowhere in the expression.
	Variable ReferenceKind = iota
	// Context is $ where it means the input of the whole expression.
	Context
	// Root is $$.
	Root
	// Field is a name (or * or ** or %) that is looked up in the input of the whole expression.
	Field
)

// Reference is something an expression uses but does not define.
type Reference struct {
	Kind ReferenceKind
	// Name is the variable's name without the $, or the field's name; "" for $ and $$.
	Name string
	// Fields are the names that follow in the path: result and body in $states.result.body.
	Fields []string
	// Called is set for a variable that is called or applied as a function.
	Called bool
	// Start is where the reference begins in the source, in bytes.
	Start int
	// Position is where its first token ends, in bytes.
	Position int
}

// String returns the reference as it is written, without the fields.
func (r Reference) String() string {
	switch r.Kind {
	case Variable:
		return "$" + r.Name
	case Context:
		return "$"
	case Root:
		return "$$"
	}
	return r.Name
}

// References returns what the expression uses and does not define, in the order
// of the source: free variables, built-in functions among them, and uses of the
// input. The caller must not change it.
func (e *Expr) References() []Reference { return e.refs }

// Variables returns the references to free variables that are not built-in functions.
func (e *Expr) Variables() []Reference {
	var out []Reference
	for _, r := range e.refs {
		if r.Kind == Variable && !IsBuiltin(r.Name) {
			out = append(out, r)
		}
	}
	return out
}

// refWalker finds references. Scopes are the names bound around a node.
type refWalker struct {
	refs []Reference
}

type scope struct {
	parent *scope
	names  map[string]bool
}

func (s *scope) has(name string) bool {
	for ; s != nil; s = s.parent {
		if s.names[name] {
			return true
		}
	}
	return false
}

func (s *scope) child() *scope { return &scope{parent: s, names: map[string]bool{}} }

// references lists the references of a shaped tree.
func references(tree *node) []Reference {
	var w refWalker
	s := (*scope)(nil).child()
	bound(tree, s)
	w.visit(tree, s, true)
	slices.SortStableFunc(w.refs, func(a, b Reference) int { return a.Start - b.Start })
	return w.refs
}

// bound adds the variables that := binds in n, blocks and functions inside excepted.
func bound(n *node, s *scope) {
	walk(n, func(n *node) bool {
		switch n.kind {
		case kBind:
			s.names[n.lhs.value] = true
		case kBlock, kLambda:
			return false
		}
		return true
	})
}

// visit records the references in n; top says that its input is that of the whole expression.
func (w *refWalker) visit(n *node, s *scope, top bool) {
	if n == nil {
		return
	}
	switch n.kind {
	case kVariable:
		w.variable(n, s, top, nil)
	case kName, kWildcard, kDescendant:
		w.field(n, top, nil)
	case kPath:
		w.path(n, s, top)
	case kLambda:
		inner := s.child()
		for _, p := range n.list {
			inner.names[p.value] = true
		}
		bound(n.body, inner)
		w.visit(n.body, inner, top)
	case kBlock:
		inner := s.child()
		for _, e := range n.list {
			bound(e, inner)
		}
		w.all(n.list, inner, top)
	case kBind:
		w.visit(n.rhs, s, top)
	case kFunction, kPartial:
		w.callee(n.lhs, s, top)
		w.all(n.list, s, top)
	case kApply:
		w.visit(n.lhs, s, top)
		w.callee(n.rhs, s, top)
	case kTransform:
		w.visit(n.pattern, s, false)
		w.visit(n.update, s, false)
		w.visit(n.delete, s, false)
	default:
		for _, c := range []*node{n.lhs, n.rhs, n.cond, n.then, n.els, n.body} {
			w.visit(c, s, top)
		}
		w.all(n.list, s, top)
		w.pairs(n.pairs, s, top)
		for _, t := range n.terms {
			w.visit(t.expr, s, false)
		}
	}
	for _, st := range n.predicate {
		w.visit(st.expr, s, false)
	}
	if n.kind != kPath && n.group != nil {
		w.pairs(n.group.pairs, s, false)
	}
}

func (w *refWalker) all(list []*node, s *scope, top bool) {
	for _, n := range list {
		w.visit(n, s, top)
	}
}

func (w *refWalker) pairs(pairs [][2]*node, s *scope, top bool) {
	for _, p := range pairs {
		w.visit(p[0], s, top)
		w.visit(p[1], s, top)
	}
}

// callee records what is called.
func (w *refWalker) callee(n *node, s *scope, top bool) {
	had := len(w.refs)
	w.visit(n, s, top)
	if n.kind == kVariable && len(w.refs) > had {
		w.refs[had].Called = true
	}
}

func (w *refWalker) variable(n *node, s *scope, top bool, fields []string) {
	r := Reference{Name: n.value, Fields: fields, Start: n.start, Position: n.pos}
	switch n.value {
	case "":
		if !top {
			return
		}
		r.Kind = Context
	case "$":
		r.Kind, r.Name = Root, ""
	default:
		if s.has(n.value) {
			return
		}
	}
	w.refs = append(w.refs, r)
}

func (w *refWalker) field(n *node, top bool, fields []string) {
	if top {
		w.refs = append(w.refs, Reference{Kind: Field, Name: n.value, Fields: fields, Start: n.start, Position: n.pos})
	}
}

// path visits the steps of a path; the input of the first is the path's own.
func (w *refWalker) path(n *node, s *scope, top bool) {
	inner := s.child()
	for _, st := range n.steps {
		if st.focus != "" {
			inner.names[st.focus] = true
		}
		if st.index != "" {
			inner.names[st.index] = true
		}
		for _, g := range st.stages {
			if g.index != "" {
				inner.names[g.index] = true
			}
		}
	}
	for i, st := range n.steps {
		first := top && i == 0
		var fields []string
		if i == 0 {
			fields = namesAfter(n.steps)
		}
		switch st.kind {
		case kVariable:
			w.variable(st, inner, first, fields)
			for _, p := range st.predicate {
				w.visit(p.expr, inner, false)
			}
		case kName:
			w.field(st, first, fields)
			for _, p := range st.predicate {
				w.visit(p.expr, inner, false)
			}
		default:
			w.visit(st, inner, first)
		}
		for _, g := range st.stages {
			w.visit(g.expr, inner, false)
		}
	}
	if n.group != nil {
		w.pairs(n.group.pairs, inner, false)
	}
}

// namesAfter lists the plain names that directly follow the first step.
func namesAfter(steps []*node) []string {
	var out []string
	for _, st := range steps[1:] {
		if st.kind != kName {
			break
		}
		out = append(out, st.value)
	}
	return out
}
