package jsonata

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

var (
	digitRanges = []rune{'0', '9'}
	wordRanges  = []rune{'0', '9', 'A', 'Z', '_', '_', 'a', 'z'}
	spaceRanges = []rune{'\t', '\r', ' ', ' ', 0xA0, 0xA0, 0x1680, 0x1680, 0x2000, 0x200A, 0x2028, 0x2029, 0x202F, 0x202F, 0x205F, 0x205F, 0x3000, 0x3000, 0xFEFF, 0xFEFF}
)

// negated returns what the sorted ranges leave out.
func negated(ranges []rune) []rune {
	var out []rune
	next := rune(0)
	for i := 0; i < len(ranges); i += 2 {
		if ranges[i] > next {
			out = append(out, next, ranges[i]-1)
		}
		next = ranges[i+1] + 1
	}
	return append(out, next, utf8.MaxRune)
}

// named gives the class of \d, \w, \s and their opposites.
func named(c byte) ([]rune, bool) {
	switch c {
	case 'd':
		return digitRanges, true
	case 'D':
		return negated(digitRanges), true
	case 'w':
		return wordRanges, true
	case 'W':
		return negated(wordRanges), true
	case 's':
		return spaceRanges, true
	case 'S':
		return negated(spaceRanges), true
	}
	return nil, false
}

// escape reads a backslash outside a class.
func (rp *regexParser) escape() ([]instruction, error) {
	if rp.i+1 >= len(rp.src) {
		return nil, errRegex
	}
	c := rp.src[rp.i+1]
	if ranges, ok := named(c); ok {
		rp.i += 2
		return rp.one(instruction{op: opClass, set: &runeSet{ranges: ranges}})
	}
	switch {
	case c == 'b' || c == 'B':
		rp.i += 2
		return rp.one(instruction{op: opWord, neg: c == 'B'})
	case c >= '1' && c <= '9':
		j := digitsFrom(rp.src, rp.i+1)
		n, err := strconv.Atoi(rp.src[rp.i+1 : j])
		if err == nil && n <= rp.total {
			rp.i = j
			return rp.one(instruction{op: opBack, x: n})
		}
	case c == 'k' && strings.HasPrefix(rp.src[rp.i:], "\\k<"):
		end := strings.IndexByte(rp.src[rp.i:], '>')
		if end > 0 {
			if n := slices.Index(rp.names, rp.src[rp.i+3:rp.i+end]); n > 0 {
				rp.i += end + 1
				return rp.one(instruction{op: opBack, x: n})
			}
		}
	}
	r, err := rp.character()
	if err != nil {
		return nil, err
	}
	return rp.one(instruction{op: opChar, r: r})
}

// character reads an escape that stands for one character.
func (rp *regexParser) character() (rune, error) {
	c := rp.src[rp.i+1]
	hex := func(n int) (rune, bool) {
		from := rp.i + 2
		if from+n > len(rp.src) {
			return 0, false
		}
		v, err := strconv.ParseUint(rp.src[from:from+n], 16, 32)
		if err != nil {
			return 0, false
		}
		rp.i = from + n
		return rune(v), true
	}
	switch c {
	case 't', 'n', 'v', 'f', 'r':
		rp.i += 2
		return map[byte]rune{'t': '\t', 'n': '\n', 'v': '\v', 'f': '\f', 'r': '\r'}[c], nil
	case '0':
		rp.i += 2
		return 0, nil
	case 'c':
		if rp.i+2 < len(rp.src) && isWordByte(rp.src[rp.i+2]) && rp.src[rp.i+2] > '9' && rp.src[rp.i+2] != '_' {
			r := rune(rp.src[rp.i+2] % 32)
			rp.i += 3
			return r, nil
		}
	case 'x':
		if r, ok := hex(2); ok {
			return r, nil
		}
	case 'u':
		if r, ok := hex(4); ok {
			if r >= 0xD800 && r < 0xDC00 && strings.HasPrefix(rp.src[rp.i:], "\\u") {
				was := rp.i
				if lo, ok := hex(4); ok && lo >= 0xDC00 && lo < 0xE000 {
					return 0x10000 + (r-0xD800)<<10 + lo - 0xDC00, nil
				}
				rp.i = was
			}
			if r >= 0xD800 && r < 0xE000 {
				r = utf8.RuneError
			}
			return r, nil
		}
	}
	r, n := utf8.DecodeRuneInString(rp.src[rp.i+1:])
	rp.i += 1 + n
	return r, nil
}

// class reads [...].
func (rp *regexParser) class() ([]instruction, error) {
	rp.i++
	set := &runeSet{}
	if rp.i < len(rp.src) && rp.src[rp.i] == '^' {
		set.not = true
		rp.i++
	}
	for {
		if rp.i >= len(rp.src) {
			return nil, errRegex
		}
		if rp.src[rp.i] == ']' {
			rp.i++
			break
		}
		lo, ranges, err := rp.classItem()
		if err != nil {
			return nil, err
		}
		if ranges != nil {
			set.ranges = append(set.ranges, ranges...)
			continue
		}
		hi := lo
		if rp.i+1 < len(rp.src) && rp.src[rp.i] == '-' && rp.src[rp.i+1] != ']' {
			back := rp.i
			rp.i++
			h, ranges, err := rp.classItem()
			if err != nil {
				return nil, err
			}
			if ranges != nil {
				rp.i = back + 1
				set.ranges = append(set.ranges, lo, lo, '-', '-')
				continue
			}
			if hi = h; hi < lo {
				return nil, errRegex
			}
		}
		set.ranges = append(set.ranges, lo, hi)
	}
	return rp.one(instruction{op: opClass, set: set})
}

// classItem reads a character of a class, or a named class.
func (rp *regexParser) classItem() (rune, []rune, error) {
	if rp.src[rp.i] != '\\' {
		r, n := utf8.DecodeRuneInString(rp.src[rp.i:])
		rp.i += n
		return r, nil, nil
	}
	if rp.i+1 >= len(rp.src) {
		return 0, nil, errRegex
	}
	c := rp.src[rp.i+1]
	if ranges, ok := named(c); ok {
		rp.i += 2
		return 0, ranges, nil
	}
	if c == 'b' {
		rp.i += 2
		return '\b', nil, nil
	}
	r, err := rp.character()
	return r, nil, err
}
