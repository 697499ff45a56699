package trail

import (
	"fmt"
	"time"

	"github.com/google/uuid"

	"millrace/asl/document"
	"millrace/engine"
	"millrace/tasks"
)

// The categories of records.
const (
	managementEvent = "Management"
	dataEvent       = "Data"
)

// eventVersion is the version of the form of records.
const eventVersion = "1.11"

// retention is how long records are kept.
const retention = 90 * 24 * time.Hour

// call is an API call to be recorded.
type call struct {
	source     string // eventSource: s3.amazonaws.com
	name       string // eventName: PutObject
	data       bool   // a data event, not a management event
	readOnly   bool
	parameters *document.Object
	additional *document.Object // nil: none
	resources  []resource       // the first is what the call was about
	caller     tasks.Caller
}

// resource is a resource that a call touched.
type resource struct {
	kind, arn, name string
}

func (c *call) category() string {
	if c.data {
		return dataEvent
	}
	return managementEvent
}

// field is the value of a field that advanced event selectors name.
func (c *call) field(name string) (string, bool) {
	switch name {
	case "eventCategory":
		return c.category(), true
	case "eventSource":
		return c.source, true
	case "eventName":
		return c.name, true
	case "eventType":
		return eventType, true
	case "readOnly":
		return fmt.Sprint(c.readOnly), true
	case "resources.type":
		return c.resources[0].kind, true
	case "resources.ARN":
		return c.resources[0].arn, true
	case "sessionCredentialFromConsole":
		return "false", true
	}
	return "", false
}

const eventType = "AwsApiCall"

// record stores a call's record if it is a management event or a trail chooses
// it, and hands it to the sink if a trail does.
func (s *Service) record(tx engine.Tx, c *call) error {
	logging, err := trails(tx, selectLogging)
	if err != nil {
		return err
	}
	chosen := logging[:0]
	for _, t := range logging {
		if t.selectors.choose(c) {
			chosen = append(chosen, t)
		}
	}
	if c.data && len(chosen) == 0 {
		return nil
	}
	eventID, user := uuid.NewString(), c.user()
	body := s.body(tx.Now(), c, eventID)
	at := tx.Now().UnixMilli()
	if err := exec(tx, expireRecords, at-retention.Milliseconds()); err != nil {
		return err
	}
	id, err := tx.ID()
	if err != nil {
		return err
	}
	r := c.resources[0]
	if err := exec(tx, insertRecord, at, id, c.category(), eventID, c.name, c.source, user, r.kind, r.name, fmt.Sprint(c.readOnly), string(document.Append(nil, body))); err != nil {
		return err
	}
	if len(chosen) == 0 {
		return nil
	}
	for _, t := range chosen {
		if s.delivery == nil {
			break
		}
		if err := exec(tx, insertPending, t.name, at, id); err != nil {
			return err
		}
		tx.AfterCommit(s.delivery.due)
	}
	if s.o.Sink == nil {
		return nil
	}
	return s.o.Sink.Record(tx, body)
}

// user is the name under which calls are looked up.
func (c *call) user() string {
	if c.caller.ExecutionARN != "" {
		return c.caller.Source
	}
	return "root"
}

// body is the record's JSON. There are no users here: a client is the account
// itself, and a task state is the service that runs it.
func (s *Service) body(now time.Time, c *call, eventID string) *document.Object {
	account := s.host.Account()
	identity := object("type", "Root", "principalId", account, "arn", "arn:aws:iam::"+account+":root", "accountId", account)
	additional := c.additional
	if arn := c.caller.ExecutionARN; arn != "" {
		identity = object("type", "AWSService", "invokedBy", c.caller.Source)
		if additional == nil {
			additional = object()
		}
		additional.Set("executionArn", arn)
	}
	requestID := c.caller.RequestID
	if requestID == "" {
		requestID = uuid.NewString()
	}
	o := object(
		"eventVersion", eventVersion, "userIdentity", identity, "eventTime", now.UTC().Format(timeForm), "eventSource", c.source,
		"eventName", c.name, "awsRegion", s.host.Region(), "sourceIPAddress", internal(c.caller.Source), "userAgent", internal(c.caller.UserAgent),
		"requestParameters", c.parameters, "responseElements", nil)
	if additional != nil {
		o.Set("additionalEventData", additional)
	}
	list := make([]any, len(c.resources))
	for i, r := range c.resources {
		list[i] = object("accountId", account, "type", r.kind, "ARN", r.arn)
	}
	for _, m := range [][2]any{
		{"requestID", requestID}, {"eventID", eventID}, {"readOnly", c.readOnly}, {"resources", list}, {"eventType", eventType},
		{"managementEvent", !c.data}, {"recipientAccountId", account}, {"eventCategory", c.category()},
	} {
		o.Set(m[0].(string), m[1])
	}
	return o
}

// internal names the source of a call that came over no wire.
func internal(source string) string {
	if source == "" {
		return "AWS Internal"
	}
	return source
}

// object makes an object of alternating keys and values.
func object(pairs ...any) *document.Object {
	o := document.NewObject(len(pairs) / 2)
	for i := 0; i+1 < len(pairs); i += 2 {
		o.Set(pairs[i].(string), pairs[i+1])
	}
	return o
}
