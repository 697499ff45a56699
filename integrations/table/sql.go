package table

import (
	"encoding/json"
	"fmt"

	"millrace/engine"
)

// load reads a table by name; nil: there is none.
func load(r engine.Reader, name string) (*record, error) {
	all, err := tables(r, `name = ?`, name)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	return all[0], nil
}

func tables(r engine.Reader, where string, args ...any) ([]*record, error) {
	rows, err := r.Query(`SELECT name, id, definition, created FROM table_table WHERE `+where, args...)
	if err != nil {
		return nil, fmt.Errorf("read tables: %w", err)
	}
	defer rows.Close()
	var all []*record
	for rows.Next() {
		t := &record{}
		var def string
		if err := rows.Scan(&t.name, &t.id, &def, &t.created); err != nil {
			return nil, fmt.Errorf("read tables: %w", err)
		}
		if err := json.Unmarshal([]byte(def), &t.def); err != nil {
			return nil, fmt.Errorf("definition of table %s: %w", t.name, err)
		}
		t.build()
		all = append(all, t)
	}
	return all, rows.Err()
}

func tableNames(r engine.Reader, after string, n int) ([]string, error) {
	rows, err := r.Query(`SELECT name FROM table_table WHERE name > ? ORDER BY name LIMIT ?`, after, n)
	if err != nil {
		return nil, fmt.Errorf("list tables: %w", err)
	}
	defer rows.Close()
	var names []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, fmt.Errorf("list tables: %w", err)
		}
		names = append(names, name)
	}
	return names, rows.Err()
}

func insertTable(tx engine.Tx, t *record) error {
	def, err := json.Marshal(t.def)
	if err == nil {
		_, err = tx.Exec(`INSERT INTO table_table (name, id, definition, created) VALUES (?, ?, ?, ?)`, t.name, t.id, string(def), t.created)
	}
	return wrap("create table "+t.name, err)
}

func updateTable(tx engine.Tx, t *record) error {
	def, err := json.Marshal(t.def)
	if err == nil {
		_, err = tx.Exec(`UPDATE table_table SET definition = ? WHERE name = ?`, string(def), t.name)
	}
	return wrap("update table "+t.name, err)
}

// removeTable takes a table away and leaves its items to the sweeper.
func removeTable(tx engine.Tx, t *record) error {
	if _, err := tx.Exec(`DELETE FROM table_table WHERE name = ?`, t.name); err != nil {
		return wrap("delete table "+t.name, err)
	}
	_, err := tx.Exec(`INSERT INTO table_trash (table_id) VALUES (?)`, t.id)
	return wrap("delete table "+t.name, err)
}

func tableSize(r engine.Reader, table int64) (items, size int64, err error) {
	err = scanOne(r, []any{&items, &size}, `SELECT COUNT(*), COALESCE(SUM(LENGTH(item)), 0) FROM table_item WHERE table_id = ?`, table)
	return items, size, err
}

// readItem reads an item; nil: there is none.
func readItem(r engine.Reader, table int64, hash, rang []byte) (Item, error) {
	var text string
	if err := scanOne(r, []any{&text}, `SELECT item FROM table_item WHERE table_id = ? AND hash_key = ? AND range_key = ?`, table, hash, rang); err != nil || text == "" {
		return nil, err
	}
	return parseItem(text)
}

func putRow(tx engine.Tx, table int64, hash, rang []byte, text string) error {
	_, err := tx.Exec(`INSERT INTO table_item (table_id, hash_key, range_key, item) VALUES (?, ?, ?, ?)
		ON CONFLICT (table_id, hash_key, range_key) DO UPDATE SET item = excluded.item`, table, hash, rang, text)
	return wrap("put item", err)
}

func deleteRow(tx engine.Tx, table int64, hash, rang []byte) error {
	_, err := tx.Exec(`DELETE FROM table_item WHERE table_id = ? AND hash_key = ? AND range_key = ?`, table, hash, rang)
	return wrap("delete item", err)
}

// eachItem calls f for the items of a table until it returns false. where begins
// with AND or ORDER BY.
func eachItem(r engine.Reader, table int64, where string, args []any, f func(hash []byte, it Item) (more bool, err error)) error {
	rows, err := r.Query(`SELECT hash_key, item FROM table_item WHERE table_id = ?`+where, append([]any{table}, args...)...)
	if err != nil {
		return fmt.Errorf("read items: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var hash []byte
		var text string
		if err := rows.Scan(&hash, &text); err != nil {
			return fmt.Errorf("read items: %w", err)
		}
		it, err := parseItem(text)
		if err != nil {
			return fmt.Errorf("read items: %w", err)
		}
		if more, err := f(hash, it); err != nil || !more {
			return err
		}
	}
	return rows.Err()
}

// tokenSpan is how long the token of a transaction is known, in ms.
const tokenSpan = 10 * 60 * 1000

// tokenOf returns the digest that a token was written with; "": it is not known.
func tokenOf(r engine.Reader, token string, now int64) (digest string, err error) {
	err = scanOne(r, []any{&digest}, `SELECT request FROM table_token WHERE token = ? AND expires > ?`, token, now)
	return digest, err
}

// insertToken makes a token known, and forgets a few of those that are too old.
func insertToken(tx engine.Tx, token, digest string, now int64) error {
	_, err := tx.Exec(`DELETE FROM table_token WHERE token IN (SELECT token FROM table_token WHERE expires <= ? ORDER BY expires LIMIT 4)`, now)
	if err == nil {
		_, err = tx.Exec(`INSERT INTO table_token (token, request, expires) VALUES (?, ?, ?)
			ON CONFLICT (token) DO UPDATE SET request = excluded.request, expires = excluded.expires`, token, digest, now+tokenSpan)
	}
	return wrap("keep the token of a transaction", err)
}

// scanOne reads the last row of a query that has at most one.
func scanOne(r engine.Reader, dest []any, sql string, args ...any) error {
	rows, err := r.Query(sql, args...)
	if err != nil {
		return fmt.Errorf("read tables: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := rows.Scan(dest...); err != nil {
			return fmt.Errorf("read tables: %w", err)
		}
	}
	return rows.Err()
}

func wrap(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}
