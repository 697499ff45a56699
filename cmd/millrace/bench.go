package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"runtime/pprof"
	"slices"
	"strings"

	"millrace/cmd/internal/bench"
	"millrace/cmd/internal/cli"
	"millrace/engine"
)

func runBench(ctx context.Context, p *process, args []string) (err error) {
	o := bench.Options{Serve: serveBench}
	f := cli.NewFlags("bench WORKLOAD [--duration D] [--clients N] [--executions N] [--data DIR]", `
Measures the engine on this machine, beside a yardstick of the same run. Workloads:

`+bench.About("    ")+`
    millrace bench chain --duration 10s --clients 64`)
	f.DurationVar(&o.Duration, "duration", 0, "how long `D` to measure, such as 30s; left out: 10s")
	f.IntVar(&o.Clients, "clients", 0, "`N` clients that start executions one after the other; left out: 64, of fanout 1")
	f.IntVar(&o.Executions, "executions", 0, "`N` executions that wait, of waiting and timers; left out: 100000")
	f.StringVar(&o.Data, "data", "", "empty `DIR` for the database, on the disk to be measured; left out: a temporary one")
	f.BoolVar(&o.NoSync, "no-sync", false, "leave out the sync of each commit, which makes the figures those of no durable engine; not with http")
	f.BoolVar(&o.JSON, "json", false, "print JSON")
	profile := f.String("cpuprofile", "", "write a CPU profile of the run to `FILE`, for go tool pprof")
	rest, err := f.Want(1, 1, args, p.getenv, p.out)
	if err != nil {
		return err
	}
	if !slices.Contains(bench.Workloads(), rest[0]) || o.Duration < 0 || o.Clients < 0 || o.Executions < 0 {
		return cli.Misused("bench %s: want a workload of %s, and no negative figures", rest[0], strings.Join(bench.Workloads(), ", "))
	}
	if *profile != "" {
		file, err := os.Create(*profile)
		if err != nil {
			return cli.Failf("%s", err)
		}
		defer func() { err = errors.Join(err, file.Close()) }()
		if err := pprof.StartCPUProfile(file); err != nil {
			return cli.Failf("%s", err)
		}
		defer pprof.StopCPUProfile()
	}
	return bench.Run(ctx, rest[0], o, p.out)
}

// serveBench serves the doors over a database in dir as serve does, on free ports.
func serveBench(ctx context.Context, dir string, f func(ctx context.Context, url string) error) error {
	s := settings{data: dir, region: engine.DefaultRegion, account: engine.DefaultAccount, log: slog.New(slog.DiscardHandler)}
	return serving(ctx, s, "127.0.0.1:0", "127.0.0.1:0", func(ctx context.Context, _ *system, d doors) error { return f(ctx, d.aws) })
}
