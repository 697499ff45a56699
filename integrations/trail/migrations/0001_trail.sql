-- Trails. selectors is JSON; '': the trail logs management events only. Times are ms since 1970, 0: never.
CREATE TABLE trail_trail (
	name           TEXT PRIMARY KEY,
	bucket         TEXT NOT NULL,
	prefix         TEXT NOT NULL,
	settings       TEXT NOT NULL,
	selectors      TEXT NOT NULL,
	logging        BIGINT NOT NULL,
	started        BIGINT NOT NULL,
	stopped        BIGINT NOT NULL,
	delivered      BIGINT NOT NULL,
	attempted      BIGINT NOT NULL,
	delivery_error TEXT NOT NULL
);

-- Records of API calls. resource is the name of the resource that the call was
-- about, resource_type its type. body is the record's JSON.
CREATE TABLE trail_record (
	at            BIGINT NOT NULL,
	id            BIGINT NOT NULL,
	category      TEXT NOT NULL,
	event_id      TEXT NOT NULL,
	event_name    TEXT NOT NULL,
	event_source  TEXT NOT NULL,
	username      TEXT NOT NULL,
	resource_type TEXT NOT NULL,
	resource      TEXT NOT NULL,
	read_only     TEXT NOT NULL,
	body          TEXT NOT NULL,
	PRIMARY KEY (at, id)
);
CREATE INDEX trail_record_management ON trail_record (at, id) WHERE category = 'Management';
CREATE INDEX trail_record_name ON trail_record (event_name, at, id) WHERE category = 'Management';
CREATE INDEX trail_record_resource ON trail_record (resource, at, id) WHERE category = 'Management';
CREATE INDEX trail_record_event ON trail_record (event_id) WHERE category = 'Management';

-- Records that a trail has yet to write into its bucket.
CREATE TABLE trail_pending (
	trail TEXT NOT NULL,
	at    BIGINT NOT NULL,
	id    BIGINT NOT NULL,
	PRIMARY KEY (trail, at, id)
);
