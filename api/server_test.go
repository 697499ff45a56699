package api

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"millrace/engine/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

func TestListenOnLoopbackOnly(t *testing.T) {
	for addr, ok := range map[string]bool{
		"127.0.0.1:0": true, "localhost:0": true, "127.1.2.3:0": true,
		"0.0.0.0:0": false, ":0": false, "[::]:0": false, "192.0.2.1:0": false, "example.com:80": false, "127.0.0.1": false, "": false,
	} {
		l, err := Listen(addr)
		if (err == nil) != ok {
			t.Errorf("%q: got %v, want allowed %v", addr, err, ok)
		}
		if l != nil {
			l.Close()
		}
	}
}

func TestServeStopsWithItsContext(t *testing.T) {
	l, err := Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	waiting := make(chan struct{})
	mux := http.NewServeMux()
	mux.HandleFunc("/wait", func(w http.ResponseWriter, r *http.Request) {
		close(waiting)
		<-r.Context().Done() // a long poll ends when the server does
		io.WriteString(w, "bye")
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Proto) })
	served := make(chan error, 1)
	go func() { served <- Serve(ctx, slog.New(slog.DiscardHandler), Door{l, mux}) }()

	url := "http://" + l.Addr().String()
	if got := get(t, http.DefaultClient, url); got != "HTTP/1.1" {
		t.Errorf("got %q, want HTTP/1.1", got)
	}
	p := new(http.Protocols)
	p.SetUnencryptedHTTP2(true)
	clear := &http.Transport{Protocols: p}
	if got := get(t, &http.Client{Transport: clear}, url); got != "HTTP/2.0" {
		t.Errorf("clear-text HTTP/2: got %q", got)
	}
	clear.CloseIdleConnections()
	polled := make(chan string, 1)
	go func() { polled <- get(t, http.DefaultClient, url+"/wait") }()
	<-waiting
	stop()
	if got := <-polled; got != "bye" {
		t.Errorf("the long poll got %q", got)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
}

func get(t *testing.T, c *http.Client, url string) string {
	r, err := c.Get(url)
	if err != nil {
		t.Error(err)
		return ""
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Error(err)
	}
	return string(b)
}

// pipes is a listener whose connections never leave the process.
type pipes chan net.Conn

func (p pipes) Accept() (net.Conn, error) {
	c, ok := <-p
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}
func (p pipes) Close() error   { close(p); return nil }
func (p pipes) Addr() net.Addr { return &net.TCPAddr{} }

// A client that opens a connection ahead may use it as late as one that it has used.
func TestServeWaitsForTheFirstRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := make(pipes)
		ctx, stop := context.WithCancel(t.Context())
		served := make(chan error, 1)
		h := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "done") })
		go func() { served <- Serve(ctx, slog.New(slog.DiscardHandler), Door{l, h}) }()
		client, server := net.Pipe()
		l <- server
		in := bufio.NewReader(client)
		for range 3 {
			<-time.After(idle - time.Millisecond)
			if _, err := io.WriteString(client, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
				t.Fatal(err)
			}
			answer, err := http.ReadResponse(in, nil)
			if err != nil {
				t.Fatal(err)
			}
			text, err := io.ReadAll(answer.Body)
			if err != nil || answer.StatusCode != http.StatusOK || string(text) != "done" {
				t.Fatalf("%s %q, %v", answer.Status, text, err)
			}
		}
		begun := time.Now()
		if _, err := in.ReadByte(); err != io.EOF || time.Since(begun) != idle {
			t.Errorf("a connection that is not used: %v after %s", err, time.Since(begun))
		}
		stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
}

// What a handler did wrong does not go unnoticed.
func TestServeLogsPanics(t *testing.T) {
	l, err := Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	h := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("broken") })
	go func() { served <- Serve(ctx, slog.New(slog.NewTextHandler(&log, nil)), Door{l, h}) }()
	if _, err := http.Get("http://" + l.Addr().String()); err == nil {
		t.Error("a handler that panics answered")
	}
	stop()
	if err := <-served; err != nil {
		t.Error(err)
	}
	if got := log.String(); !strings.Contains(got, "level=WARN") || !strings.Contains(got, "broken") {
		t.Errorf("the log is %q", got)
	}
}
