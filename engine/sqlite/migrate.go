package sqlite

import (
	"context"
	"fmt"
	"io/fs"
	"path"
	"sort"
	"strconv"
	"strings"
	"time"

	"millrace/engine"
)

const bookkeeping = `
CREATE TABLE IF NOT EXISTS migrations (
  series  TEXT NOT NULL,
  number  INTEGER NOT NULL,
  name    TEXT NOT NULL,
  applied INTEGER NOT NULL, -- ms
  PRIMARY KEY (series, number)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS counters (
  name  TEXT PRIMARY KEY,
  value INTEGER NOT NULL
) WITHOUT ROWID;`

// Migrate applies what is missing of each set, in order.
func (s *Store) Migrate(ctx context.Context, sets []engine.Migrations) error {
	s.write.Lock()
	defer s.write.Unlock()
	w, err := s.writer()
	if err != nil {
		return err
	}
	if err := w.script(bookkeeping); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	for _, set := range sets {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := migrate(w.conn, set); err != nil {
			return fmt.Errorf("migrate %s: %w", set.Name, err)
		}
	}
	return nil
}

func migrate(c *conn, set engine.Migrations) error {
	names, err := fs.Glob(set.Files, "*.sql")
	if err != nil {
		return err
	}
	sort.Strings(names)
	have, err := c.number("SELECT coalesce(max(number), 0) FROM migrations WHERE series = ?", set.Name)
	if err != nil {
		return err
	}
	if have > int64(len(names)) {
		return fmt.Errorf("the database has version %d, this program knows versions up to %d: use a newer program", have, len(names))
	}
	for i, name := range names {
		n := int64(i + 1)
		if digits, _, _ := strings.Cut(path.Base(name), "_"); !numbered(digits, n) {
			return fmt.Errorf("%s: files are numbered 0001_name.sql, 0002_name.sql without gaps", name)
		}
		if n <= have {
			continue
		}
		text, err := fs.ReadFile(set.Files, name)
		if err != nil {
			return err
		}
		if err := apply(c, set.Name, n, name, string(text)); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func numbered(digits string, n int64) bool {
	d, err := strconv.ParseInt(digits, 10, 64)
	return err == nil && d == n
}

func apply(c *conn, series string, n int64, name, text string) error {
	if err := c.exec("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	err := c.script(text)
	if err == nil {
		err = c.exec("INSERT INTO migrations (series, number, name, applied) VALUES (?, ?, ?, ?)", series, n, name, time.Now().UnixMilli())
	}
	if err == nil {
		err = c.exec("COMMIT")
	}
	if err != nil && !c.idle() {
		c.exec("ROLLBACK")
	}
	return err
}
