package bench

import (
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"time"
)

// tally adds up turns.
type tally struct {
	executions float64
	took       time.Duration
	times      []time.Duration
	allocated  float64 // bytes
	heap, proc float64 // bytes before the first turn
}

// begin notes what is in memory before the first turn.
func (t *tally) begin() { t.heap, t.proc = memory() }

// measure lets the clients do their work.
func (t *tally) measure(clients int, one func(int) (bool, error)) error {
	before := allocated()
	took, times, err := load(clients, one)
	if err != nil {
		return err
	}
	t.allocated += allocated() - before
	t.took += took
	t.times = append(t.times, times...)
	t.executions += float64(len(times))
	return nil
}

// result makes a result of the turns, but for what is on disk and the yardstick.
// It forgets the times, which would count as memory.
func (t *tally) result(w *workload, o Options) *Result {
	r := newResult(w, o)
	n := t.executions
	r.Executions = int64(n)
	r.ExecutionsPS = n / t.took.Seconds()
	r.TransitionsPS = r.ExecutionsPS * float64(w.transitions)
	r.P50, r.P99 = quantile(t.times, 0.5), quantile(t.times, 0.99)
	t.times = nil
	heap, proc := memory()
	r.MemoryEach, r.ResidentEach, r.AllocatedEach = (heap-t.heap)/n, (proc-t.proc)/n, t.allocated/n
	return r
}

// memory returns the bytes of the heap that are in use and, where the system
// tells, those of the process that are in memory, with the garbage gone.
func memory() (heap, resident float64) {
	runtime.GC()
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc), residentBytes()
}

// allocated returns the bytes of the heap that were ever in use.
func allocated() float64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.TotalAlloc)
}

// residentBytes returns the bytes of the process in memory; 0 where /proc does not tell.
func residentBytes() float64 {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(text), "VmRSS:")
	line, _, _ := strings.Cut(rest, "kB")
	kb, err := strconv.ParseFloat(strings.TrimSpace(line), 64)
	if err != nil {
		return 0
	}
	return kb * 1024
}
