package notification

import (
	"millrace/integrations/wire"
)

const apiVersion = "2010-03-31"

// Front is the service as SNS's clients see it: Query and XML.
func (s *Service) Front() wire.Front {
	return wire.Front{
		Service: "sns", Scopes: []string{"sns"}, QueryVersions: []string{apiVersion},
		Handler: wire.Query(s.host, s.service, wire.QueryOptions{
			Namespace: "http://sns.amazonaws.com/doc/" + apiVersion + "/", Codes: codes, Log: s.o.Log,
			Shapes: map[string]wire.Shape{
				"Attributes":                 {Kind: wire.Map},
				"MessageAttributes":          {Kind: wire.Map, Key: "Name", Value: "Value"},
				"Tags":                       {Kind: wire.List},
				"TagKeys":                    {Kind: wire.List},
				"Topics":                     {Kind: wire.List},
				"Subscriptions":              {Kind: wire.List},
				"PublishBatchRequestEntries": {Kind: wire.List},
				"Successful":                 {Kind: wire.List},
				"Failed":                     {Kind: wire.List},
				"ReturnSubscriptionArn":      {Kind: wire.Boolean},
			},
		}),
	}
}
