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
	machine string  // ARN it was started by, where that is of a version or an alias
	parent  *Parent // the task that waits for it
	run     int64   // the map run that it is a child of; 0: none
	items   int64   // of the map run, that it is for
}

// birthFormat is the version of birth's encoding.
const birthFormat = 1

// childFormat is what that of a map run's child begins with, and its run and items.
const childFormat = 128

func (b *birth) append(dst []byte) []byte {
	if b.run != 0 {
		dst = binary.AppendUvarint(binary.AppendUvarint(append(dst, childFormat), uint64(b.run)), uint64(b.items))
	}
	dst = append(dst, birthFormat)
	for _, s := range []string{b.role, b.trace, b.machine} {
		dst = binary.AppendUvarint(dst, uint64(len(s)))
		dst = append(dst, s...)
	}
	if p := b.parent; p != nil {
		dst = binary.AppendUvarint(dst, uint64(p.Execution))
		dst = binary.AppendUvarint(dst, uint64(p.Event))
		if p.Parse {
			dst = append(dst, 1)
		} else {
			dst = append(dst, 0)
		}
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
	if len(data) == 0 || data[0] != birthFormat {
		return b, errBirth
	}
	data = data[1:]
	number := func() uint64 {
		v, n := binary.Uvarint(data)
		if n <= 0 {
			err = errBirth
			return 0
		}
		data = data[n:]
		return v
	}
	for _, s := range []*string{&b.role, &b.trace, &b.machine} {
		n := number()
		if err != nil || n > uint64(len(data)) {
			return b, errBirth
		}
		*s, data = string(data[:n]), data[n:]
	}
	if len(data) > 0 {
		p := &Parent{Execution: int64(number()), Event: int64(number())}
		p.Parse = len(data) == 1 && data[0] == 1
		b.parent = p
	}
	return b, err
}

// docs returns what reads an execution's numbered documents in a view.
func docs(v View, id int64) interp.DocFunc {
	return func(n int64) (*document.Doc, error) {
		text, err := v.Doc(id, n)
		if err != nil {
			return nil, err
		}
		return document.FromBytes(text), nil
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
		r.definition, r.version, r.wake, r.named = row.Definition, row.Version, row.Wake, row.Named
		if r.machine, err = e.machineByID(v, row.Machine); errors.Is(err, ErrMachineNotFound) {
			return nil // a machine goes when its last execution has ended
		} else if err != nil {
			return err
		}
		found = true
		if r.birth, err = decodeBirth(row.Meta); err != nil {
			return err
		}
		if r.m, err = e.compile(e.ctx, v, row.Definition); err != nil {
			return err
		}
		if r.x, err = interp.Decode(row.Head, row.Frames, docs(v, r.id)); err != nil {
			return err
		}
		r.name = row.Name
		if !row.Named {
			r.name = e.naming.name(r.id)
		}
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
	x.MachineARN = orElse(r.birth.machine, r.machine.ARN)
	x.MachineName = r.machine.Name
	x.Express = r.machine.Type == Express
	id := r.id
	x.Token = func(event int64) string { return e.Token(id, event) }
	x.HasActivity = e.hasActivity
}

// executionARN returns an execution's ARN.
func (e *Engine) executionARN(m *machine, id int64, name string) string {
	if m.Type == Express {
		return e.arn(expressKind, m.Name, name, e.naming.name(id))
	}
	return e.arn(executionKind, m.Name, name)
}
