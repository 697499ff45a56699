package eventbus

import (
	"context"
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"time"

	"millrace/engine"
	"millrace/tasks"
)

// Limits of an account's buses and of a bus.
const (
	maxBuses       = 100
	maxRules       = 300
	maxDescription = 512
)

var plainName = regexp.MustCompile(`^[.\-_A-Za-z0-9]+$`)

// checkName applies the constraints of names.
func checkName(name, member string, most int) error {
	switch {
	case name == "":
		return constraint(nil, member, "Member must not be null")
	case len(name) > most:
		return constraint(name, member, "Member must have length less than or equal to "+strconv.Itoa(most))
	case !plainName.MatchString(name):
		return constraint(name, member, `Member must satisfy regular expression pattern: [\.\-_A-Za-z0-9]+`)
	}
	return nil
}

type busAnswer struct {
	Name        string    `json:"Name"`
	ARN         string    `json:"Arn"`
	Description string    `json:"Description,omitempty"`
	Created     time.Time `json:"CreationTime,omitempty"`
	Modified    time.Time `json:"LastModifiedTime,omitempty"`
}

func (s *Service) busAnswer(b *bus) busAnswer {
	return busAnswer{b.name, s.busARN(b.name), b.description, timeOf(b.created), timeOf(b.modified)}
}

func timeOf(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

func (s *Service) createBus(tx engine.Tx, in json.RawMessage) (any, error) {
	var p struct {
		Name        string `json:"Name"`
		Description string `json:"Description"`
		Source      string `json:"EventSourceName"`
		Tags        []tag  `json:"Tags"`
	}
	if err := tasks.Decode(in, &p); err != nil {
		return nil, err
	}
	if err := checkName(p.Name, "name", 256); err != nil {
		return nil, err
	}
	if p.Source != "" {
		return nil, tasks.Errorf("ResourceNotFoundException", "Event source %s does not exist.", short(p.Source))
	}
	if len(p.Description) > maxDescription {
		return nil, constraint(p.Description, "description", "Member must have length less than or equal to 512")
	}
	tags, err := withTags(nil, p.Tags)
	if err != nil {
		return nil, err
	}
	all, err := buses(tx, selectBus, p.Name)
	if err != nil {
		return nil, err
	}
	if len(all) > 0 {
		return nil, tasks.Errorf("ResourceAlreadyExistsException", "Event bus %s already exists.", p.Name)
	}
	n, err := count(tx, countBuses)
	if err != nil {
		return nil, err
	}
	if n >= maxBuses {
		return nil, limitExceeded()
	}
	id, err := tx.ID()
	if err != nil {
		return nil, err
	}
	now := tx.Now().UnixMilli()
	return struct {
		ARN         string `json:"EventBusArn"`
		Description string `json:"Description,omitempty"`
	}{s.busARN(p.Name), p.Description}, exec(tx, insertBus, p.Name, p.Description, text(tags), now, now, id)
}

// deleteBus deletes a bus; one that is not there is as good as deleted.
func (s *Service) deleteBus(tx engine.Tx, in json.RawMessage) (any, error) {
	var p struct {
		Name string `json:"Name"`
	}
	if err := tasks.Decode(in, &p); err != nil {
		return nil, err
	}
	if err := checkName(p.Name, "name", 256); err != nil {
		return nil, err
	}
	if p.Name == defaultBus {
		return nil, invalid("Cannot delete event bus %s.", p.Name)
	}
	n, err := count(tx, countRules, p.Name)
	if err != nil {
		return nil, err
	}
	if n > 0 {
		return nil, invalid("Event bus %s can't be deleted since it has rules.", p.Name)
	}
	return nil, exec(tx, removeBus, p.Name)
}

func (s *Service) describeBus(_ context.Context, r engine.Reader, _ tasks.Caller, in json.RawMessage) (any, error) {
	var p struct {
		Name busName `json:"Name"`
	}
	if err := tasks.Decode(in, &p); err != nil {
		return nil, err
	}
	b, err := findBus(r, p.Name.name())
	if err != nil {
		return nil, err
	}
	return s.busAnswer(b), nil
}

func (s *Service) listBuses(_ context.Context, r engine.Reader, _ tasks.Caller, in json.RawMessage) (any, error) {
	var p struct {
		pageInput
		Prefix string `json:"NamePrefix"`
	}
	if err := tasks.Decode(in, &p); err != nil {
		return nil, err
	}
	n, after, err := p.read()
	if err != nil {
		return nil, err
	}
	all, err := buses(r, selectBuses, after, len(p.Prefix), p.Prefix, n+1)
	if err != nil {
		return nil, err
	}
	var out struct {
		Buses []busAnswer `json:"EventBuses"`
		Next  string      `json:"NextToken,omitempty"`
	}
	all, out.Next = cut(all, n, func(b *bus) string { return b.name })
	out.Buses = []busAnswer{}
	for _, b := range all {
		out.Buses = append(out.Buses, s.busAnswer(b))
	}
	return out, nil
}

// tag is a tag of a bus or a rule.
type tag struct {
	Key   string `json:"Key"`
	Value string `json:"Value"`
}

// maxTags is the most tags of a bus or a rule.
const maxTags = 50

// withTags returns tags with more added.
func withTags(tags map[string]string, more []tag) (map[string]string, error) {
	out := map[string]string{}
	for k, v := range tags {
		out[k] = v
	}
	for _, t := range more {
		if t.Key == "" || len(t.Key) > 128 || len(t.Value) > 256 {
			return nil, invalid("Parameter Tags is not valid. Reason: a tag has a key of 1 to 128 characters and a value of at most 256.")
		}
		out[t.Key] = t.Value
	}
	if len(out) > maxTags {
		return nil, limitExceeded()
	}
	return out, nil
}

// tagged is the bus or rule that a tag operation is about.
type tagged struct {
	bus  *bus
	rule *rule // nil: the bus itself
}

func (s *Service) tagged(r engine.Reader, arn string) (t tagged, err error) {
	bus, name, err := s.parseARN(arn)
	if err != nil {
		return t, err
	}
	if t.bus, err = findBus(r, bus); err != nil || name == "" {
		return t, err
	}
	t.rule, err = mustRule(r, bus, name)
	return t, err
}

func (t tagged) tags() map[string]string {
	if t.rule != nil {
		return t.rule.tags
	}
	return t.bus.tags
}

func (t tagged) store(tx engine.Tx, tags map[string]string) error {
	if t.rule == nil {
		return exec(tx, updateBusTags, text(tags), t.bus.name)
	}
	t.rule.tags = tags
	return t.rule.store(tx)
}

func (s *Service) tagResource(tx engine.Tx, in json.RawMessage) (any, error) {
	var p struct {
		ARN  string `json:"ResourceARN"`
		Tags []tag  `json:"Tags"`
	}
	if err := tasks.Decode(in, &p); err != nil {
		return nil, err
	}
	t, err := s.tagged(tx, p.ARN)
	if err != nil {
		return nil, err
	}
	tags, err := withTags(t.tags(), p.Tags)
	if err != nil {
		return nil, err
	}
	return nil, t.store(tx, tags)
}

func (s *Service) untagResource(tx engine.Tx, in json.RawMessage) (any, error) {
	var p struct {
		ARN  string   `json:"ResourceARN"`
		Keys []string `json:"TagKeys"`
	}
	if err := tasks.Decode(in, &p); err != nil {
		return nil, err
	}
	t, err := s.tagged(tx, p.ARN)
	if err != nil {
		return nil, err
	}
	tags := t.tags()
	for _, k := range p.Keys {
		delete(tags, k)
	}
	return nil, t.store(tx, tags)
}

func (s *Service) listTags(_ context.Context, r engine.Reader, _ tasks.Caller, in json.RawMessage) (any, error) {
	var p struct {
		ARN string `json:"ResourceARN"`
	}
	if err := tasks.Decode(in, &p); err != nil {
		return nil, err
	}
	t, err := s.tagged(r, p.ARN)
	if err != nil {
		return nil, err
	}
	out := struct {
		Tags []tag `json:"Tags"`
	}{[]tag{}}
	for _, k := range slices.Sorted(maps.Keys(t.tags())) {
		out.Tags = append(out.Tags, tag{k, t.tags()[k]})
	}
	return out, nil
}
