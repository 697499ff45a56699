package asl

func (s *scope) pass(b Base) *Pass {
	p := &Pass{Base: b}
	if s.lang == JSONPath {
		p.Parameters = s.payload(s.n, "Parameters")
		p.Result = s.constantDoc("Result")
		p.ResultPath = s.resultPath(s.n)
	}
	return p
}
