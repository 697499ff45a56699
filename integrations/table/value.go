package table

import (
	"bytes"
	"encoding/base64"
	"maps"
	"slices"
	"strings"

	"millrace/asl/document"
	"millrace/tasks"
)

// The types of attribute values, as the wire form spells them.
const (
	String    = "S"
	Number    = "N"
	Binary    = "B"
	Bool      = "BOOL"
	Null      = "NULL"
	Map       = "M"
	List      = "L"
	StringSet = "SS"
	NumberSet = "NS"
	BinarySet = "BS"
)

// Value is an attribute value. Values are shared and never changed.
type Value struct {
	Type string
	Text string // of S and N, and the bytes of B
	Bool bool
	Map  Item
	List []Value
	Set  []string // texts or bytes
}

// Item is an item, or a map within one.
type Item map[string]Value

// maxDepth is how deep values may nest.
const maxDepth = 32

// DecodeValue reads a value's wire form, {"S": "text"}.
func (v *Value) DecodeValue(doc any, at string) error { return v.decode(doc, at, 0) }

func (v *Value) decode(doc any, at string, depth int) error {
	o, ok := doc.(*document.Object)
	if !ok {
		return tasks.Errorf("SerializationException", "Unexpected field type: %s must be an attribute value.", at)
	}
	if depth > maxDepth {
		return validation("Nesting Levels have exceeded supported limits: Attributes cannot be nested deeper than %d levels", maxDepth)
	}
	found := 0
	for i := range o.Len() {
		kind, member := o.At(i)
		if member == nil {
			continue
		}
		known, err := v.member(kind, member, at, depth)
		if err != nil {
			return err
		}
		if known {
			found++
		}
	}
	switch found {
	case 0:
		return validation("Supplied AttributeValue is empty, must contain exactly one of the supported datatypes")
	case 1:
		return nil
	}
	return validation("Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes")
}

// member reads one member of a value's wire form. Unknown ones are left out.
func (v *Value) member(kind string, member any, at string, depth int) (known bool, err error) {
	v.Type = kind
	switch kind {
	case String, Number, Binary:
		s, ok := member.(string)
		if !ok {
			return true, wrongType(member, "String", at)
		}
		v.Text, err = scalar(kind, s, at)
	case Bool, Null:
		b, ok := member.(bool)
		if !ok {
			return true, wrongType(member, "Boolean", at)
		}
		v.Bool = b
		if kind == Null && !b {
			err = validation("One or more parameter values were invalid: Null attribute value types must have the value of true")
		}
	case StringSet, NumberSet, BinarySet:
		err = v.decodeSet(kind, member, at)
	case List:
		list, ok := member.([]any)
		if !ok {
			return true, wrongType(member, "List", at)
		}
		v.List = make([]Value, len(list))
		for i, e := range list {
			if err := v.List[i].decode(e, at, depth+1); err != nil {
				return true, err
			}
		}
	case Map:
		o, ok := member.(*document.Object)
		if !ok {
			return true, wrongType(member, "Map", at)
		}
		v.Map = make(Item, o.Len())
		for i := range o.Len() {
			name, e := o.At(i)
			var inner Value
			if err := inner.decode(e, at, depth+1); err != nil {
				return true, err
			}
			v.Map[name] = inner
		}
	default:
		return false, nil
	}
	return true, err
}

func (v *Value) decodeSet(kind string, member any, at string) error {
	list, ok := member.([]any)
	if !ok {
		return wrongType(member, "List", at)
	}
	if len(list) == 0 {
		return validation("One or more parameter values were invalid: An %s set  may not be empty", map[string]string{StringSet: "string", NumberSet: "number", BinarySet: "binary"}[kind])
	}
	seen, twice := map[string]bool{}, false
	given := make([]string, len(list))
	for i, e := range list {
		s, ok := e.(string)
		if !ok {
			return wrongType(e, "String", at)
		}
		text, err := scalar(kind[:1], s, at)
		if err != nil {
			return err
		}
		given[i] = s
		twice = twice || seen[text]
		seen[text] = true
		v.Set = append(v.Set, text)
	}
	if twice {
		return validation("One or more parameter values were invalid: Input collection [%.300s] contains duplicates.", strings.Join(given, ", "))
	}
	return nil
}

// scalar checks the text of a string, number or binary and brings it into its one form.
func scalar(kind, s, at string) (string, error) {
	switch kind {
	case Number:
		n, err := parseNumber(s)
		return n.String(), err
	case Binary:
		b, err := base64.StdEncoding.DecodeString(s)
		if err != nil {
			return "", tasks.Errorf("SerializationException", "%s is not base64.", at)
		}
		return string(b), nil
	}
	return s, nil
}

func wrongType(v any, want, at string) error {
	name := "STRING_VALUE"
	switch v := v.(type) {
	case document.Number:
		name = "NUMBER_VALUE"
	case bool:
		name = "FALSE_VALUE"
		if v {
			name = "TRUE_VALUE"
		}
	case *document.Object, []any:
		return tasks.Errorf("SerializationException", "Start of structure or map found where not expected: %s", at)
	}
	return tasks.Errorf("SerializationException", "%s cannot be converted to %s: %s", name, want, at)
}

// AppendJSON adds the wire form. Members of maps are in alphabetical order.
func (v Value) AppendJSON(dst []byte) []byte {
	dst = append(dst, '{')
	dst = document.AppendString(dst, v.Type)
	dst = append(dst, ':')
	switch v.Type {
	case String, Number:
		dst = document.AppendString(dst, v.Text)
	case Binary:
		dst = appendBinary(dst, v.Text)
	case Bool, Null:
		if v.Bool {
			dst = append(dst, "true"...)
		} else {
			dst = append(dst, "false"...)
		}
	case Map:
		dst = v.Map.AppendJSON(dst)
	case List:
		dst = append(dst, '[')
		for i, e := range v.List {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = e.AppendJSON(dst)
		}
		dst = append(dst, ']')
	default:
		dst = append(dst, '[')
		for i, s := range v.Set {
			if i > 0 {
				dst = append(dst, ',')
			}
			if v.Type == BinarySet {
				dst = appendBinary(dst, s)
			} else {
				dst = document.AppendString(dst, s)
			}
		}
		dst = append(dst, ']')
	}
	return append(dst, '}')
}

func appendBinary(dst []byte, s string) []byte {
	dst = append(dst, '"')
	dst = base64.StdEncoding.AppendEncode(dst, []byte(s))
	return append(dst, '"')
}

// AppendJSON adds the wire form, attributes in alphabetical order.
func (it Item) AppendJSON(dst []byte) []byte {
	dst = append(dst, '{')
	for i, name := range slices.Sorted(maps.Keys(it)) {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(document.AppendString(dst, name), ':')
		dst = it[name].AppendJSON(dst)
	}
	return append(dst, '}')
}

// text is how items are stored.
func (it Item) text() string { return string(it.AppendJSON(nil)) }

func parseItem(text string) (Item, error) {
	it := Item{}
	return it, tasks.Decode([]byte(text), &it)
}

// equal reports whether two values are the same; sets have no order.
func (v Value) equal(w Value) bool {
	if v.Type != w.Type {
		return false
	}
	switch v.Type {
	case Bool, Null:
		return v.Bool == w.Bool
	case Map:
		return v.Map.equal(w.Map)
	case List:
		return slices.EqualFunc(v.List, w.List, Value.equal)
	case StringSet, NumberSet, BinarySet:
		if len(v.Set) != len(w.Set) {
			return false
		}
		for _, s := range v.Set {
			if !slices.Contains(w.Set, s) {
				return false
			}
		}
		return true
	}
	return v.Text == w.Text
}

func (it Item) equal(other Item) bool { return maps.EqualFunc(it, other, Value.equal) }

// compare orders two values of one of the types S, N and B; ok is false for others.
func (v Value) compare(w Value) (c int, ok bool) {
	if v.Type != w.Type {
		return 0, false
	}
	switch v.Type {
	case String, Binary:
		return bytes.Compare([]byte(v.Text), []byte(w.Text)), true
	case Number:
		a, err := parseNumber(v.Text)
		b, err2 := parseNumber(w.Text)
		return a.cmp(b), err == nil && err2 == nil
	}
	return 0, false
}

// size is what DynamoDB counts: names and values; of a number half its digits.
//
// Source: "Item sizes and formats" of the DynamoDB developer guide.
func (v Value) size() int {
	switch v.Type {
	case String, Binary:
		return len(v.Text)
	case Number:
		return numberSize(v.Text)
	case Map:
		return 3 + v.Map.size() + len(v.Map)
	case List:
		n := 3
		for _, e := range v.List {
			n += 1 + e.size()
		}
		return n
	case NumberSet:
		n := 0
		for _, s := range v.Set {
			n += numberSize(s)
		}
		return n
	case StringSet, BinarySet:
		n := 0
		for _, s := range v.Set {
			n += len(s)
		}
		return n
	}
	return 1
}

func numberSize(s string) int {
	digits := strings.Trim(strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, s), "0")
	n := (len(digits)+1)/2 + 1
	if strings.HasPrefix(s, "-") {
		n++
	}
	return n
}

func (it Item) size() int {
	n := 0
	for name, v := range it {
		n += len(name) + v.size()
	}
	return n
}
