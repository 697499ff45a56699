package jsonata

import (
	"errors"

	"millrace/asl/document"
)

// function is a function value: built in, a closure, made from other functions, or given from outside.
type function struct {
	name   string
	sig    *signature
	arity  int // how many arguments a built-in function wants to be called with
	native native
	// special built-in functions need more than their arguments.
	special uint8

	// A closure, or what a partial application of one leaves.
	lambda *lambda
	env    *frame
	params []string
	input  any

	// A partial application of a function that is not a lambda: args with holes.
	partial *function
	args    []any

	re *program // of a regular expression

	// f ~> g: first, then second.
	first, second *function

	// detached functions were passed as an argument; no context reaches them.
	detached bool
	origin   *function // what was detached
}

// native is the Go code of a built-in function. The arguments have been
// checked against the signature; the ones that are missing are not there.
type native func(ev *evaluator, args []any) (any, error)

const (
	specialEval = iota + 1
)

// same reports whether two function values are one function.
func (fn *function) same(other *function) bool {
	if fn.origin != nil {
		fn = fn.origin
	}
	if other.origin != nil {
		other = other.origin
	}
	return fn == other
}

// detach makes the function an argument: when it is called, the context cannot stand in for its arguments.
func (fn *function) detach(f *frame) *function {
	if fn.detached || fn.sig == nil && fn.special == 0 {
		return fn
	}
	d := *fn
	d.detached, d.origin = true, fn
	if fn.special == specialEval {
		d.env = f
	}
	return &d
}

// Func is a function in Go that expressions can call. It is immutable.
type Func struct{ f function }

// NewFunc makes a function. The signature is in JSONata's notation with the
// angle brackets, such as "<a<n>n?:a>"; arguments that do not fit it are errors
// T0410 to T0412. call gets document values, and [Undefined] for an optional
// argument that is missing; it must not change them. It returns a document
// value or Undefined. An [*Error] it returns keeps its code, any other error
// gets D3137 and stays reachable with errors.As.
func NewFunc(name, signature string, call func(args []any) (any, error)) (*Func, error) {
	sig, err := parseSignature(signature)
	if err != nil {
		return nil, err.finish(signature)
	}
	fn := &Func{f: function{name: name, sig: sig, arity: len(sig.params)}}
	fn.f.native = func(ev *evaluator, args []any) (any, error) {
		plain := make([]any, max(len(args), len(sig.params)))
		for i := range plain {
			plain[i] = Undefined
			if i >= len(args) || args[i] == Undefined {
				continue
			}
			x := exporter{budget: ev.memory, copy: true}
			var err error
			if plain[i], err = x.export(args[i], 0); err == nil {
				err = ev.alloc(ev.memory - x.budget)
			}
			if err != nil {
				return nil, err
			}
		}
		v, err := call(plain)
		if err != nil {
			return nil, outside(err)
		}
		if !isDocument(v) {
			return nil, &Error{Code: "D3137", Message: "the function " + name + " gave what is not JSON", set: true, Value: Undefined, Value2: Undefined}
		}
		return v, nil
	}
	return fn, nil
}

func isDocument(v any) bool {
	switch v.(type) {
	case undefinedValue, nil, bool, string, document.Number, []any, *document.Object:
		return true
	}
	return false
}

// outside makes an error of a Func one of the language.
func outside(err error) error {
	var fault *Error
	if errors.As(err, &fault) {
		c := *fault
		c.set, c.finished = c.Message != "", false
		return &c
	}
	return &Error{Code: "D3137", Message: err.Error(), set: true, cause: err, Value: Undefined, Value2: Undefined}
}

// lambda is function($a, $b)<sig>{body}.
type lambda struct {
	params []string
	sig    *signature
	body   evaluable
}

func (n *lambda) eval(ev *evaluator, in any, f *frame) (any, error) {
	if err := ev.alloc(8 * itemSize); err != nil {
		return nil, err
	}
	return &function{lambda: n, params: n.params, sig: n.sig, arity: len(n.params), env: f, input: in}, nil
}

// thunk is a call in tail position whose time has not come.
type thunk struct {
	call *call
	in   any
	f    *frame
}

// tailCall gives a thunk of its call.
type tailCall struct{ call *call }

func (n *tailCall) eval(_ *evaluator, in any, f *frame) (any, error) {
	return &thunk{n.call, in, f}, nil
}

// call is f(a, b), and with lhs x ~> f(a, b).
type call struct {
	fn      evaluable
	args    []evaluable
	holes   []bool // of a partial application: which arguments are ?
	partial bool
	name    string // how the function is named, for errors
	isPath  bool   // it is named by a field, where a $ may have been forgotten
	pos     int
}

func (n *call) eval(ev *evaluator, in any, f *frame) (any, error) {
	if n.partial {
		return n.partially(ev, in, f)
	}
	return n.invoke(ev, in, f, nil, false)
}

// callee evaluates what is called.
func (n *call) callee(ev *evaluator, in any, f *frame, code string) (any, error) {
	fn, err := ev.eval(n.fn, in, f)
	if err != nil {
		return nil, err
	}
	if fn == Undefined && n.isPath && ev.lookup(f, n.name) != Undefined {
		return nil, faultAt(code, n.pos, n.name)
	}
	return fn, nil
}

// invoke calls the function, with lhs before the arguments if piped.
func (n *call) invoke(ev *evaluator, in any, f *frame, lhs any, piped bool) (any, error) {
	fn, err := n.callee(ev, in, f, "T1005")
	if err != nil {
		return nil, err
	}
	size := len(n.args)
	if piped {
		size++
	}
	args := make([]any, 0, size)
	if piped {
		args = append(args, lhs)
	}
	for _, a := range n.args {
		v, err := ev.eval(a, in, f)
		if err != nil {
			return nil, err
		}
		if fv, ok := v.(*function); ok {
			v = fv.detach(f)
		}
		args = append(args, v)
	}
	v, err := ev.apply(fn, args, in, f, n)
	if err != nil {
		return nil, placed(err, n)
	}
	return v, nil
}

// placed gives an error the place of the call it happened in, unless it has one.
func placed(err error, n *call) error {
	if e, ok := err.(*Error); ok {
		return e.at(n.pos, n.name)
	}
	return err
}

// apply calls a function and goes on calling while the result is a call in tail position.
func (ev *evaluator) apply(fn any, args []any, in any, f *frame, at *call) (any, error) {
	ev.calls++
	if ev.calls > ev.maxDepth {
		return nil, tooDeep()
	}
	for {
		v, err := ev.applyOnce(fn, args, in, f)
		if err != nil {
			if at != nil {
				err = placed(err, at)
			}
			return nil, err
		}
		t, ok := v.(*thunk)
		if !ok {
			ev.calls--
			return v, nil
		}
		if fn, err = ev.eval(t.call.fn, t.in, t.f); err != nil {
			return nil, err
		}
		args = make([]any, 0, len(t.call.args))
		for _, a := range t.call.args {
			v, err := ev.eval(a, t.in, t.f)
			if err != nil {
				return nil, err
			}
			args = append(args, v)
		}
		at = t.call
	}
}

// applyOnce calls a function; the result may be a thunk.
func (ev *evaluator) applyOnce(v any, args []any, in any, f *frame) (any, error) {
	fn, ok := v.(*function)
	if !ok {
		return nil, fault("T1006")
	}
	if fn.detached {
		in = nil
	}
	if fn.sig != nil {
		var err *Error
		if args, err = fn.sig.validate(args, in); err != nil {
			return nil, err
		}
	}
	switch {
	case fn.lambda != nil:
		ff := &frame{parent: fn.env, vars: make([]binding, len(fn.params))}
		for i, name := range fn.params {
			ff.vars[i] = binding{name, argAt(args, i)}
		}
		if err := ev.alloc((4 + 3*len(fn.params)) * itemSize); err != nil {
			return nil, err
		}
		return ev.eval(fn.lambda.body, fn.input, ff)
	case fn.special == specialEval:
		if fn.env != nil {
			f = fn.env
		}
		return ev.evalText(args, in, f)
	case fn.native != nil:
		return fn.native(ev, args)
	case fn.partial != nil:
		return ev.apply(fn.partial, fn.filled(args), nil, f, nil)
	case fn.first != nil:
		x, err := ev.apply(fn.first, []any{argAt(args, 0)}, nil, f, nil)
		if err != nil {
			return nil, err
		}
		if s, ok := x.(*seq); ok && s.flags&isSequence != 0 {
			x = s.unwrapped()
		}
		return ev.apply(fn.second, []any{x}, nil, f, nil)
	}
	return nil, fault("T1006")
}

// hole stands for a ? among the arguments of a partial application.
type hole struct{}

// filled puts args into the holes of a partial application.
func (fn *function) filled(args []any) []any {
	out := make([]any, len(fn.args))
	next := 0
	for i, a := range fn.args {
		if _, ok := a.(hole); ok {
			a = argAt(args, next)
			next++
		}
		out[i] = a
	}
	return out
}

// partially applies a function: what it gives takes the arguments left open.
func (n *call) partially(ev *evaluator, in any, f *frame) (any, error) {
	args := make([]any, len(n.args))
	for i, a := range n.args {
		if n.holes[i] {
			args[i] = hole{}
			continue
		}
		var err error
		if args[i], err = ev.eval(a, in, f); err != nil {
			return nil, err
		}
	}
	v, err := n.callee(ev, in, f, "T1007")
	if err != nil {
		return nil, err
	}
	fn, ok := v.(*function)
	if !ok {
		return nil, faultAt("T1008", n.pos, n.name)
	}
	if err := ev.alloc((8 + 3*len(args)) * itemSize); err != nil {
		return nil, err
	}
	if fn.lambda != nil {
		return fn.bindSome(args), nil
	}
	out := &function{partial: fn, args: args}
	for len(out.args) < fn.arity {
		out.args = append(out.args, Undefined)
	}
	for _, a := range args {
		if _, ok := a.(hole); ok {
			out.arity++
		}
	}
	return out, nil
}

// bindSome fixes the parameters of a lambda that have an argument or none; holes stay parameters.
func (fn *function) bindSome(args []any) *function {
	env := &frame{parent: fn.env}
	out := &function{lambda: fn.lambda, env: env, input: fn.input}
	for i, name := range fn.params {
		a := argAt(args, i)
		if _, ok := a.(hole); ok {
			out.params = append(out.params, name)
		} else {
			env.bind(name, a)
		}
	}
	out.arity = len(out.params)
	return out
}

// applyNode is x ~> f.
type applyNode struct {
	left  evaluable
	right evaluable
	call  *call // right, if it is a call
	pos   int
}

func (n *applyNode) eval(ev *evaluator, in any, f *frame) (any, error) {
	l, err := ev.eval(n.left, in, f)
	if err != nil {
		return nil, err
	}
	if n.call != nil {
		return n.call.invoke(ev, in, f, l, true)
	}
	r, err := ev.eval(n.right, in, f)
	if err != nil {
		return nil, err
	}
	fn, ok := r.(*function)
	if !ok {
		return nil, faultValue("T2006", r).at(n.pos, "~>")
	}
	if first, ok := l.(*function); ok {
		if err := ev.alloc(8 * itemSize); err != nil {
			return nil, err
		}
		return &function{first: first, second: fn, arity: 1}, nil
	}
	v, err := ev.apply(fn, []any{l}, nil, f, nil)
	if e, ok := err.(*Error); ok {
		return nil, e.at(n.pos, fn.name)
	}
	return v, err
}

// maxEvalSource bounds the source that $eval compiles, in bytes.
const maxEvalSource = 64 << 10

// evalText is $eval: it compiles the text and evaluates it among the caller's variables.
func (ev *evaluator) evalText(args []any, in any, f *frame) (any, error) {
	src, ok := argAt(args, 0).(string)
	if !ok {
		return Undefined, nil
	}
	if focus := argAt(args, 1); focus != Undefined {
		in = focus
		if isArray(in) && !isSeq(in) {
			in = &seq{items: []any{in}, flags: isSequence | isOuter}
		}
	}
	if len(src) > maxEvalSource {
		return nil, fault("D2015")
	}
	if err := ev.charge(len(src)); err != nil {
		return nil, err
	}
	if err := ev.alloc(64 * len(src)); err != nil {
		return nil, err
	}
	code, _, fail := compileSource(src, ev.builtins)
	if fail != nil {
		return nil, faultValue("D3120", fail.finish(src).Message)
	}
	v, err := ev.eval(code, in, f)
	if e, ok := err.(*Error); ok {
		if e.Code == "U1001" || e.Code == "D2015" {
			return nil, e
		}
		return nil, faultValue("D3121", e.finish(src).Message)
	}
	return v, err
}
