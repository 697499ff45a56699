package wire

import (
	"encoding/json"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"millrace/asl/document"
	"millrace/tasks"
)

// QueryOptions says how a service speaks the Query protocol: a form in, XML out.
type QueryOptions struct {
	Namespace string // of the XML: http://sns.amazonaws.com/doc/2010-03-31/
	// Shapes describes the members that are not plain strings or structures, by
	// the operations' member name, or Operation.Member where operations differ.
	// Members of the wire form are told by Shape.Element.
	Shapes map[string]Shape
	// Codes names the protocol's error codes by exception name. An exception
	// that is not in it keeps its name.
	Codes   map[string]string
	MaxBody int64        // bytes; 0: DefaultMaxBody
	Log     *slog.Logger // of the server's own failures; nil: slog.Default
}

// Shape is how a member looks in the Query protocol.
type Shape struct {
	Kind Kind
	// Element is the name of the repeated element of a flattened list or map:
	// Attribute for Attribute.1.Name. "": not flattened, X.member.1, X.entry.1.
	Element string
	// Key and Value name the parts of a map's entry; "": key and value.
	Key, Value string
	// Member is the name inside a list that is not flattened; "": member.
	Member string
	// Output says that the member is in answers only, so that its Element may be
	// the name of another member in requests.
	Output bool
}

// Kind is the kind of a Shape.
type Kind byte

// The kinds.
const (
	List Kind = 1 + iota
	Map
	Number
	Boolean
)

// Query serves the operations of a service over the Query protocol. The form
// may stand in the body of a POST or in the query string.
func Query(h tasks.Host, s *tasks.Service, o QueryOptions) http.Handler {
	return &queryFront{h, s, o}
}

type queryFront struct {
	host    tasks.Host
	service *tasks.Service
	o       QueryOptions
}

func (f *queryFront) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id := NewRequestID()
	form, err := Form(w, r, f.o.MaxBody)
	action := form.Get("Action")
	var out []byte
	if err == nil {
		out, err = f.call(r, action, form, id)
	}
	if err != nil {
		e := ErrorOf(err, f.o.Log, f.service.Name+" "+action)
		code, ok := f.o.Codes[e.Code]
		if !ok {
			code = e.Code
		}
		WriteQueryError(w, id, f.o.Namespace, code, e)
		return
	}
	w.Header().Set("Content-Type", "text/xml")
	w.Header().Set("X-Amzn-Requestid", id)
	send(w, http.StatusOK, out)
}

func (f *queryFront) call(r *http.Request, action string, form url.Values, id string) ([]byte, error) {
	if action == "" {
		return nil, tasks.Errorf("MissingAction", "The request must contain the parameter Action.")
	}
	if f.service.Find(action) == nil {
		return nil, tasks.Errorf("InvalidAction", "The action %.80s is not valid for this web service.", action)
	}
	in, err := f.decode(action, form)
	if err != nil {
		return nil, err
	}
	v, err := tasks.Invoke(r.Context(), f.host, f.service, action, CallerOf(r, id), json.RawMessage(document.Append(nil, in)))
	if err != nil {
		return nil, err
	}
	text, err := tasks.Encode(v, tasks.Form{Times: tasks.ISO8601})
	if err != nil {
		return nil, err
	}
	doc, err := document.Parse(text)
	if err != nil {
		return nil, err
	}
	return f.encode(action, doc, id), nil
}

// Form reads the parameters of a Query request from its body and query string.
func Form(w http.ResponseWriter, r *http.Request, limit int64) (url.Values, error) {
	form := r.URL.Query()
	if r.Method != http.MethodPost {
		return form, nil
	}
	body, err := ReadBody(w, r, limit)
	if err != nil {
		return form, err
	}
	more, err := url.ParseQuery(string(body))
	if err != nil {
		return form, tasks.Errorf("MalformedQueryString", "The request body is not a form: %v", err)
	}
	maps.Copy(form, more)
	return form, nil
}

// node is a form as a tree: A.1.B=c is {A:{1:{B:c}}}.
type node struct {
	text string
	sub  map[string]*node
}

const maxFormDepth = 16

func tree(form url.Values) (*node, error) {
	root := &node{}
	for name, values := range form {
		parts := strings.Split(name, ".")
		if len(parts) > maxFormDepth {
			return nil, tasks.Errorf("MalformedQueryString", "The parameter %.80s has too many parts.", name)
		}
		n := root
		for _, p := range parts {
			if n.sub == nil {
				n.sub = map[string]*node{}
			}
			if n.sub[p] == nil {
				n.sub[p] = &node{}
			}
			n = n.sub[p]
		}
		if len(values) > 0 {
			n.text = values[0]
		}
	}
	return root, nil
}

// items returns the elements of a numbered list in order.
func (n *node) items() []*node {
	type item struct {
		i int
		n *node
	}
	var all []item
	for k, s := range n.sub {
		if i, err := strconv.Atoi(k); err == nil {
			all = append(all, item{i, s})
		}
	}
	slices.SortFunc(all, func(a, b item) int { return a.i - b.i })
	list := make([]*node, len(all))
	for i, it := range all {
		list[i] = it.n
	}
	return list
}

func (f *queryFront) decode(action string, form url.Values) (*document.Object, error) {
	root, err := tree(form)
	if err != nil {
		return nil, err
	}
	for _, n := range []string{"Action", "Version"} {
		delete(root.sub, n)
	}
	return f.object(action, root)
}

// object turns a node into an object, giving wire names back their member names.
func (f *queryFront) object(action string, n *node) (*document.Object, error) {
	o := document.NewObject(len(n.sub))
	for _, name := range slices.Sorted(maps.Keys(n.sub)) {
		member, shape := f.memberOf(action, name)
		v, err := f.value(action, member, shape, n.sub[name])
		if err != nil {
			return nil, err
		}
		o.Set(member, v)
	}
	return o, nil
}

// memberOf finds the member of a wire name.
func (f *queryFront) memberOf(action, name string) (string, Shape) {
	for key, s := range f.o.Shapes {
		op, member, own := strings.Cut(key, ".")
		if !own {
			member = key
		} else if op != action {
			continue
		}
		if s.Element == name && !s.Output {
			return member, s
		}
	}
	return name, f.shape(action, name)
}

func (f *queryFront) shape(action, member string) Shape {
	if s, ok := f.o.Shapes[action+"."+member]; ok {
		return s
	}
	return f.o.Shapes[member]
}

func (f *queryFront) value(action, member string, s Shape, n *node) (any, error) {
	switch s.Kind {
	case Number:
		v, ok := number(n.text)
		if !ok {
			return nil, tasks.Errorf("InvalidParameterValue", "Value %.80q for parameter %s is invalid. It must be an integer.", n.text, member)
		}
		return v, nil
	case Boolean:
		return n.text == "true", nil
	case List:
		if s.Element == "" {
			n = n.sub[s.member()]
		}
		list := []any{}
		if n != nil {
			for _, e := range n.items() {
				v, err := f.plain(action, e)
				if err != nil {
					return nil, err
				}
				list = append(list, v)
			}
		}
		return list, nil
	case Map:
		if s.Element == "" {
			n = n.sub["entry"]
		}
		o := document.NewObject(0)
		if n == nil {
			return o, nil
		}
		key, value := s.parts()
		for _, e := range n.items() {
			if e.sub[key] == nil {
				continue
			}
			var v any = ""
			if e.sub[value] != nil {
				var err error
				if v, err = f.plain(action, e.sub[value]); err != nil {
					return nil, err
				}
			}
			o.Set(e.sub[key].text, v)
		}
		return o, nil
	}
	return f.plain(action, n)
}

func (f *queryFront) plain(action string, n *node) (any, error) {
	if len(n.sub) == 0 {
		return n.text, nil
	}
	return f.object(action, n)
}

func (s Shape) parts() (key, value string) {
	key, value = s.Key, s.Value
	if key == "" {
		key = "key"
	}
	if value == "" {
		value = "value"
	}
	return key, value
}

func (s Shape) member() string {
	if s.Member == "" {
		return "member"
	}
	return s.Member
}

// number reads a whole number.
func number(s string) (document.Number, bool) {
	n, err := strconv.ParseInt(s, 10, 64)
	return document.Int(n), err == nil
}
