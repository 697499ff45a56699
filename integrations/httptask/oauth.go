package httptask

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"millrace/asl/document"
	"millrace/engine"
	"millrace/engine/interp"
	"millrace/tasks"
)

// margin is how long before it expires a token is fetched anew.
const margin = time.Minute

// What the state of a connection says of an authorization endpoint without an answer.
const unreachable = "Could not connect to the specified endpoint."

// exchanges lets one call at a time fetch a connection's token. The zero value
// is ready.
type exchanges struct {
	mu  sync.Mutex
	all map[string]chan struct{} // by connection; closed when the fetch is over
}

// begin waits until nobody else fetches for the name. end is called when the caller is through.
func (x *exchanges) begin(ctx context.Context, name string) (end func(), err error) {
	for {
		x.mu.Lock()
		other := x.all[name]
		if other == nil {
			break
		}
		x.mu.Unlock()
		select {
		case <-other:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	defer x.mu.Unlock()
	if x.all == nil {
		x.all = map[string]chan struct{}{}
	}
	own := make(chan struct{})
	x.all[name] = own
	return func() {
		x.mu.Lock()
		defer x.mu.Unlock()
		delete(x.all, name)
		close(own)
	}, nil
}

// token returns an access token of the connection that is not the stale one. It
// is the one in the database unless that expires within a minute, else one that
// is fetched and stored. That the authorization endpoint gives none is a
// *tasks.Failure, and in the state of the connection.
func (s *Service) token(ctx context.Context, c *connection, stale string) (string, error) {
	end, err := s.exchanges.begin(ctx, c.name)
	if err != nil {
		return "", err
	}
	defer end()
	now, err := s.read(ctx, c.name)
	switch {
	case err != nil:
		return "", err
	case now == nil || now.id != c.id || now.version != c.version:
		return "", &tasks.Failure{Name: "Events.ConnectionResource.ConcurrentModification", Cause: "The connection " + c.name + " was changed during the call."}
	case now.state == deauthorized:
		return "", invalidState(now)
	case now.token != "" && now.token != stale && (now.expires == 0 || s.host.Now().Add(margin).UnixMilli() < now.expires):
		return now.token, nil
	}
	granted, reason, err := s.fetch(ctx, now.parameters.OAuth)
	switch {
	case err != nil:
		return "", s.hindered(ctx, now, err)
	case reason != "":
		now.state, now.reason = deauthorized, reason
		if err := s.refused(ctx, now, reason); err != nil {
			return "", err
		}
		return "", invalidState(now)
	}
	err = s.host.Do(ctx, []string{connectionKey(c.name)}, func(tx engine.Tx) error {
		expires := int64(0)
		if granted.lifetime > 0 {
			expires = tx.Now().Add(granted.lifetime).UnixMilli()
		}
		at := seconds(tx)
		return exec(tx, grant, authorized, granted.token, expires, at, at, c.name, c.id, c.version)
	})
	return granted.token, err
}

// hindered notes why the authorization endpoint gave no answer and makes a
// *tasks.Failure of it. A fetch that was given up is its context's error.
func (s *Service) hindered(ctx context.Context, c *connection, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	reason, name := unreachable, "Events.ConnectionResource.InternalError"
	var no *refusal
	var status unavailable
	if errors.As(err, &no) {
		reason = no.Error()
	} else if errors.As(err, &status) {
		reason = "The authorization endpoint gave no token: " + status.Error() + "."
	}
	if err := s.host.Do(ctx, []string{connectionKey(c.name)}, func(tx engine.Tx) error {
		return exec(tx, hinder, reason, c.name, c.id, c.version, authorizing, reason)
	}); err != nil {
		return err
	}
	if no != nil {
		return no
	}
	if c.state == authorizing {
		name = "Events.ConnectionResource.AuthInProgress"
	}
	return &tasks.Failure{Name: name, Cause: "The authorization endpoint of the connection " + c.name + " gave no token: " + err.Error()}
}

// granted is what an authorization endpoint answers.
type granted struct {
	token    string
	lifetime time.Duration // 0: not told
}

// fetch asks the authorization endpoint for a token. reason says why it gave
// none; err is a *transportError.
//
// Recorded: the client's id and secret follow the connection's own parameters in
// the form. A grant_type is not added.
func (s *Service) fetch(ctx context.Context, o *oauthParameters) (g granted, reason string, err error) {
	u, why := s.parseURL(o.Endpoint)
	if why != "" {
		return g, "The authorization endpoint is not valid: " + why + ".", nil
	}
	var form []pair
	for _, p := range o.HTTP.Body {
		form = append(form, pair{p.Key, p.Value})
	}
	form = append(form, pair{"client_secret", o.ClientSecret}, pair{"client_id", o.ClientID})
	var query []pair
	for _, p := range o.HTTP.Query {
		query = append(query, pair{p.Key, p.Value})
	}
	h := http.Header{"Content-Type": {formType}}
	var body []byte
	if o.Method == http.MethodGet {
		query = append(query, form...)
		h.Del("Content-Type")
	} else {
		body = []byte(encode(form))
	}
	for _, p := range o.HTTP.Headers {
		h.Set(p.Key, p.Value)
	}
	h.Set("User-Agent", "Amazon|StepFunctions|HttpInvoke|"+s.host.Region())
	if len(query) > 0 {
		u.RawQuery = strings.TrimPrefix(u.RawQuery+"&"+encode(query), "&")
	}
	a, err := s.send(ctx, &http.Request{Method: o.Method, URL: u, Host: u.Host, Header: h}, body)
	if err != nil {
		return g, "", err
	}
	return a.granted(o)
}

// unavailable is the status of an endpoint that may answer later.
type unavailable int

func (u unavailable) Error() string { return "it answered " + strconv.Itoa(int(u)) }

// granted reads the answer of an authorization endpoint. What it says of an
// error is told, cut short; nothing else of its answer is.
func (a *answer) granted(o *oauthParameters) (g granted, reason string, err error) {
	v, _ := document.Parse(a.body)
	fields, _ := v.(*document.Object)
	if fields == nil {
		fields = document.NewObject(0)
	}
	if a.status >= 500 {
		return g, "", &transportError{unavailable(a.status)}
	}
	token, _ := fields.Get("access_token")
	g.token, _ = token.(string)
	if a.status < 200 || a.status > 299 || g.token == "" || !validHeader("Authorization", g.token) {
		reason = "The authorization endpoint answered " + strconv.Itoa(a.status) + " without an access_token."
		if e, _ := fields.Get("error"); e != nil {
			if text, ok := e.(string); ok {
				reason = "The authorization endpoint answered " + strconv.Itoa(a.status) + " and the error " + short(text) + "."
			}
		}
		if !named(o.HTTP.Body, "grant_type", false) && !named(o.HTTP.Query, "grant_type", false) {
			reason += " No grant_type was sent: it is a parameter of OAuthHttpParameters.BodyParameters."
		}
		return granted{}, reason, nil
	}
	lifetime, _ := fields.Get("expires_in")
	n, ok := lifetime.(document.Number)
	if text, is := lifetime.(string); is {
		n, ok = document.Number(text), true
	}
	if f, err := strconv.ParseFloat(string(n), 64); ok && err == nil && f > 0 && f < 1e9 {
		g.lifetime = time.Duration(f * float64(time.Second))
	}
	return g, "", nil
}

// authorizationResource names the first fetch of a connection's token as a follow-up.
const authorizationResource = "httptask:authorize"

// How often an authorization endpoint is tried when a connection is made or changed.
const (
	attempts = 4
	backoff  = 5 * time.Second
)

// authorization is the remote action that fetches the token of a connection that
// was made or changed.
type authorization struct{ s *Service }

type authorizationInput struct {
	Name    string `json:"name"`
	ID      string `json:"id"`
	Version int64  `json:"version"`
}

// authorize has the connection's token fetched after the commit.
func (c *connection) authorize(tx engine.Tx) error {
	in, err := json.Marshal(authorizationInput{c.name, c.id, c.version})
	if err != nil {
		return err
	}
	return tx.Enqueue(engine.FollowUp{Resource: authorizationResource, Key: c.id + "/" + strconv.FormatInt(c.version, 10), Input: in, Attempts: attempts, Backoff: backoff})
}

func (a *authorization) Resource() string { return authorizationResource }

func (a *authorization) Lost() engine.LostPolicy { return engine.Repeat }

// Call fetches the token. An endpoint that gives no answer is a failed outcome,
// and is tried again; one that refuses is not.
func (a *authorization) Call(ctx context.Context, call engine.Call) (interp.Outcome, error) {
	done := interp.Outcome{Output: document.FromValue(nil)}
	var in authorizationInput
	if err := json.Unmarshal(call.Input, &in); err != nil {
		return done, nil
	}
	c, err := a.s.read(ctx, in.Name)
	if err != nil {
		return interp.Outcome{}, err
	}
	if c == nil || c.id != in.ID || c.version != in.Version || c.state != authorizing {
		return done, nil
	}
	limited, cancel := context.WithTimeout(ctx, a.s.o.Timeout)
	defer cancel()
	_, err = a.s.token(limited, c, "")
	var f *tasks.Failure
	var no *refusal
	switch {
	case errors.As(err, &no):
		return done, nil // trying again would change nothing
	case errors.As(err, &f):
		if f.Name != "Events.ConnectionResource.AuthInProgress" {
			return done, nil
		}
		return f.Outcome(), nil
	case err != nil:
		return interp.Outcome{}, err
	}
	return done, nil
}
