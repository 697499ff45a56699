// The bootstrap of the lab's functions for a runtime outside Millrace, such as
// AWS Lambda's provided.al2023: it serves the handler that _HANDLER names.
package main

import (
	"context"
	"log"
	"os"

	"millrace/integrations/function/runtime"
	productvisits "millrace/workflows/product-visits"
)

func main() {
	h, ok := productvisits.Handlers()[os.Getenv("_HANDLER")]
	if !ok {
		log.Fatalf("no handler %q", os.Getenv("_HANDLER"))
	}
	if err := runtime.Serve(context.Background(), h); err != nil {
		log.Fatal(err)
	}
}
