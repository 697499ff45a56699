package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

// Listen listens on a loopback address, host:port; port 0 is any free port.
// Every other address is refused, because nothing here checks who is calling.
func Listen(addr string) (net.Listener, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("listen on %q: want host:port, such as 127.0.0.1:4566", addr)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, fmt.Errorf("listen on %q: only a loopback address such as 127.0.0.1 can be listened on, because callers are not authenticated", addr)
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", addr, err)
	}
	return l, nil
}

// Door is a handler and where it listens.
type Door struct {
	Listener net.Listener
	Handler  http.Handler
}

// Once the servers stop, requests under way have settle to end by themselves;
// then their contexts end, which ends long polls. After grace they are cut off.
const (
	settle = time.Second
	grace  = 5 * time.Second
)

// idle is how long a connection may wait for a request, its first one too: clients
// open some ahead, and give them up sooner than that. A first request that comes
// just as the time is up is lost: net/http, which looked for HTTP/2 meanwhile, takes
// the beginning for all of it and answers 400, and no client repeats that.
const idle = 2 * time.Minute

// Serve serves doors, over HTTP/1.1 and clear-text HTTP/2, until ctx is done or
// one of them fails; then it stops all and waits for them. It closes the listeners.
// What goes wrong with a connection or in a handler is logged as a warning.
func Serve(ctx context.Context, logger *slog.Logger, doors ...Door) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	requests, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	var wait sync.WaitGroup
	failed := make([]error, len(doors))
	for i, d := range doors {
		s := &http.Server{
			Handler: d.Handler, ReadHeaderTimeout: idle, IdleTimeout: idle, MaxHeaderBytes: 64 << 10,
			BaseContext: func(net.Listener) context.Context { return requests },
			Protocols:   new(http.Protocols),
			ErrorLog:    slog.NewLogLogger(logger.Handler(), slog.LevelWarn),
		}
		s.Protocols.SetHTTP1(true)
		s.Protocols.SetUnencryptedHTTP2(true)
		wait.Go(func() {
			defer stop()
			if err := s.Serve(d.Listener); !errors.Is(err, http.ErrServerClosed) {
				failed[i] = fmt.Errorf("serve %s: %w", d.Listener.Addr(), err)
			}
		})
		wait.Go(func() {
			<-ctx.Done()
			defer time.AfterFunc(settle, end).Stop()
			limit, done := context.WithTimeout(context.WithoutCancel(ctx), grace)
			defer done()
			if s.Shutdown(limit) != nil {
				s.Close()
			}
		})
	}
	wait.Wait()
	return errors.Join(failed...)
}
