package engine_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"sort"
	"strings"

	"millrace/asl/document"
	"millrace/engine"
	"millrace/engine/interp"
)

// query returns the rows of a query, a line each.
func (s *simulation) query(sql string) (lines []string) {
	err := s.disk.Store.Read(context.Background(), func(v engine.View) error {
		rows, err := v.Query(sql)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var line string
			if err := rows.Scan(&line); err != nil {
				return err
			}
			lines = append(lines, line)
		}
		return rows.Err()
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return lines
}

// left lists what an engine with nothing to do does not have.
func (s *simulation) left() string {
	return strings.Join(s.query(`
		SELECT 'execution ' || id || ' of machine ' || machine || ' runs, wake ' || coalesce(wake, '-') FROM executions WHERE status IN (1, 7)
		UNION ALL SELECT 'message ' || execution || '/' || kind || '/' || event FROM inbox
		UNION ALL SELECT 'command ' || execution || '/' || event || ', kind ' || kind FROM outbox
		UNION ALL SELECT 'map run ' || id || ' of execution ' || execution || ' runs' FROM map_runs WHERE running = 1
		UNION ALL SELECT 'end of child ' || child || ' of map run ' || run FROM map_ends`), "\n")
}

// sound checks what holds after every commit: the store finds the executions with token tasks.
func (s *simulation) sound() {
	err := s.disk.Store.Read(context.Background(), func(v engine.View) error {
		found := map[int64]bool{}
		ids, err := v.Waiting(0, 0, 1<<20)
		if err != nil {
			return err
		}
		for _, id := range ids {
			found[id] = true
		}
		rows, err := v.Oldest(0, 1<<20)
		if err != nil {
			return err
		}
		for _, row := range rows {
			frames, err := v.Frames(row.ID)
			if err != nil {
				return err
			}
			x, err := interp.Decode(row.Head, frames, func(int64) (*document.Doc, error) { return document.FromBytes([]byte("null")), nil })
			if err != nil {
				return err
			}
			if has := x.WaitsForToken(); found[row.ID] != has || row.Token != has {
				s.t.Errorf("execution %d: has token tasks %t, listed as such %t, loaded as such %t", row.ID, has, found[row.ID], row.Token)
			}
			delete(found, row.ID)
		}
		if len(found) > 0 {
			s.t.Errorf("listed with token tasks and not there: %v", found)
		}
		return nil
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

// running tells of executions that run.
func (s *simulation) running() (text string) {
	list, _, err := s.e.ListExecutions(context.Background(), engine.ListFilter{Status: interp.Running}, engine.Page{Max: 10})
	if err != nil {
		return err.Error()
	}
	for _, i := range list {
		text += i.ARN
		if !strings.Contains(i.ARN, ":express:") {
			text += " " + (&bench{Engine: s.e, t: s.t}).types(i.ARN)
		}
		text += "\n"
	}
	return text
}

var effectOf = regexp.MustCompile(`"effect":"([^"]*)"`)
var markOf = regexp.MustCompile(`mark\d+\.`)

// check checks the promises of a world in which nothing runs any more, and
// describes it.
func (s *simulation) check() string {
	ctx := context.Background()
	if left := s.left(); left != "" {
		s.t.Errorf("this is left:\n%s", left)
	}
	var all []engine.ExecutionInfo
	gather := func(f engine.ListFilter) {
		p := engine.Page{Max: 1000}
		for {
			list, next, err := s.e.ListExecutions(ctx, f, p)
			if err != nil {
				s.t.Fatal(err)
			}
			all = append(all, list...)
			if p.Token = next; next == "" {
				return
			}
		}
	}
	gather(engine.ListFilter{})
	for _, i := range all {
		if strings.Contains(i.ARN, ":express:") {
			s.t.Errorf("%s is still stored", i.ARN)
			continue
		}
		runs, _, err := s.e.ListMapRuns(ctx, i.ARN, engine.Page{Max: 1000})
		if err != nil {
			s.t.Fatal(err)
		}
		for _, r := range runs {
			for what, c := range map[string]engine.MapRunCounts{"items": r.Items, "executions": r.Executions} {
				if c.Running != 0 || c.Total != c.Pending+c.Succeeded+c.Failed+c.TimedOut+c.Aborted {
					s.t.Errorf("map run %s: %s do not add up: %+v", r.ARN, what, c)
				}
			}
			before := len(all)
			gather(engine.ListFilter{MapRunARN: r.ARN})
			if n := int64(len(all) - before); n != r.Executions.Total-r.Executions.Pending {
				s.t.Errorf("map run %s has %d children and counts %d", r.ARN, n, r.Executions.Total)
			}
		}
	}
	effects, marks, succeeded := map[string]bool{}, map[string]int{}, map[string]bool{}
	var lines []string
	for _, i := range all {
		if i.Status == interp.Succeeded {
			succeeded[fmt.Sprint(i.ID)] = true
		}
		line := fmt.Sprintf("%d %s %s", i.ID, i.Name, i.Status)
		if !strings.Contains(i.ARN, ":express:") {
			line += s.history(i, effects, marks)
		}
		lines = append(lines, line)
	}
	sort.Strings(lines)
	for _, id := range s.query("SELECT DISTINCT execution FROM frames UNION SELECT DISTINCT execution FROM results") {
		if succeeded[id] || s.query("SELECT count(*) FROM executions WHERE id = " + id)[0] == "0" {
			s.t.Errorf("execution %s has ended and has frames or results", id)
		}
	}
	s.effects(effects)
	s.promises(marks)
	return strings.Join(lines, "\n") + "\n"
}

// ends are the last events by status.
var ends = map[interp.Status]string{
	interp.Succeeded: "ExecutionSucceeded", interp.Failed: "ExecutionFailed", interp.TimedOut: "ExecutionTimedOut", interp.Aborted: "ExecutionAborted",
}

// history checks an execution's history and notes what it tells of.
func (s *simulation) history(i engine.ExecutionInfo, effects map[string]bool, marks map[string]int) (types string) {
	b := &bench{Engine: s.e, t: s.t}
	events := b.history(i.ARN)
	for n, e := range events {
		types += " " + e.Type
		bad := ""
		switch isEnd := strings.HasPrefix(e.Type, "Execution") && n > 0; {
		case e.ID != int64(n+1):
			bad = "does not follow the one before"
		case e.Previous >= e.ID:
			bad = "comes from a later one"
		case n > 0 && e.Time.Before(events[n-1].Time):
			bad = "is earlier than the one before"
		case n == 0 && e.Type != "ExecutionStarted":
			bad = "is the first"
		case isEnd && n != len(events)-1:
			bad = "is not the last"
		case n == len(events)-1 && e.Type != ends[i.Status]:
			bad = "is the last of one that has " + string(i.Status)
		}
		if bad != "" {
			s.t.Errorf("%s: event %d, %s, %s", i.ARN, e.ID, e.Type, bad)
		}
		switch e.Type {
		case "TaskSucceeded", "TaskSubmitted", "ActivitySucceeded":
			if m := effectOf.FindStringSubmatch(string(e.Output.Bytes())); m != nil && !strings.Contains(string(e.Output.Bytes()), "ExecutionArn") {
				if effects[m[1]] {
					s.t.Errorf("%s: effect %s is told of twice", i.ARN, m[1])
				}
				effects[m[1]] = true
			}
			if mark := markOf.FindString(string(e.Output.Bytes())); mark != "" && !strings.Contains(string(e.Output.Bytes()), "ExecutionArn") {
				marks[mark]++
			}
		case "TaskFailed", "ActivityFailed":
			if e.Error != nil && markOf.MatchString(*e.Error) {
				marks[*e.Error]++
			}
		}
	}
	if len(events) == 0 {
		s.t.Errorf("%s has no history", i.ARN)
	}
	return types
}

// effects checks that what was done is what histories tell of, once.
func (s *simulation) effects(told map[string]bool) {
	for _, line := range s.query("SELECT key || ' ' || n FROM test_effects") {
		key, n, _ := strings.Cut(line, " ")
		if n != "1" {
			s.t.Errorf("effect %s was done %s times", key, n)
		}
		if !told[key] {
			s.t.Errorf("effect %s was done, and no history tells of it", key)
		}
		delete(told, key)
	}
	for key := range told {
		s.t.Errorf("effect %s is told of and was not done", key)
	}
}

// promises checks what clients were told.
func (s *simulation) promises(marks map[string]int) {
	for _, x := range s.starts {
		i, err := s.e.DescribeExecution(context.Background(), x.arn)
		if err != nil || i.Name != x.name || i.MachineARN != x.machine || i.Status == interp.Running {
			s.t.Errorf("the start of %s was acknowledged: %+v, %v", x.arn, i, err)
		}
	}
	for _, a := range s.answers {
		refused := errors.Is(a.err, engine.ErrTaskTimedOut) || errors.Is(a.err, engine.ErrTaskNotFound)
		switch n := marks[a.mark]; {
		case a.err == nil && n != 1:
			s.t.Errorf("answer %s was accepted and is in %d events", a.mark, n)
		case refused && n != 0:
			s.t.Errorf("answer %s was refused and is in %d events", a.mark, n)
		case n > 1:
			s.t.Errorf("answer %s is in %d events", a.mark, n)
		}
	}
}
