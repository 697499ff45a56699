package jsonpath

import (
	"fmt"

	"millrace/asl/document"
)

// Reference is a reference path: one that names a single place, with nothing
// but names and indexes from the start of an array. It is immutable and safe
// for concurrent use.
type Reference struct{ path *Path }

// CompileReference reads a reference path. Errors are [*SyntaxError]. Which
// roots a field allows is the caller's to check.
func CompileReference(src string) (*Reference, error) {
	p, err := Compile(src)
	if err != nil {
		return nil, err
	}
	return p.Reference()
}

// Reference returns the path as a reference path, or a [*SyntaxError] saying
// which of its steps a reference path may not have.
func (p *Path) Reference() (*Reference, error) {
	for i := range p.steps {
		s := &p.steps[i]
		if s.kind == nameStep || s.kind == indexStep && s.index >= 0 {
			continue
		}
		return nil, &SyntaxError{Source: p.src, Offset: 0, Reason: fmt.Sprintf(
			"a reference path has only names and indexes such as $.a['b c'][0], not %s", s.append(nil))}
	}
	return &Reference{p}, nil
}

// Path returns the reference path as a path, to read what it names.
func (r *Reference) Path() *Path { return r.path }

// String returns the reference path as it was written.
func (r *Reference) String() string { return r.path.src }

// SetError says why a value cannot be put where a reference path points. The
// interpreter turns it into States.ResultPathMatchFailure.
type SetError struct {
	Reference *Reference
	Reason    string
}

func (e *SetError) Error() string {
	return fmt.Sprintf("reference path %s: %s", cut(e.Reference.path.src), e.Reason)
}

// Set returns root with value in the place that r names. Root is not changed:
// the result shares what is not on the way. Members that are missing are made,
// as ResultPath makes them. A name asked of what is no object, and an index
// beyond the end of an array or asked of what is no array, are a [*SetError].
func (r *Reference) Set(root, value any) (any, error) {
	return r.set(0, root, true, value)
}

// set puts value below v, from step i on. There is no v to go by when the
// member above it has just been made.
func (r *Reference) set(i int, v any, there bool, value any) (any, error) {
	if i == len(r.path.steps) {
		return value, nil
	}
	s := &r.path.steps[i]
	if s.kind == indexStep {
		a, ok := v.([]any)
		if !ok {
			return nil, r.refuse(i, "is no array", v, there)
		}
		if s.index >= len(a) {
			return nil, &SetError{r, fmt.Sprintf("%s has %d elements, there is no index %d",
				canonical(r.path.steps[:i]), len(a), s.index)}
		}
		below, err := r.set(i+1, a[s.index], true, value)
		if err != nil {
			return nil, err
		}
		a = append([]any(nil), a...)
		a[s.index] = below
		return a, nil
	}
	o, ok := v.(*document.Object)
	switch {
	case !there:
		o = document.NewObject(1)
	case !ok:
		return nil, r.refuse(i, "is no object", v, there)
	}
	member, there := o.Get(s.name)
	below, err := r.set(i+1, member, there, value)
	if err != nil {
		return nil, err
	}
	o = o.Clone()
	o.Set(s.name, below)
	return o, nil
}

func (r *Reference) refuse(i int, reason string, v any, there bool) error {
	where := canonical(r.path.steps[:i])
	if !there {
		return &SetError{r, where + " is missing and an index makes no array"}
	}
	return &SetError{r, fmt.Sprintf("%s %s but %s", where, reason, typeOf(v))}
}

func typeOf(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case bool:
		return "a boolean"
	case string:
		return "a string"
	case []any:
		return "an array"
	case *document.Object:
		return "an object"
	}
	return "a number"
}
