package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"millrace/engine"
	"millrace/engine/interp"
)

// turn is how long the engine is measured before it is the yardstick's turn.
const turn = time.Second

// load lets clients do one after the other until it returns false, and returns
// how long each took.
func load(clients int, one func(client int) (more bool, err error)) (took time.Duration, times []time.Duration, err error) {
	var wg sync.WaitGroup
	var mu sync.Mutex
	begun := time.Now()
	for client := range clients {
		wg.Go(func() {
			var own []time.Duration
			var failed error
			for now, more := time.Now(), true; more && failed == nil; {
				if more, failed = one(client); failed == nil {
					done := time.Now()
					own = append(own, done.Sub(now))
					now = done
				}
			}
			mu.Lock()
			defer mu.Unlock()
			times = append(times, own...)
			err = errors.Join(err, failed)
		})
	}
	wg.Wait()
	return time.Since(begun), times, err
}

// during makes a client's work of what is to be repeated for a time from now on.
func during(d time.Duration, f func(client int) error) func(int) (bool, error) {
	end := time.Now().Add(d)
	return func(client int) (bool, error) {
		err := f(client)
		return time.Now().Before(end), err
	}
}

// start starts an execution of the rig's machine.
func (g *rig) start(ctx context.Context, input []byte) (engine.Started, error) {
	return g.StartExecution(ctx, engine.StartInput{MachineARN: g.machine, Input: input})
}

// run runs an execution to its end.
func (g *rig) run(ctx context.Context, input []byte) error {
	s, err := g.start(ctx, input)
	if err != nil || s.Status == interp.Succeeded {
		return err
	}
	return g.ended(ctx, s.ARN)
}

// ended waits for the end of an execution, which must have succeeded.
func (g *rig) ended(ctx context.Context, arn string) error {
	i, err := g.WaitExecution(ctx, arn)
	if err == nil && i.Status != interp.Succeeded {
		err = fmt.Errorf("execution %s: %s", arn, i.Status)
	}
	return err
}

// quantile returns what the share q of the times does not exceed. It sorts them.
func quantile(times []time.Duration, q float64) float64 {
	if len(times) == 0 {
		return 0
	}
	slices.Sort(times)
	return ms(times[min(int(float64(len(times))*q), len(times)-1)])
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
