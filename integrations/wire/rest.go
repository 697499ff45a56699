package wire

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/url"
	"strings"

	"millrace/asl/document"
	"millrace/tasks"
)

// Route binds a method and a path to an operation.
type Route struct {
	Method string
	// Path has members in braces: /2015-03-31/functions/{FunctionName}. A last
	// {Name+} takes the rest of the path, slashes and all. A path of a request
	// may end in one slash more.
	Path      string
	Operation string
	Status    int // of success; 0: 200

	// Query maps parameters of the query string to members. A member name that
	// ends in # is a number, in ? a boolean, in [] a list of all values.
	Query map[string]string
	// Header maps request headers to members.
	Header map[string]string
}

// RESTOptions says how a service speaks REST-JSON.
type RESTOptions struct {
	MaxBody int64        // bytes; 0: DefaultMaxBody
	Log     *slog.Logger // of the server's own failures; nil: slog.Default
}

// REST serves operations of a service over REST-JSON: the input is the body's
// object with members from path, query and headers added. The first route that
// fits counts.
func REST(h tasks.Host, s *tasks.Service, routes []Route, o RESTOptions) http.Handler {
	return &restFront{h, s, routes, o}
}

type restFront struct {
	host    tasks.Host
	service *tasks.Service
	routes  []Route
	o       RESTOptions
}

func (f *restFront) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id := NewRequestID()
	path, pathExists := r.URL.EscapedPath(), false
	for i := range f.routes {
		rt := &f.routes[i]
		members, ok := MatchPath(rt.Path, path)
		if !ok {
			continue
		}
		pathExists = true
		if rt.Method != r.Method {
			continue
		}
		out, err := f.call(w, r, rt, members, id)
		if err != nil {
			WriteRESTError(w, id, ErrorOf(err, f.o.Log, f.service.Name+" "+rt.Operation))
			return
		}
		status := rt.Status
		if status == 0 {
			status = http.StatusOK
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("X-Amzn-Requestid", id)
		if status == http.StatusNoContent {
			w.WriteHeader(status)
			return
		}
		send(w, status, out)
		return
	}
	if pathExists {
		WriteRESTError(w, id, &tasks.Error{Code: "MethodNotAllowedException", Status: http.StatusMethodNotAllowed, Message: "The method " + r.Method + " is not allowed here."})
		return
	}
	WriteRESTError(w, id, &tasks.Error{Code: "UnknownOperationException", Status: http.StatusNotFound, Message: "The service " + f.service.Name + " has no such path."})
}

func (f *restFront) call(w http.ResponseWriter, r *http.Request, rt *Route, members map[string]string, id string) ([]byte, error) {
	body, err := ReadBody(w, r, f.o.MaxBody)
	if err != nil {
		return nil, err
	}
	in := document.NewObject(len(members))
	if len(body) > 0 {
		v, err := document.Parse(body)
		o, ok := v.(*document.Object)
		if err != nil {
			return nil, tasks.Errorf("SerializationException", "The request body is not JSON: %v", err)
		}
		if !ok {
			return nil, tasks.Errorf("SerializationException", "The request body must be a JSON object.")
		}
		in = o
	}
	for name, v := range members {
		in.Set(name, v)
	}
	query := r.URL.Query()
	for param, member := range rt.Query {
		if err := setQuery(in, query, param, member); err != nil {
			return nil, err
		}
	}
	for name, member := range rt.Header {
		if v := r.Header.Get(name); v != "" {
			in.Set(member, v)
		}
	}
	out, err := tasks.Invoke(r.Context(), f.host, f.service, rt.Operation, CallerOf(r, id), json.RawMessage(document.Append(nil, in)))
	if err != nil {
		return nil, err
	}
	return tasks.Encode(out, tasks.Form{})
}

func setQuery(in *document.Object, query url.Values, param, member string) error {
	values, ok := query[param]
	if !ok {
		return nil
	}
	switch {
	case strings.HasSuffix(member, "[]"):
		list := make([]any, len(values))
		for i, v := range values {
			list[i] = v
		}
		in.Set(strings.TrimSuffix(member, "[]"), list)
	case strings.HasSuffix(member, "#"):
		n, ok := number(values[0])
		if !ok {
			return tasks.Errorf("ValidationException", "%s: %.80q is not a number", param, values[0])
		}
		in.Set(strings.TrimSuffix(member, "#"), n)
	case strings.HasSuffix(member, "?"):
		in.Set(strings.TrimSuffix(member, "?"), values[0] == "true")
	default:
		in.Set(member, values[0])
	}
	return nil
}

// MatchPath matches an escaped request path against a Route.Path and returns the
// members, unescaped.
func MatchPath(pattern, path string) (map[string]string, bool) {
	members := map[string]string{}
	if len(path) > 1 && strings.HasSuffix(path, "/") && !strings.HasSuffix(pattern, "/") {
		path = path[:len(path)-1]
	}
	for pattern != "" {
		if pattern[0] != '{' {
			if path == "" || path[0] != pattern[0] {
				return nil, false
			}
			pattern, path = pattern[1:], path[1:]
			continue
		}
		end := strings.IndexByte(pattern, '}')
		name := pattern[1:end]
		pattern = pattern[end+1:]
		value := path
		if rest, greedy := strings.CutSuffix(name, "+"); greedy {
			name = rest
		} else if i := strings.IndexByte(path, '/'); i >= 0 {
			value = path[:i]
		}
		path = path[len(value):]
		plain, err := url.PathUnescape(value)
		if err != nil || plain == "" {
			return nil, false
		}
		members[name] = plain
	}
	return members, path == ""
}

// WriteRESTError answers with an error as REST-JSON has it: the exception's
// name in X-Amzn-Errortype, its message and further members in the body.
func WriteRESTError(w http.ResponseWriter, requestID string, e *tasks.Error) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("X-Amzn-Requestid", requestID)
	h.Set("X-Amzn-Errortype", e.Code)
	send(w, StatusOf(e), errorBody("", e))
}

// WriteXMLError answers with an error as REST-XML has it, which is S3's form.
// resource is the path that it is about; members are further elements, name and
// value in turn. requestID goes to x-amz-request-id too.
func WriteXMLError(w http.ResponseWriter, requestID, resource string, e *tasks.Error, members ...string) {
	b := []byte(xmlHeader + "\n<Error>")
	b = appendElement(b, "Code", e.Code)
	b = appendElement(b, "Message", e.Message)
	for i := 0; i+1 < len(members); i += 2 {
		b = appendElement(b, members[i], members[i+1])
	}
	b = appendElement(b, "Resource", resource)
	b = appendElement(b, "RequestId", requestID)
	b = append(b, "</Error>"...)
	w.Header().Set("Content-Type", "application/xml")
	w.Header().Set("X-Amz-Request-Id", requestID)
	send(w, StatusOf(e), b)
}
