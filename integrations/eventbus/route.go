package eventbus

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/google/uuid"

	"millrace/asl/document"
	"millrace/engine"
	"millrace/integrations/wire/pattern"
	"millrace/tasks"
)

// ruleset is the rules of a bus that are enabled, compiled. A bus's revision is
// an id that is given out once, so a ruleset never becomes wrong, only old.
type ruleset struct {
	revision int64
	routes   []*route
}

// route is a rule, compiled.
type route struct {
	name, arn string
	readOnly  bool // takes read-only management events of trails too
	pattern   *pattern.Pattern
	targets   []*target
}

// envelope is an event under way.
type envelope struct {
	id        string
	event     *document.Object
	readOnly  bool
	forwarded bool // by a rule of another bus
}

// Counts tell what became of the events put so far in committed units.
type Counts struct {
	Events      int64 // put
	Matches     int64 // of rules
	Invocations int64 // of targets that took the event
	Failed      int64 // targets that could not take it
	DeadLetters int64 // of these, events that a dead-letter queue took
}

type counts struct {
	events, matches, invocations, failed, dead atomic.Int64
}

// Counts returns what became of the events so far, since the process began.
func (s *Service) Counts() Counts {
	c := &s.counts
	return Counts{c.events.Load(), c.matches.Load(), c.invocations.Load(), c.failed.Load(), c.dead.Load()}
}

// rules returns the rules of a bus; nil: there is no such bus.
func (s *Service) rules(r engine.Reader, bus string) (*ruleset, error) {
	all, err := buses(r, selectBus, bus)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	revision := all[0].revision
	s.mu.Lock()
	set := s.rulesets[bus]
	s.mu.Unlock()
	if set != nil && set.revision == revision {
		return set, nil
	}
	if set, err = s.load(r, bus, revision); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.rulesets) > 2*maxBuses { // of buses that are gone
		clear(s.rulesets)
	}
	s.rulesets[bus] = set
	return set, nil
}

func (s *Service) load(r engine.Reader, bus string, revision int64) (*ruleset, error) {
	set := &ruleset{revision: revision}
	byName := map[string]*route{}
	active, err := rules(r, activeRules, bus)
	if err != nil {
		return nil, err
	}
	for _, u := range active {
		p, err := compile(u.pattern)
		if err != nil {
			return nil, fmt.Errorf("rule %s of bus %s: %w", u.name, bus, errors.New(err.Error()))
		}
		byName[u.name] = &route{name: u.name, arn: s.ruleARN(bus, u.name), readOnly: u.state == enabledAll, pattern: p}
		set.routes = append(set.routes, byName[u.name])
	}
	err = each(r, func(scan func(...any) error) error {
		var name, body string
		if err := scan(&name, &body); err != nil || byName[name] == nil {
			return err
		}
		var in targetInput
		if err := tasks.Decode([]byte(body), &in); err != nil {
			return err
		}
		t, err := s.compileTarget(&in)
		if err != nil {
			// It was put into a server that has more kinds of targets.
			t = &target{id: in.ID, arn: in.ARN}
		}
		byName[name].targets = append(byName[name].targets, t)
		return nil
	}, busTargets, bus)
	return set, err
}

// route hands an event to the targets of the rules that match it.
func (s *Service) route(tx engine.Tx, bus string, e *envelope) error {
	set, err := s.rules(tx, bus)
	if err != nil {
		return err
	}
	tx.AfterCommit(func() { s.counts.events.Add(1) })
	if set == nil {
		return nil
	}
	for _, r := range set.routes {
		if e.readOnly && !r.readOnly || !r.pattern.Match(e.event) {
			continue
		}
		tx.AfterCommit(func() { s.counts.matches.Add(1) })
		for _, t := range r.targets {
			if err := s.hand(tx, r, t, e); err != nil {
				return err
			}
		}
	}
	return nil
}

// hand gives an event to a target. A target that cannot take it is not an error.
func (s *Service) hand(tx engine.Tx, r *route, t *target, e *envelope) error {
	err := s.deliver(tx, r, t, e)
	if err == nil {
		tx.AfterCommit(func() { s.counts.invocations.Add(1) })
		return nil
	}
	code, message, ok := refusal(err)
	if !ok {
		return fmt.Errorf("event %s to target %s of rule %s: %w", e.id, t.id, r.name, err)
	}
	dead := false
	if t.dead != "" {
		letter := QueueMessage{QueueARN: t.dead, Body: string(document.Append(nil, e.event)), Attributes: map[string]string{
			"RULE_ARN": r.arn, "TARGET_ARN": t.arn, "ERROR_CODE": code, "ERROR_MESSAGE": message,
		}}
		err := s.o.Queues.SendTx(tx, letter)
		if _, _, ok := refusal(err); err != nil && !ok {
			return fmt.Errorf("dead letter of event %s: %w", e.id, err)
		}
		dead = err == nil
	}
	tx.AfterCommit(func() {
		s.counts.failed.Add(1)
		if dead {
			s.counts.dead.Add(1)
		}
		s.o.Log.Warn("a target could not take an event", "rule", r.arn, "target", t.arn, "event", e.id, "deadLetter", dead, "error", err)
	})
	return nil
}

// refusal tells why a target could not take an event. Any other error is the
// server's own failure.
func refusal(err error) (code, message string, ok bool) {
	var refused *tasks.Error
	var fault *engine.Fault
	switch {
	case errors.As(err, &refused):
		return refused.Code, refused.Message, true
	case errors.Is(err, engine.ErrConflict), errors.Is(err, engine.ErrBusy), errors.Is(err, engine.ErrClosed):
	case errors.Is(err, engine.ErrMachineNotFound):
		return "RESOURCE_NOT_FOUND", err.Error(), true
	case errors.As(err, &fault):
		return "INVALID_PARAMETER", err.Error(), true
	}
	return "", "", false
}

// deliver hands an event to a target in the unit.
func (s *Service) deliver(tx engine.Tx, r *route, t *target, e *envelope) error {
	input := t.input(r, e, tx.Now().UTC().Format(timeForm))
	switch t.kind {
	case "states":
		_, err := tx.Start(engine.StartInput{MachineARN: t.arn, Name: executionName(r, t, e), Input: input})
		return err
	case "sqs":
		return s.o.Queues.SendTx(tx, QueueMessage{QueueARN: t.arn, Body: string(input), GroupID: t.groupID})
	case "sns":
		return s.o.Topics.PublishTx(tx, t.arn, string(input))
	case "lambda":
		return s.o.Functions.InvokeTx(tx, t.arn, input)
	case "events":
		return s.forward(tx, t, e)
	}
	return invalid("The target %s is of a kind that this server has not.", t.arn)
}

// forward hands an event to another bus. One that comes from another bus already
// goes no further, so that events never run in circles.
func (s *Service) forward(tx engine.Tx, t *target, e *envelope) error {
	if e.forwarded {
		return invalid("Event %s came from another event bus and is not sent to a third.", e.id)
	}
	_, bus, _ := strings.Cut(t.arn, ":event-bus/")
	if _, err := findBus(tx, bus); err != nil {
		return err
	}
	return s.route(tx, bus, &envelope{id: e.id, event: e.event, readOnly: e.readOnly, forwarded: true})
}

// executionName names the execution that an event starts after the event, and
// after the rule's target, as one event can start several.
func executionName(r *route, t *target, e *envelope) string {
	return e.id + "_" + uuid.NewSHA1(uuid.NameSpaceURL, []byte(r.arn+"/"+t.id)).String()
}

// input is what a target gets of an event, as JSON text.
func (t *target) input(r *route, e *envelope, ingested string) []byte {
	switch {
	case t.constant != nil:
		return t.constant
	case t.path != nil:
		v, err := t.path.Eval(e.event)
		if err != nil {
			v = nil // nothing is there
		}
		return document.Append(nil, v)
	case t.transform != nil:
		return t.transform.apply(r, e.event, ingested)
	}
	return document.Append(nil, e.event)
}
