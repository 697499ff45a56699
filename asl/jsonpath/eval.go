package jsonpath

import "millrace/asl/document"

// child returns what a name or an index finds in v.
func (s *step) child(v any) (any, bool) {
	if s.kind == nameStep {
		if o, ok := v.(*document.Object); ok {
			return o.Get(s.name)
		}
		return nil, false
	}
	if a, ok := v.([]any); ok {
		return at(a, s.index)
	}
	return nil, false
}

// at returns an array's element; a negative index counts from the end.
func at(a []any, i int) (any, bool) {
	if i < 0 {
		i += len(a)
	}
	if i < 0 || i >= len(a) {
		return nil, false
	}
	return a[i], true
}

// evalSteps evaluates a path that is not plain.
func (p *Path) evalSteps(root any) (any, error) {
	budget := MaxVisits
	e := evaluation{path: p, root: root, budget: &budget}
	e.run(0, root)
	switch {
	case budget < 0:
		return nil, &LimitError{p}
	case e.err != nil:
		return nil, e.err
	case p.definite:
		return e.out[0], nil // a miss would have been an error
	case e.out == nil:
		return []any{}, nil
	}
	return e.out, nil
}

// evaluation is one evaluation of one path. Those of the paths in its filters
// share its budget, and its root as their "$".
type evaluation struct {
	path   *Path
	root   any
	budget *int
	out    []any
	err    error // of a definite path that found nothing
}

// charge takes n visits off the budget and reports whether there were so many.
func (e *evaluation) charge(n int) bool {
	*e.budget -= n
	return *e.budget >= 0
}

// run applies the steps from i on to v and collects what they yield.
func (e *evaluation) run(i int, v any) {
	steps := e.path.steps
	for ; i < len(steps); i++ {
		if !e.charge(1) {
			return
		}
		switch s := &steps[i]; s.kind {
		case nameStep, indexStep:
			next, ok := s.child(v)
			if !ok {
				e.miss(i, v)
				return
			}
			v = next
		case namesStep:
			o, ok := v.(*document.Object)
			if !ok || i < len(steps)-1 {
				e.miss(i, v)
				return
			}
			v = s.join(o)
		case indexesStep:
			a, _ := v.([]any)
			for _, n := range s.indexes {
				if next, ok := at(a, n); ok {
					e.run(i+1, next)
				}
			}
			return
		case sliceStep:
			a, _ := v.([]any)
			from, to := s.slice(len(a))
			for n := from; n < to; n++ {
				if next, ok := at(a, n); ok {
					e.run(i+1, next)
				}
			}
			return
		case wildcardStep:
			e.each(v, func(next any) { e.run(i+1, next) })
			return
		case descentStep:
			e.descend(i+1, v)
			return
		case filterStep:
			e.choose(i, v)
			return
		}
	}
	e.out = append(e.out, v)
}

// miss notes that step i found nothing in v. Only a definite path minds.
func (e *evaluation) miss(i int, v any) {
	if e.path.definite && e.err == nil {
		e.err = e.path.missing(i, v)
	}
}

// join makes one object of the members that are there.
func (s *step) join(o *document.Object) *document.Object {
	joined := document.NewObject(len(s.names))
	for _, n := range s.names {
		if v, ok := o.Get(n); ok {
			joined.Set(n, v)
		}
	}
	return joined
}

// slice returns the indexes that the slice spans in an array of n elements. As
// in Jayway, [from:to] leaves a negative index as it is, so that it counts from
// the end, and [2:-1] is empty.
func (s *step) slice(n int) (from, to int) {
	switch {
	case !s.to.set:
		from, to = s.from.n, n
		if from < 0 {
			from = max(0, n+from)
		}
	case !s.from.set:
		to = s.to.n
		if to < 0 {
			to += n
		}
		to = min(n, to)
	default:
		from, to = max(s.from.n, -n), min(n, s.to.n)
	}
	return from, to
}

// each calls f with the members' values or the elements of v.
func (e *evaluation) each(v any, f func(any)) {
	switch v := v.(type) {
	case *document.Object:
		for i := range v.Len() {
			_, next := v.At(i)
			f(next)
		}
	case []any:
		for _, next := range v {
			f(next)
		}
	}
}

// descend applies the steps from i on to v and to all that is in it, outer
// values first.
func (e *evaluation) descend(i int, v any) {
	if !e.charge(1) {
		return
	}
	s := &e.path.steps[i]
	switch v := v.(type) {
	case *document.Object:
		here := false
		switch s.kind {
		case nameStep:
			_, here = v.Get(s.name)
		case namesStep:
			here = s.join(v).Len() == len(s.names)
		case wildcardStep, filterStep, descentStep:
			here = true
		}
		if here {
			e.run(i, v)
		}
	case []any:
		switch s.kind {
		case indexStep, indexesStep, sliceStep, wildcardStep, descentStep:
			e.run(i, v)
		}
	}
	e.each(v, func(next any) { e.descend(i, next) })
}

// choose applies filter step i to v: an object passes as a whole, an array
// element by element, and anything else not at all.
func (e *evaluation) choose(i int, v any) {
	f := e.path.steps[i].filter
	switch v := v.(type) {
	case *document.Object:
		if f.holds(e, v) {
			e.run(i+1, v)
		}
	case []any:
		for _, next := range v {
			if !e.charge(1) {
				return
			}
			if f.holds(e, next) {
				e.run(i+1, next)
			}
		}
	}
}
