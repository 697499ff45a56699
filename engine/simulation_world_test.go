package engine_test

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"millrace/engine"
	"millrace/engine/interp"
	"millrace/engine/sqlite"
)

// disk is a store in memory that outlives the engines which are opened on it,
// and fails as its seed has it.
type disk struct {
	*sqlite.Store
	mu    sync.Mutex
	r     *rand.Rand
	rate  int // a group in so many fails; 0: none
	busy  int // groups that are refused before the others are taken
	reads int // reads that are refused, likewise
	count map[string]int
}

// session is the disk as one engine has it: after its death nothing is written
// or read any more.
type session struct {
	*disk
	dead bool
	dies int // with the how manieth group from now; 0: it does not

	point string // at which it dies
	nth   int    // the how manieth time from now; 0: never
}

// simPoints are where a session may die between two groups.
var simPoints = []string{engine.AtCommitted, engine.AtCall, engine.AtCalled, engine.AtExpress, engine.AtMapTurn, engine.AtMapEnd}

// pass is the engine's hook.
func (s *session) pass(at string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if at != s.point || s.nth == 0 {
		return
	}
	if s.nth--; s.nth == 0 {
		s.dead = true
		s.count["dead at "+at]++
	}
}

var errSim = fmt.Errorf("%w: as the seed has it", engine.ErrBusy)

// fate says what becomes of a group.
type fate string

const (
	works       fate = "works"
	refused     fate = "refused"
	lost        fate = "lost"        // unknown, not there
	kept        fate = "kept"        // unknown, there
	early       fate = "early"       // closed after the first unit
	slow        fate = "slow"        // takes a while
	sour        fate = "sour"        // one unit fails together with others
	deadBefore  fate = "dead before" // and from now on
	deadAfter   fate = "dead after"
	alreadyDead fate = "already dead"
)

func (s *session) fate(units int) (fate, int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := works
	switch {
	case s.dead:
		return alreadyDead, 1
	case s.dies > 0:
		if s.dies--; s.dies == 0 {
			s.dead = true
			f = pick(s.r, deadBefore, deadAfter)
			break
		}
		fallthrough
	default:
		if s.busy > 0 {
			s.busy--
			f = refused
		} else if s.rate > 0 && s.r.IntN(s.rate) == 0 {
			f = pick(s.r, refused, lost, lost, kept, kept, early, slow, sour)
		}
	}
	s.count[string(f)]++
	return f, s.r.IntN(units)
}

func (s *session) Group(ctx context.Context, units []*engine.Unit, limit time.Duration) (int, error) {
	f, i := s.fate(len(units))
	switch f {
	case refused:
		return i + 1, errSim
	case alreadyDead, deadBefore:
		return len(units), errSim
	case lost:
		return i + 1, fmt.Errorf("%w: as the seed has it", engine.ErrUnknown)
	case early:
		limit = 0
	case slow:
		<-time.After(time.Duration(1+i) * 700 * time.Millisecond)
	case sour:
		if len(units) > 1 {
			return len(units), &engine.UnitError{Index: i, Err: errors.New("as the seed has it")}
		}
	}
	n, err := s.Store.Group(ctx, units, limit)
	if err == nil && (f == kept || f == deadAfter) {
		err = fmt.Errorf("%w: as the seed has it", engine.ErrUnknown)
	}
	return n, err
}

func (s *session) Read(ctx context.Context, f func(engine.View) error) error {
	s.mu.Lock()
	bad := s.dead || s.reads > 0
	if s.reads > 0 {
		s.reads--
	}
	s.mu.Unlock()
	if bad {
		return errSim
	}
	return s.Store.Read(ctx, f)
}

func (s *session) Close() error { return nil }

// wall is the clock of a world: its wall may be set, its steady time goes on.
type wall struct {
	mu     sync.Mutex
	base   time.Time
	offset time.Duration
}

func (w *wall) read() (time.Time, time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return time.Now().Round(0).Add(w.offset), time.Since(w.base)
}

func (w *wall) jump(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.offset += d
}

// world is what tasks call. What a call comes to depends on the seed and the
// call's key only.
type world struct {
	mu     sync.Mutex
	seed   uint64
	calls  map[string]int           // of each key
	held   map[string]chan struct{} // remote calls that wait to be let go
	order  []string                 // of held
	tokens []string                 // given out
	open   bool                     // nothing is held any more
}

// draw returns a number below n for a call and a question.
func (w *world) draw(c engine.Call, question string, n uint64) uint64 {
	h := fnv.New64a()
	fmt.Fprint(h, w.seed, question, c.Execution, c.Event)
	return h.Sum64() % n
}

// nth counts a call.
func (w *world) nth(c engine.Call, what string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	key := what + c.Key
	w.calls[key]++
	return w.calls[key]
}

// effect counts what is done once, in the call's own transaction.
func (w *world) effect(tx engine.Tx, c engine.Call) error {
	if strings.Contains(c.ExecutionARN, ":express:") {
		return nil // at least once
	}
	_, err := tx.Exec("INSERT INTO test_effects (key, n) VALUES (?, 1) ON CONFLICT (key) DO UPDATE SET n = n + 1", c.Key)
	return err
}

func done(c engine.Call) interp.Outcome { return ok(fmt.Sprintf(`{"effect":"%s"}`, c.Key)) }

// wait holds a remote call until it is let go or given up.
func (w *world) wait(ctx context.Context, c engine.Call) error {
	w.mu.Lock()
	if w.open {
		w.mu.Unlock()
		return nil
	}
	gate := make(chan struct{})
	key := fmt.Sprint(c.Key, "/", len(w.order))
	w.held[key] = gate
	w.order = append(w.order, key)
	w.mu.Unlock()
	select {
	case <-gate:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// release lets a held call go; all: every one, now and later.
func (w *world) release(r *rand.Rand, all bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.open = w.open || all
	for len(w.held) > 0 {
		at := 0
		if !all {
			at = r.IntN(len(w.order))
		}
		key := w.order[at]
		w.order = append(w.order[:at:at], w.order[at+1:]...)
		if gate := w.held[key]; gate != nil {
			close(gate)
			delete(w.held, key)
			if !all {
				return
			}
		}
	}
}

// give takes note of a token.
func (w *world) give(token string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.tokens = append(w.tokens, token)
}

// remoteCall is what most remote resources do.
func (w *world) remoteCall(ctx context.Context, c engine.Call) (interp.Outcome, error) {
	n := w.nth(c, "remote")
	switch w.draw(c, "remote", 8) {
	case 0:
		return failed("Remote.Refused", "as the seed has it"), nil
	case 1:
		if n < 3 {
			return interp.Outcome{}, errors.New("the line is dead")
		}
	case 2:
		if n < 2 {
			panic("as the seed has it")
		}
	case 3, 4:
		if err := w.wait(ctx, c); err != nil {
			return interp.Outcome{}, err
		}
	}
	if c.Token != "" {
		w.give(c.Token)
	}
	if c.Submitted != nil {
		c.Submitted(ok(`{"job":1}`))
		if w.draw(c, "job", 2) == 0 {
			if err := w.wait(ctx, c); err != nil {
				return interp.Outcome{}, err
			}
		}
	}
	return ok(`{"remote":true}`), nil
}

const (
	nestedARN  = "arn:aws:states:us-east-1:000000000000:stateMachine:nested"
	quickerARN = "arn:aws:states:us-east-1:000000000000:stateMachine:quick"
	briefARN   = "arn:aws:states:us-east-1:000000000000:stateMachine:brief"
)

// start is what the resources that start nested executions do.
func (w *world) start(tx engine.Tx, c engine.Call) (interp.Outcome, error) {
	in := engine.StartInput{MachineARN: nestedARN, Input: []byte(`{"items": [1, 2]}`)}
	switch {
	case c.Resource == svc+"brief.sync":
		in.MachineARN = briefARN
	case w.draw(c, "nested", 4) == 0:
		in.MachineARN = quickerARN
	}
	if c.Pattern == interp.Sync {
		in.Parent = &engine.Parent{Execution: c.Execution, Event: c.Event, Parse: strings.HasSuffix(c.Resource, ":2")}
	}
	if _, err := tx.Start(in); err != nil {
		return interp.Outcome{}, err
	}
	return done(c), w.effect(tx, c)
}

func (w *world) tasks() *tasks {
	list := &tasks{m: map[string]engine.Task{}}
	act := func(name string, savepoint bool, run func(tx engine.Tx, c engine.Call) (interp.Outcome, error)) {
		list.set(&local{resource: svc + name, savepoint: savepoint, run: run})
	}
	act("count", false, func(tx engine.Tx, c engine.Call) (interp.Outcome, error) { return done(c), w.effect(tx, c) })
	act("refuse", false, func(tx engine.Tx, c engine.Call) (interp.Outcome, error) {
		if w.draw(c, "refuse", 2) == 0 {
			return failed("Local.Refused", "before a write"), nil
		}
		return done(c), w.effect(tx, c)
	})
	act("undo", true, func(tx engine.Tx, c engine.Call) (interp.Outcome, error) {
		if err := w.effect(tx, c); err != nil {
			return interp.Outcome{}, err
		}
		if w.draw(c, "undo", 2) == 0 {
			return failed("Local.Undone", "after a write"), nil
		}
		return done(c), nil
	})
	act("stumble", false, func(tx engine.Tx, c engine.Call) (interp.Outcome, error) {
		err := w.effect(tx, c)
		if w.nth(c, "stumble") == 1 {
			panic("as the seed has it")
		}
		return done(c), err
	})
	act("broken", false, func(tx engine.Tx, c engine.Call) (interp.Outcome, error) {
		if w.draw(c, "broken", 2) == 0 {
			return interp.Outcome{}, errors.New("broken before a write")
		}
		return interp.Outcome{}, errors.Join(w.effect(tx, c), errors.New("broken after a write"))
	})
	act("ask.waitForTaskToken", false, func(tx engine.Tx, c engine.Call) (interp.Outcome, error) { return done(c), w.effect(tx, c) })
	act("follow", false, func(tx engine.Tx, c engine.Call) (interp.Outcome, error) {
		return done(c), errors.Join(w.effect(tx, c), tx.Enqueue(engine.FollowUp{Resource: svc + "mail", Attempts: 2}))
	})
	for _, name := range []string{"run", "run.sync", "run.sync:2", "brief.sync"} {
		act(name, false, w.start)
	}
	list.set(
		&reading{resource: svc + "read", read: func(r engine.Reader, c engine.Call) (interp.Outcome, error) {
			rows, err := r.Query("SELECT count(*) FROM test_effects")
			if err != nil {
				return interp.Outcome{}, err
			}
			defer rows.Close()
			rows.Next()
			return ok(`{}`), rows.Err()
		}},
		&remote{resource: svc + "call", call: w.remoteCall},
		&remote{resource: svc + "mail", call: w.remoteCall},
		&remote{resource: svc + "once", lost: engine.Fail, call: w.remoteCall},
		&remote{resource: svc + "job.sync", lost: engine.Attach, call: w.remoteCall},
		&remote{resource: svc + "hand.waitForTaskToken", call: w.remoteCall},
	)
	return list
}
