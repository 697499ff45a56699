package table

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"millrace/engine/leaktest"
	"millrace/integrations/wire/hosttest"
	"millrace/tasks"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

type fixture struct {
	t *testing.T
	h *hosttest.Host
	s *Service
}

func open(t *testing.T) *fixture {
	h := hosttest.New(t, Migrations())
	s := New(h, nil)
	t.Cleanup(func() {
		s.Close()
		if n := h.Watching(); n != 0 {
			t.Errorf("%d watchers are left", n)
		}
	})
	return &fixture{t, h, s}
}

func (f *fixture) call(op, in string) (string, error) {
	f.t.Helper()
	svc := f.s.Service()
	if svc.Find(op) == nil {
		svc = f.s.Streams()
	}
	out, err := tasks.Invoke(context.Background(), f.h, svc, op, tasks.Caller{}, json.RawMessage(in))
	if err != nil {
		return "", err
	}
	text, err := tasks.Encode(out, tasks.Form{})
	if err != nil {
		f.t.Fatal(err)
	}
	return string(text), nil
}

func (f *fixture) must(op, format string, args ...any) string {
	f.t.Helper()
	out, err := f.call(op, fmt.Sprintf(format, args...))
	if err != nil {
		f.t.Fatalf("%s: %v", op, err)
	}
	return out
}

func (f *fixture) want(want, op, format string, args ...any) {
	f.t.Helper()
	if got := f.must(op, format, args...); got != want {
		f.t.Errorf("%s: got %s\nwant %s", op, got, want)
	}
}

func (f *fixture) fails(want, op, format string, args ...any) {
	f.t.Helper()
	_, err := f.call(op, fmt.Sprintf(format, args...))
	if e := (*tasks.Error)(nil); !errors.As(err, &e) || e.Code+": "+e.Message != want {
		f.t.Errorf("%s: got %v\nwant %s", op, err, want)
	}
}

const (
	simple = `"KeySchema":[{"AttributeName":"pk","KeyType":"HASH"}],"AttributeDefinitions":[{"AttributeName":"pk","AttributeType":"S"}],"BillingMode":"PAY_PER_REQUEST"`
	ranged = `"KeySchema":[{"AttributeName":"pk","KeyType":"HASH"},{"AttributeName":"sk","KeyType":"RANGE"}],` +
		`"AttributeDefinitions":[{"AttributeName":"pk","AttributeType":"S"},{"AttributeName":"sk","AttributeType":"N"}],"BillingMode":"PAY_PER_REQUEST"`
)

func (f *fixture) table(extra string) {
	f.must("CreateTable", `{"TableName":"tab",%s%s}`, simple, extra)
}

func TestPutGetDelete(t *testing.T) {
	f := open(t)
	f.table("")
	f.want(`{}`, "PutItem", `{"TableName":"tab","Item":{"pk":{"S":"a"},"n":{"N":"1.50"},"l":{"L":[{"BOOL":true},{"NULL":true}]},"m":{"M":{"x":{"B":"AAE="}}},"s":{"NS":["2","1.0"]}}}`)
	f.want(`{"Item":{"l":{"L":[{"BOOL":true},{"NULL":true}]},"m":{"M":{"x":{"B":"AAE="}}},"n":{"N":"1.5"},"pk":{"S":"a"},"s":{"NS":["2","1"]}}}`,
		"GetItem", `{"TableName":"arn:aws:dynamodb:us-east-1:000000000000:table/tab","Key":{"pk":{"S":"a"}}}`)
	f.want(`{"Item":{"l":{"L":[{"NULL":true}]},"m":{"M":{"x":{"B":"AAE="}}}}}`,
		"GetItem", `{"TableName":"tab","Key":{"pk":{"S":"a"}},"ProjectionExpression":"#l[1], m.x, nope.y","ExpressionAttributeNames":{"#l":"l"}}`)
	f.must("PutItem", `{"TableName":"tab","Item":{"pk":{"S":"a"},"n":{"N":"2"}}}`)
	f.want(`{"Attributes":{"n":{"N":"2"},"pk":{"S":"a"}},"ConsumedCapacity":{"TableName":"tab","CapacityUnits":1}}`, "PutItem",
		`{"TableName":"tab","Item":{"pk":{"S":"a"}},"ReturnValues":"ALL_OLD","ConditionExpression":"attribute_exists(n)","ReturnConsumedCapacity":"TOTAL"}`)
}

func TestConditionFailureReturnsTheItem(t *testing.T) {
	f := open(t)
	f.table("")
	f.must("PutItem", `{"TableName":"tab","Item":{"pk":{"S":"a"}}}`)
	_, err := f.call("PutItem", `{"TableName":"tab","Item":{"pk":{"S":"a"}},"ConditionExpression":"attribute_not_exists(pk)","ReturnValuesOnConditionCheckFailure":"ALL_OLD"}`)
	var e *tasks.Error
	if !errors.As(err, &e) || e.Code != "ConditionalCheckFailedException" || e.Message != "The conditional request failed" || e.Fields["Item"] == nil {
		t.Errorf("got %v", err)
	}
	f.must("DeleteItem", `{"TableName":"tab","Key":{"pk":{"S":"a"}},"ConditionExpression":"pk = :a","ExpressionAttributeValues":{":a":{"S":"a"}}}`)
	f.want(`{}`, "GetItem", `{"TableName":"tab","Key":{"pk":{"S":"a"}}}`)
}

func TestUpdateItem(t *testing.T) {
	f := open(t)
	f.table("")
	for _, c := range []struct{ name, update, values, want string }{
		{"set on a new item", "SET a = :v, b = :v", `":v":{"N":"5"}`, `{"a":{"N":"5"},"b":{"N":"5"},"pk":{"S":"k"}}`},
		{"arithmetic of the old item", "SET a = b + :v, b = a - :v", `":v":{"N":"0.1"}`, `{"a":{"N":"5.1"},"b":{"N":"4.9"},"pk":{"S":"k"}}`},
		{"if_not_exists and list_append", "SET l = list_append(if_not_exists(l, :e), :v), a = if_not_exists(a, :e)", `":e":{"L":[]},":v":{"L":[{"S":"x"}]}`,
			`{"a":{"N":"5.1"},"b":{"N":"4.9"},"l":{"L":[{"S":"x"}]},"pk":{"S":"k"}}`},
		{"list elements", "SET l[0] = :v, l[9] = :w REMOVE b", `":v":{"S":"y"},":w":{"S":"z"}`, `{"a":{"N":"5.1"},"l":{"L":[{"S":"y"},{"S":"z"}]},"pk":{"S":"k"}}`},
		{"remove elements by their old places", "SET c = :m REMOVE l[0], l[1], a", `":m":{"M":{"x":{"M":{}}}}`, `{"c":{"M":{"x":{"M":{}}}},"l":{"L":[]},"pk":{"S":"k"}}`},
		{"nested set, add to nothing", "SET c.x.y = :v ADD n :n, s :s REMOVE l", `":v":{"BOOL":false},":n":{"N":"-1"},":s":{"SS":["a","b"]}`,
			`{"c":{"M":{"x":{"M":{"y":{"BOOL":false}}}}},"n":{"N":"-1"},"pk":{"S":"k"},"s":{"SS":["a","b"]}}`},
		{"add and delete", "ADD n :n, s :s DELETE t :s REMOVE c", `":n":{"N":"3"},":s":{"SS":["b","c"]}`, `{"n":{"N":"2"},"pk":{"S":"k"},"s":{"SS":["a","b","c"]}}`},
		{"an emptied set goes", "DELETE s :s", `":s":{"SS":["a","b","c"]}`, `{"n":{"N":"2"},"pk":{"S":"k"}}`},
	} {
		f.want(`{"Attributes":`+c.want+`}`, "UpdateItem", `{"TableName":"tab","Key":{"pk":{"S":"k"}},"UpdateExpression":%q,"ExpressionAttributeValues":{%s},"ReturnValues":"ALL_NEW"}`, c.update, c.values)
	}
	f.want(`{"Attributes":{"n":{"N":"2"}}}`, "UpdateItem", `{"TableName":"tab","Key":{"pk":{"S":"k"}},"UpdateExpression":"SET n = :n","ExpressionAttributeValues":{":n":{"N":"3"}},"ReturnValues":"UPDATED_OLD"}`)
	f.want(`{"Attributes":{"n":{"N":"4"}}}`, "UpdateItem", `{"TableName":"tab","Key":{"pk":{"S":"k"}},"UpdateExpression":"SET n = n + :n","ExpressionAttributeValues":{":n":{"N":"1"}},"ReturnValues":"UPDATED_NEW"}`)
}

func TestConditions(t *testing.T) {
	it, err := parseItem(`{"s":{"S":"hello"},"n":{"N":"10"},"b":{"BOOL":true},"l":{"L":[{"N":"1"},{"S":"x"}]},"m":{"M":{"k":{"S":"v"}}},"ss":{"SS":["a","b"]},"ns":{"NS":["1"]},"z":{"NULL":true}}`)
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]Value{
		":n10": {Type: Number, Text: "10"}, ":n9": {Type: Number, Text: "9"}, ":n11": {Type: Number, Text: "11"}, ":he": {Type: String, Text: "he"},
		":hello": {Type: String, Text: "hello"}, ":x": {Type: String, Text: "x"}, ":a": {Type: String, Text: "a"}, ":t": {Type: Bool, Bool: true},
		":S": {Type: String, Text: "S"}, ":5": {Type: Number, Text: "5"}, ":2": {Type: Number, Text: "2"}, ":1": {Type: Number, Text: "1"},
	}
	for text, want := range map[string]bool{
		"s = :hello":                        true,
		"s <> :hello":                       false,
		"nope <> :hello":                    true,
		"nope = :hello":                     false,
		"n > :n9 AND n < :n11":              true,
		"n > :n9 and n > :n11":              false,
		"n BETWEEN :n9 AND :n11":            true,
		"n BETWEEN :n9 AND :n11 AND b = :t": true,
		"NOT n BETWEEN :n9 AND :n11":        false,
		"n IN (:n9, :n10)":                  true,
		"n IN (:n9)":                        false,
		"s > :n9":                           false, // types differ
		"attribute_exists(m.k)":             true,
		"attribute_not_exists(m.j)":         true,
		"attribute_exists(l[2])":            false,
		"attribute_type(s, :S)":             true,
		"begins_with(s, :he)":               true,
		"begins_with(n, :he)":               false,
		"contains(s, :he)":                  true,
		"contains(l, :x)":                   true,
		"contains(ss, :a)":                  true,
		"contains(ss, :x)":                  false,
		"contains(ns, :1)":                  true,
		"size(s) = :5":                      true,
		"size(l) >= :2":                     true,
		"size(n) = :2":                      false,
		"l[1] = :x":                         true,
		"(s = :x OR n = :n10) AND b = :t":   true,
		"s = :x OR n = :n10 AND b = :t":     true,
		"NOT (s = :x OR NOT b = :t)":        true,
		"m.k = s":                           false,
	} {
		c, err := parseCondition("ConditionExpression", &text, &names{Values: values})
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := c.holds(it); got != want {
			t.Errorf("%s is %v, want %v", text, got, want)
		}
	}
}

func TestExpressionFaults(t *testing.T) {
	f := open(t)
	f.table("")
	for _, c := range []struct{ parameters, want string }{
		{`"ConditionExpression":"a ="`, `Invalid ConditionExpression: Syntax error; token: "<EOF>", near: "="`},
		{`"ConditionExpression":"a = = b"`, `Invalid ConditionExpression: Syntax error; token: "=", near: "= = b"`},
		{`"ConditionExpression":""`, `Invalid ConditionExpression: The expression can not be empty;`},
		{`"ConditionExpression":"a = :v"`, `Invalid ConditionExpression: An expression attribute value used in expression is not defined; attribute value: :v`},
		{`"ConditionExpression":"#a = b"`, `Invalid ConditionExpression: An expression attribute name used in the document path is not defined; attribute name: #a`},
		{`"ConditionExpression":"status = b"`, `Invalid ConditionExpression: Attribute name is a reserved keyword; reserved keyword: status`},
		{`"ConditionExpression":"foo(a)"`, `Invalid ConditionExpression: Invalid function name; function: foo`},
		{`"ConditionExpression":"size(a)"`, `Invalid ConditionExpression: Syntax error; token: "<EOF>", near: ")"`},
		{`"ConditionExpression":"begins_with(a)"`, `Invalid ConditionExpression: Incorrect number of operands for operator or function; operator or function: begins_with, number of operands: 1`},
		{`"ConditionExpression":"a < :t","ExpressionAttributeValues":{":t":{"BOOL":true}}`, `Invalid ConditionExpression: Incorrect operand type for operator or function; operator or function: <, operand type: BOOL`},
		{`"ConditionExpression":"a = :a","ExpressionAttributeValues":{":a":{"N":"1"},":b":{"N":"1"}}`, `Value provided in ExpressionAttributeValues unused in expressions: keys: {:b}`},
		{`"ConditionExpression":"attribute_exists(a)","ExpressionAttributeNames":{"#b":"b"}`, `Value provided in ExpressionAttributeNames unused in expressions: keys: {#b}`},
		{`"ExpressionAttributeNames":{"#b":"b"}`, `ExpressionAttributeNames can only be specified when using expressions`},
		{`"ConditionExpression":"a = :a","ExpressionAttributeValues":{}`, `ExpressionAttributeValues must not be empty`},
		{`"ConditionExpression":"a = :a","ExpressionAttributeValues":{"a":{"N":"1"}}`, `ExpressionAttributeValues contains invalid key: Syntax error; key: "a"`},
		{`"UpdateExpression":"SET a = :a SET b = :a","ExpressionAttributeValues":{":a":{"N":"1"}}`, `Invalid UpdateExpression: The "SET" section can only be used once in an update expression;`},
		{`"UpdateExpression":"SET a = :a, a.b = :a","ExpressionAttributeValues":{":a":{"N":"1"}}`,
			`Invalid UpdateExpression: Two document paths overlap with each other; must remove or rewrite one of these paths; path one: [a], path two: [a, b]`},
		{`"UpdateExpression":"SET a[0] = :a REMOVE a.b","ExpressionAttributeValues":{":a":{"N":"1"}}`,
			`Invalid UpdateExpression: Two document paths conflict with each other; must remove or rewrite one of these paths; path one: [a, [0]], path two: [a, b]`},
		{`"UpdateExpression":"SET pk = :a","ExpressionAttributeValues":{":a":{"N":"1"}}`, `One or more parameter values were invalid: Cannot update attribute pk. This attribute is part of the key`},
		{`"UpdateExpression":"SET a = b"`, `The provided expression refers to an attribute that does not exist in the item`},
		{`"UpdateExpression":"SET a.b = :a","ExpressionAttributeValues":{":a":{"N":"1"}}`, `The document path provided in the update expression is invalid for update`},
		{`"UpdateExpression":"ADD pk2 :a","ExpressionAttributeValues":{":a":{"S":"1"}}`,
			`Invalid UpdateExpression: Incorrect operand type for operator or function; operator: ADD, operand type: STRING, typeSet: ALLOWED_FOR_ADD_OPERAND`},
		{`"UpdateExpression":"SET n = n + :a","ExpressionAttributeValues":{":a":{"S":"1"}}`, `An operand in the update expression has an incorrect data type`},
		{`"ReturnValues":"SOME"`, `1 validation error detected: Value 'SOME' at 'returnValues' failed to satisfy constraint: Member must satisfy enum value set: [ALL_NEW, UPDATED_OLD, ALL_OLD, NONE, UPDATED_NEW]`},
	} {
		f.must("PutItem", `{"TableName":"tab","Item":{"pk":{"S":"a"},"n":{"N":"1"}}}`)
		f.fails("ValidationException: "+c.want, "UpdateItem", `{"TableName":"tab","Key":{"pk":{"S":"a"}},%s}`, c.parameters)
	}
}

func TestItemFaults(t *testing.T) {
	f := open(t)
	f.table("")
	for _, c := range []struct{ op, in, want string }{
		{"PutItem", `{"TableName":"none","Item":{}}`, `ResourceNotFoundException: Requested resource not found`},
		{"PutItem", `{"TableName":"tab","Item":null}`, `ValidationException: 1 validation error detected: Value null at 'item' failed to satisfy constraint: Member must not be null`},
		{"PutItem", `{"TableName":"/tab","Item":{}}`, `ValidationException: 1 validation error detected: Value '/tab' at 'tableName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+`},
		{"PutItem", `{"TableName":"t"}`, `ValidationException: 2 validation errors detected: Value 't' at 'tableName' failed to satisfy constraint: Member must have length greater than or equal to 3; Value null at 'item' failed to satisfy constraint: Member must not be null`},
		{"PutItem", `{"TableName":"tab","Item":{}}`, `ValidationException: One or more parameter values were invalid: Missing the key pk in the item`},
		{"PutItem", `{"TableName":"tab","Item":{"pk":{"N":"1"}}}`, `ValidationException: One or more parameter values were invalid: Type mismatch for key pk expected: S actual: N`},
		{"PutItem", `{"TableName":"tab","Item":{"pk":{"S":""}}}`, `ValidationException: One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty string value. Key: pk`},
		{"PutItem", `{"TableName":"tab","Item":{"pk":{}}}`, `ValidationException: Supplied AttributeValue is empty, must contain exactly one of the supported datatypes`},
		{"PutItem", `{"TableName":"tab","Item":{"pk":{"S":"a","N":"1"}}}`, `ValidationException: Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes`},
		{"PutItem", `{"TableName":"tab","Item":{"pk":{"S":1}}}`, `SerializationException: NUMBER_VALUE cannot be converted to String: Item.pk`},
		{"PutItem", `{"TableName":"tab","Item":{"pk":{"S":"a"},"n":{"N":"abc"}}}`, `ValidationException: The parameter cannot be converted to a numeric value: abc`},
		{"PutItem", `{"TableName":"tab","Item":{"pk":{"S":"a"},"n":{"N":"123456789012345678901234567890123456789"}}}`, `ValidationException: Attempting to store more than 38 significant digits in a Number`},
		{"PutItem", `{"TableName":"tab","Item":{"pk":{"S":"a"},"n":{"NS":["1","1.0"]}}}`, `ValidationException: One or more parameter values were invalid: Input collection [1, 1.0] contains duplicates.`},
		{"PutItem", `{"TableName":"tab","Item":{"pk":{"S":"a"}},"ReturnValues":"ALL_NEW"}`, `ValidationException: Return values set to invalid value`},
		{"PutItem", `{"TableName":"tab","Item":{"pk":{"S":"a"}},"Expected":{}}`, `ValidationException: The legacy parameter Expected is not supported here: use ConditionExpression.`},
		{"PutItem", `{"TableName":"tab","Item":{"pk":{"S":"a"},"x":{"S":"` + strings.Repeat("a", maxItem) + `"}}}`, `ValidationException: Item size has exceeded the maximum allowed size`},
		{"GetItem", `{"TableName":"tab","Key":{"x":{"S":"a"}}}`, `ValidationException: The provided key element does not match the schema`},
		{"GetItem", `{"TableName":"tab"}`, `ValidationException: 1 validation error detected: Value null at 'key' failed to satisfy constraint: Member must not be null`},
		{"DescribeTable", `{"TableName":"none"}`, `ResourceNotFoundException: Requested resource not found: Table: none not found`},
		{"CreateTable", `{"TableName":"tab",` + simple + `}`, `ResourceInUseException: Table already exists: tab`},
		{"CreateTable", `{"TableName":"ta",` + simple + `}`, `ValidationException: TableName must be at least 3 characters long and at most 255 characters long`},
	} {
		f.fails(c.want, c.op, "%s", c.in)
	}
}

func TestNumbers(t *testing.T) {
	for in, want := range map[string]string{
		"0": "0", "-0.00": "0", "1.50": "1.5", "007": "7", "1e3": "1000", "1E-3": "0.001", "-12.340": "-12.34", "+5": "5", ".5": "0.5", "5.": "5",
		"12345678901234567890123456789012345678": "12345678901234567890123456789012345678",
		"1e125":                                  "1" + strings.Repeat("0", 125), "1e-130": "0." + strings.Repeat("0", 129) + "1",
	} {
		n, err := parseNumber(in)
		if err != nil || n.String() != want {
			t.Errorf("%s: %s, %v, want %s", in, n, err, want)
		}
	}
	for _, in := range []string{"", "-", "1e", "e1", "1x", "1e126", "1e-131", "0x1", "1.2.3", "NaN", "1e99999999999"} {
		if n, err := parseNumber(in); err == nil {
			t.Errorf("%q is taken for %s", in, n)
		}
	}
	ordered := []string{"-1e125", "-200", "-20", "-3", "-2.5", "-2", "-0.5", "-1e-130", "0", "1e-130", "0.05", "0.5", "2", "2.5", "3", "10", "20", "100", "1e125"}
	for i := range ordered {
		for j := range ordered {
			a, _ := parseNumber(ordered[i])
			b, _ := parseNumber(ordered[j])
			sign := func(n int) int { return max(-1, min(1, n)) }
			if got, want := sign(a.cmp(b)), sign(i-j); got != want {
				t.Errorf("%s against %s: %d, want %d", a, b, got, want)
			}
			if got, want := strings.Compare(string(a.sortable()), string(b.sortable())), sign(i-j); got != want {
				t.Errorf("bytes of %s against %s: %d, want %d", a, b, got, want)
			}
		}
	}
	for _, c := range []struct{ a, b, want string }{{"0.1", "0.2", "0.3"}, {"1e20", "-1", "99999999999999999999"}, {"5", "-5", "0"}, {"1e-5", "1e5", "100000.00001"}} {
		a, _ := parseNumber(c.a)
		b, _ := parseNumber(c.b)
		if got, err := a.add(b, false); err != nil || got.String() != c.want {
			t.Errorf("%s + %s = %s, %v, want %s", c.a, c.b, got, err, c.want)
		}
	}
}

func (f *fixture) fill() {
	f.must("CreateTable", `{"TableName":"tab",%s}`, ranged)
	for _, pk := range []string{"a", "b"} {
		for i := range 5 {
			f.must("PutItem", `{"TableName":"tab","Item":{"pk":{"S":%q},"sk":{"N":"%d"},"even":{"BOOL":%v}}}`, pk, i*10-20, i%2 == 0)
		}
	}
}

// keys lists the range keys of a page.
func keys(t *testing.T, page string) (list []string, last string) {
	t.Helper()
	var p struct {
		Items            []map[string]map[string]any
		LastEvaluatedKey json.RawMessage
	}
	if err := json.Unmarshal([]byte(page), &p); err != nil {
		t.Fatal(err)
	}
	for _, it := range p.Items {
		list = append(list, fmt.Sprint(it["pk"]["S"], it["sk"]["N"]))
	}
	return list, string(p.LastEvaluatedKey)
}

func TestQuery(t *testing.T) {
	f := open(t)
	f.fill()
	for _, c := range []struct{ condition, values, more, want string }{
		{"pk = :p", "", "", "[a-20 a-10 a0 a10 a20]"},
		{"pk = :p", "", `,"ScanIndexForward":false`, "[a20 a10 a0 a-10 a-20]"},
		{"pk = :p AND sk > :a", `,":a":{"N":"-10"}`, "", "[a0 a10 a20]"},
		{":p = pk", "", "", ""},
		{"sk <= :a AND pk = :p", `,":a":{"N":"-10.0"}`, "", "[a-20 a-10]"},
		{"pk = :p AND sk BETWEEN :a AND :b", `,":a":{"N":"-10"},":b":{"N":"10"}`, "", "[a-10 a0 a10]"},
		{"pk = :p AND sk = :a", `,":a":{"N":"0"}`, "", "[a0]"},
		{"pk = :p", `,":t":{"BOOL":true}`, `,"FilterExpression":"even = :t"`, "[a-20 a0 a20]"},
	} {
		page, err := f.call("Query", fmt.Sprintf(`{"TableName":"tab","KeyConditionExpression":%q,"ExpressionAttributeValues":{":p":{"S":"a"}%s}%s}`, c.condition, c.values, c.more))
		if c.want == "" {
			if err == nil {
				t.Errorf("%s is taken", c.condition)
			}
			continue
		}
		if got, last := keys(t, page); err != nil || fmt.Sprint(got) != c.want || last != "" {
			t.Errorf("%s: %v %s, %v, want %s", c.condition, got, last, err, c.want)
		}
	}
	var got []string
	start := ""
	for range 4 {
		page := f.must("Query", `{"TableName":"tab","KeyConditionExpression":"pk = :p","ExpressionAttributeValues":{":p":{"S":"a"}},"Limit":2,"ScanIndexForward":false%s}`, start)
		list, last := keys(t, page)
		got = append(got, list...)
		if last == "" {
			break
		}
		start = `,"ExclusiveStartKey":` + last
	}
	if want := "[a20 a10 a0 a-10 a-20]"; fmt.Sprint(got) != want {
		t.Errorf("pages %v, want %s", got, want)
	}
	f.want(`{"Count":2,"ScannedCount":5}`, "Query", `{"TableName":"tab","KeyConditionExpression":"pk = :p","FilterExpression":"NOT even = :t","Select":"COUNT","ExpressionAttributeValues":{":p":{"S":"a"},":t":{"BOOL":true}}}`)
	for _, c := range []struct{ condition, want string }{
		{"sk = :p", "Query condition missed key schema element: pk"},
		{"pk = :p AND nope = :p", "Query condition missed key schema element: sk"},
		{"pk > :p", "Query key condition not supported"},
		{"pk = :p OR sk = :p", "Invalid KeyConditionExpression: Invalid operator used in KeyConditionExpression: OR"},
		{"pk = :p AND sk = :p", "One or more parameter values were invalid: Condition parameter type does not match schema type"},
	} {
		f.fails("ValidationException: "+c.want, "Query", `{"TableName":"tab","KeyConditionExpression":%q,"ExpressionAttributeValues":{":p":{"S":"a"}}}`, c.condition)
	}
	f.fails("ValidationException: Filter Expression can only contain non-primary key attributes: Primary key attribute: sk", "Query",
		`{"TableName":"tab","KeyConditionExpression":"pk = :p","FilterExpression":"sk = :p","ExpressionAttributeValues":{":p":{"S":"a"}}}`)
}

func TestScan(t *testing.T) {
	f := open(t)
	f.fill()
	var got []string
	start := ""
	for range 10 {
		list, last := keys(t, f.must("Scan", `{"TableName":"tab","Limit":3%s}`, start))
		got = append(got, list...)
		if last == "" {
			break
		}
		start = `,"ExclusiveStartKey":` + last
	}
	if len(got) != 10 || got[0] != "a-20" || got[9] != "b20" {
		t.Errorf("pages %v", got)
	}
	n := 0
	for i := range 3 {
		list, _ := keys(t, f.must("Scan", `{"TableName":"tab","Segment":%d,"TotalSegments":3}`, i))
		n += len(list)
	}
	if n != 10 {
		t.Errorf("segments have %d items, want 10", n)
	}
}

func TestPagesOfOneMebibyte(t *testing.T) {
	f := open(t)
	f.table("")
	for i := range 3 {
		f.must("PutItem", `{"TableName":"tab","Item":{"pk":{"S":"%d"},"x":{"S":"%s"}}}`, i, strings.Repeat("a", 399<<10))
	}
	page := f.must("Scan", `{"TableName":"tab","ProjectionExpression":"pk"}`)
	if want := `{"Items":[{"pk":{"S":"0"}},{"pk":{"S":"1"}}],"Count":2,"ScannedCount":2,"LastEvaluatedKey":{"pk":{"S":"1"}}}`; page != want {
		t.Errorf("got %s\nwant %s", page, want)
	}
}

func TestBatches(t *testing.T) {
	f := open(t)
	f.table("")
	f.want(`{"UnprocessedItems":{}}`, "BatchWriteItem", `{"RequestItems":{"tab":[{"PutRequest":{"Item":{"pk":{"S":"a"}}}},{"PutRequest":{"Item":{"pk":{"S":"b"}}}},{"DeleteRequest":{"Key":{"pk":{"S":"c"}}}}]}}`)
	f.want(`{"Responses":{"tab":[{"pk":{"S":"b"}}]},"UnprocessedKeys":{}}`, "BatchGetItem", `{"RequestItems":{"tab":{"Keys":[{"pk":{"S":"b"}},{"pk":{"S":"x"}}]}}}`)
	f.fails("ValidationException: Provided list of item keys contains duplicates", "BatchWriteItem", `{"RequestItems":{"tab":[{"DeleteRequest":{"Key":{"pk":{"S":"a"}}}},{"DeleteRequest":{"Key":{"pk":{"S":"a"}}}}]}}`)
	f.fails("ResourceNotFoundException: Requested resource not found", "BatchGetItem", `{"RequestItems":{"none":{"Keys":[{"pk":{"S":"b"}}]}}}`)
}

func TestTransactions(t *testing.T) {
	f := open(t)
	f.table("")
	f.must("PutItem", `{"TableName":"tab","Item":{"pk":{"S":"a"},"n":{"N":"1"}}}`)
	_, err := f.call("TransactWriteItems", `{"TransactItems":[
		{"Put":{"TableName":"tab","Item":{"pk":{"S":"b"}}}},
		{"Update":{"TableName":"tab","Key":{"pk":{"S":"a"}},"UpdateExpression":"SET n = n - :n","ConditionExpression":"n >= :n","ExpressionAttributeValues":{":n":{"N":"2"}}}}]}`)
	var e *tasks.Error
	if !errors.As(err, &e) || e.Code != "TransactionCanceledException" || !strings.HasSuffix(e.Message, "[None, ConditionalCheckFailed]") {
		t.Errorf("got %v", err)
	}
	f.want(`{}`, "GetItem", `{"TableName":"tab","Key":{"pk":{"S":"b"}}}`)
	f.must("TransactWriteItems", `{"TransactItems":[
		{"Put":{"TableName":"tab","Item":{"pk":{"S":"b"}}}},
		{"ConditionCheck":{"TableName":"tab","Key":{"pk":{"S":"c"}},"ConditionExpression":"attribute_not_exists(pk)"}},
		{"Delete":{"TableName":"tab","Key":{"pk":{"S":"a"}}}}]}`)
	f.want(`{"Responses":[{},{"Item":{"pk":{"S":"b"}}}]}`, "TransactGetItems",
		`{"TransactItems":[{"Get":{"TableName":"tab","Key":{"pk":{"S":"a"}}}},{"Get":{"TableName":"tab","Key":{"pk":{"S":"b"}}}}]}`)
}

// A client that repeats a transaction, not knowing what came of it, names it by its token.
func TestRepeatedTransactions(t *testing.T) {
	f := open(t)
	f.table("")
	const add = `{"ClientRequestToken":%q,"TransactItems":[{"Update":{"TableName":"tab","Key":{"pk":{"S":"a"}},"UpdateExpression":"ADD n :n","ExpressionAttributeValues":{":n":{"N":%q}}}}]}`
	const get = `{"TableName":"tab","Key":{"pk":{"S":"a"}},"ProjectionExpression":"n"}`
	f.must("TransactWriteItems", add, "t1", "1")
	f.want(`{}`, "TransactWriteItems", add, "t1", "1")
	f.want(`{"Item":{"n":{"N":"1"}}}`, "GetItem", get)
	f.must("TransactWriteItems", add, "t2", "1")
	f.want(`{"Item":{"n":{"N":"2"}}}`, "GetItem", get)
	if _, err := f.call("TransactWriteItems", fmt.Sprintf(add, "t1", "5")); err == nil || !strings.HasPrefix(err.Error(), "IdempotentParameterMismatchException") {
		t.Errorf("another transaction with the token: %v", err)
	}
	if _, err := f.call("TransactWriteItems", fmt.Sprintf(add, strings.Repeat("t", 37), "5")); err == nil || !strings.HasPrefix(err.Error(), "ValidationException") {
		t.Errorf("a long token: %v", err)
	}
	// One that was cancelled may be tried again under its token.
	const guarded = `{"ClientRequestToken":"t3","TransactItems":[{"Put":{"TableName":"tab","Item":{"pk":{"S":"g"}},"ConditionExpression":"attribute_not_exists(pk)"}}]}`
	f.must("PutItem", `{"TableName":"tab","Item":{"pk":{"S":"g"}}}`)
	if _, err := f.call("TransactWriteItems", guarded); err == nil {
		t.Error("a condition that fails was passed over")
	}
	f.must("DeleteItem", `{"TableName":"tab","Key":{"pk":{"S":"g"}}}`)
	f.must("TransactWriteItems", guarded)
	f.want(`{"Item":{"pk":{"S":"g"}}}`, "GetItem", `{"TableName":"tab","Key":{"pk":{"S":"g"}}}`)
	f.h.Advance(11 * time.Minute)
	f.must("TransactWriteItems", add, "t1", "5")
	f.want(`{"Item":{"n":{"N":"7"}}}`, "GetItem", get)
}

func TestTableLife(t *testing.T) {
	f := open(t)
	f.table("")
	f.must("PutItem", `{"TableName":"tab","Item":{"pk":{"S":"a"}}}`)
	if d := f.must("DescribeTable", `{"TableName":"tab"}`); !strings.Contains(d, `"TableStatus":"ACTIVE"`) || !strings.Contains(d, `"ItemCount":1`) {
		t.Errorf("described as %s", d)
	}
	f.want(`{"TableNames":["tab"]}`, "ListTables", `{}`)
	arn := f.s.ARN("tab")
	f.must("TagResource", `{"ResourceArn":%q,"Tags":[{"Key":"a","Value":"1"}]}`, arn)
	f.want(`{"Tags":[{"Key":"a","Value":"1"}]}`, "ListTagsOfResource", `{"ResourceArn":%q}`, arn)
	f.must("DeleteTable", `{"TableName":"tab"}`)
	f.table("")
	f.want(`{}`, "GetItem", `{"TableName":"tab","Key":{"pk":{"S":"a"}}}`)
}

func TestTimeToLive(t *testing.T) {
	f := open(t)
	f.table(`,"StreamSpecification":{"StreamEnabled":true,"StreamViewType":"KEYS_ONLY"}`)
	f.must("UpdateTimeToLive", `{"TableName":"tab","TimeToLiveSpecification":{"AttributeName":"ttl","Enabled":true}}`)
	f.must("PutItem", `{"TableName":"tab","Item":{"pk":{"S":"a"},"ttl":{"N":"%d"}}}`, f.h.Now().Add(time.Minute).Unix())
	f.must("PutItem", `{"TableName":"tab","Item":{"pk":{"S":"b"},"ttl":{"N":"%d"}}}`, f.h.Now().Add(3*time.Hour).Unix())
	f.h.Advance(sweepEvery)
	for f.must("GetItem", `{"TableName":"tab","Key":{"pk":{"S":"a"}}}`) != `{}` {
		f.h.Yield()
	}
	if out := f.must("GetItem", `{"TableName":"tab","Key":{"pk":{"S":"b"}}}`); out == `{}` {
		t.Error("an item went before its time")
	}
	list := f.records()
	if last := list[len(list)-1]; last.EventName != "REMOVE" || last.ByService == nil {
		t.Errorf("the last record is %+v", last)
	}
}
