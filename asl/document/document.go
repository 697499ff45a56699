// Package document holds JSON documents as the States Language sees them: the
// order of an object's members and the text of a number survive, and a
// document stays bytes until an expression looks inside.
//
// A value is one of nil, bool, string, [Number], []any and *[Object]. Values
// are shared freely and must not be changed once they are part of a [Doc];
// build a new one instead.
package document

import (
	"bytes"
	"math"
	"math/big"
	"strconv"
	"sync"
)

// Doc is a JSON document, kept as bytes, as a value, or both. It is immutable
// and safe for concurrent use; the form that is missing is made on first use.
type Doc struct {
	raw     []byte
	value   any
	decode  sync.Once
	encode  sync.Once
	fromRaw bool
}

// FromBytes makes a Doc of text that is known to be valid JSON, such as what
// [Compact] or [Append] returned. The Doc keeps raw; the caller must not change it.
func FromBytes(raw []byte) *Doc { return &Doc{raw: raw, fromRaw: true} }

// FromValue makes a Doc of a value.
func FromValue(v any) *Doc { return &Doc{value: v} }

// Of parses text and returns its Doc, or the error of [Parse].
func Of(text []byte) (*Doc, error) {
	v, err := Parse(text)
	if err != nil {
		return nil, err
	}
	d := &Doc{raw: text, value: v, fromRaw: true}
	d.decode.Do(func() {})
	return d, nil
}

// Value returns the document's value, parsing the bytes on first use.
func (d *Doc) Value() any {
	if d.fromRaw {
		d.decode.Do(func() { d.value, _ = Parse(d.raw) })
	}
	return d.value
}

// Bytes returns the document's text, encoding the value on first use.
// The caller must not change it.
func (d *Doc) Bytes() []byte {
	if !d.fromRaw {
		d.encode.Do(func() { d.raw = Append(nil, d.value) })
	}
	return d.raw
}

// String returns the document's text.
func (d *Doc) String() string { return string(d.Bytes()) }

// Number is a JSON number, kept as its text.
type Number string

// Int makes a Number of n.
func Int(n int64) Number { return Number(strconv.FormatInt(n, 10)) }

// Float makes a Number of f in the shortest text that reads back as f, without
// an exponent from 1e-6 up to 1e21, as JavaScript prints it. NaN and the
// infinities have no JSON form and become 0.
func Float(f float64) Number {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return "0"
	}
	if f == 0 {
		return "0"
	}
	if a := math.Abs(f); a >= 1e-6 && a < 1e21 {
		return Number(strconv.FormatFloat(f, 'f', -1, 64))
	}
	b := strconv.AppendFloat(nil, f, 'e', -1, 64)
	// Go writes e-07 and e+21; JSON's shortest form is e-7 and e+21.
	if i := bytes.IndexByte(b, 'e'); i >= 0 && i+2 < len(b) && b[i+2] == '0' && len(b) == i+4 {
		b = append(b[:i+2], b[i+3])
	}
	return Number(b)
}

// Float64 returns the nearest float64.
func (n Number) Float64() float64 {
	f, _ := strconv.ParseFloat(string(n), 64)
	return f
}

// Int64 returns the number when its text is an integer of 64 bits ("3", not "3.0").
func (n Number) Int64() (int64, bool) {
	i, err := strconv.ParseInt(string(n), 10, 64)
	return i, err == nil
}

// Cmp compares two numbers exactly: -1, 0 or 1.
func (n Number) Cmp(m Number) int {
	if a, ok := n.Int64(); ok {
		if b, ok := m.Int64(); ok {
			switch {
			case a < b:
				return -1
			case a > b:
				return 1
			}
			return 0
		}
	}
	// An exponent of thousands of digits must cost nothing: beyond what float64 holds the nearest float decides.
	if len(n) > 64 || len(m) > 64 || hasBigExponent(n) || hasBigExponent(m) {
		a, b := n.Float64(), m.Float64()
		switch {
		case a < b:
			return -1
		case a > b:
			return 1
		}
		return 0
	}
	a, _ := new(big.Rat).SetString(string(n))
	b, _ := new(big.Rat).SetString(string(m))
	if a == nil || b == nil {
		return 0
	}
	return a.Cmp(b)
}

func hasBigExponent(n Number) bool {
	for i := 0; i < len(n); i++ {
		if n[i] == 'e' || n[i] == 'E' {
			e, err := strconv.Atoi(string(n[i+1:]))
			return err != nil || e > 400 || e < -400
		}
	}
	return false
}

// Object is a JSON object whose members keep their order.
// The zero value is an empty object.
type Object struct {
	keys  []string
	vals  []any
	index map[string]int // made when the object outgrows a linear search
}

// indexFrom is the number of members from which an Object keeps an index.
const indexFrom = 12

// NewObject returns an empty object with room for n members.
func NewObject(n int) *Object {
	return &Object{keys: make([]string, 0, n), vals: make([]any, 0, n)}
}

// Len returns the number of members.
func (o *Object) Len() int { return len(o.keys) }

// At returns the i-th member.
func (o *Object) At(i int) (key string, value any) { return o.keys[i], o.vals[i] }

// Keys returns the member names in order. The caller must not change them.
func (o *Object) Keys() []string { return o.keys }

// Get returns the member's value and whether it is there.
func (o *Object) Get(key string) (any, bool) {
	if i := o.find(key); i >= 0 {
		return o.vals[i], true
	}
	return nil, false
}

// Set replaces a member in its place, or appends it.
func (o *Object) Set(key string, value any) {
	if i := o.find(key); i >= 0 {
		o.vals[i] = value
		return
	}
	o.keys = append(o.keys, key)
	o.vals = append(o.vals, value)
	switch {
	case o.index != nil:
		o.index[key] = len(o.keys) - 1
	case len(o.keys) >= indexFrom:
		o.reindex()
	}
}

// Delete removes a member, keeping the order of the others.
func (o *Object) Delete(key string) {
	i := o.find(key)
	if i < 0 {
		return
	}
	o.keys = append(o.keys[:i:i], o.keys[i+1:]...)
	o.vals = append(o.vals[:i:i], o.vals[i+1:]...)
	if o.index != nil {
		o.reindex()
	}
}

// Clone returns a copy that shares the members' values.
func (o *Object) Clone() *Object {
	c := &Object{keys: append([]string(nil), o.keys...), vals: append([]any(nil), o.vals...)}
	if o.index != nil {
		c.reindex()
	}
	return c
}

func (o *Object) reindex() {
	o.index = make(map[string]int, 2*len(o.keys))
	for i, k := range o.keys {
		o.index[k] = i
	}
}

func (o *Object) find(key string) int {
	if o.index != nil {
		if i, ok := o.index[key]; ok {
			return i
		}
		return -1
	}
	for i, k := range o.keys {
		if k == key {
			return i
		}
	}
	return -1
}

// Equal reports whether two values are the same JSON: numbers by value,
// objects whatever the order of their members.
func Equal(a, b any) bool {
	switch a := a.(type) {
	case Number:
		b, ok := b.(Number)
		return ok && (a == b || a.Cmp(b) == 0)
	case []any:
		b, ok := b.([]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for i := range a {
			if !Equal(a[i], b[i]) {
				return false
			}
		}
		return true
	case *Object:
		b, ok := b.(*Object)
		if !ok || a.Len() != b.Len() {
			return false
		}
		for i, k := range a.keys {
			v, ok := b.Get(k)
			if !ok || !Equal(a.vals[i], v) {
				return false
			}
		}
		return true
	default:
		return a == b
	}
}
