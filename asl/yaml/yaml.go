// Package yaml reads state machine definitions that are written in YAML.
//
// A definition becomes the JSON text that the service takes, laid out with at
// most one value beginning on a line, and what is found in that text is told by
// its place in the YAML. A definition is one document of the core schema: its
// mappings have texts for keys, anchors and merge keys are followed, and tags of
// templates such as !Sub are refused.
package yaml

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	upstream "go.yaml.in/yaml/v3"

	"millrace/asl"
)

// Code is the code of diagnostics about what is not YAML, or has no JSON form.
const Code = "INVALID_YAML_DESCRIPTION"

// Definition is a definition that was written in YAML.
type Definition struct {
	JSON []byte // the definition as indented JSON text; "" if the YAML is empty

	text   string
	starts []int   // of the lines as YAML has them, in bytes
	places []place // by line of JSON
}

// place is what begins on a line of JSON.
type place struct {
	column int // in bytes, from 1
	node   *upstream.Node
	value  string // of a text, as JSON
}

// Parse is [asl.Parse] for a definition in YAML. Lines and columns of what it finds
// are those of the YAML.
func Parse(text []byte, opt asl.Options) (*asl.Machine, []asl.Diagnostic) {
	d, faults := Read(text)
	if faults != nil {
		return nil, faults
	}
	m, found := asl.Parse(d.JSON, opt)
	d.Locate(found)
	return m, found
}

// Read turns YAML into JSON. Faults are what is not YAML or has no JSON form; if
// there are any, there is no definition.
func Read(text []byte) (*Definition, []asl.Diagnostic) {
	d := &Definition{text: string(text)}
	if len(text) > maxText {
		return nil, []asl.Diagnostic{{Severity: asl.SeverityError, Code: Code,
			Message: fmt.Sprintf("The definition has %d bytes, but %d is the most allowed", len(text), maxText)}}
	}
	if !utf8.Valid(text) {
		return nil, []asl.Diagnostic{d.fault(d.invalid(), "", "The text is not UTF-8")}
	}
	d.starts = []int{0}
	for at := breaks.FindStringIndex(d.text); at != nil; {
		end := d.starts[len(d.starts)-1] + at[1]
		d.starts = append(d.starts, end)
		at = breaks.FindStringIndex(d.text[end:])
	}
	decoder := upstream.NewDecoder(bytes.NewReader(text))
	var root upstream.Node
	switch err := decoder.Decode(&root); {
	case errors.Is(err, io.EOF):
		return d, nil
	case err != nil:
		return nil, []asl.Diagnostic{d.syntax(err)}
	}
	var more upstream.Node
	switch err := decoder.Decode(&more); {
	case err == nil:
		return nil, []asl.Diagnostic{d.fault(d.offset(more.Line, more.Column), "", "A definition is one document, a second one begins here")}
	case !errors.Is(err, io.EOF):
		return nil, []asl.Diagnostic{d.syntax(err)}
	}
	w := writer{d: d, open: make(map[*upstream.Node]bool)}
	if len(root.Content) == 1 {
		w.value(root.Content[0], "", 0)
	}
	if w.faults != nil {
		return nil, w.faults
	}
	d.JSON = append(w.out, '\n')
	return d, nil
}

// maxText is the most bytes of YAML that are read. Comments and indentation are
// not part of the definition, so it is more than [asl.MaxDefinition].
const maxText = 4 * asl.MaxDefinition

// breaks are the ends of lines in YAML.
var breaks = regexp.MustCompile("\r\n|[\r\n\u0085\u2028\u2029]")

// invalid is the place of the first byte that is not UTF-8.
func (d *Definition) invalid() int {
	for i, r := range d.text {
		if _, n := utf8.DecodeRuneInString(d.text[i:]); r == utf8.RuneError && n == 1 {
			return i
		}
	}
	return 0
}

// fault makes a diagnostic of a place in the text.
func (d *Definition) fault(at int, pointer, message string) asl.Diagnostic {
	f := asl.Diagnostic{Severity: asl.SeverityError, Code: Code, Message: message, Pointer: pointer}
	f.Line, f.Column = d.position(at)
	return f
}

// position is the line and the column in bytes of a place in the text, both from 1.
func (d *Definition) position(at int) (line, column int) {
	before := d.text[:at]
	return strings.Count(before, "\n") + 1, at - strings.LastIndexByte(before, '\n')
}

// offset is the place in the text that the YAML library means by a line and a
// column in characters, both from 1.
func (d *Definition) offset(line, column int) int {
	if line > len(d.starts) {
		return len(d.text)
	}
	at := d.starts[max(line, 1)-1]
	if at == 0 && strings.HasPrefix(d.text, "\ufeff") {
		at = len("\ufeff")
	}
	for i := 1; i < column && at < len(d.text); i++ {
		_, n := utf8.DecodeRuneInString(d.text[at:])
		at += n
	}
	return at
}

// line is a line as YAML has them, from 1, without its end.
func (d *Definition) line(line int) string {
	if line < 1 || line > len(d.starts) {
		return ""
	}
	text := d.text[d.starts[line-1]:]
	if at := breaks.FindStringIndex(text); at != nil {
		text = text[:at[0]]
	}
	return text
}

var (
	lineOf   = regexp.MustCompile(`^line (\d+): `)
	anchorOf = regexp.MustCompile(`^unknown anchor '(.*)' referenced$`)
)

// syntax words an error of the YAML library, which knows lines only, and not
// those of anchors.
func (d *Definition) syntax(err error) asl.Diagnostic {
	message := strings.TrimPrefix(err.Error(), "yaml: ")
	if m := anchorOf.FindStringSubmatch(message); m != nil {
		return d.fault(max(strings.Index(d.text, "*"+m[1]), 0), "", "No YAML: "+message)
	}
	line := 1 // it names any other
	if m := lineOf.FindStringSubmatch(message); m != nil {
		line, _ = strconv.Atoi(m[1])
		line = min(line, len(d.starts))
		message = message[len(m[0]):]
	}
	text := d.line(line)
	blank := len(text) - len(strings.TrimLeft(text, " \t"))
	return d.fault(d.offset(line, blank+1), "", "No YAML: "+message)
}

// Locate gives diagnostics about the JSON text the lines and columns of the YAML.
func (d *Definition) Locate(found []asl.Diagnostic) {
	for i := range found {
		f := &found[i]
		if f.Line < 1 || f.Line > len(d.places) || d.places[f.Line-1].node == nil {
			f.Line, f.Column = 0, 0
			continue
		}
		p := d.places[f.Line-1]
		f.Line, f.Column = d.position(d.within(p, f.Column-p.column))
	}
}
