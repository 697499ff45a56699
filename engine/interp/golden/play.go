package golden

import (
	"fmt"
	"time"

	"millrace/asl/document"
	"millrace/engine/interp"
)

// World runs one execution for [Play]: the interpreter alone, or an engine.
type World interface {
	// Start starts the execution and lets it run until it waits.
	Start() error
	// Tell gives the execution an input and lets it run until it waits.
	Tell(in interp.Input) (interp.Verdict, error)
	// Settle gives a local action's outcome, as if it had been committed
	// together with the step that commanded it.
	Settle(event int64, o interp.Outcome) (interp.Verdict, error)
	// Advance lets time pass; what is due by then happens at its time.
	Advance(d time.Duration) error
	// Waiting returns the tasks that are under way, oldest first.
	Waiting() ([]Waiting, error)
	// Events returns the whole history.
	Events() ([]interp.Event, error)
	// Ended returns how the execution stands.
	Ended() (status interp.Status, output *document.Doc, name, cause *string, err error)
}

// Waiting is a task under way.
type Waiting struct {
	Event int64
	State string // name
}

// Play starts the archive's execution in w, plays the script, and returns the
// history and the result as the archive would hold them.
func Play(a *Archive, w World) (history, result string, err error) {
	if err := w.Start(); err != nil {
		return "", "", fmt.Errorf("start: %w", err)
	}
	for i := range a.Script {
		if err := play(&a.Script[i], w); err != nil {
			return "", "", fmt.Errorf("script line %d: %w", a.Script[i].Number, err)
		}
	}
	events, err := w.Events()
	if err != nil {
		return "", "", fmt.Errorf("history: %w", err)
	}
	status, output, name, cause, err := w.Ended()
	if err != nil {
		return "", "", fmt.Errorf("result: %w", err)
	}
	if len(events) > 0 {
		history = History(events, events[0].Time)
	}
	return history, Result(status, output, name, cause), nil
}

func play(l *Line, w World) error {
	if l.Verb == "advance" {
		return w.Advance(l.Wait)
	}
	in := interp.Input{Outcome: l.Outcome}
	switch l.Verb {
	case "stop":
		in.Kind = interp.Stop
	case "redrive":
		in = interp.Input{Kind: interp.Redrive}
	default:
		event, err := find(l, w)
		if err != nil {
			return err
		}
		in.Event = event
	}
	var got interp.Verdict
	var err error
	switch l.Verb {
	case "settle":
		got, err = w.Settle(in.Event, l.Outcome)
	case "task":
		in.Kind = interp.Answer
		got, err = w.Tell(in)
	case "token":
		in.Kind, in.Token = interp.Answer, true
		got, err = w.Tell(in)
	case "heartbeat":
		in.Kind = interp.Heartbeat
		got, err = w.Tell(in)
	case "pick":
		in.Kind, in.Worker = interp.Picked, l.Worker
		got, err = w.Tell(in)
	default:
		got, err = w.Tell(in)
	}
	if err != nil {
		return err
	}
	if got != l.Verdict {
		return fmt.Errorf("%s %s: verdict %d, want %d", l.Verb, l.State, got, l.Verdict)
	}
	return nil
}

// find returns the event of the task that a line names.
func find(l *Line, w World) (int64, error) {
	if l.Event != 0 {
		return l.Event, nil
	}
	list, err := w.Waiting()
	if err != nil {
		return 0, err
	}
	for _, t := range list {
		if t.State == l.State {
			return t.Event, nil
		}
	}
	return 0, fmt.Errorf("no task of state %q is under way", l.State)
}
