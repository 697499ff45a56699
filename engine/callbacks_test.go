package engine_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"millrace/engine"
	"millrace/engine/interp"
)

func TestTaskToken(t *testing.T) {
	tokens := make(chan string, 1)
	for _, kind := range []string{"local", "remote"} {
		t.Run(kind, func(t *testing.T) {
			var act engine.Task = &local{resource: svc + "ask.waitForTaskToken", run: func(tx engine.Tx, c engine.Call) (interp.Outcome, error) {
				tx.AfterCommit(func() { tokens <- c.Token })
				return ok(`{"asked":1}`), nil
			}}
			if kind == "remote" {
				act = &remote{resource: svc + "ask.waitForTaskToken", call: func(ctx context.Context, c engine.Call) (interp.Outcome, error) {
					tokens <- c.Token
					return ok(`{"asked":1}`), nil
				}}
			}
			b := newFileBench(t, act)
			m := b.machine("m", taskState("ask.waitForTaskToken", `"Parameters": {"who": "ana"},`))
			arn := b.start(m, "", `{}`)
			token := <-tokens
			var pending []engine.PendingTask
			b.until(arn, func(engine.ExecutionInfo) bool {
				var err error
				if pending, _, err = b.PendingTasks(context.Background(), engine.PendingFilter{MachineARN: m}, engine.Page{}); err != nil {
					t.Fatal(err)
				}
				return len(pending) == 1
			})
			want(t, "token of the pending task", pending[0].Token, token)
			want(t, "input of the pending task", string(pending[0].Input), `{"who":"ana"}`)
			b.restart()
			ctx := context.Background()
			if err := b.SendTaskHeartbeat(ctx, token); err != nil {
				t.Error(err)
			}
			if err := b.SendTaskSuccess(ctx, token, []byte(`{"yes": true}`)); err != nil {
				t.Fatal(err)
			}
			wantErr(t, "a second answer", b.SendTaskSuccess(ctx, token, []byte(`{}`)), engine.ErrTaskTimedOut)
			wantErr(t, "an answer that is no JSON", b.SendTaskSuccess(ctx, token, []byte(`{`)), engine.ErrInvalidOutput)
			wantErr(t, "a token cut short", b.SendTaskSuccess(ctx, token[:len(token)-2], []byte(`{}`)), engine.ErrInvalidToken)
			i := b.end(arn)
			want(t, "output", string(i.Output), `{"yes": true}`)
			b.outboxEmpty()
		})
	}
}

// A call whose output is too large ends its task, which waits for no token then.
func TestTaskTokenAfterTooLargeOutput(t *testing.T) {
	large := `"` + strings.Repeat("x", interp.MaxDocument) + `"`
	const resource = svc + "ask.waitForTaskToken"
	for kind, act := range map[string]engine.Task{
		"local":  &local{resource: resource, run: func(engine.Tx, engine.Call) (interp.Outcome, error) { return ok(large), nil }},
		"remote": &remote{resource: resource, call: func(context.Context, engine.Call) (interp.Outcome, error) { return ok(large), nil }},
		"read":   &reading{resource: resource, read: func(engine.Reader, engine.Call) (interp.Outcome, error) { return ok(large), nil }},
	} {
		t.Run(kind, func(t *testing.T) {
			b := newBench(t, act)
			m := b.machine("m", `{"StartAt": "T", "States": {
				"T": {"Type": "Task", "Resource": "`+resource+`", "End": true, "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "W"}]},
				"W": {"Type": "Wait", "Seconds": 10, "End": true}}}`)
			arn := b.start(m, "", `{}`)
			b.until(arn, func(engine.ExecutionInfo) bool { return strings.HasSuffix(b.types(arn), "WaitStateEntered") })
			pending, _, err := b.PendingTasks(context.Background(), engine.PendingFilter{MachineARN: m}, engine.Page{})
			want(t, "tasks that wait", []any{len(pending), err}, []any{0, nil})
		})
	}
}

// damage writes to the database behind the engine's back.
func damage(b *bench, sql string) {
	b.t.Helper()
	err := b.Do(context.Background(), nil, func(tx engine.Tx) error {
		n, err := tx.Exec(sql)
		if err == nil && n != 1 {
			err = fmt.Errorf("%d rows changed", n)
		}
		return err
	})
	if err != nil {
		b.t.Fatal(err)
	}
}

// Every page of the waiting tasks begins where the one before it ended, in the
// midst of an execution too.
func TestPendingTasksByPage(t *testing.T) {
	ask := &local{resource: svc + "ask.waitForTaskToken", run: func(engine.Tx, engine.Call) (interp.Outcome, error) { return ok(`{}`), nil }}
	b := newFileBench(t, ask)
	ctx := context.Background()
	one := b.machine("one", taskState("ask.waitForTaskToken", `"TimeoutSeconds": 600, "Parameters": {"name.$": "$.name"},`))
	many := b.machine("many", `{"StartAt": "M", "States": {"M": {"Type": "Map", "ItemsPath": "$.items", "End": true, "ItemProcessor": {"StartAt": "Ask", "States": {
		"Ask": {"Type": "Task", "Resource": "`+svc+`ask.waitForTaskToken", "Parameters": {"name.$": "$"}, "End": true}}}}}}`)
	b.machine("idle", `{"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 600, "End": true}}}`)
	items := make([]string, 40) // as many as run at a time, over several blocks of history
	var names []string
	begin := func(machine, name string, input any) string {
		text, err := json.Marshal(input)
		if err != nil {
			t.Fatal(err)
		}
		arn := b.start(machine, name, string(text))
		b.until(arn, func(engine.ExecutionInfo) bool { return strings.HasSuffix(b.types(arn), "TaskSubmitted") })
		return arn
	}
	for i := range items {
		items[i] = fmt.Sprint("item", i)
		if i%10 == 0 {
			items[i] += strings.Repeat("x", 2*interp.InlineDoc) // a document of its own
		}
	}
	begin(one, "first", map[string]string{"name": "first"})
	b.start("arn:aws:states:us-east-1:000000000000:stateMachine:idle", "", `{}`)
	all := begin(many, "all", map[string]any{"items": items})
	last := begin(one, "last", map[string]string{"name": "last"})
	names = append(append(append(names, "first"), items...), "last")
	list := func(f engine.PendingFilter, n int) (all []engine.PendingTask) {
		t.Helper()
		for p := (engine.Page{Max: n}); ; {
			page, next, err := b.PendingTasks(ctx, f, p)
			if err != nil {
				t.Fatal(err)
			}
			if len(page) > n {
				t.Errorf("a page of %d, %d is the most", len(page), n)
			}
			if all = append(all, page...); next == "" {
				return all
			}
			p.Token = next
		}
	}
	named := func(all []engine.PendingTask) (names []string) {
		t.Helper()
		for _, p := range all {
			var in struct{ Name string }
			if err := json.Unmarshal(p.Input, &in); err != nil {
				t.Fatal(err)
			}
			names = append(names, in.Name)
		}
		return names
	}
	for _, restart := range []bool{false, true} {
		if restart {
			b.restart()
		}
		for _, n := range []int{1, 3, 7, 100, 1000} {
			want(t, fmt.Sprintf("by pages of %d", n), named(list(engine.PendingFilter{}, n)), names)
			want(t, fmt.Sprintf("of one execution by pages of %d", n), named(list(engine.PendingFilter{ExecutionARN: all}, n)), items)
			want(t, fmt.Sprintf("of a machine by pages of %d", n), named(list(engine.PendingFilter{MachineARN: one}, n)), []string{"first", "last"})
		}
	}
	damage(b, "UPDATE executions SET root = x'ff00' WHERE id = (SELECT min(id) FROM executions WHERE name = 'last')")
	want(t, "beside one that cannot be read", named(list(engine.PendingFilter{}, 7)), names[:len(names)-1])
	if _, _, err := b.PendingTasks(ctx, engine.PendingFilter{ExecutionARN: last}, engine.Page{}); err == nil {
		t.Error("the tasks of one that cannot be read: no error")
	}
	tasks := list(engine.PendingFilter{}, 1000)
	first, item := tasks[0], tasks[31]
	want(t, "state and resource", []string{first.State, first.Resource}, []string{"T", svc + "ask.waitForTaskToken"})
	want(t, "time until the deadline", first.Deadline.Sub(first.Since), 600*time.Second)
	want(t, "deadline of one without", item.Deadline.IsZero(), true)
	found := list(engine.PendingFilter{Token: item.Token}, 10)
	want(t, "of a token", found, []engine.PendingTask{item})
	want(t, "of a token and another execution", len(list(engine.PendingFilter{Token: item.Token, ExecutionARN: first.ExecutionARN}, 10)), 0)
	if _, _, err := b.PendingTasks(ctx, engine.PendingFilter{Token: item.Token + "x"}, engine.Page{}); !errors.Is(err, engine.ErrInvalidToken) {
		t.Errorf("of what is no token: %v", err)
	}
	for _, p := range []engine.PendingTask{first, item} {
		if err := b.SendTaskSuccess(ctx, p.Token, []byte(`{}`)); err != nil {
			t.Fatal(err)
		}
		want(t, "of a token that was sent", len(list(engine.PendingFilter{Token: p.Token}, 10)), 0)
	}
	want(t, "after two were answered", len(list(engine.PendingFilter{}, 1000)), len(names)-3)
}
