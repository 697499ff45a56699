package items

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/url"
	"strings"

	"millrace/asl/document"
	"millrace/engine"
)

// listed is a stream of what a bucket holds under a prefix.
type listed struct {
	objects        Objects
	bucket, prefix string
	after          string // the last key given
	page           []Info
}

// info returns the next object, or io.EOF.
func (l *listed) info(ctx context.Context) (Info, error) {
	if len(l.page) == 0 {
		page, err := l.objects.List(ctx, l.bucket, l.prefix, l.after)
		if err != nil {
			return Info{}, failed(err)
		}
		if len(page) == 0 {
			return Info{}, io.EOF
		}
		l.page = page
	}
	i := l.page[0]
	l.page = l.page[1:]
	l.after = i.Key
	return i, nil
}

// Next describes the next object as listObjectsV2 does.
func (l *listed) Next(ctx context.Context) (engine.Item, error) {
	i, err := l.info(ctx)
	if err != nil {
		return engine.Item{}, err
	}
	o := document.NewObject(5)
	o.Set("Etag", `"`+i.ETag+`"`)
	o.Set("Key", i.Key)
	o.Set("LastModified", document.Int(i.Modified.Unix()))
	o.Set("Size", document.Int(i.Size))
	class := i.StorageClass
	if class == "" {
		class = "STANDARD"
	}
	o.Set("StorageClass", class)
	return engine.Item{Value: document.FromValue(o), Source: "S3://" + l.bucket}, nil
}

// Cursor names the last key.
func (l *listed) Cursor() json.RawMessage { return cursor{After: l.after}.encode() }

// Close does nothing.
func (l *listed) Close() error { return nil }

// files gives the files that are read one after another.
type files interface {
	// file returns the next file, or io.EOF.
	file(ctx context.Context, s source) (source, error)
	// at sets in a cursor the file that is being read.
	at(*cursor)
}

func (l *listed) file(ctx context.Context, s source) (source, error) {
	i, err := l.info(ctx)
	s.key, s.version = i.Key, ""
	return s, err
}

func (l *listed) at(c *cursor) { c.After = l.after }

// flat is a stream of the items of many files.
type flat struct {
	d      *Data
	source source
	files  files
	at     cursor // where reading began
	begun  bool
	before cursor // the place before the file being read
	f      file   // nil: between two
	name   string // of the file, as items tell it
}

// Next returns the next item of the file at hand, or of one after it.
func (s *flat) Next(ctx context.Context) (engine.Item, error) {
	for {
		if s.f == nil {
			s.files.at(&s.before)
			next, err := s.files.file(ctx, s.source)
			if err != nil {
				return engine.Item{}, err
			}
			var at *position
			if !s.begun {
				at = s.at.File
			}
			s.begun = true
			s.name = next.name()
			if s.f, err = s.d.open(ctx, next, at); err != nil {
				s.f = nil
				return engine.Item{}, err
			}
		}
		item, err := s.f.next(ctx)
		item.Source = s.name
		if err != io.EOF {
			return item, err
		}
		s.f.close()
		s.f = nil
	}
}

// Cursor names the file at hand and the place in it.
func (s *flat) Cursor() json.RawMessage {
	if s.f == nil {
		var c cursor
		s.files.at(&c)
		return c.encode()
	}
	c := s.before
	p := s.f.position()
	c.File = &p
	return c.encode()
}

// Close closes the file at hand.
func (s *flat) Close() error {
	if s.f == nil {
		return nil
	}
	return s.f.close()
}

// manifest is a list of files that an object holds.
type manifest struct {
	etag  string
	list  []source
	index int // the next file
}

func (m *manifest) file(context.Context, source) (source, error) {
	if m.index >= len(m.list) {
		return source{}, io.EOF
	}
	m.index++
	return m.list[m.index-1], nil
}

func (m *manifest) at(c *cursor) { c.Index, c.ETag = m.index, m.etag }

// maxManifest is the most bytes of a manifest.
const maxManifest = 64 << 20

// manifest reads an S3 inventory's manifest or that of an Athena UNLOAD.
func (d *Data) manifest(ctx context.Context, s *source, at cursor) (*manifest, error) {
	o, err := d.objects.Open(ctx, Part{Bucket: s.bucket, Key: s.key, Version: s.version, ETag: at.ETag})
	if err != nil {
		return nil, failed(err)
	}
	defer o.Body.Close()
	data, err := io.ReadAll(io.LimitReader(o.Body, maxManifest+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxManifest {
		return nil, readerFailed("The manifest has more than %d bytes.", maxManifest)
	}
	m := &manifest{etag: o.ETag, index: at.Index}
	if s.reader.ManifestType == "ATHENA_DATA" {
		err = m.athena(data, *s)
	} else {
		err = m.inventory(data, *s)
	}
	return m, err
}

// inventory reads manifest.json of an Amazon S3 inventory, whose files are CSV.
func (m *manifest) inventory(data []byte, s source) error {
	var in struct {
		Bucket string `json:"destinationBucket"`
		Format string `json:"fileFormat"`
		Schema string `json:"fileSchema"`
		Files  []struct {
			Key string `json:"key"`
		} `json:"files"`
	}
	if err := json.Unmarshal(data, &in); err != nil {
		return readerFailed("The manifest is no JSON: %v", err)
	}
	if in.Format != "CSV" {
		return readerFailed("The inventory's format is %.40q; only CSV is supported.", in.Format)
	}
	reader := *s.reader
	reader.CSVDelimiter = ""
	s.format, s.version, s.reader = "CSV", "", &reader
	s.header = []string{}
	for _, name := range strings.Split(in.Schema, ",") {
		s.header = append(s.header, strings.TrimSpace(name))
	}
	if i := strings.LastIndex(in.Bucket, ":"); in.Bucket != "" {
		s.bucket = in.Bucket[i+1:]
	}
	for _, f := range in.Files {
		s.key = f.Key
		m.list = append(m.list, s)
	}
	return nil
}

// athena reads the manifest of an UNLOAD: the URI of a file a line.
func (m *manifest) athena(data []byte, s source) error {
	if s.format == "MANIFEST" {
		s.format = ""
	}
	for line := range bytes.Lines(data) {
		uri := strings.Trim(strings.TrimSpace(string(line)), `"`)
		if uri == "" {
			continue
		}
		u, err := url.Parse(uri)
		if err != nil || u.Scheme != "s3" || u.Host == "" {
			return readerFailed("The manifest names %.200q, which is no s3:// URI.", uri)
		}
		f := s
		f.bucket, f.key, f.version = u.Host, strings.TrimPrefix(strings.TrimPrefix(uri, "s3://"+u.Host), "/"), ""
		if f.format == "" {
			f.format = formatOf(f.key)
		}
		m.list = append(m.list, f)
	}
	return nil
}

// formatOf guesses a file's format from its name; JSON Lines where it tells nothing.
func formatOf(key string) string {
	key = strings.TrimSuffix(strings.ToLower(key), ".gz")
	switch {
	case strings.HasSuffix(key, ".csv"), strings.HasSuffix(key, ".tsv"):
		return "CSV"
	case strings.HasSuffix(key, ".parquet"):
		return "PARQUET"
	}
	return "JSONL"
}
