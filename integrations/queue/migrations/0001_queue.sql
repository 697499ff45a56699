-- Queues. id changes when a queue is purged: the messages of the old id are gone at once
-- and are swept later. secret signs receipt handles. Times are ms since 1970.
CREATE TABLE queue_queue (
	name     TEXT PRIMARY KEY,
	id       BIGINT NOT NULL,
	settings TEXT NOT NULL,
	tags     TEXT NOT NULL,
	secret   TEXT NOT NULL,
	created  BIGINT NOT NULL,
	modified BIGINT NOT NULL,
	purged   BIGINT NOT NULL
);
CREATE UNIQUE INDEX queue_queue_id ON queue_queue (id);

CREATE TABLE queue_message (
	id                BIGINT PRIMARY KEY,
	queue_id          BIGINT NOT NULL,
	visible           BIGINT NOT NULL,
	receives          BIGINT NOT NULL,
	sent              BIGINT NOT NULL,
	first_received    BIGINT NOT NULL,
	message_id        TEXT NOT NULL,
	body              TEXT NOT NULL,
	attributes        TEXT NOT NULL,
	system_attributes TEXT NOT NULL,
	group_id          TEXT NOT NULL,
	dedup_id          TEXT NOT NULL,
	dead_source       TEXT NOT NULL
);
CREATE INDEX queue_message_visible ON queue_message (queue_id, visible, id);
CREATE INDEX queue_message_group ON queue_message (queue_id, group_id, visible) WHERE group_id <> '';

-- What a FIFO queue was sent in the last five minutes.
CREATE TABLE queue_dedup (
	queue_id   BIGINT NOT NULL,
	dedup_key  TEXT NOT NULL,
	message_id TEXT NOT NULL,
	sequence   BIGINT NOT NULL,
	expires    BIGINT NOT NULL,
	PRIMARY KEY (queue_id, dedup_key)
);
CREATE INDEX queue_dedup_expires ON queue_dedup (expires);

-- Ids of queues that are gone, whose messages are to be swept.
CREATE TABLE queue_trash (
	queue_id BIGINT PRIMARY KEY
);
