package bench

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"millrace/engine"
)

// measureWaiting measures executions that wait for a task token: how fast they
// start, what each takes while it waits, and how soon after a restart the oldest
// hears its token.
func measureWaiting(ctx context.Context, w *workload, o Options) (*Result, error) {
	var token, oldest string
	p := parking{
		first: func(ctx context.Context, g *rig) error {
			s, err := g.start(ctx, nil)
			if err != nil {
				return err
			}
			oldest = s.ARN
			select {
			case token = <-g.tasks.parked.first:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		},
		input:  func(int64) []byte { return nil },
		before: func(context.Context, *rig) error { return nil },
		after: func(ctx context.Context, g *rig, _ time.Time, r *Restart) error {
			if _, err := g.DescribeExecution(ctx, oldest); err != nil {
				return err
			}
			begun := time.Now()
			if err := g.SendTaskSuccess(ctx, token, []byte(`{"ok":true}`)); err != nil {
				return err
			}
			err := g.ended(ctx, oldest)
			r.Oldest = ms(time.Since(begun))
			return err
		},
	}
	return p.measure(ctx, w, o)
}

// few is how many executions are due while the engine is closed, and how many
// are the next after that.
const few = 10

// measureTimers measures executions that wait for a time: how fast they start,
// what each takes while it waits, and how soon after a restart those fire that
// are due.
func measureTimers(ctx context.Context, w *workload, o Options) (*Result, error) {
	var far, due, next time.Time
	var overdue, coming []string
	p := parking{
		first: func(ctx context.Context, g *rig) error {
			far = g.Now().Add(24 * time.Hour)
			_, err := g.start(ctx, until(far))
			return err
		},
		input: func(i int64) []byte { return until(far.Add(time.Duration(i) * time.Millisecond)) },
		before: func(ctx context.Context, g *rig) (err error) {
			// The next ones must not be due before the engine is open again.
			due = time.Now().Add(100 * time.Millisecond)
			next = due.Add(400*time.Millisecond + time.Duration(o.Executions)*5*time.Microsecond)
			if overdue, err = g.await(ctx, due); err == nil {
				coming, err = g.await(ctx, next)
			}
			return err
		},
		after: func(ctx context.Context, g *rig, opened time.Time, r *Restart) error {
			ready := time.Now()
			end, err := g.allEnded(ctx, overdue)
			if err != nil {
				return err
			}
			r.Due = ms(end.Sub(opened))
			if end, err = g.allEnded(ctx, coming); err != nil {
				return err
			}
			if next.Before(ready) {
				next = ready
			}
			r.Lag = ms(end.Sub(next))
			return nil
		},
		closed: func() error {
			select {
			case <-time.After(time.Until(due)):
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		},
	}
	return p.measure(ctx, w, o)
}

// until is the input of an execution that waits for t.
func until(t time.Time) []byte {
	return fmt.Appendf(nil, `{"due":"%s"}`, t.UTC().Format("2006-01-02T15:04:05.000Z"))
}

// await starts a few executions that wait for t and returns their ARNs.
func (g *rig) await(ctx context.Context, t time.Time) (arns []string, err error) {
	for range few {
		s, err := g.start(ctx, until(t))
		if err != nil {
			return nil, err
		}
		arns = append(arns, s.ARN)
	}
	return arns, nil
}

// allEnded waits until executions have ended and returns when the last one had.
func (g *rig) allEnded(ctx context.Context, arns []string) (time.Time, error) {
	var wg sync.WaitGroup
	failed := make([]error, len(arns))
	for i, arn := range arns {
		wg.Go(func() { failed[i] = g.ended(ctx, arn) })
	}
	wg.Wait()
	return time.Now(), errors.Join(failed...)
}

// parking is how many executions are parked.
type parking struct {
	first  func(context.Context, *rig) error // starts the oldest, before anything is measured
	input  func(i int64) []byte              // of the others, by their number
	before func(context.Context, *rig) error // before the restart
	closed func() error                      // while nothing runs; nil: nothing
	after  func(ctx context.Context, g *rig, opened time.Time, r *Restart) error
}

// measure parks the executions and restarts the engine.
func (p *parking) measure(ctx context.Context, w *workload, o Options) (r *Result, err error) {
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
	if err := p.first(ctx, g); err != nil {
		return nil, err
	}
	if err := g.restart(ctx, w, o, nil); err != nil { // which leaves no log: what is on disk counts
		return nil, err
	}
	size := g.db.Size()
	var t storedTally
	t.begin()
	var number atomic.Int64
	for t.executions < float64(o.Executions) {
		one := during(turn, func(int) error {
			_, err := g.start(ctx, p.input(number.Add(1)))
			return err
		})
		err := t.turn(ctx, g, y, o.Clients, func(client int) (bool, error) {
			more, err := one(client)
			return more && number.Load() < int64(o.Executions), err
		})
		if err != nil {
			return nil, err
		}
	}
	if r, err = t.result(w, o, g, y); err != nil {
		return nil, err
	}
	r.Settings.Duration = ""
	r.Restart = &Restart{StartsPS: r.ExecutionsPS, YardstickPS: r.YardstickPS}
	if err := p.before(ctx, g); err != nil {
		return nil, err
	}
	opened := time.Now()
	err = g.restart(ctx, w, o, func() error {
		if p.closed != nil {
			if err := p.closed(); err != nil {
				return err
			}
		}
		r.DiskEach = float64(g.db.Size()-size) / t.executions
		opened = time.Now()
		return nil
	})
	if err != nil {
		return nil, err
	}
	if _, _, err := g.ListExecutions(ctx, engine.ListFilter{MachineARN: g.machine}, engine.Page{Max: 1}); err != nil {
		return nil, err
	}
	r.Ready = ms(time.Since(opened))
	return r, p.after(ctx, g, opened, r.Restart)
}

// restart closes the rig's engine and opens it again on the same database. closed
// is called in between; nil: nothing.
func (g *rig) restart(ctx context.Context, w *workload, o Options, closed func() error) error {
	if err := g.Close(); err != nil {
		return err
	}
	if closed != nil {
		if err := closed(); err != nil {
			return err
		}
	}
	fresh, err := newRig(ctx, w, o, g.tasks)
	if err == nil {
		*g = *fresh
	}
	return err
}
