-- One row an execution: rewritten by each step, so it holds what is small.
CREATE TABLE executions (
  id         INTEGER PRIMARY KEY,
  machine    INTEGER NOT NULL,
  name       TEXT,              -- NULL: made from the id
  status     INTEGER NOT NULL,
  version    INTEGER NOT NULL,
  wake       INTEGER,           -- ms; NULL: none
  definition INTEGER NOT NULL,
  meta       BLOB NOT NULL,
  head       BLOB NOT NULL,
  root       BLOB               -- the frame of the least number, while it lives
);
CREATE UNIQUE INDEX executions_name ON executions (machine, name) WHERE name IS NOT NULL;
CREATE INDEX executions_list ON executions (machine, status);
CREATE INDEX executions_due ON executions (wake) WHERE wake IS NOT NULL;

CREATE TABLE frames (
  execution INTEGER NOT NULL,
  frame     INTEGER NOT NULL,
  data      BLOB NOT NULL,
  PRIMARY KEY (execution, frame)
) WITHOUT ROWID;

CREATE TABLE results (
  execution INTEGER NOT NULL,
  frame     INTEGER NOT NULL,
  n         INTEGER NOT NULL,
  data      BLOB NOT NULL,
  PRIMARY KEY (execution, frame, n)
) WITHOUT ROWID;

CREATE TABLE docs (
  id        INTEGER PRIMARY KEY,
  execution INTEGER NOT NULL,
  n         INTEGER NOT NULL,
  text      BLOB NOT NULL
);
CREATE INDEX docs_order ON docs (execution, n);

CREATE TABLE history (
  id        INTEGER PRIMARY KEY,
  execution INTEGER NOT NULL,
  first     INTEGER NOT NULL,
  last      INTEGER NOT NULL,
  block     BLOB NOT NULL
);
CREATE INDEX history_order ON history (execution, first);

CREATE TABLE inbox (
  execution INTEGER NOT NULL,
  kind      INTEGER NOT NULL,
  event     INTEGER NOT NULL,
  at        INTEGER NOT NULL,
  data      BLOB NOT NULL,
  PRIMARY KEY (execution, kind, event)
) WITHOUT ROWID;

CREATE TABLE outbox (
  execution INTEGER NOT NULL,
  event     INTEGER NOT NULL,
  kind      INTEGER NOT NULL,
  activity  INTEGER,
  due       INTEGER NOT NULL,
  attempt   INTEGER NOT NULL,
  epoch     INTEGER NOT NULL,
  data      BLOB NOT NULL,
  PRIMARY KEY (execution, event)
) WITHOUT ROWID;
CREATE INDEX outbox_activity ON outbox (activity, due) WHERE activity IS NOT NULL;
CREATE INDEX outbox_calls ON outbox (execution, event) WHERE kind IN (1, 3);
CREATE INDEX outbox_tokens ON outbox (execution, event) WHERE kind = 4;

CREATE TABLE records (
  id   INTEGER PRIMARY KEY,
  kind INTEGER NOT NULL,
  name TEXT NOT NULL,
  data BLOB NOT NULL
);
CREATE UNIQUE INDEX records_name ON records (kind, name);
