package items

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"math"
	"math/big"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/deprecated"
	"github.com/parquet-go/parquet-go/format"

	"millrace/asl/document"
	"millrace/engine"
)

// parquetFile reads the rows of a Parquet file, each as an object of its columns.
type parquetFile struct {
	at     *ranged
	reader parquet.Rows // nil: the file has none
	root   parquet.Node
	leaves int
	count  int64
	rows   []parquet.Row // read ahead
	buffer []parquet.Row
	ended  bool
	cols   [][]parquet.Value
}

// rowsAhead is how many rows are decoded at a time.
const rowsAhead = 64

// openParquet opens a Parquet file. What its library does not bear is an error
// of the file.
func (d *Data) openParquet(ctx context.Context, s source, at *position) (_ file, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = readerFailed("The Parquet file cannot be read: %v", p)
		}
	}()
	part := Part{Bucket: s.bucket, Key: s.key, Version: s.version}
	if at != nil {
		part.ETag = at.ETag
	}
	o, err := d.objects.Open(ctx, part)
	if err != nil {
		return nil, failed(err)
	}
	o.Body.Close()
	part.ETag = o.ETag
	r := &ranged{ctx: ctx, objects: d.objects, part: part, size: o.Size}
	f, err := parquet.OpenFile(r, o.Size, parquet.SkipBloomFilters(true), parquet.SkipPageIndex(true))
	if err != nil {
		return nil, r.fault(err)
	}
	p := &parquetFile{at: r, root: f.Root(), leaves: len(f.Schema().Columns()), buffer: make([]parquet.Row, rowsAhead)}
	if p.ended = len(f.RowGroups()) == 0; !p.ended {
		p.reader = parquet.MultiRowGroup(f.RowGroups()...).Rows()
	}
	if at != nil && at.Count > 0 && !p.ended {
		if err := p.reader.SeekToRow(at.Count); err != nil {
			return nil, r.fault(err)
		}
		p.count = at.Count
	}
	return p, nil
}

func (p *parquetFile) position() position { return position{ETag: p.at.part.ETag, Count: p.count} }

func (p *parquetFile) close() error {
	if p.reader == nil {
		return nil
	}
	return p.reader.Close()
}

func (p *parquetFile) next(ctx context.Context) (item engine.Item, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = readerFailed("The Parquet file cannot be read: %v", v)
		}
	}()
	p.at.ctx = ctx
	for len(p.rows) == 0 {
		if p.ended {
			return engine.Item{}, io.EOF
		}
		n, err := p.reader.ReadRows(p.buffer)
		if err != nil && err != io.EOF {
			return engine.Item{}, p.at.fault(err)
		}
		if n == 0 && err == nil {
			return engine.Item{}, readerFailed("The Parquet file cannot be read: it has fewer rows than it says.")
		}
		p.ended = err == io.EOF
		p.rows = p.buffer[:n]
	}
	row := p.rows[0]
	p.rows = p.rows[1:]
	p.count++
	p.cols = append(p.cols[:0], make([][]parquet.Value, p.leaves)...)
	row.Range(func(column int, values []parquet.Value) bool {
		if column < len(p.cols) {
			p.cols[column] = values
		}
		return true
	})
	text, _ := group(nil, p.root, p.cols, 0, 0)
	return engine.Item{Value: document.FromBytes(text)}, nil
}

// width is how many columns a node has.
func width(n parquet.Node) int {
	if n.Leaf() {
		return 1
	}
	w := 0
	for _, f := range n.Fields() {
		w += width(f)
	}
	return w
}

// value appends a node's value in a row. cols are the values of its columns, rep
// and def the levels of what it is in. It returns how many columns there were.
func value(b []byte, n parquet.Node, cols [][]parquet.Value, rep, def int) ([]byte, int) {
	w := width(n)
	if w == 0 || len(cols) < w {
		return append(b, "null"...), w
	}
	absent := func(level int) bool { return len(cols[0]) == 0 || cols[0][0].DefinitionLevel() < level }
	switch {
	case n.Optional():
		if def++; absent(def) {
			return append(b, "null"...), w
		}
	case n.Repeated():
		rep, def = rep+1, def+1
		b = append(b, '[')
		if !absent(def) {
			b = elements(b, cols[:w], rep, func(b []byte, part [][]parquet.Value) []byte {
				b, _ = required(b, n, part, rep, def)
				return b
			})
		}
		return append(b, ']'), w
	}
	b, _ = required(b, n, cols[:w], rep, def)
	return b, w
}

// elements takes the columns of a repeated node apart, an element each.
func elements(b []byte, cols [][]parquet.Value, rep int, each func([]byte, [][]parquet.Value) []byte) []byte {
	rest := append([][]parquet.Value(nil), cols...)
	for first := true; len(rest[0]) > 0; first = false {
		part := make([][]parquet.Value, len(rest))
		for i, values := range rest {
			n := min(1, len(values))
			for n < len(values) && values[n].RepetitionLevel() > rep {
				n++
			}
			part[i], rest[i] = values[:n], values[n:]
		}
		if !first {
			b = append(b, ',')
		}
		b = each(b, part)
	}
	return b
}

// required appends the value of a node that is there.
func required(b []byte, n parquet.Node, cols [][]parquet.Value, rep, def int) ([]byte, int) {
	if n.Leaf() {
		if len(cols[0]) == 0 {
			return append(b, "null"...), 1
		}
		return leaf(b, n, cols[0][0]), 1
	}
	switch logical(n).(type) {
	case *format.ListType:
		if inner := only(n); inner != nil && inner.Repeated() && !inner.Leaf() && only(inner) != nil {
			return list(b, inner, only(inner), cols, rep, def), len(cols)
		}
	case *format.MapType:
		if inner := only(n); inner != nil && inner.Repeated() && len(inner.Fields()) == 2 {
			return dictionary(b, inner, cols, rep, def), len(cols)
		}
	}
	return group(b, n, cols, rep, def)
}

// only returns a group's only field, or nil.
func only(n parquet.Node) parquet.Node {
	if n.Leaf() || len(n.Fields()) != 1 {
		return nil
	}
	return n.Fields()[0]
}

// group appends a group as an object.
func group(b []byte, n parquet.Node, cols [][]parquet.Value, rep, def int) ([]byte, int) {
	b = append(b, '{')
	at := 0
	for i, f := range n.Fields() {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(document.AppendString(b, f.Name()), ':')
		var w int
		b, w = value(b, f, cols[at:], rep, def)
		at += w
	}
	return append(b, '}'), at
}

// list appends a LIST: a repeated group of one element each.
func list(b []byte, inner, element parquet.Node, cols [][]parquet.Value, rep, def int) []byte {
	rep, def = rep+1, def+1
	b = append(b, '[')
	if len(cols[0]) > 0 && cols[0][0].DefinitionLevel() >= def {
		b = elements(b, cols, rep, func(b []byte, part [][]parquet.Value) []byte {
			b, _ = value(b, element, part, rep, def)
			return b
		})
	}
	return append(b, ']')
}

// dictionary appends a MAP as an object. A key that is no text is written as text.
func dictionary(b []byte, inner parquet.Node, cols [][]parquet.Value, rep, def int) []byte {
	rep, def = rep+1, def+1
	b = append(b, '{')
	if len(cols[0]) > 0 && cols[0][0].DefinitionLevel() >= def {
		key, val := inner.Fields()[0], inner.Fields()[1]
		b = elements(b, cols, rep, func(b []byte, part [][]parquet.Value) []byte {
			k, w := value(nil, key, part, rep, def)
			if len(k) == 0 || k[0] != '"' {
				k = document.AppendString(nil, string(k))
			}
			b = append(append(b, k...), ':')
			b, _ = value(b, val, part[w:], rep, def)
			return b
		})
	}
	return append(b, '}')
}

func logical(n parquet.Node) any {
	if t := n.Type().LogicalType(); t != nil {
		return t.Value
	}
	return nil
}

// leaf appends a value: numbers and booleans as such; dates, times and text as
// text; other bytes in base64; what JSON has no number for as null.
func leaf(b []byte, n parquet.Node, v parquet.Value) []byte {
	if v.IsNull() {
		return append(b, "null"...)
	}
	meaning := logical(n)
	switch v.Kind() {
	case parquet.Boolean:
		return strconv.AppendBool(b, v.Boolean())
	case parquet.Float:
		return float(b, float64(v.Float()), 32)
	case parquet.Double:
		return float(b, v.Double(), 64)
	case parquet.Int32, parquet.Int64:
		i := v.Int64()
		if v.Kind() == parquet.Int32 {
			i = int64(v.Int32())
		}
		return integer(b, meaning, i, v.Kind() == parquet.Int32)
	case parquet.Int96:
		return document.AppendString(b, int96(v.Int96()).Format(time.RFC3339Nano))
	}
	raw := v.ByteArray()
	switch m := meaning.(type) {
	case *format.DecimalType:
		return decimal(b, signed(raw), m.Scale)
	case *format.UUIDType:
		if len(raw) == 16 {
			h := hex.EncodeToString(raw)
			return document.AppendString(b, h[:8]+"-"+h[8:12]+"-"+h[12:16]+"-"+h[16:20]+"-"+h[20:])
		}
	case *format.JsonType:
		if document.Valid(raw) {
			return append(b, raw...)
		}
	}
	if utf8.Valid(raw) {
		return document.AppendString(b, string(raw))
	}
	return document.AppendString(b, base64.StdEncoding.EncodeToString(raw))
}

func integer(b []byte, meaning any, i int64, short bool) []byte {
	switch m := meaning.(type) {
	case *format.DateType:
		return document.AppendString(b, time.Unix(i*86400, 0).UTC().Format(time.DateOnly))
	case *format.TimestampType:
		var t time.Time
		switch m.Unit.Value.(type) {
		case *format.MicroSeconds:
			t = time.UnixMicro(i)
		case *format.NanoSeconds:
			t = time.Unix(0, i)
		default:
			t = time.UnixMilli(i)
		}
		return document.AppendString(b, t.UTC().Format(time.RFC3339Nano))
	case *format.DecimalType:
		return decimal(b, big.NewInt(i), m.Scale)
	case *format.IntType:
		if !m.IsSigned {
			if short {
				return strconv.AppendUint(b, uint64(uint32(i)), 10)
			}
			return strconv.AppendUint(b, uint64(i), 10)
		}
	}
	return strconv.AppendInt(b, i, 10)
}

func float(b []byte, f float64, bits int) []byte {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return append(b, "null"...)
	}
	d := document.Float(f)
	if bits == 32 {
		d = document.Number(strconv.FormatFloat(f, 'g', -1, 32))
	}
	return append(b, d...)
}

// signed reads a number of two's complement, highest byte first.
func signed(raw []byte) *big.Int {
	n := new(big.Int).SetBytes(raw)
	if len(raw) > 0 && raw[0]&0x80 != 0 {
		n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(8*len(raw))))
	}
	return n
}

// decimal appends n times ten to the minus scale.
func decimal(b []byte, n *big.Int, scale int32) []byte {
	digits := new(big.Int).Abs(n).String()
	for int32(len(digits)) <= scale {
		digits = "0" + digits
	}
	if n.Sign() < 0 {
		b = append(b, '-')
	}
	at := len(digits) - int(max(scale, 0))
	b = append(b, digits[:at]...)
	if scale > 0 {
		b = append(append(b, '.'), digits[at:]...)
	}
	return b
}

// int96 reads the time that older writers store: nanoseconds of a Julian day.
func int96(v deprecated.Int96) time.Time {
	const epoch = 2440588 // Julian day of 1970-01-01
	nanos := int64(v[1])<<32 | int64(v[0])
	return time.Unix((int64(v[2])-epoch)*86400, nanos).UTC()
}

// ranged reads an object at places, a block at a time.
type ranged struct {
	ctx     context.Context
	objects Objects
	part    Part
	size    int64
	block   []byte
	from    int64 // of block
	err     error // of the store
}

// rangedBlock is the least number of bytes read at a time.
const rangedBlock = 256 << 10

// ReadAt reads at a place.
func (r *ranged) ReadAt(p []byte, at int64) (int, error) {
	n := 0
	for n < len(p) {
		if at >= r.size {
			return n, io.EOF
		}
		if at < r.from || at >= r.from+int64(len(r.block)) {
			if err := r.load(at, int64(len(p)-n)); err != nil {
				r.err = err
				return n, err
			}
		}
		k := copy(p[n:], r.block[at-r.from:])
		n, at = n+k, at+int64(k)
	}
	return n, nil
}

func (r *ranged) load(at, n int64) error {
	part := r.part
	part.Offset, part.Length = at, min(max(n, rangedBlock), r.size-at)
	o, err := r.objects.Open(r.ctx, part)
	if err != nil {
		return failed(err)
	}
	defer o.Body.Close()
	block := make([]byte, part.Length)
	if _, err := io.ReadFull(o.Body, block); err != nil {
		return fmt.Errorf("read items: %w", err)
	}
	r.block, r.from = block, at
	return nil
}

// fault tells an error of the store from one of the file.
func (r *ranged) fault(err error) error {
	if r.err != nil {
		return r.err
	}
	return readerFailed("The Parquet file cannot be read: %v", err)
}
