package httptask

import (
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strings"

	"millrace/asl"
	"millrace/asl/document"
	"millrace/tasks"
)

// methods are those of HTTP tasks.
var methods = []string{"GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"}

// pair is a header, a query parameter or a body parameter.
type pair struct{ key, value string }

// request is what a task state's parameters ask for.
type request struct {
	endpoint   *url.URL
	method     string
	connection string // ARN
	headers    []pair
	query      []pair
	body       any // a document value; nil: none
	form       bool
	arrays     string // how a form writes arrays
}

// parameters are a task state's parameters.
type parameters struct {
	Endpoint         string         `json:"ApiEndpoint"`
	Method           string         `json:"Method"`
	Authentication   connectionName `json:"Authentication"`
	InvocationConfig connectionName `json:"InvocationConfig"`
	Headers          any            `json:"Headers"`
	QueryParameters  any            `json:"QueryParameters"`
	RequestBody      any            `json:"RequestBody"`
	Transform        struct {
		RequestBodyEncoding    string `json:"RequestBodyEncoding"`
		RequestEncodingOptions struct {
			ArrayFormat string `json:"ArrayFormat"`
		} `json:"RequestEncodingOptions"`
	} `json:"Transform"`
}

type connectionName struct {
	ARN string `json:"ConnectionArn"`
}

// parse reads a task's input. A fault is the *tasks.Failure States.Runtime, worded
// as AWS does.
func (s *Service) parse(in json.RawMessage) (*request, error) {
	var p parameters
	faults := faults{}
	if err := tasks.Decode(in, &p); err != nil {
		if e := (*tasks.Error)(nil); errors.As(err, &e) {
			faults.add(e.Message)
			err = faults.failure(in)
		}
		return nil, err
	}
	r := &request{method: p.Method, connection: p.InvocationConfig.ARN, body: p.RequestBody}
	if r.connection == "" {
		r.connection = p.Authentication.ARN
	}
	if r.connection == "" {
		faults.missing("InvocationConfig.ConnectionArn")
	}
	if r.method == "" {
		faults.missing("Method")
	} else if !slices.Contains(methods, r.method) {
		faults.invalid("Method", "it is one of "+strings.Join(methods, ", "))
	}
	r.endpoint = s.endpoint(p.Endpoint, &faults)
	r.headers = parseHeaders(p.Headers, &faults)
	r.query = parseQuery(p.QueryParameters, &faults)
	switch p.Transform.RequestBodyEncoding {
	case "", "NONE":
	case "URL_ENCODED":
		r.form = true
	default:
		faults.invalid("RequestBodyEncoding", "it is NONE or URL_ENCODED")
	}
	switch r.arrays = p.Transform.RequestEncodingOptions.ArrayFormat; r.arrays {
	case "":
		r.arrays = indices
	case indices, repeat, commas, brackets, none:
	default:
		faults.invalid("ArrayFormat", "it is INDICES, REPEAT, COMMAS, BRACKETS or NONE")
	}
	return r, faults.failure(in)
}

// endpoint reads the URL of an API.
func (s *Service) endpoint(text string, faults *faults) *url.URL {
	if text == "" {
		faults.missing("ApiEndpoint")
		return nil
	}
	u, why := s.parseURL(text)
	if why != "" {
		faults.invalid("ApiEndpoint", why)
	}
	return u
}

// parseURL reads the URL of an API or of an authorization endpoint; why says what is wrong with it.
func (s *Service) parseURL(text string) (u *url.URL, why string) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Hostname() == "":
		return nil, "it is not a URL such as https://example.com/path"
	case u.User != nil:
		return nil, "credentials belong into the connection"
	case u.Scheme == "https":
	case u.Scheme != "http":
		return nil, "it begins with https://"
	case s.o.Allow == Public:
		return nil, "it begins with https://; a server started with --http-allow loopback calls http:// on this machine too"
	}
	u.Fragment = ""
	return u, ""
}

// faults are what is wrong with parameters.
type faults []string

func (f *faults) add(text string) { *f = append(*f, text) }

func (f *faults) missing(field string) {
	f.add("The field '" + field + "' is required but was missing")
}

func (f *faults) invalid(field, why string) {
	f.add("The value for the '" + field + "' field is not valid: " + why)
}

// failure is the faults as a workflow error; nil: there are none.
func (f *faults) failure(in json.RawMessage) error {
	if len(*f) == 0 {
		return nil
	}
	return runtimeFailure("The Parameters '" + string(in) + "' could not be used to start the Task: [" + strings.Join(*f, ", ") + "]")
}

func runtimeFailure(cause string) *tasks.Failure {
	return &tasks.Failure{Name: "States.Runtime", Cause: cause}
}

// parseHeaders reads Headers: an object, whose values are scalars or arrays of them.
func parseHeaders(v any, faults *faults) []pair {
	o, ok := v.(*document.Object)
	if !ok {
		if v != nil {
			faults.invalid("Headers", "it is an object")
		}
		return nil
	}
	var all []pair
	var bad []string
	for i := range o.Len() {
		name, value := o.At(i)
		lower := strings.ToLower(name)
		if asl.UnsupportedHeader(lower) {
			bad = append(bad, lower)
			continue
		}
		values, list := value.([]any)
		if !list {
			values = []any{value}
		}
		for _, value := range values {
			text, ok := scalar(value)
			if !ok || !validHeader(name, text) {
				faults.invalid("Headers", "the header "+short(name)+" has a value that a header cannot have")
				break
			}
			all = append(all, pair{name, text})
		}
	}
	if len(bad) > 0 {
		faults.add("The 'Headers' field contains unsupported values: [" + strings.Join(bad, ", ") + "]")
	}
	return all
}

// validHeader reports whether a header's name is a token and its value has no
// control characters.
func validHeader(name, value string) bool {
	for _, c := range []byte(name) {
		if c <= ' ' || c >= 0x7f || strings.IndexByte(`"(),/:;<=>?@[\]{}`, c) >= 0 {
			return false
		}
	}
	for _, c := range []byte(value) {
		if c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return name != ""
}

// parseQuery reads QueryParameters: an object, an array of such objects, or text
// such as a=1&b=2.
func parseQuery(v any, faults *faults) []pair {
	switch v := v.(type) {
	case nil:
		return nil
	case string:
		return parseQueryText(v)
	case *document.Object:
		return appendForm(nil, "", v, repeat)
	case []any:
		var all []pair
		for _, e := range v {
			all = append(all, parseQuery(e, faults)...)
		}
		return all
	}
	faults.invalid("QueryParameters", "it is an object, an array or a string")
	return nil
}

// parseQueryText reads a query string, escaped or not.
func parseQueryText(text string) []pair {
	var all []pair
	for part := range strings.SplitSeq(strings.TrimPrefix(text, "?"), "&") {
		if part == "" {
			continue
		}
		key, value, _ := strings.Cut(part, "=")
		all = append(all, pair{unescape(key), unescape(value)})
	}
	return all
}

func unescape(text string) string {
	if plain, err := url.QueryUnescape(text); err == nil {
		return plain
	}
	return text
}

// short cuts a caller's text for an error message.
func short(s string) string {
	const most = 100
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "..."
}
