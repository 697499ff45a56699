package storetest

import (
	"bytes"
	"fmt"
	"time"

	"millrace/engine"
	"millrace/engine/interp"
)

func execution(h *harness) {
	c := created(1, "n")
	c.Wake = 5
	c.Rows.Frames = append(c.Rows.Frames, interp.FrameChange{ID: 3, Data: bytes.Repeat([]byte("f"), 9000)})
	h.write(c)
	h.reopen()
	row := h.load(1)
	h.want("machine, definition", []int64{row.Machine, row.Definition}, []int64{7, 9})
	h.want("name", row.Name, "n")
	h.want("named", row.Named, true)
	h.want("status", row.Status, interp.Running)
	h.want("version", row.Version, 1)
	h.want("wake", row.Wake, 5)
	h.want("meta, head", []string{string(row.Meta), string(row.Head)}, []string{"meta", "head"})
	f := h.frames(1)
	h.want("frames", len(f), 2)
	h.want("root", string(f[1]), "root")
	h.want("large frame", len(f[3]), 9000)
	h.want("another execution", h.load(2) == nil, true)

	u := changed(1, 1)
	u.Status, u.StatusChanged, u.WakeChanged = interp.Failed, true, true
	h.write(u)
	row = h.load(1)
	h.want("version after a change", row.Version, 2)
	h.want("status after a change", row.Status, interp.Failed)
	h.want("wake after a change", row.Wake, 0)
	h.want("head after a change", string(row.Head), "head2")
	h.want("meta after a change", string(row.Meta), "meta")
	h.want("root after a change that leaves it", string(h.frames(1)[1]), "root")

	h.write(created(2, ""))
	h.want("an execution without a name", h.load(2).Named, false)
}

func frames(h *harness) {
	c := created(1, "")
	c.Rows.Frames = append(c.Rows.Frames, interp.FrameChange{ID: 2, Data: []byte("a")}, interp.FrameChange{ID: 3, Data: []byte("b")})
	h.write(c)
	u := changed(1, 1)
	u.Rows.Frames = []interp.FrameChange{{ID: 1}, {ID: 2, Data: []byte("c")}, {ID: 3}}
	h.write(u)
	f := h.frames(1)
	h.want("frames", len(f), 1)
	h.want("the frame that was replaced", string(f[2]), "c")
}

func names(h *harness) {
	taken, free := &engine.Unit{Change: created(2, "n")}, &engine.Unit{Change: created(3, "m")}
	h.write(created(1, "n"))
	h.ok(h.group(taken, free))
	h.is("a taken name", taken.Err, engine.ErrExecutionExists)
	h.is("a free name", free.Err, nil)
	h.want("the execution without a name of its own", h.load(2) == nil, true)
	other := created(4, "n")
	other.Machine = 8
	h.write(other)
	h.read(func(v engine.View) error {
		for _, c := range []struct {
			machine int64
			name    string
			id      int64
		}{{7, "n", 1}, {7, "m", 3}, {8, "n", 4}, {8, "m", 0}} {
			id, err := v.Named(c.machine, c.name)
			if err != nil {
				return err
			}
			h.want(fmt.Sprintf("execution %s of machine %d", c.name, c.machine), id, c.id)
		}
		return nil
	})
}

func versions(h *harness) {
	h.write(created(1, ""))
	late, other := &engine.Unit{Change: changed(1, 0+2)}, &engine.Unit{Change: created(2, "")}
	late.Change.Rows.Blocks = []interp.Block{{First: 1, Last: 1, Data: []byte("x")}}
	h.ok(h.group(late, other))
	h.is("another version", late.Err, engine.ErrConflict)
	h.is("the unit beside it", other.Err, nil)
	h.want("version", h.load(1).Version, 1)
	h.read(func(v engine.View) error {
		blocks, err := v.Blocks(1, 1, false, 10)
		h.want("history of the conflict", len(blocks), 0)
		return err
	})
	gone := &engine.Unit{Change: changed(5, 1)}
	h.ok(h.group(gone))
	h.is("an execution that is not there", gone.Err, engine.ErrConflict)
}

func checks(h *harness) {
	h.write(created(1, ""))
	ran := 0
	u := &engine.Unit{Change: changed(1, 4), Do: func(engine.Txn) error { ran++; return nil }}
	h.ok(h.group(u))
	h.is("the check", u.Err, engine.ErrConflict)
	h.want("times that the function ran", ran, 0)
	c := changed(1, 1)
	u = &engine.Unit{Change: c, Do: func(engine.Txn) error { c.Rows.Head = []byte("filled"); return nil }}
	h.ok(h.group(u))
	h.ok(u.Err)
	h.want("head", string(h.load(1).Head), "filled")
}

// wakes makes deadlines of pairs of a time and an execution.
func wakes(pairs ...int64) (out []engine.Wake) {
	for i := 0; i < len(pairs); i += 2 {
		out = append(out, engine.Wake{At: pairs[i], Execution: pairs[i+1]})
	}
	return out
}

func due(h *harness) {
	for i, wake := range []int64{30, 10, 0, 20, 10, engine.RunnableWake} {
		c := created(int64(i+1), "")
		c.Wake = wake
		h.write(c)
	}
	find := func(after engine.Wake, until int64, n int) (out []engine.Wake) {
		h.read(func(v engine.View) (err error) {
			out, err = v.Due(after, time.UnixMilli(until), n)
			return err
		})
		return out
	}
	h.want("up to 20", find(engine.Wake{}, 20, 9), wakes(1, 6, 10, 2, 10, 5, 20, 4))
	h.want("after the first of 10", find(engine.Wake{At: 10, Execution: 2}, 20, 9), wakes(10, 5, 20, 4))
	h.want("the first two", find(engine.Wake{}, 99, 2), wakes(1, 6, 10, 2))
	u := changed(2, 1)
	u.WakeChanged, u.Wake = true, 40
	h.write(u)
	h.want("after one was put off", find(engine.Wake{At: 1, Execution: 9}, 99, 9), wakes(10, 5, 20, 4, 30, 1, 40, 2))
}

func tokens(h *harness) {
	for id := int64(1); id <= 5; id++ {
		c := created(id, "")
		c.Token = id != 2
		h.write(c)
	}
	of := int64(0)
	find := func(from int64, n int) (out []int64) {
		h.read(func(v engine.View) (err error) {
			out, err = v.Waiting(of, from, n)
			return err
		})
		return out
	}
	h.want("all", find(0, 9), []int64{1, 3, 4, 5})
	h.want("from 3 on, the first two", find(3, 2), []int64{3, 4})
	h.want("tokens", []bool{h.load(1).Token, h.load(2).Token}, []bool{true, false})
	for id := int64(1); id <= 3; id++ {
		u := changed(id, 1)
		u.TokenChanged, u.Token = true, id == 2
		h.write(u)
	}
	h.write(changed(4, 1))
	h.want("after changes", find(0, 9), []int64{2, 4, 5})
	for id := int64(6); id <= 8; id++ {
		c := created(id, "")
		c.Machine, c.Token = 6+id%2, true
		h.write(c)
	}
	h.want("of several machines", find(0, 9), []int64{2, 4, 5, 6, 7, 8})
	h.want("the first of several machines", find(5, 3), []int64{5, 6, 7})
	of = 7
	h.want("of one machine", find(5, 3), []int64{5, 7})
	of = 0
	u := changed(6, 1)
	u.Status, u.StatusChanged, u.TokenChanged = interp.Failed, true, true
	h.write(u)
	h.want("after one has ended", find(5, 3), []int64{5, 7, 8})
	h.read(func(v engine.View) error {
		for _, c := range []struct {
			machine int64
			want    []int64
		}{{7, []int64{7, 5, 4, 3, 2, 1}}, {0, []int64{8, 7, 5, 4, 3, 2, 1}}} {
			rows, err := v.List(c.machine, interp.Running, 0, 9)
			var got []int64
			for _, r := range rows {
				got = append(got, r.ID)
			}
			h.ok(err)
			h.want(fmt.Sprintf("running of machine %d", c.machine), got, c.want)
		}
		running, err := v.Running(6)
		h.want("machine 6 has a running execution", running, true)
		return err
	})
	h.want("tokens after changes", []bool{h.load(1).Token, h.load(2).Token}, []bool{false, true})
}

func results(h *harness) {
	c := created(1, "")
	c.Rows.Results = []interp.ResultRow{{Frame: 2, Index: 1, Data: []byte("b")}, {Frame: 2, Index: 0, Data: []byte("a")}, {Frame: 4, Index: 0, Data: []byte("c")}}
	h.write(c)
	read := func(frame int64) (out []string) {
		h.read(func(v engine.View) error {
			rows, err := v.Results(1, frame)
			for _, r := range rows {
				out = append(out, fmt.Sprintf("%d/%d %s", r.Frame, r.Index, r.Data))
			}
			return err
		})
		return out
	}
	h.want("results of frame 2", read(2), []string{"2/0 a", "2/1 b"})
	u := changed(1, 1)
	u.Joined = []int64{2}
	h.write(u)
	h.want("results after the join", read(2), []string{})
	h.want("results of another frame", read(4), []string{"4/0 c"})
}

func documents(h *harness) {
	c := created(1, "")
	large := bytes.Repeat([]byte("0123456789"), 50000)
	c.Rows.Docs = []interp.NumberedDoc{{N: 1, Text: []byte(`"one"`)}, {N: 2, Text: large}}
	h.write(c)
	h.read(func(v engine.View) error {
		one, err := v.Doc(1, 1)
		h.ok(err)
		h.want("document 1", string(one), `"one"`)
		two, err := v.Doc(1, 2)
		h.want("document 2", bytes.Equal(two, large), true)
		if _, err := v.Doc(1, 3); err == nil {
			h.Error("a document that is not there: no error")
		}
		return err
	})
}

func history(h *harness) {
	c := created(1, "")
	c.Rows.Blocks = []interp.Block{{First: 1, Last: 4, Data: []byte("a")}, {First: 5, Last: 5, Data: []byte("b")}}
	h.write(c)
	u := changed(1, 1)
	u.Rows.Blocks = []interp.Block{{First: 6, Last: 9, Data: []byte("c")}}
	h.write(u)
	h.write(created(2, ""))
	read := func(id, from int64, reverse bool, n int) (out string) {
		h.read(func(v engine.View) error {
			blocks, err := v.Blocks(id, from, reverse, n)
			for _, b := range blocks {
				out += fmt.Sprintf("%d-%d%s ", b.First, b.Last, b.Data)
			}
			return err
		})
		return out
	}
	for _, c := range []struct {
		from    int64
		reverse bool
		n       int
		want    string
	}{
		{1, false, 9, "1-4a 5-5b 6-9c "}, {3, false, 9, "1-4a 5-5b 6-9c "}, {5, false, 1, "5-5b "}, {9, false, 9, "6-9c "}, {10, false, 9, ""},
		{99, true, 9, "6-9c 5-5b 1-4a "}, {7, true, 1, "6-9c "}, {5, true, 9, "5-5b 1-4a "}, {2, true, 9, "1-4a "}, {0, true, 9, ""},
	} {
		h.want(fmt.Sprintf("from %d, reverse %t, %d at most", c.from, c.reverse, c.n), read(1, c.from, c.reverse, c.n), c.want)
	}
	h.want("an execution without history", read(2, 1, false, 9), "")

	// Whatever the first commit wrote is found, whether the execution ended by it or
	// goes on.
	for id, status := range map[int64]interp.Status{3: interp.Succeeded, 4: interp.Running} {
		c = created(id, "")
		c.Status = status
		goneOn(h, c, read)
	}
	c = created(5, "")
	c.Rows.Blocks = []interp.Block{{First: 1, Last: 4, Data: []byte("a")}}
	h.write(c)
	u = changed(5, 1)
	u.Status, u.StatusChanged = interp.Succeeded, true
	u.Rows.Blocks = []interp.Block{{First: 5, Last: 6, Data: []byte("b")}}
	h.write(u)
	h.want("ended by the second commit", read(5, 1, false, 9), "1-4a 5-6b ")
	h.want("ended by the second commit, in reverse", read(5, 9, true, 9), "5-6b 1-4a ")
}

// goneOn writes an execution of one block, and then more.
func goneOn(h *harness, c *engine.Change, read func(id, from int64, reverse bool, n int) string) {
	id := c.Execution
	c.Rows.Blocks = []interp.Block{{First: 1, Last: 4, Data: []byte("a")}}
	h.write(c)
	h.want("one block", read(id, 1, false, 9), "1-4a ")
	h.want("one block, in reverse", read(id, 4, true, 9), "1-4a ")
	h.want("one block, after its last event", read(id, 5, false, 9), "")
	u := changed(id, 1)
	u.Rows.Blocks = []interp.Block{{First: 5, Last: 6, Data: []byte("b")}, {First: 7, Last: 7, Data: []byte("c")}}
	h.write(u)
	for _, c := range []struct {
		from    int64
		reverse bool
		n       int
		want    string
	}{
		{1, false, 9, "1-4a 5-6b 7-7c "}, {4, false, 2, "1-4a 5-6b "}, {4, false, 1, "1-4a "}, {5, false, 9, "5-6b 7-7c "},
		{9, true, 9, "7-7c 5-6b 1-4a "}, {9, true, 2, "7-7c 5-6b "}, {3, true, 1, "1-4a "}, {0, true, 1, ""},
	} {
		h.want(fmt.Sprintf("gone on, from %d, reverse %t, %d at most", c.from, c.reverse, c.n), read(id, c.from, c.reverse, c.n), c.want)
	}
}

func lists(h *harness) {
	for id := int64(1); id <= 6; id++ {
		c := created(id, "")
		if c.Machine = 7; id%2 == 0 {
			c.Machine = 8
		}
		if id >= 5 {
			c.Status = interp.Succeeded
		}
		h.write(c)
	}
	u := changed(1, 1)
	u.Status, u.StatusChanged = interp.Aborted, true
	h.write(u)
	for _, c := range []struct {
		machine int64
		status  interp.Status
		before  int64
		n       int
		want    []int64
	}{
		{0, "", 0, 9, []int64{6, 5, 4, 3, 2, 1}}, {0, "", 4, 2, []int64{3, 2}}, {0, interp.Running, 0, 9, []int64{4, 3, 2}},
		{7, "", 0, 9, []int64{5, 3, 1}}, {7, "", 5, 1, []int64{3}}, {7, interp.Aborted, 0, 9, []int64{1}}, {8, interp.Succeeded, 0, 9, []int64{6}},
		{9, "", 0, 9, nil}, {7, interp.TimedOut, 0, 9, nil},
	} {
		var got []int64
		h.read(func(v engine.View) error {
			rows, err := v.List(c.machine, c.status, c.before, c.n)
			for _, r := range rows {
				got = append(got, r.ID)
			}
			return err
		})
		h.want(fmt.Sprintf("machine %d, status %q, before %d, %d at most", c.machine, c.status, c.before, c.n), got, c.want)
	}
	oldest := func(after int64, n int) (got []int64) {
		h.read(func(v engine.View) error {
			rows, err := v.Oldest(after, n)
			for _, r := range rows {
				got = append(got, r.ID)
			}
			return err
		})
		return got
	}
	h.want("the oldest", oldest(0, 3), []int64{1, 2, 3})
	h.want("the oldest after 4", oldest(4, 3), []int64{5, 6})
	h.read(func(v engine.View) error {
		for machine, want := range map[int64]bool{7: true, 8: true, 9: false} {
			running, err := v.Running(machine)
			if err != nil {
				return err
			}
			h.want(fmt.Sprintf("machine %d runs something", machine), running, want)
		}
		return nil
	})
}

func deletion(h *harness) {
	c := created(1, "")
	for i := range int64(10) {
		c.Rows.Blocks = append(c.Rows.Blocks, interp.Block{First: i + 1, Last: i + 1, Data: []byte("b")})
		c.Rows.Docs = append(c.Rows.Docs, interp.NumberedDoc{N: i + 1, Text: []byte("d")})
	}
	c.Rows.Frames = append(c.Rows.Frames, interp.FrameChange{ID: 2, Data: []byte("f")})
	c.Rows.Results = []interp.ResultRow{{Frame: 2, Index: 0, Data: []byte("r")}}
	c.Commands = []engine.CommandRow{{Key: engine.CommandKey{Execution: 1, Event: 1}, Kind: engine.CallCommand, Data: []byte("c")}}
	h.write(c)
	h.write(created(2, "kept"))
	calls, done := 0, false
	for ; !done && calls < 100; calls++ {
		h.do(func(t engine.Txn) (err error) {
			done, err = t.DeleteExecution(1, 6)
			return err
		})
	}
	if calls < 4 {
		h.Errorf("24 rows were deleted in %d calls of 6", calls)
	}
	h.want("the execution", h.load(1) == nil, true)
	h.want("another execution", h.load(2) != nil, true)
	h.read(func(v engine.View) error {
		blocks, err := v.Blocks(1, 1, false, 9)
		h.want("blocks left", len(blocks), 0)
		return err
	})
}

func removal(h *harness) {
	h.write(created(1, ""))
	u := changed(1, 1)
	u.Delete = true
	u.Rows.Frames = []interp.FrameChange{{ID: 1}}
	h.write(u)
	h.want("the execution", h.load(1) == nil, true)
	again := &engine.Unit{Change: u}
	h.ok(h.group(again))
	h.is("a second removal", again.Err, engine.ErrConflict)
}
