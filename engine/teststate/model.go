package teststate

import (
	_ "embed" // the table of outputs
	"strconv"
	"strings"
	"unicode/utf8"

	"millrace/asl/document"
)

//go:embed outputs.txt
var outputs string

// shape is the type of a value in an API's output.
type shape struct {
	kind     kind
	min, max *int64 // of a string's length, of a number
	of       *shape // of an array's elements, of an object's values
	name     string // of a structure
}

// field is a member of a structure.
type field struct {
	name     string
	required bool
	shape    shape
}

// model is what is known of one service's outputs.
type model struct {
	types map[string][]string // members of structures, as the table has them
	calls map[string][]string // of the outputs of operations
}

// modelOf reads the part of the table about a service; nil: there is none.
func modelOf(service string) *model {
	var m *model
	var entry map[string][]string
	name := ""
	for _, line := range strings.Split(outputs, "\n") {
		if strings.HasPrefix(line, "#") {
			continue
		}
		words := strings.Fields(line)
		if len(words) >= 2 {
			switch words[0] {
			case "service":
				if m != nil {
					return m
				}
				if words[1] == service {
					m = &model{map[string][]string{}, map[string][]string{}}
				}
				continue
			case "type", "call":
				if m == nil {
					continue
				}
				entry, name = m.types, words[1]
				if words[0] == "call" {
					entry = m.calls
				}
				words = words[2:]
				entry[name] = []string{}
			}
		}
		if m != nil && entry != nil {
			entry[name] = append(entry[name], words...)
		}
	}
	return m
}

// fields reads the members of a structure.
func fields(members []string) []field {
	list := make([]field, 0, len(members))
	for _, m := range members {
		name, typ, ok := strings.Cut(m, ":")
		if !ok {
			continue
		}
		f := field{name: name, shape: shapeOf(typ)}
		if n := len(name) - 1; n >= 0 && name[n] == '!' {
			f.name, f.required = name[:n], true
		}
		list = append(list, f)
	}
	return list
}

// shapeOf reads a type.
func shapeOf(s string) shape {
	if n := len(s); n >= 2 && (s[0] == '[' || s[0] == '{') {
		of := shapeOf(s[1 : n-1])
		if s[0] == '[' {
			return shape{kind: array, of: &of}
		}
		return shape{kind: object, of: &of}
	}
	base, bounds, bounded := strings.Cut(s, "(")
	sh := shape{name: base}
	switch base {
	case "s":
		sh = shape{kind: text}
	case "n":
		sh = shape{kind: numeric}
	case "b":
		sh = shape{kind: boolean}
	case "o":
		sh = shape{kind: object}
	case "*":
		sh = shape{kind: anything}
	default:
		sh.kind = object
	}
	if bounded {
		low, high, _ := strings.Cut(strings.TrimSuffix(bounds, ")"), "..")
		sh.min, sh.max = bound(low), bound(high)
	}
	return sh
}

func bound(s string) *int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return nil
	}
	return &n
}

// optimized are the services that optimised resource ARNs call by another name
// than aws-sdk ones do.
func optimized(service string) string {
	switch service {
	case "events":
		return "eventbridge"
	case "states":
		return "sfn"
	}
	return service
}

// validate holds a mocked result against the output of the API operation that a
// resource calls. Members that the API does not know pass, and so does the result
// of a resource of which nothing is known: functions, activities, and those that
// wait for a job or a token.
func validate(resource string, v Validation, result any) error {
	rest, ok := cutIntegration(resource)
	if v == None || !ok {
		return nil
	}
	service, action, ok := strings.Cut(rest, ":")
	sdk := service == "aws-sdk"
	if sdk {
		service, action, ok = strings.Cut(action, ":")
	}
	if !ok || strings.Contains(action, ".") {
		return nil
	}
	if !sdk {
		service = optimized(service)
	}
	m := modelOf(service)
	if m == nil {
		return nil
	}
	members, ok := m.calls[action]
	if !ok {
		return nil
	}
	o, ok := result.(*document.Object)
	if !ok {
		return badResult("the result must be an object")
	}
	list := fields(members)
	if !sdk && service == "lambda" && action == "invoke" {
		for i := range list {
			if list[i].name == "Payload" {
				list[i].shape = shape{kind: anything} // what the function answered, parsed
			}
		}
	}
	c := conformance{m, v != Present}
	return c.structure(list, o)
}

// cutIntegration returns what follows arn:aws:states::: in the ARN of a service integration.
func cutIntegration(resource string) (string, bool) {
	p := strings.SplitN(resource, ":", 6)
	if len(p) < 6 || p[0] != "arn" || p[2] != "states" || p[3] != "" || p[4] != "" {
		return "", false
	}
	return p[5], true
}

// conformance holds values against a model. It words what is wrong as recorded:
// by the name of the innermost member.
type conformance struct {
	m      *model
	strict bool
}

func badResult(text string) error {
	return invalid("Mock result schema validation error: %s", text)
}

func (c *conformance) structure(list []field, o *document.Object) error {
	for i := range o.Len() {
		name, v := o.At(i)
		for j := range list {
			if list[j].name == name && v != nil {
				if err := c.value(name, &list[j].shape, v); err != nil {
					return err
				}
			}
		}
	}
	if !c.strict {
		return nil
	}
	for i := range list {
		if v, _ := o.Get(list[i].name); list[i].required && v == nil {
			return badResult("Required field '" + list[i].name + "' is missing")
		}
	}
	return nil
}

func (c *conformance) value(name string, s *shape, v any) error {
	if !s.kind.of(v) {
		return badResult("Field '" + name + "' must be " + s.kind.String())
	}
	switch v := v.(type) {
	case string:
		return bounds(name, s, document.Int(int64(utf8.RuneCountInString(v))), "length")
	case document.Number:
		return bounds(name, s, v, "value")
	case []any:
		for _, e := range v {
			if s.of != nil && e != nil {
				if err := c.value(name, s.of, e); err != nil {
					return err
				}
			}
		}
	case *document.Object:
		if s.of == nil {
			return c.structure(fields(c.m.types[s.name]), v)
		}
		for i := range v.Len() {
			key, e := v.At(i)
			if e != nil {
				if err := c.value(key, s.of, e); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func bounds(name string, s *shape, n document.Number, what string) error {
	switch {
	case s.kind == anything:
	case s.min != nil && n.Cmp(document.Int(*s.min)) < 0:
		return badResult("Field '" + name + "' is smaller than the minimum " + what)
	case s.max != nil && n.Cmp(document.Int(*s.max)) > 0:
		return badResult("Field '" + name + "' exceeds the maximum " + what)
	}
	return nil
}
