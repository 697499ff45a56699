package jsonata

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"millrace/asl/document"
)

func parseDoc(t *testing.T, text string) any {
	t.Helper()
	if text == "" {
		return Undefined
	}
	v, err := document.Parse([]byte(text))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}

// outcome is a result in a form that a table can hold: JSON, "undefined", "function" or an error's code.
func outcome(expr string, input any, b *Bindings) string {
	e, err := Compile(expr, Options{})
	if err != nil {
		return err.(*Error).Code
	}
	v, defined, err := e.Eval(input, b)
	switch {
	case err != nil:
		return err.(*Error).Code
	case !defined:
		return "undefined"
	}
	if _, ok := v.(Function); ok {
		return "function"
	}
	return string(document.Append(nil, v))
}

const orders = `{"name":"Ana","orders":[{"id":"a","items":[{"sku":"x","qty":2,"price":1.5},{"sku":"y","qty":1,"price":3}]},{"id":"b","items":{"sku":"x","qty":5,"price":1.5}},{"id":"c"}],"tags":["t1"],"empty":[],"none":null,"nest":[[1,2],[3,[4]]]}`

func TestLanguage(t *testing.T) {
	for _, c := range []struct{ name, expr, want string }{
		{"a path maps over arrays and flattens", `orders.items.sku`, `["x","y","x"]`},
		{"a single item stands alone", `orders[id="b"].items.qty`, `5`},
		{"[] keeps an array of one", `orders[id="b"].items.qty[]`, `[5]`},
		{"an array of one in the input stays", `tags`, `["t1"]`},
		{"an empty array stays", `empty`, `[]`},
		{"null is a value", `none`, `null`},
		{"what is not there is undefined", `missing.more`, `undefined`},
		{"null differs from nothing", `[none, missing]`, `[null]`},
		{"an index applies to each step", `orders.items[0].sku`, `["x","x"]`},
		{"parentheses gather first", `(orders.items)[0].sku`, `"x"`},
		{"a negative index counts from the end", `orders[-1].id`, `"c"`},
		{"an array of indexes picks several", `orders[[0,2]].id`, `["a","c"]`},
		{"wildcards", `orders[0].items[0].*`, `["x",2,1.5]`},
		{"descendants", `**.qty`, `[2,1,5]`},
		{"parent", `orders.items.{"o": %.id, "s": sku}`, `[{"o":"a","s":"x"},{"o":"a","s":"y"},{"o":"b","s":"x"}]`},
		{"parent in a filter", `orders.items[%.id = "b"].sku`, `"x"`},
		{"grandparent", `orders.items.sku.(%.%.id)`, `["a","a","b"]`},
		{"focus joins", `orders@$o.tags@$t.{"o": $o.id, "t": $t}`, `[{"o":"a","t":"t1"},{"o":"b","t":"t1"},{"o":"c","t":"t1"}]`},
		{"index binding", `orders#$i.(id & $i)`, `["a0","b1","c2"]`},
		{"order by", `orders.items^(>price, sku).sku`, `["y","x","x"]`},
		{"undefined sorts last either way", `orders^(>$max(items.qty)).id`, `["b","a","c"]`},
		{"group by", `orders.items{sku: $sum(qty)}`, `{"x":7,"y":1}`},
		{"group by after a join", `orders@$o.tags{$: $o.id}`, `{"t1":["a","b","c"]}`},
		{"objects keep their order", `{"b": 1, "a": 2, "c": missing}`, `{"b":1,"a":2}`},
		{"transform", `orders[0] ~> |items|{"qty": qty * 10}, "price"|`, `{"id":"a","items":[{"sku":"x","qty":20},{"sku":"y","qty":10}]}`},
		{"transform leaves the input alone", `($ ~> |orders|{"id": "z"}|; orders.id)`, `["a","b","c"]`},
		{"chaining", `name ~> $uppercase ~> $substring(0, 2)`, `"AN"`},
		{"composition", `($f := $trim ~> $uppercase; $f("  a b "))`, `"A B"`},
		{"partial application", `($first := $substring(?, 0, ?); $first("hello", 2))`, `"he"`},
		{"closures", `($make := function($n){function($x){$x + $n}}; $make(2)(3))`, `5`},
		{"tail calls", `($f := function($n, $a){$n = 0 ? $a : $f($n - 1, $a + 1)}; $f(50000, 0))`, `50000`},
		{"mutual tail calls", `($even := function($n){$n = 0 ? true : $odd($n-1)}; $odd := function($n){$n = 0 ? false : $even($n-1)}; $even(10001))`, `false`},
		{"signature", `function($a, $b)<n-n?:n>{$a * ($exists($b) ? $b : 10)}(4)`, `40`},
		{"signature with an optional argument left out", `function($a, $b)<s?b>{[$a, $b]}(true)`, `[true]`},
		{"signature with choices and repetition", `function($a, $b, $c)<(sn)+a<n>?>{[$a, $b, $c]}("x", 1, [2])`, `["x",1,2]`},
		{"what a composed function passes on is unwrapped", `($f := $map(?, function($x){missing}) ~> $sum; $f([1,2]))`, `undefined`},
		{"blocks are scopes", `($x := 1; ($x := 2); $x)`, `1`},
		{"conditional without else", `false ? 1`, `undefined`},
		{"elvis", `[empty ?: "e", none ?: "n", 0 ?: "z", "v" ?: "x"]`, `["e","n","z","v"]`},
		{"coalescing", `[none ?? "n", missing ?? "m", false ?? 1]`, `[null,"m",false]`},
		{"range", `[1..3, 5, 7..6]`, `[1,2,3,5]`},
		{"inclusion", `["t1" in tags, 1 in [2,3], missing in tags]`, `[true,false,false]`},
		{"concatenation", `1 & true & none & missing & {"a":[1]}`, `"1truenull{\"a\":[1]}"`},
		{"regex", `$match("ab12cd3", /[a-z]+(\d)/).groups`, `["1","3"]`},
		{"regex flags", `$replace("A1a2", /a(\d)/i, "<$1>")`, `"<1><2>"`},
		{"regex looks around", `$replace("a1b2", /(?<=b)\d|a(?=1)/, "_")`, `"_1b_"`},
		{"regex refers back", `$contains("xyzzy", /(.)\1/)`, `true`},
		{"regex over lines", "$match(\"a\nb\", /^b$/m).match", `"b"`},
		{"eval", `($x := 2; $eval("$x * 3"))`, `6`},
		{"eval with input", `$eval("id", orders[0])`, `"a"`},
		{"error", `$error("no")`, `D3137`},
		{"assert", `$assert(1 = 2, "no")`, `D3141`},
		{"comments", `1 /* one */ + /* two */ 2`, `3`},
		{"names in backquotes", "$.`name`", `"Ana"`},
		{"strings as names", `$."name"`, `"Ana"`},
		{"escapes", `"\u0041\n\"\uD83D\uDE00"`, `"A\n\"😀"`},
		{"a function is no document", `$sum`, `function`},
		{"functions inside are blanked", `{"f": $sum}`, `{"f":""}`},
		{"functions' marks are no keys", `{"_jsonata_" & "lambda": 1}`, `D1013`},
		{"nor in a grouping", `orders{"_jsonata_function": 1}`, `D1013`},
		{"an array constructor forgets what @ and # bind", `[1,2]#$i.{"i": $i, "v": $}`, `[{"v":1},{"v":2}]`},
		{"and leaves the context to what follows @", `[1,2]@$v.name`, `"Ana"`},
		{"a block with one must give an array", `([{"n": 7}].n).$string()`, `undefined`},
		{"a single descendant is no array", `name.($x := **[]; $type($x))`, `"string"`},
		{"what replaces is looked at when it must", `$replace("abc", "x", missing)`, `"abc"`},
		{"and may then not be nothing", `$replace("abc", "b", missing)`, `D3012`},
		{"equality is deep", `{"a":[1,{"b":2}]} = {"a":[1,{"b":2.0}]}`, `true`},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := outcome(c.expr, parseDoc(t, orders), nil); got != c.want {
				t.Errorf("%s\ngot  %s\nwant %s", c.expr, got, c.want)
			}
		})
	}
}

func TestNumbersAreJavaScripts(t *testing.T) {
	for expr, want := range map[string]string{
		`0.1 + 0.2`:                         `0.30000000000000004`,
		`$string(0.1 + 0.2)`:                `"0.3"`,
		`1e21`:                              `1e+21`,
		`$string(1e21) & 1e-7`:              `"1e+211e-7"`,
		`100000000000000000000`:             `100000000000000000000`,
		`1/3`:                               `0.3333333333333333`,
		`$string(1/3)`:                      `"0.333333333333333"`,
		`5 % 3 & -5 % 3`:                    `"2-2"`,
		`$round(2.5) & $round(3.5)`:         `"24"`,
		`-0`:                                `0`,
		`1/0`:                               `D1001`,
		`[0/0]`:                             `D1001`,
		`1e400`:                             `S0102`,
		`$power(10, 400)`:                   `D3061`,
		`$sqrt(-1)`:                         `D3060`,
		`big`:                               `12345678901234567890.0`,
		`big + 0`:                           `12345678901234567000`,
		`$string(big)`:                      `"12345678901234567000"`,
		`[one, one + 0, one = 1]`:           `[1.0,1,true]`,
		`$formatBase(255, 16)`:              `"ff"`,
		`$formatNumber(1234.5, "#,##0.00")`: `"1,234.50"`,
		`$formatInteger(1999, "I")`:         `"MCMXCIX"`,
		`$number("0x1F") + $number("1e2")`:  `131`,
		`$number("0x1F  ")`:                 `31`,
		`$number(" 0x1F")`:                  `D3030`,
		`$number(" 0o17\n")`:                `15`,
		`$number("\n0b11")`:                 `3`,
		`$number("0b11 ")`:                  `D3030`,
		`$number("0x1F\u0085")`:             `D3030`,
		`$number("0x1FFFFFFFFFFFFFFFFF")`:   `590295810358705700000`,
	} {
		if got := outcome(expr, parseDoc(t, `{"big":12345678901234567890.0,"one":1.0}`), nil); got != want {
			t.Errorf("%s: got %s, want %s", expr, got, want)
		}
	}
}

func TestTime(t *testing.T) {
	b := &Bindings{Now: time.Date(2026, 3, 4, 5, 6, 7, 89e6, time.UTC)}
	for expr, want := range map[string]string{
		`$now()`:                        `"2026-03-04T05:06:07.089Z"`,
		`$millis() = $toMillis($now())`: `true`,
		`$now("[D1o] [MNn] [Y]")`:       `"4th March 2026"`,
		`$fromMillis(0, (), "+0530")`:   `"1970-01-01T05:30:00.000+05:30"`,
		`$fromMillis(0, "[F]")`:         `"thursday"`,
		`$toMillis("09:30", "[H]:[m]") - $toMillis("2026-03-04")`: `34200000`,
		`$toMillis("2026-02-30x")`:                                `D3110`,
		`$fromMillis(0, "[Y")`:                                    `D3135`,
		`$fromMillis(0, "[YN]")`:                                  `D3133`,
		`$fromMillis(9e15)`:                                       `D3110`,
		`$toMillis("x", "[Y]")`:                                   `undefined`,
	} {
		if got := outcome(expr, Undefined, b); got != want {
			t.Errorf("%s: got %s, want %s", expr, got, want)
		}
	}
}

func TestErrorsSayWhere(t *testing.T) {
	for _, c := range []struct {
		expr, code, token string
		position          int
	}{
		{`1 + "a"`, "T2002", "+", 3},
		{`"é" + 1`, "T2001", "+", 5},
		{`(1; $length(5))`, "T0410", "length", 12},
		{`length(5)`, "T1005", "length", 7},
		{`nothing(5)`, "T1006", "nothing", 8},
		{`[1, 2`, "S0203", "(end)", 5},
		{`1 ]`, "S0201", "]", 3},
		{`"abc`, "S0101", "", 4},
		{`/a(/`, "S0302", "", 4},
		{`/a**/`, "S0303", "", 5},
	} {
		e, err := Compile(c.expr, Options{})
		if err == nil {
			_, _, err = e.Eval(Undefined, nil)
		}
		var fault *Error
		if !errors.As(err, &fault) {
			t.Errorf("%s: got %v, want an *Error", c.expr, err)
			continue
		}
		if fault.Code != c.code || fault.Token != c.token || fault.Position != c.position {
			t.Errorf("%s: got %s %q at %d, want %s %q at %d", c.expr, fault.Code, fault.Token, fault.Position, c.code, c.token, c.position)
		}
		if fault.Message == "" || strings.Contains(fault.Message, "{") {
			t.Errorf("%s: bad message %q", c.expr, fault.Message)
		}
	}
}

func TestErrorMessageIsTheExpressions(t *testing.T) {
	e, err := Compile(`$error("order " & id & " is void")`, Options{})
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = e.Eval(parseDoc(t, `{"id":7}`), nil)
	if got, want := err.(*Error).Message, "order 7 is void"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestBindings(t *testing.T) {
	double, err := NewFunc("double", "<n-:n>", func(args []any) (any, error) {
		return document.Float(2 * args[0].(document.Number).Float64()), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	fails, err := NewFunc("fails", "<x?:x>", func([]any) (any, error) { return nil, errors.New("out of paper") })
	if err != nil {
		t.Fatal(err)
	}
	pair, err := NewFunc("pair", "<ao?:a>", func(args []any) (any, error) {
		if args[1] == Undefined {
			return []any{args[0]}, nil
		}
		return []any{args[0], args[1]}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	draws := []float64{0.25, 0.75}
	b := &Bindings{
		Vars: map[string]any{"x": document.Int(5), "list": []any{document.Int(1), document.Int(2)}},
		Lookup: func(name string) (any, bool) {
			return "looked up " + name, name == "y"
		},
		Funcs: map[string]*Func{"double": double, "fails": fails, "pair": pair, "uppercase": double},
		Rand: func() float64 {
			d := draws[0]
			draws = append(draws[1:], d)
			return d
		},
	}
	for expr, want := range map[string]string{
		`$x + 1`:                   `6`,
		`$y`:                       `"looked up y"`,
		`$z`:                       `undefined`,
		`$list`:                    `[1,2]`,
		`$double(4)`:               `8`,
		`[1..3].$double()`:         `[2,4,6]`,
		`$map($list, $double)`:     `[2,4]`,
		`$uppercase(4)`:            `8`,
		`$double("a")`:             `T0410`,
		`$pair([1/4, {"a": 1+1}])`: `[[0.25,{"a":2}]]`,
		`$pair(1, {"o": $x})`:      `[[1],{"o":5}]`,
		`[$random(), $random()]`:   `[0.25,0.75]`,
		`$fails()`:                 `D3137`,
		`($x := 7; $x)`:            `7`,
		`$double(?)(3)`:            `6`,
		`$double ~> $string`:       `function`,
		`($double ~> $string)(2)`:  `"4"`,
	} {
		if got := outcome(expr, Undefined, b); got != want {
			t.Errorf("%s: got %s, want %s", expr, got, want)
		}
	}
	e, err := Compile(`$fails()`, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err = e.Eval(Undefined, b); !strings.Contains(err.Error(), "out of paper") || errors.Unwrap(err) == nil {
		t.Errorf("got %v, want the function's error", err)
	}
	if _, err := NewFunc("bad", "<n<n>>", nil); err == nil || err.(*Error).Code != "S0401" {
		t.Errorf("got %v, want S0401", err)
	}
}

func TestInputIsNotChanged(t *testing.T) {
	input := parseDoc(t, orders)
	before := string(document.Append(nil, input))
	for _, expr := range []string{
		`$ ~> |**|{"new": 1}, ["sku", "id"]|`, `$append(tags, 1)`, `$sort(orders.items.qty)`, `$merge(orders)`,
		`orders{id: items[]}`, `empty{"a": 1}`, `$reverse(orders)`, `orders.items[]`, `$shuffle(orders)`, `$spread(orders)`,
	} {
		outcome(expr, input, nil)
		if after := string(document.Append(nil, input)); after != before {
			t.Fatalf("%s changed the input to %s", expr, after)
		}
	}
}

func TestOptions(t *testing.T) {
	e, err := Compile(`$eval("1")`, Options{NoEval: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := e.Eval(Undefined, nil); err == nil || err.(*Error).Code != "T1006" {
		t.Errorf("$eval: got %v, want T1006", err)
	}
	for _, expr := range []string{`$`, `$$`, `a.b`, `$x + y`, `$map($x, function($v){z})`, `*`, `**`, `[a]`, `{"k": v}`, `$x[$$.y = 1]`, `$sum(a)`, `a[0]`, "`a b`"} {
		if _, err := Compile(expr, Options{NoInput: true}); err == nil || err.(*Error).Code != "S0501" {
			t.Errorf("%s: got %v, want S0501", expr, err)
		}
	}
	for _, expr := range []string{`$x.a[b = 1].$.c`, `$x.(a + $.b)`, `$x{k: v}`, `$x^(a)`, `$x ~> |a|{"b": c}|`, `$states.input.a`, `"a"`, `{"a": $x}`, `$x.%`, `$x.a.%.b`} {
		if _, err := Compile(expr, Options{NoInput: true}); err != nil && err.(*Error).Code == "S0501" {
			t.Errorf("%s: got %v, want it compiled", expr, err)
		}
	}
}

func TestReferences(t *testing.T) {
	e, err := Compile(`($a := $states.input.order.id; $f := function($p){$p & $b}; $map($c.d[e = $g], $f) ~> $join($h)).x#$i.($i & $j)`, Options{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range e.Variables() {
		text := r.String()
		for _, f := range r.Fields {
			text += "." + f
		}
		if !strings.HasPrefix(e.String()[r.Start:], r.String()) {
			t.Errorf("%s does not start at byte %d", text, r.Start)
		}
		got = append(got, text)
	}
	if got, want := strings.Join(got, " "), "$states.input.order.id $b $c.d $g $h $j"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	e, err = Compile(`$foo(1) + $bar + $count($$) + a.b`, Options{})
	if err != nil {
		t.Fatal(err)
	}
	got = nil
	for _, r := range e.References() {
		text := r.String()
		if r.Called {
			text += "()"
		}
		got = append(got, text)
	}
	if got, want := strings.Join(got, " "), "$foo() $bar $count() $$ a"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestConcurrentUse(t *testing.T) {
	e, err := Compile(`($f := function($n){$n < 2 ? $n : $f($n-1) + $f($n-2)}; orders.items{sku: $sum(qty) + $f(8)} ~> |$|{"m": $contains("ab", /b/)}|)`, Options{})
	if err != nil {
		t.Fatal(err)
	}
	input := parseDoc(t, orders)
	var wg sync.WaitGroup
	for range 8 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for range 50 {
				v, _, err := e.Eval(input, nil)
				if err != nil {
					t.Error(err)
					return
				}
				if got, want := string(document.Append(nil, v)), `{"x":28,"y":22,"m":true}`; got != want {
					t.Errorf("got %s, want %s", got, want)
					return
				}
			}
		}()
	}
	wg.Wait()
}
