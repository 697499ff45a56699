package yaml

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	upstream "go.yaml.in/yaml/v3"

	"millrace/asl"
	"millrace/asl/document"
)

// maxJSON is the most bytes that are written: aliases can make much of little.
const maxJSON = 2 * maxText

// writer writes nodes as JSON.
type writer struct {
	d      *Definition
	out    []byte
	start  int                     // of the line
	merged int                     // nodes
	open   map[*upstream.Node]bool // nodes with an anchor that are being written
	faults []asl.Diagnostic
}

// fault reports what has no JSON form.
func (w *writer) fault(n *upstream.Node, pointer, format string, args ...any) {
	const most = 100 // faults are enough
	if len(w.faults) < most {
		w.faults = append(w.faults, w.d.fault(w.d.offset(n.Line, n.Column), pointer, fmt.Sprintf(format, args...)))
	}
}

// line begins a line at a depth.
func (w *writer) line(depth int) {
	w.out = append(w.out, '\n')
	w.start = len(w.out)
	for range depth {
		w.out = append(w.out, "  "...)
	}
	w.d.places = append(w.d.places, place{})
}

// value writes n, whose JSON pointer is given.
func (w *writer) value(n *upstream.Node, pointer string, depth int) {
	if n.Kind == upstream.AliasNode {
		if w.open[n.Alias] {
			w.fault(n, pointer, "*%s contains itself", n.Value)
			return
		}
		n = n.Alias
	}
	if n.Anchor != "" {
		w.open[n] = true
		defer delete(w.open, n)
	}
	if len(w.out) > maxJSON {
		if w.faults == nil {
			w.fault(n, pointer, "The definition has more than %d bytes as JSON", maxJSON)
		}
		return
	}
	if depth > document.MaxDepth {
		w.fault(n, pointer, "More than %d levels are nested here", document.MaxDepth)
		return
	}
	if w.d.places == nil {
		w.d.places = append(w.d.places, place{})
	}
	p := &w.d.places[len(w.d.places)-1]
	p.node, p.column = n, len(w.out)-w.start+1
	switch n.Kind {
	case upstream.MappingNode:
		if tag := n.ShortTag(); tag != "!!map" {
			w.foreign(n, pointer, tag)
			return
		}
		w.object(n, pointer, depth)
	case upstream.SequenceNode:
		if tag := n.ShortTag(); tag != "!!seq" {
			w.foreign(n, pointer, tag)
			return
		}
		w.array(n, pointer, depth)
	default:
		at := len(w.out)
		w.scalar(n, pointer)
		w.d.places[len(w.d.places)-1].value = string(w.out[at:])
	}
}

func (w *writer) foreign(n *upstream.Node, pointer, tag string) {
	w.fault(n, pointer, "The tag %s means nothing in a definition; it may belong to a template, which millrace deploy reads", tag)
}

func (w *writer) array(n *upstream.Node, pointer string, depth int) {
	w.out = append(w.out, '[')
	for i, k := range n.Content {
		if i > 0 {
			w.out = append(w.out, ',')
		}
		w.line(depth + 1)
		w.value(k, pointer+"/"+strconv.Itoa(i), depth+1)
	}
	if len(n.Content) > 0 {
		w.line(depth)
	}
	w.out = append(w.out, ']')
}

func (w *writer) object(n *upstream.Node, pointer string, depth int) {
	w.out = append(w.out, '{')
	first := true
	for _, m := range w.members(n, pointer, nil) {
		if !first {
			w.out = append(w.out, ',')
		}
		first = false
		w.line(depth + 1)
		w.out = append(document.AppendString(w.out, m.key.Value), ": "...)
		w.value(m.value, pointer+"/"+escape(m.key.Value), depth+1)
	}
	if !first {
		w.line(depth)
	}
	w.out = append(w.out, '}')
}

func escape(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(s, "~", "~0"), "/", "~1")
}

// member is a key of a mapping and its value.
type member struct{ key, value *upstream.Node }

// members lists what a mapping has: its own members, twice if it gives one twice,
// and those of the mappings that it merges. within are the mappings that are
// being merged into.
func (w *writer) members(n *upstream.Node, pointer string, within []*upstream.Node) []member {
	var list, merged []member
	own := make(map[string]bool)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if key.Kind == upstream.AliasNode {
			key = key.Alias
		}
		switch tag := key.ShortTag(); {
		case key.Kind != upstream.ScalarNode || tag == "!!null":
			w.fault(key, pointer, "A key must be a text")
		case tag == "!!merge":
			merged = append(merged, w.merge(value, pointer, append(within, n))...)
		default:
			own[key.Value] = true
			list = append(list, member{key, value})
		}
	}
	for _, m := range merged {
		if !own[m.key.Value] {
			own[m.key.Value] = true
			list = append(list, m)
		}
	}
	return list
}

// merge lists the members that the value of a merge key gives.
func (w *writer) merge(n *upstream.Node, pointer string, within []*upstream.Node) []member {
	if n.Kind == upstream.AliasNode {
		n = n.Alias
	}
	for _, outer := range within {
		if n == outer {
			w.fault(n, pointer, "A mapping cannot be merged into itself")
			return nil
		}
	}
	if w.merged += 1 + len(n.Content); w.merged > maxMerged {
		w.fault(n, pointer, "More than %d members are merged", maxMerged)
		return nil
	}
	switch n.Kind {
	case upstream.MappingNode:
		return w.members(n, pointer, within)
	case upstream.SequenceNode:
		var list []member
		for _, k := range n.Content {
			if k.Kind == upstream.SequenceNode {
				w.fault(k, pointer, "Only mappings can be merged")
				continue
			}
			list = append(list, w.merge(k, pointer, within)...)
		}
		return list
	}
	w.fault(n, pointer, "Only mappings can be merged")
	return nil
}

// maxMerged is how many members may be merged in all, in nodes: merging what has
// been merged can make much of little.
const maxMerged = 100_000

// scalar writes a text, a number, true, false or null.
func (w *writer) scalar(n *upstream.Node, pointer string) {
	switch tag := n.ShortTag(); tag {
	case "!!str", "!!timestamp":
		w.out = document.AppendString(w.out, n.Value)
	case "!!null":
		w.out = append(w.out, "null"...)
	case "!!bool":
		var b bool
		if err := n.Decode(&b); err != nil {
			w.fault(n, pointer, "%q is neither true nor false", n.Value)
			return
		}
		w.out = strconv.AppendBool(w.out, b)
	case "!!int", "!!float":
		w.number(n, pointer)
	default:
		w.foreign(n, pointer, tag)
	}
}

// number writes a number with its own text where that is JSON.
func (w *writer) number(n *upstream.Node, pointer string) {
	v, err := document.Parse([]byte(n.Value))
	if x, ok := v.(document.Number); ok && err == nil {
		w.out = append(w.out, x...)
		return
	}
	digits := strings.TrimLeft(n.Value, "+-")
	if len(digits) > 1 && digits[0] == '0' && digits[1] >= '0' && digits[1] <= '9' {
		w.fault(n, pointer, "%s is no decimal number; a text of digits is written in quotes", n.Value)
		return
	}
	var i int64
	if n.ShortTag() == "!!int" && n.Decode(&i) == nil {
		w.out = append(w.out, document.Int(i)...)
		return
	}
	var f float64
	if err := n.Decode(&f); err != nil || math.IsInf(f, 0) || math.IsNaN(f) {
		w.fault(n, pointer, "%s is no number that JSON knows", n.Value)
		return
	}
	w.out = append(w.out, document.Float(f)...)
}
