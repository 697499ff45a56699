package sqlite

import (
	"context"
	"testing"
	"time"

	lib "modernc.org/sqlite/lib"

	"millrace/engine"
)

// TestCacheKeepsHotPages fills the page caches of two stores: a commit finds the
// pages in memory that each commit needs.
func TestCacheKeepsHotPages(t *testing.T) {
	var stores []*Store
	for range 2 {
		s, err := Open(context.Background(), t.TempDir(), Options{Cache: 2, NoSync: true})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		stores = append(stores, s)
		writeOne(t, s, "CREATE TABLE filler (id INTEGER PRIMARY KEY, block BLOB)")
	}
	const groups = 300
	for round := range 5 {
		for _, s := range stores {
			s.w.status(lib.SQLITE_DBSTATUS_CACHE_MISS, 1)
			for range groups {
				writeOne(t, s, "INSERT INTO filler (block) VALUES (zeroblob(3000)), (zeroblob(3000)), (zeroblob(3000)), (zeroblob(3000)), (zeroblob(3000))")
			}
			if misses := s.w.status(lib.SQLITE_DBSTATUS_CACHE_MISS, 1); round > 0 && misses > groups/4 {
				t.Errorf("round %d: %d pages were read for %d commits", round, misses, groups)
			}
		}
	}
}

func writeOne(t *testing.T, s *Store, sql string) {
	t.Helper()
	u := &engine.Unit{Do: func(tx engine.Txn) error {
		_, err := tx.Exec(sql)
		return err
	}}
	if _, err := s.Group(context.Background(), []*engine.Unit{u}, time.Second); err != nil || u.Err != nil {
		t.Fatal(err, u.Err)
	}
}
