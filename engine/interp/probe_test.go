package interp_test

import (
	"testing"
	"time"

	"millrace/asl"
	"millrace/asl/document"
	"millrace/engine/interp"
)

func TestProbe(t *testing.T) {
	m, found := asl.Parse([]byte(`{"StartAt":"A","QueryLanguage":"JSONata","States":{"A":{"Type":"Task",
		"Resource":"arn:aws:states:::lambda:invoke","Arguments":{"n":"{% $v %}","tries":"{% $states.context.State.RetryCount %}"},
		"Retry":[{"ErrorEquals":["E1"]},{"ErrorEquals":["E2"],"MaxAttempts":2}],
		"Catch":[{"ErrorEquals":["E3"],"Next":"A"},{"ErrorEquals":["States.ALL"],"Next":"A"}],"End":true}}}`), asl.Options{})
	if m == nil {
		t.Fatal(found)
	}
	now := time.UnixMilli(1_700_000_000_000)
	for _, c := range []struct {
		error           string
		retries         int64
		retrier, caught int
		again           bool
	}{
		{"E1", 0, 0, 1, true},
		{"E2", 1, 1, 1, true},
		{"E2", 2, 1, 1, false},
		{"E3", 2, -1, 0, false},
	} {
		x := interp.New(1, [16]byte{}, document.FromBytes([]byte("{}")), now)
		var got interp.Raised
		x.Probe = &interp.Probe{
			Variables: []interp.AssignedItem{{Name: "v", Value: document.FromBytes([]byte("7"))}},
			Retries:   c.retries, Raised: func(r interp.Raised) { got = r },
		}
		s := interp.Advance(m, x, interp.Input{Kind: interp.Start}, now)
		if len(s.Commands) != 1 {
			t.Fatalf("%s: %d commands", c.error, len(s.Commands))
		}
		want := `{"n":7,"tries":` + string(document.Int(c.retries)) + `}`
		if g := s.Commands[0].Input.String(); g != want {
			t.Errorf("%s: input %s, want %s", c.error, g, want)
		}
		cause := "why"
		s = interp.Advance(m, x, interp.Input{Kind: interp.Answer, Event: s.Commands[0].Event, Outcome: interp.Outcome{Failed: true, Error: &c.error, Cause: &cause}}, now)
		if *got.Error != c.error || got.Retrier != c.retrier || got.Catcher != c.caught {
			t.Errorf("%s after %d: raised %q, retrier %d, catcher %d", c.error, c.retries, *got.Error, got.Retrier, got.Catcher)
		}
		if again := len(s.Commands) == 0; again != c.again {
			t.Errorf("%s after %d: retried %v, want %v", c.error, c.retries, again, c.again)
		}
	}
}
