package yaml

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	upstream "go.yaml.in/yaml/v3"

	"millrace/asl"
	"millrace/asl/document"
)

const order = `# An order.
StartAt: Check
States:
  Check:
    Type: Choice
    Choices:
    - Variable: $.total
      NumericGreaterThan: 100
      Next: Ask
    Default: Done
  Ask:
    Type: Task
    Resource: "arn:aws:states:::lambda:invoke"
    Parameters: &call
      FunctionName: ask
      Payload: {"in.$": $}
    Retry:
      - ErrorEquals: [States.ALL]
        BackoffRate: 1.50
    Next: Again
  Again:
    Type: Task
    Resource: arn:aws:states:::lambda:invoke
    Parameters:
      <<: *call
      FunctionName: again
    Next: Done
  Done: {Type: Succeed, Comment: 2024-01-01}
`

func TestParse(t *testing.T) {
	m, found := Parse([]byte(order), asl.Options{})
	if m == nil || len(found) > 0 {
		t.Fatal(found)
	}
	if got := strings.Join(m.Names, " "); got != "Check Ask Again Done" {
		t.Errorf("states %s", got)
	}
	if again := m.States["Again"].(*asl.Task).Parameters.Source(); again != `{"FunctionName":"again","Payload":{"in.$":"$"}}` {
		t.Errorf("the merged parameters are %s", again)
	}
}

func TestValues(t *testing.T) {
	for _, c := range []struct{ yaml, want string }{
		{"a: 1.50", `{"a":1.50}`},
		{"a: 0x1F\nb: +5\nc: .5\nd: 1_000\ne: 0o17\nf: -0", `{"a":31,"b":5,"c":0.5,"d":1000,"e":15,"f":-0}`},
		{"a: 123456789012345678901234567890", `{"a":123456789012345678901234567890}`},
		{"[yes, no, on, true, False, null, ~, '', 'true', \"1\"]", `["yes","no","on",true,false,null,null,"","true","1"]`},
		{"[2024-01-01T00:00:00Z, !!str 12]", `["2024-01-01T00:00:00Z","12"]`},
		{"a: |\n  x\n  y\nb: >-\n  x\n  y", `{"a":"x\ny\n","b":"x y"}`},
		{"1: a\ntrue: b\n'': c", `{"1":"a","true":"b","":"c"}`},
		{"a: &x [1]\nb: *x", `{"a":[1],"b":[1]}`},
		{"&k a: 1\nb: {*k : 2}", `{"a":1,"b":{"a":2}}`},
		{"a: &x {p: 1, q: 2}\nb: &y {q: 3, r: 4}\nc: {<<: [*x, *y], r: 5}", `{"a":{"p":1,"q":2},"b":{"q":3,"r":4},"c":{"r":5,"p":1,"q":2}}`},
		{"a: {}\nb: []", `{"a":{},"b":[]}`},
		{"a: 1\na: 2", `{"a":1,"a":2}`},
		{"\"<\\u00e9>\"", `"<é>"`},
		{"", ``},
		{"# nothing\n", ``},
	} {
		d, faults := Read([]byte(c.yaml))
		if faults != nil {
			t.Errorf("%q: %v", c.yaml, faults)
			continue
		}
		var got bytes.Buffer
		if len(d.JSON) > 0 {
			if err := json.Compact(&got, d.JSON); err != nil {
				t.Errorf("%q: %v in %s", c.yaml, err, d.JSON)
			}
		}
		if got.String() != c.want {
			t.Errorf("%q: got %s, want %s", c.yaml, got.String(), c.want)
		}
	}
}

func TestFaults(t *testing.T) {
	for _, c := range []struct{ name, yaml, want string }{
		{"no YAML", "StartAt: A\nStates:\n  A: [\n", "3:3: /: No YAML: did not find expected node content"},
		{"a colon too many", "a: b: c", "1:1: /: No YAML: mapping values are not allowed in this context"},
		{"a tab", "a:\n\tb: 1", "2:2: /: No YAML: found character that cannot start any token"},
		{"an anchor that is not there", "x: é\na: *b", "2:4: /: No YAML: unknown anchor 'b' referenced"},
		{"a second document", "a: 1\n---\nb: 2", "2:1: /: A definition is one document, a second one begins here"},
		{"a tag of templates", "a:\n  b: é\n  c: [!Sub '${x}']", "3:7: /a/c/0: The tag !Sub means nothing in a definition; it may belong to a template, which millrace deploy reads"},
		{"on a mapping", "a: !Ref {b: c}", "1:4: /a: The tag !Ref means nothing in a definition; it may belong to a template, which millrace deploy reads"},
		{"a tag after a wide character", "é/~: !x 1", "1:7: /é~1~0: The tag !x means nothing in a definition; it may belong to a template, which millrace deploy reads"},
		{"a key that is no text", "? [a]\n: 1", "1:3: /: A key must be a text"},
		{"a key that is null", "a: {~: 1}", "1:5: /a: A key must be a text"},
		{"leading zeros", "a: 0123", "1:4: /a: 0123 is no decimal number; a text of digits is written in quotes"},
		{"leading zeros of an account", "a: 012345678901", "1:4: /a: 012345678901 is no decimal number; a text of digits is written in quotes"},
		{"infinity", "a: [.inf]", "1:5: /a/0: .inf is no number that JSON knows"},
		{"not a boolean", "a: !!bool x", `1:4: /a: "x" is neither true nor false`},
		{"merging a text", "a: {<<: b}", "1:9: /a: Only mappings can be merged"},
		{"merging into itself", "a: &a {<<: *a}", "1:4: /a: A mapping cannot be merged into itself"},
		{"containing itself", "a: &a [*a]", "1:8: /a/0: *a contains itself"},
		{"nesting", "a: " + strings.Repeat("[", 1001) + strings.Repeat("]", 1001), "1:1004: /a" + strings.Repeat("/0", 1000) + ": More than 1000 levels are nested here"},
		{"not UTF-8", "a: 1\nb: \xff", "2:4: /: The text is not UTF-8"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, faults := Read([]byte(c.yaml))
			if d != nil || len(faults) == 0 {
				t.Fatalf("accepted as %s", d.JSON)
			}
			f := faults[0]
			pointer := f.Pointer
			if pointer == "" {
				pointer = "/"
			}
			if got := fmt.Sprintf("%d:%d: %s: %s", f.Line, f.Column, pointer, f.Message); got != c.want || f.Code != Code {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestLittleDoesNotBecomeMuch(t *testing.T) {
	var bomb, merges strings.Builder
	bomb.WriteString("a0: &a0 [x]\n")
	merges.WriteString("a0: &a0 {x: 1}\n")
	for i := 1; i < 40; i++ {
		fmt.Fprintf(&bomb, "a%d: &a%d [%s*a%d]\n", i, i, strings.Repeat(fmt.Sprintf("*a%d, ", i-1), 9), i-1)
		fmt.Fprintf(&merges, "a%d: &a%d {<<: [%s*a%d]}\n", i, i, strings.Repeat(fmt.Sprintf("*a%d, ", i-1), 9), i-1)
	}
	for _, text := range []string{bomb.String(), merges.String(), "a: " + strings.Repeat("x", maxText)} {
		if d, faults := Read([]byte(text)); d != nil || len(faults) == 0 {
			t.Errorf("%.60s... is accepted", text)
		}
	}
}

// TestPlaces holds that what is found in a definition is told by its place in the
// YAML, and within an expression by the place where it goes wrong.
func TestPlaces(t *testing.T) {
	const text = `QueryLanguage: JSONata
StartAt: Äx
States:
  Äx:
    Type: Pass
    Output:
      plain: '{% 1 + %}'
      empty: { inner: 7, "deep": "{% $$ %}" }
      block: |-
        {% (
          $x := 1;
          $x + ]
        ) %}
      folded: >-
        {% 1 +
        ] %}
    Next: Nowhere
    Next: Elsewhere
  Lost:
    Type: Succeed
    Result: 1
`
	_, found := Parse([]byte(text), asl.Options{Strictness: asl.Lenient})
	lines := strings.Split(text, "\n")
	at := make(map[string]string)
	for _, f := range found {
		if f.Line < 1 || f.Line > len(lines) || f.Column < 1 || f.Column > len(lines[f.Line-1]) {
			t.Errorf("%v has no place", f)
			continue
		}
		at[f.Pointer+" "+f.Code] = lines[f.Line-1][f.Column-1:]
	}
	for key, want := range map[string]string{
		"/States/Äx/Output/empty/deep UNSUPPORTED_JSONATA_EXPRESSION": `$$ %}" }`,
		"/States/Äx/Output/plain INVALID_JSONATA_EXPRESSION":          `+ %}'`,
		"/States/Äx/Output/block INVALID_JSONATA_EXPRESSION":          `]`,
		"/States/Äx/Next MISSING_TRANSITION_TARGET":                   "Elsewhere",
		"/States/Äx/Next REPEATED_FIELD":                              "Nowhere",
		"/States/Lost MISSING_TRANSITION_TARGET":                      "Type: Succeed",
		"/States/Lost/Result SCHEMA_VALIDATION_FAILED":                "1",
		"/States/Äx/Output/folded INVALID_JSONATA_EXPRESSION":         "] %}",
	} {
		if at[key] != want {
			t.Errorf("%s: got %q, want %q", key, at[key], want)
		}
	}
	if t.Failed() {
		t.Log(found)
	}
}

// TestWithin holds that a place inside a text is found where the YAML shows it.
func TestWithin(t *testing.T) {
	const text = "a: xyz\nb: 'xyz'\nc: \"x\\tz\"\nd: |\n    xy\n     z\ne: é\"z\nf: x\n  z\n"
	d, faults := Read([]byte(text))
	if faults != nil {
		t.Fatal(faults)
	}
	for i, c := range []struct {
		line   int // of JSON
		ahead  string
		offset int
		want   string
	}{
		{2, "", 0, "1:4"},
		{2, "xy", 3, "1:6"},
		{3, "xy", 3, "2:7"},
		{4, `x\t`, 4, "3:8"},
		{5, "x", 2, "5:6"},
		{5, `xy\n z`, 7, "6:7"},
		{5, "x", 2, "5:6"},
		{6, `é\"`, 5, "7:7"},
		{7, "x ", 3, "9:3"},
	} {
		p := d.places[c.line-1]
		if c.offset > 0 && !strings.HasPrefix(p.value, `"`+c.ahead) {
			t.Errorf("%d: the text is %s", i, p.value)
		}
		line, column := d.position(d.within(p, c.offset))
		if got := fmt.Sprintf("%d:%d", line, column); got != c.want {
			t.Errorf("%s at %d: got %s, want %s", p.value, c.offset, got, c.want)
		}
	}
}

// TestWithinEveryStyle holds that each visible character of a text is found where
// the YAML shows it, however the text is written.
func TestWithinEveryStyle(t *testing.T) {
	for _, text := range []string{
		"plain é text", "plain\n  that goes\n\n\n  on", "'it''s\n\n   é'' quoted'", "\"a\\\"b\\u00e9c\\\n   \\ttail \\x41\n more\\_xy\"",
		"|\n    one\n      two\n\n    three\n", "|-\n\n    late\n    end", ">\n    one\n    two\n\n\n    three\n      indented\n    four\n\n      more\n",
		">2-\n    spaced\n   x\n", "|2\n    deep\n   x\n", ">-\n    {% (\n      $a\n    ) %}", "'{% ''a'' & 1 %}'",
	} {
		d, faults := Read([]byte("k: " + text))
		if faults != nil {
			t.Fatalf("%q: %v", text, faults)
		}
		var value string
		p := d.places[1]
		if err := json.Unmarshal([]byte(p.value), &value); err != nil {
			t.Fatal(err)
		}
		for i, r := range value {
			if r <= ' ' || r == '\u00a0' {
				continue
			}
			quoted := document.AppendString(nil, value[:i])
			shown := d.text[d.within(p, len(quoted)-1):]
			escaped := strings.HasPrefix(shown, "\\x41") || strings.HasPrefix(shown, "\\u00e9")
			if !strings.HasPrefix(strings.TrimPrefix(shown, "\\"), string(r)) && !escaped {
				t.Errorf("%q: %q at %d is found at %.9q", text, r, i, shown)
			}
		}
	}
}

// TestDefinitionsSurvive writes the valid definitions as YAML and reads them back.
func TestDefinitionsSurvive(t *testing.T) {
	files, _ := filepath.Glob("../../testdata/valid/*.json")
	if len(files) == 0 {
		t.Fatal("no definitions")
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var n upstream.Node
		if err := upstream.Unmarshal(text, &n); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		style(&n)
		written, err := upstream.Marshal(&n)
		if err != nil {
			t.Fatal(err)
		}
		for _, y := range [][]byte{text, written} {
			d, faults := Read(y)
			if faults != nil {
				t.Errorf("%s: %v", file, faults)
				continue
			}
			var got, want bytes.Buffer
			if err := json.Compact(&got, d.JSON); err != nil {
				t.Fatal(err)
			}
			if err := json.Compact(&want, text); err != nil {
				t.Fatal(err)
			}
			if got.String() != want.String() {
				t.Errorf("%s: got %s", file, got.String())
			}
		}
	}
}

// style takes the marks of JSON off.
func style(n *upstream.Node) {
	n.Style = 0
	for _, k := range n.Content {
		style(k)
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(order))
	for _, s := range []string{"a: &a [*a]", "a: !x {<<: *b}", "- |\n x\n- >\n y", "? a\n: 'b'", "{\"a\": 1}", "a: 0o17\n---\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		d, faults := Read(text)
		if (d == nil) == (faults == nil) {
			t.Fatalf("definition %v, faults %v", d, faults)
		}
		if d == nil {
			return
		}
		if len(d.JSON) > 0 && !json.Valid(d.JSON) {
			t.Fatalf("%q is no JSON", d.JSON)
		}
		_, found := Parse(text, asl.Options{})
		lines := bytes.Count(text, []byte("\n")) + 1
		for _, f := range found {
			if f.Line < 0 || f.Line > lines || (f.Line > 0) != (f.Column > 0) {
				t.Fatalf("%v of %d lines", f, lines)
			}
		}
	})
}
