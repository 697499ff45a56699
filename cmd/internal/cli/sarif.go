package cli

import (
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
)

// Diagnosis is a finding in a file, as it is printed.
type Diagnosis struct {
	Severity string `json:"severity"` // error, warning
	Code     string `json:"code"`
	Message  string `json:"message"`
	Pointer  string `json:"pointer"`
	Line     int    `json:"line,omitempty"` // from 1; 0: unknown
	Column   int    `json:"column,omitempty"`
}

// Text returns the finding on one line, in the form in which editors find places.
func (d Diagnosis) Text(file string) string {
	at := file
	if d.Line > 0 {
		at = fmt.Sprintf("%s:%d:%d", file, d.Line, max(d.Column, 1))
	}
	text := fmt.Sprintf("%s: %s: %s", at, d.Severity, plain(d.Message))
	if d.Pointer != "" {
		text += " at " + d.Pointer
	}
	return text + " [" + d.Code + "]"
}

// SARIF is a log in the Static Analysis Results Interchange Format 2.1.0, with
// the parts that a list of findings needs.
type SARIF struct {
	Schema  string     `json:"$schema"`
	Version string     `json:"version"`
	Runs    []sarifRun `json:"runs"`
}

type sarifRun struct {
	Tool struct {
		Driver struct {
			Name    string      `json:"name"`
			Version string      `json:"version"`
			Rules   []sarifRule `json:"rules"`
		} `json:"driver"`
	} `json:"tool"`
	ColumnKind string        `json:"columnKind"`
	Results    []sarifResult `json:"results"`
}

type sarifRule struct {
	ID    string    `json:"id"`
	Short sarifText `json:"shortDescription"`
}

type sarifText struct {
	Text string `json:"text"`
}

type sarifResult struct {
	Rule      string          `json:"ruleId"`
	Index     int             `json:"ruleIndex"`
	Level     string          `json:"level"`
	Message   sarifText       `json:"message"`
	Locations []sarifLocation `json:"locations"`
}

type sarifLocation struct {
	Physical struct {
		Artifact struct {
			URI string `json:"uri"`
		} `json:"artifactLocation"`
		Region *sarifRegion `json:"region,omitempty"`
	} `json:"physicalLocation"`
	Logical []sarifLogical `json:"logicalLocations,omitempty"`
}

type sarifRegion struct {
	Line   int `json:"startLine"`
	Column int `json:"startColumn"`
}

type sarifLogical struct {
	Name string `json:"fullyQualifiedName"`
	Kind string `json:"kind"`
}

// NewSARIF makes an empty log; version is this program's.
func NewSARIF(version string) *SARIF {
	run := sarifRun{ColumnKind: "unicodeCodePoints", Results: []sarifResult{}}
	run.Tool.Driver.Name, run.Tool.Driver.Version, run.Tool.Driver.Rules = "millrace", version, []sarifRule{}
	return &SARIF{"https://json.schemastore.org/sarif-2.1.0.json", "2.1.0", []sarifRun{run}}
}

// Add adds a finding, whose column counts characters. rule tells what the findings
// of its code have in common.
func (s *SARIF) Add(file string, d Diagnosis, rule string) {
	r := sarifResult{Rule: d.Code, Index: s.rule(d.Code, rule), Level: d.Severity, Message: sarifText{d.Message}, Locations: make([]sarifLocation, 1)}
	l := &r.Locations[0]
	l.Physical.Artifact.URI = uri(file)
	if d.Line > 0 {
		l.Physical.Region = &sarifRegion{d.Line, max(d.Column, 1)}
	}
	if d.Pointer != "" {
		l.Logical = []sarifLogical{{d.Pointer, "object"}}
	}
	s.Runs[0].Results = append(s.Runs[0].Results, r)
}

// rule returns the index of a rule, which is added when it is new.
func (s *SARIF) rule(id, text string) int {
	rules := &s.Runs[0].Tool.Driver.Rules
	for i, r := range *rules {
		if r.ID == id {
			return i
		}
	}
	if text == "" {
		text = id
	}
	*rules = append(*rules, sarifRule{id, sarifText{text}})
	return len(*rules) - 1
}

// uri is a file's name as a URI: relative, or of the scheme file.
func uri(file string) string {
	if file == "-" {
		return "stdin"
	}
	u := url.URL{Path: filepath.ToSlash(file)}
	if filepath.IsAbs(file) {
		u.Scheme = "file"
		if !strings.HasPrefix(u.Path, "/") {
			u.Path = "/" + u.Path
		}
		return "file://" + u.EscapedPath()
	}
	return u.String()
}
