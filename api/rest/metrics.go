package rest

import (
	"math"
	"net/http"
	"runtime"
	"runtime/metrics"
	"sort"
	"strconv"

	"millrace/engine"
	"millrace/engine/interp"
)

// metrics answers with the engine's figures and a few of the process, in
// Prometheus's text exposition format 0.0.4.
func (s *server) metrics(w http.ResponseWriter, r *http.Request) error {
	m := s.Engine.Metrics()
	var x exposition
	x.counter("millrace_executions_started_total", "Executions started by this process, children of map runs among them.", float64(m.Started))
	x.head("millrace_executions_ended_total", "counter", "Executions ended, by how.")
	ended := make([]string, 0, len(m.Ended))
	for status := range m.Ended {
		ended = append(ended, string(status))
	}
	sort.Strings(ended)
	for _, status := range ended {
		x.sample("millrace_executions_ended_total", "status", status, float64(m.Ended[interp.Status(status)]))
	}
	x.counter("millrace_executions_redriven_total", "Executions that went on after RedriveExecution.", float64(m.Redriven))
	x.counter("millrace_transitions_total", "States entered.", float64(m.Transitions))

	x.gauge("millrace_executions_resident", "Executions in memory; others that run wait on disk.", float64(m.Resident))
	x.gauge("millrace_executions_resident_bytes", "Memory of resident executions that wait, about.", float64(m.ResidentBytes))
	x.gauge("millrace_executions_runnable", "Executions that wait for a worker.", float64(m.Runnable))

	x.gauge("millrace_commit_queue_units", "Units that wait to be committed.", float64(m.CommitQueue))
	x.histogram("millrace_commit_group_units", "Units committed together.", m.CommitUnits)
	x.histogram("millrace_commit_seconds", "Time that a group took to be written and synced.", m.CommitTime)
	x.gauge("millrace_timer_lag_seconds", "How late the earliest deadline is that has not fired; 0 when none is late.", m.TimerLag.Seconds())

	x.gauge("millrace_calls_active", "Remote calls under way.", float64(m.CallsActive))
	x.gauge("millrace_calls_waiting", "Remote calls in memory that wait for their turn.", float64(m.CallsWaiting))
	x.gauge("millrace_calls_claimed", "Remote calls of the outbox that this process sees to.", float64(m.CallsClaimed))

	if m.DatabaseBytes >= 0 {
		x.gauge("millrace_store_database_bytes", "Size of the database on disk.", float64(m.DatabaseBytes))
		x.gauge("millrace_store_log_bytes", "Size of the write-ahead log on disk.", float64(m.LogBytes))
	}
	x.process()
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(len(x.text)))
	_, _ = w.Write(x.text) // a client that is gone needs no answer
	return nil
}

// exposition is text in the exposition format that is being written.
type exposition struct{ text []byte }

// head writes what comes before the samples of a metric.
func (x *exposition) head(name, kind, help string) {
	x.text = append(x.text, "# HELP "+name+" "+help+"\n# TYPE "+name+" "+kind+"\n"...)
}

// sample writes a value. label "" is none; a label's value is one of ours and needs no escapes.
func (x *exposition) sample(name, label, of string, v float64) {
	x.text = append(x.text, name...)
	if label != "" {
		x.text = append(x.text, "{"+label+`="`+of+`"}`...)
	}
	x.text = append(append(append(x.text, ' '), number(v)...), '\n')
}

// number is a value as the format has it.
func number(v float64) string {
	if math.IsInf(v, 1) {
		return "+Inf"
	}
	if v == math.Trunc(v) && math.Abs(v) < 1<<53 {
		return strconv.FormatInt(int64(v), 10)
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}

func (x *exposition) counter(name, help string, v float64) {
	x.head(name, "counter", help)
	x.sample(name, "", "", v)
}

func (x *exposition) gauge(name, help string, v float64) {
	x.head(name, "gauge", help)
	x.sample(name, "", "", v)
}

// histogram writes a histogram, whose buckets hold all values up to their bound.
func (x *exposition) histogram(name, help string, h engine.Histogram) {
	x.head(name, "histogram", help)
	count := uint64(0)
	for i, n := range h.Counts {
		count += n
		bound := math.Inf(1)
		if i < len(h.Bounds) {
			bound = h.Bounds[i]
		}
		x.sample(name+"_bucket", "le", number(bound), float64(count))
	}
	x.sample(name+"_sum", "", "", h.Sum)
	x.sample(name+"_count", "", "", float64(count))
}

// process writes what Go's runtime knows of the process.
func (x *exposition) process() {
	x.head("go_info", "gauge", "Version of Go.")
	x.sample("go_info", "version", runtime.Version(), 1)
	figures := [...]struct{ of, name, kind, help string }{
		{"/sched/goroutines:goroutines", "go_goroutines", "gauge", "Goroutines."},
		{"/sched/gomaxprocs:threads", "go_sched_gomaxprocs_threads", "gauge", "Threads that run Go code at a time."},
		{"/memory/classes/heap/objects:bytes", "go_memory_classes_heap_objects_bytes", "gauge", "Memory of objects, in use or not swept yet."},
		{"/gc/heap/live:bytes", "go_gc_heap_live_bytes", "gauge", "Memory of objects that the last garbage collection found in use."},
		{"/memory/classes/total:bytes", "go_memory_classes_total_bytes", "gauge", "Memory that Go has of the system; what SQLite has is not in it."},
		{"/gc/heap/allocs:bytes", "go_gc_heap_allocs_bytes_total", "counter", "Memory allocated."},
		{"/gc/cycles/total:gc-cycles", "go_gc_cycles_total", "counter", "Garbage collections."},
	}
	var samples [len(figures)]metrics.Sample
	for i := range figures {
		samples[i].Name = figures[i].of
	}
	metrics.Read(samples[:])
	for i, f := range figures {
		if samples[i].Value.Kind() != metrics.KindUint64 {
			continue // this Go does not have it
		}
		x.head(f.name, f.kind, f.help)
		x.sample(f.name, "", "", float64(samples[i].Value.Uint64()))
	}
}
