package productvisits

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestSampleVisitsBecomeRows(t *testing.T) {
	for n, prefix := range map[int]string{
		1: "data/2026/03/21/16/c0a8f3d2-61b7-4c1e-8f2b-7f3a9d5e1b01/5b1f9f0e-2f0c-4f7e-9a55-0d8c1f6f2a11/",
		4: "data/2026/03/22/07/f3db0e65-94ea-4f41-9c5e-ac6dca8b4e04/ab3d2c56-9e77-4d2d-9f5e-5e9b3d1b4c14/",
		5: "data/2026/03/22/8:/a4ec1f76-a5fb-4052-8d6f-bd7edb9c5f05/bc4e3d67-af88-4e3e-8a6f-6fac4e2c5d15/",
	} {
		body, err := Files.ReadFile(fmt.Sprintf("visits/%d.json", n))
		if err != nil {
			t.Fatal(err)
		}
		event, _ := json.Marshal(map[string]any{"Records": []any{map[string]any{"body": string(body)}}})
		answer, err := DataHandler(t.Context(), event)
		if err != nil {
			t.Fatalf("visit %d: %v", n, err)
		}
		var item map[string]string
		if err := json.Unmarshal(answer, &item); err != nil || len(item) != 8 {
			t.Fatalf("visit %d: got %s, want eight strings", n, answer)
		}
		image := map[string]any{}
		for k, v := range item {
			image[k] = map[string]string{"S": v}
		}
		event, _ = json.Marshal(map[string]any{"Records": []any{map[string]any{"eventName": "INSERT", "dynamodb": map[string]any{"NewImage": image}}}})
		answer, err = DatalakeLoadingHandler(t.Context(), event)
		if err != nil {
			t.Fatalf("visit %d: %v", n, err)
		}
		var row Row
		if err := json.Unmarshal(answer, &row); err != nil {
			t.Fatal(err)
		}
		key := item["ProductVisitKey"]
		if got, want := row.Key, prefix+key+".csv"; got != want {
			t.Errorf("visit %d: key %s, want %s", n, got, want)
		}
		if got := strings.Split(row.Row, ","); len(got) != 8 || got[0] != key || got[7] != item["TimeOfVisit"] || got[4] != item["PricePerUnit"] {
			t.Errorf("visit %d: row %s", n, row.Row)
		}
	}
}

func TestHandlersRefuse(t *testing.T) {
	for _, c := range []struct {
		handler     func() ([]byte, error)
		name, wants string
	}{
		{func() ([]byte, error) { return DataHandler(t.Context(), []byte(`{"Records":[{"body":"{\"ProductId\":\"x\"}"}]}`)) }, "fields missing", "lacks ProductName, Category"},
		{func() ([]byte, error) { return DataHandler(t.Context(), []byte(`{"Records":[{"body":"no json"}]}`)) }, "body is no JSON", "no visit"},
		{func() ([]byte, error) { return DataHandler(t.Context(), []byte(`{"Records":[]}`)) }, "no record", "0 records"},
		{func() ([]byte, error) { return DataHandler(t.Context(), []byte(`nonsense`)) }, "event is no JSON", "no list of records"},
		{func() ([]byte, error) {
			return DatalakeLoadingHandler(t.Context(), []byte(`{"Records":[{"dynamodb":{"NewImage":{"PricePerUnit":{"N":"10"}}}}]}`))
		}, "a number stored", "lacks the strings ProductVisitKey"},
	} {
		_, err := c.handler()
		var invalid *InvalidVisit
		if !errors.As(err, &invalid) || !strings.Contains(invalid.Reason, c.wants) {
			t.Errorf("%s: got %v, want InvalidVisit with %q", c.name, err, c.wants)
		}
	}
}
