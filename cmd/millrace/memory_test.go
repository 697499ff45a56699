package main

import "testing"

func TestHeapPercent(t *testing.T) {
	for _, c := range []struct {
		live uint64
		want int
	}{{0, 1200}, {1 << 20, 1200}, {4 << 20, 1200}, {16 << 20, 300}, {48 << 20, 100}, {1 << 30, 100}} {
		if got := heapPercent(c.live); got != c.want {
			t.Errorf("%d bytes alive: got %d%%, want %d%%", c.live, got, c.want)
		}
	}
}
