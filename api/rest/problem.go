package rest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"strconv"

	"millrace/api"
	"millrace/asl/document"
)

// problem is an error as RFC 9457 has it: type names the kind, title says what
// it is, detail what was wrong here and what would be right, pointer where in
// the request's body or which parameter.
type problem struct {
	Type    string  `json:"type"`
	Title   string  `json:"title"`
	Status  int     `json:"status"`
	Detail  string  `json:"detail,omitempty"`
	Pointer string  `json:"pointer,omitempty"`
	Errors  []fault `json:"errors,omitempty"` // of a definition
}

// fault is one finding about a definition.
type fault struct {
	Severity string `json:"severity"`
	Code     string `json:"code"`
	Detail   string `json:"detail"`
	Pointer  string `json:"pointer"`
	Line     int    `json:"line,omitempty"`
	Column   int    `json:"column,omitempty"`
}

func (p *problem) Error() string { return p.Title + ": " + p.Detail }

// bad is a request that is wrong at pointer: a JSON pointer into the body, or a
// parameter's name.
func bad(pointer, detail string) *problem {
	return &problem{Type: "bad-request", Title: "The request is not right", Status: http.StatusBadRequest, Detail: detail, Pointer: pointer}
}

// missing is a thing that is not there.
func missing(detail string) *problem {
	return &problem{Type: "not-found", Title: "There is no such thing", Status: http.StatusNotFound, Detail: detail}
}

// statuses are the HTTP statuses of the exceptions that have another one here
// than in the AWS protocols, where nearly all are 400.
var statuses = map[string]int{
	"StateMachineDoesNotExist": 404, "ExecutionDoesNotExist": 404, "ActivityDoesNotExist": 404, "ResourceNotFound": 404, "ResourceNotFoundException": 404,
	"StateMachineAlreadyExists": 409, "ExecutionAlreadyExists": 409, "StateMachineDeleting": 409, "ConflictException": 409,
	"InvalidDefinition": 422, "TaskTimedOut": 409, "TaskDoesNotExist": 404,
}

// problemOf words an error for the caller; subject is what was asked for. What
// is not the caller's fault goes to the log.
func problemOf(err error, subject string, log *slog.Logger) *problem {
	var p *problem
	if errors.As(err, &p) {
		return p
	}
	f := api.FaultOf(err, subject)
	if f == nil {
		log.Error("answer a request", "subject", subject, "error", err)
		return &problem{Type: "internal", Title: "The server could not do this", Status: http.StatusInternalServerError, Detail: "Its log says why."}
	}
	status := f.Status
	if s := statuses[f.Name]; s != 0 {
		status = s
	}
	return &problem{Type: f.Name, Title: http.StatusText(status), Status: status, Detail: f.Message}
}

// maxBody is the most bytes of a request's body: a definition of 1 MiB and the rest.
const maxBody = 3 << 20

// decode reads a request's JSON body into v. An empty body is {}.
func decode(w http.ResponseWriter, r *http.Request, v any) error {
	return decodeUpTo(w, r, v, maxBody)
}

// decodeUpTo is decode for bodies of at most limit bytes.
func decodeUpTo(w http.ResponseWriter, r *http.Request, v any, limit int64) error {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	if long := new(http.MaxBytesError); errors.As(err, &long) {
		return &problem{Type: "too-large", Title: "The body is too large", Status: http.StatusRequestEntityTooLarge,
			Detail: "It has more than " + strconv.FormatInt(limit, 10) + " bytes."}
	}
	if err != nil {
		return bad("", "the body could not be read: "+err.Error())
	}
	if len(bytes.TrimSpace(body)) == 0 && r.Header.Get("Content-Type") == "" {
		return nil
	}
	// The check also keeps pages of other sites out: a browser sends this type only after asking.
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind != "application/json" {
		return &problem{Type: "media-type", Title: "The body has the wrong type", Status: http.StatusUnsupportedMediaType,
			Detail: "Content-Type is " + strconv.Quote(short(kind)) + ", want application/json"}
	}
	if len(bytes.TrimSpace(body)) == 0 {
		return nil
	}
	if _, err := document.Parse(body); err != nil {
		return bad("", "the body is no JSON: "+err.Error())
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		if t := new(json.UnmarshalTypeError); errors.As(err, &t) {
			return bad("/"+t.Field, "got a "+t.Value+", want "+kindOf(t.Type.String()))
		}
		return bad("", err.Error())
	}
	return nil
}

func kindOf(goType string) string {
	switch goType {
	case "string", "*string":
		return "a string"
	case "int", "int64", "*int":
		return "an integer"
	case "bool":
		return "true or false"
	}
	return "an object"
}

// write answers with JSON.
func write(w http.ResponseWriter, status int, v any) {
	writeAs(w, status, "application/json", v)
}

func writeAs(w http.ResponseWriter, status int, kind string, v any) {
	b := &bytes.Buffer{}
	e := json.NewEncoder(b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic("rest: an answer has no JSON form: " + err.Error())
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Length", strconv.Itoa(b.Len()))
	w.WriteHeader(status)
	w.Write(b.Bytes())
}
