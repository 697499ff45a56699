// Package template reads SAM and CloudFormation templates (YAML or JSON) and
// brings their resources into being through the services' own operations.
//
// A template is read into plain documents first: the short tags (!Ref, !GetAtt,
// !Sub, ...) become their long forms, and every value keeps its line and column
// for messages. References are resolved when a resource's turn comes, in
// dependency order, because some attributes exist only then.
//
// Source: the AWS SAM specification and the CloudFormation template reference.
package template

import (
	"fmt"
	"sort"
	"strings"

	"go.yaml.in/yaml/v3"

	"millrace/asl/document"
)

// MaxSize is the largest template, in bytes.
const MaxSize = 1 << 20

// Template is a template that was read. It is immutable.
type Template struct {
	Description string
	Parameters  map[string]Parameter
	Resources   []Resource // in the template's order
	Outputs     *document.Object
	mappings    *document.Object
	conditions  *document.Object
	globals     *document.Object
	at          positions
}

// Parameter is a template parameter.
type Parameter struct {
	Type          string
	Default       any // nil: none
	AllowedValues []any
}

// Resource is one resource as the template declares it.
type Resource struct {
	ID         string // logical id
	Type       string // AWS::SQS::Queue
	Properties *document.Object
	Condition  string
	DependsOn  []string
	Metadata   *document.Object
}

// Fault is something wrong with a template.
type Fault struct {
	Line, Column int    // from 1; 0: unknown
	Pointer      string // JSON pointer into the template
	Message      string
}

func (f Fault) Error() string {
	return fmt.Sprintf("%d:%d: %s: %s", f.Line, f.Column, f.Pointer, f.Message)
}

// Faults is all that is wrong with a template.
type Faults []Fault

func (f Faults) Error() string {
	lines := make([]string, len(f))
	for i, x := range f {
		lines[i] = x.Error()
	}
	return strings.Join(lines, "\n")
}

// Parse reads a template. Its error is [Faults]: all that is wrong with its
// shape; what is wrong with a resource's properties is found by [Template.Resolve].
func Parse(text []byte) (*Template, error) {
	if len(text) > MaxSize {
		return nil, Faults{{Message: fmt.Sprintf("the template has %d bytes, at most %d are allowed", len(text), MaxSize)}}
	}
	var node yaml.Node
	if err := yaml.Unmarshal(text, &node); err != nil {
		return nil, Faults{{Message: err.Error()}}
	}
	if len(node.Content) == 0 {
		return nil, Faults{{Line: 1, Column: 1, Message: "the template is empty"}}
	}
	r := reader{at: positions{}}
	v := r.value(node.Content[0], "", 0)
	top, ok := v.(*document.Object)
	if !ok && len(r.faults) == 0 {
		r.fault("", "a template is a mapping with Resources")
	}
	if len(r.faults) > 0 {
		return nil, r.faults
	}
	t := &Template{at: r.at, Parameters: map[string]Parameter{}}
	t.top(top, &r)
	if len(r.faults) > 0 {
		return nil, r.faults
	}
	return t, nil
}

// top takes the template's sections apart.
func (t *Template) top(top *document.Object, r *reader) {
	for i := range top.Len() {
		key, value := top.At(i)
		at := "/" + escape(key)
		section, isObject := value.(*document.Object)
		switch key {
		case "AWSTemplateFormatVersion", "Transform", "Metadata", "Rules":
		case "Description":
			t.Description, _ = value.(string)
		case "Parameters", "Mappings", "Conditions", "Resources", "Outputs", "Globals":
			if !isObject {
				r.fault(at, "must be a mapping")
				continue
			}
			switch key {
			case "Mappings":
				t.mappings = section
			case "Conditions":
				t.conditions = section
			case "Outputs":
				t.Outputs = section
			case "Globals":
				t.globals = section
			case "Parameters":
				t.parameters(section, r)
			case "Resources":
				t.resources(section, r)
			}
		default:
			r.fault(at, "unknown section; a template has Parameters, Mappings, Conditions, Globals, Resources and Outputs")
		}
	}
	if len(t.Resources) == 0 && len(r.faults) == 0 {
		r.fault("", "the template has no Resources")
	}
}

func (t *Template) parameters(section *document.Object, r *reader) {
	for i := range section.Len() {
		name, v := section.At(i)
		o, ok := v.(*document.Object)
		if !ok {
			r.fault("/Parameters/"+escape(name), "must be a mapping with a Type")
			continue
		}
		p := Parameter{Type: text(o, "Type")}
		p.Default, _ = o.Get("Default")
		if a, ok := o.Get("AllowedValues"); ok {
			p.AllowedValues, _ = a.([]any)
		}
		t.Parameters[name] = p
	}
}

func (t *Template) resources(section *document.Object, r *reader) {
	for i := range section.Len() {
		id, v := section.At(i)
		at := "/Resources/" + escape(id)
		o, ok := v.(*document.Object)
		if !ok {
			r.fault(at, "a resource is a mapping with Type and Properties")
			continue
		}
		res := Resource{ID: id, Type: text(o, "Type"), Condition: text(o, "Condition"), Properties: document.NewObject(0)}
		if res.Type == "" {
			r.fault(at+"/Type", "missing: a resource has a type such as AWS::SQS::Queue")
		}
		if p, ok := o.Get("Properties"); ok && p != nil {
			if res.Properties, ok = p.(*document.Object); !ok {
				r.fault(at+"/Properties", "must be a mapping")
				continue
			}
		}
		if m, ok := o.Get("Metadata"); ok {
			res.Metadata, _ = m.(*document.Object)
		}
		switch d, _ := o.Get("DependsOn"); d := d.(type) {
		case nil:
		case string:
			res.DependsOn = []string{d}
		case []any:
			for _, e := range d {
				if s, ok := e.(string); ok {
					res.DependsOn = append(res.DependsOn, s)
				} else {
					r.fault(at+"/DependsOn", "must be a logical id or a list of them")
				}
			}
		default:
			r.fault(at+"/DependsOn", "must be a logical id or a list of them")
		}
		t.Resources = append(t.Resources, res)
	}
}

// fault makes a Fault with the position of the value at a pointer, or of the
// nearest value around it.
func (t *Template) fault(pointer, format string, args ...any) Fault {
	p := t.at.find(pointer)
	return Fault{Line: p.line, Column: p.column, Pointer: pointer, Message: fmt.Sprintf(format, args...)}
}

type position struct{ line, column int }

type positions map[string]position

func (p positions) find(pointer string) position {
	for {
		if at, ok := p[pointer]; ok {
			return at
		}
		i := strings.LastIndexByte(pointer, '/')
		if i < 0 {
			return position{}
		}
		pointer = pointer[:i]
	}
}

// maxAliases bounds what YAML aliases may expand to.
const maxNodes = 200_000

type reader struct {
	at     positions
	faults Faults
	nodes  int
}

func (r *reader) fault(pointer, message string) {
	p := r.at.find(pointer)
	r.faults = append(r.faults, Fault{p.line, p.column, pointer, message})
}

// value turns a YAML node into a document value.
func (r *reader) value(n *yaml.Node, pointer string, depth int) any {
	r.nodes++
	if _, ok := r.at[pointer]; !ok {
		r.at[pointer] = position{n.Line, n.Column}
	}
	if depth > 100 || r.nodes > maxNodes {
		if r.nodes <= maxNodes+1 {
			r.fault(pointer, "the template nests too deeply or its aliases grow too large")
		}
		return nil
	}
	if strings.HasPrefix(n.Tag, "!") && !strings.HasPrefix(n.Tag, "!!") {
		return r.short(n, pointer, depth)
	}
	switch n.Kind {
	case yaml.AliasNode:
		return r.value(n.Alias, pointer, depth+1)
	case yaml.SequenceNode:
		list := make([]any, 0, len(n.Content))
		for i, e := range n.Content {
			list = append(list, r.value(e, fmt.Sprintf("%s/%d", pointer, i), depth+1))
		}
		return list
	case yaml.MappingNode:
		o := document.NewObject(len(n.Content) / 2)
		for i := 0; i+1 < len(n.Content); i += 2 {
			k, v := n.Content[i], n.Content[i+1]
			if k.Kind != yaml.ScalarNode {
				r.fault(pointer, "a mapping's key must be a plain string")
				continue
			}
			if k.Tag == "!!merge" {
				if merged, ok := r.value(v, pointer, depth+1).(*document.Object); ok {
					for j := range merged.Len() {
						if mk, mv := merged.At(j); !has(o, mk) {
							o.Set(mk, mv)
						}
					}
				}
				continue
			}
			o.Set(k.Value, r.value(v, pointer+"/"+escape(k.Value), depth+1))
		}
		return o
	default:
		return scalar(n)
	}
}

// scalar types a plain YAML value. A date stays the string that it was written as.
func scalar(n *yaml.Node) any {
	switch n.Tag {
	case "!!null":
		return nil
	case "!!bool":
		return strings.EqualFold(n.Value, "true")
	case "!!int", "!!float":
		if v, err := document.Parse([]byte(n.Value)); err == nil {
			return v
		}
		var f float64
		if n.Decode(&f) == nil {
			return document.Float(f)
		}
	}
	return n.Value
}

// short turns a tagged node into the long form of its function.
func (r *reader) short(n *yaml.Node, pointer string, depth int) any {
	name := n.Tag[1:]
	plain := *n
	plain.Tag = map[yaml.Kind]string{yaml.SequenceNode: "!!seq", yaml.MappingNode: "!!map"}[n.Kind]
	if n.Kind == yaml.ScalarNode {
		plain.Tag = "!!str"
	}
	long := "Fn::" + name
	switch name {
	case "Ref", "Condition":
		long = name
	}
	arg := r.value(&plain, pointer, depth+1)
	if s, ok := arg.(string); ok && name == "GetAtt" {
		id, attribute, found := strings.Cut(s, ".")
		if !found {
			r.fault(pointer, fmt.Sprintf("!GetAtt %s: LogicalId.Attribute belongs here", s))
		}
		arg = []any{id, attribute}
	}
	o := document.NewObject(1)
	o.Set(long, arg)
	return o
}

func has(o *document.Object, key string) bool { _, ok := o.Get(key); return ok }

// text returns a member that is a string, or "".
func text(o *document.Object, key string) string {
	v, _ := o.Get(key)
	s, _ := v.(string)
	return s
}

// escape writes a key as a token of a JSON pointer.
func escape(key string) string {
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(key)
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}
