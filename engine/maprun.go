package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"time"

	"millrace/asl"
	"millrace/engine/interp"
)

// The most children of a map run that run at a time. Those of type STANDARD are
// stored while they wait, those of type EXPRESS live in memory.
const (
	maxChildren        = 10000
	maxExpressChildren = 1000
)

// mapRunWorkers is how many map runs are brought on at a time.
const mapRunWorkers = 8

// mapHead is what a map run keeps that changes. It is rewritten by each step, so
// it is small.
type mapHead struct {
	Label   string
	Express bool
	Status  interp.Status
	Phase   mapPhase
	Read    int64           // items taken from the source
	All     bool            // the source has no more
	Cursor  json.RawMessage `json:",omitempty"` // of the source, after Read items
	Known   int64           // length of the source, where it is known beforehand

	Items      MapRunCounts
	Executions MapRunCounts
	Stopping   int64 `json:",omitempty"` // children up to this id have been told to stop

	MaxConcurrency int64
	Tolerated      bool
	Count          int64
	Percentage     float64

	Started int64   // ms
	Stopped int64   `json:",omitempty"`
	Error   *string `json:",omitempty"` // with which it fails, or failed
	Cause   *string `json:",omitempty"`
}

// mapPhase is what a map run does. It is stored: never renumber.
type mapPhase int

const (
	mapStarting mapPhase = iota // starts children as items and room allow
	mapFailing                  // starts none, waits for its children to stop, then fails
	mapAborting                 // the same, because its execution has given it up
)

// MapRunCounts counts items, or child executions, of a map run by what became of them.
type MapRunCounts struct {
	Pending, Running, Succeeded, Failed, TimedOut, Aborted int64
	Total                                                  int64
	ResultsWritten                                         int64
}

// end moves n of the running to where they belong.
func (c *MapRunCounts) end(s interp.Status, n int64) {
	c.Running -= n
	switch s {
	case interp.Succeeded:
		c.Succeeded += n
	case interp.TimedOut:
		c.TimedOut += n
	case interp.Aborted:
		c.Aborted += n
	default:
		c.Failed += n
	}
}

// start adds n to the running.
func (c *MapRunCounts) start(n int64) {
	c.Running += n
	c.Total += n
}

// room is how many children may start.
func (h *mapHead) room() int64 {
	limit := int64(maxChildren)
	if h.Express {
		limit = maxExpressChildren
	}
	if h.MaxConcurrency > 0 {
		limit = min(limit, h.MaxConcurrency)
	}
	return limit - h.Executions.Running
}

// fail makes the run fail once its children have stopped.
func (h *mapHead) fail(err *asl.Error) {
	if h.Phase != mapStarting {
		return
	}
	h.Phase = mapFailing
	name, cause := err.Name, err.Cause
	h.Error = &name
	if cause != "" {
		h.Cause = &cause
	}
}

// exceeded reports that more has failed than is tolerated. A percentage is of
// all items: while their number is not known it is of those read, once all are.
func (h *mapHead) exceeded() bool {
	failed := h.Items.Failed + h.Items.TimedOut + h.Items.Aborted
	if failed == 0 {
		return false
	}
	if !h.Tolerated || h.Count == 0 && h.Percentage == 0 {
		return true
	}
	if h.Count > 0 && failed > h.Count {
		return true
	}
	total := h.Known
	if h.All {
		total = h.Items.Total
	}
	return h.Percentage > 0 && total > 0 && float64(failed)*100 > h.Percentage*float64(total)
}

// over reports that nothing of the run is left to be started or to end.
func (h *mapHead) over() bool {
	return h.Executions.Running == 0 && (h.All || h.Phase != mapStarting)
}

func (h *mapHead) encode() []byte {
	b, err := json.Marshal(h)
	if err != nil {
		panic("engine: a map run has no stored form: " + err.Error())
	}
	return b
}

func decodeMapHead(row *MapRunRow) (*mapHead, error) {
	h := new(mapHead)
	if err := json.Unmarshal(row.Head, h); err != nil {
		return nil, fmt.Errorf("map run %d: %w", row.ID, err)
	}
	return h, nil
}

// mapRuns brings map runs on. A run has at most one worker; what it waits for
// are its children's ends, which wake it.
type mapRuns struct {
	e      *Engine
	data   MapData
	mu     sync.Mutex
	live   map[int64]*liveRun
	queue  []*liveRun
	active int
	closed bool
	owners map[int64]*machine
}

// liveRun is a map run that this process brings on.
type liveRun struct {
	id    int64
	dirty bool // there may be something to do; guarded by mapRuns
	busy  bool // queued or with a worker; guarded by mapRuns

	// Of the worker.
	errors int        // in a row
	broken *asl.Error // what keeps the run from going on: it fails
	runState
}

// maxMapErrors is how often in a row a run is tried that ends with a Go error
// of its own, before it fails.
const maxMapErrors = 10

// runState is what a worker has of a run in memory.
type runState struct {
	row       *MapRunRow // nil: to be loaded
	head      *mapHead
	owner     *machine
	m         *asl.Machine
	state     *asl.Map
	plan      *interp.MapRun
	source    ItemStream // nil: to be opened
	parent    *resident  // of the ItemSelector; nil: to be loaded
	read      int64      // items taken from the source
	batch     mapBatch
	prepared  []mapChild
	exhausted bool       // the source has no more than what is prepared
	failed    *asl.Error // the source's, after what is prepared
}

func (r *mapRuns) init(e *Engine, data MapData) {
	r.e, r.data = e, data
	r.live, r.owners = map[int64]*liveRun{}, map[int64]*machine{}
}

// recover takes up the runs that have not ended.
func (r *mapRuns) recover(ctx context.Context) error {
	after := int64(0)
	for {
		var ids []int64
		err := r.e.store.Read(ctx, func(v View) (err error) {
			ids, err = v.RunningMapRuns(after, 1000)
			return err
		})
		if err != nil {
			return err
		}
		for _, id := range ids {
			r.wake(id)
			after = id
		}
		if len(ids) < 1000 {
			return nil
		}
	}
}

// close takes up no more runs. Workers end with the engine's context.
func (r *mapRuns) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
}

// wake says that there may be something to do for a run.
func (r *mapRuns) wake(id int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	l := r.live[id]
	if l == nil {
		l = &liveRun{id: id}
		r.live[id] = l
	}
	l.dirty = true
	if !l.busy {
		l.busy = true
		r.push(l)
	}
}

// push queues a run and starts a worker if there may be one more. The caller holds the lock.
func (r *mapRuns) push(l *liveRun) {
	r.queue = append(r.queue, l)
	if r.active < mapRunWorkers && !r.closed && r.e.spawn(r.work) {
		r.active++
	}
}

// work brings runs on, a turn each, until none is queued.
func (r *mapRuns) work() {
	for {
		r.mu.Lock()
		if len(r.queue) == 0 || r.closed {
			r.active--
			r.mu.Unlock()
			return
		}
		l := r.queue[0]
		r.queue = r.queue[1:]
		l.dirty = false
		r.mu.Unlock()

		var more, ended bool
		var err error
		if perr := protect("map run", func() { more, ended, err = r.e.mapTurn(r.e.ctx, l) }); perr != nil {
			err = perr
		}
		if err != nil && r.e.ctx.Err() == nil {
			r.e.log.Warn("a map run cannot go on for now", "run", l.id, "error", err)
			l.forget()
			if l.errors++; l.errors >= maxMapErrors && !outage(err) {
				l.broken = &asl.Error{Name: "States.Runtime", Cause: "The map run cannot go on: " + firstLine(err)}
			}
			id := l.id
			r.e.waiters.at(r.e.now().Add(retryAfter<<min(l.errors, 5)), "", func() { r.wake(id) })
		} else {
			l.errors = 0
		}

		r.mu.Lock()
		switch {
		case ended:
			l.forget()
			delete(r.live, l.id)
		case err == nil && (more || l.dirty):
			r.push(l)
		default:
			l.busy = l.dirty
			if l.dirty {
				r.push(l)
			}
		}
		r.mu.Unlock()
	}
}

// forget lets go of what a run has in memory: it is read from the store anew.
func (l *liveRun) forget() {
	if l.source != nil {
		l.source.Close()
	}
	l.runState = runState{}
}

// mapRunPrefix begins the ARNs of map runs; the row's name follows.
func (e *Engine) mapRunARN(name string) string { return e.arn("mapRun", name) }

// mapRunName is the part of a map run's ARN that names its row.
func mapRunName(arn string) string {
	if p := strings.SplitN(arn, ":", 7); len(p) == 7 {
		return p[6]
	}
	return ""
}

// mapOwner returns what stands for a state machine with the children of a map run:
// MACHINE/LABEL of the children's type.
func (e *Engine) mapOwner(v View, run int64) (*machine, error) {
	e.maps.mu.Lock()
	m := e.maps.owners[run]
	e.maps.mu.Unlock()
	if m != nil {
		return m, nil
	}
	row, err := v.MapRun(run)
	if err != nil {
		return nil, err
	}
	if row == nil {
		return nil, fmt.Errorf("map run %d: %w", run, ErrMachineNotFound)
	}
	head, err := decodeMapHead(row)
	if err != nil {
		return nil, err
	}
	base, err := e.machineByID(v, row.Machine)
	if err != nil {
		return nil, err
	}
	own := *base
	own.ID, own.definition = -run, row.Definition
	own.Name = row.Name[:strings.LastIndexByte(row.Name, ':')]
	own.ARN = e.arn(machineKind, own.Name)
	if own.Type = Standard; head.Express {
		own.Type = Express
	}
	e.maps.mu.Lock()
	defer e.maps.mu.Unlock()
	if len(e.maps.owners) >= cachedMachines {
		clear(e.maps.owners)
	}
	e.maps.owners[run] = &own
	return &own, nil
}

// newMapRun makes the row of the run that a command of r asks for.
func (e *Engine) newMapRun(r *resident, id int64, c *interp.Command, now time.Time) *MapRunRow {
	m := c.MapRun
	label := mapRunName(m.ARN)
	head := &mapHead{
		Label: label[strings.LastIndexByte(label, '/')+1 : strings.LastIndexByte(label, ':')], Status: interp.Running, Started: now.UnixMilli(),
		MaxConcurrency: m.MaxConcurrency, Tolerated: m.Tolerated, Count: m.ToleratedCount, Percentage: m.ToleratedPercentage,
	}
	if st, ok := r.m.State(m.State).(*asl.Map); ok {
		head.Express = st.ExpressChildren
	}
	if m.Reader == nil && m.Items != nil {
		head.Known = int64(len(newStateItems(m.Items, 0).values))
	}
	return &MapRunRow{
		ID: id, Execution: r.id, Event: c.Event, Machine: r.machine.ID, Definition: r.definition, Name: label,
		Running: true, Head: head.encode(), Plan: r.x.AppendCommand(nil, c),
	}
}

// mapRunRefused is the outcome of a Map that its execution cannot run.
func mapRunRefused() interp.Outcome {
	return failure("States.Runtime", "A distributed Map runs in STANDARD executions only.")
}
