package intrinsic

import "millrace/asl/document"

// function is one of the intrinsic functions.
type function struct {
	name   string
	least  int     // the least number of arguments
	params []param // what it takes
	more   bool    // any number of arguments may follow
	run    func(*invocation) (any, error)
}

// param says what type of value an argument must be.
type param uint8

const (
	anything param = iota
	aText
	aNumber
	anArray
	anObject
)

func (p param) String() string {
	return [...]string{"any value", "a string", "a number", "an array", "an object"}[p]
}

func (p param) takes(v any) bool {
	ok := true
	switch p {
	case aText:
		_, ok = v.(string)
	case aNumber:
		_, ok = v.(document.Number)
	case anArray:
		_, ok = v.([]any)
	case anObject:
		_, ok = v.(*document.Object)
	}
	return ok
}

func typeOf(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case bool:
		return "a boolean"
	case string:
		return "a string"
	case []any:
		return "an array"
	case *document.Object:
		return "an object"
	}
	return "a number"
}

// functions lists all there are, as in the specification's appendix.
func functions() []function {
	return []function{
		{"States.Format", 1, []param{aText}, true, format},
		{"States.StringToJson", 1, []param{aText}, false, stringToJSON},
		{"States.JsonToString", 1, []param{anything}, false, jsonToString},
		{"States.Array", 0, nil, true, array},
		{"States.ArrayPartition", 2, []param{anArray, aNumber}, false, arrayPartition},
		{"States.ArrayContains", 2, []param{anArray, anything}, false, arrayContains},
		{"States.ArrayRange", 3, []param{aNumber, aNumber, aNumber}, false, arrayRange},
		{"States.ArrayGetItem", 2, []param{anArray, aNumber}, false, arrayGetItem},
		{"States.ArrayLength", 1, []param{anArray}, false, arrayLength},
		{"States.ArrayUnique", 1, []param{anArray}, false, arrayUnique},
		{"States.Base64Encode", 1, []param{aText}, false, base64Encode},
		{"States.Base64Decode", 1, []param{aText}, false, base64Decode},
		{"States.Hash", 2, []param{anything, aText}, false, hashOf},
		{"States.JsonMerge", 3, []param{anObject, anObject, anything}, false, jsonMerge},
		{"States.MathRandom", 2, []param{aNumber, aNumber, aNumber}, false, mathRandom},
		{"States.MathAdd", 2, []param{aNumber, aNumber}, false, mathAdd},
		{"States.StringSplit", 2, []param{aText, aText}, false, stringSplit},
		{"States.UUID", 0, nil, false, uuid},
	}
}

func named(name string) (function, bool) {
	for _, f := range functions() {
		if f.name == name {
			return f, true
		}
	}
	return function{}, false
}

func names() []string {
	var list []string
	for _, f := range functions() {
		list = append(list, f.name)
	}
	return list
}
