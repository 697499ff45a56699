package table

import (
	"fmt"
	"strings"

	"millrace/tasks"
)

// checks collects the constraints of the API's model that an input breaks.
// Their texts are those of the framework that AWS services share.
type checks struct{ faults []string }

func (c *checks) fail(value, member, constraint string) {
	c.faults = append(c.faults, fmt.Sprintf("Value %s at '%s' failed to satisfy constraint: %s", value, member, constraint))
}

func (c *checks) null(member string) { c.fail("null", member, "Member must not be null") }

// required refuses a member that is not there.
func (c *checks) required(member string, there bool) {
	if !there {
		c.null(member)
	}
}

// table checks a table's name, or the name in its ARN.
func (c *checks) table(name string) { c.tableAt("tableName", name) }

func (c *checks) tableAt(member, name string) {
	if name == "" {
		c.null(member)
		return
	}
	name = nameOf(name)
	if !validTableName(name) {
		c.fail("'"+name+"'", member, "Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+")
	}
	if len(name) < 3 {
		c.fail("'"+name+"'", member, "Member must have length greater than or equal to 3")
	}
	if len(name) > 255 {
		c.fail("'"+name+"'", member, "Member must have length less than or equal to 255")
	}
}

func validTableName(s string) bool {
	for i := range len(s) {
		if c := s[i]; !isWord(c) && c != '.' && c != '-' {
			return false
		}
	}
	return s != ""
}

// enum refuses a value that is none of those allowed; "" is fine.
func (c *checks) enum(member, value string, allowed ...string) {
	for _, a := range allowed {
		if value == a {
			return
		}
	}
	if value != "" {
		c.fail("'"+value+"'", member, "Member must satisfy enum value set: ["+strings.Join(allowed, ", ")+"]")
	}
}

// atLeast refuses a number below a minimum; nil is fine.
func (c *checks) atLeast(member string, value *int, least int) {
	if value != nil && *value < least {
		c.fail(fmt.Sprintf("'%d'", *value), member, fmt.Sprintf("Member must have value greater than or equal to %d", least))
	}
}

func (c *checks) atMost(member string, value *int, most int) {
	if value != nil && *value > most {
		c.fail(fmt.Sprintf("'%d'", *value), member, fmt.Sprintf("Member must have value less than or equal to %d", most))
	}
}

// err is the ValidationException of all broken constraints, or nil.
func (c *checks) err() error {
	switch n := len(c.faults); n {
	case 0:
		return nil
	case 1:
		return validation("1 validation error detected: %s", c.faults[0])
	default:
		return validation("%d validation errors detected: %s", n, strings.Join(c.faults, "; "))
	}
}

var errNoTable = tasks.Errorf("ResourceNotFoundException", "Requested resource not found")

func noTable(name string) error {
	return tasks.Errorf("ResourceNotFoundException", "Requested resource not found: Table: %s not found", name)
}

// legacy refuses the parameters that expressions have replaced.
type legacy struct {
	Expected            any `json:"Expected"`
	ConditionalOperator any `json:"ConditionalOperator"`
	AttributeUpdates    any `json:"AttributeUpdates"`
	AttributesToGet     any `json:"AttributesToGet"`
	KeyConditions       any `json:"KeyConditions"`
	QueryFilter         any `json:"QueryFilter"`
	ScanFilter          any `json:"ScanFilter"`
}

func (l legacy) check() error {
	for _, p := range []struct {
		name, instead string
		v             any
	}{
		{"Expected", "ConditionExpression", l.Expected},
		{"ConditionalOperator", "ConditionExpression", l.ConditionalOperator},
		{"AttributeUpdates", "UpdateExpression", l.AttributeUpdates},
		{"AttributesToGet", "ProjectionExpression", l.AttributesToGet},
		{"KeyConditions", "KeyConditionExpression", l.KeyConditions},
		{"QueryFilter", "FilterExpression", l.QueryFilter},
		{"ScanFilter", "FilterExpression", l.ScanFilter},
	} {
		if p.v != nil {
			return validation("The legacy parameter %s is not supported here: use %s.", p.name, p.instead)
		}
	}
	return nil
}
