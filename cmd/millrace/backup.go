package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"

	"millrace/api/rest"
	"millrace/cmd/internal/cli"
	"millrace/engine"
	"millrace/engine/sqlite"
)

func backup(ctx context.Context, p *process, args []string) error {
	r := newRemote("backup --to FOLDER", `
Has a running server copy its state into a new folder while it goes on: all of it
as it was at one moment. The copy is served like any state:

    millrace backup --to /backups/monday
    millrace serve --data /backups/monday`)
	to := r.String("to", "", "`FOLDER` to make, or an empty one")
	if _, err := r.Want(0, 0, args, p.getenv, p.out); err != nil {
		return err
	}
	if *to == "" {
		return cli.Misused("backup: want --to FOLDER")
	}
	folder, err := filepath.Abs(*to)
	if err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	answer, err := r.client.Call(ctx, http.MethodPost, "/v1/backup", nil, map[string]string{"to": folder})
	if err != nil {
		return err
	}
	if r.json {
		_, err = p.out.Write(answer)
		return err
	}
	var b rest.Backup
	if err := json.Unmarshal(answer, &b); err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	_, err = fmt.Fprintf(p.out, "%s: a database of %d bytes and %d large objects of %d bytes\n", b.To, b.DatabaseBytes, b.Objects, b.ObjectBytes)
	return err
}

// backup copies the state into a folder that is new or empty while work goes on.
// The database comes to its place last: a folder that has it is complete. What
// is wrong with the folder is a [*fs.PathError].
func (s *system) backup(ctx context.Context, to string) (b rest.Backup, err error) {
	if err := os.MkdirAll(to, 0o700); err != nil {
		return b, err
	}
	switch there, err := os.ReadDir(to); {
	case err != nil:
		return b, err
	case len(there) > 0:
		return b, &fs.PathError{Op: "back up to", Path: to, Err: errors.New("the folder is not empty")}
	}
	incoming, objects := filepath.Join(to, "incoming"), filepath.Join(to, "objects")
	if err := os.Mkdir(incoming, 0o700); err != nil {
		return b, err // another backup was faster, or the folder cannot be written to
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(objects))
		}
		err = errors.Join(err, os.RemoveAll(incoming))
	}()
	defer s.objects.Hold()()
	if err := s.store.Backup(ctx, filepath.Join(incoming, sqlite.File)); err != nil {
		return b, err
	}
	b.To = to
	if b.Objects, b.ObjectBytes, err = s.copyObjects(ctx, incoming, objects); err != nil {
		return b, err
	}
	database := filepath.Join(to, sqlite.File)
	if err := os.Rename(filepath.Join(incoming, sqlite.File), database); err != nil {
		return b, err
	}
	info, err := os.Stat(database)
	if err != nil {
		return b, err
	}
	b.DatabaseBytes = info.Size()
	return b, syncFolder(to)
}

// copyObjects copies the files of the large objects that the database in a folder names.
func (s *system) copyObjects(ctx context.Context, folder, to string) (n int, bytes int64, err error) {
	copied, err := sqlite.Open(ctx, folder, sqlite.Options{Log: s.log, Readers: 1, Cache: 1})
	if err != nil {
		return 0, 0, err
	}
	err = copied.Read(ctx, func(v engine.View) error {
		n, bytes, err = s.objects.CopyFiles(ctx, v, to)
		return err
	})
	return n, bytes, errors.Join(err, copied.Close())
}

// syncFolder has the names in a folder on disk, where the system can do that.
func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	if err := d.Sync(); err != nil && !errors.Is(err, errors.ErrUnsupported) {
		return errors.Join(err, d.Close())
	}
	return d.Close()
}
