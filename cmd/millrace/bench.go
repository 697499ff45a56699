package main

import (
	"context"
	"slices"
	"strings"

	"millrace/cmd/internal/bench"
	"millrace/cmd/internal/cli"
)

func runBench(ctx context.Context, p *process, args []string) error {
	o := bench.Options{}
	f := cli.NewFlags("bench WORKLOAD [--duration D] [--clients N] [--data DIR]", `
Measures the engine on this machine, beside what the bare store does with the
same bytes. Workloads: `+strings.Join(bench.Workloads(), ", ")+`.

    millrace bench chain --duration 10s --clients 64`)
	f.DurationVar(&o.Duration, "duration", 0, "how long `D` to measure, such as 30s; left out: 10s")
	f.IntVar(&o.Clients, "clients", 0, "`N` clients that start executions one after the other; left out: 64")
	f.StringVar(&o.Data, "data", "", "empty `DIR` for the database, on the disk to be measured; left out: a temporary one")
	f.BoolVar(&o.NoSync, "no-sync", false, "leave out the sync of each commit, which makes the figures those of no durable engine")
	f.BoolVar(&o.JSON, "json", false, "print JSON")
	rest, err := f.Want(1, 1, args, p.getenv, p.out)
	if err != nil {
		return err
	}
	if !slices.Contains(bench.Workloads(), rest[0]) || o.Duration < 0 || o.Clients < 0 {
		return cli.Misused("bench %s: want a workload of %s, and no negative figures", rest[0], strings.Join(bench.Workloads(), ", "))
	}
	return bench.Run(ctx, rest[0], o, p.out)
}
