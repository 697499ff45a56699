package httptask

import (
	"encoding/json"
	"fmt"

	"millrace/engine"
)

const (
	columns = `name, id, description, kms_key, kind, parameters, state, reason, secret, token, expires, version, created, modified, authorized`

	selectConnection  = `SELECT ` + columns + ` FROM httptask_connection WHERE name = ?`
	selectConnections = `SELECT ` + columns + ` FROM httptask_connection
		WHERE name > ? AND substr(name, 1, ?) = ? AND (? = '' OR state = ?) ORDER BY name LIMIT ?`
	countConnections = `SELECT COUNT(*) FROM httptask_connection`
	putConnection    = `INSERT INTO httptask_connection (` + columns + `) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (name) DO UPDATE SET description = excluded.description, kms_key = excluded.kms_key, kind = excluded.kind,
		parameters = excluded.parameters, state = excluded.state, reason = excluded.reason, secret = excluded.secret, token = excluded.token,
		expires = excluded.expires, version = excluded.version, modified = excluded.modified, authorized = excluded.authorized`
	removeConnection = `DELETE FROM httptask_connection WHERE name = ?`

	same   = ` WHERE name = ? AND id = ? AND version = ?`
	refuse = `UPDATE httptask_connection SET state = ?, reason = ?, token = '', expires = 0, modified = ?` + same
	grant  = `UPDATE httptask_connection SET state = ?, reason = '', token = ?, expires = ?, modified = ?, authorized = ?` + same
	hinder = `UPDATE httptask_connection SET reason = ?` + same + ` AND state = ? AND reason <> ?`
)

func exec(tx engine.Tx, sql string, args ...any) error {
	if _, err := tx.Exec(sql, args...); err != nil {
		return fmt.Errorf("write connections: %w", err)
	}
	return nil
}

func count(r engine.Reader, sql string) (n int64, err error) {
	rows, err := r.Query(sql)
	if err != nil {
		return 0, fmt.Errorf("count connections: %w", err)
	}
	defer rows.Close()
	if rows.Next() {
		if err := rows.Scan(&n); err != nil {
			return 0, fmt.Errorf("count connections: %w", err)
		}
	}
	return n, rows.Err()
}

// find reads a connection; nil: there is none.
func find(r engine.Reader, name string) (*connection, error) {
	all, err := query(r, selectConnection, name)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	return all[0], nil
}

func query(r engine.Reader, sql string, args ...any) ([]*connection, error) {
	rows, err := r.Query(sql, args...)
	if err != nil {
		return nil, fmt.Errorf("read connections: %w", err)
	}
	defer rows.Close()
	var all []*connection
	for rows.Next() {
		c, parameters := &connection{}, ""
		err := rows.Scan(&c.name, &c.id, &c.description, &c.kmsKey, &c.kind, &parameters, &c.state, &c.reason, &c.secret, &c.token,
			&c.expires, &c.version, &c.created, &c.modified, &c.authorized)
		if err != nil {
			return nil, fmt.Errorf("read connections: %w", err)
		}
		if err := json.Unmarshal([]byte(parameters), &c.parameters); err != nil {
			return nil, fmt.Errorf("read connection %s: its parameters are damaged", c.name)
		}
		all = append(all, c)
	}
	return all, rows.Err()
}

func (c *connection) put(tx engine.Tx) error {
	parameters, err := json.Marshal(c.parameters)
	if err != nil {
		return fmt.Errorf("write connection %s: %w", c.name, err)
	}
	return exec(tx, putConnection, c.name, c.id, c.description, c.kmsKey, c.kind, string(parameters), c.state, c.reason, c.secret, c.token,
		c.expires, c.version, c.created, c.modified, c.authorized)
}
