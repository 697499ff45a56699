package tasks

import (
	"context"
	"fmt"

	"millrace/engine"
	"millrace/engine/interp"
)

// Call calls the task of a resource for a caller that is no execution, such as
// the test of a single state, and returns its outcome once its effects are
// durable. A resource that leads nowhere is an outcome too, States.Runtime.
func (g *Registry) Call(ctx context.Context, c engine.Call) (o interp.Outcome, err error) {
	t, err := g.Resolve(c.Resource)
	if err != nil {
		return (&Failure{Name: "States.Runtime", Cause: err.Error()}).Outcome(), nil
	}
	switch t := t.(type) {
	case engine.LocalAction:
		err = g.host.Do(ctx, t.Keys(c), func(tx engine.Tx) (err error) {
			o, err = t.Run(tx, c)
			return err
		})
	case engine.ReadAction:
		err = g.host.Read(ctx, func(r engine.Reader) (err error) {
			o, err = t.Read(ctx, r, c)
			return err
		})
	case engine.RemoteAction:
		o, err = t.Call(ctx, c)
	default:
		return (&Failure{Name: "States.Runtime", Cause: "The resource " + c.Resource + " is called by nobody: its workers ask for their tasks."}).Outcome(), nil
	}
	if err != nil {
		return interp.Outcome{}, fmt.Errorf("call %s: %w", c.Resource, err)
	}
	return o, nil
}
