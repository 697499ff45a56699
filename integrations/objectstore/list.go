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

// listBatch is how many rows a list reads at a time while it rolls keys up.
const listBatch = 1000

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
		// One key more than fits says whether there is a next page.
		batch := min(most-l.len()+1, listBatch)
		page, err := scanFrom(r, bucket, from, opt.Prefix, batch)
		if err != nil {
			return nil, err
		}
		rolled := false
		for _, o := range page {
			prefix, ok := opt.rollUp(o.Key)
			if l.len() == most {
				l.Next = encodeToken(l.next(opt))
				return l, nil
			}
			if ok {
				l.Prefixes, l.last = append(l.Prefixes, prefix), prefix
				from, rolled = after(prefix), true
				break
			}
			l.Objects, l.last = append(l.Objects, o.Info), o.Key
			from = o.Key + "\x00"
		}
		if rolled && from == "" || !rolled && len(page) < batch {
			return l, nil
		}
	}
}

func (l *Listing) len() int { return len(l.Objects) + len(l.Prefixes) }

// next is where the page after l starts.
func (l *Listing) next(opt ListOptions) string {
	if opt.Delimiter != "" && strings.HasSuffix(l.last, opt.Delimiter) && len(l.Prefixes) > 0 && l.Prefixes[len(l.Prefixes)-1] == l.last {
		return after(l.last)
	}
	return l.last + "\x00"
}

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
