package interp

import (
	"encoding/binary"
	"errors"
	"math"

	"millrace/asl/document"
)

// formatVersion is the first byte of everything encoded. All versions are read,
// the newest is written.
const formatVersion = 1

var errFormat = errors.New("interp: stored data is damaged or of a newer format")

// numbers gives documents of more than InlineDoc bytes their numbers. A document
// is known by its address, so one that is passed on unchanged keeps its number.
type numbers struct {
	of      map[*document.Doc]int64
	bytes   int   // of the documents in of
	live    int   // how many were in use when that was last counted
	changes int64 // calls of Changes
	stamp   int64
	fresh   []NumberedDoc // since the last Changes
}

func (n *numbers) add(d *document.Doc, number int64) {
	if n.of == nil {
		n.of = make(map[*document.Doc]int64)
	}
	n.of[d] = number
	n.bytes += len(d.Bytes())
}

// forget drops the numbers above the given one.
func (n *numbers) forget(above int64) {
	for d, k := range n.of {
		if k > above {
			delete(n.of, d)
			n.bytes -= len(d.Bytes())
		}
	}
	n.fresh = nil
}

// encoder writes the stored forms. All its numbers are varints.
type encoder struct {
	b []byte
	x *Execution // numbers documents; nil: they are written where they are
	// names holds the strings written so far, to be named by their place.
	names []string
	index map[string]uint64 // of names, once they are many
}

// fewNames is how many names are looked through one by one.
const fewNames = 16

func (e *encoder) uint(v uint64)   { e.b = binary.AppendUvarint(e.b, v) }
func (e *encoder) int(v int64)     { e.b = binary.AppendVarint(e.b, v) }
func (e *encoder) float(v float64) { e.b = binary.BigEndian.AppendUint64(e.b, math.Float64bits(v)) }
func (e *encoder) byte(v byte)     { e.b = append(e.b, v) }
func (e *encoder) string(s string) { e.uint(uint64(len(s))); e.b = append(e.b, s...) }
func (e *encoder) optional(s *string) {
	if s == nil {
		e.byte(0)
		return
	}
	e.byte(1)
	e.string(*s)
}

// name writes a string that may come again.
func (e *encoder) name(s string) {
	if k := e.place(s); k != 0 {
		e.uint(k)
		return
	}
	if e.names == nil {
		e.names = make([]string, 0, 8)
	}
	e.names = append(e.names, s)
	switch {
	case e.index != nil:
		e.index[s] = uint64(len(e.names))
	case len(e.names) > fewNames:
		e.index = make(map[string]uint64, 4*fewNames)
		for i, n := range e.names {
			e.index[n] = uint64(i + 1)
		}
	}
	e.uint(0)
	e.string(s)
}

// place returns the place of a name, from 1; 0: it was not written yet.
func (e *encoder) place(s string) uint64 {
	if e.index != nil {
		return e.index[s]
	}
	for i := len(e.names) - 1; i >= 0; i-- {
		if e.names[i] == s {
			return uint64(i + 1)
		}
	}
	return 0
}

// doc writes a document or its number: 0 for none, an odd number 2n+1 for the
// document of number n, an even number 2(l+1) for l bytes that follow.
func (e *encoder) doc(d *document.Doc) {
	if d == nil {
		e.uint(0)
		return
	}
	b := d.Bytes()
	if e.x != nil && len(b) > InlineDoc {
		e.uint(2*uint64(e.x.number(d)) + 1)
		return
	}
	e.uint(2 * uint64(len(b)+1))
	e.b = append(e.b, b...)
}

// number returns the document's number, giving it one if need be.
func (x *Execution) number(d *document.Doc) int64 {
	if n, ok := x.nums.of[d]; ok {
		return n
	}
	x.head.doc++
	x.nums.add(d, x.head.doc)
	x.nums.fresh = append(x.nums.fresh, NumberedDoc{N: x.head.doc, Text: d.Bytes()})
	return x.head.doc
}

// decoder reads what encoder wrote. After an error every read is zero.
type decoder struct {
	b     []byte
	err   error
	docs  DocFunc
	known map[int64]*document.Doc
	names []string
}

// newDecoder checks the format version.
func newDecoder(b []byte, docs DocFunc) *decoder {
	d := &decoder{b: b, docs: docs}
	if v := d.byte(); v != formatVersion {
		d.fail(errFormat)
	}
	return d
}

func (d *decoder) fail(err error) {
	if d.err == nil {
		d.err = err
	}
	d.b = nil
}

func (d *decoder) uint() uint64 {
	v, n := binary.Uvarint(d.b)
	if n <= 0 {
		d.fail(errFormat)
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) int() int64 {
	v, n := binary.Varint(d.b)
	if n <= 0 {
		d.fail(errFormat)
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) float() float64 {
	if len(d.b) < 8 {
		d.fail(errFormat)
		return 0
	}
	v := math.Float64frombits(binary.BigEndian.Uint64(d.b))
	d.b = d.b[8:]
	return v
}

func (d *decoder) byte() byte {
	if len(d.b) == 0 {
		d.fail(errFormat)
		return 0
	}
	v := d.b[0]
	d.b = d.b[1:]
	return v
}

func (d *decoder) take(n uint64) []byte {
	if n > uint64(len(d.b)) {
		d.fail(errFormat)
		return nil
	}
	v := d.b[:n:n]
	d.b = d.b[n:]
	return v
}

func (d *decoder) bytes() []byte  { return d.take(d.uint()) }
func (d *decoder) string() string { return string(d.bytes()) }
func (d *decoder) optional() *string {
	if d.byte() == 0 {
		return nil
	}
	s := d.string()
	return &s
}

// count reads how many of something follow, each of at least one byte.
func (d *decoder) count() int {
	n := d.uint()
	if n > uint64(len(d.b)) {
		d.fail(errFormat)
		return 0
	}
	return int(n)
}

func (d *decoder) name() string {
	k := d.uint()
	if k == 0 {
		s := d.string()
		d.names = append(d.names, s)
		return s
	}
	if k > uint64(len(d.names)) {
		d.fail(errFormat)
		return ""
	}
	return d.names[k-1]
}

func (d *decoder) doc() *document.Doc {
	v := d.uint()
	switch {
	case v == 0 || d.err != nil:
		return nil
	case v%2 == 0:
		return document.FromBytes(append([]byte(nil), d.take(v/2-1)...))
	}
	n := int64(v / 2)
	if k, ok := d.known[n]; ok {
		return k
	}
	if d.docs == nil {
		d.fail(errFormat)
		return nil
	}
	k, err := d.docs(n)
	if err != nil {
		d.fail(err)
		return nil
	}
	if d.known == nil {
		d.known = make(map[int64]*document.Doc)
	}
	d.known[n] = k
	return k
}

// end reports what went wrong, or that something is left over.
func (d *decoder) end() error {
	if d.err == nil && len(d.b) > 0 {
		d.err = errFormat
	}
	return d.err
}
