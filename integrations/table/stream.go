package table

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"millrace/engine"
	"millrace/tasks"
)

// views are the view types of streams.
var views = []string{"NEW_IMAGE", "OLD_IMAGE", "NEW_AND_OLD_IMAGES", "KEYS_ONLY"}

// streamRecord is a stream as it is stored. It has one shard, so its records are
// in the order of their commits.
type streamRecord struct {
	id       int64
	table    string
	label    string
	created  int64
	ended    int64 // 0: it is running
	sequence int64 // of the last record
	def      streamDefinition
}

type streamDefinition struct {
	View string       `json:"view"`
	Keys []keyElement `json:"keys"`
}

func (s *Service) streamARN(table, label string) string { return s.ARN(table) + "/stream/" + label }

// startStream begins a stream of a table's changes, if st says so.
func (s *Service) startStream(tx engine.Tx, t *record, st *streamSpecification) error {
	t.def.Stream, t.def.StreamID = nil, 0
	if st == nil || !st.Enabled {
		return nil
	}
	id, err := tx.ID()
	if err != nil {
		return err
	}
	t.def.Stream, t.def.StreamID = st, id
	t.def.StreamLabel = tx.Now().UTC().Format("2006-01-02T15:04:05.000")
	return insertStream(tx, &streamRecord{
		id: id, table: t.name, label: t.def.StreamLabel, created: tx.Now().UnixMilli(), def: streamDefinition{st.View, t.def.Keys},
	})
}

// endStream ends a table's stream. Its records stay for a day.
func (s *Service) endStream(tx engine.Tx, t *record) error {
	if t.def.StreamID == 0 {
		return nil
	}
	err := closeStream(tx, t.def.StreamID, tx.Now().UnixMilli())
	t.def.Stream, t.def.StreamID = nil, 0
	tx.Notify(Key(t.name))
	tx.AfterCommit(s.sweeper.arm)
	return err
}

// expiry is what marks the removal of an expired item in its stream record.
const expiry = "ttl"

// record appends a change to its table's stream. A write that changes nothing
// leaves no record.
func (w *sweeper) record(tx engine.Tx, c *change, by string) error {
	name := "MODIFY"
	switch {
	case c.old == nil && c.new == nil, c.old != nil && c.new != nil && c.old.equal(c.new):
		return nil
	case c.old == nil:
		name = "INSERT"
	case c.new == nil:
		name = "REMOVE"
	}
	if by == expiry {
		name += " " + expiry
	}
	view := c.table.def.Stream.View
	keys, before, after := c.key, "", ""
	if keys == nil {
		keys = c.table.schema.of(c.new)
	}
	if c.old != nil && (view == "OLD_IMAGE" || view == "NEW_AND_OLD_IMAGES") {
		before = c.old.text()
	}
	if c.new != nil && (view == "NEW_IMAGE" || view == "NEW_AND_OLD_IMAGES") {
		after = c.new.text()
	}
	if err := insertChange(tx, c.table.def.StreamID, tx.Now().UnixMilli(), name, keys.text(), before, after); err != nil {
		return err
	}
	tx.Notify(Key(c.table.name))
	tx.AfterCommit(w.arm)
	return nil
}

// Record is a stream record as Lambda and Pipes hand it on.
type Record struct {
	EventID   string       `json:"eventID"`
	EventName string       `json:"eventName"`
	Version   string       `json:"eventVersion"`
	Source    string       `json:"eventSource"`
	Region    string       `json:"awsRegion"`
	Data      StreamRecord `json:"dynamodb"`
	ARN       string       `json:"eventSourceARN,omitempty"`
	ByService *identity    `json:"userIdentity,omitempty"`
	Sequence  int64        `json:"-"` // its place in the stream, from 1
}

// StreamRecord is the change itself. Images are there as the view type has them.
type StreamRecord struct {
	Created  int64           `json:"ApproximateCreationDateTime"` // seconds
	Keys     json.RawMessage `json:"Keys"`
	New      json.RawMessage `json:"NewImage,omitempty"`
	Old      json.RawMessage `json:"OldImage,omitempty"`
	Sequence string          `json:"SequenceNumber"`
	Size     int             `json:"SizeBytes"`
	View     string          `json:"StreamViewType"`
}

type identity struct {
	Principal string `json:"principalId"`
	Type      string `json:"type"`
}

// sequenceBase begins sequence numbers, which have at least 21 digits.
const sequenceBase = "100000000000000000000"

func sequenceText(n int64) string {
	d := strconv.FormatInt(n, 10)
	return sequenceBase[:len(sequenceBase)-len(d)] + d
}

func parseSequence(s string) (int64, error) {
	digits, ok := strings.CutPrefix(s, "1")
	if !ok || len(s) != len(sequenceBase) {
		return 0, validation("Invalid SequenceNumber: %.60s", s)
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		return 0, validation("Invalid SequenceNumber: %.60s", s)
	}
	return n, nil
}

func (st *streamRecord) shard() string {
	return fmt.Sprintf("shardId-%020d-%08x", st.created, uint32(st.id))
}

// StreamState looks a stream up by its ARN: the id of its shard and the sequence
// of its last record. A missing one is ResourceNotFoundException.
func (s *Service) StreamState(r engine.Reader, streamARN string) (shard string, last int64, err error) {
	st, err := s.stream(r, streamARN)
	if err != nil {
		return "", 0, err
	}
	return st.shard(), st.sequence, nil
}

// SignalKey is the key that is notified when a stream has new records.
func (s *Service) SignalKey(streamARN string) string { return Key(nameOf(streamARN)) }

// Records reads up to n records of a stream that come after a sequence.
func (s *Service) Records(r engine.Reader, streamARN string, after int64, n int) ([]Record, error) {
	st, err := s.stream(r, streamARN)
	if err != nil {
		return nil, err
	}
	return s.records(r, st, after, n)
}

// StreamRecords is Records for event sources: it returns each record as
// functions and pipes get it, and its sequence.
func (s *Service) StreamRecords(r engine.Reader, streamARN string, after int64, n int) (records []json.RawMessage, sequences []int64, err error) {
	list, err := s.Records(r, streamARN, after, n)
	if err != nil {
		return nil, nil, err
	}
	for i := range list {
		text, err := tasks.Encode(list[i], tasks.Form{})
		if err != nil {
			return nil, nil, err
		}
		records = append(records, text)
		sequences = append(sequences, list[i].Sequence)
	}
	return records, sequences, nil
}

func (s *Service) records(r engine.Reader, st *streamRecord, after int64, n int) ([]Record, error) {
	list, err := changes(r, st.id, after, n)
	if err != nil {
		return nil, err
	}
	for i := range list {
		rec := &list[i]
		name, by, _ := strings.Cut(rec.EventName, " ")
		rec.EventName = name
		if by == expiry {
			rec.ByService = &identity{"dynamodb.amazonaws.com", "Service"}
		}
		rec.EventID = strings.ReplaceAll(tasks.RequestID(st.label+"/"+strconv.FormatInt(st.id, 10)+"/"+strconv.FormatInt(rec.Sequence, 10)), "-", "")
		rec.Version, rec.Source, rec.Region = "1.1", "aws:dynamodb", s.host.Region()
		rec.ARN = s.streamARN(st.table, st.label)
		rec.Data.Sequence = sequenceText(rec.Sequence)
		rec.Data.View = st.def.View
		for _, part := range []json.RawMessage{rec.Data.Keys, rec.Data.New, rec.Data.Old} {
			it, err := parseItem(string(part))
			if err != nil && len(part) > 0 {
				return nil, fmt.Errorf("stream record %d: %w", rec.Sequence, err)
			}
			rec.Data.Size += it.size()
		}
	}
	return list, nil
}

// stream looks a stream up by its ARN.
func (s *Service) stream(r engine.Reader, arn string) (*streamRecord, error) {
	table, label, ok := strings.Cut(strings.TrimPrefix(arn, s.ARN("")), "/stream/")
	if ok && strings.HasPrefix(arn, s.ARN("")) {
		all, err := streams(r, `table_name = ? AND label = ?`, table, label)
		if err != nil {
			return nil, err
		}
		if len(all) > 0 {
			return all[len(all)-1], nil
		}
	}
	return nil, tasks.Errorf("ResourceNotFoundException", "Requested resource not found: Stream: %.300s not found", arn)
}
