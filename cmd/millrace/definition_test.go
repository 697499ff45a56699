package main

import (
	"path/filepath"
	"strings"
	"testing"

	"millrace/cmd/internal/cli"
)

const order = `StartAt: Greet
States:
  Greet:
    Type: Pass
    Parameters:
      greeting.$: States.Format('Hello {}', $.name)
    End: true
`

func TestDefinitionsInYAML(t *testing.T) {
	yml := file(t, "order.yml", order)
	code, out, errs := do(t, "", "run", yml, "--input", `{"name":"Ana"}`, "--json")
	if code != cli.OK || !strings.Contains(out, `"output":{"greeting":"Hello Ana"}`) {
		t.Errorf("run: got %d, %s, %s", code, out, errs)
	}
	if code, out, errs := do(t, "", "validate", yml); code != cli.OK || out != "" {
		t.Errorf("validate: got %d, %s, %s", code, out, errs)
	}
	faulty := file(t, "faulty.YAML", strings.Replace(order, "End: true", "Next: Gone", 1))
	broken := file(t, "broken.yaml", "StartAt: A\n# A comment.\nStates: A: b\n")
	tagged := file(t, "tagged.yaml", "StartAt: A\nStates:\n  A: !Sub x\n")
	for _, c := range []struct{ file, want string }{
		{faulty, ":7:11: error: Missing 'Next' target: Gone at /States/Greet/Next [MISSING_TRANSITION_TARGET]"},
		{broken, ":3:1: error: No YAML: mapping values are not allowed in this context [INVALID_YAML_DESCRIPTION]"},
		{tagged, ":3:6: error: The tag !Sub means nothing in a definition; it may belong to a template, which millrace deploy reads at /States/A [INVALID_YAML_DESCRIPTION]"},
	} {
		if code, out, _ := do(t, "", "validate", c.file); code != cli.Failed || !strings.HasPrefix(out, c.file+c.want+"\n") {
			t.Errorf("validate: got %d, %s, want %s", code, out, c.want)
		}
		if code, _, errs := do(t, "", "run", c.file); code != cli.Failed || !strings.Contains(errs, c.file+c.want) {
			t.Errorf("run: got %d, %s, want %s", code, errs, c.want)
		}
	}
}

func TestValidateWarns(t *testing.T) {
	path := file(t, "warned.json", `{"StartAt":"A","States":{"A":{"Type":"Pass","Parameters":{"x.$":"$nothing"},"End":true}}}`)
	want := path + ":1:65: warning: The variable '$nothing' has no value here: nothing assigns it at /States/A/Parameters/x.$ [UNDEFINED_VARIABLE]\n"
	if code, out, errs := do(t, "", "validate", path); code != cli.OK || out != want || errs != "" {
		t.Errorf("got %d, %s, %s, want %s", code, out, errs, want)
	}
	if code, _, errs := do(t, "", "run", path); code != cli.Failed || strings.Contains(errs, "UNDEFINED_VARIABLE") {
		t.Errorf("run: got %d, %s", code, errs)
	}
}

func TestValidateStandardInput(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{order, ""},
		{strings.Replace(order, "End: true", "Next: Gone", 1), "-:7:11: error: Missing 'Next' target: Gone"},
		{"not a definition", "-:1:4: error: Unrecognized token 'not'"},
		{"[1]", "-:1:1: error: "},
		{` {"StartAt": "A"}`, "-:1:2: error: These fields are required: [States]"},
	} {
		code, out, _ := do(t, c.in, "validate", "-")
		if (code == cli.OK) != (c.want == "") || !strings.HasPrefix(out, c.want) {
			t.Errorf("%q: got %d, %s", c.in, code, out)
		}
	}
}

func TestValidateSARIF(t *testing.T) {
	path := file(t, "e.json", `{"QueryLanguage":"JSONata","StartAt":"A","States":{"A":{"Type":"Pass","Output":"{% 'é' & ) %}","End":true}}}`)
	broken := file(t, "b.yaml", "a: [")
	code, out, errs := do(t, "", "validate", path, filepath.Join(t.TempDir(), "gone.json"), broken, "--format", "sarif")
	if code != cli.Failed || !strings.Contains(errs, "gone.json") {
		t.Errorf("got %d, %s", code, errs)
	}
	for _, want := range []string{
		`"columnKind":"unicodeCodePoints"`, `"startLine":1,"startColumn":90}`,
		`{"id":"INVALID_JSONATA_EXPRESSION","shortDescription":{"text":"A JSONata expression cannot be read"}}`,
		`{"id":"INVALID_YAML_DESCRIPTION","shortDescription":{"text":"The definition is not YAML, or has no JSON form"}}`,
	} {
		if !strings.Contains(out, want) {
			t.Errorf("%s is not in %s", want, out)
		}
	}
}
