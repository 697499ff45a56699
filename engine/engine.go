// Package engine is the durable shell around the interpreter. It loads an
// execution, advances it, stores what followed in one transaction with many
// others, and only then acts: answers the caller, calls tasks, wakes waiters.
package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"millrace/asl"
)

// Config configures an [Engine]. Only Store is required.
type Config struct {
	Store Store
	// Tasks is called by Open once units can be committed and before any execution
	// goes on. It returns what finds the task of a resource. nil: no task is known.
	Tasks func(*Engine) (Resolver, error)
	// MapData is where distributed Maps read items and write results. nil: nowhere.
	MapData MapData
	// Migrations are the schemas of the integrations, brought up to date in order.
	Migrations []Migrations

	Region  string // of ARNs; "": DefaultRegion
	Account string // of ARNs, 12 digits; "": DefaultAccount
	Node    string // names this process among several; "": "node"

	// Clock tells the time. With nil it is the machine's clock and timers fire by
	// themselves; with any other they fire when Tick is called.
	Clock Clock

	Workers    int             // goroutines that advance executions; 0: GOMAXPROCS
	Calls      int             // remote calls under way at a time; 0: 256
	Resident   int64           // bytes of executions kept in memory while they wait; 0: 8 MiB
	Retention  time.Duration   // of executions after their end; 0: DefaultRetention, negative: for ever
	Strictness asl.Strictness  // of definitions; zero: what AWS refuses is refused
	Log        *slog.Logger    // nil: slog.Default()
	Hook       func(at string) // tests: called at the named points between storing and acting; nil: nothing
}

// The points at which Config.Hook is called, on the goroutine that passes them.
const (
	AtCommit    = "commit"    // a group is about to be committed
	AtCommitted = "committed" // it was, and nobody knows yet
	AtCall      = "call"      // a remote call is about to be made
	AtCalled    = "called"    // it was, and its answer is not stored
	AtExpress   = "express"   // a stored EXPRESS execution has ended, and that is not stored
	AtMapTurn   = "map-turn"  // children of a map run are about to be started
	AtMapEnd    = "map-end"   // a map run's results were written, and its end is not stored
	AtRecover   = "recover"   // Open is about to look for what there is to do
)

// Engine runs state machines on a store. All methods are safe for concurrent use.
type Engine struct {
	store   Store
	tasks   Resolver
	clock   Clock
	log     *slog.Logger
	region  string
	account string
	prefix  string // of the ARNs of state machines
	strict  asl.Strictness
	hook    func(at string)

	owner     Ownership
	keys      keys
	naming    naming
	database  string // a few characters that tell this database's idempotency keys from another's
	ids       ids
	groupNow  time.Time // of the group under way; the committer's
	committer *committer
	waiters   waiters
	timers    timers
	sched     scheduler
	machines  machines
	dispatch  dispatcher
	pollers   pollers
	house     housekeeper
	maps      mapRuns
	meters    meters
	steps     sync.Pool // of *interp.Step that are stored: their events' room is used again

	ctx     context.Context // ends with Close
	cancel  context.CancelFunc
	running sync.WaitGroup // workers, clockwork, calls
	closing sync.Mutex     // between spawn and Close
	closed  atomic.Bool
	ready   atomic.Bool  // Open is about to look for what there is to do
	live    atomic.Int64 // watchers of executions
}

// Open starts an engine. It takes ownership of the store, which Close gives
// back: a store belongs to one engine. What was under way when the last process
// ended goes on.
func Open(ctx context.Context, c Config) (*Engine, error) {
	e := &Engine{
		store: c.Store, clock: c.Clock, log: c.Log, strict: c.Strictness, hook: c.Hook,
		region: orElse(c.Region, DefaultRegion), account: orElse(c.Account, DefaultAccount),
	}
	e.prefix = e.arn(machineKind, "")
	if e.log == nil {
		e.log = slog.Default()
	}
	if e.hook == nil {
		e.hook = func(string) {}
	}
	system := e.clock == nil
	if system {
		e.clock = newSystemClock()
	}
	if c.Workers <= 0 {
		c.Workers = runtime.GOMAXPROCS(0)
	}
	if c.Calls <= 0 {
		c.Calls = 256
	}
	if c.Retention == 0 {
		c.Retention = DefaultRetention
	}
	if c.Resident <= 0 {
		c.Resident = 8 << 20
	}
	e.ctx, e.cancel = context.WithCancel(context.Background())
	e.meters.init()
	e.sched.init(c.Resident)
	e.machines.init()
	e.timers.init(e)
	e.dispatch.init(e, c.Calls)
	e.maps.init(e, c.MapData)
	e.house = housekeeper{e: e, retention: c.Retention}
	e.committer = newCommitter(e)
	go e.committer.run()
	if err := e.open(ctx, c, system); err != nil {
		e.Close()
		return nil, fmt.Errorf("open engine: %w", err)
	}
	return e, nil
}

func (e *Engine) open(ctx context.Context, c Config, system bool) error {
	if err := e.store.Migrate(ctx, c.Migrations); err != nil {
		return err
	}
	owner, err := e.store.Own(ctx, orElse(c.Node, "node"))
	if err != nil {
		return err
	}
	e.owner = owner
	if err := e.loadKeys(); err != nil {
		return err
	}
	e.database = fmt.Sprintf("%x", e.DeriveKey("idempotency")[:4])
	if c.Tasks != nil {
		if e.tasks, err = c.Tasks(e); err != nil {
			return fmt.Errorf("tasks: %w", err)
		}
	}
	e.ready.Store(true)
	e.hook(AtRecover)
	if err := e.recover(ctx); err != nil {
		return fmt.Errorf("recover: %w", err)
	}
	for range c.Workers {
		e.running.Go(e.work)
	}
	if system {
		e.running.Go(e.timers.run)
	}
	e.dispatch.fill()
	e.house.every()
	return nil
}

// recover finds what was left to do: messages that lie in inboxes, and deadlines
// that have come. Calls are found by the dispatcher.
func (e *Engine) recover(ctx context.Context) error {
	if err := e.loadActivities(ctx); err != nil {
		return err
	}
	if err := e.removeDeleted(ctx); err != nil {
		return err
	}
	after := int64(0)
	for {
		var found []int64
		err := e.store.Read(ctx, func(v View) (err error) {
			found, err = v.Unread(after, 1000)
			return err
		})
		if err != nil {
			return err
		}
		for _, id := range found {
			e.hint(id)
			after = id
		}
		if len(found) < 1000 {
			break
		}
	}
	if err := e.maps.recover(ctx); err != nil {
		return err
	}
	return e.Tick(ctx, e.now())
}

// relearn looks for what there is to do as at the start, after a commit whose
// outcome is unknown: what was to follow it may have been stored.
func (e *Engine) relearn() {
	e.machines.clear()
	e.timers.rewind()
	if !e.ready.Load() {
		return // Open has yet to look
	}
	e.spawn(func() {
		for {
			err := e.recover(e.ctx)
			if err == nil || e.ctx.Err() != nil {
				break
			}
			e.log.Warn("look for what there is to do", "error", err)
			select {
			case <-time.After(retryAfter):
			case <-e.ctx.Done():
			}
		}
		e.dispatch.refill()
		e.pollers.signalAll()
	})
}

// Close stops taking work, waits for what is being committed, and closes the
// store. Calls under way are cancelled; they are made again by the next process.
func (e *Engine) Close() error {
	e.closing.Lock()
	again := e.closed.Swap(true)
	e.closing.Unlock()
	if again {
		return nil
	}
	e.cancel()
	e.sched.close()
	e.timers.close()
	e.dispatch.close()
	e.maps.close()
	e.running.Wait()
	e.committer.close()
	return e.store.Close()
}

// spawn runs f on a goroutine that Close waits for; after Close it does nothing
// and returns false.
func (e *Engine) spawn(f func()) bool {
	e.closing.Lock()
	defer e.closing.Unlock()
	if e.closed.Load() {
		return false
	}
	e.running.Go(f)
	return true
}

// Region returns the region of ARNs.
func (e *Engine) Region() string { return e.region }

// Account returns the account of ARNs.
func (e *Engine) Account() string { return e.account }

// Now returns the engine's time, in whole milliseconds.
func (e *Engine) Now() time.Time { return e.now() }

// Do runs f as a unit and returns once it is committed. keys names what it
// touches. f may run more than once; an error of f undoes what it wrote.
func (e *Engine) Do(ctx context.Context, keys []string, f func(Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	u := &unit{Unit: Unit{Keys: keys}}
	return e.await(u, func(t *tx) error { return f(t) })
}

// unit is Do for the engine's own.
func (e *Engine) unit(f func(*tx) error) error { return e.await(&unit{}, f) }

// await submits u with f and waits for the commit.
func (e *Engine) await(u *unit, f func(*tx) error) error {
	done := make(chan error, 1)
	u.Do = func(t Txn) error {
		u.tx = &tx{e: e, t: t}
		return f(u.tx)
	}
	u.done = func(err error) { done <- err }
	e.committer.submit(u)
	return retriable(<-done)
}

// retriable makes ErrBusy of what says nothing to a caller but to try again.
func retriable(err error) error {
	if errors.Is(err, ErrUnknown) {
		return fmt.Errorf("%w: %w", ErrBusy, err)
	}
	return err
}

// Read runs f on the read pool, in one consistent view that includes every
// commit acknowledged before. f should be short and must not write.
func (e *Engine) Read(ctx context.Context, f func(Reader) error) error {
	return e.store.Read(ctx, func(v View) error { return f(v) })
}

// Watch calls f after each commit that notified key and when a time given to
// WakeAt for key has come, in the order of the Watch calls. f must not block.
// stop ends it.
func (e *Engine) Watch(key string, f func()) (stop func()) { return e.waiters.watch(key, f) }

// WakeAt signals key's watchers at t, in memory only.
func (e *Engine) WakeAt(key string, t time.Time) { e.waiters.at(t, key, nil) }

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}
