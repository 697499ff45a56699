// Package jsonata is JSONata 2, the query and transformation language: an
// expression is compiled once and evaluated many times over the values of
// package document.
//
// It follows the JavaScript reference (https://docs.jsonata.org), error codes
// included. Numbers are float64; a number that passes through untouched keeps
// its text. Objects keep the order in which their members were made. An
// evaluation reads no clock and no randomness but what [Bindings] gives, and is
// bounded in depth, steps and size, never in time: the same input always stops
// at the same place.
package jsonata

import (
	"time"

	"millrace/asl/document"
)

// Options changes what Compile accepts.
type Options struct {
	// NoEval takes $eval away: a call of it is a call of what is not a function.
	NoEval bool
	// NoInput refuses, with code S0501, what refers to the input of the whole
	// expression: $ and $$ at the top, names and wildcards without a variable
	// in front of them. Inside a path, a filter or a function's steps they refer
	// to something else and are allowed.
	NoInput bool
}

// Expr is a compiled expression. It is immutable and safe for concurrent use.
type Expr struct {
	src  string
	code evaluable
	opts Options
	refs []Reference
	env  map[string]*function
}

// Compile compiles an expression. Errors are [*Error], with codes S....
func Compile(src string, opts Options) (*Expr, error) {
	code, tree, err := compileSource(src, builtins)
	if err != nil {
		return nil, err.finish(src)
	}
	e := &Expr{src: src, code: code, opts: opts, env: builtins, refs: references(tree)}
	if opts.NoInput {
		for _, r := range e.refs {
			if r.Kind != Variable {
				err := faultAt("S0501", r.Position, r.String())
				return nil, err.finish(src)
			}
		}
	}
	return e, nil
}

// maxSource bounds the source of an expression in bytes, as a state machine's definition is bounded.
const maxSource = 1 << 20

// compileSource parses and compiles.
func compileSource(src string, builtins map[string]*function) (evaluable, *node, *Error) {
	if len(src) > maxSource {
		return nil, nil, fault("U1001")
	}
	tree, err := parse(src)
	if err == nil {
		tree, err = shape(tree)
	}
	if err != nil {
		return nil, nil, err
	}
	c := compiler{builtins: builtins}
	code, err := c.compile(tree)
	return code, tree, err
}

// String returns the source.
func (e *Expr) String() string { return e.src }

// Bindings is what an evaluation can see besides its input. The zero value is
// an empty environment.
type Bindings struct {
	// Vars are variables by name, without the $. Values are document values or *Func.
	Vars map[string]any
	// Lookup, if not nil, gives the variables that Vars does not have.
	Lookup func(name string) (value any, ok bool)
	// Funcs are functions by name, without the $. They hide built-in functions.
	Funcs map[string]*Func
	// Now is what $now and $millis return, and fills in the parts that a parsed time lacks.
	Now time.Time
	// Rand gives the numbers of $random and $shuffle, from 0 up to but not including 1.
	// If it is nil they are always 0.
	Rand func() float64
	// Limits bound the evaluation.
	Limits Limits
}

// Limits bound one evaluation. Zero fields mean the defaults.
type Limits struct {
	// Depth is how many evaluations may nest, counted as the reference counts
	// them (a call within a call is about three). Default 10,000. Error U1001.
	Depth int
	// Steps is how many operations may run. Default 10,000,000. Error U1001.
	Steps int
	// Memory is about how many bytes of arrays, objects and strings may be made
	// in all. Default 64 MiB. Error D2015.
	Memory int
	// Output is how many bytes the result may have as JSON. Default 16 MiB. Error D2015.
	Output int
}

const (
	defaultDepth  = 10_000
	defaultSteps  = 10_000_000
	defaultMemory = 64 << 20
	defaultOutput = 16 << 20
)

func or(n, otherwise int) int {
	if n <= 0 {
		return otherwise
	}
	return n
}

// Function stands for a result that is a function; it has no JSON form.
// Eval returns it as the value when an expression gives a function.
type Function struct {
	// Name is the name of a built-in function, or "".
	Name string
	// Arity is how many parameters it has.
	Arity int
}

// Eval evaluates the expression. The input is a document value or [Undefined];
// b may be nil.
//
// If defined is false the result is nothing, which is no error. Otherwise value
// is a document value, or a [Function]: functions inside a result become empty
// strings, as in $string. Errors are [*Error], with codes T..., D... or U1001,
// and with D3137 and D3141 for $error and $assert.
func (e *Expr) Eval(input any, b *Bindings) (value any, defined bool, err error) {
	if b == nil {
		b = &Bindings{}
	}
	ev := evaluator{
		b: b, root: input, builtins: e.env, noEval: e.opts.NoEval,
		maxDepth: or(b.Limits.Depth, defaultDepth),
		steps:    or(b.Limits.Steps, defaultSteps),
		memory:   or(b.Limits.Memory, defaultMemory),
	}
	in := input
	if a, ok := input.([]any); ok {
		in = &seq{items: []any{a}, flags: isSequence | isOuter}
	}
	v, err := ev.eval(e.code, in, &ev.base)
	if err != nil {
		return nil, false, e.failure(err)
	}
	v, defined, err = ev.result(v)
	if err != nil {
		return nil, false, e.failure(err)
	}
	return v, defined, nil
}

func (e *Expr) failure(err error) error {
	if fault, ok := err.(*Error); ok {
		return fault.finish(e.src)
	}
	return err
}

// result turns what an expression gave into a document value.
func (ev *evaluator) result(v any) (any, bool, error) {
	switch v := v.(type) {
	case undefinedValue:
		return nil, false, nil
	case nil, bool, string, document.Number:
		return v, true, nil
	case []any, *document.Object:
		return v, true, nil
	case *function:
		return Function{Name: v.name, Arity: v.arity}, true, nil
	}
	x := exporter{budget: or(ev.b.Limits.Output, defaultOutput)}
	out, err := x.export(v, 0)
	return out, err == nil, err
}
