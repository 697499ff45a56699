package jsonpath

import (
	"errors"
	"strings"
	"testing"

	"millrace/asl/document"
)

func parse(t *testing.T, text string) any {
	t.Helper()
	v, err := document.Parse([]byte(text))
	if err != nil {
		t.Fatalf("Parse(%s): %v", text, err)
	}
	return v
}

func mustCompile(t *testing.T, src string) *Path {
	t.Helper()
	p, err := Compile(src)
	if err != nil {
		t.Fatalf("Compile(%s): %v", src, err)
	}
	return p
}

const shop = `{
	"store": {
		"book": [
			{"category":"reference","author":"Rees","title":"Sayings","price":8.95},
			{"category":"fiction","author":"Waugh","title":"Sword","price":12.99},
			{"category":"fiction","author":"Melville","title":"Moby Dick","isbn":"0-553-21311-3","price":8.99},
			{"category":"fiction","author":"Tolkien","title":"The Lord","isbn":"0-395-19395-8","price":22.99}
		],
		"bicycle": {"color":"red","price":19.95}
	},
	"expensive": 10,
	"tags": ["a","b","c"],
	"odd": {"a b":1,"it's":2,"dotted.name":3,"nil":null,"sum()":4},
	"matrix": [[1,2],[3,4]],
	"empty": [], "none": null
}`

func TestEval(t *testing.T) {
	root := parse(t, shop)
	for _, c := range []struct{ path, want string }{
		{`$.expensive`, `10`},
		{` $.expensive `, `10`},
		{`$['expensive']`, `10`},
		{`$["expensive"]`, `10`},
		{`$.store.book[0].title`, `"Sayings"`},
		{`$.store.book.[0].title`, `"Sayings"`},
		{`$.['store'].['bicycle'].color`, `"red"`},
		{`$.store.book[-1].title`, `"The Lord"`},
		{`$.store.book[(@.length-1)].title`, `"The Lord"`},
		{`$.odd['a b']`, `1`},
		{`$.odd['it\'s']`, `2`},
		{`$.odd["it's"]`, `2`},
		{`$.odd['dotted.name']`, `3`},
		{`$.odd.nil`, `null`},
		{`$.odd.sum()`, `4`},
		{`$.none`, `null`},
		{`$.odd['a b','nil']`, `{"a b":1,"nil":null}`},
		{`$.odd['a b', 'missing']`, `{"a b":1}`},
		{`$.tags[0,2]`, `["a","c"]`},
		{`$.tags[0, 9, -1]`, `["a","c"]`},
		{`$.tags[1:]`, `["b","c"]`},
		{`$.tags[-2:]`, `["b","c"]`},
		{`$.tags[-9:]`, `["a","b","c"]`},
		{`$.tags[:2]`, `["a","b"]`},
		{`$.tags[:-1]`, `["a","b"]`},
		{`$.tags[:9]`, `["a","b","c"]`},
		{`$.tags[1:2]`, `["b"]`},
		{`$.tags[0:9]`, `["a","b","c"]`},
		{`$.tags[-3:-1]`, `["a","b"]`},
		{`$.tags[-9:-1]`, `["a","b"]`},
		{`$.tags[2:-1]`, `[]`},
		{`$.tags[2:1]`, `[]`},
		{`$.tags[0:3:2]`, `["a","b","c"]`},
		{`$.tags[*]`, `["a","b","c"]`},
		{`$.tags.*`, `["a","b","c"]`},
		{`$.store.bicycle.*`, `["red",19.95]`},
		{`$.store.bicycle[*]`, `["red",19.95]`},
		{`$.matrix[*][*]`, `[1,2,3,4]`},
		{`$.matrix[*][0]`, `[1,3]`},
		{`$.tags[*][*]`, `[]`},
		{`$..price`, `[8.95,12.99,8.99,22.99,19.95]`},
		{`$..book[0].title`, `["Sayings"]`},
		{`$.store..price`, `[8.95,12.99,8.99,22.99,19.95]`},
		{`$..matrix[0]`, `[[1,2]]`},
		{`$.matrix..[0]`, `[[1,2],1,3]`},
		{`$..bicycle.*`, `["red",19.95]`},
		{`$.matrix..*`, `[[1,2],[3,4],1,2,3,4]`},
		{`$..['color','price']`, `[{"color":"red","price":19.95}]`},
		{`$..missing`, `[]`},
		{`$.store.book[*].isbn`, `["0-553-21311-3","0-395-19395-8"]`},
		{`$.missing[*]`, `[]`},
		{`$.missing.deeper[1:].x`, `[]`},
		{`$.expensive[*]`, `[]`},
		{`$.expensive[1:]`, `[]`},
		{`$.none[0,1]`, `[]`},
		{`$.empty[*]`, `[]`},
	} {
		v, err := mustCompile(t, c.path).Eval(root)
		if err != nil {
			t.Errorf("%s: %v", c.path, err)
			continue
		}
		if got := string(document.Append(nil, v)); got != c.want {
			t.Errorf("%s = %s, want %s", c.path, got, c.want)
		}
	}
}

func TestFilter(t *testing.T) {
	root := parse(t, `{
		"limit": 2, "wanted": ["x","z"],
		"items": [
			{"id":1,"name":"x","ok":true,"tags":["p","q"],"sub":{"n":5}},
			{"id":2,"name":"y","ok":false,"tags":[],"sub":{"n":null}},
			{"id":3,"name":"Zed","tags":["q"],"note":"a)b"},
			{"id":"4","name":"","code":"10"}
		],
		"numbers": [1,5,9], "lists": [[1,2,3],[4]]
	}`)
	for _, c := range []struct{ filter, want string }{
		{`@.id == 1`, `[1]`},
		{`@.id==1`, `[1]`},
		{`(@.id == 1)`, `[1]`},
		{`1 == @.id`, `[1]`},
		{`@.id == 1.0`, `[1]`},
		{`@.id == '1'`, `[1]`},
		{`@.id == 4`, `["4"]`},
		{`@.id === 4`, `[]`},
		{`@.id !== 4`, `[1,2,3,"4"]`},
		{`@.id != 1`, `[2,3,"4"]`},
		{`@.ok != true`, `[2]`}, // a missing member passes no test
		{`@.id > 1 && @.id <= 3`, `[2,3]`},
		{`@.id < 2 || @.id >= 3`, `[1,3,"4"]`},
		{`@.id == 1 || @.id == 2 && @.ok == true`, `[1]`},
		{`(@.id == 1 || @.id == 2) && @.ok == false`, `[2]`},
		{`@.id <= $.limit`, `[1,2]`},
		{`@.name == x`, `[1]`},
		{`@.name=="x"`, `[1]`},
		{`@['name'] == 'x'`, `[1]`},
		{`@.ok`, `[1,2]`},
		{`!@.ok`, `[3,"4"]`},
		{`!(@.id == 1)`, `[2,3,"4"]`},
		{`@.sub.n`, `[1,2]`},
		{`@.sub.n == null`, `[2]`},
		{`@.tags[0] == 'q'`, `[3]`},
		{`@.note == 'a)b'`, `[3]`},
		{`@.name =~ /z.*/i`, `[3]`},
		{`@.name =~ /z.*/`, `[]`},
		{`@.name =~ /e/`, `[]`}, // all of the text must match
		{`@.tags =~ /p/`, `[1]`},
		{`@.name in ['x','y']`, `[1,2]`},
		{`@.name in $.wanted`, `[1]`},
		{`@.name nin ["x", "y"]`, `[3,"4"]`},
		{`@.name IN ['x']`, `[1]`},
		{`@.tags size 2`, `[1]`},
		{`@.name size 3`, `[3]`},
		{`@.tags empty true`, `[2]`},
		{`@.name empty true`, `["4"]`},
		{`@.name empty false`, `[1,2,3]`},
		{`@.tags contains 'q'`, `[1,3]`},
		{`@.name contains 'e'`, `[3]`},
		{`@.tags subsetof ['q','r']`, `[2,3]`},
		{`@.tags anyof ['p']`, `[1]`},
		{`@.tags noneof ['p']`, `[2,3]`},
		{`@.tags all ['p','q']`, `[1]`},
		{`@.tags[*]`, `[1,3]`},
		{`@..n`, `[1,2]`},
		{`@.code == 10`, `["4"]`},
		{`@.sub == {"n":5}`, `[1]`},
		{`@.tags == ['p','q']`, `[1]`},
		{`@.name > 'x'`, `[2]`},
		{`@.missing > 1`, `[]`},
		{`@.sub > 1`, `[]`},
	} {
		v, err := mustCompile(t, `$.items[?(`+c.filter+`)].id`).Eval(root)
		if err != nil {
			t.Errorf("%s: %v", c.filter, err)
			continue
		}
		if got := string(document.Append(nil, v)); got != c.want {
			t.Errorf("%s selects %s, want %s", c.filter, got, c.want)
		}
	}
	for _, c := range []struct{ path, want string }{
		{`$.numbers[?(@ > 1)]`, `[]`}, // "@" matches no scalar, as AWS documents
		{`$.lists[?(@ size 1)]`, `[[4]]`},
		{`$.lists[?(@[0] == 1)][1:]`, `[2,3]`},
		{`$.items[ ? ( @.id == 1 ) ].name`, `["x"]`},
		{`$..[?(@.n)]`, `[{"n":5},{"n":null}]`},
		{`$.items[0].sub[?(@.n == 5)]`, `[{"n":5}]`},
		{`$.limit[?(@.n)]`, `[]`},
		{`$.missing[?(@.n)]`, `[]`},
	} {
		v, err := mustCompile(t, c.path).Eval(root)
		if err != nil {
			t.Errorf("%s: %v", c.path, err)
			continue
		}
		if got := string(document.Append(nil, v)); got != c.want {
			t.Errorf("%s = %s, want %s", c.path, got, c.want)
		}
	}
}

// A backslash before another kind of quote is part of the name, as recorded on AWS.
func TestBackslashInName(t *testing.T) {
	root := parse(t, `{"Test\\\"\"Name\"":"found"}`)
	v, err := mustCompile(t, `$['Test\""Name"']`).Eval(root)
	if err != nil || v != "found" {
		t.Errorf("got %v, %v, want found", v, err)
	}
}

func TestNotFound(t *testing.T) {
	root := parse(t, `{"a":{"b":"text","list":[1],"nil":null,"o":{"x":1}},"c":{"k":1.50,"l":["s",true]}}`)
	for _, c := range []struct {
		path, detail string
		miss         Miss
	}{
		{`$.x`, `No results for path: $['x']`, NoMember},
		{`$.a.x`, `No results for path: $['a']['x']`, NoMember},
		{`$.x.y`, `Missing property in path $['x']`, NoMember},
		{`$.a.x.y.z`, `Missing property in path $['a']['x']`, NoMember},
		{`$.a.b.x`, `Property ['x'] not found in path $['a']['b']`, NotObject},
		{`$.a.list.length()`, `Property ['length()'] not found in path $['a']['list']`, NotObject},
		{`$.a.nil.x`, `Property ['x'] not found in path $['a']['nil']`, NotObject},
		{`$.a.list[7]`, `No results for path: $['a']['list'][7]`, OutOfRange},
		{`$.a.list[-2]`, `No results for path: $['a']['list'][-2]`, OutOfRange},
		{`$.a.b[0]`, `Filter: [0] can only be applied to arrays. Current context is: text`, NotArray},
		{`$.c[0].k`, `Filter: [0]['k'] can only be applied to arrays. Current context is: {k=1.5, l=[s, true]}`, NotArray},
		{`$.a.nil[0]`, `The path $['a']['nil'] is null`, NotArray},
		{`$['a','c'].b`, `Multi properties can only be used as path leafs: $['a', 'c']`, NotLeaf},
		{`$.a.b['x','y']`, `Property ['x', 'y'] not found in path $['a']['b']`, NotObject},
		{`$$.Execution.x`, `Missing property in path $['Execution']`, NoMember},
		{`$v.x`, `No results for path: $['x']`, NoMember},
	} {
		p := mustCompile(t, c.path)
		v, err := p.Eval(root)
		var missing *NotFoundError
		if !errors.As(err, &missing) {
			t.Errorf("%s = %v, %v, want a NotFoundError", c.path, v, err)
			continue
		}
		if missing.Detail != c.detail || missing.Miss != c.miss || missing.Path != p {
			t.Errorf("%s: got %q (%d), want %q (%d)", c.path, missing.Detail, missing.Miss, c.detail, c.miss)
		}
	}
}

func TestRoots(t *testing.T) {
	for _, c := range []struct {
		path      string
		root      Root
		variable  string
		canonical string
		definite  bool
	}{
		{`$`, Input, "", `$`, true},
		{`$$`, Context, "", `$`, true},
		{`$$.Execution.Id`, Context, "", `$['Execution']['Id']`, true},
		{`$$['Map'].Item`, Context, "", `$['Map']['Item']`, true},
		{`$name`, Variable, "name", `$`, true},
		{`$x.a[0]`, Variable, "x", `$['a'][0]`, true},
		{`$näme_2[1:]`, Variable, "näme_2", `$[1:]`, false},
		{`$.a..b`, Input, "", `$['a']..['b']`, false},
		{`$["a",'b']`, Input, "", "", false},
		{`$['a',  'b']`, Input, "", `$['a', 'b']`, true},
		{`$[0, 2][:3][1:4][*]`, Input, "", `$[0,2][:3][1:4][*]`, false},
		{`$.a[?(@.x && @.y == 'it')].z`, Input, "", `$['a'][?]['z']`, false},
	} {
		p, err := Compile(c.path)
		if c.canonical == "" {
			if err == nil {
				t.Errorf("Compile(%s) succeeded", c.path)
			}
			continue
		}
		if err != nil {
			t.Errorf("Compile(%s): %v", c.path, err)
			continue
		}
		if p.Root() != c.root || p.Variable() != c.variable || p.Canonical() != c.canonical || p.Definite() != c.definite || p.String() != c.path {
			t.Errorf("%s: got root %d, variable %q, %s, definite %v", c.path, p.Root(), p.Variable(), p.Canonical(), p.Definite())
		}
	}
}

func TestCompileRefuses(t *testing.T) {
	for _, c := range []struct {
		path   string
		offset int
		reason string
	}{
		{``, 0, `starts with '$'`},
		{`ipsum`, 0, `found 'i'`},
		{`@.a`, 0, `starts with '$'`},
		{`$.`, 2, `found the end`},
		{`$..`, 3, `found the end`},
		{`$...a`, 3, `too many dots`},
		{`$.a.`, 4, `a name`},
		{`$.a b`, 4, `['a name']`},
		{`$[`, 2, `quoted name`},
		{`$[]`, 2, `quoted name`},
		{`$[a]`, 2, `quoted name`},
		{`$['a`, 4, `not closed`},
		{`$['a'`, 5, `']' belongs here`},
		{`$['a'b]`, 5, `']' belongs here`},
		{`$['a',]`, 6, `a name in ' quotes`},
		{`$[1`, 3, `']'`},
		{`$[1,]`, 2, `each side`},
		{`$[:]`, 2, `[*]`},
		{`$[1,2:3]`, 5, `mixed`},
		{`$[99999999999]`, 2, `not an integer`},
		{`$[-]`, 2, `not an integer`},
		{`$-a`, 1, `variable's name`},
		{`$1`, 1, `variable's name`},
		{`$.a]`, 3, `'.' or '['`},
		{`$.a[?@.b]`, 5, `'(' belongs after '?'`},
		{`$.a[?()]`, 6, `found ')'`},
		{`$.a[?(@.b`, 9, `close the '('`},
		{`$.a[?(@.b == )]`, 13, `a path`},
		{`$.a[?(@.b ~ 1)]`, 10, `an operator`},
		{`$.a[?(@.b what 1)]`, 10, `an operator`},
		{`$.a[?(1)]`, 6, `a condition`},
		{`$.a[?(@.b =~ /[/)]`, 13, `not a regular expression`},
		{`$.a[?(@.b =~ /x)]`, 17, `not closed`},
		{`$.a[?(@.b =~ /x/q)]`, 16, `unknown flag`},
		{`$.a[?(@.b in [1)]`, 15, `']'`},
		{`$.a[?(@.b && )]`, 13, `a path`},
		{`$.a[?(@.b == $x)]`, 14, `close the '('`},
		{`$` + strings.Repeat(`[?(@`, 200), 0, `nest more than 64`},
		{`$[?(` + strings.Repeat(`(`, 200), 0, `nest more than 64`},
		{`$[?(` + strings.Repeat(`!`, 200), 0, `nest more than 64`},
		{`$[?(@.a == ` + strings.Repeat(`[`, 200), 0, `nest more than 64`},
	} {
		_, err := Compile(c.path)
		var syntax *SyntaxError
		if !errors.As(err, &syntax) {
			t.Errorf("Compile(%s) = %v, want a SyntaxError", c.path, err)
			continue
		}
		if c.offset != 0 && syntax.Offset != c.offset || !strings.Contains(syntax.Reason, c.reason) {
			t.Errorf("Compile(%s): %d %s, want %d %s", c.path, syntax.Offset, syntax.Reason, c.offset, c.reason)
		}
	}
}

// What would take long stops at the same place every time.
func TestLimit(t *testing.T) {
	deep, wide := any("leaf"), make([]any, 20_000)
	for range 300 {
		deep = []any{deep}
	}
	for i := range wide {
		wide[i] = document.Int(int64(i))
	}
	long := document.NewObject(2)
	long.Set("text", strings.Repeat("a", 250_000))
	long.Set("list", []any{document.NewObject(0), wide})
	many := make([]any, 1000)
	for i := range many {
		many[i] = document.NewObject(0)
	}
	long.Set("many", many)
	for _, c := range []struct {
		path string
		root any
	}{
		{`$..*..*..*`, deep},
		{`$.many[?($.list[1] subsetof $.list[1])]`, long},
		{`$.many[?($.list == $.list)]`, long},
		{`$.many[?($.text =~ /(a|b)*c/)]`, long},
		{`$.many[?($.text contains 'b')]`, long},
		{`$.many[?($.text < $.text)]`, long},
		{`$.many[?(@.x || !($..*))]`, long},
	} {
		_, err := mustCompile(t, c.path).Eval(c.root)
		var limit *LimitError
		if !errors.As(err, &limit) || limit.Path.String() != c.path {
			t.Errorf("%s: got %v, want a LimitError", c.path, err)
		}
	}
}

func TestAppendJava(t *testing.T) {
	for _, c := range []struct{ value, want string }{
		{`{"Arg1":1,"Arg2":[]}`, `{Arg1=1, Arg2=[]}`},
		{`[null,true,"s",{"a":{}}]`, `[null, true, s, {a={}}]`},
		{`1.0`, `1.0`}, {`1e3`, `1000.0`}, {`12345678.9`, `1.23456789E7`}, {`0.0001`, `1.0E-4`}, {`-0`, `0`},
		{`0.001`, `0.001`}, {`9007199254740993`, `9007199254740993`}, {`-2.50`, `-2.5`}, {`1e400`, `1e400`}, {`0.0`, `0.0`},
	} {
		if got := string(AppendJava(nil, parse(t, c.value))); got != c.want {
			t.Errorf("AppendJava(%s) = %s, want %s", c.value, got, c.want)
		}
	}
}

func FuzzCompile(f *testing.F) {
	for _, seed := range []string{`$.a['b'][0]`, `$..x[?(@.a > 1 && !(@.b in ['c',{"d":1}]))]`, `$v[1:3][*]`, `$$[0,-1]`, `$[?(@.a =~ /x\/y/i)]`, `$['a','b']`} {
		f.Add(seed, `{"a":[{"b":1,"x":null},[2]],"b":"c"}`)
	}
	f.Fuzz(func(t *testing.T, src, text string) {
		p, err := Compile(src)
		if err != nil {
			return
		}
		p.Canonical()
		if p.String() != src {
			t.Fatalf("String() = %q, want %q", p.String(), src)
		}
		root, err := document.Parse([]byte(text))
		if err != nil {
			return
		}
		before := string(document.Append(nil, root))
		v, err := p.Eval(root)
		if err == nil {
			document.Append(nil, v)
		}
		if _, ok := v.([]any); err == nil && !p.Definite() && !ok {
			t.Fatalf("%s is not definite and yields %T", src, v)
		}
		if r, err := p.Reference(); err == nil {
			if made, err := r.Set(root, "set"); err == nil {
				if got, err := p.Eval(made); err != nil || got != "set" {
					t.Fatalf("%s reads %v, %v after Set", src, got, err)
				}
			}
		}
		if after := string(document.Append(nil, root)); after != before {
			t.Fatalf("%s changed %s into %s", src, before, after)
		}
	})
}

func BenchmarkEvalDotted(b *testing.B) {
	root, _ := document.Parse([]byte(`{"id":7,"order":{"lines":[{"sku":"a","price":{"net":1.5}}],"customer":{"name":"Ana"}},"kind":"x"}`))
	p, err := Compile(`$.order.lines[0].price.net`)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.Eval(root); err != nil {
			b.Fatal(err)
		}
	}
}
