-- Event source mappings (esm/UUID) and pipes (pipe/NAME). position is the sequence
-- of the last stream record that is done; attempts counts failures of the batch
-- that follows it. Times are ms since 1970.
CREATE TABLE mapping_mapping (
	id       TEXT PRIMARY KEY,
	source   TEXT NOT NULL,
	target   TEXT NOT NULL,
	settings TEXT NOT NULL,
	enabled  BIGINT NOT NULL,
	created  BIGINT NOT NULL,
	modified BIGINT NOT NULL,
	position BIGINT NOT NULL,
	attempts BIGINT NOT NULL
);
