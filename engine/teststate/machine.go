package teststate

import (
	"millrace/asl"
	"millrace/asl/document"
)

// tested is the key of the state in its machine: no state can be called so,
// thus a state that leads to itself does not run twice.
const tested = "\x00"

// machine makes the machine of the state. Its fields note what they are
// evaluated to, and where it leads there are states that end the execution.
func (t *Test) machine() *asl.Machine {
	st := t.watched()
	m := &asl.Machine{QueryLanguage: st.Common().Language}
	m.StartAt = tested
	m.States = map[string]asl.State{tested: st}
	for _, name := range targets(t.state) {
		if name != "" {
			m.States[name] = &asl.Succeed{Base: asl.Base{Name: name, Type: "Succeed", Language: asl.JSONata}}
		}
	}
	return m
}

// watched returns the state with fields that note their values. A field that
// JSONPath lets default to its input is made explicit for that.
func (t *Test) watched() asl.State {
	see := &t.seen
	switch st := t.state.(type) {
	case *asl.Pass:
		c := *st
		if c.Language == asl.JSONata {
			return &c
		}
		if c.Result != nil {
			// As recorded, a Pass state with a Result tells of nothing before it.
			see.Result, see.AfterResultSelector = c.Result, c.Result
		} else {
			c.InputPath = note(c.InputPath, &see.AfterInputPath)
			c.Parameters = note(c.Parameters, &see.AfterParameters, &see.AfterResultSelector)
		}
		c.OutputPath = before(c.OutputPath, &see.AfterResultPath)
		return &c
	case *asl.Task:
		c := *st
		if c.Language == asl.JSONata {
			c.Parameters = note(c.Parameters, &see.AfterArguments)
			return &c
		}
		c.InputPath = note(c.InputPath, &see.AfterInputPath)
		c.Parameters = note(c.Parameters, &see.AfterParameters)
		c.ResultSelector = note(c.ResultSelector, &see.AfterResultSelector)
		c.OutputPath = before(c.OutputPath, &see.AfterResultPath)
		return &c
	case *asl.Choice:
		c := *st
		t.inputPath(&c.Base)
		return &c
	case *asl.Wait:
		c := *st
		t.inputPath(&c.Base)
		return &c
	case *asl.Succeed:
		c := *st
		t.inputPath(&c.Base)
		return &c
	case *asl.Fail:
		c := *st
		if c.Language != asl.JSONata {
			see.AfterInputPath = see.Input
		}
		return &c
	case *asl.Parallel:
		return t.parallel(st)
	case *asl.Map:
		return t.mapState(st)
	}
	return t.state
}

// inputPath watches the InputPath of a state with JSONPath.
func (t *Test) inputPath(b *asl.Base) {
	if b.Language != asl.JSONata {
		b.InputPath = note(b.InputPath, &t.seen.AfterInputPath)
	}
}

// parallel returns a Parallel state whose branches end at once with the elements
// of the mocked result, or with the mocked error.
//
// As recorded, the values before the branches are not told.
func (t *Test) parallel(st *asl.Parallel) asl.State {
	c := *st
	if e := t.r.Mock.Error; e != nil {
		fail := &asl.Fail{Base: asl.Base{Type: "Fail", Language: asl.JSONPath}}
		if e.Error != nil {
			fail.Error = constant{*e.Error}
		}
		if e.Cause != nil {
			fail.Cause = constant{*e.Cause}
		}
		c.Branches = []*asl.Block{{StartAt: tested, States: map[string]asl.State{tested: fail}}}
	} else {
		elements, _ := t.mock.Value().([]any)
		c.Branches = make([]*asl.Block, len(elements))
		for i, v := range elements {
			pass := &asl.Pass{Base: asl.Base{Type: "Pass", Language: asl.JSONPath, End: true}, Result: document.FromValue(v)}
			c.Branches[i] = &asl.Block{StartAt: tested, States: map[string]asl.State{tested: pass}}
		}
	}
	if c.Language != asl.JSONata {
		c.ResultSelector = note(c.ResultSelector, &t.seen.AfterResultSelector)
		c.OutputPath = before(c.OutputPath, &t.seen.AfterResultPath)
	}
	return &c
}

// noted is a field that notes its values.
type noted struct {
	field  asl.Field // nil: absent; the input itself
	input  []**document.Doc
	output []**document.Doc
}

// note watches what a field is evaluated to.
func note(field asl.Field, to ...**document.Doc) asl.Field { return &noted{field: field, output: to} }

// before watches what a field is evaluated on.
func before(field asl.Field, to ...**document.Doc) asl.Field { return &noted{field: field, input: to} }

// Eval computes the field and notes the value. The error is the field's.
func (n *noted) Eval(env *asl.Env) (*document.Doc, error) {
	for _, to := range n.input {
		*to = env.Input
	}
	d := env.Input
	if n.field != nil {
		var err error
		if d, err = n.field.Eval(env); err != nil {
			return nil, err
		}
	}
	for _, to := range n.output {
		*to = d
	}
	return d, nil
}

func (n *noted) Constant() (*document.Doc, bool) {
	if n.field == nil {
		return nil, false
	}
	return n.field.Constant()
}

func (n *noted) Source() string {
	if n.field == nil {
		return "$"
	}
	return n.field.Source()
}

// constant is a field with a fixed value.
type constant struct{ value any }

func (c constant) doc() *document.Doc                   { return document.FromValue(c.value) }
func (c constant) Eval(*asl.Env) (*document.Doc, error) { return c.doc(), nil }
func (c constant) Constant() (*document.Doc, bool)      { return c.doc(), true }
func (c constant) Source() string                       { return c.doc().String() }
