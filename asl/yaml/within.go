package yaml

import (
	"strconv"
	"strings"

	upstream "go.yaml.in/yaml/v3"
)

// within finds the place that is so many bytes into a value's JSON text. Where
// the YAML cannot be followed to it, it is where the value begins.
func (d *Definition) within(p place, offset int) int {
	n := p.node
	start := d.offset(n.Line, n.Column)
	if offset <= 0 || offset >= len(p.value) || n.Kind != upstream.ScalarNode {
		return start
	}
	before := p.value[1:offset] // of the text
	if strings.Contains(before, `\`) {
		var err error
		if before, err = strconv.Unquote(`"` + before + `"`); err != nil {
			return start
		}
	}
	if !strings.HasPrefix(n.Value, before) {
		return start
	}
	at := -1
	if n.Style&(upstream.LiteralStyle|upstream.FoldedStyle) != 0 {
		at = d.inBlock(n, len(before))
	} else {
		at = inFlow(d.text[start:], n, len(before))
		if at >= 0 {
			at += start
		}
	}
	if at < 0 {
		return start
	}
	return at
}

// inBlock finds the place that is so many bytes into the text of a block scalar,
// or returns -1.
//
// Source: "Block Scalar Styles" of the YAML 1.2 specification.
func (d *Definition) inBlock(n *upstream.Node, bytes int) int {
	indent := -1
	i := 0 // bytes of the text that have been seen
	for line := n.Line + 1; line <= len(d.starts); line++ {
		shown := d.line(line)
		if indent < 0 && strings.TrimLeft(shown, " ") != "" {
			first := strings.TrimLeft(n.Value, "\n")
			indent = leading(shown) - leading(first)
		}
		if indent < 0 || len(shown) < indent {
			shown = shown[:min(len(shown), leading(shown))] // a blank line
		}
		cut := min(max(indent, 0), len(shown))
		text := shown[cut:]
		if !strings.HasPrefix(n.Value[i:], text) {
			return -1
		}
		end := i + len(text)
		// The end of a line is one in the text, or a space where it is folded, or nothing.
		ends := end == len(n.Value) || n.Value[end] == '\n' || text != "" && n.Value[end] == ' '
		if bytes < end || bytes == end && ends {
			return d.starts[line-1] + cut + bytes - i
		}
		if i = end; ends {
			i = min(end+1, len(n.Value))
		}
	}
	return -1
}

func leading(s string) int { return len(s) - len(strings.TrimLeft(s, " ")) }

// inFlow finds the place that is so many bytes into the text of a plain or quoted
// scalar, which src begins with, or returns -1.
//
// Source: "Flow Scalar Styles" of the YAML 1.2 specification.
func inFlow(src string, n *upstream.Node, bytes int) int {
	single, double := n.Style&upstream.SingleQuotedStyle != 0, n.Style&upstream.DoubleQuotedStyle != 0
	j := 0
	if single || double {
		j = 1
	}
	for i := 0; i < bytes; {
		if j >= len(src) {
			return -1
		}
		size, made := 1, src[j:j+1]
		switch c := src[j]; {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			if size, made = folded(src[j:]); size == 0 {
				size, made = 1, src[j:j+1]
			}
		case single && strings.HasPrefix(src[j:], "''"):
			size = 2
		case double && c == '\\':
			size, made = escapeAt(src[j:])
		}
		if size == 0 || !strings.HasPrefix(n.Value[i:], made) {
			return -1
		}
		if i+len(made) > bytes {
			break
		}
		i, j = i+len(made), j+size
	}
	return j
}

// folded reads white space that has an end of line in it, and tells what it means:
// one end of line is a space, of more each but the first counts. size is 0 where
// there is none.
func folded(src string) (size int, made string) {
	ends := 0
	for size < len(src) {
		switch c := src[size]; {
		case c == '\n' || c == '\r' && !strings.HasPrefix(src[size:], "\r\n"):
			ends++
		case c != ' ' && c != '\t' && c != '\r':
			return foldedAs(size, ends)
		}
		size++
	}
	return foldedAs(size, ends)
}

func foldedAs(size, ends int) (int, string) {
	switch ends {
	case 0:
		return 0, ""
	case 1:
		return size, " "
	}
	return size, strings.Repeat("\n", ends-1)
}

// escapeAt reads an escape sequence of a double-quoted scalar; size is 0 where
// there is none.
func escapeAt(src string) (size int, made string) {
	if len(src) < 2 {
		return 0, ""
	}
	digits := map[byte]int{'x': 2, 'u': 4, 'U': 8}[src[1]]
	if digits > 0 {
		if len(src) < 2+digits {
			return 0, ""
		}
		code, err := strconv.ParseUint(src[2:2+digits], 16, 32)
		if err != nil {
			return 0, ""
		}
		return 2 + digits, string(rune(code))
	}
	switch c := src[1]; c {
	case '\n', '\r': // the line goes on in the next one
		rest := strings.TrimLeft(strings.TrimPrefix(strings.TrimPrefix(src[1:], "\r"), "\n"), " \t")
		return len(src) - len(rest), ""
	case '0':
		return 2, "\x00"
	case 'a':
		return 2, "\a"
	case 'b':
		return 2, "\b"
	case 't', '\t':
		return 2, "\t"
	case 'n':
		return 2, "\n"
	case 'v':
		return 2, "\v"
	case 'f':
		return 2, "\f"
	case 'r':
		return 2, "\r"
	case 'e':
		return 2, "\x1b"
	case 'N':
		return 2, "\u0085"
	case '_':
		return 2, "\u00a0"
	case 'L':
		return 2, "\u2028"
	case 'P':
		return 2, "\u2029"
	default:
		return 2, string(c)
	}
}
