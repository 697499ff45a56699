package jsonata

import (
	"math"

	"millrace/asl/document"
)

// appendText adds what $string makes of v: a string is itself, the rest is JSON.
func (ev *evaluator) appendText(b []byte, v any) ([]byte, error) {
	switch v := v.(type) {
	case undefinedValue, *function:
		return b, nil
	case string:
		return append(b, v...), nil
	case float64:
		if math.IsInf(v, 0) || v != v {
			return b, faultValue("D3001", numberText(v))
		}
		return appendNumber(b, v), nil
	}
	return ev.appendJSON(b, v, -1, 0)
}

// appendJSON adds v as JSON, in lines with indent spaces per level unless indent is negative.
func (ev *evaluator) appendJSON(b []byte, v any, indent, depth int) ([]byte, error) {
	if len(b) > ev.memory {
		return b, fault("D2015")
	}
	switch v := v.(type) {
	case nil, undefinedValue:
		return append(b, "null"...), nil
	case bool, string:
		return document.Append(b, v), nil
	case *function:
		return append(b, `""`...), nil
	case float64, document.Number:
		f, _ := number(v)
		if math.IsInf(f, 0) {
			return b, faultValue("D1001", infinityText(f))
		}
		if f != f {
			return append(b, "null"...), nil
		}
		return appendNumber(b, f), nil
	}
	if depth > maxNesting {
		return b, tooDeep()
	}
	if o := members(v); o != nil {
		return ev.appendObject(b, o, indent, depth)
	}
	l, _ := asList(v)
	if s, ok := v.(*seq); ok && s.flags&isOuter != 0 && depth == 0 {
		return ev.appendJSON(b, s.items[0], indent, depth)
	}
	if err := ev.charge(l.n); err != nil {
		return b, err
	}
	b = append(b, '[')
	for i := range l.n {
		if i > 0 {
			b = append(b, ',')
		}
		b = newLine(b, indent, depth+1)
		var err error
		if b, err = ev.appendJSON(b, l.at(i), indent, depth+1); err != nil {
			return b, err
		}
	}
	if l.n > 0 {
		b = newLine(b, indent, depth)
	}
	return append(b, ']'), nil
}

func (ev *evaluator) appendObject(b []byte, o *document.Object, indent, depth int) ([]byte, error) {
	if err := ev.charge(o.Len()); err != nil {
		return b, err
	}
	b = append(b, '{')
	for i := range o.Len() {
		if i > 0 {
			b = append(b, ',')
		}
		k, v := o.At(i)
		b = newLine(b, indent, depth+1)
		b = append(document.AppendString(b, k), ':')
		if indent >= 0 {
			b = append(b, ' ')
		}
		var err error
		if b, err = ev.appendJSON(b, v, indent, depth+1); err != nil {
			return b, err
		}
	}
	if o.Len() > 0 {
		b = newLine(b, indent, depth)
	}
	return append(b, '}'), nil
}

func newLine(b []byte, indent, depth int) []byte {
	if indent < 0 {
		return b
	}
	b = append(b, '\n')
	for range indent * depth {
		b = append(b, ' ')
	}
	return b
}

// fnString is $string.
func fnString(ev *evaluator, args []any) (any, error) {
	v := argAt(args, 0)
	if v == Undefined {
		return v, nil
	}
	if s, ok := v.(string); ok {
		return s, nil
	}
	var room [48]byte
	b := room[:0]
	var err error
	if pretty, _ := argAt(args, 1).(bool); pretty && typeOf(v)&(tArray|tObject) != 0 {
		b, err = ev.appendJSON(b, v, 2, 0)
	} else {
		b, err = ev.appendText(b, v)
	}
	if err == nil {
		err = ev.alloc(len(b))
	}
	return string(b), err
}
