package bench

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"millrace/engine/sqlite"
)

// measureHTTP measures StartExecution over the AWS endpoint, as clients do it that
// keep their connections. The yardstick is the same endpoint and the same clients
// with DescribeStateMachine, which takes the same way in and out but commits
// nothing: what is between the two is the engine's start and its commit. The
// ceiling is a bare server of net/http that reads requests of the same bytes and
// gives answers of the same bytes: what is between it and the yardstick are the
// doors. The clients run on the same machine and cost as much as they cost.
func measureHTTP(ctx context.Context, w *workload, o Options) (r *Result, err error) {
	if o.Serve == nil {
		return nil, errors.New("nothing serves the AWS endpoint")
	}
	dir := filepath.Join(o.Data, "engine")
	err = o.Serve(ctx, dir, func(ctx context.Context, url string) (err error) {
		r, err = measureEndpoint(ctx, w, o, url, func() float64 {
			return fileSize(filepath.Join(dir, sqlite.File)) + fileSize(filepath.Join(dir, sqlite.File+"-wal"))
		})
		return err
	})
	return r, err
}

func fileSize(name string) float64 {
	fi, err := os.Stat(name)
	if err != nil {
		return 0
	}
	return float64(fi.Size())
}

func measureEndpoint(ctx context.Context, w *workload, o Options, endpoint string, size func() float64) (r *Result, err error) {
	u, err := url.Parse(endpoint)
	if err != nil {
		return nil, err
	}
	doors, err := dial(ctx, u.Host, o.Clients)
	if err != nil {
		return nil, err
	}
	defer doors.close()
	answer, err := doors.do(0, request(u.Host, "CreateStateMachine", map[string]string{
		"name": "bench", "definition": w.definition, "roleArn": "arn:aws:iam::000000000000:role/bench",
	}))
	if err != nil {
		return nil, err
	}
	var made struct {
		ARN string `json:"stateMachineArn"`
	}
	if err := json.Unmarshal(answer, &made); err != nil {
		return nil, fmt.Errorf("CreateStateMachine answered %.100q: %w", answer, err)
	}
	start := request(u.Host, "StartExecution", map[string]string{"stateMachineArn": made.ARN, "input": string(w.input)})
	describe := request(u.Host, "DescribeStateMachine", map[string]string{"stateMachineArn": made.ARN})
	if answer, err = doors.do(0, start); err != nil {
		return nil, err
	}
	bare, err := newBareServer(answer)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, bare.close()) }()
	ceiling, err := dial(ctx, bare.listener.Addr().String(), o.Clients)
	if err != nil {
		return nil, err
	}
	defer ceiling.close()

	if _, _, err := load(o.Clients, doors.send(start, min(turn, o.Duration))); err != nil {
		return nil, err
	}
	var t tally
	before := size()
	t.begin()
	var yard, top time.Duration
	described, bared := 0, 0
	for t.took < o.Duration {
		d := min(turn, o.Duration-t.took)
		if err := t.measure(o.Clients, doors.send(start, d)); err != nil {
			return nil, err
		}
		took, times, err := load(o.Clients, doors.send(describe, d/2))
		if err != nil {
			return nil, err
		}
		yard, described = yard+took, described+len(times)
		if took, times, err = load(o.Clients, ceiling.send(start, d/2)); err != nil {
			return nil, err
		}
		top, bared = top+took, bared+len(times)
		if err := ctx.Err(); err != nil {
			return nil, err
		}
	}
	r = t.result(w, o)
	r.YardstickPS, r.CeilingPS = float64(described)/yard.Seconds(), float64(bared)/top.Seconds()
	r.Share = r.ExecutionsPS / r.YardstickPS
	r.DiskEach = (size() - before) / t.executions
	return r, nil
}

// request returns the bytes of a request of an operation.
func request(host, operation string, in map[string]string) []byte {
	body, _ := json.Marshal(in)
	var b bytes.Buffer
	fmt.Fprintf(&b, "POST / HTTP/1.1\r\nHost: %s\r\nContent-Type: application/x-amz-json-1.0\r\nX-Amz-Target: AWSStepFunctions.%s\r\n", host, operation)
	fmt.Fprintf(&b, "Authorization: AWS4-HMAC-SHA256 Credential=bench/20260101/us-east-1/states/aws4_request, SignedHeaders=host, Signature=0\r\n")
	fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n%s", len(body), body)
	return b.Bytes()
}

// connections are a client's each, and kept. They are plain connections rather
// than those of an http.Client, whose own work would weigh as much as the server's.
type connections struct{ all []*connection }

type connection struct {
	net.Conn
	in *bufio.Reader
}

func dial(ctx context.Context, addr string, n int) (*connections, error) {
	c := &connections{}
	var d net.Dialer
	for range n {
		conn, err := d.DialContext(ctx, "tcp", addr)
		if err != nil {
			c.close()
			return nil, err
		}
		c.all = append(c.all, &connection{conn, bufio.NewReader(conn)})
	}
	return c, nil
}

func (c *connections) close() {
	for _, conn := range c.all {
		conn.Close()
	}
}

// send is a client's work: to send a request again and again for a time from now on.
func (c *connections) send(request []byte, d time.Duration) func(int) (bool, error) {
	return during(d, func(client int) error {
		_, err := c.do(client, request)
		return err
	})
}

// do sends a request on a client's connection and returns the answer's body.
func (c *connections) do(client int, request []byte) ([]byte, error) {
	conn := c.all[client]
	if _, err := conn.Write(request); err != nil {
		return nil, err
	}
	answer, err := http.ReadResponse(conn.in, nil)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("answer %s: %.200q", answer.Status, body)
	}
	return body, err
}

// bareServer answers every request with the same body.
type bareServer struct {
	listener net.Listener
	server   *http.Server
	served   chan error
}

func newBareServer(answer []byte) (*bareServer, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	b := &bareServer{listener: l, served: make(chan error, 1)}
	b.server = &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err == nil {
			w.Header().Set("Content-Type", "application/x-amz-json-1.0")
			w.Write(answer)
		}
	})}
	go func() { b.served <- b.server.Serve(l) }()
	return b, nil
}

func (b *bareServer) close() error {
	err := b.server.Close()
	if served := <-b.served; served != http.ErrServerClosed {
		err = errors.Join(err, served)
	}
	return err
}
