package trail

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"millrace/engine"
	"millrace/tasks"
)

// LogFile is a log file on its way into a trail's bucket: gzip of
// {"Records":[...]}.
type LogFile struct {
	Bucket, Key string
	Body        []byte
	Caller      tasks.Caller // in whose name it is to be written, so that it is not recorded
}

// Logs keeps log files.
type Logs interface {
	// Keys names what a unit touches that writes the file.
	Keys(f LogFile) []string
	// WriteTx writes the file in the unit. A *tasks.Error, such as that of a bucket
	// which is not there, is returned before anything is written; the file is tried
	// again later.
	WriteTx(tx engine.Tx, f LogFile) error
}

// Limits of a log file.
const (
	maxFileRecords = 10000
	maxFileBytes   = 4 << 20 // before compression
)

// wakeKey is signalled when log files are due.
const wakeKey = "trail/logs"

// delivery writes log files on a goroutine of its own.
type delivery struct {
	s       *Service
	logs    Logs
	planned atomic.Bool // a wake is on its way
	signal  chan struct{}
	unwatch func()
	cancel  context.CancelFunc
	done    sync.WaitGroup
}

// StartLogs begins to write the trails' log files to logs, what an earlier
// process left among them. It is called once, before the service is used; Close
// ends it.
func (s *Service) StartLogs(logs Logs) {
	ctx, cancel := context.WithCancel(context.Background())
	d := &delivery{s: s, logs: logs, signal: make(chan struct{}, 1), cancel: cancel}
	d.unwatch = s.host.Watch(wakeKey, func() {
		d.planned.Store(false)
		select {
		case d.signal <- struct{}{}:
		default: // it is coming
		}
	})
	s.delivery = d
	d.due()
	d.done.Go(func() { d.run(ctx) })
}

func (d *delivery) close() {
	d.unwatch()
	d.cancel()
	d.done.Wait()
}

// due plans the next log files.
func (d *delivery) due() {
	if !d.planned.Swap(true) {
		d.s.host.WakeAt(wakeKey, d.s.host.Now().Add(d.s.o.Every))
	}
}

func (d *delivery) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-d.signal:
		}
		err := d.deliver(ctx)
		if errors.Is(err, engine.ErrClosed) {
			continue // the next process writes them
		}
		if err != nil && ctx.Err() == nil {
			d.s.o.Log.Error("log files were not written", "error", err)
			d.due()
		}
	}
}

// deliver writes what is pending of every trail.
func (d *delivery) deliver(ctx context.Context) error {
	var names []string
	err := d.s.host.Read(ctx, func(r engine.Reader) error {
		return each(r, func(scan func(...any) error) error {
			var name string
			err := scan(&name)
			names = append(names, name)
			return err
		}, pendingTrails)
	})
	for _, name := range names {
		for more := true; more && err == nil; {
			more, err = d.file(ctx, name)
		}
	}
	return err
}

// file writes one log file of a trail, and tells whether there may be more.
func (d *delivery) file(ctx context.Context, name string) (more bool, err error) {
	var t *trail
	var last page
	var n int
	var body bytes.Buffer
	body.WriteString(`{"Records":[`)
	err = d.s.host.Read(ctx, func(r engine.Reader) error {
		all, err := trails(r, selectTrail, name)
		if err != nil || len(all) == 0 {
			return err
		}
		t = all[0]
		return each(r, func(scan func(...any) error) error {
			if body.Len() > maxFileBytes {
				return nil
			}
			var record *string
			if err := scan(&last.At, &last.ID, &record); err != nil || record == nil { // nil: it has expired
				return err
			}
			if n > 0 {
				body.WriteByte(',')
			}
			n++
			body.WriteString(*record)
			return nil
		}, selectPending, name, maxFileRecords)
	})
	if err != nil || t == nil || last == (page{}) {
		return false, err
	}
	body.WriteString(`]}`)
	f := LogFile{Bucket: t.bucket, Key: d.key(t, last), Caller: tasks.Caller{Source: logWriter, UserAgent: logWriter}}
	if f.Body, err = compress(body.Bytes()); err != nil {
		return false, err
	}
	err = d.s.host.Do(ctx, append(d.logs.Keys(f), "trail/"+name), func(tx engine.Tx) error { return d.write(tx, name, f, last, n > 0) })
	if refused := (*tasks.Error)(nil); errors.As(err, &refused) {
		return false, d.refused(ctx, name, refused)
	}
	return err == nil, err
}

func compress(text []byte) ([]byte, error) {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	if _, err := z.Write(text); err != nil {
		return nil, fmt.Errorf("compress a log file: %w", err)
	}
	if err := z.Close(); err != nil {
		return nil, fmt.Errorf("compress a log file: %w", err)
	}
	return out.Bytes(), nil
}

// key is a log file's key. It follows from the records, so a file written twice is one file.
func (d *delivery) key(t *trail, last page) string {
	account, region := d.s.host.Account(), d.s.host.Region()
	at := timeOf(last.At)
	sum := sha256.Sum256(fmt.Appendf(nil, "%s/%d/%d", t.name, last.At, last.ID))
	prefix := ""
	if t.prefix != "" {
		prefix = t.prefix + "/"
	}
	return fmt.Sprintf("%sAWSLogs/%s/CloudTrail/%s/%s/%s_CloudTrail_%s_%s_%s.json.gz", prefix, account, region, at.Format("2006/01/02"),
		account, region, at.Format("20060102T1504Z"), hex.EncodeToString(sum[:8]))
}

// write puts a file into the bucket and takes its records off the list.
func (d *delivery) write(tx engine.Tx, name string, f LogFile, last page, some bool) error {
	all, err := trails(tx, selectTrail, name)
	if err != nil || len(all) == 0 {
		return err // it was deleted, and its list with it
	}
	t := all[0]
	if some {
		if err := d.logs.WriteTx(tx, f); err != nil {
			return err
		}
	}
	if err := exec(tx, removePending, name, last.At, last.At, last.ID); err != nil {
		return err
	}
	t.attempted = tx.Now().UnixMilli()
	t.delivered, t.deliveryError = t.attempted, ""
	return t.update(tx)
}

// refused notes why a file could not be written and plans another try.
func (d *delivery) refused(ctx context.Context, name string, why *tasks.Error) error {
	d.s.o.Log.Warn("a log file was not written", "trail", name, "error", why)
	d.due()
	return d.s.host.Do(ctx, []string{"trail/" + name}, func(tx engine.Tx) error {
		all, err := trails(tx, selectTrail, name)
		if err != nil || len(all) == 0 {
			return err
		}
		t := all[0]
		now := tx.Now()
		t.attempted, t.deliveryError = now.UnixMilli(), why.Code
		if err := exec(tx, expirePending, name, now.Add(-retention).UnixMilli()); err != nil {
			return err
		}
		return t.update(tx)
	})
}
