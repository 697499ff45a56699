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
	for _, d := range s.diagnose(in.Definition, in.Type == string(engine.Express)) {
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
func (s *Service) diagnose(definition string, express bool) []diagnostic {
	_, found := asl.Parse([]byte(definition), asl.Options{Express: express, Resources: s.resources()})
	told := make([]diagnostic, len(found))
	for i, d := range found {
		told[i] = diagnostic{d.Severity, d.Code, d.Message, d.Location()}
	}
	return told
}

// accept refuses a definition that AWS refuses, with its words. The engine, which
// accepts it again, cannot tell whether AWS knows a task's resource.
func (s *Service) accept(definition string, express bool) error {
	known := s.resources()
	if known == nil {
		return nil
	}
	_, found := asl.Parse([]byte(definition), asl.Options{Express: express, Resources: known})
	if m := asl.Refusal(found); m != "" {
		return fault("InvalidDefinition", "%s", m)
	}
	return nil
}

// resolver finds the task of a resource.
type resolver interface {
	Resolve(resource string) (engine.Task, error)
}

// resources tells which integrations can be called here beside those of AWS; nil:
// it is not known.
func (s *Service) resources() func(arn string) bool {
	r, ok := s.tasks.(resolver)
	if !ok {
		return nil
	}
	return func(arn string) bool {
		_, err := r.Resolve(arn)
		return err == nil
	}
}
