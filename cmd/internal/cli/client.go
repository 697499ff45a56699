package cli

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
	"strings"
	"syscall"
)

// DefaultServer is where a server listens unless told otherwise.
const DefaultServer = "http://127.0.0.1:8080"

// Client talks to the REST door of a running server. The zero HTTP client is
// http.DefaultClient.
type Client struct {
	Server string // http://host:port
	HTTP   *http.Client
}

// Call sends body (nil: none) and returns the answer's JSON. An answer that
// says what was wrong is an error with that text.
func (c *Client) Call(ctx context.Context, method, path string, query url.Values, body any) (json.RawMessage, error) {
	r, err := c.send(ctx, method, path, query, body, "application/json")
	if err != nil {
		return nil, err
	}
	defer r.Body.Close()
	return io.ReadAll(r.Body)
}

// Stream follows server-sent events and hands each one's name and data to f,
// until the stream or f's wish for more ends.
func (c *Client) Stream(ctx context.Context, path string, f func(event string, data []byte) (more bool)) error {
	r, err := c.send(ctx, http.MethodGet, path, nil, nil, "text/event-stream")
	if err != nil {
		return err
	}
	defer r.Body.Close()
	lines := bufio.NewReaderSize(r.Body, 64<<10)
	var event string
	var data []byte
	for {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) || ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read the stream: %w", err)
		}
		line = bytes.TrimRight(line, "\r\n")
		switch name, value, _ := bytes.Cut(line, []byte(":")); string(name) {
		case "event":
			event = string(bytes.TrimPrefix(value, []byte(" ")))
		case "data":
			data = append(data, bytes.TrimPrefix(value, []byte(" "))...)
		case "":
			if len(line) == 0 && event != "" {
				if !f(event, data) {
					return nil
				}
				event, data = "", nil
			}
		}
	}
}

func (c *Client) send(ctx context.Context, method, path string, query url.Values, body any, accept string) (*http.Response, error) {
	var in io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return nil, fmt.Errorf("encode the request: %w", err)
		}
		in = bytes.NewReader(b)
	}
	target := strings.TrimRight(c.Server, "/") + path
	if len(query) > 0 {
		target += "?" + query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, method, target, in)
	if err != nil || req.URL.Host == "" {
		return nil, Misused("--server %q is no address such as %s", c.Server, DefaultServer)
	}
	req.Header.Set("Accept", accept)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	client := c.HTTP
	if client == nil {
		client = http.DefaultClient
	}
	r, err := client.Do(req)
	if err != nil {
		var op *net.OpError
		if errors.Is(err, syscall.ECONNREFUSED) || errors.As(err, &op) && op.Op == "dial" {
			return nil, Failf("no server at %s: start one with millrace serve, or name another with --server", c.Server)
		}
		return nil, fmt.Errorf("ask %s: %w", c.Server, err)
	}
	if r.StatusCode < 300 {
		return r, nil
	}
	defer r.Body.Close()
	return nil, problemOf(r)
}

// Refused is what the server did not do, and why. It is an [*Error] for the command.
type Refused struct {
	Type   string // the kind of problem: an exception's name where a service refused
	Detail string
	text   string
}

func (r *Refused) Error() string { return r.text }

// Unwrap makes it an [*Error] with the code [Failed].
func (r *Refused) Unwrap() error { return &Error{Failed, r.text} }

// problemOf words an answer that is an error.
func problemOf(r *http.Response) error {
	b, _ := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	var p struct{ Type, Title, Detail, Pointer string }
	if json.Unmarshal(b, &p) != nil || p.Title == "" {
		return Failf("the server answered %s, which is no answer of Millrace", r.Status)
	}
	text := p.Title
	if p.Detail != "" {
		text = p.Detail
	}
	if p.Pointer != "" {
		text = p.Pointer + ": " + text
	}
	return &Refused{p.Type, p.Detail, text}
}
