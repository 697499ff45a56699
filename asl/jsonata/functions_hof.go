package jsonata

// hof calls fn with as many of the arguments as it takes, at least the first.
func (ev *evaluator) hof(fn *function, value, place, whole any) (any, error) {
	args := make([]any, 1, 3)
	args[0] = value
	if fn.arity >= 2 {
		args = append(args, place)
	}
	if fn.arity >= 3 {
		args = append(args, whole)
	}
	return ev.apply(fn, args, nil, &ev.base, nil)
}

// fnMap is $map.
func fnMap(ev *evaluator, args []any) (any, error) {
	l, ok := asList(argAt(args, 0))
	fn, isFn := argAt(args, 1).(*function)
	if !ok || !isFn {
		return Undefined, nil
	}
	if err := ev.room(l.n); err != nil {
		return nil, err
	}
	out := &seq{flags: isSequence, items: make([]any, 0, l.n)}
	for i := range l.n {
		v, err := ev.hof(fn, l.at(i), float64(i), args[0])
		if err != nil {
			return nil, err
		}
		if v != Undefined {
			out.items = append(out.items, v)
		}
	}
	return out, nil
}

// fnFilter is $filter.
func fnFilter(ev *evaluator, args []any) (any, error) {
	l, ok := asList(argAt(args, 0))
	fn, isFn := argAt(args, 1).(*function)
	if !ok || !isFn {
		return Undefined, nil
	}
	out := &seq{flags: isSequence}
	for i := range l.n {
		item := l.at(i)
		yes, err := ev.test(fn, item, float64(i), args[0])
		if err != nil {
			return nil, err
		}
		if yes {
			out.items = append(out.items, item)
		}
	}
	return out, ev.room(len(out.items))
}

// test calls fn for its truth.
func (ev *evaluator) test(fn *function, value, place, whole any) (bool, error) {
	v, err := ev.hof(fn, value, place, whole)
	if err != nil {
		return false, err
	}
	if err := ev.charge(1); err != nil {
		return false, err
	}
	return ev.truth(v)
}

// fnSingle is $single.
func fnSingle(ev *evaluator, args []any) (any, error) {
	l, ok := asList(argAt(args, 0))
	if !ok {
		return Undefined, nil
	}
	fn, isFn := argAt(args, 1).(*function)
	var found any = Undefined
	matches := 0
	for i := range l.n {
		item := l.at(i)
		if isFn {
			yes, err := ev.test(fn, item, float64(i), args[0])
			if err != nil {
				return nil, err
			}
			if !yes {
				continue
			}
		}
		if matches++; matches > 1 {
			e := fault("D3138")
			e.Index = i
			return nil, e
		}
		found = item
	}
	if matches == 0 {
		return nil, fault("D3139")
	}
	return found, nil
}

// fnReduce is $reduce.
func fnReduce(ev *evaluator, args []any) (any, error) {
	l, ok := asList(argAt(args, 0))
	fn, isFn := argAt(args, 1).(*function)
	if !ok || !isFn {
		return Undefined, nil
	}
	if fn.arity < 2 {
		e := fault("D3050")
		e.Index = 1
		return nil, e
	}
	result, i := argAt(args, 2), 0
	if result == Undefined && l.n > 0 {
		result, i = l.at(0), 1
	}
	for ; i < l.n; i++ {
		call := make([]any, 2, 4)
		call[0], call[1] = result, l.at(i)
		if fn.arity >= 3 {
			call = append(call, float64(i))
		}
		if fn.arity >= 4 {
			call = append(call, args[0])
		}
		var err error
		if result, err = ev.apply(fn, call, nil, &ev.base, nil); err != nil {
			return nil, err
		}
		if err := ev.charge(1); err != nil {
			return nil, err
		}
	}
	return result, nil
}

// fnSift is $sift.
func fnSift(ev *evaluator, args []any) (any, error) {
	o := members(argAt(args, 0))
	fn, isFn := argAt(args, 1).(*function)
	if o == nil || !isFn {
		return Undefined, nil
	}
	out := newObject(0)
	for i := range o.Len() {
		k, v := o.At(i)
		yes, err := ev.test(fn, v, k, args[0])
		if err != nil {
			return nil, err
		}
		if yes {
			if err := set(ev, out, k, v); err != nil {
				return nil, err
			}
		}
	}
	if out.Len() == 0 {
		return Undefined, nil
	}
	return out, nil
}

// fnEach is $each.
func fnEach(ev *evaluator, args []any) (any, error) {
	o := members(argAt(args, 0))
	fn, isFn := argAt(args, 1).(*function)
	out := &seq{flags: isSequence}
	if o == nil || !isFn {
		return out, nil
	}
	if err := ev.room(o.Len()); err != nil {
		return nil, err
	}
	for i := range o.Len() {
		k, v := o.At(i)
		r, err := ev.hof(fn, v, k, args[0])
		if err != nil {
			return nil, err
		}
		if r != Undefined {
			out.items = append(out.items, r)
		}
	}
	return out, nil
}
