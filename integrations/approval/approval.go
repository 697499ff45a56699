// Package approval asks people. A task state with the resource
// arn:aws:states:::approval:request.waitForTaskToken puts a question and waits;
// a person approves or rejects, and the execution goes on or gets an error.
//
// Every other task that waits for its token appears beside the questions, and can
// be answered the same way.
package approval

import (
	"context"
	"embed"
	"io/fs"
	"sync"

	"millrace/engine"
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

// Tasks is what the service sees of waiting tasks: the engine.
type Tasks interface {
	SendTaskSuccess(ctx context.Context, token string, output []byte) error
	SendTaskFailure(ctx context.Context, token string, errName, cause *string) error
	// OpenToken tells which execution and scheduling event a token is of.
	OpenToken(token string) (execution, event int64, err error)
	PendingTasks(ctx context.Context, f engine.PendingFilter, p engine.Page) (list []engine.PendingTask, next string, err error)
}

// Changed is the key that is notified when a question is put or answered.
const Changed = "approvals"

// Service is the approval service. It is safe for concurrent use.
type Service struct {
	host    tasks.Host
	tasks   Tasks
	service *tasks.Service

	mu        sync.Mutex
	answering map[string]chan struct{} // by id: closed when the answer under way is over
}

// New makes the service.
func New(h tasks.Host, t Tasks) *Service {
	s := &Service{host: h, tasks: t, answering: map[string]chan struct{}{}}
	s.service = s.table()
	return s
}

// Service is the operation table. Its members are camelCase.
func (s *Service) Service() *tasks.Service { return s.service }

// Register makes the resource known.
func (s *Service) Register(g *tasks.Registry) {
	g.Special("approval", "request", func(r tasks.Resource) (engine.Task, error) {
		if r.SDK || r.Suffix != tasks.TaskToken {
			return nil, nil // not recognized
		}
		return &request{r}, nil
	})
}

func (s *Service) table() *tasks.Service {
	return &tasks.Service{
		Name: "approval", SDKName: "Approval", Title: "Approval", JavaName: "Approval", Camel: true,
		Operations: []tasks.Operation{
			{Name: "ListApprovals", Wait: s.list},
			{Name: "GetApproval", Wait: s.get},
			{Name: "Approve", Wait: s.approve},
			{Name: "Reject", Wait: s.reject},
		},
	}
}
