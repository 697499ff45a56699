-- Client request tokens of transactions that were written, and a digest of what
-- each asked for.
CREATE TABLE table_token (
	token   TEXT PRIMARY KEY,
	request TEXT NOT NULL,
	expires BIGINT NOT NULL
);
CREATE INDEX table_token_expires ON table_token (expires);
