package storetest

import (
	"millrace/engine"
	"millrace/engine/interp"
)

func newRun(id int64, name string) *engine.MapRunRow {
	return &engine.MapRunRow{ID: id, Execution: 1, Event: 4, Machine: 7, Definition: 9, Name: name, Running: true, Head: []byte("head"), Plan: []byte("plan")}
}

func mapRuns(h *harness) {
	h.do(func(t engine.Txn) error {
		for _, r := range []*engine.MapRunRow{newRun(10, "m/L:a"), newRun(11, "m/L:b"), newRun(12, "m/L:c")} {
			if err := t.PutMapRun(r); err != nil {
				return err
			}
		}
		return nil
	})
	h.reopen()
	h.read(func(v engine.View) error {
		r, err := v.MapRun(11)
		h.ok(err)
		h.want("what was stored", []any{r.ID, r.Execution, r.Event, r.Machine, r.Definition, r.Name, r.Running, r.Stop, r.Version, string(r.Head)},
			[]any{11, 1, 4, 7, 9, "m/L:b", true, false, 1, "head"})
		plan, err := v.MapPlan(11)
		h.ok(err)
		h.want("plan", string(plan), "plan")
		none, err := v.MapRun(13)
		h.ok(err)
		h.want("a run that is not there", none == nil, true)
		id, err := v.MapRunNamed("m/L:c")
		h.ok(err)
		h.want("id of a name", id, 12)
		id, err = v.MapRunNamed("m/L:d")
		h.ok(err)
		h.want("id of a name that is not there", id, 0)
		list, err := v.MapRuns(1, 12, 5)
		h.ok(err)
		h.want("runs below 12", len(list), 2)
		h.want("the newest of them", list[0].ID, 11)
		running, err := v.RunningMapRuns(10, 5)
		h.want("running above 10", running, []int64{11, 12})
		return err
	})

	h.do(func(t engine.Txn) error {
		return t.UpdateMapRun(&engine.MapRunRow{ID: 11, Version: 1, Head: []byte("h2"), Running: true})
	})
	h.do(func(t engine.Txn) error {
		h.is("an older version", t.UpdateMapRun(&engine.MapRunRow{ID: 11, Version: 1, Head: []byte("h3")}), engine.ErrConflict)
		h.want("a conflict writes", t.Wrote(), false)
		return nil
	})
	h.do(func(t engine.Txn) error { return t.StopMapRun(11) })
	h.do(func(t engine.Txn) error {
		return t.UpdateMapRun(&engine.MapRunRow{ID: 12, Version: 1, Head: []byte("h2")})
	})
	h.do(func(t engine.Txn) error { return t.StopMapRun(12) })
	h.read(func(v engine.View) error {
		r, err := v.MapRun(11)
		h.ok(err)
		h.want("head, version and stop after changes", []any{string(r.Head), r.Version, r.Stop, r.Running}, []any{"h2", 3, true, true})
		r, err = v.MapRun(12)
		h.ok(err)
		h.want("a run that has ended is not stopped", []any{r.Running, r.Stop, r.Version}, []any{false, false, 2})
		running, err := v.RunningMapRuns(0, 5)
		h.want("running", running, []int64{10, 11})
		return err
	})
}

func mapEnds(h *harness) {
	h.do(func(t engine.Txn) error {
		for _, c := range []int64{5, 3, 4} {
			h.ok(t.PutMapRunEnd(10, engine.MapRunEnd{Child: c, Status: interp.Succeeded, Items: c}))
		}
		h.ok(t.PutMapRunEnd(11, engine.MapRunEnd{Child: 9, Status: interp.Failed, Items: 1}))
		return t.PutMapRunEnd(10, engine.MapRunEnd{Child: 4, Status: interp.Failed, Items: 7}) // again
	})
	h.reopen()
	var taken []engine.MapRunEnd
	h.do(func(t engine.Txn) error {
		first, err := t.TakeMapRunEnds(10, 2)
		h.ok(err)
		rest, err := t.TakeMapRunEnds(10, 2)
		h.ok(err)
		none, err := t.TakeMapRunEnds(10, 2)
		h.want("left", len(none), 0)
		taken = append(first, rest...)
		return err
	})
	h.want("taken", taken, []engine.MapRunEnd{{Child: 3, Status: interp.Succeeded, Items: 3}, {Child: 4, Status: interp.Succeeded, Items: 4}, {Child: 5, Status: interp.Succeeded, Items: 5}})
}

func children(h *harness) {
	h.write(created(1, ""))
	for id := int64(2); id < 8; id++ {
		c := created(id, "")
		c.Machine = -10
		if id%2 == 0 {
			c.Status = interp.Failed
		}
		h.write(c)
	}
	list := func(after int64, n int, statuses ...interp.Status) (ids []int64) {
		h.read(func(v engine.View) error {
			rows, err := v.Children(10, after, n, statuses...)
			for _, r := range rows {
				ids = append(ids, r.ID)
			}
			return err
		})
		return ids
	}
	h.want("all", list(0, 9), []int64{2, 3, 4, 5, 6, 7})
	h.want("a page", list(3, 2), []int64{4, 5})
	h.want("failed", list(0, 2, interp.Failed), []int64{2, 4})
	h.want("failed or succeeded", list(2, 9, interp.Failed, interp.Succeeded), []int64{4, 6})
	h.read(func(v engine.View) error {
		for _, status := range []interp.Status{"", interp.Running} {
			rows, err := v.List(0, status, 0, 9)
			h.ok(err)
			h.want("executions that are no children", len(rows), 1)
		}
		rows, err := v.List(-10, interp.Running, 0, 9)
		h.want("running children", len(rows), 3)
		return err
	})
}

func mapDeletion(h *harness) {
	h.write(created(1, ""))
	h.do(func(t engine.Txn) error {
		if err := t.PutMapRun(newRun(10, "m/L:a")); err != nil {
			return err
		}
		r := newRun(10, "")
		r.Version, r.Running = 1, false
		return t.UpdateMapRun(r)
	})
	for id := int64(20); id < 40; id++ {
		c := created(id, "")
		c.Machine = -10
		c.Rows.Docs = []interp.NumberedDoc{{N: 1, Text: []byte("text")}}
		h.write(c)
	}
	calls := 0
	for done := false; !done; calls++ {
		h.do(func(t engine.Txn) (err error) {
			done, err = t.DeleteExecution(1, 12)
			return err
		})
	}
	h.want("more than one call", calls > 2, true)
	h.read(func(v engine.View) error {
		rows, err := v.Oldest(0, 9)
		h.ok(err)
		h.want("executions left", len(rows), 0)
		run, err := v.MapRun(10)
		h.want("the run is left", run != nil, false)
		return err
	})
}
