package mapping

import (
	"encoding/json"
	"fmt"
	"strings"

	"millrace/engine"
)

// mapping is a mapping or pipe as it is stored.
type mapping struct {
	id       string // esm/UUID or pipe/NAME
	source   string
	target   string
	settings settings
	enabled  bool
	created  int64
	modified int64
	position int64
	attempts int64
}

// name is the UUID or the pipe's name.
func (m *mapping) name() string { return m.id[strings.IndexByte(m.id, '/')+1:] }

func (m *mapping) isPipe() bool { return strings.HasPrefix(m.id, "pipe/") }

// key is the mapping's own notification key, which wakes it after a pause.
func (m *mapping) key() string { return "mapping/" + m.id }

const columns = `id, source, target, settings, enabled, created, modified, position, attempts`

func mappings(r engine.Reader, where string, args ...any) ([]*mapping, error) {
	rows, err := r.Query(`SELECT `+columns+` FROM mapping_mapping WHERE `+where+` ORDER BY id`, args...)
	if err != nil {
		return nil, fmt.Errorf("read mappings: %w", err)
	}
	defer rows.Close()
	var all []*mapping
	for rows.Next() {
		m := &mapping{}
		var text string
		var enabled int64
		if err := rows.Scan(&m.id, &m.source, &m.target, &text, &enabled, &m.created, &m.modified, &m.position, &m.attempts); err != nil {
			return nil, fmt.Errorf("read mappings: %w", err)
		}
		if err := json.Unmarshal([]byte(text), &m.settings); err != nil {
			return nil, fmt.Errorf("settings of mapping %s: %w", m.id, err)
		}
		m.enabled = enabled != 0
		all = append(all, m)
	}
	return all, rows.Err()
}

// load reads a mapping; nil: there is none.
func load(r engine.Reader, id string) (*mapping, error) {
	all, err := mappings(r, `id = ?`, id)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	return all[0], nil
}

// store inserts or changes a mapping; its position and attempts are set by insertion only.
func store(tx engine.Tx, m *mapping) error {
	text, err := json.Marshal(m.settings)
	if err != nil {
		return fmt.Errorf("settings of mapping %s: %w", m.id, err)
	}
	enabled := 0
	if m.enabled {
		enabled = 1
	}
	_, err = tx.Exec(`INSERT INTO mapping_mapping (`+columns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET target = excluded.target, settings = excluded.settings, enabled = excluded.enabled, modified = excluded.modified`,
		m.id, m.source, m.target, string(text), enabled, m.created, m.modified, m.position, m.attempts)
	if err != nil {
		return fmt.Errorf("store mapping %s: %w", m.id, err)
	}
	return nil
}

func remove(tx engine.Tx, id string) error {
	if _, err := tx.Exec(`DELETE FROM mapping_mapping WHERE id = ?`, id); err != nil {
		return fmt.Errorf("delete mapping %s: %w", id, err)
	}
	return nil
}

// move sets a mapping's position and attempts, unless the position is another
// than it was taken for.
func move(tx engine.Tx, id string, from, to, attempts int64) (moved bool, err error) {
	n, err := tx.Exec(`UPDATE mapping_mapping SET position = ?, attempts = ? WHERE id = ? AND position = ?`, to, attempts, id, from)
	if err != nil {
		return false, fmt.Errorf("move mapping %s: %w", id, err)
	}
	return n == 1, nil
}
