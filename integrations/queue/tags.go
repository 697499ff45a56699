package queue

import (
	"context"
	"encoding/json"
	"strings"

	"millrace/engine"
	"millrace/integrations/wire"
	"millrace/tasks"
)

const maxTags = 50

func (s *Service) tagQueue(tx engine.Tx, _ tasks.Caller, in json.RawMessage) (any, error) {
	var req struct {
		QueueURL string            `json:"QueueUrl"`
		Tags     map[string]string `json:"Tags"`
	}
	if err := wire.Decode(in, &req); err != nil {
		return nil, err
	}
	q, err := find(tx, req.QueueURL)
	if err != nil {
		return nil, err
	}
	if len(req.Tags) == 0 {
		return nil, missing("Tags")
	}
	if q.tags == nil {
		q.tags = map[string]string{}
	}
	for k, v := range req.Tags {
		q.tags[k] = v
	}
	if len(q.tags) > maxTags {
		return nil, tasks.Errorf("InvalidParameterValueException", "Too many tags added for queue %s.", q.name)
	}
	return nil, updateQueue(tx, q)
}

func (s *Service) untagQueue(tx engine.Tx, _ tasks.Caller, in json.RawMessage) (any, error) {
	var req struct {
		QueueURL string   `json:"QueueUrl"`
		Keys     []string `json:"TagKeys"`
	}
	if err := wire.Decode(in, &req); err != nil {
		return nil, err
	}
	q, err := find(tx, req.QueueURL)
	if err != nil {
		return nil, err
	}
	for _, k := range req.Keys {
		delete(q.tags, k)
	}
	return nil, updateQueue(tx, q)
}

func (s *Service) listQueueTags(_ context.Context, r engine.Reader, _ tasks.Caller, in json.RawMessage) (any, error) {
	var req inQueue
	if err := wire.Decode(in, &req); err != nil {
		return nil, err
	}
	q, err := find(r, req.QueueURL)
	if err != nil {
		return nil, err
	}
	return struct {
		Tags map[string]string `json:"Tags,omitempty"`
	}{q.tags}, nil
}

// addPermission adds a statement to the queue's policy.
func (s *Service) addPermission(tx engine.Tx, _ tasks.Caller, in json.RawMessage) (any, error) {
	var req struct {
		QueueURL string   `json:"QueueUrl"`
		Label    string   `json:"Label"`
		Accounts []string `json:"AWSAccountIds"`
		Actions  []string `json:"Actions"`
	}
	if err := wire.Decode(in, &req); err != nil {
		return nil, err
	}
	q, err := find(tx, req.QueueURL)
	if err != nil {
		return nil, err
	}
	switch {
	case req.Label == "":
		return nil, missing("Label")
	case len(req.Accounts) == 0:
		return nil, missing("AWSAccountIds")
	case len(req.Actions) == 0:
		return nil, missing("Actions")
	}
	p, err := q.policy(s.ARN(q.name))
	if err != nil {
		return nil, err
	}
	st := statement{Sid: req.Label, Effect: "Allow", Principal: map[string][]string{}, Resource: s.ARN(q.name)}
	for _, raw := range p.Statement {
		if sidOf(raw) == req.Label {
			return nil, invalid("Label", req.Label, "Already exists.")
		}
	}
	for _, a := range req.Accounts {
		st.Principal["AWS"] = append(st.Principal["AWS"], "arn:aws:iam::"+a+":root")
	}
	for _, a := range req.Actions {
		st.Action = append(st.Action, "SQS:"+strings.TrimPrefix(a, "SQS:"))
	}
	raw, err := json.Marshal(st)
	if err != nil {
		return nil, err
	}
	p.Statement = append(p.Statement, raw)
	return nil, q.setPolicy(tx, p)
}

func (s *Service) removePermission(tx engine.Tx, _ tasks.Caller, in json.RawMessage) (any, error) {
	var req struct {
		QueueURL string `json:"QueueUrl"`
		Label    string `json:"Label"`
	}
	if err := wire.Decode(in, &req); err != nil {
		return nil, err
	}
	q, err := find(tx, req.QueueURL)
	if err != nil {
		return nil, err
	}
	p, err := q.policy(s.ARN(q.name))
	if err != nil {
		return nil, err
	}
	for i, raw := range p.Statement {
		if sidOf(raw) == req.Label {
			p.Statement = append(p.Statement[:i:i], p.Statement[i+1:]...)
			return nil, q.setPolicy(tx, p)
		}
	}
	return nil, invalid("Label", req.Label, "can't find label on existing policy.")
}

func (q *record) policy(arn string) (policy, error) {
	p := policy{Version: "2008-10-17", ID: arn + "/SQSDefaultPolicy"}
	text := q.settings.Given["Policy"]
	if text == "" {
		return p, nil
	}
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		return p, tasks.Errorf("InvalidAttributeValue", "Invalid value for the parameter Policy.")
	}
	return p, nil
}

func (q *record) setPolicy(tx engine.Tx, p policy) error {
	if len(p.Statement) == 0 {
		delete(q.settings.Given, "Policy")
	} else {
		raw, err := json.Marshal(p)
		if err != nil {
			return err
		}
		q.settings.Given["Policy"] = string(raw)
	}
	q.modified = tx.Now().UnixMilli()
	return updateQueue(tx, q)
}

func sidOf(raw json.RawMessage) string {
	var st struct{ Sid string }
	if json.Unmarshal(raw, &st) != nil {
		return ""
	}
	return st.Sid
}
