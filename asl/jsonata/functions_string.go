package jsonata

import (
	"math"
	"strings"
	"unicode"
	"unicode/utf8"
)

// str returns the i-th argument if it is a string.
func str(args []any, i int) (string, bool) {
	s, ok := argAt(args, i).(string)
	return s, ok
}

// made charges for a string that was made.
func (ev *evaluator) made(s string) (any, error) {
	return s, ev.alloc(len(s))
}

// ofString makes a function of one string argument.
func ofString(f func(string) string) native {
	return func(ev *evaluator, args []any) (any, error) {
		s, ok := str(args, 0)
		if !ok {
			return Undefined, nil
		}
		if err := ev.charge(len(s) / 16); err != nil {
			return nil, err
		}
		return ev.made(f(s))
	}
}

// fnLength is $length: the characters (code points) of a string.
func fnLength(ev *evaluator, args []any) (any, error) {
	s, ok := str(args, 0)
	if !ok {
		return Undefined, nil
	}
	return float64(utf8.RuneCountInString(s)), ev.charge(len(s) / 64)
}

// fnSubstring is $substring; places and lengths count characters, fractions are cut off.
func fnSubstring(ev *evaluator, args []any) (any, error) {
	s, ok := str(args, 0)
	if !ok {
		return Undefined, nil
	}
	if err := ev.charge(len(s) / 64); err != nil {
		return nil, err
	}
	size := float64(utf8.RuneCountInString(s))
	start, given := number(argAt(args, 1))
	if size+start < 0 {
		start = 0
	}
	end := size
	if length, ok := number(argAt(args, 2)); ok {
		if !(length > 0) || !given {
			return "", nil
		}
		end = start + length
		if start < 0 {
			end += size
		}
	}
	// A place before the start counts from the end, as in JavaScript's slice.
	place := func(f float64) int {
		f = math.Trunc(f)
		if f < 0 {
			f += size
		}
		return int(math.Min(math.Max(f, 0), size))
	}
	from, to := place(start), place(end)
	if from >= to {
		return "", nil
	}
	if len(s) == int(size) {
		return s[from:to], nil
	}
	return cutRunes(s, from, to), nil
}

// cutRunes is the part of s from one character to another.
func cutRunes(s string, from, to int) string {
	n, begin := 0, len(s)
	for i := range s {
		if n == from {
			begin = i
		}
		if n == to {
			return s[begin:i]
		}
		n++
	}
	return s[begin:]
}

func fnSubstringBefore(ev *evaluator, args []any) (any, error) {
	s, ok := str(args, 0)
	if !ok {
		return Undefined, nil
	}
	before, _, _ := strings.Cut(s, plainArg(args, 1))
	return before, ev.charge(len(s) / 64)
}

func fnSubstringAfter(ev *evaluator, args []any) (any, error) {
	s, ok := str(args, 0)
	if !ok {
		return Undefined, nil
	}
	_, after, found := strings.Cut(s, plainArg(args, 1))
	if !found {
		after = s
	}
	return after, ev.charge(len(s) / 64)
}

// plainArg is the i-th argument as JavaScript would turn it into a string.
func plainArg(args []any, i int) string {
	if s, ok := str(args, i); ok {
		return s
	}
	return plainText(argAt(args, i))
}

// upper is JavaScript's toUpperCase, which knows the letters that become several.
func upper(s string) string {
	if strings.ContainsFunc(s, func(r rune) bool { return r == 'ß' || r >= 0x149 && severalUpper[r] != "" }) {
		var b strings.Builder
		for _, r := range s {
			if u := severalUpper[r]; u != "" {
				b.WriteString(u)
			} else {
				b.WriteRune(unicode.ToUpper(r))
			}
		}
		return b.String()
	}
	return strings.ToUpper(s)
}

// severalUpper are the letters whose upper case is several (Unicode's SpecialCasing.txt).
var severalUpper = map[rune]string{
	'ß': "SS", 'ŉ': "ʼN", 'ǰ': "J̌", 'ΐ': "Ϊ́", 'ΰ': "Ϋ́", 'և': "ԵՒ", 'ẖ': "H̱", 'ẗ': "T̈", 'ẘ': "W̊", 'ẙ': "Y̊", 'ẚ': "Aʾ",
	'ﬀ': "FF", 'ﬁ': "FI", 'ﬂ': "FL", 'ﬃ': "FFI", 'ﬄ': "FFL", 'ﬅ': "ST", 'ﬆ': "ST",
	'ﬓ': "ՄՆ", 'ﬔ': "ՄԵ", 'ﬕ': "ՄԻ", 'ﬖ': "ՎՆ", 'ﬗ': "ՄԽ",
}

// lower is JavaScript's toLowerCase: a sigma at the end of a word has its own form, and İ keeps its dot.
func lower(s string) string {
	if !strings.ContainsAny(s, "Σİ") {
		return strings.ToLower(s)
	}
	runes := []rune(s)
	var b strings.Builder
	for i, r := range runes {
		switch {
		case r == 'İ':
			b.WriteString("i̇")
		case r == 'Σ' && i > 0 && unicode.IsLetter(runes[i-1]) && (i+1 == len(runes) || !unicode.IsLetter(runes[i+1])):
			b.WriteRune('ς')
		default:
			b.WriteRune(unicode.ToLower(r))
		}
	}
	return b.String()
}

// trim makes every run of white space one space and takes it off the ends.
func trim(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	gap := false
	for i := range len(s) {
		switch s[i] {
		case ' ', '\t', '\n', '\r':
			gap = true
		default:
			if gap && b.Len() > 0 {
				b.WriteByte(' ')
			}
			gap = false
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

// fnPad is $pad: to the right for a positive width, to the left for a negative one.
func fnPad(ev *evaluator, args []any) (any, error) {
	s, ok := str(args, 0)
	if !ok {
		return Undefined, nil
	}
	width, _ := number(argAt(args, 1))
	width = math.Trunc(width)
	with, _ := str(args, 2)
	if with == "" {
		with = " "
	}
	missing := math.Abs(width) - float64(utf8.RuneCountInString(s))
	if !(missing > 0) {
		return s, nil
	}
	if missing*float64(len(with)) > float64(ev.memory) {
		return nil, fault("D2015")
	}
	n := int(missing)
	chars := utf8.RuneCountInString(with)
	padding := strings.Repeat(with, (n+chars-1)/chars)
	padding = cutRunes(padding, 0, n)
	if width > 0 {
		return ev.made(s + padding)
	}
	return ev.made(padding + s)
}

// fnSplit is $split.
func fnSplit(ev *evaluator, args []any) (any, error) {
	s, ok := str(args, 0)
	if !ok {
		return Undefined, nil
	}
	limit, err := limitOf(argAt(args, 2), "D3020", 3)
	if err != nil {
		return nil, err
	}
	if err := ev.charge(len(s) / 16); err != nil {
		return nil, err
	}
	out := &seq{items: []any{}}
	if limit == 0 {
		return out, nil
	}
	switch sep := argAt(args, 1).(type) {
	case string:
		whole := math.Floor(limit)
		rest := s
		for count := 0; limit < 0 || float64(count) < whole; count++ {
			var part string
			found := false
			if sep == "" {
				if rest == "" {
					break
				}
				_, n := utf8.DecodeRuneInString(rest)
				part, rest, found = rest[:n], rest[n:], true
			} else {
				part, rest, found = strings.Cut(rest, sep)
			}
			out.items = append(out.items, part)
			if !found {
				break
			}
			if err := ev.alloc(2 * itemSize); err != nil {
				return nil, err
			}
		}
		return out, nil
	case *function:
		return out, ev.splitBy(out, s, sep, limit)
	}
	out.items = append(out.items, s)
	return out, nil
}

// splitBy splits at the matches of fn.
func (ev *evaluator) splitBy(out *seq, s string, fn *function, limit float64) error {
	sc, m, err := ev.scan(fn, s)
	start, count := 0, 0
	for ; err == nil && m != nil && within(count, limit); count++ {
		out.items = append(out.items, slice(s, start, m.start))
		start = m.end
		if err = ev.alloc(2 * itemSize); err == nil {
			m, err = sc.following(m)
		}
	}
	if err == nil && within(count, limit) {
		out.items = append(out.items, slice(s, start, len(s)))
	}
	return err
}

// fnJoin is $join.
func fnJoin(ev *evaluator, args []any) (any, error) {
	l, ok := asList(argAt(args, 0))
	if !ok {
		return Undefined, nil
	}
	sep, _ := str(args, 1)
	size := 0
	for i := range l.n {
		s, _ := l.at(i).(string)
		size += len(s) + len(sep)
	}
	if err := ev.charge(l.n); err != nil {
		return nil, err
	}
	if err := ev.alloc(size); err != nil {
		return nil, err
	}
	var b strings.Builder
	b.Grow(size)
	for i := range l.n {
		if i > 0 {
			b.WriteString(sep)
		}
		s, _ := l.at(i).(string)
		b.WriteString(s)
	}
	return b.String(), nil
}
