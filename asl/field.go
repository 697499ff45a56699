package asl

import (
	"errors"

	"millrace/asl/document"
	"millrace/asl/jsonpath"
)

// Names of the workflow errors that evaluation ends with.
const (
	errRuntime   = "States.Runtime"
	errIntrinsic = "States.IntrinsicFailure"
	errQuery     = "States.QueryEvaluationError"
)

// constant is a field that needs no evaluation.
type constant struct {
	doc    *document.Doc
	source string
}

func (c *constant) Eval(*Env) (*document.Doc, error) { return c.doc, nil }
func (c *constant) Constant() (*document.Doc, bool)  { return c.doc, true }
func (c *constant) Source() string                   { return c.source }

// newConstant makes a constant of a value.
func newConstant(v any) *constant {
	d := document.FromBytes(document.Append(nil, v))
	c := &constant{doc: d, source: d.String()}
	if s, ok := v.(string); ok {
		c.source = s
	}
	return c
}

// pathField is a field that holds a JSONPath.
type pathField struct {
	path  *jsonpath.Path
	field string // the name for messages; "" words them as InputPath and OutputPath do
}

func (f *pathField) Constant() (*document.Doc, bool) { return nil, false }
func (f *pathField) Source() string                  { return f.path.String() }

func (f *pathField) Eval(env *Env) (*document.Doc, error) {
	if f.path.IsRoot() {
		return pathRoot(f.path, "", env)
	}
	v, root, err := evalPath(f.path, env)
	if err != nil {
		return nil, f.failed(err, root)
	}
	return document.FromValue(v), nil
}

// evalValue is Eval for a part of a template.
func (f *pathField) evalValue(env *Env) (any, error) {
	d, err := f.Eval(env)
	if err != nil {
		return nil, err
	}
	return d.Value(), nil
}

// evalPath evaluates a path. root is what it starts from; nil, with an *Error: there
// is no such variable.
func evalPath(p *jsonpath.Path, env *Env) (v any, root *document.Doc, err error) {
	if member := p.Member(); member != "" && p.Root() == jsonpath.Context {
		if root, err = pathRoot(p, member, env); err == nil {
			if v, err = p.Eval(root.Value()); err == nil {
				return v, root, nil
			}
		}
	}
	if root, err = pathRoot(p, "", env); err == nil {
		v, err = p.Eval(root.Value())
	}
	return v, root, err
}

// pathRoot finds what a path starts from, the context object as far as it is the
// member, if that is not "".
func pathRoot(p *jsonpath.Path, member string, env *Env) (*document.Doc, error) {
	switch p.Root() {
	case jsonpath.Context:
		if env.Context != nil {
			if d := env.Context(member); d != nil {
				return d, nil
			}
		}
		return document.FromBytes([]byte("{}")), nil
	case jsonpath.Variable:
		if env.Variable != nil {
			if d, ok := env.Variable(p.Variable()); ok {
				return d, nil
			}
		}
		return nil, &Error{Name: errRuntime, Cause: "The variable '$" + p.Variable() + "' referenced by the JSONPath '" + p.String() + "' is not defined."}
	default:
		if env.Input == nil {
			return document.FromBytes([]byte("{}")), nil
		}
		return env.Input, nil
	}
}

// failed words what went wrong with the path as AWS does.
func (f *pathField) failed(err error, root *document.Doc) *Error {
	if e := (*Error)(nil); errors.As(err, &e) {
		return e
	}
	if f.field == "" {
		return &Error{Name: errRuntime, Cause: "Invalid path '" + f.path.String() + "' : " + err.Error()}
	}
	return notFound(f.path, f.field, root)
}

// notFound is the error of a path that has no value.
func notFound(p *jsonpath.Path, field string, root *document.Doc) *Error {
	return &Error{
		Name:  errRuntime,
		Cause: "The JSONPath '" + p.String() + "' specified for the field '" + field + "' could not be found in the input '" + root.String() + "'",
	}
}
