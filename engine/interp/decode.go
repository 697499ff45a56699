package interp

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"millrace/asl/document"
)

// Decode reads an execution that Changes encoded. The frames are all that are
// stored. The caller sets the exported fields. Errors say that the data is
// damaged or of a newer format, or are those of doc.
func Decode(head []byte, frames map[int64][]byte, doc DocFunc) (*Execution, error) {
	x := &Execution{}
	x.init(len(frames))
	d := newDecoder(head, doc)
	ready, loads := x.decodeHead(d)
	if err := d.end(); err != nil {
		return nil, fmt.Errorf("decode head: %w", err)
	}
	known := d.known
	parents := make(map[*Frame]int64, len(frames))
	for id, b := range frames {
		d := newDecoder(b, doc)
		d.known = known
		f := &Frame{id: id, stored: true}
		parents[f] = d.frame(f)
		if err := d.end(); err != nil {
			return nil, fmt.Errorf("decode frame %d: %w", id, err)
		}
		if d.known != nil {
			known = d.known
		}
		x.frames[id] = f
	}
	if err := x.connect(parents); err != nil {
		return nil, err
	}
	for n, k := range known {
		x.nums.add(k, n)
	}
	x.nums.live = len(x.nums.of)
	for _, id := range ready {
		if f := x.frames[id]; f != nil && !f.queued {
			f.queued = true
			x.ready = append(x.ready, f)
		}
	}
	for _, id := range loads {
		if f := x.frames[id]; f != nil {
			x.loads = append(x.loads, f)
		}
	}
	return x, nil
}

// connect ties the frames together and builds the indexes.
func (x *Execution) connect(parents map[*Frame]int64) error {
	all := make([]*Frame, 0, len(parents))
	for f := range parents {
		all = append(all, f)
	}
	// A parent is older than its children, so it comes first.
	slices.SortFunc(all, func(a, b *Frame) int { return cmp.Compare(a.id, b.id) })
	for _, f := range all {
		if id := parents[f]; id != 0 {
			p := x.frames[id]
			if p == nil || p.join == nil || id >= f.id {
				return fmt.Errorf("decode frame %d: its parent %d is missing: %w", f.id, id, errFormat)
			}
			f.parent, f.depth = p, p.depth+1
			f.kid = len(p.join.kids)
			p.join.kids = append(p.join.kids, f)
		}
		if f.phase == phaseTask {
			if f.task == nil {
				return fmt.Errorf("decode frame %d: its task is missing: %w", f.id, errFormat)
			}
			x.expect(f)
		}
		if (f.phase == phaseJoin || f.phase == phaseLoad || f.phase == phaseJoined) != (f.join != nil) ||
			f.phase == phaseSettled && f.task == nil {
			return fmt.Errorf("decode frame %d: phase %d does not fit: %w", f.id, f.phase, errFormat)
		}
		x.reschedule(f)
	}
	return nil
}

func (x *Execution) decodeHead(d *decoder) (ready, loads []int64) {
	h := &x.head
	copy(h.seed[:], d.take(16))
	if s := d.byte(); int(s) < len(statuses) {
		h.status = statuses[s]
	}
	h.block = d.string()
	h.input = d.doc()
	h.started = d.int()
	h.stopped = d.int()
	h.output = d.doc()
	h.err = d.optional()
	h.cause = d.optional()
	h.deadline = d.int()
	h.event = d.int()
	h.time = d.int()
	h.frame = d.int()
	h.doc = d.int()
	h.drawEvent = d.int()
	h.draw = d.int()
	h.redrives = d.int()
	h.redriven = d.int()
	ready, loads = d.ids(), d.ids()
	if h.status == "" || h.input == nil {
		d.fail(errFormat)
	}
	return ready, loads
}

func (d *decoder) ids() []int64 {
	n := d.count()
	var list []int64
	for i := 0; i < n; i++ {
		list = append(list, d.int())
	}
	return list
}

// frame reads a frame and returns its parent's id.
func (d *decoder) frame(f *Frame) (parent int64) {
	has := d.uint()
	parent = d.int()
	f.index = int(d.int())
	f.state = d.string()
	f.phase = phase(d.byte())
	f.last = d.int()
	f.prior = d.int()
	f.entered = d.int()
	f.at = d.int()
	f.input = d.doc()
	if has&hasVars != 0 {
		for n := d.count(); n > 0 && d.err == nil; n-- {
			f.vars = append(f.vars, variable{d.string(), d.doc()})
		}
	}
	if has&hasRetries != 0 {
		f.retries = d.ids()
	}
	if has&hasTask != 0 {
		f.task = d.task()
	}
	if has&hasWait != 0 {
		f.wait = d.int()
	}
	if has&hasJoin != 0 {
		f.join = d.join()
	}
	if f.phase < phaseEnter || f.phase > phaseJoined || f.index < 0 {
		d.fail(errFormat)
	}
	for i := range f.vars {
		if f.vars[i].value == nil {
			d.fail(errFormat)
		}
	}
	if f.input == nil {
		d.fail(errFormat)
	}
	return parent
}

func (d *decoder) task() *task {
	t := &task{event: d.int(), pattern: Pattern(d.byte())}
	flags := d.byte()
	t.submitted, t.picked = flags&taskSubmitted != 0, flags&taskPicked != 0
	t.timeout = d.int()
	t.seconds = d.int()
	t.beat = d.int()
	t.beatBy = d.int()
	t.output = d.doc()
	if flags&taskFailed != 0 {
		t.failed = d.failure()
	}
	return t
}

func (d *decoder) failure() *failure {
	flags := d.byte()
	return &failure{beat: flags&failureBeat != 0, final: flags&failureFinal != 0, fatal: flags&failureFatal != 0, name: d.optional(), cause: d.optional()}
}

func (d *decoder) join() *join {
	j := &join{total: int(d.int()), cursor: int(d.int()), limit: int(d.int()), done: int(d.int()), start: d.int()}
	j.stored = d.byte() != 0
	j.free = d.ids()
	j.items = d.doc()
	if j.total < 0 || j.cursor < 0 || j.cursor > j.total || j.done < 0 || j.done > j.cursor || j.limit < 0 {
		d.fail(errFormat)
	}
	return j
}

// DecodeResult reads a row of Change.Results; frame and index are the row's own columns.
func DecodeResult(frame int64, index int, data []byte, doc DocFunc) (Result, error) {
	d := newDecoder(data, doc)
	r := Result{Frame: frame, Index: index, Output: d.doc()}
	if err := d.end(); err != nil {
		return Result{}, fmt.Errorf("decode result %d of frame %d: %w", index, frame, err)
	}
	return r, nil
}

// AppendCommand encodes a command of a step for an outbox. It is called after
// the step's Changes, so that large documents are named by number.
func (x *Execution) AppendCommand(dst []byte, c *Command) []byte {
	e := encoder{b: append(dst, formatVersion), x: x}
	e.int(c.Event)
	e.string(c.Resource)
	e.byte(byte(c.Pattern))
	e.known(c.Input)
	e.int(int64(c.Attempt))
	e.time(c.Deadline)
	e.string(c.State)
	e.known(c.Credential)
	if c.MapRun == nil {
		e.byte(0)
		return e.b
	}
	e.byte(1)
	m := c.MapRun
	e.string(m.State)
	e.string(m.ARN)
	for _, d := range m.docs() {
		e.known(*d)
	}
	e.int(m.MaxConcurrency)
	e.int(m.ToleratedCount)
	e.float(m.ToleratedPercentage)
	if m.Tolerated {
		e.byte(1)
	} else {
		e.byte(0)
	}
	return e.b
}

// known writes a document by its number if it has one, else in full.
func (e *encoder) known(d *document.Doc) {
	x := e.x
	if d != nil {
		if _, ok := x.nums.of[d]; !ok {
			e.x = nil
		}
	}
	e.doc(d)
	e.x = x
}

// docs are the documents of a map run, in the order in which they are stored.
func (m *MapRun) docs() []**document.Doc {
	return []**document.Doc{&m.Items, &m.Input, &m.Reader, &m.MaxItems, &m.BatchInput, &m.MaxItemsPerBatch, &m.MaxBytesPerBatch, &m.Writer}
}

// DecodeCommand reads what AppendCommand wrote.
func DecodeCommand(data []byte, doc DocFunc) (Command, error) {
	d := newDecoder(data, doc)
	c := Command{Event: d.int(), Resource: d.string(), Pattern: Pattern(d.byte()), Input: d.doc(), Attempt: int(d.int())}
	c.Deadline = d.time()
	c.State = d.string()
	c.Credential = d.doc()
	if d.byte() != 0 {
		m := &MapRun{State: d.string(), ARN: d.string()}
		for _, p := range m.docs() {
			*p = d.doc()
		}
		m.MaxConcurrency = d.int()
		m.ToleratedCount = d.int()
		m.ToleratedPercentage = d.float()
		m.Tolerated = d.byte() != 0
		c.MapRun = m
	}
	if err := d.end(); err != nil {
		return Command{}, fmt.Errorf("decode command: %w", err)
	}
	return c, nil
}

// AppendInput encodes an input for an inbox. It is self-contained.
func AppendInput(dst []byte, in *Input) []byte {
	e := encoder{b: append(dst, formatVersion)}
	e.byte(byte(in.Kind))
	e.int(in.Event)
	e.time(in.At)
	var flags byte
	if in.Outcome.Failed {
		flags |= 1
	}
	if in.Token {
		flags |= 2
	}
	e.byte(flags)
	e.doc(in.Outcome.Output)
	e.optional(in.Outcome.Error)
	e.optional(in.Outcome.Cause)
	e.string(in.Worker)
	e.int(in.Frame)
	e.uint(uint64(len(in.Results)))
	for _, r := range in.Results {
		e.int(r.Frame)
		e.int(int64(r.Index))
		e.doc(r.Output)
	}
	return e.b
}

// DecodeInput reads what AppendInput wrote.
func DecodeInput(data []byte) (Input, error) {
	d := newDecoder(data, nil)
	in := Input{Kind: InputKind(d.byte()), Event: d.int(), At: d.time()}
	flags := d.byte()
	in.Outcome.Failed, in.Token = flags&1 != 0, flags&2 != 0
	in.Outcome.Output = d.doc()
	in.Outcome.Error = d.optional()
	in.Outcome.Cause = d.optional()
	in.Worker = d.string()
	in.Frame = d.int()
	for n := d.count(); n > 0 && d.err == nil; n-- {
		in.Results = append(in.Results, Result{Frame: d.int(), Index: int(d.int()), Output: d.doc()})
	}
	if err := d.end(); err != nil {
		return Input{}, fmt.Errorf("decode input: %w", err)
	}
	return in, nil
}

// time writes a time in whole milliseconds; 0 is no time.
func (e *encoder) time(t time.Time) {
	if t.IsZero() {
		e.int(0)
		return
	}
	e.int(t.UnixMilli())
}

func (d *decoder) time() time.Time {
	if ms := d.int(); ms != 0 {
		return clock(ms)
	}
	return time.Time{}
}
