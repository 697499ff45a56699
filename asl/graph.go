package asl

// rules finds the faults that no single state has: names given twice, targets
// that are missing, states that are never reached, no end.
func (c *compiler) rules() {
	if !c.root.isObject() {
		return
	}
	c.unique(c.root, make(map[string]bool))
	c.graph(c.root, true)
}

// unique holds that a state's name is its alone in the whole machine.
func (c *compiler) unique(block *node, names map[string]bool) {
	states := block.get("States")
	if states == nil || !states.isObject() {
		return
	}
	for _, k := range states.kids {
		if names[k.key] {
			c.fault(k, nil, codeDuplicate, "Duplicate State name: "+k.key)
		}
		names[k.key] = true
		for _, b := range blocks(k) {
			c.unique(b, names)
		}
	}
}

// blocks returns the sets of states inside a state.
func blocks(state *node) []*node {
	var list []*node
	switch t, _ := state.get("Type").text(); t {
	case "Parallel":
		if b := state.get("Branches"); b != nil && b.isArray() {
			list = append(list, b.kids...)
		}
	case "Map":
		for _, name := range []string{"ItemProcessor", "Iterator"} {
			if p := state.get(name); p != nil {
				list = append(list, p)
			}
		}
	}
	return list
}

// graph checks how the states of a block lead to one another.
func (c *compiler) graph(block *node, top bool) {
	states := block.get("States")
	if states == nil || len(states.kids) == 0 || !states.isObject() {
		return
	}
	start := block.get("StartAt")
	whole := start != nil // the walk is meaningful: every state's ways out are known
	terminal := false
	reached := make(map[string]bool)
	var queue []string
	edges := make(map[string][]*node, len(states.kids))
	index := make(map[string]bool, len(states.kids))
	visit := func(target *node) {
		name, ok := target.text()
		if !ok {
			return
		}
		if !index[name] {
			c.faultAt(orderTargets, target, nil, codeTarget, "Missing 'Next' target: "+name)
			return
		}
		if !reached[name] {
			reached[name] = true
			queue = append(queue, name)
		}
	}
	for _, k := range states.kids {
		index[k.key] = true
		ways, ends, known := exits(k)
		edges[k.key] = ways
		terminal = terminal || ends
		whole = whole && known
	}
	if start != nil {
		visit(start)
	}
	for len(queue) > 0 {
		name := queue[0]
		queue = queue[1:]
		for _, t := range edges[name] {
			visit(t)
		}
	}
	// Every target is looked at, also those of states that are not reached.
	for _, k := range states.kids {
		for _, t := range edges[k.key] {
			if name, ok := t.text(); ok && !index[name] {
				c.faultAt(orderTargets, t, nil, codeTarget, "Missing 'Next' target: "+name)
			}
		}
	}
	lost := top && !terminal && whole
	if !top && !terminal && whole && c.opt.Lint {
		c.warn(block.get("States"), nil, codeEnd, "No state ends this block: once inside, only an error leads out")
	}
	if whole && !lost {
		for _, k := range states.kids {
			if !reached[k.key] {
				c.faultAt(orderReach, k, nil, codeTarget, "State \""+k.key+"\" is not reachable.")
			}
		}
	}
	for _, k := range states.kids {
		for _, b := range blocks(k) {
			c.graph(b, false)
		}
	}
	if lost {
		c.nowhere(block, codeEnd, "Workflow has no terminal state")
	}
}

// exits returns the nodes that name where a state may go, whether it can end the
// block, and whether that is all that is to know.
func exits(n *node) (targets []*node, ends, known bool) {
	kind, _ := n.get("Type").text()
	add := func(t *node) {
		if t != nil {
			targets = append(targets, t)
		}
	}
	catches := func() {
		if a := n.get("Catch"); a != nil && a.isArray() {
			for _, k := range a.kids {
				add(k.get("Next"))
			}
		}
	}
	switch kind {
	case "Succeed", "Fail":
		return nil, true, true
	case "Choice":
		if a := n.get("Choices"); a != nil && a.isArray() {
			for _, k := range a.kids {
				add(k.get("Next"))
			}
		}
		add(n.get("Default"))
		return targets, false, true
	case "Task", "Parallel", "Map":
		catches()
	case "Pass", "Wait":
	default:
		return nil, false, false
	}
	add(n.get("Next"))
	end := n.get("End")
	ends = end != nil && end.value == true
	return targets, ends, ends || n.get("Next") != nil
}
