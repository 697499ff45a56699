package jsonata

import (
	"encoding/base64"
	"strings"
	"unicode/utf8"
)

// base64Encode takes every UTF-16 unit for a byte, as the reference does, which
// is right for text of Latin-1 only.
func base64Encode(s string) string {
	b := make([]byte, 0, len(s))
	for _, r := range s {
		if r > 0xFFFF {
			r -= 0x10000
			b = append(b, byte(0xD800+r>>10), byte(0xDC00+r&0x3FF))
			continue
		}
		b = append(b, byte(r))
	}
	return base64.StdEncoding.EncodeToString(b)
}

// base64Decode reads either alphabet of base64, passes over what is neither,
// and makes a character of every byte.
func base64Decode(s string) string {
	clean := make([]byte, 0, len(s))
scan:
	for i := range len(s) {
		switch c := s[i]; {
		case c == '=':
			break scan
		case c == '-':
			clean = append(clean, '+')
		case c == '_':
			clean = append(clean, '/')
		case c == '+' || c == '/' || isDigitByte(c) || isLetterByte(c):
			clean = append(clean, c)
		}
	}
	if len(clean)%4 == 1 {
		clean = clean[:len(clean)-1]
	}
	b := make([]byte, base64.RawStdEncoding.DecodedLen(len(clean)))
	n, err := base64.RawStdEncoding.Decode(b, clean)
	if err != nil {
		return ""
	}
	out := make([]byte, 0, n)
	for _, c := range b[:n] {
		out = utf8.AppendRune(out, rune(c))
	}
	return string(out)
}

// The characters that URL encoding leaves alone besides letters and digits:
// in any part of a URL, and those that have a meaning in a whole one.
const (
	componentSafe = "-_.!~*'()"
	urlSafe       = ";/?:@&=+$,#"
)

// malformed is the error of URL functions.
func malformed(name, s string) error {
	e := faultValue("D3140", s)
	e.Token = name
	return e
}

// encodeURL makes $encodeUrl or $encodeUrlComponent. A broken character, which
// is how half of a surrogate pair ends up here, cannot be encoded.
func encodeURL(name, safe string) native {
	const hex = "0123456789ABCDEF"
	return func(ev *evaluator, args []any) (any, error) {
		s, ok := str(args, 0)
		if !ok {
			return Undefined, nil
		}
		if strings.ContainsRune(s, utf8.RuneError) || !utf8.ValidString(s) {
			return nil, malformed(name, s)
		}
		if err := ev.charge(len(s) / 16); err != nil {
			return nil, err
		}
		var b strings.Builder
		for i := range len(s) {
			c := s[i]
			if isDigitByte(c) || isLetterByte(c) || strings.IndexByte(safe, c) >= 0 {
				b.WriteByte(c)
			} else {
				b.Write([]byte{'%', hex[c>>4], hex[c&15]})
			}
		}
		return ev.made(b.String())
	}
}

// decodeURL makes $decodeUrl or $decodeUrlComponent; what is in keep stays encoded.
func decodeURL(name, keep string) native {
	return func(ev *evaluator, args []any) (any, error) {
		s, ok := str(args, 0)
		if !ok {
			return Undefined, nil
		}
		if err := ev.charge(len(s) / 16); err != nil {
			return nil, err
		}
		b := make([]byte, 0, len(s))
		for i := 0; i < len(s); {
			if s[i] != '%' {
				b = append(b, s[i])
				i++
				continue
			}
			r, n := percentRune(s[i:])
			if n == 0 {
				return nil, malformed(name, s)
			}
			if r < utf8.RuneSelf && strings.IndexByte(keep, byte(r)) >= 0 {
				b = append(b, s[i:i+n]...)
			} else {
				b = utf8.AppendRune(b, r)
			}
			i += n
		}
		return ev.made(string(b))
	}
}

// percentRune reads one encoded character and says how much of s it took; 0 if it is malformed.
func percentRune(s string) (rune, int) {
	var buf [utf8.UTFMax]byte
	for k := range buf {
		at := 3 * k
		if at+3 > len(s) || s[at] != '%' {
			return 0, 0
		}
		hi, ok1 := hexDigit(s[at+1])
		lo, ok2 := hexDigit(s[at+2])
		if !ok1 || !ok2 {
			return 0, 0
		}
		buf[k] = hi<<4 | lo
		if utf8.FullRune(buf[:k+1]) {
			r, n := utf8.DecodeRune(buf[:k+1])
			if n != k+1 || r == utf8.RuneError && n == 1 {
				return 0, 0
			}
			return r, at + 3
		}
	}
	return 0, 0
}

func hexDigit(c byte) (byte, bool) {
	switch {
	case isDigitByte(c):
		return c - '0', true
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10, true
	}
	return 0, false
}
