package asl

import (
	"strings"

	"millrace/asl/document"
	"millrace/asl/jsonpath"
)

func (s *scope) choice(b Base) *Choice {
	c := &Choice{Base: b}
	c.Default, _ = s.n.get("Default").text()
	n := s.n.get("Choices")
	if n == nil || !n.isArray() {
		return c
	}
	for _, k := range n.kids {
		r := Rule{Assign: s.assign(k)}
		r.Next, _ = k.get("Next").text()
		if s.lang == JSONata {
			r.Test = s.condition(k)
			r.Output = s.valueOf(k.get("Output"))
		} else {
			r.Test = s.test(k)
		}
		if r.Test != nil {
			c.Rules = append(c.Rules, r)
		}
	}
	return c
}

// test compiles a choice rule of JSONPath. Faults of structure are the schema's
// to find; a rule without a meaning is reported and yields nil.
//
// Section "Choice State" of the specification.
func (s *scope) test(n *node) Test {
	if !n.isObject() {
		return nil
	}
	for _, k := range n.kids {
		switch k.key {
		case "And", "Or":
			var tests []Test
			for _, e := range k.kids {
				if t := s.test(e); t != nil {
					tests = append(tests, t)
				}
			}
			if k.key == "And" {
				return allOf(tests)
			}
			return anyOf(tests)
		case "Not":
			if t := s.test(k); t != nil {
				return not{t}
			}
			return nil
		}
	}
	variable := n.get("Variable")
	src, ok := variable.text()
	if !ok {
		return nil
	}
	for _, k := range n.kids {
		op, ok := operators[k.key]
		if !ok {
			continue
		}
		p := s.choicePath(variable, src)
		if p == nil {
			return nil
		}
		return s.comparison(op, p, k)
	}
	return nil
}

// comparison compiles the operator k applied to the path p.
func (s *scope) comparison(op operator, p *jsonpath.Path, k *node) Test {
	if op.is != nil || op.present {
		want, _ := k.value.(bool)
		return &kindTest{path: p, is: op.is, want: want}
	}
	t := &comparison{path: p, operator: op}
	switch {
	case op.path:
		src, ok := k.text()
		if !ok {
			return nil
		}
		if t.operand = s.choicePath(k, src); t.operand == nil {
			return nil
		}
	case op.of == matchOperand:
		src, ok := k.text()
		if !ok {
			return nil
		}
		t.pattern = compilePattern(src)
	default:
		t.value = k.value
		if op.of == timestampOperand {
			src, ok := k.text()
			if !ok {
				return nil
			}
			if _, ok := ParseTimestamp(src); !ok {
				s.c.fault(k, nil, codeSchema, "String does not match RFC3339 timestamp")
				return nil
			}
		}
	}
	return t
}

// choicePath compiles a path of a choice rule.
func (s *scope) choicePath(n *node, src string) *jsonpath.Path {
	if !strings.HasPrefix(src, "$") {
		s.c.fault(n, nil, codeSchema, notReference+": Reference path didn't start with '$'")
		return nil
	}
	return s.path(n, src)
}

type (
	allOf []Test
	anyOf []Test
	not   struct{ test Test }
)

// Match stops at the first rule that does not match, so that an IsPresent can
// guard what follows.
func (a allOf) Match(env *Env) (bool, error) {
	for _, t := range a {
		if ok, err := t.Match(env); !ok || err != nil {
			return false, err
		}
	}
	return true, nil
}

// Match stops at the first rule that matches.
func (a anyOf) Match(env *Env) (bool, error) {
	for _, t := range a {
		if ok, err := t.Match(env); ok || err != nil {
			return ok, err
		}
	}
	return false, nil
}

// Match turns the rule's answer around.
func (n not) Match(env *Env) (bool, error) {
	ok, err := n.test.Match(env)
	return !ok && err == nil, err
}

// kindTest is one of the operators that begin with Is.
type kindTest struct {
	path *jsonpath.Path
	is   func(v any) bool // nil: IsPresent
	want bool
}

// Match of IsPresent never fails; the others fail when the path has no value.
func (t *kindTest) Match(env *Env) (bool, error) {
	v, err := choiceValue(t.path, env)
	if t.is == nil {
		return (err == nil) == t.want, nil
	}
	if err != nil {
		return false, err
	}
	return t.is(v) == t.want, nil
}

// comparison compares a value with a constant or with another value.
type comparison struct {
	operator
	path    *jsonpath.Path
	operand *jsonpath.Path
	value   any
	pattern pattern
}

// Match is false when the two values are not both of the operator's type.
func (t *comparison) Match(env *Env) (bool, error) {
	v, err := choiceValue(t.path, env)
	if err != nil {
		return false, err
	}
	w := t.value
	if t.operand != nil {
		if w, err = choiceValue(t.operand, env); err != nil {
			return false, err
		}
	}
	var cmp int
	switch t.of {
	case matchOperand:
		s, ok := v.(string)
		return ok && t.pattern.match(s), nil
	case booleanOperand:
		a, ok := v.(bool)
		b, same := w.(bool)
		return ok && same && a == b, nil
	case numericOperand:
		a, ok := v.(document.Number)
		b, same := w.(document.Number)
		if !ok || !same {
			return false, nil
		}
		cmp = a.Cmp(b)
	case stringOperand:
		a, ok := v.(string)
		b, same := w.(string)
		if !ok || !same {
			return false, nil
		}
		cmp = compareUTF16(a, b)
	case timestampOperand:
		a, ok := timestampOf(v)
		b, same := timestampOf(w)
		if !ok || !same {
			return false, nil
		}
		cmp = a.Compare(b)
	}
	return cmp < 0 && t.less || cmp == 0 && t.equal || cmp > 0 && t.greater, nil
}

// choiceValue evaluates a path of a choice rule. The error is an *Error.
func choiceValue(p *jsonpath.Path, env *Env) (any, error) {
	if v, _, err := evalPath(p, env); err == nil {
		return v, nil
	}
	return nil, &Error{Name: errRuntime, Cause: "Invalid path '" + p.String() + "': The choice state's condition path references an invalid value."}
}

// pattern is the operand of StringMatches, cut at each '*': "\\*" is an
// asterisk and "\\\\" a backslash.
type pattern []string

func compilePattern(src string) pattern {
	var p pattern
	var b strings.Builder
	for i := 0; i < len(src); i++ {
		switch c := src[i]; {
		case c == '\\' && i+1 < len(src) && (src[i+1] == '*' || src[i+1] == '\\'):
			i++
			b.WriteByte(src[i])
		case c == '*':
			p = append(p, b.String())
			b.Reset()
		default:
			b.WriteByte(c)
		}
	}
	return append(p, b.String())
}

// match reports whether the whole of s fits, in time proportional to its length
// and the number of pieces.
func (p pattern) match(s string) bool {
	if len(p) == 1 {
		return s == p[0]
	}
	last := len(p) - 1
	s, ok := strings.CutPrefix(s, p[0])
	if !ok || !strings.HasSuffix(s, p[last]) {
		return false
	}
	s = s[:len(s)-len(p[last])]
	for _, piece := range p[1:last] {
		i := strings.Index(s, piece)
		if i < 0 {
			return false
		}
		s = s[i+len(piece):]
	}
	return true
}
