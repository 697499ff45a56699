package jsonata

import (
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

type tokenKind uint8

const (
	tokEnd tokenKind = iota
	tokOperator
	tokName
	tokVariable
	tokString
	tokNumber
	tokValue // true, false, null
	tokRegex
)

// token is a word of the source. pos is the byte after it, which is where the
// reference says a token stands; start is its first byte.
type token struct {
	kind       tokenKind
	text       string // operator, name, string, or the pattern of a regex
	num        float64
	value      any
	flags      string
	start, pos int
}

type lexer struct {
	src string
	i   int
}

const spaces = " \t\n\r\v"

func isOperatorByte(c byte) bool {
	return strings.IndexByte(".[]{}(),@#;:?+-*/%|=<>^&!~", c) >= 0
}

// next reads a token. After an operand, where a regular expression cannot
// stand, infix is true and a slash divides.
func (l *lexer) next(infix bool) (token, *Error) {
	if err := l.skip(); err != nil {
		return token{}, err
	}
	start := l.i
	if start >= len(l.src) {
		return token{kind: tokEnd, start: start, pos: start}, nil
	}
	c := l.src[start]
	if c == '/' && !infix {
		return l.regex()
	}
	if isOperatorByte(c) {
		n := 1
		if start+1 < len(l.src) {
			switch l.src[start : start+2] {
			case "..", ":=", "!=", ">=", "<=", "**", "~>", "?:", "??":
				n = 2
			}
		}
		l.i += n
		return token{kind: tokOperator, text: l.src[start:l.i], start: start, pos: l.i}, nil
	}
	switch {
	case c == '"' || c == '\'':
		return l.str(c)
	case c >= '0' && c <= '9':
		return l.number()
	case c == '`':
		end := strings.IndexByte(l.src[start+1:], '`')
		if end < 0 {
			return token{}, faultAt("S0105", len(l.src), "")
		}
		l.i = start + 1 + end + 1
		return token{kind: tokName, text: l.src[start+1 : l.i-1], start: start, pos: l.i}, nil
	}
	return l.word(), nil
}

// skip passes over white space and comments.
func (l *lexer) skip() *Error {
	for {
		for l.i < len(l.src) && strings.IndexByte(spaces, l.src[l.i]) >= 0 {
			l.i++
		}
		if !strings.HasPrefix(l.src[l.i:], "/*") {
			return nil
		}
		end := strings.Index(l.src[l.i+2:], "*/")
		if end < 0 {
			return faultAt("S0106", l.i, "")
		}
		l.i += 2 + end + 2
	}
}

func (l *lexer) word() token {
	start := l.i
	for l.i < len(l.src) && !isOperatorByte(l.src[l.i]) && strings.IndexByte(spaces, l.src[l.i]) < 0 {
		l.i++
	}
	t := token{kind: tokName, text: l.src[start:l.i], start: start, pos: l.i}
	if t.text[0] == '$' {
		t.kind, t.text = tokVariable, t.text[1:]
		return t
	}
	switch t.text {
	case "and", "or", "in":
		t.kind = tokOperator
	case "true", "false":
		t.kind, t.value = tokValue, t.text == "true"
	case "null":
		t.kind = tokValue
	}
	return t
}

// number reads digits, a fraction if digits follow the point, and an exponent if digits follow it.
func (l *lexer) number() (token, *Error) {
	start, s := l.i, l.src
	i := start + 1
	if s[start] != '0' {
		i = digitsFrom(s, i)
	}
	if i < len(s) && s[i] == '.' {
		if j := digitsFrom(s, i+1); j > i+1 {
			i = j
		}
	}
	if i < len(s) && (s[i] == 'e' || s[i] == 'E') {
		j := i + 1
		if j < len(s) && (s[j] == '+' || s[j] == '-') {
			j++
		}
		if k := digitsFrom(s, j); k > j {
			i = k
		}
	}
	l.i = i
	f, err := strconv.ParseFloat(s[start:i], 64)
	if err != nil && math.IsInf(f, 0) {
		return token{}, faultAt("S0102", start, s[start:i])
	}
	return token{kind: tokNumber, text: s[start:i], num: f, start: start, pos: i}, nil
}

func digitsFrom(s string, i int) int {
	for i < len(s) && s[i] >= '0' && s[i] <= '9' {
		i++
	}
	return i
}

func (l *lexer) str(quote byte) (token, *Error) {
	start := l.i
	l.i++
	from := l.i
	for l.i < len(l.src) && l.src[l.i] != quote && l.src[l.i] != '\\' {
		l.i++
	}
	if l.i < len(l.src) && l.src[l.i] == quote {
		l.i++
		return token{kind: tokString, text: l.src[from : l.i-1], start: start, pos: l.i}, nil
	}
	b := []byte(l.src[from:l.i])
	for l.i < len(l.src) {
		c := l.src[l.i]
		switch c {
		case quote:
			l.i++
			return token{kind: tokString, text: joinSurrogates(b), start: start, pos: l.i}, nil
		case '\\':
			l.i++
			if l.i >= len(l.src) {
				return token{}, faultAt("S0103", l.i, "")
			}
			var err *Error
			if b, err = l.escape(b); err != nil {
				return token{}, err
			}
		default:
			b = append(b, c)
			l.i++
		}
	}
	return token{}, faultAt("S0101", l.i, "")
}

// escape reads what follows a backslash.
func (l *lexer) escape(b []byte) ([]byte, *Error) {
	c := l.src[l.i]
	switch c {
	case '"', '\\', '/':
		b = append(b, c)
	case 'b':
		b = append(b, '\b')
	case 'f':
		b = append(b, '\f')
	case 'n':
		b = append(b, '\n')
	case 'r':
		b = append(b, '\r')
	case 't':
		b = append(b, '\t')
	case 'u':
		// The reference takes up to four digits, of which it wants at least one before the source ends.
		hex := l.src[l.i+1 : min(l.i+5, len(l.src))]
		r, err := strconv.ParseUint(hex, 16, 32)
		if err != nil || hex[0] == '+' || hex[0] == '-' {
			return b, faultAt("S0104", l.i, "")
		}
		b = appendUnit(b, rune(r))
		l.i += len(hex)
	default:
		r, _ := utf8.DecodeRuneInString(l.src[l.i:])
		return b, faultAt("S0103", l.i, string(r))
	}
	l.i++
	return b, nil
}

// appendUnit adds a UTF-16 unit; half of a surrogate pair takes the three
// bytes it would have in UTF-8 until joinSurrogates sees the other half.
func appendUnit(b []byte, r rune) []byte {
	if r < 0xD800 || r > 0xDFFF {
		return utf8.AppendRune(b, r)
	}
	return append(b, 0xED, 0x80|byte(r>>6)&0x3F, 0x80|byte(r)&0x3F)
}

// joinSurrogates joins the halves that appendUnit wrote; what stays alone becomes U+FFFD.
func joinSurrogates(b []byte) string {
	if utf8.Valid(b) {
		return string(b)
	}
	half := func(i int) rune {
		if i+2 < len(b) && b[i] == 0xED && b[i+1] >= 0xA0 {
			return 0xD000 | rune(b[i+1]&0x3F)<<6 | rune(b[i+2]&0x3F)
		}
		return 0
	}
	out := make([]byte, 0, len(b))
	for i := 0; i < len(b); {
		if hi := half(i); hi >= 0xD800 {
			if lo := half(i + 3); hi < 0xDC00 && lo >= 0xDC00 {
				out = utf8.AppendRune(out, 0x10000+(hi-0xD800)<<10+(lo-0xDC00))
				i += 6
				continue
			}
			out = utf8.AppendRune(out, utf8.RuneError)
			i += 3
			continue
		}
		out = append(out, b[i])
		i++
	}
	return strings.ToValidUTF8(string(out), "\uFFFD")
}

// regex reads a pattern up to a slash that is neither escaped nor inside brackets, then the flags.
func (l *lexer) regex() (token, *Error) {
	start := l.i
	l.i++
	from, depth := l.i, 0
	for ; l.i < len(l.src); l.i++ {
		c := l.src[l.i]
		escaped := l.src[l.i-1] == '\\'
		switch {
		case c == '/' && depth == 0 && !oddBackslashes(l.src[:l.i]):
			pattern := l.src[from:l.i]
			if pattern == "" {
				return token{}, faultAt("S0301", l.i, "")
			}
			l.i++
			f := l.i
			for l.i < len(l.src) && (l.src[l.i] == 'i' || l.src[l.i] == 'm') {
				l.i++
			}
			return token{kind: tokRegex, text: pattern, flags: l.src[f:l.i], start: start, pos: l.i}, nil
		case (c == '(' || c == '[' || c == '{') && !escaped:
			depth++
		case (c == ')' || c == ']' || c == '}') && !escaped:
			depth--
		}
	}
	return token{}, faultAt("S0302", l.i, "")
}

func oddBackslashes(s string) bool {
	n := 0
	for n < len(s) && s[len(s)-1-n] == '\\' {
		n++
	}
	return n%2 == 1
}
