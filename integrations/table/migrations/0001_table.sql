-- Tables. Times are ms since 1970. stream is the id of the running or last
-- stream; sequence counts its records.
CREATE TABLE table_table (
	name       TEXT PRIMARY KEY,
	id         BIGINT NOT NULL,
	definition TEXT NOT NULL,
	created    BIGINT NOT NULL
);

-- Items. Keys are encoded so that their bytes sort as their values do.
CREATE TABLE table_item (
	table_id  BIGINT NOT NULL,
	hash_key  BYTEA NOT NULL,
	range_key BYTEA NOT NULL,
	item      TEXT NOT NULL,
	PRIMARY KEY (table_id, hash_key, range_key)
);

-- Streams: the changes of a table in the order of their commits.
CREATE TABLE table_stream (
	id         BIGINT PRIMARY KEY,
	table_name TEXT NOT NULL,
	label      TEXT NOT NULL,
	definition TEXT NOT NULL,
	created    BIGINT NOT NULL,
	ended      BIGINT NOT NULL,
	sequence   BIGINT NOT NULL
);
CREATE INDEX table_stream_table ON table_stream (table_name, id);

CREATE TABLE table_change (
	stream_id BIGINT NOT NULL,
	sequence  BIGINT NOT NULL,
	created   BIGINT NOT NULL,
	name      TEXT NOT NULL,
	item_keys TEXT NOT NULL,
	old_image TEXT NOT NULL,
	new_image TEXT NOT NULL,
	PRIMARY KEY (stream_id, sequence)
);

-- Items of tables that are gone, to be swept.
CREATE TABLE table_trash (
	table_id BIGINT PRIMARY KEY
);
