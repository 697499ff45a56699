package asl

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// TestInvalidDefinitions holds that what AWS refused is refused in its words,
// and that what only linters refuse is refused too, but for their tastes.
func TestInvalidDefinitions(t *testing.T) {
	files, _ := filepath.Glob(filepath.Join(corpus(t), "asl-invalid", "*.json"))
	if len(files) == 0 {
		t.Fatal("no definitions")
	}
	// AWS accepts an expression whatever white space surrounds it.
	taste := map[string]bool{
		"asl-validator.invalid-json-surround-syntax-extra-spaces.json": true,
		"asl-validator.invalid-jsonata-surround-syntax-no-spaces.json": true,
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var c struct {
			Authority, Op, Type string
			Definition          json.RawMessage
			DefinitionText      *string `json:"definition_text"`
			Expect              struct {
				Message     string
				Diagnostics []struct{ Code, Location, Message, Severity string }
			}
		}
		if err := json.Unmarshal(text, &c); err != nil {
			t.Fatal(err)
		}
		definition := definitionText(c.Definition)
		if c.DefinitionText != nil {
			definition = []byte(*c.DefinitionText)
		}
		opt := Options{Express: c.Type == "EXPRESS"}
		name := filepath.Base(file)
		if c.Authority != "aws" {
			opt.Strictness = Lenient
		}
		m, diags := Parse(definition, opt)
		if c.Authority != "aws" {
			if m != nil && !taste[name] {
				t.Errorf("%s: accepted", name)
			}
			continue
		}
		if c.Expect.Message != "" {
			if got := Refusal(diags); got != c.Expect.Message {
				t.Errorf("%s: got  %s\nwant %s", name, got, c.Expect.Message)
			}
			continue
		}
		if len(diags) != len(c.Expect.Diagnostics) {
			t.Errorf("%s: got %v, want %v", name, diags, c.Expect.Diagnostics)
			continue
		}
		for i, want := range c.Expect.Diagnostics {
			d := diags[i]
			if d.Code != want.Code || d.Message != want.Message || d.Location() != want.Location || string(d.Severity) != want.Severity {
				t.Errorf("%s: got %q at %q, want %q at %q", name, d, d.Location(), want.Message, want.Location)
			}
		}
	}
}
