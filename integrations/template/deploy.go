package template

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"millrace/asl/document"
	"millrace/tasks"
)

// Target carries out what a template asks for.
type Target interface {
	Region() string
	Account() string
	// Call runs an operation of a service, such as sqs CreateQueue. Input and
	// output are JSON in the service's own shape. An error of the service is a
	// [*tasks.Error].
	Call(ctx context.Context, service, operation string, in json.RawMessage) (json.RawMessage, error)
}

// Options of [Template.Deploy].
type Options struct {
	Stack      string            // names the stack; physical names are made from it. "": "stack"
	Parameters map[string]string // values of the template's parameters
	Files      fs.FS             // what DefinitionUri and CodeUri are read from; nil: no files
}

// Deployed tells of one resource that was brought into being.
type Deployed struct {
	ID         string            `json:"logicalId"`
	Type       string            `json:"type"`
	Physical   string            `json:"physicalId"` // what Ref gives
	Attributes map[string]string `json:"attributes,omitempty"`
	Action     string            `json:"action"` // created, updated, kept, or accepted (the type has no effect here)
}

// Outcome is what a deployment led to.
type Outcome struct {
	Stack     string            `json:"stack"`
	Resources []Deployed        `json:"resources"`
	Outputs   map[string]string `json:"outputs,omitempty"`
}

// Deploy brings the template's resources into being, each after those that it
// refers to. Deploying again updates what is there. progress, which may be nil,
// hears of each resource. On an error, which is a [Fault] or [Faults] where the
// template is at fault, the resources made so far stay.
func (t *Template) Deploy(ctx context.Context, target Target, o Options, progress func(Deployed)) (Outcome, error) {
	if o.Stack == "" {
		o.Stack = "stack"
	}
	pseudo := map[string]string{
		"AWS::Region": target.Region(), "AWS::AccountId": target.Account(), "AWS::Partition": "aws",
		"AWS::StackName": o.Stack, "AWS::URLSuffix": "amazonaws.com",
		"AWS::StackId": fmt.Sprintf("arn:aws:cloudformation:%s:%s:stack/%s/%s", target.Region(), target.Account(), o.Stack, suffix(o.Stack)),
	}
	s, err := newScope(t, o.Parameters, pseudo)
	if err != nil {
		return Outcome{}, err
	}
	order, err := t.order(s)
	if err != nil {
		return Outcome{}, err
	}
	d := &deployment{ctx: ctx, target: target, options: o, scope: s, t: t}
	out := Outcome{Stack: o.Stack}
	for _, r := range order {
		done, err := d.deploy(r)
		if err != nil {
			return out, err
		}
		out.Resources = append(out.Resources, done)
		if progress != nil {
			progress(done)
		}
	}
	out.Outputs, err = d.outputs()
	return out, err
}

// order sorts the resources whose conditions hold so that each comes after what
// it needs, and finds every type and property that is not supported.
func (t *Template) order(s *scope) ([]*Resource, error) {
	var faults Faults
	wanted := map[string]bool{}
	for i := range t.Resources {
		r := &t.Resources[i]
		if r.Condition != "" {
			yes, err := s.condition(r.Condition, 0)
			if err != nil {
				return nil, err
			}
			if !yes {
				continue
			}
		}
		wanted[r.ID] = true
		faults = append(faults, t.check(r)...)
	}
	if len(faults) > 0 {
		return nil, faults
	}
	var order []*Resource
	state := map[string]int{} // 1: under way, 2: placed
	var visit func(r *Resource) error
	visit = func(r *Resource) error {
		state[r.ID] = 1
		var fault error
		need := func(id string) {
			other := s.resources[id]
			switch {
			case other == nil || !wanted[id] || id == r.ID || fault != nil || state[id] == 2:
			case state[id] == 1:
				fault = t.fault("/Resources/"+escape(r.ID), "refers to %s, which refers back to it", id)
			default:
				fault = visit(other)
			}
		}
		for _, id := range r.DependsOn {
			if s.resources[id] == nil {
				return t.fault("/Resources/"+escape(r.ID)+"/DependsOn", "the template has no resource %q", id)
			}
			need(id)
		}
		s.needs(r.Properties, need)
		if fault != nil {
			return fault
		}
		state[r.ID] = 2
		order = append(order, r)
		return nil
	}
	for i := range t.Resources {
		if r := &t.Resources[i]; wanted[r.ID] && state[r.ID] == 0 {
			if err := visit(r); err != nil {
				return nil, err
			}
		}
	}
	return order, nil
}

// check tells what of a resource is not supported.
func (t *Template) check(r *Resource) Faults {
	kind, ok := kinds[r.Type]
	at := "/Resources/" + escape(r.ID)
	if !ok {
		return Faults{t.fault(at+"/Type", "the type %s is not supported; these are: %s", r.Type, strings.Join(sortedKeys(kinds), ", "))}
	}
	if kind.inert {
		return nil
	}
	var faults Faults
	for _, p := range r.Properties.Keys() {
		if !strings.Contains(" "+kind.properties+" "+kind.ignored+" ", " "+p+" ") {
			faults = append(faults, t.fault(at+"/Properties/"+escape(p), "the property is not supported for %s; these are: %s", r.Type, kind.properties))
		}
	}
	return faults
}

// deployment is one run of Deploy.
type deployment struct {
	ctx     context.Context
	target  Target
	options Options
	scope   *scope
	t       *Template
}

// made is what a kind's maker reports.
type made struct {
	ref        string
	attributes map[string]string
	action     string
}

func (d *deployment) deploy(r *Resource) (Deployed, error) {
	at := "/Resources/" + escape(r.ID) + "/Properties"
	kind := kinds[r.Type]
	p, err := d.properties(r, kind, at)
	if err != nil {
		return Deployed{}, err
	}
	m, err := kind.make(d, resource{Resource: r, p: p, at: at})
	if err != nil {
		var service *tasks.Error
		if errors.As(err, &service) {
			err = d.t.fault("/Resources/"+escape(r.ID), "%s: %s", service.Code, service.Message)
		}
		return Deployed{}, err
	}
	d.scope.ref[r.ID] = m.ref
	d.scope.attributes[r.ID] = m.attributes
	return Deployed{ID: r.ID, Type: r.Type, Physical: m.ref, Attributes: m.attributes, Action: m.action}, nil
}

// properties resolves a resource's properties over the template's Globals.
func (d *deployment) properties(r *Resource, kind kind, at string) (*document.Object, error) {
	base := document.NewObject(0)
	if kind.globals != "" && d.t.globals != nil {
		if g, ok := d.t.globals.Get(kind.globals); ok {
			v, err := d.scope.resolve(g, "/Globals/"+kind.globals)
			if err != nil {
				return nil, err
			}
			if o, ok := v.(*document.Object); ok {
				base = o
			}
		}
	}
	v, err := d.scope.resolve(r.Properties, at)
	if err != nil {
		if kind.inert {
			return base, nil
		}
		return nil, err
	}
	o, ok := v.(*document.Object)
	if !ok {
		return nil, d.t.fault(at, "must be a mapping")
	}
	return merge(base, o), nil
}

// merge lays over's members over base's: mappings member by member, lists one after the other, as SAM's Globals do.
func merge(base, over *document.Object) *document.Object {
	out := base.Clone()
	for i := range over.Len() {
		k, v := over.At(i)
		if b, ok := out.Get(k); ok {
			switch b := b.(type) {
			case *document.Object:
				if o, ok := v.(*document.Object); ok {
					v = merge(b, o)
				}
			case []any:
				if l, ok := v.([]any); ok {
					v = append(append([]any{}, b...), l...)
				}
			}
		}
		out.Set(k, v)
	}
	return out
}

func (d *deployment) outputs() (map[string]string, error) {
	if d.t.Outputs == nil {
		return nil, nil
	}
	out := map[string]string{}
	for i := range d.t.Outputs.Len() {
		name, v := d.t.Outputs.At(i)
		at := "/Outputs/" + escape(name)
		o, ok := v.(*document.Object)
		if !ok || !has(o, "Value") {
			return nil, d.t.fault(at, "an output has a Value")
		}
		if c := text(o, "Condition"); c != "" {
			yes, err := d.scope.condition(c, 0)
			if err != nil {
				return nil, err
			}
			if !yes {
				continue
			}
		}
		value, _ := o.Get("Value")
		r, err := d.scope.resolve(value, at+"/Value")
		if err != nil {
			return nil, err
		}
		out[name] = plain(r)
	}
	return out, nil
}

// call runs an operation and returns its answer.
func (d *deployment) call(service, operation string, in *document.Object) (*document.Object, error) {
	raw, err := d.target.Call(d.ctx, service, operation, document.Append(nil, in))
	if err != nil {
		return nil, err
	}
	v, err := document.Parse(raw)
	if err != nil {
		return document.NewObject(0), nil
	}
	o, _ := v.(*document.Object)
	if o == nil {
		o = document.NewObject(0)
	}
	return o, nil
}

// ensure runs create, and update when create finds the thing there under one of
// the given error codes. A nil update keeps it as it is.
func (d *deployment) ensure(create, update func() error, exists ...string) (action string, err error) {
	err = create()
	var service *tasks.Error
	if err == nil {
		return "created", nil
	}
	if errors.As(err, &service) {
		for _, code := range exists {
			if service.Code == code {
				if update == nil {
					return "kept", nil
				}
				return "updated", update()
			}
		}
	}
	return "", err
}

// name is a resource's physical name: the property, or one made from the stack
// and the logical id, the same at each deployment.
func (d *deployment) name(r resource, property string, limit int, lower bool) string {
	if n, ok := r.p.Get(property); ok {
		return plain(n)
	}
	name := d.options.Stack + "-" + r.ID
	if lower {
		name = strings.ToLower(name)
	}
	tail := "-" + suffix(d.options.Stack+"/"+r.ID)
	if len(name)+len(tail) > limit {
		name = name[:limit-len(tail)]
	}
	return name + tail
}

func suffix(of string) string {
	sum := sha256.Sum256([]byte(of))
	return strings.ToLower(base32.StdEncoding.EncodeToString(sum[:]))[:10]
}

func (d *deployment) arn(service, rest string) string {
	return fmt.Sprintf("arn:aws:%s:%s:%s:%s", service, d.target.Region(), d.target.Account(), rest)
}
