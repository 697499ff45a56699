package sqlite

import (
	"database/sql"
	"errors"
	"fmt"
	"reflect"
	"strconv"

	"millrace/engine"
)

// rows is a query's outcome.
type rows struct {
	c      *conn
	st     *stmt
	sql    string
	err    error
	closed bool
	row    bool
}

// query runs a statement that yields rows.
func (c *conn) query(sql string, args []any) (engine.Rows, error) {
	st, err := c.prepare(sql)
	if err != nil {
		return nil, err
	}
	if err := st.bindAll(args); err != nil {
		if st.single {
			st.finalize()
		}
		return nil, fmt.Errorf("%s: %w", sqlName(sql), err)
	}
	st.busy = true
	r := &rows{c: c, st: st, sql: sql}
	c.open[r] = struct{}{}
	return r, nil
}

// closeRows closes what a unit or a reader left open.
func (c *conn) closeRows() {
	for r := range c.open {
		r.Close()
	}
}

// Next moves to the next row.
func (r *rows) Next() bool {
	if r.closed || r.err != nil {
		return false
	}
	row, err := r.st.step()
	if err != nil {
		r.err = fmt.Errorf("%s: %w", sqlName(r.sql), err)
	}
	r.row = row
	if !row {
		r.finish()
	}
	return row
}

// Err returns the error that ended the rows.
func (r *rows) Err() error { return r.err }

// Close ends the query. It may be called more than once.
func (r *rows) Close() error {
	r.finish()
	return r.err
}

func (r *rows) finish() {
	if r.closed {
		return
	}
	r.closed, r.row = true, false
	delete(r.c.open, r)
	r.st.reset()
}

var errNoRow = errors.New("scan without a row")

// Scan copies the row's columns. It takes pointers to int64, int, bool, float64,
// string, []byte, any and named types of these, pointers to such pointers for
// what may be NULL, and anything that implements sql.Scanner.
func (r *rows) Scan(dest ...any) error {
	if !r.row {
		return errNoRow
	}
	if n := r.st.columns(); n != len(dest) {
		return fmt.Errorf("%s: %d destinations for %d columns", sqlName(r.sql), len(dest), n)
	}
	for i, d := range dest {
		if err := r.scan(i, d); err != nil {
			return fmt.Errorf("%s: column %d: %w", sqlName(r.sql), i+1, err)
		}
	}
	return nil
}

func (r *rows) scan(i int, dest any) error {
	switch d := dest.(type) {
	case *any:
		*d = r.st.value(i)
		return nil
	case *[]byte:
		*d = r.st.blob(i)
		return nil
	case sql.Scanner:
		return d.Scan(r.st.value(i))
	}
	if r.st.null(i) {
		v := reflect.ValueOf(dest)
		if v.Kind() == reflect.Pointer && !v.IsNil() {
			switch e := v.Elem(); e.Kind() {
			case reflect.Pointer, reflect.Slice, reflect.Interface, reflect.Map:
				e.SetZero()
				return nil
			}
		}
		return fmt.Errorf("NULL does not fit a %T", dest)
	}
	switch d := dest.(type) {
	case *int64:
		return r.scanInt(i, d)
	case *int:
		var n int64
		err := r.scanInt(i, &n)
		*d = int(n)
		return err
	case *string:
		*d = r.st.text(i)
		return nil
	case *bool:
		*d = r.st.int(i) != 0
		return nil
	case *float64:
		*d = r.st.float(i)
		return nil
	}
	return r.scanReflect(i, reflect.ValueOf(dest))
}

func (r *rows) scanInt(i int, d *int64) error {
	switch v := r.st.value(i).(type) {
	case int64:
		*d = v
		return nil
	case string:
		n, err := strconv.ParseInt(v, 10, 64)
		*d = n
		return err
	case float64:
		*d = int64(v)
		if float64(*d) != v {
			return fmt.Errorf("%v is not an integer", v)
		}
		return nil
	default:
		return fmt.Errorf("a %T is not an integer", v)
	}
}

func (r *rows) scanReflect(i int, v reflect.Value) error {
	if v.Kind() != reflect.Pointer || v.IsNil() {
		return fmt.Errorf("%s is not a pointer to scan into", v.Type())
	}
	e := v.Elem()
	switch e.Kind() {
	case reflect.Pointer:
		p := reflect.New(e.Type().Elem())
		if err := r.scan(i, p.Interface()); err != nil {
			return err
		}
		e.Set(p)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		var n int64
		if err := r.scanInt(i, &n); err != nil {
			return err
		}
		if e.OverflowInt(n) {
			return fmt.Errorf("%d does not fit a %s", n, e.Type())
		}
		e.SetInt(n)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		var n int64
		if err := r.scanInt(i, &n); err != nil {
			return err
		}
		if n < 0 || e.OverflowUint(uint64(n)) {
			return fmt.Errorf("%d does not fit a %s", n, e.Type())
		}
		e.SetUint(uint64(n))
	case reflect.Bool:
		e.SetBool(r.st.int(i) != 0)
	case reflect.Float32, reflect.Float64:
		e.SetFloat(r.st.float(i))
	case reflect.String:
		e.SetString(r.st.text(i))
	case reflect.Slice:
		if e.Type().Elem().Kind() != reflect.Uint8 {
			return fmt.Errorf("a %s cannot be scanned into", e.Type())
		}
		e.SetBytes(r.st.blob(i))
	default:
		return fmt.Errorf("a %s cannot be scanned into", e.Type())
	}
	return nil
}
