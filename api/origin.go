package api

import (
	"net"
	"net/http"
	"net/url"
	"strings"
)

// Loopback reports whether a host, with a port or without, is a name or an
// address of this machine's own: localhost, NAME.localhost, 127.0.0.0/8, ::1.
func Loopback(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.ToLower(strings.Trim(host, "[]"))
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// fromForeignPage reports whether a browser made the request for a page of
// another site and it may change something. A browser says so by Origin, and by
// Sec-Fetch-Site where it sends none, as for pictures; other clients send
// neither. The Host is no proof, since any name can be made to lead here.
func fromForeignPage(r *http.Request) bool {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		if !r.URL.Query().Has("Action") { // the Query protocol acts on a GET too
			return false
		}
	}
	if origin := r.Header.Get("Origin"); origin != "" {
		u, err := url.Parse(origin) // "null" has no host
		return err != nil || !Loopback(u.Host)
	}
	return r.Header.Get("Sec-Fetch-Site") == "cross-site"
}
