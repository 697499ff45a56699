package intrinsic

import (
	"strings"

	"millrace/asl/document"
	"millrace/asl/jsonpath"
)

// format puts the arguments into the template's {} in order, in the words of
// Java's toString. A value that States.StringToJson made stays JSON.
func format(in *invocation) (any, error) {
	template, err := in.text(0)
	if err != nil {
		return nil, err
	}
	literal := in.call.args[0].path == nil && in.call.args[0].call == nil
	if literal {
		template = in.call.args[0].escaped
	}
	var b []byte
	next := 1
	for i := 0; i < len(template); i++ {
		switch c := template[i]; c {
		case '\\':
			// In a template that comes from data a backslash stands for itself,
			// save before a brace.
			if i+1 < len(template) && (literal || template[i+1] == '{' || template[i+1] == '}') {
				i++
			}
			b = append(b, template[i])
		case '{':
			if i+1 == len(template) || template[i+1] != '}' {
				return nil, in.misformed("matching '}' not found for '{'.")
			}
			i++
			if next < len(in.args) {
				if _, err := in.sized(next); err != nil {
					return nil, err
				}
				if b = in.appendArgument(b, next); len(b) > maxMade {
					return nil, in.fail("the text is longer than %d bytes", maxMade)
				}
			}
			next++
		case '}':
			return nil, in.misformed("matching '{' not found for '}'.")
		default:
			b = append(b, c)
		}
	}
	if next != len(in.args) {
		return nil, in.failWith("Invalid arguments in States.Format: number of arguments do not match the occurrences of {}.",
			"the template has %d {}, and %d arguments follow it", next-1, len(in.args)-1)
	}
	return string(b), nil
}

func (in *invocation) appendArgument(b []byte, i int) []byte {
	if c := in.call.args[i].call; c != nil && c.fn.name == "States.StringToJson" {
		return document.Append(b, in.args[i])
	}
	return jsonpath.AppendJava(b, in.args[i])
}

func (in *invocation) misformed(detail string) error {
	return in.failWith("Invalid template in States.Format: "+detail, `a brace that is text is written \{ or \}`)
}

// stringSplit cuts a text at each character of the second one and drops the
// pieces that are empty.
func stringSplit(in *invocation) (any, error) {
	s, err := in.text(0)
	if err != nil {
		return nil, err
	}
	cuts, err := in.text(1)
	if err != nil {
		return nil, err
	}
	pieces := []any{}
	for _, piece := range strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune(cuts, r) }) {
		pieces = append(pieces, piece)
	}
	return pieces, nil
}

// stringToJSON parses a text. One that is empty or blank is null, as to AWS.
func stringToJSON(in *invocation) (any, error) {
	s, err := in.text(0)
	if err != nil {
		return nil, err
	}
	if strings.Trim(s, " \t\r\n") == "" {
		return nil, nil
	}
	v, err := document.Parse([]byte(s))
	if err != nil {
		return nil, in.fail("the text is no JSON: %v", err)
	}
	if v == document.Number("-0") {
		v = document.Number("0") // an integer, which has no -0
	}
	return v, nil
}

func jsonToString(in *invocation) (any, error) {
	v, err := in.sized(0)
	if err != nil {
		return nil, err
	}
	return string(document.Append(nil, v)), nil
}

// jsonMerge copies the members of the second object over those of the first.
// Only true asks for a deep merge, which AWS does not have.
func jsonMerge(in *invocation) (any, error) {
	a, err := in.object(0)
	if err != nil {
		return nil, err
	}
	b, err := in.object(1)
	if err != nil {
		return nil, err
	}
	if in.args[2] == true {
		return nil, in.fail("argument 3 is true, but only the shallow merge, false, is supported")
	}
	merged := a.Clone()
	for i := range b.Len() {
		merged.Set(b.At(i))
	}
	return merged, nil
}
