// Package httptask calls HTTP APIs from task states, arn:aws:states:::http:invoke,
// with the connections of EventBridge, which hold the credentials.
//
// A call is made at least once. One that was under way when the process ended is
// made again whatever its method, POST and PATCH too, as AWS may do: an API that
// must not act twice needs a key of its own in the request, such as
// $$.Execution.Id. Redirects are not followed: a redirect is an answer that fails
// the task with its status code, and credentials go to no other endpoint.
//
// Calls go to public addresses over HTTPS only, unless [Options] allow more. The
// address is judged when it is dialled, after the name has been resolved. Proxies
// are not used.
//
// The credentials of connections are in the database in clear text. No operation
// shows them and nothing logs them.
//
// Source: "Call HTTPS APIs in Step Functions workflows" of the AWS Step Functions
// developer guide, the connections of the Amazon EventBridge user guide, and
// answers recorded on AWS.
package httptask

import (
	"crypto/x509"
	"embed"
	"io/fs"
	"net/http"
	"time"

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

// Options configure a Service. The zero value works.
type Options struct {
	// Allow says which addresses may be called. The zero value is [Public].
	Allow Allow
	// Timeout is how long a call may take, the fetch of a token included. 0: 60 s, as on AWS.
	Timeout time.Duration
	// Roots are the certificate authorities that are trusted. nil: the system's.
	Roots *x509.CertPool
}

// Service makes the calls of HTTP tasks and keeps the connections. It is safe
// for concurrent use.
type Service struct {
	host      tasks.Host
	o         Options
	client    *http.Client
	exchanges exchanges
}

// New makes the service. Close ends what it keeps open.
func New(h tasks.Host, o Options) *Service {
	if o.Timeout <= 0 {
		o.Timeout = 60 * time.Second
	}
	return &Service{host: h, o: o, client: newClient(o.Allow, o.Roots)}
}

// Close closes connections that wait for another call.
func (s *Service) Close() error {
	s.client.CloseIdleConnections()
	return nil
}

// Operations are the operations of connections. They belong to EventBridge's
// API, so the service that serves it answers them.
func (s *Service) Operations() []tasks.Operation {
	return []tasks.Operation{
		{Name: "CreateConnection", Keys: connectionKeys, Write: s.createConnection},
		{Name: "UpdateConnection", Keys: connectionKeys, Write: s.updateConnection},
		{Name: "DeauthorizeConnection", Keys: connectionKeys, Write: s.deauthorizeConnection},
		{Name: "DeleteConnection", Keys: connectionKeys, Write: s.deleteConnection},
		{Name: "DescribeConnection", Read: s.describeConnection},
		{Name: "ListConnections", Read: s.listConnections},
	}
}

// Register makes the resource http:invoke known. It is never called with .sync
// or .waitForTaskToken.
func (s *Service) Register(g *tasks.Registry) {
	g.Special("http", "invoke", func(r tasks.Resource) (engine.Task, error) {
		if r.Suffix != tasks.NoSuffix {
			return nil, nil
		}
		return &task{s, r.Text}, nil
	})
	g.Register(&authorization{s})
}
