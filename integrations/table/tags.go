package table

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"

	"millrace/engine"
	"millrace/tasks"
)

func itoa(n int) string { return strconv.Itoa(n) }

func itoa64(n int64) string { return strconv.FormatInt(n, 10) }

type tag struct {
	Key   string `json:"Key"`
	Value string `json:"Value"`
}

type resourceInput struct {
	ARN  string   `json:"ResourceArn"`
	Tags []tag    `json:"Tags"`
	Keys []string `json:"TagKeys"`
}

// tagged reads the table of an operation on tags.
func (s *Service) tagged(r engine.Reader, in json.RawMessage) (*record, resourceInput, error) {
	var req resourceInput
	if err := tasks.Decode(in, &req); err != nil {
		return nil, req, err
	}
	if req.ARN != s.ARN(nameOf(req.ARN)) {
		return nil, req, validation("Invalid TableArn")
	}
	t, err := load(r, nameOf(req.ARN))
	if err == nil && t == nil {
		err = tasks.Errorf("ResourceNotFoundException", "Requested resource not found: ResourceArn: %s not found", req.ARN)
	}
	return t, req, err
}

func (s *Service) tagResource(tx engine.Tx, _ tasks.Caller, in json.RawMessage) (any, error) {
	t, req, err := s.tagged(tx, in)
	if err != nil {
		return nil, err
	}
	for _, n := range req.Tags {
		t.def.Tags = slices.DeleteFunc(t.def.Tags, func(o tag) bool { return o.Key == n.Key })
		t.def.Tags = append(t.def.Tags, n)
	}
	return nil, updateTable(tx, t)
}

func (s *Service) untagResource(tx engine.Tx, _ tasks.Caller, in json.RawMessage) (any, error) {
	t, req, err := s.tagged(tx, in)
	if err != nil {
		return nil, err
	}
	t.def.Tags = slices.DeleteFunc(t.def.Tags, func(o tag) bool { return slices.Contains(req.Keys, o.Key) })
	return nil, updateTable(tx, t)
}

func (s *Service) listTagsOfResource(_ context.Context, r engine.Reader, _ tasks.Caller, in json.RawMessage) (any, error) {
	t, _, err := s.tagged(r, in)
	if err != nil {
		return nil, err
	}
	tags := t.def.Tags
	if tags == nil {
		tags = []tag{}
	}
	return struct {
		Tags []tag `json:"Tags"`
	}{tags}, nil
}

// timeToLive names the attribute that holds when an item expires, in seconds since 1970.
type timeToLive struct {
	Attribute string `json:"AttributeName"`
	Enabled   bool   `json:"Enabled"`
}

func (s *Service) updateTimeToLive(tx engine.Tx, _ tasks.Caller, in json.RawMessage) (any, error) {
	var req struct {
		TTL *timeToLive `json:"TimeToLiveSpecification"`
	}
	if err := tasks.Decode(in, &req); err != nil {
		return nil, err
	}
	t, err := s.named(tx, in)
	if err != nil {
		return nil, err
	}
	switch have := t.def.TimeToLive; {
	case req.TTL == nil || req.TTL.Attribute == "":
		return nil, validation("1 validation error detected: Value null at 'timeToLiveSpecification' failed to satisfy constraint: Member must not be null")
	case req.TTL.Enabled && have != nil:
		return nil, validation("TimeToLive is already enabled")
	case !req.TTL.Enabled && have == nil:
		return nil, validation("TimeToLive is already disabled")
	case !req.TTL.Enabled && have.Attribute != req.TTL.Attribute:
		return nil, validation("TimeToLive is active on a different AttributeName: current AttributeName is %s", have.Attribute)
	}
	if t.def.TimeToLive = req.TTL; !req.TTL.Enabled {
		t.def.TimeToLive = nil
	}
	tx.AfterCommit(s.sweeper.arm)
	return struct {
		TTL *timeToLive `json:"TimeToLiveSpecification"`
	}{req.TTL}, updateTable(tx, t)
}

func (s *Service) describeTimeToLive(_ context.Context, r engine.Reader, _ tasks.Caller, in json.RawMessage) (any, error) {
	t, err := s.named(r, in)
	if err != nil {
		return nil, err
	}
	type status struct {
		Status    string `json:"TimeToLiveStatus"`
		Attribute string `json:"AttributeName,omitempty"`
	}
	out := struct {
		TTL status `json:"TimeToLiveDescription"`
	}{status{Status: "DISABLED"}}
	if ttl := t.def.TimeToLive; ttl != nil {
		out.TTL = status{"ENABLED", ttl.Attribute}
	}
	return out, nil
}
