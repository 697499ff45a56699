package asl

import (
	"fmt"
	"strings"
)

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

	place  string // as Location says it, or noPlace
	order  int    // of its kind among the others
	offset int    // bytes before the place
}

// noPlace marks a diagnostic of the whole machine for which AWS names no place.
const noPlace = "null"

// Location returns where the fault is as AWS writes it, such as
// /States/Pick/Choices[0]/Next: names are not escaped, and a fault inside a
// payload template is located at its field. "/" is the whole definition, and ""
// means that AWS gives no location.
func (d Diagnostic) Location() string {
	if d.place == noPlace {
		return ""
	}
	return d.place
}

func (d Diagnostic) String() string {
	return fmt.Sprintf("%d:%d: %s: %s: %s: %s", d.Line, d.Column, d.Severity, d.Pointer, d.Code, d.Message)
}

// Refusal words the errors among the diagnostics as the message of the service's
// InvalidDefinition does. It is "" when there is none.
func Refusal(diagnostics []Diagnostic) string {
	var faults []string
	for _, d := range diagnostics {
		if d.Severity == SeverityError {
			faults = append(faults, d.Code+": "+d.Message+" at "+d.place)
		}
	}
	if faults == nil {
		return ""
	}
	return "Invalid State Machine Definition: '" + strings.Join(faults, ", ") + "'"
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
	Lint       bool // remarks, too, on what is accepted but cannot be meant so

	// Resources tells which service integrations can be called beside those of AWS,
	// by their ARNs. nil: any.
	Resources func(arn string) bool
}

// Limits of a definition.
const (
	MaxDefinition = 1 << 20 // bytes
	MaxStateName  = 80      // characters
)
