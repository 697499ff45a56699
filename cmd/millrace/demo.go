package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"

	"millrace/cmd/internal/cli"
	"millrace/cmd/internal/demo"
	"millrace/engine"
)

func runDemo(ctx context.Context, p *process, args []string) error {
	s := settings{region: engine.DefaultRegion, account: engine.DefaultAccount}
	f := cli.NewFlags("demo [--once] [--data DIR] [--listen ADDR] [--aws-listen ADDR]", `
Starts a server, deploys the product-visits lab and the bucket-change alert,
feeds them, tells step by step what happens and checks what came of it. Then it
serves until it is interrupted.`)
	once := f.Bool("once", false, "answer the alert's question too, and end after the checks")
	f.StringVar(&s.data, "data", "", "`DIR` of the state; left out: a new one, removed at the end")
	listen := f.String("listen", "127.0.0.1:8080", "`ADDR` of REST")
	awsListen := f.String("aws-listen", "127.0.0.1:4566", "`ADDR` of the AWS endpoint")
	asJSON := f.Bool("json", false, "print what was done as JSON, and no progress")
	if _, err := f.Want(0, 0, args, p.getenv, p.out); err != nil {
		return err
	}
	if s.data == "" {
		dir, err := os.MkdirTemp("", "millrace-demo-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		s.data = dir
	}
	s.log = slog.New(slog.NewTextHandler(p.err, &slog.HandlerOptions{Level: slog.LevelWarn}))
	progress := p.out
	if *asJSON {
		progress = io.Discard
	}
	return serving(ctx, s, *listen, *awsListen, func(ctx context.Context, sys *system, d doors) error {
		fmt.Fprintf(progress, "AWS endpoint  %s\nREST          %s/v1\nstate         %s\n", d.aws, d.rest, s.data)
		report, err := (&demo.Demo{Target: target{sys, s}, Engine: sys.engine, Out: progress}).Run(ctx, *once)
		if err != nil {
			return err
		}
		if *asJSON {
			if err := cli.JSON(p.out, report); err != nil {
				return err
			}
		}
		if *once {
			fmt.Fprintln(progress, "\nEverything is as it should be.")
			return nil
		}
		fmt.Fprintf(progress, `
Now it is yours, until Ctrl-C:

    export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test AWS_DEFAULT_REGION=%[2]s
    aws --endpoint-url %[1]s s3 ls --recursive s3://product-visits-datalake
    aws --endpoint-url %[1]s stepfunctions list-state-machines
    millrace list --server %[3]s

millrace is this program: bin/millrace after make, or go run ./cmd/millrace.
`, d.aws, s.region, d.rest)
		<-ctx.Done()
		return nil
	})
}

// target is the system in this process as a template's target.
type target struct {
	*system
	s settings
}

func (t target) Region() string  { return t.s.region }
func (t target) Account() string { return t.s.account }
