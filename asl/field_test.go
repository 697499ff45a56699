package asl

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"millrace/asl/document"
)

// fieldOf compiles a field of a Pass state: Output of JSONata, Parameters of JSONPath.
func fieldOf(t *testing.T, lang QueryLanguage, value string) Field {
	t.Helper()
	key := "Parameters"
	if lang == JSONata {
		key = "Output"
	}
	m, diags := Parse([]byte(`{"StartAt":"A","States":{"A":{"Type":"Pass","QueryLanguage":"`+string(lang)+`","`+key+`":`+value+`,"End":true}}}`), Options{})
	if m == nil {
		t.Fatalf("%s: %v", value, diags)
	}
	p := m.States["A"].(*Pass)
	if lang == JSONata {
		return p.Output
	}
	return p.Parameters
}

func doc(text string) *document.Doc { return document.FromBytes([]byte(text)) }

// testEnv is what the fields of the tests below look at.
func testEnv() *Env {
	draws := uint64(0)
	return &Env{
		Input:   doc(`{"a":1,"list":[1,2,3],"o":{"k":"v"},"big":12345678901234567890.10,"s":"text"}`),
		Result:  doc(`{"r":true}`),
		Context: func(string) *document.Doc { return doc(`{"State":{"Name":"A"}}`) },
		Variable: func(name string) (*document.Doc, bool) {
			if name == "v" {
				return doc(`{"n":7}`), true
			}
			return nil, false
		},
		Draw: func() uint64 { draws++; return draws << 40 },
		Now:  time.UnixMilli(1700000000000).UTC(),
	}
}

func TestFieldEval(t *testing.T) {
	for _, c := range []struct {
		lang        QueryLanguage
		field, want string
	}{
		{JSONPath, `{"x":1,"y":["$.a"]}`, `{"x":1,"y":["$.a"]}`},
		{JSONPath, `{"x.$":"$.a","y":{"z.$":"$.o"},"w":[{"q.$":"$.list[1:]"},[{"p.$":"$.big"}]]}`, `{"x":1,"y":{"z":{"k":"v"}},"w":[{"q":[2,3]},[{"p":12345678901234567890.10}]]}`},
		{JSONPath, `{"all.$":"$"}`, `{"all":{"a":1,"list":[1,2,3],"o":{"k":"v"},"big":12345678901234567890.10,"s":"text"}}`},
		{JSONPath, `{"c.$":"$$.State.Name","v.$":"$v.n","w.$":"$v"}`, `{"c":"A","v":7,"w":{"n":7}}`},
		{JSONPath, `{"f.$":"States.Format('{} {}', $.s, $v.n)","n.$":"States.MathAdd($.a, 1)"}`, `{"f":"text 7","n":2}`},
		{JSONata, `"{% $states.input.a + 1 %}"`, `2`},
		{JSONata, `{"x":["{% $v.n %}",{"y":"{%$states.context.State.Name%}"}],"z":" {% text %}"}`, `{"x":[7,{"y":"A"}],"z":" {% text %}"}`},
		{JSONata, `"{% $states.result.r %}"`, `true`},
		{JSONata, `"{% $states.input.big %}"`, `12345678901234567890.10`},
		{JSONata, `"{% $partition($states.input.list, 2) %}"`, `[[1,2],[3]]`},
		{JSONata, `"{% $range(0, 1, 0.5) %}"`, `[0,0.5,1]`},
		{JSONata, `"{% $range(3, 1, -1) %}"`, `[3,2,1]`},
		{JSONata, `"{% $hash('Hello', 'SHA-1') %}"`, `"f7ff9e8b7bb2e09b70935a5d785e0cc5d9d0abf0"`},
		{JSONata, `"{% $parse('{\"k\":[1]}').k %}"`, `[1]`},
		{JSONata, `"{% $parse('[-0,{\"a\":-0},-0.5]') %}"`, `[0,{"a":0},-0.5]`},
		{JSONata, `"{% $uuid() %}"`, `"00000100-0000-4000-8000-020000000000"`},
		{JSONata, `"{% $random() < 1 %}"`, `true`},
		{JSONata, `"{% $random(42) = $random(42) %}"`, `true`},
		{JSONata, `"{% $now() %}"`, `"2023-11-14T22:13:20.000Z"`},
		{JSONata, `"{% ( $s := $states; $s.input.a + $s.result.r.($ ? 1 : 2) ) %}"`, `2`},
	} {
		d, err := fieldOf(t, c.lang, c.field).Eval(testEnv())
		if err != nil {
			t.Errorf("%s: %v", c.field, err)
			continue
		}
		if got := d.String(); got != c.want {
			t.Errorf("%s: got %s, want %s", c.field, got, c.want)
		}
	}
}

// TestFieldErrors holds the words of the errors that AWS was seen to give.
func TestFieldErrors(t *testing.T) {
	for _, c := range []struct {
		lang                         QueryLanguage
		field, name, location, cause string
	}{
		{JSONPath, `{"value.$":"$.no"}`, "States.Runtime", "", `The JSONPath '$.no' specified for the field 'value.$' could not be found in the input '` + testEnv().Input.String() + `'`},
		{JSONPath, `{"value.$":"$$.no"}`, "States.Runtime", "", `The JSONPath '$$.no' specified for the field 'value.$' could not be found in the input '{"State":{"Name":"A"}}'`},
		{JSONata, `"{% $none %}"`, "States.QueryEvaluationError", "Output", `The JSONata expression '$none' specified for the field 'Output' returned nothing (undefined).`},
		{JSONata, `{"a":{"b":[1,"{% $states.input.none %}"]}}`, "States.QueryEvaluationError", "Output/a/b[1]", `The JSONata expression '$states.input.none' specified for the field 'Output/a/b[1]' returned nothing (undefined).`},
		{JSONata, `"{% $f := function($x){$x} %}"`, "States.QueryEvaluationError", "Output", `The JSONata expression '$f := function($x){$x}' specified for the field 'Output' returned an unsupported result type.`},
		{JSONata, `"{% $abs('x') %}"`, "States.QueryEvaluationError", "Output", `The JSONata expression '$abs('x')' specified for the field 'Output' threw an error during evaluation. T0410: Argument 1 of function "abs" does not match function signature`},
		{JSONata, `"{% $eval('1') %}"`, "States.QueryEvaluationError", "Output", `The JSONata expression '$eval('1')' specified for the field 'Output' threw an error during evaluation. T1006: Attempted to invoke a non-function`},
	} {
		_, err := fieldOf(t, c.lang, c.field).Eval(testEnv())
		var e *Error
		if !errors.As(err, &e) {
			t.Errorf("%s: got %v, want an *Error", c.field, err)
			continue
		}
		if e.Name != c.name || e.Cause != c.cause || e.Location != c.location {
			t.Errorf("%s: got %s at %q: %s\nwant %s at %q: %s", c.field, e.Name, e.Location, e.Cause, c.name, c.location, c.cause)
		}
	}
}

// TestExpressionFaults holds AWS's words for expressions that it refuses.
func TestExpressionFaults(t *testing.T) {
	for expression, want := range map[string]string{
		`a[1,2)`:                             `INVALID_JSONATA_EXPRESSION: Expected "]", got ","`,
		`"unterminated`:                      `INVALID_JSONATA_EXPRESSION: String literal must be terminated by a matching quote`,
		`1 +`:                                `INVALID_JSONATA_EXPRESSION: Unexpected end of expression`,
		`{"a":}`:                             `INVALID_JSONATA_EXPRESSION: The symbol "}" cannot be used as a unary operator`,
		`$match("a", /abc`:                   `INVALID_JSONATA_EXPRESSION: No terminating / in regular expression`,
		``:                                   `INVALID_JSONATA_EXPRESSION: Unexpected end of expression`,
		`$$`:                                 `UNSUPPORTED_JSONATA_EXPRESSION: Reference to '$$' is not supported.`,
		`$.phone`:                            `UNSUPPORTED_JSONATA_EXPRESSION: Reference to '$' at the top level is not supported.`,
		`phone[0]`:                           `UNSUPPORTED_JSONATA_EXPRESSION: Reference to 'phone' at the top level is not supported.`,
		`$states.errorOutput`:                `UNSUPPORTED_JSONATA_EXPRESSION: Field '$states.errorOutput' does not exist.`,
		`$states.input.x[phone > 3]`:         ``,
		`$map($v, function($x){ $x.phone })`: ``,
	} {
		src, err := json.Marshal("{% " + expression + " %}")
		if err != nil {
			t.Fatal(err)
		}
		_, diags := Parse([]byte(`{"QueryLanguage":"JSONata","StartAt":"E","States":{"E":{"Type":"Pass","Output":{"v":`+string(src)+`},"End":true}}}`), Options{})
		if want != "" {
			want = "Invalid State Machine Definition: '" + want + " at /States/E/Output/v'"
		}
		if got := Refusal(diags); got != want {
			t.Errorf("%s: got %s, want %s", expression, got, want)
		}
	}
}

// TestRootPathIsTheInputItself holds that what is passed on unchanged is told by its pointer.
func TestRootPathIsTheInputItself(t *testing.T) {
	env := testEnv()
	for _, f := range []Field{fieldOf(t, JSONata, `"{% $states.input %}"`), &pathField{path: mustPath(t, "$")}} {
		d, err := f.Eval(env)
		if err != nil || d != env.Input {
			t.Errorf("%s: got another document (%v)", f.Source(), err)
		}
	}
	if d, _ := fieldOf(t, JSONata, `"{% $states.result %}"`).Eval(env); d != env.Result {
		t.Error("$states.result: got another document")
	}
}

func TestInputAndOutputPath(t *testing.T) {
	m, diags := Parse([]byte(`{"StartAt":"A","States":{"A":{"Type":"Pass","InputPath":null,"OutputPath":"$.no","Next":"B"},"B":{"Type":"Succeed"}}}`), Options{})
	if m == nil {
		t.Fatal(diags)
	}
	a := m.States["A"].Common()
	if d, _ := a.InputPath.Eval(testEnv()); d.String() != "{}" {
		t.Errorf("InputPath null: got %s, want {}", d)
	}
	_, err := a.OutputPath.Eval(testEnv())
	if want := "Invalid path '$.no' : No results for path: $['no']"; err == nil || err.(*Error).Cause != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if b := m.States["B"].Common(); b.InputPath != nil || b.OutputPath != nil {
		t.Error("absent paths are not nil")
	}
}

func TestResultPathApply(t *testing.T) {
	for _, c := range []struct{ path, input, result, want string }{
		{``, `{"a":1}`, `2`, `2`},
		{`"ResultPath":"$",`, `{"a":1}`, `2`, `2`},
		{`"ResultPath":null,`, `{"a":1}`, `2`, `{"a":1}`},
		{`"ResultPath":"$.b.c",`, `{"a":1}`, `[2]`, `{"a":1,"b":{"c":[2]}}`},
		{`"ResultPath":"$.a",`, `{"a":1,"z":0}`, `null`, `{"a":null,"z":0}`},
		{`"ResultPath":"$.l[1]",`, `{"l":[1,2]}`, `"x"`, `{"l":[1,"x"]}`},
		{`"ResultPath":"$.b",`, `"text"`, `2`, `States.ResultPathMatchFailure: Unable to apply ReferencePath $.b to input "text"`},
	} {
		m, diags := Parse([]byte(`{"StartAt":"A","States":{"A":{"Type":"Pass",`+c.path+`"End":true}}}`), Options{})
		if m == nil {
			t.Fatal(diags)
		}
		d, err := m.States["A"].(*Pass).ResultPath.Apply(doc(c.input), doc(c.result))
		got := ""
		if err != nil {
			got = err.Error()
		} else {
			got = d.String()
		}
		if got != c.want {
			t.Errorf("%s: got %s, want %s", c.path, got, c.want)
		}
	}
}

func TestParseTimestamp(t *testing.T) {
	for s, want := range map[string]string{
		"2016-03-14T01:59:00Z":                "2016-03-14T01:59:00Z",
		"2016-03-14T01:59Z":                   "2016-03-14T01:59:00Z",
		"2016-03-14t01:59:00.123456789z":      "2016-03-14T01:59:00.123456789Z",
		"2016-03-14T01:59:00+01:00":           "2016-03-14T00:59:00Z",
		"2016-03-14T01:59:00":                 "",
		"2016-03-14 01:59:00Z":                "",
		"2016-13-14T01:59:00Z":                "",
		"2016-02-30T01:59:00Z":                "",
		"2016-03-14T25:59:00Z":                "",
		"2016-03-14T01:59:00.Z":               "",
		"2016-03-14T01:59:00.1234567890Z":     "",
		"2016-03-14T01:59:00,5Z":              "",
		"2016-03-14T01:59:00+1":               "",
		"2016-03-14T1:59:00Z":                 "",
		"14-03-2016T01:59:00Z":                "",
		"":                                    "",
		"2016-03-14T01:59:00+01:00[Europe/x]": "",
	} {
		got := ""
		if v, ok := ParseTimestamp(s); ok {
			got = v.UTC().Format(time.RFC3339Nano)
		}
		if got != want {
			t.Errorf("%q: got %q, want %q", s, got, want)
		}
	}
}

func TestParseState(t *testing.T) {
	m, diags := ParseState("Mine", []byte(`{"Type":"Pass","Result":1,"Next":"Elsewhere"}`), Options{})
	if m == nil || len(diags) > 0 {
		t.Fatal(diags)
	}
	if s := m.State("/States/Mine"); s == nil || s.Common().Next != "Elsewhere" || m.StartAt != "Mine" {
		t.Errorf("got %+v", m)
	}
	_, diags = ParseState("Mine", []byte("{\"Type\":\"Task\",\n\"Resource\":\"x\",\"End\":true}"), Options{})
	if len(diags) != 1 || diags[0].Line != 2 || diags[0].Column != 12 || !strings.HasSuffix(Refusal(diags), "at /States/Mine/Resource'") {
		t.Errorf("got %v", diags)
	}
}
