package engine

import "time"

// SteadyClock is the engine's own clock over a wall and a steady time that tests tell.
func SteadyClock(read func() (wall time.Time, since time.Duration)) Clock {
	return newSteadyClock(read)
}
