package jsonata

import (
	"strconv"
	"strings"

	"millrace/asl/document"
)

// Error is a fault of an expression: found while it was compiled (codes S...),
// while it was evaluated (T..., D...), or because it passed a limit (U1001, D2015).
// The codes are those of the JSONata reference.
type Error struct {
	// Code is the reference's code, such as "S0202" or "T2001".
	Code string
	// Message says in words what is wrong. It is never empty.
	Message string
	// Position counts the UTF-16 units of the source up to the end of the
	// token that is at fault, as the reference counts; 0 when unknown.
	Position int
	// Token is the operator, name or function that is at fault, or "".
	Token string
	// Value is the value at fault when there is one ([Undefined] otherwise).
	Value any
	// Value2 is the second value of a comparison ([Undefined] otherwise).
	Value2 any
	// Type says what an array's members should be, such as "numbers"; "" when they are not at fault.
	Type string
	// Index is the number of the argument at fault, from 1; 0 when none is.
	Index int

	set      bool // Message is final, as in $error
	finished bool
	cause    error
}

// Error returns the code, the message and the position.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Code)
	b.WriteString(": ")
	b.WriteString(e.Message)
	if e.Position > 0 {
		b.WriteString(" (at position ")
		b.WriteString(strconv.Itoa(e.Position))
		b.WriteByte(')')
	}
	return b.String()
}

// Unwrap returns the error of a [Func] that stopped the evaluation, or nil.
func (e *Error) Unwrap() error { return e.cause }

// fault makes an error without a place; what evaluates adds place and token.
func fault(code string) *Error {
	return &Error{Code: code, Value: Undefined, Value2: Undefined}
}

func faultValue(code string, value any) *Error {
	return &Error{Code: code, Value: value, Value2: Undefined}
}

func faultAt(code string, pos int, token string) *Error {
	return &Error{Code: code, Position: pos, Token: token, Value: Undefined, Value2: Undefined}
}

// at fills in place and token where they are still missing.
func (e *Error) at(pos int, token string) *Error {
	if e.Position == 0 {
		e.Position = pos
	}
	if e.Token == "" {
		e.Token = token
	}
	return e
}

// finish words the message and turns the byte offset into the reference's count.
func (e *Error) finish(src string) *Error {
	if e.finished {
		return e
	}
	e.finished = true
	if e.Position > 0 && e.Position <= len(src) {
		e.Position = utf16Len(src[:e.Position])
	}
	e.Value, e.Value2 = shown(e.Value), shown(e.Value2)
	if !e.set {
		e.Message = e.words()
	}
	return e
}

// shown makes a value fit to leave the package: functions and what is not JSON become nil.
func shown(v any) any {
	switch v := v.(type) {
	case undefinedValue, nil, bool, string, document.Number:
		return v
	case float64:
		return document.Float(v)
	case []any, *document.Object:
		return v
	}
	x := exporter{budget: 1 << 16, blank: true}
	if out, err := x.export(v, 0); err == nil {
		return out
	}
	return nil
}

// quoteValue shows a value in a message, cut short.
func quoteValue(v any) string {
	if v == Undefined {
		return "undefined"
	}
	const most = 60
	var text []byte
	switch v := v.(type) {
	case string:
		if len(v) > 4*most {
			v = v[:4*most]
		}
		text = document.AppendString(nil, v)
	default:
		text = document.Append(nil, v)
	}
	if len(text) <= most {
		return string(text)
	}
	r := []rune(string(text[:most]))
	return string(r[:len(r)-1]) + "..."
}

// words gives the message of the error's code.
func (e *Error) words() string {
	text, ok := messages[e.Code]
	if !ok {
		return "the expression cannot be evaluated"
	}
	return strings.NewReplacer(
		"{token}", strconv.Quote(e.Token),
		"{name}", e.Token,
		"{value}", quoteValue(e.Value),
		"{value2}", quoteValue(e.Value2),
		"{type}", e.Type,
		"{index}", strconv.Itoa(e.Index),
	).Replace(text)
}

var messages = map[string]string{
	"S0101": "the string has no closing quote",
	"S0102": "the number {name} is out of range",
	"S0103": "\\{name} is not an escape sequence",
	"S0104": "\\u needs four hexadecimal digits",
	"S0105": "the quoted name has no closing backquote (`)",
	"S0106": "the comment has no end",
	"S0201": "{token} does not belong here",
	"S0202": "{value} belongs here, not {token}",
	"S0203": "the expression ends where {value} belongs",
	"S0204": "{token} is not an operator",
	"S0205": "{token} was not expected here",
	"S0206": "{token} is not an expression",
	"S0207": "the expression ends too early",
	"S0208": "parameter {value} of a function must be a variable (starting with $)",
	"S0209": "a predicate cannot follow the grouping expression of a step",
	"S0210": "a step can have only one grouping expression",
	"S0211": "{token} cannot stand in front of an expression",
	"S0212": "the left side of := must be a variable (starting with $)",
	"S0213": "the literal {value} cannot be a step of a path",
	"S0214": "the right side of {name} must be a variable (starting with $)",
	"S0215": "a context variable must be bound before any predicates of the step",
	"S0216": "a context variable must be bound before the order-by clause of the step",
	"S0217": "the parent (%) cannot be derived from this expression",
	"S0301": "a regular expression cannot be empty",
	"S0302": "the regular expression has no closing /",
	"S0303": "the regular expression {value} is not valid",
	"S0401": "only functions and arrays take type parameters in a signature",
	"S0402": "choices with parameterized types are not supported in a signature",
	"S0501": "{token} has nothing to refer to here: the expression has no input, only variables",
	"T0410": "argument {index} of function {token} does not fit the function's signature",
	"T0411": "the context value cannot be argument {index} of function {token}",
	"T0412": "argument {index} of function {token} must be an array of {type}",
	"D1001": "the number {value} is out of range",
	"D1002": "{value} cannot be negated, it is not a number",
	"T1003": "a key of an object must be a string, not {value}",
	"D1004": "the regular expression matches an empty string",
	"T1005": "{token} is not a function; did you mean ${name}?",
	"T1006": "what is called is not a function",
	"T1007": "{token} is not a function to apply partially; did you mean ${name}?",
	"T1008": "what is applied partially is not a function",
	"D1009": "several key expressions give the same key {value}",
	"T1010": "the matcher function given to {token} does not return a match object",
	"D1013": "the key {value} is reserved",
	"U1001": "the expression recurses too deeply or runs for too many steps",
	"T2001": "the left side of {name} must be a number",
	"T2002": "the right side of {name} must be a number",
	"T2003": "the left side of the range operator .. must be an integer",
	"T2004": "the right side of the range operator .. must be an integer",
	"T2006": "the right side of ~> must be a function",
	"T2007": "{value} and {value2} in the order-by clause are of different types",
	"T2008": "the terms of an order-by clause must be numbers or strings",
	"T2009": "{value} and {value2} cannot be compared with {name}, they are of different types",
	"T2010": "both sides of {name} must be numbers or strings",
	"T2011": "the update clause of a transform must give an object, not {value}",
	"T2012": "the delete clause of a transform must give a string or an array of strings, not {value}",
	"T2013": "a transform needs $clone, which is not a function here",
	"D2014": "a range cannot have more than 10 million members, this one has {value}",
	"D2015": "the value is larger than an expression may make",
	"D3001": "a number that is infinite or no number has no text",
	"D3010": "the pattern of $replace cannot be an empty string",
	"D3011": "the limit of $replace cannot be negative",
	"D3012": "a match must be replaced with a string, not with {value}",
	"D3020": "the limit of $split cannot be negative",
	"D3030": "{value} cannot be turned into a number",
	"D3040": "the limit of $match cannot be negative",
	"D3050": "the function given to $reduce must take at least two arguments",
	"D3060": "the square root of a negative number, {value}, does not exist",
	"D3061": "the power of {value} to {value2} is not a number JSON can hold",
	"D3070": "without a comparison function, $sort takes only an array of numbers or an array of strings",
	"D3080": "a picture can have at most two sub-pictures",
	"D3081": "a sub-picture can have only one decimal separator",
	"D3082": "a sub-picture can have only one percent character",
	"D3083": "a sub-picture can have only one per-mille character",
	"D3084": "a sub-picture cannot have both a percent and a per-mille character",
	"D3085": "the mantissa of a sub-picture needs at least one digit",
	"D3086": "a sub-picture cannot have a passive character between active ones",
	"D3087": "a grouping separator cannot stand next to the decimal separator",
	"D3088": "the integer part of a sub-picture cannot end in a grouping separator",
	"D3089": "two grouping separators cannot stand side by side",
	"D3090": "in the integer part, an optional digit cannot follow a mandatory one",
	"D3091": "in the fractional part, a mandatory digit cannot follow an optional one",
	"D3092": "a sub-picture with a percent or per-mille character cannot have an exponent",
	"D3093": "the exponent of a sub-picture can have only mandatory digits",
	"D3100": "the base must be between 2 and 36, not {value}",
	"D3110": "{value} is not an ISO 8601 timestamp",
	"D3120": "the expression given to $eval has a syntax error: {value}",
	"D3121": "the expression given to $eval fails: {value}",
	"D3130": "the picture {value} for an integer is not supported",
	"D3131": "all digits of a picture must be of the same decimal group",
	"D3132": "{value} is not a component of a date/time picture",
	"D3133": "the name modifier can be used only for months and days in a date/time picture, not for {value}",
	"D3134": "the timezone of a date/time picture cannot have more than four digits",
	"D3135": "the date/time picture has no closing ]",
	"D3136": "the date/time picture lacks what is needed to know the moment",
	"D3138": "$single expected one match, there are several",
	"D3139": "$single expected one match, there is none",
	"D3140": "{value} is not a well-formed part of a URL",
}
