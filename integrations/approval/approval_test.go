package approval

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"millrace/engine"
	"millrace/engine/leaktest"
	"millrace/integrations/wire/hosttest"
	"millrace/tasks"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// waitingTasks plays the engine: tasks wait until they are answered.
type waitingTasks struct {
	list []engine.PendingTask
	got  []string
	err  error // of the next answer; the task is answered all the same if echo is set
	echo bool
}

func (w *waitingTasks) answer(token, what string) error {
	err := w.err
	w.err = nil
	if err != nil && !w.echo {
		return err
	}
	for i, t := range w.list {
		if t.Token == token {
			w.list = append(w.list[:i:i], w.list[i+1:]...)
			w.got = append(w.got, token+" "+what)
			return err
		}
	}
	return fmt.Errorf("answer: %w", engine.ErrTaskTimedOut)
}

func (w *waitingTasks) SendTaskSuccess(_ context.Context, token string, output []byte) error {
	return w.answer(token, string(output))
}

func (w *waitingTasks) SendTaskFailure(_ context.Context, token string, name, cause *string) error {
	return w.answer(token, *name+": "+*cause)
}

func (w *waitingTasks) OpenToken(token string) (execution, event int64, err error) {
	if _, err := fmt.Sscanf(token, "token-%d-%d", &execution, &event); err != nil {
		return 0, 0, engine.ErrInvalidToken
	}
	return execution, event, nil
}

func (w *waitingTasks) PendingTasks(_ context.Context, f engine.PendingFilter, p engine.Page) (list []engine.PendingTask, next string, err error) {
	from := 0
	if p.Token != "" {
		if _, err := fmt.Sscanf(p.Token, "from %d", &from); err != nil {
			return nil, "", engine.ErrInvalidToken
		}
	}
	for i := from; i < len(w.list); i++ {
		if len(list) == p.Max {
			return list, fmt.Sprintf("from %d", i), nil
		}
		if (f.ExecutionARN == "" || w.list[i].ExecutionARN == f.ExecutionARN) && (f.Token == "" || w.list[i].Token == f.Token) {
			list = append(list, w.list[i])
		}
	}
	return list, "", nil
}

func open(t *testing.T) (*Service, *hosttest.Host, *waitingTasks) {
	t.Helper()
	h, w := hosttest.New(t, Migrations()), &waitingTasks{}
	return New(h, w), h, w
}

// ask runs the resource for the event of an execution and returns its outcome's output or error.
func ask(t *testing.T, s *Service, h *hosttest.Host, w *waitingTasks, execution, event int64, in string) string {
	t.Helper()
	g := tasks.NewRegistry(h)
	s.Register(g)
	const resource = "arn:aws:states:::approval:request.waitForTaskToken"
	task, err := g.Resolve(resource)
	if err != nil {
		t.Fatal(err)
	}
	c := engine.Call{Execution: execution, Event: event, ExecutionARN: fmt.Sprint("execution", execution), MachineARN: "machine", State: "Ask", Resource: resource,
		Token: fmt.Sprintf("token-%d-%d", execution, event), Input: json.RawMessage(in)}
	text := ""
	run := func(tx engine.Tx) error {
		o, err := task.(engine.LocalAction).Run(tx, c)
		if err == nil && o.Failed {
			text = *o.Error + ": " + *o.Cause
		} else if err == nil {
			text = o.Output.String()
		}
		return err
	}
	// A unit may run again.
	for range 2 {
		if err := h.Do(t.Context(), nil, run); err != nil {
			t.Fatal(err)
		}
	}
	if strings.HasPrefix(text, "{") {
		wait(w, c)
	}
	return text
}

func wait(w *waitingTasks, c engine.Call) {
	w.list = append(w.list, engine.PendingTask{Token: c.Token, ExecutionARN: c.ExecutionARN, MachineARN: c.MachineARN, State: c.State, Resource: c.Resource,
		Input: c.Input, Event: c.Event, Since: hosttest.Epoch})
}

type m = map[string]any

func invoke(s *Service, operation string, in m) (m, error) {
	text, err := json.Marshal(in)
	if err != nil {
		return nil, err
	}
	out, err := tasks.Invoke(context.Background(), s.host, s.service, operation, tasks.Caller{}, text)
	if err != nil {
		return nil, err
	}
	b, err := tasks.Encode(out, tasks.Form{Times: tasks.ISO8601})
	if err != nil {
		return nil, err
	}
	var v m
	return v, json.Unmarshal(b, &v)
}

func call(t *testing.T, s *Service, operation string, in m) m {
	t.Helper()
	out, err := invoke(s, operation, in)
	if err != nil {
		t.Fatalf("%s %v: %v", operation, in, err)
	}
	return out
}

func codeOf(err error) string {
	if e := (*tasks.Error)(nil); errors.As(err, &e) {
		return e.Code
	}
	if err != nil {
		return "not a *tasks.Error: " + err.Error()
	}
	return ""
}

// pending lists the ids of what waits.
func pending(t *testing.T, s *Service) []string {
	t.Helper()
	var ids []string
	for _, a := range call(t, s, "ListApprovals", m{})["approvals"].([]any) {
		ids = append(ids, a.(m)["id"].(string))
	}
	return ids
}

func TestApproveAndReject(t *testing.T) {
	for name, c := range map[string]struct {
		operation string
		in        m
		got       string
		status    string
	}{
		"approve":              {"Approve", m{}, `{"Approved":true}`, Approved},
		"approve with words":   {"Approve", m{"by": "ana", "comment": "fine & good"}, `{"Approved":true,"By":"ana","Comment":"fine & good"}`, Approved},
		"approve with output":  {"Approve", m{"output": m{"amount": 12}}, `{"amount":12}`, Approved},
		"reject":               {"Reject", m{}, `Approval.Rejected: `, Rejected},
		"reject by somebody":   {"Reject", m{"by": "ana"}, `Approval.Rejected: Rejected by ana`, Rejected},
		"reject with a reason": {"Reject", m{"by": "ana", "comment": "no", "error": "Nope"}, `Nope: no`, Rejected},
	} {
		t.Run(name, func(t *testing.T) {
			s, h, w := open(t)
			out := ask(t, s, h, w, 7, 5, `{"Title":"Ship it?","Details":{"Total":1.50},"TaskToken":"x"}`)
			id := idOf("execution7", 5)
			if out != `{"ApprovalId":"`+id+`"}` {
				t.Fatalf("got %s", out)
			}
			if ids := pending(t, s); len(ids) != 1 || ids[0] != id {
				t.Fatalf("pending: %v", ids)
			}
			in := m{"id": id}
			for k, v := range c.in {
				in[k] = v
			}
			a := call(t, s, c.operation, in)
			if a["status"] != c.status || a["token"] != "***" || a["title"] != "Ship it?" || a["decided"] == nil {
				t.Errorf("got %v", a)
			}
			if len(w.got) != 1 || w.got[0] != "token-7-5 "+c.got {
				t.Errorf("the engine got %v, want %s", w.got, c.got)
			}
			// The same again is no error and answers nothing twice.
			if again := call(t, s, c.operation, in); again["status"] != c.status || len(w.got) != 1 {
				t.Errorf("again: %v, %v", again, w.got)
			}
			other := map[string]string{"Approve": "Reject", "Reject": "Approve"}[c.operation]
			if _, err := invoke(s, other, m{"id": id}); codeOf(err) != "ApprovalDecidedException" || !strings.Contains(err.Error(), "a decision stands") {
				t.Errorf("the contrary: %v", err)
			}
			if ids := pending(t, s); len(ids) != 0 {
				t.Errorf("still pending: %v", ids)
			}
			if list := call(t, s, "ListApprovals", m{"status": c.status})["approvals"].([]any); len(list) != 1 || list[0].(m)["id"] != id {
				t.Errorf("decided: %v", list)
			}
		})
	}
}

func TestDetailsAndTokens(t *testing.T) {
	s, h, w := open(t)
	ask(t, s, h, w, 1, 2, `{"Title":"t","Description":"d","Assignee":"ana","Details":{"Zeta":1.50,"alpha":[]}}`)
	a := call(t, s, "GetApproval", m{"id": idOf("execution1", 2)})
	if a["token"] != "***" || a["assignee"] != "ana" || a["executionArn"] != "execution1" || a["state"] != "Ask" || a["status"] != Pending {
		t.Errorf("got %v", a)
	}
	if d, _ := json.Marshal(a["details"]); string(d) != `{"Zeta":1.5,"alpha":[]}` {
		t.Errorf("details %s", d)
	}
	if a := call(t, s, "GetApproval", m{"token": "token-1-2", "withToken": true}); a["token"] != "token-1-2" {
		t.Errorf("got %v", a)
	}
	for assignee, want := range map[string]int{"ana": 1, "bob": 0} {
		if list := call(t, s, "ListApprovals", m{"assignee": assignee})["approvals"].([]any); len(list) != want {
			t.Errorf("%s has %d", assignee, len(list))
		}
	}
}

func TestChoices(t *testing.T) {
	s, h, w := open(t)
	ask(t, s, h, w, 1, 2, `{"Title":"t","Choices":["sea","air"]}`)
	id := idOf("execution1", 2)
	for _, choice := range []string{"", "road"} {
		if _, err := invoke(s, "Approve", m{"id": id, "choice": choice}); codeOf(err) != "ValidationException" || !strings.Contains(err.Error(), `["sea","air"]`) {
			t.Errorf("%q: %v", choice, err)
		}
	}
	call(t, s, "Approve", m{"id": id, "choice": "air"})
	if w.got[0] != `token-1-2 {"Approved":true,"Choice":"air"}` {
		t.Errorf("got %v", w.got)
	}
	if _, err := invoke(s, "Approve", m{"id": id, "choice": "sea"}); codeOf(err) != "ApprovalDecidedException" {
		t.Errorf("another choice: %v", err)
	}
}

func TestTooLate(t *testing.T) {
	s, h, w := open(t)
	ask(t, s, h, w, 1, 2, `{"Title":"t"}`)
	w.list = nil // the task timed out
	id := idOf("execution1", 2)
	if a := call(t, s, "GetApproval", m{"id": id}); a["status"] != Expired {
		t.Errorf("got %v", a)
	}
	for range 2 {
		if _, err := invoke(s, "Approve", m{"id": id}); codeOf(err) != "ApprovalExpiredException" {
			t.Errorf("got %v", err)
		}
	}
	if list := call(t, s, "ListApprovals", m{"status": Expired})["approvals"].([]any); len(list) != 1 {
		t.Errorf("expired: %v", list)
	}
}

// The process ends, or the engine is busy, before or after the engine has the answer.
func TestAnAnswerIsResumed(t *testing.T) {
	for name, taken := range map[string]bool{"before it was taken": false, "after it was taken": true} {
		t.Run(name, func(t *testing.T) {
			s, h, w := open(t)
			ask(t, s, h, w, 1, 2, `{"Title":"t"}`)
			id := idOf("execution1", 2)
			w.err, w.echo = engine.ErrBusy, taken
			if _, err := invoke(s, "Approve", m{"id": id, "by": "ana"}); !errors.Is(err, engine.ErrBusy) {
				t.Fatalf("got %v", err)
			}
			if _, err := invoke(s, "Reject", m{"id": id}); codeOf(err) != "ApprovalDecidedException" {
				t.Errorf("the contrary meanwhile: %v", err)
			}
			if a := call(t, s, "Approve", m{"id": id}); a["status"] != Approved || a["by"] != "ana" {
				t.Errorf("got %v", a)
			}
			if len(w.got) != 1 {
				t.Errorf("answered %d times", len(w.got))
			}
		})
	}
}

// Whoever looks at the questions, or answers another way, brings a decision on
// its way that was stored when the process ended.
func TestADecisionReachesTheExecutionWhateverIsAskedNext(t *testing.T) {
	for name, next := range map[string]func(s *Service, id string) string{
		"a list": func(s *Service, _ string) string {
			_, err := invoke(s, "ListApprovals", m{})
			return codeOf(err)
		},
		"the contrary": func(s *Service, id string) string {
			_, err := invoke(s, "Reject", m{"id": id})
			return codeOf(err)
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, h, w := open(t)
			ask(t, s, h, w, 1, 2, `{"Title":"t"}`)
			id := idOf("execution1", 2)
			w.err = engine.ErrBusy
			if _, err := invoke(s, "Approve", m{"id": id}); !errors.Is(err, engine.ErrBusy) {
				t.Fatalf("got %v", err)
			}
			if code := next(s, id); code != "" && code != "ApprovalDecidedException" {
				t.Fatalf("got %s", code)
			}
			if a := call(t, s, "GetApproval", m{"id": id}); a["status"] != Approved || len(w.got) != 1 || len(w.list) != 0 {
				t.Errorf("got %v; the engine got %v, and %d tasks wait", a, w.got, len(w.list))
			}
			if list := call(t, s, "ListApprovals", m{"status": Approved})["approvals"].([]any); len(list) != 1 {
				t.Errorf("approved: %v", list)
			}
		})
	}
}

func TestAnAnswerThatTheEngineRefusesLeavesTheQuestionOpen(t *testing.T) {
	s, h, w := open(t)
	ask(t, s, h, w, 1, 2, `{"Title":"t"}`)
	id := idOf("execution1", 2)
	w.err = engine.ErrInvalidOutput
	if _, err := invoke(s, "Approve", m{"id": id}); codeOf(err) != "ValidationException" {
		t.Errorf("got %v", err)
	}
	if a := call(t, s, "Reject", m{"id": id}); a["status"] != Rejected {
		t.Errorf("got %v", a)
	}
}

func TestOtherWaitingTasksAreAnsweredToo(t *testing.T) {
	for name, by := range map[string]string{"by id": "id", "by token": "token"} {
		t.Run(name, func(t *testing.T) {
			s, h, w := open(t)
			wait(w, engine.Call{Token: "token-9-4", ExecutionARN: "arn:aws:states:x", Event: 4, State: "Send", Resource: "arn:aws:states:::sqs:sendMessage.waitForTaskToken", Input: json.RawMessage(`{"a":1}`)})
			ask(t, s, h, w, 1, 2, `{"Title":"t"}`)
			list := call(t, s, "ListApprovals", m{"limit": 1})
			a := list["approvals"].([]any)[0].(m)
			if a["title"] != "Send" || a["token"] != "***" || fmt.Sprint(a["input"]) != "map[a:1]" || list["nextToken"] == nil {
				t.Fatalf("got %v", list)
			}
			if rest := call(t, s, "ListApprovals", m{"limit": 1, "nextToken": list["nextToken"]}); len(rest["approvals"].([]any)) != 1 || rest["nextToken"] != nil {
				t.Errorf("the next page: %v", rest)
			}
			in := m{"id": a["id"]}
			if by == "token" {
				in = m{"token": "token-9-4"}
			}
			if got := call(t, s, "GetApproval", in); got["status"] != Pending || got["id"] != a["id"] {
				t.Errorf("got %v", got)
			}
			in["output"] = "done"
			if got := call(t, s, "Approve", in); got["status"] != Approved || w.got[0] != `token-9-4 "done"` {
				t.Errorf("got %v, %v", got, w.got)
			}
			if got := call(t, s, "GetApproval", m{"id": a["id"]}); got["status"] != Approved {
				t.Errorf("afterwards: %v", got)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	s, h, w := open(t)
	for in, want := range map[string]string{
		`{}`: "Title: a short question", `{"Title":" "}`: "Title: a short question", `{"Title":1}`: "SerializationException", `{"Title":"t","Choices":["a","a"]}`: "Choices: different texts",
		`{"Title":"` + strings.Repeat("t", 201) + `"}`: "at most 200", `{"Title":"t","Description":"` + strings.Repeat("t", 10001) + `"}`: "at most 10000",
	} {
		if got := ask(t, s, h, w, 1, 2, in); !strings.HasPrefix(got, "Approval.") || !strings.Contains(got, want) {
			t.Errorf("%.60s: got %s, want %s in it", in, got, want)
		}
	}
	for _, c := range []struct {
		operation string
		in        m
		want      string
	}{
		{"GetApproval", m{"id": "none"}, "ApprovalNotFoundException"},
		{"GetApproval", m{"id": "task-MSB4"}, "ApprovalNotFoundException"},
		{"GetApproval", m{"token": "token-1-1"}, "ApprovalNotFoundException"},
		{"GetApproval", m{"token": "nonsense"}, "ValidationException"},
		{"GetApproval", m{}, "ValidationException"},
		{"Approve", m{"id": "a", "token": "b"}, "ValidationException"},
		{"Approve", m{"id": "a", "comment": strings.Repeat("c", 2001)}, "ValidationException"},
		{"Reject", m{"id": "a", "error": strings.Repeat("c", 257)}, "ValidationException"},
		{"ListApprovals", m{"status": "OPEN"}, "ValidationException"},
		{"ListApprovals", m{"limit": -1}, "ValidationException"},
		{"ListApprovals", m{"nextToken": "x"}, "ValidationException"},
		{"ListApprovals", m{"nextToken": "x", "status": Approved}, "ValidationException"},
	} {
		if _, err := invoke(s, c.operation, c.in); codeOf(err) != c.want {
			t.Errorf("%s %v: got %v, want %s", c.operation, c.in, err, c.want)
		}
	}
	g := tasks.NewRegistry(h)
	s.Register(g)
	for _, resource := range []string{"arn:aws:states:::approval:request", "arn:aws:states:::approval:request.sync", "arn:aws:states:::aws-sdk:approval:request.waitForTaskToken"} {
		if task, err := g.Resolve(resource); err == nil {
			t.Errorf("%s is %v", resource, task)
		}
	}
}

func TestDecidedAreListedNewestFirst(t *testing.T) {
	s, h, w := open(t)
	for event := range int64(3) {
		ask(t, s, h, w, 1, event, fmt.Sprintf(`{"Title":"t%d"}`, event))
		h.Advance(1e9)
		call(t, s, "Approve", m{"id": idOf("execution1", event)})
	}
	var titles []string
	in := m{"status": Approved, "limit": 2}
	for {
		out := call(t, s, "ListApprovals", in)
		for _, a := range out["approvals"].([]any) {
			titles = append(titles, a.(m)["title"].(string))
		}
		if out["nextToken"] == nil {
			break
		}
		in["nextToken"] = out["nextToken"]
	}
	if got := strings.Join(titles, " "); got != "t2 t1 t0" {
		t.Errorf("got %s", got)
	}
}
