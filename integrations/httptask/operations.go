package httptask

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"millrace/engine"
	"millrace/tasks"
)

// maxConnections is the most connections of an account.
const maxConnections = 3000

// connectionInput is what CreateConnection and UpdateConnection take.
type connectionInput struct {
	Name         string     `json:"Name"`
	Description  *string    `json:"Description"`
	Kind         *string    `json:"AuthorizationType"`
	Auth         *authInput `json:"AuthParameters"`
	Connectivity any        `json:"InvocationConnectivityParameters"`
	KMSKey       *string    `json:"KmsKeyIdentifier"`
}

type authInput struct {
	Basic *struct {
		Username *string `json:"Username"`
		Password *string `json:"Password"`
	} `json:"BasicAuthParameters"`
	APIKey *struct {
		Name  *string `json:"ApiKeyName"`
		Value *string `json:"ApiKeyValue"`
	} `json:"ApiKeyAuthParameters"`
	OAuth *struct {
		Client struct {
			ID     *string `json:"ClientID"`
			Secret *string `json:"ClientSecret"`
		} `json:"ClientParameters"`
		Endpoint *string    `json:"AuthorizationEndpoint"`
		Method   *string    `json:"HttpMethod"`
		HTTP     *httpInput `json:"OAuthHttpParameters"`
	} `json:"OAuthParameters"`
	Invocation   *httpInput `json:"InvocationHttpParameters"`
	Connectivity any        `json:"ConnectivityParameters"`
}

type httpInput struct {
	Headers []parameter `json:"HeaderParameters"`
	Query   []parameter `json:"QueryStringParameters"`
	Body    []parameter `json:"BodyParameters"`
}

// read decodes an input and checks what does not depend on the connection.
func (p *connectionInput) read(in json.RawMessage) error {
	if err := tasks.Decode(in, p); err != nil {
		return err
	}
	if err := checkName(p.Name); err != nil {
		return err
	}
	if p.Description != nil && len(*p.Description) > 512 {
		return constraint(*p.Description, "description", "have length less than or equal to 512")
	}
	if p.Connectivity != nil || p.Auth != nil && p.Auth.Connectivity != nil {
		return invalid("Connectivity parameters are for private APIs behind VPC Lattice, which there is not here: a server started with --http-allow private calls private addresses.")
	}
	return nil
}

// has reports whether the input has credentials of a type.
func (a *authInput) has(kind string) bool {
	return a != nil && (kind == basicType && a.Basic != nil || kind == apiKeyType && a.APIKey != nil || kind == oauthType && a.OAuth != nil)
}

// apply changes the credentials to a type and to what the input gives. What it
// leaves out stays as it was.
func (a *authInput) apply(p *authorizationParameters, kind string) {
	old := *p
	p.Basic, p.APIKey, p.OAuth = nil, nil, nil
	switch kind {
	case basicType:
		p.Basic = copyOf(old.Basic)
		set(&p.Basic.Username, a.Basic.Username)
		set(&p.Basic.Password, a.Basic.Password)
	case apiKeyType:
		p.APIKey = copyOf(old.APIKey)
		set(&p.APIKey.Name, a.APIKey.Name)
		set(&p.APIKey.Value, a.APIKey.Value)
	case oauthType:
		p.OAuth = copyOf(old.OAuth)
		set(&p.OAuth.ClientID, a.OAuth.Client.ID)
		set(&p.OAuth.ClientSecret, a.OAuth.Client.Secret)
		set(&p.OAuth.Endpoint, a.OAuth.Endpoint)
		set(&p.OAuth.Method, a.OAuth.Method)
		if a.OAuth.HTTP != nil {
			p.OAuth.HTTP = httpParameters(*a.OAuth.HTTP)
		}
	}
	if a.Invocation != nil {
		p.Invocation = httpParameters(*a.Invocation)
	}
}

func copyOf[T any](p *T) *T {
	c := new(T)
	if p != nil {
		*c = *p
	}
	return c
}

func set(to, from *string) {
	if from != nil {
		*to = *from
	}
}

// changed is the answer of the operations that write.
type changed struct {
	ARN        string     `json:"ConnectionArn"`
	State      string     `json:"ConnectionState"`
	Created    time.Time  `json:"CreationTime"`
	Modified   time.Time  `json:"LastModifiedTime"`
	Authorized *time.Time `json:"LastAuthorizedTime,omitempty"`
}

func (s *Service) changed(c *connection, state string) changed {
	at := timeOf(c.authorized)
	return changed{s.arn(c), state, timeOf(c.created), timeOf(c.modified), &at}
}

func timeOf(ms int64) time.Time { return time.UnixMilli(ms).UTC() }

func (s *Service) createConnection(tx engine.Tx, _ tasks.Caller, in json.RawMessage) (any, error) {
	var p connectionInput
	if err := p.read(in); err != nil {
		return nil, err
	}
	kind := ""
	set(&kind, p.Kind)
	switch kind {
	case basicType, apiKeyType, oauthType:
	case "":
		return nil, constraint("null", "authorizationType", "not be null")
	default:
		return nil, constraint(kind, "authorizationType", "satisfy enum value set: [OAUTH_CLIENT_CREDENTIALS, BASIC, API_KEY]")
	}
	if !p.Auth.has(kind) {
		return nil, invalid("Failed to create the connection(s). AuthorizationType %s takes its credentials in %s.", kind, member[kind])
	}
	c := &connection{name: p.Name, id: uuid.NewString(), kind: kind, created: seconds(tx)}
	set(&c.description, p.Description)
	set(&c.kmsKey, p.KMSKey)
	p.Auth.apply(&c.parameters, kind)
	if err := c.parameters.check(s); err != nil {
		return nil, err
	}
	switch old, err := find(tx, c.name); {
	case err != nil:
		return nil, err
	case old != nil:
		return nil, tasks.Errorf("ResourceAlreadyExistsException", "Connection %s already exists.", c.name)
	}
	n, err := count(tx, countConnections)
	if err != nil {
		return nil, err
	}
	if n >= maxConnections {
		return nil, tasks.Errorf("LimitExceededException", "The requested resource exceeds the maximum number allowed.")
	}
	if err := c.credited(tx); err != nil {
		return nil, err
	}
	out := s.changed(c, c.state)
	out.Authorized = nil
	return out, nil
}

// member is where a type's credentials stand.
var member = map[string]string{
	basicType: "AuthParameters.BasicAuthParameters", apiKeyType: "AuthParameters.ApiKeyAuthParameters", oauthType: "AuthParameters.OAuthParameters",
}

// credited stores a connection with new credentials. OAuth's are tried after the commit.
func (c *connection) credited(tx engine.Tx) error {
	now := seconds(tx)
	c.version++
	c.modified, c.state, c.reason, c.token, c.expires = now, authorized, "", "", 0
	if c.secret == "" {
		c.secret = newSecret()
	}
	if c.kind != oauthType {
		c.authorized = now
		return c.put(tx)
	}
	c.state = authorizing
	if err := c.put(tx); err != nil {
		return err
	}
	return c.authorize(tx)
}

// newSecret makes what ends the ARN of a secret: a UUID and six letters.
func newSecret() string {
	var b [6]byte
	_, _ = rand.Read(b[:]) // it never fails
	return uuid.NewString() + "-" + base64.RawURLEncoding.EncodeToString(b[:])[:6]
}

func (s *Service) updateConnection(tx engine.Tx, _ tasks.Caller, in json.RawMessage) (any, error) {
	var p connectionInput
	if err := p.read(in); err != nil {
		return nil, err
	}
	credentials := p.Kind != nil && p.Auth.has(*p.Kind)
	if !credentials && p.Description == nil && p.KMSKey == nil {
		return nil, invalid("Failed to update the connection(s). At least one of the following is required: " +
			"Description, KmsKeyIdentifier, AuthorizationType with BasicAuthParameters, ApiKeyAuthParameters, or OAuthParameters.")
	}
	c, err := find(tx, p.Name)
	if err != nil {
		return nil, err
	}
	if c == nil {
		return nil, notFound(p.Name)
	}
	set(&c.description, p.Description)
	set(&c.kmsKey, p.KMSKey)
	c.modified = seconds(tx)
	if !credentials {
		return s.changed(c, c.state), c.put(tx)
	}
	c.kind = *p.Kind
	p.Auth.apply(&c.parameters, c.kind)
	if err := c.parameters.check(s); err != nil {
		return nil, err
	}
	if err := c.credited(tx); err != nil {
		return nil, err
	}
	return s.changed(c, c.state), nil
}

// deauthorizeConnection removes a connection's credentials. The answer tells the
// state that EventBridge passes through.
func (s *Service) deauthorizeConnection(tx engine.Tx, _ tasks.Caller, in json.RawMessage) (any, error) {
	c, err := s.existing(tx, in)
	if err != nil {
		return nil, err
	}
	c.parameters, c.token, c.expires, c.secret = authorizationParameters{}, "", 0, ""
	c.state, c.reason = deauthorized, "The authorization parameters were removed from this connection by a DeauthorizeConnection operation."
	c.modified = seconds(tx)
	c.version++
	return s.changed(c, "DEAUTHORIZING"), c.put(tx)
}

// deleteConnection removes a connection. The answer tells the state that
// EventBridge passes through.
func (s *Service) deleteConnection(tx engine.Tx, _ tasks.Caller, in json.RawMessage) (any, error) {
	c, err := s.existing(tx, in)
	if err != nil {
		return nil, err
	}
	return s.changed(c, "DELETING"), exec(tx, removeConnection, c.name)
}

// existing reads the connection that an input names.
func (s *Service) existing(r engine.Reader, in json.RawMessage) (*connection, error) {
	var p struct {
		Name string `json:"Name"`
	}
	if err := tasks.Decode(in, &p); err != nil {
		return nil, err
	}
	if err := checkName(p.Name); err != nil {
		return nil, err
	}
	c, err := find(r, p.Name)
	if err == nil && c == nil {
		err = notFound(p.Name)
	}
	return c, err
}

// summary is a connection in a list.
type summary struct {
	ARN        string    `json:"ConnectionArn"`
	Name       string    `json:"Name"`
	State      string    `json:"ConnectionState"`
	Reason     string    `json:"StateReason,omitempty"`
	Kind       string    `json:"AuthorizationType"`
	Created    time.Time `json:"CreationTime"`
	Modified   time.Time `json:"LastModifiedTime"`
	Authorized time.Time `json:"LastAuthorizedTime"`
}

func (s *Service) summary(c *connection) summary {
	return summary{s.arn(c), c.name, c.state, c.reason, c.kind, timeOf(c.created), timeOf(c.modified), timeOf(c.authorized)}
}

func (s *Service) listConnections(_ context.Context, r engine.Reader, _ tasks.Caller, in json.RawMessage) (any, error) {
	var p struct {
		Prefix string `json:"NamePrefix"`
		State  string `json:"ConnectionState"`
		Limit  *int64 `json:"Limit"`
		Token  string `json:"NextToken"`
	}
	if err := tasks.Decode(in, &p); err != nil {
		return nil, err
	}
	n := int64(100)
	if p.Limit != nil {
		if n = *p.Limit; n < 1 || n > 100 {
			return nil, constraint("", "limit", "have value between 1 and 100")
		}
	}
	after, err := base64.RawURLEncoding.DecodeString(p.Token)
	if err != nil {
		return nil, invalid("Parameter NextToken is not valid. Reason: it is not one that this operation gave.")
	}
	all, err := query(r, selectConnections, string(after), len(p.Prefix), p.Prefix, p.State, p.State, n+1)
	if err != nil {
		return nil, err
	}
	var out struct {
		Connections []summary `json:"Connections"`
		Next        string    `json:"NextToken,omitempty"`
	}
	if int64(len(all)) > n {
		all = all[:n]
		out.Next = base64.RawURLEncoding.EncodeToString([]byte(all[n-1].name))
	}
	out.Connections = []summary{}
	for _, c := range all {
		out.Connections = append(out.Connections, s.summary(c))
	}
	return out, nil
}
