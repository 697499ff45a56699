package jsonpath

import (
	"regexp"
	"slices"
	"strings"
	"unicode/utf16"

	"millrace/asl/document"
)

// operator compares the two sides of a test, both of which exist.
type operator func(left, right any) bool

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
		return func(a, b any) bool { return sameType(a, b) && equal(a, b) }
	case "!=", "<>":
		return func(a, b any) bool { return !equal(a, b) }
	case "!==":
		return func(a, b any) bool { return !sameType(a, b) || !equal(a, b) }
	case "<":
		return func(a, b any) bool { n, ok := compare(a, b); return ok && n < 0 }
	case "<=":
		return func(a, b any) bool { n, ok := compare(a, b); return ok && n <= 0 }
	case ">":
		return func(a, b any) bool { n, ok := compare(a, b); return ok && n > 0 }
	case ">=":
		return func(a, b any) bool { n, ok := compare(a, b); return ok && n >= 0 }
	case "=~":
		return matches
	case "in":
		return in
	case "nin":
		return func(a, b any) bool { return !in(a, b) }
	case "contains":
		return contains
	case "subsetof":
		return func(a, b any) bool { return count(a, b, func(shared, of int) bool { return shared == of }) }
	case "anyof":
		return func(a, b any) bool { return count(a, b, func(shared, _ int) bool { return shared > 0 }) }
	case "noneof":
		return func(a, b any) bool { return count(a, b, func(shared, _ int) bool { return shared == 0 }) }
	case "all":
		return func(a, b any) bool { return count(b, a, func(shared, of int) bool { return shared == of }) }
	case "size":
		return size
	case "empty":
		return empty
	}
	return nil
}

// equal compares as Jayway's == does: a text and a number are equal when the
// text reads as that number.
func equal(a, b any) bool {
	switch x := a.(type) {
	case string:
		if n, ok := b.(document.Number); ok {
			return reads(x, n)
		}
	case document.Number:
		if s, ok := b.(string); ok {
			return reads(s, x)
		}
	case *regexp.Regexp:
		return false
	}
	if _, ok := b.(*regexp.Regexp); ok {
		return false
	}
	return document.Equal(a, b)
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
func compare(a, b any) (int, bool) {
	x, xNumber := a.(document.Number)
	y, yNumber := b.(document.Number)
	if xNumber && yNumber {
		return x.Cmp(y), true
	}
	s, ok := text(a)
	t, ok2 := text(b)
	if !ok || !ok2 {
		return 0, false
	}
	return compareText(s, t), true
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

func compareText(s, t string) int {
	return slices.Compare(utf16.Encode([]rune(s)), utf16.Encode([]rune(t)))
}

func matches(a, b any) bool {
	re, ok := b.(*regexp.Regexp)
	if !ok {
		if re, ok = a.(*regexp.Regexp); !ok {
			return false
		}
		a = b
	}
	if list, ok := a.([]any); ok {
		for _, v := range list {
			if re.MatchString(plainText(v)) {
				return true
			}
		}
		return false
	}
	return re.MatchString(plainText(a))
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

func in(a, b any) bool {
	list, ok := b.([]any)
	if !ok {
		return false
	}
	for _, v := range list {
		if equal(a, v) {
			return true
		}
	}
	return false
}

func contains(a, b any) bool {
	if s, ok := a.(string); ok {
		t, ok := b.(string)
		return ok && strings.Contains(s, t)
	}
	return in(b, a)
}

// count tells verdict how many elements of a are in b, of how many.
func count(a, b any, verdict func(shared, of int) bool) bool {
	list, ok := a.([]any)
	if !ok {
		return false
	}
	if _, ok := b.([]any); !ok {
		return false
	}
	n := 0
	for _, v := range list {
		if in(v, b) {
			n++
		}
	}
	return verdict(n, len(list))
}

func size(a, b any) bool {
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
		return int64(len(utf16.Encode([]rune(v)))) == want
	case []any:
		return int64(len(v)) == want
	}
	return false
}

func empty(a, b any) bool {
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
