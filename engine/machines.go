package engine

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"errors"
	"strconv"

	"millrace/asl"
	"millrace/asl/document"
)

// MaxDefinition is the most bytes of a definition.
const MaxDefinition = 1 << 20

// DefinitionError says what is wrong with a definition. It is an ErrInvalidDefinition.
type DefinitionError struct{ Diagnostics []asl.Diagnostic }

func (e *DefinitionError) Error() string {
	for _, d := range e.Diagnostics {
		if d.Severity == asl.SeverityError {
			return ErrInvalidDefinition.Error() + ": " + d.String()
		}
	}
	return ErrInvalidDefinition.Error()
}

// Unwrap returns ErrInvalidDefinition.
func (e *DefinitionError) Unwrap() error { return ErrInvalidDefinition }

// CreateStateMachine asks for a state machine.
type CreateStateMachine struct {
	Name       string
	Type       MachineType // "": Standard
	Definition string
	RoleARN    string
	Settings   json.RawMessage // an object of whatever else is to be kept; nil: {}
	Tags       []Tag

	Publish            bool   // a version, at once
	VersionDescription string // with Publish
}

// UpdateStateMachine asks for a change of a state machine. What is nil stays.
type UpdateStateMachine struct {
	ARN        string
	Definition *string
	RoleARN    *string
	Settings   json.RawMessage

	Publish            bool   // a version of the outcome
	VersionDescription string // with Publish
}

// The statuses of a state machine.
const (
	MachineActive   = "ACTIVE"
	MachineDeleting = "DELETING"
)

// CreateStateMachine stores a state machine. One that is there already with the
// same definition, type and settings is returned as it is; another under the name
// is ErrMachineExists. Errors are also ErrInvalidName, *DefinitionError and
// ErrMachineDeleting.
func (e *Engine) CreateStateMachine(ctx context.Context, c CreateStateMachine) (StateMachine, error) {
	if err := checkName(c.Name); err != nil {
		return StateMachine{}, err
	}
	if c.Type == "" {
		c.Type = Standard
	}
	if c.Type != Standard && c.Type != Express {
		return StateMachine{}, fail(ErrTypeNotSupported, "%.100q", string(c.Type))
	}
	parsed, err := e.parseDefinition(c.Definition, c.Type)
	if err != nil {
		return StateMachine{}, err
	}
	var m *machine
	var version string
	err = e.unit(func(t *tx) error {
		old, err := t.t.Record(MachineRecord, c.Name)
		if err != nil {
			return err
		}
		if old != nil {
			if m, err = e.sameMachine(t, old, c); err != nil {
				return err
			}
			version, err = e.published(t, m, c.Publish, c.VersionDescription)
			return err
		}
		now := t.Now().UnixMilli()
		d := machineData{Type: c.Type, RoleARN: c.RoleARN, Status: MachineActive, Created: now, Updated: now, Settings: c.Settings}
		r := Record{Kind: MachineRecord, Name: c.Name}
		if r.ID, err = t.ID(); err != nil {
			return err
		}
		if m, err = e.putMachine(t, &r, &d, c.Definition); err != nil {
			return err
		}
		if err := putTags(t, m.ARN, 0, merged(nil, c.Tags)); err != nil {
			return err
		}
		version, err = e.published(t, m, c.Publish, c.VersionDescription)
		return err
	})
	if err != nil {
		return StateMachine{}, err
	}
	e.keepCompiled(m.definition, parsed, len(c.Definition))
	sm := m.StateMachine
	sm.Definition, sm.VersionARN = c.Definition, version
	return sm, nil
}

// published publishes a version if it is asked for, and returns its ARN.
func (e *Engine) published(t *tx, m *machine, asked bool, description string) (string, error) {
	if !asked {
		return "", nil
	}
	v, err := e.publish(t, m, description)
	return v.ARN, err
}

// putMachine stores a machine with its definition and refreshes the cache.
func (e *Engine) putMachine(t *tx, r *Record, d *machineData, definition string) (m *machine, err error) {
	if definition != "" {
		if d.Definition, err = putDefinition(t, definition); err != nil {
			return nil, err
		}
	}
	if r.Data, err = json.Marshal(d); err != nil {
		return nil, err
	}
	if err := t.t.PutRecord(*r); err != nil {
		return nil, err
	}
	t.AfterCommit(func() { e.machines.forget(r.ID) })
	return e.machineOf(r)
}

// sameMachine returns the stored machine if the request asks for the same.
func (e *Engine) sameMachine(t *tx, r *Record, c CreateStateMachine) (*machine, error) {
	m, err := e.machineOf(r)
	if err != nil {
		return nil, err
	}
	if m.Status == MachineDeleting {
		return nil, fail(ErrMachineDeleting, "%s", m.ARN)
	}
	text, err := e.definition(e.ctx, t.t, m.definition)
	if err != nil {
		return nil, err
	}
	if string(text) != c.Definition || m.Type != c.Type || !sameJSON(m.Settings, c.Settings) {
		return nil, fail(ErrMachineExists, "%s", m.ARN)
	}
	return m, nil
}

func sameJSON(a, b json.RawMessage) bool {
	if len(a) == 0 || len(b) == 0 {
		return len(a) == len(b)
	}
	v, err := document.Parse(a)
	w, err2 := document.Parse(b)
	return err == nil && err2 == nil && document.Equal(v, w)
}

// UpdateStateMachine changes a state machine, which gets a new revision if
// anything differs. Executions that run keep the definition they started with.
func (e *Engine) UpdateStateMachine(ctx context.Context, u UpdateStateMachine) (StateMachine, error) {
	old, err := e.machine(ctx, nil, u.ARN)
	if err != nil {
		return StateMachine{}, err
	}
	if u.Definition != nil {
		if _, err := e.parseDefinition(*u.Definition, old.Type); err != nil {
			return StateMachine{}, err
		}
	}
	var m *machine
	var version string
	err = e.unit(func(t *tx) error {
		r, err := t.t.Record(MachineRecord, old.Name)
		if err != nil {
			return err
		}
		if r == nil {
			return fail(ErrMachineNotFound, "%s", u.ARN)
		}
		var d machineData
		if err := json.Unmarshal(r.Data, &d); err != nil {
			return err
		}
		if d.Status == MachineDeleting {
			return fail(ErrMachineDeleting, "%s", u.ARN)
		}
		was := d
		text := ""
		if u.Definition != nil {
			text = *u.Definition
			if d.Definition, err = putDefinition(t, text); err != nil {
				return err
			}
		}
		if u.RoleARN != nil {
			d.RoleARN = *u.RoleARN
		}
		if u.Settings != nil {
			d.Settings = u.Settings
		}
		d.Updated = t.Now().UnixMilli()
		if d.Definition != was.Definition || d.RoleARN != was.RoleARN || !sameJSON(d.Settings, was.Settings) {
			d.Revision = randomUUID()
		}
		if m, err = e.putMachine(t, r, &d, text); err != nil {
			return err
		}
		version, err = e.published(t, m, u.Publish, u.VersionDescription)
		return err
	})
	if err != nil {
		return StateMachine{}, err
	}
	sm, err := e.withDefinition(ctx, m)
	sm.VersionARN = version
	return sm, err
}

func randomUUID() string {
	var b [16]byte
	rand.Read(b[:])
	return uuid(binary.BigEndian.Uint64(b[:8])>>3, binary.BigEndian.Uint64(b[8:])>>3)
}

func (e *Engine) withDefinition(ctx context.Context, m *machine) (StateMachine, error) {
	sm := m.StateMachine
	text, err := e.definition(ctx, nil, m.definition)
	sm.Definition = string(text)
	return sm, err
}

// DescribeStateMachine returns a state machine, or one as a version has it.
func (e *Engine) DescribeStateMachine(ctx context.Context, arn string) (StateMachine, error) {
	m, err := e.target(ctx, nil, arn)
	if err == nil && m.alias != "" {
		err = fail(ErrMachineNotFound, "%s", arn)
	}
	if err != nil {
		return StateMachine{}, err
	}
	sm, err := e.withDefinition(ctx, m)
	sm.ARN = arn
	return sm, err
}

// ListStateMachines returns state machines in the order of their creation,
// without their definitions, and the token of the next page.
func (e *Engine) ListStateMachines(ctx context.Context, p Page) (list []StateMachine, next string, err error) {
	n, err := p.max()
	if err != nil {
		return nil, "", err
	}
	var after int64
	if p.Token != "" {
		if err := e.unseal("machines", p.Token, &after); err != nil {
			return nil, "", err
		}
	}
	err = e.store.Read(ctx, func(v View) error {
		records, err := v.Records(MachineRecord, after, n+1)
		if err != nil {
			return err
		}
		if len(records) > n {
			records = records[:n]
			next = e.seal("machines", records[n-1].ID)
		}
		for i := range records {
			m, err := e.machineOf(&records[i])
			if err != nil {
				return err
			}
			list = append(list, m.StateMachine)
		}
		return nil
	})
	return list, next, err
}

// DeleteStateMachine lets a state machine end: it starts nothing more, and goes
// when its last execution has ended. One that is not there is no error.
func (e *Engine) DeleteStateMachine(ctx context.Context, arn string) error {
	m, err := e.machine(ctx, nil, arn)
	if errors.Is(err, ErrMachineNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	err = e.unit(func(t *tx) error {
		r, err := t.t.RecordByID(m.ID)
		if err != nil || r == nil {
			return err
		}
		var d machineData
		if err := json.Unmarshal(r.Data, &d); err != nil {
			return err
		}
		d.Status = MachineDeleting
		t.AfterCommit(func() {
			e.machines.mu.Lock()
			defer e.machines.mu.Unlock()
			e.machines.deleting[m.ID] = true
		})
		_, err = e.putMachine(t, r, &d, "")
		return err
	})
	if err != nil {
		return err
	}
	return e.unit(func(t *tx) error { return e.removeMachine(t, m.ID) })
}

// removeMachine removes a machine that is being deleted once nothing of it runs.
func (e *Engine) removeMachine(t *tx, id int64) error {
	running, err := t.t.Running(id)
	if err != nil || running {
		return err
	}
	r, err := t.t.RecordByID(id)
	if err != nil || r == nil || r.Kind != MachineRecord {
		return err
	}
	m, err := e.machineOf(r)
	if err != nil || m.Status != MachineDeleting {
		return err
	}
	garbage := Record{Kind: GarbageRecord, Name: strconv.FormatInt(id, 10)}
	if garbage.ID, err = t.ID(); err != nil {
		return err
	}
	if err := t.t.PutRecord(garbage); err != nil {
		return err
	}
	t.AfterCommit(func() {
		e.machines.removed(id, m.definition)
		e.house.wake()
	})
	if _, q, err := qualifiersOf(t.t, id); err != nil {
		return err
	} else if q != 0 {
		if err := t.t.DeleteRecord(q); err != nil {
			return err
		}
	}
	_, tags, err := tagsOf(t.t, m.ARN)
	if err != nil {
		return err
	}
	if err := putTags(t, m.ARN, tags, nil); err != nil {
		return err
	}
	return t.t.DeleteRecord(id)
}
