package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"testing"
	"time"
)

func TestWorkloads(t *testing.T) {
	for _, name := range Workloads() {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			err := Run(context.Background(), name, Options{Duration: 50 * time.Millisecond, Clients: 4, NoSync: true, JSON: true}, &out)
			if err != nil {
				t.Fatal(err)
			}
			var r Result
			if err := json.Unmarshal(out.Bytes(), &r); err != nil {
				t.Fatal(err)
			}
			if r.Executions == 0 || r.TransitionsPS <= 0 || r.YardstickPS <= 0 || r.P99 < r.P50 || r.BytesEach <= 0 {
				t.Errorf("a measurement is missing: %s", out.Bytes())
			}
		})
	}
}

func TestUnknownWorkload(t *testing.T) {
	if err := Run(context.Background(), "nothing", Options{}, new(bytes.Buffer)); err == nil {
		t.Error("no error")
	}
}
