package tasks

import (
	"context"

	"millrace/asl/document"
)

// Exchange is the HTTP exchange of a task's call, for TestState at the level
// TRACE. The call fills it in where its integration speaks HTTP for the state.
type Exchange struct {
	// Reveal asks for what a connection adds to the request, which is secret.
	Reveal bool
	// Request and Response are in TestState's form. nil: there was none.
	Request, Response *document.Object
}

type exchangeKey struct{}

// WithExchange returns a context whose call fills in x.
func WithExchange(ctx context.Context, x *Exchange) context.Context {
	return context.WithValue(ctx, exchangeKey{}, x)
}

// ExchangeOf returns what the call is to fill in; nil: nothing.
func ExchangeOf(ctx context.Context) *Exchange {
	x, _ := ctx.Value(exchangeKey{}).(*Exchange)
	return x
}
