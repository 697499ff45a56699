package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"millrace/asl"
	"millrace/asl/yaml"
	"millrace/cmd/internal/cli"
	"millrace/engine"
)

// checked is a file and what was found in it.
type checked struct {
	File  string          `json:"file"`
	Found []cli.Diagnosis `json:"diagnostics"`

	text string
}

func validate(_ context.Context, p *process, args []string) error {
	f := cli.NewFlags("validate FILE... [--format text|json|sarif] [--strict] [--type STANDARD|EXPRESS]", `
Checks definitions in the Amazon States Language: JSON, or YAML in files that
end in .yaml or .yml. Placeholders such as ${TableArn} are accepted unless
--strict is given. Warnings tell of what is accepted but cannot be meant, such
as a variable that has no value where it is read. FILE - is standard input,
which may be either. The exit code is 0 when nothing is wrong, 1 when there are
faults or a file cannot be read.

    millrace validate order.asl.json
    millrace validate --format sarif workflows/*.json > faults.sarif`)
	format := f.String("format", "text", "`FORMAT` of what is found: text, json or sarif")
	asJSON := f.Bool("json", false, "the same as --format json")
	strict := f.Bool("strict", false, "refuse what AWS refuses, placeholders too")
	kind := f.String("type", "STANDARD", "`TYPE` of the machines: STANDARD or EXPRESS")
	files, err := f.Want(1, -1, args, p.getenv, p.out)
	if err != nil {
		return err
	}
	if *asJSON {
		*format = "json"
	}
	if *kind != string(engine.Standard) && *kind != string(engine.Express) {
		return cli.Misused("validate: --type %s: want STANDARD or EXPRESS", *kind)
	}
	if *format != "text" && *format != "json" && *format != "sarif" {
		return cli.Misused("validate: --format %s: want text, json or sarif", *format)
	}
	options := asl.Options{Express: *kind == string(engine.Express), Strictness: asl.Lenient, Lint: true, Resources: ownResource}
	if *strict {
		options.Strictness = asl.Strict
	}
	all := make([]checked, 0, len(files))
	var unread error
	faults := 0
	for _, name := range files {
		def, err := readDefinition(name, p.in)
		if err != nil {
			unread = errors.Join(unread, err)
			continue
		}
		found := def.check(options)
		c := checked{File: name, Found: make([]cli.Diagnosis, len(found)), text: def.text}
		for i, d := range found {
			c.Found[i] = diagnosis(d)
			if d.Severity == asl.SeverityError {
				faults++
			}
		}
		all = append(all, c)
	}
	if err := report(p.out, *format, all); err != nil {
		return err
	}
	switch {
	case unread != nil:
		return cli.Failf("%s", unread)
	case faults > 0:
		return &cli.Error{Code: cli.Failed}
	}
	return nil
}

// ownResource reports whether an integration that AWS does not have is this program's.
func ownResource(arn string) bool {
	return strings.HasSuffix(arn, ":states:::approval:request.waitForTaskToken")
}

func diagnosis(d asl.Diagnostic) cli.Diagnosis {
	return cli.Diagnosis{
		Severity: strings.ToLower(string(d.Severity)), Code: d.Code, Message: d.Message, Pointer: d.Pointer, Line: d.Line, Column: d.Column,
	}
}

// report prints what was found.
func report(out io.Writer, format string, all []checked) error {
	switch format {
	case "json":
		return cli.JSON(out, all)
	case "sarif":
		log := cli.NewSARIF(version())
		for _, c := range all {
			lines := strings.Split(c.text, "\n")
			for _, d := range c.Found {
				d.Column = characters(lines, d)
				log.Add(c.File, d, ruleOf(d.Code))
			}
		}
		return cli.JSON(out, log)
	}
	for _, c := range all {
		for _, d := range c.Found {
			fmt.Fprintln(out, d.Text(c.File))
		}
	}
	return nil
}

// ruleOf tells what the findings of a code have in common.
func ruleOf(code string) string {
	if code == yaml.Code {
		return "The definition is not YAML, or has no JSON form"
	}
	return asl.Describe(code)
}

// characters is the column of a finding in characters.
func characters(lines []string, d cli.Diagnosis) int {
	if d.Line < 1 || d.Line > len(lines) || d.Column < 1 || d.Column > len(lines[d.Line-1]) {
		return d.Column
	}
	return utf8.RuneCountInString(lines[d.Line-1][:d.Column-1]) + 1
}

// maxFile is the most bytes of a file that is read.
const maxFile = 16 << 20

// readFile reads a file, or standard input for "-".
func readFile(name string, in io.Reader) ([]byte, error) {
	if name != "-" {
		opened, err := os.Open(name)
		if err != nil {
			return nil, cli.Failf("%s", err)
		}
		defer opened.Close()
		in = opened
	}
	text, err := io.ReadAll(io.LimitReader(in, maxFile+1))
	if err != nil {
		return nil, cli.Failf("read %s: %s", name, err)
	}
	if len(text) > maxFile {
		return nil, cli.Failf("read %s: more than %d bytes", name, maxFile)
	}
	return text, nil
}
