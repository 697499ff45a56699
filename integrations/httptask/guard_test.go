package httptask

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"millrace/engine"
)

func TestLevelsOfAddresses(t *testing.T) {
	levels := map[Allow][]string{
		Public:   {"8.8.8.8", "1.1.1.1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1"},
		Loopback: {"127.0.0.1", "127.8.9.10", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::1"},
		Private:  {"10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1", "fd12::1", "fc00::1", "::ffff:10.0.0.1", "64:ff9b::a00:1"},
		Anywhere: {"169.254.169.254", "fe80::1", "fe80::1%eth0", "0.0.0.0", "::", "0.1.2.3", "100.100.100.200", "168.63.129.16", "192.0.0.192", "192.0.2.1", "198.18.0.1",
			"198.51.100.1", "203.0.113.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "ff02::1", "fd00:ec2::254", "2001:db8::1", "2001::1", "fec0::1", "64:ff9b:1::1",
			"::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::1"},
	}
	for level, all := range levels {
		for _, text := range all {
			address := netip.AddrPortFrom(netip.MustParseAddr(text), 443)
			for _, allow := range []Allow{Public, Loopback, Private, Anywhere} {
				if err := allow.check(false, address); (err == nil) != (level <= allow) {
					t.Errorf("%s with %s: %v", text, allow, err)
				}
				plain := level <= allow && level != Public || allow == Anywhere
				if err := allow.check(true, address); (err == nil) != plain {
					t.Errorf("%s over plain http with %s: %v", text, allow, err)
				}
			}
		}
	}
}

func TestSetAllow(t *testing.T) {
	for _, name := range []string{"public", "loopback", "private", "any"} {
		var a Allow
		if err := a.Set(name); err != nil || a.String() != name {
			t.Errorf("%s: %s, %v", name, a, err)
		}
	}
	a := Private
	if err := a.Set("everything"); err == nil || a != Private || err.Error() != `"everything": want public, loopback, private or any` {
		t.Errorf("%s, %v", a, err)
	}
}

func TestAddressesAreRefusedWhenDialled(t *testing.T) {
	f := setup(t)
	f.serve(Options{})
	arn := f.connect("c", apiKeyType, apiKey())
	host := strings.TrimPrefix(f.api.URL, "https://")
	want := "States.TaskFailed: The call to " + host + " was refused: it is a loopback address. To allow such calls, start the server with --http-allow loopback (MILLRACE_HTTP_ALLOW=loopback)."
	if got := f.outcome(get("/x", arn)); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	// What a name stands for counts, not the name.
	_, port, _ := strings.Cut(host, ":")
	if got := f.outcome(strings.Replace(get("/x", arn), "API", "https://localhost:"+port, 1)); !strings.Contains(got, "was refused: it is a loopback address.") {
		t.Errorf("by name: %s", got)
	}
	if got := f.outcome(strings.Replace(get("/x", arn), "API", "http://"+host, 1)); !strings.Contains(got, "it begins with https://; a server started with --http-allow loopback") {
		t.Errorf("plain http: %s", got)
	}
	if got := f.outcome(strings.Replace(get("/latest/meta-data", arn), "API", "https://169.254.169.254", 1)); !strings.Contains(got, "it is a link-local address") || !strings.Contains(got, "--http-allow any") {
		t.Errorf("metadata: %s", got)
	}
	if len(f.api.seen) > 0 {
		t.Errorf("the API was called: %+v", f.api.seen)
	}
}

func TestPlainHTTPToThisMachine(t *testing.T) {
	f := setup(t)
	plain := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Header.Get("X-Key")) }))
	defer plain.Close()
	arn := f.connect("c", apiKeyType, apiKey())
	got := f.outcome(strings.Replace(get("/x", arn), "API", plain.URL, 1))
	if !strings.Contains(got, `"ResponseBody":"key-secret"`) {
		t.Errorf("got %s", got)
	}
}

func TestCertificatesAreChecked(t *testing.T) {
	f := setup(t)
	arn := f.connect("c", apiKeyType, apiKey())
	f.s.Close()
	f.s.client = newClient(Loopback, x509.NewCertPool())
	if got := f.outcome(get("/x", arn)); !strings.HasPrefix(got, "States.Http.Socket: ") || !strings.Contains(got, "certificate") {
		t.Errorf("got %s", got)
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	f := setup(t)
	arn := f.connect("c", apiKeyType, apiKey())
	f.api.paths["/from"] = func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/to", http.StatusFound) }
	if got := f.outcome(get("/from", arn)); got != "States.Http.StatusCode.302: Found" {
		t.Errorf("got %s", got)
	}
	if n := len(f.api.requests("/to")); n != 0 {
		t.Errorf("%d requests to where the redirect leads", n)
	}
}

func TestCallsEndInTime(t *testing.T) {
	f := setup(t)
	f.serve(Options{Allow: Loopback, Timeout: 50 * time.Millisecond})
	arn := f.connect("c", apiKeyType, apiKey())
	arrived := make(chan struct{}, 1)
	f.api.paths["/slow"] = func(_ http.ResponseWriter, r *http.Request) {
		select {
		case arrived <- struct{}{}:
		default:
		}
		<-r.Context().Done()
	}
	if got := f.outcome(get("/slow", arn)); got != "States.Http.Socket: The HTTP task timed out after 50ms." {
		t.Errorf("got %s", got)
	}

	// A call that is given up is made again, so it has no outcome.
	f.serve(Options{Allow: Loopback})
	for len(arrived) > 0 {
		<-arrived
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() {
		_, err := f.g.Call(ctx, engine.Call{Resource: resource, Input: json.RawMessage(strings.Replace(get("/slow", arn), "API", f.api.URL, 1))})
		done <- err
	}()
	<-arrived
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestCausesHaveNoSecrets(t *testing.T) {
	f := setup(t)
	arn := f.connect("c", basicType, m{
		"BasicAuthParameters":      m{"Username": "user", "Password": "pass-secret"},
		"InvocationHttpParameters": m{"QueryStringParameters": []m{{"Key": "token", "Value": "query-secret", "IsValueSecret": true}}},
	})
	f.api.Close()
	got := f.outcome(get("/x", arn))
	if !strings.HasPrefix(got, "States.Http.Socket: The HTTP call got no answer: dial tcp ") || strings.Contains(got, "secret") {
		t.Errorf("got %s", got)
	}
}

func TestParseHead(t *testing.T) {
	cases := map[string]struct {
		head string
		want [][2]string
	}{
		"plain":           {"HTTP/1.1 200 OK\r\nA: b\r\nc-D:e \r\n\r\nbody: x\r\n", [][2]string{{"A", "b"}, {"c-D", "e"}}},
		"line feeds only": {"HTTP/1.1 200 OK\nA: b\n\n", [][2]string{{"A", "b"}}},
		"interim":         {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nA: b\r\n\r\n", [][2]string{{"A", "b"}}},
		"folded":          {"HTTP/1.1 200 OK\r\nA: b\r\n  c\r\n\tD: e\r\nF: g\r\n\r\n", [][2]string{{"A", "b c D: e"}, {"F", "g"}}},
		"cut":             {"HTTP/1.1 200 OK\r\nA: b\r\nC", [][2]string{{"A", "b"}}},
		"interim cut":     {"HTTP/1.1 100 Continue\r\n\r\n", nil},
		"nothing":         {"", nil},
	}
	for name, c := range cases {
		if got := parseHead(c.head); !slices.Equal(got, c.want) {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}

func FuzzParseHead(f *testing.F) {
	f.Add("HTTP/1.1 100 C\r\n\r\nHTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n")
	f.Fuzz(func(t *testing.T, head string) {
		for _, h := range parseHead(head) {
			if strings.ContainsAny(h[0]+h[1], "\n") {
				t.Errorf("%q", h)
			}
		}
	})
}
