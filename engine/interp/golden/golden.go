// Package golden reads, plays and writes golden executions: one text archive
// each, with a definition, an input, a script of what happens from outside, and
// the history and result that are expected.
//
// An archive looks like this; the text before the first section is a comment:
//
//	A task that fails once is tried again.
//	-- definition --
//	{"StartAt": "Charge", "States": {...}}
//	-- input --
//	{"amount": 5}
//	-- script --
//	task Charge fails Card.Declined "no funds"
//	advance 1s
//	task Charge succeeds {"paid": true}
//	-- history --
//	1 0 +0s ExecutionStarted {"input":"{\"amount\": 5}", ...}
//	...
//	-- result --
//	SUCCEEDED {"paid": true}
//
// The execution starts by itself. The lines of a script are those of [Line].
package golden

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"millrace/asl/document"
	"millrace/engine/interp"
)

// Archive is a golden execution.
type Archive struct {
	Comment    string
	Definition string
	Input      string
	Script     []Line
	History    string // as [History] writes it
	Result     string // as [Result] writes it

	script string
}

// Line is one line of a script:
//
//	task STATE succeeds JSON         the task's call, or an activity's work, ends with an output
//	task STATE fails ERROR [CAUSE]   or with an error; CAUSE is a JSON string
//	token STATE succeeds JSON        SendTaskSuccess with the task's token, or the end of a .sync job
//	token STATE fails ERROR [CAUSE]
//	settle STATE succeeds JSON       a local action's outcome, committed with the step that commanded it
//	settle STATE fails ERROR [CAUSE]
//	heartbeat STATE                  SendTaskHeartbeat
//	pick STATE WORKER                a worker takes the activity's task
//	stop [ERROR [CAUSE]]             StopExecution
//	redrive                          RedriveExecution
//	advance DURATION                 time passes
//	late LINE                        the rest of the line is tried, and comes too late
//	unknown LINE                     the rest of the line is tried, and there is no such task
//
// STATE is a state's name in JSON quotes if it has spaces, followed by @ and an
// event id to name one of several tasks; without it the oldest waiting is meant.
type Line struct {
	Number  int // in the script, from 1
	Verb    string
	State   string
	Event   int64 // 0: the oldest task of State
	Outcome interp.Outcome
	Worker  string
	Wait    time.Duration
	Verdict interp.Verdict
}

// Parse reads an archive.
func Parse(data []byte) (*Archive, error) {
	a := &Archive{}
	section := "comment"
	parts := map[string]*strings.Builder{"comment": {}, "definition": {}, "input": {}, "script": {}, "history": {}, "result": {}}
	for i, line := range strings.SplitAfter(string(data), "\n") {
		if name, ok := strings.CutPrefix(strings.TrimRight(line, "\n"), "-- "); ok && strings.HasSuffix(name, " --") {
			section = strings.TrimSuffix(name, " --")
			if parts[section] == nil {
				return nil, fmt.Errorf("line %d: unknown section %q", i+1, section)
			}
			continue
		}
		parts[section].WriteString(line)
	}
	a.Comment, a.Definition = parts["comment"].String(), parts["definition"].String()
	a.Input = strings.TrimSpace(parts["input"].String())
	if a.Input == "" {
		a.Input = "{}"
	}
	a.History, a.Result = parts["history"].String(), parts["result"].String()
	a.script = parts["script"].String()
	for i, text := range strings.Split(a.script, "\n") {
		text = strings.TrimSpace(text)
		if text == "" || strings.HasPrefix(text, "#") {
			continue
		}
		l, err := parseLine(text)
		if err != nil {
			return nil, fmt.Errorf("script line %d: %w", i+1, err)
		}
		l.Number = i + 1
		a.Script = append(a.Script, l)
	}
	return a, nil
}

// Format writes the archive.
func (a *Archive) Format() []byte {
	var b strings.Builder
	b.WriteString(a.Comment)
	for _, s := range []struct{ name, text string }{
		{"definition", a.Definition}, {"input", a.Input + "\n"}, {"script", a.script}, {"history", a.History}, {"result", a.Result},
	} {
		if s.text == "" {
			continue
		}
		b.WriteString("-- " + s.name + " --\n" + s.text)
		if !strings.HasSuffix(s.text, "\n") {
			b.WriteByte('\n')
		}
	}
	return []byte(b.String())
}

func parseLine(text string) (Line, error) {
	verb, rest, _ := strings.Cut(text, " ")
	rest = strings.TrimSpace(rest)
	l := Line{Verb: verb}
	var err error
	switch verb {
	case "late", "unknown":
		if l, err = parseLine(rest); err != nil {
			return l, err
		}
		l.Verdict = interp.Late
		if verb == "unknown" {
			l.Verdict = interp.Unknown
		}
		return l, nil
	case "advance":
		l.Wait, err = time.ParseDuration(rest)
		return l, err
	case "stop":
		l.Outcome, err = parseFailure(rest)
		return l, err
	case "task", "token", "settle":
		if rest, err = l.parseState(rest); err != nil {
			return l, err
		}
		how, what, _ := strings.Cut(rest, " ")
		switch how {
		case "succeeds":
			d, err := document.Of([]byte(what))
			if err != nil {
				return l, fmt.Errorf("output: %w", err)
			}
			l.Outcome.Output = d
			return l, nil
		case "fails":
			l.Outcome, err = parseFailure(what)
			return l, err
		}
		return l, fmt.Errorf("%q: succeeds or fails belongs here", how)
	case "redrive":
		return l, nil
	case "heartbeat":
		_, err = l.parseState(rest)
		return l, err
	case "pick":
		l.Worker, err = l.parseState(rest)
		return l, err
	}
	return l, fmt.Errorf("unknown verb %q", verb)
}

// parseState reads the state at the start of text and returns what follows it.
func (l *Line) parseState(text string) (string, error) {
	if strings.HasPrefix(text, `"`) {
		d := json.NewDecoder(strings.NewReader(text))
		if err := d.Decode(&l.State); err != nil {
			return "", fmt.Errorf("state: %w", err)
		}
		text = text[d.InputOffset():]
	} else {
		i := strings.IndexAny(text, " @")
		if i < 0 {
			i = len(text)
		}
		l.State, text = text[:i], text[i:]
	}
	if after, ok := strings.CutPrefix(text, "@"); ok {
		id, rest, _ := strings.Cut(after, " ")
		n, err := strconv.ParseInt(id, 10, 64)
		if err != nil {
			return "", fmt.Errorf("event: %w", err)
		}
		l.Event, text = n, rest
	}
	return strings.TrimSpace(text), nil
}

func parseFailure(text string) (interp.Outcome, error) {
	o := interp.Outcome{Failed: true}
	name, cause, _ := strings.Cut(strings.TrimSpace(text), " ")
	if name != "" {
		o.Error = &name
	}
	if cause = strings.TrimSpace(cause); cause != "" {
		var s string
		if err := json.Unmarshal([]byte(cause), &s); err != nil {
			return o, fmt.Errorf("cause: %w", err)
		}
		o.Cause = &s
	}
	return o, nil
}

// History writes events as archives hold them: id, previous event's id, the
// time since start, the type, and the details of GetExecutionHistory.
func History(events []interp.Event, start time.Time) string {
	var b strings.Builder
	for i := range events {
		e := &events[i]
		fmt.Fprintf(&b, "%d %d +%s %s", e.ID, e.Previous, e.Time.Sub(start), e.Type)
		text := e.AppendJSON(nil, true)
		if v, err := document.Parse(text); err == nil {
			o := v.(*document.Object)
			for i := 0; i < o.Len(); i++ {
				if k, d := o.At(i); strings.HasSuffix(k, "EventDetails") {
					b.WriteByte(' ')
					b.Write(document.Append(nil, d))
				}
			}
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// Result writes how an execution ended: its status, then its output, or its
// error and cause as a JSON array with null for what is absent.
func Result(status interp.Status, output *document.Doc, name, cause *string) string {
	s := string(status)
	switch {
	case output != nil:
		s += " " + output.String()
	case name != nil || cause != nil:
		b, _ := json.Marshal([]*string{name, cause})
		s += " " + string(b)
	}
	return s + "\n"
}
