package jsonpath

import (
	"fmt"
	"strings"

	"millrace/asl/document"
)

// SyntaxError says where a text stopped being a path, and what would be right.
type SyntaxError struct {
	Source string // the text
	Offset int    // bytes before the fault
	Reason string
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("path %s: at byte %d: %s", cut(e.Source), e.Offset, e.Reason)
}

// cut quotes a user's text and cuts it short.
func cut(s string) string {
	const most = 80
	if len(s) <= most {
		return "'" + s + "'"
	}
	i := most
	for i > 0 && s[i]&0xc0 == 0x80 { // not inside a character
		i--
	}
	return "'" + s[:i] + "...'"
}

// Miss says why a definite path found no value.
type Miss uint8

// The reasons why a definite path finds no value.
const (
	NoMember   Miss = iota // the object has no member of that name
	NotObject              // a name was asked of something that is no object
	OutOfRange             // the array is shorter
	NotArray               // an index was asked of something that is no array
	NotLeaf                // names are joined in a step that is not the last
)

// NotFoundError says that a definite path found no value. AWS words it in two
// ways: "Invalid path '$.a' : " and then Detail, for InputPath and OutputPath;
// and "The JSONPath '$.a' specified for the field 'f' could not be found in the
// input '...'" elsewhere.
type NotFoundError struct {
	Path   *Path
	Miss   Miss
	Detail string // such as "No results for path: $['a']"
}

func (e *NotFoundError) Error() string { return e.Detail }

// MaxVisits is the number of values that evaluating one path may look at. It
// keeps "$..*..*" over a large document from running for ever, and stops at the
// same place every time.
const MaxVisits = 2_000_000

// LimitError says that a path looked at more than [MaxVisits] values.
type LimitError struct{ Path *Path }

func (e *LimitError) Error() string {
	return fmt.Sprintf("path %s looks at more than %d values", cut(e.Path.src), MaxVisits)
}

// missing explains why step i found nothing in v, in the words that AWS passes on.
func (p *Path) missing(i int, v any) *NotFoundError {
	s := &p.steps[i]
	e := &NotFoundError{Path: p}
	switch s.kind {
	case nameStep, namesStep:
		if _, ok := v.(*document.Object); !ok {
			e.Miss = NotObject
			e.Detail = fmt.Sprintf("Property %s not found in path %s", s.append(nil), canonical(p.steps[:i]))
			return e
		}
		if s.kind == namesStep && i < len(p.steps)-1 {
			e.Miss = NotLeaf
			e.Detail = "Multi properties can only be used as path leafs: " + canonical(p.steps[:i+1])
			return e
		}
		e.Miss = NoMember
		if i < len(p.steps)-1 {
			e.Detail = "Missing property in path " + canonical(p.steps[:i+1])
			return e
		}
	case indexStep:
		switch v.(type) {
		case []any:
			e.Miss = OutOfRange
		case nil:
			e.Miss = NotArray
			e.Detail = fmt.Sprintf("The path %s is null", canonical(p.steps[:i]))
			return e
		default:
			e.Miss = NotArray
			e.Detail = fmt.Sprintf("Filter: %s can only be applied to arrays. Current context is: %s",
				strings.TrimPrefix(canonical(p.steps[i:]), "$"), AppendJava(nil, v))
			return e
		}
	}
	e.Detail = "No results for path: " + p.Canonical()
	return e
}
