package tasks

import (
	"strings"

	"millrace/engine"
)

// Registry finds the task of a resource: it is the engine's [engine.Resolver].
// Everything is registered before the engine starts; then it is safe for
// concurrent use.
type Registry struct {
	host      Host
	optimised map[string]*operationRef // by service and action: sqs:sendMessage
	sdk       map[string]*operationRef
	special   map[string]func(Resource) (engine.Task, error)
	functions func(Resource) (engine.Task, error)
	exact     map[string]engine.Task
}

type operationRef struct {
	service   *Service
	operation *Operation
}

// NewRegistry makes an empty registry.
func NewRegistry(h Host) *Registry {
	return &Registry{
		host: h, optimised: map[string]*operationRef{}, sdk: map[string]*operationRef{},
		special: map[string]func(Resource) (engine.Task, error){}, exact: map[string]engine.Task{},
	}
}

// Add registers the operations of services under their aws-sdk ARNs, and those
// that a service lists as optimised under these ARNs too.
func (g *Registry) Add(services ...*Service) {
	for _, s := range services {
		sdk := s.SDKService
		if sdk == "" {
			sdk = s.Name
		}
		for i := range s.Operations {
			op := &s.Operations[i]
			g.sdk[sdk+":"+lowerFirst(op.Name)] = &operationRef{s, op}
		}
		for _, name := range s.Optimised {
			if op := s.Find(name); op != nil {
				g.optimised[s.Name+":"+lowerFirst(name)] = &operationRef{s, op}
			}
		}
	}
}

// Special registers an optimised integration that is more than an operation,
// such as states:startExecution with .sync. find gets the resource with its
// suffix; for one that is nothing special it may return nil.
func (g *Registry) Special(service, action string, find func(Resource) (engine.Task, error)) {
	g.special[service+":"+action] = find
}

// Functions registers what function ARNs lead to.
func (g *Registry) Functions(find func(Resource) (engine.Task, error)) { g.functions = find }

// Register registers a task under a resource's exact text, for follow-ups and
// for what is no ARN.
func (g *Registry) Register(t engine.Task) { g.exact[t.Resource()] = t }

// Resolve finds the task of a resource. Its errors become causes of States.Runtime.
func (g *Registry) Resolve(resource string) (engine.Task, error) {
	if t, ok := g.exact[resource]; ok {
		return t, nil
	}
	r, err := ParseResource(resource)
	switch {
	case err != nil:
		return nil, err
	case r.Activity != "":
		return activity(resource), nil
	case r.Function != "":
		if g.functions == nil {
			return nil, resourceError("There are no functions here: the resource " + resource + " cannot be called.")
		}
		return g.functions(r)
	}
	ref := g.optimised[r.Service+":"+r.Action]
	if r.SDK {
		ref = g.sdk[r.Service+":"+r.Action]
	} else if find := g.special[r.Service+":"+r.Action]; find != nil {
		if t, err := find(r); t != nil || err != nil {
			return t, err
		}
	}
	if ref == nil || r.Suffix == Sync || r.Suffix == Sync2 {
		return nil, notRecognized(resource)
	}
	return g.action(ref, r), nil
}

// activity is an activity as a resource: workers ask for its tasks, nothing calls it.
type activity string

func (a activity) Resource() string { return string(a) }

func lowerFirst(s string) string {
	if s == "" {
		return s
	}
	return strings.ToLower(s[:1]) + s[1:]
}

func upperFirst(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}
