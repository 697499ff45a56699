package api

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

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
