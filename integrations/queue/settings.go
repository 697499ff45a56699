package queue

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"millrace/asl/document"
	"millrace/tasks"
)

// Settings are the attributes of a queue that its owner sets. Times are seconds.
type Settings struct {
	Given map[string]string // what was set, under the attributes' names

	Visibility   int64
	Delay        int64
	Retention    int64
	Wait         int64
	MaxSize      int64 // bytes
	FIFO         bool
	ContentDedup bool
	PerGroup     bool // DeduplicationScope is messageGroup
	DeadLetter   string
	MaxReceives  int64 // 0: no dead-letter queue
}

// numeric attributes: range and default.
var numeric = map[string][3]int64{
	"VisibilityTimeout":             {0, 43200, 30},
	"DelaySeconds":                  {0, 900, 0},
	"MessageRetentionPeriod":        {60, 1209600, 345600},
	"ReceiveMessageWaitTimeSeconds": {0, 20, 0},
	"MaximumMessageSize":            {1024, maxMessage, maxMessage},
	"KmsDataKeyReusePeriodSeconds":  {60, 86400, 300},
}

// maxMessage is the most bytes of a message: body and attributes.
const maxMessage = 1 << 20

// readOnly attributes are answered but cannot be set.
var readOnly = []string{
	"QueueArn", "ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible",
	"ApproximateNumberOfMessagesDelayed", "CreatedTimestamp", "LastModifiedTimestamp",
}

// parseSettings checks attributes and fills in the defaults.
func parseSettings(name string, given map[string]string) (Settings, error) {
	s := Settings{Given: map[string]string{}}
	number := func(attribute string) int64 {
		n, err := strconv.ParseInt(given[attribute], 10, 64)
		if err != nil {
			return numeric[attribute][2]
		}
		return n
	}
	for k, v := range given {
		if v == "" && k != "FifoQueue" { // an empty value takes an attribute away
			continue
		}
		if err := checkSetting(name, k, v); err != nil {
			return s, err
		}
		s.Given[k] = v
	}
	s.Visibility = number("VisibilityTimeout")
	s.Delay = number("DelaySeconds")
	s.Retention = number("MessageRetentionPeriod")
	s.Wait = number("ReceiveMessageWaitTimeSeconds")
	s.MaxSize = number("MaximumMessageSize")
	s.FIFO = given["FifoQueue"] == "true"
	s.ContentDedup = given["ContentBasedDeduplication"] == "true"
	s.PerGroup = given["DeduplicationScope"] == "messageGroup"
	if s.FIFO != strings.HasSuffix(name, ".fifo") {
		if s.FIFO {
			return s, tasks.Errorf("InvalidParameterValueException", "The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, must end with .fifo suffix and be 1 to 80 in length.")
		}
		return s, tasks.Errorf("InvalidParameterValueException", "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length")
	}
	if p := s.Given["RedrivePolicy"]; p != "" {
		var err error
		if s.DeadLetter, s.MaxReceives, err = parseRedrive(p); err != nil {
			return s, err
		}
	}
	return s, nil
}

func checkSetting(queue, name, value string) error {
	if r, ok := numeric[name]; ok {
		if n, err := strconv.ParseInt(value, 10, 64); err != nil || n < r[0] || n > r[1] {
			return badSetting(name)
		}
		return nil
	}
	fifoOnly := false
	switch name {
	case "FifoQueue":
		if value != "true" {
			return badSetting(name)
		}
	case "ContentBasedDeduplication":
		fifoOnly = true
		if value != "true" && value != "false" {
			return badSetting(name)
		}
	case "DeduplicationScope":
		fifoOnly = true
		if value != "messageGroup" && value != "queue" {
			return badSetting(name)
		}
	case "FifoThroughputLimit":
		fifoOnly = true
		if value != "perQueue" && value != "perMessageGroupId" {
			return badSetting(name)
		}
	case "SqsManagedSseEnabled":
		if value != "true" && value != "false" {
			return badSetting(name)
		}
	case "KmsMasterKeyId", "RedrivePolicy":
	case "Policy", "RedriveAllowPolicy":
		if v, err := document.Parse([]byte(value)); err != nil || !isObject(v) {
			return badSetting(name)
		}
	default:
		return tasks.Errorf("InvalidAttributeName", "Unknown Attribute %.80s.", name)
	}
	if fifoOnly && !strings.HasSuffix(queue, ".fifo") {
		return tasks.Errorf("InvalidAttributeName", "Unknown Attribute %s.", name)
	}
	return nil
}

func isObject(v any) bool {
	_, ok := v.(*document.Object)
	return ok
}

func badSetting(name string) error {
	return tasks.Errorf("InvalidAttributeValue", "Invalid value for the parameter %s.", name)
}

// parseRedrive reads a RedrivePolicy. maxReceiveCount may be a number or its text.
func parseRedrive(policy string) (arn string, receives int64, err error) {
	bad := func(reason string) error {
		return tasks.Errorf("InvalidParameterValueException", "Value %.300s for parameter RedrivePolicy is invalid. Reason: %s", policy, reason)
	}
	v, perr := document.Parse([]byte(policy))
	o, ok := v.(*document.Object)
	if perr != nil || !ok {
		return "", 0, bad("Redrive policy is not a valid JSON map.")
	}
	target, _ := o.Get("deadLetterTargetArn")
	arn, _ = target.(string)
	if arn == "" {
		return "", 0, bad("Redrive policy does not contain mandatory attribute: deadLetterTargetArn.")
	}
	most, ok := o.Get("maxReceiveCount")
	if !ok {
		return "", 0, bad("Redrive policy does not contain mandatory attribute: maxReceiveCount.")
	}
	switch m := most.(type) {
	case document.Number:
		receives, _ = m.Int64()
	case string:
		receives, _ = strconv.ParseInt(m, 10, 64)
	}
	if receives < 1 || receives > 1000 {
		return "", 0, bad("Invalid value for maxReceiveCount: " + jsonText(most) + ", valid values are from 1 to 1000 both inclusive.")
	}
	return arn, receives, nil
}

func jsonText(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	return string(document.Append(nil, v))
}

// all returns the settable attributes with their defaults.
func (s Settings) all() map[string]string {
	m := map[string]string{"SqsManagedSseEnabled": "true"}
	for _, name := range []string{"VisibilityTimeout", "DelaySeconds", "MessageRetentionPeriod", "ReceiveMessageWaitTimeSeconds", "MaximumMessageSize"} {
		m[name] = strconv.FormatInt(numeric[name][2], 10)
	}
	if s.FIFO {
		m["ContentBasedDeduplication"] = "false"
		m["DeduplicationScope"] = "queue"
		m["FifoThroughputLimit"] = "perQueue"
	}
	for k, v := range s.Given {
		m[k] = v
	}
	if p := m["RedrivePolicy"]; p != "" {
		m["RedrivePolicy"] = compact(p)
	}
	return m
}

// knownAttribute reports whether GetQueueAttributes knows a name.
func knownAttribute(name string) bool {
	if _, ok := numeric[name]; ok {
		return true
	}
	return slices.Contains(readOnly, name) || slices.Contains([]string{
		"All", "Policy", "RedrivePolicy", "FifoQueue", "ContentBasedDeduplication", "KmsMasterKeyId",
		"DeduplicationScope", "FifoThroughputLimit", "RedriveAllowPolicy", "SqsManagedSseEnabled"}, name)
}

func compact(s string) string {
	v, err := document.Parse([]byte(s))
	if err != nil {
		return s
	}
	return string(document.Append(nil, v))
}

// validName reports whether a queue may have a name.
func validName(name string) bool {
	base := strings.TrimSuffix(name, ".fifo")
	if base == "" || len(name) > 80 {
		return false
	}
	return strings.IndexFunc(base, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_')
	}) < 0
}

// statement is one statement of a queue's policy, as AddPermission makes it.
type statement struct {
	Sid       string              `json:"Sid"`
	Effect    string              `json:"Effect"`
	Principal map[string][]string `json:"Principal"`
	Action    []string            `json:"Action"`
	Resource  string              `json:"Resource"`
}

// policy is a queue's access policy. Statements of other makers are kept as they are.
type policy struct {
	Version   string            `json:"Version"`
	ID        string            `json:"Id,omitempty"`
	Statement []json.RawMessage `json:"Statement"`
}
