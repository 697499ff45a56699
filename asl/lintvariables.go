package asl

import "strings"

// read is a place where a state reads a variable.
type read struct {
	n        *node // the string
	inside   int   // in bytes
	variable string
}

// variableSet is a set of variables, by number.
type variableSet []uint64

func (s variableSet) has(i int) bool { return s[i/64]&(1<<(i%64)) != 0 }

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

// variableLint follows the variables through a machine: which may have a value
// where a state begins, and which are never read.
type variableLint struct {
	c       *compiler
	numbers map[string]int
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
	l := &variableLint{c: c, numbers: make(map[string]int)}
	l.number(c.root)
	l.block(c.root, l.none())
	l.unused(c.root)
}

func (l *variableLint) none() variableSet { return make(variableSet, len(l.numbers)/64+1) }

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

// block finds reads that no assignment can come before. outer may have a value
// where the block begins.
func (l *variableLint) block(block *node, outer variableSet) {
	states := statesOf(block)
	byName := make(map[string]*node, len(states))
	for _, n := range states {
		byName[n.key] = n
	}
	start, _ := block.get("StartAt").text()
	if byName[start] == nil {
		return
	}
	before := map[string]variableSet{start: l.none()}
	before[start].add(outer)
	queue := []string{start}
	for len(queue) > 0 {
		name := queue[0]
		queue = queue[1:]
		for _, w := range ways(byName[name]) {
			if byName[w.target] == nil {
				continue
			}
			after := l.none()
			after.add(before[name])
			for _, a := range w.assigned {
				i := l.numbers[a.variable]
				after[i/64] |= 1 << (i % 64)
			}
			known, reached := before[w.target]
			if !reached {
				known = l.none()
				before[w.target] = known
			}
			if known.add(after) || !reached {
				queue = append(queue, w.target)
			}
		}
	}
	for _, n := range states {
		in, reached := before[n.key]
		if !reached {
			continue // which is told already
		}
		l.reads(n, in)
		for _, b := range blocks(n) {
			if isDistributed(b) {
				l.block(b, l.none()) // its children are executions of their own
				continue
			}
			l.block(b, in)
		}
	}
}

func (l *variableLint) reads(n *node, in variableSet) {
	for _, r := range l.c.reads[n] {
		if i, assigned := l.numbers[r.variable]; !assigned {
			l.c.warnIn(r.n, r.inside, codeUndefined, "The variable '$"+r.variable+"' has no value here: nothing assigns it")
		} else if !in.has(i) {
			l.c.warnIn(r.n, r.inside, codeUndefined, "The variable '$"+r.variable+"' has no value here: nothing that comes before this state assigns it, in this block or around it")
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
