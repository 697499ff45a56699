package asl

import (
	"errors"
	"testing"

	"millrace/asl/jsonata"
)

// TestFaultsOfJSONata holds that faults of JSONata are told in the words of the
// reference implementation, which are AWS's.
func TestFaultsOfJSONata(t *testing.T) {
	for expr, want := range map[string]string{
		`$sum("a")`:                              `T0412: Argument 1 of function "sum" must be an array of "numbers"`,
		`$join([1])`:                             `T0412: Argument 1 of function "join" must be an array of "strings"`,
		`function($a)<a<n>>{$a}("f")`:            `T0412: Argument 1 of function undefined must be an array of "numbers"`,
		`$uppercase(1)`:                          `T0410: Argument 1 of function "uppercase" does not match function signature`,
		`$number("x")`:                           `D3030: Unable to cast value to a number: "x"`,
		`$power(0, -1)`:                          `D3061: The power function has resulted in a value that cannot be represented as a JSON number: base=0, exponent=-1`,
		`$sqrt(-2)`:                              `D3060: The sqrt function cannot be applied to a negative number: -2`,
		`$formatBase(1, 1)`:                      `D3100: The radix of the formatBase function must be between 2 and 36.  It was given 1`,
		`$toMillis("x")`:                         `D3110: The argument of the toMillis function must be an ISO 8601 formatted timestamp. Given "x"`,
		`$single([1, 2])`:                        `D3138: The $single() function expected exactly 1 matching result.  Instead it matched more.`,
		`$single([1], function($x) { $x = 2 })`:  `D3139: The $single() function expected exactly 1 matching result.  Instead it matched 0.`,
		`$error()`:                               `D3137: $error() function evaluated`,
		`$error("mine")`:                         `D3137: mine`,
		`$assert(false)`:                         `D3141: $assert() statement failed`,
		`-"a"`:                                   `D1002: Cannot negate a non-numeric value: "a"`,
		`1 / "a"`:                                `T2002: The right side of the "/" operator must evaluate to a number`,
		`["a"..2]`:                               `T2003: The left side of the range operator (..) must evaluate to an integer`,
		`1 ~> 2`:                                 `T2006: The right side of the function application operator ~> must be a function`,
		`1 < "a"`:                                `T2009: The values 1 and "a" either side of operator "<" must be of the same data type`,
		`[1, "a"]^($)`:                           `T2007: Type mismatch when comparing values 1 and "a" in order-by clause`,
		`{1: 2}`:                                 `T1003: Key in object structure must evaluate to a string; got: 1`,
		`sum(1)`:                                 `T1005: Attempted to invoke a non-function. Did you mean $sum?`,
		`$nope(1)`:                               `T1006: Attempted to invoke a non-function`,
		`$decodeUrl("%")`:                        `D3140: Malformed URL passed to $decodeUrl(): "%"`,
		`$fromMillis(1, "[Y")`:                   `D3135: No matching closing bracket ']' in date/time picture string`,
		`$formatNumber(1, "#;#;#")`:              `D3080: The picture string must only contain a maximum of two sub-pictures`,
		`$replace("a", /b/, function($m) { 1 })`: ``,
		`$replace("a", /a/, function($m) { 1 })`: `D3012: Attempted to replace a matched string with a non-string value`,
		`"\q"`:                                   `S0103: Unsupported escape sequence: \"q"`,
		"`abc":                                   "S0105: Quoted property name must be terminated with a backquote (`)",
		`/* abc`:                                 `S0106: Comment has no closing tag`,
		`1 2`:                                    `S0201: Syntax error: 2`,
		`1 "2a"`:                                 `S0201: Syntax error: "2a"`,
		`function(a){1}`:                         `S0208: Parameter 1 of function definition must be a variable name (start with $)`,
		`a.5`:                                    `S0213: The literal value 5 cannot be used as a step within a path expression`,
		`//`:                                     `S0301: Empty regular expressions are not allowed`,
		`%`:                                      `S0217: The object representing the 'parent' cannot be derived from this expression`,
	} {
		e, err := jsonata.Compile(expr, jsonata.Options{})
		if err == nil {
			_, _, err = e.Eval(jsonata.Undefined, nil)
		}
		got := ""
		var f *jsonata.Error
		if errors.As(err, &f) {
			got = f.Code + ": " + jsonataWords(f)
		}
		if got != want {
			t.Errorf("%s: got %s, want %s", expr, got, want)
		}
	}
}
