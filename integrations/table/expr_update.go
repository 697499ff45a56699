package table

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// update is an update expression.
type update struct {
	actions []updateAction
}

// updateAction is one clause. For REMOVE there are no operands; op joins two.
type updateAction struct {
	verb string // SET, REMOVE, ADD, DELETE
	path path
	a, b operand
	op   string // "", +, -
}

// setFunctions are the functions of SET.
var setFunctions = map[string]int{"if_not_exists": 2, "list_append": 2}

// parseUpdate reads an UpdateExpression; nil is nil, which changes nothing.
func parseUpdate(source *string, n *names) (*update, error) {
	if source == nil {
		return nil, nil
	}
	const kind = "UpdateExpression"
	p, err := newParser(kind, *source, n)
	if err != nil {
		return nil, err
	}
	u := &update{}
	seen := map[string]bool{}
	for p.peek().kind != endToken {
		verb := strings.ToUpper(p.peek().text)
		if p.peek().kind != nameToken || !slices.Contains([]string{"SET", "REMOVE", "ADD", "DELETE"}, verb) {
			return nil, p.syntax(p.i)
		}
		if seen[verb] {
			return nil, p.fault(`The "%s" section can only be used once in an update expression;`, verb)
		}
		seen[verb] = true
		p.i++
		for {
			a, err := p.updateAction(verb)
			if err != nil {
				return nil, err
			}
			u.actions = append(u.actions, a)
			if !p.took(",") {
				break
			}
		}
	}
	paths := make([]path, len(u.actions))
	for i, a := range u.actions {
		paths[i] = a.path
	}
	return u, checkPaths(kind, paths)
}

func (p *parser) updateAction(verb string) (a updateAction, err error) {
	a.verb = verb
	if a.path, err = p.path(); err != nil || verb == "REMOVE" {
		return a, err
	}
	if verb == "SET" {
		if err := p.symbol("="); err != nil {
			return a, err
		}
		if a.a, err = p.setOperand(); err != nil {
			return a, err
		}
		if p.isSymbol("+") || p.isSymbol("-") {
			a.op = p.peek().text
			p.i++
			a.b, err = p.setOperand()
		}
		return a, err
	}
	if p.peek().kind != valueRef {
		return a, p.syntax(p.i)
	}
	v, err := p.value()
	a.a = operand{value: &v}
	isSet := slices.Contains([]string{StringSet, NumberSet, BinarySet}, v.Type)
	if err == nil && !isSet && (verb == "DELETE" || v.Type != Number) {
		return a, p.fault("Incorrect operand type for operator or function; operator: %s, operand type: %s, typeSet: ALLOWED_FOR_%s_OPERAND", verb, longTypeName(v.Type), verb)
	}
	return a, err
}

// setOperand reads an operand of SET, which may stand in parentheses.
func (p *parser) setOperand() (operand, error) {
	if !p.took("(") {
		o, err := p.operand(setFunctions)
		if err == nil && o.fn == "if_not_exists" && o.args[0].path == nil {
			err = p.fault("Operator or function requires a document path; operator or function: if_not_exists")
		}
		return o, err
	}
	if p.depth++; p.depth > maxNesting {
		return operand{}, p.fault("The expression is nested too deeply.")
	}
	defer func() { p.depth-- }()
	o, err := p.setOperand()
	if err != nil {
		return o, err
	}
	return o, p.symbol(")")
}

// longTypeName is a type as the errors of updates call it.
func longTypeName(t string) string {
	return map[string]string{
		String: "STRING", Number: "NUMBER", Binary: "BINARY", Bool: "BOOLEAN", Null: "NULL", Map: "MAP", List: "LIST",
		StringSet: "STRING_SET", NumberSet: "NUMBER_SET", BinarySet: "BINARY_SET",
	}[t]
}

// paths are the paths that the update changes.
func (u *update) paths() []path {
	if u == nil {
		return nil
	}
	paths := make([]path, len(u.actions))
	for i, a := range u.actions {
		paths[i] = a.path
	}
	return paths
}

// apply returns the item after the update. All operands are of the item before it.
func (u *update) apply(old Item) (Item, error) {
	out := maps.Clone(old)
	if out == nil {
		out = Item{}
	}
	if u == nil {
		return out, nil
	}
	var removed []path
	for _, a := range u.actions {
		if a.verb == "REMOVE" {
			if _, ok := a.path[:len(a.path)-1].get(old); !ok {
				return nil, errUpdatePath
			}
			removed = append(removed, a.path)
			continue
		}
		v, drop, err := a.value(old)
		switch {
		case err != nil:
			return nil, err
		case drop:
			removed = append(removed, a.path)
			continue
		}
		if out, err = set(out, a.path, v); err != nil {
			return nil, err
		}
	}
	// Elements of lists keep their places until all are found: the last goes first.
	slices.SortFunc(removed, func(p, q path) int {
		for i := range min(len(p), len(q)) {
			if c := cmp.Or(q[i].index-p[i].index, strings.Compare(p[i].name, q[i].name)); c != 0 {
				return c
			}
		}
		return 0
	})
	for _, p := range removed {
		out = unset(Value{Type: Map, Map: out}, p).Map
	}
	return out, nil
}

var (
	errUpdatePath = validation("The document path provided in the update expression is invalid for update")
	errOperand    = validation("An operand in the update expression has an incorrect data type")
	errAbsent     = validation("The provided expression refers to an attribute that does not exist in the item")
)

// value is what an action sets; drop says that the attribute goes.
func (a *updateAction) value(old Item) (v Value, drop bool, err error) {
	switch a.verb {
	case "ADD":
		return a.add(old)
	case "DELETE":
		return a.remove(old)
	}
	v, err = a.a.updated(old)
	if err != nil || a.op == "" {
		return v, false, err
	}
	w, err := a.b.updated(old)
	if err != nil {
		return v, false, err
	}
	if v.Type != Number || w.Type != Number {
		return v, false, errOperand
	}
	v, err = sum(v, w, a.op == "-")
	return v, false, err
}

func sum(v, w Value, minus bool) (Value, error) {
	a, err := parseNumber(v.Text)
	if err != nil {
		return v, err
	}
	b, err := parseNumber(w.Text)
	if err != nil {
		return v, err
	}
	n, err := a.add(b, minus)
	return Value{Type: Number, Text: n.String()}, err
}

// add adds to a number or a set; what is not there is zero or empty.
func (a *updateAction) add(old Item) (Value, bool, error) {
	w := *a.a.value
	v, ok := a.path.get(old)
	switch {
	case !ok:
		return w, false, nil
	case v.Type != w.Type:
		return v, false, errOperand
	case v.Type == Number:
		v, err := sum(v, w, false)
		return v, false, err
	}
	out := Value{Type: v.Type, Set: slices.Clone(v.Set)}
	for _, s := range w.Set {
		if !slices.Contains(out.Set, s) {
			out.Set = append(out.Set, s)
		}
	}
	return out, false, nil
}

// remove takes elements out of a set; an empty one goes.
func (a *updateAction) remove(old Item) (v Value, drop bool, err error) {
	w := *a.a.value
	v, ok := a.path.get(old)
	switch {
	case !ok:
		if _, ok := a.path[:len(a.path)-1].get(old); !ok {
			return v, false, errUpdatePath
		}
		return v, true, nil
	case v.Type != w.Type:
		return v, false, errOperand
	}
	out := Value{Type: v.Type}
	for _, s := range v.Set {
		if !slices.Contains(w.Set, s) {
			out.Set = append(out.Set, s)
		}
	}
	return out, len(out.Set) == 0, nil
}

// updated is an operand of SET.
func (o *operand) updated(old Item) (Value, error) {
	switch o.fn {
	case "if_not_exists":
		if v, ok := o.args[0].path.get(old); ok {
			return v, nil
		}
		return o.args[1].updated(old)
	case "list_append":
		out := Value{Type: List}
		for i := range o.args {
			v, err := o.args[i].updated(old)
			if err != nil {
				return v, err
			}
			if v.Type != List {
				return v, errOperand
			}
			out.List = append(out.List, v.List...)
		}
		return out, nil
	}
	v, ok := o.in(old)
	if !ok {
		return v, errAbsent
	}
	return v, nil
}

// set returns it with v at p. What p leads through must be there; an index past
// the end of a list appends.
func set(it Item, p path, v Value) (Item, error) {
	out, err := setIn(Value{Type: Map, Map: it}, p, v)
	return out.Map, err
}

func setIn(in Value, p path, v Value) (Value, error) {
	if len(p) == 0 {
		return v, nil
	}
	s := p[0]
	var err error
	switch {
	case !s.list && in.Type == Map:
		e, ok := in.Map[s.name]
		if !ok && len(p) > 1 {
			return in, errUpdatePath
		}
		if e, err = setIn(e, p[1:], v); err != nil {
			return in, err
		}
		out := maps.Clone(in.Map)
		out[s.name] = e
		return Value{Type: Map, Map: out}, nil
	case s.list && in.Type == List:
		out := slices.Clone(in.List)
		if s.index >= len(out) {
			if len(p) > 1 {
				return in, errUpdatePath
			}
			return Value{Type: List, List: append(out, v)}, nil
		}
		if out[s.index], err = setIn(out[s.index], p[1:], v); err != nil {
			return in, err
		}
		return Value{Type: List, List: out}, nil
	}
	return in, errUpdatePath
}

// unset returns v without what p leads to.
func unset(v Value, p path) Value {
	s := p[0]
	switch {
	case !s.list && v.Type == Map:
		e, ok := v.Map[s.name]
		if !ok {
			return v
		}
		out := maps.Clone(v.Map)
		if len(p) == 1 {
			delete(out, s.name)
		} else {
			out[s.name] = unset(e, p[1:])
		}
		return Value{Type: Map, Map: out}
	case s.list && v.Type == List && s.index < len(v.List):
		out := slices.Clone(v.List)
		if len(p) == 1 {
			out = slices.Delete(out, s.index, s.index+1)
		} else {
			out[s.index] = unset(out[s.index], p[1:])
		}
		return Value{Type: List, List: out}
	}
	return v
}
