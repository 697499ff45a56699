package httptask

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	dialTimeout = 10 * time.Second
	idleTimeout = 30 * time.Second
	idlePerHost = 8
	maxHead     = 64 << 10 // bytes of a response's head
)

// newClient makes a client that dials what allow allows, speaks HTTP/1.1, and
// neither follows redirects nor asks for compression. Its connections are
// *recorder.
func newClient(allow Allow, roots *x509.CertPool) *http.Client {
	dial := func(ctx context.Context, network, address string, plain bool) (net.Conn, error) {
		d := net.Dialer{Timeout: dialTimeout, Control: func(_, address string, _ syscall.RawConn) error {
			to, err := netip.ParseAddrPort(address)
			if err != nil {
				return err
			}
			return allow.check(plain, to)
		}}
		return d.DialContext(ctx, network, address)
	}
	return &http.Client{
		Transport: &http.Transport{
			DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
				c, err := dial(ctx, network, address, true)
				if err != nil {
					return nil, err
				}
				return &recorder{Conn: c}, nil
			},
			DialTLSContext: func(ctx context.Context, network, address string) (net.Conn, error) {
				c, err := dial(ctx, network, address, false)
				if err != nil {
					return nil, err
				}
				host, _, err := net.SplitHostPort(address)
				if err != nil {
					host = address
				}
				t := tls.Client(c, &tls.Config{ServerName: host, RootCAs: roots, NextProtos: []string{"http/1.1"}, MinVersion: tls.VersionTLS12})
				ctx, cancel := context.WithTimeout(ctx, dialTimeout)
				defer cancel()
				if err := t.HandshakeContext(ctx); err != nil {
					c.Close()
					return nil, err
				}
				return &recorder{Conn: t}, nil
			},
			DisableCompression:     true,
			MaxIdleConnsPerHost:    idlePerHost,
			IdleConnTimeout:        idleTimeout,
			MaxResponseHeaderBytes: maxHead,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// recorder is a connection that remembers the head of a response as it came, for
// a workflow names headers as the API spells them, and net/http spells them its
// own way.
type recorder struct {
	net.Conn
	mu   sync.Mutex
	on   bool
	head []byte
}

// start forgets what was recorded and records.
func (r *recorder) start() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.on, r.head = true, nil
}

// stop ends the recording and returns the headers in order, name and value each.
func (r *recorder) stop() [][2]string {
	r.mu.Lock()
	defer r.mu.Unlock()
	head := string(r.head)
	r.on, r.head = false, nil
	return parseHead(head)
}

func (r *recorder) Read(p []byte) (int, error) {
	n, err := r.Conn.Read(p)
	if n > 0 {
		r.mu.Lock()
		if room := maxHead + 4<<10 - len(r.head); r.on && room > 0 {
			r.head = append(r.head, p[:min(n, room)]...)
		}
		r.mu.Unlock()
	}
	return n, err
}

// parseHead returns the headers of the first response that is not an interim
// one. net/http has found them well-formed.
func parseHead(text string) [][2]string {
	for {
		status, rest, more := line(text)
		var headers [][2]string
		for more {
			var l string
			if l, rest, more = line(rest); l == "" {
				break
			}
			if l[0] == ' ' || l[0] == '\t' { // the value before goes on
				if n := len(headers); n > 0 {
					headers[n-1][1] += " " + strings.TrimSpace(l)
				}
				continue
			}
			if name, value, ok := strings.Cut(l, ":"); ok {
				headers = append(headers, [2]string{name, strings.TrimSpace(value)})
			}
		}
		if _, code, _ := strings.Cut(status, " "); !more || !strings.HasPrefix(code, "1") {
			return headers
		}
		text = rest
	}
}

// line takes a line off text; more is false if it was the last.
func line(text string) (l, rest string, more bool) {
	l, rest, more = strings.Cut(text, "\n")
	return strings.TrimSuffix(l, "\r"), rest, more
}
