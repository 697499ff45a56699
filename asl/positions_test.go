package asl

import (
	"strings"
	"testing"
)

// TestPlacesWithinStrings holds that a fault inside an expression or a path is
// found where it stands in the definition, whatever escapes come before it.
func TestPlacesWithinStrings(t *testing.T) {
	for _, c := range []struct{ field, ahead string }{
		{`"Output": "{% 1 + ] %}"`, `] %}"`},
		{`"Output": "{%1+]%}"`, `]%}"`},
		{`"Output": "{% \"é\" & \u00e9 + \ud83d\ude00 @ ] %}"`, `] %}"`},
		{`"Output": "{% (\n  $x := 1;\n\t$x + ]\n) %}"`, `]\n) %}"`},
		{`"Output": "{% \"\\u00e9\" & $$.a %}"`, `$$.a %}"`},
		{`"Output": {"a": ["{% $states.input & $states.none %}"]}`, `$states.none %}"`},
		{`"Output": "{% $sum( %}"`, `( %}"`},
		{`"Output": "{% %}"`, `%}"`},
		{`"InputPath": "$.a[?]"`, `]"`},
		{`"InputPath": "$['\"'].b[x"`, `x"`},
		{`"InputPath": "a"`, `"a"`},
		{`"Parameters": {"a.$": "States.Format('\u00e9', nothing)"}`, `nothing)"`},
		{`"Parameters": {"a.$": "a"}`, `"a"`},
		{`"Parameters": {"a.$": 1}`, `1`},
	} {
		language := "JSONPath"
		if strings.HasPrefix(c.field, `"Output"`) {
			language = "JSONata"
		}
		line := `{"StartAt":"A","QueryLanguage":"` + language + `","States":{"A":{"Type":"Pass","End":true,` + c.field + `}}}`
		_, found := Parse([]byte("\n"+line), Options{})
		if len(found) != 1 {
			t.Errorf("%s: %v", c.field, found)
			continue
		}
		if got := line[found[0].Column-1:]; found[0].Line != 2 || !strings.HasPrefix(got, c.ahead) {
			t.Errorf("%s: %v is at %q, want %q", c.field, found[0], got, c.ahead)
		}
	}
}
