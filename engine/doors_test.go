package engine_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"millrace/engine"
	"millrace/engine/interp"
)

func TestCreateStateMachine(t *testing.T) {
	b := newBench(t)
	ctx := context.Background()
	one, err := b.CreateStateMachine(ctx, engine.CreateStateMachine{Name: "m", Definition: chain, RoleARN: "r1", Settings: []byte(`{"a":1,"b":[2]}`)})
	if err != nil {
		t.Fatal(err)
	}
	want(t, "ARN", one.ARN, "arn:aws:states:us-east-1:000000000000:stateMachine:m")
	again, err := b.CreateStateMachine(ctx, engine.CreateStateMachine{Name: "m", Definition: chain, RoleARN: "r2", Settings: []byte(`{"b": [2], "a": 1}`)})
	if err != nil {
		t.Fatal(err)
	}
	want(t, "the same machine", again.ID, one.ID)
	want(t, "its role", again.RoleARN, "r1")
	for name, c := range map[string]engine.CreateStateMachine{
		"another definition": {Name: "m", Definition: wait, Settings: one.Settings},
		"another type":       {Name: "m", Definition: chain, Type: engine.Express, Settings: one.Settings},
		"other settings":     {Name: "m", Definition: chain, Settings: []byte(`{"a":2}`)},
	} {
		_, err := b.CreateStateMachine(ctx, c)
		wantErr(t, name, err, engine.ErrMachineExists)
	}
	for _, name := range []string{"", "a b", "a/b", "a:b", "a*", "a\x00", "a\u0085", strings.Repeat("x", 81), "a\xff"} {
		_, err := b.CreateStateMachine(ctx, engine.CreateStateMachine{Name: name, Definition: chain})
		wantErr(t, fmt.Sprintf("name %q", name), err, engine.ErrInvalidName)
	}
	for name, definition := range map[string]string{"no JSON": "{", "no states": `{"StartAt": "A"}`, "too large": strings.Repeat(" ", engine.MaxDefinition) + chain} {
		_, err := b.CreateStateMachine(ctx, engine.CreateStateMachine{Name: "other", Definition: definition})
		wantErr(t, name, err, engine.ErrInvalidDefinition)
		var d *engine.DefinitionError
		if !errors.As(err, &d) || len(d.Diagnostics) == 0 {
			t.Errorf("%s: no diagnostics in %v", name, err)
		}
	}
	_, err = b.DescribeStateMachine(ctx, one.ARN+"x")
	wantErr(t, "a machine that is not there", err, engine.ErrMachineNotFound)
	_, err = b.DescribeStateMachine(ctx, strings.Replace(one.ARN, "us-east-1", "eu-west-1", 1))
	wantErr(t, "a machine of another region", err, engine.ErrMachineNotFound)
	for _, arn := range []string{"", "x", "arn:aws:sqs:us-east-1:000000000000:q", "arn:aws:states:us-east-1:000000000000:execution:m:x", "arn:aws:states:::"} {
		_, err = b.DescribeStateMachine(ctx, arn)
		wantErr(t, fmt.Sprintf("ARN %q", arn), err, engine.ErrInvalidARN)
	}
}

func TestDefinitionOfRunningExecution(t *testing.T) {
	b := newFileBench(t)
	ctx := context.Background()
	m := b.machine("m", wait)
	old := b.start(m, "", `{}`)
	b.update(m, chain)
	fresh := b.start(m, "", `{}`)
	want(t, "history by the new definition", strings.Contains(b.types(fresh), "ChoiceStateEntered"), true)
	sm, err := b.StateMachineForExecution(ctx, old)
	if err != nil {
		t.Fatal(err)
	}
	want(t, "definition of the running execution", sm.Definition, wait)
	b.restart()
	b.tick(10 * time.Second)
	want(t, "status", b.end(old).Status, interp.Succeeded)
	want(t, "history by the old definition", b.types(old), "ExecutionStarted WaitStateEntered WaitStateExited PassStateEntered PassStateExited ExecutionSucceeded")
}

func TestDeleteStateMachine(t *testing.T) {
	b := newBench(t)
	ctx := context.Background()
	m := b.machine("m", wait)
	arn := b.start(m, "", `{}`)
	if err := b.DeleteStateMachine(ctx, m); err != nil {
		t.Fatal(err)
	}
	sm, err := b.DescribeStateMachine(ctx, m)
	if err != nil {
		t.Fatal(err)
	}
	want(t, "status while an execution runs", sm.Status, engine.MachineDeleting)
	_, err = b.StartExecution(ctx, engine.StartInput{MachineARN: m})
	wantErr(t, "a start", err, engine.ErrMachineDeleting)
	err = b.Do(ctx, nil, func(tx engine.Tx) error {
		_, err := tx.Start(engine.StartInput{MachineARN: m})
		return err
	})
	wantErr(t, "a start within a unit", err, engine.ErrMachineDeleting)
	_, err = b.CreateStateMachine(ctx, engine.CreateStateMachine{Name: "m", Definition: chain})
	wantErr(t, "a machine of the same name", err, engine.ErrMachineDeleting)
	b.tick(10 * time.Second)
	b.gone(m)
	_, err = b.DescribeExecution(ctx, arn)
	wantErr(t, "its execution", err, engine.ErrExecutionNotFound)
	b.machine("m", chain)
	if err := b.DeleteStateMachine(ctx, m); err != nil {
		t.Fatal(err)
	}
	b.gone(m)
	if err := b.DeleteStateMachine(ctx, m); err != nil {
		t.Errorf("deleting what is gone: %v", err)
	}
}

// gone waits until a machine is not there any more.
func (b *bench) gone(m string) {
	b.t.Helper()
	for limit := time.Now().Add(patience); ; {
		_, err := b.DescribeStateMachine(context.Background(), m)
		if errors.Is(err, engine.ErrMachineNotFound) {
			return
		}
		if err != nil || time.Now().After(limit) {
			b.t.Fatalf("the machine is still there: %v", err)
		}
		if err := b.Do(context.Background(), nil, func(engine.Tx) error { return nil }); err != nil {
			b.t.Fatal(err)
		}
	}
}

func TestLists(t *testing.T) {
	b := newBench(t)
	ctx := context.Background()
	var machines []string
	for i := range 7 {
		machines = append(machines, b.machine(fmt.Sprintf("m%d", i), wait))
	}
	var got []string
	for p := (engine.Page{Max: 3}); ; {
		list, next, err := b.ListStateMachines(ctx, p)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range list {
			got = append(got, m.ARN)
		}
		if p.Token = next; next == "" {
			break
		}
	}
	want(t, "machines", got, machines)
	var started []string
	for i := range 8 {
		started = append(started, b.start(machines[i%2], "", fmt.Sprint(i)))
	}
	b.tick(10 * time.Second)
	for _, arn := range started {
		b.end(arn)
	}
	running := b.start(machines[0], "", `{}`)
	list := func(f engine.ListFilter) (got []string) {
		for p := (engine.Page{Max: 2}); ; {
			list, next, err := b.ListExecutions(ctx, f, p)
			if err != nil {
				t.Fatal(err)
			}
			for _, i := range list {
				got = append(got, i.ARN)
			}
			if p.Token = next; next == "" {
				return got
			}
		}
	}
	slices.Reverse(started)
	want(t, "all", list(engine.ListFilter{}), append([]string{running}, started...))
	want(t, "of a machine", list(engine.ListFilter{MachineARN: machines[1]}), []string{started[0], started[2], started[4], started[6]})
	want(t, "running", list(engine.ListFilter{MachineARN: machines[0], Status: interp.Running}), []string{running})
	_, next, err := b.ListExecutions(ctx, engine.ListFilter{}, engine.Page{Max: 1})
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = b.ListExecutions(ctx, engine.ListFilter{MachineARN: machines[0]}, engine.Page{Token: next})
	wantErr(t, "a token of another list", err, engine.ErrInvalidToken)
	_, _, err = b.ListExecutions(ctx, engine.ListFilter{}, engine.Page{Max: 1001})
	wantErr(t, "a page that is too large", err, engine.ErrInvalidPage)
}

func TestHistoryPages(t *testing.T) {
	b := newBench(t)
	ctx := context.Background()
	m := b.machine("m", `{"StartAt": "M", "States": {"M": {"Type": "Map", "End": true, "ItemProcessor": {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}}}}}`)
	arn := b.start(m, "", "["+strings.Repeat("1,", 199)+"1]")
	b.end(arn)
	all := b.history(arn)
	if len(all) < 800 {
		t.Fatalf("only %d events", len(all))
	}
	for _, size := range []int{1, 7, 64, 1000} {
		var ids []int64
		p := engine.Page{Max: size, Reverse: true}
		for pages := 0; pages < 40; pages++ {
			list, next, err := b.History(ctx, arn, p)
			if err != nil {
				t.Fatal(err)
			}
			if len(list) > size {
				t.Fatalf("%d events on a page of %d", len(list), size)
			}
			for _, e := range list {
				ids = append(ids, e.ID)
			}
			if p.Token = next; next == "" {
				break
			}
		}
		for i, id := range ids {
			if id != int64(len(all)-i) {
				t.Fatalf("pages of %d, newest first: event %d at place %d", size, id, i)
			}
		}
		if size >= 64 {
			want(t, fmt.Sprintf("events in pages of %d", size), len(ids), len(all))
		}
	}
}

func TestInputLimits(t *testing.T) {
	b := newBench(t)
	ctx := context.Background()
	m := b.machine("m", chain)
	for name, input := range map[string]string{"too large": `"` + strings.Repeat("x", engine.MaxPayload) + `"`, "no JSON": `{"a"}`, "two values": `1 2`, "nothing": ``} {
		_, err := b.StartExecution(ctx, engine.StartInput{MachineARN: m, Input: []byte(input)})
		wantErr(t, name, err, engine.ErrInvalidInput)
	}
	_, err := b.StartExecution(ctx, engine.StartInput{MachineARN: m, Name: "a b"})
	wantErr(t, "a name with a space", err, engine.ErrInvalidName)
	_, err = b.StartExecution(ctx, engine.StartInput{MachineARN: m + "2"})
	wantErr(t, "an unknown machine", err, engine.ErrMachineNotFound)
	arn := b.start(m, "", `"`+strings.Repeat("x", engine.MaxPayload-2)+`"`)
	want(t, "status with the largest input", b.end(arn).Status, interp.Failed) // $.a cannot be put into a string
	for _, arn := range []string{arn + "x", "arn:aws:states:us-east-1:000000000000:execution:none:x", strings.Replace(arn, ":m:", ":n:", 1)} {
		_, err = b.DescribeExecution(ctx, arn)
		wantErr(t, arn, err, engine.ErrExecutionNotFound)
	}
	long := strings.Repeat("x", engine.MaxError+1)
	_, err = b.StopExecution(ctx, arn, &long, nil)
	wantErr(t, "an error name that is too long", err, engine.ErrInvalidInput)
	i, err := b.DescribeExecution(ctx, arn)
	if err != nil {
		t.Fatal(err)
	}
	stopped, err := b.StopExecution(ctx, arn, nil, nil)
	want(t, "error of stopping what has ended", err, nil)
	want(t, "when it ended", stopped, i.Stopped)
}

// TestMadeNames asks for a name that was made for an execution without one.
func TestMadeNames(t *testing.T) {
	b := newBench(t)
	m := b.machine("m", wait)
	arn := b.start(m, "", `{}`)
	name := arn[strings.LastIndex(arn, ":")+1:]
	s, err := b.StartExecution(context.Background(), engine.StartInput{MachineARN: m, Name: name, Input: []byte(`{}`)})
	if err != nil {
		t.Fatal(err)
	}
	want(t, "the execution that has the name", s.ARN, arn)
	_, err = b.StartExecution(context.Background(), engine.StartInput{MachineARN: m, Name: name, Input: []byte(`1`)})
	wantErr(t, "another input", err, engine.ErrExecutionExists)
	other := b.machine("other", wait)
	want(t, "the name at another machine", b.start(other, name, `{}`) != arn, true)
}

func TestTokensCannotBeForged(t *testing.T) {
	b := newBench(t)
	token := b.Token(123456, 78)
	execution, event, err := b.OpenToken(token)
	want(t, "what the token is for", []any{execution, event, err}, []any{123456, 78, nil})
	if len(token) > engine.MaxToken {
		t.Errorf("%d characters", len(token))
	}
	for i := range len(token) {
		for _, c := range "Aa0-" {
			if forged := token[:i] + string(c) + token[i+1:]; forged != token {
				if _, _, err := b.OpenToken(forged); !errors.Is(err, engine.ErrInvalidToken) {
					t.Errorf("%s: got %v", forged, err)
				}
			}
		}
	}
	for _, s := range []string{"", "x", token + "A", strings.Repeat("A", 3000), token + "=", "\xff"} {
		if _, _, err := b.OpenToken(s); !errors.Is(err, engine.ErrInvalidToken) {
			t.Errorf("%.20q: got %v", s, err)
		}
	}
	other := newBench(t)
	if _, _, err := other.OpenToken(token); !errors.Is(err, engine.ErrInvalidToken) {
		t.Errorf("a token of another database: got %v", err)
	}
	want(t, "derived keys differ", string(b.DeriveKey("a")) != string(b.DeriveKey("b")), true)
}

func TestKeysStay(t *testing.T) {
	b := newFileBench(t)
	token, key := b.Token(1, 2), string(b.DeriveKey("links"))
	b.restart()
	_, _, err := b.OpenToken(token)
	want(t, "error of a token after a restart", err, nil)
	want(t, "the same key", string(b.DeriveKey("links")) == key, true)
}

func TestIDs(t *testing.T) {
	b := newFileBench(t)
	seen := map[int64]bool{}
	var mu sync.Mutex
	take := func() {
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for range 5 {
					err := b.Do(context.Background(), nil, func(tx engine.Tx) error {
						for range 1000 {
							id, err := tx.ID()
							if err != nil {
								return err
							}
							mu.Lock()
							if seen[id] {
								t.Errorf("id %d was given out before", id)
							}
							seen[id] = true
							mu.Unlock()
						}
						return nil
					})
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
	}
	take()
	b.restart()
	take()
	want(t, "ids", len(seen), 80000)
}

// update gives a machine another definition.
func (b *bench) update(arn, definition string) {
	b.t.Helper()
	if _, err := b.UpdateStateMachine(context.Background(), engine.UpdateStateMachine{ARN: arn, Definition: &definition}); err != nil {
		b.t.Fatal(err)
	}
}
