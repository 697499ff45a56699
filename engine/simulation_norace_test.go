//go:build !race

package engine_test

// simDefault is how many schedules are run where nothing is said: so few that it
// takes a few seconds.
const simDefault = 400
