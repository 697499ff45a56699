package jsonata

import (
	"strings"

	"millrace/asl/document"
)

// The types of a signature, as bits.
const (
	tString = 1 << iota
	tNumber
	tBoolean
	tNull
	tObject
	tArray
	tFunction
	tMissing

	tAny  = tString | tNumber | tBoolean | tNull | tObject | tArray | tFunction | tMissing
	tJSON = tAny &^ tFunction
)

// signature says what arguments a function takes, in JSONata's notation: <s-(sf)n?:s>.
// What it returns is not checked.
type signature struct {
	text   string
	params []param
	plain  bool // no parameter takes several arguments
}

// param is one parameter. It takes one argument of a type in types; an
// optional one may take none, a repeated one several.
type param struct {
	types    uint8
	kind     byte // the letter, or ( for a choice
	sub      string
	hasSub   bool
	context  bool // the context stands in when there is no argument
	optional bool
	repeated bool
	lazy     bool
}

func typeBits(letter byte) uint8 {
	switch letter {
	case 's':
		return tString
	case 'n':
		return tNumber
	case 'b':
		return tBoolean
	case 'l':
		return tNull
	case 'o':
		return tObject
	case 'a':
		return tArray
	case 'f':
		return tFunction
	case 'm':
		return tMissing
	}
	return 0
}

// parseSignature reads a signature with its angle brackets. The position of an
// error is relative to the text.
func parseSignature(text string) (*signature, *Error) {
	s := &signature{text: text, plain: true}
	if len(text) > maxSignature {
		return nil, faultAt("U1001", 0, "")
	}
	for i := 1; i < len(text) && text[i] != ':'; i++ {
		c := text[i]
		var prev *param
		if len(s.params) > 0 {
			prev = &s.params[len(s.params)-1]
		}
		switch c {
		case 's', 'n', 'b', 'l', 'o':
			s.params = append(s.params, param{types: typeBits(c) | tMissing, kind: c})
		case 'a', 'x':
			s.params = append(s.params, param{types: tAny, kind: c})
		case 'j':
			s.params = append(s.params, param{types: tJSON, kind: c})
		case 'f':
			s.params = append(s.params, param{types: tFunction, kind: c})
		case '(':
			end := closing(text, i, '(', ')')
			choice := text[i+1 : end]
			if strings.IndexByte(choice, '<') >= 0 {
				e := faultAt("S0402", i, "")
				e.Value = choice
				return nil, e
			}
			p := param{types: tMissing, kind: '('}
			for j := range len(choice) {
				p.types |= typeBits(choice[j])
			}
			s.params = append(s.params, p)
			i = end
		case '<':
			if prev == nil || prev.kind != 'a' && prev.kind != 'f' {
				e := faultAt("S0401", i, "")
				if prev != nil {
					e.Value = string(prev.kind)
				}
				return nil, e
			}
			end := closing(text, i, '<', '>')
			prev.sub, prev.hasSub = text[i+1:end], true
			i = end
		case '-', '?', '+':
			if prev == nil {
				continue
			}
			if c == '-' {
				prev.context = true
			}
			switch {
			case prev.optional || prev.repeated:
				prev.lazy = c != '+'
			case c == '+':
				prev.repeated = true
				s.plain = false
			default:
				prev.optional = true
			}
		}
	}
	return s, nil
}

// closing returns the index of the bracket that closes the one at start, or the last index.
func closing(s string, start int, open, shut byte) int {
	depth := 1
	i := start
	for i < len(s)-1 {
		i++
		if s[i] == shut {
			if depth--; depth == 0 {
				break
			}
		} else if s[i] == open {
			depth++
		}
	}
	return max(i, start+1)
}

// typeOf gives the bit of v's type.
func typeOf(v any) uint8 {
	switch v.(type) {
	case undefinedValue:
		return tMissing
	case string:
		return tString
	case float64, document.Number:
		return tNumber
	case bool:
		return tBoolean
	case nil:
		return tNull
	case *function:
		return tFunction
	case []any, *seq, *tuples:
		return tArray
	}
	return tObject
}

// matcher assigns arguments to parameters.
type matcher struct {
	params []param
	args   []any
	open   bool   // arguments may be left over
	counts []int  // how many arguments each parameter takes
	failed []bool // what is known not to match, by parameter and argument, when there are many
}

// match lets each parameter take as many arguments as possible from the left
// (or, if lazy, as few), so that all fit. The search remembers what failed.
func (s *signature) match(args []any, counts []int, open bool) bool {
	m := matcher{params: s.params, args: args, open: open, counts: counts}
	if len(counts) > 8 {
		m.failed = make([]bool, len(counts)*(len(args)+1))
	}
	return m.from(0, 0)
}

func (m *matcher) from(i, j int) bool {
	if i == len(m.counts) {
		return m.open || j == len(m.args)
	}
	key := i*(len(m.args)+1) + j
	if m.failed != nil && m.failed[key] {
		return false
	}
	p := &m.params[i]
	least, most := 1, 1
	if p.optional {
		least = 0
	}
	if p.repeated {
		most = len(m.args) - j
	}
	can := 0
	for can < most && j+can < len(m.args) && typeOf(m.args[j+can])&p.types != 0 {
		can++
	}
	for n := least; n <= can; n++ {
		take := n
		if !p.lazy {
			take = can + least - n
		}
		m.counts[i] = take
		if m.from(i+1, j+take) {
			return true
		}
	}
	if m.failed != nil {
		m.failed[key] = true
	}
	return false
}

// validate checks the arguments and returns those to call the function with:
// the context stands in for what is missing, and what must be an array is made one.
func (s *signature) validate(args []any, context any) ([]any, *Error) {
	if s.plain && len(args) == len(s.params) {
		fits := true
		for i := range args {
			if typeOf(args[i])&s.params[i].types == 0 {
				fits = false
				break
			}
		}
		if fits {
			for i := range args {
				if s.params[i].kind == 'a' {
					a, err := s.params[i].array(args[i], 1, i)
					if err != nil {
						return nil, err
					}
					args[i] = a
				}
			}
			return args, nil
		}
	}
	var room [8]int
	counts := room[:0]
	for range s.params {
		counts = append(counts, 0)
	}
	if len(args) > maxArguments || !s.match(args, counts, false) {
		return nil, s.mismatch(args)
	}
	out := make([]any, 0, max(len(args), len(s.params)))
	next := 0
	for i := range s.params {
		p := &s.params[i]
		if counts[i] == 0 {
			if !p.context {
				// The reference passes over the argument that the parameter did not take.
				out = append(out, argAt(args, next))
				next++
				continue
			}
			if typeOf(context)&p.types == 0 {
				e := faultValue("T0411", context)
				e.Index = next + 1
				return nil, e
			}
			out = append(out, context)
			continue
		}
		for range counts[i] {
			a := argAt(args, next)
			if p.kind == 'a' {
				var err *Error
				if a, err = p.array(a, counts[i], next); err != nil {
					return nil, err
				}
			}
			out = append(out, a)
			next++
		}
	}
	return out, nil
}

// maxSignature bounds the text of a signature in bytes.
const maxSignature = 1000

// maxArguments bounds the arguments of a call to a function with a signature.
const maxArguments = 1000

func argAt(args []any, i int) any {
	if i < len(args) {
		return args[i]
	}
	return Undefined
}

// array makes the argument an array of the type the parameter asks for. count
// is how many arguments the parameter takes.
func (p *param) array(arg any, count, index int) (any, *Error) {
	if arg == Undefined {
		return arg, nil
	}
	l, isList := asList(arg)
	if p.hasSub {
		ok := true
		switch {
		case !isList:
			ok = count == 1 && len(p.sub) == 1 && typeOf(arg)&typeBits(p.sub[0]) != 0
		case l.n > 0 && l.items == nil:
			ok = p.sub != "" && p.sub[0] == 'n'
		case l.n > 0:
			first := typeOf(l.items[0])
			ok = p.sub != "" && first == typeBits(p.sub[0])
			for i := 1; ok && i < l.n; i++ {
				ok = typeOf(l.items[i]) == first
			}
		}
		if !ok {
			e := faultValue("T0412", arg)
			e.Index, e.Type = index+1, membersOf(p.sub)
			return nil, e
		}
	}
	if !isList {
		return &seq{items: []any{arg}}, nil
	}
	return arg, nil
}

// membersOf names what an array of a type has.
func membersOf(sub string) string {
	switch sub {
	case "a":
		return "arrays"
	case "b":
		return "booleans"
	case "f":
		return "functions"
	case "n":
		return "numbers"
	case "o":
		return "objects"
	case "s":
		return "strings"
	}
	return "another type"
}

// mismatch finds the argument that does not fit.
func (s *signature) mismatch(args []any) *Error {
	if len(args) > maxArguments {
		args = args[:maxArguments]
	}
	good := 0
	counts := make([]int, len(s.params))
	for i := range s.params {
		if !s.match(args, counts[:i+1], true) {
			break
		}
		good = 0
		for _, n := range counts[:i+1] {
			good += n
		}
	}
	e := faultValue("T0410", argAt(args, good))
	e.Index = good + 1
	return e
}
