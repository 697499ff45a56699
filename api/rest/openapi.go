package rest

import (
	_ "embed" // for the description
	"net/http"
)

// description is the OpenAPI 3.1 description of the routes; a test holds it to them.
//
//go:embed openapi.json
var description []byte

func (s *server) openapi(w http.ResponseWriter, r *http.Request) error {
	w.Header().Set("Content-Type", "application/json")
	w.Write(description)
	return nil
}
