package bench

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// measureStored measures executions that run to their end and are stored.
func measureStored(ctx context.Context, w *workload, o Options) (r *Result, err error) {
	y, err := newYardstick(ctx, w, o)
	if err != nil {
		return nil, fmt.Errorf("yardstick: %w", err)
	}
	defer func() { err = errors.Join(err, y.close()) }()
	g, err := newRig(ctx, w, o, nil)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, g.Close()) }()
	one := func(int) error { return g.run(ctx, w.input) }
	// A turn to warm up: caches, the size of the heap, the length of the groups.
	if _, _, err = load(o.Clients, during(min(turn, o.Duration), one)); err != nil {
		return nil, err
	}
	var t tally
	size := g.db.Size()
	t.begin()
	for t.took < o.Duration {
		if err := t.turn(ctx, g, y, o.Clients, during(min(turn, o.Duration-t.took), one)); err != nil {
			return nil, err
		}
	}
	g.rec.forget()
	r = t.result(w, o)
	r.DiskEach = float64(g.db.Size()-size) / t.executions
	return r, nil
}

// tally adds up turns of an engine and its yardstick.
type tally struct {
	executions            float64
	took, commits, lumps  time.Duration // the engine, the yardstick, its ceiling
	times, each           []time.Duration
	groups, units         int
	payload               float64
	allocated, heap, proc float64
}

// begin notes what is in memory before the first turn.
func (t *tally) begin() { t.heap, t.proc = memory() }

// turn lets the clients do their work and the yardstick repeat what was committed.
func (t *tally) turn(ctx context.Context, g *rig, y *yardstick, clients int, one func(int) (bool, error)) error {
	before := allocated()
	g.rec.reset(true)
	took, times, err := load(clients, one)
	t.allocated += allocated() - before
	if err != nil {
		return err
	}
	t.took += took
	t.times = append(t.times, times...)
	t.executions += float64(len(times))
	t.groups += g.rec.groups
	t.units += len(g.rec.commits)
	for i := range g.rec.commits {
		t.payload += float64(g.rec.commits[i].bytes())
	}
	p, err := y.repeat(ctx, g.rec.commits)
	if err != nil {
		return fmt.Errorf("yardstick: %w", err)
	}
	t.commits += p.commits
	t.lumps += p.ceiling
	t.each = append(t.each, p.each...)
	g.rec.reset(false)
	return nil
}

// result makes a result of the turns but for what is on disk. It forgets the
// times, which would count as memory.
func (t *tally) result(w *workload, o Options) *Result {
	r := newResult(w, o)
	n := t.executions
	transitions := n * float64(w.transitions)
	r.TransitionsPS, r.ExecutionsPS = transitions/t.took.Seconds(), n/t.took.Seconds()
	r.YardstickPS, r.CeilingPS = transitions/t.commits.Seconds(), transitions/t.lumps.Seconds()
	r.Share = r.TransitionsPS / r.YardstickPS
	r.P50, r.P99 = quantile(t.times, 0.5), quantile(t.times, 0.99)
	r.YardstickP50, r.YardstickP99 = quantile(t.each, 0.5), quantile(t.each, 0.99)
	r.Executions, r.Groups = int64(n), t.groups
	r.UnitsPerGroup = float64(t.units) / float64(t.groups)
	r.PayloadEach, r.AllocatedEach = t.payload/n, t.allocated/n
	t.times, t.each = nil, nil
	heap, proc := memory()
	r.MemoryEach, r.ResidentEach = (heap-t.heap)/n, (proc-t.proc)/n
	return r
}
