package engine

import (
	"sync"
	"time"
)

// Clock tells the time. It must not go back.
type Clock interface{ Now() time.Time }

// steadyClock is the wall clock, except that it never goes back: when the wall
// is set back it goes on at the same pace, ahead of the wall.
type steadyClock struct {
	read func() (wall time.Time, since time.Duration)

	mu    sync.Mutex
	base  time.Time     // the wall's time when since was 0
	ahead time.Duration // of base plus since
}

// newSystemClock returns the machine's clock.
func newSystemClock() *steadyClock {
	base := time.Now() // with a monotonic reading
	return newSteadyClock(func() (time.Time, time.Duration) {
		now := time.Now()
		return now.Round(0), now.Sub(base)
	})
}

// newSteadyClock returns a clock by what read tells: the wall's time, and how
// long it is since some moment, which never decreases.
func newSteadyClock(read func() (wall time.Time, since time.Duration)) *steadyClock {
	wall, since := read()
	return &steadyClock{read: read, base: wall.Add(-since)}
}

// Now returns the wall clock's time, or a later one.
func (c *steadyClock) Now() time.Time {
	wall, since := c.read()
	c.mu.Lock()
	defer c.mu.Unlock()
	if ahead := wall.Sub(c.base.Add(since)); ahead > c.ahead {
		c.ahead = ahead
	}
	return c.base.Add(since).Add(c.ahead)
}

// now returns the engine's time in whole milliseconds, UTC.
func (e *Engine) now() time.Time { return e.clock.Now().UTC().Truncate(time.Millisecond) }
