package table

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"millrace/engine"
	"millrace/tasks"
)

// streamTable is DynamoDB Streams as operations.
func (s *Service) streamTable() *tasks.Service {
	return &tasks.Service{
		Name: "dynamodbstreams", SDKName: "DynamoDbStreams", Title: "DynamoDBStreams", JavaName: "AmazonDynamoDBStreams",
		Exceptions: []string{"ExpiredIteratorException", "InternalServerError", "LimitExceededException", "ResourceNotFoundException", "TrimmedDataAccessException"},
		Operations: []tasks.Operation{
			{Name: "ListStreams", Read: s.listStreams},
			{Name: "DescribeStream", Read: s.describeStream},
			{Name: "GetShardIterator", Read: s.getShardIterator},
			{Name: "GetRecords", Read: s.getRecords},
		},
	}
}

func (s *Service) listStreams(_ context.Context, r engine.Reader, _ tasks.Caller, in json.RawMessage) (any, error) {
	var req struct {
		Table string `json:"TableName"`
		Limit *int   `json:"Limit"`
		Start string `json:"ExclusiveStartStreamArn"`
	}
	if err := tasks.Decode(in, &req); err != nil {
		return nil, err
	}
	var c checks
	c.atLeast("limit", req.Limit, 1)
	if err := c.err(); err != nil {
		return nil, err
	}
	var from int64
	if req.Start != "" {
		st, err := s.stream(r, req.Start)
		if err != nil {
			return nil, err
		}
		from = st.id
	}
	all, err := streams(r, `id > ? AND (? = '' OR table_name = ?)`, from, nameOf(req.Table), nameOf(req.Table))
	if err != nil {
		return nil, err
	}
	type item struct {
		ARN   string `json:"StreamArn"`
		Table string `json:"TableName"`
		Label string `json:"StreamLabel"`
	}
	out := struct {
		Streams []item `json:"Streams"`
		Last    string `json:"LastEvaluatedStreamArn,omitempty"`
	}{Streams: []item{}}
	most := 100
	if req.Limit != nil {
		most = min(most, *req.Limit)
	}
	for i, st := range all {
		if i == most {
			out.Last = out.Streams[i-1].ARN
			break
		}
		out.Streams = append(out.Streams, item{s.streamARN(st.table, st.label), st.table, st.label})
	}
	return out, nil
}

func (s *Service) describeStream(_ context.Context, r engine.Reader, _ tasks.Caller, in json.RawMessage) (any, error) {
	var req struct {
		ARN   string `json:"StreamArn"`
		Start string `json:"ExclusiveStartShardId"`
	}
	if err := tasks.Decode(in, &req); err != nil {
		return nil, err
	}
	var c checks
	c.required("streamArn", req.ARN != "")
	if err := c.err(); err != nil {
		return nil, err
	}
	st, err := s.stream(r, req.ARN)
	if err != nil {
		return nil, err
	}
	type numbers struct {
		First string `json:"StartingSequenceNumber"`
		Last  string `json:"EndingSequenceNumber,omitempty"`
	}
	type shard struct {
		ID    string  `json:"ShardId"`
		Range numbers `json:"SequenceNumberRange"`
	}
	type streamDescription struct {
		ARN     string       `json:"StreamArn"`
		Label   string       `json:"StreamLabel"`
		Status  string       `json:"StreamStatus"`
		View    string       `json:"StreamViewType"`
		Created time.Time    `json:"CreationRequestDateTime"`
		Table   string       `json:"TableName"`
		Keys    []keyElement `json:"KeySchema"`
		Shards  []shard      `json:"Shards"`
	}
	d := streamDescription{
		ARN: req.ARN, Label: st.label, Status: "ENABLED", View: st.def.View, Created: time.UnixMilli(st.created).UTC(),
		Table: st.table, Keys: st.def.Keys, Shards: []shard{},
	}
	sh := shard{ID: st.shard(), Range: numbers{First: sequenceText(1)}}
	if st.ended != 0 {
		d.Status = "DISABLED"
		sh.Range.Last = sequenceText(st.sequence)
	}
	if req.Start == "" {
		d.Shards = append(d.Shards, sh)
	}
	return struct {
		Description streamDescription `json:"StreamDescription"`
	}{d}, nil
}

// iteratorSpan is how long a shard iterator is good for.
const iteratorSpan = 15 * time.Minute

// iterator is a place in a stream: after a sequence.
func (s *Service) iterator(arn string, after int64) string {
	return base64.StdEncoding.EncodeToString([]byte(arn + "|" + strconv.FormatInt(after, 10) + "|" + strconv.FormatInt(s.host.Now().UnixMilli(), 10)))
}

func (s *Service) openIterator(text string) (arn string, after int64, err error) {
	b, err := base64.StdEncoding.DecodeString(text)
	parts := strings.Split(string(b), "|")
	if err != nil || len(parts) != 3 {
		return "", 0, validation("Invalid ShardIterator")
	}
	after, err1 := strconv.ParseInt(parts[1], 10, 64)
	made, err2 := strconv.ParseInt(parts[2], 10, 64)
	if err1 != nil || err2 != nil {
		return "", 0, validation("Invalid ShardIterator")
	}
	if s.host.Now().Sub(time.UnixMilli(made)) > iteratorSpan {
		return "", 0, tasks.Errorf("ExpiredIteratorException", "Iterator expired. The iterator was created at time %s while right now it is %s which is further in the future than the tolerated delay of %d milliseconds",
			time.UnixMilli(made).UTC().Format(time.UnixDate), s.host.Now().UTC().Format(time.UnixDate), iteratorSpan.Milliseconds())
	}
	return parts[0], after, nil
}

func (s *Service) getShardIterator(_ context.Context, r engine.Reader, _ tasks.Caller, in json.RawMessage) (any, error) {
	var req struct {
		ARN      string `json:"StreamArn"`
		Shard    string `json:"ShardId"`
		Type     string `json:"ShardIteratorType"`
		Sequence string `json:"SequenceNumber"`
	}
	if err := tasks.Decode(in, &req); err != nil {
		return nil, err
	}
	var c checks
	c.required("streamArn", req.ARN != "")
	c.required("shardId", req.Shard != "")
	c.required("shardIteratorType", req.Type != "")
	c.enum("shardIteratorType", req.Type, "AFTER_SEQUENCE_NUMBER", "LATEST", "AT_SEQUENCE_NUMBER", "TRIM_HORIZON")
	if err := c.err(); err != nil {
		return nil, err
	}
	st, err := s.stream(r, req.ARN)
	if err != nil {
		return nil, err
	}
	if req.Shard != st.shard() {
		return nil, tasks.Errorf("ResourceNotFoundException", "Requested resource not found: Shard: %.80s not found", req.Shard)
	}
	var after int64
	switch req.Type {
	case "LATEST":
		after = st.sequence
	case "AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER":
		if after, err = parseSequence(req.Sequence); err != nil {
			return nil, err
		}
		if req.Type == "AT_SEQUENCE_NUMBER" {
			after--
		}
		first, err := firstChange(r, st.id)
		if err != nil {
			return nil, err
		}
		if after+1 < first {
			return nil, tasks.Errorf("TrimmedDataAccessException", "The operation attempted to read past the oldest stream record in a shard.")
		}
	}
	return struct {
		Iterator string `json:"ShardIterator"`
	}{s.iterator(req.ARN, after)}, nil
}

func (s *Service) getRecords(_ context.Context, r engine.Reader, _ tasks.Caller, in json.RawMessage) (any, error) {
	var req struct {
		Iterator string `json:"ShardIterator"`
		Limit    *int   `json:"Limit"`
	}
	if err := tasks.Decode(in, &req); err != nil {
		return nil, err
	}
	var c checks
	c.required("shardIterator", req.Iterator != "")
	c.atLeast("limit", req.Limit, 1)
	c.atMost("limit", req.Limit, 1000)
	if err := c.err(); err != nil {
		return nil, err
	}
	arn, after, err := s.openIterator(req.Iterator)
	if err != nil {
		return nil, err
	}
	st, err := s.stream(r, arn)
	if err != nil {
		return nil, err
	}
	most := 1000
	if req.Limit != nil {
		most = *req.Limit
	}
	list, err := s.records(r, st, after, most)
	if err != nil {
		return nil, err
	}
	out := struct {
		Records []Record `json:"Records"`
		Next    string   `json:"NextShardIterator,omitempty"`
	}{Records: list}
	if out.Records == nil {
		out.Records = []Record{}
	}
	size := 0
	for i := range list {
		list[i].ARN = ""
		after = list[i].Sequence
		if size += list[i].Data.Size; size > maxPage {
			out.Records = list[:i+1]
			break
		}
	}
	if st.ended == 0 || after < st.sequence {
		out.Next = s.iterator(arn, after)
	}
	return out, nil
}
