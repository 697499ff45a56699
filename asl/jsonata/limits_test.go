package jsonata

import (
	"fmt"
	"strings"
	"testing"

	"millrace/asl/document"
)

// TestRunawayExpressionsStop feeds expressions that would run, recurse or grow
// without end. Each must stop with an error, and always the same one.
func TestRunawayExpressionsStop(t *testing.T) {
	share := `($d := function($v, $n){$n = 0 ? $v : $d([[$v], [$v]], $n - 1)}; $x := $d(%s, 40); %s)`
	for _, c := range []struct{ name, expr string }{
		{"endless tail call", `($f := function(){$f()}; $f())`},
		{"endless recursion", `($f := function($n){1 + $f($n)}; $f(1))`},
		{"endless recursion through map", `($f := function($n){$map([1,2], $f)}; $f(1))`},
		{"string that doubles", `($f := function($s){$f($s & $s)}; $f("ab"))`},
		{"array that doubles", `($f := function($a){$f($append($a, $a))}; $f([1,2]))`},
		{"nesting without end", `($f := function($a, $n){$n = 0 ? $a : $f([[$a]], $n - 1)}; $f(1, 2000))`},
		{"deep value walked", `($f := function($a, $n){$n = 0 ? $a : $f({"a": $a}, $n - 1)}; $string($f(1, 50000)))`},
		{"deep values compared", `($f := function($a, $n){$n = 0 ? $a : $f([[$a]], $n - 1)}; $f(1, 30000) = $f(1, 30000))`},
		{"shared value written", fmt.Sprintf(share, `[1]`, `$x`)},
		{"shared value as text", fmt.Sprintf(share, `[1]`, `$string($x)`)},
		{"shared value compared", fmt.Sprintf(share, `[1]`, `$x = $d([1], 40)`)},
		{"shared value as truth", fmt.Sprintf(share, `[]`, `$boolean($x)`)},
		{"shared value flattened", fmt.Sprintf(share, `[1]`, `{"a": $x}.*`)},
		{"shared value descended", fmt.Sprintf(share, `[1]`, `$x.**`)},
		{"shared value cloned", fmt.Sprintf(share, `{"a":1}`, `$x ~> |**|{"b":1}|`)},
		{"shared value spread", fmt.Sprintf(share, `[]`, `$spread($x)`)},
		{"shared value looked up", fmt.Sprintf(share, `{"a":1}`, `$lookup($x, "a")`)},
		{"shared value's keys", fmt.Sprintf(share, `{"a":1}`, `$keys($x)`)},
		{"product of arrays", `($o := {"b": [1..100000]}; [1..100000].($o).b)`},
		{"product by lookup", `($o := {"b": [1..100000]}; $lookup([1..100000].($o), "b"))`},
		{"product by join", `($r := [1..10000]; $r@$a.$r)`},
		{"filter by many indexes", `($i := [1..100000].(0); [5][$i] ~> $map(function($x){$i}))`},
		{"large range made real", `$reverse([1..10000000])`},
		{"large padding", `$pad("a", 1e12)`},
		{"large join", `$join([1..1000].("x"), $pad("", 1e6))`},
		{"large replacement", `$replace($pad("", 1e5, "a"), "a", $pad("", 1e5))`},
		{"large regex replacement", `$replace($pad("", 1e5, "a"), /a/, $pad("", 1e5))`},
		{"backtracking", `$contains($pad("", 100, "a"), /^(a+)+$b/)`},
		{"backtracking of alternatives", `$match($pad("", 60, "a"), /(a|a)*b|x/)`},
		{"closures nested in closures", `($f := function($g, $n){$n = 0 ? $g : $f($g(?), $n - 1)}; $f(function($x){$x}, 1000000)(1))`},
		{"composition nested in composition", `($f := function($g, $n){$n = 0 ? $g : $f($g ~> $string, $n - 1)}; $f($string, 100000)(1))`},
		{"eval in eval", `($s := "$eval($s)"; $eval($s))`},
		{"large eval", `$eval($pad("", 1e6, "1+"))`},
		{"distinct", `$distinct([1..20000].[$])`},
		{"value within itself", `{"a": {"b": 1}} ~> |a|{"self": $}|`},
		{"sort that never ends", `($f := function($a, $b){$f($a, $b)}; $sort([3,2,1], $f))`},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := &Bindings{Limits: Limits{Steps: 2_000_000}}
			first := outcome(c.expr, Undefined, b)
			switch first {
			case "U1001", "D2015", "D3121", "D1009":
			default:
				if len(first) > 60 {
					first = first[:60]
				}
				t.Fatalf("got %s, want it stopped", first)
			}
			if again := outcome(c.expr, Undefined, b); again != first {
				t.Errorf("got %s the second time, %s the first", again, first)
			}
		})
	}
}

func TestLimitsAreTheCallers(t *testing.T) {
	for _, c := range []struct {
		expr   string
		limits Limits
		want   string
	}{
		{`($f := function($n){$n = 0 ? 1 : $n * $f($n - 1)}; $f(99)) > 0`, Limits{Depth: 303}, `true`},
		{`($f := function($n){$n = 0 ? 1 : $n * $f($n - 1)}; $f(100)) > 0`, Limits{Depth: 303}, `U1001`},
		{`$sum([1..100])`, Limits{Steps: 150}, `5050`},
		{`$sum([1..100])`, Limits{Steps: 50}, `U1001`},
		{`$pad("", 900)`, Limits{Memory: 1000}, `"` + strings.Repeat(" ", 900) + `"`},
		{`$pad("", 1100)`, Limits{Memory: 1000}, `D2015`},
		{`[1,2,3]`, Limits{Output: 100}, `[1,2,3]`},
		{`$map([1..100], $string)`, Limits{Output: 100}, `D2015`},
	} {
		if got := outcome(c.expr, Undefined, &Bindings{Limits: c.limits}); got != c.want {
			t.Errorf("%s with %+v: got %s, want %s", c.expr, c.limits, got, c.want)
		}
	}
}

func TestHugeSourcesAreRefused(t *testing.T) {
	for _, part := range []struct{ before, middle, after string }{
		{"(", "1", ")"}, {"[", "", "]"}, {"-", "1", ""}, {"{\"a\":", "1", "}"}, {"$f(", "", ")"}, {"a[", "1", "]"},
		{"function(){", "1", "}"}, {"1+", "1", ""}, {"a.", "b", ""}, {"", "a", "[0]"}, {"a?", "b", ""}, {"|a|", "b", "|"},
		{"a ?: ", "b", ""}, {"%.", "a", ""}, {"a^(", "b", ")"}, {"$x:=", "1", ""}, {"a~>", "b", ""}, {"", "a", "{b:c}"},
	} {
		src := strings.Repeat(part.before, 30000) + part.middle + strings.Repeat(part.after, 30000)
		e, err := Compile(src, Options{})
		if err != nil {
			continue
		}
		// A few repeat without nesting; they must at least evaluate.
		if _, _, err := e.Eval(Undefined, nil); err != nil && err.(*Error).Code == "" {
			t.Errorf("%.20s...: %v", src, err)
		}
	}
	if _, err := Compile("["+strings.Repeat("/a{9999}/,", 1000)+"1]", Options{}); err == nil {
		t.Error("a thousand large regular expressions compile")
	}
}

func TestDeepDocuments(t *testing.T) {
	deep, err := document.Parse([]byte(strings.Repeat("[", document.MaxDepth) + strings.Repeat("]", document.MaxDepth)))
	if err != nil {
		t.Fatal(err)
	}
	for _, expr := range []string{`$`, `$string($)`, `$ = $$`, `**`, `*`, `$boolean($)`, `$clone($)`, `$keys($)`, `$spread($)`, `a.b`, `[[$]]`, `$distinct([$, $])`, `$$[0][0]`} {
		outcome(expr, deep, nil)
	}
}

func FuzzEval(f *testing.F) {
	for _, c := range everyday {
		f.Add(c.expr)
	}
	for _, s := range []string{
		orders, `orders.items@$i#$n[$n>0]^(>price).{"a": %.id} ~> |a|{"b":1},"c"|`, `$formatNumber(-1.5, "#,##0.0#e0;(0%)")`, `$fromMillis(1e12, "[Y,2-2] [MNn,3-3] [Dwo] [W] [ZN] [z0101t]")`,
		`$toMillis("1 2 iii", "[D] [Dwo] [MI]")`, `$replace("aXb", /(?<=a)(x)+?|\1/i, "$1$0$$")`, `function($x)<a<n>-(sf)?+:o>{$x}(1, ?)`, `$eval("$" & "sum(1)")`, `[1..5][[0..1]]{$string($): $}`, `$reduce([1,2], $append)`, `λ($x){$x ?? 1 ?: 2}`,
		`$formatInteger(1e15, "Ww;o") & $parseInteger("xii", "i")`, `$sort([2,1], function($a,$b){$a>$b}) in [1]`, "`a`.\"b\".'c'[-1][]", `/[^]\w{2,}(?:a|b)*$/m`,
	} {
		f.Add(s)
	}
	input, err := document.Parse([]byte(orders))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, src string) {
		e, err := Compile(src, Options{})
		if err != nil {
			if fault, ok := err.(*Error); !ok || fault.Code == "" || fault.Message == "" {
				t.Fatalf("%q: %#v", src, err)
			}
			return
		}
		e.References()
		b := &Bindings{Limits: Limits{Steps: 50_000, Memory: 1 << 20, Output: 1 << 16}}
		v, defined, err := e.Eval(input, b)
		if err != nil {
			if fault, ok := err.(*Error); !ok || fault.Code == "" {
				t.Fatalf("%q: %#v", src, err)
			}
			return
		}
		if _, ok := v.(Function); ok || !defined {
			return
		}
		text := document.Append(nil, v)
		if _, err := document.Parse(text); err != nil {
			t.Fatalf("%q gives %s: %v", src, text, err)
		}
	})
}
