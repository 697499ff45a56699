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
	t := storedTally{}
	size := g.db.Size()
	t.begin()
	for t.took < o.Duration {
		if err := t.turn(ctx, g, y, o.Clients, during(min(turn, o.Duration-t.took), one)); err != nil {
			return nil, err
		}
	}
	if r, err = t.result(w, o, g, y); err != nil {
		return nil, err
	}
	r.DiskEach = float64(g.db.Size()-size) / t.executions
	return r, nil
}

// storedTally adds up turns of an engine and of its yardstick.
type storedTally struct {
	tally
	commits, lumps time.Duration // of the yardstick and its ceiling
	each           []time.Duration
	groups, units  int
	payload        float64
}

// turn lets the clients do their work and the yardstick repeat what was committed.
func (t *storedTally) turn(ctx context.Context, g *rig, y *yardstick, clients int, one func(int) (bool, error)) error {
	g.rec.reset(true)
	if err := t.measure(clients, one); err != nil {
		return err
	}
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

// result makes a result of the turns, but for what is on disk. It closes the
// yardstick and forgets what was recorded, which would count as memory.
func (t *storedTally) result(w *workload, o Options, g *rig, y *yardstick) (*Result, error) {
	g.rec.forget()
	if err := y.close(); err != nil {
		return nil, fmt.Errorf("yardstick: %w", err)
	}
	p50, p99 := quantile(t.each, 0.5), quantile(t.each, 0.99)
	t.each = nil
	r := t.tally.result(w, o)
	transitions := t.executions * float64(w.transitions)
	r.YardstickPS, r.CeilingPS = transitions/t.commits.Seconds(), transitions/t.lumps.Seconds()
	r.Share = r.TransitionsPS / r.YardstickPS
	r.YardstickP50, r.YardstickP99 = p50, p99
	r.Groups, r.UnitsPerGroup = t.groups, float64(t.units)/float64(t.groups)
	r.PayloadEach = t.payload / t.executions
	return r, nil
}
