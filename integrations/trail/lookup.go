package trail

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"

	"millrace/engine"
	"millrace/tasks"
)

// lookupColumns are the columns of the attributes that records are looked up by.
var lookupColumns = map[string]string{
	"EventId": "event_id", "EventName": "event_name", "ReadOnly": "read_only", "Username": "username",
	"ResourceType": "resource_type", "ResourceName": "resource", "EventSource": "event_source",
}

// maxLookup is the most records that one LookupEvents answers.
const maxLookup = 50

type lookupInput struct {
	Attributes []struct {
		Key   string `json:"AttributeKey"`
		Value string `json:"AttributeValue"`
	} `json:"LookupAttributes"`
	Start     time.Time `json:"StartTime"`
	End       time.Time `json:"EndTime"`
	Category  string    `json:"EventCategory"`
	Max       *int64    `json:"MaxResults"`
	NextToken string    `json:"NextToken"`
}

// page is the last record of the page before; the token is its JSON in base64.
type page struct {
	At int64 `json:"at"`
	ID int64 `json:"id"`
}

type found struct {
	place     page
	EventID   string          `json:"EventId"`
	EventName string          `json:"EventName"`
	ReadOnly  string          `json:"ReadOnly"`
	EventTime time.Time       `json:"EventTime"`
	Source    string          `json:"EventSource"`
	Username  string          `json:"Username"`
	Resources []foundResource `json:"Resources"`
	Record    string          `json:"CloudTrailEvent"`
}

type foundResource struct {
	Type string `json:"ResourceType"`
	Name string `json:"ResourceName"`
}

// lookupEvents answers management events, newest first.
func (s *Service) lookupEvents(_ context.Context, r engine.Reader, _ tasks.Caller, in json.RawMessage) (any, error) {
	var p lookupInput
	if err := tasks.Decode(in, &p); err != nil {
		return nil, err
	}
	type lookupOutput struct {
		Events    []found `json:"Events"`
		NextToken string  `json:"NextToken,omitempty"`
	}
	out := lookupOutput{Events: []found{}}
	sql, args, n, err := s.query(&p)
	if err != nil {
		return nil, err
	}
	if sql == "" {
		return out, nil
	}
	err = each(r, func(scan func(...any) error) error {
		var f found
		f.Resources = make([]foundResource, 1)
		if err := scan(&f.place.At, &f.place.ID, &f.EventID, &f.EventName, &f.Source, &f.Username, &f.Resources[0].Type, &f.Resources[0].Name, &f.ReadOnly, &f.Record); err != nil {
			return err
		}
		f.EventTime = time.UnixMilli(f.place.At).UTC().Truncate(time.Second)
		out.Events = append(out.Events, f)
		return nil
	}, sql, args...)
	if int64(len(out.Events)) > n {
		out.Events = out.Events[:n]
		text, err := json.Marshal(out.Events[n-1].place)
		if err != nil {
			return nil, fmt.Errorf("look up records: %w", err)
		}
		out.NextToken = base64.RawURLEncoding.EncodeToString(text)
	}
	return out, err
}

// query is the SQL of a look-up of up to n records. "": it finds none.
func (s *Service) query(p *lookupInput) (sql string, args []any, n int64, err error) {
	switch p.Category {
	case "":
	case "insight":
		return "", nil, 0, nil // there are none
	default:
		return "", nil, 0, tasks.Errorf("InvalidEventCategoryException", "Event category %q is not valid: insight belongs there, or nothing.", short(p.Category))
	}
	n = maxLookup
	if p.Max != nil {
		if n = *p.Max; n < 1 || n > maxLookup {
			return "", nil, 0, tasks.Errorf("InvalidMaxResultsException", "A max results value of %d is invalid. Specify max results between 1 and %d.", n, maxLookup)
		}
	}
	from, to := s.host.Now().Add(-retention).UnixMilli(), s.host.Now().UnixMilli()
	if !p.Start.IsZero() && !p.End.IsZero() && p.Start.After(p.End) {
		return "", nil, 0, tasks.Errorf("InvalidTimeRangeException", "The start time must be before the end time.")
	}
	if !p.Start.IsZero() {
		from = max(from, p.Start.UnixMilli())
	}
	if !p.End.IsZero() {
		to = min(to, p.End.UnixMilli())
	}
	sql = `SELECT at, id, event_id, event_name, event_source, username, resource_type, resource, read_only, body
		FROM trail_record WHERE category = 'Management' AND at >= ? AND at <= ?`
	args = []any{from, to}
	switch len(p.Attributes) {
	case 0:
	case 1:
		a := p.Attributes[0]
		column, ok := lookupColumns[a.Key]
		if a.Key == "AccessKeyId" && a.Value != "" {
			return "", nil, 0, nil // records have none
		}
		if !ok || a.Value == "" {
			return "", nil, 0, tasks.Errorf("InvalidLookupAttributesException", "The lookup attribute %q with the value %q is not valid.", short(a.Key), short(a.Value))
		}
		sql += ` AND ` + column + ` = ?`
		args = append(args, a.Value)
	default:
		return "", nil, 0, tasks.Errorf("InvalidLookupAttributesException", "You can specify only one lookup attribute.")
	}
	if p.NextToken != "" {
		var last page
		text, err := base64.RawURLEncoding.DecodeString(p.NextToken)
		if err != nil || json.Unmarshal(text, &last) != nil {
			return "", nil, 0, tasks.Errorf("InvalidNextTokenException", "The token is not one that LookupEvents gave.")
		}
		sql += ` AND (at < ? OR at = ? AND id < ?)`
		args = append(args, last.At, last.At, last.ID)
	}
	return sql + ` ORDER BY at DESC, id DESC LIMIT ?`, append(args, n+1), n, nil
}
