package engine

import (
	"encoding/binary"
	"errors"
	"fmt"

	"millrace/asl/document"
	"millrace/engine/interp"
)

// birth is what is settled when an execution starts and the interpreter does not
// keep: it is stored once, in the meta column.
type birth struct {
	role    string
	trace   string
	version string  // number, where it was started by a version or an alias
	alias   string  // name, where it was started by an alias
	parent  *Parent // the task that waits for it
	run     int64   // the map run that it is a child of; 0: none
	items   int64   // of the map run, that it is for
}

// startedBy is the ARN of the alias, version or machine that the execution was started by.
func (b *birth) startedBy(m *machine) string {
	if q := orElse(b.alias, b.version); q != "" {
		return m.ARN + ":" + q
	}
	return m.ARN
}

// birthFormat is the version of birth's encoding.
const birthFormat = 1

// childFormat is what that of a map run's child begins with, and its run and items.
const childFormat = 128

// The flags of birth's encoding.
const (
	birthParent = 1 << iota
	birthParse
)

func (b *birth) append(dst []byte) []byte {
	flags := byte(0)
	if b.parent != nil {
		if flags |= birthParent; b.parent.Parse {
			flags |= birthParse
		}
	}
	if b.run != 0 {
		dst = binary.AppendUvarint(binary.AppendUvarint(append(dst, childFormat), uint64(b.run)), uint64(b.items))
	}
	dst = append(dst, birthFormat, flags)
	for _, s := range []string{b.role, b.trace, b.version, b.alias} {
		dst = binary.AppendUvarint(dst, uint64(len(s)))
		dst = append(dst, s...)
	}
	if p := b.parent; p != nil {
		dst = binary.AppendUvarint(dst, uint64(p.Execution))
		dst = binary.AppendUvarint(dst, uint64(p.Event))
	}
	return dst
}

var errBirth = errors.New("what is stored of the execution's start is damaged")

func decodeBirth(data []byte) (b birth, err error) {
	if len(data) > 0 && data[0] == childFormat {
		if data, err = b.decodeChild(data[1:]); err != nil {
			return b, err
		}
	}
	if len(data) < 2 || data[0] != birthFormat {
		return b, errBirth
	}
	flags := data[1]
	data = data[2:]
	number := func() int64 {
		v, n := binary.Uvarint(data)
		if n <= 0 {
			err = errBirth
			return 0
		}
		data = data[n:]
		return int64(v)
	}
	for _, s := range []*string{&b.role, &b.trace, &b.version, &b.alias} {
		n := number()
		if err != nil || n < 0 || n > int64(len(data)) {
			return b, errBirth
		}
		*s, data = string(data[:n]), data[n:]
	}
	if flags&birthParent != 0 {
		b.parent = &Parent{Execution: number(), Event: number(), Parse: flags&birthParse != 0}
	}
	return b, err
}

// docs returns what reads an execution's numbered documents in a view, each once.
func docs(v View, id int64) interp.DocFunc {
	var known map[int64]*document.Doc
	return func(n int64) (*document.Doc, error) {
		if d := known[n]; d != nil {
			return d, nil
		}
		text, err := v.Doc(id, n)
		if err != nil {
			return nil, err
		}
		if known == nil {
			known = map[int64]*document.Doc{}
		}
		known[n] = document.FromBytes(text)
		return known[n], nil
	}
}

// load makes r's execution of what is stored. found is false when there is none;
// of one that has ended nothing is made.
func (e *Engine) load(r *resident) (found bool, err error) {
	err = e.store.Read(e.ctx, func(v View) error {
		row, err := v.Load(r.id)
		if err != nil || row == nil {
			return err
		}
		r.definition, r.version, r.wake, r.tokens, r.named = row.Definition, row.Version, row.Wake, row.Token, row.Named
		if r.machine, err = e.machineByID(v, row.Machine); errors.Is(err, ErrMachineNotFound) {
			return nil // a machine goes when its last execution has ended
		} else if err != nil {
			return err
		}
		if found = true; row.Status != interp.Running {
			return nil
		}
		if r.birth, err = decodeBirth(row.Meta); err != nil {
			return err
		}
		if r.m, err = e.compile(e.ctx, v, row.Definition); err != nil {
			return err
		}
		frames, err := v.Frames(r.id)
		if err != nil {
			return err
		}
		if r.x, err = interp.Decode(row.Head, frames, docs(v, r.id)); err != nil {
			return err
		}
		r.name = e.nameOf(row)
		return nil
	})
	if err != nil {
		r.x = nil
		return found, fmt.Errorf("load execution %d: %w", r.id, err)
	}
	if r.x != nil {
		e.dress(r)
	}
	return found, nil
}

// dress sets the fields of r's execution that are not part of what is stored.
func (e *Engine) dress(r *resident) {
	x := r.x
	x.ID, x.Name, x.RoleARN = r.id, r.name, r.birth.role
	x.ARN = e.executionARN(r.machine, r.id, r.name)
	x.MachineARN = r.birth.startedBy(r.machine)
	x.MachineName = r.machine.Name
	x.Express = r.machine.Type == Express
	x.Token = func(event int64) string {
		if r.sealed != event {
			r.sealed, r.token = event, e.Token(r.id, event)
		}
		return r.token
	}
	x.HasActivity = e.hasActivity
}

// nameOf returns the name of a stored execution.
func (e *Engine) nameOf(row *ExecutionRow) string {
	if row.Named {
		return row.Name
	}
	return e.naming.name(row.ID)
}

// executionARN returns an execution's ARN.
func (e *Engine) executionARN(m *machine, id int64, name string) string {
	if m.Type == Express {
		return e.arn(expressKind, m.Name, name, e.naming.name(id))
	}
	return e.arn(executionKind, m.Name, name)
}
