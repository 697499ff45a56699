package intrinsic

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"millrace/asl/document"
	"millrace/asl/jsonpath"
)

// Compile reads a call and nothing else. Errors are [*SyntaxError]. A wrong
// number of arguments is none: AWS accepts the definition, see [Call.Vet].
func Compile(src string) (*Call, error) {
	p := parser{src: src}
	p.blanks()
	c, err := p.call(1)
	if err != nil {
		return nil, err
	}
	p.blanks()
	if p.i < len(src) {
		return nil, p.fault(p.i, "found %s, nothing belongs after the call", p.found())
	}
	return c, nil
}

// IsCall reports whether a text is meant to be a call and not a path: whether
// it starts with "States." as all functions' names do.
func IsCall(src string) bool {
	return strings.HasPrefix(strings.TrimLeft(src, " \t\r\n"), "States.")
}

type parser struct {
	src string
	i   int
}

func (p *parser) fault(at int, format string, args ...any) error {
	return &SyntaxError{Source: p.src, Offset: at, Reason: fmt.Sprintf(format, args...)}
}

func (p *parser) peek() byte {
	if p.i < len(p.src) {
		return p.src[p.i]
	}
	return 0
}

// found names what stands at hand, for a message.
func (p *parser) found() string {
	if p.i >= len(p.src) {
		return "the end"
	}
	r, _ := utf8.DecodeRuneInString(p.src[p.i:])
	return strconv.QuoteRune(r)
}

func (p *parser) blanks() {
	for p.i < len(p.src) && strings.IndexByte(" \t\r\n", p.src[p.i]) >= 0 {
		p.i++
	}
}

// word reads letters, digits and dots.
func (p *parser) word() string {
	start := p.i
	for p.i < len(p.src) {
		c := p.src[p.i]
		if c != '.' && (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') {
			break
		}
		p.i++
	}
	return p.src[start:p.i]
}

func (p *parser) call(depth int) (*Call, error) {
	start := p.i
	name := p.word()
	fn, ok := named(name)
	switch {
	case name == "":
		return nil, p.fault(start, "found %s, a function's name such as States.Format belongs here", p.found())
	case !ok:
		return nil, p.fault(start, "there is no function %s, the functions are %s", cut(name), strings.Join(names(), ", "))
	case depth > MaxNesting:
		return nil, p.fault(start, "calls nest more than %d deep", MaxNesting)
	}
	p.blanks()
	if p.peek() != '(' {
		return nil, p.fault(p.i, "found %s, '(' belongs after %s", p.found(), name)
	}
	p.i++
	c := &Call{fn: fn}
	p.blanks()
	if p.peek() == ')' {
		p.i++
		c.src = p.src[start:p.i]
		return c, nil
	}
	for {
		a, err := p.argument(depth)
		if err != nil {
			return nil, err
		}
		c.args = append(c.args, a)
		p.blanks()
		switch p.peek() {
		case ',':
			p.i++
			p.blanks()
		case ')':
			p.i++
			c.src = p.src[start:p.i]
			return c, nil
		default:
			return nil, p.fault(p.i, "found %s, ',' or ')' belongs after an argument", p.found())
		}
	}
}

func (p *parser) argument(depth int) (argument, error) {
	start := p.i
	switch c := p.peek(); {
	case c == '\'':
		return p.text()
	case c == '$':
		return p.path()
	case c == '-' || c >= '0' && c <= '9':
		return p.number()
	case c == '"':
		return argument{}, p.fault(start, "a text is written in single quotes, such as 'text'")
	}
	switch word := p.word(); {
	case word == "true":
		return argument{literal: true}, nil
	case word == "false":
		return argument{literal: false}, nil
	case word == "null":
		return argument{}, nil
	case strings.HasPrefix(word, "States."):
		p.i = start
		c, err := p.call(depth + 1)
		return argument{call: c}, err
	}
	p.i = start
	return argument{}, p.fault(start,
		"found %s, a text in single quotes, a number, true, false, null, a path or a function belongs here", p.found())
}

// text reads a text in single quotes. Of the escapes, AWS knows those of the
// quote, the braces and the backslash, and refuses the definition over others.
func (p *parser) text() (argument, error) {
	open := p.i
	p.i++
	start := p.i
	var b strings.Builder
	for p.i < len(p.src) {
		c := p.src[p.i]
		p.i++
		switch c {
		case '\'':
			return argument{literal: b.String(), escaped: p.src[start : p.i-1]}, nil
		case '\\':
			switch e := p.peek(); e {
			case '\'', '{', '}', '\\':
				b.WriteByte(e)
				p.i++
			default:
				return argument{}, p.fault(p.i-1, `a backslash belongs before ', {, } or \ only; a backslash itself is written \\`)
			}
		default:
			b.WriteByte(c)
		}
	}
	return argument{}, p.fault(p.i, "the quote opened at byte %d is not closed", open)
}

func (p *parser) number() (argument, error) {
	start := p.i
	for p.i < len(p.src) && strings.IndexByte(" \t\r\n,()", p.src[p.i]) < 0 {
		p.i++
	}
	v, err := document.Parse([]byte(p.src[start:p.i]))
	if n, ok := v.(document.Number); err == nil && ok {
		return argument{literal: n}, nil
	}
	return argument{}, p.fault(start, "%s is no number", cut(p.src[start:p.i]))
}

// path reads a path: up to a comma or a closing parenthesis outside brackets.
func (p *parser) path() (argument, error) {
	start := p.i
	brackets, parens := 0, 0
	quote := byte(0)
scan:
	for ; p.i < len(p.src); p.i++ {
		switch c := p.src[p.i]; {
		case quote != 0:
			if c == '\\' && p.i+1 < len(p.src) && p.src[p.i+1] == quote {
				p.i++
			} else if c == quote {
				quote = 0
			}
		case brackets > 0 && (c == '\'' || c == '"'):
			quote = c
		case c == '[':
			brackets++
		case c == ']':
			brackets--
		case c == '(':
			parens++
		case c == ')' && parens > 0:
			parens--
		case brackets <= 0 && (c == ',' || c == ')'):
			break scan
		}
	}
	text := strings.TrimRight(p.src[start:p.i], " \t\r\n")
	path, err := jsonpath.Compile(text)
	var syntax *jsonpath.SyntaxError
	if errors.As(err, &syntax) {
		return argument{}, p.fault(start+syntax.Offset, "%s", syntax.Reason)
	}
	return argument{path: path}, err
}
