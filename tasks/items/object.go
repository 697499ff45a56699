package items

import (
	"bufio"
	"compress/gzip"
	"context"
	"fmt"
	"io"

	"millrace/engine"
)

// bufferSize is how many bytes of an object are read at a time.
const bufferSize = 64 << 10

// maxItem is the most bytes that an item, or a line of a file, may have. A child's
// input may have less still, but an ItemSelector can make it smaller.
const maxItem = 8 << 20

// open opens a file where a position stands; nil: at its start.
func (d *Data) open(ctx context.Context, s source, at *position) (file, error) {
	switch s.format {
	case "PARQUET":
		return d.openParquet(ctx, s, at)
	case "CSV", "JSON", "JSONL":
	case "":
		return nil, readerFailed("The ItemReader names no InputType.")
	default:
		return nil, readerFailed("The InputType %s is not supported here.", s.format)
	}
	t, err := d.openText(ctx, s, at)
	if err != nil {
		return nil, err
	}
	var f file
	switch s.format {
	case "CSV":
		f, err = newCSV(t, s, at)
	case "JSON":
		f, err = newJSON(t, s.reader.ItemsPointer, at)
	default:
		f = &lines{t}
	}
	if err == nil && at != nil && at.Count > 0 {
		for range at.Count { // compressed: there is no other way to the place
			if _, err = f.next(ctx); err != nil {
				err = fmt.Errorf("go to item %d of %s/%s: %w", at.Count, s.bucket, s.key, err)
				break
			}
		}
	}
	if err != nil {
		t.close()
		return nil, err
	}
	return f, nil
}

// text is a file of text as it is read.
type text struct {
	body   io.Closer
	zip    *gzip.Reader // nil: not compressed
	in     *bufio.Reader
	etag   string
	offset int64 // of the text
	count  int64 // items taken
	line   []byte
}

// openText opens a file of text, compressed with gzip or not.
func (d *Data) openText(ctx context.Context, s source, at *position) (*text, error) {
	p := Part{Bucket: s.bucket, Key: s.key, Version: s.version}
	if at != nil {
		p.ETag, p.Offset = at.ETag, at.Offset
	}
	o, err := d.objects.Open(ctx, p)
	if err != nil {
		return nil, failed(err)
	}
	t := &text{body: o.Body, in: bufio.NewReaderSize(o.Body, bufferSize), etag: o.ETag, offset: p.Offset}
	if p.Offset > 0 {
		return t, nil
	}
	if head, _ := t.in.Peek(2); len(head) == 2 && head[0] == 0x1f && head[1] == 0x8b {
		if t.zip, err = gzip.NewReader(t.in); err != nil {
			o.Body.Close()
			return nil, readerFailed("The object %s/%s cannot be decompressed: %v", s.bucket, s.key, err)
		}
		t.in = bufio.NewReaderSize(t.zip, bufferSize)
	}
	if head, _ := t.in.Peek(3); string(head) == "\ufeff" {
		t.in.Discard(3)
		t.offset = 3
	}
	return t, nil
}

// position tells the place: by bytes, or in compressed text by items.
func (t *text) position() position {
	if t.zip != nil || t.offset == 0 {
		return position{ETag: t.etag, Count: t.count}
	}
	return position{ETag: t.etag, Offset: t.offset}
}

func (t *text) close() error { return t.body.Close() }

// readLine returns the next line without its end, valid until the next call, or io.EOF.
func (t *text) readLine() ([]byte, error) {
	t.line = t.line[:0]
	for {
		part, err := t.in.ReadSlice('\n')
		t.offset += int64(len(part))
		if len(t.line)+len(part) > maxItem {
			return nil, readerFailed("A line of the file has more than %d bytes.", maxItem)
		}
		switch {
		case err == nil && len(t.line) == 0:
			return trimEnd(part), nil
		case err == nil:
			t.line = append(t.line, part...)
			return trimEnd(t.line), nil
		case err == bufio.ErrBufferFull:
			t.line = append(t.line, part...)
		case err == io.EOF:
			if t.line = append(t.line, part...); len(t.line) == 0 {
				return nil, io.EOF
			}
			return trimEnd(t.line), nil
		default:
			return nil, broken(err)
		}
	}
}

// broken words an error of the text itself; one of the store stays as it is.
func broken(err error) error {
	if err == gzip.ErrChecksum || err == gzip.ErrHeader || err == io.ErrUnexpectedEOF {
		return readerFailed("The file cannot be decompressed: %v", err)
	}
	return fmt.Errorf("read items: %w", err)
}

func trimEnd(line []byte) []byte {
	if n := len(line); n > 0 && line[n-1] == '\n' {
		line = line[:n-1]
	}
	if n := len(line); n > 0 && line[n-1] == '\r' {
		line = line[:n-1]
	}
	return line
}

// byte reads one byte.
func (t *text) byte() (byte, error) {
	b, err := t.in.ReadByte()
	if err == nil {
		t.offset++
	} else if err != io.EOF {
		err = broken(err)
	}
	return b, err
}

// unread puts the last byte back.
func (t *text) unread() {
	if t.in.UnreadByte() == nil {
		t.offset--
	}
}

// compile-time check.
var _ engine.MapData = (*Data)(nil)
