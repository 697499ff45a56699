package pattern

import (
	"strings"

	"millrace/asl/document"
)

// numeric reads ["=", n], or one or two bounds such as [">", 0, "<=", 5].
func numeric(arg any, at string) (func(any) bool, error) {
	list, ok := arg.([]any)
	if !ok || len(list) == 0 || len(list)%2 != 0 || len(list) > 4 {
		return nil, &Error{at, `numeric must be a list of operators and numbers, such as [">", 0, "<=", 5]`}
	}
	type bound struct {
		operator string
		n        document.Number
	}
	bounds := make([]bound, 0, 2)
	for i := 0; i < len(list); i += 2 {
		op, _ := list[i].(string)
		n, ok := list[i+1].(document.Number)
		switch op {
		case "=", "<", "<=", ">", ">=":
		default:
			return nil, &Error{at, "unrecognized numeric range operator: =, <, <=, > and >= are known"}
		}
		if !ok {
			return nil, &Error{at, "the value of " + op + " must be numeric"}
		}
		bounds = append(bounds, bound{op, n})
	}
	if len(bounds) == 2 {
		lower, upper := bounds[0], bounds[1]
		if lower.operator[0] != '>' || upper.operator[0] != '<' || lower.n.Cmp(upper.n) >= 0 {
			return nil, &Error{at, "a numeric range is a lower bound and then a greater upper bound"}
		}
	}
	return func(v any) bool {
		n, ok := v.(document.Number)
		if !ok {
			return false
		}
		for _, b := range bounds {
			c := n.Cmp(b.n)
			fits := false
			switch b.operator {
			case "=":
				fits = c == 0
			case "<":
				fits = c < 0
			case "<=":
				fits = c <= 0
			case ">":
				fits = c > 0
			case ">=":
				fits = c >= 0
			}
			if !fits {
				return false
			}
		}
		return true
	}, nil
}

// wildcard reads a text in which * stands for any characters; \* and \\ stand for
// themselves.
func wildcard(arg any, at string) (func(any) bool, error) {
	s, ok := arg.(string)
	if !ok {
		return nil, &Error{at, "wildcard must be a string"}
	}
	var parts []string // between the stars
	var part []byte
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\':
			if i++; i == len(s) || s[i] != '*' && s[i] != '\\' {
				return nil, &Error{at, `invalid escape character in wildcard: \* and \\ are known`}
			}
			part = append(part, s[i])
		case s[i] == '*' && i > 0 && s[i-1] == '*' && len(part) == 0 && len(parts) > 0:
			return nil, &Error{at, "consecutive wildcard characters are not allowed"}
		case s[i] == '*':
			parts, part = append(parts, string(part)), nil
		default:
			part = append(part, s[i])
		}
	}
	parts = append(parts, string(part))
	return onText(func(t string) bool { return fits(parts, t) }), nil
}

// fits reports whether t is the parts with anything between them.
func fits(parts []string, t string) bool {
	first, last := parts[0], parts[len(parts)-1]
	if len(parts) == 1 {
		return t == first
	}
	if len(t) < len(first)+len(last) || t[:len(first)] != first || t[len(t)-len(last):] != last {
		return false
	}
	t = t[len(first) : len(t)-len(last)]
	for _, p := range parts[1 : len(parts)-1] {
		i := strings.Index(t, p)
		if i < 0 {
			return false
		}
		t = t[i+len(p):]
	}
	return true
}
