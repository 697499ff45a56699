package asl

import (
	"strconv"
	"strings"

	"millrace/asl/document"
	"millrace/asl/jsonata"
)

// awsWords is the text that AWS shows for faults of JSONata, which is that of
// the reference implementation: {token}, {value}, {value2} and {index} stand for
// parts of the fault. Faults that are not here keep the words of package jsonata.
var awsWords = map[string]string{
	"S0101": "String literal must be terminated by a matching quote",
	"S0102": "Number out of range: {token}",
	"S0201": "Syntax error: {token}",
	"S0202": "Expected {value}, got {token}",
	"S0203": "Expected {value} before end of expression",
	"S0204": "Unknown operator: {token}",
	"S0207": "Unexpected end of expression",
	"S0211": "The symbol {token} cannot be used as a unary operator",
	"S0212": "The left side of := must be a variable name (start with $)",
	"S0302": "No terminating / in regular expression",
	"T0410": "Argument {index} of function {token} does not match function signature",
	"T0411": "Context value is not a compatible type with argument {index} of function {token}",
	"T1006": "Attempted to invoke a non-function",
	"T2001": "The left side of the {token} operator must evaluate to a number",
	"T2002": "The right side of the {token} operator must evaluate to a number",
	"T2009": "The values {value} and {value2} either side of operator {token} must be of the same data type",
	"T2010": "The expressions either side of operator {token} must evaluate to numeric or string values",
	"D1001": "Number out of range: {value}",
	"D3030": "Unable to cast value to a number: {value}",
}

// jsonataWords words a fault of JSONata as AWS does.
func jsonataWords(e *jsonata.Error) string {
	words, ok := awsWords[e.Code]
	if !ok {
		return e.Message
	}
	shown := func(v any) string {
		if v == jsonata.Undefined {
			return "undefined"
		}
		if _, ok := v.(jsonata.Function); ok {
			return "function"
		}
		return string(document.Append(nil, v))
	}
	return strings.NewReplacer(
		"{token}", shown(e.Token),
		"{value}", shown(e.Value),
		"{value2}", shown(e.Value2),
		"{index}", strconv.Itoa(e.Index),
	).Replace(words)
}
