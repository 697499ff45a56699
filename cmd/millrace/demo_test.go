package main

import (
	"encoding/json"
	"path/filepath"
	"regexp"
	"testing"

	"millrace/cmd/internal/cli"
	"millrace/cmd/internal/demo"
)

// The demo checks what it did itself; here it must have done all of it, on a new
// state and on one that has seen it before.
func TestDemo(t *testing.T) {
	data := filepath.Join(t.TempDir(), "state")
	for _, what := range []string{"a new state", "the same state again"} {
		code, out, errs := do(t, "", "demo", "--once", "--json", "--data", data, "--listen", "127.0.0.1:0", "--aws-listen", "127.0.0.1:0")
		if code != cli.OK {
			t.Fatalf("%s: exit code %d\n%s", what, code, errs)
		}
		var r demo.Report
		if err := json.Unmarshal([]byte(out), &r); err != nil {
			t.Fatalf("%s: %v in %s", what, err, out)
		}
		prefixes := []string{
			`2026/03/21/16/c0a8f3d2-61b7-4c1e-8f2b-7f3a9d5e1b01/5b1f9f0e-2f0c-4f7e-9a55-0d8c1f6f2a11`,
			`2026/03/21/16/d1b9e4c3-72c8-4d2f-9a3c-8a4bae6f2c02/0f6d7a34-7c55-4b0b-9d3c-3c7f1b9f2a12`,
			`2026/03/21/23/e2cafd54-83d9-4e30-8b4d-9b5cbf7a3d03/9a2c1b45-8d66-4c1c-8e4d-4d8a2c0a3b13`,
			`2026/03/22/07/f3db0e65-94ea-4f41-9c5e-ac6dca8b4e04/ab3d2c56-9e77-4d2d-9f5e-5e9b3d1b4c14`,
			`2026/03/22/8:/a4ec1f76-a5fb-4052-8d6f-bd7edb9c5f05/bc4e3d67-af88-4e3e-8a6f-6fac4e2c5d15`,
		}
		if len(r.Visits) != len(prefixes) {
			t.Fatalf("%s: %d visits, want %d", what, len(r.Visits), len(prefixes))
		}
		for i, v := range r.Visits {
			want := regexp.MustCompile(`^s3://product-visits-datalake/data/` + prefixes[i] + `/[0-9a-f-]{36}\.csv$`)
			if !want.MatchString(v.Object) {
				t.Errorf("%s: %s is in %s, want %s", what, v.Visit, v.Object, want)
			}
		}
		if !r.Alert.Answered || r.Alert.Notification == "" {
			t.Errorf("%s: the alert is %+v, want it notified and answered", what, r.Alert)
		}
	}
}
