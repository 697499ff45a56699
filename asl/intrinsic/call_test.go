package intrinsic

import (
	"errors"
	"strings"
	"testing"

	"millrace/asl/document"
	"millrace/asl/jsonpath"
)

func parse(t *testing.T, text string) any {
	t.Helper()
	v, err := document.Parse([]byte(text))
	if err != nil {
		t.Fatalf("Parse(%s): %v", text, err)
	}
	return v
}

// over is the world of a test: an input, variables, and 1, 2, 3 ... as draws.
func over(input, variables any) Env {
	var draws uint64
	return Env{
		Lookup: func(p *jsonpath.Path) (any, error) {
			switch p.Root() {
			case jsonpath.Input:
				return p.Eval(input)
			case jsonpath.Context:
				execution := document.NewObject(1)
				execution.Set("Input", input)
				context := document.NewObject(1)
				context.Set("Execution", execution)
				return p.Eval(context)
			}
			if o, ok := variables.(*document.Object); ok {
				if v, ok := o.Get(p.Variable()); ok {
					return p.Eval(v)
				}
			}
			return nil, errors.New("there is no variable " + p.Variable())
		},
		Random: func() uint64 { draws++; return draws * 0x9e3779b97f4a7c15 },
	}
}

func eval(t *testing.T, src, input string) (string, error) {
	t.Helper()
	c, err := Compile(src)
	if err != nil {
		t.Fatalf("Compile(%s): %v", src, err)
	}
	v, err := c.Eval(over(parse(t, input), parse(t, `{"name":"Ana","n":{"list":[7,8]}}`)))
	if err != nil {
		return "", err
	}
	return string(document.Append(nil, v)), nil
}

// Each row is a rule; %s stands for the value of $.x.
func TestEval(t *testing.T) {
	long := strings.Repeat("a", 10_000)
	for _, c := range []struct{ src, x, want string }{
		// Arguments.
		{`States.Array()`, `0`, `[]`},
		{` States.Array ( 'a' , 1 , -2.50 , true , false , null , $.x ) `, `[1]`, `["a",1,-2.50,true,false,null,[1]]`},
		{`States.Array($, $$.Execution.Input.x, $name, $n.list[1])`, `5`, `[{"x":5},5,"Ana",8]`},
		{`States.Array($.x[?(@.a == ')' || @.b in ['x,y'])].a, 1)`, `[{"a":")"},{"a":2}]`, `[[")"],1]`},
		{`States.Array($['x'], '')`, `1`, `[1,""]`},
		{`States.Array($.x[*], $.x[0,1])`, `[1,2]`, `[[1,2],[1,2]]`},
		{`States.Array('it\'s \{a\} \\ ü')`, `0`, `["it's {a} \\ ü"]`},
		{`States.Array(States.Array(States.Array()))`, `0`, `[[[]]]`},
		// Format.
		{`States.Format('{}-{}', $.x, 'b')`, `"a"`, `"a-b"`},
		{`States.Format($.x, 1)`, `"<{}>"`, `"<1>"`},
		{`States.Format('{}', $.x)`, `null`, `"null"`},
		{`States.Format('{}', $.x)`, `{"Arg1":1,"Arg2":[true,"s"]}`, `"{Arg1=1, Arg2=[true, s]}"`},
		{`States.Format('{}', $.x)`, `1.50`, `"1.5"`},
		{`States.Format('{}', $.x)`, `"{} is data"`, `"{} is data"`},
		{`States.Format('\{\'{}\'\}\\', $.x)`, `1`, `"{'1'}\\"`},
		{`States.Format('{"a":1}')`, `0`, `!Invalid template in States.Format: matching '}' not found for '{'.`},
		{`States.Format('\{"a":{}\}', $.x)`, `7`, `"{\"a\":7}"`},
		{`States.Format($.x, 1)`, `"\\{{}\\} C:\\dir\\\\"`, `"{1} C:\\dir\\\\"`},
		{`States.Format('plain')`, `0`, `"plain"`},
		{`States.Format('{')`, `0`, `!matching '}' not found for '{'.`},
		{`States.Format('}')`, `0`, `!matching '{' not found for '}'.`},
		{`States.Format('{}')`, `0`, `!Invalid arguments in States.Format: number of arguments do not match the occurrences of {}.`},
		{`States.Format('{}', 1, 2)`, `0`, `!number of arguments do not match`},
		{`States.Format($.x)`, `5`, `!Invalid arguments in States.Format`},
		{`States.Format()`, `5`, `!Invalid arguments in States.Format`},
		{`States.Format('{}', States.StringToJson($.x))`, `"{\"a\":\"b\"}"`, `"{\"a\":\"b\"}"`},
		// StringToJson, JsonToString.
		{`States.StringToJson($.x)`, `" {\"b\":1.0,\"a\":[]} "`, `{"b":1.0,"a":[]}`},
		{`States.StringToJson($.x)`, `""`, `null`},
		{`States.StringToJson($.x)`, `" \t\n"`, `null`},
		{`States.StringToJson($.x)`, `"-0"`, `0`},
		{`States.StringToJson($.x)`, `"{bad}"`, `!Invalid arguments in States.StringToJson`},
		{`States.StringToJson($.x)`, `{"a":1}`, `!Invalid arguments in States.StringToJson`},
		{`States.JsonToString($.x)`, `{"b": [1, 2.0, "é\"<>/"], "a": null}`, `"{\"b\":[1,2.0,\"é\\\"<>/\"],\"a\":null}"`},
		{`States.JsonToString('x')`, `0`, `"\"x\""`},
		// Arrays.
		{`States.ArrayPartition($.x, 4)`, `[1,2,3,4,5,6,7,8,9]`, `[[1,2,3,4],[5,6,7,8],[9]]`},
		{`States.ArrayPartition($.x, 2147483647)`, `[1]`, `[[1]]`},
		{`States.ArrayPartition($.x, 1)`, `[]`, `[]`},
		{`States.ArrayPartition($.x, 2.6)`, `[1,2,3]`, `[[1,2],[3]]`},
		{`States.ArrayPartition($.x, 0.6)`, `[1]`, `!Invalid arguments in States.ArrayPartition`},
		{`States.ArrayPartition($.x, -1)`, `[1]`, `!Invalid arguments`},
		{`States.ArrayPartition($.x, '2')`, `[1]`, `!Invalid arguments`},
		{`States.ArrayPartition($.x, 2)`, `"text"`, `!Invalid arguments`},
		{`States.ArrayContains($.x, 2)`, `[1,2]`, `true`},
		{`States.ArrayContains($.x, 3)`, `[1,2]`, `false`},
		{`States.ArrayContains($.x, null)`, `[1,null]`, `true`},
		{`States.ArrayContains($.x, null)`, `[[1,2,3],2]`, `false`},
		{`States.ArrayContains($.x, true)`, `["true"]`, `true`},
		{`States.ArrayContains($.x, 12)`, `["12"]`, `true`},
		{`States.ArrayContains($.x, false)`, `[0]`, `false`},
		{`States.ArrayContains($.x[0], $.x[1])`, `[[{"a":1,"b":[2]}],{"a":1,"b":[2]}]`, `true`},
		{`States.ArrayContains($.x[0], $.x[1])`, `[[{"a":1,"b":2}],{"b":2,"a":1}]`, `false`},
		{`States.ArrayContains($.x[0], $.x[1])`, `[[{"a":1}],{"a":1,"b":null}]`, `false`},
		{`States.ArrayContains($.x[0], $.x[1])`, `[["[1]"],[1]]`, `false`},
		{`States.ArrayContains($.x, 1)`, `{}`, `!Invalid arguments in States.ArrayContains`},
		{`States.ArrayRange(1, 9, 2)`, `0`, `[1,3,5,7,9]`},
		{`States.ArrayRange(1, 8, 2)`, `0`, `[1,3,5,7]`},
		{`States.ArrayRange(5, 1, -2)`, `0`, `[5,3,1]`},
		{`States.ArrayRange(3, 3, -1)`, `0`, `[3]`},
		{`States.ArrayRange(5, 1, 1)`, `0`, `[]`},
		{`States.ArrayRange(1, 2, -1)`, `0`, `[]`},
		{`States.ArrayRange(1, 2, 5)`, `0`, `[1]`},
		{`States.ArrayRange(1.6, 1.4, 1)`, `0`, `[1]`},
		{`States.ArrayRange(5.4, -0.6, -2.4)`, `0`, `[5,3,1]`},
		{`States.ArrayLength(States.ArrayRange(1, 1000, 1))`, `0`, `1000`},
		{`States.ArrayRange(1, 1001, 1)`, `0`, `!Invalid arguments in States.ArrayRange`},
		{`States.ArrayRange(-2147483648, 2147483647, 1)`, `0`, `!Invalid arguments`},
		{`States.ArrayRange(1, 9, 0.49)`, `0`, `!Invalid arguments`},
		{`States.ArrayRange(1, 9, 'a')`, `0`, `!Invalid arguments`},
		{`States.ArrayRange(1, 9)`, `0`, `!Invalid arguments`},
		{`States.ArrayGetItem($.x, 1)`, `[1,{"a":2}]`, `{"a":2}`},
		{`States.ArrayGetItem($.x, 1.9)`, `[10,20,30]`, `20`},
		{`States.ArrayGetItem($.x, 999)`, `[]`, `null`},
		{`States.ArrayGetItem($.x, 2)`, `[1,2]`, `!Invalid arguments in States.ArrayGetItem`},
		{`States.ArrayGetItem($.x, -1)`, `[1,2]`, `!Invalid arguments`},
		{`States.ArrayGetItem($.x, '1')`, `[1,2]`, `!Invalid arguments`},
		{`States.ArrayLength($.x)`, `[1,[2,3]]`, `2`},
		{`States.ArrayLength($.x)`, `"ab"`, `!Invalid arguments in States.ArrayLength`},
		{`States.ArrayUnique($.x)`, `[1,2,3,3,3,4]`, `[1,2,3,4]`},
		{`States.ArrayUnique($.x)`, `["a","b","a","c","b"]`, `["a","b","c"]`},
		{`States.ArrayUnique($.x)`, `[true,false,true]`, `[false,true]`},
		{`States.ArrayUnique($.x)`, `[[1,2],[1,2],[2,1]]`, `[[2,1],[1,2]]`},
		{`States.ArrayUnique($.x)`, `[null,null,1,null]`, `[null,1]`},
		{`States.ArrayUnique($.x)`, `[1,"1","01"]`, `[1,"1","01"]`},
		{`States.ArrayUnique($.x)`, `[{"a":1,"b":2},{"b":2,"a":1},{"a":1.0,"b":2}]`, `[{"a":1,"b":2},{"a":1.0,"b":2}]`},
		{`States.ArrayUnique($.x)`, `[]`, `[]`},
		{`States.ArrayUnique($.x)`, `{}`, `!Invalid arguments in States.ArrayUnique`},
		// Base64 and hashes.
		{`States.Base64Encode($.x)`, `"Data to encode ✓"`, `"RGF0YSB0byBlbmNvZGUg4pyT"`},
		{`States.Base64Encode('')`, `0`, `""`},
		{`States.Base64Encode($.x)`, `"` + long + `a"`, `!Invalid arguments in States.Base64Encode`},
		{`States.Base64Encode($.x)`, `"` + strings.Repeat("😀", 5001) + `"`, `!Invalid arguments in States.Base64Encode`},
		{`States.Base64Encode(1)`, `0`, `!Invalid arguments`},
		{`States.Base64Decode('RGF0YSB0byBlbmNvZGU=')`, `0`, `"Data to encode"`},
		{`States.Base64Decode(' YWJj ZA== ')`, `0`, `"abcd"`},
		{`States.Base64Decode('YWJj!ZA')`, `0`, `"abcd"`},
		{`States.Base64Decode('YWJj=ZA')`, `0`, `"abc"`},
		{`States.Base64Decode('YWJjZ')`, `0`, `"abc"`},
		{`States.Base64Decode('PDw_Pz4-')`, `0`, `"<<??>>"`},
		{`States.Base64Decode('/w==')`, `0`, `"�"`},
		{`States.Base64Decode($.x)`, `"` + long + `a"`, `!Invalid arguments in States.Base64Decode`},
		{`States.Hash('input data', 'MD5')`, `0`, `"812f45842bc6d66ee14572ce20db8e86"`},
		{`States.Hash('hello', 'SHA-384')`, `0`, `"59e1748777448c69de6b800d7a33bbfb9ff1b463e44354c3553bcdb9c666fa90125a3c79f90397bdf5f6a13de828684f"`},
		{`States.Hash($.x, 'SHA-1')`, `12`, `"7b52009b64fd0a2a49e6d8a939753077792b0554"`},
		{`States.Hash('x', 'sha-256')`, `0`, `!Invalid arguments in States.Hash`},
		{`States.Hash('x', 'SHA256')`, `0`, `!Invalid arguments in States.Hash`},
		{`States.Hash($.x, 'MD5')`, `"` + long + `a"`, `!Invalid arguments in States.Hash`},
		{`States.Hash($.x, 'MD5')`, `null`, `!Invalid arguments in States.Hash`},
		// Objects.
		{`States.JsonMerge($.x[0], $.x[1], false)`, `[{"a":{"a1":1},"b":2},{"c":3,"a":{"a2":2}}]`, `{"a":{"a2":2},"b":2,"c":3}`},
		{`States.JsonMerge($.x, $.x, 'false')`, `{"a":1}`, `{"a":1}`},
		{`States.JsonMerge($.x, $.x, true)`, `{}`, `!Invalid arguments in States.JsonMerge`},
		{`States.JsonMerge($.x, null, false)`, `{}`, `!Invalid arguments in States.JsonMerge`},
		{`States.JsonMerge($.x, $.x, false)`, `[]`, `!Invalid arguments in States.JsonMerge`},
		// Numbers.
		{`States.MathAdd(111, -1)`, `0`, `110`},
		{`States.MathAdd($.x, 0)`, `-1.5`, `-1`},
		{`States.MathAdd($.x, 0)`, `-1.51`, `-2`},
		{`States.MathAdd($.x, 0)`, `-3.5`, `-3`},
		{`States.MathAdd($.x, 0)`, `0.5`, `1`},
		{`States.MathAdd($.x, 0)`, `3.5`, `4`},
		{`States.MathAdd($.x, 0)`, `0.49999999999999994`, `0`},
		{`States.MathAdd(1.5, 1.51)`, `0`, `4`},
		{`States.MathAdd(1e3, 1.0)`, `0`, `1001`},
		{`States.MathAdd(2147483646, 1)`, `0`, `2147483647`},
		{`States.MathAdd(2147483647, 1)`, `0`, `!Invalid arguments in States.MathAdd`},
		{`States.MathAdd(-2147483648, -1)`, `0`, `!Invalid arguments in States.MathAdd`},
		{`States.MathAdd(3000000000, -1000000000)`, `0`, `!Invalid arguments in States.MathAdd`},
		{`States.MathAdd(1e999, 1)`, `0`, `!Invalid arguments in States.MathAdd`},
		{`States.MathAdd(1, '-1')`, `0`, `!Invalid arguments in States.MathAdd`},
		{`States.MathAdd(null, 1)`, `0`, `!Invalid arguments in States.MathAdd`},
		{`States.MathAdd(1)`, `0`, `!Invalid arguments in States.MathAdd`},
		{`States.MathRandom(1.4, 1.6)`, `0`, `!Invalid arguments in States.MathRandom`},
		{`States.MathRandom(5, 5)`, `0`, `!Invalid arguments in States.MathRandom`},
		{`States.MathRandom(6, 5)`, `0`, `!Invalid arguments in States.MathRandom`},
		{`States.MathRandom(1, 5, null)`, `0`, `!Invalid arguments in States.MathRandom`},
		{`States.MathRandom(1, 5, '1')`, `0`, `!Invalid arguments in States.MathRandom`},
		{`States.MathRandom(-1.9, 0.9)`, `0`, `-1`},
		// Texts.
		{`States.StringSplit($.x, ',')`, `"1,2,3"`, `["1","2","3"]`},
		{`States.StringSplit($.x, '.+,')`, `"1+2,3.4"`, `["1","2","3","4"]`},
		{`States.StringSplit($.x, ',')`, `",,a,,b,,"`, `["a","b"]`},
		{`States.StringSplit($.x, ',')`, `",,,"`, `[]`},
		{`States.StringSplit($.x, ',')`, `""`, `[]`},
		{`States.StringSplit($.x, ',')`, `" , "`, `[" "," "]`},
		{`States.StringSplit($.x, '')`, `"abc"`, `["abc"]`},
		{`States.StringSplit($.x, 'é→')`, `"1é2→3"`, `["1","2","3"]`},
		{`States.StringSplit($.x, ',')`, `5`, `!Invalid arguments in States.StringSplit`},
		{`States.StringSplit('a', null)`, `5`, `!Invalid arguments in States.StringSplit`},
		{`States.UUID(1)`, `0`, `!Invalid arguments in States.UUID`},
	} {
		got, err := eval(t, c.src, `{"x":`+c.x+`}`)
		if want, fails := strings.CutPrefix(c.want, "!"); fails {
			var failure *Failure
			if !errors.As(err, &failure) || !strings.Contains(failure.Error(), want) || failure.Reason == "" {
				t.Errorf("%.80s over %.80s = %s, %v, want a failure with %q", c.src, c.x, got, err, want)
			}
			continue
		}
		if err != nil || got != c.want {
			t.Errorf("%s over %s = %s, %v, want %s", c.src, c.x, got, err, c.want)
		}
	}
}

// A value that is shared may be small in memory and huge as text.
func TestHugeText(t *testing.T) {
	shared := "States.Array(" + strings.Repeat("$.x,", 100) + "$.x)"
	for _, src := range []string{
		`States.JsonToString(` + shared + `)`, `States.Hash(` + shared + `, 'MD5')`, `States.ArrayUnique(` + shared + `)`,
		`States.Format('{}', ` + shared + `)`, `States.ArrayContains(` + shared + `, 1)`,
		`States.Format('` + strings.Repeat("{}", 101) + `'` + strings.Repeat(", $.x", 101) + `)`,
	} {
		_, err := eval(t, src, `{"x":["`+strings.Repeat("a", 100_000)+`"]}`)
		var failure *Failure
		if !errors.As(err, &failure) || !strings.Contains(failure.Reason, "longer than") {
			t.Errorf("%.60s: got %v, want a failure", src, err)
		}
	}
}

func TestFailureText(t *testing.T) {
	_, err := eval(t, `States.Array(States.MathAdd($.x, 1) , 2)`, `{"x":"a"}`)
	want := "There was an error while evaluating the intrinsic function: States.MathAdd($.x, 1). Invalid arguments in States.MathAdd"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestArgumentError(t *testing.T) {
	for _, c := range []struct{ src, want string }{
		{`States.Format('{}', $.nope)`,
			`The function 'States.Format('{}', $.nope)' had the following error: The JsonPath argument for the field '$.nope' could not be found in the input '{"other":1}'`},
		{`States.Format('{}',  States.Format('{}', $.other.x))`,
			`The function 'States.Format('{}',  States.Format('{}', $.other.x))' had the following error: The JsonPath argument for the field '$.other.x' could not be found in the input '{"other":1}'`},
		{`States.Array($.other[0])`,
			`The function 'States.Array($.other[0])' had the following error: Filter: [0] can only be applied to arrays. Current context is: 1`},
		{`States.Array($nobody)`, `The function 'States.Array($nobody)' had the following error: there is no variable nobody`},
	} {
		_, err := eval(t, c.src, `{"other":1}`)
		var missing *ArgumentError
		if !errors.As(err, &missing) {
			t.Errorf("%s: got %v, want an ArgumentError", c.src, err)
			continue
		}
		if got := missing.Cause([]byte(`{"other":1}`)); got != c.want {
			t.Errorf("%s: got %s, want %s", c.src, got, c.want)
		}
	}
}

func TestCompileRefuses(t *testing.T) {
	for _, c := range []struct {
		src    string
		offset int
		reason string
	}{
		{``, 0, `a function's name`},
		{`$.a`, 0, `a function's name`},
		{`States.Nope()`, 0, `there is no function States.Nope`},
		{`States.format('a')`, 0, `there is no function`},
		{`States.UUID`, 11, `'(' belongs after States.UUID`},
		{`States.UUID(`, 12, `found the end`},
		{`States.UUID() x`, 14, `nothing belongs after`},
		{`States.Array(1,)`, 15, `found ')'`},
		{`States.Array(,1)`, 13, `found ','`},
		{`States.Array(1 2)`, 15, `',' or ')'`},
		{`States.Array('a)`, 16, `not closed`},
		{`States.Array("a")`, 13, `single quotes`},
		{`States.Array(-)`, 13, `no number`},
		{`States.Array(01)`, 13, `no number`},
		{`States.Array(1.)`, 13, `no number`},
		{`States.Array(True)`, 13, `belongs here`},
		{`States.Array($.a[)`, 17, `quoted name`},
		{`States.Array($.a b, 1)`, 17, `['a name']`},
		{`States.Array($-)`, 14, `variable's name`},
		{`States.Array('a\n')`, 15, `a backslash`},
		{`States.StringToJson('{"text":"An \"escaped double quote\" here"}')`, 33, `a backslash`},
		{`States.Format('He said, \"Hello, {}!\"', 'Test \"Name\" Here')`, 24, `a backslash`},
		{strings.Repeat(`States.Array(`, 11) + strings.Repeat(`)`, 11), 130, `more than 10 deep`},
		{strings.Repeat(`States.Array(`, 100_000), 130, `more than 10 deep`},
	} {
		_, err := Compile(c.src)
		var syntax *SyntaxError
		if !errors.As(err, &syntax) {
			t.Errorf("Compile(%.60s) = %v, want a SyntaxError", c.src, err)
			continue
		}
		if syntax.Offset != c.offset || !strings.Contains(syntax.Reason, c.reason) {
			t.Errorf("Compile(%.60s): %d %s, want %d %s", c.src, syntax.Offset, syntax.Reason, c.offset, c.reason)
		}
	}
	if _, err := Compile(strings.Repeat(`States.Array(`, 10) + strings.Repeat(`)`, 10)); err != nil {
		t.Errorf("ten deep: %v", err)
	}
}

func TestVet(t *testing.T) {
	for _, c := range []struct{ src, want string }{
		{`States.MathAdd(1, '-1')`, `argument 2 is a string, a number belongs there`},
		{`States.MathAdd($.a, null)`, `argument 2 is null`},
		{`States.MathAdd(1)`, `takes 2 arguments, not 1`},
		{`States.MathRandom(1)`, `takes 2 to 3 arguments, not 1`},
		{`States.Format()`, `takes at least 1 arguments, not 0`},
		{`States.Array(States.UUID('x'))`, `States.UUID takes 0 arguments, not 1`},
		{`States.ArrayLength('x')`, `an array belongs there`},
		{`States.MathAdd($.a, States.MathAdd(1, $.b))`, ``},
		{`States.MathRandom(1, 2, 3)`, ``},
		{`States.Hash(12, 'MD5')`, ``},
		{`States.Hash($.a, 'SHA')`, `the algorithm is "SHA"`},
		{`States.ArrayPartition($.a, 0)`, `the size of a chunk is 0`},
		{`States.JsonMerge($.a, $.b, true)`, `argument 3 is true`},
		{`States.ArrayRange($.a, $.b, 0)`, `the step is 0`},
		{`States.ArrayRange(1, $.b, 1)`, ``},
		{`States.ArrayRange(0, 2000, 1)`, `at most 1000 are allowed`},
		{`States.Format('{} {}', $.a)`, `the template has 2 {}`},
		{`States.Format('{', $.a)`, `a brace that is text`},
		{`States.Format('{} {}', $.a, States.UUID())`, ``},
		{`States.Format($.a, 1, 2)`, ``},
		{`States.MathRandom(5, 1)`, `the start 5 is not less than the end 1`},
		{`States.MathRandom(5, $.b)`, ``},
		{`States.StringToJson('{')`, `the text is no JSON`},
		{`States.ArrayGetItem(States.Array(1, 2), 2)`, `the index is 2`},
		{`States.ArrayGetItem(States.Array($.a, 2), 2)`, ``},
		{`States.ArrayGetItem(States.ArrayPartition($.a, 2), 3)`, ``},
		{`States.ArrayGetItem(States.Array(1, 2), States.MathRandom(0, 9))`, ``},
		{`States.Array(States.Hash(States.Format('{}', $.a), 'md5'))`, `the algorithm is "md5"`},
		{`States.MathAdd(2147483647, States.MathAdd(1, $.a))`, ``},
	} {
		call, err := Compile(c.src)
		if err != nil {
			t.Fatal(err)
		}
		got := errors.Join(call.Vet()...)
		if c.want == "" && got != nil || c.want != "" && (got == nil || !strings.Contains(got.Error(), c.want)) {
			t.Errorf("%s: got %v, want %q", c.src, got, c.want)
		}
	}
}

func TestPaths(t *testing.T) {
	call, err := Compile(`States.Format('{}{}', $.a[0], States.Array($$.Execution.Id, $v.x, 1))`)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range call.Paths() {
		got = append(got, p.String())
	}
	if s := strings.Join(got, " "); s != `$.a[0] $$.Execution.Id $v.x` {
		t.Errorf("got %s", s)
	}
	if call.Function() != "States.Format" {
		t.Errorf("got %s, want States.Format", call.Function())
	}
}

func TestIsCall(t *testing.T) {
	for src, want := range map[string]bool{`States.Format('a')`: true, ` States.Nope`: true, `$.States.x`: false, `states.UUID()`: false, ``: false} {
		if IsCall(src) != want {
			t.Errorf("IsCall(%q) = %v, want %v", src, !want, want)
		}
	}
}

func FuzzEval(f *testing.F) {
	for _, fn := range functions() {
		f.Add(fn.name+`($.a, $.b, false)`, `{"a":[1,2.5,"x",{"k":[null]}],"b":2}`)
		f.Add(fn.name+`($.a, 'MD5')`, `{"a":"\\{{}\\}"}`)
		f.Add(fn.name+`($.a)`, `{"a":"text {}"}`)
		f.Add(fn.name+`(1, 5, -3)`, `{}`)
	}
	f.Add(`States.Format('\{{}\'', States.StringToJson($$.Execution.Input))`, `"x"`)
	f.Fuzz(func(t *testing.T, src, text string) {
		c, err := Compile(src)
		if err != nil {
			return
		}
		c.Vet()
		input, err := document.Parse([]byte(text))
		if err != nil {
			return
		}
		v, err := c.Eval(over(input, nil))
		again, againErr := c.Eval(over(input, nil))
		if (err == nil) != (againErr == nil) {
			t.Fatalf("%s: %v, then %v", src, err, againErr)
		}
		if err == nil && string(document.Append(nil, v)) != string(document.Append(nil, again)) {
			t.Fatalf("%s is not the same twice", src)
		}
	})
}
