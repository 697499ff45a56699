package engine_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"millrace/asl"
	"millrace/asl/document"
	"millrace/engine"
	"millrace/engine/interp"
)

// numbers is a source of the items 0, 1, ... n-1, and keeps what is written.
type numbers struct {
	mu     sync.Mutex
	n      int
	fails  int    // the item in whose place reading fails; 0: none
	opened []int  // where
	files  []file // written
}

type file struct{ bucket, key, text string }

func (d *numbers) Items(_ context.Context, q engine.ItemQuery) (engine.ItemStream, error) {
	at := 0
	if q.Cursor != nil {
		if err := json.Unmarshal(q.Cursor, &at); err != nil {
			return nil, err
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.opened = append(d.opened, at)
	return &numberStream{d: d, at: at}, nil
}

func (d *numbers) Write(_ context.Context, bucket, key, _ string, body io.Reader) (int64, error) {
	if bucket == "drop" {
		return io.Copy(io.Discard, body)
	}
	text, err := io.ReadAll(body)
	if err != nil {
		return 0, err
	}
	if bucket == "none" {
		return 0, &asl.Error{Name: "States.ResultWriterFailed", Cause: "there is no such bucket"}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.files = append(d.files, file{bucket, key, string(text)})
	return int64(len(text)), nil
}

type numberStream struct {
	d  *numbers
	at int
}

func (s *numberStream) Next(context.Context) (engine.Item, error) {
	if s.at == s.d.n {
		return engine.Item{}, io.EOF
	}
	if s.d.fails > 0 && s.at == s.d.fails {
		return engine.Item{}, &asl.Error{Name: "States.ItemReaderFailed", Cause: "it tore"}
	}
	s.at++
	return engine.Item{Value: document.FromValue(document.Int(int64(s.at - 1)))}, nil
}

func (s *numberStream) Cursor() json.RawMessage { return json.RawMessage(fmt.Sprint(s.at)) }
func (s *numberStream) Close() error            { return nil }

const readNumbers = `"ItemReader": {"Resource": "arn:aws:states:::s3:getObject", "ReaderConfig": {"InputType": "JSON"%s}, "Parameters": {"Bucket": "b", "Key": "k"}},`

func TestMapRunReadsItems(t *testing.T) {
	cases := []struct {
		name, config, more string
		fails              int
		output, cause      string
	}{
		{name: "all", output: numbersTo(600)},
		{name: "some", config: `, "MaxItems": 3`, output: numbersTo(3)},
		{name: "a negative number of them", config: `, "MaxItemsPath": "$.less"`, cause: "field MaxItems must be positive"},
		{name: "with a selector", config: `, "MaxItems": 2`, more: `"ItemSelector": {"i.$": "$$.Map.Item.Index"},`, output: `[{"i":0},{"i":1}]`},
		{name: "until the source fails", fails: 400, cause: "it tore"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			b := openBench(t, &bench{dir: ":memory:", data: &numbers{n: 600, fails: c.fails}})
			x := b.start(b.machine("m", mapState("STANDARD", passItem, fmt.Sprintf(readNumbers, c.config)+c.more)), "x", `{"less": -1}`)
			i := b.end(x)
			if c.cause != "" {
				want(t, "status", i.Status, interp.Failed)
				want(t, "error", text(i.Error), "States.ItemReaderFailed")
				want(t, "cause", text(i.Cause), c.cause)
				return
			}
			want(t, "output", string(i.Output), c.output)
		})
	}
}

func TestMapRunWritesResults(t *testing.T) {
	for _, lines := range []bool{false, true} {
		d := &numbers{}
		b := openBench(t, &bench{dir: ":memory:", data: d})
		config := `"WriterConfig": {"Transformation": "COMPACT", "OutputType": "JSON"}`
		if lines {
			config = `"WriterConfig": {"Transformation": "COMPACT", "OutputType": "JSONL"}`
		}
		writer := `"ToleratedFailureCount": 5, "ResultWriter": {"Resource": "arn:aws:states:::s3:putObject", "Parameters": {"Bucket": "out", "Prefix": "res"}, ` + config + `},`
		x := b.start(b.machine("m", mapState("STANDARD", failOdd, writer)), "x", numbersTo(4))
		i := b.end(x)
		r := b.mapRun(x)
		id := r.ARN[strings.LastIndex(r.ARN, ":")+1:]
		want(t, "output", string(i.Output), `{"MapRunArn":"`+r.ARN+`","ResultWriterDetails":{"Bucket":"out","Key":"res/`+id+`/manifest.json"}}`)
		want(t, "files", len(d.files), 3)
		suffix, text := ".json", "[0,2]"
		if lines {
			suffix, text = ".jsonl", "0\n2\n"
		}
		want(t, "succeeded", d.files[0], file{"out", "res/" + id + "/SUCCEEDED_0" + suffix, text})
		want(t, "failed", strings.Count(d.files[1].text, `"Status":"FAILED"`), 2)
		var manifest struct {
			DestinationBucket, MapRunArn string
			ResultFiles                  map[string][]struct {
				Key  string
				Size int
			}
		}
		if err := json.Unmarshal([]byte(d.files[2].text), &manifest); err != nil {
			t.Fatal(err)
		}
		want(t, "manifest's run", manifest.MapRunArn, r.ARN)
		want(t, "manifest's sizes", manifest.ResultFiles["SUCCEEDED"][0].Size, len(text))
		want(t, "manifest's pending", len(manifest.ResultFiles["PENDING"]), 0)
		want(t, "results written", r.Items.ResultsWritten, 4)
	}
}

func TestMapRunWritesWhatIsPending(t *testing.T) {
	d := &numbers{}
	b := openBench(t, &bench{dir: ":memory:", data: d})
	writer := `"MaxConcurrency": 1, "ResultWriter": {"Resource": "arn:aws:states:::s3:putObject", "Parameters": {"Bucket": "out", "Prefix": ""}},`
	x := b.start(b.machine("m", mapState("STANDARD", failOdd, writer)), "x", numbersTo(5))
	i := b.end(x)
	want(t, "error", text(i.Error), "States.ExceedToleratedFailureThreshold")
	at := slices.IndexFunc(d.files, func(f file) bool { return strings.HasSuffix(f.key, "/PENDING_0.json") })
	if at < 0 {
		t.Fatalf("nothing is pending: %v", d.files)
	}
	want(t, "pending", d.files[at].text, `[{"Input":"2","InputDetails":{"Included":true},"Status":"PENDING"},{"Input":"3","InputDetails":{"Included":true},"Status":"PENDING"},{"Input":"4","InputDetails":{"Included":true},"Status":"PENDING"}]`)
}

func TestMapRunCannotWriteResults(t *testing.T) {
	b := openBench(t, &bench{dir: ":memory:", data: &numbers{}})
	writer := `"ResultWriter": {"Resource": "arn:aws:states:::s3:putObject", "Parameters": {"Bucket": "none", "Prefix": ""}},`
	i := b.end(b.start(b.machine("m", mapState("STANDARD", passItem, writer)), "x", numbersTo(1)))
	want(t, "error", text(i.Error), "States.ResultWriterFailed")
	want(t, "cause", text(i.Cause), "there is no such bucket")
}

func TestMapRunResultIsTooLarge(t *testing.T) {
	b := newBench(t)
	big := `[` + strings.Repeat(`"`+strings.Repeat("x", 1000)+`",`, 100) + `0]`
	process := `"StartAt": "P", "States": {"P": {"Type": "Pass", "Parameters": {"a.$": "$", "b.$": "$", "c.$": "$"}, "End": true}}`
	i := b.end(b.start(b.machine("m", mapState("STANDARD", process, "")), "x", big))
	want(t, "error", text(i.Error), "States.DataLimitExceeded")
}

// errSource is a source that cannot be read for a reason of its own.
type errSource struct{ numbers }

func (*errSource) Items(context.Context, engine.ItemQuery) (engine.ItemStream, error) {
	return nil, errors.New("no disk")
}

func TestMapRunGivesUpAtLast(t *testing.T) {
	b := openBench(t, &bench{dir: ":memory:", data: &errSource{}})
	x := b.start(b.machine("m", mapState("STANDARD", passItem, fmt.Sprintf(readNumbers, ""))), "x", `{}`)
	b.untilRun(b.mapRun(x).ARN, func(r engine.MapRunInfo) bool {
		b.tick(time.Minute)
		return r.Status != interp.Running
	})
	i := b.end(x)
	want(t, "error", text(i.Error), "States.Runtime")
	want(t, "cause", strings.Contains(text(i.Cause), "no disk"), true)
}
