package jsonata

import (
	"math"

	"millrace/asl/document"
)

// transform is |pattern|update, delete|, a function that changes a copy of its argument.
type transform struct {
	pattern, update, remove   evaluable
	sig                       *signature
	pos, updatePos, deletePos int
}

func (n *transform) eval(ev *evaluator, in any, f *frame) (any, error) {
	fn := &function{sig: n.sig, arity: 1}
	fn.native = func(ev *evaluator, args []any) (any, error) {
		return n.run(ev, argAt(args, 0), f)
	}
	return fn, nil
}

func (n *transform) run(ev *evaluator, v any, f *frame) (any, error) {
	if v == Undefined {
		return Undefined, nil
	}
	cloner, ok := ev.lookup(f, "clone").(*function)
	if !ok {
		return nil, faultAt("T2013", n.pos, "")
	}
	result, err := ev.apply(cloner, []any{v}, nil, f, nil)
	if err != nil {
		return nil, err
	}
	matches, err := ev.eval(n.pattern, result, f)
	if err != nil || matches == Undefined {
		return result, err
	}
	l, ok := asList(matches)
	if !ok {
		l = list{items: []any{matches}, n: 1}
	}
	for i := range l.n {
		if err := n.change(ev, l.at(i), f); err != nil {
			return nil, err
		}
	}
	return result, nil
}

// change applies the update and the deletion to one match.
func (n *transform) change(ev *evaluator, match any, f *frame) error {
	// Only objects of the copy are ours to change.
	target, _ := match.(*object)
	update, err := ev.eval(n.update, match, f)
	if err != nil {
		return err
	}
	if update != Undefined {
		o := members(update)
		if o == nil {
			return faultValue("T2011", update).at(n.updatePos, "")
		}
		for i := range o.Len() {
			k, v := o.At(i)
			if target == nil {
				continue
			}
			// The reference would make a value that contains itself.
			if inside, err := ev.holds(v, target, 0); err != nil || inside {
				return fault("D2015")
			}
			if err := set(ev, target, k, v); err != nil {
				return err
			}
		}
	}
	if n.remove == nil {
		return nil
	}
	names, err := ev.eval(n.remove, match, f)
	if err != nil || names == Undefined {
		return err
	}
	l, ok := asList(names)
	if !ok {
		l = list{items: []any{names}, n: 1}
	}
	for i := range l.n {
		if _, ok := l.at(i).(string); !ok {
			return faultValue("T2012", names).at(n.deletePos, "")
		}
	}
	if target == nil {
		return nil
	}
	for i := range l.n {
		k, _ := l.at(i).(string)
		target.Delete(k)
	}
	return nil
}

// holds reports whether v is o or contains it.
func (ev *evaluator) holds(v any, o *object, depth int) (bool, error) {
	if depth > maxNesting {
		return true, nil
	}
	if err := ev.charge(1); err != nil {
		return false, err
	}
	switch v := v.(type) {
	case *object:
		if v == o {
			return true, nil
		}
		for i := range v.Len() {
			_, m := v.At(i)
			if inside, err := ev.holds(m, o, depth+1); inside || err != nil {
				return inside, err
			}
		}
	case *seq:
		for _, m := range v.items {
			if inside, err := ev.holds(m, o, depth+1); inside || err != nil {
				return inside, err
			}
		}
	}
	return false, nil
}

// clone copies a value deeply, as writing it as JSON and reading it again would:
// fractions are cut to 15 digits and functions become empty strings.
func (ev *evaluator) clone(v any, depth int) (any, error) {
	switch v := v.(type) {
	case nil, bool, string:
		return v, nil
	case undefinedValue:
		return nil, nil
	case *function:
		return "", nil
	case document.Number:
		if len(v) <= 15 {
			return v, nil
		}
		return ev.clone(v.Float64(), depth)
	case float64:
		if math.IsNaN(v) {
			return nil, nil
		}
		if math.IsInf(v, 0) {
			return nil, faultValue("D1001", infinityText(v))
		}
		return precise(v), nil
	}
	if depth > maxNesting {
		return nil, tooDeep()
	}
	if o := members(v); o != nil {
		if err := ev.charge(o.Len()); err != nil {
			return nil, err
		}
		out := newObject(o.Len())
		for i := range o.Len() {
			k, m := o.At(i)
			c, err := ev.clone(m, depth+1)
			if err == nil {
				err = set(ev, out, k, c)
			}
			if err != nil {
				return nil, err
			}
		}
		return out, nil
	}
	l, _ := asList(v)
	if s, ok := v.(*seq); ok && s.flags&isOuter != 0 && depth == 0 {
		l, _ = asList(s.items[0])
	}
	if err := ev.charge(l.n); err != nil {
		return nil, err
	}
	out := &seq{items: make([]any, l.n)}
	for i := range l.n {
		c, err := ev.clone(l.at(i), depth+1)
		if err != nil {
			return nil, err
		}
		out.items[i] = c
	}
	return out, ev.alloc(itemSize * l.n)
}
