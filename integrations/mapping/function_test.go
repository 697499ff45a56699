package mapping_test

import (
	"strings"
	"testing"
	"time"
)

func TestQueueToFunction(t *testing.T) {
	f := open(t)
	f.makeQueue(`"VisibilityTimeout":"5"`)
	f.calls.answers = []string{`!{"errorMessage":"no"}`}
	f.send("a", "b")
	id := f.must("CreateEventSourceMapping", `{"EventSourceArn":%q,"FunctionName":"f"}`, queueARN)["UUID"].(string)
	f.eventually(func() bool { return len(f.calls.list()) == 1 })
	if c := f.calls.list()[0]; !strings.HasPrefix(c, `{"Records":[{"messageId":`) || strings.Count(c, `"messageId"`) != 2 {
		t.Errorf("payload %s", c)
	}
	f.waitWake(5 * time.Second)
	f.h.Advance(5 * time.Second) // a failed batch comes again
	f.eventually(func() bool { return len(f.calls.list()) == 2 })
	f.empty("q")
	if m := f.must("GetEventSourceMapping", `{"UUID":%q}`, id); m["State"] != "Enabled" || m["FunctionArn"] != function || m["BatchSize"] != 10.0 {
		t.Errorf("mapping %v", m)
	}
}

func TestBatchesAreBoundedInBytes(t *testing.T) {
	f := open(t)
	f.makeQueue("")
	for range 9 { // of more than a megabyte each, as a payload has them
		f.send(strings.Repeat(`"`, 500_000) + strings.Repeat("x", 40_000))
	}
	f.must("CreateEventSourceMapping", `{"EventSourceArn":%q,"FunctionName":"f"}`, queueARN)
	f.empty("q")
	sizes := map[int]int{}
	for _, c := range f.calls.list() {
		if sizes[strings.Count(c, `"messageId"`)]++; len(c) > 6<<20 {
			t.Errorf("a call has %d bytes", len(c))
		}
	}
	if len(sizes) != 2 || sizes[6] != 0 && sizes[3] != 1 || sizes[5] != 0 && sizes[4] != 1 {
		t.Errorf("calls by messages: %v, want full ones and the rest", sizes)
	}
}

func TestPartialFailureOfMessages(t *testing.T) {
	f := open(t)
	f.makeQueue("")
	sent := []string{}
	for _, b := range []string{"a", "b"} {
		sent = append(sent, f.must("SendMessage", `{"QueueUrl":"q","MessageBody":%q}`, b)["MessageId"].(string))
	}
	f.calls.answers = []string{`{"batchItemFailures":[{"itemIdentifier":"` + sent[1] + `"}]}`}
	f.must("CreateEventSourceMapping", `{"EventSourceArn":%q,"FunctionName":"f","FunctionResponseTypes":["ReportBatchItemFailures"]}`, queueARN)
	f.eventually(func() bool {
		a := f.must("GetQueueAttributes", `{"QueueUrl":"q","AttributeNames":["All"]}`)["Attributes"].(map[string]any)
		return a["ApproximateNumberOfMessagesNotVisible"] == "1"
	})
	f.waitWake(30 * time.Second)
	f.h.Advance(30 * time.Second)
	f.eventually(func() bool { return len(f.calls.list()) == 2 })
	if c := f.calls.list()[1]; strings.Contains(c, sent[0]) || !strings.Contains(c, sent[1]) {
		t.Errorf("the second batch is %s", c)
	}
}

// pause lets the pause after a failure be over.
func (f *fixture) pause() {
	f.waitWake(time.Minute)
	at, _ := f.h.NextWake()
	f.h.Advance(at.Sub(f.h.Now()))
}

// nth waits for the n-th call.
func (f *fixture) nth(n int) string {
	f.eventually(func() bool { return len(f.calls.list()) >= n })
	return f.calls.list()[n-1]
}

func TestStreamToFunctionIsInOrder(t *testing.T) {
	f := open(t)
	f.makeTable()
	f.put("a", "b", "c", "d", "e")
	f.calls.answers = []string{`!{}`, `null`, `!{}`, `!{}`}
	f.must("CreateEventSourceMapping", `{"EventSourceArn":%q,"FunctionName":"f","StartingPosition":"TRIM_HORIZON","BatchSize":2,"MaximumRetryAttempts":1}`, streamARN)
	f.nth(1)
	f.pause()
	f.nth(3)
	f.pause()
	f.nth(5)
	for i, want := range []string{"a b", "a b", "c d", "c d", "e"} { // a and b fail once, c and d are given up
		for _, k := range strings.Fields(want) {
			if c := f.nth(i + 1); !strings.Contains(c, `"NewImage":{"pk":{"S":"`+k+`"}}`) {
				t.Errorf("call %d: %s, want %s", i+1, c, want)
			}
		}
	}
	keys := map[string]bool{}
	for _, k := range f.calls.keys {
		keys[k] = true
	}
	if len(keys) != 5 {
		t.Errorf("attempts share keys: %v", f.calls.keys)
	}
}

func TestPartialFailureOfRecords(t *testing.T) {
	f := open(t)
	f.makeTable()
	f.put("a", "b", "c")
	f.calls.answers = []string{`{"batchItemFailures":[{"itemIdentifier":"100000000000000000002"}]}`}
	f.must("CreateEventSourceMapping", `{"EventSourceArn":%q,"FunctionName":"f","StartingPosition":"TRIM_HORIZON","FunctionResponseTypes":["ReportBatchItemFailures"]}`, streamARN)
	f.nth(1)
	f.pause()
	if c := f.nth(2); strings.Contains(c, `"S":"a"`) || !strings.Contains(c, `"S":"b"`) || !strings.Contains(c, `"S":"c"`) {
		t.Errorf("the second batch is %s", c)
	}
}

func TestConcurrencyIsBounded(t *testing.T) {
	f := open(t)
	f.makeQueue("")
	f.calls.block = make(chan struct{})
	f.send("1", "2", "3", "4", "5")
	f.must("CreateEventSourceMapping", `{"EventSourceArn":%q,"FunctionName":"f","BatchSize":1,"ScalingConfig":{"MaximumConcurrency":2}}`, queueARN)
	f.visible("q", "3")
	close(f.calls.block)
	f.empty("q")
	if n := len(f.calls.list()); n != 5 {
		t.Errorf("%d calls, want 5", n)
	}
}

func TestCloseGivesUpCalls(t *testing.T) {
	f := open(t)
	f.makeQueue("")
	f.calls.block = make(chan struct{})
	f.send("1")
	f.must("CreateEventSourceMapping", `{"EventSourceArn":%q,"FunctionName":"f"}`, queueARN)
	f.visible("q", "0")
	f.m.Close() // returns although the function does not
	f.h.Advance(30 * time.Second)
	f.visible("q", "1")
}
