package table

import (
	"encoding/json"
	"fmt"

	"millrace/engine"
)

func insertStream(tx engine.Tx, st *streamRecord) error {
	def, err := json.Marshal(st.def)
	if err == nil {
		_, err = tx.Exec(`INSERT INTO table_stream (id, table_name, label, definition, created, ended, sequence) VALUES (?, ?, ?, ?, ?, 0, 0)`,
			st.id, st.table, st.label, string(def), st.created)
	}
	return wrap("start stream of table "+st.table, err)
}

func closeStream(tx engine.Tx, id, now int64) error {
	_, err := tx.Exec(`UPDATE table_stream SET ended = ? WHERE id = ?`, now, id)
	return wrap("end stream", err)
}

func streams(r engine.Reader, where string, args ...any) ([]*streamRecord, error) {
	rows, err := r.Query(`SELECT id, table_name, label, definition, created, ended, sequence FROM table_stream WHERE `+where+` ORDER BY id`, args...)
	if err != nil {
		return nil, fmt.Errorf("read streams: %w", err)
	}
	defer rows.Close()
	var all []*streamRecord
	for rows.Next() {
		st := &streamRecord{}
		var def string
		if err := rows.Scan(&st.id, &st.table, &st.label, &def, &st.created, &st.ended, &st.sequence); err != nil {
			return nil, fmt.Errorf("read streams: %w", err)
		}
		if err := json.Unmarshal([]byte(def), &st.def); err != nil {
			return nil, fmt.Errorf("definition of stream %s: %w", st.label, err)
		}
		all = append(all, st)
	}
	return all, rows.Err()
}

// insertChange appends a record. Its number is counted in the stream's row, so
// that numbers follow commits on many nodes too.
func insertChange(tx engine.Tx, stream, now int64, name, keys, before, after string) error {
	var sequence int64
	if err := scanOne(tx, []any{&sequence}, `UPDATE table_stream SET sequence = sequence + 1 WHERE id = ? RETURNING sequence`, stream); err != nil {
		return wrap("number stream record", err)
	}
	_, err := tx.Exec(`INSERT INTO table_change (stream_id, sequence, created, name, item_keys, old_image, new_image) VALUES (?, ?, ?, ?, ?, ?, ?)`,
		stream, sequence, now, name, keys, before, after)
	return wrap("add stream record", err)
}

// changes reads records without what follows from their stream.
func changes(r engine.Reader, stream, after int64, n int) ([]Record, error) {
	rows, err := r.Query(`SELECT sequence, created, name, item_keys, old_image, new_image FROM table_change
		WHERE stream_id = ? AND sequence > ? ORDER BY sequence LIMIT ?`, stream, after, n)
	if err != nil {
		return nil, fmt.Errorf("read stream: %w", err)
	}
	defer rows.Close()
	var all []Record
	for rows.Next() {
		var rec Record
		var keys, before, after string
		if err := rows.Scan(&rec.Sequence, &rec.Data.Created, &rec.EventName, &keys, &before, &after); err != nil {
			return nil, fmt.Errorf("read stream: %w", err)
		}
		rec.Data.Created /= 1000
		rec.Data.Keys, rec.Data.Old, rec.Data.New = json.RawMessage(keys), json.RawMessage(before), json.RawMessage(after)
		all = append(all, rec)
	}
	return all, rows.Err()
}

// firstChange returns the sequence of the oldest record that is left; 0: there is none.
func firstChange(r engine.Reader, stream int64) (n int64, err error) {
	err = scanOne(r, []any{&n}, `SELECT COALESCE(MIN(sequence), 0) FROM table_change WHERE stream_id = ?`, stream)
	return n, err
}
