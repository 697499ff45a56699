package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"time"

	docs "millrace/asl/document"
	"millrace/asl/intrinsic"
	"millrace/asl/jsonata"
	"millrace/asl/jsonpath"
	"millrace/cmd/internal/cli"
)

// The codes of errors that are neither JSONata's nor the States Language's.
const (
	codeNoJSON    = "INVALID_JSON"    // a line of a batch is no JSON, or too long
	codeNoRequest = "INVALID_REQUEST" // a line of a batch is JSON of another form
	codeSyntax    = "SYNTAX_ERROR"    // a text is no path and no intrinsic function
	codeFunction  = "FUNCTION_RESULT" // the result is a function, which has no JSON form
)

// maxDepth is the greatest depth that a batch can ask for, which is the default.
const maxDepth = 10_000

// trial is an expression to evaluate and what it can see.
type trial struct {
	expr  string
	input any          // a document value, or jsonata.Undefined
	vars  *docs.Object // nil: none
	depth int          // how deeply evaluations of JSONata may nest; 0: the default
}

// trialError is why a trial has no result.
type trialError struct {
	code, message string
	position      int // in the expression, from 1; 0: unknown
}

func (e *trialError) Error() string {
	if e.position > 0 {
		return fmt.Sprintf("%s: %s (at position %d)", e.code, e.message, e.position)
	}
	return e.code + ": " + e.message
}

// language evaluates a trial. The result is a document value, or nothing when
// defined is false. Its error is a *trialError.
type language func(trial) (result any, defined bool, err error)

func eval(ctx context.Context, p *process, args []string) error {
	f := cli.NewFlags("eval EXPR [--language jsonata|jsonpath] [--input FILE|-] [--vars JSON]", `
Evaluates an expression and prints the result as JSON: plain JSONata, or with
--language jsonpath a path or an intrinsic function. A result that is undefined
prints nothing, and says so on standard error. The exit code is 0, or 1 when the
expression is not right or fails.

    millrace eval '$sum(orders.total)' --input orders.json
    millrace eval '$x * 2' --vars '{"x": 21}'
    millrace eval "States.Format('Hello {}', \$.name)" --language jsonpath --input -

With --batch, each line of the input is an expression to evaluate, and each line
of the output is its result:

    {"expr": "a + $b", "input": {"a": 1}, "bindings": {"b": 2}}
    {"result":3}, {"undefined":true} or {"error":"T2001"}

A member "depth" bounds how deeply evaluations of JSONata may nest; any other
member is ignored.`)
	name := f.String("language", "jsonata", "`LANGUAGE` of the expression: jsonata or jsonpath")
	file := f.String("input", "", "`FILE` with the input, - is standard input; left out: there is none")
	vars := f.String("vars", "", "the variables by name, without the $: a `JSON` object, or @FILE")
	batch := f.Bool("batch", false, "evaluate each line of the input, by default the standard input")
	rest, err := f.Want(0, 1, args, p.getenv, p.out)
	if err != nil {
		return err
	}
	var lang language
	switch *name {
	case "jsonata":
		lang = evalJSONata
	case "jsonpath":
		lang = evalJSONPath
	default:
		return cli.Misused("eval: --language %s: want jsonata or jsonpath", *name)
	}
	if *batch == (len(rest) > 0) {
		return cli.Misused("eval: want an expression, or --batch")
	}
	bound, err := variables(p, *vars)
	if err != nil {
		return err
	}
	if *batch {
		return evalBatch(ctx, p, *file, lang, bound)
	}
	t := trial{expr: rest[0], input: jsonata.Undefined, vars: bound}
	if *file != "" {
		text, err := readFile(*file, p.in)
		if err != nil {
			return err
		}
		if t.input, err = docs.Parse(text); err != nil {
			return cli.Failf("read %s: no JSON: %s", *file, err)
		}
	}
	v, defined, err := lang(t)
	switch {
	case err != nil:
		return cli.Failf("%s", err)
	case !defined:
		_, err = fmt.Fprintln(p.err, "undefined")
	default:
		_, err = fmt.Fprintln(p.out, outcome(p, docs.Append(nil, v)))
	}
	return err
}

// variables reads what --vars gives.
func variables(p *process, text string) (*docs.Object, error) {
	if text == "" {
		return nil, nil
	}
	if name, ok := strings.CutPrefix(text, "@"); ok {
		b, err := readFile(name, p.in)
		if err != nil {
			return nil, err
		}
		text = string(b)
	}
	v, err := docs.Parse([]byte(text))
	if o, ok := v.(*docs.Object); ok && err == nil {
		return o, nil
	}
	return nil, cli.Misused(`--vars is no JSON object: want one such as '{"x": 21}', or @FILE`)
}

// evalJSONata evaluates JSONata as its reference does, $eval included.
func evalJSONata(t trial) (any, bool, error) {
	e, err := jsonata.Compile(t.expr, jsonata.Options{})
	if err != nil {
		return nil, false, jsonataFault(err)
	}
	b := &jsonata.Bindings{Now: time.Now(), Rand: rand.Float64, Limits: jsonata.Limits{Depth: t.depth}}
	if t.vars != nil {
		b.Lookup = t.vars.Get
	}
	v, defined, err := e.Eval(t.input, b)
	if err != nil {
		return nil, false, jsonataFault(err)
	}
	if _, ok := v.(jsonata.Function); ok {
		return nil, false, &trialError{codeFunction, "the result is a function, which has no JSON form", 0}
	}
	return v, defined, nil
}

func jsonataFault(err error) error {
	var e *jsonata.Error
	if !errors.As(err, &e) {
		return &trialError{"U1001", err.Error(), 0}
	}
	return &trialError{e.Code, e.Message, e.Position}
}

// evalJSONPath evaluates a path or an intrinsic function. Without an input "$"
// is an empty object, as it is in an execution.
func evalJSONPath(t trial) (any, bool, error) {
	if t.input == jsonata.Undefined {
		t.input = docs.NewObject(0)
	}
	if !intrinsic.IsCall(t.expr) {
		path, err := jsonpath.Compile(t.expr)
		if err != nil {
			return nil, false, pathFault(err)
		}
		v, err := t.lookup(path)
		if err != nil {
			return nil, false, pathFault(err)
		}
		return v, true, nil
	}
	call, err := intrinsic.Compile(t.expr)
	if err != nil {
		return nil, false, pathFault(err)
	}
	v, err := call.Eval(intrinsic.Env{Lookup: t.lookup, Random: rand.Uint64})
	if err != nil {
		return nil, false, pathFault(err)
	}
	return v, true, nil
}

// lookup finds what a path starts from and evaluates it.
func (t *trial) lookup(path *jsonpath.Path) (any, error) {
	root := t.input
	switch path.Root() {
	case jsonpath.Context:
		return nil, errors.New("there is no context object here, only an input and variables")
	case jsonpath.Variable:
		found := false
		if t.vars != nil {
			root, found = t.vars.Get(path.Variable())
		}
		if !found {
			return nil, fmt.Errorf("the variable $%s is not defined", path.Variable())
		}
	}
	return path.Eval(root)
}

// pathFault gives an error of a path or an intrinsic function the name that it
// ends an execution with.
func pathFault(err error) error {
	var path *jsonpath.SyntaxError
	var call *intrinsic.SyntaxError
	var failed *intrinsic.Failure
	switch {
	case errors.As(err, &path):
		return &trialError{codeSyntax, path.Reason, path.Offset + 1}
	case errors.As(err, &call):
		return &trialError{codeSyntax, call.Reason, call.Offset + 1}
	case errors.As(err, &failed):
		return &trialError{"States.IntrinsicFailure", failed.Detail + ": " + failed.Reason, 0}
	}
	return &trialError{"States.Runtime", err.Error(), 0}
}

// evalBatch answers each line of a file, or of standard input, with one line. What
// has been answered is written before it waits for more.
func evalBatch(ctx context.Context, p *process, file string, lang language, vars *docs.Object) (err error) {
	in := p.in
	if file != "" && file != "-" {
		opened, err := os.Open(file)
		if err != nil {
			return cli.Failf("%s", err)
		}
		defer opened.Close()
		in = opened
	}
	lines := bufio.NewReaderSize(in, 64<<10)
	out := bufio.NewWriter(p.out)
	defer func() { err = errors.Join(err, out.Flush()) }()
	for ctx.Err() == nil {
		line, long, err := readLine(lines)
		if len(line) == 0 && !long && errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("read the batch: %w", err)
		}
		answer := &docs.Object{}
		if long {
			answer.Set("error", codeNoJSON)
		} else {
			answer = answerLine(line, lang, vars)
		}
		if _, err := out.Write(append(docs.Append(nil, answer), '\n')); err != nil {
			return fmt.Errorf("write the results: %w", err)
		}
		if lines.Buffered() == 0 {
			if err := out.Flush(); err != nil {
				return fmt.Errorf("write the results: %w", err)
			}
		}
	}
	return ctx.Err()
}

// readLine reads a line of any length and returns it, or that it is longer than
// maxFile. The error is of the reader; at the end of the last line it is io.EOF.
func readLine(r *bufio.Reader) (line []byte, long bool, err error) {
	for {
		part, err := r.ReadSlice('\n')
		if long = long || len(line)+len(part) > maxFile; long {
			line = nil
		} else {
			line = append(line, part...)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, long, err
		}
	}
}

// answerLine evaluates one line of a batch.
func answerLine(line []byte, lang language, vars *docs.Object) *docs.Object {
	answer := &docs.Object{}
	t, err := readTrial(line, vars)
	var v any
	defined := false
	if err == nil {
		v, defined, err = lang(t)
	}
	var fault *trialError
	switch {
	case errors.As(err, &fault):
		answer.Set("error", fault.code)
	case defined:
		answer.Set("result", v)
	default:
		answer.Set("undefined", true)
	}
	return answer
}

// readTrial reads one line of a batch. Variables that it does not bind are vars'.
func readTrial(line []byte, vars *docs.Object) (trial, error) {
	t := trial{input: jsonata.Undefined, vars: vars}
	v, err := docs.Parse(line)
	if err != nil {
		return t, &trialError{codeNoJSON, err.Error(), 0}
	}
	o, ok := v.(*docs.Object)
	if !ok {
		return t, &trialError{codeNoRequest, "the line is no object", 0}
	}
	v, _ = o.Get("expr")
	if t.expr, ok = v.(string); !ok {
		return t, &trialError{codeNoRequest, `the line has no text "expr"`, 0}
	}
	if v, ok := o.Get("input"); ok {
		t.input = v
	}
	if v, ok := o.Get("bindings"); ok && v != nil {
		bound, ok := v.(*docs.Object)
		if !ok {
			return t, &trialError{codeNoRequest, `"bindings" is no object`, 0}
		}
		if vars != nil {
			merged := vars.Clone()
			for i := range bound.Len() {
				merged.Set(bound.At(i))
			}
			bound = merged
		}
		t.vars = bound
	}
	if v, _ := o.Get("depth"); v != nil {
		n, _ := v.(docs.Number)
		depth, ok := n.Int64()
		if !ok || depth < 1 {
			return t, &trialError{codeNoRequest, `"depth" is no whole number from 1`, 0}
		}
		t.depth = int(min(depth, maxDepth))
	}
	return t, nil
}
