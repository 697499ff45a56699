package table

import (
	"slices"
	"strconv"
	"strings"
)

// condition is a condition, filter or key condition expression.
type condition interface {
	holds(it Item) bool
}

type (
	notCondition struct{ c condition }
	allOf        struct{ list []condition }
	anyOf        struct{ list []condition }
	comparison   struct {
		op   string // = <> < <= > >=
		a, b operand
	}
	between struct{ v, low, high operand }
	oneOf   struct {
		v    operand
		list []operand
	}
	predicate struct {
		fn   string
		args []operand
	}
)

// parseCondition reads an expression; nil is nil, which always holds.
func parseCondition(kind string, source *string, n *names) (condition, error) {
	if source == nil {
		return nil, nil
	}
	p, err := newParser(kind, *source, n)
	if err != nil {
		return nil, err
	}
	c, err := p.or()
	if err != nil {
		return nil, err
	}
	return c, p.end()
}

func (p *parser) or() (condition, error) {
	list, err := p.joined("OR", p.and)
	if err != nil || len(list) == 1 {
		return first(list), err
	}
	return anyOf{list}, nil
}

func (p *parser) and() (condition, error) {
	list, err := p.joined("AND", p.not)
	if err != nil || len(list) == 1 {
		return first(list), err
	}
	return allOf{list}, nil
}

func first(list []condition) condition {
	if len(list) == 0 {
		return nil
	}
	return list[0]
}

func (p *parser) joined(word string, part func() (condition, error)) ([]condition, error) {
	var list []condition
	for {
		c, err := part()
		if err != nil {
			return nil, err
		}
		list = append(list, c)
		if !p.isWord(word) {
			return list, nil
		}
		p.i++
	}
}

func (p *parser) not() (condition, error) {
	if !p.isWord("NOT") {
		return p.term()
	}
	p.i++
	if p.depth++; p.depth > maxNesting {
		return nil, p.fault("The expression is nested too deeply.")
	}
	defer func() { p.depth-- }()
	c, err := p.not()
	return notCondition{c}, err
}

func (p *parser) term() (condition, error) {
	if p.took("(") {
		if p.depth++; p.depth > maxNesting {
			return nil, p.fault("The expression is nested too deeply.")
		}
		defer func() { p.depth-- }()
		c, err := p.or()
		if err != nil {
			return nil, err
		}
		return c, p.symbol(")")
	}
	if p.call() {
		if n, ok := predicates[p.peek().text]; ok {
			return p.predicate(n)
		}
	}
	a, err := p.operand(conditionFunctions)
	if err != nil {
		return nil, err
	}
	switch {
	case p.isWord("BETWEEN"):
		p.i++
		return p.between(a)
	case p.isWord("IN"):
		p.i++
		return p.in(a)
	}
	op := p.peek()
	if op.kind != symbolToken || !slices.Contains([]string{"=", "<>", "<", "<=", ">", ">="}, op.text) {
		return nil, p.syntax(p.i)
	}
	p.i++
	b, err := p.operand(conditionFunctions)
	if err != nil {
		return nil, err
	}
	if len(a.path) > 0 && len(b.path) > 0 && slices.Equal(a.path, b.path) {
		return nil, p.fault("The first operand must be distinct from the remaining operands for this operator or function; operator: %s, first operand: %s", op.text, a.path)
	}
	if op.text != "=" && op.text != "<>" {
		for _, o := range []operand{a, b} {
			if err := p.ordered(op.text, o); err != nil {
				return nil, err
			}
		}
	}
	return comparison{op.text, a, b}, nil
}

// ordered refuses a value that has no order.
func (p *parser) ordered(op string, o operand) error {
	if o.value != nil && !slices.Contains([]string{String, Number, Binary}, o.value.Type) {
		return p.fault("Incorrect operand type for operator or function; operator or function: %s, operand type: %s", op, o.value.Type)
	}
	return nil
}

func (p *parser) between(v operand) (condition, error) {
	low, err := p.operand(conditionFunctions)
	if err != nil {
		return nil, err
	}
	if !p.isWord("AND") {
		return nil, p.syntax(p.i)
	}
	p.i++
	high, err := p.operand(conditionFunctions)
	if err != nil {
		return nil, err
	}
	for _, o := range []operand{low, high} {
		if err := p.ordered("BETWEEN", o); err != nil {
			return nil, err
		}
	}
	if low.value != nil && high.value != nil {
		c, ok := low.value.compare(*high.value)
		if !ok {
			return nil, p.fault("The BETWEEN operator requires same data type for lower and upper bounds; lower bound operand: AttributeValue: %s, upper bound operand: AttributeValue: %s", low.value.brief(), high.value.brief())
		}
		if c > 0 {
			return nil, p.fault("The BETWEEN operator requires upper bound to be greater than or equal to lower bound; lower bound operand: AttributeValue: %s, upper bound operand: AttributeValue: %s", low.value.brief(), high.value.brief())
		}
	}
	return between{v, low, high}, nil
}

// brief is a scalar as errors show it: {S:abc}.
func (v Value) brief() string { return "{" + v.Type + ":" + v.Text + "}" }

const maxIn = 100

func (p *parser) in(v operand) (condition, error) {
	if err := p.symbol("("); err != nil {
		return nil, err
	}
	c := oneOf{v: v}
	for {
		o, err := p.operand(conditionFunctions)
		if err != nil {
			return nil, err
		}
		c.list = append(c.list, o)
		if !p.took(",") {
			break
		}
	}
	if len(c.list) > maxIn {
		return nil, p.fault("The IN operator is provided with too many operands; number of operands: %d", len(c.list))
	}
	return c, p.symbol(")")
}

// predicates are the functions that are conditions, with their operands' number.
var predicates = map[string]int{"attribute_exists": 1, "attribute_not_exists": 1, "attribute_type": 2, "begins_with": 2, "contains": 2}

func (p *parser) predicate(n int) (condition, error) {
	name := p.peek().text
	args, err := p.arguments(conditionFunctions)
	if err != nil {
		return nil, err
	}
	if len(args) != n {
		return nil, p.fault("Incorrect number of operands for operator or function; operator or function: %s, number of operands: %d", name, len(args))
	}
	wrong := func(o operand) error {
		t := "path"
		if o.value != nil {
			t = o.value.Type
		}
		return p.fault("Incorrect operand type for operator or function; operator or function: %s, operand type: %s", name, t)
	}
	switch name {
	case "attribute_exists", "attribute_not_exists":
		if args[0].path == nil {
			return nil, p.fault("Operator or function requires a document path; operator or function: %s", name)
		}
	case "attribute_type":
		if args[1].value == nil || args[1].value.Type != String {
			return nil, wrong(args[1])
		}
		if t := args[1].value.Text; !slices.Contains([]string{String, Number, Binary, Bool, Null, Map, List, StringSet, NumberSet, BinarySet}, t) {
			return nil, p.fault("Invalid attribute type name found; type: %s, valid types: {B,NULL,SS,BOOL,L,BS,N,NS,S,M}", t)
		}
	case "begins_with":
		for _, o := range args {
			if o.value != nil && o.value.Type != String && o.value.Type != Binary {
				return nil, wrong(o)
			}
		}
	}
	return predicate{name, args}, nil
}

// in finds what an operand stands for in an item.
func (o *operand) in(it Item) (Value, bool) {
	switch {
	case o.value != nil:
		return *o.value, true
	case o.fn == "size":
		v, ok := o.args[0].in(it)
		if !ok {
			return Value{}, false
		}
		n, ok := v.length()
		return Value{Type: Number, Text: strconv.Itoa(n)}, ok
	}
	return o.path.get(it)
}

// length is size(v): of text the characters, of bytes their number, of
// everything else the number of elements.
func (v Value) length() (int, bool) {
	switch v.Type {
	case String:
		return len([]rune(v.Text)), true
	case Binary:
		return len(v.Text), true
	case StringSet, NumberSet, BinarySet:
		return len(v.Set), true
	case List:
		return len(v.List), true
	case Map:
		return len(v.Map), true
	}
	return 0, false
}

func (c notCondition) holds(it Item) bool { return !c.c.holds(it) }

func (c allOf) holds(it Item) bool {
	return !slices.ContainsFunc(c.list, func(e condition) bool { return !e.holds(it) })
}

func (c anyOf) holds(it Item) bool {
	return slices.ContainsFunc(c.list, func(e condition) bool { return e.holds(it) })
}

func (c comparison) holds(it Item) bool {
	a, ok := c.a.in(it)
	b, ok2 := c.b.in(it)
	if !ok || !ok2 {
		return c.op == "<>" && ok != ok2
	}
	switch c.op {
	case "=":
		return a.equal(b)
	case "<>":
		return !a.equal(b)
	}
	n, ok := a.compare(b)
	if !ok {
		return false
	}
	switch c.op {
	case "<":
		return n < 0
	case "<=":
		return n <= 0
	case ">":
		return n > 0
	}
	return n >= 0
}

func (c between) holds(it Item) bool {
	return comparison{">=", c.v, c.low}.holds(it) && comparison{"<=", c.v, c.high}.holds(it)
}

func (c oneOf) holds(it Item) bool {
	v, ok := c.v.in(it)
	return ok && slices.ContainsFunc(c.list, func(o operand) bool {
		w, ok := o.in(it)
		return ok && v.equal(w)
	})
}

func (c predicate) holds(it Item) bool {
	v, ok := c.args[0].in(it)
	switch c.fn {
	case "attribute_exists":
		return ok
	case "attribute_not_exists":
		return !ok
	}
	w, ok2 := c.args[1].in(it)
	if !ok || !ok2 {
		return false
	}
	switch c.fn {
	case "attribute_type":
		return v.Type == w.Text
	case "begins_with":
		return v.Type == w.Type && (v.Type == String || v.Type == Binary) && strings.HasPrefix(v.Text, w.Text)
	}
	switch v.Type { // contains
	case String, Binary:
		return v.Type == w.Type && strings.Contains(v.Text, w.Text)
	case StringSet, NumberSet, BinarySet:
		return w.Type == v.Type[:1] && slices.Contains(v.Set, w.Text)
	case List:
		return slices.ContainsFunc(v.List, w.equal)
	}
	return false
}
