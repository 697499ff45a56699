// Package jsonpath holds the States Language's paths, compiled once and
// evaluated over the values of millrace/asl/document.
//
// The language and its meaning are those of the Jayway json-path library as AWS
// Step Functions shows it: dot and bracket names, unions, indexes (negative
// ones count from the end), slices, wildcards, recursive descent and filters.
// There are no functions: to AWS "$.list.length()" asks for a member that is
// called "length()". A definite path yields the value it names or
// [NotFoundError]; any other yields an array, which is empty when nothing
// matches, even if a step on the way is missing.
//
// Evaluation is pure: the same path over the same value gives the same result,
// and neither is changed.
package jsonpath

import "strconv"

// Root says what a path starts from.
type Root uint8

// The roots of a path.
const (
	Input    Root = iota // "$": the document at hand
	Context              // "$$": the context object
	Variable             // "$name": a workflow variable
)

// Path is a compiled JSONPath. It is immutable and safe for concurrent use.
type Path struct {
	src      string
	root     Root
	variable string
	steps    []step
	definite bool
	plain    bool // only single names and indexes: the fast path
}

// Compile reads a path, which starts with "$", "$$" or "$" and a variable's
// name. Errors are [*SyntaxError].
func Compile(src string) (*Path, error) {
	c := compiler{src: src}
	return c.path()
}

// String returns the path as it was written.
func (p *Path) String() string { return p.src }

// Root returns what the path starts from.
func (p *Path) Root() Root { return p.root }

// Variable returns the variable's name without the "$", or "" when the path
// does not start from a variable.
func (p *Path) Variable() string { return p.variable }

// Definite reports whether the path names at most one value, so that
// evaluating it yields that value and not an array of what matched.
func (p *Path) Definite() bool { return p.definite }

// IsRoot reports whether the path is its root and nothing more, such as "$".
func (p *Path) IsRoot() bool { return len(p.steps) == 0 }

// Member returns the member of its root that the path goes into, if it looks at
// nothing else; "" else.
func (p *Path) Member() string {
	if p.plain && len(p.steps) > 0 && p.steps[0].kind == nameStep {
		return p.steps[0].name
	}
	return ""
}

// Canonical returns the path in the bracket form of the messages that AWS
// shows, such as "$['a'][0]". Whatever the path's root is, it is written "$".
func (p *Path) Canonical() string { return canonical(p.steps) }

// Eval evaluates the path. The value of its [Path.Root] is the caller's to
// find: the document, the context object, or the variable's value.
//
// A definite path yields the value, or a [*NotFoundError] when there is none.
// Any other path yields a []any of the values it matched, never nil. A path
// that looks at more values than [MaxVisits] fails with a [*LimitError].
func (p *Path) Eval(root any) (any, error) {
	if !p.plain {
		return p.evalSteps(root)
	}
	v := root
	for i := range p.steps {
		next, ok := p.steps[i].child(v)
		if !ok {
			return nil, p.missing(i, v)
		}
		v = next
	}
	return v, nil
}

// kind is the kind of one step of a path.
type kind uint8

const (
	nameStep     kind = iota // ['a']
	indexStep                // [0]
	namesStep                // ['a', 'b']
	indexesStep              // [0,2]
	sliceStep                // [1:3]
	wildcardStep             // [*]
	descentStep              // .., always followed by another step
	filterStep               // [?(...)]
)

// step is one step of a path. Which fields count depends on its kind.
type step struct {
	kind     kind
	name     string
	index    int
	names    []string
	indexes  []int
	from, to bound
	filter   condition
}

// bound is one end of a slice; the zero value is an end left out.
type bound struct {
	n   int
	set bool
}

// single reports whether the step yields at most one value for one value.
// A union of names does: it makes one object of the members.
func (s *step) single() bool {
	return s.kind == nameStep || s.kind == indexStep || s.kind == namesStep
}

func canonical(steps []step) string {
	b := append(make([]byte, 0, 16*len(steps)+1), '$')
	for i := range steps {
		b = steps[i].append(b)
	}
	return string(b)
}

// append adds the step in Jayway's bracket form.
func (s *step) append(b []byte) []byte {
	switch s.kind {
	case nameStep:
		b = append(b, "['"...)
		b = append(b, s.name...)
		return append(b, "']"...)
	case indexStep:
		b = append(b, '[')
		b = strconv.AppendInt(b, int64(s.index), 10)
		return append(b, ']')
	case namesStep:
		b = append(b, '[')
		for i, n := range s.names {
			if i > 0 {
				b = append(b, ", "...)
			}
			b = append(b, '\'')
			b = append(b, n...)
			b = append(b, '\'')
		}
		return append(b, ']')
	case indexesStep:
		b = append(b, '[')
		for i, n := range s.indexes {
			if i > 0 {
				b = append(b, ',')
			}
			b = strconv.AppendInt(b, int64(n), 10)
		}
		return append(b, ']')
	case sliceStep:
		b = append(b, '[')
		if s.from.set {
			b = strconv.AppendInt(b, int64(s.from.n), 10)
		}
		b = append(b, ':')
		if s.to.set {
			b = strconv.AppendInt(b, int64(s.to.n), 10)
		}
		return append(b, ']')
	case wildcardStep:
		return append(b, "[*]"...)
	case descentStep:
		return append(b, ".."...)
	default:
		return append(b, "[?]"...)
	}
}
