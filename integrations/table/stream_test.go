package table

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"millrace/engine"
	"millrace/integrations/wire/hosttest"
)

// records reads the whole stream of the table.
func (f *fixture) records() (list []Record) {
	f.t.Helper()
	var streams struct{ Streams []struct{ StreamArn string } }
	if err := json.Unmarshal([]byte(f.must("ListStreams", `{"TableName":"tab"}`)), &streams); err != nil {
		f.t.Fatal(err)
	}
	err := f.h.Read(context.Background(), func(r engine.Reader) (err error) {
		list, err = f.s.Records(r, streams.Streams[len(streams.Streams)-1].StreamArn, 0, 1000)
		return err
	})
	if err != nil {
		f.t.Fatal(err)
	}
	return list
}

func TestStreamRecords(t *testing.T) {
	for _, c := range []struct{ view, want string }{
		{"NEW_AND_OLD_IMAGES", `INSERT old:false new:true, MODIFY old:true new:true, REMOVE old:true new:false`},
		{"NEW_IMAGE", `INSERT old:false new:true, MODIFY old:false new:true, REMOVE old:false new:false`},
		{"OLD_IMAGE", `INSERT old:false new:false, MODIFY old:true new:false, REMOVE old:true new:false`},
		{"KEYS_ONLY", `INSERT old:false new:false, MODIFY old:false new:false, REMOVE old:false new:false`},
	} {
		f := open(t)
		f.table("")
		f.must("PutItem", `{"TableName":"tab","Item":{"pk":{"S":"before"}}}`) // no stream yet
		f.must("UpdateTable", `{"TableName":"tab","StreamSpecification":{"StreamEnabled":true,"StreamViewType":%q}}`, c.view)
		notified := 0
		defer f.h.Watch(Key("tab"), func() { notified++ })()
		f.must("PutItem", `{"TableName":"tab","Item":{"pk":{"S":"a"},"n":{"N":"1"}}}`)
		f.must("PutItem", `{"TableName":"tab","Item":{"pk":{"S":"a"},"n":{"N":"1.0"}}}`) // changes nothing
		f.must("UpdateItem", `{"TableName":"tab","Key":{"pk":{"S":"a"}},"UpdateExpression":"SET n = :n","ExpressionAttributeValues":{":n":{"N":"2"}}}`)
		f.must("DeleteItem", `{"TableName":"tab","Key":{"pk":{"S":"a"}}}`)
		f.must("DeleteItem", `{"TableName":"tab","Key":{"pk":{"S":"a"}}}`) // there is none
		var got []string
		for i, r := range f.records() {
			got = append(got, fmt.Sprintf("%s old:%v new:%v", r.EventName, len(r.Data.Old) > 0, len(r.Data.New) > 0))
			if r.Sequence != int64(i+1) || string(r.Data.Keys) != `{"pk":{"S":"a"}}` || r.Data.View != c.view || len(r.EventID) != 32 {
				t.Errorf("record %+v", r)
			}
		}
		if strings.Join(got, ", ") != c.want {
			t.Errorf("%s: %v\nwant %s", c.view, got, c.want)
		}
		if notified != 3 {
			t.Errorf("%s: notified %d times, want 3", c.view, notified)
		}
	}
}

func TestStreamsAPI(t *testing.T) {
	f := open(t)
	f.table(`,"StreamSpecification":{"StreamEnabled":true,"StreamViewType":"NEW_IMAGE"}`)
	for i := range 3 {
		f.must("PutItem", `{"TableName":"tab","Item":{"pk":{"S":"%d"}}}`, i)
	}
	arn := f.s.ARN("tab") + "/stream/2026-01-02T03:04:05.678"
	f.fails("ResourceNotFoundException: Requested resource not found: Stream: x not found", "DescribeStream", `{"StreamArn":"x"}`)
	var d struct {
		StreamDescription struct {
			Shards []struct{ ShardId string }
		}
	}
	if err := json.Unmarshal([]byte(f.must("DescribeStream", `{"StreamArn":%q}`, arn)), &d); err != nil {
		t.Fatal(err)
	}
	shard := d.StreamDescription.Shards[0].ShardId
	read := func(kind, sequence string, limit int) (n int, next string) {
		var it struct{ ShardIterator string }
		if err := json.Unmarshal([]byte(f.must("GetShardIterator", `{"StreamArn":%q,"ShardId":%q,"ShardIteratorType":%q,"SequenceNumber":%q}`, arn, shard, kind, sequence)), &it); err != nil {
			t.Fatal(err)
		}
		var page struct {
			Records           []json.RawMessage
			NextShardIterator string
		}
		if err := json.Unmarshal([]byte(f.must("GetRecords", `{"ShardIterator":%q,"Limit":%d}`, it.ShardIterator, limit)), &page); err != nil {
			t.Fatal(err)
		}
		return len(page.Records), page.NextShardIterator
	}
	for _, c := range []struct {
		kind, sequence string
		limit, want    int
	}{
		{"TRIM_HORIZON", "", 1000, 3}, {"TRIM_HORIZON", "", 2, 2}, {"LATEST", "", 1000, 0},
		{"AT_SEQUENCE_NUMBER", sequenceText(2), 1000, 2}, {"AFTER_SEQUENCE_NUMBER", sequenceText(2), 1000, 1},
	} {
		if n, next := read(c.kind, c.sequence, c.limit); n != c.want || next == "" {
			t.Errorf("%s %s: %d records, next %q, want %d", c.kind, c.sequence, n, next, c.want)
		}
	}
	_, next := read("LATEST", "", 1)
	f.h.Advance(iteratorSpan + 1)
	if _, err := f.call("GetRecords", fmt.Sprintf(`{"ShardIterator":%q}`, next)); err == nil || !strings.HasPrefix(err.Error(), "ExpiredIteratorException") {
		t.Errorf("an iterator of fifteen minutes: %v", err)
	}
	f.must("UpdateTable", `{"TableName":"tab","StreamSpecification":{"StreamEnabled":false}}`)
	if n, next := read("TRIM_HORIZON", "", 1000); n != 3 || next != "" {
		t.Errorf("a stream that has ended: %d records, next %q", n, next)
	}
	f.h.Advance(streamSpan)
	for strings.Contains(f.must("ListStreams", `{}`), "StreamArn") { // the sweeper's work
		f.h.Yield()
	}
}

func TestBoto(t *testing.T) {
	f := open(t)
	f.h.UseWallClock()
	hosttest.Boto(t, f.s.Front().Handler, `
db = client("dynamodb")
db.create_table(TableName="ProductVisits", KeySchema=[{"AttributeName": "ProductVisitKey", "KeyType": "HASH"}],
    AttributeDefinitions=[{"AttributeName": "ProductVisitKey", "AttributeType": "S"}], BillingMode="PAY_PER_REQUEST")
db.get_waiter("table_exists").wait(TableName="ProductVisits")
arn = db.update_table(TableName="ProductVisits", StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"})["TableDescription"]["LatestStreamArn"]
table = boto3.resource("dynamodb", endpoint_url=os.environ["ENDPOINT"], region_name="us-east-1", aws_access_key_id="t", aws_secret_access_key="t").Table("ProductVisits")
from decimal import Decimal
from boto3.dynamodb.conditions import Attr, Key
item = {"ProductVisitKey": "1", "price": Decimal("29.99"), "tags": {"a", "b"}, "raw": b"\x00", "nested": {"l": [1, None, True]}}
table.put_item(Item=item)
got = table.get_item(Key={"ProductVisitKey": "1"})["Item"]
assert got["price"] == Decimal("29.99") and got["tags"] == {"a", "b"} and got["raw"].value == b"\x00" and got["nested"] == {"l": [1, None, True]}, got
e = refused("ConditionalCheckFailedException", table.put_item, Item=item, ConditionExpression=Attr("ProductVisitKey").not_exists(), ReturnValuesOnConditionCheckFailure="ALL_OLD")
assert e["Item"]["ProductVisitKey"] == {"S": "1"}, e
r = table.update_item(Key={"ProductVisitKey": "1"}, UpdateExpression="SET #p = #p + :d ADD visits :one", ExpressionAttributeNames={"#p": "price"},
    ExpressionAttributeValues={":d": 1, ":one": 1}, ReturnValues="UPDATED_NEW")
assert r["Attributes"] == {"price": Decimal("30.99"), "visits": 1}, r
assert table.query(KeyConditionExpression=Key("ProductVisitKey").eq("1"), FilterExpression=Attr("price").between(30, 31))["Count"] == 1
assert table.scan(FilterExpression=Attr("tags").contains("a"))["Count"] == 1
with table.batch_writer() as w:
    for i in range(30):
        w.put_item(Item={"ProductVisitKey": "k%d" % i})
assert table.scan(Select="COUNT")["Count"] == 31
s = client("dynamodbstreams")
d = s.describe_stream(StreamArn=arn)["StreamDescription"]
it = s.get_shard_iterator(StreamArn=arn, ShardId=d["Shards"][0]["ShardId"], ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
recs = s.get_records(ShardIterator=it)["Records"]
assert len(recs) == 32 and recs[0]["eventName"] == "INSERT" and recs[0]["dynamodb"]["NewImage"]["price"] == {"N": "29.99"}, recs[0]
refused("ValidationException", db.get_item, TableName="ProductVisits", Key={"x": {"S": "1"}})
refused("ResourceNotFoundException", db.describe_table, TableName="nope")
db.delete_table(TableName="ProductVisits")
assert db.list_tables()["TableNames"] == []
`)
}
