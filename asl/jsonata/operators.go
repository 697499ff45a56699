package jsonata

import "math"

// arithmetic is a + - * / or %.
type arithmetic struct {
	op          byte
	left, right evaluable
	pos         int
}

func (n *arithmetic) eval(ev *evaluator, in any, f *frame) (any, error) {
	l, err := ev.eval(n.left, in, f)
	if err != nil {
		return nil, err
	}
	r, err := ev.eval(n.right, in, f)
	if err != nil {
		return nil, err
	}
	a, err := n.operand(l, "T2001")
	if err != nil {
		return nil, err
	}
	b, err := n.operand(r, "T2002")
	if err != nil {
		return nil, err
	}
	if l == Undefined || r == Undefined {
		return Undefined, nil
	}
	switch n.op {
	case '+':
		return a + b, nil
	case '-':
		return a - b, nil
	case '*':
		return a * b, nil
	case '/':
		return a / b, nil
	}
	return math.Mod(a, b), nil
}

func (n *arithmetic) operand(v any, code string) (float64, error) {
	if v == Undefined {
		return 0, nil
	}
	f, ok, err := numeric(v)
	if err == nil && !ok {
		err = faultValue(code, v)
	}
	if err != nil {
		return 0, err.(*Error).at(n.pos, string(n.op))
	}
	return f, nil
}

// negation is unary minus.
type negation struct {
	value evaluable
	pos   int
}

func (n *negation) eval(ev *evaluator, in any, f *frame) (any, error) {
	v, err := ev.eval(n.value, in, f)
	if err != nil || v == Undefined {
		return v, err
	}
	x, ok, err := numeric(v)
	if err == nil && !ok {
		err = faultValue("D1002", v)
	}
	if err != nil {
		return nil, err.(*Error).at(n.pos, "-")
	}
	return -x, nil
}

// equality is = or, with negate set, !=.
type equality struct {
	left, right evaluable
	negate      bool
}

func (n *equality) eval(ev *evaluator, in any, f *frame) (any, error) {
	l, err := ev.eval(n.left, in, f)
	if err != nil {
		return nil, err
	}
	r, err := ev.eval(n.right, in, f)
	if err != nil {
		return nil, err
	}
	if l == Undefined || r == Undefined {
		return false, nil
	}
	same, err := ev.equal(l, r)
	return same != n.negate, err
}

// comparison is < <= > or >=.
type comparison struct {
	op          string
	left, right evaluable
	pos         int
}

func (n *comparison) eval(ev *evaluator, in any, f *frame) (any, error) {
	l, err := ev.eval(n.left, in, f)
	if err != nil {
		return nil, err
	}
	r, err := ev.eval(n.right, in, f)
	if err != nil {
		return nil, err
	}
	lt, rt := typeOf(l), typeOf(r)
	const comparable = tString | tNumber | tMissing
	if (lt|rt)&^comparable != 0 {
		v := l
		if lt&(tString|tNumber) != 0 {
			v = r
		}
		return nil, faultValue("T2010", v).at(n.pos, n.op)
	}
	if lt == tMissing || rt == tMissing {
		return Undefined, nil
	}
	if lt != rt {
		e := faultValue("T2009", l).at(n.pos, n.op)
		e.Value2 = r
		return nil, e
	}
	var less, same bool
	if lt == tString {
		a, b := l.(string), r.(string)
		if err := ev.charge(min(len(a), len(b)) / 64); err != nil {
			return nil, err
		}
		c := compareStrings(a, b)
		less, same = c < 0, c == 0
	} else {
		a, _ := number(l)
		b, _ := number(r)
		if a != a || b != b {
			return false, nil
		}
		less, same = a < b, a == b
	}
	switch n.op {
	case "<":
		return less, nil
	case "<=":
		return less || same, nil
	case ">":
		return !less && !same, nil
	}
	return !less, nil
}

// compareStrings orders by UTF-16 units, as JavaScript does.
func compareStrings(a, b string) int {
	n := min(len(a), len(b))
	for i := range n {
		x, y := a[i], b[i]
		if x == y {
			continue
		}
		// In UTF-16 what takes four bytes here (surrogates) sorts before U+E000 to U+FFFF.
		if x >= 0xEE && y >= 0xEE && (x >= 0xF0) != (y >= 0xF0) {
			x, y = y, x
		}
		if x < y {
			return -1
		}
		return 1
	}
	return len(a) - len(b)
}

// logic is and, or.
type logic struct {
	left, right evaluable
	isOr        bool
	pos         int
}

func (n *logic) eval(ev *evaluator, in any, f *frame) (any, error) {
	l, err := n.side(ev, n.left, in, f)
	if err != nil || l == n.isOr {
		return l, err
	}
	return n.side(ev, n.right, in, f)
}

func (n *logic) side(ev *evaluator, e evaluable, in any, f *frame) (bool, error) {
	v, err := ev.eval(e, in, f)
	if err != nil {
		return false, err
	}
	return ev.truth(v)
}

// membership is in.
type membership struct{ left, right evaluable }

func (n *membership) eval(ev *evaluator, in any, f *frame) (any, error) {
	l, err := ev.eval(n.left, in, f)
	if err != nil {
		return nil, err
	}
	r, err := ev.eval(n.right, in, f)
	if err != nil {
		return nil, err
	}
	if l == Undefined || r == Undefined {
		return false, nil
	}
	list, ok := asList(r)
	if !ok {
		return identical(l, r), nil
	}
	if err := ev.charge(list.n); err != nil {
		return nil, err
	}
	for i := range list.n {
		if identical(l, list.at(i)) {
			return true, nil
		}
	}
	return false, nil
}

// concat is a & b & c: the operands of a chain of &, left to right.
type concat struct {
	parts []evaluable
	poses []int // of the operators
}

func (n *concat) eval(ev *evaluator, in any, f *frame) (any, error) {
	// The chain is one node here but nests in the reference; count it the same.
	deeper := len(n.parts) - 2
	var room [64]byte
	buf := room[:0]
	ev.depth += deeper
	for i, p := range n.parts {
		v, err := ev.eval(p, in, f)
		if err != nil {
			return nil, err
		}
		if i > 0 && deeper > 0 {
			deeper--
			ev.depth--
		}
		if s, ok := v.(string); ok {
			buf = append(buf, s...)
		} else if buf, err = ev.appendText(buf, v); err != nil {
			if e, ok := err.(*Error); ok {
				e.at(n.poses[max(i-1, 0)], "&")
			}
			return nil, err
		}
		if len(buf) > ev.memory {
			return nil, fault("D2015")
		}
	}
	if err := ev.alloc(len(buf)); err != nil {
		return nil, err
	}
	return string(buf), nil
}

// rangeNode is a .. b.
type rangeNode struct {
	left, right evaluable
	pos         int
}

// maxRange is the most members a range may have (the reference's limit).
const maxRange = 1e7

func (n *rangeNode) eval(ev *evaluator, in any, f *frame) (any, error) {
	l, err := ev.eval(n.left, in, f)
	if err != nil {
		return nil, err
	}
	r, err := ev.eval(n.right, in, f)
	if err != nil {
		return nil, err
	}
	a, ok := integer(l)
	if !ok {
		return nil, faultValue("T2003", l).at(n.pos, "..")
	}
	b, ok := integer(r)
	if !ok {
		return nil, faultValue("T2004", r).at(n.pos, "..")
	}
	if l == Undefined || r == Undefined || a > b {
		return Undefined, nil
	}
	size := b - a + 1
	if size > maxRange {
		return nil, faultValue("D2014", size).at(n.pos, "..")
	}
	return &seq{flags: isSequence, lo: a, n: int(size)}, nil
}

// integer reports whether v is a whole number; undefined passes.
func integer(v any) (float64, bool) {
	if v == Undefined {
		return 0, true
	}
	f, ok := number(v)
	return f, ok && f == math.Trunc(f) && !math.IsInf(f, 0)
}
