// Package millrace_test holds the tests that look at the whole tree.
package millrace_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// rule says what the packages below a folder may import. The first rule whose
// folder holds a package is the package's.
type rule struct {
	folder string
	own    []string // packages of this module: "asl" allows asl and what is below it, "=engine" engine alone
	std    []string // packages of the standard library that are refused, with what is below them
}

// rules are the arrows of the layout: asl, then the interpreter, the engine, the
// stores, tasks, integrations, api, cmd. Each may import what stands before it.
// "." in own stands for the package's own folder at the rule's depth.
var rules = []rule{
	{"asl", []string{"asl"}, []string{"context", "database/sql", "net", "os", "io/fs", "math/rand"}},
	{"engine/interp", []string{"asl", "engine/interp"}, []string{"context", "crypto/rand", "database/sql", "io/fs", "log", "math/rand", "net", "os", "runtime", "sync", "syscall"}},
	{"engine/teststate", []string{"asl", "engine/interp", "engine/teststate"}, []string{"context", "crypto/rand", "database/sql", "io/fs", "log", "math/rand", "net", "os", "runtime", "sync", "syscall"}},
	{"engine/sqlite", []string{"asl", "=engine", "engine/interp", "engine/sqlite"}, []string{"net/http"}},
	{"engine/postgres", []string{"asl", "=engine", "engine/interp", "engine/postgres"}, []string{"net/http"}},
	{"engine/storetest", []string{"asl", "=engine", "engine/interp", "engine/storetest"}, []string{"net/http"}},
	{"engine/leaktest", nil, nil}, // the end of every package's tests
	{"engine/flowtest", []string{"asl", "engine", "tasks"}, []string{"net/http"}},
	{"engine", []string{"asl", "=engine", "engine/interp"}, []string{"database/sql", "net", "os"}},
	{"tasks", []string{"asl", "=engine", "engine/interp", "tasks"}, []string{"database/sql"}},
	{"integrations/wire/hosttest", []string{"asl", "=engine", "engine/interp", "tasks", "integrations/wire"}, nil}, // a host for tests, on any database
	{"integrations/wire", []string{"asl", "=engine", "engine/interp", "tasks", "integrations/wire"}, []string{"database/sql"}},
	{"integrations", []string{"asl", "=engine", "engine/interp", "tasks", "integrations/wire", "."}, nil},
	{"api", []string{"asl", "=engine", "engine/interp", "engine/teststate", "tasks", "integrations/wire", "api"}, []string{"database/sql"}},
	{"cmd", []string{"asl", "engine", "tasks", "integrations", "api", "cmd", "workflows"}, nil},
	{"workflows", []string{"asl", "workflows", "integrations/function/runtime"}, nil}, // functions of theirs speak the Runtime API
}

const module = "millrace"

// forTests is the one dependency that no program may contain.
const forTests = "github.com/dop251/goja"

func TestImportsPointOneWay(t *testing.T) {
	packages := 0
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && name != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || d.Name() == "node_modules") {
			return fs.SkipDir
		}
		// Tests may name any store and integration.
		if d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		packages++
		checkFile(t, filepath.ToSlash(name))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if packages == 0 {
		t.Fatal("no package was found: the test does not run in the module's root")
	}
}

func checkFile(t *testing.T, name string) {
	folder := path.Dir(name)
	i := slices.IndexFunc(rules, func(r rule) bool { return within(folder, r.folder) })
	if i < 0 {
		t.Errorf("%s: no rule says what %s may import", name, folder)
		return
	}
	r := rules[i]
	f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	for _, spec := range f.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if own, ok := strings.CutPrefix(imported, module+"/"); ok {
			if !r.allows(folder, own) {
				t.Errorf("%s imports %s: %s may import only %v", name, own, r.folder, r.own)
			}
			continue
		}
		if within(imported, forTests) {
			t.Errorf("%s imports %s, which is for tests alone", name, imported)
		}
		for _, refused := range r.std {
			if within(imported, refused) {
				t.Errorf("%s imports %s, which %s must not", name, imported, r.folder)
			}
		}
	}
	if within(folder, "engine/interp") || within(folder, "engine/teststate") {
		clockless(t, name, f)
	}
}

// allows reports whether a package in folder may import own.
func (r rule) allows(folder, own string) bool {
	for _, a := range r.own {
		if a == "." {
			first, _, _ := strings.Cut(strings.TrimPrefix(folder, r.folder+"/"), "/")
			a = path.Join(r.folder, first)
		}
		if exact, ok := strings.CutPrefix(a, "="); ok && own == exact || !ok && within(own, a) {
			return true
		}
	}
	return false
}

// within reports whether p is folder or below it.
func within(p, folder string) bool { return p == folder || strings.HasPrefix(p, folder+"/") }

// clockless refuses a look at the clock: in the interpreter time is an argument.
func clockless(t *testing.T, name string, f *ast.File) {
	ast.Inspect(f, func(n ast.Node) bool {
		s, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if x, ok := s.X.(*ast.Ident); ok && x.Name == "time" && slices.Contains([]string{"Now", "Since", "Until", "After", "Sleep", "NewTimer", "NewTicker", "Tick", "AfterFunc"}, s.Sel.Name) {
			t.Errorf("%s uses time.%s: in the interpreter time is an argument", name, s.Sel.Name)
		}
		return true
	})
}

func TestRulesTellRightFromWrong(t *testing.T) {
	for _, c := range []struct {
		folder, imports string
		want            bool
	}{
		{"asl/jsonpath", "asl/document", true},
		{"asl", "engine/interp", false},
		{"engine/interp", "engine", false},
		{"engine", "engine/sqlite", false},
		{"engine/sqlite", "engine", true},
		{"tasks", "engine/sqlite", false},
		{"integrations/queue", "tasks", true},
		{"integrations/queue", "integrations/queue/sql", true},
		{"integrations/queue", "integrations/table", false},
		{"integrations/wire", "integrations/queue", false},
		{"api/rest", "engine", true},
		{"api/rest", "integrations/approval", false},
		{"api", "engine/sqlite", false},
		{"cmd/millrace", "engine/sqlite", true},
	} {
		i := slices.IndexFunc(rules, func(r rule) bool { return within(c.folder, r.folder) })
		if got := rules[i].allows(c.folder, c.imports); got != c.want {
			t.Errorf("%s imports %s: allowed is %v, want %v", c.folder, c.imports, got, c.want)
		}
	}
}
