package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"millrace/cmd/internal/cli"
)

// The doors that bench measures are those of serve.
func TestBenchOverTheDoors(t *testing.T) {
	profile := filepath.Join(t.TempDir(), "cpu.pb")
	code, out, errs := do(t, "", "bench", "http", "--duration", "50ms", "--clients", "2", "--json", "--data", t.TempDir(), "--cpuprofile", profile)
	if code != cli.OK {
		t.Fatalf("code %d: %s", code, errs)
	}
	var r struct {
		Executions int64   `json:"executions"`
		Yardstick  float64 `json:"yardstick_per_s"`
		Ceiling    float64 `json:"ceiling_per_s"`
		Disk       float64 `json:"disk_bytes_per_execution"`
	}
	if err := json.Unmarshal([]byte(out), &r); err != nil || r.Executions < 1 || r.Yardstick <= 0 || r.Ceiling <= 0 || r.Disk < 0 {
		t.Errorf("got %s, %v", out, err)
	}
	if fi, err := os.Stat(profile); err != nil || fi.Size() == 0 {
		t.Errorf("the profile: %v", err)
	}
}

func TestBenchRefuses(t *testing.T) {
	for _, args := range [][]string{
		{"bench", "chain", "--clients", "-1"},
		{"bench", "waiting", "--executions", "-1"},
		{"bench", "chain", "--duration", "-1s"},
		{"bench"},
	} {
		if code, _, errs := do(t, "", args...); code != cli.Usage {
			t.Errorf("%v: code %d, %s, want %d", args, code, errs, cli.Usage)
		}
	}
	if code, _, errs := do(t, "", "bench", "chain", "--duration", "1ms", "--cpuprofile", t.TempDir()); code != cli.Failed || errs == "" {
		t.Errorf("a profile that cannot be written: code %d, %q", code, errs)
	}
}
