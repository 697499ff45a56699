package bench

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"millrace/asl"
	"millrace/asl/document"
	"millrace/engine"
	"millrace/engine/interp"
)

// measureExpress measures synchronous Express executions, which are not stored.
// The yardstick is the interpreter alone, called in a loop on every core with the
// same machine and input.
func measureExpress(ctx context.Context, w *workload, o Options) (r *Result, err error) {
	g, err := newRig(ctx, w, o, nil)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, g.Close()) }()
	m, diagnostics := asl.Parse([]byte(w.definition), asl.Options{})
	if m == nil {
		return nil, fmt.Errorf("definition: %v", diagnostics)
	}
	one := func(int) error {
		i, _, err := g.StartSyncExecution(ctx, engine.StartInput{MachineARN: g.machine, Input: w.input})
		if err == nil && i.Status != interp.Succeeded {
			err = fmt.Errorf("execution %s: %s", i.ARN, i.Status)
		}
		return err
	}
	bare := func(int) error {
		now := time.Now()
		x := interp.New(1, [16]byte{}, document.FromBytes(w.input), now)
		if s := interp.Advance(m, x, interp.Input{Kind: interp.Start, At: now}, now); !s.Ended || x.Status() != interp.Succeeded {
			return fmt.Errorf("the interpreter's execution: %s", x.Status())
		}
		return ctx.Err()
	}
	if _, _, err = load(o.Clients, during(min(turn, o.Duration), one)); err != nil {
		return nil, err
	}
	r = newResult(w, o)
	size := g.db.Size()
	heap, proc := memory()
	var took, alone time.Duration
	var times []time.Duration
	loops, alloc := 0, 0.0
	for took < o.Duration {
		d := min(turn, o.Duration-took)
		before := allocated()
		t, more, err := load(o.Clients, during(d, one))
		if err != nil {
			return nil, err
		}
		alloc += allocated() - before
		took, times = took+t, append(times, more...)
		if t, more, err = load(runtime.GOMAXPROCS(0), during(d, bare)); err != nil {
			return nil, err
		}
		alone, loops = alone+t, loops+len(more)
	}
	n := float64(len(times))
	r.ExecutionsPS, r.TransitionsPS = n/took.Seconds(), n*float64(w.transitions)/took.Seconds()
	r.YardstickPS = float64(loops*w.transitions) / alone.Seconds()
	r.Share = r.TransitionsPS / r.YardstickPS
	r.P50, r.P99 = quantile(times, 0.5), quantile(times, 0.99)
	r.Executions, r.DiskEach, r.AllocatedEach = int64(n), float64(g.db.Size()-size)/n, alloc/n
	times = nil
	after, grown := memory()
	r.MemoryEach, r.ResidentEach = (after-heap)/n, (grown-proc)/n
	return r, nil
}
