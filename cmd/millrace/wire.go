package main

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"path/filepath"
	"time"

	"millrace/api"
	"millrace/api/rest"
	"millrace/api/stepfunctions"
	"millrace/engine"
	"millrace/engine/sqlite"
	"millrace/integrations/approval"
	"millrace/integrations/eventbus"
	"millrace/integrations/function"
	"millrace/integrations/httptask"
	"millrace/integrations/mapping"
	"millrace/integrations/notification"
	"millrace/integrations/objectstore"
	"millrace/integrations/queue"
	"millrace/integrations/table"
	"millrace/integrations/trail"
	"millrace/integrations/wire"
	"millrace/tasks"
	"millrace/tasks/items"
)

// settings say what a system is made of.
type settings struct {
	data            string // the folder of the state; sqlite.Memory: none is kept
	region, account string
	endpoint        string         // URL of the AWS endpoint, as queues' URLs have it; "": AWS's own
	lambda          string         // URL of a Lambda Invoke API that has the functions that are not here; "": none
	httpAllow       httptask.Allow // which addresses HTTP tasks may call
	retention       time.Duration  // of executions after their end; 0: 90 days, negative: for ever
	log             *slog.Logger
}

// system is the engine with everything that is wired to it. This file is the
// one place that names them all.
type system struct {
	engine *engine.Engine
	store  *sqlite.Store
	log    *slog.Logger
	aws    http.Handler
	rest   http.Handler

	api      *stepfunctions.Service
	objects  *objectstore.Service
	services map[string]*tasks.Service // by name in ARNs
	fronts   []wire.Front
	mappings *mapping.Service
	sources  []func() error // what brings work; closed before the engine
	sinks    []func() error // what work goes to; closed after it
}

// migrations are the schemas, in the order in which they came to be.
func migrations() []engine.Migrations {
	return []engine.Migrations{
		{Name: "queue", Files: queue.Migrations()},
		{Name: "table", Files: table.Migrations()},
		{Name: "objectstore", Files: objectstore.Migrations()},
		{Name: "function", Files: function.Migrations()},
		{Name: "notification", Files: notification.Migrations()},
		{Name: "approval", Files: approval.Migrations()},
		{Name: "eventbus", Files: eventbus.Migrations()},
		{Name: "trail", Files: trail.Migrations()},
		{Name: "httptask", Files: httptask.Migrations()},
		{Name: "mapping", Files: mapping.Migrations()},
	}
}

// assemble opens the store and wires the engine, the integrations and the doors.
func assemble(ctx context.Context, c settings) (*system, error) {
	store, err := sqlite.Open(ctx, c.data, sqlite.Options{Log: c.log})
	if err != nil {
		return nil, err
	}
	s := &system{store: store, log: c.log, services: map[string]*tasks.Service{}}
	s.engine, err = engine.Open(ctx, engine.Config{
		Store: store, Migrations: migrations(), Region: c.region, Account: c.account, Retention: c.retention, Log: c.log,
		MapData: items.New(mapObjects{s}),
		Tasks:   func(e *engine.Engine) (engine.Resolver, error) { return s.integrate(e, c) },
	})
	if err != nil {
		return nil, errors.Join(err, s.close())
	}
	if err := s.mappings.Start(ctx); err != nil {
		return nil, errors.Join(err, s.close())
	}
	if s.aws, err = api.NewEndpoint(s.fronts, c.log); err != nil {
		return nil, errors.Join(err, s.close())
	}
	approvals := s.services["approval"]
	backup := s.backup
	if c.data == sqlite.Memory {
		backup = nil
	}
	s.rest = rest.New(rest.Config{
		Backup: backup,
		Engine: s.engine, Region: c.region, Account: c.account, Log: c.log, Services: s,
		Approvals: func(ctx context.Context, operation string, in json.RawMessage) (any, error) {
			return tasks.Invoke(ctx, s.engine, approvals, operation, tasks.Caller{}, in)
		},
	})
	return s, nil
}

// integrate makes the integrations and returns what finds their tasks. Units
// can be committed, and nothing runs yet.
func (s *system) integrate(e *engine.Engine, c settings) (engine.Resolver, error) {
	g := tasks.NewRegistry(e)
	s.api = stepfunctions.New(stepfunctions.Config{Engine: e, Tasks: g, Log: c.log})
	g.AddStates(tasks.StatesConfig{Fault: fault, API: s.api})
	s.fronts = append(s.fronts, wire.Front{
		Service: "states", Scopes: []string{"states"}, Targets: []string{stepfunctions.Target[:len(stepfunctions.Target)-1]}, Handler: s.api,
	})

	queues := queue.New(e, queue.Options{Endpoint: c.endpoint, Log: c.log})
	s.add(queues.Service(), queues.Front(), queues.Close)
	g.Add(queues.Service())

	tables := table.New(e, c.log)
	s.add(tables.Service(), tables.Front(), tables.Close)
	s.services[tables.Streams().Name] = tables.Streams()
	g.Add(tables.Service(), tables.Streams())

	keep := func(name string) string { // a folder beside the database
		if c.data == sqlite.Memory {
			return ""
		}
		return filepath.Join(c.data, name)
	}
	changes := &objectChanges{}
	objects, err := objectstore.Open(e, objectstore.Config{Dir: keep("objects"), Observer: changes, Log: c.log})
	if err != nil {
		return nil, err
	}
	s.objects = objects
	s.add(objects.Service(), objects.Front(), objects.Close)
	g.Add(objects.Service())

	functions, err := function.Open(e, function.Options{
		Dir: keep("functions"), Endpoint: c.endpoint, Remote: c.lambda, Log: c.log, Object: readObject(objects), Programs: programs(),
	})
	if err != nil {
		return nil, err
	}
	s.add(functions.Service(), functions.Front(), functions.Close)
	s.mappings = mapping.New(e, mapping.Config{Queues: queues, Streams: tables, Functions: mappingFunctions{functions}, Log: c.log})
	functions.Attach(s.mappings.Operations()...)
	s.add(s.mappings.Service(), s.mappings.Front(), nil)
	g.Add(s.mappings.Service())
	s.sources = append(s.sources, s.mappings.Close)
	functions.Register(g)

	topics := notification.New(e, notification.Options{
		Queues: topicQueues{queues}, Functions: topicFunctions{functions}, Endpoint: c.endpoint, Log: c.log,
	})
	s.add(topics.Service(), topics.Front(), topics.Close)
	topics.Register(g)

	buses := eventbus.New(e, eventbus.Options{
		Queues: busQueues{queues}, Topics: topics, Functions: topicFunctions{functions}, Log: c.log,
	})
	calls := httptask.New(e, httptask.Options{Allow: c.httpAllow})
	s.sinks = append(s.sinks, calls.Close)
	buses.Attach(calls.Operations()...)
	calls.Register(g)
	s.add(buses.Service(), buses.Front(), nil)
	buses.Register(g)

	trails := trail.New(e, trail.Options{Sink: buses, Log: c.log})
	s.add(trails.Service(), trails.Front(), nil)
	s.sources = append(s.sources, trails.Close) // it writes log files into buckets
	g.Add(trails.Service())
	changes.trails = trails
	trails.StartLogs(trailLogs{objects})

	approvals := approval.New(e, e)
	s.services["approval"] = approvals.Service()
	approvals.Register(g)
	return g, nil
}

// add makes a service known to the doors and has it closed in the end, if there is something to close.
func (s *system) add(service *tasks.Service, front wire.Front, end func() error) {
	s.services[service.Name] = service
	s.fronts = append(s.fronts, front)
	if end != nil {
		s.sinks = append(s.sinks, end)
	}
}

// close ends what brings work, then the engine, which gives up calls under way
// to be made again by the next process, then the services that they went to.
func (s *system) close() error {
	var failed []error
	for _, end := range s.sources {
		failed = append(failed, end())
	}
	if s.engine != nil {
		failed = append(failed, s.engine.Close())
	}
	for _, end := range s.sinks {
		failed = append(failed, end())
	}
	return errors.Join(failed...)
}
