package intrinsic

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"millrace/asl/document"
	"millrace/asl/jsonpath"
)

// corpus returns the documents that match a pattern in the recorded corpus.
func corpus(t *testing.T, pattern string) map[string]*document.Object {
	t.Helper()
	root := os.Getenv("MILLRACE_CONFORMANCE")
	if root == "" {
		t.Skip("MILLRACE_CONFORMANCE is not set: the recorded corpus is not at hand")
	}
	files, err := filepath.Glob(filepath.Join(root, pattern))
	if err != nil || len(files) == 0 {
		t.Fatalf("no files match %s in the corpus: %v", pattern, err)
	}
	found := map[string]*document.Object{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		v, err := document.Parse(text)
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if o, ok := v.(*document.Object); ok {
			found[strings.TrimSuffix(filepath.Base(file), ".json")] = o
		}
	}
	return found
}

func member(v any, path ...string) any {
	for _, name := range path {
		o, ok := v.(*document.Object)
		if !ok {
			return nil
		}
		v, _ = o.Get(name)
	}
	return v
}

// onlyPass returns the state of a machine that is one JSONPath Pass state with
// no fields but those that the test below plays.
func onlyPass(definition any) *document.Object {
	states, ok := member(definition, "States").(*document.Object)
	if !ok || states.Len() != 1 || member(definition, "QueryLanguage") != nil {
		return nil
	}
	_, v := states.At(0)
	if member(v, "Type") != "Pass" || member(v, "Parameters") == nil {
		return nil
	}
	state := v.(*document.Object)
	for _, field := range state.Keys() {
		switch field {
		case "Type", "End", "Comment", "Parameters", "ResultPath", "OutputPath":
		default:
			return nil
		}
	}
	return state
}

// Every recorded execution of one JSONPath Pass state with Parameters, played
// against this package and jsonpath alone.
func TestRecordedPassStates(t *testing.T) {
	played := 0
	for name, c := range corpus(t, "cases/*/*.json") {
		state := onlyPass(member(c, "definition"))
		if state == nil || member(c, "kind") != "execute" {
			continue
		}
		input := member(c, "input")
		if input == nil {
			continue
		}
		played++
		output, err := pass(state, input)
		if member(c, "expect", "status") == "FAILED" {
			var missing *jsonpath.NotFoundError
			if !errors.As(err, &missing) {
				t.Errorf("%s: got %v, want a path not found", name, err)
			}
			continue
		}
		if want := member(c, "expect", "output"); err != nil || !fits(output, want) {
			t.Errorf("%s: got %s, %v, want %s", name, document.Append(nil, output), err, document.Append(nil, want))
		}
	}
	t.Logf("%d cases were played", played)
	if played < 60 {
		t.Errorf("%d cases were played, the corpus has more than 60", played)
	}
}

// pass is what a Pass state with these fields does.
func pass(state *document.Object, input any) (any, error) {
	env := over(input, nil)
	lookup := env.Lookup
	env.Lookup = func(p *jsonpath.Path) (any, error) {
		if strings.HasPrefix(p.Canonical(), "$['StateMachine']") {
			return "recorded-machine-name", nil
		}
		return lookup(p)
	}
	output, err := fill(member(state, "Parameters"), env)
	if err != nil {
		return nil, err
	}
	if src, ok := member(state, "ResultPath").(string); ok {
		r, err := jsonpath.CompileReference(src)
		if err != nil {
			return nil, err
		}
		if output, err = r.Set(input, output); err != nil {
			return nil, err
		}
	}
	if src, ok := member(state, "OutputPath").(string); ok {
		p, err := jsonpath.Compile(src)
		if err != nil {
			return nil, err
		}
		return p.Eval(output)
	}
	return output, nil
}

// fill evaluates a payload template.
func fill(template any, env Env) (any, error) {
	switch v := template.(type) {
	case []any:
		filled := make([]any, len(v))
		for i, e := range v {
			var err error
			if filled[i], err = fill(e, env); err != nil {
				return nil, err
			}
		}
		return filled, nil
	case *document.Object:
		filled := document.NewObject(v.Len())
		for i := range v.Len() {
			name, e := v.At(i)
			field, dynamic := strings.CutSuffix(name, ".$")
			var made any
			var err error
			if src, ok := e.(string); dynamic && ok {
				made, err = expression(src, env)
			} else {
				made, err = fill(e, env)
			}
			if err != nil {
				return nil, err
			}
			filled.Set(field, made)
		}
		return filled, nil
	}
	return template, nil
}

func expression(src string, env Env) (any, error) {
	if IsCall(src) {
		c, err := Compile(src)
		if err != nil {
			return nil, err
		}
		return c.Eval(env)
	}
	p, err := jsonpath.Compile(src)
	if err != nil {
		return nil, err
	}
	return env.Lookup(p)
}

// fits compares with a recording, in which "<any>" stands for anything.
func fits(got, want any) bool {
	switch w := want.(type) {
	case string:
		return w == "<any>" || got == want
	case []any:
		g, ok := got.([]any)
		if !ok || len(g) != len(w) {
			return false
		}
		for i := range w {
			if !fits(g[i], w[i]) {
				return false
			}
		}
		return true
	case *document.Object:
		g, ok := got.(*document.Object)
		if !ok || g.Len() != w.Len() {
			return false
		}
		for i := range w.Len() {
			name, v := w.At(i)
			e, ok := g.Get(name)
			if !ok || !fits(e, v) {
				return false
			}
		}
		return true
	}
	return document.Equal(got, want)
}

// Every expression of the definitions that AWS accepts compiles.
func TestAcceptedDefinitionsCompile(t *testing.T) {
	compiled := 0
	for name, definition := range corpus(t, "asl-valid/*.json") {
		expressions(definition, func(field, src string) {
			compiled++
			var err error
			if IsCall(src) {
				_, err = Compile(src)
			} else {
				_, err = jsonpath.Compile(src)
			}
			if err != nil {
				t.Errorf("%s: %s: %v", name, field, err)
			}
		})
	}
	t.Logf("%d expressions were compiled", compiled)
	if compiled < 300 {
		t.Errorf("%d expressions were compiled, the corpus has more than 300", compiled)
	}
}

// expressions calls f with each expression of a definition.
func expressions(v any, f func(field, src string)) {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			expressions(e, f)
		}
	case *document.Object:
		for i := range v.Len() {
			name, e := v.At(i)
			src, ok := e.(string)
			switch {
			case name == "Result" || name == "Comment":
			case ok && (strings.HasSuffix(name, ".$") || strings.HasSuffix(name, "Path") && strings.HasPrefix(src, "$")):
				f(name, src)
			default:
				expressions(e, f)
			}
		}
	}
}

// The definitions that AWS refuses for an escape in a function's text.
func TestRefusedEscapes(t *testing.T) {
	for name, c := range corpus(t, "asl-invalid/*ILLEGAL_INTRINSIC_FUNCTION*.json") {
		refused := 0
		expressions(member(c, "definition"), func(_, src string) {
			if _, err := Compile(src); err != nil {
				refused++
			}
		})
		if refused != 1 {
			t.Errorf("%s: %d expressions were refused, want 1", name, refused)
		}
	}
}
