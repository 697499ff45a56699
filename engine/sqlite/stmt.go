package sqlite

import (
	"database/sql/driver"
	"fmt"
	"math"
	"reflect"
	"strings"

	"modernc.org/libc"
	lib "modernc.org/sqlite/lib"
)

// stmt is a prepared statement. Text and blobs are bound from a buffer of its
// own outside Go's heap, so that binding allocates nothing.
type stmt struct {
	c      *conn
	p      uintptr
	params int
	used   int64
	busy   bool // stepped and not reset
	single bool // not in the cache
	kept   bool // never evicted

	buf  uintptr
	mem  []byte
	n    int
	old  []uintptr // outgrown buffers that bindings may point into
	next int       // the parameter that a typed bind takes, from 1
}

// bigBuffer is the size in bytes from which a statement's buffer is given back after use.
const bigBuffer = 1 << 20

// begin starts binding parameters in order.
func (st *stmt) begin() *stmt {
	st.next, st.n = 1, 0
	return st
}

func (st *stmt) bindInt(v int64) {
	lib.Xsqlite3_bind_int64(st.c.tls, st.p, int32(st.next), v)
	st.next++
}

// bindNonZero binds v, or NULL for 0.
func (st *stmt) bindNonZero(v int64) {
	if v == 0 {
		st.bindNull()
		return
	}
	st.bindInt(v)
}

func (st *stmt) bindNull() {
	lib.Xsqlite3_bind_null(st.c.tls, st.p, int32(st.next))
	st.next++
}

func (st *stmt) bindFloat(v float64) {
	lib.Xsqlite3_bind_double(st.c.tls, st.p, int32(st.next), v)
	st.next++
}

func (st *stmt) bindBlob(v []byte) {
	at := st.room(len(v))
	copy(st.mem[st.n:], v)
	st.n += len(v)
	lib.Xsqlite3_bind_blob(st.c.tls, st.p, int32(st.next), at, int32(len(v)), 0)
	st.next++
}

func (st *stmt) bindText(v string) {
	at := st.room(len(v))
	copy(st.mem[st.n:], v)
	st.n += len(v)
	lib.Xsqlite3_bind_text(st.c.tls, st.p, int32(st.next), at, int32(len(v)), 0)
	st.next++
}

// room returns an address with room for n bytes, never 0.
func (st *stmt) room(n int) uintptr {
	if st.n+n+1 > len(st.mem) {
		if st.buf != 0 {
			st.old = append(st.old, st.buf)
		}
		size := max(256, 2*(n+1))
		st.buf = libc.Xmalloc(st.c.tls, libc.Tsize_t(size))
		st.mem, st.n = view(st.buf, size), 0
	}
	return st.buf + uintptr(st.n)
}

// bindAll binds args to the parameters.
func (st *stmt) bindAll(args []any) error {
	if len(args) != st.params {
		return fmt.Errorf("%d arguments for %d parameters", len(args), st.params)
	}
	st.begin()
	for i, a := range args {
		if err := st.bind(a); err != nil {
			return fmt.Errorf("argument %d: %w", i+1, err)
		}
	}
	return nil
}

func (st *stmt) bind(a any) error {
	switch v := a.(type) {
	case nil:
		st.bindNull()
	case int64:
		st.bindInt(v)
	case int:
		st.bindInt(int64(v))
	case string:
		st.bindText(v)
	case []byte:
		if v == nil {
			st.bindNull()
		} else {
			st.bindBlob(v)
		}
	case bool:
		if v {
			st.bindInt(1)
		} else {
			st.bindInt(0)
		}
	case float64:
		st.bindFloat(v)
	case driver.Valuer:
		inner, err := v.Value()
		if err != nil {
			return err
		}
		if _, again := inner.(driver.Valuer); again {
			return fmt.Errorf("%T values itself", v)
		}
		return st.bind(inner)
	default:
		return st.bindReflect(a)
	}
	return nil
}

// bindReflect binds named types and pointers.
func (st *stmt) bindReflect(a any) error {
	v := reflect.ValueOf(a)
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			st.bindNull()
			return nil
		}
		return st.bind(v.Elem().Interface())
	case reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Int:
		st.bindInt(v.Int())
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uint:
		if v.Uint() > math.MaxInt64 {
			return fmt.Errorf("%d is more than an integer of 64 bits holds", v.Uint())
		}
		st.bindInt(int64(v.Uint()))
	case reflect.Bool:
		return st.bind(v.Bool())
	case reflect.Float32, reflect.Float64:
		st.bindFloat(v.Float())
	case reflect.String:
		st.bindText(v.String())
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return st.bind(v.Bytes())
		}
		return fmt.Errorf("a %T cannot be stored", a)
	default:
		return fmt.Errorf("a %T cannot be stored (times are stored as integer milliseconds)", a)
	}
	return nil
}

// step moves to the next row. The caller resets the statement in the end.
func (st *stmt) step() (row bool, err error) {
	st.busy = true
	switch rc := lib.Xsqlite3_step(st.c.tls, st.p); rc {
	case lib.SQLITE_ROW:
		return true, nil
	case lib.SQLITE_DONE:
		return false, nil
	default:
		return false, st.c.fail(rc)
	}
}

// run steps to the end and resets.
func (st *stmt) run() error {
	for {
		row, err := st.step()
		if err != nil || !row {
			st.reset()
			return err
		}
	}
}

// reset makes the statement ready for other arguments.
func (st *stmt) reset() {
	lib.Xsqlite3_reset(st.c.tls, st.p)
	st.busy = false
	for _, p := range st.old {
		libc.Xfree(st.c.tls, p)
	}
	st.old = st.old[:0]
	if len(st.mem) > bigBuffer {
		libc.Xfree(st.c.tls, st.buf)
		st.buf, st.mem = 0, nil
	}
	if st.single {
		st.finalize()
	}
}

func (st *stmt) finalize() {
	if st.p == 0 {
		return
	}
	lib.Xsqlite3_finalize(st.c.tls, st.p)
	st.p = 0
	for _, p := range append(st.old, st.buf) {
		if p != 0 {
			libc.Xfree(st.c.tls, p)
		}
	}
	st.old, st.buf, st.mem = nil, 0, nil
}

func (st *stmt) null(i int) bool {
	return lib.Xsqlite3_column_type(st.c.tls, st.p, int32(i)) == lib.SQLITE_NULL
}

func (st *stmt) int(i int) int64 {
	return int64(lib.Xsqlite3_column_int64(st.c.tls, st.p, int32(i)))
}

func (st *stmt) float(i int) float64 {
	return lib.Xsqlite3_column_double(st.c.tls, st.p, int32(i))
}

func (st *stmt) text(i int) string { return string(st.peek(i)) }

// blob returns a copy of the column's bytes; nil for NULL.
func (st *stmt) blob(i int) []byte {
	if st.null(i) {
		return nil
	}
	return append([]byte{}, st.peek(i)...)
}

// peek returns the column's bytes, valid until the next step.
func (st *stmt) peek(i int) []byte {
	p := lib.Xsqlite3_column_blob(st.c.tls, st.p, int32(i))
	n := lib.Xsqlite3_column_bytes(st.c.tls, st.p, int32(i))
	if p == 0 || n == 0 {
		return nil
	}
	return view(p, int(n))
}

// readOnly reports whether the statement writes nothing.
func (st *stmt) readOnly() bool { return lib.Xsqlite3_stmt_readonly(st.c.tls, st.p) != 0 }

// value returns the column as nil, int64, float64, string or []byte.
func (st *stmt) value(i int) any {
	switch lib.Xsqlite3_column_type(st.c.tls, st.p, int32(i)) {
	case lib.SQLITE_INTEGER:
		return st.int(i)
	case lib.SQLITE_FLOAT:
		return st.float(i)
	case lib.SQLITE_TEXT:
		return st.text(i)
	case lib.SQLITE_BLOB:
		return st.blob(i)
	default:
		return nil
	}
}

func (st *stmt) columns() int { return int(lib.Xsqlite3_column_count(st.c.tls, st.p)) }

// sqlName returns the statement's text, cut short for messages.
func sqlName(sql string) string {
	sql = strings.Join(strings.Fields(sql), " ")
	if len(sql) > 200 {
		sql = sql[:200] + "..."
	}
	return sql
}
