package interp_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"millrace/asl/document"
	"millrace/engine/interp"
)

func doc(s string) *document.Doc { return document.FromBytes([]byte(s)) }

func ptr(s string) *string { return &s }

// types returns the types of a step's events.
func types(events []interp.Event) string {
	var t []string
	for _, e := range events {
		t = append(t, e.Type)
	}
	return strings.Join(t, " ")
}

const oneTask = `{"StartAt":"T","States":{"T":{"Type":"Task","Resource":"arn:aws:states:::sqs:sendMessage","TimeoutSeconds":10,"End":true}}}`

func TestInputThatCameBeforeTheDeadlineCounts(t *testing.T) {
	for _, c := range []struct {
		at   time.Duration
		want interp.Verdict
	}{
		{9 * time.Second, interp.Accepted},
		{10 * time.Second, interp.Late},
		{0, interp.Late}, // no time of its own: now
	} {
		m := parse(t, oneTask)
		x := interp.New(1, [16]byte{}, doc("{}"), epoch)
		interp.Advance(m, x, interp.Input{Kind: interp.Start}, epoch)
		in := interp.Input{Kind: interp.Answer, Event: 3}
		if c.at != 0 {
			in.At = epoch.Add(c.at)
		}
		s := interp.Advance(m, x, in, epoch.Add(time.Minute))
		if s.Verdict != c.want {
			t.Errorf("answer at %s: verdict %d, want %d", c.at, s.Verdict, c.want)
		}
		if s.Verdict == interp.Late && (s.Events[0].Type != "TaskTimedOut" || !slices.Equal(s.Moot, []int64{3})) {
			t.Errorf("answer at %s: events %s, moot %v", c.at, types(s.Events), s.Moot)
		}
	}
}

func TestDeadlinesFireInOrder(t *testing.T) {
	m := parse(t, `{"StartAt":"P","States":{"P":{"Type":"Parallel","End":true,"Branches":[
		{"StartAt":"A","States":{"A":{"Type":"Wait","Seconds":3,"End":true}}},
		{"StartAt":"B","States":{"B":{"Type":"Wait","Seconds":1,"Next":"B2"},"B2":{"Type":"Wait","Seconds":2,"End":true}}},
		{"StartAt":"C","States":{"C":{"Type":"Wait","Seconds":2,"End":true}}}]}}}`)
	x := interp.New(1, [16]byte{}, doc("{}"), epoch)
	s := interp.Advance(m, x, interp.Input{Kind: interp.Start}, epoch)
	if got, want := s.Wake, epoch.Add(time.Second); !got.Equal(want) {
		t.Errorf("wake %s, want %s", got, want)
	}
	s = interp.Advance(m, x, interp.Input{Kind: interp.Resume}, epoch.Add(5*time.Second))
	var names []string
	for _, e := range s.Events {
		if e.Type == "WaitStateExited" {
			names = append(names, e.Name)
		}
	}
	if got, want := strings.Join(names, " "), "B C A"; got != want {
		t.Errorf("waits ended in the order %s, want %s", got, want)
	}
	if got, want := s.Wake, epoch.Add(7*time.Second); !got.Equal(want) {
		t.Errorf("wake %s, want %s: B2 waits from when B ended", got, want)
	}
}

func TestEventTimesNeverDecrease(t *testing.T) {
	m := parse(t, oneTask)
	x := interp.New(1, [16]byte{}, doc("{}"), epoch)
	interp.Advance(m, x, interp.Input{Kind: interp.Start}, epoch)
	s := interp.Advance(m, x, interp.Input{Kind: interp.Answer, Event: 3}, epoch.Add(-time.Hour))
	for _, e := range s.Events {
		if e.Time.Before(epoch) {
			t.Errorf("%s at %s, before %s", e.Type, e.Time, epoch)
		}
	}
	if !s.Ended || !x.Stopped().Equal(epoch) {
		t.Errorf("ended %v at %s", s.Ended, x.Stopped())
	}
}

func TestStepIsBounded(t *testing.T) {
	m := parse(t, `{"StartAt":"A","States":{"A":{"Type":"Pass","Next":"B"},"B":{"Type":"Choice","Default":"A","Choices":[{"Variable":"$.x","IsPresent":true,"Next":"C"}]},"C":{"Type":"Succeed"}}}`)
	x := interp.New(1, [16]byte{}, doc("{}"), epoch)
	s := interp.Advance(m, x, interp.Input{Kind: interp.Start}, epoch)
	steps := 1
	for !s.Ended {
		if !s.More {
			t.Fatalf("step %d: no more after %d events", steps, x.LastEvent())
		}
		if len(s.Events) > 2*interp.MaxTransitions+1 {
			t.Fatalf("step %d: %d events", steps, len(s.Events))
		}
		s = interp.Advance(m, x, interp.Input{Kind: interp.Resume}, epoch)
		steps++
	}
	last := s.Events[len(s.Events)-1]
	if last.ID != interp.MaxEvents || last.Type != "ExecutionFailed" || *last.Error != "States.Runtime" ||
		*last.Cause != "The execution reached the maximum number of history events (25000)." {
		t.Errorf("last event %d %s %v %v", last.ID, last.Type, *last.Error, *last.Cause)
	}
	if name, _ := x.Failure(); x.Status() != interp.Failed || name == nil || *name != "States.Runtime" {
		t.Errorf("status %s", x.Status())
	}
}

func TestStepIsBoundedByBytes(t *testing.T) {
	m := parse(t, chain(50))
	x := interp.New(1, [16]byte{}, doc(`"`+strings.Repeat("a", 200<<10)+`"`), epoch)
	s := interp.Advance(m, x, interp.Input{Kind: interp.Start}, epoch)
	if !s.More || len(s.Events) > 10 {
		t.Errorf("more %v after %d events of 200 KiB", s.More, len(s.Events))
	}
	for n := 0; !s.Ended && n < 100; n++ {
		s = interp.Advance(m, x, interp.Input{Kind: interp.Resume}, epoch)
	}
	if x.Status() != interp.Succeeded || x.LastEvent() != 102 {
		t.Errorf("%s after %d events", x.Status(), x.LastEvent())
	}
}

// An input is applied even when the step's bound is reached before its turn.
func TestInputIsAppliedWhenTheStepIsFull(t *testing.T) {
	m := parse(t, `{"StartAt":"P","States":{"P":{"Type":"Parallel","End":true,"Branches":[
		{"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":1,"Next":"L"},
			"L":{"Type":"Choice","Default":"L","Choices":[{"Variable":"$.x","IsPresent":true,"Next":"C"}]},"C":{"Type":"Succeed"}}},
		{"StartAt":"T","States":{"T":{"Type":"Task","Resource":"arn:aws:states:::sqs:sendMessage","TimeoutSeconds":10,"End":true}}},
		{"StartAt":"U","States":{"U":{"Type":"Task","Resource":"arn:aws:states:::sqs:sendMessage","TimeoutSeconds":2,"End":true}}}]}}}`)
	x := interp.New(1, [16]byte{}, doc("{}"), epoch)
	s := interp.Advance(m, x, interp.Input{Kind: interp.Start}, epoch)
	if len(s.Commands) != 2 {
		t.Fatalf("%d commands", len(s.Commands))
	}
	now := epoch.Add(5 * time.Second)
	s = interp.Advance(m, x, interp.Input{Kind: interp.Answer, Event: s.Commands[0].Event}, now)
	if s.Verdict != interp.Accepted || !s.More || !strings.Contains(types(s.Events), "TaskSucceeded") {
		t.Errorf("verdict %d more %v", s.Verdict, s.More)
	}
}

func TestInputWhoseTaskIsDueIsLateWhenTheStepIsFull(t *testing.T) {
	m := parse(t, `{"StartAt":"P","States":{"P":{"Type":"Parallel","End":true,"Branches":[
		{"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":1,"Next":"L"},
			"L":{"Type":"Choice","Default":"L","Choices":[{"Variable":"$.x","IsPresent":true,"Next":"C"}]},"C":{"Type":"Succeed"}}},
		{"StartAt":"U","States":{"U":{"Type":"Task","Resource":"arn:aws:states:::sqs:sendMessage","TimeoutSeconds":2,"End":true}}}]}}}`)
	x := interp.New(1, [16]byte{}, doc("{}"), epoch)
	s := interp.Advance(m, x, interp.Input{Kind: interp.Start}, epoch)
	s = interp.Advance(m, x, interp.Input{Kind: interp.Answer, Event: s.Commands[0].Event}, epoch.Add(5*time.Second))
	if s.Verdict != interp.Late || !s.More {
		t.Errorf("verdict %d more %v", s.Verdict, s.More)
	}
	if last := s.Events[len(s.Events)-1].Type; last != "TaskTimedOut" {
		t.Errorf("last event %s", last)
	}
}

func TestTooMuchData(t *testing.T) {
	big := doc(`"` + strings.Repeat("a", interp.MaxDocument) + `"`)
	for _, c := range []struct{ name, resource, what, event string }{
		{"integration", "arn:aws:states:::sqs:sendMessage", "sqs", "TaskFailed"},
		{"function", "arn:aws:lambda:us-east-1:000000000000:function:f", "arn:aws:lambda:us-east-1:000000000000:function:f", "LambdaFunctionFailed"},
		{"activity", "arn:aws:states:us-east-1:000000000000:activity:a", "arn:aws:states:us-east-1:000000000000:activity:a", "ActivityFailed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := parse(t, `{"StartAt":"T","States":{"T":{"Type":"Task","Resource":"`+c.resource+`","End":true,"Catch":[{"ErrorEquals":["States.ALL"],"Next":"C"}]},"C":{"Type":"Succeed"}}}`)
			x := interp.New(1, [16]byte{}, doc("{}"), epoch)
			interp.Advance(m, x, interp.Input{Kind: interp.Start}, epoch)
			s := interp.Advance(m, x, interp.Input{Kind: interp.Answer, Event: 3, Token: c.name == "activity", Outcome: interp.Outcome{Output: big}}, epoch)
			if s.Events[0].Type != c.event || *s.Events[0].Error != "States.DataLimitExceeded" {
				t.Fatalf("event %s", s.Events[0].Type)
			}
			want := "The state/task '" + c.what + "' returned a result with a size exceeding the maximum number of bytes service limit."
			if got := *s.Events[0].Cause; got != want {
				t.Errorf("cause %s, want %s", got, want)
			}
			if x.Status() != interp.Succeeded {
				t.Errorf("status %s: States.ALL takes the error", x.Status())
			}
		})
	}
	t.Run("state", func(t *testing.T) {
		m := parse(t, `{"StartAt":"A","States":{"A":{"Type":"Pass","Parameters":{"a.$":"$","b.$":"$"},"End":true}}}`)
		x := interp.New(1, [16]byte{}, doc(`"`+strings.Repeat("a", interp.MaxDocument/2)+`"`), epoch)
		s := interp.Advance(m, x, interp.Input{Kind: interp.Start}, epoch)
		if got, want := types(s.Events), "ExecutionStarted PassStateEntered ExecutionFailed"; got != want {
			t.Errorf("events %s, want %s", got, want)
		}
	})
	t.Run("variables", func(t *testing.T) {
		m := parse(t, `{"StartAt":"A","States":{"A":{"Type":"Pass","Assign":{"a.$":"$","b.$":"$"},"End":true}}}`)
		x := interp.New(1, [16]byte{}, doc(`"`+strings.Repeat("a", interp.MaxDocument/2)+`"`), epoch)
		interp.Advance(m, x, interp.Input{Kind: interp.Start}, epoch)
		if name, _ := x.Failure(); name == nil || *name != "States.DataLimitExceeded" {
			t.Errorf("status %s", x.Status())
		}
	})
}

func TestActivityThatDoesNotExist(t *testing.T) {
	m := parse(t, `{"StartAt":"A","States":{"A":{"Type":"Task","Resource":"arn:aws:states:us-east-1:000000000000:activity:gone","End":true}}}`)
	x := interp.New(1, [16]byte{}, doc("{}"), epoch)
	x.HasActivity = func(arn string) bool { return !strings.HasSuffix(arn, ":gone") }
	s := interp.Advance(m, x, interp.Input{Kind: interp.Start}, epoch)
	_, cause := x.Failure()
	if want := "An error occurred while executing the state 'A' (entered at the event id #2). The activity arn:aws:states:us-east-1:000000000000:activity:gone does not exist."; !s.Ended || cause == nil || *cause != want {
		t.Errorf("events %s", types(s.Events))
	}
}

func TestContextObject(t *testing.T) {
	m := parse(t, `{"StartAt":"A","States":{"A":{"Type":"Pass","InputPath":"$$","End":true}}}`)
	for _, express := range []bool{false, true} {
		w := newWorld(m, `{"a": 1.50}`, false)
		w.x.Express = express
		if err := w.Start(); err != nil {
			t.Fatal(err)
		}
		redrives := `,"RedriveCount":0`
		if express {
			redrives = ""
		}
		want := `{"Execution":{"Id":"arn:aws:states:us-east-1:000000000000:execution:machine:name","Input":{"a":1.50},"StartTime":"2026-01-02T03:04:05Z","Name":"name","RoleArn":"arn:aws:iam::000000000000:role/x"` + redrives +
			`},"StateMachine":{"Id":"arn:aws:states:us-east-1:000000000000:stateMachine:machine","Name":"machine"},"State":{"Name":"A","EnteredTime":"2026-01-02T03:04:05Z"}}`
		if got := w.x.Output().String(); got != want {
			t.Errorf("express %v:\n got %s\nwant %s", express, got, want)
		}
	}
}

func TestDocumentKeepsItsNumber(t *testing.T) {
	m := parse(t, chain(10))
	x := interp.New(1, [16]byte{}, doc(`"`+strings.Repeat("a", interp.InlineDoc+1)+`"`), epoch)
	s := interp.Advance(m, x, interp.Input{Kind: interp.Start}, epoch)
	c := x.Changes(s)
	if len(c.Docs) != 1 || c.Docs[0].N != 1 {
		t.Errorf("%d documents, want the input alone", len(c.Docs))
	}
	if n := len(c.Blocks[0].Data); n > 1000 {
		t.Errorf("a block of %d bytes for %d events", n, len(s.Events))
	}
	if len(c.Frames) != 0 {
		t.Errorf("%d frame changes of an execution that began and ended in one step", len(c.Frames))
	}
}

func TestNumbersAreForgottenWithTheirDocuments(t *testing.T) {
	m := parse(t, `{"StartAt":"T","States":{"T":{"Type":"Task","Resource":"arn:aws:states:::sqs:sendMessage","Next":"T2"},
		"T2":{"Type":"Task","Resource":"arn:aws:states:::sqs:sendMessage","Next":"T","Catch":[{"ErrorEquals":["E"],"Next":"Done"}]},"Done":{"Type":"Succeed"}}}`)
	x := interp.New(1, [16]byte{}, doc("{}"), epoch)
	s := interp.Advance(m, x, interp.Input{Kind: interp.Start}, epoch)
	x.Changes(s)
	small := x.Size()
	for i := 0; i < 500; i++ {
		out := doc(fmt.Sprintf(`"%s%d"`, strings.Repeat("a", 1000), i))
		s = interp.Advance(m, x, interp.Input{Kind: interp.Answer, Event: s.Commands[0].Event, Outcome: interp.Outcome{Output: out}}, epoch)
		if c := x.Changes(s); len(c.Docs) != 1 {
			t.Fatalf("%d documents in one change", len(c.Docs))
		}
	}
	if grown := x.Size() - small; grown > 200<<10 {
		t.Errorf("grew by %d bytes with one document of 1 KB alive", grown)
	}
}

func TestCrashAndLimit(t *testing.T) {
	m := parse(t, oneTask)
	x := interp.New(1, [16]byte{}, doc("{}"), epoch)
	x.Limit(epoch.Add(5 * time.Second))
	s := interp.Advance(m, x, interp.Input{Kind: interp.Start}, epoch)
	if want := epoch.Add(5 * time.Second); !s.Wake.Equal(want) {
		t.Errorf("wake %s, want %s", s.Wake, want)
	}
	s = interp.Crash(x, "it broke", epoch)
	if name, cause := x.Failure(); x.Status() != interp.Failed || *name != "States.Runtime" || *cause != "it broke" || !slices.Equal(s.Moot, []int64{3}) {
		t.Errorf("status %s, moot %v", x.Status(), s.Moot)
	}
	if s = interp.Crash(x, "again", epoch); len(s.Events) != 0 {
		t.Errorf("an ended execution got %s", types(s.Events))
	}
}

func TestUnsettleManySettles(t *testing.T) {
	m := parse(t, `{"StartAt":"P","States":{"W":{"Type":"Wait","Seconds":10,"End":true},"P":{"Type":"Parallel","Next":"W","Branches":[
		{"StartAt":"A","States":{"A":{"Type":"Task","Resource":"arn:aws:states:::sqs:sendMessage","End":true}}},
		{"StartAt":"B","States":{"B":{"Type":"Task","Resource":"arn:aws:states:::sqs:sendMessage.waitForTaskToken","Parameters":{"t.$":"$$.Task.Token"},"End":true}}}]}}}`)
	x := interp.New(1, [16]byte{}, doc("{}"), epoch)
	x.Token = func(int64) string { return "t" }
	s := interp.Advance(m, x, interp.Input{Kind: interp.Start}, epoch)
	x.Changes(s)
	a, b := s.Commands[0].Event, s.Commands[1].Event
	big := doc(`"` + strings.Repeat("a", 1000) + `"`)
	settle := func() (interp.Change, []interp.Event) {
		s1 := interp.Settle(x, a, interp.Outcome{Output: big}, epoch)
		s2 := interp.Settle(x, b, interp.Outcome{Output: big}, epoch)
		if !s2.More {
			t.Error("nothing more after a task was settled")
		}
		return x.Changes(s1, s2), append(s1.Events, s2.Events...)
	}
	if x.Unsettle() {
		t.Error("unsettled without a mark")
	}
	x.Mark()
	c1, e1 := settle()
	if !x.Unsettle() {
		t.Fatal("unsettle refused")
	}
	c2, e2 := settle()
	if got, want := golden2(e2), golden2(e1); got != want {
		t.Errorf("events %s, the first time %s", got, want)
	}
	if len(c1.Docs) != 1 || len(c2.Docs) != 1 || c1.Docs[0].N != c2.Docs[0].N {
		t.Errorf("documents %v, then %v", c1.Docs, c2.Docs)
	}
	if string(c1.Head) != string(c2.Head) || len(c1.Frames) != len(c2.Frames) {
		t.Errorf("the second change differs: %d and %d frames", len(c1.Frames), len(c2.Frames))
	}
	if s := interp.Settle(x, a, interp.Outcome{}, epoch); s.Verdict != interp.Late {
		t.Errorf("verdict %d for a task that is settled", s.Verdict)
	}
	s = interp.Advance(m, x, interp.Input{Kind: interp.Resume}, epoch)
	if got := types(s.Events); got != "TaskStateExited" {
		t.Errorf("resumed with %s", got)
	}
	if !x.WaitsForToken() {
		t.Error("no task waits for a token")
	}
	interp.Advance(m, x, interp.Input{Kind: interp.Answer, Token: true, Event: b}, epoch)
	if x.WaitsForToken() || x.Frames() != 1 {
		t.Errorf("after the answer: a task waits for a token, %d frames", x.Frames())
	}
}

func golden2(events []interp.Event) string {
	var b strings.Builder
	for i := range events {
		b.Write(events[i].AppendJSON(nil, true))
	}
	return b.String()
}

func TestResultsOfAnAbortedJoinAreDeleted(t *testing.T) {
	m := parse(t, `{"StartAt":"P","States":{"P":{"Type":"Parallel","End":true,"Catch":[{"ErrorEquals":["E"],"Next":"W"}],"Branches":[
		{"StartAt":"A","States":{"A":{"Type":"Task","Resource":"arn:aws:states:::sqs:sendMessage","End":true}}},
		{"StartAt":"B","States":{"B":{"Type":"Task","Resource":"arn:aws:states:::sqs:sendMessage","End":true}}},
		{"StartAt":"C","States":{"C":{"Type":"Task","Resource":"arn:aws:states:::sqs:sendMessage","End":true}}}]},
		"W":{"Type":"Wait","Seconds":1,"End":true}}}`)
	x := interp.New(1, [16]byte{}, doc("{}"), epoch)
	s := interp.Advance(m, x, interp.Input{Kind: interp.Start}, epoch)
	a, b, c := s.Commands[0].Event, s.Commands[1].Event, s.Commands[2].Event
	s1 := interp.Advance(m, x, interp.Input{Kind: interp.Answer, Event: a}, epoch)
	if len(s1.Results) != 1 || s1.Results[0].Index != 0 {
		t.Fatalf("results %v", s1.Results)
	}
	s2 := interp.Advance(m, x, interp.Input{Kind: interp.Answer, Event: b, Outcome: interp.Outcome{Failed: true, Error: ptr("E")}}, epoch)
	if !slices.Equal(s2.JoinedBy, []int64{1}) || len(s2.Results) != 0 || !slices.Equal(s2.Moot, []int64{c}) {
		t.Errorf("joined by %v with results %v, moot %v", s2.JoinedBy, s2.Results, s2.Moot)
	}
	if change := x.Changes(s1, s2); len(change.Results) != 0 {
		t.Errorf("%d results to store that are deleted in the same change", len(change.Results))
	}
}

func TestRedrivable(t *testing.T) {
	m := parse(t, oneTask)
	for _, c := range []struct {
		name string
		in   interp.Input
		want bool
	}{
		{"succeeded", interp.Input{Kind: interp.Answer, Event: 3}, false},
		{"failed", interp.Input{Kind: interp.Answer, Event: 3, Outcome: interp.Outcome{Failed: true}}, true},
		{"stopped", interp.Input{Kind: interp.Stop}, true},
		{"running", interp.Input{Kind: interp.Resume}, false},
	} {
		x := interp.New(1, [16]byte{}, doc("{}"), epoch)
		interp.Advance(m, x, interp.Input{Kind: interp.Start}, epoch)
		interp.Advance(m, x, c.in, epoch)
		if got := x.Redrivable(); got != c.want {
			t.Errorf("%s: redrivable %v, want %v", c.name, got, c.want)
		}
		s := interp.Advance(m, x, interp.Input{Kind: interp.Redrive}, epoch)
		if c.want != (s.Verdict == interp.Accepted) || c.want != (len(s.Events) > 0) {
			t.Errorf("%s: verdict %d with %s", c.name, s.Verdict, types(s.Events))
		}
	}
}

func TestResultsAreNotStoredWhenTheJoinIsInTheSameStep(t *testing.T) {
	m := parse(t, `{"StartAt":"M","States":{"M":{"Type":"Map","End":true,"ItemProcessor":{"StartAt":"A","States":{"A":{"Type":"Pass","End":true}}}}}}`)
	x := interp.New(1, [16]byte{}, doc("[1,2,3]"), epoch)
	s := interp.Advance(m, x, interp.Input{Kind: interp.Start}, epoch)
	if !s.Ended || len(s.Results) != 0 || len(s.JoinedBy) != 0 {
		t.Errorf("ended %v, results %v, joined by %v", s.Ended, s.Results, s.JoinedBy)
	}
}

func TestSameArgumentsSameBytes(t *testing.T) {
	m := parse(t, `{"StartAt":"A","States":{"A":{"Type":"Pass","Parameters":{"r.$":"States.MathRandom(0, 1000000)","s.$":"States.MathRandom(0, 1000000)","u.$":"States.UUID()"},"End":true}}}`)
	run := func(seed byte) string {
		x := interp.New(1, [16]byte{seed}, doc("{}"), epoch)
		s := interp.Advance(m, x, interp.Input{Kind: interp.Start}, epoch)
		return string(x.Changes(s).Blocks[0].Data)
	}
	first, second := run(1), run(1)
	if first != second {
		t.Error("two runs differ")
	}
	if first == run(2) {
		t.Error("another seed gives the same")
	}
}
