package jsonata

import (
	"math"
	"math/big"
	"regexp"
	"strconv"

	"millrace/asl/document"
)

// num returns the i-th argument if it is a number.
func num(args []any, i int) (float64, bool) { return number(argAt(args, i)) }

// ofNumber makes a function of one number.
func ofNumber(f func(float64) float64) native {
	return func(_ *evaluator, args []any) (any, error) {
		x, ok := num(args, 0)
		if !ok {
			return Undefined, nil
		}
		return f(x), nil
	}
}

// ofNumbers makes a function of an array of numbers; empty arrays give undefined unless zero is set.
func ofNumbers(zero bool, f func(list) float64) native {
	return func(ev *evaluator, args []any) (any, error) {
		l, ok := asList(argAt(args, 0))
		if !ok || l.n == 0 && !zero {
			return Undefined, nil
		}
		if err := ev.charge(l.n); err != nil {
			return nil, err
		}
		return f(l), nil
	}
}

func sum(l list) float64 {
	total := 0.0
	for i := range l.n {
		x, _ := number(l.at(i))
		total += x
	}
	return total
}

func average(l list) float64 { return sum(l) / float64(l.n) }

func largest(l list) float64 {
	most := math.Inf(-1)
	for i := range l.n {
		x, _ := number(l.at(i))
		most = math.Max(most, x)
	}
	return most
}

func smallest(l list) float64 {
	least := math.Inf(1)
	for i := range l.n {
		x, _ := number(l.at(i))
		least = math.Min(least, x)
	}
	return least
}

var (
	decimalNumber = regexp.MustCompile(`^-?[0-9]+(\.[0-9]+)?([Ee][-+]?[0-9]+)?$`)
	// The reference looks for these anywhere in a text, each in its own way, and
	// gives NaN where JavaScript takes no number: what is left is space around them.
	basedNumber = regexp.MustCompile(`^(?:(0[xX][0-9A-Fa-f]+)` + space + `*|` + space + `*(0[oO][0-7]+)` + space + `*|` + space + `*(0[bB][0-1]+))$`)
)

// space is what JavaScript trims from a number.
const space = `[\t-\r \x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}\x{feff}]`

// based is the number of a text with digits of base 16, 8 or 2.
func based(text string) (float64, bool) {
	m := basedNumber.FindStringSubmatch(text)
	if m == nil {
		return 0, false
	}
	n, ok := new(big.Int).SetString(m[1]+m[2]+m[3], 0)
	if !ok {
		return 0, false
	}
	f, _ := n.Float64()
	return f, !math.IsInf(f, 0)
}

// fnNumber is $number.
func fnNumber(_ *evaluator, args []any) (any, error) {
	switch v := argAt(args, 0).(type) {
	case undefinedValue, float64, document.Number:
		return v, nil
	case bool:
		if v {
			return 1.0, nil
		}
		return 0.0, nil
	case string:
		if decimalNumber.MatchString(v) {
			if f, err := strconv.ParseFloat(v, 64); err == nil {
				return f, nil
			}
		} else if f, ok := based(v); ok {
			return f, nil
		}
	}
	e := faultValue("D3030", argAt(args, 0))
	e.Index = 1
	return nil, e
}

// fnRound is $round.
func fnRound(_ *evaluator, args []any) (any, error) {
	x, ok := num(args, 0)
	if !ok {
		return Undefined, nil
	}
	precision, ok := num(args, 1)
	if !ok || precision == 0 {
		return round(x, 0), nil
	}
	if precision != math.Trunc(precision) || math.Abs(precision) > 1e6 {
		return math.NaN(), nil
	}
	return round(x, int(precision)), nil
}

// fnPower is $power.
func fnPower(_ *evaluator, args []any) (any, error) {
	x, ok := num(args, 0)
	if !ok {
		return Undefined, nil
	}
	y, ok := num(args, 1)
	r := pow(x, y)
	if !ok || math.IsInf(r, 0) || r != r {
		e := faultValue("D3061", x)
		e.Value2, e.Index = argAt(args, 1), 1
		return nil, e
	}
	return r, nil
}

// pow is math.Pow, but with whole and half exponents exact to the last digit,
// which repeated multiplication in float64 is not.
func pow(x, y float64) float64 {
	whole := math.Trunc(y)
	half := math.Abs(y-whole) == 0.5
	if !half && y != whole || math.Abs(y) > 1<<20 || x == 0 || math.IsInf(x, 0) || half && x < 0 {
		return math.Pow(x, y)
	}
	r := double{1, 0}
	base := double{x, 0}
	for n := int(math.Abs(whole)); n > 0; n >>= 1 {
		if n&1 == 1 {
			r = r.times(base)
		}
		base = base.times(base)
	}
	if half {
		root := math.Sqrt(x)
		rest := math.FMA(-root, root, x) / (2 * root)
		r = r.times(double{root, rest})
	}
	f := r.high + r.low
	if y < 0 {
		inverse := 1 / r.high
		f = inverse - inverse*(math.FMA(r.high, inverse, -1)+r.low*inverse)
	}
	if size := math.Abs(f); !(size > 1e-290 && size < 1e290) || !(math.Abs(r.high) > 1e-290 && math.Abs(r.high) < 1e290) {
		return math.Pow(x, y)
	}
	return f
}

// double is a number of twice float64's precision, the sum of its parts.
type double struct{ high, low float64 }

func (a double) times(b double) double {
	p := a.high * b.high
	e := math.FMA(a.high, b.high, -p) + a.high*b.low + a.low*b.high
	high := p + e
	return double{high, e - (high - p)}
}

// fnSqrt is $sqrt.
func fnSqrt(_ *evaluator, args []any) (any, error) {
	x, ok := num(args, 0)
	if !ok {
		return Undefined, nil
	}
	if x < 0 {
		e := faultValue("D3060", x)
		e.Index = 1
		return nil, e
	}
	return math.Sqrt(x), nil
}

// fnFormatBase is $formatBase.
func fnFormatBase(_ *evaluator, args []any) (any, error) {
	x, ok := num(args, 0)
	if !ok {
		return Undefined, nil
	}
	base := 10.0
	if b, ok := num(args, 1); ok {
		base = round(b, 0)
	}
	if !(base >= 2 && base <= 36) {
		return nil, faultValue("D3100", base)
	}
	return inBase(round(x, 0), int(base)), nil
}

func (ev *evaluator) random() float64 {
	if ev.b.Rand == nil {
		return 0
	}
	return ev.b.Rand()
}

func fnRandom(ev *evaluator, _ []any) (any, error) { return ev.random(), nil }

// fnFormatInteger is $formatInteger.
func fnFormatInteger(ev *evaluator, args []any) (any, error) {
	x, ok := num(args, 0)
	if !ok {
		return Undefined, nil
	}
	text, err := picture(ev, args, 1)
	if err != nil {
		return nil, err
	}
	p, err := parseIntegerPicture(text)
	if err != nil {
		return nil, err
	}
	out, err := p.format(math.Floor(x))
	if err != nil {
		return nil, err
	}
	return ev.made(out)
}

// fnParseInteger is $parseInteger.
func fnParseInteger(ev *evaluator, args []any) (any, error) {
	s, ok := str(args, 0)
	if !ok {
		return Undefined, nil
	}
	text, err := picture(ev, args, 1)
	if err != nil {
		return nil, err
	}
	p, err := parseIntegerPicture(text)
	if err != nil {
		return nil, err
	}
	if p.primary == sequencePicture {
		return nil, faultValue("D3130", p.token)
	}
	if err := ev.charge(len(s)); err != nil {
		return nil, err
	}
	f, ok := p.parse(s)
	if !ok {
		return Undefined, nil
	}
	return f, nil
}

// maxPicture bounds the pictures of numbers and times, in bytes.
const maxPicture = 4096

// picture returns the picture string that is the i-th argument.
func picture(ev *evaluator, args []any, i int) (string, error) {
	s, _ := str(args, i)
	if len(s) > maxPicture {
		return "", fault("D2015")
	}
	return s, ev.charge(len(s))
}

// fnFormatNumber is $formatNumber.
func fnFormatNumber(ev *evaluator, args []any) (any, error) {
	x, ok := num(args, 0)
	if !ok {
		return Undefined, nil
	}
	text, err := picture(ev, args, 1)
	if err != nil {
		return nil, err
	}
	out, err := formatNumber(x, text, members(argAt(args, 2)))
	if err != nil {
		return nil, err
	}
	return ev.made(out)
}
