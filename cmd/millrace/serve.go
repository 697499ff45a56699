package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"millrace/api"
	"millrace/cmd/internal/cli"
	"millrace/engine"
)

// common are the flags of the commands that run an engine of their own.
func common(f *cli.Flags, s *settings) {
	f.StringVar(&s.region, "region", engine.DefaultRegion, "`REGION` in ARNs")
	f.StringVar(&s.account, "account", engine.DefaultAccount, "`ACCOUNT` in ARNs, 12 digits")
	f.Var(&s.httpAllow, "http-allow", "which addresses HTTP tasks may call, `LEVEL`: public, loopback, private or any")
	f.StringVar(&s.lambda, "lambda-endpoint", "", "`URL` of a Lambda Invoke API that has the functions that are not here")
}

func checkCommon(s *settings) error {
	if len(s.account) != 12 || strings.Trim(s.account, "0123456789") != "" {
		return cli.Misused("--account %q: want 12 digits", s.account)
	}
	if s.region == "" || strings.ContainsAny(s.region, ": /") {
		return cli.Misused("--region %q: want a region such as %s", s.region, engine.DefaultRegion)
	}
	return nil
}

func serve(ctx context.Context, p *process, args []string) error {
	s := settings{}
	f := cli.NewFlags("serve [--data DIR] [--listen ADDR] [--aws-listen ADDR]", `
Serves the AWS endpoint and REST until it is interrupted. The state is in the
folder that --data names; start it again there and executions go on.

    millrace serve
    aws --endpoint-url http://127.0.0.1:4566 stepfunctions list-state-machines`)
	f.StringVar(&s.data, "data", "millrace-data", "`DIR` of the state, made if it is not there")
	listen := f.String("listen", "127.0.0.1:8080", "`ADDR` of REST")
	awsListen := f.String("aws-listen", "127.0.0.1:4566", "`ADDR` of the AWS endpoint")
	asJSON := f.Bool("json", false, "print where it listens, and the log, as JSON")
	f.DurationVar(&s.retention, "retention", engine.DefaultRetention, "how long executions are kept after their end, `DURATION` such as 720h; 0: for ever")
	common(f, &s)
	if _, err := f.Want(0, 0, args, p.getenv, p.out); err != nil {
		return err
	}
	if err := checkCommon(&s); err != nil {
		return err
	}
	if s.retention < 0 {
		return cli.Misused("--retention %s: want a duration such as 720h, or 0 for ever", s.retention)
	}
	if s.retention == 0 {
		s.retention = -1
	}
	s.log = slog.New(slog.NewTextHandler(p.err, nil))
	if *asJSON {
		s.log = slog.New(slog.NewJSONHandler(p.err, nil))
	}
	return serving(ctx, s, *listen, *awsListen, func(ctx context.Context, _ *system, d doors) error {
		if *asJSON {
			if err := cli.JSON(p.out, map[string]string{"aws": d.aws, "rest": d.rest, "data": s.data}); err != nil {
				return err
			}
		} else if _, err := fmt.Fprintf(p.out, "AWS endpoint  %s\nREST          %s/v1\nstate         %s\n", d.aws, d.rest, s.data); err != nil {
			return err
		}
		<-ctx.Done()
		return nil
	})
}

// doors are where a system is reached.
type doors struct{ aws, rest string } // URLs

// serving opens the doors and the system behind them, and runs f while they
// serve. It ends when f returns, a door fails, or ctx is done and f has returned.
func serving(ctx context.Context, s settings, listen, awsListen string, f func(context.Context, *system, doors) error) error {
	restDoor, err := api.Listen(listen)
	if err != nil {
		return cli.Failf("%s", err)
	}
	defer restDoor.Close()
	awsDoor, err := api.Listen(awsListen)
	if err != nil {
		return cli.Failf("%s", err)
	}
	defer awsDoor.Close()
	d := doors{"http://" + awsDoor.Addr().String(), "http://" + restDoor.Addr().String()}
	s.endpoint = d.aws
	sys, err := assemble(ctx, s)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	served := make(chan error, 1)
	go func() {
		served <- api.Serve(ctx, s.log, api.Door{Listener: awsDoor, Handler: sys.aws}, api.Door{Listener: restDoor, Handler: sys.rest})
		cancel() // a door that failed ends the work behind it
	}()
	err = f(ctx, sys, d)
	cancel()
	return errors.Join(err, <-served, sys.close())
}
