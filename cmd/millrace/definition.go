package main

import (
	"bytes"
	"io"
	"path/filepath"
	"strings"

	"millrace/asl"
	"millrace/asl/yaml"
	"millrace/cmd/internal/cli"
)

// definition is a state machine's definition read from a file.
type definition struct {
	file   string
	text   string // as it was read
	json   []byte
	faults []asl.Diagnostic // why YAML is no JSON

	yaml *yaml.Definition // nil: the file is JSON
}

// readDefinition reads JSON, or YAML where the file's name ends so, or either from
// standard input for "-".
func readDefinition(name string, in io.Reader) (*definition, error) {
	text, err := readFile(name, in)
	if err != nil {
		return nil, err
	}
	d := &definition{file: name, text: string(text), json: text}
	switch ext := strings.ToLower(filepath.Ext(name)); {
	case ext == ".yaml" || ext == ".yml":
		d.read(text)
	case name == "-" && !bytes.HasPrefix(bytes.TrimLeft(text, " \t\r\n"), []byte("{")):
		if d.read(text); d.faults != nil || !bytes.HasPrefix(d.json, []byte("{")) {
			d.yaml, d.faults, d.json = nil, nil, text // neither: the fault is told as one of JSON
		}
	}
	return d, nil
}

// read reads YAML.
func (d *definition) read(text []byte) {
	if d.yaml, d.faults = yaml.Read(text); d.faults == nil {
		d.json = d.yaml.JSON
	}
}

// check returns what is found in the definition, in the file's lines and columns.
func (d *definition) check(opt asl.Options) []asl.Diagnostic {
	if d.faults != nil {
		return d.faults
	}
	_, found := asl.Parse(d.json, opt)
	d.locate(found)
	return found
}

// locate gives what was found in the JSON the file's lines and columns.
func (d *definition) locate(found []asl.Diagnostic) {
	if d.yaml != nil {
		d.yaml.Locate(found)
	}
}

// refused tells why the definition is not taken.
func (d *definition) refused(found []asl.Diagnostic) error {
	var lines []string
	for _, f := range found {
		if f.Severity == asl.SeverityError {
			lines = append(lines, diagnosis(f).Text(d.file))
		}
	}
	return cli.Failf("the definition is not right\n%s", strings.Join(lines, "\n"))
}
