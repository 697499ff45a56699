package jsonata

import (
	"errors"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A regular expression of JavaScript is compiled to a program for a
// backtracking machine (regex_run.go), because Go's regexp has neither
// look-around nor back references, and resets captures differently.

var errRegex = errors.New("the regular expression is not valid")

// Operations of a program.
const (
	opChar     = iota // r
	opAny             // . without m.s: not a line end
	opClass           // class
	opSplit           // try x, then y
	opJump            // to x
	opSave            // slot x = position
	opClear           // slots x to y-1 = -1
	opProgress        // fail if slot x = position
	opStart           // ^
	opEnd             // $
	opWord            // \b, or with neg \B
	opBack            // back reference to group x
	opLook            // look-around over the program up to x; neg
	opMatch
)

type instruction struct {
	op   uint8
	neg  bool
	back bool // moves towards the start (inside a look-behind)
	r    rune
	x, y int
	set  *runeSet
}

// runeSet is a character class.
type runeSet struct {
	ranges []rune // pairs
	not    bool
}

func (s *runeSet) has(r rune) bool {
	for i := 0; i < len(s.ranges); i += 2 {
		if r >= s.ranges[i] && r <= s.ranges[i+1] {
			return !s.not
		}
	}
	return s.not
}

// program is a compiled regular expression.
type program struct {
	code   []instruction
	groups int // captures, without the whole match
	slots  int
	fold   bool // i
	multi  bool // m
}

// maxProgram bounds a program, mainly against nested counted repetitions.
const maxProgram = 20000

// maxGroupDepth bounds the nesting of groups.
const maxGroupDepth = 200

type regexParser struct {
	src   string
	i     int
	p     *program
	names []string // of groups, by number from 1
	total int
	depth int
	back  bool
}

// parseRegex compiles a pattern; flags may hold i and m.
func parseRegex(src, flags string) (*program, error) {
	p := &program{fold: strings.Contains(flags, "i"), multi: strings.Contains(flags, "m")}
	rp := &regexParser{src: src, p: p}
	rp.countGroups()
	p.groups = rp.total
	p.slots = 2 * (rp.total + 1)
	rp.names = make([]string, 1)
	p.code = append(p.code, instruction{op: opSave, x: 0})
	body, err := rp.alternatives()
	if err != nil {
		return nil, err
	}
	if rp.i < len(src) {
		return nil, errRegex
	}
	p.code = append(p.code, moved(body, 1)...)
	p.code = append(p.code, instruction{op: opSave, x: 1}, instruction{op: opMatch})
	if len(p.code) > maxProgram {
		return nil, errRegex
	}
	return p, nil
}

// countGroups finds how many groups there are, so that \1 before its group is known to be one.
func (rp *regexParser) countGroups() {
	inClass := false
	for i := 0; i < len(rp.src); i++ {
		switch rp.src[i] {
		case '\\':
			i++
		case '[':
			inClass = true
		case ']':
			inClass = false
		case '(':
			rest := rp.src[i+1:]
			if !inClass && (!strings.HasPrefix(rest, "?") || isNamedGroup(rest)) {
				rp.total++
			}
		}
	}
}

func isNamedGroup(rest string) bool {
	return strings.HasPrefix(rest, "?<") && !strings.HasPrefix(rest, "?<=") && !strings.HasPrefix(rest, "?<!")
}

// The parsing methods return code whose jumps are relative to its first instruction.

func (rp *regexParser) alternatives() ([]instruction, error) {
	rp.depth++
	defer func() { rp.depth-- }()
	if rp.depth > maxGroupDepth {
		return nil, errRegex
	}
	left, err := rp.sequence()
	if err != nil {
		return nil, err
	}
	branches := [][]instruction{left}
	size := len(left)
	for rp.i < len(rp.src) && rp.src[rp.i] == '|' {
		rp.i++
		right, err := rp.sequence()
		if err != nil {
			return nil, err
		}
		branches = append(branches, right)
		if size += len(right) + 2; size > maxProgram {
			return nil, errRegex
		}
	}
	out := make([]instruction, 0, size)
	for i, b := range branches {
		if i == len(branches)-1 {
			out = append(out, moved(b, len(out))...)
			break
		}
		at := len(out)
		out = append(out, instruction{op: opSplit, x: at + 1, y: at + len(b) + 2})
		out = append(out, moved(b, at+1)...)
		out = append(out, instruction{op: opJump, x: size})
	}
	return out, nil
}

// moved returns the code with its jumps shifted by n.
func moved(code []instruction, n int) []instruction {
	out := slices.Clone(code)
	for i := range out {
		switch out[i].op {
		case opSplit:
			out[i].x += n
			out[i].y += n
		case opJump, opLook:
			out[i].x += n
		}
	}
	return out
}

func (rp *regexParser) sequence() ([]instruction, error) {
	var parts [][]instruction
	size := 0
	for rp.i < len(rp.src) && rp.src[rp.i] != '|' && rp.src[rp.i] != ')' {
		part, err := rp.repeated()
		if err != nil {
			return nil, err
		}
		parts = append(parts, part)
		if size += len(part); size > maxProgram {
			return nil, errRegex
		}
	}
	if rp.back {
		slices.Reverse(parts)
	}
	out := make([]instruction, 0, size)
	for _, part := range parts {
		out = append(out, moved(part, len(out))...)
	}
	return out, nil
}

// repeated reads an atom and its quantifier.
func (rp *regexParser) repeated() ([]instruction, error) {
	first := len(rp.names)
	start := rp.i
	atom, err := rp.atom()
	if err != nil {
		return nil, err
	}
	lo, hi, ok := rp.quantifier()
	if !ok {
		return atom, nil
	}
	if c := rp.src[start]; c == '^' || c == '$' || strings.HasPrefix(rp.src[start:], "\\b") || strings.HasPrefix(rp.src[start:], "\\B") || strings.HasPrefix(rp.src[start:], "(?<=") || strings.HasPrefix(rp.src[start:], "(?<!") {
		return nil, errRegex
	}
	lazy := rp.i < len(rp.src) && rp.src[rp.i] == '?'
	if lazy {
		rp.i++
	}
	if hi >= 0 && hi < lo {
		return nil, errRegex
	}
	captures := len(rp.names) - first
	if captures > 0 {
		clear := instruction{op: opClear, x: 2 * first, y: 2 * len(rp.names)}
		atom = append([]instruction{clear}, moved(atom, 1)...)
	}
	return rp.repeat(atom, lo, hi, lazy)
}

// quantifier reads *, +, ? or {n,m}; hi is -1 without an upper bound.
func (rp *regexParser) quantifier() (lo, hi int, ok bool) {
	if rp.i >= len(rp.src) {
		return 0, 0, false
	}
	switch rp.src[rp.i] {
	case '*':
		rp.i++
		return 0, -1, true
	case '+':
		rp.i++
		return 1, -1, true
	case '?':
		rp.i++
		return 0, 1, true
	case '{':
		return rp.braces()
	}
	return 0, 0, false
}

func (rp *regexParser) braces() (lo, hi int, ok bool) {
	number := func(i int) (int, int) {
		n, j := 0, i
		for j < len(rp.src) && rp.src[j] >= '0' && rp.src[j] <= '9' {
			n = min(n*10+int(rp.src[j]-'0'), maxProgram)
			j++
		}
		return n, j
	}
	lo, j := number(rp.i + 1)
	if j == rp.i+1 {
		return 0, 0, false
	}
	hi = lo
	if j < len(rp.src) && rp.src[j] == ',' {
		var k int
		if hi, k = number(j + 1); k == j+1 {
			hi = -1
		}
		j = k
	}
	if j >= len(rp.src) || rp.src[j] != '}' {
		return 0, 0, false
	}
	rp.i = j + 1
	return lo, hi, true
}

// repeat makes the code of an atom from lo to hi times.
func (rp *regexParser) repeat(atom []instruction, lo, hi int, lazy bool) ([]instruction, error) {
	times := lo
	if hi > 0 {
		times = hi
	}
	if times*(len(atom)+3) > maxProgram {
		return nil, errRegex
	}
	var out []instruction
	for range lo {
		out = append(out, moved(atom, len(out))...)
	}
	// A pass that matches nothing must not be repeated for ever.
	slot := rp.p.slots
	rp.p.slots++
	pass := make([]instruction, 0, len(atom)+2)
	pass = append(pass, instruction{op: opSave, x: slot})
	pass = append(pass, moved(atom, 1)...)
	pass = append(pass, instruction{op: opProgress, x: slot})
	split := func(at, on, off int) instruction {
		if lazy {
			on, off = off, on
		}
		return instruction{op: opSplit, x: at + on, y: at + off}
	}
	if hi < 0 {
		at := len(out)
		out = append(out, split(at, 1, len(pass)+2))
		out = append(out, moved(pass, at+1)...)
		return append(out, instruction{op: opJump, x: at}), nil
	}
	end := len(out) + (hi-lo)*(len(pass)+1)
	for range hi - lo {
		at := len(out)
		out = append(out, split(at, 1, end-at))
		out = append(out, moved(pass, at+1)...)
	}
	return out, nil
}

func (rp *regexParser) one(in instruction) ([]instruction, error) {
	in.back = rp.back
	return []instruction{in}, nil
}

func (rp *regexParser) atom() ([]instruction, error) {
	c := rp.src[rp.i]
	switch c {
	case '^':
		rp.i++
		return rp.one(instruction{op: opStart})
	case '$':
		rp.i++
		return rp.one(instruction{op: opEnd})
	case '.':
		rp.i++
		return rp.one(instruction{op: opAny})
	case '(':
		return rp.group()
	case '[':
		return rp.class()
	case '\\':
		return rp.escape()
	case '*', '+', '?':
		return nil, errRegex
	case '{':
		if _, _, ok := rp.braces(); ok {
			return nil, errRegex
		}
	}
	r, n := utf8.DecodeRuneInString(rp.src[rp.i:])
	rp.i += n
	return rp.one(instruction{op: opChar, r: r})
}

func (rp *regexParser) group() ([]instruction, error) {
	rest := rp.src[rp.i:]
	look := func(prefix string, neg, behind bool) ([]instruction, error) {
		rp.i += len(prefix)
		was := rp.back
		rp.back = behind
		body, err := rp.alternatives()
		rp.back = was
		if err == nil {
			err = rp.close()
		}
		if err != nil {
			return nil, err
		}
		out := []instruction{{op: opLook, neg: neg, x: len(body) + 2}}
		out = append(out, moved(body, 1)...)
		return append(out, instruction{op: opMatch}), nil
	}
	switch {
	case strings.HasPrefix(rest, "(?="):
		return look("(?=", false, false)
	case strings.HasPrefix(rest, "(?!"):
		return look("(?!", true, false)
	case strings.HasPrefix(rest, "(?<="):
		return look("(?<=", false, true)
	case strings.HasPrefix(rest, "(?<!"):
		return look("(?<!", true, true)
	case strings.HasPrefix(rest, "(?:"):
		rp.i += 3
		body, err := rp.alternatives()
		if err == nil {
			err = rp.close()
		}
		return body, err
	}
	name := ""
	if strings.HasPrefix(rest, "(?") {
		end := strings.IndexByte(rest, '>')
		if !isNamedGroup(rest[1:]) || end < 4 {
			return nil, errRegex
		}
		name = rest[3:end]
		if slices.Contains(rp.names, name) {
			return nil, errRegex
		}
		rp.i += end + 1
	} else {
		rp.i++
	}
	number := len(rp.names)
	rp.names = append(rp.names, name)
	body, err := rp.alternatives()
	if err == nil {
		err = rp.close()
	}
	if err != nil {
		return nil, err
	}
	open, shut := 2*number, 2*number+1
	if rp.back {
		open, shut = shut, open
	}
	out := make([]instruction, 0, len(body)+2)
	out = append(out, instruction{op: opSave, x: open})
	out = append(out, moved(body, 1)...)
	return append(out, instruction{op: opSave, x: shut}), nil
}

func (rp *regexParser) close() error {
	if rp.i >= len(rp.src) || rp.src[rp.i] != ')' {
		return errRegex
	}
	rp.i++
	return nil
}

// line ends in JavaScript
func isLineEnd(r rune) bool {
	return r == '\n' || r == '\r' || r == '\u2028' || r == '\u2029'
}

func isWordByte(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// folded reports whether two runes are the same but for their case.
func folded(a, b rune) bool {
	if a == b {
		return true
	}
	return unicode.ToUpper(a) == unicode.ToUpper(b)
}
