package table

import (
	"context"
	"encoding/json"

	"millrace/engine"
	"millrace/tasks"
)

// maxItem is the most bytes of an item.
const maxItem = 400 << 10

var errItemSize = validation("Item size has exceeded the maximum allowed size")

// writeInput is what the operations that write an item share.
type writeInput struct {
	Name       string  `json:"TableName"`
	Item       Item    `json:"Item"`
	Key        Item    `json:"Key"`
	Condition  *string `json:"ConditionExpression"`
	Update     *string `json:"UpdateExpression"`
	Return     string  `json:"ReturnValues"`
	OnFailure  string  `json:"ReturnValuesOnConditionCheckFailure"`
	Capacity   string  `json:"ReturnConsumedCapacity"`
	Collection string  `json:"ReturnItemCollectionMetrics"`
	names
	legacy
}

// writeKind says which operation an input is of.
type writeKind byte

const (
	put writeKind = iota
	updating
	deleting
	checking // the ConditionCheck of a transaction
)

// change is a write that is checked and ready.
type change struct {
	table      *record
	hash, rang []byte
	key        Item
	old        Item // nil: there was none
	new        Item // nil: there will be none
	touched    []path
	read       bool // old was looked up
	keep       bool // nothing is written
}

// check refuses what the model does not allow.
func (w *writeInput) check(kind writeKind) error {
	if err := w.legacy.check(); err != nil {
		return err
	}
	var c checks
	c.table(w.Name)
	if kind == put {
		c.required("item", w.Item != nil)
	} else {
		c.required("key", w.Key != nil)
	}
	c.enum("returnValues", w.Return, "ALL_NEW", "UPDATED_OLD", "ALL_OLD", "NONE", "UPDATED_NEW")
	c.enum("returnConsumedCapacity", w.Capacity, "INDEXES", "TOTAL", "NONE")
	c.enum("returnValuesOnConditionCheckFailure", w.OnFailure, "ALL_OLD", "NONE")
	c.enum("returnItemCollectionMetrics", w.Collection, "SIZE", "NONE")
	if err := c.err(); err != nil {
		return err
	}
	if kind != updating && w.Return != "" && w.Return != "NONE" && w.Return != "ALL_OLD" {
		return validation("Return values set to invalid value")
	}
	var expressions []string
	for _, e := range []*string{w.Condition, w.Update} {
		if e != nil {
			expressions = append(expressions, *e)
		}
	}
	return w.names.check(expressions...)
}

// prepare checks a write against its table and computes what it does.
func (w *writeInput) prepare(r engine.Reader, kind writeKind) (*change, error) {
	if err := w.check(kind); err != nil {
		return nil, err
	}
	update, err := parseUpdate(w.Update, &w.names)
	if err != nil {
		return nil, err
	}
	condition, err := parseCondition("ConditionExpression", w.Condition, &w.names)
	if err != nil {
		return nil, err
	}
	if err := w.names.unused(); err != nil {
		return nil, err
	}
	t, err := find(r, w.Name)
	if err != nil {
		return nil, err
	}
	c := &change{table: t, touched: update.paths(), keep: kind == checking}
	if kind == put {
		c.hash, c.rang, err = t.schema.ofItem(w.Item)
		c.new = w.Item
	} else {
		c.hash, c.rang, err = t.schema.ofKey(w.Key)
		c.key = w.Key
	}
	if err != nil {
		return nil, err
	}
	for _, p := range c.touched {
		if t.schema.has(p[0].name) {
			return nil, validation("One or more parameter values were invalid: Cannot update attribute %s. This attribute is part of the key", p[0].name)
		}
	}
	if condition != nil || kind == updating || kind == checking || w.Return == "ALL_OLD" || t.def.StreamID != 0 {
		c.read = true
		if c.old, err = readItem(r, t.id, c.hash, c.rang); err != nil {
			return nil, err
		}
	}
	if condition != nil && !condition.holds(c.old) {
		failed := &tasks.Error{Code: "ConditionalCheckFailedException", Message: "The conditional request failed", Status: 400}
		if w.OnFailure == "ALL_OLD" && c.old != nil {
			failed.Fields = map[string]any{"Item": c.old}
		}
		return nil, failed
	}
	if kind == updating {
		before := c.old
		if before == nil {
			before = w.Key
		}
		if c.new, err = update.apply(before); err != nil {
			return nil, err
		}
	}
	if c.new != nil && c.new.size() > maxItem {
		if kind == updating {
			return nil, validation("Item size to update has exceeded the maximum allowed size")
		}
		return nil, errItemSize
	}
	return c, nil
}

// write carries a change out.
func (s *Service) write(tx engine.Tx, c *change) error {
	if c.keep {
		return nil
	}
	var err error
	if c.new != nil {
		err = putRow(tx, c.table.id, c.hash, c.rang, c.new.text())
	} else {
		err = deleteRow(tx, c.table.id, c.hash, c.rang)
	}
	if err != nil || c.table.def.StreamID == 0 {
		return err
	}
	return s.sweeper.record(tx, c, "")
}

// itemAnswer is what the writes of one item return.
type itemAnswer struct {
	Attributes Item      `json:"Attributes,omitempty"`
	Capacity   *capacity `json:"ConsumedCapacity,omitempty"`
}

type capacity struct {
	Table string  `json:"TableName"`
	Units float64 `json:"CapacityUnits"`
	Whole *units  `json:"Table,omitempty"`
}

type units struct {
	Units float64 `json:"CapacityUnits"`
}

// used is the capacity that n bytes take; nil unless it is asked for.
func used(what, table string, n int, block int, unit float64) *capacity {
	if what != "TOTAL" && what != "INDEXES" {
		return nil
	}
	c := &capacity{Table: table, Units: unit * float64(max((n+block-1)/block, 1))}
	if what == "INDEXES" {
		c.Whole = &units{c.Units}
	}
	return c
}

const (
	writeBlock = 1 << 10
	readBlock  = 4 << 10
)

func (s *Service) writeOne(tx engine.Tx, in json.RawMessage, kind writeKind) (any, error) {
	var w writeInput
	if err := tasks.Decode(in, &w); err != nil {
		return nil, err
	}
	if kind != put {
		w.Item = nil
	} else {
		w.Key, w.Update = nil, nil
	}
	if kind == deleting {
		w.Update = nil
	}
	c, err := w.prepare(tx, kind)
	if err != nil {
		return nil, err
	}
	if err := s.write(tx, c); err != nil {
		return nil, err
	}
	out := itemAnswer{Capacity: used(w.Capacity, c.table.name, max(c.old.size(), c.new.size()), writeBlock, 1)}
	switch w.Return {
	case "ALL_OLD":
		out.Attributes = c.old
	case "ALL_NEW":
		out.Attributes = c.new
	case "UPDATED_OLD":
		if c.old != nil {
			out.Attributes = project(c.old, notNilPaths(c.touched))
		}
	case "UPDATED_NEW":
		out.Attributes = project(c.new, notNilPaths(c.touched))
	}
	return out, nil
}

func notNilPaths(p []path) []path {
	if p == nil {
		return []path{}
	}
	return p
}

func (s *Service) putItem(tx engine.Tx, _ tasks.Caller, in json.RawMessage) (any, error) {
	return s.writeOne(tx, in, put)
}

func (s *Service) updateItem(tx engine.Tx, _ tasks.Caller, in json.RawMessage) (any, error) {
	return s.writeOne(tx, in, updating)
}

func (s *Service) deleteItem(tx engine.Tx, _ tasks.Caller, in json.RawMessage) (any, error) {
	return s.writeOne(tx, in, deleting)
}

// readInput is what the operations that read share.
type readInput struct {
	Name       string  `json:"TableName"`
	Key        Item    `json:"Key"`
	Projection *string `json:"ProjectionExpression"`
	Consistent bool    `json:"ConsistentRead"`
	Capacity   string  `json:"ReturnConsumedCapacity"`
	names
	legacy
}

func (q *readInput) unit() float64 {
	if q.Consistent {
		return 1
	}
	return 0.5
}

func (s *Service) getItem(_ context.Context, r engine.Reader, _ tasks.Caller, in json.RawMessage) (any, error) {
	var q readInput
	if err := tasks.Decode(in, &q); err != nil {
		return nil, err
	}
	it, t, err := q.get(r)
	if err != nil {
		return nil, err
	}
	paths, err := q.paths()
	if err != nil {
		return nil, err
	}
	out := struct {
		Item     *Item     `json:"Item,omitempty"`
		Capacity *capacity `json:"ConsumedCapacity,omitempty"`
	}{Capacity: used(q.Capacity, t.name, it.size(), readBlock, q.unit())}
	if it != nil {
		it = project(it, paths)
		out.Item = &it
	}
	return out, nil
}

// paths are those of the projection; nil is everything.
func (q *readInput) paths() ([]path, error) {
	paths, err := parseProjection(q.Projection, &q.names)
	if err == nil {
		err = q.names.unused()
	}
	return paths, err
}

// get reads the item of Key.
func (q *readInput) get(r engine.Reader) (Item, *record, error) {
	if err := q.legacy.check(); err != nil {
		return nil, nil, err
	}
	var c checks
	c.table(q.Name)
	c.required("key", q.Key != nil)
	c.enum("returnConsumedCapacity", q.Capacity, "INDEXES", "TOTAL", "NONE")
	if err := c.err(); err != nil {
		return nil, nil, err
	}
	var expressions []string
	if q.Projection != nil {
		expressions = append(expressions, *q.Projection)
	}
	if err := q.names.check(expressions...); err != nil {
		return nil, nil, err
	}
	t, err := find(r, q.Name)
	if err != nil {
		return nil, nil, err
	}
	hash, rang, err := t.schema.ofKey(q.Key)
	if err != nil {
		return nil, nil, err
	}
	it, err := readItem(r, t.id, hash, rang)
	return it, t, err
}
