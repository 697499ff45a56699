package jsonata

import (
	"math"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Pictures of integers, as in XPath's fn:format-integer.

type integerKind uint8

const (
	decimalPicture integerKind = iota
	letterPicture
	romanPicture
	wordPicture
	sequencePicture // a numbering that nobody supports
)

type letterCase uint8

const (
	lowerCase letterCase = iota
	upperCase
	titleCase
)

// separator is a grouping separator, and how many digits stand right of it.
type separator struct {
	position int
	char     string
}

// integerPicture is an analysed picture.
type integerPicture struct {
	primary    integerKind
	letters    letterCase
	ordinal    bool
	token      string // of a sequencePicture
	zero       rune   // of the decimal group
	mandatory  int    // digits
	optional   int
	separators []separator // by position, from the right
	regular    int         // every so many digits the same separator; 0 if irregular
	parseWidth int         // exactly so many digits, when another number follows
}

// decimalGroups are the zeros of Unicode's decimal digits in the basic plane.
var decimalGroups = []rune{
	0x30, 0x0660, 0x06F0, 0x07C0, 0x0966, 0x09E6, 0x0A66, 0x0AE6, 0x0B66, 0x0BE6, 0x0C66, 0x0CE6, 0x0D66, 0x0DE6, 0x0E50, 0x0ED0,
	0x0F20, 0x1040, 0x1090, 0x17E0, 0x1810, 0x1946, 0x19D0, 0x1A80, 0x1A90, 0x1B50, 0x1BB0, 0x1C40, 0x1C50, 0xA620, 0xA8D0,
	0xA900, 0xA9D0, 0xA9F0, 0xAA50, 0xABF0, 0xFF10,
}

// parseIntegerPicture analyses a picture such as "#,##0", "I", "Ww" or "1;o".
func parseIntegerPicture(text string) (*integerPicture, error) {
	p := &integerPicture{}
	if i := strings.LastIndexByte(text, ';'); i >= 0 {
		p.ordinal = strings.HasPrefix(text[i+1:], "o")
		text = text[:i]
	}
	switch text {
	case "A", "a":
		p.primary = letterPicture
	case "I", "i":
		p.primary = romanPicture
	case "W", "w", "Ww":
		p.primary = wordPicture
	default:
		return p, p.decimal(text)
	}
	switch text {
	case "A", "I", "W":
		p.letters = upperCase
	case "Ww":
		p.letters = titleCase
	}
	return p, nil
}

// decimal analyses a pattern of digits.
func (p *integerPicture) decimal(text string) error {
	runes := []rune(text)
	position := 0
	for i := len(runes) - 1; i >= 0; i-- {
		r := runes[i]
		zero := rune(-1)
		for _, g := range decimalGroups {
			if r >= g && r <= g+9 {
				zero = g
				break
			}
		}
		switch {
		case zero >= 0:
			if p.mandatory > 0 && p.zero != zero {
				return fault("D3131")
			}
			p.zero = zero
			p.mandatory++
			position++
		case r == '#':
			p.optional++
			position++
		default:
			p.separators = append(p.separators, separator{position, string(r)})
		}
	}
	if p.mandatory == 0 {
		p.primary, p.token = sequencePicture, text
		return nil
	}
	p.regular = regularInterval(p.separators)
	return nil
}

// regularInterval is the distance at which separators of one kind repeat, or 0.
func regularInterval(list []separator) int {
	if len(list) == 0 {
		return 0
	}
	factor := 0
	for _, s := range list {
		if s.char != list[0].char {
			return 0
		}
		factor = gcd(factor, s.position)
	}
	for i := range list {
		found := false
		for _, s := range list {
			found = found || s.position == (i+1)*factor
		}
		if !found {
			return 0
		}
	}
	return factor
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// format writes a whole number.
func (p *integerPicture) format(f float64) (string, error) {
	negative := f < 0
	f = math.Abs(f)
	var s string
	switch p.primary {
	case letterPicture:
		s = letters(f, p.letters == upperCase)
	case romanPicture:
		s = roman(f)
		if p.letters == upperCase {
			s = strings.ToUpper(s)
		}
	case wordPicture:
		s = words(f, p.ordinal)
		switch p.letters {
		case upperCase:
			s = strings.ToUpper(s)
		case lowerCase:
			s = strings.ToLower(s)
		}
	case sequencePicture:
		return "", faultValue("D3130", p.token)
	default:
		s = p.digits(f)
	}
	if negative {
		s = "-" + s
	}
	return s, nil
}

// digits writes a number in the picture's digits, grouped.
func (p *integerPicture) digits(f float64) string {
	runes := []rune(numberText(f))
	if n := p.mandatory - len(runes); n > 0 {
		runes = append([]rune(strings.Repeat("0", n)), runes...)
	}
	if p.zero != '0' {
		for i := range runes {
			runes[i] += p.zero - '0'
		}
	}
	size := len(runes)
	var b strings.Builder
	for i, r := range runes {
		left := size - i
		if p.regular > 0 {
			if i > 0 && left%p.regular == 0 {
				b.WriteString(p.separators[0].char)
			}
		} else {
			for j := len(p.separators) - 1; j >= 0; j-- {
				if p.separators[j].position == left {
					b.WriteString(p.separators[j].char)
				}
			}
		}
		b.WriteRune(r)
	}
	if p.regular == 0 {
		for j := len(p.separators) - 1; j >= 0; j-- {
			if p.separators[j].position == 0 {
				b.WriteString(p.separators[j].char)
			}
		}
	}
	s := b.String()
	if p.ordinal {
		s += ordinalEnding(s)
	}
	return s
}

// ordinalEnding is st, nd, rd or th.
func ordinalEnding(s string) string {
	last := s[len(s)-1]
	if len(s) > 1 && s[len(s)-2] == '1' || last < '1' || last > '3' {
		return "th"
	}
	return []string{"st", "nd", "rd"}[last-'1']
}

// parse reads a number in the form of the picture; false if there is none.
func (p *integerPicture) parse(s string) (float64, bool) {
	switch p.primary {
	case letterPicture:
		first := 'a'
		if p.letters == upperCase {
			first = 'A'
		}
		f := 0.0
		for _, r := range s {
			f = f*26 + float64(r-first+1)
		}
		return f, true
	case romanPicture:
		return fromRoman(strings.ToUpper(s))
	case wordPicture:
		return fromWords(strings.ToLower(s))
	case sequencePicture:
		return 0, false
	}
	if p.ordinal {
		s = s[:max(len(s)-2, 0)]
	}
	if p.regular > 0 {
		s = strings.ReplaceAll(s, ",", "")
	} else {
		for _, sep := range p.separators {
			s = strings.ReplaceAll(s, sep.char, "")
		}
	}
	return leadingNumber(s, p.zero)
}

// leadingNumber is JavaScript's parseInt, for digits of any decimal group.
func leadingNumber(s string, zero rune) (float64, bool) {
	s = strings.TrimLeftFunc(s, unicode.IsSpace)
	sign := 1.0
	if strings.HasPrefix(s, "-") {
		sign, s = -1, s[1:]
	} else {
		s = strings.TrimPrefix(s, "+")
	}
	f, n := 0.0, 0
	for _, r := range s {
		d := r - zero
		if d < 0 || d > 9 {
			break
		}
		f = f*10 + float64(d)
		n++
	}
	if n > 15 && zero == '0' {
		f = parseNumber(s[:n])
	}
	return sign * f, n > 0
}

// letters counts a, b, ... z, aa, ab, ...
func letters(f float64, capital bool) string {
	first := byte('a')
	if capital {
		first = 'A'
	}
	var b []byte
	for f > 0 && len(b) < 1000 {
		b = append(b, first+byte(math.Mod(f-1, 26)))
		f = math.Floor((f - 1) / 26)
	}
	for i, j := 0, len(b)-1; i < j; i, j = i+1, j-1 {
		b[i], b[j] = b[j], b[i]
	}
	return string(b)
}

var romanNumerals = []struct {
	value float64
	text  string
}{
	{1000, "m"}, {900, "cm"}, {500, "d"}, {400, "cd"}, {100, "c"}, {90, "xc"},
	{50, "l"}, {40, "xl"}, {10, "x"}, {9, "ix"}, {5, "v"}, {4, "iv"}, {1, "i"},
}

// roman writes lower-case Roman numerals.
func roman(f float64) string {
	var b strings.Builder
	for _, n := range romanNumerals {
		for f >= n.value && b.Len() < maxRoman {
			b.WriteString(n.text)
			f -= n.value
		}
	}
	return b.String()
}

// maxRoman bounds a Roman number, which grows by a letter per thousand.
const maxRoman = 1 << 16

func fromRoman(s string) (float64, bool) {
	total, most := 0.0, 1.0
	for i := len(s) - 1; i >= 0; i-- {
		v := 0.0
		switch s[i] {
		case 'M':
			v = 1000
		case 'D':
			v = 500
		case 'C':
			v = 100
		case 'L':
			v = 50
		case 'X':
			v = 10
		case 'V':
			v = 5
		case 'I':
			v = 1
		default:
			return 0, false
		}
		if v < most {
			total -= v
		} else {
			most = v
			total += v
		}
	}
	return total, true
}

// firstRunes is the first n characters of s.
func firstRunes(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return cutRunes(s, 0, n)
}
