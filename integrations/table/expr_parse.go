package table

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// names are what expressions of one request refer to, and what of it was used.
type names struct {
	Names  map[string]string `json:"ExpressionAttributeNames"`
	Values map[string]Value  `json:"ExpressionAttributeValues"`

	usedNames, usedValues map[string]bool
}

// check refuses names and values that no expression needs or that are misspelt.
func (n *names) check(expressions ...string) error {
	some := slices.ContainsFunc(expressions, func(e string) bool { return e != "" })
	switch {
	case n.Names != nil && !some:
		return validation("ExpressionAttributeNames can only be specified when using expressions")
	case n.Values != nil && !some:
		return validation("ExpressionAttributeValues can only be specified when using expressions")
	case n.Names != nil && len(n.Names) == 0:
		return validation("ExpressionAttributeNames must not be empty")
	case n.Values != nil && len(n.Values) == 0:
		return validation("ExpressionAttributeValues must not be empty")
	}
	for _, k := range slices.Sorted(maps.Keys(n.Names)) {
		if !isRef(k, '#') {
			return validation(`ExpressionAttributeNames contains invalid key: Syntax error; key: "%.100s"`, k)
		}
	}
	for _, k := range slices.Sorted(maps.Keys(n.Values)) {
		if !isRef(k, ':') {
			return validation(`ExpressionAttributeValues contains invalid key: Syntax error; key: "%.100s"`, k)
		}
	}
	return nil
}

func isRef(s string, mark byte) bool {
	if len(s) < 2 || s[0] != mark {
		return false
	}
	for i := 1; i < len(s); i++ {
		if !isWord(s[i]) {
			return false
		}
	}
	return true
}

// unused refuses names and values that no expression used.
func (n *names) unused() error {
	for _, part := range []struct {
		what string
		have []string
		used map[string]bool
	}{
		{"Names", slices.Sorted(maps.Keys(n.Names)), n.usedNames},
		{"Values", slices.Sorted(maps.Keys(n.Values)), n.usedValues},
	} {
		left := slices.DeleteFunc(part.have, func(k string) bool { return part.used[k] })
		if len(left) > 0 {
			return validation("Value provided in ExpressionAttribute%s unused in expressions: keys: {%s}", part.what, strings.Join(left, ", "))
		}
	}
	return nil
}

// parser reads expressions of one request.
type parser struct {
	*lexer
	names *names
	i     int
	depth int
}

const maxNesting = 300

func newParser(kind, source string, n *names) (*parser, error) {
	l, err := lex(kind, source)
	if err != nil {
		return nil, err
	}
	if n.usedNames == nil {
		n.usedNames, n.usedValues = map[string]bool{}, map[string]bool{}
	}
	return &parser{lexer: l, names: n}, nil
}

func (p *parser) peek() token { return p.tokens[p.i] }

func (p *parser) isSymbol(s string) bool {
	return p.peek().kind == symbolToken && p.peek().text == s
}

func (p *parser) isWord(word string) bool {
	return p.peek().kind == nameToken && strings.EqualFold(p.peek().text, word)
}

// symbol takes a symbol or fails.
func (p *parser) symbol(s string) error {
	if !p.isSymbol(s) {
		return p.syntax(p.i)
	}
	p.i++
	return nil
}

// took takes a key word or symbol if it is next.
func (p *parser) took(s string) bool {
	if p.isSymbol(s) || p.isWord(s) {
		p.i++
		return true
	}
	return false
}

func (p *parser) end() error {
	if p.peek().kind != endToken {
		return p.syntax(p.i)
	}
	return nil
}

func (p *parser) fault(format string, args ...any) error {
	return validation("Invalid "+p.kind+": "+format, args...)
}

// path reads a document path.
func (p *parser) path() (path, error) {
	first, err := p.member()
	if err != nil {
		return nil, err
	}
	out := path{first}
	for {
		switch {
		case p.took("."):
			s, err := p.member()
			if err != nil {
				return nil, err
			}
			out = append(out, s)
		case p.took("["):
			if p.peek().kind != numberToken {
				return nil, p.syntax(p.i)
			}
			n, err := strconv.Atoi(p.peek().text)
			if err != nil || n >= 1<<31 {
				return nil, p.fault("List index is not within the allowable range; index: [%s]", p.peek().text)
			}
			p.i++
			if err := p.symbol("]"); err != nil {
				return nil, err
			}
			out = append(out, step{index: n, list: true})
		default:
			if len(out) > maxDepth {
				return nil, p.fault("The document path has too many nesting elements; nesting levels: %d", len(out))
			}
			return out, nil
		}
	}
}

func (p *parser) member() (step, error) {
	t := p.peek()
	switch t.kind {
	case nameToken:
		if reserved[strings.ToUpper(t.text)] {
			return step{}, p.fault("Attribute name is a reserved keyword; reserved keyword: %s", t.text)
		}
		p.i++
		return step{name: t.text}, nil
	case nameRef:
		name, ok := p.names.Names[t.text]
		if !ok {
			return step{}, p.fault("An expression attribute name used in the document path is not defined; attribute name: %s", t.text)
		}
		p.names.usedNames[t.text] = true
		p.i++
		return step{name: name}, nil
	}
	return step{}, p.syntax(p.i)
}

// value reads a :value.
func (p *parser) value() (Value, error) {
	t := p.peek()
	v, ok := p.names.Values[t.text]
	if !ok {
		return v, p.fault("An expression attribute value used in expression is not defined; attribute value: %s", t.text)
	}
	p.names.usedValues[t.text] = true
	p.i++
	return v, nil
}

// operand is what conditions compare and updates set: a path, a value or a function.
type operand struct {
	path  path
	value *Value
	fn    string // size, if_not_exists, list_append
	args  []operand
}

// call reports whether the next tokens are a function's name and a parenthesis.
func (p *parser) call() bool {
	return p.peek().kind == nameToken && p.tokens[p.i+1].kind == symbolToken && p.tokens[p.i+1].text == "("
}

// operand reads a path, a value or a call of one of functions, which are given
// with the number of their operands.
func (p *parser) operand(functions map[string]int) (operand, error) {
	switch {
	case p.peek().kind == valueRef:
		v, err := p.value()
		return operand{value: &v}, err
	case p.call():
		name := p.peek().text
		n, ok := functions[name]
		if !ok {
			if _, known := allFunctions[name]; known {
				return operand{}, p.fault("The function is not allowed to be used this way in an expression; function: %s", name)
			}
			return operand{}, p.fault("Invalid function name; function: %s", name)
		}
		args, err := p.arguments(functions)
		if err != nil {
			return operand{}, err
		}
		if len(args) != n {
			return operand{}, p.fault("Incorrect number of operands for operator or function; operator or function: %s, number of operands: %d", name, len(args))
		}
		return operand{fn: name, args: args}, nil
	}
	q, err := p.path()
	return operand{path: q}, err
}

// arguments reads a function's name, which the caller knows, and its operands.
func (p *parser) arguments(functions map[string]int) ([]operand, error) {
	p.i += 2
	if p.depth++; p.depth > maxNesting {
		return nil, p.fault("The expression is nested too deeply.")
	}
	defer func() { p.depth-- }()
	var args []operand
	for {
		a, err := p.operand(functions)
		if err != nil {
			return nil, err
		}
		args = append(args, a)
		if p.took(",") {
			continue
		}
		return args, p.symbol(")")
	}
}

// allFunctions are the functions of all expressions.
var allFunctions = map[string]int{
	"attribute_exists": 1, "attribute_not_exists": 1, "attribute_type": 2, "begins_with": 2, "contains": 2,
	"size": 1, "if_not_exists": 2, "list_append": 2,
}

// conditionFunctions are those that are operands of conditions.
var conditionFunctions = map[string]int{"size": 1}

// parseProjection reads a ProjectionExpression; "" is nil, which is everything.
func parseProjection(source *string, n *names) ([]path, error) {
	if source == nil {
		return nil, nil
	}
	const kind = "ProjectionExpression"
	p, err := newParser(kind, *source, n)
	if err != nil {
		return nil, err
	}
	var paths []path
	for {
		q, err := p.path()
		if err != nil {
			return nil, err
		}
		paths = append(paths, q)
		if !p.took(",") {
			break
		}
	}
	if err := p.end(); err != nil {
		return nil, err
	}
	return paths, checkPaths(kind, paths)
}
