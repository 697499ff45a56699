// Package api holds the front doors: the AWS endpoint, which tells the services
// on one port apart, the servers, and the table of what the engine's errors are
// called outside. The Step Functions protocol is in api/stepfunctions, REST in api/rest.
package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"millrace/integrations/wire"
)

// maxForm is the most bytes of a form that is read to find its service: an SQS
// message of 1 MiB whose every byte is escaped, and the rest of the form.
const maxForm = 4 << 20

// Endpoint is the AWS endpoint: it finds the service that a request is for,
// whatever its Host, by
//
//  1. the prefix of X-Amz-Target,
//  2. Action and Version of a form or query,
//  3. the service in the credential scope of the signature,
//  4. the path's prefix,
//  5. and else it is for the object store.
//
// Signatures are not checked. What a browser sends for a page of another site,
// which could reach a server on this machine, is refused if it may change something.
type Endpoint struct {
	targets  map[string]http.Handler
	versions map[string]http.Handler
	scopes   map[string]http.Handler
	prefixes []prefix // longest first
	log      *slog.Logger
}

type prefix struct {
	path    string
	handler http.Handler
}

// objectStore is the scope of the service that takes what no other claims.
const objectStore = "s3"

// NewEndpoint makes an Endpoint of the services' fronts. Two fronts that claim
// the same target, version or prefix are an error; of two with the same scope
// the first has it, for they are told apart by target. log: nil is slog.Default().
func NewEndpoint(fronts []wire.Front, log *slog.Logger) (*Endpoint, error) {
	if log == nil {
		log = slog.Default()
	}
	e := &Endpoint{map[string]http.Handler{}, map[string]http.Handler{}, map[string]http.Handler{}, nil, log}
	paths := map[string]http.Handler{}
	for _, f := range fronts {
		for _, claims := range []struct {
			keys []string
			what string
			in   map[string]http.Handler
		}{{f.Targets, "target", e.targets}, {f.QueryVersions, "version", e.versions}, {f.PathPrefixes, "path prefix", paths}} {
			for _, k := range claims.keys {
				if claims.in[k] != nil {
					return nil, fmt.Errorf("front of %s: the %s %q is taken", f.Service, claims.what, k)
				}
				claims.in[k] = f.Handler
			}
		}
		for _, s := range f.Scopes {
			if e.scopes[s] == nil {
				e.scopes[s] = f.Handler
			}
		}
	}
	for p, h := range paths {
		e.prefixes = append(e.prefixes, prefix{p, h})
	}
	slices.SortFunc(e.prefixes, func(a, b prefix) int { return len(b.path) - len(a.path) })
	return e, nil
}

// ServeHTTP hands the request to its service.
func (e *Endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	defer func() {
		if v := recover(); v != nil {
			if v == http.ErrAbortHandler {
				panic(v)
			}
			e.log.Error("panic in a request", "method", r.Method, "path", r.URL.Path, "target", r.Header.Get("X-Amz-Target"), "panic", v)
			refuse(w, &Fault{"InternalFailure", "The server could not do this: its log says why.", http.StatusInternalServerError})
		}
	}()
	if fromForeignPage(r) {
		refuse(w, &Fault{"AccessDenied", "A page of another site may not change anything here: its Origin must be localhost or a loopback address.", http.StatusForbidden})
		return
	}
	h, f := e.find(w, r)
	if f != nil {
		refuse(w, f)
		return
	}
	h.ServeHTTP(w, r)
}

func (e *Endpoint) find(w http.ResponseWriter, r *http.Request) (http.Handler, *Fault) {
	if target := r.Header.Get("X-Amz-Target"); target != "" {
		if h := e.targets[target[:max(strings.LastIndexByte(target, '.'), 0)]]; h != nil {
			return h, nil
		}
		return nil, Faultf("UnknownOperationException", "No service here has the operation of X-Amz-Target %q.", short(target))
	}
	version, f := formVersion(w, r)
	if f != nil {
		return nil, f
	}
	if h := e.versions[version]; h != nil {
		return h, nil
	}
	if scope := scopeOf(r); scope != "" {
		if h := e.scopes[scope]; h != nil {
			return h, nil
		}
		return nil, Faultf("UnknownService", "The service %q is not served here.", short(scope))
	}
	for _, p := range e.prefixes {
		if strings.HasPrefix(r.URL.Path, p.path) {
			return p.handler, nil
		}
	}
	if h := e.scopes[objectStore]; h != nil {
		return h, nil
	}
	return nil, &Fault{"UnknownService", "No service here takes this request.", http.StatusNotFound}
}

// formVersion returns the Version of a request of the Query protocol, or "". A
// form's body is read and put back.
func formVersion(w http.ResponseWriter, r *http.Request) (string, *Fault) {
	if q := r.URL.Query(); q.Get("Action") != "" && q.Get("Version") != "" {
		return q.Get("Version"), nil
	}
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if r.Method != http.MethodPost || kind != "application/x-www-form-urlencoded" {
		return "", nil
	}
	body, err := wire.ReadBody(w, r, maxForm)
	if err != nil {
		return "", &Fault{"RequestEntityTooLarge", err.Error(), http.StatusRequestEntityTooLarge}
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	form, err := url.ParseQuery(string(body))
	if err != nil || form.Get("Action") == "" {
		return "", nil
	}
	return form.Get("Version"), nil
}

// scopeOf returns the service in a request's credential scope, or "".
func scopeOf(r *http.Request) string {
	auth := r.Header.Get("Authorization")
	if strings.HasPrefix(auth, "AWS ") { // the object store's older signature
		return objectStore
	}
	_, credential, ok := strings.Cut(auth, "Credential=")
	if !ok {
		credential = r.URL.Query().Get("X-Amz-Credential")
	}
	credential, _, _ = strings.Cut(credential, ",")
	// key/date/region/service/aws4_request; a key may hold slashes
	parts := strings.Split(strings.TrimSpace(credential), "/")
	if len(parts) < 5 {
		return ""
	}
	return parts[len(parts)-2]
}

// refuse answers for no service in particular, in AWS JSON.
func refuse(w http.ResponseWriter, f *Fault) {
	id := wire.NewRequestID()
	body, _ := json.Marshal(map[string]string{"__type": f.Name, "message": f.Message})
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	w.Header().Set("X-Amzn-Requestid", id)
	w.Header().Set("X-Amzn-Errortype", f.Name)
	w.WriteHeader(f.Status)
	w.Write(body)
}

// short cuts a caller's text for an error message.
func short(s string) string {
	if len(s) > 80 {
		return s[:80] + "..."
	}
	return s
}
