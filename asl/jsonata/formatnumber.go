package jsonata

import (
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"millrace/asl/document"
)

// numberFormat are the characters that mean something in a picture of a number
// (XPath's decimal format); $formatNumber's third argument changes them.
type numberFormat struct {
	decimal, grouping, exponent, minus, percent, perMille, digit, separator string

	zero rune
}

func newNumberFormat(options *document.Object) (*numberFormat, error) {
	f := &numberFormat{
		decimal: ".", grouping: ",", exponent: "e", minus: "-",
		percent: "%", perMille: "\u2030", digit: "#", separator: ";", zero: '0',
	}
	if options == nil {
		return f, nil
	}
	fields := map[string]*string{
		"decimal-separator": &f.decimal, "grouping-separator": &f.grouping, "exponent-separator": &f.exponent,
		"minus-sign": &f.minus, "percent": &f.percent, "per-mille": &f.perMille,
		"digit": &f.digit, "pattern-separator": &f.separator,
	}
	for i := range options.Len() {
		k, v := options.At(i)
		s, ok := v.(string)
		if k == "zero-digit" && ok && s != "" {
			f.zero, _ = utf8.DecodeRuneInString(s)
		}
		if field := fields[k]; field != nil {
			if !ok || len(s) > 64 {
				e := faultValue("T0410", v)
				e.Index = 3
				return nil, e
			}
			*field = s
		}
	}
	return f, nil
}

func (f *numberFormat) isDigit(r rune) bool { return r >= f.zero && r < f.zero+10 }

// active reports whether a character has a meaning between the first and the last such character.
func (f *numberFormat) active(r rune) bool {
	c := string(r)
	return f.isDigit(r) || c == f.decimal || c == f.exponent || c == f.grouping || c == f.digit || c == f.separator
}

// count counts the digits of a part, with the optional ones or without.
func (f *numberFormat) count(part string, optional bool) int {
	n := 0
	for _, r := range part {
		if f.isDigit(r) || optional && string(r) == f.digit {
			n++
		}
	}
	return n
}

// subPicture is one of the at most two pictures, for numbers from zero and below zero.
type subPicture struct {
	text           string
	prefix, suffix string
	middle         string // between prefix and suffix
	mantissa       string
	exponent       string
	hasExponent    bool
	integer        string
	fraction       string

	minInteger, scaling, minFraction, maxFraction, minExponent int

	integerGroups, fractionGroups []int
	regular                       int
}

// split finds the parts of a sub-picture.
func (f *numberFormat) split(text string) *subPicture {
	p := &subPicture{text: text}
	marks := func(r rune) bool { return f.active(r) && string(r) != f.exponent }
	first := strings.IndexFunc(text, marks)
	if first >= 0 {
		p.prefix = text[:first]
		last := strings.LastIndexFunc(text, marks)
		_, n := utf8.DecodeRuneInString(text[last:])
		p.suffix = text[last+n:]
	}
	p.middle = text[len(p.prefix) : len(text)-len(p.suffix)]
	p.mantissa = p.middle
	if f.exponent != "" {
		// An exponent separator right behind the middle is an exponent without digits.
		i := strings.Index(text[len(p.prefix):], f.exponent)
		if i >= 0 && i <= len(p.middle) {
			p.mantissa, p.hasExponent = p.middle[:i], true
			p.exponent = p.middle[min(i+len(f.exponent), len(p.middle)):]
		}
	}
	p.integer, p.fraction = p.mantissa, p.suffix
	if i := strings.Index(p.mantissa, f.decimal); i >= 0 && f.decimal != "" {
		p.integer, p.fraction = p.mantissa[:i], p.mantissa[i+len(f.decimal):]
	}
	return p
}

// check applies the rules for sub-pictures; of several broken ones the last counts.
func (f *numberFormat) check(p *subPicture) error {
	code := ""
	several := func(s string) bool { return s != "" && strings.Count(p.text, s) > 1 }
	percent, perMille := strings.Contains(p.text, f.percent), strings.Contains(p.text, f.perMille)
	if several(f.decimal) {
		code = "D3081"
	}
	if several(f.percent) {
		code = "D3082"
	}
	if several(f.perMille) {
		code = "D3083"
	}
	if percent && perMille {
		code = "D3084"
	}
	if f.count(p.mantissa, true) == 0 {
		code = "D3085"
	}
	if strings.ContainsFunc(p.middle, func(r rune) bool { return !f.active(r) }) {
		code = "D3086"
	}
	if i := strings.Index(p.text, f.decimal); i >= 0 {
		if strings.HasSuffix(p.text[:i], f.grouping) || strings.HasPrefix(p.text[i+len(f.decimal):], f.grouping) {
			code = "D3087"
		}
	} else if strings.HasSuffix(p.integer, f.grouping) {
		code = "D3088"
	}
	if strings.Contains(p.text, f.grouping+f.grouping) {
		code = "D3089"
	}
	if i := strings.Index(p.integer, f.digit); i >= 0 && f.count(p.integer[:i], false) > 0 {
		code = "D3090"
	}
	if i := strings.LastIndex(p.fraction, f.digit); i >= 0 && f.count(p.fraction[i:], false) > 0 {
		code = "D3091"
	}
	if p.hasExponent {
		if p.exponent != "" && (percent || perMille) {
			code = "D3092"
		}
		if p.exponent == "" || strings.ContainsFunc(p.exponent, func(r rune) bool { return !f.isDigit(r) }) {
			code = "D3093"
		}
	}
	if code != "" {
		return fault(code)
	}
	return nil
}

// analyse works out the sizes and groups of a sub-picture.
func (f *numberFormat) analyse(p *subPicture) {
	for i := 0; ; {
		j := strings.Index(p.integer[i:], f.grouping)
		if j < 0 || f.grouping == "" {
			break
		}
		p.integerGroups = append(p.integerGroups, f.count(p.integer[i+j:], true))
		i += j + len(f.grouping)
	}
	for i := 0; ; {
		j := strings.Index(p.fraction[i:], f.grouping)
		if j < 0 || f.grouping == "" {
			break
		}
		p.fractionGroups = append(p.fractionGroups, f.count(p.fraction[:i+j], true))
		i += j + len(f.grouping)
	}
	factor := 0
	for _, g := range p.integerGroups {
		factor = gcd(factor, g)
	}
	p.regular = factor
	for i := range p.integerGroups {
		if !slices.Contains(p.integerGroups, (i+1)*factor) {
			p.regular = 0
		}
	}
	p.minInteger = f.count(p.integer, false)
	p.scaling = p.minInteger
	p.minFraction, p.maxFraction = f.count(p.fraction, false), f.count(p.fraction, true)
	if p.minInteger == 0 && p.maxFraction == 0 {
		if p.hasExponent {
			p.minFraction, p.maxFraction = 1, 1
		} else {
			p.minInteger = 1
		}
	}
	if p.hasExponent && p.minInteger == 0 && strings.Contains(p.integer, f.digit) {
		p.minInteger = 1
	}
	if p.minInteger == 0 && p.minFraction == 0 {
		p.minFraction = 1
	}
	if p.hasExponent {
		p.minExponent = f.count(p.exponent, false)
	}
}

// formatNumber writes a number as XPath's fn:format-number does.
func formatNumber(x float64, text string, options *document.Object) (string, error) {
	f, err := newNumberFormat(options)
	if err != nil {
		return "", err
	}
	texts := []string{text}
	if f.separator != "" {
		texts = strings.Split(text, f.separator)
	}
	if len(texts) > 2 {
		return "", fault("D3080")
	}
	var pictures []*subPicture
	for _, t := range texts {
		p := f.split(t)
		if err := f.check(p); err != nil {
			return "", err
		}
		pictures = append(pictures, p)
	}
	for _, p := range pictures {
		f.analyse(p)
	}
	p, prefix := pictures[0], pictures[0].prefix
	if !(x >= 0) {
		if len(pictures) == 2 {
			p, prefix = pictures[1], pictures[1].prefix
		} else {
			prefix = f.minus + prefix
		}
	}
	switch {
	case strings.Contains(p.text, f.percent):
		x *= 100
	case strings.Contains(p.text, f.perMille):
		x *= 1000
	}
	exponent := 0
	if p.minExponent > 0 {
		x, exponent = scaled(x, p.scaling)
	}
	integer, fraction := f.plain(round(x, min(p.maxFraction, 100)), p)
	s := f.group(p, integer, fraction)
	if p.minExponent > 0 {
		e := f.localized(fixed(float64(exponent), 0))
		if n := p.minExponent - utf8.RuneCountInString(e); n > 0 {
			e = strings.Repeat(string(f.zero), n) + e
		}
		if exponent < 0 {
			e = f.minus + e
		}
		s += f.exponent + e
	}
	return prefix + s + p.suffix, nil
}

// scaled brings a number to so many digits before the point, by a power of ten.
func scaled(x float64, digits int) (float64, int) {
	exponent := 0
	if x == 0 || math.IsInf(x, 0) || x != x {
		return x, 0
	}
	most, least := math.Pow(10, float64(digits)), math.Pow(10, float64(digits-1))
	for math.Abs(x) < least && exponent > -1000 {
		x *= 10
		exponent--
	}
	for math.Abs(x) > most && exponent < 1000 {
		x /= 10
		exponent++
	}
	return x, exponent
}

// localized puts the format's digits in the place of 0 to 9.
func (f *numberFormat) localized(s string) string {
	if f.zero == '0' {
		return s
	}
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r - '0' + f.zero
		}
		return r
	}, s)
}

// plain writes the digits of a number without groups: at least the mandatory
// ones, always with a decimal separator.
func (f *numberFormat) plain(x float64, p *subPicture) (integer, fraction string) {
	integer, fraction, _ = strings.Cut(fixed(x, min(p.maxFraction, 100)), ".")
	integer = strings.TrimLeft(integer, "0")
	fraction = strings.TrimRight(fraction, "0")
	if n := p.minInteger - len(integer); n > 0 {
		integer = strings.Repeat("0", n) + integer
	}
	if n := p.minFraction - len(fraction); n > 0 {
		fraction += strings.Repeat("0", n)
	}
	return f.localized(integer), f.localized(fraction)
}

// group joins the parts of a number and puts the grouping separators in.
func (f *numberFormat) group(p *subPicture, integer, fraction string) string {
	var b strings.Builder
	left := utf8.RuneCountInString(integer)
	first := true
	for _, r := range integer {
		if !first && p.regular > 0 && left%p.regular == 0 || p.regular == 0 && !first && slices.Contains(p.integerGroups, left) {
			b.WriteString(f.grouping)
		}
		b.WriteRune(r)
		first = false
		left--
	}
	if fraction == "" || !strings.Contains(p.text, f.decimal) {
		return b.String() + fraction
	}
	b.WriteString(f.decimal)
	n := 0
	for _, r := range fraction {
		if n > 0 && slices.Contains(p.fractionGroups, n) {
			b.WriteString(f.grouping)
		}
		b.WriteRune(r)
		n++
	}
	return b.String()
}
