package mapping

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"

	"millrace/integrations/wire/pattern"
	"millrace/tasks"
)

// settings are what a mapping was made with.
type settings struct {
	BatchSize     int             `json:"batchSize"`
	Window        int             `json:"window"`  // seconds to wait for a full batch
	Retries       int             `json:"retries"` // of a stream's batch; -1: until it succeeds
	MaxAge        int             `json:"maxAge"`  // seconds of a stream's record; -1: any
	Bisect        bool            `json:"bisect"`
	Partial       bool            `json:"partial"` // the function reports failed items
	Concurrency   int             `json:"concurrency"`
	Parallel      int             `json:"parallel"` // as given; one shard is worked on in order all the same
	Starting      string          `json:"starting"`
	Filters       []string        `json:"filters,omitempty"`
	Template      string          `json:"template,omitempty"`
	Invocation    string          `json:"invocation,omitempty"`
	Description   string          `json:"description,omitempty"`
	SourceGiven   json.RawMessage `json:"sourceGiven,omitempty"` // SourceParameters
	TargetGiven   json.RawMessage `json:"targetGiven,omitempty"` // TargetParameters
	ResponseTypes []string        `json:"responseTypes,omitempty"`
	Role          string          `json:"role,omitempty"`
}

// sourceKind tells sources apart.
type sourceKind byte

const (
	unknownSource sourceKind = iota
	queueSource
	streamSource
)

func kindOf(arn string) sourceKind {
	p := strings.SplitN(arn, ":", 6)
	switch {
	case len(p) != 6 || p[0] != "arn":
	case p[2] == "sqs" && p[5] != "":
		return queueSource
	case p[2] == "dynamodb" && strings.HasPrefix(p[5], "table/") && strings.Contains(p[5], "/stream/"):
		return streamSource
	}
	return unknownSource
}

// isMachine reports whether a target is a state machine; else it is a function.
func isMachine(arn string) bool { return strings.Contains(arn, ":stateMachine:") }

func isFunction(arn string) bool { return strings.Contains(arn, ":function:") }

// defaults are the settings of a mapping that says nothing else.
func defaults(k sourceKind, pipe bool) settings {
	s := settings{BatchSize: 10, Retries: -1, MaxAge: -1, Concurrency: 10, Parallel: 1}
	if k == streamSource {
		s.BatchSize = 100
		s.Concurrency = 1
	}
	s.Partial = pipe
	return s
}

// limits of the settings.
const (
	maxBatch       = 10000
	maxStreamBatch = 1000       // records that are read at a time
	maxBytes       = 6<<20 - 14 // of a batch's records: of a function's event without {"Records":[]}
	maxWindow      = 300
	maxRetries     = 10000
	maxAge         = 604800
	maxConcurrency = 1000
)

// check refuses settings that are out of range. bad words the error.
func (s *settings) check(k sourceKind, bad func(member, reason string) error) error {
	in := func(member string, v, low, high int) error {
		if v < low || v > high {
			return bad(member, "must be from "+strconv.Itoa(low)+" to "+strconv.Itoa(high)+", "+strconv.Itoa(v)+" is not")
		}
		return nil
	}
	faults := []error{
		in("BatchSize", s.BatchSize, 1, maxBatch),
		in("MaximumBatchingWindowInSeconds", s.Window, 0, maxWindow),
		in("MaximumRetryAttempts", s.Retries, -1, maxRetries),
		in("MaximumRecordAgeInSeconds", s.MaxAge, -1, maxAge),
		in("ParallelizationFactor", s.Parallel, 1, 10),
	}
	if k == queueSource {
		faults = append(faults, in("MaximumConcurrency", s.Concurrency, 1, maxConcurrency))
		if s.Window == 0 && s.BatchSize > 10 {
			faults = append(faults, bad("MaximumBatchingWindowInSeconds", "must be at least 1 for a BatchSize over 10"))
		}
		if s.Starting != "" {
			faults = append(faults, bad("StartingPosition", "is not for queues"))
		}
	} else if s.Starting != "TRIM_HORIZON" && s.Starting != "LATEST" {
		faults = append(faults, bad("StartingPosition", "must be TRIM_HORIZON or LATEST"))
	}
	for _, f := range faults {
		if f != nil {
			return f
		}
	}
	for _, f := range s.Filters {
		if _, err := pattern.Compile([]byte(f)); err != nil {
			return bad("FilterCriteria", "has a pattern that is wrong: "+err.Error())
		}
	}
	if _, err := parseTemplate(s.Template); err != nil {
		return bad("InputTemplate", err.Error())
	}
	return nil
}

// filterCriteria is FilterCriteria of both APIs.
type filterCriteria struct {
	Filters []struct {
		Pattern string `json:"Pattern"`
	} `json:"Filters"`
}

func (f *filterCriteria) patterns() []string {
	if f == nil {
		return nil
	}
	var out []string
	for _, p := range f.Filters {
		out = append(out, p.Pattern)
	}
	return out
}

func criteria(patterns []string) *filterCriteria {
	if len(patterns) == 0 {
		return nil
	}
	f := &filterCriteria{}
	for _, p := range patterns {
		f.Filters = append(f.Filters, struct {
			Pattern string `json:"Pattern"`
		}{p})
	}
	return f
}

// isNotFound reports whether a source says that it does not exist.
func isNotFound(err error) bool {
	var e *tasks.Error
	return errors.As(err, &e) && (e.Code == "ResourceNotFoundException" || e.Code == "QueueDoesNotExist")
}
