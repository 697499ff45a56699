package asl

func (s *scope) wait(b Base) *Wait {
	w := &Wait{Base: b, Seconds: s.value("Seconds"), Timestamp: s.value("Timestamp")}
	if s.lang == JSONPath {
		w.SecondsPath = s.pathTo("SecondsPath")
		w.TimestampPath = s.pathTo("TimestampPath")
	}
	return w
}
