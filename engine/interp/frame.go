package interp

import (
	"sort"

	"millrace/asl"
	"millrace/asl/document"
)

// Frame is one thread of control: the execution's own, a Parallel branch's, or
// a Map iteration's. It stands at one state, and while that is a Parallel or a
// Map it holds the counters of its children.
type Frame struct {
	id     int64
	parent *Frame // nil: the execution's own thread
	index  int    // which branch or iteration
	state  string // JSON pointer of the state
	phase  phase
	last   int64 // previousEventId of the thread's next event
	prior  int64 // last as it was before the state was entered

	entered int64 // id of the event that entered the state
	at      int64 // when, in ms
	input   *document.Doc
	vars    []variable
	retries []int64 // per retrier of the state, how often it was used

	task *task // in phaseTask and phaseSettled
	wait int64 // deadline of phaseWait and phaseRetry
	join *join // in phaseJoin and phaseLoad

	// In memory only.
	st       asl.State  // the state at pointer state
	block    *asl.Block // the block it belongs to
	depth    int
	due      int64 // the least of the frame's deadlines; 0: none
	pos      int   // in the deadline heap, from 1; 0: not in it
	kid      int   // place among the parent's kids
	queued   bool  // in the ready list
	exitFrom int64 // of a Parallel or Map that succeeded: what its exit chains from, past *StateSucceeded
	gone     bool  // ended or cut
	stored   bool  // the store has it
	stamp    int64 // of the step that last changed it
	encoded  int64 // the call of Changes that last encoded it
}

// phase says what a frame waits for, or what it does next. Stored: never renumber.
type phase byte

const (
	phaseEnter   phase = 1 + iota // next: enter the state
	phaseWork                     // next: do the entered state's work, again after a retry
	phaseWait                     // a Wait state waits for its time
	phaseWaited                   // next: leave the Wait state
	phaseRetry                    // waits for a retrier's interval
	phaseTask                     // waits for a task
	phaseSettled                  // next: go on with the task's outcome
	phaseJoin                     // next: enter children while there are free slots; then waits for them
	phaseLoad                     // waits for the results of the ended children
	phaseJoined                   // next: go on with the children's results
)

type variable struct {
	name  string
	value *document.Doc
}

// task is a task under way.
type task struct {
	event     int64 // of the scheduling event
	pattern   Pattern
	submitted bool  // the call was answered; the work goes on
	picked    bool  // a worker has the activity
	timeout   int64 // deadline in ms; 0: none
	seconds   int64 // TimeoutSeconds, of an activity not yet picked; 0: none
	beat      int64 // HeartbeatSeconds; 0: none
	beatBy    int64 // the heartbeat's deadline in ms; 0: none
	output    *document.Doc
	failed    *failure // with phaseSettled: how it ended; nil: with output
}

// failure is a workflow error on its way.
type failure struct {
	name  *string
	cause *string
	beat  bool // a heartbeat was missed: States.HeartbeatTimeout matches too
	final bool // neither Retry nor Catch of the state may take it any more
	fatal bool // no Retry or Catch of any state takes it: the execution ends
}

// join is a Parallel or a Map at work.
type join struct {
	total  int
	cursor int     // children entered so far
	limit  int     // children at a time
	done   int     // children ended
	free   []int64 // of each free slot the event it chains from, in order
	start  int64   // the event the first children chain from
	items  *document.Doc
	stored bool // the store has results

	// In memory only.
	values  []any    // items
	keys    []string // of items that are an object
	args    *document.Doc
	kids    []*Frame
	have    int // results held here
	results []*document.Doc
	fresh   []int // results not yet given to a step
	listed  bool  // in the run's list of joins with fresh results
}

func (x *Execution) newFrame(parent *Frame, index int) *Frame {
	x.head.frame++
	f := &Frame{id: x.head.frame, parent: parent, index: index}
	x.frames[f.id] = f
	if parent != nil {
		f.depth = parent.depth + 1
		f.kid = len(parent.join.kids)
		parent.join.kids = append(parent.join.kids, f)
	}
	return f
}

// drop takes a frame out of every index. Its children must be gone.
func (x *Execution) drop(f *Frame) {
	f.gone = true
	x.unschedule(f)
	x.due.remove(f)
	delete(x.frames, f.id)
	if p := f.parent; p != nil && p.join != nil {
		k := p.join.kids
		n := len(k) - 1
		k[f.kid] = k[n]
		k[f.kid].kid = f.kid
		k[n] = nil
		p.join.kids = k[:n]
	}
}

// expect has the frame be told of its task.
func (x *Execution) expect(f *Frame) {
	x.events[f.task.event] = f
	if f.task.pattern == WaitForTaskToken {
		x.tokens++
	}
}

// unexpect has the frame be told no more, if it still was.
func (x *Execution) unexpect(f *Frame) {
	if x.events[f.task.event] != f {
		return
	}
	delete(x.events, f.task.event)
	if f.task.pattern == WaitForTaskToken {
		x.tokens--
	}
}

// unschedule forgets the frame's task.
func (x *Execution) unschedule(f *Frame) {
	if f.task != nil {
		x.unexpect(f)
		f.task = nil
	}
}

// children returns the live children in index order.
func (j *join) children() []*Frame {
	k := append([]*Frame(nil), j.kids...)
	sort.Slice(k, func(a, b int) bool { return k[a].index < k[b].index })
	return k
}

// runnable says whether the frame can go on without the world.
func (f *Frame) runnable() bool {
	switch f.phase {
	case phaseEnter, phaseWork, phaseWaited, phaseSettled, phaseJoined:
		return true
	case phaseJoin:
		return f.join.cursor < f.join.total && f.join.room() || f.join.done == f.join.total
	}
	return false
}

func (j *join) room() bool { return j.cursor < j.limit || len(j.free) > 0 }

// reschedule puts the frame's deadline into the heap as it stands now.
func (x *Execution) reschedule(f *Frame) {
	var due int64
	switch {
	case f.gone:
		return
	case f.phase == phaseWait || f.phase == phaseRetry:
		due = f.wait
	case f.phase == phaseTask:
		due = f.task.timeout
		if b := f.task.beatBy; b != 0 && (due == 0 || b < due) {
			due = b
		}
	}
	if due == f.due && (due == 0 || f.pos != 0) {
		return
	}
	x.due.remove(f)
	f.due = due
	if due != 0 {
		x.due.add(f)
	}
}

// deadlines is a heap of frames by deadline: earliest first, then outermost, then oldest.
type deadlines []*Frame

func (d deadlines) less(i, j int) bool {
	a, b := d[i], d[j]
	switch {
	case a.due != b.due:
		return a.due < b.due
	case a.depth != b.depth:
		return a.depth < b.depth
	}
	return a.id < b.id
}

func (d deadlines) swap(i, j int) {
	d[i], d[j] = d[j], d[i]
	d[i].pos, d[j].pos = i+1, j+1
}

func (d *deadlines) add(f *Frame) {
	*d = append(*d, f)
	f.pos = len(*d)
	d.up(f.pos - 1)
}

func (d *deadlines) remove(f *Frame) {
	if f.pos == 0 {
		return
	}
	i, n := f.pos-1, len(*d)-1
	if i != n {
		d.swap(i, n)
	}
	(*d)[n] = nil
	*d = (*d)[:n]
	f.pos, f.due = 0, 0
	if i != n {
		d.down(i)
		d.up(i)
	}
}

func (d deadlines) up(i int) {
	for i > 0 {
		p := (i - 1) / 2
		if !d.less(i, p) {
			return
		}
		d.swap(i, p)
		i = p
	}
}

func (d deadlines) down(i int) {
	for {
		c := 2*i + 1
		if c >= len(d) {
			return
		}
		if c+1 < len(d) && d.less(c+1, c) {
			c++
		}
		if !d.less(c, i) {
			return
		}
		d.swap(i, c)
		i = c
	}
}
