package engine

import (
	"encoding/binary"
	"slices"

	"millrace/engine/interp"
)

// mapRunCall is a map run that a step of an execution asks for.
type mapRunCall struct {
	c  *interp.Command
	id int64
}

// mapRun takes up a command that begins a map run.
func (b *batch) mapRun(c *interp.Command) error {
	if b.r.express != nil {
		b.e.post(b.r.id, mail{in: interp.Input{Kind: interp.Answer, Event: c.Event, At: b.e.now(), Token: true, Outcome: mapRunRefused()}})
		return nil
	}
	id, err := b.e.id(b.e.ctx)
	if err == nil {
		b.runs = append(b.runs, mapRunCall{c, id})
	}
	return err
}

// mapRunRows makes the rows of the runs to begin, once documents have numbers.
// One that was given up in the same step does not begin.
func (b *batch) mapRunRows() {
	for _, m := range b.runs {
		given := false
		for _, s := range b.steps {
			given = given || slices.Contains(s.Moot, m.c.Event)
		}
		if given {
			continue
		}
		row := b.e.newMapRun(b.r, m.id, m.c, b.e.now())
		b.mapRows = append(b.mapRows, row)
		b.change.Commands = append(b.change.Commands, CommandRow{Key: CommandKey{b.r.id, m.c.Event}, Kind: MapRunCommand, Data: appendID(nil, m.id)})
	}
}

// mapRuns is the part of the unit that concerns map runs: those of the
// execution, and the one that it is a child of.
func (b *batch) mapRuns(t *tx) error {
	for _, row := range b.mapRows {
		if err := t.t.PutMapRun(row); err != nil {
			return err
		}
		t.AfterCommit(func() { b.e.maps.wake(row.ID) })
	}
	for _, id := range b.dropped {
		if err := t.t.StopMapRun(id); err != nil {
			return err
		}
		t.AfterCommit(func() { b.e.maps.wake(id) })
	}
	if b.ended && b.r.birth.run != 0 {
		return t.childEnded(b.r, b.r.x.Status())
	}
	return nil
}

// decodeChild reads what comes before the rest of the birth of a map run's child.
func (b *birth) decodeChild(data []byte) (rest []byte, err error) {
	for _, to := range []*int64{&b.run, &b.items} {
		v, n := binary.Uvarint(data)
		if n <= 0 {
			return nil, errBirth
		}
		*to, data = int64(v), data[n:]
	}
	return data, nil
}
