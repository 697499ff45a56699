package httptask

import (
	"context"
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
	"time"

	"millrace/engine"
	"millrace/tasks"
)

// The authorization types.
const (
	basicType  = "BASIC"
	apiKeyType = "API_KEY"
	oauthType  = "OAUTH_CLIENT_CREDENTIALS"
)

// The states of a connection that are kept. What EventBridge does in steps, such
// as DELETING, is done at once here, and is told of in answers only.
const (
	authorizing  = "AUTHORIZING"
	authorized   = "AUTHORIZED"
	deauthorized = "DEAUTHORIZED"
)

// connection is a connection as it is stored.
type connection struct {
	name, id, description, kmsKey string
	kind                          string
	parameters                    authorizationParameters
	state, reason                 string
	secret                        string // what ends the ARN of the secret; "": there is none
	token                         string // OAuth
	expires                       int64  // ms; 0: not known
	version                       int64  // of parameters
	created, modified, authorized int64  // ms
}

// authorizationParameters are the credentials and what goes with every call. At
// most one of the first three is set; none is when the connection was deauthorized.
type authorizationParameters struct {
	Basic      *basicParameters  `json:"basic,omitempty"`
	APIKey     *apiKeyParameters `json:"apiKey,omitempty"`
	OAuth      *oauthParameters  `json:"oauth,omitempty"`
	Invocation httpParameters    `json:"invocation"`
}

type basicParameters struct {
	Username string `json:"username"`
	Password string `json:"password"`
}

type apiKeyParameters struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type oauthParameters struct {
	ClientID     string         `json:"clientId"`
	ClientSecret string         `json:"clientSecret"`
	Endpoint     string         `json:"endpoint"`
	Method       string         `json:"method"`
	HTTP         httpParameters `json:"http"`
}

type httpParameters struct {
	Headers []parameter `json:"headers,omitempty"`
	Query   []parameter `json:"query,omitempty"`
	Body    []parameter `json:"body,omitempty"`
}

type parameter struct {
	Key    string `json:"Key"`
	Value  string `json:"Value"`
	Secret bool   `json:"IsValueSecret"`
}

// arn of a connection. EventBridge gives each a UUID, so that one made anew under
// an old name is another.
func (s *Service) arn(c *connection) string {
	return "arn:aws:events:" + s.host.Region() + ":" + s.host.Account() + ":connection/" + c.name + "/" + c.id
}

func (s *Service) secretARN(c *connection) string {
	if c.secret == "" {
		return ""
	}
	return "arn:aws:secretsmanager:" + s.host.Region() + ":" + s.host.Account() + ":secret:events!connection/" + c.name + "/" + c.secret
}

// find reads the connection that a task names by its ARN. That there is none, or
// none that is authorized, is a *tasks.Failure.
func (s *Service) find(ctx context.Context, arn string) (*connection, error) {
	missing := &tasks.Failure{Name: "Events.ConnectionResource.ResourceNotFound", Cause: "The connection " + short(arn) + " does not exist."}
	rest, ok := strings.CutPrefix(arn, "arn:aws:events:"+s.host.Region()+":"+s.host.Account()+":connection/")
	name, id, _ := strings.Cut(rest, "/")
	if !ok || name == "" {
		return nil, missing
	}
	c, err := s.read(ctx, name)
	switch {
	case err != nil:
		return nil, err
	case c == nil || id != "" && id != c.id:
		return nil, missing
	case c.state == deauthorized:
		return nil, invalidState(c)
	}
	return c, nil
}

func (s *Service) read(ctx context.Context, name string) (c *connection, err error) {
	err = s.host.Read(ctx, func(r engine.Reader) (err error) {
		c, err = find(r, name)
		return err
	})
	return c, err
}

func invalidState(c *connection) *tasks.Failure {
	return &tasks.Failure{Name: "Events.ConnectionResource.InvalidConnectionState",
		Cause: "The connection " + c.name + " is " + c.state + ". " + c.reason}
}

// refused ends a connection's authorization, unless its parameters have changed since c was read.
func (s *Service) refused(ctx context.Context, c *connection, reason string) error {
	return s.host.Do(ctx, []string{connectionKey(c.name)}, func(tx engine.Tx) error {
		return exec(tx, refuse, deauthorized, reason, seconds(tx), c.name, c.id, c.version)
	})
}

// seconds is the time of a unit in whole seconds, as EventBridge tells times.
func seconds(tx engine.Tx) int64 { return tx.Now().Truncate(time.Second).UnixMilli() }

func connectionKey(name string) string { return "events/connection/" + name }

// connectionKeys names the connection that an operation is about.
func connectionKeys(in json.RawMessage) []string {
	var p struct {
		Name string `json:"Name"`
	}
	if tasks.Decode(in, &p) != nil {
		return nil // the operation fails the same way, before it writes
	}
	return []string{connectionKey(p.Name)}
}

// invalid is what EventBridge says of bad input.
func invalid(format string, args ...any) *tasks.Error {
	return tasks.Errorf("ValidationException", format, args...)
}

// constraint says that a member breaks a constraint of the API's model. Values
// that may be secret are not shown: shown is "" for them.
func constraint(shown, member, what string) *tasks.Error {
	if shown != "" && shown != "null" {
		shown = "'" + short(shown) + "'"
	}
	if shown != "" {
		shown = " " + shown
	}
	return invalid("1 validation error detected: Value%s at '%s' failed to satisfy constraint: Member must %s", shown, member, what)
}

func notFound(name string) *tasks.Error {
	return tasks.Errorf("ResourceNotFoundException", "Failed to describe the connection(s). Connection '%s' does not exist.", short(name))
}

// The patterns of the API's model.
var (
	namePattern   = regexp.MustCompile(`^[.\-_A-Za-z0-9]+$`)
	authPattern   = regexp.MustCompile(`^[ \t]*[^\x00-\x1F:\x7F]+([ \t]+[^\x00-\x1F:\x7F]+)*[ \t]*$`)
	headerPattern = regexp.MustCompile("^[!#$%&'*+\\-.^_`|~0-9a-zA-Z]+$")
	valuePattern  = regexp.MustCompile(`^[ \t]*[\x20-\x7E]+([ \t]+[\x20-\x7E]+)*[ \t]*$`)
)

// checkName applies the constraints of a connection's name.
func checkName(name string) error {
	switch {
	case name == "":
		return constraint("null", "name", "not be null")
	case len(name) > 64:
		return constraint(name, "name", "have length less than or equal to 64")
	case !namePattern.MatchString(name):
		return constraint(name, "name", `satisfy regular expression pattern: [\.\-_A-Za-z0-9]+`)
	}
	return nil
}

// check applies the constraints of the API's model and of the service.
func (p *authorizationParameters) check(s *Service) error {
	switch {
	case p.Basic != nil:
		if err := checkAuth(p.Basic.Username, "authParameters.basicAuthParameters.username"); err != nil {
			return err
		}
		if err := checkAuth(p.Basic.Password, "authParameters.basicAuthParameters.password"); err != nil {
			return err
		}
	case p.APIKey != nil:
		at := "authParameters.apiKeyAuthParameters.apiKeyName"
		if err := checkAuth(p.APIKey.Name, at); err != nil {
			return err
		}
		if !headerPattern.MatchString(p.APIKey.Name) {
			return constraint(p.APIKey.Name, at, "satisfy regular expression pattern: "+headerPattern.String())
		}
		if err := checkAuth(p.APIKey.Value, "authParameters.apiKeyAuthParameters.apiKeyValue"); err != nil {
			return err
		}
	case p.OAuth != nil:
		if err := p.OAuth.check(s); err != nil {
			return err
		}
	}
	return p.Invocation.check("authParameters.invocationHttpParameters")
}

func (p *oauthParameters) check(s *Service) error {
	const at = "authParameters.oAuthParameters."
	if err := checkAuth(p.ClientID, at+"clientParameters.clientID"); err != nil {
		return err
	}
	if err := checkAuth(p.ClientSecret, at+"clientParameters.clientSecret"); err != nil {
		return err
	}
	if len(p.Endpoint) > 2048 {
		return constraint("", at+"authorizationEndpoint", "have length less than or equal to 2048")
	}
	if _, why := s.parseURL(p.Endpoint); why != "" {
		return invalid("AuthParameters.OAuthParameters.AuthorizationEndpoint is not valid: %s.", why)
	}
	switch p.Method {
	case "GET", "POST", "PUT":
	default:
		return constraint(p.Method, at+"httpMethod", "satisfy enum value set: [POST, GET, PUT]")
	}
	return p.HTTP.check(at + "oAuthHttpParameters")
}

// checkAuth applies the constraints of user names, keys and secrets.
func checkAuth(value, at string) error {
	switch {
	case value == "":
		return constraint("null", at, "not be null")
	case len(value) > 512:
		return constraint("", at, "have length less than or equal to 512")
	case !authPattern.MatchString(value):
		return constraint("", at, "satisfy regular expression pattern: "+authPattern.String())
	}
	return nil
}

func (p *httpParameters) check(at string) error {
	for _, list := range []struct {
		name string
		all  []parameter
		most int // bytes of a value
	}{{"headerParameters", p.Headers, 512}, {"queryStringParameters", p.Query, 512}, {"bodyParameters", p.Body, 64 << 10}} {
		if len(list.all) > 100 {
			return constraint("", at+"."+list.name, "have length less than or equal to 100")
		}
		for i, e := range list.all {
			at := at + "." + list.name + "." + strconv.Itoa(i+1) + ".member"
			switch header := list.name == "headerParameters"; {
			case e.Key == "":
				return constraint("null", at+".key", "not be null")
			case len(e.Key) > 512:
				return constraint("", at+".key", "have length less than or equal to 512")
			case header && !headerPattern.MatchString(e.Key):
				return constraint(e.Key, at+".key", "satisfy regular expression pattern: "+headerPattern.String())
			case len(e.Value) > list.most:
				return constraint("", at+".value", "have length less than or equal to "+strconv.Itoa(list.most))
			case header && e.Value != "" && !valuePattern.MatchString(e.Value):
				return constraint("", at+".value", "satisfy regular expression pattern: "+valuePattern.String())
			}
		}
	}
	return nil
}
