package tasks

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"millrace/asl/document"
)

// Form says how Encode spells what the front doors spell differently. The zero
// value is the AWS JSON protocol: members as they are, times as seconds since 1970.
type Form struct {
	Times  TimeForm
	Pascal bool // members of structs begin with a capital, as in the results of resource ARNs
}

// TimeForm is the form of a timestamp.
type TimeForm byte

// The forms of timestamps.
const (
	Seconds TimeForm = iota // 1700000000.123
	ISO8601                 // "2023-11-14T22:13:20.123Z", as aws-sdk resource ARNs and XML have it
	Millis                  // 1700000000123, as optimised resource ARNs have it
)

// ValueEncoder is implemented by members with a JSON form of their own.
type ValueEncoder interface {
	AppendJSON(dst []byte) []byte
}

// Encode returns the JSON text of an operation's output: what [Decode] reads,
// and document values. Struct members follow their json tag, omitempty included
// (a zero time counts as empty); maps are sorted by key. nil is {}.
func Encode(v any, f Form) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return []byte("{}"), nil
	case json.RawMessage:
		return v, nil
	}
	return f.append(nil, reflect.ValueOf(v))
}

var docNumber = reflect.TypeFor[document.Number]()

func (f Form) append(dst []byte, v reflect.Value) ([]byte, error) {
	if !v.IsValid() {
		return append(dst, "null"...), nil
	}
	if v.Kind() == reflect.Pointer && v.IsNil() {
		return append(dst, "null"...), nil
	}
	switch x := v.Interface().(type) {
	case ValueEncoder:
		return x.AppendJSON(dst), nil
	case json.RawMessage:
		if len(x) == 0 {
			return append(dst, "null"...), nil
		}
		return append(dst, x...), nil
	case *document.Object:
		return document.Append(dst, x), nil
	case time.Time:
		return f.appendTime(dst, x), nil
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		return f.append(dst, v.Elem())
	case reflect.String:
		if v.Type() == docNumber {
			return append(dst, v.String()...), nil
		}
		return document.AppendString(dst, v.String()), nil
	case reflect.Bool:
		return strconv.AppendBool(dst, v.Bool()), nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return strconv.AppendInt(dst, v.Int(), 10), nil
	case reflect.Float32, reflect.Float64:
		if math.IsNaN(v.Float()) || math.IsInf(v.Float(), 0) {
			return nil, fmt.Errorf("encode: %v has no JSON form", v.Float())
		}
		return append(dst, document.Float(v.Float())...), nil
	case reflect.Slice, reflect.Array:
		return f.appendSlice(dst, v)
	case reflect.Map:
		return f.appendMap(dst, v)
	case reflect.Struct:
		dst, _, err := f.appendMembers(append(dst, '{'), v, true)
		return append(dst, '}'), err
	}
	return nil, fmt.Errorf("encode: %s is not supported", v.Type())
}

func (f Form) appendSlice(dst []byte, v reflect.Value) ([]byte, error) {
	if v.Type().Elem().Kind() == reflect.Uint8 {
		dst = append(dst, '"')
		dst = base64.StdEncoding.AppendEncode(dst, v.Bytes())
		return append(dst, '"'), nil
	}
	dst = append(dst, '[')
	for i := range v.Len() {
		if i > 0 {
			dst = append(dst, ',')
		}
		var err error
		if dst, err = f.append(dst, v.Index(i)); err != nil {
			return nil, err
		}
	}
	return append(dst, ']'), nil
}

func (f Form) appendMap(dst []byte, v reflect.Value) ([]byte, error) {
	if v.Type().Key().Kind() != reflect.String {
		return nil, fmt.Errorf("encode: %s is not supported", v.Type())
	}
	keys := v.MapKeys()
	slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
	dst = append(dst, '{')
	for i, k := range keys {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(document.AppendString(dst, k.String()), ':')
		var err error
		if dst, err = f.append(dst, v.MapIndex(k)); err != nil {
			return nil, err
		}
	}
	return append(dst, '}'), nil
}

// appendMembers adds the members of a struct; first says that none is there yet.
func (f Form) appendMembers(dst []byte, v reflect.Value, first bool) ([]byte, bool, error) {
	var err error
	for i := range v.NumField() {
		field := v.Type().Field(i)
		if field.Anonymous {
			if dst, first, err = f.appendMembers(dst, v.Field(i), first); err != nil {
				return nil, first, err
			}
			continue
		}
		name, opts, _ := strings.Cut(field.Tag.Get("json"), ",")
		if name == "-" || !field.IsExported() || strings.Contains(opts, "omitempty") && empty(v.Field(i)) {
			continue
		}
		if name == "" {
			name = field.Name
		}
		if f.Pascal {
			name = strings.ToUpper(name[:1]) + name[1:]
		}
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = append(document.AppendString(dst, name), ':')
		if dst, err = f.append(dst, v.Field(i)); err != nil {
			return nil, first, err
		}
	}
	return dst, first, nil
}

func empty(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Slice, reflect.Map:
		return v.Len() == 0
	case reflect.Struct:
		if t, ok := v.Interface().(time.Time); ok {
			return t.IsZero()
		}
		return false
	}
	return v.IsZero()
}

// isoTime is the form of [ISO8601].
const isoTime = "2006-01-02T15:04:05.999Z"

func (f Form) appendTime(dst []byte, t time.Time) []byte {
	switch f.Times {
	case ISO8601:
		return append(append(append(dst, '"'), t.UTC().Format(isoTime)...), '"')
	case Millis:
		return strconv.AppendInt(dst, t.UnixMilli(), 10)
	}
	return strconv.AppendFloat(dst, float64(t.UnixMilli())/1000, 'f', -1, 64)
}
