package jsonata

import "math"

func floor(f float64) float64 { return math.Floor(f) }
func ceil(f float64) float64  { return math.Ceil(f) }
func abs(f float64) float64   { return math.Abs(f) }

func fnCount(_ *evaluator, args []any) (any, error) {
	l, _ := asList(argAt(args, 0))
	return float64(l.n), nil
}

func fnBoolean(ev *evaluator, args []any) (any, error) {
	v := argAt(args, 0)
	if v == Undefined {
		return v, nil
	}
	return ev.truth(v)
}

func fnNot(ev *evaluator, args []any) (any, error) {
	v := argAt(args, 0)
	if v == Undefined {
		return v, nil
	}
	b, err := ev.truth(v)
	return !b, err
}

func fnExists(_ *evaluator, args []any) (any, error) {
	return argAt(args, 0) != Undefined, nil
}

func fnType(_ *evaluator, args []any) (any, error) {
	v := argAt(args, 0)
	if v == Undefined {
		return v, nil
	}
	return typeName(v), nil
}

// fnError is $error.
func fnError(_ *evaluator, args []any) (any, error) {
	return nil, said("D3137", args, 0, "$error() function evaluated")
}

// fnAssert is $assert.
func fnAssert(ev *evaluator, args []any) (any, error) {
	if ok, err := ev.truth(argAt(args, 0)); ok || err != nil {
		return Undefined, err
	}
	return nil, said("D3141", args, 1, "$assert() statement failed")
}

// said is an error whose message the expression gives.
func said(code string, args []any, i int, otherwise string) error {
	e := fault(code)
	e.Message, e.set = otherwise, true
	if s, ok := str(args, i); ok && s != "" {
		e.Message = s
	}
	return e
}

// zeroLen makes room for an array of n items.
func (ev *evaluator) room(n int) error {
	if err := ev.charge(n); err != nil {
		return err
	}
	return ev.alloc(itemSize * n)
}

// fnZip is $zip: the first items, the second items and so on, as long as all arrays have one.
func fnZip(ev *evaluator, args []any) (any, error) {
	shortest := 0
	lists := make([]list, len(args))
	for i, a := range args {
		l, _ := asList(a)
		lists[i] = l
		if i == 0 || l.n < shortest {
			shortest = l.n
		}
	}
	if err := ev.room(shortest * (len(args) + 2)); err != nil {
		return nil, err
	}
	out := &seq{items: make([]any, shortest)}
	for i := range shortest {
		row := &seq{items: make([]any, len(lists))}
		for j := range lists {
			row.items[j] = lists[j].at(i)
		}
		out.items[i] = row
	}
	return out, nil
}

// fnAppend is $append.
func fnAppend(ev *evaluator, args []any) (any, error) {
	a, b := argAt(args, 0), argAt(args, 1)
	if a == Undefined {
		return b, nil
	}
	if b == Undefined {
		return a, nil
	}
	n := 2
	for _, v := range []any{a, b} {
		if l, ok := asList(v); ok {
			n += l.n
		}
	}
	if err := ev.room(n); err != nil {
		return nil, err
	}
	out := &seq{items: make([]any, 0, n)}
	out.spread(a)
	out.spread(b)
	return out, nil
}

// fnReverse is $reverse.
func fnReverse(ev *evaluator, args []any) (any, error) {
	l, ok := asList(argAt(args, 0))
	if !ok || l.n <= 1 {
		return argAt(args, 0), nil
	}
	if err := ev.room(l.n); err != nil {
		return nil, err
	}
	out := &seq{items: make([]any, l.n)}
	for i := range l.n {
		out.items[l.n-1-i] = l.at(i)
	}
	return out, nil
}

// fnShuffle is $shuffle.
func fnShuffle(ev *evaluator, args []any) (any, error) {
	l, ok := asList(argAt(args, 0))
	if !ok || l.n <= 1 {
		return argAt(args, 0), nil
	}
	if err := ev.room(l.n); err != nil {
		return nil, err
	}
	// Fisher and Yates, from the inside out.
	out := &seq{items: make([]any, l.n)}
	for i := range l.n {
		j := min(max(int(ev.random()*float64(i+1)), 0), i)
		out.items[i] = out.items[j]
		out.items[j] = l.at(i)
	}
	return out, nil
}

// fnDistinct is $distinct.
func fnDistinct(ev *evaluator, args []any) (any, error) {
	v := argAt(args, 0)
	l, ok := asList(v)
	if !ok || l.n <= 1 {
		return v, nil
	}
	if err := ev.room(l.n); err != nil {
		return nil, err
	}
	out := &seq{items: make([]any, 0, min(l.n, 64))}
	if isSeq(v) {
		out.flags = isSequence
	}
	texts, numbers := map[string]bool{}, map[float64]bool{}
	var rest []any
next:
	for i := range l.n {
		item := l.at(i)
		if s, ok := item.(string); ok {
			if texts[s] {
				continue
			}
			texts[s] = true
		} else if f, ok := number(item); ok && f == f {
			if numbers[f] {
				continue
			}
			numbers[f] = true
		} else {
			if err := ev.charge(len(rest)); err != nil {
				return nil, err
			}
			for _, other := range rest {
				same, err := ev.equal(item, other)
				if err != nil {
					return nil, err
				}
				if same {
					continue next
				}
			}
			rest = append(rest, item)
		}
		out.items = append(out.items, item)
	}
	return out, nil
}

// fnSort is $sort.
func fnSort(ev *evaluator, args []any) (any, error) {
	l, ok := asList(argAt(args, 0))
	if !ok || l.n <= 1 {
		return argAt(args, 0), nil
	}
	if err := ev.room(3 * l.n); err != nil {
		return nil, err
	}
	items := make([]any, l.n)
	for i := range items {
		items[i] = l.at(i)
	}
	after := func(a, b any) (bool, error) { return compareSame(a, b) > 0, nil }
	if fn, ok := argAt(args, 1).(*function); ok {
		after = func(a, b any) (bool, error) {
			v, err := ev.apply(fn, []any{a, b}, nil, &ev.base, nil)
			return truthy(v), err
		}
	} else if err := sortable(items); err != nil {
		return nil, err
	}
	sorted, err := mergeSort(ev, items, after)
	return &seq{items: sorted}, err
}

// sortable says whether all items are numbers, or all strings.
func sortable(items []any) error {
	kind := typeOf(items[0])
	ok := kind == tString || kind == tNumber
	for _, item := range items {
		if _, _, err := numeric(item); err != nil {
			return err
		}
		ok = ok && typeOf(item) == kind
	}
	if !ok {
		e := fault("D3070")
		e.Index = 1
		return e
	}
	return nil
}

// truthy is what JavaScript takes for true.
func truthy(v any) bool {
	switch v := v.(type) {
	case undefinedValue, nil:
		return false
	case bool:
		return v
	case string:
		return v != ""
	}
	if f, ok := number(v); ok {
		return f != 0 && f == f
	}
	return true
}
