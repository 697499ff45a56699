package objectstore

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"millrace/engine"
)

// TestFilesStayWhileHeld deletes what a copy of the database names before its
// files are copied.
func TestFilesStayWhileHeld(t *testing.T) {
	dir := t.TempDir()
	s, h := open(t, Config{Dir: dir, Inline: 1})
	put(t, s, "k", []byte("large"))
	named := filesIn(t, dir)[0]

	release, other := s.Hold(), s.Hold()
	call(t, s, "DeleteObject", `{"Bucket":"bkt","Key":"k"}`)
	old := time.Now().Add(-2 * orphanAge)
	if err := os.Chtimes(named, old, old); err != nil {
		t.Fatal(err)
	}
	s.files.empty()
	s.files.sweep(context.Background(), h)
	release()
	s.files.empty()
	if _, err := os.Stat(named); err != nil {
		t.Errorf("the file is gone while it is held: %v", err)
	}
	other()
	s.files.empty()
	if left := filesIn(t, dir); len(left) != 0 {
		t.Errorf("left over after the release: %v", left)
	}
}

func TestCopyFiles(t *testing.T) {
	dir, to := t.TempDir(), filepath.Join(t.TempDir(), "objects")
	s, h := open(t, Config{Dir: dir, Inline: 4})
	ctx := context.Background()
	copyAll := func(ctx context.Context) (n int, bytes int64, err error) {
		err = h.Read(ctx, func(r engine.Reader) error {
			n, bytes, err = s.CopyFiles(ctx, r, to)
			return err
		})
		return n, bytes, err
	}
	put(t, s, "small", []byte("1234"))
	if n, bytes, err := copyAll(ctx); n != 0 || bytes != 0 || err != nil {
		t.Errorf("with no large objects: got %d, %d, %v", n, bytes, err)
	}
	if _, err := os.Stat(to); !os.IsNotExist(err) {
		t.Errorf("with no large objects there is a folder: %v", err)
	}
	put(t, s, "a", []byte("12345"))
	put(t, s, "b", []byte(strings.Repeat("x", 100000)))
	if _, err := s.files.write(strings.NewReader("named by no row"), ""); err != nil {
		t.Fatal(err)
	}
	if n, bytes, err := copyAll(ctx); n != 2 || bytes != 100005 || err != nil {
		t.Errorf("got %d files, %d bytes, %v; want 2, 100005", n, bytes, err)
	}
	copies := filesIn(t, to)
	if len(copies) != 2 {
		t.Errorf("got %v, want 2 files", copies)
	}
	for _, c := range copies {
		rel, err := filepath.Rel(to, c)
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(c)
		want, err2 := os.ReadFile(filepath.Join(dir, rel))
		if err != nil || err2 != nil || string(got) != string(want) {
			t.Errorf("%s differs: %d bytes and %d, %v, %v", rel, len(got), len(want), err, err2)
		}
	}
	if _, _, err := copyAll(ctx); err == nil {
		t.Error("files that are there were written over")
	}
	ended, end := context.WithCancel(ctx)
	end()
	if _, err := copyFile(ended, copies[0], filepath.Join(t.TempDir(), "c")); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
}
