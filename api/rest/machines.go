package rest

import (
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"millrace/asl"
	"millrace/engine"
)

// machine is a state machine as REST shows it.
type machine struct {
	Name       string          `json:"name"`
	ARN        string          `json:"arn"`
	Type       string          `json:"type"`
	Status     string          `json:"status"`
	RoleARN    string          `json:"roleArn"`
	Created    time.Time       `json:"created"`
	Updated    time.Time       `json:"updated"`
	Revision   string          `json:"revision,omitempty"`
	Definition json.RawMessage `json:"definition,omitempty"` // left out in lists
}

func machineOf(m engine.StateMachine, whole bool) machine {
	out := machine{m.Name, m.ARN, string(m.Type), m.Status, m.RoleARN, m.Created.UTC(), m.Updated.UTC(), m.Revision, nil}
	if whole {
		out.Definition = json.RawMessage(m.Definition)
	}
	return out
}

// listed is a page of a list.
type listed[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next,omitempty"` // cursor of the next page
}

func (s *server) listMachines(w http.ResponseWriter, r *http.Request) error {
	if err := known(r, "limit", "cursor"); err != nil {
		return err
	}
	p, err := page(r)
	if err != nil {
		return err
	}
	machines, next, err := s.Engine.ListStateMachines(r.Context(), p)
	if err != nil {
		return err
	}
	out := listed[machine]{Items: make([]machine, len(machines)), Next: next}
	for i, m := range machines {
		out.Items[i] = machineOf(m, false)
	}
	write(w, http.StatusOK, out)
	return nil
}

// machineBody is what creates or changes a machine. Definition is the
// definition itself or a string that holds it.
type machineBody struct {
	Name       string          `json:"name"`
	Type       string          `json:"type"`
	RoleARN    string          `json:"roleArn"`
	Definition json.RawMessage `json:"definition"`
}

// text returns the definition's text.
func (b *machineBody) text() (string, error) {
	if len(b.Definition) == 0 || string(b.Definition) == "null" {
		return "", bad("/definition", "it is missing, want a definition in the Amazon States Language")
	}
	if b.Definition[0] != '"' {
		return string(b.Definition), nil
	}
	var s string
	err := json.Unmarshal(b.Definition, &s)
	return s, err
}

func (b *machineBody) check() error {
	switch engine.MachineType(b.Type) {
	case "", engine.Standard, engine.Express:
		return nil
	}
	return bad("/type", short(b.Type)+" is no type, want STANDARD or EXPRESS")
}

func (s *server) createMachine(w http.ResponseWriter, r *http.Request) error {
	var b machineBody
	if err := decode(w, r, &b); err != nil {
		return err
	}
	if b.Name == "" {
		return bad("/name", "it is missing, want a name of 1 to 80 characters")
	}
	m, err := s.create(r, &b)
	if err != nil {
		return err
	}
	w.Header().Set("Location", "/v1/machines/"+m.Name)
	write(w, http.StatusCreated, machineOf(m, true))
	return nil
}

func (s *server) create(r *http.Request, b *machineBody) (m engine.StateMachine, err error) {
	if err := b.check(); err != nil {
		return m, err
	}
	text, err := b.text()
	if err != nil {
		return m, err
	}
	if b.Type == "" {
		b.Type = string(engine.Standard)
	}
	if b.RoleARN == "" {
		b.RoleARN = s.RoleARN
	}
	m, err = s.Engine.CreateStateMachine(r.Context(), engine.CreateStateMachine{
		Name: b.Name, Type: engine.MachineType(b.Type), Definition: text, RoleARN: b.RoleARN, Settings: json.RawMessage("{}"),
	})
	return m, refused(err)
}

// refused tells a refused definition by its faults.
func refused(err error) error {
	e := new(engine.DefinitionError)
	if !errors.As(err, &e) {
		return err
	}
	p := &problem{Type: "InvalidDefinition", Title: "The definition is not right", Status: http.StatusUnprocessableEntity, Pointer: "/definition"}
	for _, d := range e.Diagnostics {
		if d.Severity == asl.SeverityError && p.Detail == "" {
			p.Detail = d.Code + ": " + d.Message + " at " + d.Location()
		}
		p.Errors = append(p.Errors, fault{string(d.Severity), d.Code, d.Message, d.Pointer, d.Line, d.Column})
	}
	return p
}

func (s *server) showMachine(w http.ResponseWriter, r *http.Request) error {
	m, err := s.Engine.DescribeStateMachine(r.Context(), s.arn("stateMachine", param(r, "machine")))
	if err != nil {
		return err
	}
	write(w, http.StatusOK, machineOf(m, true))
	return nil
}

// putMachine creates the machine, or gives the one that is there the definition.
func (s *server) putMachine(w http.ResponseWriter, r *http.Request) error {
	name := param(r, "machine")
	var b machineBody
	if err := decode(w, r, &b); err != nil {
		return err
	}
	if b.Name != "" && b.Name != name {
		return bad("/name", short(b.Name)+" is not the name in the path, "+short(name))
	}
	b.Name = name
	old, err := s.Engine.DescribeStateMachine(r.Context(), s.arn("stateMachine", name))
	if errors.Is(err, engine.ErrMachineNotFound) {
		m, err := s.create(r, &b)
		if err != nil {
			return err
		}
		write(w, http.StatusCreated, machineOf(m, true))
		return nil
	}
	if err != nil {
		return err
	}
	if b.Type != "" && b.Type != string(old.Type) {
		return bad("/type", "the machine is "+string(old.Type)+", and a type never changes")
	}
	text, err := b.text()
	if err != nil {
		return err
	}
	var role *string
	if b.RoleARN != "" {
		role = &b.RoleARN
	}
	m, err := s.Engine.UpdateStateMachine(r.Context(), engine.UpdateStateMachine{ARN: old.ARN, Definition: &text, RoleARN: role})
	if err != nil {
		return refused(err)
	}
	write(w, http.StatusOK, machineOf(m, true))
	return nil
}

func (s *server) deleteMachine(w http.ResponseWriter, r *http.Request) error {
	if err := s.Engine.DeleteStateMachine(r.Context(), s.arn("stateMachine", param(r, "machine"))); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
