-- Questions put to people, and what was answered to them and to other tasks that wait
-- for their token. request and decision are JSON; status is PENDING, ANSWERING (the
-- decision is made, and on its way to the execution), APPROVED, REJECTED or EXPIRED.
-- Times are ms since 1970, 0 is none.
CREATE TABLE approval_approval (
	id        TEXT   NOT NULL PRIMARY KEY,
	execution TEXT   NOT NULL,
	event     BIGINT NOT NULL,
	number    BIGINT NOT NULL, -- of the execution; 0: not known
	machine   TEXT   NOT NULL,
	state     TEXT   NOT NULL,
	resource  TEXT   NOT NULL,
	token     TEXT   NOT NULL,
	request   TEXT   NOT NULL,
	created   BIGINT NOT NULL,
	deadline  BIGINT NOT NULL,
	status    TEXT   NOT NULL,
	decision  TEXT   NOT NULL,
	decided   BIGINT NOT NULL
);
CREATE INDEX approval_approval_number ON approval_approval (number, event);
CREATE INDEX approval_approval_decided ON approval_approval (status, decided, id);
