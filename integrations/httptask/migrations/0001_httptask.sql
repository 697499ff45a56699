-- Connections. parameters is JSON with the secrets in clear; secret ends the ARN
-- of the secret that they would be in ('': there are none). token is an OAuth
-- access token, valid until expires (0: until it is refused). version counts the
-- changes of the parameters. Times are ms since 1970, in whole seconds but for
-- expires; authorized 0 is never.
CREATE TABLE httptask_connection (
	name        TEXT   NOT NULL PRIMARY KEY,
	id          TEXT   NOT NULL,
	description TEXT   NOT NULL,
	kms_key     TEXT   NOT NULL,
	kind        TEXT   NOT NULL,
	parameters  TEXT   NOT NULL,
	state       TEXT   NOT NULL,
	reason      TEXT   NOT NULL,
	secret      TEXT   NOT NULL,
	token       TEXT   NOT NULL,
	expires     BIGINT NOT NULL,
	version     BIGINT NOT NULL,
	created     BIGINT NOT NULL,
	modified    BIGINT NOT NULL,
	authorized  BIGINT NOT NULL
);
