package stepfunctions

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"millrace/asl/document"
	"millrace/engine"
	"millrace/engine/interp"
	"millrace/tasks"
)

// recordedTest is a recorded case of TestState.
type recordedTest struct {
	Functions map[string]string `json:"functions"`
	Steps     []struct {
		Op     string         `json:"op"`
		Params map[string]any `json:"params"`
		Expect []struct {
			Path  []string `json:"path"`
			Value any      `json:"value"`
		} `json:"expect"`
		Error *struct {
			Code    string `json:"code"`
			Message string `json:"message"`
		} `json:"error"`
	} `json:"steps"`
}

func TestRecordedStateTests(t *testing.T) {
	root := os.Getenv("MILLRACE_CONFORMANCE")
	if root == "" {
		t.Skip("MILLRACE_CONFORMANCE names no folder with recorded cases")
	}
	files, err := filepath.Glob(filepath.Join(root, "cases", "test_state", "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases in %s: %v", root, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var c recordedTest
			if err := json.Unmarshal(text, &c); err != nil {
				t.Fatal(err)
			}
			for _, s := range c.Steps {
				if s.Op != "TestState" {
					t.Fatalf("a step calls %s", s.Op)
				}
				if d, text := s.Params["definition"].(string); !text {
					s.Params["definition"] = asText(s.Params["definition"])
				} else {
					s.Params["definition"] = d
				}
				out, err := New(Config{Engine: &fake{}, Tasks: functions(c.Functions)}).Answer(t.Context(), "TestState", []byte(asText(s.Params)))
				if s.Error != nil {
					if got, want := fmt.Sprint(err), s.Error.Code+": "+s.Error.Message; got != want {
						t.Errorf("got  %s\nwant %s", got, want)
					}
					continue
				}
				if err != nil {
					t.Error(err)
					continue
				}
				var got any
				if err := json.Unmarshal(out, &got); err != nil {
					t.Fatal(err)
				}
				for _, e := range s.Expect {
					for _, d := range unlike(e.Value, got, "answer") {
						t.Error(d)
					}
				}
			}
		})
	}
}

func asText(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// unlike lists how got differs from what was recorded, member by member.
// Members that the recordings leave out are not compared.
func unlike(want, got any, at string) (out []string) {
	if want == "<any>" {
		return nil
	}
	if s, text := got.(string); text {
		var v any
		if json.Unmarshal([]byte(s), &v) == nil {
			switch w := want.(type) {
			case map[string]any, []any:
				got = v
			case string:
				var x any
				if json.Unmarshal([]byte(w), &x) == nil {
					want, got = x, v
				}
			}
		}
	}
	switch w := want.(type) {
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok {
			break
		}
		for k, v := range g {
			if _, there := w[k]; !there && k != "SdkHttpMetadata" && k != "SdkResponseMetadata" {
				out = append(out, fmt.Sprintf("%s.%s: unexpected: %v", at, k, v))
			}
		}
		for k, v := range w {
			if x, there := g[k]; there {
				out = append(out, unlike(v, x, at+"."+k)...)
			} else {
				out = append(out, fmt.Sprintf("%s.%s: missing, want %v", at, k, v))
			}
		}
		return out
	case []any:
		g, ok := got.([]any)
		if !ok || len(g) != len(w) {
			break
		}
		for i := range w {
			out = append(out, unlike(w[i], g[i], fmt.Sprintf("%s[%d]", at, i))...)
		}
		return out
	case string:
		parts := strings.Split(w, "<any>")
		for i := range parts {
			parts[i] = regexp.QuoteMeta(parts[i])
		}
		if g, ok := got.(string); ok && regexp.MustCompile("(?s)^"+strings.Join(parts, ".*")+"$").MatchString(g) {
			return nil
		}
	}
	if !reflect.DeepEqual(want, got) {
		return []string{fmt.Sprintf("%s: got %v, want %v", at, got, want)}
	}
	return nil
}

// functions are the functions of a case, by what they do.
type functions map[string]string

// Call answers as Lambda would.
func (f functions) Call(_ context.Context, c engine.Call) (interp.Outcome, error) {
	v, err := document.Parse(c.Input)
	if err != nil {
		return interp.Outcome{}, err
	}
	name, event := c.Resource[strings.LastIndex(c.Resource, ":")+1:], v
	service := name == "invoke"
	if service {
		in := v.(*document.Object)
		n, _ := in.Get("FunctionName")
		name, _ = n.(string)
		if event, _ = in.Get("Payload"); event == nil {
			event = &document.Object{}
		}
	}
	what, arg, _ := strings.Cut(f[name], ":")
	answer := event
	switch what {
	case "echo":
	case "static":
		if answer, err = document.Parse([]byte(arg)); err != nil {
			return interp.Outcome{}, err
		}
	default:
		return interp.Outcome{}, errors.New("no function " + name)
	}
	if service {
		o := document.NewObject(3)
		o.Set("ExecutedVersion", "$LATEST")
		o.Set("Payload", answer)
		o.Set("StatusCode", document.Int(200))
		answer = o
	}
	return interp.Outcome{Output: document.FromValue(answer)}, nil
}

func TestTasksAreCalledForATest(t *testing.T) {
	const task = `{"Type":"Task","Resource":"arn:aws:lambda:us-east-1:000000000000:function:f","TimeoutSeconds":60,"Catch":[{"ErrorEquals":["States.ALL"],"Next":"H"}],"End":true}`
	for _, c := range []struct {
		name  string
		tasks Tasks
		want  string
		fault string
	}{
		{"an answer", functions{"f": "static:1"}, `{"output":"1","status":"SUCCEEDED"}`, ""},
		{"nothing to call", nil, `{"error":"States.Runtime","cause":"The resource arn:aws:lambda:us-east-1:000000000000:function:f cannot be called here. Test the state with a mock.","status":"FAILED"}`, ""},
		{"a failure of the server", functions{}, "", "no function f"},
		{"an error of the task", calls(func(context.Context, engine.Call) (interp.Outcome, error) { return failed("E", "c"), nil }),
			`{"output":"{\"Error\":\"E\",\"Cause\":\"c\"}","error":"E","cause":"c","nextState":"H","status":"CAUGHT_ERROR"}`, ""},
	} {
		out, err := New(Config{Engine: &fake{}, Tasks: c.tasks}).Answer(t.Context(), "TestState", []byte(encoded("definition", task)))
		if c.fault != "" {
			if err == nil || err.Error() != c.fault {
				t.Errorf("%s: got %v, want %s", c.name, err, c.fault)
			}
		} else if err != nil || string(out) != c.want {
			t.Errorf("%s: got %s %v, want %s", c.name, out, err, c.want)
		}
	}
}

// calls is a function as Tasks.
type calls func(context.Context, engine.Call) (interp.Outcome, error)

func (f calls) Call(ctx context.Context, c engine.Call) (interp.Outcome, error) { return f(ctx, c) }

// hasty is an engine whose clock goes on by a minute whenever it is read.
type hasty struct {
	fake
	minutes int
}

func (*hasty) Region() string  { return "eu-west-1" }
func (*hasty) Account() string { return "123456789012" }
func (h *hasty) Now() time.Time {
	h.minutes++
	return time.Unix(0, 0).Add(time.Duration(h.minutes) * time.Minute)
}

func TestATaskThatIsLateTimesOut(t *testing.T) {
	const task = `{"Type":"Task","Resource":"arn:aws:lambda:us-east-1:000000000000:function:f","TimeoutSeconds":59,"Catch":[{"ErrorEquals":["States.Timeout"],"Next":"H","ResultPath":null}],"End":true}`
	slow := calls(func(ctx context.Context, _ engine.Call) (interp.Outcome, error) {
		<-ctx.Done()
		return interp.Outcome{}, ctx.Err()
	})
	out, err := New(Config{Engine: &hasty{}, Tasks: slow}).Answer(t.Context(), "TestState", []byte(encoded("definition", task)))
	if want := `{"output":"{}","error":"States.Timeout","nextState":"H","status":"CAUGHT_ERROR"}`; err != nil || string(out) != want {
		t.Errorf("got %s %v, want %s", out, err, want)
	}
}

func TestTraceTellsOfTheExchange(t *testing.T) {
	const task = `{"Type":"Task","Resource":"arn:aws:states:::http:invoke","Parameters":{},"End":true}`
	call := calls(func(ctx context.Context, _ engine.Call) (interp.Outcome, error) {
		x := tasks.ExchangeOf(ctx)
		x.Request, x.Response = document.NewObject(1), document.NewObject(1)
		x.Request.Set("url", fmt.Sprint(x.Reveal))
		x.Response.Set("statusCode", "200")
		return interp.Outcome{Output: document.FromValue("out")}, nil
	})
	for level, want := range map[string]string{
		"TRACE": `"request":{"url":"true"},"response":{"statusCode":"200"}},"status":"SUCCEEDED"}`,
		"DEBUG": `"afterParameters":"{}","result":"\"out\"","afterResultSelector":"\"out\"","afterResultPath":"\"out\""},"status":"SUCCEEDED"}`,
		"INFO":  `{"output":"\"out\"","status":"SUCCEEDED"}`,
	} {
		in := `{"definition":` + string(document.AppendString(nil, task)) + `,"inspectionLevel":"` + level + `","revealSecrets":true}`
		out, err := New(Config{Engine: &fake{}, Tasks: call}).Answer(t.Context(), "TestState", []byte(in))
		if err != nil || !strings.HasSuffix(string(out), want) {
			t.Errorf("%s: got %s %v, want %s", level, out, err, want)
		}
	}
}

func TestATestKnowsItsEngine(t *testing.T) {
	const pass = `{"Type":"Pass","QueryLanguage":"JSONata","Output":"{% $states.context.StateMachine.Id %}","End":true}`
	out, err := New(Config{Engine: &hasty{}}).Answer(t.Context(), "TestState", []byte(encoded("definition", pass)))
	if want := `{"output":"\"arn:aws:states:eu-west-1:123456789012:stateMachine:`; err != nil || !strings.HasPrefix(string(out), want) {
		t.Errorf("got %s %v, want %s...", out, err, want)
	}
}

func TestACallerThatGoesAwayEndsTheCall(t *testing.T) {
	const task = `{"Type":"Task","Resource":"arn:aws:lambda:us-east-1:000000000000:function:f","End":true}`
	var got engine.Call
	late := calls(func(ctx context.Context, c engine.Call) (interp.Outcome, error) {
		got = c
		if _, ok := ctx.Deadline(); !ok {
			t.Error("the call has no deadline")
		}
		return interp.Outcome{}, context.DeadlineExceeded
	})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := New(Config{Engine: &fake{}, Tasks: late}).Answer(ctx, "TestState", []byte(encoded("definition", task))); err == nil {
		t.Error("a caller that went away got an answer")
	}
	if got.Key == "" || got.Deadline.IsZero() || string(got.Input) != "{}" {
		t.Errorf("called with %+v", got)
	}
}

func TestStateTestInputsAreChecked(t *testing.T) {
	const pass = `{"Type":"Pass","End":true}`
	for _, c := range []struct{ name, body, code string }{
		{"no definition", `{}`, "ValidationException"},
		{"an unknown level", encoded("definition", pass, "inspectionLevel", "ALL"), "ValidationException"},
		{"a negative count", encoded("definition", pass, "stateConfiguration", map[string]any{"retrierRetryCount": -1}), "ValidationException"},
		{"an unknown validation", encoded("definition", pass, "mock", map[string]any{"fieldValidationMode": "LAX"}), "ValidationException"},
		{"a role that is no ARN", encoded("definition", pass, "roleArn", "me"), "InvalidArn"},
		{"a definition that is none", encoded("definition", "{}"), "InvalidDefinition"},
		{"an input that is no JSON", encoded("definition", pass, "input", "{"), "InvalidExecutionInput"},
	} {
		if status, answer := post(t, &fake{}, "TestState", c.body); status != 400 || answer["__type"] != c.code {
			t.Errorf("%s: got %d %v, want %s", c.name, status, answer, c.code)
		}
	}
}
