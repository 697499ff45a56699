package objectstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"millrace/engine"
)

// selectFiles finds every file that a row names.
const selectFiles = `SELECT file FROM objectstore_objects WHERE file <> '' UNION SELECT file FROM objectstore_parts WHERE file <> ''`

// copyChunk is how many bytes are copied between two looks at the context.
const copyChunk = 16 << 20

// Hold keeps every file of a large object from being removed until release is
// called, so that what a copy of the database names is there to be copied.
func (s *Service) Hold() (release func()) { return s.files.hold() }

// CopyFiles copies the files of large objects that a copy of the database names
// into dir, a folder as Config.Dir is one, and syncs them. The service must have
// been on Hold since before the database was copied. It returns how many files
// and bytes it copied; with none, dir is not made.
func (s *Service) CopyFiles(ctx context.Context, copied engine.Reader, dir string) (n int, bytes int64, err error) {
	folders := map[string]bool{}
	err = each(copied, func(scan func(...any) error) error {
		var name string
		if err := scan(&name); err != nil {
			return err
		}
		if len(name) < 2 || filepath.Base(name) != name {
			return fmt.Errorf("%q is no name of a large object's file", name)
		}
		if s.files.dir == "" {
			return fmt.Errorf("the file %s of a large object: there is no folder of them", name)
		}
		folder := filepath.Join(dir, name[:2])
		if !folders[folder] {
			if err := os.MkdirAll(folder, 0o700); err != nil {
				return err
			}
			folders[folder] = true
		}
		size, err := copyFile(ctx, s.files.path(name), filepath.Join(folder, name))
		n, bytes = n+1, bytes+size
		return err
	}, selectFiles)
	if err != nil {
		return n, bytes, fmt.Errorf("copy large objects: %w", err)
	}
	for folder := range folders {
		err = errors.Join(err, syncDir(folder))
	}
	if len(folders) > 0 {
		err = errors.Join(err, syncDir(dir))
	}
	return n, bytes, err
}

// copyFile copies a file to one that must not exist yet, and syncs it.
func copyFile(ctx context.Context, from, to string) (size int64, err error) {
	in, err := os.Open(from)
	if err != nil {
		return 0, err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return 0, err
	}
	for err == nil {
		if err = ctx.Err(); err != nil {
			break
		}
		var n int64
		n, err = io.CopyN(out, in, copyChunk)
		size += n
	}
	if err == io.EOF {
		err = out.Sync()
	}
	return size, errors.Join(err, out.Close())
}

func (f *files) hold() (release func()) {
	f.mu.Lock()
	f.held++
	f.mu.Unlock()
	return func() {
		f.mu.Lock()
		f.held--
		f.mu.Unlock()
		select {
		case f.wake <- struct{}{}:
		default:
		}
	}
}

// holding reports whether a backup is under way.
func (f *files) holding() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.held > 0
}
