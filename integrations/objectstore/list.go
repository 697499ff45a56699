package objectstore

import (
	"context"
	"encoding/base64"
	"strings"

	"millrace/engine"
)

// MaxListed is the most keys and common prefixes of one page of a list.
const MaxListed = 1000

// ListOptions narrow a list of objects.
type ListOptions struct {
	Prefix    string
	Delimiter string // keys with it after the prefix are rolled up into one common prefix
	After     string // keys greater than this one only
	Token     string // of an earlier page; goes before After
	Max       int    // 0: MaxListed; -1: none
}

// Listing is one page of a list, in order of the keys' bytes.
type Listing struct {
	Objects  []Info
	Prefixes []string // common prefixes, delimiter included
	Next     string   // token of the next page; "": this is the last
	last     string   // the greatest key or common prefix of the page
}

// List returns a page of a bucket's objects.
func (s *Service) List(ctx context.Context, bucket string, opt ListOptions) (*Listing, error) {
	var l *Listing
	err := s.host.Read(ctx, func(r engine.Reader) (err error) {
		l, err = list(r, bucket, opt)
		return err
	})
	return l, err
}

// How many rows a list reads at a time: a prefix of many keys is read over in one
// step, prefixes of few keys many at once.
const (
	leastBatch = 50
	mostBatch  = 1001
)

func list(r engine.Reader, bucket string, opt ListOptions) (*Listing, error) {
	if _, err := bucketOf(r, bucket); err != nil {
		return nil, err
	}
	from, err := opt.start()
	if err != nil {
		return nil, err
	}
	most := opt.Max
	switch {
	case most < 0:
		return &Listing{}, nil
	case most == 0 || most > MaxListed:
		most = MaxListed
	}
	l := &Listing{}
	for {
		// One more than fits says whether there is a next page.
		batch := min(max(most-l.len()+1, leastBatch), mostBatch)
		page, err := scanFrom(r, bucket, from, opt.Prefix, batch)
		if err != nil {
			return nil, err
		}
		for _, o := range page {
			if o.Key < from {
				continue // of a prefix that is rolled up already
			}
			if l.len() == most {
				l.Next = encodeToken(from)
				return l, nil
			}
			if prefix, ok := opt.rollUp(o.Key); ok {
				l.Prefixes, l.last = append(l.Prefixes, prefix), prefix
				if from = after(prefix); from == "" {
					return l, nil
				}
			} else {
				l.Objects, l.last = append(l.Objects, o.Info), o.Key
				from = o.Key + "\x00"
			}
		}
		if len(page) < batch {
			return l, nil
		}
	}
}

func (l *Listing) len() int { return len(l.Objects) + len(l.Prefixes) }

// start is the least key that a list may return.
func (opt ListOptions) start() (string, error) {
	if opt.Token != "" {
		from, ok := decodeToken(opt.Token)
		if !ok {
			return "", invalidArgument("The continuation token provided is incorrect", "continuation-token", opt.Token)
		}
		return from, nil
	}
	if opt.After == "" {
		return "", nil
	}
	// A marker inside a common prefix has passed all of it.
	if p, ok := opt.rollUp(opt.After); ok && p == opt.After {
		return after(p), nil
	}
	return opt.After + "\x00", nil
}

func (opt ListOptions) rollUp(key string) (string, bool) {
	if opt.Delimiter == "" || !strings.HasPrefix(key, opt.Prefix) {
		return "", false
	}
	rest := key[len(opt.Prefix):]
	i := strings.Index(rest, opt.Delimiter)
	if i < 0 {
		return "", false
	}
	return key[:len(opt.Prefix)+i+len(opt.Delimiter)], true
}

func scanFrom(r engine.Reader, bucket, from, prefix string, n int) ([]*object, error) {
	query, args := listFrom, []any{bucket, []byte(max(from, prefix)), n}
	if end := after(prefix); end != "" {
		query, args = listRange, []any{bucket, []byte(max(from, prefix)), []byte(end), n}
	}
	var page []*object
	err := each(r, func(scan func(...any) error) error {
		o, err := scanObject(scan, bucket)
		page = append(page, o)
		return err
	}, query, args...)
	return page, err
}

func encodeToken(from string) string { return base64.URLEncoding.EncodeToString([]byte("1" + from)) }

func decodeToken(token string) (string, bool) {
	b, err := base64.URLEncoding.DecodeString(token)
	if err != nil || len(b) < 1 || b[0] != '1' {
		return "", false
	}
	return string(b[1:]), true
}
