package interp

import (
	"strconv"
	"strings"
	"time"

	"millrace/asl/document"
)

// AppendJSON adds the event in the shape of GetExecutionHistory's HistoryEvent:
// the timestamp in seconds with a fraction of milliseconds, payloads as strings.
// Without includeData inputs, outputs, parameters, causes and variables are left out.
func (e *Event) AppendJSON(dst []byte, includeData bool) []byte {
	w := objectWriter{b: append(dst, '{'), data: includeData}
	w.key("timestamp")
	w.b = AppendSeconds(w.b, e.Time)
	w.text("type", e.Type)
	w.int("id", e.ID)
	w.int("previousEventId", e.Previous)
	if name := detailsName(e.Type); name != "" {
		w.key(name)
		w.b = append(w.b, '{')
		w.comma = false
		w.details(e, name)
		w.b = append(w.b, '}')
	}
	return append(w.b, '}')
}

// AppendSeconds adds a time as AWS's JSON protocol has it: seconds since 1970
// with a fraction of milliseconds.
func AppendSeconds(dst []byte, t time.Time) []byte {
	ms := t.UnixMilli()
	dst = strconv.AppendInt(dst, ms/1000, 10)
	if frac := ms % 1000; frac > 0 {
		dst = append(dst, '.', byte('0'+frac/100), byte('0'+frac/10%10), byte('0'+frac%10))
	}
	return dst
}

// detailsName returns the member that holds the details of a type of event; ""
// when it has none.
func detailsName(kind string) string {
	switch kind {
	case "LambdaFunctionStarted", "ParallelStateStarted", "ParallelStateSucceeded", "ParallelStateFailed",
		"MapStateSucceeded", "MapStateFailed", "MapRunSucceeded", "MapRunAborted":
		return ""
	}
	switch {
	case strings.HasSuffix(kind, "StateEntered"):
		return "stateEnteredEventDetails"
	case strings.HasSuffix(kind, "StateExited"):
		return "stateExitedEventDetails"
	case strings.HasSuffix(kind, "StateAborted"), kind == "":
		return ""
	}
	return string(kind[0]|0x20) + kind[1:] + "EventDetails"
}

type objectWriter struct {
	b     []byte
	data  bool
	comma bool
}

func (w *objectWriter) key(name string) {
	if w.comma {
		w.b = append(w.b, ',')
	}
	w.comma = true
	w.b = append(w.b, '"')
	w.b = append(w.b, name...)
	w.b = append(w.b, '"', ':')
}

func (w *objectWriter) text(name, v string) {
	w.key(name)
	w.b = document.AppendString(w.b, v)
}

func (w *objectWriter) some(name, v string) {
	if v != "" {
		w.text(name, v)
	}
}

func (w *objectWriter) int(name string, v int64) {
	w.key(name)
	w.b = strconv.AppendInt(w.b, v, 10)
}

func (w *objectWriter) optional(name string, v *int64) {
	if v != nil {
		w.int(name, *v)
	}
}

// payload adds a document as a string, and what AWS says about its length.
func (w *objectWriter) payload(name string, d *document.Doc, details bool) {
	if d == nil {
		return
	}
	if w.data {
		w.text(name, string(d.Bytes()))
	}
	if details {
		w.truncated(name)
	}
}

func (w *objectWriter) truncated(name string) {
	w.key(name + "Details")
	w.b = append(w.b, `{"truncated":false}`...)
}

// failure adds error and cause where the event has them.
func (w *objectWriter) failure(e *Event) {
	if e.Error != nil {
		w.text("error", *e.Error)
	}
	if e.Cause != nil && w.data {
		w.text("cause", *e.Cause)
	}
}

func (w *objectWriter) details(e *Event, name string) {
	switch name {
	case "stateEnteredEventDetails":
		w.text("name", e.Name)
		w.payload("input", e.Input, true)
	case "stateExitedEventDetails":
		w.text("name", e.Name)
		w.payload("output", e.Output, true)
		w.assigned(e.Assigned)
	case "executionStartedEventDetails":
		w.payload("input", e.Input, true)
		w.text("roleArn", e.RoleARN)
	case "executionSucceededEventDetails", "activitySucceededEventDetails", "lambdaFunctionSucceededEventDetails":
		w.payload("output", e.Output, true)
	case "taskScheduledEventDetails":
		w.text("resourceType", e.ResourceType)
		w.text("resource", e.Resource)
		w.text("region", e.Region)
		w.payload("parameters", e.Input, false)
		w.clocks(e)
	case "lambdaFunctionScheduledEventDetails", "activityScheduledEventDetails":
		w.text("resource", e.Resource)
		w.payload("input", e.Input, true)
		w.clocks(e)
	case "activityStartedEventDetails":
		w.some("workerName", e.Worker)
	case "mapStateStartedEventDetails":
		w.optional("length", e.Length)
	case "executionRedrivenEventDetails":
		w.optional("redriveCount", e.Redrives)
	case "mapRunStartedEventDetails":
		w.text("mapRunArn", e.MapRunARN)
	case "evaluationFailedEventDetails":
		w.failure(e)
		w.some("location", e.Location)
		w.text("state", e.Name)
	default:
		w.rest(e, name)
	}
}

// rest adds the details of iterations, of task events other than scheduled
// ones, and of what failed.
func (w *objectWriter) rest(e *Event, name string) {
	switch {
	case strings.HasPrefix(name, "mapIteration"):
		w.text("name", e.Name)
		w.optional("index", e.Index)
	case strings.HasPrefix(name, "task"):
		w.text("resourceType", e.ResourceType)
		w.text("resource", e.Resource)
		w.payload("output", e.Output, true)
		w.failure(e)
	default:
		w.failure(e)
	}
}

// clocks adds the limits and credentials of a scheduled event.
func (w *objectWriter) clocks(e *Event) {
	w.optional("timeoutInSeconds", e.Timeout)
	w.optional("heartbeatInSeconds", e.Heartbeat)
	if e.Role != "" {
		w.key("taskCredentials")
		w.b = append(w.b, `{"roleArn":`...)
		w.b = document.AppendString(w.b, e.Role)
		w.b = append(w.b, '}')
	}
}

func (w *objectWriter) assigned(list []AssignedItem) {
	if len(list) == 0 {
		return
	}
	if w.data {
		w.key("assignedVariables")
		w.b = append(w.b, '{')
		for i, a := range list {
			if i > 0 {
				w.b = append(w.b, ',')
			}
			w.b = document.AppendString(w.b, a.Name)
			w.b = append(w.b, ':')
			w.b = document.AppendString(w.b, string(a.Value.Bytes()))
		}
		w.b = append(w.b, '}')
	}
	w.truncated("assignedVariables")
}
