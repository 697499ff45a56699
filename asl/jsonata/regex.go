package jsonata

import (
	"strings"
	"unicode/utf16"
)

// regexNode is /pattern/flags, whose value is a matcher function.
type regexNode struct{ re *program }

func (n *regexNode) eval(*evaluator, any, *frame) (any, error) {
	re := n.re
	fn := &function{arity: 2, re: re}
	fn.native = func(ev *evaluator, args []any) (any, error) {
		str, ok := argAt(args, 0).(string)
		if !ok {
			str = plainText(argAt(args, 0))
		}
		from := 0
		if f, ok := number(argAt(args, 1)); ok {
			from = byteIndex(str, f)
		}
		sc := scanner{ev: ev, str: str, re: re, at: from}
		m, err := sc.find(false)
		if err != nil || m == nil {
			return Undefined, err
		}
		return m.object(ev, &sc)
	}
	return fn, nil
}

// plainText is JavaScript's String(v) for scalars.
func plainText(v any) string {
	switch v := v.(type) {
	case undefinedValue:
		return "undefined"
	case nil:
		return "null"
	case bool:
		if v {
			return "true"
		}
		return "false"
	}
	if f, ok := number(v); ok {
		return numberText(f)
	}
	return ""
}

// matched is one match: where it is in the string, in bytes, and what its groups captured.
type matched struct {
	text       string
	start, end int
	groups     []any // strings, or Undefined
	next       any   // of a matcher that is not a regular expression
	whole      any   // the object such a matcher gave
}

// scanner finds the matches of a regular expression, or of a function that behaves like one, one by one.
type scanner struct {
	ev  *evaluator
	str string
	re  *program
	at  int // where the regular expression goes on
}

// scan starts finding the matches of fn in str.
func (ev *evaluator) scan(fn *function, str string) (*scanner, *matched, error) {
	sc := &scanner{ev: ev, str: str, re: fn.re}
	if fn.re != nil {
		m, err := sc.find(false)
		return sc, m, err
	}
	m, err := sc.ask(fn, []any{str})
	return sc, m, err
}

// following returns the match after m, or nil.
func (sc *scanner) following(m *matched) (*matched, error) {
	if sc.re != nil {
		if sc.at >= len(sc.str) {
			return nil, nil
		}
		return sc.find(true)
	}
	return sc.ask(m.next, nil)
}

// find runs the regular expression. A match after the first must not be empty,
// because the search would never get on.
func (sc *scanner) find(again bool) (*matched, error) {
	loc, err := sc.re.find(sc.ev, sc.str, sc.at)
	if err != nil || loc == nil {
		return nil, err
	}
	if again && loc[0] == loc[1] {
		return nil, fault("D1004")
	}
	sc.at = loc[1]
	m := &matched{text: sc.str[loc[0]:loc[1]], start: loc[0], end: loc[1]}
	if len(loc) > 2 {
		m.groups = make([]any, 0, len(loc)/2-1)
	}
	for i := 2; i < len(loc); i += 2 {
		if loc[i] < 0 || loc[i+1] < 0 {
			m.groups = append(m.groups, Undefined)
		} else {
			m.groups = append(m.groups, sc.str[loc[i]:loc[i+1]])
		}
	}
	return m, sc.ev.alloc(8*itemSize + len(m.groups)*itemSize)
}

// ask calls a matcher function.
func (sc *scanner) ask(fn any, args []any) (*matched, error) {
	v, err := sc.ev.apply(fn, args, nil, &sc.ev.base, nil)
	if err != nil || v == Undefined {
		return nil, err
	}
	o := members(v)
	if o == nil {
		return nil, fault("T1010")
	}
	get := func(name string) any {
		if m, ok := o.Get(name); ok {
			return m
		}
		return Undefined
	}
	start, isStart := number(get("start"))
	end, isEnd := number(get("end"))
	text, isText := get("match").(string)
	if !isText || !isStart {
		return nil, fault("T1010")
	}
	m := &matched{text: text, start: byteIndex(sc.str, start), whole: v, next: get("next")}
	m.end = m.start + len(text)
	if isEnd {
		m.end = byteIndex(sc.str, end)
	}
	if l, ok := asList(get("groups")); ok {
		for i := range l.n {
			m.groups = append(m.groups, l.at(i))
		}
	}
	return m, nil
}

// object is the match as the language sees it.
func (m *matched) object(ev *evaluator, sc *scanner) (any, error) {
	if m.whole != nil {
		return m.whole, nil
	}
	o := newObject(5)
	o.Set("match", m.text)
	o.Set("start", float64(utf16Len(sc.str[:m.start])))
	o.Set("end", float64(utf16Len(sc.str[:m.end])))
	o.Set("groups", &seq{items: m.groups})
	next := scanner{ev: ev, str: sc.str, re: sc.re, at: m.end}
	o.Set("next", &function{native: func(ev *evaluator, _ []any) (any, error) {
		sc := next
		sc.ev = ev
		n, err := sc.following(m)
		if err != nil || n == nil {
			return Undefined, err
		}
		return n.object(ev, &sc)
	}})
	if err := ev.charge(len(sc.str) / 64); err != nil {
		return nil, err
	}
	return o, ev.alloc(20 * itemSize)
}

// utf16Len is the length of s in UTF-16 units, as JavaScript counts.
func utf16Len(s string) int {
	n := 0
	for _, r := range s {
		n += max(utf16.RuneLen(r), 1)
	}
	return n
}

// byteIndex is the place in s of an index in UTF-16 units.
func byteIndex(s string, units float64) int {
	if !(units > 0) {
		return 0
	}
	n := 0.0
	for i, r := range s {
		if n >= units {
			return i
		}
		n += float64(max(utf16.RuneLen(r), 1))
	}
	if units > n {
		return len(s) + 1
	}
	return len(s)
}

// slice is s[from:to] with the ends brought into range.
func slice(s string, from, to int) string {
	from = min(max(from, 0), len(s))
	to = min(max(to, 0), len(s))
	if from > to {
		from, to = to, from
	}
	return s[from:to]
}

// limitOf is the limit argument of $match, $replace and $split: -1 if there is none.
func limitOf(v any, code string, index int) (float64, error) {
	f, ok := number(v)
	if !ok {
		return -1, nil
	}
	if f < 0 {
		e := faultValue(code, v)
		e.Index = index
		return 0, e
	}
	return f, nil
}

func within(count int, limit float64) bool { return limit < 0 || float64(count) < limit }

// fnMatch is $match.
func fnMatch(ev *evaluator, args []any) (any, error) {
	str, ok := argAt(args, 0).(string)
	if !ok {
		return Undefined, nil
	}
	limit, err := limitOf(argAt(args, 2), "D3040", 3)
	if err != nil {
		return nil, err
	}
	out := &seq{flags: isSequence}
	fn, ok := argAt(args, 1).(*function)
	if limit == 0 || !ok {
		return out, nil
	}
	sc, m, err := ev.scan(fn, str)
	units, from := 0, 0
	for count := 0; err == nil && m != nil && within(count, limit); count++ {
		if m.start < from || m.start > len(str) {
			units, from = 0, 0
		}
		at := min(m.start, len(str))
		units += utf16Len(str[from:at])
		from = at
		o := newObject(3)
		o.Set("match", m.text)
		o.Set("index", float64(units))
		o.Set("groups", &seq{items: m.groups})
		out.items = append(out.items, o)
		if err = ev.alloc(20*itemSize + len(m.text)); err == nil {
			m, err = sc.following(m)
		}
	}
	return out, err
}

// fnContains is $contains.
func fnContains(ev *evaluator, args []any) (any, error) {
	str, ok := argAt(args, 0).(string)
	if !ok {
		return Undefined, nil
	}
	switch token := argAt(args, 1).(type) {
	case string:
		if err := ev.charge(len(str) / 64); err != nil {
			return nil, err
		}
		return strings.Contains(str, token), nil
	case *function:
		_, m, err := ev.scan(token, str)
		return m != nil, err
	}
	return Undefined, nil
}
