package sqlite_test

import (
	"context"
	"testing"
	"time"

	"millrace/engine"
	"millrace/engine/sqlite"
)

const mega = 1 << 20

// write rewrites rows until so many MiB were written.
func write(t *testing.T, s *sqlite.Store, mib int) {
	t.Helper()
	block := make([]byte, mega)
	for i := range mib {
		do(t, s, func(tx engine.Txn) error {
			_, err := tx.Exec("INSERT OR REPLACE INTO big VALUES (?, ?)", i%8, block)
			return err
		})
	}
}

// A reader that stays for long, as a backup does, makes the log grow; when it has
// gone, the log comes back to its size.
func TestLogShrinksAfterALongReader(t *testing.T) {
	s := open(t, t.TempDir())
	do(t, s, func(tx engine.Txn) error {
		_, err := tx.Exec("CREATE TABLE big (id INTEGER PRIMARY KEY, x BLOB)")
		return err
	})
	begun, written, read := make(chan bool), make(chan bool), make(chan error, 1)
	go func() {
		read <- s.Read(ctx, func(v engine.View) error {
			_, err := v.RecordByID(1)
			close(begun)
			<-written
			return err
		})
	}()
	<-begun
	write(t, s, 200)
	_, during := s.Sizes()
	close(written)
	if err := <-read; err != nil {
		t.Fatal(err)
	}
	write(t, s, 100)
	_, after := s.Sizes()
	t.Logf("the log has %d MiB while the reader stays and 200 MiB are written, %d MiB after it has gone and 100 MiB more", during/mega, after/mega)
	if during < 200*mega {
		t.Errorf("the log has %d MiB: the reader did not stay", during/mega)
	}
	if after > 80*mega {
		t.Errorf("the log still has %d MiB, want at most about 64", after/mega)
	}
}

// What was kept of executions goes, and the file gets smaller by it.
func TestFileShrinksAfterPruning(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	block := make([]byte, 64<<10)
	const executions, blocks = 20, 100
	for x := range executions {
		do(t, s, func(tx engine.Txn) error {
			for n := range blocks {
				if _, err := tx.Exec("INSERT INTO history (execution, first, last, block) VALUES (?, ?, ?, ?)", x+1, n+1, n+1, block); err != nil {
					return err
				}
			}
			return nil
		})
	}
	// Something that stays lies behind what goes.
	do(t, s, func(tx engine.Txn) error {
		return tx.PutRecord(engine.Record{ID: 1, Kind: engine.SettingRecord, Name: "a", Data: make([]byte, mega)})
	})
	for x := range executions {
		for done := false; !done; {
			do(t, s, func(tx engine.Txn) (err error) {
				done, err = tx.DeleteExecution(int64(x+1), 256)
				return err
			})
		}
	}
	trims, began := 0, time.Now()
	for more := true; more; trims++ {
		do(t, s, func(tx engine.Txn) (err error) {
			more, err = tx.(interface{ Trim() (bool, error) }).Trim()
			return err
		})
	}
	each := time.Since(began) / time.Duration(trims)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s, err := sqlite.Open(context.Background(), dir, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	database, _ := s.Sizes()
	t.Logf("the file has %d MiB of %d after %d trims of %s each", database/mega, executions*blocks*64/1024, trims, each)
	if database > 20*mega {
		t.Errorf("the file has %d MiB, want it to be no more than some 16 MiB larger than its rows, 1 MiB", database/mega)
	}
	err = s.Read(ctx, func(v engine.View) error {
		r, err := v.RecordByID(1)
		if err == nil && (r == nil || len(r.Data) != mega) {
			t.Error("what was to stay has gone")
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
