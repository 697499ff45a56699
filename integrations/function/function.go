// Package function runs functions with the API of AWS Lambda: Go handlers inside
// the process, executables and scripts that speak the Lambda Runtime API, and
// functions behind any endpoint of Lambda's Invoke API.
//
// There is one version of each function, $LATEST. Executables run as the user
// that runs the engine, with no more isolation than that: whoever may create a
// function may run programs on the machine.
package function

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"millrace/integrations/function/runtime"
	"millrace/tasks"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrations are the service's tables.
func Migrations() fs.FS {
	sub, err := fs.Sub(migrations, "migrations")
	if err != nil {
		panic(err) // the folder is embedded
	}
	return sub
}

//go:embed bootstrap/bootstrap.js bootstrap/bootstrap.py
var bootstraps embed.FS

// Program is an executable that speaks the Lambda Runtime API.
type Program struct {
	Path string   // "": the running executable itself
	Args []string // after the program's name
	Env  []string // NAME=value, beyond what every function has
}

// Options configure a Service. The zero value works.
type Options struct {
	// Dir is a folder for unpacked code, which Open empties. "": a temporary one, removed by Close.
	Dir string
	// Endpoint is the AWS endpoint that functions are told of in AWS_ENDPOINT_URL. "": none.
	Endpoint string
	// Handlers answer in the process, by handler name: for functions of a provided.*
	// runtime whose Handler it is, whatever their code, and for a function of that
	// name that was never created.
	Handlers map[string]runtime.Handler
	// Programs run the functions with a provided.* runtime, by handler name, whose code has no bootstrap.
	Programs map[string]Program
	// Remote is the URL of a Lambda endpoint that has every function that is not here. "": none.
	Remote string
	// Client calls Remote. nil: one without a timeout of its own.
	Client *http.Client
	// Object reads code that CreateFunction names by bucket and key. nil: such code is refused.
	Object func(ctx context.Context, bucket, key string) ([]byte, error)
	// Concurrency is how many invocations of one function run at a time; more wait. 0: 10.
	Concurrency int
	// Idle is how long a process waits for work before it is ended. 0: 5 minutes.
	Idle time.Duration
	Log  *slog.Logger // also of what functions print; nil: slog.Default
}

// Service is the function service. It is safe for concurrent use.
type Service struct {
	host    tasks.Host
	o       Options
	service *tasks.Service
	scratch string
	own     bool // scratch is ours to remove
	pool    *pool
	stop    context.CancelFunc
	done    sync.WaitGroup
}

// Open makes the service. It owns the processes of functions and a goroutine,
// which Close ends.
func Open(h tasks.Host, o Options) (*Service, error) {
	if o.Concurrency <= 0 {
		o.Concurrency = 10
	}
	if o.Idle <= 0 {
		o.Idle = 5 * time.Minute
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Client == nil {
		o.Client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: o.Concurrency}}
	}
	s := &Service{host: h, o: o, scratch: o.Dir}
	if err := s.prepare(); err != nil {
		return nil, err
	}
	s.service = s.table()
	s.pool = newPool(o.Concurrency, s.start)
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	s.done.Go(func() { s.pool.reap(ctx, o.Idle) })
	return s, nil
}

// prepare makes the scratch folder and puts the bootstraps of script runtimes into it.
func (s *Service) prepare() (err error) {
	if s.scratch == "" {
		s.own = true
		if s.scratch, err = os.MkdirTemp("", "millrace-functions-"); err != nil {
			return fmt.Errorf("make the folder of functions' code: %w", err)
		}
	}
	if s.scratch, err = filepath.Abs(s.scratch); err != nil {
		return fmt.Errorf("find the folder of functions' code: %w", err)
	}
	// What an earlier process unpacked may be half on disk, or of no function any more.
	if err := os.RemoveAll(filepath.Join(s.scratch, "code")); err != nil {
		return fmt.Errorf("empty the folder of functions' code: %w", err)
	}
	for _, dir := range []string{"code", "runtime", "home"} {
		if err := os.MkdirAll(filepath.Join(s.scratch, dir), 0o700); err != nil {
			return fmt.Errorf("make the folder of functions' code: %w", err)
		}
	}
	for _, name := range []string{"bootstrap.js", "bootstrap.py"} {
		text, err := bootstraps.ReadFile("bootstrap/" + name)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(s.scratch, "runtime", name), text, 0o600); err != nil {
			return fmt.Errorf("write the runtime of scripts: %w", err)
		}
	}
	return nil
}

// Close kills the functions' processes and waits for them. Invocations under way fail.
func (s *Service) Close() error {
	s.stop()
	s.pool.close()
	s.done.Wait()
	s.o.Client.CloseIdleConnections()
	if s.own {
		return os.RemoveAll(s.scratch)
	}
	return nil
}

// Service is the operation table.
func (s *Service) Service() *tasks.Service { return s.service }

// Attach adds operations that other integrations answer at this service's front:
// event source mappings. It is called before Register and before the service is used.
func (s *Service) Attach(operations ...tasks.Operation) {
	s.service.Operations = append(s.service.Operations, operations...)
}
