package engine

import (
	"encoding/binary"
	"fmt"

	"millrace/asl/document"
	"millrace/engine/interp"
)

func appendID(dst []byte, id int64) []byte { return binary.AppendUvarint(dst, uint64(id)) }

func decodeID(data []byte) (int64, error) {
	v, n := binary.Uvarint(data)
	if n <= 0 || n != len(data) {
		return 0, fmt.Errorf("a stored id is damaged")
	}
	return int64(v), nil
}

// parentAnswer is what the task that started an execution and waits for it is
// told when it has ended: a description of the execution, as output or as cause.
//
// Source: "Start a new AWS Step Functions state machine from a running
// execution"; the shape is as recorded: members in alphabetical order, times in
// milliseconds.
func (e *Engine) parentAnswer(r *resident) interp.Input {
	x, p := r.x, r.birth.parent
	in := interp.Input{Kind: interp.Answer, Event: p.Event, At: x.Stopped(), Token: true}
	errName, cause := x.Failure()
	o := document.NewObject(12)
	payload := func(name string, d *document.Doc) {
		if d == nil {
			return
		}
		if p.Parse && x.Status() == interp.Succeeded {
			o.Set(name, d.Value())
		} else {
			o.Set(name, d.String())
		}
		included := document.NewObject(1)
		included.Set("Included", true)
		o.Set(name+"Details", included)
	}
	if cause != nil {
		o.Set("Cause", *cause)
	}
	if errName != nil {
		o.Set("Error", *errName)
	}
	o.Set("ExecutionArn", x.ARN)
	payload("Input", x.Input())
	o.Set("Name", x.Name)
	payload("Output", x.Output())
	o.Set("StartDate", document.Int(x.Started().UnixMilli()))
	o.Set("StateMachineArn", r.machine.ARN)
	o.Set("Status", string(x.Status()))
	o.Set("StopDate", document.Int(x.Stopped().UnixMilli()))
	d := document.FromValue(o)
	if x.Status() == interp.Succeeded {
		in.Outcome.Output = d
	} else {
		in.Outcome = failure("States.TaskFailed", d.String())
	}
	return in
}
