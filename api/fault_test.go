package api

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strings"
	"testing"

	"millrace/engine"
	"millrace/tasks"
)

func TestFaultOf(t *testing.T) {
	for _, c := range []struct {
		err     error
		subject string
		want    string
	}{
		{fmt.Errorf("start: %w", engine.ErrMachineNotFound), "m", "400 StateMachineDoesNotExist: State Machine Does Not Exist: 'm'"},
		{&engine.Fault{Kind: engine.ErrMachineExists, Detail: "n"}, "", "400 StateMachineAlreadyExists: State Machine Already Exists: 'n'"},
		{&engine.Fault{Kind: engine.ErrMachineExists, Detail: "n"}, "m", "400 StateMachineAlreadyExists: State Machine Already Exists: 'm'"},
		{&engine.Fault{Kind: engine.ErrVersionInUse, Detail: "used by %s"}, "m", "409 ConflictException: used by %s"},
		{&engine.Fault{Kind: engine.ErrInvalidToken, Detail: "n"}, "m", "400 InvalidToken: Invalid Token: 'Invalid token'"},
		{&tasks.Error{Code: "QueueDoesNotExist", Message: "no queue"}, "m", "400 QueueDoesNotExist: no queue"},
		{&tasks.Error{Code: "Busy", Message: "later", Status: 503}, "m", "503 Busy: later"},
		{fmt.Errorf("wrapped: %w", Faultf("X", "%d", 7)), "m", "400 X: 7"},
	} {
		f := FaultOf(c.err, c.subject)
		if f == nil {
			t.Errorf("%v: got nil, want %s", c.err, c.want)
		} else if got := fmt.Sprintf("%d %v", f.Status, f); got != c.want {
			t.Errorf("%v: got %s, want %s", c.err, got, c.want)
		}
	}
	for _, err := range []error{nil, errors.New("disk failed")} {
		if f := FaultOf(err, "m"); f != nil {
			t.Errorf("%v: got %v, want nil", err, f)
		}
	}
}

// TestEngineErrorsAreInTheTable looks for the engine's sentinels in its source: a
// new one that the table lacks would come out as a failure of the server.
func TestEngineErrorsAreInTheTable(t *testing.T) {
	inside := map[string]bool{"ErrUnknown": true, "ErrRecordExists": true} // between the engine and its store
	table, err := os.ReadFile("fault.go")
	if err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir("../engine")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), ".go") || strings.HasSuffix(f.Name(), "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), "../engine/"+f.Name(), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range parsed.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok || g.Tok != token.VAR {
				continue
			}
			for _, s := range g.Specs {
				for _, name := range s.(*ast.ValueSpec).Names {
					if !strings.HasPrefix(name.Name, "Err") || inside[name.Name] {
						continue
					}
					found++
					if !strings.Contains(string(table), "engine."+name.Name+",") {
						t.Errorf("the table of faults lacks engine.%s", name.Name)
					}
				}
			}
		}
	}
	if found == 0 {
		t.Error("the engine has no errors: the test looks in the wrong place")
	}
}
