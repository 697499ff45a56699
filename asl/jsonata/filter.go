package jsonata

import "math"

// filter is [predicate] after a step.
type filter struct {
	pred    evaluable
	isIndex bool // the predicate is a number literal
	index   float64
}

// apply returns the items of v for which the predicate holds, or whose index it gives.
func (n *filter) apply(ev *evaluator, v any, f *frame) (any, error) {
	if t, ok := v.(*tuples); ok {
		return n.rows(ev, t, f)
	}
	l, ok := asList(v)
	if !ok {
		l = list{items: []any{v}, n: 1}
	}
	if n.isIndex {
		i, ok := indexIn(n.index, l.n)
		if !ok {
			return &seq{flags: isSequence}, nil
		}
		item := l.at(i)
		if isArray(item) {
			return item, nil
		}
		if item == Undefined {
			return &seq{flags: isSequence}, nil
		}
		return &seq{items: []any{item}, flags: isSequence}, nil
	}
	out := &seq{flags: isSequence}
	for i := range l.n {
		item := l.at(i)
		times, err := n.holds(ev, item, i, l.n, f)
		if err != nil {
			return nil, err
		}
		if err := ev.alloc(itemSize * times); err != nil {
			return nil, err
		}
		for range times {
			out.items = append(out.items, item)
		}
	}
	return out, nil
}

// rows filters tuples.
func (n *filter) rows(ev *evaluator, t *tuples, f *frame) (any, error) {
	out := &tuples{}
	if n.isIndex {
		if i, ok := indexIn(n.index, len(t.rows)); ok {
			out.rows = t.rows[i : i+1 : i+1]
		}
		return out, nil
	}
	for i := range t.rows {
		r := &t.rows[i]
		times, err := n.holds(ev, r.at, i, len(t.rows), r.frame(f))
		if err != nil {
			return nil, err
		}
		if err := ev.alloc(3 * itemSize * times); err != nil {
			return nil, err
		}
		for range times {
			out.rows = append(out.rows, *r)
		}
	}
	return out, nil
}

// indexIn is the place that an index means among n items; negative ones count from the end.
func indexIn(f float64, n int) (int, bool) {
	f = math.Floor(f)
	if f < 0 {
		f += float64(n)
	}
	if f >= 0 && f < float64(n) {
		return int(f), true
	}
	return 0, false
}

// holds says how often the i-th of size items belongs to the result: once if the
// predicate is true, and once for each index it gives that is i.
func (n *filter) holds(ev *evaluator, item any, i, size int, f *frame) (int, error) {
	v, err := ev.eval(n.pred, item, f)
	if err != nil {
		return 0, err
	}
	if b, ok := v.(bool); ok {
		if b {
			return 1, nil
		}
		return 0, nil
	}
	x, ok, err := numeric(v)
	if err != nil {
		return 0, err
	}
	if ok {
		if j, ok := indexIn(x, size); ok && j == i {
			return 1, nil
		}
		return 0, nil
	}
	if l, ok := asList(v); ok {
		if err := ev.charge(l.n); err != nil {
			return 0, err
		}
		times, all := 0, true
		for k := 0; k < l.n && all; k++ {
			x, ok, err := numeric(l.at(k))
			if err != nil {
				return 0, err
			}
			if j, in := indexIn(x, size); in && j == i {
				times++
			}
			all = ok
		}
		if all {
			return times, nil
		}
	}
	yes, err := ev.truth(v)
	if err != nil || !yes {
		return 0, err
	}
	return 1, nil
}
