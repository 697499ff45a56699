package stepfunctions

import (
	"context"
	"encoding/json"
	"errors"

	"millrace/asl"
	"millrace/engine"
)

// settings are the configurations of a machine, in the order in which they are stored.
type settings struct {
	Logging    *loggingConfiguration    `json:"loggingConfiguration,omitempty"`
	Tracing    *tracingConfiguration    `json:"tracingConfiguration,omitempty"`
	Encryption *encryptionConfiguration `json:"encryptionConfiguration,omitempty"`
}

type loggingConfiguration struct {
	Level                string            `json:"level"`
	IncludeExecutionData bool              `json:"includeExecutionData"`
	Destinations         *[]logDestination `json:"destinations,omitempty"`
}

type logDestination struct {
	Group struct {
		ARN string `json:"logGroupArn"`
	} `json:"cloudWatchLogsLogGroup"`
}

type tracingConfiguration struct {
	Enabled bool `json:"enabled"`
}

type encryptionConfiguration struct {
	Type string `json:"type"`
}

// check completes what was given and says what is wrong with it.
func (g *settings) check(ctx context.Context, s *Service) error {
	if l := g.Logging; l != nil {
		if l.Level == "" {
			l.Level = "OFF"
		}
		n := 0
		if l.Destinations != nil {
			n = len(*l.Destinations)
		}
		if n > 1 || n == 0 && l.Level != "OFF" {
			return fault("InvalidLoggingConfiguration", "Invalid Logging Configuration: Must specify exactly one Log Destination.")
		}
		if n == 1 && s.logGroup != nil {
			ok, err := s.logGroup(ctx, (*l.Destinations)[0].Group.ARN)
			if err != nil {
				return err
			}
			if !ok {
				return fault("InvalidLoggingConfiguration", "Invalid Logging Configuration: Log Destination not found.")
			}
		}
	}
	return g.Encryption.check()
}

// check refuses keys that nothing here would use.
func (e *encryptionConfiguration) check() error {
	if e != nil && e.Type != "AWS_OWNED_KEY" {
		return fault("InvalidEncryptionConfiguration", "Invalid Encryption Configuration: %s is not supported, want AWS_OWNED_KEY", e.Type)
	}
	return nil
}

// stored is what is kept of the settings: {} where they are the defaults,
// so that a machine created with them and one created without are the same.
func (g settings) stored() json.RawMessage {
	if l := g.Logging; l != nil && l.Level == "OFF" && !l.IncludeExecutionData && l.Destinations == nil {
		g.Logging = nil
	}
	if t := g.Tracing; t != nil && !t.Enabled {
		g.Tracing = nil
	}
	g.Encryption = nil // one kind only
	return mustJSON(g)
}

// settingsOf reads back what a machine was given, with the defaults in place.
func settingsOf(m engine.StateMachine) (g settings, err error) {
	if len(m.Settings) > 0 {
		err = json.Unmarshal(m.Settings, &g)
	}
	if g.Logging == nil {
		g.Logging = &loggingConfiguration{Level: "OFF"}
	}
	if g.Tracing == nil {
		g.Tracing = &tracingConfiguration{}
	}
	if g.Encryption == nil {
		g.Encryption = &encryptionConfiguration{Type: "AWS_OWNED_KEY"}
	}
	return g, err
}

type createStateMachineInput struct {
	Name       string       `json:"name"`
	Definition string       `json:"definition"`
	RoleARN    string       `json:"roleArn"`
	Type       string       `json:"type"`
	Tags       []engine.Tag `json:"tags"`
	publishing
	settings
}

func (s *Service) createStateMachine(ctx context.Context, in *createStateMachineInput) (any, error) {
	if err := checkName(in.Name); err != nil {
		return nil, err
	}
	if err := checkRole(in.RoleARN); err != nil {
		return nil, err
	}
	if err := in.publishing.check(); err != nil {
		return nil, err
	}
	if in.Type == "" {
		in.Type = string(engine.Standard)
	}
	if err := in.settings.check(ctx, s); err != nil {
		return nil, err
	}
	if err := s.accept(in.Definition, in.Type == string(engine.Express)); err != nil {
		return nil, err
	}
	m, err := s.engine.CreateStateMachine(ctx, engine.CreateStateMachine{
		Name: in.Name, Type: engine.MachineType(in.Type), Definition: in.Definition, RoleARN: in.RoleARN, Settings: in.settings.stored(),
		Tags: in.Tags, Publish: in.Publish, VersionDescription: in.Description,
	})
	if err != nil {
		return nil, definitionFault(err, "")
	}
	return struct {
		ARN     string `json:"stateMachineArn"`
		Created stamp  `json:"creationDate"`
		Version string `json:"stateMachineVersionArn,omitempty"`
	}{m.ARN, stamp(m.Created), m.VersionARN}, nil
}

type updateStateMachineInput struct {
	ARN        string  `json:"stateMachineArn"`
	Definition *string `json:"definition"`
	RoleARN    *string `json:"roleArn"`
	publishing
	settings
}

func (s *Service) updateStateMachine(ctx context.Context, in *updateStateMachineInput) (any, error) {
	if err := checkMachine(in.ARN); err != nil {
		return nil, err
	}
	if in.Definition == nil && in.RoleARN == nil && in.Logging == nil && in.Tracing == nil && in.Encryption == nil {
		return nil, fault("MissingRequiredParameter", "Either the definition, the role ARN, the LoggingConfiguration, or the TracingConfiguration must be specified")
	}
	if err := in.publishing.check(); err != nil {
		return nil, err
	}
	if in.RoleARN != nil {
		if err := checkRole(*in.RoleARN); err != nil {
			return nil, err
		}
	}
	if err := in.settings.check(ctx, s); err != nil {
		return nil, err
	}
	var kept json.RawMessage
	if in.Logging != nil || in.Tracing != nil || in.Encryption != nil {
		old, err := s.engine.DescribeStateMachine(ctx, in.ARN)
		if err != nil {
			return nil, translated(err, in.ARN)
		}
		g, err := settingsOf(old)
		if err != nil {
			return nil, err
		}
		if in.Logging != nil {
			g.Logging = in.Logging
		}
		if in.Tracing != nil {
			g.Tracing = in.Tracing
		}
		kept = g.stored()
	}
	if in.Definition != nil {
		old, err := s.engine.DescribeStateMachine(ctx, in.ARN)
		if err != nil {
			return nil, translated(err, in.ARN)
		}
		if err := s.accept(*in.Definition, old.Type == engine.Express); err != nil {
			return nil, err
		}
	}
	m, err := s.engine.UpdateStateMachine(ctx, engine.UpdateStateMachine{
		ARN: in.ARN, Definition: in.Definition, RoleARN: in.RoleARN, Settings: kept, Publish: in.Publish, VersionDescription: in.Description,
	})
	if err != nil {
		return nil, definitionFault(err, in.ARN)
	}
	return struct {
		Updated  stamp  `json:"updateDate"`
		Revision string `json:"revisionId,omitempty"`
		Version  string `json:"stateMachineVersionArn,omitempty"`
	}{stamp(m.Updated), m.Revision, m.VersionARN}, nil
}

type machineARN struct {
	ARN      string `json:"stateMachineArn"`
	Included string `json:"includedData"`
}

func (s *Service) deleteStateMachine(ctx context.Context, in *machineARN) (any, error) {
	if err := checkMachine(in.ARN); err != nil {
		return nil, err
	}
	err := s.engine.DeleteStateMachine(ctx, in.ARN)
	if errors.Is(err, engine.ErrMachineNotFound) {
		err = nil
	}
	return nil, translated(err, in.ARN)
}

// described is a state machine as it is described.
type described struct {
	ARN         string              `json:"stateMachineArn"`
	Name        string              `json:"name"`
	Status      string              `json:"status,omitempty"`
	Definition  string              `json:"definition,omitempty"`
	RoleARN     string              `json:"roleArn"`
	Type        string              `json:"type,omitempty"`
	Created     *stamp              `json:"creationDate,omitempty"`
	Updated     *stamp              `json:"updateDate,omitempty"`
	Description string              `json:"description,omitempty"`
	Revision    string              `json:"revisionId,omitempty"`
	References  map[string][]string `json:"variableReferences,omitempty"`
	settings
}

// describe puts a machine into the answer's shape; included is includedData.
func describe(m engine.StateMachine, included string) (described, error) {
	g, err := settingsOf(m)
	d := described{
		ARN: m.ARN, Name: m.Name, RoleARN: m.RoleARN, Revision: m.Revision, Description: m.Description, settings: g,
	}
	if included != "METADATA_ONLY" {
		d.Definition = m.Definition
		if parsed, err := asl.Compile([]byte(m.Definition)); err == nil {
			d.References = parsed.VariableReferences()
		}
	}
	return d, err
}

func (s *Service) describeStateMachine(ctx context.Context, in *machineARN) (any, error) {
	if err := checkMachine(in.ARN); err != nil {
		return nil, err
	}
	m, err := s.engine.DescribeStateMachine(ctx, in.ARN)
	if err != nil {
		return nil, translated(err, in.ARN)
	}
	d, err := describe(m, in.Included)
	d.Status, d.Type, d.Created = m.Status, string(m.Type), when(m.Created)
	return d, err
}

func (s *Service) describeStateMachineForExecution(ctx context.Context, in *executionARN) (any, error) {
	if err := checkExecution(in.ARN); err != nil {
		return nil, err
	}
	m, err := s.engine.StateMachineForExecution(ctx, in.ARN)
	if err != nil {
		return nil, translated(err, in.ARN)
	}
	d, err := describe(m, in.Included)
	d.Updated = when(m.Updated)
	return d, err
}

type machineItem struct {
	ARN     string `json:"stateMachineArn"`
	Name    string `json:"name"`
	Type    string `json:"type"`
	Created stamp  `json:"creationDate"`
}

func (s *Service) listStateMachines(ctx context.Context, in *pages) (any, error) {
	machines, next, err := s.engine.ListStateMachines(ctx, engine.Page{Max: in.MaxResults, Token: in.NextToken})
	if err != nil {
		return nil, translated(err, "")
	}
	items := make([]machineItem, len(machines))
	for i, m := range machines {
		items[i] = machineItem{m.ARN, m.Name, string(m.Type), stamp(m.Created)}
	}
	return struct {
		Machines []machineItem `json:"stateMachines"`
		Next     string        `json:"nextToken,omitempty"`
	}{items, next}, nil
}

// mustJSON encodes a value that always has a JSON form.
func mustJSON(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		panic("stepfunctions: " + err.Error())
	}
	return b
}
