package mapping

import (
	"testing"

	"millrace/asl/document"
)

// Templates of any text are refused or make JSON of every record.
func FuzzTemplate(f *testing.F) {
	for _, s := range []string{`{"a": <$.body.x>}`, `"<$.body>"`, `<aws.pipes.event.json>`, `<$['a b'][0].c>`, `<$.a`, `"\"<$.s>"`, `text <$.n> text`, `<$[']>`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		tm, err := parseTemplate(text)
		if err != nil {
			return
		}
		record := []byte(`{"body":"{\"x\":[1,{\"y\":\"z\"}]}","s":"a\"b\\","n":1.50,"a b":[{"c":null}]}`)
		out, err := tm.fill(&mapping{id: "pipe/p"}, "arn", record, "now")
		if err != nil || !document.Valid(out) {
			t.Errorf("%q makes %s, %v", text, out, err)
		}
	})
}
