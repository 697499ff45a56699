package interp_test

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"millrace/asl"
	"millrace/engine/interp/golden"
)

var update = flag.Bool("update", false, "rewrite the golden executions")

func (w *world) Waiting() ([]golden.Waiting, error) {
	var list []golden.Waiting
	for _, e := range w.outstanding() {
		list = append(list, golden.Waiting{Event: e, State: w.waiting[e].State})
	}
	return list, nil
}

func TestGoldenExecutions(t *testing.T) {
	files, err := filepath.Glob("../../testdata/executions/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden executions: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			a, err := golden.Parse(data)
			if err != nil {
				t.Fatal(err)
			}
			m, diagnostics := asl.Parse([]byte(a.Definition), asl.Options{})
			if m == nil {
				t.Fatalf("definition: %v", diagnostics)
			}
			history, result, err := golden.Play(a, newWorld(m, a.Input, false))
			if err != nil {
				t.Fatal(err)
			}
			if *update {
				a.History, a.Result = history, result
				if err := os.WriteFile(file, a.Format(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if got, want := history, a.History; got != want {
				t.Errorf("history:\n%s", difference(got, want))
			}
			if got, want := result, a.Result; got != want {
				t.Errorf("result: got %s want %s", got, want)
			}
			history, result, err = golden.Play(a, newWorld(m, a.Input, true))
			if err != nil {
				t.Fatalf("with restarts: %v", err)
			}
			if got, want := history, a.History; got != want {
				t.Errorf("history with restarts:\n%s", difference(got, want))
			}
			if got, want := result, a.Result; got != want {
				t.Errorf("result with restarts: got %s want %s", got, want)
			}
		})
	}
}
