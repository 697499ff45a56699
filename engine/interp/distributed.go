package interp

import (
	"encoding/binary"
	"encoding/hex"
	"strings"

	"millrace/asl"
	"millrace/asl/document"
)

// MapRun tells the shell of a distributed Map whose items run as child
// executions. The shell keeps the run's counters and cursor, computes each
// child's input with [ChildInput], and in the end gives the run's result as an
// Answer with Token set to the command's event: the output is the Map's result
// (before ResultSelector), a failure is the run's.
type MapRun struct {
	State               string // JSON pointer of the Map state, for NewChild
	ARN                 string
	Items               *document.Doc // an array or object; nil: the ItemReader's
	Input               *document.Doc // the state's effective input, what ItemSelector sees as $
	Reader              *document.Doc // evaluated arguments of the ItemReader; nil: it has none
	MaxItems            *document.Doc // evaluated; nil: all
	BatchInput          *document.Doc // evaluated; nil: none
	MaxItemsPerBatch    *document.Doc
	MaxBytesPerBatch    *document.Doc
	Writer              *document.Doc // evaluated arguments of the ResultWriter; nil: it has none
	MaxConcurrency      int64         // 0: the service's 10,000
	ToleratedCount      int64         // with Tolerated
	ToleratedPercentage float64       // with Tolerated
	Tolerated           bool          // false: no failed child is tolerated
}

// tolerance is how many failed children a Map run puts up with.
type tolerance struct {
	set        bool
	count      int64
	percentage float64
}

// tolerated computes the fields on tolerated failures.
func (r *run) tolerated(st *asl.Map, input *document.Doc) (tolerance, error) {
	var t tolerance
	if d, what, src, err := r.either(st.ToleratedFailureCount, st.ToleratedFailureCountPath, "ToleratedFailureCount", input); err != nil {
		return t, err
	} else if d != nil {
		n, ok := integer(d.Value())
		if !ok {
			return t, invalid(st, what, src, "integer", d)
		}
		if n < 0 {
			return t, refused(st, what, "ToleratedFailureCount cannot be negative.")
		}
		t.set, t.count = true, n
	}
	if d, what, src, err := r.either(st.ToleratedFailurePercentage, st.ToleratedFailurePercentagePath, "ToleratedFailurePercentage", input); err != nil {
		return t, err
	} else if d != nil {
		n, ok := d.Value().(document.Number)
		if !ok {
			return t, invalid(st, what, src, "float", d)
		}
		p := n.Float64()
		if p < 0 || p > 100 {
			return t, refused(st, what, "ToleratedFailurePercentage must be between 0 and 100.")
		}
		t.set, t.percentage = true, p
	}
	return t, nil
}

// either evaluates a field or its Path twin, whichever is there.
func (r *run) either(field, path asl.Field, name string, input *document.Doc) (d *document.Doc, what string, src asl.Field, err error) {
	what, src = name, field
	if src == nil {
		what, src = name+"Path", path
	}
	if src == nil {
		return nil, what, nil, nil
	}
	d, err = src.Eval(r.on(input))
	return d, what, src, err
}

func invalid(st *asl.Map, what string, src asl.Field, want string, d *document.Doc) *asl.Error {
	if st.Language == asl.JSONata {
		if want == "float" || want == "integer" {
			want = "number"
		}
		return unexpected(src, what, want, d)
	}
	return &asl.Error{Name: errRuntime, Cause: "The " + what + " field refers to value " + d.String() + " which is not a valid " + want + ": " + src.Source()}
}

func refused(st *asl.Map, what, cause string) *asl.Error {
	if st.Language == asl.JSONata {
		return &asl.Error{Name: errQuery, Cause: cause, Location: what}
	}
	return &asl.Error{Name: errRuntime, Cause: cause}
}

// mapRun starts the child executions of a distributed Map.
func (r *run) mapRun(f *Frame, st *asl.Map, j *join, limit int64, tol tolerance) {
	m := &MapRun{
		State: st.Pointer, Items: j.items, Input: j.args, MaxConcurrency: limit,
		Tolerated: tol.set, ToleratedCount: tol.count, ToleratedPercentage: tol.percentage,
	}
	if err := r.mapRunFields(st, j.args, m); err != nil {
		r.failed(f, err)
		return
	}
	label := st.Label
	if label == "" {
		label = r.x.label(st.Name)
	}
	m.ARN = r.x.mapRunARN(label)
	f.last = r.event(Event{Type: "MapRunStarted", MapRunARN: m.ARN}, f.last)
	if r.x.head.status != Running {
		return
	}
	f.task = &task{event: f.last, pattern: Distributed}
	f.phase = phaseTask
	r.x.expect(f)
	r.s.Commands = append(r.s.Commands, Command{Event: f.last, Pattern: Distributed, Input: m.Input, Attempt: int(f.attempts()), State: st.Name, MapRun: m})
}

// mapRunFields evaluates the fields of a distributed Map that are the shell's to use.
func (r *run) mapRunFields(st *asl.Map, input *document.Doc, m *MapRun) error {
	var err error
	get := func(to **document.Doc, field, path asl.Field) {
		if field == nil {
			field = path
		}
		if err == nil && field != nil {
			*to, err = field.Eval(r.on(input))
		}
	}
	if rd := st.ItemReader; rd != nil {
		get(&m.Reader, rd.Parameters, nil)
		get(&m.MaxItems, rd.MaxItems, rd.MaxItemsPath)
	}
	if b := st.ItemBatcher; b != nil {
		get(&m.BatchInput, b.BatchInput, nil)
		get(&m.MaxItemsPerBatch, b.MaxItemsPerBatch, b.MaxItemsPerBatchPath)
		get(&m.MaxBytesPerBatch, b.MaxInputBytesPerBatch, b.MaxInputBytesPerBatchPath)
	}
	if w := st.ResultWriter; w != nil {
		get(&m.Writer, w.Parameters, nil)
	}
	return err
}

// maxLabel is the most characters of a Label.
const maxLabel = 40

// label is the label of a Map that has none: its name, if that can stand in an
// ARN, else something unique.
func (x *Execution) label(name string) string {
	plain := name != "" && len(name) <= maxLabel
	for i := 0; plain && i < len(name); i++ {
		c := name[i]
		plain = c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_'
	}
	if plain {
		return name
	}
	return x.uuid()
}

// uuid draws a random UUID.
func (x *Execution) uuid() string {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], x.draw())
	binary.BigEndian.PutUint64(b[8:], x.draw())
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	h := hex.EncodeToString(b[:])
	return strings.Join([]string{h[:8], h[8:12], h[12:16], h[16:20], h[20:]}, "-")
}

// mapRunARN names a map run: arn:aws:states:region:account:mapRun:machine/label:uuid.
func (x *Execution) mapRunARN(label string) string {
	p := strings.SplitN(x.ARN, ":", 6)
	if len(p) < 6 {
		p = []string{"arn", "aws", "states", "", "", ""}
	}
	return strings.Join(p[:5], ":") + ":mapRun:" + x.MachineName + "/" + label + ":" + x.uuid()
}

// mapRunAnswered takes the result of a map run.
func (r *run) mapRunAnswered(f *Frame, o Outcome) {
	r.touch(f)
	if o.Failed {
		f.last = r.event(Event{Type: "MapRunFailed", Error: o.Error, Cause: o.Cause}, f.last)
		r.settleWith(f, nil, &failure{name: o.Error, cause: o.Cause})
		return
	}
	output := o.Output
	if output == nil {
		output = null
	}
	f.last = r.event(Event{Type: "MapRunSucceeded"}, f.last)
	r.settleWith(f, output, nil)
}

// ChildInput computes the input of one child of a distributed Map from its
// item: the ItemSelector's value, or the item itself. source is what the item was
// read from, as the context object tells it; "": the state's input. x is the execution that
// the Map state is in, event the id that its command had. The error is an
// *asl.Error.
func ChildInput(m *asl.Machine, x *Execution, run *MapRun, event int64, index int, key *string, source string, value *document.Doc) (*document.Doc, error) {
	f := x.events[event]
	st, ok := m.State(run.State).(*asl.Map)
	if !ok && f != nil {
		st, ok = f.st.(*asl.Map)
	}
	if !ok {
		return nil, &asl.Error{Name: errRuntime, Cause: "The state at " + run.State + " is no Map state."}
	}
	if st.ItemSelector == nil {
		return value, nil
	}
	var s Step
	r := newRun(m, x, &s, clock(x.head.time))
	defer r.release()
	if f == nil || !r.resolve(f) {
		return nil, &asl.Error{Name: errRuntime, Cause: "The Map state is over."}
	}
	r.focus(f)
	r.env.Draw = x.drawFor(event, index)
	it := &item{index: index, value: value.Value(), source: source}
	if key != nil {
		it.key, it.keyed = *key, true
	}
	r.item = it
	return st.ItemSelector.Eval(r.on(run.Input))
}
