package engine

import (
	"testing"
	"time"

	"millrace/asl"
	"millrace/asl/document"
	"millrace/engine/interp"
)

// An execution that waits keeps no room for events, whatever it was told last.
func TestWaitingExecutionKeepsNoRoom(t *testing.T) {
	m, err := asl.Compile([]byte(`{"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 10, "End": true}}}`))
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	e := &Engine{}
	e.steps.New = func() any { return &interp.Step{Events: make([]interp.Event, 0, 64)} }
	r := &resident{m: m, x: interp.New(1, [16]byte{}, document.FromBytes([]byte("{}")), now)}
	for _, kind := range []interp.InputKind{interp.Start, interp.Resume, interp.Heartbeat} {
		b := &batch{e: e, r: r}
		if err := b.advance([]mail{{in: interp.Input{Kind: kind, At: now}}}, now); err != nil {
			t.Fatal(err)
		}
		if r.x.Room != nil {
			t.Errorf("after input %d: room for %d events", kind, cap(r.x.Room))
		}
	}
}
