package jsonata

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// machine runs a program over a string, trying alternatives in order and going
// back when they fail. Every instruction is charged to the evaluation.
type machine struct {
	p     *program
	s     string
	slots []int
	stack []choice
	ev    *evaluator
}

// choice is where to go on after a failure; with pc < 0 it restores slot ^pc to pos.
type choice struct{ pc, pos int }

// find returns the slots of the leftmost match at or after from, or nil.
func (p *program) find(ev *evaluator, s string, from int) ([]int, error) {
	m := machine{p: p, s: s, ev: ev, slots: make([]int, p.slots)}
	first := p.code[1]
	for at := from; at <= len(s); {
		if first.op == opChar && !p.fold {
			// A match starts with this character: go where it is.
			i := strings.IndexRune(s[at:], first.r)
			if i < 0 {
				return nil, ev.charge(1 + (len(s)-at)/64)
			}
			at += i
			if err := ev.charge(i / 64); err != nil {
				return nil, err
			}
		}
		for i := range m.slots {
			m.slots[i] = -1
		}
		m.stack = m.stack[:0]
		ok, err := m.run(0, at)
		if err != nil {
			return nil, err
		}
		if ok {
			return m.slots[:2*(p.groups+1)], nil
		}
		_, n := utf8.DecodeRuneInString(s[at:])
		at += max(n, 1)
	}
	return nil, nil
}

// set changes a slot so that going back restores it.
func (m *machine) set(slot, v int) {
	m.stack = append(m.stack, choice{^slot, m.slots[slot]})
	m.slots[slot] = v
}

// fail goes back to the last choice above base; false if there is none.
func (m *machine) fail(base int) (pc, pos int, ok bool) {
	for len(m.stack) > base {
		c := m.stack[len(m.stack)-1]
		m.stack = m.stack[:len(m.stack)-1]
		if c.pc >= 0 {
			return c.pc, c.pos, true
		}
		m.slots[^c.pc] = c.pos
	}
	return 0, 0, false
}

// maxBacktrack bounds the choices that are open at once.
const maxBacktrack = 1 << 20

// run matches from pc at pos to the next opMatch.
func (m *machine) run(pc, pos int) (bool, error) {
	base := len(m.stack)
	for {
		if err := m.ev.charge(1); err != nil {
			return false, err
		}
		if len(m.stack) > maxBacktrack {
			return false, tooDeep()
		}
		in := &m.p.code[pc]
		next, ok := pos, true
		switch in.op {
		case opMatch:
			return true, nil
		case opJump:
			pc = in.x
			continue
		case opSplit:
			m.stack = append(m.stack, choice{in.y, pos})
			pc = in.x
			continue
		case opSave:
			m.set(in.x, pos)
		case opClear:
			for i := in.x; i < in.y; i++ {
				m.set(i, -1)
			}
		case opProgress:
			ok = m.slots[in.x] != pos
		case opLook:
			mark := len(m.stack)
			found, err := m.run(pc+1, pos)
			if err != nil {
				return false, err
			}
			if ok = found != in.neg; ok && !in.neg {
				m.commit(mark)
			} else {
				for len(m.stack) > mark {
					m.fail(mark)
				}
			}
			if ok {
				pc = in.x
				continue
			}
		default:
			next, ok = m.step(in, pos)
		}
		if ok {
			pc, pos = pc+1, next
			continue
		}
		if pc, pos, ok = m.fail(base); !ok {
			return false, nil
		}
	}
}

// commit forgets the choices above mark but keeps what restores slots: a
// look-around that has matched is not tried again.
func (m *machine) commit(mark int) {
	kept := m.stack[:mark]
	for _, c := range m.stack[mark:] {
		if c.pc < 0 {
			kept = append(kept, c)
		}
	}
	m.stack = kept
}

// step matches an instruction that looks at the string.
func (m *machine) step(in *instruction, pos int) (int, bool) {
	switch in.op {
	case opStart:
		return pos, pos == 0 || m.p.multi && isLineEnd(m.before(pos))
	case opEnd:
		return pos, pos == len(m.s) || m.p.multi && isLineEnd(m.after(pos))
	case opWord:
		a := pos > 0 && isWordByte(m.s[pos-1])
		b := pos < len(m.s) && isWordByte(m.s[pos])
		return pos, (a != b) != in.neg
	case opBack:
		return m.backReference(in, pos)
	}
	var r rune
	var n int
	if in.back {
		if pos == 0 {
			return 0, false
		}
		r, n = utf8.DecodeLastRuneInString(m.s[:pos])
		n = -n
	} else {
		if pos >= len(m.s) {
			return 0, false
		}
		r, n = utf8.DecodeRuneInString(m.s[pos:])
	}
	ok := false
	switch in.op {
	case opChar:
		ok = r == in.r || m.p.fold && folded(r, in.r)
	case opAny:
		ok = !isLineEnd(r)
	case opClass:
		ok = in.set.has(r)
		if m.p.fold && ok == in.set.not {
			for f := unicode.SimpleFold(r); f != r && ok == in.set.not; f = unicode.SimpleFold(f) {
				ok = in.set.has(f)
			}
		}
	}
	return pos + n, ok
}

func (m *machine) before(pos int) rune {
	r, _ := utf8.DecodeLastRuneInString(m.s[:pos])
	return r
}

func (m *machine) after(pos int) rune {
	r, _ := utf8.DecodeRuneInString(m.s[pos:])
	return r
}

// backReference matches what a group has captured; a group that has not matched is empty.
func (m *machine) backReference(in *instruction, pos int) (int, bool) {
	from, to := m.slots[2*in.x], m.slots[2*in.x+1]
	if from < 0 || to < 0 {
		return pos, true
	}
	text := m.s[from:to]
	m.ev.steps -= len(text) / 64
	start, end := pos, pos+len(text)
	if in.back {
		start, end = pos-len(text), pos
	}
	if start < 0 || end > len(m.s) {
		return pos, false
	}
	ok := m.s[start:end] == text
	if !ok && m.p.fold {
		ok = sameFolded(m.s[start:end], text)
	}
	if in.back {
		return start, ok
	}
	return end, ok
}

func sameFolded(a, b string) bool {
	x, y := []rune(a), []rune(b)
	if len(x) != len(y) {
		return false
	}
	for i := range x {
		if !folded(x[i], y[i]) {
			return false
		}
	}
	return true
}
