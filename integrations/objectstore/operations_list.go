package objectstore

import (
	"context"
	"encoding/json"
	"time"

	"millrace/engine"
	"millrace/tasks"
)

// listed is an object in a list.
type listed struct {
	ChecksumAlgorithm []string  `json:"ChecksumAlgorithm,omitempty"`
	ChecksumType      string    `json:"ChecksumType,omitempty"`
	ETag              string    `json:"ETag"`
	Key               string    `json:"Key"`
	LastModified      time.Time `json:"LastModified"`
	Size              int64     `json:"Size"`
	StorageClass      string    `json:"StorageClass"`
}

type commonPrefix struct {
	Prefix string `json:"Prefix"`
}

type listInput struct {
	Bucket            string `json:"Bucket"`
	Prefix            string `json:"Prefix"`
	Delimiter         string `json:"Delimiter"`
	MaxKeys           *int   `json:"MaxKeys"`
	StartAfter        string `json:"StartAfter"`
	ContinuationToken string `json:"ContinuationToken"`
	Marker            string `json:"Marker"`
}

func (p listInput) options() (ListOptions, error) {
	opt := ListOptions{Prefix: p.Prefix, Delimiter: p.Delimiter, After: p.StartAfter + p.Marker, Token: p.ContinuationToken}
	switch {
	case p.MaxKeys == nil:
	case *p.MaxKeys < 0:
		return opt, invalidArgument("Argument maxKeys must be an integer between 0 and 2147483647", "maxKeys", itoa(int64(*p.MaxKeys)))
	case *p.MaxKeys == 0:
		opt.Max = -1
	default:
		opt.Max = *p.MaxKeys
	}
	return opt, nil
}

// maxKeys is what an answer says of the page's size.
func (p listInput) maxKeys() int {
	if p.MaxKeys == nil {
		return MaxListed
	}
	return min(*p.MaxKeys, MaxListed)
}

type listV2Output struct {
	CommonPrefixes        []commonPrefix `json:"CommonPrefixes,omitempty"`
	Contents              []listed       `json:"Contents,omitempty"`
	ContinuationToken     string         `json:"ContinuationToken,omitempty"`
	Delimiter             string         `json:"Delimiter,omitempty"`
	IsTruncated           bool           `json:"IsTruncated"`
	KeyCount              int            `json:"KeyCount"`
	MaxKeys               int            `json:"MaxKeys"`
	Name                  string         `json:"Name"`
	NextContinuationToken string         `json:"NextContinuationToken,omitempty"`
	Prefix                string         `json:"Prefix"`
	StartAfter            string         `json:"StartAfter,omitempty"`
}

type listV1Output struct {
	CommonPrefixes []commonPrefix `json:"CommonPrefixes,omitempty"`
	Contents       []listed       `json:"Contents,omitempty"`
	Delimiter      string         `json:"Delimiter,omitempty"`
	IsTruncated    bool           `json:"IsTruncated"`
	Marker         string         `json:"Marker"`
	MaxKeys        int            `json:"MaxKeys"`
	Name           string         `json:"Name"`
	NextMarker     string         `json:"NextMarker,omitempty"`
	Prefix         string         `json:"Prefix"`
}

func (s *Service) opListObjectsV2(_ context.Context, r engine.Reader, _ tasks.Caller, in json.RawMessage) (any, error) {
	var p listInput
	if err := tasks.Decode(in, &p); err != nil {
		return nil, err
	}
	p.Marker = ""
	return listV2(r, p)
}

func listV2(r engine.Reader, p listInput) (*listV2Output, error) {
	opt, err := p.options()
	if err != nil {
		return nil, err
	}
	l, err := list(r, p.Bucket, opt)
	if err != nil {
		return nil, err
	}
	return &listV2Output{
		CommonPrefixes: l.commonPrefixes(), Contents: l.contents(), ContinuationToken: p.ContinuationToken, Delimiter: p.Delimiter,
		IsTruncated: l.Next != "", KeyCount: l.len(), MaxKeys: p.maxKeys(), Name: p.Bucket, NextContinuationToken: l.Next,
		Prefix: p.Prefix, StartAfter: p.StartAfter,
	}, nil
}

func (s *Service) opListObjects(_ context.Context, r engine.Reader, _ tasks.Caller, in json.RawMessage) (any, error) {
	var p listInput
	if err := tasks.Decode(in, &p); err != nil {
		return nil, err
	}
	return listV1(r, p)
}

func listV1(r engine.Reader, p listInput) (*listV1Output, error) {
	p.StartAfter, p.ContinuationToken = "", ""
	opt, err := p.options()
	if err != nil {
		return nil, err
	}
	l, err := list(r, p.Bucket, opt)
	if err != nil {
		return nil, err
	}
	out := &listV1Output{
		CommonPrefixes: l.commonPrefixes(), Contents: l.contents(), Delimiter: p.Delimiter, IsTruncated: l.Next != "",
		Marker: p.Marker, MaxKeys: p.maxKeys(), Name: p.Bucket, Prefix: p.Prefix,
	}
	// Without a delimiter the last key is the next marker, and clients know it.
	if out.IsTruncated && p.Delimiter != "" {
		out.NextMarker = l.last
	}
	return out, nil
}

func (l *Listing) contents() []listed {
	all := make([]listed, 0, len(l.Objects))
	for _, o := range l.Objects {
		all = append(all, listed{
			ChecksumAlgorithm: []string{o.Algorithm}, ChecksumType: checksumType(o.Checksum), ETag: quote(o.ETag), Key: o.Key,
			LastModified: o.Modified, Size: o.Size, StorageClass: storageClass(o.Headers),
		})
	}
	return all
}

func (l *Listing) commonPrefixes() []commonPrefix {
	all := make([]commonPrefix, 0, len(l.Prefixes))
	for _, p := range l.Prefixes {
		all = append(all, commonPrefix{p})
	}
	return all
}

func storageClass(h Headers) string {
	if h.StorageClass == "" {
		return "STANDARD"
	}
	return h.StorageClass
}
