package engine

import (
	"sync"
	"time"
)

// Clock tells the time. It must not go back.
type Clock interface{ Now() time.Time }

// systemClock is the machine's clock, except that it never goes back: when the
// wall clock is set back it goes on at the same pace, ahead of the wall.
type systemClock struct {
	mu    sync.Mutex
	base  time.Time     // with a monotonic reading
	ahead time.Duration // of base plus the time since then
}

func newSystemClock() *systemClock { return &systemClock{base: time.Now()} }

// Now returns the wall clock's time, or a later one.
func (c *systemClock) Now() time.Time {
	wall := time.Now()
	steady := c.base.Add(wall.Sub(c.base)) // by the monotonic readings
	c.mu.Lock()
	defer c.mu.Unlock()
	if ahead := wall.Round(0).Sub(steady.Round(0)); ahead > c.ahead {
		c.ahead = ahead
	}
	return steady.Round(0).Add(c.ahead)
}

// now returns the engine's time in whole milliseconds, UTC.
func (e *Engine) now() time.Time { return e.clock.Now().UTC().Truncate(time.Millisecond) }
