package bench

import (
	"context"
	"sync"
	"time"

	"millrace/engine"
)

// rows is what one commit wrote: a step of an execution, in bytes.
type rows struct {
	execution   int64
	first       bool // the execution was created
	status      bool // its status changed
	meta, head  int
	root        int   // -1: not written
	from, to    int64 // event ids of the history
	block       int   // of the history
	other       int   // documents, results, frames but the root, commands
	effects     int   // rows that tasks wrote
	transaction int   // that it was part of, from 0
}

// bytes returns what the commit wrote without any of the store's own.
func (r *rows) bytes() int { return r.meta + r.head + max(r.root, 0) + r.block + r.other }

// recorder is a store that notes what its groups write while it is on.
type recorder struct {
	engine.Store
	tasks   *resolver
	mu      sync.Mutex // held while a group is committed
	on      bool
	commits []rows
	groups  int
}

// reset begins or ends to record.
func (s *recorder) reset(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.commits, s.groups, s.on = s.commits[:0], 0, on
	s.tasks.effects.written = nil
	if on {
		s.tasks.effects.written = map[int64]int{}
	}
}

// Group is that of the store.
func (s *recorder) Group(ctx context.Context, units []*engine.Unit, limit time.Duration) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.on {
		return s.Store.Group(ctx, units, limit)
	}
	clear(s.tasks.effects.written)
	n, err := s.Store.Group(ctx, units, limit)
	if err != nil {
		return n, err
	}
	before := len(s.commits)
	for _, u := range units[:n] {
		if u.Change != nil && u.Err == nil {
			s.commits = append(s.commits, s.note(u.Change))
		}
	}
	if len(s.commits) > before {
		s.groups++
	}
	return n, nil
}

// rootFrame is the frame that is stored in the execution's own row.
const rootFrame = 1

func (s *recorder) note(c *engine.Change) rows {
	r := rows{
		execution: c.Execution, first: c.Version == 0, status: c.StatusChanged || c.TokenChanged, transaction: s.groups,
		meta: len(c.Meta) + len(c.Name), head: len(c.Rows.Head), root: -1, effects: s.tasks.effects.written[c.Execution],
	}
	for i := range c.Rows.Frames {
		if f := &c.Rows.Frames[i]; f.ID == rootFrame {
			r.root = len(f.Data)
		} else {
			r.other += len(f.Data)
		}
	}
	for i := range c.Rows.Blocks {
		b := &c.Rows.Blocks[i]
		if i == 0 {
			r.from = b.First
		}
		r.to = b.Last
		r.block += len(b.Data)
	}
	for i := range c.Rows.Docs {
		r.other += len(c.Rows.Docs[i].Text)
	}
	for i := range c.Rows.Results {
		r.other += len(c.Rows.Results[i].Data)
	}
	for i := range c.Commands {
		r.other += len(c.Commands[i].Data)
	}
	return r
}

// forget gives back the memory of what was recorded.
func (s *recorder) forget() {
	s.reset(false)
	s.commits = nil
}
