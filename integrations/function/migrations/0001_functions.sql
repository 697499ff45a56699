-- Functions and their code. config is JSON; code names a row of function_code, '' is code
-- from elsewhere: a folder or a program. Times are ms since 1970.
CREATE TABLE function_function (
	name     TEXT   NOT NULL PRIMARY KEY,
	config   TEXT   NOT NULL,
	code     TEXT   NOT NULL,
	revision TEXT   NOT NULL,
	created  BIGINT NOT NULL,
	modified BIGINT NOT NULL
);
CREATE INDEX function_function_code ON function_function (code) WHERE code <> '';

-- Zip files by the SHA-256 of their bytes, in hexadecimal.
CREATE TABLE function_code (
	sha256 TEXT   NOT NULL PRIMARY KEY,
	size   BIGINT NOT NULL,
	zip    BLOB   NOT NULL
);
