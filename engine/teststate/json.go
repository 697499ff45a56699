package teststate

import (
	"math"

	"millrace/asl/document"
)

// Level is how much of a test is told.
type Level string

// The levels; "" is Info. Trace also tells of the request and the response of an
// HTTP task.
const (
	Info  Level = "INFO"
	Debug Level = "DEBUG"
	Trace Level = "TRACE"
)

// JSON is the answer of TestState. Values of the data flow are JSON texts in it.
func (r *Result) JSON(level Level) *document.Object {
	o := document.NewObject(6)
	put(o, "output", r.Output)
	putText(o, "error", r.Error)
	putText(o, "cause", r.Cause)
	if level == Debug || level == Trace {
		o.Set("inspectionData", r.Inspection.json())
	}
	if r.NextState != "" {
		o.Set("nextState", r.NextState)
	}
	o.Set("status", string(r.Status))
	return o
}

func (n *Inspection) json() *document.Object {
	o := document.NewObject(12)
	put(o, "input", n.Input)
	put(o, "afterArguments", n.AfterArguments)
	put(o, "afterInputPath", n.AfterInputPath)
	put(o, "afterParameters", n.AfterParameters)
	put(o, "result", n.Result)
	put(o, "afterResultSelector", n.AfterResultSelector)
	put(o, "afterResultPath", n.AfterResultPath)
	put(o, "variables", n.Variables)
	put(o, "afterItemsPath", n.AfterItemsPath)
	put(o, "afterItemsPointer", n.AfterItemsPointer)
	put(o, "afterItemSelector", n.AfterItemSelector)
	put(o, "afterItemBatcher", n.AfterItemBatcher)
	putNumber(o, "maxConcurrency", n.MaxConcurrency)
	putNumber(o, "toleratedFailureCount", n.ToleratedFailureCount)
	putNumber(o, "toleratedFailurePercentage", n.ToleratedFailurePercentage)
	if e := n.Error; e != nil {
		d := document.NewObject(3)
		if e.Catcher != nil {
			d.Set("catchIndex", document.Int(int64(*e.Catcher)))
		}
		if e.Retrier != nil {
			d.Set("retryIndex", document.Int(int64(*e.Retrier)))
		}
		if e.Backoff != nil {
			d.Set("retryBackoffIntervalSeconds", document.Int(int64(math.Round(e.Backoff.Seconds()))))
		}
		o.Set("errorDetails", d)
	}
	return o
}

func put(o *document.Object, name string, d *document.Doc) {
	if d != nil {
		o.Set(name, d.String())
	}
}

func putText(o *document.Object, name string, s *string) {
	if s != nil {
		o.Set(name, *s)
	}
}

// putNumber sets a number; one that is text, as MaxConcurrency may be, becomes
// the number it shows.
func putNumber(o *document.Object, name string, d *document.Doc) {
	if d == nil {
		return
	}
	switch v := d.Value().(type) {
	case document.Number:
		o.Set(name, v)
	case string:
		if n, err := document.Parse([]byte(v)); err == nil {
			if n, ok := n.(document.Number); ok {
				o.Set(name, n)
			}
		}
	}
}
