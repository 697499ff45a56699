package asl

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the faults expected in testdata")

// options of a file in testdata: its name says what it is parsed as.
func optionsFor(name string) Options {
	name, lint := strings.CutPrefix(name, "lint-")
	o := Options{Express: strings.HasPrefix(name, "express-"), Lint: lint}
	if lint || strings.HasPrefix(name, "lenient-") {
		o.Strictness = Lenient
	}
	return o
}

// TestValidFiles holds that the definitions of testdata/valid have no faults,
// not even a remark unless the name begins with "lenient-" or "remark-".
func TestValidFiles(t *testing.T) {
	files, _ := filepath.Glob("../testdata/valid/*.json")
	if len(files) == 0 {
		t.Fatal("no definitions")
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Base(file)
		m, diags := Parse(text, optionsFor(name))
		quiet := !strings.HasPrefix(name, "lenient-") && !strings.HasPrefix(name, "remark-")
		if m == nil || quiet == (len(diags) > 0) {
			t.Errorf("%s: %v", name, diags)
			continue
		}
		if _, err := Compile(text); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestInvalidFiles compares the faults found with those that each file of
// testdata/invalid carries after its definition.
func TestInvalidFiles(t *testing.T) { compareFaults(t, "../testdata/invalid/*.txt", false) }

// TestLintFiles compares the remarks on definitions that are valid and cannot be
// meant so with those that each file carries after its definition.
func TestLintFiles(t *testing.T) { compareFaults(t, "../testdata/valid/lint-*.txt", true) }

// faultsMark stands between a definition and what is found in it.
const faultsMark = "-- faults --\n"

func compareFaults(t *testing.T, pattern string, valid bool) {
	files, _ := filepath.Glob(pattern)
	if len(files) == 0 {
		t.Fatal("no definitions")
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		definition, want, _ := strings.Cut(string(text), faultsMark)
		m, diags := Parse([]byte(definition), optionsFor(filepath.Base(file)))
		if valid != (m != nil) {
			t.Errorf("%s: accepted is %v", filepath.Base(file), m != nil)
		}
		var got strings.Builder
		for _, d := range diags {
			fmt.Fprintf(&got, "%s\n    at %s\n", d, d.Location())
		}
		if *update {
			if err := os.WriteFile(file, []byte(definition+faultsMark+got.String()), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if got.String() != want {
			t.Errorf("%s: got\n%swant\n%s", filepath.Base(file), got.String(), want)
		}
	}
}

// FuzzParse holds that no text makes Parse or Compile panic, that a machine
// comes without errors and only so, and that Compile takes what Parse took.
func FuzzParse(f *testing.F) {
	for _, pattern := range []string{"../testdata/valid/*", "../testdata/invalid/*.txt"} {
		files, _ := filepath.Glob(pattern)
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			definition, _, _ := strings.Cut(string(text), faultsMark)
			f.Add([]byte(definition))
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, o := range []Options{{}, {Strictness: Lenient, Express: true, Lint: true}} {
			m, diags := Parse(text, o)
			refused := Refusal(diags) != ""
			if refused == (m != nil) {
				t.Fatalf("machine %v, diagnostics %v", m != nil, diags)
			}
			if m == nil {
				continue
			}
			c, err := Compile(text)
			if err != nil {
				t.Fatalf("Compile: %v", err)
			}
			if len(c.byPointer) != len(m.byPointer) {
				t.Fatalf("Compile has %d states, Parse %d", len(c.byPointer), len(m.byPointer))
			}
		}
		ParseState("S", text, Options{})
	})
}
