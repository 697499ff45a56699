package asl

import (
	"os"
	"path/filepath"
	"testing"
)

// TestValidDefinitions holds that no definition of the corpus that validators
// accept has an ERROR in Lenient mode.
func TestValidDefinitions(t *testing.T) {
	files, _ := filepath.Glob(filepath.Join(corpus(t), "asl-valid", "*.json"))
	if len(files) == 0 {
		t.Fatal("no definitions")
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		m, diags := Parse(text, Options{Strictness: Lenient, Lint: true})
		for _, d := range diags {
			if d.Severity == SeverityError {
				t.Errorf("%s: %s", filepath.Base(file), d)
			}
		}
		if m == nil {
			continue
		}
		if _, err := Compile(text); err != nil {
			t.Errorf("%s: %v", filepath.Base(file), err)
		}
	}
}
