package items

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"

	"millrace/asl"
	"millrace/asl/document"
	"millrace/engine"
	"millrace/tasks"
)

// bucket is an object store of one bucket in memory.
type bucket map[string]string

func (b bucket) Open(_ context.Context, p Part) (*Object, error) {
	text, ok := b[p.Key]
	if !ok || p.Bucket != "b" {
		return nil, &tasks.Error{Code: "NoSuchKey", Message: "The specified key does not exist.", Status: 404}
	}
	etag := fmt.Sprintf("e%d", len(text))
	if p.ETag != "" && p.ETag != etag {
		return nil, &tasks.Error{Code: "PreconditionFailed", Message: "At least one of the pre-conditions you specified did not hold", Status: 412}
	}
	part := text[min(p.Offset, int64(len(text))):]
	if p.Length > 0 {
		part = part[:p.Length]
	}
	return &Object{Body: io.NopCloser(strings.NewReader(part)), Size: int64(len(text)), ETag: etag}, nil
}

func (b bucket) List(_ context.Context, _, prefix, after string) ([]Info, error) {
	var list []Info
	for key, text := range b {
		if strings.HasPrefix(key, prefix) && key > after {
			list = append(list, Info{Key: key, ETag: "e", Size: int64(len(text)), Modified: time.Unix(1700000000, 0)})
		}
	}
	slices.SortFunc(list, func(a, b Info) int { return strings.Compare(a.Key, b.Key) })
	return list[:min(2, len(list))], nil
}

func (b bucket) Write(_ context.Context, _, key, _ string, body io.Reader) (int64, error) {
	text, err := io.ReadAll(body)
	b[key] = string(text)
	return int64(len(text)), err
}

func zipped(text string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write([]byte(text))
	w.Close()
	return b.String()
}

type parquetRow struct {
	Name  string             `parquet:"name"`
	Count int64              `parquet:"count"`
	Ratio *float64           `parquet:"ratio,optional"`
	Tags  []string           `parquet:"tags,list"`
	Attrs map[string]int32   `parquet:"attrs"`
	In    struct{ A, B int } `parquet:"in"`
	Day   time.Time          `parquet:"day,timestamp(millisecond)"`
}

func parquetText(t testing.TB) string {
	var b bytes.Buffer
	w := parquet.NewGenericWriter[parquetRow](&b)
	half := 0.5
	day := time.Date(2024, 5, 1, 2, 3, 4, 0, time.UTC)
	rows := []parquetRow{
		{Name: "a", Count: 1, Ratio: &half, Tags: []string{"x", "y"}, Attrs: map[string]int32{"k": 7}, In: struct{ A, B int }{1, 2}, Day: day},
		{Name: "b", Count: -2, Day: day},
		{Name: "c", Count: 3, Tags: []string{"z"}, Day: day},
	}
	if _, err := w.Write(rows); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// read reads all items. With again it closes the stream after each and opens it
// at its cursor.
func read(d *Data, q engine.ItemQuery, again bool) (string, error) {
	ctx := context.Background()
	s, err := d.Items(ctx, q)
	if err != nil {
		return "", err
	}
	defer func() { s.Close() }()
	var out []string
	for len(out) < 1000 {
		it, err := s.Next(ctx)
		if err == io.EOF {
			break
		}
		if err != nil {
			return strings.Join(out, " "), err
		}
		text := it.Value.String()
		if it.Key != nil {
			text = *it.Key + "=" + text
		}
		out = append(out, text)
		if again {
			q.Cursor = append(json.RawMessage(nil), s.Cursor()...)
			s.Close()
			next, err := d.Items(ctx, q)
			if err != nil {
				return "", err
			}
			s = next
		}
	}
	return strings.Join(out, " "), nil
}

func TestItems(t *testing.T) {
	const get, list = "arn:aws:states:::s3:getObject", "arn:aws:states:::s3:listObjectsV2"
	inventory := `{"sourceBucket": "x", "destinationBucket": "arn:aws:s3:::b", "fileFormat": "CSV", "fileSchema": "Bucket, Key", "files": [{"key": "f1"}, {"key": "f2"}]}`
	cases := []struct {
		name   string
		file   string
		reader asl.ItemReader
		more   bucket
		want   string
		fails  string // the cause
	}{
		{name: "CSV with the header in the file", reader: asl.ItemReader{InputType: "CSV", CSVHeaderLocation: "FIRST_ROW"}, file: "a,b\n1,2\n3,4\n", want: `{"a":"1","b":"2"} {"a":"3","b":"4"}`},
		{name: "CSV with the header given", reader: asl.ItemReader{InputType: "CSV", CSVHeaderLocation: "GIVEN", CSVHeaders: []string{"a", "b"}}, file: "1,2", want: `{"a":"1","b":"2"}`},
		{name: "short rows are filled, long ones cut, white space kept", reader: asl.ItemReader{InputType: "CSV"}, file: "a,b\n1\n1,2,3\n   \n,,,\n", want: `{"a":"1","b":""} {"a":"1","b":"2"} {"a":"   ","b":""} {"a":"","b":""}`},
		{name: "empty lines are passed over", reader: asl.ItemReader{InputType: "CSV"}, file: "\r\na\r\n\r\n1\r\n\r\n", want: `{"a":"1"}`},
		{name: "quotes", reader: asl.ItemReader{InputType: "CSV"}, file: "a,b\n\"x,y\",\"he said \"\"hi\"\"\"\n\"two\nlines\",\n\"\",z\n", want: `{"a":"x,y","b":"he said \"hi\""} {"a":"two\nlines","b":""} {"a":"","b":"z"}`},
		{name: "a quote that nothing closes", reader: asl.ItemReader{InputType: "CSV"}, file: "a\n\"x\ny", want: `{"a":"x\ny"}`},
		{name: "pipes", reader: asl.ItemReader{InputType: "CSV", CSVDelimiter: "PIPE"}, file: "a|b\n1,|2\n", want: `{"a":"1,","b":"2"}`},
		{name: "tabs", reader: asl.ItemReader{InputType: "CSV", CSVDelimiter: "TAB"}, file: "a\tb\n1\t2\n", want: `{"a":"1","b":"2"}`},
		{name: "semicolons", reader: asl.ItemReader{InputType: "CSV", CSVDelimiter: "SEMICOLON"}, file: "a;b\n1;2\n", want: `{"a":"1","b":"2"}`},
		{name: "spaces", reader: asl.ItemReader{InputType: "CSV", CSVDelimiter: "SPACE"}, file: "a b\n1 2\n", want: `{"a":"1","b":"2"}`},
		{name: "a byte order mark", reader: asl.ItemReader{InputType: "CSV"}, file: "\ufeffa\n1\n", want: `{"a":"1"}`},
		{name: "a compressed file", reader: asl.ItemReader{InputType: "CSV"}, file: zipped("a\n1\n2\n"), want: `{"a":"1"} {"a":"2"}`},
		{name: "an empty file", reader: asl.ItemReader{InputType: "CSV"}, file: ""},
		{name: "duplicate headers", reader: asl.ItemReader{InputType: "CSV", CSVHeaderLocation: "GIVEN", CSVHeaders: []string{"a", "a"}}, file: "1", fails: "CSV headers cannot contain duplicates."},
		{name: "duplicate headers in the file", reader: asl.ItemReader{InputType: "CSV"}, file: "a,a\n1,2", fails: "CSV headers cannot contain duplicates."},

		{name: "a JSON array", reader: asl.ItemReader{InputType: "JSON"}, file: ` [1, "a,]\"", {"x": [1, {}]}, [], true ,null] `, want: `1 "a,]\"" {"x":[1,{}]} [] true null`},
		{name: "an empty array", reader: asl.ItemReader{InputType: "JSON"}, file: `[]`},
		{name: "an object is no list", reader: asl.ItemReader{InputType: "JSON"}, file: `{"a": 1}`, fails: "Attempting to map over non-iterable node."},
		{name: "a pointer to an array", reader: asl.ItemReader{InputType: "JSON", ItemsPointer: "/a~1b/1/c"}, file: `{"x": [1, {"a/b": 2}], "a/b": [0, {"d": "}", "c": [5, 6]}]}`, want: `5 6`},
		{name: "a pointer to an object", reader: asl.ItemReader{InputType: "JSON", ItemsPointer: "/a"}, file: `{"a": {"x": 1, "y": {"z": 2}}}`, want: `x=1 y={"z":2}`},
		{name: "a pointer to nothing", reader: asl.ItemReader{InputType: "JSON", ItemsPointer: "/b"}, file: `{"a": []}`, fails: "The ItemsPointer /b points to nothing in the file."},
		{name: "JSON that ends too early", reader: asl.ItemReader{InputType: "JSON"}, file: `[1, {"a": `, want: "1", fails: "The file is no JSON: it ends too early at byte 10."},
		{name: "JSON without a comma", reader: asl.ItemReader{InputType: "JSON"}, file: `[1 2]`, want: "1", fails: "The file is no JSON: a comma is missing at byte 4."},

		{name: "JSON lines", reader: asl.ItemReader{InputType: "JSONL"}, file: "{\"a\": 1}\n\n [2]\r\n3", want: `{"a":1} [2] 3`},
		{name: "a line that is none", reader: asl.ItemReader{InputType: "JSONL"}, file: "1\nx\n", want: "1", fails: "The line that ends at byte 4 is no JSON: at byte 0: unexpected 'x', a value belongs here"},

		{name: "Parquet", reader: asl.ItemReader{InputType: "PARQUET"}, file: parquetText(t), want: `{"name":"a","count":1,"ratio":0.5,"tags":["x","y"],"attrs":{"k":7},"in":{"A":1,"B":2},"day":"2024-05-01T02:03:04Z"} ` +
			`{"name":"b","count":-2,"ratio":null,"tags":[],"attrs":{},"in":{"A":0,"B":0},"day":"2024-05-01T02:03:04Z"} ` +
			`{"name":"c","count":3,"ratio":null,"tags":["z"],"attrs":{},"in":{"A":0,"B":0},"day":"2024-05-01T02:03:04Z"}`},

		{name: "a list of objects", reader: asl.ItemReader{Resource: list}, more: bucket{"p/1": "x", "p/2": "yy", "p/3": "", "q": "z"},
			want: `{"Etag":"\"e\"","Key":"p/1","LastModified":1700000000,"Size":1,"StorageClass":"STANDARD"} {"Etag":"\"e\"","Key":"p/2","LastModified":1700000000,"Size":2,"StorageClass":"STANDARD"} {"Etag":"\"e\"","Key":"p/3","LastModified":1700000000,"Size":0,"StorageClass":"STANDARD"}`},
		{name: "the contents of listed objects", reader: asl.ItemReader{Resource: list, InputType: "JSON", Transformation: "LOAD_AND_FLATTEN"}, more: bucket{"p/1": "[1,2]", "p/2": "[]", "p/3": "[3]"}, want: `1 2 3`},
		{name: "an inventory", reader: asl.ItemReader{InputType: "MANIFEST"}, file: inventory, more: bucket{"f1": zipped("\"x\",\"k1\"\n\"x\",\"k2\"\n"), "f2": zipped("\"x\",\"k3\"\n")},
			want: `{"Bucket":"x","Key":"k1"} {"Bucket":"x","Key":"k2"} {"Bucket":"x","Key":"k3"}`},
		{name: "an Athena manifest", reader: asl.ItemReader{InputType: "JSONL", ManifestType: "ATHENA_DATA"}, file: "s3://b/f1\ns3://b/f2\n", more: bucket{"f1": "1\n2\n", "f2": zipped("3")}, want: `1 2 3`},
		{name: "a manifest of something else", reader: asl.ItemReader{InputType: "CSV", ManifestType: "ATHENA_DATA"}, file: "x", fails: `The manifest names "x", which is no s3:// URI.`},
	}
	for _, c := range cases {
		for _, again := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/again=%v", c.name, again), func(t *testing.T) {
				b := bucket{"f": c.file}
				for k, v := range c.more {
					b[k] = v
				}
				if c.reader.Resource == "" {
					c.reader.Resource = get
				}
				q := engine.ItemQuery{Reader: &c.reader, Arguments: document.FromBytes([]byte(`{"Bucket": "b", "Key": "f", "Prefix": "p/"}`))}
				got, err := read(New(b), q, again)
				if got != c.want {
					t.Errorf("got  %s\nwant %s", got, c.want)
				}
				var e *asl.Error
				switch {
				case c.fails == "" && err != nil:
					t.Errorf("error %v", err)
				case c.fails != "" && (!errors.As(err, &e) || e.Name != "States.ItemReaderFailed" || e.Cause != c.fails):
					t.Errorf("error %v, want the cause %s", err, c.fails)
				}
			})
		}
	}
}

func TestItemsOfAnObjectThatIsNotThere(t *testing.T) {
	q := engine.ItemQuery{Reader: &asl.ItemReader{Resource: "arn:aws:states:::s3:getObject", InputType: "CSV"}, Arguments: document.FromBytes([]byte(`{"Bucket": "b", "Key": "none"}`))}
	_, err := New(bucket{}).Items(context.Background(), q)
	var e *asl.Error
	if !errors.As(err, &e) || e.Name != "States.ItemReaderFailed" || !strings.HasPrefix(e.Cause, "The specified key does not exist.") {
		t.Errorf("error %v", err)
	}
}

// TestItemsTellTheirSource reads one item of each kind of reader.
func TestItemsTellTheirSource(t *testing.T) {
	d := New(bucket{"f.json": `[1]`, "list.json": `[{"x":1}]`, "m.csv": "b,f.json\n"})
	for _, c := range []struct{ resource, config, arguments, want string }{
		{"arn:aws:states:::s3:getObject", `{"InputType": "JSON"}`, `{"Bucket": "b", "Key": "f.json"}`, "S3://b/f.json"},
		{"arn:aws:states:::s3:listObjectsV2", `{}`, `{"Bucket": "b"}`, "S3://b"},
		{"arn:aws:states:::s3:listObjectsV2", `{"InputType": "JSON", "Transformation": "LOAD_AND_FLATTEN"}`, `{"Bucket": "b", "Prefix": "list"}`, "S3://b/list.json"},
	} {
		text := fmt.Sprintf(`{"StartAt": "M", "States": {"M": {"Type": "Map", "End": true, "ItemReader": {"Resource": %q, "ReaderConfig": %s, "Parameters": %s},
			"ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}, "StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}}}}}`, c.resource, c.config, c.arguments)
		m, diagnostics := asl.Parse([]byte(text), asl.Options{})
		if m == nil {
			t.Fatal(diagnostics)
		}
		q := engine.ItemQuery{Reader: m.States["M"].(*asl.Map).ItemReader, Arguments: document.FromBytes([]byte(c.arguments))}
		s, err := d.Items(context.Background(), q)
		if err != nil {
			t.Fatal(err)
		}
		if it, err := s.Next(context.Background()); err != nil || it.Source != c.want {
			t.Errorf("%s, %s: got source %q and %v, want %s", c.resource, c.config, it.Source, err, c.want)
		}
		s.Close()
	}
}

func TestItemsOfAnObjectThatWasReplaced(t *testing.T) {
	b := bucket{"f": "a\n1\n2\n"}
	d := New(b)
	q := engine.ItemQuery{Reader: &asl.ItemReader{Resource: "arn:aws:states:::s3:getObject", InputType: "CSV"}, Arguments: document.FromBytes([]byte(`{"Bucket": "b", "Key": "f"}`))}
	s, err := d.Items(context.Background(), q)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.Next(context.Background()); err != nil {
		t.Fatal(err)
	}
	q.Cursor = s.Cursor()
	b["f"] = "a\n1\n2\n3\n"
	if _, err := d.Items(context.Background(), q); err == nil {
		t.Error("the new object was read where the old one stood")
	}
}

// FuzzItems reads damaged files of every format: no panic, and an end.
func FuzzItems(f *testing.F) {
	f.Add("CSV", "a,b\n1,\"2\n")
	f.Add("JSON", `[1,{"a":[]}]`)
	f.Add("JSONL", "1\n2")
	f.Add("PARQUET", "PAR1\x00PAR1")
	f.Add("PARQUET", parquetText(f))
	f.Fuzz(func(t *testing.T, kind, text string) {
		q := engine.ItemQuery{Reader: &asl.ItemReader{Resource: "arn:aws:states:::s3:getObject", InputType: kind}, Arguments: document.FromBytes([]byte(`{"Bucket": "b", "Key": "f"}`))}
		whole, err := read(New(bucket{"f": text}), q, false)
		if err != nil {
			return
		}
		parts, err := read(New(bucket{"f": text}), q, true)
		if err != nil || parts != whole {
			t.Errorf("in one go %q, in parts %q, %v", whole, parts, err)
		}
	})
}
