package jsonata

import (
	"math"
	"math/big"
	"strconv"

	"millrace/asl/document"
)

// numberText writes a number as JavaScript does.
func numberText(f float64) string {
	switch {
	case f != f:
		return "NaN"
	case math.IsInf(f, 1):
		return "Infinity"
	case math.IsInf(f, -1):
		return "-Infinity"
	}
	return string(document.Float(f))
}

// precise cuts a fraction to 15 significant digits; integers stay.
func precise(f float64) float64 {
	if f == math.Trunc(f) || math.IsInf(f, 0) || f != f {
		return f
	}
	var room [32]byte
	r, err := strconv.ParseFloat(string(strconv.AppendFloat(room[:0], f, 'e', 14, 64)), 64)
	if err != nil {
		return f
	}
	return r
}

// appendNumber writes a finite number of a string value: with 15 significant digits at most.
func appendNumber(b []byte, f float64) []byte {
	if f == math.Trunc(f) && math.Abs(f) < 1e15 {
		return strconv.AppendInt(b, int64(f), 10)
	}
	return append(b, document.Float(precise(f))...)
}

// fixed writes the size of a number with dp digits after the point, as toFixed does.
func fixed(f float64, dp int) string {
	f = math.Abs(f)
	if f >= 1e21 {
		return numberText(f)
	}
	return strconv.FormatFloat(f, 'f', dp, 64)
}

// inBase writes a whole number in a base from 2 to 36.
func inBase(f float64, base int) string {
	if base == 10 || math.IsInf(f, 0) || f != f {
		return numberText(f)
	}
	if math.Abs(f) < 1<<53 {
		return strconv.FormatInt(int64(f), base)
	}
	n, _ := big.NewFloat(f).Int(nil)
	return n.Text(base)
}

// round rounds half to even, at precision digits after the point (before it if negative).
func round(f float64, precision int) float64 {
	if math.IsInf(f, 0) || f != f {
		return f
	}
	if precision != 0 {
		f = shift(f, precision)
	}
	// JavaScript's Math.round: the nearest integer, halves upwards.
	r := math.Floor(f)
	if f-r >= 0.5 {
		r++
	}
	if math.Abs(r-f) == 0.5 && math.Abs(math.Mod(r, 2)) == 1 {
		r--
	}
	if precision != 0 {
		r = shift(r, -precision)
	}
	if r == 0 {
		return 0
	}
	return r
}

// shift moves the decimal point by writing the number and reading it with another exponent.
func shift(f float64, places int) float64 {
	text := numberText(f)
	exp := 0
	for i := range len(text) {
		if text[i] == 'e' {
			exp, _ = strconv.Atoi(text[i+1:])
			text = text[:i]
			break
		}
	}
	r, err := strconv.ParseFloat(text+"e"+strconv.Itoa(exp+places), 64)
	if err != nil && !math.IsInf(r, 0) {
		return math.NaN()
	}
	return r
}
