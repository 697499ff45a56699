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
	alone := interpreter{m, w.input}
	if _, _, err = load(o.Clients, during(min(turn, o.Duration), one)); err != nil {
		return nil, err
	}
	var t tally
	size := g.db.Size()
	t.begin()
	var took time.Duration
	loops := 0
	for t.took < o.Duration {
		d := min(turn, o.Duration-t.took)
		if err := t.measure(o.Clients, during(d, one)); err != nil {
			return nil, err
		}
		more, times, err := load(runtime.GOMAXPROCS(0), during(d, alone.run))
		if err != nil {
			return nil, err
		}
		took, loops = took+more, loops+len(times)
		if err := ctx.Err(); err != nil {
			return nil, err
		}
	}
	r = t.result(w, o)
	r.YardstickPS = float64(loops*w.transitions) / took.Seconds()
	r.Share = r.TransitionsPS / r.YardstickPS
	r.DiskEach = float64(g.db.Size()-size) / t.executions
	return r, nil
}

// interpreter runs executions without an engine.
type interpreter struct {
	m     *asl.Machine
	input []byte
}

// run runs one to its end.
func (a *interpreter) run(int) error {
	now := time.Now()
	x := interp.New(1, [16]byte{}, document.FromBytes(a.input), now)
	if s := interp.Advance(a.m, x, interp.Input{Kind: interp.Start, At: now}, now); !s.Ended || x.Status() != interp.Succeeded {
		return fmt.Errorf("the interpreter's execution: %s", x.Status())
	}
	return nil
}
