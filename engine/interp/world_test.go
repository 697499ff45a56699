package interp_test

import (
	"fmt"
	"slices"
	"time"

	"millrace/asl"
	"millrace/asl/document"
	"millrace/engine/interp"
)

// world runs one execution on the interpreter alone, with a clock that stands
// still unless it is told. With restart, everything goes through its encoded
// form after each commit, as if the process had been started anew.
type world struct {
	m       *asl.Machine
	x       *interp.Execution
	now     time.Time
	restart bool
	events  []interp.Event
	waiting map[int64]interp.Command

	// What a store would keep.
	head    []byte
	frames  map[int64][]byte
	docs    map[int64][]byte
	results map[int64]map[int][]byte
	blocks  []interp.Block

	advances int
	setUp    func(*interp.Execution)
}

var epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func newWorld(m *asl.Machine, input string, restart bool) *world {
	w := &world{
		m: m, now: epoch, restart: restart,
		waiting: map[int64]interp.Command{},
		frames:  map[int64][]byte{}, docs: map[int64][]byte{}, results: map[int64]map[int][]byte{},
	}
	w.x = interp.New(7, [16]byte{1, 2, 3}, document.FromBytes([]byte(input)), w.now)
	w.dress(w.x)
	return w
}

// dress sets what the encoded form leaves out.
func (w *world) dress(x *interp.Execution) {
	x.ID = 7
	x.ARN = "arn:aws:states:us-east-1:000000000000:execution:machine:name"
	x.Name = "name"
	x.MachineARN = "arn:aws:states:us-east-1:000000000000:stateMachine:machine"
	x.MachineName = "machine"
	x.RoleARN = "arn:aws:iam::000000000000:role/x"
	x.Token = func(event int64) string { return fmt.Sprintf("token-%d", event) }
	if w.setUp != nil {
		w.setUp(x)
	}
}

func (w *world) doc(n int64) (*document.Doc, error) {
	b, ok := w.docs[n]
	if !ok {
		return nil, fmt.Errorf("no document %d", n)
	}
	return document.FromBytes(b), nil
}

// commit stores what the steps changed, and starts anew from that.
func (w *world) commit(steps ...*interp.Step) error {
	if err := w.commitOnly(steps...); err != nil || !w.restart {
		return err
	}
	return w.reload()
}

// commitOnly stores what the steps changed.
func (w *world) commitOnly(steps ...*interp.Step) error {
	for _, s := range steps {
		w.events = append(w.events, s.Events...)
		for _, c := range s.Commands {
			w.waiting[c.Event] = c
		}
		for _, e := range s.Moot {
			delete(w.waiting, e)
		}
	}
	if !w.restart {
		return nil
	}
	c := w.x.Changes(steps...)
	w.head = c.Head
	for _, f := range c.Frames {
		if f.Data == nil {
			if _, ok := w.frames[f.ID]; !ok {
				return fmt.Errorf("frame %d is deleted and was never stored", f.ID)
			}
			delete(w.frames, f.ID)
			continue
		}
		w.frames[f.ID] = f.Data
	}
	for _, d := range c.Docs {
		if _, ok := w.docs[d.N]; ok {
			return fmt.Errorf("document %d is stored twice", d.N)
		}
		w.docs[d.N] = d.Text
	}
	for _, r := range c.Results {
		if w.results[r.Frame] == nil {
			w.results[r.Frame] = map[int][]byte{}
		}
		w.results[r.Frame][r.Index] = r.Data
	}
	for _, s := range steps {
		for _, f := range s.JoinedBy {
			delete(w.results, f)
		}
	}
	w.blocks = append(w.blocks, c.Blocks...)
	for id, cmd := range w.waiting {
		again, err := interp.DecodeCommand(w.x.AppendCommand(nil, &cmd), w.doc)
		if err != nil {
			return err
		}
		w.waiting[id] = again
	}
	return nil
}

// reload starts anew from what is stored.
func (w *world) reload() error {
	x, err := interp.Decode(w.head, w.frames, w.doc)
	if err != nil {
		return err
	}
	w.dress(x)
	if got, want := x.Frames(), w.x.Frames(); got != want {
		return fmt.Errorf("%d frames after decoding, want %d", got, want)
	}
	w.x = x
	return nil
}

// advance gives the execution an input and follows it to where it waits.
func (w *world) advance(in interp.Input) (interp.Verdict, error) {
	if w.restart {
		again, err := interp.DecodeInput(interp.AppendInput(nil, &in))
		if err != nil {
			return 0, err
		}
		in = again
	}
	w.advances++
	s := interp.Advance(w.m, w.x, in, w.now)
	verdict := s.Verdict
	if err := w.commit(s); err != nil {
		return verdict, err
	}
	return verdict, w.follow(s)
}

func (w *world) follow(s *interp.Step) error {
	for n := 0; s.More || s.Join != 0; n++ {
		if n > 10000 {
			return fmt.Errorf("no end of steps")
		}
		in := interp.Input{Kind: interp.Resume}
		if !s.More {
			in = interp.Input{Kind: interp.Joined, Frame: s.Join}
			for i, b := range w.results[s.Join] {
				r, err := interp.DecodeResult(s.Join, i, b, w.doc)
				if err != nil {
					return err
				}
				in.Results = append(in.Results, r)
			}
		}
		w.advances++
		s = interp.Advance(w.m, w.x, in, w.now)
		if err := w.commit(s); err != nil {
			return err
		}
	}
	return nil
}

func (w *world) Start() error {
	_, err := w.advance(interp.Input{Kind: interp.Start})
	return err
}

func (w *world) Tell(in interp.Input) (interp.Verdict, error) {
	in.At = w.now
	c, ok := w.waiting[in.Event]
	v, err := w.advance(in)
	if v == interp.Accepted && in.Kind == interp.Answer && ok {
		if in.Token || c.Pattern != interp.Sync && c.Pattern != interp.WaitForTaskToken || in.Outcome.Failed {
			delete(w.waiting, in.Event)
		}
	}
	return v, err
}

func (w *world) Settle(event int64, o interp.Outcome) (interp.Verdict, error) {
	if w.restart { // Settle comes in the commit of an Advance
		s := interp.Advance(w.m, w.x, interp.Input{Kind: interp.Resume}, w.now)
		if err := w.commitOnly(s); err != nil {
			return 0, err
		}
	}
	// A unit that is rolled back runs again.
	w.x.Mark()
	interp.Settle(w.x, event, o, w.now)
	if !w.x.Unsettle() {
		return 0, fmt.Errorf("unsettle: not possible")
	}
	s := interp.Settle(w.x, event, o, w.now)
	if s.Verdict == interp.Accepted {
		delete(w.waiting, event)
	}
	if err := w.commit(s); err != nil {
		return s.Verdict, err
	}
	return s.Verdict, w.follow(s)
}

func (w *world) Advance(d time.Duration) error {
	until := w.now.Add(d)
	for {
		due := w.x.Wake()
		if due.IsZero() || due.After(until) {
			w.now = until
			return nil
		}
		if due.After(w.now) {
			w.now = due
		}
		if _, err := w.advance(interp.Input{Kind: interp.Resume}); err != nil {
			return err
		}
	}
}

func (w *world) Events() ([]interp.Event, error) {
	if !w.restart {
		return w.events, nil
	}
	var list []interp.Event
	for _, b := range w.blocks {
		events, err := interp.DecodeEvents(b.Data, w.doc)
		if err != nil {
			return nil, err
		}
		if len(events) == 0 || events[0].ID != b.First || events[len(events)-1].ID != b.Last {
			return nil, fmt.Errorf("block %d..%d holds other events", b.First, b.Last)
		}
		list = append(list, events...)
	}
	return list, nil
}

func (w *world) Ended() (interp.Status, *document.Doc, *string, *string, error) {
	name, cause := w.x.Failure()
	return w.x.Status(), w.x.Output(), name, cause, nil
}

// outstanding returns the event ids of the commands under way, in order.
func (w *world) outstanding() []int64 {
	var list []int64
	for e := range w.waiting {
		list = append(list, e)
	}
	slices.Sort(list)
	return list
}
