package rest

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/PaesslerAG/gval"
	"github.com/PaesslerAG/jsonpath"
)

// maxWhere is the most bytes of a condition.
const maxWhere = 1024

// where is a condition over JSON documents, such as
// $.total > 100 && $.customer == "ana". nil is true of every document.
type where struct{ test gval.Evaluable }

// language has paths, comparisons, arithmetic and logic, and no functions.
var language = gval.NewLanguage(gval.Base(), gval.Arithmetic(), gval.Text(), gval.PropositionalLogic(), gval.JSON(), jsonpath.Language())

// parseWhere compiles a condition; "" is nil.
func parseWhere(text string) (*where, error) {
	if text == "" {
		return nil, nil
	}
	if len(text) > maxWhere {
		return nil, fmt.Errorf("the condition has %d bytes, want at most %d", len(text), maxWhere)
	}
	test, err := language.NewEvaluable(text)
	if err != nil {
		return nil, fmt.Errorf(`%q is no condition such as $.total > 100 && $.customer == "ana": %w`, short(text), err)
	}
	return &where{test}, nil
}

// matches reports whether the condition is true of one of the documents. Of a
// document that lacks what the condition asks about it is false.
func (w *where) matches(ctx context.Context, documents ...[]byte) bool {
	if w == nil {
		return true
	}
	for _, d := range documents {
		var v any
		if len(d) == 0 || json.Unmarshal(d, &v) != nil {
			continue
		}
		if w.holds(ctx, v) {
			return true
		}
	}
	return false
}

// holds evaluates the condition. The expression library panics on some
// documents that an expression does not fit; that is no match.
func (w *where) holds(ctx context.Context, v any) (ok bool) {
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	got, err := w.test(ctx, v)
	return err == nil && got == true
}

func short(s string) string {
	if len(s) > 80 {
		return s[:80] + "..."
	}
	return s
}
