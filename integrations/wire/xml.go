package wire

import (
	"net/http"
	"unicode/utf8"

	"millrace/asl/document"
	"millrace/tasks"
)

const xmlHeader = `<?xml version="1.0" encoding="UTF-8"?>`

// encode wraps an operation's output as the Query protocol has it.
func (f *queryFront) encode(action string, out any, requestID string) []byte {
	b := []byte(xmlHeader + "\n<" + action + "Response")
	if f.o.Namespace != "" {
		b = append(append(append(b, ` xmlns="`...), f.o.Namespace...), '"')
	}
	b = append(b, "><"+action+"Result>"...)
	if o, ok := out.(*document.Object); ok {
		b = f.appendObject(b, action, o)
	}
	b = append(b, "</"+action+"Result><ResponseMetadata>"...)
	b = appendElement(b, "RequestId", requestID)
	return append(b, "</ResponseMetadata></"+action+"Response>"...)
}

func (f *queryFront) appendObject(b []byte, action string, o *document.Object) []byte {
	for i := range o.Len() {
		name, v := o.At(i)
		b = f.appendMember(b, action, name, v)
	}
	return b
}

func (f *queryFront) appendMember(b []byte, action, name string, v any) []byte {
	s := f.shape(action, name)
	switch v := v.(type) {
	case nil:
		return b
	case []any:
		element := s.Element
		if element == "" {
			b = append(b, "<"+name+">"...)
			element = s.member()
		}
		for _, e := range v {
			b = append(b, "<"+element+">"...)
			b = f.appendPlain(b, action, e)
			b = append(b, "</"+element+">"...)
		}
		if s.Element == "" {
			b = append(b, "</"+name+">"...)
		}
		return b
	case *document.Object:
		if s.Kind == Map {
			return f.appendMap(b, action, name, s, v)
		}
	}
	b = append(b, "<"+name+">"...)
	b = f.appendPlain(b, action, v)
	return append(b, "</"+name+">"...)
}

func (f *queryFront) appendMap(b []byte, action, name string, s Shape, o *document.Object) []byte {
	element := s.Element
	if element == "" {
		element = "entry"
		b = append(b, "<"+name+">"...)
	}
	key, value := s.parts()
	for i := range o.Len() {
		k, v := o.At(i)
		b = append(b, "<"+element+">"...)
		b = appendElement(b, key, k)
		b = append(b, "<"+value+">"...)
		b = f.appendPlain(b, action, v)
		b = append(b, "</"+value+"></"+element+">"...)
	}
	if s.Element == "" {
		b = append(b, "</"+name+">"...)
	}
	return b
}

func (f *queryFront) appendPlain(b []byte, action string, v any) []byte {
	switch v := v.(type) {
	case *document.Object:
		return f.appendObject(b, action, v)
	case string:
		return AppendXML(b, v)
	case nil:
		return b
	}
	return document.Append(b, v)
}

// WriteQueryError answers with an error as the Query protocol has it. code is
// the protocol's name of it.
func WriteQueryError(w http.ResponseWriter, requestID, namespace, code string, e *tasks.Error) {
	b := []byte(xmlHeader + "\n<ErrorResponse")
	if namespace != "" {
		b = append(append(append(b, ` xmlns="`...), namespace...), '"')
	}
	b = append(b, "><Error>"...)
	b = appendElement(b, "Type", faultOf(e))
	b = appendElement(b, "Code", code)
	b = appendElement(b, "Message", e.Message)
	b = append(b, "</Error>"...)
	b = appendElement(b, "RequestId", requestID)
	b = append(b, "</ErrorResponse>"...)
	w.Header().Set("Content-Type", "text/xml")
	w.Header().Set("X-Amzn-Requestid", requestID)
	send(w, StatusOf(e), b)
}

func appendElement(b []byte, name, text string) []byte {
	b = append(append(append(b, '<'), name...), '>')
	b = AppendXML(b, text)
	return append(append(append(b, "</"...), name...), '>')
}

// AppendXML adds text to dst, escaped for XML. A carriage return, which a parser
// would take for a line feed, is escaped too; what XML cannot hold becomes U+FFFD.
func AppendXML(dst []byte, s string) []byte {
	for _, r := range s {
		switch {
		case r == '&':
			dst = append(dst, "&amp;"...)
		case r == '<':
			dst = append(dst, "&lt;"...)
		case r == '>':
			dst = append(dst, "&gt;"...)
		case r == '"':
			dst = append(dst, "&quot;"...)
		case r == '\r':
			dst = append(dst, "&#13;"...)
		case r < ' ' && r != '\t' && r != '\n', r == 0xFFFE, r == 0xFFFF:
			dst = utf8.AppendRune(dst, utf8.RuneError)
		default:
			dst = utf8.AppendRune(dst, r)
		}
	}
	return dst
}
