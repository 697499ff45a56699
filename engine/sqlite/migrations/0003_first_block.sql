-- What the first commit of an execution wrote of its history: it stays in the row
-- of an execution that ends by then or by the next commit, else that one moves it.
ALTER TABLE executions ADD COLUMN last INTEGER;
ALTER TABLE executions ADD COLUMN block BLOB;
