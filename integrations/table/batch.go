package table

import (
	"context"
	"encoding/json"
	"maps"
	"slices"

	"millrace/engine"
	"millrace/tasks"
)

const (
	maxBatchWrite = 25
	maxBatchGet   = 100
)

func (s *Service) batchWriteItem(tx engine.Tx, _ tasks.Caller, in json.RawMessage) (any, error) {
	type request struct {
		Put    *struct{ Item Item } `json:"PutRequest"`
		Delete *struct{ Key Item }  `json:"DeleteRequest"`
	}
	var req struct {
		Items    map[string][]request `json:"RequestItems"`
		Capacity string               `json:"ReturnConsumedCapacity"`
	}
	if err := tasks.Decode(in, &req); err != nil {
		return nil, err
	}
	if err := checkBatch(req.Items, maxBatchWrite); err != nil {
		return nil, err
	}
	var changes []*change
	used := map[string]int{}
	seen := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(req.Items)) {
		for _, e := range req.Items[name] {
			w, kind := writeInput{Name: name}, put
			switch {
			case (e.Put == nil) == (e.Delete == nil):
				return nil, validation("Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes")
			case e.Put != nil:
				w.Item = e.Put.Item
			default:
				w.Key, kind = e.Delete.Key, deleting
			}
			c, err := w.prepare(tx, kind)
			if err != nil {
				return nil, err
			}
			id := c.id()
			if seen[id] {
				return nil, validation("Provided list of item keys contains duplicates")
			}
			seen[id] = true
			used[c.table.name] += max((max(c.old.size(), c.new.size())+writeBlock-1)/writeBlock, 1)
			changes = append(changes, c)
		}
	}
	for _, c := range changes {
		if err := s.write(tx, c); err != nil {
			return nil, err
		}
	}
	return struct {
		Unprocessed map[string]any `json:"UnprocessedItems"`
		Capacity    []capacity     `json:"ConsumedCapacity,omitempty"`
	}{map[string]any{}, capacities(req.Capacity, used, 1)}, nil
}

// id tells the item of a change from all others.
func (c *change) id() string {
	return itoa64(c.table.id) + "/" + itoa(len(c.hash)) + "/" + string(c.hash) + string(c.rang)
}

// checkBatch refuses a batch without requests or with too many.
func checkBatch[T any](requests map[string][]T, most int) error {
	n := 0
	for _, list := range requests {
		if len(list) == 0 {
			return validation("1 validation error detected: Value '{}' at 'requestItems' failed to satisfy constraint: Map value must satisfy constraint: [Member must have length less than or equal to %d, Member must have length greater than or equal to 1]", most)
		}
		n += len(list)
	}
	switch {
	case n == 0:
		return validation("1 validation error detected: Value '{}' at 'requestItems' failed to satisfy constraint: Member must have length greater than or equal to 1")
	case n > most && most == maxBatchGet:
		return validation("Too many items requested for the BatchGetItem call")
	case n > most:
		return validation("Too many items requested for the BatchWriteItem call")
	}
	return nil
}

func capacities(what string, used map[string]int, unit float64) (out []capacity) {
	if what != "TOTAL" && what != "INDEXES" {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(used)) {
		out = append(out, capacity{Table: name, Units: unit * float64(used[name])})
	}
	return out
}

func (s *Service) batchGetItem(_ context.Context, r engine.Reader, _ tasks.Caller, in json.RawMessage) (any, error) {
	type keys struct {
		Keys []Item `json:"Keys"`
		readInput
	}
	var req struct {
		Items    map[string]keys `json:"RequestItems"`
		Capacity string          `json:"ReturnConsumedCapacity"`
	}
	if err := tasks.Decode(in, &req); err != nil {
		return nil, err
	}
	lists := map[string][]Item{}
	for name, k := range req.Items {
		lists[name] = k.Keys
	}
	if err := checkBatch(lists, maxBatchGet); err != nil {
		return nil, err
	}
	answers := map[string][]Item{}
	used := map[string]int{}
	for _, name := range slices.Sorted(maps.Keys(req.Items)) {
		k := req.Items[name]
		paths, err := k.paths()
		if err != nil {
			return nil, err
		}
		answers[nameOf(name)] = []Item{}
		seen := map[string]bool{}
		for _, key := range k.Keys {
			id := key.text()
			if seen[id] {
				return nil, validation("Provided list of item keys contains duplicates")
			}
			seen[id] = true
			one := k.readInput
			one.Name, one.Key = name, key
			it, t, err := one.get(r)
			if err != nil {
				return nil, err
			}
			used[t.name] += max((it.size()+readBlock-1)/readBlock, 1)
			if it != nil {
				answers[t.name] = append(answers[t.name], project(it, paths))
			}
		}
	}
	return struct {
		Responses   map[string][]Item `json:"Responses"`
		Unprocessed map[string]any    `json:"UnprocessedKeys"`
		Capacity    []capacity        `json:"ConsumedCapacity,omitempty"`
	}{answers, map[string]any{}, capacities(req.Capacity, used, 0.5)}, nil
}
