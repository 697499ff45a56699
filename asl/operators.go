package asl

import (
	"strings"
	"time"
	"unicode/utf16"

	"millrace/asl/document"
)

// operand is what a comparison operator compares.
type operand uint8

const (
	stringOperand operand = iota
	numericOperand
	booleanOperand
	timestampOperand
	matchOperand
)

// operator is the meaning of one comparison operator of a choice rule.
type operator struct {
	of                   operand
	less, equal, greater bool
	path                 bool // the operand is a path
	present              bool // IsPresent
	is                   func(v any) bool
}

// operators holds the comparison operators by name.
var operators = makeOperators()

func makeOperators() map[string]operator {
	m := map[string]operator{
		"StringMatches": {of: matchOperand},
		"IsPresent":     {present: true},
		"IsNull":        {is: func(v any) bool { return v == nil }},
		"IsNumeric":     {is: func(v any) bool { _, ok := v.(document.Number); return ok }},
		"IsString":      {is: func(v any) bool { _, ok := v.(string); return ok }},
		"IsBoolean":     {is: func(v any) bool { _, ok := v.(bool); return ok }},
		"IsTimestamp":   {is: func(v any) bool { _, ok := timestampOf(v); return ok }},
	}
	m["BooleanEquals"] = operator{of: booleanOperand, equal: true}
	m["BooleanEqualsPath"] = operator{of: booleanOperand, equal: true, path: true}
	for name, of := range map[string]operand{"String": stringOperand, "Numeric": numericOperand, "Timestamp": timestampOperand} {
		for suffix, o := range map[string]operator{
			"Equals":            {equal: true},
			"LessThan":          {less: true},
			"GreaterThan":       {greater: true},
			"LessThanEquals":    {less: true, equal: true},
			"GreaterThanEquals": {equal: true, greater: true},
		} {
			o.of = of
			m[name+suffix] = o
			o.path = true
			m[name+suffix+"Path"] = o
		}
	}
	return m
}

func timestampOf(v any) (time.Time, bool) {
	s, ok := v.(string)
	if !ok {
		return time.Time{}, false
	}
	return ParseTimestamp(s)
}

// ParseTimestamp reads an ISO-8601 extended offset date-time as AWS does, such as
// 2016-03-14T01:59:00.5Z or 2016-03-14T01:59+01:00: the seconds may be left out,
// and a second has at most nine decimal places. It reports whether s is one.
func ParseTimestamp(s string) (time.Time, bool) {
	// time.Parse takes care of the ranges; the shape is checked here, because it is lenient about that.
	if len(s) < len("2006-01-02T15:04Z") || s[4] != '-' || s[7] != '-' || s[10]|0x20 != 't' || s[13] != ':' {
		return time.Time{}, false
	}
	for i := range 16 {
		if c := s[i]; i != 4 && i != 7 && i != 10 && i != 13 && (c < '0' || c > '9') {
			return time.Time{}, false
		}
	}
	clock, rest := s[11:16]+":00", s[16:]
	if rest[0] == ':' {
		if len(rest) < 4 || !digits(rest[1:3]) {
			return time.Time{}, false
		}
		clock, rest = s[11:16]+rest[:3], rest[3:]
	}
	if rest[0] == '.' {
		n := 1
		for n < len(rest) && rest[n] >= '0' && rest[n] <= '9' {
			n++
		}
		if n == 1 || n > 10 || n == len(rest) {
			return time.Time{}, false
		}
		clock, rest = clock+rest[:n], rest[n:]
	}
	zone := strings.ToUpper(rest)
	if zone != "Z" && !(len(zone) == 6 && (zone[0] == '+' || zone[0] == '-') && digits(zone[1:3]) && zone[3] == ':' && digits(zone[4:]) && zone[1:3] <= "18") {
		return time.Time{}, false
	}
	t, err := time.Parse(time.RFC3339Nano, s[:10]+"T"+clock+zone)
	return t, err == nil
}

func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// compareUTF16 orders strings by their UTF-16 code units, as Java does.
func compareUTF16(a, b string) int {
	for i := 0; i < len(a) && i < len(b); i++ {
		if a[i] == b[i] {
			continue
		}
		if a[i] < 0x80 || b[i] < 0x80 {
			break
		}
		x, y := utf16.Encode([]rune(a)), utf16.Encode([]rune(b))
		for j := 0; j < len(x) && j < len(y); j++ {
			if x[j] != y[j] {
				return int(x[j]) - int(y[j])
			}
		}
		return len(x) - len(y)
	}
	return strings.Compare(a, b)
}
