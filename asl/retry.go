package asl

import "millrace/asl/document"

// retry compiles the Retry field.
func (s *scope) retry() []Retrier {
	n := s.n.get("Retry")
	if n == nil || !n.isArray() {
		return nil
	}
	var list []Retrier
	for _, k := range n.kids {
		r := Retrier{ErrorEquals: texts(k.get("ErrorEquals")), IntervalSeconds: 1, MaxAttempts: 3, BackoffRate: 2}
		if i, ok := integer(k.get("IntervalSeconds")); ok {
			r.IntervalSeconds = i
		}
		if i, ok := integer(k.get("MaxAttempts")); ok {
			r.MaxAttempts = i
		}
		if i, ok := integer(k.get("MaxDelaySeconds")); ok {
			r.MaxDelaySeconds = i
		}
		if b := k.get("BackoffRate"); b != nil {
			if f, ok := b.value.(document.Number); ok {
				r.BackoffRate = f.Float64()
			}
		}
		j, _ := k.get("JitterStrategy").text()
		r.FullJitter = j == "FULL"
		list = append(list, r)
	}
	return list
}

// catch compiles the Catch field.
func (s *scope) catch() []Catcher {
	n := s.n.get("Catch")
	if n == nil || !n.isArray() {
		return nil
	}
	var list []Catcher
	for _, k := range n.kids {
		s.catching = true
		c := Catcher{ErrorEquals: texts(k.get("ErrorEquals")), Assign: s.assign(k)}
		c.Next, _ = k.get("Next").text()
		if s.lang == JSONata {
			c.Output = s.valueOf(k.get("Output"))
		} else {
			c.ResultPath = s.resultPath(k)
		}
		s.catching = false
		list = append(list, c)
	}
	return list
}

// texts returns the strings of an array.
func texts(n *node) []string {
	if n == nil || !n.isArray() {
		return nil
	}
	var list []string
	for _, k := range n.kids {
		if t, ok := k.text(); ok {
			list = append(list, t)
		}
	}
	return list
}
