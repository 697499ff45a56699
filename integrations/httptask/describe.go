package httptask

import (
	"context"
	"encoding/json"

	"millrace/engine"
	"millrace/tasks"
)

// described is DescribeConnection's answer. It has no password, key or secret,
// nor values that were marked as secret.
type described struct {
	summary
	Description string        `json:"Description,omitempty"`
	SecretARN   string        `json:"SecretArn,omitempty"`
	KMSKey      string        `json:"KmsKeyIdentifier,omitempty"`
	Auth        authDescribed `json:"AuthParameters"`
}

type authDescribed struct {
	Basic *struct {
		Username string `json:"Username"`
	} `json:"BasicAuthParameters,omitempty"`
	APIKey *struct {
		Name string `json:"ApiKeyName"`
	} `json:"ApiKeyAuthParameters,omitempty"`
	OAuth      *oauthDescribed `json:"OAuthParameters,omitempty"`
	Invocation *httpDescribed  `json:"InvocationHttpParameters,omitempty"`
}

type oauthDescribed struct {
	Client struct {
		ID string `json:"ClientID"`
	} `json:"ClientParameters"`
	Endpoint string         `json:"AuthorizationEndpoint"`
	Method   string         `json:"HttpMethod"`
	HTTP     *httpDescribed `json:"OAuthHttpParameters,omitempty"`
}

type httpDescribed struct {
	Headers []parameterDescribed `json:"HeaderParameters,omitempty"`
	Query   []parameterDescribed `json:"QueryStringParameters,omitempty"`
	Body    []parameterDescribed `json:"BodyParameters,omitempty"`
}

type parameterDescribed struct {
	Key    string  `json:"Key"`
	Value  *string `json:"Value,omitempty"`
	Secret bool    `json:"IsValueSecret"`
}

func (s *Service) describeConnection(_ context.Context, r engine.Reader, _ tasks.Caller, in json.RawMessage) (any, error) {
	c, err := s.existing(r, in)
	if err != nil {
		return nil, err
	}
	out := described{summary: s.summary(c), Description: c.description, SecretARN: s.secretARN(c), KMSKey: c.kmsKey}
	p := c.parameters
	out.Auth.Invocation = p.Invocation.described()
	switch {
	case p.Basic != nil:
		out.Auth.Basic = &struct {
			Username string `json:"Username"`
		}{p.Basic.Username}
	case p.APIKey != nil:
		out.Auth.APIKey = &struct {
			Name string `json:"ApiKeyName"`
		}{p.APIKey.Name}
	case p.OAuth != nil:
		out.Auth.OAuth = &oauthDescribed{Endpoint: p.OAuth.Endpoint, Method: p.OAuth.Method, HTTP: p.OAuth.HTTP.described()}
		out.Auth.OAuth.Client.ID = p.OAuth.ClientID
	}
	return out, nil
}

func (p *httpParameters) described() *httpDescribed {
	if len(p.Headers)+len(p.Query)+len(p.Body) == 0 {
		return nil
	}
	return &httpDescribed{hide(p.Headers), hide(p.Query), hide(p.Body)}
}

func hide(list []parameter) []parameterDescribed {
	var out []parameterDescribed
	for _, p := range list {
		d := parameterDescribed{Key: p.Key, Secret: p.Secret}
		if !p.Secret {
			d.Value = &p.Value
		}
		out = append(out, d)
	}
	return out
}
