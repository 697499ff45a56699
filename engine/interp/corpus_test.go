package interp_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strings"
	"testing"
	"time"

	"millrace/asl"
	"millrace/asl/document"
	"millrace/engine/interp"
)

// recorded is a case of the shared corpus of behaviour recorded on AWS.
type recorded struct {
	Area       string
	Name       string
	Kind       string
	Type       string
	Definition json.RawMessage
	Input      json.RawMessage
	InputRaw   bool `json:"input_raw"`
	Functions  map[string]string
	Needs      []string
	Validated  string
	Expect     struct {
		Status    string
		Output    json.RawMessage
		Error     any
		Cause     any
		Events    []any
		Unordered bool `json:"events_unordered"`
	}
}

// TestCorpus plays the recorded executions that need no service but functions
// directly against Advance, with the whole history compared.
func TestCorpus(t *testing.T) {
	root := os.Getenv("MILLRACE_CONFORMANCE")
	if root == "" {
		t.Skip("MILLRACE_CONFORMANCE is unset: it names the folder of the conformance corpus")
	}
	files, err := filepath.Glob(filepath.Join(root, "cases", "*", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	passed, failed := map[string]int{}, map[string]int{}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		data = nowPlus.ReplaceAllFunc(data, func(m []byte) []byte {
			var days int
			fmt.Sscanf(string(m), "{{now+%dd}}", &days)
			return []byte(epoch.AddDate(0, 0, days).Format(time.RFC3339))
		})
		var c recorded
		if json.Unmarshal(data, &c) != nil || c.Kind != "execute" || !playable(&c) {
			continue
		}
		t.Run(c.Area+"/"+c.Name, func(t *testing.T) {
			for _, restart := range []bool{false, true} {
				if faults := playCase(&c, restart); len(faults) > 0 {
					failed[c.Area]++
					t.Errorf("validated %s, restart %v: %s", c.Validated, restart, strings.Join(faults, "\n    "))
					return
				}
			}
			passed[c.Area]++
		})
	}
	var areas []string
	for a := range passed {
		areas = append(areas, a)
	}
	for a := range failed {
		if passed[a] == 0 {
			areas = append(areas, a)
		}
	}
	sort.Strings(areas)
	for _, a := range areas {
		t.Logf("%-24s %4d passed %4d failed", a, passed[a], failed[a])
	}
}

var nowPlus = regexp.MustCompile(`\{\{now\+\d+d\}\}`)

func playable(c *recorded) bool {
	for _, n := range c.Needs {
		if n != "function" {
			return false
		}
	}
	return true
}

func playCase(c *recorded, restart bool) []string {
	definition := []byte(c.Definition)
	var s string
	if json.Unmarshal(definition, &s) == nil {
		definition = []byte(s)
	}
	m, diagnostics := asl.Parse(definition, asl.Options{Express: c.Type == "EXPRESS"})
	if m == nil {
		return []string{fmt.Sprintf("definition: %v", diagnostics)}
	}
	input := "{}"
	if len(c.Input) > 0 {
		input = string(c.Input)
		if c.InputRaw {
			input = ""
			if err := json.Unmarshal(c.Input, &input); err != nil {
				return []string{err.Error()}
			}
		}
	}
	var compact bytes.Buffer
	if json.Compact(&compact, []byte(input)) == nil {
		input = compact.String()
	}
	w := newWorld(m, input, restart)
	if err := serve(w, c.Functions); err != nil {
		return []string{err.Error()}
	}
	return compareCase(c, w)
}

// serve starts the execution and answers its tasks until it ends.
func serve(w *world, functions map[string]string) error {
	if err := w.Start(); err != nil {
		return err
	}
	for i := 0; i < 10000; i++ {
		if w.x.Status() != interp.Running {
			return nil
		}
		list := w.outstanding()
		var slow time.Duration
		done := false
		for _, event := range list {
			cmd := w.waiting[event]
			if cmd.Pattern == interp.Distributed {
				o := runChildren(w, &cmd, functions)
				if _, err := w.Tell(interp.Input{Kind: interp.Answer, Event: event, Outcome: o, Token: true}); err != nil {
					return err
				}
				done = true
				break
			}
			o, sleep, ok := call(&cmd, functions)
			if !ok {
				return fmt.Errorf("no function for %s", cmd.Resource)
			}
			if sleep > 0 {
				slow = sleep
				continue
			}
			if _, err := w.Tell(interp.Input{Kind: interp.Answer, Event: event, Outcome: o}); err != nil {
				return err
			}
			done = true
			break
		}
		if done {
			continue
		}
		due := w.x.Wake()
		if due.IsZero() {
			return fmt.Errorf("the execution waits for nothing, %v outstanding, slow %s", list, slow)
		}
		if err := w.Advance(due.Sub(w.now)); err != nil {
			return err
		}
	}
	return fmt.Errorf("no end")
}

// runChildren runs the children of a distributed Map.
func runChildren(w *world, cmd *interp.Command, functions map[string]string) interp.Outcome {
	fail := func(err error) interp.Outcome {
		name, cause := "States.Runtime", err.Error()
		return interp.Outcome{Failed: true, Error: &name, Cause: &cause}
	}
	if cmd.MapRun.Items == nil {
		return fail(fmt.Errorf("an item reader needs a bucket"))
	}
	items, _ := cmd.MapRun.Items.Value().([]any)
	out := []byte{'['}
	for i, item := range items {
		in, err := interp.ChildInput(w.m, w.x, cmd.MapRun, cmd.Event, i, nil, "", document.FromValue(item))
		if err != nil {
			return fail(err)
		}
		c := newWorld(w.m, "{}", w.restart)
		c.x = interp.NewChild(8, [16]byte{4}, cmd.MapRun.State, in, w.now)
		c.dress(c.x)
		if err := serve(c, functions); err != nil {
			return fail(err)
		}
		if c.x.Status() != interp.Succeeded {
			name, cause := c.x.Failure()
			return interp.Outcome{Failed: true, Error: name, Cause: cause}
		}
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, c.x.Output().Bytes()...)
	}
	return interp.Outcome{Output: document.FromBytes(append(out, ']'))}
}

// call plays a Lambda function, directly or through lambda:invoke.
func call(cmd *interp.Command, functions map[string]string) (o interp.Outcome, sleep time.Duration, ok bool) {
	name, payload := "", cmd.Input
	invoke := strings.HasSuffix(cmd.Resource, ":lambda:invoke")
	if invoke {
		in, _ := cmd.Input.Value().(*document.Object)
		if in == nil {
			return o, 0, false
		}
		v, _ := in.Get("FunctionName")
		name, _ = v.(string)
		p, _ := in.Get("Payload")
		payload = document.FromValue(p)
		if s, text := p.(string); text && document.Valid([]byte(s)) {
			payload = document.FromBytes([]byte(s))
		}
		if p == nil {
			payload = document.FromBytes([]byte("{}"))
		}
	} else if strings.Contains(cmd.Resource, ":lambda:") {
		name = cmd.Resource
	} else {
		return o, 0, false
	}
	if i := strings.Index(name, ":function:"); i >= 0 {
		name = name[i+len(":function:"):]
	}
	how := functions[name]
	if rest, slow := strings.CutPrefix(how, "sleep:"); slow {
		secs, then, _ := strings.Cut(rest, ":")
		var n int
		fmt.Sscanf(secs, "%d", &n)
		sleep, how = time.Duration(n)*time.Second, then
	}
	fail := func(name, cause string) { o = interp.Outcome{Failed: true, Error: &name, Cause: &cause} }
	what, arg, _ := strings.Cut(how, ":")
	var out *document.Doc
	switch what {
	case "echo":
		out = payload
	case "static":
		out = document.FromBytes([]byte(arg))
	case "large":
		var n int
		fmt.Sscanf(arg, "%d", &n)
		out = document.FromValue(strings.Repeat("a", n))
	case "raise":
		kind, msg, _ := strings.Cut(arg, ":")
		b, _ := json.Marshal(map[string]any{"errorMessage": msg, "errorType": kind, "requestId": "r", "stackTrace": []string{}})
		fail(kind, string(b))
		return o, sleep, true
	default:
		fail("Lambda.ResourceNotFoundException", "Function not found: arn:aws:lambda:us-east-1:000000000000:function:"+name+
			":$LATEST (Service: AWSLambda; Status Code: 404; Error Code: ResourceNotFoundException; Request ID: r; Proxy: null)")
		return o, sleep, true
	}
	if invoke {
		r := document.NewObject(3)
		r.Set("ExecutedVersion", "$LATEST")
		r.Set("Payload", out.Value())
		r.Set("StatusCode", document.Number("200"))
		out = document.FromValue(r)
	}
	return interp.Outcome{Output: out}, sleep, true
}
