package asl

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"testing"
)

// TestDescribe holds that each code is described.
func TestDescribe(t *testing.T) {
	f, err := parser.ParseFile(token.NewFileSet(), "codes.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	ast.Inspect(f, func(node ast.Node) bool {
		v, ok := node.(*ast.ValueSpec)
		if !ok {
			return true
		}
		code, err := strconv.Unquote(v.Values[0].(*ast.BasicLit).Value)
		if err != nil {
			t.Fatal(err)
		}
		if n++; Describe(code) == "" {
			t.Errorf("%s is not described", code)
		}
		return true
	})
	if n != len(descriptions()) {
		t.Errorf("%d codes, %d descriptions", n, len(descriptions()))
	}
}
