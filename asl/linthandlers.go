package asl

import (
	"slices"
	"strings"
)

// lintHandlers finds the names in Retry or Catch that an error can never reach:
// no error of the state is called so, or an entry before takes it, because the
// first entry that matches an error is the only one that counts.
func (c *compiler) lintHandlers(n *node, field string) {
	entries := n.get(field)
	if entries == nil || !entries.isArray() {
		return
	}
	seen := make(map[string]bool)
	for _, e := range entries.kids {
		interval, ok := integer(e.get("IntervalSeconds"))
		if most, both := integer(e.get("MaxDelaySeconds")); ok && both && most < interval {
			c.warn(e.get("MaxDelaySeconds"), nil, codeDelay, "MaxDelaySeconds is less than IntervalSeconds, which then means nothing")
		}
		names := e.get("ErrorEquals")
		if names == nil || !names.isArray() {
			continue
		}
		for _, k := range names.kids {
			name, ok := k.text()
			if !ok {
				continue
			}
			switch {
			case name == errRuntime:
				c.warn(k, nil, codeNeverMatch, "States.Runtime ends the execution, no "+field+" takes it")
			case seen[name]:
				c.warn(k, nil, codeNeverMatch, "The error '"+name+"' is named before, where it is taken")
			case seen["States.TaskFailed"] && name != "States.ALL" && name != "States.Timeout" && name != "States.HeartbeatTimeout":
				c.warn(k, nil, codeNeverMatch, "States.TaskFailed, which stands before, takes the error '"+name+"' too")
			default:
				if why := c.neverRaised(n, name); why != "" {
					c.warn(k, nil, codeNeverMatch, why)
				}
			}
			seen[name] = true
		}
	}
}

// stateErrors are the errors that the States Language names.
//
// Source: appendix A of its specification, and "Error names" of the AWS Step
// Functions developer guide.
var stateErrors = []string{
	"States.ALL", "States.BranchFailed", "States.DataLimitExceeded", "States.ExceedToleratedFailureThreshold", "States.HeartbeatTimeout",
	"States.Http.Socket", "States.IntrinsicFailure", "States.ItemReaderFailed", "States.NoChoiceMatched", "States.ParameterPathFailure",
	"States.Permissions", "States.QueryEvaluationError", "States.ResultPathMatchFailure", "States.ResultWriterFailed", "States.Runtime",
	"States.TaskFailed", "States.Timeout",
}

const httpStatusError = "States.Http.StatusCode."

// neverRaised says why no error of the state n, or of what runs inside it, is
// called name; "" if one may be.
func (c *compiler) neverRaised(n *node, name string) string {
	inside := func(may func(n *node) bool) bool { return mayRaise(n, may) }
	known := slices.Contains(stateErrors, name) || strings.HasPrefix(name, httpStatusError)
	switch {
	case strings.HasPrefix(name, "States.") && !known:
		if inside(func(k *node) bool { s, _ := k.get("Error").text(); return s == name }) {
			return ""
		}
		return "No error is called '" + name + "': names that begin with 'States.' are those of the language"
	case name == "States.HeartbeatTimeout":
		if !inside(func(k *node) bool { return k.get("HeartbeatSeconds") != nil || k.get("HeartbeatSecondsPath") != nil }) {
			return "Without HeartbeatSeconds there is no States.HeartbeatTimeout"
		}
	case name == "States.NoChoiceMatched":
		if !inside(func(k *node) bool { return typeOf(k) == "Choice" }) {
			return "Only a Choice state raises States.NoChoiceMatched, and there is none in this state"
		}
	case name == "States.BranchFailed":
		if !inside(func(k *node) bool { return typeOf(k) == "Parallel" }) {
			return "Only a Parallel state raises States.BranchFailed"
		}
	case name == "States.ExceedToleratedFailureThreshold" || name == "States.ItemReaderFailed" || name == "States.ResultWriterFailed":
		if !inside(isDistributedMap) {
			return "Only a distributed Map state raises " + name
		}
	case name == "States.Http.Socket" || strings.HasPrefix(name, httpStatusError):
		if !inside(func(k *node) bool { s, _ := k.get("Resource").text(); return strings.HasSuffix(s, ":http:invoke") }) {
			return "Only a Task of the resource arn:aws:states:::http:invoke raises " + name
		}
	case name == errQuery:
		if !inside(func(k *node) bool { return languageOf(k, c.m.QueryLanguage) == JSONata }) {
			return "Only a state of JSONata raises States.QueryEvaluationError"
		}
	case name == errIntrinsic || name == "States.ParameterPathFailure" || name == errResultPath:
		if !inside(func(k *node) bool { return languageOf(k, c.m.QueryLanguage) == JSONPath }) {
			return "Only a state of JSONPath raises " + name
		}
	case isDistributedMap(n) && !known:
		return "A distributed Map does not end with the errors of its children, but with States.ExceedToleratedFailureThreshold"
	case typeOf(n) == "Task" && strings.HasPrefix(name, "Lambda."):
		arn, _ := n.get("Resource").text()
		if p := strings.SplitN(arn, ":", 6); len(p) == 6 && p[0] == "arn" && p[2] == "states" && p[5] != "" &&
			!strings.HasPrefix(p[5], "lambda:") && !strings.HasPrefix(p[5], "aws-sdk:lambda:") && !isActivity(arn) && !strings.HasSuffix(arn, tokenPattern) {
			return "The service that this Task calls has no error '" + name + "'"
		}
	}
	return ""
}

// tokenPattern ends a resource whose task is answered by whoever has its token,
// with any error.
const tokenPattern = ".waitForTaskToken"

func typeOf(n *node) string {
	kind, _ := n.get("Type").text()
	return kind
}

func isDistributedMap(n *node) bool {
	return typeOf(n) == "Map" && slices.ContainsFunc(blocks(n), isDistributed)
}

// mayRaise reports whether may holds for a state, or for one whose errors become
// the state's own: those of branches and of an inline Map's iterations.
func mayRaise(n *node, may func(*node) bool) bool {
	if may(n) {
		return true
	}
	for _, b := range blocks(n) {
		if isDistributed(b) {
			continue
		}
		for _, k := range statesOf(b) {
			if mayRaise(k, may) {
				return true
			}
		}
	}
	return false
}
