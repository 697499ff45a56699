package rest

import (
	"fmt"
	"math"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"
)

// exposed is a metric as the text format has it.
type exposed struct {
	kind    string
	help    string
	samples map[string]float64 // by name and labels as written
	order   []string
}

var (
	metricName = regexp.MustCompile(`^[a-zA-Z_:][a-zA-Z0-9_:]*$`)
	sampleLine = regexp.MustCompile(`^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*"\})? (\S+)$`)
)

// parseExposition reads the text exposition format, and holds it to what
// Prometheus asks for: HELP and TYPE once and before the samples, the samples
// of a metric together, each once, a line feed at the end.
func parseExposition(text string) (map[string]*exposed, error) {
	if !strings.HasSuffix(text, "\n") {
		return nil, fmt.Errorf("the last line has no end")
	}
	found := map[string]*exposed{}
	current := ""
	for n, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		fault := func(what string) error { return fmt.Errorf("line %d: %s: %q", n+1, what, line) }
		if rest, ok := strings.CutPrefix(line, "# HELP "); ok {
			name, help, _ := strings.Cut(rest, " ")
			if !metricName.MatchString(name) || help == "" || found[name] != nil {
				return nil, fault("bad help")
			}
			current = name
			found[name] = &exposed{help: help, samples: map[string]float64{}}
			continue
		}
		if rest, ok := strings.CutPrefix(line, "# TYPE "); ok {
			name, kind, _ := strings.Cut(rest, " ")
			m := found[name]
			if name != current || m == nil || m.kind != "" || len(m.samples) > 0 {
				return nil, fault("bad type")
			}
			switch kind {
			case "counter", "gauge", "histogram":
				m.kind = kind
			default:
				return nil, fault("unknown type")
			}
			continue
		}
		p := sampleLine.FindStringSubmatch(line)
		if p == nil {
			return nil, fault("no sample")
		}
		m := found[current]
		family := p[1]
		if m != nil && m.kind == "histogram" {
			for _, suffix := range []string{"_bucket", "_sum", "_count"} {
				if family == current+suffix {
					family = current
				}
			}
		}
		if m == nil || family != current || m.kind == "" {
			return nil, fault("a sample of another metric")
		}
		v, err := strconv.ParseFloat(p[3], 64)
		if err != nil {
			return nil, fault("no number")
		}
		if _, twice := m.samples[p[1]+p[2]]; twice {
			return nil, fault("a sample that was there before")
		}
		m.samples[p[1]+p[2]] = v
		m.order = append(m.order, p[1]+p[2])
	}
	return found, nil
}

func TestMetrics(t *testing.T) {
	runtime.GC() // before the first one no object is known to be in use
	w := ask(handler(newFake(1)), "GET", "/metrics", "")
	if got, want := w.Header().Get("Content-Type"), "text/plain; version=0.0.4; charset=utf-8"; w.Code != 200 || got != want {
		t.Fatalf("got %d %s, want 200 %s", w.Code, got, want)
	}
	found, err := parseExposition(w.Body.String())
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]float64{
		"millrace_executions_started_total":                   3,
		`millrace_executions_ended_total{status="SUCCEEDED"}`: 2,
		`millrace_executions_ended_total{status="TIMED_OUT"}`: 0,
		"millrace_transitions_total":                          7,
		"millrace_timer_lag_seconds":                          1.5,
		"millrace_store_database_bytes":                       4096,
		`millrace_commit_group_units_bucket{le="1"}`:          4,
		`millrace_commit_group_units_bucket{le="2"}`:          4,
		`millrace_commit_group_units_bucket{le="+Inf"}`:       5,
		"millrace_commit_group_units_sum":                     9,
		"millrace_commit_group_units_count":                   5,
		`millrace_commit_seconds_bucket{le="0.25"}`:           4,
		"millrace_commit_seconds_sum":                         0.1234,
	} {
		family, _, _ := strings.Cut(name, "{")
		for _, suffix := range []string{"_bucket", "_sum", "_count"} {
			family = strings.TrimSuffix(family, suffix)
		}
		m := found[family]
		if m == nil {
			t.Errorf("there is no %s", family)
			continue
		}
		if got, ok := m.samples[name]; !ok || got != want {
			t.Errorf("%s: got %v (%t), want %v", name, got, ok, want)
		}
	}
	for _, name := range []string{"go_goroutines", "go_gc_heap_live_bytes"} {
		if m := found[name]; m == nil || m.samples[name] < 1 {
			t.Errorf("%s: got %v, want at least 1", name, m)
		}
	}
}

// TestMetricNames holds the metrics to Prometheus's conventions, and histograms
// to buckets that rise.
func TestMetricNames(t *testing.T) {
	found, err := parseExposition(ask(handler(newFake(1)), "GET", "/metrics", "").Body.String())
	if err != nil {
		t.Fatal(err)
	}
	for name, m := range found {
		if !strings.HasPrefix(name, "millrace_") && !strings.HasPrefix(name, "go_") {
			t.Errorf("%s: want the prefix millrace_ or go_", name)
		}
		if got, want := strings.HasSuffix(name, "_total"), m.kind == "counter"; got != want {
			t.Errorf("%s: a %s, and _total is %t", name, m.kind, got)
		}
		if len(m.samples) == 0 || m.kind == "" || !strings.HasSuffix(m.help, ".") {
			t.Errorf("%s: got %d samples, type %q, help %q", name, len(m.samples), m.kind, m.help)
		}
		if m.kind != "histogram" {
			continue
		}
		bound, count := math.Inf(-1), 0.0
		for _, sample := range m.order {
			le, ok := strings.CutPrefix(sample, name+`_bucket{le="`)
			if !ok {
				continue
			}
			b, err := strconv.ParseFloat(strings.TrimSuffix(le, `"}`), 64)
			if err != nil || b <= bound || m.samples[sample] < count {
				t.Errorf("%s: comes after the bound %v with %v", sample, bound, count)
			}
			bound, count = b, m.samples[sample]
		}
		if !math.IsInf(bound, 1) || count != m.samples[name+"_count"] {
			t.Errorf("%s: the last bucket is %v with %v, want +Inf with %v", name, bound, count, m.samples[name+"_count"])
		}
	}
}

func TestBadExpositionIsFound(t *testing.T) {
	for name, text := range map[string]string{
		"no end":              "# HELP a A.\n# TYPE a gauge\na 1",
		"no type":             "# HELP a A.\na 1\n",
		"twice":               "# HELP a A.\n# TYPE a gauge\na 1\na 2\n",
		"of another":          "# HELP a A.\n# TYPE a gauge\nb 1\n",
		"no number":           "# HELP a A.\n# TYPE a gauge\na one\n",
		"an open label":       "# HELP a A.\n# TYPE a gauge\na{b=\"c} 1\n",
		"a bucket of a gauge": "# HELP a A.\n# TYPE a gauge\na_bucket{le=\"1\"} 1\n",
	} {
		if _, err := parseExposition(text); err == nil {
			t.Errorf("%s: got no fault", name)
		}
	}
}
