package teststate

import (
	"fmt"
	"strings"

	"millrace/asl"
	"millrace/asl/document"
	"millrace/engine/interp"
)

// Refusal says why a request cannot be tested, under the exception's name.
type Refusal struct {
	Name    string // ValidationException, InvalidDefinition, InvalidExecutionInput
	Message string
}

func (r *Refusal) Error() string { return r.Name + ": " + r.Message }

func refuse(name, format string, args ...any) error {
	return &Refusal{name, fmt.Sprintf(format, args...)}
}

func invalid(format string, args ...any) error {
	return refuse("ValidationException", format, args...)
}

// accept holds the state's type against the mock, and the mock against what it
// stands for. It returns the mocked result; nil: there is none.
func (t *Test) accept() (*document.Doc, error) {
	m := t.r.Mock
	if m == nil {
		return nil, t.callable()
	}
	switch t.state.(type) {
	case *asl.Task, *asl.Map, *asl.Parallel:
	default:
		return nil, invalid("State type '%s' is not supported when a mock is specified", t.state.Common().Type)
	}
	if (m.Result == nil) == (m.Error == nil) {
		return nil, invalid("A test mock should have only one of the following fields: [result, errorOutput].")
	}
	if err := t.errorState(); err != nil {
		return nil, err
	}
	if m.Error != nil {
		if m.Error.Error == nil {
			return nil, invalid("The field 'error' is required in the errorOutput of a mock.")
		}
		return nil, nil
	}
	d, err := document.Of([]byte(*m.Result))
	if err != nil {
		return nil, invalid("Mocked result must be valid JSON")
	}
	switch st := t.state.(type) {
	case *asl.Task:
		return d, validate(st.Resource, m.Validation, d.Value())
	case *asl.Map:
		if st.ResultWriter != nil && st.ResultWriter.Resource != "" {
			// What was written where is an object.
			if _, ok := d.Value().(*document.Object); !ok {
				return nil, invalid("Mocked result must be an object.")
			}
			return d, nil
		}
	}
	if _, ok := d.Value().([]any); !ok {
		return nil, invalid("Mocked result must be an array.")
	}
	return d, nil
}

// callable refuses what is only tested with a mock.
func (t *Test) callable() error {
	if t.r.Context != nil {
		return invalid("A Context object can only be provided when a mock is specified")
	}
	switch st := t.state.(type) {
	case *asl.Map, *asl.Parallel:
		return refuse("InvalidDefinition", "TestState API does not support Map or Parallel states. Supported state types include: [Task, Wait, Pass, Succeed, Fail, Choice]")
	case *asl.Task:
		switch {
		case strings.Contains(st.Resource, ":activity:"):
			return refuse("InvalidDefinition", "TestState API does not support Activity tasks without a mock: %s", st.Resource)
		case strings.HasSuffix(st.Resource, ".sync"), strings.HasSuffix(st.Resource, ".sync:2"), strings.HasSuffix(st.Resource, ".waitForTaskToken"):
			return refuse("InvalidDefinition", "TestState API does not support .sync or .waitForTaskToken service integration patterns without a mock: %s", st.Resource)
		}
	}
	return nil
}

// errorState holds that the state which a mocked error comes from is there.
func (t *Test) errorState() error {
	name := t.r.ErrorState
	if name == "" {
		return nil
	}
	for _, b := range blocks(t.state) {
		if inside(b, name) != nil {
			return nil
		}
	}
	switch t.state.(type) {
	case *asl.Map, *asl.Parallel:
		return invalid("State not found in definition")
	}
	return nil
}

// variablesOf reads the variables of a request.
func variablesOf(text []byte) ([]interp.AssignedItem, error) {
	if text == nil {
		return nil, nil
	}
	v, err := document.Parse(text)
	o, ok := v.(*document.Object)
	if err != nil || !ok {
		return nil, invalid("Variables must be a valid JSON object")
	}
	list := make([]interp.AssignedItem, o.Len())
	for i := range list {
		name, value := o.At(i)
		list[i] = interp.AssignedItem{Name: name, Value: document.FromValue(value)}
	}
	return list, nil
}

// kind is the JSON type of a value.
type kind byte

const (
	anything kind = iota
	text
	numeric
	boolean
	array
	object
)

// names are the types as messages have them.
func (k kind) String() string {
	return [...]string{"anything", "a string", "a number", "a boolean", "an array", "an object"}[k]
}

// of says whether a value is of the type.
func (k kind) of(v any) bool {
	switch v.(type) {
	case string:
		return k == text || k == anything
	case document.Number:
		return k == numeric || k == anything
	case bool:
		return k == boolean || k == anything
	case []any:
		return k == array || k == anything
	case *document.Object:
		return k == object || k == anything
	}
	return k == anything
}

// contextMember is a member that the context object may have.
type contextMember struct {
	name  string
	kind  kind
	parts []contextMember
}

// contextMembers are the members of the context object.
//
// Source: "Accessing execution data from the Context object" of the AWS Step
// Functions developer guide.
func contextMembers() []contextMember {
	return []contextMember{
		{"Execution", object, []contextMember{
			{"Id", text, nil}, {"Input", anything, nil}, {"Name", text, nil}, {"RoleArn", text, nil},
			{"StartTime", text, nil}, {"RedriveCount", numeric, nil}, {"RedriveTime", text, nil},
		}},
		{"State", object, []contextMember{{"EnteredTime", text, nil}, {"Name", text, nil}, {"RetryCount", numeric, nil}}},
		{"StateMachine", object, []contextMember{{"Id", text, nil}, {"Name", text, nil}}},
		{"Task", object, []contextMember{{"Token", text, nil}}},
	}
}

const badContext = "Invalid Context object provided: "

// contextOf reads the context object of a request; nil: it brings none.
func contextOf(r *Request) (*document.Doc, error) {
	if r.Context == nil {
		return nil, nil
	}
	d, err := document.Of(r.Context)
	if err != nil {
		return nil, invalid(badContext + "not a valid JSON object")
	}
	o, ok := d.Value().(*document.Object)
	if !ok {
		return nil, invalid(badContext + "not a valid JSON object")
	}
	if _, ok := o.Get("Map"); ok {
		return nil, invalid(badContext + "'Map' field is not supported when mocking a Context object")
	}
	return d, checkContext(o, contextMembers(), "")
}

func checkContext(o *document.Object, members []contextMember, at string) error {
	for i := range o.Len() {
		name, v := o.At(i)
		m := memberOf(members, name)
		switch {
		case m == nil:
			return invalid(badContext+"Field '%s' is not allowed", at+name)
		case !m.kind.of(v):
			return invalid(badContext+"%s must be %s", at+name, m.kind)
		case m.parts != nil:
			if err := checkContext(v.(*document.Object), m.parts, at+name+"."); err != nil {
				return err
			}
		}
	}
	return nil
}

func memberOf(members []contextMember, name string) *contextMember {
	for i := range members {
		if members[i].name == name {
			return &members[i]
		}
	}
	return nil
}
