package interp

import (
	"math"

	"millrace/asl"
	"millrace/asl/document"
)

// handlers are the Retry and Catch of a state that has them.
func handlers(st asl.State) ([]asl.Retrier, []asl.Catcher) {
	switch st := st.(type) {
	case *asl.Task:
		return st.Retry, st.Catch
	case *asl.Parallel:
		return st.Retry, st.Catch
	case *asl.Map:
		return st.Retry, st.Catch
	}
	return nil, nil
}

// raise deals with an error of the frame's state: Retry, then Catch, then the
// end of the thread. States.Runtime ends the execution, whatever surrounds it.
func (r *run) raise(f *Frame, fl *failure) {
	x := r.x
	if x.head.status != Running {
		return
	}
	r.probe(f, fl)
	if text(fl.name) == errRuntime || f.st == nil {
		r.executionFailed(f, fl)
		return
	}
	f.exitFrom = 0
	x.unschedule(f)
	x.reschedule(f)
	before := f.last
	retry, catch := handlers(f.st)
	fl.fatal = fl.fatal || !handled(f, fl)
	if !fl.final && !fl.fatal {
		if i := matchRetrier(f, retry, fl); i >= 0 {
			r.retry(f, &retry[i], i, len(retry))
			return
		}
	}
	r.stateFailed(f)
	if !fl.final && !fl.fatal {
		for i := range catch {
			if matches(catch[i].ErrorEquals, fl) {
				r.catch(f, &catch[i], fl, before)
				return
			}
		}
	}
	if x.head.status != Running {
		return
	}
	if f.parent == nil {
		r.executionFailed(f, fl)
		return
	}
	r.childFailed(f, fl)
}

// handled says whether the Retry or Catch of the frame's state, or of one around
// it, takes the error.
func handled(f *Frame, fl *failure) bool {
	for final := fl.final; f != nil; f, final = f.parent, false {
		if final || f.st == nil {
			continue
		}
		retry, catch := handlers(f.st)
		if matchRetrier(f, retry, fl) >= 0 {
			return true
		}
		for i := range catch {
			if matches(catch[i].ErrorEquals, fl) {
				return true
			}
		}
	}
	return false
}

// stateFailed records the end of a Parallel or Map state that failed.
func (r *run) stateFailed(f *Frame) {
	switch f.st.(type) {
	case *asl.Parallel:
		f.last = r.event(Event{Type: "ParallelStateFailed"}, f.last)
	case *asl.Map:
		f.last = r.event(Event{Type: "MapStateFailed"}, f.last)
	}
}

// executionFailed ends the execution with an error.
func (r *run) executionFailed(f *Frame, fl *failure) {
	r.event(Event{Type: "ExecutionFailed", Error: fl.name, Cause: fl.cause}, f.last)
	if r.x.head.status == Running {
		r.x.head.err, r.x.head.cause = fl.name, fl.cause
		r.over(Failed)
	}
}

// matches says whether an ErrorEquals names the error. As recorded, States.ALL
// matches States.DataLimitExceeded too; States.Runtime never comes here.
func matches(names []string, fl *failure) bool {
	name := text(fl.name)
	for _, n := range names {
		switch {
		case n == errAll, n == name && fl.name != nil:
			return true
		case n == errFailed && name != errTimeout && name != errHeartbeat:
			return true
		case n == errHeartbeat && fl.beat:
			return true
		}
	}
	return false
}

// matchRetrier returns the retrier that takes the error, or -1. Only the first
// that names it counts, however often it may still be used.
func matchRetrier(f *Frame, retry []asl.Retrier, fl *failure) int {
	for i := range retry {
		if matches(retry[i].ErrorEquals, fl) {
			if i < len(f.retries) && f.retries[i] >= retry[i].MaxAttempts || retry[i].MaxAttempts <= 0 {
				return -1
			}
			return i
		}
	}
	return -1
}

// attempts returns how often the state was retried.
func (f *Frame) attempts() int64 {
	var n int64
	for _, k := range f.retries {
		n += k
	}
	return n
}

// retry lets the frame try its state again after the retrier's interval.
func (r *run) retry(f *Frame, t *asl.Retrier, i, n int) {
	if len(f.retries) < n {
		f.retries = append(f.retries, make([]int64, n-len(f.retries))...)
	}
	delay := float64(t.IntervalSeconds) * math.Pow(t.BackoffRate, float64(f.retries[i]))
	if t.MaxDelaySeconds > 0 {
		delay = math.Min(delay, float64(t.MaxDelaySeconds))
	}
	if t.FullJitter {
		delay *= float64(r.x.draw()>>11) / (1 << 53)
	}
	f.retries[i]++
	ms := int64(math.Min(delay, maxDelay) * 1000)
	if ms <= 0 {
		f.phase = phaseWork
		r.push(f)
		return
	}
	f.phase, f.wait = phaseRetry, r.now+ms
	r.x.reschedule(f)
}

// catch leaves the state for a catcher's Next. before is what the state had
// recorded last when it failed.
func (r *run) catch(f *Frame, c *asl.Catcher, fl *failure, before int64) {
	if r.x.head.status != Running {
		return
	}
	r.focus(f)
	b := f.st.Common()
	problem := errorOutput(fl)
	if b.Language == asl.JSONata {
		r.on(f.input)
		r.env.ErrorOutput = problem
	} else {
		r.on(problem)
	}
	assigned, err := r.assignments(c.Assign)
	output := problem
	switch {
	case err != nil:
	case b.Language != asl.JSONata:
		output, err = c.ResultPath.Apply(f.input, problem)
	case c.Output != nil:
		output, err = c.Output.Eval(&r.env)
	}
	if err != nil {
		r.evaluationFailed(f, err, before, true)
		return
	}
	r.exit(f, output, assigned, c.Next)
}

// selectResult computes ResultSelector, and goes on to the end of a Task,
// Parallel or Map state.
func (r *run) selectResult(f *Frame, b *asl.Base, selector asl.Field, path *asl.ResultPath, result *document.Doc) {
	r.focus(f)
	if b.Language == asl.JSONata {
		r.leave(f, b, result, b.Next)
		return
	}
	result, err := r.eval(selector, result)
	if err != nil {
		r.failed(f, err)
		return
	}
	r.combine(f, b, path, result, b.Next)
}
