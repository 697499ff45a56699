package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"
)

// event is a HistoryEvent of the AWS Step Functions API, as far as a line shows it.
type event struct {
	ID        int64
	Type      string
	Timestamp float64 // seconds
	Details   details
}

// details are members that the details of several event types have.
type details struct {
	Name, Error, Cause, Output, Input       string
	Resource, ResourceType, Location, State string
	Index                                   *int64
	Length                                  *int64
}

func parseEvent(data []byte) (e event, err error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(data, &members); err != nil {
		return e, fmt.Errorf("read an event: %w", err)
	}
	for name, v := range members {
		var err error
		switch {
		case name == "id":
			err = json.Unmarshal(v, &e.ID)
		case name == "type":
			err = json.Unmarshal(v, &e.Type)
		case name == "timestamp":
			err = json.Unmarshal(v, &e.Timestamp)
		case strings.HasSuffix(name, "EventDetails"):
			err = json.Unmarshal(v, &e.Details)
		}
		if err != nil {
			return e, fmt.Errorf("read an event's %s: %w", name, err)
		}
	}
	return e, nil
}

// EventLine returns a HistoryEvent, given as JSON, on one line. What is no event
// is returned as it is.
func EventLine(data []byte) string {
	e, err := parseEvent(data)
	if err != nil {
		return plain(string(data))
	}
	return e.line()
}

func (e *event) line() string {
	at := time.UnixMilli(int64(e.Timestamp*1000 + 0.5)).Local().Format("15:04:05.000")
	text := fmt.Sprintf("%5d  %s  %-24s", e.ID, at, e.Type)
	d := e.Details
	if d.Name != "" {
		text += "  " + d.Name
	}
	if d.Index != nil {
		text += fmt.Sprintf("  [%d]", *d.Index)
	}
	if d.Length != nil {
		text += fmt.Sprintf("  %d items", *d.Length)
	}
	switch {
	case d.ResourceType != "":
		text += "  " + d.ResourceType + ":" + d.Resource
	case d.Resource != "":
		text += "  " + d.Resource
	}
	if d.Error != "" {
		text += "  " + d.Error
	}
	if d.Cause != "" {
		text += ": " + d.Cause
	}
	const most = 200 // characters of a line
	if r := []rune(text); len(r) > most {
		text = string(r[:most]) + "..."
	}
	return strings.TrimRight(plain(text), " ")
}

// Progress returns a receiver of history events that prints an execution state
// by state: what is entered and left, what fails, and how it ends.
func Progress(out io.Writer) func(name string, data []byte) (more bool) {
	return func(name string, data []byte) bool {
		if name != "history" {
			return name != "end"
		}
		e, err := parseEvent(data)
		if err != nil {
			return true
		}
		for _, part := range []string{"StateEntered", "StateExited", "Failed", "TimedOut", "Aborted", "Execution"} {
			if strings.Contains(e.Type, part) {
				fmt.Fprintln(out, e.line())
				break
			}
		}
		return true
	}
}
