package jsonata

import "strconv"

// shaper turns the parser's tree into the one that is compiled: chains of "."
// and "[" become paths of steps with their filters, a name becomes a path of
// one step, and each % finds the step whose input it stands for. The rules, odd
// ones included, are the reference's, because results depend on them.
type shaper struct {
	parents []*node // every % in source order
}

// shape returns the tree for compiling.
func shape(root *node) (*node, *Error) {
	var s shaper
	n, err := s.process(root)
	if err != nil {
		return nil, err
	}
	if n.kind == kParent || n.seeking != nil {
		return nil, faultAt("S0217", n.pos, n.value)
	}
	return n, nil
}

// process shapes n and what is below it.
func (s *shaper) process(n *node) (*node, *Error) {
	r, err := s.byKind(n)
	if err != nil {
		return nil, err
	}
	if n.keep {
		r.keep = true
	}
	return r, nil
}

func (s *shaper) byKind(n *node) (*node, *Error) {
	switch n.kind {
	case kBinary:
		return s.binary(n)
	case kUnary:
		return s.unary(n)
	case kFunction, kPartial:
		if err := s.children(n, n.list); err != nil {
			return nil, err
		}
		var err *Error
		n.lhs, err = s.process(n.lhs)
		return n, err
	case kLambda:
		body, err := s.process(n.body)
		if err != nil {
			return nil, err
		}
		n.body = tailCalls(body)
		return n, nil
	case kCondition:
		return n, s.fields(n, &n.cond, &n.then, &n.els)
	case kTransform:
		for _, f := range []**node{&n.pattern, &n.update, &n.delete} {
			if *f == nil {
				continue
			}
			r, err := s.process(*f)
			if err != nil {
				return nil, err
			}
			*f = r
		}
		return n, nil
	case kBlock:
		if err := s.children(n, n.list); err != nil {
			return nil, err
		}
		for _, part := range n.list {
			if part.cons || part.kind == kPath && part.steps[0].cons {
				n.cons = true
			}
		}
		return n, nil
	case kName:
		return &node{kind: kPath, steps: []*node{n}, start: n.start, pos: n.pos, keepSingleton: n.keep}, nil
	case kParent:
		i := len(s.parents)
		n.slot = &slot{label: "!" + strconv.Itoa(i), level: 1, index: i}
		s.parents = append(s.parents, n)
		return n, nil
	case kOperator:
		if n.value == "?" {
			return n, nil
		}
		n.kind = kName
		return s.process(n)
	case kEnd:
		return nil, faultAt("S0207", n.pos, n.value)
	}
	return n, nil
}

// fields shapes the subtrees of n that are there, and has n seek the parents they seek.
func (s *shaper) fields(n *node, fields ...**node) *Error {
	for _, f := range fields {
		if *f == nil {
			continue
		}
		r, err := s.process(*f)
		if err != nil {
			return err
		}
		*f = r
		pushAncestry(n, r)
	}
	return nil
}

func (s *shaper) children(n *node, list []*node) *Error {
	for i := range list {
		if err := s.fields(n, &list[i]); err != nil {
			return err
		}
	}
	return nil
}

func (s *shaper) unary(n *node) (*node, *Error) {
	switch n.value {
	case "[":
		return n, s.children(n, n.list)
	case "{":
		for i := range n.pairs {
			if err := s.fields(n, &n.pairs[i][0], &n.pairs[i][1]); err != nil {
				return nil, err
			}
		}
		return n, nil
	}
	r, err := s.process(n.lhs)
	if err != nil {
		return nil, err
	}
	if r.kind == kNumber {
		r.num = -r.num
		return r, nil
	}
	n.lhs = r
	pushAncestry(n, r)
	return n, nil
}

func (s *shaper) binary(n *node) (*node, *Error) {
	switch n.value {
	case ".":
		return s.path(n)
	case "[":
		return s.filter(n)
	case "{":
		return s.groupBy(n)
	case "^":
		return s.orderBy(n)
	case "@":
		return s.focus(n)
	case "#":
		return s.index(n)
	case ":=":
		n.kind = kBind
		var err *Error
		if n.lhs, err = s.process(n.lhs); err != nil {
			return nil, err
		}
		return n, s.fields(n, &n.rhs)
	case "~>":
		n.kind = kApply
		var err *Error
		if n.lhs, err = s.process(n.lhs); err != nil {
			return nil, err
		}
		if n.rhs, err = s.process(n.rhs); err != nil {
			return nil, err
		}
		n.keep = n.lhs.keep || n.rhs.keep
		return n, nil
	}
	return n, s.fields(n, &n.lhs, &n.rhs)
}

// path joins the steps left and right of a dot.
func (s *shaper) path(n *node) (*node, *Error) {
	left, err := s.process(n.lhs)
	if err != nil {
		return nil, err
	}
	p := left
	if left.kind != kPath {
		p = &node{kind: kPath, steps: []*node{left}, start: left.start, pos: n.pos}
	}
	if left.kind == kParent {
		p.seeking = []*slot{left.slot}
	}
	rest, err := s.process(n.rhs)
	if err != nil {
		return nil, err
	}
	if rest.kind == kPath {
		p.steps = append(p.steps, rest.steps...)
	} else {
		if rest.predicate != nil {
			rest.stages, rest.predicate = rest.predicate, nil
		}
		p.steps = append(p.steps, rest)
	}
	for _, step := range p.steps {
		switch step.kind {
		case kNumber:
			e := faultAt("S0213", step.pos, "")
			e.Value = step.num
			return nil, e
		case kValue:
			e := faultAt("S0213", step.pos, "")
			e.Value = step.literal
			return nil, e
		case kString:
			step.kind = kName
		}
		if step.keep {
			p.keepSingleton = true
		}
	}
	// An array constructor as the first step is not mapped over the input; as the last, not flattened.
	for _, step := range []*node{p.steps[0], p.steps[len(p.steps)-1]} {
		if step.kind == kUnary && step.value == "[" {
			step.cons = true
		}
	}
	return p, s.resolve(p)
}

// lastStep is the step that a filter or binding after n belongs to.
func lastStep(n *node) *node {
	if n.kind == kPath {
		return n.steps[len(n.steps)-1]
	}
	return n
}

func (s *shaper) filter(n *node) (*node, *Error) {
	r, err := s.process(n.lhs)
	if err != nil {
		return nil, err
	}
	step := lastStep(r)
	if step.group != nil {
		return nil, faultAt("S0209", n.pos, "")
	}
	pred, err := s.process(n.rhs)
	if err != nil {
		return nil, err
	}
	for _, sl := range pred.seeking {
		if sl.level == 1 {
			if err := s.seek(step, sl); err != nil {
				return nil, err
			}
		} else {
			sl.level--
		}
	}
	if pred.seeking != nil {
		pushAncestry(step, pred)
	}
	if r.kind == kPath {
		step.stages = append(step.stages, stage{expr: pred})
	} else {
		step.predicate = append(step.predicate, stage{expr: pred})
	}
	return r, nil
}

func (s *shaper) groupBy(n *node) (*node, *Error) {
	r, err := s.process(n.lhs)
	if err != nil {
		return nil, err
	}
	if r.group != nil {
		return nil, faultAt("S0210", n.pos, "")
	}
	for i := range n.pairs {
		for j := range n.pairs[i] {
			if n.pairs[i][j], err = s.process(n.pairs[i][j]); err != nil {
				return nil, err
			}
		}
	}
	r.group = &grouping{pairs: n.pairs, pos: n.pos}
	return r, nil
}

func (s *shaper) orderBy(n *node) (*node, *Error) {
	r, err := s.process(n.lhs)
	if err != nil {
		return nil, err
	}
	if r.kind != kPath {
		r = &node{kind: kPath, steps: []*node{r}, start: r.start, pos: n.pos}
	}
	step := &node{kind: kSort, start: n.start, pos: n.pos, terms: n.terms}
	for i := range step.terms {
		if err := s.fields(step, &step.terms[i].expr); err != nil {
			return nil, err
		}
	}
	r.steps = append(r.steps, step)
	return r, s.resolve(r)
}

func (s *shaper) focus(n *node) (*node, *Error) {
	r, err := s.process(n.lhs)
	if err != nil {
		return nil, err
	}
	step := lastStep(r)
	if step.stages != nil || step.predicate != nil {
		return nil, faultAt("S0215", n.pos, "")
	}
	if step.kind == kSort {
		return nil, faultAt("S0216", n.pos, "")
	}
	if n.keep {
		step.keep = true
	}
	step.focus = n.rhs.value
	step.tuple = true
	return r, nil
}

func (s *shaper) index(n *node) (*node, *Error) {
	r, err := s.process(n.lhs)
	if err != nil {
		return nil, err
	}
	step := lastStep(r)
	if r.kind != kPath {
		r = &node{kind: kPath, steps: []*node{r}, start: r.start, pos: n.pos}
		if step.predicate != nil {
			step.stages, step.predicate = step.predicate, nil
		}
	}
	if step.stages == nil {
		step.index = n.rhs.value
	} else {
		step.stages = append(step.stages, stage{index: n.rhs.value})
	}
	step.tuple = true
	return r, nil
}

// tailCalls replaces the calls in tail position of a function's body, so that
// applying a function in a loop does not grow the stack.
func tailCalls(n *node) *node {
	switch {
	case n.kind == kFunction && n.predicate == nil:
		return &node{kind: kThunk, start: n.start, pos: n.pos, body: n}
	case n.kind == kCondition:
		if n.form == plainCondition {
			n.then = tailCalls(n.then)
		}
		if n.els != nil {
			n.els = tailCalls(n.els)
		}
	case n.kind == kBlock && len(n.list) > 0:
		last := len(n.list) - 1
		n.list[last] = tailCalls(n.list[last])
	}
	return n
}
