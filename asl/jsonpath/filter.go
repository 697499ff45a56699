package jsonpath

import (
	"regexp"
	"strings"

	"millrace/asl/document"
)

// condition is what a filter asks of one value.
type condition interface {
	holds(e *evaluation, item any) bool
}

type (
	anyOf  []condition // a || b
	allOf  []condition // a && b
	not    struct{ condition }
	exists struct{ path *Path }
	test   struct {
		op          operator
		left, right operand
	}
)

func (a anyOf) holds(e *evaluation, item any) bool {
	for _, c := range a {
		if c.holds(e, item) {
			return true
		}
	}
	return false
}

func (a allOf) holds(e *evaluation, item any) bool {
	for _, c := range a {
		if !c.holds(e, item) {
			return false
		}
	}
	return true
}

func (n not) holds(e *evaluation, item any) bool { return !n.condition.holds(e, item) }

func (x exists) holds(e *evaluation, item any) bool {
	v, ok := x.path.within(e, item)
	if a, isArray := v.([]any); ok && isArray && !x.path.definite {
		return len(a) > 0
	}
	return ok
}

func (t test) holds(e *evaluation, item any) bool {
	left, ok := t.left.value(e, item)
	if !ok {
		return false
	}
	right, ok := t.right.value(e, item)
	return ok && t.op(e, left, right)
}

// operand is one side of a test: a path or a literal.
type operand struct {
	path    *Path
	literal any // a JSON value or a *regexp.Regexp
}

func (o operand) value(e *evaluation, item any) (any, bool) {
	if o.path == nil {
		return o.literal, true
	}
	v, ok := o.path.within(e, item)
	if ok && o.path.IsRoot() && o.path.root == current && scalar(v) {
		return nil, false // "@" itself matches objects and arrays only, as on AWS
	}
	return v, ok
}

// current is the root of "@", which stands only in filters.
const current Root = 255

func scalar(v any) bool {
	switch v.(type) {
	case *document.Object, []any:
		return false
	}
	return true
}

// within evaluates a path that stands in a filter.
func (p *Path) within(e *evaluation, item any) (any, bool) {
	start := e.root
	if p.root == current {
		start = item
	}
	sub := evaluation{path: p, root: e.root, budget: e.budget}
	sub.run(0, start)
	switch {
	case sub.err != nil || *e.budget < 0:
		return nil, false
	case !p.definite:
		return append([]any{}, sub.out...), true
	case len(sub.out) == 0:
		return nil, false
	}
	return sub.out[0], true
}

// filter reads "?(...)" and yields its step.
func (c *compiler) filter() (step, error) {
	c.i++
	c.blanks()
	if c.peek() != '(' {
		return step{}, c.fault(c.i, "found %s, '(' belongs after '?', such as [?(@.price > 10)]", c.found(c.i))
	}
	cond, err := c.group()
	return step{kind: filterStep, filter: cond}, err
}

// group reads a condition in parentheses.
func (c *compiler) group() (condition, error) {
	open := c.i
	if c.depth++; c.depth > maxNesting {
		return nil, c.fault(open, "filters nest more than %d deep", maxNesting)
	}
	defer func() { c.depth-- }()
	c.i++
	cond, err := c.or()
	if err != nil {
		return nil, err
	}
	if c.peek() != ')' {
		return nil, c.fault(c.i, "found %s, '&&', '||' or ')' belongs here to close the '(' at byte %d", c.found(c.i), open)
	}
	c.i++
	c.blanks()
	return cond, nil
}

func (c *compiler) or() (condition, error) {
	var alternatives anyOf
	for {
		cond, err := c.and()
		if err != nil {
			return nil, err
		}
		alternatives = append(alternatives, cond)
		if !c.symbol("||") {
			break
		}
	}
	if len(alternatives) == 1 {
		return alternatives[0], nil
	}
	return alternatives, nil
}

func (c *compiler) and() (condition, error) {
	var all allOf
	for {
		cond, err := c.unary()
		if err != nil {
			return nil, err
		}
		all = append(all, cond)
		if !c.symbol("&&") {
			break
		}
	}
	if len(all) == 1 {
		return all[0], nil
	}
	return all, nil
}

// symbol reads s and the blanks after it, if it comes next.
func (c *compiler) symbol(s string) bool {
	c.blanks()
	if !strings.HasPrefix(c.src[c.i:], s) {
		return false
	}
	c.i += len(s)
	c.blanks()
	return true
}

func (c *compiler) unary() (condition, error) {
	c.blanks()
	switch c.peek() {
	case '!':
		if c.depth++; c.depth > maxNesting {
			return nil, c.fault(c.i, "filters nest more than %d deep", maxNesting)
		}
		defer func() { c.depth-- }()
		c.i++
		cond, err := c.unary()
		return not{cond}, err
	case '(':
		return c.group()
	}
	return c.test()
}

// test reads "left op right", or a path alone, which asks whether it exists.
func (c *compiler) test() (condition, error) {
	start := c.i
	left, err := c.operand()
	if err != nil {
		return nil, err
	}
	c.blanks()
	switch ch := c.peek(); ch {
	case ')', '&', '|', 0:
		if left.path == nil {
			return nil, c.fault(start, "a condition is a path such as @.a, or a comparison such as @.a == 1")
		}
		return exists{left.path}, nil
	}
	op, err := c.operator()
	if err != nil {
		return nil, err
	}
	right, err := c.operand()
	if err != nil {
		return nil, err
	}
	c.blanks()
	return test{op, left, right}, nil
}

// operand reads a path, a literal or a regular expression.
func (c *compiler) operand() (operand, error) {
	c.blanks()
	switch c.peek() {
	case '@', '$':
		p := &Path{root: Input}
		start := c.i
		if c.peek() == '@' {
			p.root = current
		}
		c.i++
		if err := c.steps(p, true); err != nil {
			return operand{}, err
		}
		p.src = c.src[start:c.i]
		return operand{path: p}, nil
	case '/':
		re, err := c.pattern()
		return operand{literal: re}, err
	}
	v, err := c.literal()
	return operand{literal: v}, err
}

// pattern reads /regexp/flags. As in Java's matches, all of the text must match.
func (c *compiler) pattern() (*regexp.Regexp, error) {
	start := c.i
	end := start + 1
	for end < len(c.src) && (c.src[end] != '/' || c.src[end-1] == '\\') {
		end++
	}
	if end == len(c.src) {
		return nil, c.fault(end, "the regular expression opened at byte %d is not closed with '/'", start)
	}
	body := strings.ReplaceAll(c.src[start+1:end], `\/`, `/`)
	c.i = end + 1
	flags := ""
	for ch := c.peek(); ch >= 'a' && ch <= 'z' || ch >= 'A' && ch <= 'Z'; ch = c.peek() {
		switch ch {
		case 'i', 'm', 's':
			flags += string(ch)
		case 'u', 'U', 'd': // Unicode is how Go matches
		default:
			return nil, c.fault(c.i, "unknown flag %q of a regular expression, i, m and s are known", ch)
		}
		c.i++
	}
	if flags != "" {
		flags = "(?" + flags + ")"
	}
	re, err := regexp.Compile(flags + `\A(?:` + body + `)\z`)
	if err != nil {
		return nil, c.fault(start, "not a regular expression: %v", err)
	}
	return re, nil
}

// literal reads a JSON value, whose strings may have single quotes. A bare word
// is a string, as it is to AWS: [?(@.status == open)].
func (c *compiler) literal() (any, error) {
	c.blanks()
	start := c.i
	switch ch := c.peek(); ch {
	case '\'', '"':
		return c.quoted()
	case '[':
		return c.list()
	case '{':
		return c.members()
	}
	for c.i < len(c.src) && strings.IndexByte(" \t\r\n()[]{}=!<>~&|,'\":", c.src[c.i]) < 0 {
		c.i++
	}
	switch word := c.src[start:c.i]; word {
	case "":
		return nil, c.fault(start, "found %s, a path (@.a, $.a), a number, a text in quotes, true, false or null belongs here", c.found(start))
	case "true":
		return true, nil
	case "false":
		return false, nil
	case "null":
		return nil, nil
	default:
		if v, err := document.Parse([]byte(word)); err == nil {
			return v, nil // a number
		}
		return word, nil
	}
}

// list reads a literal array.
func (c *compiler) list() (any, error) {
	open := c.i
	if c.depth++; c.depth > maxNesting {
		return nil, c.fault(open, "filters nest more than %d deep", maxNesting)
	}
	defer func() { c.depth-- }()
	c.i++
	a := []any{}
	if c.symbol("]") {
		return a, nil
	}
	for {
		v, err := c.literal()
		if err != nil {
			return nil, err
		}
		a = append(a, v)
		if c.symbol("]") {
			return a, nil
		}
		if !c.symbol(",") {
			return nil, c.fault(c.i, "found %s, ',' or ']' belongs here to close the '[' at byte %d", c.found(c.i), open)
		}
	}
}

// members reads a literal object.
func (c *compiler) members() (any, error) {
	open := c.i
	if c.depth++; c.depth > maxNesting {
		return nil, c.fault(open, "filters nest more than %d deep", maxNesting)
	}
	defer func() { c.depth-- }()
	c.i++
	o := document.NewObject(0)
	if c.symbol("}") {
		return o, nil
	}
	for {
		c.blanks()
		if q := c.peek(); q != '"' && q != '\'' {
			return nil, c.fault(c.i, "found %s, a member's name in quotes belongs here", c.found(c.i))
		}
		name, err := c.quoted()
		if err != nil {
			return nil, err
		}
		if !c.symbol(":") {
			return nil, c.fault(c.i, "found %s, ':' belongs here", c.found(c.i))
		}
		v, err := c.literal()
		if err != nil {
			return nil, err
		}
		o.Set(name, v)
		if c.symbol("}") {
			return o, nil
		}
		if !c.symbol(",") {
			return nil, c.fault(c.i, "found %s, ',' or '}' belongs here to close the '{' at byte %d", c.found(c.i), open)
		}
	}
}
