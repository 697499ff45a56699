package stepfunctions

import (
	"strings"
)

// checkARN says what is wrong with an ARN of the Step Functions service whose
// resource type must be one of kinds: stateMachine, execution, express, activity.
func checkARN(s string, kinds ...string) error {
	if !strings.HasPrefix(s, "arn:") {
		return fault("InvalidArn", "Invalid Arn: 'Invalid ARN prefix: %s'", cut(s, maxQuoted))
	}
	// arn:partition:states:region:account:type:name
	parts := strings.SplitN(s, ":", 7)
	if len(parts) < 7 || parts[1] == "" || parts[6] == "" {
		return fault("InvalidArn", "Invalid Arn: 'Invalid ARN: %s'", cut(s, maxQuoted))
	}
	if parts[2] != "states" {
		return fault("InvalidArn", "Invalid Arn: 'Service name not valid in this context: %s'", cut(parts[2], maxQuoted))
	}
	if !contains(kinds, parts[5]) {
		return fault("InvalidArn", "Invalid Arn: 'Resource type not valid in this context: %s'", cut(parts[5], maxQuoted))
	}
	return nil
}

func checkMachine(s string) error   { return checkARN(s, "stateMachine") }
func checkExecution(s string) error { return checkARN(s, "execution", "express") }
func checkActivity(s string) error  { return checkARN(s, "activity") }

// checkRole says what is wrong with the ARN of a role. Nobody assumes it, so
// its form is all that counts.
func checkRole(s string) error {
	if strings.HasPrefix(s, "arn:") && strings.Count(s, ":") >= 5 {
		return nil
	}
	return fault("InvalidArn", "Invalid Role Arn: '%s'", cut(s, maxQuoted))
}

// checkName says what is wrong with the name of a machine, an execution or an activity.
func checkName(s string) error {
	for _, r := range s {
		if r <= ' ' || r >= 0x7f && r <= 0x9f || strings.ContainsRune("?*<>{}[]:;,\\|^~$#%&`\"/", r) {
			return fault("InvalidName", "Invalid Name: '%s'", cut(s, maxQuoted))
		}
	}
	return nil
}
