package jsonata

import (
	"fmt"
	"strings"
	"testing"

	"millrace/asl/document"
)

// order is a document of about 2 KB, of the kind workflows pass around.
func order(tb testing.TB) any {
	var items []string
	for i := range 12 {
		items = append(items, fmt.Sprintf(`{"sku":"SKU-%04d","name":"Article number %d","price":%d.%02d,"quantity":%d,"tags":["a","b"],"stock":true}`, i, i, 5+i*3, i*7%100, 1+i%4))
	}
	text := `{"orderId":"o-20261124-000123","status":"PAID","customer":{"id":42,"name":"Ana Lima","email":"ana@example.com","address":{"street":"Rua A 1","city":"Lisboa","zip":"1000-001"}},` +
		`"items":[` + strings.Join(items, ",") + `],"shipping":{"method":"express","cost":12.5,"tracking":null},"notes":"leave at the door"}`
	v, err := document.Parse([]byte(text))
	if err != nil {
		tb.Fatal(err)
	}
	return v
}

var everyday = []struct{ name, expr string }{
	{"path", `$states.input.customer.address.city`},
	{"filter and sum", `$sum($states.input.items[price > 20].(price * quantity))`},
	{"concat", `"Order " & $states.input.orderId & " for " & $states.input.customer.name & ": " & $states.input.status`},
	{"map with lambda", `$map($states.input.items, function($i) { $i.sku })`},
	{"object", `{"id": $states.input.orderId, "to": $states.input.customer.email, "city": $states.input.customer.address.city, "paid": true, "cost": $states.input.shipping.cost}`},
	{"conditional", `$states.input.status = "PAID" and $states.input.shipping.cost < 20 ? "ship" : "hold"`},
}

func BenchmarkEveryday(b *testing.B) {
	input := order(b)
	states := document.NewObject(1)
	states.Set("input", input)
	vars := &Bindings{Vars: map[string]any{"states": states}}
	for _, c := range everyday {
		e, err := Compile(c.expr, Options{})
		if err != nil {
			b.Fatal(err)
		}
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := e.Eval(Undefined, vars); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkCompile(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		for _, c := range everyday {
			if _, err := Compile(c.expr, Options{}); err != nil {
				b.Fatal(err)
			}
		}
	}
}
