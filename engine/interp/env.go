package interp

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"time"

	"millrace/asl"
	"millrace/asl/document"
)

// focus makes f the frame whose expressions are evaluated.
func (r *run) focus(f *Frame) {
	r.f, r.item, r.token, r.ctxDoc = f, nil, 0, nil
	if r.env.Context == nil {
		r.env.Context = r.contextObject
		r.env.Variable = r.variable
		r.env.Draw = r.x.draw
		r.env.Now = clock(r.now)
	}
	r.env.Input, r.env.Result, r.env.ErrorOutput = f.input, nil, nil
	r.probed(f)
}

// on sets what $ is, and forgets any result.
func (r *run) on(input *document.Doc) *asl.Env {
	r.env.Input, r.env.Result, r.env.ErrorOutput = input, nil, nil
	return &r.env
}

// eval computes a field over input; an absent field is the input itself.
func (r *run) eval(field asl.Field, input *document.Doc) (*document.Doc, error) {
	if field == nil {
		return input, nil
	}
	return field.Eval(r.on(input))
}

// variable finds a variable in the frame's own scope or one around it.
func (r *run) variable(name string) (*document.Doc, bool) {
	for f := r.f; f != nil; f = f.parent {
		for i := range f.vars {
			if f.vars[i].name == name {
				return f.vars[i].value, true
			}
		}
	}
	return r.x.Probe.variable(name)
}

// assign gives variables of the frame's own scope their new values.
func (f *Frame) assign(assigned []AssignedItem) {
	for _, a := range assigned {
		f.set(a.Name, a.Value)
	}
}

func (f *Frame) set(name string, value *document.Doc) {
	for i := range f.vars {
		if f.vars[i].name == name {
			f.vars[i].value = value
			return
		}
	}
	f.vars = append(f.vars, variable{name, value})
}

// MaxVariables is the most bytes that an execution's variables may have together.
const MaxVariables = 10 << 20

// assignments computes the values of an Assign field, all from the variables as
// they stand. env is set up by the caller.
func (r *run) assignments(list []asl.Assignment) ([]AssignedItem, error) {
	if len(list) == 0 {
		return nil, nil
	}
	out := make([]AssignedItem, 0, len(list))
	size := 0
	for _, a := range list {
		v, err := a.Value.Eval(&r.env)
		if err != nil {
			return nil, err
		}
		size += len(a.Variable) + len(v.Bytes())
		out = append(out, AssignedItem{a.Variable, v})
	}
	if size > MaxDocument || size+r.scope(list) > MaxVariables {
		name := r.f.st.Common().Name
		return nil, &asl.Error{Name: errDataLimit, Cause: dataLimit(name)}
	}
	return out, nil
}

// scope returns how many bytes the visible variables have, without those that
// list gives new values.
func (r *run) scope(list []asl.Assignment) int {
	n := 0
	for f := r.f; f != nil; f = f.parent {
		for i := range f.vars {
			v := &f.vars[i]
			if f != r.f || !slices.ContainsFunc(list, func(a asl.Assignment) bool { return a.Variable == v.name }) {
				n += len(v.name) + len(v.value.Bytes())
			}
		}
	}
	return n
}

// draw returns the execution's next random number: a hash over the seed, the
// id of the event to come, and how many draws there were before it already.
func (x *Execution) draw() uint64 {
	h := &x.head
	if h.drawEvent != h.event {
		h.drawEvent, h.draw = h.event, 0
	}
	h.draw++
	return h.random(h.event+1, h.draw-1)
}

func (h *head) random(event, draw int64) uint64 {
	var b [32]byte
	copy(b[:16], h.seed[:])
	binary.BigEndian.PutUint64(b[16:], uint64(event))
	binary.BigEndian.PutUint64(b[24:], uint64(draw))
	sum := sha256.Sum256(b[:])
	return binary.BigEndian.Uint64(sum[:])
}

// drawFor returns the draws of one item of a distributed Map. They leave the
// execution as it is.
func (x *Execution) drawFor(event int64, index int) func() uint64 {
	draw := int64(-1) - int64(index)<<20 // apart from the execution's own, which count up from 0
	return func() uint64 {
		draw--
		return x.head.random(event, draw)
	}
}

// contextObject makes the context object of the frame at hand, or what of it is
// the named member.
//
// Source: "Accessing execution data from the Context object" of the AWS Step
// Functions developer guide; RetryCount and RedriveCount as recorded.
func (r *run) contextObject(member string) *document.Doc {
	if r.ctxDoc != nil {
		return r.ctxDoc
	}
	if r.ctxDoc = r.probeContext(); r.ctxDoc != nil {
		return r.ctxDoc
	}
	if member != "" {
		o := document.NewObject(1)
		r.contextMember(o, member)
		return document.FromValue(o)
	}
	o := document.NewObject(len(contextMembers))
	for _, member := range contextMembers {
		r.contextMember(o, member)
	}
	r.ctxDoc = document.FromValue(o)
	return r.ctxDoc
}

// contextMembers are the context object's members, in order.
var contextMembers = [...]string{"Execution", "StateMachine", "State", "Map", "Task"}

// contextMember gives o a member of the context object, if there is one now.
func (r *run) contextMember(o *document.Object, member string) {
	x, f := r.x, r.f
	switch member {
	case "Execution":
		o.Set(member, x.executionContext())
	case "StateMachine":
		m := document.NewObject(2)
		m.Set("Id", x.MachineARN)
		m.Set("Name", x.MachineName)
		o.Set(member, m)
	case "State":
		st := document.NewObject(3)
		st.Set("Name", f.st.Common().Name)
		st.Set("EnteredTime", instant(clock(f.at)))
		switch f.st.(type) {
		case *asl.Task, *asl.Parallel, *asl.Map:
			st.Set("RetryCount", document.Int(f.attempts()))
		}
		o.Set(member, st)
	case "Map":
		if it := r.itemOf(f); it != nil {
			o.Set(member, it.context())
		}
	case "Task":
		if r.token != 0 && x.Token != nil {
			t := document.NewObject(1)
			t.Set("Token", x.Token(r.token))
			o.Set(member, t)
		}
	}
}

// executionContext returns Execution of the context object.
func (x *Execution) executionContext() *document.Object {
	if x.context != nil {
		return x.context
	}
	e := document.NewObject(7)
	e.Set("Id", x.ARN)
	e.Set("Input", x.head.input.Value())
	e.Set("StartTime", instant(x.Started()))
	e.Set("Name", x.Name)
	e.Set("RoleArn", x.RoleARN)
	if !x.Express {
		e.Set("RedriveCount", document.Int(x.head.redrives))
		if x.head.redriven != 0 {
			e.Set("RedriveTime", instant(clock(x.head.redriven)))
		}
	}
	x.context = e
	return e
}

// itemOf returns the item of the innermost Map that the frame is an iteration
// of, or whose ItemSelector is being evaluated; nil outside any.
func (r *run) itemOf(f *Frame) *item {
	if r.item != nil {
		return r.item
	}
	for ; f != nil && f.parent != nil; f = f.parent {
		p := f.parent
		if !r.resolve(p) {
			return nil
		}
		if _, ok := p.st.(*asl.Map); ok && p.join != nil {
			return p.join.item(f.index)
		}
	}
	return nil
}

// instant writes a time as the context object does: UTC, milliseconds unless they are zero.
func instant(t time.Time) string {
	if t.Nanosecond() == 0 {
		return t.Format("2006-01-02T15:04:05Z")
	}
	return t.Format("2006-01-02T15:04:05.000Z")
}
