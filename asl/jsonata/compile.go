package jsonata

import "math"

// compiler makes a shaped tree evaluable.
type compiler struct {
	builtins map[string]*function
	regex    int // instructions of all regular expressions
}

// maxRegexTotal bounds the regular expressions of one expression together.
const maxRegexTotal = 10 * maxProgram

// compile compiles n with the filters, group-by and [] that belong to it.
func (c *compiler) compile(n *node) (evaluable, *Error) {
	code, err := c.bare(n)
	if err != nil {
		return nil, err
	}
	if n.predicate == nil && (n.group == nil || n.kind == kPath) && (!n.keep || n.kind == kPath) {
		return code, nil
	}
	d := &decorated{inner: code, keep: n.keep}
	for _, p := range n.predicate {
		fl, err := c.filter(p.expr)
		if err != nil {
			return nil, err
		}
		d.filters = append(d.filters, *fl)
	}
	if n.group != nil && n.kind != kPath {
		g, err := c.group(n.group.pairs, n.group.pos)
		if err != nil {
			return nil, err
		}
		d.group = g
	}
	return d, nil
}

// bare compiles n alone.
func (c *compiler) bare(n *node) (evaluable, *Error) {
	switch n.kind {
	case kString:
		return &constant{n.value}, nil
	case kNumber:
		return &constant{n.num}, nil
	case kValue:
		return &constant{n.literal}, nil
	case kName:
		return &field{n.value}, nil
	case kVariable:
		if n.value == "" {
			return contextNode{}, nil
		}
		return &variable{n.value, c.builtins[n.value]}, nil
	case kRegex:
		re, err := parseRegex(n.value, n.flags)
		if err == nil {
			if c.regex += len(re.code); c.regex > maxRegexTotal {
				err = errRegex
			}
		}
		if err != nil {
			e := faultAt("S0303", n.pos, "")
			e.Value = n.value
			return nil, e
		}
		return &regexNode{re}, nil
	case kWildcard:
		return wildcard{}, nil
	case kDescendant:
		return descendant{}, nil
	case kParent:
		return &parentNode{n.slot}, nil
	case kPath:
		return c.path(n)
	case kBinary:
		return c.operator(n)
	case kUnary:
		return c.unary(n)
	case kFunction, kPartial:
		return c.call(n)
	case kThunk:
		call, err := c.call(n.body)
		return &tailCall{call}, err
	case kLambda:
		return c.lambda(n)
	case kCondition:
		return c.condition(n)
	case kBlock:
		list, err := c.all(n.list)
		return &block{list, bindsIn(n.list)}, err
	case kBind:
		v, err := c.compile(n.rhs)
		return &bindNode{n.lhs.value, v}, err
	case kApply:
		return c.apply(n)
	case kTransform:
		return c.transform(n)
	case kOperator:
		return &constant{Undefined}, nil
	}
	return nil, faultAt("S0206", n.pos, n.value)
}

func (c *compiler) all(list []*node) ([]evaluable, *Error) {
	out := make([]evaluable, len(list))
	for i, n := range list {
		var err *Error
		if out[i], err = c.compile(n); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (c *compiler) lambda(n *node) (evaluable, *Error) {
	body, err := c.compile(n.body)
	if err != nil {
		return nil, err
	}
	l := &lambda{sig: n.sig, body: body}
	for _, p := range n.list {
		l.params = append(l.params, p.value)
	}
	return l, nil
}

func (c *compiler) condition(n *node) (evaluable, *Error) {
	then, err := c.compile(n.then)
	if err != nil {
		return nil, err
	}
	var els evaluable
	if n.els != nil {
		if els, err = c.compile(n.els); err != nil {
			return nil, err
		}
	}
	if n.form != plainCondition {
		return &fallback{then, els, n.form == coalesce}, nil
	}
	cond, err := c.compile(n.cond)
	return &condition{cond, then, els}, err
}

func (c *compiler) apply(n *node) (evaluable, *Error) {
	left, err := c.compile(n.lhs)
	if err != nil {
		return nil, err
	}
	a := &applyNode{left: left, pos: n.pos}
	if n.rhs.kind == kFunction {
		a.call, err = c.call(n.rhs)
		return a, err
	}
	a.right, err = c.compile(n.rhs)
	return a, err
}

func (c *compiler) transform(n *node) (evaluable, *Error) {
	sig, err := parseSignature("<(oa):o>")
	if err != nil {
		return nil, err
	}
	t := &transform{sig: sig, pos: n.pos, updatePos: n.update.pos}
	if t.pattern, err = c.compile(n.pattern); err != nil {
		return nil, err
	}
	if t.update, err = c.compile(n.update); err != nil || n.delete == nil {
		return t, err
	}
	t.deletePos = n.delete.pos
	t.remove, err = c.compile(n.delete)
	return t, err
}

func (c *compiler) call(n *node) (*call, *Error) {
	fn, err := c.compile(n.lhs)
	if err != nil {
		return nil, err
	}
	args, err := c.all(n.list)
	if err != nil {
		return nil, err
	}
	k := &call{fn: fn, args: args, pos: n.pos, partial: n.kind == kPartial}
	switch n.lhs.kind {
	case kPath:
		k.name, k.isPath = n.lhs.steps[0].value, true
	case kVariable:
		k.name = n.lhs.value
	}
	if k.partial {
		for _, a := range n.list {
			k.holes = append(k.holes, a.kind == kOperator && a.value == "?")
		}
	}
	return k, nil
}

func (c *compiler) unary(n *node) (evaluable, *Error) {
	switch n.value {
	case "[":
		out := &arrayNode{cons: n.cons, items: make([]arrayItem, len(n.list))}
		for i, item := range n.list {
			code, err := c.compile(item)
			if err != nil {
				return nil, err
			}
			out.items[i] = arrayItem{code, item.value == "[" && (item.kind == kUnary || item.kind == kString)}
		}
		return out, nil
	case "{":
		g, err := c.group(n.pairs, n.pos)
		if err != nil {
			return nil, err
		}
		return &objectNode{*g}, nil
	}
	v, err := c.compile(n.lhs)
	return &negation{v, n.pos}, err
}

func (c *compiler) operator(n *node) (evaluable, *Error) {
	if n.value == "&" {
		return c.concat(n)
	}
	l, err := c.compile(n.lhs)
	if err != nil {
		return nil, err
	}
	r, err := c.compile(n.rhs)
	if err != nil {
		return nil, err
	}
	switch n.value {
	case "+", "-", "*", "/", "%":
		return &arithmetic{n.value[0], l, r, n.pos}, nil
	case "=", "!=":
		return &equality{l, r, n.value == "!="}, nil
	case "<", "<=", ">", ">=":
		return &comparison{n.value, l, r, n.pos}, nil
	case "and", "or":
		return &logic{l, r, n.value == "or", n.pos}, nil
	case "in":
		return &membership{l, r}, nil
	case "..":
		return &rangeNode{l, r, n.pos}, nil
	}
	return nil, faultAt("S0201", n.pos, n.value)
}

// concat makes one node of a chain of &.
func (c *compiler) concat(n *node) (evaluable, *Error) {
	var chain []*node
	left := n
	for left.kind == kBinary && left.value == "&" && left.predicate == nil && left.group == nil {
		chain = append(chain, left)
		left = left.lhs
	}
	out := &concat{}
	code, err := c.compile(left)
	if err != nil {
		return nil, err
	}
	out.parts = append(out.parts, code)
	for i := len(chain) - 1; i >= 0; i-- {
		if code, err = c.compile(chain[i].rhs); err != nil {
			return nil, err
		}
		out.parts = append(out.parts, code)
		out.poses = append(out.poses, chain[i].pos)
	}
	return out, nil
}

func (c *compiler) filter(pred *node) (*filter, *Error) {
	code, err := c.compile(pred)
	if err != nil {
		return nil, err
	}
	return &filter{pred: code, isIndex: pred.kind == kNumber, index: math.Floor(pred.num)}, nil
}

func (c *compiler) group(pairs [][2]*node, pos int) (*groupNode, *Error) {
	g := &groupNode{pos: pos}
	for _, p := range pairs {
		k, err := c.compile(p[0])
		if err != nil {
			return nil, err
		}
		v, err := c.compile(p[1])
		if err != nil {
			return nil, err
		}
		g.pairs = append(g.pairs, pair{k, v})
	}
	return g, nil
}

func (c *compiler) path(n *node) (evaluable, *Error) {
	p := &pathNode{
		absolute: n.steps[0].kind == kVariable, tuple: n.tuple, single: n.keepSingleton, keep: n.keep,
		steps: make([]step, len(n.steps)),
	}
	names := !n.keepSingleton && !n.keep && n.group == nil
	for i, s := range n.steps {
		st := &p.steps[i]
		st.tuple, st.focus, st.index, st.ancestor = s.tuple, s.focus, s.index, s.ancestor
		st.cons = i == 0 && s.cons
		var err *Error
		if s.kind == kSort {
			st.sort, err = c.sort(s)
		} else {
			st.code, err = c.compile(s)
		}
		if err != nil {
			return nil, err
		}
		for _, g := range s.stages {
			var fl *filter
			if g.expr != nil {
				if fl, err = c.filter(g.expr); err != nil {
					return nil, err
				}
			}
			st.stages = append(st.stages, pathStage{fl, g.index})
		}
		if s.kind == kName && s.predicate == nil && s.group == nil && !s.keep {
			st.name = s.value
		}
		plain := st.name != "" || i == 0 && s.kind == kVariable && len(n.steps) > 1
		names = names && plain && len(st.stages) == 0 && !st.tuple && st.focus == "" && st.index == ""
	}
	if n.group != nil {
		g, err := c.group(n.group.pairs, n.group.pos)
		if err != nil {
			return nil, err
		}
		p.group = g
	}
	if !names {
		return p, nil
	}
	fp := &fieldPath{}
	for i := range p.steps {
		if p.steps[i].name == "" {
			fp.head = p.steps[i].code
		} else {
			fp.names = append(fp.names, p.steps[i].name)
		}
	}
	return fp, nil
}

func (c *compiler) sort(n *node) (*sortNode, *Error) {
	s := &sortNode{pos: n.pos}
	for _, t := range n.terms {
		code, err := c.compile(t.expr)
		if err != nil {
			return nil, err
		}
		s.terms = append(s.terms, orderTerm{code, t.descending})
	}
	return s, nil
}

// bindsIn reports whether evaluating the list can bind a variable in the frame
// it is given: by := outside any block or function inside, or through $eval.
func bindsIn(list []*node) bool {
	found := false
	for _, n := range list {
		walk(n, func(n *node) bool {
			switch n.kind {
			case kBind:
				found = true
			case kVariable:
				found = found || n.value == "eval"
			case kBlock, kLambda:
				return false
			}
			return !found
		})
	}
	return found
}

// walk visits n and, while visit says so, what is below it.
func walk(n *node, visit func(*node) bool) {
	if n == nil || !visit(n) {
		return
	}
	for _, c := range []*node{n.lhs, n.rhs, n.cond, n.then, n.els, n.body, n.pattern, n.update, n.delete} {
		walk(c, visit)
	}
	for _, c := range n.list {
		walk(c, visit)
	}
	for _, c := range n.steps {
		walk(c, visit)
	}
	for _, p := range n.pairs {
		walk(p[0], visit)
		walk(p[1], visit)
	}
	for _, t := range n.terms {
		walk(t.expr, visit)
	}
	for _, st := range append(append([]stage(nil), n.predicate...), n.stages...) {
		walk(st.expr, visit)
	}
	if n.group != nil {
		for _, p := range n.group.pairs {
			walk(p[0], visit)
			walk(p[1], visit)
		}
	}
}
