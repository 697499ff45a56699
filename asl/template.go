package asl

import (
	"strings"

	"millrace/asl/document"
)

// part is a piece of a payload template.
type part interface {
	evalValue(env *Env) (any, error)
}

// template is a field with paths or functions somewhere inside.
type template struct {
	root   part
	source string
}

func (t *template) Constant() (*document.Doc, bool) { return nil, false }
func (t *template) Source() string                  { return t.source }

func (t *template) Eval(env *Env) (*document.Doc, error) {
	v, err := t.root.evalValue(env)
	if err != nil {
		return nil, err
	}
	return document.FromValue(v), nil
}

// literal is a part that stays as it is.
type literal struct{ value any }

func (l literal) evalValue(*Env) (any, error) { return l.value, nil }

// objectPart makes an object, arrayPart an array.
type (
	objectPart struct {
		keys  []string
		parts []part
	}
	arrayPart []part
)

func (o *objectPart) evalValue(env *Env) (any, error) {
	v := document.NewObject(len(o.keys))
	for i, k := range o.keys {
		m, err := o.parts[i].evalValue(env)
		if err != nil {
			return nil, err
		}
		v.Set(k, m)
	}
	return v, nil
}

func (a arrayPart) evalValue(env *Env) (any, error) {
	v := make([]any, len(a))
	for i, p := range a {
		e, err := p.evalValue(env)
		if err != nil {
			return nil, err
		}
		v[i] = e
	}
	return v, nil
}

// payloadTemplate compiles a payload template of JSONPath: members whose names
// end with ".$" are paths or intrinsic functions. n may be nil.
//
// Section "Payload Template" of the specification.
func (s *scope) payloadTemplate(n *node) Field {
	if n == nil {
		return nil
	}
	p := s.payloadPart(n, n)
	if l, ok := p.(literal); ok {
		return newConstant(l.value)
	}
	return &template{root: p, source: string(document.Append(nil, n.value))}
}

func (s *scope) payloadPart(n, field *node) part {
	switch {
	case n.isObject():
		o := &objectPart{}
		constant := true
		for _, k := range n.kids {
			name, dynamic := strings.CutSuffix(k.key, ".$")
			var p part
			if dynamic {
				if other := n.get(name); other != nil {
					s.c.fault(k, field, codeSchema, "The field '"+name+"' is given twice, as '"+name+"' and as '"+k.key+"'")
				}
				p = s.dynamicPart(k, field)
			} else {
				p = s.payloadPart(k, field)
			}
			if _, ok := p.(literal); !ok || dynamic {
				constant = false
			}
			o.keys = append(o.keys, name)
			o.parts = append(o.parts, p)
		}
		if constant {
			return literal{n.value}
		}
		return o
	case n.isArray():
		a := make(arrayPart, len(n.kids))
		constant := true
		for i, k := range n.kids {
			a[i] = s.payloadPart(k, field)
			if _, ok := a[i].(literal); !ok {
				constant = false
			}
		}
		if constant {
			return literal{n.value}
		}
		return a
	default:
		return literal{n.value}
	}
}

// dynamicPart compiles the value of a member whose name ends with ".$".
func (s *scope) dynamicPart(k, field *node) part {
	at := 0
	if src, ok := k.text(); ok {
		var p dynamic
		if p, at = s.pathOrIntrinsic(k, src, k.key); p != nil {
			return p
		}
	}
	s.c.faultIn(k, field, at, codeSchema, notDynamic(k.key))
	return literal{k.value}
}
