package jsonata

// pushAncestry has n seek the parents that the subtree part still seeks.
func pushAncestry(n, part *node) {
	if part.seeking == nil && part.kind != kParent {
		return
	}
	if n.seeking == nil {
		n.seeking = []*slot{}
	}
	n.seeking = append(n.seeking, part.seeking...)
	if part.kind == kParent {
		n.seeking = append(n.seeking, part.slot)
	}
}

// resolve finds for each % in the last step of path p the earlier step it
// refers to; what cannot be found within p is left for what surrounds it.
func (s *shaper) resolve(p *node) *Error {
	last := p.steps[len(p.steps)-1]
	slots := append([]*slot(nil), last.seeking...)
	if last.kind == kParent {
		slots = append(slots, last.slot)
	}
	for _, sl := range slots {
		i := len(p.steps) - 2
		for sl.level > 0 {
			if i < 0 {
				p.seeking = append(p.seeking, sl)
				break
			}
			step := p.steps[i]
			i--
			// Steps side by side that bind the focus leave the context where it is.
			for i >= 0 && step.focus != "" && p.steps[i].focus != "" {
				step = p.steps[i]
				i--
			}
			if err := s.seek(step, sl); err != nil {
				return err
			}
		}
	}
	return nil
}

// seek has step carry its input in the slot's variable, or goes on looking inside it.
func (s *shaper) seek(step *node, sl *slot) *Error {
	switch step.kind {
	case kName, kWildcard:
		sl.level--
		if sl.level == 0 {
			if step.ancestor != nil {
				s.parents[sl.index].slot.label = step.ancestor.label
			}
			step.ancestor = sl
			step.tuple = true
		}
	case kParent:
		sl.level++
	case kBlock:
		if len(step.list) > 0 {
			step.tuple = true
			return s.seek(step.list[len(step.list)-1], sl)
		}
	case kPath:
		step.tuple = true
		for i := len(step.steps) - 1; i >= 0; i-- {
			if err := s.seek(step.steps[i], sl); err != nil {
				return err
			}
			if sl.level <= 0 {
				break
			}
		}
	default:
		return faultAt("S0217", step.pos, step.value)
	}
	return nil
}
