package asl

import (
	_ "embed"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// operations lists the operations of AWS's services: a line for each service, its
// name as it stands in an ARN first.
//
// Source: the service models of the AWS SDKs; names as the SDK for Java has them.
//
//go:embed operations.txt
var operations string

// retired are services that the models no longer have, or have by another name.
var retired = strings.Fields("alexaforbusiness cloudwatchevents cloudwatchevidently codestar elasticinference elastictranscoder evidently gamesparks honeycode " +
	"inspector iot1clickdevices iot1clickprojects iotanalytics lookoutmetrics lookoutvision macie migrationhubconfig mobile nimble " +
	"opsworks opsworkscm privatenetworks qldb qldbsession robomaker servermigration sms timestreamwrite worklink")

// The patterns of a service integration, beside that of request and response.
const (
	job      = 1 << iota // .sync
	job2                 // .sync:2
	callback             // .waitForTaskToken
)

// integration is an action of a service that Step Functions has an integration of
// its own for, and the patterns that it knows.
type integration struct {
	action   string
	patterns int
}

// integrations returns the actions of a service that Step Functions has
// integrations of its own for.
//
// Source: "Integrating optimized services" of the AWS Step Functions developer guide.
func integrations(service string) []integration {
	some := func(patterns int, actions string) (list []integration) {
		for _, a := range strings.Fields(actions) {
			list = append(list, integration{a, patterns})
		}
		return list
	}
	switch service {
	case "apigateway", "events", "lambda", "sns", "sqs":
		action := map[string]string{"apigateway": "invoke", "events": "putEvents", "lambda": "invoke", "sns": "publish", "sqs": "sendMessage"}
		return some(callback, action[service])
	case "athena":
		return append(some(job, "startQueryExecution"), some(0, "stopQueryExecution getQueryExecution getQueryResults")...)
	case "batch":
		return some(job, "submitJob")
	case "bedrock":
		return append(some(job, "createModelCustomizationJob"), some(0, "invokeModel")...)
	case "codebuild":
		return append(some(job, "startBuild startBuildBatch retryBuild retryBuildBatch"),
			some(0, "stopBuild stopBuildBatch batchDeleteBuilds batchGetReports deleteBuildBatch")...)
	case "databrew", "glue":
		return some(job, "startJobRun")
	case "dynamodb":
		return some(0, "getItem putItem deleteItem updateItem")
	case "ecs":
		return some(job|callback, "runTask")
	case "eks":
		return append(some(job, "createCluster deleteCluster createFargateProfile deleteFargateProfile createNodegroup deleteNodegroup runJob"), some(0, "call")...)
	case "elasticmapreduce":
		return append(some(job, "createCluster terminateCluster addStep"),
			some(0, "setClusterTerminationProtection cancelStep modifyInstanceFleetByName modifyInstanceGroupByName")...)
	case "emr-containers":
		return append(some(job, "deleteVirtualCluster startJobRun"), some(0, "createVirtualCluster cancelJobRun")...)
	case "emr-serverless":
		return some(job, "createApplication startApplication stopApplication deleteApplication startJobRun cancelJobRun")
	case "http":
		return some(0, "invoke")
	case "mediaconvert":
		return some(job, "createJob")
	case "sagemaker":
		return append(some(job, "createHyperParameterTuningJob createLabelingJob createProcessingJob createTrainingJob createTransformJob"),
			some(0, "createEndpoint createEndpointConfig createModel updateEndpoint")...)
	case "states":
		return some(job|job2|callback, "startExecution")
	}
	return nil
}

// isKnown reports whether AWS has the service integration that follows
// arn:aws:states::: in an ARN, such as sqs:sendMessage.waitForTaskToken.
func isKnown(resource string) bool {
	service, action, _ := strings.Cut(resource, ":")
	sdk := service == "aws-sdk"
	if sdk {
		service, action, _ = strings.Cut(action, ":")
	}
	action, suffix, waiting := strings.Cut(action, ".")
	pattern := 0
	if waiting {
		switch suffix {
		case "sync":
			pattern = job
		case "sync:2":
			pattern = job2
		case "waitForTaskToken":
			pattern = callback
		default:
			return false
		}
	}
	if sdk {
		return pattern&^callback == 0 && hasOperation(service, action)
	}
	return slices.ContainsFunc(integrations(service), func(i integration) bool {
		return i.action == action && pattern&^i.patterns == 0
	})
}

// hasOperation reports whether a service has the operation that an action names:
// the operation's name with a small first letter.
func hasOperation(service, action string) bool {
	first, size := utf8.DecodeRuneInString(action)
	if !unicode.IsLower(first) || strings.ContainsAny(service+action, " \n") {
		return false
	}
	if slices.Contains(retired, service) {
		return true
	}
	return strings.Contains(operationsOf()[service], " "+string(unicode.ToUpper(first))+action[size:]+" ")
}

// operationsOf holds the names of each service's operations, a space before and
// after each.
var operationsOf = sync.OnceValue(func() map[string]string {
	all := make(map[string]string)
	for line := range strings.Lines(operations) {
		service, names, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		all[service] = " " + names + " "
	}
	return all
})
