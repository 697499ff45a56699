package asl

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"millrace/asl/document"
	"millrace/asl/jsonata"
)

// expression is a JSONata expression: a whole field or a part of a template.
type expression struct {
	expr   *jsonata.Expr
	source string // with {% and %}
	field  string // where it stands in the state, such as Output/total
	direct string // what it names and nothing more: input, result, ..., or $variable
	uses   uses
}

// uses is what an expression needs to be given.
type uses struct {
	input, result, errorOutput, context bool // of $states
	random, uuid                        bool
}

func (x *expression) Constant() (*document.Doc, bool) { return nil, false }
func (x *expression) Source() string                  { return x.source }

func (x *expression) Eval(env *Env) (*document.Doc, error) {
	if d := x.named(env); d != nil {
		return d, nil
	}
	v, err := x.evalValue(env)
	if err != nil {
		return nil, err
	}
	return document.FromValue(v), nil
}

// named returns the document that the expression is nothing but the name of, or
// nil: such a document is passed on as it is.
func (x *expression) named(env *Env) *document.Doc {
	switch x.direct {
	case "":
	case "input":
		return env.Input
	case "result":
		return env.Result
	case "errorOutput":
		return env.ErrorOutput
	default:
		if env.Variable != nil {
			if d, ok := env.Variable(x.direct); ok {
				return d
			}
		}
	}
	return nil
}

func (x *expression) evalValue(env *Env) (any, error) {
	v, defined, err := x.expr.Eval(jsonata.Undefined, x.bindings(env))
	if err != nil {
		var fault *jsonata.Error
		if !errors.As(err, &fault) {
			return nil, x.failed(" threw an error during evaluation: " + err.Error())
		}
		switch fault.Code {
		case "U1001", "D2015": // limits, which have no code with AWS
			return nil, x.failed(" threw an error during evaluation: " + fault.Message)
		}
		return nil, x.failed(" threw an error during evaluation. " + fault.Code + ": " + jsonataWords(fault))
	}
	if !defined {
		return nil, x.failed(" returned nothing (undefined).")
	}
	if _, ok := v.(jsonata.Function); ok {
		return nil, x.failed(" returned an unsupported result type.")
	}
	return v, nil
}

// failed is an error of the expression.
func (x *expression) failed(what string) *Error {
	return &Error{
		Name:     errQuery,
		Cause:    "The JSONata expression '" + x.expr.String() + "' specified for the field '" + x.field + "'" + what,
		Location: x.field,
	}
}

// bindings gives the expression what it uses of env.
func (x *expression) bindings(env *Env) *jsonata.Bindings {
	b := &jsonata.Bindings{Now: env.Now, Funcs: functions()}
	b.Rand = func() float64 { return fraction(env) }
	b.Lookup = func(name string) (any, bool) {
		if name == "states" {
			return x.states(env), true
		}
		if env.Variable == nil {
			return nil, false
		}
		d, ok := env.Variable(name)
		if !ok {
			return nil, false
		}
		return d.Value(), true
	}
	if x.uses.random || x.uses.uuid {
		b.Funcs = randomFunctions(env)
	}
	return b
}

// states makes $states, with the members that the expression uses.
func (x *expression) states(env *Env) *document.Object {
	o := document.NewObject(4)
	if x.uses.input && env.Input != nil {
		o.Set("input", env.Input.Value())
	}
	if x.uses.result && env.Result != nil {
		o.Set("result", env.Result.Value())
	}
	if x.uses.errorOutput && env.ErrorOutput != nil {
		o.Set("errorOutput", env.ErrorOutput.Value())
	}
	if x.uses.context && env.Context != nil {
		if d := env.Context(""); d != nil {
			o.Set("context", d.Value())
		}
	}
	return o
}

// valueOf compiles the value of n: in JSONata an expression or a template, else
// a constant. n may be nil.
func (s *scope) valueOf(n *node) Field {
	if n == nil {
		return nil
	}
	if s.lang != JSONata {
		return newConstant(n.value)
	}
	switch p := s.jsonataPart(n).(type) {
	case literal:
		return newConstant(p.value)
	case *expression:
		return p
	default:
		return &template{root: p, source: string(document.Append(nil, n.value))}
	}
}

// jsonataPart compiles a value of a JSONata state, in which strings that begin
// with {% and end with %} are expressions, at any depth.
func (s *scope) jsonataPart(n *node) part {
	if src, ok := n.text(); ok {
		if isExpression(src) {
			return s.expression(n, src)
		}
		if strings.HasPrefix(src, "{%") {
			s.c.fault(n, nil, codeSchema, "JSONata string must start with {% and end with %}")
		}
		return literal{src}
	}
	if len(n.kids) == 0 {
		return literal{n.value}
	}
	parts := make([]part, len(n.kids))
	keys := make([]string, len(n.kids))
	constant := true
	for i, k := range n.kids {
		parts[i], keys[i] = s.jsonataPart(k), k.key
		if _, ok := parts[i].(literal); !ok {
			constant = false
		}
	}
	switch {
	case constant:
		return literal{n.value}
	case n.isArray():
		return arrayPart(parts)
	}
	return &objectPart{keys: keys, parts: parts}
}

// expression compiles the expression src, which stands in n.
func (s *scope) expression(n *node, src string) part {
	inner := strings.TrimSpace(src[2 : len(src)-2])
	start := len(src) - 2 - len(strings.TrimLeftFunc(src[2:len(src)-2], unicode.IsSpace)) // of inner in src
	e, err := jsonata.Compile(inner, jsonata.Options{NoEval: true})
	if err != nil {
		message := err.Error()
		at := 0
		var fault *jsonata.Error
		if errors.As(err, &fault) {
			message = jsonataWords(fault)
			at = start + tokenOffset(inner, fault)
		}
		s.c.faultIn(n, nil, at, codeJSONata, message)
		return literal{src}
	}
	field := strings.TrimPrefix(n.location(), s.n.location()+"/")
	x := &expression{expr: e, source: src, field: field}
	s.refer(n, x, start)
	return x
}

// tokenOffset returns where the token at fault begins, in bytes: its end is known,
// in UTF-16 units.
func tokenOffset(src string, fault *jsonata.Error) int {
	end, units := 0, 0
	for end < len(src) && units < fault.Position {
		r, size := utf8.DecodeRuneInString(src[end:])
		end, units = end+size, units+utf16.RuneLen(r)
	}
	if token := fault.Token; token != "" && strings.HasSuffix(src[:end], token) {
		return end - len(token)
	}
	_, size := utf8.DecodeLastRuneInString(src[:end])
	return end - size
}

// refer notes what an expression refers to, and reports what it cannot. start is
// where the expression begins in the text of n.
func (s *scope) refer(n *node, x *expression, start int) {
	refs := x.expr.References()
	for _, r := range refs {
		switch {
		case r.Kind == jsonata.Root:
			s.c.faultIn(n, nil, start+r.Start, codeUnsupported, "Reference to '$$' is not supported.")
		case r.Kind != jsonata.Variable:
			s.c.faultIn(n, nil, start+r.Start, codeUnsupported, "Reference to '"+r.String()+"' at the top level is not supported.")
		case r.Name == "states":
			s.refersToStates(n, x, r, start)
		case r.Name == "random":
			x.uses.random = true
		case r.Name == "uuid":
			x.uses.uuid = true
		}
	}
	for _, r := range x.expr.Variables() {
		switch {
		case r.Name == "states" || r.Called && isFunction(r.Name):
		case r.Called:
			s.names(r.Name)
		default:
			s.refers(n, start+r.Start, r.Name)
		}
	}
	if s.c.opt.Lint {
		s.lintCalls(n, refs, start)
	}
	if len(refs) != 1 || refs[0].Kind != jsonata.Variable {
		return
	}
	src := x.expr.String()
	switch r := refs[0]; {
	case r.Name == "states" && len(r.Fields) == 1 && src == "$states."+r.Fields[0] && r.Fields[0] != "context":
		x.direct = r.Fields[0]
	case r.Name != "states" && src == "$"+r.Name && len(x.expr.Variables()) == 1:
		x.direct = r.Name
	}
}

// lintCalls looks at the functions that an expression calls and does not define.
// A variable cannot hold one.
func (s *scope) lintCalls(n *node, refs []jsonata.Reference, start int) {
	for _, r := range refs {
		switch {
		case r.Kind != jsonata.Variable || !r.Called:
		case r.Name == "eval":
			s.c.warnIn(n, start+r.Start, codeNoFunction, "There is no function '$eval' in state machines")
		case !jsonata.IsBuiltin(r.Name) && !isFunction(r.Name):
			s.c.warnIn(n, start+r.Start, codeNoFunction, "There is no function '$"+r.Name+"'")
		}
	}
}

// refersToStates notes which member of $states is used.
func (s *scope) refersToStates(n *node, x *expression, r jsonata.Reference, start int) {
	if len(r.Fields) == 0 {
		x.uses.input, x.uses.result, x.uses.errorOutput, x.uses.context = true, true, true, true
		return
	}
	switch r.Fields[0] {
	case "input":
		x.uses.input = true
	case "result":
		x.uses.result = true
		if s.c.opt.Lint && !s.hasResult(x.field) {
			s.c.warnIn(n, start+r.Start, codeNoResult, "There is no '$states.result' here: only a Task, Parallel or Map state has it, in Output and Assign")
		}
	case "context":
		x.uses.context = true
		if s.c.opt.Lint {
			s.lintContext(n, start+r.Start, "$states.context", r.Fields[1:])
		}
	case "errorOutput":
		x.uses.errorOutput = true
		if !s.catching {
			s.c.faultIn(n, nil, start+r.Start, codeUnsupported, "Field '$states.errorOutput' does not exist.")
		}
	default:
		s.c.faultIn(n, nil, start+r.Start, codeUnsupported, "Field '$states."+r.Fields[0]+"' does not exist.")
	}
}

// hasResult reports whether there is $states.result in a field of the state.
func (s *scope) hasResult(field string) bool {
	switch kind, _ := s.n.get("Type").text(); kind {
	case "Task", "Parallel", "Map":
	default:
		return false
	}
	top, _, _ := strings.Cut(field, "/")
	return top == "Output" || top == "Assign"
}

// condition compiles the Condition of a JSONata rule.
func (s *scope) condition(n *node) Test {
	c := n.get("Condition")
	if c == nil {
		return nil
	}
	if b, ok := c.value.(bool); ok {
		return fixed(b)
	}
	src, ok := c.text()
	if !ok || !isExpression(src) {
		return nil
	}
	if x, ok := s.expression(c, src).(*expression); ok {
		return condition{x}
	}
	return nil
}

// fixed is a Condition that is a constant.
type fixed bool

// Match returns the constant.
func (f fixed) Match(*Env) (bool, error) { return bool(f), nil }

// condition is a Condition that is an expression.
type condition struct{ x *expression }

// Match fails when the expression gives anything but true or false.
func (c condition) Match(env *Env) (bool, error) {
	v, err := c.x.evalValue(env)
	if err != nil {
		return false, err
	}
	if b, ok := v.(bool); ok {
		return b, nil
	}
	return false, c.x.failed(" returned an unexpected result type. Expected 'boolean', but was '" +
		kindOf(v) + "' for value: " + string(document.Append(nil, v)))
}

// kindOf names a value's type as AWS's messages do.
func kindOf(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case bool:
		return "boolean"
	case string:
		return "string"
	case []any:
		return "array"
	case *document.Object:
		return "object"
	}
	return "number"
}
