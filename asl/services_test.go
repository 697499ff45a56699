package asl

import (
	"strings"
	"testing"
)

// TestIsKnown holds which service integrations AWS has.
func TestIsKnown(t *testing.T) {
	for resource, want := range map[string]bool{
		"sqs:sendMessage": true, "sqs:sendMessage.waitForTaskToken": true, "sqs:sendMessage.sync": false, "sqs:receiveMessage": false,
		"states:startExecution.sync:2": true, "states:startExecution.sync": true, "ecs:runTask.sync": true, "ecs:runTask.sync:2": false,
		"dynamodb:putItem": true, "dynamodb:putItem.waitForTaskToken": false, "dynamodb:query": false, "nope:call": false, "sqs": false, "sqs:": false,
		"lambda:Invoke": false, "http:invoke": true, "http:invoke.waitForTaskToken": false,
		"aws-sdk:dynamodb:query": true, "aws-sdk:dynamodb:putItem.waitForTaskToken": true, "aws-sdk:dynamodb:putItem.sync": false,
		"aws-sdk:dynamodb:Query": false, "aws-sdk:dynamodb:quer": false, "aws-sdk:dynamodb:": false, "aws-sdk:dynamo:query": false, "aws-sdk:dynamodb": false,
		"aws-sdk:config:listAggregateDiscoveredResources": true, "aws-sdk:accessanalyzer:applyArchiveRule": true, "aws-sdk:xray:untagResource": true,
		"aws-sdk:rds:describeDBInstances": true, "aws-sdk:sfn:startExecution": true, "aws-sdk:lookoutvision:startModel": true,
		"aws-sdk:dynamodb:query query": false, "aws-sdk:dynamodb:query.async": false, "aws-sdk:s3:listObjectsV2": true, "aws-sdk:cloudwatchlogs:putLogEvents": true,
	} {
		if got := isKnown(resource); got != want {
			t.Errorf("%s: got %v", resource, got)
		}
	}
}

// TestOperations holds that the table is in order and each operation is found.
func TestOperations(t *testing.T) {
	before := ""
	for _, line := range strings.Split(strings.TrimSuffix(operations, "\n"), "\n") {
		service, names, ok := strings.Cut(line, " ")
		if !ok || service <= before {
			t.Errorf("%q after %q", service, before)
		}
		before = service
		for _, name := range strings.Fields(names) {
			if !hasOperation(service, strings.ToLower(name[:1])+name[1:]) {
				t.Errorf("%s:%s is not found", service, name)
			}
		}
	}
}
