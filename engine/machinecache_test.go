package engine

import (
	"testing"
)

// What is compiled is kept in so many bytes, whatever it is and however often.
func TestCompiledDefinitionsAreBounded(t *testing.T) {
	e := &Engine{}
	c := &e.machines
	c.init()
	sum := func() (n int) {
		for _, d := range c.compiled {
			n += d.size
		}
		return n
	}
	for i := range 2 * cachedDefinitions / (compiledBase + compiledShare*4000) {
		e.keepCompiled(int64(i), nil, 4000)
		e.keepCompiled(int64(i), nil, 4000) // again: it counts once
		if c.bytes != sum() || c.bytes > cachedDefinitions {
			t.Fatalf("after %d: %d bytes are counted, %d are kept", i, c.bytes, sum())
		}
	}
	if len(c.compiled) == 0 {
		t.Fatal("nothing is kept")
	}
	for id := range c.compiled {
		c.deleting[id] = true
		c.removed(id, id)
	}
	if c.bytes != 0 || len(c.compiled) != 0 {
		t.Errorf("of machines that are gone is left: %d bytes, %v", c.bytes, c.compiled)
	}
}

// Machines that are gone are remembered for a while.
func TestGoneMachinesAreBounded(t *testing.T) {
	var c machines
	c.init()
	const last = 3 * goneMachines
	for id := int64(1); id <= last; id++ {
		c.deleting[id] = true
		c.removed(id, 0)
	}
	if len(c.deleting) != goneMachines || len(c.gone) != goneMachines || !c.isDeleting(last) {
		t.Errorf("%d of %d are remembered, the last: %v", len(c.deleting), last, c.isDeleting(last))
	}
}
