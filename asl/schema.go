package asl

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"path"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v5"

	"millrace/asl/document"
)

//go:embed schema/*.json
var schemaFiles embed.FS

// schemaBase is where the schemas are said to be; nothing is fetched from there.
const schemaBase = "asl:///"

// schemaSet is the compiled schemas of the definition's parts, one for each
// state type and each object inside one.
type schemaSet struct {
	compiled map[string]*jsonschema.Schema // by name, such as "map"
	source   map[string]*node              // by file
}

// loadSchemas compiles the embedded schemas, once in a process. They are part
// of the program, so a fault in one is a fault of the program.
var loadSchemas = sync.OnceValue(func() *schemaSet {
	s := &schemaSet{compiled: make(map[string]*jsonschema.Schema), source: make(map[string]*node)}
	files, err := schemaFiles.ReadDir("schema")
	if err != nil {
		panic("asl: read schemas: " + err.Error())
	}
	c := jsonschema.NewCompiler()
	for _, f := range files {
		text, err := schemaFiles.ReadFile("schema/" + f.Name())
		if err == nil {
			s.source[f.Name()], err = readNodes(text)
		}
		if err == nil {
			err = c.AddResource(schemaBase+f.Name(), bytes.NewReader(text))
		}
		if err != nil {
			panic("asl: schema " + f.Name() + ": " + err.Error())
		}
	}
	for _, f := range files {
		compiled, err := c.Compile(schemaBase + f.Name())
		if err != nil {
			panic("asl: schema " + f.Name() + ": " + err.Error())
		}
		s.compiled[strings.TrimSuffix(f.Name(), ".json")] = compiled
	}
	return s
})

// conform checks the structure of n, down to depth levels, by the schema called
// name, and reports whether n is an object at all.
func (c *compiler) conform(n *node, name string, depth int) bool {
	set := loadSchemas()
	err := set.compiled[name].Validate(plain(n.value, depth))
	var invalid *jsonschema.ValidationError
	if errors.As(err, &invalid) {
		c.translate(n, set, invalid)
	}
	return n.isObject()
}

// translate reports the leaves of a schema error in AWS's words.
func (c *compiler) translate(n *node, set *schemaSet, e *jsonschema.ValidationError) {
	if len(e.Causes) > 0 {
		for _, cause := range e.Causes {
			c.translate(n, set, cause)
		}
		return
	}
	at := n.find(e.InstanceLocation)
	file, fragment, ok := strings.Cut(strings.TrimPrefix(e.AbsoluteKeywordLocation, schemaBase), "#")
	if at == nil || !ok {
		c.fault(n, nil, codeSchema, "Value is not valid: "+e.Message)
		return
	}
	root := set.source[file]
	keyword, owner := root.find(fragment), root.find(path.Dir(fragment))
	if path.Dir(fragment) == "/" {
		owner = root
	}
	if keyword == nil || owner == nil {
		c.fault(at, nil, codeSchema, "Value is not valid: "+e.Message)
		return
	}
	switch keyword.key {
	case "required":
		var missing []string
		for _, name := range texts(keyword) {
			if at.get(name) == nil {
				missing = append(missing, name)
			}
		}
		c.fault(at, nil, codeSchema, "These fields are required: "+list(missing))
	case "additionalProperties":
		known := owner.get("properties")
		for _, k := range at.kids {
			if known.get(k.key) == nil {
				c.foreign(k, at, file)
			}
		}
	case "type":
		c.fault(at, nil, codeSchema, wrongType(keyword))
	case "enum":
		c.fault(at, nil, codeSchema, "Value should be one of the following: "+list(texts(keyword)))
	case "minimum":
		c.fault(at, nil, codeSchema, "Minimum value is "+string(document.Append(nil, keyword.value)))
	case "maximum":
		c.fault(at, nil, codeSchema, "Maximum value is "+string(document.Append(nil, keyword.value)))
	case "minItems", "minProperties", "minLength":
		c.fault(at, nil, codeSchema, "Value cannot be empty")
	default:
		c.fault(at, nil, codeSchema, "Value is not valid: "+e.Message)
	}
}

// foreign reports a field that its object does not have. Lenient lets other
// engines' own fields pass, and Arguments of a Map.
func (c *compiler) foreign(k, at *node, file string) {
	message := "Field '" + k.key + "' is not supported"
	if known := stateFields()[k.key]; !known || k.key == "Arguments" && file == "map.json" {
		c.refuse(k, at, codeSchema, message)
		return
	}
	c.fault(k, at, codeSchema, message)
}

// stateFields is the names of the fields of all state types.
var stateFields = sync.OnceValue(func() map[string]bool {
	m := make(map[string]bool)
	for _, t := range stateTypes {
		for _, k := range loadSchemas().source[strings.ToLower(t)+".json"].get("properties").kids {
			m[k.key] = true
		}
	}
	return m
})

// wrongType words the types that belong to a value, from the schema's "type".
func wrongType(types *node) string {
	names := texts(types)
	if t, ok := types.text(); ok {
		names = []string{t}
	}
	for i, t := range names {
		switch t {
		case "integer":
			return "Expected value of type Integer"
		case "number":
			return "Expected value of type Float"
		}
		names[i] = strings.ToUpper(t)
	}
	return "Expected value of type " + list(names)
}

func list(names []string) string { return "[" + strings.Join(names, ", ") + "]" }

// plain turns a value into what the schema library takes. What lies deeper than
// depth becomes null, so that checking nested states costs once, not once for
// each level.
func plain(v any, depth int) any {
	switch v := v.(type) {
	case document.Number:
		// The library makes exact fractions of numbers: an absurd exponent would cost gigabytes.
		if len(v) > 40 || strings.ContainsAny(string(v), "eE") {
			return v.Float64()
		}
		return json.Number(v)
	case []any:
		a := make([]any, len(v))
		if depth > 0 {
			for i, e := range v {
				a[i] = plain(e, depth-1)
			}
		}
		return a
	case *document.Object:
		m := make(map[string]any, v.Len())
		for i := range v.Len() {
			k, e := v.At(i)
			if m[k] = nil; depth > 0 {
				m[k] = plain(e, depth-1)
			}
		}
		return m
	}
	return v
}
