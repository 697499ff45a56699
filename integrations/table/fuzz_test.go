package table

import (
	"testing"
)

// Expressions of any text are refused or work; none ends the process, and an
// update leaves an item that can be stored.
func FuzzExpressions(f *testing.F) {
	for _, s := range []string{
		"a = :v", "NOT (a.b[0] > :v AND size(#n) <= :v)", "begins_with(a, :s) OR contains(l, :v)", "a BETWEEN :v AND :v", "a IN (:v, :s)",
		"SET a = if_not_exists(b, :v) + :v, l[1] = list_append(l, l) REMOVE #n", "ADD n :v DELETE ss :ss", "SET a.b = (:v)", "a, b.c[3]", "((((((((",
	} {
		f.Add(s)
	}
	item, err := parseItem(`{"a":{"M":{"b":{"L":[{"N":"1"}]}}},"b":{"N":"2"},"l":{"L":[{"S":"x"}]},"n":{"N":"1"},"ss":{"SS":["a","b"]},"s":{"S":"hello"}}`)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		n := func() *names {
			return &names{Names: map[string]string{"#n": "n"}, Values: map[string]Value{
				":v": {Type: Number, Text: "1"}, ":s": {Type: String, Text: "x"}, ":ss": {Type: StringSet, Set: []string{"a"}}}}
		}
		if c, err := parseCondition("ConditionExpression", &text, n()); err == nil {
			c.holds(item)
			c.holds(nil)
			conditionPaths(c)
			if _, err := (schema{hash: keyAttribute{"a", String}, rang: keyAttribute{"b", Number}}).keyCondition(c); err != nil && err.Error() == "" {
				t.Error("a refusal without words")
			}
		}
		if paths, err := parseProjection(&text, n()); err == nil {
			project(item, paths)
		}
		u, err := parseUpdate(&text, n())
		if err != nil {
			return
		}
		before := item.text()
		after, err := u.apply(item)
		if item.text() != before {
			t.Errorf("%q changed the item that it was applied to", text)
		}
		if err != nil {
			return
		}
		again, err := parseItem(after.text())
		if err != nil || !again.equal(after) {
			t.Errorf("%q leaves %s, which is read as %s, %v", text, after.text(), again.text(), err)
		}
	})
}

// Numbers keep their value through their text, and sort as they compare.
func FuzzNumbers(f *testing.F) {
	for _, s := range []string{"0", "-1.50", "1e125", "9.99E-130", "123456789012345678901234567890", "x", "1e", "--1"} {
		f.Add(s, "1")
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		n, err := parseNumber(a)
		if err != nil {
			return
		}
		again, err := parseNumber(n.String())
		if err != nil || again != n {
			t.Errorf("%q is %s, which is read as %s, %v", a, n, again, err)
		}
		m, err := parseNumber(b)
		if err != nil {
			return
		}
		if c := string(n.sortable()); (c < string(m.sortable())) != (n.cmp(m) < 0) {
			t.Errorf("%s and %s compare as %d, their bytes do not", n, m, n.cmp(m))
		}
		if sum, err := n.add(m, false); err == nil {
			if back, err := sum.add(m, true); err == nil && back.cmp(n) != 0 {
				t.Errorf("%s + %s - %s = %s", n, m, m, back)
			}
		}
	})
}
