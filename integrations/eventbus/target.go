package eventbus

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"millrace/asl/document"
	"millrace/asl/jsonpath"
	"millrace/engine"
	"millrace/tasks"
)

// Limits of targets.
const (
	maxTargets   = 5 // of a rule
	maxTargetARN = 1600
	maxInput     = 8192 // bytes of Input and InputTemplate
	maxPath      = 256
	maxPaths     = 100
)

// target is a target of a rule, compiled.
type target struct {
	id, arn   string
	kind      string // the service that takes the event: states, sqs, sns, lambda, events
	groupID   string // of FIFO queues
	dead      string // ARN of the dead-letter queue; "": none
	constant  []byte // Input
	path      *jsonpath.Path
	transform *transformer
}

// targetInput is a target as PutTargets takes it. Members of targets that are
// not supported are kept and told again.
type targetInput struct {
	ID          string  `json:"Id"`
	ARN         string  `json:"Arn"`
	RoleARN     string  `json:"RoleArn"`
	Input       *string `json:"Input"`
	InputPath   *string `json:"InputPath"`
	Transformer *struct {
		Paths    map[string]string `json:"InputPathsMap"`
		Template string            `json:"InputTemplate"`
	} `json:"InputTransformer"`
	SQS *struct {
		GroupID string `json:"MessageGroupId"`
	} `json:"SqsParameters"`
	DeadLetters *struct {
		ARN string `json:"Arn"`
	} `json:"DeadLetterConfig"`
	Retry *struct {
		Attempts *int64 `json:"MaximumRetryAttempts"`
		Age      *int64 `json:"MaximumEventAgeInSeconds"`
	} `json:"RetryPolicy"`
}

// compileTarget checks a target and compiles it.
func (s *Service) compileTarget(in *targetInput) (*target, error) {
	t := &target{id: in.ID, arn: in.ARN}
	if err := checkName(in.ID, "targets.member.id", maxRuleName); err != nil {
		return nil, err
	}
	if in.ARN == "" || len(in.ARN) > maxTargetARN {
		return nil, constraint(in.ARN, "targets.member.arn", "Member must have length from 1 to 1600")
	}
	parts := strings.SplitN(in.ARN, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" || parts[5] == "" {
		return nil, invalid("Parameter %s is not valid. Reason: Provided Arn is not in correct format.", short(in.ARN))
	}
	t.kind = parts[2]
	if !s.takes(t.kind, parts[5]) {
		return nil, invalid("Parameter %s is not valid. Reason: targets are %s.", short(in.ARN), s.taken())
	}
	if t.kind == "states" && in.RoleARN == "" {
		return nil, invalid("RoleArn is required for target %s.", in.ARN)
	}
	if t.kind == "sqs" && in.SQS != nil {
		t.groupID = in.SQS.GroupID
	}
	if t.kind == "sqs" && strings.HasSuffix(in.ARN, ".fifo") && t.groupID == "" {
		return nil, invalid("Parameter(s) SqsParameters must be specified for target: %s.", in.ID)
	}
	if d := in.DeadLetters; d != nil && d.ARN != "" {
		if s.o.Queues == nil || !strings.HasPrefix(d.ARN, "arn:aws:sqs:") || strings.HasSuffix(d.ARN, ".fifo") {
			return nil, invalid("Parameter DeadLetterConfig is not valid. Reason: the ARN of a standard queue belongs there.")
		}
		t.dead = d.ARN
	}
	if r := in.Retry; r != nil && (r.Attempts != nil && (*r.Attempts < 0 || *r.Attempts > 185) || r.Age != nil && (*r.Age < 60 || *r.Age > 86400)) {
		return nil, invalid("Parameter RetryPolicy is not valid. Reason: MaximumRetryAttempts is from 0 to 185 and MaximumEventAgeInSeconds from 60 to 86400.")
	}
	return t, t.compileInput(in)
}

// takes reports whether events can be handed to a resource of a service.
func (s *Service) takes(service, resource string) bool {
	switch service {
	case "states":
		return strings.HasPrefix(resource, "stateMachine:")
	case "sqs":
		return s.o.Queues != nil
	case "sns":
		return s.o.Topics != nil
	case "lambda":
		return s.o.Functions != nil && strings.HasPrefix(resource, "function:")
	case "events":
		return strings.HasPrefix(resource, "event-bus/")
	}
	return false
}

// taken names what events can be handed to.
func (s *Service) taken() string {
	list := "state machines, event buses"
	if s.o.Queues != nil {
		list += ", queues"
	}
	if s.o.Topics != nil {
		list += ", topics"
	}
	if s.o.Functions != nil {
		list += ", functions"
	}
	return list
}

// compileInput reads what the target is to get in place of the event.
func (t *target) compileInput(in *targetInput) (err error) {
	given := 0
	for _, is := range []bool{in.Input != nil, in.InputPath != nil, in.Transformer != nil} {
		if is {
			given++
		}
	}
	if given > 1 {
		return invalid("Only one of Input, InputPath, or InputTransformer must be provided for target %s.", in.ID)
	}
	switch {
	case in.Input != nil:
		v, err := document.Parse([]byte(*in.Input))
		if err != nil || len(*in.Input) > maxInput {
			return invalid("JSON syntax error in input for target %s: JSON of at most %d bytes belongs there.", in.ID, maxInput)
		}
		t.constant = document.Append(nil, v)
	case in.InputPath != nil:
		t.path, err = compilePath(*in.InputPath)
		if err != nil {
			return invalid("Invalid InputPath for target %s: %v", in.ID, err)
		}
	case in.Transformer != nil:
		t.transform, err = compileTransformer(in.Transformer.Paths, in.Transformer.Template)
		if err != nil {
			return invalid("Invalid InputTransformer for target %s: %v", in.ID, err)
		}
	}
	return nil
}

func compilePath(text string) (*jsonpath.Path, error) {
	if len(text) > maxPath {
		return nil, fmt.Errorf("a path has at most %d characters", maxPath)
	}
	p, err := jsonpath.Compile(text)
	if err == nil && p.Root() != jsonpath.Input {
		err = fmt.Errorf("%q: a path begins with $ and a dot or a bracket", short(text))
	}
	return p, err
}

// storedTarget is a target as it is stored.
type storedTarget struct {
	id, body string
}

// targets reads n targets of a rule after an id.
func targets(r engine.Reader, bus, rule, after string, n int64) ([]storedTarget, error) {
	var all []storedTarget
	err := each(r, func(scan func(...any) error) error {
		var t storedTarget
		err := scan(&t.id, &t.body)
		all = append(all, t)
		return err
	}, selectTargets, bus, rule, after, n)
	return all, err
}

// failedTarget tells of a target that was not put or removed.
type failedTarget struct {
	ID      string `json:"TargetId"`
	Code    string `json:"ErrorCode"`
	Message string `json:"ErrorMessage"`
}

type targetsAnswer struct {
	Count   int            `json:"FailedEntryCount"`
	Entries []failedTarget `json:"FailedEntries"`
}

// maxList is the most targets or ids of one request.
const maxList = 100

func (s *Service) putTargets(tx engine.Tx, in json.RawMessage) (any, error) {
	var p struct {
		Rule    string            `json:"Rule"`
		Bus     busName           `json:"EventBusName"`
		Targets []json.RawMessage `json:"Targets"`
	}
	if err := tasks.Decode(in, &p); err != nil {
		return nil, err
	}
	if err := checkName(p.Rule, "rule", maxRuleName); err != nil {
		return nil, err
	}
	if n := len(p.Targets); n < 1 || n > maxList {
		return nil, constraint(n, "targets", "Member must have from 1 to 100 elements")
	}
	u, err := mustRule(tx, p.Bus.name(), p.Rule)
	if err != nil {
		return nil, err
	}
	old, err := targets(tx, u.bus, u.name, "", maxList)
	if err != nil {
		return nil, err
	}
	ids := map[string]bool{}
	for _, t := range old {
		ids[t.id] = true
	}
	list := make([]*target, len(p.Targets))
	for i, body := range p.Targets {
		var t targetInput
		if err := tasks.Decode(body, &t); err != nil {
			return nil, err
		}
		if list[i], err = s.compileTarget(&t); err != nil {
			return nil, err
		}
		ids[t.ID] = true
	}
	if len(ids) > maxTargets {
		return nil, limitExceeded()
	}
	for i, t := range list {
		if err := exec(tx, upsertTarget, u.bus, u.name, t.id, t.arn, string(p.Targets[i])); err != nil {
			return nil, err
		}
	}
	return targetsAnswer{Entries: []failedTarget{}}, revise(tx, u.bus)
}

func (s *Service) removeTargets(tx engine.Tx, in json.RawMessage) (any, error) {
	var p struct {
		Rule string   `json:"Rule"`
		Bus  busName  `json:"EventBusName"`
		IDs  []string `json:"Ids"`
	}
	if err := tasks.Decode(in, &p); err != nil {
		return nil, err
	}
	if err := checkName(p.Rule, "rule", maxRuleName); err != nil {
		return nil, err
	}
	if n := len(p.IDs); n < 1 || n > maxList {
		return nil, constraint(n, "ids", "Member must have from 1 to 100 elements")
	}
	u, err := mustRule(tx, p.Bus.name(), p.Rule)
	if err != nil {
		return nil, err
	}
	out := targetsAnswer{Entries: []failedTarget{}}
	for _, id := range p.IDs {
		n, err := tx.Exec(removeTarget, u.bus, u.name, id)
		if err != nil {
			return nil, fmt.Errorf("remove targets: %w", err)
		}
		if n == 0 {
			out.Count++
			out.Entries = append(out.Entries, failedTarget{id, "ResourceNotFoundException", fmt.Sprintf("Rule '%s' does not have a target with the Id '%s'.", u.name, short(id))})
		}
	}
	if out.Count == len(p.IDs) {
		return out, nil
	}
	return out, revise(tx, u.bus)
}

func (s *Service) listTargetsByRule(_ context.Context, r engine.Reader, _ tasks.Caller, in json.RawMessage) (any, error) {
	var p struct {
		pageInput
		Rule string  `json:"Rule"`
		Bus  busName `json:"EventBusName"`
	}
	if err := tasks.Decode(in, &p); err != nil {
		return nil, err
	}
	if err := checkName(p.Rule, "rule", maxRuleName); err != nil {
		return nil, err
	}
	n, after, err := p.read()
	if err != nil {
		return nil, err
	}
	u, err := mustRule(r, p.Bus.name(), p.Rule)
	if err != nil {
		return nil, err
	}
	all, err := targets(r, u.bus, u.name, after, n+1)
	if err != nil {
		return nil, err
	}
	var out struct {
		Targets []json.RawMessage `json:"Targets"`
		Next    string            `json:"NextToken,omitempty"`
	}
	all, out.Next = cut(all, n, func(t storedTarget) string { return t.id })
	out.Targets = []json.RawMessage{}
	for _, t := range all {
		out.Targets = append(out.Targets, json.RawMessage(t.body))
	}
	return out, nil
}
