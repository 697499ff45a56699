package interp

import (
	"strings"

	"millrace/asl"
	"millrace/asl/document"
)

// resource is what a Task state's Resource means for its events.
type resource struct {
	family  family
	pattern Pattern
	kind    string // resourceType: lambda, sqs, aws-sdk:s3
	name    string // resource: sendMessage.waitForTaskToken
}

// family is a family of events.
type family byte

const (
	taskFamily family = iota
	lambdaFamily
	activityFamily
)

// parseResource takes a resource apart:
//
//	arn:aws:lambda:us-east-1:123456789012:function:F
//	arn:aws:states:us-east-1:123456789012:activity:A
//	arn:aws:states:::sqs:sendMessage.waitForTaskToken
//	arn:aws:states:::aws-sdk:s3:listObjects
func parseResource(s string) resource {
	service, _, rest, ok := cutARN(s)
	switch {
	case !ok:
		kind, name, _ := strings.Cut(s, ":")
		return resource{kind: kind, name: name, pattern: patternOf(s)}
	case service == "lambda":
		return resource{family: lambdaFamily, name: s}
	case service == "states" && strings.HasPrefix(rest, "activity:"):
		return resource{family: activityFamily, pattern: Activity, name: s}
	case service != "states":
		return resource{kind: service, name: rest, pattern: patternOf(rest)}
	}
	i := strings.IndexByte(rest, ':')
	if strings.HasPrefix(rest, "aws-sdk:") {
		if j := strings.IndexByte(rest[i+1:], ':'); j >= 0 {
			i += 1 + j
		}
	}
	if i < 0 {
		return resource{kind: rest, pattern: patternOf(rest)}
	}
	return resource{kind: rest[:i], name: rest[i+1:], pattern: patternOf(rest)}
}

// cutARN returns an ARN's service and region, and what comes after the account.
func cutARN(s string) (service, region, rest string, ok bool) {
	rest, ok = strings.CutPrefix(s, "arn:")
	var partition, account string
	for _, part := range [...]*string{&partition, &service, &region, &account} {
		if ok {
			*part, rest, ok = strings.Cut(rest, ":")
		}
	}
	return service, region, rest, ok
}

func patternOf(s string) Pattern {
	switch {
	case strings.HasSuffix(s, ".waitForTaskToken"):
		return WaitForTaskToken
	case strings.HasSuffix(s, ".sync"), strings.HasSuffix(s, ".sync:2"):
		return Sync
	}
	return RequestResponse
}

// called names in messages what the task called.
func (c resource) called() string {
	if c.family == taskFamily {
		return c.kind
	}
	return c.name
}

// taskState does a Task state up to where it waits for its task.
func (r *run) taskState(f *Frame, st *asl.Task) {
	c := parseResource(st.Resource)
	if c.pattern == WaitForTaskToken {
		r.token = r.x.head.event + 1
	}
	input, err := r.eval(st.InputPath, f.input)
	effective := input
	if err == nil {
		input, err = r.eval(st.Parameters, effective)
	}
	if err != nil {
		r.failed(f, err)
		return
	}
	t := &task{pattern: c.pattern}
	timeout, err := r.seconds(st, st.TimeoutSeconds, st.TimeoutSecondsPath, "TimeoutSeconds", effective)
	var beat int64
	if err == nil {
		beat, err = r.seconds(st, st.HeartbeatSeconds, st.HeartbeatSecondsPath, "HeartbeatSeconds", effective)
	}
	var credentials *document.Doc
	if err == nil && st.Credentials != nil {
		credentials, err = r.eval(st.Credentials, effective)
	}
	if err != nil {
		r.failed(f, err)
		return
	}
	if len(input.Bytes()) > MaxDocument {
		r.raise(f, tooLarge(st.Name))
		return
	}
	if c.family == activityFamily && r.x.HasActivity != nil && !r.x.HasActivity(st.Resource) {
		r.runtime(f, "The activity "+st.Resource+" does not exist.")
		return
	}
	r.schedule(f, st, c, t, input, timeout, beat, credentials)
}

// schedule records the task and commands its call.
func (r *run) schedule(f *Frame, st *asl.Task, c resource, t *task, input *document.Doc, timeout, beat int64, credentials *document.Doc) {
	x := r.x
	e := Event{Resource: c.name, Input: input, Role: roleOf(credentials)}
	if timeout > 0 {
		e.Timeout = &timeout
	}
	if beat > 0 && c.family != lambdaFamily {
		e.Heartbeat = &beat
	}
	switch c.family {
	case lambdaFamily:
		e.Type = "LambdaFunctionScheduled"
	case activityFamily:
		e.Type = "ActivityScheduled"
	default:
		e.Type, e.ResourceType = "TaskScheduled", c.kind
		_, e.Region, _, _ = cutARN(x.ARN)
	}
	t.event = r.event(e, f.last)
	f.last = t.event
	switch c.family {
	case lambdaFamily:
		f.last = r.event(Event{Type: "LambdaFunctionStarted"}, f.last)
	case taskFamily:
		f.last = r.event(Event{Type: "TaskStarted", Resource: c.name, ResourceType: c.kind}, f.last)
	}
	if x.head.status != Running {
		return
	}
	t.beat = beat
	if c.family == activityFamily {
		t.seconds = timeout // both clocks start when a worker takes the task
	} else {
		t.clocks(r.now, timeout)
	}
	f.task, f.phase = t, phaseTask
	x.expect(f)
	x.reschedule(f)
	cmd := Command{Event: t.event, Resource: st.Resource, Pattern: c.pattern, Input: input, Attempt: int(f.attempts()), State: st.Name, Credential: credentials}
	if t.timeout != 0 {
		cmd.Deadline = clock(t.timeout)
	}
	r.s.Commands = append(r.s.Commands, cmd)
}

// clocks starts the task's timeout and heartbeat, in seconds, at ms now.
func (t *task) clocks(now, timeout int64) {
	if timeout > 0 {
		t.timeout = now + timeout*1000
	}
	if t.beat > 0 {
		t.beatBy = now + t.beat*1000
	}
}

func roleOf(credentials *document.Doc) string {
	if credentials == nil {
		return ""
	}
	o, _ := credentials.Value().(*document.Object)
	if o == nil {
		return ""
	}
	v, _ := o.Get("RoleArn")
	s, _ := v.(string)
	return s
}

// seconds computes a field that holds a positive number of seconds; 0: absent.
func (r *run) seconds(st *asl.Task, field, path asl.Field, what string, input *document.Doc) (int64, error) {
	from := field
	if from == nil {
		if from, what = path, what+"Path"; from == nil {
			return 0, nil
		}
	}
	d, err := from.Eval(r.on(input))
	if err != nil {
		return 0, err
	}
	n, ok := integer(d.Value())
	switch {
	case !ok && path == nil && st.Language == asl.JSONata:
		return 0, unexpected(from, what, "number", d)
	case !ok:
		return 0, &asl.Error{Name: errRuntime, Cause: "The " + what + " parameter cannot be parsed as a long value: " + from.Source() + " == " + plain(d)}
	case n <= 0 || n > maxDelay:
		name := errRuntime
		if st.Language == asl.JSONata {
			name = errQuery
		}
		return 0, &asl.Error{Name: name, Location: what, Cause: "The " + what + " parameter must reference a positive value of at most 99999999: " + from.Source() + " == " + plain(d)}
	}
	return n, nil
}

// answer takes the outcome of a task's call, or of its work.
func (r *run) answer(in Input) {
	f := r.x.events[in.Event]
	if f == nil || f.phase != phaseTask {
		r.missed(in.Event)
		return
	}
	t := f.task
	if t.pattern == Distributed {
		if !in.Token {
			r.s.Verdict = Late
			return
		}
		r.mapRunAnswered(f, in.Outcome)
		return
	}
	submits := !in.Token && (t.pattern == Sync || t.pattern == WaitForTaskToken)
	if submits && t.submitted || in.Token && t.pattern == RequestResponse || t.pattern == Activity && !in.Token {
		r.s.Verdict = Late
		return
	}
	c, ok := r.resourceOf(f)
	if !ok {
		r.missed(in.Event)
		return
	}
	r.touch(f)
	o := in.Outcome
	output := o.Output
	if output == nil {
		output = null
	}
	if !o.Failed && len(output.Bytes()) > MaxDocument {
		fl := tooLarge(c.called())
		o = Outcome{Failed: true, Error: fl.name, Cause: fl.cause}
	}
	switch {
	case o.Failed:
		kind := "Failed"
		if submits && t.pattern == Sync {
			kind = "SubmitFailed"
		}
		f.last = r.event(c.event(kind, Event{Error: o.Error, Cause: o.Cause}), f.last)
		r.settleWith(f, nil, &failure{name: o.Error, cause: o.Cause})
	case submits:
		f.last = r.event(c.event("Submitted", Event{Output: output}), f.last)
		t.submitted = true
	default:
		f.last = r.event(c.event("Succeeded", Event{Output: output}), f.last)
		r.settleWith(f, output, nil)
	}
}

// null is the output of a task that gave none.
var null = document.FromBytes([]byte("null"))

// resourceOf finds the resource of the frame's task.
func (r *run) resourceOf(f *Frame) (resource, bool) {
	if !r.resolve(f) {
		return resource{}, false
	}
	st, ok := f.st.(*asl.Task)
	if !ok {
		return resource{}, false
	}
	return parseResource(st.Resource), true
}

// event completes an event of the task's family.
func (c resource) event(kind string, e Event) Event {
	switch c.family {
	case lambdaFamily:
		e.Type = "LambdaFunction" + kind
	case activityFamily:
		e.Type = "Activity" + kind
	default:
		e.Type, e.Resource, e.ResourceType = "Task"+kind, c.name, c.kind
	}
	return e
}

// settleWith keeps how the task ended; the frame goes on from there.
func (r *run) settleWith(f *Frame, output *document.Doc, fl *failure) {
	if r.x.head.status != Running {
		return
	}
	r.x.unexpect(f)
	f.task.output, f.task.failed = output, fl
	f.phase = phaseSettled
	r.x.reschedule(f)
	r.push(f)
}

// settled goes on with a task's outcome.
func (r *run) settled(f *Frame) {
	output, fl := f.task.output, f.task.failed
	f.task = nil
	f.phase = phaseWork
	if fl != nil {
		r.raise(f, fl)
		return
	}
	switch st := f.st.(type) {
	case *asl.Task:
		r.selectResult(f, &st.Base, st.ResultSelector, st.ResultPath, output)
	case *asl.Map:
		r.conclude(f, output)
	default:
		r.runtime(f, "The state waits for no task.")
	}
}

// taskTimedOut ends a task whose time, or heartbeat, has run out. As recorded,
// both are States.Timeout in the history.
func (r *run) taskTimedOut(f *Frame, beat bool) {
	c, ok := r.resourceOf(f)
	if !ok {
		return
	}
	name := errTimeout
	event := f.task.event
	f.last = r.event(c.event("TimedOut", Event{Error: &name}), f.last)
	if r.x.head.status == Running {
		r.s.Moot = append(r.s.Moot, event)
	}
	r.settleWith(f, nil, &failure{name: &name, beat: beat})
}

// heartbeat puts the task's heartbeat deadline off.
func (r *run) heartbeat(f *Frame, at int64) {
	t := f.task
	if t.beatBy == 0 {
		return
	}
	t.beatBy = at + t.beat*1000
	r.x.reschedule(f)
	r.touch(f)
}

// picked records that a worker took an activity's task.
func (r *run) picked(f *Frame, worker string) {
	t := f.task
	if t.pattern != Activity || t.picked {
		r.s.Verdict = Late
		return
	}
	r.touch(f)
	f.last = r.event(Event{Type: "ActivityStarted", Worker: worker}, f.last)
	if r.x.head.status != Running {
		return
	}
	t.picked = true
	t.clocks(r.now, t.seconds)
	r.x.reschedule(f)
}
