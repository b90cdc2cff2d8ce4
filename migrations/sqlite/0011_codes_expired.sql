-- When it was told in the log that a code ran out without being used.
ALTER TABLE codes ADD COLUMN expired BIGINT;
