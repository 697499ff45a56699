package notification

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"millrace/tasks"
)

// jsonText is an operation's input.
type jsonText = json.RawMessage

// codes are the wire's names of the exceptions.
var codes = map[string]string{
	"InvalidParameterException": "InvalidParameter", "InvalidParameterValueException": "ParameterValueInvalid", "NotFoundException": "NotFound",
	"InternalErrorException": "InternalError", "FilterPolicyLimitExceededException": "FilterPolicyLimitExceeded",
	"EmptyBatchRequestException": "EmptyBatchRequest", "TooManyEntriesInBatchRequestException": "TooManyEntriesInBatchRequest",
	"BatchEntryIdsNotDistinctException": "BatchEntryIdsNotDistinct", "InvalidBatchEntryIdException": "InvalidBatchEntryId",
	"BatchRequestTooLongException": "BatchRequestTooLong", "ResourceNotFoundException": "ResourceNotFound", "TagLimitExceededException": "TagLimitExceeded",
}

func invalid(format string, args ...any) *tasks.Error {
	return tasks.Errorf("InvalidParameterException", "Invalid parameter: "+format, args...)
}

func noTopic() *tasks.Error {
	return &tasks.Error{Code: "NotFoundException", Message: "Topic does not exist", Status: http.StatusNotFound}
}

func noSubscription() *tasks.Error {
	return &tasks.Error{Code: "NotFoundException", Message: "Subscription does not exist", Status: http.StatusNotFound}
}

// topicARN is the ARN of a topic of this service.
func (s *Service) topicARN(name string) string {
	return fmt.Sprintf("arn:aws:sns:%s:%s:%s", s.host.Region(), s.host.Account(), name)
}

// parseTopic returns the name in a topic's ARN.
func (s *Service) parseTopic(arn, member string) (string, error) {
	parts := strings.Split(arn, ":")
	if len(parts) < 6 {
		return "", invalid("%s Reason: An ARN must have at least 6 elements, not %d", member, len(parts))
	}
	if len(parts) != 6 || parts[0] != "arn" || parts[2] != "sns" || !validName(parts[5]) {
		return "", invalid("%s", member)
	}
	if parts[4] != s.host.Account() {
		return "", noTopic()
	}
	return parts[5], nil
}

// validName applies the naming rules of topics.
func validName(name string) bool {
	name = strings.TrimSuffix(name, fifoSuffix)
	if name == "" || len(name) > 256 {
		return false
	}
	for _, c := range name {
		if c != '-' && c != '_' && (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			return false
		}
	}
	return true
}

const fifoSuffix = ".fifo"

// keys are the keys of a unit: the topic's.
func keys(in jsonText) []string {
	var p struct {
		TopicARN        string `json:"TopicArn"`
		TargetARN       string `json:"TargetArn"`
		SubscriptionARN string `json:"SubscriptionArn"`
		ResourceARN     string `json:"ResourceArn"`
		Name            string `json:"Name"`
	}
	if tasks.Decode(in, &p) != nil {
		return nil // the operation fails the same way, before it writes
	}
	for _, arn := range []string{p.TopicARN, p.TargetARN, p.SubscriptionARN, p.ResourceARN} {
		if parts := strings.SplitN(arn, ":", 7); len(parts) >= 6 {
			return []string{"topic/" + parts[5]}
		}
	}
	return []string{"topic/" + p.Name}
}

func short(s string) string {
	if len(s) > 100 {
		return s[:100] + "..."
	}
	return s
}
