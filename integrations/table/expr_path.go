package table

import (
	"strconv"
	"strings"
)

// step is one step of a document path: a member, or an element of a list.
type step struct {
	name  string
	index int // with list
	list  bool
}

// path is a document path: a.b[2].c
type path []step

// String is the path as errors show it: [a, b, [2]].
func (p path) String() string {
	parts := make([]string, len(p))
	for i, s := range p {
		parts[i] = s.name
		if s.list {
			parts[i] = "[" + strconv.Itoa(s.index) + "]"
		}
	}
	return "[" + strings.Join(parts, ", ") + "]"
}

// get finds what a path leads to.
func (p path) get(it Item) (Value, bool) {
	v := Value{Type: Map, Map: it}
	for _, s := range p {
		var ok bool
		if s.list {
			if v.Type != List || s.index >= len(v.List) {
				return Value{}, false
			}
			v = v.List[s.index]
			continue
		}
		if v.Type != Map {
			return Value{}, false
		}
		if v, ok = v.Map[s.name]; !ok {
			return Value{}, false
		}
	}
	return v, true
}

// overlap says how two paths of one expression get into each other's way: ""
// (not at all), overlap or conflict.
func overlap(p, q path) string {
	for i := range min(len(p), len(q)) {
		if p[i].list != q[i].list {
			return "conflict"
		}
		if p[i] != q[i] {
			return ""
		}
	}
	return "overlap"
}

// checkPaths refuses paths of one expression that overlap or conflict.
func checkPaths(kind string, paths []path) error {
	for i, p := range paths {
		for _, q := range paths[:i] {
			if how := overlap(q, p); how != "" {
				return validation("Invalid %s: Two document paths %s with each other; must remove or rewrite one of these paths; path one: %s, path two: %s", kind, how, q, p)
			}
		}
	}
	return nil
}

// project returns the parts of an item that paths lead to. Elements of a list
// move together.
func project(it Item, paths []path) Item {
	if paths == nil {
		return it
	}
	tree := &projection{}
	for _, p := range paths {
		if _, ok := p.get(it); ok {
			tree.add(p)
		}
	}
	return tree.of(Value{Type: Map, Map: it}).Map
}

// projection is a set of paths as a tree.
type projection struct {
	whole    bool
	members  map[string]*projection
	elements map[int]*projection
}

func (n *projection) add(p path) {
	for _, s := range p {
		var next *projection
		if s.list {
			if n.elements == nil {
				n.elements = map[int]*projection{}
			}
			if next = n.elements[s.index]; next == nil {
				next = &projection{}
				n.elements[s.index] = next
			}
		} else {
			if n.members == nil {
				n.members = map[string]*projection{}
			}
			if next = n.members[s.name]; next == nil {
				next = &projection{}
				n.members[s.name] = next
			}
		}
		n = next
	}
	n.whole = true
}

func (n *projection) of(v Value) Value {
	if n.whole {
		return v
	}
	out := Value{Type: v.Type}
	if v.Type == Map {
		out.Map = Item{}
		for name, sub := range n.members {
			out.Map[name] = sub.of(v.Map[name])
		}
		return out
	}
	for i, e := range v.List {
		if sub := n.elements[i]; sub != nil {
			out.List = append(out.List, sub.of(e))
		}
	}
	return out
}
