package engine

import (
	"sync"

	"millrace/asl"
	"millrace/engine/interp"
)

// mail is an input on its way to an execution, with the one who waits for what
// becomes of it.
type mail struct {
	in    interp.Input
	row   *InboxKey                       // of the inbox, which goes once the input was told; nil: none
	claim *claim                          // the call that the input answers; nil: none
	done  func(v interp.Verdict, e error) // nil: nobody waits; must not block
}

// resident is an execution in memory, or one that is about to be. It has one
// mailbox and at most one worker.
type resident struct {
	id int64

	// Guarded by the scheduler.
	phase      residence
	mail       []mail
	resume     bool // Resume is to be given
	inbox      bool // there may be unread messages
	next       *resident
	newer, old *resident // neighbours among those at rest
	size       int64

	// Of the worker that has it, or the commit under way.
	x          *interp.Execution // nil: to be loaded
	m          *asl.Machine
	machine    *machine
	definition int64
	birth      birth
	seed       [16]byte // of an execution that is being created
	name       string
	named      bool // the name is stored
	version    int64
	wake       int64 // as stored
	tokens     bool  // as stored
	join       int64 // a frame whose results are to be loaded
	failures   int   // of its units in a row
	poison     error // what its local actions failed with twice: they are not run again
	express    *expressRun
	token      string // the last that was asked for,
	sealed     int64  // and its event
}

// residence says where a resident is.
type residence byte

const (
	atRest residence = iota
	inQueue
	withWorker
	inCommit
)

// scheduler has the residents, the queue of those that can go on, and the list of
// those at rest, least recently used first.
type scheduler struct {
	mu         sync.Mutex
	work       sync.Cond
	residents  map[int64]*resident
	head, tail *resident // the queue
	waiting    int       // its length
	rest       resident  // a ring: rest.old is the most recent, rest.newer the least
	bytes      int64     // of those at rest
	limit      int64
	closed     bool
}

func (s *scheduler) init(limit int64) {
	s.work.L = &s.mu
	s.residents = map[int64]*resident{}
	s.rest.newer, s.rest.old = &s.rest, &s.rest
	s.limit = limit
}

// close wakes the workers so that they end.
func (s *scheduler) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	s.work.Broadcast()
}

// tell changes a resident under the lock and queues it if it is at rest.
func (s *scheduler) tell(id int64, f func(*resident)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.residents[id]
	if r == nil {
		r = &resident{id: id}
		s.residents[id] = r
	}
	f(r)
	if r.phase == atRest {
		s.unrest(r)
		s.push(r)
	}
}

// post gives an execution an input.
func (e *Engine) post(id int64, m mail) {
	if e.closed.Load() {
		if m.done != nil {
			m.done(0, ErrClosed)
		}
		return
	}
	e.sched.tell(id, func(r *resident) { r.mail = append(r.mail, m) })
}

// hint says that an execution has a message in its inbox.
func (e *Engine) hint(id int64) { e.sched.tell(id, func(r *resident) { r.inbox = true }) }

// resume says that an execution can go on, or that a deadline of it has come.
func (e *Engine) resume(id int64) { e.sched.tell(id, func(r *resident) { r.resume = true }) }

// push appends r to the queue. The caller holds the lock.
func (s *scheduler) push(r *resident) {
	r.phase, r.next = inQueue, nil
	if s.tail == nil {
		s.head = r
	} else {
		s.tail.next = r
	}
	s.tail = r
	s.waiting++
	s.work.Signal()
}

// take waits for a resident that can go on and hands it over with what it is to
// be told; nil at the end.
func (s *scheduler) take() (r *resident, mails []mail, resume, inbox bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.head == nil && !s.closed {
		s.work.Wait()
	}
	if s.closed {
		return nil, nil, false, false
	}
	r = s.head
	if s.head = r.next; s.head == nil {
		s.tail = nil
	}
	s.waiting--
	r.phase, r.next = withWorker, nil
	mails, resume, inbox = r.mail, r.resume, r.inbox
	r.mail, r.resume, r.inbox = nil, false, false
	return r, mails, resume, inbox
}

// queued returns the length of the queue.
func (s *scheduler) queued() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.waiting
}

// adopt makes an execution that is being created resident, so that what is sent
// to it waits for the commit.
func (s *scheduler) adopt(r *resident) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r.phase = inCommit
	s.residents[r.id] = r
}

// committing says that r's worker has handed it to the committer.
func (s *scheduler) committing(r *resident) {
	s.mu.Lock()
	r.phase = inCommit
	s.mu.Unlock()
}

// give gives r back: to the queue if it has something to do, else to those at rest.
func (s *scheduler) give(r *resident, again []mail, resume bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(again) > 0 {
		r.mail = append(append(make([]mail, 0, len(again)+len(r.mail)), again...), r.mail...)
	}
	r.resume = r.resume || resume
	if len(r.mail) > 0 || r.resume || r.inbox {
		s.push(r)
		return
	}
	r.phase = atRest
	if r.x == nil {
		delete(s.residents, r.id)
		return
	}
	if r.express != nil {
		return // it has no other home
	}
	r.size = int64(r.x.Size())
	r.old, r.newer = s.rest.old, &s.rest
	r.old.newer, s.rest.old = r, r
	s.bytes += r.size
	for s.bytes > s.limit && s.rest.newer != &s.rest {
		least := s.rest.newer
		s.unrest(least)
		delete(s.residents, least.id)
	}
}

// unrest takes r off the list of those at rest, if it is on it. The caller holds the lock.
func (s *scheduler) unrest(r *resident) {
	if r.newer == nil {
		return
	}
	r.newer.old, r.old.newer = r.old, r.newer
	r.newer, r.old = nil, nil
	s.bytes -= r.size
}

// remove drops an execution that has ended or never came to be, and returns what
// was sent to it meanwhile; unread reports that there may be messages.
func (s *scheduler) remove(r *resident) (mails []mail, unread bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.residents[r.id] == r {
		delete(s.residents, r.id)
	}
	mails, unread = r.mail, r.inbox
	r.mail, r.inbox, r.phase = nil, false, atRest
	return mails, unread
}
