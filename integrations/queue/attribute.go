package queue

import (
	"crypto/md5"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"millrace/integrations/wire"
	"millrace/tasks"
)

// Attribute is the value of a message attribute. DataType is String, Number or
// Binary, with a label of the sender's after a dot if it likes.
type Attribute struct {
	DataType string  `json:"DataType"`
	String   *string `json:"StringValue,omitempty"`
	Binary   []byte  `json:"BinaryValue,omitempty"`
}

const maxAttributes = 10

func checkAttributes(all map[string]Attribute) error {
	if len(all) > maxAttributes {
		return tasks.Errorf("InvalidParameterValueException", "Number of message attributes [%d] exceeds the allowed maximum [%d].", len(all), maxAttributes)
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if !validAttributeName(name) {
			return tasks.Errorf("InvalidParameterValueException", "The message attribute name '%.300s' is invalid. Attribute name can contain A-Z, a-z, 0-9, underscore (_), hyphen (-), and period (.); it must not start with AWS. or Amazon., begin or end with a period, have periods in succession, or be longer than 256 characters.", name)
		}
		if err := checkAttribute("message attribute", name, all[name]); err != nil {
			return err
		}
	}
	return nil
}

func checkAttribute(kind, name string, a Attribute) error {
	base, _, _ := strings.Cut(a.DataType, ".")
	switch {
	case a.DataType == "":
		return tasks.Errorf("InvalidParameterValueException", "The %s '%s' must contain a non-empty message attribute type.", kind, name)
	case base != "String" && base != "Number" && base != "Binary" || len(a.DataType) > 256:
		return tasks.Errorf("InvalidParameterValueException", "The type of %s '%s' is invalid. You must use only the following supported type prefixes: Binary, Number, String.", kind, name)
	case base == "Binary":
		if len(a.Binary) == 0 {
			return tasks.Errorf("InvalidParameterValueException", "The %s '%s' with type 'Binary' must use field 'Binary'.", kind, name)
		}
	case a.String == nil || *a.String == "":
		return tasks.Errorf("InvalidParameterValueException", "The %s '%s' must contain a non-empty message attribute value for message attribute type '%s'.", kind, name, base)
	case !validText(*a.String):
		return tasks.Errorf("InvalidMessageContents", "The %s '%s' has characters that are not allowed.", kind, name)
	case base == "Number" && !validNumber(*a.String):
		return tasks.Errorf("InvalidParameterValueException", "Can't cast the value of %s '%s' to a number.", kind, name)
	}
	return nil
}

func checkSystemAttributes(all map[string]Attribute) error {
	for name, a := range all {
		if name != "AWSTraceHeader" {
			return tasks.Errorf("InvalidParameterValueException", "Message system attribute name '%.100s' is invalid.", name)
		}
		if err := checkAttribute("message system attribute", name, a); err != nil {
			return err
		}
		if a.DataType != "String" {
			return tasks.Errorf("InvalidParameterValueException", "The type of message system attribute 'AWSTraceHeader' is invalid. You must use only the following supported types: String.")
		}
	}
	return nil
}

func validAttributeName(name string) bool {
	lower := strings.ToLower(name)
	if name == "" || len(name) > 256 || strings.HasPrefix(lower, "aws.") || strings.HasPrefix(lower, "amazon.") ||
		strings.HasPrefix(name, ".") || strings.HasSuffix(name, ".") || strings.Contains(name, "..") {
		return false
	}
	return strings.IndexFunc(name, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' || r == '-' || r == '.')
	}) < 0
}

// validNumber reports whether s is a decimal number.
func validNumber(s string) bool {
	s = strings.TrimLeft(s, "+-")
	digits, exponent, dot := 0, -1, false
	for i := range len(s) {
		switch c := s[i]; {
		case c >= '0' && c <= '9':
			digits++
		case c == '.' && !dot && exponent < 0:
			dot = true
		case (c == 'e' || c == 'E') && exponent < 0 && digits > 0:
			exponent = digits
		case (c == '+' || c == '-') && exponent == digits:
		default:
			return false
		}
	}
	return digits > 0 && exponent != digits
}

// md5OfAttributes is the digest that clients check: of each attribute in order
// of name, the lengths and bytes of name, type and value; "" for none.
//
// Source: "Calculating the MD5 message digest for message attributes" of the
// SQS developer guide.
func md5OfAttributes(all map[string]Attribute) string {
	if len(all) == 0 {
		return ""
	}
	h := md5.New()
	part := func(b []byte) {
		var n [4]byte
		binary.BigEndian.PutUint32(n[:], uint32(len(b)))
		h.Write(n[:])
		h.Write(b)
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		a := all[name]
		part([]byte(name))
		part([]byte(a.DataType))
		if strings.HasPrefix(a.DataType, "Binary") {
			h.Write([]byte{2})
			part(a.Binary)
			continue
		}
		h.Write([]byte{1})
		part([]byte(a.text()))
	}
	return hex.EncodeToString(h.Sum(nil))
}

func (a Attribute) text() string {
	if a.String == nil {
		return ""
	}
	return *a.String
}

// attributesText is how attributes are stored; "": none.
func attributesText(all map[string]Attribute) string {
	if len(all) == 0 {
		return ""
	}
	b, err := tasks.Encode(all, tasks.Form{})
	if err != nil {
		return "" // strings and bytes have always a text
	}
	return string(b)
}

func parseAttributes(text string) (map[string]Attribute, error) {
	if text == "" {
		return nil, nil
	}
	var all struct {
		M map[string]Attribute `json:"m"`
	}
	err := wire.Decode(json.RawMessage(`{"m":`+text+`}`), &all)
	return all.M, err
}
