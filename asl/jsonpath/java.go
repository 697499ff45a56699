package jsonpath

import (
	"strconv"
	"strings"

	"millrace/asl/document"
)

// AppendJava adds a value as Java's toString prints it, which is how AWS shows
// values in some messages and in States.Format: a string as it is, an object as
// "{a=1, b=[]}", an array as "[1, 2]", a fraction as Double prints it.
func AppendJava(dst []byte, v any) []byte {
	switch v := v.(type) {
	case string:
		return append(dst, v...)
	case document.Number:
		return appendJavaNumber(dst, v)
	case []any:
		dst = append(dst, '[')
		for i, e := range v {
			if i > 0 {
				dst = append(dst, ", "...)
			}
			dst = AppendJava(dst, e)
		}
		return append(dst, ']')
	case *document.Object:
		dst = append(dst, '{')
		for i := range v.Len() {
			if i > 0 {
				dst = append(dst, ", "...)
			}
			name, member := v.At(i)
			dst = append(append(dst, name...), '=')
			dst = AppendJava(dst, member)
		}
		return append(dst, '}')
	default:
		return document.Append(dst, v)
	}
}

// appendJavaNumber prints integers as they are and other numbers as Java's
// Double does: with one digit after the point at least, and with an exponent
// below 0.001 and from 10,000,000 on.
func appendJavaNumber(dst []byte, n document.Number) []byte {
	if !strings.ContainsAny(string(n), ".eE") {
		if n == "-0" {
			n = "0"
		}
		return append(dst, n...)
	}
	f, err := strconv.ParseFloat(string(n), 64)
	if err != nil {
		return append(dst, n...) // beyond what a Double holds
	}
	a := f
	if a < 0 {
		a = -a
	}
	if a == 0 || a >= 1e-3 && a < 1e7 {
		from := len(dst)
		dst = strconv.AppendFloat(dst, f, 'f', -1, 64)
		if !strings.Contains(string(dst[from:]), ".") {
			dst = append(dst, ".0"...)
		}
		return dst
	}
	mantissa, exponent, _ := strings.Cut(strconv.FormatFloat(f, 'e', -1, 64), "e")
	if !strings.Contains(mantissa, ".") {
		mantissa += ".0"
	}
	e, _ := strconv.Atoi(exponent)
	dst = append(append(dst, mantissa...), 'E')
	return strconv.AppendInt(dst, int64(e), 10)
}
