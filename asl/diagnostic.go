package asl

import "fmt"

// Severity tells a fault from a remark.
type Severity string

// The severities, as ValidateStateMachineDefinition names them.
const (
	SeverityError   Severity = "ERROR"
	SeverityWarning Severity = "WARNING"
)

// Diagnostic is one finding about a definition.
type Diagnostic struct {
	Severity Severity
	Code     string // such as SCHEMA_VALIDATION_FAILED, MISSING_TRANSITION_TARGET, INVALID_JSON_DESCRIPTION
	Message  string
	Pointer  string // JSON pointer of the offending value; "" is the whole definition
	Line     int    // of the offending value, from 1; 0: unknown
	Column   int    // in bytes, from 1

	place  string // as Location says it
	offset int    // bytes before the offending value
}

// Location returns where the fault is as AWS writes it, such as
// /States/Pick/Choices[0]/Next: names are not escaped, and a fault inside a
// payload template is located at its field. "/" is the whole definition and ""
// is nowhere.
func (d Diagnostic) Location() string { return d.place }

func (d Diagnostic) String() string {
	return fmt.Sprintf("%d:%d: %s: %s: %s: %s", d.Line, d.Column, d.Severity, d.Pointer, d.Code, d.Message)
}

// Strictness chooses between what AWS refuses and what a file under development may hold.
type Strictness int

// Strict refuses what AWS refuses. Lenient accepts ${Placeholders} and resource
// URIs of other makers with a warning.
const (
	Strict Strictness = iota
	Lenient
)

// Options of [Parse]. The zero value is a strict STANDARD machine.
type Options struct {
	Strictness Strictness
	Express    bool // the machine's type is EXPRESS
}

// Limits of a definition.
const (
	MaxDefinition = 1 << 20 // bytes
	MaxStateName  = 80      // characters
)
