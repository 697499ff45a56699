package queue

import (
	"io"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"millrace/integrations/wire/hosttest"
)

func TestBoto(t *testing.T) {
	f := open(t)
	f.h.UseWallClock()
	hosttest.Boto(t, f.s.Front().Handler, `
sqs = client("sqs")
url = sqs.create_queue(QueueName="q", Attributes={"VisibilityTimeout": "10"}, tags={"a": "1"})["QueueUrl"]
assert sqs.get_queue_url(QueueName="q")["QueueUrl"] == url
r = sqs.send_message(QueueUrl=url, MessageBody="h\u00e9llo <&>\r\n", MessageAttributes={
    "n": {"DataType": "Number", "StringValue": "12.5"}, "b": {"DataType": "Binary.png", "BinaryValue": b"\x00\x01"}})
assert r["MD5OfMessageAttributes"]
m = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1, AttributeNames=["All"], MessageAttributeNames=["All"])["Messages"]
assert m[0]["Body"] == "h\u00e9llo <&>\r\n" and m[0]["MessageAttributes"]["b"]["BinaryValue"] == b"\x00\x01", m
assert m[0]["Attributes"]["ApproximateReceiveCount"] == "1"
assert m[0]["MD5OfMessageAttributes"] == r["MD5OfMessageAttributes"]
sqs.delete_message(QueueUrl=url, ReceiptHandle=m[0]["ReceiptHandle"])
assert "Messages" not in sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1)
r = sqs.send_message_batch(QueueUrl=url, Entries=[{"Id": str(i), "MessageBody": "m%d" % i} for i in range(10)])
assert len(r["Successful"]) == 10, r
assert len(sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]) == 10
assert sqs.list_queues()["QueueUrls"] == [url]
assert sqs.list_queue_tags(QueueUrl=url)["Tags"] == {"a": "1"}
e = refused("AWS.SimpleQueueService.NonExistentQueue", sqs.send_message, QueueUrl=url + "x", MessageBody="a")
assert e["Error"]["QueryErrorCode"] == "QueueDoesNotExist", e
e = refused("InvalidParameterValue", sqs.receive_message, QueueUrl=url, MaxNumberOfMessages=11)
sqs.purge_queue(QueueUrl=url)
sqs.delete_queue(QueueUrl=url)
assert "QueueUrls" not in sqs.list_queues()
`)
}

// The Query protocol, as clients before 2023 speak it.
func TestQueryProtocol(t *testing.T) {
	f := open(t)
	handler := f.s.Front().Handler
	post := func(path string, form url.Values) (int, string) {
		form.Set("Version", "2012-11-05")
		r := httptest.NewRequest("POST", path, strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		body, err := io.ReadAll(w.Result().Body)
		if err != nil {
			t.Fatal(err)
		}
		return w.Code, string(body)
	}
	for _, c := range []struct {
		form url.Values
		want []string
	}{
		{url.Values{"Action": {"CreateQueue"}, "QueueName": {"q"}, "Attribute.1.Name": {"VisibilityTimeout"}, "Attribute.1.Value": {"7"}},
			[]string{"<CreateQueueResponse xmlns=", "<CreateQueueResult><QueueUrl>http://127.0.0.1:4566/000000000000/q</QueueUrl></CreateQueueResult>", "<RequestId>"}},
		{url.Values{"Action": {"GetQueueUrl"}, "QueueName": {"q"}}, []string{"<GetQueueUrlResult><QueueUrl>http://127.0.0.1:4566/000000000000/q</QueueUrl>"}},
		{url.Values{"Action": {"ListQueues"}}, []string{"<ListQueuesResult><QueueUrl>http://127.0.0.1:4566/000000000000/q</QueueUrl></ListQueuesResult>"}},
		{url.Values{"Action": {"GetQueueAttributes"}, "QueueUrl": {"q"}, "AttributeName.1": {"VisibilityTimeout"}},
			[]string{"<Attribute><Name>VisibilityTimeout</Name><Value>7</Value></Attribute>"}},
		{url.Values{"Action": {"SendMessage"}, "QueueUrl": {"q"}, "MessageBody": {"a<b"}, "DelaySeconds": {"0"},
			"MessageAttribute.1.Name": {"k"}, "MessageAttribute.1.Value.DataType": {"String"}, "MessageAttribute.1.Value.StringValue": {"v"}},
			[]string{"<MD5OfMessageBody>", "<MD5OfMessageAttributes>", "<MessageId>"}},
		{url.Values{"Action": {"ReceiveMessage"}, "QueueUrl": {"q"}, "MaxNumberOfMessages": {"1"}, "AttributeName.1": {"All"}, "MessageAttributeName.1": {"All"}},
			[]string{"<ReceiveMessageResult><Message><MessageId>", "<Body>a&lt;b</Body>", "<Attribute><Name>ApproximateReceiveCount</Name><Value>1</Value></Attribute>",
				"<MessageAttribute><Name>k</Name><Value><DataType>String</DataType><StringValue>v</StringValue></Value></MessageAttribute></Message>"}},
		{url.Values{"Action": {"SendMessageBatch"}, "QueueUrl": {"q"}, "SendMessageBatchRequestEntry.1.Id": {"1"}, "SendMessageBatchRequestEntry.1.MessageBody": {"x"},
			"SendMessageBatchRequestEntry.2.Id": {"2"}, "SendMessageBatchRequestEntry.2.MessageBody": {"y"}, "SendMessageBatchRequestEntry.2.DelaySeconds": {"901"}},
			[]string{"<SendMessageBatchResultEntry><Id>1</Id>", "<BatchResultErrorEntry><Id>2</Id><SenderFault>true</SenderFault><Code>InvalidParameterValue</Code>"}},
	} {
		status, body := post("/000000000000/q", c.form)
		for _, want := range c.want {
			if status != 200 || !strings.Contains(body, want) {
				t.Errorf("%s: %d %s\nwant %s", c.form.Get("Action"), status, body, want)
			}
		}
	}
	for _, c := range []struct {
		form url.Values
		want string
	}{
		{url.Values{"Action": {"DeleteQueue"}, "QueueUrl": {"none"}}, "<Error><Type>Sender</Type><Code>AWS.SimpleQueueService.NonExistentQueue</Code>"},
		{url.Values{"Action": {"ReceiveMessage"}, "QueueUrl": {"q"}, "MaxNumberOfMessages": {"x"}}, "<Code>InvalidParameterValue</Code>"},
		{url.Values{"Action": {"Nope"}}, "<Code>InvalidAction</Code>"},
		{url.Values{}, "<Code>MissingAction</Code>"},
	} {
		if status, body := post("/", c.form); status != 400 || !strings.Contains(body, c.want) {
			t.Errorf("%v: %d %s\nwant %s", c.form, status, body, c.want)
		}
	}
}
