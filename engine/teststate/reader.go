package teststate

import (
	"encoding/csv"
	"fmt"
	"strconv"
	"strings"

	"millrace/asl"
	"millrace/asl/document"
)

// readItems makes the items of a Map state of what its ItemReader has read, or
// tells the cause of States.ItemReaderFailed.
//
// Source: "ItemReader (Map)" of the AWS Step Functions developer guide.
func readItems(r *asl.ItemReader, data string) (items *document.Doc, cause string) {
	switch r.InputType {
	case "CSV":
		return readCSV(r, data)
	case "JSONL":
		var list []any
		for i, line := range strings.Split(data, "\n") {
			if strings.TrimSpace(line) == "" {
				continue
			}
			v, err := document.Parse([]byte(line))
			if err != nil {
				return nil, fmt.Sprintf("Line %d is not valid JSON: %v", i+1, err)
			}
			list = append(list, v)
		}
		return document.FromValue(list), ""
	}
	v, err := document.Parse([]byte(data))
	if err != nil {
		return nil, fmt.Sprintf("The data is not valid JSON: %v", err)
	}
	if r.ItemsPointer != "" {
		if v, err = follow(v, r.ItemsPointer); err != nil {
			return nil, err.Error()
		}
	}
	switch v.(type) {
	case []any, *document.Object:
		return document.FromValue(v), ""
	}
	return nil, "Attempting to map over non-iterable node."
}

// readCSV makes an object of each row, with the columns' names as keys.
func readCSV(r *asl.ItemReader, data string) (items *document.Doc, cause string) {
	c := csv.NewReader(strings.NewReader(data))
	c.FieldsPerRecord = -1
	switch r.CSVDelimiter {
	case "PIPE":
		c.Comma = '|'
	case "SEMICOLON":
		c.Comma = ';'
	case "SPACE":
		c.Comma = ' '
	case "TAB":
		c.Comma = '\t'
	}
	rows, err := c.ReadAll()
	if err != nil {
		return nil, fmt.Sprintf("The data is not valid CSV: %v", err)
	}
	headers := r.CSVHeaders
	if r.CSVHeaderLocation != "GIVEN" {
		if len(rows) == 0 {
			return document.FromValue([]any{}), ""
		}
		headers, rows = rows[0], rows[1:]
	}
	list := make([]any, len(rows))
	for i, row := range rows {
		o := document.NewObject(len(headers))
		for j, h := range headers {
			if j < len(row) {
				o.Set(h, row[j])
			} else {
				o.Set(h, "")
			}
		}
		list[i] = o
	}
	return document.FromValue(list), ""
}

// follow finds the value at a JSON pointer (RFC 6901).
func follow(v any, pointer string) (any, error) {
	for _, key := range strings.Split(strings.TrimPrefix(pointer, "/"), "/") {
		key = strings.NewReplacer("~1", "/", "~0", "~").Replace(key)
		switch in := v.(type) {
		case *document.Object:
			e, ok := in.Get(key)
			if !ok {
				return nil, fmt.Errorf("the ItemsPointer %s leads to nothing", pointer)
			}
			v = e
		case []any:
			i, err := strconv.Atoi(key)
			if err != nil || i < 0 || i >= len(in) {
				return nil, fmt.Errorf("the ItemsPointer %s leads to nothing", pointer)
			}
			v = in[i]
		default:
			return nil, fmt.Errorf("the ItemsPointer %s leads to nothing", pointer)
		}
	}
	return v, nil
}
