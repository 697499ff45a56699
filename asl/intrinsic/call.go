// Package intrinsic holds the States Language's 18 intrinsic functions, such as
// States.Format('{}', $.name): a parser, and an evaluator over the values of
// millrace/asl/document.
//
// Calls nest up to [MaxNesting] deep. Their arguments are texts in single
// quotes, numbers, true, false, null, paths of millrace/asl/jsonpath, and calls.
// The meaning is what AWS shows, where that differs from its documentation too:
// States.MathAdd rounds as Java's Math.round, the other functions cut fractions
// off; States.ArrayContains compares scalars by their text; States.ArrayUnique
// returns the order of a Java HashSet.
//
// Evaluation is pure: what is random comes from [Env].
package intrinsic

import (
	"errors"
	"fmt"
	"slices"

	"millrace/asl/document"
	"millrace/asl/jsonpath"
)

// MaxNesting is how deeply calls may nest, the outermost counted.
const MaxNesting = 10

// Env is what a call may see of the world.
type Env struct {
	// Lookup evaluates a path: over the state's input, the context object or a
	// variable, as its root says. Needed when the call has paths.
	Lookup func(*jsonpath.Path) (any, error)

	// Random draws 64 random bits. Needed by States.UUID, twice a call, and by
	// States.MathRandom without a seed, once a call.
	Random func() uint64
}

// Call is a compiled call. It is immutable and safe for concurrent use.
type Call struct {
	src  string // this call's own text
	fn   function
	args []argument
}

// argument is one argument of a call: a path, a call, or a literal.
type argument struct {
	path    *jsonpath.Path
	call    *Call
	literal any
	escaped string // a literal text before its escapes were resolved
}

// String returns the call as it was written.
func (c *Call) String() string { return c.src }

// Function returns the function's name, such as "States.Format".
func (c *Call) Function() string { return c.fn.name }

// Paths returns the paths that the call and those nested in it refer to, in the
// order in which they are written.
func (c *Call) Paths() []*jsonpath.Path { return c.paths(nil) }

func (c *Call) paths(found []*jsonpath.Path) []*jsonpath.Path {
	for _, a := range c.args {
		if a.path != nil {
			found = append(found, a.path)
		}
		if a.call != nil {
			found = a.call.paths(found)
		}
	}
	return found
}

// Vet tells what can be seen to be wrong whatever the paths lead to: a wrong number
// of arguments, literals of a type that the function does not take, and those that
// it cannot work with. AWS finds out when the state runs, and [Call.Eval] fails then.
func (c *Call) Vet() []error { return c.vet(nil) }

func (c *Call) vet(faults []error) []error {
	before := len(faults)
	if reason := c.miscounted(); reason != "" {
		faults = append(faults, fmt.Errorf("%s: %s", cut(c.src), reason))
	}
	for i, a := range c.args {
		switch {
		case a.call != nil:
			faults = a.call.vet(faults)
		case a.path == nil && i < len(c.fn.params):
			if want := c.fn.params[i]; !want.takes(a.literal) {
				faults = append(faults, fmt.Errorf("%s: argument %d is %s, %s belongs there", cut(c.src), i+1, typeOf(a.literal), want))
			}
		}
	}
	if len(faults) == before {
		var failure *Failure
		if t, _ := c.trial(); t != nil {
			if _, err := t.eval(Env{Random: func() uint64 { return 0 }}); errors.As(err, &failure) {
				faults = append(faults, fmt.Errorf("%s: %s", cut(failure.Call), failure.Reason))
			}
		}
	}
	return faults
}

// decisive holds the argument, by its index, that alone can make a function fail.
var decisive = map[string]int{
	"States.Format": 0, "States.Hash": 1, "States.JsonMerge": 2, "States.ArrayPartition": 1, "States.ArrayRange": 2,
}

// trial returns a call that fails only if c always does, or nil: c itself when its
// arguments are literals, else c with values for its paths that the function can
// surely work with. exact tells that it gives what c gives.
func (c *Call) trial() (t *Call, exact bool) {
	t = &Call{src: c.src, fn: c.fn, args: slices.Clone(c.args)}
	i, decided := decisive[c.fn.name]
	decided = decided && i < len(c.args) && c.args[i].path == nil && c.args[i].call == nil
	exact = c.fn.name != "States.UUID" && c.fn.name != "States.MathRandom"
	for k, a := range c.args {
		known := a.path == nil
		if a.call != nil {
			t.args[k].call, known = a.call.trial()
		}
		if known {
			continue
		}
		if exact = false; !decided {
			return nil, false
		}
		t.args[k] = c.harmless(k)
	}
	if !exact && c.fn.name == "States.ArrayRange" {
		t.args[0], t.args[1] = c.harmless(0), c.harmless(1)
	}
	return t, exact
}

// harmless is a value for an argument that does not make the function fail.
func (c *Call) harmless(i int) argument {
	if i >= len(c.fn.params) {
		return argument{literal: "x"}
	}
	switch c.fn.params[i] {
	case aNumber:
		return argument{literal: document.Number("1")}
	case anArray:
		return argument{literal: []any{}}
	case anObject:
		return argument{literal: &document.Object{}}
	}
	return argument{literal: "x"}
}

// miscounted says what is wrong with the number of arguments, if anything is.
func (c *Call) miscounted() string {
	n, least, most := len(c.args), c.fn.least, len(c.fn.params)
	switch {
	case n >= least && (n <= most || c.fn.more):
		return ""
	case c.fn.more:
		return fmt.Sprintf("%s takes at least %d arguments, not %d", c.fn.name, least, n)
	case least == most:
		return fmt.Sprintf("%s takes %d arguments, not %d", c.fn.name, least, n)
	}
	return fmt.Sprintf("%s takes %d to %d arguments, not %d", c.fn.name, least, most, n)
}

// Eval evaluates the call. Arguments are evaluated from left to right, each
// once. Errors are [*Failure] and [*ArgumentError].
func (c *Call) Eval(env Env) (any, error) {
	v, err := c.eval(env)
	var missing *ArgumentError
	if errors.As(err, &missing) {
		missing.Call = c // AWS names the outermost call
	}
	return v, err
}

func (c *Call) eval(env Env) (any, error) {
	in := invocation{call: c, env: env}
	if reason := c.miscounted(); reason != "" {
		return nil, in.fail("%s", reason)
	}
	in.args = make([]any, len(c.args))
	for i, a := range c.args {
		var err error
		switch {
		case a.call != nil:
			in.args[i], err = a.call.eval(env)
		case a.path != nil:
			if in.args[i], err = env.Lookup(a.path); err != nil {
				err = &ArgumentError{Path: a.path, Err: err}
			}
		default:
			in.args[i] = a.literal
		}
		if err != nil {
			return nil, err
		}
	}
	return c.fn.run(&in)
}

// invocation is one evaluation of one call, with its arguments evaluated.
type invocation struct {
	call *Call
	env  Env
	args []any
}

// fail says, to people, why the arguments will not do. AWS's own text tells
// only that they will not.
func (in *invocation) fail(format string, args ...any) error {
	return in.failWith("Invalid arguments in "+in.call.fn.name, format, args...)
}

func (in *invocation) failWith(detail, format string, args ...any) error {
	return &Failure{Call: in.call.src, Detail: detail, Reason: fmt.Sprintf(format, args...)}
}

func (in *invocation) unfit(i int, want param) error {
	return in.fail("argument %d is %s, %s belongs there", i+1, typeOf(in.args[i]), want)
}

func (in *invocation) array(i int) ([]any, error) {
	a, ok := in.args[i].([]any)
	if !ok {
		return nil, in.unfit(i, anArray)
	}
	return a, nil
}

func (in *invocation) object(i int) (*document.Object, error) {
	o, ok := in.args[i].(*document.Object)
	if !ok {
		return nil, in.unfit(i, anObject)
	}
	return o, nil
}

func (in *invocation) text(i int) (string, error) {
	s, ok := in.args[i].(string)
	if !ok {
		return "", in.unfit(i, aText)
	}
	return s, nil
}
