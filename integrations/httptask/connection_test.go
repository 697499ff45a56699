package httptask

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"millrace/integrations/wire"
	"millrace/integrations/wire/hosttest"
	"millrace/tasks"
)

// jsonOf is the JSON of an answer.
func jsonOf(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// want compares members of an answer.
func want(t *testing.T, what string, got, members m) {
	t.Helper()
	for name, v := range members {
		if g, w := jsonOf(t, got[name]), jsonOf(t, v); g != w {
			t.Errorf("%s: %s: got %s, want %s", what, name, g, w)
		}
	}
}

func TestLifeOfAConnection(t *testing.T) {
	f := setup(t)
	at := float64(hosttest.Epoch.Unix())
	created := f.must("CreateConnection", m{"Name": "c", "Description": "d", "AuthorizationType": "BASIC", "AuthParameters": m{
		"BasicAuthParameters": m{"Username": "user", "Password": "pass-secret"},
		"InvocationHttpParameters": m{
			"HeaderParameters": []m{{"Key": "x-a", "Value": "seen"}, {"Key": "x-b", "Value": "header-secret", "IsValueSecret": true}},
			"BodyParameters":   []m{{"Key": "b", "Value": ""}},
		},
	}})
	arn, _ := created["ConnectionArn"].(string)
	if id, ok := strings.CutPrefix(arn, "arn:aws:events:us-east-1:000000000000:connection/c/"); !ok || len(id) != 36 {
		t.Errorf("ARN %s", arn)
	}
	want(t, "created", created, m{"ConnectionState": "AUTHORIZED", "CreationTime": at, "LastModifiedTime": at, "LastAuthorizedTime": nil})
	parameters := m{
		"BasicAuthParameters": m{"Username": "user"},
		"InvocationHttpParameters": m{
			"HeaderParameters": []m{{"Key": "x-a", "Value": "seen", "IsValueSecret": false}, {"Key": "x-b", "IsValueSecret": true}},
			"BodyParameters":   []m{{"Key": "b", "Value": "", "IsValueSecret": false}},
		},
	}
	d := f.must("DescribeConnection", m{"Name": "c"})
	want(t, "described", d, m{"ConnectionArn": arn, "Name": "c", "Description": "d", "ConnectionState": "AUTHORIZED", "AuthorizationType": "BASIC",
		"AuthParameters": parameters, "LastAuthorizedTime": at, "StateReason": nil})
	if secret, _ := d["SecretArn"].(string); !strings.HasPrefix(secret, "arn:aws:secretsmanager:us-east-1:000000000000:secret:events!connection/c/") {
		t.Errorf("SecretArn %s", secret)
	}

	f.h.Advance(10 * time.Second)
	_, err := f.invoke("UpdateConnection", m{"Name": "c", "AuthParameters": m{"BasicAuthParameters": m{"Password": "x"}}})
	if e := (*tasks.Error)(nil); !errors.As(err, &e) || e.Code != "ValidationException" || !strings.HasPrefix(e.Message, "Failed to update the connection(s). At least one of the following is required: Description, ") {
		t.Errorf("update of no type: %v", err)
	}
	updated := f.must("UpdateConnection", m{"Name": "c", "AuthorizationType": "BASIC", "AuthParameters": m{"BasicAuthParameters": m{"Password": "other-secret"}}})
	want(t, "updated", updated, m{"ConnectionArn": arn, "ConnectionState": "AUTHORIZED", "CreationTime": at, "LastModifiedTime": at + 10, "LastAuthorizedTime": at + 10})
	want(t, "after an update", f.must("DescribeConnection", m{"Name": "c"}), m{"AuthParameters": parameters, "SecretArn": d["SecretArn"]})
	if f.outcome(get("/x", arn)); f.api.requests("/x")[0].Header.Get("Authorization") != "Basic dXNlcjpvdGhlci1zZWNyZXQ=" {
		t.Errorf("the user stays, the password changes: %v", f.api.requests("/x")[0].Header)
	}
	f.h.Advance(10 * time.Second)
	want(t, "description", f.must("UpdateConnection", m{"Name": "c", "Description": "e"}), m{"LastModifiedTime": at + 20, "LastAuthorizedTime": at + 10})

	off := f.must("DeauthorizeConnection", m{"Name": "c"})
	want(t, "deauthorized", off, m{"ConnectionState": "DEAUTHORIZING"})
	d = f.must("DescribeConnection", m{"Name": "c"})
	const removed = "The authorization parameters were removed from this connection by a DeauthorizeConnection operation."
	want(t, "after that", d, m{"ConnectionState": "DEAUTHORIZED", "StateReason": removed, "AuthParameters": m{}, "SecretArn": nil, "Description": "e"})
	if got := f.outcome(get("/x", arn)); got != "Events.ConnectionResource.InvalidConnectionState: The connection c is DEAUTHORIZED. "+removed {
		t.Errorf("a call: %s", got)
	}
	want(t, "another type", f.must("UpdateConnection", m{"Name": "c", "AuthorizationType": "API_KEY", "AuthParameters": apiKey()}), m{"ConnectionState": "AUTHORIZED", "ConnectionArn": arn})
	want(t, "of another type", f.must("DescribeConnection", m{"Name": "c"}), m{"AuthParameters": m{"ApiKeyAuthParameters": m{"ApiKeyName": "x-key"}}, "StateReason": nil})
	if got := f.outcome(get("/y", arn)); f.api.requests("/y")[0].Header.Get("X-Key") != "key-secret" {
		t.Errorf("a call with the key: %s", got)
	}

	want(t, "deleted", f.must("DeleteConnection", m{"Name": "c"}), m{"ConnectionState": "DELETING", "ConnectionArn": arn})
	for _, operation := range []string{"DescribeConnection", "DeleteConnection", "DeauthorizeConnection"} {
		_, err := f.invoke(operation, m{"Name": "c"})
		if e := (*tasks.Error)(nil); !errors.As(err, &e) || e.Code != "ResourceNotFoundException" || e.Message != "Failed to describe the connection(s). Connection 'c' does not exist." {
			t.Errorf("%s: %v", operation, err)
		}
	}
	again := f.connect("c", apiKeyType, apiKey())
	if got := f.outcome(get("/x", arn)); got != "Events.ConnectionResource.ResourceNotFound: The connection "+arn+" does not exist." || again == arn {
		t.Errorf("the old ARN: %s", got)
	}
	for _, bad := range []string{"c", "arn:aws:events:us-east-1:111111111111:connection/c/1", "arn:aws:events:us-east-1:000000000000:connection/", "${connection}"} {
		if got := f.outcome(get("/x", bad)); !strings.HasPrefix(got, "Events.ConnectionResource.ResourceNotFound: ") {
			t.Errorf("%s: %s", bad, got)
		}
	}
}

func TestNothingShowsSecrets(t *testing.T) {
	f := setup(t)
	f.api.tokens("/token", "")
	auth := f.oauth("/token")
	auth["InvocationHttpParameters"] = m{"QueryStringParameters": []m{{"Key": "q", "Value": "query-secret", "IsValueSecret": true}}}
	f.connect("o", oauthType, auth)
	f.connect("k", apiKeyType, apiKey())
	f.connect("b", basicType, m{"BasicAuthParameters": m{"Username": "u", "Password": "pass-secret"}})
	f.followUps()
	shown := jsonOf(t, []any{f.must("DescribeConnection", m{"Name": "o"}), f.must("DescribeConnection", m{"Name": "k"}), f.must("DescribeConnection", m{"Name": "b"}),
		f.must("ListConnections", m{}), f.h.Enqueued()})
	for _, secret := range []string{"-secret", "t1", "token-1"} {
		if strings.Contains(shown, secret) {
			t.Errorf("%s is shown: %s", secret, shown)
		}
	}
}

func TestConnectionsThatAreRefused(t *testing.T) {
	f := setup(t)
	f.serve(Options{})
	f.connect("there", apiKeyType, apiKey())
	oauth := func(change func(m)) m {
		p := f.oauth("/t")
		change(p["OAuthParameters"].(m))
		return p
	}
	headers := func(all ...m) m {
		p := apiKey()
		p["InvocationHttpParameters"] = m{"HeaderParameters": all}
		return p
	}
	cases := map[string]struct {
		in   m
		code string
		want string
	}{
		"no name":         {m{}, "ValidationException", "1 validation error detected: Value null at 'name' failed to satisfy constraint: Member must not be null"},
		"a name":          {m{"Name": "a b"}, "ValidationException", `Value 'a b' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: [\.\-_A-Za-z0-9]+`},
		"a long name":     {m{"Name": strings.Repeat("n", 65)}, "ValidationException", "Member must have length less than or equal to 64"},
		"no type":         {m{"Name": "n", "AuthParameters": apiKey()}, "ValidationException", "Value null at 'authorizationType'"},
		"a type":          {m{"Name": "n", "AuthorizationType": "NTLM", "AuthParameters": apiKey()}, "ValidationException", "Value 'NTLM' at 'authorizationType' failed"},
		"no credentials":  {m{"Name": "n", "AuthorizationType": "BASIC"}, "ValidationException", "takes its credentials in AuthParameters.BasicAuthParameters"},
		"others":          {m{"Name": "n", "AuthorizationType": "BASIC", "AuthParameters": apiKey()}, "ValidationException", "takes its credentials in AuthParameters.BasicAuthParameters"},
		"no password":     {m{"Name": "n", "AuthorizationType": "BASIC", "AuthParameters": m{"BasicAuthParameters": m{"Username": "u"}}}, "ValidationException", "Value null at 'authParameters.basicAuthParameters.password'"},
		"a colon":         {m{"Name": "n", "AuthorizationType": "BASIC", "AuthParameters": m{"BasicAuthParameters": m{"Username": "u:secret", "Password": "p"}}}, "ValidationException", "Value at 'authParameters.basicAuthParameters.username' failed"},
		"a key's name":    {m{"Name": "n", "AuthorizationType": "API_KEY", "AuthParameters": m{"ApiKeyAuthParameters": m{"ApiKeyName": "a b", "ApiKeyValue": "v"}}}, "ValidationException", "Value 'a b' at 'authParameters.apiKeyAuthParameters.apiKeyName'"},
		"a line break":    {m{"Name": "n", "AuthorizationType": "API_KEY", "AuthParameters": m{"ApiKeyAuthParameters": m{"ApiKeyName": "a", "ApiKeyValue": "v\r\nsecret"}}}, "ValidationException", "Value at 'authParameters.apiKeyAuthParameters.apiKeyValue' failed"},
		"plain http":      {m{"Name": "n", "AuthorizationType": oauthType, "AuthParameters": oauth(func(p m) { p["AuthorizationEndpoint"] = "http://127.0.0.1/t" })}, "ValidationException", "AuthParameters.OAuthParameters.AuthorizationEndpoint is not valid: it begins with https://"},
		"a method":        {m{"Name": "n", "AuthorizationType": oauthType, "AuthParameters": oauth(func(p m) { p["HttpMethod"] = "DELETE" })}, "ValidationException", "Value 'DELETE' at 'authParameters.oAuthParameters.httpMethod'"},
		"no client":       {m{"Name": "n", "AuthorizationType": oauthType, "AuthParameters": oauth(func(p m) { delete(p, "ClientParameters") })}, "ValidationException", "Value null at 'authParameters.oAuthParameters.clientParameters.clientID'"},
		"a header":        {m{"Name": "n", "AuthorizationType": "API_KEY", "AuthParameters": headers(m{"Key": "a"}, m{"Key": "b c"})}, "ValidationException", "Value 'b c' at 'authParameters.invocationHttpParameters.headerParameters.2.member.key'"},
		"a header's text": {m{"Name": "n", "AuthorizationType": "API_KEY", "AuthParameters": headers(m{"Key": "a", "Value": "é"})}, "ValidationException", "headerParameters.1.member.value"},
		"a wrong type":    {m{"Name": "n", "AuthParameters": 5}, "SerializationException", "AuthParameters"},
		"private":         {m{"Name": "n", "AuthorizationType": "API_KEY", "AuthParameters": apiKey(), "InvocationConnectivityParameters": m{}}, "ValidationException", "--http-allow private"},
		"there already":   {m{"Name": "there", "AuthorizationType": "API_KEY", "AuthParameters": apiKey()}, "ResourceAlreadyExistsException", "Connection there already exists."},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			f.t = t
			_, err := f.invoke("CreateConnection", c.in)
			if e := (*tasks.Error)(nil); !errors.As(err, &e) || e.Code != c.code || !strings.Contains(e.Message, c.want) || strings.Contains(e.Message, "secret") {
				t.Errorf("got  %v\nwant %s: %s", err, c.code, c.want)
			}
		})
	}
	if all := f.must("ListConnections", m{})["Connections"].([]any); len(all) != 1 {
		t.Errorf("%d connections", len(all))
	}
}

func TestListConnections(t *testing.T) {
	f := setup(t)
	for _, name := range []string{"b2", "a1", "b1", "b3"} {
		f.connect(name, apiKeyType, apiKey())
	}
	f.must("DeauthorizeConnection", m{"Name": "b2"})
	list := func(in m) string {
		names, pages := "", 0
		for {
			out := f.must("ListConnections", in)
			for _, c := range out["Connections"].([]any) {
				names += " " + c.(m)["Name"].(string)
			}
			pages++
			if out["NextToken"] == nil {
				return fmt.Sprintf("%d:%s", pages, names)
			}
			in["NextToken"] = out["NextToken"]
		}
	}
	for _, c := range []struct {
		in   m
		want string
	}{
		{m{}, "1: a1 b1 b2 b3"},
		{m{"Limit": 3}, "2: a1 b1 b2 b3"},
		{m{"NamePrefix": "b", "Limit": 1}, "3: b1 b2 b3"},
		{m{"ConnectionState": "DEAUTHORIZED"}, "1: b2"},
		{m{"NamePrefix": "c"}, "1:"},
	} {
		if got := list(c.in); got != c.want {
			t.Errorf("%v: got %s, want %s", c.in, got, c.want)
		}
	}
	for _, bad := range []m{{"Limit": 0}, {"Limit": 101}, {"NextToken": "%"}} {
		if _, err := f.invoke("ListConnections", bad); err == nil {
			t.Errorf("%v: no error", bad)
		}
	}
}

func TestRefusedCredentialsEndTheAuthorization(t *testing.T) {
	f := setup(t)
	arn := f.connect("c", basicType, m{"BasicAuthParameters": m{"Username": "u", "Password": "p"}})
	f.api.paths["/401"] = status(401)
	if got := f.outcome(get("/401", arn)); got != "States.Http.StatusCode.401: Unauthorized" {
		t.Errorf("first: %s", got)
	}
	const after = "Events.ConnectionResource.InvalidConnectionState: The connection c is DEAUTHORIZED. The API answered 401 to the credentials of the connection."
	if got := f.outcome(get("/x", arn)); got != after {
		t.Errorf("then: %s", got)
	}
	f.must("UpdateConnection", m{"Name": "c", "AuthorizationType": "BASIC", "AuthParameters": m{"BasicAuthParameters": m{"Password": "q"}}})
	if got := f.outcome(get("/x", arn)); !strings.Contains(got, `"StatusCode":200`) {
		t.Errorf("with another password: %s", got)
	}
}

func TestTokensAreFetchedAndKept(t *testing.T) {
	f := setup(t)
	f.api.tokens("/token", `,"expires_in":3600`)
	out := f.must("CreateConnection", m{"Name": "c", "AuthorizationType": oauthType, "AuthParameters": f.oauth("/token")})
	arn := out["ConnectionArn"].(string)
	want(t, "created", out, m{"ConnectionState": "AUTHORIZING"})
	want(t, "described", f.must("DescribeConnection", m{"Name": "c"}), m{"ConnectionState": "AUTHORIZING", "LastAuthorizedTime": 0})
	f.h.Advance(5 * time.Second)
	if o := f.followUps(); len(o) != 1 || o[0].Failed {
		t.Fatalf("follow-ups: %+v", o)
	}
	at := float64(hosttest.Epoch.Unix() + 5)
	want(t, "authorized", f.must("DescribeConnection", m{"Name": "c"}), m{"ConnectionState": "AUTHORIZED", "LastAuthorizedTime": at, "LastModifiedTime": at,
		"AuthParameters": m{"OAuthParameters": m{"ClientParameters": m{"ClientID": "client"}, "AuthorizationEndpoint": f.api.URL + "/token", "HttpMethod": "POST", "OAuthHttpParameters": m{
			"HeaderParameters": []m{{"Key": "x-tenant", "IsValueSecret": true}},
			"BodyParameters":   []m{{"Key": "grant_type", "Value": "client_credentials", "IsValueSecret": false}, {"Key": "scope", "Value": "a b", "IsValueSecret": false}},
		}}}})
	r := f.api.requests("/token")[0]
	if r.Method != "POST" || r.Body != "grant_type=client_credentials&scope=a%20b&client_secret=client-secret&client_id=client" ||
		r.Header.Get("Content-Type") != formType || r.Header.Get("X-Tenant") != "t1" || r.Header.Get("Authorization") != "" {
		t.Errorf("the request for a token: %+v", r)
	}
	for range 2 {
		f.outcome(get("/x", arn))
	}
	f.serve(Options{Allow: Loopback}) // the token survives a restart
	f.outcome(get("/x", arn))
	f.h.Advance(59*time.Minute - time.Millisecond)
	f.outcome(get("/x", arn))
	f.h.Advance(time.Millisecond) // no more than a minute is left
	f.outcome(get("/x", arn))
	var used []string
	for _, r := range f.api.requests("/x") {
		used = append(used, strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer token-"))
	}
	if got := strings.Join(used, " "); got != "1 1 1 1 2" || len(f.api.requests("/token")) != 2 {
		t.Errorf("tokens used: %s, fetched %d", got, len(f.api.requests("/token")))
	}
}

func TestATokenIsFetchedOnceForManyCalls(t *testing.T) {
	f := setup(t)
	f.api.tokens("/token", "")
	arn := f.connect("c", oauthType, f.oauth("/token"))
	var calls sync.WaitGroup
	outcomes := make([]string, 8)
	for i := range outcomes {
		calls.Go(func() { outcomes[i] = f.outcome(get("/x", arn)) })
	}
	calls.Wait()
	for _, o := range outcomes {
		if !strings.Contains(o, `"StatusCode":200`) {
			t.Errorf("got %s", o)
		}
	}
	if n := len(f.api.requests("/token")); n != 1 {
		t.Errorf("%d tokens were fetched", n)
	}
	f.followUps()
	if n := len(f.api.requests("/token")); n != 1 {
		t.Errorf("%d tokens were fetched with the follow-up", n)
	}
}

func TestRefusedTokensAreFetchedAnewOnce(t *testing.T) {
	f := setup(t)
	f.api.tokens("/token", "")
	accepted := "Bearer token-2"
	f.api.paths["/x"] = func(w http.ResponseWriter, r *http.Request) {
		f.api.mu.Lock()
		defer f.api.mu.Unlock()
		if r.Header.Get("Authorization") != accepted {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		io.WriteString(w, "in")
	}
	arn := f.connect("c", oauthType, f.oauth("/token"))
	body := strings.Replace(get("/x", arn), `"Method":"GET"`, `"Method":"POST","RequestBody":{"a":1}`, 1)
	if got := f.outcome(body); !strings.Contains(got, `"ResponseBody":"in"`) {
		t.Errorf("got %s", got)
	}
	all := f.api.requests("/x")
	if len(all) != 2 || all[0].Body != `{"a":1}` || all[1].Body != all[0].Body {
		t.Errorf("requests: %+v", all)
	}
	accepted = "none"
	if got := f.outcome(body); got != "States.Http.StatusCode.401: Unauthorized" || len(f.api.requests("/x")) != 4 || len(f.api.requests("/token")) != 3 {
		t.Errorf("refused again: %s, %d calls, %d tokens", got, len(f.api.requests("/x")), len(f.api.requests("/token")))
	}
	want(t, "state", f.must("DescribeConnection", m{"Name": "c"}), m{"ConnectionState": "AUTHORIZED"})

	f.api.mu.Lock()
	f.api.paths["/token"] = answerJSON(400, `{"error":"invalid_client"}`)
	f.api.mu.Unlock()
	if got := f.outcome(body); got != "States.Http.StatusCode.401: Unauthorized" {
		t.Errorf("no other token: %s", got)
	}
	want(t, "state then", f.must("DescribeConnection", m{"Name": "c"}),
		m{"ConnectionState": "DEAUTHORIZED", "StateReason": "The authorization endpoint answered 400 and the error invalid_client."})
}

func answerJSON(code int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(code)
		io.WriteString(w, body)
	}
}

func TestAuthorizationEndpointsThatGiveNoToken(t *testing.T) {
	const invalidState, inProgress = "Events.ConnectionResource.InvalidConnectionState: ", "Events.ConnectionResource.AuthInProgress: "
	cases := map[string]struct {
		handler       http.HandlerFunc
		again         bool // the follow-up is to be repeated
		state, reason string
		call          string
	}{
		"an error":       {answerJSON(401, `{"error":"invalid_client","error_description":"no"}`), false, deauthorized, "The authorization endpoint answered 401 and the error invalid_client.", invalidState},
		"no JSON":        {answerJSON(200, `access_token=x`), false, deauthorized, "The authorization endpoint answered 200 without an access_token.", invalidState},
		"no token":       {answerJSON(200, `{"access_token":5}`), false, deauthorized, "The authorization endpoint answered 200 without an access_token.", invalidState},
		"a token of two": {answerJSON(200, `{"access_token":"a\r\nb"}`), false, deauthorized, "The authorization endpoint answered 200 without an access_token.", invalidState},
		"a redirect": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/other", http.StatusTemporaryRedirect)
		}, false, deauthorized, "The authorization endpoint answered 307 without an access_token.", invalidState},
		"busy":      {answerJSON(503, ``), true, authorizing, "The authorization endpoint gave no token: it answered 503.", inProgress},
		"no answer": {raw(""), true, authorizing, unreachable, inProgress},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			f := setup(t)
			f.api.paths["/token"] = c.handler
			arn := f.connect("c", oauthType, f.oauth("/token"))
			if o := f.followUps(); o[0].Failed != c.again {
				t.Errorf("the follow-up: %+v", o[0])
			}
			want(t, "described", f.must("DescribeConnection", m{"Name": "c"}), m{"ConnectionState": c.state, "StateReason": c.reason})
			if got := f.outcome(get("/x", arn)); !strings.HasPrefix(got, c.call) || strings.Contains(got, "secret") {
				t.Errorf("a call: %s", got)
			}
			f.api.mu.Lock()
			delete(f.api.paths, "/token")
			f.api.mu.Unlock()
			f.api.tokens("/token", `,"expires_in":"60"`)
			if c.state == deauthorized {
				f.must("UpdateConnection", m{"Name": "c", "AuthorizationType": oauthType, "AuthParameters": m{"OAuthParameters": m{}}})
			}
			if got := f.outcome(get("/x", arn)); !strings.Contains(got, `"StatusCode":200`) {
				t.Errorf("a call once there are tokens: %s", got)
			}
		})
	}
}

func TestGrantTypeIsNamedWhereItLacks(t *testing.T) {
	f := setup(t)
	f.api.paths["/token"] = answerJSON(400, `{"error":"unsupported_grant_type"}`)
	auth := f.oauth("/token")
	oauth := auth["OAuthParameters"].(m)
	delete(oauth, "OAuthHttpParameters")
	oauth["HttpMethod"] = "GET"
	f.connect("c", oauthType, auth)
	f.followUps()
	if r := f.api.requests("/token")[0]; r.Method != "GET" || r.Query != "client_secret=client-secret&client_id=client" || r.Body != "" {
		t.Errorf("the request: %+v", r)
	}
	reason, _ := f.must("DescribeConnection", m{"Name": "c"})["StateReason"].(string)
	if !strings.HasSuffix(reason, "the error unsupported_grant_type. No grant_type was sent: it is a parameter of OAuthHttpParameters.BodyParameters.") {
		t.Errorf("got %s", reason)
	}
}

func TestAuthorizationEndpointsAreGuarded(t *testing.T) {
	f := setup(t)
	f.serve(Options{})
	arn := f.connect("c", oauthType, f.oauth("/token"))
	if o := f.followUps(); o[0].Failed {
		t.Errorf("the follow-up is repeated: %+v", o[0])
	}
	d := f.must("DescribeConnection", m{"Name": "c"})
	if reason, _ := d["StateReason"].(string); d["ConnectionState"] != authorizing || !strings.Contains(reason, "--http-allow loopback") {
		t.Errorf("described: %v", d)
	}
	if got := f.outcome(get("/x", arn)); !strings.HasPrefix(got, "States.TaskFailed: The call to 127.0.0.1:") {
		t.Errorf("a call: %s", got)
	}
	if len(f.api.seen) > 0 {
		t.Errorf("the endpoint was called")
	}
}

func TestFollowUpsOfOldCredentialsDoNothing(t *testing.T) {
	f := setup(t)
	f.api.tokens("/token", "")
	f.connect("c", oauthType, f.oauth("/token"))
	f.must("UpdateConnection", m{"Name": "c", "AuthorizationType": "API_KEY", "AuthParameters": apiKey()})
	f.followUps()
	f.connect("d", oauthType, f.oauth("/token"))
	f.must("DeleteConnection", m{"Name": "d"})
	f.followUps()
	if n := len(f.api.requests("/token")); n != 0 {
		t.Errorf("%d tokens were fetched", n)
	}
}

func TestWire(t *testing.T) {
	f := setup(t)
	f.api.tokens("/token", "")
	front := wire.JSON(f.h, &tasks.Service{Name: "events", Operations: f.s.Operations()}, wire.JSONOptions{Version: "1.1"})
	hosttest.Boto(t, front, `
events = client("events")
made = events.create_connection(Name="c", AuthorizationType="BASIC", AuthParameters={"BasicAuthParameters": {"Username": "u", "Password": "p"},
    "InvocationHttpParameters": {"HeaderParameters": [{"Key": "x-a", "Value": "v", "IsValueSecret": True}]}})
assert made["ConnectionState"] == "AUTHORIZED" and made["CreationTime"].year == 2026, made
d = events.describe_connection(Name="c")
assert d["AuthParameters"] == {"BasicAuthParameters": {"Username": "u"}, "InvocationHttpParameters": {"HeaderParameters": [{"Key": "x-a", "IsValueSecret": True}]}}, d
assert d["ConnectionArn"] == made["ConnectionArn"] and d["LastAuthorizedTime"], d
refused("ResourceAlreadyExistsException", events.create_connection, Name="c", AuthorizationType="BASIC", AuthParameters={"BasicAuthParameters": {"Username": "u", "Password": "p"}})
o = events.create_connection(Name="o", AuthorizationType="OAUTH_CLIENT_CREDENTIALS", AuthParameters={"OAuthParameters": {"AuthorizationEndpoint": "https://127.0.0.1/token",
    "HttpMethod": "POST", "ClientParameters": {"ClientID": "i", "ClientSecret": "s"}}})
assert o["ConnectionState"] == "AUTHORIZING", o
assert [c["Name"] for p in [events.list_connections(Limit=1), events.list_connections(NextToken=events.list_connections(Limit=1)["NextToken"])] for c in p["Connections"]] == ["c", "o"]
assert events.update_connection(Name="c", Description="d")["LastAuthorizedTime"]
assert events.deauthorize_connection(Name="c")["ConnectionState"] == "DEAUTHORIZING"
assert events.describe_connection(Name="c")["AuthParameters"] == {}
assert events.delete_connection(Name="c")["ConnectionState"] == "DELETING"
e = refused("ResourceNotFoundException", events.describe_connection, Name="c")
assert e["ResponseMetadata"]["HTTPStatusCode"] == 400
`)
}
