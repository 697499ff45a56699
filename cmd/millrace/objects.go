package main

import (
	"context"
	"fmt"
	"io"

	"millrace/integrations/objectstore"
	"millrace/tasks"
	"millrace/tasks/items"
)

// mapObjects lets distributed Maps read and write objects.
type mapObjects struct{ s *system }

// Open opens an object or a part of it.
func (m mapObjects) Open(ctx context.Context, p items.Part) (*items.Object, error) {
	if p.Version != "" && p.Version != "null" {
		return nil, &tasks.Error{Code: "NoSuchVersion", Message: "The specified version does not exist.", Status: 404}
	}
	opt := objectstore.ReadOptions{If: objectstore.Conditions{Match: p.ETag}}
	switch {
	case p.Length > 0:
		opt.Range = fmt.Sprintf("bytes=%d-%d", p.Offset, p.Offset+p.Length-1)
	case p.Offset > 0:
		opt.Range = fmt.Sprintf("bytes=%d-", p.Offset)
	}
	o, err := m.s.objects.Read(ctx, p.Bucket, p.Key, opt)
	if e, ok := err.(*tasks.Error); ok && e.Code == "InvalidRange" { // at its very end
		o, err = m.s.objects.Read(ctx, p.Bucket, p.Key, objectstore.ReadOptions{If: opt.If})
		if err == nil {
			o.Body.Close()
			o.Body = io.NopCloser(eof{})
		}
	}
	if err != nil {
		return nil, err
	}
	return &items.Object{Body: o.Body, Size: o.Size, ETag: o.ETag}, nil
}

// eof is an empty reader.
type eof struct{}

// Read has nothing.
func (eof) Read([]byte) (int, error) { return 0, io.EOF }

// List returns the objects after a key.
func (m mapObjects) List(ctx context.Context, bucket, prefix, after string) ([]items.Info, error) {
	l, err := m.s.objects.List(ctx, bucket, objectstore.ListOptions{Prefix: prefix, After: after})
	if err != nil {
		return nil, err
	}
	list := make([]items.Info, len(l.Objects))
	for i, o := range l.Objects {
		list[i] = items.Info{Key: o.Key, ETag: o.ETag, Size: o.Size, Modified: o.Modified, StorageClass: o.Headers.StorageClass}
	}
	return list, nil
}

// Write stores an object.
func (m mapObjects) Write(ctx context.Context, bucket, key, contentType string, body io.Reader) (int64, error) {
	i, err := m.s.objects.Write(ctx, objectstore.Put{Bucket: bucket, Key: key, Headers: objectstore.Headers{ContentType: contentType}}, body)
	return i.Size, err
}
