package jsonata

// fnKeys is $keys; for an array, the keys of all its items.
func fnKeys(ev *evaluator, args []any) (any, error) {
	out := &seq{flags: isSequence}
	v := argAt(args, 0)
	if o := members(v); o != nil {
		for _, k := range o.Keys() {
			out.items = append(out.items, k)
		}
		return out, ev.room(o.Len())
	}
	if l, ok := asList(v); ok {
		return out, ev.collectKeys(out, l, make(map[string]bool), 0)
	}
	return out, nil
}

func (ev *evaluator) collectKeys(out *seq, l list, seen map[string]bool, depth int) error {
	if depth > maxNesting {
		return tooDeep()
	}
	if err := ev.charge(l.n); err != nil {
		return err
	}
	for i := range l.n {
		item := l.at(i)
		if inner, ok := asList(item); ok {
			if err := ev.collectKeys(out, inner, seen, depth+1); err != nil {
				return err
			}
			continue
		}
		o := members(item)
		if o == nil {
			continue
		}
		if err := ev.charge(o.Len()); err != nil {
			return err
		}
		had := len(out.items)
		for _, k := range o.Keys() {
			if !seen[k] {
				seen[k] = true
				out.items = append(out.items, k)
			}
		}
		if err := ev.alloc(4 * itemSize * (len(out.items) - had)); err != nil {
			return err
		}
	}
	return nil
}

// fnLookup is $lookup.
func fnLookup(ev *evaluator, args []any) (any, error) {
	key, ok := str(args, 1)
	if !ok {
		return Undefined, nil
	}
	return ev.member(argAt(args, 0), key)
}

// fnSpread is $spread: an object for every member.
func fnSpread(ev *evaluator, args []any) (any, error) {
	return ev.spread(argAt(args, 0), 0)
}

func (ev *evaluator) spread(v any, depth int) (any, error) {
	if depth > maxNesting {
		return nil, tooDeep()
	}
	if o := members(v); o != nil {
		out := &seq{flags: isSequence, items: make([]any, o.Len())}
		for i := range o.Len() {
			k, m := o.At(i)
			one := newObject(1)
			one.Set(k, m)
			out.items[i] = one
		}
		return out, ev.room(5 * o.Len())
	}
	l, ok := asList(v)
	if !ok {
		return v, nil
	}
	if err := ev.charge(l.n); err != nil {
		return nil, err
	}
	out := &seq{flags: isSequence}
	for i := range l.n {
		part, err := ev.spread(l.at(i), depth+1)
		if err != nil {
			return nil, err
		}
		if part != Undefined {
			// What was appended to is no sequence any more.
			out.flags = 0
			out.spread(part)
		}
	}
	return out, ev.room(len(out.items))
}

// fnMerge is $merge.
func fnMerge(ev *evaluator, args []any) (any, error) {
	l, ok := asList(argAt(args, 0))
	if !ok {
		return Undefined, nil
	}
	out := newObject(4)
	for i := range l.n {
		o := members(l.at(i))
		if o == nil {
			continue
		}
		if err := ev.room(3 * o.Len()); err != nil {
			return nil, err
		}
		for j := range o.Len() {
			out.Set(o.At(j))
		}
	}
	return out, nil
}

// fnClone is $clone.
func fnClone(ev *evaluator, args []any) (any, error) {
	v := argAt(args, 0)
	if v == Undefined {
		return v, nil
	}
	return ev.clone(v, 0)
}
