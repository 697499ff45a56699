package asl

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"millrace/asl/document"
	"millrace/asl/jsonpath"
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

func mustPath(t *testing.T, src string) *jsonpath.Path {
	t.Helper()
	p, err := jsonpath.Compile(src)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// ruleTest compiles the rule of a Choice state.
func ruleTest(t *testing.T, rule string) Test {
	t.Helper()
	m, diags := Parse([]byte(`{"StartAt":"A","States":{"A":{"Type":"Choice","Choices":[`+rule+`]},"B":{"Type":"Succeed"}}}`), Options{})
	if m == nil {
		t.Fatalf("%s: %v", rule, diags)
	}
	return m.States["A"].(*Choice).Rules[0].Test
}

func TestChoiceRules(t *testing.T) {
	env := &Env{Input: doc(`{"s":"log-2024.txt","star":"a*b","back":"a\\b","n":10,"f":1e1,"b":false,"null":null,"t":"2016-03-14T01:59:00.5+01:00","u":"2016-03-14T00:59:00.500Z","\ud83d\ude00":1,"x":"\ue000","y":"\ud83d\ude00"}`)}
	for _, c := range []struct{ rule, want string }{
		{`"Variable":"$.s","StringMatches":"log-*.txt"`, "true"},
		{`"Variable":"$.s","StringMatches":"*"`, "true"},
		{`"Variable":"$.s","StringMatches":"log-*4*t"`, "true"},
		{`"Variable":"$.s","StringMatches":"log-*.tx"`, "false"},
		{`"Variable":"$.s","StringMatches":"log-2024.txt*txt"`, "false"},
		{`"Variable":"$.star","StringMatches":"a\\*b"`, "true"},
		{`"Variable":"$.s","StringMatches":"log-\\*"`, "false"},
		{`"Variable":"$.back","StringMatches":"a\\\\b"`, "true"},
		{`"Variable":"$.n","StringMatches":"*"`, "false"},
		{`"Variable":"$.n","NumericEqualsPath":"$.f"`, "true"},
		{`"Variable":"$.n","NumericEqualsPath":"$.s"`, "false"},
		{`"Variable":"$.n","StringEquals":"10"`, "false"},
		{`"Variable":"$.b","BooleanEquals":false`, "true"},
		{`"Variable":"$.t","TimestampEqualsPath":"$.u"`, "true"},
		{`"Variable":"$.t","TimestampLessThan":"2016-03-14T00:59:00.6Z"`, "true"},
		{`"Variable":"$.s","TimestampLessThan":"2016-03-14T00:59:00.6Z"`, "false"},
		{`"Variable":"$.t","IsTimestamp":true`, "true"},
		{`"Variable":"$.s","IsTimestamp":false`, "true"},
		{`"Variable":"$.null","IsNull":true`, "true"},
		{`"Variable":"$.null","IsPresent":true`, "true"},
		{`"Variable":"$.none","IsPresent":false`, "true"},
		{`"Variable":"$.none","IsPresent":true`, "false"},
		{`"Variable":"$.none","IsNull":true`, "States.Runtime: Invalid path '$.none': The choice state's condition path references an invalid value."},
		{`"Variable":"$.n","NumericEqualsPath":"$.none"`, "States.Runtime: Invalid path '$.none': The choice state's condition path references an invalid value."},
		{`"And":[{"Variable":"$.none","IsPresent":true},{"Variable":"$.none","NumericEquals":1}]`, "false"},
		{`"Or":[{"Variable":"$.n","IsNumeric":true},{"Variable":"$.none","NumericEquals":1}]`, "true"},
		{`"Not":{"Variable":"$.n","NumericGreaterThan":10}`, "true"},
		{`"Not":{"Variable":"$.none","NumericEquals":1}`, "States.Runtime: Invalid path '$.none': The choice state's condition path references an invalid value."},
		{`"Variable":"$.x","StringGreaterThanPath":"$.y"`, "true"}, // by UTF-16 code units
	} {
		got := "false"
		switch ok, err := ruleTest(t, `{`+c.rule+`,"Next":"B"}`).Match(env); {
		case err != nil:
			got = err.Error()
		case ok:
			got = "true"
		}
		if got != c.want {
			t.Errorf("%s: got %s, want %s", c.rule, got, c.want)
		}
	}
}

func TestChoiceCondition(t *testing.T) {
	for condition, want := range map[string]string{
		`true`:                           "true",
		`"{% $states.input.a = 1 %}"`:    "true",
		`"{% $states.input.a > 1 %}"`:    "false",
		`"{% $states.input.a %}"`:        "States.QueryEvaluationError: The JSONata expression '$states.input.a' specified for the field 'Choices[0]/Condition' returned an unexpected result type. Expected 'boolean', but was 'number' for value: 1",
		`"{% $states.input.none = 1 %}"`: "false",
		`"{% $states.input.none %}"`:     "States.QueryEvaluationError: The JSONata expression '$states.input.none' specified for the field 'Choices[0]/Condition' returned nothing (undefined).",
	} {
		m, diags := Parse([]byte(`{"QueryLanguage":"JSONata","StartAt":"A","States":{"A":{"Type":"Choice","Choices":[{"Condition":`+condition+`,"Next":"B"}]},"B":{"Type":"Succeed"}}}`), Options{})
		if m == nil {
			t.Fatal(diags)
		}
		got := "false"
		switch ok, err := m.States["A"].(*Choice).Rules[0].Test.Match(testEnv()); {
		case err != nil:
			got = err.Error()
		case ok:
			got = "true"
		}
		if got != want {
			t.Errorf("%s: got %s, want %s", condition, got, want)
		}
	}
}
