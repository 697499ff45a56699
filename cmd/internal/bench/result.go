package bench

import (
	"fmt"
	"io"
	"runtime"
)

// Result is what a run measured. A transition is a state entered. What a workload
// does not measure is left out of its JSON.
type Result struct {
	Workload      string   `json:"workload"`
	Settings      Settings `json:"settings"`
	TransitionsPS float64  `json:"transitions_per_s"`
	ExecutionsPS  float64  `json:"executions_per_s"`
	YardstickPS   float64  `json:"yardstick_per_s"`            // transitions per second; of http requests
	CeilingPS     float64  `json:"ceiling_per_s,omitempty"`    // as the yardstick
	Share         float64  `json:"share_of_yardstick"`         // transitions by the yardstick's
	P50           float64  `json:"p50_ms"`                     // of an execution from start to end; of waiting, timers and http of a start
	P99           float64  `json:"p99_ms"`                     // as p50
	YardstickP50  float64  `json:"yardstick_p50_ms,omitempty"` // of one transaction
	YardstickP99  float64  `json:"yardstick_p99_ms,omitempty"`
	Executions    int64    `json:"executions"`
	Groups        int      `json:"groups,omitempty"`          // transactions
	UnitsPerGroup float64  `json:"units_per_group,omitempty"` // commits a transaction
	DiskEach      float64  `json:"disk_bytes_per_execution"`
	PayloadEach   float64  `json:"payload_bytes_per_execution,omitempty"` // that were written, some over others, without the store's own
	MemoryEach    float64  `json:"memory_bytes_per_execution"`            // of the heap that stay in use
	ResidentEach  float64  `json:"resident_bytes_per_execution"`          // by which the process grew; 0 where the system does not tell
	AllocatedEach float64  `json:"allocated_bytes_per_execution"`         // that come and go

	*Restart
}

// Settings are the circumstances of a run.
type Settings struct {
	Store       string `json:"store"`
	Synchronous string `json:"synchronous"` // SQLite's: FULL or OFF
	Clients     int    `json:"clients"`
	Duration    string `json:"duration,omitempty"` // "10s"; "": as long as it takes
	States      int    `json:"states"`             // that an execution enters
	Procs       int    `json:"GOMAXPROCS"`
	Go          string `json:"go"`
	OS          string `json:"os"`
}

// Restart is what is measured of executions that wait, most of it after a restart.
type Restart struct {
	StartsPS    float64 `json:"starts_per_s"`
	YardstickPS float64 `json:"yardstick_starts_per_s"`
	Ready       float64 `json:"ready_ms"`            // from opening the store to the first answer
	Oldest      float64 `json:"oldest_ms,omitempty"` // from its token to the end of the oldest execution
	Due         float64 `json:"due_ms,omitempty"`    // from opening the store to the end of those that were due meanwhile
	Lag         float64 `json:"lag_ms,omitempty"`    // from the time that the next ones wait for to their end, at most
}

func newResult(w *workload, o Options) *Result {
	r := &Result{Workload: w.name, Settings: Settings{
		Store: "sqlite", Synchronous: "FULL", Clients: o.Clients, Duration: o.Duration.String(), States: w.transitions,
		Procs: runtime.GOMAXPROCS(0), Go: runtime.Version(), OS: runtime.GOOS + "/" + runtime.GOARCH,
	}}
	if o.NoSync {
		r.Settings.Synchronous = "OFF"
	}
	return r
}

// print writes the result for people.
func (r *Result) print(w *workload, out io.Writer) {
	s := r.Settings
	line := func(figure float64, decimals int, format string, args ...any) {
		fmt.Fprintf(out, "  %12.*f %s\n", decimals, figure, fmt.Sprintf(format, args...))
	}
	duration := ""
	if s.Duration != "" {
		duration = s.Duration + ", "
	}
	fmt.Fprintf(out, "%s: %d executions of %d states, %d clients, %ssynchronous=%s, GOMAXPROCS=%d, %s %s\n",
		r.Workload, r.Executions, s.States, s.Clients, duration, s.Synchronous, s.Procs, s.Go, s.OS)
	unit := w.unit
	if unit == "" {
		unit = "transitions/s"
	}
	line(r.TransitionsPS, 0, "transitions/s   %.0f executions/s", r.ExecutionsPS)
	line(r.YardstickPS, 0, "%-13s   %s: this is %.2f of it", unit, w.yardstick, r.Share)
	if r.CeilingPS != 0 {
		line(r.CeilingPS, 0, "%-13s   %s", unit, w.ceiling)
	}
	line(r.P50, 2, "ms p50          %.2f ms p99, %s", r.P99, w.timed)
	if r.YardstickP50 != 0 {
		line(r.YardstickP50, 2, "ms p50          %.2f ms p99, a transaction of the yardstick", r.YardstickP99)
	}
	if p := r.Restart; p != nil {
		line(p.Ready, 1, "ms ready        after a restart, from opening the store to the first answer")
		if p.Oldest != 0 {
			line(p.Oldest, 1, "ms oldest       after the restart, from its token to the end of the oldest execution")
		} else {
			line(p.Due, 1, "ms due          after the restart, from opening the store to the end of those that were due meanwhile")
			line(p.Lag, 1, "ms lag          after the restart, from the time that the next ones wait for to their end")
		}
	}
	if r.PayloadEach == 0 {
		line(r.DiskEach, 0, "bytes on disk   an execution")
	} else {
		line(r.DiskEach, 0, "bytes on disk   an execution; %.0f were written without the store's own", r.PayloadEach)
	}
	line(r.MemoryEach, 0, "bytes of heap   an execution; the process grew by %.0f, %.0f were allocated and freed", r.ResidentEach, r.AllocatedEach)
	if r.Groups != 0 {
		line(r.UnitsPerGroup, 1, "commits a group %d groups", r.Groups)
	}
}
