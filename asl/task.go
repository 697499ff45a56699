package asl

func (s *scope) task(b Base) *Task {
	t := &Task{Base: b, Parameters: s.parameters(s.n)}
	t.Resource, _ = s.n.get("Resource").text()
	t.TimeoutSeconds = s.value("TimeoutSeconds")
	t.HeartbeatSeconds = s.value("HeartbeatSeconds")
	t.Credentials = s.payload(s.n, "Credentials")
	if s.lang == JSONPath {
		t.ResultSelector = s.payload(s.n, "ResultSelector")
		t.ResultPath = s.resultPath(s.n)
		t.TimeoutSecondsPath = s.pathTo("TimeoutSecondsPath")
		t.HeartbeatSecondsPath = s.pathTo("HeartbeatSecondsPath")
	}
	t.Retry = s.retry()
	t.Catch = s.catch()
	return t
}
