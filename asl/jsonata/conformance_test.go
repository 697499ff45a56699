package jsonata

import (
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"
	"time"

	"millrace/asl/document"
)

// suiteCase is a case of the shared JSONata suite.
type suiteCase struct {
	id, expr  string
	input     any
	vars      map[string]any
	depth     int
	code      string
	token     any
	value     any
	result    any
	undefined bool
	unordered bool
}

func loadSuite(t *testing.T) []suiteCase {
	folder := os.Getenv("MILLRACE_CONFORMANCE")
	if folder == "" {
		t.Skip("MILLRACE_CONFORMANCE is not set: the shared suite is not here")
	}
	text, err := os.ReadFile(filepath.Join(folder, "jsonata.json"))
	if err != nil {
		t.Fatal(err)
	}
	root, err := document.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	get := func(v any, name string) any {
		if m, ok := v.(*document.Object).Get(name); ok {
			return m
		}
		return Undefined
	}
	datasets := get(root, "datasets")
	var out []suiteCase
	for _, c := range get(root, "cases").([]any) {
		s := suiteCase{input: get(c, "data"), result: get(c, "result"), token: get(c, "token"), value: get(c, "value")}
		s.id, _ = get(c, "id").(string)
		s.expr, _ = get(c, "expr").(string)
		s.code, _ = get(c, "code").(string)
		s.undefined = get(c, "undefinedResult") == true
		s.unordered = get(c, "unordered") == true
		if name, ok := get(c, "dataset").(string); ok {
			s.input = get(datasets, name)
		}
		if n, ok := get(c, "depth").(document.Number); ok {
			d, _ := n.Int64()
			s.depth = int(d)
		}
		if b, ok := get(c, "bindings").(*document.Object); ok {
			s.vars = map[string]any{}
			for i := range b.Len() {
				k, v := b.At(i)
				s.vars[k] = v
			}
		}
		out = append(out, s)
	}
	return out
}

// normal makes results comparable: numbers by value, arrays as bags if unordered.
func normal(v any, unordered bool) any {
	if a, ok := v.([]any); ok && unordered {
		texts := make([]string, len(a))
		for i := range a {
			texts[i] = string(document.Append(nil, a[i]))
		}
		sort.Strings(texts)
		return strings.Join(texts, "\n")
	}
	return v
}

func (c *suiteCase) check() error {
	e, err := Compile(c.expr, Options{})
	var got any
	defined := false
	if err == nil {
		got, defined, err = e.Eval(c.input, &Bindings{Vars: c.vars, Now: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC), Limits: Limits{Depth: c.depth}})
	}
	if c.code != "" {
		fault, ok := err.(*Error)
		if !ok {
			return fmt.Errorf("no error, want %s; got %v", c.code, got)
		}
		if fault.Code != c.code {
			return fmt.Errorf("got %v, want %s", err, c.code)
		}
		if c.token != Undefined && fault.Token != c.token {
			return fmt.Errorf("got token %q, want %v", fault.Token, c.token)
		}
		if c.value != Undefined && !document.Equal(fault.Value, c.value) {
			return fmt.Errorf("got value %v, want %v", fault.Value, c.value)
		}
		return nil
	}
	if err != nil {
		return err
	}
	if c.undefined {
		if defined {
			return fmt.Errorf("got %s, want undefined", document.Append(nil, got))
		}
		return nil
	}
	if !defined {
		return fmt.Errorf("got undefined, want %s", document.Append(nil, c.result))
	}
	if f, ok := got.(Function); ok {
		return fmt.Errorf("got %v", f)
	}
	if !document.Equal(normal(got, c.unordered), normal(c.result, c.unordered)) {
		return fmt.Errorf("got %s, want %s", document.Append(nil, got), document.Append(nil, c.result))
	}
	return nil
}

func TestSharedSuite(t *testing.T) {
	for _, c := range loadSuite(t) {
		t.Run(c.id, func(t *testing.T) {
			if err := c.check(); err != nil {
				t.Errorf("%s\n%v", c.expr, err)
			}
		})
	}
}
