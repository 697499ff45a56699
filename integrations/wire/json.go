package wire

import (
	"encoding/json"
	"hash/crc32"
	"log/slog"
	"net/http"
	"strconv"
	"strings"

	"millrace/asl/document"
	"millrace/tasks"
)

// JSONOptions says how a service speaks AWS JSON.
type JSONOptions struct {
	Version string // of the content type: "1.0" or "1.1"; "": 1.0
	MaxBody int64  // bytes; 0: DefaultMaxBody

	// Namespace stands before the '#' of __type: com.amazonaws.sqs. "": none.
	Namespace string
	// Query names the Query protocol's error codes by exception name, for
	// services that clients spoke Query to before (x-amzn-query-error). An
	// exception that is not in it keeps its name. nil: the header is not sent.
	Query map[string]string
	// CRC32 adds X-Amz-Crc32.
	CRC32 bool

	Log *slog.Logger // of the server's own failures; nil: slog.Default
}

// JSON serves the operations of a service over AWS JSON: the operation is in
// X-Amz-Target, after the dot, and its input is the body.
func JSON(h tasks.Host, s *tasks.Service, o JSONOptions) http.Handler {
	if o.Version == "" {
		o.Version = "1.0"
	}
	return &jsonFront{h, s, o}
}

type jsonFront struct {
	host    tasks.Host
	service *tasks.Service
	o       JSONOptions
}

func (f *jsonFront) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id := NewRequestID()
	target := r.Header.Get("X-Amz-Target")
	operation := target[strings.LastIndexByte(target, '.')+1:]
	out, err := f.call(w, r, operation, id)
	if err != nil {
		f.fail(w, id, ErrorOf(err, f.o.Log, f.service.Name+" "+operation))
		return
	}
	f.write(w, id, http.StatusOK, out)
}

func (f *jsonFront) call(w http.ResponseWriter, r *http.Request, operation, id string) ([]byte, error) {
	if r.Method != http.MethodPost {
		return nil, &tasks.Error{Code: "MethodNotAllowed", Status: http.StatusMethodNotAllowed,
			Message: "The service " + f.service.Name + " takes POST requests only."}
	}
	if operation == "" {
		return nil, tasks.Errorf("MissingAction", "The request has no X-Amz-Target header, which names the operation.")
	}
	body, err := ReadBody(w, r, f.o.MaxBody)
	if err != nil {
		return nil, err
	}
	if len(body) == 0 {
		body = []byte("{}")
	}
	if _, err := document.Parse(body); err != nil {
		return nil, tasks.Errorf("SerializationException", "The request body is not JSON: %v", err)
	}
	out, err := tasks.Invoke(r.Context(), f.host, f.service, operation, CallerOf(r, id), body)
	if err != nil {
		return nil, err
	}
	return tasks.Encode(out, tasks.Form{})
}

func (f *jsonFront) fail(w http.ResponseWriter, id string, e *tasks.Error) {
	name := e.Code
	if f.o.Namespace != "" {
		name = f.o.Namespace + "#" + e.Code
	}
	w.Header().Set("X-Amzn-Errortype", e.Code)
	if f.o.Query != nil {
		code, ok := f.o.Query[e.Code]
		if !ok {
			code = e.Code
		}
		w.Header().Set("X-Amzn-Query-Error", code+";"+faultOf(e))
	}
	f.write(w, id, StatusOf(e), errorBody(name, e))
}

func (f *jsonFront) write(w http.ResponseWriter, id string, status int, body []byte) {
	h := w.Header()
	h.Set("Content-Type", "application/x-amz-json-"+f.o.Version)
	h.Set("X-Amzn-Requestid", id)
	if f.o.CRC32 {
		h.Set("X-Amz-Crc32", strconv.FormatUint(uint64(crc32.ChecksumIEEE(body)), 10))
	}
	send(w, status, body)
}

// errorBody is the JSON of an error; name "" leaves __type out.
func errorBody(name string, e *tasks.Error) []byte {
	m := make(map[string]any, len(e.Fields)+2)
	for k, v := range e.Fields {
		m[k] = v
	}
	if name != "" {
		m["__type"] = name
	}
	m["message"] = e.Message
	body, err := tasks.Encode(m, tasks.Form{})
	if err != nil {
		body, _ = json.Marshal(map[string]string{"__type": name, "message": e.Message})
	}
	return body
}

// faultOf says whose fault an error is, in the Query protocol's words.
func faultOf(e *tasks.Error) string {
	if StatusOf(e) >= 500 {
		return "Receiver"
	}
	return "Sender"
}

func send(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that is gone needs no answer
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }
