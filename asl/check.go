package asl

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"millrace/asl/intrinsic"
)

// stateTypes is the values of Type, in AWS's order.
var stateTypes = []string{"Task", "Wait", "Pass", "Succeed", "Fail", "Choice", "Parallel", "Map"}

// jsonPathOnly and jsonataOnly say which fields belong to one query language.
var (
	jsonPathOnly = fieldSet("InputPath OutputPath ResultPath Parameters ResultSelector Result ItemsPath " +
		"TimeoutSecondsPath HeartbeatSecondsPath SecondsPath TimestampPath MaxConcurrencyPath " +
		"ToleratedFailurePercentagePath ToleratedFailureCountPath ErrorPath CausePath " +
		"MaxItemsPath MaxItemsPerBatchPath MaxInputBytesPerBatchPath Variable And Or Not")
	jsonataOnly = fieldSet("Arguments Output Items Condition")
)

func fieldSet(names string) map[string]bool {
	m := make(map[string]bool)
	for _, n := range strings.Fields(names) {
		m[n] = true
	}
	return m
}

// exclusive is a set of fields of which an object has at most one, or exactly one.
type exclusive struct {
	fields   []string
	required bool
}

// check finds the faults of structure: fields, types, ranges.
func (c *compiler) check() {
	if !c.conform(c.root, "machine", 3) {
		return
	}
	c.checkStates(c.root, c.machineLanguage(), 0)
}

// machineLanguage is the query language of states that name none. Any value but
// "JSONPath" means JSONata, as it does to AWS.
func (c *compiler) machineLanguage() QueryLanguage {
	return languageOf(c.root, JSONPath)
}

func languageOf(n *node, inherited QueryLanguage) QueryLanguage {
	l := n.get("QueryLanguage")
	if l == nil {
		return inherited
	}
	if l.value == string(JSONPath) {
		return JSONPath
	}
	return JSONata
}

// maxNesting is how deeply Parallel and Map states may nest.
const maxNesting = 100

func (c *compiler) checkStates(block *node, machine QueryLanguage, depth int) {
	states := block.get("States")
	if states == nil || !states.isObject() {
		return
	}
	if depth > maxNesting {
		c.fault(states, nil, codeDepth, fmt.Sprintf("States are nested more than %d levels deep", maxNesting))
		return
	}
	for _, k := range states.kids {
		c.checkState(k, machine, depth)
	}
}

func (c *compiler) checkState(n *node, machine QueryLanguage, depth int) {
	if utf8.RuneCountInString(n.key) > MaxStateName {
		c.fault(n, nil, codeName, fmt.Sprintf("State name '%s' exceeds the %d-character limit allowed by the service", n.key, MaxStateName))
	}
	if n.key == "" {
		c.fault(n, nil, codeName, "State name cannot be empty")
	}
	if len(n.repeats) > 0 {
		c.fault(n, nil, codeDuplicate, "Duplicate State name: "+n.key)
	}
	if !n.isObject() {
		c.fault(n, nil, codeSchema, "Expected value of type [OBJECT]")
		return
	}
	t := n.get("Type")
	if t == nil {
		c.fault(n, nil, codeSchema, "These fields are required: [Type]")
		return
	}
	kind, _ := t.text()
	known := false
	for _, s := range stateTypes {
		known = known || s == kind
	}
	if !known {
		c.fault(t, nil, codeSchema, "The field 'Type' should have one of these values: "+list(stateTypes))
		return
	}
	c.conform(n, strings.ToLower(kind), 5)
	lang := languageOf(n, machine)
	if lang == JSONPath && machine == JSONata {
		c.refuse(n, nil, codeSchema, "'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine")
	} else {
		c.checkLanguage(n, lang)
	}
	switch kind {
	case "Choice":
		c.checkChoice(n, lang)
	case "Fail":
		c.only(n, exclusive{fields: []string{"Error", "ErrorPath"}}, exclusive{fields: []string{"Cause", "CausePath"}})
	case "Succeed":
	default:
		c.checkEnd(n)
	}
	switch kind {
	case "Task":
		c.checkTask(n, lang)
	case "Wait":
		c.checkWait(n, lang)
	case "Pass":
		c.checkPass(n)
	case "Map":
		c.checkMap(n, lang, machine, depth)
	case "Parallel":
		c.checkParallel(n, machine, depth)
	}
	if lang == JSONPath {
		c.checkForgotten(n)
	}
	c.checkErrors(n)
	c.checkVariables(n.get("Assign"))
	for _, k := range n.kids {
		c.repeated(k)
	}
}

// checkForgotten warns of values that look like paths where none is evaluated.
func (c *compiler) checkForgotten(n *node) {
	for _, k := range n.kids {
		switch k.key {
		case "Parameters", "ResultSelector", "ItemSelector", "Assign", "Credentials":
			c.forgotten(k)
		case "Error", "Cause", "Timestamp":
			if s, ok := k.text(); ok && looksEvaluated(s) {
				c.warn(k, nil, codeNoPath, "'"+s+"' looks like a path, but only the field '"+k.key+"Path' takes one")
			}
		}
	}
}

func (c *compiler) forgotten(n *node) {
	if s, ok := n.text(); ok && n.parent.isObject() && !strings.HasSuffix(n.key, ".$") && looksEvaluated(s) {
		c.warn(n, nil, codeNoDollar, "'"+s+"' is passed on as text: for its value, name the field '"+n.key+".$'")
	}
	for _, k := range n.kids {
		c.forgotten(k)
	}
}

// looksEvaluated reports whether a text looks like a path or a call of an
// intrinsic function; the names of errors begin like one.
func looksEvaluated(s string) bool {
	return looksLikePath(s) || intrinsic.IsCall(s) && strings.Contains(s, "(")
}

func looksLikePath(s string) bool {
	return s == "$" || strings.HasPrefix(s, "$.") || strings.HasPrefix(s, "$$.") || strings.HasPrefix(s, "$[")
}

// repeated warns of members given twice, of which only the last counts.
func (c *compiler) repeated(n *node) {
	for _, r := range n.repeats {
		c.warn(r, nil, codeRepeated, "The field '"+r.key+"' is given again below, which counts")
	}
}

// checkLanguage finds the fields of n that belong to the other query language.
func (c *compiler) checkLanguage(n *node, lang QueryLanguage) {
	foreign, other := jsonataOnly, JSONata
	if lang == JSONata {
		foreign, other = jsonPathOnly, JSONPath
	}
	for _, k := range n.kids {
		if foreign[k.key] && !c.unsupported(k) {
			c.fault(k, n, codeSchema, fmt.Sprintf("The QueryLanguage is set to '%s', but field '%s' is only supported for the '%s' QueryLanguage", lang, k.key, other))
		}
	}
}

// unsupported reports whether k has been found to be a field that its object
// does not have in any language.
func (c *compiler) unsupported(k *node) bool {
	return c.seen[k.pointer()+"\x00"+"Field '"+k.key+"' is not supported"]
}

// checkEnd holds that a state goes on or ends.
func (c *compiler) checkEnd(n *node) {
	next, end := n.get("Next"), n.get("End")
	switch {
	case next != nil && end != nil && end.value == true:
		c.fault(n, nil, codeSchema, "There should only be one of the following fields: [Next, End]")
	case next == nil && (end == nil || end.value == false):
		c.fault(n, nil, codeSchema, "This object should have only one of the following fields: [Next, End]")
	}
}

// only holds that n has not two of fields that exclude one another.
func (c *compiler) only(n *node, sets ...exclusive) {
	for _, s := range sets {
		found := 0
		for _, f := range s.fields {
			if n.get(f) != nil {
				found++
			}
		}
		switch {
		case found > 1:
			c.fault(n, nil, codeSchema, "There should only be one of the following fields: "+list(s.fields))
		case found == 0 && s.required:
			c.fault(n, nil, codeSchema, "This object should have only one of the following fields: "+list(s.fields))
		}
	}
}

// number holds that the fields of n that take a number, or an expression for
// one, are not other strings.
func (c *compiler) number(n *node, lang QueryLanguage, kind string, fields ...string) {
	for _, f := range fields {
		k := n.get(f)
		src, ok := k.text()
		if !ok || lang == JSONata && isExpression(src) {
			continue
		}
		c.fault(k, nil, codeSchema, "Expected value of type "+kind)
	}
}

// isExpression reports whether a string of a JSONata state is an expression.
func isExpression(s string) bool {
	return len(s) >= 4 && strings.HasPrefix(s, "{%") && strings.HasSuffix(s, "%}")
}

// checkVariables holds that the names of an Assign field can be variables.
func (c *compiler) checkVariables(assign *node) {
	if assign == nil || !assign.isObject() {
		return
	}
	for _, k := range assign.kids {
		name := strings.TrimSuffix(k.key, ".$")
		switch {
		case name == "states":
			c.fault(k, assign, codeReserved, "Cannot assign to reserved variable '$states'.")
		case utf8.RuneCountInString(name) > maxVariableName:
			c.fault(k, assign, codeVariable, fmt.Sprintf("Invalid variable name '%s': the variable name exceeds the %d-character limit.", name, maxVariableName))
		case !isVariableName(name):
			c.fault(k, assign, codeVariable, "Invalid variable name '"+name+"': the variable name contains invalid characters.")
		}
	}
}

// maxVariableName is in characters.
const maxVariableName = 80

// isVariableName reports whether a variable can be called s: a letter or '_',
// then letters, digits and '_', of any script.
func isVariableName(s string) bool {
	for i, r := range s {
		if r != '_' && !isLetter(r) && (i == 0 || !isDigit(r)) {
			return false
		}
	}
	return s != ""
}
