package function

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"

	"millrace/engine"
	"millrace/integrations/wire"
	"millrace/tasks"
)

const (
	functionsPath = "/2015-03-31/functions"
	mappingsPath  = "/2015-03-31/event-source-mappings"
)

// routes are the operations' paths. Those of event source mappings answer once
// their operations are attached.
var routes = []wire.Route{
	{Method: http.MethodPost, Path: functionsPath, Operation: "CreateFunction", Status: http.StatusCreated},
	{Method: http.MethodGet, Path: functionsPath, Operation: "ListFunctions", Query: map[string]string{"Marker": "Marker", "MaxItems": "MaxItems#"}},
	{Method: http.MethodGet, Path: functionsPath + "/{FunctionName}", Operation: "GetFunction", Query: map[string]string{"Qualifier": "Qualifier"}},
	{Method: http.MethodDelete, Path: functionsPath + "/{FunctionName}", Operation: "DeleteFunction", Status: http.StatusNoContent, Query: map[string]string{"Qualifier": "Qualifier"}},
	{Method: http.MethodGet, Path: functionsPath + "/{FunctionName}/configuration", Operation: "GetFunctionConfiguration", Query: map[string]string{"Qualifier": "Qualifier"}},
	{Method: http.MethodPut, Path: functionsPath + "/{FunctionName}/configuration", Operation: "UpdateFunctionConfiguration"},
	{Method: http.MethodPut, Path: functionsPath + "/{FunctionName}/code", Operation: "UpdateFunctionCode"},

	{Method: http.MethodPost, Path: mappingsPath, Operation: "CreateEventSourceMapping", Status: http.StatusAccepted},
	{Method: http.MethodGet, Path: mappingsPath, Operation: "ListEventSourceMappings",
		Query: map[string]string{"EventSourceArn": "EventSourceArn", "FunctionName": "FunctionName", "Marker": "Marker", "MaxItems": "MaxItems#"}},
	{Method: http.MethodGet, Path: mappingsPath + "/{UUID}", Operation: "GetEventSourceMapping"},
	{Method: http.MethodPut, Path: mappingsPath + "/{UUID}", Operation: "UpdateEventSourceMapping", Status: http.StatusAccepted},
	{Method: http.MethodDelete, Path: mappingsPath + "/{UUID}", Operation: "DeleteEventSourceMapping", Status: http.StatusAccepted},
}

// Front is the service as Lambda's clients see it.
func (s *Service) Front() wire.Front {
	// A zip file in base64 with what else is in the request.
	rest := wire.REST(s.host, s.service, routes, wire.RESTOptions{MaxBody: maxZip*4/3 + 1<<20, Log: s.o.Log})
	return wire.Front{
		Service: "lambda", Scopes: []string{"lambda"}, PathPrefixes: []string{"/2015-03-31/"},
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if members, ok := wire.MatchPath(functionsPath+"/{FunctionName}/invocations", r.URL.EscapedPath()); ok && r.Method == http.MethodPost {
				s.serveInvoke(w, r, members["FunctionName"])
				return
			}
			rest.ServeHTTP(w, r)
		}),
	}
}

// serveInvoke is Invoke, whose payload is the body.
func (s *Service) serveInvoke(w http.ResponseWriter, r *http.Request, name string) {
	id := wire.NewRequestID()
	status, err := s.answerInvoke(w, r, name, id)
	if err != nil {
		wire.WriteRESTError(w, id, wire.ErrorOf(err, s.o.Log, "lambda Invoke"))
		return
	}
	if status != http.StatusOK {
		w.Header().Set("X-Amzn-Requestid", id)
		w.WriteHeader(status)
	}
}

// answerInvoke answers itself with status 200, or returns the status of an empty answer.
func (s *Service) answerInvoke(w http.ResponseWriter, r *http.Request, name, id string) (int, error) {
	payload, err := io.ReadAll(io.LimitReader(r.Body, maxPayload+1<<20))
	if err != nil {
		return 0, tasks.Errorf("InvalidRequestContentException", "The request body ended early.")
	}
	in := Invocation{Function: name, Qualifier: r.URL.Query().Get("Qualifier"), Payload: payload, Trace: r.Header.Get("X-Amzn-Trace-Id")}
	if c := r.Header.Get("X-Amz-Client-Context"); c != "" {
		text, err := base64.StdEncoding.DecodeString(c)
		if err != nil || !json.Valid(text) {
			return 0, tasks.Errorf("InvalidRequestContentException", "Client context must be a valid Base64-encoded JSON object.")
		}
		in.ClientContext = string(text)
	}
	switch kind := r.Header.Get("X-Amz-Invocation-Type"); kind {
	case "", "RequestResponse":
	case "Event":
		return http.StatusAccepted, s.InvokeLater(r.Context(), in)
	case "DryRun":
		return http.StatusNoContent, s.dryRun(r.Context(), in)
	default:
		return 0, invalid("Invalid invocation type %s: RequestResponse, Event and DryRun are valid.", short(kind))
	}
	res, err := s.Invoke(r.Context(), in)
	if err != nil {
		return 0, err
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("X-Amzn-Requestid", res.RequestID)
	h.Set("X-Amz-Executed-Version", res.Version)
	if res.Failed {
		h.Set("X-Amz-Function-Error", "Unhandled")
	}
	if strings.EqualFold(r.Header.Get("X-Amz-Log-Type"), "Tail") {
		h.Set("X-Amz-Log-Result", base64.StdEncoding.EncodeToString(res.Log))
	}
	h.Set("Content-Length", strconv.Itoa(len(res.Payload)))
	_, _ = w.Write(res.Payload) // a client that is gone needs no answer
	return http.StatusOK, nil
}

// dryRun checks what a call would need.
func (s *Service) dryRun(ctx context.Context, in Invocation) error {
	ref, err := parseName(in.Function)
	if err != nil {
		return err
	}
	if in.Qualifier != "" {
		ref.qualifier = in.Qualifier
	}
	if err := in.check(maxPayload, "DryRun"); err != nil {
		return err
	}
	_, err = s.find(ctx, ref)
	return err
}

// InvokeLater accepts a call whose answer nobody waits for. It is made after the
// commit, and twice more if it fails, one and two minutes later.
func (s *Service) InvokeLater(ctx context.Context, in Invocation) error {
	ref, err := parseName(in.Function)
	if err != nil {
		return err
	}
	return s.host.Do(ctx, unitKeys(ref.name), func(tx engine.Tx) error { return s.InvokeTx(tx, in) })
}

// InvokeTx is InvokeLater inside the caller's unit: the call is made if and only
// if the unit commits.
func (s *Service) InvokeTx(tx engine.Tx, in Invocation) error {
	ref, err := parseName(in.Function)
	if err != nil {
		return err
	}
	if in.Qualifier != "" {
		ref.qualifier = in.Qualifier
	}
	if err := in.check(maxAsync, "Event"); err != nil {
		return err
	}
	if ref.qualifier != "" && ref.qualifier != latest && s.o.Remote == "" {
		return s.notFound(ref.name, ref.qualifier)
	}
	f, err := functionOf(tx, ref.name)
	if err != nil {
		return err
	}
	if f == nil && s.o.Handlers[ref.name] == nil && s.o.Remote == "" {
		return s.notFound(ref.name, latest)
	}
	arn := ref.arn
	if arn == "" {
		arn = s.arn(ref.name)
		if ref.qualifier != "" {
			arn += ":" + ref.qualifier
		}
	}
	key := in.Key
	if key == "" {
		id, err := tx.ID()
		if err != nil {
			return err
		}
		key = "function/" + strconv.FormatInt(id, 10)
	}
	return tx.Enqueue(engine.FollowUp{Resource: arn, Key: key, Input: in.Payload, Attempts: asyncAttempts, Backoff: asyncBackoff})
}
