package asl

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

// TestVariableReferencesAsRecorded compares with what DescribeStateMachine answered.
func TestVariableReferencesAsRecorded(t *testing.T) {
	files, _ := filepath.Glob(filepath.Join(corpus(t), "cases", "api_variable_references", "*.json"))
	if len(files) == 0 {
		t.Fatal("no cases")
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var c struct {
			Steps []struct {
				Op     string
				Params struct{ Definition json.RawMessage }
				Expect []struct{ Value json.RawMessage }
			}
		}
		if err := json.Unmarshal(text, &c); err != nil {
			t.Fatal(err)
		}
		var m *Machine
		for _, s := range c.Steps {
			if s.Op == "CreateStateMachine" {
				var diags []Diagnostic
				if m, diags = Parse(definitionText(s.Params.Definition), Options{}); m == nil {
					t.Fatalf("%s: %v", filepath.Base(file), diags)
				}
			}
			if s.Op != "DescribeStateMachine" || len(s.Expect) != 1 || m == nil {
				continue
			}
			var answer struct{ VariableReferences map[string][]string }
			if err := json.Unmarshal(s.Expect[0].Value, &answer); err != nil {
				t.Fatal(err)
			}
			got, want := m.VariableReferences(), answer.VariableReferences
			if len(got)+len(want) > 0 && !reflect.DeepEqual(got, want) {
				t.Errorf("%s: got %v, want %v", filepath.Base(file), got, want)
			}
		}
	}
}
