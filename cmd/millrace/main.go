// Millrace runs Amazon States Language workflows durably on one machine.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"golang.org/x/term"

	"millrace/cmd/internal/cli"
)

func main() {
	tuneHeap()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// The first signal ends the work in order; from then on a second one ends the process.
	context.AfterFunc(ctx, stop)
	code := run(ctx, &process{os.Stdin, os.Stdout, os.Stderr, os.Getenv, term.IsTerminal(int(os.Stdout.Fd()))}, os.Args[1:])
	stop()
	os.Exit(code)
}

// process is what a command has of the process it runs in.
type process struct {
	in       io.Reader
	out, err io.Writer
	getenv   func(string) string
	terminal bool // out is a terminal
}

type command struct {
	name  string
	about string
	run   func(context.Context, *process, []string) error
}

// commands lists what millrace can do, in the order of the usage.
func commands() []command {
	return []command{
		{"demo", "show two workflows at work", runDemo},
		{"serve", "serve the AWS endpoint and REST", serve},
		{"deploy", "deploy a SAM or CloudFormation template to a server", deploy},
		{"run", "run one execution to its end", runFile},
		{"validate", "check definitions", validate},
		{"eval", "evaluate a JSONata expression or a path", eval},
		{"start", "start an execution on a server", start},
		{"list", "list executions or state machines of a server", list},
		{"describe", "show an execution or a state machine", describe},
		{"history", "show what happened in an execution", history},
		{"stop", "stop an execution", stop},
		{"approvals", "list, show, approve and reject approvals", approvals},
		{"backup", "copy the state of a running server", backup},
		{"bench", "measure the engine on this machine", runBench},
		{"version", "print the version", printVersion},
	}
}

func usage(out io.Writer) {
	fmt.Fprint(out, "usage: millrace COMMAND [ARGUMENT...] [--FLAG...]\n\n")
	for _, c := range commands() {
		fmt.Fprintf(out, "  %-10s %s\n", c.name, c.about)
	}
	fmt.Fprint(out, "\nmillrace COMMAND --help says more. Flags are also read from the environment:\n--aws-listen from MILLRACE_AWS_LISTEN.\n")
}

// run runs the command line and returns the exit code.
func run(ctx context.Context, p *process, args []string) int {
	if len(args) == 0 {
		usage(p.err)
		return cli.Usage
	}
	switch args[0] {
	case "help", "--help", "-h", "-help":
		usage(p.out)
		return cli.OK
	case "--version":
		args[0] = "version"
	}
	for _, c := range append(commands(), command{"handler", "", handler}) {
		if c.name == args[0] {
			return exit(p, c.run(ctx, p, args[1:]))
		}
	}
	fmt.Fprintf(p.err, "millrace: no command %q\n\n", args[0])
	usage(p.err)
	return cli.Usage
}

// exit prints an error and returns its code.
func exit(p *process, err error) int {
	var e *cli.Error
	switch {
	case err == nil, errors.Is(err, cli.ErrHelp):
		return cli.OK
	case errors.As(err, &e):
		if e.Text != "" {
			fmt.Fprintln(p.err, "millrace: "+e.Text)
		}
		return e.Code
	case errors.Is(err, context.Canceled):
		return 130 // as a shell has it for an interrupted command
	}
	fmt.Fprintln(p.err, "millrace: "+err.Error())
	return cli.Failed
}

// version is the module's version, as the build recorded it.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}

func printVersion(_ context.Context, p *process, args []string) error {
	f := cli.NewFlags("version [--json]", "Prints the version.")
	asJSON := f.Bool("json", false, "print JSON")
	if _, err := f.Want(0, 0, args, p.getenv, p.out); err != nil {
		return err
	}
	if *asJSON {
		return cli.JSON(p.out, map[string]string{"version": version()})
	}
	_, err := fmt.Fprintln(p.out, "millrace "+version())
	return err
}
