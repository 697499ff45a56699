// Package cli is what the commands share: flags that the environment can set,
// what is printed for people and as JSON, and the client of a running server.
package cli

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
)

// Exit codes of the command.
const (
	OK     = 0
	Failed = 1 // it ran, and the outcome is bad: faults, a failed execution, no server
	Usage  = 2 // the command line is not right
)

// Error ends the command with a code. An empty Text prints nothing: the
// outcome has been told already.
type Error struct {
	Code int
	Text string
}

func (e *Error) Error() string { return e.Text }

// Failf is an error with the code [Failed].
func Failf(format string, args ...any) error { return &Error{Failed, fmt.Sprintf(format, args...)} }

// Misused is an error with the code [Usage].
func Misused(format string, args ...any) error { return &Error{Usage, fmt.Sprintf(format, args...)} }

// Flags are a command's flags. What the command line does not set is taken from
// the environment: --aws-listen from MILLRACE_AWS_LISTEN.
type Flags struct {
	*flag.FlagSet
	synopsis string
	about    string
}

// NewFlags makes the flags of a command. The synopsis is what follows "millrace"
// in the usage, about what it does and examples.
func NewFlags(synopsis, about string) *Flags {
	name, _, _ := strings.Cut(synopsis, " ")
	f := &Flags{flag.NewFlagSet(name, flag.ContinueOnError), synopsis, about}
	f.SetOutput(io.Discard)
	return f
}

// ErrHelp is Parse's answer to --help; the usage has been printed.
var ErrHelp = errors.New("help was asked for")

// Parse reads args, with flags before, between and after the other arguments,
// which it returns. help goes to out.
func (f *Flags) Parse(args []string, getenv func(string) string, out io.Writer) (rest []string, err error) {
	for {
		err := f.FlagSet.Parse(args)
		if errors.Is(err, flag.ErrHelp) {
			f.Help(out)
			return nil, ErrHelp
		}
		if err != nil {
			return nil, Misused("%s: %s\nusage: millrace %s", f.Name(), strings.Replace(err.Error(), ": -", ": --", 1), f.synopsis)
		}
		left := f.Args()
		if n := len(args) - len(left); n > 0 && args[n-1] == "--" {
			rest = append(rest, left...)
			break
		}
		if len(left) == 0 {
			break
		}
		rest, args = append(rest, left[0]), left[1:]
	}
	given := map[string]bool{}
	f.Visit(func(g *flag.Flag) { given[g.Name] = true })
	f.VisitAll(func(g *flag.Flag) {
		name := "MILLRACE_" + strings.ToUpper(strings.ReplaceAll(g.Name, "-", "_"))
		if v := getenv(name); v != "" && !given[g.Name] && err == nil {
			if bad := g.Value.Set(v); bad != nil {
				err = Misused("%s: %s=%q: %v", f.Name(), name, v, bad)
			}
		}
	})
	return rest, err
}

// Want is Parse for a command with min to max other arguments; max -1 is any number.
func (f *Flags) Want(min, max int, args []string, getenv func(string) string, out io.Writer) ([]string, error) {
	rest, err := f.Parse(args, getenv, out)
	if err != nil {
		return nil, err
	}
	if len(rest) < min || max >= 0 && len(rest) > max {
		return nil, Misused("usage: millrace %s", f.synopsis)
	}
	return rest, nil
}

// Help prints the usage.
func (f *Flags) Help(out io.Writer) {
	fmt.Fprintf(out, "usage: millrace %s\n\n%s\n", f.synopsis, strings.TrimSpace(f.about))
	any := false
	f.VisitAll(func(*flag.Flag) { any = true })
	if !any {
		return
	}
	fmt.Fprint(out, "\nflags:\n")
	f.VisitAll(func(g *flag.Flag) {
		kind, usage := flag.UnquoteUsage(g)
		line := "  --" + g.Name
		if kind != "" {
			line += " " + kind
		}
		if g.DefValue != "" && g.DefValue != "false" && g.DefValue != "0" {
			usage += " (default " + g.DefValue + ")"
		}
		fmt.Fprintf(out, "%-26s %s\n", line, usage)
	})
}
