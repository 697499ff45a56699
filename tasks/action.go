package tasks

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"millrace/asl/document"
	"millrace/engine"
	"millrace/engine/interp"
)

// Failure is a workflow error that an operation names itself, such as the error
// of a function. Task states get it as it stands.
type Failure struct {
	Name  string
	Cause string
}

func (f *Failure) Error() string { return f.Name + ": " + f.Cause }

// Outcome is the failed outcome.
func (f *Failure) Outcome() interp.Outcome {
	return interp.Outcome{Failed: true, Error: &f.Name, Cause: &f.Cause}
}

// action is an operation as a task state calls it.
type action struct {
	*operationRef
	host     Host
	resource Resource
}

func (g *Registry) action(ref *operationRef, r Resource) engine.Task {
	a := action{ref, g.host, r}
	switch {
	case ref.operation.Write != nil:
		return &writeAction{a}
	case ref.operation.Read != nil:
		return &readAction{a}
	}
	return &waitAction{a}
}

func (a *action) Resource() string { return a.resource.Text }

type writeAction struct{ action }

func (a *writeAction) Savepoint() bool { return a.operation.Savepoint }

func (a *writeAction) Keys(c engine.Call) []string {
	in, err := a.input(c)
	if err != nil {
		return nil // Run fails before it writes
	}
	return a.operation.keys(a.service, in)
}

func (a *writeAction) Run(tx engine.Tx, c engine.Call) (interp.Outcome, error) {
	in, err := a.input(c)
	if err != nil {
		return a.failed(c, err)
	}
	out, err := a.operation.Write(tx, CallerOf(c), in)
	return a.outcome(c, tx.Now(), out, err)
}

type readAction struct{ action }

func (a *readAction) Read(ctx context.Context, r engine.Reader, c engine.Call) (interp.Outcome, error) {
	in, err := a.input(c)
	if err != nil {
		return a.failed(c, err)
	}
	out, err := a.operation.Read(ctx, r, CallerOf(c), in)
	return a.outcome(c, a.host.Now(), out, err)
}

type waitAction struct{ action }

func (a *waitAction) Lost() engine.LostPolicy { return a.operation.Lost }

func (a *waitAction) Call(ctx context.Context, c engine.Call) (interp.Outcome, error) {
	in, err := a.input(c)
	if err != nil {
		return a.failed(c, err)
	}
	out, err := a.operation.Wait(ctx, CallerOf(c), in)
	return a.outcome(c, a.host.Now(), out, err)
}

// CallerOf is the caller that a task's call is to a service.
func CallerOf(c engine.Call) Caller {
	return Caller{Key: c.Key, Token: c.Token, ExecutionARN: c.ExecutionARN, Source: "states.amazonaws.com", UserAgent: "states.amazonaws.com", RequestID: RequestID(c.Key)}
}

// RequestID makes the request id of a task's call: a UUID, the same for the same key.
func RequestID(key string) string {
	sum := sha256.Sum256([]byte(key))
	sum[6] = sum[6]&0x0f | 0x40
	sum[8] = sum[8]&0x3f | 0x80
	h := hex.EncodeToString(sum[:16])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// input spells a task's parameters as the service's API spells them.
func (a *action) input(c engine.Call) (json.RawMessage, error) {
	in := c.Input
	if len(in) == 0 {
		in = json.RawMessage("{}")
	}
	plain := len(a.operation.Texts) == 0 && !a.service.Camel
	if plain && in[0] == '{' {
		return in, nil
	}
	v, err := document.Parse(in)
	o, ok := v.(*document.Object)
	if err != nil || !ok {
		return nil, &Failure{"States.Runtime", "The parameters of " + a.resource.Text + " must be a JSON object."}
	}
	for _, path := range a.operation.Texts {
		names := strings.Split(path, ".")
		if a.service.Camel {
			for i, n := range names {
				names[i] = upperFirst(n)
			}
		}
		o = withText(o, names).(*document.Object)
	}
	if a.service.Camel {
		o = renamed(o, lowerFirst).(*document.Object)
	}
	return document.Append(nil, o), nil
}

// renamed returns v with the names of all members changed.
func renamed(v any, name func(string) string) any {
	switch v := v.(type) {
	case *document.Object:
		o := document.NewObject(v.Len())
		for i := range v.Len() {
			k, e := v.At(i)
			o.Set(name(k), renamed(e, name))
		}
		return o
	case []any:
		list := make([]any, len(v))
		for i, e := range v {
			list[i] = renamed(e, name)
		}
		return list
	}
	return v
}

// withText returns v with the member at path as a string. A list on the way
// stands for each of its elements.
func withText(v any, path []string) any {
	switch v := v.(type) {
	case *document.Object:
		e, ok := v.Get(path[0])
		if !ok || e == nil {
			return v
		}
		o := v.Clone()
		if len(path) > 1 {
			o.Set(path[0], withText(e, path[1:]))
		} else if _, text := e.(string); !text {
			o.Set(path[0], string(document.Append(nil, e)))
		}
		return o
	case []any:
		list := make([]any, len(v))
		for i, e := range v {
			list[i] = withText(e, path)
		}
		return list
	}
	return v
}

// outcome is what the task state gets.
func (a *action) outcome(c engine.Call, now time.Time, out any, err error) (interp.Outcome, error) {
	if err != nil {
		return a.failed(c, err)
	}
	form := Form{Times: Millis, Pascal: a.service.Camel}
	if a.resource.SDK {
		form.Times = ISO8601
	}
	text, err := Encode(out, form)
	if err != nil {
		return interp.Outcome{}, err
	}
	if _, raw := out.(json.RawMessage); !raw && a.resource.SDK {
		return interp.Outcome{Output: document.FromBytes(text)}, nil
	}
	v, err := document.Parse(text)
	if err != nil {
		return interp.Outcome{}, err
	}
	if _, raw := out.(json.RawMessage); raw && a.service.Camel {
		v = pascal(v, form.Times)
	}
	if o, ok := v.(*document.Object); ok && !a.resource.SDK {
		v = withMetadata(o, RequestID(c.Key), now, len(text))
	}
	return interp.Outcome{Output: document.FromValue(v)}, nil
}

// pascal returns v with the names of members beginning with a capital and with
// its dates, which the API has as seconds, in the form of resource ARNs.
func pascal(v any, times TimeForm) any {
	switch v := v.(type) {
	case *document.Object:
		o := document.NewObject(v.Len())
		for i := range v.Len() {
			k, e := v.At(i)
			name := upperFirst(k)
			if n, number := e.(document.Number); number && (strings.HasSuffix(name, "Date") || name == "Timestamp") {
				e = dated(n, times)
			}
			o.Set(name, pascal(e, times))
		}
		return o
	case []any:
		list := make([]any, len(v))
		for i, e := range v {
			list[i] = pascal(e, times)
		}
		return list
	}
	return v
}

func dated(n document.Number, times TimeForm) any {
	t, err := decodeTime(n)
	if err != nil {
		return n
	}
	if times == Millis {
		return document.Int(t.UnixMilli())
	}
	return t.Format(isoTime)
}

// withMetadata adds what the SDK under the optimised integrations tells of the
// HTTP answer, and puts members in alphabetical order, as Step Functions does.
func withMetadata(o *document.Object, requestID string, now time.Time, length int) *document.Object {
	headers := [][2]string{
		{"x-amzn-RequestId", requestID},
		{"Content-Length", strconv.Itoa(length)},
		{"Date", now.UTC().Format(http.TimeFormat)},
		{"Content-Type", "application/x-amz-json-1.0"},
	}
	all, single := document.NewObject(len(headers)), document.NewObject(len(headers))
	for _, h := range headers {
		all.Set(h[0], []any{h[1]})
	}
	slices.SortFunc(headers, func(a, b [2]string) int { return strings.Compare(a[0], b[0]) })
	for _, h := range headers {
		single.Set(h[0], h[1])
	}
	http := document.NewObject(3)
	http.Set("AllHttpHeaders", all)
	http.Set("HttpHeaders", single)
	http.Set("HttpStatusCode", document.Int(200))
	response := document.NewObject(1)
	response.Set("RequestId", requestID)

	keys := append(slices.Clone(o.Keys()), "SdkHttpMetadata", "SdkResponseMetadata")
	slices.Sort(keys)
	sorted := document.NewObject(len(keys))
	for _, k := range keys {
		switch k {
		case "SdkHttpMetadata":
			sorted.Set(k, http)
		case "SdkResponseMetadata":
			sorted.Set(k, response)
		default:
			v, _ := o.Get(k)
			sorted.Set(k, v)
		}
	}
	return sorted
}

// failed turns what the caller did wrong into a workflow error. Any other error
// is the server's own failure and is returned.
func (a *action) failed(c engine.Call, err error) (interp.Outcome, error) {
	var own *Failure
	var e *Error
	switch {
	case errors.As(err, &own):
		return own.Outcome(), nil
	case errors.As(err, &e):
		return a.service.Failure(e, a.resource.SDK, RequestID(c.Key)).Outcome(), nil
	}
	return interp.Outcome{}, err
}
