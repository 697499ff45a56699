package main

import (
	"context"
	"maps"
	"slices"
	"strings"

	"millrace/cmd/internal/cli"
	"millrace/integrations/function"
	"millrace/integrations/function/runtime"
	productvisits "millrace/workflows/product-visits"
)

// handlers are the function handlers that are built into this program, by the
// Handler of their functions.
func handlers() map[string]func(context.Context, []byte) ([]byte, error) {
	return productvisits.Handlers()
}

// programs runs a function whose handler is built in, and whose code has no
// bootstrap, by starting this program again.
func programs() map[string]function.Program {
	all := map[string]function.Program{}
	for name := range handlers() {
		all[name] = function.Program{Args: []string{"handler", name}}
	}
	return all
}

// handler serves a built-in handler over the Lambda Runtime API.
func handler(ctx context.Context, p *process, args []string) error {
	f := cli.NewFlags("handler NAME", "Serves a built-in function handler over the Lambda Runtime API, as a function's process.")
	rest, err := f.Want(1, 1, args, p.getenv, p.out)
	if err != nil {
		return err
	}
	h, ok := handlers()[rest[0]]
	if !ok {
		return cli.Misused("handler: no handler %q; there are %s", rest[0], strings.Join(slices.Sorted(maps.Keys(handlers())), ", "))
	}
	return runtime.Serve(ctx, h)
}
