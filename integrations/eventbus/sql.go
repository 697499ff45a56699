package eventbus

import (
	"encoding/base64"
	"encoding/json"
	"fmt"

	"millrace/engine"
)

const (
	busColumns = `name, description, tags, created, modified, revision`

	selectBus     = `SELECT ` + busColumns + ` FROM eventbus_bus WHERE name = ?`
	selectBuses   = `SELECT ` + busColumns + ` FROM eventbus_bus WHERE name > ? AND substr(name, 1, ?) = ? ORDER BY name LIMIT ?`
	insertBus     = `INSERT INTO eventbus_bus (` + busColumns + `) VALUES (?, ?, ?, ?, ?, ?)`
	updateBusTags = `UPDATE eventbus_bus SET tags = ? WHERE name = ?`
	removeBus     = `DELETE FROM eventbus_bus WHERE name = ?`
	countBuses    = `SELECT COUNT(*) FROM eventbus_bus`
	reviseBus     = `UPDATE eventbus_bus SET revision = ? WHERE name = ?`

	ruleColumns = `bus, name, pattern, state, description, role, tags`

	selectRule  = `SELECT ` + ruleColumns + ` FROM eventbus_rule WHERE bus = ? AND name = ?`
	selectRules = `SELECT ` + ruleColumns + ` FROM eventbus_rule WHERE bus = ? AND name > ? AND substr(name, 1, ?) = ? ORDER BY name LIMIT ?`
	activeRules = `SELECT ` + ruleColumns + ` FROM eventbus_rule WHERE bus = ? AND state <> 'DISABLED' ORDER BY name`
	countRules  = `SELECT COUNT(*) FROM eventbus_rule WHERE bus = ?`
	upsertRule  = `INSERT INTO eventbus_rule (` + ruleColumns + `) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (bus, name) DO UPDATE SET
		pattern = excluded.pattern, state = excluded.state, description = excluded.description, role = excluded.role, tags = excluded.tags`
	removeRule = `DELETE FROM eventbus_rule WHERE bus = ? AND name = ?`

	selectTargets = `SELECT id, body FROM eventbus_target WHERE bus = ? AND rule = ? AND id > ? ORDER BY id LIMIT ?`
	busTargets    = `SELECT rule, body FROM eventbus_target WHERE bus = ? ORDER BY rule, id`
	rulesByTarget = `SELECT DISTINCT rule FROM eventbus_target WHERE bus = ? AND arn = ? AND rule > ? ORDER BY rule LIMIT ?`
	upsertTarget  = `INSERT INTO eventbus_target (bus, rule, id, arn, body) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (bus, rule, id) DO UPDATE SET arn = excluded.arn, body = excluded.body`
	removeTarget = `DELETE FROM eventbus_target WHERE bus = ? AND rule = ? AND id = ?`
)

// each runs f for every row of a query.
func each(r engine.Reader, f func(scan func(...any) error) error, sql string, args ...any) error {
	rows, err := r.Query(sql, args...)
	if err != nil {
		return fmt.Errorf("read event buses: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := f(rows.Scan); err != nil {
			return fmt.Errorf("read event buses: %w", err)
		}
	}
	return rows.Err()
}

func exec(tx engine.Tx, sql string, args ...any) error {
	if _, err := tx.Exec(sql, args...); err != nil {
		return fmt.Errorf("write event buses: %w", err)
	}
	return nil
}

func count(r engine.Reader, sql string, args ...any) (n int64, err error) {
	err = each(r, func(scan func(...any) error) error { return scan(&n) }, sql, args...)
	return n, err
}

// bus is a bus as it is stored.
type bus struct {
	name, description           string
	tags                        map[string]string
	created, modified, revision int64
}

func buses(r engine.Reader, sql string, args ...any) ([]*bus, error) {
	var all []*bus
	err := each(r, func(scan func(...any) error) error {
		b, tags := &bus{}, ""
		if err := scan(&b.name, &b.description, &tags, &b.created, &b.modified, &b.revision); err != nil {
			return err
		}
		all = append(all, b)
		return json.Unmarshal([]byte(tags), &b.tags)
	}, sql, args...)
	return all, err
}

// findBus reads a bus. A missing one is ResourceNotFoundException.
func findBus(r engine.Reader, name string) (*bus, error) {
	all, err := buses(r, selectBus, name)
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, noBus(name)
	}
	return all[0], nil
}

// revise tells that the rules or targets of a bus have changed.
func revise(tx engine.Tx, bus string) error {
	id, err := tx.ID()
	if err != nil {
		return err
	}
	return exec(tx, reviseBus, id, bus)
}

// rule is a rule as it is stored.
type rule struct {
	bus, name, pattern, state, description, role string
	tags                                         map[string]string
}

func rules(r engine.Reader, sql string, args ...any) ([]*rule, error) {
	var all []*rule
	err := each(r, func(scan func(...any) error) error {
		u, tags := &rule{}, ""
		if err := scan(&u.bus, &u.name, &u.pattern, &u.state, &u.description, &u.role, &tags); err != nil {
			return err
		}
		all = append(all, u)
		return json.Unmarshal([]byte(tags), &u.tags)
	}, sql, args...)
	return all, err
}

// findRule reads a rule; nil: there is none. A missing bus is ResourceNotFoundException.
func findRule(r engine.Reader, bus, name string) (*rule, error) {
	if _, err := findBus(r, bus); err != nil {
		return nil, err
	}
	all, err := rules(r, selectRule, bus, name)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	return all[0], nil
}

// mustRule reads a rule. A missing one is ResourceNotFoundException.
func mustRule(r engine.Reader, bus, name string) (*rule, error) {
	u, err := findRule(r, bus, name)
	if err == nil && u == nil {
		err = noRule(bus, name)
	}
	return u, err
}

func (u *rule) store(tx engine.Tx) error {
	if err := exec(tx, upsertRule, u.bus, u.name, u.pattern, u.state, u.description, u.role, text(u.tags)); err != nil {
		return err
	}
	return revise(tx, u.bus)
}

// text is a map's JSON.
func text(m map[string]string) string {
	if m == nil {
		return "{}"
	}
	b, err := json.Marshal(m)
	if err != nil {
		return "{}" // a map of strings has always a text
	}
	return string(b)
}

// pageInput is what lists take: how many, and where the page before ended.
type pageInput struct {
	Limit     *int64 `json:"Limit"`
	NextToken string `json:"NextToken"`
}

// read returns how many entries are asked for and after which name.
func (p *pageInput) read() (n int64, after string, err error) {
	n = 100
	if p.Limit != nil {
		if n = *p.Limit; n < 1 || n > 100 {
			return 0, "", constraint(n, "limit", "Member must have value between 1 and 100")
		}
	}
	b, err := base64.RawURLEncoding.DecodeString(p.NextToken)
	if err != nil {
		return 0, "", invalid("Parameter NextToken is not valid. Reason: it is not one that this operation gave.")
	}
	return n, string(b), nil
}

// cut keeps n entries of a list that may have one more, and returns the token of the next page.
func cut[T any](list []T, n int64, name func(T) string) ([]T, string) {
	if int64(len(list)) <= n {
		return list, ""
	}
	return list[:n], base64.RawURLEncoding.EncodeToString([]byte(name(list[n-1])))
}
