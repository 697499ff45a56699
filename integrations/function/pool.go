package function

import (
	"context"
	"errors"
	"sync"
	"time"
)

// errClosed is the answer of a pool whose service is closed.
var errClosed = errors.New("the function service is closed")

// pool keeps the processes of all functions: idle ones to be used again, newest
// first, and how many of each function are busy.
type pool struct {
	most  int // busy processes of one function
	start func(ctx context.Context, f *function) (*instance, error)

	mu     sync.Mutex
	closed bool
	funcs  map[string]*fleet
	busy   map[*instance]bool
	taking int            // calls of take under way
	quiet  sync.Cond      // signalled when busy or taking shrinks
	ended  sync.WaitGroup // of processes being killed
}

// fleet is the processes of one function.
type fleet struct {
	slots chan struct{} // one taken for each busy process
	idle  []*instance
}

func newPool(most int, start func(ctx context.Context, f *function) (*instance, error)) *pool {
	p := &pool{most: most, start: start, funcs: map[string]*fleet{}, busy: map[*instance]bool{}}
	p.quiet.L = &p.mu
	return p
}

// fleet returns the processes of a function. p.mu is held.
func (p *pool) fleet(name string) *fleet {
	f := p.funcs[name]
	if f == nil {
		f = &fleet{slots: make(chan struct{}, p.most)}
		p.funcs[name] = f
	}
	return f
}

// take returns a process of the function at its present revision, waiting while
// too many are busy. release gives it back.
func (p *pool) take(ctx context.Context, f *function) (*instance, error) {
	p.mu.Lock()
	fl := p.fleet(f.FunctionName)
	p.taking++
	p.mu.Unlock()
	i, err := p.obtain(ctx, fl, f)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.taking--
	p.quiet.Broadcast()
	if err != nil {
		return nil, err
	}
	if p.closed {
		p.end(i)
		<-fl.slots
		return nil, errClosed
	}
	p.busy[i] = true
	return i, nil
}

func (p *pool) obtain(ctx context.Context, fl *fleet, f *function) (*instance, error) {
	select {
	case fl.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	i, err := p.reuse(fl, f.RevisionID)
	if i == nil && err == nil {
		i, err = p.start(ctx, f)
	}
	if err != nil {
		<-fl.slots
	}
	return i, err
}

// reuse returns an idle process, or nil, and ends those of other revisions and those that ended themselves.
func (p *pool) reuse(fl *fleet, revision string) (*instance, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, errClosed
	}
	for len(fl.idle) > 0 {
		last := len(fl.idle) - 1
		i := fl.idle[last]
		fl.idle = fl.idle[:last]
		if i.revision == revision && !i.gone() {
			return i, nil
		}
		p.end(i)
	}
	return nil, nil
}

// release gives a process back; one that is not fit is ended. It reports whether the pool is closed.
func (p *pool) release(name string, i *instance, fit bool) (closed bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fl := p.fleet(name)
	delete(p.busy, i)
	p.quiet.Broadcast()
	if fit && !p.closed && !i.gone() {
		i.idle = time.Now()
		fl.idle = append(fl.idle, i)
	} else {
		p.end(i)
	}
	<-fl.slots
	return p.closed
}

// end kills a process without waiting for it.
func (p *pool) end(i *instance) { p.ended.Go(i.close) }

// drop ends the idle processes of a function.
func (p *pool) drop(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if f := p.funcs[name]; f != nil {
		for _, i := range f.idle {
			p.end(i)
		}
		f.idle = nil
	}
}

// reap ends processes that have been idle for long, until ctx ends.
func (p *pool) reap(ctx context.Context, idle time.Duration) {
	t := time.NewTicker(min(idle, 30*time.Second))
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-t.C:
			p.expire(now.Add(-idle))
		}
	}
}

// expire ends processes that are idle since before a time.
func (p *pool) expire(before time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, f := range p.funcs {
		kept := f.idle[:0]
		for _, i := range f.idle {
			if i.idle.Before(before) || i.gone() {
				p.end(i)
			} else {
				kept = append(kept, i)
			}
		}
		clear(f.idle[len(kept):])
		f.idle = kept
	}
}

// close kills every process and waits for them.
func (p *pool) close() {
	p.mu.Lock()
	p.closed = true
	for _, f := range p.funcs {
		for _, i := range f.idle {
			p.end(i)
		}
		f.idle = nil
	}
	for i := range p.busy {
		kill(i.cmd) // its invocation sees the exit and gives it back
	}
	for len(p.busy) > 0 || p.taking > 0 {
		p.quiet.Wait()
	}
	p.mu.Unlock()
	p.ended.Wait()
}
