package asl

import (
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

func isLetter(r rune) bool { return unicode.IsLetter(r) || unicode.Is(unicode.Nl, r) }

func isDigit(r rune) bool { return unicode.In(r, unicode.Nd, unicode.Mn, unicode.Mc) }

func (c *compiler) checkPass(n *node) {
	if r := n.get("Result"); r != nil && looksDynamic(r) {
		c.warn(r, nil, codeStaticValue, "Result is passed on as it is: paths inside it are not evaluated, use Parameters for that")
	}
}

// looksDynamic reports whether paths stand somewhere in a value.
func looksDynamic(n *node) bool {
	if s, ok := n.text(); ok && looksLikePath(s) {
		return true
	}
	for _, k := range n.kids {
		if looksDynamic(k) {
			return true
		}
	}
	return false
}

func (c *compiler) checkTask(n *node, lang QueryLanguage) {
	c.only(n, exclusive{fields: []string{"TimeoutSeconds", "TimeoutSecondsPath"}}, exclusive{fields: []string{"HeartbeatSeconds", "HeartbeatSecondsPath"}})
	c.number(n, lang, "Integer", "TimeoutSeconds", "HeartbeatSeconds")
	timeout, ok := integer(n.get("TimeoutSeconds"))
	heartbeat, both := integer(n.get("HeartbeatSeconds"))
	if ok && both && heartbeat >= timeout {
		c.fault(n.get("HeartbeatSeconds"), nil, codeSchema, "The field 'HeartbeatSeconds' must be smaller than the field 'TimeoutSeconds'")
	}
	r := n.get("Resource")
	arn, isText := r.text()
	if isText {
		c.checkResource(r, arn)
		c.checkHTTP(n, arn, lang)
	}
	k := n.get("Credentials")
	if k == nil {
		return
	}
	if isText && isActivity(arn) {
		c.fault(k, nil, codeSchema, "The field 'Credentials' is not supported for activities")
	}
	src, isString := k.text()
	switch {
	case isString && !(lang == JSONata && isExpression(src)):
		c.fault(k, nil, codeSchema, "Expected value of type [OBJECT]")
	case k.isObject() && k.get("RoleArn") == nil && (lang == JSONata || k.get("RoleArn.$") == nil):
		c.refuse(k, nil, codeSchema, "The field 'RoleArn' is required but was missing")
	}
	if r := k.get("RoleArn"); r != nil {
		if _, ok := r.text(); !ok {
			c.fault(r, nil, codeSchema, "Expected value of type [STRING]")
		}
	}
}

func (c *compiler) checkWait(n *node, lang QueryLanguage) {
	fields := []string{"SecondsPath", "Seconds", "TimestampPath", "Timestamp"}
	if lang == JSONata {
		fields = []string{"Seconds", "Timestamp"}
	}
	c.only(n, exclusive{fields: fields, required: true})
	c.number(n, lang, "Integer", "Seconds")
	t := n.get("Timestamp")
	src, ok := t.text()
	if ok && !(lang == JSONata && isExpression(src)) && !isRFC3339(src) {
		c.fault(t, nil, codeSchema, "String does not match RFC3339 timestamp")
	}
}

// isRFC3339 is stricter than [ParseTimestamp]: upper case, and with seconds.
func isRFC3339(s string) bool {
	if strings.ContainsAny(s, "tz,") {
		return false
	}
	_, ok := ParseTimestamp(s)
	_, err := time.Parse(time.RFC3339Nano, s)
	return ok && err == nil
}

// checkErrors holds the rules of Retry and Catch: States.ALL stands alone, in
// the last entry.
func (c *compiler) checkErrors(n *node) {
	for _, field := range []string{"Retry", "Catch"} {
		a := n.get(field)
		if a == nil || !a.isArray() || c.unsupported(a) {
			continue
		}
		for i, k := range a.kids {
			names := texts(k.get("ErrorEquals"))
			for _, name := range names {
				if name == "States.ALL" && (len(names) > 1 || i < len(a.kids)-1) {
					c.fault(k.get("ErrorEquals"), nil, codeSchema, "States.ALL must appear alone and at end of list")
				}
			}
			c.checkVariables(k.get("Assign"))
		}
	}
}

func (c *compiler) checkParallel(n *node, machine QueryLanguage, depth int) {
	branches := n.get("Branches")
	if branches == nil || !branches.isArray() {
		return
	}
	for _, k := range branches.kids {
		if k.isObject() && c.conform(k, "branch", 3) {
			c.checkStates(k, machine, depth+1)
		}
	}
}

func (c *compiler) checkMap(n *node, lang, machine QueryLanguage, depth int) {
	c.only(n,
		exclusive{fields: []string{"ItemProcessor", "Iterator"}, required: true},
		exclusive{fields: []string{"ItemSelector", "Parameters"}},
		exclusive{fields: []string{"Items", "ItemsPath"}},
		exclusive{fields: []string{"MaxConcurrency", "MaxConcurrencyPath"}},
		exclusive{fields: []string{"ToleratedFailurePercentage", "ToleratedFailurePercentagePath"}},
		exclusive{fields: []string{"ToleratedFailureCount", "ToleratedFailureCountPath"}})
	c.number(n, lang, "Integer", "MaxConcurrency", "ToleratedFailureCount")
	c.number(n, lang, "Float", "ToleratedFailurePercentage")
	if k := n.get("Items"); k != nil && lang == JSONata {
		if src, ok := k.text(); ok && !isExpression(src) {
			c.fault(k, nil, codeSchema, "Expected value of type [ARRAY, OBJECT]")
		}
	}
	if l, ok := n.get("Label").text(); ok {
		c.checkLabel(n.get("Label"), l)
	}
	c.checkReader(n.get("ItemReader"), lang)
	if b := n.get("ItemBatcher"); b != nil && b.isObject() {
		c.checkLanguage(b, lang)
		c.number(b, lang, "Integer", "MaxItemsPerBatch", "MaxInputBytesPerBatch")
		c.only(b, exclusive{fields: []string{"MaxItemsPerBatch", "MaxItemsPerBatchPath"}}, exclusive{fields: []string{"MaxInputBytesPerBatch", "MaxInputBytesPerBatchPath"}})
		if !slices.ContainsFunc(b.kids, func(k *node) bool { return strings.HasPrefix(k.key, "Max") }) {
			c.refuse(b, nil, codeSchema, "This object should have at least one of the following fields: [MaxItemsPerBatch, MaxItemsPerBatchPath, MaxInputBytesPerBatch, MaxInputBytesPerBatchPath]")
		}
	}
	if w := n.get("ResultWriter"); w != nil && w.isObject() {
		c.checkLanguage(w, lang)
		if r := w.get("Resource"); r != nil && !isIntegration(r, "s3:putObject") {
			c.fault(r, nil, codeSchema, "The field 'Resource' does not match any of the allowed values")
		}
	}
	for _, name := range []string{"ItemProcessor", "Iterator"} {
		p := n.get(name)
		if p == nil || !p.isObject() {
			continue
		}
		c.conform(p, "processor", 3)
		c.checkProcessorConfig(p.get("ProcessorConfig"))
		c.checkStates(p, machine, depth+1)
	}
}

func (c *compiler) checkProcessorConfig(n *node) {
	if n == nil || !n.isObject() {
		return
	}
	mode, _ := n.get("Mode").text()
	kind := n.get("ExecutionType")
	switch {
	case mode == "DISTRIBUTED" && kind == nil:
		c.fault(n, nil, codeSchema, "These fields are required: [ExecutionType]")
	case mode == "INLINE" && kind != nil:
		c.fault(kind, n, codeSchema, "Field 'ExecutionType' is not supported")
	}
	if mode == "DISTRIBUTED" && c.opt.Express {
		c.fault(n.get("Mode"), nil, codeSchema, "The field 'Mode' with value 'DISTRIBUTED' is not supported inside 'EXPRESS' state machines")
	}
}

func (c *compiler) checkReader(n *node, lang QueryLanguage) {
	if n == nil || !n.isObject() {
		return
	}
	c.checkLanguage(n, lang)
	if r := n.get("Resource"); r != nil && !isIntegration(r, "s3:getObject", "s3:listObjectsV2") {
		c.fault(r, nil, codeSchema, "The field 'Resource' does not match any of the allowed values")
	}
	config := n.get("ReaderConfig")
	if config == nil || !config.isObject() {
		return
	}
	c.checkLanguage(config, lang)
	c.number(config, lang, "Integer", "MaxItems")
	c.only(config, exclusive{fields: []string{"MaxItems", "MaxItemsPath"}})
	kind, _ := config.get("InputType").text()
	csv := kind == "CSV"
	if csv && config.get("CSVHeaderLocation") == nil {
		c.fault(config, nil, codeSchema, "The field 'CSVHeaderLocation' is required")
	}
	if l, _ := config.get("CSVHeaderLocation").text(); csv && l == "GIVEN" && config.get("CSVHeaders") == nil {
		c.fault(config, nil, codeSchema, "These fields are required: [CSVHeaders]")
	}
	if kind == "JSON" || kind == "JSONL" || kind == "PARQUET" {
		for _, f := range []string{"CSVHeaderLocation", "CSVHeaders", "CSVDelimiter"} {
			if k := config.get(f); k != nil {
				c.fault(k, config, codeSchema, "Field '"+f+"' is not supported")
			}
		}
	}
}

const maxLabel = 40 // characters

func (c *compiler) checkLabel(n *node, label string) {
	if utf8.RuneCountInString(label) > maxLabel {
		c.fault(n, nil, codeLabel, fmt.Sprintf("Label '%s' exceeds the %d-character limit allowed by the service", label, maxLabel))
	}
	if strings.ContainsAny(label, " \t\n?*<>{}[]:;,\\|^~$#%&`\"") || strings.ContainsFunc(label, unicode.IsControl) {
		c.fault(n, nil, codeLabel, "Label '"+label+"' contains characters that are not allowed")
	}
	if c.labels[label] {
		c.fault(n, nil, codeLabelTwice, "Duplicate Label name: "+label)
	}
	c.labels[label] = true
}

// selectors is what a choice rule is made of.
var selectors = []string{"And", "Or", "Not", "Variable", "Condition"}

func (c *compiler) checkChoice(n *node, lang QueryLanguage) {
	choices := n.get("Choices")
	if choices == nil || !choices.isArray() {
		return
	}
	for _, k := range choices.kids {
		if !k.isObject() || !c.conform(k, "rule", 2*maxNesting) {
			continue
		}
		c.checkLanguage(k, lang)
		c.checkRule(k, lang)
		c.checkVariables(k.get("Assign"))
		if cond := k.get("Condition"); cond != nil {
			if src, ok := cond.text(); ok && !isExpression(src) {
				c.fault(cond, nil, codeSchema, "Expected value of type [BOOLEAN]")
			}
		}
	}
}

// checkRule holds that a rule is one thing, and compares in one way.
func (c *compiler) checkRule(n *node, lang QueryLanguage) {
	found := 0
	for _, s := range selectors {
		if n.get(s) != nil {
			found++
		}
	}
	var ops []string
	for _, k := range n.kids {
		if _, ok := operators[k.key]; ok {
			ops = append(ops, k.key)
		}
	}
	switch {
	case found != 1:
		c.fault(n, nil, codeSchema, "The object must have only one of the following fields, "+list(selectors))
	case n.get("Variable") == nil && len(ops) > 0:
		c.fault(n, nil, codeSchema, "These fields are required: [Variable]")
	case n.get("Variable") != nil && len(ops) > 1:
		c.fault(n, nil, codeSchema, "There should only be one of the following fields: "+list(ops))
	case n.get("Variable") != nil && len(ops) == 0:
		c.fault(n, nil, codeSchema, "This object should have only one of the following fields: "+list(operatorNames()))
	}
	for _, name := range []string{"And", "Or"} {
		if a := n.get(name); a != nil && a.isArray() {
			for _, k := range a.kids {
				if k.isObject() {
					c.checkRule(k, lang)
				}
			}
		}
	}
	if k := n.get("Not"); k != nil && k.isObject() {
		c.checkRule(k, lang)
	}
}

func operatorNames() []string {
	names := make([]string, 0, len(operators))
	for n := range operators {
		names = append(names, n)
	}
	sort.Strings(names)
	return names
}
