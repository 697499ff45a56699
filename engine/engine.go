// Package engine is the durable shell around the interpreter. It loads an
// execution, advances it, stores what followed in one transaction with many
// others, and only then acts: answers the caller, calls tasks, wakes waiters.
package engine
