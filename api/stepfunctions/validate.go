package stepfunctions

import (
	"context"

	"millrace/asl"
	"millrace/engine"
)

// diagnostic is a finding as it is told.
type diagnostic struct {
	Severity asl.Severity `json:"severity"`
	Code     string       `json:"code"`
	Message  string       `json:"message"`
	Location string       `json:"location,omitempty"`
}

type validateInput struct {
	Definition string       `json:"definition"`
	Type       string       `json:"type"`
	Severity   asl.Severity `json:"severity"`
	Max        int          `json:"maxResults"`
}

// maxDiagnostics is how many findings are told unless fewer are asked for.
const maxDiagnostics = 100

func (s *Service) validateStateMachineDefinition(_ context.Context, in *validateInput) (any, error) {
	found := []diagnostic{}
	result := "OK"
	for _, d := range diagnose(in.Definition, in.Type == string(engine.Express)) {
		if d.Severity == asl.SeverityError {
			result = "FAIL"
		} else if in.Severity != asl.SeverityWarning {
			continue
		}
		found = append(found, d)
	}
	if in.Max == 0 {
		in.Max = maxDiagnostics
	}
	truncated := len(found) > in.Max
	if truncated {
		found = found[:in.Max]
	}
	return struct {
		Result      string       `json:"result"`
		Diagnostics []diagnostic `json:"diagnostics"`
		Truncated   bool         `json:"truncated"`
	}{result, found, truncated}, nil
}

// diagnose lists what is wrong with a definition.
func diagnose(definition string, express bool) []diagnostic {
	_, found := asl.Parse([]byte(definition), asl.Options{Express: express})
	told := make([]diagnostic, len(found))
	for i, d := range found {
		told[i] = diagnostic{d.Severity, d.Code, d.Message, d.Location()}
	}
	return told
}
