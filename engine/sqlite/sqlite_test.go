package sqlite_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"millrace/engine"
	"millrace/engine/sqlite"
	"millrace/engine/storetest"
)

var ctx = context.Background()

func TestStore(t *testing.T) {
	t.Run("folder", func(t *testing.T) {
		storetest.Run(t, func(dir string) (engine.Store, error) { return sqlite.Open(ctx, dir, sqlite.Options{}) }, true)
	})
	t.Run("memory", func(t *testing.T) {
		storetest.Run(t, func(string) (engine.Store, error) { return sqlite.Open(ctx, sqlite.Memory, sqlite.Options{}) }, false)
	})
}

func open(t *testing.T, dir string) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(ctx, dir, sqlite.Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func do(t *testing.T, s *sqlite.Store, f func(engine.Txn) error) {
	t.Helper()
	u := &engine.Unit{Do: f}
	_, err := s.Group(ctx, []*engine.Unit{u}, time.Minute)
	if err := errors.Join(err, u.Err); err != nil {
		t.Fatal(err)
	}
}

func TestFolderIsLocked(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	_, err := sqlite.Open(ctx, dir, sqlite.Options{})
	if err == nil || !strings.Contains(err.Error(), "another process") {
		t.Fatalf("second open: got %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, dir)
}

func TestNewerDatabaseIsRefused(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	do(t, s, func(tx engine.Txn) error {
		_, err := tx.Exec("INSERT INTO migrations (series, number, name, applied) VALUES ('engine', 9999, 'from the future', 0)")
		return err
	})
	s.Close()
	_, err := sqlite.Open(ctx, dir, sqlite.Options{})
	if err == nil || !strings.Contains(err.Error(), "newer program") {
		t.Fatalf("got %v", err)
	}
}

func TestSettings(t *testing.T) {
	s, err := sqlite.Open(ctx, t.TempDir(), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	u := &engine.Unit{Do: func(tx engine.Txn) error {
		for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "auto_vacuum": "2", "page_size": "4096", "wal_autocheckpoint": "0"} {
			rows, err := tx.Query("PRAGMA " + pragma)
			if err != nil {
				return err
			}
			var got any
			rows.Next()
			if err := rows.Scan(&got); err != nil {
				return err
			}
			rows.Close()
			if fmt.Sprint(got) != want {
				t.Errorf("%s: got %v, want %s", pragma, got, want)
			}
		}
		return nil
	}}
	if _, err := s.Group(ctx, []*engine.Unit{u}, time.Minute); err != nil {
		t.Fatal(err)
	}
}

func TestValues(t *testing.T) {
	s := open(t, sqlite.Memory)
	type level int
	text, none := "text", (*string)(nil)
	do(t, s, func(tx engine.Txn) error {
		if _, err := tx.Exec("CREATE TABLE v (a, b, c, d, e, f, g, h, i)"); err != nil {
			return err
		}
		n, err := tx.Exec("INSERT INTO v VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", level(3), "", []byte{}, nil, true, 1.5, json.RawMessage(`{}`), &text, none)
		if n != 1 {
			t.Errorf("changed %d rows", n)
		}
		return err
	})
	err := s.Read(ctx, func(v engine.View) error {
		rows, err := v.Query("SELECT * FROM v")
		if err != nil {
			return err
		}
		defer rows.Close()
		var (
			a    level
			b    string
			c, d []byte
			e    bool
			f    float64
			g    json.RawMessage
			h, i *string
			any1 any
			null sql.NullString
		)
		if !rows.Next() {
			t.Fatal("no row")
		}
		if err := rows.Scan(&a, &b, &c, &d, &e, &f, &g, &h, &i); err != nil {
			return err
		}
		got := fmt.Sprint(a, b, c, d == nil, e, f, string(g), *h, i == nil)
		if want := fmt.Sprint(3, "", []byte{}, true, true, 1.5, "{}", "text", true); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		if c == nil {
			t.Error("an empty blob came back as NULL")
		}
		if err := rows.Scan(&any1, &b, &c, &null, &e, &f, &g, &h, &null); err != nil {
			return err
		}
		if any1 != int64(3) || null.Valid {
			t.Errorf("got %v and %v", any1, null)
		}
		if err := rows.Scan(&a, &b, &c, &b, &e, &f, &g, &h, &i); err == nil {
			t.Error("NULL into a string: no error")
		}
		if err := rows.Scan(&a); err == nil {
			t.Error("too few destinations: no error")
		}
		if rows.Next() || rows.Err() != nil {
			t.Error("more rows or an error")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	u := &engine.Unit{Do: func(tx engine.Txn) error {
		_, err := tx.Exec("INSERT INTO v (a) VALUES (?)", time.Now())
		return err
	}}
	if _, err := s.Group(ctx, []*engine.Unit{u}, time.Minute); err != nil || u.Err == nil {
		t.Errorf("a time: got %v, %v", err, u.Err)
	}
}

// TestManyStatements has more statements than are kept, some of them open.
func TestManyStatements(t *testing.T) {
	s := open(t, sqlite.Memory)
	do(t, s, func(tx engine.Txn) error {
		outer, err := tx.Query("SELECT 1 UNION ALL SELECT 2")
		if err != nil {
			return err
		}
		for outer.Next() {
			for i := range 1000 {
				rows, err := tx.Query(fmt.Sprintf("SELECT %d", i))
				if err != nil {
					return err
				}
				var n int
				if !rows.Next() {
					t.Fatalf("statement %d: no row", i)
				}
				if err := rows.Scan(&n); err != nil || n != i {
					t.Fatalf("statement %d: got %d, %v", i, n, err)
				}
				if i%3 != 0 {
					rows.Close()
				}
			}
			again, err := tx.Query("SELECT 1 UNION ALL SELECT 2")
			if err != nil {
				return err
			}
			if !again.Next() {
				t.Fatal("the same statement twice: no row")
			}
			again.Close()
		}
		return outer.Err()
	})
}

// TestLogStartsOver writes much more than the log may hold.
func TestLogStartsOver(t *testing.T) {
	s := open(t, t.TempDir())
	do(t, s, func(tx engine.Txn) error {
		_, err := tx.Exec("CREATE TABLE big (id INTEGER PRIMARY KEY, x BLOB)")
		return err
	})
	block := make([]byte, 1<<20)
	for i := range 120 {
		do(t, s, func(tx engine.Txn) error {
			_, err := tx.Exec("INSERT OR REPLACE INTO big VALUES (?, ?)", i%8, block)
			return err
		})
	}
	if n := s.Size(); n > 100<<20 {
		t.Errorf("8 MiB of rows, rewritten fifteen times, take %d MiB", n>>20)
	}
}

func TestReadersDoNotWait(t *testing.T) {
	s := open(t, t.TempDir())
	do(t, s, func(tx engine.Txn) error {
		return tx.PutRecord(engine.Record{ID: 1, Kind: engine.SettingRecord, Name: "a", Data: []byte("old")})
	})
	begun, written := make(chan bool), make(chan bool)
	var wg sync.WaitGroup
	wg.Go(func() {
		err := s.Read(ctx, func(v engine.View) error {
			for i := range 2 {
				r, err := v.RecordByID(1)
				if err != nil {
					return err
				}
				if string(r.Data) != "old" {
					t.Errorf("read %d of one view: %s", i, r.Data)
				}
				if i == 0 {
					close(begun)
					<-written
				}
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
	<-begun
	do(t, s, func(tx engine.Txn) error {
		return tx.PutRecord(engine.Record{ID: 1, Kind: engine.SettingRecord, Name: "a", Data: []byte("new")})
	})
	close(written)
	wg.Wait()
}

func TestBackup(t *testing.T) {
	s := open(t, t.TempDir())
	do(t, s, func(tx engine.Txn) error {
		return tx.PutRecord(engine.Record{ID: 1, Kind: engine.SettingRecord, Name: "a", Data: []byte("x")})
	})
	dir := t.TempDir()
	if err := s.Backup(ctx, filepath.Join(dir, sqlite.File)); err != nil {
		t.Fatal(err)
	}
	copied := open(t, dir)
	err := copied.Read(ctx, func(v engine.View) error {
		r, err := v.RecordByID(1)
		if err == nil && (r == nil || string(r.Data) != "x") {
			t.Errorf("got %v", r)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestBackupEndsWithItsContext(t *testing.T) {
	s := open(t, t.TempDir())
	ended, end := context.WithCancel(ctx)
	end()
	file := filepath.Join(t.TempDir(), sqlite.File)
	if err := s.Backup(ended, file); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
	if err := s.Backup(ctx, file); err != nil {
		t.Errorf("the next one: %v", err)
	}
	if err := s.Backup(ctx, file); err == nil {
		t.Error("a file that is there was written over")
	}
	if err := open(t, sqlite.Memory).Backup(ctx, file+"2"); err == nil {
		t.Error("a database in memory was backed up")
	}
}

// TestOlderEpochIsRefused has another process, which a broken lock let in, take over.
func TestOlderEpochIsRefused(t *testing.T) {
	s := open(t, t.TempDir())
	if _, err := s.Own(ctx, "node"); err != nil {
		t.Fatal(err)
	}
	do(t, s, func(tx engine.Txn) error {
		_, err := tx.Exec("UPDATE counters SET value = value + 1 WHERE name = 'epoch'")
		return err
	})
	_, err := s.Group(ctx, []*engine.Unit{{Do: func(engine.Txn) error { return nil }}}, time.Minute)
	if err == nil {
		t.Error("a group of an older epoch was committed")
	}
}
