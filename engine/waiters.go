package engine

import (
	"container/heap"
	"sync"
	"time"
)

// waiters maps keys to those who wait for them, in order, and holds the
// deadlines of keys. Nobody waits on a goroutine or a timer of its own.
type waiters struct {
	mu        sync.Mutex
	lists     map[string]*watcher // rings
	deadlines deadlines
	sooner    func() // a deadline came to be the earliest
}

// watcher is an entry of a ring of those who watch a key.
type watcher struct {
	f          func()
	prev, next *watcher
	gone       bool
}

// watch calls f at each signal of key until stop is called.
func (w *waiters) watch(key string, f func()) (stop func()) {
	n := &watcher{f: f}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.lists == nil {
		w.lists = map[string]*watcher{}
	}
	if head := w.lists[key]; head == nil {
		n.prev, n.next = n, n
		w.lists[key] = n
	} else {
		n.prev, n.next = head.prev, head
		n.prev.next, n.next.prev = n, n
	}
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if n.gone {
			return
		}
		n.gone = true
		switch {
		case n.next == n:
			delete(w.lists, key)
		case w.lists[key] == n:
			w.lists[key] = n.next
			fallthrough
		default:
			n.prev.next, n.next.prev = n.next, n.prev
		}
	}
}

// signal calls those who watch key, in the order in which they came.
func (w *waiters) signal(key string) {
	w.mu.Lock()
	head := w.lists[key]
	if head == nil {
		w.mu.Unlock()
		return
	}
	var few [4]func()
	calls := few[:0]
	for n := head; ; n = n.next {
		calls = append(calls, n.f)
		if n.next == head {
			break
		}
	}
	w.mu.Unlock()
	for _, f := range calls {
		f()
	}
}

// at signals key, or calls f instead when it is given, at a time.
func (w *waiters) at(t time.Time, key string, f func()) *deadline {
	d := &deadline{t: t, key: key, f: f}
	w.mu.Lock()
	heap.Push(&w.deadlines, d)
	first := d.place == 0
	w.mu.Unlock()
	if first && w.sooner != nil {
		w.sooner()
	}
	return d
}

// cancel takes a deadline back that has not come yet. d may be nil.
func (w *waiters) cancel(d *deadline) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if d != nil && d.place >= 0 {
		heap.Remove(&w.deadlines, d.place)
	}
}

// next returns the earliest deadline; zero: none.
func (w *waiters) next() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.deadlines) == 0 {
		return time.Time{}
	}
	return w.deadlines[0].t
}

// fire signals the keys whose deadline has come.
func (w *waiters) fire(now time.Time) {
	for {
		w.mu.Lock()
		if len(w.deadlines) == 0 || w.deadlines[0].t.After(now) {
			w.mu.Unlock()
			return
		}
		d := heap.Pop(&w.deadlines).(*deadline)
		w.mu.Unlock()
		if d.f != nil {
			d.f()
		} else {
			w.signal(d.key)
		}
	}
}

// deadline is an entry of the heap.
type deadline struct {
	t     time.Time
	key   string
	f     func()
	place int // in the heap; negative: not any more
}

type deadlines []*deadline

func (d deadlines) Len() int           { return len(d) }
func (d deadlines) Less(i, j int) bool { return d[i].t.Before(d[j].t) }
func (d deadlines) Swap(i, j int) {
	d[i], d[j] = d[j], d[i]
	d[i].place, d[j].place = i, j
}
func (d *deadlines) Push(x any) {
	e := x.(*deadline)
	e.place = len(*d)
	*d = append(*d, e)
}
func (d *deadlines) Pop() any {
	old := *d
	e := old[len(old)-1]
	old[len(old)-1] = nil
	*d = old[:len(old)-1]
	e.place = -1
	return e
}
