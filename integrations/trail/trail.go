// Package trail records API calls as CloudTrail does: one record per change of
// the object store, kept in a table within the unit of the change itself and
// handed on to a [Sink], such as the event bus, in that unit too.
//
// Management events are always recorded and can be looked up for 90 days. Data
// events are recorded where the event selectors of a trail that logs choose
// them. What a logging trail chooses goes to the sink and, some minutes later, in
// log files to the trail's bucket. Calls that only read are not recorded.
//
// Source: "CloudTrail record contents" and the API reference of AWS CloudTrail.
package trail

import (
	"embed"
	"encoding/json"
	"io/fs"
	"log/slog"
	"strings"
	"time"

	"millrace/asl/document"
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

// Sink is told of each record that a trail logs, within the unit of the call.
// Its error fails that unit, and with it the call.
type Sink interface {
	Record(tx engine.Tx, record *document.Object) error
}

// Options configure a Service. The zero value works.
type Options struct {
	Sink Sink // nil: nobody is told
	// Every is how long records wait for a log file. 0: 5 minutes.
	Every time.Duration
	Log   *slog.Logger // nil: slog.Default
}

// Service is the trail service. It is safe for concurrent use.
type Service struct {
	host     tasks.Host
	o        Options
	service  *tasks.Service
	delivery *delivery // nil: no log files
}

// New makes the service. Without [Service.StartLogs] it writes no log files.
func New(h tasks.Host, o Options) *Service {
	if o.Every == 0 {
		o.Every = 5 * time.Minute
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	s := &Service{host: h, o: o}
	s.service = s.table()
	return s
}

// Close ends the writing of log files and waits for it.
func (s *Service) Close() error {
	if s.delivery != nil {
		s.delivery.close()
	}
	return nil
}

// Service is the operation table.
func (s *Service) Service() *tasks.Service { return s.service }

// Front serves CloudTrail's AWS JSON.
func (s *Service) Front() wire.Front {
	return wire.Front{
		Service: "cloudtrail", Scopes: []string{"cloudtrail"},
		Targets: []string{"com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101", "CloudTrail_20131101"},
		Handler: wire.JSON(s.host, s.service, wire.JSONOptions{Version: "1.1", Log: s.o.Log}),
	}
}

// table is CloudTrail as operations.
func (s *Service) table() *tasks.Service {
	write := func(name string, f func(engine.Tx, json.RawMessage) (any, error)) tasks.Operation {
		return tasks.Operation{Name: name, Keys: keysOf, Write: func(tx engine.Tx, _ tasks.Caller, in json.RawMessage) (any, error) { return f(tx, in) }}
	}
	return &tasks.Service{
		Name: "cloudtrail", SDKName: "CloudTrail", Title: "CloudTrail", JavaName: "AWSCloudTrail",
		Operations: []tasks.Operation{
			write("CreateTrail", s.createTrail),
			write("UpdateTrail", s.updateTrail),
			write("DeleteTrail", s.deleteTrail),
			write("StartLogging", s.startLogging),
			write("StopLogging", s.stopLogging),
			write("PutEventSelectors", s.putEventSelectors),
			{Name: "GetEventSelectors", Read: s.getEventSelectors},
			{Name: "DescribeTrails", Read: s.describeTrails},
			{Name: "ListTrails", Read: s.listTrails},
			{Name: "GetTrail", Read: s.getTrail},
			{Name: "GetTrailStatus", Read: s.getTrailStatus},
			{Name: "LookupEvents", Read: s.lookupEvents},
		},
	}
}

// keysOf names the trail that an input is about.
func keysOf(in json.RawMessage) []string {
	var q struct {
		Name      string `json:"Name"`
		TrailName string `json:"TrailName"`
	}
	if tasks.Decode(in, &q) != nil {
		return nil // the operation fails the same way, before it writes
	}
	name := q.Name + q.TrailName
	return []string{"trail/" + name[strings.LastIndexByte(name, '/')+1:]}
}

// arn is a trail's ARN.
func (s *Service) arn(name string) string {
	return "arn:aws:cloudtrail:" + s.host.Region() + ":" + s.host.Account() + ":trail/" + name
}
