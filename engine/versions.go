package engine

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// MaxVersions and MaxAliases are the most of a state machine.
const (
	MaxVersions = 1000
	MaxAliases  = 100
)

// Version is a state machine as it stood when it was published. Its number is
// never given to another.
type Version struct {
	ARN         string
	Number      int64
	Description string
	Revision    string
	Created     time.Time
}

// qualifiers are the versions and aliases of a state machine, as its record
// holds them. In the cache they are immutable.
type qualifiers struct {
	Last     int64         // the highest number given out
	Versions []versionData // by number
	Aliases  []aliasData   `json:",omitempty"` // by age
}

type versionData struct {
	Number      int64
	Definition  int64 // record id
	RoleARN     string
	Revision    string          `json:",omitempty"`
	Settings    json.RawMessage `json:",omitempty"`
	Description string          `json:",omitempty"`
	Created     int64           // ms
}

func (q *qualifiers) version(number int64) *versionData {
	if i, ok := slices.BinarySearchFunc(q.Versions, number, func(v versionData, n int64) int { return int(v.Number - n) }); ok {
		return &q.Versions[i]
	}
	return nil
}

func (v *versionData) of(m *machine) Version {
	return Version{
		ARN: m.ARN + ":" + strconv.FormatInt(v.Number, 10), Number: v.Number,
		Description: v.Description, Revision: v.Revision, Created: time.UnixMilli(v.Created).UTC(),
	}
}

// qualifiersOf reads a machine's versions and aliases; none are an empty value.
// id is that of the record, 0 when there is none.
func qualifiersOf(v View, machine int64) (q *qualifiers, id int64, err error) {
	r, err := v.Record(QualifierRecord, strconv.FormatInt(machine, 10))
	if err != nil || r == nil {
		return &qualifiers{}, 0, err
	}
	q = &qualifiers{}
	if err := json.Unmarshal(r.Data, q); err != nil {
		return nil, 0, fmt.Errorf("versions of state machine %d: %w", machine, err)
	}
	return q, r.ID, nil
}

// changeQualifiers lets f change the versions and aliases of a machine within
// the unit. An error of f changes nothing.
func (e *Engine) changeQualifiers(t *tx, m *machine, f func(*qualifiers) error) error {
	q, id, err := qualifiersOf(t.t, m.ID)
	if err != nil {
		return err
	}
	if err := f(q); err != nil {
		return err
	}
	if id == 0 {
		if id, err = t.ID(); err != nil {
			return err
		}
	}
	data, err := json.Marshal(q)
	if err != nil {
		return err
	}
	t.AfterCommit(func() { e.machines.forget(m.ID) })
	return t.t.PutRecord(Record{ID: id, Kind: QualifierRecord, Name: strconv.FormatInt(m.ID, 10), Data: data})
}

// publish makes a version of a machine as it stands, unless its revision has one.
func (e *Engine) publish(t *tx, m *machine, description string) (v Version, err error) {
	q, _, err := qualifiersOf(t.t, m.ID)
	if err != nil {
		return v, err
	}
	for i := range q.Versions {
		if q.Versions[i].Revision == m.Revision {
			return q.Versions[i].of(m), nil
		}
	}
	return v, e.changeQualifiers(t, m, func(q *qualifiers) error {
		if len(q.Versions) >= MaxVersions {
			return fail(ErrTooMany, "A state machine has at most %d versions.", MaxVersions)
		}
		q.Last++
		d := versionData{
			Number: q.Last, Definition: m.definition, RoleARN: m.RoleARN, Revision: m.Revision, Settings: m.Settings,
			Description: description, Created: t.Now().UnixMilli(),
		}
		q.Versions = append(q.Versions, d)
		v = d.of(m)
		return nil
	})
}

// initialRevision stands for the revision of a machine that was never updated.
const initialRevision = "INITIAL"

// PublishVersion publishes a version of a state machine as it stands. A revision
// that has a version gets no second one. With revision (nil: any) another
// current revision is ErrRevision.
func (e *Engine) PublishVersion(ctx context.Context, arn string, revision *string, description string) (v Version, err error) {
	if _, err := e.machine(ctx, nil, arn); err != nil {
		return v, err
	}
	err = e.unit(func(t *tx) error {
		m, err := e.active(t, arn)
		if err != nil {
			return err
		}
		if current := orElse(m.Revision, initialRevision); revision != nil && orElse(*revision, initialRevision) != current {
			return fail(ErrRevision, "Failed to publish the State Machine version for revision %.100s. The current State Machine revision is %s.", *revision, current)
		}
		v, err = e.publish(t, m, description)
		return err
	})
	return v, err
}

// active is the machine of an ARN within a unit that changes it.
func (e *Engine) active(t *tx, arn string) (*machine, error) {
	m, err := e.machine(e.ctx, t.t, arn)
	if err == nil && m.Status == MachineDeleting {
		err = fail(ErrMachineDeleting, "%s", arn)
	}
	return m, err
}

// ListVersions returns the versions of a state machine, newest first.
func (e *Engine) ListVersions(ctx context.Context, arn string, p Page) (list []Version, next string, err error) {
	n, err := p.max()
	if err != nil {
		return nil, "", err
	}
	m, q, err := e.qualified(ctx, arn)
	if err != nil {
		return nil, "", err
	}
	before := q.Last + 1
	if p.Token != "" {
		if err := e.unseal("versions/"+arn, p.Token, &before); err != nil {
			return nil, "", err
		}
	}
	for i := len(q.Versions) - 1; i >= 0; i-- {
		v := &q.Versions[i]
		if v.Number >= before {
			continue
		}
		if len(list) == n {
			return list, e.seal("versions/"+arn, list[n-1].Number), nil
		}
		list = append(list, v.of(m))
	}
	return list, "", nil
}

// DeleteVersion removes a version. One that is not there is no error; one that an
// alias leads to is ErrVersionInUse. Executions of it go on.
func (e *Engine) DeleteVersion(ctx context.Context, arn string) error {
	base, qualifier, err := splitQualifier(arn)
	if err != nil {
		return err
	}
	number, err := strconv.ParseInt(qualifier, 10, 64)
	if err != nil {
		return fail(ErrInvalidARN, "%s", arn)
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
		if err != nil || q.version(number) == nil {
			return err
		}
		return e.changeQualifiers(t, m, func(q *qualifiers) error {
			var users []string
			for _, a := range q.Aliases {
				if slices.ContainsFunc(a.Routes, func(r routeData) bool { return r.Version == number }) {
					users = append(users, a.Name)
				}
			}
			if len(users) > 0 {
				return fail(ErrVersionInUse, "Version to be deleted must not be referenced by an alias. Current list of aliases referencing this version: [%s]", strings.Join(users, ", "))
			}
			q.Versions = slices.DeleteFunc(q.Versions, func(v versionData) bool { return v.Number == number })
			return nil
		})
	})
}

// splitQualifier takes the version or alias off a qualified ARN.
func splitQualifier(arn string) (base, qualifier string, err error) {
	a, err := parseARN(arn)
	switch {
	case err != nil:
		return "", "", err
	case a.kind != machineKind:
		return "", "", fail(ErrInvalidARN, "Resource type not valid in this context: %s", a.kind)
	case len(a.parts) != 2:
		return "", "", fail(ErrInvalidARN, "Invalid ARN: %.200s", arn)
	}
	i := strings.LastIndexByte(arn, ':')
	return arn[:i], arn[i+1:], nil
}

// qualified returns a machine with its versions and aliases, from the cache.
func (e *Engine) qualified(ctx context.Context, arn string) (*machine, *qualifiers, error) {
	m, err := e.machine(ctx, nil, arn)
	if err != nil {
		return nil, nil, err
	}
	if q := e.machines.qualifiers(m.ID); q != nil {
		return m, q, nil
	}
	var q *qualifiers
	err = e.store.Read(ctx, func(v View) (err error) {
		q, _, err = qualifiersOf(v, m.ID)
		return err
	})
	if err == nil {
		e.machines.keepQualifiers(m, q)
	}
	return m, q, err
}

// target finds what an execution is started of: a machine, a version, or an
// alias, which chooses a version by its weights. The machine returned stands as
// the version has it. v is as with [Engine.machine].
func (e *Engine) target(ctx context.Context, v View, arn string) (*machine, error) {
	if name, ok := strings.CutPrefix(arn, e.prefix); ok && v == nil {
		if m := e.machines.named(name); m != nil { // the way of nearly all
			return m, nil
		}
	}
	a, err := parseARN(arn)
	if err != nil || a.kind != machineKind || len(a.parts) != 2 {
		return e.machine(ctx, v, arn)
	}
	base, qualifier, err := splitQualifier(arn)
	if err != nil {
		return nil, err
	}
	var m *machine
	var q *qualifiers
	if v == nil {
		m, q, err = e.qualified(ctx, base)
	} else if m, err = e.machine(ctx, v, base); err == nil {
		q, _, err = qualifiersOf(v, m.ID)
	}
	if err != nil {
		return nil, about(err, arn)
	}
	number, alias := int64(0), ""
	if n, err := strconv.ParseInt(qualifier, 10, 64); err == nil {
		number = n
	} else if a := q.alias(qualifier); a != nil {
		number, alias = a.choose(), a.Name
	}
	d := q.version(number)
	if d == nil {
		return nil, fail(ErrMachineNotFound, "%s", arn)
	}
	c := *m
	c.definition, c.RoleARN, c.Revision, c.Settings = d.Definition, d.RoleARN, d.Revision, d.Settings
	c.Created = time.UnixMilli(d.Created).UTC()
	c.Description, c.version, c.alias = d.Description, strconv.FormatInt(number, 10), alias
	return &c, nil
}

// about names the ARN that was asked for in place of the one that was looked up.
func about(err error, arn string) error {
	if f, ok := err.(*Fault); ok {
		return fail(f.Kind, "%s", arn)
	}
	return err
}

// draw returns a random number below n.
func draw(n int) int {
	var b [8]byte
	rand.Read(b[:])
	return int(binary.BigEndian.Uint64(b[:]) % uint64(n))
}
