package notification

import (
	"context"
	"encoding/base64"
	"maps"
	"slices"
	"strconv"
	"strings"

	"millrace/asl/document"
	"millrace/engine"
	"millrace/tasks"
)

// topicSettings are the attributes of a topic that can be set.
type topicSettings struct {
	DisplayName  string `json:",omitempty"`
	Policy       string `json:",omitempty"` // kept, not enforced
	FIFO         bool   `json:",omitempty"`
	ContentBased bool   `json:",omitempty"` // ContentBasedDeduplication
}

// set changes one attribute.
func (t *topicSettings) set(name, value string) error {
	switch name {
	case "DisplayName":
		if len(value) > 100 {
			return invalid("DisplayName Reason: at most 100 characters are allowed")
		}
		t.DisplayName = value
	case "Policy":
		if value != "" && !document.Valid([]byte(value)) {
			return invalid("Policy Error: PrincipalNotFound Reason: the policy is not JSON")
		}
		t.Policy = value
	case "ContentBasedDeduplication":
		if !t.FIFO {
			return invalid("Content-based deduplication can only be set for FIFO topics")
		}
		return setBool(&t.ContentBased, name, value)
	default:
		return invalid("AttributeName Reason: %s is not supported here: DisplayName, Policy, FifoTopic and ContentBasedDeduplication are", short(name))
	}
	return nil
}

func setBool(to *bool, name, value string) error {
	switch strings.ToLower(value) {
	case "true":
		*to = true
	case "false":
		*to = false
	default:
		return invalid("Attributes Reason: %s: Invalid value [%s]. Must be true or false.", name, short(value))
	}
	return nil
}

type tagInput struct {
	Key   string `json:"Key"`
	Value string `json:"Value"`
}

const maxTags = 50

func setTags(tags map[string]string, list []tagInput) error {
	for _, t := range list {
		if t.Key == "" || len(t.Key) > 128 || len(t.Value) > 256 {
			return invalid("Tags Reason: a tag has a key of 1 to 128 characters and a value of at most 256")
		}
		tags[t.Key] = t.Value
	}
	if len(tags) > maxTags {
		return tasks.Errorf("TagLimitExceededException", "Could not complete request: tag quota of per resource exceeded")
	}
	return nil
}

func (s *Service) createTopic(tx engine.Tx, _ tasks.Caller, in []byte) (any, error) {
	var p struct {
		Name       string            `json:"Name"`
		Attributes map[string]string `json:"Attributes"`
		Tags       []tagInput        `json:"Tags"`
	}
	if err := tasks.Decode(in, &p); err != nil {
		return nil, err
	}
	t := &topic{name: p.Name, tags: map[string]string{}}
	if v, ok := p.Attributes["FifoTopic"]; ok {
		if err := setBool(&t.settings.FIFO, "FifoTopic", v); err != nil {
			return nil, err
		}
	}
	if !validName(p.Name) || strings.HasSuffix(p.Name, fifoSuffix) != t.settings.FIFO {
		if t.settings.FIFO {
			return nil, invalid("Topic Name Reason: Fifo Topic names must end with .fifo and must be made up of only uppercase and lowercase ASCII letters, " +
				"numbers, underscores, and hyphens, and must be between 1 and 256 characters long.")
		}
		return nil, invalid("Topic Name")
	}
	for _, name := range slices.Sorted(maps.Keys(p.Attributes)) {
		if name == "FifoTopic" {
			continue
		}
		if err := t.settings.set(name, p.Attributes[name]); err != nil {
			return nil, err
		}
	}
	if err := setTags(t.tags, p.Tags); err != nil {
		return nil, err
	}
	out := struct {
		TopicARN string `json:"TopicArn"`
	}{s.topicARN(p.Name)}
	old, err := topics(tx, selectTopic, p.Name)
	if err != nil {
		return nil, err
	}
	if len(old) > 0 {
		// Making a topic again is no error unless it were another one.
		if len(p.Attributes) > 0 && old[0].settings != t.settings {
			return nil, invalid("Attributes Reason: Topic already exists with different attributes")
		}
		if len(p.Tags) > 0 && !maps.Equal(old[0].tags, t.tags) {
			return nil, invalid("Tags Reason: Topic already exists with different tags")
		}
		return out, nil
	}
	return out, exec(tx, insertTopic, p.Name, encode(t.settings), encode(t.tags), millis(tx.Now()))
}

// topicInput is what most operations' inputs begin with.
type topicInput struct {
	TopicARN string `json:"TopicArn"`
}

func (s *Service) deleteTopic(tx engine.Tx, _ tasks.Caller, in []byte) (any, error) {
	var p topicInput
	if err := tasks.Decode(in, &p); err != nil {
		return nil, err
	}
	name, err := s.parseTopic(p.TopicARN, "TopicArn")
	if err != nil {
		return nil, err
	}
	for _, q := range []string{dropTopic, dropSubscriptions, dropDedup} { // one that is not there is as good as deleted
		if err := exec(tx, q, name); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

func (s *Service) setTopicAttributes(tx engine.Tx, _ tasks.Caller, in []byte) (any, error) {
	var p struct {
		topicInput
		Name  string `json:"AttributeName"`
		Value string `json:"AttributeValue"`
	}
	if err := tasks.Decode(in, &p); err != nil {
		return nil, err
	}
	t, err := s.topic(tx, p.TopicARN, "TopicArn")
	if err != nil {
		return nil, err
	}
	if err := t.settings.set(p.Name, p.Value); err != nil {
		return nil, err
	}
	return nil, exec(tx, updateTopic, encode(t.settings), encode(t.tags), t.name)
}

// topic finds the topic of an ARN.
func (s *Service) topic(r engine.Reader, arn, member string) (*topic, error) {
	name, err := s.parseTopic(arn, member)
	if err != nil {
		return nil, err
	}
	return topicOf(r, name)
}

// deliveryPolicy is what EffectiveDeliveryPolicy tells: how often HTTP endpoints are tried.
const deliveryPolicy = `{"http":{"defaultHealthyRetryPolicy":{"numRetries":3,"minDelayTarget":5,"maxDelayTarget":20,"backoffFunction":"exponential"}}}`

func (s *Service) getTopicAttributes(_ context.Context, r engine.Reader, _ tasks.Caller, in jsonText) (any, error) {
	var p topicInput
	if err := tasks.Decode(in, &p); err != nil {
		return nil, err
	}
	t, err := s.topic(r, p.TopicARN, "TopicArn")
	if err != nil {
		return nil, err
	}
	var all, confirmed int64
	err = each(r, func(scan func(...any) error) error { return scan(&all, &confirmed) }, countSubscriptions, t.name)
	if err != nil {
		return nil, err
	}
	a := map[string]string{
		"TopicArn": s.topicARN(t.name), "Owner": s.host.Account(), "DisplayName": t.settings.DisplayName, "Policy": t.settings.Policy,
		"SubscriptionsConfirmed": itoa(confirmed), "SubscriptionsPending": itoa(all - confirmed), "SubscriptionsDeleted": "0",
		"EffectiveDeliveryPolicy": deliveryPolicy,
	}
	if a["Policy"] == "" {
		a["Policy"] = `{"Version":"2008-10-17","Id":"__default_policy_ID","Statement":[{"Sid":"__default_statement_ID","Effect":"Allow","Principal":{"AWS":"*"},` +
			`"Action":["SNS:Publish","SNS:Subscribe"],"Resource":"` + a["TopicArn"] + `"}]}`
	}
	if t.settings.FIFO {
		a["FifoTopic"], a["ContentBasedDeduplication"] = "true", strconv.FormatBool(t.settings.ContentBased)
	}
	return attributes{a}, nil
}

type attributes struct {
	Attributes map[string]string `json:"Attributes"`
}

// pageSize is how many entries a list has on a page.
const pageSize = 100

type listInput struct {
	topicInput
	NextToken string `json:"NextToken"`
}

// after is the last entry of the page before.
func (p listInput) after() (string, error) {
	if p.NextToken == "" {
		return "", nil
	}
	b, err := base64.URLEncoding.DecodeString(p.NextToken)
	if err != nil {
		return "", invalid("NextToken")
	}
	return string(b), nil
}

func nextToken(last string) string { return base64.URLEncoding.EncodeToString([]byte(last)) }

func (s *Service) listTopics(_ context.Context, r engine.Reader, _ tasks.Caller, in jsonText) (any, error) {
	var p listInput
	if err := tasks.Decode(in, &p); err != nil {
		return nil, err
	}
	after, err := p.after()
	if err != nil {
		return nil, err
	}
	all, err := topics(r, listTopics, after, pageSize+1)
	if err != nil {
		return nil, err
	}
	out := struct {
		Topics    []topicInput `json:"Topics"`
		NextToken string       `json:"NextToken,omitempty"`
	}{Topics: []topicInput{}}
	for i, t := range all {
		if i == pageSize {
			out.NextToken = nextToken(all[i-1].name)
			break
		}
		out.Topics = append(out.Topics, topicInput{s.topicARN(t.name)})
	}
	return out, nil
}

type resourceInput struct {
	ResourceARN string     `json:"ResourceArn"`
	Tags        []tagInput `json:"Tags"`
	TagKeys     []string   `json:"TagKeys"`
}

// tagged finds the topic of a tag operation.
func (s *Service) tagged(r engine.Reader, in []byte) (*topic, resourceInput, error) {
	var p resourceInput
	if err := tasks.Decode(in, &p); err != nil {
		return nil, p, err
	}
	t, err := s.topic(r, p.ResourceARN, "ResourceArn")
	if e, ok := err.(*tasks.Error); ok && e.Code == "NotFoundException" {
		err = &tasks.Error{Code: "ResourceNotFoundException", Message: "Resource does not exist", Status: 404}
	}
	return t, p, err
}

func (s *Service) listTags(_ context.Context, r engine.Reader, _ tasks.Caller, in jsonText) (any, error) {
	t, _, err := s.tagged(r, in)
	if err != nil {
		return nil, err
	}
	out := struct {
		Tags []tagInput `json:"Tags"`
	}{Tags: []tagInput{}}
	for _, k := range slices.Sorted(maps.Keys(t.tags)) {
		out.Tags = append(out.Tags, tagInput{k, t.tags[k]})
	}
	return out, nil
}

func (s *Service) tag(tx engine.Tx, _ tasks.Caller, in []byte) (any, error) {
	t, p, err := s.tagged(tx, in)
	if err != nil {
		return nil, err
	}
	if err := setTags(t.tags, p.Tags); err != nil {
		return nil, err
	}
	return nil, exec(tx, updateTopic, encode(t.settings), encode(t.tags), t.name)
}

func (s *Service) untag(tx engine.Tx, _ tasks.Caller, in []byte) (any, error) {
	t, p, err := s.tagged(tx, in)
	if err != nil {
		return nil, err
	}
	for _, k := range p.TagKeys {
		delete(t.tags, k)
	}
	return nil, exec(tx, updateTopic, encode(t.settings), encode(t.tags), t.name)
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }
