package asl

func (s *scope) parallel(b Base) *Parallel {
	p := &Parallel{Base: b, Parameters: s.parameters(s.n)}
	if s.lang == JSONPath {
		p.ResultSelector = s.payload(s.n, "ResultSelector")
		p.ResultPath = s.resultPath(s.n)
	}
	if n := s.n.get("Branches"); n != nil && n.isArray() {
		for _, k := range n.kids {
			p.Branches = append(p.Branches, s.c.block(k))
		}
	}
	p.Retry = s.retry()
	p.Catch = s.catch()
	return p
}
