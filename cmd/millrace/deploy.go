package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"millrace/cmd/internal/cli"
	"millrace/integrations/template"
	"millrace/tasks"
)

func deploy(ctx context.Context, p *process, args []string) error {
	r := newRemote("deploy TEMPLATE [--stack NAME] [--parameter NAME=VALUE]...", `
Brings the resources of a SAM or CloudFormation template into being on a running
server, each after those it refers to. Deploying again updates what is there.
Files that the template names are read from its folder.

    millrace deploy workflows/product-visits/template.yaml`)
	stack := r.String("stack", "", "`NAME` of the stack, from which names are made that the template leaves out; left out: the folder's")
	parameters := map[string]string{}
	r.Func("parameter", "a template parameter: `NAME=VALUE`; may be repeated", func(s string) error {
		name, value, ok := strings.Cut(s, "=")
		if !ok || name == "" {
			return fmt.Errorf("%q: want NAME=VALUE", s)
		}
		parameters[name] = value
		return nil
	})
	rest, err := r.Want(1, 1, args, p.getenv, p.out)
	if err != nil {
		return err
	}
	file := rest[0]
	text, err := os.ReadFile(file)
	if err != nil {
		return cli.Failf("%v", err)
	}
	t, err := template.Parse(text)
	if err != nil {
		return templateFaults(file, err)
	}
	folder, err := filepath.Abs(filepath.Dir(file))
	if err != nil {
		return err
	}
	if *stack == "" {
		*stack = filepath.Base(folder)
	}
	target, err := newServer(ctx, &r.client)
	if err != nil {
		return err
	}
	out, err := t.Deploy(ctx, target, template.Options{Stack: *stack, Parameters: parameters, Files: os.DirFS(folder)}, func(d template.Deployed) {
		if !r.json {
			fmt.Fprintf(p.out, "%-9s %-34s %-20s %s\n", d.Action, d.Type, d.ID, d.Physical)
		}
	})
	if err != nil {
		return templateFaults(file, err)
	}
	if r.json {
		return cli.JSON(p.out, out)
	}
	var pairs []string
	for _, name := range slices.Sorted(maps.Keys(out.Outputs)) {
		pairs = append(pairs, name, out.Outputs[name])
	}
	if len(pairs) > 0 {
		fmt.Fprintln(p.out)
	}
	return cli.Fields(p.out, pairs...)
}

// templateFaults words what is wrong with a template as FILE:LINE:COLUMN: ...
func templateFaults(file string, err error) error {
	var faults template.Faults
	var one template.Fault
	switch {
	case errors.As(err, &faults):
	case errors.As(err, &one):
		faults = template.Faults{one}
	default:
		return err
	}
	lines := make([]string, len(faults))
	for i, f := range faults {
		lines[i] = file + ":" + f.Error()
	}
	return cli.Failf("the template is not right\n%s", strings.Join(lines, "\n"))
}

// server is a running server as a template's target.
type server struct {
	client          *cli.Client
	region, account string
}

func newServer(ctx context.Context, client *cli.Client) (*server, error) {
	answer, err := client.Call(ctx, http.MethodGet, "/v1/services", nil, nil)
	if err != nil {
		return nil, err
	}
	var s struct{ Region, Account string }
	if err := json.Unmarshal(answer, &s); err != nil {
		return nil, fmt.Errorf("read the server's services: %w", err)
	}
	return &server{client, s.Region, s.Account}, nil
}

func (s *server) Region() string  { return s.region }
func (s *server) Account() string { return s.account }

// Call runs an operation on the server.
func (s *server) Call(ctx context.Context, service, operation string, in json.RawMessage) (json.RawMessage, error) {
	answer, err := s.client.Call(ctx, http.MethodPost, "/v1/services/"+url.PathEscape(service)+"/"+url.PathEscape(operation), nil, in)
	var refused *cli.Refused
	if errors.As(err, &refused) {
		return nil, tasks.Errorf(refused.Type, "%s", refused.Detail)
	}
	return answer, err
}
