package jsonata

import (
	"math/rand"
	"strings"
	"testing"

	"millrace/asl/document"
)

// grammar makes random expressions that mostly parse.
type grammar struct{ r *rand.Rand }

func (g *grammar) pick(list ...string) string { return list[g.r.Intn(len(list))] }

func (g *grammar) list(n, depth int) string {
	parts := make([]string, g.r.Intn(n+1))
	for i := range parts {
		parts[i] = g.expr(depth)
	}
	return strings.Join(parts, ", ")
}

func (g *grammar) atom(depth int) string {
	if depth <= 0 {
		return g.pick("1", "0", "-2.5", `"a"`, `""`, "true", "null", "[]", "{}", "$", "$$", "$x", "$i", "name", "orders", "items", "qty", "sku", "nest", "missing", "1e300", `"2020-01-02"`)
	}
	switch g.r.Intn(9) {
	case 0:
		return "(" + g.expr(depth-1) + ")"
	case 1:
		return "[" + g.list(3, depth-1) + "]"
	case 2:
		return "{" + g.pick(`"k"`, "sku", "$string($)") + ": " + g.expr(depth-1) + "}"
	case 3:
		return "($x := " + g.expr(depth-1) + "; " + g.expr(depth-1) + ")"
	case 4:
		return "function($x, $i)" + g.pick("", "", "<x-n?>", "<a<n>s?:x>", "<(sn)+f?>") + "{" + g.expr(depth-1) + "}" + g.pick("", "("+g.list(3, depth-1)+")", "(?, "+g.expr(depth-1)+")")
	case 5, 6:
		names := definitions()
		return "$" + names[g.r.Intn(len(names))].name + g.pick("", "("+g.list(4, depth-1)+")", "("+g.list(2, depth-1)+")", "(?, ?)")
	case 7:
		return g.pick("/a/", "/(a|b)*?c/i", `/\w+(?=x)/m`, "/(.)\\1/")
	}
	return g.atom(0)
}

func (g *grammar) path(depth int) string {
	var b strings.Builder
	b.WriteString(g.atom(depth - 1))
	for range g.r.Intn(4) {
		b.WriteString("." + g.pick("items", "qty", "sku", "id", "*", "**", "%", "$", "("+g.expr(depth-1)+")", "["+g.expr(depth-1)+"]", `"name"`))
		b.WriteString(g.pick("", "", "", "@$x", "#$i", "[0]", "[-1]", "[]", "[$i=1]", "["+g.expr(depth-1)+"]", "^(>"+g.expr(depth-1)+")", "{sku: "+g.expr(depth-1)+"}"))
	}
	return b.String()
}

func (g *grammar) expr(depth int) string {
	if depth <= 0 {
		return g.atom(0)
	}
	switch g.r.Intn(8) {
	case 0, 1, 2:
		return g.path(depth)
	case 3:
		return g.expr(depth-1) + " " + g.pick("+", "-", "*", "/", "%", "=", "!=", "<", ">=", "&", "and", "or", "in", "~>", "?:", "??") + " " + g.expr(depth-1)
	case 4:
		return g.expr(depth-1) + " ? " + g.expr(depth-1) + " : " + g.expr(depth-1)
	case 5:
		return "[" + g.expr(depth-1) + ".." + g.expr(depth-1) + "]"
	case 6:
		return g.atom(depth-1) + " ~> |" + g.path(depth-1) + "|" + g.expr(depth-1) + g.pick("", ", "+g.expr(depth-1)) + "|"
	}
	return g.atom(depth)
}

// TestRandomExpressions evaluates expressions of every part of the language:
// each gives a value that is JSON, nothing, or an error with a code and a message.
func TestRandomExpressions(t *testing.T) {
	g := &grammar{rand.New(rand.NewSource(1))}
	input := parseDoc(t, orders)
	before := string(document.Append(nil, input))
	b := &Bindings{Limits: Limits{Steps: 20_000, Memory: 1 << 20, Output: 1 << 16}}
	values := 0
	for range 20_000 {
		src := g.expr(1 + g.r.Intn(4))
		e, err := Compile(src, Options{})
		var v any
		defined := false
		if err == nil {
			v, defined, err = e.Eval(input, b)
		}
		if err != nil {
			if fault, ok := err.(*Error); !ok || fault.Code == "" || fault.Message == "" {
				t.Fatalf("%s: %#v", src, err)
			}
			continue
		}
		if _, ok := v.(Function); ok || !defined {
			continue
		}
		values++
		text := document.Append(nil, v)
		if _, err := document.Parse(text); err != nil {
			t.Fatalf("%s gives %s: %v", src, text, err)
		}
	}
	if values < 2000 {
		t.Errorf("only %d of 20000 expressions give a value", values)
	}
	if after := string(document.Append(nil, input)); after != before {
		t.Errorf("the input was changed to %s", after)
	}
}
