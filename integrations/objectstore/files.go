package objectstore

import (
	"context"
	"crypto/md5"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"millrace/engine"
	"millrace/tasks"
)

// content is an object's bytes on their way in: in memory when there are few of
// them, else in a file that is already on disk for good. A file that no row came
// to name is removed by discard.
type content struct {
	size  int64
	md5   [md5.Size]byte
	sums  checksums
	body  []byte // with file == ""
	file  string // a name inside the folder of files
	files *files
}

func (c *content) etag() string { return hex.EncodeToString(c.md5[:]) }

// discard removes the content's file, which no row names.
func (c *content) discard() {
	if c.file != "" {
		c.files.remove(c.file)
	}
}

// files holds large contents as files beside the database. A file is written,
// synced and renamed before the row that names it is committed, and removed after
// the row is gone; what a crash leaves over is removed by sweep a day later.
type files struct {
	dir    string // "": everything is kept in the database
	inline int64  // up to this many bytes go into the database

	mu    sync.Mutex
	trash []string
	held  int // backups under way: nothing is removed
	wake  chan struct{}
}

// orphanAge is how old a file without a row must be for sweep to remove it: its
// unit may still be under way.
const orphanAge = 24 * time.Hour

func openFiles(dir string, inline int64) (*files, error) {
	f := &files{dir: dir, inline: inline, wake: make(chan struct{}, 1)}
	if dir == "" {
		return f, nil
	}
	if err := os.MkdirAll(filepath.Join(dir, "incoming"), 0o700); err != nil {
		return nil, fmt.Errorf("make the folder of large objects: %w", err)
	}
	return f, nil
}

// write takes in all of r. Its errors are those of r, unwrapped, and those of the disk.
func (f *files) write(r io.Reader, algorithm string) (*content, error) {
	c := &content{files: f, sums: newChecksums(algorithm)}
	m := md5.New()
	tee := io.TeeReader(r, io.MultiWriter(m, c.sums))

	head, err := io.ReadAll(io.LimitReader(tee, f.limit()+1))
	if err != nil {
		return nil, err
	}
	if int64(len(head)) <= f.limit() {
		c.body, c.size = head, int64(len(head))
	} else if c.file, c.size, err = f.spill(head, tee); err != nil {
		return nil, err
	}
	m.Sum(c.md5[:0])
	return c, nil
}

// memory makes content of bytes that go into the database whatever their number.
func (f *files) memory(body []byte, algorithm string) *content {
	c := &content{files: f, sums: newChecksums(algorithm), body: body, size: int64(len(body)), md5: md5.Sum(body)}
	c.sums.Write(body)
	return c
}

// limit is the most bytes that are kept in the database.
func (f *files) limit() int64 {
	if f.dir == "" {
		return 1 << 30 // what a database row holds, and some memory
	}
	return f.inline
}

// spill writes head and the rest of r to a new file and returns its name once it
// is on disk.
func (f *files) spill(head []byte, r io.Reader) (name string, size int64, err error) {
	if f.dir == "" {
		return "", 0, fault(400, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed size")
	}
	var id [16]byte
	rand.Read(id[:])
	name = hex.EncodeToString(id[:])
	tmp, err := os.OpenFile(filepath.Join(f.dir, "incoming", name), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return "", 0, fmt.Errorf("make the file of a large object: %w", err)
	}
	defer func() {
		if err != nil {
			tmp.Close()
			os.Remove(tmp.Name())
		}
	}()
	if _, err = tmp.Write(head); err != nil {
		return "", 0, fmt.Errorf("write a large object: %w", err)
	}
	n, err := io.Copy(tmp, r)
	if err != nil {
		return "", 0, err
	}
	if err = tmp.Sync(); err != nil {
		return "", 0, fmt.Errorf("sync a large object: %w", err)
	}
	if err = tmp.Close(); err != nil {
		return "", 0, fmt.Errorf("close a large object: %w", err)
	}
	folder := filepath.Join(f.dir, name[:2])
	if err = os.MkdirAll(folder, 0o700); err != nil {
		return "", 0, fmt.Errorf("make a folder of large objects: %w", err)
	}
	if err = os.Rename(tmp.Name(), f.path(name)); err != nil {
		return "", 0, fmt.Errorf("move a large object to its place: %w", err)
	}
	if err = errors.Join(syncDir(folder), syncDir(f.dir)); err != nil {
		return "", 0, fmt.Errorf("sync the folder of large objects: %w", err)
	}
	return name, int64(len(head)) + n, nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

func (f *files) path(name string) string { return filepath.Join(f.dir, name[:2], name) }

func (f *files) open(name string) (*os.File, error) { return os.Open(f.path(name)) }

// remove has the file removed soon. It does not block.
func (f *files) remove(name string) {
	f.mu.Lock()
	f.trash = append(f.trash, name)
	f.mu.Unlock()
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// run removes files until ctx ends: first what earlier processes left over, then
// what remove is given.
func (f *files) run(ctx context.Context, h tasks.Host) {
	if f.dir != "" {
		f.sweep(ctx, h)
	}
	for {
		select {
		case <-ctx.Done():
			f.empty()
			return
		case <-f.wake:
			f.empty()
		}
	}
}

func (f *files) empty() {
	f.mu.Lock()
	if f.held > 0 {
		f.mu.Unlock()
		return // release wakes run again
	}
	names := f.trash
	f.trash = nil
	f.mu.Unlock()
	for _, name := range names {
		// A file that stays is found by the next sweep.
		os.Remove(f.path(name))
	}
}

// sweep removes old files that no row names. What it cannot read it leaves alone.
func (f *files) sweep(ctx context.Context, h tasks.Host) {
	old := time.Now().Add(-orphanAge)
	_ = filepath.WalkDir(f.dir, func(path string, d fs.DirEntry, err error) error {
		if ctx.Err() != nil {
			return fs.SkipAll
		}
		if err != nil || d.IsDir() {
			return nil
		}
		if info, err := d.Info(); err != nil || !info.ModTime().Before(old) {
			return nil
		}
		if filepath.Base(filepath.Dir(path)) == "incoming" {
			os.Remove(path)
			return nil
		}
		named := true
		err = h.Read(ctx, func(r engine.Reader) error {
			var err error
			named, err = fileNamed(r, d.Name())
			return err
		})
		if err == nil && !named && !f.holding() {
			os.Remove(path)
		}
		return nil
	})
}

// joined reads several contents one after the other, opening each when it is reached.
type joined struct {
	parts []opener
	now   io.ReadCloser
}

type opener func() (io.ReadCloser, error)

func (j *joined) Read(p []byte) (int, error) {
	for {
		if j.now == nil {
			if len(j.parts) == 0 {
				return 0, io.EOF
			}
			r, err := j.parts[0]()
			if err != nil {
				return 0, err
			}
			j.now, j.parts = r, j.parts[1:]
		}
		n, err := j.now.Read(p)
		if err == io.EOF {
			err = j.now.Close()
			j.now = nil
			if n == 0 && err == nil {
				continue
			}
		}
		return n, err
	}
}

func (j *joined) Close() error {
	if j.now == nil {
		return nil
	}
	return j.now.Close()
}
