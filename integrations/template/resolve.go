package template

import (
	"encoding/base64"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"millrace/asl/document"
)

// scope is what the intrinsic functions of a template look at.
type scope struct {
	t          *Template
	parameters map[string]any
	pseudo     map[string]string
	conditions map[string]bool
	ref        map[string]string            // logical id -> what Ref gives, of resources that exist
	attributes map[string]map[string]string // logical id -> attribute -> value
	resources  map[string]*Resource
}

// noValue is what AWS::NoValue resolves to: the member disappears.
type noValue struct{}

// newScope checks the given parameters and computes the conditions.
func newScope(t *Template, given map[string]string, pseudo map[string]string) (*scope, error) {
	s := &scope{t: t, parameters: map[string]any{}, pseudo: pseudo, conditions: map[string]bool{},
		ref: map[string]string{}, attributes: map[string]map[string]string{}, resources: map[string]*Resource{}}
	var faults Faults
	for i := range t.Resources {
		s.resources[t.Resources[i].ID] = &t.Resources[i]
	}
	for _, name := range sortedKeys(given) {
		if _, ok := t.Parameters[name]; !ok {
			faults = append(faults, t.fault("/Parameters", "the template has no parameter %q", name))
		}
	}
	for _, name := range sortedKeys(t.Parameters) {
		p, at := t.Parameters[name], "/Parameters/"+escape(name)
		v, ok := given[name]
		switch {
		case ok:
			s.parameters[name] = parameterValue(p, v)
		case p.Default != nil:
			s.parameters[name] = p.Default
			if d, ok := p.Default.(string); ok {
				s.parameters[name] = parameterValue(p, d)
			}
		default:
			faults = append(faults, t.fault(at, "has no default: give it a value"))
			continue
		}
		if len(p.AllowedValues) > 0 && !contains(p.AllowedValues, s.parameters[name]) {
			faults = append(faults, t.fault(at, "%v is not one of AllowedValues", s.parameters[name]))
		}
	}
	if len(faults) > 0 {
		return nil, faults
	}
	if t.conditions != nil {
		for _, name := range t.conditions.Keys() {
			if _, err := s.condition(name, 0); err != nil {
				return nil, err
			}
		}
	}
	return s, nil
}

func parameterValue(p Parameter, v string) any {
	if p.Type == "CommaDelimitedList" || strings.HasPrefix(p.Type, "List<") {
		var list []any
		for e := range strings.SplitSeq(v, ",") {
			list = append(list, strings.TrimSpace(e))
		}
		return list
	}
	return v
}

func contains(list []any, v any) bool {
	for _, e := range list {
		if plain(e) == plain(v) {
			return true
		}
	}
	return false
}

func (s *scope) condition(name string, depth int) (bool, error) {
	if v, ok := s.conditions[name]; ok {
		return v, nil
	}
	at := "/Conditions/" + escape(name)
	if s.t.conditions == nil || !has(s.t.conditions, name) {
		return false, s.t.fault(at, "the template has no condition %q", name)
	}
	if depth > 20 {
		return false, s.t.fault(at, "the condition refers to itself")
	}
	v, _ := s.t.conditions.Get(name)
	b, err := s.test(v, at, depth+1)
	if err == nil {
		s.conditions[name] = b
	}
	return b, err
}

// test evaluates a condition function.
func (s *scope) test(v any, at string, depth int) (bool, error) {
	if depth > 40 {
		return false, s.t.fault(at, "conditions nest too deeply")
	}
	o, ok := v.(*document.Object)
	if !ok || o.Len() != 1 {
		return false, s.t.fault(at, "a condition function belongs here: Fn::Equals, Fn::And, Fn::Or, Fn::Not or Condition")
	}
	name, arg := o.At(0)
	if name == "Condition" {
		id, _ := arg.(string)
		return s.condition(id, depth+1)
	}
	list, ok := arg.([]any)
	if !ok {
		return false, s.t.fault(at, "%s takes a list", name)
	}
	switch name {
	case "Fn::Equals":
		if len(list) != 2 {
			return false, s.t.fault(at, "Fn::Equals takes two values, not %d", len(list))
		}
		a, err := s.resolve(list[0], at+"/Fn::Equals/0")
		if err != nil {
			return false, err
		}
		b, err := s.resolve(list[1], at+"/Fn::Equals/1")
		return err == nil && plain(a) == plain(b), err
	case "Fn::Not", "Fn::And", "Fn::Or":
		all, one := true, false
		for _, e := range list {
			b, err := s.test(e, at, depth+1)
			if err != nil {
				return false, err
			}
			all, one = all && b, one || b
		}
		switch name {
		case "Fn::Not":
			return !one, nil
		case "Fn::And":
			return all, nil
		}
		return one, nil
	}
	return false, s.t.fault(at, "%s is not a condition function", name)
}

// resolve replaces every function inside v by its value.
func (s *scope) resolve(v any, at string) (any, error) {
	switch v := v.(type) {
	case []any:
		list := make([]any, 0, len(v))
		for i, e := range v {
			r, err := s.resolve(e, fmt.Sprintf("%s/%d", at, i))
			if err != nil {
				return nil, err
			}
			if _, gone := r.(noValue); !gone {
				list = append(list, r)
			}
		}
		return list, nil
	case *document.Object:
		if v.Len() == 1 {
			name, arg := v.At(0)
			if name == "Ref" || strings.HasPrefix(name, "Fn::") {
				return s.function(name, arg, at)
			}
		}
		o := document.NewObject(v.Len())
		for i := range v.Len() {
			k, e := v.At(i)
			r, err := s.resolve(e, at+"/"+escape(k))
			if err != nil {
				return nil, err
			}
			if _, gone := r.(noValue); !gone {
				o.Set(k, r)
			}
		}
		return o, nil
	}
	return v, nil
}

func (s *scope) function(name string, arg any, at string) (any, error) {
	switch name {
	case "Ref":
		id, _ := arg.(string)
		return s.reference(id, at)
	case "Fn::Sub":
		return s.sub(arg, at)
	case "Fn::If":
		list, ok := arg.([]any)
		if !ok || len(list) != 3 {
			return nil, s.t.fault(at, "Fn::If takes a condition's name and two values")
		}
		id, _ := list[0].(string)
		yes, err := s.condition(id, 0)
		if err != nil {
			return nil, err
		}
		if yes {
			return s.resolve(list[1], at)
		}
		return s.resolve(list[2], at)
	}
	arg, err := s.resolve(arg, at)
	if err != nil {
		return nil, err
	}
	if name == "Fn::Base64" {
		str, ok := arg.(string)
		if !ok {
			return nil, s.t.fault(at, "Fn::Base64 takes a string")
		}
		return base64.StdEncoding.EncodeToString([]byte(str)), nil
	}
	list, ok := arg.([]any)
	if !ok {
		return nil, s.t.fault(at, "%s takes a list", name)
	}
	switch name {
	case "Fn::GetAtt":
		if len(list) != 2 {
			return nil, s.t.fault(at, "Fn::GetAtt takes a logical id and an attribute")
		}
		return s.attribute(plain(list[0]), plain(list[1]), at)
	case "Fn::Join":
		if len(list) == 2 {
			if parts, ok := list[1].([]any); ok {
				texts := make([]string, len(parts))
				for i, p := range parts {
					texts[i] = plain(p)
				}
				return strings.Join(texts, plain(list[0])), nil
			}
		}
		return nil, s.t.fault(at, "Fn::Join takes a delimiter and a list")
	case "Fn::Split":
		if len(list) != 2 || plain(list[0]) == "" {
			return nil, s.t.fault(at, "Fn::Split takes a delimiter and a string")
		}
		var parts []any
		for p := range strings.SplitSeq(plain(list[1]), plain(list[0])) {
			parts = append(parts, p)
		}
		return parts, nil
	case "Fn::Select":
		if len(list) == 2 {
			i, err := strconv.Atoi(plain(list[0]))
			if from, ok := list[1].([]any); ok && err == nil && i >= 0 && i < len(from) {
				return from[i], nil
			}
		}
		return nil, s.t.fault(at, "Fn::Select takes an index and a list that reaches that far")
	case "Fn::FindInMap":
		return s.findInMap(list, at)
	}
	return nil, s.t.fault(at, "the function %s is not supported; Ref, Fn::GetAtt, Fn::Sub, Fn::Join, Fn::Split, Fn::Select, Fn::FindInMap, Fn::If and Fn::Base64 are", name)
}

func (s *scope) findInMap(list []any, at string) (any, error) {
	if len(list) != 3 {
		return nil, s.t.fault(at, "Fn::FindInMap takes a map's name and two keys")
	}
	var v any
	if s.t.mappings != nil {
		v = s.t.mappings
	}
	for _, key := range list {
		o, ok := v.(*document.Object)
		if !ok {
			return nil, s.t.fault(at, "Mappings has no %s", plain(key))
		}
		if v, ok = o.Get(plain(key)); !ok {
			return nil, s.t.fault(at, "Mappings has no %s", plain(key))
		}
	}
	return v, nil
}

func (s *scope) reference(id, at string) (any, error) {
	if id == "AWS::NoValue" {
		return noValue{}, nil
	}
	if v, ok := s.pseudo[id]; ok {
		return v, nil
	}
	if v, ok := s.parameters[id]; ok {
		return v, nil
	}
	if v, ok := s.ref[id]; ok {
		return v, nil
	}
	return nil, s.t.fault(at, "%q is no parameter and no resource that exists here", id)
}

func (s *scope) attribute(id, name, at string) (any, error) {
	attributes, ok := s.attributes[id]
	if !ok {
		return nil, s.t.fault(at, "%q is no resource that exists here", id)
	}
	v, ok := attributes[name]
	if !ok {
		return nil, s.t.fault(at, "%s has no attribute %q; it has %s", id, name, strings.Join(sortedKeys(attributes), ", "))
	}
	return v, nil
}

var placeholder = regexp.MustCompile(`\$\{(!?)([^}]*)\}`)

// sub is Fn::Sub: a text with ${Name}, ${Id.Attribute} and ${!Literal}.
func (s *scope) sub(arg any, at string) (any, error) {
	own := document.NewObject(0)
	str, ok := arg.(string)
	if list, isList := arg.([]any); isList && len(list) == 2 {
		str, ok = list[0].(string)
		v, err := s.resolve(list[1], at+"/1")
		if err != nil {
			return nil, err
		}
		if o, isObject := v.(*document.Object); isObject {
			own = o
		} else {
			ok = false
		}
	}
	if !ok {
		return nil, s.t.fault(at, "Fn::Sub takes a text, or a list of a text and a mapping")
	}
	var fault error
	out := placeholder.ReplaceAllStringFunc(str, func(m string) string {
		parts := placeholder.FindStringSubmatch(m)
		name := strings.TrimSpace(parts[2])
		if parts[1] == "!" {
			return "${" + parts[2] + "}"
		}
		if v, ok := own.Get(name); ok {
			return plain(v)
		}
		var v any
		var err error
		if id, attribute, dotted := strings.Cut(name, "."); dotted {
			v, err = s.attribute(id, attribute, at)
		} else {
			v, err = s.reference(name, at)
		}
		if err != nil && fault == nil {
			fault = err
		}
		return plain(v)
	})
	return out, fault
}

// plain returns a scalar's text.
func plain(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case bool:
		return strconv.FormatBool(v)
	case document.Number:
		return string(v)
	case noValue:
		return ""
	}
	return string(document.Append(nil, v))
}

// needs lists the resources that v refers to.
func (s *scope) needs(v any, add func(id string)) {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			s.needs(e, add)
		}
	case *document.Object:
		for i := range v.Len() {
			k, e := v.At(i)
			switch k {
			case "Ref":
				if id, ok := e.(string); ok {
					add(id)
				}
			case "Fn::GetAtt":
				if list, ok := e.([]any); ok && len(list) > 0 {
					add(plain(list[0]))
				}
			case "Fn::Sub":
				str, _ := e.(string)
				if list, ok := e.([]any); ok && len(list) > 0 {
					str, _ = list[0].(string)
					s.needs(list[1:], add)
				}
				for _, m := range placeholder.FindAllStringSubmatch(str, -1) {
					if m[1] == "" {
						id, _, _ := strings.Cut(strings.TrimSpace(m[2]), ".")
						add(id)
					}
				}
			default:
				s.needs(e, add)
			}
		}
	}
}
