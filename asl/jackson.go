package asl

import (
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"

	"millrace/asl/document"
)

// jsonFault says where a definition stopped being JSON.
type jsonFault struct {
	off     int
	message string // without the place
	empty   bool   // nothing but white space
}

func (e *jsonFault) Error() string { return e.message }

// place words a position as AWS does: [Source: (String)"..."; line: 1, column: 4].
func place(text []byte, off int) string {
	const most = 500 // of the text is shown
	shown, cut := text, 0
	if len(text) > most {
		for cut = most; cut > 0 && !utf8.RuneStart(text[cut]); cut-- {
		}
		shown = text[:cut]
	}
	s := `[Source: (String)"` + string(shown) + `"`
	if len(shown) < len(text) {
		s += fmt.Sprintf("[truncated %d chars]", utf8.RuneCount(text[cut:]))
	}
	line, start := 1, 0
	for i, c := range text[:min(off, len(text))] {
		if c == '\n' {
			line, start = line+1, i+1
		}
	}
	return s + fmt.Sprintf("; line: %d, column: %d]", line, utf8.RuneCount(text[start:min(off, len(text))])+1)
}

func (r *reader) faultAt(off int, message string, empty bool) error {
	return &jsonFault{off: off, message: message, empty: empty}
}

// unexpected is the fault of the character at hand.
func (r *reader) unexpected(want string) error {
	c, size := utf8.DecodeRune(r.s[r.i:])
	shown := "'" + string(c) + "'"
	if c < ' ' {
		shown = "(CTRL-CHAR, code " + strconv.Itoa(int(c)) + ")"
		return r.faultAt(r.i+size, fmt.Sprintf("Unexpected character (%s): %s", shown, want), false)
	}
	return r.faultAt(r.i+size, fmt.Sprintf("Unexpected character (%s (code %d)): %s", shown, c, want), false)
}

// ended is the fault of a text that ends inside n, or where n's value belongs.
func (r *reader) ended(n *node) error {
	kind := "Object"
	if n == nil {
		return r.faultAt(len(r.s), "Unexpected end-of-input", false)
	}
	if n.isArray() {
		kind = "Array"
	}
	return r.faultAt(len(r.s), fmt.Sprintf("Unexpected end-of-input: expected close marker for %s (start marker at %s)", kind, place(r.s, n.off)), false)
}

// word reads null, true or false.
func (r *reader) word(n *node) error {
	start := r.i
	for r.i < len(r.s) {
		c, size := utf8.DecodeRune(r.s[r.i:])
		if !isNamePart(c) {
			break
		}
		r.i += size
	}
	switch w := string(r.s[start:r.i]); w {
	case "null":
		n.value = nil
	case "true":
		n.value = true
	case "false":
		n.value = false
	case "":
		return r.unexpected("expected a valid value (JSON String, Number, Array, Object or token 'null', 'true' or 'false')")
	default:
		if len(w) > 256 {
			w = w[:256] + "..."
		}
		return r.faultAt(r.i, fmt.Sprintf("Unrecognized token '%s': %s", w, wantValue), false)
	}
	return nil
}

func isNamePart(c rune) bool {
	return c == '_' || c == '$' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c > utf8.RuneSelf && c != utf8.RuneError
}

// number reads a number and keeps its text.
func (r *reader) number(n *node) error {
	start := r.i
	for r.i < len(r.s) {
		c := r.s[r.i]
		if c != '-' && c != '+' && c != '.' && c != 'e' && c != 'E' && (c < '0' || c > '9') {
			break
		}
		r.i++
	}
	v, err := document.Parse(r.s[start:r.i])
	if err == nil {
		n.value = v
		return nil
	}
	var syntax *document.SyntaxError
	if errors.As(err, &syntax) {
		r.i = start + syntax.Offset
	}
	if r.i < len(r.s) && r.i > start && r.s[r.i-1] == '0' && r.s[r.i] >= '0' && r.s[r.i] <= '9' {
		return r.faultAt(r.i+1, "Invalid numeric value: Leading zeroes not allowed", false)
	}
	if r.i >= len(r.s) {
		return r.faultAt(r.i, "Unexpected end-of-input in a Number", false)
	}
	return r.unexpected("Expected digit (0-9) to complete a number")
}

// str reads a string; where says what it is, for the fault.
func (r *reader) str(where string) (string, error) {
	start := r.i
	r.i++
	plain := true
	for r.i < len(r.s) {
		switch c := r.s[r.i]; {
		case c == '"':
			r.i++
			if plain && utf8.Valid(r.s[start:r.i]) {
				return string(r.s[start+1 : r.i-1]), nil
			}
			v, err := document.Parse(r.s[start:r.i])
			var syntax *document.SyntaxError
			if errors.As(err, &syntax) {
				at := min(start+syntax.Offset, len(r.s)-1)
				c, size := utf8.DecodeRune(r.s[at:])
				return "", r.faultAt(at+size, fmt.Sprintf("Unrecognized character escape %s (code %d)", strconv.QuoteRune(c), c), false)
			}
			s, _ := v.(string)
			return s, nil
		case c == '\\':
			plain = false
			r.i += 2
		case c < ' ':
			return "", r.faultAt(r.i+1, fmt.Sprintf("Illegal unquoted character ((CTRL-CHAR, code %d)): has to be escaped using backslash to be included in string value", c), false)
		default:
			r.i++
		}
	}
	r.i = len(r.s)
	if where == " in field name" {
		return "", r.faultAt(r.i, "Unexpected end-of-input in field name", false)
	}
	return "", r.faultAt(r.i, "Unexpected end-of-input: was expecting closing quote for a string value", false)
}
