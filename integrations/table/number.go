package table

import (
	"math/big"
	"strconv"
	"strings"
)

// number is a decimal number of up to 38 digits: 0.digits × 10^exp, negative if
// neg. digits has no zeros at its ends; zero has none at all.
type number struct {
	neg    bool
	digits string
	exp    int
}

const maxDigits = 38

// parseNumber reads a number as DynamoDB does: any decimal with an optional
// exponent, from 1E-130 up to 9.99...E+125, of up to 38 significant digits.
func parseNumber(s string) (number, error) {
	bad := func() (number, error) {
		return number{}, validation("The parameter cannot be converted to a numeric value: %.100s", s)
	}
	var n number
	rest := s
	if rest != "" && (rest[0] == '-' || rest[0] == '+') {
		n.neg = rest[0] == '-'
		rest = rest[1:]
	}
	mantissa, power := rest, 0
	if i := strings.IndexAny(rest, "eE"); i >= 0 {
		var err error
		mantissa = rest[:i]
		if power, err = strconv.Atoi(rest[i+1:]); err != nil || power > 1<<20 || power < -1<<20 {
			return bad()
		}
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	if whole == "" && fraction == "" {
		return bad()
	}
	digits := whole + fraction
	for i := range len(digits) {
		if digits[i] < '0' || digits[i] > '9' {
			return bad()
		}
	}
	n.exp = len(whole) + power
	trimmed := strings.TrimLeft(digits, "0")
	n.exp -= len(digits) - len(trimmed)
	n.digits = strings.TrimRight(trimmed, "0")
	return n.checked()
}

// checked returns n in its one form, or the error of a number that is too large,
// too small or too long.
func (n number) checked() (number, error) {
	switch {
	case n.digits == "":
		return number{}, nil
	case len(n.digits) > maxDigits:
		return n, validation("Attempting to store more than 38 significant digits in a Number")
	case n.exp > 126:
		return n, validation("Number overflow. Attempting to store a number with magnitude larger than supported range")
	case n.exp < -129:
		return n, validation("Number underflow. Attempting to store a number with magnitude smaller than supported range")
	}
	return n, nil
}

// String is the number without an exponent, which is how DynamoDB returns it.
func (n number) String() string {
	s := n.digits
	switch {
	case s == "":
		return "0"
	case n.exp <= 0:
		s = "0." + strings.Repeat("0", -n.exp) + s
	case n.exp >= len(s):
		s += strings.Repeat("0", n.exp-len(s))
	default:
		s = s[:n.exp] + "." + s[n.exp:]
	}
	if n.neg {
		return "-" + s
	}
	return s
}

func (n number) sign() int {
	switch {
	case n.digits == "":
		return 0
	case n.neg:
		return -1
	}
	return 1
}

func (n number) cmp(m number) int {
	if a, b := n.sign(), m.sign(); a != b || a == 0 {
		return a - b
	}
	c := n.exp - m.exp
	if c == 0 {
		c = strings.Compare(n.digits, m.digits)
	}
	return c * n.sign()
}

// add returns n + m, or n - m.
func (n number) add(m number, minus bool) (number, error) {
	low := min(n.exp-len(n.digits), m.exp-len(m.digits))
	a, b := n.scaled(low), m.scaled(low)
	if minus {
		b.Neg(b)
	}
	a.Add(a, b)
	out := number{neg: a.Sign() < 0}
	digits := a.Abs(a).String()
	if digits == "0" {
		return number{}, nil
	}
	out.exp = len(digits) + low
	out.digits = strings.TrimRight(digits, "0")
	return out.checked()
}

// scaled is n as a multiple of 10^low.
func (n number) scaled(low int) *big.Int {
	i := new(big.Int)
	if n.digits == "" {
		return i
	}
	i.SetString(n.digits+strings.Repeat("0", n.exp-len(n.digits)-low), 10)
	if n.neg {
		i.Neg(i)
	}
	return i
}

// sortable encodes n so that the bytes of numbers sort as the numbers do.
func (n number) sortable() []byte {
	if n.digits == "" {
		return []byte{1}
	}
	const bias = 1000 // of the exponent
	b := make([]byte, 0, 4+len(n.digits))
	e := n.exp + bias
	b = append(b, 2, byte(e>>8), byte(e))
	b = append(b, n.digits...)
	b = append(b, 0)
	if n.neg {
		for i := range b {
			b[i] = ^b[i]
		}
		b[0] = 0
	}
	return b
}
