package asl

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestRecordedDefinitionsAreValid holds that what AWS executed is valid here too.
func TestRecordedDefinitionsAreValid(t *testing.T) {
	files, _ := filepath.Glob(filepath.Join(corpus(t), "cases", "*", "*.json"))
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var c struct {
			Kind, Type string
			Definition json.RawMessage
			Steps      []struct {
				Op     string
				Params struct {
					Definition json.RawMessage
					Type       string
				}
				Error *struct{ Code, Message string }
			}
		}
		if err := json.Unmarshal(text, &c); err != nil {
			t.Fatal(err)
		}
		name := filepath.Join(filepath.Base(filepath.Dir(file)), filepath.Base(file))
		if c.Kind == "execute" {
			_, diags := Parse(definitionText(c.Definition), Options{Express: c.Type == "EXPRESS"})
			if got := Refusal(diags); got != "" {
				t.Errorf("%s: %s", name, got)
			}
		}
		for _, s := range c.Steps {
			if s.Params.Definition == nil || s.Op != "CreateStateMachine" && s.Op != "UpdateStateMachine" && s.Op != "TestState" {
				continue
			}
			want := ""
			if s.Error != nil && strings.HasPrefix(s.Error.Message, "Invalid State Machine Definition") {
				want = s.Error.Message
			}
			definition := definitionText(s.Params.Definition)
			_, diags := Parse(definition, Options{Express: s.Params.Type == "EXPRESS"})
			var top map[string]any
			if s.Op == "TestState" && json.Unmarshal(definition, &top) == nil && top["States"] == nil {
				_, diags = ParseState("State", definition, Options{})
			}
			if got := Refusal(diags); got != want {
				t.Errorf("%s: got  %s\nwant %s", name, got, want)
			}
		}
	}
}

// definitionText returns a definition that the corpus holds as an object or as a string.
func definitionText(raw json.RawMessage) []byte {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return []byte(s)
	}
	return raw
}
