package asl

import "testing"

func TestIsHTTPS(t *testing.T) {
	for text, want := range map[string]bool{
		"https://example.com": true, "HTTPS://example.com/a?b": true, "https://": false, "https:///a": false, "example.com": false, "": false,
		"http://example.com": false, "ftp://localhost": false, "http://": false,
		"http://localhost": true, "http://localhost:8080/x": true, "http://api:80": true, "http://a.localhost/": true, "http://x.y.internal?q": true,
		"http://127.0.0.1:9": true, "http://[::1]:9/a": true, "http://10.1.2.3": true, "http://172.16.0.1": true, "http://172.32.0.1": false,
		"http://192.168.1.1": true, "http://8.8.8.8": false, "http://user@localhost": false, "http://127.0.0.1.example.com": false,
	} {
		if got := isHTTPS(text); got != want {
			t.Errorf("%s: got %v", text, got)
		}
	}
}
