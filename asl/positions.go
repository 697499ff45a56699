package asl

import (
	"sort"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"millrace/asl/document"
)

// node is one JSON value of a definition and where it stands in the text.
type node struct {
	parent  *node
	key     string // the member's name, in an object
	index   int    // the element's index, in an array
	off     int    // bytes before the value
	kids    []*node
	repeats []*node // earlier members of the same name, which do not count
	value   any     // as of package document
}

// get returns the member called key, or nil. A nil node has none.
func (n *node) get(key string) *node {
	if n == nil || !n.isObject() {
		return nil
	}
	for _, k := range n.kids {
		if k.key == key {
			return k
		}
	}
	return nil
}

func (n *node) isObject() bool { _, ok := n.value.(*document.Object); return ok }
func (n *node) isArray() bool  { _, ok := n.value.([]any); return ok }

// text returns the node's string.
func (n *node) text() (string, bool) {
	if n == nil {
		return "", false
	}
	s, ok := n.value.(string)
	return s, ok
}

// pointer returns the node's JSON pointer (RFC 6901).
func (n *node) pointer() string {
	if n.parent == nil {
		return ""
	}
	if n.parent.isArray() {
		return n.parent.pointer() + "/" + strconv.Itoa(n.index)
	}
	return n.parent.pointer() + "/" + escapePointer(n.key)
}

// location returns where the node is as AWS writes it: names are not escaped and
// indexes stand in brackets, such as /States/Pick/Choices[0]/Next.
func (n *node) location() string {
	if n.parent == nil {
		return ""
	}
	if n.parent.isArray() {
		return n.parent.location() + "[" + strconv.Itoa(n.index) + "]"
	}
	return n.parent.location() + "/" + n.key
}

func escapePointer(s string) string {
	if !strings.ContainsAny(s, "~/") {
		return s
	}
	return strings.ReplaceAll(strings.ReplaceAll(s, "~", "~0"), "/", "~1")
}

// find returns the node at a JSON pointer, or nil.
func (n *node) find(pointer string) *node {
	for n != nil && pointer != "" {
		step, rest, more := strings.Cut(pointer[1:], "/")
		pointer = ""
		if more {
			pointer = "/" + rest
		}
		if n.isArray() {
			i, err := strconv.Atoi(step)
			if err != nil || i < 0 || i >= len(n.kids) {
				return nil
			}
			n = n.kids[i]
			continue
		}
		n = n.get(strings.ReplaceAll(strings.ReplaceAll(step, "~1", "/"), "~0", "~"))
	}
	return n
}

// inside returns the place in the definition's text of what stands so many bytes
// into the string n, and where n begins for none or if n is no string.
func (n *node) inside(text []byte, bytes int) int {
	if bytes <= 0 || n.off >= len(text) || text[n.off] != '"' {
		return n.off
	}
	i := n.off + 1
	for bytes > 0 && i < len(text) && text[i] != '"' {
		if text[i] != '\\' {
			i++
			bytes--
			continue
		}
		size, made := escaped(text[i:])
		if bytes < made {
			break
		}
		i, bytes = i+size, bytes-made
	}
	return i
}

// escaped returns how many bytes an escape sequence has, and how many it makes.
func escaped(text []byte) (size, made int) {
	unit := func(at int) rune {
		if len(text) < at+6 || text[at] != '\\' || text[at+1] != 'u' {
			return -1
		}
		n, err := strconv.ParseUint(string(text[at+2:at+6]), 16, 16)
		if err != nil {
			return -1
		}
		return rune(n)
	}
	first := unit(0)
	if first < 0 {
		return 2, 1
	}
	if utf16.IsSurrogate(first) {
		if r := utf16.DecodeRune(first, unit(6)); r != utf8.RuneError {
			return 12, utf8.RuneLen(r)
		}
		return 6, utf8.RuneLen(utf8.RuneError)
	}
	return 6, utf8.RuneLen(first)
}

// lines turns offsets into lines and columns.
type lines struct {
	starts []int
}

func newLines(text []byte) *lines {
	l := &lines{starts: []int{0}}
	for i, c := range text {
		if c == '\n' {
			l.starts = append(l.starts, i+1)
		}
	}
	return l
}

// at returns the line and the column in bytes, both from 1.
func (l *lines) at(off int) (line, column int) {
	i := sort.SearchInts(l.starts, off+1) - 1
	return i + 1, off - l.starts[i] + 1
}

// readNodes reads one JSON value and the positions of everything in it. The
// error is a *jsonFault.
func readNodes(text []byte) (*node, error) {
	r := &reader{s: text}
	r.space()
	if r.i >= len(r.s) {
		return nil, r.faultAt(r.i, "No content to map due to end-of-input", true)
	}
	n, err := r.read(nil, 0)
	if err != nil {
		return nil, err
	}
	r.space()
	if r.i < len(r.s) {
		return nil, r.unexpected("the definition ends before it")
	}
	return n, nil
}

// reader reads JSON and words its faults as the Jackson library does, which is
// what users of AWS see.
type reader struct {
	s []byte
	i int
}

const wantValue = "was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')"

func (r *reader) space() {
	for r.i < len(r.s) {
		switch r.s[r.i] {
		case ' ', '\t', '\n', '\r':
			r.i++
		default:
			return
		}
	}
}

func (r *reader) read(parent *node, depth int) (*node, error) {
	n := &node{parent: parent, off: r.i}
	if r.i >= len(r.s) {
		return nil, r.ended(parent)
	}
	if depth > document.MaxDepth {
		return nil, r.faultAt(r.i, "Document nesting depth exceeds the maximum allowed ("+strconv.Itoa(document.MaxDepth)+")", false)
	}
	switch c := r.s[r.i]; {
	case c == '{':
		return n, r.object(n, depth)
	case c == '[':
		return n, r.array(n, depth)
	case c == '"':
		s, err := r.str(" for a string value")
		n.value = s
		return n, err
	case c == '-' || c >= '0' && c <= '9':
		return n, r.number(n)
	default:
		return n, r.word(n)
	}
}

func (r *reader) object(n *node, depth int) error {
	o := &document.Object{}
	n.value = o
	r.i++
	r.space()
	if r.i < len(r.s) && r.s[r.i] == '}' {
		r.i++
		return nil
	}
	at := make(map[string]int)
	for {
		r.space()
		if r.i >= len(r.s) {
			return r.ended(n)
		}
		if r.s[r.i] != '"' {
			return r.unexpected("was expecting double-quote to start field name")
		}
		key, err := r.str(" in field name")
		if err != nil {
			return err
		}
		r.space()
		if r.i >= len(r.s) {
			return r.ended(n)
		}
		if r.s[r.i] != ':' {
			return r.unexpected("was expecting a colon to separate field name and value")
		}
		r.i++
		r.space()
		k, err := r.read(n, depth+1)
		if err != nil {
			return err
		}
		k.key = key
		if i, ok := at[key]; ok {
			k.repeats = append(n.kids[i].repeats, n.kids[i])
			n.kids[i].repeats = nil
			n.kids[i] = k
		} else {
			at[key] = len(n.kids)
			n.kids = append(n.kids, k)
		}
		o.Set(key, k.value)
		r.space()
		if r.i >= len(r.s) {
			return r.ended(n)
		}
		switch r.s[r.i] {
		case ',':
			r.i++
		case '}':
			r.i++
			return nil
		default:
			return r.unexpected("was expecting comma to separate Object entries")
		}
	}
}

func (r *reader) array(n *node, depth int) error {
	r.i++
	n.value = []any{} // so that the elements know their parent's kind
	r.space()
	if r.i < len(r.s) && r.s[r.i] == ']' {
		r.i++
		return nil
	}
	a := []any{}
	for {
		r.space()
		k, err := r.read(n, depth+1)
		if err != nil {
			return err
		}
		k.index = len(a)
		a = append(a, k.value)
		n.kids = append(n.kids, k)
		r.space()
		if r.i >= len(r.s) {
			return r.ended(n)
		}
		switch r.s[r.i] {
		case ',':
			r.i++
		case ']':
			r.i++
			n.value = a
			return nil
		default:
			return r.unexpected("was expecting comma to separate Array entries")
		}
	}
}
