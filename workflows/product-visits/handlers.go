package productvisits

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/google/uuid"
)

// Visit is a message of the queue. All values are strings.
type Visit struct {
	ProductID    string `json:"ProductId"`
	ProductName  string `json:"ProductName"`
	Category     string `json:"Category"`
	PricePerUnit string `json:"PricePerUnit"`
	CustomerID   string `json:"CustomerId"`
	CustomerName string `json:"CustomerName"`
	TimeOfVisit  string `json:"TimeOfVisit"` // 2026-03-21T16:23:42.389Z; the hour may have one digit
}

// Item is a visit with its key, as the table keeps it.
type Item struct {
	Key string `json:"ProductVisitKey"`
	Visit
}

// InvalidVisit is the error of a handler whose event is no visit. Its name is
// the error name that a state machine's Catch sees.
type InvalidVisit struct{ Reason string }

func (e *InvalidVisit) Error() string { return e.Reason }

// missing names the fields that have no value.
func (v Visit) missing() []string {
	var names []string
	for _, f := range []struct{ name, value string }{
		{"ProductId", v.ProductID}, {"ProductName", v.ProductName}, {"Category", v.Category}, {"PricePerUnit", v.PricePerUnit},
		{"CustomerId", v.CustomerID}, {"CustomerName", v.CustomerName}, {"TimeOfVisit", v.TimeOfVisit},
	} {
		if f.value == "" {
			names = append(names, f.name)
		}
	}
	return names
}

// DataHandler is productVisitsDataHandler. Its event is {"Records": [record]}
// with one record of the queue; it answers the visit of the record's body with a
// new ProductVisitKey.
func DataHandler(_ context.Context, event []byte) ([]byte, error) {
	var e struct {
		Records []struct {
			Body string `json:"body"`
		}
	}
	if err := json.Unmarshal(event, &e); err != nil {
		return nil, &InvalidVisit{fmt.Sprintf("the event is no list of records: %v", err)}
	}
	if len(e.Records) != 1 {
		return nil, &InvalidVisit{fmt.Sprintf("the event has %d records, one visit at a time is handled", len(e.Records))}
	}
	var v Visit
	if err := json.Unmarshal([]byte(e.Records[0].Body), &v); err != nil {
		return nil, &InvalidVisit{fmt.Sprintf("the message is no visit: %v", err)}
	}
	if names := v.missing(); len(names) > 0 {
		return nil, &InvalidVisit{"the visit lacks " + strings.Join(names, ", ")}
	}
	return json.Marshal(Item{uuid.NewString(), v})
}

// Row is a line of the data lake and the key of the object that holds it.
type Row struct {
	Key string // data/YYYY/MM/DD/HH/<CustomerId>/<ProductId>/<ProductVisitKey>.csv
	Row string // ProductVisitKey,ProductId,ProductName,Category,PricePerUnit,CustomerId,CustomerName,TimeOfVisit
}

// DatalakeLoadingHandler is productVisitsDatalakeLoadingHandler. Its event is
// {"Records": [record]} with one record of the table's stream. It puts the item's
// [Row] into the bucket that the environment variable BUCKET names, and answers
// {"Bucket": ..., "Key": ...}. Loading an item again writes the same object again.
func DatalakeLoadingHandler(ctx context.Context, event []byte) ([]byte, error) {
	var e struct {
		Records []struct {
			DynamoDB struct {
				NewImage map[string]struct{ S *string }
			} `json:"dynamodb"`
		}
	}
	if err := json.Unmarshal(event, &e); err != nil {
		return nil, &InvalidVisit{fmt.Sprintf("the event is no list of records: %v", err)}
	}
	if len(e.Records) != 1 {
		return nil, &InvalidVisit{fmt.Sprintf("the event has %d records, one item at a time is loaded", len(e.Records))}
	}
	var missing []string
	get := func(name string) string {
		s := e.Records[0].DynamoDB.NewImage[name].S
		if s == nil {
			missing = append(missing, name)
			return ""
		}
		return *s
	}
	item := Item{get("ProductVisitKey"), Visit{get("ProductId"), get("ProductName"), get("Category"), get("PricePerUnit"), get("CustomerId"), get("CustomerName"), get("TimeOfVisit")}}
	if len(missing) > 0 {
		return nil, &InvalidVisit{"the image lacks the strings " + strings.Join(missing, ", ")}
	}
	row, err := NewRow(item)
	if err != nil {
		return nil, err
	}
	bucket := os.Getenv("BUCKET")
	if bucket == "" {
		return nil, errors.New("BUCKET is not set: it names the data lake's bucket")
	}
	if err := upload(ctx, bucket, row.Key, []byte(row.Row)); err != nil {
		return nil, err
	}
	return json.Marshal(Loaded{bucket, row.Key})
}

// Loaded names the object that a row was written to.
type Loaded struct{ Bucket, Key string }

// NewRow makes the row of an item. The folders of its key are cut from
// TimeOfVisit by position, as readers of the lake expect: an hour of one digit
// keeps the colon that follows it.
func NewRow(i Item) (Row, error) {
	t := i.TimeOfVisit
	if len(t) < 13 {
		return Row{}, &InvalidVisit{fmt.Sprintf("TimeOfVisit %.40q: a time such as 2026-03-21T16:23:42.389Z belongs here", t)}
	}
	return Row{
		Key: fmt.Sprintf("data/%s/%s/%s/%s/%s/%s/%s.csv", t[0:4], t[5:7], t[8:10], t[11:13], i.CustomerID, i.ProductID, i.Key),
		Row: strings.Join([]string{i.Key, i.ProductID, i.ProductName, i.Category, i.PricePerUnit, i.CustomerID, i.CustomerName, i.TimeOfVisit}, ","),
	}, nil
}
