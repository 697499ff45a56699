package engine_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"millrace/engine"
)

// passing is a definition whose output tells which one it is.
func passing(n int) string {
	return fmt.Sprintf(`{"StartAt": "P", "States": {"P": {"Type": "Pass", "Result": %d, "End": true}}}`, n)
}

// publish gives the machine the n-th definition and publishes it.
func (b *bench) publish(arn string, n int) string {
	b.t.Helper()
	text := passing(n)
	m, err := b.UpdateStateMachine(context.Background(), engine.UpdateStateMachine{ARN: arn, Definition: &text, Publish: true})
	if err != nil {
		b.t.Fatal(err)
	}
	return m.VersionARN
}

func (b *bench) versions(arn string) string {
	b.t.Helper()
	list, _, err := b.ListVersions(context.Background(), arn, engine.Page{})
	if err != nil {
		b.t.Fatal(err)
	}
	var numbers []string
	for _, v := range list {
		numbers = append(numbers, fmt.Sprint(v.Number))
	}
	return strings.Join(numbers, " ")
}

func TestVersionsStayAsPublished(t *testing.T) {
	ctx := context.Background()
	b := openBench(t, &bench{dir: t.TempDir()})
	m := b.machine("m", passing(0))
	first, second := b.publish(m, 1), b.publish(m, 2)
	if got, want := first, m+":1"; got != want {
		t.Fatalf("published %s, want %s", got, want)
	}
	if again, err := b.PublishVersion(ctx, m, nil, ""); err != nil || again.ARN != second {
		t.Errorf("published the same revision again as %s, %v, want %s", again.ARN, err, second)
	}
	b.restart()
	for arn, want := range map[string]string{m: "2", first: "1", second: "2"} {
		i := b.end(b.start(arn, "", `{}`))
		if string(i.Output) != want || i.MachineARN != m {
			t.Errorf("%s: output %s of %s, want %s of %s", arn, i.Output, i.MachineARN, want, m)
		}
		if v := i.VersionARN; arn == m && v != "" || arn != m && v != arn {
			t.Errorf("%s: version %s", arn, v)
		}
	}
	if d, err := b.DescribeStateMachine(ctx, first); err != nil || d.ARN != first || d.Definition != passing(1) {
		t.Errorf("got %s %s, %v", d.ARN, d.Definition, err)
	}
	if list, _, err := b.ListExecutions(ctx, engine.ListFilter{MachineARN: first}, engine.Page{}); err != nil || len(list) != 1 {
		t.Errorf("%d executions of version 1, %v, want 1", len(list), err)
	}
	if _, err := b.StartExecution(ctx, engine.StartInput{MachineARN: m + ":7"}); !errors.Is(err, engine.ErrMachineNotFound) {
		t.Errorf("start of version 7: got %v, want ErrMachineNotFound", err)
	}
}

func TestVersionNumbersAreNotGivenTwice(t *testing.T) {
	ctx := context.Background()
	b := newBench(t)
	m := b.machine("m", passing(0))
	b.publish(m, 1)
	second := b.publish(m, 2)
	if err := b.DeleteVersion(ctx, second); err != nil {
		t.Fatal(err)
	}
	if err := b.DeleteVersion(ctx, second); err != nil {
		t.Errorf("deleting what is not there: %v", err)
	}
	if v, err := b.PublishVersion(ctx, m, nil, ""); err != nil || v.Number != 3 {
		t.Errorf("published version %d, %v, want 3", v.Number, err)
	}
	if got, want := b.versions(m), "3 1"; got != want {
		t.Errorf("versions %s, want %s", got, want)
	}
	revision := "none"
	if _, err := b.PublishVersion(ctx, m, &revision, ""); !errors.Is(err, engine.ErrRevision) {
		t.Errorf("publish of another revision: got %v, want ErrRevision", err)
	}
}

func TestListVersionsInPages(t *testing.T) {
	b := newBench(t)
	m := b.machine("m", passing(0))
	for n := range 5 {
		b.publish(m, n+1)
	}
	var got []string
	for p := (engine.Page{Max: 2}); ; {
		list, next, err := b.ListVersions(context.Background(), m, p)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range list {
			got = append(got, fmt.Sprint(v.Number))
		}
		if p.Token = next; next == "" {
			break
		}
	}
	if got, want := strings.Join(got, " "), "5 4 3 2 1"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if _, _, err := b.ListVersions(context.Background(), m, engine.Page{Token: "x"}); !errors.Is(err, engine.ErrInvalidToken) {
		t.Errorf("a made-up token: got %v, want ErrInvalidToken", err)
	}
}

func TestUpdateWithoutAChangeKeepsTheRevision(t *testing.T) {
	ctx := context.Background()
	b := newBench(t)
	m := b.machine("m", passing(0))
	same := passing(0)
	sm, err := b.UpdateStateMachine(ctx, engine.UpdateStateMachine{ARN: m, Definition: &same})
	if err != nil || sm.Revision != "" {
		t.Errorf("revision %q, %v, want none", sm.Revision, err)
	}
	role := "arn:aws:iam::000000000000:role/other"
	sm, err = b.UpdateStateMachine(ctx, engine.UpdateStateMachine{ARN: m, RoleARN: &role})
	if err != nil || sm.Revision == "" {
		t.Errorf("another role has no revision, %v", err)
	}
}

func TestAliasLeadsToAVersion(t *testing.T) {
	ctx := context.Background()
	b := newBench(t)
	m := b.machine("m", passing(0))
	first, second := b.publish(m, 1), b.publish(m, 2)
	a, err := b.CreateAlias(ctx, "live", "", []engine.Route{{VersionARN: first, Weight: 100}})
	if err != nil || a.ARN != m+":live" {
		t.Fatalf("got %s, %v", a.ARN, err)
	}
	i := b.end(b.start(a.ARN, "", `{}`))
	if string(i.Output) != "1" || i.AliasARN != a.ARN || i.VersionARN != first || i.MachineARN != m {
		t.Errorf("got %s of %s, %s, %s", i.Output, i.AliasARN, i.VersionARN, i.MachineARN)
	}
	if err := b.DeleteVersion(ctx, first); !errors.Is(err, engine.ErrVersionInUse) || !strings.Contains(err.Error(), "[live]") {
		t.Errorf("delete of a version in use: got %v, want ErrVersionInUse", err)
	}
	if _, err := b.UpdateAlias(ctx, a.ARN, nil, []engine.Route{{VersionARN: second, Weight: 100}}); err != nil {
		t.Fatal(err)
	}
	if i := b.end(b.start(a.ARN, "", `{}`)); string(i.Output) != "2" {
		t.Errorf("after the update: output %s, want 2", i.Output)
	}
	if list, _, err := b.ListAliases(ctx, first, engine.Page{}); err != nil || len(list) != 0 {
		t.Errorf("%d aliases of version 1, %v, want none", len(list), err)
	}
	if err := b.DeleteAlias(ctx, a.ARN); err != nil {
		t.Fatal(err)
	}
	if _, err := b.DescribeAlias(ctx, a.ARN); !errors.Is(err, engine.ErrAliasNotFound) {
		t.Errorf("a deleted alias: got %v, want ErrAliasNotFound", err)
	}
	if _, err := b.StartExecution(ctx, engine.StartInput{MachineARN: a.ARN}); !errors.Is(err, engine.ErrMachineNotFound) {
		t.Errorf("start by a deleted alias: got %v, want ErrMachineNotFound", err)
	}
}

func TestAliasRefusals(t *testing.T) {
	ctx := context.Background()
	b := newBench(t)
	m := b.machine("m", passing(0))
	v, w := b.publish(m, 1), b.publish(m, 2)
	other := b.publish(b.machine("other", passing(0)), 1)
	if _, err := b.CreateAlias(ctx, "a", "", []engine.Route{{VersionARN: v, Weight: 50}, {VersionARN: w, Weight: 50}}); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		alias string
		to    []engine.Route
		want  error
	}{
		"no route":                    {"b", nil, engine.ErrInvalidRouting},
		"three routes":                {"b", []engine.Route{{VersionARN: v, Weight: 40}, {VersionARN: w, Weight: 40}, {VersionARN: other, Weight: 20}}, engine.ErrInvalidRouting},
		"weights of 99":               {"b", []engine.Route{{VersionARN: v, Weight: 49}, {VersionARN: w, Weight: 50}}, engine.ErrInvalidRouting},
		"a version twice":             {"b", []engine.Route{{VersionARN: v, Weight: 50}, {VersionARN: v, Weight: 50}}, engine.ErrInvalidRouting},
		"two machines":                {"b", []engine.Route{{VersionARN: v, Weight: 50}, {VersionARN: other, Weight: 50}}, engine.ErrInvalidRouting},
		"no version":                  {"b", []engine.Route{{VersionARN: m, Weight: 100}}, engine.ErrInvalidRouting},
		"another alias":               {"b", []engine.Route{{VersionARN: m + ":a", Weight: 100}}, engine.ErrInvalidRouting},
		"a version that is not there": {"b", []engine.Route{{VersionARN: m + ":9", Weight: 100}}, engine.ErrAliasNotFound},
		"a machine that is not there": {"b", []engine.Route{{VersionARN: m + "x:1", Weight: 100}}, engine.ErrAliasNotFound},
		"a name that is taken":        {"a", []engine.Route{{VersionARN: v, Weight: 100}}, engine.ErrAliasExists},
	} {
		if _, err := b.CreateAlias(ctx, c.alias, "", c.to); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
	}
	if _, err := b.CreateAlias(ctx, "a", "", []engine.Route{{VersionARN: v, Weight: 50}, {VersionARN: w, Weight: 50}}); err != nil {
		t.Errorf("the same alias again: %v", err)
	}
}

func TestTags(t *testing.T) {
	ctx := context.Background()
	b := newBench(t)
	m := b.machine("m", passing(0))
	told := func() string {
		tags, err := b.Tags(ctx, m)
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(tags)
	}
	for _, c := range []struct {
		do   func() error
		want string
	}{
		{func() error { return b.Tag(ctx, m, nil) }, "[]"},
		{func() error { return b.Tag(ctx, m, []engine.Tag{{Key: "a", Value: "1"}, {Key: "b"}}) }, "[{a 1} {b }]"},
		{func() error { return b.Tag(ctx, m, []engine.Tag{{Key: "c", Value: "3"}, {Key: "a", Value: "2"}}) }, "[{a 2} {b } {c 3}]"},
		{func() error { return b.Untag(ctx, m, []string{"b", "x"}) }, "[{a 2} {c 3}]"},
	} {
		if err := c.do(); err != nil {
			t.Fatal(err)
		}
		if got := told(); got != c.want {
			t.Errorf("got %s, want %s", got, c.want)
		}
	}
	many := make([]engine.Tag, engine.MaxTags)
	for i := range many {
		many[i] = engine.Tag{Key: fmt.Sprint("k", i)}
	}
	if err := b.Tag(ctx, m, many); !errors.Is(err, engine.ErrTooManyTags) {
		t.Errorf("52 tags: got %v, want ErrTooManyTags", err)
	}
	if err := b.Tag(ctx, b.publish(m, 1), many[:1]); !errors.Is(err, engine.ErrResourceNotFound) {
		t.Errorf("tags of a version: got %v, want ErrResourceNotFound", err)
	}
	if err := b.DeleteStateMachine(ctx, m); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Tags(ctx, m); !errors.Is(err, engine.ErrResourceNotFound) {
		t.Errorf("tags of a deleted machine: got %v, want ErrResourceNotFound", err)
	}
	b.machine("m", passing(0))
	if got := told(); got != "[]" {
		t.Errorf("a new machine has tags %s, and versions %s", got, b.versions(m))
	}
}
