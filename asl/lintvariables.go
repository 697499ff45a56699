package asl

import (
	"regexp"
	"strings"
)

// read is a place where a state reads a variable.
type read struct {
	n        *node // the string
	inside   int   // in bytes
	variable string
}

// asks reports whether the read is a question whether the variable has a value.
func (r read) asks() bool {
	if r.n.key == "Variable" && r.n.parent.get("IsPresent") != nil {
		return true
	}
	s, _ := r.n.text()
	for _, m := range existsCall.FindAllStringSubmatch(s, -1) {
		if m[1] == r.variable {
			return true
		}
	}
	return false
}

// existsCall is JSONata's way to ask whether a variable has a value.
var existsCall = regexp.MustCompile(`\$exists\s*\(\s*\$([\pL\p{Nl}_][\pL\p{Nl}\p{Nd}_]*)`)

// variableSet is a set of variables, by number.
type variableSet []uint64

func (s variableSet) has(i int) bool { return s[i/64]&(1<<(i%64)) != 0 }

// put adds one variable.
func (s variableSet) put(i int) { s[i/64] |= 1 << (i % 64) }

// add adds what is in t and reports whether any of it is new.
func (s variableSet) add(t variableSet) bool {
	grown := false
	for i := range s {
		if t[i]&^s[i] != 0 {
			s[i] |= t[i]
			grown = true
		}
	}
	return grown
}

// keep takes away what is not in t and reports whether there was any.
func (s variableSet) keep(t variableSet) bool {
	shrunk := false
	for i := range s {
		if s[i]&^t[i] != 0 {
			s[i] &= t[i]
			shrunk = true
		}
	}
	return shrunk
}

// known is what is known of the variables where a state begins: those that some
// way to it assigns, and those that every way does.
type known struct{ some, every variableSet }

// variableLint follows the variables through a machine: which may have a value
// where a state begins, and which are never read.
type variableLint struct {
	c       *compiler
	numbers map[string]int
	asked   map[string]bool // of which something asks whether they have a value
}

// assigned is a variable that an Assign field names.
type assigned struct {
	n        *node // the value
	variable string
}

// assignments lists the variables of the Assign field of n: a state, a choice
// rule or a catcher.
func assignments(n *node) []assigned {
	a := n.get("Assign")
	if a == nil || !a.isObject() {
		return nil
	}
	var list []assigned
	for _, k := range a.kids {
		list = append(list, assigned{k, strings.TrimSuffix(k.key, ".$")})
	}
	return list
}

// way is one way out of a state, with what is assigned on it.
type way struct {
	target   string
	assigned []assigned
}

// ways lists the ways out of a state. That of an end has the target "".
func ways(n *node) []way {
	var list []way
	next := func(k *node, field string) {
		target, _ := k.get(field).text()
		list = append(list, way{target, assignments(k)})
	}
	for _, field := range []string{"Catch", "Choices"} {
		if a := n.get(field); a != nil && a.isArray() {
			for _, k := range a.kids {
				next(k, "Next")
			}
		}
	}
	if kind, _ := n.get("Type").text(); kind == "Choice" {
		next(n, "Default")
	} else {
		next(n, "Next")
	}
	return list
}

func (c *compiler) lintVariables() {
	l := &variableLint{c: c, numbers: make(map[string]int), asked: make(map[string]bool)}
	l.number(c.root)
	for _, reads := range c.reads {
		for _, r := range reads {
			if r.asks() {
				l.asked[r.variable] = true
			}
		}
	}
	l.block(c.root, known{l.none(), l.none()})
	l.unused(c.root)
}

func (l *variableLint) none() variableSet { return make(variableSet, len(l.numbers)/64+1) }

func (l *variableLint) copy(s variableSet) variableSet { return append(l.none()[:0], s...) }

// number gives each variable that is assigned anywhere a number.
func (l *variableLint) number(block *node) {
	for _, n := range statesOf(block) {
		for _, w := range ways(n) {
			for _, a := range w.assigned {
				if _, ok := l.numbers[a.variable]; !ok {
					l.numbers[a.variable] = len(l.numbers)
				}
			}
		}
		for _, b := range blocks(n) {
			l.number(b)
		}
	}
}

// statesOf lists the states of a block that are objects.
func statesOf(block *node) []*node {
	states := block.get("States")
	if states == nil || !states.isObject() {
		return nil
	}
	var list []*node
	for _, k := range states.kids {
		if k.isObject() {
			list = append(list, k)
		}
	}
	return list
}

// block finds reads that no assignment, or not always one, can come before, and
// assignments that hide a variable of a block around. outer is what is known where
// the block begins.
func (l *variableLint) block(block *node, outer known) {
	states := statesOf(block)
	byName := make(map[string]*node, len(states))
	for _, n := range states {
		byName[n.key] = n
	}
	start, _ := block.get("StartAt").text()
	if byName[start] == nil {
		return
	}
	before := l.follow(start, byName, outer)
	for _, n := range states {
		in, reached := before[n.key]
		if !reached {
			continue // which is told already
		}
		l.reads(n, in)
		l.hides(n, outer)
		for _, b := range blocks(n) {
			if isDistributed(b) {
				l.block(b, known{l.none(), l.none()}) // its children are executions of their own
				continue
			}
			l.block(b, in)
		}
	}
}

// follow goes all ways from the first state of a block, and tells what is known
// where each state begins that it comes to.
func (l *variableLint) follow(start string, states map[string]*node, outer known) map[string]known {
	before := map[string]known{start: {l.copy(outer.some), l.copy(outer.every)}}
	queue := []string{start}
	for len(queue) > 0 {
		name := queue[0]
		queue = queue[1:]
		for _, w := range ways(states[name]) {
			if states[w.target] == nil {
				continue
			}
			after := known{l.copy(before[name].some), l.copy(before[name].every)}
			for _, a := range w.assigned {
				after.some.put(l.numbers[a.variable])
				after.every.put(l.numbers[a.variable])
			}
			there, reached := before[w.target]
			if !reached {
				before[w.target] = after
				queue = append(queue, w.target)
				continue
			}
			grown := there.some.add(after.some)
			if there.every.keep(after.every) || grown {
				queue = append(queue, w.target)
			}
		}
	}
	return before
}

func (l *variableLint) reads(n *node, in known) {
	for _, r := range l.c.reads[n] {
		i, assigned := l.numbers[r.variable]
		switch {
		case !assigned:
			l.c.warnIn(r.n, r.inside, codeUndefined, "The variable '$"+r.variable+"' has no value here: nothing assigns it")
		case !in.some.has(i):
			l.c.warnIn(r.n, r.inside, codeUndefined, "The variable '$"+r.variable+"' has no value here: nothing that comes before this state assigns it, in this block or around it")
		case !in.every.has(i) && !l.asked[r.variable]:
			l.c.warnIn(r.n, r.inside, codeMaybeUndefined, "The variable '$"+r.variable+"' may have no value here: not every way to this state assigns it")
		}
	}
}

// hides finds assignments to a name that a variable of a block around has: that
// one keeps its value.
func (l *variableLint) hides(n *node, outer known) {
	for _, w := range ways(n) {
		for _, a := range w.assigned {
			if outer.some.has(l.numbers[a.variable]) {
				l.c.warn(a.n, nil, codeShadowed, "The variable '$"+a.variable+"' belongs to a block around this one, from where it can be read but not assigned: give this one another name")
			}
		}
	}
}

// unused finds the variables that a block assigns and nothing in it reads, and
// returns what is read in the block.
func (l *variableLint) unused(block *node) map[string]bool {
	read := make(map[string]bool)
	for _, n := range statesOf(block) {
		for _, r := range l.c.reads[n] {
			read[r.variable] = true
		}
		for _, b := range blocks(n) {
			inner := l.unused(b)
			if isDistributed(b) {
				continue
			}
			for v := range inner {
				read[v] = true
			}
		}
	}
	for _, n := range statesOf(block) {
		for _, w := range ways(n) {
			for _, a := range w.assigned {
				if !read[a.variable] {
					l.c.warn(a.n, nil, codeUnused, "The variable '$"+a.variable+"' is never read")
				}
			}
		}
	}
	return read
}
