package objectstore

import (
	"encoding/json"
	"fmt"
	"time"

	"millrace/engine"
)

// All SQL of the store is here: the common subset of SQLite and PostgreSQL, times
// in milliseconds, keys as bytes so that their order is that of their bytes.

const objectColumns = `object_key, size, etag, modified, headers, metadata, algorithm, checksum, file`

const (
	insertBucket = `INSERT INTO objectstore_buckets (name, region, created) VALUES (?, ?, ?)`
	selectBucket = `SELECT name, region, created FROM objectstore_buckets WHERE name = ?`
	listBuckets  = `SELECT name, region, created FROM objectstore_buckets WHERE name > ? ORDER BY name LIMIT ?`
	dropBucket   = `DELETE FROM objectstore_buckets WHERE name = ?`
	dropSettings = `DELETE FROM objectstore_settings WHERE bucket = ?`

	upsertSetting = `INSERT INTO objectstore_settings (bucket, kind, body) VALUES (?, ?, ?)
		ON CONFLICT (bucket, kind) DO UPDATE SET body = excluded.body`
	selectSetting = `SELECT body FROM objectstore_settings WHERE bucket = ? AND kind = ?`
	dropSetting   = `DELETE FROM objectstore_settings WHERE bucket = ? AND kind = ?`

	selectObject = `SELECT ` + objectColumns + `, NULL FROM objectstore_objects WHERE bucket = ? AND object_key = ?`
	selectBody   = `SELECT ` + objectColumns + `, body FROM objectstore_objects WHERE bucket = ? AND object_key = ?`
	anyObject    = `SELECT 1 FROM objectstore_objects WHERE bucket = ? LIMIT 1`
	upsertObject = `INSERT INTO objectstore_objects (bucket, ` + objectColumns + `, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (bucket, object_key) DO UPDATE SET size = excluded.size, etag = excluded.etag, modified = excluded.modified,
		headers = excluded.headers, metadata = excluded.metadata, algorithm = excluded.algorithm, checksum = excluded.checksum,
		file = excluded.file, body = excluded.body`
	dropObject = `DELETE FROM objectstore_objects WHERE bucket = ? AND object_key = ?`

	listFrom  = `SELECT ` + objectColumns + `, NULL FROM objectstore_objects WHERE bucket = ? AND object_key >= ? ORDER BY object_key LIMIT ?`
	listRange = `SELECT ` + objectColumns + `, NULL FROM objectstore_objects WHERE bucket = ? AND object_key >= ? AND object_key < ? ORDER BY object_key LIMIT ?`

	insertUpload = `INSERT INTO objectstore_uploads (id, bucket, object_key, created, headers, metadata) VALUES (?, ?, ?, ?, ?, ?)`
	selectUpload = `SELECT id, bucket, object_key, created, headers, metadata FROM objectstore_uploads WHERE id = ?`
	listUploads  = `SELECT id, bucket, object_key, created, headers, metadata FROM objectstore_uploads WHERE bucket = ? ORDER BY object_key, created, id LIMIT ?`
	dropUpload   = `DELETE FROM objectstore_uploads WHERE id = ?`

	upsertPart = `INSERT INTO objectstore_parts (upload, number, size, etag, modified, file, body) VALUES (?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (upload, number) DO UPDATE SET size = excluded.size, etag = excluded.etag, modified = excluded.modified,
		file = excluded.file, body = excluded.body`
	selectParts    = `SELECT number, size, etag, modified, file, NULL FROM objectstore_parts WHERE upload = ? ORDER BY number`
	selectPartBody = `SELECT number, size, etag, modified, file, body FROM objectstore_parts WHERE upload = ? AND number = ?`
	dropParts      = `DELETE FROM objectstore_parts WHERE upload = ?`

	findFile = `SELECT 1 FROM objectstore_objects WHERE file = ? AND file <> '' UNION ALL SELECT 1 FROM objectstore_parts WHERE file = ? AND file <> '' LIMIT 1`
)

// each calls row for every row of a query.
func each(r engine.Reader, row func(scan func(...any) error) error, query string, args ...any) error {
	rows, err := r.Query(query, args...)
	if err != nil {
		return fmt.Errorf("object store: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := row(rows.Scan); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("object store: %w", err)
	}
	return nil
}

func exec(tx engine.Tx, query string, args ...any) (int64, error) {
	n, err := tx.Exec(query, args...)
	if err != nil {
		return 0, fmt.Errorf("object store: %w", err)
	}
	return n, nil
}

func exists(r engine.Reader, query string, args ...any) (found bool, err error) {
	err = each(r, func(func(...any) error) error {
		found = true
		return nil
	}, query, args...)
	return found, err
}

// fileNamed reports whether a row names the file.
func fileNamed(r engine.Reader, file string) (bool, error) { return exists(r, findFile, file, file) }

// bucketOf returns a bucket or NoSuchBucket.
func bucketOf(r engine.Reader, name string) (*Bucket, error) {
	var b *Bucket
	err := each(r, func(scan func(...any) error) (err error) {
		b, err = scanBucket(scan)
		return err
	}, selectBucket, name)
	if err != nil {
		return nil, err
	}
	if b == nil {
		return nil, noSuchBucket(cut(name))
	}
	return b, nil
}

func scanBucket(scan func(...any) error) (*Bucket, error) {
	var b Bucket
	var created int64
	if err := scan(&b.Name, &b.Region, &created); err != nil {
		return nil, fmt.Errorf("object store: %w", err)
	}
	b.Created = time.UnixMilli(created).UTC()
	return &b, nil
}

// objectOf returns an object, with its bytes if asked and if they are in the row, or NoSuchKey.
func objectOf(r engine.Reader, bucket, key string, body bool) (*object, error) {
	query := selectObject
	if body {
		query = selectBody
	}
	var o *object
	err := each(r, func(scan func(...any) error) (err error) {
		o, err = scanObject(scan, bucket)
		return err
	}, query, bucket, []byte(key))
	if err != nil {
		return nil, err
	}
	if o == nil {
		return nil, noSuchKey(cut(key))
	}
	return o, nil
}

func scanObject(scan func(...any) error, bucket string) (*object, error) {
	o := &object{}
	var key []byte
	var modified int64
	var headers, metadata string
	err := scan(&key, &o.Size, &o.ETag, &modified, &headers, &metadata, &o.Algorithm, &o.Checksum, &o.file, &o.body)
	if err != nil {
		return nil, fmt.Errorf("object store: %w", err)
	}
	o.Bucket, o.Key, o.Modified = bucket, string(key), time.UnixMilli(modified).UTC()
	if err := json.Unmarshal([]byte(headers), &o.Headers); err != nil {
		return nil, fmt.Errorf("object store: headers of a stored object: %w", err)
	}
	if err := json.Unmarshal([]byte(metadata), &o.Metadata); err != nil {
		return nil, fmt.Errorf("object store: metadata of a stored object: %w", err)
	}
	return o, nil
}

func storeObject(tx engine.Tx, o *object) error {
	if o.file == "" && o.body == nil {
		o.body = []byte{}
	}
	_, err := exec(tx, upsertObject, o.Bucket, []byte(o.Key), o.Size, o.ETag, o.Modified.UnixMilli(),
		encodeJSON(o.Headers), encodeMap(o.Metadata), o.Algorithm, o.Checksum, o.file, o.body)
	return err
}

func deleteObject(tx engine.Tx, bucket, key string) error {
	_, err := exec(tx, dropObject, bucket, []byte(key))
	return err
}

func encodeMap(m map[string]string) string {
	if m == nil {
		return "{}"
	}
	return encodeJSON(m)
}
