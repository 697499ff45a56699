package engine

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"millrace/asl"
)

// semantics is the number of the rules by which definitions are run. A change of
// the rules gets the next number and holds for executions started after it.
const semantics = 1

// machineData is a state machine as its record holds it.
type machineData struct {
	Type       MachineType
	Definition int64 // record id
	RoleARN    string
	Status     string
	Created    int64 // ms
	Updated    int64
	Revision   string          `json:",omitempty"`
	Settings   json.RawMessage `json:",omitempty"`
}

// machine is a state machine in the cache. It is immutable.
type machine struct {
	StateMachine // without the definition's text
	definition   int64

	version string // number, where an execution is started by one
	alias   string // name, where an execution is started by one
}

// machines caches state machines and compiled definitions.
type machines struct {
	mu       sync.Mutex
	byName   map[string]*machine
	byID     map[int64]*machine
	versions map[int64]*qualifiers // by machine
	compiled map[int64]*compiled
	bytes    int            // of compiled
	deleting map[int64]bool // machines that start nothing more, by id
	gone     []int64        // those of them that were removed last, the oldest first
}

// compiled is a definition ready to run.
type compiled struct {
	m    *asl.Machine
	size int // bytes, about
}

// The bounds of the caches; one that outgrows its bound is emptied. Compiled, a
// definition takes about compiledShare bytes for each byte of its text, and
// compiledBase besides.
const (
	cachedMachines    = 20000
	cachedDefinitions = 64 << 20 // bytes
	compiledShare     = 8
	compiledBase      = 1 << 10
)

// goneMachines is how many machines are remembered that were removed: who found
// one before that may only now come to start an execution of it.
const goneMachines = 10000

func (c *machines) init() {
	c.byName, c.byID, c.compiled = map[string]*machine{}, map[int64]*machine{}, map[int64]*compiled{}
	c.deleting, c.versions = map[int64]bool{}, map[int64]*qualifiers{}
}

func (c *machines) isDeleting(id int64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.deleting[id]
}

func (c *machines) named(name string) *machine {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.byName[name]
}

func (c *machines) put(m *machine) *machine {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.byID) >= cachedMachines {
		clear(c.byName)
		clear(c.byID)
		clear(c.versions)
	}
	c.byName[m.Name], c.byID[m.ID] = m, m
	return m
}

func (c *machines) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.byName)
	clear(c.byID)
}

func (c *machines) forget(id int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.versions, id)
	if m := c.byID[id]; m != nil {
		delete(c.byID, id)
		delete(c.byName, m.Name)
	}
}

// removed forgets a machine that is gone, but for that it starts nothing more.
// Another may have the same definition: it is compiled again when it is needed.
func (c *machines) removed(id, definition int64) {
	c.forget(id)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.deleting[id] = true
	c.gone = append(c.gone, id)
	if len(c.gone) > goneMachines {
		delete(c.deleting, c.gone[0])
		c.gone = c.gone[1:]
	}
	c.drop(definition)
}

// drop forgets a compiled definition. The caller holds mu.
func (c *machines) drop(definition int64) {
	if d := c.compiled[definition]; d != nil {
		c.bytes -= d.size
		delete(c.compiled, definition)
	}
}

// qualifiers returns the versions and aliases of a machine; nil: they are not kept.
func (c *machines) qualifiers(id int64) *qualifiers {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.versions[id]
}

// keepQualifiers keeps what was read while the machine stood in the cache as m:
// a change takes both out.
func (c *machines) keepQualifiers(m *machine, q *qualifiers) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.byID[m.ID] == m {
		c.versions[m.ID] = q
	}
}

// machineOf makes the cached form of a record.
func (e *Engine) machineOf(r *Record) (*machine, error) {
	var d machineData
	if err := json.Unmarshal(r.Data, &d); err != nil {
		return nil, fmt.Errorf("state machine %s: %w", r.Name, err)
	}
	m := &machine{definition: d.Definition}
	m.StateMachine = StateMachine{
		ID: r.ID, ARN: e.arn(machineKind, r.Name), Name: r.Name, Type: d.Type, RoleARN: d.RoleARN, Status: d.Status,
		Created: time.UnixMilli(d.Created).UTC(), Updated: time.UnixMilli(d.Updated).UTC(), Revision: d.Revision, Settings: d.Settings,
	}
	return m, nil
}

// machineName reads the ARN of a state machine.
func (e *Engine) machineName(arn string) (string, error) {
	a, err := parseARN(arn)
	switch {
	case err != nil:
		return "", err
	case a.kind != machineKind:
		return "", fail(ErrInvalidARN, "Resource type not valid in this context: %s", a.kind)
	case !e.ours(arn) || len(a.parts) != 1:
		return "", fail(ErrMachineNotFound, "%s", arn)
	}
	return a.parts[0], nil
}

// machine finds a state machine by its ARN. v, when there is one, sees what the
// unit at hand has written.
func (e *Engine) machine(ctx context.Context, v View, arn string) (*machine, error) {
	name, err := e.machineName(arn)
	if err != nil {
		return nil, err
	}
	if v == nil {
		if m := e.machines.named(name); m != nil {
			return m, nil
		}
	}
	var r *Record
	load := func(v View) (err error) {
		r, err = v.Record(MachineRecord, name)
		return err
	}
	if v != nil {
		err = load(v)
	} else {
		err = e.store.Read(ctx, load)
	}
	if err != nil {
		return nil, err
	}
	if r == nil {
		return nil, fail(ErrMachineNotFound, "%s", arn)
	}
	m, err := e.machineOf(r)
	if err != nil || v != nil {
		return m, err
	}
	return e.machines.put(m), nil
}

// machineByID finds a state machine by its id.
func (e *Engine) machineByID(v View, id int64) (*machine, error) {
	if id < 0 {
		return e.mapOwner(v, -id)
	}
	e.machines.mu.Lock()
	m := e.machines.byID[id]
	e.machines.mu.Unlock()
	if m != nil {
		return m, nil
	}
	r, err := v.RecordByID(id)
	if err != nil {
		return nil, err
	}
	if r == nil || r.Kind != MachineRecord {
		return nil, fmt.Errorf("state machine %d: %w", id, ErrMachineNotFound)
	}
	if m, err = e.machineOf(r); err != nil {
		return nil, err
	}
	return e.machines.put(m), nil
}

// errUnreadable says that what is stored is there or should be, and is of no use:
// unlike a database that cannot be read, that does not pass.
var errUnreadable = errors.New("what is stored cannot be used")

// compile returns a stored definition ready to run. v may be nil.
func (e *Engine) compile(ctx context.Context, v View, id int64) (*asl.Machine, error) {
	c := &e.machines
	c.mu.Lock()
	d := c.compiled[id]
	c.mu.Unlock()
	if d != nil {
		return d.m, nil
	}
	text, err := e.definition(ctx, v, id)
	if err != nil {
		return nil, err
	}
	m, err := asl.Compile(text)
	if err != nil {
		return nil, fmt.Errorf("definition %d: %w: %w", id, errUnreadable, err)
	}
	e.keepCompiled(id, m, len(text))
	return m, nil
}

func (e *Engine) keepCompiled(id int64, m *asl.Machine, text int) {
	c, size := &e.machines, compiledBase+compiledShare*text
	c.mu.Lock()
	defer c.mu.Unlock()
	c.drop(id)
	if c.bytes += size; c.bytes > cachedDefinitions {
		clear(c.compiled)
		c.bytes = size
	}
	c.compiled[id] = &compiled{m: m, size: size}
}

// definition returns the text of a stored definition. v may be nil.
func (e *Engine) definition(ctx context.Context, v View, id int64) ([]byte, error) {
	var r *Record
	load := func(v View) (err error) {
		r, err = v.RecordByID(id)
		return err
	}
	var err error
	if v != nil {
		err = load(v)
	} else {
		err = e.store.Read(ctx, load)
	}
	if err != nil {
		return nil, fmt.Errorf("definition %d: %w", id, err)
	}
	if r == nil || r.Kind != DefinitionRecord || len(r.Data) == 0 {
		return nil, fmt.Errorf("definition %d is not there: %w", id, errUnreadable)
	}
	if r.Data[0] != semantics {
		return nil, fmt.Errorf("definition %d is for rules %d, this program knows %d: %w", id, r.Data[0], semantics, errUnreadable)
	}
	return r.Data[1:], nil
}

// putDefinition stores a definition once and returns its id.
func putDefinition(t *tx, text string) (int64, error) {
	sum := sha256.Sum256([]byte(text))
	name := hex.EncodeToString(sum[:])
	r, err := t.t.Record(DefinitionRecord, name)
	if err != nil {
		return 0, err
	}
	if r != nil {
		return r.ID, nil
	}
	id, err := t.ID()
	if err != nil {
		return 0, err
	}
	return id, t.t.PutRecord(Record{ID: id, Kind: DefinitionRecord, Name: name, Data: append([]byte{semantics}, text...)})
}

// parseDefinition validates a definition.
func (e *Engine) parseDefinition(text string, t MachineType) (*asl.Machine, error) {
	m, diagnostics := asl.Parse([]byte(text), asl.Options{Strictness: e.strict, Express: t == Express})
	if m == nil {
		return nil, &DefinitionError{Diagnostics: diagnostics}
	}
	return m, nil
}
