package interp

import (
	"slices"

	"millrace/asl/document"
)

// Change is what steps left to store, encoded. Every part begins with its
// format version; Decode, DecodeEvents and DecodeResult read all versions.
type Change struct {
	Head    []byte        // replaces the execution's head
	Frames  []FrameChange // changed and deleted only
	Results []ResultRow
	Docs    []NumberedDoc // numbered by these steps
	Blocks  []Block       // of history
}

// FrameChange is a frame to store, or one to delete.
type FrameChange struct {
	ID   int64
	Data []byte // nil: deleted
}

// ResultRow is an encoded [Result]: at most one for each frame and index.
type ResultRow struct {
	Frame int64
	Index int
	Data  []byte
}

// NumberedDoc is a document of more than [InlineDoc] bytes, stored once per execution.
type NumberedDoc struct {
	N    int64
	Text []byte
}

// Block is a run of events, at most [BlockEvents] or about [BlockBytes], encoded together.
type Block struct {
	First, Last int64 // event ids
	Data        []byte
}

// The bounds of a [Block].
const (
	BlockEvents = 64
	BlockBytes  = 64 << 10
)

// DocFunc returns the document of a number.
type DocFunc func(n int64) (*document.Doc, error)

// Changes encodes what the steps changed, as it stands now. Each step is given
// once, in order. Documents get their numbers here; one that is passed on
// unchanged keeps its number. The results of the frames in the steps' JoinedBy
// are to be deleted before Change.Results are stored.
func (x *Execution) Changes(steps ...*Step) Change { return x.Draft(steps...).Finish() }

// Draft is the encoding of steps that others will follow before it is stored.
type Draft struct {
	steps  []*Step
	events blockWriter
}

// Draft begins the encoding of steps: that of their events, which is most of it.
func (x *Execution) Draft(steps ...*Step) *Draft {
	d := &Draft{steps: steps, events: blockWriter{x: x}}
	d.events.add(steps)
	return d
}

// Finish adds the steps that came since and returns what all of them changed, as
// [Execution.Changes] does. It is called once.
func (d *Draft) Finish(steps ...*Step) Change {
	d.events.add(steps)
	x, steps := d.events.x, append(d.steps[:len(d.steps):len(d.steps)], steps...)
	var c Change
	x.nums.changes++
	for _, s := range steps {
		for _, f := range s.changed {
			if f.encoded == x.nums.changes {
				continue // by an earlier one of the steps, as it stands now
			}
			f.encoded = x.nums.changes
			switch {
			case !f.gone:
				e := encoder{x: x, b: make([]byte, 0, 96)}
				e.frame(f)
				c.Frames = append(c.Frames, FrameChange{ID: f.id, Data: e.b})
				f.stored = true
			case f.stored:
				c.Frames = append(c.Frames, FrameChange{ID: f.id})
				f.stored = false
			}
		}
		if len(s.JoinedBy) > 0 {
			c.Results = slices.DeleteFunc(c.Results, func(r ResultRow) bool { return slices.Contains(s.JoinedBy, r.Frame) })
		}
		for _, r := range s.Results {
			e := encoder{x: x, b: []byte{formatVersion}}
			e.doc(r.Output)
			c.Results = append(c.Results, ResultRow{Frame: r.Frame, Index: r.Index, Data: e.b})
		}
	}
	c.Blocks = d.events.end()
	c.Head = x.encodeHead()
	c.Docs = x.nums.fresh
	x.nums.fresh = nil
	x.sweep()
	return c
}

// sweep forgets the numbers of documents that only the history still has, once
// they are most of those known.
func (x *Execution) sweep() {
	n := &x.nums
	if len(n.of) < 2*n.live+64 {
		return
	}
	old := n.of
	n.of, n.bytes = nil, 0
	keep := func(d *document.Doc) {
		if k, ok := old[d]; ok && d != nil {
			if _, ok := n.of[d]; !ok {
				n.add(d, k)
			}
		}
	}
	keep(x.head.input)
	keep(x.head.output)
	for _, f := range x.frames {
		keep(f.input)
		for i := range f.vars {
			keep(f.vars[i].value)
		}
		if f.task != nil {
			keep(f.task.output)
		}
		if f.join != nil {
			keep(f.join.items)
			keep(f.join.args)
			for _, d := range f.join.results {
				keep(d)
			}
		}
	}
	n.live = len(n.of)
}

func (x *Execution) encodeHead() []byte {
	h := &x.head
	e := encoder{x: x, b: make([]byte, 0, 96)}
	e.byte(formatVersion)
	e.b = append(e.b, h.seed[:]...)
	e.byte(statusCode(h.status))
	e.string(h.block)
	e.doc(h.input)
	e.int(h.started)
	e.int(h.stopped)
	e.doc(h.output)
	e.optional(h.err)
	e.optional(h.cause)
	e.int(h.deadline)
	e.int(h.event)
	e.int(h.time)
	e.int(h.frame)
	e.int(h.doc)
	e.int(h.drawEvent)
	e.int(h.draw)
	e.int(h.redrives)
	e.int(h.redriven)
	e.frames(x.ready)
	e.frames(x.loads)
	return e.b
}

// frames writes the ids of the frames that are not gone.
func (e *encoder) frames(list []*Frame) {
	n := 0
	for _, f := range list {
		if !f.gone {
			n++
		}
	}
	e.uint(uint64(n))
	for _, f := range list {
		if !f.gone {
			e.int(f.id)
		}
	}
}

var statuses = [...]Status{"", Running, Succeeded, Failed, TimedOut, Aborted, PendingRedrive} // stored: never reorder

func statusCode(s Status) byte {
	for i, t := range statuses {
		if s == t {
			return byte(i)
		}
	}
	return 0
}

// What a frame has beside the fields that every frame has. Stored: never renumber.
const (
	hasVars = 1 << iota
	hasRetries
	hasTask
	hasWait
	hasJoin
)

func (e *encoder) frame(f *Frame) {
	has := uint64(0)
	set := func(on bool, bit uint64) {
		if on {
			has |= bit
		}
	}
	set(len(f.vars) > 0, hasVars)
	set(len(f.retries) > 0, hasRetries)
	set(f.task != nil, hasTask)
	set(f.wait != 0, hasWait)
	set(f.join != nil, hasJoin)
	e.byte(formatVersion)
	e.uint(has)
	if f.parent != nil {
		e.int(f.parent.id)
	} else {
		e.int(0)
	}
	e.int(int64(f.index))
	e.string(f.state)
	e.byte(byte(f.phase))
	e.int(f.last)
	e.int(f.prior)
	e.int(f.entered)
	e.int(f.at)
	e.doc(f.input)
	if has&hasVars != 0 {
		e.uint(uint64(len(f.vars)))
		for i := range f.vars {
			e.string(f.vars[i].name)
			e.doc(f.vars[i].value)
		}
	}
	if has&hasRetries != 0 {
		e.uint(uint64(len(f.retries)))
		for _, n := range f.retries {
			e.int(n)
		}
	}
	if has&hasTask != 0 {
		e.task(f.task)
	}
	if has&hasWait != 0 {
		e.int(f.wait)
	}
	if has&hasJoin != 0 {
		e.join(f.join)
	}
}

const (
	taskSubmitted = 1 << iota
	taskPicked
	taskFailed
)

func (e *encoder) task(t *task) {
	var flags byte
	if t.submitted {
		flags |= taskSubmitted
	}
	if t.picked {
		flags |= taskPicked
	}
	if t.failed != nil {
		flags |= taskFailed
	}
	e.int(t.event)
	e.byte(byte(t.pattern))
	e.byte(flags)
	e.int(t.timeout)
	e.int(t.seconds)
	e.int(t.beat)
	e.int(t.beatBy)
	e.doc(t.output)
	if t.failed != nil {
		e.failure(t.failed)
	}
}

const (
	failureBeat = 1 << iota
	failureFinal
	failureFatal
)

func (e *encoder) failure(f *failure) {
	var flags byte
	if f.beat {
		flags |= failureBeat
	}
	if f.final {
		flags |= failureFinal
	}
	if f.fatal {
		flags |= failureFatal
	}
	e.byte(flags)
	e.optional(f.name)
	e.optional(f.cause)
}

func (e *encoder) join(j *join) {
	e.int(int64(j.total))
	e.int(int64(j.cursor))
	e.int(int64(j.limit))
	e.int(int64(j.done))
	e.int(j.start)
	if j.stored {
		e.byte(1)
	} else {
		e.byte(0)
	}
	e.uint(uint64(len(j.free)))
	for _, n := range j.free {
		e.int(n)
	}
	e.doc(j.items)
}
