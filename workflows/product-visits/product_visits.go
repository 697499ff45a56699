// Package productvisits is the product-visits lab as a workflow: a SAM template
// with two state machines, the handlers of its two functions, and sample visits.
//
// A visit message on ProductVisitsDataQueue starts an execution that keeps it in
// the table ProductVisits; the table's stream starts one that writes it as a CSV
// row to the bucket product-visits-datalake.
package productvisits

import (
	"context"
	"embed"
)

// Files holds template.yaml, the state machines that it names and the sample
// visits, visits/1.json to visits/5.json.
//
//go:embed template.yaml machines visits bootstrap
var Files embed.FS

// Handlers returns the functions' handlers by the names that the template's Handler
// properties have.
func Handlers() map[string]func(ctx context.Context, event []byte) ([]byte, error) {
	return map[string]func(context.Context, []byte) ([]byte, error){
		"productVisitsDataHandler":            DataHandler,
		"productVisitsDatalakeLoadingHandler": DatalakeLoadingHandler,
	}
}
