package table

import (
	"context"
	"encoding/json"
	"hash/fnv"

	"millrace/engine"
	"millrace/tasks"
)

// maxPage is the most bytes of items that one page of Query or Scan reads.
const maxPage = 1 << 20

// searchInput is the input of Query and Scan.
type searchInput struct {
	readInput
	Index     string  `json:"IndexName"`
	Condition *string `json:"KeyConditionExpression"`
	Filter    *string `json:"FilterExpression"`
	Forward   *bool   `json:"ScanIndexForward"`
	Limit     *int    `json:"Limit"`
	Select    string  `json:"Select"`
	Start     Item    `json:"ExclusiveStartKey"`
	Segment   *int    `json:"Segment"`
	Segments  *int    `json:"TotalSegments"`
}

// found is the answer of Query and Scan.
type found struct {
	Items    *[]Item   `json:"Items,omitempty"`
	Count    int       `json:"Count"`
	Scanned  int       `json:"ScannedCount"`
	Last     Item      `json:"LastEvaluatedKey,omitempty"`
	Capacity *capacity `json:"ConsumedCapacity,omitempty"`
}

// prepared is a search that is checked.
type prepared struct {
	*searchInput
	table  *record
	filter condition
	paths  []path
}

func (q *searchInput) prepare(r engine.Reader) (*prepared, condition, error) {
	if err := q.legacy.check(); err != nil {
		return nil, nil, err
	}
	var c checks
	c.table(q.Name)
	c.enum("select", q.Select, "SPECIFIC_ATTRIBUTES", "COUNT", "ALL_ATTRIBUTES", "ALL_PROJECTED_ATTRIBUTES")
	c.enum("returnConsumedCapacity", q.Capacity, "INDEXES", "TOTAL", "NONE")
	c.atLeast("limit", q.Limit, 1)
	c.atLeast("segment", q.Segment, 0)
	c.atLeast("totalSegments", q.Segments, 1)
	c.atMost("totalSegments", q.Segments, 1000000)
	if err := c.err(); err != nil {
		return nil, nil, err
	}
	var expressions []string
	for _, e := range []*string{q.Projection, q.Condition, q.Filter} {
		if e != nil {
			expressions = append(expressions, *e)
		}
	}
	if err := q.names.check(expressions...); err != nil {
		return nil, nil, err
	}
	switch {
	case q.Projection != nil && q.Select != "" && q.Select != "SPECIFIC_ATTRIBUTES":
		return nil, nil, validation("Cannot specify the ProjectionExpression when choosing to get %s", q.Select)
	case q.Projection == nil && q.Select == "SPECIFIC_ATTRIBUTES":
		return nil, nil, validation("One or more parameter values were invalid: Must specify the AttributesToGet or ProjectionExpression when choosing to get SPECIFIC_ATTRIBUTES")
	case q.Select == "ALL_PROJECTED_ATTRIBUTES":
		return nil, nil, validation("One or more parameter values were invalid: ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName")
	case (q.Segment == nil) != (q.Segments == nil):
		missing := "Segment"
		if q.Segments == nil {
			missing = "TotalSegments"
		}
		return nil, nil, validation("The %s parameter is required but was not present in the request when parameter %s is present", missing, map[string]string{"Segment": "TotalSegments", "TotalSegments": "Segment"}[missing])
	case q.Segment != nil && *q.Segment >= *q.Segments:
		return nil, nil, validation("The Segment parameter is zero-based and must be less than parameter TotalSegments: Segment: %d is not less than TotalSegments: %d", *q.Segment, *q.Segments)
	}
	p := &prepared{searchInput: q}
	var err error
	if p.paths, err = parseProjection(q.Projection, &q.names); err != nil {
		return nil, nil, err
	}
	if p.filter, err = parseCondition("FilterExpression", q.Filter, &q.names); err != nil {
		return nil, nil, err
	}
	key, err := parseCondition("KeyConditionExpression", q.Condition, &q.names)
	if err != nil {
		return nil, nil, err
	}
	if err := q.names.unused(); err != nil {
		return nil, nil, err
	}
	if p.table, err = find(r, q.Name); err != nil {
		return nil, nil, err
	}
	if q.Index != "" {
		return nil, nil, validation("The table does not have the specified index: %s", q.Index)
	}
	return p, key, nil
}

func (s *Service) query(_ context.Context, r engine.Reader, _ tasks.Caller, in json.RawMessage) (any, error) {
	var q searchInput
	if err := tasks.Decode(in, &q); err != nil {
		return nil, err
	}
	q.Segment, q.Segments = nil, nil
	p, key, err := q.prepare(r)
	if err != nil {
		return nil, err
	}
	if key == nil {
		return nil, validation("Either the KeyConditions or KeyConditionExpression parameter must be specified in the request.")
	}
	rng, err := p.table.schema.keyCondition(key)
	if err != nil {
		return nil, err
	}
	for _, f := range conditionPaths(p.filter) {
		if p.table.schema.has(f[0].name) {
			return nil, validation("Filter Expression can only contain non-primary key attributes: Primary key attribute: %s", f[0].name)
		}
	}
	rng.descending = q.Forward != nil && !*q.Forward
	if q.Start != nil {
		hash, rang, err := p.table.schema.ofKey(q.Start)
		if err != nil || string(hash) != string(rng.hash) {
			return nil, validation("The provided starting key is invalid")
		}
		rng.start, rng.hasStart = rang, true
	}
	where, args := rng.where()
	return p.run(r, where, args)
}

func (s *Service) scan(_ context.Context, r engine.Reader, _ tasks.Caller, in json.RawMessage) (any, error) {
	var q searchInput
	if err := tasks.Decode(in, &q); err != nil {
		return nil, err
	}
	q.Condition = nil
	p, _, err := q.prepare(r)
	if err != nil {
		return nil, err
	}
	where, args := "", []any(nil)
	if q.Start != nil {
		hash, rang, err := p.table.schema.ofKey(q.Start)
		if err != nil {
			return nil, validation("The provided starting key is invalid: %s", "The provided key element does not match the schema")
		}
		where, args = ` AND (hash_key, range_key) > (?, ?)`, []any{hash, rang}
	}
	return p.run(r, where+` ORDER BY hash_key, range_key`, args)
}

// run reads a page.
func (p *prepared) run(r engine.Reader, where string, args []any) (any, error) {
	out := found{}
	items := []Item{}
	size, cut := 0, false
	err := eachItem(r, p.table.id, where, args, func(hash []byte, it Item) (bool, error) {
		if p.Segment != nil && !inSegment(hash, *p.Segment, *p.Segments) {
			return true, nil
		}
		n := it.size()
		if size+n > maxPage && out.Scanned > 0 {
			cut = true // and out.Last is the one before
			return false, nil
		}
		size += n
		out.Scanned++
		out.Last = p.table.schema.of(it)
		if p.filter == nil || p.filter.holds(it) {
			out.Count++
			if p.Select != "COUNT" {
				items = append(items, project(it, p.paths))
			}
		}
		return p.Limit == nil || out.Scanned < *p.Limit, nil
	})
	if err != nil {
		return nil, err
	}
	if !cut && (p.Limit == nil || out.Scanned < *p.Limit) {
		out.Last = nil
	}
	if p.Select != "COUNT" {
		out.Items = &items
	}
	out.Capacity = used(p.Capacity, p.table.name, size, readBlock, p.unit())
	return out, nil
}

func inSegment(hash []byte, segment, segments int) bool {
	h := fnv.New32a()
	h.Write(hash)
	return int(h.Sum32())%segments == segment
}

// conditionPaths are the paths that a condition reads.
func conditionPaths(c condition) (paths []path) {
	operands := func(list ...operand) {
		for _, o := range list {
			for o.fn != "" {
				o = o.args[0]
			}
			if o.path != nil {
				paths = append(paths, o.path)
			}
		}
	}
	switch c := c.(type) {
	case notCondition:
		return conditionPaths(c.c)
	case allOf:
		for _, e := range c.list {
			paths = append(paths, conditionPaths(e)...)
		}
	case anyOf:
		for _, e := range c.list {
			paths = append(paths, conditionPaths(e)...)
		}
	case comparison:
		operands(c.a, c.b)
	case between:
		operands(c.v, c.low, c.high)
	case oneOf:
		operands(append([]operand{c.v}, c.list...)...)
	case predicate:
		operands(c.args...)
	}
	return paths
}
