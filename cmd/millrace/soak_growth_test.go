package main

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// sample is what a server takes at one moment.
type sample struct {
	at         time.Duration
	resident   int64 // bytes of memory that the system gave the process
	heap       int64 // bytes of objects that the last garbage collection found in use
	goroutines int64
	files      int64 // open file descriptors
	database   int64 // bytes
	log        int64 // bytes
}

func (s sample) String() string {
	return fmt.Sprintf("%8s  rss %4d MiB  heap %6.2f MiB  goroutines %4d  files %3d  database %6.2f MiB  log %6.2f MiB",
		s.at.Round(time.Second), s.resident>>20, mib(s.heap), s.goroutines, s.files, mib(s.database), mib(s.log))
}

func mib(n int64) float64 { return float64(n) / (1 << 20) }

// figures are what must not grow, each with what it may vary by beside a share.
var soakFigures = []struct {
	name  string
	of    func(sample) int64
	share float64
	spare int64
}{
	{"resident memory", func(s sample) int64 { return s.resident }, 0.15, 16 << 20},
	{"heap in use", func(s sample) int64 { return s.heap }, 0.15, 3 << 20},
	{"goroutines", func(s sample) int64 { return s.goroutines }, 0.10, 8},
	{"open files", func(s sample) int64 { return s.files }, 0.10, 8},
	{"database", func(s sample) int64 { return s.database }, 0.15, 16 << 20},
}

// median of a figure over the samples from one sixth of the time to the next.
func median(samples []sample, sixth int, of func(sample) int64) int64 {
	var all []int64
	for _, s := range samples[len(samples)*(sixth-1)/6 : len(samples)*sixth/6] {
		all = append(all, of(s))
	}
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return all[len(all)/2]
}

// grown tells which figures were higher in the last sixth of the time than in the
// second: in the first what is kept for later fills up.
func grown(samples []sample) (all []string) {
	for _, f := range soakFigures {
		then, now := median(samples, 2, f.of), median(samples, 6, f.of)
		if now > then+int64(float64(then)*f.share)+f.spare {
			all = append(all, fmt.Sprintf("%s grew from %d to %d", f.name, then, now))
		}
	}
	return all
}

func TestGrown(t *testing.T) {
	steady := func(i int) sample {
		return sample{resident: 100<<20 + int64(i%7)<<20, heap: 20<<20 + int64(i%5)<<20, goroutines: 60 + int64(i%9), files: 30 + int64(i%4), database: 50<<20 + int64(i%3)<<20}
	}
	for name, c := range map[string]struct {
		change func(i int, s *sample)
		want   int
	}{
		"nothing":                     {func(int, *sample) {}, 0},
		"a start that fills up":       {func(i int, s *sample) { s.resident -= max(0, int64(60-i)) << 20 }, 0},
		"one that is out of the way":  {func(i int, s *sample) { s.heap += int64(i/359) << 30 }, 0},
		"a heap that leaks":           {func(i int, s *sample) { s.heap += int64(i) * 40 << 10 }, 1},
		"goroutines that leak":        {func(i int, s *sample) { s.goroutines += int64(i) / 10 }, 1},
		"files that leak":             {func(i int, s *sample) { s.files += int64(i) / 20 }, 1},
		"memory beside the heap":      {func(i int, s *sample) { s.resident += int64(i) * 200 << 10 }, 1},
		"a database never pruned":     {func(i int, s *sample) { s.database += int64(i) << 20 }, 1},
		"a leak that shows only late": {func(i int, s *sample) { s.goroutines += max(0, int64(i-250)) }, 1},
	} {
		var samples []sample
		for i := range 360 {
			s := steady(i)
			c.change(i, &s)
			samples = append(samples, s)
		}
		if got := grown(samples); len(got) != c.want {
			t.Errorf("%s: got %q, want %d", name, got, c.want)
		}
	}
}
