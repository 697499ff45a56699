package asl

func (s *scope) fail(b Base) *Fail {
	f := &Fail{Base: b, Error: s.value("Error"), Cause: s.value("Cause")}
	if s.lang == JSONPath {
		f.ErrorPath = s.pathOrFunction("ErrorPath")
		f.CausePath = s.pathOrFunction("CausePath")
	}
	return f
}
