-- Event buses. revision is a new id at each change of the bus's rules or targets.
-- Times are ms since 1970, 0: always there.
CREATE TABLE eventbus_bus (
	name        TEXT PRIMARY KEY,
	description TEXT NOT NULL,
	tags        TEXT NOT NULL,
	created     BIGINT NOT NULL,
	modified    BIGINT NOT NULL,
	revision    BIGINT NOT NULL
);
INSERT INTO eventbus_bus (name, description, tags, created, modified, revision) VALUES ('default', '', '{}', 0, 0, 0);

CREATE TABLE eventbus_rule (
	bus         TEXT NOT NULL,
	name        TEXT NOT NULL,
	pattern     TEXT NOT NULL,
	state       TEXT NOT NULL,
	description TEXT NOT NULL,
	role        TEXT NOT NULL,
	tags        TEXT NOT NULL,
	PRIMARY KEY (bus, name)
);

-- body is the target's JSON as PutTargets was given it.
CREATE TABLE eventbus_target (
	bus  TEXT NOT NULL,
	rule TEXT NOT NULL,
	id   TEXT NOT NULL,
	arn  TEXT NOT NULL,
	body TEXT NOT NULL,
	PRIMARY KEY (bus, rule, id)
);
CREATE INDEX eventbus_target_arn ON eventbus_target (bus, arn, rule);
