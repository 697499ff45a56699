package jsonpath

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxNesting is how deeply filters, and parentheses in them, may nest.
const maxNesting = 64

// compiler reads a path from src.
type compiler struct {
	src   string
	i     int
	depth int // of filters and parentheses
}

func (c *compiler) fault(at int, format string, args ...any) error {
	return &SyntaxError{Source: c.src, Offset: at, Reason: fmt.Sprintf(format, args...)}
}

// peek returns the byte at hand, or 0 at the end.
func (c *compiler) peek() byte {
	if c.i < len(c.src) {
		return c.src[c.i]
	}
	return 0
}

// found names what stands at byte i, for a message.
func (c *compiler) found(i int) string {
	if i >= len(c.src) {
		return "the end"
	}
	r, _ := utf8.DecodeRuneInString(c.src[i:])
	return strconv.QuoteRune(r)
}

func (c *compiler) blanks() {
	for c.i < len(c.src) && strings.IndexByte(" \t\r\n", c.src[c.i]) >= 0 {
		c.i++
	}
}

// path reads the whole of src.
func (c *compiler) path() (*Path, error) {
	p := &Path{src: c.src}
	c.blanks()
	if c.peek() != '$' {
		return nil, c.fault(c.i, "found %s, a path starts with '$'", c.found(c.i))
	}
	c.i++
	switch ch := c.peek(); {
	case ch == '$':
		p.root = Context
		c.i++
	case ch != 0 && ch != '.' && ch != '[' && ch != ' ':
		name, err := c.variable()
		if err != nil {
			return nil, err
		}
		p.root, p.variable = Variable, name
	}
	if err := c.steps(p, false); err != nil {
		return nil, err
	}
	c.blanks()
	if c.i < len(c.src) {
		return nil, c.fault(c.i, "found %s, '.' or '[' or the end belongs here; a name with blanks is written ['a name']", c.found(c.i))
	}
	return p, nil
}

// variable reads the name of a variable: a letter or '_', then letters, digits,
// marks and '_' (Unicode identifiers).
func (c *compiler) variable() (string, error) {
	start := c.i
	for c.i < len(c.src) {
		r, n := utf8.DecodeRuneInString(c.src[c.i:])
		ok := unicode.IsLetter(r) || unicode.Is(unicode.Nl, r) || r == '_'
		if c.i > start {
			ok = ok || unicode.In(r, unicode.Nd, unicode.Mn, unicode.Mc, unicode.Pc)
		}
		if !ok {
			break
		}
		c.i += n
	}
	if c.i == start {
		return "", c.fault(c.i, "found %s, '.', '[', '$' or a variable's name belongs after '$'", c.found(c.i))
	}
	return c.src[start:c.i], nil
}

// steps reads steps while there are any, and settles what kind of path it is.
func (c *compiler) steps(p *Path, inFilter bool) error {
	for {
		start := c.i
		switch c.peek() {
		case '.':
			c.i++
			if c.peek() == '.' {
				c.i++
				p.steps = append(p.steps, step{kind: descentStep})
			}
			switch c.peek() {
			case '.':
				return c.fault(c.i, "too many dots: one before a name, two to search all levels")
			case '[':
				continue // "$.['a']" and "$..[0]"
			case '*':
				c.i++
				p.steps = append(p.steps, step{kind: wildcardStep})
			default:
				name := c.name(inFilter)
				if name == "" {
					return c.fault(c.i, "found %s, a name, '*' or '[' belongs after '.'", c.found(c.i))
				}
				p.steps = append(p.steps, step{kind: nameStep, name: name})
			}
		case '[':
			s, err := c.bracket()
			if err != nil {
				return err
			}
			p.steps = append(p.steps, s)
		default:
			p.settle()
			return nil
		}
		if c.i == start {
			return c.fault(c.i, "a step belongs here")
		}
	}
}

// settle finds out whether the path is definite, and whether it is plain.
func (p *Path) settle() {
	p.definite, p.plain = true, true
	for i := range p.steps {
		s := &p.steps[i]
		p.definite = p.definite && s.single()
		p.plain = p.plain && (s.kind == nameStep || s.kind == indexStep)
	}
}

// name reads a name in dot notation. What could only be a slip is no part of
// it; in a filter neither are the operators that may follow.
func (c *compiler) name(inFilter bool) string {
	stop := " \t\r\n.[]'\"*?,"
	if inFilter {
		stop += "()=!<>~&|"
	}
	start := c.i
	for c.i < len(c.src) && c.src[c.i] >= ' ' && strings.IndexByte(stop, c.src[c.i]) < 0 {
		c.i++
	}
	return c.src[start:c.i]
}

// bracket reads one step in brackets.
func (c *compiler) bracket() (step, error) {
	open := c.i
	c.i++
	c.blanks()
	var s step
	var err error
	switch ch := c.peek(); {
	case ch == '\'' || ch == '"':
		s, err = c.names(ch)
	case ch == '*':
		c.i++
		s.kind = wildcardStep
	case ch == '?':
		s, err = c.filter()
	case ch == '(' || ch == '@':
		s, err = c.fromEnd()
	case ch == '-' || ch == ':' || ch >= '0' && ch <= '9':
		s, err = c.numbers()
	default:
		return s, c.fault(c.i, "found %s, a quoted name, an index, a slice, '*' or '?(...)' belongs after '['", c.found(c.i))
	}
	if err != nil {
		return s, err
	}
	c.blanks()
	if c.peek() != ']' {
		return s, c.fault(c.i, "found %s, ']' belongs here to close the '[' at byte %d", c.found(c.i), open)
	}
	c.i++
	return s, nil
}

// names reads one or more quoted names.
func (c *compiler) names(quote byte) (step, error) {
	var names []string
	for {
		if c.peek() != quote {
			return step{}, c.fault(c.i, "found %s, a name in %c quotes belongs here", c.found(c.i), quote)
		}
		name, err := c.quoted()
		if err != nil {
			return step{}, err
		}
		names = append(names, name)
		c.blanks()
		if c.peek() != ',' {
			break
		}
		c.i++
		c.blanks()
	}
	if len(names) == 1 {
		return step{kind: nameStep, name: names[0]}, nil
	}
	return step{kind: namesStep, names: names}, nil
}

// quoted reads a text in quotes of either kind. A backslash stands for itself,
// as it does on AWS, save before the closing kind of quote.
func (c *compiler) quoted() (string, error) {
	open, quote := c.i, c.src[c.i]
	c.i++
	var b strings.Builder
	for c.i < len(c.src) {
		ch := c.src[c.i]
		c.i++
		switch {
		case ch == quote:
			return b.String(), nil
		case ch == '\\' && c.peek() == quote:
			b.WriteByte(quote)
			c.i++
		default:
			b.WriteByte(ch)
		}
	}
	return "", c.fault(c.i, "the quote opened at byte %d is not closed", open)
}

// numbers reads an index, a union of indexes, or a slice. A third number of a
// slice is read and has no effect, as in Jayway.
func (c *compiler) numbers() (step, error) {
	start := c.i
	var parts []bound
	separator := byte(0)
	for {
		c.blanks()
		b, err := c.number()
		if err != nil {
			return step{}, err
		}
		parts = append(parts, b)
		c.blanks()
		ch := c.peek()
		if ch != ',' && ch != ':' {
			break
		}
		if separator != 0 && ch != separator {
			return step{}, c.fault(c.i, "indexes [0,2] and slices [0:2] cannot be mixed")
		}
		separator = ch
		c.i++
	}
	if separator == ':' {
		if len(parts) > 3 {
			return step{}, c.fault(start, "a slice has a start and an end, such as [1:3]")
		}
		if !parts[0].set && !parts[1].set {
			return step{}, c.fault(start, "a slice needs a start or an end, such as [1:] or [:3]; all elements are [*]")
		}
		return step{kind: sliceStep, from: parts[0], to: parts[1]}, nil
	}
	s := step{kind: indexesStep}
	for _, b := range parts {
		if !b.set {
			return step{}, c.fault(start, "an index belongs on each side of ','")
		}
		s.indexes = append(s.indexes, b.n)
	}
	if len(parts) == 1 {
		return step{kind: indexStep, index: parts[0].n}, nil
	}
	return s, nil
}

// number reads an integer of 32 bits, if there is one.
func (c *compiler) number() (bound, error) {
	start := c.i
	if c.peek() == '-' {
		c.i++
	}
	for ch := c.peek(); ch >= '0' && ch <= '9'; ch = c.peek() {
		c.i++
	}
	if c.i == start {
		return bound{}, nil
	}
	n, err := strconv.ParseInt(c.src[start:c.i], 10, 32)
	if err != nil {
		return bound{}, c.fault(start, "%s is not an integer from -2147483648 to 2147483647", c.src[start:c.i])
	}
	return bound{int(n), true}, nil
}

// fromEnd reads "(@.length-1)" or "@.size()-1": an index from the end.
func (c *compiler) fromEnd() (step, error) {
	start := c.i
	end := strings.IndexByte(c.src[c.i:], ']')
	if end < 0 {
		return step{}, c.fault(len(c.src), "']' belongs here")
	}
	text := strings.NewReplacer(" ", "", "(", "", ")", "").Replace(c.src[c.i : c.i+end])
	for _, prefix := range []string{"@.length-", "@.size-"} {
		if digits, ok := strings.CutPrefix(text, prefix); ok {
			if n, err := strconv.ParseUint(digits, 10, 31); err == nil && n > 0 {
				c.i += end
				return step{kind: indexStep, index: -int(n)}, nil
			}
		}
	}
	return step{}, c.fault(start, "an index from the end is written [-1] or [(@.length-1)], a filter [?(...)]")
}
