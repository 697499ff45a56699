package eventbus

import (
	"context"
	"encoding/json"
	"errors"

	"millrace/engine"
	"millrace/integrations/wire/pattern"
	"millrace/tasks"
)

// The states of a rule. The last takes read-only management events of trails too.
const (
	enabled    = "ENABLED"
	disabled   = "DISABLED"
	enabledAll = "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"
)

// maxRuleName is the longest name of a rule.
const maxRuleName = 64

// ruleInput names a rule.
type ruleInput struct {
	Name string  `json:"Name"`
	Bus  busName `json:"EventBusName"`
}

// named reads the rule that an input names.
func named(r engine.Reader, in json.RawMessage) (*rule, error) {
	var p ruleInput
	if err := tasks.Decode(in, &p); err != nil {
		return nil, err
	}
	if err := checkName(p.Name, "name", maxRuleName); err != nil {
		return nil, err
	}
	return mustRule(r, p.Bus.name(), p.Name)
}

// compile reads an event pattern.
func compile(text string) (*pattern.Pattern, error) {
	p, err := pattern.Compile([]byte(text))
	if err == nil {
		return p, nil
	}
	reason := err.Error()
	if fault := (*pattern.Error)(nil); errors.As(err, &fault) && fault.At != "" {
		reason = fault.Reason + " at " + fault.At
	}
	return nil, tasks.Errorf("InvalidEventPatternException", "Event pattern is not valid. Reason: %s", reason)
}

// putRule makes a rule or replaces it; its targets and tags stay.
func (s *Service) putRule(tx engine.Tx, in json.RawMessage) (any, error) {
	var p struct {
		ruleInput
		Schedule    string `json:"ScheduleExpression"`
		Pattern     string `json:"EventPattern"`
		State       string `json:"State"`
		Description string `json:"Description"`
		RoleARN     string `json:"RoleArn"`
		Tags        []tag  `json:"Tags"`
	}
	if err := tasks.Decode(in, &p); err != nil {
		return nil, err
	}
	if err := checkName(p.Name, "name", maxRuleName); err != nil {
		return nil, err
	}
	switch {
	case p.Schedule != "":
		return nil, invalid("Parameter ScheduleExpression is not valid. Reason: rules are matched by their EventPattern here; they have no schedules.")
	case p.Pattern == "":
		return nil, invalid("Parameter(s) EventPattern or ScheduleExpression must be specified.")
	case len(p.Description) > maxDescription:
		return nil, constraint(p.Description, "description", "Member must have length less than or equal to 512")
	}
	switch p.State {
	case "":
		p.State = enabled
	case enabled, disabled, enabledAll:
	default:
		return nil, constraint(p.State, "state", "Member must satisfy enum value set: ["+enabled+", "+disabled+", "+enabledAll+"]")
	}
	if _, err := compile(p.Pattern); err != nil {
		return nil, err
	}
	bus := p.Bus.name()
	old, err := findRule(tx, bus, p.Name)
	if err != nil {
		return nil, err
	}
	u := &rule{bus: bus, name: p.Name, pattern: p.Pattern, state: p.State, description: p.Description, role: p.RoleARN}
	if old != nil {
		u.tags = old.tags // those of the input are for a new rule only
	} else {
		if u.tags, err = withTags(nil, p.Tags); err != nil {
			return nil, err
		}
		n, err := count(tx, countRules, bus)
		if err != nil {
			return nil, err
		}
		if n >= maxRules {
			return nil, limitExceeded()
		}
	}
	return struct {
		ARN string `json:"RuleArn"`
	}{s.ruleARN(bus, p.Name)}, u.store(tx)
}

// deleteRule deletes a rule; one that is not there is as good as deleted.
func (s *Service) deleteRule(tx engine.Tx, in json.RawMessage) (any, error) {
	var p ruleInput
	if err := tasks.Decode(in, &p); err != nil {
		return nil, err
	}
	if err := checkName(p.Name, "name", maxRuleName); err != nil {
		return nil, err
	}
	u, err := findRule(tx, p.Bus.name(), p.Name)
	if err != nil || u == nil {
		return nil, err
	}
	all, err := targets(tx, u.bus, u.name, "", 1)
	if err != nil {
		return nil, err
	}
	if len(all) > 0 {
		return nil, invalid("Rule can't be deleted since it has targets.")
	}
	if err := exec(tx, removeRule, u.bus, u.name); err != nil {
		return nil, err
	}
	return nil, revise(tx, u.bus)
}

func (s *Service) setState(tx engine.Tx, in json.RawMessage, state string) (any, error) {
	u, err := named(tx, in)
	if err != nil {
		return nil, err
	}
	u.state = state
	return nil, u.store(tx)
}

type ruleAnswer struct {
	Name        string `json:"Name"`
	ARN         string `json:"Arn"`
	Pattern     string `json:"EventPattern"`
	State       string `json:"State"`
	Description string `json:"Description,omitempty"`
	RoleARN     string `json:"RoleArn,omitempty"`
	Bus         string `json:"EventBusName"`
}

func (s *Service) ruleAnswer(u *rule) ruleAnswer {
	return ruleAnswer{u.name, s.ruleARN(u.bus, u.name), u.pattern, u.state, u.description, u.role, u.bus}
}

func (s *Service) describeRule(_ context.Context, r engine.Reader, _ tasks.Caller, in json.RawMessage) (any, error) {
	u, err := named(r, in)
	if err != nil {
		return nil, err
	}
	return struct {
		ruleAnswer
		CreatedBy string `json:"CreatedBy"`
	}{s.ruleAnswer(u), s.host.Account()}, nil
}

func (s *Service) listRules(_ context.Context, r engine.Reader, _ tasks.Caller, in json.RawMessage) (any, error) {
	var p struct {
		pageInput
		Prefix string  `json:"NamePrefix"`
		Bus    busName `json:"EventBusName"`
	}
	if err := tasks.Decode(in, &p); err != nil {
		return nil, err
	}
	n, after, err := p.read()
	if err != nil {
		return nil, err
	}
	if _, err := findBus(r, p.Bus.name()); err != nil {
		return nil, err
	}
	all, err := rules(r, selectRules, p.Bus.name(), after, len(p.Prefix), p.Prefix, n+1)
	if err != nil {
		return nil, err
	}
	var out struct {
		Rules []ruleAnswer `json:"Rules"`
		Next  string       `json:"NextToken,omitempty"`
	}
	all, out.Next = cut(all, n, func(u *rule) string { return u.name })
	out.Rules = []ruleAnswer{}
	for _, u := range all {
		out.Rules = append(out.Rules, s.ruleAnswer(u))
	}
	return out, nil
}

func (s *Service) listRuleNamesByTarget(_ context.Context, r engine.Reader, _ tasks.Caller, in json.RawMessage) (any, error) {
	var p struct {
		pageInput
		ARN string  `json:"TargetArn"`
		Bus busName `json:"EventBusName"`
	}
	if err := tasks.Decode(in, &p); err != nil {
		return nil, err
	}
	if p.ARN == "" {
		return nil, constraint(nil, "targetArn", "Member must not be null")
	}
	n, after, err := p.read()
	if err != nil {
		return nil, err
	}
	if _, err := findBus(r, p.Bus.name()); err != nil {
		return nil, err
	}
	out := struct {
		Names []string `json:"RuleNames"`
		Next  string   `json:"NextToken,omitempty"`
	}{Names: []string{}}
	err = each(r, func(scan func(...any) error) error {
		var name string
		err := scan(&name)
		out.Names = append(out.Names, name)
		return err
	}, rulesByTarget, p.Bus.name(), p.ARN, after, n+1)
	out.Names, out.Next = cut(out.Names, n, func(name string) string { return name })
	return out, err
}
