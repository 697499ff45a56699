package asl

import (
	"errors"
	"fmt"

	"millrace/asl/document"
)

// Parse reads a state machine definition, JSON text. It returns every fault it
// finds, in the order of AWS's checks and then of the text. The machine is nil
// when one of them is an ERROR. Faults never come as a Go error or a panic.
func Parse(definition []byte, opt Options) (*Machine, []Diagnostic) {
	c := newCompiler(definition, opt)
	if !c.read() {
		return nil, c.diagnostics
	}
	m := c.machine()
	for _, d := range c.finish() {
		if d.Severity == SeverityError {
			return nil, c.diagnostics
		}
	}
	return m, c.diagnostics
}

// Compile makes a Machine of a definition that [Parse] has accepted before. It
// does not validate again: the only errors are those that leave something
// without a meaning, such as a path that cannot be read.
func Compile(definition []byte) (*Machine, error) {
	c := newCompiler(definition, Options{Strictness: Lenient})
	if c.read() {
		m := c.machine()
		if len(c.diagnostics) == 0 {
			return m, nil
		}
	}
	for _, d := range c.finish() {
		if d.Severity == SeverityError {
			return nil, errors.New("compile definition: " + d.String())
		}
	}
	return c.m, nil
}

// The codes of AWS's diagnostics.
const (
	codeSyntax      = "INVALID_JSON_DESCRIPTION"
	codeEmpty       = "MISSING_DESCRIPTION"
	codeSchema      = "SCHEMA_VALIDATION_FAILED"
	codeTarget      = "MISSING_TRANSITION_TARGET"
	codeEnd         = "MISSING_END_STATE"
	codeDuplicate   = "DUPLICATE_STATE_NAME"
	codeName        = "INVALID_STATE_NAME"
	codeResource    = "INVALID_RESOURCE"
	codeLabel       = "INVALID_LABEL_NAME"
	codeLabelTwice  = "DUPLICATE_LABEL_NAME"
	codeDepth       = "TOO_DEEPLY_NESTED"
	codeNoDollar    = "NO_DOLLAR"
	codeNoPath      = "NO_PATH"
	codeStaticValue = "PASS_RESULT_IS_STATIC"
)

// compiler turns one definition into a machine and collects what is wrong.
type compiler struct {
	text        []byte
	opt         Options
	root        *node
	lines       *lines
	m           *Machine
	diagnostics []Diagnostic
	seen        map[string]bool // faults reported, by pointer and message
}

func newCompiler(text []byte, opt Options) *compiler {
	return &compiler{text: text, opt: opt, m: &Machine{QueryLanguage: JSONPath, byPointer: make(map[string]State)}, seen: make(map[string]bool)}
}

// read parses the text and reports whether it is JSON.
func (c *compiler) read() bool {
	if len(c.text) > MaxDefinition {
		c.diagnostics = append(c.diagnostics, Diagnostic{Severity: SeverityError, Code: codeSchema,
			Message: fmt.Sprintf("The definition has %d bytes, but %d is the most allowed", len(c.text), MaxDefinition)})
		return false
	}
	n, err := readNodes(c.text)
	var f *jsonFault
	if errors.As(err, &f) {
		d := Diagnostic{Severity: SeverityError, Code: codeSyntax, place: place(c.text, f.off)}
		d.Message = f.message + "\n at " + d.place
		if f.empty {
			d = Diagnostic{Severity: SeverityError, Code: codeEmpty, Message: "The definition is empty"}
		}
		d.Line, d.Column = newLines(c.text).at(min(f.off, len(c.text)))
		c.diagnostics = append(c.diagnostics, d)
		return false
	}
	c.root = n
	return true
}

// fault reports an error about n. Its location in AWS's sense is at, or n itself
// when at is nil.
func (c *compiler) fault(n, at *node, code, message string) {
	c.report(SeverityError, n, at, code, message)
}

func (c *compiler) warn(n, at *node, code, message string) {
	c.report(SeverityWarning, n, at, code, message)
}

func (c *compiler) report(severity Severity, n, at *node, code, message string) {
	d := Diagnostic{Severity: severity, Code: code, Message: message, Pointer: n.pointer(), offset: n.off}
	if at == nil {
		at = n
	}
	if d.place = at.location(); d.place == "" {
		d.place = "/"
	}
	key := d.Pointer + "\x00" + d.Message
	if c.seen[key] {
		return
	}
	c.seen[key] = true
	if c.lines == nil {
		c.lines = newLines(c.text)
	}
	d.Line, d.Column = c.lines.at(n.off)
	c.diagnostics = append(c.diagnostics, d)
}

// finish returns the diagnostics in their order.
func (c *compiler) finish() []Diagnostic { return c.diagnostics }

// machine compiles the whole definition.
func (c *compiler) machine() *Machine {
	m := c.m
	if l, ok := c.root.get("QueryLanguage").text(); ok && l == string(JSONata) {
		m.QueryLanguage = JSONata
	}
	if n, ok := integer(c.root.get("TimeoutSeconds")); ok {
		m.TimeoutSeconds = n
	}
	m.Block = *c.block(c.root)
	return m
}

// block compiles a set of states.
func (c *compiler) block(n *node) *Block {
	b := &Block{States: make(map[string]State)}
	b.Comment, _ = n.get("Comment").text()
	b.StartAt, _ = n.get("StartAt").text()
	states := n.get("States")
	if states == nil || !states.isObject() {
		return b
	}
	for _, k := range states.kids {
		st := c.state(k)
		if st == nil {
			continue
		}
		b.States[k.key] = st
		b.Names = append(b.Names, k.key)
		c.m.byPointer[st.Common().Pointer] = st
	}
	return b
}

// scope is one state being compiled.
type scope struct {
	c    *compiler
	n    *node // the state
	lang QueryLanguage
}

// state compiles one state, or returns nil when it is none.
func (c *compiler) state(n *node) State {
	if !n.isObject() {
		return nil
	}
	s := &scope{c: c, n: n, lang: c.m.QueryLanguage}
	switch l, _ := n.get("QueryLanguage").text(); QueryLanguage(l) {
	case JSONPath, JSONata:
		s.lang = QueryLanguage(l)
	}
	kind, _ := n.get("Type").text()
	b := Base{Name: n.key, Type: kind, Pointer: n.pointer(), Language: s.lang}
	b.Comment, _ = n.get("Comment").text()
	b.Next, _ = n.get("Next").text()
	b.End = n.get("End") != nil && n.get("End").value == true
	if s.lang == JSONata {
		b.Output = s.value("Output")
	} else {
		b.InputPath = s.inOutPath("InputPath")
		b.OutputPath = s.inOutPath("OutputPath")
	}
	b.Assign = s.assign(n)
	switch kind {
	case "Pass":
		return s.pass(b)
	case "Task":
		return s.task(b)
	case "Choice":
		return s.choice(b)
	case "Wait":
		return s.wait(b)
	case "Succeed":
		return &Succeed{b}
	case "Fail":
		return s.fail(b)
	case "Parallel":
		return s.parallel(b)
	case "Map":
		return s.mapState(b)
	}
	return nil
}

// inOutPath compiles InputPath or OutputPath; null means an empty object.
func (s *scope) inOutPath(key string) Field {
	n := s.n.get(key)
	if n == nil {
		return nil
	}
	if n.value == nil {
		return &constant{doc: document.FromBytes([]byte("{}")), source: "null"}
	}
	src, ok := n.text()
	if !ok {
		return nil
	}
	p := s.path(n, src)
	if p == nil {
		return nil
	}
	return &pathField{path: p}
}

// assign compiles the Assign field of a state, a choice rule or a catcher.
func (s *scope) assign(n *node) []Assignment {
	a := n.get("Assign")
	if a == nil || !a.isObject() {
		return nil
	}
	var list []Assignment
	for _, k := range a.kids {
		list = append(list, s.assignment(k, a))
	}
	return list
}

// integer returns the node's number when it is a whole one.
func integer(n *node) (int64, bool) {
	if n == nil {
		return 0, false
	}
	v, ok := n.value.(document.Number)
	if !ok {
		return 0, false
	}
	if i, ok := v.Int64(); ok {
		return i, true
	}
	f := v.Float64()
	if i := int64(f); float64(i) == f && f > -1e15 && f < 1e15 {
		return i, true
	}
	return 0, false
}
