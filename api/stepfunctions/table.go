package stepfunctions

import "strings"

// The limits of the service, as its model states them.
const (
	maxName       = 80
	maxARN        = 256
	maxLongARN    = 2000
	maxDefinition = 1 << 20 // bytes
	maxData       = 1 << 18 // bytes of an input, an output or a result
	maxToken      = 2048
	maxError      = 256
	maxCause      = 32768
	maxResults    = 1000
)

func arn(name string) member     { return words(name, 1, maxARN).required() }
func longARN(name string) member { return words(name, 1, maxLongARN).required() }

func includedData() member { return choice("includedData", "ALL_DATA", "METADATA_ONLY") }

// paging are the members of an operation that lists.
func paging() []member {
	return []member{count("maxResults", 0, maxResults), words("nextToken", 1, 1024)}
}

func tags(name string) member {
	return many(name, 0, 0, group("Tag", words("key", 1, 128), words("value", 0, 256)))
}

func encryption() member {
	return group("encryptionConfiguration",
		words("kmsKeyId", 1, 2048), count("kmsDataKeyReusePeriodSeconds", 60, 900),
		choice("type", "AWS_OWNED_KEY", "CUSTOMER_MANAGED_KMS_KEY").required())
}

func logging() member {
	return group("loggingConfiguration",
		choice("level", "ALL", "ERROR", "FATAL", "OFF"), truth("includeExecutionData"),
		many("destinations", 0, 0, group("LogDestination", group("cloudWatchLogsLogGroup", words("logGroupArn", 1, maxARN)))))
}

func tracing() member { return group("tracingConfiguration", truth("enabled")) }

func machineType() member { return choice("type", "STANDARD", "EXPRESS") }

func routing() member {
	return many("routingConfiguration", 1, 2, group("RoutingConfigurationListItem", arn("stateMachineVersionArn"), count("weight", 0, 100).required()))
}

func execution() []member {
	return []member{
		arn("stateMachineArn"), words("name", 1, maxName), data("input", maxData),
		words("traceHeader", 0, 256).matching(`\p{ASCII}*`, ascii),
	}
}

func failure() []member {
	return []member{words("error", 0, maxError).secret(), words("cause", 0, maxCause).secret()}
}

// inputs holds the members of each operation's input.
//
// Source: the public model of the AWS Step Functions API, 2016-11-23.
func inputs() map[string][]member {
	join := func(parts ...[]member) (all []member) {
		for _, p := range parts {
			all = append(all, p...)
		}
		return all
	}
	return map[string][]member{
		"CreateStateMachine": {
			words("name", 1, maxName).required(), words("definition", 1, maxDefinition).secret().required(), arn("roleArn"), machineType(),
			logging(), tags("tags"), tracing(), truth("publish"), words("versionDescription", 0, 256).secret(), encryption(),
		},
		"UpdateStateMachine": {
			arn("stateMachineArn"), words("definition", 1, maxDefinition).secret(), words("roleArn", 1, maxARN),
			logging(), tracing(), truth("publish"), words("versionDescription", 0, 256).secret(), encryption(),
		},
		"DeleteStateMachine":               {arn("stateMachineArn")},
		"DescribeStateMachine":             {arn("stateMachineArn"), includedData()},
		"DescribeStateMachineForExecution": {arn("executionArn"), includedData()},
		"ListStateMachines":                paging(),
		"ValidateStateMachineDefinition": {
			words("definition", 1, maxDefinition).secret().required(), machineType(),
			choice("severity", "ERROR", "WARNING"), count("maxResults", 0, 100),
		},

		"TestState": testStateMembers(),

		"StartExecution":     execution(),
		"StartSyncExecution": append(execution(), includedData()),
		"StopExecution":      join([]member{arn("executionArn")}, failure()),
		"DescribeExecution":  {arn("executionArn"), includedData()},
		"ListExecutions": {
			words("stateMachineArn", 1, maxARN),
			choice("statusFilter", "SUCCEEDED", "TIMED_OUT", "PENDING_REDRIVE", "ABORTED", "FAILED", "RUNNING"),
			count("maxResults", 0, maxResults), words("nextToken", 1, 3096), words("mapRunArn", 1, maxLongARN),
			choice("redriveFilter", "REDRIVEN", "NOT_REDRIVEN"),
		},
		"GetExecutionHistory": {
			arn("executionArn"), count("maxResults", 0, maxResults), truth("reverseOrder"),
			words("nextToken", 1, 1024), truth("includeExecutionData"),
		},

		"DescribeMapRun": {longARN("mapRunArn")},
		"ListMapRuns":    join([]member{arn("executionArn")}, paging()),
		"UpdateMapRun": {
			longARN("mapRunArn"), count("maxConcurrency", 0, 0), ratio("toleratedFailurePercentage", 0, 100), count("toleratedFailureCount", 0, 0),
		},

		"SendTaskSuccess":   {words("taskToken", 1, maxToken).required(), data("output", maxData).required()},
		"SendTaskFailure":   join([]member{words("taskToken", 1, maxToken).required()}, failure()),
		"SendTaskHeartbeat": {words("taskToken", 1, maxToken).required()},

		"CreateActivity":   {words("name", 1, maxName).required(), tags("tags"), encryption()},
		"DescribeActivity": {arn("activityArn")},
		"DeleteActivity":   {arn("activityArn")},
		"ListActivities":   paging(),
		"GetActivityTask":  {arn("activityArn"), words("workerName", 1, maxName)},

		"TagResource":         {arn("resourceArn"), tags("tags").required()},
		"UntagResource":       {arn("resourceArn"), many("tagKeys", 0, 0, words("", 1, 128)).required()},
		"ListTagsForResource": {arn("resourceArn")},

		"PublishStateMachineVersion": {arn("stateMachineArn"), words("revisionId", 0, 0), words("description", 0, 256).secret()},
		"DeleteStateMachineVersion":  {longARN("stateMachineVersionArn")},
		"ListStateMachineVersions":   join([]member{arn("stateMachineArn")}, paging()),
		"CreateStateMachineAlias": {
			words("description", 0, 256).secret(),
			words("name", 1, maxName).required().matching(`^(?=.*[a-zA-Z_\-\.])[a-zA-Z0-9_\-\.]+$`, aliasName), routing().required(),
		},
		"UpdateStateMachineAlias":   {arn("stateMachineAliasArn"), words("description", 0, 256).secret(), routing()},
		"DeleteStateMachineAlias":   {arn("stateMachineAliasArn")},
		"DescribeStateMachineAlias": {arn("stateMachineAliasArn")},
		"ListStateMachineAliases":   join([]member{arn("stateMachineArn")}, paging()),
	}
}

func ascii(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// aliasName tells whether s is a name of an alias: letters, digits, '_', '-'
// and '.', and not digits alone, which would be a version.
func aliasName(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") != "" &&
		strings.IndexFunc(s, func(r rune) bool {
			return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' || r == '-' || r == '.')
		}) < 0
}
