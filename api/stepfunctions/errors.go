package stepfunctions

import (
	"errors"
	"strings"

	"millrace/api"
	"millrace/asl"
	"millrace/asl/document"
	"millrace/engine"
)

func fault(name, format string, args ...any) error { return api.Faultf(name, format, args...) }

// translated words an error of the engine about subject. An error that is not
// the caller's fault is returned as it is.
func translated(err error, subject string) error {
	if err == nil {
		return nil
	}
	if f := api.FaultOf(err, subject); f != nil {
		return f
	}
	return err
}

// definitionFault is translated for an operation that brings a definition: a
// refused one is told by its diagnostics.
func definitionFault(err error, subject string) error {
	refused := new(engine.DefinitionError)
	if !errors.As(err, &refused) {
		return translated(err, subject)
	}
	var told []string
	for _, d := range refused.Diagnostics {
		if d.Severity == asl.SeverityError {
			told = append(told, d.Code+": "+d.Message+" at "+d.Location())
		}
	}
	return translated(err, strings.Join(told, ", "))
}

// jsonFault says why text is no JSON document, or "".
func jsonFault(text string) string {
	if document.Valid([]byte(text)) {
		return ""
	}
	if strings.TrimSpace(text) == "" {
		return "No content to map due to end-of-input"
	}
	_, found := asl.Parse([]byte(text), asl.Options{})
	for _, d := range found {
		return strings.ReplaceAll(d.Message, "the definition", "the document")
	}
	return "no JSON document"
}
