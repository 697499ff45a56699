package asl

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"millrace/asl/document"
)

// corpus returns the folder of recorded cases, or skips the test.
func corpus(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("MILLRACE_CONFORMANCE")
	if dir == "" {
		t.Skip("MILLRACE_CONFORMANCE is unset: it names the folder of recorded cases")
	}
	return dir
}

// recorded is a case of the corpus.
type recorded struct {
	Kind       string
	Definition json.RawMessage
	Input      json.RawMessage
	Expect     struct {
		Status string
		Output json.RawMessage
	}
}

// TestChoiceAsRecorded plays the recorded choice machines: a Choice whose
// targets are Pass states with a Result.
func TestChoiceAsRecorded(t *testing.T) {
	files, _ := filepath.Glob(filepath.Join(corpus(t), "cases", "choice_operators", "*.json"))
	if len(files) == 0 {
		t.Fatal("no cases")
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var c recorded
		if err := json.Unmarshal(text, &c); err != nil {
			t.Fatal(err)
		}
		m, diags := Parse(c.Definition, Options{})
		if m == nil {
			t.Errorf("%s: %v", filepath.Base(file), diags)
			continue
		}
		choice := m.States[m.StartAt].(*Choice)
		env := &Env{Input: document.FromBytes(c.Input)}
		next := choice.Default
		for _, r := range choice.Rules {
			ok, err := r.Test.Match(env)
			if err != nil {
				t.Errorf("%s: %v", filepath.Base(file), err)
			}
			if ok {
				next = r.Next
				break
			}
		}
		got := m.States[next].(*Pass).Result
		want := document.FromBytes(c.Expect.Output)
		if !document.Equal(got.Value(), want.Value()) {
			t.Errorf("%s: got %s, want %s", filepath.Base(file), got, want)
		}
	}
}
