package rest

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
)

func TestWhere(t *testing.T) {
	const doc = `{"total":120,"customer":"ana","paid":true,"items":[{"n":1},{"n":2}],"address":{"city":"Rome"}}`
	for condition, want := range map[string]bool{
		`$.total > 100`:                               true,
		`$.total > 100 && $.customer == "ana"`:        true,
		`$.total > 100 && $.customer == "eva"`:        false,
		`$.total < 100 || $.paid`:                     true,
		`!($.total < 100)`:                            true,
		`$.address.city == "Rome"`:                    true,
		`$.items[1].n == 2`:                           true,
		`$.missing == 1`:                              false,
		`$.total`:                                     false, // a number is no truth
		`$.items[7].n == 2`:                           false,
		`$.customer =~ "^a"`:                          true,
		`$.total + 1 == 121`:                          true,
		`$.total > "x"`:                               false,
		`$..n == 1`:                                   false,
		`$.customer.name.first == 1`:                  false,
		strings.Repeat("!", 100) + `($.total > 1000)`: false,
	} {
		w, err := parseWhere(condition)
		if err != nil {
			t.Errorf("%s: %v", condition, err)
			continue
		}
		if got := w.matches(context.Background(), []byte(doc)); got != want {
			t.Errorf("%s: got %v, want %v", condition, got, want)
		}
	}
	for _, condition := range []string{`$.`, `&&`, `$.a ==`, `(`, `"`, strings.Repeat("(", 2000)} {
		if _, err := parseWhere(condition); err == nil {
			t.Errorf("%.20s: no error", condition)
		}
	}
	var none *where
	if w, err := parseWhere(""); w != none || err != nil || !w.matches(context.Background()) {
		t.Errorf("no condition is not true: %v", err)
	}
	w, _ := parseWhere("$.a == 1")
	if w.matches(context.Background(), nil, []byte("no JSON"), []byte("[]"), []byte("7")) {
		t.Error("documents without the member match")
	}
}

// names lists the executions of a list's answer and its cursor.
func names(t *testing.T, body []byte) string {
	t.Helper()
	var page struct {
		Items []struct{ Name, ID string }
		Next  string
	}
	if err := json.Unmarshal(body, &page); err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	var out []string
	for _, i := range page.Items {
		out = append(out, i.Name+i.ID)
	}
	return strings.Join(out, " ") + "|" + page.Next
}

func TestExecutionsWithACondition(t *testing.T) {
	h := handler(newFake(10))
	for _, c := range []struct {
		where, limit, cursor, want string
	}{
		{`$.total >= 8`, "100", "", "x8 x9|"},
		{`$.ok == true`, "100", "", "x0 x2 x4 x6 x8|"},
		{`$.ok == true`, "2", "", "x0 x2|3"},
		{`$.ok == true`, "2", "3", "x4 x6|7"},
		{`$.ok == true`, "2", "7", "x8|"},
		{`$.output.ok == false && $.input.total > 6`, "100", "", "x7 x9|"},
		{`$.name == "x3"`, "1", "", "x3|4"},
		{`$.total == 99`, "3", "", "|"},
	} {
		w := ask(h, "GET", fmt.Sprintf("/v1/executions?limit=%s&cursor=%s&where=%s", c.limit, c.cursor, url.QueryEscape(c.where)), "")
		if got := names(t, w.Body.Bytes()); w.Code != 200 || got != c.want {
			t.Errorf("%s, limit %s from %q: got %d %s, want %s", c.where, c.limit, c.cursor, w.Code, got, c.want)
		}
	}
}

func TestApprovalsWithACondition(t *testing.T) {
	h := handler(newFake(0))
	for where, want := range map[string]string{
		`$.total > 100`: "b|n", `$.total < 100`: "a|n", `$.id == "a"`: "a|n", ``: "a b|n", `$.total > 900`: "|n",
	} {
		if got := names(t, ask(h, "GET", "/v1/approvals?where="+url.QueryEscape(where), "").Body.Bytes()); got != want {
			t.Errorf("%s: got %s, want %s", where, got, want)
		}
	}
}
