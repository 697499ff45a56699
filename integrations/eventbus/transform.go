package eventbus

import (
	"bytes"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"millrace/asl/document"
	"millrace/asl/jsonpath"
)

// transformer makes a target's input from the event by a template. A <name> in
// the template stands for a value: as JSON, or inside of quotes as text. A name
// whose path finds nothing is "" as JSON and nothing as text.
//
// Source: "Amazon EventBridge input transformation" of the user guide. Where it
// differs: what an object or a list inside of quotes becomes is its JSON without
// quotation marks, so that the outcome stays JSON.
type transformer struct {
	pieces []piece
	text   bool // the template is neither an object, a list nor a quoted text
}

// piece is a stretch of the template, and the value that follows it.
type piece struct {
	literal string
	name    string // "": nothing follows
	path    *jsonpath.Path
	quoted  bool // the value stands inside of quotes
}

// placeholder is a value's place in a template.
var placeholder = regexp.MustCompile(`<([A-Za-z0-9_.-]+)>`)

// The variables of every template.
const (
	ruleARNVariable   = "aws.events.rule-arn"
	ruleNameVariable  = "aws.events.rule-name"
	timeVariable      = "aws.events.event.ingestion-time"
	eventVariable     = "aws.events.event" // without its detail
	eventJSONVariable = "aws.events.event.json"
)

func compileTransformer(paths map[string]string, template string) (*transformer, error) {
	switch {
	case template == "" || len(template) > maxInput:
		return nil, fmt.Errorf("an InputTemplate has from 1 to %d bytes", maxInput)
	case len(paths) > maxPaths:
		return nil, fmt.Errorf("an InputPathsMap has at most %d paths", maxPaths)
	}
	compiled := map[string]*jsonpath.Path{}
	for _, name := range slices.Sorted(maps.Keys(paths)) {
		if strings.HasPrefix(strings.ToLower(name), "aws") {
			return nil, fmt.Errorf("the key %q of InputPathsMap begins with AWS", short(name))
		}
		p, err := compilePath(paths[name])
		if err != nil {
			return nil, err
		}
		compiled[name] = p
	}
	t := &transformer{}
	if trimmed := strings.TrimSpace(template); trimmed != "" && !strings.ContainsRune(`{["`, rune(trimmed[0])) {
		t.text = placeholder.FindString(trimmed) != trimmed // a value alone is JSON
	}
	quoted, end := false, 0
	for _, at := range placeholder.FindAllStringSubmatchIndex(template, -1) {
		p := piece{literal: template[end:at[0]], name: template[at[2]:at[3]]}
		quoted = inQuotes(p.literal, quoted)
		p.path, p.quoted = compiled[p.name], quoted || t.text
		t.pieces = append(t.pieces, p)
		end = at[1]
	}
	t.pieces = append(t.pieces, piece{literal: template[end:]})
	return t, nil
}

// inQuotes reports whether what follows text is inside of quotes, if text itself begins so or not.
func inQuotes(text string, quoted bool) bool {
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '\\' && quoted:
			i++
		case text[i] == '"':
			quoted = !quoted
		}
	}
	return quoted
}

// apply makes the input of a target of a rule.
func (t *transformer) apply(r *route, e *document.Object, ingested string) []byte {
	var out []byte
	for _, p := range t.pieces {
		out = append(out, p.literal...)
		if p.name == "" {
			continue
		}
		v, found := p.value(r, e, ingested)
		switch {
		case t.text:
			out = append(out, plain(v, found)...)
		case p.quoted:
			quoted := document.AppendString(nil, plain(v, found))
			out = append(out, quoted[1:len(quoted)-1]...)
		case found:
			out = document.Append(out, v)
		default:
			out = append(out, `""`...)
		}
	}
	if t.text {
		return document.AppendString(nil, string(out))
	}
	return bytes.TrimSpace(out)
}

func (p *piece) value(r *route, e *document.Object, ingested string) (v any, found bool) {
	if p.path != nil {
		v, err := p.path.Eval(e)
		return v, err == nil
	}
	switch p.name {
	case ruleARNVariable:
		return r.arn, true
	case ruleNameVariable:
		return r.name, true
	case timeVariable:
		return ingested, true
	case eventVariable:
		o := e.Clone()
		o.Delete("detail")
		return o, true
	case eventJSONVariable:
		return e, true
	}
	return nil, false
}

// plain is a value inside of a text.
func plain(v any, found bool) string {
	switch v := v.(type) {
	case string:
		return v
	case *document.Object, []any:
		return strings.ReplaceAll(string(document.Append(nil, v)), `"`, "")
	}
	if !found {
		return ""
	}
	return string(document.Append(nil, v))
}
