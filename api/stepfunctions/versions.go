package stepfunctions

import (
	"context"

	"millrace/engine"
)

// publishing are the members that ask for a version of what is created or updated.
type publishing struct {
	Publish     bool   `json:"publish"`
	Description string `json:"versionDescription"`
}

func (p *publishing) check() error {
	if p.Description != "" && !p.Publish {
		return fault("ValidationException", "Version description can only be set when publish is true")
	}
	return nil
}

type publishInput struct {
	ARN         string  `json:"stateMachineArn"`
	Revision    *string `json:"revisionId"`
	Description string  `json:"description"`
}

// versionItem is a version as it is published and listed.
type versionItem struct {
	ARN     string `json:"stateMachineVersionArn"`
	Created stamp  `json:"creationDate"`
}

func (s *Service) publishStateMachineVersion(ctx context.Context, in *publishInput) (any, error) {
	if err := checkMachine(in.ARN); err != nil {
		return nil, err
	}
	v, err := s.engine.PublishVersion(ctx, in.ARN, in.Revision, in.Description)
	if err != nil {
		return nil, translated(err, in.ARN)
	}
	return versionItem{v.ARN, stamp(v.Created)}, nil
}

type versionARN struct {
	ARN string `json:"stateMachineVersionArn"`
}

func (s *Service) deleteStateMachineVersion(ctx context.Context, in *versionARN) (any, error) {
	if err := checkMachine(in.ARN); err != nil {
		return nil, err
	}
	return nil, translated(s.engine.DeleteVersion(ctx, in.ARN), in.ARN)
}

type listOfMachine struct {
	ARN string `json:"stateMachineArn"`
	pages
}

func (s *Service) listStateMachineVersions(ctx context.Context, in *listOfMachine) (any, error) {
	if err := checkMachine(in.ARN); err != nil {
		return nil, err
	}
	versions, next, err := s.engine.ListVersions(ctx, in.ARN, engine.Page{Max: in.MaxResults, Token: in.NextToken})
	if err != nil {
		return nil, translated(err, in.ARN)
	}
	items := make([]versionItem, len(versions))
	for i, v := range versions {
		items[i] = versionItem{v.ARN, stamp(v.Created)}
	}
	return struct {
		Versions []versionItem `json:"stateMachineVersions"`
		Next     string        `json:"nextToken,omitempty"`
	}{items, next}, nil
}

// route is an entry of routingConfiguration.
type route struct {
	ARN    string `json:"stateMachineVersionArn"`
	Weight int    `json:"weight"`
}

type aliasInput struct {
	ARN         string  `json:"stateMachineAliasArn"`
	Name        string  `json:"name"`
	Description *string `json:"description"`
	Routing     []route `json:"routingConfiguration"`
}

// routes is the routing configuration as the engine has it; nil where none was given.
func (in *aliasInput) routes() (list []engine.Route, err error) {
	for _, r := range in.Routing {
		if err := checkMachine(r.ARN); err != nil {
			return nil, err
		}
		list = append(list, engine.Route{VersionARN: r.ARN, Weight: r.Weight})
	}
	return list, nil
}

// aliasItem is an alias as it is created and listed.
type aliasItem struct {
	ARN     string `json:"stateMachineAliasArn"`
	Created stamp  `json:"creationDate"`
}

func (s *Service) createStateMachineAlias(ctx context.Context, in *aliasInput) (any, error) {
	list, err := in.routes()
	if err != nil {
		return nil, err
	}
	description := ""
	if in.Description != nil {
		description = *in.Description
	}
	a, err := s.engine.CreateAlias(ctx, in.Name, description, list)
	if err != nil {
		return nil, translated(err, "")
	}
	return aliasItem{a.ARN, stamp(a.Created)}, nil
}

func (s *Service) updateStateMachineAlias(ctx context.Context, in *aliasInput) (any, error) {
	if err := checkMachine(in.ARN); err != nil {
		return nil, err
	}
	if in.Description == nil && in.Routing == nil {
		return nil, fault("ValidationException", "Either the description or the routing configuration must be specified")
	}
	list, err := in.routes()
	if err != nil {
		return nil, err
	}
	a, err := s.engine.UpdateAlias(ctx, in.ARN, in.Description, list)
	if err != nil {
		return nil, translated(err, in.ARN)
	}
	return struct {
		Updated stamp `json:"updateDate"`
	}{stamp(a.Updated)}, nil
}

func (s *Service) deleteStateMachineAlias(ctx context.Context, in *aliasInput) (any, error) {
	if err := checkMachine(in.ARN); err != nil {
		return nil, err
	}
	return nil, translated(s.engine.DeleteAlias(ctx, in.ARN), in.ARN)
}

func (s *Service) describeStateMachineAlias(ctx context.Context, in *aliasInput) (any, error) {
	if err := checkMachine(in.ARN); err != nil {
		return nil, err
	}
	a, err := s.engine.DescribeAlias(ctx, in.ARN)
	if err != nil {
		return nil, translated(err, in.ARN)
	}
	list := make([]route, len(a.Routes))
	for i, r := range a.Routes {
		list[i] = route{r.VersionARN, r.Weight}
	}
	return struct {
		ARN         string  `json:"stateMachineAliasArn"`
		Name        string  `json:"name"`
		Description string  `json:"description,omitempty"`
		Routing     []route `json:"routingConfiguration"`
		Created     stamp   `json:"creationDate"`
		Updated     stamp   `json:"updateDate"`
	}{a.ARN, a.Name, a.Description, list, stamp(a.Created), stamp(a.Updated)}, nil
}

func (s *Service) listStateMachineAliases(ctx context.Context, in *listOfMachine) (any, error) {
	if err := checkMachine(in.ARN); err != nil {
		return nil, err
	}
	aliases, next, err := s.engine.ListAliases(ctx, in.ARN, engine.Page{Max: in.MaxResults, Token: in.NextToken})
	if err != nil {
		return nil, translated(err, in.ARN)
	}
	items := make([]aliasItem, len(aliases))
	for i, a := range aliases {
		items[i] = aliasItem{a.ARN, stamp(a.Created)}
	}
	return struct {
		Aliases []aliasItem `json:"stateMachineAliases"`
		Next    string      `json:"nextToken,omitempty"`
	}{items, next}, nil
}
