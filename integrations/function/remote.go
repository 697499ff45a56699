package function

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"millrace/asl/document"
	"millrace/tasks"
)

// remote calls a function at the endpoint that has the functions which are not here.
//
// Source: Invoke of the AWS Lambda API reference.
func (s *Service) remote(ctx context.Context, ref reference, in Invocation, e *event) (Result, error) {
	name := ref.name
	if ref.arn != "" && !strings.HasPrefix(ref.arn, s.arn("")) {
		name = ref.arn // another account's or region's
	}
	target := strings.TrimSuffix(s.o.Remote, "/") + "/2015-03-31/functions/" + url.PathEscape(name) + "/invocations"
	if ref.qualifier != "" {
		target += "?Qualifier=" + url.QueryEscape(ref.qualifier)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target, bytes.NewReader(in.Payload))
	if err != nil {
		return Result{}, fmt.Errorf("call function %s: %w", ref.name, err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Amz-Invocation-Type", "RequestResponse")
	req.Header.Set("X-Amz-Log-Type", "Tail")
	if in.ClientContext != "" {
		req.Header.Set("X-Amz-Client-Context", base64.StdEncoding.EncodeToString([]byte(in.ClientContext)))
	}
	if in.Trace != "" {
		req.Header.Set("X-Amzn-Trace-Id", in.Trace)
	}
	resp, err := s.o.Client.Do(req)
	if err != nil {
		return Result{}, unreachable(ctx, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return Result{}, unreachable(ctx, err)
	}
	if resp.StatusCode >= 300 {
		return Result{}, s.remoteError(ref, resp, body)
	}
	r := Result{Payload: body, Failed: resp.Header.Get("X-Amz-Function-Error") != "", Version: resp.Header.Get("X-Amz-Executed-Version"), RequestID: e.id}
	if id := resp.Header.Get("X-Amzn-Requestid"); id != "" {
		r.RequestID = id
	}
	if r.Version == "" {
		r.Version = latest
	}
	if log, err := base64.StdEncoding.DecodeString(resp.Header.Get("X-Amz-Log-Result")); err == nil {
		r.Log = log
	}
	switch {
	case len(body) > maxAnswer:
		a := tooLarge()
		r.Payload, r.Failed = a.payload, a.failed
	case len(body) == 0:
		r.Payload = []byte("null")
	case !document.Valid(body):
		r.Payload = document.AppendString(nil, string(body))
	}
	return r, nil
}

// unreachable is the error of an endpoint that gave no answer, under the name
// that state machines written for AWS retry; a call that was ended is none.
func unreachable(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return &tasks.Error{Code: "SdkClientException", Message: "Unable to execute HTTP request: " + err.Error(), Status: http.StatusBadGateway}
}

// remoteError makes the endpoint's error one of ours.
func (s *Service) remoteError(ref reference, resp *http.Response, body []byte) error {
	var words struct {
		Code      string `json:"__type"`
		Message   string `json:"message"`
		OtherCase string `json:"Message"`
		Reason    string
	}
	_ = json.Unmarshal(body, &words) // whatever the body is, there is an error to make
	code, _, _ := strings.Cut(resp.Header.Get("X-Amzn-Errortype"), ":")
	if code == "" {
		code = words.Code[strings.LastIndexByte(words.Code, '#')+1:]
	}
	message := words.Message
	if message == "" {
		message = words.OtherCase
	}
	switch {
	case resp.StatusCode == http.StatusNotFound && (code == "" || code == "ResourceNotFoundException"):
		qualifier := ref.qualifier
		if qualifier == "" {
			qualifier = latest
		}
		return s.notFound(ref.name, qualifier)
	case code == "" && resp.StatusCode >= 500:
		code = "ServiceException"
	case code == "":
		code = "InvalidRequestContentException"
	}
	if message == "" {
		message = "The Lambda endpoint answered " + resp.Status
	}
	return &tasks.Error{Code: code, Message: message, Status: resp.StatusCode, Fields: map[string]any{"Type": "User"}}
}
