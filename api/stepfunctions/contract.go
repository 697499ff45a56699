package stepfunctions

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"millrace/asl/document"
)

// kind is the JSON type of a member of an input.
type kind byte

const (
	text kind = iota
	integer
	float
	flag
	list
	structure
)

// member is one member of an operation's input with the constraints that the
// service's model sets. A zero bound of max means none.
type member struct {
	name     string // of a list's item: what its type is called
	kind     kind
	must     bool // required
	hidden   bool // the value is not repeated in error texts
	bytes    bool // the length is counted in bytes of UTF-8, not in characters
	min, max int64
	pattern  string // as error texts show it
	like     func(string) bool
	values   []string // of an enumeration, in the order in which error texts list them
	parts    []member // of a structure
	item     *member  // of a list
}

// check lists how value, the decoded input, breaks the constraints of members.
// Its error is for a value of the wrong JSON type.
func check(members []member, value *document.Object) error {
	c := checker{}
	if err := c.object(members, value, ""); err != nil {
		return err
	}
	if len(c.faults) == 0 {
		return nil
	}
	plural := "s"
	if len(c.faults) == 1 {
		plural = ""
	}
	return fault("ValidationException", "%d validation error%s detected: %s", len(c.faults), plural, strings.Join(c.faults, "; "))
}

// checker collects broken constraints. Their texts are those of the framework
// that AWS services share.
type checker struct{ faults []string }

func (c *checker) object(members []member, value *document.Object, at string) error {
	for i := range members {
		m := &members[i]
		v, ok := value.Get(m.name)
		if !ok || v == nil {
			if m.must {
				c.faults = append(c.faults, fmt.Sprintf("Value null at '%s' failed to satisfy constraint: Member must not be null", at+m.name))
			}
			continue
		}
		if err := c.value(m, v, at+m.name); err != nil {
			return err
		}
	}
	return nil
}

func (c *checker) value(m *member, v any, at string) error {
	switch m.kind {
	case text:
		s, ok := v.(string)
		if !ok {
			return mistyped(v, at, "a String")
		}
		c.text(m, s, at)
	case integer, float:
		n, ok := v.(document.Number)
		if !ok {
			return mistyped(v, at, "a number")
		}
		if m.kind == integer {
			if _, ok := n.Int64(); !ok {
				return mistyped(v, at, "an Integer")
			}
		}
		if n.Cmp(document.Int(m.min)) < 0 {
			c.broken(m, string(n), at, "have value greater than or equal to %d", m.min)
		}
		if m.max > 0 && n.Cmp(document.Int(m.max)) > 0 {
			c.broken(m, string(n), at, "have value less than or equal to %d", m.max)
		}
	case flag:
		if _, ok := v.(bool); !ok {
			return mistyped(v, at, "a Boolean")
		}
	case list:
		a, ok := v.([]any)
		if !ok {
			return mistyped(v, at, "a List")
		}
		if n := int64(len(a)); n < m.min {
			c.broken(m, shown(m, v), at, "have length greater than or equal to %d", m.min)
		} else if m.max > 0 && n > m.max {
			c.broken(m, shown(m, v), at, "have length less than or equal to %d", m.max)
		}
		for i, e := range a {
			at := fmt.Sprintf("%s.%d.member", at, i+1)
			if e == nil {
				return mistyped(e, at, "an element")
			}
			if err := c.value(m.item, e, at); err != nil {
				return err
			}
		}
	case structure:
		o, ok := v.(*document.Object)
		if !ok {
			return mistyped(v, at, "a Structure")
		}
		return c.object(m.parts, o, at+".")
	}
	return nil
}

func (c *checker) text(m *member, s, at string) {
	n := int64(utf8.RuneCountInString(s))
	if m.bytes {
		n = int64(len(s))
	}
	if n < m.min {
		c.broken(m, s, at, "have length greater than or equal to %d", m.min)
	}
	if m.max > 0 && n > m.max {
		c.broken(m, s, at, "have length less than or equal to %d", m.max)
	}
	if m.like != nil && !m.like(s) {
		c.broken(m, s, at, "satisfy regular expression pattern: %s", m.pattern)
	}
	if m.values != nil && !contains(m.values, s) {
		c.broken(m, s, at, "satisfy enum value set: [%s]", strings.Join(m.values, ", "))
	}
}

// maxQuoted is how many bytes of a value an error text repeats.
const maxQuoted = 4096

func (c *checker) broken(m *member, value, at, format string, args ...any) {
	shown := " '" + cut(value, maxQuoted) + "'"
	if m.hidden {
		shown = ""
	}
	c.faults = append(c.faults, fmt.Sprintf("Value%s at '%s' failed to satisfy constraint: Member must %s", shown, at, fmt.Sprintf(format, args...)))
}

// shown writes a value as error texts have it, which is how Java prints the
// generated types: [Tag(key=a, value=b), Tag(key=c, value=null)].
func shown(m *member, v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case string:
		return v
	case []any:
		parts := make([]string, len(v))
		for i, e := range v {
			parts[i] = shown(m.item, e)
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case *document.Object:
		parts := make([]string, len(m.parts))
		for i := range m.parts {
			e, _ := v.Get(m.parts[i].name)
			parts[i] = m.parts[i].name + "=" + shown(&m.parts[i], e)
		}
		return strings.ToUpper(m.name[:1]) + m.name[1:] + "(" + strings.Join(parts, ", ") + ")"
	}
	return string(document.Append(nil, v))
}

// mistyped says that the JSON type of a value is wrong.
func mistyped(v any, at, want string) error {
	got := "NULL_VALUE"
	switch v := v.(type) {
	case string:
		got = "STRING_VALUE"
	case document.Number:
		got = "NUMBER_VALUE"
		if strings.ContainsAny(string(v), ".eE") {
			got = "DECIMAL_VALUE"
		}
	case bool:
		got = "FALSE_VALUE"
		if v {
			got = "TRUE_VALUE"
		}
	case []any:
		got = "Start of list found where not expected"
	case *document.Object:
		got = "Start of structure or map found where not expected"
	}
	return fault("SerializationException", "%s can not be converted to %s at '%s'", got, want, at)
}

func contains(values []string, s string) bool {
	for _, v := range values {
		if v == s {
			return true
		}
	}
	return false
}

// cut shortens s to at most n bytes, at a character's border.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "..."
}

// words makes a text member of min to max characters; max 0 is unbounded.
func words(name string, min, max int64) member {
	return member{name: name, kind: text, min: min, max: max}
}

// data makes a text member that holds a JSON document of at most max bytes.
func data(name string, max int64) member {
	return member{name: name, kind: text, max: max, bytes: true, hidden: true}
}

func count(name string, min, max int64) member {
	return member{name: name, kind: integer, min: min, max: max}
}

func ratio(name string, min, max int64) member {
	return member{name: name, kind: float, min: min, max: max}
}

func truth(name string) member { return member{name: name, kind: flag} }

func choice(name string, values ...string) member {
	return member{name: name, kind: text, values: values}
}

func many(name string, min, max int64, item member) member {
	return member{name: name, kind: list, min: min, max: max, item: &item}
}

func group(name string, parts ...member) member {
	return member{name: name, kind: structure, parts: parts}
}

func (m member) required() member { m.must = true; return m }
func (m member) secret() member   { m.hidden = true; return m }
func (m member) matching(pattern string, like func(string) bool) member {
	m.pattern, m.like = pattern, like
	return m
}
