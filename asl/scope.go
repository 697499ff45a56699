package asl

import (
	"errors"
	"strings"

	"millrace/asl/document"
	"millrace/asl/intrinsic"
	"millrace/asl/jsonpath"
)

// path compiles the JSONPath of field n, or reports it and returns nil.
func (s *scope) path(n *node, src string) *jsonpath.Path {
	p, err := jsonpath.Compile(src)
	if err != nil {
		s.c.faultIn(n, nil, faultOffset(err), codeSchema, "Value must be a valid JSONPath.")
		return nil
	}
	s.uses(n, 0, p)
	return p
}

const notReference = "Value is not a Reference Path"

// reference compiles the Reference Path of field n, or reports it and returns nil.
func (s *scope) reference(n *node, src string, context bool) *jsonpath.Path {
	if !strings.HasPrefix(src, "$") {
		s.c.fault(n, nil, codeSchema, notReference+": Reference path didn't start with '$'")
		return nil
	}
	p := s.path(n, src)
	if p == nil {
		return nil
	}
	if _, err := p.Reference(); err != nil || !context && p.Root() == jsonpath.Context {
		s.c.refuse(n, nil, codeSchema, notReference) // evaluating it means something all the same
	}
	return p
}

// refers notes that the state refers to a variable, so many bytes into the string
// n; "" is none.
func (s *scope) refers(n *node, inside int, variable string) {
	if variable == "" {
		return
	}
	if s.c.opt.Lint {
		s.c.reads[s.n] = append(s.c.reads[s.n], read{n, inside, variable})
	}
	s.names(variable)
}

// names notes a variable among those of the state's references.
func (s *scope) names(variable string) {
	name := s.n.key
	if s.c.m.references[name] == nil {
		s.c.m.references[name] = make(map[string]bool)
	}
	s.c.m.references[name][variable] = true
}

// pathTo compiles a field that holds a reference path, such as SecondsPath, or
// returns nil.
func (s *scope) pathTo(key string) Field { return s.pathIn(s.n, key, true) }

// numberIn compiles a field of a Map state that says where a number is: not in the
// context object.
func (s *scope) numberIn(n *node, key string) Field { return s.pathIn(n, key, false) }

func (s *scope) pathIn(n *node, key string, context bool) Field {
	f := n.get(key)
	src, ok := f.text()
	if !ok {
		return nil
	}
	p := s.reference(f, src, context)
	if p == nil {
		return nil
	}
	return &pathField{path: p, field: key}
}

// pathOrFunction compiles a field that holds a path or an intrinsic function,
// such as ErrorPath.
func (s *scope) pathOrFunction(key string) Field {
	f := s.n.get(key)
	src, ok := f.text()
	if !ok {
		return nil
	}
	p, at := s.pathOrIntrinsic(f, src, key)
	if p == nil {
		s.c.faultIn(f, nil, at, codeSchema, notDynamic(key))
		return nil
	}
	return p
}

// faultOffset returns where a path or an intrinsic function goes wrong, in bytes.
func faultOffset(err error) int {
	var path *jsonpath.SyntaxError
	var call *intrinsic.SyntaxError
	switch {
	case errors.As(err, &path):
		return path.Offset
	case errors.As(err, &call):
		return call.Offset
	}
	return 0
}

func notDynamic(key string) string {
	return "The value for the field '" + key + "' must be a valid JSONPath or a valid intrinsic function call"
}

// dynamic is a path or an intrinsic function: a whole field or a part of a template.
type dynamic interface {
	Field
	part
}

// pathOrIntrinsic compiles a path or an intrinsic function call, or returns nil
// and where in the text it goes wrong.
func (s *scope) pathOrIntrinsic(n *node, src, field string) (d dynamic, at int) {
	if strings.HasPrefix(src, "$") {
		p, err := jsonpath.Compile(src)
		if err != nil {
			return nil, faultOffset(err)
		}
		s.uses(n, 0, p)
		return &pathField{path: p, field: field}, 0
	}
	if !intrinsic.IsCall(src) {
		return nil, 0
	}
	c, err := intrinsic.Compile(src)
	if err != nil {
		return nil, faultOffset(err)
	}
	for _, p := range c.Paths() {
		s.uses(n, 0, p)
	}
	s.vet(n, c)
	return &callField{call: c}, 0
}

// vet reports calls that are sure to fail. AWS accepts them in a definition.
func (s *scope) vet(n *node, call *intrinsic.Call) {
	if s.c.stored {
		return
	}
	for _, err := range call.Vet() {
		report := s.c.warn
		if s.c.opt.Strictness == Lenient {
			report = s.c.fault
		}
		report(n, nil, codeIntrinsic, err.Error())
	}
}

// value compiles a field whose value is a constant, or in JSONata an expression
// or a template.
func (s *scope) value(key string) Field { return s.valueOf(s.n.get(key)) }

// payload compiles the field called key as a template of the state's query language.
func (s *scope) payload(n *node, key string) Field {
	f := n.get(key)
	if f == nil {
		return nil
	}
	if s.lang == JSONata {
		return s.valueOf(f)
	}
	return s.payloadTemplate(f)
}

// parameters compiles Arguments in JSONata and Parameters in JSONPath.
func (s *scope) parameters(n *node) Field {
	if s.lang == JSONata {
		return s.payload(n, "Arguments")
	}
	return s.payload(n, "Parameters")
}

// assignment compiles one member of an Assign field.
func (s *scope) assignment(k, assign *node) Assignment {
	if s.lang == JSONata {
		return Assignment{Variable: k.key, Value: s.valueOf(k)}
	}
	if name, ok := strings.CutSuffix(k.key, ".$"); ok {
		p := s.dynamicPart(k, assign)
		if f, ok := p.(Field); ok {
			return Assignment{Variable: name, Value: f}
		}
		return Assignment{Variable: name, Value: newConstant(k.value)}
	}
	p := s.payloadPart(k, assign)
	if l, ok := p.(literal); ok {
		return Assignment{Variable: k.key, Value: newConstant(l.value)}
	}
	return Assignment{Variable: k.key, Value: &template{root: p, source: string(document.Append(nil, k.value))}}
}

// constantDoc returns the value of a field that is never evaluated, or nil.
func (s *scope) constantDoc(key string) *document.Doc {
	n := s.n.get(key)
	if n == nil {
		return nil
	}
	return document.FromBytes(document.Append(nil, n.value))
}
