package queue

import (
	"net/http"
	"strings"

	"millrace/integrations/wire"
)

// queryCodes are the error codes of the Query protocol where they differ from
// the exceptions' names.
var queryCodes = map[string]string{
	"InvalidParameterValueException":    "InvalidParameterValue",
	"MissingRequiredParameterException": "MissingParameter",
	"QueueDoesNotExist":                 "AWS.SimpleQueueService.NonExistentQueue",
	"QueueNameExists":                   "QueueAlreadyExists",
	"QueueDeletedRecently":              "AWS.SimpleQueueService.QueueDeletedRecently",
	"PurgeQueueInProgress":              "AWS.SimpleQueueService.PurgeQueueInProgress",
	"EmptyBatchRequest":                 "AWS.SimpleQueueService.EmptyBatchRequest",
	"TooManyEntriesInBatchRequest":      "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
	"BatchEntryIdsNotDistinct":          "AWS.SimpleQueueService.BatchEntryIdsNotDistinct",
	"InvalidBatchEntryId":               "AWS.SimpleQueueService.InvalidBatchEntryId",
	"BatchRequestTooLong":               "AWS.SimpleQueueService.BatchRequestTooLong",
	"MessageNotInflight":                "AWS.SimpleQueueService.MessageNotInflight",
	"UnsupportedOperation":              "AWS.SimpleQueueService.UnsupportedOperation",
}

// exceptions are those that SQS declares. Others reach task states under the
// clients' general exception.
var exceptions = []string{
	"BatchEntryIdsNotDistinct", "BatchRequestTooLong", "EmptyBatchRequest", "InvalidAddress", "InvalidAttributeName",
	"InvalidAttributeValue", "InvalidBatchEntryId", "InvalidIdFormat", "InvalidMessageContents", "InvalidSecurity",
	"MessageNotInflight", "OverLimit", "PurgeQueueInProgress", "QueueDeletedRecently", "QueueDoesNotExist",
	"QueueNameExists", "ReceiptHandleIsInvalid", "RequestThrottled", "ResourceNotFoundException",
	"TooManyEntriesInBatchRequest", "UnsupportedOperation",
}

func queryCode(exception string) string {
	if code, ok := queryCodes[exception]; ok {
		return code
	}
	return exception
}

// maxBody leaves room for a batch of 1 MiB in JSON escapes.
const maxBody = 8 << 20

// Front serves SQS: AWS JSON, and Query for older clients.
func (s *Service) Front() wire.Front {
	attribute := wire.Shape{Kind: wire.Map, Element: "Attribute", Key: "Name", Value: "Value"}
	messageAttribute := wire.Shape{Kind: wire.Map, Element: "MessageAttribute", Key: "Name", Value: "Value"}
	number, boolean := wire.Shape{Kind: wire.Number}, wire.Shape{Kind: wire.Boolean}
	list := func(element string) wire.Shape { return wire.Shape{Kind: wire.List, Element: element} }
	answer := func(element string) wire.Shape { return wire.Shape{Kind: wire.List, Element: element, Output: true} }
	shapes := map[string]wire.Shape{
		"Attributes":                   attribute,
		"MessageAttributes":            messageAttribute,
		"MessageSystemAttributes":      {Kind: wire.Map, Element: "MessageSystemAttribute", Key: "Name", Value: "Value"},
		"AttributeNames":               list("AttributeName"),
		"MessageAttributeNames":        list("MessageAttributeName"),
		"MessageSystemAttributeNames":  list("MessageSystemAttributeName"),
		"Messages":                     answer("Message"),
		"QueueUrls":                    answer("QueueUrl"),
		"queueUrls":                    answer("QueueUrl"),
		"Results":                      answer("ListMessageMoveTasksResultEntry"),
		"Failed":                       answer("BatchResultErrorEntry"),
		"CreateQueue.tags":             {Kind: wire.Map, Element: "Tag", Key: "Key", Value: "Value"},
		"TagQueue.Tags":                {Kind: wire.Map, Element: "Tag", Key: "Key", Value: "Value"},
		"ListQueueTags.Tags":           {Kind: wire.Map, Element: "Tag", Key: "Key", Value: "Value"},
		"TagKeys":                      list("TagKey"),
		"AWSAccountIds":                list("AWSAccountId"),
		"Actions":                      list("ActionName"),
		"MaxNumberOfMessages":          number,
		"VisibilityTimeout":            number,
		"WaitTimeSeconds":              number,
		"DelaySeconds":                 number,
		"MaxResults":                   number,
		"MaxNumberOfMessagesPerSecond": number,
		"SenderFault":                  boolean,
	}
	for _, op := range []string{"SendMessageBatch", "DeleteMessageBatch", "ChangeMessageVisibilityBatch"} {
		shapes[op+".Entries"] = list(op + "RequestEntry")
		shapes[op+".Successful"] = answer(op + "ResultEntry")
	}
	json := wire.JSON(s.host, s.service, wire.JSONOptions{Version: "1.0", Namespace: "com.amazonaws.sqs", Query: queryCodes, MaxBody: maxBody, Log: s.o.Log})
	query := wire.Query(s.host, s.service, wire.QueryOptions{Namespace: "http://queue.amazonaws.com/doc/2012-11-05/", Shapes: shapes, Codes: queryCodes, MaxBody: maxBody, Log: s.o.Log})
	return wire.Front{
		Service: "sqs", Scopes: []string{"sqs"}, Targets: []string{"AmazonSQS"}, QueryVersions: []string{"2012-11-05"},
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasPrefix(r.Header.Get("X-Amz-Target"), "AmazonSQS.") {
				json.ServeHTTP(w, r)
				return
			}
			query.ServeHTTP(w, r)
		}),
	}
}
