package httptask

import (
	"strconv"
	"strings"

	"millrace/asl/document"
)

// The ways to write an array {"a": [1, 2]} in a form.
const (
	indices  = "INDICES"  // a[0]=1&a[1]=2
	repeat   = "REPEAT"   // a=1&a=2
	commas   = "COMMAS"   // a=1,2
	brackets = "BRACKETS" // a[]=1&a[]=2
	none     = "NONE"     // a=[1,2], its JSON
)

// appendForm adds what v is in a form under a key; "": v is the form itself.
// Members of objects are key[member].
func appendForm(all []pair, key string, v any, arrays string) []pair {
	switch v := v.(type) {
	case *document.Object:
		for i := range v.Len() {
			name, e := v.At(i)
			if key != "" {
				name = key + "[" + name + "]"
			}
			all = appendForm(all, name, e, arrays)
		}
		return all
	case []any:
		switch arrays {
		case commas:
			parts := make([]string, len(v))
			for i, e := range v {
				parts[i] = text(e)
			}
			return append(all, pair{key, strings.Join(parts, ",")})
		case none:
			return append(all, pair{key, text(v)})
		}
		for i, e := range v {
			name := key
			switch arrays {
			case indices:
				name += "[" + strconv.Itoa(i) + "]"
			case brackets:
				name += "[]"
			}
			all = appendForm(all, name, e, arrays)
		}
		return all
	}
	return append(all, pair{key, text(v)})
}

// text is a value in a form: a string as it stands, null as nothing, anything else as JSON.
func text(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	}
	return string(document.Append(nil, v))
}

// scalar is the text of a string, a number or a boolean.
func scalar(v any) (string, bool) {
	switch v.(type) {
	case string, document.Number, bool:
		return text(v), true
	}
	return "", false
}

// encode writes pairs as a query or a form.
func encode(all []pair) string {
	var b strings.Builder
	for i, p := range all {
		if i > 0 {
			b.WriteByte('&')
		}
		escape(&b, p.key)
		b.WriteByte('=')
		escape(&b, p.value)
	}
	return b.String()
}

// escape writes all but RFC 3986's unreserved characters as %XX. A space is %20,
// as recorded, where url.QueryEscape has a plus sign.
func escape(b *strings.Builder, s string) {
	const hex = "0123456789ABCDEF"
	for _, c := range []byte(s) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '.', c == '_', c == '~':
			b.WriteByte(c)
		default:
			b.WriteByte('%')
			b.WriteByte(hex[c>>4])
			b.WriteByte(hex[c&15])
		}
	}
}
