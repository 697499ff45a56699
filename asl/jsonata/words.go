package jsonata

import (
	"math"
	"strings"
)

var (
	smallWords = []string{
		"Zero", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine", "Ten",
		"Eleven", "Twelve", "Thirteen", "Fourteen", "Fifteen", "Sixteen", "Seventeen", "Eighteen", "Nineteen",
	}
	ordinalWords = []string{
		"Zeroth", "First", "Second", "Third", "Fourth", "Fifth", "Sixth", "Seventh", "Eighth", "Ninth", "Tenth",
		"Eleventh", "Twelfth", "Thirteenth", "Fourteenth", "Fifteenth", "Sixteenth", "Seventeenth", "Eighteenth", "Nineteenth",
	}
	tensWords      = []string{"Twenty", "Thirty", "Forty", "Fifty", "Sixty", "Seventy", "Eighty", "Ninety"}
	magnitudeWords = []string{"Thousand", "Million", "Billion", "Trillion"}
)

// words writes a whole number in English.
func words(f float64, ordinal bool) string {
	if math.IsInf(f, 0) || f != f {
		return numberText(f)
	}
	return numberWords(f, false, ordinal)
}

// numberWords writes a number, with what joins it to what came before if after is set.
func numberWords(f float64, after, ordinal bool) string {
	and, comma := "", ""
	if after {
		and, comma = " and ", ", "
	}
	switch {
	case f <= 19:
		if ordinal {
			return and + ordinalWords[int(f)]
		}
		return and + smallWords[int(f)]
	case f < 100:
		word := tensWords[int(f)/10-2]
		rest := math.Mod(f, 10)
		switch {
		case rest > 0:
			word += "-" + numberWords(rest, false, ordinal)
		case ordinal:
			word = word[:len(word)-1] + "ieth"
		}
		return and + word
	}
	factor, name := 100.0, "Hundred"
	if f >= 1000 {
		m := 0
		for factor = 1; m < len(magnitudeWords) && f >= factor*1000; m++ {
			factor *= 1000
		}
		name = magnitudeWords[m-1]
	}
	count := math.Floor(f / factor)
	rest := f - count*factor
	s := comma + numberWords(count, false, false) + " " + name
	switch {
	case rest > 0:
		s += numberWords(rest, true, ordinal)
	case ordinal:
		s += "th"
	}
	return s
}

// wordValues are the values of the words of a number, in lower case.
var wordValues = makeWordValues()

func makeWordValues() map[string]float64 {
	out := map[string]float64{"hundred": 100, "hundredth": 100}
	for i := range smallWords {
		out[strings.ToLower(smallWords[i])] = float64(i)
		out[strings.ToLower(ordinalWords[i])] = float64(i)
	}
	for i, t := range tensWords {
		t = strings.ToLower(t)
		out[t] = float64(i+2) * 10
		out[t[:len(t)-1]+"ieth"] = float64(i+2) * 10
	}
	for i, m := range magnitudeWords {
		m = strings.ToLower(m)
		out[m] = math.Pow(1000, float64(i+1))
		out[m+"th"] = out[m]
	}
	return out
}

// fromWords reads a number in English, in lower case.
func fromWords(s string) (float64, bool) {
	s = strings.ReplaceAll(s, " and ", " ")
	s = strings.ReplaceAll(s, ", ", " ")
	segments := []float64{0}
	for _, w := range strings.FieldsFunc(s, func(r rune) bool { return r == ' ' || r == '-' || r == '\\' || r == '\t' || r == '\n' || r == '\r' }) {
		v, ok := wordValues[w]
		if !ok {
			return 0, false
		}
		last := len(segments) - 1
		if v >= 100 {
			segments[last] *= v
			continue
		}
		if segments[last] >= 1000 {
			segments = append(segments, 0)
			last++
		}
		segments[last] += v
	}
	total := 0.0
	for _, v := range segments {
		total += v
	}
	return total, true
}
