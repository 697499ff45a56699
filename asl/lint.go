package asl

import (
	"fmt"
	"strings"

	"millrace/asl/intrinsic"
)

// lint looks for what is accepted and still cannot work.
func (c *compiler) lint() {
	if !c.root.isObject() {
		return
	}
	if n := c.root.get("TimeoutSeconds"); c.opt.Express {
		c.lintExpressTime(n, "this timeout")
	}
	c.lintStates(c.root, c.opt.Express)
	c.lintVariables()
}

// lintStates looks at each state of a block by itself. express tells that the
// block runs in an Express execution: a machine's, or a distributed Map's child's.
func (c *compiler) lintStates(block *node, express bool) {
	states := block.get("States")
	if states == nil || !states.isObject() {
		return
	}
	for _, n := range states.kids {
		if !n.isObject() {
			continue
		}
		lang := languageOf(n, c.m.QueryLanguage)
		c.lintHandlers(n, "Retry")
		c.lintHandlers(n, "Catch")
		if lang == JSONata {
			c.lintJSONata(n)
		} else {
			c.lintJSONPath(n)
		}
		if express {
			c.lintExpress(n)
		}
		if typeOf(n) == "Map" && !isDistributedMap(n) {
			c.lintInline(n)
		}
		for _, b := range blocks(n) {
			inner := express
			if isDistributed(b) {
				kind, _ := b.get("ProcessorConfig").get("ExecutionType").text()
				inner = kind == "EXPRESS"
			}
			c.lintStates(b, inner)
		}
	}
}

// isDistributed reports whether a block is the item processor of a distributed Map.
func isDistributed(block *node) bool {
	mode, _ := block.get("ProcessorConfig").get("Mode").text()
	return mode == "DISTRIBUTED"
}

// lintInline finds the fields of an inline Map that only a distributed one uses.
func (c *compiler) lintInline(n *node) {
	for _, k := range n.kids {
		switch k.key {
		case "ItemReader", "ItemBatcher", "ResultWriter", "Label", "ToleratedFailureCount", "ToleratedFailureCountPath",
			"ToleratedFailurePercentage", "ToleratedFailurePercentagePath":
			c.warn(k, nil, codeInline, "Only a distributed Map uses "+k.key+": one whose ProcessorConfig has the Mode DISTRIBUTED")
		}
	}
}

// lintJSONata finds what looks as if it were evaluated in a JSONata state, and is not.
func (c *compiler) lintJSONata(n *node) {
	for _, k := range n.kids {
		switch k.key {
		case "Arguments", "Output", "Assign", "ItemSelector", "Items", "Credentials", "BatchInput":
			c.lintTemplate(k)
		case "ItemReader", "ItemBatcher", "ResultWriter":
			c.lintJSONata(k)
		case "Catch", "Choices":
			for _, e := range k.kids {
				c.lintJSONata(e)
			}
		}
	}
}

// lintTemplate looks at a value in which JSONata stands at any depth.
func (c *compiler) lintTemplate(n *node) {
	if s, ok := n.text(); ok && !strings.HasPrefix(s, "{%") {
		if _, rest, found := strings.Cut(s, "{%"); found && strings.Contains(rest, "%}") {
			c.warn(n, nil, codeNotEvaluated, "This is passed on as text: only a text that begins with {% and ends with %} is evaluated")
		}
	}
	if n.parent.isObject() && strings.HasSuffix(n.key, ".$") {
		c.warn(n, nil, codeNotEvaluated, "In JSONata the name '"+n.key+"' keeps its '.$': name it '"+strings.TrimSuffix(n.key, ".$")+"', with {% ... %} for its value")
	}
	for _, k := range n.kids {
		c.lintTemplate(k)
	}
}

// lintJSONPath finds what looks as if it were evaluated in a JSONPath state, and is not.
func (c *compiler) lintJSONPath(n *node) {
	for _, k := range n.kids {
		switch k.key {
		case "Parameters", "ResultSelector", "ItemSelector", "Assign", "Credentials", "Result", "BatchInput":
			c.lintPayload(k, k.key == "Result")
		case "ItemReader", "ItemBatcher", "ResultWriter":
			c.lintJSONPath(k)
		case "Catch", "Choices":
			for _, e := range k.kids {
				c.lintJSONPath(e)
			}
		case "Error", "Cause", "Timestamp":
			c.lintPayload(k, false)
		}
	}
}

// lintPayload looks at a payload template; static tells that it is none.
func (c *compiler) lintPayload(n *node, static bool) {
	s, ok := n.text()
	switch {
	case ok && isExpression(s):
		c.warn(n, nil, codeNotEvaluated, "This is passed on as text: for JSONata the state needs \"QueryLanguage\": \"JSONata\"")
	case ok && static && n.parent.isObject() && strings.HasSuffix(n.key, ".$") && intrinsic.IsCall(s):
		c.warn(n, nil, codeNotEvaluated, "Result is passed on as it is: '"+n.key+"' is not evaluated, use Parameters for that")
	case n.key == ".$" && n.parent.isObject():
		c.warn(n, nil, codeNotEvaluated, "The name '.$' makes a member without a name")
	}
	for _, k := range n.kids {
		c.lintPayload(k, static)
	}
}

// expressSeconds is how long an Express execution can run.
const expressSeconds = 300

func (c *compiler) lintExpress(n *node) {
	kind, _ := n.get("Type").text()
	switch kind {
	case "Wait":
		c.lintExpressTime(n.get("Seconds"), "this wait")
	case "Task":
		c.lintExpressTime(n.get("TimeoutSeconds"), "this timeout")
		c.lintExpressTime(n.get("HeartbeatSeconds"), "this heartbeat is missed")
		arn, _ := n.get("Resource").text()
		if !c.opt.Express && (isActivity(arn) || waits(arn)) {
			c.warn(n.get("Resource"), nil, codeExpress, "The Map's children are Express executions, which cannot wait for an activity, a job or a task token")
		}
	case "Map":
		for _, b := range blocks(n) {
			if isDistributed(b) && !c.opt.Express {
				c.warn(b.get("ProcessorConfig").get("Mode"), nil, codeExpress, "The Map around it has Express executions for children, which cannot start a distributed Map")
			}
		}
	}
}

// waits reports whether a resource is a service integration that waits.
func waits(arn string) bool {
	for _, pattern := range waitingPatterns {
		if strings.HasPrefix(arn, "arn:") && strings.HasSuffix(arn, pattern) {
			return true
		}
	}
	return false
}

func (c *compiler) lintExpressTime(n *node, what string) {
	if seconds, ok := integer(n); ok && seconds > expressSeconds {
		c.warn(n, nil, codeExpress, fmt.Sprintf("An Express execution ends after %d seconds, before %s", expressSeconds, what))
	}
}
