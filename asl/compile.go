package asl

import (
	"errors"
	"fmt"
	"sort"
	"strings"

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
	c.check()
	m := c.machine()
	c.rules()
	if opt.Lint {
		c.lint()
	}
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
	c.stored = true
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

// ParseState reads the definition of a single state, as TestState takes it, and
// returns a machine that consists of it under the given name. Where the state
// leads to is not checked. Lines and columns are those of definition, pointers
// and locations those of the machine: /States/name/...
func ParseState(name string, definition []byte, opt Options) (*Machine, []Diagnostic) {
	c := newCompiler(definition, opt)
	if !c.read() {
		return nil, c.diagnostics
	}
	state := c.root
	whole := &document.Object{}
	states := &document.Object{}
	states.Set(name, state.value)
	whole.Set("StartAt", name)
	whole.Set("States", states)
	c.root = &node{value: whole}
	start := &node{parent: c.root, key: "StartAt", value: name}
	block := &node{parent: c.root, key: "States", value: states, kids: []*node{state}}
	c.root.kids = []*node{start, block}
	state.parent, state.key = block, name
	c.check()
	m := c.machine()
	for _, d := range c.finish() {
		if d.Severity == SeverityError {
			return nil, c.diagnostics
		}
	}
	return m, c.diagnostics
}

// compiler turns one definition into a machine and collects what is wrong.
type compiler struct {
	text        []byte
	opt         Options
	stored      bool // the definition has been validated before
	root        *node
	lines       *lines
	m           *Machine
	diagnostics []Diagnostic
	seen        map[string]bool  // faults reported, by pointer and message
	labels      map[string]bool  // of Map states
	reads       map[*node][]read // of variables, by state
}

func newCompiler(text []byte, opt Options) *compiler {
	return &compiler{text: text, opt: opt, m: &Machine{QueryLanguage: JSONPath, byPointer: make(map[string]State)}, seen: make(map[string]bool), labels: make(map[string]bool), reads: make(map[*node][]read)}
}

// read parses the text and reports whether it is JSON.
func (c *compiler) read() bool {
	if len(c.text) > MaxDefinition {
		c.diagnostics = append(c.diagnostics, Diagnostic{Severity: SeverityError, Code: codeSchema,
			Message: fmt.Sprintf("The definition has %d bytes, but %d is the most allowed", len(c.text), MaxDefinition), place: noPlace})
		return false
	}
	n, err := readNodes(c.text)
	var f *jsonFault
	if errors.As(err, &f) {
		d := Diagnostic{Severity: SeverityError, Code: codeSyntax, place: place(c.text, f.off)}
		d.Message = f.message + "\n at " + d.place
		if f.empty {
			d = Diagnostic{Severity: SeverityError, Code: codeEmpty, Message: "The definition is empty", place: noPlace}
		}
		d.Line, d.Column = newLines(c.text).at(min(f.off, len(c.text)))
		c.diagnostics = append(c.diagnostics, d)
		return false
	}
	c.root = n
	return true
}

// The orders of faults: those of single values come in the order of the text,
// then those of the graph, then what is only worth a remark.
const (
	orderText = 1 + iota
	orderTargets
	orderReach
	orderEnd
	orderWarnings
)

// fault reports an error about n. Its location in AWS's sense is at, or n itself
// when at is nil.
func (c *compiler) fault(n, at *node, code, message string) {
	c.faultAt(orderText, n, at, code, message)
}

func (c *compiler) faultAt(order int, n, at *node, code, message string) {
	c.faultFrom(order, n, at, n.off, code, message)
}

// faultIn reports an error that stands so many bytes into the string n.
func (c *compiler) faultIn(n, at *node, inside int, code, message string) {
	c.faultFrom(orderText, n, at, n.inside(c.text, inside), code, message)
}

func (c *compiler) faultFrom(order int, n, at *node, off int, code, message string) {
	if at == nil {
		at = n
	}
	d := Diagnostic{Severity: SeverityError, Code: code, Message: message, place: at.location(), order: order, offset: at.off}
	if s, ok := n.text(); ok && c.opt.Strictness == Lenient && hasPlaceholder(s) {
		d.Severity, d.order = SeverityWarning, orderWarnings
	}
	c.report(d, n, off)
}

// refuse reports what AWS refuses but other engines take: an error when strict,
// else a remark.
func (c *compiler) refuse(n, at *node, code, message string) {
	if c.opt.Strictness == Lenient {
		c.warn(n, at, code, message)
		return
	}
	c.fault(n, at, code, message)
}

// warn reports a remark about n.
func (c *compiler) warn(n, at *node, code, message string) {
	if at == nil {
		at = n
	}
	c.report(Diagnostic{Severity: SeverityWarning, Code: code, Message: message, place: at.location(), order: orderWarnings, offset: at.off}, n, n.off)
}

// warnIn reports a remark on what stands so many bytes into the string n.
func (c *compiler) warnIn(n *node, inside int, code, message string) {
	c.report(Diagnostic{Severity: SeverityWarning, Code: code, Message: message, place: n.location(), order: orderWarnings, offset: n.off}, n, n.inside(c.text, inside))
}

// nowhere reports an error for which AWS names no place.
func (c *compiler) nowhere(n *node, code, message string) {
	c.report(Diagnostic{Severity: SeverityError, Code: code, Message: message, place: noPlace, order: orderEnd}, n, n.off)
}

// report adds a diagnostic about n, found at a place in the text.
func (c *compiler) report(d Diagnostic, n *node, off int) {
	d.Pointer = n.pointer()
	if d.place == "" {
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
	d.Line, d.Column = c.lines.at(off)
	c.diagnostics = append(c.diagnostics, d)
}

// hasPlaceholder reports whether a text has a part such as ${Name}, or is a name
// in capitals such as TABLE_NAME: something to be filled in before the definition
// is deployed.
func hasPlaceholder(s string) bool {
	if _, rest, ok := strings.Cut(s, "${"); ok && strings.Contains(rest, "}") {
		return true
	}
	if !strings.Contains(s, "_") {
		return false
	}
	for _, r := range s {
		if r != '_' && (r < 'A' || r > 'Z') && (r < '0' || r > '9') {
			return false
		}
	}
	return true
}

// finish puts the diagnostics in order and returns them.
func (c *compiler) finish() []Diagnostic {
	sort.SliceStable(c.diagnostics, func(i, j int) bool {
		a, b := &c.diagnostics[i], &c.diagnostics[j]
		if a.order != b.order {
			return a.order < b.order
		}
		return a.offset < b.offset
	})
	return c.diagnostics
}

// machine compiles the whole definition.
func (c *compiler) machine() *Machine {
	m := c.m
	m.QueryLanguage = c.machineLanguage()
	if n, ok := integer(c.root.get("TimeoutSeconds")); ok {
		m.TimeoutSeconds = n
	}
	m.references = make(map[string]map[string]bool)
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

	catching bool // a catcher is being compiled: there is $states.errorOutput
}

// state compiles one state, or returns nil when it is none.
func (c *compiler) state(n *node) State {
	if !n.isObject() {
		return nil
	}
	s := &scope{c: c, n: n, lang: languageOf(n, c.m.QueryLanguage)}
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
