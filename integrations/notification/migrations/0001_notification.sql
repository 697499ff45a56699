-- Topics. settings is JSON; sequence is the last number given out by a FIFO topic.
-- Times are ms since 1970.
CREATE TABLE notification_topic (
	name     TEXT   NOT NULL PRIMARY KEY,
	settings TEXT   NOT NULL,
	tags     TEXT   NOT NULL,
	sequence BIGINT NOT NULL,
	created  BIGINT NOT NULL
);

-- Subscriptions. token confirms one that is pending; '' is a confirmed one.
CREATE TABLE notification_subscription (
	arn      TEXT   NOT NULL PRIMARY KEY,
	topic    TEXT   NOT NULL,
	protocol TEXT   NOT NULL,
	endpoint TEXT   NOT NULL,
	settings TEXT   NOT NULL,
	token    TEXT   NOT NULL,
	created  BIGINT NOT NULL
);
CREATE UNIQUE INDEX notification_subscription_endpoint ON notification_subscription (topic, protocol, endpoint);

-- What a FIFO topic was told in the last five minutes.
CREATE TABLE notification_dedup (
	topic      TEXT   NOT NULL,
	dedup_key  TEXT   NOT NULL,
	message_id TEXT   NOT NULL,
	sequence   BIGINT NOT NULL,
	expires    BIGINT NOT NULL,
	PRIMARY KEY (topic, dedup_key)
);
CREATE INDEX notification_dedup_expires ON notification_dedup (expires);
