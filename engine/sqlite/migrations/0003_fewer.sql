-- Fewer entries a commit.

-- What the first commit of an execution wrote of its history: it stays in the row
-- of an execution that ends by then or by the next commit, else that one moves it.
ALTER TABLE executions ADD COLUMN last INTEGER;
ALTER TABLE executions ADD COLUMN block BLOB;

-- The tasks that wait for their token are found in the order of the table itself.
DROP INDEX outbox_tokens;
