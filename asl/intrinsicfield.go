package asl

import (
	"errors"

	"millrace/asl/document"
	"millrace/asl/intrinsic"
	"millrace/asl/jsonpath"
)

// callField is an intrinsic function call: a whole field or a part of a template.
type callField struct {
	call *intrinsic.Call
}

func (f *callField) Constant() (*document.Doc, bool) { return nil, false }
func (f *callField) Source() string                  { return f.call.String() }

func (f *callField) Eval(env *Env) (*document.Doc, error) {
	v, err := f.evalValue(env)
	if err != nil {
		return nil, err
	}
	return document.FromValue(v), nil
}

func (f *callField) evalValue(env *Env) (any, error) {
	v, err := f.call.Eval(intrinsic.Env{
		Lookup: func(p *jsonpath.Path) (any, error) {
			v, _, err := evalPath(p, env)
			return v, err
		},
		Random: env.Draw,
	})
	if err == nil {
		return v, nil
	}
	var mine *Error
	var argument *intrinsic.ArgumentError
	switch {
	case errors.As(err, &mine):
		return nil, mine
	case errors.As(err, &argument):
		root, _ := pathRoot(argument.Path, "", env)
		return nil, &Error{Name: errRuntime, Cause: argument.Cause(root.Bytes())}
	}
	return nil, &Error{Name: errIntrinsic, Cause: err.Error()}
}
