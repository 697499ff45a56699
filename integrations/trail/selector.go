package trail

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"millrace/engine"
	"millrace/tasks"
)

// selectors say what a trail logs. Without any it logs management events.
type selectors struct {
	Basic    []basicSelector    `json:"EventSelectors,omitempty"`
	Advanced []advancedSelector `json:"AdvancedEventSelectors,omitempty"`
}

type basicSelector struct {
	ReadWriteType           string         `json:"ReadWriteType"`
	IncludeManagementEvents *bool          `json:"IncludeManagementEvents"`
	DataResources           []dataResource `json:"DataResources"`
	Exclude                 []string       `json:"ExcludeManagementEventSources"`
}

type dataResource struct {
	Type   string   `json:"Type"`
	Values []string `json:"Values"`
}

type advancedSelector struct {
	Name   string          `json:"Name,omitempty"`
	Fields []fieldSelector `json:"FieldSelectors"`
}

type fieldSelector struct {
	Field         string   `json:"Field"`
	Equals        []string `json:"Equals,omitempty"`
	StartsWith    []string `json:"StartsWith,omitempty"`
	EndsWith      []string `json:"EndsWith,omitempty"`
	NotEquals     []string `json:"NotEquals,omitempty"`
	NotStartsWith []string `json:"NotStartsWith,omitempty"`
	NotEndsWith   []string `json:"NotEndsWith,omitempty"`
}

func (s *selectors) empty() bool { return len(s.Basic) == 0 && len(s.Advanced) == 0 }

// Limits of selectors.
const (
	maxSelectors = 5
	maxResources = 250 // values of all DataResources
	maxValues    = 500 // of all advanced selectors
)

// dataTypes are the resource types of basic selectors. Records are made of the first only.
var dataTypes = []string{"AWS::S3::Object", "AWS::Lambda::Function", "AWS::DynamoDB::Table"}

// fields are the fields of advanced selectors.
var fields = []string{"readOnly", "eventSource", "eventName", "eventCategory", "eventType", "resources.type", "resources.ARN", "userIdentity.arn", "sessionCredentialFromConsole"}

func invalidSelectors(format string, args ...any) error {
	return tasks.Errorf("InvalidEventSelectorsException", format, args...)
}

// check says what of the selectors is wrong, and fills in what was left out.
func (s *selectors) check() error {
	switch {
	case len(s.Basic) > 0 && len(s.Advanced) > 0:
		return invalidSelectors("A trail has EventSelectors or AdvancedEventSelectors, not both.")
	case s.empty():
		return invalidSelectors("At least one event selector belongs in EventSelectors or AdvancedEventSelectors.")
	case len(s.Basic) > maxSelectors:
		return invalidSelectors("A trail has at most %d event selectors, these are %d.", maxSelectors, len(s.Basic))
	}
	values := 0
	for i := range s.Basic {
		b := &s.Basic[i]
		if err := b.check(); err != nil {
			return err
		}
		for _, d := range b.DataResources {
			values += len(d.Values)
		}
	}
	if values > maxResources {
		return invalidSelectors("The event selectors of a trail have at most %d data resources, these have %d.", maxResources, values)
	}
	for i := range s.Advanced {
		n, err := s.Advanced[i].check()
		if err != nil {
			return err
		}
		values += n
	}
	if values > maxValues {
		return invalidSelectors("The advanced event selectors of a trail have at most %d values, these have %d.", maxValues, values)
	}
	return nil
}

func (b *basicSelector) check() error {
	switch b.ReadWriteType {
	case "":
		b.ReadWriteType = "All"
	case "All", "ReadOnly", "WriteOnly":
	default:
		return invalidSelectors("ReadWriteType %q is not valid: All, ReadOnly or WriteOnly belongs there.", short(b.ReadWriteType))
	}
	if b.IncludeManagementEvents == nil {
		yes := true
		b.IncludeManagementEvents = &yes
	}
	if b.DataResources == nil {
		b.DataResources = []dataResource{}
	}
	if b.Exclude == nil {
		b.Exclude = []string{}
	}
	for _, d := range b.DataResources {
		if !slices.Contains(dataTypes, d.Type) {
			return invalidSelectors("The data resource type %q is not valid: %s belongs there.", short(d.Type), strings.Join(dataTypes, ", "))
		}
		for _, v := range d.Values {
			if d.Type == dataTypes[0] && v != "arn:aws:s3" && !strings.HasPrefix(v, "arn:aws:s3:::") {
				return invalidSelectors("Value %s for DataResources.Values is invalid: arn:aws:s3:::BUCKET/PREFIX belongs there.", short(v))
			}
		}
	}
	return nil
}

func (a *advancedSelector) check() (values int, err error) {
	var category, data []string
	for _, f := range a.Fields {
		if !slices.Contains(fields, f.Field) {
			return 0, invalidSelectors("The field %q is not valid: %s belongs there.", short(f.Field), strings.Join(fields, ", "))
		}
		n := 0
		for _, list := range [][]string{f.Equals, f.StartsWith, f.EndsWith, f.NotEquals, f.NotStartsWith, f.NotEndsWith} {
			n += len(list)
		}
		if n == 0 {
			return 0, invalidSelectors("The field selector of %s has no operator.", f.Field)
		}
		values += n
		switch f.Field {
		case "eventCategory":
			category = f.Equals
		case "resources.type":
			data = f.Equals
		}
	}
	switch {
	case len(category) != 1 || category[0] != managementEvent && category[0] != dataEvent:
		return 0, invalidSelectors("An advanced event selector has the field eventCategory, which equals %s or %s.", managementEvent, dataEvent)
	case category[0] == dataEvent && len(data) != 1:
		return 0, invalidSelectors("An advanced event selector for data events has the field resources.type, which equals one type.")
	}
	return values, nil
}

// choose reports whether the selectors take a call.
func (s *selectors) choose(c *call) bool {
	if s.empty() {
		return !c.data
	}
	for i := range s.Basic {
		if s.Basic[i].choose(c) {
			return true
		}
	}
	for i := range s.Advanced {
		if s.Advanced[i].choose(c) {
			return true
		}
	}
	return false
}

func (b *basicSelector) choose(c *call) bool {
	if b.ReadWriteType == "ReadOnly" && !c.readOnly || b.ReadWriteType == "WriteOnly" && c.readOnly {
		return false
	}
	if !c.data {
		return *b.IncludeManagementEvents && !slices.Contains(b.Exclude, c.source)
	}
	for _, d := range b.DataResources {
		if d.Type != c.resources[0].kind {
			continue
		}
		for _, v := range d.Values {
			if prefixes(v, c.resources[0].arn) {
				return true
			}
		}
	}
	return false
}

// prefixes reports whether a value of a data resource takes an object. A bucket
// without a slash stands for all its objects, and not for buckets whose names go on.
func prefixes(value, arn string) bool {
	bucket := strings.TrimPrefix(value, "arn:aws:s3:::")
	if value == "arn:aws:s3" || bucket == "" {
		return true
	}
	if !strings.Contains(bucket, "/") {
		value += "/"
	}
	return strings.HasPrefix(arn, value)
}

func (a *advancedSelector) choose(c *call) bool {
	for i := range a.Fields {
		f := &a.Fields[i]
		v, ok := c.field(f.Field)
		if !ok || !f.holds(v) {
			return false
		}
	}
	return true
}

func (f *fieldSelector) holds(v string) bool {
	if len(f.Equals)+len(f.StartsWith)+len(f.EndsWith) > 0 && !slices.Contains(f.Equals, v) &&
		!anyOf(f.StartsWith, v, strings.HasPrefix) && !anyOf(f.EndsWith, v, strings.HasSuffix) {
		return false
	}
	return !slices.Contains(f.NotEquals, v) && !anyOf(f.NotStartsWith, v, strings.HasPrefix) && !anyOf(f.NotEndsWith, v, strings.HasSuffix)
}

func anyOf(list []string, v string, holds func(s, part string) bool) bool {
	return slices.ContainsFunc(list, func(part string) bool { return holds(v, part) })
}

type selectorsAnswer struct {
	TrailARN string             `json:"TrailARN"`
	Basic    []basicSelector    `json:"EventSelectors,omitempty"`
	Advanced []advancedSelector `json:"AdvancedEventSelectors,omitempty"`
}

func (s *Service) putEventSelectors(tx engine.Tx, in json.RawMessage) (any, error) {
	var p struct {
		TrailName string `json:"TrailName"`
		selectors
	}
	if err := tasks.Decode(in, &p); err != nil {
		return nil, err
	}
	t, err := s.find(tx, p.TrailName)
	if err != nil {
		return nil, err
	}
	if err := p.check(); err != nil {
		return nil, err
	}
	t.selectors = p.selectors
	return selectorsAnswer{s.arn(t.name), p.Basic, p.Advanced}, t.update(tx)
}

func (s *Service) getEventSelectors(_ context.Context, r engine.Reader, _ tasks.Caller, in json.RawMessage) (any, error) {
	var p struct {
		TrailName string `json:"TrailName"`
	}
	if err := tasks.Decode(in, &p); err != nil {
		return nil, err
	}
	t, err := s.find(r, p.TrailName)
	if err != nil {
		return nil, err
	}
	if t.selectors.empty() {
		yes := true
		t.selectors.Basic = []basicSelector{{ReadWriteType: "All", IncludeManagementEvents: &yes, DataResources: []dataResource{}, Exclude: []string{}}}
	}
	return selectorsAnswer{s.arn(t.name), t.selectors.Basic, t.selectors.Advanced}, nil
}
