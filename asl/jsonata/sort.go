package jsonata

// sortNode is an order-by clause, ^(a, >b).
type sortNode struct {
	terms []orderTerm
	pos   int
}

type orderTerm struct {
	expr       evaluable
	descending bool
}

// keyed is an item to be sorted, with the values of the terms computed so far.
type keyed[T any] struct {
	item T
	keys []any
}

// items returns the items of l in order.
func (n *sortNode) items(ev *evaluator, l list, f *frame) ([]any, error) {
	list := make([]any, l.n)
	for i := range list {
		list[i] = l.at(i)
	}
	return orderBy(ev, n, list, func(item any) (any, *frame) { return item, f })
}

// tuples returns the rows in order.
func (n *sortNode) tuples(ev *evaluator, rows []tuple, f *frame) ([]tuple, error) {
	return orderBy(ev, n, rows, func(r tuple) (any, *frame) { return r.at, r.frame(f) })
}

func orderBy[T any](ev *evaluator, n *sortNode, items []T, context func(T) (any, *frame)) ([]T, error) {
	if err := ev.alloc(3 * itemSize * len(items)); err != nil {
		return nil, err
	}
	if len(items) < 2 {
		return items, nil
	}
	list := make([]*keyed[T], len(items))
	for i := range items {
		list[i] = &keyed[T]{item: items[i]}
	}
	key := func(k *keyed[T], term int) (any, error) {
		if term < len(k.keys) {
			return k.keys[term], nil
		}
		in, f := context(k.item)
		v, err := ev.eval(n.terms[term].expr, in, f)
		k.keys = append(k.keys, v)
		return v, err
	}
	sorted, err := mergeSort(ev, list, func(a, b *keyed[T]) (bool, error) {
		for i := range n.terms {
			x, err := key(a, i)
			if err != nil {
				return false, err
			}
			y, err := key(b, i)
			if err != nil {
				return false, err
			}
			c, err := n.compare(x, y, n.terms[i].descending)
			if c != 0 || err != nil {
				return c > 0, err
			}
		}
		return false, nil
	})
	if err != nil {
		return nil, err
	}
	out := make([]T, len(sorted))
	for i, k := range sorted {
		out[i] = k.item
	}
	return out, nil
}

// compare orders two values of a term; undefined comes last in either direction.
func (n *sortNode) compare(x, y any, descending bool) (int, error) {
	switch {
	case x == Undefined && y == Undefined:
		return 0, nil
	case x == Undefined:
		return 1, nil
	case y == Undefined:
		return -1, nil
	}
	xt, yt := typeOf(x), typeOf(y)
	if (xt|yt)&^(tString|tNumber) != 0 {
		if xt&(tString|tNumber) != 0 {
			x = y
		}
		return 0, faultValue("T2008", x).at(n.pos, "^")
	}
	if xt != yt {
		e := faultValue("T2007", x).at(n.pos, "^")
		e.Value2 = y
		return 0, e
	}
	c := compareSame(x, y)
	if descending {
		c = -c
	}
	return c, nil
}

// compareSame orders two strings or two numbers.
func compareSame(x, y any) int {
	if s, ok := x.(string); ok {
		t, _ := y.(string)
		return compareStrings(s, t)
	}
	a, _ := number(x)
	b, _ := number(y)
	switch {
	case a < b:
		return -1
	case a == b:
		return 0
	}
	return 1
}

// mergeSort sorts stably; after says whether a belongs behind b. It halves
// lists as the reference does, so that a function which is no order gives the same list.
func mergeSort[T any](ev *evaluator, list []T, after func(a, b T) (bool, error)) ([]T, error) {
	if len(list) < 2 {
		return list, nil
	}
	middle := len(list) / 2
	left, err := mergeSort(ev, list[:middle], after)
	if err != nil {
		return nil, err
	}
	right, err := mergeSort(ev, list[middle:], after)
	if err != nil {
		return nil, err
	}
	if err := ev.charge(len(list)); err != nil {
		return nil, err
	}
	out := make([]T, 0, len(list))
	for len(left) > 0 && len(right) > 0 {
		swap, err := after(left[0], right[0])
		if err != nil {
			return nil, err
		}
		if swap {
			out, right = append(out, right[0]), right[1:]
		} else {
			out, left = append(out, left[0]), left[1:]
		}
	}
	out = append(out, left...)
	return append(out, right...), nil
}
