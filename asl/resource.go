package asl

import "strings"

// isActivity reports whether an ARN names an activity.
func isActivity(arn string) bool {
	p := strings.SplitN(arn, ":", 7)
	return len(p) == 7 && p[0] == "arn" && p[2] == "states" && p[5] == "activity"
}

// isIntegration reports whether n is the ARN of one of the given integrations,
// such as "s3:getObject", in any partition.
func isIntegration(n *node, names ...string) bool {
	arn, ok := n.text()
	if !ok {
		return true // a wrong type is reported as such
	}
	p := strings.SplitN(arn, ":", 6)
	if len(p) != 6 || p[0] != "arn" || p[2] != "states" || p[3] != "" || p[4] != "" {
		return false
	}
	for _, name := range names {
		if p[5] == name {
			return true
		}
	}
	return false
}

// waitingPatterns end the service integrations that wait for a job or a task token.
var waitingPatterns = []string{".sync", ".sync:2", ".waitForTaskToken"}

// checkResource holds that a Task's Resource is an ARN that can be called, and
// from this type of machine.
func (c *compiler) checkResource(n *node, arn string) {
	p := strings.SplitN(arn, ":", 6)
	if len(p) < 6 || p[0] != "arn" || p[1] == "" || p[2] == "" || p[5] == "" {
		if c.opt.Strictness == Lenient && arn != "" && !strings.ContainsAny(arn, " \t\r\n") && !strings.Contains(arn, "${") {
			c.warn(n, nil, codeResource, "The Resource '"+arn+"' is not an ARN: another engine or a template may know it, AWS does not")
			return
		}
		c.fault(n, nil, codeSchema, "Value is not a valid resource ARN")
		return
	}
	switch {
	case p[2] == "states" && p[3] == "" && p[4] == "", isActivity(arn):
	case p[2] == "lambda" && strings.HasPrefix(p[5], "function:"):
	default:
		if c.opt.Strictness == Lenient {
			c.warn(n, nil, codeResource, "The Resource '"+arn+"' is neither a service integration nor a function or activity")
			return
		}
		c.fault(n, nil, codeSchema, notRecognized(arn))
		return
	}
	if p[2] == "states" && p[3] == "" && p[4] == "" && c.opt.Resources != nil && !isKnown(p[5]) && !c.opt.Resources(arn) {
		if c.opt.Strictness == Lenient {
			c.warn(n, nil, codeResource, "AWS has no service integration '"+p[5]+"'")
		} else {
			c.fault(n, nil, codeSchema, notRecognized(arn))
		}
		return
	}
	if !c.opt.Express {
		return
	}
	for _, pattern := range waitingPatterns {
		if strings.HasSuffix(arn, pattern) {
			// AWS's text has a space after its last word.
			c.fault(n, nil, codeSchema, "Express state machine does not support '"+strings.TrimSuffix(pattern, ":2")+"' service integration ")
		}
	}
	if isActivity(arn) {
		c.fault(n, nil, codeSchema, "Express state machine does not support Activity ARN")
	}
}

func notRecognized(arn string) string {
	return "The resource provided " + arn + " is not recognized. The value is not a valid resource ARN, or the resource is not available in this region."
}
