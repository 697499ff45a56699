package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"

	docs "millrace/asl/document"
	"millrace/cmd/internal/cli"
)

func TestEval(t *testing.T) {
	file := file(t, "in.json", `{"orders":[{"total":1.50},{"total":2}],"name":"Ana"}`)
	for _, c := range []struct {
		name   string
		args   []string
		stdin  string
		code   int
		stdout string
		stderr string // a part of it
	}{
		{"a result is JSON", []string{"$sum(orders.total)", "--input", file}, "", cli.OK, "3.5\n", ""},
		{"a number keeps its text", []string{"orders[0]", "--input", file}, "", cli.OK, `{"total":1.50}` + "\n", ""},
		{"the input may be standard input", []string{"a", "--input", "-"}, `{"a":"<&>"}`, cli.OK, `"<&>"` + "\n", ""},
		{"no input is needed", []string{"1 + 1"}, "", cli.OK, "2\n", ""},
		{"variables", []string{"$x & $y.z", "--vars", `{"x":1,"y":{"z":"b"}}`}, "", cli.OK, `"1b"` + "\n", ""},
		{"$eval is there", []string{`$eval("1+2")`}, "", cli.OK, "3\n", ""},
		{"null is a result", []string{"null"}, "", cli.OK, "null\n", ""},
		{"undefined is none", []string{"missing", "--input", file}, "", cli.OK, "", "undefined\n"},
		{"a fault of the syntax", []string{"(1 + 2"}, "", cli.Failed, "", "millrace: S0203: "},
		{"its position", []string{"1 + ]"}, "", cli.Failed, "", "(at position 5)"},
		{"a fault of the evaluation", []string{`1 + "a"`}, "", cli.Failed, "", "millrace: T2002: "},
		{"a function has no JSON form", []string{"$sum"}, "", cli.Failed, "", "FUNCTION_RESULT"},
		{"a path", []string{"$.orders[*].total", "--language", "jsonpath", "--input", file}, "", cli.OK, "[1.50,2]\n", ""},
		{"a path of a variable", []string{"$x.a[-1]", "--language=jsonpath", "--vars", `{"x":{"a":[1,2]}}`}, "", cli.OK, "2\n", ""},
		{"a path without an input", []string{"$", "--language=jsonpath"}, "", cli.OK, "{}\n", ""},
		{"an intrinsic function", []string{"States.Format('{} {}', $.name, $n)", "--language=jsonpath", "--input", file, "--vars", `{"n":7}`}, "", cli.OK, `"Ana 7"` + "\n", ""},
		{"a random one", []string{"States.StringSplit(States.UUID(), '-')[0]", "--language=jsonpath"}, "", cli.Failed, "", "SYNTAX_ERROR: "},
		{"a path that finds nothing", []string{"$.no", "--language=jsonpath", "--input", file}, "", cli.Failed, "", "States.Runtime: No results for path: $['no']"},
		{"a variable that is none", []string{"$no", "--language=jsonpath"}, "", cli.Failed, "", "States.Runtime: the variable $no is not defined"},
		{"the context object", []string{"$$.Execution", "--language=jsonpath"}, "", cli.Failed, "", "no context object here"},
		{"a path that is none", []string{"$.a[", "--language=jsonpath"}, "", cli.Failed, "", "(at position 5)"},
		{"an intrinsic function that fails", []string{"States.MathAdd('a', 1)", "--language=jsonpath"}, "", cli.Failed, "", "States.IntrinsicFailure: "},
		{"an input that is no JSON", []string{"1", "--input", "-"}, "{", cli.Failed, "", "no JSON"},
		{"an input that is not there", []string{"1", "--input", file + "x"}, "", cli.Failed, "", "no such file"},
		{"variables that are none", []string{"1", "--vars", "[]"}, "", cli.Usage, "", "--vars"},
		{"another language", []string{"1", "--language", "xpath"}, "", cli.Usage, "", "want jsonata or jsonpath"},
		{"no expression", nil, "", cli.Usage, "", "want an expression"},
		{"two expressions", []string{"1", "2"}, "", cli.Usage, "", "usage:"},
		{"an expression and a batch", []string{"1", "--batch"}, "", cli.Usage, "", "--batch"},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, stdout, stderr := do(t, c.stdin, append([]string{"eval"}, c.args...)...)
			if code != c.code || stdout != c.stdout || !strings.Contains(stderr, c.stderr) || c.stderr == "" && stderr != "" {
				t.Errorf("got %d, %q, %q, want %d, %q, %q", code, stdout, stderr, c.code, c.stdout, c.stderr)
			}
		})
	}
}

func TestEvalBatch(t *testing.T) {
	lines := []struct{ line, want string }{
		{`{"expr":"a + $b","input":{"a":1},"bindings":{"b":2}}`, `{"result":3}`},
		{`{"expr":"a"}`, `{"undefined":true}`},
		{`{"expr":"$","input":null,"bindings":null,"depth":null,"timelimit":1000}`, `{"result":null}`},
		{`{"expr":"1 +"}`, `{"error":"S0207"}`},
		{`{"expr":"1 + true"}`, `{"error":"T2002"}`},
		{`{"expr":"($f := function($n){$n = 0 ? 0 : 1 + $f($n - 1)}; $f(50))"}`, `{"result":50}`},
		{`{"expr":"($f := function($n){$n = 0 ? 0 : 1 + $f($n - 1)}; $f(50))","depth":30}`, `{"error":"U1001"}`},
		{`{"expr":"($f := function($n){1 + $f($n)}; $f(1))","depth":1e9}`, `{"error":"INVALID_REQUEST"}`},
		{`{"expr":"($f := function($n){1 + $f($n)}; $f(1))","depth":1000000000}`, `{"error":"U1001"}`},
		{`{"expr":"$v & $b","bindings":{"b":2}}`, `{"result":"v2"}`},
		{`{"expr":"$v","bindings":{"v":2}}`, `{"result":2}`},
		{`not JSON`, `{"error":"INVALID_JSON"}`},
		{``, `{"error":"INVALID_JSON"}`},
		{`"` + strings.Repeat("x", maxFile) + `"`, `{"error":"INVALID_JSON"}`},
		{`[1]`, `{"error":"INVALID_REQUEST"}`},
		{`{"input":1}`, `{"error":"INVALID_REQUEST"}`},
		{`{"expr":"1","bindings":[]}`, `{"error":"INVALID_REQUEST"}`},
		{`{"expr":"$sum"}`, `{"error":"FUNCTION_RESULT"}`},
		{`{"expr":"\"é<\""}`, `{"result":"é<"}`},
	}
	var in, want strings.Builder
	for _, l := range lines {
		in.WriteString(l.line + "\n")
		want.WriteString(l.want + "\n")
	}
	text := strings.TrimSuffix(in.String(), "\n") // the last line has no end
	code, stdout, stderr := do(t, text, "eval", "--batch", "--vars", `{"v":"v"}`)
	if code != cli.OK || stdout != want.String() || stderr != "" {
		t.Errorf("got %d, %q\n%s\nwant\n%s", code, stderr, stdout, want.String())
	}
	paths := file(t, "lines", `{"expr":"$.a","input":{"a":[1]}}`+"\n"+`{"expr":"$.b","input":{"a":[1]}}`+"\n")
	if code, stdout, _ := do(t, "", "eval", "--batch", "--language", "jsonpath", "--input", paths); code != cli.OK || stdout != `{"result":[1]}`+"\n"+`{"error":"States.Runtime"}`+"\n" {
		t.Errorf("paths: got %d, %q", code, stdout)
	}
}

// TestEvalBatchOfTheSuite answers the shared JSONata suite as one batch.
func TestEvalBatchOfTheSuite(t *testing.T) {
	folder := os.Getenv("MILLRACE_CONFORMANCE")
	if folder == "" {
		t.Skip("MILLRACE_CONFORMANCE is not set: the shared suite is not here")
	}
	text, err := os.ReadFile(filepath.Join(folder, "jsonata.json"))
	if err != nil {
		t.Fatal(err)
	}
	var suite struct {
		Datasets map[string]json.RawMessage
		Cases    []struct {
			ID, Expr, Code, Dataset string
			Data, Bindings, Result  json.RawMessage
			Depth                   int
			UndefinedResult         bool
			Unordered               bool
		}
	}
	if err := json.Unmarshal(text, &suite); err != nil {
		t.Fatal(err)
	}
	var in bytes.Buffer
	for _, c := range suite.Cases {
		line := map[string]any{"expr": c.Expr, "timelimit": 1000}
		if c.Data != nil {
			line["input"] = c.Data
		}
		if c.Dataset != "" {
			line["input"] = suite.Datasets[c.Dataset]
		}
		if c.Bindings != nil {
			line["bindings"] = c.Bindings
		}
		if c.Depth > 0 {
			line["depth"] = c.Depth
		}
		if err := cli.JSON(&in, line); err != nil {
			t.Fatal(err)
		}
	}
	code, stdout, stderr := do(t, in.String(), "eval", "--batch")
	answers := strings.Split(strings.TrimSuffix(stdout, "\n"), "\n")
	if code != cli.OK || len(answers) != len(suite.Cases) {
		t.Fatalf("got %d, %d answers to %d cases, %q", code, len(answers), len(suite.Cases), stderr)
	}
	for i, c := range suite.Cases {
		want := `{"undefined":true}`
		switch {
		case c.Code != "":
			want = `{"error":"` + c.Code + `"}`
		case !c.UndefinedResult:
			want = `{"result":` + string(c.Result) + `}`
		}
		if !sameAnswer(t, answers[i], want, c.Unordered) {
			t.Errorf("%s: %s: got %s, want %s", c.ID, c.Expr, answers[i], want)
		}
	}
}

// sameAnswer compares two answers as JSON; unordered takes a result as a bag.
func sameAnswer(t *testing.T, got, want string, unordered bool) bool {
	t.Helper()
	var both [2]any
	for i, text := range []string{got, want} {
		v, err := docs.Parse([]byte(text))
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		r, _ := v.(*docs.Object).Get("result")
		if list, ok := r.([]any); ok && unordered {
			sort.Slice(list, func(i, j int) bool {
				return string(docs.Append(nil, list[i])) < string(docs.Append(nil, list[j]))
			})
		}
		both[i] = v
	}
	return docs.Equal(both[0], both[1])
}
