package cli

import (
	"fmt"
	"path/filepath"
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
			Name    string `json:"name"`
			Version string `json:"version"`
		} `json:"driver"`
	} `json:"tool"`
	ColumnKind string        `json:"columnKind"`
	Results    []sarifResult `json:"results"`
}

type sarifText struct {
	Text string `json:"text"`
}

type sarifResult struct {
	Rule      string          `json:"ruleId"`
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
	run.Tool.Driver.Name, run.Tool.Driver.Version = "millrace", version
	return &SARIF{"https://json.schemastore.org/sarif-2.1.0.json", "2.1.0", []sarifRun{run}}
}

// Add adds a finding.
func (s *SARIF) Add(file string, d Diagnosis) {
	r := sarifResult{Rule: d.Code, Level: d.Severity, Message: sarifText{d.Message}, Locations: make([]sarifLocation, 1)}
	l := &r.Locations[0]
	l.Physical.Artifact.URI = filepath.ToSlash(file)
	if d.Line > 0 {
		l.Physical.Region = &sarifRegion{d.Line, max(d.Column, 1)}
	}
	if d.Pointer != "" {
		l.Logical = []sarifLogical{{d.Pointer, "object"}}
	}
	s.Runs[0].Results = append(s.Runs[0].Results, r)
}
