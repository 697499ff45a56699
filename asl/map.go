package asl

func (s *scope) mapState(b Base) *Map {
	m := &Map{Base: b}
	n := s.n.get("ItemProcessor")
	if n == nil {
		n = s.n.get("Iterator")
	}
	if n != nil && n.isObject() {
		m.Processor = s.c.block(n)
		config := n.get("ProcessorConfig")
		mode, _ := config.get("Mode").text()
		kind, _ := config.get("ExecutionType").text()
		m.Distributed = mode == "DISTRIBUTED"
		m.ExpressChildren = kind == "EXPRESS"
	}
	m.Label, _ = s.n.get("Label").text()
	m.MaxConcurrency = s.value("MaxConcurrency")
	m.ToleratedFailureCount = s.value("ToleratedFailureCount")
	m.ToleratedFailurePercentage = s.value("ToleratedFailurePercentage")
	m.ItemSelector = s.payload(s.n, "ItemSelector")
	if s.lang == JSONata {
		m.Items = s.value("Items")
	} else {
		if m.ItemSelector == nil {
			m.ItemSelector = s.payload(s.n, "Parameters")
		}
		m.ItemsPath = s.pathTo("ItemsPath")
		m.MaxConcurrencyPath = s.numberIn(s.n, "MaxConcurrencyPath")
		m.ToleratedFailureCountPath = s.numberIn(s.n, "ToleratedFailureCountPath")
		m.ToleratedFailurePercentagePath = s.numberIn(s.n, "ToleratedFailurePercentagePath")
		m.ResultSelector = s.payload(s.n, "ResultSelector")
		m.ResultPath = s.resultPath(s.n)
	}
	m.ItemReader = s.itemReader()
	m.ItemBatcher = s.itemBatcher()
	m.ResultWriter = s.resultWriter()
	m.Retry = s.retry()
	m.Catch = s.catch()
	return m
}

func (s *scope) itemReader() *ItemReader {
	n := s.n.get("ItemReader")
	if n == nil || !n.isObject() {
		return nil
	}
	r := &ItemReader{Parameters: s.parameters(n)}
	r.Resource, _ = n.get("Resource").text()
	c := n.get("ReaderConfig")
	r.InputType, _ = c.get("InputType").text()
	r.ManifestType, _ = c.get("ManifestType").text()
	r.Transformation, _ = c.get("Transformation").text()
	r.CSVDelimiter, _ = c.get("CSVDelimiter").text()
	r.CSVHeaderLocation, _ = c.get("CSVHeaderLocation").text()
	r.CSVHeaders = texts(c.get("CSVHeaders"))
	r.ItemsPointer, _ = c.get("ItemsPointer").text()
	r.MaxItems = s.valueOf(c.get("MaxItems"))
	if s.lang == JSONPath {
		r.MaxItemsPath = s.numberIn(c, "MaxItemsPath")
	}
	return r
}

func (s *scope) itemBatcher() *ItemBatcher {
	n := s.n.get("ItemBatcher")
	if n == nil || !n.isObject() {
		return nil
	}
	b := &ItemBatcher{
		BatchInput:            s.payload(n, "BatchInput"),
		MaxItemsPerBatch:      s.valueOf(n.get("MaxItemsPerBatch")),
		MaxInputBytesPerBatch: s.valueOf(n.get("MaxInputBytesPerBatch")),
	}
	if s.lang == JSONPath {
		b.MaxItemsPerBatchPath = s.numberIn(n, "MaxItemsPerBatchPath")
		b.MaxInputBytesPerBatchPath = s.numberIn(n, "MaxInputBytesPerBatchPath")
	}
	return b
}

func (s *scope) resultWriter() *ResultWriter {
	n := s.n.get("ResultWriter")
	if n == nil || !n.isObject() {
		return nil
	}
	w := &ResultWriter{Parameters: s.parameters(n)}
	w.Resource, _ = n.get("Resource").text()
	c := n.get("WriterConfig")
	w.Transformation, _ = c.get("Transformation").text()
	w.OutputType, _ = c.get("OutputType").text()
	return w
}
