package engine

import (
	"context"
	"fmt"
	"sync"
)

// idBlock is how many ids are taken from the store at a time.
const idBlock = 1 << 14

// ids hands out ids from blocks that the store has reserved. An id is never
// given out twice, even over restarts; what is left of a block is lost then.
type ids struct {
	mu       sync.Mutex
	next     int64 // the next to give out
	end      int64 // of the block
	spare    int64 // first of the following block; 0: none
	fetching bool
	ready    chan struct{} // closed when the block being fetched is there
	err      error         // of the last fetch
}

// id returns a new id. It waits for the store only when a block has run out
// before the following one came.
func (e *Engine) id(ctx context.Context) (int64, error) {
	g := &e.ids
	for {
		g.mu.Lock()
		if g.next >= g.end && g.spare != 0 {
			g.next, g.end, g.spare = g.spare, g.spare+idBlock, 0
		}
		if g.next < g.end {
			id := g.next
			g.next++
			low := g.end-g.next < idBlock/2 && g.spare == 0
			g.mu.Unlock()
			if low {
				e.fetchIDs()
			}
			return id, nil
		}
		g.mu.Unlock()
		select {
		case <-e.fetchIDs():
		case <-ctx.Done():
			return 0, ctx.Err()
		}
		g.mu.Lock()
		err := g.err
		g.mu.Unlock()
		if err != nil {
			return 0, fmt.Errorf("new id: %w", retriable(err))
		}
	}
}

// spareID returns a new id without waiting; ok is false when none is at hand.
func (e *Engine) spareID() (id int64, ok bool) {
	g := &e.ids
	g.mu.Lock()
	if g.next >= g.end && g.spare != 0 {
		g.next, g.end, g.spare = g.spare, g.spare+idBlock, 0
	}
	if ok = g.next < g.end; ok {
		id = g.next
		g.next++
	}
	low := ok && g.end-g.next < idBlock/2 && g.spare == 0
	g.mu.Unlock()
	if low {
		e.fetchIDs()
	}
	return id, ok
}

// fetchIDs reserves a block unless there is one or that is under way; the channel
// it returns is closed when it is over. A committer that is closed answers at
// once, so the caller must not hold the lock.
func (e *Engine) fetchIDs() <-chan struct{} {
	g := &e.ids
	g.mu.Lock()
	if g.fetching || g.spare != 0 {
		defer g.mu.Unlock()
		return g.ready
	}
	ready := make(chan struct{})
	g.fetching, g.ready = true, ready
	g.mu.Unlock()
	var first int64
	e.committer.submit(&unit{
		Unit: Unit{Do: func(t Txn) (err error) {
			first, err = t.IDs(idBlock)
			return err
		}},
		done: func(err error) {
			g.mu.Lock()
			defer g.mu.Unlock()
			g.fetching, g.err = false, err
			if err == nil {
				g.spare = first
			}
			close(ready)
		},
	})
	return ready
}
