package function

import (
	"encoding/json"
	"fmt"
	"time"

	"millrace/engine"
)

const (
	selectFunction = `SELECT config, code, created, modified FROM function_function WHERE name = ?`
	listFunctions  = `SELECT config, code, created, modified FROM function_function WHERE name > ? ORDER BY name LIMIT ?`
	upsertFunction = `INSERT INTO function_function (name, config, code, revision, created, modified) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (name) DO UPDATE SET config = excluded.config, code = excluded.code, revision = excluded.revision, modified = excluded.modified`
	dropFunction = `DELETE FROM function_function WHERE name = ?`
	codeUsed     = `SELECT 1 FROM function_function WHERE code = ? AND code <> '' LIMIT 1`

	insertCode = `INSERT INTO function_code (sha256, size, zip) VALUES (?, ?, ?) ON CONFLICT (sha256) DO NOTHING`
	selectCode = `SELECT zip FROM function_code WHERE sha256 = ?`
	dropCode   = `DELETE FROM function_code WHERE sha256 = ?`
)

// each calls row for every row of a query.
func each(r engine.Reader, row func(scan func(...any) error) error, query string, args ...any) error {
	rows, err := r.Query(query, args...)
	if err != nil {
		return fmt.Errorf("functions: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := row(rows.Scan); err != nil {
			return fmt.Errorf("functions: %w", err)
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("functions: %w", err)
	}
	return nil
}

func write(tx engine.Tx, query string, args ...any) error {
	if _, err := tx.Exec(query, args...); err != nil {
		return fmt.Errorf("functions: %w", err)
	}
	return nil
}

func functions(r engine.Reader, query string, args ...any) ([]*function, error) {
	var all []*function
	err := each(r, func(scan func(...any) error) error {
		var config string
		var created, modified int64
		f := &function{}
		if err := scan(&config, &f.code, &created, &modified); err != nil {
			return err
		}
		f.created, f.modified = time.UnixMilli(created).UTC(), time.UnixMilli(modified).UTC()
		all = append(all, f)
		return json.Unmarshal([]byte(config), &f.Configuration)
	}, query, args...)
	return all, err
}

// functionOf returns a stored function, or nil.
func functionOf(r engine.Reader, name string) (*function, error) {
	all, err := functions(r, selectFunction, name)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	return all[0], nil
}

func storeFunction(tx engine.Tx, f *function) error {
	config, err := json.Marshal(f.Configuration)
	if err != nil {
		return fmt.Errorf("functions: %w", err)
	}
	return write(tx, upsertFunction, f.FunctionName, string(config), f.code, f.RevisionID, f.created.UnixMilli(), f.modified.UnixMilli())
}

// releaseCode deletes code that no function has any more.
func releaseCode(tx engine.Tx, sha string) error {
	if sha == "" {
		return nil
	}
	used := false
	err := each(tx, func(func(...any) error) error {
		used = true
		return nil
	}, codeUsed, sha)
	if err != nil || used {
		return err
	}
	return write(tx, dropCode, sha)
}

func codeOf(r engine.Reader, sha string) ([]byte, error) {
	var zip []byte
	err := each(r, func(scan func(...any) error) error { return scan(&zip) }, selectCode, sha)
	return zip, err
}
