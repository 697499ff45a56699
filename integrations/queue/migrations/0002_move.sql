-- Moves of dead letters back to where they came from, or elsewhere (destination).
-- Times are ms since 1970; rate is messages a second, 0: any.
CREATE TABLE queue_move (
	id          BIGINT PRIMARY KEY,
	source      TEXT NOT NULL,
	destination TEXT NOT NULL,
	rate        BIGINT NOT NULL,
	status      TEXT NOT NULL,
	reason      TEXT NOT NULL,
	started     BIGINT NOT NULL,
	last_id     BIGINT NOT NULL,
	total       BIGINT NOT NULL,
	moved       BIGINT NOT NULL
);
CREATE INDEX queue_move_source ON queue_move (source, id);
