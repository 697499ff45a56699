-- Fewer entries a commit.

-- The history of an execution that its first commit ended is in its own row: one
-- insert, and nothing that is ever rewritten.
ALTER TABLE executions ADD COLUMN last INTEGER;
ALTER TABLE executions ADD COLUMN block BLOB;

-- The tasks that wait for their token are found in the order of the table itself.
DROP INDEX outbox_tokens;
