package trail

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"millrace/asl/document"
	"millrace/engine"
	"millrace/engine/leaktest"
	"millrace/integrations/wire/hosttest"
	"millrace/tasks"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

type fixture struct {
	t *testing.T
	h *hosttest.Host
	s *Service
	*sink
}

// sink keeps what it is told in committed units.
type sink struct {
	mu      sync.Mutex
	records []*document.Object
	err     error
}

func (k *sink) Record(tx engine.Tx, record *document.Object) error {
	tx.AfterCommit(func() {
		k.mu.Lock()
		defer k.mu.Unlock()
		k.records = append(k.records, record)
	})
	return k.err
}

func open(t *testing.T) *fixture {
	h := hosttest.New(t, Migrations())
	k := &sink{}
	s := New(h, Options{Sink: k, Log: slog.New(slog.DiscardHandler)})
	t.Cleanup(func() {
		s.Close()
		if n := h.Watching(); n != 0 {
			t.Errorf("%d watchers are left", n)
		}
	})
	return &fixture{t, h, s, k}
}

func (f *fixture) call(op, in string) (map[string]any, error) {
	f.t.Helper()
	out, err := tasks.Invoke(context.Background(), f.h, f.s.Service(), op, tasks.Caller{}, json.RawMessage(in))
	if err != nil {
		return nil, err
	}
	text, err := tasks.Encode(out, tasks.Form{})
	if err != nil {
		f.t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(text, &m); err != nil {
		f.t.Fatal(err)
	}
	return m, nil
}

func (f *fixture) must(op, format string, args ...any) map[string]any {
	f.t.Helper()
	m, err := f.call(op, fmt.Sprintf(format, args...))
	if err != nil {
		f.t.Fatalf("%s: %v", op, err)
	}
	return m
}

// change makes a change and returns what the sink was told.
func (f *fixture) change(c Change) []*document.Object {
	f.t.Helper()
	before := len(f.records)
	if err := f.h.Do(context.Background(), nil, func(tx engine.Tx) error { return f.s.Changed(tx, c) }); err != nil {
		f.t.Fatal(err)
	}
	return f.records[before:]
}

// logging makes a trail that logs, with selectors as JSON; "": none.
func (f *fixture) logging(name, selectors string) {
	f.t.Helper()
	f.must("CreateTrail", `{"Name":%q,"S3BucketName":"logs-bucket"}`, name)
	if selectors != "" {
		f.must("PutEventSelectors", `{"TrailName":%q,%s}`, name, selectors)
	}
	f.must("StartLogging", `{"Name":%q}`, name)
}

var api = tasks.Caller{Source: "127.0.0.1", UserAgent: "aws-cli/1.45", RequestID: "request-1"}

func TestRecordOfAnObject(t *testing.T) {
	f := open(t)
	f.logging("site", `"EventSelectors":[{"DataResources":[{"Type":"AWS::S3::Object","Values":["arn:aws:s3:::site/"]}]}]`)
	got := f.change(Change{Operation: "PutObject", Bucket: "site", Key: "a/index.html", Size: 12, Parameters: map[string]string{"x-id": "PutObject"}, Caller: api})
	if len(got) != 1 {
		t.Fatalf("the sink was told of %d records", len(got))
	}
	record := got[0]
	id, _ := record.Get("eventID")
	want := fmt.Sprintf(`{"eventVersion":"1.11","userIdentity":{"type":"Root","principalId":"000000000000","arn":"arn:aws:iam::000000000000:root","accountId":"000000000000"},`+
		`"eventTime":"2026-01-02T03:04:05Z","eventSource":"s3.amazonaws.com","eventName":"PutObject","awsRegion":"us-east-1","sourceIPAddress":"127.0.0.1","userAgent":"aws-cli/1.45",`+
		`"requestParameters":{"bucketName":"site","Host":"site.s3.us-east-1.amazonaws.com","key":"a/index.html","x-id":"PutObject"},"responseElements":null,"additionalEventData":{"bytesTransferredIn":12},`+
		`"requestID":"request-1","eventID":%q,"readOnly":false,"resources":[{"accountId":"000000000000","type":"AWS::S3::Object","ARN":"arn:aws:s3:::site/a/index.html"},`+
		`{"accountId":"000000000000","type":"AWS::S3::Bucket","ARN":"arn:aws:s3:::site"}],"eventType":"AwsApiCall","managementEvent":false,"recipientAccountId":"000000000000","eventCategory":"Data"}`, id)
	if text := string(document.Append(nil, record)); text != want {
		t.Errorf("got  %s\nwant %s", text, want)
	}
	if m := f.must("LookupEvents", `{}`); len(m["Events"].([]any)) != 0 {
		t.Errorf("a data event is looked up: %v", m)
	}
}

func TestRecordOfATask(t *testing.T) {
	f := open(t)
	f.logging("all", "")
	got := f.change(Change{Operation: "CreateBucket", Bucket: "site",
		Caller: tasks.Caller{Source: "states.amazonaws.com", UserAgent: "states.amazonaws.com", ExecutionARN: "arn:aws:states:us-east-1:000000000000:execution:m:x"}})
	text := string(document.Append(nil, got[0]))
	for _, want := range []string{`"userIdentity":{"type":"AWSService","invokedBy":"states.amazonaws.com"}`, `"executionArn":"arn:aws:states:us-east-1:000000000000:execution:m:x"`} {
		if !strings.Contains(text, want) {
			t.Errorf("%s\nwant %s in it", text, want)
		}
	}
}

// Sub-resources of buckets are in records as JSON.
func TestRecordOfAConfiguration(t *testing.T) {
	f := open(t)
	f.logging("all", "")
	for _, c := range []struct {
		operation, name, value string
		event, want            string
	}{
		{"PutBucketPolicy", "policy", `{"Statement": [{"Effect":"Allow"}]}`, "PutBucketPolicy", `"bucketPolicy":{"Statement":[{"Effect":"Allow"}]},"policy":""`},
		{"PutBucketWebsite", "website", `<?xml version="1.0"?><WebsiteConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><IndexDocument><Suffix>index.html</Suffix></IndexDocument></WebsiteConfiguration>`,
			"PutBucketWebsite", `"WebsiteConfiguration":{"xmlns":"http://s3.amazonaws.com/doc/2006-03-01/","IndexDocument":{"Suffix":"index.html"}},"website":""`},
		{"PutBucketTagging", "tagging", `<Tagging><TagSet><Tag><Key>a</Key></Tag><Tag><Key>b</Key></Tag><Tag><Key>c</Key></Tag></TagSet></Tagging>`,
			"PutBucketTagging", `"Tagging":{"TagSet":{"Tag":[{"Key":"a"},{"Key":"b"},{"Key":"c"}]}},"tagging":""`},
		{"PutPublicAccessBlock", "publicAccessBlock", `<P/>`, "PutBucketPublicAccessBlock", `"P":"","publicAccessBlock":""`},
		{"PutBucketCors", "cors", strings.Repeat("<a>", 10000), "PutBucketCors", `.amazonaws.com","cors":""`},
		{"DeleteBucketPolicy", "", "", "DeleteBucketPolicy", `"requestParameters":{"bucketName":"site","Host":"site.s3.us-east-1.amazonaws.com"}`},
	} {
		change := Change{Operation: c.operation, Bucket: "site"}
		if c.name != "" {
			change.Parameters = map[string]string{c.name: c.value}
		}
		got := f.change(change)
		text := string(document.Append(nil, got[0]))
		if name, _ := got[0].Get("eventName"); name != c.event || !strings.Contains(text, c.want) {
			t.Errorf("%s: %s\nwant %s in it", c.operation, text, c.want)
		}
	}
}

func TestSelectors(t *testing.T) {
	put := func(bucket, key string) Change { return Change{Operation: "PutObject", Bucket: bucket, Key: key} }
	policy := Change{Operation: "PutBucketPolicy", Bucket: "site"}
	object := `"DataResources":[{"Type":"AWS::S3::Object","Values":[%s]}]`
	basic := func(more string, values ...string) string {
		return `"EventSelectors":[{` + more + fmt.Sprintf(object, strings.Join(values, ",")) + `}]`
	}
	advanced := func(fields string) string {
		return `"AdvancedEventSelectors":[{"FieldSelectors":[` + fields + `]}]`
	}
	dataFields := `{"Field":"eventCategory","Equals":["Data"]},{"Field":"resources.type","Equals":["AWS::S3::Object"]}`
	for _, c := range []struct {
		selectors string
		change    Change
		want      bool
	}{
		{"", policy, true},
		{"", put("site", "a"), false},
		{basic("", `"arn:aws:s3:::site/"`), put("site", "a"), true},
		{basic("", `"arn:aws:s3:::site/"`), policy, true},
		{basic("", `"arn:aws:s3:::site/"`), put("site2", "a"), false},
		{basic("", `"arn:aws:s3:::site"`), put("site", "a"), true},
		{basic("", `"arn:aws:s3:::site"`), put("site2", "a"), false},
		{basic("", `"arn:aws:s3:::site/img/"`), put("site", "img/a"), true},
		{basic("", `"arn:aws:s3:::site/img/"`), put("site", "js/a"), false},
		{basic("", `"arn:aws:s3"`), put("site2", "a"), true},
		{basic("", `"arn:aws:s3:::"`), put("site2", "a"), true},
		{basic(`"ReadWriteType":"ReadOnly",`, `"arn:aws:s3:::"`), put("site", "a"), false},
		{basic(`"ReadWriteType":"ReadOnly",`, `"arn:aws:s3:::"`), policy, false},
		{basic(`"ReadWriteType":"WriteOnly",`, `"arn:aws:s3:::"`), put("site", "a"), true},
		{basic(`"IncludeManagementEvents":false,`, `"arn:aws:s3:::"`), policy, false},
		{`"EventSelectors":[{"DataResources":[{"Type":"AWS::Lambda::Function","Values":["arn:aws:lambda"]}]}]`, put("site", "a"), false},
		{advanced(`{"Field":"eventCategory","Equals":["Management"]}`), policy, true},
		{advanced(`{"Field":"eventCategory","Equals":["Management"]}`), put("site", "a"), false},
		{advanced(dataFields), put("site", "a"), true},
		{advanced(dataFields), policy, false},
		{advanced(dataFields + `,{"Field":"resources.ARN","StartsWith":["arn:aws:s3:::site/"]}`), put("site", "a"), true},
		{advanced(dataFields + `,{"Field":"resources.ARN","StartsWith":["arn:aws:s3:::other/"],"EndsWith":[".html"]}`), put("site", "a.html"), true},
		{advanced(dataFields + `,{"Field":"resources.ARN","NotStartsWith":["arn:aws:s3:::site/"]}`), put("site", "a"), false},
		{advanced(dataFields + `,{"Field":"eventName","NotEquals":["PutObject"]}`), put("site", "a"), false},
		{advanced(dataFields + `,{"Field":"eventName","Equals":["DeleteObject"]}`), put("site", "a"), false},
		{advanced(dataFields + `,{"Field":"readOnly","Equals":["false"]},{"Field":"resources.ARN","NotEndsWith":[".css"]}`), put("site", "a"), true},
	} {
		f := open(t)
		f.logging("one", c.selectors)
		if got := len(f.change(c.change)) == 1; got != c.want {
			t.Errorf("%s: %s of %s/%s: got %v", c.selectors, c.change.Operation, c.change.Bucket, c.change.Key, got)
		}
	}
}

// Management events are recorded whatever trails there are, and the sink is told
// of what a logging trail chooses, once.
func TestLogging(t *testing.T) {
	f := open(t)
	create := func(bucket string) int { return len(f.change(Change{Operation: "CreateBucket", Bucket: bucket})) }
	if n := create("one"); n != 0 {
		t.Errorf("without a trail the sink was told of %d records", n)
	}
	f.logging("a-trail", "")
	f.logging("b-trail", "")
	if n := create("two"); n != 1 {
		t.Errorf("with two trails the sink was told of %d records", n)
	}
	f.must("StopLogging", `{"Name":"a-trail"}`)
	f.must("StopLogging", `{"Name":%q}`, f.s.arn("b-trail"))
	if n := create("three"); n != 0 {
		t.Errorf("without a logging trail the sink was told of %d records", n)
	}
	if m := f.must("LookupEvents", `{}`); len(m["Events"].([]any)) != 3 {
		t.Errorf("found %v", m)
	}
	st := f.must("GetTrailStatus", `{"Name":"a-trail"}`)
	if st["IsLogging"] != false || st["TimeLoggingStarted"] != "2026-01-02T03:04:05Z" || st["StopLoggingTime"] != 1767323045.678 {
		t.Errorf("status %v", st)
	}
}

// A sink that fails fails the change.
func TestSinkFails(t *testing.T) {
	f := open(t)
	f.logging("all", "")
	f.err = errors.New("no")
	err := f.h.Do(context.Background(), nil, func(tx engine.Tx) error { return f.s.Changed(tx, Change{Operation: "CreateBucket", Bucket: "b"}) })
	if !errors.Is(err, f.err) {
		t.Errorf("got %v", err)
	}
	if m := f.must("LookupEvents", `{}`); len(m["Events"].([]any)) != 0 {
		t.Errorf("found %v", m)
	}
}

func TestLookup(t *testing.T) {
	f := open(t)
	for i := range 120 {
		f.change(Change{Operation: "CreateBucket", Bucket: fmt.Sprintf("b%d", i), Caller: api})
		if i%3 == 0 {
			f.change(Change{Operation: "PutBucketPolicy", Bucket: "b0", Parameters: map[string]string{"policy": "{}"}})
		}
		f.h.Advance(time.Minute)
	}
	count := func(in string) int { return len(f.must("LookupEvents", "%s", in)["Events"].([]any)) }
	attribute := func(key, value string) string {
		return fmt.Sprintf(`"LookupAttributes":[{"AttributeKey":%q,"AttributeValue":%q}]`, key, value)
	}
	first := f.must("LookupEvents", `{"MaxResults":1}`)["Events"].([]any)[0].(map[string]any)
	var record map[string]any
	if err := json.Unmarshal([]byte(first["CloudTrailEvent"].(string)), &record); err != nil || record["eventID"] != first["EventId"] {
		t.Errorf("record %v, %v", first, err)
	}
	if text := fmt.Sprint(first["EventName"], first["ReadOnly"], first["Username"], first["EventSource"], first["Resources"], len(first)); text !=
		"CreateBucketfalseroots3.amazonaws.com[map[ResourceName:b119 ResourceType:AWS::S3::Bucket]] 8" {
		t.Errorf("found %s", text)
	}
	at := func(minutes int) int64 { return hosttest.Epoch.Add(time.Duration(minutes) * time.Minute).Unix() }
	for _, c := range []struct {
		in   string
		want int
	}{
		{`{}`, 50}, {`{"MaxResults":7}`, 7},
		{`{` + attribute("EventName", "PutBucketPolicy") + `}`, 40},
		{`{` + attribute("ResourceName", "b0") + `}`, 41},
		{`{` + attribute("ResourceName", "b5") + `}`, 1},
		{`{` + attribute("ResourceType", "AWS::S3::Object") + `}`, 0},
		{`{` + attribute("EventSource", "sqs.amazonaws.com") + `}`, 0},
		{`{` + attribute("Username", "root") + `,"MaxResults":3}`, 3},
		{`{` + attribute("ReadOnly", "true") + `}`, 0},
		{`{` + attribute("AccessKeyId", "AKIA") + `}`, 0},
		{`{` + attribute("EventId", first["EventId"].(string)) + `}`, 1},
		{fmt.Sprintf(`{"StartTime":%d}`, at(116)), 5}, // 116 to 119, and the policy of 117
		{fmt.Sprintf(`{"StartTime":%d,"EndTime":%d}`, at(10), at(12)), 2},
		{`{"EventCategory":"insight"}`, 0},
	} {
		if got := count(c.in); got != c.want {
			t.Errorf("%s: %d events, want %d", c.in, got, c.want)
		}
	}
	seen, token := map[any]bool{}, ""
	for {
		m := f.must("LookupEvents", `{"MaxResults":9,"NextToken":%q}`, token)
		for _, e := range m["Events"].([]any) {
			seen[e.(map[string]any)["EventId"]] = true
		}
		if token, _ = m["NextToken"].(string); token == "" {
			break
		}
	}
	if len(seen) != 160 {
		t.Errorf("the pages have %d events, want 160", len(seen))
	}
	// After 90 days records are not found, and new ones take the place of old ones.
	f.h.Advance(retention)
	if n := count(`{}`); n != 0 {
		t.Errorf("%d events after 90 days", n)
	}
	for range 50 {
		f.change(Change{Operation: "CreateBucket", Bucket: "new"})
	}
	rows := 0
	if err := f.h.Read(context.Background(), func(r engine.Reader) error {
		return each(r, func(scan func(...any) error) error { return scan(&rows) }, `SELECT COUNT(*) FROM trail_record`)
	}); err != nil || rows != 50 {
		t.Errorf("%d records are kept, %v", rows, err)
	}
}

func TestRefused(t *testing.T) {
	f := open(t)
	for i := range 5 {
		f.must("CreateTrail", `{"Name":"trail-%d","S3BucketName":"logs-bucket"}`, i)
	}
	selectors := func(s string) string { return `{"TrailName":"trail-0",` + s + `}` }
	for _, c := range []struct{ op, in, want string }{
		{"CreateTrail", `{"Name":"trail-0","S3BucketName":"logs-bucket"}`, "TrailAlreadyExistsException"},
		{"CreateTrail", `{"Name":"trail-5","S3BucketName":"logs-bucket"}`, "MaximumNumberOfTrailsExceededException"},
		{"CreateTrail", `{"S3BucketName":"logs-bucket"}`, "InvalidTrailNameException"},
		{"CreateTrail", `{"Name":"ab","S3BucketName":"logs-bucket"}`, "InvalidTrailNameException"},
		{"CreateTrail", `{"Name":"a--b","S3BucketName":"logs-bucket"}`, "InvalidTrailNameException"},
		{"CreateTrail", `{"Name":"abc-","S3BucketName":"logs-bucket"}`, "InvalidTrailNameException"},
		{"CreateTrail", `{"Name":"10.0.0.1","S3BucketName":"logs-bucket"}`, "InvalidTrailNameException"},
		{"UpdateTrail", `{"Name":"trail-0","S3BucketName":"Logs"}`, "InvalidS3BucketNameException"},
		{"UpdateTrail", `{"Name":"trail-0","IsMultiRegionTrail":true,"IncludeGlobalServiceEvents":false}`, "InvalidParameterCombinationException"},
		{"UpdateTrail", `{"Name":"trail-9"}`, "TrailNotFoundException"},
		{"GetTrail", `{"Name":"arn:aws:s3:::x"}`, "CloudTrailARNInvalidException"},
		{"GetTrail", `{"Name":5}`, "SerializationException"},
		{"DeleteTrail", `{"Name":"trail-9"}`, "TrailNotFoundException"},
		{"StartLogging", `{"Name":"trail-9"}`, "TrailNotFoundException"},
		{"PutEventSelectors", selectors(`"EventSelectors":[]`), "InvalidEventSelectorsException"},
		{"PutEventSelectors", selectors(`"EventSelectors":[{"ReadWriteType":"Some"}]`), "InvalidEventSelectorsException"},
		{"PutEventSelectors", selectors(`"EventSelectors":[{"DataResources":[{"Type":"AWS::S3::Bucket","Values":[]}]}]`), "InvalidEventSelectorsException"},
		{"PutEventSelectors", selectors(`"EventSelectors":[{"DataResources":[{"Type":"AWS::S3::Object","Values":["site/"]}]}]`), "InvalidEventSelectorsException"},
		{"PutEventSelectors", selectors(`"EventSelectors":[{},{},{},{},{},{}]`), "InvalidEventSelectorsException"},
		{"PutEventSelectors", selectors(`"EventSelectors":[{}],"AdvancedEventSelectors":[{}]`), "InvalidEventSelectorsException"},
		{"PutEventSelectors", selectors(`"AdvancedEventSelectors":[{"FieldSelectors":[]}]`), "InvalidEventSelectorsException"},
		{"PutEventSelectors", selectors(`"AdvancedEventSelectors":[{"FieldSelectors":[{"Field":"eventCategory","Equals":["Data"]}]}]`), "InvalidEventSelectorsException"},
		{"PutEventSelectors", selectors(`"AdvancedEventSelectors":[{"FieldSelectors":[{"Field":"colour","Equals":["Data"]}]}]`), "InvalidEventSelectorsException"},
		{"PutEventSelectors", selectors(`"AdvancedEventSelectors":[{"FieldSelectors":[{"Field":"eventCategory"}]}]`), "InvalidEventSelectorsException"},
		{"LookupEvents", `{"MaxResults":51}`, "InvalidMaxResultsException"},
		{"LookupEvents", `{"MaxResults":0}`, "InvalidMaxResultsException"},
		{"LookupEvents", `{"NextToken":"!"}`, "InvalidNextTokenException"},
		{"LookupEvents", `{"StartTime":20,"EndTime":10}`, "InvalidTimeRangeException"},
		{"LookupEvents", `{"EventCategory":"data"}`, "InvalidEventCategoryException"},
		{"LookupEvents", `{"LookupAttributes":[{"AttributeKey":"Colour","AttributeValue":"red"}]}`, "InvalidLookupAttributesException"},
		{"LookupEvents", `{"LookupAttributes":[{"AttributeKey":"EventName","AttributeValue":"a"},{"AttributeKey":"EventId","AttributeValue":"b"}]}`, "InvalidLookupAttributesException"},
	} {
		_, err := f.call(c.op, c.in)
		if e := (*tasks.Error)(nil); !errors.As(err, &e) || e.Code != c.want {
			t.Errorf("%s %s: got %v, want %s", c.op, c.in, err, c.want)
		}
	}
}

// bucket is a place for log files.
type bucket struct {
	mu    sync.Mutex
	files []LogFile
	gone  bool
	wrote chan struct{}
}

func (b *bucket) Keys(f LogFile) []string { return []string{"s3/" + f.Bucket + "/" + f.Key} }

func (b *bucket) WriteTx(tx engine.Tx, f LogFile) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.gone {
		return &tasks.Error{Code: "NoSuchBucket", Message: "The specified bucket does not exist", Status: 404}
	}
	tx.AfterCommit(func() {
		b.mu.Lock()
		b.files = append(b.files, f)
		b.mu.Unlock()
		b.wrote <- struct{}{}
	})
	return nil
}

func (b *bucket) set(gone bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.gone = gone
}

func TestLogFiles(t *testing.T) {
	f := open(t)
	b := &bucket{wrote: make(chan struct{}, 10)}
	f.s.StartLogs(b)
	f.must("CreateTrail", `{"Name":"all","S3BucketName":"logs-bucket","S3KeyPrefix":"p"}`)
	f.must("StartLogging", `{"Name":"all"}`)
	f.change(Change{Operation: "CreateBucket", Bucket: "one"})
	f.change(Change{Operation: "CreateBucket", Bucket: "two"})
	f.h.Advance(5 * time.Minute)
	<-b.wrote
	if len(b.files) != 1 {
		t.Fatalf("%d files", len(b.files))
	}
	file := b.files[0]
	if want := "p/AWSLogs/000000000000/CloudTrail/us-east-1/2026/01/02/000000000000_CloudTrail_us-east-1_20260102T0304Z_"; !strings.HasPrefix(file.Key, want) || file.Bucket != "logs-bucket" {
		t.Errorf("file %s in %s, want %s", file.Key, file.Bucket, want)
	}
	z, err := gzip.NewReader(bytes.NewReader(file.Body))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	var log struct{ Records []map[string]any }
	if err := json.Unmarshal(text, &log); err != nil || len(log.Records) != 2 || log.Records[1]["eventName"] != "CreateBucket" {
		t.Errorf("log file %s, %v", text, err)
	}
	// What writes log files is not recorded.
	if got := f.change(Change{Operation: "PutObject", Bucket: "logs-bucket", Key: file.Key, Caller: file.Caller}); len(got) != 0 {
		t.Errorf("recorded: %v", got)
	}
	// A bucket that is gone is tried again.
	b.set(true)
	f.change(Change{Operation: "CreateBucket", Bucket: "three"})
	f.h.Advance(5 * time.Minute)
	for f.must("GetTrailStatus", `{"Name":"all"}`)["LatestDeliveryError"] != "NoSuchBucket" {
		f.h.Yield()
	}
	b.set(false)
	f.h.Advance(5 * time.Minute)
	<-b.wrote
	for f.must("GetTrailStatus", `{"Name":"all"}`)["LatestDeliveryError"] != nil {
		f.h.Yield()
	}
	if len(b.files) != 2 {
		t.Errorf("%d files", len(b.files))
	}
}

func TestBoto(t *testing.T) {
	f := open(t)
	f.change(Change{Operation: "CreateBucket", Bucket: "site", Caller: api})
	hosttest.Boto(t, f.s.Front().Handler, `
ct = client("cloudtrail")
r = ct.create_trail(Name="site-changes", S3BucketName="site-trail-logs", S3KeyPrefix="x", EnableLogFileValidation=True)
arn = r["TrailARN"]
assert arn == "arn:aws:cloudtrail:us-east-1:000000000000:trail/site-changes" and r["LogFileValidationEnabled"] is True, r
assert ct.get_trail_status(Name=arn)["IsLogging"] is False
assert ct.get_event_selectors(TrailName=arn)["EventSelectors"][0]["IncludeManagementEvents"] is True
r = ct.put_event_selectors(TrailName="site-changes", EventSelectors=[{"ReadWriteType": "WriteOnly", "IncludeManagementEvents": True,
    "DataResources": [{"Type": "AWS::S3::Object", "Values": ["arn:aws:s3:::site/"]}]}])
assert r["TrailARN"] == arn and r["EventSelectors"][0]["DataResources"][0]["Values"] == ["arn:aws:s3:::site/"], r
ct.start_logging(Name="site-changes")
st = ct.get_trail_status(Name="site-changes")
assert st["IsLogging"] and st["StartLoggingTime"].year == 2026, st
t = ct.get_trail(Name="site-changes")["Trail"]
assert t["HasCustomEventSelectors"] and t["HomeRegion"] == "us-east-1" and t["S3KeyPrefix"] == "x", t
assert ct.describe_trails(trailNameList=["site-changes"])["trailList"] == [t]
assert ct.describe_trails(trailNameList=["other"])["trailList"] == []
assert ct.list_trails()["Trails"] == [{"TrailARN": arn, "Name": "site-changes", "HomeRegion": "us-east-1"}]
ct.put_event_selectors(TrailName=arn, AdvancedEventSelectors=[{"Name": "n", "FieldSelectors": [{"Field": "eventCategory", "Equals": ["Management"]}]}])
g = ct.get_event_selectors(TrailName=arn)
assert "EventSelectors" not in g and g["AdvancedEventSelectors"][0]["FieldSelectors"] == [{"Field": "eventCategory", "Equals": ["Management"]}], g
ct.update_trail(Name="site-changes", S3BucketName="other-logs")
e = ct.lookup_events(LookupAttributes=[{"AttributeKey": "ResourceName", "AttributeValue": "site"}])["Events"]
assert len(e) == 1 and e[0]["EventName"] == "CreateBucket" and e[0]["EventTime"].year == 2026, e
assert json.loads(e[0]["CloudTrailEvent"])["requestParameters"]["bucketName"] == "site"
ct.stop_logging(Name=arn)
ct.delete_trail(Name=arn)
refused("TrailNotFoundException", ct.get_trail, Name="site-changes")
refused("TrailNotFoundException", ct.delete_trail, Name="site-changes")
`)
}
