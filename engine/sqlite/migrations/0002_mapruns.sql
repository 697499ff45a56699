-- The children of a map run are executions whose machine is the run's id with a minus sign.
CREATE TABLE map_runs (
  id         INTEGER PRIMARY KEY,
  execution  INTEGER NOT NULL,
  event      INTEGER NOT NULL,
  machine    INTEGER NOT NULL,
  definition INTEGER NOT NULL,
  name       TEXT NOT NULL,
  running    INTEGER NOT NULL,
  stop       INTEGER NOT NULL,
  version    INTEGER NOT NULL,
  head       BLOB NOT NULL      -- rewritten by each step
);
CREATE UNIQUE INDEX map_runs_name ON map_runs (name);
CREATE INDEX map_runs_execution ON map_runs (execution);
CREATE INDEX map_runs_running ON map_runs (id) WHERE running = 1;

CREATE TABLE map_plans (
  run  INTEGER PRIMARY KEY,
  data BLOB NOT NULL
);

CREATE TABLE map_ends (
  run    INTEGER NOT NULL,
  child  INTEGER NOT NULL,
  status INTEGER NOT NULL,
  items  INTEGER NOT NULL,
  PRIMARY KEY (run, child)
) WITHOUT ROWID;
