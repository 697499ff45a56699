package teststate

import (
	"strings"
	"time"

	"millrace/asl"
	"millrace/asl/document"
	"millrace/engine/interp"
)

// Result tells how the test ended; it is over when [Test.Call] is nil.
func (t *Test) Result() Result {
	r := Result{Inspection: t.seen}
	exit, next := t.exit()
	if t.raised != nil && (exit == nil || t.raised.Catcher >= 0) {
		r.Error, r.Cause = t.raised.Error, t.raised.Cause
		r.Inspection.Error = t.errorDetails(exit)
	}
	switch {
	case exit != nil && r.Inspection.Error != nil && t.raised.Catcher >= 0:
		r.Status = CaughtError
	case exit != nil:
		r.Status = Succeeded
	case t.x.Status() == interp.Running:
		r.Status = Retriable
	default:
		r.Status = Failed
		if r.Error == nil && r.Cause == nil {
			r.Error, r.Cause = t.x.Failure()
		}
	}
	if exit != nil {
		r.Output, r.NextState = exit.Output, next
	}
	r.Inspection.Variables = t.variables(exit)
	return r
}

// exit returns the event that the state was left with, nil if it was not, and
// the state that came next, "" if none did.
func (t *Test) exit() (exit *interp.Event, next string) {
	for i := range t.events {
		e := &t.events[i]
		switch {
		case exit == nil && e.Name == t.state.Common().Name && strings.HasSuffix(e.Type, "StateExited"):
			exit = e
		case exit != nil && strings.HasSuffix(e.Type, "StateEntered"):
			return exit, e.Name
		}
	}
	return exit, ""
}

// errorDetails says which retrier or catcher took the error; nil: none names it.
func (t *Test) errorDetails(exit *interp.Event) *ErrorDetails {
	var d ErrorDetails
	if i := t.raised.Retrier; i >= 0 {
		d.Retrier = &i
		if exit == nil && t.x.Status() == interp.Running {
			wait := time.Duration(0)
			if w := t.x.Wake(); !w.IsZero() {
				wait = w.Sub(t.now)
			}
			d.Backoff = &wait
		}
	}
	if i := t.raised.Catcher; i >= 0 && exit != nil {
		d.Catcher = &i
	}
	if d == (ErrorDetails{}) {
		return nil
	}
	return &d
}

// variables returns all variables as the state left them; nil: there are none.
func (t *Test) variables(exit *interp.Event) *document.Doc {
	o := document.NewObject(len(t.x.Probe.Variables))
	set := func(list []interp.AssignedItem) {
		for _, v := range list {
			o.Set(v.Name, v.Value.Value())
		}
	}
	set(t.x.Probe.Variables)
	if exit != nil {
		set(exit.Assigned)
	}
	if o.Len() == 0 {
		return nil
	}
	return document.FromValue(o)
}

// targets returns the states that a state can lead to.
func targets(st asl.State) []string {
	all := []string{st.Common().Next}
	catching := func(list []asl.Catcher) {
		for i := range list {
			all = append(all, list[i].Next)
		}
	}
	switch st := st.(type) {
	case *asl.Choice:
		all = append(all, st.Default)
		for i := range st.Rules {
			all = append(all, st.Rules[i].Next)
		}
	case *asl.Task:
		catching(st.Catch)
	case *asl.Parallel:
		catching(st.Catch)
	case *asl.Map:
		catching(st.Catch)
	}
	return all
}
