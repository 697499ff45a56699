package engine_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"millrace/engine"
	"millrace/engine/interp"
	"millrace/engine/sqlite"
)

// The crash test of map runs runs this test binary again as a process that works
// on a folder, kills it at random instants, and starts it again each time.
//
//	MILLRACE_CRASH_KILLS=500 MILLRACE_CRASH_SEED=7 go test -run TestMapRunSurvivesKills ./engine
const (
	mapCrashChild = "MILLRACE_MAP_CRASH_CHILD" // the folder
	mapCrashKind  = "MILLRACE_MAP_CRASH_KIND"  // STANDARD, EXPRESS
	mapCrashItems = 2000
)

// mapCrashDefinition has children with a local task, whose effect counts how
// often it was done, and a state after it.
func mapCrashDefinition(kind string) string {
	process := `"StartAt": "T", "States": {"T": {"Type": "Task", "Resource": "` + svc + `count", "ResultPath": null, "Next": "P"}, "P": {"Type": "Pass", "End": true}}`
	return mapState(kind, process, fmt.Sprintf(readNumbers, "")+`"MaxConcurrency": 150,`)
}

func openMapCrash(dir string) (*engine.Engine, error) {
	store, err := sqlite.Open(context.Background(), dir, sqlite.Options{NoSync: true}) // a kill does not lose what the system has
	if err != nil {
		return nil, err
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	return engine.Open(context.Background(), engine.Config{Store: store, Tasks: crashTasks, MapData: &numbers{n: mapCrashItems}, Log: log})
}

// TestMapRunCrashChild is the process that is killed, not a test.
func TestMapRunCrashChild(t *testing.T) {
	dir := os.Getenv(mapCrashChild)
	if dir == "" {
		t.Skip("it is the process that TestMapRunSurvivesKills kills")
	}
	e, err := openMapCrash(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	ctx := context.Background()
	m, err := e.CreateStateMachine(ctx, engine.CreateStateMachine{Name: "m", Definition: mapCrashDefinition(os.Getenv(mapCrashKind))})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.StartExecution(ctx, engine.StartInput{MachineARN: m.ARN, Name: "x"}); err != nil && !errors.Is(err, engine.ErrExecutionExists) {
		t.Fatal(err)
	}
	if _, err := e.WaitExecution(ctx, strings.Replace(m.ARN, "stateMachine", "execution", 1)+":x"); err != nil {
		t.Fatal(err)
	}
}

// mapCrashRun runs the process and kills it after a while; 0: lets it end.
func mapCrashRun(t *testing.T, dir, kind string, after time.Duration) (ended bool) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestMapRunCrashChild$")
	cmd.Env = append(os.Environ(), mapCrashChild+"="+dir, mapCrashKind+"="+kind)
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	limit := after
	if limit == 0 {
		limit = 60 * time.Second
	}
	kill := time.AfterFunc(limit, func() { cmd.Process.Kill() })
	defer kill.Stop()
	err := cmd.Wait()
	if err != nil && (after == 0 || cmd.ProcessState.Exited()) {
		t.Fatalf("the process failed: %v\n%s", err, out.String())
	}
	return err == nil
}

func TestMapRunSurvivesKills(t *testing.T) {
	kills, seed := number(t, crashKills, 30), number(t, crashSeed, 1)
	if testing.Short() {
		kills = min(kills, 4)
	}
	random := rand.New(rand.NewPCG(uint64(seed), 1))
	for _, kind := range []string{"STANDARD", "EXPRESS"} {
		dir, ends := t.TempDir(), 0
		for range kills / 2 {
			if mapCrashRun(t, dir, kind, time.Duration(40+random.IntN(260))*time.Millisecond) {
				mapCrashCheck(t, dir, kind)
				if ends++; t.Failed() {
					return
				}
				dir = t.TempDir()
			}
		}
		mapCrashRun(t, dir, kind, 0)
		mapCrashCheck(t, dir, kind)
		t.Logf("%s: %d kills, %d map runs ended meanwhile", kind, kills/2, ends)
	}
}

// mapCrashCheck checks what the promises say of a folder whose run has ended.
func mapCrashCheck(t *testing.T, dir, kind string) {
	t.Helper()
	e, err := openMapCrash(dir)
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{Engine: e, t: t}
	defer e.Close()
	arn := "arn:aws:states:us-east-1:000000000000:execution:m:x"
	i, err := b.DescribeExecution(context.Background(), arn)
	if err != nil {
		t.Fatal(err)
	}
	want(t, "status", i.Status, interp.Succeeded)
	want(t, "output", string(i.Output), numbersTo(mapCrashItems))
	r := b.mapRun(arn)
	want(t, "items", r.Items, engine.MapRunCounts{Succeeded: mapCrashItems, Total: mapCrashItems})
	want(t, "executions", r.Executions, engine.MapRunCounts{Succeeded: mapCrashItems, Total: mapCrashItems})
	children := 0
	p := engine.Page{Max: 1000}
	for {
		list, next, err := b.ListExecutions(context.Background(), engine.ListFilter{MapRunARN: r.ARN}, p)
		if err != nil {
			t.Fatal(err)
		}
		if children += len(list); next == "" {
			break
		}
		p.Token = next
	}
	want(t, "children", children, mapCrashItems)
	keys, most := b.effects()
	want(t, "children with an effect", keys, mapCrashItems)
	if kind == "STANDARD" {
		want(t, "repeats of an effect", most, 1)
	}
	b.outboxEmpty()
	err = b.Read(context.Background(), func(r engine.Reader) error {
		rows, err := r.Query("SELECT count(*) FROM map_ends")
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var n int
			if err := rows.Scan(&n); err != nil {
				return err
			}
			want(t, "words of children left over", n, 0)
		}
		return rows.Err()
	})
	if err != nil {
		t.Fatal(err)
	}
}

// soakRows asks for the soak: how many items TestMapRunSoak reads.
//
//	MILLRACE_SOAK_ROWS=1000000 go test -run TestMapRunSoak -timeout 60m -v ./engine
const soakRows = "MILLRACE_SOAK_ROWS"

// soakMemory is the most memory, in bytes taken from the system, that a map run
// may need however many items it has.
const soakMemory = 300 << 20

// TestMapRunSoak runs children for very many items on a folder and checks that
// memory does not grow with them.
func TestMapRunSoak(t *testing.T) {
	rows := number(t, soakRows, 0)
	if rows == 0 {
		t.Skip(soakRows + " is not set")
	}
	dir := t.TempDir()
	store, err := sqlite.Open(context.Background(), dir, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	d := &numbers{n: rows}
	e, err := engine.Open(context.Background(), engine.Config{Store: store, Tasks: crashTasks, MapData: d, Log: quiet(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	b := &bench{Engine: e, t: t}
	kind := os.Getenv(mapCrashKind)
	if kind == "" {
		kind = "STANDARD"
	}
	writer := `"ResultWriter": {"Resource": "arn:aws:states:::s3:putObject", "Parameters": {"Bucket": "drop", "Prefix": ""}},`
	began := time.Now()
	x := b.start(b.machine("m", mapState(kind, passItem, fmt.Sprintf(readNumbers, "")+writer)), "x", "{}")
	most := uint64(0)
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	last := time.Now()
	for {
		most = max(most, memory())
		i, err := b.DescribeExecution(context.Background(), x)
		if err != nil {
			t.Fatal(err)
		}
		if i.Status != interp.Running {
			want(t, "status", i.Status, interp.Succeeded)
			break
		}
		if time.Since(last) > 10*time.Second {
			last = time.Now()
			t.Logf("%s: %d children have ended, %d MiB", time.Since(began).Round(time.Second), b.mapRun(x).Executions.Succeeded, memory()>>20)
		}
		<-tick.C
	}
	r := b.mapRun(x)
	want(t, "executions", r.Executions.Succeeded, rows)
	took := time.Since(began)
	t.Logf("%d children of type %s in %s, %.0f/s, at most %d MiB", rows, kind, took.Round(time.Millisecond), float64(rows)/took.Seconds(), most>>20)
	if most > soakMemory {
		t.Errorf("memory: %d MiB, %d are the most allowed", most>>20, soakMemory>>20)
	}
}

// memory returns how many bytes of memory the process holds: what the system
// says, or else what Go says.
func memory() uint64 {
	if status, err := os.ReadFile("/proc/self/status"); err == nil {
		for line := range strings.Lines(string(status)) {
			var kib uint64
			if n, _ := fmt.Sscanf(line, "VmRSS: %d kB", &kib); n == 1 {
				return kib << 10
			}
		}
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.Sys - m.HeapReleased
}
