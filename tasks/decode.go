package tasks

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"

	"millrace/asl/document"
)

// ValueDecoder is implemented by members with a JSON form of their own. at is
// where the value stands, such as Item.Price. Errors for the caller are *Error.
type ValueDecoder interface {
	DecodeValue(v any, at string) error
}

// Decode reads an operation's input into the struct that v points to. Members
// are matched by their json tag, exactly; unknown members and nulls are ignored,
// as the AWS protocols have it. A value of the wrong type is a
// SerializationException that says where. Strings, booleans, integers, floats,
// time.Time (seconds since 1970, or RFC 3339 text), []byte (base64),
// json.RawMessage, structs, slices, string-keyed maps, pointers to these,
// document values (any) and [ValueDecoder] are supported.
func Decode(in json.RawMessage, v any) error {
	if len(in) == 0 {
		return nil
	}
	doc, err := document.Parse(in)
	if err != nil {
		return Errorf("SerializationException", "The request body is not JSON: %v", err)
	}
	if _, ok := doc.(*document.Object); !ok {
		return Errorf("SerializationException", "The request body must be a JSON object.")
	}
	return decode(doc, reflect.ValueOf(v).Elem(), "")
}

var (
	rawType  = reflect.TypeFor[json.RawMessage]()
	timeType = reflect.TypeFor[time.Time]()
)

func decode(v any, to reflect.Value, at string) error {
	if v == nil {
		return nil
	}
	if to.CanAddr() {
		if d, ok := to.Addr().Interface().(ValueDecoder); ok {
			return d.DecodeValue(v, at)
		}
	}
	switch to.Type() {
	case rawType:
		to.SetBytes(document.Append(nil, v))
		return nil
	case timeType:
		t, err := decodeTime(v)
		if err != nil {
			return mismatch(v, "Timestamp", at)
		}
		to.Set(reflect.ValueOf(t))
		return nil
	}
	switch to.Kind() {
	case reflect.Pointer:
		p := reflect.New(to.Type().Elem())
		if err := decode(v, p.Elem(), at); err != nil {
			return err
		}
		to.Set(p)
	case reflect.Interface:
		to.Set(reflect.ValueOf(v))
	case reflect.String:
		s, ok := v.(string)
		if !ok {
			return mismatch(v, "String", at)
		}
		to.SetString(s)
	case reflect.Bool:
		b, ok := v.(bool)
		if !ok {
			return mismatch(v, "Boolean", at)
		}
		to.SetBool(b)
	case reflect.Int, reflect.Int32, reflect.Int64:
		n, ok := v.(document.Number)
		i, whole := n.Int64()
		if !ok || !whole || to.OverflowInt(i) {
			return mismatch(v, "Integer", at)
		}
		to.SetInt(i)
	case reflect.Float64:
		n, ok := v.(document.Number)
		f := n.Float64()
		if !ok || math.IsInf(f, 0) {
			return mismatch(v, "Double", at)
		}
		to.SetFloat(f)
	case reflect.Slice:
		return decodeSlice(v, to, at)
	case reflect.Map:
		o, ok := v.(*document.Object)
		if !ok {
			return mismatch(v, "Map", at)
		}
		m := reflect.MakeMapWithSize(to.Type(), o.Len())
		for i := range o.Len() {
			k, e := o.At(i)
			item := reflect.New(to.Type().Elem()).Elem()
			if err := decode(e, item, join(at, k)); err != nil {
				return err
			}
			m.SetMapIndex(reflect.ValueOf(k), item)
		}
		to.Set(m)
	case reflect.Struct:
		return decodeStruct(v, to, at)
	default:
		return fmt.Errorf("decode %s: %s is not supported", at, to.Type())
	}
	return nil
}

func decodeSlice(v any, to reflect.Value, at string) error {
	if to.Type().Elem().Kind() == reflect.Uint8 {
		s, ok := v.(string)
		if !ok {
			return mismatch(v, "Blob", at)
		}
		b, err := base64.StdEncoding.DecodeString(s)
		if err != nil {
			return Errorf("SerializationException", "%s is not base64.", where(at))
		}
		to.SetBytes(b)
		return nil
	}
	list, ok := v.([]any)
	if !ok {
		return mismatch(v, "List", at)
	}
	s := reflect.MakeSlice(to.Type(), len(list), len(list))
	for i, e := range list {
		if err := decode(e, s.Index(i), at+"["+strconv.Itoa(i)+"]"); err != nil {
			return err
		}
	}
	to.Set(s)
	return nil
}

func decodeStruct(v any, to reflect.Value, at string) error {
	o, ok := v.(*document.Object)
	if !ok {
		return mismatch(v, "Structure", at)
	}
	for i := range to.NumField() {
		f := to.Type().Field(i)
		if f.Anonymous {
			if err := decodeStruct(v, to.Field(i), at); err != nil {
				return err
			}
			continue
		}
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" {
			name = f.Name
		}
		if name == "-" || !f.IsExported() {
			continue
		}
		if e, ok := o.Get(name); ok {
			if err := decode(e, to.Field(i), join(at, name)); err != nil {
				return err
			}
		}
	}
	return nil
}

func decodeTime(v any) (time.Time, error) {
	switch v := v.(type) {
	case string:
		return time.Parse(time.RFC3339Nano, v)
	case document.Number:
		f := v.Float64()
		if math.Abs(f) > 1e12 {
			return time.Time{}, strconv.ErrRange
		}
		return time.UnixMilli(int64(math.Round(f * 1000))).UTC(), nil
	}
	return time.Time{}, strconv.ErrSyntax
}

// mismatch words a wrong type as the AWS JSON services do.
func mismatch(v any, want, at string) *Error {
	switch v := v.(type) {
	case *document.Object:
		return Errorf("SerializationException", "Start of structure or map found where not expected: %s must be %s.", where(at), article(want))
	case []any:
		return Errorf("SerializationException", "Start of list found where not expected: %s must be %s.", where(at), article(want))
	case document.Number:
		return Errorf("SerializationException", "NUMBER_VALUE cannot be converted to %s: %s", want, where(at))
	case bool:
		return Errorf("SerializationException", "%s_VALUE cannot be converted to %s: %s", strings.ToUpper(strconv.FormatBool(v)), want, where(at))
	}
	return Errorf("SerializationException", "STRING_VALUE cannot be converted to %s: %s", want, where(at))
}

func article(want string) string {
	if want == "Integer" {
		return "an Integer"
	}
	return "a " + want
}

func where(at string) string {
	if at == "" {
		return "the request"
	}
	return short(at)
}

func join(at, name string) string {
	if at == "" {
		return name
	}
	return at + "." + name
}
