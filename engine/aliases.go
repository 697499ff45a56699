package engine

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"time"
)

// Alias is a name for one or two versions of a state machine. An execution that
// is started by it runs one of them, chosen by weight.
type Alias struct {
	ARN         string
	Name        string
	Description string
	Routes      []Route
	Created     time.Time
	Updated     time.Time
}

// Route is a version and how many of 100 starts it gets.
type Route struct {
	VersionARN string
	Weight     int
}

type aliasData struct {
	Name        string
	Description string `json:",omitempty"`
	Routes      []routeData
	Created     int64 // ms
	Updated     int64
}

type routeData struct {
	Version int64
	Weight  int
}

func (q *qualifiers) alias(name string) *aliasData {
	for i := range q.Aliases {
		if q.Aliases[i].Name == name {
			return &q.Aliases[i]
		}
	}
	return nil
}

// choose draws a version.
func (a *aliasData) choose() int64 {
	n := draw(100)
	for _, r := range a.Routes {
		if n -= r.Weight; n < 0 {
			return r.Version
		}
	}
	return a.Routes[0].Version
}

func (a *aliasData) of(m *machine) Alias {
	out := Alias{
		ARN: m.ARN + ":" + a.Name, Name: a.Name, Description: a.Description,
		Created: time.UnixMilli(a.Created).UTC(), Updated: time.UnixMilli(a.Updated).UTC(),
	}
	for _, r := range a.Routes {
		out.Routes = append(out.Routes, Route{m.ARN + ":" + strconv.FormatInt(r.Version, 10), r.Weight})
	}
	return out
}

// routes checks the routes of an alias and returns them with the ARN of the
// machine that they belong to.
func routes(list []Route) (base string, out []routeData, err error) {
	if len(list) < 1 || len(list) > 2 {
		return "", nil, fail(ErrInvalidRouting, "Routing configuration must contain one or two state machine versions.")
	}
	total := 0
	arns, weights := "", ""
	for i, r := range list {
		if i > 0 {
			arns, weights = arns+", ", weights+", "
		}
		arns, weights = arns+r.VersionARN, weights+strconv.Itoa(r.Weight)
	}
	for _, r := range list {
		b, qualifier, err := splitQualifier(r.VersionARN)
		number, bad := strconv.ParseInt(qualifier, 10, 64)
		if err != nil || bad != nil {
			return "", nil, fail(ErrInvalidRouting, "Routing configuration must contain state machine version ARNs. Received: [%.600s]", arns)
		}
		if base != "" && b != base {
			return "", nil, fail(ErrInvalidRouting, "Routing configuration must contain versions of one state machine. Received: [%.600s]", arns)
		}
		if len(out) > 0 && out[0].Version == number {
			return "", nil, fail(ErrInvalidRouting, "Routing configuration must contain distinct state machine version ARNs. Received: [%.600s]", arns)
		}
		base, out, total = b, append(out, routeData{number, r.Weight}), total+r.Weight
	}
	if total != 100 {
		return "", nil, fail(ErrInvalidRouting, "Sum of routing configuration weights must equal 100. Received: [%s]", weights)
	}
	return base, out, nil
}

// known refuses routes to versions that are not there.
func (q *qualifiers) known(list []routeData) error {
	for _, r := range list {
		if q.version(r.Version) == nil {
			return fail(ErrAliasNotFound, "version %d", r.Version)
		}
	}
	return nil
}

// noAlias says of a machine that is not there that its aliases are not.
func noAlias(err error) error {
	if errors.Is(err, ErrMachineNotFound) {
		return fail(ErrAliasNotFound, "%v", err)
	}
	return err
}

// CreateAlias makes an alias. One that is there and equal is returned; another
// under the name is ErrAliasExists. Errors are also ErrInvalidRouting and, for a
// version that is not there, ErrAliasNotFound.
func (e *Engine) CreateAlias(ctx context.Context, name, description string, list []Route) (a Alias, err error) {
	base, to, err := routes(list)
	if err != nil {
		return a, err
	}
	err = e.unit(func(t *tx) error {
		m, err := e.active(t, base)
		if err != nil {
			return noAlias(err)
		}
		return e.changeQualifiers(t, m, func(q *qualifiers) error {
			if err := q.known(to); err != nil {
				return err
			}
			if old := q.alias(name); old != nil {
				if old.Description != description || !slices.Equal(old.Routes, to) {
					return fail(ErrAliasExists, "Failed to create alias because an alias with the same name and a different routing configuration already exists.")
				}
				a = old.of(m)
				return nil
			}
			if len(q.Aliases) >= MaxAliases {
				return fail(ErrTooMany, "A state machine has at most %d aliases.", MaxAliases)
			}
			now := t.Now().UnixMilli()
			d := aliasData{name, description, to, now, now}
			q.Aliases = append(q.Aliases, d)
			a = d.of(m)
			return nil
		})
	})
	return a, err
}

// UpdateAlias replaces what is not nil.
func (e *Engine) UpdateAlias(ctx context.Context, arn string, description *string, list []Route) (a Alias, err error) {
	base, name, err := splitQualifier(arn)
	if err != nil {
		return a, err
	}
	var to []routeData
	if list != nil {
		of := ""
		if of, to, err = routes(list); err != nil {
			return a, err
		}
		if of != base {
			return a, fail(ErrInvalidRouting, "Routing configuration must contain versions of the alias's state machine. Received: [%.300s]", list[0].VersionARN)
		}
	}
	return a, e.unit(func(t *tx) error {
		m, err := e.active(t, base)
		if err != nil {
			return noAlias(err)
		}
		return e.changeQualifiers(t, m, func(q *qualifiers) error {
			d := q.alias(name)
			if d == nil {
				return fail(ErrAliasNotFound, "%s", arn)
			}
			if err := q.known(to); err != nil {
				return err
			}
			if description != nil {
				d.Description = *description
			}
			if to != nil {
				d.Routes = to
			}
			d.Updated = t.Now().UnixMilli()
			a = d.of(m)
			return nil
		})
	})
}

// DeleteAlias removes an alias. One that is not there is no error.
func (e *Engine) DeleteAlias(ctx context.Context, arn string) error {
	base, name, err := splitQualifier(arn)
	if err != nil {
		return err
	}
	return e.unit(func(t *tx) error {
		m, err := e.machine(e.ctx, t.t, base)
		if errors.Is(err, ErrMachineNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		q, _, err := qualifiersOf(t.t, m.ID)
		if err != nil || q.alias(name) == nil {
			return err
		}
		return e.changeQualifiers(t, m, func(q *qualifiers) error {
			q.Aliases = slices.DeleteFunc(q.Aliases, func(a aliasData) bool { return a.Name == name })
			return nil
		})
	})
}

// DescribeAlias returns an alias, or ErrAliasNotFound.
func (e *Engine) DescribeAlias(ctx context.Context, arn string) (Alias, error) {
	base, name, err := splitQualifier(arn)
	if err != nil {
		return Alias{}, err
	}
	m, q, err := e.qualified(ctx, base)
	if err != nil {
		return Alias{}, noAlias(err)
	}
	d := q.alias(name)
	if d == nil {
		return Alias{}, fail(ErrAliasNotFound, "%s", arn)
	}
	return d.of(m), nil
}

// ListAliases returns the aliases of a state machine, or those that lead to a
// version, oldest first.
func (e *Engine) ListAliases(ctx context.Context, arn string, p Page) (list []Alias, next string, err error) {
	n, err := p.max()
	if err != nil {
		return nil, "", err
	}
	base, number := arn, int64(0)
	if b, qualifier, err := splitQualifier(arn); err == nil {
		if number, err = strconv.ParseInt(qualifier, 10, 64); err != nil {
			return nil, "", fail(ErrInvalidARN, "%s", arn)
		}
		base = b
	}
	m, q, err := e.qualified(ctx, base)
	if err != nil {
		return nil, "", about(err, arn)
	}
	var from int64
	if p.Token != "" {
		if err := e.unseal("aliases/"+arn, p.Token, &from); err != nil {
			return nil, "", err
		}
	}
	for i := from; i < int64(len(q.Aliases)); i++ {
		a := &q.Aliases[i]
		if number != 0 && !slices.ContainsFunc(a.Routes, func(r routeData) bool { return r.Version == number }) {
			continue
		}
		if len(list) == n {
			return list, e.seal("aliases/"+arn, i), nil
		}
		list = append(list, a.of(m))
	}
	return list, "", nil
}
