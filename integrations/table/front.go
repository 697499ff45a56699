package table

import (
	"net/http"
	"strings"

	"millrace/integrations/wire"
)

// maxBody is the most bytes of a request: a batch of 25 items of 400 KiB.
const maxBody = 17 << 20

const (
	target        = "DynamoDB_20120810"
	streamsTarget = "DynamoDBStreams_20120810"
)

// Front serves DynamoDB and DynamoDB Streams, which share a scope.
func (s *Service) Front() wire.Front {
	options := wire.JSONOptions{Version: "1.0", Namespace: "com.amazonaws.dynamodb.v20120810", MaxBody: maxBody, CRC32: true, Log: s.log}
	tables := wire.JSON(s.host, s.service, options)
	streams := wire.JSON(s.host, s.streams, options)
	return wire.Front{
		Service: "dynamodb", Scopes: []string{"dynamodb"}, Targets: []string{target, streamsTarget},
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasPrefix(r.Header.Get("X-Amz-Target"), streamsTarget+".") {
				streams.ServeHTTP(w, r)
				return
			}
			tables.ServeHTTP(w, r)
		}),
	}
}
