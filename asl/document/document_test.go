package document

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestParseKeepsOrderAndNumberText(t *testing.T) {
	for _, text := range []string{
		`{"z":1.0,"a":[1e3,-0.50,"x\ty"],"m":{"k":null,"b":[true,false]}}`,
		`12345678901234567890.10`, `""`, `[]`, `{}`, `"\\\"é😀"`,
	} {
		v, err := Parse([]byte(text))
		if err != nil {
			t.Fatalf("Parse(%s): %v", text, err)
		}
		if got := string(Append(nil, v)); got != text {
			t.Errorf("got %s, want %s", got, text)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, text := range []string{
		``, ` `, `{`, `[1,]`, `{"a":1,}`, `{a:1}`, `01`, `1.`, `.5`, `+1`, `-`, `1e`, `tru`, `nul`, `"a`, `"\x"`, `"\u12"`,
		"\"a\nb\"", `1 2`, `{"a" 1}`, `NaN`, strings.Repeat("[", MaxDepth+2),
	} {
		if v, err := Parse([]byte(text)); err == nil {
			t.Errorf("Parse(%.20q) = %v, want an error", text, v)
		}
		if json.Valid([]byte(text)) && len(text) < 100 {
			t.Errorf("%q is valid after all", text)
		}
	}
}

func TestDuplicateMemberLastCounts(t *testing.T) {
	v, _ := Parse([]byte(`{"a":1,"b":2,"a":3}`))
	if got, want := string(Append(nil, v)), `{"a":3,"b":2}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestObjectBeyondIndex(t *testing.T) {
	o := NewObject(0)
	for i := range 40 {
		o.Set(strings.Repeat("k", i+1), Int(int64(i)))
	}
	o.Delete("kkk")
	if _, ok := o.Get("kkk"); ok || o.Len() != 39 {
		t.Fatalf("kkk is still there, or %d members, want 39", o.Len())
	}
	if v, _ := o.Get(strings.Repeat("k", 40)); v != Number("39") {
		t.Errorf("got %v, want 39", v)
	}
}

func TestEqual(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{`1`, `1.0`, true}, {`1e2`, `100`, true}, {`0.1`, `0.10000000000000000001`, false},
		{`{"a":1,"b":2}`, `{"b":2,"a":1}`, true}, {`[1,2]`, `[2,1]`, false}, {`"1"`, `1`, false},
		{`1e999999999`, `1e999999999`, true}, {`null`, `false`, false},
	} {
		a, _ := Parse([]byte(c.a))
		b, _ := Parse([]byte(c.b))
		if got := Equal(a, b); got != c.want {
			t.Errorf("Equal(%s, %s) = %v, want %v", c.a, c.b, got, c.want)
		}
	}
}

func TestFloatText(t *testing.T) {
	for f, want := range map[float64]Number{1: "1", 0.1: "0.1", 1e21: "1e+21", 1e-7: "1e-7", 123456789012: "123456789012", -2.5: "-2.5"} {
		if got := Float(f); got != want {
			t.Errorf("Float(%g) = %s, want %s", f, got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"a":[1,"é",null]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		v, err := Parse(text)
		if (err == nil) != json.Valid(text) && !strings.Contains(string(text), "[[[[") {
			t.Fatalf("Parse says %v, encoding/json says %v", err, json.Valid(text))
		}
		if err != nil {
			return
		}
		again, err := Parse(Append(nil, v))
		if err != nil || !Equal(v, again) {
			t.Fatalf("%s does not survive: %v", text, err)
		}
	})
}
