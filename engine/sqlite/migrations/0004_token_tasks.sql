-- A running execution that has token tasks has status 7, by which the index of
-- executions finds it. All else that there is to tell of such tasks stands in its
-- frames and its history. One whose task's call is under way gets it with its next step.
DROP INDEX executions_list;
UPDATE executions SET status = 7 WHERE status = 1 AND id IN (SELECT execution FROM outbox WHERE kind = 4);
CREATE INDEX executions_list ON executions (status, machine);
DROP INDEX IF EXISTS outbox_tokens; -- which 0003 did for a while
DELETE FROM outbox WHERE kind = 4;
