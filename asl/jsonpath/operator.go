package jsonpath

import (
	"regexp"
	"slices"
	"strings"
	"unicode/utf16"

	"millrace/asl/document"
)

// operator compares the two sides of a test, both of which exist. Whatever
// takes longer than a moment is charged to the evaluation's budget.
type operator func(e *evaluation, left, right any) bool

// textPerVisit is how many bytes of text may be looked at for one visit.
const textPerVisit = 32

// operator reads the operator of a test.
func (c *compiler) operator() (operator, error) {
	start := c.i
	for c.i < len(c.src) && strings.IndexByte("=!<>~", c.src[c.i]) >= 0 {
		c.i++
	}
	if c.i == start {
		for c.i < len(c.src) && (c.src[c.i]|0x20 >= 'a' && c.src[c.i]|0x20 <= 'z') {
			c.i++
		}
	}
	op := operatorNamed(strings.ToLower(c.src[start:c.i]))
	if op == nil {
		return nil, c.fault(start, "found %s, an operator belongs here: == != < <= > >= =~ in nin subsetof anyof noneof contains all size empty",
			c.found(start))
	}
	return op, nil
}

func operatorNamed(name string) operator {
	switch name {
	case "==":
		return equal
	case "===":
		return func(e *evaluation, a, b any) bool { return sameType(a, b) && equal(e, a, b) }
	case "!=", "<>":
		return func(e *evaluation, a, b any) bool { return !equal(e, a, b) }
	case "!==":
		return func(e *evaluation, a, b any) bool { return !sameType(a, b) || !equal(e, a, b) }
	case "<":
		return func(e *evaluation, a, b any) bool { n, ok := compare(e, a, b); return ok && n < 0 }
	case "<=":
		return func(e *evaluation, a, b any) bool { n, ok := compare(e, a, b); return ok && n <= 0 }
	case ">":
		return func(e *evaluation, a, b any) bool { n, ok := compare(e, a, b); return ok && n > 0 }
	case ">=":
		return func(e *evaluation, a, b any) bool { n, ok := compare(e, a, b); return ok && n >= 0 }
	case "=~":
		return matches
	case "in":
		return in
	case "nin":
		return func(e *evaluation, a, b any) bool { return !in(e, a, b) }
	case "contains":
		return contains
	case "subsetof":
		return func(e *evaluation, a, b any) bool { n, of := shared(e, a, b); return n == of }
	case "anyof":
		return func(e *evaluation, a, b any) bool { n, _ := shared(e, a, b); return n > 0 }
	case "noneof":
		return func(e *evaluation, a, b any) bool { n, _ := shared(e, a, b); return n == 0 }
	case "all":
		return func(e *evaluation, a, b any) bool { n, of := shared(e, b, a); return n == of }
	case "size":
		return size
	case "empty":
		return empty
	}
	return nil
}

// equal compares as Jayway's == does: a text and a number are equal when the
// text reads as that number.
func equal(e *evaluation, a, b any) bool {
	switch x := a.(type) {
	case string:
		switch y := b.(type) {
		case string:
			return e.charge(min(len(x), len(y))/textPerVisit) && x == y
		case document.Number:
			return e.charge(len(x)/textPerVisit) && reads(x, y)
		}
	case document.Number:
		switch y := b.(type) {
		case string:
			return e.charge(len(y)/textPerVisit) && reads(y, x)
		case document.Number:
			return x == y || x.Cmp(y) == 0
		}
	case []any, *document.Object:
		return same(e, a, b)
	case nil:
		return b == nil
	case bool:
		return a == b
	}
	return false
}

// same compares arrays and objects, member by member. Inside them a text and a
// number are never equal.
func same(e *evaluation, a, b any) bool {
	if !e.charge(1) {
		return false
	}
	switch x := a.(type) {
	case []any:
		y, ok := b.([]any)
		if !ok || len(x) != len(y) {
			return false
		}
		for i := range x {
			if !same(e, x[i], y[i]) {
				return false
			}
		}
		return true
	case *document.Object:
		y, ok := b.(*document.Object)
		if !ok || x.Len() != y.Len() {
			return false
		}
		for i := range x.Len() {
			name, v := x.At(i)
			w, ok := y.Get(name)
			if !ok || !same(e, v, w) {
				return false
			}
		}
		return true
	}
	return sameType(a, b) && equal(e, a, b)
}

func reads(s string, n document.Number) bool {
	v, err := document.Parse([]byte(s))
	m, ok := v.(document.Number)
	return err == nil && ok && m.Cmp(n) == 0
}

func sameType(a, b any) bool {
	switch a.(type) {
	case string:
		_, ok := b.(string)
		return ok
	case document.Number:
		_, ok := b.(document.Number)
		return ok
	}
	return true // equal tells all other types apart
}

// compare orders numbers by value and texts as Java does, by UTF-16 units. A
// number beside a text is taken as its text.
func compare(e *evaluation, a, b any) (int, bool) {
	x, xNumber := a.(document.Number)
	y, yNumber := b.(document.Number)
	if xNumber && yNumber {
		return x.Cmp(y), true
	}
	s, ok := text(a)
	t, ok2 := text(b)
	if !ok || !ok2 || !e.charge((len(s)+len(t))/textPerVisit) {
		return 0, false
	}
	return slices.Compare(utf16.Encode([]rune(s)), utf16.Encode([]rune(t))), true
}

func text(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case document.Number:
		return string(v), true
	}
	return "", false
}

// matches asks whether all of a text, or of one in a list, fits the regular
// expression on either side.
func matches(e *evaluation, a, b any) bool {
	re, ok := b.(*regexp.Regexp)
	if !ok {
		if re, ok = a.(*regexp.Regexp); !ok {
			return false
		}
		a = b
	}
	list, ok := a.([]any)
	if !ok {
		list = []any{a}
	}
	for _, v := range list {
		s := plainText(v)
		if e.charge(1+len(s)/textPerVisit) && re.MatchString(s) {
			return true
		}
	}
	return false
}

// plainText is what a regular expression sees of a value.
func plainText(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case document.Number:
		return string(v)
	case bool:
		return string(document.Append(nil, v))
	}
	return ""
}

func in(e *evaluation, a, b any) bool {
	list, _ := b.([]any)
	for _, v := range list {
		if !e.charge(1) {
			return false
		}
		if equal(e, a, v) {
			return true
		}
	}
	return false
}

func contains(e *evaluation, a, b any) bool {
	if s, ok := a.(string); ok {
		t, ok := b.(string)
		return ok && e.charge(len(s)/textPerVisit) && strings.Contains(s, t)
	}
	return in(e, b, a)
}

// shared counts the elements of a that are in b, and those of a. What are no
// two lists passes no test: -1 of 0.
func shared(e *evaluation, a, b any) (n, of int) {
	list, ok := a.([]any)
	if _, ok2 := b.([]any); !ok || !ok2 {
		return -1, 0
	}
	for _, v := range list {
		if in(e, v, b) {
			n++
		}
	}
	return n, len(list)
}

func size(e *evaluation, a, b any) bool {
	n, ok := b.(document.Number)
	if !ok {
		return false
	}
	want, ok := n.Int64()
	if !ok {
		return false
	}
	switch v := a.(type) {
	case string:
		return e.charge(len(v)/textPerVisit) && int64(len(utf16.Encode([]rune(v)))) == want
	case []any:
		return int64(len(v)) == want
	}
	return false
}

func empty(_ *evaluation, a, b any) bool {
	want, ok := b.(bool)
	if !ok {
		return false
	}
	switch v := a.(type) {
	case string:
		return (v == "") == want
	case []any:
		return (len(v) == 0) == want
	case *document.Object:
		return (v.Len() == 0) == want
	}
	return false
}
