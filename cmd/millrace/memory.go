package main

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// heapRoom is how many bytes the heap grows between two collections of garbage,
// at least. What lives is mostly small, since what waits leaves memory, and
// collecting each time that a few megabytes have doubled costs a tenth of the
// throughput.
const heapRoom = 48 << 20

// tuneHeap lets the heap have its room, unless the user has decided by GOGC or
// GOMEMLIMIT. It adapts to what is live after each collection.
func tuneHeap() {
	if os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	percent := 100
	var adapt func(struct{})
	adapt = func(struct{}) {
		metrics.Read(live)
		want := heapPercent(live[0].Value.Uint64())
		if want > percent+percent/4 || want < percent-percent/4 {
			percent = want
			debug.SetGCPercent(percent)
		}
		// The next collection finds this one unreachable.
		runtime.AddCleanup(new(any), adapt, struct{}{})
	}
	adapt(struct{}{})
}

// leastHeap is what the runtime takes to be alive of less, and multiplies by GOGC all
// the same: the first collection of all comes when that is full.
const leastHeap = 4 << 20

// heapPercent returns the GOGC under which a heap with so many bytes alive has its room.
func heapPercent(live uint64) int {
	return int(max(100, heapRoom*100/max(live, leastHeap)))
}
