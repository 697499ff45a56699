package mapping

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"millrace/asl/document"
)

// template is a pipe's InputTemplate: text with places, <$.path> or
// <aws.pipes.name>, that are filled in from each record.
//
// Source: "Amazon EventBridge Pipes input transformation".
type template struct {
	parts []templatePart
}

// templatePart is text, or a place with the path into the record or with the
// name of a variable.
type templatePart struct {
	text     string
	path     []string // members and, as [n], elements; with place
	variable string
	place    bool
	quoted   bool // it stands inside a JSON string
}

const maxTemplate = 8192

// parseTemplate reads a template; "" is nil, which leaves records as they are.
func parseTemplate(text string) (*template, error) {
	if text == "" {
		return nil, nil
	}
	if len(text) > maxTemplate {
		return nil, fmt.Errorf("has %d bytes, %d are the most allowed", len(text), maxTemplate)
	}
	t := &template{}
	quoted := false
	from := 0
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\' && quoted:
			i++
		case c == '"':
			quoted = !quoted
		case c == '<':
			end := strings.IndexByte(text[i:], '>')
			if end < 0 {
				return nil, fmt.Errorf("has < without >")
			}
			p := templatePart{place: true, quoted: quoted}
			if err := p.parse(text[i+1 : i+end]); err != nil {
				return nil, err
			}
			t.parts = append(t.parts, templatePart{text: text[from:i]}, p)
			i += end
			from = i + 1
		}
	}
	t.parts = append(t.parts, templatePart{text: text[from:]})
	return t, nil
}

// variables are the names in place of paths.
var variables = []string{
	"aws.pipes.pipe-arn", "aws.pipes.pipe-name", "aws.pipes.source-arn", "aws.pipes.target-arn",
	"aws.pipes.event.ingestion-time", "aws.pipes.event", "aws.pipes.event.json",
}

func (p *templatePart) parse(inner string) error {
	inner = strings.TrimSpace(inner)
	for _, v := range variables {
		if inner == v {
			p.variable = v
			return nil
		}
	}
	rest, ok := strings.CutPrefix(inner, "$")
	if !ok {
		return fmt.Errorf("has <%.60s>, which is neither a path nor a variable", inner)
	}
	for rest != "" {
		switch {
		case rest[0] == '.':
			end := strings.IndexAny(rest[1:], ".[")
			if end < 0 {
				end = len(rest) - 1
			}
			p.path = append(p.path, rest[1:end+1])
			rest = rest[end+1:]
		case strings.HasPrefix(rest, "['"):
			name, after, ok := strings.Cut(rest[2:], "']")
			if !ok {
				return fmt.Errorf("has the path %.60s, which is broken", inner)
			}
			p.path = append(p.path, name)
			rest = after
		case rest[0] == '[':
			end := strings.IndexByte(rest, ']')
			if end < 0 {
				return fmt.Errorf("has the path %.60s, which is broken", inner)
			}
			if _, err := strconv.Atoi(rest[1:end]); err != nil {
				return fmt.Errorf("has the path %.60s, which is broken", inner)
			}
			p.path = append(p.path, rest[:end+1])
			rest = rest[end+1:]
		default:
			return fmt.Errorf("has the path %.60s, which is broken", inner)
		}
	}
	return nil
}

// fill makes the input for a record. What is no JSON in the end is a string.
func (t *template) fill(m *mapping, arn string, record json.RawMessage, ingested string) (json.RawMessage, error) {
	if t == nil {
		return record, nil
	}
	v, err := document.Parse(record)
	if err != nil {
		return nil, fmt.Errorf("a record is not JSON: %w", err)
	}
	var out []byte
	for _, p := range t.parts {
		if !p.place {
			out = append(out, p.text...)
			continue
		}
		found, ok := p.find(m, arn, v, ingested)
		switch {
		case !ok && p.quoted:
		case !ok:
			out = append(out, "null"...)
		case !p.quoted:
			out = document.Append(out, found)
		default:
			s, isText := found.(string)
			if !isText {
				s = string(document.Append(nil, found))
			}
			escaped := document.AppendString(nil, s)
			out = append(out, escaped[1:len(escaped)-1]...)
		}
	}
	if !document.Valid(out) {
		return document.AppendString(nil, string(out)), nil
	}
	return out, nil
}

// find is what a place stands for.
func (p *templatePart) find(m *mapping, arn string, record any, ingested string) (any, bool) {
	switch p.variable {
	case "":
	case "aws.pipes.pipe-arn":
		return arn, true
	case "aws.pipes.pipe-name":
		return m.name(), true
	case "aws.pipes.source-arn":
		return m.source, true
	case "aws.pipes.target-arn":
		return m.target, true
	case "aws.pipes.event.ingestion-time":
		return ingested, true
	default:
		return record, true
	}
	v := record
	for _, s := range p.path {
		v = opened(v)
		if index, ok := strings.CutPrefix(s, "["); ok {
			list, _ := v.([]any)
			n, err := strconv.Atoi(strings.TrimSuffix(index, "]"))
			if err != nil || n < 0 || n >= len(list) {
				return nil, false
			}
			v = list[n]
			continue
		}
		o, _ := v.(*document.Object)
		if o == nil {
			return nil, false
		}
		var ok bool
		if v, ok = o.Get(s); !ok {
			return nil, false
		}
	}
	if !p.quoted {
		v = opened(v)
	}
	return v, true
}

// opened is a string that holds a JSON object or array as that, because pipes
// look inside a message's body.
func opened(v any) any {
	s, ok := v.(string)
	if !ok {
		return v
	}
	if t := strings.TrimSpace(s); t == "" || t[0] != '{' && t[0] != '[' {
		return v
	}
	inner, err := document.Parse([]byte(s))
	if err != nil {
		return v
	}
	return inner
}
