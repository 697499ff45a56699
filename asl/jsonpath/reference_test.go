package jsonpath

import (
	"errors"
	"strings"
	"testing"

	"millrace/asl/document"
)

func TestReferenceSet(t *testing.T) {
	for _, c := range []struct{ path, root, want string }{
		{`$`, `{"a":1}`, `"new"`},
		{`$.a`, `{"a":1,"b":2}`, `{"a":"new","b":2}`},
		{`$.b`, `{"a":1}`, `{"a":1,"b":"new"}`},
		{`$['a b']`, `{}`, `{"a b":"new"}`},
		{`$.x.y.z`, `{"a":1}`, `{"a":1,"x":{"y":{"z":"new"}}}`},
		{`$.a.y`, `{"a":{"x":1}}`, `{"a":{"x":1,"y":"new"}}`},
		{`$.list[1]`, `{"list":[1,2,3]}`, `{"list":[1,"new",3]}`},
		{`$.list[0].x.y`, `{"list":[{"x":{}}]}`, `{"list":[{"x":{"y":"new"}}]}`},
		{`$[0]`, `[1]`, `["new"]`},
	} {
		r, err := CompileReference(c.path)
		if err != nil {
			t.Errorf("CompileReference(%s): %v", c.path, err)
			continue
		}
		root := parse(t, c.root)
		v, err := r.Set(root, "new")
		if err != nil {
			t.Errorf("%s on %s: %v", c.path, c.root, err)
			continue
		}
		if got := string(document.Append(nil, v)); got != c.want {
			t.Errorf("%s on %s = %s, want %s", c.path, c.root, got, c.want)
		}
		if got := string(document.Append(nil, root)); got != c.root {
			t.Errorf("%s changed %s into %s", c.path, c.root, got)
		}
	}
}

func TestReferenceSetRefuses(t *testing.T) {
	for _, c := range []struct{ path, root, reason string }{
		{`$.a`, `"text"`, `$ is no object but a string`},
		{`$.a`, `[1]`, `$ is no object but an array`},
		{`$.a`, `null`, `$ is no object but null`},
		{`$.a.b`, `{"a":5}`, `$['a'] is no object but a number`},
		{`$.a.b`, `{"a":null}`, `$['a'] is no object but null`},
		{`$.a[0]`, `{"a":{}}`, `$['a'] is no array but an object`},
		{`$.a[2]`, `{"a":[1,2]}`, `$['a'] has 2 elements, there is no index 2`},
		{`$.a[0]`, `{}`, `$['a'] is missing`},
	} {
		r, err := CompileReference(c.path)
		if err != nil {
			t.Fatal(err)
		}
		v, err := r.Set(parse(t, c.root), "new")
		var refused *SetError
		if !errors.As(err, &refused) || !strings.Contains(refused.Reason, c.reason) {
			t.Errorf("%s on %s = %v, %v, want %s", c.path, c.root, v, err, c.reason)
		}
	}
}

func TestReferenceSetShares(t *testing.T) {
	root := parse(t, `{"a":{"deep":[1,2,3]},"b":{}}`).(*document.Object)
	r, err := CompileReference(`$.b.c`)
	if err != nil {
		t.Fatal(err)
	}
	v, err := r.Set(root, true)
	if err != nil {
		t.Fatal(err)
	}
	before, _ := root.Get("a")
	after, _ := v.(*document.Object).Get("a")
	if before.(*document.Object) != after.(*document.Object) {
		t.Error("$.a was copied, want it shared")
	}
}

func TestCompileReferenceRefuses(t *testing.T) {
	for _, src := range []string{`$[-1]`, `$.a[*]`, `$..a`, `$.a[1:]`, `$['a','b']`, `$[0,1]`, `$.a[?(@.b)]`, `a.b`} {
		if r, err := CompileReference(src); err == nil {
			t.Errorf("CompileReference(%s) = %v, want an error", src, r)
		}
	}
	for _, src := range []string{`$`, `$.a.b`, `$['a'][0]`, `$$.x`, `$v.x[2]`} {
		if _, err := CompileReference(src); err != nil {
			t.Errorf("CompileReference(%s): %v", src, err)
		}
	}
}
