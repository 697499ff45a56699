package eventbus

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/google/uuid"

	"millrace/asl/document"
	"millrace/engine"
	"millrace/tasks"
)

// Event is an event on its way to a bus.
type Event struct {
	Bus        string // "": the default bus
	Source     string // aws.states, com.example.orders
	DetailType string
	Detail     any // a document value
	Resources  []string
	Time       time.Time // zero: the unit's time

	readOnly bool // of a trail's management event
}

// timeForm is the form of times in events.
const timeForm = "2006-01-02T15:04:05Z"

// PutTx puts an event into a bus in the caller's unit and returns the event's id.
// What becomes of the event's targets fails nobody; a bus that is not there loses it.
func (s *Service) PutTx(tx engine.Tx, e Event) (id string, err error) {
	if e.Bus == "" {
		e.Bus = defaultBus
	}
	if e.Time.IsZero() {
		e.Time = tx.Now()
	}
	resources := make([]any, len(e.Resources))
	for i, r := range e.Resources {
		resources[i] = r
	}
	id = uuid.NewString()
	o := document.NewObject(9)
	o.Set("version", "0")
	o.Set("id", id)
	o.Set("detail-type", e.DetailType)
	o.Set("source", e.Source)
	o.Set("account", s.host.Account())
	o.Set("time", e.Time.UTC().Format(timeForm))
	o.Set("region", s.host.Region())
	o.Set("resources", resources)
	o.Set("detail", e.Detail)
	return id, s.route(tx, e.Bus, &envelope{id: id, event: o, readOnly: e.readOnly})
}

// trailDetail is the detail-type of records of API calls.
const trailDetail = "AWS API Call via CloudTrail"

// Record puts a record of an API call, as a trail makes it, into the default bus.
func (s *Service) Record(tx engine.Tx, record *document.Object) error {
	e := Event{DetailType: trailDetail, Detail: record}
	source, _ := record.Get("eventSource")
	name, _ := source.(string)
	name, _, _ = strings.Cut(name, ".")
	e.Source = "aws." + name
	if at, _ := record.Get("eventTime"); at != nil {
		if text, ok := at.(string); ok {
			e.Time, _ = time.Parse(timeForm, text) // zero: now
		}
	}
	readOnly, _ := record.Get("readOnly")
	management, _ := record.Get("managementEvent")
	e.readOnly = readOnly == true && management == true
	_, err := s.PutTx(tx, e)
	return err
}

// Limits of PutEvents.
const (
	maxEntries = 10
	maxBytes   = 256 << 10 // of all entries
)

// entry is an event as PutEvents takes it.
type entry struct {
	Time       time.Time `json:"Time"`
	Source     string    `json:"Source"`
	Resources  []string  `json:"Resources"`
	DetailType string    `json:"DetailType"`
	Detail     *string   `json:"Detail"`
	Bus        busName   `json:"EventBusName"`
}

func (e *entry) size() int {
	n := len(e.Source) + len(e.DetailType)
	if !e.Time.IsZero() {
		n += 14
	}
	if e.Detail != nil {
		n += len(*e.Detail)
	}
	for _, r := range e.Resources {
		n += len(r)
	}
	return n
}

// entryAnswer has the event's id or what was wrong with the entry.
type entryAnswer struct {
	ID      string `json:"EventId,omitempty"`
	Code    string `json:"ErrorCode,omitempty"`
	Message string `json:"ErrorMessage,omitempty"`
}

type putAnswer struct {
	Failed  int           `json:"FailedEntryCount"`
	Entries []entryAnswer `json:"Entries"`
}

// event reads an entry. A fault of the entry's is in the answer.
func (e *entry) event() (event Event, fault entryAnswer) {
	required := func(name string) entryAnswer {
		return entryAnswer{Code: "InvalidArgument", Message: "Parameter " + name + " is not valid. Reason: " + name + " is a required argument."}
	}
	switch {
	case e.Source == "":
		return event, required("Source")
	case strings.HasPrefix(strings.ToLower(e.Source), "aws."):
		return event, entryAnswer{Code: "NotAuthorizedForSource", Message: "Not authorized for the source."}
	case e.DetailType == "":
		return event, required("DetailType")
	case e.Detail == nil || *e.Detail == "":
		return event, required("Detail")
	}
	detail, err := document.Parse([]byte(*e.Detail))
	if _, ok := detail.(*document.Object); err != nil || !ok {
		return event, entryAnswer{Code: "MalformedDetail", Message: "Detail is malformed."}
	}
	return Event{Bus: e.Bus.name(), Source: e.Source, DetailType: e.DetailType, Detail: detail, Resources: e.Resources, Time: e.Time}, fault
}

// readEntries reads what PutEvents takes: the events, and the answer, in which the
// entries at fault are filled in.
func readEntries(in json.RawMessage) ([]Event, *putAnswer, error) {
	var p struct {
		Entries []entry `json:"Entries"`
	}
	if err := tasks.Decode(in, &p); err != nil {
		return nil, nil, err
	}
	size := 0
	for i := range p.Entries {
		size += p.Entries[i].size()
	}
	switch {
	case len(p.Entries) == 0:
		return nil, nil, constraint("[]", "entries", "Member must have length greater than or equal to 1")
	case len(p.Entries) > maxEntries:
		return nil, nil, constraint("[...]", "entries", "Member must have length less than or equal to 10")
	case size > maxBytes:
		return nil, nil, invalid("Total size of the entries in the request is over the limit.")
	}
	events, out := make([]Event, len(p.Entries)), &putAnswer{Entries: make([]entryAnswer, len(p.Entries))}
	for i := range p.Entries {
		events[i], out.Entries[i] = p.Entries[i].event()
		if out.Entries[i].Code != "" {
			out.Failed++
		}
	}
	return events, out, nil
}

func (s *Service) putEvents(tx engine.Tx, in json.RawMessage) (any, error) {
	events, out, err := readEntries(in)
	if err != nil {
		return nil, err
	}
	return out, s.put(tx, events, out)
}

// put puts the events whose entries are right.
func (s *Service) put(tx engine.Tx, events []Event, out *putAnswer) (err error) {
	for i := range events {
		if out.Entries[i].Code != "" {
			continue
		}
		if out.Entries[i].ID, err = s.PutTx(tx, events[i]); err != nil {
			return err
		}
	}
	return nil
}

// required are the members that an event to be tested has.
var required = []string{"id", "account", "source", "time", "region", "resources", "detail-type"}

func (s *Service) testEventPattern(_ context.Context, _ engine.Reader, _ tasks.Caller, in json.RawMessage) (any, error) {
	var p struct {
		Pattern string `json:"EventPattern"`
		Event   string `json:"Event"`
	}
	if err := tasks.Decode(in, &p); err != nil {
		return nil, err
	}
	pattern, err := compile(p.Pattern)
	if err != nil {
		return nil, err
	}
	v, err := document.Parse([]byte(p.Event))
	event, ok := v.(*document.Object)
	if err != nil || !ok {
		return nil, invalid("Parameter Event is not valid. Reason: a JSON object belongs there.")
	}
	for _, name := range required {
		if _, ok := event.Get(name); !ok {
			return nil, invalid("Parameter Event is not valid. Reason: the member %s is missing.", name)
		}
	}
	return struct {
		Result bool `json:"Result"`
	}{pattern.Match(event)}, nil
}
