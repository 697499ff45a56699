// Package rest is the REST front door under /v1: state machines, executions and
// their live history, approvals. Its description is served at /v1/openapi.json,
// figures for Prometheus at /metrics.
package rest

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"millrace/api"
	"millrace/engine"
	"millrace/engine/interp"
)

// Engine is what REST needs of the engine.
type Engine interface {
	CreateStateMachine(context.Context, engine.CreateStateMachine) (engine.StateMachine, error)
	UpdateStateMachine(context.Context, engine.UpdateStateMachine) (engine.StateMachine, error)
	DeleteStateMachine(ctx context.Context, arn string) error
	DescribeStateMachine(ctx context.Context, arn string) (engine.StateMachine, error)
	ListStateMachines(context.Context, engine.Page) (machines []engine.StateMachine, next string, err error)

	StartExecution(context.Context, engine.StartInput) (engine.Started, error)
	StopExecution(ctx context.Context, arn string, name, cause *string) (time.Time, error)
	DescribeExecution(ctx context.Context, arn string) (engine.ExecutionInfo, error)
	ListExecutions(context.Context, engine.ListFilter, engine.Page) (executions []engine.ExecutionInfo, next string, err error)
	History(ctx context.Context, arn string, p engine.Page) (events []interp.Event, next string, err error)
	WatchExecution(arn string, f func()) (stop func())

	Metrics() engine.Metrics
}

// Config is what REST needs. Engine is required.
type Config struct {
	Engine Engine
	// Approvals runs an operation of the approval service; input and output are
	// JSON in the service's shape. nil: there are no approvals.
	Approvals func(ctx context.Context, operation string, input json.RawMessage) (any, error)
	// Services runs the embedded services' operations. nil: there are none.
	Services Services
	// Backup copies the state into a folder, an absolute path; what is wrong with it
	// is a [*fs.PathError] about a path in or above it. nil: there is no state to copy.
	Backup func(ctx context.Context, to string) (Backup, error)
	// Ready says why the server cannot serve yet; nil: it always can.
	Ready func(context.Context) error
	// Region and Account of ARNs. "": us-east-1 and 000000000000.
	Region, Account string
	// RoleARN of machines that are created without one. "": arn:aws:iam::ACCOUNT:role/millrace.
	RoleARN string
	Log     *slog.Logger // nil: slog.Default()
}

type server struct {
	Config
}

// New makes the handler.
func New(c Config) http.Handler {
	if c.Region == "" {
		c.Region = "us-east-1"
	}
	if c.Account == "" {
		c.Account = "000000000000"
	}
	if c.RoleARN == "" {
		c.RoleARN = "arn:aws:iam::" + c.Account + ":role/millrace"
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	s := &server{c}
	return http.NewCrossOriginProtection().Handler(s.local(s.routes()))
}

// answer answers a request, or returns why it does not.
type answer func(w http.ResponseWriter, r *http.Request) error

func (s *server) routes() chi.Router {
	r := chi.NewRouter()
	r.NotFound(s.to(func(w http.ResponseWriter, r *http.Request) error {
		return missing("No route " + short(r.URL.Path) + ": /v1/openapi.json lists them.")
	}))
	r.MethodNotAllowed(s.to(func(w http.ResponseWriter, r *http.Request) error {
		return &problem{Type: "method", Title: "The method is not right here", Status: http.StatusMethodNotAllowed,
			Detail: short(r.Method) + " " + short(r.URL.Path) + ": /v1/openapi.json lists what can be done."}
	}))
	r.Get("/healthz", s.to(s.healthz))
	r.Get("/readyz", s.to(s.readyz))
	r.Get("/metrics", s.to(s.metrics))
	r.Get("/v1/openapi.json", s.to(s.openapi))

	r.Get("/v1/machines", s.to(s.listMachines))
	r.Post("/v1/machines", s.to(s.createMachine))
	r.Get("/v1/machines/{machine}", s.to(s.showMachine))
	r.Put("/v1/machines/{machine}", s.to(s.putMachine))
	r.Delete("/v1/machines/{machine}", s.to(s.deleteMachine))
	r.Post("/v1/machines/{machine}/executions", s.to(s.startExecution))

	r.Get("/v1/executions", s.to(s.listExecutions))
	r.Get("/v1/executions/{machine}/{execution}", s.to(s.showExecution))
	r.Post("/v1/executions/{machine}/{execution}/stop", s.to(s.stopExecution))
	r.Get("/v1/executions/{machine}/{execution}/history", s.to(s.history))

	if s.Approvals != nil {
		r.Get("/v1/approvals", s.to(s.listApprovals))
		r.Get("/v1/approvals/{approval}", s.to(s.showApproval))
		r.Post("/v1/approvals/{approval}/approve", s.to(s.decide("Approve")))
		r.Post("/v1/approvals/{approval}/reject", s.to(s.decide("Reject")))
	}

	if s.Services != nil {
		r.Get("/v1/services", s.to(s.listServices))
		r.Post("/v1/services/{service}/{operation}", s.to(s.callService))
	}

	if s.Config.Backup != nil {
		r.Post("/v1/backup", s.to(s.backup))
	}

	return r
}

// to makes a handler of an answer: an error becomes a problem, a panic a 500.
func (s *server) to(f answer) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if v := recover(); v != nil {
				if v == http.ErrAbortHandler {
					panic(v)
				}
				s.Log.Error("panic in a request", "method", r.Method, "path", r.URL.Path, "panic", v)
				writeProblem(w, &problem{Type: "internal", Title: "The server could not do this", Status: http.StatusInternalServerError, Detail: "Its log says why."})
			}
		}()
		if err := f(w, r); err != nil {
			writeProblem(w, problemOf(err, subject(r), s.Log))
		}
	}
}

func writeProblem(w http.ResponseWriter, p *problem) {
	writeAs(w, p.Status, "application/problem+json", p)
}

// subject names what a request is about, for errors.
func subject(r *http.Request) string {
	machine, execution := param(r, "machine"), param(r, "execution")
	if execution != "" {
		return machine + "/" + execution
	}
	return machine
}

// local refuses requests for a foreign Host, with which a page of another site
// could reach a server on this machine.
func (s *server) local(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !api.Loopback(r.Host) {
			writeProblem(w, &problem{Type: "host", Title: "The Host is not this machine's", Status: http.StatusMisdirectedRequest,
				Detail: "Host is " + strconv.Quote(short(r.Host)) + ", want localhost or a loopback address"})
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (s *server) healthz(w http.ResponseWriter, r *http.Request) error {
	write(w, http.StatusOK, map[string]string{"status": "ok"})
	return nil
}

func (s *server) readyz(w http.ResponseWriter, r *http.Request) error {
	if s.Ready != nil {
		if err := s.Ready(r.Context()); err != nil {
			return &problem{Type: "not-ready", Title: "The server is not ready", Status: http.StatusServiceUnavailable, Detail: err.Error()}
		}
	}
	write(w, http.StatusOK, map[string]string{"status": "ready"})
	return nil
}

// arn makes the ARN of a resource.
func (s *server) arn(kind, name string) string {
	return "arn:aws:states:" + s.Region + ":" + s.Account + ":" + kind + ":" + name
}

// page reads limit (1 to 1000, default 100) and cursor.
func page(r *http.Request) (p engine.Page, err error) {
	q := r.URL.Query()
	p = engine.Page{Max: 100, Token: q.Get("cursor")}
	if v := q.Get("limit"); v != "" {
		if p.Max, err = strconv.Atoi(v); err != nil || p.Max < 1 || p.Max > 1000 {
			return p, bad("limit", strconv.Quote(short(v))+" is no integer from 1 to 1000")
		}
	}
	return p, nil
}

// known refuses query parameters that a route does not have.
func known(r *http.Request, names ...string) error {
	for name := range r.URL.Query() {
		found := false
		for _, n := range names {
			found = found || n == name
		}
		if !found {
			return bad(short(name), "no such parameter, want "+strings.Join(names, ", "))
		}
	}
	return nil
}
