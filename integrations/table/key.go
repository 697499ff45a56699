package table

import (
	"slices"
	"strings"
)

// schema is the key of a table.
type schema struct {
	hash, rang keyAttribute // rang.name is "" for tables with a hash key only
}

type keyAttribute struct{ name, kind string }

func (k schema) attributes() []keyAttribute {
	if k.rang.name == "" {
		return []keyAttribute{k.hash}
	}
	return []keyAttribute{k.hash, k.rang}
}

func (k schema) has(name string) bool {
	return name == k.hash.name || name == k.rang.name && name != ""
}

const (
	maxHash  = 2048 // bytes
	maxRange = 1024
)

// ofItem encodes the key of an item to be stored.
func (k schema) ofItem(it Item) (hash, rang []byte, err error) {
	for i, a := range k.attributes() {
		v, ok := it[a.name]
		if !ok {
			return nil, nil, validation("One or more parameter values were invalid: Missing the key %s in the item", a.name)
		}
		if v.Type != a.kind {
			return nil, nil, validation("One or more parameter values were invalid: Type mismatch for key %s expected: %s actual: %s", a.name, a.kind, v.Type)
		}
		b, err := encodeKey(a, v, i)
		if err != nil {
			return nil, nil, err
		}
		if i == 0 {
			hash = b
		} else {
			rang = b
		}
	}
	return hash, notNil(rang), nil
}

// ofKey encodes a key that is given alone.
func (k schema) ofKey(key Item) (hash, rang []byte, err error) {
	list := k.attributes()
	if len(key) != len(list) {
		return nil, nil, errKeySchema
	}
	for _, a := range list {
		if v, ok := key[a.name]; !ok || v.Type != a.kind {
			return nil, nil, errKeySchema
		}
	}
	return k.ofItem(key)
}

var errKeySchema = validation("The provided key element does not match the schema")

// of is the key of an item that is stored.
func (k schema) of(it Item) Item {
	key := Item{}
	for _, a := range k.attributes() {
		key[a.name] = it[a.name]
	}
	return key
}

func notNil(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// encodeKey gives the bytes that sort as key values do. position is 0 for the
// hash key, 1 for the range key.
func encodeKey(a keyAttribute, v Value, position int) ([]byte, error) {
	if v.Type == Number {
		n, err := parseNumber(v.Text)
		return n.sortable(), err
	}
	if v.Text == "" {
		what := map[string]string{String: "string", Binary: "binary"}[v.Type]
		return nil, validation("One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty %s value. Key: %s", what, a.name)
	}
	if position == 0 && len(v.Text) > maxHash {
		return nil, validation("One or more parameter values were invalid: Size of hashkey has exceeded the maximum size limit of %d bytes", maxHash)
	}
	if position == 1 && len(v.Text) > maxRange {
		return nil, validation("One or more parameter values were invalid: Aggregated size of all range keys has exceeded the size limit of %d bytes", maxRange)
	}
	return []byte(v.Text), nil
}

// keyRange is the part of a table that a key condition selects: one hash key and
// a range of range keys.
type keyRange struct {
	hash       []byte
	low, high  []byte // nil: open
	lowOpen    bool   // low itself is out
	highOpen   bool
	prefix     bool   // low is a prefix
	start      []byte // ExclusiveStartKey's range key
	hasStart   bool
	descending bool
}

// keyCondition turns a key condition expression into a range of keys.
func (k schema) keyCondition(c condition) (keyRange, error) {
	var r keyRange
	parts := []condition{c}
	if all, ok := c.(allOf); ok {
		parts = all.list
	}
	if len(parts) > 2 {
		return r, validation("Conditions can be of length 1 or 2 only")
	}
	names := make([]string, len(parts))
	for i, part := range parts {
		var err error
		if names[i], err = keyOperand(part); err != nil {
			return r, err
		}
	}
	hash := slices.Index(names, k.hash.name)
	if hash < 0 {
		return r, validation("Query condition missed key schema element: %s", k.hash.name)
	}
	eq, ok := parts[hash].(comparison)
	if !ok || eq.op != "=" {
		return r, validation("Query key condition not supported")
	}
	var err error
	if r.hash, err = k.bound(k.hash, eq.b, 0); err != nil || len(parts) == 1 {
		return r, err
	}
	switch other := names[1-hash]; {
	case other == k.hash.name:
		return r, validation("KeyConditionExpressions must only contain one condition per key")
	case k.rang.name == "":
		return r, validation("Query key condition not supported")
	case other != k.rang.name:
		return r, validation("Query condition missed key schema element: %s", k.rang.name)
	}
	err = k.rangeCondition(&r, parts[1-hash])
	return r, err
}

// keyOperand returns the attribute that a part of a key condition is about.
func keyOperand(c condition) (string, error) {
	var o operand
	switch c := c.(type) {
	case comparison:
		if o = c.a; c.op == "<>" {
			return "", validation("Invalid KeyConditionExpression: Invalid operator used in KeyConditionExpression: <>")
		}
		if c.b.value == nil {
			return "", validation("Invalid KeyConditionExpression: Invalid condition in KeyConditionExpression: the operand must be a value")
		}
	case between:
		if o = c.v; c.low.value == nil || c.high.value == nil {
			return "", validation("Invalid KeyConditionExpression: Invalid condition in KeyConditionExpression: BETWEEN takes values")
		}
	case predicate:
		if o = c.args[0]; c.fn != "begins_with" || c.args[1].value == nil {
			return "", validation("Invalid KeyConditionExpression: Invalid operator used in KeyConditionExpression: %s", c.fn)
		}
	case oneOf:
		return "", validation("Invalid KeyConditionExpression: Invalid operator used in KeyConditionExpression: IN")
	case notCondition:
		return "", validation("Invalid KeyConditionExpression: Invalid operator used in KeyConditionExpression: NOT")
	default:
		return "", validation("Invalid KeyConditionExpression: Invalid operator used in KeyConditionExpression: OR")
	}
	if len(o.path) != 1 {
		return "", validation("Invalid KeyConditionExpression: KeyConditionExpressions cannot have conditions on nested attributes")
	}
	return o.path[0].name, nil
}

func (k schema) bound(a keyAttribute, o operand, position int) ([]byte, error) {
	if o.value.Type != a.kind {
		return nil, validation("One or more parameter values were invalid: Condition parameter type does not match schema type")
	}
	return encodeKey(a, *o.value, position)
}

func (k schema) rangeCondition(r *keyRange, c condition) (err error) {
	switch c := c.(type) {
	case comparison:
		b, err := k.bound(k.rang, c.b, 1)
		if err != nil {
			return err
		}
		switch c.op {
		case "=":
			r.low, r.high = b, b
		case "<", "<=":
			r.high, r.highOpen = b, c.op == "<"
		default:
			r.low, r.lowOpen = b, c.op == ">"
		}
	case between:
		if r.low, err = k.bound(k.rang, c.low, 1); err == nil {
			r.high, err = k.bound(k.rang, c.high, 1)
		}
		return err
	case predicate:
		if k.rang.kind == Number {
			return validation("Invalid KeyConditionExpression: Incorrect operand type for operator or function; operator or function: begins_with, operand type: N")
		}
		r.low, err = k.bound(k.rang, c.args[1], 1)
		r.prefix = true
		return err
	}
	return nil
}

// where is the range as SQL.
func (r keyRange) where() (sql string, args []any) {
	var b strings.Builder
	b.WriteString(` AND hash_key = ?`)
	args = append(args, r.hash)
	add := func(text string, v []byte) {
		b.WriteString(text)
		args = append(args, v)
	}
	if r.low != nil {
		if add(map[bool]string{true: ` AND range_key > ?`, false: ` AND range_key >= ?`}[r.lowOpen], r.low); r.prefix {
			if next := after(r.low); next != nil {
				add(` AND range_key < ?`, next)
			}
		}
	}
	if r.high != nil {
		add(map[bool]string{true: ` AND range_key < ?`, false: ` AND range_key <= ?`}[r.highOpen], r.high)
	}
	if r.hasStart {
		add(map[bool]string{true: ` AND range_key < ?`, false: ` AND range_key > ?`}[r.descending], r.start)
	}
	b.WriteString(` ORDER BY hash_key, range_key`)
	if r.descending {
		b.WriteString(` DESC`)
	}
	return b.String(), args
}

// after returns the least bytes that sort after all that begin with prefix; nil: there are none.
func after(prefix []byte) []byte {
	for i := len(prefix) - 1; i >= 0; i-- {
		if prefix[i] != 0xFF {
			out := append([]byte(nil), prefix[:i+1]...)
			out[i]++
			return out
		}
	}
	return nil
}
