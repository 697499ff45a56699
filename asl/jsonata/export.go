package jsonata

import (
	"math"

	"millrace/asl/document"
)

// exporter turns values of an evaluation into document values, in place, and
// stops when they are too large or nest too deeply.
type exporter struct {
	budget int  // bytes of JSON that are left
	blank  bool // infinities become null rather than an error
	copy   bool // leave the values of the evaluation as they are
}

func (x *exporter) export(v any, depth int) (any, error) {
	switch v := v.(type) {
	case nil, undefinedValue, *tuples:
		return nil, x.spend(4)
	case bool:
		return v, x.spend(5)
	case string:
		return v, x.spend(len(v) + 2)
	case document.Number:
		return v, x.spend(len(v))
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			if x.blank {
				return nil, nil
			}
			return nil, faultValue("D1001", numberText(v))
		}
		return document.Float(v), x.spend(8)
	case *function:
		return "", x.spend(2)
	}
	if depth > document.MaxDepth {
		return nil, fault("D2015")
	}
	switch v := v.(type) {
	case *seq:
		return x.array(v, depth)
	case *object:
		return x.object(v, depth)
	}
	return v, x.measure(v, depth)
}

func (x *exporter) array(s *seq, depth int) (any, error) {
	if x.copy {
		s = &seq{items: append([]any{}, s.items...), lo: s.lo, n: s.n}
		if s.n > 0 {
			s.items = nil
		}
	}
	if s.items == nil {
		if err := x.spend(2 * s.n); err != nil {
			return nil, err
		}
		s.items = make([]any, s.n)
		for i := range s.items {
			s.items[i] = s.lo + float64(i)
		}
	}
	if s.flags&wasExported != 0 {
		return s.items, x.measure(s.items, depth)
	}
	if err := x.spend(2); err != nil {
		return nil, err
	}
	for i, item := range s.items {
		out, err := x.export(item, depth+1)
		if err != nil {
			return nil, err
		}
		s.items[i] = out
	}
	s.flags |= wasExported
	return s.items, nil
}

func (x *exporter) object(o *object, depth int) (any, error) {
	if o.exported {
		return &o.Object, x.measure(&o.Object, depth)
	}
	if err := x.spend(2); err != nil {
		return nil, err
	}
	if x.copy {
		o = &object{Object: *o.Clone()}
	}
	for i := range o.Len() {
		k, v := o.At(i)
		out, err := x.export(v, depth+1)
		if err == nil {
			err = x.spend(len(k) + 4)
		}
		if err != nil {
			return nil, err
		}
		switch v.(type) {
		case float64, undefinedValue, *function, *seq, *object, *tuples:
			o.Set(k, out)
		}
	}
	o.exported = true
	return &o.Object, nil
}

// measure charges for a value that is a document already.
func (x *exporter) measure(v any, depth int) error {
	switch v := v.(type) {
	case []any:
		if depth > document.MaxDepth {
			return fault("D2015")
		}
		if err := x.spend(2 + len(v)); err != nil {
			return err
		}
		for _, item := range v {
			if err := x.measure(item, depth+1); err != nil {
				return err
			}
		}
	case *document.Object:
		if depth > document.MaxDepth {
			return fault("D2015")
		}
		for i := range v.Len() {
			k, m := v.At(i)
			if err := x.spend(len(k) + 4); err != nil {
				return err
			}
			if err := x.measure(m, depth+1); err != nil {
				return err
			}
		}
	case string:
		return x.spend(len(v) + 2)
	case document.Number:
		return x.spend(len(v))
	default:
		return x.spend(5)
	}
	return nil
}

func (x *exporter) spend(n int) error {
	if x.budget -= n; x.budget < 0 {
		return fault("D2015")
	}
	return nil
}
