package jsonata

import (
	"math"
	"strconv"

	"millrace/asl/document"
)

type undefinedValue uint8

// Undefined is the absence of a value: what a path that leads nowhere gives.
// It is not null.
const Undefined undefinedValue = 0

// Values inside an evaluation are those of package document, plus: Undefined,
// float64 (a computed number), *seq (an array made here), *object (an object
// made here), *function and *tuples. A []any or *document.Object is always a
// pure document and is never changed.

// Marks of a seq.
const (
	isSequence  = 1 << iota // unwraps when it holds one item, and is undefined when empty
	keepArray               // a sequence that stays an array with one item
	isCons                  // made by an array constructor inside a path: not flattened
	isOuter                 // wraps an array that is the whole input
	wasExported             // holds document values only
)

// seq is an array made by an expression.
type seq struct {
	items []any
	flags uint8
	// A range that nobody has looked into holds its first number and its length instead of items.
	lo float64
	n  int
}

// object is an object made by an expression. Its values may be any value.
type object struct {
	document.Object
	exported bool
}

func newObject(n int) *object {
	return &object{Object: *document.NewObject(n)}
}

// list is a view of an array, whichever way it is held.
type list struct {
	items []any
	lo    float64
	n     int
}

func (s *seq) list() list {
	if s.items == nil && s.n > 0 {
		return list{lo: s.lo, n: s.n}
	}
	return list{items: s.items, n: len(s.items)}
}

func (l list) at(i int) any {
	if l.items != nil {
		return l.items[i]
	}
	return l.lo + float64(i)
}

// asList views v as an array; false if it is none.
func asList(v any) (list, bool) {
	switch v := v.(type) {
	case []any:
		return list{items: v, n: len(v)}, true
	case *seq:
		return v.list(), true
	case *tuples:
		return v.list(), true
	}
	return list{}, false
}

func isArray(v any) bool {
	switch v.(type) {
	case []any, *seq, *tuples:
		return true
	}
	return false
}

// members views v as an object; nil if it is none.
func members(v any) *document.Object {
	switch v := v.(type) {
	case *document.Object:
		return v
	case *object:
		return &v.Object
	}
	return nil
}

// isSeq reports whether v is a sequence (rather than a plain array).
func isSeq(v any) bool {
	s, ok := v.(*seq)
	return ok && s.flags&isSequence != 0
}

// unwrapped is what a sequence is worth: undefined, its only item, or itself.
func (s *seq) unwrapped() any {
	if s.items == nil && s.n > 0 {
		if s.n == 1 && s.flags&keepArray == 0 {
			return s.lo
		}
		return s
	}
	switch len(s.items) {
	case 0:
		return Undefined
	case 1:
		if s.flags&keepArray == 0 {
			return s.items[0]
		}
	}
	return s
}

// number returns v as a float64 if it is a number of JavaScript's type, NaN and infinities included.
func number(v any) (float64, bool) {
	switch v := v.(type) {
	case float64:
		return v, true
	case document.Number:
		return parseNumber(string(v)), true
	}
	return 0, false
}

// numeric is number, but false for NaN, and an error for the infinities.
func numeric(v any) (float64, bool, error) {
	f, ok := number(v)
	if !ok || f != f {
		return 0, false, nil
	}
	if f > math.MaxFloat64 || f < -math.MaxFloat64 {
		return 0, false, faultValue("D1001", infinityText(f))
	}
	return f, true, nil
}

func infinityText(f float64) any {
	if f > 0 {
		return "Infinity"
	}
	return "-Infinity"
}

// pow10 are the powers of ten that float64 holds exactly.
var pow10 = [...]float64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22}

// parseNumber is strconv.ParseFloat with a short way for the numbers people write:
// at most 15 digits and no exponent, where one division is exact enough.
func parseNumber(s string) float64 {
	i, neg := 0, false
	if len(s) > 0 && s[0] == '-' {
		neg, i = true, 1
	}
	if len(s)-i > 16 || len(s) == i {
		f, _ := strconv.ParseFloat(s, 64)
		return f
	}
	var m uint64
	digits, point := 0, -1
	for ; i < len(s); i++ {
		c := s[i]
		switch {
		case c >= '0' && c <= '9':
			m = m*10 + uint64(c-'0')
			digits++
		case c == '.' && point < 0:
			point = digits
		default:
			f, _ := strconv.ParseFloat(s, 64)
			return f
		}
	}
	f := float64(m)
	if digits > 15 {
		f, _ := strconv.ParseFloat(s, 64)
		return f
	}
	if point >= 0 {
		f /= pow10[digits-point]
	}
	if neg {
		return -f
	}
	return f
}

// truth is the effective boolean value of v; undefined is false. A number that
// is infinite is an error, as is an array nested too deeply.
func (ev *evaluator) truth(v any) (bool, error) {
	if b, ok := v.(bool); ok {
		return b, nil
	}
	return ev.truthAt(v, 0)
}

func (ev *evaluator) truthAt(v any, depth int) (bool, error) {
	switch v := v.(type) {
	case bool:
		return v, nil
	case string:
		return v != "", nil
	case float64, document.Number:
		f, ok, err := numeric(v)
		return ok && f != 0, err
	case *document.Object:
		return v.Len() > 0, nil
	case *object:
		return v.Len() > 0, nil
	}
	l, ok := asList(v)
	if !ok {
		return false, nil
	}
	if depth > maxNesting {
		return false, tooDeep()
	}
	if err := ev.charge(l.n); err != nil {
		return false, err
	}
	// The reference looks at every item, so an infinity anywhere is an error.
	some := false
	for i := range l.n {
		b, err := ev.truthAt(l.at(i), depth+1)
		if err != nil {
			return false, err
		}
		some = some || b
	}
	return some, nil
}

// maxNesting is how deeply values made by an expression may nest before a
// function that walks them gives up.
const maxNesting = 10000

func tooDeep() error { return fault("U1001") }

// sameNumber reports whether two numbers are equal.
func sameNumber(a, b any) bool {
	x, _ := number(a)
	y, ok := number(b)
	return ok && x == y
}

// identical is JavaScript's ===: scalars by value, the rest by identity.
func identical(a, b any) bool {
	switch a := a.(type) {
	case float64, document.Number:
		return sameNumber(a, b)
	case string:
		b, ok := b.(string)
		return ok && a == b
	case bool:
		b, ok := b.(bool)
		return ok && a == b
	case nil:
		return b == nil
	case []any:
		b, ok := b.([]any)
		return ok && len(a) == len(b) && len(a) > 0 && &a[0] == &b[0]
	case *document.Object:
		return members(b) == a
	case *object:
		b, ok := b.(*object)
		return ok && a == b
	case *seq:
		b, ok := b.(*seq)
		return ok && a == b
	case *function:
		b, ok := b.(*function)
		return ok && a.same(b)
	}
	return false
}

// longText is from what length on comparing texts is charged for.
const longText = 256

// equal compares two values deeply.
func (ev *evaluator) equal(a, b any) (bool, error) {
	return ev.equalAt(a, b, 0)
}

func (ev *evaluator) equalAt(a, b any, depth int) (bool, error) {
	switch a := a.(type) {
	case string:
		b, ok := b.(string)
		if len(a) > longText && ok && len(a) == len(b) {
			if err := ev.charge(len(a) / 64); err != nil {
				return false, err
			}
		}
		return ok && a == b, nil
	case float64, document.Number:
		return sameNumber(a, b), nil
	case bool, nil, *function:
		return identical(a, b), nil
	}
	if depth > maxNesting {
		return false, tooDeep()
	}
	if x, ok := asList(a); ok {
		y, ok := asList(b)
		if !ok || x.n != y.n {
			return false, nil
		}
		if err := ev.charge(x.n); err != nil {
			return false, err
		}
		for i := range x.n {
			if same, err := ev.equalAt(x.at(i), y.at(i), depth+1); !same || err != nil {
				return false, err
			}
		}
		return true, nil
	}
	x, y := members(a), members(b)
	if x == nil || y == nil || x.Len() != y.Len() {
		return false, nil
	}
	if err := ev.charge(x.Len()); err != nil {
		return false, err
	}
	for i := range x.Len() {
		k, v := x.At(i)
		w, ok := y.Get(k)
		if !ok {
			return false, nil
		}
		if same, err := ev.equalAt(v, w, depth+1); !same || err != nil {
			return false, err
		}
	}
	return true, nil
}

// typeName names a value as $type does; "undefined" if there is none.
func typeName(v any) string {
	switch v.(type) {
	case undefinedValue:
		return "undefined"
	case nil:
		return "null"
	case float64, document.Number:
		return "number"
	case string:
		return "string"
	case bool:
		return "boolean"
	case *function:
		return "function"
	}
	if isArray(v) {
		return "array"
	}
	return "object"
}
