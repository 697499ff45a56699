package main

import (
	"context"
	"errors"
	"log/slog"
	"net/http"

	"millrace/api"
	"millrace/api/rest"
	"millrace/api/stepfunctions"
	"millrace/engine"
	"millrace/engine/sqlite"
	"millrace/integrations/wire"
)

// settings say what a system is made of.
type settings struct {
	data            string // the folder of the state; sqlite.Memory: none is kept
	region, account string
	lambda          string // URL of a Lambda Invoke API; "": functions run here
	log             *slog.Logger
}

// system is the engine with everything that is wired to it. This file is the
// one place that names them all.
type system struct {
	engine *engine.Engine
	aws    http.Handler
	rest   http.Handler
}

// assemble opens the store and wires the engine, the integrations and the doors.
func assemble(ctx context.Context, s settings) (*system, error) {
	store, err := sqlite.Open(ctx, s.data, sqlite.Options{Log: s.log})
	if err != nil {
		return nil, err
	}
	e, err := engine.Open(ctx, engine.Config{Store: store, Region: s.region, Account: s.account, Log: s.log})
	if err != nil {
		return nil, errors.Join(err, store.Close())
	}
	aws, err := api.NewEndpoint([]wire.Front{{
		Service: "states", Scopes: []string{"states"}, Targets: []string{"AWSStepFunctions"},
		Handler: stepfunctions.New(stepfunctions.Config{Engine: e, Log: s.log}),
	}}, s.log)
	if err != nil {
		return nil, errors.Join(err, e.Close())
	}
	return &system{
		engine: e, aws: aws,
		rest: rest.New(rest.Config{Engine: e, Region: s.region, Account: s.account, Log: s.log}),
	}, nil
}

// close ends what runs and releases the store.
func (s *system) close() error { return s.engine.Close() }
