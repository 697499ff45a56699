package interp

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"millrace/asl"
	"millrace/asl/document"
)

// fuzzMachines are small machines that between them have every state type and
// every way to wait, fail and be cut.
var fuzzMachines = []string{
	`{"StartAt":"T","States":{"T":{"Type":"Task","Resource":"arn:aws:states:::sqs:sendMessage","TimeoutSeconds":9,"HeartbeatSeconds":3,
		"Retry":[{"ErrorEquals":["A"],"IntervalSeconds":1,"MaxAttempts":2,"JitterStrategy":"FULL"},{"ErrorEquals":["States.Timeout"],"MaxAttempts":1}],
		"Catch":[{"ErrorEquals":["States.TaskFailed"],"ResultPath":"$.e","Next":"W"}],"ResultPath":"$.r","Next":"T"},
		"W":{"Type":"Wait","Seconds":2,"Next":"C"},"C":{"Type":"Choice","Choices":[{"Variable":"$.e.Error","StringEquals":"B","Next":"F"}],"Default":"S"},
		"F":{"Type":"Fail","Error":"B"},"S":{"Type":"Succeed"}}}`,
	`{"TimeoutSeconds":50,"StartAt":"P","States":{"P":{"Type":"Parallel","Retry":[{"ErrorEquals":["B"],"IntervalSeconds":1,"MaxAttempts":1}],"Catch":[{"ErrorEquals":["States.ALL"],"Next":"P"}],"Next":"M","Branches":[
		{"StartAt":"A","States":{"A":{"Type":"Task","Resource":"arn:aws:states:::sqs:sendMessage.waitForTaskToken","HeartbeatSeconds":5,"Parameters":{"t.$":"$$.Task.Token"},"End":true}}},
		{"StartAt":"B","States":{"B":{"Type":"Task","Resource":"arn:aws:states:us-east-1:000000000000:activity:a","TimeoutSeconds":5,"End":true}}},
		{"StartAt":"W2","States":{"W2":{"Type":"Wait","Seconds":3,"Next":"V"},"V":{"Type":"Pass","Assign":{"v":1},"End":true}}}]},
		"M":{"Type":"Map","ItemsPath":"$","MaxConcurrency":2,"ItemProcessor":{"StartAt":"I","States":{
			"I":{"Type":"Map","ItemProcessor":{"StartAt":"J","States":{"J":{"Type":"Task","Resource":"arn:aws:lambda:us-east-1:000000000000:function:f","End":true}}},"End":true}}},
			"Catch":[{"ErrorEquals":["States.ALL"],"Next":"Z"}],"End":true},"Z":{"Type":"Pass","End":true}}}`,
	`{"StartAt":"M","States":{"M":{"Type":"Map","MaxConcurrency":3,"ItemSelector":{"v.$":"$$.Map.Item.Value","u.$":"States.UUID()"},
		"ItemProcessor":{"StartAt":"X","States":{"X":{"Type":"Choice","Choices":[{"Variable":"$.v","NumericGreaterThan":2,"Next":"Y"}],"Default":"Q"},
			"Q":{"Type":"Pass","End":true},"Y":{"Type":"Task","Resource":"arn:aws:states:::states:startExecution.sync","Next":"W"},"W":{"Type":"Wait","Seconds":1,"End":true}}},
		"Retry":[{"ErrorEquals":["A"],"IntervalSeconds":1}],"ResultPath":"$","Next":"D"},
		"D":{"Type":"Map","ItemProcessor":{"ProcessorConfig":{"Mode":"DISTRIBUTED","ExecutionType":"STANDARD"},"StartAt":"R","States":{"R":{"Type":"Pass","End":true}}},"End":true}}}`,
}

var fuzzInputs = []string{`{}`, `[1,2,3,4,5]`, `[[1],[],[2,3]]`, `{"big":"` + strings.Repeat("x", 600) + `"}`, `3`}

// FuzzAdvance tells random machines random things and checks what must always
// hold: no panic; event ids without a gap, chained to earlier ones; an ended
// execution never changes; what is decoded is what was encoded.
func FuzzAdvance(f *testing.F) {
	f.Add([]byte{0, 0, 1, 0, 4, 2, 1, 1, 0, 9})
	f.Add([]byte{1, 1, 2, 3, 1, 0, 7, 0, 3, 1, 5, 5, 5})
	f.Add([]byte{2, 1, 1, 0, 1, 1, 1, 2, 8, 3, 1, 1, 3, 0, 2, 2, 4, 4, 4, 4})
	f.Add([]byte{1, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})
	var machines []*asl.Machine
	for _, d := range fuzzMachines {
		m, diagnostics := asl.Parse([]byte(d), asl.Options{})
		if m == nil {
			f.Fatal(diagnostics)
		}
		machines = append(machines, m)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) < 2 || len(data) > 400 {
			return
		}
		m := machines[int(data[0])%len(machines)]
		input := fuzzInputs[int(data[1])%len(fuzzInputs)]
		h := &harness{t: t, m: m, now: time.UnixMilli(1767323045000)}
		h.x = New(1, [16]byte{data[0]}, document.FromBytes([]byte(input)), h.now)
		h.dress()
		h.tell(Input{Kind: Start})
		for i := 2; i+1 < len(data); i += 2 {
			h.play(data[i], data[i+1])
		}
	})
}

type harness struct {
	t      *testing.T
	m      *asl.Machine
	x      *Execution
	now    time.Time
	last   int64
	tasks  []int64
	frames map[int64][]byte
	docs   map[int64][]byte
	rows   map[int64][]Result
}

func (h *harness) dress() { h.x.Token = func(e int64) string { return fmt.Sprint(e) } }

func (h *harness) play(what, arg byte) {
	var event int64
	if len(h.tasks) > 0 {
		event = h.tasks[int(arg)%len(h.tasks)]
	}
	in := Input{Kind: Answer, Event: event, Token: what&8 != 0}
	switch what % 8 {
	case 0, 1:
		in.Outcome.Output = document.FromBytes([]byte(fuzzInputs[int(arg)%len(fuzzInputs)]))
	case 2:
		name := string(rune('A' + arg%3))
		in.Outcome = Outcome{Failed: true, Error: &name}
	case 3:
		in.Kind = Picked
	case 4:
		in.Kind = Heartbeat
	case 5:
		h.now = h.now.Add(time.Duration(arg) * 100 * time.Millisecond)
		in = Input{Kind: Resume}
	case 6:
		in = Input{Kind: Joined, Frame: int64(arg)}
		if arg > 250 {
			in = Input{Kind: Stop}
		} else if arg > 240 {
			in = Input{Kind: Redrive}
		}
	case 7:
		h.settle(event)
		return
	}
	h.tell(in)
}

func (h *harness) settle(event int64) {
	if h.x.machine == nil {
		Advance(h.m, h.x, Input{Kind: Resume}, h.now)
	}
	before := h.x.head
	s := Settle(h.x, event, Outcome{}, h.now)
	h.check(s, before)
	h.follow(s)
}

func (h *harness) tell(in Input) {
	before := h.x.head
	s := Advance(h.m, h.x, in, h.now)
	h.check(s, before)
	h.follow(s)
}

func (h *harness) follow(s *Step) {
	for n := 0; s.More || s.Join != 0; n++ {
		if n > 200 {
			h.t.Fatal("no end of steps")
		}
		in := Input{Kind: Resume}
		if !s.More {
			in = Input{Kind: Joined, Frame: s.Join, Results: h.rows[s.Join]}
		}
		before := h.x.head
		s = Advance(h.m, h.x, in, h.now)
		h.check(s, before)
	}
}

// check looks at a step, stores it, and goes on with what was stored.
func (h *harness) check(s *Step, before head) {
	t := h.t
	redriven := len(s.Events) > 0 && s.Events[0].Type == "ExecutionRedriven"
	if before.status != Running && !redriven && (len(s.Events) > 0 || h.x.head.event != before.event || h.x.head.status != before.status) {
		t.Fatalf("an ended execution changed: %d events", len(s.Events))
	}
	for _, e := range s.Events {
		if e.ID != h.last+1 {
			t.Fatalf("event %d follows %d", e.ID, h.last)
		}
		h.last = e.ID
		if e.Previous >= e.ID || e.Previous < 0 {
			t.Fatalf("event %d chains from %d", e.ID, e.Previous)
		}
		if eventCode(e.Type) == 0 {
			t.Fatalf("unknown type %q", e.Type)
		}
	}
	if s.Verdict != Accepted && before.status != Running && len(s.Events) > 0 {
		t.Fatal("a refused input left events")
	}
	for _, c := range s.Commands {
		h.tasks = append(h.tasks, c.Event)
	}
	if h.x.head.status == Succeeded && len(h.x.frames) > 0 {
		t.Fatalf("an execution that succeeded has %d frames", len(h.x.frames))
	}
	if h.x.head.status != Running && (len(h.x.ready) > 0 || len(h.x.events) > 0 || h.x.tokens > 0 || len(h.x.due) > 0 || !s.Wake.IsZero() || s.More || s.Join != 0) {
		t.Fatalf("an ended execution has %d ready, %d tasks, wake %s", len(h.x.ready), len(h.x.events), s.Wake)
	}
	h.store(s)
}

func (h *harness) store(s *Step) {
	t := h.t
	if h.frames == nil {
		h.frames, h.docs, h.rows = map[int64][]byte{}, map[int64][]byte{}, map[int64][]Result{}
	}
	c := h.x.Changes(s)
	for _, f := range c.Frames {
		if f.Data == nil {
			delete(h.frames, f.ID)
		} else {
			h.frames[f.ID] = f.Data
		}
	}
	for _, d := range c.Docs {
		if h.docs[d.N] != nil {
			t.Fatalf("document %d twice", d.N)
		}
		h.docs[d.N] = d.Text
	}
	load := func(n int64) (*document.Doc, error) {
		if h.docs[n] == nil {
			return nil, fmt.Errorf("no document %d", n)
		}
		return document.FromBytes(h.docs[n]), nil
	}
	for _, r := range c.Results {
		res, err := DecodeResult(r.Frame, r.Index, r.Data, load)
		if err != nil {
			t.Fatal(err)
		}
		h.rows[r.Frame] = append(h.rows[r.Frame], res)
	}
	for _, f := range s.JoinedBy {
		delete(h.rows, f)
	}
	h.history(c.Blocks, s.Events, load)
	x, err := Decode(c.Head, h.frames, load)
	if err != nil {
		t.Fatal(err)
	}
	// Encoded again it is the same, to the byte: what was given a number keeps it.
	if again := x.encodeHead(); !bytes.Equal(again, c.Head) {
		t.Fatalf("head encodes again to %x, was %x", again, c.Head)
	}
	for id, b := range h.frames {
		e := encoder{x: x}
		e.frame(x.frames[id])
		if !bytes.Equal(e.b, b) {
			t.Fatalf("frame %d encodes again to %x, was %x", id, e.b, b)
		}
	}
	if got, want := x.Wake(), h.x.Wake(); !got.Equal(want) {
		t.Fatalf("wake %s after decoding, was %s", got, want)
	}
	if len(x.ready) != len(h.x.ready) || len(x.events) != len(h.x.events) || x.tokens != h.x.tokens {
		t.Fatalf("%d ready, %d tasks and %d tokens after decoding, were %d, %d and %d", len(x.ready), len(x.events), x.tokens, len(h.x.ready), len(h.x.events), h.x.tokens)
	}
	h.x = x
	h.dress()
}

func (h *harness) history(blocks []Block, events []Event, load DocFunc) {
	t := h.t
	i := 0
	for _, b := range blocks {
		list, err := DecodeEvents(b.Data, load)
		if err != nil {
			t.Fatal(err)
		}
		for j := range list {
			got, want := list[j].AppendJSON(nil, true), events[i].AppendJSON(nil, true)
			if !bytes.Equal(got, want) {
				t.Fatalf("event decodes to %s, was %s", got, want)
			}
			if !document.Valid(got) {
				t.Fatalf("event %s is not JSON", got)
			}
			i++
		}
	}
	if i != len(events) {
		t.Fatalf("%d events in blocks, want %d", i, len(events))
	}
}

// FuzzDecode gives the decoders anything: they may refuse it, not panic.
func FuzzDecode(f *testing.F) {
	m, _ := asl.Parse([]byte(fuzzMachines[1]), asl.Options{})
	x := New(1, [16]byte{}, document.FromBytes([]byte(`[1,2]`)), time.UnixMilli(1767323045000))
	x.Token = func(e int64) string { return fmt.Sprint(e) }
	s := Advance(m, x, Input{Kind: Start}, time.UnixMilli(1767323045000))
	c := x.Changes(s)
	f.Add(c.Head, c.Frames[0].Data)
	f.Add(c.Blocks[0].Data, c.Frames[1].Data)
	in := Input{Kind: Answer, Event: 3, Worker: "w", Results: []Result{{Frame: 1, Index: 2, Output: document.FromBytes([]byte("1"))}}}
	f.Add(AppendInput(nil, &in), x.AppendCommand(nil, &s.Commands[0]))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		load := func(int64) (*document.Doc, error) { return document.FromBytes([]byte("[]")), nil }
		if x, err := Decode(a, map[int64][]byte{1: b}, load); err == nil {
			s := Advance(m, x, Input{Kind: Resume, At: time.UnixMilli(1)}, time.UnixMilli(1767323046000))
			x.Changes(s)
		}
		if events, err := DecodeEvents(a, load); err == nil {
			for i := range events {
				events[i].AppendJSON(nil, true)
			}
		}
		_, _ = DecodeInput(a)
		_, _ = DecodeCommand(b, load)
		_, _ = DecodeResult(1, 1, b, load)
	})
}
