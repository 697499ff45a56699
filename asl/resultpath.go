package asl

import (
	"millrace/asl/document"
	"millrace/asl/jsonpath"
)

// errResultPath is the error of a result that fits nowhere in the input.
const errResultPath = "States.ResultPathMatchFailure"

// resultPath compiles the ResultPath of a state or a catcher; nil is "$".
func (s *scope) resultPath(n *node) *ResultPath {
	k := n.get("ResultPath")
	if k == nil {
		return nil
	}
	if k.value == nil {
		return &ResultPath{Discard: true}
	}
	src, ok := k.text()
	if !ok {
		return nil
	}
	r, err := jsonpath.CompileReference(src)
	if err != nil {
		s.c.fault(k, nil, codeSchema, notReference)
		return nil
	}
	if r.Path().Root() != jsonpath.Input {
		report := s.c.fault
		if r.Path().Root() == jsonpath.Context {
			report = s.c.refuse
		}
		report(k, nil, codeSchema, notReference+": a result goes into the state's input, so the path starts with '$.'")
		return &ResultPath{Path: r}
	}
	if r.Path().IsRoot() {
		return nil
	}
	return &ResultPath{Path: r}
}

// Apply puts a result into the state's input: the result itself for "$" (a nil
// r), the input for null, else the input with the result at the path. Objects on
// the way are made where the input has none. The error is an [*Error] named
// States.ResultPathMatchFailure, or States.Runtime where AWS answers that.
func (r *ResultPath) Apply(input, result *document.Doc) (*document.Doc, error) {
	switch {
	case r == nil:
		return result, nil
	case r.Discard:
		return input, nil
	case r.Path == nil:
		return result, nil
	}
	v, err := r.Path.Set(input.Value(), result.Value())
	if err != nil || r.Path.Path().Root() != jsonpath.Input {
		return nil, &Error{Name: errResultPath, Cause: "Unable to apply ReferencePath " + r.Path.String() + " to input " + input.String()}
	}
	return document.FromValue(v), nil
}
