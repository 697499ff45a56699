// Package eventbus is the event bus of Millrace, with the API of EventBridge:
// events enter by PutEvents or from other services, rules match them with
// event patterns, and each rule hands them to its targets within the same unit
// of the store.
//
// Targets are state machines, queues, topics, functions and other event buses. A
// target that cannot take an event never fails who put it: the event goes to the
// target's dead-letter queue, or is dropped, logged and counted. Rules have an
// event pattern; schedules are refused.
//
// Source: the user guide and the API reference of Amazon EventBridge.
package eventbus

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"log/slog"
	"strings"
	"sync"

	"millrace/engine"
	"millrace/integrations/wire"
	"millrace/tasks"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrations are the service's tables.
func Migrations() fs.FS {
	sub, err := fs.Sub(migrations, "migrations")
	if err != nil {
		panic(err) // the folder is embedded
	}
	return sub
}

// QueueMessage is a message on its way into a queue.
type QueueMessage struct {
	QueueARN   string
	Body       string
	GroupID    string            // of FIFO queues
	Attributes map[string]string // of type String; of dead letters only
}

// Queues puts messages into queues. A *tasks.Error, such as that of a queue which
// is not there, is returned before anything is written.
type Queues interface {
	SendTx(tx engine.Tx, m QueueMessage) error
}

// Topics publishes messages. Errors are as with [Queues].
type Topics interface {
	PublishTx(tx engine.Tx, topicARN, text string) error
}

// Functions has a function called once the unit has committed. Errors are as with [Queues].
type Functions interface {
	InvokeTx(tx engine.Tx, functionARN string, event []byte) error
}

// Options configure a Service. The zero value works, and its targets are state
// machines and event buses.
type Options struct {
	Queues    Queues       // nil: queues are refused as targets
	Topics    Topics       // nil: topics are refused as targets
	Functions Functions    // nil: functions are refused as targets
	Log       *slog.Logger // nil: slog.Default
}

// Service is the event bus service. It is safe for concurrent use.
type Service struct {
	host    tasks.Host
	o       Options
	service *tasks.Service
	counts  counts

	mu       sync.Mutex
	rulesets map[string]*ruleset // by bus
}

// New makes the service. It owns no goroutine and needs no closing.
func New(h tasks.Host, o Options) *Service {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	s := &Service{host: h, o: o, rulesets: map[string]*ruleset{}}
	s.service = s.table()
	return s
}

// Service is the operation table.
func (s *Service) Service() *tasks.Service { return s.service }

// Attach adds operations that other integrations answer at this service's front:
// those of connections. It is called before Register and before the service is used.
func (s *Service) Attach(operations ...tasks.Operation) {
	s.service.Operations = append(s.service.Operations, operations...)
}

// Front serves EventBridge's AWS JSON.
func (s *Service) Front() wire.Front {
	return wire.Front{
		Service: "events", Scopes: []string{"events"}, Targets: []string{"AWSEvents"},
		Handler: wire.JSON(s.host, s.service, wire.JSONOptions{Version: "1.1", Log: s.o.Log}),
	}
}

// exceptions are those that EventBridge declares. Others reach task states under
// the client's general exception.
var exceptions = []string{
	"ConcurrentModificationException", "IllegalStatusException", "InternalException", "InvalidEventPatternException", "InvalidStateException",
	"LimitExceededException", "ManagedRuleException", "OperationDisabledException", "PolicyLengthExceededException",
	"ResourceAlreadyExistsException", "ResourceNotFoundException",
}

// table is EventBridge as operations.
func (s *Service) table() *tasks.Service {
	write := func(name string, f func(engine.Tx, json.RawMessage) (any, error)) tasks.Operation {
		return tasks.Operation{Name: name, Keys: s.keysOf, Write: func(tx engine.Tx, _ tasks.Caller, in json.RawMessage) (any, error) { return f(tx, in) }}
	}
	putEvents := write("PutEvents", s.putEvents)
	putEvents.Keys, putEvents.Texts = entryKeys, []string{"Entries.Detail"}
	createBus, deleteBus := write("CreateEventBus", s.createBus), write("DeleteEventBus", s.deleteBus)
	createBus.Keys, deleteBus.Keys = busKeys, busKeys
	return &tasks.Service{
		Name: "events", SDKService: "eventbridge", SDKName: "EventBridge", Title: "EventBridge", JavaName: "AmazonEventBridge",
		Exceptions: exceptions,
		Operations: []tasks.Operation{
			putEvents,
			{Name: "TestEventPattern", Read: s.testEventPattern},
			createBus, deleteBus,
			{Name: "DescribeEventBus", Read: s.describeBus},
			{Name: "ListEventBuses", Read: s.listBuses},
			write("PutRule", s.putRule),
			write("DeleteRule", s.deleteRule),
			write("EnableRule", func(tx engine.Tx, in json.RawMessage) (any, error) { return s.setState(tx, in, enabled) }),
			write("DisableRule", func(tx engine.Tx, in json.RawMessage) (any, error) { return s.setState(tx, in, disabled) }),
			{Name: "DescribeRule", Read: s.describeRule},
			{Name: "ListRules", Read: s.listRules},
			{Name: "ListRuleNamesByTarget", Read: s.listRuleNamesByTarget},
			write("PutTargets", s.putTargets),
			write("RemoveTargets", s.removeTargets),
			{Name: "ListTargetsByRule", Read: s.listTargetsByRule},
			write("TagResource", s.tagResource),
			write("UntagResource", s.untagResource),
			{Name: "ListTagsForResource", Read: s.listTags},
		},
	}
}

// keysOf names the bus that an input is about.
func (s *Service) keysOf(in json.RawMessage) []string {
	var p struct {
		Bus busName `json:"EventBusName"`
		ARN string  `json:"ResourceARN"`
	}
	if tasks.Decode(in, &p) != nil {
		return nil // the operation fails the same way, before it writes
	}
	if p.ARN != "" {
		bus, _, _ := s.parseARN(p.ARN)
		return []string{"events/" + bus}
	}
	return []string{"events/" + p.Bus.name()}
}

// busKeys names the bus that an operation of buses is about.
func busKeys(in json.RawMessage) []string {
	var p struct {
		Name string `json:"Name"`
	}
	if tasks.Decode(in, &p) != nil {
		return nil // the operation fails the same way, before it writes
	}
	return []string{"events/" + p.Name}
}

// entryKeys names the buses of PutEvents.
func entryKeys(in json.RawMessage) []string {
	var p struct {
		Entries []struct {
			Bus busName `json:"EventBusName"`
		} `json:"Entries"`
	}
	if tasks.Decode(in, &p) != nil {
		return nil // the operation fails the same way, before it writes
	}
	var keys []string
	for _, e := range p.Entries {
		keys = append(keys, "events/"+e.Bus.name())
	}
	return keys
}

// defaultBus is the bus of every account.
const defaultBus = "default"

// busName is a bus's name or ARN; "": the default bus.
type busName string

func (b busName) name() string {
	if b == "" {
		return defaultBus
	}
	if _, name, ok := strings.Cut(string(b), ":event-bus/"); ok {
		return name
	}
	return string(b)
}

func (s *Service) arn(rest string) string {
	return "arn:aws:events:" + s.host.Region() + ":" + s.host.Account() + ":" + rest
}

func (s *Service) busARN(bus string) string { return s.arn("event-bus/" + bus) }

func (s *Service) ruleARN(bus, rule string) string {
	if bus == defaultBus {
		return s.arn("rule/" + rule)
	}
	return s.arn("rule/" + bus + "/" + rule)
}

// parseARN returns the bus and the rule of an ARN; rule "": it is the bus's own.
func (s *Service) parseARN(arn string) (bus, rule string, err error) {
	rest, ok := strings.CutPrefix(arn, s.arn(""))
	kind, name, _ := strings.Cut(rest, "/")
	switch {
	case ok && kind == "event-bus" && name != "":
		return name, "", nil
	case ok && kind == "rule" && name != "":
		if bus, rule, ok := strings.Cut(name, "/"); ok {
			return bus, rule, nil
		}
		return defaultBus, name, nil
	}
	return "", "", invalid("Parameter ResourceARN is not valid. Reason: %s, %s or %s belongs there.", s.busARN("BUS"), s.ruleARN(defaultBus, "RULE"), s.ruleARN("BUS", "RULE"))
}

// invalid is what EventBridge says of bad input.
func invalid(format string, args ...any) *tasks.Error {
	return tasks.Errorf("ValidationException", format, args...)
}

func noBus(name string) *tasks.Error {
	return tasks.Errorf("ResourceNotFoundException", "Event bus %s does not exist.", short(name))
}

func noRule(bus, name string) *tasks.Error {
	return tasks.Errorf("ResourceNotFoundException", "Rule %s does not exist on EventBus %s.", short(name), short(bus))
}

func limitExceeded() *tasks.Error {
	return tasks.Errorf("LimitExceededException", "The requested resource exceeds the maximum number allowed.")
}

// constraint says that a member breaks a constraint of the API's model.
func constraint(value any, member, what string) *tasks.Error {
	shown := "null"
	if value != nil {
		shown = "'" + short(fmt.Sprint(value)) + "'"
	}
	return invalid("1 validation error detected: Value %s at '%s' failed to satisfy constraint: %s", shown, member, what)
}

// short cuts a caller's text for an error message.
func short(s string) string {
	const most = 100
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "..."
}
