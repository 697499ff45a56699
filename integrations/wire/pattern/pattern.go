// Package pattern matches JSON events against event patterns, which rules of an
// event bus, filter policies of subscriptions and filters of event sources share.
//
// Source: "Creating Amazon EventBridge event patterns" of the Amazon EventBridge
// user guide.
package pattern

import (
	"fmt"
	"net/netip"
	"strings"

	"millrace/asl/document"
)

// Pattern is a compiled pattern. It is immutable and safe for concurrent use.
type Pattern struct{ root *node }

// Error says what of a pattern is wrong.
type Error struct {
	At     string // the member, such as detail.state; "": the pattern itself
	Reason string
}

func (e *Error) Error() string {
	if e.At == "" {
		return e.Reason
	}
	return e.At + ": " + e.Reason
}

// MaxLength is the most bytes of a pattern's text.
const MaxLength = 4096

// maxDepth is how deeply patterns may nest.
const maxDepth = 100

// Compile reads a pattern: an object whose members are patterns, or lists of
// alternatives of which one must hold. Errors are [*Error].
func Compile(text []byte) (*Pattern, error) {
	if len(text) > MaxLength {
		return nil, &Error{Reason: fmt.Sprintf("a pattern has at most %d bytes, this one has %d", MaxLength, len(text))}
	}
	v, err := document.Parse(text)
	if err != nil {
		return nil, &Error{Reason: "not JSON: " + err.Error()}
	}
	o, ok := v.(*document.Object)
	if !ok {
		return nil, &Error{Reason: "a pattern is an object"}
	}
	root, err := compile(o, "", 0)
	if err != nil {
		return nil, err
	}
	return &Pattern{root}, nil
}

// Flat reports whether no member of the pattern is a pattern itself.
func (p *Pattern) Flat() bool { return p.root.flat() }

// Match reports whether an event, a document value, fits.
func (p *Pattern) Match(event any) bool { return p.root.match(event) }

// node is an object of a pattern: all fields must fit, and of each list of
// choices one.
type node struct {
	fields []field
	or     [][]*node
}

// field has either sub, or tests of which one must hold.
type field struct {
	name  string
	sub   *node
	tests []test
}

func (n *node) flat() bool {
	for _, f := range n.fields {
		if f.sub != nil {
			return false
		}
	}
	for _, list := range n.or {
		for _, c := range list {
			if !c.flat() {
				return false
			}
		}
	}
	return true
}

// match reports whether v fits. Of an array one element must fit whole.
func (n *node) match(v any) bool {
	if list, ok := v.([]any); ok {
		for _, e := range list {
			if n.match(e) {
				return true
			}
		}
		return false
	}
	o, ok := v.(*document.Object)
	if !ok {
		o = &document.Object{} // whose members are absent
	}
	for i := range n.fields {
		if !n.fields[i].match(o) {
			return false
		}
	}
	for _, list := range n.or {
		fits := false
		for _, c := range list {
			if fits = c.match(o); fits {
				break
			}
		}
		if !fits {
			return false
		}
	}
	return true
}

func (f *field) match(o *document.Object) bool {
	v, there := o.Get(f.name)
	if f.sub != nil {
		return f.sub.match(v)
	}
	leaves := leavesOf(v, there)
	for _, t := range f.tests {
		if len(leaves) == 0 {
			if t.absent {
				return true
			}
			continue
		}
		if t.present {
			return true
		}
		for _, leaf := range leaves {
			if t.holds != nil && t.holds(leaf) {
				return true
			}
		}
	}
	return false
}

// leavesOf lists the values of a member that are no objects.
func leavesOf(v any, there bool) []any {
	if !there {
		return nil
	}
	switch v := v.(type) {
	case *document.Object:
		return nil
	case []any:
		var all []any
		for _, e := range v {
			all = append(all, leavesOf(e, true)...)
		}
		return all
	}
	return []any{v}
}

func compile(o *document.Object, at string, depth int) (*node, error) {
	if depth > maxDepth {
		return nil, &Error{at, "nested too deeply"}
	}
	if o.Len() == 0 {
		return nil, &Error{at, "empty objects are not allowed"}
	}
	n := &node{}
	for i := range o.Len() {
		name, v := o.At(i)
		here := join(at, name)
		switch v := v.(type) {
		case *document.Object:
			sub, err := compile(v, here, depth+1)
			if err != nil {
				return nil, err
			}
			n.fields = append(n.fields, field{name: name, sub: sub})
		case []any:
			if len(v) == 0 {
				return nil, &Error{here, "empty arrays are not allowed"}
			}
			if name == "$or" && objects(v) {
				list, err := compileOr(v, at, here, depth)
				if err != nil {
					return nil, err
				}
				n.or = append(n.or, list)
				continue
			}
			f := field{name: name}
			for _, e := range v {
				t, err := compileTest(e, here)
				if err != nil {
					return nil, err
				}
				f.tests = append(f.tests, t)
			}
			n.fields = append(n.fields, f)
		default:
			return nil, &Error{here, "must be an object or an array"}
		}
	}
	return n, nil
}

func compileOr(v []any, at, here string, depth int) ([]*node, error) {
	if len(v) < 2 {
		return nil, &Error{here, "there must be at least 2 objects in a $or relationship"}
	}
	list := make([]*node, len(v))
	for i, e := range v {
		c, err := compile(e.(*document.Object), at, depth+1)
		if err != nil {
			return nil, err
		}
		list[i] = c
	}
	return list, nil
}

func objects(list []any) bool {
	for _, e := range list {
		if _, ok := e.(*document.Object); !ok {
			return false
		}
	}
	return true
}

func join(at, name string) string {
	if len(name) > 60 {
		name = name[:60] + "..."
	}
	if at == "" {
		return name
	}
	return at + "." + name
}

// test is one alternative of a list.
type test struct {
	holds   func(v any) bool // of a leaf
	present bool             // holds if there is a leaf
	absent  bool             // holds if there is none
}

func compileTest(v any, at string) (test, error) {
	o, ok := v.(*document.Object)
	if !ok {
		if _, list := v.([]any); list {
			return test{}, &Error{at, "arrays in arrays are not allowed"}
		}
		return test{holds: func(leaf any) bool { return document.Equal(leaf, v) }}, nil
	}
	if o.Len() != 1 {
		return test{}, &Error{at, "a match expression has one member"}
	}
	name, arg := o.At(0)
	if name == "exists" {
		b, ok := arg.(bool)
		if !ok {
			return test{}, &Error{at, "exists must be true or false"}
		}
		return test{present: b, absent: !b}, nil
	}
	holds, err := compileHolds(name, arg, at)
	return test{holds: holds}, err
}

func compileHolds(name string, arg any, at string) (func(any) bool, error) {
	switch name {
	case "prefix", "suffix":
		return affix(name, arg, at, true)
	case "equals-ignore-case":
		s, ok := arg.(string)
		if !ok {
			return nil, &Error{at, "equals-ignore-case must be a string"}
		}
		return onText(func(t string) bool { return strings.EqualFold(t, s) }), nil
	case "wildcard":
		return wildcard(arg, at)
	case "numeric":
		return numeric(arg, at)
	case "cidr":
		s, _ := arg.(string)
		p, err := netip.ParsePrefix(s)
		if err != nil {
			return nil, &Error{at, "cidr must be an address block, such as 10.0.0.0/24"}
		}
		return onText(func(t string) bool {
			a, err := netip.ParseAddr(t)
			return err == nil && p.Contains(a)
		}), nil
	case "anything-but":
		return anythingBut(arg, at)
	}
	if len(name) > 60 {
		name = name[:60] + "..."
	}
	return nil, &Error{at, "unrecognized match type " + name}
}

// onText holds for strings only.
func onText(f func(string) bool) func(any) bool {
	return func(v any) bool {
		s, ok := v.(string)
		return ok && f(s)
	}
}

// affix is prefix or suffix, with its letters' case ignored on request.
func affix(name string, arg any, at string, nested bool) (func(any) bool, error) {
	if o, ok := arg.(*document.Object); ok && nested && o.Len() == 1 {
		key, inner := o.At(0)
		s, ok := inner.(string)
		if key != "equals-ignore-case" || !ok {
			return nil, &Error{at, name + " must be a string, or an object with equals-ignore-case"}
		}
		s = strings.ToLower(s)
		return onText(func(t string) bool { return hasAffix(name, strings.ToLower(t), s) }), nil
	}
	s, ok := arg.(string)
	if !ok {
		return nil, &Error{at, name + " must be a string"}
	}
	return onText(func(t string) bool { return hasAffix(name, t, s) }), nil
}

func hasAffix(name, t, s string) bool {
	if name == "prefix" {
		return strings.HasPrefix(t, s)
	}
	return strings.HasSuffix(t, s)
}

// anythingBut holds for what is none of its values, and fits none of its prefixes,
// suffixes or wildcards.
func anythingBut(arg any, at string) (func(any) bool, error) {
	var not []func(any) bool
	switch v := arg.(type) {
	case *document.Object:
		if v.Len() != 1 {
			return nil, &Error{at, "anything-but has one match expression"}
		}
		name, inner := v.At(0)
		list, ok := inner.([]any)
		if !ok {
			list = []any{inner}
		}
		switch name {
		case "prefix", "suffix", "equals-ignore-case", "wildcard":
		default:
			return nil, &Error{at, "anything-but takes values, prefix, suffix, equals-ignore-case or wildcard"}
		}
		for _, e := range list {
			f, err := compileHolds(name, e, at)
			if err != nil {
				return nil, err
			}
			not = append(not, f)
		}
	case []any:
		for _, e := range v {
			if !plain(e) {
				return nil, &Error{at, "anything-but takes a list of strings or numbers"}
			}
			not = append(not, func(leaf any) bool { return document.Equal(leaf, e) })
		}
	default:
		if !plain(v) {
			return nil, &Error{at, "anything-but takes a string or a number"}
		}
		not = append(not, func(leaf any) bool { return document.Equal(leaf, v) })
	}
	if len(not) == 0 {
		return nil, &Error{at, "empty arrays are not allowed"}
	}
	return func(leaf any) bool {
		for _, f := range not {
			if f(leaf) {
				return false
			}
		}
		return true
	}, nil
}

func plain(v any) bool {
	switch v.(type) {
	case string, document.Number:
		return true
	}
	return false
}
